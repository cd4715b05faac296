"""One delivery into the cache: its tables shelved, its images taken, both indexed."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, links, pool
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict, counted
from ham_cli.intake import plan as planning
from ham_cli.intake import shelve, zips
from ham_cli.intake.take import Taken, doubted, take
from ham_cli.links import Link

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.request import Outcome, Request
    from ham_cli.intake.shelve import Readings
    from ham_cli.intake.take import Task
    from ham_cli.offers import Offers, Place, Zip


class Step:
    """What one or more folders, or one file that has arrived, offer to a cache."""

    def __init__(self, request: Request, state: Holdings, outcome: Outcome, now: dt.datetime, offers: Offers) -> None:
        self.request, self.state, self.outcome, self.now, self.offers = request, state, outcome, now, offers
        self._failed: list[Taken] = []

    def tables(self, readings: Readings, components: Sequence[str]) -> Iterator[Event]:
        """Shelve the tables of these components; images bring the table that names them."""
        needed = {*components, "metadata"} if {"images", "masks"} & set(components) else set(components)
        yield from (f for f in (*self.offers.findings, *readings.findings) if f.component in {*needed, "source"})
        yield from shelve.shelve(readings, self.state, needed, self.now, accept_altered=self.request.accept_altered)

    def files(self, components: Sequence[str], *, vouched: bool = False) -> Iterator[Event]:
        """Take the images and masks of these components that are asked for and not there yet.

        ``vouched``: of what lies in place and no manifest names, only what a published digest vouches for is adopted.
        """
        plan = planning.decide(components, self.offers, self.state, self.request.wish, self.request.link)
        cache.require_room(self.state.folder.path, plan.room)
        for folder in plan.folders:
            folder.mkdir(parents=True, exist_ok=True)
        yield from self.take("adopted files", [task for task in plan.adopt if task.expected or not vouched])
        yield from self.take("files", _linked(plan.loose))
        for file, archive in self.offers.zips.items():
            if plan.unpack.get(file) or self._to_keep(archive, components):
                yield from self._unpack(archive, plan.unpack.get(file, ()))
        yield from self._second_choices(plan.others)

    def take(self, name: str, tasks: Sequence[Task]) -> Iterator[Event]:
        """Take loose files, or those that lie in the cache already."""
        if not tasks:
            return
        yield Started(name, len(tasks), "file")
        for taken in pool.run(take, tasks, self.request.jobs):
            yield Advanced(name, 1)
            self.put(taken)
        yield Done(name, counted(len(tasks), "file"))

    def put(self, taken: Taken) -> None:
        """Index a loose file, or keep in mind that it is wrong."""
        judged = taken if taken.verdict or taken.task.expected else self._of_another(taken)
        if judged.verdict:
            self._failed.append(judged)
        else:
            self._put(judged, "digest" if taken.task.expected else "none", None)

    def _of_another(self, taken: Taken) -> Taken:
        """A picture that nobody vouches for: it may be another image's, under this name."""
        name = self.state.record.by_digest.get(taken.sha256)
        if name is None or taken.verdict:
            return taken
        if taken.task.source != taken.task.target:
            taken.task.target.unlink(missing_ok=True)
        return replace(taken, verdict=Verdict.WRONG, got=taken.sha256, detail=f"it is {name}")

    def wrong(self) -> Iterator[Event]:
        """A finding for everything that is wrong."""
        return self._second_choices({})

    def index(self) -> None:
        """Write what has arrived into the manifests, once its bytes are on the disk."""
        if self.outcome.taken:
            atomic.sync_folder(self.state.folder.path)
        self.outcome.written = sorted({*self.outcome.written, *self.state.save()})

    def _to_keep(self, archive: Zip, components: Sequence[str]) -> bool:
        """Whether a published zip is to be kept that is not kept yet."""
        published = archive.published if archive.whole else None
        if published is None or published.md5 is None or published.component not in components or not self.request.keep_archives:
            return False
        return self.state.files.get((published.component, published.name), {}).get("state") != "have"

    def _unpack(self, archive: Zip, tasks: Sequence[Task]) -> Iterator[Event]:
        """Unpack one zip, and note in the files' rows that it arrived."""
        good, md5 = [], None
        whole = self.request.keep_archives or not self.request.wish
        origin = self.offers.origin(archive.file)
        for event in zips.unpack(archive, tasks, origin, self.request.jobs, whole=whole):
            if isinstance(event, str):
                md5 = event
            elif not isinstance(event, Taken):
                yield event
            elif event.verdict:
                self._failed.append(event)
            else:
                good.append(event)
        published = archive.published
        right = archive.whole and published is not None and md5 is not None and md5 == published.md5
        for taken in good:
            listed = taken.task.expected is not None and taken.task.expected.sha256 == taken.sha256
            vouched = "digest" if listed else "archive" if right else "none"
            judged = self._of_another(doubted(taken)) if vouched == "none" else taken
            if judged.verdict:
                self._failed.append(judged)
                self.state.lose(judged.task.image_id, judged.task.component)
            else:
                self._put(judged, vouched, published.name if right and published else None)
        # Of what nobody has pinned, what a server gave is written down: another machine's can be compared with it.
        unpinned = published is not None and published.md5 is None and origin.url is not None
        if published and md5 and (right or unpinned):
            keeps = self.request.keep_archives or self.state.files.get((published.component, published.name), {}).get("state") == "have"
            kept = self._kept(archive, published.name) if keeps else None
            done = planning.complete(archive, self.offers, self.state)
            row = zips.arrived(archive, md5, self.state, kept, unpacked=done)
            self.state.put_file(row | {"source": origin.source, "url": origin.url, "fetched": self.now})

    def _second_choices(self, others: Mapping[tuple[str, str], Sequence[Place]]) -> Iterator[Event]:
        """A finding for every wrong one, and the next copy of it, where the source has more."""
        for taken in self._failed:
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
