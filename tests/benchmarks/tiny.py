"""Records of very many images: real JPEGs and masks of the published size, each of its own bytes, and quick to make."""

from __future__ import annotations

import hashlib
import io
import lzma
import struct
import zlib
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from ham_cli import record as records
from ham_cli.demo import facts
from ham_cli.demo.packing import packing, size_of
from ham_cli.demo.rows import rows
from tests.benchmarks.published import Published

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = (600, 450)


def record(images: int, keep: Path) -> Published:
    """A record of so many training images of about 4 kB each, with masks; made once, and kept."""
    where = keep / f"tiny-{images}"
    if (where / "record.json").is_file():
        return Published(where, where / "record.json", facts.METADATA)
    where.mkdir(parents=True, exist_ok=True)
    published = records.load()
    drawn = rows(images, published)
    photo, mask = _photo(), _mask()
    train = sorted(drawn.train, key=lambda image: image.image_id)
    half, lines, sizes = len(train) // 2, ["file,bytes,sha256"], {}
    with packing(where / facts.MASKS) as masks:
        for name, some in ((facts.PART_1, train[:half]), (facts.PART_2, train[half:])):
            with packing(where / name) as photos:
                for one in some:
                    for zipped, file, data in (
                        (photos, f"{one.image_id}.jpg", _commented(photo, one.image_id)),
                        (masks, f"{one.image_id}_segmentation.png", _told(mask, one.image_id)),
                    ):
                        zipped.add(file, data)
                        lines.append(f"{file},{len(data)},{hashlib.sha256(data).hexdigest()}")
            sizes[name] = photos.size
    sizes[facts.MASKS] = masks.size
    with packing(where / facts.TEST) as tests:
        for one in drawn.test:
            tests.add(f"{one.image_id}.jpg", _commented(photo, one.image_id))
    sizes[facts.TEST] = tests.size
    for name, data in facts.tables(drawn, published).items():
        (where / name).write_bytes(data)
        sizes[name] = size_of(data)
    listed = ("\n".join(lines) + "\n").encode()
    (where / facts.DIGESTS).write_bytes(lzma.compress(listed, preset=0))
    (where / "record.json").write_bytes(facts.record(drawn, published, sizes, listed))
    return Published(where, where / "record.json", facts.METADATA)


def _photo() -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", _SIZE, (205, 160, 150))
    ImageDraw.Draw(picture).ellipse((180, 120, 420, 330), fill=(110, 70, 60))
    picture.save(out, "JPEG", quality=60)
    return out.getvalue()


def _mask() -> bytes:
    out = io.BytesIO()
    picture = Image.new("L", _SIZE)
    ImageDraw.Draw(picture).ellipse((180, 120, 420, 330), fill=255)
    picture.save(out, "PNG")
    return out.getvalue()


def _commented(photo: bytes, text: str) -> bytes:
    """The JPEG with a comment behind its first marker."""
    return photo[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text.encode() + photo[2:]


def _told(mask: bytes, text: str) -> bytes:
    """The PNG with a text before its end."""
    chunk = b"tEXtname\0" + text.encode()
    end = mask.rindex(b"IEND") - 4
    return mask[:end] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + mask[end:]
