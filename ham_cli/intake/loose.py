"""From another ham cache on a web server: its tables, and its images and masks one by one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import manifest, pool
from ham_cli.errors import AccessError
from ham_cli.findings import IN_ALL, Advanced, Done, Started, counted
from ham_cli.http import Kind, Problem, plain
from ham_cli.intake import plan as planning
from ham_cli.intake import wanting
from ham_cli.intake.take import NotHadError, take
from ham_cli.links import Link
from ham_cli.manifest import schemas
from ham_cli.offers import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.step import Step
    from ham_cli.intake.take import Task
    from ham_cli.intake.wanting import Want
    from ham_cli.selection import Selection
    from ham_cli.sources import Shelf

AT_ONCE = 1000
"""Files after which those that have arrived are indexed."""


def tables(shelf: Shelf, component: str, state: Holdings) -> Iterator[tuple[str, bytes]]:
    """The best table that a shelf has of a component, and what adds to it, by name; raises `Problem` where it has none."""
    problem: Problem | None = None
    found = False
    for form in (f for f in state.record.tables if f.component == component):
        if found and form.form != "groupings":
            continue
        stem = form.name.removesuffix(".csv")
        for name in dict.fromkeys((form.name, f"{stem}.tab")):
            try:
                yield name, shelf.get(f"tables/{name}")
            except Problem as failed:
                if failed.kind is not Kind.FINAL or failed.closes:
                    raise
                problem = problem or failed
            else:
                found = True
                break
    if problem and not found:
        raise problem


def images(  # noqa: PLR0913  (what is wanted, from where, into what)
    shelf: Shelf, want: Want, state: Holdings, step: Step, wish: Selection, workers: int
) -> Iterator[Event]:
    """Bring the images or masks that are wanted and there, a thousand at a time."""
    missing = wanting.absent(want.component, state, wish)
    there = _listed(shelf)
    labels = [(i, state.label(i, want.component)) for i in missing]
    labels = [(i, label) for i, label in labels if there is None or label in there]
    if not labels:
        raise Problem(Kind.FINAL, "that cache has none of these files", fix="name a further --source")
    name = f"{want.component} from {plain(shelf.base)}"
    yield Started(name, len(labels), "file")
    (state.folder.path / labels[0][1]).parent.mkdir(parents=True, exist_ok=True)
    for at in range(0, len(labels), AT_ONCE):
        tasks = [_task(shelf, image_id, label, want.component, state) for image_id, label in labels[at : at + AT_ONCE]]
        for taken in pool.swarm(take, tasks, workers):
            yield Advanced(name, 1)
            yield Advanced(IN_ALL, taken.bytes)
            step.put(taken)
        step.index()
    yield Done(name, counted(len(labels), "file"))


def _task(shelf: Shelf, image_id: str, label: str, component: str, state: Holdings) -> Task:
    task = planning.task_of(image_id, component, Place(Path(label), label), state, Link.COPY)
    return replace(task, bring=partial(_bring, shelf, label))


def _bring(shelf: Shelf, label: str) -> bytes:
    try:
        return shelf.get(label)
    except Problem as problem:
        if problem.kind is Kind.FINAL and not problem.closes:
            raise NotHadError(f"{problem.what} ({problem.got})" if problem.got else problem.what) from problem
        raise


def _listed(shelf: Shelf) -> set[str] | None:
    """The paths of the images and masks that a shelf says it has; ``None`` where what it says cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.parquet"
        path.write_bytes(shelf.manifest)
        try:
            found = manifest.read(path, schemas.IMAGES, damaged_ok=True)
        except AccessError:
            return None
    return {row[column] for row in found.rows for column in ("path", "mask_path") if row[column]} if found else None
