"""What a fetch would do, without doing any of it."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import holdings
from ham_cli.findings import counted
from ham_cli.intake import offers as offering
from ham_cli.intake import plan as planning
from ham_cli.intake import prospects, shelve, wanting
from ham_cli.intake.prospects import Prospect
from ham_cli.record import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.request import Outcome, Request


def run(request: Request, outcome: Outcome) -> Generator[Event, None, list[Prospect]]:
    """Each thing that is there or would come, in the order of the work; yields what is noteworthy. Writes nothing."""
    import datetime as dt

    state = holdings.load(request.record, request.cache.folder(request.record.id), damaged_ok=True)
    holdings.forget_vanished(state)
    components = list(request.components)
    coming: list[Prospect] = []
    shelved: set[str] = set()
    for of_web, some in itertools.groupby(request.sources, key=lambda source: isinstance(source, str)):
        group = list(some)
        if not of_web:
            found, brought = _from_folders(request, state, [Path(folder) for folder in group], components)
            coming += found
            shelved |= brought
            continue
        wants = [w for w in wanting.wants(components, state, request.wish) if not (w.is_table and w.component in shelved)]
        if wants:
            from ham_cli.intake.network import Network

            network = Network(request, state, outcome, dt.datetime.now(dt.UTC), [str(name) for name in group])
            coming += yield from network.look(wants)
    if not any(isinstance(source, str) for source in request.sources):
        left = [w for w in wanting.wants(components, state, request.wish) if wanting.lacking(w, state, request.wish)]
        coming += [prospects.nowhere(w, state, request.wish) for w in left if not (w.is_table and w.component in shelved)]
    outcome.components = components or sorted({p.component for p in coming})
    return [*_there(outcome.components, state, coming), *coming]


def _there(components: Sequence[str], state: Holdings, coming: Sequence[Prospect]) -> Iterator[Prospect]:
    """What is in the cache already."""
    touched = {(p.component, p.is_table) for p in coming}
    for row in sorted(state.files.values(), key=lambda row: (COMPONENTS.index(row["component"]), row["name"])):
        is_table = row["path"] is not None and row["path"].startswith("tables/")
        if row["component"] in components and row["state"] in {"have", "dropped"} and (row["component"], is_table) not in touched:
            yield Prospect(row["component"], row["name"], "have", row["source"], row["bytes"], row["bytes"] or 0, is_table=is_table)


def _from_folders(request: Request, state: Holdings, folders: Sequence[Path], components: list[str]) -> tuple[list[Prospect], set[str]]:
    """What folders would give, marked as if it were there; and the components whose tables they have."""
    offers = offering.Offers()
    for folder in folders:
        for _ in offering.look(folder, request.record, offers, beyond={request.cache.root.resolve()}, settled=()):
            pass
    readings = shelve.read(offers, state)
    components += [] if components else planning.found(offers, state, readings.components)
    found = [
        Prospect(o.table.form.component, o.place.label, "take", "folder", len(o.data), is_table=True)
        for o in readings.offered
        if o.table.form.component in components and not o.table.refused
    ]
    plan = planning.decide(components, offers, state, request.wish, request.link)
    sizes: dict[tuple[str, str], Counter[str]] = {}
    for task in (*plan.loose, *itertools.chain.from_iterable(plan.unpack.values())):
        where = offers.zips[task.source].label if task.member else str(Path(task.label).parent)
        size = task.member.bytes if task.member else task.source.stat().st_size
        sizes.setdefault((task.component, where), Counter()).update(files=1, bytes=size)
        state.put(task.image_id, task.component, {"mask_path" if task.component == "masks" else "path": "taken"})
    for (component, where), count in sizes.items():
        found.append(Prospect(component, f"{where}: {counted(count['files'], 'file')}", "take", "folder", count["bytes"]))
    return found, {p.component for p in found if p.is_table}
