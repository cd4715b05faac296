"""What the parser refuses, in this program's words: what is wrong, what was expected, what was typed."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

_NO_COMMAND = re.compile(r"No such command '(.*?)'\.", re.DOTALL)
_TOO_MANY = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)
_OPTION = re.compile(r"Option '(.+?)' (requires|does not take) ")
_WANTS = {"requires": "needs a value", "does not take": "takes no value"}
_ALIKE = 0.8
"""How much of a word must be right for its option to be guessed: below that a guess only confuses."""

_PARSING = ("int_parsing", "int_type", "int_from_float", "float_parsing", "float_type", "bool_parsing", "bool_type")
"""What the parser's library calls a value of another kind; other faults are numbers out of their range."""


def in_words(error: typer.TyperException) -> WrongUsageError:
    """The error that a person sees for one of the parser's, which are known by their names: its classes are not public."""
    context = getattr(error, "ctx", None)
    said = error.format_message()
    fix = f"{context.command_path if context else 'ham'} --help shows what there is"
    kind = type(error).__name__
    if kind == "NoSuchOption":
        return _no_option(error, fix)
    if context and kind == "MissingParameter":
        return WrongUsageError(f"{_name(error, context)} is missing", expected=_usage(context), fix=fix)
    if context and (value := _value(error)) is not None:
        return _no_value(error, context, value, fix)
    if context and (found := _NO_COMMAND.match(said)):
        known = context.command.list_commands(context)
        return WrongUsageError("there is no such command", expected=", ".join(known), got=found[1], fix=_guessed(found[1], known) + fix)
    if context and (found := _TOO_MANY.match(said)):
        return WrongUsageError("there is more here than the command takes", expected=_usage(context), got=found[1], fix=fix)
    found = _OPTION.match(said)
    what = f"{found[1]} {_WANTS[found[2]]}" if found else said[:1].lower() + said[1:].rstrip(".")
    return WrongUsageError(what, fix=fix)


def _no_option(error: Any, fix: str) -> WrongUsageError:  # noqa: ANN401
    guess = _guessed(error.option_name, error.possibilities or ())
    return WrongUsageError("there is no such option", got=error.option_name, fix=guess + fix)


def _no_value(error: Any, context: Any, value: object, fix: str) -> WrongUsageError:  # noqa: ANN401
    kind = error.param.type_descriptor.annotation
    least, most = (getattr(error.param.type_descriptor.parameter_info, name, None) for name in ("min", "max"))
    number = "a whole number" if kind is int else "a number"
    expected = number if least is None else f"{number} from {least:g} on" if most is None else f"{number} from {least:g} to {most:g}"
    name = _name(error, context)
    if kind is bool:
        return WrongUsageError(f"{name} is neither yes nor no", expected="1, 0, true, false, yes or no", got=value or "nothing", fix=fix)
    other = error.__cause__.errors()[0]["type"] in _PARSING
    return WrongUsageError(f"{name} is {'not ' + number if other else 'out of range'}", expected=expected, got=value or "nothing", fix=fix)


def _value(error: BaseException) -> object:
    """What was typed for a parameter, as text; ``None`` where the error is of something else."""
    faults = getattr(error.__cause__, "errors", None)
    known = getattr(getattr(error, "param", None), "type_descriptor", None)
    return str(faults()[0]["input"]) if faults and known and faults() and known.annotation in {int, float, bool} else None


def _name(error: Any, context: Any) -> str:  # noqa: ANN401
    """A parameter as a person knows it: its option, its word in the usage, or the variable that gave its value."""
    param = error.param
    if getattr(context.get_parameter_source(param.name), "name", None) == "ENVIRONMENT":
        return str(param.envvar)
    longest = str(max(param.opts, key=len))
    if longest.startswith("-"):
        return longest
    return longest.upper() if "|" in (param.metavar or "|") else str(param.metavar)


def _usage(context: Any) -> str:  # noqa: ANN401
    """The line that help pages begin with."""
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def _guessed(word: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(word, known, 1, _ALIKE)
    return f"did you mean {found[0]}? " if found else ""
