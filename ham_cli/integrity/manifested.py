"""The manifests and splits of a cache, held against the digests that they carry themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli import cache, manifest
from ham_cli.dataset.split import read_split
from ham_cli.errors import HamError
from ham_cli.findings import Finding, Verdict
from ham_cli.manifest import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ham_cli.cache import Folder
    from ham_cli.record import Record

_NAMED = {
    "images": schemas.IMAGES,
    "files": schemas.FILES,
    "stats/pixels": schemas.PIXELS,
    "stats/masks": schemas.MASKS,
}
"""The manifests that are read again; what a verification found is written anew by the next one."""


def manifests(folder: Folder, record: Record) -> Iterator[Finding]:
    """Manifests that cannot be read, or whose rows are not those that their digest is of."""
    for name, schema in (_NAMED | {"ratings": schemas.ratings(record.classes)}).items():
        path = folder.manifest(name)
        try:
            found = manifest.read(path, schema, missing_ok=True)
        except HamError as error:
            yield Finding("manifest", folder.relative(path), Verdict.UNREADABLE, got=error.got, detail=error.what)
            continue
        if found is not None and (got := found.digest) != (expected := found.labels.get("digest")):
            yield Finding("manifest", folder.relative(path), Verdict.WRONG, None, expected, got, "digest of its rows")


def splits(folder: Folder) -> Iterator[Finding]:
    """Splits of the cache that cannot be read, or whose parts are not those that their digest is of."""
    for name in sorted(cache.listing(folder.splits)):
        path = folder.splits / name
        if path.suffix == ".parquet":
            yield from _split(path, folder.relative(path))


def _split(path: Path, where: str) -> Iterator[Finding]:
    try:
        found = read_split(path)
    except HamError as error:
        yield Finding("split", where, Verdict.UNREADABLE, got=error.got, detail=error.what)
        return
    expected = found.labels.get("split_digest")
    if expected is not None and found.digest != expected:
        yield Finding("split", where, Verdict.WRONG, None, expected, found.digest, "digest of its parts")
