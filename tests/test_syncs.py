"""What is on the disk before something else names it: watched from outside, by strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s
from tests.conftest import typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.small import Small
    from tests.web import Web

WRITES = ("write", "pwrite64", "writev", "pwritev", "ftruncate", "sendfile", "copy_file_range", "fallocate")
RENAMES = ("rename", "renameat", "renameat2")
SYNCS = ("fsync", "fdatasync", "syncfs", "sync")

RELIED = re.compile(
    r"/(manifests/.*\.parquet|splits/[^/]+|tables/[^/]+|record\.json|ham-export\.parquet|s\.(csv|parquet))$|/archives/[^./][^/]*\.zip$"
)
"""Files on which others rely: each is on the disk before it has its name."""
DATA = re.compile(r"/(images|masks|test|archives|out)/([^.][^/]*/)*[^./][^/]*$")
"""Files that are named by others: all are on the disk before those are."""
INDEX = re.compile(r"/(manifests/(images|files)|ham-export)\.parquet$")

_CALL = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)")
_UNFINISHED = "<unfinished ...>"
_OPEN = re.compile(r"\d+<([^>]*)>")
_NAMES = re.compile(r'"((?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module")
def traced() -> None:
    """strace works here; the tests are skipped where it does not."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here, to watch what a program asks of the system")
    tried = subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no program may be watched here: {tried.stderr.strip()[-200:]}")


