"""Where everything lies; the writer's lock; room on the disk."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli import atomic
from ham_cli import record as records
from ham_cli.errors import AccessError, LockedError, WrongUsageError, from_os_error
from ham_cli.licence import ATTRIBUTION, beside_the_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import filelock

    from ham_cli.record import Record

TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of ham (dataset manager for HAM10000); see https://bford.info/cachedir/\n"
"""Tells backup programs to pass the cache over (bford.info/cachedir)."""

MARGIN = 64 << 20
"""Bytes kept free, at most, beside what is asked for: manifests, and what others write meanwhile."""

_CURRENT = "current"
_LOCK = ".lock"
_HOLDER = ".lock.json"


@dataclass(frozen=True)
class Folder:
    """One record's folder in a cache: where each thing lies."""

    path: Path

    @property
    def tables(self) -> Path:
        """The published tables, as received."""
        return self.path / "tables"

    @property
    def archives(self) -> Path:
        """Zips while they arrive, and those that are kept."""
        return self.path / "archives"

    @property
    def splits(self) -> Path:
        """Named splits, a Parquet file each."""
        return self.path / "splits"

    def manifest(self, name: str) -> Path:
        """The manifest of a name."""
        return self.path / "manifests" / f"{name}.parquet"

    def relative(self, path: Path) -> str:
        """A path as manifests spell it: from the record's folder, with ``/``."""
        return path.relative_to(self.path).as_posix()


@dataclass(frozen=True)
class Cache:
    """A cache folder; nothing in it needs to exist yet."""

    root: Path

    def folder(self, record_id: str) -> Folder:
        """The folder of a record."""
        return Folder(self.root / record_id)

    def records(self) -> list[str]:
        """The ids of the records that lie here, sorted."""
        try:
            return sorted(p.name for p in self.root.iterdir() if (p / "record.json").is_file())
        except FileNotFoundError:
            return []
        except NotADirectoryError as error:
            raise AccessError("the cache is no folder", where=self.root, fix="name a folder with --cache-dir") from error
        except OSError as error:
            raise from_os_error(error, self.root) from error

    def current(self) -> str | None:
        """The id of the record fetched last into this cache; ``None`` for an empty cache."""
        here = self.records()
        with contextlib.suppress(OSError, UnicodeDecodeError):
            current = (self.root / _CURRENT).read_text().strip()
            here = [current] if current in here else here
        return here[-1] if here else None

    def in_force(self, record_id: str | None = None) -> Record | None:
        """The record fetched last into this cache, or the one of an id; ``None`` where it is not there."""
        wanted = record_id or self.current()
        if wanted not in self.records():
            return None
        try:
            return records.load(self.folder(wanted).path / "record.json")
        except WrongUsageError as error:
            fix = "run ham fetch again: it writes the record anew"
            raise AccessError("the cache's record is damaged", where=error.where, got=error.got, fix=fix) from error

    def _is_ours(self) -> bool:
        """Whether nothing but caches of records lie here: a tag in somebody's home would keep it out of backups."""
        own = {"CACHEDIR.TAG", _CURRENT, *self.records()}
        return all(name in own or (self.root / name / "archives").is_dir() for name in listing(self.root))

    def adopt(self, record: Record) -> Folder:
        """Give a record its folder, with what lies beside its data; it is in force where no other one is."""
        folder = self.folder(record.id)
        try:
            ours = self._is_ours()
            folder.path.mkdir(parents=True, exist_ok=True)
            atomic.write((self.root if ours else folder.path) / "CACHEDIR.TAG", TAG)
            atomic.write(folder.path / json.loads(record.source)["digests"]["file"], record.digest_file)
            for name, text in beside_the_data(record).items():
                # What is there may say of an altered table what only the fetch that took it knew.
                if name != ATTRIBUTION or not (folder.path / name).exists():
                    atomic.write(folder.path / name, text)
            atomic.write(folder.path / "record.json", record.source)
            if self.current() in {None, record.id}:
                self.put_in_force(record)
        except OSError as error:
            raise from_os_error(error, error.filename or folder.path) from error
        return folder

    def put_in_force(self, record: Record) -> None:
        """Make a record that has its folder the one that every other command is about."""
        atomic.write(self.root / _CURRENT, f"{record.id}\n".encode())


