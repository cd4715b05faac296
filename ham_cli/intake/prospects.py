"""What a fetch would do, file by file: for a dry run, for the room it needs, and for how much is still to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli.download import resumable
from ham_cli.findings import counted
from ham_cli.intake import wanting
from ham_cli.record import file_name
from ham_cli.sources import Shelf

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings
    from ham_cli.intake.catalogue import Catalogue
    from ham_cli.intake.wanting import Want
    from ham_cli.record import PublishedFile
    from ham_cli.selection import Selection
    from ham_cli.sources import Source


@dataclass(frozen=True)
class Prospect:
    """One thing that would happen."""

    component: str
    name: str
    what: str
    """``have``, ``unpack``, ``resume``, ``download``, ``parts`` (some members of an archive), or ``nowhere``."""
    source: str | None = None
    bytes: int | None = 0
    """Of the whole; ``None`` where nobody knows before it is asked for."""
    already: int = 0
    """Of them, those that are there."""
    is_archive: bool = False
    is_table: bool = False

    @property
    def coming(self) -> int:
        """Bytes that would be transferred."""
        return max(0, (self.bytes or 0) - self.already)


def of(wants: Sequence[Want], catalogue: Catalogue, state: Holdings, wish: Selection) -> Generator[Event, None, list[Prospect]]:
    """What would happen for each thing that is wanted, were all well with the first source that has it."""
    found: list[Prospect] = []
    for want in wants:
        coming: list[Prospect] = []
        number = 0
        while not coming and number < len(catalogue):
            source = yield from catalogue.source(number)
            number += 1
            if source is not None:
                coming = list(_from(source, want, catalogue, state, wish))
        # Of images that no table names yet, nobody knows that any is missing.
        if coming or want.is_table or wanting.absent(want.component, state, wish):
            found += coming or [nowhere(want, state, wish)]
    return found


def nowhere(want: Want, state: Holdings, wish: Selection) -> Prospect:
    """What no source has."""
    name = state.table_name(want.component) if want.is_table else counted(len(wanting.absent(want.component, state, wish)), "file")
    return Prospect(want.component, name, "nowhere", bytes=None, is_table=want.is_table)


def room(coming: Sequence[Prospect], *, keep: bool) -> int:
    """Bytes that must be free: every archive is unpacked while the next one arrives, and then dropped."""
    most = held = 0
    archives = [p for p in coming if p.is_archive]
    for number, here in enumerate(archives):
        beside = archives[number + 1].coming if number + 1 < len(archives) else 0
        most = max(most, held + here.coming + (here.bytes or 0) + beside)
        held += (here.bytes or 0) + (here.coming if keep else 0)
    # Those that have arrived in part, or are dropped, give their room back.
    return most + sum(p.coming for p in coming if not p.is_archive)


def _from(source: Source, want: Want, catalogue: Catalogue, state: Holdings, wish: Selection) -> Iterator[Prospect]:
    if isinstance(source, Shelf):
        if want.is_table:
            yield Prospect(want.component, state.table_name(want.component), "download", source.kind, None, is_table=True)
        else:
            ids = wanting.absent(want.component, state, wish)
            yield Prospect(want.component, f"{len(ids)} files", "download", source.kind, _bytes_of(ids, want, state))
        return
    parts: list[PublishedFile] = []
    for file in wanting.useful(want, catalogue.files(source, want.component), state):
        target = state.folder.archives / file.name
        already = resumable(target)
        is_archive = file.kind == "archive"
        if is_archive and target.is_file():
            yield Prospect(want.component, file.name, "unpack", None, target.stat().st_size, target.stat().st_size, is_archive)
        elif is_archive and wanting.in_parts(want, file, state, wish):
            parts.append(file)
        else:
            what = "resume" if already else "download"
            yield Prospect(want.component, file.name, what, source.kind, file.bytes, already, is_archive, want.is_table)
    if parts:
        size = _bytes_of(wanting.absent(want.component, state, wish), want, state) if wanting.can_choose(want, state, wish) else None
        yield Prospect(want.component, " + ".join(f.name for f in parts), "parts", source.kind, size, is_archive=True)


def _bytes_of(ids: Sequence[str], want: Want, state: Holdings) -> int | None:
    """What images or masks have in all; ``None`` where the digests of some are not published."""
    digests = state.record.digests
    names = [file_name(image_id, want.component) for image_id in ids]
    return sum(digests[name].bytes for name in names) if all(name in digests for name in names) else None
