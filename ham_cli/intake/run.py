"""Take into the cache what was asked for: tables first, then images, from each source in turn."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, holdings, licence
from ham_cli.intake import plan as planning
from ham_cli.intake import wanting
from ham_cli.intake.folders import Folders
from ham_cli.intake.request import Outcome
from ham_cli.record import PARTITION
from ham_cli.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.findings import Event
    from ham_cli.intake.network import Network
    from ham_cli.intake.request import Request


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
        sources = self._sources()
        try:
            yield from self._run(sources)
        finally:
            for source in sources:
                source.close()

    def _sources(self) -> list[Folders | Network]:
        """The sources in the order they were named, those that stand together as one; the cache's own leftovers first."""
        everything = (self.request, self.state, self.outcome, self.now)
        of_web = [isinstance(source, str) for source in self.request.sources]
        found: list[Folders | Network] = [] if of_web and not of_web[0] else [Folders(*everything, [])]
        for is_web, some in itertools.groupby(self.request.sources, key=lambda source: isinstance(source, str)):
            if is_web:
                from ham_cli.intake.network import Network

                found.append(Network(*everything, [str(name) for name in some]))
            else:
                found.append(Folders(*everything, [Path(folder) for folder in some]))
        return found

    def _run(self, sources: list[Folders | Network]) -> Iterator[Event]:
        request, state = self.request, self.state
        folders = [source for source in sources if isinstance(source, Folders)]
        is_web = len(folders) < len(sources)
        for folder in folders:
            yield from folder.look()
        if not self._components:
            found = {component for folder in folders for component in folder.found()}
            self._components = [c for c in request.record.components if c in found]
        if not self._components:
            for folder in folders:
                yield from folder.nothing()
            return
        request.cache.adopt(request.record)
        if is_web:
            self._ask()
        for source in sources:
            yield from source.tables(self._components)
        if not is_web:
            where = ", ".join(str(s) for s in request.sources) or state.folder.path
            planning.require_rows(self._components, state, request.wish, where)
            self._ask()
        # What lies in place of an interrupted download, and nobody vouches for, is better had again whole.
        for source in sources:
            yield from source.files(self._components, vouched=is_web)
        if is_web:
            yield from Folders(request, state, self.outcome, self.now, []).files([], vouched=False)
        self._finish()

    def _ask(self) -> None:
        """Write down what is asked for, before it is done."""
        if not (self.request.allow_partial or self.request.repairs):
            for component in self._components:
                self.state.ask(component, self.request.wish)
        self.state.save_wishes()

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
        """Let go of what lies in ``archives/`` and nobody needs any more.

        A run may have been killed just before it did so, and of what one source began another one may have given the whole.
        """
        state = self.state
        for published in (*state.record.files, *state.record.bucket_files):
            target = state.folder.archives / published.name
            row = state.files.get((published.component, published.name), {})
            lacks = published.component in PARTITION and wanting.absent(published.component, state, Selection())
            is_whole = state.has_table(published.component) and not lacks
            if row.get("state") != "have" or (row["path"] or "").startswith("tables/"):
                done = row.get("state") in {"have", "dropped"} or is_whole
                for left in (target,) if done and not self.request.keep_archives else ():
                    left.unlink(missing_ok=True)
            for left in cache.half_of(target) if is_whole else ():
                left.unlink(missing_ok=True)
