"""What a shell proposes when TAB is pressed: the parser's answer for a line, and the words that only the cache or the record knows."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from collections.abc import Iterator  # noqa: TC003  (the parser reads annotations while the program runs)
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ham_cli.errors import HamError
from ham_cli.record import COMPONENTS, PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ham_cli.cache import Cache

ASKED = "_HAM_COMPLETE"
"""The variable in which a shell hands over the line, from the program's name to the cursor."""

FILES = "<files>"
"""As the help of the first proposal, which is what was typed: files will do too; the shell itself completes them."""


def answer(app: typer.Typer, line: str) -> int:
    """Print a proposal a line, its help after a tab; nothing at all where anything is wrong. The exit code.

    The parser finds them. It is not asked in its own way, ``_HAM_COMPLETE=complete_bash``: that loads rich for the help
    texts, wants the line in another form for each shell, and prints what a callback prints.
    """
    found: list[str] = []
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from typer._completion_classes import BashComplete

        parser = BashComplete(typer.main.get_command(app), {}, "ham", ASKED)
        words, incomplete = _words(line)
        found = [_line(item.value, item.help) for item in parser.get_completions(words, incomplete) if item.value.isprintable()]
    if found:
        print(*found, sep="\n")
    return 0


def _line(value: str, words: str | None) -> str:
    return f"{value}\t{' '.join(words.split())}" if words else value


def _words(line: str) -> tuple[list[str], str]:
    """The words that are finished, without the program's name, and the one before the cursor."""
    cursor = "|"  # any sign will do: the last word is the one that ends with it, also in an open quote or after a blank
    lexer = shlex.shlex(line + cursor, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words = []
    try:
        while (word := lexer.get_token()) is not None:
            words.append(word)
    except ValueError:  # an open quote
        words.append(lexer.token)
    return words[1:-1], words[-1].removesuffix(cursor)


# The words of one option or argument, given to it as its ``autocompletion``; the parser drops those that do not fit.


def one_of(*words: str) -> Callable[[], list[str]]:
    """Words that are known beforehand."""
    return lambda: list(words)


def components(ctx: typer.Context) -> list[str]:
    """The components that are not yet on the line."""
    typed = ctx.params.get("components") or ()
    return [component for component in COMPONENTS if component not in typed]


def splits(ctx: typer.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    """The splits of the record in force in the cache that the line names; files too."""
    from ham_cli.cache import listing

    yield incomplete, FILES
    cache = _cache(ctx)
    current = cache.current()
    names = listing(cache.folder(current).splits) if current else ()
    yield from sorted(name.removesuffix(".parquet") for name in names if name.endswith(".parquet"))


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """What ``--by`` counts by, after what stands there: ``dx,sex``."""
    from ham_cli.summary.counts import COLUMNS

    return _listed("", incomplete, [c for c in COLUMNS if c not in {"split", "fold"} or ctx.params.get("split")])


def conditions(ctx: typer.Context, incomplete: str) -> list[str]:
    """The columns of ``--only``, each with its ``=``; after that the words of the record in force: ``dx=mel,bcc``."""
    from ham_cli import record as records
    from ham_cli.selection import FILTERED

    column, sign, words = incomplete.partition("=")
    if not sign:
        return [f"{name}=" for name in FILTERED]
    record = None
    with contextlib.suppress(HamError):
        record = _cache(ctx).in_force()
    record = record or records.load()
    return _listed(f"{column}=", words, PARTITIONS if column == "partition" else record.vocabulary.get(column, ()))


def _listed(before: str, typed: str, words: Iterable[str]) -> list[str]:
    """The comma-separated list that is being typed, with each further word."""
    *finished, _ = typed.split(",")
    return [before + ",".join([*finished, word]) for word in words if word not in finished]


def _cache(ctx: typer.Context) -> Cache:
    """The cache that the line, or the environment, names; a shell has not yet replaced ``~`` and variables."""
    from ham_cli.cache import Cache
    from ham_cli.place import default_root

    typed = ctx.params.get("cache_dir")
    return Cache(Path(os.path.expandvars(typed)).expanduser() if typed else default_root())
