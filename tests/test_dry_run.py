"""``ham fetch --dry-run``: what there is, what would come and from where; nothing is fetched and nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import peek
from tests import small as s
from tests.dataverse import Servers
from tests.web import STEADY, TABLES, ZIPS, Web, heavy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Ran
    from tests.dataverse.messages import Asked
    from tests.small import Small


@pytest.fixture(scope="module")
def large(full: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The small record with all that the bucket has, and images of 1.75 MB: two zips worth being read in parts."""
    return heavy(full, tmp_path_factory.mktemp("large"), 1_750_000)


@pytest.fixture
def large_web(large: Small, tmp_path: Path) -> Iterator[Web]:
    with Servers.of(large) as servers:
        yield Web(servers, large.record, tmp_path)


def told(ran: Ran) -> list[tuple[str, str, str, str | None]]:
    """Component, file, what would happen and from where."""
    return [(p["component"], p["name"], p["what"], p["source"]) for p in ran.result["prospects"]]


def sizes(ran: Ran) -> dict[str, tuple[int | None, int]]:
    """By name: the bytes of the whole, and those that are there."""
    return {p["name"]: (p["bytes"], p["already"]) for p in ran.result["prospects"]}


def test_a_dry_run_in_an_empty_cache_names_every_file_in_the_order_of_the_work(web: Web) -> None:
    ran = web.say("--dry-run")
    lines = [line.split() for line in ran.out.splitlines()[1:8]]
    assert (ran.code, ran.err) == (0, "")
    assert [line[:3] + line[-1:] for line in lines] == [
        ["metadata", TABLES[0], "download", "dataverse"],
        ["test", TABLES[1], "download", "dataverse"],
        ["ratings", TABLES[2], "download", "dataverse"],
        ["masks", s.MASKS, "download", "dataverse"],
        ["test", s.TEST, "download", "dataverse"],
        ["images", s.PART_1, "download", "dataverse"],
        ["images", s.PART_2, "download", "dataverse"],
    ]
    assert ran.out.splitlines()[0].split() == ["component", "file", "what", "bytes", "from"]
    assert ran.out.splitlines()[-1].startswith("to fetch: 56.7 kB; room needed: ")
    assert str(web.folder) in ran.out.splitlines()[-1]


def test_a_dry_run_writes_nothing_and_asks_for_no_file(web: Web) -> None:
    assert web.say("--dry-run").code == 0
    assert (web.cache.exists(), [r.name for r in web.servers.requests]) == (False, ["listing"])


def test_what_would_be_fetched_is_what_is_fetched(web: Web, small: Small) -> None:
    foretold = web.fetch("--dry-run").result
    web.fetch()
    assert [p["name"] for p in foretold["prospects"]] == [name for name in web.asked() if name != "listing"]
    published = [*(small.zips[n] for n in ZIPS), *(small.tables[n] for n in (s.METADATA, s.TEST_TRUTH, s.RATINGS))]
    assert foretold["bytes"] == sum(map(len, published))
    assert foretold["room_needed"] >= foretold["bytes"]
    assert foretold["room_free"] > 0


def test_in_a_whole_cache_everything_is_there_and_nobody_is_asked(web: Web) -> None:
    web.fetch()
    asked, before = len(web.servers.requests), peek.snapshot(web.cache)
    ran = web.fetch("--dry-run")
    assert (ran.code, ran.result["bytes"], ran.result["room_needed"]) == (0, 0, 0)
    assert {what for _, _, what, _ in told(ran)} == {"have"}
    assert {name for _, name, _, _ in told(ran)} == {*TABLES, *ZIPS}
    assert (len(web.servers.requests), peek.snapshot(web.cache)) == (asked, before)


def test_what_is_there_stands_beside_what_would_come(web: Web) -> None:
    web.fetch("metadata", "masks")
    ran = web.fetch("--dry-run")
    assert told(ran) == [
        ("metadata", TABLES[0], "have", "dataverse"),
        ("masks", s.MASKS, "have", "dataverse"),
        ("test", TABLES[1], "download", "dataverse"),
        ("ratings", TABLES[2], "download", "dataverse"),
        ("test", s.TEST, "download", "dataverse"),
        ("images", s.PART_1, "download", "dataverse"),
        ("images", s.PART_2, "download", "dataverse"),
    ]


def test_a_half_fetched_file_would_be_resumed(large_web: Web, large: Small) -> None:
    large_web.servers.fault("s3", "silence", name=s.PART_1, times=None, when=beyond_the_first_piece)
    large_web.patiently("images", waits=STEADY)
    assert [n for n in large_web.archives if n.endswith(".journal")]
    large_web.servers.heal()
    before = peek.snapshot(large_web.cache)
    ran = large_web.fetch("images", "--dry-run")
    size = len(large.zips[s.PART_1])
    assert ("images", s.PART_1, "resume", "dataverse") in told(ran)
    whole, already = sizes(ran)[s.PART_1]
    # The first piece, or nearly all of it: the others' silence may end it a moment before its last bytes.
    assert (whole, True) == (size, 4_100_000 < already <= 4 << 20)
    assert f"resume at {already / 1e6:.3g} MB" in large_web.say("images", "--dry-run").out
    assert peek.snapshot(large_web.cache) == before


