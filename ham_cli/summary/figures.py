"""What else people ask of the tables: ages, images per lesion, class weights, lesions of which the table says two things."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ham_cli.summary.counts import counted_rows, in_order, rows_of_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset

Row = dict[str, Any]

OF_A_LESION = ("dx", "dx_type", "age", "sex", "localization", "dataset")
"""The columns in which a lesion's images should agree."""


@dataclass(frozen=True)
class Ages:
    """The ages of one part, in years."""

    part: str
    of: str
    """``images`` or ``lesions``: a lesion counts once for each age that its images have."""
    count: int
    blank: int
    zero: int
    """Those of age 0: placeholders or infants, which is not documented."""
    mean: float | None
    """Of all that are given, 0 too; ``None`` where none is."""
    median: float | None
    sd: float | None
    """Divided by n - 1, as pandas does; ``None`` for fewer than two."""
    mean_above_0: float | None
    median_above_0: float | None
    sd_above_0: float | None


@dataclass(frozen=True)
class PerLesion:
    """How many lesions of one part have so many images in it."""

    part: str
    images: int
    lesions: int


@dataclass(frozen=True)
class Weight:
    """A class's weight in a loss: n / (k n_c), which scikit-learn calls balanced."""

    part: str
    dx: str
    images: int
    weight: float
    """By images."""
    lesions: int | None
    lesion_weight: float | None
    """By lesions, for one image a lesion; ``None`` where the record names none."""


@dataclass(frozen=True)
class Varying:
    """In how many lesions of one part a column has more than one value."""

    part: str
    column: str
    lesions: int
    images: int
    """Of these lesions."""
    such_as: tuple[str, ...]
    """Their ids, sorted."""


@dataclass(frozen=True)
class Figures:
    """All of these, of one data set."""

    ages: tuple[Ages, ...]
    per_lesion: tuple[PerLesion, ...]
    """Of parts whose images have lesions."""
    weights: tuple[Weight, ...]
    """Of the train part; empty where there is none."""
    varying: tuple[Varying, ...]


def figures(dataset: Dataset, part: str | None) -> Figures:
    """The figures of every part; ``part`` is the column of the parts, see `counts.parts_of`, or ``None`` for all as one."""
    parts = rows_of_parts(dataset, part)
    names = sorted(parts, key=lambda name: in_order((name,)))
    trained = [row for row in counted_rows(dataset) if row["partition" if dataset.joined is None else "split"] == "train"]
    return Figures(
        tuple(ages for name in names for ages in _ages(name, parts[name])),
        tuple(found for name in names for found in _per_lesion(name, parts[name])),
        tuple(_weights("train", trained)),
        tuple(found for name in names for found in _varying(name, parts[name])),
    )


def _ages(part: str, rows: Sequence[Row]) -> list[Ages]:
    by_image = [row["age"] for row in rows]
    by_lesion = [age for _, age in {(row["lesion_id"], row["age"]) for row in rows if row["lesion_id"]}]
    units = [("images", by_image), *([("lesions", by_lesion)] if all(row["lesion_id"] for row in rows) else [])]
    found = []
    for of, ages in units:
        given = [age for age in ages if age is not None]
        above = [age for age in given if age > 0]
        found.append(Ages(part, of, len(ages), len(ages) - len(given), len(given) - len(above), *_moments(given), *_moments(above)))
    return found


def _moments(ages: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Mean, median and standard deviation, whatever the order: sums are exact."""
    if not ages:
        return None, None, None
    return math.fsum(ages) / len(ages), statistics.median(ages), statistics.stdev(ages) if len(ages) > 1 else None


def _per_lesion(part: str, rows: Sequence[Row]) -> list[PerLesion]:
    if not all(row["lesion_id"] for row in rows):
        return []
    lesions = Counter(row["lesion_id"] for row in rows)
    return [PerLesion(part, images, count) for images, count in sorted(Counter(lesions.values()).items())]


def _weights(part: str, rows: Sequence[Row]) -> list[Weight]:
    images = Counter(row["dx"] for row in rows)
    lesions: dict[str, set[str | None]] = {}
    for row in rows:
        lesions.setdefault(row["dx"], set()).add(row["lesion_id"])
    named = all(row["lesion_id"] for row in rows)
    every = sum(map(len, lesions.values()))
    return [
        Weight(
            part,
            dx,
            images[dx],
            len(rows) / (len(images) * images[dx]),
            len(lesions[dx]) if named else None,
            every / (len(images) * len(lesions[dx])) if named else None,
        )
        for dx in sorted(images)
    ]


def _varying(part: str, rows: Sequence[Row]) -> list[Varying]:
    first: dict[str, Row] = {}
    lesions: dict[str, set[str]] = {column: set() for column in OF_A_LESION}
    for row in rows:
        if lesion := row["lesion_id"]:
            other = first.setdefault(lesion, row)
            for column in OF_A_LESION if other is not row else ():
                if row[column] != other[column]:
                    lesions[column].add(lesion)
    if not first:
        return []
    images = {column: sum(1 for row in rows if row["lesion_id"] in found) for column, found in lesions.items()}
    return [Varying(part, column, len(found), images[column], tuple(sorted(found))) for column, found in lesions.items()]
