"""The download alone, as a program: ``python -m tests.benchmarks.alone URL TARGET BYTES MD5``."""

from __future__ import annotations

import sys
from pathlib import Path

from ham_cli import http
from ham_cli.download import Address, Download, Order, Wire


def main() -> None:
    """Download one file over four connections, and verify it."""
    url, target, size, md5 = sys.argv[1:]
    waits = http.Waits()
    order = Order(Path(target).name, Path(target), lambda _: Address(url), int(size), md5)
    with http.client(waits, 4) as client:
        for _ in Download(order, Wire(client, waits), 4).run():
            pass


if __name__ == "__main__":
    main()
