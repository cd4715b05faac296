"""A lesion, drawn upright and in the middle of a canvas of its own: its border, colours and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ham_cli.demo.canvas import ALL, FULL, PART, SINES, TURN, Ink, Plane, angles, distances, noise, slanted, spot, steps, stroke, towards
from ham_cli.demo.chance import Chance
from ham_cli.demo.looks import LOOKS

if TYPE_CHECKING:
    from ham_cli.demo.looks import Look, Marks

_DEEP, _OUT = 224 * PART, 32 * PART
"""How far inside and outside of a lesion's border distances are told apart, in 8ths of a pixel."""

_BLOOD = Ink((176, 52, 60), 84)


def lesion(dx: str, number: int, *, close: bool) -> Plane:
    """Red, green, blue and weight (colour, row, column) of a lesion; beyond its edge the weight is 0.

    ``close``: so near that it fills a whole picture.
    """
    look, chance = LOOKS[dx], Chance(number)
    border = _border(look, chance, close=close)
    shape = ALL if close else (2 * (int(border.max()) // PART + look.lumps + look.edge // 2 + 3),) * 2
    coarse, middle, fine = (noise(chance.bits(), cell, shape) for cell in (58, 19, 6))
    away = distances(shape) - border[angles(shape)]
    away += ((coarse + middle) * look.lumps) >> 5
    place = (np.clip(away, -_DEEP, _OUT - 1) + _DEEP).astype(np.intp)
    tone = np.take(steps(tuple((depth * PART, more) for depth, more in look.profile), _DEEP, -_OUT), place) + chance.between(*look.base)
    for plane, weight in ((coarse, look.coarse), (middle, look.middle), (fine, look.fine)):
        tone += (plane * weight) >> 7
    slanted(tone, chance.below(TURN), look.lean)
    if (lines := chance.between(*look.network)) > 0:
        tone += _network(coarse + middle + (fine >> 1), lines, chance)
    planes = np.empty((4, *shape), np.int16)
    scale = chance.of(look.tones)
    tone = tone.astype(np.intp)
    for n in range(3):
        np.take(steps(tuple((at, colour[n]) for at, colour in scale), 0, 256), tone, out=planes[n], mode="clip")
    np.take(_fading(look.edge), place, out=planes[3], mode="clip")
    _mark(planes[:3], look, border, chance)
    return planes


def _border(look: Look, chance: Chance, *, close: bool) -> Plane:
    """How far the border lies from the middle in every direction, in 8ths of a pixel."""
    radius = (sum(ALL) if close else chance.about(*look.radius)) * PART
    swing = np.zeros(TURN, np.int32)
    for waves in (2, 2, 3, 4, 5, 7):
        reach = chance.below(look.waves + 1) * 5 // (waves + 3)
        swing += SINES[(np.arange(TURN) * waves + chance.below(TURN)) % TURN].astype(np.int32) * reach
    border = radius + (swing * radius >> 15)
    most = (ALL[0] // 2 - 3 - look.lumps - look.edge // 2) * PART
    return (border if close else np.minimum(border, most)).astype(np.int16)


def _fading(edge: int) -> Plane:
    """The lesion's weight over the skin, from deep inside outwards."""
    half, fifth = edge * PART // 2, edge * PART // 5
    return steps(((-half, FULL), (-fifth, 106), (0, FULL // 2), (fifth, 22), (half, 0)), -_DEEP, _OUT)


def _network(warp: Plane, lines: int, chance: Chance) -> Plane:
    """A net of darker lines: three waves that cross, bent by ``warp``, 7 to 12 pixels apart."""
    angle, mesh = chance.below(TURN), chance.between(7, 12)
    waves = np.zeros(warp.shape, np.int16)
    for third in range(3):
        phase = warp * (3 + third)
        slanted(phase, angle + third * TURN // 3, (TURN << 7) // mesh)
        waves += np.take(SINES, phase & (TURN - 1))
    return ((80 - waves) * lines) >> 8


def _mark(planes: Plane, look: Look, border: Plane, chance: Chance) -> None:
    """Draw what lies on a lesion: vessels, and spots of every kind that its diagnosis has."""
    for marks in look.marks:
        for _ in range(chance.between(*marks.count)):
            place = _somewhere(marks, border, planes.shape[1:], chance)
            strength = marks.strength - chance.below(marks.strength // 3)
            spot(planes, place, chance.between(*marks.radius), Ink(marks.colour, strength, marks.shape))
    for _ in range(chance.between(*look.vessels)):
        _vessel(planes, border, chance)


def _somewhere(marks: Marks, border: Plane, shape: tuple[int, ...], chance: Chance) -> tuple[int, int]:
    """A row and column on the lesion, as far from the middle as these marks lie."""
    angle = chance.below(TURN)
    far = max(chance.between(*marks.within), chance.between(*marks.within)) * min(int(border[angle]) // PART, ALL[0] // 2) >> 8
    down, right = towards(angle, far)
    return shape[0] // 2 + down, shape[1] // 2 + right


def _vessel(planes: Plane, border: Plane, chance: Chance) -> None:
    """A red line that wriggles, and thinner ones that leave it."""
    reach = min(int(border.min()) // PART, ALL[0] // 2) * 7 // 8
    if chance.below(2):
        planes = planes.transpose(0, 2, 1)
    length, slope = chance.between(reach // 2, reach), chance.between(-12, 12)
    top, left = (size // 2 + chance.between(-reach * 3 // 4, 0) for size in planes.shape[1:])
    left += chance.between(0, reach)
    for branch in range(chance.between(1, 4)):
        along = np.arange(max(length >> branch, 8))
        wriggle = np.zeros(len(along), np.int64)
        for pace, reach in ((9, 70), (23, 26)):
            wriggle += SINES[(along * chance.between(pace, pace * 2) + chance.below(TURN)) % TURN].astype(np.int64) * reach >> 7
        across = left * 16 + along * slope + wriggle - wriggle[0]
        stroke(planes, along + top, across, 14 - 5 * branch, _BLOOD)
        step = chance.below(len(along))
        top, left, slope = top + step, int(across[step]) >> 4, slope + chance.of((-11, -8, 8, 11))
