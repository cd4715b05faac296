"""How a picture is to be written: its size, what becomes of its proportions, its format; and where each pixel comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CROPS = ("center", "pad", "none")
"""What becomes of a picture that is no square: its middle, all of it between black bars, or all of it squeezed."""

FORMATS = {"jpeg": "jpg", "png": "png"}
"""Format to the ending of its files."""

PIXELS = "pixels"
"""The format of an array, which holds no files."""

SCALES = (8, 4, 2, 1)
"""How many times smaller libjpeg decodes a picture for less work; a whole picture is 1."""

_NARROWER = 100
"""A quick square leaves out at most this part of the middle one's side, where the decoder then makes it without resampling."""

QUALITY = 95
"""Of JPEGs, where nothing is said: Pillow's documentation advises against more."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are not part of it."""


@dataclass(frozen=True)
class Rendering:
    """How an image and its mask are written; without any of it published bytes go through untouched."""

    size: int | None = None
    """Pixels of each side of the square that a picture becomes; ``None``: as it is."""
    crop: str = "center"
    """One of `CROPS`; only where there is a size."""
    format: str = "jpeg"
    """One of `FORMATS`, or `PIXELS`."""
    quality: int = QUALITY
    """1 to 100, of a JPEG that is encoded here."""
    fast: bool = False
    """Whether the decoder may scale a JPEG by a half, a quarter or an eighth: quicker, and not quite the same pixels."""

    @property
    def untouched(self) -> bool:
        """Whether images stay the published bytes."""
        return self.size is None and self.format == "jpeg"

    @property
    def suffix(self) -> str:
        """The ending of an image's file, without its dot."""
        return FORMATS[self.format]

    @property
    def words(self) -> str:
        """What is done to the images, as the licence wants it said."""
        if self.untouched:
            return "as published, byte for byte"
        ways = {"center": "cropped to the middle square and", "pad": "between black bars,", "none": "not cropped,"}
        first = " (scaled by the decoder first)" if self.fast else ""
        sized = f"{ways[self.crop]} resized to {self.size} x {self.size} pixels{first}, and " if self.size else ""
        if self.format == PIXELS:
            return f"{sized}decoded to bare pixels"
        quality = f", quality {self.quality}" if self.format == "jpeg" else ""
        return f"{sized}re-encoded as {self.format.upper()}{quality}"

    def fields(self) -> dict[str, Any]:
        """What was asked for and shapes the bytes, as an export's manifest shows it; nothing where it is untouched."""
        if self.untouched:
            return {}
        told = asdict(self) | {"image_format": self.format}
        dropped = {"format", *(() if self.size else ("size", "crop", "fast")), *(() if self.format == "jpeg" else ("quality",))}
        return {name: value for name, value in told.items() if name not in dropped}

    def taken(self, width: int, height: int) -> Box:
        """What of a picture of this size is shown."""
        if self.size is None or self.crop != "center":
            return (0, 0, width, height)
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        times = next((times for times in SCALES if times * self.size <= side), 1)
        if self.fast and 0 <= side - times * self.size <= side // _NARROWER:
            side = times * self.size
            # On the borders of what the decoder makes one pixel of.
            left, top = ((whole - side) // 2 // times * times for whole in (width, height))
        return (left, top, left + side, top + side)

    def place(self, width: int, height: int) -> Box:
        """Where it is shown in the picture that is written: all of it, but between the bars of ``pad``."""
        if self.size is None:
            return (0, 0, width, height)
        if self.crop != "pad":
            return (0, 0, self.size, self.size)
        longer = max(width, height)
        wide, high = (max(1, round(side * self.size / longer)) for side in (width, height))
        left, top = (self.size - wide) // 2, (self.size - high) // 2
        return (left, top, left + wide, top + high)

    def shape(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of what is written, of a picture of this size."""
        return (self.size, self.size) if self.size else (width, height)
