"""What a person would write for shards of small images: decode, crop, Lanczos, encode, into tar files, on both cores.

``python -m tests.benchmarks.peers.squares FOLDER TARGET SIZE``: every JPEG of a folder.
"""

from __future__ import annotations

import io
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

QUALITY = 95
A_SHARD = 1000


def square(path: Path, size: int) -> bytes:
    """The middle of an image as a JPEG of ``size`` x ``size`` pixels."""
    with Image.open(path) as image:
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        small = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, subsampling="4:4:4")
    return out.getvalue()


def main() -> None:
    """Make them."""
    folder, target, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    files = sorted(folder.glob("*.jpg"))
    with ThreadPoolExecutor(2) as workers:
        for number, start in enumerate(range(0, len(files), A_SHARD)):
            some = files[start : start + A_SHARD]
            with tarfile.open(target / f"{number:05d}.tar", "w") as tar:
                for path, data in zip(some, workers.map(lambda path: square(path, size), some), strict=True):
                    member = tarfile.TarInfo(path.name)
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))


if __name__ == "__main__":
    main()
