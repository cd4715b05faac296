"""The line to one file's server: asked, asked again, waited for, given up."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import TYPE_CHECKING, Protocol

import httpx

from ham_cli import http
from ham_cli.download.order import Edition
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ham_cli.download.journal import Range
    from ham_cli.download.order import Address, Order, Wire

PARTLESS = "the server cannot send parts of a file"

_SILENT = 1.0
"""Seconds of waiting that need no word."""


class StoppedError(Exception):
    """The download was asked to end."""


class Sink(Protocol):
    """A range of a file that fills."""

    at: int
    """How far it is."""
    end: int
    """One after its last byte."""

    def add(self, chunk: bytes) -> None:
        """Take in what comes next; bytes beyond its end are none of it."""

    def flush(self) -> None:
        """Put in its place what has come: there may be nothing more for a while."""


class Line:
    """What all connections of one download share: the address, the patience, the rate, the word to stop."""

    def __init__(self, order: Order, wire: Wire, say: Callable[[str], None], stop: threading.Event | None = None) -> None:
        self._order, self._say = order, say
        self._client, self._waits, self._limiter = wire.client, wire.waits, wire.limiter
        self.stop = stop or threading.Event()
        """Set, it ends every connection at its next step."""
        self._renewing = threading.Lock()
        self._address: Address | None = None
        self._renewed = 0
        self._vain = 0
        """Addresses in a row that were of no use."""
        self._failures = 0
        self._reached = False
        """Whether the server has answered, whatever it said."""
        self._said = 0.0
        """Until when what was said last holds."""

    @property
    def url(self) -> str:
        """Where it is asked, without the query."""
        return http.plain(self._address.url) if self._address else ""

    def ask(self, wanted: Range | None, etag: str | None) -> httpx.Response:
        """The answer to a request for a range or all, open: 200 or 206 and no page; others are waited out or raised.

        A range that begins below 0 is that many bytes from the end.
        """
        attempts = 0
        while not self.stop.is_set():
            address = None
            try:
                address = self._current()
                return self._answer(address, wanted, etag)
            except Problem as found:
                if found.kind is Kind.RENEW and address and self._vain < self._waits.renewals:
                    if self._vain:
                        self.wait(self._vain, found)
                    self._renew(address)
                    continue
                if found.kind is not Kind.AGAIN:
                    raise
                problem = found
            except httpx.TransportError as error:
                problem = http.unreached(error)
            attempts += 1
            self._reached = self._reached or problem.what != http.UNREACHED
            self.wait(attempts, problem)
        raise StoppedError

    def look(self, wanted: Range, etag: str | None) -> tuple[Edition, bytes] | httpx.Response:
        """Which file the server has, and a few bytes of it; of one that sends it only whole its answer, open and unread."""
        attempts = 0
        while True:
            found = self.ask(wanted, etag)
            if found.status_code == httpx.codes.OK:
                return found
            try:
                with contextlib.closing(found):
                    return edition_of(found, wanted[0]), self.read(found, wanted[1] - wanted[0])
            except httpx.TransportError as error:
                attempts += 1
                self.broke(attempts, error)

    def read(self, response: httpx.Response, most: int) -> bytes:
        """All of a body that has no more bytes than ``most``; `Problem` FINAL where it has."""
        found = bytearray()
        for chunk in self.chunks(response):
            found += chunk
            if len(found) > most:
                raise Problem(Kind.FINAL, "the server sends more than it should", got=f"more than {most} bytes")
        return bytes(found)

    def fill(self, sink: Sink, edition: Edition) -> None:
        """Fetch what is still to come of a range; asked for again, from where it broke, as often as there is hope."""
        attempts = 0
        while sink.at < sink.end:
            before, since = sink.at, time.monotonic()
            try:
                self._pour(sink, edition)
            except httpx.TransportError as error:
                gained, passed = sink.at - before, time.monotonic() - since
                # A drip is no progress: it would keep us for hours.
                is_drip = passed >= self._waits.slow and gained < passed * self._waits.slowest
                attempts = 1 if gained and not is_drip else attempts + 1
                self.broke(attempts, error)

    def chunks(self, response: httpx.Response) -> Iterator[bytes]:
        """The body as it comes, at the rate that is allowed; a connection that only drips is broken."""
        since, amount, paused = time.monotonic(), 0, 0.0
        for chunk in response.iter_raw():
            if self.stop.is_set():
                raise StoppedError
            yield chunk
            amount += len(chunk)
            pause = self._limiter.passed(len(chunk))
            if pause and self.stop.wait(pause):
                raise StoppedError
            paused += pause
            if (passed := time.monotonic() - since) >= self._waits.slow:
                if amount < (passed - paused) * self._waits.slowest:
                    raise httpx.ReadTimeout(f"only {amount} bytes in {passed:.0f} s")
                since, amount, paused = time.monotonic(), 0, 0.0

    def broke(self, attempts: int, error: httpx.TransportError) -> None:
        """Wait before the next try, where a body broke off."""
        self.wait(attempts, Problem(Kind.AGAIN, "the connection broke", got=str(error) or type(error).__name__))

    def wait(self, attempts: int, problem: Problem) -> None:
        """Wait before the next try; raises the problem where there were enough of them."""
        self._failures += 1
        if attempts > (self._waits.attempts if self._reached else self._waits.knocks) or self._failures > self._waits.failures:
            raise problem
        most = min(self._waits.longest, self._waits.first * 2 ** (attempts - 1))
        seconds = min(problem.after, self._waits.obeyed) if problem.after is not None else random.uniform(0, most)  # noqa: S311
        now = time.monotonic()
        if seconds > _SILENT and now >= self._said:
            self._said = now + seconds  # one word for all connections
            self._say(f"{self._order.name}: {problem.what}; again in {seconds:.0f} s")
        if self.stop.wait(seconds):
            raise StoppedError

    def _pour(self, sink: Sink, edition: Edition) -> None:
        """Ask once for what is to come of a range, and take what comes of it."""
        try:
            with contextlib.closing(self.ask((sink.at, sink.end), edition.etag)) as response:
                if response.status_code != httpx.codes.PARTIAL_CONTENT or not _same(edition, edition_of(response, sink.at)):
                    raise Problem(Kind.CHANGED, "the file was replaced there")
                # Only an answer that was read to its end leaves a connection to ask again on.
                is_exact = response.headers.get("content-length") == str(sink.end - sink.at)
                for chunk in self.chunks(response):
                    sink.add(chunk)
                    if sink.at >= sink.end and not is_exact:
                        break
        finally:
            sink.flush()
        if sink.at < sink.end:
            raise httpx.ReadError("it ended early")

    def _answer(self, address: Address, wanted: Range | None, etag: str | None) -> httpx.Response:
        """One answer that has the file's bytes; `Problem` for any other."""
        headers = dict(address.headers)
        if wanted:
            headers["Range"] = f"bytes={wanted[0]}-{wanted[1] - 1}" if wanted[0] >= 0 else f"bytes={wanted[0]}"
            if etag and wanted[0] and not etag.startswith("W/"):  # a weak name promises nothing about bytes
                headers["If-Range"] = etag
        response = self._client.send(self._client.build_request("GET", address.url, headers=headers), stream=True)
        self._reached = True
        with contextlib.ExitStack() as undo:
            undo.callback(response.close)
            if response.status_code not in {200, 206} or self._is_page(response):
                raise http.problem_of(response.status_code, response.headers, http.head_of(response))
            if str(response.headers.get("content-encoding", "identity")) != "identity":
                raise Problem(Kind.AGAIN, "the server packs the file, and was asked not to")
            undo.pop_all()
        self._vain = 0
        return response

    def _is_page(self, response: httpx.Response) -> bool:
        kind = response.headers.get("content-type", "").partition(";")[0]
        return kind in {"text/html", "application/json"} and not self._order.is_table

    def _current(self) -> Address:
        with self._renewing:
            if self._address is None:
                self._address = self._order.resolve(self._renewed)
            return self._address

    def _renew(self, used: Address) -> None:
        """Forget an address that is used up, unless another connection has done so."""
        with self._renewing:
            if self._address is used:
                self._address = None
                self._renewed += 1
                self._vain += 1


def edition_of(response: httpx.Response, start: int) -> Edition:
    """Which file a 206 is of; its range must begin where it was asked to (below 0: that many bytes from the end)."""
    told = response.headers.get("content-range", "")
    span, _, total = told.removeprefix("bytes ").partition("/")
    size = int(total) if told.startswith("bytes ") and total.isdecimal() and total.isascii() else -1
    if size < 0 or span.partition("-")[0] != str(start if start >= 0 else max(0, size + start)):
        raise Problem(Kind.CHANGED, "the server sends another range than was asked for", got=told or "no Content-Range")
    return Edition(size, response.headers.get("etag"))


def _same(one: Edition, other: Edition) -> bool:
    """Whether two answers are of one file; a name that only one of them has says nothing."""
    return one.size == other.size and (one.etag == other.etag or None in {one.etag, other.etag})
