"""The answers that are given without the parser are the parser's own, to the byte."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = "import sys; from ham_cli.app import main; sys.exit(main())"
"""The program without its short way."""
TOLD = """
import atexit, sys
atexit.register(lambda: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr))
from ham_cli.__main__ import run
run()
"""


def ran(program: str, *words: str, **env: str) -> tuple[int, bytes, bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HAM_")}
    done = subprocess.run([sys.executable, "-c", program, *words], env=kept | env, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [("--version",), ("cache", "dir")])
def test_a_short_answer_is_the_whole_programs_and_loads_no_parser(words: tuple[str, ...]) -> None:
    code, out, err = ran(TOLD, *words)
    assert (code, out) == ran(WHOLE, *words)[:2]
    assert {"typer", "pydantic", "rich", "pyarrow"} & set(err.decode().split()) == set()


@pytest.mark.parametrize("place", ["plain", "a/../b", "ümlaut", ""])
@pytest.mark.parametrize("rooted", [True, False])
def test_a_place_is_spelled_as_the_whole_program_spells_it(place: str, rooted: bool, tmp_path: Path) -> None:  # noqa: FBT001
    named = f"{tmp_path}/{place}" if rooted else place
    short = "from ham_cli.__main__ import run; run()"
    assert ran(short, "cache", "dir", HAM_CACHE_DIR=named) == ran(WHOLE, "cache", "dir", HAM_CACHE_DIR=named)


@pytest.mark.parametrize("words", [("cache", "dir", "--json"), ("--version", "x")])
def test_everything_else_goes_to_the_parser(words: tuple[str, ...]) -> None:
    assert ran("from ham_cli.__main__ import run; run()", *words) == ran(WHOLE, *words)


def test_variables_that_change_what_is_printed_do_so() -> None:
    assert ran("from ham_cli.__main__ import run; run()", "cache", "dir", HAM_JSON="1")[1].startswith(b"{")


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m ham_cli --version | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
