"""Files on their way into the cache: downloaded, unpacked while the next one comes, indexed, let go."""

from __future__ import annotations

import itertools
import queue
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ham_cli import archives, atomic
from ham_cli.download import Download, Order, Ranged, resumable
from ham_cli.findings import Finding, Note
from ham_cli.http import plain
from ham_cli.intake import loose, shelve, wanting
from ham_cli.intake.background import Background, asking
from ham_cli.intake.request import Trouble
from ham_cli.intake.step import Step
from ham_cli.offers import Offers, Origin, Place, Zip, look_into, recognise

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ham_cli.archives import Member
    from ham_cli.download import Address, Wire
    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.request import Outcome, Request
    from ham_cli.intake.wanting import Want
    from ham_cli.record import PublishedFile
    from ham_cli.sources import Offering, Shelf

REQUEST = 64 << 10
"""Bytes that one more request costs about as much time as."""


@dataclass(frozen=True)
class Arrival:
    """A file that has arrived."""

    file: PublishedFile
    path: Path
    origin: Origin


class Arrivals:
    """What comes from servers, one file after the other."""

    def __init__(self, request: Request, state: Holdings, outcome: Outcome, now: dt.datetime, wire: Wire) -> None:
        self._request, self._state, self._outcome, self._now, self._wire = request, state, outcome, now, wire
        self._running: Background | None = None
        self._archives: list[Arrival] = []
        """Archives that are whole and not yet unpacked: one at most."""
        self._unindexed: list[Path] = []
        """Archives that are unpacked, and whose images the manifest does not name yet."""
        self._tables = Offers()
        """Tables that are not yet shelved; those of one component are weighed together."""

    def whole(self, source: Offering, file: PublishedFile) -> Iterator[Event]:
        """Download a file, and unpack the last archive meanwhile; raises `Problem`."""
        order = self._order(source, file)
        origin = Origin(source.kind, plain(source.page(file)), listed=self._listed(file))
        download = Download(order, self._wire, self._request.connections)
        yield from self._run(download)
        if download.received:
            origin = replace(origin, md5=download.received.md5)
        if file.kind == "archive":
            self._archives.append(Arrival(file, order.target, origin))
            return
        self._tables.origins[order.target] = origin
        if file.kind == "table":
            self._tables.tables.append(Place(order.target, file.name))
        else:
            look_into(Zip(order.target, file.name, file), self._state.record, self._tables)

    def from_shelf(self, shelf: Shelf, want: Want) -> Iterator[Event]:
        """Bring from another cache what is wanted, file by file; raises `Problem`."""
        if not want.is_table:
            step = self._step(Offers())
            yield from loose.images(shelf, want, self._state, step, self._request.wish, self._request.connections)
            yield from self._judged(step.wrong(), shelf.kind)
            return
        for name, data in loose.tables(shelf, want.component, self._state):
            path = self._state.folder.archives / name
            atomic.write(path, data)
            self._tables.origins[path] = Origin(shelf.kind, plain(shelf.page(f"tables/{name}")))
            self._tables.tables.append(Place(path, name))

    def unpacked(self, component: str | None = None) -> Iterator[Event]:
        """Unpack and index the archive that waits, if it is of this component (``None``: of any)."""
        for arrived in [a for a in self._archives if component in {None, a.file.component}]:
            self._archives.remove(arrived)
            offers = Offers(origins={arrived.path: arrived.origin})
            # Its size was compared when it arrived; its MD5 alone decides.
            look_into(Zip(arrived.path, arrived.file.name, replace(arrived.file, bytes=None)), self._state.record, offers)
            events = itertools.chain(offers.findings, self._step(offers).files([arrived.file.component], vouched=True))
            yield from self._judged(events, arrived.origin.source)
            self._unindexed.append(arrived.path)
        # Where the next one is whole already, it is unpacked at once, and both are indexed together.
        if self._unindexed and not (self._running and self._running.has_ended):
            self._step(Offers()).index()
            for path in self._unindexed if not self._request.keep_archives else ():
                path.unlink(missing_ok=True)
            self._unindexed.clear()

    def shelved(self, component: str) -> Iterator[Event]:
        """Take in the tables that have arrived."""
        offers, self._tables = self._tables, Offers()
        step = self._step(offers)
        source = next((origin.source for origin in offers.origins.values()), "")
        yield from self._judged(step.tables(shelve.read(offers, self._state), [component]), source)
        step.index()
        for path in offers.origins:
            path.unlink(missing_ok=True)

    def parts(self, source: Offering, want: Want, file: PublishedFile) -> Iterator[Event]:
        """Fetch only the members of an archive that are wanted, or the whole where that costs less; raises `Problem`."""
        order = self._order(source, file)
        words: queue.SimpleQueue[str] = queue.SimpleQueue()
        with Ranged(order, self._wire, words.put) as remote:
            found = yield from asking(f"{source.kind} for what {file.name} holds", partial(archives.members, remote), words)
            end = remote.size
        missing = set(wanting.absent(want.component, self._state, self._request.wish))
        name_of = recognise.mask_of if want.component == "masks" else recognise.image_of
        named = ((name_of(member.base, self._state.record), member) for member in found)
        members = {image_id: member for image_id, member in named if image_id in missing}
        if not members:
            return
        spans = [member.span for member in members.values()]
        if sum(b - a + REQUEST for a, b in spans) > end:
            yield from self.whole(source, file)
            return
        download = Download(order, self._wire, self._request.connections, only=spans)
        yield from self._run(download)
        yield from self._took(members, want, download, Origin(source.kind, plain(source.page(file))), file)

    def _took(self, members: dict[str, Member], want: Want, download: Download, origin: Origin, file: PublishedFile) -> Iterator[Event]:
        """Take members out of a file of which only they are there."""
        offers = Offers(zips={download.part: Zip(download.part, file.name, None)}, origins={download.part: origin})
        for image_id, member in members.items():
            offers.of(want.component)[image_id].append(Place(download.part, file.name, member))
        step = self._step(offers)
        yield from self._judged(step.files([want.component], vouched=True), origin.source)
        step.index()
        download.discard()

    def _order(self, source: Offering, file: PublishedFile) -> Order:
        # A mirror may have a table in another form than the published one: its rows are looked at.
        decides = file.kind != "table" or source.kind != "mirror"
        target = self._state.folder.archives / file.name
        md5 = file.md5 if decides else None
        # A file that was begun before has been counted by the server as a download.
        ask, counted = source.address_of(file), resumable(target) > 0

        def resolve(_times: int) -> Address:
            nonlocal counted
            address = ask(int(counted))
            counted = True
            return address

        return Order(file.name, target, resolve, file.bytes if decides else None, md5, is_table=file.kind == "table")

    def _listed(self, file: PublishedFile) -> PublishedFile | None:
        pinned = next(f for f in self._state.record.published(file.component) if f.name == file.name)
        return file if pinned.md5 is None and file.md5 is not None else None

    def _run(self, download: Download) -> Iterator[Event]:
        self._running = Background(download)
        try:
            yield from self._running.beside(self.unpacked())
            yield from self._running.rest()
        finally:
            self._running.stop()
            self._running = None

    def _step(self, offers: Offers) -> Step:
        return Step(self._request, self._state, self._outcome, self._now, offers)

    def _judged(self, events: Iterable[Event], source: str) -> Iterator[Event]:
        """The events of a step; what is wrong is a server's fault, not the person's: it is said, and not used."""
        wrong: dict[str, list[Finding]] = defaultdict(list)
        for event in events:
            if isinstance(event, Finding):
                wrong[event.detail or str(event.verdict)].append(event)
            else:
                yield event
        for what, findings in wrong.items():
            first = findings[0]
            more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
            got = f"{first.got}, expected {first.expected}" if first.expected else first.got
            trouble = Trouble(source, f"{first.path}{more}", what, got)
            self._outcome.troubles.append(trouble)
            yield Note(str(trouble), "said")
