"""What a server lists otherwise than the record, and what comes from the challenge's bucket where the server refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import peek
from tests import small as s
from tests.web import PLANTED_IMAGE, TABLES, TEST_INPUT, TEST_TRUTH, TRAINING_TRUTH, ZIPS, Web, whole

if TYPE_CHECKING:
    from tests.conftest import Here
    from tests.dataverse.faults import Kind
    from tests.small import Small

OF_METADATA = ("age", "sex", "localization", "dataset")
"""Columns of the training table that the challenge does not publish."""
FIREWALL: list[Kind] = ["waf202", "edge403", "captcha405"]


@pytest.fixture
def offered(full: Small) -> Small:
    return full


def refuse(web: Web, kind: Kind = "edge403") -> None:
    """Let the firewall stand before everything of Dataverse's."""
    web.servers.fault("dataverse", kind, times=None)


# --- what the listing says


def test_a_changed_md5_is_exit_3_and_nothing_of_that_file_is_fetched_or_replaced(web: Web, small: Small) -> None:
    web.servers.listing.wrong_md5 = [s.MASKS]
    ran = web.fetch()
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["path"], finding["verdict"], finding["expected"]) == (3, s.MASKS, "wrong", s.md5(small.zips[s.MASKS]))
    assert finding["got"] not in {None, finding["expected"]}
    assert (web.servers.of_file(s.MASKS), web.files("masks")) == ([], {})


def test_beside_a_changed_file_all_others_come(web: Web, small: Small) -> None:
    web.servers.listing.wrong_md5 = [s.MASKS]
    ran = web.fetch()
    assert (web.files("images"), web.files("test")) == (small.images, small.test)
    assert ran.result["missing"].keys() == {"masks"}


def test_a_changed_file_replaces_nothing_that_is_there(web: Web) -> None:
    web.fetch("masks")
    before = peek.snapshot(web.folder / "masks")
    web.servers.replace(s.MASKS, s.zipped({"another.txt": b"x"}))
    assert web.fetch().code == 3
    assert peek.snapshot(web.folder / "masks") == before


def test_changed_training_zips_come_from_the_bucket_and_are_said(web: Web, small: Small) -> None:
    web.servers.listing.wrong_md5 = [s.PART_1, s.PART_2]
    ran = web.fetch()
    assert (ran.code, ran.result["missing"]) == (3, {})
    assert web.files("images") == small.images
    assert {f["path"] for f in ran.result["findings"]} == {s.PART_1, s.PART_2}


def test_a_changed_table_is_not_fetched(web: Web) -> None:
    web.servers.listing.wrong_md5 = [TABLES[0]]
    assert web.fetch("metadata", "--source", "dataverse").code == 3
    assert web.servers.of_file(TABLES[0]) == []


def test_another_size_in_the_listing_is_a_warning_and_the_md5_decides(web: Web, small: Small) -> None:
    web.servers.listing.wrong_size = [s.PART_1]
    ran = web.fetch()
    assert (ran.code, ran.result["findings"]) == (0, [])
    assert any(s.PART_1 in w and "the MD5 decides" in w for w in ran.json["warnings"])
    assert whole(small, web)


def test_a_file_of_more_than_twice_the_size_that_is_listed_comes_as_the_md5_is_right(web: Web, small: Small) -> None:
    def halve(version: dict[str, Any]) -> None:
        for entry in version["files"]:
            entry["dataFile"]["filesize"] //= 3

    web.servers.listing.edit = halve
    ran = web.fetch("test", "--source", "dataverse")
    assert (ran.code, web.files("test")) == (0, small.test), ran.err


@pytest.mark.parametrize("checksum", ["", "SHA-1", "SHA-256"])
def test_a_listing_without_md5_is_no_fault(checksum: str, web: Web, small: Small) -> None:
    web.servers.listing.checksum = checksum
    assert web.fetch().code == 0
    assert whole(small, web)


