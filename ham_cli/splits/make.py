"""A split made: groups kept whole, every diagnosis shared out by the ratios, the same on any machine."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ham_cli.dataset import Split
from ham_cli.errors import UnavailableError, WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.splits.recipe import Recipe

ALGORITHM = "ham-split-1"
"""Whoever changes what `make` returns for any table and recipe gives it a new number."""

READ = ("image_id", "group", "dx")
"""The columns that decide a split."""


def make(dataset: Dataset, recipe: Recipe) -> Split:
    """The split of a data set's images by a recipe.

    Depends on the recipe and on the columns `READ`, and on nothing else: neither the order of rows nor the machine.
    Raises `WrongUsageError` where there is nothing to split, `UnavailableError` where the table names no lesions.
    """
    rows = sorted((row for row in dataset.rows if row["in_record"]), key=lambda row: str(row["image_id"]))
    if not rows:
        raise WrongUsageError("there are no images to split", where=dataset.folder.path, fix="ham fetch metadata")
    nameless = sum(1 for row in rows if row["lesion_id"] is None)
    if nameless:
        raise UnavailableError(
            "a split needs lesion ids: images of one lesion would lie on two sides",
            where=dataset.folder.path,
            got=f"{nameless} of {len(rows)} images without one",
            fix="ham fetch metadata with a --source that has the record's own table",
        )
    parts = _shared_out(_strata(rows), recipe)
    labels = {
        "algorithm": ALGORITHM,
        "recipe": recipe.name,
        "seed": str(recipe.seed),
        "options": json.dumps(recipe.options(), sort_keys=True),
        "input_digest": input_digest(rows),
    }
    kept = ("image_id", "lesion_id", "group", "dx")
    return Split(tuple({n: row[n] for n in kept} | {"split": parts[row["group"]], "fold": None} for row in rows), labels)


def input_digest(rows: Iterable[dict[str, Any]]) -> str:
    """SHA-256 over the columns `READ`, as sorted-key JSON lines in the order of image ids."""
    lines = (json.dumps({name: row[name] for name in READ}, sort_keys=True) + "\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _strata(rows: Sequence[dict[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    """Diagnosis to its groups with how many images they have; a group of several counts where most of it is."""
    images: dict[str, Counter[str]] = {}
    for row in rows:
        images.setdefault(row["group"], Counter())[row["dx"]] += 1
    strata: dict[str, list[tuple[str, int]]] = {}
    for group, classes in images.items():
        dx = min(classes, key=lambda name: (-classes[name], name))
        strata.setdefault(dx, []).append((group, classes.total()))
    return strata


def _shared_out(strata: dict[str, list[tuple[str, int]]], recipe: Recipe) -> dict[str, str]:
    """Group to its part: within a diagnosis in the seed's order, each to the part that is furthest behind its ratio.

    A part that stays without any group of a diagnosis gets one, where another has two.
    """
    total = sum(weight for _, weight in recipe.shares)
    parts: dict[str, str] = {}
    for dx in sorted(strata):
        have: dict[str, dict[str, int]] = {part: {} for part, _ in recipe.shares}
        seen = 0
        for group, images in sorted(strata[dx], key=lambda entry: _place(recipe.seed, entry[0])):
            # One more image decides, not this group's own: else large groups would always go to the largest part.
            part = max(recipe.shares, key=lambda share: share[1] * (seen + 1) - total * sum(have[share[0]].values()))[0]
            have[part][group] = images
            seen += images
        _fill_empty(have, recipe, seen)
        parts |= {group: part for part, some in have.items() for group in some}
    return parts


def _fill_empty(have: dict[str, dict[str, int]], recipe: Recipe, images: int) -> None:
    """Give an empty part the smallest, and of these the last, group of the part that is furthest above its ratio."""
    total = sum(weight for _, weight in recipe.shares)
    for part in (part for part, some in have.items() if not some):
        richer = [share for share in recipe.shares if len(have[share[0]]) > 1]
        if not richer:
            return
        donor = have[max(richer, key=lambda share: total * sum(have[share[0]].values()) - share[1] * images)[0]]
        group = min(reversed(donor), key=lambda name: donor[name])
        have[part][group] = donor.pop(group)


def _place(seed: int, group: str) -> str:
    return hashlib.sha256(f"{ALGORITHM},{seed},{group}".encode()).hexdigest()
