"""A download that goes on in a thread of its own while something else is done."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from ham_cli.findings import IN_ALL, Advanced, Done, Started

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ham_cli.download import Download
    from ham_cli.findings import Event


SILENCE = 10.0
"""Seconds after which one hears that nothing has come: a stalled line is shown as one."""


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
