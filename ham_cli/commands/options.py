"""What every command shares: ``--cache-dir``, ``--json``, ``-q``, ``-v``, and how it ends."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from ham_cli.commands import completing
from ham_cli.errors import EXIT_CODES, WrongUsageError
from ham_cli.record import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ham_cli.cache import Cache
    from ham_cli.console import Console
    from ham_cli.record import Record

EVERYWHERE = "Everywhere"
RARELY = "Rarely needed"

_COMMON: dict[str, Any] = {
    "cache_dir": Annotated[
        str | None,
        typer.Option(
            "--cache-dir",
            envvar="HAM_CACHE_DIR",
            show_default=False,
            metavar="DIR",
            help="Where the data lies; else the user cache folder.",
            rich_help_panel=EVERYWHERE,
        ),
    ],
    "as_json": Annotated[
        bool, typer.Option("--json", envvar="HAM_JSON", help="One JSON document on stdout, also on failure.", rich_help_panel=EVERYWHERE)
    ],
    "quiet": Annotated[
        bool, typer.Option("-q", "--quiet", envvar="HAM_QUIET", help="Only results, warnings and errors.", rich_help_panel=EVERYWHERE)
    ],
    "verbose": Annotated[
        bool, typer.Option("-v", "--verbose", envvar="HAM_VERBOSE", help="Say more on stderr.", rich_help_panel=EVERYWHERE)
    ],
}

Components = Annotated[
    list[str] | None,
    typer.Argument(metavar="COMPONENT", show_default=False, autocompletion=completing.components, help=f"Any of: {', '.join(COMPONENTS)}."),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        rich_help_panel=RARELY,
        envvar="HAM_JOBS",
        min=1,
        show_default=False,
        metavar="N",
        help="Workers; else the cores this process may use.",
    ),
]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout",
        rich_help_panel=RARELY,
        envvar="HAM_LOCK_TIMEOUT",
        min=0,
        metavar="SECONDS",
        help="How long to wait for another ham that writes.",
    ),
]


class Sectioned(TyperCommand):
    """A command whose help has a heading for the options of each kind: its own, the rare ones, those of every command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (the parser's classes are not public)
        """Read what was typed; whatever is wrong with it names this command."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            # Of an option without its value the parser does not say whose it is.
            if getattr(error, "ctx", ctx) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """The words behind the command's name, without the braces that a required one gets: people would type them."""
        return [piece if "|" in piece else re.sub(r"[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  (the parser's classes are not public)
        """Write the options under their headings, as plain text."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            heading = getattr(param, "rich_help_panel", None) or ("Arguments" if param.param_type_name == "argument" else "Options")
            if line := param.get_help_record(ctx):
                sections.setdefault(heading, []).append(_in_words(*line))
        for heading in (*(h for h in sections if h not in {RARELY, EVERYWHERE}), RARELY, EVERYWHERE):
            if heading in sections:
                with formatter.section(heading):
                    formatter.write_dl(sections[heading])


def _in_words(name: str, text: str) -> tuple[str, str]:
    """A line of a help page, without what the parser's library tells of types and ranges in its own signs."""
    name = re.sub(r" <(?!int)[^>]*>", "", name).replace("<int range>", "N").replace("<int>", "N")
    text = re.sub(r"(\S+)<=x<=(\S+)(?=[\];])", r"\1 to \2", text)
    return name, re.sub(r"; x>=0(?=[\];])|  \[x>=0\]", "", re.sub(r"x>=([1-9]\S*)(?=[\];])", r"at least \1", text))


@dataclass
class Run:
    """What a command is given beside its own options."""

    console: Console
    cache: Cache

    def record(self) -> Record | None:
        """The record in force in the cache; ``None`` for an empty one."""
        record = self.cache.in_force()
        self.console.record = record.id if record else None
        return record


def command(
    app: typer.Typer,
    name: str,
    *,
    examples: Sequence[str],
    codes: Mapping[int, str] | None = None,
    see: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a command: its own parameters, the shared ones but those it is ``without``, and what stands under its help.

    That are examples, the exit codes (``codes`` are those of its own, or common ones in its own words) and the commands to ``see`` too.

    The function gets a `Run` first, and returns the exit code.
    """

    def register(function: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def call(context: typer.Context, **given: Any) -> int:  # noqa: ANN401
            from ham_cli.cache import Cache
            from ham_cli.place import default_root

            common = {key: given.pop(key, None) for key in _COMMON}
            full = context.command_path.partition(" ")[2]
            context.obj.configure(full, as_json=common["as_json"], quiet=common["quiet"], verbose=common["verbose"])
            if common["cache_dir"] == "":
                raise WrongUsageError("--cache-dir is empty", expected="a folder", fix="is the variable that names it set?")
            root = Path(common["cache_dir"]) if common["cache_dir"] else default_root()
            try:
                return function(Run(context.obj, Cache(absolute(root))), **given)
            except WrongUsageError as error:
                error.what = _blamed(error.what, context)
                raise

        parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
        parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        parameters += [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=None if key == "cache_dir" else False)
            for key, kind in _COMMON.items()
            if key not in without
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        text = inspect.getdoc(function) or ""
        # A short help of its own is printed whole; one that the parser makes is cut.
        app.command(name, cls=Sectioned, help=text, short_help=text.partition("\n")[0], epilog=_foot(examples, codes or {}, see))(call)
        return function

    return register


def _blamed(what: str, context: Any) -> str:  # noqa: ANN401  (the parser's classes are not public)
    """What is wrong, with an option that nobody typed named by the variable that gave its value."""
    for param in context.command.params:
        if getattr(context.get_parameter_source(param.name), "name", None) == "ENVIRONMENT":
            what = re.sub(rf"(?<!\S)(?:{'|'.join(param.opts)})(?!\S)", param.envvar, what)
    return what


def absolute(path: Path) -> Path:
    """A path as the whole program spells it: from the root, ``~`` resolved."""
    try:
        return path.expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise WrongUsageError("this path leads nowhere", where=path, got=error, fix="check the spelling, and HOME") from error


def output_file(output: Path, what: str, cache: Cache) -> Path:
    """The file that ``-o`` names, to be written as Parquet or CSV, where a link leads.

    Raises `WrongUsageError` for another ending, a folder, or a place in the cache, which looks after itself.
    """
    path = outside_the_cache(output, cache, "name another place, or leave -o out")
    if path.suffix not in {".parquet", ".csv"}:
        raise WrongUsageError(f"{what} written as Parquet or CSV", where=path, expected="a name that ends in .parquet or .csv")
    if path.is_dir():
        raise WrongUsageError("this is a folder, and -o names a file", where=path, fix=f"-o {path / 'NAME.parquet'}")
    return path


def outside_the_cache(output: Path, cache: Cache, fix: str) -> Path:
    """A file that was named, where a link leads; `WrongUsageError` for a place in the cache, which looks after itself."""
    path = absolute(output)
    path = path.resolve() if path.is_symlink() else path
    # Not only this cache's: a folder with a record and its manifests looks after itself wherever it is.
    others = (p for p in path.resolve().parents if (p / "record.json").is_file() and (p / "manifests").is_dir())
    if next(others, None) or any(path.resolve().is_relative_to(cache.folder(name).path.resolve()) for name in cache.records()):
        raise WrongUsageError("this file would lie in the cache", where=path, fix=fix)
    return path


_COMMON_CODES = (0, 2, 5)
"""Exit codes that every command may end with; those of signals and bugs stand in ``ham --help`` alone."""


def _foot(examples: Sequence[str], codes: Mapping[int, str], see: Sequence[str]) -> str:
    """What stands under a command's help page."""
    told = {code: EXIT_CODES[code].partition(" (")[0] for code in _COMMON_CODES} | dict(codes)
    blocks = [examples_block(examples), block("Exit codes", [f"{code}  {words}" for code, words in sorted(told.items())])]
    return "\n\n".join([*blocks, *([f"See also: {', '.join(f'ham {name}' for name in see)}."] if see else [])])


def examples_block(examples: Sequence[str]) -> str:
    """Examples as they stand under a help page, lines kept."""
    return block("Examples", examples)


def block(title: str, lines: Sequence[str]) -> str:
    """Lines that are kept as they are under a help page, under a title."""
    return f"\b\n{title}:\n" + "\n".join(f"  {line}" for line in lines)


def components_of(names: Sequence[str] | None, record: Record | None = None) -> tuple[str, ...]:
    """The components that were typed, in the program's order; `WrongUsageError` for one that the record has not."""
    known = record.components if record else COMPONENTS
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise WrongUsageError("there is no such component", expected=", ".join(known), got=", ".join(unknown))
    return tuple(c for c in COMPONENTS if c in (names or ()))
