"""Samples as they are to be written: read, held against their digests, and rendered where that is wished."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ham_cli.exporters.parcel import Ready
from ham_cli.kept import altered, gone, read, undecodable

if TYPE_CHECKING:
    from ham_cli.exporters.parcel import Sample
    from ham_cli.rendering import Rendering

__all__ = ["altered", "gone", "picture", "prepared_mask", "read", "undecodable"]


def picture(sample: Sample, rendering: Rendering, *, masked: bool = True) -> Ready:
    """An image's file, and with ``masked`` its mask's where the sample has one; raises as `read` does."""
    data = read(sample.image)
    mask = prepared_mask(sample, rendering) if masked else None
    if rendering.untouched:
        return Ready(sample, data, sample.image.sha256, sample.width, sample.height, mask)
    from ham_cli.images import NotAnImageError, resizing

    try:
        encoded, (width, height) = resizing.image(data, rendering)
    except NotAnImageError as error:
        raise undecodable(sample.image, error) from error
    return Ready(sample, encoded, hashlib.sha256(encoded).hexdigest(), width, height, mask)


def prepared_mask(sample: Sample, rendering: Rendering) -> bytes | None:
    """The file of a sample's mask, gone the way of its image; ``None`` where the sample has none."""
    if sample.mask is None:
        return None
    data = read(sample.mask)
    if rendering.size is None:
        return data
    from ham_cli.images import NotAnImageError, resizing

    try:
        return resizing.mask(data, rendering)
    except NotAnImageError as error:
        raise undecodable(sample.mask, error) from error
