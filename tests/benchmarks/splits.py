"""``ham split`` beside scikit-learn, and on larger tables: ``python -m tests.benchmarks.splits``."""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_cli import groups, record
from ham_cli.splits.balance import share_out
from ham_cli.splits.make import ALGORITHM
from ham_cli.splits.stock import MARGINS, stock
from tests.benchmarks import report
from tests.benchmarks.measure import Side, figure, rounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHARES = (("train", 70), ("validation", 15), ("test", 15))
SINGLE = ("dx", "dataset", "dx_type", "sex", "age_band", "localization")
CELLS = (("dx",), ("dx", "dataset"), ("dx", "dx_type"))
SIZES = (25_000, 100_000, 400_000)

Rows = list[dict[str, Any]]


def main() -> int:
    """Run them all; 0 where every target is met, else 1."""
    options = _options()
    if options.table is None:
        print("splits: left out, as it wants the published HAM10000_metadata: name it with --table, or its folder with HAM_TEST_DATA")
        return 0
    print(f"load before: {report.load()}")
    rows = published(options.table)
    met = quality(rows, options.seeds, options.keep)
    met &= command(options.table, options.rounds, options.work)
    met &= growth(rows)
    print(f"\nload after: {report.load()}; {'every target is met' if met else 'NOT every target is met'}")
    return 0 if met else 1


def published(table: Path) -> Rows:
    """The rows of a published metadata table, with groups and age bands."""
    ours = record.load()
    with table.open(newline="") as file:
        rows: Rows = list(csv.DictReader(file))
    grouped = groups.groups({row["image_id"]: row["lesion_id"] for row in rows}, ours.duplicate_pairs)
    for row in rows:
        row |= {"group": grouped[row["image_id"]], "age_band": ours.age_band(float(row["age"])) if row["age"] else None}
    return rows


def errors(rows: Rows, parts: Sequence[str], columns: Sequence[str]) -> tuple[float, float]:
    """Of a split by `SHARES`: images by which the worst cell is off, and the worst part's total variation."""
    whole = sum(weight for _, weight in SHARES)
    totals = Counter(tuple(row[name] for name in columns) for row in rows)
    have = Counter((part, *(row[name] for name in columns)) for row, part in zip(rows, parts, strict=True))
    worst, variation = 0.0, 0.0
    for part, weight in SHARES:
        off = [abs(have[part, *cell] - count * weight / whole) for cell, count in totals.items()]
        worst, variation = max(worst, *off), max(variation, sum(off) / 2 / (len(rows) * weight / whole))
    return worst, variation


def quality(rows: Rows, seeds: int, keep: Path) -> bool:
    """How far ham's parts are from their shares over some seeds, beside those of scikit-learn."""
    stocked, began = stock(rows, MARGINS), time.perf_counter()
    found = []
    for seed in range(seeds):
        placed = share_out(stocked, SHARES, seed, ALGORITHM, {})
        found.append([placed[row["group"]] for row in rows])
    sides = {"ham": (found, (time.perf_counter() - began) / seeds)}
    for method in ("StratifiedGroupKFold", "GroupShuffleSplit"):
        told = _peer(method, rows, seeds, keep)
        sides[f"{method} {told['version']}"] = told["parts"], told["seconds"]
    lines = [("", "s a seed", *(f"{' x '.join(c)}, images" for c in CELLS), *(f"{name}, %" for name in SINGLE))]
    worst: dict[str, list[float]] = {}
    for name, (splits, seconds) in sides.items():
        cells = [max(errors(rows, parts, columns)[0] for parts in splits) for columns in CELLS]
        margins = [100 * max(errors(rows, parts, (column,))[1] for parts in splits) for column in SINGLE]
        worst[name] = [*cells, max(margins)]
        lines.append((name, f"{seconds:.2f}", *(f"{v:.2f}" for v in cells), *(f"{v:.2f}" for v in margins)))
    report.show(f"70/15/15 of {len(rows)} rows: worst cell and total variation over {seeds} seeds", lines)
    names = ("dx, images", "dx x dataset, images", "dx x dx_type, images", "any margin's total variation, %")
    judged = zip(names, worst["ham"], (1.0, 3.5, 3.5, 0.4), strict=True)
    met = [report.judge(what, value, most, f"{value:.2f}") for what, value, most in judged]
    return all(met)


