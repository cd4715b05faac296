"""``csv``: the published tables byte for byte, or one table of everything where a split or less is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.errors import UnavailableError
from ham_cli.exporters.format import Format
from ham_cli.exporters.parcel import Item, Parcel, given, papers
from ham_cli.layout import as_csv

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset
    from ham_cli.exporters.wish import Wish
    from ham_cli.record import TableForm


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """The tables of a data set; needs no image."""
    if not wish.plain:
        whole = sum(counts.images for counts in dataset.record.partitions.values())
        rows = "a part of the rows of" if len(dataset.rows) < whole else "the rows of"
        changed = f"The table in this folder has {rows} the published ones, with columns added: groups, files, split and fold."
        papered = papers(dataset, "\n".join([changed, *dataset.altered]))
        return Parcel("csv", dataset.record.id, (_whole(dataset), *papered), wish.fields(), notes=tuple(dataset.altered))
    altered = dataset.altered
    named = {row["image_id"] for row in dataset.rows}
    planted = [reason for image_id, reason in dataset.record.not_in_record.items() if image_id in named]
    changed = "\n".join(altered or ["The tables in this folder are as published; nothing was changed."])
    items = [_published(dataset, partition) for partition in dataset.tables]
    return Parcel("csv", dataset.record.id, (*items, *papers(dataset, changed)), wish.fields(), notes=(*planted, *altered))


def _published(dataset: Dataset, partition: str) -> Item:
    """A partition's table in the form it was received in."""
    from ham_cli import tables

    described = dataset.tables[partition]
    forms = dataset.record.forms(partition)
    form: TableForm | None = next((form for form in forms if list(form.columns) == described["columns"]), None)
    if form is None:
        fix = "ham fetch metadata with a --source that has the published table; or ask for a --split or --partition"
        raise UnavailableError("this table has no published form", where=described["file"], got=", ".join(described["columns"]), fix=fix)
    return given(form.name, tables.write(tables.in_order(dataset.rows, form), form, dataset.record))


def _whole(dataset: Dataset) -> Item:
    from ham_cli.dataset import ADDED
    from ham_cli.manifest import schemas

    columns = [*(column.name for column in schemas.IMAGES.columns), *ADDED]
    return given(f"{dataset.record.name}.csv", as_csv(columns, dataset.rows))


FORMAT = Format(
    "csv",
    """Write the published tables, byte for byte; needs no image.

    With a split, or for less than everything: one table with all columns, split and fold.
    """,
    (
        "ham export csv tables",
        "ham export csv joined --split r70-15-15-s0",
        "ham export csv melanoma --only dx=mel",
    ),
    (),
    plan,
)
