"""Which column names the images, and what tells the side of a row."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli.errors import quoted
from ham_cli.splits.checking.foreign.model import twofold, unreadable
from ham_cli.splits.checking.foreign.names import (
    FOLD_COLUMNS,
    IMAGE_COLUMNS,
    SIDE_COLUMNS,
    flag,
    flag_part,
    fold_word,
    folded,
    part_word,
    side_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ham_cli.splits.checking.foreign.names import ImageIds
    from ham_cli.splits.checking.foreign.tables import Table

    Cells = Sequence[object]
    Named = Iterator[tuple[int, str, tuple[str, ...]]]
    """Line, label of an image, and the sides it is on there."""

_SAMPLE = 1000
"""Rows by which columns are told."""

OPTIONS = "name it: --image-column, --split-column"


@dataclass(frozen=True)
class Asked:
    """The columns that were named by hand."""

    image: str | None = None
    split: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Those that were."""
        return tuple(name for name in (self.image, self.split) if name)


@dataclass(frozen=True)
class Chosen:
    """How the rows of a table are read."""

    image: str
    """The column of the images, in words."""
    side: str | None
    """What tells the sides, in words; ``None`` where nothing does."""
    rows: Callable[[], Named]
    note: str | None = None


def choose(path: Path, table: Table, ids: ImageIds, asked: Asked) -> Chosen:
    """How a table is read, from its names and its first rows; `WrongUsageError` where no column names images."""
    sample = list(itertools.islice(table.rows, _SAMPLE))
    rows = itertools.chain(sample, table.rows)
    if not sample:
        raise unreadable(path, "no rows" if table.names else "no lines")
    names = table.names or [f"column {n}" for n in range(1, max(len(cells) for _, cells in sample) + 1)]
    if not names:
        raise unreadable(path, "records of nothing")
    seen = _Sample(path, names, [cells for _, cells in sample])
    if not asked.names and (wide := seen.wide(ids)):
        return Chosen(", ".join(names[n] for n in wide), "column names", lambda: _wide(rows, wide))
    image = seen.asked(asked.image, "--image-column") if asked.image else seen.image(ids)
    if table.split_name:
        by_list = seen.single(names.index(table.split_name))
        return Chosen(names[image], "the names of its lists", lambda: _long(rows, image, by_list))
    side, words, note = seen.side(image, asked.split)
    if side is None:
        return Chosen(names[image], None, lambda: _long(rows, image, lambda _: ("",)))
    return Chosen(names[image], words, lambda: _long(rows, image, side), note)


def _wide(rows: Iterable[tuple[int, Cells]], parts: dict[int, str]) -> Named:
    for line, cells in rows:
        for place, part in parts.items():
            if place < len(cells) and (label := text_of(cells[place])):
                yield line, label, (part,)


def _long(rows: Iterable[tuple[int, Cells]], image: int, side: Callable[[Cells], tuple[str, ...]]) -> Named:
    for line, cells in rows:
        label = text_of(cells[image]) if image < len(cells) else ""
        yield line, label, side(cells) if label else ()


