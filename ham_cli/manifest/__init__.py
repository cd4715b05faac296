"""The Parquet tables: read, written, digested."""

from __future__ import annotations

import array
import datetime as dt
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ham_cli import __version__, atomic
from ham_cli.errors import AccessError, from_os_error
from ham_cli.manifest import schemas
from ham_cli.manifest.layout import Layout, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ham_cli.manifest.schemas import Schema

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "word": pa.dictionary(pa.int32(), pa.string()),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "time": pa.timestamp("ms"),  # no zone: DuckDB wants another package for zones
}

_ODD_NAMES = "backslashreplace"
"""How a file name that is no UTF-8 is written down."""

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  (times in manifests are UTC, and carry no zone)


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
        for row in self.rows:
            line = json.dumps({n: row.get(n) for n in names}, sort_keys=True, ensure_ascii=False) + "\n"
            digest.update(line.encode(errors=_ODD_NAMES))
        return digest.hexdigest()


def sorted_rows(schema: Schema, rows: Sequence[Row]) -> list[Row]:
    """The rows in key order; where several may have one key, by all that stands in them."""
    names = (*schema.key, *(schema.names if len(schema.key) > 1 else ()))
    return sorted(rows, key=lambda row: tuple(str(row.get(name)) for name in names))


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


def read(path: Path, schema: Schema, *, missing_ok: bool = False, damaged_ok: bool = False) -> Manifest | None:
    """The manifest at ``path``; ``None`` where it is not there (``missing_ok``) or not whole (``damaged_ok``).

    Raises `AccessError` for one that is damaged, of a newer schema, or another table.
    """
    try:
        table, labels = _opened(path)
        if int(labels["ham.schema"]) > schemas.VERSION:
            raise AccessError(
                f"{path.name} was written by a newer ham",
                where=path,
                expected=f"schema {schemas.VERSION}",
                got=f"schema {labels['ham.schema']}",
                fix="install the newer ham, or fetch into another folder with --cache-dir",
            )
        options = json.loads(labels["ham.options"])
        if not isinstance(options, dict):
            raise ValueError("its options are no JSON object")  # noqa: TRY004, TRY301
        return Manifest(schema, _rows(table, schema), labels["ham.record"], options, _own(labels))
    except FileNotFoundError:
        if missing_ok:
            return None
        raise AccessError(f"{path.name} is not there", where=path, fix="run ham fetch first") from None
    except (pa.ArrowException, OSError, LookupError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise from_os_error(error, path) from error
        if damaged_ok:
            return None
        got = next(iter(str(error).splitlines()), type(error).__name__)
        raise AccessError(
            f"{path.name} is damaged", where=path, got=got, fix="run the same ham fetch again: it writes the manifest anew"
        ) from error


def read_foreign(path: Path, names: Sequence[str], max_rows: int, max_bytes: int) -> tuple[list[Row], dict[str, str]]:
    """Rows of any Parquet table, of these columns those that it has once, and what it says of itself under ``ham.``.

    Raises `ValueError` for what is no Parquet, or more than is wanted of it when unpacked, and `OSError`.
    """
    try:
        with path.open("rb") as opened, pq.ParquetFile(opened, pre_buffer=False) as file:
            here = [name for name in names if file.schema_arrow.names.count(name) == 1]
            unpacked = _unpacked(file.metadata, here)
            if file.metadata.num_rows > max_rows or unpacked > max_bytes:
                raise ValueError(f"{file.metadata.num_rows} rows and {unpacked} bytes")
        table, labels = _opened(path, here)
        columns = [_values(table.column(name)) for name in here]
        return list(map(Layout(here).row, zip(*columns, strict=True))), _own(labels)
    except (pa.ArrowException, OSError, OverflowError, IndexError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)) from error


