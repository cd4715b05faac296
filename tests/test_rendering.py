"""Images as exports write them, against a bare Pillow: the same pixels, as sharp, masks with the same geometry, and what --fast costs."""

from __future__ import annotations

import io
import random
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from ham_cli.demo.picture import Picture, draw_picture
from ham_cli.images import NotAnImageError, resizing
from ham_cli.rendering import CROPS, FORMATS, Rendering

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LANCZOS, NEAREST = Image.Resampling.LANCZOS, Image.Resampling.NEAREST

SHAPES = [(600, 450), (450, 600), (601, 449), (640, 640), (97, 31), (31, 97), (3, 2), (1, 1), (1, 40)]
"""Width and height: the published images', and odd ones."""

SIZES = [1, 7, 28, 224, 225]


def drawn(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """A picture with colours, edges and noise."""
    chance = random.Random(seed)  # noqa: S311
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", size, (222, 170, 150))
    pen = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, r = chance.randrange(size[0]), chance.randrange(size[1]), chance.randrange(2, 60)
        pen.ellipse((x - r, y - r, x + r, y + r), tuple(chance.randrange(256) for _ in range(3)))
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.5)), dtype=np.int16)
    return Image.fromarray(np.clip(soft + rng.integers(-9, 10, soft.shape), 0, 255).astype(np.uint8))


def coded(picture: Image.Image, form: str = "JPEG", **options: Any) -> bytes:  # noqa: ANN401
    """A picture's file."""
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def jpeg(size: tuple[int, int], seed: int = 0) -> bytes:
    """A drawn picture as a published one is."""
    return coded(drawn(size, seed), quality=95)


def spot(size: tuple[int, int]) -> bytes:
    """A mask that nothing about is even: an ellipse off the middle."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((size[0] // 5, size[1] // 7, size[0] // 2, size[1] - size[1] // 4), 255)
    return coded(mask, "PNG")


def bare(data: bytes, size: int, crop: str, way: Image.Resampling = LANCZOS, mode: str = "RGB") -> Image.Image:
    """What a short script of Pillow's makes of a picture."""
    picture = Image.open(io.BytesIO(data)).convert(mode)
    wide, high = picture.size
    if crop == "none":
        return picture.resize((size, size), way)
    if crop == "center":
        side = min(wide, high)
        left, top = (wide - side) // 2, (high - side) // 2
        return picture.resize((size, size), way, box=(left, top, left + side, top + side))
    factor = size / max(wide, high)
    small = picture.resize((max(1, round(wide * factor)), max(1, round(high * factor))), way)
    whole = Image.new(mode, (size, size))
    whole.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return whole


def pixels(data: bytes) -> NDArray[np.uint8]:
    """A file's pixels, by Pillow."""
    return np.asarray(Image.open(io.BytesIO(data)))


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal to noise in decibels; 99 for the same pixels."""
    error = float(((one.astype(float) - other.astype(float)) ** 2).mean())
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def sharpness(data: bytes | NDArray[np.uint8]) -> float:
    """The variance of the Laplacian of a picture's light."""
    picture = Image.open(io.BytesIO(data)) if isinstance(data, bytes) else Image.fromarray(data)
    return float(ndimage.laplace(np.asarray(picture.convert("L"), dtype=float)).var())


# The same pixels as bare Pillow.


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_lossless_image_has_the_pixels_of_a_full_decode_and_lanczos(shape: tuple[int, int], crop: str) -> None:
    data = jpeg(shape)
    for size in SIZES:
        made, (wide, high) = resizing.image(data, Rendering(size, crop, "png"))
        with Image.open(io.BytesIO(made)) as picture:
            assert (picture.format, picture.mode, picture.size, wide, high) == ("PNG", "RGB", (size, size), size, size)
        expected = np.asarray(bare(data, size, crop))
        assert np.array_equal(pixels(made), expected)
        assert np.array_equal(resizing.pixels(data, Rendering(size, crop)), expected)


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mask_goes_the_way_of_its_image_and_is_black_and_white(shape: tuple[int, int], crop: str) -> None:
    data = spot(shape)
    for size in SIZES:
        made = resizing.mask(data, Rendering(size, crop))
        with Image.open(io.BytesIO(made)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (size, size))
        expected = np.asarray(bare(data, size, crop, NEAREST, "L"))
        assert np.array_equal(pixels(made), expected)
        assert set(np.unique(pixels(made))) <= {0, 255}
        assert np.array_equal(resizing.lesion(data, Rendering(size, crop)), expected == 255)


