"""Exports: the published bytes in other folders, listed, licensed, finished when interrupted, and nothing of anybody else's touched."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from tests import peek
from tests import small as s
from tests.conftest import typed
from tests.masked import parts_of, split_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Command, Fetch, Here, Ran
    from tests.small import Small

LIST = "ham-export.parquet"
UNFINISHED = ".ham-export.unfinished.parquet"
PAPERS = {"LICENSE", "ATTRIBUTION.txt", "CITATION.bib"}
CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
BESIDE = {*PAPERS, "classes.txt", "class_to_idx.json", LIST}

FOLDER = ("export", "imagefolder")
TRAIN = (*FOLDER, "OUT", "--partition", "train")
"""All training images: every class is there."""

WAYS = ("auto", "hard", "sym", "copy")

PATIENCE = 60.0
"""Seconds until a process that does not do what it should is given up."""


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A split of two parts that both have every class."""
    return split_file(tmp_path / "two.csv", parts_of(2))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an export goes; not there yet."""
    return tmp_path / "out"


class Export:
    """Runs ``ham export`` into a folder from a cache."""

    def __init__(self, ham_here: Here, cache: Path, out: Path) -> None:
        self.ham_here, self.cache, self.out = ham_here, cache, out

    def __call__(self, *words: object) -> Ran:
        """Run it; the word OUT is the destination."""
        return self.ham_here(*(self.out if word == "OUT" else word for word in words), "--json", cache=self.cache)


@pytest.fixture
def export(ham_here: Here, small_cache: Path, out: Path) -> Export:
    """Exports of the small record, which only read its cache."""
    return Export(ham_here, small_cache, out)


@pytest.fixture
def mine(ham_here: Here, cache: Path, out: Path) -> Export:
    """Exports of a cache of one's own."""
    return Export(ham_here, cache, out)


def filed(small: Small, parts: dict[str, str], classes: dict[str, str] | None = None) -> dict[str, bytes]:
    """The tree of images by part and class, with their published bytes."""
    dx = classes or {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
    everything = small.images | small.test | small.validation
    folders = {"train": "train", "validation": "val", "test": "test"}
    return {f"{folders[part]}/{dx[i]}/{i}.jpg": everything[f"{i}.jpg"] for i, part in parts.items()}


def images_in(folder: Path) -> dict[str, bytes]:
    """What lies in an export beside lists and papers."""
    return {name: data for name, data in peek.tree(folder).items() if name not in BESIDE}


def as_torchvision(folder: Path) -> dict[str, int]:
    """A folder's classes as torchvision's ``find_classes`` numbers them."""
    return {name: n for n, name in enumerate(sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()))}


# csv: the published tables.


def test_csv_without_more_is_the_published_tables_byte_for_byte(export: Export, small: Small, out: Path) -> None:
    ran = export("export", "csv", "OUT")
    assert (ran.code, ran.result["files"], ran.result["images"], ran.result["written"]) == (0, 6, 0, True)
    tree = peek.tree(out)
    assert set(tree) == {s.METADATA, s.TEST_TRUTH, s.VALIDATION_TRUTH, LIST, *PAPERS}
    for name in (s.METADATA, s.TEST_TRUTH, s.VALIDATION_TRUTH):
        assert tree[name] == small.tables[name]
    assert b"nothing was changed" in tree["ATTRIBUTION.txt"]


def test_csv_of_the_real_record_has_the_published_md5s(real_fetch: tuple[Ran, Path], ham_here: Here, out: Path) -> None:
    ran = ham_here("export", "csv", out, cache=real_fetch[1])
    assert (ran.code, ran.out) == (0, f"written: {out}\n")
    assert {name: s.md5(data) for name, data in peek.tree(out).items() if name not in {LIST, *PAPERS}} == {
        "HAM10000_metadata": "8f85fb1aa29d80a2797247e434deb79d",
        "ISIC2018_Task3_Test_GroundTruth.csv": "2b5663aacc9644740f27e355cf7f369a",
        "ISIC2018_Task3_Validation_GroundTruth.csv": "806d5f330c4c5f39ca60a98275d756bb",
    }


def test_csv_of_the_seven_columns_is_the_published_seven_columns(real_data: Path, ham_here: Here, tmp_path: Path, out: Path) -> None:
    lines = (real_data / "HAM10000_metadata").read_bytes().splitlines()
    seven = b"".join(line.rpartition(b",")[0] + b"\n" for line in lines)
    assert s.md5(seven) == "70bb67f71bd23dde0bd2eda4bdcc98e5"
    source = s.lay(tmp_path / "source", {"HAM10000_metadata.csv": seven})
    assert ham_here("fetch", "metadata", "--source", source, cache=tmp_path / "cache").code == 0
    assert ham_here("export", "csv", out, cache=tmp_path / "cache").code == 0
    assert {name: s.md5(data) for name, data in peek.tree(out).items() if name not in {LIST, *PAPERS}} == {
        "HAM10000_metadata.csv": "70bb67f71bd23dde0bd2eda4bdcc98e5"
    }


def test_csv_of_a_table_received_with_tabs_is_the_published_one(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, out: Path
) -> None:
    source = s.lay(tmp_path / "source", {"HAM10000_metadata.tab": small.tables["HAM10000_metadata.tab"]})
    assert fetch("metadata", source=source).code == 0
    assert ham_here("export", "csv", out, cache=tmp_path / "cache").code == 0
    assert set(peek.tree(out)) == {s.METADATA, LIST, *PAPERS}
    assert (out / s.METADATA).read_bytes() == small.tables[s.METADATA]


def test_csv_says_why_the_test_truth_has_a_row_more(export: Export) -> None:
    assert export("export", "csv", "OUT").result["notes"] == [s.WHY_PLANTED]


def test_csv_of_an_altered_table_is_not_called_published(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, out: Path) -> None:
    table = small.tables[s.METADATA].replace(b"ISIC_0000012,mel,", b"ISIC_0000012,nv,")
    source = s.lay(tmp_path / "source", {s.METADATA: table})
    assert fetch("metadata", "--accept-altered", source=source).code == 0
    ran = ham_here("export", "csv", out, cache=tmp_path / "cache")
    assert (ran.code, (out / s.METADATA).read_bytes()) == (0, table)
    attribution = (out / "ATTRIBUTION.txt").read_text()
    assert ("nothing was changed" in attribution, "altered" in attribution or "not as published" in attribution) == (False, True)
    assert "not as published" in ran.err or "altered" in ran.err


