"""What became of a component, in a cache and in any folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Tally:
    """What became of one component."""

    asked: int = 0
    """Images, masks or tables it was judged by; 0 where it was never fetched."""
    checked: int = 0
    """Those that are there and were looked at."""
    right: int = 0
    unvouched: int = 0
    """Of the right ones, those no published digest or archive vouches for: they are as they arrived."""
    published: int = 0
    """How many the record has."""
    table: bool = False
    """Whether the component's table is there and was held against the record."""


@dataclass
class Count:
    """What became of one component."""

    published: int = 0
    """Images, masks or tables that the record has of it."""
    right: int = 0
    unvouched: int = 0
    """Of the right ones, those that no published digest and no archive vouches for."""
    wrong: int = 0
    missing: int = 0
    renamed: int = 0
    """Of the right ones, those that lie there under another name only."""
    found: bool = False
    """Whether any image or mask of it is there, or its table, where it is one."""
    table: bool | None = None
    """Whether the table it brings is right; ``None`` where there is none."""

    def fields(self) -> dict[str, int | bool | None]:
        """The numbers as ``--json`` shows them."""
        return {name: value for name, value in vars(self).items() if name != "found"}
