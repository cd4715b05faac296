"""Colours of images: exact channel means and standard deviations, brightness and contrast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ham_cli import images
from ham_cli.manifest import schemas
from ham_cli.summary.grouping import grouped
from ham_cli.summary.measuring import Kind, Measuring
from ham_cli.summary.reading import image_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ham_cli.dataset import Dataset
    from ham_cli.pool import Workers
    from ham_cli.summary.grouping import Values

Row = dict[str, Any]

CHANNELS = ("red", "green", "blue")

WHITE = 255
"""The brightest value of a channel, which is 1 in every mean and standard deviation here."""

DEFINITION = (
    "RGB, 0 to 1, native size; pooled: over all pixels, sd divided by their number",
    "brightness, contrast: means over images of mean and sd of L (ITU-R 601 luma)",
)


@dataclass(frozen=True)
class Colours:
    """What the images of one kind in one part have of each channel, red, green and blue; 0 to 1."""

    values: Values
    """Columns with what stands in them; ``None`` is a blank."""
    part: str
    """The partition, part or fold; empty where all of them are one."""
    images: int
    pixels: int
    mean: tuple[float, ...]
    """Over all pixels."""
    sd: tuple[float, ...]
    """Pooled: over all pixels, divided by their number."""
    image_mean: tuple[float, ...]
    """The mean of the images' own means: another number where images differ in size."""
    image_sd: tuple[float, ...]
    """The mean of the images' own standard deviations: smaller, as it knows nothing of how images differ."""
    brightness: float
    """The mean over the images of their mean of L."""
    contrast: float
    """The mean over the images of their standard deviation of L."""

    def fields(self) -> dict[str, Any]:
        """The colours as ``--json`` shows them."""
        own = {n: getattr(self, n) for n in ("images", "pixels", "mean", "sd", "image_mean", "image_sd", "brightness", "contrast")}
        return {**dict(self.values), "part": self.part, **own}


def measuring(dataset: Dataset, jobs: int | Workers) -> Measuring:
    """The measurement of every image of a data set that is here: rows of `schemas.PIXELS`."""
    return Measuring(Kind("pixels", schemas.PIXELS, "path", image_of, "sha256", "image", None, measure), dataset, jobs)


def measure(data: bytes) -> Row:
    """The sums, means and standard deviations of one image's channels; raises `images.NotAnImageError`."""
    (width, height), counts = images.histogram(data)
    *bands, grey = _sums(counts)
    row: Row = {"width": width, "height": height}
    count = width * height
    for channel, (total, square) in zip(CHANNELS, bands, strict=True):
        row[f"{channel}_sum"], row[f"{channel}_squares"] = total, square
        row[f"{channel}_mean"], row[f"{channel}_sd"] = _moments(count, total, square)
    row["brightness"], row["contrast"] = _moments(count, *grey)
    return row


def _sums(counts: list[int]) -> list[list[int]]:
    """The sum of the values and of their squares in each of several histograms, one after the other in ``counts``."""
    import numpy as np

    histograms = np.fromiter(counts, np.int64, len(counts)).reshape(-1, WHITE + 1)
    found: list[list[int]] = (histograms @ _powers()).tolist()
    return found


@cache
def _powers() -> NDArray[np.int64]:
    """Each value of a channel and its square; made once, as it is needed for each of ten thousand images."""
    import numpy as np

    values = np.arange(WHITE + 1, dtype=np.int64)
    return np.stack([values, values * values], axis=1)


def colours(dataset: Dataset, rows: Iterable[Row], by: Sequence[str], part: str | None) -> list[Colours]:
    """The colours of each combination of values that occurs, and of each part it occurs in; as `grouping.grouped` sorts them."""
    return [_pooled(values, name, found) for values, name, found in grouped(dataset, rows, by, part)]


def _pooled(values: Values, part: str, rows: Sequence[Row]) -> Colours:
    means = [pooled(rows, channel) for channel in CHANNELS]
    return Colours(
        values,
        part,
        len(rows),
        sum(row["width"] * row["height"] for row in rows),
        tuple(mean for mean, _ in means),
        tuple(sd for _, sd in means),
        tuple(_mean(row[f"{c}_mean"] for row in rows) for c in CHANNELS),
        tuple(_mean(row[f"{c}_sd"] for row in rows) for c in CHANNELS),
        _mean(row["brightness"] for row in rows),
        _mean(row["contrast"] for row in rows),
    )


def pooled(rows: Sequence[Row], channel: str) -> tuple[float, float]:
    """Mean and standard deviation of a channel over all pixels of some images, 0 to 1; rows of `schemas.PIXELS`."""
    count = sum(row["width"] * row["height"] for row in rows)
    return _moments(count, sum(row[f"{channel}_sum"] for row in rows), sum(row[f"{channel}_squares"] for row in rows))


def _moments(count: int, total: int, squares: int) -> tuple[float, float]:
    """Mean and standard deviation, 0 to 1, of so many whole values; exact up to the last rounding."""
    # Whole numbers until the one division: the difference of two large floating point numbers is no variance.
    return total / (count * WHITE), math.sqrt((count * squares - total * total) / (count * WHITE) ** 2)


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return math.fsum(found) / len(found)
