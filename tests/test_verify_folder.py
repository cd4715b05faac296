"""``ham verify --path`` of any folder: a download, Kaggle's tree, a colleague's disk, held against the record without a cache."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests import peek
from tests import small as s
from tests.conftest import run_here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Ran
    from tests.small import Small

FIRST, SECOND = "ISIC_0000001.jpg", "ISIC_0000002.jpg"


@pytest.fixture
def verify(small: Small, tmp_path: Path) -> Callable[..., Ran]:
    """``ham verify --path FOLDER`` where there is no cache; it must not come into being."""

    def run(folder: Path, *words: str) -> Ran:
        before = peek.snapshot(folder)
        ran = run_here("verify", "--path", folder, "--record", small.record, "--json", *words, cache=tmp_path / "nowhere")
        assert (peek.snapshot(folder), (tmp_path / "nowhere").exists()) == (before, False)
        return ran

    return run


@pytest.fixture
def disk(small: Small, tmp_path: Path) -> Path:
    """Loose images, masks and the table, as somebody has sorted them."""
    files = {f"pictures/{n}": d for n, d in small.images.items()} | {f"masks/{n}": d for n, d in small.masks.items()}
    return s.lay(tmp_path / "disk", files | {s.METADATA: small.tables[s.METADATA]})


def found(ran: Ran) -> list[tuple[Any, ...]]:
    return [(f["component"], f["path"], f["verdict"]) for f in ran.result["findings"]]


def right(ran: Ran) -> dict[str, tuple[int, ...]]:
    """Each component's numbers: right, wrong, missing, renamed."""
    return {c: tuple(n[k] for k in ("right", "wrong", "missing", "renamed")) for c, n in ran.result["components"].items()}


@pytest.mark.parametrize("words", [(), ("--deep",), ("--quick",), ("--jobs", "1")])
def test_a_disk_with_everything_loose_is_right(words: tuple[str, ...], disk: Path, verify: Callable[..., Ran]) -> None:
    ran = verify(disk, *words)
    assert (ran.code, right(ran)) == (0, {"metadata": (1, 0, 0, 0), "masks": (20, 0, 0, 0), "images": (20, 0, 0, 0)})


