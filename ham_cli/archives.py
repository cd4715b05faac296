"""Members of a zip, safely: their names are only ever read, never used as paths."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import deflate

from ham_cli.checksum import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEMBERS = 200_000
"""Twenty times the members of the largest published archive."""

_LOCAL_HEADER = struct.Struct("<4s5HLLLHH")
_AT_ONCE = 4 << 20
"""Bytes of a member that is read whole: images have some hundred thousand."""

SIGNATURE = b"PK\x03\x04"
"""The first four bytes of a zip, and of each of its members."""

_ENCRYPTED = 0x1

_FILES = {0, stat.S_IFREG, stat.S_IFDIR}
"""What a member may be, by its Unix mode; other systems write none."""

_MOST = 100
"""How many times its packed bytes an archive in an archive may have: packed once, it hardly gets smaller again."""

_EXTRA = 64 << 10
"""Bytes that a member's own extra field has at most; the directory does not tell them."""

_DESCRIPTOR = 24
"""Bytes of the longest data descriptor behind a member, with its signature (APPNOTE.TXT 4.3.9)."""


class BadArchiveError(Exception):
    """This is no zip that can be read whole, or one that no honest program writes."""


class Seekable(Protocol):
    """A file that may lie anywhere, as zipfile reads it."""

    def read(self, size: int = ..., /) -> bytes:
        """So many bytes, or all that follow."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Where the next byte is read from now on."""

    def tell(self) -> int:
        """Where the next byte is read."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside a zip: plain values, so that it can be handed to any worker."""

    name: str
    """As the archive spells it, folders and all."""
    offset: int
    """Of its local header, in bytes."""
    compressed: int
    bytes: int
    crc: int
    method: int
    """0 stored, 8 deflated."""
    end: int
    """One after the last byte that may be its own: where what follows it begins, or less where that is far."""

    @property
    def span(self) -> tuple[int, int]:
        """The bytes of the zip that hold it whole, from one to the one after the last: all that `chunks` reads."""
        return self.offset, self.end

    @property
    def base(self) -> str:
        """The name without its folders."""
        return self.name.replace("\\", "/").rpartition("/")[2]


def require_honest(member: Member) -> None:
    """Raise `BadArchiveError` for an archive in an archive that unpacks to more than an honest one can: it would fill the disk."""
    if member.bytes > _MOST * max(member.compressed, 1):
        raise BadArchiveError(
            f"member {member.name!r} is said to unpack from {member.compressed} bytes to {member.bytes}: no archive in an archive does"
        )


def is_clutter(name: str) -> bool:
    """Whether a path is what macOS leaves behind: ``__MACOSX/``, ``._ISIC_0025504.jpg``, ``.DS_Store``."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def members(file: Path | Seekable) -> tuple[Member, ...]:
    """The files in a zip, in the order of their bytes; folders and macOS clutter left out.

    Of a zip that lies elsewhere only the directory at its end is read. Raises `BadArchiveError` for a zip that is
    truncated, encrypted, or overlaps itself, and for links in it.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries, directory = archive.infolist(), archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise BadArchiveError(_why(file, error)) from error
    if len(entries) > MAX_MEMBERS:
        raise BadArchiveError(f"it has {len(entries)} members; at most {MAX_MEMBERS} are looked at")
    if not all(e.filename for e in entries):
        raise BadArchiveError("a member has no name")
    size = _size(file)
    # What is left out takes room all the same.
    bounds = sorted({e.header_offset for e in entries} | {directory, size})
    found = sorted((_member(e, size, bounds) for e in entries if not e.is_dir() and not is_clutter(e.filename)), key=lambda m: m.offset)
    for first, second in itertools.pairwise(found):
        if first.offset + first.compressed > second.offset:
            raise BadArchiveError(f"members {first.name!r} and {second.name!r} overlap")
    return tuple(found)


def chunks(path: Path, member: Member) -> Iterator[bytes | bytearray]:
    """The member's bytes, in pieces; its CRC and length are checked at the end.

    Raises `BadArchiveError` when they do not agree with the archive's directory.
    """
    entry = zipfile.ZipInfo(member.name)
    entry.compress_size, entry.file_size, entry.CRC = member.compressed, member.bytes, member.crc
    entry.compress_type = member.method
    if max(member.compressed, member.bytes) <= _AT_ONCE:
        yield _inflated(path, member)
        return
    left = member.bytes
    try:
        with path.open("rb") as file:
            file.seek(member.offset)
            file.seek(member.offset + _data_at(file.read(_LOCAL_HEADER.size), member))
            with zipfile.ZipExtFile(file, "r", entry) as content:
                while chunk := content.read(CHUNK):
                    left -= len(chunk)
                    yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadArchiveError(f"member {member.name!r}: {str(error) or 'it ends early'}") from error
    if left:
        raise BadArchiveError(f"member {member.name!r} ends {left} bytes early")