def column_names(path: Path) -> list[str]:
    """The names of a Parquet table's columns; `ValueError` for what is none, and `OSError`."""
    try:
        with path.open("rb") as opened, pq.ParquetFile(opened, pre_buffer=False) as file:
            names: list[str] = file.schema_arrow.names
            return names
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def text_columns(path: Path) -> set[str]:
    """The columns of a Parquet table that hold text; raises as `column_names` does."""
    try:
        with path.open("rb") as opened, pq.ParquetFile(opened, pre_buffer=False) as file:
            return {field.name for field in file.schema_arrow if _is_text(field.type)}
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _unpacked(metadata: pq.FileMetaData, names: Sequence[str]) -> int:
    """The bytes of some columns when they are unpacked: a table may hold the images too."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return sum(column.total_uncompressed_size for column in columns if column.path_in_schema.partition(".")[0] in names)


def _opened(path: Path, names: Sequence[str] | None = None) -> tuple[pa.Table, dict[str, str]]:
    # Not read_table: it brings pyarrow.dataset and with it pandas, a third of a second.
    # An open file, not its name: Arrow wants names to be UTF-8.
    # No read-ahead and no threads: a short process could end, with a crash, while they are still being started.
    with path.open("rb") as opened, pq.ParquetFile(opened, page_checksum_verification=True, pre_buffer=False) as file:
        table = file.read(names, use_threads=False)
    return table, {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}


def _own(labels: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("ham."): text for name, text in labels.items() if name.startswith("ham.")}


def _rows(table: pa.Table, schema: Schema) -> list[Row]:
    for wanted in arrow_schema(schema):
        column = table.column(wanted.name)
        if column.type != wanted.type or (column.null_count and not wanted.nullable):
            raise ValueError(f"column {wanted.name} is {column.type} with {column.null_count} nulls, not {wanted.type}")
    columns = [_values(table.column(c.name)) for c in schema.columns]
    return list(map(Layout(schema.names).row, zip(*columns, strict=True)))


def _values(column: pa.ChunkedArray) -> list[Any]:
    # By hand where Arrow's own way would bring pyarrow.compute or pandas: a quarter of a second.
    if pa.types.is_dictionary(column.type):
        return [word for chunk in column.chunks for word in _words(chunk)]
    if pa.types.is_timestamp(column.type):
        instants = [scalar.value for scalar in column]
        return [None if i is None else _EPOCH + dt.timedelta(milliseconds=i) for i in instants]
    values: list[Any] = column.to_pylist()
    return values


def _words(chunk: pa.DictionaryArray) -> list[str | None]:
    words = chunk.dictionary.to_pylist()
    return [None if place is None else words[place] for place in chunk.indices.to_pylist()]


def arrow_schema(schema: Schema) -> pa.Schema:
    """The columns as Arrow sees them, each with its comment."""
    return pa.schema([pa.field(c.name, _TYPES[c.type], nullable=c.null, metadata={"comment": c.comment}) for c in schema.columns])


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
        values = [None if v is None else (v - _EPOCH) // dt.timedelta(milliseconds=1) for v in values]
    return _numbers(values, _TYPES[column.type], {"int32": "i", "double": "d"}.get(column.type, "q"))


def _numbers(values: Sequence[float | None], kind: pa.DataType, code: str) -> pa.Array:
    data = array.array(code, [0 if v is None else v for v in values])
    return pa.Array.from_buffers(kind, len(values), [_bits([v is not None for v in values]), pa.py_buffer(data)])


def _strings(values: Sequence[str | None]) -> pa.Array:
    encoded = [(v or "").encode(errors=_ODD_NAMES) for v in values]
    offsets = array.array("i", itertools.accumulate((len(e) for e in encoded), initial=0))
    buffers = [_bits([v is not None for v in values]), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _bits(flags: Sequence[object]) -> pa.Buffer:
    """One bit a value, the first one lowest, as Arrow packs truth and presence."""
    number = int("0" + "".join("1" if flag else "0" for flag in reversed(flags)), 2)
    return pa.py_buffer(number.to_bytes(len(flags) // 8 + 1, "little"))
