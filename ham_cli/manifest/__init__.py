"""The Parquet tables: read, written, digested."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ham_cli import __version__, atomic
from ham_cli.errors import AccessError
from ham_cli.manifest import schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ham_cli.manifest.schemas import Schema

Row = dict[str, Any]

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "word": pa.dictionary(pa.int32(), pa.string()),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "time": pa.timestamp("s", tz="UTC"),
}


@dataclass(frozen=True)
class Manifest:
    """One manifest: rows in key order, and what it says of itself."""

    schema: Schema
    rows: list[Row]
    record: str
    """The record's id, ``ham10000-4.0``."""
    options: dict[str, Any] = field(default_factory=dict)
    """What was asked for; JSON values, keys sorted when written."""

    @property
    def digest(self) -> str:
        """SHA-256 over the rows as sorted-key JSON lines in key order, without the columns that tell where and when."""
        names = [c.name for c in self.schema.columns if c.digest]
        lines = (json.dumps({n: row[n] for n in names}, sort_keys=True, ensure_ascii=False) + "\n" for row in self.rows)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def sorted_rows(schema: Schema, rows: Sequence[Row]) -> list[Row]:
    """The rows in key order, with every column, and no other."""
    names = [c.name for c in schema.columns]
    complete = ({name: row.get(name) for name in names} for row in rows)
    return sorted(complete, key=lambda row: tuple(str(row[k]) for k in schema.key))


def write(path: Path, manifest: Manifest) -> None:
    """Put a manifest at ``path``, whole and synced, its rows in key order."""
    rows = sorted_rows(manifest.schema, manifest.rows)
    table = pa.table([_array(c, rows) for c in manifest.schema.columns], schema=arrow_schema(manifest.schema))
    labels = {
        "ham.schema": str(schemas.VERSION),
        "ham.record": manifest.record,
        "ham.digest": Manifest(manifest.schema, rows, manifest.record).digest,
        "ham.options": json.dumps(manifest.options, sort_keys=True),
        "ham.version": __version__,
    }
    with atomic.replacing(path) as file:
        pq.write_table(table.replace_schema_metadata(labels), file)


def read(path: Path, schema: Schema, *, missing_ok: bool = False, damaged_ok: bool = False) -> Manifest | None:
    """The manifest at ``path``; ``None`` where it is not there (``missing_ok``) or not whole (``damaged_ok``).

    Raises `AccessError` for one that is damaged, of a newer schema, or another table.
    """
    try:
        table = pq.read_table(path, partitioning=None)
        labels = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if int(labels["ham.schema"]) > schemas.VERSION:
            raise AccessError(
                f"{path.name} was written by a newer ham",
                where=path,
                expected=f"schema {schemas.VERSION}",
                got=f"schema {labels['ham.schema']}",
                fix="install the newer ham, or fetch into another folder with --cache-dir",
            )
        names = [c.name for c in schema.columns]
        rows = table.select(names).to_pylist()
        return Manifest(schema, rows, labels["ham.record"], json.loads(labels["ham.options"]))
    except FileNotFoundError:
        if missing_ok:
            return None
        raise AccessError(f"{path.name} is not there", where=path, fix="run ham fetch first") from None
    except (pa.ArrowException, KeyError, ValueError) as error:
        if damaged_ok:
            return None
        got = str(error).splitlines()[0]
        raise AccessError(
            f"{path.name} is damaged", where=path, got=got, fix="run the same ham fetch again: it writes the manifest anew"
        ) from error


def arrow_schema(schema: Schema) -> pa.Schema:
    """The columns as Arrow sees them, each with its comment."""
    return pa.schema([pa.field(c.name, _TYPES[c.type], nullable=c.null, metadata={"comment": c.comment}) for c in schema.columns])


def _array(column: schemas.Column, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    values = [row[column.name] for row in rows]
    if column.type != "word":
        return pa.array(values, _TYPES[column.type])
    # Sorted dictionaries: the same rows are the same bytes, whatever order they came in.
    words = sorted({value for value in values if value is not None})
    places = {word: place for place, word in enumerate(words)}
    indices = pa.array([None if v is None else places[v] for v in values], pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))
