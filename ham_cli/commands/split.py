"""``ham split``: images into train, validation and test, no lesion on two sides."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (the parser reads annotations while the program runs)
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands import completing, splitting
from ham_cli.commands.choice import Only, Partition, loaded
from ham_cli.commands.options import Run, command, output_file
from ham_cli.commands.splitting import Typed
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset, Split
    from ham_cli.splits import Recipe

EXAMPLES = (
    "ham split",
    "ham split --folds 5 --test official -o folds.csv",
    "ham split --ratios 80/20 --seed 7 --name mine",
    "ham split --hold-out dataset=rosendahl",
    "ham split --preset dermamnist-c -o c.csv && ham check c.csv",
)

METHOD = "How they are shared out"


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {4: "the table of images is not fetched yet: ham fetch metadata"}
    command(app, "split", examples=EXAMPLES, codes=codes, see=("check", "stats --split", "export"))(split)


def split(
    run: Run,
    ratios: Annotated[
        str | None,
        typer.Option("--ratios", metavar="A/B[/C]", show_default=False, help="Train/validation/test or train/test; else 70/15/15."),
    ] = None,
    folds: Annotated[int | None, typer.Option("--folds", metavar="K", show_default=False, help="K folds instead.")] = None,
    test: Annotated[
        str | None,
        typer.Option(
            "--test",
            metavar="official",
            show_default=False,
            autocompletion=completing.one_of("official"),
            help="The ISIC 2018 test is the test; the training images are train and validation (85/15), or folds.",
        ),
    ] = None,
    hold_out: Annotated[
        str | None,
        typer.Option(
            "--hold-out",
            metavar="COLUMN=WORDS",
            show_default=False,
            autocompletion=completing.conditions,
            help="These images are the test: dataset=rosendahl.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            show_default=False,
            autocompletion=completing.one_of("isic2018", "dermamnist", "dermamnist-c"),
            help="A published split: isic2018, dermamnist (which leaks) or dermamnist-c.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="N", help="Another seed is another split; the same one is the same everywhere.")
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", readable=False, show_default=False, help="Write it here, as .parquet or .csv."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", show_default=False, help="Its name in the cache; else made of the options: r70-15-15-s0."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another split of this name, or in this file.")] = False,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="NAME|FILE",
            show_default=False,
            autocompletion=completing.splits,
            help="An earlier split: what it assigns stays, only new lesions are placed.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    stratify: Annotated[
        str | None,
        typer.Option(
            "--stratify",
            metavar="COLUMNS",
            show_default=False,
            help="Balance these, crossed, and nothing else: dx,sex.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="A,B",
            show_default=False,
            help="The parts that the ratios are for: train,validation.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    no_known_duplicates: Annotated[
        bool,
        typer.Option("--no-known-duplicates", help="Keep lesion ids whole, and no more.", rich_help_panel=METHOD),
    ] = False,
    one_per_lesion: Annotated[bool, typer.Option("--one-per-lesion", help="One image of each lesion, the seed's choice.")] = False,
    partition: Partition = None,
    only: Only = None,
) -> int:
    """Share out the training images: lesions whole, known duplicates together, every diagnosis by the ratios.

    Needs only the metadata (ham fetch metadata). Site, ground truth, sex and age are balanced within each diagnosis, and the body site. The
    same seed and options give the same split, with the same digest, on any machine.

    The split goes into the cache, splits/NAME.parquet, and is then known by that name; with -o into a file of yours.
    It has a row an image: image_id, lesion_id, group, dx, split (train, validation, test) and fold.
    """
    from ham_cli import splits

    if name is not None:
        splits.split_name(name, preset)
    dataset = loaded(run)
    typed = Typed(ratios, folds, names, seed, test, hold_out, preset, stratify, partition, only, one_per_lesion, no_known_duplicates, keep)
    earlier = splitting.earlier(dataset, keep)
    recipe = splitting.recipe(typed, dataset, earlier)
    made = splits.make(dataset, recipe, earlier)
    targets = []
    if output is not None:
        targets.append(output_file(output, "a split is", run.cache))
    if output is None or name is not None:
        targets.append(dataset.folder.splits / f"{recipe.name if name is None else name}.parquet")
    there = {target: _lies_there(target, made, force=force) for target in targets}
    for sentence in splitting.taken_as(typed, recipe):
        run.console.warn(sentence)
    for target in targets:
        _put(target, made, dataset, there=there[target])
    told = _show(run, dataset, made, recipe)
    for target in targets:
        run.console.say(f"{'unchanged' if there[target] else 'written'}: {target}")
    if earlier:
        run.console.say(splitting.kept_words(earlier, made))
    for sentence in told:
        run.console.say(sentence)
    files = {"files": [str(target) for target in targets], "written": [str(target) for target in targets if not there[target]]}
    run.console.result = {"name": recipe.name if name is None else name, **run.console.result, **files, "notes": told}
    return 0


def _lies_there(path: Path, made: Split, *, force: bool) -> bool:
    """Whether a split lies in its place already.

    Raises `WrongUsageError` where something else does, without ``force``: somebody's results hang on it.
    """
    from ham_cli.dataset import read_split
    from ham_cli.errors import from_os_error

    try:
        path.stat()
    except FileNotFoundError:
        return False
    except NotADirectoryError as error:
        raise from_os_error(error, path) from error
    fix = "give this one another name with --name or -o, or replace the old one with --force"
    try:
        there = read_split(path)
    except WrongUsageError as error:
        if force:
            return False
        raise WrongUsageError("something else lies there already", where=path, got=error.got or error.what, fix=fix) from error
    if there.digest != made.digest and not force:
        raise WrongUsageError("another split lies there already", where=path, expected=_told(made), got=_told(there), fix=fix)
    return there.digest == made.digest


def _told(split: Split) -> str:
    """A split as a person tells it from another one: its recipe, where its file says so, and its digest."""
    return f"{split.labels.get('recipe', 'a split')}, digest {split.digest}"


def _put(path: Path, made: Split, dataset: Dataset, *, there: bool) -> None:
    """Write a split where it is not there already.

    A person's file is only touched then: it may have columns of their own, and make must see it as new.
    """
    from ham_cli.dataset import write_split
    from ham_cli.errors import AccessError, from_os_error

    in_cache = path.parent == dataset.folder.splits
    try:
        if not there:
            write_split(path, made, dataset.record.id)
        elif not in_cache:
            path.touch()
    except OSError as error:
        refused = from_os_error(error, error.filename or path)
        fix = "write it somewhere else: ham split -o FILE" if in_cache else refused.fix
        raise AccessError(refused.what, where=refused.where, fix=fix) from error


def _show(run: Run, dataset: Dataset, made: Split, recipe: Recipe) -> list[str]:
    """Show the split's counts and digest, warn of what is wrong with it, and give what else there is to say."""
    from ham_cli import splits
    from ham_cli.console.shares import shared

    quality = splits.quality(made, recipe.parts, dict(recipe.shares))
    run.console.table(shared(quality))
    run.console.out(f"digest {made.digest}")
    for sentence in (*splitting.warnings(quality, recipe), *dataset.altered):
        run.console.warn(sentence)
    run.console.result = splitting.fields(recipe, made, quality)
    return [*splitting.thin(quality, made, dataset, recipe), *splitting.notes(recipe, made, dataset)]
