"""The published tables into the cache: the best of each partition, and the rows they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli import atomic, tables
from ham_cli.archives import BadArchiveError
from ham_cli.checksum import md5, sha256
from ham_cli.findings import Finding, Note, Verdict
from ham_cli.offers import recognise

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.offers import Offers, Origin, Place
    from ham_cli.record import Record, TableForm
    from ham_cli.tables import Row, Table


@dataclass(frozen=True)
class Offered:
    """A table that a source offers."""

    place: Place
    data: bytes
    table: Table
    origin: Origin


@dataclass
class Readings:
    """What the offered tables are."""

    offered: list[Offered] = field(default_factory=list)
    components: set[str] = field(default_factory=set)
    """Those of which a table is offered, also one that the cache has already."""
    findings: list[Finding] = field(default_factory=list)


def read(offers: Offers, state: Holdings) -> Readings:
    """Read every offered table that is not the very one the cache has."""
    held = {row["md5"]: row["component"] for row in state.files.values() if row["path"] and state.has_table(row["component"])}
    readings = Readings()
    for place in offers.tables:
        try:
            data = place.head(tables.MAX_BYTES + 1)
            if (known := md5(data)) in held:
                readings.components.add(held[known])
                continue
            offered = Offered(place, data, tables.read(data, state.record), offers.origin(place.file))
        except (tables.NotATableError, BadArchiveError, OSError) as error:
            form = _form_of_name(place, state.record)
            if form is None and isinstance(error, tables.NotATableError):
                offers.ignored.append(f"{place.label}: {error}")
            else:
                component = form.component if form else "metadata"
                readings.findings.append(Finding(component, place.label, Verdict.UNREADABLE, detail=str(error)))
            continue
        readings.offered.append(offered)
        readings.components.add(offered.table.form.component)
    return readings


def shelve(readings: Readings, state: Holdings, wanted: Container[str], now: object, *, accept_altered: bool) -> Iterator[Event]:
    """Take the tables of the wanted components that are better than the cache's; yield what is odd about them."""
    mine = [o for o in readings.offered if o.table.form.component in wanted]
    right = {o.table.form.partition for o in mine if not o.table.differences and not o.table.refused}
    right |= {partition for partition, table in state.tables.items() if not table["altered"]}
    good: list[Offered] = []
    for offered in mine:
        table = offered.table
        if (table.differences or table.refused) and table.form.partition in right and not _form_of_name(offered.place, state.record):
            # Somebody's own table of the same images, a split or predictions, beside the published one: no fault.
            yield Note(f"ignored: {offered.place.label}, a table of its own of the {table.form.partition} images")
            continue
        yield from _judged(offered, accepted=accept_altered)
        if not table.refused and (accept_altered or not table.differences):
            good.append(offered)
    for partition in state.record.partitions:
        yield from _best(partition, [o for o in good if o.table.form.partition == partition], state, now)


def _form_of_name(place: Place, record: Record) -> TableForm | None:
    return recognise.table_of(place.label.rpartition("/")[2], record)


def _judged(offered: Offered, *, accepted: bool) -> Iterator[Event]:
    table, label = offered.table, offered.place.label
    if table.refused:
        detail = "; ".join([*table.refused[:3], *([f"and {len(table.refused) - 3} more"] if len(table.refused) > 3 else [])])  # noqa: PLR2004
        yield Finding(table.form.component, label, Verdict.WRONG, expected=table.form.md5, got=md5(offered.data), detail=detail)
    elif table.differences:
        detail = "; ".join(table.differences)
        finding = Finding(table.form.component, label, Verdict.ALTERED, expected=table.form.md5, got=md5(offered.data), detail=detail)
        yield Note(f"{label}: altered, and accepted: {detail}", "warning") if accepted else finding
    else:
        written = f", written with {', '.join(table.spelling)}" if table.spelling else ""
        note = f": {table.form.note}" if table.form.note else ""
        what = f"the published {table.form.name}" if table.vouched else f"{table.form.name}, which no published digest vouches for"
        odd = table.spelling or (table.form.form == "rows" and table.form.note)
        yield Note(f"{label} is {what}{written}{note}", "said" if odd else "detail")


def _best(partition: str, offered: list[Offered], state: Holdings, now: object) -> Iterator[Event]:
    """The best offer becomes the partition's table, unless the cache has as good a one."""
    facts = [o for o in offered if o.table.form.form in {"rows", "onehot"}]
    others = [o for o in offered if o not in facts]
    current = state.tables.get(partition)
    best = max(facts, key=lambda o: _worth(o.table.form.columns, o.table.differences), default=None)
    if best and (
        current is None or _worth(best.table.form.columns, best.table.differences) > _worth(current["columns"], current["altered"])
    ):
        name = _store(best, state, now)
        described = {"file": name, "columns": list(best.table.form.columns), "altered": list(best.table.differences)}
        state.describe_table(partition, described)
        state.replace_rows(partition, ({**row, "row": place} for place, row in enumerate(best.table.rows)))
    for other in others:
        if other.table.form.form == "groupings":
            yield from _compared(other, state)
        _store(other, state, now)


def _worth(columns: list[str] | tuple[str, ...], differences: object) -> tuple[bool, bool, int]:
    # The published one before an altered one, a column a fact before one-hot, then the one with more columns.
    return not differences, "dx" in columns, len(columns)


def _compared(offered: Offered, state: Holdings) -> Iterator[Event]:
    """The lesion groupings beside the rows: they fill what is unknown, and must not say otherwise."""
    different = []
    for row in offered.table.rows:
        mine = state.rows.get(row["image_id"])
        if mine is None:
            continue
        if mine["lesion_id"] is None and mine["dx_type"] is None:
            state.note(row["image_id"], {"lesion_id": row["lesion_id"], "dx_type": row["dx_type"]})
        elif (mine["lesion_id"], mine["dx_type"]) != (row["lesion_id"], row["dx_type"]):
            different.append(row["image_id"])
    if different:
        detail = f"lesion or ground truth differ from the metadata for {len(different)} images, first {different[0]}"
        yield Finding("metadata", offered.place.label, Verdict.ALTERED, detail=detail)


def _store(offered: Offered, state: Holdings, now: object) -> str:
    """Keep a table as it was received, and its row of ``files.parquet``; the row's name."""
    form, record = offered.table.form, state.record
    published = next((f for f in record.published(form.component) if f.kind == "table" and f.received_name == form.name), None)
    if published is None and form.form == "rows":
        published = next(f for f in record.published(form.component) if f.kind == "table")
    name = published.name if published else form.name
    path = state.folder.tables / _kept_name(offered, published.received_name if published else form.name)
    old = state.files.get((form.component, name))
    if old and old["path"] and old["path"] != state.folder.relative(path):
        (state.folder.path / old["path"]).unlink(missing_ok=True)
    atomic.write(path, offered.data)
    row: Row = state.blank_file(form.component, name)
    row.update(bytes=len(offered.data), md5=md5(offered.data), sha256=sha256(offered.data), state="have")
    if listed := offered.origin.listed:
        row.update(expected_bytes=listed.bytes, expected_md5=listed.md5, expected_from="listing")
    row.update(source=offered.origin.source, url=offered.origin.url, path=state.folder.relative(path), fetched=now)
    state.put_file(row)
    return name


def _kept_name(offered: Offered, name: str) -> str:
    # The server's own tab-separated form must not stand under the original's name.
    first = offered.data[: offered.data.find(b"\n") + 1 or None]
    return f"{name.removesuffix('.csv')}.tab" if b"\t" in first else name