@pytest.mark.parametrize("words", [(), ("--deep",), ("--quick",)])
def test_the_published_files_are_right_and_their_zips_vouch_for_what_they_hold(
    words: tuple[str, ...], small: Small, verify: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = verify(small.published(tmp_path / "source", isic=True), *words)
    counts = {c: n[0] for c, n in right(ran).items()}
    assert (ran.code, counts) == (
        0,
        {"metadata": 1, "masks": 20, "test": 4, "images": 20, "ratings": 1, "validation": len(small.validation)},
    )
    assert found(ran) == []


def test_kaggles_tree_is_right_however_often_it_holds_an_image(small: Small, verify: Callable[..., Ran], tmp_path: Path) -> None:
    tree = s.kaggle_tree(tmp_path / "kaggle", small.images, small.tables[s.METADATA])
    ran = verify(tree)
    assert (ran.code, right(ran)["images"], ran.result["extra"]) == (0, (20, 0, 0, 0), ["hmnist_28_28_RGB.csv", "hmnist_8_8_L.csv"])


def test_everything_that_is_wrong_is_told_apart(small: Small, disk: Path, verify: Callable[..., Ran]) -> None:
    pictures = disk / "pictures"
    (pictures / FIRST).write_bytes(small.images[SECOND])
    (pictures / SECOND).rename(pictures / "second lesion.jpg")
    (pictures / "ISIC_0000003.jpg").rename(pictures / "ISIC_0000003 (1).jpg")
    (pictures / "ISIC_0000004.jpg").unlink()
    peek.flip(pictures / "ISIC_0000005.jpg", 300)
    (pictures / "ISIC_0000007.jpg").write_bytes(b"<html>")
    (disk / "notes.txt").write_bytes(b"mine")
    (disk / s.METADATA).write_bytes(small.tables[s.METADATA].replace(b"bcc", b"mel", 1))
    ran = verify(disk, "--deep")
    assert ran.code == 3
    assert sorted(found(ran)) == [
        ("images", "ISIC_0000004.jpg", "missing"),
        ("images", "pictures/ISIC_0000001.jpg", "wrong"),
        ("images", "pictures/ISIC_0000003 (1).jpg", "renamed"),
        ("images", "pictures/ISIC_0000005.jpg", "wrong"),
        ("images", "pictures/ISIC_0000007.jpg", "unreadable"),
        ("images", "pictures/second lesion.jpg", "renamed"),
        ("metadata", s.METADATA, "altered"),
    ]
    details = {f["path"]: f["detail"] for f in ran.result["findings"]}
    assert details["pictures/ISIC_0000001.jpg"] == f"it is {SECOND}"
    assert (right(ran)["images"], ran.result["extra"]) == ((16, 3, 1, 2), ["notes.txt"])


def test_a_right_copy_elsewhere_is_enough(small: Small, disk: Path, verify: Callable[..., Ran]) -> None:
    peek.flip(disk / "pictures" / FIRST, 300)
    s.lay(disk, {f"backup/{FIRST}": small.images[FIRST]})
    ran = verify(disk)
    assert (ran.code, found(ran), right(ran)["images"]) == (3, [("images", f"pictures/{FIRST}", "wrong")], (20, 0, 0, 0))


def test_a_zip_that_somebody_packed_again_is_looked_at_image_by_image(small: Small, verify: Callable[..., Ran], tmp_path: Path) -> None:
    images = dict(list(small.images.items())[:10])
    bad = images | {FIRST: images[FIRST][:-1] + b"x"}
    folder = s.lay(tmp_path / "packed", {s.PART_1: s.zipped(bad), s.PART_2: small.zips[s.PART_2]})
    ran = verify(folder)
    assert (ran.code, found(ran), right(ran)["images"]) == (3, [("images", f"{s.PART_1}/{FIRST}", "wrong")], (19, 1, 0, 0))


def test_zips_in_the_zip_of_a_whole_download_are_held_against_their_md5(small: Small, verify: Callable[..., Ran], tmp_path: Path) -> None:
    inner = {s.PART_1: small.zips[s.PART_1], s.PART_2: small.zips[s.PART_2], s.MASKS: small.zips[s.MASKS]}
    whole = s.lay(tmp_path / "whole", {"dataverse_files.zip": s.zipped(inner, packed=False)})
    ran = verify(whole)
    assert (ran.code, right(ran)) == (0, {"masks": (20, 0, 0, 0), "images": (20, 0, 0, 0)})
    broken = bytearray(inner[s.PART_1])
    broken[300] ^= 1
    folder = s.lay(tmp_path / "broken", {"dataverse_files.zip": s.zipped(inner | {s.PART_1: bytes(broken)}, packed=False)})
    ran = verify(folder)
    assert (ran.code, ("images", f"dataverse_files.zip/{s.PART_1}", "wrong") in found(ran)) == (3, True)


@pytest.mark.parametrize("named", ["metadata", "masks", "images"])
def test_only_the_named_component_is_judged_and_looked_at(named: str, disk: Path, verify: Callable[..., Ran]) -> None:
    for path in (disk / "pictures" / FIRST, disk / "masks" / "ISIC_0000001_segmentation.png", disk / s.METADATA):
        path.unlink()
    ran = verify(disk, named)
    assert (ran.code, {f["component"] for f in ran.result["findings"]}, set(ran.result["components"])) == (3, {named}, {named})


def test_all_says_what_is_not_there_at_all(small: Small, disk: Path, verify: Callable[..., Ran]) -> None:
    ran = verify(disk, "--all")
    missing = {c: n[2] for c, n in right(ran).items()}
    assert (ran.code, missing) == (
        3,
        {"metadata": 0, "masks": 0, "test": 4, "images": 0, "ratings": 1, "validation": len(small.validation)},
    )


def test_test_images_are_vouched_for_by_nobody_and_it_is_said(small: Small, verify: Callable[..., Ran], tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "loose", {f"t/{n}": d for n, d in small.test.items()} | {s.TEST_TRUTH: small.tables[s.TEST_TRUTH]})
    ran = verify(folder)
    assert (ran.code, ran.result["components"]["test"]["unvouched"]) == (0, 4)
    (folder / "t" / "ISIC_0000101.jpg").unlink()
    ran = verify(folder)
    assert (ran.code, found(ran)) == (3, [("test", "ISIC_0000101.jpg", "missing")])


def test_a_cache_is_a_folder_too(cache: Path, verify: Callable[..., Ran]) -> None:
    ran = verify(cache / s.ID)
    assert (ran.code, right(ran)["images"], right(ran)["masks"]) == (0, (20, 0, 0, 0), (20, 0, 0, 0))


def test_the_real_sample_is_right_and_of_the_whole_nearly_everything_is_missing(real_data: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(real_data / "sample", tmp_path / "sample")
    ran = run_here("verify", "--path", folder, "--deep", "--json", cache=tmp_path / "nowhere")
    assert (ran.code, right(ran)) == (3, {"masks": (5, 0, 10010, 0), "images": (96, 0, 9919, 0)})


@pytest.mark.parametrize("files", [{}, {"a.jpg": b"a", "notes.txt": b"b"}])
def test_a_folder_with_nothing_of_it_is_wrong_usage(files: dict[str, bytes], verify: Callable[..., Ran], tmp_path: Path) -> None:
    ran = verify(s.lay(tmp_path / "photos", files))
    assert (ran.code, "export" in ran.json["error"]["what"]) == (2, True)


def test_a_person_sees_a_table_and_what_to_do(small: Small, disk: Path, tmp_path: Path) -> None:
    (disk / "pictures" / FIRST).unlink()
    ran = run_here("verify", "--path", disk, "--record", small.record, cache=tmp_path / "nowhere")
    assert ran.out.splitlines()[0].split() == ["component", "published", "right", "wrong", "missing", "renamed", "verdict"]
    assert ["images", "20", "19", "0", "1", "0", "incomplete"] in [line.split() for line in ran.out.splitlines()]
    assert f"ham fetch --source {disk}" in ran.err


def test_a_zip_that_is_cut_off_leaves_its_images_missing_and_not_unsaid(small: Small, verify: Callable[..., Ran], tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "half", {s.PART_1: small.zips[s.PART_1][:3000], s.PART_2: small.zips[s.PART_2]})
    ran = verify(folder)
    assert (ran.code, right(ran)) == (3, {"images": (10, 0, 10, 0)})
    assert ("images", s.PART_1, "unreadable") in found(ran)
    alone = verify(s.lay(tmp_path / "alone", {s.PART_1: small.zips[s.PART_1][:3000]}))
    assert (alone.code, right(alone)) == (3, {"images": (0, 0, 20, 0)})


# Nobody has published digests of the test images.


def test_what_has_a_test_images_name_and_is_no_picture_is_wrong(small: Small, tmp_path: Path, verify: Callable[..., Ran]) -> None:
    pictures = dict(small.test) | {"ISIC_0000101.jpg": b"no image"}
    ran = verify(s.lay(tmp_path / "there", {**pictures, s.TEST_TRUTH: small.tables[s.TEST_TRUTH]}))
    assert (ran.code, found(ran)) == (3, [("test", "ISIC_0000101.jpg", "unreadable")])
    assert right(ran)["test"] == (3, 1, 0, 0)


def test_another_published_picture_under_a_test_images_name_is_known(small: Small, tmp_path: Path, verify: Callable[..., Ran]) -> None:
    pictures = dict(small.test) | {"ISIC_0000101.jpg": small.images[FIRST]}
    ran = verify(s.lay(tmp_path / "there", {**pictures, s.TEST_TRUTH: small.tables[s.TEST_TRUTH]}))
    assert (ran.code, found(ran)) == (3, [("test", "ISIC_0000101.jpg", "wrong")])
    assert ran.result["findings"][0]["detail"] == f"it is {FIRST}"


def test_there_are_no_more_test_images_than_were_published(small: Small, tmp_path: Path, verify: Callable[..., Ran]) -> None:
    pictures = {f"ISIC_00005{n:02}.jpg": s.jpeg(f"stranger {n}") for n in range(6)}
    # Without the table nobody can tell which they are, but how many; with it, which.
    ran = verify(s.lay(tmp_path / "bare", pictures))
    assert (ran.code, found(ran), right(ran)["test"]) == (3, [("test", "test/", "wrong")], (4, 2, 0, 0))
    ran = verify(s.lay(tmp_path / "named", {**pictures, **small.test, s.TEST_TRUTH: small.tables[s.TEST_TRUTH]}))
    assert (ran.code, found(ran), right(ran)["test"]) == (0, [], (4, 0, 0, 0))
