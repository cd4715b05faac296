"""``ham split``: images into train, validation and test, no lesion on two sides."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (the parser reads annotations while the program runs)
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands.choice import loaded
from ham_cli.commands.options import Run, absolute, command
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
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
    dataset = loaded(run)
    made = splits.make(dataset.partition("train"), recipe)
    targets = []
    if output is not None:
        targets.append(_file(output))
    if output is None or name is not None:
        targets.append(dataset.folder.splits / f"{splits.split_name(name or recipe.name)}.parquet")
    if not force:
        for target in targets:
            _require_same(target, made)
    written = [target for target in targets if _put(target, made, dataset)]
    return _tell(run, dataset, made, name or recipe.name, targets, written)


def _file(output: Path) -> Path:
    from ham_cli.dataset.split import SUFFIXES

    path = absolute(output)
    if path.suffix not in SUFFIXES:
        raise WrongUsageError("a split is written as Parquet or CSV", where=path, expected="a name that ends in .parquet or .csv")
    if path.is_dir():
        raise WrongUsageError("this is a folder, and a split is a file", where=path, fix=f"-o {path / 'split.parquet'}")
    return path


def _require_same(path: Path, made: Split) -> None:
    """Raise `WrongUsageError` where something else lies in the place: somebody's results hang on it."""
    from ham_cli.dataset import read_split

    if not path.exists():
        return
    try:
        got = read_split(path).digest
    except WrongUsageError:
        got = "a file that is no split"
    if got != made.digest:
        fix = "give this one another name with --name or -o, or replace the old one with --force"
        raise WrongUsageError("another split lies there already", where=path, expected=made.digest, got=got, fix=fix)


def _put(path: Path, made: Split, dataset: Dataset) -> bool:
    """Write a split; one of the cache that is there already keeps its file."""
    from ham_cli.dataset import read_split, write_split
    from ham_cli.errors import AccessError, from_os_error

    in_cache = path.parent == dataset.folder.splits
    if in_cache and path.is_file():
        try:
            there = read_split(path)
        except WrongUsageError:
            there = None
        if there and (there.digest, there.labels.get("algorithm")) == (made.digest, made.labels["algorithm"]):
            return False
    try:
        write_split(path, made, dataset.record.id)
    except OSError as error:
        refused = from_os_error(error, error.filename or path)
        fix = "write it somewhere else: ham split -o FILE" if in_cache else refused.fix
        raise AccessError(refused.what, where=refused.where, fix=fix) from error
    return True


def _tell(run: Run, dataset: Dataset, made: Split, name: str, targets: list[Path], written: list[Path]) -> int:
    from ham_cli.console.counts import crossed
    from ham_cli.summary import counts

    console = run.console
    joined = dataset.join(made)
    found, totals = counts.count(joined, ("dx",), "split"), counts.count(joined, (), "split")
    console.table(crossed("", ("dx",), found, totals))
    console.out(f"digest {made.digest}")
    for target in targets:
        console.say(f"{'written' if target in written else 'unchanged'}: {target}")
    console.say(PATIENTS)
    console.result = {
        "name": name,
        "digest": made.digest,
        **{key: made.labels[key] for key in ("algorithm", "input_digest")},
        "seed": int(made.labels["seed"]),
        "files": [str(target) for target in targets],
        "written": [str(target) for target in written],
        "parts": [c.fields() for c in totals],
        "dx": [c.fields() for c in found],
        "notes": [PATIENTS],
    }
    return 0
