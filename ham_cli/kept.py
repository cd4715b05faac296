"""A file that the cache keeps, as its manifest says it is: read and held against that, and the words where it is not so."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli import checksum
from ham_cli.errors import RecordError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """An image or a mask in the cache, and what it must be."""

    path: str
    bytes: int
    sha256: str


def read(file: File) -> bytes:
    """The bytes of a file in the cache.

    Raises `UnavailableError` where it is gone, and `RecordError` where it is not what the manifest says.
    """
    try:
        descriptor, _ = checksum.opened(file.path)
        with os.fdopen(descriptor, "rb") as opened:
            data = opened.read()
    except FileNotFoundError as error:
        raise gone(file.path) from error
    if (digest := hashlib.sha256(data).hexdigest()) != file.sha256:
        raise altered(file, len(data), digest)
    return data


def gone(path: str | Path) -> UnavailableError:
    """What is said of a file that the cache has no more."""
    fix = "ham fetch brings it again, with a --source that has it"
    return UnavailableError("an image is no longer in the cache, where its manifest says it is", where=path, fix=fix)


def altered(file: File, size: int, digest: str | None) -> RecordError:
    """What is said of a file that is no longer what the manifest says; ``digest``: where it was read."""
    return RecordError(
        "an image in the cache was changed since it was fetched",
        where=file.path,
        expected=f"{file.bytes} bytes, SHA-256 {file.sha256}",
        got=f"{size} bytes, SHA-256 {digest or 'unknown'}",
        fix="ham verify names all such images; ham fetch with a --source that has right copies brings them again",
    )


def undecodable(file: File, error: Exception) -> RecordError:
    """What is said of a right file that is no picture all the same."""
    return RecordError("an image cannot be decoded", where=file.path, got=error, fix="leave it out with --only, or fetch it again")
