"""What a format is: its words, the options it takes, and how it plans its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Parcel
    from ham_cli.exporters.wish import Wish

LABELS = ("grouping", "class_order")
"""Options of what gives every image a class with a number."""

PICTURES = ("size", "crop", "image_format", "quality", "fast")
"""Options of what may write images anew."""

GAPS = ("allow_partial", "allow_missing_classes")
"""Options of what holds images, and refuses where some are not there."""

IMAGES = (*LABELS, *PICTURES, *GAPS, "jobs", "dask")
"""Options of nearly every format that holds images."""


@dataclass(frozen=True)
class Format:
    """One format; a module of this package makes it, and the table in ``exporters`` names it."""

    name: str
    help: str
    """What it writes and who reads it: a first line of its own, then more; the text of its help page."""
    examples: tuple[str, ...]
    takes: tuple[str, ...]
    """The options it has beside those that every format has, in the order of its help page."""
    plan: Callable[[Dataset, Wish], Parcel]
    """Its files, of a data set as it was narrowed down and what was wished."""
