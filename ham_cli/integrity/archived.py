"""The published zips that a cache keeps: their MD5, and what they hold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ham_cli import archives, checksum, pool
from ham_cli.findings import Advanced, Done, Finding, Started, Verdict

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from ham_cli.archives import Member
    from ham_cli.findings import Event
    from ham_cli.holdings import Row


def judged(row: Row, path: Path, *, quick: bool) -> Iterator[Event]:
    """What is wrong with a kept zip: gone, of another size, or of another MD5."""
    where = row["path"]
    if not path.is_file():
        yield Finding(row["component"], where, Verdict.MISSING, expected=row["md5"])
    elif (size := path.stat().st_size) != row["bytes"]:
        yield Finding(row["component"], where, Verdict.WRONG, expected=f"{row['bytes']} bytes", got=f"{size} bytes")
    elif not quick:
        yield Started(row["name"], row["bytes"])
        _, got = yield from followed(row["name"], path)
        if got != row["md5"]:
            yield Finding(row["component"], where, Verdict.WRONG, expected=row["md5"], got=got, detail="MD5 of the zip")
        yield Done(row["name"])


def members(path: Path) -> dict[str, Member]:
    """What a zip holds, by the names without their folders; nothing for one that cannot be read."""
    try:
        return {member.base: member for member in archives.members(path)}
    except (archives.BadArchiveError, OSError):
        return {}


def followed(name: str, path: Path) -> Generator[Event, None, tuple[int, str]]:
    """Hash a zip, and say under a name how far that is; its bytes and MD5."""
    steps = pool.followed(partial(checksum.of_file, path, "md5"))
    try:
        while True:
            yield Advanced(name, next(steps))
    except StopIteration as ended:
        found: tuple[int, str] = ended.value
        return found
