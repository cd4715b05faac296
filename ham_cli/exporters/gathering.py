"""The images of an export: those that are here, with their classes, and what is to be said of those that are not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ham_cli.errors import RecordError, UnavailableError, WrongUsageError
from ham_cli.exporters.parcel import Parcel, Sample, papers
from ham_cli.findings import counted
from ham_cli.kept import File

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Item
    from ham_cli.exporters.wish import Wish

Row = dict[str, Any]

FACTS = ("lesion_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
"""What is told of an image beside its class: columns of ``images.parquet``."""


@dataclass(frozen=True)
class Gathered:
    """The images of an export."""

    dataset: Dataset
    wish: Wish
    samples: tuple[Sample, ...]
    """Those in the cache, in the order of image ids."""
    classes: tuple[str, ...]
    """In the order of their numbers."""
    missing: tuple[str, ...]
    """Image ids, and names of masks, that are not in the cache."""

    @cached_property
    def parts(self) -> dict[str, tuple[Sample, ...]]:
        """The samples of each part that has any: train, validation, test."""
        found: dict[str, list[Sample]] = {}
        for sample in self.samples:
            found.setdefault(sample.split, []).append(sample)
        return {part: tuple(found[part]) for part in ("train", "validation", "test") if part in found}

    def changes(self, added: str = "") -> list[str]:
        """What is not as published in them, as the licence wants it said, a sentence each; ``added`` is the format's own."""
        dataset, rendering = self.dataset, self.wish.rendering
        subset = len(self.samples) < sum(counts.images for counts in dataset.record.partitions.values())
        part = "a part of the published ones, " if subset else ""
        changed = [f"The images in this folder are {part}{rendering.words}."] if self.samples else []
        if self.wish.masks:
            changed.append("The masks went the way of their images." if rendering.size else "The masks are as published.")
        if self.wish.grouping:
            inside = ", ".join(dataset.record.groupings[self.wish.grouping]["dx"])
            changed.append(f"The classes are sides of the grouping {self.wish.grouping}, which is {inside}, against all others.")
        return [*changed, *([added] if added else []), *dataset.altered]

    def parcel(
        self, name: str, items: Sequence[Item], *, added: str = "", made_with: str | None = None, shaped_by: Sequence[str] = ()
    ) -> Parcel:
        """The export of these images as a format's files; the papers that belong to it are put beside them.

        ``added`` says for the attribution what the format made of them, ``made_with`` names the libraries whose version
        shapes its bytes, ``shaped_by`` the further fields of the wish that do.
        """
        dataset, rendering = self.dataset, self.wish.rendering
        versions = [_decoder()] if not rendering.untouched or (self.wish.masks and rendering.size) else []
        libraries = ", ".join([*versions, *([made_with] if made_with else [])]) or None
        planted = [dataset.record.not_in_record[row["image_id"]] for row in dataset.rows if not row["in_record"]]
        return Parcel(
            name,
            dataset.record.id,
            (*items, *papers(dataset, "\n".join(self.changes(added)))),
            self.wish.fields(*shaped_by),
            self.missing,
            (*self._renumbered(), *planted, *dataset.altered),
            libraries,
            len(self.samples),
        )

    def _renumbered(self) -> list[str]:
        """What is said where classes are lacking that were asked for: those after them have other numbers."""
        lacking = [name for name in self.wish.classes(self.dataset.record) if name not in self.classes]
        if not lacking or not self.classes:
            return []
        numbers = ", ".join(f"{name} {number}" for number, name in enumerate(self.classes))
        return [f"no image of {', '.join(lacking)}: the classes are numbered without, {numbers}; another export may number them otherwise"]


