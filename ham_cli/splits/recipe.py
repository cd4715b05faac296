"""How a split is to be made, from what was typed."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ham_cli import selection
from ham_cli.errors import WrongUsageError
from ham_cli.record import PARTITIONS
from ham_cli.splits.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.record import Record

PARTS = {2: ("train", "test"), 3: ("train", "validation", "test")}
"""The parts that so many ratios are for, where the test is not chosen otherwise."""

BALANCED = ("dx", "dataset", "dx_type", "sex", "age_band", "localization")
"""The columns that a split can be balanced by."""

MOST_FOLDS = 100

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST = 80
"""Letters of a name that is made of the options; longer ones end in a digest."""

Only = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Recipe:
    """What decides a split, beside the table."""

    shares: tuple[tuple[str, int], ...] = ()
    """Parts, or numbers of folds, with their weights: whole numbers in lowest terms. None for a preset."""
    seed: int = 0
    preset: str | None = None
    """The name of a published split."""
    folds: bool = False
    official: bool = False
    """Whether the published test images are the test."""
    hold_out: tuple[str, tuple[str, ...]] | None = None
    """The column, and its words, whose images are the test."""
    stratify: tuple[str, ...] = ()
    """What is balanced; none: what `ham_cli.splits.stock.MARGINS` says."""
    partition: str = "train"
    """The published role whose images are split."""
    only: Only = ()
    """Columns with the words that are wanted."""
    one_per_lesion: bool = False
    known_duplicates: bool = True
    """Whether lesions that are known to be one stay together."""
    keep: str | None = None
    """The digest of the split whose assignments stay."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the split, in their order; the numbers of its folds."""
        if self.preset:
            return PARTITIONS
        test = ("test",) if self.official or self.hold_out else ()
        return (*(part for part, _ in self.shares), *test)

    @property
    def name(self) -> str:
        """Such as ``r70-15-15-s0``: the name of the split where none is given."""
        if self.preset:
            return self.preset
        words = [f"f{len(self.shares)}" if self.folds else f"r{'-'.join(map(str, self._percent()))}", *self._details(), f"s{self.seed}"]
        name = re.sub(r"[^A-Za-z0-9.+-]+", "_", "-".join(words))
        if len(name) <= _LONGEST:
            return name
        digest = hashlib.sha256(json.dumps(self.options(), sort_keys=True).encode()).hexdigest()
        return f"{words[0]}-{digest[:8]}-s{self.seed}"

    def options(self) -> dict[str, Any]:
        """The options as they stand in the split's metadata: those that were wished."""
        if self.preset:
            return {"preset": self.preset}
        told: dict[str, Any] = {"folds": len(self.shares)} if self.folds else {"ratios": dict(self.shares)}
        wished = {
            "test": "official" if self.official else None,
            "hold_out": self.hold_out and {self.hold_out[0]: list(self.hold_out[1])},
            "stratify": list(self.stratify),
            "partition": None if self.partition == "train" else self.partition,
            "only": {column: list(words) for column, words in self.only},
            "one_per_lesion": self.one_per_lesion,
            "no_known_duplicates": not self.known_duplicates,
            "keep": self.keep,
        }
        return told | {name: value for name, value in wished.items() if value}

    def _percent(self) -> list[int]:
        total = sum(weight for _, weight in self.shares)
        hundredths = [Fraction(100 * weight, total) for _, weight in self.shares]
        whole = all(share.denominator == 1 for share in hundredths)
        return [share.numerator for share in hundredths] if whole else [weight for _, weight in self.shares]

    def _details(self) -> list[str]:
        """What is not as usual, in words for a name."""
        usual = self.folds or self.official or self.hold_out or self.parts == PARTS[len(self.shares)]
        told = [] if usual else ["+".join(self.parts)]
        told += ["official"] if self.official else []
        told += ["hold-out", self.hold_out[0], *self.hold_out[1]] if self.hold_out else []
        told += ["by", *self.stratify] if self.stratify else []
        told += [] if self.partition == "train" else [self.partition]
        for column, words in self.only:
            told += ["only", column, *words]
        told += ["one-per-lesion"] if self.one_per_lesion else []
        told += [] if self.known_duplicates else ["plain-lesions"]
        return [*told, f"keep-{self.keep[:8]}"] if self.keep else told


