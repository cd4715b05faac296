"""``ham verify`` beside hashing alone, and beside other programs that hash: ``python -m tests.benchmarks.verifying``."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import published, report
from tests.benchmarks.exports import PUBLISHED
from tests.benchmarks.measure import Side, figure, rounds, surroundings, warm

if TYPE_CHECKING:
    from tests.benchmarks.measure import Step

MOST = 1.15
"""Of the time that two threads of hashlib take over the same bytes."""


def main() -> int:
    """Run it; 0 where every target is met, else 1."""
    options = report.options("verifying", __doc__, rounds=5, images=PUBLISHED)
    report.machine("")
    drawn = published.drawn(options.images, options.keep)
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        work = Path(name)
        folder = published.fetched(drawn, work / "cache", surroundings(work))
        warm(sorted(folder.iterdir()))
        verify = [sys.executable, "-m", "ham_cli", "verify", "images", "--cache-dir", str(work / "cache"), "--quiet", "--jobs", "2"]
        ways: dict[str, list[Step]] = {
            "two hashing threads": [[sys.executable, "-m", "tests.benchmarks.peers.hashing", str(folder)]],
            "ham verify": [verify],
            "ham verify --quick": [[*verify, "--quick"]],
            "sha256sum, two at once": [["sh", "-c", f"find '{folder}' -name '*.jpg' -print0 | xargs -0 -n 500 -P 2 sha256sum > sums"]],
            "ham verify --deep": [[*verify, "--deep"]],
            **_rclone(folder, work),
            "bare decode": [[sys.executable, "-m", "tests.benchmarks.peers.decoding", "bare", str(folder)]],
        }
        costs = rounds([Side(name, lambda _, steps=steps: steps) for name, steps in ways.items()], options.rounds, work)  # type: ignore[misc]
    others = [
        report.Target("ham verify", "sha256sum, two at once", None),
        report.Target("ham verify", "rclone checksum", None),
        report.Target("ham verify --quick", "two hashing threads", None),
        report.Target("ham verify --deep", "bare decode", None),
    ]
    most = MOST if options.images >= PUBLISHED else None  # of fewer, what is measured is how long a program takes to start
    met = report.compare(f"{options.images} images verified", costs, [report.Target("ham verify", "two hashing threads", most), *others])
    # Each round's own difference: what hashing and comparing took once the program, its tables and the folder were there.
    pairs = zip(costs["ham verify"], costs["ham verify --quick"], costs["two hashing threads"], strict=True)
    steady = sorted((whole.wall - start.wall) / bare.wall for whole, start, bare in pairs)
    print(f"  without start and tables (less --quick): {steady[len(steady) // 2]:.2f} ({steady[0]:.2f}-{steady[-1]:.2f})")
    peak = figure(costs["ham verify"], lambda cost: cost.peak / 1e6)
    print(f"  ham verify, peak MB: {peak.shown(0)}")
    print(f"\nload after: {report.load()}; {'every target is met' if met else 'NOT every target is met'}")
    return 0 if met else 1


def _rclone(folder: Path, work: Path) -> dict[str, list[Step]]:
    """rclone, which holds files against a list of digests; nothing, and said, where it is not installed."""
    if shutil.which("rclone") is None:
        print("rclone is left out: it is not installed")
        return {}
    sums = work / "sums"
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir()))
    sums.write_text("".join(lines))
    return {"rclone checksum": [["rclone", "checksum", "sha256", str(sums), str(folder), "--checkers", "2", "--quiet"]]}


if __name__ == "__main__":
    sys.exit(main())
