"""A parcel into its folder: file by file, each whole or not at all; begun again, it goes on."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, links, manifest, pool
from ham_cli.errors import AccessError, RecordError, UnavailableError, WrongUsageError, from_os_error
from ham_cli.findings import Advanced, Done, Note, Started, counted
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

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*(/[A-Za-z0-9][A-Za-z0-9._ -]*)*")
"""A file as our lists spell it; nothing else in a list is believed."""

LOCK = ".ham-export.lock"


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

        ``force``: whatever lies there, and every file is written anew. Raises `WrongUsageError` where something
        else lies there and it was not said.
        """
        self.parcel, self.folder, self.link, self.jobs, self.force = parcel, folder.resolve(), link, jobs, force
        rows = manifest.sorted_rows(schemas.EXPORT, [item.fields() for item in parcel.items])
        self.made = Manifest(schemas.EXPORT, rows, parcel.record, self._options())
        self.look()

    def look(self) -> None:
        """See what is there, and what is to do."""
        old = self._earlier()
        self.listed = {row["file"] for row in old.rows} if old else set()
        """What an earlier export put here."""
        # What is shared with a cache and what is not do not stand for each other.
        same_kind = old is not None and not self.force and _asked(old).get("link") == _asked(self.made).get("link")
        digests = {row["file"]: row["sha256"] for row in old.rows} if old and same_kind else {}
        self.todo = [item for item in self.parcel.items if not self._whole(item, digests)]
        """The files that are not yet there."""
        if not self.force:
            self._require_free()
        finished = old is not None and old.digest == self.made.digest and not (self.folder / UNFINISHED).exists()
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

    def _write(self) -> Iterator[Event]:
        items = sorted(self.todo, key=lambda item: item.file)
        copied = 0 if self.link in {Link.HARD, Link.SYM} else sum(item.size for item in items)
        cache.require_room(self.folder, copied, "free some room, choose another destination, or ask for less with --part or --only")
        # What lies here is at every instant named by one list: until the old files are gone, by the old one.
        if (self.folder / MANIFEST).exists():
            (self.folder / MANIFEST).replace(self.folder / UNFINISHED)
        self._clear()
        manifest.write(self.folder / UNFINISHED, self.made)
        if items:
            yield Started("export", len(items), "file")
        for _ in pool.run(_put, self._tasks(items), self.jobs):
            yield Advanced("export", 1)
        if items:
            yield Done("export", f"{len(items)} of {len(self.parcel.items)} files")
        atomic.sync_folder(self.folder)
        (self.folder / UNFINISHED).replace(self.folder / MANIFEST)
        strangers = self._strangers()
        if strangers:
            some = ", ".join(strangers[:3])
            yield Note(f"{counted(len(strangers), 'file')} beside this export's, which others may take for a part of it: {some}", "warning")

    def _options(self) -> dict[str, object]:
        shared = {"link": str(self.link)} if self.link in {Link.HARD, Link.SYM} else {}
        return {"format": self.parcel.format, **self.parcel.options, **shared, "input_digest": self.parcel.input_digest}

    def _earlier(self) -> Manifest | None:
        """What an earlier export says of itself; ``None`` where there is none that can be read."""
        if self.folder.exists() and not self.folder.is_dir():
            raise WrongUsageError("the destination is no folder", where=self.folder, fix="name another one")
        here = cache.listing(self.folder)
        found = None
        with contextlib.suppress(AccessError):
            for name in (UNFINISHED, MANIFEST):
                found = found or manifest.read(self.folder / name, schemas.EXPORT, missing_ok=True)
        if found is None and here and not self.force:
            fix = "name another folder, or write among what is there with --force"
            raise WrongUsageError("the destination is not empty, and no export of ham", where=self.folder, fix=fix)
        if found and _asked(found) != _asked(self.made) and not self.force:
            fix = "name another folder, or put this one in the old one's place with --force"
            raise WrongUsageError("another export lies there", where=self.folder, expected=_words(self.made), got=_words(found), fix=fix)
        return found

    def _require_free(self) -> None:
        """Raise where a file would be written over one that no export put there."""
        taken = [item.file for item in self.todo if item.file not in self.listed and os.path.lexists(self.folder / item.file)]
        if taken:
            fix = "move it away, or write over it with --force"
            raise WrongUsageError("a file of yours lies where an image belongs", where=self.folder / taken[0], fix=fix)

    def _whole(self, item: Item, digests: dict[str, str]) -> bool:
        """Whether a file lies there already, put there by an export; files only ever appear whole."""
        if digests.get(item.file) != item.sha256:
            return False
        try:
            return os.stat(self.folder / item.file).st_size == item.size  # noqa: PTH116  (ten thousand times)
        except OSError:
            return False

    def _strangers(self) -> list[str]:
        """Files in the folders that this export filled which are not of it, sorted; hidden ones are nobody's data."""
        own = {item.file for item in self.parcel.items}
        filled = {item.file.partition("/")[0] for item in self.parcel.items if "/" in item.file}
        found = (path for name in filled for path in (self.folder / name).rglob("[!.]*") if not path.is_dir())
        return sorted(label for path in found if (label := path.relative_to(self.folder).as_posix()) not in own)

    def _clear(self) -> None:
        """Remove what an earlier export put here and this one has not, and what was half written when it was killed."""
        stay = {*(item.file for item in self.parcel.items), MANIFEST, UNFINISHED}
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

    def _tasks(self, items: Sequence[Item]) -> Iterator[Task]:
        for folder in {(self.folder / item.file).parent for item in items}:
            if not _inside(folder, self.folder):
                raise WrongUsageError("a link in the destination leads out of it", where=folder, fix="remove it, or name another folder")
            folder.mkdir(parents=True, exist_ok=True)
        first = next((item.source for item in items if item.source), None)
        link = links.decided(self.link, first, self.folder / MANIFEST)
        return (Task(item, self.folder / item.file, link) for item in items)


