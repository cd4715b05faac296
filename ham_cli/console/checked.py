"""A checked split as a person reads it: what is on each side, what crosses, what leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.console.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ham_cli.splits.checking.report import Leak, Report, Side

ALL = "(all)"

_SHARES = 3
"""Sides, or pairs of them, up to which each has a column of per cent."""

_COLUMNS = 8
"""Sides up to which each has a column."""

_PAIRS = 6
"""Pairs of sides that are shown; of more only the worst, and what each side leaks against all others."""

_FEW = 3
"""Images that are named as examples."""


def tables(report: Report) -> list[Table]:
    """The tables of a report, in the order in which they are read."""
    found = [_sides(report), _classes(report)]
    if len(report.sides) == 1 or report.unknown or any(n for name, n in report.held.items() if name != "train"):
        found.append(_held(report))
    if len(report.leaks) > _PAIRS:
        found.append(_against("each side against all others", report.rest))
    found += [_pairs(report), _by_class(report), _findings(report)]
    return [table for table in found if table.rows]


def _sides(report: Report) -> Table:
    rows = [
        (
            side.name,
            side.images,
            side.lesions,
            side.unknown,
            side.deviation and f"{side.deviation[0]} {round(side.deviation[1], 1) + 0.0:+.1f}",
            ", ".join(side.absent),
        )
        for side in report.sides
    ]
    columns = ("side", "images>", "lesions>", "unknown>", "most off", "without")
    long = ("side", "images", "lesions", "unknown", "class whose share is most off, percentage points", "classes without an image")
    return Table("", columns, rows, long=long)


def _classes(report: Report) -> Table:
    """Images of each class, by side."""
    sides = [side for side in report.sides if side.known]
    if not sides:
        return Table("", (), [])
    names = list(sides[0].dx)
    if len(sides) > _COLUMNS:
        rows = [(dx, sum(c), min(c), max(c)) for dx in names if (c := [side.dx[dx].images for side in sides])]
        return Table("images by class", ("dx", "images>", "fewest on a side>", "most>"), rows)
    shares = len(sides) <= _SHARES
    heads = [head for side in sides for head in ((f"{side.name}>", "%>") if shares else (f"{side.name}>",))]
    long = [head for side in sides for head in ((side.name, f"% of {side.name}") if shares else (side.name,))]
    totals = [sum(kind.images for kind in side.dx.values()) for side in sides]
    cells = [(dx, *_counts([side.dx[dx].images for side in sides], totals, shares=shares)) for dx in names]
    cells.append((ALL, *_counts(totals, totals, shares=shares)))
    return Table("images by class", ("dx", *heads), cells, long=("dx", *long))


def _counts(counts: Sequence[int], totals: Sequence[int], *, shares: bool) -> list[object]:
    return [cell for n, of in zip(counts, totals, strict=True) for cell in ((n, _percent(n, of)) if shares else (n,))]


def _held(report: Report) -> Table:
    """How much of the record is on each side, by published partition."""
    sides: list[Side] = list(report.sides) if 1 < len(report.sides) <= _COLUMNS // 2 else []
    rows = [
        (name, of, report.held[name] if of is not None else "not known here", *(side.held[name] for side in sides))
        for name, of in report.partitions.items()
    ]
    rows.append(("(other)", None, len(report.unknown), *(side.unknown for side in sides)))
    return Table("of this record", ("partition", "published>", "here>", *(f"{side.name}>" for side in sides)), rows)


def _pairs(report: Report) -> Table:
    """What two sides share; of many pairs the worst."""
    shared = {pair.sides: pair for pair in report.pairs} | {pair.sides[::-1]: pair for pair in report.pairs}
    worst = sorted(report.leaks, key=lambda leak: -leak.share) if len(report.leaks) > _PAIRS else report.leaks
    rows = []
    for leak in worst[:_PAIRS]:
        pair = shared[leak.side, str(leak.against)]
        counts = (pair.images, pair.identical, pair.lesions, pair.duplicates)
        rows.append((leak.side, leak.against, *counts, leak.images, _percent(leak.images, leak.of)))
    rest = f", the worst of {len(report.leaks)}" if len(rows) < len(report.leaks) else ""
    columns = ("evaluated", "against", "images>", "bytes>", "lesions>", "pairs>", "leaking>", "%>")
    long = (
        *("evaluated", "against", "images on both", "identical bytes on both", "lesions on both", "known duplicates across"),
        *("images that leak", "% of the evaluated"),
    )
    return Table(f"on both sides{rest} (pairs: joined by known duplicate pairs only)", columns, rows, long=long)


def _against(title: str, leaks: Iterable[Leak]) -> Table:
    rows = [(leak.side, leak.of, leak.images, _percent(leak.images, leak.of)) for leak in leaks]
    return Table(title, ("side", "images>", "leaking>", "%>"), rows)


def _by_class(report: Report) -> Table:
    """Which images leak, by class; of many pairs all evaluating sides in one."""
    if not report.leaking:
        return Table("", (), [])
    if len(report.leaks) > _SHARES:
        columns = [("all evaluated sides", report.rest)]
    else:
        columns = [(f"{leak.side}/{leak.against}", (leak,)) for leak in report.leaks]
    names = sorted({dx for leak in report.leaks for dx in leak.dx})
    rows = [(dx, *_leaking([leaks for _, leaks in columns], dx)) for dx in names]
    rows.append((ALL, *(cell for _, leaks in columns for cell in _summed([(leak.images, leak.of) for leak in leaks]))))
    heads = [head for name, _ in columns for head in (f"{name}>", "%>")]
    long = [head for name, _ in columns for head in (name, f"% of {name.partition('/')[0]}")]
    return Table("leaking images by class", ("dx", *heads), rows, long=("dx", *long))


def _leaking(columns: Sequence[Iterable[Leak]], dx: str) -> list[object]:
    return [cell for leaks in columns for cell in _summed([leak.dx.get(dx, (0, 0)) for leak in leaks])]


def _summed(counts: Sequence[tuple[int, int]]) -> tuple[object, object]:
    images, of = sum(n for n, _ in counts), sum(n for _, n in counts)
    return images, _percent(images, of)


def _findings(report: Report) -> Table:
    repeated = sorted({key for keys in report.repeated.values() for key in keys})
    identical = [" = ".join(images) for images in report.identical]
    kinds = [
        ("on several sides", list(report.several)),
        ("same bytes on several sides", identical),
        ("more than once on a side", repeated),
        ("unknown", report.unknown),
        ("training images on no side", report.missing),
    ]
    rows = [(name, len(some), ", ".join(some[:_FEW]) + (", ..." if len(some) > _FEW else "")) for name, some in kinds]
    return Table("", ("images", "count>", "such as"), rows)


def _percent(images: int, of: int) -> str | None:
    return f"{100 * images / of:.1f}" if of else None
