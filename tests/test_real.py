"""The real record: ninety-six of its images, five of its masks and its tables, held against what is published of them."""

from __future__ import annotations

import csv
import zipfile
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Here, Ran

Fetched = tuple["Ran", "Path"]

METADATA_MD5 = "8f85fb1aa29d80a2797247e434deb79d"
TRUTH_MD5 = "2b5663aacc9644740f27e355cf7f369a"
VALIDATION_MD5 = "806d5f330c4c5f39ca60a98275d756bb"
GROUPINGS_MD5 = "9517b6aa6902d6c27e234bac8279a64a"
TAB_BYTES = 830428

CLASSES = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}
TEST_CLASSES = {"akiec": 43, "bcc": 93, "bkl": 217, "df": 44, "mel": 171, "nv": 908, "vasc": 35}

NOT_TAKEN = {"README.md", "dermamnist.csv", "dermamnist_c.csv", "digests.csv", "duplicate_pairs.csv"}


@pytest.fixture(scope="session")
def sample(real_data: Path) -> dict[str, bytes]:
    """The real images by file name."""
    return {p.name: p.read_bytes() for p in sorted((real_data / "sample").glob("*.jpg"))}


@pytest.fixture(scope="session")
def digests(real_data: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every image and mask, as a public copy records them."""
    with (real_data / "digests.csv").open(newline="") as file:
        return {row["file"]: (int(row["bytes"]), row["sha256"]) for row in csv.DictReader(file)}


def rows_of(cache: Path, partition: str) -> list[list[str]]:
    """A published table's cells, read back from ``images.parquet`` in published order."""
    select = f"SELECT {', '.join(s.COLUMNS)} FROM read_parquet(?) WHERE partition = ? ORDER BY row"  # noqa: S608  (our own column names)
    found = peek.query(select, str(peek.manifest(cache, "images", peek.REAL)), partition)
    return [["" if cell is None else str(cell) for cell in row] for row in found]


def test_96_images_and_5_masks_arrive_and_each_is_what_its_digest_says(
    real_fetch: Fetched, digests: dict[str, tuple[int, str]], sample: dict[str, bytes]
) -> None:
    ran, cache = real_fetch
    assert (ran.code, ran.result["taken"], ran.result["findings"]) == (0, {"images": 96, "masks": 5}, [])
    images, masks = (peek.contents(cache / peek.REAL / name) for name in ("images", "masks"))
    assert images == sample
    assert len(masks) == 5
    assert {n: (len(d), s.sha256(d)) for n, d in (images | masks).items()} == {n: digests[n] for n in images | masks}


def test_tables_arrive_as_received_and_strangers_are_ignored(real_fetch: Fetched) -> None:
    ran, cache = real_fetch
    assert ran.result["components"] == ["metadata", "masks", "test", "images", "validation"]
    assert set(ran.result["ignored"]) == NOT_TAKEN
    tables = {name: s.md5(data) for name, data in peek.contents(cache / peek.REAL / "tables").items()}
    assert tables == {
        "HAM10000_metadata": METADATA_MD5,
        "ISIC2018_Task3_Test_GroundTruth.csv": TRUTH_MD5,
        "ISIC2018_Task3_Validation_GroundTruth.csv": VALIDATION_MD5,
        "ISIC2018_Task3_Training_LesionGroupings.csv": GROUPINGS_MD5,
    }


def test_the_manifests_rows_of_files_agree_with_the_bytes(real_fetch: Fetched, digests: dict[str, tuple[int, str]]) -> None:
    rows = {i: r for i, r in peek.images(real_fetch[1], peek.REAL).items() if r["path"]}
    assert len(rows) == 96
    assert {i: (r["bytes"], r["sha256"]) for i, r in rows.items()} == {i: digests[f"{i}.jpg"] for i in rows}
    assert {(r["width"], r["height"], r["vouched"], r["archive"]) for r in rows.values()} == {(600, 450, "digest", None)}


def test_duckdb_counts_the_published_classes(real_fetch: Fetched) -> None:
    count = "SELECT dx, count(*) FROM read_parquet(?) WHERE partition = 'train' GROUP BY dx"
    path = str(peek.manifest(real_fetch[1], "images", peek.REAL))
    assert dict(peek.query(count, path)) == CLASSES
    inside = "SELECT dx, count(*) FROM read_parquet(?) WHERE partition = 'test' AND in_record GROUP BY dx"
    assert dict(peek.query(inside, path)) == TEST_CLASSES
    assert peek.query("SELECT image_id FROM read_parquet(?) WHERE NOT in_record", path) == [("ISIC_0035068",)]
    assert peek.query("SELECT count(DISTINCT lesion_id) FROM read_parquet(?) WHERE partition = 'train'", path) == [(7470,)]


def test_pandas_reads_the_manifest_and_finds_what_duckdb_finds(real_fetch: Fetched) -> None:
    frame = pd.read_parquet(peek.manifest(real_fetch[1], "images", peek.REAL))
    train = frame[frame["partition"] == "train"]
    assert {str(dx): int(n) for dx, n in train["dx"].value_counts().items()} == CLASSES
    assert int(train["age"].isna().sum()) == 57
    assert int((train["age"] == 0).sum()) == 39


def test_the_published_tables_come_back_byte_for_byte(real_fetch: Fetched) -> None:
    assert s.md5(s.comma(rows_of(real_fetch[1], "train"))) == METADATA_MD5
    assert s.md5(s.comma(rows_of(real_fetch[1], "test"), final_newline=False)) == TRUTH_MD5


def test_the_published_tables_come_back_from_their_tab_forms_too(real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    metadata = s.tabbed((real_data / "HAM10000_metadata").read_bytes())
    truth = s.tabbed((real_data / "ISIC2018_Task3_Test_GroundTruth.csv").read_bytes())
    assert len(metadata) == TAB_BYTES
    source = s.lay(tmp_path / "source", {"HAM10000_metadata.tab": metadata, "ISIC2018_Task3_Test_GroundTruth.tab": truth})
    ran = ham_here("fetch", "--source", source, "--allow-partial", "--json", cache=tmp_path / "cache")
    assert (ran.code, ran.result["findings"]) == (0, [])
    assert s.md5(s.comma(rows_of(tmp_path / "cache", "train"))) == METADATA_MD5
    assert s.md5(s.comma(rows_of(tmp_path / "cache", "test"), final_newline=False)) == TRUTH_MD5


def test_an_empty_cache_with_only_the_metadata_verifies(real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("fetch", "metadata", "--source", real_data, "--json", cache=tmp_path / "cache")
    assert (ran.code, ran.result["components"], ran.result["missing"]) == (0, ["metadata"], {})
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


def test_without_allow_partial_what_is_missing_is_counted_and_it_is_exit_4(real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("fetch", "--source", real_data, "--link", "sym", "--json", cache=tmp_path / "cache")
    assert ran.code == 4
    assert {c: len(names) for c, names in ran.result["missing"].items()} == {
        "masks": 10010,
        "test": 1511,
        "images": 9919,
        "validation": 193,
    }


def test_verify_judges_what_was_fetched(real_fetch: Fetched, ham_here: Here) -> None:
    ran = ham_here("verify", "--json", cache=real_fetch[1])
    assert ran.code == 0, ran.out
    assert {c: (t["checked"], t["right"]) for c, t in ran.result["checked"].items() if c in {"images", "masks"}} == {
        "images": (96, 96),
        "masks": (5, 5),
    }


def test_verify_all_names_what_is_missing_of_the_whole_record(real_fetch: Fetched, ham_here: Here) -> None:
    ran = ham_here("verify", "--all", "--json", cache=real_fetch[1])
    counted: dict[str, int] = {}
    for finding in ran.result["findings"]:
        assert finding["verdict"] == "missing"
        counted[finding["component"]] = counted.get(finding["component"], 0) + 1
    assert (ran.code, counted) == (3, {"images": 9919, "masks": 10010, "test": 1511, "validation": 193, "ratings": 1})
    written = "SELECT component, count(*) FROM read_parquet(?) WHERE verdict = 'missing' GROUP BY component"
    assert dict(peek.query(written, str(peek.manifest(real_fetch[1], "verification", peek.REAL)))) == counted


def test_a_person_sees_the_first_twenty_the_count_and_where_the_rest_lie(real_fetch: Fetched, ham_here: Here) -> None:
    ran = ham_here("verify", "images", cache=real_fetch[1])
    lines = ran.out.splitlines()
    assert ran.code == 3
    assert "images: 9919 missing" in lines
    named = [line for line in lines if line.startswith("  images/")]
    assert (len(named), named[0]) == (20, "  images/ISIC_0024307.jpg")
    assert f"  and 9899 more: in {peek.manifest(real_fetch[1], 'verification', peek.REAL)}" in lines


def test_the_planted_test_row_is_explained_and_no_fault(real_fetch: Fetched, ham_here: Here) -> None:
    ran = ham_here("verify", cache=real_fetch[1])
    said = [line for line in (ran.out + ran.err).splitlines() if "ISIC_0035068" in line]
    assert (ran.code, len(said)) == (0, 1)
    assert "1512 rows for 1511 images are correct" in said[0]


def _zips(where: Path, sample: dict[str, bytes]) -> None:
    names = sorted(sample)
    where.mkdir()
    for name, some in (("HAM10000_images_part_1.zip", names[:48]), ("HAM10000_images_part_2.zip", names[48:])):
        with zipfile.ZipFile(where / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for image in some:
                archive.writestr(image, sample[image])


@pytest.mark.parametrize("layout", ["zips", "kaggle"])
def test_the_same_96_come_from_zips_and_from_kaggles_tree(
    layout: str, real_data: Path, sample: dict[str, bytes], ham_here: Here, tmp_path: Path
) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    if layout == "zips":
        _zips(source, sample)
    else:
        seven = [line.rsplit(b",", 1)[0] for line in (real_data / "HAM10000_metadata").read_bytes().splitlines()]
        table = b"\n".join(seven) + b"\n"
        assert s.md5(table) == "70bb67f71bd23dde0bd2eda4bdcc98e5"
        s.kaggle_tree(source, sample, table)
    ran = ham_here("fetch", "--source", source, "--allow-partial", "--json", cache=cache)
    assert (ran.code, ran.result["taken"]["images"], ran.result["findings"]) == (0, 96, [])
    assert peek.contents(cache / peek.REAL / "images") == sample


def test_the_same_96_come_from_another_cache(real_fetch: Fetched, sample: dict[str, bytes], ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    ran = ham_here("fetch", "--source", real_fetch[1], "--allow-partial", "--json", cache=cache)
    assert (ran.code, ran.result["taken"], ran.result["findings"]) == (0, {"images": 96, "masks": 5}, [])
    assert peek.contents(cache / peek.REAL / "images") == sample
    assert s.md5(s.comma(rows_of(cache, "train"))) == METADATA_MD5


@pytest.mark.parametrize("layout", ["zips", "kaggle"])
def test_one_changed_byte_is_named_and_95_are_taken(layout: str, sample: dict[str, bytes], ham_here: Here, tmp_path: Path) -> None:
    name = "ISIC_0025309.jpg"
    wrong = bytearray(sample[name])
    wrong[len(wrong) // 2] ^= 1
    altered = sample | {name: bytes(wrong)}
    if layout == "zips":
        _zips(tmp_path / "source", altered)
    else:
        s.lay(tmp_path / "source", altered)
    ran = ham_here("fetch", "images", "--source", tmp_path / "source", "--allow-partial", "--json", cache=tmp_path / "cache")
    assert (ran.code, ran.result["taken"]) == (3, {"images": 95})
    assert [(f["image_id"], f["verdict"], f["expected"], f["got"]) for f in ran.result["findings"]] == [
        ("ISIC_0025309", "wrong", s.sha256(sample[name]), s.sha256(bytes(wrong)))
    ]
    assert peek.contents(tmp_path / "cache" / peek.REAL / "images") == {n: d for n, d in sample.items() if n != name}


def test_a_second_run_over_the_real_data_changes_no_file(real_fetch: Fetched, real_data: Path, ham_here: Here) -> None:
    before = peek.without_verification(peek.snapshot(real_fetch[1]))
    ran = ham_here("fetch", "--source", real_data, "--allow-partial", "--json", cache=real_fetch[1])
    assert (ran.code, ran.result["taken"]) == (0, {})
    assert peek.without_verification(peek.snapshot(real_fetch[1])) == before


def test_a_row_too_many_is_named(real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    table = (real_data / "HAM10000_metadata").read_bytes() + b"HAM_0007471,ISIC_0099999,nv,histo,50.0,male,back,rosendahl\n"
    source = s.lay(tmp_path / "source", {"HAM10000_metadata.csv": table})
    ran = ham_here("fetch", "metadata", "--source", source, "--json", cache=tmp_path / "cache")
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["verdict"], finding["expected"]) == (3, "altered", METADATA_MD5)
    assert "10016 rows for 10015" in finding["detail"]
    assert "ISIC_0099999" in finding["detail"]


def test_a_published_digest_is_shown_before_anything_is_fetched(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("show", "ISIC_0024306", "--json", cache=tmp_path / "none")
    assert (ran.code, ran.result["published_bytes"], ran.result["published_sha256"]) == (
        0,
        279172,
        "200ad6e2c9d8a56595f35f715d8c3af7ea45b1ad7b7e5133fe6a13b809abb4b4",
    )


def test_verify_all_of_an_empty_cache_counts_the_published_record(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("verify", "--all", "--json", cache=tmp_path / "none")
    missing = [f for f in ran.result["findings"] if f["verdict"] == "missing"]
    images = {f["image_id"] for f in missing if f["component"] == "images"}
    assert (ran.code, len(images), len({f["image_id"] for f in missing if f["component"] == "masks"})) == (3, 10015, 10015)
    assert not (tmp_path / "none").exists()


def test_the_challenges_tables_alone_give_lesions_and_diagnoses_until_the_metadata_comes(
    real_data: Path, ham_here: Here, tmp_path: Path
) -> None:
    source, cache = tmp_path / "challenge", tmp_path / "cache"
    source.mkdir()
    with (real_data / "HAM10000_metadata").open(newline="") as file:
        published = {row["image_id"]: row for row in csv.DictReader(file)}
    classes = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    lines = [",".join([i, *("1.0" if published[i]["dx"].upper() == c else "0.0" for c in classes)]) for i in sorted(published)]
    (source / "ISIC2018_Task3_Training_GroundTruth.csv").write_text("\n".join([",".join(["image", *classes]), *lines, ""]))
    groupings = real_data / "ISIC2018_Task3_Training_LesionGroupings.csv"
    (source / groupings.name).write_bytes(groupings.read_bytes())

    ran = ham_here("fetch", "--source", source, "--json", cache=cache)
    assert (ran.code, ran.json["result"]["findings"], ran.json["result"]["missing"]) == (0, [], {})
    rows = peek.images(cache, peek.REAL)
    facts = ("lesion_id", "dx", "dx_type")
    assert {i: [r[f] for f in facts] for i, r in rows.items()} == {i: [r[f] for f in facts] for i, r in published.items()}
    assert {(r["age"], r["sex"], r["localization"], r["dataset"], r["path"]) for r in rows.values()} == {(None,) * 5}

    ran = ham_here("fetch", "metadata", "--source", real_data, "--json", cache=cache)
    assert (ran.code, ran.json["result"]["findings"]) == (0, [])
    assert {i: r["localization"] for i, r in peek.images(cache, peek.REAL).items()} == {i: r["localization"] for i, r in published.items()}
    assert ham_here("verify", cache=cache).code == 0
