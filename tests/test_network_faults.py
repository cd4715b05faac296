"""Every fault of the small servers on one large zip: it ends in the right file, or in words and a cache that goes on from there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tests import small as s
from tests.dataverse import KINDS
from tests.dataverse.faults import Refusing
from tests.web import QUICK, TABLES, Web, heavy, whole

if TYPE_CHECKING:
    from ham_cli.http import Waits
    from tests.dataverse.messages import Asked
    from tests.small import Small

EACH = 500_000
HASTY = dataclasses.replace(QUICK, attempts=2, slow=0.2)
BRIEF = dataclasses.replace(HASTY, read=20)
"""Where nothing is silent, but broken."""
OPTIONS: dict[str, dict[str, Any]] = {
    "html403": {"agents": ("ham/",)},
    "429": {"retry_after": 0},
    "answer": {"status": 418, "body": b"teapot"},
    "long_json": {"count": 8 << 20},
    "endless_body": {"count": 64 << 20},
    "slow": {"seconds": 0.05},
    "drip": {"rate": 500},
    "reset": {"after": 100_000},
    "truncate": {"after": 100_000},
    "replaced": {"data": b"another file", "after": 100_000},
}
BROWSER, MACHINE = "the server's firewall wants a browser", "the server's firewall refuses this machine or program"
NOT_WELL, BUSY = "the server is not well", "the server has too much to do"
REFUSES, PAGE = "the server refuses", "the server sends a page where a file belongs"
ANOTHER = "what arrived has another MD5 than published"
FINAL = {
    "waf202": BROWSER,
    "captcha405": BROWSER,
    "html403": MACHINE,
    "edge403": MACHINE,
    "not_authorized403": REFUSES,
    "lost404": "the server has no such file",
    "answer": REFUSES,
}
"""What is final however often it comes, with its words."""
ONCE = {
    "dataverse": FINAL
    | {"redirect": "redirects to an unsafe address", "expired403": "the signed address has expired", "replaced": ANOTHER},
    "s3": FINAL | {"replaced": ANOTHER, "endless_body": "sends more than it"},
}
"""By origin: what a fault that comes once ends in; all others in the right file."""
ALWAYS = (
    ONCE["s3"]
    | dict.fromkeys(("redirect", "redirect_loop", "no_location"), "the server redirects without an end")
    | dict.fromkeys(("429", "429json"), BUSY)
    | dict.fromkeys(("500xml", "502", "503", "503json", "503xml", "504"), NOT_WELL)
    | dict.fromkeys(("maintenance200", "deep_json", "long_json"), PAGE)
    | dict.fromkeys(("hang", "silence", "endless_headers"), "the server cannot be reached")
    | dict.fromkeys(("truncate_chunked", "truncate_close", "stall", "drip"), "the connection broke")
    | {"expired403": "the signed address has expired", "wrong_bytes": ANOTHER, "gzip": "the server packs the file, and was asked not to"}
)
"""What a fault of the store that never ends ends in; all others in the right file."""


@pytest.fixture(scope="module")
def large(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The small record with ten images of half a megabyte, all in part 1, which comes in two pieces."""
    return heavy(small, tmp_path_factory.mktemp("large"), EACH, list(small.images)[:10])


@pytest.fixture
def offered(large: Small) -> Small:
    return large


def patience(kind: str) -> Waits:
    """How long is waited for a server with this fault."""
    if kind in {"hang", "stall"}:
        return HASTY
    return dataclasses.replace(BRIEF, failures=12) if kind == "drip" else BRIEF


def ends(web: Web, large: Small, kind: str, words: str | None) -> None:
    """Assert that a fetch ends in the right images, or without them and in these words; and that the next one goes on."""
    came = web.patiently("images", waits=patience(kind))
    if words is None:
        assert (came.outcome.missing, came.outcome.troubles, web.files(), web.archives) == ({}, [], large.images, [])
        return
    assert [(t.source, t.name) for t in came.outcome.troubles] == [("dataverse", s.PART_1)]
    assert words in came.outcome.troubles[0].what
    assert words in came.said
    assert web.files().items() <= large.images.items()
    assert len(came.outcome.missing["images"]) == 20 - len(web.files())
    web.servers.heal()
    if kind == "replaced":
        web.servers.replace(s.PART_1, large.zips[s.PART_1])
    assert web.fetch("images", "--source", "dataverse").code == 0
    assert (web.files(), web.archives) == (large.images, [])


