"""One manifest as a value, and its digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.layout import Row
    from ham_cli.manifest.schemas import Schema

TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "word": pa.dictionary(pa.int32(), pa.string()),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "time": pa.timestamp("ms"),  # no zone: DuckDB wants another package for zones
}

ODD_NAMES = "backslashreplace"
"""How a file name that is no UTF-8 is written down."""

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  (times in manifests are UTC, and carry no zone)


@dataclass(frozen=True)
class Manifest:
    """One manifest: rows in key order, and what it says of itself."""

    schema: Schema
    rows: list[Row]
    record: str
    """The record's id, ``ham10000-4.0``."""
    options: dict[str, Any] = field(default_factory=dict)
    """What was asked for; JSON values, keys sorted when written."""
    labels: dict[str, str] = field(default_factory=dict)
    """What more it says of itself, by name: a split its seed and its digest."""

    @property
    def digest(self) -> str:
        """SHA-256 over the rows as sorted-key JSON lines in key order, without the columns that tell where and when."""
        names = [c.name for c in self.schema.columns if c.digest]
        digest = hashlib.sha256()
        written = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
        for row in self.rows:
            line = written({n: row.get(n) for n in names}) + "\n"
            digest.update(line.encode(errors=ODD_NAMES))
        return digest.hexdigest()


def sorted_rows(schema: Schema, rows: Sequence[Row]) -> list[Row]:
    """The rows in key order; where several may have one key, by all that stands in them."""
    if len(schema.key) == 1:
        return sorted(rows, key=lambda row: str(row.get(schema.key[0])))
    return sorted(rows, key=lambda row: tuple(str(row.get(name)) for name in (*schema.key, *schema.names)))


def arrow_schema(schema: Schema) -> pa.Schema:
    """The columns as Arrow sees them, each with its comment."""
    return pa.schema([pa.field(c.name, TYPES[c.type], nullable=c.null, metadata={"comment": c.comment}) for c in schema.columns])
