"""Take into the cache what was asked for, from each source in turn: look, decide, do, index."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, checksum, holdings, licence
from ham_cli.errors import UnavailableError
from ham_cli.findings import Advanced, Done, Started, counted
from ham_cli.intake import offers as offering
from ham_cli.intake import plan as planning
from ham_cli.intake import shelve, wanting, zips
from ham_cli.intake.request import Outcome
from ham_cli.intake.step import Step
from ham_cli.record import PARTITION, TABLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ham_cli.findings import Event, Finding
    from ham_cli.holdings import Holdings
    from ham_cli.intake.offers import Offers
    from ham_cli.intake.request import Request


MANY = 2000
"""Files of a folder that are looked at without a word: fewer take a fraction of a second."""


class Intake:
    """One fetch; the writer's lock is held by the caller."""

    def __init__(self, request: Request) -> None:
        """Check that folders among the sources are folders; the cache is not looked at yet."""
        self.request = request
        self.outcome = Outcome()
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
        self._components = list(request.components)
        request.check()

    def load(self) -> None:
        """Look at the cache; to be called inside the lock, as what it holds may change before."""
        self.state = holdings.load(self.request.record, self.request.cache.folder(self.request.record.id), damaged_ok=True)
        holdings.forget_vanished(self.state)

    def run(self) -> Iterator[Event]:
        """Do it all; yields progress, notes and findings, and fills ``outcome``."""
        # Sources are tried in the order they were named, folders that stand together as one.
        groups = [list(some) for _, some in itertools.groupby(self.request.sources, key=lambda source: isinstance(source, str))]
        if not groups or isinstance(groups[0][0], str):
            groups.insert(0, [])
        for number, group in enumerate(groups):
            if group and isinstance(group[0], str):
                yield from self._from_web([str(name) for name in group])
            else:
                yield from self._from_folders([Path(folder) for folder in group], more=number + 1 < len(groups))
        if self._components:
            self._finish()

    def _from_web(self, names: list[str]) -> Iterator[Event]:
        """Bring what is missing from servers; where nothing is, none is asked."""
        self._ask()
        if wants := wanting.wants(self._components, self.state, self.request.wish):
            from ham_cli.intake.network import Network

            yield from Network(self.request, self.state, self.outcome, self.now, names).run(wants)

    def _from_folders(self, folders: Sequence[Path], *, more: bool) -> Iterator[Event]:
        """Take what folders offer, and what an interrupted run left in place; ``more`` sources may follow."""
        request, state, offers = self.request, self.state, offering.Offers()
        try:
            yield from self._look(folders, offers)
            readings = shelve.read(offers, state)
            self._components = self._components or list(request.components) or planning.found(offers, state, readings.components)
            if not self._components:
                yield from self._nothing(offers, readings.findings)
                return
            request.cache.adopt(request.record)
            step = Step(request, state, self.outcome, self.now, offers)
            yield from step.tables(readings, self._components)
            if not more:
                planning.require_rows(
                    self._components, state, request.wish, ", ".join(str(s) for s in request.sources) or state.folder.path
                )
            self._ask()
            yield from step.files(self._components, vouched=more)
            step.index()
        finally:
            for file in offers.origins:
                if not request.keep_archives:
                    file.unlink(missing_ok=True)
        self.outcome.ignored += offers.ignored

    def _ask(self) -> None:
        """Write down what is asked for, before it is done."""
        if not self.request.allow_partial:
            for component in self._components:
                self.state.ask(component, self.request.wish)
        self.state.save_wishes()

    def _look(self, folders: Sequence[Path], offers: Offers) -> Iterator[Event]:
        """See what folders offer; zips inside zips are written out first."""
        state, record = self.state, self.request.record
        settled = _settled(state, keep=self.request.keep_archives)
        seen = 0
        for folder in folders:
            for _ in offering.look(folder, record, offers, beyond={self.request.cache.root.resolve()}, settled=settled):
                seen += 1
                if seen == MANY:
                    yield Started("looking", 0, "file")
                if seen % MANY == 0:
                    yield Advanced("looking", MANY)
        if seen >= MANY:
            yield Done("looking", counted(seen, "file"))
        if not all(state.has_table(component) for component in TABLED):
            # Tables of the cache itself, whose rows were lost with a damaged manifest: those that are right to the byte.
            pinned = {form.md5 for form in record.tables}
            own = [state.folder.tables / name for name in sorted(cache.listing(state.folder.tables))]
            offers.tables += [offering.Place(p, f"tables/{p.name}") for p in own if checksum.of_file(p, "md5")[1] in pinned]
        if offers.nested:
            self.request.cache.adopt(record)
        for event in zips.spill(offers, state, settled, self.request.components):
            if isinstance(event, tuple):
                archive, md5 = event
                offers.origins[archive.file] = offering.Origin("folder", md5=md5)
                offering.look_into(archive, record, offers, deeper=False)
            else:
                yield event

    def _finish(self) -> None:
        """Say what is there now and what is missing, beside the data too."""
        request, state, outcome, components = self.request, self.state, self.outcome, self._components
        lacking = dict(planning.missing(components, state, request.wish))
        for component in lacking if request.allow_partial else ():
            state.unask(component)
        outcome.written = sorted({*outcome.written, *state.save()})
        self._tidy()
        if outcome.taken or state.rows:
            request.cache.put_in_force(request.record)
        changed = "\n".join(licence.altered(state.tables)) or licence.UNCHANGED
        atomic.write(state.folder.path / licence.ATTRIBUTION, licence.attribution(request.record, changed).encode())
        outcome.components = components
        outcome.missing = lacking
        outcome.tables = {component: state.has_table(component) for component in components}
        outcome.unknown = {c: columns for c in components if (columns := wanting.unknown(c, state))}
        outcome.indexed = state.has_table("metadata")
        outcome.have = {component: state.count(component) for component in PARTITION}

    def _tidy(self) -> None:
        """Let go of what lies in ``archives/`` and has been taken in: a run may have been killed just before it did so."""
        for published in (*self.state.record.files, *self.state.record.bucket_files):
            row = self.state.files.get((published.component, published.name), {})
            if row.get("state") == "dropped" or (row.get("path") or "").startswith("tables/"):
                (self.state.folder.archives / published.name).unlink(missing_ok=True)

    def _nothing(self, offers: Offers, findings: Sequence[Finding]) -> Iterator[Finding]:
        """What is wrong with all there is; raises `UnavailableError` where nothing of the record is."""
        faults = [*offers.findings, *findings]
        yield from faults
        if not faults:
            raise UnavailableError(
                "nothing of this record is found there",
                where=", ".join(str(s) for s in self.request.sources),
                expected=f"published zips, tables, images or masks of {self.request.record.id}",
                got=f"{len(offers.ignored)} other files",
                fix="name the folder that holds the downloaded files",
            )


def _settled(state: Holdings, *, keep: bool) -> list[str]:
    """Published archives that need not be opened: they arrived, and all they hold is in the cache, or they are kept there."""
    done = {"have"} if keep else {"have", "dropped"}
    files = (*state.record.files, *state.record.bucket_files)
    arrived = (f for f in files if state.files.get((f.component, f.name), {}).get("state") in done)
    return [published.name for published in arrived if state.unpacked(published)]
