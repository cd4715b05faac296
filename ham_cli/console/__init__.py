"""What a person, a pipe or a program sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import textwrap
from typing import IO, TYPE_CHECKING, Any

from ham_cli import __version__
from ham_cli.errors import AccessError

if TYPE_CHECKING:
    from ham_cli.console.tables import Table
    from ham_cli.errors import HamError

ENVELOPE = 1
"""Version of the form of ``--json``'s one document."""

SHOWN = 20
"""Findings of a kind that a person sees; the rest stands in a manifest."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Console:
    """One command's mouth: it knows who listens, and gathers what ``--json`` says at the end."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Speak plainly until `configure` says otherwise."""
        self.as_json, self.quiet, self.verbose = as_json, False, False
        self.command: str | None = None
        self.record: str | None = None
        self.result: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.error: HamError | None = None
        self.silent = True
        """Whether nothing was printed yet."""

    def configure(self, command: str, *, as_json: bool, quiet: bool, verbose: bool) -> None:
        """Take over what was typed."""
        self.command, self.as_json, self.quiet, self.verbose = command, as_json or self.as_json, quiet, verbose

    def out(self, text: str) -> None:
        """A line of the result, on stdout; not with ``--json``, which says all at the end."""
        if not self.as_json:
            self.silent = False
            to_stdout(clean(text))

    def say(self, text: str) -> None:
        """A line for a person, on stderr; not with ``-q``."""
        if not self.quiet:
            self.silent = False
            to_stderr(folded(one_line(text)))

    def detail(self, text: str) -> None:
        """A line on stderr for ``-v``."""
        if self.verbose:
            self.say(text)

    def warn(self, text: str) -> None:
        """A warning: on stderr also with ``-q``, and in ``--json``."""
        self.warnings.append(text)
        self.silent = False
        to_stderr(f"{styled('warning:', '33')} {folded(one_line(text), len('warning: '))}")

    def table(self, table: Table) -> None:
        """A table of the result, on stdout."""
        if not self.as_json:
            from ham_cli.console.tables import drawn

            self.silent = False
            for line in drawn(table, sys.stdout):
                to_stdout(line)

    def fail(self, error: HamError) -> None:
        """Say what went wrong: what, where, expected, got, and what to do next."""
        self.error = error
        lines = [f"{styled('error:', '31')} {one_line(error.what)}"]
        lines += [f"  {name + ':':<10}{one_line(text)}" for name, text in list(error.fields().items())[1:]]
        to_stderr("\n".join(lines))

    def finish(self, exit_code: int) -> None:
        """With ``--json``, the one document; always last."""
        if not self.as_json:
            return
        envelope = {
            "schema": ENVELOPE,
            "ham": __version__,
            "command": self.command,
            "record": self.record,
            "exit_code": exit_code,
            "result": self.result,
            "warnings": self.warnings,
            "error": self.error.fields() if self.error else None,
        }
        to_stdout(json.dumps(envelope, indent=1, ensure_ascii=True, allow_nan=False))


def to_stdout(text: str) -> None:
    """Write a line of the result; nothing more where a pipe was closed. Raises `AccessError` where it cannot be written."""
    try:
        print(text)
    except BrokenPipeError:
        abandon(sys.stdout)
    except OSError as error:
        raise AccessError("the output cannot be written", got=error.strerror, fix="look at where stdout leads, and at its disk") from error


def abandon(stream: IO[str]) -> None:
    """Let vanish what is still to be written, now or later: whoever read it has seen enough, or it cannot be written."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def to_stderr(text: str) -> None:
    """Write a line for a person; where nobody can read it, go on without."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def clean(text: str) -> str:
    """The text without control characters: a name from a zip must not steer somebody's terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def one_line(text: str) -> str:
    """The text cleaned, and on one line: a file name with a line end must not forge a line of ours."""
    return clean(text).replace("\n", "\\n")


def folded(text: str, before: int = 0) -> str:
    """A sentence on lines of its own where a terminal would break its words; what names a path is left whole, to be copied."""
    if os.sep in text or "\n" in text or not sys.stderr.isatty():
        return text
    width = max(shutil.get_terminal_size().columns, 20)
    lines = textwrap.wrap(text, width, initial_indent=" " * before, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).removeprefix(" " * before)


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person looks at the stream, or FORCE_COLOR says to act so."""
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))


def styled(text: str, code: str) -> str:
    """The text in a colour where stderr shows colours and NO_COLOR does not forbid it."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not is_terminal(sys.stderr)
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def size(count: float) -> str:
    """Bytes in words: ``1.37 GB``, powers of ten as disks and servers count."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:  # noqa: PLR2004  (what would be written 1e+03 belongs to the next unit)
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
