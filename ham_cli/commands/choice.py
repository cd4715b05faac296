"""Which images a command is about: the options that name a split, a part, a partition, or words of a column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands import completing
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.record import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.commands.options import Run
    from ham_cli.dataset import Dataset

SplitName = Annotated[
    str | None,
    typer.Option(
        "--split", metavar="NAME|FILE", show_default=False, autocompletion=completing.splits, help="A split in the cache, or a split file."
    ),
]
Fold = Annotated[
    int | None,
    typer.Option("--fold", metavar="I", show_default=False, help="Of a split with folds: the one held out, as validation."),
]
Part = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="PART",
        show_default=False,
        autocompletion=completing.one_of(*PARTITIONS),
        help="Only this part of the split: train, validation or test.",
    ),
]
Partition = Annotated[
    str | None,
    typer.Option(
        "--partition",
        metavar="PARTITION",
        show_default=False,
        autocompletion=completing.one_of(*PARTITIONS),
        help="Only this published role: train, validation or test.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="COLUMN=WORDS",
        show_default=False,
        autocompletion=completing.conditions,
        help="Only images whose row says so: dx=mel,bcc; repeats, all must agree.",
    ),
]
OnePerLesion = Annotated[bool, typer.Option("--one-per-lesion", help="One image a lesion, the same one on every machine.")]


def loaded(run: Run) -> Dataset:
    """The whole data set of the cache that was named."""
    from ham_cli.dataset import opening

    dataset = opening.load(run.cache)
    run.console.record = dataset.record.id
    return dataset


def narrowed(
    run: Run,
    dataset: Dataset,
    *,
    split: str | None = None,
    fold: int | None = None,
    part: str | None = None,
    partition: str | None = None,
    only: Sequence[str] | None = None,
    one_per_lesion: bool = False,
) -> Dataset:
    """The images of a data set that were asked for; `WrongUsageError` where there is none."""
    from ham_cli import selection

    for name, value in (("--fold", fold), ("--part", part)):
        if value is not None and split is None:
            raise WrongUsageError(f"{name} is for a split", expected="--split NAME or FILE beside it", got=f"{name} {value}")
    if split == "":
        raise WrongUsageError("--split is empty", expected="the name of a split, or a split file", fix="is the variable that names it set?")
    if split is not None:
        dataset = dataset.split(Path(split) if split.startswith("~") else split, fold=fold)
        _say_left_out(run, dataset)
    if part is not None:
        dataset = dataset.part(part)
    if partition is not None:
        if partition in dataset.record.partitions and not any(row["partition"] == partition for row in dataset.rows) and split is None:
            fix = {"train": "ham fetch metadata", "test": "ham fetch test --sample 1"}.get(partition, f"ham fetch {partition}")
            where = dataset.folder.path
            raise UnavailableError(f"the table of the {partition} images is not fetched", where=where, fix=f"{fix} brings it")
        dataset = dataset.partition(partition)
    dataset = dataset.only(**dict(selection.parse(only or (), None, 0, dataset.record, banded=True).only))
    if one_per_lesion:
        dataset = dataset.one_per_lesion()
    if not dataset.rows:
        given = {"--fold": fold, "--part": part, "--partition": partition, "--only": " --only ".join(only or ()) or None}
        got = " ".join(f"{name} {value}" for name, value in given.items() if value is not None)
        raise WrongUsageError("no image is left by these options", got=got or f"--split {split}", fix=_other_part(dataset, fold, part))
    return dataset


def _other_part(dataset: Dataset, fold: int | None, part: str | None) -> str:
    """What to do next where nothing is left."""
    if part is None or dataset.joined is None or not dataset.joined.folds:
        return "look at --only, --part and --partition: must all of them be?"
    if fold is None:
        return "this split has folds: --fold I holds one out as validation, and the others are train"
    if part in dataset.joined.parts.values() or part != "test":
        return "look at --only, --part, --partition and --fold: must all of them be?"
    return "with --fold there are the parts validation, which is that fold, and train, which are the others: this split has no test"


def _say_left_out(run: Run, dataset: Dataset) -> None:
    """Say how many training images stand in no part of the split: a file may have been cut short."""
    counts = dataset.record.partitions.get("train")
    if counts and (left := counts.images - sum(1 for row in dataset.rows if row["partition"] == "train")) > 0:
        run.console.say(f"{left} of {counts.images} training images stand in no part of this split")
