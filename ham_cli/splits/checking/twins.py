"""Which images are the same bytes: by the digests that are published, or of the files themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ham_cli import checksum, pool
from ham_cli.findings import Advanced, Done, Started

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from ham_cli.findings import Event
    from ham_cli.splits.checking.foreign import Entry, Foreign

_MANY = 500
"""Files from which on hashing them takes a while."""


@dataclass
class Twins:
    """The digests that tell images of the same bytes; `run` it first."""

    dataset: Dataset
    foreign: Foreign
    jobs: int
    digests: dict[Path, str] = field(default_factory=dict)
    """Of files: of those that share their size with one on another side, or whose names tell no image."""
    closed: list[Path] = field(default_factory=list)
    """Files that could not be read."""

    def run(self) -> Iterator[Event]:
        """Hash the files that need it, each of them once, also where several names lead to it."""
        wanted = self._wanted()
        if len(wanted) >= _MANY:
            yield Started("comparing", len(wanted), "file")
        for paths, digest in zip(wanted.values(), pool.run(_hashed, [paths[0] for paths in wanted.values()], self.jobs), strict=True):
            if digest is None:
                self.closed += paths
            else:
                self.digests.update(dict.fromkeys(paths, digest))
            if len(wanted) >= _MANY:
                yield Advanced("comparing", 1)
        if len(wanted) >= _MANY:
            yield Done("comparing")

    def entries(self) -> tuple[Entry, ...]:
        """The entries, those of other names that are published images byte for byte with these images' ids."""
        if not self.digests:
            return self.foreign.entries
        published = {digest: image_id for image_id, (_, digest) in sorted(self._published.items(), reverse=True)}
        return tuple(
            entry._replace(image_id=published.get(self.digests.get(entry.file.path, "")))
            if entry.file and (entry.image_id is None)
            else entry
            for entry in self.foreign.entries
        )

    def by_key(self, entries: tuple[Entry, ...]) -> dict[str, set[str]]:
        """Digests of each image: in tables the published one, of files those that they have."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for entry in entries:
            digest = self.digests.get(entry.file.path) if entry.file else self._published.get(entry.key, (0, None))[1]
            if digest:
                found[entry.key].add(digest)
        return found

    @cached_property
    def _published(self) -> Mapping[str, tuple[int, str]]:
        """Image id to size and digest: as published, or else as the cache holds it."""
        suffix = ".jpg"
        own = {row["image_id"]: (row["bytes"], row["sha256"]) for row in self.dataset.rows if row["sha256"]}
        listed = {n.removesuffix(suffix): (d.bytes, d.sha256) for n, d in self.dataset.record.digests.items() if n.endswith(suffix)}
        return own | listed

    def _wanted(self) -> dict[object, list[Path]]:
        """The files to hash, by device and inode, where the system has such."""
        sizes = {size for size, _ in self._published.values()} if any(e.file for e in self.foreign.entries) else set()
        sides: defaultdict[int, set[str]] = defaultdict(set)
        for entry in self.foreign.entries:
            if entry.file:
                sides[entry.file.bytes].add(entry.side)
        wanted: defaultdict[object, list[Path]] = defaultdict(list)
        for entry in self.foreign.entries:
            file = entry.file
            if file and file.bytes and (len(sides[file.bytes]) > 1 or (entry.image_id is None and file.bytes in sizes)):
                wanted[(file.device, file.inode) if file.inode else file.path].append(file.path)
        return wanted


def _hashed(path: Path) -> str | None:
    try:
        return checksum.of_file(path, "sha256")[1]
    except OSError:
        return None
