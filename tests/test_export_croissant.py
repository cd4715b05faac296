"""Descriptions in Croissant, validated and loaded by mlcroissant: every record, held against what the published files say."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

NAME, LIST, TABLE = "croissant.json", "ham-export.parquet", "images.parquet"
CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
RECOMMENDED = {"name", "description", "url", "creator", "publisher", "license", "datePublished", "version", "citeAs", "keywords"}
PARTITIONS = {row[1]: "train" for row in s.TRAIN} | {row[1]: "test" for row in s.TRUTH} | {i: "validation" for i, _ in s.VALIDATION}
DX = {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
HELD = sorted(i for i in DX if i != s.PLANTED)

LOADER = """
import hashlib, json, sys, traceback
import mlcroissant as mlc

def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "tobytes") and hasattr(value, "mode"):
        return [value.mode, list(value.size), hashlib.sha256(value.tobytes()).hexdigest()]
    return value.item() if hasattr(value, "item") else value

def load(job):
    data = mlc.Dataset(job["jsonld"], mapping=job["mapping"])
    records = {}
    for name in job["record_sets"]:
        records[name] = [{k.partition("/")[2]: plain(v) for k, v in one.items()} for one in data.records(name, filters=job["filters"])]
    told = data.metadata
    rai = [told.data_collection, told.data_biases, told.data_limitations, told.data_use_cases, told.personal_sensitive_information]
    rai += [told.data_annotation_protocol, told.annotations_per_item, told.data_collection_missing_data]
    known = {"version": told.ctx.conforms_to.value, "rai": all(rai), "issues": sorted(told.ctx.issues.errors | told.ctx.issues.warnings)}
    return {"records": records, **known, "record_sets": [one.id for one in told.record_sets]}

for line in sys.stdin:
    try:
        found = load(json.loads(line))
    except Exception:
        found = {"error": traceback.format_exc()}
    print(json.dumps(found), flush=True)
"""
"""Loads records with mlcroissant, in a process of its own, as it writes to home and its libraries warn; a line a job, for all tests."""

Job = dict[str, Any]


def job(folder: Path, *record_sets: str, filters: Mapping[str, str] | None = None, mapping: Mapping[str, str] | None = None) -> Job:
    return {"jsonld": str(folder / NAME), "record_sets": record_sets, "filters": filters, "mapping": dict(mapping or {})}


class Load(Protocol):
    """Loads what descriptions describe."""

    def __call__(self, *jobs: Job) -> list[dict[str, Any]]:
        """Give what mlcroissant makes of each."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """Load with mlcroissant, which starts once: that takes seconds."""
    home = tmp_path_factory.mktemp("home")
    surroundings = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    log = (home / "log").open("w")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-c", LOADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=surroundings, text=True
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        words, answers = process.stdin, process.stdout

        def load(*jobs: Job) -> list[dict[str, Any]]:
            found = []
            for one in jobs:
                words.write(json.dumps(one) + "\n")
                words.flush()
                said = json.loads(answers.readline() or json.dumps({"error": (home / "log").read_text()}))
                assert "error" not in said, said["error"]
                assert (said["version"], said["issues"], said["rai"]) == ("http://mlcommons.org/croissant/1.1", [], True)
                found.append(said)
            return found

        yield load
        words.close()


def pixels(data: bytes, *, rgb: bool = False) -> list[Any]:
    with Image.open(io.BytesIO(data)) as image:
        shown = image.convert("RGB") if rgb else image
        return [shown.mode, list(shown.size), hashlib.sha256(shown.tobytes()).hexdigest()]


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / NAME).read_text())
    return found


def by_id(things: Iterable[Mapping[str, Any]], key: str = "@id") -> dict[str, Any]:
    return {one[key]: one for one in things}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the export goes; not there yet."""
    return tmp_path / "out"


def exported(ham_here: Here, cache: Path, form: str, out: Path, *words: object) -> Ran:
    return ham_here("export", form, out, *words, "--json", cache=cache)


def halves(where: Path) -> Path:
    """A split of the training images by turns within their class: both parts have every class."""
    seen: dict[str, int] = {}
    lines = ["image_id,split"]
    for row in s.TRAIN:
        lines.append(f"{row[1]},{('train', 'test')[seen.get(row[2], 0) % 2]}")
        seen[row[2]] = seen.get(row[2], 0) + 1
    where.write_text("\n".join([*lines, ""]))
    return where


