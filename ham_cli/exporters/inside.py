"""What may lie in an export's folder: its files as our lists spell them, and paths that stay in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*(/[A-Za-z0-9][A-Za-z0-9._ -]*)*")
"""A file as our lists spell it; nothing else in a list is believed."""


def inside(path: Path, folder: Path) -> bool:
    """Whether a path stays in a folder, whatever links lie on its way."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead round in a circle
        return False
