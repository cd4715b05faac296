"""The README cannot drift: its commands are run, its tables compared."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

import ham_cli
from ham_cli.errors import EXIT_CODES
from tests import torchlike
from tests.dataverse import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web import Web

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")

DUCKDB = "import duckdb, sys; print(duckdb.sql(sys.argv[2]).df().to_csv(index=False), end=str())"
"""The ``duckdb`` program's ``-c``, by its library."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a Dataverse that lists the published record and has its tables, no images."""
    real_data: Path = request.getfixturevalue("real_data")
    facts = json.loads((Path(ham_cli.__file__).parent / "record.json").read_bytes())
    tables = ("HAM10000_metadata", "ISIC2018_Task3_Test_GroundTruth.csv")
    with Servers(facts, {name: real_data / name for name in tables}) as running:
        yield running.facts["server"]


@pytest.fixture
def home(tmp_path: Path, real_data: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with ``downloads`` in it, and ``ham`` and ``duckdb`` on the path."""
    monkeypatch.setenv("SERVER", server)
    (tmp_path / "downloads").symlink_to(real_data)
    return on_the_path(tmp_path)


def on_the_path(home: Path, fetched: str = "") -> Path:
    """A home folder with the programs that the README uses; ``fetched`` is what stands behind every ``ham fetch``."""
    binaries = home / "bin"
    binaries.mkdir()
    programs = {
        "ham": f'[ "$1" != fetch ] || set -- "$@" {fetched}\nexec {sys.executable} -m ham_cli "$@"\n',
        "duckdb": f'exec {sys.executable} -c "{DUCKDB}" "$@"\n',
        "python": f'exec {sys.executable} "$@"\n',
    }
    for name, text in programs.items():
        (binaries / name).write_text(f"#!/bin/sh\n{text}")
        (binaries / name).chmod(0o755)
    return home


def shell(text: str, home: Path) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HAM_", "XDG_"))}
    environment |= {
        "HOME": str(home),
        "HAM_SERVER": os.environ["SERVER"],
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }
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


def test_the_ci_job_ends_well_and_again(home: Path) -> None:
    (recipe,) = blocks("yaml")
    job = yaml.safe_load(recipe)["jobs"]["data"]
    cached = next(step["with"]["path"] for step in job["steps"] if "with" in step)
    assert job["env"] == {"HAM_CACHE_DIR": f"${{{{ github.workspace }}}}/{cached}"}
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert len(commands) == 3
    for _ in range(2):
        for command in commands:
            assert shell(f"export HAM_CACHE_DIR=$PWD/{cached}; {command}", home)[0] == 0, command


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_second_make_does_nothing(home: Path) -> None:
    (recipe,) = blocks("make")
    (home / "Makefile").write_text(recipe)
    code, output = shell("make counts.csv", home)
    assert code == 0, output
    assert (home / "counts.csv").read_text().splitlines()[0] == "dx,part,images,lesions"
    assert "up to date" in shell("make counts.csv", home)[1]


def test_a_split_that_is_older_than_the_table_is_made_again_once(home: Path) -> None:
    # What is the same is written all the same: else make would ask for it for ever.
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    (home / "Makefile").write_text(blocks("make")[0])
    assert shell("make counts.csv", home)[0] == 0
    os.utime(home / "splits" / "s0.parquet", (1, 1))
    assert "ham split" in shell("make counts.csv", home)[1]
    assert "up to date" in shell("make counts.csv", home)[1]


def batch_sizes(images: int, batch: int) -> list[int]:
    return [min(batch, images - first) for first in range(0, images, batch)]


def test_the_notebook_recipe_finds_lesions_and_images_and_the_training_recipe_takes_them(home: Path) -> None:
    recipe, training = blocks("python")
    assert shell("ham fetch --source downloads --allow-partial -q && ham split -q", home)[0] == 0
    code, output = shell(f"python - <<'END'\n{recipe}\nprint(len(here), all(map(__import__('os').path.isfile, here.path)))\nEND", home)
    assert code == 0, output
    nv, found = re.search(r"^nv +(\d+)", output, re.MULTILINE), output.splitlines()[-1].split()
    counts = json.loads(shell("ham stats --split r70-15-15-s0 --part train --json 2>/dev/null", home)[1])["result"]["tables"]["dx"]
    assert nv is not None
    assert int(nv[1]) == next(count["lesions"] for count in counts if count["dx"] == "nv")
    assert 0 < int(found[0]) < 96
    assert found[1] == "True"
    (home / "train.py").write_text(training)
    beside = "" if importlib.util.find_spec("torch") else f"PYTHONPATH={torchlike.installed(home / 'lib')}:$PYTHONPATH "
    code, output = shell(f"{beside}python train.py", home)
    batches = [re.fullmatch(r"\((\d+), 3, 224, 224\) (akiec|bcc|bkl|df|mel|nv|vasc)", line) for line in output.splitlines()]
    assert (code, [int(batch[1]) for batch in batches if batch], None in batches) == (0, batch_sizes(int(found[0]), 32), False), output


def test_a_fetch_without_anything_and_the_ratings_come_from_a_server(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As they stand there, but for the record: the small one, whose server is at hand.
    everything, ratings = (block for block in blocks("sh") if block.startswith("ham fetch\n") or "ham stats --ratings" in block)
    monkeypatch.setenv("SERVER", web.servers.facts["server"])
    for name, recipe in (("everything", everything), ("ratings", ratings)):
        (tmp_path / name).mkdir()
        home = on_the_path(tmp_path / name, f"--record {web.record}")
        code, output = shell(recipe, home)
        if name == "everything":
            assert (code, bool(re.search(r"^images +- +20 +20 +0$", output, re.MULTILINE))) == (0, True), output
        else:
            # The small record's ratings have faults, which are named: exit code 3, and the rest counts.
            assert (code, "ratings.parquet" in output, "Net change" in output) == (3, True, True), output


def test_the_completions_are_written_where_the_shells_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER", "")
    (recipe,) = (block for block in blocks("sh") if "ham completion" in block)
    home = on_the_path(tmp_path)
    assert shell(f"set -e\n{recipe}", home) == (0, "")
    places = {".local/share/bash-completion/completions/ham": "bash", ".zfunc/_ham": "zsh", ".config/fish/completions/ham.fish": "fish"}
    for place, name in places.items():
        assert "_HAM_COMPLETE" in (home / place).read_text(), name
    assert (home / ".zshrc").read_text().startswith("fpath=(~/.zfunc $fpath)")


def test_every_block_is_one_that_a_test_runs() -> None:
    # The set-up is run where a change is let in: a fresh environment takes minutes. Figures and an error show no command.
    in_tests = {"console": 18, "python": 2, "make": 1, "yaml": 1, "sh": 2 + 6, "": 2}
    openings = re.findall(r"^```(\w*)$", README, flags=re.MULTILINE)[::2]
    assert {language: openings.count(language) for language in openings} == in_tests


def test_a_web_server_serves_a_classroom(home: Path) -> None:
    teacher, laptop = (block.strip() for block in blocks("sh") if "--allow-partial" in block and "stick" not in block)
    fetch, serve = teacher.splitlines()
    assert shell(fetch, home)[0] == 0
    with listening(shell(f"{serve.partition(' && ')[0]} && pwd", home)[1].strip().replace("/home/you", str(home))) as address:
        code, output = shell(f"HAM_CACHE_DIR=here {laptop.replace('http://teacher.local:8000', address)}", home)
    assert code == 0, output
    assert re.search(r"^images +- +1 +1 +", output, re.MULTILINE) is None
    assert re.search(r"^images +- +(\d+) +\1 +", output, re.MULTILINE), output


@contextlib.contextmanager
def listening(folder: str) -> Iterator[str]:
    """The address of Python's own web server over a folder."""
    program = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(program, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            found = re.search(r"port (\d+)", running.stdout.readline())
            assert found is not None
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            running.terminate()


def test_a_stick_serves_a_classroom(home: Path) -> None:
    (recipe,) = (block for block in blocks("sh") if "/media/stick/ham --allow-partial" in block)
    stick = home / "stick"
    assert shell(f"ham fetch --source downloads --allow-partial --cache-dir {stick}/ham", home)[0] == 0
    onto_a_laptop, from_the_stick = recipe.replace("/media/stick", str(stick)).splitlines()
    said = {command: shell(command, home) for command in (onto_a_laptop, from_the_stick)}
    assert [code for code, _ in said.values()] == [0, 0], said
    assert re.search(r"^images +- +96 +96 +", said[onto_a_laptop][1], re.MULTILINE)
    assert re.search(r"^nv +6705 +5403", said[from_the_stick][1], re.MULTILINE)


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", README, flags=re.MULTILINE)
    assert {int(code): words for code, words in rows} == EXIT_CODES


def test_the_set_up_commands_are_there() -> None:
    assert blocks("sh")[:2] == ["python -m pip install . && ham demo\n", "python -m pip install '.[test]' && pytest\n"]
