"""What was measured of the images and masks at hand, by diagnosis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ham_cli.findings import counted
from ham_cli.summary.page.charts import points
from ham_cli.summary.page.charts.bars import Bar, bars
from ham_cli.summary.page.charts.boxes import Box, boxes
from ham_cli.summary.page.charts.frame import colour
from ham_cli.summary.page.material import Drawing, Figure, Mark, Section, Table, bare, percent
from ham_cli.summary.pixels import CHANNELS, pooled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ham_cli.summary.page.given import Given, Measured, Row

_PLACES = (5, 25, 50, 75, 95)
_MIDDLE = 2
_HEADS = ("5th>", "25th>", "median>", "75th>", "95th>")
_BOXES = (Mark("box", "middle half, median"), Mark("line", "5th to 95th percentile"))
FEW = 10
"""Values below which each is drawn instead of a box: a percentile of them says nothing."""

_NAMED = 20
"""Images that a sentence names."""

_MORE = 3
"""Components from which on masks are counted together."""


def pixels(given: Given) -> Section:
    """Brightness, contrast and channels of the images."""
    found = given.pixels
    if not found.rows:
        lead = f"No image of the {given.noun} is in the cache. Brightness, contrast and channels stand here after ham fetch images."
        return Section("pixels", "Pixels", (lead,))
    by_class = _by_class(given, found.rows)
    return Section(
        "pixels",
        "Pixels",
        (_at_hand(found, given.noun), *_of_which(given)),
        figures=(
            _distribution("brightness", "Brightness", by_class, given.classes, ("0 is black, 1 is white.", "image")),
            _distribution("contrast", "Contrast", by_class, given.classes, ("The standard deviation of brightness in an image.", "image")),
            _channels(by_class, given.classes),
        ),
        tables=_pooled(given),
    )


def masks(given: Given) -> Section:
    """Area, border and components of the masks."""
    found = given.masks
    if found is None:
        lead = "Masks are measured with scipy, which is not installed here: python -m pip install scipy, and make the report again."
        return Section("masks", "Masks", (lead,))
    if not found.rows:
        lead = f"No mask of the {given.noun} is in the cache. Areas, borders and components stand here after ham fetch masks."
        return Section("masks", "Masks", (lead,))
    by_class = _by_class(given, found.rows)
    figures = (
        _distribution("share", "Area of the lesion", by_class, given.classes, ("The mask's share of the frame.", "mask")),
        _touching(by_class, given.classes),
        _components(found.rows),
    )
    empty = [row["image_id"] for row in found.rows if not row["area"]]
    full = [row["image_id"] for row in found.rows if row["area"] == row["width"] * row["height"]]
    notes = tuple(
        f"{counted(len(ids), 'mask')} {one if len(ids) == 1 else more}: {_named(ids)}."
        for ids, one, more in (
            (full, "covers the whole frame", "cover the whole frame"),
            (empty, "holds no lesion at all", "hold no lesion at all"),
        )
        if ids
    )
    return Section("masks", "Masks", (_at_hand(found, "masks of the " + given.noun),), figures=figures, notes=notes)


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")


def _at_hand(found: Measured, noun: str) -> str:
    wrong = len(found.wrong)
    whole = len(found.rows) + found.missing + wrong
    if len(found.rows) == whole:
        return f"Measured on all {whole} {noun}."
    absent = [f"{found.missing} {'is' if found.missing == 1 else 'are'} not in the cache"] if found.missing else []
    damaged = [f"{wrong} {'is' if wrong == 1 else 'are'} not what was fetched"] if wrong else []
    return f"Measured on {len(found.rows)} of {whole} {noun}: {' and '.join([*absent, *damaged])}."


def _of_which(given: Given) -> tuple[str, ...]:
    """A sentence on whose channels the last table has, where there is a split: with these numbers people normalise."""
    known = given.balance
    if known is None:
        return ()
    if given.learnt is not None:
        whole = _at_hand(given.learnt, "images of the train part").removeprefix("Measured on ")
        return (f"The charts are of {given.noun}, whatever their part; the table is of the train part alone, on {whole}",)
    if given.split and any(row["fold"] is not None for row in given.split.rows):
        asked = f"ham stats --pixels --split {known.name} --fold I --part train"
        return (f"These numbers include every fold. To normalise, take those of a train part: {asked} tells them.",)
    return (f"The split has no train part: the table, too, is of {given.noun}, whatever their part.",)


def _by_class(given: Given, rows: Sequence[Row]) -> dict[str, list[Row]]:
    dx = {row["image_id"]: row["dx"] for row in given.rows}
    found: dict[str, list[Row]] = {name: [] for name in given.classes}
    for row in rows:
        if row["image_id"] in dx:
            found[dx[row["image_id"]]].append(row)
    return {name: some for name, some in found.items() if some}


def _distribution(column: str, title: str, by_class: Mapping[str, Sequence[Row]], classes: Sequence[str], words: tuple[str, str]) -> Figure:
    """Where the values of each class lie; ``words`` are what the numbers mean, and what each of them is of."""
    meaning, thing = words
    places = {dx: tuple(float(p) for p in np.percentile([row[column] for row in rows], _PLACES)) for dx, rows in by_class.items()}
    each = {dx: tuple(float(row[column]) for row in rows) if len(rows) < FEW else () for dx, rows in by_class.items()}
    many = [dx for dx in places if not each[dx]]
    reading = meaning
    if len(many) > 1:
        low, high = (pick(many, key=lambda dx: places[dx][2]) for pick in (min, max))
        reading += f" Medians go from {places[low][2]:.2f} ({low}) to {places[high][2]:.2f} ({high})."
    drawn = [Box(dx, _five(places[dx]), colour(classes.index(dx)), f"n\u00a0{len(by_class[dx])}", each[dx]) for dx in places]
    table = Table(
        ("dx", f"{thing}s>", *_HEADS),
        tuple(
            (dx, len(by_class[dx]), *(f"{value:.3f}" if place == _MIDDLE or not each[dx] else None for place, value in enumerate(found)))
            for dx, found in places.items()
        ),
        f"{title.lower()}: percentiles" + (f" where there are {FEW} {thing}s or more" if any(each.values()) else ""),
    )
    few = f"each {thing}" + ("" if all(each.values()) else f", where there are fewer than {FEW}")
    marks = (*(() if all(each.values()) else _BOXES), *((Mark("each", few),) if any(each.values()) else ()))
    return Figure(f"{column}-by-class", title, reading, (Drawing(boxes(drawn)),), table, marks)


def _five(places: tuple[float, ...]) -> tuple[float, float, float, float, float]:
    a, b, c, d, e = places
    return a, b, c, d, e


def _channels(by_class: Mapping[str, Sequence[Row]], classes: Sequence[str]) -> Figure:
    """The mean of each channel."""
    means = {dx: {c: pooled(rows, c)[0] for c in CHANNELS} for dx, rows in by_class.items()}
    drawn = [
        points.Point(dx, means[dx][channel], channel[0].upper(), f"var(--{channel})", place)
        for dx in classes
        if dx in means
        for place, channel in enumerate(CHANNELS)
    ]
    values = [point.value for point in drawn]
    domain = (math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10)
    table = Table(
        ("dx", *(f"{channel}>" for channel in CHANNELS)),
        tuple((dx, *(f"{means[dx][channel]:.3f}" for channel in CHANNELS)) for dx in means),
        "mean of each channel over all pixels, 0 to 1",
    )
    marks = tuple(Mark(channel[0].upper(), channel, f"var(--{channel})") for channel in CHANNELS)
    reading = "Means over all pixels of a class, 0 to 1."
    return Figure("channels-by-class", "Red, green and blue", reading, (Drawing(points.letters(drawn, domain)),), table, marks)


def _pooled(given: Given) -> tuple[Table, ...]:
    """Means and deviations of the channels: of the train part of a split that has one; no table where no image of it is here."""
    learnt = given.learnt
    rows = given.pixels.rows if learnt is None else learnt.rows
    if not rows:
        return ()
    body: list[tuple[Any, ...]] = []
    for channel in CHANNELS:
        mean, deviation = pooled(rows, channel)
        single = sum(row[f"{channel}_sd"] for row in rows) / len(rows)
        body.append((channel, f"{mean:.4f}", f"{deviation:.4f}", f"{single:.4f}"))
    columns = ("channel", "mean>", "standard deviation>", "mean of the images' own deviations>")
    title = f"Channels of {'the train part' if learnt else given.noun}, 0 to 1, at native size, over all pixels"
    return (Table(columns, tuple(body), title),)


def _touching(by_class: Mapping[str, Sequence[Row]], classes: Sequence[str]) -> Figure:
    shares = {dx: (sum(1 for row in rows if row["touches"]), len(rows)) for dx, rows in by_class.items()}
    drawn = [Bar(dx, n / of, f"{percent(n, of)} ({n})", colour(classes.index(dx))) for dx, (n, of) in shares.items()]
    every = (sum(n for n, _ in shares.values()), sum(of for _, of in shares.values()))
    return Figure(
        "touching-by-class",
        "Lesions that reach the frame",
        f"{percent(*every)} of the masks touch the border of the picture: such a lesion is cut off, and its area too small.",
        (Drawing(bars(drawn, whole=1.0)),),
        Table(
            ("dx", "touching>", "masks>", "%>"),
            tuple((dx, n, of, bare(n, of)) for dx, (n, of) in shares.items()),
            "masks that touch the border",
        ),
        (Mark("full", "% of the class's masks (number)"),),
    )


def _components(rows: Sequence[Row]) -> Figure:
    counts: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row["components"]):
        n = row["components"]
        name = counted(n, "part") if n < _MORE else f"{_MORE} or more"
        counts[name] = counts.get(name, 0) + 1
    several = sum(1 for row in rows if row["components"] > 1)
    return Figure(
        "components",
        "Connected parts of a mask",
        f"{several} of {counted(len(rows), 'mask')} {'is' if several == 1 else 'are'} in several parts; "
        "pixels that meet at a corner are connected.",
        (Drawing(bars([Bar(name, n, f"{n} ({percent(n, len(rows))})") for name, n in counts.items()])),),
        Table(
            ("parts", "masks>", "%>"), tuple((name, n, bare(n, len(rows))) for name, n in counts.items()), "masks by their connected parts"
        ),
        (Mark("full", "masks (% of all)"),),
    )
