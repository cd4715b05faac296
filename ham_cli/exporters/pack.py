"""A parcel into its folder: file by file, each whole or not at all; begun again, it goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from ham_cli import atomic, cache, links, manifest, pool
from ham_cli.errors import WrongUsageError, from_os_error
from ham_cli.exporters.journal import JOURNAL, MANIFEST, UNFINISHED, Journal, asked, earlier
from ham_cli.exporters.making import Task, preparations, prepare, put, put_together
from ham_cli.findings import Advanced, Done, Note, Started, counted
from ham_cli.links import Link
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from ham_cli.exporters.journal import Earlier
    from ham_cli.exporters.parcel import Item, Parcel, Ready
    from ham_cli.findings import Event

Row = dict[str, Any]

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*(/[A-Za-z0-9][A-Za-z0-9._ -]*)*")
"""A file as our lists spell it; nothing else in a list is believed."""

LOCK = ".ham-export.lock"

_BATCH = 8
"""Images handed to a worker at once: they wait in memory until they are written."""


class Packing:
    """One export into one folder."""

    def __init__(self, parcel: Parcel, folder: Path, link: Link, jobs: int, *, force: bool) -> None:
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
        self.listed = set(old.rows).union(row["file"] for row in old.manifest.rows) if old else set()
        """What an earlier export put here."""
        whole = {item.file for item in self.parcel.items if old and self._stands(item, old)}
        self.rows = {file: old.rows[file] for file in whole} if old else {}
        self.todo = [item for item in self.parcel.items if item.file not in whole]
        """The files that are not yet there."""
        if not self.force:
            self._require_free()
        finished = old is not None and not old.begun and self.listed == {item.file for item in self.parcel.items}
        self.changed = bool(self.todo) or not finished
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
        return sum(_room(item, shared=shared) for item in self.todo)

    def _write(self) -> Iterator[Event]:
        cache.require_room(self.folder, self.room, "free some room, choose another destination, or ask for less with --part or --only")
        # What lies here is at every instant named by one list: until the old files are gone, by the old one.
        if (self.folder / MANIFEST).exists():
            (self.folder / MANIFEST).replace(self.folder / UNFINISHED)
        self._clear()
        kept = {item.file: self.rows.get(item.file) or [item.fields()] for item in self.parcel.items}
        manifest.write(self.folder / UNFINISHED, self._described([row for rows in kept.values() for row in rows]))
        journal = Journal(self.folder)
        try:
            for rows in (rows for item in self.parcel.items if item.shard and (rows := self.rows.get(item.file))):
                journal.add(rows)
            yield from self._made(journal)
        finally:
            journal.close()
        rows = [row for item in self.parcel.items for row in self.rows[item.file]]
        atomic.sync_folder(self.folder)
        manifest.write(self.folder / UNFINISHED, self._described(rows))
        (self.folder / UNFINISHED).replace(self.folder / MANIFEST)
        journal.remove()
        strangers = self._strangers()
        if strangers:
            some = ", ".join(strangers[:3])
            yield Note(f"{counted(len(strangers), 'file')} beside this export's, which others may take for a part of it: {some}", "warning")

    def _made(self, journal: Journal) -> Iterator[Event]:
        """Put what is still to do in its place: files of many images one after the other, all others as they come."""
        tasks = self._tasks(sorted(self.todo, key=lambda item: item.file))
        large = [task for task in tasks if task.item.shard and len(task.item.shard.samples) > 1]
        small = [task for task in tasks if not (task.item.shard and len(task.item.shard.samples) > 1)]
        count = len(small) + sum(len(task.item.shard.samples) for task in large if task.item.shard)
        if not count:
            return
        yield Started("export", count, "image" if large else "file")
        for task, rows in zip(small, pool.run(put, small, self.jobs), strict=True):
            self._done(task, rows, journal)
            yield Advanced("export", 1)
        waiting = (one for task in large for one in preparations(task.item))
        # Every core prepares images, of the next file too while one is being written.
        with contextlib.closing(pool.run(prepare, waiting, self.jobs, batch=_BATCH)) as prepared:
            for task in large:
                rows = yield from self._followed(task, prepared)
                self._done(task, rows, journal)
        yield Done("export", f"{len(tasks)} of {counted(len(self.parcel.items), 'file')}")

    def _followed(self, task: Task, prepared: Iterator[Ready]) -> Generator[Event, None, list[Row]]:
        """Write a file of many images in a thread of its own; yields progress, and returns its rows."""
        assert task.item.shard is not None
        ready = islice(prepared, len(task.item.shard.samples))

        def write(advanced: Callable[[int], None]) -> list[Row]:
            def counting() -> Iterator[Ready]:
                for one in ready:
                    advanced(1)
                    yield one

            return put_together(task, counting())

        news = pool.followed(write)
        while True:
            try:
                yield Advanced("export", next(news))
            except StopIteration as end:
                rows: list[Row] = end.value
                return rows

    def _done(self, task: Task, rows: list[Row], journal: Journal) -> None:
        self.rows[task.item.file] = rows
        if task.item.shard:
            journal.add(rows)

    def _described(self, rows: Sequence[Row]) -> Manifest:
        """The list of this export, with these rows."""
        shared = {"link": str(self.link)} if self.link in {Link.HARD, Link.SYM} else {}
        options = {"format": self.parcel.format, **self.parcel.options, **shared, "input_digest": self.parcel.input_digest}
        labels = {"made_with": self.parcel.made_with} if self.parcel.made_with else {}
        return Manifest(schemas.EXPORT, manifest.sorted_rows(schemas.EXPORT, rows), self.parcel.record, options, labels)

    def _stands(self, item: Item, old: Earlier) -> bool:
        """Whether an item's file need not be written: it lies there, shares its bytes as is wished, and its maker has the same version."""
        alike = not self.force and old.asked.get("link") == asked(self._described([])).get("link")
        same = item.shard is None or old.manifest.labels.get("made_with") == self.parcel.made_with
        return alike and same and old.holds(item, self.folder / item.file)

    def _earlier(self) -> Earlier | None:
        """What an earlier export says of itself; ``None`` where there is none that can be read."""
        if self.folder.exists() and not self.folder.is_dir():
            raise WrongUsageError("the destination is no folder", where=self.folder, fix="name another one")
        here = cache.listing(self.folder)
        found = earlier(self.folder)
        if found is None and here and not self.force:
            fix = "name another folder, or write among what is there with --force"
            raise WrongUsageError("the destination is not empty, and no export of ham", where=self.folder, fix=fix)
        mine = asked(self._described([]))
        if found and found.asked != mine and not self.force:
            fix = "name another folder, or put this one in the old one's place with --force"
            raise WrongUsageError("another export lies there", where=self.folder, expected=_words(mine), got=_words(found.asked), fix=fix)
        return found

    def _require_free(self) -> None:
        """Raise where a file would be written over one that no export put there."""
        taken = [item.file for item in self.todo if item.file not in self.listed and os.path.lexists(self.folder / item.file)]
        if taken:
            fix = "move it away, or write over it with --force"
            raise WrongUsageError("a file of yours lies where an image belongs", where=self.folder / taken[0], fix=fix)

    def _strangers(self) -> list[str]:
        """Files in the folders that this export filled which are not of it, sorted; hidden ones are nobody's data."""
        own = {item.file for item in self.parcel.items}
        filled = {item.file.partition("/")[0] for item in self.parcel.items if "/" in item.file}
        found = (path for name in filled for path in (self.folder / name).rglob("[!.]*") if not path.is_dir())
        return sorted(label for path in found if (label := path.relative_to(self.folder).as_posix()) not in own)

    def _clear(self) -> None:
        """Remove what an earlier export put here and this one has not, and what was half written when it was killed."""
        stay = {*(item.file for item in self.parcel.items), MANIFEST, UNFINISHED, JOURNAL}
        for file in sorted(file for file in self.listed - stay if _FILE.fullmatch(file)):
            path = self.folder / file
            if not _inside(path.parent, self.folder) or not (path.is_symlink() or path.is_file()):
                continue
            path.unlink()
            with contextlib.suppress(OSError):  # other files lie there
                for parent in path.parents[: file.count("/")]:
                    parent.rmdir()
        for folder in {(self.folder / item.file).parent for item in self.parcel.items if self.listed}:
            for half in folder.glob(f".*{atomic.MARK}") if _inside(folder, self.folder) else ():
                half.unlink(missing_ok=True)

    def _tasks(self, items: Sequence[Item]) -> list[Task]:
        for folder in {(self.folder / item.file).parent for item in items}:
            if not _inside(folder, self.folder):
                raise WrongUsageError("a link in the destination leads out of it", where=folder, fix="remove it, or name another folder")
            folder.mkdir(parents=True, exist_ok=True)
        first = next((item.source for item in items if item.source), None)
        link = links.decided(self.link, first, self.folder / MANIFEST)
        return [Task(item, self.folder / item.file, link) for item in items]


def _room(item: Item, *, shared: bool) -> int:
    if item.size is not None:
        return 0 if shared and item.source else item.size
    assert item.shard is not None
    size = item.shard.rendering.size
    # No encoding that is offered takes more than the bare pixels and a little.
    each = (3 * size * size + 2000 for _ in item.shard.samples) if size else (sample.image.bytes for sample in item.shard.samples)
    return sum(each)


def _words(found: dict[str, object]) -> str:
    """What an export was asked for, as a person would say it."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items() if value is not None)


def _inside(path: Path, folder: Path) -> bool:
    """Whether a path stays in a folder, whatever links lie on its way."""
    return path.resolve().is_relative_to(folder.resolve())
