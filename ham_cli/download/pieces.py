"""The pieces of one file: handed out in order, noted in any; those of a whole file are hashed in order."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from typing import TYPE_CHECKING

from ham_cli.download.journal import without
from ham_cli.download.writing import write_at

if TYPE_CHECKING:
    from ham_cli.download.journal import Journal, Range

PIECE = 4 << 20
"""Bytes that are asked for at once."""

_LOOK = 0.2
"""Seconds between two looks of a waiting worker whether it is to end."""


class Scattered:
    """What is still to come of some ranges of a file, for several workers: nothing is hashed, nothing kept."""

    hashes = False
    """Whether what has arrived is kept until the digest has seen it."""

    def __init__(self, missing: list[Range], journal: Journal, descriptor: int, stop: threading.Event) -> None:
        """Cut what is missing into pieces; ``stop`` set, no more are handed out."""
        self._journal, self._file, self._stop = journal, descriptor, stop
        self._changed = threading.Condition()
        self._todo = deque((at, min(at + PIECE, end)) for start, end in missing for at in range(start, end, PIECE))

    def take(self) -> Range | None:
        """The next piece, once it may be begun; ``None`` where there is no more."""
        with self._changed:
            while self._todo and not self._stop.is_set():
                if self._may_begin(self._todo[0][0]):
                    return self._todo.popleft()
                self._changed.wait(_LOOK)
        return None

    def put(self, offset: int, chunks: list[bytes]) -> None:
        """Write some bytes of a piece into their place, and write down that they are there."""
        end = write_at(self._file, chunks, offset)
        with self._changed:
            self._journal.add(offset, end)
            if self._journal.due:
                self._journal.sync(self._file)

    def done(self, piece: Range, chunks: list[bytes]) -> None:
        """A piece is whole."""

    def stop(self) -> None:
        """Let every worker end."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def _may_begin(self, _start: int) -> bool:
        return True


class Pieces(Scattered):
    """What is still to come of a whole file: hashed in order while it arrives in any."""

    hashes = True

    def __init__(self, size: int, journal: Journal, descriptor: int, connections: int, stop: threading.Event) -> None:
        """Take what the journal says is there, and cut the rest into pieces."""
        super().__init__(without([(0, size)], journal.ranges), journal, descriptor, stop)
        self.size = size
        self._ahead = connections * PIECE
        self._hashing = threading.Lock()
        self._digest = hashlib.md5(usedforsecurity=False)
        self.hashed = 0
        """Bytes from the start that the digest has seen."""
        self._here: dict[int, Range] = {start: (start, end) for start, end in journal.ranges}
        self._memory: dict[int, tuple[Range, list[bytes]]] = {}

    def done(self, piece: Range, chunks: list[bytes]) -> None:
        """A piece is whole: hash it, and all that follows it, as far as there is no gap."""
        with self._changed:
            self._memory[piece[0]] = piece, chunks
        self.advance()

    def advance(self) -> None:
        """Hash what is there, from memory or from an earlier run's file, up to the first gap.

        One worker does so for all, and the others go on receiving: what one puts down while the other ends is seen
        by whoever looks last, as each looks again after letting go.
        """
        while self._is_next_here() and self._hashing.acquire(blocking=False):
            try:
                while self._is_next_here():
                    end = self._hash_next()
                    with self._changed:
                        self.hashed = end
                        self._changed.notify_all()
            finally:
                self._hashing.release()

    @property
    def whole(self) -> bool:
        """Whether everything has arrived and is hashed."""
        return self.hashed >= self.size

    @property
    def md5(self) -> str:
        """The digest of what is hashed."""
        return self._digest.hexdigest()

    def _may_begin(self, start: int) -> bool:
        """Whether it is near enough to what is hashed: all between the two is held in memory."""
        return start < self.hashed + self._ahead

    def _is_next_here(self) -> bool:
        return self.hashed in self._memory or self.hashed in self._here

    def _hash_next(self) -> int:
        """Hash what begins where the hashed ends; where that ends."""
        found = self._memory.pop(self.hashed, None)
        if found is None:
            return self._from_disk(*self._here.pop(self.hashed))
        for chunk in found[1]:
            self._digest.update(chunk)
        return found[0][1]

    def _from_disk(self, start: int, end: int) -> int:
        while start < end and not self._stop.is_set():
            chunk = os.pread(self._file, min(1 << 20, end - start), start)
            if not chunk:
                break
            self._digest.update(chunk)
            start += len(chunk)
        return start
