"""An export as a value: what files it consists of, and what it says of itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ham_cli.licence import beside_the_data

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ham_cli.dataset import Dataset

FOLDERS = {"train": "train", "validation": "val", "test": "test"}
"""What a part's folder is called where torchvision, timm, Keras and Ultralytics look for it."""


@dataclass(frozen=True)
class Wish:
    """What was asked of an export, beside its images."""

    split_digest: str | None
    """Of the split it was joined with."""
    options: dict[str, Any]
    """What narrowed the images: fold, part, partition, only. JSON values."""
    classes: tuple[str, ...]
    """The classes that every part must have."""
    allow_missing_classes: bool = False

    @property
    def plain(self) -> bool:
        """Whether nothing was asked for but the format."""
        return self.split_digest is None and not any(self.options.values())

    def fields(self) -> dict[str, Any]:
        """The wish as the export's manifest shows it."""
        return {"split_digest": self.split_digest, **{name: value for name, value in self.options.items() if value not in (None, [])}}


@dataclass(frozen=True)
class Item:
    """One file of an export: a published one as it is (``source``), or one made here (``data``)."""

    file: str
    """Where it goes, from the export's folder, with ``/``."""
    size: int
    """Bytes."""
    sha256: str
    source: Path | None = None
    data: bytes | None = field(default=None, repr=False)
    image_id: str | None = None
    split: str | None = None
    label: str | None = None

    def fields(self) -> dict[str, Any]:
        """The file's row in ``ham-export.parquet``."""
        return {"bytes": self.size} | {name: getattr(self, name) for name in ("file", "image_id", "split", "label", "sha256")}


@dataclass(frozen=True)
class Parcel:
    """Everything that an export consists of."""

    format: str
    record: str
    """The record's id."""
    items: tuple[Item, ...]
    options: dict[str, Any]
    """What was asked for, as its manifest shows it."""
    missing: tuple[str, ...] = ()
    """Images that were asked for and are not in the cache."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""

    @property
    def input_digest(self) -> str:
        """SHA-256 over the rows of its manifest: the same bytes under the same names are the same export."""
        lines = (json.dumps(item.fields(), sort_keys=True) + "\n" for item in sorted(self.items, key=lambda item: item.file))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def made(file: str, data: bytes) -> Item:
    """A file made here."""
    return Item(file, len(data), hashlib.sha256(data).hexdigest(), data=data)


def papers(dataset: Dataset, changed: str) -> list[Item]:
    """The licence, the attribution that says what was ``changed``, and the citation."""
    return [made(name, data) for name, data in beside_the_data(dataset.record, changed).items()]


def as_json(value: Any) -> bytes:  # noqa: ANN401  (whatever JSON can hold)
    """A JSON file's bytes, for people too."""
    return (json.dumps(value, indent=1) + "\n").encode()


def lines(words: Iterable[str]) -> bytes:
    """A text file's bytes, a word a line."""
    return "".join(f"{word}\n" for word in words).encode()
