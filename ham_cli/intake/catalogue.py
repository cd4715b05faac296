"""The servers of one fetch: opened when their turn comes, closed when they give nothing more."""

from __future__ import annotations

import queue
from functools import partial
from typing import TYPE_CHECKING

from ham_cli.findings import Note
from ham_cli.http import Problem, plain
from ham_cli.intake.background import asking, heard
from ham_cli.intake.request import Trouble
from ham_cli.sources import Bucket, Dataverse, Listing, Mirror, Shelf, drift, learnt

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from ham_cli.download import Wire
    from ham_cli.findings import Event
    from ham_cli.intake.request import Outcome, Request
    from ham_cli.record import PublishedFile
    from ham_cli.sources import Source


class Catalogue:
    """Sources by their place in the order they were named; a mirror may take several places."""

    def __init__(self, names: Sequence[str], request: Request, outcome: Outcome, wire: Wire) -> None:
        self._request, self._outcome, self._wire = request, outcome, wire
        self._places: list[str | Source | None] = list(names)
        """A name until it is opened; ``None`` where that failed, or it was closed."""
        self._together: dict[Source, list[Source]] = {}
        """What was opened by one name: what closes one of them closes all."""
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
                opened = yield from self._opened(name)
            except Problem as problem:
                self._places[number] = None
                yield self.failed(name, "", problem)
                return None
            self._places[number : number + 1] = opened
            self._together |= dict.fromkeys(opened, opened)
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
            self._places = [None if place in self._together[source] else place for place in self._places]
            words += f"; {kind} is not asked again in this run"
        return Note(words, "said")

    def said(self) -> Iterator[Note]:
        """What has been said since the last time."""
        return heard(self._said)

    def stop(self) -> None:
        """End whatever is being asked."""
        for place in self._places:
            if isinstance(place, Shelf):
                place.stop.set()

    def _opened(self, name: str) -> Generator[Event, None, list[Source]]:
        record, client = self._request.record, self._wire.client
        if name == "isic":
            return [Bucket(record, client)]
        if name == "dataverse":
            server = Dataverse(record, client, self._request.server, self._request.key)
            yield from self._listed(server)
            return [server]
        for base in (name, f"{name.rstrip('/')}/{record.id}"):
            shelf = Shelf(base, self._wire, self._said.put)
            if (yield from asking(plain(base), partial(shelf.holds, record), self._said)):
                yield Note(f"{plain(base)} is a cache of ham: its files are fetched one by one", "detail")
                return [shelf]
        # Under the names of the one place or of the other.
        return [Mirror(client, name, record.files), Mirror(client, name, record.bucket_files)]

    def _listed(self, server: Dataverse) -> Iterator[Event]:
        """Hold the server's own listing against the record; without one, what is pinned must do."""
        try:
            listing = yield from asking(plain(server.server), partial(server.listing, self._wire.waits), self._said)
        except Problem as problem:
            got = f" ({problem.got})" if problem.got else ""
            yield Note(f"dataverse: no listing to compare: {problem.what}{got}; going on with the files that ham knows", "said")
            return
        found = drift(self._request.record, listing)
        yield from found.findings
        yield from (Note(words, "warning") for words in found.warnings)
        yield from (Note(words) for words in found.details)
        self._listings[server], self._changed[server] = listing, found.changed
