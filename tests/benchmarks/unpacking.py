"""``ham fetch --source FOLDER`` of published zips beside programs that only unpack: ``python -m tests.benchmarks.unpacking``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import published, report
from tests.benchmarks.measure import Side, rounds, warm

if TYPE_CHECKING:
    from tests.benchmarks.measure import Step


def main() -> int:
    """Run it."""
    options = report.options("unpacking", __doc__, rounds=5, images=10015)
    report.machine("")
    drawn = published.drawn(options.images, options.keep)
    warm(drawn.parts)
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        fetch = [
            sys.executable,
            "-m",
            "ham_cli",
            "fetch",
            "images",
            "metadata",
            "--source",
            str(drawn.folder),
            "--record",
            str(drawn.record),
        ]
        ways: dict[str, list[Step]] = {"ham fetch": [[*fetch, "--cache-dir", "cache", "--quiet", "--jobs", "2"]]}
        for program, words in {"unzip": ["-q", "-d", "out"], "bsdtar": ["-xf"]}.items():
            if shutil.which(program):
                ways[program] = [[program, *words[:1], str(part), *words[1:]] for part in drawn.parts]
            else:
                print(f"{program} is left out: it is not installed")
        costs = rounds([Side(name, lambda _, steps=steps: steps) for name, steps in ways.items()], options.rounds, Path(name))  # type: ignore[misc]
    targets = [report.Target("ham fetch", program, None) for program in ("unzip", "bsdtar")]
    report.compare(f"{options.images} images unpacked; ham holds them against MD5 and SHA-256 and syncs, the others do not", costs, targets)
    print(f"\nload after: {report.load()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
