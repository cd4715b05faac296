"""``hf``: loaded by Hugging Face datasets both ways, read by Polars and DuckDB, and laid out as its own writer does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from ham_cli.dataset import open_dataset
from ham_cli.exporters import hf, making
from ham_cli.exporters.wish import Wish
from ham_cli.links import Link
from tests import masked, peek
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Here, Ran
    from tests.small import Small

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
FACTS = ("lesion_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
COLUMNS = ["image", "label", "image_id", *FACTS]
BESIDE = {"README.md", "classes.txt", "LICENSE", "ATTRIBUTION.txt", "CITATION.bib", "ham-export.parquet"}
TRAIN = ("--partition", "train")

_LOAD = """
import hashlib, json, sys, warnings
from datasets import Image, disable_progress_bars, load_dataset

warnings.simplefilter("error")
disable_progress_bars()
way, root, names = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
files = {name: f"{root}/data/{name}-*.parquet" for name in names}
found = load_dataset(root) if way == "folder" else load_dataset("parquet", data_files=files)
told = {}
for name, part in found.items():
    pictures = [column for column, kind in part.features.items() if isinstance(kind, Image)]
    shapes = [[row[c] and [row[c].size, row[c].convert("RGB").getpixel((0, 0))] for c in pictures] for row in part]
    for column in pictures:
        part = part.cast_column(column, Image(decode=False))
    rows = [dict(row) for row in part]
    for row in rows:
        for column in pictures:
            if row[column]:
                row[column] = [row[column]["path"], hashlib.sha256(row[column]["bytes"]).hexdigest()]
        row["name"] = part.features["label"].int2str(row["label"])
    told[name] = {"kinds": {c: str(k) for c, k in part.features.items()}, "pictures": pictures, "shapes": shapes, "rows": rows}
