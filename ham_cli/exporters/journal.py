"""What lies in a folder already: an export's list, and while its files arrive a line for each that is made."""

from __future__ import annotations

import contextlib
import json
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

    def holds(self, item: Item, path: Path) -> bool:
        """Whether the file of an item lies there, put there by an export; files only ever appear whole."""
        row = _file_row(self.rows.get(item.file, ()))
        if row is None or item.recipe != (row["recipe"] or row["sha256"]):
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
                for row in (*found.rows, *(_journaled(folder) if one.begun else ())):
                    if row["sha256"] is not None:
                        one.rows.setdefault(row["file"], []).append(row)
                return one
    return None


def _journaled(folder: Path) -> list[Row]:
    """The rows of what was made, as far as they were written down whole."""
    found: dict[str, list[Row]] = {}
    names = set(schemas.EXPORT.names)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError), (folder / JOURNAL).open(encoding="utf-8") as lines:
        for line in lines:
            rows = json.loads(line)
            if all(set(row) == names for row in rows):
                found[rows[0]["file"]] = rows
    return [row for rows in found.values() for row in rows]


class Journal:
    """Writes down what is made, a line a file, as soon as it stands in its place."""

    def __init__(self, folder: Path) -> None:
        """Begin it anew; ``folder`` is the export's."""
        self._path = folder / JOURNAL
        self._file: IO[str] = self._path.open("w", encoding="utf-8")

    def add(self, rows: Sequence[Row]) -> None:
        """The rows of a file that stands in its place."""
        self._file.write(json.dumps(list(rows)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def remove(self) -> None:
        """End it: the export's list says all."""
        self.close()
        self._path.unlink(missing_ok=True)
