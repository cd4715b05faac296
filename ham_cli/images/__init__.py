"""One image: what its header says, the histogram of its pixels, a mask's lesion, small copies to look at."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter, ImageOps, UnidentifiedImageError, features
from PIL import __version__ as pillow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("JPEG", "PNG")

MAX_PIXELS = 89_000_000
"""What Pillow itself takes without a warning; the published images have 0.3 million."""

LESION = 127
"""The brightest grey that is not yet lesion in a mask; published masks have 0 and 255 alone."""

_JPEG, _MARKER, _FRAMES = b"\xff\xd8\xff", 0xFF, b"\xc0\xc1\xc2"
"""How a JPEG starts, what begins each of its segments, and the segments that tell its size: baseline, extended, progressive."""


# What Pillow remarks about a picture's metadata is not for whoever runs ham; what it cannot decode it raises.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class NotAnImageError(Exception):
    """These bytes are no JPEG or PNG that can be opened."""


def decoder() -> str:
    """What turns bytes into pixels here: the same pixels are promised for the same of these."""
    turbo = features.version_feature("libjpeg_turbo")
    return f"Pillow {pillow}, {'libjpeg-turbo' if turbo else 'libjpeg'} {turbo or features.version_codec('jpg')}"


def size(head: bytes | bytearray) -> tuple[int, int]:
    """Width and height in pixels, from an image's first bytes; pixels are not decoded.

    Raises `NotAnImageError` for anything that is no JPEG or PNG, and for a header that announces a
    picture too large to be decoded safely.
    """
    with opened(head) as image:
        width, height = image.size
    return width, height


def histogram(data: bytes) -> tuple[tuple[int, int], list[int]]:
    """Size in pixels, and how many pixels have each value: 256 counts each for red, green, blue and L (ITU-R 601 luma).

    Raises `NotAnImageError` for what cannot be decoded whole.
    """
    colours = decoded(data)
    return colours.size, colours.histogram() + colours.convert("L").histogram()


def lesion(data: bytes) -> tuple[str, NDArray[np.bool_]]:
    """The mode of a mask's file (``L``, ``P``, ...), and which pixels are lesion: an array of height x width.

    By its grey value, as the picture looks: in a palette image index 0 may be white. Raises `NotAnImageError`.
    """
    import numpy as np

    with opened(data) as image:
        return image.mode, np.asarray(as_mode(image, "L")) > LESION


def is_jpeg(data: bytes | bytearray) -> bool:
    """Whether a picture begins as a JPEG does."""
    return data.startswith(_JPEG)


def decoded(data: bytes) -> Image.Image:
    """A whole picture in RGB; raises `NotAnImageError` for what cannot be decoded whole."""
    return scaled(data, lambda _: 1)[0]


def inspected(data: bytes, *, is_mask: bool) -> tuple[tuple[int, int], str | None]:
    """Width and height of a picture that is decoded whole, and what its pixels are that no published image's or mask's are.

    An image is RGB; a mask, whatever its mode, black and white alone. Raises `NotAnImageError`.
    """
    if not is_mask and _three_colours(data):
        return decoded(data).size, None
    with opened(data) as image:
        if not is_mask:
            image.load()
            return image.size, None if image.mode == "RGB" else f"its mode is {image.mode}, and not RGB"
        between = sum(as_mode(image, "L").histogram()[1:-1])
        return image.size, f"{between} of its pixels are neither black nor white" if between else None


def scaled(data: bytes, scale: Callable[[tuple[int, int]], int]) -> tuple[Image.Image, tuple[int, int], int]:
    """A picture in RGB, its full width and height in pixels, and how many times smaller it was decoded.

    ``scale`` says of a width and height how many times that may be: 1, 2, 4 or 8; only a plain JPEG is made smaller.
    Raises `NotAnImageError` for what cannot be decoded whole.
    """
    if (size := _three_colours(data)) and size[0] * size[1] <= MAX_PIXELS:
        # Straight to the decoder: what Pillow otherwise looks up in a header costs a twentieth of the decoding.
        times = scale(size)
        picture = Image.new("RGB", (-(-size[0] // times), -(-size[1] // times)), None)
        with contextlib.suppress(ValueError, OSError):
            picture.frombytes(data, "jpeg", "RGB", "", times)
            return picture, size, times
    with opened(data) as image:
        return as_mode(image, "RGB"), image.size, 1


def _three_colours(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG of three colours and 8 bits, from its frame header (ITU-T T.81, B.2.2); ``None`` for all else."""
    place = 2 if data.startswith(_JPEG) else len(data)
    while place + 10 <= len(data) and data[place] == _MARKER:
        kind = data[place + 1]
        if kind in _FRAMES:
            bits, height, width, colours = struct.unpack_from(">BHHB", data, place + 4)
            return (width, height) if (bits, colours) == (8, 3) and width and height else None
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return None


