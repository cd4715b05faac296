"""``imagefolder``: a folder a part, in it a folder a class; torchvision, timm, Keras and Ultralytics read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.exporters import single
from ham_cli.exporters.format import IMAGES, Format
from ham_cli.exporters.gathering import gathered
from ham_cli.exporters.parcel import FOLDERS, as_json, given, lines

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Parcel
    from ham_cli.exporters.wish import Wish


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """The images by part and class, their masks in the same folders below ``masks``; raises as `gathered` does."""
    found = gathered(dataset, wish)
    items = []
    for sample in found.samples:
        place = f"{FOLDERS[sample.split]}/{sample.label}/{sample.image_id}"
        items.append(single.image(f"{place}.{wish.rendering.suffix}", sample, wish.rendering))
        if sample.mask:
            items.append(single.mask(f"masks/{place}.png", sample, wish.rendering))
    numbers = {name: number for number, name in enumerate(found.classes)}
    items += [given("classes.txt", lines(found.classes)), given("class_to_idx.json", as_json(numbers))]
    return found.parcel("imagefolder", items, shaped_by=("masks",))


FORMAT = Format(
    "imagefolder",
    """Write images into DEST/train/nv/ISIC_0024306.jpg and so on: torchvision, timm, Keras and Ultralytics read it.

    Without a split the published partitions are the parts. Without --size the bytes are the published ones.
    Masks go into folders of their own, DEST/masks/train/nv/ISIC_0024306.png: Hugging Face datasets would take them
    for images, and reads ham export hf.
    """,
    (
        "ham export imagefolder data --split r70-15-15-s0",
        "ham export imagefolder data --split s0.csv --part test",
        "ham export imagefolder small --split s0.csv --size 224 --masks",
        "ham export imagefolder few --only dx=mel,nv --allow-partial",
    ),
    ("link", "masks", *IMAGES),
    plan,
)
