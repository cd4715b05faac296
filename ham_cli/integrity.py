"""The cache held against the record: every image, mask, table and archive, and what is missing or too much."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli import checksum, pool, tables
from ham_cli.checksum import Measured, ToMeasure, measure
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict
from ham_cli.record import COMPONENTS, FOLDERS, PARTITION, TABLED
from ham_cli.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings, Row


@dataclass
class Tally:
    """What became of one component."""

    asked: int = 0
    """Images, masks or tables it was judged by; 0 where it was never fetched."""
    checked: int = 0
    """Those that are there and were looked at."""
    right: int = 0
    unvouched: int = 0
    """Of the right ones, those no published digest or archive vouches for: they are as they arrived."""
    published: int = 0
    """How many the record has."""
    table: bool = False
    """Whether the component's table is there and was held against the record."""


@dataclass
class Check:
    """One verification of a record's folder: nothing is changed, nothing is locked."""

    holdings: Holdings
    components: Sequence[str]
    """Those to judge whole; empty for what was fetched or asked for."""
    quick: bool
    jobs: int
    tallies: dict[str, Tally] = field(default_factory=dict)

    def run(self) -> Iterator[Event]:
        """Yield findings and progress, and fill ``tallies``."""
        for component in COMPONENTS:
            self.tallies[component] = Tally(published=self._published(component))
        for component in COMPONENTS:
            if component in TABLED or component == "ratings":
                yield from self._table(component)
        yield from self._archives()
        for component in PARTITION:
            yield from self._images(component)

    def _published(self, component: str) -> int:
        if component not in PARTITION:
            return 1
        counts = self.holdings.record.partitions.get(PARTITION[component])
        return counts.images if counts else 0

    def _whole(self, component: str) -> bool:
        return component in self.components

    def _table(self, component: str) -> Iterator[Event]:
        """The component's table: there, as received, as published, and the rows it gave."""
        holdings, tally = self.holdings, self.tallies[component]
        kept = [r for r in holdings.files.values() if r["component"] == component and (r["path"] or "").startswith("tables/")]
        judged = self._whole(component) or ((bool(kept) or bool(holdings.asked(component))) and not self.components)
        if not judged:
            return
        if component not in PARTITION:
            tally.asked = 1
        faults = [fault for row in kept for fault in self._kept_table(row)]
        yield from faults
        tally.table = bool(kept) and not faults
        if component not in PARTITION and kept:
            tally.checked, tally.right = 1, int(not faults)
            tally.unvouched = int(kept[0]["expected_md5"] is None)
        if not holdings.has_table(component):
            yield Finding(component, f"tables/{holdings.table_name(component)}", Verdict.MISSING, detail="the table is not in the cache")
        elif component in TABLED:
            yield from self._rows(component)

    def _kept_table(self, row: Row) -> Iterator[Finding]:
        try:
            data = (self.holdings.folder.path / row["path"]).read_bytes()
        except FileNotFoundError:
            yield Finding(row["component"], row["path"], Verdict.MISSING, expected=row["md5"])
            return
        if (got := checksum.md5(data)) != row["md5"]:
            yield Finding(row["component"], row["path"], Verdict.WRONG, expected=row["md5"], got=got, detail="MD5 when it was fetched")
            return
        if got in {form.md5 for form in self.holdings.record.tables}:
            return
        try:
            table = tables.read(data, self.holdings.record)
        except tables.NotATableError as error:
            yield Finding(row["component"], row["path"], Verdict.UNREADABLE, detail=str(error))
            return
        if table.differences:
            detail = "; ".join(table.differences)
            yield Finding(row["component"], row["path"], Verdict.ALTERED, expected=table.form.md5, got=got, detail=detail)

    def _rows(self, component: str) -> Iterator[Event]:
        """The manifest's rows of a table: written back as published, counted by class and lesion."""
        holdings, partition = self.holdings, TABLED[component]
        described = holdings.tables[partition]
        rows = [r for r in holdings.rows.values() if r["partition"] == partition]
        where = holdings.folder.relative(holdings.folder.manifest("images"))
        form = next((f for f in holdings.record.forms(partition) if list(f.columns) == described["columns"]), None)
        if form and form.md5 and not described["altered"]:
            back = checksum.md5(tables.published(rows, form, holdings.record))
            if back != form.md5:
                detail = f"its rows, written back as {form.name}"
                yield Finding(component, where, Verdict.WRONG, expected=form.md5, got=back, detail=detail)
        counts = holdings.record.partitions[partition]
        inside = [r for r in rows if r["in_record"]]
        classes = Counter(r["dx"] for r in inside)
        for dx in sorted({*classes, *counts.dx}):
            count = classes[dx]
            if count != counts.dx.get(dx, 0):
                yield Finding(component, where, Verdict.WRONG, expected=f"{dx} {counts.dx.get(dx)}", got=f"{dx} {count}")
        lesions = {r["lesion_id"] for r in inside} - {None}
        if counts.lesions and lesions and len(lesions) != counts.lesions:
            yield Finding(component, where, Verdict.WRONG, expected=f"{counts.lesions} lesions", got=f"{len(lesions)} lesions")

    def _archives(self) -> Iterator[Event]:
        """Published zips that are kept, by MD5."""
        for row in self.holdings.files.values():
            where = row["path"] or ""
            if not where.startswith("archives/") or (self.components and not self._whole(row["component"])):
                continue
            path = self.holdings.folder.path / where
            if not path.is_file():
                yield Finding(row["component"], where, Verdict.MISSING, expected=row["md5"])
            elif self.quick:
                if path.stat().st_size != row["bytes"]:
                    yield _sized(row["component"], where, None, row["bytes"], path.stat().st_size)
            else:
                yield Started(row["name"], row["bytes"])
                got = checksum.of_file(path, "md5")[1]
                if got != row["md5"]:
                    yield Finding(row["component"], where, Verdict.WRONG, expected=row["md5"], got=got, detail="MD5 of the zip")
                yield Done(row["name"])

    def _images(self, component: str) -> Iterator[Event]:
        """A component's images or masks: those that must be there, those that are, and strangers."""
        holdings, tally = self.holdings, self.tallies[component]
        here = set(holdings.present(component))
        unindexed = self._unindexed(component) if not self.components or self._whole(component) else set()
        if self._whole(component):
            must = set(holdings.wanted(component, Selection()))
            if not must and tally.published and holdings.record.partitions.get(PARTITION[component]):
                detail = "no table names them, as the table is not there"
                yield Finding(component, f"{FOLDERS[component]}/", Verdict.MISSING, None, f"{tally.published} images", "0", detail)
                tally.asked = tally.published
        elif self.components:
            return
        else:
            must = here.union(*(holdings.wanted(component, wish) for wish in holdings.asked(component)))
        must |= unindexed
        tally.asked = max(tally.asked, len(must))
        there = sorted(i for i in must if holdings.lies_there(i, component))
        yield from self._judged(component, there)
        for image_id in sorted(must.difference(there)):
            label = holdings.label(image_id, component)
            wanted = holdings.record.digests.get(label.rpartition("/")[2])
            yield Finding(component, label, Verdict.MISSING, image_id, wanted.sha256 if wanted else None)
        yield from self._strangers(component, must)

    def _judged(self, component: str, there: Sequence[str]) -> Iterator[Event]:
        """What is there, held against what it must be."""
        holdings, tally, root = self.holdings, self.tallies[component], str(self.holdings.folder.path)
        if not there:
            return
        yield Started(component, len(there), "file")
        tasks = [ToMeasure(f"{root}/{holdings.label(i, component)}", self.quick) for i in there]
        for image_id, measured in zip(there, pool.run(measure, tasks, self.jobs), strict=True):
            tally.checked += 1
            finding = self._compared(image_id, component, measured)
            if finding is None:
                tally.right += 1
                tally.unvouched += component != "masks" and self._unvouched(image_id)
            else:
                yield finding
            yield Advanced(component, 1)
        yield Done(component, f"{tally.right} of {len(there)} right")

    def _compared(self, image_id: str, component: str, measured: Measured) -> Finding | None:
        row = self.holdings.rows.get(image_id, {})
        mask, label = component == "masks", self.holdings.label(image_id, component)
        published = self.holdings.record.digests.get(label.rpartition("/")[2])
        size, sha256 = row.get("mask_bytes" if mask else "bytes"), row.get("mask_sha256" if mask else "sha256")
        # An archive of the right MD5 has the last word on its members; else the published digest has.
        if published and (mask or row.get("vouched") != "archive"):
            size, sha256 = published.bytes, published.sha256
        if measured.error:
            return Finding(component, label, Verdict.UNREADABLE, image_id, sha256, None, measured.error)
        if size is not None and measured.bytes != size:
            return _sized(component, label, image_id, size, measured.bytes)
        if None in (sha256, measured.sha256) or sha256 == measured.sha256:
            return None
        return Finding(component, label, Verdict.WRONG, image_id, sha256, measured.sha256)

    def _unvouched(self, image_id: str) -> bool:
        published = f"{image_id}.jpg" in self.holdings.record.digests
        return not published and self.holdings.rows.get(image_id, {}).get("vouched") in {"none", None}

    def _unindexed(self, component: str) -> set[str]:
        """Images in place that no table names yet: their digests judge them all the same."""
        holdings = self.holdings
        if component not in {"images", "masks"} or holdings.has_table("metadata"):
            return set()
        suffix = holdings.name("", mask=component == "masks")
        names = holdings.on_disk[FOLDERS[component]]
        return {name.removesuffix(suffix) for name in names if name in holdings.record.digests and name.endswith(suffix)}

    def _strangers(self, component: str, must: set[str]) -> Iterator[Finding]:
        """Names in the component's folder that are none of its images or masks."""
        holdings = self.holdings
        where = FOLDERS[component]
        mask = component == "masks"
        known = {holdings.name(i, mask=mask) for i in must.union(holdings.wanted(component, Selection()))}
        for name in sorted(holdings.on_disk[where] - known):
            yield Finding(component, f"{where}/{name}", Verdict.EXTRA, detail="no row names it")


def _sized(component: str, label: str, image_id: str | None, expected: int | None, got: int) -> Finding:
    return Finding(component, label, Verdict.WRONG, image_id, f"{expected} bytes", f"{got} bytes")
