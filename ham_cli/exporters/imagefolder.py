"""``imagefolder``: a folder a part, in it a folder a class; torchvision, timm, Keras and Ultralytics read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ham_cli.errors import RecordError, UnavailableError, WrongUsageError
from ham_cli.exporters.parcel import FOLDERS, Item, Parcel, as_json, lines, made, papers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Wish

Row = dict[str, Any]


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """The images of a data set by part and class, without a split by their published partitions.

    Raises `WrongUsageError` for folds of which none is held out, `UnavailableError` where no image is in the cache,
    and `RecordError` where a part lacks a class.
    """
    column = "split" if dataset.joined else "partition"
    rows = [row for row in dataset.rows if row["in_record"]]
    if any(row[column] is None for row in rows):
        raise WrongUsageError("this split has folds, and a folder of images has parts", fix="name the fold that is held out: --fold 0")
    here = [row for row in rows if row["path"] is not None]
    if not here:
        raise UnavailableError("none of these images is in the cache", where=dataset.folder.path, fix="ham fetch images")
    if not wish.allow_missing_classes:
        _require_classes(rows, column, wish.classes)
    items = [_item(dataset, row, column) for row in here]
    classes = [dx for dx in dataset.record.classes if any(row["dx"] == dx for row in here)]
    items += [made("classes.txt", lines(classes)), made("class_to_idx.json", as_json({name: n for n, name in enumerate(classes)}))]
    subset = len(here) < sum(counts.images for counts in dataset.record.partitions.values())
    changed = f"The images in this folder are as published, byte for byte{', and a part of them' if subset else ''}; sorted into folders."
    changed = "\n".join([changed, *dataset.altered])
    planted = [dataset.record.not_in_record[row["image_id"]] for row in dataset.rows if not row["in_record"]]
    missing = tuple(row["image_id"] for row in rows if row["path"] is None)
    notes = (*planted, *dataset.altered)
    return Parcel("imagefolder", dataset.record.id, (*items, *papers(dataset, changed)), wish.fields(), missing, notes)


def _item(dataset: Dataset, row: Row, column: str) -> Item:
    image_id, dx, part = row["image_id"], row["dx"], row[column]
    file = f"{FOLDERS[part]}/{dx}/{image_id}.jpg"
    return Item(file, row["bytes"], row["sha256"], dataset.path(image_id), image_id=image_id, split=part, label=dx)


def _require_classes(rows: Sequence[Row], column: str, classes: Sequence[str]) -> None:
    for part in dict.fromkeys(row[column] for row in rows):
        mine = [row for row in rows if row[column] == part]
        lacking = set(classes).difference(row["dx"] for row in mine if row["path"] is not None)
        if lacking:
            absent = sorted(lacking.intersection(row["dx"] for row in mine))
            none = sorted(lacking.difference(absent))
            got = [f"of {', '.join(absent)} no image is in the cache"] if absent else []
            got += [f"the part has no {', '.join(none)}"] if none else []
            raise RecordError(
                f"{part} would lack some classes: what reads the folders would number the others differently",
                expected=", ".join(classes),
                got="; ".join(got),
                fix=f"{'fetch more images' if absent else 'take another split'}, or say --allow-missing-classes",
            )
