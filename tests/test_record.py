"""The pinned record against the published facts, and foreign records that are none."""

from __future__ import annotations

import csv
import hashlib
import json
import lzma
import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from ham_cli import licence
from ham_cli import record as records
from ham_cli.errors import AccessError, WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Command
    from tests.small import Small

PUBLISHED = {
    "HAM10000_images_part_1.zip": (
        "images",
        3172585,
        1366522108,
        "4639bfa73ab251610530a97c898e6e46",
        "6202a599129c2efe81c25aea8586d422eeda8a4fae5df49dd7b7bbf956d419db",
    ),
    "HAM10000_images_part_2.zip": (
        "images",
        3172584,
        1403566547,
        "da43d6cc50f6613013be07e8986b384b",
        "9677f30118c21ecc667a147de369d89acb25efab046fd32f6b13ad677ce2d6d0",
    ),
    "HAM10000_metadata.tab": (
        "metadata",
        4338392,
        690218,
        "8f85fb1aa29d80a2797247e434deb79d",
        "de17ec44cb25ea9c3f6378ba18d69224c740afd62e86ec2edc6a894d6aa663d3",
    ),
    "HAM10000_segmentations_lesion_tschandl.zip": (
        "masks",
        3838943,
        10808743,
        "6e8d252e09cfdb0189199f15985a5b84",
        "6d88d7df8cc806c938932939d50c17fb9ad206c143343e4702c81cf3453c1e7a",
    ),
    "ISIC2018_Task3_Test_Images.zip": ("test", 3855824, None, "0488b6f65849e310857d9207daa55a21", None),
    "ISIC2018_Task3_Test_GroundTruth.tab": (
        "test",
        6924466,
        108383,
        "2b5663aacc9644740f27e355cf7f369a",
        "40ec93c1a1264586cd1a3b636b2fbc2c46c7c4c17eb5c05115939c045ffa7896",
    ),
    "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.tab": ("ratings", 3864681, None, None, None),
}
"""Label at the server: component, datafile id, bytes, MD5 and SHA-256 of the original upload; None where nobody has published it."""

BUCKET = {
    "ISIC2018_Task3_Training_Input.zip": (2771732744, "0c281f121070a8d63457caffcdec439a"),
    "ISIC2018_Task3_Training_GroundTruth.zip": (None, "8302427e4ce0c107559531b9f444abe9"),
    "ISIC2018_Task3_Training_LesionGroupings.csv": (492996, "9517b6aa6902d6c27e234bac8279a64a"),
    "ISIC2018_Task3_Validation_Input.zip": (None, "c1fbdd4f5468b0d67c61a1b2def87077"),
    "ISIC2018_Task3_Validation_GroundTruth.zip": (None, None),
    "ISIC2018_Task3_Test_Input.zip": (None, None),
    "ISIC2018_Task3_Test_GroundTruth.zip": (None, None),
}

TRAIN = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
TEST = {"nv": 908, "bkl": 217, "mel": 171, "bcc": 93, "df": 44, "akiec": 43, "vasc": 35}

RECORD = records.load()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_record_is_version_4_of_its_doi() -> None:
    assert (RECORD.id, RECORD.doi, RECORD.server) == ("ham10000-4.0", "10.7910/DVN/DBW86T", "https://dataverse.harvard.edu")
    assert RECORD.buckets[0] == "https://isic-archive.s3.amazonaws.com/challenges/2018/"
    assert RECORD.buckets[1] == "https://isic-challenge-data.s3.amazonaws.com/2018/"


def test_every_file_of_the_server_is_pinned_by_its_published_facts() -> None:
    assert {f.name: (f.component, f.datafile_id, f.bytes, f.md5, f.sha256) for f in RECORD.files} == PUBLISHED


def test_the_converted_tables_know_the_names_they_were_uploaded_under() -> None:
    assert {f.name: f.received_name for f in RECORD.files if f.kind == "table"} == {
        "HAM10000_metadata.tab": "HAM10000_metadata",
        "ISIC2018_Task3_Test_GroundTruth.tab": "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.tab": "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.csv",
    }


def test_the_archives_are_known_under_the_names_of_the_records_own_description_too() -> None:
    names = {name for f in RECORD.files for name in f.names}
    assert {"HAM10000_images_part1.zip", "HAM10000_images_part2.zip"} < names


