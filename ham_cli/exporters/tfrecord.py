"""TFRecord files of ``tf.train.Example`` messages, written without TensorFlow: always the same bytes for the same values."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ham_cli import extras

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Bytes = bytes | memoryview
"""Bytes to be written; where only their number is known, any as many stand for them."""

Value = Bytes | int | float
"""A feature's one value, and its kind: bytes, a 64-bit integer (``bool`` too) or a 32-bit float."""

_BYTES, _FLOAT, _INTEGER = 1, 2, 3
"""The fields of ``tf.train.Feature``: which kind of list it is."""

_MASK = 0xA282EAD8
"""Added to a turned checksum, so that one of data which holds checksums is none of them (TensorFlow, ``lib/hash/crc32c.h``)."""


def example(features: Mapping[str, Value]) -> list[Bytes]:
    """A ``tf.train.Example`` in pieces, its features in the order of their names."""
    entries = [_within(1, [*_within(1, [name.encode()]), *_within(2, _feature(features[name]))]) for name in sorted(features)]
    return _within(1, [piece for entry in entries for piece in entry])


def size(features: Mapping[str, Value]) -> int:
    """The bytes that such an example has."""
    return sum(map(len, example(features)))


def record(pieces: Sequence[Bytes]) -> bytes:
    """One record of a TFRecord file: its length and its data, each with its masked CRC-32C."""
    data = b"".join(pieces)
    length = struct.pack("<Q", len(data))
    return b"".join((length, _checksum(length), data, _checksum(data)))


def require() -> None:
    """Raise `extras.NotInstalledError` where what takes the checksums is not installed."""
    with extras.needed("tfds", "a TFRecord file"):
        import google_crc32c  # noqa: F401


def _checksum(data: bytes) -> bytes:
    import google_crc32c

    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def _feature(value: Value) -> list[Bytes]:
    """A ``tf.train.Feature`` of one value; numbers are packed."""
    if isinstance(value, float):
        return _within(_FLOAT, _within(1, [struct.pack("<f", value)]))
    if isinstance(value, int):
        return _within(_INTEGER, _within(1, [_varint(value & (1 << 64) - 1)]))
    return _within(_BYTES, _within(1, [value]))


def _within(number: int, pieces: Sequence[Bytes]) -> list[Bytes]:
    """A field of a message that has its length before it: bytes, a message, or packed numbers."""
    return [bytes([number << 3 | 2]) + _varint(sum(map(len, pieces))), *pieces]


def _varint(value: int) -> bytes:
    """A number in as few groups of seven bits as it needs, the lowest first."""
    if value < len(_SHORT):
        return _SHORT[value]
    groups = bytearray()
    while value >> 7:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


_SHORT = [bytes([value]) for value in range(1 << 7)]
"""Most numbers are one group."""
