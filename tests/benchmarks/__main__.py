"""Say which benchmarks there are, or run them all: ``python -m tests.benchmarks [--all [--results FOLDER] ...]``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import results

SUITES = ("starting", "unpacking", "exports", "network", "pixels", "splits", "verifying", "growth")
"""The modules that are run by ``python -m tests.benchmarks.NAME``."""


def main() -> int:
    """Run every suite where ``--all`` is asked for, with the options that follow it; else list them."""
    words = sys.argv[1:]
    if words[:1] != ["--all"]:
        for suite in SUITES:
            subprocess.run([sys.executable, "-m", f"tests.benchmarks.{suite}", "--help"], check=True)
        print("\nAll of them: python -m tests.benchmarks --all; the figures as Parquet and Markdown too: --all --results FOLDER")
        return 0
    folder = Path(words[2]) if words[1:2] == ["--results"] else None
    more = words[3:] if folder else words[1:]
    env = dict(os.environ)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        env[results.FOLDER] = str(folder.resolve())
    code = max(subprocess.run([sys.executable, "-m", f"tests.benchmarks.{s}", *more], env=env, check=False).returncode for s in SUITES)
    if folder:
        print("\n".join(str(path) for path in results.write(folder)))
    return code


if __name__ == "__main__":
    sys.exit(main())