@pytest.mark.parametrize("kind", [*get_args(Refusing), "slow", "hang", "silence", "endless_headers", "replaced"])
@pytest.mark.thinned(6)
def test_a_fault_of_dataverse_that_passes(kind: str, web: Web, large: Small) -> None:
    web.servers.fault("dataverse", kind, name=s.PART_1, **OPTIONS.get(kind, {}))  # type: ignore[arg-type]
    ends(web, large, kind, ONCE["dataverse"].get(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.thinned(6)
def test_a_fault_of_the_store_that_passes(kind: str, web: Web, large: Small) -> None:
    web.servers.fault("s3", kind, name=s.PART_1, **OPTIONS.get(kind, {}))  # type: ignore[arg-type]
    ends(web, large, kind, ONCE["s3"].get(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.thinned(8)
def test_a_fault_of_the_store_that_stays(kind: str, web: Web, large: Small) -> None:
    web.servers.fault("s3", kind, name=s.PART_1, times=None, **OPTIONS.get(kind, {}))  # type: ignore[arg-type]
    ends(web, large, kind, ALWAYS.get(kind))


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in get_args(Refusing) and k not in {"replaced", "silence", "hang", "slow", "endless_headers"}]
)
@pytest.mark.thinned(6)
def test_a_fault_in_the_middle_of_the_zip_that_passes(kind: str, web: Web, large: Small) -> None:
    web.servers.fault("s3", kind, name=s.PART_1, when=is_long, **OPTIONS.get(kind, {}))  # type: ignore[arg-type]
    ends(web, large, kind, None)
    assert web.servers.sent(s.PART_1) < 4 * len(large.zips[s.PART_1])


@pytest.mark.parametrize(("kind", "words"), FINAL.items())
def test_what_is_final_is_exit_4_at_once_with_words_and_what_to_do_next(kind: str, words: str, web: Web) -> None:
    web.servers.fault("dataverse", kind, name=s.PART_1, times=None, **OPTIONS.get(kind, {}))  # type: ignore[arg-type]
    ran = web.say("images", "--source", "dataverse")
    assert ran.code == 4
    assert f"{s.PART_1}: not from dataverse: {words}" in ran.err
    assert "name another --source" in ran.err
    assert "Traceback" not in ran.err
    assert len([r for r in web.servers.requests if r.name == s.PART_1]) == 1


def test_a_download_that_broke_off_goes_on_where_it_was(web: Web, large: Small) -> None:
    size = len(large.zips[s.PART_1])
    web.servers.fault(
        "s3", "silence", name=s.PART_1, times=None, when=lambda asked: is_long(asked) and "bytes=0-" not in asked.headers["range"]
    )
    assert web.patiently("images", waits=BRIEF).outcome.missing
    before = web.servers.sent(s.PART_1)
    web.servers.heal()
    assert web.fetch("images", "--source", "dataverse").code == 0
    assert web.servers.sent(s.PART_1) - before <= size - (1 << 20)
    assert web.files() == large.images


def test_half_a_zip_does_not_stay_once_another_source_has_brought_its_images(web: Web, large: Small) -> None:
    web.servers.fault(
        "s3", "silence", name=s.PART_1, times=None, when=lambda asked: is_long(asked) and "bytes=0-" not in asked.headers["range"]
    )
    came = web.patiently("images", sources=("dataverse", "isic"), waits=BRIEF)
    assert (came.outcome.missing, web.files()) == ({}, large.images)
    assert web.archives == []


def test_another_file_in_the_middle_of_a_resumed_download_is_begun_again(web: Web, large: Small) -> None:
    web.servers.fault(
        "s3", "silence", name=s.PART_1, times=None, when=lambda asked: is_long(asked) and "bytes=0-" not in asked.headers["range"]
    )
    assert web.patiently("images", waits=BRIEF).outcome.missing
    web.servers.heal()
    web.servers.replace(s.PART_1, large.zips[s.PART_1])  # the same bytes, and another ETag
    assert web.fetch("images", "--source", "dataverse").code == 0
    assert web.files() == large.images


def test_an_address_that_expired_is_asked_for_anew_and_counts_no_further_download(web: Web, large: Small) -> None:
    expired = web.servers.fault("s3", "expired403", name=s.PART_1, when=is_long)
    assert web.fetch("images").code == 0
    assert (expired.met, web.files()) == (1, large.images)
    asked = [r for r in web.servers.of_file(s.PART_1) if r.origin == "dataverse"]
    assert [r.query.get("gbrecs") for r in asked] == [None, "true"]
    assert web.servers.downloads_counted == 3


def test_a_wrong_digest_twice_sends_to_the_next_source_and_its_words_say_expected_and_got(web: Web, large: Small) -> None:
    web.servers.fault("s3", "wrong_bytes", name=s.PART_1, times=None, after=5, when=is_long)
    ran = web.fetch("images")
    assert (ran.code, web.files()) == (0, large.images)
    (trouble,) = ran.result["troubles"]
    assert (trouble["source"], trouble["what"]) == ("dataverse", ANOTHER)
    assert trouble["got"].endswith(f", expected {s.md5(large.zips[s.PART_1])}")
    assert {r["archive"] for r in rows(web)} == {s.TRAINING_INPUT, s.PART_2}


def test_a_wrong_digest_everywhere_is_exit_4_and_nothing_of_it_stays(web: Web, large: Small) -> None:
    for origin, name in (("s3", s.PART_1), ("bucket", s.TRAINING_INPUT)):
        web.servers.fault(origin, "wrong_bytes", name=name, times=None, after=5, when=is_long)  # type: ignore[arg-type]
    ran = web.say("images")
    assert ran.code == 4
    assert all(f"expected {s.md5(large.zips[n])}" in ran.err for n in (s.PART_1, s.TRAINING_INPUT))
    assert web.files().keys() == set(list(large.images)[10:])
    assert web.archives == []
    assert web.servers.sent(s.PART_1) < 2.1 * len(large.zips[s.PART_1])


@pytest.mark.parametrize("kind", ["truncate", "truncate_close", "wrong_bytes", "maintenance200", "stall"])
def test_a_broken_table_comes_again(kind: str, web: Web, large: Small) -> None:
    fault = web.servers.fault("s3", kind, name=TABLES[0], after=100, when=lambda asked: asked.headers.get("range") != "bytes=0-0")  # type: ignore[arg-type]
    assert web.patiently("metadata", waits=patience(kind)).outcome.missing == {}
    assert (fault.met, web.files("tables")[s.METADATA]) == (1, large.tables[s.METADATA])


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_server_that_sends_files_itself_is_as_good(framing: str, web: Web, large: Small) -> None:
    web.servers.streamed, web.servers.tab_framing = True, framing  # type: ignore[assignment]
    assert web.fetch().code == 0
    assert whole(large, web)
    assert {r.origin for r in web.servers.requests} == {"dataverse"}


def test_a_page_of_maintenance_for_a_file_of_such_a_server_is_no_file(web: Web) -> None:
    web.servers.streamed = True
    web.servers.fault("dataverse", "maintenance200", name=s.PART_1, times=None)
    came = web.patiently("images", waits=BRIEF)
    assert [t[2] for t in came.troubles] == [PAGE]
    assert web.files() == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.thinned(6)
def test_no_fault_of_the_listing_keeps_the_files_from_coming(kind: str, web: Web, small: Small) -> None:
    options = OPTIONS.get(kind, {}) | ({"rate": 30_000} if kind == "drip" else {})
    web.servers.fault("dataverse", kind, name="listing", times=None, **options)  # type: ignore[arg-type]
    came = web.patiently("metadata", "test", waits=patience(kind))
    assert (came.outcome.missing, came.findings) == ({}, [])
    assert web.files("test") == small.test


def is_long(asked: Asked) -> bool:
    """Whether a request is for more than a look."""
    first, _, last = asked.headers.get("range", "").removeprefix("bytes=").partition("-")
    return first.isdecimal() and int(last) - int(first) > EACH


def rows(web: Web) -> list[dict[str, Any]]:
    from tests import peek

    return [r for r in peek.images(web.cache).values() if r["path"]]
