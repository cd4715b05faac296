"""``ham export webdataset``: loaded by webdataset and by datasets, and held against what tar says of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests import peek
from tests import small as s
from tests.masked import parts_of, split_file
from tests.test_export import CLASSES, LIST, PAPERS

if TYPE_CHECKING:
    from tests.conftest import Here, Ran
    from tests.small import Small

DX = {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
ORDER = ["mel", "nv", "bcc", "akiec", "bkl", "df", "vasc"]
"""The challenge's."""

WITH_WEBDATASET = """
import json, sys, webdataset
found = []
for sample in webdataset.WebDataset(sys.argv[1:], shardshuffle=False, empty_check=False).decode("pil"):
    image = next(sample[name] for name in ("jpg", "png") if name in sample)
    mask = sample.get("mask.png")
    found.append({
        "key": sample["__key__"], "shard": sample["__url__"], "cls": sample["cls"], "json": sample["json"], "size": image.size,
        "mode": image.mode, "pixels": image.tobytes().hex(), "mask": None if mask is None else mask.convert("L").tobytes().hex(),
        "keys": sorted(name for name in sample if not name.startswith("__")),
    })
print(json.dumps(found))
"""

WITH_DATASETS = """
import json, sys, datasets
datasets.disable_progress_bars()
found = {}
for part, rows in datasets.load_dataset("webdataset", data_files=json.loads(sys.argv[1])).items():
    found[part] = [{
        "key": row["__key__"], "cls": row["cls"], "json": row["json"], "size": row["jpg"].size, "pixels": row["jpg"].tobytes().hex(),
        "mask": row["mask.png"].tobytes().hex() if row.get("mask.png") else None,
    } for row in rows]
print(json.dumps(found))
"""


def read(program: str, *arguments: object, home: Path) -> Any:  # noqa: ANN401
    """What another library says, in a process of its own that has no network."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, cwd=home, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


class Shards:
    """Makes shards of the small record."""

    def __init__(self, ham_here: Here, cache: Path, where: Path) -> None:
        self.ham_here, self.cache, self.where = ham_here, cache, where

    def __call__(self, *words: object, name: str = "out") -> Path:
        """Run it; where they are."""
        ran = self.ran(*words, name=name)
        assert ran.code == 0, ran.err
        return self.where / name

    def ran(self, *words: object, name: str = "out") -> Ran:
        return self.ham_here("export", "webdataset", self.where / name, *words, "--json", cache=self.cache)


@pytest.fixture
def shards(ham_here: Here, small_cache: Path, tmp_path: Path) -> Shards:
    return Shards(ham_here, small_cache, tmp_path)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A split of three parts."""
    return split_file(tmp_path / "three.csv", parts_of(3))


def tars(folder: Path) -> list[Path]:
    """The shards, sorted."""
    return sorted(folder.glob("*.tar"))


