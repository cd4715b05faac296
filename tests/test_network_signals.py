"""A fetch over the network that Ctrl-C or SIGTERM ends, whatever it does at that moment: at once, and to go on later."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests import killing
from tests.dataverse import Servers
from tests.killing import Fetching, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART_1 = "demo_images_part_1.zip"
ALLOWED = 4 << 20
"""Bytes that being ended may cost: one MiB a connection."""
ENDINGS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty megabytes of published files."""
    return killing.drawn(tmp_path_factory, 150)


@pytest.fixture
def trial(source: Path, tmp_path: Path) -> Iterator[Trial]:
    """A cache that is still to be filled, from servers that are slow enough to be interrupted."""
    with Servers.of_folder(source, s3_host="127.0.0.2") as servers:
        servers.rate = 3e6
        yield Trial(servers, source, tmp_path)


def reached(name: str, count: int) -> Callable[[Trial, Fetching], bool]:
    """The servers have written so many bytes of a file."""
    return lambda trial, _: trial.servers.reached(name, count, seconds=0)


def waits(trial: Trial, running: Fetching) -> bool:
    """Every fault was met, and a person was told of the wait."""
    return all(f.met for f in trial.servers.faults) and "again in" in running.err


def met(trial: Trial, _: Fetching) -> bool:
    """A server was asked that does not answer."""
    return all(f.met for f in trial.servers.faults)


IMAGES_ONLY, SAMPLE = ("images",), ("images", "--sample", "2")
INT, TERM = signal.SIGINT, signal.SIGTERM
Situation = tuple[signal.Signals, tuple[str, ...], tuple[Any, ...], dict[str, Any], Callable[[Trial, Fetching], bool]]
SITUATIONS: dict[str, Situation] = {
    "downloads": (INT, IMAGES_ONLY, (), {}, reached(PART_1, 3_000_000)),
    "downloads, and it is terminated": (TERM, IMAGES_ONLY, (), {}, reached(PART_1, 3_000_000)),
    "downloads at a limited rate": (TERM, (*IMAGES_ONLY, "--limit-rate", "200k"), (), {}, reached(PART_1, 200_000)),
    "unpacks": (INT, IMAGES_ONLY, (), {}, lambda trial, _: killing.images_there(trial.cache) > 0),
    "unpacks, and it is terminated": (TERM, IMAGES_ONLY, (), {}, lambda trial, _: killing.images_there(trial.cache) > 0),
    "fetches parts": (INT, SAMPLE, (), {}, reached(PART_1, 300_000)),
    "reads a directory": (TERM, SAMPLE, ("s3", "hang"), {"name": PART_1}, met),
    "waits for a silent storage": (INT, IMAGES_ONLY, ("s3", "stall"), {"name": PART_1, "after": 100_000, "skip": 1, "times": None}, met),
    "waits for a silent server": (TERM, IMAGES_ONLY, ("dataverse", "hang"), {"name": PART_1}, met),
    "waits for a silent listing": (INT, IMAGES_ONLY, ("dataverse", "hang"), {"name": "listing"}, met),
    "waits to ask the storage again": (TERM, IMAGES_ONLY, ("s3", "503xml"), {"name": PART_1, "times": None}, waits),
    "waits to ask the server again": (INT, IMAGES_ONLY, ("dataverse", "503"), {"name": PART_1, "retry_after": 90}, waits),
    "waits to ask for the listing again": (TERM, IMAGES_ONLY, ("dataverse", "503"), {"name": "listing", "retry_after": 8}, met),
    "waits for a silent mirror": (INT, (*IMAGES_ONLY, "--source", "MIRROR"), ("bucket", "hang"), {"times": None}, met),
}
"""What a fetch does when the signal comes: the signal, the fetch's arguments, a fault, and when."""


@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.thinned(5)
def test_a_signal_ends_it_promptly_and_the_next_start_goes_on(situation: str, trial: Trial) -> None:
    number, words, fault, options, when = SITUATIONS[situation]
    servers = trial.servers
    arguments = [servers.mirror if word == "MIRROR" else word for word in words]
    if fault:
        servers.fault(*fault, **options)
    servers.rate = 3e5 if words == SAMPLE else servers.rate
    with trial.start(*arguments) as running:
        running.until(lambda: when(trial, running))
        ended = running.end(number)
    assert (ended.code, ended.out) == (ENDINGS[number], "")
    assert "Traceback" not in ended.err
    assert ended.err.splitlines()[-1].endswith("what is whole is kept, run it again to go on")
    assert ended.seconds < killing.PROMPTLY
    assert all(name.endswith((".part", ".part.journal")) for name in killing.half_written(trial.cache))
    assert not (trial.cache / ".lock.json").exists()
    killing.readers_work(trial.cache, trial.whole)
    servers.heal()
    if words == SAMPLE:
        assert trial.finished(*SAMPLE).out
        trial.finished()
    else:
        trial.finished()
        assert trial.sent <= trial.bytes + ALLOWED
    killing.is_whole(trial.cache, trial.whole)


def test_a_second_ctrl_c_changes_nothing(trial: Trial) -> None:
    with trial.start() as running:
        running.until(trial.moment(PART_1, 1_000_000))
        running.process.send_signal(signal.SIGINT)
        ended = running.end(signal.SIGINT)
    assert ended.code in {130, -signal.SIGINT}
    assert "Traceback" not in ended.err
