"""``ham fetch`` from a small Dataverse and its store, over real sockets: what comes, in which order, and what is not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import peek
from tests import small as s
from tests.dataverse import Servers
from tests.web import TABLES, ZIPS, Web, whole

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Here
    from tests.small import Small

NUMBERS = {s.PART_1: 1, s.PART_2: 2, TABLES[0]: 3, s.MASKS: 4, s.TEST: 5, TABLES[1]: 6, TABLES[2]: 7}
"""The datafile ids of the small record."""


def test_a_fetch_without_a_word_brings_every_component_but_validation(web: Web, small: Small, ham_here: Here) -> None:
    ran = web.fetch()
    assert (ran.code, ran.result["findings"], ran.result["missing"], ran.result["troubles"]) == (0, [], {}, [])
    assert ran.result["components"] == ["metadata", "masks", "test", "images", "ratings"]
    assert ran.result["taken"] == {"masks": 20, "test": 4, "images": 20}
    assert ran.result["unvouched"] == {}
    assert whole(small, web)
    assert web.archives == []
    assert ham_here("verify", cache=web.cache).code == 0


def test_the_manifest_is_the_one_that_a_folder_of_the_same_files_gives(web: Web, small: Small, tmp_path: Path) -> None:
    web.fetch()
    folder = small.published(tmp_path / "source")
    assert web.fetch("--source", folder, cache=tmp_path / "other").code == 0
    one, other = (peek.labels(peek.manifest(cache, "images"))["ham.digest"] for cache in (web.cache, tmp_path / "other"))
    assert one == other
    assert peek.images(web.cache) == peek.images(tmp_path / "other")


def test_each_row_of_the_images_is_right(web: Web, small: Small) -> None:
    web.fetch()
    rows = peek.images(web.cache)
    train = {i: r for i, r in rows.items() if r["partition"] == "train"}
    assert {(i, r["lesion_id"], r["dx"], r["dx_type"]) for i, r in train.items()} == {(r[1], r[0], r[2], r[3]) for r in s.TRAIN}
    assert {f"{i}.jpg": r["sha256"] for i, r in train.items()} == {n: s.sha256(d) for n, d in small.images.items()}
    assert {f"{i}_segmentation.png": r["mask_sha256"] for i, r in train.items()} == {n: s.sha256(d) for n, d in small.masks.items()}
    assert {r["vouched"] for r in train.values()} == {"digest"}
    assert {r["archive"] for r in train.values()} == {s.PART_1, s.PART_2}
    test = [r for r in rows.values() if r["partition"] == "test" and r["in_record"]]
    assert {(r["vouched"], r["archive"]) for r in test} == {("archive", s.TEST)}


def test_the_files_know_their_source_address_and_md5(web: Web, small: Small) -> None:
    web.fetch()
    rows = peek.files(web.cache)
    assert set(rows) == set(NUMBERS)
    assert {n: (r["source"], r["url"]) for n, r in rows.items()} == {
        n: ("dataverse", f"{web.servers.dataverse}/api/access/datafile/{number}") for n, number in NUMBERS.items()
    }
    tables = dict(zip(TABLES, (small.tables[s.METADATA], small.tables[s.TEST_TRUTH], small.tables[s.RATINGS]), strict=True))
    published = {n: small.zips[n] for n in ZIPS} | tables
    assert {n: (r["md5"], r["bytes"]) for n, r in rows.items()} == {n: (s.md5(d), len(d)) for n, d in published.items()}
    assert {n: (r["state"], r["path"]) for n, r in rows.items() if n in ZIPS} == dict.fromkeys(ZIPS, ("dropped", None))
    assert {r["state"] for n, r in rows.items() if n in TABLES} == {"have"}
    assert all(r["fetched"] for r in rows.values())


def test_what_only_the_listing_tells_of_a_file_is_marked_as_from_the_listing(web: Web, small: Small) -> None:
    web.fetch()
    rows = peek.files(web.cache)
    ratings = small.tables[s.RATINGS]
    assert [rows[TABLES[2]][c] for c in ("expected_md5", "expected_bytes", "expected_from")] == [s.md5(ratings), len(ratings), "listing"]
    assert [rows[TABLES[0]][c] for c in ("expected_md5", "expected_from")] == [s.md5(small.tables[s.METADATA]), "pinned"]


def test_no_signature_of_an_address_is_kept_or_said(web: Web) -> None:
    ran = web.say("-v")
    kept = b"".join(peek.tree(web.cache).values())
    for word in ("X-Amz-", "AKIA", "token="):
        assert word.encode() not in kept
        assert word not in ran.out + ran.err


def test_a_second_fetch_asks_nobody_and_changes_nothing(web: Web) -> None:
    web.fetch()
    asked, before = len(web.servers.requests), peek.snapshot(web.cache)
    ran = web.fetch()
    assert (ran.code, ran.result["written"], ran.result["taken"]) == (0, [], {})
    assert len(web.servers.requests) == asked
    assert peek.snapshot(web.cache) == before


def test_archives_are_kept_where_it_is_asked_and_a_second_fetch_still_asks_nobody(web: Web, small: Small) -> None:
    assert web.fetch("--keep-archives").code == 0
    assert web.files("archives") == {n: small.zips[n] for n in ZIPS}
    rows = peek.files(web.cache)
    assert {(rows[n]["state"], rows[n]["path"]) for n in ZIPS} == {("have", f"archives/{n}") for n in ZIPS}
    asked = len(web.servers.requests)
    assert (web.fetch("--keep-archives").code, len(web.servers.requests)) == (0, asked)


def test_small_files_come_first_and_the_big_zips_last(web: Web) -> None:
    web.fetch()
    assert web.asked() == ["listing", *TABLES, s.MASKS, s.TEST, s.PART_1, s.PART_2]


def test_each_file_is_counted_once_as_a_download_and_asked_for_as_it_was_uploaded(web: Web) -> None:
    web.fetch()
    asked = [r for r in web.servers.requests if r.path.startswith("/api/access")]
    assert web.servers.downloads_counted == 7
    assert {r.query["format"] for r in asked} == {"original"}
    assert {r.headers["user-agent"].partition("/")[0] for r in web.servers.requests} == {"ham"}


def test_no_byte_of_a_file_is_sent_twice(web: Web, small: Small) -> None:
    web.fetch()
    assert {n: web.servers.sent(n, "s3") for n in ZIPS} == {n: len(small.zips[n]) + 1 for n in ZIPS}  # and one that tells the size


def test_split_and_stats_work_after_the_tables_alone(web: Web, ham_here: Here, tmp_path: Path) -> None:
    assert web.fetch("metadata").code == 0
    assert web.asked() == ["listing", TABLES[0]]
    assert ham_here("split", "-o", tmp_path / "s.csv", cache=web.cache).code == 0
    assert set(peek.parts(tmp_path / "s.csv")) == {row[1] for row in s.TRAIN}
    stats = ham_here("stats", "--json", cache=web.cache)
    assert stats.code == 0
    assert "mel" in stats.out


def test_what_a_broken_fetch_brought_before_the_big_zips_is_ready_for_use(web: Web, small: Small, ham_here: Here, tmp_path: Path) -> None:
    web.servers.fault("dataverse", "waf202", name=s.PART_1, times=None)
    web.servers.fault("bucket", "waf202", times=None)
    assert web.fetch().code == 4
    assert {len(web.files(n)) for n in ("masks", "test")} == {20, 4}
    assert ham_here("split", "-o", tmp_path / "s.csv", cache=web.cache).code == 0
    web.servers.heal()
    assert web.fetch().code == 0
    assert whole(small, web)


def test_nothing_half_written_stays_once_everything_is_there(web: Web, small: Small) -> None:
    web.servers.fault("dataverse", "edge403", name=s.PART_1, times=None)
    assert web.fetch("images").code == 0  # from the bucket
    assert (web.files("images"), web.archives) == (small.images, [])


def test_masks_bring_the_table_that_names_them(web: Web, small: Small) -> None:
    ran = web.fetch("masks")
    assert (ran.code, ran.result["components"], web.asked()) == (0, ["masks"], ["listing", TABLES[0], s.MASKS])
    assert {i for i, r in peek.images(web.cache).items() if r["mask_path"]} == {row[1] for row in s.TRAIN}
    assert web.files("masks") == small.masks


def test_one_component_after_the_other_is_the_same_as_all_at_once(web: Web, small: Small, tmp_path: Path) -> None:
    for component in ("images", "ratings", "test", "masks", "metadata"):
        assert web.fetch(component).code == 0
    assert whole(small, web)
    web.fetch(cache=tmp_path / "other")
    assert peek.images(web.cache) == peek.images(tmp_path / "other")


def test_a_cache_moved_in_the_middle_goes_on(web: Web, small: Small, tmp_path: Path) -> None:
    web.fetch("metadata", "test")
    web.cache.rename(tmp_path / "moved")
    web.cache = tmp_path / "moved"
    asked = len(web.servers.requests)
    assert web.fetch().code == 0
    assert whole(small, web)
    assert set(web.asked(after=asked)) == {"listing", TABLES[2], s.MASKS, s.PART_1, s.PART_2}


def test_an_image_that_vanished_comes_again(web: Web, small: Small) -> None:
    web.fetch()
    (web.folder / "images" / "ISIC_0000007.jpg").unlink()
    asked = len(web.servers.requests)
    ran = web.fetch()
    assert (ran.code, ran.result["taken"]) == (0, {"images": 1})
    assert web.asked(after=asked) == ["listing", s.PART_1]
    assert whole(small, web)


def test_a_record_without_creator_and_publisher_is_listed(small: Small, tmp_path: Path) -> None:
    facts = {k: v for k, v in small.facts.items() if k not in {"creator", "publisher"}}
    with Servers(facts, small.zips | small.tables) as servers:
        web = Web(servers, small.record, tmp_path)
        assert web.fetch().code == 0
        assert whole(small, web)


def test_archives_that_were_kept_stay_kept_and_give_what_is_missing(web: Web, small: Small) -> None:
    assert web.fetch("--keep-archives").code == 0
    kept, asked = web.archives, len(web.servers.requests)
    gone = min(web.cache.glob("*/images/*.jpg"))
    gone.unlink()
    assert web.fetch().code == 0
    assert (web.files("images"), web.archives, len(web.servers.requests)) == (small.images, kept, asked)
    assert s.PART_1 in kept


def test_what_a_server_says_stays_on_one_line(web: Web) -> None:
    words = b'{"status": "ERROR", "message": "no\\r\\nerror: forged\\n::error::forged"}'
    web.servers.fault("dataverse", "answer", name=s.PART_1, times=None, status=403, body=words)
    ran = web.say("images", "--source", "dataverse")
    assert ran.code == 4
    assert "error: forged" in ran.err
    assert not [line for line in ran.err.splitlines() if line.startswith(("error:", "::"))]


def test_a_zip_that_arrived_and_was_damaged_on_the_disk_is_fetched_again(web: Web, small: Small) -> None:
    assert web.fetch("--keep-archives").code == 0
    here = web.cache / s.ID
    for path in (*(here / "manifests").iterdir(), *(here / "images").iterdir()):
        path.unlink()
    damaged = bytearray(small.zips[s.PART_1])
    damaged[100:2000] = bytes(1900)
    (here / "archives" / s.PART_1).write_bytes(damaged)
    (here / "archives" / s.PART_2).write_bytes(bytes(len(small.zips[s.PART_2])))
    ran = web.fetch()
    assert (ran.code, web.files("images")) == (0, small.images), ran.err
