"""Files and folders that somebody gave, read into entries."""

from __future__ import annotations

import csv
import stat
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli.errors import WrongUsageError, from_os_error, quoted
from ham_cli.findings import Advanced, Done, Started, counted
from ham_cli.splits.checking.foreign import columns, folders, tables
from ham_cli.splits.checking.foreign.columns import Asked
from ham_cli.splits.checking.foreign.model import ALL, MAX_SIDES, Entry, Foreign, Source, unreadable
from ham_cli.splits.checking.foreign.names import has_fold, order, side_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.splits.checking.foreign.columns import Chosen
    from ham_cli.splits.checking.foreign.names import ImageIds

_LARGE = 16 << 20
"""Bytes of a table from which on reading takes more than a second."""

_MANY = 5000
"""Files of a folder from which on looking at them takes a while, or rows between two looks at how far a table is."""

_LONGEST = 60
"""Signs of a side's name; longer ones are no names."""


@dataclass
class Reading:
    """What was given, while it is read; `run` it, then ask for the `foreign` split."""

    paths: Sequence[Path]
    ids: ImageIds
    classes: frozenset[str]
    """The diagnoses, which are also names of folders."""
    asked: Asked = field(default_factory=Asked)
    entries: list[Entry] = field(default_factory=list)
    sides: dict[str, None] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> Foreign:
        """What was read; `WrongUsageError` where no image was."""
        if not self.entries:
            blank = sum(source.nowhere for source in self.sources)
            got = f"{counted(blank, 'image')}, none with a side" if blank else "no image"
            raise unreadable(", ".join(map(str, self.paths)), got)
        return Foreign(tuple(self.entries), tuple(sorted(self.sides, key=order)), tuple(self.sources), tuple(self.notes))

    def run(self) -> Iterator[Event]:
        """Read; yields progress where it takes a while. Raises `WrongUsageError` for what is no split, `AccessError`."""
        kinds = [_kind(path) for path in self.paths]
        if len(self.paths) > 1:
            yield from self._parts(self.paths)
        elif kinds == ["folder"]:
            yield from self._folder(self.paths[0])
        else:
            yield from self._table(self.paths[0], None)

    def _parts(self, paths: Sequence[Path]) -> Iterator[Event]:
        for path, side in zip(paths, _sides_of(paths), strict=True):
            self._side(path, side)
            if path.is_dir():
                yield from self._tree(path, side)
            else:
                yield from self._table(path, side)

    def _folder(self, path: Path) -> Iterator[Event]:
        """A folder with a file a part, with one table, or of images; parts as folders of images come first."""
        here = folders.tables_in(path)
        named = [table for table in here if side_in(table.stem)]
        if named and not folders.holds_parts(path):
            yield from self._parts(named) if len(named) > 1 else self._table(named[0], None)
            return
        yield from self._tree(path, None)
        if len(self.sides) < 2 and len(here) == 1:  # noqa: PLR2004  (two sides are what is looked for)
            # Beside a folder of all images the table says where they are.
            self._forget()
            yield from self._table(here[0], None)
        elif not self.entries and named:
            self._forget()
            yield from self._parts(named)
        elif not self.entries:
            folders.require_one(here, path)

    def _forget(self) -> None:
        for found in (self.entries, self.sides, self.sources, self.notes):
            found.clear()

    def _table(self, path: Path, given: str | None) -> Iterator[Event]:
        """One table; ``given`` is its side where it is one of several."""
        try:
            size = path.stat().st_size
            if size > tables.MAX_BYTES:
                raise unreadable(path, f"{size} bytes", expected=f"at most {tables.MAX_BYTES} bytes", fix="keep only the two columns")
            if size >= _LARGE:
                yield Started(path.name, size)
            table = tables.opened(path, self.ids, self.asked.names)
            chosen = columns.choose(path, table, self.ids, self.asked)
            side = given or (None if chosen.side else side_in(path.stem) or ALL)
            yield from self._rows(path, chosen, table, side)
            if size >= _LARGE:
                yield Done(path.name)
        except (ValueError, csv.Error) as error:
            raise unreadable(path, error) from error
        except OSError as error:
            raise from_os_error(error, path) from error
        if chosen.note and given is None:
            self.notes.append(f"{path.name}: {chosen.note}")

    def _rows(self, path: Path, chosen: Chosen, table: tables.Table, given: str | None) -> Iterator[Event]:
        blank = nowhere = told = 0
        own: set[str] = set()
        before = len(self.entries)
        for number, (line, label, found) in enumerate(chosen.rows(), 1):
            if number > tables.MAX_ROWS or len(self.entries) > tables.MAX_ROWS:
                raise unreadable(path, f"more than {tables.MAX_ROWS} rows", fix="keep only the rows of the split")
            if number % _MANY == 0 and table.read[0] - told >= _LARGE // 4:
                yield Advanced(path.name, table.read[0] - told)
                told = table.read[0]
            if given:
                own.update(found)
            sides = (given,) if given and label else found
            blank += not label
            nowhere += bool(label) and not sides
            image_id = self.ids.of(label)
            for side in sides:
                if side not in self.sides:
                    self._side(path, side)
                self.entries.append(Entry(label, image_id, side, path.name, line))
        whose = "file name" if given and given != ALL else chosen.side
        self.sources.append(Source(path.name, len(self.entries) - before, chosen.image, whose, blank, nowhere))
        if given and given != ALL:
            self._require_a_part(path, chosen, own)

    def _require_a_part(self, path: Path, chosen: Chosen, own: set[str]) -> None:
        """Raise `WrongUsageError` for a whole split among files that are to be a part each."""
        if chosen.side and len(own) > 1:
            if side_in(path.stem) is None:
                got = f"{path.name} has {counted(len(own), 'side')} itself, in {chosen.side}"
                raise unreadable(path, got, expected="of several files, each a part", fix="check one file at a time")
            self.notes.append(f"{path.name}: its column {chosen.side} is not looked at, as each file is a part")

    def _tree(self, path: Path, given: str | None) -> Iterator[Event]:
        tree = folders.Tree(path)
        seen = 0
        for found in tree.walk():
            if seen < _MANY <= found:
                yield Started("looking", 0, "file")
            if found >= _MANY:
                yield Advanced("looking", found - seen)
            seen = found
        if seen >= _MANY:
            yield Done("looking", counted(seen, "file"))
        sides = [given] * len(tree.found) if given else tree.sides(self.classes)
        for (words, file), side in zip(tree.found, sides, strict=True):
            if side not in self.sides:
                self._side(path, str(side))
            label = "/".join((path.name, *words) if given else words)
            self.entries.append(Entry(label, self.ids.of(label), str(side), path.name, None, file))
        told = "folder name" if given else "folders" if set(sides) - {ALL} else None
        if tree.found or given:
            self.sources.append(Source(path.name, len(tree.found), "file names", told))
        if tree.masks:
            self.notes.append(f"{path.name}: {counted(tree.masks, 'mask')} passed over (*_segmentation)")
        if tree.closed:
            few = ", ".join(tree.closed[:3])
            self.notes.append(f"{path.name}: {counted(len(tree.closed), 'file')} or folders could not be looked at, such as {few}")

    def _side(self, path: Path, side: str) -> None:
        """Take note of a side; `WrongUsageError` where these are no sides."""
        self.sides[side] = None
        if len(self.sides) > MAX_SIDES or len(side) > _LONGEST:
            got = f"more than {MAX_SIDES} different words" if len(self.sides) > MAX_SIDES else quoted(side)
            raise unreadable(path, got, expected="words or numbers of sides", fix=f"if another column tells them, {columns.OPTIONS}")


