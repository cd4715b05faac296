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
from ham_cli.download.growing import Growing
from ham_cli.download.journal import Journal, amount, merged, part_of, resumable, without
from ham_cli.download.line import PARTLESS, Line, StoppedError
from ham_cli.download.order import Edition, Received
from ham_cli.download.pieces import Pieces, Scattered
from ham_cli.download.writing import write_at
from ham_cli.findings import Advanced, Done, Note, Started
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ham_cli.download.journal import Range
    from ham_cli.download.order import Order, Wire
    from ham_cli.findings import Event

_STARTS = 3
"""Times that a file which changes on its way is begun in all."""

_GRACE = 1.0
"""Seconds that workers get to end in, when the download is left."""

MORE = "the server sends more than it said, or than is published"

_MISTAKEN = 16 << 20
"""Bytes by which a file may have more than twice its published size: only what would fill the disk is stopped before its end."""

_LARGEST = 8 << 30
"""Bytes of a file of which nobody has published the size: the largest of any published one has 2.8 GB."""

_LARGEST_TABLE = 64 << 20
"""Bytes of such a table: the published ones have less than one million."""


class Download:
    """One file, from its first request to its place; or, with ``only``, some ranges of it in the part beside its place."""

    def __init__(self, order: Order, wire: Wire, connections: int, only: Sequence[Range] | None = None) -> None:
        self.order, self.connections = order, connections
        self.part = part_of(order.target)
        """The file while it grows; its journal lies beside it. With ``only`` it stays, as long as the whole, with holes."""
        self.received: Received | None = None
        """What came of it, when `run` has ended; with ``only`` nothing."""
        self._only = None if only is None else merged(list(only))
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._line = Line(order, wire, lambda words: self._events.put(Note(words, "said")))
        self._stopped, self._plain = False, False
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
                self.discard()
                # A server whose parts do not fit together may still send the whole; the MD5 decides.
                self._plain = start == _STARTS - 2 and self._only is None
            else:
                return

    def stop(self) -> None:
        """End the run, from any thread and for ever: it raises `StoppedError`, and what has arrived stays."""
        self._stopped = True
        self._line.stop.set()
        self._events.put(StoppedError())

    def discard(self) -> None:
        """Remove what has arrived, and its journal."""
        with contextlib.suppress(OSError):
            Journal(self.part).forget()
            self.part.unlink(missing_ok=True)

    def _once(self) -> Iterator[Event]:
        """Try it once, from where an earlier run ended; `Problem` CHANGED where it must begin anew."""
        self._line.stop.clear()
        if self._stopped:  # looked at after the clear: `stop` may come at any moment
            raise StoppedError
        self.part.parent.mkdir(parents=True, exist_ok=True)
        worker = threading.Thread(target=self._work, daemon=True)
        worker.start()
        try:
            while (event := self._events.get()) is not None:
                if self._stopped:
                    raise StoppedError
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            self._line.stop.set()
            # A worker that waits for a silent server ends with the process: what it has is written down.
            worker.join(_GRACE)
        yield Done(self.order.name)

    def _work(self) -> None:
        """Fetch what is wanted, in a thread: whatever happens ends up among the events."""
        try:
            descriptor = os.open(self.part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            journal = Journal(self.part)
            try:
                md5 = self._filled(descriptor, journal)
            finally:
                journal.close()
                os.close(descriptor)
            if md5 is not None:
                self._settle(journal, md5)
            self._events.put(None)
        except BaseException as error:  # noqa: BLE001  (the main thread raises it)
            if isinstance(error, Problem) and not resumable(self.order.target):
                self.discard()  # nothing has come that anybody could go on from
            self._events.put(error)

    def _filled(self, descriptor: int, journal: Journal) -> str | None:
        """The MD5 of the whole, which is in its part; ``None`` where only some ranges of it are, and are wanted."""
        if self._plain:
            with contextlib.closing(self._line.ask(None, None)) as whole:
                return self._streamed(whole, descriptor, journal)
        missing = without(self._wanted(journal.size), journal.ranges)
        if journal.size is None or missing:
            start = missing[0][0] if missing else 0
            # Where parts are all that helps, no condition: the whole must mean that the server knows no parts.
            answer = self._line.look((start, start + 1), journal.etag if self._only is None else None)
            if isinstance(answer, httpx.Response):
                with contextlib.closing(answer):
                    return self._streamed(answer, descriptor, journal)
            edition, _ = answer
            if (journal.size, journal.etag) not in {(None, None), (edition.size, edition.etag)}:
                raise Problem(Kind.CHANGED, "the file was replaced there")
            if edition.size > self._most:
                raise Problem(Kind.FINAL, MORE, got=f"{edition.size} bytes, at most {self._most}")
            journal.begin(edition.size, edition.etag)
        else:
            edition = Edition(journal.size, journal.etag)
        return self._pieced(edition, descriptor, journal)

    def _pieced(self, edition: Edition, descriptor: int, journal: Journal) -> str | None:
        """What is wanted and not yet there, in pieces, and then on the disk; the MD5 of the whole."""
        wanted = self._wanted(edition.size)
        missing = without(wanted, journal.ranges)
        self._events.put(Started(self.order.name, amount(wanted), already=amount(wanted) - amount(missing)))
        if self._only is not None:
            self._all(Scattered(missing, journal, descriptor, self._line.stop), edition)
            os.ftruncate(descriptor, edition.size)
            journal.sync(descriptor)
            return None
        pieces = Pieces(edition.size, journal, descriptor, self.connections, self._line.stop)
        pieces.advance()
        self._all(pieces, edition)
        os.ftruncate(descriptor, edition.size)
        return pieces.md5

    @property
    def _most(self) -> int:
        """Bytes that are taken at most: far more than are published, as a size may be mistaken, and the MD5 decides."""
        if self.order.bytes is not None:
            return 2 * self.order.bytes + _MISTAKEN
        return _LARGEST_TABLE if self.order.is_table else _LARGEST

    def _wanted(self, size: int | None) -> list[Range]:
        """The ranges that are wanted of so many bytes."""
        if size is None:
            return self._only or []
        return [(0, size)] if self._only is None else [(a, min(b, size)) for a, b in self._only if a < size]

    def _all(self, pieces: Scattered, edition: Edition) -> None:
        """Every piece, by as many workers as there are connections; raises the first failure."""
        failures: list[BaseException] = []

        def work() -> None:
            try:
                while (piece := pieces.take()) is not None:
                    growing = Growing(piece, pieces, self._advanced)
                    self._line.fill(growing, edition)
                    pieces.done(piece, growing.chunks)
            except BaseException as error:  # noqa: BLE001  (raised below, where all have ended)
                failures.append(error)
                pieces.stop()

        workers = [threading.Thread(target=work, daemon=True) for _ in range(self.connections)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            raise next((f for f in failures if not isinstance(f, StoppedError)), failures[0])
        if self._line.stop.is_set():  # what is not whole must not be judged by its digest
            raise StoppedError

    def _streamed(self, response: httpx.Response, descriptor: int, journal: Journal) -> str:
        """The MD5 of a file from a server that sends it only whole; a break means from the start."""
        if self._only is not None:
            raise Problem(Kind.FINAL, PARTLESS, fix="fetch the whole file, or name another --source")
        journal.forget()
        os.ftruncate(descriptor, 0)
        told = response.headers.get("content-length")
        self._events.put(Started(self.order.name, int(told) if told else self.order.bytes or 0))
        digest, at = hashlib.md5(usedforsecurity=False), 0
        most = min(int(told), self._most) if told else self._most
        try:
            for chunk in self._line.chunks(response):
                if at + len(chunk) > most:
                    raise Problem(Kind.FINAL, MORE, got=f"more than {most} bytes")
                at = write_at(descriptor, [chunk], at)
                digest.update(chunk)
                self._advanced(len(chunk))
        except httpx.TransportError as error:
            raise Problem(Kind.CHANGED, "the connection broke, and this server cannot go on in the middle", got=str(error)) from error
        if told and at != int(told):
            raise Problem(Kind.CHANGED, "the connection broke, and this server cannot go on in the middle")
        return digest.hexdigest()

    def _settle(self, journal: Journal, md5: str) -> None:
        """Put the file in its place where its digest is right; begin anew, once, where it is not."""
        if self.order.md5 not in {None, md5}:
            self._wrong += 1
            self.discard()
            what, got = "what arrived has another MD5 than published", f"{md5}, expected {self.order.md5}"
            raise Problem(Kind.CHANGED if self._wrong == 1 else Kind.FINAL, what, got=got, fix="name another --source")
        size = self.part.stat().st_size
        if self.order.bytes not in {None, size}:
            self._events.put(Note(f"{self.order.name}: {size} bytes arrived, and {self.order.bytes} are published; its MD5 decides"))
        atomic.sync_file(self.part)
        self.part.replace(self.order.target)
        journal.forget()
        self.received = Received(self.order, size, md5, self._line.url)

    def _advanced(self, count: int) -> None:
        self._events.put(Advanced(self.order.name, count))
