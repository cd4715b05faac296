"""What a person is told of a fetch: afterwards, or before it with ``--dry-run``."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from ham_cli.console import one_line, size
from ham_cli.console.findings import show_findings
from ham_cli.console.tables import Table
from ham_cli.errors import UnavailableError
from ham_cli.findings import Verdict, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.commands.options import Run
    from ham_cli.findings import Event, Finding
    from ham_cli.intake.prospects import Prospect
    from ham_cli.intake.request import Outcome, Request

FEW = 3
"""Names of missing things that a person is shown; ``ham verify`` lists them."""


def tell(run: Run, request: Request, outcome: Outcome, findings: list[Finding]) -> int:
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
    content = request.allow_partial and not _nothing_came(outcome)
    code = 3 if findings else 4 if outcome.missing and not content else 0
    for component, unknown in outcome.unknown.items():
        console.say(f"{component}: the table has no {', '.join(unknown)}: blank until ham fetch {component} --source dataverse brings them")
    if outcome.missing and not content:
        _tell_missing(run, request, outcome)
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
        "troubles": [asdict(trouble) for trouble in outcome.troubles],
        "unknown": outcome.unknown,
        "written": outcome.written,
    }
    return code


def _nothing_came(outcome: Outcome) -> bool:
    """Whether servers failed, and nothing of what was asked for is here: that is no part to be content with."""
    here = (outcome.have.get(c) or (c not in {"images", "masks"} and outcome.tables.get(c)) for c in outcome.components)
    return bool(outcome.troubles) and not any(here)


def _row(component: str, outcome: Outcome) -> tuple[object, ...]:
    table = None if component in {"images", "masks"} else "yes" if outcome.tables.get(component) else "missing"
    files, new = outcome.have.get(component), outcome.taken.get(component, 0)
    return component, table, files, None if files is None else new, len(outcome.missing.get(component, ()))


def _tell_missing(run: Run, request: Request, outcome: Outcome) -> None:
    """Name what is missing, and what may bring it."""
    console = run.console
    for component, names in outcome.missing.items():
        more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
        # Also with -q: it is why the command fails.
        (console.warn if console.quiet else console.say)(f"{component}: missing {', '.join(names[:FEW])}{more}")
    for trouble in outcome.troubles if console.quiet else ():
        console.warn(str(trouble))  # else it was said when it happened
    for fix in dict.fromkeys(trouble.fix for trouble in outcome.troubles if trouble.fix):
        console.say(f"next: {fix}")
    if not request.sources:
        console.say("offline: without --offline the servers are asked")
    elif request.allow_partial:
        console.say("nothing came: run it again, or name a further --source")
    else:
        console.say("incomplete: run it again, name a further --source that has the rest, or be content with --allow-partial")


def foretell(run: Run, request: Request) -> int:
    """Say what a fetch would do, and do none of it; 4 where something would be missing."""
    from ham_cli.console.bars import watch
    from ham_cli.intake import dry, prospects
    from ham_cli.intake.request import Outcome

    request.check()
    outcome, console = Outcome(), run.console
    found: list[Prospect] = []

    def events() -> Iterator[Event]:
        found.extend((yield from dry.run(request, outcome)))

    findings = watch(events(), console)
    needed = prospects.room([p for p in found if p.what != "have"], keep=request.keep_archives)
    coming = sum(p.coming for p in found if p.source)
    folder = run.cache.folder(request.record.id).path
    free = shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists())).free
    console.table(Table("", ("component", "file", "what", "bytes>", "from"), [_line(p) for p in found], long=("file",)))
    show_findings(console, findings, "all of them with --json")
    guess = " and what nobody has told the size of" if any(p.bytes is None and p.source for p in found) else ""
    console.out(one_line(f"to fetch: {size(coming)}{guess}; room needed: {size(needed)}, free: {size(free)} in {folder}"))
    lacking = [p for p in found if p.what == "nowhere"]
    console.result = {
        "folder": str(folder),
        "prospects": [asdict(p) for p in found],
        "bytes": coming,
        "room_needed": needed,
        "room_free": free,
        "findings": [f.fields() for f in findings],
        "troubles": [asdict(trouble) for trouble in outcome.troubles],
    }
    content = request.allow_partial and not (outcome.troubles and len(lacking) == len(found))
    return 3 if findings else UnavailableError.exit_code if lacking and not content else 0


_WHAT = {
    "have": "have",
    "take": "take",
    "unpack": "unpack",
    "parts": "some of its files",
    "download": "download",
    "nowhere": "no source has it",
}


def _line(prospect: Prospect) -> tuple[object, ...]:
    what = f"resume at {size(prospect.already)}" if prospect.what == "resume" else _WHAT[prospect.what]
    return prospect.component, prospect.name, what, "?" if prospect.bytes is None else size(prospect.bytes), prospect.source or ""