def test_csv_of_the_challenges_truth_alone_is_that_table(real_data: Path, ham_here: Here, tmp_path: Path, out: Path) -> None:
    truth = peek.challenge_truth(real_data / "HAM10000_metadata")
    cache = tmp_path / "cache"
    assert ham_here("fetch", "metadata", "--source", s.lay(tmp_path / "source", truth), cache=cache).code == 0
    assert ham_here("export", "csv", out, cache=cache).code == 0
    assert {name: data for name, data in peek.tree(out).items() if name not in {LIST, *PAPERS}} == truth
    ran = ham_here("export", "csv", tmp_path / "train", "--partition", "train", cache=cache)
    assert (ran.code, len(pl.read_csv(tmp_path / "train" / "ham10000.csv"))) == (0, 10015)


# csv: one table of everything.


def joined(cache: Path, record: str, split: Path) -> pl.DataFrame:
    """``images.parquet`` joined with a split, by DuckDB and as text."""
    columns = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in pl.read_parquet_schema(peek.manifest(cache, "images", record)))
    reader = "read_csv" if split.suffix == ".csv" else "read_parquet"
    sql = f"SELECT {columns.replace('CAST(', 'CAST(i.')}, s.split FROM read_parquet(?) i JOIN {reader}(?) s USING (image_id) ORDER BY 1"  # noqa: S608  (our own names)
    names = [*pl.read_parquet_schema(peek.manifest(cache, "images", record)), "split"]
    found = peek.query(sql, str(peek.manifest(cache, "images", record)), str(split))
    return pl.DataFrame(found, schema=dict.fromkeys(names, pl.String), orient="row")


@pytest.mark.parametrize("record", ["small", "real"])
def test_csv_with_a_split_is_the_images_joined_with_it(record: str, request: pytest.FixtureRequest, ham_here: Here, out: Path) -> None:
    if record == "small":
        cache, record_id, file = request.getfixturevalue("small_cache"), s.ID, out.parent / "s0.csv"
    else:
        cache, record_id, file = request.getfixturevalue("real_fetch")[1], peek.REAL, out.parent / "s0.parquet"
    assert ham_here("split", "-o", file, cache=cache).code == 0
    assert ham_here("export", "csv", out, "--split", file, cache=cache).code == 0
    name = {"small": "small.csv", "real": "ham10000.csv"}[record]
    assert set(peek.tree(out)) == {name, LIST, *PAPERS}
    data = (out / name).read_bytes()
    assert (data[:3] == b"\xef\xbb\xbf", b"\r" in data, data.endswith(b"\n")) == (False, False, True)
    found = pl.read_csv(data, infer_schema=False)
    expected = joined(cache, record_id, file)
    lower = found.with_columns(pl.col("in_record").str.to_lowercase())
    assert lower.select(expected.columns).rows() == expected.rows()
    assert found.columns == [*expected.columns[:-1], "group", "age_band", "split", "fold"]
    assert found["fold"].null_count() == len(found) == {"small": 20, "real": 10015}[record]
    kinds = {name: str(kind) for name, kind in pl.read_csv(data).schema.items()}
    assert (kinds["in_record"], kinds["age"], kinds["row"]) == ("Boolean", "Float64", "Int64")


def test_csv_groups_and_age_bands_are_those_of_the_documents(export: Export, out: Path) -> None:
    assert export("export", "csv", "OUT", "--partition", "train").code == 0
    rows = {row["image_id"]: row for row in pl.read_csv(out / "small.csv").to_dicts()}
    assert {rows["ISIC_0000012"]["group"], rows["ISIC_0000008"]["group"]} == {"HAM_0000010"}
    assert (rows["ISIC_0000008"]["age_band"], rows["ISIC_0000001"]["age_band"], rows["ISIC_0000015"]["age_band"]) == ("0-29", "75+", None)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("--partition", "test"), {row[1] for row in s.TRUTH}),
        (("--only", "dx=mel,bcc", "--partition", "train"), {row[1] for row in s.TRAIN if row[2] in {"mel", "bcc"}}),
        (("--split", "TWO", "--part", "test"), {i for i, part in parts_of(2).items() if part == "test"}),
        (("--split", "TWO", "--only", "sex=female"), {row[1] for row in s.TRAIN if row[5] == "female"}),
    ],
)
def test_csv_of_less_than_everything_has_these_rows(words: tuple[str, ...], ids: set[str], export: Export, two: Path, out: Path) -> None:
    assert export("export", "csv", "OUT", *(two if word == "TWO" else word for word in words)).code == 0
    found = [row["image_id"] for row in pl.read_csv(out / "small.csv").to_dicts()]
    assert found == sorted(ids)


def test_csv_with_a_fold_held_out_has_fold_and_part(export: Export, out: Path) -> None:
    file = out.parent / "folds.csv"
    folds = {row[1]: n % 3 for n, row in enumerate(s.TRAIN)}
    file.write_text("image_id,fold\n" + "".join(f"{i},{n}\n" for i, n in folds.items()))
    assert export("export", "csv", "OUT", "--split", file, "--fold", 1).code == 0
    found = {row["image_id"]: (row["split"], row["fold"]) for row in pl.read_csv(out / "small.csv").to_dicts()}
    assert found == {i: ("validation" if n == 1 else "train", n) for i, n in folds.items()}


def test_csv_needs_no_image(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, out: Path) -> None:
    assert fetch("metadata", source=s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})).code == 0
    assert ham_here("export", "csv", out, "--partition", "train", cache=tmp_path / "cache").code == 0
    rows = pl.read_csv(out / "small.csv")
    assert (len(rows), rows["path"].null_count(), rows["sha256"].null_count()) == (20, 20, 20)


# imagefolder: the tree.


def test_a_folder_a_part_and_class_with_the_published_bytes(export: Export, small: Small, two: Path, out: Path) -> None:
    ran = export(*FOLDER, "OUT", "--split", two)
    assert (ran.code, ran.result["images"], ran.result["files"], ran.result["missing"]) == (0, 20, 25, [])
    assert images_in(out) == filed(small, parts_of(2))
    assert set(peek.tree(out)) == {*filed(small, parts_of(2)), *BESIDE}
    assert peek.names(out) == sorted([*BESIDE, "train", "test"])


def test_every_part_numbers_its_classes_as_the_list_says(export: Export, two: Path, out: Path) -> None:
    assert export(*FOLDER, "OUT", "--split", two).code == 0
    listed = json.loads((out / "class_to_idx.json").read_text())
    assert listed == {name: n for n, name in enumerate(CLASSES)} == as_torchvision(out / "train") == as_torchvision(out / "test")
    assert (out / "classes.txt").read_text() == "".join(f"{name}\n" for name in CLASSES)


def test_of_some_classes_only_the_list_too_numbers_those(export: Export, out: Path) -> None:
    file = split_file(out.parent / "three.csv", parts_of(3))
    assert export(*FOLDER, "OUT", "--split", file, "--only", "dx=nv,mel").code == 0
    for part in ("train", "val", "test"):
        assert as_torchvision(out / part) == {"mel": 0, "nv": 1}
    assert json.loads((out / "class_to_idx.json").read_text()) == {"mel": 0, "nv": 1}
    assert (out / "classes.txt").read_text() == "mel\nnv\n"


