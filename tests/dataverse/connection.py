"""One connection: requests are read from its socket, answers are written to it, whole or broken."""

from __future__ import annotations

import contextlib
import email.utils
import os
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests.dataverse.messages import Answer, Asked, Origin, Slice

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

BLOCK = 1 << 20
"""Bytes that are written before the count of them is brought up to date."""
_HEAD = 1 << 16
"""Bytes of a request's head that are read at most."""
_SMALL = 1 << 15
"""A body of up to so many bytes goes out in one piece with its head."""
_LOOK = 0.01
"""Seconds between two looks whether the client is still there."""


class Gone(Exception):  # noqa: N818  (no error: it says that the client left, or that all is to end)
    """The client left, or the servers close."""


class Count(Protocol):
    """What is told of an answer while it is written."""

    status: int
    sent: int
    held: bool


@dataclass
class Connection:
    """A socket that a client connected to."""

    socket: socket.socket
    origin: Origin
    stopping: threading.Event
    number: int

    def __post_init__(self) -> None:
        self._came = bytearray()

    def read(self) -> Asked | None:
        """The next request; ``None`` where there is none any more."""
        while b"\r\n\r\n" not in self._came:
            if len(self._came) > _HEAD or not self._more():
                return None
        head, _, rest = bytes(self._came).partition(b"\r\n\r\n")
        self._came = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers: dict[str, str] = {}
        for name, value in ((n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)):
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        length = int(headers.get("content-length", "0"))
        while len(self._came) < length:
            if not self._more():
                return None
        body, self._came = bytes(self._came[:length]), self._came[length:]
        return Asked(self.origin, method, target, headers, body)

    def _more(self) -> bool:
        came = self.socket.recv(_HEAD)
        self._came += came
        return bool(came)

    def write(self, asked: Asked, answer: Answer, count: Count, rate: Callable[[], float | None]) -> bool:
        """Write an answer, as quickly as ``rate`` says at each moment; whether the connection may be used again."""
        if answer.delay:
            self._hold(answer.delay, count)
        if answer.ending == "silence":
            return False
        if answer.ending == "hang":
            self._hold(answer.pause, count)
            return False
        count.status = answer.status
        keep = answer.framing != "close" and asked.headers.get("connection", "").lower() != "close" and answer.ending in {"whole", "stall"}
        head = _head(answer, keep=keep)
        if answer.ending == "endless headers":
            self._pour(head)
        bodiless = asked.method == "HEAD" or answer.status in {204, 304}
        if answer.rate:
            rate = lambda: answer.rate  # noqa: E731  (as what is given)
        if bodiless or (answer.framing == "length" and answer.ending == "whole" and answer.length <= _SMALL and not rate()):
            body = b"" if bodiless else b"".join(s.content.part(s.start, s.stop) for s in answer.body)
            self.socket.sendall(head + body)
            count.sent += len(body)
            return keep
        self.socket.sendall(head)
        return self._body(answer, count, rate) and keep

    def _body(self, answer: Answer, count: Count, rate: Callable[[], float | None]) -> bool:
        limit = None
        if answer.ending != "whole":
            limit = answer.length // 2 if answer.after is None else answer.after
        self._blocks(answer, count, rate, (0, limit))
        if answer.ending == "reset":
            self._reset()
        if answer.ending == "stall":
            self._hold(answer.pause, count)
            self._blocks(answer, count, rate, (limit or 0, None))
        if answer.framing == "chunked" and answer.ending in {"whole", "stall"}:
            self.socket.sendall(b"0\r\n\r\n")
        return answer.ending in {"whole", "stall"}

    def _blocks(self, answer: Answer, count: Count, rate: Callable[[], float | None], span: tuple[int, int | None]) -> None:
        """Write the bytes of a body from the first of a span to the one before its last."""
        due = time.monotonic()
        for piece in _within(answer.body, *span):
            with _source(piece) as source:
                start = piece.start
                while start < piece.stop:
                    now = rate()
                    stop = min(start + (max(1, min(BLOCK, int(now / 50))) if now else BLOCK), piece.stop)
                    self._block(answer, source, start, stop)
                    count.sent += stop - start
                    due = due + (stop - start) / now if now else time.monotonic()
                    if now and self.stopping.wait(max(0.0, due - time.monotonic())):
                        raise Gone
                    start = stop

    def _block(self, answer: Answer, source: memoryview | int, start: int, stop: int) -> None:
        if answer.framing == "chunked":
            data = bytes(source[start:stop]) if isinstance(source, memoryview) else os.pread(source, stop - start, start)
            self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        elif isinstance(source, memoryview):
            self.socket.sendall(source[start:stop])
        else:
            while start < stop:
                wrote = os.sendfile(self.socket.fileno(), source, start, stop - start)
                if not wrote:
                    raise Gone
                start += wrote

    def _pour(self, head: bytes) -> None:
        """Write headers for as long as somebody reads them."""
        self.socket.sendall(head.removesuffix(b"\r\n"))
        while not self.stopping.is_set():
            self.socket.sendall(b"X-More: " + b"x" * 4000 + b"\r\n")
        raise Gone

    def _hold(self, seconds: float | None, count: Count) -> None:
        """Do nothing for some seconds, or for ever, while the client is there."""
        until = None if seconds is None else time.monotonic() + seconds
        count.held = True
        while until is None or time.monotonic() < until:
            if self.stopping.wait(_LOOK) or self._left():
                raise Gone
        count.held = False

    def _left(self) -> bool:
        readable, _, _ = select.select([self.socket], [], [], 0)
        return bool(readable) and not self.socket.recv(1, socket.MSG_PEEK)

    def _reset(self) -> None:
        """Break the connection off with a RST, once what was written has arrived."""
        until = time.monotonic() + 2
        while _on_the_way(self.socket) and time.monotonic() < until and not self.stopping.is_set():
            time.sleep(0.001)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        raise Gone

    def close(self) -> None:
        """Say good-bye with a FIN; what is still on its way arrives."""
        if self.socket.fileno() == -1:
            return
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.setblocking(False)  # noqa: FBT003  (so it is called)
            while self.socket.recv(_HEAD):
                pass
        self.socket.close()


