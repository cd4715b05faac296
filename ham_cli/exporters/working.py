"""Every file of an export put in its place, on all cores; each is written down as soon as it stands there."""

from __future__ import annotations

import contextlib
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from ham_cli import atomic, pool
from ham_cli.exporters.making import preparations, prepare, put, put_together
from ham_cli.findings import Advanced, Done, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from ham_cli.exporters.making import Task
    from ham_cli.exporters.parcel import Item, Ready
    from ham_cli.findings import Event
    from ham_cli.pool import Workers

Row = dict[str, Any]

_BATCH = 8
"""Images handed to a worker at once: they wait in memory until they are written."""

_WAITING = 512
"""Images that wait in memory at most, however many cores there are: 150 MB of published bytes."""


class Ledger(Protocol):
    """What is told of each file that stands in its place: the journal of a folder, or who sends it on to a store."""

    def stands(self, item: Item, rows: list[Row]) -> None:
        """Take note of a file and its rows; from any thread."""


def work(tasks: Sequence[Task], jobs: int | Workers, journal: Ledger) -> Generator[Event, None, dict[str, list[Row]]]:
    """Put files in their place: those of many images one after the other, all others as they come.

    Yields progress; returns each file's rows in the manifest.
    """
    if not isinstance(jobs, int):
        return (yield from _elsewhere(tasks, jobs, journal))
    large = [task for task in tasks if task.item.shard and len(task.item.shard.samples) > 1]
    small = [task for task in tasks if not (task.item.shard and len(task.item.shard.samples) > 1)]

    def kept(task: Task) -> list[Row]:
        return _journaled(journal, task, put(task))

    found: dict[str, list[Row]] = {}
    if not tasks:
        return found
    yield _started(small, large)
    several = _BATCH if any(task.item.shard for task in small) else pool.BATCH
    with contextlib.closing(pool.run(kept, small, jobs, batch=several)) as done:
        for task, rows in zip(small, done, strict=True):
            found[task.item.file] = rows
            yield Advanced(_NAME, _counts(task, large))
    waiting = (one for task in large for one in preparations(task.item))
    batch = max(min(_BATCH, _WAITING // (max(jobs, 1) * pool.AHEAD)), 1)
    syncing: list[pool.Beside] = []
    # Every core prepares images, of the next file too while one is being written.
    with pool.ended(pool.run(prepare, waiting, jobs, batch=batch)) as prepared:
        for task in large:
            found[task.item.file] = yield from _followed(task, prepared, journal)
            # On its way to the disk while the next one is made: the export's list waits for all of it.
            syncing.append(pool.Beside(partial(_sync, task.target)))
    for one in syncing:
        one.result()
    yield Done(_NAME)
    return found


def _elsewhere(tasks: Sequence[Task], workers: Workers, journal: Ledger) -> Generator[Event, None, dict[str, list[Row]]]:
    """Let workers in other processes put files in their place, each as a whole."""
    found: dict[str, list[Row]] = {}
    if not tasks:
        return found
    yield Started(_NAME, len(tasks), "file")
    alone = all(task.item.shard is None or len(task.item.shard.samples) == 1 for task in tasks)
    with contextlib.closing(pool.run(put, tasks, workers, batch=pool.BATCH if alone else 1)) as done:
        for task, rows in zip(tasks, done, strict=True):
            found[task.item.file] = _journaled(journal, task, rows)
            yield Advanced(_NAME, 1)
    yield Done(_NAME)
    return found


def _sync(path: Path, _advanced: Callable[[int], None]) -> None:
    with contextlib.suppress(FileNotFoundError):  # sent on to a store, and let go of
        atomic.sync_file(path)


_NAME = "export"


def _started(small: Sequence[Task], large: Sequence[Task]) -> Started:
    """What is counted: files, or images where files are made of many, or steps where images are both written and put into such files."""
    alone = any(task.item.image_id for task in small)
    inside = sum(len(task.item.shard.samples) for task in large if task.item.shard)
    unit = "file" if not large else "step" if alone else "image"
    return Started(_NAME, sum(_counts(task, large) for task in small) + inside, unit)


def _counts(task: Task, large: Sequence[Task]) -> int:
    """What a file counts for: the papers are no images."""
    return 1 if task.item.image_id or not large else 0


def _journaled(journal: Ledger, task: Task, rows: list[Row]) -> list[Row]:
    journal.stands(task.item, rows)
    return rows


def _followed(task: Task, prepared: Iterator[Ready], journal: Ledger) -> Generator[Event, None, list[Row]]:
    """Write a file of many images in a thread of its own; yields progress, and returns its rows."""
    assert task.item.shard is not None
    ready = islice(prepared, len(task.item.shard.samples))

    def write(advanced: Callable[[int], None]) -> list[Row]:
        def counting() -> Iterator[Ready]:
            for one in ready:
                advanced(1)
                yield one

        return _journaled(journal, task, put_together(task, counting()))

    news = pool.followed(write)
    with contextlib.closing(news):
        while True:
            try:
                yield Advanced(_NAME, next(news))
            except StopIteration as end:
                rows: list[Row] = end.value
                return rows
