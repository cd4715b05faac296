"""Files put in place whole or not at all: written beside, synced where others rely on them, moved."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = ".part"
"""Ends the name of every file that is not yet whole: readers pass it over, ``ham cache prune`` removes it."""

_FICLONE = 0x40049409
"""``ioctl`` that shares a file's blocks with another (linux/fs.h)."""


def beside(path: Path) -> Path:
    """A fresh hidden name in the folder of ``path``, where its bytes may grow."""
    return path.with_name(f".{path.name}.{random.getrandbits(32):08x}{MARK}")


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """A file to write that becomes ``path`` when the block ends well, and vanishes when it does not.

    ``sync`` puts bytes and name on the disk before it returns: for what names other files. Images go
    without, and are synced together by `sync_folder` before the manifest that names them.
    """
    temporary = beside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("xb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if sync:
            _sync_name(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write(path: Path, data: bytes) -> bool:
    """Put ``data`` at ``path``, synced; False, and nothing touched, where it stands there already."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    with replacing(path) as file:
        file.write(data)
    return True


def clone(source: Path, target: Path) -> bool:
    """Make ``target`` a file that shares the blocks of ``source``; False where the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl

    with source.open("rb") as original, target.open("xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), _FICLONE, original.fileno())
        except OSError:
            cloned = False
        else:
            cloned = True
    if not cloned:
        target.unlink()
    return cloned


def sync_file(path: Path) -> None:
    """The bytes of a file are on the disk when this returns."""
    descriptor = os.open(path, os.O_RDWR)  # some systems sync only what may be written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Everything written so far to the folder's file system is on its disk when this returns.

    One call for ten thousand images: a sync each would take minutes.
    """
    if sys.platform == "win32":
        return
    if sys.platform.startswith("linux"):
        import ctypes

        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) == 0:
                return
        finally:
            os.close(descriptor)
    os.sync()


def _sync_name(folder: Path) -> None:
    # Windows cannot open a folder; there the rename itself is as durable as it gets.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