# The record itself.


def test_the_record_is_described_and_every_image_is_loaded(
    loaded: Load, ham_here: Here, small_cache: Path, small: Small, out: Path
) -> None:
    ran = exported(ham_here, small_cache, "croissant", out)
    assert (ran.code, ran.result["notes"]) == (0, [s.WHY_PLANTED])
    assert set(peek.tree(out)) == {NAME, TABLE, LIST, "LICENSE", "ATTRIBUTION.txt", "CITATION.bib"}
    (found,) = loaded(job(out, "images", "classes", "splits"))
    rows = by_id(found["records"]["images"], "image_id")
    everything = small.images | small.test | small.validation
    assert list(rows) == HELD
    for image_id, row in rows.items():
        image = everything[f"{image_id}.jpg"]
        mask = small.masks.get(f"{image_id}_segmentation.png")
        assert (row["split"], row["partition"], row["dx"], row["class"]) == (*[PARTITIONS[image_id]] * 2, *[DX[image_id]] * 2)
        assert (row["label"], row["fold"]) == (CLASSES.index(DX[image_id]), None)
        assert (row["file"], row["bytes"], row["sha256"]) == (f"{image_id}.jpg", len(image), s.sha256(image))
        assert (row["mask_bytes"], row["mask_sha256"]) == ((len(mask), s.sha256(mask)) if mask else (None, None))
        assert row["mask_file"] == (f"{image_id}_segmentation.png" if mask else None)
    for lesion, image_id, _, dx_type, age, sex, site, source in s.TRAIN:
        row = rows[image_id]
        assert (row["lesion_id"], row["dx_type"], row["sex"], row["localization"], row["dataset"]) == (lesion, dx_type, sex, site, source)
        assert row["age"] == (float(age) if age else None)
    assert [(row["index"], row["label"]) for row in found["records"]["classes"]] == list(enumerate(CLASSES))
    assert [row["name"] for row in found["records"]["splits"]] == ["train", "validation", "test"]