def test_every_file_of_the_bucket_is_pinned_by_its_published_facts() -> None:
    assert {f.name: (f.bytes, f.md5) for f in RECORD.bucket_files} == BUCKET
    assert {f.datafile_id for f in RECORD.bucket_files} == {None}


@pytest.mark.parametrize("fact", ["bytes", "md5", "sha256"])
def test_a_fact_has_sources_exactly_where_it_is_known(fact: str) -> None:
    for file in (*RECORD.files, *RECORD.bucket_files):
        assert (file.sources[fact] > 0) == (getattr(file, fact) is not None), file.name


def test_the_archives_hold_as_many_images_as_their_partition_has() -> None:
    held = {f.name: f.images for f in (*RECORD.files, *RECORD.bucket_files) if f.kind == "archive"}
    assert held == {
        "HAM10000_images_part_1.zip": 5000,
        "HAM10000_images_part_2.zip": 5015,
        "HAM10000_segmentations_lesion_tschandl.zip": 10015,
        "ISIC2018_Task3_Test_Images.zip": 1511,
        "ISIC2018_Task3_Training_Input.zip": 10015,
        "ISIC2018_Task3_Validation_Input.zip": 193,
        "ISIC2018_Task3_Test_Input.zip": 1512,
    }


def test_classes_sum_to_the_published_images() -> None:
    counts = RECORD.partitions
    assert (counts["train"].images, counts["train"].lesions, counts["train"].dx) == (10015, 7470, TRAIN)
    assert (counts["test"].images, counts["test"].dx) == (1511, TEST)
    assert counts["validation"].images == 193
    assert all(sum(c.dx.values()) == c.images for c in counts.values())


def test_the_planted_image_is_named_with_its_reason() -> None:
    assert list(RECORD.not_in_record) == ["ISIC_0035068"]
    assert "1512 rows for 1511 images" in RECORD.not_in_record["ISIC_0035068"]


def test_the_digests_are_of_every_training_image_and_mask() -> None:
    images = {n: d.bytes for n, d in RECORD.digests.items() if re.fullmatch(r"ISIC_[0-9]{7}\.jpg", n)}
    masks = {n: d.bytes for n, d in RECORD.digests.items() if re.fullmatch(r"ISIC_[0-9]{7}_segmentation\.png", n)}
    assert (len(images), sum(images.values())) == (10015, 2770215559)
    assert (len(masks), sum(masks.values())) == (10015, 10965060)
    assert (min(images.values()), max(images.values())) == (85332, 490776)
    assert len(RECORD.digests) == 20030
    assert {n.removesuffix(".jpg") for n in images} == {n.removesuffix("_segmentation.png") for n in masks}
    assert all(re.fullmatch(r"[0-9a-f]{64}", d.sha256) for d in RECORD.digests.values())


@pytest.mark.parametrize(
    ("first", "last", "images", "archive"),
    [(24306, 29305, 5000, "HAM10000_images_part_1.zip"), (29306, 34320, 5015, "HAM10000_images_part_2.zip")],
)
def test_the_images_of_a_part_fill_its_zip(first: int, last: int, images: int, archive: str) -> None:
    sizes = [RECORD.digests[f"ISIC_{n:07}.jpg"].bytes for n in range(first, last + 1)]
    assert len(sizes) == images
    # JPEGs deflate by next to nothing, and a member's two headers take some 150 bytes.
    assert PUBLISHED[archive][2] == pytest.approx(sum(sizes), rel=0.001)


def test_identical_images_and_masks_are_the_known_ones() -> None:
    names: dict[str, list[str]] = {}
    for name, digest in RECORD.digests.items():
        names.setdefault(digest.sha256, []).append(name)
    assert sorted(sorted(n) for n in names.values() if len(n) > 1) == [
        ["ISIC_0024366.jpg", "ISIC_0029861.jpg"],
        ["ISIC_0024777.jpg", "ISIC_0029938.jpg"],
        ["ISIC_0026042_segmentation.png", "ISIC_0029819_segmentation.png"],
    ]


