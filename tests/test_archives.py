"""Zips as people hold them and as nobody should make them: read whole, or refused in words."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import shutil
import stat
import struct
import subprocess
import tracemalloc
import warnings
import zipfile
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import archives
from ham_cli.archives import BadArchiveError

if TYPE_CHECKING:
    from pathlib import Path

NOISE = random.Random(1).randbytes(3 << 20)  # noqa: S311  (bytes, no secret)
"""Bytes that do not deflate, in more than one chunk."""

FILES = {
    "HAM/ISIC_0024310.jpg": NOISE,
    "HAM/ISIC_0024306.jpg": b"\xff\xd8\xff\xdb" + bytes(5000),
    "HAM/empty.txt": b"",
    "LICENSE.txt": b"CC BY-NC 4.0\n" * 100,
}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return buffer.getvalue()


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "archive.zip"
    path.write_bytes(data)
    return path


def content(path: Path) -> dict[str, bytes]:
    return {m.name: b"".join(archives.chunks(path, m)) for m in archives.members(path)}


@dataclass(frozen=True)
class Entry:
    """One member, put together byte by byte; what is None is told truly."""

    name: bytes = b"ISIC_0024306.jpg"
    data: bytes = b"some bytes"
    method: int = 8
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    """What the directory says of its length."""
    packed: int | None = None
    """What the directory says of its packed length."""
    offset: int | None = None
    attributes: int = 0
    extra: bytes = b""

    @property
    def stored(self) -> bytes:
        """The data as it lies in the zip."""
        if self.method == 0:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()


def forged(*entries: Entry, start: int | None = None) -> bytes:
    """A zip of the entries; ``start`` is where its end says that the directory begins."""
    body, directory = b"", b""
    for e in entries:
        crc, size = zlib.crc32(e.data) if e.crc is None else e.crc, len(e.data) if e.size is None else e.size
        packed, offset = len(e.stored) if e.packed is None else e.packed, len(body) if e.offset is None else e.offset
        told = struct.pack("<4H3L2H", e.flags, e.method, 0, 33, crc, packed, size, len(e.name), 0)
        body += b"PK\x03\x04\x14\x00" + told + e.name + e.stored
        told = told[:-2] + struct.pack("<4H2L", len(e.extra), 0, 0, 0, e.attributes, offset)
        directory += b"PK\x01\x02\x14\x03\x14\x00" + told + e.name + e.extra
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), len(body) if start is None else start, 0)
    return body + directory + end


def zip64(*values: int) -> bytes:
    """The extra field that tells sizes and offset in eight bytes each."""
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


FULL = 0xFFFFFFFF
"""A four-byte field whose value stands in the extra field."""


# Honest zips.


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED], ids=["deflated", "stored"])
def test_every_members_bytes_come_out(method: int, tmp_path: Path) -> None:
    assert content(saved(tmp_path, zipped(FILES, method))) == FILES


def test_a_forged_zip_without_lies_is_read(tmp_path: Path) -> None:
    # The control of every forged one below.
    entries = (Entry(), Entry(b"b.txt", b"stored", method=0), Entry(b"c.txt", bytes(100_000)))
    path = saved(tmp_path, forged(*entries))
    assert content(path) == {e.name.decode(): e.data for e in entries}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_a_members_facts_are_those_of_the_directory(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped(FILES))
    with zipfile.ZipFile(path) as archive:
        told = [(i.filename, i.header_offset, i.compress_size, i.file_size, i.CRC, i.compress_type) for i in archive.infolist()]
    assert [(m.name, m.offset, m.compressed, m.bytes, m.crc, m.method) for m in archives.members(path)] == told


def test_members_come_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    first = forged(Entry(b"z.jpg", b"1"), Entry(b"a.jpg", b"22"), Entry(b"m.jpg", b"333"))
    places = [m.offset for m in archives.members(saved(tmp_path, first))]
    assert places == sorted(places)
    # The same, with the last member's line first in the directory.
    lines = [first[i:j] for i, j in _directory_lines(first)]
    turned = first.replace(b"".join(lines), b"".join(reversed(lines)))
    assert turned != first
    assert [m.name for m in archives.members(saved(tmp_path, turned))] == ["z.jpg", "a.jpg", "m.jpg"]


def _directory_lines(data: bytes) -> list[tuple[int, int]]:
    starts = [i for i in range(len(data)) if data.startswith((b"PK\x01\x02", b"PK\x05\x06"), i)]
    return list(itertools.pairwise(starts))


def test_folders_and_what_macos_leaves_are_left_out(tmp_path: Path) -> None:
    names = ["HAM/", "HAM/a.jpg", "__MACOSX/", "__MACOSX/HAM/._a.jpg", "__MACOSX/HAM/b.jpg", "HAM/._c.jpg", "HAM/.DS_Store", ".DS_Store"]
    path = saved(tmp_path, zipped({n: b"" if n.endswith("/") else b"x" for n in names}))
    assert [m.name for m in archives.members(path)] == ["HAM/a.jpg"]


@pytest.mark.parametrize(
    ("name", "clutter"),
    [
        ("__MACOSX/HAM/x.jpg", True),
        ("a/__MACOSX/x.jpg", True),
        ("__MACOSX", True),
        ("HAM\\__MACOSX\\x.jpg", True),
        ("._ISIC_0025504_segmentation.png", True),
        ("HAM/._x.jpg", True),
        ("HAM\\._x.jpg", True),
        ("HAM/.DS_Store", True),
        ("HAM/ISIC_0025504.jpg", False),
        ("my__MACOSX/x.jpg", False),
        ("._folder/x.jpg", False),
        ("x.DS_Store", False),
    ],
)
def test_clutter_is_known_by_its_name(name: str, *, clutter: bool) -> None:
    assert archives.is_clutter(name) is clutter


@pytest.mark.parametrize(
    "name",
    ["../../x.jpg", "/etc/x.jpg", "C:\\x.jpg", "..\\..\\x.jpg", "a/b/../x.jpg", "\\\\host\\share\\x.jpg", "a\\b/x.jpg", "x.jpg", "./x.jpg"],
)
def test_a_name_is_read_for_its_last_part_only(name: str, tmp_path: Path) -> None:
    (member,) = archives.members(saved(tmp_path, forged(Entry(name.encode()))))
    assert (member.name, member.base) == (name, "x.jpg")


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        ("läsion.jpg".encode(), 0x800, "läsion.jpg"),
        ("läsion.jpg".encode("cp437"), 0, "läsion.jpg"),
        (b"ISIC_\xff.jpg", 0, "ISIC_\xa0.jpg"),
        ("病变.jpg".encode(), 0x800, "病变.jpg"),
    ],
    ids=["UTF-8", "the old code page", "a byte of it", "Chinese"],
)
def test_names_are_read_in_either_encoding(raw: bytes, flags: int, name: str, tmp_path: Path) -> None:
    assert content(saved(tmp_path, forged(Entry(raw, flags=flags)))) == {name: b"some bytes"}


def test_a_name_that_is_not_the_utf8_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchiveError):
        archives.members(saved(tmp_path, forged(Entry(b"\xff\xfe.jpg", flags=0x800))))


def test_bytes_before_the_zip_are_passed_over(tmp_path: Path) -> None:
    assert content(saved(tmp_path, b"#!/bin/sh\n" + bytes(1000) + zipped(FILES))) == FILES


def test_a_comment_behind_the_zip_is_passed_over(tmp_path: Path) -> None:
    data = zipped(FILES)
    assert content(saved(tmp_path, data[:-2] + struct.pack("<H", 5) + b"hello")) == FILES


def test_an_empty_zip_has_no_members(tmp_path: Path) -> None:
    assert archives.members(saved(tmp_path, zipped({}))) == ()


def test_members_with_eight_byte_sizes_are_read(tmp_path: Path) -> None:
    entry = Entry(data=b"large" * 1000)
    large = replace(entry, size=FULL, packed=FULL, offset=FULL, extra=zip64(5000, len(entry.stored), 0))
    path = saved(tmp_path, forged(large))
    assert [(m.offset, m.bytes) for m in archives.members(path)] == [(0, 5000)]
    assert content(path) == {"ISIC_0024306.jpg": entry.data}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("ISIC_0024306.jpg", "w", force_zip64=True) as member:
        member.write(NOISE)
    assert content(saved(tmp_path, buffer.getvalue())) == {"ISIC_0024306.jpg": NOISE}


def test_members_written_to_a_pipe_are_read(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        """A stream that cannot seek: sizes follow each member's bytes."""

        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    assert content(saved(tmp_path, pipe.data)) == FILES


