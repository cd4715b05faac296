"""``ham verify``: the cache held against the record, and every kind of fault named with what was expected and got."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

FIRST = "ISIC_0000001.jpg"
COLUMNS = ["component", "path", "verdict", "image_id", "expected", "got", "detail"]


@pytest.fixture
def folder(cache: Path) -> Path:
    """The record's folder in a cache that holds all of it."""
    return cache / s.ID


def found(ran: Ran) -> list[tuple[Any, ...]]:
    """The findings, as component, path and verdict."""
    return [(f["component"], f["path"], f["verdict"]) for f in ran.result["findings"]]


def rewrite(cache: Path, change: dict[str, dict[str, object]]) -> None:
    """Change cells of ``images.parquet`` by image id, and leave all else as it is."""
    path = peek.manifest(cache, "images")
    table = pq.read_table(path)
    rows = [row | change.get(row["image_id"], {}) for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)


def test_a_whole_cache_is_right(small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("verify", "--all", "--json", cache=small_cache)
    assert (ran.code, ran.result["findings"], ran.result["not_fetched"]) == (0, [], [])
    assert {c: (t["checked"], t["right"], t["published"]) for c, t in ran.result["checked"].items()} == {
        "metadata": (1, 1, 1),
        "masks": (20, 20, 20),
        "test": (4, 4, 4),
        "images": (20, 20, 20),
        "ratings": (1, 1, 1),
        "validation": (4, 4, 4),
    }


def test_the_planted_row_is_explained_in_one_sentence(small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("verify", cache=small_cache)
    assert (ran.code, (ran.out + ran.err).splitlines().count(s.WHY_PLANTED)) == (0, 1)


def test_verify_changes_nothing_but_its_own_manifest(cache: Path, ham_here: Here) -> None:
    before = peek.without_verification(peek.snapshot(cache))
    (cache / s.ID / "images" / FIRST).touch()
    before = peek.without_verification(peek.snapshot(cache))
    for words in ((), ("--all",), ("--quick",)):
        assert ham_here("verify", *words, cache=cache).code == 0
    assert peek.without_verification(peek.snapshot(cache)) == before


@pytest.mark.parametrize(
    ("component", "path"),
    [
        ("images", f"images/{FIRST}"),
        ("masks", "masks/ISIC_0000001_segmentation.png"),
        ("test", "test/ISIC_0000101.jpg"),
        ("validation", "validation/ISIC_0000201.jpg"),
    ],
)
def test_one_changed_byte_is_found_and_quick_does_not_look(component: str, path: str, folder: Path, ham_here: Here) -> None:
    right = s.sha256((folder / path).read_bytes())
    wrong = s.sha256(peek.flip(folder / path))
    ran = ham_here("verify", "--json", cache=folder.parent)
    assert (ran.code, found(ran)) == (3, [(component, path, "wrong")])
    assert [(f["expected"], f["got"], f["image_id"]) for f in ran.result["findings"]] == [(right, wrong, path.split("/")[1][:12])]
    assert ham_here("verify", "--quick", cache=folder.parent).code == 0


@pytest.mark.parametrize("words", [(), ("--quick",)])
def test_a_cut_off_image_is_found_by_its_size(words: tuple[str, ...], folder: Path, ham_here: Here) -> None:
    size = (folder / "images" / FIRST).stat().st_size
    with (folder / "images" / FIRST).open("r+b") as file:
        file.truncate(100)
    ran = ham_here("verify", *words, "--json", cache=folder.parent)
    assert (ran.code, found(ran)) == (3, [("images", f"images/{FIRST}", "wrong")])
    assert [(f["expected"], f["got"]) for f in ran.result["findings"]] == [(f"{size} bytes", "100 bytes")]


@pytest.mark.parametrize("words", [(), ("--quick",)])
def test_every_row_has_its_image_and_every_image_its_mask(words: tuple[str, ...], folder: Path, ham_here: Here) -> None:
    gone = [("images", f"images/{FIRST}"), ("masks", "masks/ISIC_0000002_segmentation.png"), ("test", "test/ISIC_0000101.jpg")]
    for _, path in gone:
        (folder / path).unlink()
    ran = ham_here("verify", *words, "--json", cache=folder.parent)
    assert (ran.code, found(ran)) == (3, sorted((component, path, "missing") for component, path in gone))


def test_a_whole_folder_that_is_gone_is_missing(folder: Path, ham_here: Here) -> None:
    shutil.rmtree(folder / "masks")
    ran = ham_here("verify", "--json", cache=folder.parent)
    assert (ran.code, len(found(ran)), {(c, v) for c, _, v in found(ran)}) == (3, 20, {("masks", "missing")})


@pytest.mark.parametrize("words", [(), ("--quick",)])
def test_files_too_many_are_named(words: tuple[str, ...], folder: Path, ham_here: Here) -> None:
    strangers = ("images/ISIC_0099999.jpg", "images/thumbs.db", "masks/ISIC_0000001.png", f"test/{s.PLANTED}.jpg")
    s.lay(folder, dict.fromkeys(strangers, b"x"))
    ran = ham_here("verify", *words, "--json", cache=folder.parent)
    assert (ran.code, found(ran)) == (3, [(path.split("/")[0], path, "extra") for path in strangers])


def test_what_macos_leaves_in_a_folder_is_no_stranger(folder: Path, ham_here: Here) -> None:
    s.lay(folder, {"images/.DS_Store": b"x", f"images/._{FIRST}": b"x", "masks/.DS_Store": b"x"})
    assert ham_here("verify", cache=folder.parent).code == 0


def test_an_image_that_cannot_be_read_is_a_finding_and_no_failure(folder: Path, ham_here: Here) -> None:
    (folder / "images" / FIRST).unlink()
    (folder / "images" / FIRST).mkdir()
    ran = ham_here("verify", "--json", cache=folder.parent)
    assert (ran.code, [(c, p) for c, p, _ in found(ran)], ran.result["checked"]["images"]["right"]) == (
        3,
        [("images", f"images/{FIRST}")],
        19,
    )


def test_a_link_whose_source_is_gone_is_named(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    fetch("--link", "sym", source=source)
    (source / "HAM10000_images_part_1" / FIRST).unlink()
    ran = ham_here("verify", "--json", cache=tmp_path / "cache")
    assert (ran.code, [(c, p) for c, p, _ in found(ran)]) == (3, [("images", f"images/{FIRST}")])


def test_a_changed_table_is_named_with_both_md5s(small: Small, folder: Path, ham_here: Here) -> None:
    changed = peek.flip(folder / "tables" / s.METADATA, -3)
    ran = ham_here("verify", "--json", cache=folder.parent)
    assert (ran.code, found(ran)) == (3, [("metadata", f"tables/{s.METADATA}", "wrong")])
    assert [(f["expected"], f["got"]) for f in ran.result["findings"]] == [(s.md5(small.tables[s.METADATA]), s.md5(changed))]


def test_a_table_that_is_gone_is_named(folder: Path, ham_here: Here) -> None:
    (folder / "tables" / s.TEST_TRUTH).unlink()
    ran = ham_here("verify", "--json", cache=folder.parent)
    assert (ran.code, found(ran)) == (3, [("test", f"tables/{s.TEST_TRUTH}", "missing")])


def test_a_changed_row_of_the_manifest_is_found_by_the_table_it_must_give_back(small: Small, cache: Path, ham_here: Here) -> None:
    rewrite(cache, {"ISIC_0000012": {"sex": "male"}})
    ran = ham_here("verify", "--json", cache=cache)
    assert (ran.code, found(ran)) == (3, [("metadata", "manifests/images.parquet", "wrong")])
    assert ran.result["findings"][0]["expected"] == s.md5(small.tables[s.METADATA])


def test_a_row_of_another_class_and_lesion_is_found_by_the_counts(cache: Path, ham_here: Here) -> None:
    rewrite(cache, {"ISIC_0000012": {"dx": "nv", "lesion_id": "HAM_0000011"}})
    ran = ham_here("verify", "--json", cache=cache)
    counted = {(f["expected"], f["got"]) for f in ran.result["findings"]}
    assert ran.code == 3
    assert {("mel 3", "mel 2"), ("nv 3", "nv 4"), ("14 lesions", "13 lesions")} <= counted


def test_a_class_that_has_gone_altogether_is_found_by_the_counts(cache: Path, ham_here: Here) -> None:
    rewrite(cache, {"ISIC_0000003": {"dx": "nv"}, "ISIC_0000018": {"dx": "nv"}})
    ran = ham_here("verify", "--json", cache=cache)
    assert ("df 2", "df 0") in {(f["expected"], f["got"]) for f in ran.result["findings"]}


def test_a_digest_changed_in_the_manifest_does_not_outdo_the_published_one(folder: Path, ham_here: Here) -> None:
    wrong = s.sha256(peek.flip(folder / "images" / FIRST))
    rewrite(folder.parent, {"ISIC_0000001": {"sha256": wrong}})
    assert found(ham_here("verify", "--json", cache=folder.parent)) == [("images", f"images/{FIRST}", "wrong")]


def test_a_kept_zip_is_held_against_its_md5(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    fetch("--keep-archives", source=small.published(tmp_path / "source"))
    assert ham_here("verify", cache=tmp_path / "cache").code == 0
    kept = tmp_path / "cache" / s.ID / "archives" / s.PART_1
    changed = peek.flip(kept, 200)
    ran = ham_here("verify", "--json", cache=tmp_path / "cache")
    assert (ran.code, found(ran)) == (3, [("images", f"archives/{s.PART_1}", "wrong")])
    assert [(f["expected"], f["got"]) for f in ran.result["findings"]] == [(s.md5(small.zips[s.PART_1]), s.md5(changed))]
    kept.unlink()
    assert found(ham_here("verify", "--json", cache=tmp_path / "cache")) == [("images", f"archives/{s.PART_1}", "missing")]


def test_what_was_never_fetched_is_no_finding_unless_it_is_named(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fetch("metadata", "images", source=small.published(tmp_path / "source"))
    plain = ham_here("verify", "--json", cache=cache)
    assert (plain.code, plain.result["not_fetched"]) == (0, ["masks", "test", "ratings", "validation"])
    named = ham_here("verify", "masks", "--json", cache=cache)
    assert (named.code, len(found(named)), {v for _, _, v in found(named)}) == (3, 20, {"missing"})
    whole = ham_here("verify", "--all", "--json", cache=cache)
    assert (whole.code, {c for c, _, _ in found(whole)}) == (3, {"masks", "test", "ratings", "validation"})


def test_only_the_named_components_are_judged(folder: Path, ham_here: Here) -> None:
    peek.flip(folder / "images" / FIRST)
    assert ham_here("verify", "masks", "metadata", cache=folder.parent).code == 0
    assert ham_here("verify", "images", cache=folder.parent).code == 3


def test_an_unknown_component_is_wrong_usage(small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("verify", "pictures", "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["got"]) == (2, "pictures")


def test_an_empty_cache_is_no_error_and_stays_empty(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("verify", cache=tmp_path / "none")
    assert (ran.code, ran.out, (tmp_path / "none").exists()) == (0, "", False)
    assert str(tmp_path / "none") in ran.err


def test_findings_are_written_down_and_the_run_before_stands_beside_them(folder: Path, ham_here: Here) -> None:
    cache = folder.parent
    (folder / "images" / FIRST).unlink()
    first = ham_here("verify", "--json", cache=cache)
    (folder / "images" / "ISIC_0000002.jpg").unlink()
    second = ham_here("verify", "--json", cache=cache)
    for name, ran in (("verification", second), ("verification.previous", first)):
        rows = peek.table(peek.manifest(cache, name))
        assert [{c: row[c] for c in COLUMNS} for row in rows] == [{c: f[c] for c in COLUMNS} for f in ran.result["findings"]]
    assert len(second.result["findings"]) == 2


def test_a_run_without_findings_is_written_down_as_an_empty_table(cache: Path, ham_here: Here) -> None:
    ham_here("verify", cache=cache)
    path = str(peek.manifest(cache, "verification"))
    with duckdb.connect() as connection:
        assert connection.execute("SELECT * FROM read_parquet(?)", [path]).fetchall() == []
    assert pl.read_parquet(path).columns == COLUMNS
    assert list(pd.read_parquet(path).columns) == COLUMNS


def test_the_table_says_what_was_checked_and_what_is_wrong(folder: Path, ham_here: Here) -> None:
    peek.flip(folder / "images" / FIRST)
    (folder / "masks" / "ISIC_0000002_segmentation.png").unlink()
    s.lay(folder, {"test/stranger.txt": b"x"})
    ran = ham_here("verify", cache=folder.parent)
    lines = [line.split() for line in ran.out.splitlines()[:7]]
    assert (ran.code, lines) == (
        3,
        [
            ["component", "published", "checked", "missing", "wrong", "extra", "verdict"],
            ["metadata", "1", "1", "0", "0", "0", "right"],
            ["masks", "20", "19", "1", "0", "0", "incomplete"],
            ["test", "4", "4", "0", "0", "1", "strangers"],
            ["images", "20", "20", "0", "1", "0", "wrong"],
            ["ratings", "1", "1", "0", "0", "0", "right"],
            ["validation", "4", "4", "0", "0", "0", "right"],
        ],
    )


def test_what_nobody_vouches_for_is_counted_and_no_fault(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    fetch("test", "images", source=small.unpacked(tmp_path / "source"))
    ran = ham_here("verify", "--json", cache=tmp_path / "cache")
    assert (ran.code, {c: t["unvouched"] for c, t in ran.result["checked"].items() if c != "metadata"}) == (0, {"test": 4, "images": 0})


def test_an_unvouched_image_that_changed_since_is_wrong(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    fetch("test", source=small.unpacked(tmp_path / "source"))
    peek.flip(tmp_path / "cache" / s.ID / "test" / "ISIC_0000101.jpg")
    ran = ham_here("verify", "--json", cache=tmp_path / "cache")
    assert (ran.code, found(ran)) == (3, [("test", "test/ISIC_0000101.jpg", "wrong")])


def test_one_worker_and_several_find_the_same(folder: Path, ham_here: Here) -> None:
    peek.flip(folder / "images" / FIRST)
    (folder / "images" / "ISIC_0000020.jpg").unlink()
    ham_here("verify", cache=folder.parent)
    one, three = (ham_here("verify", "--json", "--jobs", jobs, cache=folder.parent).result | {"since": None} for jobs in (1, 3))
    assert one == three


@pytest.mark.parametrize("name", ["images", "files"])
def test_a_damaged_manifest_is_named_and_the_next_fetch_writes_it_anew(
    name: str, small: Small, cache: Path, fetch: Fetch, ham_here: Here
) -> None:
    path = peek.manifest(cache, name)
    path.write_bytes(path.read_bytes()[:200])
    ran = ham_here("verify", "--json", cache=cache)
    assert (ran.code, ran.json["error"]["where"]) == (5, str(path))
    assert "ham fetch" in ran.json["error"]["next"]
    images = peek.snapshot(cache / s.ID / "images")
    again = fetch(source=small.published(cache.parent / "source", isic=True))
    assert (again.code, again.result["missing"]) == (0, {})
    assert {i for i, r in peek.images(cache).items() if r["path"]} == {
        n.removesuffix(".jpg") for n in (*small.images, *small.test, *small.validation)
    }
    assert peek.snapshot(cache / s.ID / "images") == images
    assert ham_here("verify", "--all", cache=cache).code == 0


def test_a_wrong_image_that_somebody_removes_is_brought_again_by_the_next_fetch(
    small: Small, folder: Path, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    peek.flip(folder / "images" / FIRST)
    assert ham_here("verify", cache=folder.parent).code == 3
    (folder / "images" / FIRST).unlink()
    assert fetch(source=small.published(tmp_path / "source")).code == 0
    assert ham_here("verify", "--all", cache=folder.parent).code == 0


def test_where_the_manifest_of_images_is_gone_that_is_said_and_fetch_brings_it_back(
    cache: Path, small: Small, fetch: Fetch, ham_here: Here
) -> None:
    (cache / s.ID / "manifests" / "images.parquet").unlink()
    ran = ham_here("verify", "metadata", "--json", cache=cache)
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["path"], finding["verdict"]) == (3, "manifests/images.parquet", "missing")
    assert "the table is here" in finding["detail"]
    assert fetch(source=small.unpacked(cache.parent / "source"), cache=cache).code == 0
    assert ham_here("verify", cache=cache).code == 0
