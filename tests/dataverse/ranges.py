"""What ``Range`` asks for."""

from __future__ import annotations

import re
from typing import Literal

Found = tuple[int, int] | Literal["unsatisfiable", "unreadable"]

_ONE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*")


def wanted(header: str, size: int) -> Found:
    """The first byte and the one after the last; an end past that of the file is cut."""
    found = _ONE.fullmatch(header)
    if found is None or found.groups() == ("", ""):
        return "unreadable"
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return "unreadable"
    return (start, stop) if start < stop else "unsatisfiable"
