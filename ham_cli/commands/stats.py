"""``ham stats``: images and lesions counted, pixels and masks measured, ratings weighed."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (the parser reads annotations while the program runs)
from typing import Annotated

import typer

from ham_cli.commands import completing
from ham_cli.commands.choice import Fold, Only, Part, Partition, SplitName, loaded, narrowed
from ham_cli.commands.crew import Dask, hired
from ham_cli.commands.options import RARELY, Jobs, Run, command
from ham_cli.errors import WrongUsageError

EXAMPLES = (
    "ham stats",
    "ham stats --by dx,dataset",
    "ham stats --by dx --split r70-15-15-s0",
    "ham stats --partition train --by age_band,sex -o counts.csv",
    "ham stats --json | jq .result.figures.weights",
    "ham stats --pixels --split r70-15-15-s0 --part train",
    "ham stats --masks -o masks.parquet",
    "ham stats --ratings --only dx=mel",
    "ham stats --pixels --json | jq .result.paste.torchvision",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {3: "an image, a mask or a row of the ratings is wrong, and in no number", 4: "what is to be counted is not fetched yet"}
    command(app, "stats", examples=EXAMPLES, codes=codes, see=("report", "split", "check"))(stats)


def stats(
    run: Run,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMNS",
            show_default=False,
            autocompletion=completing.columns,
            help="By these, up to three crossed: dx,dataset.",
        ),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Channel means and standard deviations, brightness and contrast, of the images here.")
    ] = False,
    masks: Annotated[bool, typer.Option("--masks", help="Area, place and components of the lesion masks here.")] = False,
    ratings: Annotated[
        bool, typer.Option("--ratings", help="What people said of the test images, without and with help, and how often they were right.")
    ] = False,
    split: SplitName = None,
    fold: Fold = None,
    part: Part = None,
    partition: Partition = None,
    only: Only = None,
    whole: Annotated[bool, typer.Option("--whole", help="All of it as one, not a partition or part at a time.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            readable=False,
            show_default=False,
            help="Write the counts here too, or the rows of what was measured or rated, as .parquet or .csv.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            metavar="N",
            show_default=False,
            help="With --ratings: of the resampled lesions; else 0.",
            rich_help_panel=RARELY,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With -o: write also over what is no such table.", rich_help_panel=RARELY)] = False,
    jobs: Jobs = None,
    dask: Dask = None,
) -> int:
    """Count images and lesions by any columns, or measure pixels and masks, or weigh the ratings.

    By diagnosis, ground truth, sex, age, body site and source, then ages, images per lesion and class weights; the
    published partitions side by side, or with --split its parts. Counts need only the tables, no image.
    Numbers also stand in the cache, manifests/stats/, as Parquet.
    """
    from ham_cli import pool

    asked = [name for name, wanted in (("--pixels", pixels), ("--masks", masks), ("--ratings", ratings)) if wanted]
    if len(asked) > 1:
        raise WrongUsageError("these are measured one at a time", got=" ".join(asked), fix="run ham stats once for each")
    unfit = [("--by", ratings and by), ("--whole", ratings and whole), ("--seed", not ratings and seed is not None)]
    if found := next((name for name, given in unfit if given), None):
        raise WrongUsageError(f"{found} {'does not go' if ratings else 'only goes'} with --ratings", fix="leave one of them out")
    dataset = narrowed(run, loaded(run), split=split, fold=fold, part=part, partition=partition, only=only)
    for sentence in dataset.altered:
        run.console.warn(sentence)
    if ratings:
        from ham_cli.commands.rating import rated

        return rated(run, dataset, output, seed=seed or 0, force=force)
    options = {"by": by, "split": split, "fold": fold, "part": part, "partition": partition, "only": only, "whole": whole or None}
    if not asked:
        from ham_cli.commands.counting import count

        return count(run, dataset, options, output, force=force)
    from ham_cli.commands.measuring import measure_masks, measure_pixels

    measured = measure_pixels if pixels else measure_masks
    with hired(jobs, dask) as workers:
        pool.require(workers, dataset.folder.manifest("images"))
        return measured(run, dataset, options, output, force=force, jobs=workers)
