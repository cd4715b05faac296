"""``ham stats`` of the tables: counts and figures, shown and kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ham_cli.commands import output as outputs
from ham_cli.errors import AccessError, why_unsaved
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ham_cli.commands.options import Run
    from ham_cli.dataset import Dataset
    from ham_cli.manifest import Manifest
    from ham_cli.summary.counts import Count
    from ham_cli.summary.figures import Figures


def count(run: Run, dataset: Dataset, options: Mapping[str, Any], output: Path | None, *, force: bool) -> int:
    """Count, show it, and write it down; ``options`` as they were typed."""
    from ham_cli.summary import counts, saving
    from ham_cli.summary.figures import figures

    by = options["by"]
    asked = [counts.columns(by, dataset)] if by is not None else [(name,) for name in counts.TABLES]
    target = outputs.target(run, output, saving.COUNTED, "counts", force=force)
    parts = None if options["whole"] else counts.parts_of(dataset)
    tables = {columns: counts.count(dataset, columns, parts) for columns in asked}
    totals = counts.count(dataset, (), parts)
    more = figures(dataset, parts) if by is None else None
    said = {**options, "split_digest": dataset.joined.digest if dataset.joined else None}
    table = saving.manifest_of(tables, dataset.record.id, said)
    if target is not None:
        outputs.write(run, target, table)
    else:
        _keep(run, dataset.folder.manifest(f"stats/{saving.file_name(said)}"), table)
    if more is not None:
        path = dataset.folder.manifest(f"stats/{saving.file_name({**said, 'by': 'figures'})}")
        _keep(run, path, saving.figures_of(more, dataset.record.id, said))
    # Printed last: whoever closes the pipe after the first line has the file all the same.
    _show(run, dataset, tables, totals, more)
    run.console.result = {
        "split": dataset.joined and {"name": options["split"], "digest": dataset.joined.digest},
        "totals": [found.fields() for found in totals],
        "tables": {",".join(columns): [found.fields() for found in table] for columns, table in tables.items()},
        "age_zero": [found.fields() for found in counts.count(dataset.only(age=0.0), (), parts)],
        "figures": asdict(more) if more else None,
    }
    return 0


def _show(run: Run, dataset: Dataset, tables: dict[tuple[str, ...], list[Count]], totals: list[Count], more: Figures | None) -> None:
    from ham_cli.console import figures
    from ham_cli.console.counts import crossed
    from ham_cli.summary import counts

    shown = [table for by, found in tables.items() for table in crossed(by, found, totals)] + (list(figures.tables(more)) if more else [])
    for place, table in enumerate(shown):
        if place:
            run.console.out("")
        run.console.table(table)
    rows = list(counts.counted_rows(dataset))
    infants = sum(1 for row in rows if row["age"] == 0)
    if infants and any("age_band" in by for by in tables):
        band = dataset.record.age_band(0.0)
        run.console.say(f"of {band}, {counted(infants, 'image')} of age 0: placeholders or infants, which is not documented")
    unnamed = sum(1 for row in rows if row["lesion_id"] is None)
    if 0 < unnamed < len(rows) and any(count.lesions is None and count.images > unnamed for count in totals):
        run.console.say(
            f"{counted(unnamed, 'image')} of no named lesion: where they stand lesions have no number; --only partition=train,test"
        )
    for image_id, reason in dataset.record.not_in_record.items():
        if any(row["image_id"] == image_id for row in dataset.rows):
            run.console.detail(f"not counted: {reason}")


def _keep(run: Run, path: Path, table: Manifest) -> None:
    """Write a table beside the manifests; where that cannot be, only say so."""
    from ham_cli import manifest

    try:
        manifest.write(path, table)
    except (OSError, AccessError) as error:
        run.console.say(f"the counts could not be saved in {path.parent}: {why_unsaved(error)}")
