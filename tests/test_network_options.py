"""What a person, the environment and the disk say of a fetch: keys, servers, rates, connections, room, words."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s
from tests.dataverse import KEY, Servers
from tests.web import TABLES, ZIPS, Web, heavy, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Here
    from tests.small import Small

DEAD = "http://127.0.0.1:9"
KEY_HEADER = "x-dataverse-key"


@pytest.fixture
def web(small: Small, tmp_path: Path) -> Iterator[Web]:
    # Cookies know no ports: with a host of its own the store would show one that is handed on.
    with Servers.of(small, s3_host="127.0.0.2") as servers:
        yield Web(servers, small.record, tmp_path)


@pytest.fixture(scope="module")
def large(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The small record with a first part of 10 MB, which comes in three pieces."""
    return heavy(small, tmp_path_factory.mktemp("large"), 1_000_000, list(small.images)[:10])


@pytest.fixture
def large_web(large: Small, tmp_path: Path) -> Iterator[Web]:
    with Servers.of(large) as servers:
        yield Web(servers, large.record, tmp_path)


def changed(web: Web, **facts: object) -> None:
    """Change what the record says."""
    web.record.write_text(json.dumps(json.loads(web.record.read_bytes()) | facts))


# --- keys, guestbooks, cookies


def test_a_key_is_not_sent_where_nobody_asks_for_one(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_DATAVERSE_KEY", KEY)
    assert web.fetch().code == 0
    assert [r for r in web.servers.requests if KEY_HEADER in r.headers] == []


def test_a_key_is_sent_to_dataverse_alone_and_only_after_it_was_asked_for(web: Web, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_DATAVERSE_KEY", KEY)
    web.servers.fault("dataverse", "not_authorized403", times=None, when=lambda asked: KEY_HEADER not in asked.headers)
    ran = web.fetch("-v")
    assert ran.code == 0, ran.err
    assert whole(small, web)
    with_key = [r for r in web.servers.requests if KEY_HEADER in r.headers]
    assert {(r.origin, r.headers[KEY_HEADER]) for r in with_key} == {("dataverse", KEY)}
    assert KEY_HEADER not in web.servers.requests[0].headers
    assert KEY not in ran.out + ran.err
    assert KEY.encode() not in b"".join(peek.tree(web.cache).values())


def test_no_cookie_is_ever_sent_back(web: Web) -> None:
    web.fetch()
    assert [r.path for r in web.servers.requests if "cookie" in r.headers] == []


def test_a_key_that_is_refused_is_said_and_what_to_do(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_DATAVERSE_KEY", "11111111-2222-3333-4444-555555555555")
    web.servers.fault("dataverse", "not_authorized403", name=s.MASKS, times=None, when=lambda asked: KEY_HEADER not in asked.headers)
    ran = web.say("masks", "--source", "dataverse")
    assert ran.code == 4
    assert "the server refuses the key" in ran.err
    assert "unset HAM_DATAVERSE_KEY" in ran.err
    assert "11111111" not in ran.out + ran.err


def test_a_key_of_odd_signs_is_no_bug_and_is_not_repeated(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_DATAVERSE_KEY", "schlüssel\nzwei")
    web.servers.fault("dataverse", "not_authorized403", name=s.MASKS, times=None)
    ran = web.say("masks", "--source", "dataverse")
    assert (ran.code, "schl" in ran.err) == (4, False)
    assert "check HAM_DATAVERSE_KEY" in ran.err


def test_a_guestbook_is_left_to_the_person(web: Web) -> None:
    web.servers.guestbook = 380
    ran = web.say("masks", "--source", "dataverse")
    assert ran.code == 4
    assert "guestbook" in ran.err
    assert "download the file in a browser" in ran.err
    assert {r.method for r in web.servers.requests} == {"GET"}


# --- servers


@pytest.mark.parametrize("by", ["option", "environment"])
def test_another_server_takes_the_place_of_the_records(by: str, web: Web, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(web, server=DEAD)
    if by == "environment":
        monkeypatch.setenv("HAM_SERVER", web.servers.dataverse)
    assert web.fetch(*(["--server", f"{web.servers.dataverse}/"] if by == "option" else [])).code == 0
    assert whole(small, web)


@pytest.mark.parametrize(
    "server", ["dataverse.harvard.edu", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "https://h/?a=b", "/etc"]
)
def test_a_server_that_is_no_address_is_wrong_usage(server: str, web: Web) -> None:
    ran = web.say("--server", server)
    assert (ran.code, web.cache.exists(), web.servers.requests) == (2, False, [])
    assert "--server" in ran.err


def test_where_no_server_can_be_reached_it_is_said_and_nothing_is_left(web: Web) -> None:
    changed(web, server=DEAD, buckets=[f"{DEAD}/bucket/"])
    came = web.patiently("metadata", sources=("dataverse", "isic"))
    assert came.outcome.missing == {"metadata": [s.METADATA]}
    assert {(source, what) for source, _, what in came.troubles} == {(n, "the server cannot be reached") for n in ("dataverse", "isic")}
    assert "refused" in came.said


# --- rates and connections


def test_a_limited_rate_is_kept(web: Web, small: Small) -> None:
    began = time.monotonic()
    assert web.fetch("--limit-rate", "60k").code == 0
    assert time.monotonic() - began > 0.5  # for 57 kB, most of which have to wait for those before
    assert whole(small, web)


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "1x", "1.2.3M", "0.1"])
def test_a_rate_that_is_none_is_wrong_usage(rate: str, web: Web) -> None:
    ran = web.say("--limit-rate", rate)
    assert (ran.code, web.cache.exists(), web.servers.requests) == (2, False, [])
    assert rate in ran.err


def test_one_connection_is_one_connection(large_web: Web, large: Small) -> None:
    assert large_web.fetch("images", "--connections", "1").code == 0
    assert large_web.files() == large.images
    assert len({r.connection for r in large_web.servers.of_file(s.PART_1, "s3")}) == 1


def test_several_connections_are_four_at_most_by_default(large_web: Web, large: Small) -> None:
    large_web.servers.rate = 5e6  # so slow that the second piece is asked for long before the first has come
    assert large_web.fetch("images").code == 0
    assert large_web.files() == large.images
    assert 2 <= len({r.connection for r in large_web.servers.of_file(s.PART_1, "s3")}) <= 5


@pytest.mark.parametrize(
    ("variable", "option", "wrong", "right", "words"),
    [
        ("HAM_LIMIT_RATE", "--limit-rate", "fast", "1M", "{} is no rate"),
        ("HAM_SERVER", "--server", "ftp://127.0.0.1", "http://127.0.0.1", "{} is no address of a server"),
    ],
)
def test_what_is_wrong_in_the_environment_is_not_blamed_on_an_option_that_nobody_typed(  # noqa: PLR0913
    variable: str, option: str, wrong: str, right: str, words: str, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, wrong)
    ran = web.say("metadata")
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: {words.format(variable)}")
    assert web.fetch("metadata").json["error"]["what"] == words.format(variable)
    monkeypatch.setenv(variable, right)
    ran = web.say("metadata", option, wrong)
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: {words.format(option)}")
    assert web.servers.requests == []


def test_a_number_in_the_environment_that_is_out_of_reason_is_told_with_its_variable(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_CONNECTIONS", "99")
    ran = web.say("metadata")
    assert (ran.code, "HAM_CONNECTIONS" in ran.err) == (2, True)


@pytest.mark.parametrize("connections", ["0", "17", "many"])
def test_connections_out_of_reason_are_wrong_usage(connections: str, web: Web) -> None:
    assert (web.fetch("--connections", connections).code, web.servers.requests) == (2, [])


# --- offline


def test_offline_with_nothing_there_names_what_is_missing_and_asks_nobody(web: Web) -> None:
    ran = web.say("--offline")
    assert (ran.code, web.servers.requests) == (4, [])
    assert "missing ISIC_0000001, ISIC_0000002, ISIC_0000003 and 17 more" in ran.err
    assert f"metadata: missing {s.METADATA}" in ran.err
    assert "without --offline" in ran.err


def test_offline_with_everything_there_is_content(web: Web) -> None:
    web.fetch()
    before, asked = peek.snapshot(web.cache), len(web.servers.requests)
    assert (web.fetch("--offline").code, len(web.servers.requests), peek.snapshot(web.cache)) == (0, asked, before)


def test_offline_still_takes_from_a_folder(web: Web, small: Small, tmp_path: Path) -> None:
    assert web.fetch("--offline", "--source", "dataverse", "--source", small.published(tmp_path / "folder")).code == 0
    assert (whole(small, web), web.servers.requests) == (True, [])


def test_offline_cannot_choose_without_a_table_and_says_so(web: Web) -> None:
    ran = web.fetch("--offline", "--only", "dx=mel")
    assert (ran.code, web.servers.requests) == (4, [])
    assert ran.json["error"]["expected"] == s.METADATA


# --- room, words


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path / "disk")]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be made here")
    yield tmp_path / "disk"
    subprocess.run(["umount", str(tmp_path / "disk")], check=True)


def test_without_room_it_ends_before_the_first_byte(large_web: Web, tiny: Path) -> None:
    ran = large_web.fetch(cache=tiny / "cache")
    assert (ran.code, ran.json["error"]["what"]) == (5, "there is not enough room")
    assert {r.name for r in large_web.servers.requests} <= {"listing"}
    assert "--cache-dir" in ran.json["error"]["next"]


def test_without_room_a_dry_run_says_what_would_come_and_how_much_room_there_is(large_web: Web, large: Small, tiny: Path) -> None:
    ran = large_web.fetch("--dry-run", cache=tiny / "cache")
    assert (ran.code, ran.json["error"]) == (0, None)
    assert {p["name"]: p["what"] for p in ran.result["prospects"]} == dict.fromkeys((*TABLES, *ZIPS), "download")
    assert ran.result["room_needed"] > len(large.zips[s.PART_1]) > ran.result["room_free"] > 0
    assert {r.name for r in large_web.servers.requests} == {"listing"}


def test_what_there_is_room_for_still_comes(large_web: Web, tiny: Path) -> None:
    assert large_web.fetch("metadata", "masks", "test", cache=tiny / "cache").code == 0


def test_the_licence_is_shown_once_on_the_first_fetch(web: Web) -> None:
    first, second = web.say("metadata").err, web.say().err
    for words in ("CC-BY-NC-4.0", "no commercial use", "https://creativecommons.org/licenses/by-nc/4.0/legalcode"):
        assert (first.count(words), second.count(words)) == (1, 0)


def test_a_quiet_fetch_says_nothing_where_all_is_well(web: Web) -> None:
    ran = web.say("-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_quiet_fetch_that_lacks_something_still_says_what(web: Web) -> None:
    web.servers.fault("dataverse", "edge403", name=s.MASKS, times=None)
    ran = web.say("masks", "-q")
    assert ran.code == 4
    assert "masks" in ran.err


def test_troubles_stand_in_the_one_document(web: Web) -> None:
    web.servers.fault("dataverse", "lost404", name=s.PART_1, times=None)
    ran = web.fetch("images")
    assert ran.code == 0
    (trouble,) = ran.result["troubles"]
    assert trouble == {
        "source": "dataverse",
        "name": s.PART_1,
        "what": "the server has no such file",
        "got": "Datafile 1: Failed to locate and/or open physical file.",
        "fix": "try again later, or name another --source",
    }


def test_being_content_with_a_part_is_exit_0_and_the_next_fetch_is_too(web: Web, ham_here: Here) -> None:
    web.servers.fault("dataverse", "edge403", name=s.MASKS, times=None)
    ran = web.fetch("metadata", "masks", "--allow-partial")
    assert (ran.code, len(ran.result["missing"]["masks"])) == (0, 20)
    assert ham_here("verify", cache=web.cache).code == 0
