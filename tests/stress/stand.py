"""A place in which commands are killed, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from tests import killing, peek
from tests.conftest import run_here
from tests.killing import Ended, Fetching

if TYPE_CHECKING:
    import random
    import signal
    from pathlib import Path

    from tests.dataverse import Servers
    from tests.stress.commands import Command

RATE = 1e5
"""Bytes a second and connection that the servers send: a fetch from them takes a second or two."""

FIRST = "ISIC_0000001"


@dataclass
class Stand:
    """One record, its files and servers; for each cycle a cache and an output folder."""

    where: Path
    source: Path
    """Its published files."""
    record: Path
    """Its ``record.json``."""
    servers: Servers
    served: Path
    """The ``record.json`` that names the servers."""
    violations: list[str] = field(default_factory=list)
    """What went wrong, a sentence each."""

    def __post_init__(self) -> None:
        self.cache, self.out, self.logs = (self.where / "work" / name for name in ("cache", "out", "logs"))
        self.full = self.where / "full"
        self.digests = killing.published(self.source)
        self.servers.rate = None
        self.run(["fetch", "--record", str(self.served)], cache=self.full)
        self.servers.rate = RATE
        self.state = self.readers(self.full)

    def places(self) -> dict[str, str]:
        """What a command's words stand for."""
        return {"SOURCE": str(self.source), "RECORD": str(self.record), "SERVED": str(self.served), "OUT": str(self.out)}

    def run(self, words: list[str], cache: Path | None = None) -> Ended:
        """A command that is left alone."""
        with Fetching(*words[1:], command=words[0], cache=cache or self.cache, logs=self.logs) as running:
            return running.end()

    def fresh(self, command: Command) -> None:
        """What the command begins on."""
        shutil.rmtree(self.where / "work", ignore_errors=True)
        self.out.mkdir(parents=True)
        self.logs.mkdir()
        if not command.empty:
            shutil.copytree(self.full, self.cache)
        if command.spoiled:
            spoil(killing.folder(self.cache))

    def undisturbed(self, command: Command) -> Undisturbed:
        """How the command ends when nobody kills it."""
        self.fresh(command)
        since = time.monotonic()
        ended = self.run(command.typed(self.places()))
        seconds = time.monotonic() - since
        assert ended.code == 0, ended
        assert run_here("cache", "prune", cache=self.cache).code == 0
        return Undisturbed(seconds, seen(self.cache), seen(self.out), facts(self.cache))

    def killed(self, command: Command, number: signal.Signals, delay: float) -> Ended | None:
        """The command, ended by a signal after so many seconds; ``None`` where it was quicker."""
        words = command.typed(self.places())
        with Fetching(*words[1:], command=words[0], cache=self.cache, logs=self.logs) as running:
            until = time.monotonic() + delay
            while running.runs and time.monotonic() < until:
                time.sleep(0.002)
            return running.end(number) if running.runs else None

    def readers(self, cache: Path) -> dict[str, str]:
        """What the commands that only read say of a cache that has everything."""
        show, stats = (run_here(*words, cache=cache) for words in (("show", FIRST), ("stats", "--json")))
        verified = run_here("verify", "--quick", "--json", cache=cache)
        told = {"show": show.out, "stats": stats.out, "found": str((verified.code, verified.result["findings"]))}
        return {name: text.replace(str(cache), "CACHE") for name, text in told.items()}

    def look(self, command: Command, right: Undisturbed) -> None:
        """Readers still read the last whole state, and whatever can be seen is whole."""
        try:
            if command.empty or command.spoiled:
                if list(self.cache.glob("*/record.json")):
                    odd = {"missing", "extra"} | ({"wrong"} if command.spoiled else set())
                    killing.readers_work(self.cache, self.digests, odd, spoiled=command.spoiled)
            elif (told := self.readers(self.cache)) != self.state:
                self.violations += [f"{command.name}: now {name} says {told[name]}" for name in told if told[name] != self.state[name]]
        except Exception as error:  # noqa: BLE001  (whatever a reader fails by is what is looked for)
            self.violations.append(f"{command.name}: a reader failed: {type(error).__name__}: {str(error)[:2000]}")
        for folder, whole in ((self.cache, right.cache), (self.out, right.out)):
            self.violations += [f"{command.name}: {fault}" for fault in half(folder, whole, spoiled=command.spoiled)]

    def finish(self, command: Command, right: Undisturbed) -> int:
        """The command, left alone, comes to what an undisturbed one came to; the bytes that lay half-written before ``ham cache prune``."""
        ended = self.run(command.typed(self.places()))
        if ended.code != 0:
            self.violations.append(f"{command.name}: in the end it ended with {ended.code}: {ended.err[-2000:]}")
            return 0
        left = sum(path.stat().st_size for path in self.where.rglob(".*.part") if path.is_file())
        if run_here("cache", "prune", cache=self.cache).code:
            self.violations.append(f"{command.name}: cache prune failed")
        for what, mine, its in (
            ("the cache", seen(self.cache), right.cache),
            ("what it wrote", seen(self.out), right.out),
            ("the manifests", facts(self.cache), right.facts),
        ):
            differ = sorted(name for name in {*mine, *its} if mine.get(name) != its.get(name))
            if differ:
                self.violations.append(f"{command.name}: in the end {what} differs in {', '.join(differ[:5])}")
        hidden = [p.name for p in (*self.out.rglob(".*"), *self.cache.rglob(".*")) if p.is_file() and p.name not in {".lock", ".lock.json"}]
        if hidden:
            self.violations.append(f"{command.name}: in the end hidden files stay: {hidden[:5]}")
        return left


