"""A parcel into its folder: file by file, each whole or not at all; begun again, it goes on."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, links, manifest, pool
from ham_cli.errors import AccessError, WrongUsageError, from_os_error
from ham_cli.findings import Advanced, Done, Started
from ham_cli.links import Link
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ham_cli.exporters.parcel import Item, Parcel
    from ham_cli.findings import Event

MANIFEST = "ham-export.parquet"
UNFINISHED = ".ham-export.unfinished.parquet"
"""The manifest of an export while its files arrive; it is renamed when they all have."""


@dataclass(frozen=True)
class Task:
    """One file to put in place."""

    item: Item
    target: Path
    link: Link


class Packing:
    """One export into one folder."""

    def __init__(self, parcel: Parcel, folder: Path, link: Link, jobs: int, *, force: bool) -> None:
        """Look at what lies in the folder; nothing is changed yet.

        Raises `WrongUsageError` where something else lies there and ``force`` was not said.
        """
        self.parcel, self.folder, self.link, self.jobs = parcel, folder, link, jobs
        self.made = Manifest(schemas.EXPORT, [item.fields() for item in parcel.items], parcel.record, self._options())
        self._old, same = self._look(force=force)
        self.todo = [item for item in parcel.items if not self._whole(item)]
        """The files that are not yet there."""
        self.changed = bool(self.todo) or not same or (folder / UNFINISHED).exists()
        """Whether there is anything to do."""

    def run(self) -> Iterator[Event]:
        """Put every file in its place, the manifest last; yields progress."""
        if not self.changed:
            return
        items = sorted(self.todo, key=lambda item: item.file)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            copied = 0 if self.link in {Link.HARD, Link.SYM} else sum(item.size for item in items)
            cache.require_room(self.folder, copied, "free some room, choose another destination, or ask for less with --part or --only")
            manifest.write(self.folder / UNFINISHED, self.made)
            with contextlib.suppress(FileNotFoundError):
                (self.folder / MANIFEST).unlink()
            self._clear()
            if items:
                yield Started("export", len(items), "file")
            for _ in pool.run(_put, self._tasks(items), self.jobs):
                yield Advanced("export", 1)
            if items:
                yield Done("export", f"{len(items)} of {len(self.parcel.items)} files")
            atomic.sync_folder(self.folder)
            (self.folder / UNFINISHED).replace(self.folder / MANIFEST)
        except OSError as error:
            raise from_os_error(error, error.filename or self.folder) from error

    def _options(self) -> dict[str, object]:
        return {"format": self.parcel.format, **self.parcel.options, "input_digest": self.parcel.input_digest}

    def _look(self, *, force: bool) -> tuple[dict[str, str], bool]:
        """What an earlier export put here, file to SHA-256, and whether it is this very one."""
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise WrongUsageError("the destination is no folder", where=self.folder, fix="name another one")
        if not cache.everything_in(self.folder):
            return {}, False
        try:
            found = [m for name in (MANIFEST, UNFINISHED) if (m := manifest.read(self.folder / name, schemas.EXPORT, missing_ok=True))]
        except AccessError:
            found = []
        if not found and not force:
            fix = "name another folder, or write among what is there with --force"
            raise WrongUsageError("the destination is not empty, and no export of ham", where=self.folder, fix=fix)
        asked = [_asked(old) for old in found]
        if any(old != _asked(self.made) for old in asked) and not force:
            fix = "name another folder, or replace the old export with --force"
            raise WrongUsageError("another export lies there", where=self.folder, expected=_asked(self.made), got=asked[0], fix=fix)
        files = {row["file"]: row["sha256"] for old in found for row in old.rows}
        return files, [m.digest for m in found] == [self.made.digest]

    def _whole(self, item: Item) -> bool:
        """Whether a file lies there already, put there by an export; files only ever appear whole."""
        if self._old.get(item.file) != item.sha256:
            return False
        try:
            return os.stat(self.folder / item.file).st_size == item.size  # noqa: PTH116  (ten thousand times)
        except OSError:
            return False

    def _clear(self) -> None:
        """Remove what an earlier export put here and this one has not."""
        stay = {item.file for item in self.parcel.items}
        for file in sorted(set(self._old) - stay):
            path = self.folder / file
            if ".." in file.split("/") or file.startswith("/"):
                continue
            with contextlib.suppress(OSError):
                path.unlink()
                path.parent.rmdir()

    def _tasks(self, items: Sequence[Item]) -> Iterator[Task]:
        for folder in {(self.folder / item.file).parent for item in items}:
            folder.mkdir(parents=True, exist_ok=True)
        first = next((item.source for item in items if item.source), None)
        link = links.decided(self.link, first, self.folder / MANIFEST)
        return (Task(item, self.folder / item.file, link) for item in items)


def _asked(old: Manifest) -> dict[str, object]:
    return {name: value for name, value in old.options.items() if name != "input_digest"}


def _put(task: Task) -> None:
    temporary = atomic.beside(task.target)
    try:
        if task.item.source is None:
            temporary.write_bytes(task.item.data or b"")
        else:
            links.place(task.item.source, temporary, task.link)
        temporary.replace(task.target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