def members(path: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return tar.getmembers()


def contents(folder: Path) -> dict[str, bytes]:
    """Every member of every shard, by its name."""
    found = {}
    for path in tars(folder):
        with tarfile.open(path) as tar:
            for member in tar:
                opened = tar.extractfile(member)
                assert opened is not None
                assert member.name not in found
                found[member.name] = opened.read()
    return found


def rgb(data: bytes) -> str:
    """A picture's pixels as the readers tell them."""
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes().hex()


def facts_of(row: tuple[str, ...]) -> dict[str, Any]:
    """A published row as JSON says it."""
    told: dict[str, Any] = dict(zip(s.COLUMNS, (cell or None for cell in row), strict=True))
    return told | {"age": float(row[4]) if row[4] else None}


# Loaded.


def test_webdataset_reads_every_image_class_mask_and_fact(shards: Shards, small: Small, three: Path, tmp_path: Path) -> None:
    out = shards("--split", three, "--masks", "--shard-size", 3, "--allow-missing-classes")
    found = read(WITH_WEBDATASET, *tars(out), home=tmp_path)
    assert sorted(one["key"] for one in found) == sorted(row[1] for row in s.TRAIN)
    rows = {row[1]: facts_of(row) for row in s.TRAIN}
    for one in found:
        key = one["key"]
        assert one["cls"] == CLASSES.index(DX[key])
        assert one["json"] == rows[key] | {"split": parts_of(3)[key], "label": DX[key]}
        assert Path(one["shard"]).name.startswith(f"{parts_of(3)[key]}-")
        assert (one["size"], one["mode"], one["pixels"]) == ([s.WIDTH, s.HEIGHT], "RGB", rgb(small.images[f"{key}.jpg"]))
        assert one["mask"] == Image.open(io.BytesIO(small.masks[f"{key}_segmentation.png"])).tobytes().hex()
        assert one["keys"] == ["cls", "jpg", "json", "mask.png"]


def test_datasets_reads_every_part(shards: Shards, small: Small, tmp_path: Path) -> None:
    parts = parts_of(2)
    out = shards("--split", split_file(tmp_path / "two.csv", parts), "--masks", "--shard-size", 4)
    files = {part: [str(path) for path in tars(out) if path.name.startswith(part)] for part in ("train", "test")}
    found = read(WITH_DATASETS, json.dumps(files), home=tmp_path)
    rows = {row[1]: facts_of(row) for row in s.TRAIN}
    assert {part: [one["key"] for one in some] for part, some in found.items()} == {
        part: sorted(i for i, one in parts.items() if one == part) for part in ("train", "test")
    }
    for one in [*found["train"], *found["test"]]:
        key = one["key"]
        assert (one["cls"], one["json"]) == (CLASSES.index(DX[key]), rows[key] | {"split": parts[key], "label": DX[key]})
        assert (one["size"], one["pixels"]) == ([s.WIDTH, s.HEIGHT], rgb(small.images[f"{key}.jpg"]))
        assert one["mask"] == Image.open(io.BytesIO(small.masks[f"{key}_segmentation.png"])).tobytes().hex()


def test_resized_images_and_masks_load_too(shards: Shards, tmp_path: Path) -> None:
    for form, crop in (("png", "pad"), ("jpeg", "center")):
        out = shards("--partition", "train", "--masks", "--size", 24, "--crop", crop, "--image-format", form, name=form)
        found = read(WITH_WEBDATASET, *tars(out), home=tmp_path)
        assert len(found) == 20
        assert {(*one["size"], one["mode"], len(one["mask"])) for one in found} == {(24, 24, "RGB", 2 * 24 * 24)}
        suffix = {"jpeg": "jpg"}.get(form, form)
        assert {tuple(one["keys"]) for one in found} == {tuple(sorted(("cls", suffix, "json", "mask.png")))}
    assert {name.rpartition(".")[2] for name in contents(tmp_path / "png")} == {"cls", "json", "png"}


def test_the_published_roles_are_the_parts_where_no_split_is_named(shards: Shards, small: Small, tmp_path: Path) -> None:
    out = shards("--masks", "--allow-missing-classes")
    assert [path.name for path in tars(out)] == ["test-000000.tar", "train-000000.tar", "validation-000000.tar"]
    found = {one["key"]: one for one in read(WITH_WEBDATASET, *tars(out), home=tmp_path)}
    everything = small.images | small.test | small.validation
    assert {f"{key}.jpg" for key in found} == set(everything)
    assert s.PLANTED not in found
    assert all(one["pixels"] == rgb(everything[f"{key}.jpg"]) for key, one in found.items())
    # Only training images have masks.
    assert {key for key, one in found.items() if one["mask"]} == {row[1] for row in s.TRAIN}
    assert {key for key, one in found.items() if "mask.png" in one["keys"]} == {row[1] for row in s.TRAIN}
    assert [found[key]["json"]["lesion_id"] for key in ("ISIC_0000201", "ISIC_0000101")] == [None, "HAMTEST_0000001"]


def test_the_real_images_pass_through_as_published(real_fetch: tuple[Ran, Path], real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--partition", "train", "--allow-partial", "--allow-missing-classes", "--shard-size", 40)
    assert ham_here("export", "webdataset", out, *words, cache=real_fetch[1]).code == 0
    found = contents(out)
    sample = {path.name: path.read_bytes() for path in (real_data / "sample").glob("ISIC_*.jpg")}
    assert {name: data for name, data in found.items() if name.endswith(".jpg")} == sample
    assert [len(members(path)) // 3 for path in tars(out)] == [32, 32, 32]
    loaded = read(WITH_WEBDATASET.replace("image.tobytes().hex()", '""'), *tars(out), home=tmp_path)
    assert [one["key"] for one in loaded] == sorted(name.removesuffix(".jpg") for name in sample)


# As tar files.


def test_the_members_of_a_sample_stand_together_sorted_and_say_nothing_of_who_and_when(shards: Shards, three: Path) -> None:
    out = shards("--split", three, "--masks", "--shard-size", 3, "--allow-missing-classes")
    for path in tars(out):
        found = members(path)
        names = [member.name for member in found]
        assert names == sorted(names)
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.isreg(), m.pax_headers == {}) for m in found} == {
            (0, 0, 0, "", "", 0o444, True, True)
        }
        bases = [name.partition(".")[0] for name in names]
        assert [base for n, base in enumerate(bases) if base not in bases[:n]] == bases[::4]
        assert [name.partition(".")[2] for name in names] == ["cls", "jpg", "json", "mask.png"] * (len(names) // 4)
        data = path.read_bytes()
        assert (data[257:265], len(data) % 10240) == (b"ustar\x0000", 0)
        assert not any("/" in name for name in names)


def test_tar_itself_reads_a_shard(shards: Shards, small: Small, tmp_path: Path) -> None:
    if not shutil.which("tar"):
        pytest.skip("no tar here")
    out = shards("--partition", "train")
    listed = subprocess.run(
        ["tar", "tvf", out / "train-000000.tar"], capture_output=True, text=True, check=True, env=os.environ | {"TZ": "UTC"}
    )
    lines = listed.stdout.splitlines()
    assert (listed.stderr, len(lines)) == ("", 60)
    assert all(re.match(r"-r--r--r-- +(0/0|root/root) .* 1970-01-01 00:00 ISIC_\d{7}\.(cls|jpg|json)$", line) for line in lines), lines[0]
    s.lay(tmp_path / "unpacked", {})
    subprocess.run(["tar", "xf", out / "train-000000.tar", "-C", tmp_path / "unpacked"], check=True)
    unpacked = peek.contents(tmp_path / "unpacked")
    assert {name: data for name, data in unpacked.items() if name.endswith(".jpg")} == small.images


def test_a_class_is_a_bare_number_and_facts_are_json_in_one_line(shards: Shards) -> None:
    found = contents(shards("--partition", "train"))
    for row in s.TRAIN:
        assert found[f"{row[1]}.cls"] == str(CLASSES.index(row[2])).encode()
        assert json.loads(found[f"{row[1]}.json"]) == facts_of(row) | {"split": "train", "label": row[2]}
        assert b"\n" not in found[f"{row[1]}.json"]


@pytest.mark.parametrize(
    ("size", "shares"),
    [(1, [1] * 20), (3, [3, 3, 3, 3, 3, 3, 2]), (7, [7, 7, 6]), (11, [10, 10]), (19, [10, 10]), (20, [20]), (1000, [20])],
)
def test_shards_are_numbered_without_a_gap_and_as_even_as_can_be(size: int, shares: list[int], shards: Shards) -> None:
    out = shards("--partition", "train", "--shard-size", size)
    assert [path.name for path in tars(out)] == [f"train-{number:06d}.tar" for number in range(len(shares))]
    keys = [[m.name.removesuffix(".cls") for m in members(path) if m.name.endswith(".cls")] for path in tars(out)]
    assert [len(some) for some in keys] == shares
    # Every key once in the whole export, in the order of image ids.
    assert [key for some in keys for key in some] == sorted(row[1] for row in s.TRAIN)


@pytest.mark.parametrize("words", [("--shard-size", 0), ("--shard-size", -1), ("--shard-size", "many")])
def test_a_shard_holds_at_least_one_image(words: tuple[object, ...], shards: Shards) -> None:
    ran = shards.ran(*words)
    assert (ran.code, ran.err.count("error: "), (shards.where / "out").exists()) == (2, 1, False)


def test_another_size_of_shards_is_another_export(shards: Shards) -> None:
    shards("--partition", "train", "--shard-size", 7)
    ran = shards.ran("--partition", "train", "--shard-size", 8)
    assert (ran.code, "shard size 8" in ran.json["error"]["expected"], "shard size 7" in ran.json["error"]["got"]) == (2, True, True)
    out = shards("--partition", "train", "--shard-size", 20, "--force")
    assert [path.name for path in tars(out)] == ["train-000000.tar"]


# What lies beside.


def test_classes_parts_and_papers_lie_beside(shards: Shards, three: Path) -> None:
    out = shards("--split", three, "--shard-size", 3, "--allow-missing-classes")
    assert {path.name for path in out.iterdir() if path.suffix != ".tar"} == {LIST, "classes.txt", "dataset.json", *PAPERS}
    assert (out / "classes.txt").read_text().split() == CLASSES
    count = {part: list(parts_of(3).values()).count(part) for part in ("train", "validation", "test")}
    parts = {part: {"shards": -(-samples // 3), "samples": samples} for part, samples in count.items()}
    told = {"name": s.ID, "classes": CLASSES, "parts": parts}
    assert json.loads((out / "dataset.json").read_text()) == told
    assert "byte for byte" in (out / "ATTRIBUTION.txt").read_text()


def test_the_list_names_every_shard_and_every_image_in_it(shards: Shards, small: Small) -> None:
    out = shards("--partition", "train", "--masks", "--shard-size", 9)
    rows = peek.table(out / LIST)
    files = {row["file"]: (row["bytes"], row["sha256"]) for row in rows if row["image_id"] is None}
    assert files == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in peek.tree(out).items() if name != LIST}
    inside = {row["image_id"]: row for row in rows if row["image_id"] is not None}
    assert set(inside) == {row[1] for row in s.TRAIN}
    for image_id, row in inside.items():
        image = small.images[f"{image_id}.jpg"]
        assert (row["bytes"], row["sha256"]) == (len(image), hashlib.sha256(image).hexdigest())
        assert (row["split"], row["label"]) == ("train", DX[image_id])
        assert f"{image_id}.jpg" in {member.name for member in members(out / row["file"])}


def test_of_resized_images_the_list_has_the_digests_of_what_was_written(shards: Shards) -> None:
    out = shards("--partition", "train", "--size", 20)
    found = contents(out)
    inside = {row["image_id"]: row["sha256"] for row in peek.table(out / LIST) if row["image_id"]}
    assert inside == {row[1]: hashlib.sha256(found[f"{row[1]}.jpg"]).hexdigest() for row in s.TRAIN}
    assert "Pillow" in peek.labels(out / LIST)["ham.made_with"]


# Classes.


def test_the_challenges_order_numbers_the_classes_as_the_challenge_does(shards: Shards) -> None:
    out = shards("--partition", "train", "--class-order", "challenge")
    found = contents(out)
    assert {i: int(found[f"{i}.cls"]) for i in (row[1] for row in s.TRAIN)} == {row[1]: ORDER.index(row[2]) for row in s.TRAIN}
    assert (out / "classes.txt").read_text().split() == ORDER == json.loads((out / "dataset.json").read_text())["classes"]


def test_a_grouping_has_two_classes(shards: Shards) -> None:
    out = shards("--partition", "train", "--grouping", "malignant")
    found = contents(out)
    inside = {"mel", "bcc", "akiec"}
    assert (out / "classes.txt").read_text().split() == ["malignant", "not_malignant"]
    for row in s.TRAIN:
        assert found[f"{row[1]}.cls"] == (b"0" if row[2] in inside else b"1")
        told = json.loads(found[f"{row[1]}.json"])
        assert (told["label"], told["dx"]) == ("malignant" if row[2] in inside else "not_malignant", row[2])


# The same bytes.


@pytest.mark.parametrize("words", [(), ("--size", 24, "--masks"), ("--size", 24, "--fast", "--crop", "none", "--image-format", "png")])
def test_any_number_of_jobs_makes_the_same_bytes(words: tuple[object, ...], shards: Shards, three: Path) -> None:
    trees = [
        peek.tree(shards("--split", three, "--shard-size", 3, "--allow-missing-classes", *words, "--jobs", jobs, name=f"jobs{jobs}"))
        for jobs in (1, 2, 3, 16)
    ]
    assert trees[0] == trees[1] == trees[2] == trees[3]


def test_a_second_run_changes_nothing_and_says_so(shards: Shards, ham_here: Here) -> None:
    out = shards("--partition", "train", "--size", 16, "--masks")
    before = peek.snapshot(out)
    ran = ham_here("export", "webdataset", out, "--partition", "train", "--size", 16, "--masks", cache=shards.cache)
    assert (ran.code, ran.out) == (0, f"unchanged: {out}\n")
    assert peek.snapshot(out) == before


def test_an_image_that_is_not_in_the_cache_is_left_out_and_said(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    peek.edit(
        peek.manifest(cache, "images"),
        lambda rows: [row | ({"path": None} if row["image_id"] == "ISIC_0000017" else {}) for row in rows],
    )
    shards = Shards(ham_here, cache, tmp_path)
    ran = shards.ran("--partition", "train", "--masks")
    assert (ran.code, ran.result["missing"], ran.result["images"]) == (4, ["ISIC_0000017"], 19)
    assert not [name for name in contents(tmp_path / "out") if name.startswith("ISIC_0000017")]
    assert shards.ran("--partition", "train", "--masks", "--allow-partial").code == 0


def test_a_mask_that_is_not_in_the_cache_is_said_and_its_image_is_there(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    gone = {"mask_path": None, "mask_bytes": None, "mask_sha256": None}
    peek.edit(peek.manifest(cache, "images"), lambda rows: [row | (gone if row["image_id"] == "ISIC_0000017" else {}) for row in rows])
    ran = Shards(ham_here, cache, tmp_path).ran("--partition", "train", "--masks")
    assert (ran.code, ran.result["missing"], ran.result["images"]) == (4, ["ISIC_0000017_segmentation"], 20)
    assert sorted(name for name in contents(tmp_path / "out") if name.startswith("ISIC_0000017")) == [
        f"ISIC_0000017.{suffix}" for suffix in ("cls", "jpg", "json")
    ]
