"""A manifest where a person wants it: Parquet, or CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ham_cli import atomic, manifest
from ham_cli.layout import as_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ham_cli.manifest import Manifest


def save(path: Path, wanted: Manifest) -> None:
    """Put a manifest at ``path``: rows alone where it ends in ``.csv``, else Parquet with all that it says of itself."""
    if path.suffix != ".csv":
        manifest.write(path, wanted)
        return
    names = [column.name for column in wanted.schema.columns]
    rows = manifest.sorted_rows(wanted.schema, wanted.rows)
    with atomic.replacing(path) as file:
        file.write(as_csv(names, rows, "backslashreplace"))


def is_one(path: Path, names: Sequence[str]) -> bool:
    """Whether a file is a table whose last columns are these, in this order."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                found = next(csv.reader(file), [])
        else:
            found = manifest.column_names(path)
        return found[-len(names) :] == list(names)
    except (OSError, ValueError, csv.Error):
        return False