pytestmark = [pytest.mark.usefixtures("traced"), pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")]


def trace(where: Path, *words: object, cache: Path) -> list[str]:
    """The lines of strace about a command that ends well: what was written, synced, renamed, by whom, in its order."""
    out = where / "trace.txt"
    calls = ",".join((*WRITES, *RENAMES, *SYNCS))
    command = ["strace", "-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-e", f"trace={calls}", "-e", "signal=none", "-o", str(out)]
    ran = subprocess.run(
        [*command, sys.executable, "-m", "ham_cli", *typed(*words, cache=cache)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return out.read_text(encoding="utf-8", errors="replace").splitlines()


@dataclass(frozen=True)
class Call:
    """A call of the system, or one end of it: what takes long in one thread is told in two lines."""

    name: str
    given: str
    begins: bool
    ends: bool


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a trace, in their order."""
    begun: dict[str, str] = {}
    for line in lines:
        if found := _RESUMED.match(line):
            yield Call(found["call"], begun.pop(found["pid"], "") + found["rest"], begins=False, ends=True)
        elif found := _CALL.match(line):
            ends = not found["rest"].endswith(_UNFINISHED)
            if not ends:
                begun[found["pid"]] = found["rest"]
            yield Call(found["call"], found["rest"], begins=True, ends=ends)


class Disk:
    """What of the files that a program wrote is surely on the disk."""

    def __init__(self) -> None:
        self.dirty: set[str] = set()
        """Files that were written or renamed to since they were last synced."""
        self.named: list[str] = []
        """The files on which others rely, in the order of their names."""
        self.faults: list[str] = []
        self.left: dict[str, list[str]] = {}
        """What was not on the disk when a list of files was last written."""

    def watch(self, lines: Iterable[str]) -> Disk:
        """Go through a trace."""
        for call in calls(lines):
            file = _OPEN.match(call.given)
            if call.name in WRITES and file:
                self.dirty.add(file[1])
            elif call.name in RENAMES and call.begins:
                self._rename(*_NAMES.findall(call.given)[:2])
            elif call.name in {"fsync", "fdatasync"} and call.ends and file:
                self.dirty.discard(file[1])
            elif call.name in {"syncfs", "sync"} and call.ends:
                self.dirty.clear()
        return self

    def _rename(self, old: str, new: str) -> None:
        if RELIED.search(new):
            self.named.append(new)
            if old in self.dirty:
                self.faults.append(f"{new} is not on the disk")
        if INDEX.search(new):
            self.left[new] = sorted(path for path in self.dirty if DATA.search(path))
        if old in self.dirty:
            self.dirty.discard(old)
            self.dirty.add(new)


def unsynced(lines: list[str], *which: str) -> list[str]:
    """A trace as if the program had not called these."""
    return [line for line in lines if not any(f" {call}(" in line or f" {call} resumed" in line for call in which)]


def names(disk: Disk, where: Path) -> list[str]:
    """What others rely on, from a folder, each once."""
    return sorted({path.removeprefix(f"{where}/") for path in disk.named})


ZIPS = [f"{s.ID}/archives/{name}" for name in (s.PART_1, s.PART_2, s.MASKS, s.TEST)]
TABLES = sorted(f"{s.ID}/tables/{name}" for name in (s.METADATA, s.TEST_TRUTH, s.RATINGS))
MANIFESTS = [f"{s.ID}/manifests/{name}.parquet" for name in ("files", "images")]


def test_what_a_fetch_from_a_folder_names_is_on_the_disk_before(small: Small, tmp_path: Path) -> None:
    source, cache = small.published(tmp_path / "source"), tmp_path / "cache"
    lines = trace(tmp_path, "fetch", "--source", source, "--record", small.record, "--keep-archives", cache=cache)
    disk = Disk().watch(lines)
    assert (disk.faults, names(disk, cache)) == ([], sorted([*ZIPS, *TABLES, *MANIFESTS, f"{s.ID}/record.json"]))
    assert disk.left == {f"{cache}/{name}": [] for name in MANIFESTS}
    # The control: who does not sync is found out.
    without = Disk().watch(unsynced(lines, "fsync", "syncfs"))
    assert without.faults == [f"{path} is not on the disk" for path in without.named]
    images = {f"{cache}/{s.ID}/images/{name}" for name in small.images}
    zips = {f"{cache}/{s.ID}/archives/{name}" for name in (s.PART_1, s.PART_2, s.MASKS, s.TEST)}
    assert {*images, *zips} < set(without.left[f"{cache}/{MANIFESTS[1]}"])
    assert images < set(Disk().watch(unsynced(lines, "syncfs")).left[f"{cache}/{MANIFESTS[1]}"])


def test_what_a_fetch_from_servers_names_is_on_the_disk_before(web: Web, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    lines = trace(tmp_path, "fetch", "--record", web.record, "--keep-archives", cache=cache)
    disk = Disk().watch(lines)
    assert (disk.faults, names(disk, cache)) == ([], sorted([*ZIPS, *TABLES, *MANIFESTS, f"{s.ID}/record.json"]))
    assert disk.left == {f"{cache}/{name}": [] for name in MANIFESTS}
    assert peek.names(cache / s.ID / "archives") == sorted([s.PART_1, s.PART_2, s.MASKS, s.TEST])


def test_metadata_alone_is_on_the_disk_before_it_is_named(small: Small, tmp_path: Path) -> None:
    source, cache = small.published(tmp_path / "source"), tmp_path / "cache"
    disk = Disk().watch(trace(tmp_path, "fetch", "metadata", "--source", source, "--record", small.record, cache=cache))
    assert (disk.faults, names(disk, cache)) == ([], sorted([f"{s.ID}/tables/{s.METADATA}", *MANIFESTS, f"{s.ID}/record.json"]))


@pytest.mark.parametrize(
    "case",
    [
        (("verify",), f"cache/{s.ID}/manifests/verification.parquet"),
        (("split", "--name", "s", "-o", "s.csv"), "s.csv", f"cache/{s.ID}/splits/s.parquet"),
        (("stats", "--pixels"), f"cache/{s.ID}/manifests/stats/pixels.parquet"),
        (("export", "webdataset", "out", "--partition", "train", "--shard-size", "7"), "out/ham-export.parquet"),
        (("export", "imagefolder", "out", "--partition", "train", "--size", "24"), "out/ham-export.parquet"),
    ],
    ids=lambda case: " ".join(case[0][:2]),
)
def test_what_another_command_names_is_on_the_disk_before(
    case: tuple[tuple[str, ...], *tuple[str, ...]], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, *named = case
    monkeypatch.chdir(tmp_path)
    lines = trace(tmp_path, *words, cache=cache)
    disk = Disk().watch(lines)
    assert (disk.faults, set(named) - set(names(disk, tmp_path))) == ([], set())
    # The control: who does not sync is found out.
    without = Disk().watch(unsynced(lines, "fsync", "syncfs"))
    assert {f"{tmp_path / name} is not on the disk" for name in named} <= set(without.faults)
    if words[0] == "export":
        (listed,) = (str(tmp_path / name) for name in named)
        assert (disk.left, without.left[listed] == []) == ({listed: []}, False)
