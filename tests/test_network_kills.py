"""A fetch over the network that is killed, interrupted, moved, or runs out of room: it goes on where it was, and is right."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import killing
from tests import small as s
from tests.dataverse import Servers
from tests.killing import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.small import Small

IMAGES = 150
PART_1, PART_2, TEST = "demo_images_part_1.zip", "demo_images_part_2.zip", "demo_test_images.zip"
MEBIBYTE = 1 << 20
CONNECTIONS = 4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty megabytes of published files."""
    return killing.drawn(tmp_path_factory, IMAGES)


@pytest.fixture
def servers(source: Path) -> Iterator[Servers]:
    """Servers that send them, slowly enough to be interrupted."""
    with Servers.of_folder(source, s3_host="127.0.0.2") as running:
        running.rate = 3e6
        yield running


@pytest.fixture
def trial(servers: Servers, source: Path, tmp_path: Path) -> Trial:
    """A cache that is still to be filled."""
    return Trial(servers, source, tmp_path)


def moments(trial: Trial) -> list[Callable[[], bool]]:
    """Twenty shares of the record's bytes that were sent, and between them some numbers of images that were unpacked."""
    sizes = {name: (trial.source / name).stat().st_size for name in (TEST, PART_1, PART_2)}
    found: list[Callable[[], bool]] = []
    before = 0
    for name, size in sizes.items():
        shares = [k * sum(sizes.values()) // 21 - before for k in range(1, 21)]
        found += [trial.moment(name, share) for share in shares if 0 < share <= size]
        before += size
        first = {PART_1: 0, PART_2: IMAGES // 2}.get(name)
        if first is not None:
            found += [lambda n=first + more: killing.images_there(trial.cache) >= n for more in (1, 30, 60)]  # type: ignore[misc]
    return found


@pytest.mark.slow
@pytest.mark.thinned(0)
def test_killed_at_any_moment_it_goes_on_and_every_reader_works_meanwhile(trial: Trial) -> None:
    planned = moments(trial)[::3]  # of 26; `python -m tests.stress` has as many as one likes
    assert len(planned) == 9
    for when in planned:
        assert trial.ended(signal.SIGKILL, when).code == -signal.SIGKILL
        killing.readers_work(trial.cache, trial.whole)
    trial.finished()
    killing.is_whole(trial.cache, trial.whole)
    wasted = trial.sent - trial.bytes
    print(f"{len(planned)} kills cost {wasted / len(planned) / MEBIBYTE:.2f} MiB each")
    assert wasted <= len(planned) * CONNECTIONS * MEBIBYTE


@pytest.mark.slow
@pytest.mark.thinned(0)
def test_kills_of_a_large_file_cost_at_most_a_mebibyte_a_connection(small: Small, tmp_path: Path) -> None:
    # Between two of them more is sent than that, unlike above, so that whoever forgets what has arrived sends too much.
    facts, files = killing.large(small, tmp_path, 84 << 20)
    kills, size = 8, facts["files"][0]["bytes"]
    with Servers(facts, files, s3_host="127.0.0.2") as servers:
        servers.rate = 6e6
        trial = Trial(servers, small.record.parent, tmp_path)
        for number in range(1, kills + 1):
            when = trial.moment(s.PART_1, number * size // (kills + 1))
            assert trial.ended(signal.SIGKILL, when, "images").code == -signal.SIGKILL
        trial.finished()
        wasted = trial.sent - trial.bytes
        print(f"{kills} kills cost {wasted / kills / MEBIBYTE:.2f} MiB each")
        assert wasted <= kills * CONNECTIONS * MEBIBYTE
    assert killing.arrived(trial.cache).items() >= killing.published(tmp_path).items() > set()


def test_a_cache_that_is_moved_half_fetched_goes_on_where_it_was(trial: Trial, tmp_path: Path) -> None:
    assert trial.ended(signal.SIGINT, trial.moment(PART_1, 9_000_000)).code == 130
    moved = tmp_path / "elsewhere" / "of another name"
    moved.parent.mkdir()
    trial.cache.rename(moved)
    before = trial.sent
    trial.finished(cache=moved)
    killing.is_whole(moved, trial.whole)
    there = before - CONNECTIONS * MEBIBYTE
    assert trial.sent - before <= trial.bytes - there
    assert not trial.cache.exists()


def leave(trial: Trial, images: Callable[[int], bool], zips: tuple[str, ...]) -> None:
    """Leave of a whole cache what a kill leaves before anything is indexed: some images, in order, and some zips."""
    trial.finished("--keep-archives")
    here = killing.folder(trial.cache)
    gone = [*(here / "manifests").iterdir(), *(p for n, p in enumerate(sorted((here / "images").iterdir())) if not images(n))]
    for path in (*gone, *(p for p in (here / "archives").iterdir() if p.name not in zips)):
        path.unlink()


@pytest.mark.parametrize(
    ("images", "zips", "asked"),
    [
        pytest.param(lambda n: n < IMAGES // 2, (), {PART_2}, id="a zip that was unpacked and let go"),
        pytest.param(lambda n: n < IMAGES - 15, (PART_2,), set(), id="a zip of which most was unpacked"),
        pytest.param(lambda n: n < 15, (PART_1,), {PART_2}, id="a zip of which little was unpacked"),
        pytest.param(lambda n: n >= 0, (PART_1, PART_2), set(), id="zips that were unpacked and not yet let go"),
    ],
)
@pytest.mark.thinned(2)
def test_what_arrived_before_a_kill_is_not_asked_for_again(
    images: Callable[[int], bool], zips: tuple[str, ...], asked: set[str], trial: Trial
) -> None:
    leave(trial, images, zips)
    before = len(trial.servers.requests)
    trial.finished()
    later = trial.servers.requests[before:]
    # A look at a zip's directory tells that nothing of it is missing.
    assert {name for name in (PART_1, PART_2) if sum(r.sent for r in later if r.name == name) > MEBIBYTE} == asked
    killing.is_whole(trial.cache, trial.whole)


@pytest.mark.parametrize("lost", ["what was not synced", "the journal", "the file"])
@pytest.mark.thinned(3)
def test_after_a_power_cut_only_what_was_on_the_disk_is_believed(lost: str, trial: Trial) -> None:
    assert trial.ended(signal.SIGKILL, trial.moment(PART_1, 9_000_000)).code == -signal.SIGKILL
    (journal,) = trial.cache.rglob(".*.journal")
    part = journal.with_name(journal.name.removesuffix(".journal"))
    head, *lines = journal.read_text().splitlines(keepends=True)
    words = json.loads(head)
    assert lines
    if lost == "what was not synced":
        # Another boot; the file has its length, and nothing in it that no sync vouches for.
        journal.write_text(json.dumps(words | {"boot": "0" * 8 + words["boot"][8:]}) + "\n" + "".join(lines))
        data, size = part.read_bytes(), part.stat().st_size
        blank = bytearray(size)
        for start, end in words["whole"]:
            blank[start:end] = data[start:end]
        part.write_bytes(blank)
    else:
        (journal if lost == "the journal" else part).unlink()
    assert "MD5" not in trial.finished().err  # which would find it out, at the price of all of it
    killing.is_whole(trial.cache, trial.whole)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own; the test is skipped where none may be mounted."""
    where = tmp_path / "volume"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", where], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    yield where
    subprocess.run(["umount", "--lazy", where], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are of Linux")
@pytest.mark.parametrize("when", ["while it downloads", "while it unpacks"])
@pytest.mark.thinned(2)
def test_a_disk_that_fills_on_the_way_is_said_and_with_more_room_it_goes_on(when: str, volume: Path, trial: Trial) -> None:
    trial.cache = volume / "cache"
    with trial.start() as running:
        running.until(trial.moment(PART_1, 5_000_000))
        room = 3_000_000 if when == "while it downloads" else (trial.source / PART_1).stat().st_size
        with contextlib.suppress(OSError):  # the fetch may be quicker; then it is as full as it gets
            (volume / "ballast").write_bytes(bytes(max(0, shutil.disk_usage(volume).free - room)))
        ended = running.end()
    assert (ended.code, ended.out) == (5, ""), ended
    assert re.search(r"^error: (the operating system refused: No space left on device|there is not enough room)$", ended.err, re.MULTILINE)
    assert "next:     free some room" in ended.err
    assert "Traceback" not in ended.err
    killing.readers_work(trial.cache, trial.whole)
    with trial.start() as running:
        again = running.end()
    assert again.code == 5, again
    assert "there is not enough room" in again.err
    subprocess.run(["mount", "-o", "remount,size=400m", volume], check=True)
    before = trial.sent
    trial.finished()
    killing.is_whole(trial.cache, trial.whole)
    assert trial.sent <= trial.bytes + CONNECTIONS * MEBIBYTE
    assert before > 5_000_000