def test_an_image_id_tells_its_partition_where_the_record_alone_can() -> None:
    ids = ("ISIC_0024306", "ISIC_0034320", min(RECORD.validation_ids), "ISIC_0034524", "ISIC_0035068", "ISIC_9999999")
    assert [RECORD.partition_of(i) for i in ids] == ["train", "train", "validation", None, None, None]


def test_eighteen_pairs_show_one_lesion_under_two_ids() -> None:
    named = [image for pair in RECORD.duplicate_pairs for image in pair]
    assert (len(RECORD.duplicate_pairs), len(set(named))) == (18, 36)
    assert all(f"{image}.jpg" in RECORD.digests for image in named)


def test_the_pairs_are_those_of_the_paper(real_data: Path) -> None:
    pairs = [(r["image_id_a"], r["image_id_b"]) for r in rows_of(real_data / "duplicate_pairs.csv")]
    assert sorted(RECORD.duplicate_pairs) == sorted(pairs)


def test_the_pairs_lie_in_different_lesions(real_data: Path) -> None:
    lesions = {r["image_id"]: r["lesion_id"] for r in rows_of(real_data / "HAM10000_metadata")}
    assert all(lesions[a] != lesions[b] for a, b in RECORD.duplicate_pairs)


def test_the_validation_ids_are_those_of_the_truth(real_data: Path) -> None:
    rows = rows_of(real_data / "ISIC2018_Task3_Validation_GroundTruth.csv")
    assert RECORD.validation_ids == {r["image"] for r in rows}
    assert len(RECORD.validation_ids) == 193
    marked = Counter(dx.lower() for r in rows for dx in RECORD.challenge_order if float(r[dx]) == 1)
    assert RECORD.partitions["validation"].dx == marked


def test_the_digests_are_those_of_the_public_copy(real_data: Path) -> None:
    copy = {r["file"]: (int(r["bytes"]), r["sha256"]) for r in rows_of(real_data / "digests.csv")}
    assert {name: (d.bytes, d.sha256) for name, d in RECORD.digests.items()} == copy


def test_every_real_file_is_what_its_digest_says(real_data: Path) -> None:
    files = sorted((real_data / "sample").iterdir())
    assert Counter(f.suffix for f in files) == {".jpg": 96, ".png": 5}
    for file in files:
        data, digest = file.read_bytes(), RECORD.digests[file.name]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (digest.bytes, digest.sha256), file.name


@pytest.mark.parametrize(
    "name",
    [
        "HAM10000_metadata",
        "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC2018_Task3_Training_LesionGroupings.csv",
        "ISIC2018_Task3_Validation_GroundTruth.csv",
    ],
)
def test_a_real_table_has_the_size_digest_and_rows_its_form_says(name: str, real_data: Path) -> None:
    data = (real_data / name).read_bytes()
    form = next(t for t in RECORD.tables if t.name == name)
    assert (form.bytes, form.md5) == (len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())
    rows = rows_of(real_data / name)
    assert (form.rows, form.columns) == (len(rows), tuple(rows[0]))


def test_files_and_tables_of_one_name_agree() -> None:
    files = {f.received_name: f for f in (*RECORD.files, *RECORD.bucket_files)}
    both = [(t.name, files[t.name]) for t in RECORD.tables if t.name in files and t.form != "onehot"]
    assert [name for name, _ in both] == [
        "HAM10000_metadata",
        "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC2018_Task3_Training_LesionGroupings.csv",
        "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.csv",
    ]
    for table in RECORD.tables:
        if table.name in dict(both) and table.form != "onehot":
            file = files[table.name]
            said = (table.component, table.partition, table.bytes, table.md5)
            assert said == (file.component, file.partition, file.bytes, file.md5), table.name


def test_the_tables_that_circulate_are_pinned_too() -> None:
    digests = {(t.form, t.bytes, t.md5) for t in RECORD.tables}
    assert ("rows", 563277, "70bb67f71bd23dde0bd2eda4bdcc98e5") in digests
    assert ("onehot", 62027, "11bfbb89d9278ee4fc14d3b7e9444886") in digests
    assert ("onehot", 7948, "806d5f330c4c5f39ca60a98275d756bb") in digests


