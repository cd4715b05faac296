"""Two columns crossed, as a figure: each row's shares of the classes, or of other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.summary.counts import Tally
from ham_cli.summary.page.charts.heat import heat
from ham_cli.summary.page.given import tally, word
from ham_cli.summary.page.material import Drawing, Figure, Mark, Table, bare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.summary.page.given import Row


def crossed(  # noqa: PLR0913  (two columns, each with its name and values, and the figure's own words)
    rows: Sequence[Row],
    down: str,
    downs: Sequence[str | None],
    across: str,
    acrosses: Sequence[str | None],
    *,
    key: str,
    words: tuple[str, str],
) -> Figure:
    """Images by two columns; a cell is as dark as its share of the row. ``words`` are title and reading."""
    counts = tally(rows, down, across)
    totals = tally(rows, down)
    cells = {
        (word(a), word(b)): (str(counts[a, b].images), counts[a, b].images / totals[a].images)
        for a in downs
        for b in acrosses
        if (a, b) in counts
    }
    table = Table(
        (down, *(head for b in acrosses for head in (f"{word(b)}>", "%>")), "(all)>"),
        tuple(
            (
                word(a),
                *(cell for b in acrosses for cell in _counted(counts.get((a, b), Tally()).images, totals[a].images)),
                totals[a].images,
            )
            for a in downs
        ),
        f"images by {down} and {across}; % of the row",
    )
    return Figure(
        key,
        words[0],
        words[1],
        (Drawing(heat([word(a) for a in downs], [word(b) for b in acrosses], cells)),),
        table,
        (Mark("heat", "images; stronger: a larger share of the row"),),
    )


def _counted(images: int, of: int) -> tuple[int, str | None]:
    return images, bare(images, of)
