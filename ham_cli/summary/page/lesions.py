"""How many images a lesion has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.findings import counted
from ham_cli.summary.page.charts.bars import Bar, bars
from ham_cli.summary.page.charts.frame import colour
from ham_cli.summary.page.given import tally
from ham_cli.summary.page.material import Drawing, Figure, Mark, Section, Table, Term, bare, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.summary.page.given import Given, Row


def lesions(given: Given) -> Section:
    """Images of a lesion, and how many images are further ones of a lesion already there."""
    rows = [row for row in given.rows if row["lesion_id"] is not None]
    if not rows:
        return Section("lesions", "Images of a lesion", ("No lesion ids are published for these images.",))
    return Section(
        "lesions",
        "Images of a lesion",
        terms=tuple(_terms(rows, given)),
        terms_title="In numbers",
        figures=(_per_lesion(rows), _further(rows, given.classes)),
    )


def _per_lesion(rows: Sequence[Row]) -> Figure:
    of = [count.images for count in tally(rows, "lesion_id").values()]
    numbers = {n: of.count(n) for n in range(1, max(of) + 1)}
    several = len(of) - numbers[1]
    return Figure(
        "images-per-lesion",
        "Lesions by their number of images",
        f"{several} of {counted(len(of), 'lesion')} {'has' if several == 1 else 'have'} more than one image.",
        (Drawing(bars([Bar(counted(n, "image"), c, f"{c} ({percent(c, len(of))})") for n, c in numbers.items()])),),
        Table(
            ("images of a lesion", "lesions>", "images>"), tuple((str(n), c, n * c) for n, c in numbers.items()), "lesions by their images"
        ),
        (Mark("full", "lesions (% of all)"),),
    )


def _further(rows: Sequence[Row], classes: Sequence[str]) -> Figure:
    counts = tally(rows, "dx")
    shares = {dx: (counts[dx].images - (counts[dx].lesions or 0), counts[dx].images) for dx in classes if dx in counts}
    most = max(shares, key=lambda dx: shares[dx][0] / shares[dx][1])
    drawn = [Bar(dx, n / of, f"{percent(n, of)} ({n})", colour(classes.index(dx))) for dx, (n, of) in shares.items()]
    return Figure(
        "further-images",
        "Further images of a lesion already there",
        f"Of {most}, {percent(*shares[most])} are further ones: a split by image puts many of them beside their own lesion.",
        (Drawing(bars(drawn, whole=1.0)),),
        Table(
            ("dx", "further images>", "images>", "%>"), tuple((dx, n, of, bare(n, of)) for dx, (n, of) in shares.items()), "by diagnosis"
        ),
        (Mark("full", "% of the class's images (number)"),),
    )


def _terms(rows: Sequence[Row], given: Given) -> list[Term]:
    some, pairs = len({row["lesion_id"] for row in rows}), len(given.dataset.record.duplicate_pairs)
    terms = [
        Term("Images", f"{len(rows)} of {counted(some, 'lesion')}"),
        Term("Further images", f"{len(rows) - some}, {percent(len(rows) - some, len(rows))} of all"),
    ]
    if pairs:
        groups = len({row["group"] for row in rows})
        terms += [
            Term("Known duplicates", f"{counted(pairs, 'pair')} of images that show one lesion under two ids"),
            Term("Groups", f"{groups}, these joined: what ham split keeps together"),
        ]
    return terms
