"""``ham export`` beside img2dataset, a bare loop and cp: ``python -m tests.benchmarks.exports``."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import published, report
from tests.benchmarks.measure import BrokenError, Figure, Side, figure, rounds, surroundings, warm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.measure import Cost, Step

SIZE = 224

PUBLISHED = 10015
"""Training images."""

MOST_MEMORY = 400
"""Megabytes."""

SPLIT = "r70-15-15-s0"

FORMATS = ("csv", "imagefolder", "hf", "webdataset", "coco", "npz", "isic", "croissant", "yolo", "tfds")

SIZED = {"npz"}
"""Those that are measured at `SIZE` pixels; the others with published bytes."""

HAM = [sys.executable, "-m", "ham_cli"]

_LIBRARY = "datasets, into Parquet"

PEERS = Path(__file__).parent / "peers"


def main() -> int:
    """Run what is asked for; 0 where every target is met, else 1."""
    options = _options()
    report.machine("")
    drawn = published.drawn(options.images, options.keep)
    met = True
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        work = Path(name)
        cache = work / "cache"
        fetch: list[str | Path] = [*HAM, "fetch", "--source", drawn.folder, "--record", drawn.record, "--cache-dir", cache, "--quiet"]
        split: list[str | Path] = [*HAM, "split", "--cache-dir", cache, "--quiet"]
        for step in (fetch, split):
            subprocess.run(step, env=surroundings(work), check=True, stdout=subprocess.DEVNULL)
        (folder,) = cache.glob("*/images")
        warm(sorted(folder.iterdir()))
        for part in options.only or PARTS:
            try:
                met &= PARTS[part](folder, work, options)
            except BrokenError as error:
                print(f"\n{part}: BROKEN: {error}")
                met = False
    print(f"\nload after: {report.load()}; {'every target is met' if met else 'NOT every target is met'}")
    return 0 if met else 1


def exported(name: str, work: Path, *more: str) -> Step:
    """The command that exports all training images into the folder it is run in."""
    split = () if name == "croissant" else ("--split", SPLIT)
    return [*HAM, "export", name, "out", "--cache-dir", str(work / "cache"), *split, "--quiet", *more]


def resized(folder: Path, work: Path, options: argparse.Namespace) -> bool:
    """Shards of small images."""
    figures, peer = work / "figures.txt", _img2dataset(options.keep)
    size = ("--size", str(SIZE))
    ways: dict[str, list[Step]] = {
        "bare loop": [[sys.executable, "-m", "tests.benchmarks.peers.squares", str(folder), ".", str(SIZE)]],
        "ham export webdataset": [exported("webdataset", work, *size)],
        "ham, --fast": [exported("webdataset", work, *size, "--fast")],
    }
    if peer:
        ways["img2dataset"] = [[str(peer), str(PEERS / "shards.py"), str(folder), ".", str(SIZE), str(figures)]]
    costs = rounds(_sides(ways), options.rounds, work)
    targets = [report.Target("ham export webdataset", "bare loop", 1 / 0.85), report.Target("ham, --fast", "bare loop", None)]
    met = report.compare(f"{options.images} images at {SIZE} pixels, into shards", costs, targets)
    if peer:
        steady = [float(line.split()[1]) for line in figures.read_text().splitlines()]
        met &= _beside_steady("ham export webdataset", costs["ham export webdataset"], steady, 1.0)
        met &= _beside_steady("ham, --fast", costs["ham, --fast"], steady, 1 / 1.5)
    return met


def _beside_steady(name: str, costs: Sequence[Cost], steady: Sequence[float], most: float) -> bool:
    """Whole processes beside the seconds in which img2dataset makes images."""
    found = Figure(tuple(cost.wall / seconds for cost, seconds in zip(costs, steady, strict=True)))
    return report.judge(f"{name} / img2dataset's steady rate", found.median, most, found.shown())


def whole(folder: Path, work: Path, options: argparse.Namespace) -> bool:
    """Published bytes."""
    ways: dict[str, list[Step]] = {
        "cp": [["cp", "-r", str(folder), "out"]],
        "ham export hf": [exported("hf", work)],
        "ham export webdataset": [exported("webdataset", work)],
        "ham export imagefolder": [exported("imagefolder", work)],
    }
    if importlib.util.find_spec("datasets"):
        ways[_LIBRARY] = [[sys.executable, "-m", "tests.benchmarks.peers.parquet", str(folder), "out.parquet"]]
    else:
        print("Hugging Face's datasets is left out: it is not installed")
    costs = rounds(_sides(ways), options.rounds, work)
    others = [report.Target(name, "cp", None) for name in ways if name.startswith("ham ") and name != "ham export hf"]
    others += [report.Target("ham export hf", _LIBRARY, None)]
    most = 2.0 if options.images >= PUBLISHED else None  # of fewer, what is measured is how long a program takes to start
    return report.compare(f"{options.images} images, published bytes", costs, [report.Target("ham export hf", "cp", most), *others])


def linked(_folder: Path, work: Path, options: argparse.Namespace) -> bool:
    """A folder of links."""
    costs = rounds(_sides({"ham export imagefolder --link hard": [exported("imagefolder", work, "--link", "hard")]}), options.rounds, work)
    met = report.compare(f"{options.images} images, linked", costs, [])
    wall = figure(next(iter(costs.values())), lambda cost: cost.wall)
    return report.judge("seconds", wall.median, 4.0, wall.shown()) and met


def memory(_folder: Path, work: Path, options: argparse.Namespace) -> bool:
    """Every format, once."""
    ways = {f"ham export {name}": [exported(name, work, *(("--size", str(SIZE)) if name in SIZED else ()))] for name in FORMATS}
    costs = rounds(_sides(ways), 1, work)
    report.compare(f"{options.images} images in every format", costs, [])
    met = True
    for name, some in costs.items():
        peak = figure(some, lambda cost: cost.peak / 1e6)
        met &= report.judge(f"{name}, peak MB", peak.median, MOST_MEMORY, peak.shown(0))
    return met


PARTS = {"resized": resized, "whole": whole, "linked": linked, "memory": memory}


def _sides(ways: Mapping[str, list[Step]]) -> list[Side]:
    return [Side(name, lambda _, steps=steps: steps) for name, steps in ways.items()]  # type: ignore[misc]


def _img2dataset(keep: Path) -> Path | None:
    """The Python of an environment that has img2dataset, which wants other pins; ``None``, and said, where it cannot be made."""
    home = keep / "img2dataset"
    python = home / "bin" / "python"
    try:
        if not (home / "whole").exists():
            venv.create(home, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "img2dataset>=1.47", "pandas<3"], check=True)
            (home / "whole").touch()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"img2dataset is left out: {error}")
        return None
    return python


def _known(typed: str) -> str:
    if typed not in PARTS:
        raise argparse.ArgumentTypeError(f"{typed!r} is none of {', '.join(PARTS)}")
    return typed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.exports",
        description=__doc__,
        epilog="Medians of interleaved rounds, in parentheses the least and the most; 1 where a target is missed.",
    )
    parser.add_argument("only", nargs="*", metavar="WHICH", type=_known, help=f"of {', '.join(PARTS)}; else all")
    parser.add_argument("--images", type=int, default=PUBLISHED, metavar="N", help="how many training images; else %(default)s")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each side runs; else %(default)s")
    parser.add_argument(
        "--keep",
        type=Path,
        default=Path.home() / ".cache" / "ham-bench",
        help="where drawn records and other programs stay; else %(default)s",
    )
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
