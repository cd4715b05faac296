"""The published tables as values, and written back to the byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ham_cli.record import Record, TableForm

Row = dict[str, Any]

FACTS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
"""The columns a row may have, in published order. A fact that a table has not, or leaves blank, is ``None``."""


@dataclass(frozen=True)
class Table:
    """One table as somebody holds it."""

    form: TableForm
    """The published form it comes nearest to."""
    rows: tuple[Row, ...]
    """In the file's order, a fact a key (see `FACTS`)."""
    differences: tuple[str, ...] = ()
    """What differs from the published table, a phrase each; empty for the published one."""
    refused: tuple[str, ...] = ()
    """Cells that are not let in whatever is asked for, a phrase each."""
    spelling: tuple[str, ...] = ()
    """Differences in how it is written that change no value: line ends, a byte order mark, delimiters."""
    vouched: bool = True
    """Whether a published digest says it is right; False for a table that has none."""


def write(rows: Iterable[Row], form: TableForm, record: Record) -> bytes:
    """The rows in published form, to the byte; they must be in published order."""
    return b"".join(_written(rows, form, record))


def _written(rows: Iterable[Row], form: TableForm, record: Record) -> Iterator[bytes]:
    """The rows in published form, line by line."""
    line_of = _LINES[form.form]
    yield ",".join(form.columns).encode()
    for row in rows:
        yield (form.newline + line_of(row, form, record)).encode()
    if form.final_newline:
        yield form.newline.encode()


def in_order(rows: Iterable[Row], form: TableForm) -> list[Row]:
    """The rows of one published table among those of the images' manifest, in published order."""
    mine = (r for r in rows if r["partition"] == form.partition and r["row"] is not None)
    return sorted(mine, key=lambda row: row["row"])


def digest(rows: Iterable[Row], form: TableForm, record: Record) -> str:
    """The MD5 of the rows in published form; the whole of it never lies in memory."""
    found = hashlib.md5(usedforsecurity=False)
    for line in _written(rows, form, record):
        found.update(line)
    return found.hexdigest()


def cell_of(value: object) -> str:
    """How a fact is written: a blank for what is not known."""
    return "" if value is None else str(value)


def _rows_line(row: Row, form: TableForm, _record: Record) -> str:
    return ",".join([cell_of(row[column]) for column in form.columns])


def _onehot_line(row: Row, form: TableForm, _record: Record) -> str:
    return ",".join([row["image_id"], *("1.0" if row["dx"] == c.lower() else "0.0" for c in form.columns[1:])])


def _groupings_line(row: Row, _form: TableForm, record: Record) -> str:
    words = {short: long for long, short in record.confirm_types.items()}
    return f"{row['image_id']},{cell_of(row['lesion_id'])},{words.get(row['dx_type'], '')}"


_LINES: dict[str, Callable[[Row, TableForm, Record], str]] = {
    "rows": _rows_line,
    "onehot": _onehot_line,
    "groupings": _groupings_line,
}
