"""The challenge's own scorer, in an environment of its own: it wants pandas below 3, and is called as a process."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = ("isic-challenge-scoring==5.6.0", "pandas<3")

# As it was before the tests' walls went up: pip must reach its index, and the environment is kept between runs.
_OUTSIDE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def environment() -> Path:
    """The environment's folder, made once; the test is skipped, and says why, where pip cannot make it."""
    home = _CACHES / "ham-bench" / "isic-challenge-scoring-5.6.0"
    whole = home / "whole"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{home}.lock"):
            if not whole.exists():
                venv.create(home, with_pip=True, clear=True)
                pip: list[str | Path] = [
                    home / "bin" / "python",
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "--timeout",
                    "15",
                    "--retries",
                    "1",
                    *PACKAGES,
                ]
                ran = subprocess.run(pip, env=_OUTSIDE, capture_output=True, text=True, check=False)
                if ran.returncode:
                    pytest.skip(f"pip cannot install {PACKAGES[0]}: {ran.stderr.strip()[-200:]}")
                whole.touch()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no environment for {PACKAGES[0]}: {error}")
    return home


def scored(home: Path, truth: Path, predictions: Path) -> Mapping[str, Any]:
    """What the official scorer says of predictions; they must have a row for every row of the truth."""
    code, out, err = _answer(home, "-o", "json", "classification", truth, predictions)
    assert code == 0, err
    said: Mapping[str, Any] = json.loads(out)
    return said


def refuses(home: Path, truth: Path, predictions: Path) -> bool:
    """Whether the official scorer gives no score for predictions."""
    return _answer(home, "classification", truth, predictions)[0] != 0


_LOOP = """
import contextlib, io, json, runpy, sys, traceback, warnings
warnings.simplefilter("ignore")
for line in sys.stdin:
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["isic_challenge_scoring", *json.loads(line)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module("isic_challenge_scoring", run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""
"""Runs it as ``python -m isic_challenge_scoring`` would, once for every line of words: what it imports is imported once."""


def _answer(home: Path, *words: str | Path) -> tuple[int, str, str]:
    asked = _process(home)
    assert asked.stdin is not None
    assert asked.stdout is not None
    asked.stdin.write(json.dumps([str(word) for word in words]) + "\n")
    asked.stdin.flush()
    code, out, err = json.loads(asked.stdout.readline())
    return code, out, err


@functools.cache
def _process(home: Path) -> subprocess.Popen[str]:
    program: list[str | Path] = [home / "bin" / "python", "-c", _LOOP]
    started = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(started.kill)
    return started
