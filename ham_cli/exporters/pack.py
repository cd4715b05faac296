"""A parcel into its folder: file by file, each whole or not at all; begun again, it goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_cli import atomic, cache, links, manifest, pool
from ham_cli.errors import WrongUsageError, from_os_error
from ham_cli.exporters import room
from ham_cli.exporters.inside import FILE, inside
from ham_cli.exporters.journal import JOURNAL, MANIFEST, UNFINISHED, Journal, asked, earlier, in_words
from ham_cli.exporters.making import Task
from ham_cli.exporters.working import work
from ham_cli.findings import Note, counted
from ham_cli.links import Link
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Sequence

    from ham_cli.exporters.journal import Earlier
    from ham_cli.exporters.parcel import Item, Parcel
    from ham_cli.findings import Event
    from ham_cli.pool import Workers

Row = dict[str, Any]

_HALF = re.compile(rf"\.(.+)\.[0-9a-f]{{8}}{re.escape(atomic.MARK)}")
"""What a file is called while it is written (`atomic.beside`)."""

LOCK = ".ham-export.lock"

_SOME = 3
"""Files that are named where there may be many."""


class Packing:
    """One export into one folder."""

    def __init__(self, parcel: Parcel, folder: Path, link: Link, jobs: int | Workers, *, force: bool) -> None:
        """Look at what lies in the folder; nothing is changed yet.

        ``force``: whatever lies there, and every file is written anew. Raises `WrongUsageError` where something
        else lies there and it was not said.
        """
        self.parcel, self.folder, self.link, self.jobs, self.force = parcel, folder.resolve(), link, jobs, force
        self.rows: dict[str, list[Row]] = {}
        """File to its rows, of those that stand in their place."""
        self.look()

    def look(self) -> None:
        """See what is there, and what is to do."""
        old = self._earlier()
        self.listed = {row["file"] for row in old.manifest.rows} if old else set()
        """What an earlier export put here."""
        standing = self._standing(old) if old else []
        self.rows = {item.file: old.rows[item.file] if item.shard or item.kept else [item.fields()] for item in standing} if old else {}
        self.todo = [item for item in self.parcel.items if item.file not in self.rows]
        """The files that are not yet there."""
        self._require_kept()
        self._require_inside()
        if not self.force:
            self._require_free()
        finished = old is not None and not old.begun and self.listed == {item.file for item in self.parcel.items}
        self.changed = bool(self.todo) or not finished or (self.folder / JOURNAL).exists()
        """Whether there is anything to do."""

    def run(self) -> Iterator[Event]:
        """Put every file in its place, the manifest last; yields progress. `LockedError` while another ham writes here."""
        if not self.changed:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with cache.alone(self.folder / LOCK):
                self.look()
                yield from self._write()
        except OSError as error:
            fix = "take --link copy or --link sym" if self.link is Link.HARD and error.errno in {errno.EPERM, errno.EMLINK} else None
            raise from_os_error(error, error.filename or self.folder, fix) from error

    @property
    def room(self) -> int:
        """Bytes that what is still to be put there takes, at most."""
        shared = self.link in {Link.HARD, Link.SYM}
        return sum(room.taken(item, shared=shared) for item in self.todo)

    def place(self, file: str = "") -> str:
        """Where a file of it goes, or the whole."""
        return str(self.folder / file)

    def _write(self) -> Iterator[Event]:
        # What lies here is at every instant named by one list: until the old files are gone, by the old one.
        self._begin()
        if dropped := self._clear():
            yield Note(f"removed, as not of this export: {counted(len(dropped), 'file')}, such as {', '.join(dropped[:_SOME])}", "said")
        kept = {item.file: self.rows.get(item.file) or [item.fields()] for item in self.parcel.items}
        self._list([row for rows in kept.values() for row in rows])
        self.rows |= yield from self._fill(sorted(self.todo, key=lambda item: item.file))
        self._finish([row for item in self.parcel.items for row in self.rows[item.file]])
        strangers = self._strangers()
        if strangers:
            some = ", ".join(strangers[:_SOME])
            yield Note(f"{counted(len(strangers), 'file')} beside this export's, which others may take for a part of it: {some}", "warning")

    def _begin(self) -> None:
        """Make the old list the one of an export that is not finished."""
        cache.require_room(self.folder, self.room, "free some room, choose another destination, or ask for less with --part or --only")
        if (self.folder / MANIFEST).exists():
            (self.folder / MANIFEST).replace(self.folder / UNFINISHED)

    def _list(self, rows: Sequence[Row]) -> None:
        """Write down what it will consist of, as far as that is known."""
        manifest.write(self.folder / UNFINISHED, self._described(rows))

    def _fill(self, items: Sequence[Item]) -> Generator[Event, None, dict[str, list[Row]]]:
        """Put files in their place; yields progress, returns their rows."""
        pool.require(self.jobs, self.folder / UNFINISHED)
        with contextlib.closing(Journal(self.folder)) as journal:
            found = yield from work(self._tasks(items), self.jobs, journal)
        if not isinstance(self.jobs, int):
            self._clear_halves()  # of a worker that was lost
        return found

    def _finish(self, rows: Sequence[Row]) -> None:
        """Put the list in its place, which says that all is there."""
        atomic.sync_folder(self.folder)
        self._list(rows)
        (self.folder / UNFINISHED).replace(self.folder / MANIFEST)
        (self.folder / JOURNAL).unlink(missing_ok=True)

    def _names(self) -> Collection[str]:
        """What lies at the destination, hidden files left out."""
        return cache.listing(self.folder)

    def _holds(self, old: Earlier, item: Item) -> bool:
        """Whether the file of an item is there, put there by an export."""
        return old.holds(item, self.folder / item.file)

    def _lies(self, file: str) -> bool:
        """Whether anything has a file's name."""
        return os.path.lexists(f"{self.folder}/{file}")

    def _described(self, rows: Sequence[Row]) -> Manifest:
        """The list of this export, with these rows."""
        linked = self.link in {Link.HARD, Link.SYM} and any(item.source for item in self.parcel.items)
        shared = {"link": str(self.link)} if linked else {}
        options = {"format": self.parcel.format, **self.parcel.options, **shared, "input_digest": self.parcel.input_digest}
        labels = {"made_with": self.parcel.made_with} if self.parcel.made_with else {}
        return Manifest(schemas.EXPORT, manifest.sorted_rows(schemas.EXPORT, rows), self.parcel.record, options, labels)

    def _standing(self, old: Earlier) -> list[Item]:
        """The items whose files need not be written: they lie there, share their bytes as is wished, and were made by the same versions."""
        alike = not self.force and old.asked.get("link") == asked(self._described([])).get("link")
        same = old.manifest.labels.get("made_with") == self.parcel.made_with
        stay = (item for item in self.parcel.items if item.kept or (alike and (same or not item.shard)))
        return [item for item in stay if self._holds(old, item)]

    def _earlier(self) -> Earlier | None:
        """What an earlier export says of itself; ``None`` where there is none that can be read."""
        lies = next(path for path in (self.folder, *self.folder.parents) if os.path.lexists(path))
        if not lies.is_dir():
            raise WrongUsageError("the destination is no folder", where=lies, fix="name another one")
        lists = (parent / name for parent in self.folder.parents for name in (MANIFEST, UNFINISHED))
        around = next((path.parent for path in lists if os.path.lexists(path)), None)
        if around and not self.force:
            fix = "name a folder beside it, or write into it with --force"
            raise WrongUsageError("the destination lies in another export", where=self.place(), got=around, fix=fix)
        found = earlier(self.folder)
        if found is None and not self.force and self._names():
            fix = "name another folder, or write among what is there with --force"
            raise WrongUsageError("the destination is not empty, and no export of ham", where=self.place(), fix=fix)
        mine = asked(self._described([]))
        if found and found.asked != mine and not self.force:
            fix = "name another folder, or put this one in the old one's place with --force"
            differ = sorted(name for name in {*mine, *found.asked} if mine.get(name) != found.asked.get(name))
            expected, got = (in_words({name: some.get(name) for name in differ}) for some in (mine, found.asked))
            raise WrongUsageError("another export lies there", where=self.place(), expected=expected, got=got, fix=fix)
        return found

    def _require_free(self) -> None:
        """Raise where a file would be written over one that no export put there."""
        taken = [item.file for item in self.todo if item.file not in self.listed and self._lies(item.file)]
        if taken:
            fix = "move it away, or write over it with --force"
            raise WrongUsageError("a file of yours lies where an image belongs", where=self.place(taken[0]), fix=fix)

    def _require_kept(self) -> None:
        """Raise where a file does not lie there that another export made, and this one only adds to."""
        gone = [item.file for item in self.todo if item.kept]
        if gone:
            fix = "name that export's own folder as DEST; where it is that, run its ham export again"
            raise WrongUsageError("a file of the export that is described is not there, or altered", where=self.place(gone[0]), fix=fix)

    def _require_inside(self) -> None:
        """Raise where a link in the destination leads a file out of it."""
        for folder in _folders(self.folder, self.todo):
            if not inside(folder, self.folder):
                raise WrongUsageError("a link in the destination leads out of it", where=folder, fix="remove it, or name another folder")

    def _strangers(self) -> list[str]:
        """Files in the folders that this export filled which are not of it, sorted; hidden ones are nobody's data."""
        own = {item.file for item in self.parcel.items}
        filled = {item.file.partition("/")[0] for item in self.parcel.items if "/" in item.file}
        found = ((where, name) for one in filled for where, _, names in os.walk(self.folder / one) for name in names if name[0] != ".")
        skipped = len(str(self.folder)) + 1
        return sorted(label for where, name in found if (label := f"{where[skipped:]}/{name}".replace(os.sep, "/")) not in own)

    def _clear(self) -> list[str]:
        """Remove what an earlier export put here and this one has not, and what was half written when it was killed; the former."""
        self._clear_halves()
        dropped = []
        stay = {*(item.file for item in self.parcel.items), MANIFEST, UNFINISHED, JOURNAL}
        for file in sorted(file for file in self.listed - stay if FILE.fullmatch(file)):
            path = self.folder / file
            if not inside(path.parent, self.folder) or not (path.is_symlink() or path.is_file()):
                continue
            path.unlink()
            dropped.append(file)
            with contextlib.suppress(OSError):  # other files lie there
                for parent in path.parents[: file.count("/")]:
                    parent.rmdir()
        return dropped

    def _clear_halves(self) -> None:
        """Remove what was half written of this export's files and an earlier one's: by its name, as others too have hidden files."""
        files = {MANIFEST, UNFINISHED, *(item.file for item in self.parcel.items), *filter(FILE.fullmatch, self.listed)}
        folders: dict[str, set[str]] = {}
        for file in files:
            where, _, name = file.rpartition("/")
            folders.setdefault(where, set()).add(name)
        for where, names in folders.items():
            folder = self.folder / where
            for half in folder.glob(f".*{atomic.MARK}") if inside(folder, self.folder) else ():
                if (found := _HALF.fullmatch(half.name)) and found[1] in names:
                    half.unlink(missing_ok=True)

    def _tasks(self, items: Sequence[Item]) -> list[Task]:
        for folder in _folders(self.folder, items):
            folder.mkdir(parents=True, exist_ok=True)
        first = next((Path(item.source) for item in items if item.source), None)
        link = links.decided(self.link, first, self.folder / MANIFEST)
        return [Task(item, self.folder, link) for item in items]


def _folders(root: Path, items: Iterable[Item]) -> list[Path]:
    """The folders that items go into; as text first, as there are ten thousand items and a few folders."""
    return [root / name for name in sorted({item.file.rpartition("/")[0] for item in items})]
