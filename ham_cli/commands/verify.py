"""``ham verify``: the cache held against the record and mended, or any folder, or an export against its own list."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_cli import record as records
from ham_cli.commands import fetching, verified, verifying
from ham_cli.commands.crew import Dask, hired
from ham_cli.commands.options import Components, Jobs, LockTimeout, Run, absolute, command, components_of
from ham_cli.errors import AccessError, WrongUsageError

if TYPE_CHECKING:
    from ham_cli.findings import Finding
    from ham_cli.integrity.check import Check
    from ham_cli.pool import Workers
    from ham_cli.record import Record

EXAMPLES = (
    "ham verify",
    "ham verify --quick && make train",
    "ham verify images masks --deep --jobs 4",
    "ham verify --repair",
    "ham verify --path ~/Downloads/ham10000",
    "ham verify --path data --deep",
    "ham verify --all --json | jq .result.findings",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {
        0: "all that was judged is right",
        3: "something is wrong or missing",
        4: "with --repair: something could not be got",
        6: "with --repair: another ham holds the cache's lock",
    }
    command(app, "verify", examples=EXAMPLES, codes=codes, see=("fetch", "cache list", "show"))(verify)


def verify(
    run: Run,
    components: Components = None,
    everything: Annotated[bool, typer.Option("--all", help="Judge by the whole record, also what was never fetched.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only names and sizes, by one worker unless --jobs says more.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Pixels too, what kept zips hold, and the digests of manifests and splits.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Bring again exactly what is wrong or missing, then verify once more.")] = False,
    path: Annotated[
        str | None,
        typer.Option(
            "--path", metavar="DIR", show_default=False, help="Any folder instead of the cache, which is not needed; or an export."
        ),
    ] = None,
    record: fetching.RecordFile = None,
    connections: fetching.Connections = 4,
    limit_rate: fetching.LimitRate = None,
    server: fetching.Server = None,
    lock_timeout: LockTimeout = 600.0,
    jobs: Jobs = None,
    dask: Dask = None,
) -> int:
    """Hold the cache against the record: every image, mask, table and kept zip.

    Judges what was fetched or asked for; a component that is named, or --all, is judged whole. With --path a folder is
    held against the record, whatever its layout: a download, a Kaggle copy, a colleague's disk; an export of ham against
    the list in it. --repair takes from kept zips, then by parts from Harvard Dataverse and the ISIC archive.

    Without --repair no file of the data is touched. The findings stand in the cache, manifests/verification.parquet,
    and what broke since the last time is said.
    """
    if quick and deep:
        raise WrongUsageError("--quick and --deep contradict each other", fix="leave one of them out")
    # Sizes are asked for by one: threads would only hand the interpreter to and fro.
    with hired(1 if quick and jobs is None and dask is None else jobs, dask) as workers:
        how = How(everything, components, quick, deep, workers)
        if path is not None:
            if repair:
                fix = "ham fetch --source DIR takes into the cache what is right there"
                raise WrongUsageError("--repair mends the cache, and --path names another folder", fix=fix)
            return _elsewhere(run, path, record, how)
        if record is not None:
            raise WrongUsageError("--record goes with --path: a cache has its own", fix="name a folder with --path, or leave --record out")
        here = run.record()
        if here is None:
            if not everything and not components:
                run.console.warn(f"nothing is fetched yet in {run.cache.root}: there is nothing to verify")
                return 0
            here = records.load()
            run.console.record = here.id
        if not repair:
            return verified.tell(run, *_checked(run, here, how))
        net = {"connections": connections, "rate": fetching.rate(limit_rate), "server": fetching.server(server)}
        return _repair(run, here, how, net, lock_timeout)


@dataclass(frozen=True)
class How:
    """What is judged, and how closely."""

    everything: bool
    components: list[str] | None
    quick: bool
    deep: bool
    jobs: int | Workers

    def named(self, record: Record) -> tuple[str, ...]:
        """The components that are judged whole."""
        return record.components if self.everything else components_of(self.components, record)


def _elsewhere(run: Run, path: str, record: Path | None, how: How) -> int:
    """Look at a folder that is no cache; the exit code."""
    if not path.strip():
        raise WrongUsageError("--path is empty", expected="a folder", fix="is the variable that names it set?")
    if "://" in path:
        # Without the URL: a password may stand in it.
        what = "--path names a folder on this machine, and this is a URL"
        raise WrongUsageError(what, fix="copy it down first (aws s3 sync, or what your store has for it), and verify the copy")
    where = absolute(Path(path))
    if verifying.is_export(where):
        return verifying.export(run, where, how.components, everything=how.everything, quick=how.quick, jobs=how.jobs)
    pinned = records.load_foreign(record) if record else run.record() or records.load()
    return verifying.folder(run, where, pinned, how.named(pinned), quick=how.quick, deep=how.deep, jobs=how.jobs)


def _checked(run: Run, record: Record, how: How) -> tuple[Check, list[Finding]]:
    """One look at the cache, and its findings."""
    from ham_cli import holdings, pool
    from ham_cli.console.bars import watch
    from ham_cli.integrity.check import Check

    held = holdings.load(record, run.cache.folder(record.id))
    for name in (held.folder.manifest("images"), held.folder.path / "record.json"):
        if name.is_file():
            pool.require(how.jobs, name)
    check = Check(held, how.named(record), how.quick, how.jobs, how.deep)
    return check, watch(check.run(), run.console)


def _repair(run: Run, record: Record, how: How, net: dict[str, Any], lock_timeout: float) -> int:
    """Look, bring again what is wrong or missing, and look once more; the exit code."""
    from ham_cli import cache, pool, selection
    from ham_cli.console.bars import watch
    from ham_cli.intake.mending import Mending
    from ham_cli.intake.request import Request
    from ham_cli.links import Link

    key = os.environ.get("HAM_DATAVERSE_KEY") or None
    whole = selection.Selection()
    request = Request(run.cache, record, fetching.sources(None), (), whole, Link.AUTO, pool.cores(), key=key, **net)
    with cache.writer(run.cache.root, lock_timeout, run.console.say):
        check, found = _checked(run, record, how)
        kept = any((row["path"] or "").startswith("archives/") for row in check.holdings.files.values())
        mending = Mending(replace(request, keep_archives=kept), found)
        if not mending:
            return verified.tell(run, check, found, repair={"found": [], "mended": [], "troubles": []})
        if verified.save(run, check, found) is None:
            fix = "check who owns it and who may use it (ls -ld)"
            raise AccessError("nothing can be written here, and so nothing be mended", where=check.holdings.folder.path, fix=fix)
        run.console.say(f"to mend: {mending}")
        watch(mending.run(), run.console)
        again, left = _checked(run, record, how)
        mended = mending.mended(left)
        repair = {"found": [f.fields() for f in found], "mended": mended, "troubles": [str(trouble) for trouble in mending.troubles]}
        for trouble in mending.troubles if run.console.quiet else ():
            run.console.warn(str(trouble))  # else it was said when it happened
        for fix in dict.fromkeys(trouble.fix for trouble in mending.troubles if trouble.fix):
            run.console.say(f"next: {fix}")
        run.console.say(f"mended: {len(mended)} of {len({f.path for f in found})}")
        return verified.tell(run, again, left, repair=repair)
