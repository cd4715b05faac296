"""An export held against its own list: what is wrong, missing or too much in its folder. No cache is asked."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ham_cli import cache, manifest, pool
from ham_cli.checksum import ToMeasure, measure
from ham_cli.errors import AccessError, WrongUsageError
from ham_cli.exporters.inside import FILE, inside
from ham_cli.exporters.journal import MANIFEST, UNFINISHED
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict
from ham_cli.manifest import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ham_cli.checksum import Measured
    from ham_cli.findings import Event
    from ham_cli.manifest import Manifest
    from ham_cli.pool import Workers

Row = dict[str, Any]

_NAME = "export"
"""What its findings are about."""

_DAMAGED = "export again, with --force: the list and the files are written anew"


@dataclass
class Audit:
    """One look at an export: nothing is changed, nothing is locked."""

    folder: Path
    listed: Manifest
    """Its list; of one that was not finished, what it was to become."""
    unfinished: bool
    quick: bool
    jobs: int | Workers
    checked: int = field(default=0, init=False)
    """Files that are there and were looked at."""
    right: int = field(default=0, init=False)

    @cached_property
    def files(self) -> dict[str, Row]:
        """The row of every file itself, by the file's name; raises `AccessError` for a list that no export can have."""
        rows: dict[str, list[Row]] = {}
        for row in self.listed.rows:
            rows.setdefault(row["file"], []).append(row)
        return {file: self._row(file, some) for file, some in rows.items()}

    def run(self) -> Iterator[Event]:
        """Yield findings and progress; of an export that was not finished, only that."""
        if self.unfinished:
            detail = "this export was not finished: the same ham export again finishes it"
            yield Finding(_NAME, MANIFEST, Verdict.MISSING, detail=detail)
            return
        there = []
        for file in self.files:
            fault = self._not_there(file)
            if fault is None:
                there.append(file)
            else:
                yield fault
        yield from self._judged(there)
        yield from self._extra()

    def _row(self, file: str, rows: Sequence[Row]) -> Row:
        """The row that is about the file itself: the one that names no image, or the only one."""
        own = [row for row in rows if row["image_id"] is None] or rows
        told = own[0]["bytes"] is not None and own[0]["sha256"] is not None
        if not FILE.fullmatch(file) or len(own) > 1 or not (told or self.unfinished):
            what = "the list of this export says what no export can"
            raise AccessError(what, where=self.folder / MANIFEST, got=f"file {file[:200]!r}", fix=_DAMAGED)
        return own[0]

    def _not_there(self, file: str) -> Finding | None:
        """What is wrong with a file without reading it; ``None`` where it is one that can be read."""
        row, path = self.files[file], self.folder / file
        parent = file.rpartition("/")[0]
        if parent not in self._insiders:
            detail = "a link on its way leads out of the export: it was not read"
            return Finding(_NAME, file, Verdict.UNREADABLE, row["image_id"], row["sha256"], detail=detail)
        try:
            # A link is followed to a file; what is neither may never end (a pipe), or is no bytes.
            if stat.S_ISREG(path.stat().st_mode):
                return None
        except (FileNotFoundError, NotADirectoryError):
            gone = "a link to a file that is no longer there" if path.is_symlink() else None
            return Finding(_NAME, file, Verdict.MISSING, row["image_id"], row["sha256"], detail=gone)
        except OSError as error:
            return Finding(_NAME, file, Verdict.UNREADABLE, row["image_id"], row["sha256"], detail=error.strerror)
        return Finding(_NAME, file, Verdict.UNREADABLE, row["image_id"], row["sha256"], detail="it is no file")

    @cached_property
    def _insiders(self) -> set[str]:
        """Those of the list's folders that lie in the export, whatever links are on their way."""
        folders = {file.rpartition("/")[0] for file in self.files}
        return {name for name in folders if inside(self.folder / name, self.folder)}

    def _judged(self, there: Sequence[str]) -> Iterator[Event]:
        """What is there, held against its row."""
        if not there:
            return
        yield Started(_NAME, len(there), "file")
        tasks = [ToMeasure(str(self.folder / file), self.quick) for file in there]
        pool.require(self.jobs, self.folder / MANIFEST)
        # Few large files are hashed on every core too.
        batch = max(1, min(pool.BATCH, len(tasks) // (pool.count(self.jobs) * pool.AHEAD)))
        for file, measured in zip(there, pool.run(measure, tasks, self.jobs, batch=batch), strict=True):
            self.checked += 1
            fault = _compared(file, self.files[file], measured)
            if fault is None:
                self.right += 1
            else:
                yield fault
            yield Advanced(_NAME, 1)
        yield Done(_NAME, f"{self.right} of {len(there)} right")

    def _extra(self) -> Iterator[Finding]:
        """Files that the list does not name; hidden ones and what file managers leave are nobody's data."""
        for folder, error in _walked(self.folder):
            where = os.path.relpath(folder, self.folder).replace(os.sep, "/")
            before = "" if where == "." else f"{where}/"
            if error:
                yield Finding(_NAME, _shown(before), Verdict.UNREADABLE, detail=error)
                continue
            for name in sorted(cache.listing(folder)):
                file = f"{before}{name}"
                path = folder / name
                if file in self.files or file == MANIFEST or (path.is_dir() and not path.is_symlink()):
                    continue
                detail = (
                    "what Ultralytics keeps of the labels: it may be removed" if name.endswith(".cache") else "the list does not name it"
                )
                yield Finding(_NAME, _shown(file), Verdict.EXTRA, detail=detail)


def lists(folder: Path) -> str | None:
    """The name of the list that makes a folder an export, that of an unfinished one first; ``None`` where there is none."""
    return next((name for name in (UNFINISHED, MANIFEST) if (folder / name).is_file()), None)


def opened(folder: Path, *, quick: bool, jobs: int | Workers) -> Audit:
    """An export to be looked at.

    Raises `WrongUsageError` where a folder holds none, and `AccessError` where its list is damaged.
    """
    name = lists(folder)
    if name is None:
        raise WrongUsageError("this folder holds no export of ham", where=folder, expected=f"a folder with {MANIFEST} in it")
    try:
        listed = manifest.read(folder / name, schemas.EXPORT)
    except AccessError as error:
        # What mends the cache's tables does not mend an export's.
        error.fix = _DAMAGED if error.what.endswith("is damaged") else error.fix
        raise
    assert listed is not None
    audit = Audit(folder, listed, name == UNFINISHED, quick, jobs)
    audit.files  # noqa: B018  (a list that no export can have is told before anything is read)
    return audit


def _compared(file: str, row: Mapping[str, Any], measured: Measured) -> Finding | None:
    if measured.error:
        return Finding(_NAME, file, Verdict.UNREADABLE, row["image_id"], row["sha256"], None, measured.error)
    if measured.bytes != row["bytes"]:
        return Finding(_NAME, file, Verdict.WRONG, row["image_id"], f"{row['bytes']} bytes", f"{measured.bytes} bytes")
    if measured.sha256 in (None, row["sha256"]):
        return None
    return Finding(_NAME, file, Verdict.WRONG, row["image_id"], row["sha256"], measured.sha256)


def _walked(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Every folder of an export that is not hidden, in order, with why it cannot be looked into; no link is followed."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."))
        except OSError as error:
            yield folder, error.strerror
            continue
        yield folder, None
        waiting += [folder / name for name in reversed(found)]


def _shown(file: str) -> str:
    """A file's name as it can be written: bytes that are no UTF-8 as escapes."""
    return file.encode("utf-8", "backslashreplace").decode()
