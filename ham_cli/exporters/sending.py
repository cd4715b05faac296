"""A parcel into an object store: each file is made in a folder of ours, sent on as soon as it stands there, and removed."""

from __future__ import annotations

import contextlib
import json
import queue
import tempfile
from collections import deque
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ham_cli import cache, manifest
from ham_cli.destination import HURRY
from ham_cli.errors import HamError
from ham_cli.exporters import room
from ham_cli.exporters.inside import FILE
from ham_cli.exporters.journal import JOURNAL, MANIFEST, UNFINISHED
from ham_cli.exporters.pack import Packing
from ham_cli.exporters.working import work
from ham_cli.findings import Advanced, Done, Started
from ham_cli.links import Link

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from ham_cli.destination import Store
    from ham_cli.exporters.journal import Earlier
    from ham_cli.exporters.parcel import Item, Parcel
    from ham_cli.findings import Event

Row = dict[str, Any]

_NAME = "upload"

_LARGE = 16 << 20
"""Bytes from which on a file goes in parts, several at once."""

_WEIGHT = 4
"""What a large file counts for among the others: two of them are on their way at once, or eight small ones."""

_FLYING = 8
_STAGED = 16
"""How much is on its way at once, and how much is made before the next waits: four large files."""

_LINES = 256
"""Files that are written down together."""

_LOOK = 0.25
"""Seconds between two looks at what came of it."""


@contextlib.contextmanager
def sending(parcel: Parcel, store: Store, jobs: int, *, force: bool) -> Iterator[Sending]:
    """An export into a store, while this lasts: its folder goes with it."""
    with tempfile.TemporaryDirectory(prefix="ham-export-", ignore_cleanup_errors=True) as folder:
        yield Sending(parcel, store, Path(folder), jobs, force=force)


