"""Pictures as Pillow decodes them, whichever way they go: the short one for plain JPEGs, or the long one."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ham_cli import images

if TYPE_CHECKING:
    from pathlib import Path


def drawn(mode: str, width: int = 61, height: int = 43) -> Image.Image:
    """A picture with something in every corner."""
    picture = Image.new("RGB", (width, height))
    for x in range(width):
        for y in range(height):
            picture.putpixel((x, y), ((x * 7) % 256, (y * 11) % 256, (x * y) % 256))
    return picture.convert(mode)


def file(mode: str, form: str = "JPEG", **how: Any) -> bytes:  # noqa: ANN401
    out = io.BytesIO()
    drawn(mode).save(out, form, **how)
    return out.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6  # a camera held upright: nothing here turns a picture

WAYS: dict[str, bytes] = {
    "plain": file("RGB", quality=95),
    "as published: no JFIF": file("RGB", quality=100)[:2] + file("RGB", quality=100)[20:],
    "fine colour": file("RGB", quality=90, subsampling="4:4:4"),
    "progressive": file("RGB", progressive=True),
    "restarts": file("RGB", restart_marker_rows=1),
    "colours as they are, and said so": file("RGB", keep_rgb=True),
    "exif": file("RGB", exif=EXIF.tobytes()),
    "grey": file("L"),
    "four inks": file("CMYK"),
    "png": file("RGB", "PNG"),
    "palette": file("P", "PNG"),
    "bytes behind it": file("RGB") + b"more" * 99,
}


@pytest.mark.parametrize("data", WAYS.values(), ids=WAYS)
def test_a_picture_is_what_pillow_makes_of_it(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as opened:
        expected = opened.convert("RGB")
    found = images.decoded(data)
    assert (found.mode, found.size, found.tobytes()) == ("RGB", expected.size, expected.tobytes())


@pytest.mark.parametrize("name", ["plain", "progressive", "grey", "png"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
def test_half_a_picture_is_none(name: str, share: float) -> None:
    data = WAYS[name]
    with pytest.raises(images.NotAnImageError):
        images.decoded(data[: int(len(data) * share)])


def test_a_header_that_announces_too_much_is_refused_before_a_pixel_is_decoded() -> None:
    data = WAYS["plain"]
    place = data.index(b"\xff\xc0") + 5
    large = data[:place] + (60000).to_bytes(2) * 2 + data[place + 4 :]
    with pytest.raises(images.NotAnImageError, match="3600000000 pixels"):
        images.decoded(large)


@pytest.mark.filterwarnings("ignore::UserWarning")  # as ham ignores what Pillow remarks of metadata
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(sorted(WAYS)))
def test_bytes_that_were_changed_are_never_another_picture_than_for_pillow(noise: bytes, place: int, name: str) -> None:
    data = WAYS[name]
    changed = data[:place] + noise + data[place + len(noise) :]
    with contextlib.suppress(images.NotAnImageError):
        images.lesion(changed)
    try:
        with Image.open(io.BytesIO(changed), formats=images.FORMATS) as opened:
            expected = opened.convert("RGB").tobytes()
    except Exception:  # noqa: BLE001  (whatever Pillow raises for what is no picture, or for what a camera wrote beside it)
        with contextlib.suppress(images.NotAnImageError):
            images.decoded(changed)
    else:
        assert images.decoded(changed).tobytes() == expected


def test_the_real_images_are_what_pillow_makes_of_them(real_data: Path) -> None:
    files = sorted(real_data.rglob("*.jpg"))
    assert files
    for path in files:
        with Image.open(path) as opened:
            opened.load()
            assert images.decoded(path.read_bytes()).tobytes() == opened.tobytes()
