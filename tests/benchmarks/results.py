"""What benchmarks found, kept beyond the terminal: as Parquet to compare with, as Markdown to read."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.measure import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measure import Cost

FOLDER = "HAM_BENCH_RESULTS"
"""The variable that names the folder they are kept in; without it they are only printed."""

_LINES = "results.jsonl"


def keep_cost(title: str, side: str, costs: Sequence[Cost]) -> None:
    """What one side cost."""
    wall, cpu, peak = (figure(costs, of) for of in (lambda c: c.wall, lambda c: c.cpu, lambda c: c.peak / 1e6))
    _add({"title": title, "what": side, "median": wall.median, "least": min(wall.values), "most": max(wall.values), "unit": "s"}, costs)
    _add(
        {"title": title, "what": f"{side}, CPU", "median": cpu.median, "least": min(cpu.values), "most": max(cpu.values), "unit": "s"},
        costs,
    )
    _add(
        {"title": title, "what": f"{side}, peak", "median": peak.median, "least": min(peak.values), "most": max(peak.values), "unit": "MB"},
        costs,
    )


def keep_judged(title: str, what: str, found: float, most: float | None, shown: str) -> None:
    """A ratio, or another value that has a target."""
    _add(
        {"title": title, "what": what, "median": found, "shown": shown, "target": most, "met": None if most is None else found <= most}, ()
    )


def write(folder: Path) -> tuple[Path, Path]:
    """Everything that was kept in a folder, as ``results.parquet`` and ``results.md``."""
    rows = [json.loads(line) for line in (folder / _LINES).read_text(encoding="utf-8").splitlines()]
    names = ("suite", "title", "what", "median", "least", "most", "unit", "shown", "target", "met", "rounds")
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}, Python {platform.python_version()}"
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    parquet, markdown = folder / "results.parquet", folder / "results.md"
    pq.write_table(table.replace_schema_metadata({"machine": machine}), parquet)
    lines = [f"# Benchmarks\n\n{machine}\n"]
    for title in dict.fromkeys(row["title"] for row in rows):
        lines.append(f"\n## {title or 'Other figures'}\n\n| | median (least-most) | at most | |\n|---|---|---|---|\n")
        lines += [_line(row) for row in rows if row["title"] == title]
    markdown.write_text("".join(lines), encoding="utf-8")
    return parquet, markdown


def _line(row: dict[str, Any]) -> str:
    shown = row.get("shown") or f"{row['median']:.2f} ({row['least']:.2f}-{row['most']:.2f}) {row['unit']}"
    target = "" if row.get("target") is None else f"{row['target']:g}"
    return f"| {row['what']} | {shown} | {target} | {'' if row.get('met') is None else 'met' if row['met'] else 'missed'} |\n"


def _add(row: dict[str, Any], costs: Sequence[Cost]) -> None:
    if FOLDER in os.environ:
        suite = Path(sys.argv[0]).stem
        with (Path(os.environ[FOLDER]) / _LINES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"suite": suite, "rounds": len(costs) or None, **row}) + "\n")
