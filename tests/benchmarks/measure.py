"""What programs cost: wall and CPU seconds and memory, of whole processes, in interleaved rounds."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[2]

Step = list[str]
"""A program and its arguments."""


class BrokenError(Exception):
    """A program that was to be measured failed: its time says nothing."""


@dataclass(frozen=True)
class Cost:
    """What one or more processes took, one after the other."""

    began: float
    ended: float
    """Seconds of the monotonic clock, which all processes of a machine share."""
    user: float
    system: float
    """CPU seconds."""
    peak: int
    """Bytes of memory that the largest of the processes held at most."""

    @property
    def wall(self) -> float:
        """Seconds from the first one's start to the last one's end."""
        return self.ended - self.began

    @property
    def cpu(self) -> float:
        """CPU seconds in all."""
        return self.user + self.system


@dataclass(frozen=True)
class Side:
    """One way to do a job."""

    name: str
    steps: Callable[[Path], Sequence[Step]]
    """The programs that do it, one after the other, given the empty folder that they are run in."""


def surroundings(home: Path) -> dict[str, str]:
    """An environment in which nobody's settings, caches and proxies play a part."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    return kept | {"HOME": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


def spend(steps: Sequence[Step], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run programs one after the other; what they cost together. Raises `BrokenError` where one fails."""
    began, user, system, peak = time.monotonic(), 0.0, 0.0, 0
    for step in steps:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(step, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            try:
                _, status, used = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                process.wait()
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                raise BrokenError(f"{' '.join(step)}\nended with {process.returncode}:\n{said.read().decode(errors='replace')[-2000:]}")
        user, system, peak = user + used.ru_utime, system + used.ru_stime, max(peak, used.ru_maxrss << 10)
    return Cost(began, time.monotonic(), user, system, peak)


def once(side: Side, work: Path) -> Cost:
    """Do a job once, in an empty folder that is removed again, with nothing of earlier runs left to be written."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    home = folder / "home"
    job = folder / "job"
    try:
        for one in (home, job):
            one.mkdir()
        os.sync()
        return spend(side.steps(job), job, surroundings(home))
    finally:
        shutil.rmtree(folder)


def rounds(sides: Sequence[Side], count: int, work: Path) -> dict[str, list[Cost]]:
    """What each side costs, by its name: every side once, then every side again."""
    costs: dict[str, list[Cost]] = {side.name: [] for side in sides}
    for number in range(count):
        for side in sides:
            cost = once(side, work)
            costs[side.name].append(cost)
            print(f"  round {number + 1} of {count}: {side.name}: {cost.wall:.2f} s", file=sys.stderr, flush=True)
    return costs


@dataclass(frozen=True)
class Figure:
    """Several runs' values of one thing."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    def shown(self, digits: int = 2) -> str:
        """``1.05 (1.01-1.20)``."""
        return f"{self.median:.{digits}f} ({min(self.values):.{digits}f}-{max(self.values):.{digits}f})"


def figure(costs: Sequence[Cost], of: Callable[[Cost], float]) -> Figure:
    """One thing of every run."""
    return Figure(tuple(of(cost) for cost in costs))


def ratio(ours: Sequence[Cost], theirs: Sequence[Cost]) -> Figure:
    """How many times as long ours took as the run of theirs beside it."""
    return Figure(tuple(our.wall / their.wall for our, their in zip(ours, theirs, strict=True)))


def warm(files: Sequence[Path]) -> None:
    """Bring files, and ham's own modules, into the page cache."""
    for file in files:
        with file.open("rb") as opened:
            while opened.read(1 << 20):
                pass
    with contextlib.suppress(subprocess.CalledProcessError), tempfile.TemporaryDirectory() as home:
        program = "import ham_cli.intake.network, ham_cli.manifest, ham_cli.dataset, pyarrow.parquet, pandas, httpx, rich.progress"
        subprocess.run([sys.executable, "-c", program], env=surroundings(Path(home)), check=True, stderr=subprocess.DEVNULL)
