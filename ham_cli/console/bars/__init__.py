"""Progress: bars for a person, a plain line now and then in a pipe, nothing with ``-q``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from typing import TYPE_CHECKING

from ham_cli.console import is_terminal
from ham_cli.console.bars.live import Bars
from ham_cli.console.bars.thing import Thing, duration
from ham_cli.findings import IN_ALL, Advanced, Done, Finding, Note, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ham_cli.console import Console
    from ham_cli.findings import Event

EVERY = 10.0
"""Seconds between two plain lines about one thing."""

_LOOK = 0.5
"""Seconds between two looks at which plain line is due: events come by the thousand."""

_LONG = 1.0
"""Seconds from which on it is worth saying how long a thing took."""


def watch(events: Iterable[Event], console: Console, clock: Callable[[], float] = time.monotonic) -> list[Finding]:
    """Draw the events while they come; the findings among them, sorted."""
    findings = []
    view = _view(console, clock)
    try:
        for event in events:
            if isinstance(event, Advanced):
                view.advanced(event)
            elif isinstance(event, Started):
                view.started(event)
            elif isinstance(event, Done):
                view.done(event)
            elif isinstance(event, Finding):
                findings.append(event)
            else:
                _speak(event, console)
    finally:
        view.close()
        # Who is interrupted here lets the work end now, and not whenever nobody remembers it any more.
        if isinstance(events, Generator):
            events.close()
    return sorted(findings, key=lambda finding: finding.place)


def _view(console: Console, clock: Callable[[], float]) -> Bars | _Lines | _Silent:
    if console.quiet:
        return _Silent()
    # Such a terminal cannot go back to a line that is written.
    dumb = os.environ.get("TERM", "").lower() in {"dumb", "unknown"}
    return Bars(clock) if is_terminal(sys.stderr) and not dumb else _Lines(console, clock)


def _speak(note: Note, console: Console) -> None:
    {"warning": console.warn, "said": console.say}.get(note.weight, console.detail)(note.text)


class _Silent:
    def started(self, event: Started) -> None:
        """Nothing to see."""

    def advanced(self, event: Advanced) -> None:
        """Nothing to see."""

    def done(self, event: Done) -> None:
        """Nothing to see."""

    def close(self) -> None:
        """Nothing to end."""


class _Lines:
    """A plain line at each thing's start and end, and every ten seconds."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self.console, self.clock = console, clock
        self.things: dict[str, Thing] = {}
        self.looked = clock()

    def started(self, event: Started) -> None:
        thing = self.things[event.name] = Thing(event, self.clock())
        if event.name != IN_ALL:
            going_on = f", going on at {thing.amount(event.already)}" if event.already else ""
            self._say(thing, thing.amount(event.total) + going_on if event.total else "started")

    def advanced(self, event: Advanced) -> None:
        now = self.clock()
        # Before this event counts: a thing and the whole, which it advances next, then agree.
        if now - self.looked >= _LOOK:
            self.looked = now
            self._look(now)
        self.things[event.name].so_far += event.amount

    def done(self, event: Done) -> None:
        thing = self.things.pop(event.name)
        if event.name != IN_ALL:
            self._say(thing, ", ".join(part for part in ("done", event.words or _took(thing, self.clock())) if part))

    def close(self) -> None:
        """Nothing to end."""

    def _look(self, now: float) -> None:
        """Say what is due, the whole last."""
        for thing in sorted(self.things.values(), key=lambda thing: thing.started.name == IN_ALL):
            thing.mark(now)
            if now - thing.said >= EVERY:
                thing.said = now
                self._say(thing, ", ".join(_told(thing, now)))

    def _say(self, thing: Thing, words: str) -> None:
        self.console.say(f"{thing.name}: {words}")


def _told(thing: Thing, now: float) -> list[str]:
    """How far a thing is, how fast, and how long still."""
    told = [thing.progressed()]
    rate, left = thing.rate(now), thing.left(now)
    if rate is not None:
        told.append(thing.speed(rate))
    if left is not None:
        told.append(f"{duration(left)} left")
    return told


def _took(thing: Thing, now: float) -> str:
    """What this run did of it, where that took a while: ``1.4 GB in 14 min, 1.6 MB/s``."""
    moved, seconds = thing.so_far - thing.started.already, now - thing.began
    if moved <= 0 or seconds <= _LONG:
        return ""
    return f"{thing.amount(moved)} in {duration(seconds)}, {thing.speed(moved / seconds)}"
