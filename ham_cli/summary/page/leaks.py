"""The leak check of a split: what crosses between its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.summary.page.charts.bars import Bar, bars
from ham_cli.summary.page.charts.frame import colour
from ham_cli.summary.page.material import Drawing, Figure, Mark, Section, Table, bare, percent

if TYPE_CHECKING:
    from ham_cli.summary.page.given import Checked, Given

_TITLE = "Leak check"


def leaks(given: Given) -> Section:
    """The section."""
    found = given.checked
    if found is None:
        lead = (
            "No split was named: with --split NAME, or a file, it stands here whether lesions lie on two sides of it, "
            "and which classes leak."
        )
        return Section("leaks", _TITLE, (lead,))
    if isinstance(found, str):
        return Section("leaks", _TITLE, (f"The split could not be checked: {found}.",))
    meaning = (
        "An image leaks where the same image, the same bytes, the same lesion or a known duplicate lies on the other side. "
        "Pairs are those joined by known duplicates only."
    )
    return Section(
        "leaks",
        _TITLE,
        (found.verdict, meaning),
        figures=(_by_class(given, found),) if found.leaking else (),
        tables=(_crossings(found),),
        notes=found.remarks,
        verdict="bad" if found.leaking else "good" if found.crossings else None,
    )


def _crossings(found: Checked) -> Table:
    columns = (
        "evaluated",
        "against",
        "images on both>",
        "same bytes>",
        "lesions on both>",
        "pairs across>",
        "leaking images>",
        "of>",
        "%>",
    )
    body = tuple(
        (c.evaluated, c.against, c.images, c.identical, c.lesions, c.duplicates, c.leaking, c.of, bare(c.leaking, c.of))
        for c in found.crossings
    )
    title = "What two sides share"
    if len(body) < found.pairs:
        title += f": the worst {len(body)} of {found.pairs} pairs"
    return Table(columns, body, title)


def _by_class(given: Given, found: Checked) -> Figure:
    names = [dx for dx in given.classes if found.classes.get(dx, (0, 0))[1]]
    shares = {dx: found.classes[dx] for dx in names}
    worst = max(names, key=lambda dx: shares[dx][0] / shares[dx][1])
    return Figure(
        "leaks-by-class",
        f"Leaking images of {found.title}",
        f"Of {worst} {percent(*shares[worst])} leak: results on them are too good.",
        (
            Drawing(
                bars(
                    [Bar(dx, n / of, f"{percent(n, of)} ({n})", colour(given.classes.index(dx))) for dx, (n, of) in shares.items()],
                    whole=1.0,
                )
            ),
        ),
        Table(
            ("dx", "leaking>", "images>", "%>"),
            tuple((dx, n, of, bare(n, of)) for dx, (n, of) in shares.items()),
            "leaking images by diagnosis",
        ),
        (Mark("full", "% of the class's images (number)"),),
    )
