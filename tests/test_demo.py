"""The demo: the whole job, as a person sees it."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests import peek

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import Command, Here


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, ham: Command) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A demo's folder, and how its first run ended."""
    where = tmp_path_factory.mktemp("demo") / "a folder"
    return where, ham("demo", where, "--images", 100, timeout=300)


@pytest.mark.slow
def test_the_whole_job_is_done_in_the_folder_that_is_named(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    where, ran = done
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"# Everything lies in {where}\n")
    assert {p.name for p in where.iterdir()} == {"published", "cache", "splits", "exports", "report.html"}
    pictures = sorted((where / "exports" / "images").rglob("*.jpg"))
    assert len(pictures) == 100
    assert {p.parent.parent.name for p in pictures} == {"train", "val", "test"}
    assert len({p.parent.name for p in pictures}) == 7
    for table in ("demo_metadata", "demo_test_truth.csv"):
        assert (where / "exports" / "tables" / table).read_bytes() == (where / "published" / table).read_bytes()


@pytest.mark.slow
def test_each_step_shows_what_a_person_would_type(
    done: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, ham_here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, ran = done
    typed = re.findall(r"^\$ ham (.*)$", ran.stdout, re.MULTILINE)
    steps = ["fetch", "verify", "split", "check", "stats", "stats", "stats", "export", "export", "report"]
    assert [words.split()[0] for words in typed] == steps
    # What is typed elsewhere gives what was shown.
    shutil.copytree(where / "published", tmp_path / "published")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAM_CACHE_DIR", "cache")
    for words in typed:
        again = ham_here(*words.split())
        assert again.code == 0, again.err
        assert again.out.replace(str(tmp_path), str(where)) in ran.stdout or words.startswith("fetch")
    assert peek.tree(tmp_path / "exports") == peek.tree(where / "exports")


@pytest.mark.slow
@pytest.mark.thinned(0)
def test_a_second_run_draws_nothing_and_changes_no_picture(
    done: tuple[Path, subprocess.CompletedProcess[str]], ham_here: Here, ham: Command
) -> None:
    where, _ = done
    before = {p: p.stat().st_mtime_ns for p in where.rglob("*") if p.suffix in {".jpg", ".png", ".zip"}}
    assert before
    again = ham("demo", where, "--images", 100, "--json", timeout=120)
    document = json.loads(again.stdout)
    assert (again.returncode, document["exit_code"], document["record"]) == (0, 0, "demo-1.0-100")
    assert [step["exit_code"] for step in document["result"]["steps"]] == [0] * 10
    assert "drawing" not in again.stderr
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert ham_here("cache", "list", "--json").result["contents"] == []


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, ham_here: Here) -> None:
    (tmp_path / "thesis.tex").write_text("chapter 1")
    ran = ham_here("demo", tmp_path)
    assert ran.code == 2
    assert "not empty, and holds no demo" in ran.err
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["thesis.tex"]


def test_fewer_images_than_a_split_needs_are_refused(tmp_path: Path, ham_here: Here) -> None:
    ran = ham_here("demo", tmp_path / "demo", "--images", 99)
    assert ran.code == 2
    assert "100" in ran.err
    assert not (tmp_path / "demo").exists()


def test_another_demo_in_the_folder_is_refused_before_anything_is_drawn(tmp_path: Path, ham_here: Here) -> None:
    assert ham_here("demo", tmp_path / "demo", "--images", 100, "--draw-only").code == 0
    before = peek.tree(tmp_path / "demo")
    ran = ham_here("demo", tmp_path / "demo", "--images", 101, "--json")
    assert (ran.code, ran.json["error"]["got"]) == (2, "demo-1.0-100")
    assert peek.tree(tmp_path / "demo") == before
