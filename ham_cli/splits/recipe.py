"""How a split is to be made, from what was typed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from ham_cli.errors import WrongUsageError

PARTS = {2: ("train", "test"), 3: ("train", "validation", "test")}
"""The parts that so many ratios are for."""

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Recipe:
    """What decides a split, beside the table."""

    shares: tuple[tuple[str, int], ...]
    """Parts with their weights, whole numbers in lowest terms."""
    seed: int = 0

    @property
    def name(self) -> str:
        """Such as ``r70-15-15-s0``: the name of the split where none is given."""
        total = sum(weight for _, weight in self.shares)
        hundredths = [Fraction(100 * weight, total) for _, weight in self.shares]
        whole = all(share.denominator == 1 for share in hundredths)
        numbers = [share.numerator for share in hundredths] if whole else [weight for _, weight in self.shares]
        return f"r{'-'.join(map(str, numbers))}-s{self.seed}"

    def options(self) -> dict[str, object]:
        """The options as they stand in the split's metadata."""
        return {"ratios": dict(self.shares)}


def recipe(ratios: str, seed: int) -> Recipe:
    """The recipe for typed ratios such as ``70/15/15`` or ``0.8/0.2``; two are train and test.

    Raises `WrongUsageError` for anything but two or three positive numbers.
    """
    cells = ratios.split("/")
    if len(cells) not in PARTS or not all(_NUMBER.fullmatch(cell) and Fraction(cell) > 0 for cell in cells):
        expected = "two or three numbers above 0, as 70/15/15 (train/validation/test) or 80/20 (train/test)"
        raise WrongUsageError("--ratios cannot be read", expected=expected, got=ratios)
    exact = [Fraction(cell) for cell in cells]
    common = math.lcm(*(share.denominator for share in exact))
    if min(exact) * 1000 < sum(exact):
        raise WrongUsageError("--ratios has a part of less than a thousandth", expected="parts that get some images", got=ratios)
    weights = [int(share * common) for share in exact]
    divisor = math.gcd(*weights)
    return Recipe(tuple((part, weight // divisor) for part, weight in zip(PARTS[len(cells)], weights, strict=True)), seed)


def split_name(name: str) -> str:
    """A name for a split in the cache, if it is one; `WrongUsageError` for what could be another file's path."""
    if not _NAME.fullmatch(name) or name.endswith((".csv", ".parquet")):
        expected = "letters, digits, dots, dashes and underscores, and no file's ending"
        raise WrongUsageError("this is no name for a split", expected=expected, got=name, fix="a file is named with -o FILE")
    return name
