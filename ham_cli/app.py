"""The door: what was typed goes to its command; what went wrong becomes words and an exit code."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import traceback
import warnings
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ham_cli import __version__
from ham_cli.commands import (
    cache,
    check,
    cite,
    completing,
    completion,
    demo,
    export,
    fetch,
    mistyped,
    report,
    score,
    show,
    split,
    stats,
    verify,
)
from ham_cli.commands.options import block, examples_block
from ham_cli.console import Console, abandon
from ham_cli.errors import EXIT_CODES, AccessError, HamError, Terminated, WrongUsageError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_TRUE = {"1", "true", "yes", "on", "t", "y"}
_ANY_TEXT = "ham-any-text"
_ENDED = {130: "interrupted", 143: "terminated"}

_EXAMPLES = ("ham demo", "ham fetch --source ~/Downloads", "ham split && ham stats --split r70-15-15-s0", "ham export --help")
_CODES = block("Exit codes", [f"{code:>3}  {words}" for code, words in EXIT_CODES.items()])
_HELP = """A dataset manager for HAM10000: fetch, verify, split, stats, export over a cache.

HAM10000 is the set of dermatoscopic images of skin lesions behind doi:10.7910/DVN/DBW86T. New here? ham demo shows all of
it on images that it draws, in seconds and without a network. Of the data, ham fetch metadata (0.7 MB) is enough for
split, check and stats; ham fetch brings everything (3.2 GB), and goes on where it was interrupted.

What is fetched lies in one folder, the cache, from which all other commands work: ham cache dir names it. Results go
to stdout, everything else to stderr. Each command has a page of its own: ham COMMAND --help.
"""
_VARIABLES = (
    "HAM_CACHE_DIR           where the data lies, as --cache-dir",
    "HAM_JSON, HAM_QUIET, HAM_VERBOSE, HAM_JOBS, HAM_DASK, HAM_CONNECTIONS,",
    "HAM_LIMIT_RATE, HAM_SERVER, HAM_LOCK_TIMEOUT",
    "                        the options of these names, where a command has them",
    "HAM_DATAVERSE_KEY       an API token for Dataverse; not needed for this data",
    "HAM_DEBUG               1: show a traceback where something went wrong",
    "NO_COLOR, FORCE_COLOR, COLUMNS, HTTPS_PROXY, SSL_CERT_FILE",
    "                        as everywhere",
)
"""What the environment may say."""


class InOrder(TyperGroup):
    """A group whose help lists commands and groups in the order of the work."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  (the parser's classes are not public)
        """The names, as they were registered."""
        names = super().list_commands(ctx)
        return sorted(names, key=[part.__name__.rpartition(".")[2] for part in COMMANDS].index)


COMMANDS = (fetch, verify, split, check, stats, report, score, export, show, cite, cache, demo, completion)


app = typer.Typer(
    name="ham",
    cls=InOrder,
    help=_HELP,
    epilog="\n\n".join([examples_block(_EXAMPLES), _CODES, block("Environment", _VARIABLES)]),
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer's callback has this form)
    if wanted:
        print(f"ham {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,  # noqa: FBT002
) -> None:
    pass


for _command in COMMANDS:
    _command.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was typed; the exit code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    # A picture too large to be decoded is an error, in whatever thread it is opened.
    warnings.filterwarnings("error", message="Image size .* exceeds limit")
    console = Console(as_json="--json" in typed or os.environ.get("HAM_JSON", "").lower() in _TRUE)
    try:
        if (line := os.environ.get(completing.ASKED)) is not None:
            completing.answer(app, line)
            sys.stdout.flush()
            return 0
        code = _run(typed, console)
        try:
            console.finish(code)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read stdout has seen enough: head, less. What came of the command is its exit code all the same.
            abandon(sys.stdout)
        except HamError as error:
            code = _told(error, console)
    except BrokenPipeError:
        code = 0  # of a help page
        abandon(sys.stdout)
    except OSError as error:
        code = _told(
            AccessError("the output cannot be written", got=error.strerror, fix="look at where stdout leads, and at its disk"), console
        )
    if code == AccessError.exit_code:
        abandon(sys.stdout)
    return code


def _as_bytes_or_escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Names that are no text as the bytes they are, so that ``DIR=$(ham cache dir)`` works; other odd signs escaped."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _prepare_streams() -> None:
    """Make stdout and stderr take any text, also where they are closed."""
    codecs.register_error(_ANY_TEXT, _as_bytes_or_escaped)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  (for as long as the program runs)
        getattr(sys, name).reconfigure(errors=_ANY_TEXT if name == "stdout" else "backslashreplace")


@once
def _parser() -> Any:  # noqa: ANN401  (the parser's classes are not public)
    """All commands with their options: put together once, also where many are run in one process."""
    return typer.main.get_command(app)


def _run(typed: list[str], console: Console) -> int:
    try:
        code: int = _parser()(typed, prog_name="ham", standalone_mode=False, obj=console) or 0
    except SystemExit:
        # The parser's library does so only where stdout or stderr is a closed pipe.
        raise BrokenPipeError from None
    except BaseException as error:  # noqa: BLE001  (the one place where every failure becomes words)
        if os.environ.get("HAM_DEBUG"):
            traceback.print_exc()
        code = _told(error, console)
    if code in _ENDED:
        console.say(f"{_ENDED[code]}; what is whole is kept, run it again to go on")
    return code


def _told(error: BaseException, console: Console) -> int:
    """Put a failure into words; its exit code."""
    if isinstance(error, KeyboardInterrupt | typer.Abort | Terminated):
        return 143 if isinstance(error, Terminated) else 130
    if type(error).__name__ == "NoArgsIsHelpError":
        for line in str(error).splitlines():
            console.say(line)
        console.error = WrongUsageError("say which command", fix="ham --help shows what there is")
        return console.error.exit_code
    if isinstance(error, typer.TyperException):
        error = mistyped.in_words(error)
    elif isinstance(error, OSError):
        error = from_os_error(error)
    elif not isinstance(error, HamError):
        fix = "run it again with HAM_DEBUG=1 and report what it prints"
        error = HamError(f"this is a bug in ham: {type(error).__name__}: {error}", fix=fix)
    console.fail(error)
    return error.exit_code


def _terminate(_number: int, _frame: FrameType | None) -> Any:  # noqa: ANN401
    raise Terminated
