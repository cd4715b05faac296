"""What verifying cannot do without: the SHA-256 of every file of a folder, by two threads.

``python -m tests.benchmarks.peers.hashing FOLDER...``
"""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor


def digest(path: str) -> str:
    """The SHA-256 of one file, read whole."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (as fast as it can be written)
        return hashlib.sha256(file.read()).hexdigest()


def main() -> None:
    """Hash them all, and print how many."""
    files = [entry.path for folder in sys.argv[1:] for entry in os.scandir(folder)]
    with ThreadPoolExecutor(2) as workers:
        print(len(list(workers.map(digest, files))))


if __name__ == "__main__":
    main()
