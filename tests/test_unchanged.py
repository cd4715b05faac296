"""A fetch that finds nothing to do is answered at once the next time: as the whole program would, and only while it would."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ham_cli import unchanged
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Here
    from tests.small import Small

PROGRAM = """
import atexit, sys
from ham_cli import unchanged
unchanged._SETTLED = {settled}
atexit.register(lambda: open({told!r}, "w").write(" ".join(sys.modules)))
from ham_cli.__main__ import run
run()
"""
"""The program; what it has loaded stands in a file afterwards."""

HEAVY = {"typer", "pydantic", "rich", "numpy", "pyarrow", "pandas"}


@dataclass
class Kept:
    """A cache in which a fetch found nothing to do, and its answer."""

    source: Path
    record: Path
    cache: Path
    told: Path

    def fetch(self, *more: str, settled: int = 0, cwd: Path | None = None, **env: str) -> tuple[int, str, str, bool]:
        """Run the fetch; code, stdout, stderr, and whether the parser was loaded."""
        words = ["fetch", "--source", str(self.source), "--record", str(self.record), "--cache-dir", str(self.cache), *more]
        program = PROGRAM.format(told=str(self.told), settled=settled)
        done = subprocess.run(
            [sys.executable, "-c", program, *words], env=os.environ | env, cwd=cwd, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr, "typer" in self.told.read_text().split()

    @property
    def folder(self) -> Path:
        """The record's folder."""
        return next(path.parent for path in self.cache.glob("*/record.json"))


@pytest.fixture
def kept(small: Small, tmp_path: Path, ham_here: Here) -> Kept:
    # The record lies elsewhere, with the list of digests beside it.
    record = shutil.copytree(small.record.parent, tmp_path / "record") / small.record.name
    one = Kept(small.published(tmp_path / "source"), record, tmp_path / "cache", tmp_path / "told")
    assert ham_here("fetch", "--source", one.source, "--record", record, cache=one.cache).code == 0
    code, _, err, whole = one.fetch()
    assert (code, whole, "unchanged: " in err) == (0, True, True)
    return one


def test_the_answer_is_the_same_and_nothing_heavy_is_loaded(kept: Kept) -> None:
    (kept.cache / unchanged.NAME).unlink()
    whole = kept.fetch()
    assert whole[3]
    assert kept.fetch() == (*whole[:3], False)
    assert HEAVY & set(kept.told.read_text().split()) == set()
    quiet = kept.fetch("-q")
    assert quiet == (0, "", "", True)
    assert kept.fetch("-q") == (0, "", "", False)


def _removed(kept: Kept) -> None:
    next((kept.folder / "images").iterdir()).unlink()


def _manifest_cut(kept: Kept) -> None:
    os.truncate(kept.folder / "manifests" / "images.parquet", 100)


def _table_gone(kept: Kept) -> None:
    next((kept.folder / "tables").iterdir()).unlink()


def _source_table(kept: Kept) -> None:
    path = next(path for path in kept.source.iterdir() if path.name == s.METADATA)
    path.write_bytes(path.read_bytes() + b"\n")


def _source_more(kept: Kept) -> None:
    (kept.source / "more").mkdir()


def _record(kept: Kept) -> None:
    kept.record.write_bytes(kept.record.read_bytes() + b"\n")


def _in_force(kept: Kept) -> None:
    (kept.cache / "current").write_text("another\n")


def _touched(kept: Kept) -> None:
    # Of the same size and age: a copy put in its place by hand.
    path = kept.folder / "manifests" / "images.parquet"
    status, copy = path.stat(), path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = [_removed, _manifest_cut, _table_gone, _source_table, _source_more, _record, _in_force, _touched]


@pytest.mark.thinned(2)
@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__[1:] for change in CHANGES])
def test_whatever_changes_is_looked_at_again(change: Callable[[Kept], None], kept: Kept) -> None:
    assert kept.fetch()[3] is False
    change(kept)
    code, _, _, whole = kept.fetch()
    assert whole
    assert code in {0, 3}
    if change is _removed:
        assert subprocess.run([sys.executable, "-m", "ham_cli", "verify", "--cache-dir", kept.cache], check=False).returncode == 0


def test_other_words_surroundings_and_places_are_other_questions(kept: Kept, tmp_path: Path) -> None:
    assert kept.fetch("--jobs", "1")[3]
    assert kept.fetch(cwd=tmp_path)[3]
    assert kept.fetch(HAM_QUIET="1")[3]
    assert kept.fetch(HAM_JSON="1")[3]
    assert kept.fetch("--json")[3]
    assert kept.fetch("--json")[3]
    assert kept.fetch()[3] is False


