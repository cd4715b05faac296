"""The README cannot drift: its commands are run, its tables compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ham_cli.errors import EXIT_CODES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")

DUCKDB = "import duckdb, sys; print(duckdb.sql(sys.argv[2]).df().to_csv(index=False), end=str())"
"""The ``duckdb`` program's ``-c``, by its library."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path: Path, real_data: Path) -> Path:
    """A home folder with ``downloads`` in it, and ``ham`` and ``duckdb`` on the path."""
    (tmp_path / "downloads").symlink_to(real_data)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    programs = {
        "ham": f'exec {sys.executable} -m ham_cli "$@"\n',
        "duckdb": f'exec {sys.executable} -c "{DUCKDB}" "$@"\n',
        "python": f'exec {sys.executable} "$@"\n',
    }
    for name, text in programs.items():
        (binaries / name).write_text(f"#!/bin/sh\n{text}")
        (binaries / name).chmod(0o755)
    return tmp_path


def shell(text: str, home: Path) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HAM_", "XDG_"))}
    environment |= {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        ["bash", "-c", text.replace("/home/you", str(home))],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.replace(str(home), "/home/you")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the README shows the cache folder of Linux")
def test_every_console_block_prints_what_it_shows(home: Path) -> None:
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            assert shell(command, home)[1] == expected, command


def test_the_ci_recipe_ends_well_and_again(home: Path) -> None:
    (recipe,) = (b for b in blocks("sh") if "HAM_CACHE_DIR" in b)
    assert shell(recipe, home)[0] == 0
    assert shell(recipe, home)[0] == 0


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_second_make_does_nothing(home: Path) -> None:
    (recipe,) = blocks("make")
    (home / "Makefile").write_text(recipe)
    code, _ = shell("make counts.csv", home)
    assert code == 0
    assert "nv,6705" in (home / "counts.csv").read_text()
    assert "up to date" in shell("make counts.csv", home)[1]


def test_the_notebook_recipe_reads_the_manifest(home: Path) -> None:
    (recipe,) = blocks("python")
    assert shell("ham fetch --source downloads --allow-partial -q", home)[0] == 0
    code, output = shell(f"python - <<'END'\n{recipe}\nprint(len(have))\nEND", home)
    assert (code, output) == (0, "96\n")


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", README, flags=re.MULTILINE)
    assert {int(code): words for code, words in rows} == EXIT_CODES


def test_the_set_up_commands_are_there() -> None:
    assert "python -m pip install . && ham --version" in README
    assert "python -m pip install '.[test]' && python -m pytest" in README