def test_what_mlcroissant_does_not_ask_for_is_there_too(ham_here: Here, small_cache: Path, small: Small, out: Path) -> None:
    assert exported(ham_here, small_cache, "croissant", out).code == 0
    ran = subprocess.run(
        [Path(sys.executable).with_name("mlcroissant"), "validate", "--jsonld", out / NAME], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, "Done." in ran.stderr, "WARNING" in ran.stderr) == (0, True, False)
    found = described(out)
    assert {name for name in RECOMMENDED if found.get(name)} == RECOMMENDED
    assert (found["name"], found["version"], found["datePublished"]) == ("A small record for tests", "1.0", "2018")
    assert (found["url"], found["license"]) == ("https://doi.org/10.0000/SMALL", small.facts["licence"]["url"])
    assert found["citeAs"].startswith("@misc{nobody2018small,")
    assert found["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    # Words that only version 1.1 has.
    assert {"containedIn", "arrayShape", "isArray", "equivalentProperty", "samplingRate"} < set(found["@context"])
    text = json.dumps(found)
    assert "Lesions are numbered and patients are not" in text
    assert "of akiec, bcc, mel every one that says it is histo" in text
    assert "1 pair of images with different lesion ids" in text


def test_published_files_are_named_with_their_addresses_and_digests(ham_here: Here, small_cache: Path, small: Small, out: Path) -> None:
    assert exported(ham_here, small_cache, "croissant", out).code == 0
    files = by_id(one for one in described(out)["distribution"] if one["@type"] == "cr:FileObject")
    own = files.pop(TABLE)
    assert (own["contentUrl"], own["sha256"]) == (TABLE, s.sha256((out / TABLE).read_bytes()))
    served = {file["original_name"] or file["name"]: file for file in small.facts["files"] if file["md5"]}
    bucket = {s.VALIDATION_INPUT: next(file for file in small.facts["bucket_files"] if file["name"] == s.VALIDATION_INPUT)}
    assert set(files) == {*served, *bucket}
    for name, file in (served | bucket).items():
        assert (files[name]["sha256"], files[name]["md5"]) == (file["sha256"], file["md5"])
        assert files[name].get("contentSize") == (f"{file['bytes']} B" if file["bytes"] else None)
    assert files[s.PART_1]["contentUrl"] == "http://127.0.0.1:9/api/access/datafile/1"
    assert files[s.METADATA]["contentUrl"] == "http://127.0.0.1:9/api/access/datafile/3?format=original"
    assert files[s.VALIDATION_INPUT]["contentUrl"] == f"http://127.0.0.1:9/bucket/{s.VALIDATION_INPUT}"


def test_published_archives_are_loaded_where_they_are_at_hand(  # noqa: PLR0913  (fixtures)
    loaded: Load, ham_here: Here, small_cache: Path, small: Small, out: Path, tmp_path: Path
) -> None:
    assert exported(ham_here, small_cache, "croissant", out).code == 0
    names = (s.PART_1, s.PART_2, s.MASKS, s.TEST, s.VALIDATION_INPUT)
    zips = s.lay(tmp_path / "zips", {name: small.zips[name] for name in names})
    sets = {"published_images": small.images, "published_test": small.test, "published_validation": small.validation}
    (found,) = loaded(job(out, *sets, "published_masks", mapping={name: str(zips / name) for name in names}))
    for name, files in sets.items():
        assert {row["image_id"]: row["image"] for row in found["records"][name]} == {i[:12]: pixels(data) for i, data in files.items()}
    masks = found["records"]["published_masks"]
    # None of what macOS left in the zip.
    assert len(masks) == 20
    assert {row["image_id"]: row["mask"] for row in masks} == {i[:12]: pixels(data) for i, data in small.masks.items()}


def test_a_split_and_other_classes_are_what_the_table_says(
    loaded: Load, ham_here: Here, small_cache: Path, out: Path, tmp_path: Path
) -> None:
    split = halves(tmp_path / "halves.csv")
    parts = dict(line.split(",") for line in split.read_text().splitlines()[1:])
    other = tmp_path / "other"
    assert exported(ham_here, small_cache, "croissant", out, "--split", split, "--class-order", "challenge").code == 0
    assert exported(ham_here, small_cache, "croissant", other, "--partition", "train", "--grouping", "malignant").code == 0
    first, second = loaded(job(out, "images", "classes", "splits"), job(other, "images", "classes"))
    order = [name.lower() for name in s.CHALLENGE]
    assert {row["image_id"]: (row["split"], row["label"]) for row in first["records"]["images"]} == {
        i: (part, order.index(DX[i])) for i, part in parts.items()
    }
    assert [row["label"] for row in first["records"]["classes"]] == order
    assert [row["name"] for row in first["records"]["splits"]] == ["train", "test"]
    malignant = {"mel", "bcc", "akiec"}
    assert {row["image_id"]: row["class"] for row in second["records"]["images"]} == {
        row[1]: "malignant" if row[2] in malignant else "not_malignant" for row in s.TRAIN
    }
    assert [(row["index"], row["label"]) for row in second["records"]["classes"]] == [(0, "malignant"), (1, "not_malignant")]
    assert [(row["label"], row["class"]) for row in second["records"]["images"]][:2] == [(0, "malignant")] * 2


def test_folds_stand_in_the_table(loaded: Load, ham_here: Here, small_cache: Path, out: Path, tmp_path: Path) -> None:
    folds = tmp_path / "folds.parquet"
    assert ham_here("split", "-o", folds, "--folds", "2", cache=small_cache).code == 0
    assert exported(ham_here, small_cache, "croissant", out, "--split", folds).code == 0
    (found,) = loaded(job(out, "images"))
    assert found["record_sets"] == ["images", "published_masks", "published_images", "classes"]
    wanted = {row["image_id"]: row["fold"] for row in pq.read_table(folds).to_pylist()}
    assert {row["image_id"]: row["fold"] for row in found["records"]["images"]} == wanted
    assert {row["split"] for row in found["records"]["images"]} == {None}


def test_a_table_alone_is_enough_and_published_digests_stand_there(
    ham_here: Here, fetch: Fetch, small: Small, tmp_path: Path, out: Path
) -> None:
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})
    assert fetch("metadata", source=source).code == 0
    assert exported(ham_here, tmp_path / "cache", "croissant", out).code == 0
    rows = pq.read_table(out / TABLE).to_pylist()
    assert {row["file"]: (row["bytes"], row["sha256"]) for row in rows} == {n: (len(b), s.sha256(b)) for n, b in small.images.items()}
    assert {row["mask_file"]: row["mask_sha256"] for row in rows} == {n: s.sha256(b) for n, b in small.masks.items()}


