"""What a fetch would do, without doing any of it."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import holdings
from ham_cli import offers as offering
from ham_cli.cache import Folder
from ham_cli.checksum import md5
from ham_cli.findings import counted
from ham_cli.intake import plan as planning
from ham_cli.intake import prospects, shelve, wanting
from ham_cli.intake.prospects import Prospect
from ham_cli.record import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.request import Outcome, Request
    from ham_cli.intake.shelve import Readings


def run(request: Request, outcome: Outcome) -> Generator[Event, None, list[Prospect]]:
    """Each thing that is there or would come, in the order of the work; yields what is noteworthy. Writes nothing."""
    import datetime as dt

    state = holdings.load(request.record, request.cache.folder(request.record.id), damaged_ok=True)
    holdings.forget_vanished(state)
    components = list(request.components)
    coming: list[Prospect] = []
    for of_web, some in itertools.groupby(request.sources, key=lambda source: isinstance(source, str)):
        group = list(some)
        if not of_web:
            coming += _from_folders(request, state, [Path(folder) for folder in group], components)
        elif wants := wanting.wants(components, state, request.wish):
            from ham_cli.intake.network import Network

            network = Network(request, state, outcome, dt.datetime.now(dt.UTC), [str(name) for name in group])
            with contextlib.closing(network):
                coming += yield from network.look(wants)
    if not any(isinstance(source, str) for source in request.sources):
        left = [w for w in wanting.wants(components, state, request.wish) if wanting.lacking(w, state, request.wish)]
        coming += [
            prospects.nowhere(w, state, request.wish) for w in left if w.is_table or wanting.absent(w.component, state, request.wish)
        ]
    outcome.components = components or sorted({p.component for p in coming})
    return [*_there(outcome.components, state, coming), *coming]


def _there(components: Sequence[str], state: Holdings, coming: Sequence[Prospect]) -> Iterator[Prospect]:
    """What is in the cache already."""
    touched = {(p.component, p.is_table) for p in coming}
    for row in sorted(state.files.values(), key=lambda row: (COMPONENTS.index(row["component"]), row["name"])):
        is_table = row["path"] is not None and row["path"].startswith("tables/")
        if row["component"] in components and row["state"] in {"have", "dropped"} and (row["component"], is_table) not in touched:
            yield Prospect(row["component"], row["name"], "have", row["source"], row["bytes"], row["bytes"] or 0, is_table=is_table)


def _from_folders(request: Request, state: Holdings, folders: Sequence[Path], components: list[str]) -> Iterator[Prospect]:
    """What folders would give, marked as if it were there."""
    offers = offering.Offers()
    for folder in folders:
        for _ in offering.look(folder, request.record, offers, beyond={request.cache.root.resolve()}, settled=()):
            pass
    readings = shelve.read(offers, state)
    components += [] if components else planning.found(offers, state, readings.components)
    yield from _tables(request, state, readings, components)
    plan = planning.decide(components, offers, state, request.wish, request.link)
    sizes: dict[tuple[str, str], Counter[str]] = {}
    for task in (*plan.adopt, *plan.loose, *itertools.chain.from_iterable(plan.unpack.values())):
        where = offers.zips[task.source].label if task.member else str(Path(task.label).parent)
        size = task.member.bytes if task.member else task.source.stat().st_size
        sizes.setdefault((task.component, where), Counter()).update(files=1, bytes=size)
        published = offers.zips[task.source].published if task.member else None
        facts = {"mask_path": where} if task.component == "masks" else {"path": where, "archive": published.name if published else None}
        state.put(task.image_id, task.component, facts)
    for (component, where), count in sizes.items():
        yield Prospect(component, f"{where}: {counted(count['files'], 'file')}", "take", "folder", count["bytes"])


def _tables(request: Request, state: Holdings, readings: Readings, components: list[str]) -> Iterator[Prospect]:
    """The tables that would be taken; their rows are taken, and they themselves go where nobody looks."""
    before, real = dict(state.files), state.folder
    needed = {*components, "metadata"} if {"images", "masks"} & set(components) else set(components)
    with tempfile.TemporaryDirectory() as elsewhere:
        state.folder = Folder(Path(elsewhere))
        for _ in shelve.shelve(readings, state, needed, None, accept_altered=request.accept_altered):
            pass
        state.folder = real
    for key, row in state.files.items():
        if row is not before.get(key) and row["path"]:
            taken = next((o.place.label for o in readings.offered if md5(o.data) == row["md5"]), row["name"])
            yield Prospect(row["component"], taken, "take", "folder", row["bytes"], is_table=True)
