"""A split made: groups kept whole, every diagnosis shared out by the ratios, the same on any machine."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ham_cli.dataset import Split
from ham_cli.errors import UnavailableError, WrongUsageError, quoted
from ham_cli.selection import matching
from ham_cli.splits import presets
from ham_cli.splits.balance import share_out
from ham_cli.splits.recipe import BALANCED
from ham_cli.splits.stock import margins, stock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.splits.recipe import Recipe

    Row = dict[str, Any]

ALGORITHM = "ham-split-2"
"""Whoever changes what `make` returns for any table and recipe gives it a new number."""

READ = ("image_id", "group", *BALANCED)
"""The columns that decide a split."""


def make(dataset: Dataset, recipe: Recipe, keep: Split | None = None) -> Split:
    """The split of a data set's images by a recipe; of ``keep`` earlier assignments stay, and only new groups are placed.

    Depends on these, and of the table on the columns `READ`, on nothing else: neither the order of rows nor the machine.
    Raises `WrongUsageError` where there is nothing to split or a wish cannot be met, `UnavailableError` where the
    table names no lesions, or not the images of a preset.
    """
    if recipe.preset:
        return presets.published(dataset, recipe.preset)
    rows, test = _chosen(dataset, recipe)
    _require_lesions(rows, dataset)
    stocked = stock(rows, margins(recipe.stratify))
    if recipe.folds:
        _require_groups(rows, len(recipe.shares))
    # A lesion keeps its part also where another one of its images was kept.
    everything = _grouped(dataset.partition(recipe.partition).rows, recipe) if keep else []
    kept = _kept([row for row in everything if row["group"] in stocked.groups], test, keep, recipe)
    parts = share_out(stocked, recipe.shares, recipe.seed, ALGORITHM, kept)
    parts |= _filled(rows, recipe.shares, parts, kept)
    labels = {
        "algorithm": ALGORITHM,
        "recipe": recipe.name,
        "seed": str(recipe.seed),
        "options": json.dumps(recipe.options(), sort_keys=True),
        "input_digest": input_digest([*rows, *test]),
    }
    assigned = [(row, parts[row["group"]]) for row in rows] + [(row, "test") for row in test]
    return Split(tuple(Split.row(row, part) for row, part in sorted(assigned, key=lambda one: str(one[0]["image_id"]))), labels)


def input_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over the columns `READ`, as sorted-key JSON lines in the order of image ids."""
    digest, written = hashlib.sha256(), json.JSONEncoder(sort_keys=True).encode
    for row in sorted(rows, key=lambda row: str(row["image_id"])):
        digest.update(f"{written({name: row[name] for name in READ})}\n".encode())
    return digest.hexdigest()


def _chosen(dataset: Dataset, recipe: Recipe) -> tuple[list[Row], list[Row]]:
    """The rows that are shared out, and those that are the test already; both in the order of image ids."""
    wanted = dataset.partition(recipe.partition).only(**dict(recipe.only))
    if recipe.one_per_lesion:
        wanted = wanted.one_per_lesion(recipe.seed)
    rows = _grouped(wanted.rows, recipe)
    if not rows:
        fix = "look at --only and --partition" if recipe.only or recipe.partition != "train" else "ham fetch metadata"
        raise WrongUsageError("there are no images to split", where=dataset.folder.path, fix=fix)
    test: list[Row] = []
    if recipe.official:
        test = _grouped(dataset.partition("test").only(**dict(recipe.only)).rows, recipe)
        if not test:
            raise UnavailableError("the images of the official test are not known here", where=dataset.folder.path, fix="ham fetch test")
    if recipe.hold_out:
        test = list(matching(rows, [recipe.hold_out]))
        inside = {row["group"] for row in test}
        rows = [row for row in rows if row["group"] not in inside]
        if not test or not rows:
            got = "no image" if not test else "every image, or every lesion"
            raise WrongUsageError("--hold-out leaves nothing to learn from, or nothing to test on", expected="some images", got=got)
    return rows, test


