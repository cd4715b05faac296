"""What everything stands on: files put in place whole, digests, tasks in parallel, an operating system's refusals in words."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import stat
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ham_cli import atomic, checksum, findings, images, pool
from ham_cli.errors import AccessError, HamError, LockedError, RecordError, UnavailableError, WrongUsageError, from_os_error
from ham_cli.findings import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.small import Small


class BrokenError(Exception):
    """What a test raises on purpose."""


# Whole or not at all.


def test_a_file_stands_in_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    with atomic.replacing(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        assert [p.name.endswith(".part") for p in path.parent.iterdir()] == [True]
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def broken_off(path: Path, kind: type[BaseException], *, sync: bool = True) -> None:
    """Write a file and fail before its end."""
    with atomic.replacing(path, sync=sync) as file:
        file.write(b"new")
        raise kind


@pytest.mark.parametrize("sync", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, *, sync: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    before = path.stat()
    with pytest.raises(BrokenError):
        broken_off(path, BrokenError, sync=sync)
    after = path.stat()
    assert path.read_bytes() == b"old"
    assert (before.st_ino, before.st_mtime_ns, before.st_mode) == (after.st_ino, after.st_mtime_ns, after.st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_interrupt_leaves_nothing_behind_either(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        broken_off(tmp_path / "file", KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError), atomic.replacing(tmp_path / "file") as file:  # noqa: PT011  (which one is the system's choice)
        file.write(b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_in_place_of_its_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(OSError), atomic.replacing(tmp_path / "folder" / "file") as file:  # noqa: PT011  (the same)
        file.write(b"new")


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_mode_follows_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        atomic.write(tmp_path / "file", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask


def test_two_names_beside_one_file_differ_and_are_hidden(tmp_path: Path) -> None:
    names = {atomic.beside(tmp_path / "ISIC_0024306.jpg").name for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(".ISIC_0024306.jpg.") and name.endswith(".part") for name in names)
    assert {atomic.beside(tmp_path / "x").parent for _ in range(3)} == {tmp_path}


def test_two_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic.replacing(path) as one, atomic.replacing(path) as other:
        one.write(b"1" * 1000)
        other.write(b"2" * 1000)
    assert path.read_bytes() == b"1" * 1000
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_is_there_already_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert atomic.write(path, b"data") is True
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert atomic.write(path, b"data") is False
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (1, before.st_ino)
    assert atomic.write(path, b"date") is True
    assert path.read_bytes() == b"date"
    assert path.stat().st_mtime_ns != 1


def test_a_link_is_replaced_and_what_it_names_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "file").symlink_to("theirs")
    atomic.write(tmp_path / "file", b"mine")
    assert not (tmp_path / "file").is_symlink()
    assert ((tmp_path / "theirs").read_bytes(), (tmp_path / "file").read_bytes()) == (b"theirs", b"mine")


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys, pathlib\nfrom ham_cli import atomic\n"
        "with atomic.replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'new' * 100000)\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == -9
    assert path.read_bytes() == b"old"
    left = [p for p in tmp_path.iterdir() if p != path]
    assert [p.name.startswith(".") and p.name.endswith(atomic.MARK) for p in left] == [True]


def test_a_clone_has_the_same_bytes_or_is_not_there(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"data" * 10_000)
    if atomic.clone(source, target):
        assert target.read_bytes() == source.read_bytes()
        target.write_bytes(b"other")
        assert source.read_bytes() == b"data" * 10_000
    else:
        assert not target.exists()


def test_blocks_are_not_shared_between_file_systems(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108  (a second file system, if there is one)
    if not other.is_dir() or not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    (tmp_path / "source").write_bytes(b"data")
    target = atomic.beside(other / "ham-test")
    assert atomic.clone(tmp_path / "source", target) is False
    assert not target.exists()


def test_a_clone_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (tmp_path / "target").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        atomic.clone(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"old"


def test_a_clone_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic.clone(tmp_path / "source", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


# Digests.

SIZES = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 7]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_files_digest_is_what_coreutils_says(size: int, algorithm: str, tmp_path: Path) -> None:
    program = shutil.which(f"{algorithm}sum")
    if program is None:
        pytest.skip(f"no {algorithm}sum here")
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    said = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout.split()[0]
    heard: list[int] = []
    assert checksum.of_file(path, algorithm, heard.append) == (size, said)
    assert sum(heard) == size
    assert checksum.of_file(path, algorithm) == (size, said)


def test_digests_of_known_words() -> None:
    # RFC 1321, A.5 and FIPS 180-2, B.1.
    assert checksum.md5(b"abc") == "900150983cd24fb0d6963f7d28e17f72"
    assert checksum.sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_digest_that_is_stopped_raises_what_stopped_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3 << 20))

    def stop(_amount: int) -> None:
        raise BrokenError

    with pytest.raises(BrokenError):
        checksum.of_file(tmp_path / "file", "sha256", stop)


# Tasks in parallel.


@pytest.mark.parametrize("jobs", [1, 2, 7])
@given(st.lists(st.integers(), max_size=300))
@settings(max_examples=15, deadline=None)
def test_results_come_in_the_order_of_tasks(jobs: int, tasks: list[int]) -> None:
    assert list(pool.run(str, tasks, jobs)) == [str(task) for task in tasks]


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_few_tasks_are_in_flight_however_many_there_are(jobs: int) -> None:
    drawn = 0

    def tasks() -> Iterator[int]:
        nonlocal drawn
        for number in range(100_000):
            drawn += 1
            yield number

    results = pool.run(abs, tasks(), jobs)
    for seen, result in enumerate(results):
        assert result == seen
        # A worker has its batches, and one batch is being handed out.
        assert drawn - seen <= (jobs + 1) * pool.AHEAD * pool.BATCH
        if seen == 5000:
            break
    results.close()
    assert drawn < 10_000


def test_every_worker_works() -> None:
    # Four tasks meet: they only do when four threads run at once.
    meeting = threading.Barrier(4, timeout=30)

    def task(number: int) -> int:
        return meeting.wait() if number % pool.BATCH == 0 else 0

    places = list(pool.run(task, range(4 * pool.BATCH), 4))
    assert sorted(places[:: pool.BATCH]) == [0, 1, 2, 3]


@pytest.mark.parametrize("jobs", [1, 2, 4])
@pytest.mark.parametrize("place", [0, 1, 50, 299])
def test_an_exception_of_a_task_is_raised_in_its_turn(jobs: int, place: int) -> None:
    def task(number: int) -> int:
        if number == place:
            raise BrokenError(number)
        return number

    seen: list[int] = []
    with pytest.raises(BrokenError, match=str(place)):
        seen.extend(iter(pool.run(task, range(300), jobs)))
    assert seen == list(range(len(seen)))
    assert place - pool.BATCH < len(seen) <= place


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_leaving_early_stops_the_workers(jobs: int) -> None:
    done: list[int] = []
    results = pool.run(lambda number: done.append(number) or number, range(100_000), jobs)  # type: ignore[func-returns-value]
    assert next(results) == 0
    results.close()
    count = len(done)
    assert count <= (jobs + 1) * pool.AHEAD * pool.BATCH
    assert len(done) == count
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_a_worker_stops_after_the_task_it_is_at() -> None:
    begun: list[int] = []
    never = threading.Event()

    def task(number: int) -> int:
        begun.append(number)
        never.wait(0.03)
        return number

    results = pool.run(task, range(10_000), 2)
    assert next(results) == 0
    before = len(begun)
    results.close()
    # A batch has sixteen: a worker that went on to its end would begin many more.
    assert len(begun) - before <= 8


def test_an_exception_in_the_list_of_tasks_is_raised() -> None:
    def tasks() -> Iterator[int]:
        yield 1
        raise BrokenError

    with pytest.raises(BrokenError):
        list(pool.run(abs, tasks(), 2))
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_the_cores_are_those_this_process_may_use() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system binds no process to cores")
    allowed = os.sched_getaffinity(0)
    assert pool.cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert pool.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_work_beside_gives_its_result_or_stops_when_it_is_told() -> None:
    counted = threading.Event()

    def endless(advanced: object) -> int:
        assert callable(advanced)
        while True:
            advanced(1)
            counted.set()

    beside = pool.Beside(endless)
    assert counted.wait(30)
    beside.stop()
    with pytest.raises(InterruptedError):
        beside.result()
    short = pool.Beside(lambda _advanced: 7)
    assert short.result() == 7
    short.stop()


# Words for failures.


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "room"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "owns"),
        (errno.EPERM, "owns"),
        (errno.EXDEV, "--link copy"),
        (errno.EMLINK, "--link copy"),
        (errno.EIO, "disk"),
    ],
)
def test_a_refusal_of_the_system_says_what_where_and_what_next(code: int, words: str) -> None:
    error = from_os_error(OSError(code, os.strerror(code), "/some/where"))
    assert isinstance(error, AccessError)
    assert error.exit_code == 5
    assert os.strerror(code) in error.what
    assert error.where == "/some/where"
    assert words in str(error.fix)
    assert from_os_error(OSError(code, os.strerror(code), "/some/where"), Path("/else")).where == "/else"


def test_a_refusal_without_number_or_place_has_words_all_the_same() -> None:
    error = from_os_error(OSError("the disk is gone"))
    assert "the disk is gone" in error.what
    assert error.where is None
    assert error.fix


def test_a_failure_tells_its_parts_in_the_order_a_person_reads_them() -> None:
    error = HamError("what", where=Path("/x"), expected=5, got=b"4", fix="do this")
    assert list(error.fields().items()) == [("what", "what"), ("where", "/x"), ("expected", "5"), ("got", "b'4'"), ("next", "do this")]
    assert HamError("what", got=0).fields() == {"what": "what", "got": "0"}
    # A notebook shows the whole of it.
    assert str(error).splitlines() == ["what", "  where:    /x", "  expected: 5", "  got:      b'4'", "  next:     do this"]


def test_each_failure_has_its_exit_code() -> None:
    kinds = (HamError, WrongUsageError, RecordError, UnavailableError, AccessError, LockedError)
    assert [kind.exit_code for kind in kinds] == [1, 2, 3, 4, 5, 6]


def test_findings_are_sorted_by_component_place_and_verdict() -> None:
    some = [
        Finding("masks", "a", Verdict.WRONG),
        Finding("images", "b", Verdict.WRONG, expected="1"),
        Finding("images", "b", Verdict.MISSING, "ISIC_0024306"),
        Finding("images", "a", Verdict.EXTRA, None, None, None, "words"),
    ]
    assert [(f.component, f.path, str(f.verdict)) for f in sorted(some, key=lambda f: f.place)] == [
        ("images", "a", "extra"),
        ("images", "b", "missing"),
        ("images", "b", "wrong"),
        ("masks", "a", "wrong"),
    ]


def test_a_finding_shows_all_its_fields() -> None:
    finding = Finding("images", "images/x.jpg", Verdict.WRONG, "ISIC_0024306", "5 bytes", "4 bytes", "a sentence")
    assert finding.fields() == {
        "component": "images",
        "path": "images/x.jpg",
        "image_id": "ISIC_0024306",
        "verdict": "wrong",
        "expected": "5 bytes",
        "got": "4 bytes",
        "detail": "a sentence",
    }
    assert {str(v) for v in findings.Verdict} >= {"missing", "wrong", "extra", "unreadable", "altered", "unvouched"}


# Images.


def test_an_images_size_is_read_from_its_first_bytes(small: Small) -> None:
    image, mask = next(iter(small.images.values())), next(iter(small.masks.values()))
    assert images.size(image) == images.size(mask) == (60, 45)


def test_a_real_image_has_the_published_size(real_data: Path) -> None:
    image = (real_data / "sample" / "ISIC_0024306.jpg").read_bytes()
    assert image[:4] == b"\xff\xd8\xff\xdb"
    assert images.size(image[:4096]) == (600, 450)
    assert {images.size(path.read_bytes()) for path in (real_data / "sample").glob("*.png")} == {(600, 450)}


def png(width: int, height: int) -> bytes:
    """The header of a picture of any size: no pixels."""
    head = b"IHDR" + struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + head + struct.pack(">L", zlib.crc32(head)) + struct.pack(">L", 10) + b"IDAT"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xdb" + bytes(100),
        b"GIF89a" + bytes(50),
        b"<svg/>",
        b"%PDF-1.7",
        bytes(1000),
        b"BM" + bytes(60),
        png(2**31 - 1, 2**31 - 1),
        png(20_000, 20_000),
    ],
    ids=["nothing", "two bytes", "a torn JPEG", "a GIF", "an SVG", "a PDF", "zeros", "a BMP", "a huge PNG", "a large PNG"],
)
def test_what_is_no_small_jpeg_or_png_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(images.NotAnImageError) as refusal:
        images.size(data)
    assert str(refusal.value)
    assert "0x" not in str(refusal.value)


def test_a_png_of_the_published_size_is_one() -> None:
    # The control of the refusals above: the same header with other numbers.
    assert images.size(png(600, 450)) == (600, 450)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "ICO"])
def test_a_whole_image_of_another_kind_is_none_of_the_records(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 45)).save(buffer, kind)
    with pytest.raises(images.NotAnImageError):
        images.size(buffer.getvalue())


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff\xdb", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_a_size_or_are_no_image(data: bytes, head: bytes) -> None:
    words, size = ".", (1, 1)
    try:
        size = images.size(head + data)
    except images.NotAnImageError as error:
        words = str(error)
    assert words
    assert min(size) > 0


def test_a_digest_of_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checksum.of_file(tmp_path / "file", "md5")
    assert hashlib.md5(b"", usedforsecurity=False).hexdigest() == checksum.md5(b"")
