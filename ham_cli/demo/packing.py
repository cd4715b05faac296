"""Zips as a server offers them: the same members give the same bytes, measured while they are written."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ham_cli import atomic
from ham_cli.checksum import md5, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOMENT = (2020, 1, 1, 0, 0, 0)
_UNIX = 3

_STUB = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(64)
"""What macOS leaves beside a file in a zip (AppleDouble, with no entries)."""


@dataclass(frozen=True)
class Size:
    """What is pinned of a file."""

    bytes: int
    md5: str
    sha256: str


def size_of(data: bytes) -> Size:
    """What is pinned of some bytes."""
    return Size(len(data), md5(data), sha256(data))


class Packed:
    """A zip that is being written; `size` is known when it is whole."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        """Begin a zip whose members lie in ``folder``, or flat where that is empty."""
        self._archive, self._folder = archive, folder
        self.size = Size(0, "", "")
        if folder:
            self._put(f"{folder}/", b"")

    def add(self, name: str, data: bytes, *, stub: bool = False) -> None:
        """Add a file, and the stub that macOS leaves beside it."""
        self._put(f"{self._folder}/{name}" if self._folder else name, data)
        if stub:
            self._put(f"__MACOSX/{self._folder}/._{name}", _STUB)

    def _put(self, name: str, data: bytes) -> None:
        entry = zipfile.ZipInfo(name, _MOMENT)
        entry.create_system = _UNIX
        entry.external_attr = (0o40755 if name.endswith("/") else 0o100644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED if data else zipfile.ZIP_STORED
        # Pictures do not shrink: the quickest level is as good as any.
        self._archive.writestr(entry, data, compresslevel=1)


@contextlib.contextmanager
def packing(path: Path, folder: str = "") -> Iterator[Packed]:
    """A zip that stands at ``path`` when the block ends well, and not at all when it does not."""
    with atomic.replacing(path) as file:
        measured = _Measured(file)
        with zipfile.ZipFile(measured, "w") as archive:
            packed = Packed(archive, folder)
            yield packed
        packed.size = Size(measured.bytes, measured.md5.hexdigest(), measured.sha256.hexdigest())


class _Measured:
    """A file that is only ever written on, so that its digests are known at its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes, self.md5, self.sha256 = 0, hashlib.md5(usedforsecurity=False), hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write some bytes, and measure them."""
        self.md5.update(data)
        self.sha256.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Hand on what was written."""
        self._file.flush()

    def close(self) -> None:
        """Leave it open: who opened the file closes it."""
