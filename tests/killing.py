"""Fetches as processes of their own: started, ended at moments that what the server sent or what arrived decides, and looked at."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import random
import re
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pyarrow.parquet as pq

from tests import small as s
from tests.conftest import run_here, typed

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    import pytest

    from tests.dataverse import Servers
    from tests.small import Small

PATIENCE = 30
"""Seconds in which what a test waits for has happened even on a machine that has much else to do."""

PROMPTLY = 6
"""Seconds in which a signal has ended a fetch, also on a busy machine: meant to be a fraction of one, and less than it would wait."""


@dataclass(frozen=True)
class Ended:
    """How a fetch ended."""

    code: int
    out: str
    err: str
    seconds: float
    """From the signal, or from the wait, to the end."""


class Fetching:
    """``ham fetch`` running, its output in files; what of it still runs when a test leaves is killed."""

    def __init__(self, *arguments: object, cache: Path, logs: Path, env: Mapping[str, str] | None = None, command: str = "fetch") -> None:
        """Start it; ``logs`` is a folder for what it says."""
        logs.mkdir(parents=True, exist_ok=True)
        number = len(list(logs.iterdir()))
        self.logs = logs / f"{number}-out.txt", logs / f"{number}-err.txt"
        words = [sys.executable, "-m", "ham_cli", *typed(command, *arguments, cache=cache)]
        with self.logs[0].open("wb") as out, self.logs[1].open("wb") as err:
            surroundings = os.environ | dict(env or {})
            self.process = subprocess.Popen(words, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=surroundings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def out(self) -> str:
        return self.logs[0].read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self.logs[1].read_text(encoding="utf-8")

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; it is an error if the fetch ends before."""
        last = time.monotonic() + PATIENCE
        while not condition():
            assert self.runs, f"it ended with {self.process.returncode}: {self.out}{self.err}"
            assert time.monotonic() < last, f"it never came to it: {self.err}"
            time.sleep(0.002)

    def end(self, number: signal.Signals | None = None, timeout: float = 2 * PATIENCE) -> Ended:
        """Wait for its end, or send a signal and wait."""
        since = time.monotonic()
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        return Ended(code, self.out, self.err, time.monotonic() - since)


class Trial:
    """One cache, filled over the network by fetches that do not all come to their end."""

    def __init__(self, servers: Servers, source: Path, where: Path) -> None:
        """Fetch from servers into a cache below ``where``; in ``source`` lie a ``record.json``, its digests, and the zips, if anywhere."""
        self.servers, self.source, self.where = servers, source, where
        self.cache = where / "cache"
        self.record = servers.record(source / "record.json", where / "record")
        self.whole = published(source)

    def start(self, *arguments: object, cache: Path | None = None, env: Mapping[str, str] | None = None) -> Fetching:
        """A fetch that runs."""
        return Fetching(*arguments, "--record", self.record, cache=cache or self.cache, logs=self.where / "logs", env=env)

    def ended(self, number: signal.Signals, when: Callable[[], bool], *arguments: object) -> Ended:
        """Start a fetch, and end it by a signal once something holds."""
        with self.start(*arguments) as running:
            running.until(when)
            return running.end(number)

    def finished(self, *arguments: object, cache: Path | None = None) -> Ended:
        """A fetch that is left alone, and ends well."""
        self.servers.rate = None
        with self.start(*arguments, cache=cache) as running:
            ended = running.end()
        assert ended.code == 0, ended
        return ended

    def moment(self, name: str, count: int) -> Callable[[], bool]:
        """The servers have written so many bytes of a file."""
        return lambda: self.servers.reached(name, count, seconds=0)

    @property
    def sent(self) -> int:
        """Bytes of files that the servers wrote, over all requests."""
        return sum(self.servers.sent(d.label) for d in self.servers.published.datafiles)

    @property
    def bytes(self) -> int:
        """Bytes of every published file together."""
        return sum(self.servers.published.size(d, original=True) for d in self.servers.published.datafiles)


def drawn(factory: pytest.TempPathFactory, images: int) -> Path:
    """A record of so many drawn images as its files are published; drawn once in all tests."""
    where = factory.getbasetemp() / f"drawn-{images}"
    ran = run_here("demo", where, "--images", images, "--draw-only", "-q")
    assert ran.code == 0, ran.err
    return where / "published"


