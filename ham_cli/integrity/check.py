"""The cache held against the record: every image, mask, table and archive, and what is missing or too much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli import pool
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict
from ham_cli.integrity import archived, manifested, tabled
from ham_cli.integrity.counts import Tally
from ham_cli.integrity.looking import Looked, ToLook, look, oddness
from ham_cli.record import COMPONENTS, FOLDERS, PARTITION, TABLED, file_name
from ham_cli.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ham_cli.archives import Member
    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.pool import Workers


@dataclass
class Check:
    """One verification of a record's folder: nothing is changed, nothing is locked."""

    holdings: Holdings
    components: Sequence[str]
    """Those to judge whole; empty for what was fetched or asked for."""
    quick: bool
    jobs: int | Workers
    deep: bool = False
    """Whether pixels are looked at, what kept zips hold, and the digests that manifests and splits carry."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    _members: dict[str, dict[str, Member]] = field(default_factory=dict)
    """Kept zips to what each holds, where they are right."""

    def run(self) -> Iterator[Event]:
        """Yield findings and progress, and fill ``tallies``."""
        for component in COMPONENTS:
            self.tallies[component] = Tally(published=self._published(component))
        for component in COMPONENTS:
            if component in TABLED or component == "ratings":
                yield from self._table(component)
        yield from self._archives()
        if self.deep and not self.components:
            yield from manifested.manifests(self.holdings.folder, self.holdings.record)
            yield from manifested.splits(self.holdings.folder)
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
        faults = [fault for row in kept for fault in tabled.kept(holdings, row)]
        yield from faults
        tally.table = bool(kept) and not faults
        if component not in PARTITION and kept:
            tally.checked, tally.right = 1, int(not faults)
            tally.unvouched = int(kept[0]["expected_md5"] is None)
        if not holdings.has_table(component) and tally.table and component in TABLED:
            where = holdings.folder.relative(holdings.folder.manifest("images"))
            yield Finding(
                component, where, Verdict.MISSING, detail="the table is here, and its rows are not: the same ham fetch writes them"
            )
        elif not holdings.has_table(component):
            yield Finding(component, f"tables/{holdings.table_name(component)}", Verdict.MISSING, detail="the table is not in the cache")
        elif component in TABLED:
            yield from tabled.rows(holdings, component)

    def _archives(self) -> Iterator[Event]:
        """Published zips that are kept."""
        for row in self.holdings.files.values():
            where = row["path"] or ""
            if not where.startswith("archives/") or (self.components and not self._whole(row["component"])):
                continue
            path, right = self.holdings.folder.path / where, True
            for event in archived.judged(row, path, quick=self.quick):
                right = right and not isinstance(event, Finding)
                yield event
            if self.deep and right:
                self._members[row["name"]] = archived.members(path)

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
        mask = component == "masks"
        tasks = (ToLook(f"{root}/{holdings.label(i, component)}", None, self.quick, self.deep, mask) for i in there)
        for image_id, looked in zip(there, pool.run(look, tasks, self.jobs), strict=True):
            tally.checked += 1
            finding = self._compared(image_id, component, looked) or (self._seen(image_id, component, looked) if self.deep else None)
            if finding is None:
                tally.right += 1
                tally.unvouched += component != "masks" and self._unvouched(image_id)
            else:
                yield finding
            yield Advanced(component, 1)
        yield Done(component, f"{tally.right} of {len(there)} right")

    def _compared(self, image_id: str, component: str, looked: Looked) -> Finding | None:
        row = self.holdings.rows.get(image_id, {})
        mask, label = component == "masks", self.holdings.label(image_id, component)
        published = self.holdings.record.digests.get(label.rpartition("/")[2])
        size, sha256 = row.get("mask_bytes" if mask else "bytes"), row.get("mask_sha256" if mask else "sha256")
        # An archive of the right MD5 has the last word on its members; else the published digest has.
        if published and (mask or row.get("vouched") != "archive"):
            size, sha256 = published.bytes, published.sha256
        if looked.error:
            return Finding(component, label, Verdict.UNREADABLE, image_id, sha256, None, looked.error)
        if size is not None and looked.bytes != size:
            return _sized(component, label, image_id, size, looked.bytes)
        if published is None and row.get("vouched") != "archive" and (name := self._another(looked)):
            return Finding(component, label, Verdict.WRONG, image_id, None, looked.sha256, f"it is {name}")
        if None in (sha256, looked.sha256) or sha256 == looked.sha256:
            return None
        return Finding(component, label, Verdict.WRONG, image_id, sha256, looked.sha256)

    def _another(self, looked: Looked) -> str | None:
        """The published image or mask that these bytes are, where they stand for one that nobody has published a digest of."""
        return self.holdings.record.by_digest.get(looked.sha256) if looked.sha256 else None

    def _seen(self, image_id: str, component: str, looked: Looked) -> Finding | None:
        """What a right digest does not tell, where nobody published it: pixels, and the zip that it came from."""
        row, label = self.holdings.rows.get(image_id, {}), self.holdings.label(image_id, component)
        if odd := oddness(looked, self.holdings.record.image_size):
            return Finding(component, label, Verdict.WRONG, image_id, **odd)
        archive = row.get("archive") if component != "masks" else None
        member = self._members.get(archive or "", {}).get(file_name(image_id, component))
        if member and (member.bytes, member.crc) != (looked.bytes, looked.crc):
            got = f"{looked.bytes} bytes, CRC {looked.crc:08x}"
            expected = f"{member.bytes} bytes, CRC {member.crc:08x}"
            return Finding(component, label, Verdict.WRONG, image_id, expected, got, f"what {archive} holds of it")
        return None

    def _unvouched(self, image_id: str) -> bool:
        published = f"{image_id}.jpg" in self.holdings.record.digests
        return not published and self.holdings.rows.get(image_id, {}).get("vouched") in {"none", None}

    def _unindexed(self, component: str) -> set[str]:
        """Images in place that no table names yet: their digests judge them all the same."""
        holdings = self.holdings
        if component not in {"images", "masks"} or holdings.has_table("metadata"):
            return set()
        suffix = file_name("", component)
        names = holdings.names(component)
        return {name.removesuffix(suffix) for name in names if name in holdings.record.digests and name.endswith(suffix)}

    def _strangers(self, component: str, must: set[str]) -> Iterator[Finding]:
        """Names in the component's folder that are none of its images or masks."""
        holdings = self.holdings
        where = FOLDERS[component]
        known = must.union(holdings.wanted(component, Selection()))
        suffix = file_name("", component)
        odd = (name for name in holdings.names(component) if not name.endswith(suffix) or name.removesuffix(suffix) not in known)
        for name in sorted(odd):
            yield Finding(component, f"{where}/{name}", Verdict.EXTRA, detail="no row names it")


def _sized(component: str, label: str, image_id: str | None, expected: int | None, got: int) -> Finding:
    return Finding(component, label, Verdict.WRONG, image_id, f"{expected} bytes", f"{got} bytes")
