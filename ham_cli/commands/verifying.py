"""``ham verify --path``: an export held against its own list, any other folder against the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.commands.verified import row_counts
from ham_cli.console.findings import show_findings
from ham_cli.errors import WrongUsageError
from ham_cli.findings import Verdict, counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ham_cli.commands.options import Run
    from ham_cli.exporters.audit import Audit
    from ham_cli.findings import Finding
    from ham_cli.integrity.counts import Count
    from ham_cli.pool import Workers
    from ham_cli.record import Record


def is_export(where: Path) -> bool:
    """Whether a folder is an export of ham, finished or not; `WrongUsageError` where there is no such folder."""
    from ham_cli.exporters import audit

    if not where.is_dir():
        what = "this is no folder" if where.exists() else "there is no such folder"
        raise WrongUsageError(
            what, where=where, expected="a folder with images, tables or zips, or an export", fix="check the path given to --path"
        )
    return audit.lists(where) is not None


def export(run: Run, where: Path, components: Sequence[str] | None, *, everything: bool, quick: bool, jobs: int | Workers) -> int:
    """Hold an export against its own list, and say how it stands; the exit code."""
    from ham_cli.console.bars import watch
    from ham_cli.console.tables import Table
    from ham_cli.exporters import audit

    if components or everything:
        got = "--all" if everything else " ".join(components or ())
        raise WrongUsageError("--path holds all of an export against its list", got=got, fix="leave one of them out")
    console = run.console
    looked = audit.opened(where, quick=quick, jobs=jobs)
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
    missing, wrong, extra = row_counts(findings)
    verdict = "wrong" if wrong else "incomplete" if missing else "strangers" if extra else "right"
    return _format(looked), len(looked.files), looked.checked, missing, wrong, extra, verdict


def _format(looked: Audit) -> str:
    return str(looked.listed.options.get("format", ""))


def folder(run: Run, where: Path, record: Record, named: tuple[str, ...], *, quick: bool, deep: bool, jobs: int | Workers) -> int:
    """Hold any folder against the record, and say how it stands; the exit code."""
    from ham_cli.console.bars import watch
    from ham_cli.console.tables import Table
    from ham_cli.integrity.folder import FolderCheck

    console = run.console
    console.record = record.id
    check = FolderCheck(where, record, named, quick, deep, jobs)
    findings = watch(check.run(), console)
    if not check.judged and not findings:
        raise WrongUsageError(
            "neither anything of this record nor an export of ham is in this folder",
            where=where,
            expected=f"images, masks, tables or zips of {record.id}",
            got=counted(len(check.extra), "other file"),
            fix="name the folder that holds them; without --path the cache is verified",
        )
    columns = ("component", "published>", "right>", "wrong>", "missing>", "renamed>", "verdict")
    console.table(Table("", columns, [_row(component, check.counts[component]) for component in check.judged]))
    show_findings(console, findings, "with --json all of them")
    for component in check.judged:
        if unvouched := check.counts[component].unvouched:
            console.say(f"{component}: no published digest vouches for {unvouched} of the right ones: they are pictures of the right names")
    if check.extra:
        console.say(f"{counted(len(check.extra), 'other file')} none of the record's: -v names them, and so does --json")
    for label in check.extra:
        console.detail(f"extra: {label}")
    if any(f.verdict is not Verdict.RENAMED for f in findings):
        console.say(f"ham fetch --source {where} takes what is right there, and leaves the rest")
    console.result = {
        "folder": str(where),
        "quick": quick,
        "deep": deep,
        "components": {c: check.counts[c].fields() for c in check.judged},
        "findings": [f.fields() for f in findings],
        "extra": check.extra,
    }
    return 3 if findings else 0


def _row(component: str, count: Count) -> tuple[object, ...]:
    verdict = (
        "wrong" if count.wrong or count.table is False else "incomplete" if count.missing else "renamed" if count.renamed else _right(count)
    )
    return component, count.published, count.right, count.wrong, count.missing, count.renamed, verdict


def _right(count: Count) -> str:
    return "right" if count.right else "table right"
