"""Samples as they are to be written: read, held against their digests, and rendered where that is wished."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli.errors import RecordError, UnavailableError
from ham_cli.exporters.parcel import Ready

if TYPE_CHECKING:
    from ham_cli.exporters.parcel import File, Sample
    from ham_cli.rendering import Rendering


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


def read(file: File) -> bytes:
    """The bytes of a file in the cache.

    Raises `UnavailableError` where it is gone, and `RecordError` where it is not what the manifest says.
    """
    try:
        data = Path(file.path).read_bytes()
    except FileNotFoundError as error:
        raise gone(file.path) from error
    if (digest := hashlib.sha256(data).hexdigest()) != file.sha256:
        raise altered(file, len(data), digest)
    return data


def gone(path: str | Path) -> UnavailableError:
    """What is said of a file that the cache has no more."""
    fix = "ham fetch brings it again, with a --source that has it"
    return UnavailableError("an image is no longer in the cache, where its manifest says it is", where=path, fix=fix)


def altered(file: File, size: int, digest: str | None) -> RecordError:
    """What is said of a file that is no longer what the manifest says; ``digest``: where it was read."""
    return RecordError(
        "an image in the cache was changed since it was fetched",
        where=file.path,
        expected=f"{file.bytes} bytes, SHA-256 {file.sha256}",
        got=f"{size} bytes, SHA-256 {digest or 'unknown'}",
        fix="ham verify names all such images; ham fetch with a --source that has right copies brings them again",
    )


def undecodable(file: File, error: Exception) -> RecordError:
    """What is said of a right file that is no picture all the same."""
    return RecordError("an image cannot be decoded", where=file.path, got=error, fix="leave it out with --only, or fetch it again")
