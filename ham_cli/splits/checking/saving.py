"""The leaking rows of a check as a file: Parquet or CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ham_cli import atomic, manifest
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from pathlib import Path

    from ham_cli.splits.checking.report import Report

NAMES = tuple(column.name for column in schemas.LEAKS.columns)


def save(path: Path, report: Report, record_id: str) -> None:
    """Put the leaking rows at ``path``; where nothing leaks, a table without rows."""
    if path.suffix == ".csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([NAMES, *([row[name] for name in NAMES] for row in report.rows)])
        with atomic.replacing(path) as file:
            file.write(text.getvalue().encode(errors="backslashreplace"))
        return
    manifest.write(path, Manifest(schemas.LEAKS, list(report.rows), record_id))


def are_leaks(path: Path) -> bool:
    """Whether a file is a table of leaking rows, by its columns."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                return tuple(next(csv.reader(file), ())) == NAMES
        return tuple(manifest.column_names(path)) == NAMES
    except (OSError, ValueError, csv.Error):
        return False
