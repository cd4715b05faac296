"""What goes on beside a fetch over the network: another fetch, readers, the server's counter, and how much memory it takes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import killing, peek
from tests import small as s
from tests.dataverse import Servers
from tests.killing import Fetching, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Command, Here
    from tests.small import Small

PART_1 = "demo_images_part_1.zip"
HELD = 20_000
"""Bytes a second and connection at which a fetch does not end before what is tried beside it, on however busy a machine."""
MOST_MEMORY = 250 << 20
"""Bytes that a fetch takes at most, of whatever size its files are."""


@pytest.fixture
def trial(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Trial]:
    """A cache that is still to be filled, from servers that take their time."""
    source = killing.drawn(tmp_path_factory, 150)
    with Servers.of_folder(source, s3_host="127.0.0.2") as servers:
        servers.rate = 2e6
        yield Trial(servers, source, tmp_path)


def test_of_two_fetches_one_works_and_the_other_says_for_whom_it_waits_and_finds_everything_done(trial: Trial) -> None:
    with trial.start() as first:
        first.until(trial.moment(PART_1, 100_000))
        trial.servers.rate = HELD
        with trial.start() as second:
            second.until(lambda: second.err.endswith("\n"))
            holder = f"process {first.process.pid} (ham fetch) on {socket.gethostname()}"
            assert second.err == f"waiting for {holder}, which is writing to {trial.cache} (at most 600 s: --lock-timeout)\n"
            trial.servers.rate = None
            assert first.end().code == 0
            asked = len(trial.servers.requests)
            ended = second.end()
    assert (ended.code, len(trial.servers.requests)) == (0, asked)
    assert "unchanged" in ended.err
    assert trial.servers.downloads_counted == len(trial.servers.published.datafiles)
    killing.is_whole(trial.cache, trial.whole)


def test_who_does_not_want_to_wait_is_told_at_once(trial: Trial) -> None:
    with trial.start() as first:
        first.until(trial.moment(PART_1, 100_000))
        trial.servers.rate = HELD
        with trial.start("--lock-timeout", "0", "--json") as second:
            ended = second.end()
        assert first.runs
        holder = f"process {first.process.pid} (ham fetch) on {socket.gethostname()}"
    assert ended.code == 6
    assert json.loads(ended.out)["error"]["got"] == holder
    assert "waiting" not in ended.err


def test_a_fetch_whose_predecessor_is_killed_takes_over(trial: Trial) -> None:
    with trial.start() as first:
        first.until(trial.moment(PART_1, 3_000_000))
        with trial.start() as second:
            second.until(lambda: "waiting for" in second.err)
            first.end(signal.SIGKILL)
            trial.servers.rate = None
            assert second.end().code == 0
    assert trial.sent <= trial.bytes + 4 * (1 << 20)
    killing.is_whole(trial.cache, trial.whole)


def test_who_waits_for_another_is_ended_by_ctrl_c(trial: Trial) -> None:
    with trial.start() as first:
        first.until(trial.moment(PART_1, 100_000))
        trial.servers.rate = HELD
        with trial.start() as second:
            second.until(lambda: "waiting for" in second.err)
            ended = second.end(signal.SIGINT)
        assert (ended.code, first.runs) == (130, True)
    assert ended.seconds < killing.PROMPTLY
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("split",), ("stats",), ("stats", "--by", "dx,sex"), ("cite",), ("verify", "--quick")])
@pytest.mark.thinned(5)
def test_while_the_zips_arrive_other_commands_work_and_do_not_wait(words: tuple[str, ...], trial: Trial, ham: Command) -> None:
    with trial.start() as fetching:
        fetching.until(trial.moment(PART_1, 50_000))
        trial.servers.rate = HELD
        ran = ham(*words, cache=trial.cache)
        assert fetching.runs
    assert ran.returncode == (3 if words[0] == "verify" else 0), ran.stderr
    assert "waiting" not in ran.stderr


def test_a_split_made_while_the_zips_arrive_is_the_one_that_is_made_afterwards(trial: Trial, ham_here: Here) -> None:
    with trial.start() as fetching:
        fetching.until(lambda: any(trial.cache.glob("*/manifests/images.parquet")))
        trial.servers.rate = HELD
        early = ham_here("split", "--json", cache=trial.cache)
        assert fetching.runs
    trial.finished()
    late = ham_here("split", "--json", cache=trial.cache)
    assert (early.code, late.code) == (0, 0)
    assert early.result["digest"] == late.result["digest"]


@pytest.mark.parametrize("faults", [(), ("expired403", "503xml", "reset"), ("truncate", "wrong_bytes")])
@pytest.mark.thinned(3)
def test_a_file_counts_as_one_download_however_often_it_is_asked_for(faults: tuple[str, ...], small: Small, tmp_path: Path) -> None:
    with Servers.of(small, s3_host="127.0.0.2") as servers:
        for name in (s.PART_1, s.MASKS, s.METADATA):
            for kind in faults:
                servers.fault("s3", kind, name=name, skip=1)  # type: ignore[arg-type]
            servers.fault("dataverse", "502", name=name)
        record = servers.record(small.record, tmp_path / "record")
        with Fetching("--record", record, cache=tmp_path / "cache", logs=tmp_path / "logs") as fetching:
            assert fetching.end().code == 0, fetching.err
        assert all(f.met for f in servers.faults)
        assert servers.downloads_counted == len(servers.published.datafiles)
    assert peek.contents(tmp_path / "cache" / s.ID / "images") == small.images


MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small program between: a process that a large one starts counts the large one's memory as its own."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.thinned(2)
def test_a_large_file_takes_little_memory(streamed: bool, small: Small, tmp_path: Path) -> None:  # noqa: FBT001
    facts, files = killing.large(small, tmp_path, 150 << 20)
    with Servers(facts, files, s3_host="127.0.0.2") as servers:
        if streamed:
            servers.fault("s3", "ignore_range", times=None)
        record = servers.record(small.record, tmp_path / "record")
        words: list[str | Path] = [sys.executable, "-c", MEASURED, sys.executable, "-m", "ham_cli", "fetch", "images", "--record", record]
        ran = subprocess.run([*words, "--cache-dir", tmp_path / "cache"], capture_output=True, text=True, check=True)
        code, kilobytes = map(int, ran.stdout.split())
        assert servers.sent(s.PART_1) >= 150 << 20
    # Its digests are those of other images: the zip's own MD5 vouches for what it holds.
    assert code == 0, ran.stderr
    print(f"{kilobytes / 1024:.0f} MiB")
    assert kilobytes * 1024 <= MOST_MEMORY
