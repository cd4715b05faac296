"""What goes on in a thread of its own: a download while something else is done, and a question while somebody waits for its answer."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from ham_cli.findings import IN_ALL, Advanced, Done, Note, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from ham_cli.download import Download
    from ham_cli.findings import Event

Answer = TypeVar("Answer")

SILENCE = 10.0
"""Seconds after which one hears that nothing has come: a stalled line is shown as one."""

SOON = 1.0
"""Seconds that a question may take without a word."""

_PULSE = 0.25
"""Seconds that are waited at once: a signal that comes just before a wait is looked at only after it."""


class Background:
    """A running download, its events kept until they are asked for."""

    def __init__(self, download: Download) -> None:
        """Start it."""
        self.download = download
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._ended: list[BaseException | None] = []
        self._begun, self._so_far, self._heard = False, 0, time.monotonic()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def beside(self, work: Iterable[Event]) -> Iterator[Event]:
        """The events of ``work``, and between them those of the download that are there already."""
        for event in work:
            yield event
            while not self._ended and not self._events.empty():
                yield from self._next()

    def rest(self) -> Iterator[Event]:
        """Its events until it ends; raises what it failed by."""
        while not self._ended:
            yield from self._next()
        if self._ended[0] is not None:
            # What it brought is none of what is to come: another source will begin anew.
            if self._begun:
                yield Advanced(IN_ALL, -self._so_far)
                yield Done(self.download.order.name, "not had")
            raise self._ended[0]

    @property
    def has_ended(self) -> bool:
        """Whether it has come to its end, however."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End it; what has arrived stays."""
        self.download.stop()
        self._thread.join(2.0)

    def _next(self) -> Iterator[Event]:
        try:
            event = self._events.get(timeout=_PULSE)
        except queue.Empty:
            if self._begun and time.monotonic() - self._heard >= SILENCE:
                self._heard = time.monotonic()
                yield Advanced(self.download.order.name, 0)
            return
        self._heard = time.monotonic()
        if event is None or isinstance(event, BaseException):
            self._ended.append(event)
            return
        yield event
        if isinstance(event, Advanced):
            self._so_far += event.amount
            yield Advanced(IN_ALL, event.amount)
        elif isinstance(event, Started):
            # What was there when it first began is in the sum already.
            if self._begun:
                yield Advanced(IN_ALL, event.already - self._so_far)
            self._begun, self._so_far = True, event.already

    def _pump(self) -> None:
        try:
            for event in self.download.run():
                self._events.put(event)
            self._events.put(None)
        except BaseException as error:  # noqa: BLE001  (raised by `rest`, where it is looked at)
            self._events.put(error)


def asking(whom: str, ask: Callable[[], Answer], words: queue.SimpleQueue[str]) -> Generator[Event, None, Answer]:
    """What a question gives; where that takes a while, to whom it is put is said, and what it says itself in ``words``."""
    answers: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as error:  # noqa: BLE001  (raised below)
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    told = False
    while True:
        try:
            answer, error = answers.get(timeout=SOON)
        except queue.Empty:
            if not told:
                yield Note(f"asking {whom}", "said")
            told = True
            yield from heard(words)
            continue
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]


def heard(words: queue.SimpleQueue[str]) -> Iterator[Note]:
    """What other threads have had to say since the last time."""
    while not words.empty():
        yield Note(words.get(), "said")
