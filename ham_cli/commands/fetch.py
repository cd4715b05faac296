"""``ham fetch``: from servers and folders into the cache."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from ham_cli import record as records
from ham_cli.commands import again, completing, fetched, fetching
from ham_cli.commands.options import RARELY, Components, Jobs, LockTimeout, Run, command, components_of
from ham_cli.errors import WrongUsageError
from ham_cli.links import WAYS, Link

EXAMPLES = (
    "ham fetch",
    "ham fetch metadata",
    "ham fetch --only dx=mel,bcc --sample 50",
    "ham fetch --dry-run",
    "ham fetch --source ~/Downloads/ham10000",
    "ham fetch --source http://192.168.1.20:8000 --source dataverse",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {
        3: "a file or image is wrong, or the record changed: named, not taken",
        4: "something asked for could not be got: what came is kept",
        6: "another ham holds the cache's lock",
    }
    command(app, "fetch", examples=EXAMPLES, codes=codes, see=("verify", "cache list", "split"))(fetch)


def fetch(
    run: Run,
    components: Components = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            autocompletion=completing.one_of("dataverse", "isic"),
            show_default=False,
            help="dataverse, isic, http(s)://... or a folder; repeats, tried in order. Else dataverse, then isic.",
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
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="With --sample: another seed is another sample.")] = 0,
    link: Annotated[
        str,
        typer.Option(
            "--link",
            metavar="|".join(WAYS),
            autocompletion=completing.one_of(*WAYS),
            help="How files come in; auto shares blocks where it can, else copies.",
        ),
    ] = "auto",
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Be content with what the sources have: no exit 4.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server: only the cache and folders.")] = False,
    connections: fetching.Connections = 4,
    limit_rate: fetching.LimitRate = None,
    server: fetching.Server = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep published zips in the cache.", rich_help_panel=RARELY)
    ] = False,
    accept_altered: Annotated[
        bool,
        typer.Option(
            "--accept-altered", help="Take a table that differs from the published one, and mark the manifest.", rich_help_panel=RARELY
        ),
    ] = False,
    record: fetching.RecordFile = None,
    lock_timeout: LockTimeout = 600.0,
    jobs: Jobs = None,
) -> int:
    """Bring the published files into the cache, every image held against its digest.

    From Harvard Dataverse, and what it refuses from the ISIC archive; or from a mirror, another ham cache behind a
    web server, or a folder: published zips, unpacked folders, Kaggle's layout, any mixture. What is interrupted goes
    on where it was, and an unchanged fetch asks nobody. Components are by default all but validation, 3.2 GB; from
    folders alone, those of which something is found. metadata, 0.7 MB, is the training table, and enough for split,
    check and stats.

    Files go into the cache's folder (ham cache dir): images/, masks/, test/, tables/, and manifests/images.parquet, a
    row an image, for pandas, DuckDB and others. HTTPS_PROXY and SSL_CERT_FILE are heeded; HAM_DATAVERSE_KEY may hold
    an API token, which this record does not need.
    """
    from ham_cli import cache, pool, selection
    from ham_cli.console.bars import watch
    from ham_cli.intake.request import Request
    from ham_cli.intake.run import Intake

    began = time.time_ns()
    if link not in WAYS:
        raise WrongUsageError("--link knows no such way", expected=", ".join(WAYS), got=link)
    pinned = records.load_foreign(record) if record else records.load()
    run.console.record = pinned.id
    named = fetching.sources(source)
    request = Request(
        cache=run.cache,
        record=pinned,
        sources=tuple(s for s in named if not (offline and isinstance(s, str))),
        components=components_of(components) or fetching.components(named, pinned),
        wish=selection.parse(only or (), sample, seed, pinned),
        link=Link(link),
        jobs=jobs or pool.cores(),
        keep_archives=keep_archives,
        allow_partial=allow_partial,
        accept_altered=accept_altered,
        server=fetching.server(server),
        key=os.environ.get("HAM_DATAVERSE_KEY") or None,
        connections=connections,
        rate=fetching.rate(limit_rate),
    )
    if dry_run:
        return fetched.foretell(run, request)
    intake = Intake(request)
    with cache.writer(run.cache.root, lock_timeout, run.console.say):
        if not (run.cache.folder(pinned.id).path / "record.json").exists():
            terms = pinned.licence
            run.console.say(f"licence of the data: {terms['id']} ({terms['summary']})")
            run.console.say(f"{terms['url']}; ham cite prints what to cite")
        intake.load()
        findings = watch(intake.run(), run.console)
    return again.told(run, request, intake.outcome, findings, record or records.PUBLISHED, began)