def _asked(old: Manifest) -> dict[str, object]:
    return {"record": old.record} | {name: value for name, value in old.options.items() if name != "input_digest"}


def _words(old: Manifest) -> str:
    """What an export was asked for, as a person would say it."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _asked(old).items() if value is not None)


def _inside(path: Path, folder: Path) -> bool:
    """Whether a path stays in a folder, whatever links lie on its way."""
    return path.resolve().is_relative_to(folder.resolve())


def _put(task: Task) -> None:
    """Put one file in place; `RecordError` for an image that is not what the cache says of it."""
    temporary, item = atomic.beside(task.target), task.item
    try:
        if item.source is None:
            temporary.write_bytes(item.data or b"")
        else:
            _brought(item, item.source, temporary, task.link)
        temporary.replace(task.target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _brought(item: Item, source: Path, target: Path, link: Link) -> None:
    """Make ``target`` of an image of the cache; what is copied is hashed on the way, what is linked is measured."""
    try:
        size = source.stat().st_size
        data = source.read_bytes() if link is Link.COPY else b""
    except FileNotFoundError as error:
        fix = "ham fetch brings it again, with a --source that has it"
        raise UnavailableError("an image is no longer in the cache, where its manifest says it is", where=source, fix=fix) from error
    if link is Link.COPY:
        target.write_bytes(data)
    else:
        links.place(source, target, link)
    if link is Link.CLONE:
        data = target.read_bytes()
    digest = hashlib.sha256(data).hexdigest() if data else item.sha256
    if (size, digest) != (item.size, item.sha256):
        raise RecordError(
            "an image in the cache was changed since it was fetched",
            where=source,
            expected=f"{item.size} bytes, SHA-256 {item.sha256}",
            got=f"{size} bytes, SHA-256 {digest if data else 'unknown'}",
            fix="ham verify names all such images; ham fetch with a --source that has right copies brings them again",
        )
