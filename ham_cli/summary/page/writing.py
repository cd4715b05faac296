"""The page as text: charts drawn, the template filled, the file put in place."""

from __future__ import annotations

import base64
import html
import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_cli import __version__, atomic, extras
from ham_cli.findings import Advanced, Done, Started
from ham_cli.summary.page.balance import balance
from ham_cli.summary.page.card import card, key_figures, received
from ham_cli.summary.page.classes import body_sites, classes, sites
from ham_cli.summary.page.cleaning import clean, cleaned
from ham_cli.summary.page.examples import Gallery
from ham_cli.summary.page.given import Measured
from ham_cli.summary.page.leaks import leaks
from ham_cli.summary.page.lesions import lesions
from ham_cli.summary.page.making import making
from ham_cli.summary.page.material import Material, Section
from ham_cli.summary.page.measured import masks, pixels
from ham_cli.summary.page.people import people

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ham_cli.findings import Event, Finding
    from ham_cli.summary.page.given import Given
    from ham_cli.summary.page.material import Examples, Figure

MARK = '<meta name="generator" content="ham '
"""Stands in every report, near its beginning: what bears it may be written over."""

_NEAR = 4096
"""Bytes in which the mark is looked for."""

_NOTHING = Measured((), 0)

_HERE = Path(__file__).parent


def require() -> None:
    """Raise `WrongUsageError` where a library that makes the page is not installed."""
    with extras.needed("report", "ham report"):
        import jinja2  # noqa: F401
        import vl_convert  # noqa: F401


def is_report(path: Path) -> bool:
    """Whether a file is a page that this program wrote."""
    with path.open("rb") as file:
        return MARK.encode() in file.read(_NEAR)


@dataclass
class Page:
    """One page; `run` it, then `write` it."""

    given: Given
    jobs: int
    material: Material | None = None
    drawings: dict[str, list[str]] = field(default_factory=dict)
    """Figure to its drawings, as SVG."""
    wrong: list[Finding] = field(default_factory=list)
    """Files in the cache that are not what was fetched: found as they were measured, or were to be shown."""

    def run(self) -> Iterator[Event]:
        """Gather what is shown, draw the charts, and yield how far that is."""
        gallery = Gallery(self.given, self.jobs)
        yield from gallery.run()
        measured = (*self.given.pixels.wrong, *(self.given.learnt or _NOTHING).wrong, *(self.given.masks or _NOTHING).wrong)
        self.wrong = list({finding.path: finding for finding in (*gallery.wrong, *measured)}.values())
        self.wrong.sort(key=lambda finding: finding.place)
        self.material = gather(self.given, tuple(gallery.examples), self.wrong)
        figures = [figure for section in self.material.sections for figure in section.figures]
        yield Started("charts", sum(len(figure.drawings) for figure in figures), "chart")
        for figure in figures:
            self.drawings[figure.key] = [drawn(drawing.spec, _name(figure, drawing.label)) for drawing in figure.drawings]
            yield Advanced("charts", len(figure.drawings))
        yield Done("charts")

    def text(self) -> str:
        """The page's HTML."""
        assert self.material is not None, "run comes first"
        return filled(self.material, self.drawings)

    def write(self, path: Path) -> int:
        """Put the page at ``path``, whole; its bytes."""
        data = self.text().encode()
        with atomic.replacing(path) as file:
            file.write(data)
        return len(data)


def gather(given: Given, examples: tuple[Examples, ...], wrong: Sequence[Finding]) -> Material:
    """Everything that the page shows, in the order in which it is read."""
    record = given.dataset.record
    terms = record.licence
    return Material(
        title=record.title,
        subject=record.id,
        figures=key_figures(given),
        sections=(
            card(given),
            received(given, wrong),
            classes(given),
            sites(given),
            people(given),
            body_sites(given),
            lesions(given),
            balance(given),
            pixels(given),
            masks(given),
            _examples(examples, tuple(given.classes)),
            leaks(given),
            making(given, _drawn_by()),
        ),
        examples=examples,
        attribution=(
            f"Images and masks: {record.creator or record.title}, doi:{record.doi}, version {record.version}, {terms['id']}. "
            "Changed: made smaller; the outlines are drawn from the masks."
        ),
    )


def _examples(examples: tuple[Examples, ...], every: tuple[str, ...]) -> Section:
    if not examples:
        return Section(
            "examples", "Examples", ("No image is in the cache. A few of each diagnosis are shown here after ham fetch images masks.",)
        )
    outlined = any(image.outline for some in examples for image in some.images)
    lead = "A few images of each diagnosis, each of another lesion, taken by chance from the cache with a fixed seed."
    without = "" if outlined else " No mask of them is in the cache: ham fetch masks brings the outlines."
    absent = [dx for dx in every if dx not in {some.dx for some in examples}]
    lacking = f" Of {', '.join(absent)} no image is in the cache." if absent else ""
    return Section("examples", "Examples", (lead + without + lacking,))


def drawn(spec: dict[str, Any], name: str) -> str:
    """A chart as SVG that has a name, and whose parts are no business of a screen reader."""
    with extras.needed("report", "ham report"):
        import vl_convert

    svg = vl_convert.vegalite_to_svg(cleaned(spec), allowed_base_urls=[])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(name)}" ', 1)


def _name(figure: Figure, label: str) -> str:
    return f"{figure.title}: {label}" if label else f"Chart: {figure.title}. {figure.reading}"


def _drawn_by() -> str:
    with extras.needed("report", "ham report"):
        import vl_convert

    return f"Vega {vl_convert.get_vega_version()} through vl-convert {importlib.metadata.version('vl-convert-python')}"


def filled(material: Material, drawings: dict[str, list[str]]) -> str:
    """The template, filled; every text is clean and escaped, but for the style, a file of ours, and the drawings, both already."""
    with extras.needed("report", "ham report"):
        import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    template = environment.get_template("report.html.j2")
    return clean(template.render(page=material, drawings=drawings, style=style, version=__version__))