def shares_of(ratios: str | None, names: str | None = None, *, has_test: bool = False) -> tuple[tuple[str, int], ...]:
    """Parts with their weights from ratios such as ``70/15/15`` or ``0.8/0.2``; two are train and test, unless named.

    Where the test ``has`` its images already, two are train and validation. Raises `WrongUsageError` for anything but
    two or three positive numbers, and for names that are no parts.
    """
    ratios = ratios if ratios is not None else "85/15" if has_test else "70/15/15"
    cells = ratios.split("/")
    counts = (2,) if has_test else tuple(PARTS)
    if len(cells) not in counts or not all(_NUMBER.fullmatch(cell) and Fraction(cell) > 0 for cell in cells):
        two = "two numbers above 0, as 85/15 (train/validation)"
        expected = two if has_test else "two or three numbers above 0, as 70/15/15 (train/validation/test) or 80/20 (train/test)"
        raise WrongUsageError("--ratios cannot be read", expected=expected, got=ratios)
    parts = ("train", "validation") if has_test else PARTS[len(cells)]
    if names is not None:
        parts = tuple(name.strip() for name in names.split(","))
        if len(set(parts)) != len(cells) or len(parts) != len(cells) or not set(parts) <= set(PARTITIONS):
            expected = f"{len(cells)} of {', '.join(PARTITIONS)}, each once: one for each ratio"
            raise WrongUsageError("--names cannot be read", expected=expected, got=names)
        if has_test and "test" in parts:
            raise WrongUsageError("--names has test, and the test has its images already", got=names, fix="name train,validation")
    exact = [Fraction(cell) for cell in cells]
    if min(exact) * 1000 < sum(exact):
        raise WrongUsageError("--ratios has a part of less than a thousandth", expected="parts that get some images", got=ratios)
    common = math.lcm(*(share.denominator for share in exact))
    weights = [int(share * common) for share in exact]
    divisor = math.gcd(*weights)
    return tuple((part, weight // divisor) for part, weight in zip(parts, weights, strict=True))


def folds_of(count: int) -> tuple[tuple[str, int], ...]:
    """So many folds of one size; `WrongUsageError` for fewer than two."""
    if not 1 < count <= MOST_FOLDS:
        raise WrongUsageError("--folds cannot be made", expected=f"2 to {MOST_FOLDS}", got=count)
    return tuple((str(number), 1) for number in range(count))


def held_out(text: str, record: Record) -> tuple[str, tuple[str, ...]]:
    """The column and words of ``dataset=rosendahl``; raises `WrongUsageError` for what the record does not know."""
    if text.startswith("partition="):
        raise WrongUsageError("--hold-out is for a column of the training table", got=text, fix="--test official holds the test images out")
    ((column, words),) = selection.parse([text], None, 0, record, banded=True, option="--hold-out").only
    return column, words


def stratified(text: str | None) -> tuple[str, ...]:
    """The columns of ``dx,sex``; raises `WrongUsageError` for others than `BALANCED`."""
    if text is None:
        return ()
    columns = tuple(name.strip() for name in text.split(","))
    if not set(columns) <= set(BALANCED) or len(set(columns)) < len(columns):
        raise WrongUsageError("--stratify cannot be read", expected=f"some of {', '.join(BALANCED)}, each once", got=text)
    return columns


def contradiction(given: Sequence[str]) -> None:
    """Raise `WrongUsageError` for two options that both decide the same thing."""
    for first, second in (("--ratios", "--folds"), ("--test", "--hold-out"), ("--names", "--folds")):
        if first in given and second in given:
            raise WrongUsageError(f"{first} and {second} contradict each other", fix="leave one of them out")
    if "--preset" in given and len(given) > 1:
        others = ", ".join(name for name in given if name != "--preset")
        raise WrongUsageError("a preset is a published split, and has no options", got=others, fix="leave out either --preset or these")


def split_name(name: str, preset: str | None = None) -> str:
    """A name for a split in the cache, if it is one; `WrongUsageError` for what could be another file's path, or a preset."""
    if name in PRESETS and name != preset:
        raise WrongUsageError("this is the name of a published split", got=name, fix=f"ham split --preset {name} makes it")
    if not _NAME.fullmatch(name) or name.endswith((".csv", ".parquet")):
        expected = "letters, digits, dots, dashes and underscores, and no file's ending"
        raise WrongUsageError("this is no name for a split", expected=expected, got=name, fix="a file is named with -o FILE")
    return name