def test_chunks_are_bounded_whatever_the_member(tmp_path: Path) -> None:
    path = saved(tmp_path, forged(Entry(data=bytes(64 << 20))))
    (member,) = archives.members(path)
    tracemalloc.start()
    try:
        sizes = {len(chunk) for chunk in archives.chunks(path, member)}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(sizes) <= 1 << 20
    assert peak < 8 << 20


def test_a_member_left_early_closes_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped(FILES))
    member = next(m for m in archives.members(path) if m.bytes > 1 << 20)
    pieces = archives.chunks(path, member)
    assert FILES[member.name].startswith(next(pieces))
    pieces.close()  # type: ignore[attr-defined]  # warnings are errors: a file left open would be said


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here")
    return found


def laid(folder: Path) -> Path:
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("options", [(), ("-0",), ("-fd",), ("-fz",)], ids=["plain", "stored", "with descriptors", "zip64"])
def test_zips_of_info_zip_are_read(options: tuple[str, ...], tmp_path: Path) -> None:
    target = tmp_path / "made.zip"
    subprocess.run([program("zip"), "-qrD", *options, target, "."], cwd=laid(tmp_path / "tree"), check=True)
    assert content(target) == FILES


def test_zips_of_info_zip_through_a_pipe_are_read(tmp_path: Path) -> None:
    made = subprocess.run([program("zip"), "-qrD", "-", "."], cwd=laid(tmp_path / "tree"), check=True, capture_output=True)
    assert content(saved(tmp_path, made.stdout)) == FILES


