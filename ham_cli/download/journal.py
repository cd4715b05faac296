"""What of a file has arrived, so that a killed download goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from ham_cli import atomic

Range = tuple[int, int]
"""From a byte to the one after the last."""

SYNC = 32 << 20
"""Bytes after which what has arrived is put on the disk, and the journal with it."""

PAUSE = 10.0
"""Seconds between two syncs at least: where a disk is slower than the line, waiting for it costs more than it saves."""


_BOOT = Path("/proc/sys/kernel/random/boot_id")


def merged(ranges: list[Range]) -> list[Range]:
    """Ranges in order, those that touch made one."""
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        elif start < end:
            joined.append((start, end))
    return joined


def without(wanted: list[Range], here: list[Range]) -> list[Range]:
    """What of some ranges is not in others; both in order and touching nowhere, as `merged` makes them."""
    missing: list[Range] = []
    place = 0
    for start, end in wanted:
        at = start
        while place < len(here) and here[place][0] < end:
            has, until = here[place]
            if until > at:
                missing.append((at, has))
                at = until
            if until > end:  # it may reach into the next one
                break
            place += 1
        missing.append((at, end))
    return [one for one in missing if one[0] < one[1]]


def amount(ranges: list[Range]) -> int:
    """Bytes of ranges together."""
    return sum(end - start for start, end in ranges)


def part_of(target: Path) -> Path:
    """The file in which a target grows."""
    return target.with_name(f".{target.name}{atomic.MARK}")


def resumable(target: Path) -> int:
    """Bytes of a target that an earlier download left, and that the next one need not ask for."""
    return amount(Journal(part_of(target)).ranges)


class Journal:
    """The ranges of a growing file that are whole, in a small file beside it.

    A line is added for every piece that was written, without a sync: the kernel keeps it when this program dies. Where
    the machine itself died meanwhile (its boot id is another one, or it has none), only what was synced counts.
    """

    def __init__(self, part: Path) -> None:
        """Read what an earlier run wrote down of ``part``."""
        self.path = part.with_name(f"{part.name}.journal")
        self.part = part
        self.size: int | None = None
        """Bytes of the whole, as the server said."""
        self.etag: str | None = None
        """The server's name for these very bytes."""
        self.ranges: list[Range] = []
        self._since = 0
        self._synced = time.monotonic()
        self._file: int | None = None
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            self._read()

    def begin(self, size: int | None, etag: str | None) -> None:
        """Note what is being fetched, and open the journal for lines."""
        self.size, self.etag = size, etag
        self._save()

    def add(self, start: int, end: int) -> None:
        """Note that a range has been written to the file."""
        self.ranges.append((start, end))
        self._since += end - start
        if self._file is not None:
            os.write(self._file, f"{start} {end}\n".encode())

    @property
    def due(self) -> bool:
        """Whether so much arrived, and so long ago, since the last sync that the next one is due."""
        return self._since >= SYNC and time.monotonic() - self._synced >= PAUSE

    def sync(self, descriptor: int) -> None:
        """Put the file, then the journal on the disk."""
        os.fsync(descriptor)
        self._save()

    def forget(self) -> None:
        """Begin again: nothing has arrived."""
        self.close()
        self.size, self.etag, self.ranges = None, None, []
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file of lines."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _save(self) -> None:
        self.close()
        self.ranges, self._since, self._synced = merged(self.ranges), 0, time.monotonic()
        words = {"size": self.size, "etag": self.etag, "boot": _boot(), "whole": self.ranges}
        atomic.write(self.path, (json.dumps(words) + "\n").encode())
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))

    def _read(self) -> None:
        head, *lines = self.path.read_text().splitlines(keepends=True)
        words = json.loads(head)
        ranges = [(int(a), int(b)) for a, b in words["whole"]]
        if words["boot"] is not None and words["boot"] == _boot():
            ranges += [_pair(line) for line in lines if line.endswith("\n")]
        there = self.part.stat().st_size
        self.ranges = merged([(a, min(b, there)) for a, b in ranges if 0 <= a < b])
        self.size, self.etag = words["size"], words["etag"]


def _pair(line: str) -> Range:
    start, end = line.split()
    return int(start), int(end)


def _boot() -> str | None:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None
