"""The ports of the servers: connections are accepted, each has a thread, and all end when the servers close."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.dataverse.connection import Connection, Gone
from tests.dataverse.messages import Answer, Asked, Origin, Request, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.dataverse.setup import Setup

_SETTLED = 1.0
"""Seconds for which a look at the requests waits for those that are being answered."""


@dataclass
class Entry:
    """A request that is being answered."""

    asked: Asked
    connection: int
    name: str | None = None
    status: int = 0
    sent: int = 0
    fault: str | None = None
    held: bool = False
    """Whether it waits on purpose, so that nobody waits for its end."""
    done: bool = False

    def frozen(self) -> Request:
        """What a test is told of it."""
        asked = self.asked
        return Request(
            asked.origin,
            asked.method,
            asked.path,
            asked.query,
            asked.headers,
            asked.headers.get("range"),
            self.name,
            self.status,
            self.sent,
            self.fault,
            self.connection,
        )


@dataclass
class Ports:
    """The listening sockets, and what came in over them."""

    hosts: Mapping[Origin, str]
    setup: Setup
    respond: Callable[[Asked, Entry], Answer]
    entries: list[Entry] = field(default_factory=list)
    crashes: list[BaseException] = field(default_factory=list)
    """What was raised where an answer was made: a mistake of the servers' own."""
    connections: int = 0
    """How many were made in all."""

    def open(self) -> dict[Origin, str]:
        """Listen; the address of each origin, without a slash at its end."""
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._ears: dict[socket.socket, Origin] = {socket.create_server((host, 0), backlog=128): o for o, host in self.hosts.items()}
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="fake servers", daemon=True)
        self._thread.start()
        return {origin: "http://{}:{}".format(*ear.getsockname()) for ear, origin in self._ears.items()}

    def close(self) -> None:
        """Let go of every port, connection and thread; a second time does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake.send(b"x")
        self._thread.join(5)
        with self._lock:
            threads = list(self._open.values())
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for one in (*self._ears, self._wake, self._woken):
            one.close()
        hanging = [t.name for t in (self._thread, *threads) if t.is_alive()]
        assert not hanging, f"threads that do not end: {hanging}"

    def settle(self) -> None:
        """Wait a moment for what is being answered: a client has a body before its server has counted it."""
        until = time.monotonic() + _SETTLED
        while time.monotonic() < until and any(not e.done and not e.held for e in self.entries):
            time.sleep(0.001)

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            for ear in (*self._ears, self._woken):
                selector.register(ear, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for ready, _ in selector.select():
                    if isinstance(ready.fileobj, socket.socket) and ready.fileobj in self._ears:
                        self._begin(ready.fileobj)

    def _begin(self, ear: socket.socket) -> None:
        try:
            one, _ = ear.accept()
        except OSError:
            return
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.setup.send_buffer)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        connection = Connection(one, self._ears[ear], self._stopping, self.connections)
        thread = threading.Thread(target=self._serve, args=(connection,), name=f"fake connection {self.connections}", daemon=True)
        with self._lock:
            self._open[one] = thread
        thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            with contextlib.suppress(OSError, Gone):
                while self._one(connection):
                    pass
        finally:
            with self._lock:
                self._open.pop(connection.socket, None)
                connection.close()

    def _one(self, connection: Connection) -> bool:
        try:
            asked = connection.read()
        except ValueError:
            asked = Asked(connection.origin, "", "", {})
        if asked is None:
            return False
        entry = Entry(asked, connection.number)
        self.entries.append(entry)
        try:
            given = self.respond(asked, entry) if asked.method else answer(400, b"Bad Request\n", "text/plain")
        except Exception as error:  # noqa: BLE001  (it is raised again where the servers close)
            self.crashes.append(error)
            given = answer(500, repr(error).encode(), "text/plain")
        try:
            return connection.write(asked, given, entry, lambda: self.setup.rate)
        finally:
            entry.done = True