@pytest.mark.parametrize(
    "listing", [{"no_size": ["*"]}, {"no_original_size": ["*"]}, {"total_count": False}, {"unlisted": [s.MASKS]}, {"deaccessioned": True}]
)
def test_a_poor_listing_does_not_keep_the_files_from_coming(listing: dict[str, Any], web: Web, small: Small) -> None:
    for name, value in listing.items():
        setattr(web.servers.listing, name, value)
    ran = web.fetch()
    assert ran.code == 0, ran.err
    assert whole(small, web)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("waf202", "firewall wants a browser"),
        ("edge403", "firewall refuses this machine"),
        ("captcha405", "firewall wants a browser"),
        ("503json", "not well"),
        ("maintenance200", "a page where its listing belongs"),
        ("lost404", "does not know this version"),
        ("deep_json", "no JSON"),
    ],
)
def test_where_the_listing_is_refused_the_pinned_files_come_and_it_is_said(kind: Kind, words: str, web: Web, small: Small) -> None:
    web.servers.fault("dataverse", kind, name="listing", times=None)
    ran = web.say()
    assert ran.code == 0
    assert "dataverse: no listing to compare" in ran.err
    assert words in ran.err
    assert "going on with the files that ham knows" in ran.err
    assert whole(small, web)


def test_a_replaced_listing_is_asked_for_again(web: Web, small: Small) -> None:
    web.servers.fault("dataverse", "replaced", name="listing", data=b"x", after=100)
    assert web.fetch().code == 0
    assert whole(small, web)


# --- what the bucket gives


@pytest.mark.parametrize("kind", FIREWALL)
def test_what_the_firewall_refuses_comes_from_the_bucket_and_it_is_said(kind: Kind, web: Web, full: Small) -> None:
    refuse(web, kind)
    ran = web.say()
    assert ran.code == 4  # masks and ratings are nowhere else
    assert (web.files("images"), web.files("test")) == (full.images, full.test)
    assert "firewall" in ran.err
    assert {r["source"] for r in peek.files(web.cache).values() if r["state"] in {"have", "dropped"}} == {"isic"}


def test_a_server_that_refuses_is_not_asked_for_every_file(web: Web) -> None:
    refuse(web, "captcha405")
    web.fetch()
    assert len([r for r in web.servers.requests if r.origin == "dataverse"]) <= 2


def test_the_columns_that_only_dataverse_has_are_said_to_be_blank(web: Web) -> None:
    refuse(web)
    ran = web.fetch("images", "metadata")
    assert (ran.code, ran.result["unknown"]["metadata"]) == (0, ["age", "sex", "localization", "dataset"])
    assert "age, sex, localization, dataset" in ran.err
    assert "ham fetch metadata" in ran.err
    rows = [r for r in peek.images(web.cache).values() if r["partition"] == "train"]
    assert {(r["image_id"], r["lesion_id"], r["dx"], r["dx_type"]) for r in rows} == {(r[1], r[0], r[2], r[3]) for r in s.TRAIN}
    assert {r[c] for r in rows for c in OF_METADATA} == {None}


def test_blank_columns_are_filled_by_a_later_fetch_of_the_metadata(web: Web, small: Small, ham_here: Here) -> None:
    refuse(web)
    web.fetch("images", "metadata")
    web.servers.heal()
    before = peek.snapshot(web.folder / "images")
    ran = web.fetch("metadata")
    assert (ran.code, ran.result["unknown"]) == (0, {})
    assert web.files("tables")[s.METADATA] == small.tables[s.METADATA]
    rows = {r["image_id"]: r for r in peek.images(web.cache).values() if r["partition"] == "train"}
    assert {(i, r["sex"], r["localization"], r["dataset"]) for i, r in rows.items()} == {(r[1], *r[5:8]) for r in s.TRAIN}
    assert all(r["path"] for r in rows.values())
    assert peek.snapshot(web.folder / "images") == before
    assert ham_here("verify", cache=web.cache).code == 0


def test_what_the_firewall_kept_back_comes_when_it_is_gone(web: Web, small: Small) -> None:
    refuse(web)
    web.fetch()
    web.servers.heal()
    assert web.fetch().code == 0
    assert (web.files("images"), web.files("masks"), web.files("test")) == (small.images, small.masks, small.test)
    tables = {n: small.tables[n] for n in (s.METADATA, s.TEST_TRUTH, s.RATINGS)}
    assert tables.items() <= web.files("tables").items()


