"""One image: what its header says."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG")

MAX_PIXELS = 89_000_000
"""What Pillow itself takes without a warning; the published images have 0.3 million."""


class NotAnImageError(Exception):
    """These bytes are no JPEG or PNG that can be opened."""


def size(head: bytes | bytearray) -> tuple[int, int]:
    """Width and height in pixels, from an image's first bytes; pixels are not decoded.

    Raises `NotAnImageError` for anything that is no JPEG or PNG, and for a header that announces a
    picture too large to be decoded safely.
    """
    try:
        with Image.open(io.BytesIO(head), formats=FORMATS) as image:
            width, height = image.size
    except UnidentifiedImageError:
        raise NotAnImageError("it is neither a JPEG nor a PNG") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotAnImageError(f"it is no whole picture: {error}") from error
    if width * height > MAX_PIXELS:
        raise NotAnImageError(f"its header announces {width} x {height} pixels")
    return width, height