@pytest.mark.parametrize(
    "options", [(), ("--options", "zip:compression=store"), ("--options", "zip:zip64")], ids=["plain", "stored", "zip64"]
)
def test_zips_of_bsdtar_are_read(options: tuple[str, ...], tmp_path: Path) -> None:
    target = tmp_path / "made.zip"
    subprocess.run(
        [program("bsdtar"), "-c", "--format", "zip", *options, "-f", target, "HAM", "LICENSE.txt"], cwd=laid(tmp_path), check=True
    )
    assert content(target) == FILES


def test_chunks_are_what_unzip_prints(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped(FILES))
    unzip = program("unzip")
    for member in archives.members(path):
        printed = subprocess.run([unzip, "-p", path, member.name], capture_output=True, check=True).stdout
        assert b"".join(archives.chunks(path, member)) == printed


# Where a member's bytes lie.


class Pipe(io.RawIOBase):
    """What cannot be sought in, so that sizes follow the bytes, in data descriptors."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401  (whatever has a buffer)
        self.data += bytes(data)
        return len(data)


def piped(files: dict[str, bytes]) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return pipe.data


CLUTTERED = FILES | {"__MACOSX/HAM/._ISIC_0024310.jpg": NOISE[:5000], "HAM/": b"", ".DS_Store": b"x" * 6148}


@pytest.mark.parametrize("made", [zipped(CLUTTERED), piped(CLUTTERED), b"prefix" * 99 + zipped(FILES), zipped(FILES, zipfile.ZIP_STORED)])
def test_each_member_can_be_read_where_only_its_own_bytes_are(made: bytes, tmp_path: Path) -> None:
    whole = saved(tmp_path, made)
    sparse = tmp_path / "sparse.zip"
    for member in archives.members(whole):
        start, end = member.span
        sparse.write_bytes(bytes(start) + made[start:end] + bytes(len(made) - end))
        assert b"".join(archives.chunks(sparse, member)) == FILES[member.name]


def test_spans_do_not_overlap_and_hold_nothing_of_what_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped(CLUTTERED))
    with zipfile.ZipFile(path) as archive:
        offsets = sorted(i.header_offset for i in archive.infolist())
    for member in archives.members(path):
        start, end = member.span
        assert [at for at in offsets if start <= at < end] == [start]


def test_a_gap_behind_a_member_is_not_its_own(tmp_path: Path) -> None:
    # As if the next 3 MB were a member that somebody took out of the directory.
    made = forged(Entry(b"a.jpg", b"x", method=0), Entry(b"gone", NOISE, method=0), Entry(b"b.jpg", b"y", method=0))
    lines = _directory_lines(made)
    first, _, last = (made[i:j] for i, j in lines)
    end = bytearray(made[lines[-1][1] :])
    struct.pack_into("<2HL", end, 8, 2, 2, len(first) + len(last))
    path = saved(tmp_path, made[: lines[0][0]] + first + last + bytes(end))
    a, b = archives.members(path)
    assert a.span == (0, 30 + 5 + (64 << 10) + 1 + 24)
    assert b.end == lines[0][0]


def test_a_member_of_which_a_part_is_a_hole_is_refused(tmp_path: Path) -> None:
    files = {"a.jpg": NOISE[:9000], "b.txt": b"CC BY-NC 4.0\n" * 100}
    for made in (zipped(files), zipped(files, zipfile.ZIP_STORED)):
        for member in archives.members(saved(tmp_path, made)):
            for start, end in (member.span, (member.offset + member.compressed // 2 + 35, member.end), (member.offset, member.offset + 9)):
                sparse = tmp_path / "sparse.zip"
                sparse.write_bytes(made[:start] + bytes(end - start) + made[end:])
                with pytest.raises(BadArchiveError, match=member.base):
                    list(archives.chunks(sparse, member))


def test_an_open_file_has_the_members_of_its_path(tmp_path: Path) -> None:
    for made in (zipped(CLUTTERED), piped(CLUTTERED)):
        assert archives.members(io.BytesIO(made)) == archives.members(saved(tmp_path, made))


@pytest.mark.parametrize("damaged", [zipped(FILES)[:-100], b"<html>no</html>", b"", NOISE[:1000], b"PK"])
def test_an_open_file_is_refused_in_the_words_of_its_path(damaged: bytes, tmp_path: Path) -> None:
    said = []
    for file in (io.BytesIO(damaged), saved(tmp_path, damaged)):
        with pytest.raises(BadArchiveError) as refusal:
            archives.members(file)
        said.append(str(refusal.value))
    assert said[0] == said[1]


# Damaged ones.


def refused(path: Path, words: str = ".") -> BadArchiveError:
    """What is said of a zip that cannot be read whole."""
    with pytest.raises(BadArchiveError, match=words) as refusal:
        content(path)
    assert not str(refusal.value).rstrip().endswith(":")
    return refusal.value


def test_a_wrong_byte_is_found_by_the_crc(tmp_path: Path) -> None:
    data = bytearray(forged(Entry(method=0, data=bytes(1000))))
    data[500] ^= 1
    assert "ISIC_0024306.jpg" in str(refused(saved(tmp_path, bytes(data)), "CRC"))


def test_a_wrong_crc_in_the_directory_is_found(tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(crc=1))), "CRC")


def test_a_torn_stream_is_refused(tmp_path: Path) -> None:
    data = bytearray(forged(Entry(data=NOISE[:5000])))
    data[60:2000] = bytes(1940)
    refused(saved(tmp_path, bytes(data)), "ISIC_0024306.jpg")


@pytest.mark.parametrize("left", [0.999, 0.5, 0.01])
def test_a_zip_cut_off_is_said_to_be_cut_off(left: float, tmp_path: Path) -> None:
    data = zipped(FILES)
    size = int(len(data) * left)
    assert str(size) in str(refused(saved(tmp_path, data[:size]), "cut off"))


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><title>Just a moment...</title>", b"<html>403</html>", b"<?xml version='1.0'?><Error/>"])
def test_a_web_page_is_said_to_be_one(page: bytes, tmp_path: Path) -> None:
    refused(saved(tmp_path, page), "web page")


@pytest.mark.parametrize("data", [b"", b"PK", b"\x1f\x8b" + bytes(100), b"Rar!" + bytes(100), NOISE[:1000]])
def test_what_is_no_zip_is_refused(data: bytes, tmp_path: Path) -> None:
    refused(saved(tmp_path, data), "zip")


def test_a_zip_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archives.members(tmp_path / "archive.zip")


# Ones that no honest program writes.


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(flags=1))), "encrypted")


def test_a_zip_that_a_program_encrypted_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "made.zip"
    subprocess.run([program("zip"), "-qrD", "-P", "secret", target, "."], cwd=laid(tmp_path / "tree"), check=True)
    refused(target, "encrypted")


def test_a_link_is_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(data=b"/etc/passwd", method=0, attributes=(stat.S_IFLNK | 0o777) << 16))), "link")


def test_a_link_that_a_program_stored_is_refused(tmp_path: Path) -> None:
    tree = laid(tmp_path / "tree")
    (tree / "link.jpg").symlink_to("LICENSE.txt")
    target = tmp_path / "made.zip"
    subprocess.run([program("zip"), "-qryD", target, "."], cwd=tree, check=True)
    refused(target, "link")


@pytest.mark.parametrize("method", [9, 12, 14, 93, 99])
def test_a_method_that_is_not_read_is_named(method: int, tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(method=method))), f"method {method}")


def test_members_on_the_same_bytes_are_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(b"a.jpg"), Entry(b"b.jpg", offset=0))), "overlap")


def test_members_that_begin_in_one_another_are_refused(tmp_path: Path) -> None:
    inner = forged(Entry(b"inner.jpg"))
    outer = Entry(b"outer.jpg", inner, method=0)
    assert content(saved(tmp_path, forged(outer))) == {"outer.jpg": inner}
    nested = forged(outer, Entry(b"inner.jpg", offset=30 + len(b"outer.jpg")))
    refused(saved(tmp_path, nested), "overlap")


def test_a_member_said_to_be_larger_than_it_is_ends_early(tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(size=1 << 31))), "early|CRC")
    refused(saved(tmp_path, forged(Entry(method=0, size=1000))), "early|CRC|overlap")


def test_a_bomb_that_lies_about_its_size_gives_no_byte_too_many(tmp_path: Path) -> None:
    path = saved(tmp_path, forged(Entry(data=bytes(64 << 20), size=1000)))
    (member,) = archives.members(path)
    given_out = 0
    with pytest.raises(BadArchiveError, match="holds more than the 1000 bytes"):  # noqa: PT012  (what came before the refusal is the point)
        for chunk in archives.chunks(path, member):
            given_out += len(chunk)
    assert given_out <= 1000


def test_a_packed_length_that_leads_out_of_the_file_is_refused(tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(method=0, data=b"x" * 100, packed=1 << 30, size=1 << 30))), "early|CRC|overlap")


def test_a_member_whose_own_header_is_overwritten_is_refused(tmp_path: Path) -> None:
    data = forged(Entry())
    refused(saved(tmp_path, b"PK\x07\x08" + data[4:]), "does not begin")


@pytest.mark.parametrize("offset", [1, 40, 10_000, FULL - 1])
def test_a_member_that_does_not_begin_where_it_should_is_refused(offset: int, tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(offset=offset))))


@pytest.mark.parametrize("offset", [1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_an_eight_byte_offset_that_leads_out_is_refused(offset: int, tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(offset=FULL, extra=zip64(offset)))))


@pytest.mark.parametrize("size", [1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_eight_byte_sizes_that_lie_are_refused(size: int, tmp_path: Path) -> None:
    refused(saved(tmp_path, forged(Entry(size=FULL, packed=FULL, extra=zip64(size, size)))))


def test_a_directory_said_to_begin_elsewhere_is_refused(tmp_path: Path) -> None:
    # As if bytes before the zip had been cut off: every member would begin before the file.
    refused(saved(tmp_path, forged(Entry(), start=5000)))


@pytest.mark.slow
def test_more_members_than_any_record_has_are_refused(tmp_path: Path) -> None:
    count = 200_001
    line = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0)
    directory = b"".join(line + b"%07d" % n for n in range(count))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65534, 65534, len(directory), 0, 0)
    refused(saved(tmp_path, directory + end), "200001 members")


# Properties.


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the zips of the properties, one after the other."""
    return tmp_path_factory.mktemp("zips")


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}\.jpg", fullmatch=True), st.binary(max_size=3000), max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_was_zipped_comes_out(bench: Path, files: dict[str, bytes]) -> None:
    assert content(saved(bench, zipped(files))) == files


