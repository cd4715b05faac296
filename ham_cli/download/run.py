"""A download running: workers on pieces, the digest deciding at the end."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import threading
from typing import TYPE_CHECKING

import httpx

from ham_cli import atomic
from ham_cli.download.journal import Journal
from ham_cli.download.line import Line, StoppedError
from ham_cli.download.order import Received
from ham_cli.download.pieces import Growing, Pieces, write_at
from ham_cli.findings import Advanced, Done, Note, Started
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.download.journal import Range
    from ham_cli.download.order import Limiter, Order
    from ham_cli.findings import Event
    from ham_cli.http import Waits

_STARTS = 3
"""Times that a file which changes on its way is begun in all."""

_GRACE = 1.0
"""Seconds that workers get to end in, when the download is left."""

_LARGEST = 64 << 30
"""Bytes of a body without length: no published file comes near."""


class Download:
    """One file, from its first request to its place."""

    def __init__(self, order: Order, client: httpx.Client, waits: Waits, limiter: Limiter, connections: int) -> None:
        self.order, self.connections = order, connections
        self.part = order.target.with_name(f".{order.target.name}{atomic.MARK}")
        """The file while it grows; its journal lies beside it."""
        self.received: Received | None = None
        """What came of it, when `run` has ended."""
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._line = Line(order, client, waits, limiter, lambda words: self._events.put(Note(words, "said")))
        self._wrong = 0

    def run(self) -> Iterator[Event]:
        """Download it; yields progress. Raises `Problem` where it cannot be had from here.

        Left early, it stops; what has arrived stays, and the next download of the same target goes on from there.
        """
        for start in range(_STARTS):
            try:
                yield from self._once()
            except Problem as problem:
                if problem.kind is not Kind.CHANGED or start == _STARTS - 1:
                    raise
                yield Note(f"{self.order.name}: {problem.what}: it is begun again", "said")
                self._discard()
            else:
                return

    def _once(self) -> Iterator[Event]:
        """Try it once, from where an earlier run ended; `Problem` CHANGED where it must begin anew."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.part, os.O_RDWR | os.O_CREAT, 0o666)
        self._line.stop.clear()
        worker = threading.Thread(target=self._work, args=(descriptor,), daemon=True)
        worker.start()
        try:
            while (event := self._events.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            self._line.stop.set()
            # A worker that waits for a silent server ends with the process: what it has is written down.
            worker.join(_GRACE)
            if not worker.is_alive():
                os.close(descriptor)
        yield Done(self.order.name)

    def _work(self, descriptor: int) -> None:
        """Fetch the whole file, in a thread: whatever happens ends up among the events."""
        journal = Journal(self.part)
        try:
            md5, size = self._fetched(descriptor, journal)
            self._settle(descriptor, journal, md5, size)
            self._events.put(None)
        except BaseException as error:  # noqa: BLE001  (the main thread raises it)
            journal.close()
            self._events.put(error)

    def _fetched(self, descriptor: int, journal: Journal) -> tuple[str, int]:
        """The whole file in its part; its MD5 and size."""
        start = journal.ranges[0][1] if journal.ranges and journal.ranges[0][0] == 0 else 0
        size = journal.size
        if size is None or start < size:
            with contextlib.closing(self._looked(start, journal.etag)) as response:
                if response.status_code == httpx.codes.OK:
                    journal.forget()
                    os.ftruncate(descriptor, 0)
                    return self._streamed(response, descriptor)
                total, etag = _total(response, start), response.headers.get("etag")
            if (journal.size, journal.etag) not in {(None, None), (total, etag)}:
                raise Problem(Kind.CHANGED, "the file was replaced there")
            size = total
            journal.begin(size, etag)
        self._events.put(Started(self.order.name, size))
        self._advanced(sum(end - start for start, end in journal.ranges))
        pieces = Pieces(size, journal, descriptor, self.connections)
        pieces.advance()
        self._all(pieces, journal.etag)
        return pieces.md5, size

    def _looked(self, start: int, etag: str | None) -> httpx.Response:
        """The answer to a request for one byte: it tells size and name of the whole, and whether the server knows ranges."""
        attempts = 0
        while True:
            found = self._line.ask((start, start + 1), etag)
            try:
                if found.status_code == httpx.codes.PARTIAL_CONTENT:
                    found.read()
            except httpx.TransportError as error:
                found.close()
                attempts += 1
                self._line.wait(attempts, Problem(Kind.AGAIN, "the connection broke", got=str(error) or type(error).__name__))
            else:
                return found

    def _all(self, pieces: Pieces, etag: str | None) -> None:
        """Every piece, by as many workers as there are connections; raises the first failure."""
        failures: list[BaseException] = []

        def work() -> None:
            try:
                while (piece := pieces.take()) is not None:
                    pieces.done(piece, self._piece(piece, pieces, etag))
            except BaseException as error:  # noqa: BLE001  (raised below, where all have ended)
                failures.append(error)
                pieces.stop()
                self._line.stop.set()

        workers = [threading.Thread(target=work, daemon=True) for _ in range(self.connections)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            raise next((f for f in failures if not isinstance(f, StoppedError)), failures[0])

    def _piece(self, piece: Range, pieces: Pieces, etag: str | None) -> list[bytes]:
        """The bytes of one piece, written in their place; asked for again as often as there is hope."""
        growing, attempts = Growing(piece, pieces, self._advanced), 0
        while not growing.whole:
            before = growing.at
            try:
                with contextlib.closing(self._line.ask((growing.at, growing.end), etag)) as response:
                    if response.status_code != httpx.codes.PARTIAL_CONTENT or _total(response, growing.at) != pieces.size:
                        raise Problem(Kind.CHANGED, "the file was replaced there")
                    for chunk in self._line.chunks(response):
                        growing.add(chunk)
                if not growing.whole:
                    raise httpx.ReadError("it ended early")
            except httpx.TransportError as error:
                attempts = 1 if growing.at > before else attempts + 1
                self._line.wait(attempts, Problem(Kind.AGAIN, "the connection broke", got=str(error) or type(error).__name__))
            finally:
                growing.flush()
        return growing.chunks

    def _streamed(self, response: httpx.Response, descriptor: int) -> tuple[str, int]:
        """A file from a server that sends it only whole; a break means from the start."""
        told = response.headers.get("content-length")
        self._events.put(Started(self.order.name, int(told) if told else self.order.bytes or 0))
        digest, at = hashlib.md5(usedforsecurity=False), 0
        most = int(told) if told else _LARGEST
        try:
            for chunk in self._line.chunks(response):
                if at + len(chunk) > most:
                    raise Problem(Kind.FINAL, "the server sends more than it said", got=f"more than {most} bytes")
                at = write_at(descriptor, [chunk], at)
                digest.update(chunk)
                self._advanced(len(chunk))
        except httpx.TransportError as error:
            raise Problem(Kind.CHANGED, "the connection broke, and this server cannot go on in the middle", got=str(error)) from error
        if told and at != int(told):
            raise Problem(Kind.CHANGED, "the connection broke, and this server cannot go on in the middle")
        return digest.hexdigest(), at

    def _settle(self, descriptor: int, journal: Journal, md5: str, size: int) -> None:
        """Put the file in its place where its digest is right; begin anew, once, where it is not."""
        if self.order.md5 not in {None, md5}:
            self._wrong += 1
            journal.close()
            self._discard()
            what, got = "what arrived has another MD5 than published", f"{md5}, expected {self.order.md5}"
            raise Problem(Kind.CHANGED if self._wrong == 1 else Kind.FINAL, what, got=got, fix="name another --source")
        if self.order.bytes not in {None, size}:
            self._events.put(Note(f"{self.order.name}: {size} bytes arrived, and {self.order.bytes} are published; its MD5 decides"))
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
        self.part.replace(self.order.target)
        journal.forget()
        self.received = Received(self.order, size, md5, self._line.url)

    def _advanced(self, amount: int) -> None:
        self._events.put(Advanced(self.order.name, amount))

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            Journal(self.part).forget()
            self.part.unlink(missing_ok=True)


def _total(response: httpx.Response, start: int) -> int:
    """The size of the whole, from a 206's Content-Range, which must begin where it was asked to."""
    told = response.headers.get("content-range", "")
    span, _, total = told.removeprefix("bytes ").partition("/")
    if not told.startswith("bytes ") or not total.isdigit() or span.partition("-")[0] != str(start):
        raise Problem(Kind.CHANGED, "the server sends another range than was asked for", got=told or "no Content-Range")
    return int(total)