@pytest.mark.parametrize("column", ["dx", "dx_type", "sex", "localization", "dataset"])
def test_a_columns_vocabulary_is_what_stands_in_the_real_tables(column: str, real_data: Path) -> None:
    tables = [rows_of(real_data / name) for name in ("HAM10000_metadata", "ISIC2018_Task3_Test_GroundTruth.csv")]
    words = {row[column] for rows in tables for row in rows} - {""}
    assert RECORD.vocabulary[column] == tuple(sorted(words))


def test_every_real_id_matches_its_pattern_and_no_other_alphabet_does(real_data: Path) -> None:
    tables = [rows_of(real_data / name) for name in ("HAM10000_metadata", "ISIC2018_Task3_Test_GroundTruth.csv")]
    for column, pattern in RECORD.identifiers.items():
        assert all(re.fullmatch(pattern, row[column]) for rows in tables for row in rows)
    assert not re.fullmatch(RECORD.identifiers["image_id"], "ISIC_٠٠٢٤٣٠٦")
    assert not re.fullmatch(RECORD.identifiers["lesion_id"], "HAM_٠٠٢٤٣٠٦")


def test_the_groupings_words_are_the_real_ones(real_data: Path) -> None:
    truth = {r["image_id"]: r["dx_type"] for r in rows_of(real_data / "HAM10000_metadata")}
    pairs = {(r["diagnosis_confirm_type"], truth[r["image"]]) for r in rows_of(real_data / "ISIC2018_Task3_Training_LesionGroupings.csv")}
    assert dict(pairs) == RECORD.confirm_types
    assert len(pairs) == 4


def test_lesions_of_the_real_tables_are_counted_right(real_data: Path) -> None:
    for partition, name in (("train", "HAM10000_metadata"), ("test", "ISIC2018_Task3_Test_GroundTruth.csv")):
        rows = [r for r in rows_of(real_data / name) if r["image_id"] not in RECORD.not_in_record]
        assert RECORD.partitions[partition].lesions == len({r["lesion_id"] for r in rows})
        assert RECORD.partitions[partition].dx == Counter(r["dx"] for r in rows)


def test_classes_stand_in_alphabetical_order_and_the_challenge_has_its_own() -> None:
    assert list(RECORD.classes) == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert RECORD.challenge_order == ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    assert RECORD.classes["mel"] == "Melanoma"
    assert RECORD.groupings["malignant"]["dx"] == ["mel", "bcc", "akiec"]


def test_age_bands_cover_every_year_once() -> None:
    assert RECORD.age_bands == ((0, 29), (30, 44), (45, 59), (60, 74), (75, None))
    assert RECORD.image_size == (600, 450)


def test_the_licence_and_every_citation_are_named() -> None:
    assert RECORD.licence["id"] == "CC-BY-NC-4.0"
    assert RECORD.licence["url"] == "https://creativecommons.org/licenses/by-nc/4.0/legalcode"
    text, bib = licence.citations(RECORD), licence.bibtex(RECORD)
    for doi in ("10.7910/DVN/DBW86T", "10.1038/sdata.2018.161", "10.1038/s41591-020-0942-0", "10.1038/s41597-025-04382-5"):
        assert f"doi:{doi}" in text
        assert f"doi = {{{doi}}}" in bib
    assert "arXiv:1902.03368" in text
    assert "eprint = {1902.03368}" in bib


def test_bibtex_has_balanced_braces_and_one_entry_a_citation() -> None:
    entries = licence.bibtex(RECORD).split("\n\n")
    assert len(entries) == len(RECORD.citations) == 6
    assert all(entry.startswith("@") and entry.count("{") == entry.count("}") for entry in entries)
    keys = re.findall(r"^@[a-z]+\{([a-z0-9]+),$", licence.bibtex(RECORD), re.MULTILINE)
    assert len(set(keys)) == 6


def test_what_lies_beside_the_data_names_licence_and_source() -> None:
    texts = {name: data.decode() for name, data in licence.beside_the_data(RECORD).items()}
    assert sorted(texts) == ["ATTRIBUTION.txt", "CITATION.bib", "LICENSE"]
    assert "CC-BY-NC-4.0" in texts["LICENSE"]
    assert "https://creativecommons.org/licenses/by-nc/4.0/legalcode" in texts["LICENSE"]
    assert "https://doi.org/10.7910/DVN/DBW86T" in texts["ATTRIBUTION.txt"]