def test_the_same_input_is_the_same_bytes_and_a_second_run_changes_nothing(
    ham_here: Here, small_cache: Path, out: Path, tmp_path: Path
) -> None:
    assert exported(ham_here, small_cache, "croissant", out).code == 0
    copy = Path(shutil.copytree(small_cache, tmp_path / "elsewhere"))
    assert exported(ham_here, copy, "croissant", tmp_path / "other").code == 0
    assert peek.tree(out) == peek.tree(tmp_path / "other")
    assert str(tmp_path) not in (out / NAME).read_text()
    assert exported(ham_here, small_cache, "croissant", out).result["written"] is False


@pytest.mark.slow
def test_the_real_record_is_described_with_its_addresses_and_digests(
    loaded: Load, real_fetch: tuple[Ran, Path], ham_here: Here, out: Path
) -> None:
    assert exported(ham_here, real_fetch[1], "croissant", out).code == 0
    (found,) = loaded(job(out, "images"))
    counts = Counter((row["partition"], row["dx"]) for row in found["records"]["images"])
    assert {dx: counts["train", dx] for dx in CLASSES} == dict(zip(CLASSES, (327, 514, 1099, 115, 1113, 6705, 142), strict=True))
    assert {dx: counts["test", dx] for dx in CLASSES} == dict(zip(CLASSES, (43, 93, 217, 44, 171, 908, 35), strict=True))
    assert (counts.total(), len({row["group"] for row in found["records"]["images"] if row["partition"] == "train"})) == (11719, 7452)
    files = by_id(described(out)["distribution"])
    part = files["HAM10000_images_part_1.zip"]
    assert (part["contentUrl"], part["md5"], part["contentSize"]) == (
        "https://dataverse.harvard.edu/api/access/datafile/3172585",
        "4639bfa73ab251610530a97c898e6e46",
        "1366522108 B",
    )
    assert files["HAM10000_metadata"]["sha256"] == "de17ec44cb25ea9c3f6378ba18d69224c740afd62e86ec2edc6a894d6aa663d3"
    limits = " ".join(described(out)["rai:dataLimitations"])
    assert "18 pairs of images with different lesion ids" in limits


# Another export.


@pytest.mark.parametrize("size", [None, 20])
def test_an_hf_export_is_loaded_with_images_masks_labels_and_parts(  # noqa: PLR0913  (fixtures)
    loaded: Load, ham_here: Here, small_cache: Path, small: Small, out: Path, tmp_path: Path, size: int | None
) -> None:
    split = halves(tmp_path / "halves.csv")
    parts = dict(line.split(",") for line in split.read_text().splitlines()[1:])
    sized = ("--size", size, "--image-format", "png") if size else ()
    assert exported(ham_here, small_cache, "hf", out, "--split", split, "--masks", "--shard-size", "4", *sized).code == 0
    before = peek.tree(out)
    ran = exported(ham_here, small_cache, "croissant", out, "--of", out)
    assert (ran.code, ran.result["written"], ran.result["images"], ran.result["missing"]) == (0, True, 20, [])
    found, tests = loaded(job(out, "images", "files", "classes", "splits"), job(out, "images", filters={"images/split": "test"}))
    rows = by_id(found["records"]["images"], "image_id")
    assert {i: (row["split"], row["label"], row["dx"]) for i, row in rows.items()} == {
        i: (part, CLASSES.index(DX[i]), DX[i]) for i, part in parts.items()
    }
    if size is None:
        assert {i: (row["image"], row["mask"]) for i, row in rows.items()} == {
            i: (pixels(small.images[f"{i}.jpg"]), pixels(small.masks[f"{i}_segmentation.png"])) for i in parts
        }
    else:
        shards = [row for path in sorted((out / "data").iterdir()) for row in pq.read_table(path).to_pylist()]
        assert {i: (row["image"], row["mask"]) for i, row in rows.items()} == {
            row["image_id"]: (pixels(row["image"]["bytes"]), pixels(row["mask"]["bytes"])) for row in shards
        }
        assert {tuple(row["image"][1]) for row in rows.values()} == {(20, 20)}
    assert [row["label"] for row in found["records"]["classes"]] == CLASSES
    assert [row["name"] for row in found["records"]["splits"]] == ["train", "test"]
    assert {row["image_id"] for row in tests["records"]["images"]} == {i for i, part in parts.items() if part == "test"}
    after = peek.tree(out)
    assert {name: data for name, data in after.items() if name not in {NAME, LIST}} == {n: d for n, d in before.items() if n != LIST}
    assert_files_are_told(out, found["records"]["files"])


