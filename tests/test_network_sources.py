"""Several sources: each file from the first that has it, folders and servers in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s
from tests.web import TABLES, Web, whole

if TYPE_CHECKING:
    from pathlib import Path

    from tests.small import Small

FIRST = "ISIC_0000001.jpg"


@pytest.fixture
def offered(full: Small) -> Small:
    return full


def named(*sources: object) -> list[object]:
    return [word for source in sources for word in ("--source", source)]


def test_a_folder_that_stands_first_is_taken_from_and_only_the_rest_is_asked_for(web: Web, small: Small, tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "folder", {s.PART_1: small.zips[s.PART_1], s.METADATA: small.tables[s.METADATA]})
    ran = web.fetch(*named(folder, "dataverse"))
    assert ran.code == 0, ran.err
    assert whole(small, web)
    assert web.asked() == ["listing", *TABLES[1:], s.MASKS, s.TEST, s.PART_2]
    assert {n: r["source"] for n, r in peek.files(web.cache).items()} == {
        s.PART_1: "folder",
        TABLES[0]: "folder",
        **dict.fromkeys((*TABLES[1:], s.MASKS, s.TEST, s.PART_2), "dataverse"),
    }


def test_where_a_folder_has_everything_no_server_is_asked(web: Web, small: Small, tmp_path: Path) -> None:
    assert web.fetch(*named(small.published(tmp_path / "folder"), "dataverse")).code == 0
    assert (whole(small, web), web.servers.requests) == (True, [])


def test_a_folder_that_stands_last_gives_what_the_servers_refuse(web: Web, small: Small, tmp_path: Path) -> None:
    web.servers.fault("dataverse", "edge403", name=s.MASKS, times=None)
    folder = s.lay(tmp_path / "folder", {s.MASKS: small.zips[s.MASKS], s.PART_1: b"never opened"})
    ran = web.fetch("metadata", "masks", *named("dataverse", folder))
    assert (ran.code, web.files("masks")) == (0, small.masks)
    assert peek.files(web.cache)[s.MASKS]["source"] == "folder"


def test_a_folder_between_two_servers_has_its_turn(web: Web, small: Small, tmp_path: Path) -> None:
    web.servers.fault("dataverse", "lost404", name=s.PART_1, times=None)
    folder = s.lay(tmp_path / "folder", dict(list(small.images.items())[:10]))
    ran = web.fetch("images", *named("dataverse", folder, "isic"))
    assert (ran.code, web.files()) == (0, small.images)
    assert web.servers.of_file(s.TRAINING_INPUT) == []


def test_a_folder_with_some_loose_images_is_completed_by_the_server(web: Web, small: Small, tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "folder", dict(list(small.images.items())[8:]))
    ran = web.fetch("images", *named(folder, "dataverse"))
    assert (ran.code, ran.result["taken"], web.files()) == (0, {"images": 20}, small.images)


@pytest.mark.parametrize("components", [["images"], ["metadata", "images"]])
def test_images_of_a_folder_are_indexed_by_the_table_of_the_server(components: list[str], web: Web, small: Small, tmp_path: Path) -> None:
    ran = web.fetch(*components, *named(s.lay(tmp_path / "folder", small.images), "dataverse"))
    assert (ran.code, ran.result["missing"], web.asked()) == (0, {}, ["listing", TABLES[0]])
    assert {r["vouched"] for r in peek.images(web.cache).values() if r["path"]} == {"digest"}


def test_a_wrong_image_in_a_folder_is_a_finding_and_the_right_one_comes_from_the_server(web: Web, small: Small, tmp_path: Path) -> None:
    wrong = dict(list(small.images.items())[:10]) | {FIRST: small.images[FIRST][:-1] + b"?"}
    ran = web.fetch("images", *named(s.lay(tmp_path / "folder", wrong), "dataverse"))
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, [FIRST])
    assert (web.files(), ran.result["missing"]) == (small.images, {})


def test_an_empty_folder_before_a_server_is_no_fault(web: Web, small: Small, tmp_path: Path) -> None:
    assert web.fetch(*named(s.lay(tmp_path / "folder", {}), "dataverse")).code == 0
    assert whole(small, web)


def test_a_folder_that_is_not_there_stops_before_any_server_is_asked(web: Web, tmp_path: Path) -> None:
    assert web.fetch(*named("dataverse", tmp_path / "nowhere")).code == 2
    ran = web.fetch(*named("dataversee"))
    assert (ran.code, ran.json["error"]["what"]) == (2, "there is no such folder")
    assert ran.json["error"]["expected"] == "dataverse, isic, an http(s):// address or a folder"
    assert (web.servers.requests, (web.cache / s.ID).exists()) == ([], False)


def test_a_choice_by_rows_takes_the_table_from_the_server_and_images_from_the_folder(web: Web, small: Small, tmp_path: Path) -> None:
    mel = {f"{r[1]}.jpg" for r in s.TRAIN if r[2] == "mel"}
    folder = s.lay(tmp_path / "folder", small.images)
    ran = web.fetch("metadata", "images", "--only", "dx=mel", *named(folder, "dataverse"))
    assert ran.code == 0, ran.err
    assert web.files() == {n: small.images[n] for n in mel}


def test_the_bucket_before_dataverse_gives_what_it_has_and_dataverse_the_rest(web: Web, full: Small) -> None:
    ran = web.fetch(*named("isic", "dataverse"))
    assert ran.code == 0, ran.err
    assert (web.files("images"), web.files("masks"), web.files("test")) == (full.images, full.masks, full.test)
    files = peek.files(web.cache)
    assert {files[n]["source"] for n in (s.TRAINING_INPUT,)} == {"isic"}
    assert {files[n]["source"] for n in (s.MASKS, TABLES[2])} == {"dataverse"}
    assert not web.servers.of_file(s.PART_1)


def test_the_default_is_dataverse_and_then_the_bucket(web: Web, full: Small) -> None:
    for name in (s.PART_1, s.TEST):
        web.servers.fault("dataverse", "lost404", name=name, times=None)
    ran = web.fetch()
    assert (ran.code, web.files("images"), web.files("test")) == (0, full.images, full.test)
    assert {t["name"] for t in ran.result["troubles"]} == {s.PART_1, s.TEST}
    assert {r["source"] for r in peek.files(web.cache).values() if r["state"] in {"have", "dropped"}} == {"dataverse", "isic"}


def test_a_second_fetch_from_the_bucket_alone_asks_nobody(web: Web) -> None:
    assert web.fetch(*named("isic")).code == 0
    asked, before = len(web.servers.requests), peek.snapshot(web.cache)
    assert web.fetch(*named("isic")).code == 0
    assert (len(web.servers.requests), peek.snapshot(web.cache)) == (asked, before)


def test_one_source_named_twice_is_one(web: Web, small: Small) -> None:
    assert web.fetch(*named("dataverse", "dataverse")).code == 0
    assert web.asked().count("listing") == 1
    assert whole(small, web)


def test_a_fetch_after_a_folder_brings_what_was_missing(web: Web, small: Small, tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "folder", {s.PART_1: small.zips[s.PART_1], s.METADATA: small.tables[s.METADATA]})
    assert web.fetch(*named(folder)).code == 4
    assert web.fetch().code == 0
    assert (whole(small, web), web.servers.of_file(s.PART_1)) == (True, [])


def test_a_table_of_seven_columns_from_a_folder_gives_way_to_the_published_one(web: Web, small: Small, tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "folder", {s.KAGGLE_METADATA: small.tables[s.KAGGLE_METADATA]})
    assert web.fetch("metadata", *named(folder)).code == 0
    ran = web.fetch("metadata")
    assert (ran.code, ran.result["unknown"]) == (0, {})
    assert web.files("tables")[s.METADATA] == small.tables[s.METADATA]
    assert {r["dataset"] for r in peek.images(web.cache).values() if r["partition"] == "train"} == {r[7] for r in s.TRAIN}
