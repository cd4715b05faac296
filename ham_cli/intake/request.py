"""What is asked of a fetch, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ham_cli.cache import Cache
    from ham_cli.http import Waits
    from ham_cli.links import Link
    from ham_cli.record import Record
    from ham_cli.selection import Selection


SOURCES = "dataverse, isic, an http(s):// address or a folder"
"""What may be named as a source."""


@dataclass(frozen=True)
class Request:
    """What a person asked of ``fetch``."""

    cache: Cache
    record: Record
    sources: tuple[Path | str, ...]
    """Folders, ``dataverse``, ``isic`` and addresses of mirrors, the first one first choice."""
    components: tuple[str, ...]
    """Empty: those of which something is found."""
    wish: Selection
    link: Link
    jobs: int
    keep_archives: bool = False
    allow_partial: bool = False
    accept_altered: bool = False
    server: str | None = None
    """Another Dataverse installation than the record's."""
    key: str | None = field(default=None, repr=False)
    """For a Dataverse that asks for one."""
    connections: int = 4
    """In all, to all servers."""
    rate: float | None = None
    """Bytes a second that are fetched at most."""
    waits: Waits | None = None
    repairs: bool = False
    """Whether what is brought was there before: what was asked for in the past stays as it is."""

    def check(self) -> None:
        """Raise `WrongUsageError` for a source that is no folder, or lies in the cache itself."""
        root = self.cache.root.resolve()
        for source in (s for s in self.sources if not isinstance(s, str)):
            if not source.exists():
                raise WrongUsageError("there is no such folder", where=source, expected=SOURCES, fix="check the path given to --source")
            if not source.is_dir():
                fix = f"name the folder it lies in: --source {source.parent}"
                raise WrongUsageError("a source is a folder, and this is a file", where=source, fix=fix)
            if root == source.resolve() or root in source.resolve().parents:
                raise WrongUsageError(
                    "the source lies in the cache itself", where=source, fix="name another folder, or another --cache-dir"
                )


@dataclass(frozen=True)
class Trouble:
    """What a server did not give."""

    source: str
    name: str
    """The file; empty where the whole server is meant."""
    what: str
    got: str | None = None
    fix: str | None = None

    def __str__(self) -> str:
        """A sentence for a person."""
        subject = f"{self.name}: not from {self.source}" if self.name else self.source
        return f"{subject}: {self.what}{f' ({self.got})' if self.got else ''}"


@dataclass
class Outcome:
    """What came of a fetch."""

    components: list[str] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    """Component to how many images or masks arrived in this run."""
    unvouched: Counter[str] = field(default_factory=Counter)
    """Of them, those that no published digest and no archive vouches for."""
    missing: dict[str, list[str]] = field(default_factory=dict)
    """Component to what was asked for and is not there."""
    tables: dict[str, bool] = field(default_factory=dict)
    """Component to whether the table it brings is in the cache."""
    have: dict[str, int] = field(default_factory=dict)
    """Component to how many images or masks are in the cache now."""
    unknown: dict[str, list[str]] = field(default_factory=dict)
    """Component to columns that its table in the cache does not have, and the published one has."""
    indexed: bool = False
    """Whether the training images have their table, and so their rows."""
    written: list[str] = field(default_factory=list)
    """Manifests that changed."""
    troubles: list[Trouble] = field(default_factory=list)
    """What servers did not give, whether or not another one did."""
    ignored: list[str] = field(default_factory=list)
    """Files of the sources that are none of the record's."""
