"""What every command costs as a record grows: ``python -m tests.benchmarks.growth``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli.demo import facts
from tests.benchmarks import published, report, tiny
from tests.benchmarks.measure import spend, surroundings
from tests.benchmarks.published import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.measure import Cost, Step


def main() -> int:
    """Run it: each command once, at each size."""
    options = _options()
    report.machine("")
    images = {f"{count} images": _grown(tiny.record(count, options.keep), _steps, options) for count in options.images}
    _show("Growth: small images with masks", images)
    rows = {f"{count} rows": _grown(_tables(count, options.keep), _of_rows, options) for count in options.rows}
    _show("Growth: rows alone, without images", rows)
    print(f"\nload after: {report.load()}")
    return 0


def _tables(count: int, keep: Path) -> Published:
    where = keep / f"rows-{count}"
    if not (where / "record.json").is_file():
        return published.drawn_tables(count, where)
    return Published(where, where / "record.json", facts.METADATA)


def _grown(drawn: Published, steps: Callable[[Path, Path, Path], dict[str, Step]], options: argparse.Namespace) -> dict[str, Cost]:
    """What each command costs on a record."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        work = Path(name)
        for what, step in steps(drawn.folder, drawn.record, work / "cache").items():
            cost = found[what] = spend([step], work, surroundings(work))
            print(f"  {drawn.folder.name}: {what}: {cost.wall:.2f} s, {cost.peak / 1e6:.0f} MB", file=sys.stderr, flush=True)
    return found


def _show(title: str, found: Mapping[str, Mapping[str, Cost]]) -> None:
    if not found:
        return
    steps = next(iter(found.values()))
    told = {what: [costs[what] for costs in found.values()] for what in steps}
    lines = [(what, *(f"{c.wall:.2f} s, {c.cpu:.2f} CPU s, {c.peak / 1e6:.0f} MB" for c in costs)) for what, costs in told.items()]
    report.show(title, [("", *found), *lines])


def _of_rows(source: Path, record: Path, cache: Path) -> dict[str, Step]:
    """What needs no images."""
    steps = _steps(source, record, cache)
    fetch = [*steps["fetch"][:4], "metadata", *steps["fetch"][4:]]
    return {"fetch": fetch, "fetch, unchanged": fetch} | {name: steps[name] for name in ("verify", "split", "stats", "export csv")}


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
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 400_000], metavar="N", help="sizes without images")
    parser.add_argument("--rounds", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=Path, default=Path.home() / ".cache" / "ham-bench", help="where the records stay; else %(default)s")
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
