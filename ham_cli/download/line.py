"""The line to one file's server: asked, asked again, waited for, given up."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import TYPE_CHECKING

import httpx

from ham_cli import http
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ham_cli.download.journal import Range
    from ham_cli.download.order import Address, Limiter, Order
    from ham_cli.http import Waits

_SILENT = 1.0
"""Seconds of waiting that need no word."""


class StoppedError(Exception):
    """The download was asked to end."""


class Line:
    """What all connections of one download share: the address, the patience, the rate, the word to stop."""

    def __init__(self, order: Order, client: httpx.Client, waits: Waits, limiter: Limiter, say: Callable[[str], None]) -> None:
        self._order, self._client, self._waits, self._limiter, self._say = order, client, waits, limiter, say
        self.stop = threading.Event()
        """Set, it ends every connection at its next step."""
        self._renewing = threading.Lock()
        self._address: Address | None = None
        self._renewed = 0
        self._failures = 0

    @property
    def url(self) -> str:
        """Where it is asked, without the query."""
        return http.plain(self._address.url) if self._address else ""

    def ask(self, wanted: Range, etag: str | None) -> httpx.Response:
        """The answer to a request for a range, open: 200 or 206 and no page; other answers are waited out or raised."""
        attempts = 0
        while True:
            address = None
            try:
                address = self._current()
                return self._answer(address, wanted, etag)
            except Problem as found:
                if found.kind is Kind.RENEW and address and self._renewed < self._waits.attempts:
                    self._renew(address)
                    continue
                if found.kind is not Kind.AGAIN:
                    raise
                problem = found
            except httpx.TransportError as error:
                problem = Problem(Kind.AGAIN, "the server cannot be reached", got=str(error) or type(error).__name__)
            attempts += 1
            self.wait(attempts, problem)

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

    def wait(self, attempts: int, problem: Problem) -> None:
        """Wait before the next try; raises the problem where there were enough of them."""
        self._failures += 1
        if attempts > self._waits.attempts or self._failures > self._waits.failures:
            raise problem
        most = min(self._waits.longest, self._waits.first * 2 ** (attempts - 1))
        seconds = min(problem.after, self._waits.obeyed) if problem.after is not None else random.uniform(0, most)  # noqa: S311
        if seconds > _SILENT:
            self._say(f"{self._order.name}: {problem.what}; again in {seconds:.0f} s")
        if self.stop.wait(seconds):
            raise StoppedError

    def _answer(self, address: Address, wanted: Range, etag: str | None) -> httpx.Response:
        """One answer that has the file's bytes; `Problem` for any other."""
        headers = {**address.headers, "Range": f"bytes={wanted[0]}-{wanted[1] - 1}"}
        if etag and wanted[0] and not etag.startswith("W/"):  # a weak name promises nothing about bytes
            headers["If-Range"] = etag
        response = self._client.send(self._client.build_request("GET", address.url, headers=headers), stream=True)
        with contextlib.ExitStack() as undo:
            undo.callback(response.close)
            if response.status_code not in {200, 206} or self._is_page(response):
                raise http.problem_of(response.status_code, response.headers, http.head_of(response))
            if str(response.headers.get("content-encoding", "identity")) != "identity":
                raise Problem(Kind.AGAIN, "the server packs the file, and was asked not to")
            undo.pop_all()
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
