"""What was asked of an export."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ham_cli.rendering import Rendering

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ham_cli.record import Record

ORDERS = ("alphabetical", "challenge")

SHARD = 1000
"""Images in a shard where nothing is said: 280 MB of published bytes, of the published record."""


@dataclass(frozen=True)
class Wish:
    """What was asked of an export, beside its images."""

    split_digest: str | None = None
    """Of the split it was joined with."""
    narrowed: dict[str, Any] = field(default_factory=dict)
    """What narrowed the images: fold, part, partition, only, one_per_lesion. JSON values."""
    words: tuple[str, ...] | None = None
    """The diagnoses that were asked for; ``None`` for all."""
    grouping: str | None = None
    """A grouping of the record whose two sides are the classes; else the diagnoses are."""
    class_order: str = "alphabetical"
    """One of `ORDERS`: of the classes' numbers."""
    rendering: Rendering = field(default_factory=Rendering)
    masks: bool = False
    """Whether the masks go with their images."""
    shard_size: int = SHARD
    """Images in a shard."""
    allow_missing_classes: bool = False
    of: Path | None = None
    """Another export that is to be described."""

    @property
    def plain(self) -> bool:
        """Whether nothing was asked for but the format."""
        return self.split_digest is None and not any(self.narrowed.values())

    def fields(self, *names: str) -> dict[str, Any]:
        """The wish as the export's manifest shows it; ``names`` are those of further fields that shape this format."""
        told = {
            "split_digest": self.split_digest,
            # Fold 0 is one.
            **{name: value for name, value in self.narrowed.items() if value is not None and value is not False and value != []},
        }
        told |= {"grouping": self.grouping} if self.grouping else {}
        told |= {"class_order": self.class_order} if self.class_order != ORDERS[0] else {}
        told |= {name: getattr(self, name) for name in names if getattr(self, name) not in (None, False)}
        return told | self.rendering.fields()

    def classes(self, record: Record) -> tuple[str, ...]:
        """The classes that were asked for, in the order of their numbers."""
        diagnoses = [dx for dx in self._ordered(record) if self.words is None or dx in self.words]
        return tuple(dict.fromkeys(self.label(dx, record) for dx in diagnoses))

    def _ordered(self, record: Record) -> list[str]:
        if self.class_order == ORDERS[0]:
            # The sides of a grouping are in alphabetical order too, whichever diagnosis comes first.
            return sorted(record.classes, key=lambda dx: (self.label(dx, record), dx))
        return sorted(record.classes, key=[column.lower() for column in record.challenge_order].index)

    def label(self, dx: str, record: Record) -> str:
        """The class of a diagnosis: itself, or its side of the grouping, as a name that a folder may have."""
        if self.grouping is None:
            return dx
        inside: Mapping[str, Any] = record.groupings[self.grouping]
        return self.grouping if dx in inside["dx"] else f"not_{self.grouping}"
