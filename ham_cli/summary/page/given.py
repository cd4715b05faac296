"""What a report is made from: the data set, and what others found out about it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ham_cli.record import PARTITIONS
from ham_cli.summary import counts
from ham_cli.summary.counts import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.findings import Finding
    from ham_cli.manifest import Manifest

Row = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """What was measured of the images or masks at hand."""

    rows: tuple[Row, ...]
    """A row an image, as in the manifest of that name."""
    missing: int
    """How many are not in the cache."""
    wrong: tuple[Finding, ...] = ()
    """Those that are not what was fetched."""


@dataclass(frozen=True)
class Balance:
    """What is known of a split beside its counts."""

    name: str
    """Its name in the cache, or its file's."""
    labels: Mapping[str, str]
    """What the split says of itself: algorithm, recipe, seed."""
    off: Mapping[tuple[str, str], float]
    """Class and part to how many images it has more than its share, where parts were shared out; class ``""`` is all."""
    thin: tuple[str, ...]
    """Sentences on classes of few lesions."""


@dataclass(frozen=True)
class Crossing:
    """What two sides of a split share."""

    evaluated: str
    against: str
    images: int
    identical: int
    lesions: int
    duplicates: int
    leaking: int
    """Images of the evaluated side that are beside their lesion."""
    of: int


@dataclass(frozen=True)
class Checked:
    """A split held against the record."""

    verdict: str
    leaking: bool
    crossings: tuple[Crossing, ...]
    """All pairs of sides, or the worst of them."""
    pairs: int
    """How many pairs there are."""
    title: str
    """Of which sides the counts by class are."""
    classes: Mapping[str, tuple[int, int]]
    """Class to how many images of the evaluated sides leak, and how many there are."""
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Given:
    """All of it."""

    dataset: Dataset
    """The whole cache."""
    split: Dataset | None
    """The images of the split that was named."""
    files: tuple[Row, ...]
    """The rows of ``files.parquet``."""
    verification: Manifest | None
    """What the last ``ham verify`` found; ``None`` where there was none."""
    pixels: Measured
    masks: Measured | None
    """``None`` where a library is missing to measure them."""
    learnt: Measured | None = None
    """The pixels of the split's train part; ``None`` without a split, or where it has none."""
    balance: Balance | None = None
    checked: Checked | str | None = None
    """``None`` without a split; words where it cannot be checked."""

    @property
    def rows(self) -> list[Row]:
        """The images that the sections tell of: the training images, or all where there are none."""
        held = [row for row in self.dataset.rows if row["in_record"]]
        return [row for row in held if row["partition"] == PARTITIONS[0]] or held

    @property
    def noun(self) -> str:
        """What the images are called that the sections tell of."""
        return "training images" if self.rows[0]["partition"] == PARTITIONS[0] else "images"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the record, in the order of every index."""
        return tuple(self.dataset.record.classes)


def tally(rows: Iterable[Row], *columns: str) -> dict[Any, Tally]:
    """Images and lesions by the value of a column, or by a tuple of several."""
    return counts.tally(rows, operator.itemgetter(*columns))


def whole(rows: Iterable[Row]) -> Tally:
    """Images and lesions of all rows."""
    return counts.tally(rows, lambda _: None).get(None, Tally())


def word(value: object) -> str:
    """A value of the table as it is shown."""
    return "(blank)" if value is None else str(value)


def ordered(found: Iterable[object], vocabulary: Sequence[str]) -> list[str | None]:
    """The values that occur: published words in their order, others after them, a blank last."""
    values = set(found)
    known = [name for name in vocabulary if name in values]
    others = sorted(str(value) for value in values - set(known) - {None})
    return [*known, *others, *([None] if None in values else [])]