def large(small: Small, where: Path, size: int) -> tuple[dict[str, Any], dict[str, bytes | Path]]:
    """The small record with a first zip of about so many bytes that cannot be packed: its facts, and its files.

    The list of digests is the small record's, so that the zip's own MD5 is what vouches for the images in it.
    """
    names = list(small.images)[:10]
    noise = random.Random(3)  # noqa: S311
    path = where / s.PART_1
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            archive.writestr(name, small.images[name] + noise.randbytes(size // len(names)))
    with path.open("rb") as file:
        found = {"bytes": path.stat().st_size, "md5": hashlib.file_digest(file, "md5").hexdigest(), "sha256": None}
    files = [f | found if f["name"] == s.PART_1 else f for f in small.facts["files"]]
    return small.facts | {"files": files}, small.zips | small.tables | {s.PART_1: path}


def folder(cache: Path) -> Path:
    """The one record's folder in a cache."""
    (found,) = (p.parent for p in cache.glob("*/record.json"))
    return found


@functools.cache
def published(where: Path) -> dict[str, str]:
    """SHA-256 of every image and mask in the zips of a folder, by name."""
    digests: dict[str, str] = {}
    for path in sorted(where.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith((".jpg", ".png")) and "__MACOSX" not in m.filename]
            digests |= {m.filename.rpartition("/")[2]: hashlib.sha256(archive.read(m)).hexdigest() for m in members}
    return digests


def arrived(cache: Path) -> dict[str, str]:
    """SHA-256 of every image and mask in a cache, by name; hidden files are none."""
    found = [p for name in ("images", "masks", "test") for p in (folder(cache) / name).glob("[!.]*")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def images_there(cache: Path) -> int:
    """How many training images lie in their place."""
    return sum(1 for _ in cache.glob("*/images/[!.]*"))


def half_written(cache: Path) -> list[str]:
    """The names of files in a cache that begin with a dot, the lock and what tells its holder apart."""
    return sorted(p.name for p in cache.rglob(".*") if p.is_file() and p.name not in {".lock", ".lock.json"})


def readers_work(cache: Path, whole: Mapping[str, str], found: Collection[str] = frozenset({"missing"}), *, spoiled: bool = False) -> None:
    """Every command that only reads works on a cache as it is, and its manifest names nothing that is not there.

    ``found``: the verdicts that a verification may come to; ``spoiled``: images were altered behind its back.
    """
    for words, codes in ((("verify",), {0, 3}), (("stats",), {0, 4}), (("show", "ISIC_9000001"), {0, 2})):
        ran = run_here(*words, "--json", cache=cache)
        assert ran.code in codes, (words, ran.out, ran.err)
        assert "bug in ham" not in ran.err
        assert words[0] != "verify" or not [f for f in ran.json["result"].get("findings", ()) if f["verdict"] not in found], ran.out
    for manifest in () if spoiled else cache.glob("*/manifests/images.parquet"):
        for row in pq.read_table(manifest).to_pylist():
            for path, digest in ((row["path"], row["sha256"]), (row["mask_path"], row["mask_sha256"])):
                assert path is None or hashlib.sha256((manifest.parents[1] / path).read_bytes()).hexdigest() == digest
                assert path is None or whole[path.rpartition("/")[2]] == digest


def is_whole(cache: Path, whole: Mapping[str, str]) -> None:
    """A cache holds every image and mask, says so itself, and keeps nothing that it was brought in."""
    assert arrived(cache) == whole
    ran = run_here("verify", "--all", "--json", cache=cache)
    assert (ran.code, ran.result["findings"]) == (0, []), ran.out
    assert list((folder(cache) / "archives").glob("[!.]*")) == []
    # What a kill left of something that was just being put in its place goes with the next prune; of downloads nothing stays.
    assert [name for name in half_written(cache) if not re.fullmatch(r"\..*\.[0-9a-f]{8}\.part", name)] == []
    assert run_here("cache", "prune", cache=cache).code == 0
    assert half_written(cache) == []


def places(where: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder as its bytes, and every Parquet file also as what it says, unpacked."""
    for path in sorted(p for p in where.rglob("*") if p.is_file()):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue  # a fetch that runs has let go of it
        yield str(path), data
        if path.suffix == ".parquet":
            # Of the bytes that were read: a fetch that runs may put another file in its place.
            yield f"{path}, its rows", repr(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
            yield f"{path}, its metadata", repr(pq.read_metadata(io.BytesIO(data)).metadata).encode()


def leaks(secrets: Collection[str], *folders: Path) -> list[tuple[str, str]]:
    """Where a secret stands: its place, and the secret."""
    return [(place, secret) for where in folders for place, data in places(where) for secret in secrets if secret.encode() in data]
