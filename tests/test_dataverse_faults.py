"""Every fault of the small servers, as a client meets it."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests import small as names
from tests.dataverse import KINDS, Servers
from tests.dataverse.asking import AGENT, code, listing, location

if TYPE_CHECKING:
    from tests.dataverse.faults import Kind
    from tests.small import Small

HTML = "text/html"
EDGE = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n"

SILENT = httpx.Timeout(5, read=0.1)
"""For who wants to see that nothing comes."""


@pytest.fixture
def part(small: Small) -> bytes:
    return small.zips[names.PART_1]


def raw(url: str, more: str = "", most: int = 1 << 22) -> tuple[bytes, bool]:
    """All that a socket gets for a request, and whether it ended with a RST."""
    split = urlsplit(url)
    got = b""
    with socket.create_connection((split.hostname, split.port), timeout=5) as one:
        path = f"{split.path}?{split.query}" if split.query else split.path
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: {split.netloc}\r\n{more}\r\n".encode())
        try:
            while len(got) < most and (came := one.recv(65536)):
                got += came
        except ConnectionResetError:
            return got, True
    return got, False


@pytest.mark.parametrize(
    ("kind", "options", "answer"),
    [
        ("waf202", {}, (202, b"")),
        ("captcha405", {}, (405, b"")),
        ("edge403", {}, (403, EDGE)),
        ("html403", {"agents": ["ham/"]}, (403, b'<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n')),
        ("429", {}, (429, b"<html>")),
        (
            "429json",
            {},
            (429, b'{"status":"ERROR","message":"GetLatestPublishedDatasetVersionCommand failed: Rate limited due to too many'),
        ),
        ("502", {}, (502, b"<html>")),
        ("503", {}, (503, b"<html>")),
        ("503json", {}, (503, b'{"status":"error","message":')),
        ("504", {}, (504, b"<html>")),
        ("maintenance200", {}, (200, b"<!DOCTYPE html>")),
        (
            "not_authorized403",
            {},
            (403, b'{"status":"ERROR","code":403,"message":"Not authorized to access this object via this API endpoint. '),
        ),
        ("lost404", {}, (404, b'{"status":"ERROR","code":404,"message":"Datafile 1: Failed to locate and/or open physical file."')),
        ("answer", {"status": 418, "body": b"{", "headers": {"X-Odd": "1"}}, (418, b"{")),
    ],
)
def test_the_next_request_is_refused_and_the_one_after_is_not(
    servers: Servers, client: httpx.Client, kind: Kind, options: dict[str, Any], answer: tuple[int, bytes]
) -> None:
    fault = servers.fault("dataverse", kind, **options)
    first, second = (client.get(f"{servers.dataverse}/api/access/datafile/1") for _ in range(2))
    assert (first.status_code, first.content[: len(answer[1])], second.status_code) == (*answer, 303)
    assert "retry-after" not in first.headers
    assert (fault.met, [r.fault for r in servers.requests]) == (1, [kind, None])


def test_the_firewall_says_what_it_wants_in_a_header(servers: Servers, client: httpx.Client) -> None:
    servers.fault("dataverse", "waf202")
    challenge = listing(servers, client)
    assert (challenge.headers["x-amzn-waf-action"], challenge.headers["content-length"], challenge.content) == ("challenge", "0", b"")
    servers.fault("dataverse", "captcha405")
    captcha = client.get(f"{servers.dataverse}/api/info/version", headers={"Accept": "text/html"})
    assert (captcha.headers["x-amzn-waf-action"], captcha.text[:15]) == ("captcha", "<!DOCTYPE html>")


def test_the_page_of_the_edge_has_118_bytes(servers: Servers, client: httpx.Client) -> None:
    servers.fault("dataverse", "edge403")
    got = client.get(f"{servers.dataverse}/api/info/version")
    assert (got.headers["content-type"], got.headers["content-length"], got.content) == (HTML, "118", EDGE)


@pytest.mark.parametrize("retry_after", [7, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_retry_after_is_seconds_or_a_date(servers: Servers, client: httpx.Client, retry_after: int | str) -> None:
    for kind in ("429", "503"):
        servers.fault("bucket", kind, retry_after=retry_after)
        assert client.get(servers.bucket + names.TRAINING_INPUT).headers["retry-after"] == str(retry_after)


def test_agents_are_refused_by_how_their_names_begin(servers: Servers) -> None:
    servers.fault("dataverse", "html403", times=None)
    url = f"{servers.dataverse}/api/info/version"
    assert [httpx.get(url, headers=h).status_code for h in ({}, {"User-Agent": "python-requests/2"}, AGENT)] == [403, 403, 200]


def test_the_store_fails_in_xml(servers: Servers, client: httpx.Client) -> None:
    for kind, said in (("500xml", (500, "InternalError")), ("503xml", (503, "SlowDown")), ("expired403", (403, "AccessDenied"))):
        servers.fault("s3", kind)  # type: ignore[arg-type]
        assert code(client.get(location(servers, client, 1))) == (said[0], "application/xml", said[1])


@pytest.mark.parametrize("to", ["http://192.0.2.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_anywhere(servers: Servers, client: httpx.Client, to: str) -> None:
    servers.fault("dataverse", "redirect", to=to, status=307)
    got = client.get(f"{servers.dataverse}/api/access/datafile/1")
    assert (got.status_code, got.headers["location"]) == (307, to)


def test_a_redirect_leads_to_itself_or_nowhere(servers: Servers, client: httpx.Client) -> None:
    url = f"{servers.dataverse}/api/access/datafile/1?gbrecs=true"
    servers.fault("dataverse", "redirect_loop", times=None)
    assert client.get(url).headers["location"] == url
    with pytest.raises(httpx.TooManyRedirects):
        client.get(url, follow_redirects=True)
    servers.heal()
    servers.fault("dataverse", "no_location")
    got = client.get(url)
    assert (got.status_code, "location" in got.headers) == (303, False)


def test_a_body_is_cut_before_its_length(servers: Servers, client: httpx.Client, part: bytes) -> None:
    servers.fault("s3", "truncate", name=names.PART_1, after=1000)
    url = location(servers, client, 1)
    with pytest.raises(httpx.RemoteProtocolError, match=rf"received 1000 bytes, expected {len(part)}"):
        client.get(url)
    assert (servers.sent(names.PART_1), client.get(url).content == part) == (1000, True)


def test_a_chunked_body_is_cut(servers: Servers, client: httpx.Client) -> None:
    servers.fault("bucket", "truncate_chunked", after=1000)
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        client.get(servers.bucket + names.TRAINING_INPUT)


def test_a_body_without_a_length_ends_early_and_nobody_is_told(servers: Servers, client: httpx.Client, small: Small) -> None:
    servers.fault("bucket", "truncate_close")
    got, whole = client.get(servers.bucket + names.TRAINING_INPUT), small.zips[names.TRAINING_INPUT]
    assert (got.status_code, "content-length" in got.headers, got.content == whole[: len(whole) // 2]) == (200, False, True)


@pytest.mark.parametrize("kind", ["chunked", "close"])
def test_a_body_without_a_length_may_be_whole(servers: Servers, client: httpx.Client, small: Small, kind: Kind) -> None:
    servers.fault("bucket", kind)
    got = client.get(servers.bucket + names.TRAINING_INPUT)
    assert ("content-length" in got.headers, got.content == small.zips[names.TRAINING_INPUT]) == (False, True)


def test_a_connection_is_reset_after_bytes_that_have_arrived(servers: Servers, part: bytes) -> None:
    servers.fault("bucket", "reset", name=names.PART_1, after=5000)
    got, was_reset = raw(servers.mirror + names.PART_1)
    assert (was_reset, got.partition(b"\r\n\r\n")[2]) == (True, part[:5000])
    assert servers.sent(names.PART_1) == 5000


def test_a_body_stalls_for_ever_or_for_a_while(servers: Servers, client: httpx.Client, part: bytes) -> None:
    servers.fault("bucket", "stall", after=10)
    with pytest.raises(httpx.ReadTimeout):
        client.get(servers.mirror + names.PART_1, timeout=SILENT)
    servers.fault("bucket", "stall", after=10, seconds=0.2)
    began = time.monotonic()
    assert (client.get(servers.mirror + names.PART_1).content == part, time.monotonic() - began > 0.2) == (True, True)


def test_a_body_drips(servers: Servers) -> None:
    servers.fault("bucket", "drip", rate=200)
    began, got = time.monotonic(), b""
    # The bytes lead, not the clock: on a busy machine they come later, and never sooner.
    with socket.create_connection(urlsplit(servers.bucket).netloc.split(":"), timeout=5) as one:  # type: ignore[arg-type]
        one.sendall(f"GET /mirror/{names.PART_1} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while len(got.partition(b"\r\n\r\n")[2]) < 60:
            got += one.recv(65536)
    assert len(got.partition(b"\r\n\r\n")[2]) <= 200 * (time.monotonic() - began) + 8  # two blocks


def test_an_answer_is_slow_or_never_comes(servers: Servers, client: httpx.Client) -> None:
    url = servers.mirror + names.PART_1
    servers.fault("bucket", "slow", seconds=0.2)
    began = time.monotonic()
    assert (client.get(url).status_code, time.monotonic() - began > 0.2) == (200, True)
    servers.fault("bucket", "hang")
    with pytest.raises(httpx.ReadTimeout):
        client.get(url, timeout=SILENT)
    servers.fault("bucket", "silence")
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending a response"):
        client.get(url)
    assert [r.status for r in servers.requests] == [200, 0, 0]


def test_headers_and_bodies_do_not_end(servers: Servers, client: httpx.Client) -> None:
    url = servers.mirror + names.PART_1
    servers.fault("bucket", "endless_headers")
    got, _ = raw(url)
    assert (len(got) >= 1 << 22, b"\r\n\r\n" in got) == (True, False)
    servers.fault("bucket", "endless_body")
    with client.stream("GET", url) as answer:
        read = 0
        for chunk in answer.iter_raw():
            read += len(chunk)
            if read > 10 << 20:
                break
    assert servers.reached(names.PART_1, 10 << 20)


def test_a_whole_answer_to_a_range(servers: Servers, client: httpx.Client, part: bytes) -> None:
    servers.fault("bucket", "ignore_range")
    plain = client.get(servers.mirror + names.PART_1)
    got = client.get(servers.mirror + names.PART_1, headers={"Range": "bytes=9-"})
    assert (plain.status_code, got.status_code, got.content == part, "content-range" in got.headers) == (200, 200, True, False)


@pytest.mark.parametrize(
    ("kind", "options", "header", "at"),
    [
        ("wrong_start", {}, "bytes 0-19/{}", (0, 20)),
        ("wrong_start", {"count": 12}, "bytes 12-19/{}", (12, 20)),
        ("wrong_total", {}, "bytes 10-19/{1}", (10, 20)),
        ("short_range", {}, "bytes 10-14/{}", (10, 15)),
        ("no_content_range", {}, None, (10, 20)),
    ],
)
def test_a_partial_answer_is_another_than_was_asked_for(  # noqa: PLR0913  (fixtures and cases)
    servers: Servers, client: httpx.Client, part: bytes, kind: Kind, options: dict[str, Any], header: str | None, at: tuple[int, int]
) -> None:
    servers.fault("s3", kind, **options)
    got = client.get(location(servers, client, 1), headers={"Range": "bytes=10-19"})
    expected = header and header.format(len(part), len(part) + 1)
    assert (got.status_code, got.headers.get("content-range"), got.content) == (206, expected, part[slice(*at)])


def test_a_partial_answer_holds_a_wrong_byte(servers: Servers, client: httpx.Client, part: bytes) -> None:
    servers.fault("s3", "wrong_bytes", after=3)
    got = client.get(location(servers, client, 1), headers={"Range": "bytes=10-19"})
    assert (got.status_code, got.headers["content-range"]) == (206, f"bytes 10-19/{len(part)}")
    assert [n for n, (a, b) in enumerate(zip(got.content, part[10:20], strict=True)) if a != b] == [3]


def test_a_body_is_packed_though_nobody_asked(servers: Servers, part: bytes) -> None:
    servers.fault("bucket", "gzip")
    got, _ = raw(servers.mirror + names.PART_1, "Accept-Encoding: identity\r\nConnection: close\r\n")
    head, _, body = got.partition(b"\r\n\r\n")
    assert (b"Content-Encoding: gzip" in head, f"Content-Length: {len(body)}".encode() in head) == (True, True)
    assert gzip.decompress(body) == part


def test_a_disposition_names_a_path_and_an_etag_is_missing(servers: Servers, client: httpx.Client) -> None:
    servers.fault("s3", "disposition")
    servers.fault("s3", "no_etag")
    first, second = (client.get(location(servers, client, 1)) for _ in range(2))
    assert first.headers["content-disposition"] == 'attachment; filename="../../etc/passwd"'
    assert ("etag" in first.headers, "etag" in second.headers) == (True, False)


def test_an_object_is_replaced_in_the_middle(servers: Servers, client: httpx.Client, part: bytes) -> None:
    servers.fault("s3", "replaced", name=names.PART_1, after=1000, data=b"new" + part)
    url = location(servers, client, 1)
    with client.stream("GET", url) as got:
        old = got.headers["etag"]
        with pytest.raises(httpx.RemoteProtocolError, match="received 1000 bytes"):
            got.read()
    again = client.get(url, headers={"Range": "bytes=1000-", "If-Range": old})
    assert (again.status_code, again.content == b"new" + part, again.headers["etag"] == old) == (200, True, False)


def test_json_is_very_deep_or_very_long(servers: Servers, client: httpx.Client) -> None:
    servers.fault("dataverse", "deep_json", name="listing")
    with pytest.raises(RecursionError):
        listing(servers, client).json()
    servers.fault("dataverse", "long_json", name="listing", count=5 << 20)
    got = listing(servers, client)
    assert (len(got.content) > 5 << 20, len(json.loads(got.content)["data"]["files"]) > 1000) == (True, True)


def test_faults_wait_for_what_they_are_for(servers: Servers, client: httpx.Client) -> None:
    servers.fault("dataverse", "502", name=names.METADATA, times=2, skip=1)
    servers.fault("dataverse", "503", when=lambda asked: asked.query.get("gbrecs") == "true")
    listing(servers, client)
    got = [client.get(f"{servers.dataverse}/api/access/datafile/{n}").status_code for n in (3, 1, 3, 3, 3)]
    assert got == [200, 303, 502, 502, 200]
    assert client.get(f"{servers.dataverse}/api/access/datafile/1?gbrecs=true").status_code == 503


def test_a_client_that_leaves_is_no_error(servers: Servers) -> None:
    servers.rate = 1000
    for linger in (b"\0" * 8, struct.pack("ii", 1, 0)):
        with socket.create_connection(urlsplit(servers.bucket).netloc.split(":")) as one:  # type: ignore[arg-type]
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            one.sendall(f"GET /mirror/{names.PART_1} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            one.recv(10)
    got, _ = raw(servers.bucket, "no header at all\r\n", 15)
    assert got.startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_every_fault_is_tried_here() -> None:
    from pathlib import Path

    words = set(re.findall(r'"(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    assert set(KINDS) - words == set()