def _on_the_way(one: socket.socket) -> bool:
    """Whether the other side has not yet acknowledged all that was written."""
    if sys.platform != "linux":
        time.sleep(0.05)
        return False
    import fcntl
    import termios

    return struct.unpack("i", fcntl.ioctl(one.fileno(), termios.TIOCOUTQ, bytes(4))) != (0,)


def _head(answer: Answer, *, keep: bool) -> bytes:
    try:
        reason = HTTPStatus(answer.status).phrase
    except ValueError:
        reason = "Odd"
    lines = [f"HTTP/1.1 {answer.status} {reason}", f"Date: {email.utils.formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.framing == "length" and answer.status not in {204, 304}:
        lines.append(f"Content-Length: {answer.length}")
    if answer.framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    if not keep:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _within(pieces: Iterable[Slice], first: int, last: int | None) -> Iterator[Slice]:
    """The slices that lie between two bytes of all of them."""
    at = 0
    for piece in pieces:
        if last is not None and at >= last:
            return
        start = piece.start + max(0, first - at)
        stop = piece.stop if last is None else min(piece.stop, piece.start + last - at)
        at += piece.stop - piece.start
        if start < stop:
            yield Slice(piece.content, start, stop)


@contextlib.contextmanager
def _source(piece: Slice) -> Iterator[memoryview | int]:
    """The bytes of a slice's content, or the number of the file that is open."""
    if isinstance(piece.content.data, Path):
        with piece.content.data.open("rb") as file:
            yield file.fileno()
    else:
        yield memoryview(piece.content.data)
