"""Where most values of each class lie: the middle, the middle half, nine tenths; of few, each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli.summary.page.charts.frame import SMALL, SOFT, Margins, Spec, as_is, chart, labels, numbers, room, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS = (0.02, 0.05, 0.1, 0.2)
"""Between two ticks."""

_TICKS = 5
"""Steps that have room."""

_ROW = 28
"""Pixels from row to row."""


@dataclass(frozen=True)
class Box:
    """The values of one class."""

    label: str
    places: tuple[float, float, float, float, float]
    """Below which 5, 25, 50, 75 and 95 of a hundred values lie."""
    colour: str
    text: str
    """What stands at the end of the row."""
    each: tuple[float, ...] = ()
    """All values, where they are too few for a box: they are drawn instead."""


def boxes(rows: Sequence[Box]) -> Spec:
    """The chart; values are 0 to 1, and the scale ends where they do."""
    values = [
        {"label": row.label, "colour": row.colour, "text": row.text}
        | ({"each": [rounded(value) for value in row.each]} if row.each else _places(row.places))
        for row in rows
    ]
    ticks = _ticks([value for row in rows for value in row.each or row.places])
    # In the order given: each layer has but some of the rows.
    down = labels(scale={"paddingInner": 0.45, "paddingOuter": 0.2, "domain": [row.label for row in rows]})
    across = numbers("p5", (ticks[0], ticks[-1]), {"format": ".2~f", "values": ticks})
    fill = {"fill": as_is("colour")}
    many, few = ([{"filter": f"{sign}isValid(datum.each)"}] for sign in "! ")
    layers: list[Spec] = [
        {
            "transform": many,
            "mark": {"type": "rule", "strokeWidth": 1.5},
            "encoding": {"y": down, "x": across, "x2": {"field": "p95"}, "stroke": as_is("colour")},
        },
        {
            "transform": many,
            "mark": {"type": "bar"},
            "encoding": {"y": down, "x": across | {"field": "p25"}, "x2": {"field": "p75"}, **fill},
        },
        {
            "transform": many,
            "mark": {"type": "tick", "thickness": 3, "color": "var(--paper)", "bandSize": 16},
            "encoding": {"y": down, "x": across | {"field": "p50"}},
        },
        {
            "transform": [*few, {"flatten": ["each"]}],
            "mark": {"type": "tick", "thickness": 2, "bandSize": 14},
            "encoding": {"y": down, "x": across | {"field": "each"}, **fill},
        },
        {
            "mark": {"type": "text", "align": "left", "fontSize": SMALL, "fill": SOFT, "x": {"expr": "width + 8"}},
            "encoding": {"y": down, "text": {"field": "text"}},
        },
    ]
    margins = Margins(room(row.label for row in rows), room((row.text for row in rows), SMALL) + 4, bottom=22)
    return chart(values, layers, len(rows) * _ROW, margins)


def _places(places: tuple[float, ...]) -> Spec:
    return {name: rounded(value) for name, value in zip(("p5", "p25", "p50", "p75", "p95"), places, strict=True)}


def _ticks(values: Sequence[float]) -> list[float]:
    """A few round numbers, the first one not above the least value, the last one not below the largest."""
    low, high = min(values), max(values)
    step = next(step for step in _STEPS if (high - low) / step <= _TICKS or step == _STEPS[-1])
    first, last = math.floor(low / step), math.ceil(high / step)
    return [rounded(place * step) for place in range(first, max(last, first + 1) + 1)]
