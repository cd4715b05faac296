"""Counts as a file: Parquet or CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from typing import TYPE_CHECKING, Any

from ham_cli import atomic, manifest
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ham_cli.summary.counts import Count

_LONGEST = 100
"""Signs of a file name made of options: what is longer is cut, and told apart by a digest."""


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


def are_counts(path: Path) -> bool:
    """Whether a file is a table of counts, by its columns."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                names = file.readline(_LONGEST * 10).strip().split(",")
        else:
            names = manifest.column_names(path)
    except (OSError, ValueError):
        return False
    return names[-3:] == ["part", "images", "lesions"]


def file_name(options: Mapping[str, Any]) -> str:
    """A name that tells the options: ``dx-dataset--split-r70-15-15-s0``; ``summary`` without any."""
    others = [f"{name}-{value}" for name, value in options.items() if name != "by" and value not in (None, [])]
    words = [options.get("by") or "summary", *others]
    name = "--".join(re.sub(r"[^A-Za-z0-9._]+", "-", word).strip("-.") for word in words)
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}--{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _row(count: Count, *, several: bool) -> dict[str, Any]:
    values = {name: None if value is None else str(value) for name, value in count.values}
    if several:
        ((name, value),) = values.items()
        values = {"column": name, "value": value}
    return {**values, "part": count.part, "images": count.images, "lesions": count.lesions}
