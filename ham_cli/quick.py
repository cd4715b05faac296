"""The answers that shells and Makefiles ask for most, without the parser: a fifth of a second sooner."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = ("HAM_JSON", "HAM_QUIET", "HAM_VERBOSE", "HAM_DEBUG")
"""Variables under which something else may be printed."""


def answered(words: Sequence[str]) -> bool:
    """Whether ``--version`` or ``cache dir``, or a fetch whose answer is known, was asked, and is answered; else nothing was printed."""
    if words[:1] == ["fetch"]:
        from ham_cli import unchanged

        return unchanged.answered(words)
    if any(name in os.environ for name in _PLAIN) or sys.stdout is None:
        return False
    text = _version() if list(words) == ["--version"] else _directory() if list(words) == ["cache", "dir"] else None
    if text is None or not text.isascii() or not text.isprintable():
        return False
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        return False  # what a closed pipe and a full disk are told, the whole program knows
    return True


def _version() -> str:
    from ham_cli import __version__

    return f"ham {__version__}"


def _directory() -> str | None:
    """The cache's folder as the command prints it; ``None`` for a place that is not spelled out."""
    from ham_cli.errors import HamError
    from ham_cli.place import default_root

    named = os.environ.get("HAM_CACHE_DIR")
    if named is not None:
        return named if named.startswith(os.sep) and os.path.normpath(named) == named else None
    try:
        return str(default_root())
    except HamError:
        return None
