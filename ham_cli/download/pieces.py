"""The pieces of one file: handed out in order, hashed in order while they arrive in any."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ham_cli.download.journal import Journal, Range

PIECE = 4 << 20
"""Bytes that are asked for at once."""

NOTED = 512 << 10
"""Bytes of a piece after which it is noted how far it is: a kill costs no more of it."""


class Pieces:
    """What is still to come of a file of known size, for several workers."""

    def __init__(self, size: int, journal: Journal, descriptor: int, connections: int) -> None:
        """Take what the journal says is there, and cut the rest into pieces."""
        self.size, self._journal, self._file = size, journal, descriptor
        self._ahead = connections * PIECE
        self._changed = threading.Condition()
        self._hashing = threading.Lock()
        self._digest = hashlib.md5(usedforsecurity=False)
        self.hashed = 0
        """Bytes from the start that the digest has seen."""
        self._here: dict[int, Range] = {start: (start, end) for start, end in journal.ranges}
        self._memory: dict[int, tuple[Range, list[bytes]]] = {}
        self._todo = deque(_gaps(journal.ranges, size))
        self._open = len(self._todo)
        self.stopped = False

    def take(self) -> Range | None:
        """The next piece, once it is near enough to what is hashed; ``None`` where there is no more."""
        with self._changed:
            while not self.stopped:
                if not self._todo:
                    return None
                if self._todo[0][0] < self.hashed + self._ahead:
                    return self._todo.popleft()
                self._changed.wait(1.0)
        return None

    def put(self, offset: int, chunks: list[bytes]) -> None:
        """Write some bytes of a piece into their place, and write down that they are there."""
        end = write_at(self._file, chunks, offset)
        self.note(offset, end)

    def note(self, start: int, end: int) -> None:
        """Write down that bytes are in their place."""
        with self._changed:
            self._journal.add(start, end)
            if self._journal.due:
                self._journal.sync(self._file)

    def done(self, piece: Range, chunks: list[bytes]) -> None:
        """A piece is whole: hash it, and all that follows it, as far as there is no gap."""
        with self._changed:
            self._memory[piece[0]] = piece, chunks
        self.advance()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def advance(self) -> None:
        """Hash what is there, from memory or from an earlier run's file, up to the first gap."""
        with self._hashing:
            while True:
                found = self._memory.pop(self.hashed, None)
                if found:
                    for chunk in found[1]:
                        self._digest.update(chunk)
                    end = found[0][1]
                elif self.hashed in self._here:
                    end = self._from_disk(*self._here.pop(self.hashed))
                else:
                    return
                with self._changed:
                    self.hashed = end
                    self._changed.notify_all()

    def stop(self) -> None:
        """Let waiting workers end."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    @property
    def whole(self) -> bool:
        """Whether everything has arrived and is hashed."""
        return self.hashed >= self.size

    @property
    def md5(self) -> str:
        """The digest of what is hashed."""
        return self._digest.hexdigest()

    def _from_disk(self, start: int, end: int) -> int:
        while start < end and not self.stopped:
            chunk = os.pread(self._file, min(1 << 20, end - start), start)
            if not chunk:
                break
            self._digest.update(chunk)
            start += len(chunk)
        return start


def _gaps(ranges: list[Range], size: int) -> list[Range]:
    """What lies between ranges, cut into pieces."""
    gaps, at = [], 0
    for start, end in [*ranges, (size, size)]:
        gaps += [(a, min(a + PIECE, start)) for a in range(at, start, PIECE)]
        at = end
    return gaps


class Growing:
    """One piece while it arrives: kept in memory for the digest, written some hundred kilobytes at a time."""

    def __init__(self, piece: Range, pieces: Pieces, advanced: Callable[[int], None]) -> None:
        """Begin a piece; ``advanced`` hears of what is written."""
        self.end, self.at = piece[1], piece[0]
        self.chunks: list[bytes] = []
        """Everything that has arrived of it."""
        self._pieces, self._advanced = pieces, advanced
        self._written, self._first = piece[0], 0

    @property
    def whole(self) -> bool:
        """Whether it has arrived to the end."""
        return self.at >= self.end

    def add(self, chunk: bytes) -> None:
        """Take in what comes next; bytes beyond its end are none of it."""
        data = chunk[: self.end - self.at]
        self.chunks.append(data)
        self.at += len(data)
        if self.at - self._written >= NOTED or len(self.chunks) - self._first >= _MOST:
            self.flush()

    def flush(self) -> None:
        """Write what is not yet written."""
        if self.at > self._written:
            self._pieces.put(self._written, self.chunks[self._first :])
            self._advanced(self.at - self._written)
            self._written, self._first = self.at, len(self.chunks)


def write_at(descriptor: int, chunks: list[bytes], offset: int) -> int:
    """Write chunks one behind the other from an offset; the offset behind them."""
    data = chunks
    while data:
        if hasattr(os, "pwritev"):
            written = os.pwritev(descriptor, data, offset)
        else:
            with _SEEKING:
                os.lseek(descriptor, offset, os.SEEK_SET)
                written = os.write(descriptor, b"".join(data))
        offset += written
        data = _rest(data, written)
    return offset


def _rest(chunks: list[bytes], written: int) -> list[bytes]:
    """What is left of chunks of which so many bytes were written: mostly nothing."""
    for number, chunk in enumerate(chunks):
        if written < len(chunk):
            return [chunk[written:], *chunks[number + 1 :]]
        written -= len(chunk)
    return []


_SEEKING = threading.Lock()
_MOST = 256
"""Chunks that are written at once; systems take 1024."""
