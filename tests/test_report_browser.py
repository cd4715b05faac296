"""The report in a real browser: Chromium without a head, at a desk's and a telephone's width, in light, dark and print."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests import page as pages
from tests import small as s
from tests.conftest import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request

pytestmark = pytest.mark.slow

WIDTHS = (1280, 390)

INSIDE = """() => [...document.querySelectorAll('figure svg[role=img]')].map(svg => {
    const box = svg.getBoundingClientRect(), plot = svg.querySelector('.root').getBoundingClientRect();
    const scale = box.width / svg.width.baseVal.value, texts = [...svg.querySelectorAll('text')].filter(t => t.textContent);
    const out = l => l.left < box.left - 1 || l.right > box.right + 1 || l.top < box.top - 1 || l.bottom > box.bottom + 1;
    return {
        name: svg.getAttribute('aria-label'), left: box.left, right: box.right, width: box.width, height: box.height,
        plot: plot.width * plot.height,
        cut: texts.filter(t => out(t.getBoundingClientRect())).map(t => t.textContent),
        smallest: Math.min(...texts.map(t => parseFloat(getComputedStyle(t).fontSize) * scale)),
        marks: svg.querySelectorAll('.role-mark path, .role-mark line, .role-mark text').length,
    };
})"""
"""Each chart: where it is, whether letters stick out of it, how small they are, how many marks it has."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; the tests are skipped where it, or what drives it, is missing."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def report(small_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a split that leaks: every section has something to show."""
    where = tmp_path_factory.mktemp("report")
    sides = {row[1]: "test" if row[1] in {"ISIC_0000002", "ISIC_0000016"} else "train" for row in s.TRAIN}
    (where / "mine.csv").write_text("image_id,split\n" + "".join(f"{i},{part}\n" for i, part in sorted(sides.items())))
    ran = run_here("report", where / "page.html", "--split", where / "mine.csv", cache=small_cache)
    assert ran.code == 0, ran.err
    return where / "page.html"


class Seen:
    """What a page asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._asked)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.requests.append(request.url)


def opened(browser: Browser, path: Path, width: int, **options: Any) -> tuple[Page, Seen]:  # noqa: ANN401
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    seen = Seen(page)
    page.goto(path.as_uri())
    return page, seen


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.thinned(2)
def test_nothing_is_asked_for_and_nothing_complains(browser: Browser, report: Path, width: int, scheme: Any) -> None:  # noqa: ANN401
    page, seen = opened(browser, report, width, color_scheme=scheme)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert (seen.requests, seen.complaints) == ([report.as_uri()], [])
    pictures = page.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 0)")
    assert len(pictures) == 28
    assert all(pictures)
    page.close()


def test_the_control_a_picture_from_elsewhere_is_seen_and_refused(browser: Browser, report: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text(
        report.read_text(encoding="utf-8").replace("<main", "<img src='http://127.0.0.1:9/x.png' alt=''><script>1</script><main", 1)
    )
    page, seen = opened(browser, other, 390)
    assert len([c for c in seen.complaints if "Content Security Policy" in c]) == 2
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_chart_is_there_whole_and_readable_and_the_page_does_not_scroll_sideways(browser: Browser, report: Path, width: int) -> None:
    page, _ = opened(browser, report, width)
    charts = page.evaluate(INSIDE)
    figures = pages.read(report).all("figure")
    assert len(charts) == sum(len(f.all("svg", role="img")) for f in figures) > len(figures) > 15
    for chart in charts:
        assert chart["width"] > 100, chart
        assert chart["height"] > 30, chart
        assert chart["plot"] > 1000, chart
        assert (chart["left"] >= 0, chart["right"] <= width, chart["cut"]) == (True, True, []), chart
        assert chart["smallest"] >= 10.9, chart
        assert chart["marks"] > 0, chart
    for opening in (False, True):
        page.evaluate(f"document.querySelectorAll('details').forEach(d => d.open = {str(opening).lower()})")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_in_light_and_in_dark(browser: Browser, report: Path, scheme: Any) -> None:  # noqa: ANN401
    page, _ = opened(browser, report, 1280, color_scheme=scheme)
    style = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    papers = set()
    for place in ("h1", "figcaption p", "td", "a", ".terms dd", ".verdict strong"):
        colour, paper = (_hexadecimal(text) for text in page.eval_on_selector(place, style))
        papers.add(paper)
        assert pages.contrast(colour, paper) >= 4.5, place
    fill = page.eval_on_selector("figure svg text", "e => getComputedStyle(e).fill")
    assert pages.contrast(_hexadecimal(fill), *papers) >= 4.5
    assert papers == {"#ffffff" if scheme == "light" else "#14171b"}
    page.close()


def _hexadecimal(text: str) -> str:
    return "#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", text)[:3])


def test_on_paper_the_numbers_are_open_and_the_colours_light(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, 1280, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')") == "#ffffff"
    tables = page.evaluate("[...document.querySelectorAll('details:not(.broad) table')].map(t => t.getBoundingClientRect().height)")
    assert min(tables) > 10
    assert not page.locator("nav").is_visible()
    printed = page.pdf()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2
    page.close()


def test_the_keyboard_reaches_the_skip_link_the_outlines_and_the_numbers(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, 1280)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(200):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        if reached[-1] == "outlines":
            break
    assert reached[-1] == "outlines"
    outline = page.locator("img.outline").first
    assert outline.is_visible()
    page.keyboard.press("Space")
    assert not outline.is_visible()
    page.keyboard.press("Space")
    assert outline.is_visible()
    page.locator("figure summary").first.focus()
    table = page.locator("figure table").first
    assert not table.is_visible()
    page.keyboard.press("Enter")
    assert table.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
    page.close()


def test_a_screen_reader_hears_every_chart_by_its_name(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, 1280)
    for figure in pages.read(report).all("figure"):
        title = figure.one("h3").text
        assert page.get_by_role("figure", name=title, exact=True).count() == 1, title
        for drawing in figure.all("svg", role="img"):
            assert page.get_by_role("img", name=drawing.attributes["aria-label"], exact=True).count() == 1
    heard = page.locator("main").aria_snapshot()
    assert "Images and lesions by diagnosis" in heard
    assert page.get_by_role("checkbox", name="Show the outlines of the masks").is_checked()
    assert page.get_by_role("heading", level=1).count() == 1
    page.close()
