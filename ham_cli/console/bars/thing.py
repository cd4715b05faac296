"""One thing that is being done: how much, how fast, how long still, and the words for that."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ham_cli.console import one_line
from ham_cli.findings import counted

if TYPE_CHECKING:
    from ham_cli.findings import Started

WINDOW = 20.0
"""Seconds a rate is taken over: long enough to be calm, short enough to show a stall."""

_APART = 0.5
"""Seconds between two samples, at least."""

_SOON = 1.0
"""Seconds before a rate says anything."""

_FAR = 100 * 3600
"""Seconds from which on the time left is nobody's guess."""

_MINUTE = 60


class Thing:
    """A started thing and its last seconds."""

    def __init__(self, started: Started, now: float) -> None:
        """Begin where an earlier run ended."""
        self.started, self.began = started, now
        self.name = one_line(started.name).replace("\t", " ")
        self.so_far = started.already
        self.said = now
        """When the last line about it was written."""
        self._samples = deque([(now, started.already)])

    @property
    def in_bytes(self) -> bool:
        """Whether its amounts are bytes; else it counts things."""
        return self.started.unit == "bytes"

    def mark(self, now: float) -> None:
        """Take a sample for the rate; called now and then, also while nothing comes."""
        samples = self._samples
        if now - samples[-1][0] >= _APART:
            samples.append((now, self.so_far))
        while len(samples) > 1 and samples[1][0] <= now - WINDOW:
            samples.popleft()

    def rate(self, now: float) -> float | None:
        """Bytes or things a second, lately; None where it is too early to say."""
        since, before = self._samples[0]
        return max(self.so_far - before, 0) / (now - since) if now - since >= _SOON else None

    def left(self, now: float) -> float | None:
        """Seconds until it is done; None where nobody knows."""
        rate = self.rate(now)
        missing = self.started.total - self.so_far
        # More than the whole: then the whole was not known.
        seconds = missing / rate if rate and missing >= 0 else _FAR
        return seconds if seconds < _FAR else None

    def progressed(self, *, short: bool = False) -> str:
        """``412.3 MB of 1.4 GB``, short ``412 MB of 1.4 GB``; ``31 of 96 files``; ``412.3 MB`` of who knows how much."""
        total = self.started.total
        if not total:
            return self.amount(self.so_far, short=short)
        so_far = in_bytes(self.so_far, short=short) if self.in_bytes else str(self.so_far)
        return f"{so_far} of {self.amount(total, short=short)}"

    def amount(self, count: int, *, short: bool = False) -> str:
        """So many of what it counts: ``1.4 GB``, ``96 files``."""
        return in_bytes(count, short=short) if self.in_bytes else counted(count, self.started.unit)

    def speed(self, rate: float, *, short: bool = False) -> str:
        """A rate in words: ``1.6 MB/s``, ``83 images/s``; short ``83/s``, where the amount beside it says of what."""
        if self.in_bytes:
            return f"{in_bytes(rate, short=short)}/s"
        number = few_digits(rate)
        unit = self.started.unit if number == "1" else f"{self.started.unit}s"
        return f"{number}/s" if short else f"{number} {unit}/s"


def in_bytes(count: float, *, short: bool = False) -> str:
    """Bytes in words with one decimal: ``412.3 MB``; short without it from 100 on: ``412 MB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        decimals = 0 if unit == "B" or (short and count >= 99.95) else 1  # noqa: PLR2004  (what would be written 100.0)
        # What would be rounded to 1000 belongs to the next unit.
        if round(count, decimals) < 1000 or unit == "TB":  # noqa: PLR2004
            break
        count /= 1000
    return f"{count:.{decimals}f}".removesuffix(".0") + f" {unit}"


def few_digits(number: float) -> str:
    """A number as far as one reads it: ``83``, ``8.3``, ``0.83``."""
    decimals = 0 if number >= 9.95 else 1 if number >= 0.95 else 2  # noqa: PLR2004  (what would be written 10.0, or 1.00)
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def duration(seconds: float) -> str:
    """A time as one says it: ``40 s``, ``10 min``, ``2 h 5 min``."""
    if round(seconds) < _MINUTE:
        return f"{round(seconds)} s"
    minutes = round(seconds / _MINUTE)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def on_a_clock(seconds: float | None) -> str:
    """A time as a clock shows it: ``10:21``, ``2:05:00``, and ``-:--`` for None."""
    if seconds is None:
        return "-:--"
    minutes, seconds = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