def test_a_choice_would_read_some_members_and_says_how_many_bytes(large_web: Web, large: Small) -> None:
    large_web.fetch("metadata")
    ran = large_web.fetch("images", "--only", "dx=mel", "--dry-run")
    names = [f"{r[1]}.jpg" for r in s.TRAIN if r[2] == "mel"]
    assert told(ran)[-1] == ("images", f"{s.PART_1} + {s.PART_2}", "parts", "dataverse")
    assert sizes(ran)[f"{s.PART_1} + {s.PART_2}"] == (sum(len(large.images[n]) for n in names), 0)
    assert "some of its files" in large_web.say("images", "--only", "dx=mel", "--dry-run").out


def test_before_the_table_is_there_nobody_can_say_how_many_bytes_a_choice_has(large_web: Web) -> None:
    ran = large_web.say("images", "--only", "dx=mel", "--dry-run")
    assert ran.code == 0
    assert "what nobody has told the size of" in ran.out
    assert " ? " in ran.out


def test_what_no_source_has_is_exit_4(web: Web) -> None:
    ran = web.fetch("masks", "--source", "isic", "--dry-run")
    assert (ran.code, [(c, w) for c, _, w, _ in told(ran) if c == "masks"]) == (4, [("masks", "nowhere")])
    assert "no source has it" in web.say("masks", "--source", "isic", "--dry-run").out
    assert web.fetch("masks", "--source", "isic", "--dry-run", "--allow-partial").code == 0


def test_offline_a_dry_run_asks_nobody(web: Web) -> None:
    ran = web.fetch("--dry-run", "--offline")
    assert (ran.code, web.servers.requests, web.cache.exists()) == (4, [], False)
    assert {what for _, _, what, _ in told(ran)} == {"nowhere"}
    web.fetch()
    assert web.fetch("--dry-run", "--offline").code == 0


def test_a_changed_record_is_foretold(web: Web) -> None:
    web.servers.listing.wrong_md5 = [s.MASKS]
    ran = web.fetch("--dry-run")
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, [s.MASKS])
    assert [w for c, _, w, _ in told(ran) if c == "masks"] == ["nowhere"]
    assert web.cache.exists() is False


def test_a_refused_listing_is_said_and_the_pinned_files_foretold(web: Web) -> None:
    web.servers.fault("dataverse", "edge403", times=None)
    ran = web.say("--dry-run")
    assert "no listing to compare" in ran.err
    assert s.PART_1 in ran.out
    assert web.cache.exists() is False


def test_what_a_folder_has_would_be_taken_and_the_rest_downloaded(web: Web, small: Small, tmp_path: Path) -> None:
    folder = s.lay(tmp_path / "folder", {s.PART_1: small.zips[s.PART_1], s.METADATA: small.tables[s.METADATA]})
    ran = web.fetch("images", "--source", folder, "--source", "dataverse", "--dry-run")
    assert ran.code == 0, ran.err
    assert told(ran) == [
        ("metadata", s.METADATA, "take", "folder"),
        ("images", f"{s.PART_1}: 10 files", "take", "folder"),
        ("images", s.PART_2, "download", "dataverse"),
    ]
    assert web.cache.exists() is False


def test_a_folder_alone_is_foretold_without_any_server(web: Web, small: Small, tmp_path: Path) -> None:
    ran = web.fetch("--source", small.published(tmp_path / "folder"), "--dry-run")
    assert (ran.code, web.servers.requests, web.cache.exists()) == (0, [], False)
    assert {what for _, _, what, _ in told(ran)} == {"take"}


def test_a_folder_that_is_not_there_is_wrong_usage(web: Web, tmp_path: Path) -> None:
    assert web.fetch("--source", tmp_path / "nowhere", "--dry-run").code == 2


def test_a_whole_zip_that_waits_to_be_unpacked_is_not_downloaded_again(web: Web, small: Small) -> None:
    web.fetch("metadata")
    s.lay(web.folder / "archives", {s.PART_1: small.zips[s.PART_1]})
    ran = web.fetch("images", "--dry-run")
    assert ("images", s.PART_1, "unpack", None) in told(ran)
    assert web.fetch("images").code == 0
    assert web.servers.of_file(s.PART_1) == []
    assert web.files() == small.images


def test_a_mirror_of_published_names_is_foretold_file_by_file(web: Web) -> None:
    ran = web.fetch("--source", web.servers.mirror, "--dry-run")
    assert ran.code == 0
    assert {source for _, _, _, source in told(ran)} == {"mirror"}


def test_a_dry_run_can_be_read_by_a_program(web: Web) -> None:
    document: dict[str, Any] = web.fetch("metadata", "--dry-run").json
    assert (document["command"], document["exit_code"], document["error"]) == ("fetch", 0, None)
    assert document["result"]["prospects"] == [
        {
            "component": "metadata",
            "name": TABLES[0],
            "what": "download",
            "source": "dataverse",
            "bytes": 1387,
            "already": 0,
            "is_archive": False,
            "is_table": True,
        }
    ]


def beyond_the_first_piece(asked: Asked) -> bool:
    first, _, last = asked.headers.get("range", "").removeprefix("bytes=").partition("-")
    return first.isdecimal() and int(first) > 0 and int(last) - int(first) > 1000
