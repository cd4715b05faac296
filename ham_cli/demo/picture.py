"""One picture: a lesion as its diagnosis looks, on skin, seen by a camera; and its mask."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ham_cli.demo.canvas import FULL, PART, TURN, Ink, distances, noise, sine, slanted, spot, steps, stroke, thrown
from ham_cli.demo.chance import Chance
from ham_cli.demo.lesion import lesion
from ham_cli.demo.looks import CAMERAS, HAIR, SKINS

if TYPE_CHECKING:
    from ham_cli.demo.canvas import Plane
    from ham_cli.demo.looks import Camera

SIZE = (450, 600)
"""Rows and columns of a picture."""


@dataclass(frozen=True)
class Picture:
    """What is to be drawn."""

    dx: str
    lesion: int
    """Which lesion it shows."""
    view: int
    """Which picture of it."""
    camera: str
    """The site, whose camera took it."""
    close: bool = False
    """Whether the lesion fills the frame."""
    inverted: bool = False
    """Whether the mask is a palette image whose index 0 is white."""
    masked: bool = True
    """Whether a mask is asked for."""


@dataclass(frozen=True)
class Drawn:
    """A picture as files."""

    jpeg: bytes
    jpeg_sha256: str
    mask: bytes
    """A PNG; empty where none was asked for."""
    mask_sha256: str


def draw_picture(picture: Picture) -> Drawn:
    """The files of a picture."""
    pixels, inside = pixels_of(picture)
    jpeg = _jpeg(pixels)
    mask = _png(inside, inverted=picture.inverted) if picture.masked else b""
    return Drawn(jpeg, hashlib.sha256(jpeg).hexdigest(), mask, hashlib.sha256(mask).hexdigest())


def pixels_of(picture: Picture) -> tuple[Plane, Plane]:
    """The picture's pixels (row, column, colour; bytes) and where the lesion is (row, column; truth)."""
    chance, camera = Chance(picture.lesion, picture.view), CAMERAS[picture.camera]
    planes = _skin(Chance(picture.lesion, -1), chance)
    inside = _laid(planes, lesion(picture.dx, picture.lesion, close=picture.close), chance, close=picture.close)
    _hairs(planes, chance)
    _shade(planes, chance, camera)
    _odds(planes, chance, camera)
    return _developed(planes, chance, camera), inside


