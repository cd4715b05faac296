"""One image or mask looked at, alone or in a zip: its size, its digest, and where asked its pixels."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import archives
from ham_cli.checksum import CHUNK, ToMeasure, measure, opened, sha256

if TYPE_CHECKING:
    from ham_cli.archives import Member

MAX_BYTES = 64 << 20
"""What is larger is none of the published images, of which the largest has 0.5 MB: it is hashed, and not decoded."""


@dataclass(frozen=True, slots=True)
class ToLook:
    """One image or mask, and how closely it is looked at."""

    path: str
    """The file, or the zip that holds it."""
    member: Member | None = None
    quick: bool = False
    """Only its size."""
    deep: bool = False
    """Its pixels too."""
    is_mask: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What an image or mask is."""

    bytes: int = 0
    sha256: str | None = None
    """``None`` where only the size was asked for."""
    error: str | None = None
    """Why it could not be read, or decoded."""
    crc: int = 0
    """CRC-32, as zips have it; 0 where its pixels were not decoded."""
    size: tuple[int, int] | None = None
    """Width and height of its pixels; ``None`` where they were not decoded."""
    odd: str | None = None
    """What its pixels are that no published image's or mask's are."""


def look(task: ToLook) -> Looked:
    """Size, digest and pixels of one image or mask; read once."""
    if task.member is None and not task.deep:
        measured = measure(ToMeasure(task.path, task.quick))
        return Looked(measured.bytes, measured.sha256, measured.error)
    if task.quick:
        return Looked(task.member.bytes if task.member else 0)
    try:
        data = _read(task)
    except archives.BadArchiveError as error:
        return Looked(error=str(error))
    except OSError as error:
        return Looked(error=error.strerror)
    if data is None:
        measured = measure(ToMeasure(task.path, quick=False))
        return Looked(measured.bytes, measured.sha256, f"it has {measured.bytes} bytes: no published image has, and it was not decoded")
    found = Looked(len(data), sha256(data))
    return _decoded(found, data, is_mask=task.is_mask) if task.deep else found


def _read(task: ToLook) -> bytes | None:
    """The bytes; ``None`` for more of them than are decoded."""
    if task.member is not None:
        if task.member.bytes > MAX_BYTES:
            raise archives.BadArchiveError(f"member {task.member.name!r} has {task.member.bytes} bytes: no published image has")
        return b"".join(archives.chunks(Path(task.path), task.member))
    descriptor, size = opened(task.path)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        return None if size > MAX_BYTES else b"".join(iter(lambda: file.read(max(size + 1, CHUNK)), b""))


def _decoded(found: Looked, data: bytes, *, is_mask: bool) -> Looked:
    from ham_cli import images

    try:
        size, odd = images.inspected(data, is_mask=is_mask)
    except images.NotAnImageError as error:
        return replace(found, error=str(error))
    return replace(found, crc=zlib.crc32(data), size=size, odd=odd)


def oddness(looked: Looked, size: tuple[int, int]) -> dict[str, str] | None:
    """How decoded pixels are not those of a published image or mask of this width and height, as fields of a finding."""
    if looked.size and looked.size != size:
        return {"expected": "{} x {}".format(*size), "got": "{} x {}".format(*looked.size), "detail": "width and height in pixels"}
    return {"detail": looked.odd} if looked.odd else None
