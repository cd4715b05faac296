"""Digests of bytes: while they are read, once."""

from __future__ import annotations

import hashlib
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
