"""Bars on a terminal: they are really drawn, and gone when the work is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ham_cli.console import Console
from ham_cli.console.bars import watch
from ham_cli.findings import Advanced, Done, Finding, Note, Started, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from ham_cli.findings import Event

FAULT = Finding("images", "images/ISIC_0000001.jpg", Verdict.WRONG)


def work() -> Iterator[Event]:
    yield Started("one.zip", 2_000_000)
    yield Advanced("one.zip", 500_000)
    time.sleep(0.6)
    yield Advanced("one.zip", 1_000_000)
    yield Note("said while a bar stands", "said")
    yield FAULT
    time.sleep(0.2)
    yield Advanced("one.zip", 500_000)
    yield Done("one.zip", "5 files")
    yield Started("two", 3, "file")
    yield Advanced("two", 3)
    yield Done("two")


def test_a_bar_says_what_and_how_much(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    assert watch(work(), Console()) == [FAULT]
    seen = capsys.readouterr()
    assert ("one.zip" in seen.err, "1.5 MB of 2 MB" in seen.err, "said while a bar stands" in seen.err, seen.out) == (True, True, True, "")


def test_in_a_pipe_there_are_lines_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert watch(work(), Console()) == [FAULT]
    expected = "one.zip: 2 MB\nsaid while a bar stands\none.zip: done, 5 files\ntwo: 3 files\ntwo: done\n"
    assert capsys.readouterr().err == expected


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.configure("verify", as_json=False, quiet=True, verbose=False)
    assert watch(work(), console) == [FAULT]
    assert capsys.readouterr().err == ""


def endless() -> Iterator[Event]:
    yield Started("looking", 0, "file")
    yield Advanced("looking", 2000)
    time.sleep(0.6)
    yield Advanced("looking", 2000)
    time.sleep(0.3)
    yield Done("looking", "4321 files")


def test_what_has_no_known_end_is_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch(endless(), Console()) == []
    assert capsys.readouterr().err == "looking: started\nlooking: done, 4321 files\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert watch(endless(), Console()) == []
    assert "4000 files" in capsys.readouterr().err
