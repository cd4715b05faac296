"""What ``ham split`` is asked, made a recipe; and what it says of a split."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset, Split
    from ham_cli.splits import Quality, Recipe

LABELS = "dx_type and dataset leak the diagnosis: keep them out of a model, and look at its results by each of them."

_FOLDS = 5
"""Folds that are advised where a test is thin."""


@dataclass(frozen=True)
class Typed:
    """The options as they were typed."""

    ratios: str | None
    folds: int | None
    names: str | None
    seed: int
    test: str | None
    hold_out: str | None
    preset: str | None
    stratify: str | None
    partition: str | None
    only: Sequence[str] | None
    one_per_lesion: bool
    no_known_duplicates: bool
    keep: str | None

    def given(self) -> list[str]:
        """The options that were typed, by their names."""
        typed = [name for name, value in vars(self).items() if value is not None and value is not False and value != []]
        return [f"--{name.replace('_', '-')}" for name in typed if name != "seed"]


def recipe(typed: Typed, dataset: Dataset, keep: Split | None) -> Recipe:
    """The recipe that was typed; `WrongUsageError` for one that cannot be."""
    from ham_cli import selection, splits

    splits.contradiction(typed.given())
    if typed.preset is not None:
        if typed.preset not in splits.PRESETS:
            raise WrongUsageError("there is no such preset", expected=", ".join(splits.PRESETS), got=typed.preset)
        return splits.Recipe(preset=typed.preset)
    if typed.test not in {None, "official"}:
        raise WrongUsageError("--test cannot be read", expected="official: the 1511 images of the ISIC 2018 test", got=typed.test)
    if typed.partition is not None:
        dataset.partition(typed.partition)
    if typed.test and typed.partition not in {None, "train"}:
        got = f"--partition {typed.partition}"
        raise WrongUsageError("--test official is for the training images", got=got, fix="leave one of them out")
    has_test = typed.test is not None or typed.hold_out is not None
    only = selection.parse(typed.only or (), None, 0, dataset.record, banded=True).only
    return splits.Recipe(
        shares=splits.folds_of(typed.folds) if typed.folds is not None else splits.shares_of(typed.ratios, typed.names, has_test=has_test),
        seed=typed.seed,
        folds=typed.folds is not None,
        official=typed.test is not None,
        hold_out=splits.held_out(typed.hold_out, dataset.record) if typed.hold_out is not None else None,
        stratify=splits.stratified(typed.stratify),
        partition=typed.partition or "train",
        only=only,
        one_per_lesion=typed.one_per_lesion,
        known_duplicates=not typed.no_known_duplicates,
        keep=keep.digest if keep else None,
    )


def lacking(quality: Quality) -> list[str]:
    """A sentence for each part that is empty, or has to do without a class."""
    told = []
    for total in quality.totals:
        part = f"fold {total.part}" if total.part.isdigit() else total.part
        some = quality.lacking(total.part)
        if not total.images:
            told.append(f"{part} is empty: there are too few lesions")
        elif some:
            told.append(f"{part} has no image of {', '.join(some)}")
    return told


def thin(quality: Quality, made: Split, dataset: Dataset, recipe: Recipe) -> list[str]:
    """How uncertain results on the classes of few lesions are, and what would make them surer; no word where none is thin."""
    told, classes = [], []
    for where, few in quality.thin.items():
        uncertain = ", ".join(_uncertain(one.dx, one.lesions) for one in few)
        told.append(f"A recall of 0.75 in {where} is uncertain by (95 %, by lesions) {uncertain}.")
        classes += [one.dx for one in few]
    better = []
    for name, lesions in _alternatives(made, dataset, recipe) if classes else ():
        surer = [_uncertain(dx, lesions[dx]) for dx in dict.fromkeys(classes) if lesions.get(dx)]
        better += [f"{name} {', '.join(surer)}"] if surer else []
    return [*told, f"Surer: {'; '.join(better)}."] if better else told


def _alternatives(made: Split, dataset: Dataset, recipe: Recipe) -> list[tuple[str, dict[str, int]]]:
    """What other tests there are, with their lesions by class; none that could not be made."""
    from ham_cli.splits.quality import lesions_by_class

    usual = not recipe.hold_out and not recipe.only and recipe.partition == "train" and not recipe.preset
    found = []
    if usual and not recipe.official:
        test = [row for row in dataset.rows if row["partition"] == "test" and row["in_record"]]
        if test and all(row["lesion_id"] for row in test):
            found.append(("--test official", lesions_by_class(test)))
    if recipe.folds:
        found.append(("pooled over all folds", lesions_by_class(row for row in made.rows if row["fold"] is not None)))
    elif usual:
        lesions = lesions_by_class(dataset.partition("train").rows)
        found += [(f"--folds {_FOLDS}, pooled", lesions)] if min(lesions.values()) >= _FOLDS else []
    return found


def _uncertain(dx: str, lesions: int) -> str:
    from ham_cli.splits.doubt import HARDLY, half_width

    return f"{dx} +-{half_width(lesions):.2f} ({lesions})" if lesions >= HARDLY else f"{dx} ({lesions}: too few to say)"


def notes(recipe: Recipe, made: Split, dataset: Dataset) -> list[str]:
    """What is said with every split, and of a published one what it is."""
    from ham_cli import splits
    from ham_cli.splits.doubt import PATIENTS

    preset = splits.PRESETS[recipe.preset] if recipe.preset else None
    told = [*(() if preset.leaks else (preset.what,)), *(f"cite: {one}" for one in preset.cite)] if preset else []
    if recipe.hold_out and (left := _left_out(recipe, made, dataset)):
        told.append(f"{counted(left, 'image')} of lesions that are also among the held-out ones: in no part, as a lesion stays whole.")
    return [*told, LABELS, PATIENTS]


def _left_out(recipe: Recipe, made: Split, dataset: Dataset) -> int:
    wanted = dataset.partition(recipe.partition).only(**dict(recipe.only))
    wanted = wanted.one_per_lesion(recipe.seed) if recipe.one_per_lesion else wanted
    return sum(1 for row in wanted.rows if row["in_record"]) - len(made.rows)


def taken_as(typed: Typed, recipe: Recipe) -> list[str]:
    """How ratios are understood that look like percentages and are none."""
    if typed.ratios is None:
        return []
    total = sum(Fraction(cell) for cell in typed.ratios.split("/"))
    if total in {1, 100} or not 50 < total < 150:  # noqa: PLR2004  (2/1 and 1/1/1 are meant as they are)
        return []
    whole = sum(weight for _, weight in recipe.shares)
    shares = ", ".join(f"{100 * weight / whole:.1f} % {part}" for part, weight in recipe.shares)
    return [f"--ratios {typed.ratios} do not add up to 100: taken as {shares}; no image is left out"]


def warnings(quality: Quality, recipe: Recipe) -> list[str]:
    """What is wrong with a split: classes that a part has to do without, and a published one that leaks."""
    from ham_cli import splits

    leaking = [one.what for name, one in splits.PRESETS.items() if name == recipe.preset and one.leaks]
    return [*leaking, *lacking(quality)]


def kept_words(keep: Split, made: Split) -> str:
    """How many images stayed where they were, were placed, and are in no part any more."""
    stayed = sum(1 for image_id in made.parts if image_id in keep.parts)
    gone = sum(1 for image_id in keep.parts if image_id not in made.parts)
    told = f"images that keep their part: {stayed}; newly placed: {len(made.rows) - stayed}"
    return f"{told}; in the earlier split only, as these options leave them out: {gone}" if gone else told


def fields(recipe: Recipe, made: Split, quality: Quality) -> dict[str, Any]:
    """The split as ``--json`` shows it."""
    return {
        "digest": made.digest,
        "algorithm": made.labels["algorithm"],
        "input_digest": made.labels.get("input_digest"),
        "seed": None if recipe.preset else recipe.seed,
        "options": recipe.options(),
        "parts": [{key: value for key, value in total.fields().items() if key != "dx"} for total in quality.totals],
        "dx": [share.fields() for share in quality.shares],
        "thin": [one.fields() for few in quality.thin.values() for one in few],
    }


def earlier(dataset: Dataset, keep: str | None) -> Split | None:
    """The split whose assignments stay; raises for one that is not there, or names images that are not."""
    from ham_cli.dataset import read_split

    if keep is None:
        return None
    found = read_split(dataset.split_path(keep))
    try:
        dataset.join(found, keep)
    except WrongUsageError as error:
        raise UnavailableError(error.what, where=error.where, got=error.got, fix=error.fix) from error
    return found
