"""Images and lesions, counted by any columns."""

from __future__ import annotations

import operator
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ham_cli.errors import WrongUsageError
from ham_cli.record import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ham_cli.dataset import Dataset

Row = dict[str, Any]

TABLES = ("dx", "dx_type", "sex", "age_band", "localization", "dataset")
"""The columns that are counted where none is asked for."""

COLUMNS = (*TABLES, "age", "partition", "split", "fold", "vouched", "archive")
"""The columns that can be counted by."""

MOST = 3
"""Columns that can be crossed: of more, nearly every combination has an image or two."""


@dataclass(frozen=True)
class Count:
    """So many images and lesions of one kind in one part."""

    values: tuple[tuple[str, str | float | None], ...]
    """Columns with what stands in them; ``None`` is a blank."""
    part: str
    """The partition, part or fold that is counted; empty where all of it is one."""
    images: int
    lesions: int | None
    """By lesion id, each counted wherever one of its images is; ``None`` where the record names no lesions."""

    def fields(self) -> dict[str, Any]:
        """The count as ``--json`` shows it."""
        return {**dict(self.values), "part": self.part, "images": self.images, "lesions": self.lesions}


class Tally(NamedTuple):
    """So many images and lesions."""

    images: int = 0
    lesions: int | None = 0
    """By lesion id; ``None`` where an image has none."""


def parts_of(dataset: Dataset) -> str:
    """The column whose words are counted side by side: the partition, or a split's parts or folds."""
    if dataset.joined is None:
        return "partition"
    return "fold" if any(row["split"] is None for row in dataset.rows) else "split"


def columns(by: str, dataset: Dataset) -> tuple[str, ...]:
    """The columns of ``--by dx,sex``; `WrongUsageError` for one that cannot be counted."""
    asked = tuple(name.strip() for name in by.split(","))
    possible = [c for c in COLUMNS if c not in {"split", "fold"} or dataset.joined is not None]
    if len(asked) > MOST:
        raise WrongUsageError("--by crosses no more columns than three", got=by, fix="narrow it down instead: --only COLUMN=WORDS")
    unknown = [name for name in asked if name not in possible]
    if unknown or len(set(asked)) < len(asked):
        raise WrongUsageError("--by cannot count by this", expected=f"columns among {', '.join(possible)}, each once", got=by)
    return asked


def count(dataset: Dataset, by: Sequence[str], part: str | None) -> list[Count]:
    """A count for each combination of values that occurs and each part it occurs in, sorted, blanks last.

    ``part`` is the column of the parts, see `parts_of`; ``None`` counts all as one, whose part is empty. The planted
    rows of a test truth are not counted.
    """
    found = {
        (*values, name): tallied
        for name, rows in rows_of_parts(dataset, part).items()
        for values, tallied in tally(rows, _values_of(by)).items()
    }
    return [Count(tuple(zip(by, key[:-1], strict=True)), key[-1], *found[key]) for key in sorted(found, key=in_order)]


def _values_of(by: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    """How a row becomes what stands in it under ``by``."""
    if len(by) > 1:
        return operator.itemgetter(*by)  # a tenth of the time of counting, and of one column it gives no tuple
    return lambda row: tuple(row[name] for name in by)


def tally(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, Tally]:
    """Images and lesions by what ``key`` makes of a row."""
    images: defaultdict[Any, int] = defaultdict(int)
    lesions: defaultdict[Any, set[str | None]] = defaultdict(set)
    for row in rows:
        value = key(row)
        images[value] += 1
        lesions[value].add(row["lesion_id"])
    return {value: Tally(n, None if None in lesions[value] else len(lesions[value])) for value, n in images.items()}


def rows_of_parts(dataset: Dataset, part: str | None) -> dict[str, list[Row]]:
    """The rows of each part that are counted, by its name."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in counted_rows(dataset):
        found[part_of(row, part)].append(row)
    return dict(found)


def counted_rows(dataset: Dataset) -> Iterable[Row]:
    """The rows of images that the record holds."""
    return (row for row in dataset.rows if row["in_record"])


def part_of(row: Row, column: str | None) -> str:
    """The part that a row is counted in; empty where ``column`` is ``None``: all of them are one."""
    if column is None:
        return ""
    if column == "fold" and row["fold"] is not None:
        return f"fold {row['fold']}"
    return str(row["split"] if column == "fold" else row[column])


def in_order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """What values and, last, a part are sorted by: blanks last, parts as people name them."""
    *values, part = key
    place = PARTITIONS.index(part) if part in PARTITIONS else -1
    number = int(part.removeprefix("fold ")) if part.startswith("fold ") else 0
    return (*((value is None, value if value is not None else "") for value in values), place, number, part)