@pytest.mark.parametrize("crop", CROPS)
def test_a_lesion_and_its_mask_stay_on_top_of_each_other(crop: str) -> None:
    """A picture that is its own mask: resized, both say the same but for the pixels on the border."""
    shape = (600, 450)
    mask = spot(shape)
    image = coded(Image.open(io.BytesIO(mask)).convert("RGB"), quality=95)
    for rendering in (Rendering(224, crop), Rendering(224, crop, fast=True), Rendering(56, crop, fast=True)):
        white = resizing.pixels(image, rendering)[..., 1] > 127
        lesion = resizing.lesion(mask, rendering)
        border = lesion ^ ndimage.binary_erosion(lesion) | ndimage.binary_dilation(lesion) ^ lesion
        assert not (white ^ lesion)[~border].any()
        assert lesion.any()


def test_greys_of_a_mask_are_lesion_from_the_middle_on() -> None:
    data = coded(Image.fromarray(np.array([[0, 1, 127, 128, 254, 255]], dtype=np.uint8)), "PNG")
    for rendering in (Rendering(), Rendering(6, "none")):
        assert pixels(resizing.mask(data, rendering))[0].tolist() == [0, 0, 0, 255, 255, 255]


def test_a_png_without_a_size_has_the_published_pixels() -> None:
    data = jpeg((60, 45))
    made, size = resizing.image(data, Rendering(format="png"))
    assert (size, np.array_equal(pixels(made), pixels(data))) == ((60, 45), True)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_picture_is_the_same_bytes(form: str) -> None:
    data, rendering = jpeg((600, 450)), Rendering(224, format=form)
    assert resizing.image(data, rendering) == resizing.image(data, rendering)


def test_quality_is_the_encoders_and_colour_stays_as_fine_as_light() -> None:
    data = jpeg((600, 450))
    for quality in (1, 50, 95, 100):
        made = resizing.image(data, Rendering(224, quality=quality))[0]
        expected = coded(bare(data, 224, "center"), quality=quality, subsampling="4:4:4")
        assert made == expected
        with Image.open(io.BytesIO(made)) as picture:
            assert picture.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # type: ignore[attr-defined]


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 64), st.sampled_from(CROPS))
def test_any_picture_becomes_what_bare_pillow_makes_of_it(wide: int, high: int, size: int, crop: str) -> None:
    rng = np.random.default_rng(wide * 100 + high)
    data = coded(Image.fromarray(rng.integers(0, 256, (high, wide, 3), dtype=np.uint8)))
    assert np.array_equal(resizing.pixels(data, Rendering(size, crop)), np.asarray(bare(data, size, crop)))


# As sharp.


def ratio(files: list[bytes]) -> float:
    """Median over pictures: how sharp ours is beside a bare resize that loses nothing."""
    return statistics.median(
        sharpness(resizing.image(data, Rendering(224))[0]) / sharpness(np.asarray(bare(data, 224, "center"))) for data in files
    )


def test_drawn_images_stay_sharp() -> None:
    kinds = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    sites = ("rosendahl", "vidir_modern", "vidir_molemax", "vienna_dias")
    files = [draw_picture(Picture(dx, number, 0, sites[number % 4], masked=False)).jpeg for number, dx in enumerate(kinds)]
    assert ratio(files) >= 0.97


