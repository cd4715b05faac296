"""What a record's folder holds, read from its manifests and listings; neither is believed blindly."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from ham_cli import checksum, manifest
from ham_cli.errors import AccessError, quoted
from ham_cli.holdings.model import IMAGE_COLUMNS, MASK_COLUMNS, Holdings
from ham_cli.manifest import schemas
from ham_cli.record import FOLDERS, PARTITIONS, TABLED
from ham_cli.selection import restored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ham_cli.cache import Folder
    from ham_cli.holdings.model import Row
    from ham_cli.manifest import Manifest
    from ham_cli.manifest.schemas import Schema
    from ham_cli.record import Record

_INSIDE = re.compile(r"(images|test|validation|masks|tables|archives)/[A-Za-z0-9][A-Za-z0-9._ -]*")
"""A path as manifests spell it; nothing else is believed."""

_SIZE, _DIGEST, _MD5 = re.compile(r"(\d+) bytes"), re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}"), 32
"""What a verification got where a size or a digest was wrong."""


def load(record: Record, folder: Folder, *, damaged_ok: bool = False) -> Holdings:
    """What a record's folder holds; nothing of it needs to be there.

    ``damaged_ok``: a manifest that cannot be read counts as absent, for `fetch`, which makes it anew;
    else it raises `AccessError`.
    """
    images = _read(record, folder.manifest("images"), schemas.IMAGES, damaged_ok=damaged_ok)
    files = _read(record, folder.manifest("files"), schemas.FILES, damaged_ok=damaged_ok)
    rows = {row["image_id"]: row for row in images.rows} if images else {}
    listed = {(row["component"], row["name"]): row for row in files.rows} if files else {}
    _require_inside(record, folder, rows, listed)
    holdings = Holdings(
        record,
        folder,
        rows=rows,
        files=listed,
        tables=_tables_in(images.options) if images else {},
        wishes=_wishes_in(files.options) if files else {},
    )
    for published in record.files:
        if (published.component, published.name) not in holdings.files:
            row = holdings.blank_file(published.component, published.name)
            holdings.files[published.component, published.name] = row
    return holdings


def _read(record: Record, path: Path, schema: Schema, *, damaged_ok: bool) -> Manifest | None:
    """A manifest, if it is there; one of another record is as good as damaged: its rows name other images."""
    found = manifest.read(path, schema, missing_ok=True, damaged_ok=damaged_ok)
    if found is None or found.record == record.id:
        return found
    if damaged_ok:
        return None
    fix = "run the same ham fetch again: it writes the manifest anew"
    raise AccessError(f"{path.name} is of another record", where=path, expected=record.id, got=quoted(found.record), fix=fix)


def forget_vanished(holdings: Holdings) -> None:
    """Let go of what manifests name and is gone, or was found wrong by the last verification: it must be brought again."""
    wrong = _found_wrong(holdings)
    components = {folder: component for component, folder in FOLDERS.items()}
    for label in wrong:
        where, _, name = label.partition("/")
        if where in components:
            holdings.names(components[where]).discard(name)
    for partition in _rows_found_wrong(holdings):
        holdings.describe_table(partition, None)
    for row in holdings.rows.values():
        for column, columns in (("path", IMAGE_COLUMNS), ("mask_path", MASK_COLUMNS)):
            if row[column]:
                where, _, name = row[column].partition("/")
                if where not in components or name not in holdings.names(components[where]):
                    holdings.forget(row, columns)
    _forget_files(holdings, wrong)


def _forget_files(holdings: Holdings, wrong: set[str]) -> None:
    """Let go of files that are gone or wrong, and of what the tables among them told."""
    for row in list(holdings.files.values()):
        if row["path"] and (row["path"] in wrong or not (holdings.folder.path / row["path"]).is_file()):
            holdings.put_file(row | {"state": "missing", "path": None})
    for partition, table in list(holdings.tables.items()):
        component = next(component for component, tabled in TABLED.items() if tabled == partition)
        if holdings.files.get((component, table["file"]), {}).get("path") is None:
            holdings.describe_table(partition, None)


def _tables_in(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What ``images.parquet`` says of its tables; what is not of that form counts as not said."""
    said = options.get("tables")
    kinds = {"file": str, "columns": list, "altered": list}
    entries = said.items() if isinstance(said, dict) else ()
    return {p: t for p, t in entries if isinstance(t, dict) and all(isinstance(t.get(name), kind) for name, kind in kinds.items())}


