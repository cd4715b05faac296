"""The parts of a split, or the published partitions: how large they are, and how alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ham_cli.findings import counted
from ham_cli.summary.counts import TABLES, Tally, counted_rows, in_order, part_of, parts_of
from ham_cli.summary.page.charts import points
from ham_cli.summary.page.charts.bars import Bar, bars
from ham_cli.summary.page.charts.heat import heat
from ham_cli.summary.page.given import tally, whole
from ham_cli.summary.page.material import Drawing, Figure, Mark, Section, Table, Term, bare, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ham_cli.summary.page.given import Balance, Given, Row
    from ham_cli.summary.page.material import Cell

_FEW = 3
"""Parts up to which each has its own shape, and columns of its own in tables."""

_MOST_COLUMNS = 7
"""Parts up to which a chart has a column each."""

_SEEN = 0.1
"""Percentage points below which parts are called alike."""

_FAR = 0.15
"""The distance that is as dark as a cell becomes."""


def balance(given: Given) -> Section:
    """The section; without a split it is about the published partitions."""
    dataset = given.split or given.dataset
    column = parts_of(dataset)
    rows = [row | {"part": part_of(row, column)} for row in counted_rows(dataset)]
    parts = sorted({row["part"] for row in rows}, key=lambda part: in_order((part,)))
    known = given.balance
    figures = (_sizes(rows, parts), _shares(given, rows, parts), _distances(rows, parts))
    tables = _tables(given.classes, rows, parts, known)
    if known is None:
        lead = "No split was named (--split), so these are the published partitions. They are counted side by side, and are not alike."
        return Section("split", "Published partitions", (lead,), figures=figures, tables=tables)
    notes = (*_lacking(given, rows, parts), *known.thin)
    return Section("split", "Balance of the split", terms=tuple(_terms(given, known)), figures=figures, tables=tables, notes=notes)


def _terms(given: Given, known: Balance) -> list[Term]:
    terms = [Term("Split", known.name)]
    joined = given.split.joined if given.split else None
    terms += [Term(name.capitalize(), known.labels[name]) for name in ("algorithm", "recipe", "seed") if known.labels.get(name)]
    return [*terms, Term("Digest", joined.digest)] if joined else terms


def _sizes(rows: Sequence[Row], parts: Sequence[str]) -> Figure:
    counts = tally(rows, "part")
    drawn = [
        Bar(
            p,
            counts[p].images,
            f"{counts[p].images} ({percent(counts[p].images, len(rows))})",
            _colour(p),
            counts[p].lesions,
            str(counts[p].lesions),
        )
        for p in parts
    ]
    table = Table(
        ("part", "images>", "%>", "lesions>"),
        tuple((p, counts[p].images, bare(counts[p].images, len(rows)), counts[p].lesions) for p in parts),
        "images and lesions of each part",
    )
    nameless = [p for p in parts if counts[p].lesions is None]
    reading = f"{counted(len(rows), 'image')} in {counted(len(parts), 'part')}." + (
        f" Of {', '.join(nameless)} no lesion ids are published." if nameless else ""
    )
    return Figure(
        "part-sizes",
        "Size of the parts",
        reading,
        (Drawing(bars(drawn)),),
        table,
        (Mark("full", "images (% of all)"), Mark("pale", "lesions")),
    )


def _shares(given: Given, rows: Sequence[Row], parts: Sequence[str]) -> Figure:
    """How frequent each class is within each part."""
    counts, totals = tally(rows, "dx", "part"), tally(rows, "part")
    share = {key: 100 * count.images / totals[key[1]].images for key, count in counts.items()}
    classes = [dx for dx in given.classes if any((dx, part) in counts for part in parts)]
    drawn = [points.Point(dx, share[dx, part], _shape(part), _colour(part)) for dx in classes for part in parts if (dx, part) in share]
    spread = {dx: max(found) - min(found) for dx in classes if (found := [share.get((dx, part), 0.0) for part in parts])}
    widest = max(spread, key=spread.__getitem__)
    apart = spread[widest]
    furthest = (
        f"furthest apart is {widest}, by {apart:.1f} percentage points" if apart >= _SEEN else "here all are, within 0.1 percentage points"
    )
    reading = f"Where the marks of a row lie on each other, the parts are alike; {furthest}."
    table = Table(
        ("dx", *(f"{part}, %>" for part in parts)),
        tuple((dx, *(bare(counts.get((dx, part), Tally()).images, totals[part].images) for part in parts)) for dx in classes),
        "share of each class in the images of a part",
    )
    marks = {(_shape(part), _colour(part)): "a fold" if part.startswith("fold ") else part for part in parts}
    keys = tuple(Mark(shape, words, colour) for (shape, colour), words in marks.items())
    return Figure("part-classes", "Share of each class, by part", reading, (Drawing(points.shares(drawn)),), table, keys)


def _distances(rows: Sequence[Row], parts: Sequence[str]) -> Figure:
    """How far a part is from the whole in each column; nothing where a column is blank in a part or in all others."""
    far = {name: _far(rows, parts, name) for name in TABLES}
    worst = {name: max((far.off for far in far[name].values()), default=None) for name in TABLES}
    shown = parts if len(parts) <= _MOST_COLUMNS else ["largest"]
    values = {(name, part): worst[name] if part == "largest" else _off(far[name].get(part)) for name in TABLES for part in shown}
    cells = {key: ("\u2013", 0.0) if value is None else (f"{100 * value:.1f}", value / _FAR) for key, value in values.items()}
    table = Table(
        ("column", *(f"{part}>" for part in parts)),
        tuple((name, *(f"{100 * far[name][p].off:.2f}" if p in far[name] else None for p in parts)) for name in TABLES),
        "total variation distance from all images, %; a blank counts as a value",
    )
    reading = "The share of a part's images that would have to be others for it to be like the whole."
    reading += _furthest({(name, part): one for name, found in far.items() for part, one in found.items()})
    marks = (Mark("heat", "%; stronger: further off"),)
    return Figure(
        "part-distances", "How far the parts are from the whole, %", reading, (Drawing(heat(TABLES, shown, cells)),), table, marks
    )


class Far(NamedTuple):
    """How far a part is from the whole in one column."""

    off: float
    """The total variation distance, 0 to 1."""
    chance: float
    """What it would be on average, had chance drawn as many lesions (images, where they are not known)."""


def _off(far: Far | None) -> float | None:
    return None if far is None else far.off


def _far(rows: Sequence[Row], parts: Sequence[str], column: str) -> Mapping[str, Far]:
    """Part to its distance from all parts that have the column."""
    having = {row["part"] for row in rows if row[column] is not None}
    some = [row for row in rows if row["part"] in having]
    if len(having) < 2:  # noqa: PLR2004  (a comparison takes two)
        return {}
    values, all_of, sizes, counts = tally(some, column), whole(some), tally(some, "part"), tally(some, column, "part")
    found = {}
    for part in (part for part in parts if part in having):
        size = sizes[part]
        apart = sum(abs(counts.get((v, part), Tally()).images / size.images - n.images / all_of.images) for v, n in values.items())
        drawn, of = (size.lesions, all_of.lesions) if size.lesions and all_of.lesions else (size.images, all_of.images)
        # The mean distance of a share from its expectation is sqrt(2 / pi) of its standard deviation; a draw without putting back.
        spread = sum(math.sqrt(p * (1 - p) * max(1 / drawn - 1 / of, 0)) for n in values.values() for p in (n.images / all_of.images,))
        found[part] = Far(apart / 2, spread * math.sqrt(2 / math.pi) / 2)
    return found


def _furthest(found: Mapping[tuple[str, str], Far]) -> str:
    """A sentence on what is furthest off, held against what chance does anyway; empty where nothing is told."""
    known = {key: far for key, far in found.items() if far.chance}
    if not known:
        return ""
    name, part = max(known, key=lambda key: known[key].off / known[key].chance)
    off, chance = known[name, part]
    if off <= chance:
        return " No part is further off than a draw of lesions by chance would be."
    return f" Furthest beyond chance is {name} of {part}: {100 * off:.1f} %, where lesions drawn by chance are off by {100 * chance:.1f} %."


def _tables(classes: Sequence[str], rows: Sequence[Row], parts: Sequence[str], known: Balance | None) -> tuple[Table, ...]:
    """Images and lesions of each class and part: of few parts side by side, with how many images are too many."""
    counts, all_of = tally(rows, "dx", "part"), tally(rows, "part")
    here = [dx for dx in classes if any((dx, part) in counts for part in parts)]
    lines = [*((dx, [counts.get((dx, part), Tally()) for part in parts]) for dx in here), ("(all)", [all_of[part] for part in parts])]
    if len(parts) > _FEW:
        heads = ("dx", *(f"{part}>" for part in parts))
        return (
            Table(heads, tuple((dx, *(count.images for count in some)) for dx, some in lines), "Images of each class and part"),
            Table(heads, tuple((dx, *(count.lesions for count in some)) for dx, some in lines), "Lesions of each class and part"),
        )
    off = known.off if known else {}

    def cells(count: Tally, dx: str, part: str) -> list[Cell]:
        signed = off.get((dx, part.removeprefix("fold ")))
        return [
            count.images,
            *([None if signed is None else (f"{signed:+.1f}" if round(abs(signed), 1) else "0.0")] if off else []),
            count.lesions,
        ]

    body = tuple(
        (dx, *(cell for part, count in zip(parts, some, strict=True) for cell in cells(count, "" if dx == "(all)" else dx, part)))
        for dx, some in lines
    )
    named = tuple(head for part in parts for head in (f"{part}>", *(["off>"] if off else []), "lesions>"))
    title = "Images and lesions of each class and part" + ("; off: images more than its share" if off else "")
    return (Table(("dx", *named), body, title),)


def _lacking(given: Given, rows: Sequence[Row], parts: Sequence[str]) -> list[str]:
    counts = tally(rows, "dx", "part")
    lacking = {part: [dx for dx in given.classes if (dx, part) not in counts] for part in parts}
    return [f"{part} has no image of {', '.join(some)}." for part, some in lacking.items() if some]


def _shape(part: str) -> str:
    return dict(zip(("train", "validation", "test"), points.SHAPES, strict=False)).get(part, points.SHAPES[-1])


def _colour(part: str) -> str:
    return f"var(--{part})" if part in {"train", "validation", "test"} else "var(--fold)"