@contextlib.contextmanager
def inside(path: Path, member: Member) -> Iterator[Seekable]:
    """A member as a file of its own, a zip in a zip for one: where it is packed, going back in it begins at its start."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member.name) as content:
            yield content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError) as error:
        raise BadArchiveError(f"member {member.name!r}: {str(error) or 'it ends early'}") from error


def _data_at(header: bytes, member: Member) -> int:
    """How far behind the beginning of its local header a member's data begin."""
    if len(header) < _LOCAL_HEADER.size:
        raise BadArchiveError(f"member {member.name!r}: it ends early")
    signature, *_, name, extra = _LOCAL_HEADER.unpack_from(header)
    if signature != SIGNATURE:
        raise BadArchiveError(f"member {member.name!r} does not begin where the directory says")
    return _LOCAL_HEADER.size + int(name) + int(extra)


def _inflated(path: Path, member: Member) -> bytes | bytearray:
    """The bytes of a small member: read, inflated and checked in one go."""
    with path.open("rb") as file:
        file.seek(member.offset)
        span = file.read(member.end - member.offset)
    start = _data_at(span, member)
    packed = memoryview(span)[start : start + member.compressed]
    if len(packed) < member.compressed:
        raise BadArchiveError(f"member {member.name!r}: it ends early")
    data = packed.tobytes() if member.method == zipfile.ZIP_STORED else _undeflated(packed, member)
    if len(data) < member.bytes:
        raise BadArchiveError(f"member {member.name!r} ends {member.bytes - len(data)} bytes early")
    if len(data) > member.bytes:
        raise BadArchiveError(f"member {member.name!r} holds more than the {member.bytes} bytes that the directory says")
    if deflate.crc32(data) != member.crc:
        raise BadArchiveError(f"member {member.name!r}: Bad CRC-32 for file {member.name!r}")
    return data


def _undeflated(packed: memoryview, member: Member) -> bytes | bytearray:
    """What a member inflates to, or so much of it that it shows to be wrong; libdeflate is half as fast again as zlib."""
    try:
        return deflate.deflate_decompress(packed, member.bytes)
    except deflate.DeflateError:  # it does not say why: zlib does
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.bytes + 1)
        except zlib.error as error:
            raise BadArchiveError(f"member {member.name!r}: {error}") from error


def _size(file: Path | Seekable) -> int:
    return file.stat().st_size if isinstance(file, Path) else file.seek(0, os.SEEK_END)


def _member(entry: zipfile.ZipInfo, archive_size: int, bounds: list[int]) -> Member:
    if not 0 <= entry.header_offset < archive_size:
        raise BadArchiveError(f"member {entry.filename!r} lies outside of the file: its beginning or end is cut off")
    if entry.flag_bits & _ENCRYPTED:
        raise BadArchiveError(f"member {entry.filename!r} is encrypted")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadArchiveError(f"member {entry.filename!r} is packed by method {entry.compress_type}; only stored and deflated are read")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadArchiveError(f"member {entry.filename!r} is a link")
    if stat.S_IFMT(entry.external_attr >> 16) not in _FILES:
        raise BadArchiveError(f"member {entry.filename!r} is a device, a pipe or a socket")
    offset, name = entry.header_offset, len(entry.orig_filename.encode())
    follows = bounds[bisect.bisect_right(bounds, offset)]
    most = offset + _LOCAL_HEADER.size + name + _EXTRA + entry.compress_size + _DESCRIPTOR
    return Member(entry.filename, offset, entry.compress_size, entry.file_size, entry.CRC, entry.compress_type, min(follows, most))


def _why(file: Path | Seekable, error: Exception) -> str:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return _why(opened, error)
    if isinstance(error, UnicodeDecodeError):
        return f"a member's name is not the UTF-8 that it is said to be: {error.reason}"
    file.seek(0)
    head = file.read(4)
    if head == SIGNATURE:
        return f"it begins as a zip and has no directory at its end ({_size(file)} bytes): it is cut off, or something was added to it"
    if head[:1] == b"<":
        return "it is a web page, saved under the name of a zip"
    return f"it is no zip: {error}"