def _wishes_in(options: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What ``files.parquet`` says was asked for; what is not of that form counts as not said."""
    said = options.get("asked")
    wishes: dict[str, list[dict[str, Any]]] = {}
    for component, listed in said.items() if isinstance(said, dict) else ():
        try:
            wishes[component] = [restored(fields).fields() for fields in listed]
        except (TypeError, AttributeError, ValueError):
            continue
    return wishes


def _found_wrong(holdings: Holdings) -> set[str]:
    """What the last verification found wrong and nobody has replaced since."""
    path = holdings.folder.manifest("verification")
    last = manifest.read(path, schemas.VERIFICATION, missing_ok=True, damaged_ok=True)
    wrong = {row["path"]: row["got"] for row in last.rows if row["verdict"] in {"wrong", "unreadable"}} if last else {}
    root = holdings.folder.path
    return {label for label, got in wrong.items() if _INSIDE.fullmatch(label) and _is_still(root / label, got, path)}


def _rows_found_wrong(holdings: Holdings) -> set[str]:
    """The partitions of whose rows the last verification found some wrong: their tables are to be read again."""
    path, images = holdings.folder.manifest("verification"), holdings.folder.manifest("images")
    last = manifest.read(path, schemas.VERIFICATION, missing_ok=True, damaged_ok=True)
    where = holdings.folder.relative(images)
    wrong = {row["component"] for row in last.rows if row["path"] == where and row["verdict"] == "wrong"} if last else set()
    if not wrong or not _older(images, path):
        return set()
    return set(holdings.tables) if "manifest" in wrong else {TABLED[component] for component in wrong & TABLED.keys()}


def _is_still(file: Path, got: str | None, verification: Path) -> bool:
    """Whether a file still is what was found wrong: by its bytes where they were written down, as clocks jump, else by its age."""
    with contextlib.suppress(OSError):
        if found := _SIZE.fullmatch(got or ""):
            return file.stat().st_size == int(found[1])
        if found := _DIGEST.fullmatch(got or ""):
            return checksum.of_file(file, "md5" if len(found[0]) == _MD5 else "sha256")[1] == got
    return _older(file, verification)


def _older(file: Path, other: Path) -> bool:
    try:
        return file.lstat().st_ctime_ns <= other.stat().st_mtime_ns
    except OSError:
        return False


def _possible(row: Row, record: Record) -> bool:
    """Whether a row names a class and a role that there are, and says what its image is."""
    said = row["path"] is None or None not in (row["bytes"], row["sha256"])
    return said and row["dx"] in record.vocabulary["dx"] and row["partition"] in PARTITIONS


def _require_inside(record: Record, folder: Folder, rows: Mapping[str, Row], files: Mapping[tuple[str, str], Row]) -> None:
    """Raise `AccessError` for manifests whose ids or paths lead out of the record's folder: somebody else's cache may lie."""
    is_id = re.compile(record.identifiers["image_id"]).fullmatch
    paths = [row["path"] for row in files.values() if row["path"]]
    paths += [row[column] for row in rows.values() for column in ("path", "mask_path") if row[column]]
    odd = [i for i in rows if not is_id(i)] + [p for p in paths if not _INSIDE.fullmatch(p)]
    odd += [
        f"{row['image_id']}: dx {quoted(row['dx'])}, partition {quoted(row['partition'])}, path {quoted(row['path'])}, {row['bytes']} bytes"
        for row in rows.values()
        if not _possible(row, record)
    ]
    if odd:
        fix = "somebody else's cache: do not use it; your own: remove its manifests and run the same ham fetch again"
        raise AccessError("a manifest names what cannot be in a cache", where=folder.path, got=odd[0], fix=fix)
