"""Images and masks as they are written into exports: cropped, resized, encoded."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from ham_cli.images import LESION, as_mode, decoded, opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ham_cli.rendering import Rendering


def image(data: bytes, rendering: Rendering) -> tuple[bytes, tuple[int, int]]:
    """An image's file as it is to be written, and its width and height in pixels; raises `images.NotAnImageError`."""
    shown = _shown(data, rendering)
    out = io.BytesIO()
    if rendering.format == "jpeg":
        # Colour tells much of a lesion: it stays as fine as the light.
        shown.save(out, "JPEG", quality=rendering.quality, subsampling="4:4:4")
    else:
        shown.save(out, "PNG")
    return out.getvalue(), shown.size


def pixels(data: bytes, rendering: Rendering) -> NDArray[np.uint8]:
    """An image's pixels as they are to be written: height x width x 3, red, green, blue; raises `images.NotAnImageError`."""
    import numpy as np

    return np.asarray(_shown(data, rendering))


def mask(data: bytes, rendering: Rendering) -> bytes:
    """A mask's file, gone the way of its image: a grey PNG of 0 and 255; raises `images.NotAnImageError`."""
    out = io.BytesIO()
    _lesion(data, rendering).save(out, "PNG")
    return out.getvalue()


def no_lesion(width: int, height: int) -> bytes:
    """The file of a mask without a lesion: a grey PNG that is all 0."""
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "PNG")
    return out.getvalue()


def lesion(data: bytes, rendering: Rendering) -> NDArray[np.bool_]:
    """Which pixels of the written image are lesion: height x width; raises `images.NotAnImageError`."""
    import numpy as np

    return np.asarray(_lesion(data, rendering)) > LESION


def _shown(data: bytes, rendering: Rendering) -> Image.Image:
    """The whole picture decoded, and what is shown of it resampled by Lanczos' windowed sinc, a = 3."""
    if not rendering.fast or rendering.size is None:
        return _resampled(decoded(data), rendering)
    with opened(data) as picture:
        full = picture.size
        left, top, right, bottom = rendering.place(*full)
        # As small as the decoder makes it without what is shown getting smaller than what is wanted.
        drafted = picture.draft("RGB", _needed(full, rendering.taken(*full), (right - left, bottom - top)))
        scale = full[0] / drafted[1][2] if drafted else 1
        return _resampled(as_mode(picture, "RGB"), rendering, full, scale)


def _resampled(picture: Image.Image, rendering: Rendering, full: tuple[int, int] | None = None, scale: float = 1) -> Image.Image:
    """What is shown of a picture that has ``full`` width and height, decoded that many times smaller."""
    if rendering.size is None:
        return picture
    full = full or picture.size
    left, top, right, bottom = rendering.place(*full)
    # Exactly what a full decoding shows, to a fraction of a pixel: the mask goes that way.
    shown = rendering.taken(*full)
    box = (shown[0] / scale, shown[1] / scale, shown[2] / scale, shown[3] / scale)
    return _between_bars(picture.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box=box), rendering, (left, top))


def _needed(size: tuple[int, int], shown: tuple[int, int, int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """How large the whole picture must be for the shown part of it to be as large as is wanted."""
    return (-(-size[0] * wanted[0] // (shown[2] - shown[0])), -(-size[1] * wanted[1] // (shown[3] - shown[1])))


def _lesion(data: bytes, rendering: Rendering) -> Image.Image:
    with opened(data) as picture:
        grey = as_mode(picture, "L").point([255 * (value > LESION) for value in range(256)])
    if rendering.size is None:
        return grey
    left, top, right, bottom = rendering.place(*grey.size)
    small = grey.resize((right - left, bottom - top), Image.Resampling.NEAREST, box=rendering.taken(*grey.size))
    return _between_bars(small, rendering, (left, top))


def _between_bars(small: Image.Image, rendering: Rendering, place: tuple[int, int]) -> Image.Image:
    if rendering.size is None or small.size == (rendering.size, rendering.size):
        return small
    whole = Image.new(small.mode, (rendering.size, rendering.size))
    whole.paste(small, place)
    return whole
