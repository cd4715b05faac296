"""What came of holding a split against the record, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ham_cli.splits import doubt

WHY = ("same image", "same bytes", "same lesion", "known duplicate")
"""Why an image is beside another one, the strongest reason first."""


@dataclass(frozen=True)
class Kind:
    """The images of one class on one side."""

    images: int
    lesions: int | None
    """By lesion id; ``None`` where an image has none."""

    @property
    def half_width(self) -> float:
        """Of a recall measured on them, a lesion counting once: see `doubt.half_width`."""
        return doubt.half_width(max(self.lesions or self.images, 1))


@dataclass(frozen=True)
class Side:
    """What is on one side."""

    name: str
    images: int
    """Different ones, also unknown ones."""
    lesions: int | None
    unknown: int
    """Images that are none of this record."""
    held: dict[str, int]
    """Images of this record by their published partition."""
    dx: dict[str, Kind]
    """Every class of the record, with zeros."""
    evaluates: bool
    """Whether results would be measured on it."""
    deviation: tuple[str, float] | None
    """The class whose share differs most from its share of all sides, and by how many percentage points."""

    @property
    def known(self) -> int:
        """How many of its images are this record's."""
        return sum(self.held.values())

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes of which it has no image; of a side without any known image nothing is said."""
        return tuple(dx for dx, kind in self.dx.items() if not kind.images) if self.known else ()

    @property
    def thin(self) -> dict[str, Kind]:
        """The classes of which an evaluating side has too few lesions; where these have no ids, images."""
        some = {dx: kind for dx, kind in self.dx.items() if kind.images}
        return {dx: kind for dx, kind in some.items() if self.evaluates and (kind.lesions or kind.images) < doubt.THIN}

    def fields(self) -> dict[str, Any]:
        """The side as ``--json`` shows it."""
        known = sum(kind.images for kind in self.dx.values())
        return {
            "side": self.name,
            "images": self.images,
            "lesions": self.lesions,
            "unknown": self.unknown,
            "held": self.held,
            "evaluates": self.evaluates,
            "dx": {
                dx: {"images": kind.images, "lesions": kind.lesions, "share": kind.images / known if known else None}
                for dx, kind in self.dx.items()
            },
            "absent": list(self.absent),
            "thin": {
                dx: {"images": kind.images, "lesions": kind.lesions, "half_width": round(kind.half_width, 4)}
                for dx, kind in self.thin.items()
            },
            "deviation": self.deviation and {"dx": self.deviation[0], "percentage_points": round(self.deviation[1], 3)},
        }


@dataclass(frozen=True)
class Pair:
    """What two sides share."""

    sides: tuple[str, str]
    images: int
    """Images that are on both."""
    lesions: int
    """Lesions with an image on each, by lesion id."""
    duplicates: int
    """Further groups with an image on each, which only known duplicates make one."""
    identical: int
    """Digests that different images on both have."""

    def fields(self) -> dict[str, Any]:
        """The pair as ``--json`` shows it."""
        return vars(self) | {"sides": list(self.sides)}


@dataclass(frozen=True)
class Leak:
    """How much of a side leaks: its images whose lesion has an image on the other side too."""

    side: str
    against: str | None
    """The other side; ``None`` for all others together."""
    images: int
    of: int
    """Images on the side."""
    dx: dict[str, tuple[int, int]]
    """Class to how many leak and how many there are; of every class on the side."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.images / self.of if self.of else 0.0

    def fields(self) -> dict[str, Any]:
        """The leak as ``--json`` shows it."""
        by_class = {dx: {"images": n, "of": of, "share": n / of} for dx, (n, of) in self.dx.items()}
        return {"side": self.side, "against": self.against, "images": self.images, "of": self.of, "share": self.share, "dx": by_class}


@dataclass(frozen=True)
class Report:
    """All that is known of a split."""

    sides: tuple[Side, ...]
    pairs: tuple[Pair, ...]
    """Every two sides, in the order of sides."""
    leaks: tuple[Leak, ...]
    """Of every two sides that which evaluates, or else both ways."""
    rest: tuple[Leak, ...]
    """Of every evaluating side, against all others together."""
    partitions: dict[str, int | None]
    """Images of the record by partition; ``None`` where this cache has no table that names them."""
    held: dict[str, int]
    """How many of these are on any side."""
    pairs_known: int
    """Known duplicate pairs of the record."""
    unknown: tuple[str, ...]
    """Images that are none of this record, as they are written."""
    planted: tuple[str, ...]
    """Of these, those that a table of the record names and it does not hold."""
    missing: tuple[str, ...]
    """Training images on no side."""
    repeated: dict[str, dict[str, int]]
    """Side to images that stand there more than once, and how often."""
    several: dict[str, tuple[str, ...]]
    """Images on several sides, and on which."""
    identical: tuple[tuple[str, ...], ...]
    """Different images of the same bytes that are on several sides together."""
    unjudged: bool
    """Whether training images are on one side and test or validation images on another: their lesion ids cannot tell."""
    rows: tuple[dict[str, Any], ...] = field(repr=False)
    """The leaking rows: what ``-o`` writes."""

    @property
    def leaking(self) -> bool:
        """Whether any group, image or bytes are on two sides."""
        return any(pair.images or pair.lesions or pair.duplicates or pair.identical for pair in self.pairs)

    def fields(self) -> dict[str, Any]:
        """The report as ``--json`` shows it."""
        return {
            "leaking": self.leaking,
            "sides": [side.fields() for side in self.sides],
            "pairs": [pair.fields() for pair in self.pairs],
            "leaks": [leak.fields() for leak in self.leaks],
            "against_all_others": [leak.fields() for leak in self.rest],
            "held": {name: {"images": self.held[name], "of": of} for name, of in self.partitions.items()},
            "unknown": list(self.unknown),
            "planted": list(self.planted),
            "missing": list(self.missing),
            "repeated": self.repeated,
            "several_sides": {key: list(sides) for key, sides in self.several.items()},
            "identical": [list(images) for images in self.identical],
            "leaking_rows": len(self.rows),
        }
