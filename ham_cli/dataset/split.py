"""A split as a value, and as a file: Parquet or CSV alike."""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ham_cli import atomic
from ham_cli.errors import WrongUsageError, from_os_error, quoted
from ham_cli.layout import Layout, as_csv, consumed
from ham_cli.record import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Row = dict[str, Any]

COLUMNS = ("image_id", "lesion_id", "group", "dx", "split", "fold")

_LAYOUT = Layout(COLUMNS)

SUFFIXES = (".parquet", ".csv")
"""A split file is one of these; any other word is a name in the cache."""

_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("val", "valid", "validation", "vali", "dev"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "holdout"),
}
PART_WORDS = {word: part for part, words in _WORDS.items() for word in words}
"""What people write for a part."""

_FOLD = re.compile(r"([0-9]{1,3})(\.0+)?")
"""The number of a fold; pandas writes whole numbers as 1.0 where some are blank."""

_MAX_BYTES = 256 << 20
"""Of a split file, unpacked; the published images take less than one megabyte."""

_MAX_ROWS = 2_000_000
"""Of a split file: two hundred times the published images."""


@dataclass(frozen=True)
class Split:
    """A named assignment of images to train, validation and test, or to numbered folds."""

    rows: tuple[Row, ...]
    """A row an image, in the order of image ids: image_id, lesion_id, group, dx, split, fold."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the file says of itself: ``algorithm``, ``recipe`` (``r70-15-15-s0``), ``seed``, ``options`` (JSON), ``input_digest``."""

    @cached_property
    def parts(self) -> dict[str, str]:
        """Image id to its part: train, validation, test, or the number of its fold."""
        return {row["image_id"]: part_of(row) for row in self.rows}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the sorted ``image_id,part`` lines: what two people compare."""
        lines = sorted(f"{image_id},{part}\n" for image_id, part in self.parts.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @staticmethod
    def row(image: Mapping[str, Any], part: str) -> Row:
        """An image's row in a part; a number is its fold."""
        own = (image[name] for name in ("image_id", "lesion_id", "group", "dx"))
        return _LAYOUT.row((*own, *((None, int(part)) if part.isdigit() else (part, None))))

    @property
    def folds(self) -> tuple[int, ...]:
        """The numbers of its folds, sorted; none for one of parts."""
        return tuple(sorted({row["fold"] for row in self.rows if row["fold"] is not None}))


def part_of(row: Row) -> str:
    """The part of a split's row: the number of its fold, where it has one, or else its word."""
    return str(row["split"] if row["fold"] is None else row["fold"])


def write_split(path: Path, split: Split, record_id: str) -> None:
    """Put a split at ``path``, whole: ``.csv`` holds the columns, ``.parquet`` what made them too."""
    if path.suffix.lower() == ".csv":
        with atomic.replacing(path) as file:
            file.write(as_csv(COLUMNS, split.rows))
        return
    from ham_cli import manifest
    from ham_cli.manifest import Manifest, schemas

    labels = split.labels | {"split_digest": split.digest}
    manifest.write(path, Manifest(schemas.SPLIT, list(split.rows), record_id, labels=labels))


def read_split(path: Path) -> Split:
    """The split in a file, of ours or edited: a column ``image_id``, and ``split`` or ``fold``.

    Raises `WrongUsageError` where it is none, `AccessError` where it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise _not_a_split(path, "a folder" if path.is_dir() else "no regular file")
        if path.stat().st_size > _MAX_BYTES:
            raise _not_a_split(path, f"{path.stat().st_size} bytes")
        rows, labels = _raw(path)
    except FileNotFoundError as error:
        raise WrongUsageError("there is no such split file", where=path, fix="check the path, or make one: ham split -o FILE") from error
    except OSError as error:
        raise from_os_error(error, path) from error
    except (ValueError, csv.Error) as error:
        raise _not_a_split(path, error) from error
    try:
        first = 2 if path.suffix.lower() == ".csv" else 1  # as an editor counts lines
        return Split(tuple(sorted(_checked(consumed(rows), first), key=lambda row: str(row["image_id"]))), labels)
    except ValueError as error:
        raise _not_a_split(path, error) from error


def _raw(path: Path) -> tuple[list[Row], dict[str, str]]:
    if path.suffix.lower() != ".csv":
        from ham_cli import manifest

        return manifest.read_foreign(path, COLUMNS, _MAX_ROWS, _MAX_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        names = list(reader.fieldnames or ())
        if "image_id" not in names or not {"split", "fold"} & set(names) or any(names.count(name) > 1 for name in COLUMNS):
            raise ValueError(f"the columns {quoted(','.join(map(str, names)))}, with commas between them")
        rows = list(itertools.islice(reader, _MAX_ROWS + 1))
        if len(rows) > _MAX_ROWS:
            raise ValueError(f"more than {_MAX_ROWS} rows")
        return rows, {}


def _checked(rows: Iterable[Row], first: int) -> list[Row]:
    """The rows with our columns and types; `ValueError` for the first that is no row of a split."""
    checked: dict[str, Row] = {}
    for number, raw in enumerate(rows, first):
        row = _LAYOUT.row(None if raw.get(name) in ("", None) else raw[name] for name in COLUMNS)
        if not isinstance(row["image_id"], str):
            raise ValueError(f"line {number} has no image_id")  # noqa: TRY004  (one kind of error for one kind of fault)
        if row["group"] == row["lesion_id"]:
            row["group"] = row["lesion_id"]  # the same one in memory
        row["fold"] = _fold(row["fold"], number)
        row["split"] = PART_WORDS.get(str(row["split"]).lower(), row["split"])
        if row["split"] not in (*PARTITIONS, None):
            raise ValueError(f"line {number}: {quoted(row['split'])} is no part; the parts are train, validation and test")
        if (row["split"] is None) == (row["fold"] is None):
            both = "neither a part nor a fold" if row["split"] is None else f"a part ({row['split']}) and a fold ({row['fold']})"
            raise ValueError(f"line {number} has {both}; a part or a fold is wanted")
        if row["image_id"] in checked:
            raise ValueError(f"{quoted(row['image_id'])} stands in it twice")
        checked[row["image_id"]] = row
    if not checked:
        raise ValueError("it has no rows")
    return list(checked.values())


def _fold(value: object, number: int) -> int | None:
    if value is None or value != value:  # noqa: PLR0124  (NaN is how pandas writes a blank number)
        return None
    if not (found := _FOLD.fullmatch(str(value))):
        raise ValueError(f"line {number}: {quoted(value)} is no number of a fold, from 0 to 999")
    return int(found[1])


def _not_a_split(path: Path, got: object) -> WrongUsageError:
    expected = "columns image_id and split (train, validation, test) or fold (0, 1, ...), as Parquet or .csv"
    return WrongUsageError("this is no split ham can read", where=path, expected=expected, got=got, fix="make one: ham split -o FILE")
