"""The published tables in a cache: as received, as published, and the rows they gave."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ham_cli import checksum, tables
from ham_cli.findings import Finding, Verdict
from ham_cli.record import TABLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.holdings import Holdings, Row


def kept(holdings: Holdings, row: Row) -> Iterator[Finding]:
    """What is wrong with a table of the cache: gone, changed since it arrived, or not the published one."""
    try:
        data = (holdings.folder.path / row["path"]).read_bytes()
    except FileNotFoundError:
        yield Finding(row["component"], row["path"], Verdict.MISSING, expected=row["md5"])
        return
    if (got := checksum.md5(data)) != row["md5"]:
        yield Finding(row["component"], row["path"], Verdict.WRONG, expected=row["md5"], got=got, detail="MD5 when it was fetched")
        return
    if got in {form.md5 for form in holdings.record.tables}:
        return
    try:
        table = tables.read(data, holdings.record)
    except tables.NotATableError as error:
        yield Finding(row["component"], row["path"], Verdict.UNREADABLE, detail=str(error))
        return
    if table.differences:
        detail = "; ".join(table.differences)
        yield Finding(row["component"], row["path"], Verdict.ALTERED, expected=table.form.md5, got=got, detail=detail)


def rows(holdings: Holdings, component: str) -> Iterator[Finding]:
    """The manifest's rows of a table: written back as published, counted by class and lesion."""
    partition = TABLED[component]
    described = holdings.tables[partition]
    mine = [r for r in holdings.rows.values() if r["partition"] == partition]
    where = holdings.folder.relative(holdings.folder.manifest("images"))
    form = next((f for f in holdings.record.forms(partition) if list(f.columns) == described["columns"]), None)
    if form and form.md5 and not described["altered"]:
        back = tables.digest(tables.in_order(mine, form), form, holdings.record)
        if back != form.md5:
            detail = f"its rows, written back as {form.name}"
            yield Finding(component, where, Verdict.WRONG, expected=form.md5, got=back, detail=detail)
    counts = holdings.record.partitions[partition]
    inside = [r for r in mine if r["in_record"]]
    classes = Counter(r["dx"] for r in inside)
    for dx in sorted({*classes, *counts.dx}):
        count = classes[dx]
        if count != counts.dx.get(dx, 0):
            yield Finding(component, where, Verdict.WRONG, expected=f"{dx} {counts.dx.get(dx)}", got=f"{dx} {count}")
    lesions = {r["lesion_id"] for r in inside} - {None}
    if counts.lesions and lesions and len(lesions) != counts.lesions:
        yield Finding(component, where, Verdict.WRONG, expected=f"{counts.lesions} lesions", got=f"{len(lesions)} lesions")