def tried(folder: Path, data: bytes) -> None:
    """Read all of a zip: whatever comes out has the CRC its directory says, and only words are raised."""
    path, words = saved(folder, data), "."
    try:
        for member in archives.members(path):
            crc, size = 0, 0
            for chunk in archives.chunks(path, member):
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            assert (crc, size) == (member.crc, member.bytes)
    except BadArchiveError as error:
        words = str(error)
    assert not words.rstrip().endswith(":")


SEEDS = (
    forged(Entry(), Entry(b"b.txt", b"stored", method=0)),
    forged(Entry(size=FULL, packed=FULL, offset=FULL, extra=zip64(10, len(Entry().stored), 0))),
    zipped({"HAM/": b"", "HAM/a.jpg": b"a" * 300, "__MACOSX/x": b"y"}),
)


@pytest.mark.parametrize("entry", [Entry(b""), Entry(b"/"), Entry(b"\0"), Entry(b"x.jpg\0/../y"), Entry(b"x" * 65_000)])
def test_names_of_no_file_are_read_or_refused_in_words(entry: Entry, bench: Path) -> None:
    tried(bench, forged(entry))


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_refused_in_words_only(bench: Path, data: bytes) -> None:
    tried(bench, data)
    tried(bench, data + b"PK\x05\x06" + data[:18].ljust(18, b"\0"))


