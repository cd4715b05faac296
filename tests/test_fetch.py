"""``ham fetch --source FOLDER`` over the small record: what is recognised, vouched for, linked, chosen, and left alone."""

from __future__ import annotations

import json
import lzma
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Fetch, Here
    from tests.small import Small

ALL_BUT_VALIDATION = ["metadata", "masks", "test", "images", "ratings"]
LESIONS = {row[0]: {r[1] for r in s.TRAIN if r[0] == row[0]} for row in s.TRAIN}
DX = {row[1]: row[2] for row in s.TRAIN}
LESION = {row[1]: row[0] for row in s.TRAIN}
FIRST = "ISIC_0000001.jpg"


@pytest.fixture
def folder(cache: Path) -> Path:
    """The record's folder in a cache that holds all of it."""
    return cache / s.ID


def in_cache(cache: Path) -> dict[str, dict[str, bytes]]:
    """The images and masks in a cache, by folder."""
    return {name: peek.contents(cache / s.ID / name) for name in ("images", "masks", "test", "validation")}


def test_published_zips_bring_every_image_mask_and_table(small: Small, small_cache: Path) -> None:
    assert in_cache(small_cache) == {"images": small.images, "masks": small.masks, "test": small.test, "validation": small.validation}
    tables = peek.contents(small_cache / s.ID / "tables")
    assert {name: tables[name] for name in (s.METADATA, s.TEST_TRUTH, s.RATINGS, s.VALIDATION_TRUTH)} == {
        name: small.tables[name] for name in (s.METADATA, s.TEST_TRUTH, s.RATINGS, s.VALIDATION_TRUTH)
    }


def test_members_of_a_zip_that_macos_made_are_vouched_for_by_digest_or_archive(small_cache: Path) -> None:
    rows = peek.images(small_cache)
    by_partition = {
        part: {(r["vouched"], r["archive"]) for r in rows.values() if r["partition"] == part and r["in_record"]}
        for part in ("train", "test", "validation")
    }
    assert by_partition == {
        "train": {("digest", s.PART_1), ("digest", s.PART_2)},
        "test": {("archive", s.TEST)},
        "validation": {("archive", s.VALIDATION_INPUT)},
    }


def test_a_row_of_the_manifest_says_what_the_published_row_and_the_bytes_say(small: Small, small_cache: Path) -> None:
    data, mask = small.images[FIRST], small.masks["ISIC_0000001_segmentation.png"]
    assert peek.images(small_cache)["ISIC_0000001"] == {
        "image_id": "ISIC_0000001",
        "partition": "train",
        "in_record": True,
        "row": 4,
        "lesion_id": "HAM_0000004",
        "dx": "bcc",
        "dx_type": "histo",
        "age": 85.0,
        "sex": "male",
        "localization": "trunk",
        "dataset": "vienna_dias",
        "path": f"images/{FIRST}",
        "bytes": len(data),
        "sha256": s.sha256(data),
        "vouched": "digest",
        "width": s.WIDTH,
        "height": s.HEIGHT,
        "mask_path": "masks/ISIC_0000001_segmentation.png",
        "mask_bytes": len(mask),
        "mask_sha256": s.sha256(mask),
        "archive": s.PART_1,
    }


def test_the_published_tables_come_back_from_the_manifest_byte_for_byte(small: Small, small_cache: Path) -> None:
    rows = sorted(peek.images(small_cache).values(), key=lambda row: (row["partition"], row["row"]))
    cells = {
        part: [[("" if row[c] is None else str(row[c])) for c in s.COLUMNS] for row in rows if row["partition"] == part]
        for part in ("train", "test")
    }
    assert s.comma(cells["train"]) == small.tables[s.METADATA]
    assert s.comma(cells["test"], final_newline=False) == small.tables[s.TEST_TRUTH]
    assert s.onehot((r["image_id"], r["dx"]) for r in rows if r["partition"] == "validation") == small.tables[s.VALIDATION_TRUTH]


def test_a_published_zip_is_not_kept_and_its_size_and_md5_are(small: Small, small_cache: Path) -> None:
    rows = peek.files(small_cache)
    assert peek.names(small_cache / s.ID / "archives") == []
    assert {n: (rows[n]["state"], rows[n]["bytes"], rows[n]["md5"], rows[n]["path"]) for n in (s.PART_1, s.PART_2, s.MASKS, s.TEST)} == {
        n: ("dropped", len(small.zips[n]), s.md5(small.zips[n]), None) for n in (s.PART_1, s.PART_2, s.MASKS, s.TEST)
    }


def test_a_table_nobody_published_a_digest_of_is_written_down_as_received(small: Small, small_cache: Path) -> None:
    row = peek.files(small_cache)["ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.tab"]
    data = small.tables[s.RATINGS]
    assert (row["expected_md5"], row["expected_from"], row["md5"], row["bytes"]) == (None, "none", s.md5(data), len(data))


