"""The store and the bucket answer as S3 does, quickly, and leave nothing behind."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from tests import small as names
from tests.dataverse import Servers
from tests.dataverse.asking import AGENT, code, location

if TYPE_CHECKING:
    from pathlib import Path

    from tests.small import Small


def test_the_store_takes_get_only(servers: Servers, client: httpx.Client) -> None:
    url = f"{servers.dataverse}/api/access/datafile/1"
    head = client.head(url)
    assert head.status_code == 303
    refused = client.head(head.headers["location"])
    assert (refused.status_code, refused.headers["content-type"], refused.content) == (403, "application/xml", b"")
    assert code(client.post(head.headers["location"])) == (403, "application/xml", "SignatureDoesNotMatch")
    assert code(client.get(head.headers["location"].replace("part_1", "part_9"))) == (403, "application/xml", "SignatureDoesNotMatch")
    assert code(client.get(head.headers["location"].replace("%20", "+"))) == (403, "application/xml", "SignatureDoesNotMatch")
    assert code(client.get(head.headers["location"].partition("?")[0])) == (403, "application/xml", "AccessDenied")


def test_a_url_expires_by_the_servers_clock(servers: Servers, client: httpx.Client) -> None:
    servers.url_expires = 60
    url = location(servers, client, 1)
    servers.advance(30)
    assert client.get(url, headers={"Range": "bytes=0-0"}).status_code == 206
    servers.advance(31)
    got = client.get(url)
    shape = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>60'
        r"</X-Amz-Expires><Expires>[-\d]{10}T[\d:]{8}Z</Expires><ServerTime>[-\d]{10}T[\d:]{8}Z</ServerTime><RequestId>\w+</RequestId>"
        r"<HostId>\w+</HostId></Error>"
    )
    assert (got.status_code, got.headers["content-type"]) == (403, "application/xml")
    assert re.fullmatch(shape.replace("?xml", r"\?xml").replace("?>", r"\?>"), got.text)
    assert client.get(location(servers, client, 1)).status_code == 200


def test_two_ways_to_say_who_one_is_are_one_too_many(servers: Servers, client: httpx.Client) -> None:
    got = client.get(location(servers, client, 1), headers={"Authorization": "Bearer x"})
    assert (code(got), "Only one auth mechanism allowed" in got.text) == ((400, "application/xml", "InvalidArgument"), True)


def test_the_store_reads_ranges_and_conditions(servers: Servers, client: httpx.Client, small: Small) -> None:
    url, whole = location(servers, client, 1), small.zips[names.PART_1]

    def get(**headers: str) -> httpx.Response:
        return client.get(url, headers={n.replace("_", "-"): v for n, v in headers.items()})

    for header, part in (("bytes=5-9", whole[5:10]), ("bytes=9-", whole[9:]), ("bytes=-4", whole[-4:]), ("bytes=0-0", whole[:1])):
        got = get(Range=header)
        assert (got.status_code, got.content) == (206, part)
    assert got.headers["content-range"] == f"bytes 0-0/{len(whole)}"
    etag, size = got.headers["etag"], len(whole)
    past = get(Range=f"bytes={size}-")
    assert (code(past), "content-range" in past.headers) == ((416, "application/xml", "InvalidRange"), False)
    assert f"<RangeRequested>bytes={size}-</RangeRequested><ActualObjectSize>{size}</ActualObjectSize>" in past.text
    assert get(Range="bytes=0-1,3-4").status_code == 200
    assert [get(Range="bytes=9-", If_Range=tag).status_code for tag in (etag, got.headers["last-modified"], '"old"')] == [206, 206, 200]
    assert (get(If_Match=etag).status_code, code(get(If_Match='"old"'))) == (200, (412, "application/xml", "PreconditionFailed"))
    assert (get(If_None_Match=etag).status_code, get(If_None_Match='"old"').status_code) == (304, 200)
    servers.replace(names.PART_1, b"new")
    assert get(Range="bytes=1-", If_Range=etag).content == b"new"
    assert get(If_Match=etag).status_code == 412


def test_the_bucket_is_plain_and_anonymous(servers: Servers, client: httpx.Client, small: Small) -> None:
    whole = small.zips[names.TRAINING_INPUT]
    for base in (servers.bucket, servers.old_bucket):
        head, got = client.head(base + names.TRAINING_INPUT), client.get(base + names.TRAINING_INPUT)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(whole)))
        assert (got.content, got.headers["etag"], got.headers["server"]) == (whole, head.headers["etag"], "AmazonS3")
    part = client.get(servers.bucket + names.TRAINING_INPUT, headers={"Range": "bytes=9-", "If-Range": head.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole[9:])
    assert code(client.get(servers.bucket + names.PART_1)) == (404, "application/xml", "NoSuchKey")
    servers.bucket_denies = True
    assert code(client.get(servers.bucket + names.PART_1)) == (403, "application/xml", "AccessDenied")
    assert client.get(servers.mirror + names.METADATA).content == small.tables[names.METADATA]
    servers.etag = "md5"
    assert client.head(servers.bucket + names.TRAINING_INPUT).headers["etag"] == f'"{names.md5(whole)}"'
    servers.etag = "none"
    assert "etag" not in client.head(servers.bucket + names.TRAINING_INPUT).headers


def test_connections_are_kept_and_many_may_be_open(servers: Servers, client: httpx.Client, small: Small) -> None:
    for _ in range(5):
        client.get(servers.bucket + names.TRAINING_INPUT)
    assert (servers.connections, {r.connection for r in servers.requests}) == (1, {1})
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: httpx.get(servers.mirror + names.PART_2, headers=AGENT).content, range(16)))
    assert set(got) == {small.zips[names.PART_2]}


def test_nothing_is_left_when_the_servers_close(small: Small) -> None:
    before, began = set(threading.enumerate()), time.monotonic()
    with Servers.of(small) as servers:
        assert time.monotonic() - began < 2
        address = urlsplit(servers.s3).hostname, urlsplit(servers.s3).port
        servers.fault("bucket", "hang")
        with socket.create_connection(address), pytest.raises(httpx.ReadTimeout):
            httpx.get(servers.mirror + names.PART_1, timeout=httpx.Timeout(5, read=0.05))
        servers.fault("bucket", "stall")
        with socket.create_connection(address) as idle, httpx.stream("GET", servers.mirror + names.PART_1) as got:
            idle.sendall(b"GET /unfinished HTTP/1.1\r\n")
            assert servers.reached(names.PART_1, 1)
            servers.__exit__(None, None, None)
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                got.read()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_large_body_passes_quickly_from_memory_and_from_a_file(small: Small, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    large = bytes(100 << 20)
    (tmp_path / "large").write_bytes(large)
    for data in (large, tmp_path / "large"):
        with Servers(small.facts, {names.PART_1: data}) as servers:
            command = ["curl", "-s", "-o", "/dev/null", "-w", "%{size_download}", servers.mirror + names.PART_1]
            began = time.monotonic()
            assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == str(100 << 20)
            assert time.monotonic() - began < 30
            assert servers.sent(names.PART_1) == 100 << 20


def test_a_rate_holds_for_each_connection(servers: Servers, client: httpx.Client) -> None:
    servers.rate = 100_000
    began = time.monotonic()
    got = client.get(servers.bucket + names.TRAINING_INPUT, headers={"Range": "bytes=0-19999"})
    assert (len(got.content), 0.15 < time.monotonic() - began < 5) == (20_000, True)