def _grouped(rows: Iterable[Row], recipe: Recipe) -> list[Row]:
    held = sorted((row for row in rows if row["in_record"]), key=lambda row: str(row["image_id"]))
    return held if recipe.known_duplicates else [row | {"group": row["lesion_id"] or row["image_id"]} for row in held]


def _require_lesions(rows: Sequence[Row], dataset: Dataset) -> None:
    nameless = sum(1 for row in rows if row["lesion_id"] is None)
    if nameless:
        counts = {row["partition"]: dataset.record.partitions.get(row["partition"]) for row in rows}
        if all(count is not None and count.lesions is None for count in counts.values()):
            fix = "no table of the record names lesions of these images: split the training images (--partition train)"
        else:
            fix = "ham fetch metadata with a --source that has the record's own table"
        raise UnavailableError(
            "a split needs lesion ids: images of one lesion would lie on two sides",
            where=dataset.folder.path,
            got=f"{nameless} of {len(rows)} images without one",
            fix=fix,
        )


def _require_groups(rows: Sequence[Row], folds: int) -> None:
    groups = {dx: len({row["group"] for row in rows if row["dx"] == dx}) for dx in sorted({row["dx"] for row in rows})}
    dx = min(groups, key=lambda name: (groups[name], name))
    if groups[dx] < folds:
        expected = f"at most {groups[dx]}, as there are no more lesions of {dx}"
        raise WrongUsageError("--folds is more than there are lesions of a class", expected=expected, got=folds)


def _kept(rows: Sequence[Row], test: Sequence[Row], keep: Split | None, recipe: Recipe) -> dict[str, str]:
    """Group to the part that it has in an earlier split."""
    if keep is None:
        return {}
    known = [(row, part) for row in rows if (part := keep.parts.get(row["image_id"])) is not None]
    tested = [(row, part) for row in test if (part := keep.parts.get(row["image_id"])) is not None]
    allowed = [name for name, _ in recipe.shares]
    strange = [part for _, part in known if part not in allowed] + [part for _, part in tested if part != "test"]
    if strange:
        expected = f"{', '.join(allowed)}{'; and test for the images that are held out' if test else ''}"
        fix = "give the options it was made with"
        raise WrongUsageError("the split to keep has images in another part", expected=expected, got=strange[0], fix=fix)
    kept: dict[str, str] = {}
    for row, part in known:
        if kept.setdefault(row["group"], part) != part:
            got = f"{quoted(row['group'])}, in {kept[row['group']]} and in {part}"
            raise WrongUsageError("the split to keep has a lesion on two sides", got=got, fix="ham check FILE shows which")
    if not known and not tested:
        fix = "look at --only and --partition"
        raise WrongUsageError("the split to keep has none of these images", got=f"{len(keep.rows)} of other ids", fix=fix)
    return kept


def _filled(rows: Iterable[Row], shares: Sequence[tuple[str, int]], parts: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """Groups that move, so that no part has to do without a class of which another has two."""
    total = sum(weight for _, weight in shares)
    by_class: dict[str, Counter[str]] = {}
    for row in rows:
        by_class.setdefault(row["dx"], Counter())[row["group"]] += 1
    moved: dict[str, str] = {}
    for _, images in sorted(by_class.items()):
        have = {part: {group for group in images if (moved.get(group) or parts[group]) == part} for part, _ in shares}
        for part in (part for part, some in have.items() if not some):
            above = {
                name: total * sum(images[group] for group in have[name]) - weight * images.total()
                for name, weight in shares
                if len(have[name]) > 1 and have[name] - kept.keys()
            }
            if not above:
                break
            donor = have[max(above, key=above.__getitem__)]
            group = min(donor - kept.keys(), key=lambda name: (images[name], name))
            donor.remove(group)
            have[part].add(group)
            moved[group] = part
    return moved
