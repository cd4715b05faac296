"""The files of a data set, read only as what the manifest says they are."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ham_cli.checksum import sha256
from ham_cli.findings import Finding, Verdict

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset


@dataclass(frozen=True)
class File:
    """An image or a mask in the cache."""

    image_id: str
    component: str
    label: str
    """The file in the record's folder, with ``/``."""
    path: str
    bytes: int
    sha256: str


def image_of(dataset: Dataset, row: dict[str, Any]) -> File:
    """The image of a row that has one in the cache."""
    component = {"train": "images"}.get(row["partition"], row["partition"])
    place = f"{dataset.folder.path}/{row['path']}"
    return File(row["image_id"], component, row["path"], place, row["bytes"], row["sha256"])


def mask_of(dataset: Dataset, row: dict[str, Any]) -> File:
    """The mask of a row that has one in the cache."""
    place = f"{dataset.folder.path}/{row['mask_path']}"
    return File(row["image_id"], "masks", row["mask_path"], place, row["mask_bytes"], row["mask_sha256"])


def changed(file: File) -> Finding | None:
    """What is wrong with a file as far as its name and size tell; nothing of it is read."""
    try:
        state = os.stat(file.path)  # noqa: PTH116  (ten thousand times)
    except FileNotFoundError:
        return wrong(file, Verdict.MISSING, file.sha256, "no file")
    except OSError as error:
        return wrong(file, Verdict.UNREADABLE, None, str(error.strerror))
    # Not opened where it is no file: a pipe would keep who reads it for ever.
    if not stat.S_ISREG(state.st_mode):
        return wrong(file, Verdict.UNREADABLE, "a file", "something else")
    return None if state.st_size == file.bytes else wrong(file, Verdict.WRONG, f"{file.bytes} bytes", f"{state.st_size} bytes")


def read(file: File) -> bytes | Finding:
    """The bytes of a file, or what is wrong with it."""
    if finding := changed(file):
        return finding
    try:
        with open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123  (the same)
            data = opened.read()
    except OSError as error:
        return wrong(file, Verdict.UNREADABLE, None, str(error.strerror))
    return data if (got := sha256(data)) == file.sha256 else wrong(file, Verdict.WRONG, file.sha256, got)


def wrong(file: File, verdict: Verdict, expected: str | None, got: str) -> Finding:
    """What is wrong with a file, as `ham verify` would say it."""
    return Finding(file.component, file.label, verdict, file.image_id, expected, got)