@contextlib.contextmanager
def writer(root: Path, timeout: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the cache's one writer lock; ``say`` hears at once whom it waits for.

    Raises `LockedError` after ``timeout`` seconds. The lock is the operating system's: it ends with its
    holder. Where a file system has none, a warning is said and the work goes on: every replace is atomic.
    """
    import filelock

    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, root) from error
    lock = _lock(root / _LOCK)
    try:
        try:
            lock.acquire()
        except filelock.Timeout:
            holder = _holder(root)
            if timeout > 0:
                say(f"waiting for {holder}, which is writing to {root} (at most {timeout:g} s: --lock-timeout)")
            lock.acquire(timeout=timeout)
    except filelock.Timeout:
        raise LockedError(
            "another ham is writing to this cache", where=root, got=_holder(root), fix="wait for it, or give it longer with --lock-timeout"
        ) from None
    except PermissionError as error:
        raise from_os_error(error, root) from error
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in _NO_WRITING:
            raise from_os_error(error, root) from error
        say(f"this file system knows no locks ({error}): do not run two fetches at once")
    try:
        with contextlib.suppress(OSError):
            words = {"pid": os.getpid(), "host": socket.gethostname(), "command": _command()}
            (root / _HOLDER).write_text(json.dumps(words))
        yield
    finally:
        with contextlib.suppress(OSError):
            (root / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _lock(path: Path) -> filelock.BaseFileLock:
    """A lock that is the operating system's, or none: one of files alone would outlive a holder on another machine."""
    import filelock

    try:
        return filelock.FileLock(path, timeout=0, fallback_to_soft=False)
    except TypeError:  # an earlier filelock, which knows no other kind
        return filelock.FileLock(path, timeout=0)


_ROOM = "free some room, choose another folder with --cache-dir, or ask for less with --only or --sample"


@contextlib.contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Be the only ham that writes in the folder of ``lock_file``; `LockedError` at once where another does."""
    import filelock

    lock = _lock(lock_file)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise LockedError("another ham is writing there", where=lock_file.parent, fix="wait for it, or name another folder") from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, PermissionError) or getattr(error, "errno", None) in _NO_WRITING:
            raise
        # A file system without locks: every replace is atomic all the same.
    try:
        yield
    finally:
        # Nobody waits for it, so that it can go with the work.
        with contextlib.suppress(OSError):
            lock_file.unlink()
        lock.release()


def require_room(folder: Path, needed: int, fix: str = _ROOM) -> None:
    """Raise `AccessError` unless ``needed`` bytes, and a margin, are free where ``folder`` lies or will lie."""
    if needed <= 0:
        return
    while not folder.exists():
        folder = folder.parent
    free, wanted = shutil.disk_usage(folder).free, needed + min(MARGIN, needed // 10)
    if free < wanted:
        raise AccessError(
            "there is not enough room",
            where=folder,
            expected=f"{wanted / 1e6:.1f} MB free",
            got=f"{free / 1e6:.1f} MB free",
            fix=fix,
        )


_LEFT = {"Thumbs.db", "desktop.ini"}


def listing(folder: Path) -> set[str]:
    """The names in a folder, without hidden ones and what file managers leave; empty where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {e.name for e in entries if not e.name.startswith(".") and e.name not in _LEFT}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def half_of(target: Path) -> tuple[Path, Path]:
    """Where a download that is to become a file grows, and its journal."""
    part = target.with_name(f".{target.name}{atomic.MARK}")
    return part, part.with_name(f"{part.name}.journal")


def leftovers(cache: Cache, folder: Folder) -> list[Path]:
    """Files that an interrupted run left half written, in the record's folder and beside it."""
    # A download that was interrupted has a journal beside it.
    patterns = (f".*{atomic.MARK}", f".*{atomic.MARK}.journal")
    beside = [path for pattern in patterns for path in (cache.root.glob(pattern) if cache.root.is_dir() else ())]
    return sorted([*beside, *(path for pattern in patterns for path in (folder.path.rglob(pattern) if folder.path.is_dir() else ()))])


_NO_WRITING = {28, 30, 122}
"""ENOSPC, EROFS, EDQUOT: no lock because nothing can be written, which is another matter than no locks."""


def _holder(root: Path) -> str:
    try:
        words = json.loads((root / _HOLDER).read_text())
        return f"process {int(words['pid'])} ({words['command']}) on {words['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _command() -> str:
    # Options may one day hold an address with a password in it: the verb is enough.
    verbs = [a for a in sys.argv[1:3] if a.isalpha()]
    return " ".join(["ham", *verbs])
