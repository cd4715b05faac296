"""Samples dealt out to files of so many each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.exporters.parcel import Sample


def dealt(samples: Sequence[Sample], size: int) -> list[tuple[Sample, ...]]:
    """The samples in their order, in as few files as have at most ``size`` each, as even as can be; the larger ones first."""
    count = -(-len(samples) // size)
    each, more = divmod(len(samples), count) if count else (0, 0)
    bounds = [number * each + min(number, more) for number in range(count + 1)]
    return [tuple(samples[start:end]) for start, end in itertools.pairwise(bounds)]
