"""``--dask``: the same tasks on a real cluster of two worker processes, and the same bytes out."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests import peek
from tests import small as s
from tests.conftest import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PATIENCE = 60
QUIET = ("--dashboard-address", "127.0.0.1:0", "--no-dashboard")


@dataclass
class Dask:
    """A scheduler and its workers, each in a process of its own."""

    where: Path
    scheduler: subprocess.Popen[bytes]
    address: str
    workers: list[subprocess.Popen[bytes]]

    def worker(self, **env: str) -> subprocess.Popen[bytes]:
        """One more worker."""
        words = [
            "worker",
            self.address,
            "--host",
            "127.0.0.1",
            "--nthreads",
            "1",
            "--no-nanny",
            *QUIET,
            "--local-directory",
            str(self.where),
        ]
        code = f"import sys; from distributed.cli.dask_worker import main; sys.argv = {words!r}; main()"
        one = subprocess.Popen([sys.executable, "-c", code], env=os.environ | env, stderr=(self.where / f"w{len(self.workers)}").open("wb"))
        self.workers.append(one)
        return one

    def wait(self, count: int) -> None:
        """Until so many workers are there."""
        import distributed

        make: Any = distributed.Client
        with make(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=PATIENCE)

    def end(self) -> None:
        for one in (*self.workers, self.scheduler):
            one.kill()
            one.wait()


@contextlib.contextmanager
def cluster(where: Path, workers: int = 2) -> Iterator[Dask]:
    """A running cluster."""
    where.mkdir()
    log = where / "scheduler"
    words = ["scheduler", "--host", "127.0.0.1", "--port", "0", *QUIET]
    code = f"import sys; from distributed.cli.dask_scheduler import main; sys.argv = {words!r}; main()"
    with log.open("wb") as said:
        scheduler = subprocess.Popen([sys.executable, "-c", code], stderr=said, stdout=said)
    patience = time.monotonic() + PATIENCE
    while not (found := re.search(rb"tcp://127\.0\.0\.1:\d+", log.read_bytes())):
        if time.monotonic() > patience or scheduler.poll() is not None:
            scheduler.kill()
            scheduler.wait()
            pytest.fail(f"no scheduler: {log.read_text()}")
        time.sleep(0.1)
    one = Dask(where, scheduler, found[0].decode(), [])
    try:
        for _ in range(workers):
            one.worker()
        one.wait(workers)
        yield one
    finally:
        one.end()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Two workers, for all tests that harm none."""
    pytest.importorskip("distributed")
    with cluster(tmp_path_factory.mktemp("dask") / "here") as running:
        yield running


def test_verify_finds_the_same(dask: Dask, cache: Path) -> None:
    peek.flip(cache / s.ID / "images" / "ISIC_0000001.jpg", 300)
    (cache / s.ID / "images" / "ISIC_0000002.jpg").unlink()
    here = run_here("verify", "--deep", "--json", cache=cache)
    there = run_here("verify", "--deep", "--json", "--dask", dask.address, cache=cache)
    assert (there.code, there.result | {"since": None}) == (3, here.result | {"since": None})