# A foreign record: the small one, spoilt in one way.


def spoilt(small: Small, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write a copy of the small record in which ``change`` altered the facts."""
    shutil.copytree(small.record.parent, folder)
    facts = json.loads(small.record.read_text())
    change(facts)
    (folder / small.record.name).write_text(json.dumps(facts))
    return folder / small.record.name


def set_at(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(facts: dict[str, Any]) -> None:
        place: Any = facts
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def without(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(facts: dict[str, Any]) -> None:
        place: Any = facts
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def nothing(_facts: dict[str, Any]) -> None:
    """Leave the record as it is."""


SPOILT = {
    "another schema": set_at("schema", value=2),
    "no schema": without("schema"),
    "no files": without("files"),
    "no tables": without("tables"),
    "no digests": without("digests"),
    "no vocabulary": without("vocabulary"),
    "no partitions": without("partitions"),
    "a file without MD5": without("files", 0, "md5"),
    "a file with a key too many": set_at("files", 0, "colour", value="red"),
    "a table without columns": without("tables", 0, "columns"),
    "a name with a slash": set_at("name", value="../elsewhere"),
    "a name with a backslash": set_at("name", value="..\\elsewhere"),
    "a name that is hidden": set_at("name", value=".ssh"),
    "a name that is a number": set_at("name", value=7),
    "a version with a slash": set_at("version", value="1/0"),
    "an empty version": set_at("version", value=""),
    "a file's name with a slash": set_at("files", 0, "name", value="../../evil.zip"),
    "a file's absolute name": set_at("files", 0, "name", value="/tmp/evil.zip"),  # noqa: S108  (it must be refused)
    "a file's original name with a slash": set_at("files", 0, "original_name", value="../evil"),
    "an alias with a slash": set_at("files", 0, "aliases", value=["a/b"]),
    "a table's name with a slash": set_at("tables", 0, "name", value="tables/evil.csv"),
    "a list of digests elsewhere": set_at("digests", "file", value="../digests.xz"),
    "a component that nobody knows": set_at("files", 0, "component", value="spirals"),
    "a kind that nobody knows": set_at("files", 0, "kind", value="spiral"),
    "a table of a form that nobody knows": set_at("tables", 0, "form", value="spiral"),
    "a partition that nobody knows": set_at("partitions", "spiral", value={"images": 1, "dx": {"nv": 1}}),
    "a table of a partition that nobody knows": set_at("tables", 0, "partition", value="spiral"),
    "a size in words": set_at("files", 0, "bytes", value="large"),
    "an identifier that is no pattern": set_at("identifiers", "image_id", value="ISIC_("),
    "no pattern for image ids": without("identifiers", "image_id"),
    "a vocabulary without diagnoses": without("vocabulary", "dx"),
    "an image size of one number": set_at("image_size", value=[600]),
    "a pair of one": set_at("duplicate_pairs", "pairs", value=[["ISIC_0000001"]]),
    "a citation without text": without("citations", 0, "text"),
    "a licence without address": without("licence", "url"),
}


@pytest.mark.parametrize("change", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_record_is_refused_in_words(change: Callable[[dict[str, Any]], None], small: Small, tmp_path: Path) -> None:
    path = spoilt(small, tmp_path / "spoilt", change)
    with pytest.raises(WrongUsageError) as refusal:
        records.load(path)
    assert refusal.value.where == str(path)
    assert refusal.value.got or refusal.value.expected


def test_the_small_record_itself_is_taken(small: Small, tmp_path: Path) -> None:
    # The control of the refusals above: unspoilt, the same copy is read.
    record = records.load(spoilt(small, tmp_path / "copy", nothing))
    assert record.id == small.facts["name"] + "-" + small.facts["version"]


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"7", b'"record"', b"{}", b"\xff\xfe\x00", b"image_id,dx\n", b"[" * 100_000, b'{"schema": NaN}'],
    ids=["empty", "cut", "list", "null", "number", "word", "no keys", "binary", "a table", "deep", "NaN"],
)
def test_what_is_no_record_is_refused_in_words(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(text)
    with pytest.raises(WrongUsageError, match="record"):
        records.load(path)


def test_a_record_too_large_to_be_one_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(WrongUsageError, match="too large"):
        records.load(path)


def test_a_record_without_its_list_of_digests_is_refused(small: Small, tmp_path: Path) -> None:
    path = spoilt(small, tmp_path / "spoilt", nothing)
    digests = path.with_name(small.facts["digests"]["file"])
    digests.unlink()
    with pytest.raises(WrongUsageError) as refusal:
        records.load(path)
    assert refusal.value.where == str(digests)


def test_a_cached_list_of_digests_that_is_not_the_records_is_never_used(small: Small, tmp_path: Path) -> None:
    path = spoilt(small, tmp_path / "spoilt", nothing)
    path.with_name(small.facts["digests"]["file"]).write_bytes(lzma.compress(b"file,bytes,sha256\n"))
    with pytest.raises((WrongUsageError, AccessError), match="digests"):
        _ = records.load(path).digests


def with_digests(small: Small, folder: Path, text: bytes, *, packed: bytes | None = None) -> Path:
    """Write a copy of the small record with another list of digests, which the record names by its SHA-256."""
    path = spoilt(small, folder, set_at("digests", "sha256", value=hashlib.sha256(text).hexdigest()))
    path.with_name(small.facts["digests"]["file"]).write_bytes(lzma.compress(text) if packed is None else packed)
    return path


LISTS: dict[str, tuple[bytes, bytes | None]] = {
    "not the one it names": (b"file,bytes,sha256\nISIC_0000001.jpg,5,00\n", lzma.compress(b"file,bytes,sha256\n")),
    "not packed": (b"file,bytes,sha256\n", b"file,bytes,sha256\n"),
    "cut off": (b"file,bytes,sha256\n", lzma.compress(b"file,bytes,sha256\n" * 1000)[:-20]),
    "empty": (b"", None),
    "of two columns": (b"file,bytes\nISIC_0000001.jpg,5\n", None),
    "with a size in words": (b"file,bytes,sha256\nISIC_0000001.jpg,five,00\n", None),
    "in another alphabet": ("file,bytes,sha256\nISIC_0000001.jpg,5,éé\n".encode(), None),
    "with a name that leads out": (b"file,bytes,sha256\n../../ISIC_0000001.jpg,5," + b"0" * 64 + b"\n", None),
}


@pytest.mark.parametrize("name", LISTS)
def test_fetch_refuses_a_record_whose_list_of_digests_is_wrong(name: str, ham: Command, small: Small, tmp_path: Path) -> None:
    text, packed = LISTS[name]
    path = with_digests(small, tmp_path / "spoilt", text, packed=packed)
    source = small.unpacked(tmp_path / "source")
    ran = ham("fetch", "--source", source, "--record", path, cache=tmp_path / "cache")
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert "digest" in ran.stderr
    assert not list((tmp_path / "cache").glob("small-*"))


@pytest.mark.parametrize("name", ["another schema", "a name with a slash", "no files", "a citation without text"])
def test_fetch_refuses_a_spoilt_record_with_exit_2(name: str, ham: Command, small: Small, tmp_path: Path) -> None:
    path = spoilt(small, tmp_path / "spoilt", SPOILT[name])
    ran = ham("fetch", "--source", small.unpacked(tmp_path / "source"), "--record", path, cache=tmp_path / "cache")
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert ran.stderr.startswith("error: ")
    assert str(path) in ran.stderr
    assert "bug" not in ran.stderr
    assert not list((tmp_path / "cache").glob("*-*"))


@pytest.mark.parametrize("what", ["not there", "a folder"])
def test_fetch_refuses_a_record_it_cannot_read_with_exit_2(what: str, ham: Command, tmp_path: Path) -> None:
    path = tmp_path if what == "a folder" else tmp_path / "record.json"
    ran = ham("fetch", "--source", tmp_path, "--record", path, cache=tmp_path / "cache")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert str(path) in ran.stderr
    assert "--record" in ran.stderr


def test_what_load_reads_is_all_that_the_cache_must_keep(small: Small, tmp_path: Path) -> None:
    record = records.load(small.record)
    (tmp_path / "record.json").write_bytes(record.source)
    (tmp_path / small.facts["digests"]["file"]).write_bytes(record.digest_file)
    assert records.load(tmp_path / "record.json") == record
    assert records.load(tmp_path / "record.json").digests == record.digests
