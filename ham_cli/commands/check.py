"""``ham check``: somebody's split held against the record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands import completing
from ham_cli.commands import output as outputs
from ham_cli.commands.choice import loaded
from ham_cli.commands.options import Jobs, Run, absolute, command
from ham_cli.errors import RecordError, WrongUsageError
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.splits.checking.foreign import Foreign
    from ham_cli.splits.checking.report import Report
    from ham_cli.splits.checking.twins import Twins

EXAMPLES = (
    "ham check split.csv",
    "ham check train.csv val.csv test.csv -o leaks.csv",
    "ham check data/                      # data/train/nv/ISIC_0024306.jpg",
    "ham check folds.json --split-column kfold",
    "ham check ISIC_2019_Training_GroundTruth.csv   # what of HAM10000 is in it?",
    "ham check split.csv --json | jq .result.leaks",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {0: "nothing leaks", 3: "something leaks", 4: "the table of images is not fetched yet: ham fetch metadata"}
    command(app, "check", examples=EXAMPLES, codes=codes, see=("split", "report --split"))(check)


def check(
    run: Run,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            show_default=False,
            autocompletion=completing.splits,
            help="A split: a table, several with a part each, a folder, or a name in the cache.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", readable=False, show_default=False, help="Write the leaking rows here, as .parquet or .csv."
        ),
    ] = None,
    image_column: Annotated[
        str | None,
        typer.Option(
            "--image-column", metavar="NAME", show_default=False, help="The column of the images; else found by name and content."
        ),
    ] = None,
    split_column: Annotated[
        str | None,
        typer.Option("--split-column", metavar="NAME", show_default=False, help="The column of the sides; else found by name and content."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With -o: write also over what is no table of leaking rows.")] = False,
    jobs: Jobs = None,
) -> int:
    """Say how many lesions and images leak in a split that you were given, by class, and which.

    Takes CSV, Parquet or JSON with a column of images (image_id, file, path) and one of sides (split, set, fold, or
    flags), a file a part, lists of ids, or folders of images. Needs only the metadata.

    A split leaks where the same lesion, a known duplicate or the same bytes stand on two sides: a model then sees in
    training what it is tested on. Writes nothing without -o.
    """
    from ham_cli import pool
    from ham_cli.console.bars import watch
    from ham_cli.manifest import Manifest, schemas
    from ham_cli.splits.checking import foreign
    from ham_cli.splits.checking.held import held_against, require_lesions
    from ham_cli.splits.checking.remarks import remarks
    from ham_cli.splits.checking.twins import Twins

    dataset = loaded(run)
    require_lesions(dataset)
    given = [_path(text, dataset) for text in paths]
    target = _target(run, output, given, force=force)
    ids = foreign.ImageIds(dataset.record.identifiers["image_id"])
    reading = foreign.Reading(given, ids, frozenset(dataset.record.classes), foreign.Asked(image_column, split_column))
    watch(reading.run(), run.console)
    read = reading.foreign
    twins = Twins(dataset, read, jobs or pool.cores())
    watch(twins.run(), run.console)
    entries = twins.entries()
    report = held_against(dataset, entries, read.sides, twins.by_key(entries))
    if target is not None:
        outputs.write(run, target, Manifest(schemas.LEAKS, list(report.rows), dataset.record.id))
    _tell(run, read, report, [*remarks(dataset, read, entries, report), *_closed(twins)])
    if not report.leaking and not any(report.held.values()):
        run.console.warn("no image of this record was named, and so none checked: is it the right cache, and the right column?")
    for sentence in dataset.altered:
        run.console.warn(sentence)
    run.console.result["file"] = None if target is None else str(target)
    return RecordError.exit_code if report.leaking else 0


def _path(text: str, dataset: Dataset) -> Path:
    """The file or folder that was named, or the split of this name in the cache."""
    if not text.strip():
        raise WrongUsageError("PATH is empty", expected="a file or folder", fix="is the variable that names it set?")
    path = absolute(Path(text))
    named = dataset.folder.splits / f"{text}.parquet"
    return named if len(Path(text).parts) == 1 and not path.exists() and named.is_file() else path


def _target(run: Run, output: Path | None, given: Sequence[Path], *, force: bool) -> Path | None:
    """The file for the leaking rows; `WrongUsageError` where it would write over something else, or over what is checked."""
    from ham_cli.manifest import schemas

    outputs.require_other(output, given, "checked")
    return outputs.target(run, output, schemas.LEAKS.names, "leaking rows", force=force)


def _closed(twins: Twins) -> list[str]:
    if not twins.closed:
        return []
    return [f"{counted(len(twins.closed), 'file')} could not be read, such as {twins.closed[0]}: of their bytes nothing is known"]


def _tell(run: Run, read: Foreign, report: Report, notes: list[str]) -> None:
    """Show the tables, what to know beside them, and the closing sentence."""
    from ham_cli.console.checked import tables
    from ham_cli.splits.checking.verdict import verdict

    for source in read.sources:
        sides = f"sides by {source.sides}" if source.sides else "nothing tells sides"
        run.console.say(f"{source.name}: {counted(source.rows, 'image')}, named by {source.images}; {sides}")
    if any(source.sides is None for source in read.sources):
        run.console.warn("nothing says which image is on which side: all are taken as one (--split-column names the column that tells)")
    for place, table in enumerate(tables(report)):
        if place:
            run.console.out("")
        run.console.table(table)
    for note in notes:
        run.console.say(note)
    closing = verdict(report)
    run.console.out("")
    run.console.out(closing)
    sources = [source.fields() for source in read.sources]
    run.console.result = {"read": sources, **report.fields(), "notes": notes, "conclusion": closing}
