"""A table from its bytes: which one it is, and whether it is as published."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING

from ham_cli.tables.cells import Reader
from ham_cli.tables.differences import altered_columns, differences
from ham_cli.tables.rows import Table, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.record import Record, TableForm
    from ham_cli.tables.rows import Row

MAX_BYTES = 64 << 20
"""The largest published table has 0.7 MB; what is larger is none of them."""

MAX_ROWS = 500_000
"""Fifty times the rows of the largest published table."""

_KINDS = {
    "rows": {"image_id", "dx"},
    "groupings": {"image", "lesion_id", "diagnosis_confirm_type"},
    "ratings": {"image_id", "interaction_modality"},
}
_LINE_ENDS = "other line ends"


class NotATableError(Exception):
    """These bytes are none of the published tables, or cannot be read as one."""


def kind_of(head: bytes, record: Record) -> str | None:
    """The form that a file's first line announces: ``rows``, ``onehot``, ``groupings``, ``ratings`` or ``None``."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].split(b"\r", 1)[0]
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    names = {name.strip().strip('"') for name in text.split(delimiter_of(text))}
    return next((kind for kind in ("onehot", *_KINDS) if _needed(kind, record) <= names), None)


def read(data: bytes, record: Record) -> Table:
    """The table in some bytes, held against the record's forms; `NotATableError` where it is none of them."""
    text, spelling = decoded(data)
    kind = kind_of(data[: 1 << 16], record)
    if kind is None:
        raise NotATableError("its first line names no table of this record")
    if kind == "ratings":
        form = next((f for f in record.forms() if f.form == kind), None)
        if form is None:
            raise NotATableError("the record has no table of ratings")
        return Table(form, (), vouched=False)
    if text.count("\n") > MAX_ROWS:
        raise NotATableError(f"it has more than {MAX_ROWS} rows; no published table has")
    delimiter = delimiter_of(text[: text.find("\n") + 1 or None])
    # Line by line, from bytes: Python's own buffer for text takes four of them a letter.
    source = io.BytesIO(text.encode())
    del text
    lines = csv.reader(io.TextIOWrapper(source, "utf-8", newline="\n"), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(lines)]
        if not (_needed(kind, record) <= set(header)):
            raise NotATableError("its first line names no table of this record")
        reader = Reader(record, kind, header)
        rows = tuple(reader.row(number, line) for number, line in enumerate(filter(None, lines), 2))
    except csv.Error as error:
        raise NotATableError(f"it cannot be read as a table: {error}") from error
    if delimiter != ",":
        spelling.append("tabs for commas" if delimiter == "\t" else f"{delimiter!r} for commas")
    return _held(reader, rows, spelling)


def _held(reader: Reader, rows: tuple[Row, ...], spelling: list[str]) -> Table:
    form = _nearest(reader, rows)
    odd = [s for s in spelling + reader.spelling if not (s == _LINE_ENDS and form.newline != "\n")]
    found = Table(form, rows, refused=tuple(reader.refused), spelling=tuple(odd))
    if not reader.refused and not reader.altered and tuple(reader.header) == form.columns and _same(found, reader.record):
        return found
    if form.md5 is None and form.columns_sha256 is None:
        return replace(found, vouched=False)
    return replace(found, differences=tuple(differences(found, reader)) or ("its bytes are not the published ones",))


def _same(table: Table, record: Record) -> bool:
    if table.form.md5 is not None:
        return digest(table.rows, table.form, record) == table.form.md5
    return bool(table.form.columns_sha256) and not altered_columns(table) and len(table.rows) == table.form.rows


def _nearest(reader: Reader, rows: Sequence[Row]) -> TableForm:
    roles = {reader.record.partition_of(row["image_id"]) for row in rows if row["image_id"]}
    partition = next((p for p in ("train", "validation") if p in roles), "test" if roles else "train")
    forms = [f for f in reader.record.forms(partition) if f.form == reader.kind]
    if not forms:
        raise NotATableError(f"the record has no such table for the {partition} images")
    return next((f for f in forms if set(f.columns) == set(reader.header)), forms[0])


def _needed(kind: str, record: Record) -> set[str]:
    return _KINDS.get(kind) or {"image", *record.challenge_order}


def decoded(data: bytes) -> tuple[str, list[str]]:
    """A table's text with a line feed at every line's end, and how else it is written; `NotATableError` for what is no text."""
    if len(data) > MAX_BYTES:
        raise NotATableError(f"it has more than {MAX_BYTES} bytes; no published table has")
    spelling = []
    if data.startswith(b"\xef\xbb\xbf"):
        spelling.append("a byte order mark")
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotATableError(f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        raise NotATableError(f"a NUL byte stands at {text.index(chr(0))}")
    if "\r" in text:
        spelling.append(_LINE_ENDS)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, spelling


def delimiter_of(line: str) -> str:
    """What stands between the names of a first line: a comma, tab or semicolon."""
    return max(",", "\t", ";", key=line.count)