def test_archives_are_kept_where_it_is_asked(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("--keep-archives", source=small.published(tmp_path / "source"))
    kept = peek.contents(tmp_path / "cache" / s.ID / "archives")
    assert (ran.code, kept) == (0, {n: small.zips[n] for n in sorted((s.PART_1, s.PART_2, s.MASKS, s.TEST))})
    rows = peek.files(tmp_path / "cache")
    assert {(rows[n]["state"], rows[n]["path"]) for n in kept} == {("have", f"archives/{n}") for n in kept}


@pytest.mark.parametrize("layout", ["unpacked", "dataverse"])
def test_every_layout_brings_the_same_bytes(layout: str, small: Small, fetch: Fetch, small_cache: Path, tmp_path: Path) -> None:
    ran = fetch(source=getattr(small, layout)(tmp_path / "source"))
    assert (ran.code, ran.result["components"], ran.result["findings"]) == (0, ALL_BUT_VALIDATION, [])
    assert in_cache(tmp_path / "cache") == in_cache(small_cache) | {"validation": {}}
    assert peek.names(tmp_path / "cache" / s.ID / "archives") == []


def test_every_layout_makes_a_manifest_of_the_same_digest(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    digests = set()
    for layout in (small.published, small.unpacked, small.dataverse):
        fetch("metadata", "images", "masks", source=layout(tmp_path / layout.__name__), cache=tmp_path / f"c-{layout.__name__}")
        digests.add(peek.labels(peek.manifest(tmp_path / f"c-{layout.__name__}", "images"))["ham.digest"])
    assert len(digests) == 1


def test_kaggles_tree_holds_every_image_twice_and_each_is_taken_once(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch(source=small.kaggle(tmp_path / "source"))
    assert (ran.code, ran.result["components"]) == (0, ["metadata", "images"])
    assert (ran.result["taken"], ran.result["have"]["images"]) == ({"images": 20}, 20)
    assert peek.contents(tmp_path / "cache" / s.ID / "images") == small.images
    assert sorted(ran.result["ignored"]) == ["hmnist_28_28_RGB.csv", "hmnist_8_8_L.csv"]


def test_the_challenges_own_zip_brings_all_training_images(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.TRAINING_INPUT: small.zips[s.TRAINING_INPUT], s.METADATA: small.tables[s.METADATA]})
    assert fetch(source=source).code == 0
    assert {r["archive"] for r in peek.images(tmp_path / "cache").values()} == {s.TRAINING_INPUT}


@pytest.mark.parametrize("spelling", ["HAM10000_images_part1.zip", "ham10000_images_PART_1.ZIP", "HAM10000_images_part_1 (1).zip"])
def test_a_published_zip_is_known_under_its_other_spellings(spelling: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {spelling: small.zips[s.PART_1], s.METADATA: small.tables[s.METADATA]})
    fetch("--allow-partial", source=source)
    assert {r["archive"] for r in peek.images(tmp_path / "cache").values() if r["path"]} == {s.PART_1}


def test_a_mixture_at_any_depth_is_understood(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    second_half = dict(list(small.images.items())[10:])
    source = s.lay(tmp_path / "source" / "a" / "b" / "c", {s.PART_1: small.zips[s.PART_1]})
    s.lay(tmp_path / "source" / "d" / "e", second_half)
    s.lay(tmp_path / "source" / "f", {"dataverse_files.zip": s.zipped({s.MASKS: small.zips[s.MASKS]}), "notes.txt": b"mine\n"})
    s.lay(tmp_path / "source" / "g" / "h", {"HAM10000_metadata.tab": small.tables["HAM10000_metadata.tab"]})
    ran = fetch(source=tmp_path / "source")
    assert (ran.code, ran.result["components"], ran.result["taken"]) == (0, ["metadata", "masks", "images"], {"masks": 20, "images": 20})
    assert ran.result["ignored"] == ["f/notes.txt"]
    assert source.is_dir()


def test_kaggles_one_zip_holds_every_image_twice_and_each_is_taken_once(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    tree = small.kaggle(tmp_path / "tree")
    files = {p.relative_to(tree).as_posix(): p.read_bytes() for p in sorted(tree.rglob("*")) if p.is_file()}
    wrong = files[f"HAM10000_images_part_1/{FIRST}"][:-1] + b"?"
    source = s.lay(tmp_path / "source", {"archive.zip": s.zipped(files)})
    ran = fetch(source=source)
    assert (ran.code, ran.result["taken"], peek.contents(tmp_path / "cache" / s.ID / "images")) == (0, {"images": 20}, small.images)
    s.lay(source, {"archive.zip": s.zipped(files | {f"HAM10000_images_part_1/{FIRST}": wrong})})
    ran = fetch(source=source, cache=tmp_path / "other")
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, [f"archive.zip/HAM10000_images_part_1/{FIRST}"])
    assert peek.contents(tmp_path / "other" / s.ID / "images") == small.images


def test_a_zip_of_any_name_inside_a_zip_is_looked_into(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    inner = s.zipped(small.images | {s.METADATA: small.tables[s.METADATA]})
    ran = fetch(source=s.lay(tmp_path / "source", {"outer.zip": s.zipped({"mine.zip": inner})}))
    assert (ran.code, ran.result["taken"]) == (0, {"images": 20})
    assert peek.names(tmp_path / "cache" / s.ID / "archives") == []


def test_sources_repeat_and_complete_each_other(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    first = s.lay(tmp_path / "first", {s.PART_1: small.zips[s.PART_1]})
    second = s.lay(tmp_path / "second", {s.PART_2: small.zips[s.PART_2], s.METADATA: small.tables[s.METADATA]})
    assert (fetch(source=(first, second)).code, len(peek.names(tmp_path / "cache" / s.ID / "images"))) == (0, 20)


def test_another_cache_is_a_source(small: Small, small_cache: Path, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch(source=small_cache)
    assert ran.code == 0, ran.err
    assert in_cache(tmp_path / "cache") == in_cache(small_cache)
    assert {r["partition"] for r in peek.images(tmp_path / "cache").values() if r["vouched"] == "none"} == {"test", "validation"}
    assert fetch(source=small_cache / s.ID, cache=tmp_path / "third").code == 0
    assert peek.contents(tmp_path / "third" / s.ID / "images") == small.images


def test_what_macos_leaves_on_a_stick_is_passed_over(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    part = source / "HAM10000_images_part_1"
    s.lay(part, {f"._{FIRST}": b"stub", ".DS_Store": b"stub"})
    s.lay(source / "__MACOSX" / "HAM10000_images_part_1", {f"._{FIRST}": b"stub", "ISIC_0000002.jpg": b"stub"})
    ran = fetch(source=source)
    assert (ran.code, ran.result["findings"], ran.result["ignored"]) == (0, [], [])


@pytest.mark.parametrize("name", ["ISIC_0000001 (1).jpg", "ISIC_0000001.JPG", "ISIC_0000001 - Copy.jpg", "ISIC_0000001 copy.jpeg"])
def test_a_renamed_copy_of_an_image_is_that_image(name: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    rest = {n: d for n, d in small.images.items() if n != FIRST}
    source = s.lay(tmp_path / "source", rest | {name: small.images[FIRST], s.METADATA: small.tables[s.METADATA]})
    assert fetch(source=source).code == 0
    assert peek.contents(tmp_path / "cache" / s.ID / "images") == small.images


def test_a_wrong_first_copy_is_named_and_the_right_second_one_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.kaggle(tmp_path / "source")
    wrong = s.sha256(peek.flip(source / "HAM10000_images_part_1" / FIRST))
    ran = fetch(source=source)
    assert [(f["path"], f["verdict"], f["image_id"], f["expected"], f["got"]) for f in ran.result["findings"]] == [
        (f"HAM10000_images_part_1/{FIRST}", "wrong", "ISIC_0000001", s.sha256(small.images[FIRST]), wrong)
    ]
    assert (ran.code, peek.contents(tmp_path / "cache" / s.ID / "images")) == (3, small.images)


def test_a_wrong_image_is_named_and_stays_out_and_3_beats_4(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    wrong = s.sha256(peek.flip(source / "HAM10000_images_part_1" / FIRST))
    ran = fetch("images", source=source)
    assert [(f["image_id"], f["expected"], f["got"]) for f in ran.result["findings"]] == [
        ("ISIC_0000001", s.sha256(small.images[FIRST]), wrong)
    ]
    assert (ran.code, ran.result["missing"]) == (3, {"images": ["ISIC_0000001"]})
    assert peek.contents(tmp_path / "cache" / s.ID / "images") == {n: d for n, d in small.images.items() if n != FIRST}


def test_an_image_under_another_images_name_is_wrong(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    shutil.copy(source / "HAM10000_images_part_1" / "ISIC_0000002.jpg", source / "HAM10000_images_part_1" / FIRST)
    ran = fetch("images", source=source)
    assert (ran.code, [f["image_id"] for f in ran.result["findings"]]) == (3, ["ISIC_0000001"])


def test_a_cut_off_image_is_told_by_its_size(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    (source / "HAM10000_images_part_1" / FIRST).write_bytes(small.images[FIRST][:700])
    ran = fetch("images", source=source)
    assert [(f["expected"], f["got"]) for f in ran.result["findings"]] == [(f"{len(small.images[FIRST])} bytes", "700 bytes")]


def test_a_wrong_mask_is_named_and_stays_out(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    peek.flip(source / s.MASKS.removesuffix(".zip") / "ISIC_0000001_segmentation.png")
    ran = fetch("masks", source=source)
    assert (ran.code, [(f["component"], f["image_id"]) for f in ran.result["findings"]]) == (3, [("masks", "ISIC_0000001")])
    assert "ISIC_0000001_segmentation.png" not in peek.names(tmp_path / "cache" / s.ID / "masks")


def test_test_images_from_a_bare_folder_are_taken_as_vouched_for_by_nobody(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("test", source=small.unpacked(tmp_path / "source"))
    assert (ran.code, ran.result["taken"], ran.result["unvouched"]) == (0, {"test": 4}, {"test": 4})
    assert {r["vouched"] for r in peek.images(tmp_path / "cache").values() if r["partition"] == "test" and r["in_record"]} == {"none"}


def test_the_planted_image_is_not_missing(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("test", source=small.published(tmp_path / "source"))
    row = peek.images(tmp_path / "cache")[s.PLANTED]
    assert (ran.code, ran.result["missing"]) == (0, {})
    assert (row["in_record"], row["path"], row["dx"], row["partition"]) == (False, None, "nv", "test")


def test_a_member_of_a_right_zip_is_right_and_our_list_of_digests_is_warned_about(small: Small, ham_here: Here, tmp_path: Path) -> None:
    text = lzma.decompress((small.record.parent / "digests.sha256.xz").read_bytes()).replace(
        s.sha256(small.images[FIRST]).encode(), b"0" * 64
    )
    facts = small.facts | {"digests": small.facts["digests"] | {"sha256": s.sha256(text)}}
    record = s.lay(tmp_path / "record", {"record.json": json.dumps(facts).encode(), "digests.sha256.xz": lzma.compress(text)})
    fetch = ("fetch", "images", "--record", record / "record.json", "--json")
    from_zips = ham_here(*fetch, "--source", small.published(tmp_path / "zips"), cache=tmp_path / "a")
    assert (from_zips.code, from_zips.result["findings"], len(from_zips.json["warnings"])) == (0, [], 1)
    assert peek.images(tmp_path / "a")["ISIC_0000001"]["vouched"] == "archive"
    assert ham_here("verify", "--json", cache=tmp_path / "a").code == 0
    from_folder = ham_here(*fetch, "--source", small.unpacked(tmp_path / "bare"), cache=tmp_path / "b")
    assert (from_folder.code, [f["image_id"] for f in from_folder.result["findings"]]) == (3, ["ISIC_0000001"])


def test_auto_and_copy_make_files_of_their_own(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    original = source / "HAM10000_images_part_1" / FIRST
    for link in ("auto", "copy"):
        fetch("--link", link, source=source, cache=tmp_path / link)
        path = tmp_path / link / s.ID / "images" / FIRST
        assert not path.is_symlink()
        assert path.stat().st_ino != original.stat().st_ino
        assert path.read_bytes() == small.images[FIRST]


def test_hard_links_share_the_file(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    assert fetch("--link", "hard", source=source).code == 0
    pairs = [
        (source / "HAM10000_images_part_1" / FIRST, f"images/{FIRST}"),
        (source / s.MASKS.removesuffix(".zip") / "ISIC_0000001_segmentation.png", "masks/ISIC_0000001_segmentation.png"),
        (source / "ISIC2018_Task3_Test_Images" / "ISIC_0000101.jpg", "test/ISIC_0000101.jpg"),
    ]
    assert all(one.samefile(tmp_path / "cache" / s.ID / other) and one.stat().st_nlink == 2 for one, other in pairs)


def test_symbolic_links_point_to_the_file_from_anywhere(
    small: Small, ham_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small.unpacked(tmp_path / "source")
    monkeypatch.chdir(tmp_path)
    ran = ham_here("fetch", "--link", "sym", "--source", "source", "--record", small.record, cache=Path("cache"))
    link = tmp_path / "cache" / s.ID / "images" / FIRST
    monkeypatch.chdir("/")
    assert (ran.code, link.is_symlink()) == (0, True)
    assert link.resolve() == (source / "HAM10000_images_part_1" / FIRST).resolve()
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


@pytest.mark.parametrize("link", ["hard", "sym", "copy", "auto"])
def test_a_source_is_never_changed(link: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    peek.flip(source / "HAM10000_images_part_1" / FIRST)
    before = peek.snapshot(source)
    assert fetch("--link", link, source=source).code == 3
    assert peek.snapshot(source) == before


def test_a_hard_link_that_cannot_be_is_explained(small: Small, ham_here: Here, tmp_path: Path) -> None:
    shared_memory = Path("/dev/shm")  # noqa: S108  (another file system than the temporary folder's, where there is one)
    if not os.access(shared_memory, os.W_OK) or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system to link from")
    source = shared_memory / f"ham-test-{os.getpid()}"
    try:
        small.unpacked(source)
        ran = ham_here("fetch", "--link", "hard", "--source", source, "--record", small.record, "--json", cache=tmp_path / "cache")
    finally:
        shutil.rmtree(source)
    assert (ran.code, ran.json["exit_code"]) == (5, 5)
    assert "--link copy" in ran.json["error"]["next"]


def test_only_takes_the_images_whose_row_says_so(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    ran = fetch("--only", "dx=mel,bcc", source=small.published(tmp_path / "source"))
    chosen = {i for i, dx in DX.items() if dx in {"mel", "bcc"}}
    here = in_cache(tmp_path / "cache")
    assert (ran.code, ran.result["missing"]) == (0, {})
    assert set(here["images"]) == {f"{i}.jpg" for i in chosen}
    assert set(here["masks"]) == {f"{i}_segmentation.png" for i in chosen}
    assert set(here["test"]) == {"ISIC_0000102.jpg"}
    assert len(peek.images(tmp_path / "cache")) == 29 - 4
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


def test_only_options_of_several_columns_must_all_agree(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    fetch("images", "--only", "dx=mel,nv", "--only", "sex=male", "--only", "dataset=rosendahl", source=source)
    wanted = {r[1] for r in s.TRAIN if r[2] in {"mel", "nv"} and r[5] == "male" and r[7] == "rosendahl"}
    assert set(peek.names(tmp_path / "cache" / s.ID / "images")) == {f"{i}.jpg" for i in wanted}
    assert len(wanted) == 3


def test_what_only_asked_for_is_what_verify_misses_later(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    fetch("images", "--only", "dx=mel", source=small.published(tmp_path / "source"))
    (tmp_path / "cache" / s.ID / "images" / "ISIC_0000012.jpg").unlink()
    ran = ham_here("verify", "--json", cache=tmp_path / "cache")
    assert (ran.code, [(f["verdict"], f["image_id"]) for f in ran.result["findings"]]) == (3, [("missing", "ISIC_0000012")])


def test_what_two_fetches_asked_for_is_judged_together(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    for dx in ("mel", "bcc"):
        assert fetch("images", "--only", f"dx={dx}", source=source).code == 0
    for image_id in ("ISIC_0000012", "ISIC_0000020"):
        (tmp_path / "cache" / s.ID / "images" / f"{image_id}.jpg").unlink()
    ran = ham_here("verify", "--json", cache=tmp_path / "cache")
    assert (ran.code, [f["image_id"] for f in ran.result["findings"]]) == (3, ["ISIC_0000012", "ISIC_0000020"])


@pytest.mark.parametrize("words", [("--only", "dx=mel"), ("--sample", "1")])
def test_a_choice_among_rows_is_not_everything_where_there_are_no_rows(
    words: tuple[str, str], small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    ran = fetch("images", *words, source=s.lay(tmp_path / "source", small.images))
    assert (ran.code, peek.names(tmp_path / "cache" / s.ID / "images")) == (4, [])
    assert "metadata" in ran.out


def test_a_zip_of_which_only_a_part_was_asked_brings_the_rest_later(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    fetch("--only", "dx=mel", source=source)
    assert {r["state"] for n, r in peek.files(tmp_path / "cache").items() if n in {s.PART_1, s.PART_2}} == {"missing"}
    ran = fetch(source=source)
    assert (ran.code, ran.result["taken"]) == (0, {"images": 17, "masks": 17, "test": 3})
    assert {r["state"] for n, r in peek.files(tmp_path / "cache").items() if n in {s.PART_1, s.PART_2}} == {"dropped"}
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


def test_a_sample_is_so_many_whole_lesions_of_each_class(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    ran = fetch("--sample", "1", "metadata", "images", "masks", source=small.published(tmp_path / "source"))
    here = {name.removesuffix(".jpg") for name in peek.names(tmp_path / "cache" / s.ID / "images")}
    lesions = {LESION[i] for i in here}
    assert (ran.code, len(lesions), {DX[i] for i in here}) == (0, 7, set(DX.values()))
    assert here == set().union(*(LESIONS[lesion] for lesion in lesions))
    assert set(peek.names(tmp_path / "cache" / s.ID / "masks")) == {f"{i}_segmentation.png" for i in here}
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


def test_a_sample_is_the_same_from_every_layout_and_within_every_larger_one(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    chosen = {}
    for name, words, layout in (("zips", "1", small.published), ("tree", "1", small.kaggle), ("two", "2", small.unpacked)):
        fetch("images", "--sample", words, source=layout(tmp_path / f"source-{name}"), cache=tmp_path / name)
        chosen[name] = set(peek.names(tmp_path / name / s.ID / "images"))
    assert chosen["zips"] == chosen["tree"] < chosen["two"] == set(small.images)


def test_another_seed_is_another_sample(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    chosen = set()
    for seed in range(4):
        fetch("images", "--sample", "1", "--seed", seed, source=source, cache=tmp_path / str(seed))
        chosen.add(tuple(peek.names(tmp_path / str(seed) / s.ID / "images")))
    assert len(chosen) > 1


def test_sample_and_only_go_together(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    fetch("images", "--only", "dx=vasc", "--sample", "1", source=small.unpacked(tmp_path / "source"))
    here = {name.removesuffix(".jpg") for name in peek.names(tmp_path / "cache" / s.ID / "images")}
    assert here in (LESIONS["HAM_0000013"], LESIONS["HAM_0000014"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "dx=melanoma"), "melanoma"),
        (("--only", "colour=red"), "colour=red"),
        (("--only", "dx"), "dx"),
        (("--only", "dx="), "dx"),
        (("--only", "dx=mel", "--only", "dx=nv"), "dx"),
        (("--sample", "0"), "0"),
        (("--link", "soft"), "soft"),
    ],
)
def test_a_wish_that_cannot_be_understood_is_wrong_usage(
    words: tuple[str, ...], told: str, small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    ran = fetch(*words, source=small.unpacked(tmp_path / "source"))
    error = ran.json["error"]
    assert (ran.code, ran.json["exit_code"], (tmp_path / "cache").exists()) == (2, 2, False)
    assert told in error["what"] + error.get("got", "")


@pytest.mark.parametrize("layout", ["published", "unpacked", "dataverse", "kaggle"])
def test_a_second_run_changes_no_file(layout: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = getattr(small, layout)(tmp_path / "source")
    fetch(source=source)
    before = peek.snapshot(tmp_path / "cache")
    ran = fetch(source=source)
    assert (ran.code, ran.result["taken"], ran.result["written"]) == (0, {}, [])
    assert peek.snapshot(tmp_path / "cache") == before


def test_a_second_run_takes_up_only_what_is_new(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", dict(list(small.images.items())[:15]) | {s.METADATA: small.tables[s.METADATA]})
    first = fetch(source=source)
    before = peek.snapshot(tmp_path / "cache" / s.ID / "images")
    assert (first.code, first.result["taken"], first.result["missing"]) == (
        4,
        {"images": 15},
        {"images": sorted(n.removesuffix(".jpg") for n in list(small.images)[15:])},
    )
    s.lay(source, small.images)
    second = fetch(source=source)
    after = peek.snapshot(tmp_path / "cache" / s.ID / "images")
    assert (second.code, second.result["taken"], len(after)) == (0, {"images": 5}, 20)
    assert {name: after[name] for name in before} == before


def test_what_somebody_deleted_is_brought_again(small: Small, fetch: Fetch, folder: Path, tmp_path: Path) -> None:
    (folder / "images" / FIRST).unlink()
    (folder / "masks" / "ISIC_0000002_segmentation.png").unlink()
    (folder / "tables" / s.METADATA).unlink()
    ran = fetch(source=small.published(tmp_path / "source"))
    assert (ran.code, ran.result["taken"]) == (0, {"images": 1, "masks": 1})
    assert (folder / "images" / FIRST).read_bytes() == small.images[FIRST]
    assert (folder / "tables" / s.METADATA).read_bytes() == small.tables[s.METADATA]


def test_a_wrong_file_in_the_caches_own_folder_is_replaced_by_a_right_one(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / s.ID
    s.lay(folder / "images", {FIRST: b"x" * len(small.images[FIRST]), "ISIC_0000002.jpg": small.images["ISIC_0000002.jpg"]})
    fetch(source=small.published(tmp_path / "source"))
    assert peek.contents(folder / "images") == small.images
    assert {r["path"] is None for r in peek.images(tmp_path / "cache").values() if r["partition"] == "train"} == {False}


def test_an_incomplete_folder_is_exit_4_and_content_with_allow_partial(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.PART_1: small.zips[s.PART_1], s.METADATA: small.tables[s.METADATA]})
    absent = sorted(n.removesuffix(".jpg") for n in list(small.images)[10:])
    for words, code in (((), 4), (("--allow-partial",), 0)):
        cache = tmp_path / f"cache-{code}"
        ran = fetch(*words, source=source, cache=cache)
        assert (ran.code, ran.result["missing"], ran.result["taken"]) == (code, {"images": absent}, {"images": 10})
    assert [ham_here("verify", cache=tmp_path / f"cache-{code}").code for code in (4, 0)] == [3, 0]


def test_a_component_that_was_named_and_is_not_there_is_missing(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("metadata", "masks", "ratings", source=s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]}))
    assert (ran.code, list(ran.result["missing"]), len(ran.result["missing"]["masks"])) == (4, ["masks", "ratings"], 20)


def test_only_the_named_components_are_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("masks", source=small.published(tmp_path / "source"))
    assert (ran.code, ran.result["components"], ran.result["taken"]) == (0, ["masks"], {"masks": 20})
    assert in_cache(tmp_path / "cache") == {"images": {}, "masks": small.masks, "test": {}, "validation": {}}


def test_images_without_metadata_are_indexed_when_the_metadata_comes(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    images = s.lay(tmp_path / "images", small.images)
    table = s.lay(tmp_path / "table", {s.METADATA: small.tables[s.METADATA]})
    assert fetch(source=images).result["taken"] == {"images": 20}
    before = peek.snapshot(tmp_path / "cache" / s.ID / "images")
    assert ham_here("verify", cache=tmp_path / "cache").code == 0
    assert fetch(source=table).code == 0
    rows = peek.images(tmp_path / "cache")
    assert {i: r["sha256"] for i, r in rows.items()} == {n.removesuffix(".jpg"): s.sha256(d) for n, d in small.images.items()}
    assert peek.snapshot(tmp_path / "cache" / s.ID / "images") == before
    ran = ham_here("verify", "images", "metadata", cache=tmp_path / "cache")
    assert ran.code == 0, ran.out


def test_validation_images_are_indexed_when_their_truth_comes(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    images = s.lay(tmp_path / "images", {s.VALIDATION_INPUT: small.zips[s.VALIDATION_INPUT]})
    truth = s.lay(tmp_path / "truth", {s.VALIDATION_TRUTH_ZIP: small.zips[s.VALIDATION_TRUTH_ZIP]})
    first = fetch(source=images)
    assert (first.code, list(first.result["missing"])) == (4, ["validation"])
    assert fetch(source=truth).code == 0
    rows = peek.images(tmp_path / "cache")
    assert {i: (r["dx"], r["sha256"]) for i, r in rows.items()} == {
        i: (dx, s.sha256(small.validation[f"{i}.jpg"])) for i, dx in s.VALIDATION
    }
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


def test_test_images_whose_truth_is_not_there_are_missing_and_not_lost_sight_of(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.TEST: small.zips[s.TEST]})
    first = fetch(source=source)
    assert (first.code, first.result["missing"]["test"]) == (4, [s.TEST_TRUTH, "4 images"])
    s.lay(source, {s.TEST_TRUTH: small.tables[s.TEST_TRUTH]})
    assert (fetch(source=source).code, peek.contents(tmp_path / "cache" / s.ID / "test")) == (0, small.test)


def test_a_cache_without_any_image_is_useful(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert fetch("metadata", source=small.published(tmp_path / "source")).code == 0
    assert ham_here("verify", cache=cache).code == 0
    assert ham_here("show", "ISIC_0000001", "--json", cache=cache).result["dx"] == "bcc"
    counts = peek.query("SELECT dx, count(*) FROM read_parquet(?) GROUP BY dx ORDER BY dx", str(peek.manifest(cache, "images")))
    assert dict(counts) == small.facts["partitions"]["train"]["dx"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("HAM10000_metadata.csv", lambda table: table),
        ("HAM10000_metadata.tab", s.tabbed),
        ("HAM10000_metadata.csv", s.tabbed),
        ("my table.txt", lambda table: table.replace(b"\n", b"\r\n")),
        ("HAM10000_metadata (2)", lambda table: b"\xef\xbb\xbf" + table),
        ("labels.tsv", lambda table: table.replace(b",", b"\t")),
        ("ages.csv", lambda table: table.replace(b".0,", b",")),
    ],
)
def test_the_metadata_is_known_by_its_content_under_any_name(
    name: str, change: Callable[[bytes], bytes], small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {name: change(small.tables[s.METADATA])}))
    assert (ran.code, ran.result["findings"]) == (0, [])
    rows = sorted(peek.images(tmp_path / "cache").values(), key=lambda row: row["row"])
    assert s.comma([["" if r[c] is None else str(r[c]) for c in s.COLUMNS] for r in rows]) == small.tables[s.METADATA]


def test_the_table_of_seven_columns_is_named_for_what_it_is_and_later_replaced(small: Small, ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fetch = ("fetch", "--record", small.record, "-v")
    first = ham_here(*fetch, "--source", small.kaggle(tmp_path / "kaggle"), cache=cache)
    assert first.code == 0
    assert "the same rows without the column dataset" in first.err
    assert {r["dataset"] for r in peek.images(cache).values()} == {None}
    assert peek.options(peek.manifest(cache, "images"))["tables"]["train"]["columns"] == list(s.COLUMNS[:7])
    images = peek.snapshot(cache / s.ID / "images")
    second = ham_here(*fetch, "--source", s.lay(tmp_path / "table", {s.METADATA: small.tables[s.METADATA]}), cache=cache)
    rows = peek.images(cache)
    assert second.code == 0
    assert {i: r["dataset"] for i, r in rows.items()} == {r[1]: r[7] for r in s.TRAIN}
    assert (peek.snapshot(cache / s.ID / "images"), {r["path"] is None for r in rows.values()}) == (images, {False})
    assert peek.contents(cache / s.ID / "tables") == {s.METADATA: small.tables[s.METADATA]}


def test_the_table_of_seven_columns_does_not_replace_the_one_of_eight(small: Small, fetch: Fetch, folder: Path, tmp_path: Path) -> None:
    before = peek.snapshot(folder)
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {s.KAGGLE_METADATA: small.tables[s.KAGGLE_METADATA]}))
    assert (ran.code, peek.snapshot(folder)) == (0, before)


def test_an_altered_table_is_named_with_what_differs_and_not_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    data = small.tables[s.METADATA].replace(b"ISIC_0000012,mel,", b"ISIC_0000012,nv,")
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {s.METADATA: data}))
    assert ran.code == 3
    assert [(f["component"], f["verdict"], f["expected"], f["got"]) for f in ran.result["findings"]] == [
        ("metadata", "altered", s.md5(small.tables[s.METADATA]), s.md5(data))
    ]
    assert "mel 2 for 3" in ran.result["findings"][0]["detail"]
    assert "values changed in: dx" in ran.result["findings"][0]["detail"]
    assert (ran.result["missing"]["metadata"], peek.names(tmp_path / "cache" / s.ID / "tables")) == ([s.METADATA], [])


def test_an_altered_table_that_is_accepted_is_marked(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    data = small.tables[s.METADATA].replace(b"ISIC_0000012,mel,", b"ISIC_0000012,nv,")
    ran = fetch("metadata", "--accept-altered", source=s.lay(tmp_path / "source", {s.METADATA: data}))
    assert (ran.code, len(ran.json["warnings"]), peek.images(cache)["ISIC_0000012"]["dx"]) == (0, 1, "nv")
    assert "values changed in: dx" in peek.options(peek.manifest(cache, "images"))["tables"]["train"]["altered"]
    verified = ham_here("verify", "--json", cache=cache)
    assert verified.code == 3
    assert "altered" in {f["verdict"] for f in verified.result["findings"]}
    assert fetch("metadata", source=s.lay(tmp_path / "right", {s.METADATA: small.tables[s.METADATA]})).code == 0
    assert peek.images(cache)["ISIC_0000012"]["dx"] == "mel"
    assert peek.options(peek.manifest(cache, "images"))["tables"]["train"]["altered"] == []
    assert ham_here("verify", cache=cache).code == 0


def test_a_published_table_beside_an_altered_one_is_the_one_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    data = small.tables[s.METADATA].replace(b"ISIC_0000012,mel,", b"ISIC_0000012,nv,")
    source = s.lay(tmp_path / "source", {"a.csv": data, "b.csv": small.tables[s.METADATA]})
    ran = fetch("metadata", "--accept-altered", source=source)
    assert (ran.code, peek.images(tmp_path / "cache")["ISIC_0000012"]["dx"]) == (0, "mel")


def test_lesion_groupings_are_read_and_held_against_the_metadata(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    tables = {s.METADATA: small.tables[s.METADATA], s.GROUPINGS: small.tables[s.GROUPINGS]}
    right = fetch(source=s.lay(tmp_path / "right", tables))
    assert (right.code, right.result["findings"], right.result["ignored"]) == (0, [], [])
    altered = tables[s.GROUPINGS].replace(b"ISIC_0000001,HAM_0000004", b"ISIC_0000001,HAM_0000003")
    wrong = fetch(source=s.lay(tmp_path / "wrong", tables | {s.GROUPINGS: altered}), cache=tmp_path / "other")
    assert (wrong.code, [f["component"] for f in wrong.result["findings"]]) == (3, ["metadata"])


def test_the_challenges_own_truth_gives_diagnoses_until_the_metadata_comes(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    challenge = s.onehot((row[1], row[2]) for row in s.TRUTH)
    first = fetch("test", source=s.lay(tmp_path / "first", {s.TEST: small.zips[s.TEST], s.TEST_TRUTH: challenge}))
    rows = {i: r for i, r in peek.images(tmp_path / "cache").items() if r["partition"] == "test"}
    assert (first.code, {i: (r["dx"], r["sex"]) for i, r in rows.items()}) == (0, {r[1]: (r[2], None) for r in s.TRUTH})
    second = fetch("test", source=s.lay(tmp_path / "second", {s.TEST_TRUTH: small.tables[s.TEST_TRUTH]}))
    rows = peek.images(tmp_path / "cache")
    assert (second.code, rows["ISIC_0000103"]["sex"], rows["ISIC_0000103"]["path"]) == (0, "female", "test/ISIC_0000103.jpg")


def test_the_cache_keeps_the_record_that_is_in_force(small: Small, small_cache: Path) -> None:
    assert (small_cache / s.ID / "record.json").read_bytes() == small.record.read_bytes()
    assert (small_cache / s.ID / "digests.sha256.xz").read_bytes() == (small.record.parent / "digests.sha256.xz").read_bytes()


def test_several_workers_and_one_bring_the_same(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    for jobs in (1, 3):
        assert fetch("--jobs", jobs, source=source, cache=tmp_path / str(jobs)).code == 0
    assert in_cache(tmp_path / "1") == in_cache(tmp_path / "3")
    one, three = (peek.labels(peek.manifest(tmp_path / jobs, "images"))["ham.digest"] for jobs in "13")
    assert one == three


def test_a_person_reads_what_arrived_what_is_wrong_and_what_is_missing(small: Small, ham_here: Here, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", dict(list(small.images.items())[:18]) | {s.METADATA: small.tables[s.METADATA]})
    got = s.sha256(peek.flip(source / FIRST))
    ran = ham_here("fetch", "--source", source, "--record", small.record, cache=tmp_path / "cache")
    assert ran.code == 3
    assert ran.out.endswith(f"images: 1 wrong\n  {FIRST}\n    expected {s.sha256(small.images[FIRST])}\n    got      {got}\n")
    assert "ISIC_0000001, ISIC_0000019, ISIC_0000020\n" in ran.err


def test_a_fetch_that_brings_nothing_of_another_record_leaves_the_old_one_in_force(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    # Who forgets --record asks for the published one, whose table this is not.
    source = s.lay(tmp_path / "source", {s.METADATA: s.comma(s.TRAIN)})
    assert ham_here("fetch", "--source", source, cache=cache).code == 3
    assert ham_here("stats", "--json", cache=cache).json["record"] == s.ID


def test_another_published_picture_under_a_test_images_name_stays_out(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    files = {"ISIC_0000101.jpg": small.images[FIRST], s.TEST_TRUTH: small.tables[s.TEST_TRUTH]}
    ran = fetch("--allow-partial", source=s.lay(tmp_path / "source", files))
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["verdict"], finding["detail"], ran.result["have"]["test"]) == (3, "wrong", f"it is {FIRST}", 0)
    assert in_cache(tmp_path / "cache")["test"] == {}
    # The same inside of a zip that nobody vouches for.
    packed = s.lay(tmp_path / "packed", {"my.zip": s.zipped(files)})
    ran = fetch("--allow-partial", source=packed, cache=tmp_path / "other")
    assert (ran.code, ran.result["findings"][0]["detail"], ran.result["have"]["test"]) == (3, f"it is {FIRST}", 0)
