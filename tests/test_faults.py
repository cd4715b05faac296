"""Disks that fill or turn read-only, manifests that are damaged, clocks that jump, many processes, poor file systems: nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests import moments, peek
from tests import small as s
from tests.conftest import typed
from tests.moments import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Command, Fetch, Here, Ran
    from tests.small import Small

FIRST = "ISIC_0000001"
PATIENCE = 60.0
"""Seconds until a process that does not do what it should is given up."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts and leases are Linux's")


def in_words(ran: Ran | subprocess.CompletedProcess[str], code: int) -> str:
    """What a command said that ended with an exit code and one error, and no traceback."""
    ended, said = (ran.returncode, ran.stderr) if isinstance(ran, subprocess.CompletedProcess) else (ran.code, ran.err)
    assert (ended, len(re.findall(r"^error: ", said, re.MULTILINE))) == (code, 1), said
    assert ("Traceback" in said, "bug in ham" in said, "next: " in said) == (False, False, True), said
    return said


def read_as_before(cache: Path, ham_here: Here, before: dict[str, tuple[int, str]] | None = None) -> dict[str, tuple[int, str]]:
    """What readers say of a cache; the same as before."""
    told = {}
    for words in (("show", FIRST), ("stats", "--json")):
        ran = ham_here(*words, cache=cache)
        told[words[0]] = ran.code, ran.out
    assert before is None or told == before
    return told


@dataclass(frozen=True)
class Trial:
    """A cache with everything, and the files it was fetched from."""

    small: Small
    cache: Path
    where: Path
    """A folder of one's own."""
    ham_here: Here

    @property
    def source(self) -> Path:
        """The published files."""
        return self.small.published(self.where / "source")

    def run(self, *words: object) -> Ran:
        """A command on the cache."""
        return self.ham_here(*words, cache=self.cache)

    def fetch(self, source: Path | None = None) -> Ran:
        """The same fetch again."""
        return self.run("fetch", "--source", source or self.source, "--record", self.small.record, "--json")

    def manifest(self, name: str) -> Path:
        """Where a manifest lies."""
        return peek.manifest(self.cache, name)

    @property
    def folder(self) -> Path:
        """The record's folder."""
        return self.cache / s.ID


@pytest.fixture
def trial(small: Small, cache: Path, tmp_path: Path, ham_here: Here) -> Trial:
    """Everything is well, so far."""
    return Trial(small, cache, tmp_path, ham_here)


# --- a disk of two megabytes