def test_the_published_images_stay_sharp(real_data: Path) -> None:
    files = [path.read_bytes() for path in sorted((real_data / "sample").glob("ISIC_*.jpg"))]
    assert len(files) == 96
    assert ratio(files) >= 0.97


# What --fast costs.


def of_its_field(data: bytes, size: int, crop: str) -> Any:  # noqa: ANN401
    """A full decode by Pillow alone of what ``--fast`` shows, which may be a little less of the middle."""
    if crop != "center":
        return resizing.pixels(data, Rendering(size, crop))
    with Image.open(io.BytesIO(data)) as picture:
        box = Rendering(size, crop, fast=True).taken(*picture.size)
        return np.asarray(picture.convert("RGB").resize((size, size), LANCZOS, box=box))


@pytest.mark.parametrize("size", [224, 112, 56, 449])
def test_fast_needs_no_resampling_where_the_decoder_makes_the_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg((600, 450))
    resized = Resized(monkeypatch)
    resizing.image(data, Rendering(size, fast=True))
    assert resized.sizes == ([] if size < 449 else [(600, 450)])


@pytest.mark.parametrize("shape", [(600, 450), (450, 600), (601, 451), (448, 448)])
def test_a_quick_square_leaves_out_a_hundredth_at_most_and_stays_in_the_middle(shape: tuple[int, int]) -> None:
    side = min(shape)
    for size in range(1, side + 1):
        left, top, right, bottom = Rendering(size, fast=True).taken(*shape)
        assert right - left == bottom - top
        assert side * 0.99 <= right - left <= side
        assert (min(left, top) >= 0, right <= shape[0], bottom <= shape[1]) == (True, True, True)
        assert all(abs((a + b) - whole) <= 16 for a, b, whole in ((left, right, shape[0]), (top, bottom, shape[1])))


@pytest.mark.parametrize("crop", CROPS)
def test_fast_is_nearly_the_same_picture_of_the_published_images(crop: str, real_data: Path) -> None:
    files = [path.read_bytes() for path in sorted((real_data / "sample").glob("ISIC_*.jpg"))[::4]]
    for size, least, median in ((28, 44, 50), (100, 36, 45), (224, 39, 45)):
        found = [psnr(resizing.pixels(data, Rendering(size, crop, fast=True)), of_its_field(data, size, crop)) for data in files]
        assert min(found) >= least, size
        assert statistics.median(found) >= median, size


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("shape", [*SHAPES, (1201, 899), (899, 1201)])
def test_fast_has_the_size_and_place_of_a_full_decode(shape: tuple[int, int], crop: str) -> None:
    smooth = coded(drawn(shape).filter(ImageFilter.GaussianBlur(6)), quality=95)
    for size in (*SIZES, 55, 57, 112):
        fast = resizing.pixels(smooth, Rendering(size, crop, fast=True))
        full = of_its_field(smooth, size, crop)
        assert fast.shape == (size, size, 3)
        # A picture that is moved by one pixel, or enlarged from too small a draft, is far below.
        assert psnr(fast, full) > 34, (size, psnr(fast, full))
        assert np.array_equal(fast.any(axis=2).any(axis=0), full.any(axis=2).any(axis=0)), "other bars"


