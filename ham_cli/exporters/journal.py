"""What lies in a folder already: an export's list, and while its files arrive a line for each that is made."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ham_cli import checksum, manifest
from ham_cli.errors import AccessError
from ham_cli.manifest import schemas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO

    from ham_cli.exporters.parcel import Item
    from ham_cli.manifest import Manifest

Row = dict[str, Any]

MANIFEST = "ham-export.parquet"

UNFINISHED = ".ham-export.unfinished.parquet"
"""The manifest of an export while its files arrive: what it will consist of, and nothing yet of what is made."""

JOURNAL = ".ham-export.unfinished.jsonl"
"""Beside it, a line for each file that was made: its rows."""


@dataclass
class Earlier:
    """An export that lies in a folder, whole or begun."""

    manifest: Manifest
    begun: bool
    """Whether it was not finished."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """File to its rows, as far as they are known."""

    @property
    def asked(self) -> dict[str, object]:
        """What was asked for, by which one export is another one."""
        return asked(self.manifest)

    def row(self, item: Item) -> Row | None:
        """What is known of an item's file, where an export has made it already."""
        rows = self.rows.get(item.file, ())
        row = _file_row(rows)
        return row if row and item.recipe == (row["recipe"] or row["sha256"]) and len(rows) == _listed(item) else None

    def holds(self, item: Item, path: Path) -> bool:
        """Whether the file of an item lies there, put there by an export; files only ever appear whole."""
        row = self.row(item)
        if row is None:
            return False
        try:
            if path.stat().st_size != row["bytes"]:
                return False
            # The system may have gone down before the bytes were on the disk.
            return not (self.begun and item.shard) or checksum.of_file(path, "sha256")[1] == row["sha256"]
        except OSError:
            return False


def asked(found: Manifest) -> dict[str, object]:
    """What was asked for in an export, by which one export is another one."""
    return {"record": found.record} | {name: value for name, value in found.options.items() if name != "input_digest"}


def _file_row(rows: Sequence[Row]) -> Row | None:
    """The row about the file itself: the one that names no image, or the only one."""
    return next((row for row in rows if row["image_id"] is None), rows[0] if len(rows) == 1 else None)


def earlier(folder: Path) -> Earlier | None:
    """What an earlier export says of itself in a folder; ``None`` where there is none that can be read."""
    for name in (UNFINISHED, MANIFEST):
        with contextlib.suppress(AccessError):
            found = manifest.read(folder / name, schemas.EXPORT, missing_ok=True)
            if found is not None:
                one = Earlier(found, name == UNFINISHED)
                for row in found.rows:
                    if row["sha256"] is not None:
                        one.rows.setdefault(row["file"], []).append(row)
                if one.begun:
                    one.rows |= _journaled(folder, {row["file"] for row in found.rows})
                return one
    return None


def _journaled(folder: Path, files: set[str]) -> dict[str, list[Row]]:
    """File to its rows, of those of ``files`` that were made, as far as they were written down whole."""
    found: dict[str, list[Row]] = {}
    # A line at a time, as bytes: one that was cut short, or is none of ours, spoils no other.
    with contextlib.suppress(OSError), (folder / JOURNAL).open("rb") as lines:
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                rows = json.loads(line)
                if _are_rows(rows) and len({row["file"] for row in rows}) == 1 and rows[0]["file"] in files:
                    found[rows[0]["file"]] = rows
    return found


def _are_rows(found: object) -> bool:
    """Whether what JSON held are rows of ours, with every value of its kind."""
    return isinstance(found, list) and all(isinstance(row, dict) and _is_row(row) for row in found)


def _is_row(row: Row) -> bool:
    if set(row) != set(schemas.EXPORT.names):
        return False
    # Arrow takes whole numbers of 64 bits, and text without lone surrogates.
    words = (row[name] for name in row if name != "bytes")
    size, digest = row["bytes"], row["sha256"]
    right = type(size) is int and 0 <= size < 1 << 63 and isinstance(digest, str) and isinstance(row["file"], str)
    return right and all(word is None or (isinstance(word, str) and word.isprintable()) for word in words)


def _listed(item: Item) -> int:
    """How many rows an item has: its own, and one for each image in it that is listed."""
    if item.kept:
        return len(item.kept)
    several = item.shard is not None and item.shard.lists and item.image_id is None
    return 1 + (len(item.shard.samples) if several and item.shard else 0)


class Journal:
    """Writes down what is made, a line a file, as soon as it stands in its place."""

    def __init__(self, folder: Path) -> None:
        """Begin it anew; ``folder`` is the export's."""
        self._path = folder / JOURNAL
        # Not what a link of this name leads to.
        self._path.unlink(missing_ok=True)
        self._file: IO[str] = self._path.open("x", encoding="utf-8")
        self._lock = threading.Lock()

    def stands(self, item: Item, rows: Sequence[Row]) -> None:
        """A file stands in its place; of one that was not made, the list says all."""
        if item.shard:
            self.add(rows)

    def add(self, rows: Sequence[Row]) -> None:
        """The rows of a file that stands in its place; from any thread."""
        with self._lock:
            self._file.write(json.dumps(list(rows)) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def in_words(found: dict[str, object]) -> str:
    """What an export was asked for, as a person would say it."""
    return ", ".join(f"{'no ' if value is None else ''}{name.replace('_', ' ')}{_word(value)}" for name, value in found.items())


def _word(value: object) -> str:
    if value is None or value is True:
        return ""
    if isinstance(value, dict):
        return " " + " ".join(f"{name}={_word(one).strip()}" for name, one in value.items())
    return " " + ",".join(_word(one).strip() for one in value) if isinstance(value, list) else f" {value}"
