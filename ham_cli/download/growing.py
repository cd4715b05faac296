"""One piece of a file while it arrives: written as it comes, kept where it is still to be hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ham_cli.download.journal import Range
    from ham_cli.download.pieces import Scattered

NOTED = 512 << 10
"""Bytes of a piece after which it is noted how far it is: a kill costs no more of it."""

_MOST = 256
"""Chunks that are written at once; systems take 1024."""


class Growing:
    """One piece while it arrives: written some hundred kilobytes at a time."""

    def __init__(self, piece: Range, pieces: Scattered, advanced: Callable[[int], None]) -> None:
        """Begin a piece; ``advanced`` hears of what is written."""
        self.at, self.end = piece
        self.chunks: list[bytes] = []
        """What has arrived of it: everything where it will be hashed, else what is not yet written."""
        self._pieces, self._advanced = pieces, advanced
        self._written, self._first = piece[0], 0

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
            if not self._pieces.hashes:
                self.chunks.clear()
            self._written, self._first = self.at, len(self.chunks)
