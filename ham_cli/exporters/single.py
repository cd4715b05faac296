"""Files of one image or mask each: the published one, or made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.exporters import preparing
from ham_cli.exporters.parcel import Ready, Shard, made, published

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from ham_cli.exporters.parcel import Item, Sample
    from ham_cli.rendering import Rendering


def image(file: str, sample: Sample, rendering: Rendering) -> Item:
    """The file of a sample's image."""
    if rendering.untouched:
        return published(file, sample)
    return made(file, Shard((sample,), rendering, _image_alone, _image), whole=True)


def mask(file: str, sample: Sample, rendering: Rendering) -> Item:
    """The file of a sample's mask, which must have one."""
    if rendering.size is None:
        return published(file, sample, mask=True)
    return made(file, Shard((sample,), rendering, _mask_alone, _mask), whole=True)


def _image_alone(sample: Sample, rendering: Rendering) -> Ready:
    return preparing.picture(sample, rendering, masked=False)


def _mask_alone(sample: Sample, rendering: Rendering) -> Ready:
    return Ready(sample, mask=preparing.prepared_mask(sample, rendering))


def _image(out: IO[bytes], _shard: Shard, ready: Iterator[Ready]) -> None:
    for one in ready:
        out.write(one.image)


def _mask(out: IO[bytes], _shard: Shard, ready: Iterator[Ready]) -> None:
    for one in ready:
        out.write(one.mask or b"")
