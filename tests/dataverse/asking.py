"""How tests ask the servers directly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from tests.dataverse.servers import Servers

AGENT = {"User-Agent": "ham/0 (+test)"}


def listing(servers: Servers, client: httpx.Client, rest: str = "", **query: str) -> httpx.Response:
    """The dataset's JSON, or what lies below it."""
    return client.get(f"{servers.dataverse}/api/datasets/:persistentId{rest}", params={"persistentId": servers.published.doi} | query)


def location(servers: Servers, client: httpx.Client, number: int, query: str = "?format=original") -> str:
    """The presigned URL of a file."""
    got = client.get(f"{servers.dataverse}/api/access/datafile/{number}{query}")
    assert (got.status_code, got.content) == (303, b"")
    return got.headers["location"]


def code(got: httpx.Response) -> tuple[int, str, str | None]:
    """The status of an answer in the store's XML, its type and its code."""
    found = re.search("<Code>(.*)</Code>", got.text)
    return got.status_code, got.headers["content-type"], found and found[1]