print(json.dumps(told))
"""


def loaded(way: str, root: Path, where: Path, names: tuple[str, ...]) -> Any:  # noqa: ANN401  (JSON)
    """What datasets makes of an export: in a process of its own, as it writes to its home and warns."""
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(where), "HF_DATASETS_CACHE": str(where / "datasets")}
    command = [sys.executable, "-c", _LOAD, way, str(root), ",".join(names)]
    ran = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Ignoring" not in ran.stderr  # what it says of a card that it does not understand
    return json.loads(ran.stdout)


def rows_of(row: tuple[str, ...]) -> dict[str, Any]:
    """What a published row says of its image: a blank is nothing, an age is a number."""
    told = {name: value or None for name, value in zip(s.COLUMNS, row, strict=True)}
    return told | {"age": float(told["age"]) if told["age"] else None}


TOLD = {row[1]: rows_of(row) for row in (*s.TRAIN, *s.TRUTH)}


def read(folder: Path) -> pl.DataFrame:
    """All its rows, by Polars."""
    return pl.concat([pl.read_parquet(file) for file in sorted((folder / "data").iterdir())])


def features(file: Path) -> Any:  # noqa: ANN401  (JSON)
    """What a file's schema tells Hugging Face."""
    return json.loads(pq.read_schema(file).metadata[b"huggingface"])["info"]["features"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an export goes; not there yet."""
    return tmp_path / "out"


class Export:
    """Runs ``ham export hf`` into a folder."""

    def __init__(self, ham_here: Here, cache: Path, out: Path) -> None:
        self.ham_here, self.cache, self.out = ham_here, cache, out

    def __call__(self, *words: object, out: Path | None = None) -> Ran:
        ran = self.ham_here("export", "hf", out or self.out, *words, "--json", cache=self.cache)
        assert ran.code == 0, ran.err
        return ran


@pytest.fixture
def export(ham_here: Here, small_cache: Path, out: Path) -> Export:
    """Exports of the small record."""
    return Export(ham_here, small_cache, out)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A split of two parts that both have every class."""
    return masked.split_file(tmp_path / "two.csv", masked.parts_of(2))


@pytest.mark.parametrize("way", ["folder", "files"])
def test_datasets_loads_every_row_with_its_class_and_the_published_bytes(
    way: str, export: Export, small: Small, out: Path, tmp_path: Path
) -> None:
    ran = export("--masks", "--allow-missing-classes", "--shard-size", 8)
    assert (ran.result["images"], ran.result["notes"]) == (28, [s.WHY_PLANTED])
    found = loaded(way, out, tmp_path / "hf", ("train", "validation", "test"))
    assert list(found) == ["train", "validation", "test"]
    dx = {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
    for name, images in (("train", small.images), ("validation", small.validation), ("test", small.test)):
        part = found[name]
        assert part["pictures"] == ["image", "mask"]
        assert list(part["kinds"]) == ["image", "mask", *COLUMNS[1:]]
        assert part["kinds"]["label"] == f"ClassLabel(names={CLASSES})"
        assert part["kinds"]["age"] == "Value('float32')"
        # Every published image but the planted one, in the order of their ids.
        assert [row["image_id"] for row in part["rows"]] == sorted(file.removesuffix(".jpg") for file in images)
        for row, (shape, mask_shape) in zip(part["rows"], part["shapes"], strict=True):
            image_id = row["image_id"]
            assert (row["name"], row["dx"], CLASSES[row["label"]]) == (dx[image_id],) * 3
            assert row["image"] == [f"{image_id}.jpg", s.sha256(images[f"{image_id}.jpg"])]
            assert (shape[0], mask_shape and mask_shape[0]) == ([s.WIDTH, s.HEIGHT], [s.WIDTH, s.HEIGHT] if name == "train" else None)
            mask = f"{image_id}_segmentation.png"
            assert row["mask"] == ([mask, s.sha256(small.masks[mask])] if name == "train" else None)
            if name != "validation":
                assert {column: row[column] for column in ("image_id", *FACTS)} == TOLD[image_id]
            else:
                assert [row[column] for column in FACTS if column != "dx"] == [None] * 6


def test_datasets_loads_resized_images_and_two_classes(export: Export, two: Path, out: Path, tmp_path: Path) -> None:
    export("--split", two, "--grouping", "malignant", "--size", 20)
    found = loaded("folder", out, tmp_path / "hf", ("train", "test"))
    assert sum(len(part["rows"]) for part in found.values()) == 20
    for name, part in found.items():
        assert part["kinds"]["label"] == "ClassLabel(names=['malignant', 'not_malignant'])"
        assert {tuple(shape[0][0]) for shape in part["shapes"]} == {(20, 20)}
        for row in part["rows"]:
            assert masked.parts_of(2)[row["image_id"]] == name
            assert row["name"] == ("malignant" if row["dx"] in {"mel", "bcc", "akiec"} else "not_malignant")


@pytest.mark.parametrize(("crop", "size"), masked.SIZES)
def test_images_and_masks_of_a_size_are_those_of_pillow(crop: str, size: int, export: Export, small: Small, out: Path) -> None:
    export(*TRAIN, "--masks", "--size", size, "--crop", crop, "--image-format", "png")
    rows = read(out).to_dicts()
    assert len(rows) == 20
    for row in rows:
        image_id = row["image_id"]
        assert (row["image"]["path"], row["mask"]["path"]) == (f"{image_id}.png", f"{image_id}_segmentation.png")
        wanted = masked.resized(masked.seen(small.masks[f"{image_id}_segmentation.png"]), size, crop)
        assert np.array_equal(masked.seen(row["mask"]["bytes"]), wanted)
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image, Image.open(io.BytesIO(small.images[f"{image_id}.jpg"])) as whole:
            assert (image.format, image.size) == ("PNG", (size, size))
            if crop == "none":
                assert image.tobytes() == whole.resize((size, size), Image.Resampling.LANCZOS).tobytes()


def test_duckdb_and_polars_read_it_as_it_is(export: Export, two: Path, out: Path) -> None:
    export("--split", two)
    sql = "SELECT image_id, label, image.path, octet_length(image.bytes), age FROM read_parquet(?) ORDER BY image_id"
    by_duckdb = peek.query(sql, str(out / "data" / "*.parquet"))
    by_polars = [(r["image_id"], r["label"], r["image"]["path"], len(r["image"]["bytes"]), r["age"]) for r in read(out).to_dicts()]
    assert by_duckdb == sorted(by_polars)
    assert [row[:2] for row in by_duckdb] == [(i, CLASSES.index(TOLD[i]["dx"])) for i in sorted(masked.parts_of(2))]
    assert {row[0]: row[4] for row in by_duckdb} == {i: TOLD[i]["age"] for i in masked.parts_of(2)}


def test_the_challenges_order_of_classes_numbers_the_labels(export: Export, out: Path) -> None:
    export(*TRAIN, "--class-order", "challenge")
    names = [name.lower() for name in s.CHALLENGE]
    (file,) = (out / "data").iterdir()
    assert features(file)["label"] == {"names": names, "_type": "ClassLabel"}
    assert {(names[label], dx) for label, dx in read(out).select("label", "dx").iter_rows()} == {(name, name) for name in names}
    assert (out / "classes.txt").read_text().split() == names


def test_without_masks_there_is_no_such_column(export: Export, out: Path) -> None:
    export(*TRAIN)
    (file,) = (out / "data").iterdir()
    assert pq.read_schema(file).names == COLUMNS == list(features(file))


def test_shards_are_numbered_without_a_gap_and_hold_at_most_so_many(export: Export, two: Path, out: Path) -> None:
    export("--split", two, "--shard-size", 3)
    tree = {name: data for name, data in peek.tree(out).items() if name not in BESIDE}
    for part in ("train", "test"):
        ids = sorted(i for i, name in masked.parts_of(2).items() if name == part)
        count = -(-len(ids) // 3)
        files = [f"data/{part}-{n:05d}-of-{count:05d}.parquet" for n in range(count)]
        assert [name for name in tree if name.startswith(f"data/{part}-")] == files
        shards = [pl.read_parquet(tree[name])["image_id"].to_list() for name in files]
        assert [i for some in shards for i in some] == ids
        assert {len(some) for some in shards} <= {2, 3}


def test_a_row_group_has_a_hundred_rows_and_images_are_laid_in_it_as_they_are(small_cache: Path, tmp_path: Path) -> None:
    dataset = open_dataset(small_cache).partition("train")
    item = next(item for item in hf.plan(dataset, Wish(masks=True)).items if item.shard)
    assert item.shard is not None
    file = tmp_path / "many.parquet"
    many = replace(item, file=file.name, shard=replace(item.shard, samples=item.shard.samples * 12))
    making.put(making.Task(many, file.parent, Link.COPY))
    told = pq.ParquetFile(file).metadata
    assert [told.row_group(n).num_rows for n in range(told.num_row_groups)] == [100, 100, 40]
    for number in range(told.num_row_groups):
        group = told.row_group(number)
        columns = [group.column(n) for n in range(group.num_columns)]
        pictures = {c.path_in_schema: c for c in columns if c.path_in_schema.endswith(".bytes")}
        assert set(pictures) == {"image.bytes", "mask.bytes"}
        for column in pictures.values():
            assert (column.compression, column.has_dictionary_page, column.is_stats_set) == ("UNCOMPRESSED", False, False)
        assert {c.compression for c in columns if "." not in c.path_in_schema} == {"SNAPPY"}
        assert next(c for c in columns if c.path_in_schema == "image_id").statistics.min == "ISIC_0000001"
    found = pl.read_parquet(file)
    assert found["image_id"].to_list() == [f"ISIC_{n:07d}" for n in range(1, 21)] * 12
    assert found["image"].struct.field("bytes").n_unique() == 19  # two are twins


def test_the_card_says_what_the_hub_wants_to_know(export: Export, two: Path, out: Path) -> None:
    export("--split", two, "--masks", "--size", 20)
    text = (out / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    head = yaml.safe_load(front)
    kinds = {"image": "image", "mask": "image", "age": "float32"}
    names = {str(n): name for n, name in enumerate(CLASSES)}
    assert head == {
        "license": "cc-by-nc-4.0",
        "pretty_name": "A small record for tests",
        "task_categories": ["image-classification", "image-segmentation"],
        "size_categories": ["n<1K"],
        "tags": ["medical", "dermatology", "dermatoscopy", "skin-lesions"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train-*"}, {"split": "test", "path": "data/test-*"}],
            }
        ],
        "dataset_info": {
            "features": [
                {"name": name, "dtype": {"class_label": {"names": names}} if name == "label" else kinds.get(name, "string")}
                for name in ("image", "mask", *COLUMNS[1:])
            ]
        },
    }
    assert "| 4 | mel | Melanoma |" in body
    assert "https://doi.org/10.0000/SMALL" in body
    assert "resized to 20 x 20 pixels" in body
    assert (out / "CITATION.bib").read_text().strip() in body
    changed = (out / "ATTRIBUTION.txt").read_text().split("\n\n")[1]
    assert changed.splitlines() == [line.rstrip() for line in body.split("CC-BY-NC-4.0  \n\n")[1].split("\n\n")[0].splitlines()]


def test_the_card_of_a_grouping_says_what_its_sides_are(export: Export, out: Path) -> None:
    export(*TRAIN, "--grouping", "malignant")
    text = (out / "README.md").read_text()
    assert "| 0 | malignant | Actinic keratoses and intraepithelial carcinoma (Bowen's disease); Basal cell carcinoma; Melanoma |" in text
    assert "grouping malignant" in text


def test_the_list_names_each_image_with_its_digest(export: Export, small: Small, out: Path) -> None:
    export(*TRAIN, "--shard-size", 7)
    rows = peek.table(out / "ham-export.parquet")
    images = {row["image_id"]: row for row in rows if row["image_id"]}
    assert {i: (row["bytes"], row["sha256"], row["label"]) for i, row in images.items()} == {
        row[1]: (len(small.images[f"{row[1]}.jpg"]), s.sha256(small.images[f"{row[1]}.jpg"]), row[2]) for row in s.TRAIN
    }
    tree = peek.tree(out)
    assert {row["file"]: row["sha256"] for row in rows if not row["image_id"]} == {
        name: s.sha256(data) for name, data in tree.items() if name != "ham-export.parquet"
    }
    inside = {i: name for name, data in tree.items() if name.startswith("data/") for i in pl.read_parquet(data)["image_id"]}
    assert {i: row["file"] for i, row in images.items()} == inside


def test_any_number_of_jobs_makes_the_same_bytes_and_a_second_run_changes_nothing(export: Export, two: Path, tmp_path: Path) -> None:
    words = ("--split", two, "--masks", "--size", 24, "--shard-size", 4)
    trees = []
    for jobs in (1, 3):
        assert export(*words, "--jobs", jobs, out=tmp_path / f"jobs{jobs}").result["written"] is True
        trees.append(peek.tree(tmp_path / f"jobs{jobs}"))
    assert trees[0] == trees[1]
    before = peek.snapshot(tmp_path / "jobs1")
    assert export(*words, out=tmp_path / "jobs1").result["written"] is False
    assert peek.snapshot(tmp_path / "jobs1") == before


def test_of_the_real_sample_every_image_keeps_its_published_digest(
    real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, out: Path
) -> None:
    ran = ham_here("export", "hf", out, "--allow-partial", "--allow-missing-classes", "--masks", cache=real_fetch[1])
    assert ran.code == 0, ran.err
    digests = dict(pl.read_csv(real_data / "digests.csv").select("file", "sha256").iter_rows())
    rows = pl.read_parquet(out / "data" / "train-*.parquet").to_dicts()
    assert rows
    for row in rows:
        for picture in (row["image"], row["mask"]):
            if picture:
                assert s.sha256(picture["bytes"]) == digests[picture["path"]]


def test_of_a_split_that_leaks_it_is_said_here_and_on_the_hub(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    # Of the first, a sister stays in train; the others are all of their lesion.
    sides = {row[1]: "train" for row in s.TRAIN} | dict.fromkeys(("ISIC_0000017", "ISIC_0000014", "ISIC_0000009"), "test")
    split = tmp_path / "mine.csv"
    split.write_text("image_id,split\n" + "".join(f"{image_id},{part}\n" for image_id, part in sides.items()))
    ran = ham_here("export", "hf", tmp_path / "out", "--split", split, "--allow-missing-classes", "--json", cache=small_cache)
    said = "1 of 3 test images (33.3 %) show a lesion that is also in train"
    assert (ran.code, [said in one for one in ran.json["warnings"]].count(True)) == (0, 1)
    assert said in (tmp_path / "out" / "README.md").read_text()
