"""``ham cache``: where the data lies, what is there, and how to be rid of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands.options import Components, LockTimeout, Run, command, components_of, examples_block
from ham_cli.console import one_line, size
from ham_cli.errors import WrongUsageError
from ham_cli.record import COMPONENTS

if TYPE_CHECKING:
    from ham_cli.shed import Removal

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]


EXAMPLES = ("ham cache dir", "ham cache list", "ham cache prune --dry-run")


def register(app: typer.Typer) -> None:
    """Add the group and its four commands."""
    group = typer.Typer(
        help="Show the cache's place and content, and remove from it.\n\n"
        "The cache is the folder that all commands work from: --cache-dir, else HAM_CACHE_DIR, else ham in your own cache folder.",
        short_help="Show the cache's place and content, and remove from it.",
        no_args_is_help=True,
        rich_markup_mode=None,
        epilog=examples_block(EXAMPLES),
    )
    locked = {6: "another ham holds the cache's lock"}
    command(group, "dir", examples=("DIR=$(ham cache dir)", "du -sh $(ham cache dir)"), see=("cache list",))(directory)
    command(group, "list", examples=("ham cache list", "ham cache list --json | jq .result"), see=("verify", "cache remove"))(contents)
    command(group, "prune", examples=("ham cache prune --dry-run", "ham cache prune"), codes=locked, see=("cache list",))(prune)
    examples = ("ham cache remove masks test --dry-run", "ham cache remove masks test", "ham cache remove --all --dry-run")
    command(group, "remove", examples=examples, codes=locked, see=("cache list", "cache prune", "fetch"))(remove)
    app.add_typer(group, name="cache")


def directory(run: Run) -> int:
    """Print the cache's folder, and nothing else.

    It is --cache-dir, else HAM_CACHE_DIR, else ham in your own cache folder. In it each record has a folder: images/,
    masks/, test/, validation/, tables/, archives/, manifests/ and splits/.
    """
    run.console.out(str(run.cache.root))
    run.console.result = {"dir": str(run.cache.root)}
    return 0


def contents(run: Run) -> int:
    """Show what the cache holds, component by component.

    Files and bytes of each component, of kept zips, splits and manifests. It counts what lies there; whether that is
    right, ham verify says.
    """
    from ham_cli import shed
    from ham_cli.console.tables import Table

    record = run.record()
    found = shed.contents(run.cache, record)
    if not found:
        run.console.say(f"the cache is empty: {run.cache.root}")
    columns = ("record", "component", "files>", "size>", "where")
    rows = [(e.record, e.component, e.files, size(e.bytes), e.where) for e in found]
    run.console.table(Table(f"cache: {run.cache.root}", columns, rows))
    run.console.result = {"dir": str(run.cache.root), "in_force": record.id if record else None, "contents": [vars(e) for e in found]}
    return 0


def prune(run: Run, dry_run: DryRun = False, lock_timeout: LockTimeout = 600.0) -> int:
    """Remove what nobody needs: half-written files, kept zips, older versions of the record.

    Images, masks, tables, splits and manifests of the record in force stay. Does not ask: see with --dry-run what
    would go.
    """
    from ham_cli import shed
    from ham_cli.cache import writer

    record = run.record()
    if record is None:
        return _tell(run, shed.Removal(), dry_run=dry_run)
    if dry_run:
        return _tell(run, shed.prunable(run.cache, record), dry_run=True)
    with writer(run.cache.root, lock_timeout, run.console.say):
        removal = shed.prunable(run.cache, record)
        shed.prune(run.cache, record, removal)
    return _tell(run, removal, dry_run=False)


def remove(
    run: Run,
    components: Components = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole record in force.")] = False,
    dry_run: DryRun = False,
    lock_timeout: LockTimeout = 600.0,
) -> int:
    """Remove components, or with --all the whole record, from the cache.

    Splits and statistics stay, but with --all, which removes the record's whole folder, splits too. ham fetch brings
    components again. Does not ask: see with --dry-run what would go.
    """
    from ham_cli import shed
    from ham_cli.cache import writer

    named = COMPONENTS if everything else components_of(components)
    if not named or (everything and components):
        raise WrongUsageError("say what to remove", expected="one or more components, or --all", fix=f"components: {', '.join(COMPONENTS)}")
    current = run.cache.current()
    if current is None:
        return _tell(run, shed.Removal(), dry_run=dry_run)
    # A whole folder can go whatever is damaged in it; components need the record to know what is theirs.
    record = None if everything else run.record()
    if dry_run:
        return _tell(run, shed.removable(run.cache, record, named) if record else shed.everything(run.cache, current), dry_run=True)
    with writer(run.cache.root, lock_timeout, run.console.say):
        if record is None:
            removal = shed.everything(run.cache, current)
            shed.delete(removal)
        else:
            removal = shed.removable(run.cache, record, named)
            shed.remove(run.cache, record, named, removal)
    return _tell(run, removal, dry_run=False)


def _tell(run: Run, removal: Removal, *, dry_run: bool) -> int:
    verb = "would remove" if dry_run else "removed"
    for path in (*removal.folders, *removal.files[:20]):
        run.console.out(one_line(f"{verb} {path}"))
    if len(removal.files) > 20:  # noqa: PLR2004
        run.console.out(f"{verb} {len(removal.files) - 20} more files")
    run.console.say(f"{verb} {size(removal.bytes)} from {run.cache.root}")
    paths = [str(p) for p in (*removal.folders, *removal.files)]
    run.console.result = {"dry_run": dry_run, "bytes": removal.bytes, "paths": paths}
    return 0