@contextlib.contextmanager
def mounted(where: Path, size: str = "2m") -> Iterator[Path]:
    """A file system in memory; the test is skipped where it may not be mounted."""
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if ran is None or ran.returncode:
        pytest.skip(f"no file system can be mounted here: {ran.stderr.strip() if ran else 'no mount'}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is soon full."""
    with mounted(tmp_path / "disk") as where:
        yield where


def leave(disk: Path, free: int) -> None:
    """Fill a disk but for so many bytes."""
    (disk / "ballast").unlink(missing_ok=True)
    (disk / "ballast").write_bytes(bytes(max(shutil.disk_usage(disk).free - free, 0)))


@linux
@pytest.mark.parametrize("name", ["s.parquet", "s.csv"])
def test_a_split_for_which_there_is_no_room_is_an_error_and_the_old_one_stays(
    name: str, small_cache: Path, disk: Path, ham_here: Here
) -> None:
    assert ham_here("split", "-o", disk / name, cache=small_cache).code == 0
    old = (disk / name).read_bytes()
    leave(disk, 0)
    said = in_words(ham_here("split", "-o", disk / name, "--seed", 1, "--force", cache=small_cache), 5)
    assert ("No space left" in said, str(disk / name) in said, (disk / name).read_bytes() == old) == (True, True, True)
    assert sorted(peek.names(disk)) == ["ballast", name]
    leave(disk, 100_000)
    assert ham_here("split", "-o", disk / name, "--seed", 1, "--force", cache=small_cache).code == 0
    assert (disk / name).read_bytes() != old


@linux
def test_what_a_full_disk_cannot_keep_in_the_cache_is_shown_all_the_same(cache: Path, disk: Path, ham_here: Here) -> None:
    shutil.copytree(cache, disk / "cache")
    right = {
        words: ham_here(*words, "--json", cache=cache) for words in (("stats", "--pixels"), ("stats", "--masks"), ("stats",), ("verify",))
    }
    leave(disk, 0)
    for words, ran in right.items():
        full = ham_here(*words, "--json", cache=disk / "cache")
        assert (full.code, "could not be saved" in full.err) == (0, True), full.err
        results = [{k: v for k, v in one.result.items() if k not in {"folder", "file", "since"}} for one in (ran, full)]
        assert results[0] == results[1]
    in_words(ham_here("split", cache=disk / "cache"), 5)
    assert list((disk / "cache").rglob("*.part")) == []
    leave(disk, 200_000)
    assert ham_here("stats", "--pixels", "--json", cache=disk / "cache").result == right["stats", "--pixels"].result


@linux
@pytest.mark.parametrize("form", ["csv", "webdataset", "hf", "imagefolder"])
def test_an_export_that_fills_the_disk_ends_in_words_and_goes_on_with_more_room(
    form: str, small_cache: Path, disk: Path, tmp_path: Path, ham_here: Here
) -> None:
    words = ("export", form, disk / "out", "--partition", "train", *(("--link", "copy") if form == "imagefolder" else ()))
    ended = []
    for free in (0, 16384, 40960, 1_000_000):
        leave(disk, free)
        ran = ham_here(*words, cache=small_cache)
        ended.append(ran.code)
        if ran.code == 0:
            break
        assert "room" in in_words(ran, 5)
        assert not (disk / "out" / "ham-export.parquet").exists()
        assert list(disk.rglob("*.part")) == []
    assert (set(ended[:-1]), ended[-1]) == ({5}, 0)
    assert ham_here("export", form, tmp_path / "out", *words[3:], cache=small_cache).code == 0
    assert peek.tree(disk / "out") == peek.tree(tmp_path / "out")


@linux
def test_a_report_for_which_there_is_no_room_is_an_error_before_any_work(small_cache: Path, disk: Path, ham_here: Here) -> None:
    (disk / "r.html").write_text("")
    leave(disk, 0)
    assert "No space left" in in_words(ham_here("report", disk / "new.html", cache=small_cache), 5)
    assert peek.names(disk) == ["ballast", "r.html"]


# --- a disk that turns read-only


READ_ONLY = (
    (("fetch", "--source", "SOURCE", "--record", "RECORD"), "*/images/ISIC_0000005.jpg"),
    (("fetch", "--source", "SOURCE", "--record", "RECORD"), "*/manifests/images.parquet"),
    (("export", "webdataset", "OUT", "--partition", "train", "--shard-size", "7"), "*/train-000001.tar"),
    (("split", "-o", "OUT.csv"), "*.csv"),
)


@pytest.mark.parametrize(("words", "when"), READ_ONLY, ids=[f"{words[0]} {when}" for words, when in READ_ONLY])
def test_a_disk_that_turns_read_only_on_the_way_is_said_and_what_is_whole_stays(words: tuple[str, ...], when: str, trial: Trial) -> None:
    empty = words[0] == "fetch"
    where = trial.where / "new" if empty else trial.cache
    places = {
        "SOURCE": trial.source,
        "RECORD": trial.small.record,
        "OUT": trial.where / "out",
        "OUT.csv": trial.where / "s.csv",
    }
    command = typed(*(places.get(word, word) for word in words), cache=where)
    before = None if empty else read_as_before(trial.cache, trial.ham_here)
    ran = moments.run(Moment("os.rename", when, errno=errno.EROFS, root=str(trial.where)), *command)
    assert "read-only" in in_words(ran, 5).casefold()
    assert "name another folder" in ran.stderr
    if empty:
        for path in (where / s.ID / "images").glob("[!.]*"):
            assert path.read_bytes() == trial.small.images[path.name]
    else:
        read_as_before(trial.cache, trial.ham_here, before)
    assert trial.ham_here(*command).code == 0
    assert trial.ham_here("verify", cache=where).code == 0
    if empty:
        assert {n: d for n, d in peek.contents(where / s.ID / "images").items() if n[0] != "."} == trial.small.images


def test_what_is_measured_while_the_disk_turns_read_only_is_shown(cache: Path, ham_here: Here) -> None:
    right = ham_here("stats", "--pixels", "--json", cache=cache)
    shutil.rmtree(cache / s.ID / "manifests" / "stats")
    moment = Moment("open", f"*/images/{FIRST}.jpg", errno=errno.EROFS, root=str(cache))
    ran = moments.run(moment, *typed("stats", "--pixels", "--json", cache=cache))
    assert (ran.returncode, ran.stdout) == (0, right.out), ran.stderr
    assert "what was measured could not be saved" in ran.stderr


@linux
def test_on_a_disk_that_is_read_only_everything_is_read_and_the_rest_says_what_to_do(
    cache: Path, small: Small, tmp_path: Path, ham_here: Here
) -> None:
    before = read_as_before(cache, ham_here)
    with mounted(tmp_path / "disk") as disk:
        copied = shutil.copytree(cache, disk / "cache")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert {
            name: (code, out.replace(str(copied), str(cache))) for name, (code, out) in read_as_before(copied, ham_here).items()
        } == before
        for reader in (("verify",), ("verify", "--deep"), ("stats", "--pixels"), ("stats", "--masks"), ("cache", "list")):
            assert ham_here(*reader, cache=copied).code == 0
        assert ham_here("split", "-o", tmp_path / "s.csv", cache=copied).code == 0
        assert ham_here("export", "csv", tmp_path / "out", "--partition", "train", cache=copied).code == 0
        fetch = ("fetch", "--source", small.published(tmp_path / "source"), "--record", small.record)
        writers: tuple[tuple[object, ...], ...] = (fetch, ("split",), ("cache", "prune"), ("cache", "remove", "masks"))
        for words in writers:
            said = in_words(ham_here(*words, cache=copied), 5)
            assert "ead-only file system" in said
            assert re.search("another folder|somewhere else", said)


def test_where_somebody_may_not_write_nothing_is_written_and_it_is_said(small_cache: Path, open_path: Path, ham: Command) -> None:
    with peek.unwritable(small_cache, open_path) as (cache, user):
        (open_path / "closed").mkdir(mode=0o555)
        for words in (
            ("split", "-o", open_path / "closed" / "s.csv"),
            ("export", "csv", open_path / "closed" / "out", "--partition", "train"),
        ):
            said = in_words(ham(*words, cache=cache, user=user), 5)
            assert "Permission denied" in said
        assert peek.names(open_path / "closed") == []


# --- manifests


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def newer(path: Path) -> None:
    relabel(path, **{"ham.schema": "99"})


def foreign(path: Path) -> None:
    relabel(path, **{"ham.record": "other-1.0"})


def relabel(path: Path, **labels: str) -> None:
    """Let a Parquet file say something else of itself."""
    table = pq.read_table(path)
    told = {**table.schema.metadata, **{name.encode(): text.encode() for name, text in labels.items()}}
    pq.write_table(table.replace_schema_metadata(told), path)


HOWS: tuple[Callable[[Path], None], ...] = (truncated, emptied, newer, foreign)
READERS = (("verify",), ("stats",), ("show", FIRST), ("export", "csv", "OUT", "--partition", "train"))


@pytest.mark.parametrize("how", HOWS, ids=lambda how: how.__name__)
@pytest.mark.parametrize("name", ["images", "files"])
def test_a_damaged_manifest_is_said_and_the_next_fetch_mends_it(name: str, how: Callable[[Path], None], trial: Trial) -> None:
    source, path = trial.source, trial.manifest(name)
    before, rows = read_as_before(trial.cache, trial.ham_here), peek.images(trial.cache)
    images = peek.snapshot(trial.folder / "images")
    whole = path.read_bytes()
    how(path)
    damaged = path.read_bytes()
    told = {}
    for words in READERS:
        ran = trial.run(*(trial.where / "out" if word == "OUT" else word for word in words))
        told[words[0]] = ran.code
        if ran.code:
            said = in_words(ran, 5)
            assert (str(path) in said, "ham fetch" in said or how is newer) == (True, True), said
    assert (told["verify"], told["stats"], path.read_bytes() == damaged) == (5, 5, True)
    again = trial.fetch(source)
    if how is newer:
        # It is not thrown away: a newer ham reads it.
        assert (again.code, "newer ham" in again.json["error"]["what"], path.read_bytes() == damaged) == (5, True, True)
        assert "fetch into another folder" in again.json["error"]["next"]
        path.write_bytes(whole)
        return
    assert (again.code, again.result["missing"]) == (0, {})
    assert peek.snapshot(trial.folder / "images") == images
    train = [i for i, row in rows.items() if row["partition"] == "train"]
    assert [(peek.images(trial.cache)[i]["sha256"], peek.images(trial.cache)[i]["dx"]) for i in train] == [
        (rows[i]["sha256"], rows[i]["dx"]) for i in train
    ]
    assert read_as_before(trial.cache, trial.ham_here)["stats"][0] == before["stats"][0] == 0
    assert trial.run("verify").code == 0


@pytest.mark.parametrize("how", HOWS, ids=lambda how: how.__name__)
def test_damage_to_what_is_only_kept_for_later_costs_a_little_work_alone(how: Callable[[Path], None], trial: Trial) -> None:
    commands = (("verify",), ("stats", "--pixels"), ("stats", "--masks"))
    right = [trial.run(*words, "--json").result for words in commands]
    kept = [trial.manifest(name) for name in ("verification", "stats/pixels", "stats/masks")]
    for path in kept:
        how(path)
    for words, result in zip(commands[1:], right[1:], strict=True):
        again = trial.run(*words, "--json")
        assert (again.code, again.result) == (0, result)
        assert how is not newer or "not saved" in again.err
    if how is newer:
        # What a newer ham found wrong is not passed over.
        for ran in (trial.run("verify"), trial.run("fetch", "--source", trial.source, "--record", trial.small.record)):
            assert "install the newer ham" in in_words(ran, 5)
    else:
        assert trial.run("verify").code == 0
        assert trial.fetch().code == 0


@pytest.mark.parametrize("how", HOWS, ids=lambda how: how.__name__)
def test_a_damaged_split_is_said_and_made_again(how: Callable[[Path], None], cache: Path, tmp_path: Path, ham_here: Here) -> None:
    made = ham_here("split", "--name", "s", "--json", cache=cache)
    (path,) = made.result["files"]
    digest = made.result["digest"]
    how(tmp_path.joinpath(path))
    for words in (
        ("check", path),
        ("stats", "--split", "s"),
        ("export", "csv", tmp_path / "out", "--split", "s"),
        ("split", "--name", "s"),
    ):
        ran = ham_here(*words, cache=cache)
        if how in {truncated, emptied}:
            assert path in in_words(ran, 2)
        else:
            # A split is a table that others may write too: who made it says nothing about its rows.
            assert ran.code in {0, 3}, ran.err
            assert "Traceback" not in ran.err
    again = ham_here("split", "--name", "s", "--force", "--json", cache=cache)
    assert (again.code, again.result["digest"], ham_here("stats", "--split", "s", cache=cache).code) == (0, digest, 0)


@pytest.mark.parametrize("how", HOWS, ids=lambda how: how.__name__)
def test_the_damaged_list_of_an_export_is_said_and_made_again(
    how: Callable[[Path], None], small_cache: Path, tmp_path: Path, ham_here: Here
) -> None:
    out = tmp_path / "out"
    words = ("export", "webdataset", out, "--partition", "train")
    assert ham_here(*words, cache=small_cache).code == 0
    whole = peek.tree(out)
    how(out / "ham-export.parquet")
    checked = ham_here("verify", "--path", out, cache=small_cache)
    assert checked.code in {0, 2, 3, 5}
    assert "Traceback" not in checked.err
    ran = ham_here(*words, cache=small_cache)
    assert "--force" in in_words(ran, 2)
    assert ham_here(*words, "--force", cache=small_cache).code == 0
    assert peek.tree(out) == whole


# --- places and clocks


def test_a_cache_that_was_moved_is_the_same_cache(cache: Path, small: Small, tmp_path: Path, ham_here: Here, fetch: Fetch) -> None:
    split = ham_here("split", "--json", cache=cache).result["digest"]
    assert ham_here("stats", "--pixels", cache=cache).code == 0
    moved = tmp_path / "a" / "new place"
    moved.parent.mkdir()
    cache.rename(moved)
    before = peek.snapshot(moved)
    ran = fetch(source=small.published(tmp_path / "source"), cache=moved)
    assert (ran.code, ran.result["taken"], peek.snapshot(moved)) == (0, {}, before)
    assert ham_here("verify", cache=moved).code == 0
    assert "measured" not in ham_here("stats", "--pixels", cache=moved).err
    assert ham_here("split", "--json", cache=moved).result["digest"] == split
    assert not cache.exists()


def at(folder: Path, seconds: float) -> None:
    """Let everything below a folder be of a time."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (seconds, seconds))


PAST, FUTURE = 86400.0, 4e9
"""1970 and 2096: a clock that has lost its battery, and one that somebody set."""


@pytest.mark.parametrize("seconds", [PAST, FUTURE], ids=["1970", "2096"])
def test_a_cache_of_another_time_is_as_right_as_ever(seconds: float, trial: Trial) -> None:
    source, before = trial.source, read_as_before(trial.cache, trial.ham_here)
    assert trial.run("export", "webdataset", trial.where / "out", "--partition", "train").code == 0
    for folder in (trial.cache, source, trial.where / "out"):
        at(folder, seconds)
    shot = peek.snapshot(trial.folder / "images")
    assert trial.fetch(source).result["taken"] == {}
    assert trial.run("verify").code == 0
    assert trial.run("export", "webdataset", trial.where / "out", "--partition", "train", "--json").result["written"] is False
    assert peek.snapshot(trial.folder / "images") == shot
    read_as_before(trial.cache, trial.ham_here, before)


@pytest.mark.parametrize("seconds", [PAST, FUTURE], ids=["1970", "2096"])
@pytest.mark.parametrize("quick", [(), ("--quick",)], ids=["by digest", "by size"])
def test_what_was_found_wrong_is_mended_once_whatever_the_clock_was(quick: tuple[str, ...], seconds: float, trial: Trial) -> None:
    source = trial.source
    image, table = trial.folder / "images" / f"{FIRST}.jpg", trial.folder / "tables" / s.METADATA
    image.write_bytes(image.read_bytes()[:-100])
    if not quick:
        peek.flip(trial.folder / "masks" / f"{FIRST}_segmentation.png")
        peek.flip(table)
    assert trial.run("verify", *quick).code == 3
    os.utime(trial.manifest("verification"), (seconds, seconds))
    assert trial.fetch(source).code == 0
    assert peek.contents(trial.folder / "images") == trial.small.images
    assert peek.contents(trial.folder / "masks") == trial.small.masks
    assert table.read_bytes() == trial.small.tables[s.METADATA]
    # What is right now is not let go of by a fetch that cannot bring it again.
    os.utime(trial.manifest("verification"), (seconds, seconds))
    other = s.lay(trial.where / "other", {s.RATINGS: trial.small.tables[s.RATINGS]})
    assert trial.fetch(other).code == 0
    assert peek.images(trial.cache)[FIRST]["path"] == f"images/{FIRST}.jpg"
    assert trial.run("verify").code == 0


# --- many at once


def start(*words: object, cache: Path) -> subprocess.Popen[str]:
    """``ham`` in a process of its own."""
    command = [sys.executable, "-m", "ham_cli", *typed(*words, cache=cache)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 8])
def test_several_at_once_on_one_cache_end_well(count: int, small: Small, tmp_path: Path, ham_here: Here, fetch: Fetch) -> None:
    source, bare, cache = small.published(tmp_path / "source"), small.unpacked(tmp_path / "bare"), tmp_path / "cache"
    assert fetch("metadata", source=source, cache=cache).code == 0
    digest = ham_here("split", "-o", tmp_path / "s.csv", "--json", cache=cache).result["digest"]
    kinds: list[tuple[tuple[object, ...], set[int]]] = [
        (("fetch", "--source", source, "--record", small.record), {0}),
        (("stats", "--json"), {0}),
        (("fetch", "--source", bare, "--record", small.record), {0}),
        (("verify", "--json"), {0, 3}),  # what was asked for may be on its way
        (("split", "--json"), {0}),
        (("show", FIRST, "--json"), {0}),
        (("stats", "--pixels", "--json"), {0, 4}),
        (("split", "--json"), {0}),
    ]
    running = [(words, codes, start(*words, cache=cache)) for words, codes in kinds[:count]]
    ended = [(words[0], codes, *process.communicate(timeout=PATIENCE), process.returncode) for words, codes, process in running]
    for word, codes, out, err, code in ended:
        assert (code in codes, "Traceback" in err, "bug in ham" in err) == (True, False, False), (word, err)
        if word == "split":
            assert digest in out
        if word == "verify":
            assert set(re.findall(r'"verdict": "(\w+)"', out)) <= {"missing", "extra"}
    assert peek.contents(cache / s.ID / "images") == small.images
    assert ham_here("verify", cache=cache).code == 0
    assert [p.name for p in cache.rglob(".*.part")] == []


# --- file systems that lack something


def refusing(code: int) -> Callable[..., None]:
    """A function of the system that it refuses."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV], ids=errno.errorcode.get)
def test_without_hard_links_everything_works_but_what_asks_for_them(code: int, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refusing(code))
    new, source = trial.where / "new", trial.small.unpacked(trial.where / "bare")
    fetch = ("fetch", "--source", source, "--record", trial.small.record)
    export = ("export", "imagefolder", trial.where / "out", "--partition", "train")
    for words, cache in ((fetch, new), (export, trial.cache)):
        assert "--link copy" in in_words(trial.ham_here(*words, "--link", "hard", cache=cache), 5)
        assert list(trial.where.rglob("*.part")) == []
    assert trial.ham_here(*fetch, cache=new).code == 0
    assert peek.contents(new / s.ID / "images") == trial.small.images
    assert trial.run(*export, "--force").code == 0


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_without_locks_it_is_said_and_everything_works(code: int, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(code))
    shutil.rmtree(trial.cache)
    for taken in ({"images": 20, "masks": 20, "test": 4}, {}):
        ran = trial.fetch()
        assert (ran.code, ran.result["taken"]) == (0, taken)
        assert f"this file system knows no locks ([Errno {code}] {os.strerror(code)}): do not run two fetches at once\n" in ran.err
    assert trial.run("export", "csv", trial.where / "out", "--partition", "train").code == 0
    assert trial.run("verify", "--path", trial.where / "out").code == 0
    assert trial.run("cache", "remove", "masks").code == 0
    assert trial.run("verify").code == 0


def test_nothing_that_is_written_differs_from_something_else_by_case_alone(
    small_cache: Path, cache: Path, tmp_path: Path, ham_here: Here
) -> None:
    for words in (("split",), ("split", "--folds", "2"), ("stats", "--pixels"), ("stats", "--by", "dx,sex"), ("verify",)):
        assert ham_here(*words, cache=cache).code == 0
    for form in ("csv", "imagefolder", "webdataset", "hf", "npz", "isic", "coco", "yolo"):
        assert ham_here("export", form, tmp_path / form, "--partition", "train", "--masks", cache=small_cache).code in {0, 2}
    for folder in (tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())):
        names = peek.names(folder)
        assert len({name.casefold() for name in names}) == len(names), folder


def test_a_split_whose_name_differs_by_case_alone_is_no_other_one_there(cache: Path, tmp_path: Path, ham_here: Here) -> None:
    with case_blind(tmp_path / "disk") as disk:
        copied = shutil.copytree(cache, disk / "cache")
        assert ham_here("split", "--name", "mine", cache=copied).code == 0
        assert "another split lies there" in in_words(ham_here("split", "--name", "MINE", "--seed", 1, cache=copied), 2)
        assert ham_here("verify", cache=copied).code == 0


@contextlib.contextmanager
def case_blind(where: Path) -> Iterator[Path]:
    """A file system for which ``a`` and ``A`` are one name; the test is skipped where none can be had."""
    where.mkdir()
    image = where.with_suffix(".image")
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    made = subprocess.run(["mkfs.vfat", str(image)], capture_output=True, check=False) if shutil.which("mkfs.vfat") else None
    loop = ["mount", "-o", "loop", str(image), str(where)]
    if made is None or made.returncode or subprocess.run(loop, capture_output=True, check=False).returncode:
        pytest.skip("no file system that is blind to case can be mounted here")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)
