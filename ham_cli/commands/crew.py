"""Who does the work of a command: threads here, or the workers of a Dask cluster."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands.options import RARELY
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.pool import Workers

Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        envvar="HAM_DASK",
        metavar="ADDRESS",
        show_default=False,
        help="Work on a Dask cluster instead: its scheduler's address, tcp://HOST:8786.",
        rich_help_panel=RARELY,
    ),
]


@contextmanager
def hired(jobs: int | None, dask: str | None) -> Iterator[int | Workers]:
    """The threads that were asked for, or the workers of a cluster while this lasts."""
    from ham_cli import pool

    if dask is None:
        yield jobs or pool.cores()
        return
    if jobs is not None:
        raise WrongUsageError("--jobs are threads here, and --dask is a cluster", fix="leave one of them out")
    if not dask.strip():
        raise WrongUsageError("--dask is empty", expected="tcp://HOST:8786", fix="is the variable that names it set?")
    from ham_cli.cluster import Cluster

    cluster = Cluster(dask)
    try:
        yield cluster
    finally:
        cluster.close()