def test_validation_is_val(export: Export, small: Small, out: Path) -> None:
    file = split_file(out.parent / "three.csv", parts_of(3))
    assert export(*FOLDER, "OUT", "--split", file, "--only", "dx=mel,nv").code == 0
    wanted = {row[1] for row in s.TRAIN if row[2] in {"mel", "nv"}}
    assert images_in(out) == filed(small, {i: part for i, part in parts_of(3).items() if i in wanted})
    assert {name for name in peek.names(out) if name not in BESIDE} == {"train", "val", "test"}


def test_without_a_split_the_published_partitions_are_the_parts_and_the_planted_row_is_left_out(
    export: Export, small: Small, out: Path
) -> None:
    ran = export(*FOLDER, "OUT", "--allow-missing-classes")
    parts = {row[1]: "train" for row in s.TRAIN} | {i: "validation" for i, _ in s.VALIDATION}
    parts |= {row[1]: "test" for row in s.TRUTH if row[1] != s.PLANTED}
    assert (ran.code, ran.result["images"], ran.result["notes"]) == (0, 28, [s.WHY_PLANTED])
    assert images_in(out) == filed(small, parts)
    assert s.PLANTED not in "".join(peek.tree(out))


def test_one_part_alone_is_one_folder(export: Export, small: Small, two: Path, out: Path) -> None:
    assert export(*FOLDER, "OUT", "--split", two, "--part", "test").code == 0
    assert images_in(out) == filed(small, {i: part for i, part in parts_of(2).items() if part == "test"})


@pytest.mark.parametrize("words", [(), ("--partition", "test"), ("--partition", "validation")])
def test_a_part_without_a_class_is_exit_3_and_nothing_is_written(words: tuple[str, ...], export: Export, out: Path) -> None:
    ran = export(*FOLDER, "OUT", *words)
    error = ran.json["error"]
    assert (ran.code, "--allow-missing-classes" in error["next"], out.exists()) == (3, True, False)
    assert ("akiec" in error["got"], "mel" in error["got"]) == (True, False)


def test_a_missing_class_may_be_allowed(export: Export, small: Small, out: Path) -> None:
    assert export(*FOLDER, "OUT", "--partition", "test", "--allow-missing-classes").code == 0
    assert images_in(out) == filed(small, {row[1]: "test" for row in s.TRUTH if row[1] != s.PLANTED})


def test_folds_without_one_held_out_are_wrong_usage_and_with_one_they_are_parts(export: Export, small: Small, out: Path) -> None:
    file = out.parent / "folds.csv"
    folds = {i: ("train", "test").index(part) for i, part in parts_of(2).items()}
    file.write_text("image_id,fold\n" + "".join(f"{i},{n}\n" for i, n in folds.items()))
    ran = export(*FOLDER, "OUT", "--split", file)
    assert (ran.code, "--fold" in ran.json["error"]["next"], out.exists()) == (2, True, False)
    assert export(*FOLDER, "OUT", "--split", file, "--fold", 1).code == 0
    assert images_in(out) == filed(small, {i: "validation" if n == 1 else "train" for i, n in folds.items()})


# imagefolder: images that are not there.


@pytest.fixture
def without_two(small: Small, fetch: Fetch, tmp_path: Path) -> Path:
    """A cache that has not got two of the twenty images."""
    kept = {n: d for n, d in small.images.items() if n not in {"ISIC_0000001.jpg", "ISIC_0000017.jpg"}}
    source = s.lay(tmp_path / "source", kept | {s.METADATA: small.tables[s.METADATA]})
    assert fetch("--allow-partial", source=source, cache=tmp_path / "partial").code == 0
    return tmp_path / "partial"


def test_missing_images_are_counted_and_exit_4_and_allowed_they_are_0(without_two: Path, ham_here: Here, small: Small, out: Path) -> None:
    words = (*FOLDER, out, "--partition", "train")
    ran = ham_here(*words, "--json", cache=without_two)
    assert (ran.code, ran.result["missing"], ran.result["images"]) == (4, ["ISIC_0000001", "ISIC_0000017"], 18)
    assert [("2 images" in w, "ISIC_0000001" in w) for w in ran.json["warnings"]] == [(True, True)]
    here = {row[1]: "train" for row in s.TRAIN if row[1] not in ran.result["missing"]}
    assert images_in(out) == filed(small, here)
    assert b"a part of" in (out / "ATTRIBUTION.txt").read_bytes()
    ran = ham_here(*words, "--allow-partial", "--json", cache=without_two)
    assert (ran.code, ran.result["missing"], ran.result["written"]) == (0, ["ISIC_0000001", "ISIC_0000017"], False)


def test_what_was_missing_is_added_when_it_has_come(without_two: Path, small: Small, fetch: Fetch, ham_here: Here, out: Path) -> None:
    words = (*FOLDER, out, "--partition", "train", "--json")
    assert ham_here(*words, cache=without_two).code == 4
    before = peek.snapshot(out)
    more = s.lay(out.parent / "more", {n: small.images[n] for n in ("ISIC_0000001.jpg", "ISIC_0000017.jpg")})
    assert fetch("images", source=more, cache=without_two).code == 0
    ran = ham_here(*words, cache=without_two)
    assert (ran.code, ran.result["missing"], ran.result["written"]) == (0, [], True)
    assert images_in(out) == filed(small, {row[1]: "train" for row in s.TRAIN})
    after = peek.snapshot(out)
    assert {n: f for n, f in after.items() if n in before and n.endswith(".jpg")} == {n: f for n, f in before.items() if n.endswith(".jpg")}


def test_no_image_at_all_is_exit_4_and_says_what_to_fetch(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, out: Path) -> None:
    assert fetch("metadata", source=s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})).code == 0
    for words in ((), ("--allow-partial", "--allow-missing-classes")):
        ran = ham_here(*FOLDER, out, *words, "--json", cache=tmp_path / "cache")
        assert (ran.code, "ham fetch" in ran.json["error"]["next"], out.exists()) == (4, True, False)


def test_an_empty_cache_is_exit_4(ham_here: Here, tmp_path: Path, out: Path) -> None:
    for name in ("csv", "imagefolder"):
        ran = ham_here("export", name, out, "--json", cache=tmp_path / "none")
        assert (ran.code, "ham fetch metadata" in ran.json["error"]["next"], out.exists()) == (4, True, False)


