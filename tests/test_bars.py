"""Bars on a terminal, lines in a pipe: what they say, that they fit, and that they cost little."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ham_cli.console import Console
from ham_cli.console.bars import watch
from ham_cli.console.bars.live import Row, fitted
from ham_cli.console.bars.thing import Thing, duration, in_bytes, on_a_clock
from ham_cli.findings import IN_ALL, Advanced, Done, Finding, Note, Started, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.findings import Event

FAULT = Finding("images", "images/ISIC_0000001.jpg", Verdict.WRONG)
PART_1 = "HAM10000_images_part_1.zip"
MASKS = "HAM10000_segmentations_lesion_tschandl.zip"
RATINGS = "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.csv"
NOTE = "look at /a/path/that/is/longer/than/eighty/columns/and/must/be/copied/whole/by/a/person/who/reads.zip"


class Clock:
    """Seconds that pass when the work says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def work(clock: Clock) -> Iterator[Event]:
    """Two things, a note and a finding; half a second passes at most."""
    yield Started("one.zip", 2_000_000)
    yield Advanced("one.zip", 1_500_000)
    clock.now += 0.6
    yield Note("said while a bar stands", "said")
    yield FAULT
    yield Advanced("one.zip", 500_000)
    yield Done("one.zip", "5 files")
    yield Started("two", 3, "file")
    yield Advanced("two", 3)
    yield Done("two")


def test_in_a_pipe_there_are_lines_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    assert watch(work(clock), Console(), clock) == [FAULT]
    expected = "one.zip: 2 MB\nsaid while a bar stands\none.zip: done, 5 files\ntwo: 3 files\ntwo: done\n"
    assert capsys.readouterr().err == expected


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.configure("verify", as_json=False, quiet=True, verbose=False)
    assert watch(work(Clock()), console) == [FAULT]
    assert capsys.readouterr().err == ""


def transfer(clock: Clock, name: str, rate: int, seconds: int) -> Iterator[Event]:
    """So many bytes a second, of one thing and of the whole."""
    for _ in range(seconds):
        yield Advanced(name, rate)
        yield Advanced(IN_ALL, rate)
        clock.now += 1


def download(clock: Clock) -> Iterator[Event]:
    """A download that goes on, stalls and ends; a table; one of a size that nobody knows, begun twice."""
    yield Started(IN_ALL, 1_400_000_000, already=412_300_000)
    yield Started(PART_1, 1_372_000_000, already=412_300_000)
    yield from transfer(clock, PART_1, 1_600_000, 20)
    # Half a minute without a byte.
    yield from transfer(clock, PART_1, 0, 30)
    yield from transfer(clock, PART_1, 100_000_000, 9)
    yield Done(PART_1)
    yield Started(RATINGS, 5_400_000)
    yield Advanced(RATINGS, 5_400_000)
    yield Done(RATINGS)
    yield Started("table", 0)
    yield from transfer(clock, "table", 100_000, 11)
    yield Note("table: the file was replaced there: it is begun again", "said")
    yield Started("table", 2_200_000)
    yield from transfer(clock, "table", 100_000, 22)
    yield Done("table")
    yield Done(IN_ALL)


