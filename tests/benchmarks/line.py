"""A line between a program and its servers: so fast, so far away, cut so often. It is a process of its own.

A server's own limit (nginx's ``limit_rate``) counts anew for each request, and gives each a start: who asks in small
pieces is faster by it. Here the bytes of a connection are counted, whatever is asked over it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_FORK = multiprocessing.get_context("fork")

_BURST = 0.02
"""Seconds of silence that a connection may make up for: what a busy machine oversleeps."""

_STEP = 0.004
"""Seconds between two packets, about."""

_BUFFER = 64 << 10
"""Bytes that wait in a socket at most: more would hide the line's rate from the program."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket whose close is a reset."""


@dataclass(frozen=True)
class Traits:
    """What a line is like."""

    each: float | None = None
    """Bytes a second and connection."""
    total: float | None = None
    """Bytes a second, for all connections together."""
    cut: float | None = None
    """Seconds from the first connection, and from then on, after which every connection is reset."""
    away: float = 0.0
    """Seconds that a request takes to the server, its answer none."""


class Line:
    """A line to some servers, while a ``with`` block lasts."""

    def __init__(self, traits: Traits, servers: Sequence[str]) -> None:
        """Prepare one way in for each of the servers, given as ``http://HOST:PORT``."""
        self._traits = traits
        self._targets = [_pair(server) for server in servers]
        self._ears = [socket.create_server(("127.0.0.1", 0), backlog=128) for _ in servers]
        self.addresses = ["http://{}:{}".format(*ear.getsockname()) for ear in self._ears]
        """What to ask instead of the servers."""
        self._sent, self._cuts = _FORK.Value("q", 0), _FORK.Value("q", 0)
        self._first, self._last = _FORK.Value("d", 0.0), _FORK.Value("d", 0.0)
        self._process = _FORK.Process(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Start it."""
        self._process.start()
        for ear in self._ears:
            ear.close()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.join()

    @property
    def sent(self) -> int:
        """Bytes that programs got over it, headers among them."""
        return int(self._sent.value)

    @property
    def cuts(self) -> int:
        """How often it was cut."""
        return int(self._cuts.value)

    @property
    def first(self) -> float:
        """When the first byte was sent to a program, on the monotonic clock."""
        return float(self._first.value)

    @property
    def last(self) -> float:
        """When the last one was."""
        return float(self._last.value)

    def _serve(self) -> None:
        """Accept connections until the process is ended."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._total = _Rate(self._traits.total)
        self._open: set[_Connection] = set()
        self._lock, begun = threading.Lock(), threading.Event()
        for ear, target in zip(self._ears, self._targets, strict=True):
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            threading.Thread(target=self._accept, args=(ear, target, begun), daemon=True).start()
        while True:
            begun.wait()
            time.sleep(self._traits.cut or 3600)
            if self._traits.cut:
                self._cut()

    def _accept(self, ear: socket.socket, target: tuple[str, int], begun: threading.Event) -> None:
        while True:
            client, _ = ear.accept()
            begun.set()
            threading.Thread(target=self._carry, args=(client, target), daemon=True).start()

    def _carry(self, client: socket.socket, target: tuple[str, int]) -> None:
        connection = _Connection(client, target, self._traits, self._total)
        with self._lock:
            self._open.add(connection)
        connection.run(self._counted)
        with self._lock:
            self._open.discard(connection)

    def _counted(self, amount: int) -> None:
        with self._lock:
            self._first.value = self._first.value or time.monotonic()
            self._last.value = time.monotonic()
            self._sent.value += amount

    def _cut(self) -> None:
        with self._lock:
            self._cuts.value += 1
            for connection in self._open:
                connection.cut()


class _Rate:
    """So many bytes a second; who comes late may make up for a moment of it."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._free, self._lock = rate, 0.0, threading.Lock()

    def take(self, amount: int) -> float:
        """The moment at which so many bytes more have passed."""
        if self._rate is None:
            return 0.0
        with self._lock:
            self._free = max(self._free, time.monotonic() - _BURST) + amount / self._rate
            return self._free


class _Connection:
    """Two sockets, and the bytes between them."""

    def __init__(self, client: socket.socket, target: tuple[str, int], traits: Traits, total: _Rate) -> None:
        self._client, self._server = client, socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._server.connect(target)
        for one in (self._client, self._server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._away, self._rates = traits.away, (_Rate(traits.each), total)
        slowest = min((r for r in (traits.each, traits.total) if r), default=1e9)
        self._most = max(1 << 10, min(_BUFFER, int(slowest * _STEP)))
        self._is_cut = False

    def cut(self) -> None:
        """End it with a reset, at its next step."""
        self._is_cut = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)

    def run(self, counted: Callable[[int], None]) -> None:
        """Carry bytes until one of the two has no more."""
        requests = threading.Thread(target=self._requests, daemon=True)
        requests.start()
        with contextlib.suppress(OSError):
            while data := self._server.recv(self._most):
                time.sleep(max(0.0, max(rate.take(len(data)) for rate in self._rates) - time.monotonic()))
                if self._is_cut:
                    break
                self._client.sendall(data)
                counted(len(data))
        # A socket that another thread reads from is not closed before that thread has let go of it.
        for one, how in ((self._server, socket.SHUT_RDWR), (self._client, socket.SHUT_RD)):
            with contextlib.suppress(OSError):
                one.shutdown(how)
        requests.join()
        if self._is_cut:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._client.close()
        self._server.close()

    def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(_BUFFER):
                time.sleep(self._away)
                self._server.sendall(data)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)


def _pair(server: str) -> tuple[str, int]:
    host, _, port = server.removeprefix("http://").rpartition(":")
    return host, int(port)
