"""Small questions to a server, with what the answers mean: where is a file, and what does a document say?"""

from __future__ import annotations

import contextlib
import ipaddress
import random
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from ham_cli import http
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ham_cli.http import Waits

Found = TypeVar("Found")

_MOVED = {301, 302, 303, 307, 308}
_GOOD, _PART, _MISSING = 200, 206, 404

_TRIES = 3
"""Times that a small question is asked: what it tells is welcome, and a fetch does without it."""

_OTHER = "try again later, or name another --source"

_MOVES = 3
"""Redirects of a document that are followed: one to another host, one to https, one to spare."""


_PAGES = {"text/html", "application/json"}


def where(client: httpx.Client, url: str, headers: Mapping[str, str]) -> str | None:
    """Where a server sends us for a file; ``None`` where it answers with the file itself.

    Asks for one byte, as HEAD is refused by signed addresses. Raises `Problem` for any other answer, and for a
    redirect to anything but https (a server on this machine apart).
    """
    with _in_words(), client.stream("GET", url, headers={**headers, "Range": "bytes=0-0"}) as response:
        if response.status_code in _MOVED:
            return _allowed(url, response.headers.get("location"))
        # A page, as in maintenance, is no published file.
        if response.status_code in {_GOOD, _PART} and response.headers.get("content-type", "").partition(";")[0] not in _PAGES:
            return None
        raise http.problem_of(response.status_code, response.headers, http.head_of(response))


def document(client: httpx.Client, url: str, headers: Mapping[str, str], *, most: int, seconds: float) -> bytes:
    """The whole body of an answer that is no file: at most so many bytes, in about so many seconds.

    Redirects are followed where ``where`` would allow them, without the headers: they are meant for this server.
    Raises `Problem` for anything but 200, and of it `MissingError` for 404.
    """
    until = time.monotonic() + seconds
    for _ in range(1 + _MOVES):
        with _in_words(), client.stream("GET", url, headers=dict(headers), timeout=_within(client.timeout, seconds)) as response:
            if response.status_code not in _MOVED:
                return _body(response, most, until)
            url, headers = _allowed(url, response.headers.get("location")), {}
        seconds = max(0.1, until - time.monotonic())
    raise Problem(Kind.FINAL, "the server redirects without an end", got=http.plain(url), fix=_OTHER)


def patiently(ask: Callable[[float], Found], waits: Waits, seconds: float) -> Found:
    """What a question gives, asked again after a passing fault: a few times, within so many seconds in all.

    The question is told how many seconds are left. Raises the last `Problem`; at once where the server wants to be
    left alone for longer than that.
    """
    until = time.monotonic() + seconds
    for attempt in range(1, _TRIES):
        try:
            return ask(until - time.monotonic())
        except Problem as problem:
            if problem.kind is not Kind.AGAIN:
                raise
            most = min(waits.longest, waits.first * 2 ** (attempt - 1))
            pause = min(problem.after, waits.obeyed) if problem.after is not None else random.uniform(0, most)  # noqa: S311
            if time.monotonic() + pause >= until:
                raise
        time.sleep(pause)
    return ask(max(0.1, until - time.monotonic()))


class MissingError(Problem):
    """The server has no document there, for whatever reason it gives."""


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """A block in which the library's exceptions, while a body is read too, become `Problem`."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
        raise Problem(Kind.FINAL, "the server names no address", got=str(error), fix="check --server and --source") from error
    except httpx.TransportError as error:
        if "location header" in str(error):  # how the library says that a redirect leads nowhere
            raise Problem(Kind.FINAL, "the server names no address", got="a Location that is none", fix="name another --source") from error
        raise http.unreached(error) from error


def _within(usual: httpx.Timeout, seconds: float) -> httpx.Timeout:
    """A client's own timeouts, none of them longer than so many seconds."""
    kinds = ("connect", "read", "write", "pool")
    return httpx.Timeout(**{kind: min(seconds, limit) if (limit := getattr(usual, kind)) is not None else seconds for kind in kinds})


def _body(response: httpx.Response, most: int, until: float) -> bytes:
    """The body of a 200; `Problem` for any other answer, and for a body that is too long, too slow or encoded."""
    if response.status_code != _GOOD:
        raise _refusal(response, _read(response, http.HEAD, until))
    if str(response.headers.get("content-encoding", "identity")).lower() != "identity":
        # Unpacked, a few bytes may be gigabytes.
        raise Problem(Kind.AGAIN, "the server packs its answer, and was asked not to")
    body = _read(response, most + 1, until)
    if len(body) > most:
        raise Problem(Kind.FINAL, "the server's answer does not end", got=f"more than {most} bytes", fix=_OTHER)
    return body


def _read(response: httpx.Response, most: int, until: float) -> bytes:
    """The first bytes of a body; raises ``ReadTimeout`` where it only drips."""
    found = bytearray()
    for chunk in response.iter_raw():
        found += chunk
        if len(found) >= most:
            break
        if time.monotonic() > until:
            raise httpx.ReadTimeout(f"only {len(found)} bytes came in time")
    return bytes(found[:most])


def _refusal(response: httpx.Response, head: bytes) -> Problem:
    """What an answer other than 200 means where a document was asked for."""
    status = response.status_code
    problem = http.problem_of(status, response.headers, head)
    if status == _MISSING and "x-amzn-waf-action" not in response.headers:
        return MissingError(Kind.FINAL, "the server has no such document", got=problem.got, fix=problem.fix)
    if problem.kind in {Kind.RENEW, Kind.CHANGED} or status == _PART:
        # These speak of files in a storage; of a document they make no sense.
        return Problem(Kind.FINAL, "the server refuses", got=problem.got, fix=problem.fix or _OTHER)
    return problem


def _allowed(url: str, location: str | None) -> str:
    if not location:
        raise Problem(Kind.AGAIN, "the server redirects to nowhere")
    target = urljoin(url, location)
    parts = urlsplit(target)
    # From another machine, this one's own services are not to be asked.
    if parts.scheme == "https" or (parts.scheme == "http" and is_here(parts.hostname) and is_here(urlsplit(url).hostname)):
        return target
    raise Problem(Kind.FINAL, "the server redirects to an unsafe address", got=http.plain(target), fix="name another --source")


def is_here(host: str | None) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
