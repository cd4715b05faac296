"""What every benchmark is given."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import published as publishing
from tests.benchmarks import report
from tests.benchmarks.measure import warm

if TYPE_CHECKING:
    from tests.benchmarks.published import Published

_REAL = 10_015


@dataclass(frozen=True)
class Bench:
    """Where to work, and how thoroughly."""

    work: Path
    """A folder that is removed at the end."""
    keep: Path
    """Where drawn records stay."""
    rounds: int
    quick: bool
    full: bool

    def record(self, usual: int, quick: int) -> Published:
        """A drawn record, warm: of so many images usually, or quick; with ``full`` of as many as are published."""
        found = publishing.drawn(quick if self.quick else _REAL if self.full else usual, self.keep)
        warm(found.parts)
        return found

    def folder(self) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(dir=self.work))

    def lacks(self, letter: str, *programs: str) -> bool:
        """Whether a program is missing that a benchmark cannot do without; it is said."""
        lacking = report.missing(programs)
        if lacking:
            print(f"\n{letter}: skipped: {', '.join(lacking)} missing (Debian: {', '.join(_package(name) for name in lacking)})")
        return bool(lacking)


def md5s(published: Published) -> list[tuple[str, str]]:
    """The zips of the training images, by name and MD5."""
    files = json.loads(published.record.read_bytes())["files"]
    return [(file["name"], file["md5"]) for file in files if file["name"] in publishing.PARTS]


def _package(name: str) -> str:
    return report.PEERS.get(name, "nginx-light")
