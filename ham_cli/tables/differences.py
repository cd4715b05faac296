"""What an altered copy of a table changed, named without holding the published one: by digests and counts."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from ham_cli.errors import quoted
from ham_cli.tables.rows import cell_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ham_cli.record import Record
    from ham_cli.tables.cells import Reader
    from ham_cli.tables.rows import Table

_SHOWN = 3
"""Names in a phrase; more are counted."""


def differences(table: Table, reader: Reader) -> Iterable[str]:
    """A phrase for each difference from the published table."""
    form, header = table.form, tuple(reader.header)
    if extra := [name or "(without a name)" for name in header if name not in form.columns]:
        yield f"columns that the published table has not: {_listed(extra)}"
    if lacking := [name for name in form.columns if name not in header]:
        yield f"columns that are not there: {_listed(lacking)}"
    if header != form.columns and set(header) == set(form.columns):
        yield "the columns stand in another order"
    yield from reader.altered
    if form.rows is not None and len(table.rows) != form.rows:
        yield f"{len(table.rows)} rows for {form.rows}"
    yield from _ids(table, reader.record)
    yield from _class_counts(table, reader.record)
    changed = [c for c in altered_columns(table) if c not in lacking]
    changed = ["image_id"] if "image_id" in changed else changed
    if changed and len(table.rows) == form.rows:
        yield f"values changed in: {_listed(changed)}"
    elif not changed and header == form.columns and not reader.altered:
        yield "the rows stand in another order"


def _ids(table: Table, record: Record) -> Iterable[str]:
    ids = [row["image_id"] for row in table.rows if row["image_id"]]
    if twice := sorted(i for i, n in Counter(ids).items() if n > 1):
        yield f"image ids named twice: {_listed(twice)}"
    if table.form.partition != "train":
        return
    known = {name.removesuffix(".jpg") for name in record.digests if name.endswith(".jpg")}
    if foreign := sorted(set(ids) - known):
        yield f"images that the record has not: {_listed(foreign)}"
    if absent := sorted(known - set(ids)):
        yield f"images that are not named: {_listed(absent)}"


def _class_counts(table: Table, record: Record) -> Iterable[str]:
    published_counts = record.partitions[table.form.partition].dx
    ids = set(record.not_in_record)
    for dx, wanted in published_counts.items():
        have = sum(1 for row in table.rows if row["dx"] == dx and row["image_id"] not in ids)
        if table.form.form != "groupings" and have != wanted:
            yield f"{dx} {have} for {wanted}"


def altered_columns(table: Table) -> list[str]:
    """The columns whose values are not the published ones, whatever the order of the rows."""
    wrong = []
    for column, published_digest in (table.form.columns_sha256 or {}).items():
        prefix = () if column == "image_id" else ("image_id",)
        lines = sorted(",".join(cell_of(row[c]) for c in (*prefix, column)) + "\n" for row in table.rows)
        if hashlib.sha256("".join(lines).encode()).hexdigest() != published_digest:
            wrong.append(column)
    return wrong


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(quoted(n) if not n.isidentifier() else n for n in names[:_SHOWN]) + more
