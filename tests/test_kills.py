"""Every command that writes, killed just before it does something: readers go on, and the same command finishes what it began."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests import killing, moments, peek
from tests import small as s
from tests.conftest import run_here, typed
from tests.moments import Moment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Here
    from tests.small import Small

FETCH = ("fetch", "--source", "SOURCE", "--record", "RECORD", "--jobs", "1")
SAVING = {"ham_cli.summary.measuring.EVERY": 0.0}
"""What is measured is written down after each image."""


def before(name: str, count: int = 1, **more: Any) -> Moment:  # noqa: ANN401  (the fields of Moment)
    """Just before a file gets its name."""
    return Moment("os.rename", f"*/{name}", count, **more)


FETCHES: dict[str, tuple[tuple[str, ...], Moment]] = {
    "an image of a zip": (FETCH, before("images/ISIC_0000017.jpg")),
    "images on the disk": (FETCH, Moment("ctypes.dlsym", "syncfs")),
    "the files' manifest": (FETCH, before("manifests/files.parquet", 2)),
    "the images' manifest": (FETCH, before("manifests/images.parquet")),
    "a zip that is let go": (("fetch", "--source", "NESTED", *FETCH[3:]), Moment("os.remove", f"*/archives/{s.PART_1}")),
}
"""What is about to be there or to go when a fetch is killed, with the fetch and the moment."""

ONLY_TRAIN = ("--partition", "train")
OTHERS: dict[str, tuple[tuple[str, ...], Moment]] = {
    "verify, its result": (("verify",), before("verification.parquet")),
    "split in the cache": (("split",), before("splits/r70-15-15-s0.parquet")),
    "stats --pixels between two saves": (("stats", "--pixels", "--jobs", "1"), before("stats/pixels.parquet", 5, constants=SAVING)),
    "export, its list": (("export", "imagefolder", "OUT/e", *ONLY_TRAIN), before("e/ham-export.parquet")),
    "cache remove, on its way": (("cache", "remove", "masks"), Moment("os.remove", "*/masks/*.png", 7)),
}


@dataclass(frozen=True)
class Bench:
    """One cache, what lies beside it, and commands on both."""

    small: Small
    where: Path
    cache: Path

    @property
    def whole(self) -> dict[str, str]:
        """SHA-256 of every image and mask that there is, by name."""
        files = self.small.images | self.small.masks | self.small.test | self.small.validation
        return {name: s.sha256(data) for name, data in files.items()}

    def words(self, words: tuple[str, ...]) -> list[str]:
        """What is typed."""
        places = {"SOURCE": self.where / "source", "NESTED": self.where / "nested", "RECORD": self.small.record, "OUT": self.where / "out"}
        return typed(*(re.sub(r"^[A-Z]+", lambda found: str(places.get(found[0], found[0])), word) for word in words), cache=self.cache)

    def killed(self, words: tuple[str, ...], moment: Moment, *, spoiled: bool = False) -> None:
        """Come to the moment, and see that what stands there then can be read, and is whole."""
        ran = moments.run(replace(moment, signal=int(signal.SIGKILL)), *self.words(words))
        assert ran.returncode == -signal.SIGKILL, (ran.stdout, ran.stderr)
        self.readable(spoiled=spoiled)

    def readable(self, *, spoiled: bool) -> None:
        """Assert that readers read what stands there, and that what can be seen is whole."""
        if not list(self.cache.glob("*/record.json")):
            return
        # What is of a fetch's first minute is in place before its table is: nobody's, until the next fetch.
        killing.readers_work(self.cache, self.whole, {"missing", "extra"}, spoiled=spoiled)
        assert killing.arrived(self.cache).items() <= self.whole.items()
        for path in self.where.rglob("[!.]*.parquet"):
            peek.table(path)

    def alone(self, words: tuple[str, ...]) -> None:
        """A command, left alone."""
        ran = run_here(*self.words(words))
        assert ran.code == 0, ran.err

    def done(self, words: tuple[str, ...]) -> None:
        """The same command, left alone; afterwards nothing half-written stays."""
        self.alone(words)
        assert run_here("cache", "prune", "-q", cache=self.cache).code == 0
        assert killing.half_written(self.cache) == []


def told(cache: Path) -> dict[str, Any]:
    """What a cache's manifests say of images and tables.

    Not which zip an image came from: what a kill left in its place is vouched for by its own digest alone.
    """
    rows = [{key: value for key, value in row.items() if key != "fetched"} for row in peek.files(cache).values()]
    found = {row["name"]: row for row in rows if not row["name"].endswith(".zip")}
    return found | {"digest": peek.labels(peek.manifest(cache, "images"))["ham.digest"]}


def tables(where: Path) -> dict[str, Any]:
    """Everything below a folder that can be seen, but for what readers save: tables by their rows, other files by their bytes."""
    seen = [
        path
        for path in sorted(where.rglob("[!.]*"))
        if path.is_file() and path.stem.partition(".")[0] not in {"verification", "summary", "figures"}
    ]
    return {str(path.relative_to(where)): peek.table(path) if path.suffix == ".parquet" else path.read_bytes() for path in seen}


@pytest.mark.parametrize("name", FETCHES)
def test_a_fetch_that_is_killed_is_finished_by_the_next_one(name: str, small: Small, tmp_path: Path) -> None:
    words, moment = FETCHES[name]
    bench = Bench(small, tmp_path, tmp_path / "cache")
    small.published(tmp_path / "source")
    small.dataverse(tmp_path / "nested")
    bench.killed(words, moment)
    bench.done(words)
    undisturbed = replace(bench, cache=tmp_path / "undisturbed")
    undisturbed.done(words)
    assert told(bench.cache) == told(undisturbed.cache)
    assert peek.contents(bench.cache / s.ID / "images") == small.images
    assert peek.contents(bench.cache / s.ID / "masks") == small.masks
    assert peek.contents(bench.cache / s.ID / "test") == small.test
    ran = run_here("verify", "--json", cache=bench.cache)
    assert (ran.code, ran.result["findings"]) == (0, [])


@pytest.mark.parametrize("name", OTHERS)
def test_a_command_that_is_killed_is_finished_by_the_same_one(name: str, small: Small, cache: Path, tmp_path: Path, ham_here: Here) -> None:
    words, moment = OTHERS[name]
    bench = Bench(small, tmp_path, cache)
    (tmp_path / "out").mkdir()
    assert ham_here("verify", cache=cache).code == 0
    before, state = tables(cache), ham_here("stats", "--json", cache=cache).out
    bench.killed(words, moment)
    if words[0] != "cache":
        assert tables(cache).items() >= before.items()
        assert ham_here("stats", "--json", cache=cache).out == state
    bench.done(words)
    left = tables(cache), tables(tmp_path / "out")
    # The same on a cache and in a place that nobody disturbed.
    shutil.move(tmp_path / "out", tmp_path / "disturbed")
    (tmp_path / "out").mkdir()
    for path in (cache / s.ID / "splits", cache / s.ID / "manifests" / "stats"):
        shutil.rmtree(path, ignore_errors=True)
    bench.done(words)
    for one, other in zip((tables(cache), tables(tmp_path / "out")), left, strict=True):
        assert sorted(set(one) ^ set(other)) == []
        assert [name for name in one if one[name] != other[name]] == []


def test_what_was_measured_before_a_kill_is_not_measured_again(small: Small, cache: Path, tmp_path: Path, ham_here: Here) -> None:
    words, moment = OTHERS["stats --pixels between two saves"]
    Bench(small, tmp_path, cache).killed(words, moment)
    saved = peek.table(cache / s.ID / "manifests" / "stats" / "pixels.parquet")
    assert 3 <= len(saved) <= 6
    ran = ham_here("stats", "--pixels", cache=cache)
    assert ran.code == 0
    assert f"pixels: done, {28 - len(saved)} images measured" in ran.err


def test_an_old_split_stays_until_a_new_one_is_whole(small: Small, cache: Path, tmp_path: Path, ham_here: Here) -> None:
    bench, path = Bench(small, tmp_path, cache), tmp_path / "out" / "s.csv"
    path.parent.mkdir()
    assert ham_here("split", "-o", path, cache=cache).code == 0
    old = path.read_bytes()
    words = ("split", "--seed", "1", "--force", "-o", "OUT/s.csv")
    bench.killed(words, before("s.csv"))
    assert path.read_bytes() == old
    assert ham_here("check", path, cache=cache).code == 0
    bench.done(words)
    assert path.read_bytes() != old


def test_a_repair_that_is_killed_is_finished_by_the_next_one(small: Small, tmp_path: Path) -> None:
    bench = Bench(small, tmp_path, tmp_path / "cache")
    small.published(tmp_path / "source")
    bench.alone((*FETCH, "--keep-archives"))
    images = bench.cache / s.ID / "images"
    for number in (4, 5, 17):
        (images / f"ISIC_{number:07d}.jpg").unlink()
    right = peek.snapshot(images)
    repair = ("verify", "--repair", "--jobs", "1")
    bench.killed(repair, before("images/ISIC_0000005.jpg"), spoiled=True)
    bench.alone(repair)
    assert peek.contents(images).items() >= small.images.items()
    # What was right was not touched.
    assert peek.snapshot(images).items() >= right.items()


LOST = """
import os, signal, time, weakref
from ham_cli import app

class Thing:
    pass

def main():
    signal.signal(signal.SIGTERM, app._terminate)
    thing = Thing()
    watched = weakref.ref(thing, lambda _: os.kill(os.getpid(), NUMBER))
    try:
        del thing
        time.sleep(30)
    except app.Terminated:
        return 143

app.main = main
from ham_cli.__main__ import run
run()
"""
"""A signal that comes while Python calls back: nothing that is raised there arrives anywhere."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_comes_where_nothing_can_be_raised_is_not_lost(number: signal.Signals, code: int) -> None:
    program = LOST.replace("NUMBER", str(int(number)))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (code, "")
