"""The small Dataverse, its store and the bucket answer as the real ones were seen to answer."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from ham_cli import record as records
from tests import small as names
from tests.dataverse import KEY, Servers
from tests.dataverse.asking import AGENT, listing, location

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dataverse.messages import Framing
    from tests.small import Small

DOI = "doi:10.0000/SMALL"
NO_DATASET = "When accessing a dataset based on Persistent ID, a persistentId query parameter must be present."
NO_ENDPOINT = (
    "API endpoint does not exist on this server. Please check your code for typos, or consult our API guide at http://guides.dataverse.org."
)


def test_the_version_of_the_installation_is_told(servers: Servers, client: httpx.Client) -> None:
    got = client.get(f"{servers.dataverse}/api/info/version")
    assert got.json() == {"status": "OK", "data": {"version": "6.10.1", "build": "harvard-patched"}}


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_dataset_holds_its_latest_version(servers: Servers, client: httpx.Client, slash: str) -> None:
    got = listing(servers, client, slash)
    data = got.json()["data"]
    assert (got.status_code, got.headers["content-type"]) == (200, "application/json")
    assert (data["persistentUrl"], data["authority"], data["identifier"]) == ("https://doi.org/10.0000/SMALL", "10.0000", "SMALL")
    assert (data["latestVersion"]["versionNumber"], "license" in data["latestVersion"]) == (1, False)
    labels = [f["label"] for f in data["latestVersion"]["files"]]
    assert (labels, len(labels)) == (sorted(labels), 7)


@pytest.mark.parametrize("version", [":latest", ":latest-published", "1.0", "1"])
def test_a_version_is_given_without_a_wrapper(servers: Servers, client: httpx.Client, version: str) -> None:
    data = listing(servers, client, f"/versions/{version}").json()["data"]
    assert (data["versionState"], len(data["files"])) == ("RELEASED", 7)
    assert "files" not in listing(servers, client, f"/versions/{version}", excludeFiles="true").json()["data"]
    document = listing(servers, client, f"/versions/{version}/files").json()
    assert (list(document), document["totalCount"], document["data"]) == (["status", "totalCount", "data"], 7, data["files"])
    assert listing(servers, client, f"/versions/{version}/files", limit="2", offset="1").json()["data"] == data["files"][1:3]


def test_size_and_digest_of_a_table_are_of_different_bytes(servers: Servers, client: httpx.Client, small: Small) -> None:
    files = {f["label"]: f["dataFile"] for f in listing(servers, client, "/versions/1.0").json()["data"]["files"]}
    original, tab = small.tables[names.METADATA], small.tables["HAM10000_metadata.tab"]
    table, plain = files["HAM10000_metadata.tab"], files[names.PART_1]
    assert (table["md5"], table["originalFileSize"], table["filesize"]) == (names.md5(original), len(original), len(tab))
    assert (table["originalFileName"], table["tabularData"], table["contentType"]) == (names.METADATA, True, "text/tab-separated-values")
    assert (plain["md5"], plain["filesize"]) == (names.md5(small.zips[names.PART_1]), len(small.zips[names.PART_1]))
    assert plain["checksum"] == {"type": "MD5", "value": plain["md5"]}
    assert (plain["tabularData"], {k for k in plain if k.startswith(("original", "UNF"))}) == (False, set())


def test_a_file_has_an_entry_of_its_own(servers: Servers, client: httpx.Client) -> None:
    got = client.get(f"{servers.dataverse}/api/files/3").json()["data"]
    assert got["label"] == "HAM10000_metadata.tab"
    assert client.get(f"{servers.dataverse}/api/files/99").status_code == 404


@pytest.mark.parametrize(
    ("rest", "query", "answer"),
    [
        ("", {"persistentId": "doi:10.0000/OTHER"}, (404, NO_DATASET)),
        ("/", {"persistentId": ""}, (400, NO_DATASET)),
        ("", {"persistentId": "10.0000"}, (400, "Bad dataset ID number: 10.0000")),
        ("/versions/9.0", {}, (404, "Dataset version 9.0 of dataset 3172580 not found")),
    ],
)
def test_what_is_not_there_is_refused_word_by_word(
    servers: Servers, client: httpx.Client, rest: str, query: dict[str, str], answer: tuple[int, str]
) -> None:
    got = listing(servers, client, rest, **query)
    assert (got.status_code, got.json()) == (answer[0], {"status": "ERROR", "message": answer[1]})


def test_a_file_id_nobody_has_is_called_an_endpoint_that_does_not_exist(servers: Servers, client: httpx.Client) -> None:
    url = f"{servers.dataverse}/api/access/datafile/77?format=original&key={KEY}"
    got = client.get(url)
    told = {"status": "ERROR", "code": 404, "message": NO_ENDPOINT, "requestUrl": url, "requestMethod": "GET"}
    assert (got.status_code, got.json()) == (404, told)
    assert client.get(f"{servers.dataverse}/api/nothing").json()["message"] == NO_ENDPOINT


def test_listings_vary_as_servers_do(servers: Servers, client: httpx.Client, small: Small) -> None:
    def one() -> dict[str, Any]:
        entries = listing(servers, client, "/versions/1.0/files").json()["data"]
        return next(dict(f["dataFile"]) for f in entries if f["label"] == names.PART_1)

    servers.listing.total_count = False
    assert list(listing(servers, client, "/versions/1.0/files").json()) == ["status", "data"]
    servers.listing.checksum = "SHA-1"
    sha1 = hashlib.sha1(small.zips[names.PART_1], usedforsecurity=False).hexdigest()
    assert ("md5" in one(), one()["checksum"]) == (False, {"type": "SHA-1", "value": sha1})
    servers.listing.checksum = ""
    assert one().keys() & {"md5", "checksum"} == set()
    servers.listing.checksum, servers.listing.wrong_md5 = "MD5", [names.PART_1]
    assert one()["md5"] not in {"", names.md5(small.zips[names.PART_1])}
    servers.listing.no_size = "*"
    assert "filesize" not in one()
    servers.listing.edit = lambda entry: entry.update(dataFile=entry["dataFile"] | {"id": "x"})
    assert one()["id"] == "x"
    servers.listing.edit = None
    servers.listing.deaccessioned = True
    assert "latestVersion" not in listing(servers, client).json()["data"]
    servers.listing.slow = 0.1
    began = time.monotonic()
    listing(servers, client)
    assert time.monotonic() - began >= 0.1


def test_a_zip_is_given_by_a_redirect_of_this_shape(servers: Servers, client: httpx.Client, small: Small) -> None:
    got = client.get(f"{servers.dataverse}/api/access/datafile/1")
    assert (got.status_code, got.content, got.headers["content-type"]) == (303, b"", "application/xml;charset=ISO-8859-1")
    assert [c.partition("=")[0] for c in got.headers.get_list("set-cookie")] == ["JSESSIONID", "AWSELB"]
    disposition = r"attachment%3B%20filename%2A%3DUTF-8%27%27HAM10000_images_part_1\.zip"
    shape = (
        re.escape(servers.s3) + r"/10\.0000/SMALL/[0-9a-f]{11}-[0-9a-f]{12}\?response-content-disposition=" + disposition + r"&response-"
        r"content-type=application%2Fzip&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=\d{8}T\d{6}Z&X-Amz-SignedHeaders=host&X-Amz-Expires="
        r"3600&X-Amz-Credential=AKIA\w+%2F\d{8}%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=[0-9a-f]{64}"
    )
    assert re.fullmatch(shape, got.headers["location"])
    whole = client.get(got.headers["location"])
    assert (whole.status_code, whole.content) == (200, small.zips[names.PART_1])
    told = {"content-type": "application/zip", "server": "AmazonS3", "accept-ranges": "bytes"}
    told |= {"content-disposition": "attachment; filename*=UTF-8''HAM10000_images_part_1.zip"}
    assert {k: whole.headers[k] for k in told} == told
    assert re.fullmatch(r'"[0-9a-f]{32}-2"', whole.headers["etag"])
    assert "last-modified" in whole.headers


def test_the_original_of_a_table_comes_from_the_store_and_format_says_nothing_for_a_zip(
    servers: Servers, client: httpx.Client, small: Small
) -> None:
    url = location(servers, client, 3)
    assert (urlsplit(url).path.endswith(".orig"), client.get(url).content) == (True, small.tables[names.METADATA])
    assert client.get(location(servers, client, 1)).content == small.zips[names.PART_1]
    assert client.get(f"{servers.dataverse}/api/access/datafile/1?format=RData").status_code == 404


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_table_without_a_format_is_streamed_as_tabs_and_has_no_etag(
    servers: Servers, client: httpx.Client, small: Small, framing: Framing
) -> None:
    servers.tab_framing = framing
    got = client.get(f"{servers.dataverse}/api/access/datafile/3")
    assert (got.status_code, got.content) == (200, small.tables["HAM10000_metadata.tab"])
    assert got.headers["content-disposition"] == 'attachment; filename="HAM10000_metadata.tab"'
    assert got.headers["content-type"] == 'text/tab-separated-values; name="HAM10000_metadata.tab"'
    assert got.headers.keys() & {"etag", "last-modified", "accept-ranges", "content-md5"} == set()
    assert ("content-length" in got.headers, "transfer-encoding" in got.headers) == (framing == "length", framing == "chunked")


def test_dataverse_reads_ranges_of_what_it_streams_and_ignores_if_range(servers: Servers, client: httpx.Client, small: Small) -> None:
    url, tab = f"{servers.dataverse}/api/access/datafile/3", small.tables["HAM10000_metadata.tab"]
    for header, part in (("bytes=5-9", tab[5:10]), ("bytes=9-", tab[9:]), ("bytes=-4", tab[-4:]), (f"bytes=9-{10**9}", tab[9:])):
        got = client.get(url, headers={"Range": header, "If-Range": '"stale"'})
        assert (got.status_code, got.content, got.headers["accept-ranges"]) == (206, part, "bytes")
    assert got.headers["content-range"] == f"bytes 9-{len(tab) - 1}/{len(tab)}"
    for header in (f"bytes={len(tab)}-", "bytes=9-5", "bytes=0-1,3-4"):
        got = client.get(url, headers={"Range": header})
        message = "Error due to Range header: Start is larger than end or size of file."
        assert (got.status_code, got.json()) == (416, {"status": "ERROR", "code": 416, "message": message})
        assert "content-range" not in got.headers


def test_an_installation_with_its_own_storage_streams_every_file(servers: Servers, client: httpx.Client, small: Small) -> None:
    servers.streamed = True
    assert client.get(f"{servers.dataverse}/api/access/datafile/1").content == small.zips[names.PART_1]
    assert client.get(f"{servers.dataverse}/api/access/datafile/3?format=original").content == small.tables[names.METADATA]


def test_a_key_that_is_not_known_is_refused_even_for_public_files(servers: Servers, client: httpx.Client) -> None:
    for number, url in enumerate(("/api/access/datafile/1", f"/api/datasets/:persistentId?persistentId={DOI}")):
        got = client.get(servers.dataverse + url, headers={"X-Dataverse-key": "stale"})
        assert (got.status_code, got.json()) == (401, {"status": "ERROR", "message": "Bad API key"})
        assert client.get(servers.dataverse + url, headers={"X-Dataverse-key": KEY}).status_code == (303, 200)[number]


def test_a_key_and_a_cookie_that_reach_the_store_are_seen(small: Small) -> None:
    with Servers.of(small, s3_host="127.0.0.2") as servers, httpx.Client(headers=AGENT, follow_redirects=True) as client:
        client.get(f"{servers.dataverse}/api/access/datafile/1", headers={"X-Dataverse-key": KEY})
        first, second = servers.requests
    assert (first.origin, second.origin, second.headers.get("x-dataverse-key")) == ("dataverse", "s3", KEY)
    assert "cookie" not in second.headers


def test_a_guestbook_is_signed_before_a_file_is_given(servers: Servers, client: httpx.Client, small: Small) -> None:
    servers.guestbook = 380
    url = f"{servers.dataverse}/api/access/datafile/1"
    message = "You may not download this file without the required Guestbook response for guestbookID 380."
    for got in (client.get(url), client.get(url + "?gbrecs=true"), client.post(url, json={})):
        assert (got.status_code, got.json()) == (400, {"status": "ERROR", "message": message})
    signed = client.post(url, json={"guestbookResponse": {"name": "N", "email": "n@example.org"}}).json()["data"]["signedUrl"]
    assert re.search(r"gbrecs=true&gbrids=\d+&until=[^&]+&user=guest&method=GET&token=[0-9a-f]{128}$", signed)
    given = client.get(signed)
    assert (given.status_code, client.get(given.headers["location"]).content) == (303, small.zips[names.PART_1])
    servers.advance(61)
    assert client.get(signed).status_code == 401
    assert client.get(f"{servers.dataverse}/api/guestbooks/380").json()["data"]["id"] == 380


def test_a_restricted_file_and_one_lost_in_the_store_are_refused(small: Small) -> None:
    with Servers(small.facts, small.tables) as servers, httpx.Client(headers=AGENT) as client:
        servers.restricted = ["HAM10000_metadata.tab"]
        refused, lost = (client.get(f"{servers.dataverse}/api/access/datafile/{n}") for n in (3, 1))
        assert (refused.status_code, refused.json()["code"]) == (403, 403)
        assert refused.json()["message"].startswith("Not authorized to access this object via this API endpoint. ")
        message = "Datafile 1: Failed to locate and/or open physical file."
        assert (lost.status_code, lost.json()["message"]) == (404, message)


def test_each_get_counts_as_a_download_unless_it_says_that_it_was_recorded(servers: Servers, client: httpx.Client) -> None:
    url = f"{servers.dataverse}/api/access/datafile/1"
    for query in ("", "?gbrecs=true", "?format=original", "?format=original&gbrecs=true"):
        client.get(url + query, headers={"Range": "bytes=5-"})
    client.head(url)
    listing(servers, client)
    assert servers.downloads_counted == 2


def test_what_was_asked_is_kept(servers: Servers, client: httpx.Client, small: Small) -> None:
    client.get(location(servers, client, 1, "?format=original&gbrecs=true"), headers={"Range": "bytes=5-9"})
    first, second = servers.requests
    assert (first.method, first.path, first.query) == ("GET", "/api/access/datafile/1", {"format": "original", "gbrecs": "true"})
    assert (first.name, first.status, first.sent, first.headers["user-agent"]) == (names.PART_1, 303, 0, "ham/0 (+test)")
    assert (second.origin, second.range, second.status, second.sent) == ("s3", "bytes=5-9", 206, 5)
    client.get(location(servers, client, 3))
    assert (servers.sent(names.PART_1), servers.sent(names.METADATA)) == (5, len(small.tables[names.METADATA]))
    assert servers.sent("HAM10000_metadata.tab", "dataverse") == 0


@pytest.mark.parametrize("agent", ["python-requests/2.32.5", "Python-urllib/3.11"])
def test_agents_that_harvard_refuses_get_a_page(servers: Servers, client: httpx.Client, agent: str) -> None:
    got = client.get(f"{servers.dataverse}/api/info/version", headers={"User-Agent": agent})
    assert (got.status_code, got.headers["content-type"]) == (403, "text/html; charset=iso-8859-1")
    assert got.text.startswith('<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>403 Forbidden</title>')


def test_a_record_can_be_written_that_names_these_servers(servers: Servers, small: Small, tmp_path: Path) -> None:
    made = records.load_foreign(servers.record(small.record, tmp_path / "record"))
    assert (made.server, made.buckets) == (servers.dataverse, (servers.bucket, servers.old_bucket))
    assert (tmp_path / "record" / "digests.sha256.xz").is_file()


def test_a_folder_as_the_demo_draws_it_is_served_from_its_files(client: httpx.Client, small: Small, tmp_path: Path) -> None:
    files = [file | {"datafile_id": None} for file in small.facts["files"]]
    facts = small.facts | {"files": files, "version": "1.0-100-2", "bucket_files": [], "buckets": []}
    folder = names.lay(small.published(tmp_path), {"record.json": json.dumps(facts).encode()})
    with Servers.of_folder(folder) as servers:
        ids = {f["name"]: f["datafile_id"] for f in servers.facts["files"]}
        assert client.get(location(servers, client, ids[names.PART_2])).content == small.zips[names.PART_2]
        for version in ("1.0-100-2", "1.0", ":latest"):
            data = listing(servers, client, f"/versions/{version}").json()["data"]
            assert {f["label"]: f["dataFile"]["id"] for f in data["files"]} == ids
        tab = client.get(f"{servers.dataverse}/api/access/datafile/{ids['HAM10000_metadata.tab']}").content
    assert tab == small.tables["HAM10000_metadata.tab"]
