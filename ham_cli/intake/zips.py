"""One zip into the cache: its images in parallel, its own MD5 beside them, and who vouches for what."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from ham_cli import archives, atomic, checksum, pool
from ham_cli.cache import require_room
from ham_cli.findings import Advanced, Done, Finding, Note, Started, Verdict, counted
from ham_cli.intake.take import Taken, settle, take
from ham_cli.offers import Zip
from ham_cli.offers.recognise import archive_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ham_cli.archives import Member
    from ham_cli.findings import Event
    from ham_cli.holdings import Holdings, Row
    from ham_cli.intake.take import Task
    from ham_cli.offers import Offers, Origin
    from ham_cli.record import PublishedFile


def unpack(archive: Zip, tasks: Sequence[Task], origin: Origin, jobs: int, *, whole: bool) -> Iterator[Event | Taken | str]:
    """Take the tasks' members out of a zip; yields what each became, and last the zip's MD5 where it was asked.

    The MD5 decides what a member of a wrong digest is: right, where the zip is the published one (then our list
    of digests is mistaken, and it is said), wrong otherwise. Where not the ``whole`` zip is wanted, and all its members
    have published digests that agree, the zip is not read for its MD5.
    """
    # What has just been downloaded has had a bar of its name before.
    name, known_md5 = archive.label if origin.source == "folder" else f"unpacking {archive.label}", origin.md5
    yield Started(name, sum(t.member.bytes for t in tasks if t.member))
    published = archive.published if archive.whole and archive.published and archive.published.md5 else None
    asked = known_md5 is None and (whole or any(t.expected is None for t in tasks))
    beside = pool.Beside(partial(checksum.of_file, archive.file, "md5")) if published and asked else None
    held: list[Taken] = []
    try:
        for taken in pool.run(take, tasks, jobs):
            if taken.held:
                held.append(taken)
            else:
                yield taken
            yield Advanced(name, taken.bytes)
        md5 = beside.result()[1] if beside else known_md5
        if published and held and md5 is None:
            md5 = checksum.of_file(archive.file, "md5")[1]
        right = published is not None and md5 == published.md5
        decided = [settle(taken, right=right) for taken in held]
        held = []
    finally:
        if beside:
            beside.stop()
        for taken in held:
            settle(taken, right=False)
    if published and md5 and not right:
        yield Finding(published.component, archive.label, Verdict.WRONG, expected=published.md5, got=md5, detail="MD5 of the zip")
    if right and decided:
        yield Note(f"{len(decided)} members of {archive.label} differ from ham's list of digests, and the zip is right", "warning")
    yield from decided
    yield Done(name, counted(len(tasks), "file"))
    if md5:
        yield md5


def arrived(archive: Zip, md5: str, state: Holdings, keep: Path | None, *, unpacked: bool) -> Row:
    """The row of ``files.parquet`` for a published zip that is right; ``keep`` is where it lies now, if it does."""
    if archive.published is None:
        raise ValueError(archive.label)
    row = state.blank_file(archive.published.component, archive.published.name)
    row.update(bytes=archive.file.stat().st_size, md5=md5)
    row.update(state="have" if keep else "dropped" if unpacked else "missing", path=state.folder.relative(keep) if keep else None)
    return row


def spill(offers: Offers, state: Holdings, settled: Sequence[str], components: Sequence[str]) -> Iterator[Event | tuple[Zip, str]]:
    """Write the zips that lie inside zips to ``archives/``, hashed on the way; yields each with its MD5.

    Published ones are passed over where they are settled, or none of the ``components`` (empty: all) that are asked for.
    """
    for number, place in enumerate(offers.nested):
        member = place.member
        published = archive_of(member.base, state.record) if member else None
        if member is None or (published and _not_needed(published, member, settled, components)):
            offers.settled += [published.name] if published and published.name in settled else []
            continue
        require_room(state.folder.archives, member.bytes)
        target = state.folder.archives / (published.name if published else f"inner-{number}.zip")
        yield Started(place.label, member.bytes)
        digest = hashlib.md5(usedforsecurity=False)
        try:
            with atomic.replacing(target) as file:
                for chunk in archives.chunks(place.file, member):
                    digest.update(chunk)
                    file.write(chunk)
                    yield Advanced(place.label, len(chunk))
        except archives.BadArchiveError as error:
            yield Finding(published.component if published else "source", place.label, Verdict.UNREADABLE, detail=str(error))
            continue
        yield Done(place.label, "unpacked from its zip")
        yield Zip(target, place.label, published), digest.hexdigest()


def _not_needed(published: PublishedFile, member: Member, settled: Sequence[str], components: Sequence[str]) -> bool:
    done = published.name in settled and published.bytes in {None, member.bytes}
    return done or (bool(components) and published.component not in components)
