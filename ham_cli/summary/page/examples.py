"""A few images of each class, small, with the outlines of their masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli import images, pool
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict
from ham_cli.selection import rank
from ham_cli.summary.page.charts.frame import colour
from ham_cli.summary.page.material import Example, Examples
from ham_cli.summary.reading import image_of, mask_of, read, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ham_cli.findings import Event
    from ham_cli.summary.page.given import Given, Row
    from ham_cli.summary.reading import File

EACH = 6
"""Images of a class: a row on a desk, two rows on a telephone."""

SEED = 0
"""Of the order in which images are taken."""

SIZE = (240, 180)
"""Pixels of an example at most; shown smaller, so that it stays sharp on a fine screen."""


@dataclass(frozen=True)
class Task:
    """One image to make small."""

    image: File
    mask: File | None


@dataclass(frozen=True)
class Made:
    """What came of it."""

    picture: bytes | Finding
    """What is wrong with it, where it is not what was fetched or cannot be decoded."""
    outline: bytes | Finding | None
    """``None`` where there is no mask."""


@dataclass
class Gallery:
    """The examples of all classes; `run` it first."""

    given: Given
    jobs: int
    examples: list[Examples] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    """Images and masks that are not what was fetched, or cannot be decoded."""

    def run(self) -> Iterator[Event]:
        """Make them small, on every core, and yield how far that is."""
        dataset, here = self.given.dataset, self._here()
        chosen = {dx: choose([row for row in here if row["dx"] == dx]) for dx in self.given.classes}
        rows = [row for some in chosen.values() for row in some]
        if not rows:
            return
        yield Started("examples", len(rows), "image")
        tasks = [Task(image_of(dataset, row), mask_of(dataset, row) if row["mask_path"] else None) for row in rows]
        made: dict[str, Made] = {}
        for row, one in zip(rows, pool.run(make, tasks, self.jobs), strict=True):
            made[row["image_id"]] = one
            self.wrong += [what for what in (one.picture, one.outline) if isinstance(what, Finding)]
            yield Advanced("examples", 1)
        yield Done("examples")
        self.examples = [self._of(dx, some, made) for dx, some in chosen.items() if some]

    def _here(self) -> list[Row]:
        """The images; as not in the cache what was found wrong when it was measured."""
        found = (*self.given.pixels.wrong, *(self.given.masks.wrong if self.given.masks else ()))
        wrong = {finding.path for finding in found}
        return [row | {place: None for place in ("path", "mask_path") if row[place] in wrong} for row in self.given.rows]

    def _of(self, dx: str, rows: Sequence[Row], made: dict[str, Made]) -> Examples:
        name = self.given.dataset.record.classes[dx]
        shown = tuple(
            Example(row["image_id"], one.picture, outline, f"{row['image_id']}, {name}{', outlined' if outline else ''}")
            for row in rows
            for one in (made[row["image_id"]],)
            for outline in (None if isinstance(one.outline, Finding) else one.outline,)
            if not isinstance(one.picture, Finding)
        )
        here = sum(1 for row in self.given.rows if row["dx"] == dx and row["path"])
        return Examples(dx, name, colour(self.given.classes.index(dx)), shown, here)


def choose(rows: Sequence[Row]) -> list[Row]:
    """At most `EACH` images in the cache, each of another lesion: first those with a mask, by a seeded order, the same anywhere."""
    here = sorted((row for row in rows if row["path"]), key=lambda row: (row["mask_path"] is None, rank(SEED, row["image_id"])))
    first: dict[str, Row] = {}
    for row in here:
        first.setdefault(row["group"], row)
    return list(first.values())[:EACH]


def make(task: Task) -> Made:
    """An image made small, and its outline, or what is wrong with them."""
    return Made(_drawn(images.thumbnail, task.image), _drawn(images.outline, task.mask) if task.mask else None)


def _drawn(function: Callable[[bytes, tuple[int, int]], bytes], file: File) -> bytes | Finding:
    data = read(file)
    if isinstance(data, Finding):
        return data
    try:
        return function(data, SIZE)
    except images.NotAnImageError as error:
        return wrong(file, Verdict.UNREADABLE, "a picture", str(error))
