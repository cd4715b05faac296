"""One task function over many tasks, on every core this process may use, or by those who work elsewhere."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

Task = TypeVar("Task")
Result = TypeVar("Result")

BATCH = 32
"""Tasks handed over at once: an image is a fraction of a millisecond's work, and a hand-over costs as much."""

AHEAD = 4
"""Batches in flight for each worker: enough to keep it busy, few enough to stop soon and hold little."""


def cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


class Workers(Protocol):
    """Those who do tasks in other processes, on this machine or on others."""

    @property
    def count(self) -> int:
        """How many tasks they do at once."""

    def require(self, path: Path) -> None:
        """Raise `AccessError` where one of them does not see this file as it is here."""

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task], batch: int) -> Generator[Result, None, None]:
        """As `run` below; functions are a module's, tasks and results plain values."""


def count(jobs: int | Workers) -> int:
    """How many tasks are done at once."""
    return jobs if isinstance(jobs, int) else jobs.count


def require(jobs: int | Workers, path: Path) -> None:
    """Raise `AccessError` where one of those who work elsewhere does not see this file as it is here."""
    if not isinstance(jobs, int):
        jobs.require(path)


def run(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int | Workers, *, batch: int = BATCH
) -> Generator[Result, None, None]:
    """The results of ``function`` over ``tasks``, in order.

    Threads: reading, hashing, inflating and decoding release the interpreter's lock. An exception of a task is raised
    here; leaving the iterator early stops the workers after the task they are at. ``batch``: tasks handed over at once,
    fewer where results are large.
    """
    if not isinstance(jobs, int):
        yield from jobs.run(function, tasks, batch)
        return
    if jobs <= 1:
        yield from map(function, tasks)
        return
    stop = threading.Event()

    def several(some: Sequence[Task]) -> list[Result]:
        return [function(task) for task in some if not stop.is_set()]

    todo = iter(tasks)
    pending: deque[Future[list[Result]]] = deque()
    workers = ThreadPoolExecutor(jobs)
    try:
        while True:
            while len(pending) < jobs * AHEAD and (some := list(islice(todo, batch))):
                pending.append(workers.submit(several, some))
            if not pending:
                return
            yield from pending.popleft().result()
    finally:
        stop.set()
        workers.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def ended(steps: Generator[Result, None, None]) -> Iterator[Generator[Result, None, None]]:
    """End a generator when this is left, also one that another thread is still in: when that comes out of it."""
    try:
        yield steps
    finally:
        # Whoever waited for that thread may have been interrupted himself, by a second signal.
        while True:
            with contextlib.suppress(ValueError):  # generator already executing
                steps.close()
                break
            time.sleep(0.01)


class Beside:
    """One function running in a thread of its own while others work; it can be asked to stop."""

    def __init__(self, function: Callable[[Callable[[int], None]], Result]) -> None:
        """Start ``function``; the callable it is given counts progress and ends it when stopped."""
        self._stop = threading.Event()
        self._worker = ThreadPoolExecutor(1)
        self._future = self._worker.submit(function, self._advanced)

    def result(self) -> Result:  # type: ignore[type-var]
        """What the function returned; waits for it."""
        return self._future.result()  # type: ignore[return-value]

    def stop(self) -> None:
        """End it at its next step, and wait until it has."""
        self._stop.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _advanced(self, _amount: int) -> None:
        if self._stop.is_set():
            raise InterruptedError


def followed(function: Callable[[Callable[[int], None]], Result]) -> Generator[int, None, Result]:
    """Run one function in a thread of its own; yields what it says it has advanced, and returns its result.

    The callable it is given takes such an amount; it ends the function at that place when this is left early.
    """
    news, left = queue.SimpleQueue[int](), threading.Event()

    def advanced(amount: int) -> None:
        if left.is_set():
            raise InterruptedError
        news.put(amount)

    with ThreadPoolExecutor(1) as worker:
        try:
            future = worker.submit(function, advanced)
            future.add_done_callback(lambda _: news.put(0))
            while not future.done() or not news.empty():
                # Not for ever: a signal that comes just before a wait is looked at only after it.
                with contextlib.suppress(queue.Empty):
                    if amount := news.get(timeout=0.25):
                        yield amount
        finally:
            left.set()
        return future.result()


def swarm(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """The results of ``function`` over ``tasks`` as they come, by threads that nobody waits for.

    For questions to servers: one that stays silent must not hold up the end of the program. An exception of a task
    is raised here.
    """
    todo, results = deque(tasks), queue.SimpleQueue[Result | _Failed]()

    def work() -> None:
        while True:
            try:
                task = todo.popleft()
            except IndexError:
                return
            try:
                results.put(function(task))
            except BaseException as error:  # noqa: BLE001  (raised where the results are read)
                results.put(_Failed(error))

    for _ in range(min(workers, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    try:
        left = len(tasks)
        while left:
            try:
                # Not for ever: a signal that comes just before a wait is looked at only after it.
                result = results.get(timeout=0.25)
            except queue.Empty:
                continue
            left -= 1
            if isinstance(result, _Failed):
                raise result.error
            yield result
    finally:
        todo.clear()


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error
