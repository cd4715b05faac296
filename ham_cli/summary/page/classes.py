"""Classes, sites and body sites: what the images are of, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.findings import counted
from ham_cli.summary.counts import Tally
from ham_cli.summary.page.charts.bars import Bar, bars
from ham_cli.summary.page.charts.frame import MAIN, colour
from ham_cli.summary.page.crossed import crossed
from ham_cli.summary.page.given import ordered, tally, whole, word
from ham_cli.summary.page.material import Drawing, Figure, Mark, Section, Table, Term, bare, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ham_cli.summary.page.given import Given


def classes(given: Given) -> Section:
    """Images and lesions by diagnosis, and what the diagnoses rest on."""
    record, rows = given.dataset.record, given.rows
    counts, total = tally(rows, "dx"), whole(rows)
    names = list(given.classes)
    here = [dx for dx in names if dx in counts]
    most, least = max(here, key=lambda dx: counts[dx].images), min(here, key=lambda dx: counts[dx].images)
    reading = (
        f"{most} is {percent(counts[most].images, total.images)} of {total.images} {given.noun}; "
        f"{least}, the rarest, {percent(counts[least].images, total.images)}."
    )
    bases = ordered((row["dx_type"] for row in rows), record.vocabulary.get("dx_type", ()))
    histo = sum(1 for row in rows if row["dx_type"] == "histo")
    lesions = tally((row for row in rows if row["dx_type"] == "histo"), "dx_type").get("histo", Tally()).lesions
    told = f" and {percent(lesions, total.lesions)} of the lesions" if lesions is not None and total.lesions else ""
    ground = (
        f"{percent(histo, total.images)} of the images{told} rest on histology. How a diagnosis "
        "was confirmed (dx_type) tells much of it: keep that column out of a model."
    )
    return Section(
        "classes",
        "Classes",
        terms_title="In words",
        terms=(
            *(Term(dx, record.classes[dx], colour=colour(place)) for place, dx in enumerate(names)),
            *(Term(word(base), record.ground_truth[base]) for base in bases if base in record.ground_truth),
        ),
        figures=(
            counted_bars(
                "class-counts", "dx", "Images and lesions by diagnosis", reading, counts, here, {dx: colour(names.index(dx)) for dx in here}
            ),
            crossed(rows, "dx", here, "dx_type", bases, key="class-ground-truth", words=("Ground truth of each diagnosis", ground)),
        ),
    )


def sites(given: Given) -> Section:
    """Images by the site they come from."""
    record, rows = given.dataset.record, given.rows
    counts = tally(rows, "dataset")
    names = ordered(counts, record.vocabulary.get("dataset", ()))
    most = max(names, key=lambda name: counts[name].images)
    reading = f"{word(most)} gave {percent(counts[most].images, len(rows))} of the {given.noun}."
    crossing = "A model that can tell the site can guess the diagnosis: look at results site by site."
    return Section(
        "sites",
        "Sites",
        terms_title="In words",
        terms=tuple(Term(name, record.sites[name]) for name in names if name is not None and name in record.sites),
        figures=(
            counted_bars("site-counts", "dataset", "Images and lesions by site", reading, counts, names),
            crossed(rows, "dataset", names, "dx", given.classes, key="site-classes", words=("Diagnoses of each site", crossing)),
        ),
    )


def body_sites(given: Given) -> Section:
    """Images by where on the body the lesion is."""
    rows = given.rows
    counts = tally(rows, "localization")
    names = sorted(counts, key=lambda name: (name is None, name == "unknown", -counts[name].images, word(name)))
    known = [name for name in names if name not in {None, "unknown"}]
    nowhere = sum(counts[name].images for name in names if name not in known)
    first = ", ".join(word(name) for name in known[:3])
    reading = f"Most often {first}; of {counted(nowhere, 'image')} it is not known." if known else "Of no image it is known."
    crossing = "A body site with few images of a class says little of it."
    sexes = ordered((row["sex"] for row in rows), given.dataset.record.vocabulary.get("sex", ()))
    return Section(
        "body-sites",
        "Body sites",
        figures=(
            counted_bars("body-site-counts", "localization", "Images and lesions by body site", reading, counts, names),
            crossed(
                rows, "localization", names, "dx", given.classes, key="body-site-classes", words=("Diagnoses of each body site", crossing)
            ),
            crossed(
                rows,
                "localization",
                names,
                "sex",
                sexes,
                key="body-site-sexes",
                words=("Sexes of each body site", "Where nearly all are of one sex, results by body site are results by sex."),
            ),
        ),
    )


def counted_bars(  # noqa: PLR0913  (the counts, their order and colours, and the figure's own words)
    key: str,
    column: str,
    title: str,
    reading: str,
    counts: Mapping[str | None, Tally],
    names: Sequence[str | None],
    colours: Mapping[str | None, str] | None = None,
) -> Figure:
    """A bar of images and one of lesions for each name."""
    total = sum(count.images for count in counts.values())
    rows = []
    for name in names:
        count = counts[name]
        text = f"{count.images} ({percent(count.images, total)})"
        rows.append(Bar(word(name), count.images, text, (colours or {}).get(name, MAIN), count.lesions, str(count.lesions)))
    table = Table(
        (column, "images>", "%>", "lesions>"),
        tuple((word(n), counts[n].images, bare(counts[n].images, total), counts[n].lesions) for n in names),
        title,
    )
    pale = any(count.lesions is not None for count in counts.values())
    marks = (Mark("full", "images (% of all)"), *((Mark("pale", "lesions"),) if pale else ()))
    return Figure(key, title, reading, (Drawing(bars(rows)),), table, marks)
