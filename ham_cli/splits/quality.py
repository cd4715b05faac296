"""How good a split is: how far its counts are from their shares, and how sure a result on it can be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ham_cli.splits import doubt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ham_cli.dataset import Split


@dataclass(frozen=True)
class Share:
    """What a part has of a class."""

    dx: str
    part: str
    images: int
    lesions: int | None
    off: float | None
    """Images more than its share of the class; ``None`` for a part that was not shared out."""

    def fields(self) -> dict[str, Any]:
        """The share as ``--json`` shows it."""
        off = None if self.off is None else round(self.off, 4)
        return {"dx": self.dx, "part": self.part, "images": self.images, "lesions": self.lesions, "off": off}


@dataclass(frozen=True)
class Thin:
    """A class of few lesions, on which results are measured."""

    dx: str
    part: str
    lesions: int

    @property
    def half_width(self) -> float:
        """Of a recall measured on them: see `doubt.half_width`."""
        return doubt.half_width(self.lesions)

    def fields(self) -> dict[str, Any]:
        """The class as ``--json`` shows it."""
        return {"dx": self.dx, "part": self.part, "lesions": self.lesions, "half_width": round(self.half_width, 4)}


@dataclass(frozen=True)
class Quality:
    """What there is to say of a split's counts."""

    parts: tuple[str, ...]
    shares: tuple[Share, ...]
    """Of every class and part."""
    totals: tuple[Share, ...]
    """Of every part, all classes together."""

    @property
    def thin(self) -> dict[str, tuple[Thin, ...]]:
        """The classes of few lesions, by where results are measured: the test, or else the validation; and the thinnest fold."""
        folds = [part for part in self.parts if part.isdigit()]
        test = sorted({"test", "validation"}.intersection(self.parts))[:1]
        places: dict[str, list[str]] = {"".join(test): test, "the thinnest fold": folds}
        found = {where: self._thin(parts) for where, parts in places.items() if parts}
        return {where: few for where, few in found.items() if few}

    def _thin(self, parts: Sequence[str]) -> tuple[Thin, ...]:
        least: dict[str, Share] = {}
        for share in sorted(self.shares, key=lambda share: -(share.lesions or 0)):
            if share.part in parts:
                least[share.dx] = share
        few = [Thin(share.dx, share.part, share.lesions) for share in least.values() if share.lesions and share.lesions < doubt.THIN]
        return tuple(sorted(few, key=lambda one: (one.lesions, one.dx)))

    def lacking(self, part: str) -> list[str]:
        """The classes of which a part has no image."""
        return sorted(share.dx for share in self.shares if share.part == part and not share.images)


def quality(split: Split, parts: Sequence[str], weights: Mapping[str, int]) -> Quality:
    """The counts of a split; ``weights`` are those of the parts that were shared out."""
    images: Counter[tuple[str | None, str]] = Counter()
    lesions: dict[tuple[str | None, str], set[str]] = {}
    named: set[str] = set()
    for row in split.rows:
        if row["lesion_id"] is not None:
            named.add(split.parts[row["image_id"]])
        for key in ((row["dx"], split.parts[row["image_id"]]), (None, split.parts[row["image_id"]])):
            images[key] += 1
            lesions.setdefault(key, set()).add(row["lesion_id"] or row["image_id"])
    whole = sum(weights.values())

    def share(dx: str | None, part: str) -> Share:
        shared = sum(images[dx, one] for one in weights)
        off = images[dx, part] - shared * weights[part] / whole if part in weights else None
        count = len(lesions.get((dx, part), ()))
        return Share(dx or "", part, images[dx, part], count if part in named or not count else None, off)

    classes = sorted({dx for dx, _ in images if dx is not None})
    return Quality(tuple(parts), tuple(share(dx, part) for dx in classes for part in parts), tuple(share(None, part) for part in parts))


def lesions_by_class(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Diagnosis to how many lesions of it there are."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["dx"], set()).add(row["lesion_id"] or row["image_id"])
    return {dx: len(some) for dx, some in sorted(found.items())}
