"""Failures as exceptions: what, where, expected, got, what to do next, and the exit code."""

from __future__ import annotations

import errno
from typing import ClassVar

EXIT_CODES = {
    0: "done",
    1: "a bug in ham",
    2: "wrong usage (no such folder, no such image, no such option)",
    3: "something held against the record is wrong (in verify, missing too)",
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
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.expected = None if expected is None else str(expected)
        self.got = None if got is None else str(got)
        self.fix = fix

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


_FIXES = {
    errno.ENOSPC: "free some room, or take another folder with --cache-dir, and run it again: it goes on where it stopped",
    errno.EDQUOT: "your quota is used up: free some room, or take another folder with --cache-dir, and run it again",
    errno.EROFS: "this file system is read-only: take another folder with --cache-dir",
    errno.EACCES: "check who owns it and who may use it (ls -ld); --cache-dir names another folder for the cache",
    errno.EPERM: "check who owns it and who may use it (ls -ld); --cache-dir names another folder for the cache",
    errno.EXDEV: "a hard link cannot leave its file system: use --link copy, or --link sym",
    errno.EMLINK: "too many hard links to that file: use --link copy",
}


def from_os_error(error: OSError, where: object = None) -> AccessError:
    """The words for an operating system's refusal, with what to do next."""
    place = where if where is not None else error.filename
    code = error.errno or 0
    return AccessError(
        f"the operating system refused: {error.strerror or error}",
        where=place,
        fix=_FIXES.get(code, "check the path and the disk, then run it again"),
    )
