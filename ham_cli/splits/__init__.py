"""Splits: made here, and in `checking` held against the record."""

from ham_cli.splits.make import ALGORITHM, make
from ham_cli.splits.presets import PRESETS
from ham_cli.splits.quality import Quality, quality
from ham_cli.splits.recipe import BALANCED, Recipe, contradiction, folds_of, held_out, shares_of, split_name, stratified

__all__ = [
    "ALGORITHM",
    "BALANCED",
    "PRESETS",
    "Quality",
    "Recipe",
    "contradiction",
    "folds_of",
    "held_out",
    "make",
    "quality",
    "shares_of",
    "split_name",
    "stratified",
]
