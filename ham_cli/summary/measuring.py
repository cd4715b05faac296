"""Every image of a data set measured once: what is known by its digest is not read again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ham_cli import images, manifest, pool
from ham_cli.errors import AccessError, why_unsaved
from ham_cli.findings import Advanced, Done, Finding, Note, Started, Verdict, counted
from ham_cli.images import NotAnImageError
from ham_cli.layout import Layout
from ham_cli.manifest import Manifest
from ham_cli.summary.reading import changed, read, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from ham_cli.findings import Event
    from ham_cli.manifest.schemas import Schema
    from ham_cli.pool import Workers
    from ham_cli.summary.reading import File

Row = dict[str, Any]

EVERY = 30.0
"""Seconds between two times that what is measured is written down: so much is lost at most where a process is killed."""


@dataclass(frozen=True)
class Kind:
    """What is measured: the images, or their masks."""

    name: str
    """``pixels`` or ``masks``: of its manifest in ``manifests/stats/``, and of the progress that a person sees."""
    schema: Schema
    place: str
    """The column of the data set that says where the file lies."""
    file: Callable[[Dataset, Row], File]
    """A row of the data set into its file."""
    digest: str
    """The column with its SHA-256; in the manifest too."""
    thing: str
    """What a file of it is, for one: ``image``, ``mask``."""
    partition: str | None
    """The only partition that has such files; ``None`` where all have."""
    measure: Callable[[bytes], Row]
    """A file's bytes into the manifest's other columns; a function of a module. Raises `NotAnImageError`."""


@dataclass(frozen=True)
class Task:
    """One file to measure."""

    kind: Kind
    file: File


@dataclass
class Measuring:
    """The files of one kind that a data set has here, measured or known."""

    kind: Kind
    dataset: Dataset
    jobs: int | Workers
    rows: list[Row] = field(default_factory=list)
    """Those of the kind's schema, a row an image that is in the cache and right, by image id."""
    missing: int = 0
    """Images of the data set that have no such file in the cache, and could have one."""
    wrong: list[Finding] = field(default_factory=list)
    """Files that are not what the manifest says; they are in no number."""

    def run(self) -> Iterator[Event]:
        """Measure what is not known yet; yields progress and findings, and fills the fields above.

        What was measured is written down also when this is left early.
        """
        able = [r for r in self.dataset.rows if r["in_record"] and self.kind.partition in (None, r["partition"])]
        here = [r for r in able if r[self.kind.place] is not None]
        self.missing = len(able) - len(here)
        saved, unsaved = self._saved()
        known = {row[self.kind.digest]: row for row in saved.values()}
        unknown = [row for row in here if row[self.kind.digest] not in known]
        for row in here:
            if row[self.kind.digest] in known and (finding := changed(self.kind.file(self.dataset, row))):
                self.wrong.append(finding)
                yield finding
        measured: list[Row] = []

        def save() -> str | None:
            """Take what is measured so far into the rows, and write it down; why it cannot be written, if so."""
            known.update((row[self.kind.digest], row) for row in measured)
            refused = {finding.image_id for finding in self.wrong}
            kept = [r for r in here if r[self.kind.digest] in known and r["image_id"] not in refused]
            self.rows = [_of(known[r[self.kind.digest]], r["image_id"]) for r in kept]
            return unsaved or (self._save(saved | {row["image_id"]: row for row in self.rows}) if measured else None)

        try:
            due = time.monotonic() + EVERY
            for event in self._measured(unknown, measured):
                yield event
                if time.monotonic() >= due and not unsaved:
                    unsaved = save()
                    due = time.monotonic() + EVERY
        finally:
            unsaved = save()
        if unsaved:
            yield Note(unsaved, "said")

    def _measured(self, unknown: Sequence[Row], rows: list[Row]) -> Iterator[Event]:
        if not unknown:
            return
        yield Started(self.kind.name, len(unknown), self.kind.thing)
        layout = Layout(self.kind.schema.names)
        for done in pool.run(measure, map(self._task, unknown), self.jobs):
            if isinstance(done, Finding):
                self.wrong.append(done)
                yield done
            else:
                rows.append(layout.of(done))
            yield Advanced(self.kind.name, 1)
        yield Done(self.kind.name, f"{counted(len(rows), self.kind.thing)} measured")

    def _task(self, row: Row) -> Task:
        return Task(self.kind, self.kind.file(self.dataset, row))

    @property
    def _path(self) -> Path:
        return self.dataset.folder.manifest(f"stats/{self.kind.name}")

    def _saved(self) -> tuple[dict[str, Row], str | None]:
        """What earlier runs measured with the same decoder, by image id, and why nothing may be added to it, if so."""
        try:
            found = manifest.read(self._path, self.kind.schema, missing_ok=True, damaged_ok=True)
        except AccessError as error:
            return {}, f"what was measured is not saved: {error.what}"
        same = found is not None and found.labels.get("decoder") == images.decoder()
        return {row["image_id"]: row for row in found.rows} if found and same else {}, None

    def _save(self, rows: dict[str, Row]) -> str | None:
        """Write down what is known; where that cannot be, a sentence that says so."""
        try:
            kept = Manifest(self.kind.schema, list(rows.values()), self.dataset.record.id, labels={"decoder": images.decoder()})
            manifest.write(self._path, kept)
        except (OSError, AccessError) as error:
            return f"what was measured could not be saved in {self._path.parent}: {why_unsaved(error)}"
        return None


def _of(row: Row, image_id: str) -> Row:
    """The row of an image; two images may be the same bytes."""
    return row if row["image_id"] == image_id else row | {"image_id": image_id}


def measure(task: Task) -> Row | Finding:
    """One file's row, or what is wrong with the file."""
    # What is written down here is believed for good: no number of other bytes may stand under this digest.
    data = read(task.file)
    if isinstance(data, Finding):
        return data
    try:
        return {"image_id": task.file.image_id, task.kind.digest: task.file.sha256, **task.kind.measure(data)}
    except NotAnImageError as error:
        return wrong(task.file, Verdict.UNREADABLE, "a picture", str(error))