IN_A_PIPE = f"""\
{PART_1}: 1.4 GB, going on at 412.3 MB
{PART_1}: 428.3 MB of 1.4 GB, 1.6 MB/s, 10 min left
in all: 428.3 MB of 1.4 GB, 1.6 MB/s, 10 min left
{PART_1}: 444.3 MB of 1.4 GB, 1.6 MB/s, 10 min left
in all: 444.3 MB of 1.4 GB, 1.6 MB/s, 10 min left
{PART_1}: 444.3 MB of 1.4 GB, 800 kB/s, 19 min left
in all: 444.3 MB of 1.4 GB, 800 kB/s, 20 min left
{PART_1}: 444.3 MB of 1.4 GB, 0 B/s
in all: 444.3 MB of 1.4 GB, 0 B/s
{PART_1}: 444.3 MB of 1.4 GB, 0 B/s
in all: 444.3 MB of 1.4 GB, 0 B/s
{PART_1}: done, 932 MB in 59 s, 15.8 MB/s
{RATINGS}: 5.4 MB
{RATINGS}: done
table: started
in all: 1.3 GB of 1.4 GB, 45 MB/s, 1 s left
table: 1 MB, 100 kB/s
table: the file was replaced there: it is begun again
table: 2.2 MB
in all: 1.3 GB of 1.4 GB, 45.1 MB/s, 1 s left
table: 1 MB of 2.2 MB, 100 kB/s, 12 s left
in all: 1.3 GB of 1.4 GB, 100 kB/s, 9 min left
table: 2 MB of 2.2 MB, 100 kB/s, 2 s left
in all: 1.3 GB of 1.4 GB, 100 kB/s, 9 min left
table: done, 2.2 MB in 22 s, 100 kB/s
"""