@pytest.mark.parametrize("link", WAYS)
def test_an_image_that_vanished_from_the_cache_is_one_clear_error_that_names_it(link: str, mine: Export) -> None:
    gone = mine.cache / s.ID / "images" / "ISIC_0000010.jpg"
    gone.unlink()
    ran = mine(*TRAIN, "--link", link)
    assert ran.code in {4, 5}, ran.out
    assert (ran.err.count("error: "), "ISIC_0000010" in ran.err, "Traceback" in ran.err, "bug" in ran.err) == (1, True, False, False)
    assert not (mine.out / LIST).exists()
    assert not any(path.is_symlink() and not path.exists() for path in mine.out.rglob("*"))


@pytest.mark.parametrize("link", ["auto", "copy"])
@pytest.mark.parametrize("how", ["one byte", "cut short", "empty"])
def test_an_image_that_was_changed_in_the_cache_is_not_passed_off_as_the_published_one(how: str, link: str, mine: Export) -> None:
    image = mine.cache / s.ID / "images" / "ISIC_0000010.jpg"
    if how == "one byte":
        peek.flip(image)
    else:
        image.write_bytes(image.read_bytes()[:-200] if how == "cut short" else b"")
    ran = mine(*TRAIN, "--link", link)
    assert ran.code in {3, 4, 5}
    assert "ISIC_0000010" in ran.err
    assert not (mine.out / LIST).exists() or not (mine.out / "train" / "vasc" / "ISIC_0000010.jpg").exists()


# What an export says of itself.


@pytest.mark.parametrize("words", [("export", "csv", "OUT"), ("export", "csv", "OUT", "--partition", "train"), TRAIN])
def test_the_list_names_every_file_with_its_size_and_sha256(words: tuple[str, ...], export: Export, out: Path) -> None:
    ran = export(*words)
    assert ran.code == 0
    rows = peek.table(out / LIST)
    assert {r["file"]: (r["bytes"], r["sha256"]) for r in rows} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in peek.tree(out).items() if name != LIST
    }
    assert [r["file"] for r in rows] == sorted(r["file"] for r in rows)
    lines = [f'["{row["file"]}", "{row["sha256"]}"]\n' for row in rows]
    assert ran.result["input_digest"] == peek.options(out / LIST)["input_digest"] == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_list_tells_image_part_and_class(export: Export, out: Path) -> None:
    file = split_file(out.parent / "three.csv", parts_of(3))
    assert export(*FOLDER, "OUT", "--split", file, "--only", "dx=mel,nv").code == 0
    dx = {row[1]: row[2] for row in s.TRAIN}
    rows = peek.query("SELECT image_id, split, label FROM read_parquet(?) WHERE image_id IS NOT NULL", str(out / LIST))
    assert set(rows) == {(i, part, dx[i]) for i, part in parts_of(3).items() if dx[i] in {"mel", "nv"}}
    others = peek.query("SELECT count(*) FROM read_parquet(?) WHERE image_id IS NULL AND split IS NULL AND label IS NULL", str(out / LIST))
    assert others == [(5,)]


def test_the_list_says_what_was_asked(export: Export, two: Path, out: Path) -> None:
    assert export(*FOLDER, "OUT", "--split", two, "--part", "test", "--only", "sex=male,female").code == 0
    labels, options = peek.labels(out / LIST), peek.options(out / LIST)
    assert (labels["ham.schema"], labels["ham.record"]) == ("1", s.ID)
    assert (options["format"], options["split_digest"], options["part"]) == ("imagefolder", peek.split_digest(peek.parts(two)), "test")
    assert options["only"] == {"sex": ["female", "male"]}
    assert str(out.parent) not in json.dumps(labels)


@pytest.mark.parametrize("words", [("export", "csv", "OUT"), TRAIN, (*FOLDER, "OUT", "--only", "dx=mel", "--allow-missing-classes")])
def test_licence_attribution_and_citation_lie_beside_the_data(words: tuple[str, ...], export: Export, small: Small, out: Path) -> None:
    assert export(*words).code == 0
    texts = {name: (out / name).read_text() for name in PAPERS}
    licence, citation = small.facts["licence"], small.facts["citations"][0]
    assert (licence["id"] in texts["LICENSE"], licence["url"] in texts["LICENSE"]) == (True, True)
    for words_of_it in (licence["id"], small.facts["doi"], small.facts["title"], citation["text"]):
        assert words_of_it in texts["ATTRIBUTION.txt"]
    assert f"{{{citation['key']}," in texts["CITATION.bib"]
    subset = "a part of the published ones" in texts["ATTRIBUTION.txt"]
    assert subset == (words[1] == "imagefolder")


def test_the_real_citation_names_the_descriptor_and_the_licence(real_fetch: tuple[Ran, Path], ham_here: Here, out: Path) -> None:
    assert ham_here("export", "csv", out, cache=real_fetch[1]).code == 0
    assert "10.1038/sdata.2018.161" in (out / "CITATION.bib").read_text()
    assert "https://creativecommons.org/licenses/by-nc/4.0" in (out / "LICENSE").read_text()
    assert "10.7910/DVN/DBW86T" in (out / "ATTRIBUTION.txt").read_text()


def test_the_real_images_keep_their_published_digests(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, out: Path) -> None:
    words = (*FOLDER, out, "--partition", "train", "--allow-partial", "--allow-missing-classes", "--link", "copy", "--json")
    ran = ham_here(*words, cache=real_fetch[1])
    assert (ran.code, ran.result["images"], len(ran.result["missing"])) == (0, 96, 9919)
    with (real_data / "digests.csv").open(newline="") as file:
        published = {row["file"]: row["sha256"] for row in csv.DictReader(file)}
    with (real_data / "HAM10000_metadata").open(newline="") as file:
        dx = {row["image_id"]: row["dx"] for row in csv.DictReader(file)}
    found = {name: hashlib.sha256(data).hexdigest() for name, data in images_in(out).items()}
    assert found == {f"train/{dx[p.stem]}/{p.name}": published[p.name] for p in (real_data / "sample").glob("*.jpg")}


# Again.


@pytest.mark.parametrize("words", [("export", "csv", "OUT"), TRAIN, (*TRAIN, "--link", "hard"), (*TRAIN, "--link", "sym")])
def test_a_second_run_changes_nothing_and_says_so(words: tuple[str, ...], export: Export, ham_here: Here, out: Path) -> None:
    assert export(*words).code == 0
    (out / "notes.txt").write_text("mine")
    before = peek.snapshot(out)
    ran = ham_here(*(out if word == "OUT" else word for word in words), cache=export.cache)
    assert (ran.code, ran.out) == (0, f"unchanged: {out}\n")
    assert export(*words).result["written"] is False
    assert peek.snapshot(out) == before


