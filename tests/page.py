"""Reads a report as a browser does: elements, their attributes and text, figures with their tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOID = {"meta", "link", "img", "input", "br", "hr", "wbr"}

HOSTILE = '</script><img src=x onerror="alert(1)">{{ 7*7 }} \'&amp;'
"""A name that is markup, a template and an entity at once."""


@dataclass
class Element:
    """One element."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, white space folded."""
        return " ".join("".join(self.texts()).split())

    def all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """The elements in it, at any depth, in the order of the page."""
        return [e for e in self.inside() if tag in (None, e.tag) and attributes.items() <= e.attributes.items()]

    def one(self, tag: str | None = None, **attributes: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def rows(self) -> list[list[str]]:
        """The cells of the one table in it, by rows, heads too."""
        return [[cell.text for cell in row.all() if cell.tag in {"th", "td"}] for row in self.one("table").all("tr")]

    def inside(self) -> Iterator[Element]:
        """Every element in it."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.inside()

    def texts(self) -> Iterator[str]:
        """Its text, in pieces."""
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child.texts()
                yield " " if child.tag in {"dt", "dd", "li", "p", "th", "td"} else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.attributes) == len(attrs), f"an attribute stands twice in <{tag}>"
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(path: Path) -> Element:
    """A page; every element in it is closed where it must be."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def variables(css: str) -> list[dict[str, str]]:
    """The colours of each ``:root`` block of a style, as ``#rrggbb`` by name."""
    blocks = re.findall(r":root\s*\{(.*?)\n\s*\}", css, re.DOTALL)
    return [dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})", block)) for block in blocks]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2 defines it, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
