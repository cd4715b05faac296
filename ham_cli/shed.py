"""What a cache can be rid of, and being rid of it."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli import cache as caches
from ham_cli import holdings
from ham_cli.holdings import IMAGE_COLUMNS, MASK_COLUMNS
from ham_cli.record import COMPONENTS, FOLDERS, PARTITION, TABLED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ham_cli.cache import Cache
    from ham_cli.holdings import Holdings
    from ham_cli.record import Record


@dataclass(frozen=True)
class Content:
    """What a cache holds of one component, or beside them."""

    record: str
    component: str
    files: int
    bytes: int
    where: str
    """Its folders, in the cache."""


@dataclass(frozen=True)
class Removal:
    """Files and folders to remove, and the bytes they take."""

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    bytes: int = 0


def contents(cache: Cache, record: Record | None) -> list[Content]:
    """The components of the record in force, and other records that lie in the cache."""
    found = []
    for record_id in cache.records():
        folder = cache.folder(record_id)
        if record is None or record_id != record.id:
            files = _files([folder.path])
            found.append(Content(record_id, "(not in force)", len(files), _bytes(files), record_id))
            continue
        held = holdings.load(record, folder)
        for component in COMPONENTS:
            files = component_files(component, held)
            if files:
                where = sorted({str(f.parent.relative_to(cache.root)) for f in files})
                found.append(Content(record_id, component, len(files), _bytes(files), ", ".join(where)))
        for name in ("archives", "splits", "manifests"):
            files = _files([folder.path / name])
            if files:
                found.append(Content(record_id, f"({name})", len(files), _bytes(files), f"{record_id}/{name}"))
    return found


def prunable(cache: Cache, record: Record) -> Removal:
    """Half-written files, kept zips, and older versions of the record in force."""
    folder = cache.folder(record.id)
    files = [*caches.leftovers(cache, folder), *_files([folder.archives])]
    older = [cache.folder(i).path for i in cache.records() if _is_older(i, record)]
    return Removal(tuple(files), tuple(older), _bytes([*files, *_files(older)]))


def prune(cache: Cache, record: Record, removal: Removal) -> None:
    """Remove what `prunable` found; the writer's lock is held."""
    held = holdings.load(record, cache.folder(record.id), damaged_ok=True)
    for published in (*record.files, *record.bucket_files):
        row = held.files.get((published.component, published.name), {})
        if (row.get("path") or "").startswith("archives/"):
            held.put_file(row | {"path": None, "state": "dropped" if held.unpacked(published) else "missing"})
    held.save()
    delete(removal)


def everything(cache: Cache, record_id: str) -> Removal:
    """A record's whole folder; needs nothing in it to be whole."""
    folder = cache.folder(record_id).path
    # Folders that a person moved to another disk, and linked here, are emptied where they are.
    linked = [folder / where for where in FOLDERS.values() if (folder / where).is_symlink()]
    return Removal(tuple(_files(linked)), (folder,), _bytes(_files([folder, *linked])))


def removable(cache: Cache, record: Record, components: Sequence[str]) -> Removal:
    """The files of components."""
    held = holdings.load(record, cache.folder(record.id), damaged_ok=True)
    files = [f for c in components for f in component_files(c, held)]
    return Removal(tuple(files), (), _bytes(files))


def remove(cache: Cache, record: Record, components: Sequence[str], removal: Removal) -> None:
    """Remove what `removable` found, first from the manifests, then from the disk; the writer's lock is held."""
    held = holdings.load(record, cache.folder(record.id), damaged_ok=True)
    for component in components:
        _forget(component, held)
    try:
        held.save()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # On a full disk the room for the manifest must come from what is removed.
        delete(removal)
        held.save()
    delete(removal)


def component_files(component: str, held: Holdings) -> list[Path]:
    """Every file of a component: images or masks, its tables, its kept zips."""
    folder = held.folder
    kept = [folder.path / r["path"] for r in held.files.values() if r["component"] == component and r["path"]]
    return [p for p in kept if p.is_file()] + _files([folder.path / where] if (where := FOLDERS.get(component)) else [])


def _forget(component: str, held: Holdings) -> None:
    for key, row in list(held.files.items()):
        if row["component"] == component:
            held.put_file(held.blank_file(*key))
    if component in PARTITION:
        columns = MASK_COLUMNS if component == "masks" else IMAGE_COLUMNS
        for image_id in held.present(component):
            held.forget(held.rows[image_id], columns)
    if component in TABLED:
        partition = TABLED[component]
        held.replace_rows(partition, ())
        held.describe_table(partition, None)
    held.unask(component)


def _is_older(record_id: str, record: Record) -> bool:
    """Whether a folder of the cache holds an older version of the same record."""
    name, _, version = record_id.rpartition("-")
    try:
        return name == record.name and _numbers(version) < _numbers(record.version)
    except ValueError:
        return False


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _files(folders: Sequence[Path]) -> list[Path]:
    return sorted(p for folder in folders if folder.is_dir() for p in folder.rglob("*") if p.is_file() or p.is_symlink())


def _bytes(files: Sequence[Path]) -> int:
    return sum(p.lstat().st_size for p in files)


def delete(removal: Removal) -> None:
    """Remove files and folders; what is gone already is no fault."""
    for path in removal.files:
        path.unlink(missing_ok=True)
    for path in removal.folders:
        shutil.rmtree(path.resolve())
        if path.is_symlink():
            path.unlink()
