"""What a split cannot promise, and how sure a result on it can be."""

from __future__ import annotations

import math

PATIENTS = "Patients are not identified in this record, so patient overlap cannot be excluded."

RECALL = 0.75
"""The recall at which its uncertainty is told."""

THIN = 30
"""Lesions below which a class is thin: a recall on them is uncertain by more than 0.15."""

HARDLY = 5
"""Lesions below which an interval by the normal distribution is none."""

_NORMAL = 1.96
"""Standard deviations on either side that hold 95 % of a normal distribution."""


def half_width(lesions: int) -> float:
    """Half of the 95 % interval of a recall of `RECALL` that is measured on so many lesions, at least one; normal approximation."""
    return _NORMAL * math.sqrt(RECALL * (1 - RECALL) / lesions)