def test_in_a_pipe_a_download_says_every_ten_seconds_how_far_how_fast_and_how_long_still(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    watch(download(clock), Console(), clock)
    assert capsys.readouterr().err == IN_A_PIPE


def counting(clock: Clock) -> Iterator[Event]:
    yield Started("images", 96, "file")
    for _ in range(31):
        yield Advanced("images", 1)
        clock.now += 0.5
    yield Done("images")


def test_what_is_counted_has_a_rate_and_a_time_left_in_a_pipe_too(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    watch(counting(clock), Console(), clock)
    assert capsys.readouterr().err == (
        "images: 96 files\nimages: 20 of 96 files, 2 files/s, 38 s left\nimages: done, 31 files in 16 s, 2 files/s\n"
    )


def stalling(clock: Clock) -> Iterator[Event]:
    """Ten images at once, then none for a long time; another thing of which nobody knows how much it is."""
    yield Started("export", 20, "image")
    yield Started("looking", 0, "file")
    yield Advanced("export", 10)
    for second in range(31):
        clock.now += 1
        yield Advanced("export", 0)
        yield Advanced("looking", 1 if second % 2 else 0)
    yield Done("looking")
    yield Done("export", "as good as new")


def test_a_stall_of_counted_things_has_no_time_left_and_no_known_end_has_none_either(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    watch(stalling(clock), Console(), clock)
    assert capsys.readouterr().err.splitlines() == [
        "export: 20 images",
        "looking: started",
        "export: 10 of 20 images, 1 image/s, 10 s left",
        "looking: 4 files, 0.4 files/s",
        "export: 10 of 20 images, 0.5 images/s, 20 s left",
        "looking: 9 files, 0.45 files/s",
        "export: 10 of 20 images, 0 images/s",
        "looking: 14 files, 0.5 files/s",
        "looking: done, 15 files in 31 s, 0.48 files/s",
        "export: done, as good as new",
    ]


@pytest.mark.parametrize(
    ("rate", "long", "short"),
    [
        (0, "0 images/s", "0/s"),
        (0.05, "0.05 images/s", "0.05/s"),
        (0.949, "0.95 images/s", "0.95/s"),
        (0.96, "1 image/s", "1/s"),
        (1, "1 image/s", "1/s"),
        (8.34, "8.3 images/s", "8.3/s"),
        (9.96, "10 images/s", "10/s"),
        (83.4, "83 images/s", "83/s"),
        (12_345.6, "12346 images/s", "12346/s"),
    ],
)
def test_a_rate_of_counted_things_is_said_in_few_digits(rate: float, long: str, short: str) -> None:
    thing = Thing(Started("export", 20, "image"), 0.0)
    assert (thing.speed(rate), thing.speed(rate, short=True)) == (long, short)


def test_work_that_is_left_early_is_ended_before_watching_ends() -> None:
    ended = []

    def worked() -> Iterator[Event]:
        try:
            yield Started("export", 2, "image")
            yield Advanced("nothing of this name", 1)
        finally:
            ended.append("tidied")

    with pytest.raises(KeyError) as caught:
        watch(worked(), Console())
    assert (ended, caught.value.args) == (["tidied"], ("nothing of this name",))


def test_a_rate_knows_nothing_of_what_an_earlier_run_did_and_falls_to_nothing_in_a_stall() -> None:
    thing = Thing(Started(PART_1, 1000, already=400), 0.0)
    seen = []
    for second in range(40):
        thing.so_far += 10 if second < 10 else 0
        thing.mark(second + 1)
        seen.append((thing.rate(second + 1), thing.left(second + 1)))
    assert [seen[n] for n in (0, 9, 19, 39)] == [(10, 59), (10, 50), (5, 100), (0, None)]


def test_a_rate_is_not_guessed_at_once_and_more_than_the_whole_has_no_time_left() -> None:
    thing = Thing(Started(PART_1, 1000), 0.0)
    thing.so_far = 900
    assert (thing.rate(0.5), thing.left(0.5)) == (None, None)
    thing.so_far = 1100
    assert (thing.rate(2.0), thing.left(2.0)) == (550, None)


@pytest.mark.parametrize(
    ("count", "long", "short"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (999_949, "999.9 kB", "1 MB"),
        (999_960, "1 MB", "1 MB"),
        (99_940_000, "99.9 MB", "99.9 MB"),
        (99_960_000, "100 MB", "100 MB"),
        (412_300_000, "412.3 MB", "412 MB"),
        (1_372_000_000, "1.4 GB", "1.4 GB"),
        (5e15, "5000 TB", "5000 TB"),
    ],
)
def test_bytes_are_said_in_few_digits(count: float, long: str, short: str) -> None:
    assert (in_bytes(count), in_bytes(count, short=True)) == (long, short)


@pytest.mark.parametrize(
    ("seconds", "words", "clock"),
    [
        (0.4, "0 s", "0:00"),
        (40, "40 s", "0:40"),
        (59.6, "1 min", "1:00"),
        (621, "10 min", "10:21"),
        (3590, "1 h", "59:50"),
        (7500, "2 h 5 min", "2:05:00"),
        (200_000, "55 h 33 min", "55:33:20"),
    ],
)
def test_times_are_said_as_people_do_and_shown_as_clocks_do(seconds: float, words: str, clock: str) -> None:
    assert (duration(seconds), on_a_clock(seconds)) == (words, clock)


ROWS = [
    Row(MASKS, 0.3, "412 MB of 1.4 GB", "1.6 MB/s", "10:21"),
    Row("unknown", None, "1 MB", "100 kB/s", ""),
    Row(IN_ALL, 0.1, "412 MB of 3 GB", "1.6 MB/s", "10:21"),
]


@pytest.mark.parametrize(
    ("width", "shown", "name", "bar"),
    [
        (200, ("bar", "amount", "rate", "left"), 42, 30),
        (90, ("bar", "amount", "rate", "left"), 42, 15),
        (80, ("bar", "amount", "rate", "left"), 42, 5),
        (60, ("bar", "amount", "rate", "left"), 22, 5),
        (50, ("amount", "rate", "left"), 18, 5),
        (40, ("amount", "left"), 17, 5),
        (30, ("amount",), 13, 5),
        (10, ("amount",), 1, 5),
    ],
)
def test_a_bar_gets_shorter_then_names_then_bars_go_then_rates(width: int, shown: tuple[str, ...], name: int, bar: int) -> None:
    layout = fitted(ROWS, width)
    assert (layout.shown, layout.widths["name"], layout.widths["bar"]) == (shown, name, bar)


def story(clock: Clock) -> Iterator[Event]:
    """What a terminal sees in one go: the first moment that is drawn, a note, and the last."""
    yield Started(IN_ALL, 3_000_000_000, already=412_300_000)
    yield Started(PART_1, 1_372_000_000, already=412_300_000)
    for name in (MASKS, RATINGS, "Übung.zip"):
        yield Started(name, 5_400_000)
    yield Started("looking", 0, "file")
    clock.now += 2
    yield from (Advanced(name, 3_200_000) for name in (PART_1, MASKS, RATINGS, IN_ALL))
    yield Advanced("looking", 4000)
    yield Note(NOTE, "warning")


def on_terminal(folder: Path, width: int, **env: str) -> list[str]:
    """All lines that a terminal of so many columns is sent for `story`, without colours and what moves the cursor."""
    fcntl, termios, pty = (pytest.importorskip(name) for name in ("fcntl", "termios", "pty"))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, bytes([24, 0, width, 0, 0, 0, 0, 0]))
    program = "from tests import test_bars as t; c = t.Clock(); t.watch(t.story(c), t.Console(), c)"
    clear = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}}
    environment = clear | {"TERM": "xterm", "PYTHONPATH": str(folder)} | env
    with subprocess.Popen([sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave, env=environment) as child:
        os.close(slave)
        seen = b""
        try:
            while some := os.read(master, 65536):
                seen += some
        except OSError:
            # So a terminal ends whose last program has gone.
            pass
        assert child.wait() == 0
    os.close(master)
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode()))


