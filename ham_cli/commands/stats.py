"""``ham stats``: images and lesions, counted."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (the parser reads annotations while the program runs)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_cli.commands import completing
from ham_cli.commands.choice import Fold, Only, Part, Partition, SplitName, loaded, narrowed
from ham_cli.commands.options import Run, command, output_file
from ham_cli.errors import WrongUsageError
from ham_cli.findings import counted

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset
    from ham_cli.summary.counts import Count

EXAMPLES = (
    "ham stats",
    "ham stats --by dx,dataset",
    "ham stats --by dx --split r70-15-15-s0",
    "ham stats --partition train --by age_band,sex -o counts.csv",
    "ham stats --json | jq .result.tables.dx",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "stats", examples=EXAMPLES)(stats)


def stats(
    run: Run,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="COLUMNS", show_default=False, autocompletion=completing.columns, help="Count by these, crossed: dx,dataset."
        ),
    ] = None,
    split: SplitName = None,
    fold: Fold = None,
    part: Part = None,
    partition: Partition = None,
    only: Only = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", readable=False, show_default=False, help="Write the counts here too, as .parquet or .csv."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With -o: write also over what is no table of counts.")] = False,
) -> int:
    """Count images and lesions, by diagnosis, ground truth, sex, age, body site, source, or any of them crossed.

    The published partitions stand side by side, or with --split its parts. Needs only the tables, no image.
    """
    from ham_cli.summary import counts

    target = None if output is None else output_file(output, "counts are", run.cache)
    dataset = narrowed(run, loaded(run), split=split, fold=fold, part=part, partition=partition, only=only)
    if target is not None and not force:
        _require_counts(target)
    for sentence in dataset.altered:
        run.console.warn(sentence)
    parts = counts.parts_of(dataset)
    asked = [counts.columns(by, dataset)] if by is not None else [(name,) for name in counts.TABLES]
    tables = {columns: counts.count(dataset, columns, parts) for columns in asked}
    totals = counts.count(dataset, (), parts)
    _show(run, dataset, tables, totals)
    options = {"by": by, "split": split, "fold": fold, "part": part, "partition": partition, "only": only}
    _keep(run, dataset, options, tables, target)
    run.console.result = {
        "split": dataset.joined and {"name": split, "digest": dataset.joined.digest},
        "totals": [count.fields() for count in totals],
        "tables": {",".join(by): [count.fields() for count in found] for by, found in tables.items()},
        "age_zero": [count.fields() for count in counts.count(dataset.only(age=0.0), (), parts)],
    }
    return 0


def _show(run: Run, dataset: Dataset, tables: dict[tuple[str, ...], list[Count]], totals: list[Count]) -> None:
    from ham_cli.console.counts import crossed
    from ham_cli.summary import counts

    for place, (by, found) in enumerate(tables.items()):
        if place:
            run.console.out("")
        run.console.table(crossed("", by, found, totals))
    rows = counts.counted_rows(dataset)
    infants = sum(1 for row in rows if row["age"] == 0)
    if infants and any("age_band" in by for by in tables):
        band = dataset.record.age_band(0.0)
        run.console.say(f"of {band}, {counted(infants, 'image')} of age 0: placeholders or infants, which is not documented")
    for image_id, reason in dataset.record.not_in_record.items():
        if any(row["image_id"] == image_id for row in dataset.rows):
            run.console.detail(f"not counted: {reason}")


def _require_counts(path: Path) -> None:
    """Raise `WrongUsageError` where -o would write over something else than counts: a split, somebody's table."""
    from ham_cli.summary import saving

    if path.exists() and not saving.are_counts(path):
        fix = "name another file, or write over it with --force"
        raise WrongUsageError("what lies there is no table of counts", where=path, fix=fix)


def _keep(run: Run, dataset: Dataset, options: dict[str, Any], tables: dict[tuple[str, ...], list[Count]], output: Path | None) -> None:
    """Write the counts where they were asked for, or else beside the manifests; where that cannot be, only say so."""
    from ham_cli.errors import AccessError, from_os_error
    from ham_cli.summary import saving

    said = {**options, "split_digest": dataset.joined.digest if dataset.joined else None}
    if output is not None:
        try:
            saving.save(output, tables, dataset.record.id, said)
        except OSError as error:
            raise from_os_error(error, error.filename or output) from error
        run.console.say(f"written: {output}")
        return
    path = dataset.folder.manifest(f"stats/{saving.file_name(options)}")
    try:
        saving.save(path, tables, dataset.record.id, said)
    except (OSError, AccessError) as error:
        words = from_os_error(error).what if isinstance(error, OSError) else error.what
        run.console.say(f"the counts could not be saved in {path.parent}: {words}")
