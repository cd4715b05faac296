"""What a cache can be rid of, and being rid of it."""

from __future__ import annotations

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
            found.append(Content(record_id, "(not in force)", len(files), _bytes(files), str(folder.path)))
            continue
        held = holdings.load(record, folder)
        for component in COMPONENTS:
            files = component_files(component, held)
            if files:
                where = folder.path / (FOLDERS.get(component) or "tables")
                found.append(Content(record_id, component, len(files), _bytes(files), str(where)))
        for name in ("archives", "splits", "manifests"):
            files = _files([folder.path / name])
            if files:
                found.append(Content(record_id, f"({name})", len(files), _bytes(files), str(folder.path / name)))
    return found


def prunable(cache: Cache, record: Record) -> Removal:
    """Half-written files, kept zips, and other versions of the record in force."""
    folder = cache.folder(record.id)
    files = [*caches.leftovers(folder), *_files([folder.archives])]
    older = [cache.folder(i).path for i in cache.records() if i != record.id and i.startswith(f"{record.name}-")]
    return Removal(tuple(files), tuple(older), _bytes([*files, *_files(older)]))


def prune(cache: Cache, record: Record, removal: Removal) -> None:
    """Remove what `prunable` found; the writer's lock is held."""
    held = holdings.load(record, cache.folder(record.id), damaged_ok=True)
    for row in list(held.files.values()):
        if (row["path"] or "").startswith("archives/"):
            held.put_file(row | {"path": None, "state": "dropped"})
    held.save()
    _delete(removal)


def removable(cache: Cache, record: Record, components: Sequence[str], *, whole: bool) -> Removal:
    """The files of components, or the record's whole folder."""
    folder = cache.folder(record.id)
    if whole:
        return Removal((), (folder.path,), _bytes(_files([folder.path])))
    held = holdings.load(record, folder, damaged_ok=True)
    files = [f for c in components for f in component_files(c, held)]
    return Removal(tuple(files), (), _bytes(files))


def remove(cache: Cache, record: Record, removal: Removal, components: Sequence[str], *, whole: bool) -> None:
    """Remove what `removable` found, first from the manifests, then from the disk; the writer's lock is held."""
    if not whole:
        held = holdings.load(record, cache.folder(record.id), damaged_ok=True)
        for component in components:
            _forget(component, held)
        held.save()
    _delete(removal)


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
        held.set_option("tables", {p: t for p, t in held.options.get("tables", {}).items() if p != partition})
    held.set_option("asked", {c: w for c, w in held.options.get("asked", {}).items() if c != component})


def _files(folders: Sequence[Path]) -> list[Path]:
    return sorted(p for folder in folders if folder.is_dir() for p in folder.rglob("*") if p.is_file() or p.is_symlink())


def _bytes(files: Sequence[Path]) -> int:
    return sum(p.lstat().st_size for p in files)


def _delete(removal: Removal) -> None:
    for path in removal.files:
        path.unlink(missing_ok=True)
    for path in removal.folders:
        shutil.rmtree(path)
