"""img2dataset, run by the Python of its own environment: ``shards.py FOLDER TARGET SIZE FIGURES``.

It wants addresses, and takes files as such. Its start, which spawns processes, is left out of what is added to the file
FIGURES: images, and the seconds from the first shard's begin to the last one's end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

QUALITY = 95
A_SHARD = 1000


def main() -> None:
    """Make the shards, and tell how long that took."""
    from img2dataset import download  # type: ignore[import-not-found]

    folder, target, size, figures = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    addresses = target / "addresses.txt"
    addresses.write_text("".join(f"{path.as_uri()}\n" for path in sorted(folder.glob("*.jpg"))))
    shards = target / "shards"
    download(
        url_list=str(addresses),
        output_folder=str(shards),
        output_format="webdataset",
        image_size=size,
        resize_mode="center_crop",
        downscale_interpolation="lanczos",
        encode_quality=QUALITY,
        processes_count=2,
        thread_count=8,
        number_sample_per_shard=A_SHARD,
        compute_hash=None,
        enable_wandb=False,
    )
    told = [json.loads(path.read_text()) for path in sorted(shards.glob("*_stats.json"))]
    images = sum(one["successes"] for one in told)
    seconds = max(one["end_time"] for one in told) - min(one["start_time"] for one in told)
    if images != sum(one["count"] for one in told):
        sys.exit(f"only {images} images were written")
    with figures.open("a") as file:
        file.write(f"{images} {seconds}\n")


if __name__ == "__main__":
    main()
