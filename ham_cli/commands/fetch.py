"""``ham fetch``: from a folder of published files into the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli import record as records
from ham_cli.commands import completing
from ham_cli.commands.options import RARELY, Components, Jobs, LockTimeout, Run, absolute, command, components_of
from ham_cli.console.findings import show_findings
from ham_cli.console.tables import Table
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.findings import Verdict, counted
from ham_cli.links import WAYS, Link

if TYPE_CHECKING:
    from ham_cli.findings import Finding
    from ham_cli.intake.request import Outcome, Request

FEW = 3
"""Names of missing things that a person is shown; ``ham verify`` lists them."""

EXAMPLES = (
    "ham fetch --source ~/Downloads/ham10000",
    "ham fetch images masks --source /mnt/stick --link hard",
    "ham fetch --source . --only dx=mel,bcc --sample 50",
    "ham fetch --source . --allow-partial",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "fetch", examples=EXAMPLES)(fetch)


def fetch(
    run: Run,
    components: Components = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", metavar="FOLDER", show_default=False, help="A folder with published files; repeats, the first one first choice."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="COLUMN=WORDS",
            autocompletion=completing.conditions,
            show_default=False,
            help="Only images whose row says so: dx=mel,bcc; repeats, all must agree.",
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", show_default=False, help="N lesions of each class, with all their images.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another sample.")] = 0,
    link: Annotated[
        str,
        typer.Option(
            "--link",
            metavar="|".join(WAYS),
            autocompletion=completing.one_of(*WAYS),
            help="How files come in; auto shares blocks where it can, else copies.",
        ),
    ] = "auto",
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Be content with what the source has: no exit 4.")] = False,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep published zips in the cache.", rich_help_panel=RARELY)
    ] = False,
    accept_altered: Annotated[
        bool,
        typer.Option(
            "--accept-altered", help="Take a table that differs from the published one, and mark the manifest.", rich_help_panel=RARELY
        ),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FILE",
            readable=False,
            show_default=False,
            help="Another record than the published one.",
            rich_help_panel=RARELY,
        ),
    ] = None,
    lock_timeout: LockTimeout = 600.0,
    jobs: Jobs = None,
) -> int:
    """Bring published files into the cache, vouched for image by image.

    From a folder: published zips, unpacked folders, Kaggle's layout, dataverse_files.zip, another ham cache, any
    mixture at any depth. Components are by default those of which something is found.
    """
    from ham_cli import cache, pool, selection
    from ham_cli.console.bars import watch
    from ham_cli.intake.request import Request
    from ham_cli.intake.run import Intake

    if not source:
        fix = "name the folder that holds the downloaded files: ham fetch --source FOLDER"
        raise WrongUsageError("no source is named", expected="--source FOLDER", fix=fix)
    if link not in WAYS:
        raise WrongUsageError("--link knows no such way", expected=", ".join(WAYS), got=link)
    pinned = records.load_foreign(record) if record else records.load()
    run.console.record = pinned.id
    request = Request(
        cache=run.cache,
        record=pinned,
        sources=tuple(_folder(s) for s in source),
        components=components_of(components),
        wish=selection.parse(only or (), sample, seed, pinned),
        link=Link(link),
        jobs=jobs or pool.cores(),
        keep_archives=keep_archives,
        allow_partial=allow_partial,
        accept_altered=accept_altered,
    )
    intake = Intake(request)
    with cache.writer(run.cache.root, lock_timeout, run.console.say):
        intake.load()
        findings = watch(intake.run(), run.console)
    return _tell(run, request, intake.outcome, findings)


def _folder(source: str) -> Path:
    if "://" in source:
        fix = "download the files, then name their folder"
        raise WrongUsageError("this source is no folder", where=source, expected="a folder of published files", fix=fix)
    if not source.strip():
        raise WrongUsageError("--source is empty", expected="a folder of published files", fix="is the variable that names it set?")
    return absolute(Path(source))


def _tell(run: Run, request: Request, outcome: Outcome, findings: list[Finding]) -> int:
    """Say what arrived, what is wrong and what is missing; the exit code."""
    console, folder = run.console, run.cache.folder(request.record.id)
    if not console.quiet:
        columns = ("component", "table", "files>", "new>", "missing>")
        console.table(Table("", columns, [_row(component, outcome) for component in outcome.components]))
    for label in outcome.ignored:
        console.detail(f"ignored: {label}")
    show_findings(console, findings, "all of them with --json")
    if any(f.verdict is Verdict.ALTERED for f in findings):
        console.say("an altered table stays out; --accept-altered takes it all the same, and marks the manifest")
    if any(f.verdict is not Verdict.ALTERED for f in findings):
        console.say("what is wrong stays out: name a further --source that has right copies")
    for component, unvouched in outcome.unvouched.items():
        console.say(f"{component}: {counted(unvouched, 'image')} taken as they are: nobody has published digests of them")
    if {"images", "masks"} & set(outcome.components) and "metadata" not in outcome.components and not outcome.indexed:
        console.say("no table names these images yet: ham fetch metadata indexes them in images.parquet")
    code = 3 if findings else 4 if outcome.missing and not request.allow_partial else 0
    if outcome.missing and not request.allow_partial:
        for component, names in outcome.missing.items():
            more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
            console.say(f"{component}: missing {', '.join(names[:FEW])}{more}")
        if code == UnavailableError.exit_code:
            console.say("incomplete: name a further --source that has the rest, or be content with --allow-partial")
    console.say(f"{'written' if outcome.written or outcome.taken else 'unchanged'}: {folder.path}")
    console.result = {
        "folder": str(folder.path),
        "components": outcome.components,
        "taken": dict(outcome.taken),
        "have": outcome.have,
        "unvouched": dict(outcome.unvouched),
        "missing": outcome.missing,
        "findings": [f.fields() for f in findings],
        "ignored": outcome.ignored,
        "written": outcome.written,
    }
    return code


def _row(component: str, outcome: Outcome) -> tuple[object, ...]:
    table = None if component in {"images", "masks"} else "yes" if outcome.tables.get(component) else "missing"
    files, new = outcome.have.get(component), outcome.taken.get(component, 0)
    return component, table, files, None if files is None else new, len(outcome.missing.get(component, ()))
