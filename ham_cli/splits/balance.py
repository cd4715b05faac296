"""Groups shared out among parts: dealt in the seed's order, then exchanged until every cell has its share."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, combinations
from typing import TYPE_CHECKING

import numpy as np

from ham_cli.splits.stock import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ham_cli.splits.stock import Stock

    Whole = NDArray[np.int64]

_UNIT = 1024
"""Shares are counted in so many parts of an image, as whole numbers: sums are the same on any machine."""

_BEST = 64
"""Kinds of either part that are tried against each other at once."""

_FEW = 8
"""Sizes of which the smallest part gets fewer groups than this are rare: such groups only change places with their like."""

_MOSTLY = 0.9
"""Share of the groups that must be of no rare size, or else none is called so."""

_TURN = 2_654_435_769
"""2**32 by the golden ratio: multiples of it fill a circle evenly, however many there are."""

_VAIN = 2
"""Times that cells are weighed more without getting nearer to their shares."""

_HEAVIEST = 1 << 24
"""The weight that no cell exceeds: sums of whole numbers must not run over."""


def share_out(stock: Stock, shares: Sequence[tuple[str, int]], seed: int, algorithm: str, kept: Mapping[str, str]) -> dict[str, str]:
    """Group to its part; ``kept`` ones stay where they are.

    Groups are dealt kind by kind in an order that a hash decides, by a sequence in which each has the chance of its
    part's share, whatever its size. Then kinds of groups change places between two parts as long as that brings the
    counts of all cells nearer to their shares: least sum of weighted squares.
    """
    names = [name for name, _ in shares]
    search = _Search(stock, [weight for _, weight in shares], free=bool(kept))
    for group, part in kept.items():
        search.fix(names.index(part), stock.groups[group])
    free = [group for group in stock.in_order(seed, algorithm) if group not in kept]
    bounds = [total * 2**32 // sum(w for _, w in shares) for total in accumulate(w for _, w in shares)]
    start = int.from_bytes(place(algorithm, seed, "")[:4], "big")
    for number, group in enumerate(free):
        turned = (start + number * _TURN) % 2**32
        search.deal(next(part for part, bound in enumerate(bounds) if turned < bound), group)
    search.run()
    return dict(kept) | {group: names[part] for part, group in search.placed()}


class _Search:
    """Where the groups are, how far every cell of every part is from its share, and what would bring it nearer."""

    def __init__(self, stock: Stock, shares: Sequence[int], *, free: bool) -> None:
        self._stock = stock
        self._parts = range(len(shares))
        whole, least = sum(shares), min(shares)
        # Of a cell with fewer groups no choice is fair: the part that must go without would always be the same.
        weights = [margin.weight if margin.always or groups * least >= whole else 0 for margin, _, groups in stock.cells]
        self._near: Whole = np.array([round(_UNIT * margin.near) for margin, _, _ in stock.cells], np.int64)
        # One kind more, of no images: to change places with it is to move.
        self._none = len(stock.kinds)
        most = max(map(len, stock.kinds))
        self._cells: Whole = np.zeros((self._none + 1, most), np.int64)
        self._images: Whole = np.zeros((self._none + 1, most), np.int64)
        for number, kind in enumerate(stock.kinds):
            self._cells[number, : len(kind)], self._images[number, : len(kind)] = zip(*kind, strict=True)
        self._weigh(np.array(weights, np.int64))
        self._members: list[list[list[str]]] = [[[] for _ in range(self._none + 1)] for _ in shares]
        self._has: Whole = np.zeros((len(shares), self._none + 1), np.int64)
        self._has[:, self._none] = 1
        ideal = [[(2 * images * weight * _UNIT + whole) // (2 * whole) for _, images, _ in stock.cells] for weight in shares]
        self._off: Whole = -np.array(ideal, np.int64)
        """Of a part and a cell: its images less its share, in `_UNIT`."""
        self._sizes: Whole = np.array([*stock.sizes, 1], np.int64)
        self._pools = self._pooled(whole, least, free=free)
        self._changes = [0] * len(shares)
        """How often a part has changed: what was tried in vain is tried again only after a change."""

    def fix(self, part: int, kind: int) -> None:
        """Count a group that stays where it is."""
        np.add.at(self._off[part], self._cells[kind], _UNIT * self._images[kind])

    def deal(self, part: int, group: str) -> None:
        """Give a group to a part, for now."""
        kind = self._stock.groups[group]
        self._members[part][kind].append(group)
        self._has[part, kind] += 1
        self.fix(part, kind)

    def placed(self) -> Iterator[tuple[int, str]]:
        """The groups that are not fixed, with their parts."""
        return ((part, group) for part in self._parts for some in self._members[part] for group in some)

    def run(self) -> None:
        """Exchange until nothing is gained; then weigh more what is still too far off, as long as that helps."""
        least, vain = 2**62, 0
        while vain < _VAIN:
            self._settle()
            beyond = np.where(self._weights > 0, np.maximum(abs(self._off) - self._near, 0), 0)
            found = int(beyond.sum())
            if not found:
                return
            least, vain = min(least, found), 0 if found < least else vain + 1
            self._weigh(np.minimum(self._weights * np.where(beyond.any(axis=0), 4, 1), _HEAVIEST))

    def _settle(self) -> None:
        gained = True
        while gained:
            gained = False
            for one, other in combinations(self._parts, 2):
                for number, pool in enumerate(self._pools):
                    if self._tried.get((one, other, number)) == (self._changes[one], self._changes[other]):
                        continue
                    while (found := self._best(one, other, pool)) is not None:
                        self._exchange(one, other, *found)
                        gained = True
                    self._tried[one, other, number] = self._changes[one], self._changes[other]

    def _best(self, one: int, other: int, pool: Whole) -> tuple[int, int] | None:
        """The two kinds whose exchange between two parts gains most; ``None`` where none gains.

        The sum of weighted squares changes by ``2 * _UNIT`` times what is compared here.
        """
        apart = self._off[other] - self._off[one]
        pull = (self._weighed[pool] * apart[self._cells[pool]]).sum(axis=1)
        mine, yours = (np.flatnonzero(self._has[part, pool]) for part in (one, other))
        each = pull // self._sizes[pool]
        mine = mine[np.argsort(each[mine], kind="stable")[:_BEST]]
        yours = yours[np.argsort(-each[yours], kind="stable")[:_BEST]]
        if not len(mine) or not len(yours):
            return None
        here, there = pool[mine], pool[yours]
        gain = (pull[mine] + _UNIT * self._squares[here])[:, None] - (pull[yours] - _UNIT * self._squares[there])[None, :]
        gain -= 2 * _UNIT * self._common(here, there)
        best = int(gain.argmin())
        if gain.flat[best] >= 0:
            return None
        row, column = divmod(best, len(there))
        return int(here[row]), int(there[column])

    def _common(self, here: Whole, there: Whole) -> Whole:
        """The weighed product of the images of each kind here with each there."""
        spread: Whole = np.zeros((len(there), len(self._weights)), np.int64)
        np.add.at(spread, (np.arange(len(there))[:, None], self._cells[there]), self._weighed[there])
        # Whole numbers throughout: no library of linear algebra, no threads of it, no rounding.
        products: Whole = (spread[:, self._cells[here]] * self._images[here]).sum(axis=2)
        return products.T

    def _exchange(self, one: int, other: int, mine: int, yours: int) -> None:
        self._changes[one] += 1
        self._changes[other] += 1
        for giver, taker, kind in ((one, other, mine), (other, one, yours)):
            if kind != self._none:
                # The last that came goes, to the front of the others: none goes to and fro.
                self._members[taker][kind].insert(0, self._members[giver][kind].pop())
                self._has[giver, kind] -= 1
                self._has[taker, kind] += 1
                moved = _UNIT * self._images[kind]
                np.subtract.at(self._off[giver], self._cells[kind], moved)
                np.add.at(self._off[taker], self._cells[kind], moved)

    def _weigh(self, weights: Whole) -> None:
        self._tried: dict[tuple[int, int, int], tuple[int, int]] = {}
        self._weights = weights
        self._weighed: Whole = self._images * weights[self._cells]
        self._squares: Whole = (self._weighed * self._images).sum(axis=1)

    def _pooled(self, whole: int, least: int, *, free: bool) -> list[Whole]:
        """The kinds that may change places: those of a stratum, all of them, and those of a rare size among themselves.

        Else the few large groups would be where they disturb least, and not where chance has put them. All are ``free``
        where others stay where they are: chance has had its turn.
        """
        groups = Counter(self._stock.sizes[kind] for kind in self._stock.groups.values())
        few = {size for size, count in groups.items() if count * least < _FEW * whole}
        if free or sum(groups[size] for size in few) > (1 - _MOSTLY) * groups.total():
            few = set()
        sizes, strata = np.array(self._stock.sizes), np.array(self._stock.strata)
        common = ~np.isin(sizes, sorted(few))
        pools = [np.flatnonzero((strata == stratum) & common) for stratum in sorted(set(self._stock.strata))]
        pools = [np.append(pool, self._none) for pool in (*pools, np.flatnonzero(common)) if len(pool)]
        return pools + [np.flatnonzero(sizes == size) for size in sorted(few)]