BARS = {
    80: f"""\
{PART_1}                 ━╸─── 416 MB of 1.4 GB 1.6 MB/s  9:58
{MASKS} ━━╸── 3.2 MB of 5.4 MB 1.6 MB/s  0:01
ISIC2018_Task3_Test_N…eraction_Benefit.csv ━━╸── 3.2 MB of 5.4 MB 1.6 MB/s  0:01
Übung.zip                                  ─────    0 B of 5.4 MB    0 B/s  -:--
looking                                                4000 files   2000/s
in all                                     ╸────   416 MB of 3 GB 1.6 MB/s 26:55
""",
    40: """\
HAM10000…rt_1.zip 416 MB of 1.4 GB  9:58
HAM10000…andl.zip 3.2 MB of 5.4 MB  0:01
ISIC2018…efit.csv 3.2 MB of 5.4 MB  0:01
Übung.zip            0 B of 5.4 MB  -:--
looking                 4000 files
in all              416 MB of 3 GB 26:55
""",
}


@pytest.mark.parametrize("width", [80, 40])
def test_on_a_terminal_every_bar_is_one_line_the_whole_is_last_and_a_note_stands_above(width: int) -> None:
    lines = on_terminal(Path(__file__).parents[1], width)
    assert lines.count(f"warning: {NOTE}") == 1
    bars = [line.rstrip() for line in lines if line and NOTE not in line]
    assert max(len(line) for line in bars) == width
    assert "\n".join(bars[-6:]) + "\n" == BARS[width]


def test_an_ascii_terminal_gets_ascii_bars() -> None:
    lines = on_terminal(Path(__file__).parents[1], 80, PYTHONIOENCODING="ascii")
    assert all(line.isascii() and len(line) <= max(80, len(NOTE) + 9) for line in lines)
    assert any("#" in line and "..." in line for line in lines)


def test_a_dumb_terminal_gets_lines() -> None:
    lines = on_terminal(Path(__file__).parents[1], 80, TERM="dumb")
    assert lines[:2] == [f"{PART_1}: 1.4 GB, going on at 412.3 MB", f"{MASKS}: 5.4 MB"]


def test_what_has_no_known_end_is_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    clock = Clock()
    watch(story(clock), Console(), clock)
    seen = capsys.readouterr()
    assert (bool(re.search("looking +4000 files", seen.err)), seen.out) == (True, "")


def many() -> Iterator[Event]:
    yield Started(PART_1, 10**10)
    yield from (Advanced(PART_1, 1000) for _ in range(200_000))
    yield Done(PART_1)


@pytest.mark.parametrize("forced", ["", "1"])
def test_two_hundred_thousand_events_cost_well_under_a_second(forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", forced)
    monkeypatch.setenv("TERM", "xterm")
    before = time.process_time()
    watch(many(), Console())
    assert time.process_time() - before < 1
