"""Parquet tables read: our own, which must be whole, and anybody's."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ham_cli.errors import AccessError, from_os_error
from ham_cli.layout import Layout, Row
from ham_cli.manifest import schemas
from ham_cli.manifest.model import EPOCH, Manifest, arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ham_cli.manifest.schemas import Schema

_BLOCK = 1 << 14
"""Rows read at a time."""


def read(path: Path, schema: Schema, *, missing_ok: bool = False, damaged_ok: bool = False) -> Manifest | None:
    """The manifest at ``path``; ``None`` where it is not there (``missing_ok``) or not whole (``damaged_ok``).

    Raises `AccessError` for one that is damaged, of a newer schema, or another table.
    """
    try:
        with _opened(path) as file:
            labels = _labels(file)
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
            return Manifest(schema, _rows(file, schema.names, arrow_schema(schema)), labels["ham.record"], options, _own(labels))
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
        with _opened(path) as file:
            here = [name for name in names if file.schema_arrow.names.count(name) == 1]
            unpacked = _unpacked(file.metadata, here)
            if file.metadata.num_rows > max_rows or unpacked > max_bytes:
                raise ValueError(f"{file.metadata.num_rows} rows and {unpacked} bytes")
            return _rows(file, here), _own(_labels(file))
    except (pa.ArrowException, OSError, OverflowError, IndexError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)) from error


def column_names(path: Path) -> list[str]:
    """The names of a Parquet table's columns; `ValueError` for what is none, and `OSError`."""
    try:
        with _opened(path) as file:
            names: list[str] = file.schema_arrow.names
            return names
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def text_columns(path: Path) -> set[str]:
    """The columns of a Parquet table that hold text; raises as `column_names` does."""
    try:
        with _opened(path) as file:
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


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    # Not read_table: it brings pyarrow.dataset and with it pandas, a third of a second.
    # An open file, not its name: Arrow wants names to be UTF-8. No read-ahead: see _rows.
    with path.open("rb") as opened, pq.ParquetFile(opened, page_checksum_verification=True, pre_buffer=False) as file:
        yield file


def _labels(file: pq.ParquetFile) -> dict[str, str]:
    # The file's own, not those of schema_arrow: these stand in a second copy, that other programs do not keep in step.
    return {k.decode(): v.decode() for k, v in (file.metadata.metadata or {}).items() if k != b"ARROW:schema"}


def _own(labels: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("ham."): text for name, text in labels.items() if name.startswith("ham.")}


def _rows(file: pq.ParquetFile, names: Sequence[str], expected: pa.Schema | None = None) -> list[Row]:
    """The rows of some columns, which must be of the expected types; read in blocks, so that the table never lies beside them whole."""
    for wanted in expected or ():
        found = file.schema_arrow.field(wanted.name).type
        if found != wanted.type:
            raise ValueError(f"column {wanted.name} is {found}, not {wanted.type}")
    rows: list[Row] = []
    layout, columns = Layout(names), {name: _Column() for name in names}
    # No threads: a short process could end, with a crash, while they are still being started.
    for block in file.iter_batches(_BLOCK, columns=names, use_threads=False):
        for wanted in expected or ():
            if not wanted.nullable and (nulls := block.column(wanted.name).null_count):
                raise ValueError(f"column {wanted.name} has {nulls} nulls")
        rows.extend(map(layout.row, zip(*(columns[name].values(block.column(name)) for name in names), strict=True)))
    if names and len(rows) != file.metadata.num_rows:  # a damaged column ends early, and the blocks with it
        raise ValueError(f"{len(rows)} rows of {file.metadata.num_rows}")
    return rows


class _Column:
    """The values of one column, block by block; a dictionary that comes with each of them is unpacked once."""

    def __init__(self) -> None:
        self._dictionary: pa.Array | None = None
        self._words: list[Any] = []

    def values(self, block: pa.Array) -> list[Any]:
        """A block's values."""
        # By hand where Arrow's own way would bring pyarrow.compute or pandas: a quarter of a second.
        if pa.types.is_dictionary(block.type):
            if self._dictionary is None or not block.dictionary.equals(self._dictionary):
                self._dictionary, self._words = block.dictionary, block.dictionary.to_pylist()
            return [None if place is None else self._words[place] for place in block.indices.to_pylist()]
        if pa.types.is_timestamp(block.type):
            instants = [scalar.value for scalar in block]
            return [None if i is None else EPOCH + dt.timedelta(milliseconds=i) for i in instants]
        values: list[Any] = block.to_pylist()
        return values
