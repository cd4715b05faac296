"""A mask as others write it down: its pixels as run lengths and a box, its outline as a polygon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.errors import RecordError
from ham_cli.exporters import preparing
from ham_cli.extras import needed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ham_cli.exporters.parcel import Sample
    from ham_cli.rendering import Rendering

    Mask = NDArray[np.bool_]
    Ring = NDArray[np.float64]


def lesion(sample: Sample, rendering: Rendering) -> Mask:
    """Which pixels of a sample's written image are lesion: height x width. The sample must have a mask.

    Raises as `preparing.read` does, and `RecordError` for a mask that cannot be decoded or has not its image's size.
    """
    from ham_cli import images
    from ham_cli.images import resizing

    assert sample.mask is not None
    data = preparing.read(sample.mask)
    try:
        width, height = images.size(data)
        if (width, height) != (sample.width, sample.height):
            raise RecordError(
                "a mask is not as large as its image",
                where=sample.mask.path,
                expected=f"{sample.width} x {sample.height} pixels",
                got=f"{width} x {height}",
                fix="fetch masks and images from one source, or leave it out with --only",
            )
        return resizing.lesion(data, rendering)
    except images.NotAnImageError as error:
        raise preparing.undecodable(sample.mask, error) from error


def run_lengths(mask: Mask) -> str:
    """A mask as COCO's compressed RLE: how many pixels in turn are not and are lesion, down each column, the first not."""
    import numpy as np

    flat = mask.ravel(order="F")
    bounds = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]))
    counts: list[int] = np.diff(bounds).tolist()
    if flat[0]:
        counts.insert(0, 0)
    # From the fourth on each count is told by what it differs from the one before the last: smaller numbers.
    return "".join(_digits(count - counts[n - 2] if n > 2 else count) for n, count in enumerate(counts))  # noqa: PLR2004


def _digits(number: int) -> str:
    """A signed number as characters of five bits each, the lowest first; a sixth bit says that more follow."""
    found = ""
    while True:
        bits = number & 0x1F
        number >>= 5
        # The highest bit of the last character is the sign.
        if number == (-1 if bits & 0x10 else 0):
            return found + chr(bits + 48)
        found += chr((bits | 0x20) + 48)


def box(mask: Mask) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels of the smallest box around a lesion; all 0 where there is none."""
    import numpy as np

    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return (0, 0, 0, 0)
    left, top = int(columns[0]), int(rows[0])
    return (left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def rings(mask: Mask) -> list[Ring]:
    """The outlines of a mask's parts and of the holes in them, the one around the most first, of equal ones the topmost.

    Each is an array of x, y in pixels from the corner of the picture, its last point the first again. They run half-way
    between the centres of pixels within and without, so the pixels with their centres inside are those of the mask;
    where pixels touch by a corner alone they are parted. The outlines of holes run the other way round.
    Raises `NotInstalledError` without contourpy.
    """
    import numpy as np

    with needed("yolo", "the outline of a mask"):
        from contourpy import contour_generator
    left, top, width, height = box(mask)
    # Rings are closed only where nothing reaches the frame.
    padded = np.zeros((height + 2, width + 2))
    padded[1:-1, 1:-1] = mask[top : top + height, left : left + width]
    corner = np.array([left - 0.5, top - 0.5])
    found = [np.asarray(line) + corner for line in contour_generator(z=padded, name="serial").lines(0.5)]
    return sorted(found, key=lambda ring: (-abs(area(ring)), ring[:, 1].min(), ring[:, 0].min()))


def area(ring: Ring) -> float:
    """What a ring encloses, in pixels; the sign tells which way round it runs."""
    x, y = ring[:, 0], ring[:, 1]
    return float(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


def corners(ring: Ring) -> Ring:
    """The points of a ring at which it turns, each once: they enclose the same."""
    points = ring[:-1]
    before, after = points - ring[[-2, *range(len(points) - 1)]], ring[1:] - points
    turning: Ring = points[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return turning


def filled(ring: Ring, shape: tuple[int, ...]) -> Mask:
    """The pixels of a picture, height x width, whose centres lie inside one of the `rings`."""
    import numpy as np

    height, width = shape
    # A row is crossed where a ring has a point on the line through its pixels' centres: between two pixels, once.
    x, y = ring[ring[:, 1] % 1 == 0.5].T.astype(int)  # noqa: PLR2004
    turns = np.zeros((height, width + 1), np.uint8)
    turns[y, x] = 1
    return (turns.cumsum(axis=1, dtype=np.uint8)[:, :-1] & 1).astype(bool)
