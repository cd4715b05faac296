"""Failures as exceptions: what, where, expected, got, what to do next, and the exit code."""

from __future__ import annotations

import errno
import re
from typing import ClassVar

EXIT_CODES = {
    0: "done",
    1: "a bug in ham",
    2: "wrong usage (no such folder, no such image, no such option)",
    3: "wrong against the record (in verify, missing too); a split leaks",
    4: "could not get something asked for (incomplete folder, network, offline)",
    5: "cannot read or write here (cache, manifest, disk)",
    6: "another ham holds the cache's lock",
    130: "interrupted (Ctrl-C)",
    143: "terminated (SIGTERM)",
}
"""Every exit code and its meaning, as the README and each ``--help`` print them."""


class HamError(Exception):
    """A failure a person can understand, and mostly mend."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: object = None,
        got: object = None,
        fix: str | None = None,
    ) -> None:
        """Keep the five parts apart: a terminal prints them as lines, ``--json`` as fields."""
        self.what = what
        self.where = None if where is None else str(where)
        self.expected = None if expected is None else str(expected)
        self.got = None if got is None else _cut(str(got))
        self.fix = fix
        # In a notebook the traceback's last lines are all that a person reads.
        super().__init__("\n".join([what, *(f"  {name + ':':<10}{text}" for name, text in list(self.fields().items())[1:])]))

    def fields(self) -> dict[str, str]:
        """The parts that are there, in the order a person reads them: what, where, expected, got, next."""
        parts = {"what": self.what, "where": self.where, "expected": self.expected, "got": self.got, "next": self.fix}
        return {name: text for name, text in parts.items() if text is not None}


class WrongUsageError(HamError):
    """What was typed cannot be done: an unknown name, a folder that is not there."""

    exit_code = 2


class RecordError(HamError):
    """Something held against the record is wrong."""

    exit_code = 3


class UnavailableError(HamError):
    """Something asked for could not be got."""

    exit_code = 4


class AccessError(HamError):
    """Reading or writing here failed: permission, a full disk, a damaged manifest."""

    exit_code = 5


class LockedError(HamError):
    """Another process holds the cache's writer lock."""

    exit_code = 6


class Terminated(BaseException):
    """SIGTERM arrived; raised in the main thread so that it ends as cleanly as Ctrl-C."""


def quoted(cell: object) -> str:
    """A cell of somebody's table for a message: never a whole one of unknown length."""
    text = repr(cell)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _cut(text: str) -> str:
    return text if len(text) <= _ENOUGH else text[:_ENOUGH] + "..."


_LONGEST = 40
"""Signs of a cell that a message repeats."""

_ENOUGH = 500
"""Signs of what was got that an error repeats: it may be somebody's whole file."""

_FIXES = {
    errno.ENOSPC: "free some room, or name another folder (for the cache: --cache-dir), and run it again: it goes on where it stopped",
    errno.EDQUOT: "your quota is used up: free some room, or name another folder (for the cache: --cache-dir), and run it again",
    errno.EROFS: "this file system is read-only: name another folder (for the cache: --cache-dir)",
    errno.EACCES: "check who owns it and who may use it (ls -ld), or name another folder (for the cache: --cache-dir)",
    errno.EPERM: "check who owns it and who may use it (ls -ld), or name another folder (for the cache: --cache-dir)",
    errno.EXDEV: "a hard link cannot leave its file system: use --link copy, or --link sym",
    errno.EMLINK: "too many hard links to that file: use --link copy",
}


_HALF = re.compile(r"\.([^/\\]+)\.[0-9a-f]{8}\.part$")
"""A half-written file: a person knows it by the name it was to have."""


def from_os_error(error: OSError, where: object = None, fix: str | None = None) -> AccessError:
    """The words for an operating system's refusal, with what to do next."""
    place = where if where is not None else error.filename
    place = None if place is None else _HALF.sub(r"\1", str(place))
    code = error.errno or 0
    return AccessError(
        f"the operating system refused: {error.strerror or error}",
        where=place,
        fix=fix or _FIXES.get(code, "check the path and the disk, then run it again"),
    )


def why_unsaved(error: OSError | AccessError) -> str:
    """Why something that is only kept for later could not be written, as half a sentence."""
    return (from_os_error(error) if isinstance(error, OSError) else error).what
