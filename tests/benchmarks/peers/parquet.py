"""Images into Parquet by Hugging Face's own library: ``python -m tests.benchmarks.peers.parquet FOLDER FILE``."""

from __future__ import annotations

import sys

import datasets
from datasets.table import embed_table_storage


def main() -> None:
    """Load a folder of images, and write their bytes into one file."""
    folder, file = sys.argv[1:]
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset("imagefolder", data_dir=folder, split="train", cache_dir="cache")
    plain = loaded.with_format("arrow").map(embed_table_storage, batched=True, batch_size=100, num_proc=2)
    plain.with_format(None).to_parquet(file, batch_size=100)


if __name__ == "__main__":
    main()
