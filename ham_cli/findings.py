"""What work yields while it runs: findings (one fault, as a value) and progress."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is wrong with one thing."""

    MISSING = "missing"
    WRONG = "wrong"
    EXTRA = "extra"
    UNREADABLE = "unreadable"
    ALTERED = "altered"
    UNVOUCHED = "unvouched"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault in one thing."""

    component: str
    """``images``, ``metadata``, ``masks``, ``test``, ``ratings`` or ``validation``; ``export`` for what is of an export."""
    path: str
    """Where: relative to the cache's record folder, to the source or to the export, with ``/``."""
    verdict: Verdict
    image_id: str | None = None
    """``ISIC_0024306``, where the thing is about one image."""
    expected: str | None = None
    got: str | None = None
    detail: str | None = None
    """A sentence for a person."""

    @property
    def place(self) -> tuple[str, str, str]:
        """What findings are sorted by: component, path, verdict."""
        return self.component, self.path, self.verdict

    def fields(self) -> dict[str, str | None]:
        """The finding as ``--json`` and ``verification.parquet`` show it."""
        return {
            "component": self.component,
            "path": self.path,
            "image_id": self.image_id,
            "verdict": str(self.verdict),
            "expected": self.expected,
            "got": self.got,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Started:
    """Work on one named thing began."""

    name: str
    total: int
    """Bytes of the whole, or things where ``unit`` says so; 0 where nobody knows yet."""
    unit: str = "bytes"
    """``bytes``, or what is counted, for one: ``file``."""
    already: int = 0
    """Of ``total``, what an earlier run has done: it says nothing of how fast this one is."""


IN_ALL = "in all"
"""The name of what everything that is fetched advances together."""


@dataclass(frozen=True)
class Advanced:
    """So much more of a started thing is done; less than nothing where it is begun anew."""

    name: str
    amount: int


@dataclass(frozen=True)
class Done:
    """A started thing is finished."""

    name: str
    words: str = ""
    """What came of it, for a plain line."""


@dataclass(frozen=True)
class Note:
    """Something a person should know that is no fault."""

    text: str
    weight: str = "detail"
    """``detail`` for who asks with ``-v``, ``said`` for everybody, ``warning`` also with ``-q``."""


Event = Started | Advanced | Done | Note | Finding


def counted(count: int, thing: str) -> str:
    """A number with its thing: ``1 image``, ``96 images``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
