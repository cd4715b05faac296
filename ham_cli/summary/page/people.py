"""Ages and sexes of those whose lesions are shown."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from ham_cli.summary.counts import tally
from ham_cli.summary.page.charts.pyramid import STEP, pyramid
from ham_cli.summary.page.given import word
from ham_cli.summary.page.material import Drawing, Figure, Mark, Section, Table, bare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.summary.page.given import Given, Row

_SEXES = ("female", "male")
_MARKS = (Mark("full", "female, to the left", "var(--female)"), Mark("full", "male, to the right", "var(--male)"))
_BLANK, _ZERO = "(blank)", "0"

_FEW = 8
"""Ages below which there are no quartiles."""


def people(given: Given) -> Section:
    """Lesions by age and sex, in all and by diagnosis."""
    rows = _once(given.rows)
    by_lesion = all(row["lesion_id"] is not None for row in rows)
    lead = "Each lesion counts once, with the age and sex of its first image. The record does not tell whose lesions are one person's."
    aged = [row for row in rows if row["age"]]
    oldest = max((_first_year(row) for row in aged), default=0)
    unit = "lesions" if by_lesion else "images"
    return Section(
        "people",
        "Ages and sexes",
        (lead if by_lesion else "Images are counted, as not all of them have a lesion id.",),
        figures=(_overall(rows, aged, oldest, unit), _by_class(given.classes, aged, oldest, unit)),
    )


def _once(rows: Sequence[Row]) -> list[Row]:
    """A row a lesion, that of its first image; images without lesion all stay."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["lesion_id"] or row["image_id"], row)
    return list(first.values())


def _first_year(row: Row) -> int:
    return int(row["age"] // STEP) * STEP


def _years(first: int, *, exact: bool) -> str:
    """What a bar is of; that of the youngest is without those of age 0, who stand apart."""
    return str(first) if exact else f"{max(first, 1)}\u2013{first + STEP - 1}"


def _told(row: Row, *, exact: bool) -> str:
    if row["age"]:
        return _years(_first_year(row), exact=exact)
    return _BLANK if row["age"] is None else _ZERO


def _halves(rows: Sequence[Row]) -> dict[tuple[str, int], int]:
    """How many of each sex each bar stands for."""
    return {key: count.images for key, count in tally(rows, lambda row: (row["sex"], _first_year(row))).items() if key[0] in _SEXES}


def _overall(rows: Sequence[Row], aged: Sequence[Row], oldest: int, unit: str) -> Figure:
    others = sorted({word(row["sex"]) for row in rows} - set(_SEXES))
    columns = (*_SEXES, *others)
    # As the published ages are: a bar of five years is then of one age.
    exact = all(row["age"] % STEP == 0 for row in aged)
    counts = tally(rows, lambda row: (word(row["sex"]), _told(row, exact=exact)))
    labels = (_BLANK, _ZERO, *(_years(first, exact=exact) for first in range(STEP * exact, oldest + STEP, STEP)))
    cells = {label: [counts[sex, label].images if (sex, label) in counts else 0 for sex in columns] for label in labels}
    table = Table(
        ("age", *(f"{name}>" for name in columns), "(all)>"),
        tuple((label, *cells[label], sum(cells[label])) for label in labels),
        f"{unit} by age in years and sex",
    )
    middle = f"The median age is {median(row['age'] for row in aged):g}. " if aged else ""
    middle += f"Ages are given in steps of {STEP} years. " if exact and aged else ""
    sexless = sum(1 for row in aged if row["sex"] not in _SEXES)
    reading = (
        f"{middle}Not drawn: {sum(cells[_BLANK])} without an age, {sum(cells[_ZERO])} of age 0, which are placeholders or infants "
        f"(it is not documented), and {sexless} others without a sex."
    )
    return Figure("ages", "Age and sex", reading, (Drawing(pyramid(_halves(aged), oldest)),), table)


def _by_class(classes: Sequence[str], aged: Sequence[Row], oldest: int, unit: str) -> Figure:
    drawings, rows, middles = [], [], {}
    for dx in classes:
        mine = [row for row in aged if row["dx"] == dx]
        ages = [row["age"] for row in mine]
        if not ages:
            continue
        middles[dx] = median(ages)
        women, men = (sum(1 for row in mine if row["sex"] == sex) for sex in _SEXES)
        drawings.append(Drawing(pyramid(_halves(mine), oldest, small=True), f"{dx}, {len(mine)}"))
        # Linear between ranks, as everywhere here; of few a quarter is nobody.
        low, _, high = quantiles(ages, n=4, method="inclusive") if len(ages) >= _FEW else (None, None, None)
        quarters = [None if age is None else f"{age:g}" for age in (low, middles[dx], high)]
        rows.append((dx, len(mine), *quarters, women, men, bare(women, women + men)))
    columns = ("dx", f"{unit}>", "lower quartile>", "median age>", "upper quartile>", "female>", "male>", "% female of both>")
    reading = ""
    if middles:
        young, old = (pick(middles, key=middles.__getitem__) for pick in (min, max))
        reading = f"Median ages go from {middles[young]:g} ({young}) to {middles[old]:g} ({old}). Each drawing has a scale of its own."
    table = Table(columns, tuple(rows), f"{unit} with an age, by diagnosis")
    return Figure("ages-by-class", "Age and sex of each diagnosis", reading, tuple(drawings), table, _MARKS, wide=True)
