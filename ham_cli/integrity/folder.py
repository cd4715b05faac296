"""Any folder held against the record, without a cache: what is right, wrong, missing, by another name, and too much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ham_cli import offers as offering
from ham_cli import pool, tables
from ham_cli.archives import BadArchiveError
from ham_cli.checksum import md5
from ham_cli.findings import Advanced, Done, Finding, Note, Started, Verdict
from ham_cli.integrity import boxes
from ham_cli.integrity.counts import Count
from ham_cli.integrity.looking import ToLook, look, oddness
from ham_cli.offers import recognise
from ham_cli.record import FOLDERS, PARTITION, TABLED, file_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.integrity.looking import Looked
    from ham_cli.offers import Place
    from ham_cli.pool import Workers
    from ham_cli.record import Digest, Record

_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass
class FolderCheck:
    """One look at a folder: nothing is changed."""

    folder: Path
    record: Record
    components: Sequence[str]
    """Those to judge; empty for those of which something is found."""
    quick: bool
    deep: bool
    jobs: int | Workers
    counts: dict[str, Count] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    """Files that are none of the record's."""
    _offers: offering.Offers = field(default_factory=offering.Offers)
    _rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Image id to its row in a table that lies there."""
    _right: dict[str, set[str]] = field(default_factory=dict)
    """Component to the images or masks of which a right copy is there."""

    def run(self) -> Iterator[Event]:
        """Yield findings and progress, and fill ``counts`` and ``extra``."""
        self.counts = {c: Count(self._published(c)) for c in self.components or self.record.components}
        self._right = {c: set() for c in PARTITION}
        yield from self._seen()
        yield from self._tables()
        found = boxes.Boxes(self.record, self._offers, self.counts.keys(), self.quick)
        yield from found.run()
        for component in (c for c in PARTITION if c in self.counts):
            for image_id in found.vouched.get(component, ()):
                self._is_right(component, image_id)
            yield from self._images(component, found.right)
        yield from self._by_another_name()
        for component in self.judged:
            yield from self._missing(component)

    @property
    def judged(self) -> list[str]:
        """The components of which something is said: the named ones, or those of which anything is there."""
        return [c for c, count in self.counts.items() if self.components or count.found or count.table is not None]

    def _published(self, component: str) -> int:
        counts = self.record.partitions.get(PARTITION.get(component, ""))
        return counts.images if counts else 1

    def _is_right(self, component: str, image_id: str) -> None:
        self._right[component].add(image_id)
        self.counts[component].found = True

    def _seen(self) -> Iterator[Event]:
        """See what is there."""
        yield from offering.looked([self.folder], self.record, self._offers, beyond=(), settled=())
        for fault in self._offers.findings:
            if fault.component in self.counts:
                self.counts[fault.component].found = True  # a zip that cannot be read is one of its files all the same
            yield fault

    def _tables(self) -> Iterator[Event]:
        """Hold every table that announces itself as one of the record's against it."""
        altered: list[Finding] = []
        for place in self._offers.tables:
            try:
                data = place.head(tables.MAX_BYTES + 1)
                table = tables.read(data, self.record)
            except (tables.NotATableError, BadArchiveError, OSError) as error:
                self.extra.append(f"{place.label}: {error}")
                continue
            if (component := table.form.component) not in self.counts:
                continue
            if table.refused or table.differences:
                detail = "; ".join([*table.refused[:3], *table.differences])
                altered.append(Finding(component, place.label, Verdict.ALTERED, None, table.form.md5, md5(data), detail))
                continue
            yield Note(f"{place.label} is the published {table.form.name}")
            self._rows.update((row["image_id"], row) for row in table.rows)
            self.counts[component].table = True
        for fault in altered:
            count = self.counts[fault.component]
            if count.table and not recognise.table_of(_base(fault.path), self.record):
                # Somebody's own table of the same images, a split or predictions, beside the published one.
                self.extra.append(fault.path)
                continue
            count.table = False
            yield fault
        for component, count in self.counts.items():
            if component not in PARTITION and count.table is not None:
                count.found, count.right, count.wrong = True, int(count.table), int(not count.table)
                count.unvouched = int(component == "ratings")

    def _images(self, component: str, vouched: set[Path]) -> Iterator[Event]:
        """Hold every copy of a component's images or masks against its digest; those of a right zip only with ``deep``."""
        copies = [
            (image_id, place)
            for image_id, places in sorted(self._offers.of(component).items())
            if self._is_of(image_id, component)
            for place in places
            if self.deep or place.file not in vouched
        ]
        if not copies:
            return
        self.counts[component].found = True
        faults: dict[str, list[Finding]] = {}
        names: dict[str, set[str]] = {}
        yield Started(component, len(copies), "file")
        mask = component == "masks"
        # What nobody has published a digest of shows by its pixels whether it is a picture.
        tasks = [ToLook(str(p.file), p.member, self.quick, self._must_decode(i, component), mask) for i, p in copies]
        pool.require(self.jobs, copies[0][1].file)
        for (image_id, place), looked in zip(copies, pool.run(look, tasks, self.jobs), strict=True):
            fault = self._compared(component, image_id, place, looked, vouched=place.file in vouched)
            if fault:
                faults.setdefault(image_id, []).append(fault)
            else:
                self._is_right(component, image_id)
                names.setdefault(image_id, set()).add(_base(place.label))
            yield Advanced(component, 1)
        for image_id in sorted(faults):
            self.counts[component].wrong += image_id not in self._right[component]
            yield from faults[image_id]
        for image_id, bases in sorted(names.items()):
            if file_name(image_id, component) not in bases:
                yield self._renamed(component, image_id, next(p.label for i, p in copies if i == image_id))
        yield Done(component, f"{len(self._right[component])} right")

    def _must_decode(self, image_id: str, component: str) -> bool:
        return self.deep or not (self.quick or self._published_digest(image_id, component))

    def _published_digest(self, image_id: str, component: str) -> Digest | None:
        return self.record.digests.get(file_name(image_id, component))

    def _compared(self, component: str, image_id: str, place: Place, looked: Looked, *, vouched: bool) -> Finding | None:
        digest = self._published_digest(image_id, component)
        if looked.error:
            expected = digest.sha256 if digest else None
            return Finding(component, place.label, Verdict.UNREADABLE, image_id, expected, None, looked.error)
        if digest and not vouched:
            # Which other one it is, where it is one of the record's.
            name = self.record.by_digest.get(looked.sha256 or "")
            detail = f"it is {name}" if name else None
            if looked.bytes != digest.bytes:
                sizes = f"{digest.bytes} bytes", f"{looked.bytes} bytes"
                return Finding(component, place.label, Verdict.WRONG, image_id, *sizes, detail)
            if looked.sha256 not in {None, digest.sha256}:
                return Finding(component, place.label, Verdict.WRONG, image_id, digest.sha256, looked.sha256, detail)
        if digest is None and (name := self.record.by_digest.get(looked.sha256 or "")):
            return Finding(component, place.label, Verdict.WRONG, image_id, None, looked.sha256, f"it is {name}")
        odd = oddness(looked, self.record.image_size)
        return Finding(component, place.label, Verdict.WRONG, image_id, **odd) if odd else None

    def _by_another_name(self) -> Iterator[Event]:
        """Pictures of names that are nobody's: a digest may know them all the same."""
        loose = [label for label in self._offers.ignored if label.lower().endswith(_PICTURES) and (self.folder / label).is_file()]
        known: set[str] = set()
        idle = self.quick or not {"images", "masks"} & self.counts.keys()
        tasks = [] if idle else [ToLook(str(self.folder / label)) for label in loose]
        for label, looked in zip(loose, pool.run(look, tasks, self.jobs), strict=False):
            name = self.record.by_digest.get(looked.sha256 or "")
            if name is None:
                continue
            known.add(label)
            component = "masks" if name.endswith(".png") else "images"
            image_id = name.partition("_segmentation")[0].removesuffix(".jpg")
            if component in self.counts and image_id not in self._right[component]:
                self._is_right(component, image_id)
                yield self._renamed(component, image_id, label)
        self.extra += [label for label in self._offers.ignored if label not in known]

    def _renamed(self, component: str, image_id: str, label: str) -> Finding:
        self.counts[component].renamed += 1
        return Finding(component, label, Verdict.RENAMED, image_id, file_name(image_id, component), _base(label))

    def _is_of(self, image_id: str, component: str) -> bool:
        row = self._rows.get(image_id)
        partition = row["partition"] if row and "partition" in row else self.record.partition_of(image_id)
        if row is None and partition is None and (test := self.counts.get("test")) and test.table:
            return False  # its own table does not name it
        return (partition or "test") == PARTITION[component]

    def _must(self, component: str) -> set[str] | None:
        """The images or masks that a component has; ``None`` where only their number is known."""
        if component in {"images", "masks"}:
            suffix = file_name("", component)
            return {name.removesuffix(suffix) for name in self.record.digests if name.endswith(suffix)}
        if component == "validation":
            return set(self.record.validation_ids)
        rows = {i for i in self._rows if self._is_of(i, component) and i not in self.record.not_in_record}
        return rows if len(rows) == self.counts[component].published else None

    def _missing(self, component: str) -> Iterator[Finding]:
        """What a component has, and of which no copy is there, right or wrong; nothing where its table alone is."""
        count = self.counts[component]
        if not (count.found or self.components):
            return
        if component not in PARTITION:
            if not count.right + count.wrong:
                count.missing = 1
                yield Finding(component, f"{self._table(component)}", Verdict.MISSING, detail="the table is not there")
            return
        right = self._right[component]
        count.right = len(right)
        count.unvouched = sum(1 for i in right if file_name(i, component) not in self.record.digests)
        must = self._must(component)
        if must is None:
            yield from self._unnamed(component, count)
            return
        here = right | {i for i in self._offers.of(component) if self._is_of(i, component)}
        for image_id in sorted(must - here):
            digest = self.record.digests.get(name := file_name(image_id, component))
            count.missing += 1
            yield Finding(component, name, Verdict.MISSING, image_id, digest.sha256 if digest else None)

    def _unnamed(self, component: str, count: Count) -> Iterator[Finding]:
        """What can be said of images that no table names: how many they must be."""
        where, expected, got = f"{FOLDERS[component]}/", f"{count.published} images", str(count.right + count.wrong)
        count.missing = max(0, count.published - count.right - count.wrong)
        if count.missing:
            yield Finding(component, where, Verdict.MISSING, None, expected, got, "no table that names them is there")
        elif (surplus := count.right - count.published) > 0:
            count.right, count.wrong = count.published, count.wrong + surplus
            yield Finding(component, where, Verdict.WRONG, None, expected, got, "no table tells which of them are the record's")

    def _table(self, component: str) -> str:
        partition = TABLED.get(component)
        return next((f.name for f in self.record.tables if f.component == component and partition in {None, f.partition}), component)


def _base(label: str) -> str:
    return label.rpartition("/")[2]