def assert_files_are_told(folder: Path, listed: Iterable[Mapping[str, Any]]) -> None:
    """Every file that lies there is in the list with its SHA-256, and what is described with a digest has that one."""
    tree = peek.tree(folder)
    whole = {row["file"]: row["sha256"] for row in listed if row["image_id"] is None}
    assert {row["file"] for row in listed} == tree.keys() - {LIST}
    for name, digest in whole.items():
        assert s.sha256(tree[name]) == digest
    objects = [one for one in described(folder)["distribution"] if one["@type"] == "cr:FileObject"]
    assert objects
    for one in objects:
        assert (one["sha256"], one["contentSize"]) == (s.sha256(tree[one["contentUrl"]]), f"{len(tree[one['contentUrl']])} B")


def test_an_imagefolder_is_loaded_by_its_files(loaded: Load, ham_here: Here, small_cache: Path, small: Small, out: Path) -> None:
    assert exported(ham_here, small_cache, "imagefolder", out, "--partition", "train", "--masks", "--link", "hard").code == 0
    assert exported(ham_here, small_cache, "croissant", out, "--of", out).code == 0
    (found,) = loaded(job(out, "images", "masks", "files", "classes"))
    assert {(row["image_id"], row["file"]) for row in found["records"]["images"]} == {(i, f"train/{DX[i]}/{i}.jpg") for i in HELD[:20]}
    for records, shown, files, ending in (("images", "image", small.images, ".jpg"), ("masks", "mask", small.masks, "_segmentation.png")):
        rows = found["records"][records]
        assert {row["image_id"]: row[shown] for row in rows} == {row[1]: pixels(files[row[1] + ending], rgb=True) for row in s.TRAIN}
    assert {(row["image_id"], row["label"]) for row in found["records"]["files"] if row["image_id"]} == {(i, DX[i]) for i in HELD[:20]}
    assert_files_are_told(out, found["records"]["files"])
    # The files still share their bytes with the cache: the export is the same one.
    assert exported(ham_here, small_cache, "croissant", out, "--of", out).result["written"] is False
    assert (out / "train/mel/ISIC_0000016.jpg").stat().st_nlink > 1


def test_tables_are_loaded_by_their_columns(loaded: Load, ham_here: Here, small_cache: Path, out: Path, tmp_path: Path) -> None:
    other = tmp_path / "isic"
    assert exported(ham_here, small_cache, "csv", out).code == 0
    assert exported(ham_here, small_cache, "isic", other, "--partition", "test").code == 0
    for folder in (out, other):
        assert exported(ham_here, small_cache, "croissant", folder, "--of", folder).code == 0
    truth = "table_ISIC2018_Task3_Test_GroundTruth"
    first, second = loaded(job(out, "table_HAM10000_metadata", truth, "files"), job(other, truth, "images", "files"))
    assert [tuple(row.values()) for row in first["records"]["table_HAM10000_metadata"]] == [
        (*row[:4], float(row[4]) if row[4] else None, *row[5:]) for row in s.TRAIN
    ]
    assert len(first["records"][truth]) == 5
    assert {row["image"]: next(c for c in s.CHALLENGE if row[c] == 1) for row in second["records"][truth]} == {
        row[1]: row[2].upper() for row in s.TRUTH
    }
    assert len(second["records"]["images"]) == 4
    assert_files_are_told(out, first["records"]["files"])
    assert_files_are_told(other, second["records"]["files"])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["webdataset", "coco", "npz", "yolo", "tfds"])
