"""Pieces and their journal: whatever order they come in, and whenever the program dies."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_cli.download import journal as journals
from ham_cli.download import resumable
from ham_cli.download.growing import NOTED, Growing
from ham_cli.download.journal import Journal, amount, merged, part_of, without
from ham_cli.download.pieces import PIECE, Pieces, Scattered
from ham_cli.download.writing import write_at

if TYPE_CHECKING:
    from pathlib import Path

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))))


@given(RANGES)
def test_merged_ranges_hold_the_same_bytes_in_order_and_touch_nowhere(ranges: list[tuple[int, int]]) -> None:
    found = merged(ranges)
    assert {at for start, end in found for at in range(start, end)} == {at for start, end in ranges for at in range(start, end)}
    assert all(first[1] < second[0] for first, second in itertools.pairwise(found))


@given(RANGES, RANGES)
def test_what_is_missing_is_what_is_wanted_and_not_here(wanted: list[tuple[int, int]], here: list[tuple[int, int]]) -> None:
    missing = without(merged(wanted), merged(here))
    held, asked = ({at for start, end in ranges for at in range(start, end)} for ranges in (here, wanted))
    assert [at for start, end in missing for at in range(start, end)] == sorted(asked - held)
    assert amount(missing) == len(asked - held)
    assert all(start < end for start, end in missing)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """A file that grows."""
    (tmp_path / "part").write_bytes(bytes(1000))
    return tmp_path / "part"


def noted(part: Path) -> Journal:
    journal = Journal(part)
    journal.begin(1000, '"a-2"')
    journal.add(0, 100)
    journal.add(500, 600)
    return journal


def test_what_was_noted_is_known_to_the_next_process(part: Path) -> None:
    noted(part)  # not closed: a killed process closes nothing either
    journal = Journal(part)
    assert (journal.size, journal.etag, journal.ranges) == (1000, '"a-2"', [(0, 100), (500, 600)])


def test_after_the_machine_died_only_what_was_synced_counts(part: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journal = noted(part)
    with part.open("rb+") as file:
        journal.sync(file.fileno())
    journal.add(600, 700)
    (tmp_path / "boot").write_text("another boot")
    monkeypatch.setattr(journals, "_BOOT", tmp_path / "boot")
    assert Journal(part).ranges == [(0, 100), (500, 600)]
    monkeypatch.setattr(journals, "_BOOT", tmp_path / "none")
    assert Journal(part).ranges == [(0, 100), (500, 600)]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]\n", b'{"size": 1000, "whole": [[0, "x"]], "boot": null, "etag": null}\n', b"\xff\xfe"])
def test_a_damaged_journal_means_from_the_start(damage: bytes, part: Path) -> None:
    noted(part).path.write_bytes(damage)
    assert Journal(part).ranges == []


def test_half_a_line_and_bytes_that_are_not_there_do_not_count(part: Path) -> None:
    journal = noted(part)
    with journal.path.open("ab") as file:
        file.write(b"900 2000\n700 75")
    assert Journal(part).ranges == [(0, 100), (500, 600), (900, 1000)]


@pytest.mark.parametrize("seed", range(4))
def test_the_digest_is_that_of_the_whole_whatever_comes_first(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311
    data = chance.randbytes(3 * PIECE + 12345)
    part = tmp_path / "part"
    part.write_bytes(data[: 1 << 20] + bytes(len(data) - (1 << 20)))
    journal = Journal(part)
    journal.begin(len(data), None)
    journal.add(0, 1 << 20)
    descriptor = os.open(part, os.O_RDWR)
    pieces = Pieces(len(data), journal, descriptor, 4, threading.Event())
    pieces.advance()
    todo = []
    while (piece := pieces.take()) is not None:
        todo.append(piece)
    chance.shuffle(todo)
    for start, end in todo:
        growing = Growing((start, end), pieces, lambda _: None)
        for at in range(start, end, 70_001):
            growing.add(data[at : at + 70_001])
        growing.flush()
        pieces.done((start, end), growing.chunks)
    assert (pieces.whole, pieces.md5) == (True, hashlib.md5(data, usedforsecurity=False).hexdigest())
    assert part.read_bytes() == data
    os.close(descriptor)


def test_no_piece_is_handed_out_further_ahead_than_memory_is_meant_to_hold(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"")
    journal = Journal(part)
    journal.begin(10 * PIECE, None)
    descriptor = os.open(part, os.O_RDWR)
    pieces = Pieces(10 * PIECE, journal, descriptor, 2, threading.Event())
    first, second = pieces.take(), pieces.take()
    assert (first, second) == ((0, PIECE), (PIECE, 2 * PIECE))
    waited: list[tuple[int, int] | None] = []
    waiter = threading.Thread(target=lambda: waited.append(pieces.take()))
    waiter.start()
    pieces.done((PIECE, 2 * PIECE), [bytes(PIECE)])
    waiter.join(0.2)
    assert waited == []
    pieces.done((0, PIECE), [bytes(PIECE)])
    waiter.join(5)
    assert waited == [(2 * PIECE, 3 * PIECE)]
    os.close(descriptor)


def test_many_small_chunks_are_written_one_behind_the_other(tmp_path: Path) -> None:
    chunks = [bytes([n % 256]) * (n % 7) for n in range(900)]
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    assert write_at(descriptor, chunks, 10) == 10 + sum(map(len, chunks))
    os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == bytes(10) + b"".join(chunks)


def test_scattered_pieces_come_at_once_and_nothing_of_them_is_kept(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"")
    journal = Journal(part)
    journal.begin(9 * PIECE, None)
    descriptor = os.open(part, os.O_RDWR)
    wanted = [(10, 20), (PIECE, 2 * PIECE + 1), (8 * PIECE, 8 * PIECE + 5)]
    pieces = Scattered(wanted, journal, descriptor, threading.Event())
    taken = [pieces.take() for _ in range(5)]
    assert taken == [(10, 20), (PIECE, 2 * PIECE), (2 * PIECE, 2 * PIECE + 1), (8 * PIECE, 8 * PIECE + 5), None]
    growing = Growing((PIECE, 2 * PIECE), pieces, lambda _: None)
    while growing.at < growing.end:
        growing.add(b"x" * 300_000)
        assert sum(map(len, growing.chunks)) < NOTED
    growing.flush()
    assert growing.chunks == []
    assert os.pread(descriptor, 9 * PIECE, 0) == bytes(PIECE) + b"x" * PIECE
    assert merged(journal.ranges) == [(PIECE, 2 * PIECE)]
    journal.close()
    os.close(descriptor)


def test_pieces_that_are_stopped_are_handed_out_no_more(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"")
    pieces = Scattered([(0, 10)], Journal(tmp_path / "part"), -1, threading.Event())
    pieces.stop()
    assert pieces.take() is None


def test_what_an_earlier_run_left_is_counted_without_asking_anybody(tmp_path: Path) -> None:
    target = tmp_path / "file.zip"
    assert resumable(target) == 0
    part = part_of(target)
    part.write_bytes(bytes(1000))
    assert resumable(target) == 0
    noted(part)
    assert resumable(target) == 200
    part.unlink()
    assert resumable(target) == 0
