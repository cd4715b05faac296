"""Numbers that look thrown and are the same on every machine: whole numbers from a seed, without floats."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Thing = TypeVar("Thing")

STEP = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The constants of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""

_ALL = (1 << 64) - 1


def mixed(number: int) -> int:
    """A number of 64 bits, none of which shows what ``number`` was."""
    number = (number + STEP) & _ALL
    number = ((number ^ (number >> 30)) * FIRST) & _ALL
    number = ((number ^ (number >> 27)) * SECOND) & _ALL
    return number ^ (number >> 31)


class Chance:
    """A row of thrown numbers that its seed decides."""

    def __init__(self, *seed: int) -> None:
        self._state = 0
        for number in seed:
            self._state = mixed(self._state ^ number)

    def bits(self) -> int:
        """A number of 64 bits."""
        self._state = (self._state + STEP) & _ALL
        return mixed(self._state)

    def below(self, end: int) -> int:
        """A number from 0 to ``end`` - 1."""
        return self.bits() % end

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both of them possible."""
        return low + self.below(high - low + 1)

    def about(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, those in the middle more often."""
        return (self.between(low, high) + self.between(low, high)) // 2

    def of(self, things: Sequence[Thing]) -> Thing:
        """One of the things."""
        return things[self.below(len(things))]

    def weighted(self, weights: Mapping[Thing, int]) -> Thing:
        """One of the things, each as often as its weight says."""
        left = self.below(sum(weights.values()))
        for thing, weight in weights.items():
            if left < weight:
                return thing
            left -= weight
        raise AssertionError("the weights end before their sum")

    def shuffled(self, things: Iterable[Thing]) -> list[Thing]:
        """The things in another order."""
        return [thing for _, thing in sorted(((self.bits(), thing) for thing in things), key=lambda pair: pair[0])]