def test_what_was_touched_a_moment_ago_is_not_relied_on(kept: Kept) -> None:
    (kept.cache / unchanged.NAME).unlink()
    os.utime(kept.folder / "tables")
    assert kept.fetch(settled=2_000_000_000)[3]
    assert not (kept.cache / unchanged.NAME).exists()


def test_a_key_is_not_written_down_and_changes_nothing(kept: Kept) -> None:
    assert kept.fetch(HAM_DATAVERSE_KEY="a-secret-key")[3] is False
    assert "a-secret-key" not in (kept.cache / unchanged.NAME).read_text()


def test_of_words_with_a_password_in_them_not_even_a_digest_is_kept(kept: Kept) -> None:
    (kept.cache / unchanged.NAME).unlink()
    assert kept.fetch("--source", "http://somebody:secret@127.0.0.1:9/data")[::3] == (0, True)
    assert kept.fetch(HAM_SERVER="http://somebody:secret@127.0.0.1:9")[::3] == (0, True)
    assert not (kept.cache / unchanged.NAME).exists()


def test_where_nobody_hears_it_is_said_once(kept: Kept) -> None:
    words = ["fetch", "--source", str(kept.source), "--record", str(kept.record), "--cache-dir", str(kept.cache)]
    command = [sys.executable, "-c", PROGRAM.format(told=str(kept.told), settled=0), *words]
    answer = kept.fetch()[1]
    # In the very surroundings of the fetch before: libraries write into those that are handed down unseen.
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=full, text=True, check=False)
        assert (done.returncode, done.stdout, "typer" in kept.told.read_text().split()) == (0, answer, False)
        done = subprocess.run(command, env=dict(os.environ), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, "the output cannot be written" in done.stderr) == (5, True)


def test_a_person_at_a_terminal_gets_what_is_drawn_for_terminals(kept: Kept) -> None:
    ours, theirs = pty.openpty()
    words = ["fetch", "--source", str(kept.source), "--record", str(kept.record), "--cache-dir", str(kept.cache)]
    program = PROGRAM.format(told=str(kept.told), settled=0)
    done = subprocess.run([sys.executable, "-c", program, *words], env=dict(os.environ), stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    assert (done.returncode, "typer" in kept.told.read_text().split()) == (0, True)
    assert "unchanged" in os.read(ours, 1 << 16).decode()
    os.close(ours)


def _answers(kept: Kept) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((kept.cache / unchanged.NAME).read_text())["answers"]
    return found


LIES = {
    "steers a terminal": {"err": "unchanged\x1b[2J\n"},
    "looked at nothing": {"seen": {}},
    "looked at what is no list": {"seen": {"/": 5}},
    "is no text": {"out": 5},
    "is no object": 7,
}


def test_an_answer_that_no_ham_wrote_is_passed_over(kept: Kept) -> None:
    ((key, right),) = _answers(kept).items()
    for told in LIES.values():
        answer = right | told if isinstance(told, dict) else told
        (kept.cache / unchanged.NAME).write_text(json.dumps({"answers": {key: answer}}))
        code, _, err, whole = kept.fetch()
        assert (code, whole, "\x1b" in err) == (0, True, False), told


def test_what_is_no_list_of_answers_is_passed_over_and_written_anew(kept: Kept) -> None:
    for data in (b"", b"[]", b"\xff", b'{"answers": []}', b"[" * 100_000):
        (kept.cache / unchanged.NAME).write_bytes(data)
        assert kept.fetch()[::3] == (0, True), data[:10]
    assert kept.fetch()[::3] == (0, False)


def test_a_read_only_cache_is_answered_all_the_same(kept: Kept) -> None:
    (kept.cache / unchanged.NAME).unlink()
    (kept.cache / unchanged.NAME).mkdir()
    assert kept.fetch()[::3] == (0, True)
    assert kept.fetch()[::3] == (0, True)


def test_at_most_eight_answers_are_kept(kept: Kept) -> None:
    ((_, answer),) = _answers(kept).items()
    (kept.cache / unchanged.NAME).write_text(json.dumps({"answers": {str(number): answer for number in range(8)}}))
    assert kept.fetch()[3]
    assert list(_answers(kept))[:-1] == [str(number) for number in range(1, 8)]
    assert kept.fetch()[3] is False
