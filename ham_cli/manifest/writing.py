"""Parquet tables written: whole, synced, the same bytes for the same rows."""

from __future__ import annotations

import array
import datetime as dt
import itertools
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ham_cli import __version__, atomic
from ham_cli.manifest import schemas
from ham_cli.manifest.model import EPOCH, ODD_NAMES, TYPES, Manifest, arrow_schema, sorted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


_BLOCK = 1 << 14
"""Texts that are encoded at a time."""


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
        **{f"ham.{name}": text for name, text in manifest.labels.items()},
    }
    with atomic.replacing(path) as file:
        pq.write_table(table.replace_schema_metadata(labels), file, write_page_checksum=True)


def _array(column: schemas.Column, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    """One column's values. Put together from buffers: `pyarrow.array` imports pandas, a third of a second."""
    values = [row.get(column.name) for row in rows]
    if not column.null and None in values:
        raise ValueError(f"{column.name} is never null")
    if column.type == "string":
        return _strings(values)
    if column.type == "word":
        # Sorted dictionaries: the same rows are the same bytes, whatever order they came in.
        words = sorted({value for value in values if value is not None})
        places = {word: place for place, word in enumerate(words)}
        indices = _numbers([None if v is None else places[v] for v in values], pa.int32(), "i")
        return pa.DictionaryArray.from_arrays(indices, _strings(words))
    if column.type == "bool":
        return pa.Array.from_buffers(pa.bool_(), len(values), [_bits([v is not None for v in values]), _bits(values)])
    if column.type == "time":
        values = [None if v is None else (v - EPOCH) // dt.timedelta(milliseconds=1) for v in values]
    return _numbers(values, TYPES[column.type], {"int32": "i", "double": "d"}.get(column.type, "q"))


def _numbers(values: Sequence[float | None], kind: pa.DataType, code: str) -> pa.Array:
    data = array.array(code, [0 if v is None else v for v in values])
    return pa.Array.from_buffers(kind, len(values), [_bits([v is not None for v in values]), pa.py_buffer(data)])


def _strings(values: Sequence[str | None]) -> pa.Array:
    offsets, data = array.array("i", [0]), bytearray()
    for first in range(0, len(values), _BLOCK):
        encoded = [(v or "").encode(errors=ODD_NAMES) for v in values[first : first + _BLOCK]]
        offsets.extend(itertools.accumulate(map(len, encoded[1:]), initial=offsets[-1] + len(encoded[0])))
        data += b"".join(encoded)
    buffers = [_bits([v is not None for v in values]), pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _bits(flags: Sequence[object]) -> pa.Buffer:
    """One bit a value, the first one lowest, as Arrow packs truth and presence."""
    number = int("0" + "".join("1" if flag else "0" for flag in reversed(flags)), 2)
    return pa.py_buffer(number.to_bytes(len(flags) // 8 + 1, "little"))