def as_mode(image: Image.Image, mode: str) -> Image.Image:
    """The decoded picture in a mode, whatever it says of transparency: no palette's colour is another one for it."""
    image.load()
    image.info.pop("transparency", None)
    if image.mode == "I;16":
        # Sixteen bits of grey: the upper eight, where Pillow's own conversion makes all else white.
        image = image.convert("I").point([grey >> 8 for grey in range(1 << 16)], "L")
    return image if image.mode == mode else image.convert(mode)


@contextlib.contextmanager
def opened(data: bytes | bytearray) -> Iterator[Image.Image]:
    """A picture that is safe to decode; whatever goes wrong in this is `NotAnImageError`."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise NotAnImageError(f"its header announces {width} x {height} pixels")
            image.decodermaxblock = len(data)  # one call of the decoder, not one for each 64 KiB
            yield image
    except UnidentifiedImageError:
        raise NotAnImageError("it is neither a JPEG nor a PNG") from None
    except (OSError, SyntaxError, ValueError, AssertionError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotAnImageError(f"it is no whole picture: {error}") from error


QUALITY = 80
"""Of the JPEGs that `thumbnail` makes: beyond it a small picture grows faster than it improves."""

_IS_LESION = [255 * (grey > LESION) for grey in range(256)]

_FEW = [(grey + 8) // 17 * 17 for grey in range(256)]
"""Sixteen greys instead of 256: nobody sees it, and it is half the bytes."""

_FINE = 2
"""How many times finer an outline is drawn than shown: its edges are then smooth."""

_LINE, _HALO = 3, 2
"""Pixels of an outline so drawn: the light line within the lesion, and the dark one around it. One is seen on any skin."""


def thumbnail(data: bytes, size: tuple[int, int]) -> bytes:
    """A JPEG of a picture, no larger than ``size``, its proportions kept; raises `NotAnImageError`."""
    with opened(data) as image:
        image.draft("RGB", size)  # a JPEG is decoded at half or a quarter where that is enough
        small = as_mode(image, "RGB")
        small.thumbnail(size, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        small.save(out, "JPEG", quality=QUALITY, optimize=True)
        return out.getvalue()


def outline(data: bytes, size: tuple[int, int]) -> bytes:
    """A PNG, clear but for the border of a mask's lesion, as large as `thumbnail` makes its image; raises `NotAnImageError`.

    Where the lesion reaches the frame, the frame is its border. Grey decides, so that a palette cannot turn it inside out.
    """
    with opened(data) as image:
        shown = Image.new("1", image.size)
        shown.thumbnail(size)
        mask = as_mode(image, "L").point(_IS_LESION).resize((_FINE * shown.width, _FINE * shown.height), Image.Resampling.BOX)
        wide = _LINE + _HALO
        lesion = ImageOps.expand(mask.point(_IS_LESION), wide, 0)
        line = ImageChops.subtract(lesion, lesion.filter(ImageFilter.MinFilter(2 * _LINE + 1)))
        both = line.filter(ImageFilter.MaxFilter(2 * _HALO + 1)).filter(ImageFilter.GaussianBlur(1))
        bands = (band.crop((wide, wide, band.width - wide, band.height - wide)).reduce(_FINE).point(_FEW) for band in (line, both))
        out = io.BytesIO()
        Image.merge("LA", tuple(bands)).save(out, "PNG", optimize=True)
        return out.getvalue()
