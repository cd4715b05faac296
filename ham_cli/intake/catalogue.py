"""The servers of one fetch: opened when their turn comes, closed when they give nothing more."""

from __future__ import annotations

import queue
import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ham_cli.findings import Note
from ham_cli.http import Problem, plain
from ham_cli.intake.request import Trouble
from ham_cli.sources import Bucket, Dataverse, Listing, Mirror, Shelf, drift, learnt

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from ham_cli.download import Limiter
    from ham_cli.findings import Event
    from ham_cli.http import Client, Waits
    from ham_cli.intake.request import Outcome, Request
    from ham_cli.record import PublishedFile
    from ham_cli.sources import Source


Answer = TypeVar("Answer")

SOON = 1.0
"""Seconds that a question may take without a word."""


class Catalogue:
    """Sources by their place in the order they were named; a mirror may take several places."""

    def __init__(  # noqa: PLR0913  (a fetch, and how to ask)
        self, names: Sequence[str], request: Request, outcome: Outcome, client: Client, waits: Waits, limiter: Limiter
    ) -> None:
        self._request, self._outcome, self._client, self._waits, self._limiter = request, outcome, client, waits, limiter
        self._places: list[str | Source | None] = list(names)
        """A name until it is opened; ``None`` where that failed, or it was closed."""
        self._listings: dict[Source, Listing] = {}
        self._changed: dict[Source, frozenset[int]] = {}
        """Numbers of files that a server has replaced since they were pinned."""
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        """What the threads that ask a mirror have to say."""

    def __len__(self) -> int:
        """How many places there are; opening one may make more."""
        return len(self._places)

    def source(self, number: int) -> Generator[Event, None, Source | None]:
        """The source of a place, opened; ``None`` where it gives nothing."""
        name = self._places[number]
        if isinstance(name, str):
            try:
                self._places[number : number + 1] = yield from self._opened(name)
            except Problem as problem:
                self._places[number] = None
                yield self.failed(name, "", problem)
            return (yield from self.source(number))
        return name

    def files(self, source: Source, component: str) -> list[PublishedFile]:
        """What a source has of a component, with what its listing tells beyond the record."""
        changed = self._changed.get(source, frozenset())
        offered = [f for f in source.files(component) if f.datafile_id not in changed]
        listing = self._listings.get(source)
        return [learnt(f, listing) for f in offered] if listing else offered

    def failed(self, source: Source | str, name: str, problem: Problem) -> Note:
        """Write down what a source did not give; one that has nothing more for us is closed."""
        kind = source if isinstance(source, str) else source.kind
        self._outcome.troubles.append(Trouble(plain(kind), name, problem.what, problem.got, problem.fix))
        words = str(self._outcome.troubles[-1])
        if not isinstance(source, str) and problem.closes:
            self._places = [None if place is source else place for place in self._places]
            words += f"; {kind} is not asked again in this run"
        return Note(words, "said")

    def said(self) -> Iterator[Note]:
        """What has been said since the last time."""
        while not self._said.empty():
            yield Note(self._said.get(), "said")

    def stop(self) -> None:
        """End whatever is being asked."""
        for place in self._places:
            if isinstance(place, Shelf):
                place.stop.set()

    def _opened(self, name: str) -> Generator[Event, None, list[Source]]:
        record, client = self._request.record, self._client
        if name == "isic":
            return [Bucket(record, client)]
        if name == "dataverse":
            server = Dataverse(record, client, self._request.server, self._request.key)
            yield from self._listed(server)
            return [server]
        for base in (name, f"{name.rstrip('/')}/{record.id}"):
            shelf = Shelf(base, client, self._waits, self._limiter, self._said.put)
            if (yield from self._asked(plain(base), partial(shelf.holds, record))):
                yield Note(f"{plain(base)} is a cache of ham: its files are fetched one by one", "detail")
                return [shelf]
        # Under the names of the one place or of the other.
        return [Mirror(client, name, record.files), Mirror(client, name, record.bucket_files)]

    def _asked(self, who: str, ask: Callable[[], Answer]) -> Generator[Event, None, Answer]:
        """What a question gives; where that takes a while, whom it is put to is said, and why it is put again."""
        answers: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put((ask(), None))
            except BaseException as error:  # noqa: BLE001  (raised below)
                answers.put((None, error))

        threading.Thread(target=run, daemon=True).start()
        told = False
        while True:
            try:
                answer, error = answers.get(timeout=SOON)
            except queue.Empty:
                if not told:
                    yield Note(f"asking {who}", "said")
                told = True
                yield from self.said()
                continue
            if error is not None:
                raise error
            return answer  # type: ignore[return-value]

    def _listed(self, server: Dataverse) -> Iterator[Event]:
        """Hold the server's own listing against the record; without one, what is pinned must do."""
        try:
            listing = yield from self._asked(plain(server.server), partial(server.listing, self._waits))
        except Problem as problem:
            got = f" ({problem.got})" if problem.got else ""
            yield Note(f"dataverse: no listing to compare: {problem.what}{got}; going on with the files that ham knows", "said")
            return
        found = drift(self._request.record, listing)
        yield from found.findings
        yield from (Note(words, "warning") for words in found.warnings)
        yield from (Note(words) for words in found.details)
        self._listings[server], self._changed[server] = listing, found.changed