@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(
            st.integers(0, 999),
            st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b"\xff" * 4, b"\xff" * 8, bytes(4), b"\x80"])),
        ),
        min_size=1,
        max_size=5,
    ),
)
@settings(max_examples=400, deadline=None)
def test_a_zip_with_torn_bytes_is_read_or_refused_in_words(bench: Path, seed: bytes, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(seed)
    for place, junk in changes:
        data[place % len(data) : place % len(data) + len(junk)] = junk
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's, about names that stand twice
        tried(bench, bytes(data))


@given(st.sampled_from(SEEDS), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_a_zip_with_bytes_cut_out_is_read_or_refused_in_words(bench: Path, seed: bytes, begin: float, end: float) -> None:
    first, last = sorted((int(begin * len(seed)), int(end * len(seed))))
    tried(bench, seed[:first] + seed[last:])


def test_a_real_images_bytes_come_through_a_zip(real_data: Path, tmp_path: Path) -> None:
    images = {f"part/{f.name}": f.read_bytes() for f in sorted((real_data / "sample").glob("ISIC_*.jpg"))[:8]}
    read = content(saved(tmp_path, zipped(images)))
    assert {n: hashlib.sha256(d).hexdigest() for n, d in read.items()} == {n: hashlib.sha256(d).hexdigest() for n, d in images.items()}


def test_reading_a_zip_writes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped({"../../outside.jpg": b"x", "/outside.jpg": b"y"}))
    before = sorted(tmp_path.parent.rglob("*"))
    assert len(content(path)) == 2
    assert sorted(tmp_path.parent.rglob("*")) == before