def command(table: Path, count: int, where: Path | None) -> bool:
    """How long the whole command takes."""
    ham = [sys.executable, "-m", "ham_cli"]
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=where) as name:
        work = Path(name)
        (work / "source").mkdir()
        (work / "source" / "HAM10000_metadata").symlink_to(table.absolute())
        fetch = [*ham, "fetch", "metadata", "--source", str(work / "source"), "--accept-altered", "--cache-dir", str(work / "cache"), "-q"]
        subprocess.run(fetch, check=True)
        wishes = {"ham split": [], "ham split --folds 5": ["--folds", "5"], "ham split --folds 10": ["--folds", "10"]}
        steps = {name: [[*ham, "split", *wish, "--cache-dir", str(work / "cache"), "--force"]] for name, wish in wishes.items()}
        costs = rounds([Side(name, lambda _, step=step: step) for name, step in steps.items()], count, work)  # type: ignore[misc]
    report.compare("Whole command", costs, [])
    walls = {name: figure(some, lambda cost: cost.wall) for name, some in costs.items()}
    met = [report.judge(f"{name}, s", wall.median, 2.5, wall.shown()) for name, wall in walls.items()]
    return all(met)


def growth(rows: Rows) -> bool:
    """How the time grows with the table: lesions drawn anew, each image's body site now and then another's."""
    by_group: dict[str, Rows] = {}
    for row in rows:
        by_group.setdefault(row["group"], []).append(row)
    lines = [("rows", "s", "us a row", *(f"{' x '.join(c)}, images" for c in CELLS))]
    each, met = [], True
    for size in SIZES:
        drawn = _drawn(list(by_group.values()), size)
        began = time.perf_counter()
        placed = share_out(stock(drawn, MARGINS), SHARES, 0, ALGORITHM, {})
        each.append((time.perf_counter() - began) / len(drawn))
        found = [errors(drawn, [placed[row["group"]] for row in drawn], columns)[0] for columns in CELLS]
        met &= found[0] <= 1 and max(found[1:]) <= 3.5
        lines.append((str(len(drawn)), f"{each[-1] * len(drawn):.2f}", f"{each[-1] * 1e6:.1f}", *(f"{v:.2f}" for v in found)))
    report.show("Larger tables", lines)
    print(f"  cells as near as in the published table: {'met' if met else 'MISSED'}")
    grown = each[-1] / each[0]
    return report.judge("time a row, largest / smallest table (n log n: 1.27)", grown, 1.27, f"{grown:.2f}") and met


def _drawn(lesions: list[Rows], size: int) -> Rows:
    chance, drawn = random.Random(1), list[dict[str, Any]]()  # noqa: S311
    sites = [row["localization"] for some in lesions for row in some]
    while len(drawn) < size:
        group = f"G{len(drawn)}"
        drawn += [row | {"group": group} for row in chance.choice(lesions)]
        if chance.random() < 0.3:
            drawn[-1]["localization"] = chance.choice(sites)
    return drawn


def _peer(method: str, rows: Rows, seeds: int, keep: Path) -> Mapping[str, Any]:
    """What scikit-learn makes of the table, in an environment of its own."""
    home = keep / "scikit-learn"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "scikit-learn>=1.8"], check=True)
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "table.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("dx", "group"), *((row["dx"], row["group"]) for row in rows)])
        script = Path(__file__).parent / "peers" / "grouped.py"
        said = subprocess.run([python, script, method, table, str(seeds)], check=True, capture_output=True, text=True)
    told: Mapping[str, Any] = json.loads(said.stdout)
    return told


def _options() -> argparse.Namespace:
    given = os.environ.get("HAM_TEST_DATA")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.splits", description=__doc__)
    parser.add_argument(
        "--table",
        type=Path,
        default=Path(given) / "HAM10000_metadata" if given else None,
        help="the published HAM10000_metadata; else that of HAM_TEST_DATA",
    )
    parser.add_argument("--seeds", type=int, default=20, help="how many; else %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="how often the command runs; else %(default)s")
    parser.add_argument("--keep", type=Path, default=Path.home() / ".cache" / "ham-bench", help="where the other libraries are installed")
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
