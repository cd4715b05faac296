"""Splits: made here."""

from ham_cli.splits.make import ALGORITHM, make
from ham_cli.splits.recipe import Recipe, recipe, split_name

__all__ = ["ALGORITHM", "Recipe", "make", "recipe", "split_name"]
