"""Masks as tests want them, and as Pillow alone reads and resizes them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

PAPERS = {"LICENSE", "ATTRIBUTION.txt", "CITATION.bib", "ham-export.parquet"}
FOLDERS = {"train": "train", "validation": "val", "test": "test"}
SIZES = (("center", 32), ("pad", 40), ("none", 20))


def parts_of(count: int) -> dict[str, str]:
    """The training images dealt out by turns within their class: with two parts, every part has every class."""
    names = ("train", "test") if count == 2 else ("train", "validation", "test")
    seen: dict[str, int] = {}
    dealt = {}
    for row in s.TRAIN:
        dealt[row[1]] = names[seen.get(row[2], 0) % count]
        seen[row[2]] = seen.get(row[2], 0) + 1
    return dealt


def split_file(where: Path, parts: Mapping[str, str]) -> Path:
    """A split made by hand."""
    where.write_text("\n".join(["image_id,split", *(f"{i},{part}" for i, part in parts.items()), ""]))
    return where


def seen(data: bytes) -> Mask:
    """The lesion of a mask's file: what looks brighter than half, whatever the file's palette says of index 0."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("L")) > 127


def resized(mask: Mask, size: int, crop: str) -> Mask:
    """A mask as it must be beside an image of this size: by Pillow's nearest neighbour."""
    image = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
    width, height = image.size
    if crop == "none":
        made = image.resize((size, size), Image.Resampling.NEAREST)
    elif crop == "center":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        made = image.resize((size, size), Image.Resampling.NEAREST, box=(left, top, left + side, top + side))
    else:
        longer = max(width, height)
        wide, high = round(width * size / longer), round(height * size / longer)
        made = Image.new("L", (size, size))
        made.paste(image.resize((wide, high), Image.Resampling.NEAREST), ((size - wide) // 2, (size - high) // 2))
    return np.asarray(made) > 127


def png(mask: Mask, *, white_first: bool = False) -> bytes:
    """A mask's file: grey, or with a palette whose index 0 is white."""
    if white_first:
        image = Image.fromarray(np.where(mask, 0, 1).astype(np.uint8))
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette([255, 255, 255, 0, 0, 0])
    else:
        image = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
    made = io.BytesIO()
    image.save(made, "PNG")
    return made.getvalue()


def blank(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (s.WIDTH, s.HEIGHT)) -> Mask:
    """A mask that is lesion in these boxes: left, top, right and bottom."""
    mask = np.zeros(size[::-1], bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def put(cache: Path, masks: Mapping[str, bytes]) -> None:
    """Put other masks in their place, as a record would have them that was published so."""
    for image_id, data in masks.items():
        (cache / s.ID / "masks" / f"{image_id}_segmentation.png").write_bytes(data)

    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = [(row, masks.get(row["image_id"])) for row in rows]
        return [row if d is None else row | {"mask_bytes": len(d), "mask_sha256": s.sha256(d)} for row, d in found]

    peek.edit(peek.manifest(cache, "images"), change)
