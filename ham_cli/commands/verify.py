"""``ham verify``: the cache held against the record, or an export against its own list."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands.options import Components, Jobs, Run, absolute, command, components_of
from ham_cli.console.findings import show_findings
from ham_cli.errors import AccessError, WrongUsageError, why_unsaved

if TYPE_CHECKING:
    from ham_cli.exporters.audit import Audit
    from ham_cli.findings import Finding
    from ham_cli.holdings import Holdings
    from ham_cli.integrity import Check, Tally

EXAMPLES = (
    "ham verify",
    "ham verify images masks --jobs 4",
    "ham verify --all --json | jq .result.findings",
    "ham verify --quick && make train",
    "ham verify --path data",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "verify", examples=EXAMPLES)(verify)


def verify(
    run: Run,
    components: Components = None,
    everything: Annotated[bool, typer.Option("--all", help="Judge by the whole record, also what was never fetched.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only names and sizes.")] = False,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="DIR", show_default=False, help="An export, held against the list in it; no cache is needed."),
    ] = None,
    jobs: Jobs = None,
) -> int:
    """Hold the cache against the record: every image, mask, table and kept zip.

    Judges what was fetched or asked for; a component that is named, or --all, is judged whole. With --path the files of
    an export are held against its ham-export.parquet.
    """
    if path is not None:
        return _export(run, path, components, everything=everything, quick=quick, jobs=jobs)
    from ham_cli import holdings, pool
    from ham_cli import record as records
    from ham_cli.console.bars import watch
    from ham_cli.integrity import Check

    record = run.record()
    if record is None:
        if not everything and not components:
            run.console.warn(f"nothing is fetched yet in {run.cache.root}: there is nothing to verify")
            return 0
        record = records.load()
        run.console.record = record.id
    named = record.components if everything else components_of(components, record)
    held = holdings.load(record, run.cache.folder(record.id))
    check = Check(held, named, quick, jobs or pool.cores())
    findings = watch(check.run(), run.console)
    return _tell(run, check, findings)


def _export(run: Run, path: str, components: Components, *, everything: bool, quick: bool, jobs: Jobs) -> int:
    """Hold an export against its own list, and say how it stands; the exit code."""
    from ham_cli import pool
    from ham_cli.console.bars import watch
    from ham_cli.console.tables import Table
    from ham_cli.exporters import audit

    if components or everything:
        got = "--all" if everything else " ".join(components or ())
        raise WrongUsageError("--path holds all of an export against its list", got=got, fix="leave one of them away")
    if not path.strip():
        raise WrongUsageError("--path is empty", expected="the folder of an export", fix="is the variable that names it set?")
    console = run.console
    looked = audit.opened(absolute(Path(path)), quick=quick, jobs=jobs or pool.cores())
    console.record = looked.listed.record
    findings = watch(looked.run(), console)
    columns = ("export", "listed>", "checked>", "missing>", "wrong>", "extra>", "verdict")
    if not looked.unfinished:
        console.table(Table("", columns, [_export_row(looked, findings)]))
    show_findings(console, findings, "with --json all of them")
    if not looked.unfinished and any(f.verdict != "extra" for f in findings):
        console.say("to mend: the same ham export again writes what is missing; with --force it writes every file anew")
    console.result = {
        "folder": str(looked.folder),
        "format": _format(looked),
        "unfinished": looked.unfinished,
        "quick": quick,
        "checked": {"listed": len(looked.files), "checked": looked.checked, "right": looked.right},
        "findings": [f.fields() for f in findings],
    }
    return 3 if findings else 0


def _export_row(looked: Audit, findings: list[Finding]) -> tuple[object, ...]:
    missing, wrong, extra = _counts(findings)
    verdict = "wrong" if wrong else "incomplete" if missing else "strangers" if extra else "right"
    return _format(looked), len(looked.files), looked.checked, missing, wrong, extra, verdict


def _format(looked: Audit) -> str:
    return str(looked.listed.options.get("format", ""))


def _counts(findings: list[Finding]) -> tuple[int, int, int]:
    """How many are missing, wrong in any way, and extra."""
    verdicts = [str(f.verdict) for f in findings]
    missing, extra = verdicts.count("missing"), verdicts.count("extra")
    return missing, len(verdicts) - missing - extra, extra


def _tell(run: Run, check: Check, findings: list[Finding]) -> int:
    """Show the table and the findings, write them down, and say how it stands."""
    from ham_cli.console.tables import Table

    console, held = run.console, check.holdings
    shown = [c for c in held.record.components if not check.components or c in check.components]
    rows = [_row(component, check, findings) for component in shown]
    columns = ("component", "published>", "checked>", "missing>", "wrong>", "extra>", "verdict")
    console.table(Table("", columns, rows))
    saved = _save(run, held, check, findings)
    show_findings(console, findings, f"in {saved}" if saved else "with --json all of them")
    if any(f.verdict in {"wrong", "unreadable", "missing"} for f in findings):
        console.say("to mend: ham fetch again, with a --source that has right copies; it brings what is missing or was found wrong")
    for component, tally in check.tallies.items():
        if tally.unvouched:
            console.say(f"{component}: {tally.unvouched} are vouched for by no published digest: they are as they arrived")
    for image_id, reason in held.record.not_in_record.items():
        if image_id in held.rows:
            console.say(reason)
    console.result = {
        "folder": str(held.folder.path),
        "quick": check.quick,
        "checked": {c: vars(t) for c, t in check.tallies.items() if t.asked},
        "not_fetched": [c for c in held.record.components if not check.tallies[c].asked],
        "findings": [f.fields() for f in findings],
        "notes": [reason for image_id, reason in held.record.not_in_record.items() if image_id in held.rows],
    }
    return 3 if findings else 0


def _row(component: str, check: Check, findings: list[Finding]) -> tuple[object, ...]:
    tally = check.tallies[component]
    missing, wrong, extra = _counts([f for f in findings if f.component == component])
    return component, tally.published, tally.checked, missing, wrong, extra, _verdict(tally, missing, wrong, extra)


def _verdict(tally: Tally, missing: int, wrong: int, extra: int) -> str:
    if wrong or missing or extra:
        return "wrong" if wrong else "incomplete" if missing else "strangers"
    if tally.asked >= tally.published:
        return "right"
    return "right, partial" if tally.asked else "table right" if tally.table else "not fetched"


def _save(run: Run, held: Holdings, check: Check, findings: list[Finding]) -> Path | None:
    """Write ``verification.parquet``, the previous run beside it; where that cannot be, only say so."""
    from ham_cli import atomic, manifest
    from ham_cli.manifest import Manifest, schemas

    path = held.folder.manifest("verification")
    options = {
        "components": list(check.components),
        "quick": check.quick,
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
