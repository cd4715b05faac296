"""What a folder offers: images, masks, tables and zips at any depth, recognised by name."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli import archives, tables
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict, counted
from ham_cli.offers import recognise

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from ham_cli.archives import Member
    from ham_cli.findings import Event
    from ham_cli.record import PublishedFile, Record

MANY = 2000
"""Files of a folder that are looked at without a word: fewer take a fraction of a second."""

_HEAD = 4096
"""Bytes of a file's start that must hold a table's first line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where offered bytes lie: a file, or a member of a zip."""

    file: Path
    shown: str
    """The file's path as a person sees it: from the source, with ``/``."""
    member: Member | None = None

    @property
    def label(self) -> str:
        """The path as a person sees it, into the zip where it is in one."""
        return f"{self.shown}/{self.member.name}" if self.member else self.shown

    def head(self, count: int) -> bytes:
        """Its first bytes, or all where it has fewer."""
        if self.member is None:
            with self.file.open("rb") as file:
                return file.read(count)
        found = b""
        for chunk in archives.chunks(self.file, self.member):
            found += chunk
            if len(found) >= count:
                break
        return found[:count]


@dataclass(frozen=True)
class Zip:
    """A zip that can be opened."""

    file: Path
    label: str
    published: PublishedFile | None
    """The published archive whose name it has."""

    @property
    def whole(self) -> bool:
        """Whether its size allows it to be the published file; its MD5 decides."""
        return self.published is not None and self.published.bytes in {None, self.file.stat().st_size}


@dataclass(frozen=True)
class Origin:
    """Where an offered file is from."""

    source: str
    """``folder``, ``dataverse``, ``isic`` or ``mirror``."""
    url: str | None = None
    """Its address, without query."""
    md5: str | None = None
    """Of what was written here just now, and so was hashed on the way."""
    listed: PublishedFile | None = None
    """What only the server's listing says of it, and the record does not."""


_FOLDER = Origin("folder")


@dataclass
class Offers:
    """Everything recognised in one or more folders."""

    images: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    """Image id to the places that have it, the first one first choice."""
    masks: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    tables: list[Place] = field(default_factory=list)
    zips: dict[Path, Zip] = field(default_factory=dict)
    nested: list[Place] = field(default_factory=list)
    """Zips inside zips, not yet opened."""
    settled: list[str] = field(default_factory=list)
    """Names of published archives that were passed over: all of theirs is in the cache."""
    ignored: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    origins: dict[Path, Origin] = field(default_factory=dict)
    """Where files are from that are from elsewhere than a person's folder."""

    def origin(self, file: Path) -> Origin:
        """Where an offered file is from."""
        return self.origins.get(file, _FOLDER)

    def of(self, component: str) -> dict[str, list[Place]]:
        """The places of a component's images or masks, by image id."""
        return self.masks if component == "masks" else self.images


def looked(folders: Iterable[Path], record: Record, offers: Offers, *, beyond: Container[Path], settled: Container[str]) -> Iterator[Event]:
    """Add what folders offer to ``offers``, as `look` does; yields progress where there are many files."""
    seen = 0
    for folder in folders:
        for _ in look(folder, record, offers, beyond=beyond, settled=settled):
            seen += 1
            if seen == MANY:
                yield Started("looking", 0, "file")
            if seen % MANY == 0:
                yield Advanced("looking", MANY)
    if seen >= MANY:
        yield Done("looking", counted(seen, "file"))


def look(source: Path, record: Record, offers: Offers, *, beyond: Container[Path], settled: Container[str]) -> Iterator[Path]:
    """Add what a folder offers to ``offers``; yields each file that was looked at.

    ``beyond`` are folders not to enter (the cache itself), ``settled`` published archives not worth opening.
    """
    for file in _files(source, beyond, offers.findings):
        label = file.relative_to(source).as_posix()
        try:
            if recognise.is_archive(file.name):
                look_into(Zip(file, label, recognise.archive_of(file.name, record)), record, offers, settled=settled)
            else:
                _sort(Place(file, label), file.name, record, offers)
        except OSError as error:
            offers.findings.append(Finding("source", label, Verdict.UNREADABLE, got=error.strerror))
        yield file


def look_into(archive: Zip, record: Record, offers: Offers, *, settled: Container[str] = (), deeper: bool = True) -> None:
    """Add what a zip offers; a zip inside it is put off (``deeper``) or passed over."""
    published = archive.published
    if published and published.name in settled and archive.whole:
        offers.settled.append(published.name)
        return
    try:
        found = archives.members(archive.file)
    except archives.BadArchiveError as error:
        offers.findings.append(_bad_zip(archive, error))
        return
    offers.zips[archive.file] = archive
    for member in found:
        place = Place(archive.file, archive.label, member)
        try:
            if not recognise.is_archive(member.base):
                _sort(place, member.base, record, offers)
            elif deeper and place.head(4) == archives.SIGNATURE:
                archives.require_honest(member)
                offers.nested.append(place)
            else:
                offers.ignored.append(place.label)
        except archives.BadArchiveError as error:
            offers.findings.append(Finding("source", place.label, Verdict.UNREADABLE, detail=str(error)))


def _sort(place: Place, base: str, record: Record, offers: Offers) -> None:
    if image_id := recognise.image_of(base, record):
        offers.images[image_id].append(place)
    elif image_id := recognise.mask_of(base, record):
        offers.masks[image_id].append(place)
    elif recognise.may_be_table(base) and (recognise.table_of(base, record) or tables.kind_of(place.head(_HEAD), record)):
        # Under a published table's name whatever it is: that it cannot be read as one is then said.
        offers.tables.append(place)
    else:
        offers.ignored.append(place.label)


def _files(source: Path, beyond: Container[Path], findings: list[Finding]) -> Iterator[Path]:
    """Every file below a folder, sorted, without clutter; links are followed, circles are not.

    Pipes, sockets and devices are passed over; a folder that cannot be read is a finding.
    """
    seen: set[tuple[int, int]] = set()
    todo = [source]
    while todo:
        here = todo.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen or here.resolve() in beyond:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as found:
                entries = sorted((e for e in found if not e.name.startswith(".") and not archives.is_clutter(e.name)), key=lambda e: e.name)
        except OSError as error:
            findings.append(Finding("source", here.relative_to(source).as_posix(), Verdict.UNREADABLE, detail=error.strerror))
            continue
        for entry in entries:
            if not _is(entry, "is_dir") and (_is(entry, "is_file") or entry.is_symlink()):
                yield Path(entry.path)
        todo += [Path(e.path) for e in reversed(entries) if _is(e, "is_dir")]


def _is(entry: os.DirEntry[str], kind: str) -> bool:
    try:
        return bool(getattr(entry, kind)())
    except OSError:  # a circle of links, or no right to look
        return False


def _bad_zip(archive: Zip, error: Exception) -> Finding:
    published = archive.published
    expected = f"{published.bytes} bytes" if published and published.bytes else None
    got = f"{archive.file.stat().st_size} bytes"
    component = published.component if published else "source"
    return Finding(component, archive.label, Verdict.UNREADABLE, expected=expected, got=got, detail=str(error))
