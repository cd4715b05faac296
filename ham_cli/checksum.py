"""Digests of bytes: while they are read, once."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 1 << 20
"""Bytes read at a time: an image whole, an archive in steps short enough to answer Ctrl-C."""


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def md5(data: bytes) -> str:
    """Hexadecimal MD5 of some bytes: the record's own digest, no protection against malice."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def of_file(path: Path, algorithm: str, advanced: Callable[[int], None] | None = None) -> tuple[int, str]:
    """``(bytes, hexadecimal digest)`` of a file, read once; ``advanced`` hears of every chunk."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    size = 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if advanced is not None:
                advanced(len(chunk))
    return size, digest.hexdigest()


def opened(path: str) -> tuple[int, int]:
    """A descriptor to read a file from, and its size. Raises `OSError`, also for what is there and no file."""
    # Looked at first: a pipe would be waited for, and O_NONBLOCK does not wait for a file's lease either.
    size = _size(path)
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), size


def _size(path: str) -> int:
    status = os.stat(path)  # noqa: PTH116  (ten thousand times)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file", path)
    return status.st_size


@dataclass(frozen=True)
class ToMeasure:
    """One file to hash, or with ``quick`` to measure."""

    path: str
    quick: bool


@dataclass(frozen=True)
class Measured:
    """What one file is."""

    bytes: int = 0
    sha256: str | None = None
    """``None`` where only the size was asked for."""
    error: str | None = None
    """Why it could not be read."""


def measure(task: ToMeasure) -> Measured:
    """Size and SHA-256 of one file."""
    try:
        if task.quick:
            return Measured(_size(task.path))
        descriptor, size = opened(task.path)
        try:
            # One read for an image: asking for a byte more than it should have shows that there is none.
            digest, left = hashlib.sha256(), min(size, CHUNK) + 1
            total = 0
            while chunk := os.read(descriptor, left):
                digest.update(chunk)
                total += len(chunk)
                if len(chunk) < left:
                    break
        finally:
            os.close(descriptor)
    except OSError as error:
        return Measured(error=error.strerror)
    return Measured(total, digest.hexdigest())
