"""What a file is, told by its name; its digest says later whether the name is true."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ham_cli.record import PublishedFile, Record, TableForm

TABLE_SUFFIXES = ("", ".csv", ".tab", ".tsv", ".txt")

_COPY = re.compile(r"( \(\d+\)| - copy( \(\d+\))?| copy( \d+)?|_copy|\(\d+\))$", re.IGNORECASE)
"""How browsers and file managers mark a second copy: ``name (1).jpg``, ``name - Copy.jpg``, ``name copy 2.jpg``."""

_MASK = "_segmentation"


def split_name(base: str) -> tuple[str, str]:
    """A file name as ``(stem without a copy's mark, suffix in lower case)``."""
    stem, dot, suffix = base.rpartition(".")
    if not dot:
        stem, suffix = base, ""
    return _COPY.sub("", stem), (dot + suffix).lower()


def image_of(base: str, record: Record) -> str | None:
    """The image id that a file name gives, ``None`` where it is no image's."""
    stem, suffix = split_name(base)
    return stem if suffix in {".jpg", ".jpeg"} and _is_id(stem, record) else None


def mask_of(base: str, record: Record) -> str | None:
    """The image id whose lesion mask a file name announces, ``None`` where it is no mask's."""
    stem, suffix = split_name(base)
    if suffix != ".png" or not stem.endswith(_MASK):
        return None
    return stem.removesuffix(_MASK) if _is_id(stem.removesuffix(_MASK), record) else None


def may_be_table(base: str) -> bool:
    """Whether a file of this name is worth a look at its first line."""
    return split_name(base)[1] in TABLE_SUFFIXES


def table_of(base: str, record: Record) -> TableForm | None:
    """The published table whose name a file bears, whatever its suffix."""
    stem = split_name(base)[0].lower()
    return next((form for form in record.tables if form.name.partition(".")[0].lower() == stem), None)


def archive_of(base: str, record: Record) -> PublishedFile | None:
    """The published archive of this name or another of its spellings."""
    stem, suffix = split_name(base)
    name = (stem + suffix).lower()
    everything = (f for f in (*record.files, *record.bucket_files) if f.kind != "table")
    return next((f for f in everything if name in {n.lower() for n in f.names}), None)


def is_archive(base: str) -> bool:
    """Whether a file name is a zip's."""
    return split_name(base)[1] == ".zip"


def _is_id(stem: str, record: Record) -> bool:
    return re.fullmatch(record.identifiers["image_id"], stem) is not None
