"""Take from folders into the cache what was asked for: look, decide, do, index."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, checksum, holdings, licence, links, pool
from ham_cli.errors import UnavailableError
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict, counted
from ham_cli.intake import offers as offering
from ham_cli.intake import plan as planning
from ham_cli.intake import shelve, zips
from ham_cli.intake.request import Outcome
from ham_cli.intake.take import Taken, take
from ham_cli.links import Link
from ham_cli.record import PARTITION, TABLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.offers import Place, Zip
    from ham_cli.intake.request import Request
    from ham_cli.intake.take import Task


MANY = 2000
"""Files of a folder that are looked at without a word: fewer take a fraction of a second."""


class Intake:
    """One fetch from folders; the writer's lock is held by the caller."""

    def __init__(self, request: Request) -> None:
        """Check that the sources are folders; the cache is not looked at yet."""
        self.request = request
        self.outcome = Outcome()
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
        request.check()
        self.offers = offering.Offers()
        self._md5: dict[Path, str] = {}
        """MD5 of zips that were written out of zips, and so are hashed already."""

    def load(self) -> None:
        """Look at the cache; to be called inside the lock, as what it holds may change before."""
        self.state = holdings.load(self.request.record, self.request.cache.folder(self.request.record.id), damaged_ok=True)
        holdings.forget_vanished(self.state)

    def run(self) -> Iterator[Event]:
        """Do it all; yields progress, notes and findings, and fills ``outcome``."""
        try:
            yield from self._run()
        finally:
            for file in self._md5:
                if not self.request.keep_archives:
                    file.unlink(missing_ok=True)

    def _run(self) -> Iterator[Event]:
        request, state = self.request, self.state
        yield from self._look()
        readings = shelve.read(self.offers, state)
        components = list(request.components) or planning.found(self.offers, state, readings.components)
        if not components:
            yield from self._nothing(readings.findings)
            return
        request.cache.adopt(request.record)
        needed = {*components, "metadata"} if {"images", "masks"} & set(components) else set(components)
        yield from (f for f in (*self.offers.findings, *readings.findings) if f.component in {*needed, "source"})
        yield from shelve.shelve(readings, state, needed, self.now, accept_altered=request.accept_altered)
        self._require_rows(components)
        if not request.allow_partial:
            for component in components:
                state.ask(component, request.wish)
        state.save_wishes()
        plan = planning.decide(components, self.offers, state, request.wish, request.link)
        cache.require_room(state.folder.path, plan.room)
        for target in plan.folders:
            target.mkdir(parents=True, exist_ok=True)
        failed: list[Taken] = []
        yield from self._take("adopted files", plan.adopt, failed)
        yield from self._take("files", _linked(plan.loose), failed)
        for file, archive in self.offers.zips.items():
            if plan.unpack.get(file) or self._to_keep(archive, components):
                yield from self._unpack(archive, plan.unpack.get(file, ()), failed)
        yield from self._second_choices(failed, plan.others)
        self._finish(components)

    def _look(self) -> Iterator[Event]:
        """See what the folders offer; zips inside zips are written out first."""
        state, record = self.state, self.request.record
        settled = _settled(state, keep=self.request.keep_archives)
        seen = 0
        for source in self.request.sources:
            for _ in offering.look(source, record, self.offers, beyond={self.request.cache.root.resolve()}, settled=settled):
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
            self.offers.tables += [offering.Place(p, f"tables/{p.name}") for p in own if checksum.of_file(p, "md5")[1] in pinned]
        if self.offers.nested:
            self.request.cache.adopt(record)
        for event in zips.spill(self.offers, state, settled, self.request.components):
            if isinstance(event, tuple):
                archive, self._md5[event[0].file] = event
                offering.look_into(archive, record, self.offers, deeper=False)
            else:
                yield event

    def _require_rows(self, components: Sequence[str]) -> None:
        """Raise where a choice among rows is asked for and there are no rows to choose from."""
        partitions = {row["partition"] for row in self.state.rows.values()}
        blind = [c for c in components if c in PARTITION and PARTITION[c] not in partitions]
        if blind and self.request.wish:
            raise UnavailableError(
                "--only and --sample choose by the rows of a table, and it is not there",
                where=", ".join(str(s) for s in self.request.sources),
                expected=self.state.table_name(next(t for t, p in TABLED.items() if p == PARTITION[blind[0]])),
                fix="name a --source that has the table too",
            )

    def _to_keep(self, archive: Zip, components: Sequence[str]) -> bool:
        """Whether a published zip is to be kept that is not kept yet."""
        published = archive.published if archive.whole else None
        if published is None or published.md5 is None or published.component not in components or not self.request.keep_archives:
            return False
        return self.state.files.get((published.component, published.name), {}).get("state") != "have"

    def _take(self, name: str, tasks: Sequence[Task], failed: list[Taken]) -> Iterator[Event]:
        """Take loose files, or those that lie in the cache already."""
        if not tasks:
            return
        yield Started(name, len(tasks), "file")
        for taken in pool.run(take, tasks, self.request.jobs):
            yield Advanced(name, 1)
            if taken.verdict:
                failed.append(taken)
            else:
                self._put(taken, "digest" if taken.task.expected else "none", None)
        yield Done(name, counted(len(tasks), "file"))

    def _unpack(self, archive: Zip, tasks: Sequence[Task], failed: list[Taken]) -> Iterator[Event]:
        """Unpack one zip, and note in the files' rows that it arrived."""
        good, md5 = [], None
        whole = self.request.keep_archives or not self.request.wish
        for event in zips.unpack(archive, tasks, self._md5.get(archive.file), self.request.jobs, whole=whole):
            if isinstance(event, str):
                md5 = event
            elif not isinstance(event, Taken):
                yield event
            elif event.verdict:
                failed.append(event)
            else:
                good.append(event)
        published = archive.published
        right = archive.whole and published is not None and md5 is not None and md5 == published.md5
        for taken in good:
            listed = taken.task.expected is not None and taken.task.expected.sha256 == taken.sha256
            vouched = "digest" if listed else "archive" if right else "none"
            self._put(taken, vouched, published.name if right and published else None)
        if right and published and md5:
            kept = self._kept(archive, published.name) if self.request.keep_archives else None
            done = planning.complete(archive, self.offers, self.state)
            row = zips.arrived(archive, md5, self.state, kept, unpacked=done)
            self.state.put_file(row | {"fetched": self.now})

    def _second_choices(self, failed: Sequence[Taken], others: Mapping[tuple[str, str], Sequence[Place]]) -> Iterator[Event]:
        """A finding for every wrong one, and the next copy of it, where the source has more."""
        for taken in failed:
            task, wrong = taken.task, taken
            for place in others.get((task.image_id, task.component), ()):
                yield _finding(wrong, "another copy is taken instead")
                link = Link.COPY if task.link is Link.CLONE else task.link
                wrong = take(planning.task_of(task.image_id, task.component, place, self.state, link))
                if not wrong.verdict:
                    self._put(wrong, "digest" if wrong.task.expected else "none", None)
                    break
            if wrong.verdict:
                yield _finding(wrong, wrong.detail)

    def _put(self, taken: Taken, vouched: str, archive: str | None) -> None:
        component = taken.task.component
        self.outcome.taken[component] += 1
        if vouched == "none":
            self.outcome.unvouched[component] += 1
        path = self.state.folder.relative(taken.task.target)
        if component == "masks":
            facts = {"mask_path": path, "mask_bytes": taken.bytes, "mask_sha256": taken.sha256}
        else:
            facts = {"path": path, "bytes": taken.bytes, "sha256": taken.sha256, "vouched": vouched, "archive": archive}
            facts |= {"width": taken.width, "height": taken.height}
        self.state.put(taken.task.image_id, component, facts)

    def _kept(self, archive: Zip, name: str) -> Path:
        """Where a published zip lies that is to be kept."""
        target = self.state.folder.archives / name
        known = self.state.files.get((archive.published.component, name), {}) if archive.published else {}
        if archive.file != target and not (known.get("state") == "have" and target.is_file()):
            with atomic.replacing(target) as file, archive.file.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        return target

    def _finish(self, components: list[str]) -> None:
        """Sync what was written, index it, and say what is missing."""
        request, state, outcome = self.request, self.state, self.outcome
        if outcome.taken:
            atomic.sync_folder(state.folder.path)
        lacking = dict(planning.missing(components, state, request.wish))
        for component in lacking if request.allow_partial else ():
            state.unask(component)
        outcome.written = state.save()
        if outcome.taken or state.rows:
            request.cache.put_in_force(request.record)
        changed = "\n".join(licence.altered(state.tables)) or licence.UNCHANGED
        atomic.write(state.folder.path / licence.ATTRIBUTION, licence.attribution(request.record, changed).encode())
        outcome.components = components
        outcome.missing = lacking
        outcome.ignored = self.offers.ignored
        outcome.tables = {component: state.has_table(component) for component in components}
        outcome.indexed = state.has_table("metadata")
        outcome.have = {component: state.count(component) for component in PARTITION}

    def _nothing(self, findings: Sequence[Finding]) -> Iterator[Finding]:
        """What is wrong with all there is; raises `UnavailableError` where nothing of the record is."""
        faults = [*self.offers.findings, *findings]
        yield from faults
        if not faults:
            raise UnavailableError(
                "nothing of this record is found there",
                where=", ".join(str(s) for s in self.request.sources),
                expected=f"published zips, tables, images or masks of {self.request.record.id}",
                got=f"{len(self.offers.ignored)} other files",
                fix="name the folder that holds the downloaded files",
            )


def _settled(state: Holdings, *, keep: bool) -> list[str]:
    """Published archives that need not be opened: they arrived, and all they hold is in the cache, or they are kept there."""
    done = {"have"} if keep else {"have", "dropped"}
    files = (*state.record.files, *state.record.bucket_files)
    arrived = (f for f in files if state.files.get((f.component, f.name), {}).get("state") in done)
    return [published.name for published in arrived if state.unpacked(published)]


def _linked(tasks: Sequence[Task]) -> Sequence[Task]:
    """The tasks with ``auto`` decided: shared blocks where the file systems can, copies elsewhere."""
    if not tasks or tasks[0].link is not Link.AUTO:
        return tasks
    real = next((t.source for t in tasks if os.access(t.source, os.R_OK)), None)
    link = links.decided(Link.AUTO, real, tasks[0].target)
    return [replace(task, link=link) for task in tasks]


def _finding(taken: Taken, detail: str | None) -> Finding:
    task = taken.task
    return Finding(task.component, task.label, taken.verdict or Verdict.WRONG, task.image_id, taken.expected, taken.got, detail)
