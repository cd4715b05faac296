"""Counts as a file: Parquet or CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from ham_cli import atomic, manifest
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ham_cli.summary.counts import Count

_LONGEST = 150
"""Signs of a file name made of options: what is longer some file systems refuse."""


def save(path: Path, tables: Mapping[tuple[str, ...], Sequence[Count]], record_id: str, options: Mapping[str, Any]) -> None:
    """Put counts at ``path``, a row each: of one table by its columns, of several by ``column`` and ``value``."""
    several = len(tables) > 1
    by = ("column", "value") if several else next(iter(tables))
    rows = [_row(count, several=several) for found in tables.values() for count in found]
    schema = schemas.counts(by)
    if path.suffix == ".csv":
        names = [column.name for column in schema.columns]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([names, *([row[name] for name in names] for row in rows)])
        with atomic.replacing(path) as file:
            file.write(text.getvalue().encode())
        return
    manifest.write(path, Manifest(schema, rows, record_id, dict(options)))


def file_name(options: Mapping[str, Any]) -> str:
    """A name that tells the options: ``dx-dataset--split-r70-15-15-s0``; ``summary`` without any."""
    by, *others = [f"{name}-{value}" for name, value in options.items() if value not in (None, [], ())] or [""]
    words = [by.removeprefix("by-") if by.startswith("by-") else "summary", *([] if by.startswith("by-") or not by else [by]), *others]
    return "--".join(re.sub(r"[^A-Za-z0-9._]+", "-", word).strip("-.") for word in words)[:_LONGEST]


def _row(count: Count, *, several: bool) -> dict[str, Any]:
    values = {name: None if value is None else str(value) for name, value in count.values}
    if several:
        ((name, value),) = values.items()
        values = {"column": name, "value": value}
    return {**values, "part": count.part, "images": count.images, "lesions": count.lesions}
