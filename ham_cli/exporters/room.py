"""How many bytes an export takes at most, before any is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ham_cli.exporters.parcel import Item, Sample
    from ham_cli.rendering import Rendering

_A_PIXEL = 3
"""Bytes: bare, and no encoding of ours but a JPEG of a quality near 100 takes more."""

_FINEST = 2
"""Times as many in such a JPEG of pure noise."""

_FINE = 95
"""The quality up to which it takes no more than the bare pixels, of noise too."""

_AROUND = 6000
"""Bytes of what stands around an image: a file's headers and tables, a member's in a shard, what the tables say of it."""


def taken(item: Item, *, shared: bool) -> int:
    """The bytes that a file takes, at most; ``shared``: published ones take none."""
    if item.size is not None:
        return 0 if shared and item.source else item.size
    assert item.shard is not None
    if item.shard.each is not None:
        return item.shard.each * len(item.shard.samples)
    return sum(_sample(sample, item.shard.rendering) for sample in item.shard.samples)


def _sample(sample: Sample, rendering: Rendering) -> int:
    wide, high = rendering.shape(sample.width, sample.height)
    each = _A_PIXEL * (_FINEST if rendering.format == "jpeg" and rendering.quality > _FINE else 1)
    image = sample.image.bytes if rendering.untouched else each * wide * high
    mask = 0 if sample.mask is None else wide * high if rendering.size else sample.mask.bytes
    return image + mask + _AROUND
