"""The files that are published, and what the two servers call them."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.dataverse.messages import Content

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = {
    3172585: "163c862634d-663b42fb343d",
    3172584: "163c85dbd0a-b565e4ed4c74",
    4338392: "1774dfb2763-002d253ecea5",
}
"""The keys that files of the real record have in the store; those of others are made up."""
_FIRST = 9_000_001
"""The id given to the first file of a record that has no ids."""


@dataclass(frozen=True)
class Datafile:
    """A file of the dataset."""

    number: int
    label: str
    """Its name now: ``….tab`` for a table that the server took in."""
    original: str | None
    """The name of the table before that; ``None`` for what is no table."""
    doi: str | None
    key: str
    """What the store calls it; the original has ``.orig`` after it."""

    @property
    def kind(self) -> str:
        """Its content type."""
        return kind_of(self.label)


def kind_of(name: str) -> str:
    """The content type of a name."""
    return {".zip": "application/zip", ".tab": "text/tab-separated-values"}.get(Path(name).suffix, "text/csv")


class Published:
    """Every file on offer, by every name it has.

    A file that the record names and that is not given is listed, and lost in the store.
    """

    def __init__(self, facts: Mapping[str, Any], files: Mapping[str, bytes | Path]) -> None:
        self.facts = facts
        self.doi = f"doi:{facts['doi']}"
        self.contents = {name: Content(data) for name, data in files.items()}
        self.datafiles = [_datafile(n, f) for n, f in enumerate(facts["files"])]
        self.by_number = {d.number: d for d in self.datafiles}
        self.by_doi = {f"doi:{d.doi}": d for d in self.datafiles if d.doi}
        self.bucket = {f["name"] for f in facts["bucket_files"]}
        self._known = {d.label: f for d, f in zip(self.datafiles, facts["files"], strict=True)}
        self._labels = {d.original: d.label for d in self.datafiles if d.original}
        for datafile in self.datafiles:
            if datafile.original in self.contents and datafile.label not in self.contents:
                table = self.contents[datafile.original]
                self.contents[datafile.label] = Content(ingested(table.part(0, table.size)))

    def label(self, name: str) -> str:
        """The published name of a name: that of the ``.tab`` for an original's."""
        return self._labels.get(name, name)

    def content(self, datafile: Datafile, *, original: bool) -> Content | None:
        """The bytes of a file; ``None`` where the store lost them."""
        return self.contents.get(datafile.original if original and datafile.original else datafile.label)

    def by_key(self, key: str) -> tuple[Datafile, Content | None] | None:
        """The file of a key of the store, and its bytes."""
        plain = key.removesuffix(".orig")
        datafile = next((d for d in self.datafiles if d.key == plain), None)
        return (datafile, self.content(datafile, original=key != plain)) if datafile else None

    def replace(self, name: str, data: bytes | Path) -> None:
        """Put other bytes in the place of a file's: its ETag changes too."""
        self.contents[name] = Content(data, self.contents[name].version + 1)

    def checksum(self, datafile: Datafile, algorithm: str) -> str:
        """The digest that the listing gives: the original's. What a large file's is, the record knows."""
        content, known = self.content(datafile, original=True), self._known[datafile.label]
        if algorithm == "md5" and known["md5"] and (content is None or (isinstance(content.data, Path) and content.size == known["bytes"])):
            return str(known["md5"])
        return content.digest(algorithm) if content else hashlib.new(algorithm, b"", usedforsecurity=False).hexdigest()

    def size(self, datafile: Datafile, *, original: bool) -> int:
        """The size that the listing gives."""
        content = self.content(datafile, original=original)
        return content.size if content else self._known[datafile.label]["bytes"] or 0


def ingested(table: bytes) -> bytes:
    """A table as the server keeps it: tabs, numbers bare, everything else in quotes, the header bare."""
    header, *rows = csv.reader(io.StringIO(table.decode()))
    bare = {n for n in range(len(header)) if all(_numeric(row[n]) for row in rows)}
    lines = ["\t".join(header)]
    lines += ["\t".join(cell if n in bare else f'"{cell}"' for n, cell in enumerate(row)) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def _numeric(cell: str) -> bool:
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True


def _datafile(place: int, facts: Mapping[str, Any]) -> Datafile:
    number = facts["datafile_id"] or _FIRST + place
    made = hashlib.sha256(str(number).encode()).hexdigest()
    key = KEYS.get(number, f"16{made[:9]}-{made[9:21]}")
    return Datafile(number, facts["name"], facts["original_name"], facts["doi"], key)