def test_any_folder_and_an_export_are_verified_too(dask: Dask, small_cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_here("export", "imagefolder", out, "--partition", "train", cache=small_cache).code == 0
    peek.flip(out / "train" / "nv" / "ISIC_0000008.jpg")
    for folder in (out, small_cache / s.ID):
        here, there = (
            run_here("verify", "--path", folder, "--json", *words, cache=small_cache) for words in ((), ("--dask", dask.address))
        )
        assert (there.code, there.result) == (here.code, here.result)


@pytest.mark.parametrize("what", ["--pixels", "--masks"])
def test_stats_measure_the_same(what: str, dask: Dask, cache: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run_here("stats", what, "-o", one, cache=cache).code == 0
    shutil.rmtree(cache / s.ID / "manifests" / "stats")
    ran = run_here("stats", what, "-o", two, "--dask", dask.address, cache=cache)
    assert (ran.code, two.read_bytes()) == (0, one.read_bytes())


@pytest.mark.parametrize(
    "words",
    [
        ("webdataset", "--size", "24", "--shard-size", "3", "--masks"),
        ("hf", "--shard-size", "4"),
        ("imagefolder",),
        ("imagefolder", "--size", "24"),
    ],
    ids=" ".join,
)
@pytest.mark.thinned(2)
def test_exports_have_the_same_bytes(words: tuple[str, ...], dask: Dask, small_cache: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for out, more in ((here, ()), (there, ("--dask", dask.address))):
        ran = run_here("export", words[0], out, "--partition", "train", *words[1:], *more, cache=small_cache)
        assert ran.code == 0, ran.err
    assert peek.tree(there) == peek.tree(here)


def test_a_person_sees_how_far_it_is(dask: Dask, small_cache: Path) -> None:
    ran = run_here("verify", "--dask", dask.address, cache=small_cache)
    assert (ran.code, "images: 20 files" in ran.err, "Traceback" in ran.err) == (0, True, False)


def test_what_goes_wrong_in_a_task_is_said_as_here(dask: Dask, cache: Path, tmp_path: Path) -> None:
    peek.flip(cache / s.ID / "images" / "ISIC_0000001.jpg", 300)
    words = ("export", "webdataset", tmp_path / "out", "--partition", "train", "--json")
    here, there = (run_here(*words, *more, cache=cache) for more in ((), ("--dask", dask.address)))
    assert (there.code, there.json["error"]) == (here.code, here.json["error"])


def test_a_worker_that_cannot_see_the_cache_is_named(small_cache: Path, tmp_path: Path) -> None:
    with cluster(tmp_path / "dask", 1) as one:
        # Seen from this worker the cache lies elsewhere: its own copy of another cache stands at the path.
        blind = tmp_path / "blind"
        blind.mkdir()
        (blind / "sitecustomize.py").write_text(
            "import pathlib\nread = pathlib.Path.open\n"
            "def open(self, *a, **k):\n"
            f"    if str(self).startswith({str(small_cache)!r}):\n"
            "        raise FileNotFoundError(2, 'No such file or directory', str(self))\n"
            "    return read(self, *a, **k)\npathlib.Path.open = open\n"
        )
        one.worker(PYTHONPATH=f"{blind}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        one.wait(2)
        ran = run_here("verify", "--json", "--dask", one.address, cache=small_cache)
        error: dict[str, Any] = ran.json["error"]
        assert (ran.code, error["got"]) == (5, "no such file")
        assert (re.match("a Dask worker cannot see .*images.parquet as it is here", error["what"]) is not None) is True
        assert "tcp://" in error["where"]


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(small_cache: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    words = ("webdataset", "--partition", "train", "--size", "200", "--shard-size", "1")
    assert run_here("export", words[0], here, *words[1:], cache=small_cache).code == 0
    with cluster(tmp_path / "dask", 2) as one:
        command = [sys.executable, "-m", "ham_cli", "export", words[0], str(there), *words[1:], "--cache-dir", str(small_cache)]
        running = subprocess.Popen([*command, "--dask", one.address], stderr=subprocess.PIPE, text=True)
        patience = time.monotonic() + PATIENCE
        while running.poll() is None and not list(there.glob("*.tar")) and time.monotonic() < patience:
            time.sleep(0.005)
        one.workers[0].send_signal(signal.SIGKILL)
        said = running.communicate(timeout=PATIENCE)[1]
    assert (running.returncode, "Traceback" in said) == (0, False), said
    assert peek.tree(there) == peek.tree(here)


@pytest.mark.thinned(0)
def test_a_scheduler_that_goes_away_is_said_and_the_next_run_goes_on(small_cache: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    words = [
        "export",
        "webdataset",
        str(there),
        "--partition",
        "train",
        "--size",
        "400",
        "--shard-size",
        "1",
        "--cache-dir",
        str(small_cache),
    ]
    with cluster(tmp_path / "dask", 1) as one:
        running = subprocess.Popen(
            [sys.executable, "-m", "ham_cli", *words, "--json", "--dask", one.address],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        patience = time.monotonic() + PATIENCE
        while running.poll() is None and not list(there.glob("*.tar")) and time.monotonic() < patience:
            time.sleep(0.005)
        one.end()
        _, said = running.communicate(timeout=PATIENCE)
    if running.returncode != 0:  # where it was not done before
        assert (running.returncode, "Traceback" in said) == (4, False), said
    assert run_here(*words).code == 0
    assert run_here("verify", "--path", there, cache=small_cache).code == 0


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--dask", "tcp://127.0.0.1:1"), 4, "no Dask scheduler answers"),
        (("--dask", "nonsense://x"), 4, "no Dask scheduler answers"),
        (("--dask", " "), 2, "--dask is empty"),
        (("--dask", "tcp://127.0.0.1:1", "--jobs", "2"), 2, "--jobs are threads here, and --dask is a cluster"),
    ],
)
def test_an_address_that_is_none_is_said(
    words: tuple[str, ...], code: int, what: str, small_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ham_cli.cluster.PATIENCE", 1)
    ran = run_here("verify", "--json", *words, cache=small_cache)
    assert (ran.code, ran.json["error"]["what"]) == (code, what)