def _kind(path: Path) -> str:
    """``folder`` or ``file``; raises for what is neither."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise WrongUsageError("there is no such file or folder", where=path, fix="check the path") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise from_os_error(error, path) from error
        raise WrongUsageError("this path leads nowhere", where=path, got=error, fix="check the path") from error
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        raise unreadable(path, "no regular file", fix="write it to a file first")
    return "file"


def _sides_of(paths: Sequence[Path]) -> list[str]:
    """The side of each of several files, by its name, or else its folder's."""
    own = [side_in(path.stem) for path in paths]
    above = [side_in(path.parent.name) for path in paths]
    if None in own and None not in above and len(set(above)) > 1:
        own = above
    sides = [side or path.stem for side, path in zip(own, paths, strict=True)]
    count = Counter(sides)
    shared = [path for side, path in zip(sides, paths, strict=True) if count[side] > 1]
    if any(has_fold(path.stem) for path in shared):
        got = ", ".join(path.name for path in shared[:6])
        fix = "check one fold at a time: ham check train_0.csv val_0.csv"
        raise WrongUsageError("these files would be one side, and are of several folds", got=got, fix=fix)
    named = [bool(side) for side in own]
    return [
        side if count[side] == 1 or has_name else f"{path.parent.name}/{path.stem}"
        for side, has_name, path in zip(sides, named, paths, strict=True)
    ]
