"""Looks at a cache from outside, with DuckDB, Polars, hashlib and the file system: never with the code under test."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from tests.small import ID

if TYPE_CHECKING:
    from pathlib import Path

REAL = "ham10000-4.0"
MANIFESTS = ("files", "images")
VERIFICATIONS = {"verification.parquet", "verification.previous.parquet"}


def query(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query in DuckDB."""
    with duckdb.connect() as connection:
        return connection.execute(sql, list(parameters)).fetchall()


def manifest(cache: Path, name: str, record: str = ID) -> Path:
    """Where a manifest lies."""
    return cache / record / "manifests" / f"{name}.parquet"


def table(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file."""
    return pl.read_parquet(path).to_dicts()


def images(cache: Path, record: str = ID) -> dict[str, dict[str, Any]]:
    """The rows of ``images.parquet`` by image id."""
    return {row["image_id"]: row for row in table(manifest(cache, "images", record))}


def files(cache: Path, record: str = ID) -> dict[str, dict[str, Any]]:
    """The rows of ``files.parquet`` by name."""
    return {row["name"]: row for row in table(manifest(cache, "files", record))}


def labels(path: Path) -> dict[str, str]:
    """What a Parquet file says of itself: its key-value metadata."""
    return {key.decode(): value.decode() for key, value in query("SELECT key, value FROM parquet_kv_metadata(?)", str(path))}


def options(path: Path) -> dict[str, Any]:
    """The options that a manifest's key-value metadata names."""
    found: dict[str, Any] = json.loads(labels(path)["ham.options"])
    return found


def names(folder: Path) -> list[str]:
    """The names in a folder, hidden ones too; none where there is no such folder."""
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder, by name."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())} if folder.is_dir() else {}


def snapshot(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every file below a folder: when it was changed (ns), its size, its SHA-256."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = (
                status.st_mtime_ns,
                status.st_size,
                hashlib.sha256(path.read_bytes()).hexdigest(),
            )
    return found


def without_verification(shot: dict[str, tuple[int, int, str]]) -> dict[str, tuple[int, int, str]]:
    """A snapshot without the manifests that ``verify`` writes."""
    return {name: facts for name, facts in shot.items() if name.rpartition("/")[2] not in VERIFICATIONS}


def flip(path: Path, at: int = -10) -> bytes:
    """Change one byte of a file in place, and keep its size; the bytes it has now."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)
    return bytes(data)
