"""What must happen so that the cache holds what was asked for: decided from what is known, without touching anything."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ham_cli.errors import UnavailableError
from ham_cli.intake.take import MAX_BYTES, Task
from ham_cli.links import Link
from ham_cli.offers import Place
from ham_cli.record import COMPONENTS, PARTITION, TABLED, file_name
from ham_cli.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from ham_cli.holdings import Holdings, Row
    from ham_cli.offers import Offers, Zip


@dataclass(frozen=True)
class Plan:
    """Tasks in the order they are done."""

    adopt: tuple[Task, ...] = ()
    """Files that an interrupted run put in place and no manifest names yet."""
    loose: tuple[Task, ...] = ()
    unpack: dict[Path, tuple[Task, ...]] = field(default_factory=dict)
    """Tasks by zip, in the order of their bytes."""
    others: dict[tuple[str, str], tuple[Place, ...]] = field(default_factory=dict)
    """By image and component: further places of an image or mask, should the first one be wrong."""

    @property
    def room(self) -> int:
        """Bytes that will be written, were every file copied."""
        loose = sum(_size(t) for t in self.loose if t.link in {Link.AUTO, Link.COPY})
        return loose + sum(min(t.member.bytes, MAX_BYTES) for tasks in self.unpack.values() for t in tasks if t.member)

    @property
    def folders(self) -> set[Path]:
        """The folders that the tasks put files in."""
        return {t.folder for tasks in (self.loose, *self.unpack.values()) for t in tasks}


def _size(task: Task) -> int:
    # A file that cannot even be looked at is a finding when its turn comes.
    with contextlib.suppress(OSError):
        return task.source.stat().st_size
    return 0


def found(offers: Offers, state: Holdings, kinds: Iterable[str]) -> list[str]:
    """The components of which something is offered; ``kinds`` are those of the offered tables."""
    files = (*state.record.files, *state.record.bucket_files)
    here = set(kinds) | {published.component for published in files if published.name in offers.settled}
    roles = {state.partition(image_id) for image_id in offers.images}
    here |= {component for component in ("images", "test", "validation") if PARTITION[component] in roles}
    here |= {z.published.component for z in offers.zips.values() if z.published and z.published.kind == "archive"}
    if offers.masks:
        here.add("masks")
    return [component for component in COMPONENTS if component in here]


def decide(components: Sequence[str], offers: Offers, state: Holdings, wish: Selection, link: Link) -> Plan:
    """The tasks that bring what is asked for and not there yet; nothing is read or written here."""
    adopt = tuple(_adoptable(offers, state))
    adopted = {(t.image_id, t.component) for t in adopt}
    loose: list[Task] = []
    unpack: dict[Path, list[Task]] = {}
    others: dict[tuple[str, str], tuple[Place, ...]] = {}
    overruling = {file for file, archive in offers.zips.items() if _may_overrule(archive)}
    for component in (c for c in components if c in PARTITION):
        offered = offers.of(component)
        for image_id in state.wanted(component, wish):
            places = offered.get(image_id)
            if places and state.has(image_id, component):
                places = [] if component == "masks" else _vouched_for(state.rows.get(image_id), places, overruling)
            if not places:
                continue
            first = 0 if (image_id, component) in adopted else 1
            if places[first:]:
                others[image_id, component] = tuple(places[first:])
            if first == 0:
                continue
            task = task_of(image_id, component, places[0], state, link)
            if task.member is None:
                loose.append(task)
            else:
                unpack.setdefault(task.source, []).append(replace(task, hold=task.source in overruling))
    ordered = {z: tuple(sorted(tasks, key=lambda t: t.member.offset if t.member else 0)) for z, tasks in unpack.items()}
    return Plan(adopt, tuple(loose), ordered, others)


def _adoptable(offers: Offers, state: Holdings) -> Iterator[Task]:
    """Files in place that no row names: those of published digests, and those that no source has a better copy of."""
    for component in PARTITION:
        indexed = len(state.present(component))
        if indexed == len(state.names(component)):
            continue
        for image_id in state.wanted(component, Selection()):
            if image_id not in state.rows or state.has(image_id, component) or not state.lies_there(image_id, component):
                continue
            label = state.label(image_id, component)
            task = task_of(image_id, component, Place(state.folder.path / label, label), state, Link.COPY)
            if task.expected or image_id not in offers.of(component):
                yield task


def task_of(image_id: str, component: str, place: Place, state: Holdings, link: Link) -> Task:
    """The task that takes one image or mask from one place."""
    expected = state.record.digests.get(file_name(image_id, component))
    return Task(image_id, component, place, state.place(component), expected, link, hold=False)


def require_rows(components: Sequence[str], state: Holdings, wish: Selection, where: object) -> None:
    """Raise `UnavailableError` where a choice among rows is asked for and there are no rows to choose from."""
    partitions = {row["partition"] for row in state.rows.values()}
    blind = [c for c in components if c in PARTITION and PARTITION[c] not in partitions]
    if blind and wish:
        raise UnavailableError(
            "--only and --sample choose by the rows of a table, and it is not there",
            where=where,
            expected=state.table_name(next(t for t, p in TABLED.items() if p == PARTITION[blind[0]])),
            fix="name a --source that has the table too",
        )


def missing(components: Sequence[str], state: Holdings, wish: Selection) -> Iterator[tuple[str, list[str]]]:
    """Each component of which something asked for is not in the cache, with the names of what is missing."""
    for component in components:
        lacking = [] if state.has_table(component) else [state.table_name(component)]
        if component in PARTITION:
            lacking += [i for i in state.wanted(component, wish) if not state.has(i, component)]
            if component == "test" and not state.has_table(component):
                lacking.append(f"{state.record.partitions['test'].images} images")
        if lacking:
            yield component, lacking


def complete(zipped: Zip, offers: Offers, state: Holdings) -> bool:
    """Whether every image or mask that a zip holds is indexed."""
    inside = [
        (image_id, column)
        for offered, column in ((offers.images, "path"), (offers.masks, "mask_path"))
        for image_id, places in offered.items()
        if any(p.file == zipped.file for p in places) and image_id not in state.record.not_in_record
    ]
    return bool(inside) and all((row := state.rows.get(image_id)) and row[column] for image_id, column in inside)


def _vouched_for(row: Row | None, places: list[Place], overruling: Container[Path]) -> list[Place]:
    """The places whose archive may vouch for an image that is there, and that nobody vouches for."""
    if row is None or row["vouched"] != "none":
        return []
    return [place for place in places if place.file in overruling]


def _may_overrule(archive: Zip) -> bool:
    """Whether the zip's own MD5 may turn out to be the published one, and settle what its members are."""
    return archive.whole and archive.published is not None and archive.published.md5 is not None
