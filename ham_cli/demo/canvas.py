"""Planes of whole numbers to draw on: noise, distances, spots and strokes. No floats, so every machine draws the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ham_cli.demo.chance import FIRST, SECOND, STEP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.demo.looks import Colour

Plane = NDArray[Any]
"""Whole numbers in rows and columns; several planes are (colour, row, column)."""

ALL = (512, 640)
"""Rows and columns of the largest canvas: a picture and what lies around it."""

PART = 8
"""Distances are in 8ths of a pixel, so that borders come out smooth."""

FULL = 128
"""A weight of one: two weighted grey levels then still fit 16 bits."""

TURN = 1024
"""Steps of a full turn."""

REACH = 4096
"""The largest sine."""


def sine(angle: int) -> int:
    """The sine of ``angle`` steps, times `REACH`; by Bhaskara's formula, exact to 0.2 per cent."""
    half = angle % (TURN // 2)
    rest = half * (TURN // 2 - half)
    size = 4 * REACH * rest * 4 // (5 * (TURN // 2) ** 2 - 4 * rest)
    return size if angle % TURN < TURN // 2 else -size


def towards(angle: int, far: int) -> tuple[int, int]:
    """How many pixels down and to the right ``far`` pixels are in a direction; clockwise from the right."""
    return far * sine(angle) // REACH, far * sine(angle + TURN // 4) // REACH


SINES: Plane = np.array([sine(angle) >> 5 for angle in range(TURN)], np.int16)
"""The sine of every step, times 128."""


@cache
def steps(stops: Sequence[tuple[int, int]], start: int, end: int) -> Plane:
    """The values from ``start`` to before ``end`` of a line through the stops, level beyond them; ``end`` may lie below."""
    at = np.arange(start, end, 1 if start < end else -1)
    places, levels = (np.array(column, np.int64) for column in zip(*stops, strict=True))
    after = np.clip(np.searchsorted(places, at), 1, len(stops) - 1)
    way = np.clip(at, places[after - 1], places[after]) - places[after - 1]
    rise = levels[after] - levels[after - 1]
    return _kept(levels[after - 1] + rise * way // (places[after] - places[after - 1]))


def _kept(values: object) -> Plane:
    """Numbers that are made once and looked up often: nobody may write into them."""
    kept = np.array(values, np.int16)
    kept.flags.writeable = False
    return kept


def thrown(seed: int, count: int) -> Plane:
    """So many bytes that look thrown: splitmix64, counted up from the seed."""
    words = np.arange(-(-count // 8), dtype=np.uint64)
    words *= np.uint64(STEP)
    words += np.uint64(seed)
    words ^= words >> np.uint64(30)
    words *= np.uint64(FIRST)
    words ^= words >> np.uint64(27)
    words *= np.uint64(SECOND)
    words ^= words >> np.uint64(31)
    # The bytes of a word in one order, whatever the machine's own is.
    found: Plane = words.astype("<u8", copy=False).view(np.uint8)[:count]
    return found


def noise(seed: int, cell: int, shape: tuple[int, int]) -> Plane:
    """Smooth noise, -128 to 127, whose hills and valleys lie about ``cell`` pixels apart."""
    high, wide = shape[0] // cell + 1, shape[1] // cell + 1
    grid = thrown(seed, (high + 1) * (wide + 1)).astype(np.int16).reshape(high + 1, wide + 1) - 128
    weight = _fade(cell)
    rows = (grid[:-1, None] * (FULL - weight[:, None]) + grid[1:, None] * weight[:, None]) >> 7
    rows = rows.reshape(high * cell, wide + 1)[: shape[0]]
    whole: Plane = (rows[:, :-1, None] * (FULL - weight) + rows[:, 1:, None] * weight) >> 7
    return whole.reshape(shape[0], wide * cell)[:, : shape[1]]


@cache
def _fade(cell: int) -> Plane:
    """The weights from one hill to the next, flat at both ends."""
    return _kept([FULL * n * n * (3 * cell - 2 * n) // cell**3 for n in range(cell)])


def slanted(plane: Plane, angle: int, amount: int, shift: int = 7) -> None:
    """Add a slope to a plane: it rises by ``amount`` >> ``shift`` a pixel in the direction of ``angle``."""
    for axis, part in ((0, sine(angle)), (1, sine(angle + TURN // 4))):
        line = (np.arange(plane.shape[axis], dtype=np.int64) - plane.shape[axis] // 2) * part * amount // (REACH << shift)
        # The lowest 16 bits: where the plane holds angles, whole turns do not count.
        line = (((line + (1 << 15)) & 0xFFFF) - (1 << 15)).astype(np.int16)
        plane += line if axis else line[:, None]


def distances(shape: tuple[int, int]) -> Plane:
    """How far each pixel lies from the middle, in 8ths of a pixel."""
    return _middle(_distances(), shape)


def angles(shape: tuple[int, int]) -> Plane:
    """The direction of each pixel from the middle, in steps of a turn; clockwise from the right."""
    return _middle(_angles(), shape)


def _middle(plane: Plane, shape: tuple[int, int]) -> Plane:
    top, left = (ALL[axis] // 2 - shape[axis] // 2 for axis in (0, 1))
    return plane[top : top + shape[0], left : left + shape[1]]


def _offsets() -> tuple[Plane, Plane]:
    down, right = (np.arange(size, dtype=np.int32) - size // 2 for size in ALL)
    return np.broadcast_to(down[:, None], ALL), np.broadcast_to(right, ALL)


@cache
def _distances() -> Plane:
    down, right = _offsets()
    reached = np.arange(sum(ALL) * PART // 2, dtype=np.int64) ** 2
    return _kept(np.searchsorted(reached, (down**2 + right**2) * PART**2, side="right") - 1)


@cache
def _angles() -> Plane:
    down, right = _offsets()
    part = np.minimum(abs(down), abs(right)) * 1024 // np.maximum(np.maximum(abs(down), abs(right)), 1)
    # The arc tangent is nearly a parabola in each eighth of the turn.
    eighth = (part * 128 + part * (1024 - part) * 89 // 2048) // 1024
    quarter = np.where(abs(down) > abs(right), TURN // 4 - eighth, eighth)
    half = np.where(right < 0, TURN // 2 - quarter, quarter)
    return _kept(np.where(down < 0, -half, half) % TURN)


_SHAPES = {
    "soft": ((0, 128), (12, 116), (40, 44), (64, 0)),
    "flat": ((0, 100), (36, 128), (52, 112), (64, 0)),
    "ring": ((0, 0), (36, 6), (48, 128), (58, 60), (64, 0)),
}


@cache
def _weights(size: int, shape: str) -> Plane:
    """How much of each pixel of a square a spot covers, in 128ths."""
    line = np.arange(-size, size + 1)
    far = (line[:, None] ** 2 + line**2) * 64 // (size * size + size)
    return _kept(steps(_SHAPES[shape], 0, 65)[np.minimum(far, 64)])


@dataclass(frozen=True)
class Ink:
    """What a mark is drawn with."""

    colour: Colour
    strength: int
    """How much of what lies below it covers, in 128ths."""
    shape: str = "soft"
    """How a spot ends: ``soft``, ``flat`` or ``ring``."""


def spot(planes: Plane, place: tuple[int, int], size: int, ink: Ink) -> None:
    """Draw a round spot on colour planes (colour, row, column), as far as it lies on them; ``size`` is its radius."""
    top, left = place[0] - size, place[1] - size
    rows = slice(max(top, 0), max(place[0] + size + 1, 0))
    columns = slice(max(left, 0), max(place[1] + size + 1, 0))
    patch = planes[:, rows, columns]
    weights = _weights(size, ink.shape)[rows.start - top :, columns.start - left :][: patch.shape[1], : patch.shape[2]]
    _cover(patch, ink.colour, (weights * ink.strength) >> 7)


def stroke(planes: Plane, along: Plane, across: Plane, width: int, ink: Ink) -> None:
    """Draw a line on colour planes that fades at its ends: one pixel row for each of ``along``, its middle at ``across``.

    ``across`` and ``width`` are in 16ths of a pixel.
    """
    near = (across >> 4)[:, None] + np.arange(-2, 3)
    away = abs(near * 16 + 8 - across[:, None])
    rise = np.arange(len(along))
    fade = np.minimum(np.minimum(rise, rise[::-1]) * 5 + 10, ink.strength)
    weight = np.clip((width + 16 - away) * 8, 0, FULL) * fade[:, None] >> 7
    weight[(near < 0) | (near >= planes.shape[2])] = 0
    rows, columns = along[:, None], np.clip(near, 0, planes.shape[2] - 1)
    patch = planes[:, rows, columns]
    _cover(patch, ink.colour, weight.astype(np.int16))
    planes[:, rows, columns] = patch


def _cover(planes: Plane, colour: Colour, weight: Plane) -> None:
    for n, level in enumerate(colour):
        planes[n] += ((level - planes[n]) * weight) >> 7
