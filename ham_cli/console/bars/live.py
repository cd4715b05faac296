"""Bars on a terminal: one line a thing, whatever the width, and gone when the work is done."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ham_cli.console.bars.thing import Thing, on_a_clock
from ham_cli.findings import IN_ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from ham_cli.findings import Advanced, Done, Started

PATIENCE = 0.5
"""Seconds before bars appear: what is done at once needs none."""

_A_SECOND = 8
"""How often the bars are drawn anew."""

_SHORTEST, _LONGEST = 5, 30
"""Columns of a bar."""

_RATE, _PACE = 8, 6
"""Columns that a rate has at least: of bytes, of things."""

_NAME = 16
"""Columns that a long name keeps before something else has to go."""

_LAYOUTS = (("bar", "amount", "rate", "left"), ("amount", "rate", "left"), ("amount", "left"), ("amount",))
"""What stands behind the names, from a wide terminal to a narrow one."""


class Bars:
    """A bar a thing, on stderr; what is printed there meanwhile stands above them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Wait: who is done at once needs no bars."""
        self.clock, self.began = clock, clock()
        self.things: dict[str, Thing] = {}
        self._live: Any = None

    def started(self, event: Started) -> None:
        """A thing has a bar from now on; one of the same name starts over."""
        self.things[event.name] = Thing(event, self.clock())
        self._show()

    def advanced(self, event: Advanced) -> None:
        """A bar is longer when it is drawn next."""
        self.things[event.name].so_far += event.amount
        if self._live is None:
            self._show()

    def done(self, event: Done) -> None:
        """A bar is gone."""
        del self.things[event.name]

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            # Somebody may have closed the terminal.
            with contextlib.suppress(OSError):
                self._live.stop()

    def _show(self) -> None:
        if self._live is not None or self.clock() - self.began <= PATIENCE:
            return
        from rich.console import Console
        from rich.live import Live

        # What is printed on stderr goes through the live display and stands above it; soft_wrap leaves its lines whole.
        console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._live = Live(_Drawing(self), console=console, refresh_per_second=_A_SECOND, transient=True, redirect_stdout=False)
        with contextlib.suppress(OSError):
            self._live.start(refresh=True)

    def rows(self, height: int) -> list[Row]:
        """A row a thing, as many as there is room for; the whole always, and last."""
        now = self.clock()
        things = sorted(self.things.values(), key=lambda thing: thing.started.name == IN_ALL)
        for thing in things:
            thing.mark(now)
        hidden = max(len(things) - max(height, 1), 0)
        return [_row(thing, now) for thing in things[: len(things) - hidden - 1] + things[-1:]]


@dataclass(frozen=True)
class Row:
    """What one bar's line says."""

    name: str
    done: float | None
    """Part of the whole, 0 to 1; None where nobody knows the whole."""
    amount: str
    rate: str
    left: str


def _row(thing: Thing, now: float) -> Row:
    # Padded, so that nothing moves when a number gets longer.
    rate, total = thing.rate(now), thing.started.total
    return Row(
        name=thing.name,
        done=min(max(thing.so_far / total, 0), 1) if total else None,
        amount=thing.progressed(short=True),
        rate=f"{'' if rate is None else thing.speed(rate, short=True):>{_RATE if thing.in_bytes else _PACE}}",
        left=f"{on_a_clock(thing.left(now)):>5}" if total else "",
    )


@dataclass(frozen=True)
class Layout:
    """What is shown on every line, and the columns it has."""

    shown: tuple[str, ...]
    widths: dict[str, int]


def fitted(rows: list[Row], width: int, length: Callable[[str], int] = len) -> Layout:
    """The layout that shows most in the width: bars get shorter, then names, then bars go, then rates, then times."""
    widths = {part: max(len(getattr(row, part)) for row in rows) for part in ("amount", "rate", "left")}
    widths["bar"] = _SHORTEST if any(row.done is not None for row in rows) else 0
    longest = max(length(row.name) for row in rows)
    shown: tuple[str, ...] = ()
    room = width
    for layout in _LAYOUTS:
        shown = tuple(part for part in layout if widths[part])
        room = width - sum(widths[part] + 1 for part in shown)
        if room >= min(longest, _NAME):
            break
    widths["name"] = min(longest, max(room, 1))
    widths["bar"] += min(room - widths["name"], _LONGEST - _SHORTEST) if "bar" in shown else 0
    return Layout(shown, widths)


class _Drawing:
    """What is drawn, as it is at that moment."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.cells import cell_len

        # One line stays free, so that nothing scrolls when the bars go.
        rows = self.bars.rows(console.height - 1)
        if rows:
            layout = fitted(rows, options.max_width, cell_len)
            for row in rows:
                yield _line(row, layout, console.encoding)


def _line(row: Row, layout: Layout, encoding: str) -> Text:
    from rich.text import Text

    plain = not encoding.startswith("utf")
    text = Text(_name(row.name, layout.widths["name"], encoding), no_wrap=True, overflow="crop")
    for part in layout.shown:
        text.append(" ")
        width = layout.widths[part]
        if part != "bar":
            text.append(getattr(row, part).rjust(width))
        elif row.done is None:
            text.append(" " * width)
        else:
            full, half = divmod(int(row.done * width * 2), 2)
            text.append("#" * full if plain else "━" * full + "╸" * half, "bar.complete")
            text.append("-" * (width - full) if plain else "─" * (width - full - half), "bar.back")
    return text


def _name(name: str, width: int, encoding: str) -> str:
    """The name in exactly so many columns: what is too long loses its middle, as the end tells part 1 from part 2."""
    from rich.cells import cell_len, set_cell_size

    name = name.encode(encoding, "backslashreplace").decode(encoding)
    if cell_len(name) > width:
        dots = "…" if encoding.startswith("utf") else "..."
        keep = width - len(dots)
        if keep > 1:
            head = set_cell_size(name, (keep + 1) // 2)
            name = head + dots + set_cell_size(name[::-1], keep // 2)[::-1]
    return set_cell_size(name, width)
