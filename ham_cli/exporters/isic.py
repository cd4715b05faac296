"""``isic``: the files of the ISIC 2018 challenge's task 3: truth, images, and a table to fill in with predictions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ham_cli.errors import UnavailableError
from ham_cli.exporters import single
from ham_cli.exporters.format import PICTURES, Format
from ham_cli.exporters.gathering import Gathered, gathered
from ham_cli.exporters.parcel import given, lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Item, Parcel
    from ham_cli.exporters.wish import Wish
    from ham_cli.record import Record

Row = dict[str, Any]

PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
"""What the challenge calls a part."""

TEMPLATE = "submission_template.csv"

_FILL_IN = f"{TEMPLATE}: put your model's seven values in the place of its zeros; as it is every row is a tie, and scores 0"


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """Truth and images of each part; needs no image, and raises as `gathered` does for folds of which none is held out."""
    found = _gathered(dataset, wish)
    column = "split" if dataset.joined else "partition"
    items = [
        single.image(f"{_stem(sample.split)}_Input/{sample.image_id}.{wish.rendering.suffix}", sample, wish.rendering)
        for sample in found.samples
    ]
    notes = []
    for part in PARTS:
        rows = [row for row in dataset.rows if row[column] == part]
        if rows:
            items += _tables(part, rows, dataset.record)
    if any(item.file == TEMPLATE for item in items):
        notes.append(_FILL_IN)
    added = "The truth has the form of the challenge, ISIC 2018 task 3: a column a class, 1.0 in that of the diagnosis."
    parcel = found.parcel("isic", items, added=added)
    return replace(parcel, notes=(*parcel.notes, *notes, *_shorter(dataset)))


def _gathered(dataset: Dataset, wish: Wish) -> Gathered:
    """The images that are in the cache, also where none is: the truth is of use without them.

    A class that a part lacks has its column there all the same, so no other one's number changes.
    """
    wish = replace(wish, allow_missing_classes=True)
    try:
        return replace(gathered(dataset, wish), classes=wish.classes(dataset.record))
    except UnavailableError:
        missing = tuple(row["image_id"] for row in dataset.rows if row["in_record"])
        return Gathered(dataset, wish, (), wish.classes(dataset.record), missing)


def _tables(part: str, rows: Sequence[Row], record: Record) -> list[Item]:
    """A part's truth in the order of image ids; with it lesions of what is trained on, and what is to be filled in for a test."""
    classes = record.challenge_order
    truth = {row["image_id"]: [str(float(row["dx"] == name.lower())) for name in classes] for row in rows}
    items = [given(f"{_stem(part)}_GroundTruth.csv", _table(truth, classes))]
    if part == "test":
        items.append(given(TEMPLATE, _table({image_id: ["0.0"] * len(classes) for image_id in truth}, classes)))
    form = next((form for form in record.forms("train") if form.form == "groupings"), None)
    if part == "train" and form and all(row["lesion_id"] and row["dx_type"] for row in rows):
        from ham_cli import tables

        items.append(given(f"{_stem(part)}_LesionGroupings.csv", tables.write(rows, form, record)))
    return items


def _table(values: dict[str, list[str]], classes: Sequence[str]) -> bytes:
    return lines(",".join(row) for row in (["image", *classes], *([image_id, *some] for image_id, some in values.items())))


def _stem(part: str) -> str:
    return f"ISIC2018_Task3_{PARTS[part]}"


def _shorter(dataset: Dataset) -> list[str]:
    """A sentence where a split's test is the published one, but for the image that the record has not."""
    test = [row for row in dataset.rows if row["split"] == "test"]
    planted = dataset.record.not_in_record
    counts = dataset.record.partitions.get("test")
    if not (dataset.joined and planted and counts and len(test) == counts.images and all(row["partition"] == "test" for row in test)):
        return []
    return [f"the challenge's own test truth also has {', '.join(planted)}, which no split has: export with --partition test to have it"]


FORMAT = Format(
    "isic",
    """Write the files of ISIC 2018 task 3: DEST/ISIC2018_Task3_Test_GroundTruth.csv and so on; its scorer reads them.

    Each part has its truth (image,MEL,NV,BCC,AKIEC,BKL,DF,VASC) and a folder of images, ISIC2018_Task3_Test_Input; the
    training part has its lesions beside, the test part submission_template.csv, to be filled in. Without a split the
    published partitions are the parts, and their files the challenge's own, byte for byte. The truth needs no image.
    """,
    (
        "ham export isic challenge",
        "ham export isic truth --partition test --allow-partial",
        "ham export isic mine --split r70-15-15-s0",
    ),
    ("link", *PICTURES, "allow_partial", "jobs", "dask"),
    plan,
)
