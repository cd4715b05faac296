"""The help pages as a manual: each has all that one looks for, names nothing that there is not, and its examples can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

import ham_cli
from ham_cli.app import app
from ham_cli.errors import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Here


def pages(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Every page, and whether it is a command's and not a group's."""
    inner = getattr(command, "commands", {})
    yield words, not inner
    for name, one in inner.items():
        yield from pages(one, (*words, name))


README = Path(__file__).parents[1] / "README.md"
PAGES = dict(pages(typer.main.get_command(app)))
COMMANDS = [words for words, is_command in PAGES.items() if is_command]
NAMED = [" ".join(words) for words in COMMANDS]


@pytest.fixture(scope="module")
def shown(ham_here: Here) -> dict[tuple[str, ...], str]:
    """Each page's text."""
    return {words: ham_here(*words, "--help").out for words in PAGES}


def lines(page: str, title: str) -> list[str]:
    """What stands under a title, a line each."""
    return [line.strip() for line in re.split(rf"^ *{title}:\n", page, flags=re.MULTILINE)[1].partition("\n\n")[0].splitlines()]


def options(page: str) -> set[str]:
    named = re.findall(r"^  (-.*?)(?:  |$)", page, re.MULTILINE)
    return {name for line in named for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line)}


def command_of(words: list[str]) -> tuple[str, ...]:
    """The page that words after ``ham`` lead to."""
    return max((page for page in PAGES if tuple(words[: len(page)]) == page), key=len)


@pytest.mark.parametrize("words", COMMANDS, ids=NAMED)
def test_a_page_says_what_it_does_how_it_ends_and_where_to_read_on(words: tuple[str, ...], shown: dict[tuple[str, ...], str]) -> None:
    page = shown[words]
    codes = [int(line.split()[0]) for line in lines(page, "Exit codes")]
    assert {0, 2, 5} <= set(codes) <= set(EXIT_CODES)
    assert codes == sorted(codes)
    assert page.splitlines()[2].startswith("  ")  # the description
    # Types, braces and ranges as the parser's library writes them tell a person nothing.
    assert re.findall(r"<\w+|x[<>]=|\{(?!bash)", page) == []
    usage = page.partition("\n")[0]
    assert all(word in page.partition("\n")[2] for word in re.findall(r"\b[A-Z_]{3,}\b", usage.replace("OPTIONS", "")))


def test_read_on_leads_to_pages_and_options_that_there_are(shown: dict[tuple[str, ...], str]) -> None:
    found = 0
    for page in shown.values():
        for named in re.findall(r"See also: (.*)\.$", " ".join(page.split()), re.MULTILINE):
            for one in named.split(", "):
                words = one.split()
                assert (words[0], command_of(words[1:]) != ()) == ("ham", True), one
                assert {word for word in words if word.startswith("-")} <= options(shown[command_of(words[1:])]), one
                found += 1
    assert found > 20


def test_every_example_can_be_typed(shown: dict[tuple[str, ...], str]) -> None:
    typed = 0
    for page in shown.values():
        for example in lines(page, "Examples"):
            for part in re.findall(r"ham [^|&;)>]*", example):
                rest = shlex.split(part, comments=True)[1:]
                leads_to = command_of(rest)
                assert leads_to, example
                assert {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"} <= options(shown[leads_to]), (
                    example
                )
                typed += 1
    assert typed > 60


def test_every_command_in_the_readme_can_be_typed(shown: dict[tuple[str, ...], str]) -> None:
    text = README.read_text(encoding="utf-8")
    typed = re.findall(r"`(ham [a-z][^`]*)`", text) + re.findall(r"^(?:\$ |- run: |\t)?(ham [^|&;)>\n]*)", text, re.MULTILINE)
    for one in typed:
        # What may follow, in brackets, is typed without them.
        rest = shlex.split(re.sub(r"[\[\]]|\.\.\.|…", " ", one.replace("'", "").partition("#")[0]))[1:]
        leads_to = command_of(rest)
        assert leads_to, one
        assert {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"} <= options(shown[leads_to]), one
    assert len(typed) > 60


def test_every_variable_is_on_the_first_page(shown: dict[tuple[str, ...], str]) -> None:
    # Also those that no option stands for: where they are read, they are in the code.
    code = "".join(path.read_text(encoding="utf-8") for path in Path(ham_cli.__file__).parent.rglob("*.py"))
    read = set(re.findall(r'"(HAM_[A-Z_]+)"', code))
    assert set(re.findall(r"HAM_[A-Z_]+", "".join(lines(shown[()], "Environment")))) == read
    assert {name for page in shown.values() for name in re.findall(r"env\s+var:\s+(HAM_[A-Z_]+)", page)} <= read


def test_a_page_is_the_same_in_a_pipe_and_in_a_narrow_or_wide_terminal_but_for_its_lines(
    shown: dict[tuple[str, ...], str], ham_here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        for words in ((), ("fetch",), ("export", "npz")):
            assert "".join(ham_here(*words, "--help").out.split()) == "".join(shown[words].split())