def test_the_other_formats_are_described_with_every_file(loaded: Load, ham_here: Here, small_cache: Path, out: Path, form: str) -> None:
    sized = ("--size", "28") if form == "npz" else ()
    assert exported(ham_here, small_cache, form, out, "--partition", "train", *sized).code == 0
    ran = exported(ham_here, small_cache, "croissant", out, "--of", out)
    assert ran.code == 0, ran.out
    (found,) = loaded(job(out, "files", "classes", "splits"))
    assert_files_are_told(out, found["records"]["files"])
    assert [row["label"] for row in found["records"]["classes"]] == CLASSES
    assert {row["image_id"] for row in found["records"]["files"]} - {None} == set(HELD[:20])


def test_the_description_is_a_part_of_the_export_until_that_is_made_again(ham_here: Here, small_cache: Path, out: Path) -> None:
    words = ("--partition", "train", "--shard-size", "7")
    assert exported(ham_here, small_cache, "hf", out, *words).code == 0
    before = peek.tree(out)
    assert exported(ham_here, small_cache, "croissant", out, "--of", out).code == 0
    described_once = peek.tree(out)
    rows = by_id(pq.read_table(out / LIST).to_pylist(), "file")
    assert rows[NAME]["sha256"] == s.sha256(described_once[NAME])
    assert exported(ham_here, small_cache, "croissant", out, "--of", out).result["written"] is False
    # Also where it is forced nothing of the export is written.
    stamps = {path: path.stat().st_mtime_ns for path in (out / "data").iterdir()}
    assert exported(ham_here, small_cache, "croissant", out, "--of", out, "--force").result["written"] is True
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert peek.tree(out) == described_once
    # Beside files of another time a description may be wrong: the export's own command puts it away.
    assert exported(ham_here, small_cache, "hf", out, *words).result["written"] is True
    assert peek.tree(out) == before


# What cannot be.


def test_what_is_no_export_to_describe_is_refused(ham_here: Here, small_cache: Path, out: Path, tmp_path: Path) -> None:
    def refused(folder: Path, of: Path, *words: object) -> str:
        ran = exported(ham_here, small_cache, "croissant", folder, "--of", of, *words)
        assert ran.code == 2, ran.out
        what: str = ran.json["error"]["what"]
        return what

    assert refused(out, out) == "no export of ham lies there"
    assert not out.exists()
    assert exported(ham_here, small_cache, "imagefolder", out, "--partition", "train").code == 0
    before = peek.tree(out)
    assert refused(tmp_path / "other", out) == "a file of the export that is described is not there, or altered"
    assert refused(tmp_path / "other", out, "--force") == "a file of the export that is described is not there, or altered"
    assert not (tmp_path / "other").exists()
    for words in (("--only", "dx=mel"), ("--partition", "test"), ("--grouping", "malignant"), ("--class-order", "challenge")):
        assert refused(out, out, *words) == "--of describes an export as it is"
    assert peek.tree(out) == before
    record = tmp_path / "record"
    assert exported(ham_here, small_cache, "croissant", record).code == 0
    assert refused(record, record) == "this export is a description itself"


def test_an_export_that_was_changed_or_is_not_finished_is_refused(ham_here: Here, small_cache: Path, out: Path, small: Small) -> None:
    assert exported(ham_here, small_cache, "imagefolder", out, "--partition", "train", "--link", "copy").code == 0
    image = out / "train" / "df" / "ISIC_0000003.jpg"
    image.write_bytes(small.images["ISIC_0000003.jpg"] + b"more")
    ran = exported(ham_here, small_cache, "croissant", out, "--of", out)
    assert (ran.code, ran.json["error"]["where"]) == (2, str(image))
    image.unlink()
    assert exported(ham_here, small_cache, "croissant", out, "--of", out).code == 2
    assert not (out / NAME).exists()
    (out / LIST).rename(out / ".ham-export.unfinished.parquet")
    ran = exported(ham_here, small_cache, "croissant", out, "--of", out)
    assert (ran.code, ran.json["error"]["what"]) == (2, "this export is not finished")


def test_an_export_of_another_record_is_refused(ham_here: Here, small_cache: Path, out: Path) -> None:
    assert exported(ham_here, small_cache, "csv", out).code == 0
    table = pq.read_table(out / LIST)
    labels = dict(table.schema.metadata) | {b"ham.record": b"other-1.0"}
    pq.write_table(table.cast(pa.schema(list(table.schema), labels)), out / LIST)
    ran = exported(ham_here, small_cache, "croissant", out, "--of", out)
    assert (ran.code, ran.json["error"]["what"]) == (2, "this export is of another record")
