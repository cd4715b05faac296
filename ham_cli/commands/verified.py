"""What a person is told of a cache that was held against the record; and it is written down."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ham_cli.console import SHOWN, one_line
from ham_cli.console.findings import show_findings
from ham_cli.errors import AccessError, why_unsaved
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ham_cli.commands.options import Run
    from ham_cli.findings import Finding
    from ham_cli.integrity.check import Check
    from ham_cli.integrity.counts import Tally
    from ham_cli.integrity.since import Since


def tell(run: Run, check: Check, findings: list[Finding], *, repair: dict[str, Any] | None = None) -> int:
    """Show the table, the findings and what broke since the last time, and write them down; the exit code."""
    from ham_cli.console.tables import Table
    from ham_cli.integrity import since

    console, held = run.console, check.holdings
    shown = [c for c in held.record.components if not check.components or c in check.components]
    columns = ("component", "published>", "checked>", "missing>", "wrong>", "extra>", "verdict")
    console.table(Table("", columns, [_row(component, check, findings) for component in shown]))
    differs = None if repair else since.compared(check, findings)
    saved = save(run, check, findings)
    show_findings(console, findings, f"in {saved}" if saved else "with --json all of them")
    if differs:
        _tell_since(run, differs)
    if any(f.verdict in {"wrong", "unreadable", "missing", "altered"} for f in findings):
        mend = "to mend exactly this: ham verify --repair; or ham fetch again, with a --source that has right copies"
        console.say("what is left needs another source that has it: ham fetch --source SOURCE" if repair else mend)
    for component, tally in check.tallies.items():
        if tally.unvouched:
            console.say(f"{component}: {tally.unvouched} are vouched for by no published digest: they are as they arrived")
    for image_id, reason in held.record.not_in_record.items():
        if image_id in held.rows:
            console.say(reason)
    console.result = {
        "folder": str(held.folder.path),
        "quick": check.quick,
        "deep": check.deep,
        "checked": {c: vars(t) for c, t in check.tallies.items() if t.asked},
        "not_fetched": [c for c in held.record.components if not check.tallies[c].asked],
        "findings": [f.fields() for f in findings],
        "since": vars(differs) if differs else None,
        "repair": repair,
        "notes": [reason for image_id, reason in held.record.not_in_record.items() if image_id in held.rows],
    }
    return 3 if findings else 0


def _tell_since(run: Run, differs: Since) -> None:
    for places, what in ((differs.broke, "broke"), (differs.mended, "right again")):
        if places:
            some = ", ".join(one_line(place) for place in places[:SHOWN]) + (", ..." if len(places) > SHOWN else "")
            run.console.say(f"since {differs.verified}: {counted(len(places), 'file')} {what}: {some}")


def row_counts(findings: Sequence[Finding]) -> tuple[int, int, int]:
    """How many are missing, wrong in any way, and extra."""
    verdicts = [str(f.verdict) for f in findings]
    missing, extra = verdicts.count("missing"), verdicts.count("extra")
    return missing, len(verdicts) - missing - extra, extra


def _row(component: str, check: Check, findings: list[Finding]) -> tuple[object, ...]:
    tally = check.tallies[component]
    missing, wrong, extra = row_counts([f for f in findings if f.component == component])
    return component, tally.published, tally.checked, missing, wrong, extra, _verdict(tally, missing, wrong, extra)


def _verdict(tally: Tally, missing: int, wrong: int, extra: int) -> str:
    if wrong or missing or extra:
        return "wrong" if wrong else "incomplete" if missing else "strangers"
    if tally.asked >= tally.published:
        return "right"
    return "right, partial" if tally.asked else "table right" if tally.table else "not fetched"


def save(run: Run, check: Check, findings: list[Finding]) -> Path | None:
    """Write ``verification.parquet``, the previous run beside it; where that cannot be, only say so."""
    from ham_cli import atomic, manifest
    from ham_cli.manifest import Manifest, schemas

    held = check.holdings
    path = held.folder.manifest("verification")
    options = {
        "components": list(check.components),
        "quick": check.quick,
        "deep": check.deep,
        "verified": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "tallies": {c: vars(t) for c, t in check.tallies.items() if t.asked},
    }
    rows = [{**f.fields(), "verdict": str(f.verdict)} for f in findings]
    if not held.folder.path.is_dir():
        return None
    try:
        if path.is_file():
            atomic.write(path.with_name("verification.previous.parquet"), path.read_bytes())
        manifest.write(path, Manifest(schemas.VERIFICATION, rows, held.record.id, options))
    except (OSError, AccessError) as error:
        run.console.say(f"the result could not be saved in {path.parent}: {why_unsaved(error)}")
        return None
    return path