def gathered(dataset: Dataset, wish: Wish, *, masked: bool = False) -> Gathered:
    """The images of a data set by part and class, without a split by their published partitions.

    ``masked``: those alone that have a mask. Raises `WrongUsageError` for folds of which none is held out and where
    no image has a mask, `UnavailableError` where none is in the cache, and `RecordError` where a part lacks a class.
    """
    column = "split" if dataset.joined else "partition"
    rows = [row for row in dataset.rows if row["in_record"] and (not masked or has_mask(row))]
    if masked and not rows:
        fix = "choose training images: --partition train, or a split of them"
        raise WrongUsageError("no masks of these images are published, and this format is made of them", fix=fix)
    if any(row[column] is None for row in rows):
        raise WrongUsageError("this split has folds, and an export of images has parts", fix="name the fold that is held out: --fold 0")
    here = [row for row in rows if row["path"] is not None and not (masked and row["mask_path"] is None)]
    if not here:
        what, fix = (" with its mask", "ham fetch images masks") if masked else ("", "ham fetch images")
        raise UnavailableError(f"none of these images is in the cache{what}", where=dataset.folder.path, fix=fix)
    classes = wish.classes(dataset.record)
    labels = {dx: wish.label(dx, dataset.record) for dx in dataset.record.classes}
    if wish.allow_missing_classes:
        found = {labels[row["dx"]] for row in here}
        classes = tuple(name for name in classes if name in found)
    else:
        _require_classes(rows, here, column, classes, labels)
    labelled = {dx: (label, classes.index(label)) for dx, label in labels.items() if label in classes}
    samples = tuple(_sample(dataset, row, row[column], labelled[row["dx"]], masks=wish.masks) for row in here)
    missing = [row["image_id"] for row in rows if row["path"] is None]
    if wish.masks:
        missing += [f"{row['image_id']}_segmentation" for row in rows if has_mask(row) and row["mask_path"] is None]
    return Gathered(dataset, wish, samples, classes, tuple(missing))


def has_mask(row: Row) -> bool:
    """Whether an image has a mask: training images do, whether or not it is in the cache."""
    return row["partition"] == "train" or row["mask_path"] is not None


def _decoder() -> str:
    from ham_cli import images

    return images.decoder()


def _sample(dataset: Dataset, row: Row, part: str, labelled: tuple[str, int], *, masks: bool) -> Sample:
    root = str(dataset.folder.path)
    image = File(f"{root}/{row['path']}", row["bytes"], row["sha256"])
    mask = None
    if masks and row["mask_path"] is not None:
        mask = File(f"{root}/{row['mask_path']}", row["mask_bytes"], row["mask_sha256"])
    facts = {name: row[name] for name in FACTS}
    return Sample(row["image_id"], part, *labelled, image, row["width"], row["height"], mask, facts)


def _require_classes(rows: Sequence[Row], here: Sequence[Row], column: str, classes: Sequence[str], labels: dict[str, str]) -> None:
    for part in dict.fromkeys(row[column] for row in rows):
        mine = [row for row in rows if row[column] == part]
        lacking = set(classes).difference(labels[row["dx"]] for row in here if row[column] == part)
        if lacking:
            absent = sorted(lacking.intersection(labels[row["dx"]] for row in mine))
            none = sorted(lacking.difference(absent))
            bare = any(row["path"] is not None and labels[row["dx"]] in absent for row in mine)
            got = [f"of {', '.join(absent)} no image is in the cache{' with its mask' if bare else ''}"] if absent else []
            more = f"fetch more {'masks' if bare else 'images'}"
            got += [f"the part has no {', '.join(none)}"] if none else []
            raise RecordError(
                f"{part} would lack some classes: what reads it would number the others differently",
                expected=", ".join(classes),
                got="; ".join(got),
                fix=f"{more if absent else 'take another split'}, or say --allow-missing-classes",
            )


def left_out(parcel: Parcel) -> str:
    """What is not in the cache, in words: ``9919 images, such as ISIC_0024307``."""
    few = ", ".join(parcel.missing[:3])
    masks = sum(1 for name in parcel.missing if name.endswith("_segmentation"))
    images = len(parcel.missing) - masks
    told = [counted(number, thing) for number, thing in ((images, "image"), (masks, "mask")) if number]
    return f"{' and '.join(told)}, such as {few}"