def test_the_bucket_alone_gives_images_lesions_and_diagnoses(web: Web, full: Small, ham_here: Here) -> None:
    ran = web.fetch("--source", "isic")
    assert (ran.code, ran.result["components"]) == (0, ["metadata", "test", "images"])
    assert (web.files("images"), web.files("test"), web.files("masks")) == (full.images, full.test, {})
    rows = peek.images(web.cache)
    assert {(i, r["lesion_id"], r["dx"], r["dx_type"]) for i, r in rows.items() if r["partition"] == "train"} == {
        (r[1], r[0], r[2], r[3]) for r in s.TRAIN
    }
    assert {r[c] for r in rows.values() for c in OF_METADATA} == {None}
    assert {r.origin for r in web.servers.requests} == {"bucket"}
    assert ham_here("split", cache=web.cache).code == 0


def test_the_planted_image_of_the_challenge_is_not_indexed(web: Web) -> None:
    web.fetch("--source", "isic")
    row = peek.images(web.cache)[s.PLANTED]
    assert (row["in_record"], row["path"]) == (False, None)
    assert PLANTED_IMAGE not in web.files("test").values()


def test_training_images_of_the_bucket_are_vouched_for_by_digest_and_name_their_zip(web: Web) -> None:
    web.fetch("images", "--source", "isic")
    rows = [r for r in peek.images(web.cache).values() if r["partition"] == "train"]
    assert {(r["vouched"], r["archive"]) for r in rows} == {("digest", s.TRAINING_INPUT)}
    files = peek.files(web.cache)
    assert files[s.TRAINING_INPUT]["url"] == f"{web.servers.bucket}{s.TRAINING_INPUT}"
    assert files[s.TRAINING_INPUT]["state"] == "dropped"


def test_test_images_of_the_bucket_are_taken_as_vouched_for_by_nobody(web: Web) -> None:
    ran = web.say("test", "--source", "isic")
    assert ran.code == 0
    assert {r["vouched"] for r in peek.images(web.cache).values() if r["partition"] == "test" and r["in_record"]} == {"none"}
    assert "4 images taken as they are" in ran.err


def test_validation_comes_from_the_bucket_and_only_where_it_is_asked_for(web: Web, full: Small) -> None:
    assert web.fetch("validation").code == 0
    assert web.files("validation") == full.validation
    rows = {i: r for i, r in peek.images(web.cache).items() if r["partition"] == "validation"}
    assert {(i, r["dx"]) for i, r in rows.items()} == set(s.VALIDATION)
    assert {r.origin for r in web.servers.requests if r.name in {s.VALIDATION_INPUT, s.VALIDATION_TRUTH_ZIP}} == {"bucket"}


def test_what_the_new_bucket_lacks_comes_from_the_old_one(web: Web, full: Small) -> None:
    new = web.servers.fault("bucket", "answer", status=404, times=None, when=lambda asked: asked.path.startswith("/challenges/"))
    assert web.fetch("--source", "isic").code == 0
    assert web.files("images") == full.images
    assert new.met > 0


def test_a_bucket_that_says_forbidden_for_what_it_lacks_is_understood(web: Web) -> None:
    for name in (s.VALIDATION_INPUT, s.VALIDATION_TRUTH_ZIP):
        del web.servers.published.contents[name]
    web.servers.bucket_denies = True
    ran = web.say("validation")
    assert ran.code == 4
    assert "the bucket has no such file" in ran.err


def test_what_nobody_has_is_named_with_all_that_was_tried(web: Web) -> None:
    refuse(web)
    web.servers.fault("bucket", "503", times=None, retry_after=0)
    ran = web.fetch("validation", "masks")
    assert (ran.code, len(ran.result["missing"]["masks"])) == (4, 20)
    assert {t["source"] for t in ran.result["troubles"]} == {"dataverse", "isic"}
    assert ran.result["missing"].keys() == {"masks", "validation"}


def test_every_file_of_the_bucket_is_asked_for_once(web: Web) -> None:
    web.fetch("--source", "isic")
    of_bucket = {n: len(web.servers.of_file(n)) for n in (s.TRAINING_INPUT, TRAINING_TRUTH, TEST_INPUT, TEST_TRUTH, s.GROUPINGS)}
    assert max(of_bucket.values()) <= 3, of_bucket  # where it is, how large it is, and the file
    assert not [n for n in ZIPS if web.servers.of_file(n)]
