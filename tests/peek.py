"""Looks at a cache from outside, with DuckDB, Polars, hashlib and the file system: never with the code under test."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tests.small import CHALLENGE, ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there, hidden ones too."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def parts(path: Path) -> dict[str, str]:
    """Image id to its part in a split file: read by DuckDB from Parquet, by csv from CSV."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return {row["image_id"]: row.get("fold") or row["split"] for row in csv.DictReader(file, strict=True)}
    return dict(query("SELECT image_id, coalesce(CAST(fold AS VARCHAR), split) FROM read_parquet(?)", str(path)))


def split_digest(found: dict[str, str]) -> str:
    """SHA-256 over the sorted ``image_id,part`` lines."""
    return hashlib.sha256("".join(sorted(f"{image_id},{part}\n" for image_id, part in found.items())).encode()).hexdigest()


def closure(lesions: dict[str, str | None], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Image id to the first name among all lesions that pairs of images chain to its own, found by going round until nothing changes."""
    own = {image_id: lesion or image_id for image_id, lesion in lesions.items()}
    together = {name: {name} for name in own.values()}
    links = [(own[a], own[b]) for a, b in pairs if a in own and b in own]
    changed = True
    while changed:
        changed = False
        for a, b in links:
            if together[a] != together[b]:
                union = together[a] | together[b]
                together.update(dict.fromkeys(union, union))
                changed = True
    return {image_id: min(together[name]) for image_id, name in own.items()}


def challenge_truth(metadata: Path) -> dict[str, bytes]:
    """The challenge's truth of the training images, which names no lesions, by its file name."""
    with metadata.open(encoding="utf-8", newline="") as file:
        dx = {row["image_id"]: row["dx"].upper() for row in csv.DictReader(file)}
    lines = [",".join([i, *("1.0" if dx[i] == c else "0.0" for c in CHALLENGE)]) for i in sorted(dx)]
    return {"ISIC2018_Task3_Training_GroundTruth.csv": "\n".join([",".join(["image", *CHALLENGE]), *lines, ""]).encode()}


def edit(path: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Write a Parquet file anew with other rows; its columns and what it says of itself stay."""
    found = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(found.to_pylist()), schema=found.schema), path)


@contextlib.contextmanager
def unwritable(cache: Path, where: Path) -> Iterator[tuple[Path, str | None]]:
    """A copy of a cache below ``where`` that may only be read, and the user to whom that applies."""
    copied = Path(shutil.copytree(cache, where / "cache"))
    everything = [copied, *copied.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield copied, "nobody" if os.geteuid() == 0 else None
    finally:
        for path in everything:
            with contextlib.suppress(FileNotFoundError):
                path.chmod(0o755)
