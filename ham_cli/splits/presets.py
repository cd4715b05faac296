"""Splits that have names: published ones, as others used them."""

from __future__ import annotations

import functools
import json
import lzma
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from ham_cli.dataset import Split
from ham_cli.errors import UnavailableError
from ham_cli.record import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ham_cli.dataset import Dataset

_FIRST = 24306
"""The training images are ISIC_0024306 to ISIC_0034320, without a gap."""

_LETTERS = dict(zip("nvt", PARTITIONS, strict=True))

_MEDMNIST = "Yang J, Shi R, Wei D, et al. MedMNIST v2. Scientific Data 10, 41 (2023). doi:10.1038/s41597-022-01721-8"
_CORRECTION = "Abhishek K, Jain A, Hamarneh G. Investigating the Quality of DermaMNIST and Fitzpatrick17k. Scientific Data 12, 196 (2025). doi:10.1038/s41597-025-04382-5"  # noqa: E501


@dataclass(frozen=True)
class Preset:
    """A published split."""

    what: str
    """In a sentence."""
    cite: tuple[str, ...] = ()
    leaks: bool = False
    """Whether lesions are known to lie on two sides of it."""


PRESETS = {
    "isic2018": Preset("The partition of the ISIC 2018 challenge, task 3: 10015/193/1511; DermaMNIST-E is the same."),
    "dermamnist": Preset(
        "DermaMNIST (7007/1003/2005) was made by image: lesions lie on both sides, and results on its test are too good.",
        (_MEDMNIST,),
        leaks=True,
    ),
    "dermamnist-c": Preset("DermaMNIST-C (8215/573/1227) is the correction of DermaMNIST.", (_CORRECTION, _MEDMNIST)),
}
"""By the name that ``--preset`` takes. The lists of DermaMNIST were recovered by the authors of its correction."""


def published(dataset: Dataset, name: str) -> Split:
    """A preset's split of a data set's images; `UnavailableError` where the tables here do not name all of them."""
    rows = {row["image_id"]: row for row in dataset.rows if row["in_record"]}
    parts = listed(name) if name != "isic2018" else {image_id: row["partition"] for image_id, row in rows.items()}
    found = Counter(part for image_id, part in parts.items() if image_id in rows)
    whole = dict(Counter(parts.values())) if name != "isic2018" else {p: c.images for p, c in dataset.record.partitions.items()}
    if found != whole:
        fix = (
            "ham fetch metadata test validation"
            if name == "isic2018"
            else "it is a split of HAM10000's training images: ham fetch metadata"
        )
        where = dataset.folder.path
        raise UnavailableError(
            f"the images of {name} are not all known here", where=where, expected=_told(whole), got=_told(found), fix=fix
        )
    labels = {"algorithm": "published", "recipe": name, "options": json.dumps({"preset": name})}
    return Split(tuple(Split.row(rows[image_id], parts[image_id]) for image_id in sorted(parts)), labels)


def _told(images: Mapping[str, int]) -> str:
    return ", ".join(f"{images.get(part, 0)} {part}" for part in PARTITIONS)


@functools.cache
def listed(name: str) -> Mapping[str, str]:
    """Image id to part of a preset of which there is a list: a letter an image."""
    packed = resources.files("ham_cli.splits").joinpath("presets.xz").read_bytes()
    letters = dict(line.split() for line in lzma.decompress(packed).decode("ascii").splitlines())[name]
    return {f"ISIC_{number:07}": _LETTERS[letter] for number, letter in enumerate(letters, _FIRST)}