class Sending(Packing):
    """One export into one place of a store, by the rules of one into a folder.

    The lists lie there as they lie in a folder. A journal cannot be appended to there: it lies in pieces.
    """

    def __init__(self, parcel: Parcel, store: Store, folder: Path, jobs: int, *, force: bool) -> None:
        """Look at what lies there; nothing is changed yet. ``folder`` is an empty one of ours, for what is on its way."""
        self.store = store
        self.there: dict[str, int] = {}
        """Object to its size."""
        super().__init__(parcel, folder, Link.COPY, jobs, force=force)

    def look(self) -> None:
        """See what is there, and what is to do: the lists and the journal are brought here to be read."""
        self.there = self.store.listing()
        for name in (MANIFEST, UNFINISHED):
            if name in self.there:
                (self.folder / name).write_bytes(self.store.read(name))
        if pieces := self._pieces():
            (self.folder / JOURNAL).write_bytes(b"".join(map(self.store.read, pieces)))
        super().look()

    def run(self) -> Iterator[Event]:
        """Put every file in its place, the manifest last; yields progress."""
        if self.changed:
            yield from self._write()

    def place(self, file: str = "") -> str:
        """A file's URL, or the whole export's."""
        return f"{self.store.url}/{file}".rstrip("/")

    def _names(self) -> Collection[str]:
        return {name for name in self.there if not name.startswith(".")}

    def _holds(self, old: Earlier, item: Item) -> bool:
        row = old.row(item)
        # An object appears whole, and a store keeps what it took: its size is enough.
        return row is not None and self.there.get(item.file) == row["bytes"]

    def _lies(self, file: str) -> bool:
        return file in self.there

    def _require_inside(self) -> None:
        """No object leads elsewhere."""

    def _begin(self) -> None:
        largest = sorted(room.taken(item, shared=False) for item in self.todo)[-_STAGED // _WEIGHT - 1 :]
        cache.require_room(self.folder, sum(largest), "free some room, or name another folder for what is on its way with TMPDIR")
        self.store.abandon(self._files())
        self.store.remove(self._pieces())
        if MANIFEST in self.there:
            self.store.write(UNFINISHED, (self.folder / MANIFEST).read_bytes())
            self.store.remove([MANIFEST])

    def _clear(self) -> list[str]:
        gone = sorted(file for file in self.listed - self._files() if FILE.fullmatch(file) and file in self.there)
        self.store.remove(gone)
        return gone

    def _list(self, rows: Sequence[Row], name: str = UNFINISHED) -> None:
        manifest.write(self.folder / name, self._described(rows))
        self.store.write(name, (self.folder / name).read_bytes())

    def _fill(self, items: Sequence[Item]) -> Generator[Event, None, dict[str, list[Row]]]:
        with Sender(self.store, self.folder, self._files()) as sender:
            sizes = [item.size for item in items]
            yield Started(_NAME, sum(size or 0 for size in sizes) if None not in sizes else 0)
            found = yield from sender.through(work(self._tasks(items), self.jobs, sender))
            yield Done(_NAME)
        return found

    def _finish(self, rows: Sequence[Row]) -> None:
        self._list(rows, MANIFEST)
        self.there = self.store.listing()
        self.store.remove([UNFINISHED, *self._pieces()])

    def _strangers(self) -> list[str]:
        own = self._files()
        filled = {file.partition("/")[0] for file in own if "/" in file}
        found = (name for name in self.there if "/" in name and name.partition("/")[0] in filled)
        return sorted(name for name in found if name not in own and not name.rpartition("/")[2].startswith("."))

    def _files(self) -> set[str]:
        return {item.file for item in self.parcel.items} | {MANIFEST}

    def _pieces(self) -> list[str]:
        """The pieces of the journal that lie there, in order."""
        return sorted(name for name in self.there if name.startswith(f"{JOURNAL}."))


class Sender:
    """Sends files on that were made, and writes down in the store which of them are there.

    Files are made in many threads and sent by the store's own; all the rest is done by whoever goes `through` it.
    """

    def __init__(self, store: Store, folder: Path, names: Collection[str]) -> None:
        """``folder`` is where files come to stand; ``names`` are all that are ever sent."""
        self.store, self.folder, self.names = store, folder, names
        self._made: queue.SimpleQueue[tuple[Item, list[Row]]] = queue.SimpleQueue()
        self._waiting: deque[tuple[Item, list[Row]]] = deque()
        self._flying: dict[Future[None], tuple[Item, list[Row]]] = {}
        self._bytes: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lines: list[str] = []
        self._pieces = 0

    def stands(self, item: Item, rows: list[Row]) -> None:
        """Take over a file that stands in its place; from any thread."""
        self._made.put((item, rows))

    def through(self, events: Generator[Event, None, dict[str, list[Row]]]) -> Generator[Event, None, dict[str, list[Row]]]:
        """Send what is made while events come, and the rest; what they return."""
        with contextlib.closing(events):
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    found: dict[str, list[Row]] = end.value
                    break
                yield event
                yield from self._sent(_STAGED)
        yield from self._sent(0)
        return found

    def _sent(self, most: int) -> Iterator[Event]:
        """Send until no more than so much is left to be."""
        while True:
            for future in [one for one in self._flying if one.done()]:
                self._landed(future)
            while not self._made.empty():
                self._waiting.append(self._made.get())
            while self._waiting and (not self._flying or _weighed(self._flying.values()) + _weight(self._waiting[0]) <= _FLYING):
                item, rows = self._waiting.popleft()
                self._flying[self.store.sending(self.folder / item.file, item.file, self._bytes.put)] = item, rows
            while not self._bytes.empty():
                yield Advanced(_NAME, self._bytes.get())
            if _weighed([*self._flying.values(), *self._waiting]) <= most:
                return
            wait(self._flying, _LOOK, FIRST_COMPLETED)

    def _landed(self, future: Future[None]) -> None:
        """Let go of a file that is in the store, and write that down where the next run could not know it; raises what went wrong."""
        item, rows = self._flying.pop(future)
        self.store.result(future)
        (self.folder / item.file).unlink(missing_ok=True)
        if item.shard:
            self._lines.append(json.dumps(rows) + "\n")
            if len(item.shard.samples) > 1 or len(self._lines) >= _LINES:
                self._write_down()

    def _write_down(self) -> None:
        if self._lines:
            self.store.write(f"{JOURNAL}.{self._pieces:06d}", "".join(self._lines).encode())
            self._pieces, self._lines = self._pieces + 1, []

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Where it ends early: stop what is on its way but for what is nearly there, and write down what is."""
        if kind is None:
            return
        self.store.hurry()
        for future, one in self._flying.items():
            if _weight(one) > 1:
                future.cancel()
        wait(self._flying, HURRY)
        for future in list(self._flying):
            future.cancel()
            if not future.cancelled():
                with contextlib.suppress(HamError, OSError):
                    self._landed(future)
        with contextlib.suppress(HamError):
            self._write_down()
        self.store.abandon(self.names)


def _weight(one: tuple[Item, list[Row]]) -> int:
    return _WEIGHT if (one[1][0]["bytes"] or 0) >= _LARGE else 1


def _weighed(some: Collection[tuple[Item, list[Row]]]) -> int:
    return sum(map(_weight, some))
