"""Progress: bars for a person, a plain line now and then in a pipe, nothing with ``-q``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from ham_cli.console import clean, is_terminal, size
from ham_cli.findings import Advanced, Done, Finding, Note, Started, counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ham_cli.console import Console
    from ham_cli.findings import Event

EVERY = 10.0
"""Seconds between two plain lines about one thing."""

PATIENCE = 0.5
"""Seconds before bars appear: what is done at once needs none."""


def watch(events: Iterable[Event], console: Console) -> list[Finding]:
    """Draw the events while they come; the findings among them, sorted."""
    findings = []
    view = _Silent() if console.quiet else _Bars() if is_terminal(sys.stderr) else _Lines(console)
    try:
        for event in events:
            if isinstance(event, Finding):
                findings.append(event)
            elif isinstance(event, Note):
                view.pause()
                {"warning": console.warn, "said": console.say}.get(event.weight, console.detail)(event.text)
            else:
                view.draw(event)
    finally:
        view.close()
    return sorted(findings, key=lambda finding: finding.place)


class _Silent:
    def draw(self, event: Started | Advanced | Done) -> None:
        """Nothing to see."""

    def pause(self) -> None:
        """Nothing to hide."""

    def close(self) -> None:
        """Nothing to end."""


class _Lines(_Silent):
    """A plain line at each thing's start and end, and every ten seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.things: dict[str, list[Any]] = {}

    def draw(self, event: Started | Advanced | Done) -> None:
        if isinstance(event, Started):
            self.things[event.name] = [event, 0, time.monotonic()]
            self.console.say(f"{event.name}: {_amount(event, event.total) if event.total else 'started'}")
            return
        started, so_far, last = self.things[event.name]
        if isinstance(event, Done):
            self.console.say(f"{event.name}: done{', ' + event.words if event.words else ''}")
            return
        now = time.monotonic()
        self.things[event.name][1] = so_far + event.amount
        if now - last >= EVERY:
            self.things[event.name][2] = now
            self.console.say(f"{event.name}: {_progressed(started, so_far + event.amount)}")


class _Bars(_Silent):
    """A bar a thing, on stderr, gone when it is done."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.progress: Any = None
        self.things: dict[str, list[Any]] = {}

    def draw(self, event: Started | Advanced | Done) -> None:
        if isinstance(event, Started):
            self.things[event.name] = [event, 0, None]
        elif isinstance(event, Done):
            thing = self.things.pop(event.name)
            if thing[2] is not None:
                self.progress.remove_task(thing[2])
        else:
            thing = self.things[event.name]
            thing[1] += event.amount
            if time.monotonic() - self.began > PATIENCE:
                self._show(thing)

    def _show(self, thing: list[Any]) -> None:
        if self.progress is None:
            self.progress = _progress()
            self.progress.start()
        started, so_far, task = thing
        if task is None:
            thing[2] = task = self.progress.add_task(clean(started.name), total=started.total or None, words="")
        self.progress.update(task, completed=so_far, words=_progressed(started, so_far))

    def pause(self) -> None:
        if self.progress is not None:
            self.progress.refresh()

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()


def _progress() -> Any:  # noqa: ANN401  (rich is imported only where bars are drawn)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[words]}", markup=False),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(file=sys.stderr, highlight=False), transient=True)


def _progressed(started: Started, so_far: int) -> str:
    if not started.total:
        return _amount(started, so_far)
    return f"{size(so_far) if started.unit == 'bytes' else so_far} of {_amount(started, started.total)}"


def _amount(started: Started, count: int) -> str:
    return size(count) if started.unit == "bytes" else counted(count, started.unit)