@dataclass(frozen=True)
class Undisturbed:
    """What a command that nobody kills comes to."""

    seconds: float
    cache: dict[str, str]
    """SHA-256 of what can be seen in the cache, by name; without manifests, whose times differ."""
    out: dict[str, str]
    facts: dict[str, Any]


def seen(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that can be seen below a folder, but for manifests of a cache."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "/." not in f"/{name}" and "/manifests/" not in name:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def facts(cache: Path) -> dict[str, Any]:
    """What the manifests say, in the digests that times and places are not part of."""
    found = {}
    for path in cache.glob("*/manifests/**/[!.]*.parquet"):
        name = path.relative_to(cache).as_posix()
        # What readers save here says as much; of a zip whose images a kill left in place it is not known that they came from it.
        if path.stem in {"images", "pixels", "masks"}:
            found[name] = peek.labels(path)["ham.digest"]
    return found


def half(folder: Path, whole: dict[str, str], *, spoiled: bool) -> list[str]:
    """What can be seen below a folder and is not what it is in the end, or cannot be read."""
    faults = []
    for name, digest in seen(folder).items():
        if "/archives/" in name:
            continue  # whole, and let go later: the last cycle's comparison tells
        image = name.split("/")[1:2] in (["images"], ["masks"], ["test"])
        if whole.get(name) != digest and not (spoiled and image):
            faults.append(f"{name} is not whole")
    for path in folder.glob("*/manifests/**/[!.]*.parquet"):
        try:
            pq.ParquetFile(path).close()
        except Exception as error:  # noqa: BLE001  (whatever it cannot be read by)
            faults.append(f"{path.name} cannot be read: {error}")
    return faults


def spoil(folder: Path) -> None:
    """Alter one image, cut one short, and take one away; alter a mask."""
    images, masks = (sorted((folder / name).iterdir()) for name in ("images", "masks"))
    peek.flip(images[3])
    images[8].write_bytes(images[8].read_bytes()[:-100])
    images[15].unlink()
    peek.flip(masks[5])


def moment(rng: random.Random, start: float, seconds: float) -> float:
    """Seconds after which to kill: from when the program is loaded until it is nearly done."""
    return rng.uniform(min(start, seconds), max(start, seconds * 1.02))
