"""What is to be downloaded, and what came of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ham_cli.http import Client, Waits


@dataclass(frozen=True)
class Address:
    """Where the bytes are, at this moment."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """For this host alone; may hold a key."""


@dataclass(frozen=True)
class Order:
    """One file to download."""

    name: str
    """As the person sees it."""
    target: Path
    """Where it goes when it is right."""
    resolve: Callable[[int], Address]
    """The address; asked again, with how often already, when one is used up. Raises `http.Problem`."""
    bytes: int | None = None
    """Its published size; compared and reported, never refused on."""
    md5: str | None = None
    """Its published MD5, which decides; ``None`` where there is none."""
    is_table: bool = False
    """Whether it is text, which may begin with anything."""


@dataclass(frozen=True)
class Edition:
    """Which file it is that a server has: one of another size or another name is another file."""

    size: int
    """Bytes of the whole."""
    etag: str | None
    """The server's name for these very bytes, where it has one."""


@dataclass(frozen=True)
class Received:
    """A file that arrived."""

    order: Order
    bytes: int
    md5: str
    url: str
    """Where it came from, without its query."""


class Limiter:
    """So many bytes a second, for all connections together."""

    def __init__(self, rate: float | None) -> None:
        """Let ``rate`` bytes a second through; ``None``: all."""
        self._rate, self._lock, self._free = rate, threading.Lock(), time.monotonic()

    def passed(self, amount: int) -> float:
        """Seconds to wait after so many bytes."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._free = max(self._free, now) + amount / self._rate
            return self._free - now


@dataclass(frozen=True)
class Wire:
    """How servers are asked: one for all that a fetch asks of them."""

    client: Client
    waits: Waits
    limiter: Limiter = field(default_factory=lambda: Limiter(None))
    """For all connections together; by default no byte waits."""
