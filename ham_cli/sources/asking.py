"""One small question to a server, with its answer's meaning: is the file there, and where?"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from ham_cli import http
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOVED = {301, 302, 303, 307, 308}


def where(client: httpx.Client, url: str, headers: Mapping[str, str]) -> str | None:
    """Where a server sends us for a file; ``None`` where it answers with the file itself.

    Asks for one byte, as HEAD is refused by signed addresses. Raises `Problem` for any other answer, and for a
    redirect to anything but https (a server on this machine apart).
    """
    try:
        with client.stream("GET", url, headers={**headers, "Range": "bytes=0-0"}) as response:
            if response.status_code in _MOVED:
                return _allowed(url, response.headers.get("location"))
            if response.status_code in {200, 206}:
                return None
            raise http.problem_of(response.status_code, response.headers, http.head_of(response))
    except httpx.TransportError as error:
        raise Problem(Kind.AGAIN, "the server cannot be reached", got=str(error) or type(error).__name__) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise Problem(Kind.FINAL, "the server names no address", got=str(error)) from error


def _allowed(url: str, location: str | None) -> str:
    if not location:
        raise Problem(Kind.AGAIN, "the server redirects to nowhere")
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname)):
        return target
    raise Problem(Kind.FINAL, "the server redirects to an unsafe address", got=http.plain(target), fix="name another --source")


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
