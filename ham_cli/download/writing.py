"""Chunks of bytes into their place in a file that several workers write."""

from __future__ import annotations

import os
import threading

_SEEKING = threading.Lock()


def write_at(descriptor: int, chunks: list[bytes], offset: int) -> int:
    """Write chunks one behind the other from an offset; the offset behind them."""
    data = chunks
    while data:
        if hasattr(os, "pwritev"):
            written = os.pwritev(descriptor, data, offset)
        else:
            with _SEEKING:
                os.lseek(descriptor, offset, os.SEEK_SET)
                written = os.write(descriptor, b"".join(data))
        offset += written
        data = _rest(data, written)
    return offset


def _rest(chunks: list[bytes], written: int) -> list[bytes]:
    """What is left of chunks of which so many bytes were written: mostly nothing."""
    for number, chunk in enumerate(chunks):
        if written < len(chunk):
            return [chunk[written:], *chunks[number + 1 :]]
        written -= len(chunk)
    return []
