"""The zips of a folder: those that are the published ones to the byte vouch for all they hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli import archives
from ham_cli.findings import Advanced, Done, Finding, Note, Started, Verdict
from ham_cli.integrity import archived
from ham_cli.offers import recognise

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from pathlib import Path

    from ham_cli.archives import Member
    from ham_cli.findings import Event
    from ham_cli.offers import Offers, Place, Zip
    from ham_cli.record import PublishedFile, Record


@dataclass
class Boxes:
    """The zips that a folder offers."""

    record: Record
    offers: Offers
    components: Container[str]
    """Those of whose zips anything is asked."""
    quick: bool
    right: set[Path] = field(default_factory=set)
    """Those of a published MD5."""
    vouched: dict[str, set[str]] = field(default_factory=dict)
    """Component to the images or masks that they hold."""

    def run(self) -> Iterator[Event]:
        """Hold each zip of a published name against its MD5; where it is another one, its members are looked at one by one."""
        zips = [z for z in self.offers.zips.values() if z.published and z.published.kind == "archive" and z.published.md5]
        zips = [z for z in zips if z.published and z.published.component in self.components]
        yield from self._whole([z for z in zips if z.whole])
        for zipped in zips:
            if zipped.file in self.right:
                self._vouch(zipped.published, archives.members(zipped.file))
            else:
                yield Note(f"{zipped.label} is not the published file of this name: what it holds is looked at one by one", "said")
        for place in self.offers.nested:
            yield from self._inner(place)

    def _whole(self, zips: Sequence[Zip]) -> Iterator[Event]:
        if self.quick or not zips:
            self.right |= {z.file for z in zips}
            return
        yield Started("zips", sum(z.file.stat().st_size for z in zips))
        for zipped in zips:
            _, md5 = yield from archived.followed("zips", zipped.file)
            if zipped.published and md5 == zipped.published.md5:
                self.right.add(zipped.file)
        yield Done("zips", f"{len(self.right)} of {len(zips)} right")

    def _vouch(self, published: PublishedFile | None, members: Sequence[Member]) -> None:
        if published is None:
            return
        name_of = recognise.mask_of if published.component == "masks" else recognise.image_of
        named = {name_of(member.base, self.record) for member in members} - {None}
        self.vouched.setdefault(published.component, set()).update(str(name) for name in named if name not in self.record.not_in_record)

    def _inner(self, place: Place) -> Iterator[Event]:
        """A zip in a zip: by its MD5 alone."""
        published = recognise.archive_of(place.label.rpartition("/")[2], self.record)
        if published is None or published.md5 is None or place.member is None:
            self.offers.ignored.append(place.label)
            return
        if published.component not in self.components:
            return
        try:
            if self.quick:
                right = place.member.bytes == published.bytes
            else:
                yield Started(place.label, place.member.bytes)
                digest = hashlib.md5(usedforsecurity=False)
                for chunk in archives.chunks(place.file, place.member):
                    digest.update(chunk)
                    yield Advanced(place.label, len(chunk))
                yield Done(place.label)
                right = digest.hexdigest() == published.md5
            if right:
                with archives.inside(place.file, place.member) as content:
                    self._vouch(published, archives.members(content))
                return
        except archives.BadArchiveError as error:
            yield Finding(published.component, place.label, Verdict.UNREADABLE, detail=str(error))
            return
        detail = "not the published file of this name: unpack it to see which images are right"
        got = None if self.quick else digest.hexdigest()
        yield Finding(published.component, place.label, Verdict.WRONG, None, published.md5, got, detail)
