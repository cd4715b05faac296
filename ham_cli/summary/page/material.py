"""What the page shows, as plain values: sections of sentences, charts and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None

_LONG = 22
"""Letters of a row's name from which on it is broken where the page is narrow."""


@dataclass(frozen=True)
class Table:
    """Cells under names; the first one of a row names it."""

    columns: tuple[str, ...]
    """Names; one that ends in ``>`` is set to the right (numbers)."""
    rows: tuple[tuple[Cell, ...], ...]
    """``None`` is shown as a dash."""
    title: str = ""
    """What it is a table of."""

    @property
    def heads(self) -> tuple[tuple[str, bool], ...]:
        """The columns' names, and whether they are numbers."""
        return tuple((name.rstrip(">"), name.endswith(">")) for name in self.columns)

    @property
    def long(self) -> bool:
        """Whether the rows' names are so long that a telephone shows nothing else, unless they are broken."""
        return any(len(str(row[0])) > _LONG for row in self.rows)


@dataclass(frozen=True)
class Drawing:
    """One drawing of a figure."""

    spec: dict[str, Any]
    """As Vega-Lite takes it."""
    label: str = ""
    """What it is of, where a figure has several."""


@dataclass(frozen=True)
class Mark:
    """What a mark in a chart stands for."""

    kind: str
    """``full``, ``pale``, ``box``, ``line``, ``each``, ``heat``, a shape of points, or a letter."""
    words: str
    colour: str = "var(--main)"


@dataclass(frozen=True)
class Figure:
    """A chart with its heading, a sentence that reads it, and its numbers."""

    key: str
    title: str
    reading: str
    drawings: tuple[Drawing, ...]
    table: Table
    marks: tuple[Mark, ...] = ()
    wide: bool = False
    """Whether it takes the room of two."""


@dataclass(frozen=True)
class Term:
    """A word with what it means, or a name with a fact."""

    word: str
    meaning: str
    link: str | None = None
    """An address, and ``linked``, the words at the meaning's end that lead there."""
    linked: str = ""
    colour: str | None = None
    """The colour that stands for the word in every chart."""


@dataclass(frozen=True)
class Section:
    """One section of the page."""

    key: str
    title: str
    lead: tuple[str, ...] = ()
    """Sentences at its head, a paragraph each."""
    terms: tuple[Term, ...] = ()
    terms_title: str = ""
    """Over the terms, where they stand among figures."""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences at its end."""
    verdict: str | None = None
    """``good`` or ``bad`` where its first sentence judges."""

    @property
    def aside(self) -> bool:
        """Whether its terms stand beside its figures: where these leave room in a row of three."""
        cells = sum(2 if figure.wide else 1 for figure in self.figures)
        return bool(self.terms) and 0 < cells < 3  # noqa: PLR2004  (a row of three, as the page has it on a desk)


@dataclass(frozen=True)
class Example:
    """One image that is shown."""

    image_id: str
    picture: bytes
    """A small JPEG."""
    outline: bytes | None
    """A PNG of the same size, clear but for the border of the lesion; ``None`` where its mask is not in the cache."""
    words: str
    """What it shows, for who cannot see it."""


@dataclass(frozen=True)
class Examples:
    """The images of one class that are shown."""

    dx: str
    name: str
    colour: str
    images: tuple[Example, ...]
    here: int
    """Images of the class in the cache."""


@dataclass(frozen=True)
class Material:
    """The whole page."""

    title: str
    subject: str
    """The record's id."""
    figures: tuple[Term, ...]
    """The key figures: a number each, with what it counts."""
    sections: tuple[Section, ...]
    examples: tuple[Examples, ...]
    """Shown in the section ``examples``."""
    attribution: str
    """Whose the images are, under which licence, and what was changed."""


def percent(part: float, whole: float) -> str:
    """A share in words: ``66.9 %``; a dash where there is no whole."""
    return f"{100 * part / whole:.1f}\u00a0%" if whole else "\u2013"


def bare(part: float, whole: float) -> str | None:
    """A share under a head that says %: ``66.9``; ``None`` where there is no whole."""
    return f"{100 * part / whole:.1f}" if whole else None
