"""Say which benchmarks there are, or run them all: ``python -m tests.benchmarks [--all [--results FOLDER] [--rounds N] ...]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import results

SUITES = ("starting", "unpacking", "exports", "network", "pixels", "splits", "verifying", "growth")
"""The modules that are run by ``python -m tests.benchmarks.NAME``."""

COUNTED = {
    "unpacking": ("--images",),
    "exports": ("--images",),
    "pixels": ("--images",),
    "verifying": ("--images",),
    "growth": ("--images", "--rows"),
}
"""Suites whose number of images is a person's choice, with the options that say it."""


def main() -> int:
    """Run every suite where ``--all`` is asked for, one after the other; else list them."""
    options = _options()
    if not options.all:
        for suite in SUITES:
            subprocess.run([sys.executable, "-m", f"tests.benchmarks.{suite}", "--help"], check=True)
        print("\nAll of them: python -m tests.benchmarks --all; the figures as Parquet and Markdown too: --all --results FOLDER")
        return 0
    env = dict(os.environ)
    if options.results:
        options.results.mkdir(parents=True, exist_ok=True)
        env[results.FOLDER] = str(options.results.resolve())
    codes = [subprocess.run(_command(suite, options), env=env, check=False).returncode for suite in SUITES]
    if options.results:
        print("\n".join(str(path) for path in results.write(options.results)))
    return int(any(codes))


def _command(suite: str, options: argparse.Namespace) -> list[str]:
    given = {f"--{name}": getattr(options, name) for name in ("rounds", "keep", "work")}
    given |= dict.fromkeys(COUNTED.get(suite, ()), options.images)
    words = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return [sys.executable, "-m", f"tests.benchmarks.{suite}", *words]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Without --all, the suites and their options.")
    parser.add_argument("--all", action="store_true", help="run every suite")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="write the figures there too, as Parquet and Markdown")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each side runs; else what each suite says")
    parser.add_argument("--images", type=int, metavar="N", help="how many images, where that is a choice; else what each suite says")
    parser.add_argument("--keep", type=Path, help="where records and other programs stay; else ~/.cache/ham-bench")
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
