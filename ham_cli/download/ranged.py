"""A file on a server, read as if it lay here: for the directory at the end of a zip, without the zip."""

from __future__ import annotations

import errno
import io
import os
import queue
import threading
from typing import TYPE_CHECKING, Any

import httpx

from ham_cli.download.journal import merged, without
from ham_cli.download.line import PARTLESS, Line, StoppedError
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from ham_cli.download.journal import Range
    from ham_cli.download.order import Edition, Order, Wire

BLOCK = 64 << 10
"""Bytes that are asked for at least: a zip's end, with the longest comment, is hardly more."""

MOST = 64 << 20
"""Bytes that are ever read of a file: more than the directory of any zip that is looked at."""


class Ranged(io.RawIOBase):
    """A read-only file over HTTP; what was read is kept in memory, and not asked for again.

    Raises `Problem` where it cannot be had (CHANGED: it was replaced there), `StoppedError` after `stop`; both are no
    `OSError`, which zipfile would take for a bad archive. For one thread, `stop` apart.
    """

    def __init__(self, order: Order, wire: Wire, say: Callable[[str], None], most: int = MOST) -> None:
        super().__init__()
        self._line = Line(order, wire, say)
        self._left = most
        self._at = 0
        self._edition: Edition | None = None
        self._blocks: list[_Block] = []
        self._answers: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    @property
    def size(self) -> int:
        """Bytes of the whole, as the server's first answer says."""
        return self._known().size

    def stop(self) -> None:
        """End what is being read, from any thread and for ever."""
        self._line.stop.set()
        self._answers.put(StoppedError())

    def close(self) -> None:
        """Let go of it: whoever still reads is stopped."""
        self.stop()
        super().close()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Where the next byte is read from now on."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        at = offset + (self.size if base is None else base)  # the size may cost a request
        if at < 0:
            raise OSError(errno.EINVAL, "before the beginning")  # as any file does; zipfile relies on it
        self._at = at
        return at

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or all there are up to the end: in one request, where one will do."""
        start, end = min(self._at, self.size), self.size
        if size is not None and size >= 0:
            end = min(start + size, end)
        for gap in without([(start, end)], self._held()):
            self._fetch(gap)
        self._at = max(self._at, end)
        return b"".join(b.between(start, end) for b in sorted(self._blocks, key=lambda b: b.start))

    def readall(self) -> bytes:
        """All there is up to the end."""
        return self.read()

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (whatever has a buffer)
        """How many bytes were put into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _held(self) -> list[Range]:
        return merged([(b.start, b.at) for b in self._blocks])

    def _known(self) -> Edition:
        """Which file it is; the first request tells it, and brings the end along."""
        if self._edition is None:
            self._apart(self._begin)
            assert self._edition is not None
        return self._edition

    def _begin(self) -> None:
        answer = self._line.look((-BLOCK, 0), None)
        if isinstance(answer, httpx.Response):
            answer.close()
            raise Problem(Kind.FINAL, PARTLESS, fix="fetch the whole file, or name another --source")
        edition, data = answer
        block = _Block(max(0, edition.size - BLOCK), edition.size)
        block.add(data)
        self._blocks.append(block)
        self._edition = edition

    def _fetch(self, gap: Range) -> None:
        """Fetch what is not held, and a little more where it is little."""
        edition = self._known()
        enough = gap[0], min(max(gap[1], gap[0] + BLOCK), edition.size)
        start, end = without([enough], self._held())[0]
        if end - start > self._left:
            raise Problem(Kind.FINAL, "the directory of the file is larger than any that is read", got=f"{end - start} bytes more")
        self._left -= end - start
        block = _Block(start, end)
        self._apart(lambda: self._line.fill(block, edition))
        self._blocks.append(block)

    def _apart(self, work: Callable[[], None]) -> None:
        """Do it in a thread of its own, and wait: `stop` must not wait for a silent server."""
        answers: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._answers = answers
        if self._line.stop.is_set():  # looked at after the queue is in its place: `stop` may come at any moment
            raise StoppedError

        def done() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (raised where it is waited for)
                answers.put(error)
            else:
                answers.put(None)

        threading.Thread(target=done, daemon=True).start()
        if (error := answers.get()) is not None:
            raise error


class _Block:
    """Bytes of the file from one on, while they arrive and afterwards."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.at, self.end = start, start, end
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        data = chunk[: self.end - self.at]
        self._data += data
        self.at += len(data)

    def flush(self) -> None:
        """Nothing: it is in its place already."""

    def between(self, start: int, end: int) -> bytes:
        """What it has of a range."""
        return bytes(self._data[max(0, start - self.start) : max(0, end - self.start)])