def test_with_force_the_same_export_is_the_same_bytes(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    (out / "notes.txt").write_text("mine")
    whole = peek.tree(out)
    assert (export(*TRAIN, "--force").code, peek.tree(out)) == (0, whole)


def test_a_file_that_is_gone_comes_back_and_the_others_stay(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    whole, before = peek.tree(out), peek.snapshot(out)
    gone = ["train/nv/ISIC_0000008.jpg", "classes.txt", "LICENSE"]
    for name in gone:
        (out / name).unlink()
    assert export(*TRAIN).result["written"] is True
    assert peek.tree(out) == whole
    after = peek.snapshot(out)
    assert {n: f for n, f in after.items() if n not in {*gone, LIST}} == {n: f for n, f in before.items() if n not in {*gone, LIST}}


def test_a_file_cut_short_is_made_whole(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    whole = peek.tree(out)
    (out / "train" / "nv" / "ISIC_0000008.jpg").write_bytes(b"\xff\xd8")
    assert export(*TRAIN).code == 0
    assert peek.tree(out) == whole


def test_exports_with_any_number_of_jobs_are_the_same_bytes(ham_here: Here, small_cache: Path, two: Path, tmp_path: Path) -> None:
    trees = []
    for jobs in (1, 2, 7):
        words = (*FOLDER, tmp_path / f"jobs{jobs}", "--split", two, "--jobs", jobs)
        assert ham_here(*words, cache=small_cache).code == 0
        trees.append(peek.tree(tmp_path / f"jobs{jobs}"))
    assert trees[0] == trees[1] == trees[2]


def test_the_way_of_linking_changes_no_byte_of_a_listed_file(ham_here: Here, small_cache: Path, tmp_path: Path) -> None:
    for link in WAYS:
        assert ham_here(*FOLDER, tmp_path / link, "--partition", "train", "--link", link, cache=small_cache).code == 0
    trees = [{n: d for n, d in peek.tree(tmp_path / link).items() if n != LIST} for link in WAYS]
    assert all(tree == trees[0] for tree in trees)


# Interrupted.


def interrupted(out: Path, *, gone: tuple[str, ...]) -> None:
    """Make a finished export one that was killed on its way."""
    (out / LIST).rename(out / UNFINISHED)
    for name in gone:
        (out / name).unlink()


def test_a_half_export_is_finished_and_what_was_done_is_not_done_again(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    whole, before = peek.tree(out), peek.snapshot(out)
    gone = ("train/vasc/ISIC_0000010.jpg", "train/vasc/ISIC_0000019.jpg", "train/nv/ISIC_0000017.jpg", "CITATION.bib")
    interrupted(out, gone=gone)
    ran = export(*TRAIN)
    assert (ran.code, ran.result["written"]) == (0, True)
    assert peek.tree(out) == whole
    after = peek.snapshot(out)
    assert {n: f for n, f in after.items() if n not in {*gone, LIST}} == {n: f for n, f in before.items() if n not in {*gone, LIST}}


def test_half_written_files_of_a_killed_export_are_gone_when_it_is_finished(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    whole = peek.tree(out)
    interrupted(out, gone=("train/nv/ISIC_0000017.jpg",))
    (out / "train" / "nv" / ".ISIC_0000017.jpg.0a1b2c3d.part").write_bytes(b"\xff\xd8 half")
    assert export(*TRAIN).code == 0
    assert peek.tree(out) == whole


def test_a_half_export_is_not_finished_as_another_one(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    interrupted(out, gone=("train/nv/ISIC_0000017.jpg",))
    before = peek.snapshot(out)
    ran = export(*TRAIN, "--only", "dx=mel,nv")
    assert (ran.code, ran.json["error"]["where"], "--force" in ran.json["error"]["next"]) == (2, str(out), True)
    assert peek.snapshot(out) == before


@contextlib.contextmanager
def held_up(image: Path, *arguments: object, cache: Path) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own that waits to open an image on which we hold a lease."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    lease = os.open(image, os.O_RDWR)
    try:
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        os.close(lease)
        pytest.skip(f"this file system gives no leases: {error}")
    command = [sys.executable, "-m", "ham_cli", *typed(*arguments, cache=cache)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        patience = time.monotonic() + PATIENCE
        while fcntl.fcntl(lease, fcntl.F_GETLEASE) == fcntl.F_WRLCK:
            if process.poll() is not None or time.monotonic() > patience:
                process.kill()
                pytest.fail(f"it never came to the leased file: {process.communicate()[1]}")
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()
        os.close(lease)
        signal.signal(signal.SIGIO, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file leases, which hold a reader up")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_an_export_that_is_ended_on_its_way_is_finished_by_the_same_command(
    number: signal.Signals, code: int, mine: Export, small: Small
) -> None:
    ham_here, out = mine.ham_here, mine.out
    words = (*FOLDER, out, "--partition", "train", "--link", "copy", "--jobs", 1)
    with held_up(mine.cache / s.ID / "images" / "ISIC_0000010.jpg", *words, cache=mine.cache) as process:
        process.send_signal(number)
        assert (process.wait(PATIENCE), (out / LIST).exists(), (out / UNFINISHED).exists()) == (code, False, True)
    half = {name: data for name, data in images_in(out).items() if name.endswith(".jpg")}
    whole = filed(small, {row[1]: "train" for row in s.TRAIN})
    assert 0 < len(half) < 20
    assert half.items() < whole.items()
    before = peek.snapshot(out)
    ran = ham_here(*words, cache=mine.cache)
    assert (ran.code, images_in(out)) == (0, whole)
    assert {n: f for n, f in peek.snapshot(out).items() if n in half} == {n: f for n, f in before.items() if n in half}
    assert ham_here(*words, cache=mine.cache).out == f"unchanged: {out}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file leases, which hold a reader up")
def test_while_one_export_writes_another_into_the_same_folder_is_exit_6(mine: Export, small: Small) -> None:
    words = (*FOLDER, mine.out, "--partition", "train", "--link", "copy", "--jobs", 1)
    with held_up(mine.cache / s.ID / "images" / "ISIC_0000010.jpg", *words, cache=mine.cache):
        for more in ((), ("--force",)):
            ran = mine(*words, *more)
            assert (ran.code, ran.err.count("error: "), str(mine.out) in ran.err) == (6, 1, True)
        assert not (mine.out / LIST).exists()
    assert mine(*words).code == 0
    assert images_in(mine.out) == filed(small, {row[1]: "train" for row in s.TRAIN})


# What lies there already.


@pytest.mark.parametrize("words", [("export", "csv", "OUT"), TRAIN])
@pytest.mark.parametrize("lies", ["notes.txt", "train/nv/ISIC_0000008.jpg", LIST])
def test_a_folder_with_something_else_in_it_is_refused_and_force_writes_among_it(
    words: tuple[str, ...], lies: str, export: Export, out: Path
) -> None:
    s.lay(out, {lies: b"mine"})
    before = peek.snapshot(out)
    ran = export(*words)
    assert (ran.code, ran.json["error"]["where"], "--force" in ran.json["error"]["next"]) == (2, str(out), True)
    assert peek.snapshot(out) == before
    assert export(*words, "--force").code == 0
    listed = {r["file"]: r["sha256"] for r in peek.table(out / LIST)}
    tree = {name: hashlib.sha256(data).hexdigest() for name, data in peek.tree(out).items() if name != LIST}
    assert listed.items() <= tree.items()
    assert set(tree) - set(listed) <= {lies}
    if lies not in {*listed, LIST}:
        assert (out / lies).read_bytes() == b"mine"


@pytest.mark.parametrize("lies", [None, ".DS_Store", "Thumbs.db"])
def test_a_folder_with_nothing_but_what_a_file_manager_leaves_is_free(lies: str | None, export: Export, out: Path) -> None:
    left = {lies: b"x"} if lies else {}
    s.lay(out, left)
    assert export("export", "csv", "OUT").code == 0
    assert peek.tree(out).items() > left.items()


def test_missing_folders_above_the_destination_are_made(export: Export, out: Path) -> None:
    export.out = out / "of" / "mine"
    assert export("export", "csv", "OUT").code == 0
    assert (out / "of" / "mine" / LIST).is_file()


@pytest.mark.parametrize(
    "words",
    [
        (*FOLDER, "OUT", "--partition", "train", "--only", "sex=male,female"),
        (*FOLDER, "OUT", "--split", "TWO"),
        (*FOLDER, "OUT", "--split", "TWO", "--part", "train"),
        ("export", "csv", "OUT"),
        ("export", "csv", "OUT", "--partition", "train"),
    ],
)
def test_another_export_there_is_refused_and_force_replaces_it_whole(words: tuple[str, ...], export: Export, two: Path, out: Path) -> None:
    words = tuple(str(two) if word == "TWO" else word for word in words)
    assert export(*FOLDER, "OUT", "--partition", "train", "--only", "dx=akiec,bcc,bkl,df,mel,nv,vasc").code == 0
    (out / "notes.txt").write_text("mine")
    before = peek.snapshot(out)
    ran = export(*words)
    assert (ran.code, ran.json["error"]["where"], "--force" in ran.json["error"]["next"]) == (2, str(out), True)
    assert ran.json["error"]["expected"] != ran.json["error"]["got"]
    assert peek.snapshot(out) == before
    assert export(*words, "--force").code == 0
    fresh = Export(export.ham_here, export.cache, out.parent / "fresh")
    assert fresh(*words).code == 0
    assert peek.tree(out) == peek.tree(fresh.out) | {"notes.txt": b"mine"}
    assert {p.name for p in out.rglob("*") if p.is_dir()} == {p.name for p in fresh.out.rglob("*") if p.is_dir()}


def test_another_split_of_the_same_name_is_another_export(mine: Export) -> None:
    assert mine.ham_here("split", "--name", "s", "--ratios", "1/1", cache=mine.cache).code == 0
    words = (*FOLDER, "OUT", "--split", "s", "--allow-missing-classes")
    assert mine(*words).code == 0
    before = peek.snapshot(mine.out)
    assert mine.ham_here("split", "--name", "s", "--ratios", "2/1", "--force", cache=mine.cache).code == 0
    assert (mine(*words).code, peek.snapshot(mine.out) == before) == (2, True)


def test_a_file_of_the_same_size_with_other_bytes_is_replaced(export: Export, out: Path) -> None:
    parts = parts_of(2)
    swapped = parts | {"ISIC_0000001": parts["ISIC_0000020"], "ISIC_0000020": parts["ISIC_0000001"]}
    one, other = (split_file(out.parent / name, some) for name, some in (("one.csv", parts), ("other.csv", swapped)))
    assert export("export", "csv", "OUT", "--split", one).code == 0
    before = (out / "small.csv").read_bytes()
    assert export("export", "csv", "OUT", "--split", other, "--force").code == 0
    after = (out / "small.csv").read_bytes()
    assert (len(after), after == before) == (len(before), False)
    assert {row["image_id"]: row["split"] for row in pl.read_csv(after).to_dicts()} == swapped


def test_another_record_is_another_export(export: Export, small: Small, ham_here: Here, tmp_path: Path, out: Path) -> None:
    assert export("export", "csv", "OUT").code == 0
    before = peek.snapshot(out)
    record = s.lay(tmp_path / "record", {p.name: p.read_bytes() for p in small.record.parent.iterdir()}) / "record.json"
    record.write_text(json.dumps(small.facts | {"version": "2.0"}))
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})
    assert ham_here("fetch", "metadata", "--source", source, "--record", record, cache=tmp_path / "other").code == 0
    ran = ham_here("export", "csv", out, cache=tmp_path / "other")
    assert (ran.code, peek.snapshot(out) == before) == (2, True)


@pytest.mark.parametrize("dest", ["", " ", "https://example.org/out"])
def test_what_is_no_folder_is_wrong_usage(dest: str, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(s.lay(tmp_path / "here", {}))
    ran = export("export", "csv", dest)
    assert (ran.code, ran.err.count("error: "), peek.names(Path.cwd())) == (2, 1, [])


def test_a_file_in_the_destinations_place_is_wrong_usage(export: Export, out: Path) -> None:
    out.write_bytes(b"mine")
    for more in ((), ("--force",)):
        ran = export(*TRAIN, *more)
        assert (ran.code, ran.json["error"]["where"], out.read_bytes()) == (2, str(out), b"mine")


@pytest.mark.parametrize("inside", [f"{s.ID}", f"{s.ID}/images", f"{s.ID}/new", f"{s.ID}/images/of/mine", "", "new", "other-1.0/images"])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_destination_in_the_cache_is_refused(inside: str, force: tuple[str, ...], mine: Export) -> None:
    before = peek.snapshot(mine.cache)
    mine.out = mine.cache / inside
    ran = mine("export", "csv", "OUT", *force)
    assert (ran.code, ran.json["error"] is None) == (2, False)
    assert peek.snapshot(mine.cache) == before


def test_a_destination_that_leads_into_the_cache_by_a_link_is_refused(mine: Export, tmp_path: Path) -> None:
    before = peek.snapshot(mine.cache)
    (tmp_path / "way").symlink_to(mine.cache / s.ID)
    for there in (tmp_path / "way", tmp_path / "way" / "new", tmp_path / "way" / ".." / s.ID / "new"):
        mine.out = there
        assert mine("export", "csv", "OUT", "--force").code == 2
    assert peek.snapshot(mine.cache) == before


def test_a_file_where_a_class_should_be_is_one_clear_error(export: Export, out: Path) -> None:
    s.lay(out, {"train": b"mine"})
    ran = export(*TRAIN, "--force")
    assert (ran.code, ran.err.count("error: "), "bug" in ran.err, str(out / "train") in ran.err) == (5, 1, False, True)
    assert (out / "train").read_bytes() == b"mine"


# Links.


@pytest.mark.parametrize("link", WAYS)
def test_a_link_is_what_it_says(link: str, mine: Export) -> None:
    assert mine(*TRAIN, "--link", link).code == 0
    source, made = mine.cache / s.ID / "images" / "ISIC_0000008.jpg", mine.out / "train" / "nv" / "ISIC_0000008.jpg"
    assert made.read_bytes() == source.read_bytes()
    assert (made.is_symlink(), made.resolve() == source.resolve(), made.samefile(source)) == (
        link == "sym",
        link == "sym",
        link in {"hard", "sym"},
    )


@pytest.mark.parametrize("ways", [(fetched, link) for fetched in ("copy", "hard", "sym") for link in ("auto", "copy")])
def test_who_changes_an_export_never_changes_the_cache(
    ways: tuple[str, str], small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    (fetched, link), out = ways, tmp_path / "out"
    source, cache = small.unpacked(tmp_path / "source"), tmp_path / "cache"
    assert fetch("images", "metadata", "--link", fetched, source=source).code == 0
    assert ham_here(*FOLDER, out, "--partition", "train", "--link", link, cache=cache).code == 0
    before = peek.snapshot(cache), peek.snapshot(source)
    for path in out.rglob("*.jpg"):
        assert not path.is_symlink()
        with path.open("r+b") as file:
            file.write(b"changed")
    assert (peek.snapshot(cache), peek.snapshot(source)) == before


def test_a_hard_link_to_an_image_that_is_a_symbolic_link_is_one_to_its_file(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    source = small.unpacked(tmp_path / "source")
    assert fetch("images", "metadata", "--link", "sym", source=source).code == 0
    assert ham_here(*FOLDER, tmp_path / "out", "--partition", "train", "--link", "hard", cache=tmp_path / "cache").code == 0
    made = tmp_path / "out" / "train" / "nv" / "ISIC_0000008.jpg"
    assert (made.is_symlink(), made.samefile(source / "HAM10000_images_part_1" / made.name)) == (False, True)


@pytest.mark.parametrize("link", WAYS)
def test_no_export_and_no_replacing_of_one_changes_the_cache(link: str, mine: Export, two: Path) -> None:
    before = peek.snapshot(mine.cache)
    assert mine(*TRAIN, "--link", link).code == 0
    assert mine(*FOLDER, "OUT", "--split", two, "--force", "--link", link).code == 0
    assert mine("export", "csv", "OUT", "--force").code == 0
    assert peek.snapshot(mine.cache) == before


def test_sharing_bytes_with_the_cache_is_said(ham_here: Here, small_cache: Path, tmp_path: Path) -> None:
    for link, shared in (("hard", True), ("sym", True), ("copy", False)):
        ran = ham_here(*FOLDER, tmp_path / link, "--partition", "train", "--link", link, cache=small_cache)
        assert (ran.code, "share their bytes with the cache" in ran.err) == (0, shared)


def test_an_unknown_way_of_linking_is_wrong_usage(export: Export, out: Path) -> None:
    for link in ("clone", "soft", ""):
        ran = export(*TRAIN, "--link", link)
        assert (ran.code, ran.json["error"]["expected"], out.exists()) == (2, "auto, hard, sym, copy", False)


def test_who_asks_for_copies_after_links_gets_no_links(export: Export, out: Path) -> None:
    assert export(*TRAIN, "--link", "sym").code == 0
    ran = export(*TRAIN, "--link", "copy")
    assert ran.code == 2 or not any(path.is_symlink() for path in out.rglob("*"))


# Folders and caches that lie.


def hostile(out: Path, names: list[str]) -> None:
    """Put more files into an export's list than it has."""
    blank: dict[str, Any] = {"image_id": None, "split": None, "label": None, "bytes": 6, "sha256": "0" * 64}
    peek.edit(out / LIST, lambda rows: rows + [blank | {"file": name} for name in names])


@pytest.mark.parametrize("more", [(), ("--force", "--only", "dx=mel,nv")])
@pytest.mark.parametrize(
    "name", ["../victim.txt", "train/../../victim.txt", "ABSOLUTE", "./../victim.txt", "way/victim.txt", "train/way/victim.txt", "..", ""]
)
def test_a_list_in_the_destination_cannot_delete_what_is_outside(name: str, more: tuple[str, ...], export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    victim = out.parent / "victim.txt"
    victim.write_text("mine")
    for way in (out / "way", out / "train" / "way"):
        way.symlink_to(out.parent)
    hostile(out, [str(victim) if name == "ABSOLUTE" else name])
    ran = export(*TRAIN, *more)
    assert (ran.code in {0, 2, 5}, "bug" in ran.err, victim.is_file() and victim.read_text()) == (True, False, "mine")


@pytest.mark.parametrize("name", ["train/nv/\0.jpg", "x" * 5000, "train", "train/nv", LIST, UNFINISHED, ".", "\x1b[2J"])
def test_odd_names_in_the_list_of_an_export_are_no_bug(name: str, export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    hostile(out, [name])
    ran = export(*TRAIN)
    assert (ran.code in {0, 2, 5}, "bug" in ran.err, "\x1b" in ran.err + ran.out) == (True, False, False)
    if ran.code == 0:
        assert (out / LIST).is_file()
        assert len(images_in(out)) == 20


@pytest.mark.parametrize("what", ["cut short", "no list", "another table", "newer", "options are a list"])
def test_a_damaged_list_is_no_export_of_ours(what: str, export: Export, small_cache: Path, out: Path) -> None:
    assert export(*TRAIN).code == 0
    file = out / LIST
    if what == "cut short":
        file.write_bytes(file.read_bytes()[:-100])
    elif what == "no list":
        file.write_bytes(b"")
    elif what == "another table":
        shutil.copyfile(peek.manifest(small_cache, "images"), file)
    else:
        table = pq.read_table(file)
        label = {b"ham.schema": b"99"} if what == "newer" else {b"ham.options": b"[]"}
        pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **label}), file)
    before = peek.snapshot(out)
    ran = export(*TRAIN)
    assert (ran.code in {2, 5}, ran.err.count("error: "), "bug" in ran.err) == (True, 1, False)
    assert peek.snapshot(out) == before


@pytest.mark.parametrize(
    "name", ["../../secret.jpg", "images/../../../secret.jpg", "/etc/hostname", "ABSOLUTE", "record.json", "images/.hidden"]
)
def test_a_manifest_in_the_cache_that_leads_outside_is_refused(name: str, mine: Export) -> None:
    secret = mine.cache.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    path = str(secret) if name == "ABSOLUTE" else name
    peek.edit(
        peek.manifest(mine.cache, "images"),
        lambda rows: [row | {"path": path} if row["image_id"] == "ISIC_0000008" else row for row in rows],
    )
    for link in WAYS:
        ran = mine(*TRAIN, "--link", link)
        assert (ran.code, ran.err.count("error: "), mine.out.exists()) == (5, 1, False)


@pytest.mark.parametrize(
    "lie", [("image_id", "../../outside"), ("dx", "../../outside"), ("partition", "../outside"), ("bytes", None), ("sha256", None)]
)
def test_a_manifest_in_the_cache_that_says_what_cannot_be_is_refused(lie: tuple[str, str | None], mine: Export) -> None:
    column, value = lie
    peek.edit(
        peek.manifest(mine.cache, "images"),
        lambda rows: [row | {column: value} if row["image_id"] == "ISIC_0000008" else row for row in rows],
    )
    before = peek.names(mine.out.parent)
    ran = mine(*FOLDER, "OUT", "--allow-missing-classes")
    assert (ran.code, ran.err.count("error: "), "bug" in ran.err) == (5, 1, False)
    assert peek.names(mine.out.parent) == before


# Whose folder, whose process.


def test_a_read_only_cache_is_exported_and_a_read_only_destination_is_exit_5(
    small: Small, small_cache: Path, open_path: Path, ham: Command
) -> None:
    out = s.lay(open_path / "out", {})
    out.chmod(0o777)
    with peek.unwritable(small_cache, open_path) as (cache, user):
        before = peek.snapshot(cache)
        ran = ham(*FOLDER, out / "train", "--partition", "train", cache=cache, user=user)
        assert (ran.returncode, ran.stdout) == (0, f"written: {out / 'train'}\n"), ran.stderr
        assert images_in(out / "train") == filed(small, {row[1]: "train" for row in s.TRAIN})
        out.chmod(0o555)
        ran = ham(*FOLDER, out / "other", "--partition", "train", cache=cache, user=user)
        assert (ran.returncode, ran.stdout, ran.stderr.count("error: "), "Traceback" in ran.stderr) == (5, "", 1, False)
        assert (str(out / "other") in ran.stderr, peek.names(out)) == (True, ["train"])
        assert peek.snapshot(cache) == before


def test_another_process_makes_the_same_bytes(export: Export, ham: Command, small_cache: Path, two: Path, out: Path) -> None:
    assert export(*FOLDER, "OUT", "--split", two).code == 0
    other = out.parent / "größe"
    env = {"PYTHONHASHSEED": "4711", "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "HAM_JOBS": "3"}
    ran = ham(*FOLDER, other, "--split", two, cache=small_cache, env=env)
    assert (ran.returncode, "Traceback" in ran.stderr, (ran.stdout + ran.stderr).isascii()) == (0, False, True)
    assert peek.tree(other) == peek.tree(out)


def test_a_closed_pipe_still_makes_the_whole_export(small_cache: Path, out: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ham_cli", "export", "csv", str(out), "-q", "--cache-dir", str(small_cache)]
    try:
        ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr, (out / LIST).is_file()) == (0, "", True)


# What a killed replacement leaves, and what stands beside.


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file leases, which hold a reader up")
def test_a_replacement_that_is_killed_never_mixes_two_splits(mine: Export, two: Path, tmp_path: Path, small: Small) -> None:
    other = split_file(tmp_path / "other.csv", {i: "test" if part == "train" else "train" for i, part in parts_of(2).items()})
    assert mine(*FOLDER, "OUT", "--split", two).code == 0
    words = (*FOLDER, mine.out, "--split", other, "--link", "copy", "--jobs", 1)
    with held_up(mine.cache / s.ID / "images" / "ISIC_0000010.jpg", *words, "--force", cache=mine.cache) as process:
        process.kill()
    assert mine(*words).code == 0
    assert {n: d for n, d in images_in(mine.out).items() if n.endswith(".jpg")} == filed(
        small, {i: "test" if part == "train" else "train" for i, part in parts_of(2).items()}
    )


def test_a_picture_beside_an_export_that_readers_would_take_for_its_own_is_named(export: Export, out: Path) -> None:
    s.lay(out, {"train/nv/mine.jpg": b"mine"})
    ran = export(*TRAIN, "--force")
    assert (ran.code, [w for w in ran.json["warnings"] if "train/nv/mine.jpg" in w] != []) == (0, True)
    assert (out / "train" / "nv" / "mine.jpg").read_bytes() == b"mine"


def test_a_file_of_ones_own_where_a_further_image_belongs_is_left_alone(mine: Export) -> None:
    image = mine.cache / s.ID / "images" / "ISIC_0000008.jpg"
    away = image.read_bytes()
    rows = peek.images(mine.cache)["ISIC_0000008"]
    peek.edit(peek.manifest(mine.cache, "images"), lambda all_rows: [r | {"path": None} if r == rows else r for r in all_rows])
    assert mine(*TRAIN, "--allow-partial", "--allow-missing-classes").code == 0
    own = mine.out / "train" / "nv" / "ISIC_0000008.jpg"
    own.write_bytes(b"mine")
    peek.edit(peek.manifest(mine.cache, "images"), lambda all_rows: [rows if r["image_id"] == rows["image_id"] else r for r in all_rows])
    assert image.read_bytes() == away
    ran = mine(*TRAIN, "--allow-partial", "--allow-missing-classes")
    assert (ran.code, ran.json["error"]["where"], own.read_bytes()) == (2, str(own), b"mine")
    assert mine(*TRAIN, "--allow-partial", "--allow-missing-classes", "--force").code == 0
    assert own.read_bytes() == away


def test_a_destination_by_a_link_is_the_folder_it_leads_to(export: Export, out: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    out.symlink_to(tmp_path / "real")
    assert export("export", "csv", "OUT").code == 0
    assert (tmp_path / "real" / s.METADATA).is_file()


def test_a_part_whose_images_are_not_in_the_cache_is_not_left_away_in_silence(mine: Export, tmp_path: Path) -> None:
    parts = parts_of(3) | {"ISIC_0000008": "validation"}
    gone = {i for i, part in parts.items() if part == "validation"}
    peek.edit(peek.manifest(mine.cache, "images"), lambda rows: [r | {"path": None} if r["image_id"] in gone else r for r in rows])
    ran = mine(*FOLDER, "OUT", "--split", split_file(tmp_path / "s.csv", parts), "--allow-partial", "--only", "dx=nv")
    assert (ran.code, "validation" in ran.json["error"]["what"], "nv no image is in the cache" in ran.json["error"]["got"]) == (
        3,
        True,
        True,
    )


def test_an_attribution_says_that_a_table_is_a_part_of_the_rows(export: Export, out: Path) -> None:
    assert export("export", "csv", "OUT", "--only", "dx=mel").code == 0
    assert "a part of the rows" in (out / "ATTRIBUTION.txt").read_text()
