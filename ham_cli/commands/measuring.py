"""``ham stats --pixels`` and ``--masks``: every image measured once, shown by class, site and part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ham_cli.commands import output as outputs
from ham_cli.console import SHOWN
from ham_cli.errors import RecordError, UnavailableError, WrongUsageError
from ham_cli.findings import counted
from ham_cli.record import PARTITION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ham_cli.commands.options import Run
    from ham_cli.console.tables import Table
    from ham_cli.dataset import Dataset
    from ham_cli.pool import Workers
    from ham_cli.summary.measuring import Measuring
    from ham_cli.summary.pixels import Colours

BY = ("dx", "dataset")
"""The columns by which is shown what was measured, where none is asked for."""


def measure_pixels(run: Run, dataset: Dataset, options: Mapping[str, Any], output: Path | None, *, force: bool, jobs: int | Workers) -> int:
    """Means and standard deviations of the channels, ready to paste; brightness and contrast."""
    from ham_cli import images
    from ham_cli.console import measured as tables
    from ham_cli.manifest import schemas
    from ham_cli.summary import counts
    from ham_cli.summary import pixels as work

    target = outputs.target(run, output, schemas.PIXELS.names, "pixels", force=force)
    asked, part = _asked(dataset, options)
    measuring = work.measuring(dataset, jobs)
    _run(run, measuring, target, options)
    whole = work.colours(dataset, measuring.rows, (), part)
    found = {by: work.colours(dataset, measuring.rows, by, part) for by in asked}
    # The part that a model learns from; without one, as of folds none of which is held out, all of it.
    name = next((one.part for one in whole if one.part == "train" or len(whole) == 1), None)
    shown, *here = (
        [one for one in work.colours(dataset, measuring.rows, by, part if name is not None else None) if name in {None, one.part}]
        for by in ((), *asked)
    )
    if shown:
        _show_pixels(run, whole, shown[0], dict(zip(asked, here, strict=True)))
    run.console.result = {
        **_result(dataset, options, measuring, list(counts.counted_rows(dataset))),
        "decoder": images.decoder(),
        "definition": list(work.DEFINITION),
        "parts": [colours.fields() for colours in whole],
        "tables": {",".join(by): [colours.fields() for colours in some] for by, some in found.items()},
        "paste": {"part": name, **(tables.paste(shown[0]) if shown else {})},
    }
    return RecordError.exit_code if measuring.wrong else 0


def _show_pixels(run: Run, whole: Sequence[Colours], shown: Colours, here: Mapping[tuple[str, ...], Sequence[Colours]]) -> None:
    """Every part, what to paste of the one that is ``shown``, and ``here`` what it is by class and site."""
    from ham_cli import images
    from ham_cli.console import measured as tables
    from ham_cli.summary.pixels import DEFINITION

    _tables(run, [tables.channels(whole)])
    run.console.out(f"\n# {shown.part or 'all of it'}: {counted(shown.images, 'image')}, {shown.pixels} pixels; {images.decoder()}")
    for line in DEFINITION:
        run.console.out(f"# {line}")
    for text in tables.paste(shown).values():
        run.console.out(text)
    _tables(run, [table for by, some in here.items() for table in tables.by_class(by, some, shown.part)], first=False)


def measure_masks(run: Run, dataset: Dataset, options: Mapping[str, Any], output: Path | None, *, force: bool, jobs: int | Workers) -> int:
    """Area, components and border of the lesion masks; those that fill the frame and those that are empty by name."""
    from ham_cli.console import measured as tables
    from ham_cli.manifest import schemas
    from ham_cli.summary import masks as work

    target = outputs.target(run, output, schemas.MASKS.names, "masks", force=force)
    asked, part = _asked(dataset, options)
    measuring = work.measuring(dataset, jobs)
    _run(run, measuring, target, options)
    whole = work.areas(dataset, measuring.rows, (), part)
    found = {by: work.areas(dataset, measuring.rows, by, part) for by in asked}
    _tables(run, [*tables.areas((), whole), *(table for by, some in found.items() for table in tables.areas(by, some))])
    for line in work.DEFINITION:
        run.console.say(line)
    run.console.out("")
    for name in ("full", "empty"):
        ids = sorted(image_id for areas in whole for image_id in getattr(areas, name))
        more = f" and {len(ids) - SHOWN} more, all with --json" if len(ids) > SHOWN else ""
        run.console.out(f"{work.WORDS[name]}: {', '.join(ids[:SHOWN]) or 'none'}{more}")
    run.console.result = {
        **_result(dataset, options, measuring, [row for row in dataset.rows if row["partition"] == "train"]),
        "definition": list(work.DEFINITION),
        "parts": [areas.fields() for areas in whole],
        "tables": {",".join(by): [areas.fields() for areas in some] for by, some in found.items()},
    }
    return RecordError.exit_code if measuring.wrong else 0


def _asked(dataset: Dataset, options: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], str | None]:
    """The columns to show by, and the column of the parts; `WrongUsageError` for a column that cannot be counted by."""
    from ham_cli.summary import counts

    by = options["by"]
    return [counts.columns(by, dataset)] if by else [(name,) for name in BY], None if options["whole"] else counts.parts_of(dataset)


def _run(run: Run, measuring: Measuring, target: Path | None, options: Mapping[str, Any]) -> None:
    """Measure, and write the rows where they are wanted; `UnavailableError` where there is nothing to measure."""
    from ham_cli.console.bars import watch
    from ham_cli.console.findings import show_findings
    from ham_cli.manifest import Manifest

    dataset = measuring.dataset
    findings = watch(measuring.run(), run.console)
    if target is not None and (measuring.rows or findings):
        said = {**options, "split_digest": dataset.joined.digest if dataset.joined else None}
        outputs.write(run, target, Manifest(measuring.kind.schema, measuring.rows, dataset.record.id, said))
    show_findings(run.console, findings, "ham verify names them all")
    if findings:
        which = "1 file is" if len(findings) == 1 else f"{len(findings)} files are"
        run.console.warn(f"{which} not what was fetched, and in no number: ham verify, then ham fetch again")
    what = f"{measuring.kind.thing}s"
    if not measuring.rows and not findings:
        partitions = {row["partition"] for row in dataset.rows if row["in_record"]}
        if what == "masks" and "train" not in partitions:
            fix = "choose training images: --partition train, or a split of them"
            raise WrongUsageError("the record has masks of the training images alone", got=", ".join(sorted(partitions)), fix=fix)
        brings = ["masks"] if what == "masks" else [c for c, p in PARTITION.items() if p in partitions and c != "masks"]
        fix = f"ham fetch {' '.join(brings)} brings them; with --sample 20 some lesions of each class"
        raise UnavailableError(f"none of the {what} that were asked for are in the cache", where=dataset.folder.path, fix=fix)
    if measuring.missing:
        every = measuring.missing + len(measuring.rows) + len(measuring.wrong)
        run.console.warn(f"{len(measuring.rows)} of {every} {what} are in the cache: every number here is of these alone")


def _tables(run: Run, tables: Sequence[Table], *, first: bool = True) -> None:
    for place, table in enumerate(tables):
        if place or not first:
            run.console.out("")
        run.console.table(table)


def _result(dataset: Dataset, options: Mapping[str, Any], measuring: Measuring, rows: Sequence[object]) -> dict[str, Any]:
    return {
        "split": dataset.joined and {"name": options["split"], "digest": dataset.joined.digest},
        "asked": len(rows),
        "measured": len(measuring.rows),
        "missing": measuring.missing,
        "findings": [finding.fields() for finding in measuring.wrong],
    }
