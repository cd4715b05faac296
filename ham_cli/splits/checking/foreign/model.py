"""A foreign split as a value: an entry for each time that an image is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ham_cli.errors import WrongUsageError, quoted

if TYPE_CHECKING:
    from pathlib import Path

ALL = "all"
"""The side of images where nothing says on which side they are."""

MAX_SIDES = 100
"""Sides of a split; a column of more words is another column."""

LOOKED_FOR = "image ids in a column (image_id, image, file, path, isic_id, ...), and a column split, set, subset, partition or fold"


class File(NamedTuple):
    """An image in a folder, as the disk knows it."""

    path: Path
    bytes: int
    device: int
    inode: int


class Entry(NamedTuple):
    """One naming of an image."""

    label: str
    """As it is written: ``train/nv/ISIC_0024306.jpg``."""
    image_id: str | None
    """The id in the label, ``ISIC_0024306``; ``None`` where it has none."""
    side: str
    source: str
    """The file it stands in, or the folder."""
    line: int | None
    """As an editor counts lines, or the number of the row; ``None`` in a folder."""
    file: File | None = None

    @property
    def key(self) -> str:
        """What names the image: its id, or else its label. Two folders may well each have a ``1.jpg`` of their own."""
        return self.image_id or self.label

    @property
    def place(self) -> str:
        """Where it stands: ``split.csv:17``."""
        return self.label if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Source:
    """What was read, and as what."""

    name: str
    """The file's name, or the folder's."""
    rows: int
    """Rows with an image, or image files."""
    images: str
    """What named the images: a column, or ``file names``."""
    sides: str | None
    """What named the sides: a column, ``file name``, ``folders``; ``None`` where nothing did."""
    blank: int = 0
    """Rows without an image."""
    nowhere: int = 0
    """Rows with an image and without a side."""

    def fields(self) -> dict[str, str | int | None]:
        """The source as ``--json`` shows it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Foreign:
    """A split that somebody gave."""

    entries: tuple[Entry, ...]
    sides: tuple[str, ...]
    """Every side that is named, also where no image is on it; in order: train, validation, test, folds, others."""
    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()
    """What a person should know of the reading, a sentence each."""


def twofold(where: object, name: str, times: int) -> WrongUsageError:
    """The error for a column whose name stands in a table several times: nobody knows which one is meant."""
    return unreadable(where, f"the column {quoted(name)} stands in it {times} times", fix="rename all of them but one")


def unreadable(where: object, got: object, *, expected: str = LOOKED_FOR, fix: str | None = None) -> WrongUsageError:
    """The error for what is no split."""
    return WrongUsageError(
        "this is no split ham can check", where=where, expected=expected, got=got, fix=fix or "ham check --help has examples"
    )
