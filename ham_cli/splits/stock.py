"""What is shared out by a split: groups, and what is counted of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Margin:
    """Columns whose crossing every part gets its share of; a cell of it is one combination of their words."""

    columns: tuple[str, ...]
    weight: int
    near: float = 2.0
    """Images by which a cell may miss its share before it weighs more."""
    always: bool = False
    """Whether its cells also count where they have so few groups that some part must go without."""


SIZE = "images of the group"
"""Stands for how many images a group has, as a column does."""

MARGINS = (
    Margin(("dx",), 64, near=0.9, always=True),
    Margin(("dx", "dataset"), 8),
    Margin(("dx", "dx_type"), 8),
    Margin(("dx", "sex"), 8),
    Margin(("dx", "age_band"), 8),
    Margin(("localization",), 8, always=True),
    Margin(("dataset",), 4, always=True),
    Margin(("dx_type",), 4, always=True),
    Margin(("sex",), 4, always=True),
    Margin(("age_band",), 4, always=True),
)
"""What is balanced where nothing else is wished: the diagnosis first, then what leaks it, then the body site."""

_COMMON = (Margin((SIZE,), 2, near=1e9), Margin((), 16, near=1e9, always=True))
"""What is balanced whatever is wished: how large groups are, and how many images there are in all."""


def margins(columns: Sequence[str]) -> tuple[Margin, ...]:
    """What a wish such as ``dx,sex`` balances: the columns crossed, then each of them; without one, `MARGINS`."""
    if not columns:
        return MARGINS
    alone = tuple(Margin((column,), 16) for column in columns) if len(columns) > 1 else ()
    return (Margin(tuple(columns), 64, near=0.9, always=True), *alone)


@dataclass(frozen=True)
class Stock:
    """Groups, sorted into kinds: those of a kind are alike in everything that is balanced."""

    groups: dict[str, int]
    """Group to its kind."""
    kinds: tuple[tuple[tuple[int, int], ...], ...]
    """Of a kind: how many images of which cells a group of it has."""
    sizes: tuple[int, ...]
    """Of a kind: how many images a group of it has."""
    strata: tuple[str, ...]
    """Of a kind: what most of its images are in the first margin, mostly the diagnosis."""
    cells: tuple[tuple[Margin, int, int], ...]
    """Of a cell: its margin, its images, and its groups."""

    def in_order(self, seed: int, algorithm: str) -> list[str]:
        """The groups stratum by stratum, kind by kind: kinds and the groups of each in the seed's order, the same on any machine."""
        kinds = [(stratum, place(algorithm, seed, str(kind))) for kind, stratum in enumerate(self.strata)]
        return sorted(self.groups, key=lambda group: (kinds[self.groups[group]], place(algorithm, seed, group)))


def place(algorithm: str, seed: int, name: str) -> bytes:
    """A place in a seeded order: SHA-256 of ``algorithm,seed,name``."""
    return hashlib.sha256(f"{algorithm},{seed},{name}".encode()).digest()


def stock(rows: Iterable[Mapping[str, Any]], wished: Sequence[Margin]) -> Stock:
    """The groups of some rows by what is to be balanced; the order of rows does not matter."""
    columns = sorted({column for margin in wished for column in margin.columns})
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for row in rows:
        words = tuple("" if row[column] is None else str(row[column]) for column in columns)
        found.setdefault(row["group"], Counter())[words] += 1
    described = {group: tuple(sorted(images.items())) for group, images in found.items()}
    first = [columns.index(name) for name in wished[0].columns]
    strata = {kind: _most(kind, first) for kind in set(described.values())}
    order = sorted(strata, key=lambda kind: (strata[kind], -sum(n for _, n in kind), kind))
    number = {kind: n for n, kind in enumerate(order)}
    groups = {group: number[kind] for group, kind in described.items()}
    cells = _Cells((*wished, *_COMMON), columns)
    kinds = tuple(cells.of(kind) for kind in order)
    sizes = tuple(sum(n for _, n in kind) for kind in order)
    return Stock(groups, kinds, sizes, tuple(strata[kind] for kind in order), cells.counted(kinds, Counter(groups.values())))


Kind = tuple[tuple[tuple[str, ...], int], ...]


class _Cells:
    """The cells of some margins, numbered as they are met."""

    def __init__(self, wished: Sequence[Margin], columns: Sequence[str]) -> None:
        self._wished = [(margin, tuple(columns.index(c) for c in margin.columns if c != SIZE)) for margin in wished]
        self._numbers: dict[tuple[Margin, tuple[str, ...]], int] = {}

    def of(self, kind: Kind) -> tuple[tuple[int, int], ...]:
        """The cells that a group of a kind has images in, with how many."""
        size = str(sum(n for _, n in kind))
        found: Counter[int] = Counter()
        for words, images in kind:
            for margin, places in self._wished:
                key = margin, ((size,) if SIZE in margin.columns else tuple(words[place] for place in places))
                found[self._numbers.setdefault(key, len(self._numbers))] += images
        return tuple(sorted(found.items()))

    def counted(self, kinds: Sequence[tuple[tuple[int, int], ...]], groups: Counter[int]) -> tuple[tuple[Margin, int, int], ...]:
        images, holders = Counter[int](), Counter[int]()
        for number, kind in enumerate(kinds):
            for cell, count in kind:
                images[cell] += count * groups[number]
                holders[cell] += groups[number]
        return tuple((margin, images[cell], holders[cell]) for (margin, _), cell in self._numbers.items())


def _most(kind: Kind, first: Sequence[int]) -> str:
    """What most images of a kind are in the first margin; of several the first by name."""
    images: Counter[str] = Counter()
    for words, count in kind:
        images["/".join(words[place] for place in first)] += count
    return min(images, key=lambda name: (-images[name], name))
