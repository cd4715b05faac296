"""What every command costs as a record grows: ``python -m tests.benchmarks.growth``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import report, tiny
from tests.benchmarks.measure import Cost, Step, spend, surroundings


def main() -> int:
    """Run it: each command once, at each size."""
    options = _options()
    report.machine("")
    found: dict[str, list[Cost]] = {}
    sizes = options.images
    for images in sizes:
        drawn = tiny.record(images, options.keep)
        with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
            work = Path(name)
            for what, step in _steps(drawn.folder, drawn.record, work / "cache").items():
                cost = spend([step], work, surroundings(work))
                print(f"  {images} images: {what}: {cost.wall:.2f} s, {cost.peak / 1e6:.0f} MB", file=sys.stderr, flush=True)
                found.setdefault(what, []).append(cost)
    head = ("", *(f"{images} images" for images in sizes))
    lines = [(what, *(f"{c.wall:.2f} s, {c.cpu:.2f} CPU s, {c.peak / 1e6:.0f} MB" for c in costs)) for what, costs in found.items()]
    report.show("Growth: small images with masks", [head, *lines])
    print(f"\nload after: {report.load()}")
    return 0


def _steps(source: Path, record: Path, cache: Path) -> dict[str, Step]:
    ham = [sys.executable, "-m", "ham_cli"]
    here = ["--cache-dir", str(cache), "--quiet"]
    fetch = [*ham, "fetch", "--source", str(source), "--record", str(record), *here]
    split = ["--split", "s"]
    return {
        "fetch": fetch,
        "fetch, unchanged": fetch,
        "verify": [*ham, "verify", *here],
        "verify --deep": [*ham, "verify", "--deep", *here],
        "split": [*ham, "split", "--name", "s", *here],
        "stats": [*ham, "stats", *split, *here],
        "stats --pixels": [*ham, "stats", "--pixels", *here],
        "stats --masks": [*ham, "stats", "--masks", *here],
        "export csv": [*ham, "export", "csv", "csv", *split, *here],
        "export webdataset --size 64": [*ham, "export", "webdataset", "shards", *split, "--size", "64", *here],
        "export hf": [*ham, "export", "hf", "hf", *split, *here],
        "export imagefolder --link hard": [*ham, "export", "imagefolder", "folders", *split, "--link", "hard", *here],
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000, 100_000], metavar="N", help="sizes; else %(default)s")
    parser.add_argument("--rounds", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=Path, default=Path.home() / ".cache" / "ham-bench", help="where the records stay; else %(default)s")
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
