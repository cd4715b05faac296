"""A small artificial record, drawn and laid out as a folder of published files."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

from ham_cli import atomic, cache, pool
from ham_cli import record as records
from ham_cli.demo import facts
from ham_cli.demo.packing import packing, size_of
from ham_cli.demo.rows import rows
from ham_cli.errors import WrongUsageError
from ham_cli.findings import Advanced, Done, Started, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ham_cli.demo.packing import Size
    from ham_cli.demo.picture import Drawn
    from ham_cli.demo.rows import Image, Rows
    from ham_cli.findings import Event
    from ham_cli.record import Record

FEWEST, MOST = 30, 50_000
"""With fewer images some diagnoses would have no lesion; of more, the list of digests could not be read again."""

_ROOM = 310_000
"""Bytes that an image and its mask take at most, on average."""

_WORKERS = 4
"""More would only wait for the one that packs, and hold finished pictures meanwhile."""


def draw(where: Path, images: int, jobs: int) -> Iterator[Event]:
    """Draw a record of so many training images into a folder; yields progress, and nothing where it stands there.

    ``record.json`` is written last: a folder without it is not whole, and is drawn anew.
    """
    if not FEWEST <= images <= MOST:
        raise WrongUsageError("a demo of so many images cannot be drawn", expected=f"from {FEWEST} to {MOST}", got=images)
    if is_whole(where, images):
        return
    published = records.load()
    drawn = rows(images, published)
    room = (len(drawn.train) + len(drawn.test)) * _ROOM
    cache.require_room(where, room, "free some room, name another folder, or draw fewer images")
    where.mkdir(parents=True, exist_ok=True)
    for left in (where / "record.json", *where.glob(f".*{atomic.MARK}")):
        left.unlink(missing_ok=True)
    sizes: dict[str, Size] = {}
    digests: dict[str, tuple[int, str]] = {}
    yield from _pictures(where, drawn, min(jobs, _WORKERS), sizes, digests)
    for name, data in facts.tables(drawn, published).items():
        atomic.write(where / name, data)
        sizes[name] = size_of(data)
    _finish(where, drawn, published, sizes, digests)


def is_whole(where: Path, images: int) -> bool:
    """Whether a record of so many images, drawn as it is drawn now, stands in a folder with every file."""
    try:
        record = records.load_foreign(where / "record.json")
        return (record.name, record.version) == (facts.NAME, facts.version(images)) and all(
            (where / file.received_name).stat().st_size == file.bytes for file in record.files
        )
    except (OSError, WrongUsageError):
        return False


def _pictures(where: Path, drawn: Rows, jobs: int, sizes: dict[str, Size], digests: dict[str, tuple[int, str]]) -> Iterator[Event]:
    """Draw every picture into its zip; ``sizes`` and ``digests`` are filled."""
    train = sorted(drawn.train, key=lambda image: image.image_id)
    half, total = len(train) // 2, len(train) + len(drawn.test)
    yield Started("drawing", total, "image")
    with packing(where / facts.MASKS, _folder(facts.MASKS)) as masks:
        for name, images in ((facts.PART_1, train[:half]), (facts.PART_2, train[half:])):
            with packing(where / name) as photos:
                for image, picture in _drawn(images, jobs, masked=True):
                    photo, mask = f"{image.image_id}.jpg", f"{image.image_id}_segmentation.png"
                    photos.add(photo, picture.jpeg)
                    masks.add(mask, picture.mask, stub=True)
                    digests[photo] = len(picture.jpeg), picture.jpeg_sha256
                    digests[mask] = len(picture.mask), picture.mask_sha256
                    yield Advanced("drawing", 1)
            sizes[name] = photos.size
    sizes[facts.MASKS] = masks.size
    with packing(where / facts.TEST, _folder(facts.TEST)) as photos:
        for image, picture in _drawn(drawn.test, jobs, masked=False):
            photos.add(f"{image.image_id}.jpg", picture.jpeg)
            yield Advanced("drawing", 1)
    sizes[facts.TEST] = photos.size
    yield Done("drawing", counted(total, "image"))


def _drawn(images: Sequence[Image], jobs: int, *, masked: bool) -> Iterator[tuple[Image, Drawn]]:
    """Every image with its files, drawn in parallel, in order."""
    # numpy and Pillow are loaded only where something is drawn.
    from ham_cli.demo.picture import Picture, draw_picture

    tasks = (Picture(i.lesion.dx, i.lesion.look, i.view, i.camera, close=i.close, inverted=i.inverted, masked=masked) for i in images)
    yield from zip(images, pool.run(draw_picture, tasks, jobs), strict=True)


def _finish(where: Path, drawn: Rows, published: Record, sizes: dict[str, Size], digests: dict[str, tuple[int, str]]) -> None:
    """Write the list of digests and, last of all, the record itself."""
    lines = ["file,bytes,sha256", *(f"{name},{size},{check}" for name, (size, check) in digests.items())]
    listed = ("\n".join(lines) + "\n").encode()
    atomic.write(where / facts.DIGESTS, lzma.compress(listed))
    atomic.write(where / "record.json", facts.record(drawn, published, sizes, listed))


def _folder(name: str) -> str:
    return name.removesuffix(".zip")
