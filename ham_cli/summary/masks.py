"""Lesion masks: their area, where it lies, in how many pieces."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ham_cli import extras, images
from ham_cli.manifest import schemas
from ham_cli.summary.grouping import grouped
from ham_cli.summary.measuring import Kind, Measuring
from ham_cli.summary.reading import mask_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.pool import Workers
    from ham_cli.summary.grouping import Values

Row = dict[str, Any]

DEFINITION = (
    "lesion: grey over 127; area: its share of the frame; quartiles are linear between ranks",
    "pieces: masks of several components, pixels that meet at a corner being connected; border: masks that reach it",
)

WORDS = {"full": "the lesion fills the frame", "empty": "no lesion in the mask"}
"""What a full and an empty mask are, to name them."""


@dataclass(frozen=True)
class Areas:
    """What the masks of one kind in one part have."""

    values: Values
    """Columns with what stands in them; ``None`` is a blank."""
    part: str
    """The part of a split, or fold; empty where all of them are one."""
    masks: int
    mean: float
    """Of the shares of the frame that are lesion, 0 to 1."""
    quartiles: tuple[float, float, float]
    """Of these shares: a quarter, half and three quarters of the masks have less."""
    several: int
    """Masks with more than one component."""
    most: int
    """The components of the mask that has most."""
    touching: int
    """Masks whose lesion reaches the frame's border."""
    full: tuple[str, ...]
    """The images whose lesion fills the frame."""
    empty: tuple[str, ...]
    """The images whose mask has no lesion."""

    def fields(self) -> dict[str, Any]:
        """The areas as ``--json`` shows them."""
        return {**dict(self.values), **{name: value for name, value in asdict(self).items() if name != "values"}}


def measuring(dataset: Dataset, jobs: int | Workers) -> Measuring:
    """The measurement of every mask of a data set that is here: rows of `schemas.MASKS`.

    Raises `WrongUsageError` where scipy is not installed.
    """
    with extras.needed("masks", "what is told of masks"):
        import scipy.ndimage  # noqa: F401  (every worker wants it)
    return Measuring(Kind("masks", schemas.MASKS, "mask_path", mask_of, "mask_sha256", "mask", "train", measure), dataset, jobs)


def measure(data: bytes) -> Row:
    """Area, bounding box and components of one mask; raises `images.NotAnImageError`."""
    from scipy import ndimage

    mode, lesion = images.lesion(data)
    height, width = lesion.shape
    area = int(np.count_nonzero(lesion))
    labels, components = ndimage.label(lesion, structure=np.ones((3, 3)))
    columns, rows = np.flatnonzero(lesion.any(axis=0)), np.flatnonzero(lesion.any(axis=1))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if area else (None,) * 4
    return {
        "width": width,
        "height": height,
        "mode": mode,
        "area": area,
        "share": area / (width * height),
        **{side: None if place is None else int(place) for side, place in zip(("left", "top", "right", "bottom"), box, strict=True)},
        "components": int(components),
        "largest": int(np.bincount(labels.ravel())[1:].max()) if area else 0,
        "touches": bool(lesion[[0, -1]].any() or lesion[:, [0, -1]].any()),
    }


def areas(dataset: Dataset, rows: Iterable[Row], by: Sequence[str], part: str | None) -> list[Areas]:
    """The areas of each combination of values that occurs, and of each part it occurs in; as `grouping.grouped` sorts them."""
    return [_of(values, name, found) for values, name, found in grouped(dataset, rows, by, part)]


def _of(values: Values, part: str, rows: Sequence[Row]) -> Areas:
    shares = [row["share"] for row in rows]
    # Rounded: the last place may be another one on another machine.
    low, middle, high = (round(float(bound), 12) for bound in np.percentile(shares, (25, 50, 75)))
    return Areas(
        values,
        part,
        len(rows),
        math.fsum(shares) / len(shares),
        (low, middle, high),
        sum(1 for row in rows if row["components"] > 1),
        max(row["components"] for row in rows),
        sum(1 for row in rows if row["touches"]),
        tuple(row["image_id"] for row in rows if row["area"] == row["width"] * row["height"]),
        tuple(row["image_id"] for row in rows if not row["area"]),
    )