class _Sample:
    """The first rows of a table, asked what they hold."""

    def __init__(self, path: Path, names: list[str], cells: list[Cells]) -> None:
        self.path, self.names, self.cells = path, names, cells
        self.folded = [folded(name) for name in names]

    def values(self, place: int) -> list[str]:
        """What stands in a column, without blanks."""
        found = (text_of(cells[place]) for cells in self.cells if place < len(cells))
        return [text for text in found if text]

    def asked(self, name: str, option: str) -> int:
        """The place of a column that was named by hand."""
        if name not in self.names:
            raise unreadable(self.path, ", ".join(map(str, self.names[:20])), expected=f"the column {name} ({option})")
        return self._once(self.names.index(name))

    def image(self, ids: ImageIds) -> int:
        """The column of the images: by its name and what it holds, by what it holds, or by its name."""
        usual = [self.folded.index(name) for name in IMAGE_COLUMNS if name in self.folded]
        for place in dict.fromkeys([*usual, *range(len(self.names))]):
            if _mostly(self.values(place), lambda text: ids.of(text) is not None):
                return self._once(place)
        for place in usual:
            # Images of another collection; numbers alone name none.
            if (values := self.values(place)) and not _mostly(values, _is_number):
                return self._once(place)
        for place in usual:
            if values := self.values(place):
                got = f"numbers in the column {self.names[place]}, such as {quoted(values[0])}"
                raise unreadable(self.path, got, fix="write ids whole, as the record has them: not 24306 but ISIC_0024306")
        got = f"the columns {', '.join(self.names[:20])}" if self.names[0] != "column 1" else f"a first line {quoted(self.cells[0][0])}"
        raise unreadable(self.path, got[:300], fix=f"if a column holds the ids, {OPTIONS}")

    def side(self, image: int, asked: str | None) -> tuple[Callable[[Cells], tuple[str, ...]] | None, str | None, str | None]:
        """How a row tells its sides, what that is in words, and a note."""
        if asked:
            return self._named(self.asked(asked, "--split-column"))
        split, fold = self._first(SIDE_COLUMNS, image), self._first(FOLD_COLUMNS, image)
        if (split is None) != (fold is None):
            # Blank in the first rows: the others may stand further down, as the test of an official split does.
            split = self._blank(SIDE_COLUMNS, image) if split is None else split
            fold = self._blank(FOLD_COLUMNS, image) if fold is None else fold
        if split is not None and fold is not None:
            return self._both(split, fold)
        found = fold if split is None else split
        if found is None and (flags := self._flags(image)):
            return self._by_flags(flags)
        found = self._telling(image) if found is None else found
        return (None, None, None) if found is None else self._named(found)

    def _named(self, place: int) -> tuple[Callable[[Cells], tuple[str, ...]], str, None]:
        return self.single(place), self.names[place], None

    def _telling(self, image: int) -> int | None:
        """The column of which every cell is a part or a named fold; or else one of the usual names, although it is blank."""
        for place in range(len(self.names)):
            values = self.values(place)
            if place != image and values and all(part_word(text) or _is_named_fold(text) for text in values):
                return place
        return self._blank((*SIDE_COLUMNS, *FOLD_COLUMNS), image)

    def single(self, place: int) -> Callable[[Cells], tuple[str, ...]]:
        """The side as it stands in one column."""
        known: dict[object, tuple[str, ...]] = {}

        def side(cells: Cells) -> tuple[str, ...]:
            value = str(cells[place]) if place < len(cells) else ""
            if value not in known:
                found = side_of(value)
                known[value] = (found,) if found else ()
            return known[value]

        return side

    def wide(self, ids: ImageIds) -> dict[int, str]:
        """Columns that are named as parts and hold images: a list each."""
        parts = {n: part for n, name in enumerate(self.names) if (part := part_word(name))}
        return parts if parts and all(_mostly(self.values(n), lambda text: ids.of(text) is not None) for n in parts) else {}

    def _first(self, names: Sequence[str], image: int) -> int | None:
        """The first column of these names that holds something."""
        found = [self.folded.index(name) for name in names if name in self.folded]
        return next((self._once(place) for place in found if place != image and self.values(place)), None)

    def _blank(self, names: Sequence[str], image: int) -> int | None:
        """The first column of these names, although nothing stands in it so far."""
        found = (self.folded.index(name) for name in names if name in self.folded)
        return next((place for place in found if place != image), None)

    def _both(self, split: int, fold: int) -> tuple[Callable[[Cells], tuple[str, ...]], str, str | None]:
        """A part and a fold: as ham writes them a row has one of the two, and a training row may have its fold."""
        by_split, by_fold = self.single(split), self.single(fold)
        both = [cells for cells in self.cells if by_split(cells) and _number(by_fold(cells))]
        if {by_split(cells) for cells in both} <= {("train",)}:
            words = f"{self.names[split]} and {self.names[fold]}"
            return lambda cells: _number(by_fold(cells)) or by_split(cells), words, None
        note = f"the column {self.names[fold]} is not looked at; --split-column {self.names[fold]} checks the folds"
        return by_split, self.names[split], note

    def _flags(self, image: int) -> dict[int, str]:
        found = {n: part for n, name in enumerate(self.names) if n != image and (part := flag_part(name))}
        return {n: part for n, part in found.items() if self.values(n) and all(flag(text) is not None for text in self.values(n))}

    def _by_flags(self, flags: dict[int, str]) -> tuple[Callable[[Cells], tuple[str, ...]], str, str | None]:
        words = ", ".join(self.names[n] for n in flags)
        rest = {"train": "test"}.get(next(iter(flags.values())), "train") if len(flags) == 1 else None

        def sides(cells: Cells) -> tuple[str, ...]:
            found = dict.fromkeys(part for n, part in flags.items() if n < len(cells) and flag(cells[n]))
            return tuple(found) or ((rest,) if rest else ())

        return sides, words, f"rows without {words} are taken as {rest}" if rest else None

    def _once(self, place: int) -> int:
        if self.names.count(name := self.names[place]) > 1:
            raise twofold(self.path, name, self.names.count(name))
        return place


def _number(sides: tuple[str, ...]) -> tuple[str, ...]:
    """The fold, where there is one: -1 is how some write none."""
    return () if sides in {("-1",), ("-1.0",)} else sides


def _mostly(values: Sequence[str], is_so: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(is_so, values)) * 2 > len(values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_named_fold(text: str) -> bool:
    return fold_word(text) is not None and not text.replace(".", "").isdigit()
