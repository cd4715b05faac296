"""Commands that read no image, start-up included, beside other programs: ``python -m tests.benchmarks.starting``."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import published, report, tiny
from tests.benchmarks.measure import Side, figure, rounds, spend, surroundings

if TYPE_CHECKING:
    from tests.benchmarks.measure import Step

OVER = 0.08
"""Seconds over the interpreter's own start, for what prints a line."""

MANIFESTS, SPLIT, UNCHANGED = 1.5, 2.5, 0.3
"""Seconds, start-up included."""

CALLS = 100
"""Calls that look for or open files, of an unchanged fetch, beyond those of the program's own start."""

PEERS = {"isic-cli": ("isic", "--help"), "huggingface_hub[cli]": ("hf", "--help"), "kaggle six": ("kaggle", "--version")}
"""Other programs of this kind, by the package they come in."""

TOY = "import typer; app = typer.Typer(); app.command()(lambda name='x': None); app()"


def main() -> int:
    """Run it; 0 where every target is met, else 1."""
    options = report.options("starting", __doc__, rounds=7)
    report.machine("")
    ham = [sys.executable, "-m", "ham_cli"]
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        work = Path(name)
        cache = work / "cache"
        drawn = tiny.record(10015, options.keep)
        env = surroundings(work)
        published.fetched(drawn, cache, env, "masks", "test")
        here = ["--cache-dir", str(cache), "--quiet"]
        again = [*ham, "fetch", "--source", str(drawn.folder), "--record", str(drawn.record), *here]
        subprocess.run([*ham, "split", "--name", "s", *here], env=env, check=True, stdout=subprocess.DEVNULL)
        ways: dict[str, list[Step]] = {
            "python -c pass": [[sys.executable, "-c", "pass"]],
            "ham --version": [[*ham, "--version"]],
            "ham cache dir": [[*ham, "cache", "dir"]],
            "ham --help": [[*ham, "--help"]],
            "a typer toy --help": [[sys.executable, "-c", TOY, "--help"]],
            "ham stats": [[*ham, "stats", *here]],
            "ham stats --split": [[*ham, "stats", "--split", "s", *here]],
            "ham verify --quick": [[*ham, "verify", "--quick", *here]],
            "ham show": [[*ham, "show", "DEMO_0000001", *here]],
            "ham check": [[*ham, "check", "s", *here]],
            "ham split": [[*ham, "split", "--name", "s", "--force", *here]],
            "ham export csv": [[*ham, "export", "csv", "out", *here]],
            "ham fetch, after a verify": [again],
            **_peers(options.keep),
        }
        costs = rounds([Side(name, lambda _, steps=steps: steps) for name, steps in ways.items()], options.rounds, work)  # type: ignore[misc]
        beside = [report.Target("ham --help", "a typer toy --help", 1.0)]
        met = report.compare("Start-up, and commands that read no image; 10015 images", costs, beside)
        wall = {name: figure(some, lambda cost: cost.wall) for name, some in costs.items()}
        bare = wall["python -c pass"].median
        for what in ("ham --version", "ham cache dir"):
            over = wall[what].median - bare
            met &= report.judge(f"{what}, seconds over the interpreter's", over, OVER, f"{over:.3f}")
        most = {"ham split": SPLIT}
        for what in ("ham stats", "ham stats --split", "ham verify --quick", "ham show", "ham check", "ham split", "ham export csv"):
            met &= report.judge(f"{what}, seconds", wall[what].median, most.get(what, MANIFESTS), wall[what].shown())
        # Where nothing was touched since the last one, which kept its answer because all of it had been at rest before.
        time.sleep(2.5)
        spend([again], work, env)
        unchanged = figure([spend([again], work, env) for _ in range(options.rounds)], lambda cost: cost.wall)
        met &= report.judge("ham fetch, unchanged, seconds", unchanged.median, UNCHANGED, unchanged.shown())
        met &= _calls(again, env, work)
    print(f"\nload after: {report.load()}; {'every target is met' if met else 'NOT every target is met'}")
    return 0 if met else 1


def _calls(fetch: Step, env: dict[str, str], work: Path) -> bool:
    """Count the calls that look for or open files of the cache and the source; where strace is missing it is said."""
    said = work / "strace"
    try:
        subprocess.run(
            ["strace", "-f", "-e", "trace=%%stat,openat", "-o", str(said), *fetch], env=env, cwd=work, check=True, stdout=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"calls are not counted: {error}")
        return True
    mine = [line for line in said.read_text().splitlines() if re.search(r"ham-bench-|/tiny-", line) and "site-packages" not in line]
    return report.judge("ham fetch, unchanged, stat and open calls in cache and source", len(mine), CALLS, str(len(mine)))


def _peers(keep: Path) -> dict[str, list[Step]]:
    """Other programs, each in an environment of its own; one that cannot be installed is left out, and it is said."""
    found: dict[str, list[Step]] = {}
    for package, (program, *words) in PEERS.items():
        home = keep / f"env-{program}"
        try:
            if not (home / "whole").exists():
                venv.create(home, with_pip=True, clear=True)
                subprocess.run([home / "bin" / "python", "-m", "pip", "install", "-q", *package.split()], check=True, timeout=300)
                (home / "whole").touch()
            subprocess.run([home / "bin" / program, *words], check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{package} is left out: {error}")
            continue
        found[f"{program} {' '.join(words)}"] = [[str(home / "bin" / program), *words]]
    return found


if __name__ == "__main__":
    sys.exit(main())
