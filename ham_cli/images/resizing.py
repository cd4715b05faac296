"""Images and masks as they are written into exports: cropped, resized, encoded."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from ham_cli.images import LESION, as_mode, opened, scaled
from ham_cli.rendering import SCALES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ham_cli.rendering import Rendering


def image(data: bytes, rendering: Rendering) -> tuple[bytes, tuple[int, int]]:
    """An image's file as it is to be written, and its width and height in pixels; raises `images.NotAnImageError`."""
    shown = image_shown(data, rendering)
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

    return np.asarray(image_shown(data, rendering))


def mask(data: bytes, rendering: Rendering) -> bytes:
    """A mask's file, gone the way of its image: a grey PNG of 0 and 255; raises `images.NotAnImageError`."""
    out = io.BytesIO()
    mask_shown(data, rendering).save(out, "PNG")
    return out.getvalue()


def no_lesion(width: int, height: int) -> bytes:
    """The file of a mask without a lesion: a grey PNG that is all 0."""
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "PNG")
    return out.getvalue()


def lesion(data: bytes, rendering: Rendering) -> NDArray[np.bool_]:
    """Which pixels of the written image are lesion: height x width; raises `images.NotAnImageError`."""
    import numpy as np

    return np.asarray(mask_shown(data, rendering)) > LESION


def image_shown(data: bytes, rendering: Rendering) -> Image.Image:
    """An image in RGB as it is to be seen; raises `images.NotAnImageError`.

    Decoded whole unless it may be ``fast``, and what is shown of it resampled by Lanczos' windowed sinc, a = 3.
    """

    def scale(full: tuple[int, int]) -> int:
        """As small as the decoder makes it without what is shown getting smaller than what is wanted."""
        shown, place = rendering.taken(*full), rendering.place(*full)
        most = min((shown[n + 2] - shown[n]) / (place[n + 2] - place[n]) for n in (0, 1))
        return next(times for times in SCALES if times <= max(most, 1))

    picture, full, times = scaled(data, scale if rendering.fast else lambda _: 1)
    if rendering.size is None:
        return picture
    left, top, right, bottom = rendering.place(*full)
    # Exactly what a full decoding shows, to a fraction of a pixel: the mask goes that way.
    shown = rendering.taken(*full)
    box = (shown[0] / times, shown[1] / times, shown[2] / times, shown[3] / times)
    if times > 1 and (box[2] - box[0], box[3] - box[1]) == (right - left, bottom - top) and not any(side % 1 for side in box):
        return picture.crop((int(box[0]), int(box[1]), int(box[2]), int(box[3])))  # the decoder has made what is wanted
    return _between_bars(picture.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box=box), rendering, (left, top))


def mask_shown(data: bytes, rendering: Rendering) -> Image.Image:
    """A mask in grey, 0 and 255, gone the way of its image; raises `images.NotAnImageError`."""
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
