"""``ham stats --pixels`` beside a bare decode, and beside arithmetic on arrays: ``python -m tests.benchmarks.pixels``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import published, report
from tests.benchmarks.measure import Side, figure, rounds, surroundings, warm

if TYPE_CHECKING:
    from tests.benchmarks.measure import Step

MOST_MEMORY = 300
"""Megabytes."""

LEAST = 0.85
"""Of a bare decode's speed."""


def main() -> int:
    """Run it; 0 where every target is met, else 1."""
    options = report.options("pixels", __doc__, rounds=7, images=2000)
    report.machine("")
    drawn = published.drawn(options.images, options.keep)
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        work = Path(name)
        cache = work / "cache"
        ham = [sys.executable, "-m", "ham_cli"]
        folder = published.fetched(drawn, cache, surroundings(work))
        warm(sorted(folder.iterdir()))
        peer = [sys.executable, "-m", "tests.benchmarks.peers.decoding"]
        stats = [*ham, "stats", "--pixels", "--cache-dir", str(cache), "--quiet", "--jobs", "2"]
        forget = ["rm", "-f", str(folder.parent / "manifests" / "stats" / "pixels.parquet")]
        ways: dict[str, list[Step]] = {
            "bare decode": [[*peer, "bare", str(folder)]],
            "ham stats --pixels": [forget, stats],
            "arithmetic on arrays": [[*peer, "numpy", str(folder)]],
            "ham, all known": [stats],
        }
        costs = rounds([Side(name, lambda _, steps=steps: steps) for name, steps in ways.items()], options.rounds, work)  # type: ignore[misc]
    target = report.Target("ham stats --pixels", "bare decode", 1 / LEAST)
    others = [report.Target("ham stats --pixels", "arithmetic on arrays", None), report.Target("ham, all known", "bare decode", None)]
    met = report.compare(f"Channel means and standard deviations of {options.images} images", costs, [target, *others])
    peak = figure(costs["ham stats --pixels"], lambda cost: cost.peak / 1e6)
    met &= report.judge("ham stats --pixels, peak MB", peak.median, MOST_MEMORY, peak.shown(0))
    print(f"\nload after: {report.load()}; {'every target is met' if met else 'NOT every target is met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