class Resized:
    """How large the pictures were that were resampled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[tuple[int, int]] = []
        resize = Image.Image.resize

        def seen(picture: Image.Image, *given: Any, **named: Any) -> Image.Image:  # noqa: ANN401
            self.sizes.append(picture.size)
            return resize(picture, *given, **named)

        monkeypatch.setattr(Image.Image, "resize", seen)


@pytest.mark.parametrize(
    ("crop", "size", "decoded"),
    [
        ("center", 220, (300, 225)),
        ("center", 226, (600, 450)),
        ("center", 111, (150, 113)),
        ("center", 50, (75, 57)),
        ("pad", 299, (300, 225)),
        ("pad", 301, (600, 450)),
        ("pad", 75, (75, 57)),
        ("none", 224, (300, 225)),
        ("none", 226, (600, 450)),
        ("none", 57, (150, 113)),
        ("none", 56, (75, 57)),
        ("none", 1, (75, 57)),
    ],
)
def test_fast_never_decodes_smaller_than_what_is_written(
    crop: str, size: int, decoded: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = jpeg((600, 450))
    resized = Resized(monkeypatch)
    resizing.image(data, Rendering(size, crop, fast=True))
    resizing.image(data, Rendering(size, crop))
    assert resized.sizes == [decoded, (600, 450)]


def test_fast_changes_no_png() -> None:
    data = coded(drawn((600, 450)), "PNG")
    for crop in CROPS:
        assert np.array_equal(resizing.pixels(data, Rendering(50, crop, fast=True)), np.asarray(bare(data, 50, crop)))


# Pictures of other kinds.


def kinds() -> dict[str, bytes]:
    """Files of every kind that a source may have, by name."""
    picture = drawn((64, 48))
    grey = np.asarray(picture.convert("L"))
    filled = coded(picture)
    return {
        "cmyk": coded(picture.convert("CMYK")),
        "grey": coded(picture.convert("L")),
        "progressive": coded(picture, progressive=True),
        "rgb inside": coded(picture, keep_rgb=True),
        "four to two": coded(picture, subsampling="4:2:0"),
        "with a comment": coded(picture, comment=b"\xff\xc0 no frame \xff\xc0" * 9),
        "with fill bytes": filled[:2] + b"\xff\xff" + filled[2:],
        "with more behind": coded(picture) + b"\0" * 99,
        "palette": coded(picture.quantize(200), "PNG"),
        "palette, clear": coded(picture.quantize(200), "PNG", transparency=3),
        "bits": coded(picture.convert("1"), "PNG"),
        "grey and clear": coded(picture.convert("LA"), "PNG"),
        "clear": coded(picture.convert("RGBA"), "PNG"),
        "sixteen bits": coded(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
    }


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("fast", [False, True])
def test_every_kind_of_picture_is_written_in_red_green_and_blue(kind: str, fast: bool) -> None:  # noqa: FBT001
    data = kinds()[kind]
    if kind == "sixteen bits":  # Pillow itself would make all but black white
        expected = np.asarray(drawn((64, 48)).convert("L").convert("RGB"))
    else:
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    made, size = resizing.image(data, Rendering(format="png"))
    assert (size, np.array_equal(pixels(made), expected)) == ((64, 48), True)
    for form in FORMATS:
        made, size = resizing.image(data, Rendering(40, "none", form, fast=fast))
        with Image.open(io.BytesIO(made)) as picture:
            assert (picture.mode, picture.size, size) == ("RGB", (40, 40), (40, 40))
        whole = np.asarray(Image.fromarray(expected).resize((40, 40), LANCZOS))
        assert psnr(pixels(made), whole) > 30


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a", jpeg((60, 45))[:-300], jpeg((60, 45))[:200]])
@pytest.mark.parametrize("rendering", [Rendering(28), Rendering(28, fast=True), Rendering(format="png")])
def test_what_is_no_whole_picture_is_no_image(data: bytes, rendering: Rendering) -> None:
    for one in (resizing.image, resizing.pixels, resizing.mask, resizing.lesion):
        with pytest.raises(NotAnImageError):
            one(data, rendering)


# The geometry, as tables.


@pytest.mark.parametrize(
    ("rendering", "size", "taken", "place", "shape"),
    [
        (Rendering(), (600, 450), (0, 0, 600, 450), (0, 0, 600, 450), (600, 450)),
        (Rendering(format="png"), (600, 450), (0, 0, 600, 450), (0, 0, 600, 450), (600, 450)),
        (Rendering(224), (600, 450), (75, 0, 525, 450), (0, 0, 224, 224), (224, 224)),
        (Rendering(224), (450, 600), (0, 75, 450, 525), (0, 0, 224, 224), (224, 224)),
        (Rendering(224), (601, 450), (75, 0, 525, 450), (0, 0, 224, 224), (224, 224)),
        (Rendering(224, "none"), (600, 450), (0, 0, 600, 450), (0, 0, 224, 224), (224, 224)),
        (Rendering(224, "pad"), (600, 450), (0, 0, 600, 450), (0, 28, 224, 196), (224, 224)),
        (Rendering(224, "pad"), (450, 600), (0, 0, 450, 600), (28, 0, 196, 224), (224, 224)),
        (Rendering(5, "pad"), (600, 450), (0, 0, 600, 450), (0, 0, 5, 4), (5, 5)),
        (Rendering(8, "pad"), (1000, 1), (0, 0, 1000, 1), (0, 3, 8, 4), (8, 8)),
        (Rendering(8), (1, 1), (0, 0, 1, 1), (0, 0, 8, 8), (8, 8)),
    ],
)
def test_where_each_pixel_comes_from(
    rendering: Rendering, size: tuple[int, int], taken: tuple[int, ...], place: tuple[int, ...], shape: tuple[int, int]
) -> None:
    assert (rendering.taken(*size), rendering.place(*size), rendering.shape(*size)) == (taken, place, shape)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 4096), st.sampled_from(CROPS))
def test_what_is_taken_and_where_it_is_put_lie_inside_and_keep_their_proportions(wide: int, high: int, size: int, crop: str) -> None:
    rendering = Rendering(size, crop)
    left, top, right, bottom = rendering.taken(wide, high)
    assert 0 <= left < right <= wide
    assert 0 <= top < bottom <= high
    l2, t2, r2, b2 = rendering.place(wide, high)
    assert 0 <= l2 < r2 <= size
    assert 0 <= t2 < b2 <= size
    assert abs(left - (wide - right)) <= 1
    assert abs(t2 - (size - b2)) <= 1
    if crop == "center":
        assert right - left == bottom - top == min(wide, high)
    if crop == "pad":
        factor = size / max(wide, high)
        assert max(r2 - l2, b2 - t2) == size
        assert abs((r2 - l2) - max(wide * factor, 1)) <= 0.5
        assert abs((b2 - t2) - max(high * factor, 1)) <= 0.5


@pytest.mark.parametrize(
    ("rendering", "fields", "untouched"),
    [
        (Rendering(), {}, True),
        (Rendering(crop="pad", quality=3, fast=True), {}, True),
        (Rendering(format="png", quality=3, fast=True), {"image_format": "png"}, False),
        (Rendering(224), {"size": 224, "crop": "center", "image_format": "jpeg", "quality": 95, "fast": False}, False),
        (Rendering(28, "pad", "png", fast=True), {"size": 28, "crop": "pad", "image_format": "png", "fast": True}, False),
    ],
)
def test_what_shapes_the_bytes_is_told_and_nothing_else(rendering: Rendering, fields: dict[str, Any], untouched: bool) -> None:  # noqa: FBT001
    assert (rendering.fields(), rendering.untouched) == (fields, untouched)


@pytest.mark.parametrize(
    ("rendering", "words"),
    [
        (Rendering(), "as published, byte for byte"),
        (Rendering(format="png"), "re-encoded as PNG"),
        (Rendering(224), "cropped to the middle square and resized to 224 x 224 pixels, and re-encoded as JPEG, quality 95"),
        (Rendering(28, "pad", "png"), "between black bars, resized to 28 x 28 pixels, and re-encoded as PNG"),
        (
            Rendering(64, "none", quality=80, fast=True),
            "not cropped, resized to 64 x 64 pixels (scaled by the decoder first), and re-encoded as JPEG, quality 80",
        ),
    ],
)
def test_what_was_done_is_said_as_the_licence_wants_it(rendering: Rendering, words: str) -> None:
    assert rendering.words == words
