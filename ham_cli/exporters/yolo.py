"""``yolo``: images, and of each mask the outline in a text file, for Ultralytics' segmentation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ham_cli.exporters import outlines, single
from ham_cli.exporters.format import IMAGES, Format
from ham_cli.exporters.gathering import gathered, has_mask
from ham_cli.exporters.parcel import FOLDERS, Ready, Shard, given, lines, made
from ham_cli.extras import needed
from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.gathering import Gathered
    from ham_cli.exporters.parcel import Parcel, Sample
    from ham_cli.exporters.wish import Wish
    from ham_cli.rendering import Rendering

_LABEL, _ROW = 30_000, 100
"""Bytes of a label file, generously (outlines of published masks turn about five hundred times), and of a row of the list."""

_COUNTS = ("mask_pixels", "polygon_pixels", "lost_pixels", "added_pixels", "iou", "parts", "holes")

_ADDED = "Of each mask the outline around its largest part is written as a polygon: polygons.csv counts what other parts and holes it had."


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """An image and a label file each, by part; raises as `gathered` does, and `NotInstalledError` without contourpy."""
    with needed("yolo", "an export of outlines"):
        import contourpy
    found = gathered(dataset, replace(wish, masks=True), masked=True)
    rendering = wish.rendering
    items = []
    for sample in found.samples:
        place = f"{FOLDERS[sample.split]}/{sample.image_id}"
        items.append(single.image(f"images/{place}.{rendering.suffix}", sample, rendering))
        items.append(made(f"labels/{place}.txt", Shard((sample,), rendering, _labelled, _write_label, each=_LABEL), whole=True))
    items.append(made("polygons.csv", Shard(found.samples, rendering, _compared, _write_rows, lists=False, each=_ROW)))
    items.append(given("data.yaml", _yaml(found)))
    # The masks are not in it as they are published: what became of them is said here.
    parcel = replace(found, wish=wish).parcel("yolo", items, added=_ADDED, made_with=f"contourpy {contourpy.__version__}")
    return replace(parcel, notes=(*parcel.notes, *_notes(dataset, found)))


def _yaml(found: Gathered) -> bytes:
    """What Ultralytics is told; without a path it looks beside this file, wherever that lies."""
    told = ["# Ultralytics looks for these folders beside this file: name it by its full path."]
    told += [f"{FOLDERS[part]}: images/{FOLDERS[part]}" for part in found.parts]
    return lines([*told, "names:", *(f"  {number}: {json.dumps(name)}" for number, name in enumerate(found.classes))])


def _notes(dataset: Dataset, found: Gathered) -> list[str]:
    bare = [row for row in dataset.rows if row["in_record"] and not has_mask(row)]
    notes = []
    if bare:
        whose = ", ".join(dict.fromkeys(row["split" if dataset.joined else "partition"] for row in bare))
        why = "no masks are published of them, and an image without a label would count as one without a lesion"
        notes.append(f"{counted(len(bare), 'image')} of {whose} left out: {why}")
    lacking = [part for part in ("train", "validation") if part not in found.parts]
    if lacking:
        notes.append(f"Ultralytics needs a part train and a part validation: {' and '.join(lacking)} is not in this export")
    return notes


def _labelled(sample: Sample, rendering: Rendering) -> Ready:
    """The label file's one line: class, then x and y of every point as shares of width and height; none without a lesion."""
    mask = outlines.lesion(sample, rendering)
    found = outlines.rings(mask)
    if not found:
        return Ready(sample, more="")
    points = outlines.corners(found[0]) / mask.shape[::-1]
    return Ready(sample, more=f"{sample.index} {' '.join(f'{share:.6f}' for share in points.ravel().tolist())}\n")


def _write_label(out: IO[bytes], _shard: Shard, ready: Iterator[Ready]) -> None:
    for one in ready:
        out.write(one.more.encode())


def _compared(sample: Sample, rendering: Rendering) -> Ready:
    """What the polygon of a mask has of its pixels, in the order of `_COUNTS`."""
    mask = outlines.lesion(sample, rendering)
    found = outlines.rings(mask)
    if not found:
        return Ready(sample, more=(0, 0, 0, 0, "", 0, 0))
    # A ring alone encloses just the mask's pixels.
    shown = mask if len(found) == 1 else outlines.filled(found[0], mask.shape)
    lost, added = int((mask & ~shown).sum()), int((shown & ~mask).sum())
    pixels = int(mask.sum())
    parts = sum(1 for ring in found if outlines.area(ring) * outlines.area(found[0]) > 0)
    iou = f"{(pixels - lost) / (pixels + added):.6f}"
    return Ready(sample, more=(pixels, int(shown.sum()), lost, added, iou, parts, len(found) - parts))


def _write_rows(out: IO[bytes], _shard: Shard, ready: Iterator[Ready]) -> None:
    out.write(f"image_id,split,{','.join(_COUNTS)}\n".encode())
    for one in ready:
        out.write(f"{one.sample.image_id},{one.sample.split},{','.join(map(str, one.more))}\n".encode())


FORMAT = Format(
    "yolo",
    """Write images and outlines into DEST/images/train, DEST/labels/train and so on, and DEST/data.yaml, for Ultralytics.

    A label is the outline around the largest part of the mask; DEST/polygons.csv counts what is lost for each. Images
    without a mask, such as those of the official test, are left out. For classification: ham export imagefolder.
    """,
    (
        "ham export yolo data --split r70-15-15-s0",
        "ham export yolo small --split r70-15-15-s0 --size 640 --crop pad",
        "ham export yolo one --split s0.csv --grouping malignant",
    ),
    ("link", *IMAGES),
    plan,
)
