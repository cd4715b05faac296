"""``ham split``: images into train, validation and test, no lesion on two sides."""

from __future__ import annotations

import contextlib
from pathlib import Path  # noqa: TC003  (the parser reads annotations while the program runs)
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands.choice import loaded
from ham_cli.commands.options import Run, command, output_file
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset, Split

EXAMPLES = (
    "ham split",
    "ham split --ratios 80/20 --seed 7 --name mine",
    "ham split -o splits/s0.parquet",
    "ham split -o s0.csv && ham stats --split s0.csv",
)

PATIENTS = "Patients are not identified in this record, so patient overlap cannot be excluded."


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "split", examples=EXAMPLES)(split)


def split(
    run: Run,
    ratios: Annotated[str, typer.Option("--ratios", metavar="A/B[/C]", help="Train/validation/test, or train/test.")] = "70/15/15",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed is another split; the same one is the same everywhere.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            readable=False,
            show_default=False,
            help="Write it here, as .parquet or .csv.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", show_default=False, help="Its name in the cache; else made of the options: r70-15-15-s0."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another split of this name, or in this file.")] = False,
) -> int:
    """Share out the training images: lesions whole, known duplicates together, every diagnosis by the ratios.

    Needs only the metadata. The same seed and ratios give the same split, with the same digest, on any machine.
    """
    from ham_cli import splits

    recipe = splits.recipe(ratios, seed)
    called = recipe.name if name is None else splits.split_name(name)
    dataset = loaded(run)
    made = splits.make(dataset.partition("train"), recipe)
    targets = []
    if output is not None:
        targets.append(output_file(output, "a split is", run.cache))
    if output is None or name is not None:
        targets.append(dataset.folder.splits / f"{called}.parquet")
    if not force:
        for target in targets:
            _require_same(target, made)
    written = [target for target in targets if _put(target, made, dataset)]
    _show(run, dataset, made, [part for part, _ in recipe.shares])
    for target in targets:
        run.console.say(f"{'written' if target in written else 'unchanged'}: {target}")
    for sentence in dataset.altered:
        run.console.warn(sentence)
    run.console.say(PATIENTS)
    files = {"files": [str(target) for target in targets], "written": [str(target) for target in written]}
    run.console.result = {"name": called, **run.console.result, **files, "notes": [PATIENTS]}
    return 0


def _require_same(path: Path, made: Split) -> None:
    """Raise `WrongUsageError` where something else lies in the place: somebody's results hang on it."""
    from ham_cli.dataset import read_split

    if not path.exists():
        return
    fix = "give this one another name with --name or -o, or replace the old one with --force"
    try:
        there = read_split(path)
    except WrongUsageError as error:
        raise WrongUsageError("something else lies there already", where=path, got=error.got or error.what, fix=fix) from error
    if there.digest != made.digest:
        raise WrongUsageError("another split lies there already", where=path, expected=_told(made), got=_told(there), fix=fix)


def _told(split: Split) -> str:
    """A split as a person tells it from another one: its recipe, where its file says so, and its digest."""
    return f"{split.labels.get('recipe', 'a split')}, digest {split.digest}"


def _put(path: Path, made: Split, dataset: Dataset) -> bool:
    """Write a split where it is not there already; False where it is.

    A person's file is only touched then: it may have columns of their own, and make must see it as new.
    """
    from ham_cli.dataset import read_split, write_split
    from ham_cli.errors import AccessError, from_os_error

    in_cache = path.parent == dataset.folder.splits
    try:
        with contextlib.suppress(WrongUsageError):  # none there, or no split
            if read_split(path).digest == made.digest:
                if not in_cache:
                    path.touch()
                return False
        write_split(path, made, dataset.record.id)
    except OSError as error:
        refused = from_os_error(error, error.filename or path)
        fix = "write it somewhere else: ham split -o FILE" if in_cache else refused.fix
        raise AccessError(refused.what, where=refused.where, fix=fix) from error
    return True


def _show(run: Run, dataset: Dataset, made: Split, parts: Sequence[str]) -> None:
    """Show the split's counts and digest, and say which classes a part has to do without."""
    from ham_cli.console.counts import crossed
    from ham_cli.summary import counts

    joined = dataset.join(made)
    found = counts.count(joined, ("dx",), "split")
    totals = counts.with_empty(counts.count(joined, (), "split"), parts)
    run.console.table(crossed("", ("dx",), found, totals))
    run.console.out(f"digest {made.digest}")
    for part in parts:
        lacking = {row["dx"] for row in made.rows}.difference(count.values[0][1] for count in found if count.part == part)
        if lacking:
            run.console.warn(f"{part} has no image of {', '.join(sorted(lacking))}: there are too few lesions")
    run.console.result = {
        "digest": made.digest,
        **{key: made.labels[key] for key in ("algorithm", "input_digest")},
        "seed": int(made.labels["seed"]),
        "parts": [count.fields() for count in totals],
        "dx": [count.fields() for count in found],
    }
