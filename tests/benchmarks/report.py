"""What was measured, as plain tables, beside the facts of the machine."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import results, web
from tests.benchmarks.measure import figure, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.measure import Cost

PEERS = {
    "aria2c": "aria2",
    "curl": "curl",
    "md5sum": "coreutils",
    "sha256sum": "coreutils",
    "unzip": "unzip",
    "bsdtar": "libarchive-tools",
    "rclone": "rclone",
}
"""The programs that ham is compared with, and the Debian package of each."""


@dataclass(frozen=True)
class Target:
    """What one side is to be beside another."""

    side: str
    beside: str
    most: float | None
    """How many times as long it may take; ``None``: any, for comparison."""


def compare(title: str, costs: Mapping[str, Sequence[Cost]], targets: Sequence[Target]) -> bool:
    """Print what each side cost and how they compare; whether every target is met."""
    lines = [("", "wall s", "CPU s", "user", "system", "peak MB")]
    for name, some in costs.items():
        user, system = figure(some, lambda c: c.user).median, figure(some, lambda c: c.system).median
        peak = figure(some, lambda c: c.peak / 1e6).shown(0)
        walls, cpus = figure(some, lambda c: c.wall).shown(), figure(some, lambda c: c.cpu).shown()
        lines.append((name, walls, cpus, f"{user:.2f}", f"{system:.2f}", peak))
        results.keep_cost(title, name, some)
    show(title, lines)
    met = True
    for target in targets:
        if {target.side, target.beside} <= set(costs):
            found = ratio(costs[target.side], costs[target.beside])
            met &= judge(f"{target.side} / {target.beside}", found.median, target.most, found.shown(), title)
    return met


def options(name: str, description: str | None, *, rounds: int, images: int | None = None) -> argparse.Namespace:
    """What is typed after a suite: how many images and rounds, and where things lie."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{name}",
        description=description,
        epilog="Medians of interleaved rounds, in parentheses the least and the most; 1 where a target is missed.",
    )
    if images:
        parser.add_argument("--images", type=int, default=images, metavar="N", help="how many images; else %(default)s")
    parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help="how often each side runs; else %(default)s")
    kept = Path.home() / ".cache" / "ham-bench"
    parser.add_argument("--keep", type=Path, default=kept, help="where records and other programs stay; else %(default)s")
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


def judge(what: str, found: float, most: float | None, shown: str, title: str = "") -> bool:
    """Print a value beside what it may be at most; whether it is that."""
    met = most is None or found <= most
    results.keep_judged(title, what, found, most, shown)
    print(f"  {what}: {shown}" + ("" if most is None else f"; at most {most:g}: {'met' if met else 'MISSED'}"))
    return met


def show(title: str, lines: Sequence[Sequence[str]]) -> None:
    """Print a table; its first line is its head."""
    print(f"\n{title}")
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def machine(quick: str) -> None:
    """Print what the figures depend on."""
    cores = len(os.sched_getaffinity(0))
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    print(f"{cores} cores ({model[1] if model else platform.machine()}), Linux {platform.release()}, Python {platform.python_version()}")
    print(f"nginx {web.version()}; " + "; ".join(f"{name} {_version(name)}" for name in PEERS))
    print(f"load before: {load()}{quick}", flush=True)


def load() -> str:
    """How many processes wanted to run in the last minute, five and fifteen."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def missing(names: Sequence[str]) -> list[str]:
    """Which of some programs are not here."""
    return [name for name in names if (web.program() if name == "nginx" else shutil.which(name)) is None]


def _version(name: str) -> str:
    if shutil.which(name) is None:
        return "missing"
    said = subprocess.run([name, "-v" if name == "unzip" else "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d+[\w.]*", said)
    return found[0] if found else "?"
