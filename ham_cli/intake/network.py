"""What is missing, brought from servers: one source after the other for each thing, small things first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli import cache, http
from ham_cli.archives import BadArchiveError
from ham_cli.download import Limiter, Wire
from ham_cli.download.line import PARTLESS
from ham_cli.findings import IN_ALL, Done, Started
from ham_cli.http import Kind, Problem, Waits
from ham_cli.intake import prospects, wanting
from ham_cli.intake.arrivals import Arrivals
from ham_cli.intake.catalogue import Catalogue
from ham_cli.sources import Shelf

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Iterator, Sequence

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.prospects import Prospect
    from ham_cli.intake.request import Outcome, Request
    from ham_cli.intake.wanting import Want
    from ham_cli.record import PublishedFile
    from ham_cli.sources import Source


class Network:
    """The part of a fetch that asks servers."""

    def __init__(self, request: Request, state: Holdings, outcome: Outcome, now: dt.datetime, names: Sequence[str]) -> None:
        """Ask nobody yet: where nothing is missing, nobody is asked."""
        self._request, self._state, self._outcome, self._now, self._names = request, state, outcome, now, names
        self._client: http.Client | None = None

    def tables(self, components: Sequence[str]) -> Iterator[Event]:
        """Bring the tables that are missing, as far as any source has them."""
        everything = wanting.wants(components, self._state, self._request.wish)
        wants = [want for want in everything if want.is_table]
        if wants and all(isinstance(source, str) for source in self._request.sources):
            yield from self._planned(everything)  # without room for all, nothing is begun
        yield from self._bring_all(wants)

    def files(self, components: Sequence[str], *, vouched: bool) -> Iterator[Event]:  # noqa: ARG002  (as of folders)
        """Bring the images and masks that are missing, as far as any source has them."""
        wants = wanting.wants(components, self._state, self._request.wish)
        yield from self._bring_all([want for want in wants if not want.is_table])

    def look(self, wants: Sequence[Want]) -> Generator[Event, None, list[Prospect]]:
        """What bringing this would do, were all well."""
        self._open()
        return (yield from prospects.of(wants, self._catalogue, self._state, self._request.wish))

    def close(self) -> None:
        """End what is still being asked; what has arrived stays."""
        if self._client is not None:
            self._catalogue.stop()
            self._client.close()

    def _open(self) -> None:
        if self._client is None:
            waits = self._request.waits or Waits()
            wire = Wire(http.client(waits, self._request.connections), waits, Limiter(self._request.rate))
            self._catalogue = Catalogue(self._names, self._request, self._outcome, wire)
            self._arrivals = Arrivals(self._request, self._state, self._outcome, self._now, wire)
            self._client = wire.client

    def _planned(self, wants: Sequence[Want]) -> Generator[Event, None, list[Prospect]]:
        """What bringing this is going to do; raises `AccessError` where there is no room for it."""
        coming = yield from self.look(wants)
        cache.require_room(self._state.folder.path, prospects.room(coming, keep=self._request.keep_archives))
        return coming

    def _bring_all(self, wants: Sequence[Want]) -> Iterator[Event]:
        """Bring what is wanted, as far as any source has it; what none has stays missing."""
        if wants:
            coming = yield from self._planned(wants)
            yield Started(IN_ALL, sum(max(p.bytes or 0, p.already) for p in coming), already=sum(p.already for p in coming))
            yield from self._all(wants)
            yield Done(IN_ALL)

    def _all(self, wants: Sequence[Want]) -> Iterator[Event]:
        turns = dict.fromkeys(wants, 0)
        todo = list(wants)
        while todo:
            for want in todo:
                yield from self._bring(want, turns)
            yield from self._arrivals.unpacked()
            # That an archive does not hold what was promised may show only when it is unpacked: then the next source.
            todo = [w for w in todo if turns[w] < len(self._catalogue) and wanting.lacking(w, self._state, self._request.wish)]

    def _bring(self, want: Want, turns: dict[Want, int]) -> Iterator[Event]:
        """Ask one source after the other for one thing, until one has given all of it that it was asked for."""
        right = False
        while not right and turns[want] < len(self._catalogue):
            source = yield from self._catalogue.source(turns[want])
            turns[want] += 1
            if source is None:
                continue
            if not want.is_table and not wanting.can_choose(want, self._state, self._request.wish):
                what, fix = "--only and --sample choose by the rows of a table, and it is not there", "name a --source that has it"
                yield self._catalogue.failed(source, want.component, Problem(Kind.FINAL, what, fix=fix))
                continue
            right = yield from self._from(source, want)
            if not right:
                yield from self._arrivals.unpacked(want.component)

    def _from(self, source: Source, want: Want) -> Generator[Event, None, bool]:
        """Bring one thing from one source; whether it gave all that it was asked for."""
        right = True
        files = self._catalogue.files(source, want.component)
        asked: list[PublishedFile | None] = [None] if isinstance(source, Shelf) else [*wanting.useful(want, files, self._state)]
        for file in asked:
            try:
                yield from self._one(source, want, file)
            except Problem as problem:
                right = False
                yield self._catalogue.failed(source, file.name if file else want.component, problem)
                if problem.closes:
                    break
        if want.is_table and asked:
            yield from self._arrivals.shelved(want.component)
        return right and bool(asked) and (not want.is_table or not wanting.lacking(want, self._state, self._request.wish))

    def _one(self, source: Source, want: Want, file: PublishedFile | None) -> Iterator[Event]:
        """Bring one file, or the members of it that are wanted."""
        if isinstance(source, Shelf):
            yield from self._arrivals.from_shelf(source, want)
            yield from self._catalogue.said()
        elif file is None:
            return
        elif want.is_table or not wanting.in_parts(want, file, self._state, self._request.wish):
            yield from self._arrivals.whole(source, file)
        else:
            try:
                yield from self._arrivals.parts(source, want, file)
            except BadArchiveError as error:
                raise Problem(Kind.FINAL, "the archive cannot be read there", got=str(error)) from error
            except Problem as problem:
                if problem.what != PARTLESS:
                    raise
                yield from self._arrivals.whole(source, file)