def _laid(planes: Plane, drawn: Plane, chance: Chance, *, close: bool) -> Plane:
    """Lay a lesion on the skin as one picture shows it: turned, moved, nearer or farther, perhaps mirrored; where it is."""
    angle, zoom = (0, 256) if close else (chance.between(-60, 60), chance.between(218, 276))
    move = (0, 0) if close else (chance.about(-36, 36), chance.about(-70, 70))
    mirror = chance.of((1, 1, -1))
    size = drawn.shape[1:]
    window = tuple(
        slice(max(middle - half * zoom // 256 - 1, 0), min(middle + half * zoom // 256 + 1, end))
        for middle, half, end in ((SIZE[n] // 2 + move[n], size[n] // 2, SIZE[n]) for n in (0, 1))
    )
    ys, xs = (np.arange(w.start, w.stop, dtype=np.int32) - SIZE[n] // 2 - move[n] for n, w in enumerate(window))
    level, upright = sine(angle + TURN // 4) * 256 // zoom, sine(angle) * 256 // zoom
    rows = (((ys * level)[:, None] - xs * upright) >> 12) + size[0] // 2
    columns = (((ys * upright)[:, None] + xs * level) * mirror >> 12) + size[1] // 2
    place = np.clip(rows, 0, size[0] - 1).astype(np.intp) * size[1] + np.clip(columns, 0, size[1] - 1)
    covers = np.take(drawn[3], place)
    for plane, own in zip(planes, drawn[:3], strict=True):
        patch = plane[window]
        patch += ((np.take(own, place) - patch) * covers) >> 7
    inside = np.zeros(SIZE, np.bool_)
    inside[window] = covers >= FULL // 2
    return inside


def _skin(own: Chance, chance: Chance) -> Plane:
    """Skin without a lesion (colour, row, column)."""
    tone = own.of(SKINS)
    planes = np.empty((3, *SIZE), np.int16)
    mottle, folds, pores = (noise(chance.bits(), cell, SIZE) for cell in (50, 17, 7))
    pores += folds
    for plane, level, weights in zip(planes, tone, ((3, 3), (10, 5), (8, 4)), strict=True):
        np.add((mottle * weights[0] + pores * weights[1]) >> 7, level + own.between(-7, 5), out=plane)
    for _ in range(max(own.between(-12, 6), 0)):
        place = chance.below(SIZE[0]), chance.below(SIZE[1])
        spot(planes, place, own.between(5, 16), Ink((190, 136, 104), own.between(30, 70)))
    return planes


def _hairs(planes: Plane, chance: Chance) -> None:
    """Hairs, in most pictures few or none, that lie much the same way."""
    ink, lean = Ink(chance.of(HAIR), 112), chance.between(-9, 9)
    lying = planes.transpose(0, 2, 1) if chance.below(2) else planes
    high, wide = lying.shape[1:]
    for _ in range(chance.of((0, 0, 0, 0, 1, 2, 3, 7))):
        length = chance.between(90, high)
        along = np.arange(length)
        bend = along * along * chance.between(-12, 12) // length // 4
        across = chance.below(wide) * 16 + along * (lean + chance.between(-4, 4)) + bend
        stroke(lying, along + chance.between(0, high - length), across, chance.between(2, 15), ink)


def _shade(planes: Plane, chance: Chance, camera: Camera) -> None:
    """Light the picture as the camera does: brighter in the middle, one side darker, tinted."""
    light = np.take(steps(tuple((far * PART, light) for far, light in camera.shade), 0, sum(SIZE) * PART), distances(SIZE))
    slanted(light, chance.below(TURN), chance.between(0, 8))
    np.clip(light, 0, FULL, out=light)
    np.clip(planes, 0, 255, out=planes)
    for n, tint in enumerate(camera.tint):
        planes[n] *= (light * tint) >> 7
    planes >>= 7


def _odds(planes: Plane, chance: Chance, camera: Camera) -> None:
    """A ruler's edge, and bubbles in the oil, where the camera has them."""
    if chance.below(16) < camera.ruler:
        side = planes.transpose(0, 2, 1) if chance.below(2) else planes
        start, pitch, ink = chance.between(10, 22), chance.between(12, 19), chance.of((30, 60))
        for n, at in enumerate(range(chance.below(pitch), side.shape[2] - 2, pitch)):
            tick = side[:, start : start + (22 if n % 5 == 0 else 12), at : at + 2]
            tick += ((ink - tick) * 96) >> 7
    if chance.below(16) < camera.bubbles:
        for _ in range(chance.between(2, 9)):
            place = chance.below(SIZE[0]), chance.of((chance.below(140), SIZE[1] - chance.below(140)))
            spot(planes, place, chance.between(6, 20), Ink((250, 246, 244), 90, "ring"))


def _developed(planes: Plane, chance: Chance, camera: Camera) -> Plane:
    """The picture's bytes (row, column, colour), with the grain of the sensor."""
    count = SIZE[0] * SIZE[1]
    grain = camera.grain * chance.between(3, 32) >> 4
    first, second, red, blue = (b.reshape(SIZE).astype(np.int16) for b in np.split(thrown(chance.bits(), 4 * count), 4))
    grey = ((first + second - 255) * grain) >> 11
    pixels = np.empty((*SIZE, 3), np.uint8)
    for n, own in enumerate((red, None, blue)):
        plane = planes[n] + grey if own is None else planes[n] + grey + (((own - 128) * grain) >> 12)
        pixels[..., n] = np.clip(plane, 0, 255)
    return pixels


# Files.


def _jpeg(pixels: Plane) -> bytes:
    """A JPEG without the header that names its density: the published ones begin FF D8 FF DB."""
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "JPEG", quality=100, subsampling=0)
    data = made.getvalue()
    assert data[2:4] == b"\xff\xe0", "Pillow puts the JFIF header first"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


def _png(inside: Plane, *, inverted: bool) -> bytes:
    """A mask of 0 and 255, as grey levels or through a palette."""
    made = io.BytesIO()
    if inverted:
        image = Image.fromarray((~inside).astype(np.uint8))
        image.putpalette(bytes((255, 255, 255, 0, 0, 0)))
        image.save(made, "PNG", bits=8)
    else:
        Image.fromarray(inside.astype(np.uint8) * 255).save(made, "PNG")
    return made.getvalue()
