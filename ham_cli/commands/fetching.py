"""What is typed after ``ham fetch``, as values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from ham_cli.commands.options import RARELY, absolute
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.record import Record

SERVERS = ("dataverse", "isic")
"""Sources with a name, in the order they are tried by default."""

Connections = Annotated[
    int,
    typer.Option(
        "--connections", envvar="HAM_CONNECTIONS", min=1, max=16, metavar="N", help="Connections, in all.", rich_help_panel=RARELY
    ),
]
LimitRate = Annotated[
    str | None,
    typer.Option(
        "--limit-rate",
        envvar="HAM_LIMIT_RATE",
        metavar="RATE",
        show_default=False,
        help="Bytes a second at most: 500k, 2M.",
        rich_help_panel=RARELY,
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="HAM_SERVER",
        metavar="URL",
        show_default=False,
        help="Another Dataverse than the record's.",
        rich_help_panel=RARELY,
    ),
]
RecordFile = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE",
        readable=False,
        show_default=False,
        help="Another record than the published one.",
        rich_help_panel=RARELY,
    ),
]

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?(?:/s)?", re.IGNORECASE)
_POWERS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}


def sources(typed: Sequence[str] | None) -> tuple[Path | str, ...]:
    """The sources that were named, folders as paths; by default the servers."""
    return tuple(dict.fromkeys(_source(source) for source in typed or SERVERS))


def components(named: Sequence[Path | str], record: Record) -> tuple[str, ...]:
    """The components that are meant where none is named; empty where folders are to tell.

    From servers all but validation, which only the bucket has and few people want; from the bucket alone what it has.
    """
    if all(isinstance(source, Path) for source in named):
        return ()
    has = {f.component for f in record.bucket_files} if set(named) == {"isic"} else set(record.components)
    return tuple(c for c in record.components if c in has and c != "validation")


def server(typed: str | None) -> str | None:
    """The address of another Dataverse, without what follows the host's own path."""
    return None if not typed else _address(typed, "--server")


def rate(typed: str | None) -> float | None:
    """Bytes a second, from ``500k`` or ``2M``."""
    if not typed:
        return None
    found = _RATE.fullmatch(typed.strip())
    bytes_ = float(found[1]) * _POWERS[found[2].lower()] if found else 0.0
    if bytes_ < 1:
        raise WrongUsageError("--limit-rate is no rate", expected="bytes a second, such as 500k or 2M", got=typed)
    return bytes_


def _source(typed: str) -> Path | str:
    if not typed.strip():
        raise WrongUsageError("--source is empty", expected="a source", fix="is the variable that names it set?")
    if typed in SERVERS:
        return typed
    if "://" in typed:
        return _address(typed, "--source")
    return absolute(Path(typed))


def _address(typed: str, option: str) -> str:
    try:
        parts = urlsplit(typed)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
        right = right and (parts.port is None or parts.port > 0)
    except ValueError:
        right = False
    if not right:
        shown = re.sub(r"//.*@", "//", typed)  # what stands before it may be a password
        raise WrongUsageError(f"{option} is no address of a server", expected="http://HOST/PATH or https://HOST/PATH", got=shown)
    return typed.rstrip("/")
