"""Say which benchmarks there are, or run them all: ``python -m tests.benchmarks [--all ...]``."""

from __future__ import annotations

import subprocess
import sys

SUITES = ("exports", "network", "pixels", "splits", "verifying")
"""The modules that are run by ``python -m tests.benchmarks.NAME``."""


def main() -> int:
    """Run every suite where ``--all`` is asked for, with the options that follow it; else list them."""
    if sys.argv[1:2] == ["--all"]:
        return max(subprocess.run([sys.executable, "-m", f"tests.benchmarks.{s}", *sys.argv[2:]], check=False).returncode for s in SUITES)
    for suite in SUITES:
        subprocess.run([sys.executable, "-m", f"tests.benchmarks.{suite}", "--help"], check=True)
    print("\nAll of them: python -m tests.benchmarks --all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
