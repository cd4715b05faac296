"""How the page was made: versions, options, and what its numbers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli import __version__, images
from ham_cli.summary.page.examples import EACH, SEED
from ham_cli.summary.page.material import Section, Term
from ham_cli.summary.page.measured import FEW

if TYPE_CHECKING:
    from ham_cli.summary.page.given import Given

_MEANINGS = (
    ("Lesions", "are counted by lesion id, each wherever one of its images is."),
    ("Age and sex", "are those of the table; ages are drawn in steps of five years."),
    (
        "Boxes",
        f"are the middle half of {FEW} values or more, the light line the median; lines go from the 5th to the 95th percentile.",
    ),
    ("Brightness", "is the mean of L (ITU-R 601 luma), 0 to 1; contrast is its standard deviation within an image."),
    ("Area", "is the share of the frame that a mask covers, where its grey is over 127."),
    ("Distance", "of a part from the whole is the total variation: half the sum of the differences of all shares."),
    ("The page", "is one file; it loads nothing, runs no program, and the same cache gives the same page."),
)


def making(given: Given, charts: str) -> Section:
    """The section; ``charts`` names the library that drew the charts."""
    options = f"--split {given.balance.name}" if given.balance else "no split"
    terms = [
        Term("Made by", f"ham {__version__}, from {given.dataset.record.id}, {options}"),
        Term("Charts", charts),
        Term("Pictures", f"{images.decoder()}; {EACH} examples of a diagnosis at most, by the order ham-sample-1, seed {SEED}"),
        *(Term(word, meaning) for word, meaning in _MEANINGS),
    ]
    return Section("made", "How this page was made", terms=tuple(terms))
