"""``coco``: images and one JSON file a part, with masks as run lengths and boxes, for pycocotools and all that builds on it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ham_cli.exporters import outlines, single
from ham_cli.exporters.format import IMAGES, Format
from ham_cli.exporters.gathering import gathered
from ham_cli.exporters.parcel import FOLDERS, Ready, Shard, made
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import IO

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Parcel, Sample
    from ham_cli.exporters.wish import Wish
    from ham_cli.record import Record
    from ham_cli.rendering import Rendering

_EACH = 10_000
"""Bytes of a sample in a JSON file, generously: published masks have about a thousand runs."""


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """The images of a part in a folder, and all that is known of them in ``annotations``; raises as `gathered` does."""
    found = gathered(dataset, replace(wish, masks=True))
    record, rendering = dataset.record, wish.rendering
    numbers = _numbers(found.samples)
    items = [single.image(f"{FOLDERS[sample.split]}/{sample.image_id}.{rendering.suffix}", sample, rendering) for sample in found.samples]
    for part, samples in found.parts.items():
        settings = {
            "numbers": [numbers[sample.image_id] for sample in samples],
            "info": _info(record, part),
            "licenses": [{"id": 1, "name": record.licence["id"], "url": record.licence["url"]}],
            "categories": [{"id": n, "name": name, "supercategory": "skin lesion"} for n, name in enumerate(found.classes, 1)],
        }
        shard = Shard(samples, rendering, _annotated, _write, settings, lists=False, each=_EACH)
        items.append(made(f"annotations/instances_{FOLDERS[part]}.json", shard))
    added = "They are written as run lengths, which lose nothing, with the boxes around them."
    parcel = found.parcel("coco", items, added=added)
    bare = sum(1 for sample in found.samples if sample.mask is None)
    return replace(parcel, notes=(*parcel.notes, f"{counted(bare, 'image')} without a mask: no annotation")) if bare else parcel


def _info(record: Record, part: str) -> dict[str, Any]:
    told = {"description": f"{record.title}, {part}", "url": f"https://doi.org/{record.doi}", "version": record.version}
    more = {"year": record.year, "contributor": record.creator}
    return told | {name: value for name, value in more.items() if value is not None}


def _numbers(samples: Sequence[Sample]) -> dict[str, int]:
    """Image id to the number in it, so that an image has one number in every export; else they are counted from 1."""
    found = [int(digits[0]) if (digits := re.search(r"[0-9]+$", sample.image_id)) else 0 for sample in samples]
    # pycocotools takes 0 for no annotation.
    right = len(set(found)) == len(found) and 0 not in found
    return dict(zip((sample.image_id for sample in samples), found if right else range(1, len(found) + 1), strict=True))


def _annotated(sample: Sample, rendering: Rendering) -> Ready:
    """What an annotation says of a mask; ``more`` is ``None`` where there is none, or nothing in it."""
    width, height = rendering.shape(sample.width, sample.height)
    ready = Ready(sample, width=width, height=height)
    if sample.mask is None:
        return ready
    mask = outlines.lesion(sample, rendering)
    area = int(mask.sum())
    segmentation = {"size": [height, width], "counts": outlines.run_lengths(mask)}
    return replace(ready, more={"segmentation": segmentation, "area": area, "bbox": outlines.box(mask)} if area else None)


def _write(out: IO[bytes], shard: Shard, ready: Iterator[Ready]) -> None:
    """Annotations go out as they come; what can only be said of all of them stands last."""
    told = shard.settings
    numbered = list(zip(told["numbers"], shard.samples, strict=True))
    count: Counter[str] = Counter()

    def annotations() -> Iterator[dict[str, Any]]:
        for number, one in zip(told["numbers"], ready, strict=True):
            count["annotations"] += one.more is not None
            count["images_without_mask"] += one.sample.mask is None
            count["empty_masks"] += one.sample.mask is not None and one.more is None
            if one.more is not None:
                # An image has one mask at most: its number will do for both.
                yield {"id": number, "image_id": number, "category_id": one.sample.index + 1, "iscrowd": 0, **one.more}

    def images() -> Iterator[dict[str, Any]]:
        for number, sample in numbered:
            width, height = shard.rendering.shape(sample.width, sample.height)
            name = f"{sample.image_id}.{shard.rendering.suffix}"
            yield {"id": number, "file_name": name, "width": width, "height": height, "license": 1}

    out.write(b"{\n")
    for name, values in (("licenses", told["licenses"]), ("categories", told["categories"]), ("annotations", annotations())):
        _list(out, name, values)
    _list(out, "images", images())
    out.write(f'"info": {json.dumps(told["info"] | {"images": len(numbered), **count})}\n}}\n'.encode())


def _list(out: IO[bytes], name: str, values: Iterable[dict[str, Any]]) -> None:
    out.write(f'"{name}": ['.encode())
    for n, value in enumerate(values):
        out.write(f"{',' if n else ''}\n{json.dumps(value)}".encode())
    out.write(b"\n],\n")


FORMAT = Format(
    "coco",
    """Write images into DEST/train and so on, and their masks into DEST/annotations/instances_train.json: pycocotools reads it.

    A mask is one annotation: its pixels as compressed run lengths, its area and its box. They follow their image where
    it is resized. Images without a mask, such as those of the official test, have no annotation.
    """,
    (
        "ham export coco data --split r70-15-15-s0",
        "ham export coco small --split r70-15-15-s0 --size 512 --crop pad",
        "ham export coco sides --split s0.csv --grouping malignant",
    ),
    ("link", *IMAGES),
    plan,
)
