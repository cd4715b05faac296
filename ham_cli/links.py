"""How a file becomes another one: copied, its blocks shared, linked hard or by name."""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from typing import TYPE_CHECKING

from ham_cli import atomic
from ham_cli.errors import from_os_error

if TYPE_CHECKING:
    from pathlib import Path


class Link(StrEnum):
    """How a file comes into a folder of ours."""

    AUTO = "auto"
    HARD = "hard"
    SYM = "sym"
    COPY = "copy"
    CLONE = "clone"
    """What ``auto`` becomes where the file system shares blocks between files."""


_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
"""What a file system without hard links answers."""

WAYS = tuple(link.value for link in Link if link is not Link.CLONE)
"""What a person may ask for."""


def decided(link: Link, source: Path | None, target: Path) -> Link:
    """``auto`` decided by trying: shared blocks where ``source`` and the folder of ``target`` can, else copies."""
    if link is not Link.AUTO:
        return link
    probe = atomic.beside(target)
    shared = source is not None and atomic.clone(source, probe)
    probe.unlink(missing_ok=True)
    return Link.CLONE if shared else Link.COPY


def place(source: Path, target: Path, link: Link) -> None:
    """Make ``target``, which is not there yet, of ``source``; the link is a `decided` one."""
    if link is Link.HARD:
        _hard(source, target)
    elif link is Link.SYM:
        target.symlink_to(source.resolve())
    elif link is not Link.CLONE or not atomic.clone(source, target):
        target.write_bytes(source.read_bytes())


def _hard(source: Path, target: Path) -> None:
    try:
        # Only a link is followed: asking where ten thousand plain files are takes a second.
        os.link(source.resolve() if source.is_symlink() else source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise from_os_error(error, target, "hard links cannot be made there: use --link copy, or --link sym") from error
