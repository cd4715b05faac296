"""What each diagnosis and each camera looks like, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]
Stops = tuple[tuple[int, Colour], ...]


@dataclass(frozen=True)
class Marks:
    """Spots of one kind within a lesion."""

    count: tuple[int, int]
    """From and to: how many."""
    radius: tuple[int, int]
    """In pixels."""
    colour: Colour
    strength: int
    """How much of what lies below it covers, in 128ths."""
    within: tuple[int, int] = (0, 230)
    """How far from the middle, in 256ths of the way to the border."""
    shape: str = "soft"
    """``soft``, ``flat`` or ``ring``."""


@dataclass(frozen=True)
class Look:
    """How lesions of one diagnosis look."""

    radius: tuple[int, int]
    """In pixels of the canvas."""
    edge: int
    """Pixels over which it fades into the skin."""
    waves: int
    """How far its outline swings, in 256ths of the radius."""
    lumps: int
    """How rough its outline is, in pixels."""
    tones: tuple[Stops, ...]
    """Colours by tone, 0 to 255; a lesion has one of these scales."""
    base: tuple[int, int]
    """The tone it starts from."""
    profile: tuple[tuple[int, int], ...]
    """What is added to the tone, by pixels inside of the border."""
    coarse: int
    """Tones by which large patches differ; ``middle`` and ``fine``: smaller ones."""
    middle: int
    fine: int
    lean: int = 0
    """Tones by which one side differs from the other."""
    network: tuple[int, int] = (0, 0)
    """Tones by which the lines of a pigment network are darker; below 0 there is none."""
    marks: tuple[Marks, ...] = ()
    vessels: tuple[int, int] = (0, 0)
    """From and to: how many."""


@dataclass(frozen=True)
class Camera:
    """How the pictures of one site look."""

    tint: Colour
    """What remains of red, green and blue, in 128ths."""
    shade: tuple[tuple[int, int], ...]
    """Brightness in 128ths, by pixels from the middle."""
    grain: int
    """Noise of the sensor, in 16ths of a grey level."""
    ruler: int
    """In how many of 16 pictures a ruler is seen."""
    bubbles: int
    """In how many of 16 pictures the oil has bubbles."""


def _colour(word: str) -> Colour:
    """Red, green and blue, spelled as on a web page: ``f4e2c4``."""
    red, green, blue = bytes.fromhex(word)
    return red, green, blue


def _colours(words: str) -> tuple[Colour, ...]:
    return tuple(_colour(word) for word in words.split())


def _scale(words: str) -> Stops:
    """Tones and their colours, in turn."""
    tones, colours = words.split()[::2], words.split()[1::2]
    return tuple((int(tone), _colour(word)) for tone, word in zip(tones, colours, strict=True))


LOOKS = {
    "akiec": Look(
        radius=(95, 165), edge=36, waves=22, lumps=18,
        tones=(
            _scale("0 d88a82  110 e2a296  170 e6b6a8  205 f0d8ca  255 f6eadc"),
            _scale("0 c47470  110 d6928a  180 deac9c  210 eed6c2  255 f2e4d0"),
        ),
        base=(80, 120), profile=((0, 40), (30, 10), (60, 0)), coarse=50, middle=70, fine=70,
        marks=(Marks((14, 30), (2, 5), _colour("f4e2c4"), 84, (0, 240)), Marks((0, 3), (5, 12), _colour("963e32"), 70, (0, 200))),
        vessels=(0, 3),
    ),
    "bcc": Look(
        radius=(85, 160), edge=24, waves=22, lumps=14,
        tones=(
            _scale("0 e8bcb4  128 da9896  255 c07076"),
            _scale("0 ecc8be  128 e2aca6  255 cc8a8e"),
        ),
        base=(70, 120), profile=((0, -30), (14, 20), (40, 0), (90, -15)), coarse=60, middle=35, fine=16,
        marks=(
            Marks((5, 13), (6, 17), _colour("60607a"), 104, (60, 225)),
            Marks((6, 16), (3, 6), _colour("484660"), 104, (40, 235)),
            Marks((0, 1), (16, 30), _colour("8c2826"), 110, (0, 110)),
        ),
        vessels=(4, 8),
    ),
    "bkl": Look(
        radius=(85, 175), edge=5, waves=16, lumps=12,
        tones=(
            _scale("0 ceaa78  90 b28452  170 845a38  255 4e3428"),
            _scale("0 c4a284  90 a07a5c  170 765442  255 46322c"),
            _scale("0 deb882  90 ca9c62  170 a47446  255 704a30"),
        ),
        base=(70, 130), profile=((0, 45), (10, 0), (60, 0)), coarse=40, middle=60, fine=44,
        marks=(
            Marks((10, 28), (2, 5), _colour("f0deb8"), 112, (0, 235)),
            Marks((8, 22), (3, 7), _colour("482e22"), 96, (0, 235)),
        ),
    ),
    "df": Look(
        radius=(80, 130), edge=30, waves=10, lumps=8,
        tones=(
            _scale("0 f4e2d8  70 e2baa6  140 be8a70  255 8c5c48"),
            _scale("0 f0d6ce  70 deaca0  140 c48476  255 965c54"),
        ),
        base=(62, 80), profile=((0, 10), (16, 90), (34, 70), (56, -20), (80, -70), (110, -70)), coarse=24, middle=18, fine=16,
        network=(24, 48),
    ),
    "mel": Look(
        radius=(105, 185), edge=16, waves=36, lumps=27,
        tones=(
            _scale("0 cc9676  60 9c6646  120 5e3a2e  175 2e2022  215 464c66  255 5c6482"),
            _scale("0 d69682  60 ac6450  120 6e3a34  180 362226  220 52526e  255 6a6c8a"),
            _scale("0 c69c88  60 8c6454  120 543c38  170 342c34  210 5a607a  255 727a96"),
        ),
        base=(84, 130), profile=((-6, -50), (14, -6), (50, 16), (120, 30)), coarse=84, middle=66, fine=34, lean=44, network=(-30, 18),
        marks=(
            Marks((1, 3), (34, 64), _colour("8892b6"), 84, (0, 130)),
            Marks((0, 2), (26, 50), _colour("be6c6c"), 84, (60, 190)),
            Marks((6, 22), (2, 5), _colour("1a1214"), 110, (120, 245)),
        ),
    ),
    "nv": Look(
        radius=(60, 135), edge=18, waves=12, lumps=9,
        tones=(
            _scale("0 d6a682  90 ac7450  170 764830  255 3c241c"),
            _scale("0 deac96  90 be806a  170 925a4a  255 5c362e"),
            _scale("0 c49880  90 8e624e  170 5c3c32  255 30201e"),
        ),
        base=(60, 175), profile=((0, -50), (24, 0), (70, 22), (110, 34)), coarse=24, middle=26, fine=14, network=(-14, 46),
        marks=(Marks((0, 9), (3, 6), _colour("462a20"), 70, (0, 200)),),
    ),
    "vasc": Look(
        radius=(65, 130), edge=8, waves=12, lumps=9,
        tones=(
            _scale("0 ce6e70  90 b23a48  170 7c1e3a  255 3c102c"),
            _scale("0 c47484  90 963a5c  170 62224c  255 2e1234"),
        ),
        base=(50, 90), profile=((0, -10), (10, 10), (40, 24), (100, 30)), coarse=30, middle=24, fine=14,
        marks=(
            Marks((9, 18), (13, 26), _colour("701030"), 92, (0, 215), "flat"),
            Marks((5, 10), (9, 17), _colour("4a0c36"), 100, (0, 200), "flat"),
            Marks((2, 6), (3, 8), _colour("f6c8c8"), 56, (0, 180)),
        ),
    ),
}  # fmt: skip
"""The looks, by diagnosis."""

CAMERAS = {
    "rosendahl": Camera((128, 123, 119), ((0, 128), (220, 126), (330, 112), (400, 84)), 46, 6, 2),
    "vidir_modern": Camera((127, 121, 124), ((0, 128), (200, 126), (330, 114), (400, 94)), 38, 3, 4),
    "vidir_molemax": Camera((120, 116, 125), ((0, 126), (260, 124), (400, 112)), 29, 0, 6),
    "vienna_dias": Camera((128, 120, 110), ((0, 128), (230, 126), (284, 112), (297, 10), (400, 4)), 58, 1, 1),
    "external": Camera((128, 124, 128), ((0, 128), (300, 126), (400, 114)), 34, 2, 2),
}
"""The cameras, by site."""

SKINS = _colours("f0cec4 ecc6ba f8ded6 e6beac eecece f2d6c4 deb29c fae4de")
"""Skin as no camera sees it."""

HAIR = _colours("3a2a22 543c2c 241e1e 785c42")
"""Colours of hair."""
