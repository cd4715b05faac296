"""``ham demo``: the whole job, on a record that is drawn here."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ham_cli
from ham_cli import extras
from ham_cli.commands.options import RARELY, Jobs, Run, absolute, command
from ham_cli.console import one_line
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = ("ham demo", "ham demo ./demo", "ham demo --images 1000", "ham demo ./large --images 10015 --draw-only")

IMAGES = 150
FEWEST, MOST = 100, 50_000
"""Training images of a demo: with fewer a part of a split would lack some class; more cannot be drawn."""

EACH = 950_000
"""Bytes that an image takes in the end: in its zip, in the cache, and in an export."""

LONGEST = 3600.0
"""Seconds to wait for another demo that draws into the same folder."""

STEPS = (
    (
        "Fetch: the published files into a cache, each image vouched for by its digest.",
        "fetch --source published --record published/record.json",
    ),
    ("Verify: is it all there, and right?", "verify"),
    ("Split: no lesion on two sides, every diagnosis by the ratios.", "split --seed 0 -o splits/s0.parquet"),
    ("Check: does anything leak in this split, or in one that you were given?", "check splits/s0.parquet"),
    ("Stats: how many images, of how many lesions, by diagnosis and source?", "stats --by dx,dataset --partition train"),
    ("Stats of the split's parts, by sex.", "stats --by sex --split splits/s0.parquet"),
    ("Stats of the pixels: what to normalise images by, ready to paste.", "stats --pixels --by dx --split splits/s0.parquet --part train"),
    ("Export: the published tables, byte for byte.", "export csv exports/tables"),
    (
        "Export: folders of images by part and class, for torchvision, timm or Keras.",
        "export imagefolder exports/images --split splits/s0.parquet",
    ),
)
"""What each step is for, and what a person types."""

PAGE = ("Report: all of it to look at, in one file.", "report report.html --split splits/s0.parquet")
"""The last step, where the extra that it needs is installed."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {0: "every step is done", 2: "wrong usage; any other code is that of the step that failed"}
    command(app, "demo", examples=EXAMPLES, codes=codes, see=("fetch",), without=("cache_dir",))(demo)


def demo(
    run: Run,
    folder: Annotated[
        str | None, typer.Argument(metavar="DIR", show_default=False, help="Where all of it goes; else ham-demo beside the user's cache.")
    ] = None,
    images: Annotated[int, typer.Option("--images", min=FEWEST, max=MOST, metavar="N", help="Training images to draw.")] = IMAGES,
    draw_only: Annotated[
        bool, typer.Option("--draw-only", help="Only draw the published files; nothing is fetched.", rich_help_panel=RARELY)
    ] = False,
    jobs: Jobs = None,
) -> int:
    """Draw a small record of nobody's skin, and fetch, verify, split, count and export it, without a network.

    Tells at each step what a person would type, and shows what comes of it. Its cache lies in DIR too: yours is
    left alone. A second run draws nothing again.
    """
    from ham_cli import cache, demo, pool
    from ham_cli import record as records
    from ham_cli.console.bars import watch

    where = _folder(folder, images)
    published = where / "published"
    if not demo.is_whole(published, images):
        _require_unused(published)
        cache.require_room(where, EACH * images, "free some room, name another DIR, or draw fewer with --images")
    with cache.writer(published, LONGEST, run.console.say):
        run.console.out(one_line(f"# Everything lies in {where}"))
        watch(demo.draw(published, images, jobs or pool.cores()), run.console)
    run.console.record = records.load(published / "record.json").id
    run.console.out(f"# {images} images, drawn and packed as published ones are; they show nobody's skin.")
    run.console.result = {"folder": str(where), "published": str(published), "images": images, "steps": []}
    return 0 if draw_only else _walk(run, where, jobs)


def _require_unused(published: Path) -> None:
    """Raise `WrongUsageError` where another demo was drawn: its splits and exports would fit nothing any more."""
    from ham_cli import record as records

    if (published / "record.json").is_file():
        got = records.load(published / "record.json").id
        raise WrongUsageError("another demo lies there", where=published.parent, got=got, fix="name another DIR, or remove this one")


def _walk(run: Run, where: Path, jobs: int | None) -> int:
    """Every step, each as a process of its own in the demo's folder, until one fails; the exit code."""
    surroundings = _surroundings(run, jobs)
    # Appended, not through PYTHONPATH, which stands before the standard library.
    program = f"import sys; sys.path.append({str(Path(ham_cli.__file__).parents[1])!r}); from ham_cli.__main__ import run; run()"
    run.console.out(f"\n$ cd {shlex.quote(str(where))}\n$ export HAM_CACHE_DIR=cache")
    drawn = extras.installed("report")
    for purpose, words in (*STEPS, *([PAGE] if drawn else [])):
        run.console.out(f"\n# {purpose}\n$ ham {words}")
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            done = subprocess.run(  # noqa: S603  (this program itself)
                [sys.executable, "-P", "-c", program, *words.split()],
                cwd=where,
                env=surroundings,
                stdout=subprocess.PIPE if run.console.as_json else None,
                check=False,
            )
        except KeyboardInterrupt:
            run.console.quiet = True  # the step, which Ctrl-C reached too, has said so
            raise
        if run.console.as_json:
            run.console.result["steps"].append(_document(f"ham {words}", done))
        if done.returncode:
            run.console.quiet = True  # the step has said what there is to say
            return done.returncode if done.returncode > 0 else 128 - done.returncode
    if not drawn:
        run.console.out(f"\n# A page to look at wants two more libraries: {extras.command('report')}\n# and then: ham {PAGE[1]}")
    run.console.out("")
    run.console.out(one_line(f"# Done. Look around in {where}, and remove it when you have seen enough. The real data: ham fetch --help"))
    return 0


def _document(typed: str, done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = {"result": None, "error": None}
    return {"command": typed, "exit_code": done.returncode, "result": said["result"], "error": said["error"]}


def _surroundings(run: Run, jobs: int | None) -> Mapping[str, str]:
    """The environment of the steps: the demo's own cache, and nothing that would make them another person's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HAM_") or name in {"HAM_DEBUG", "HAM_JOBS"}}
    own = {"HAM_CACHE_DIR": "cache", "HAM_JSON": str(int(run.console.as_json)), "HAM_QUIET": str(int(run.console.quiet))}
    return kept | own | ({"HAM_JOBS": str(jobs)} if jobs else {})


def _folder(typed: str | None, images: int) -> Path:
    from ham_cli import cache
    from ham_cli.place import default_root

    if typed is None:
        return default_root().with_name("ham-demo" if images == IMAGES else f"ham-demo-{images}")
    if not typed.strip():
        raise WrongUsageError("DIR is empty", expected="a folder", fix="is the variable that names it set?")
    where = absolute(Path(typed))
    if cache.listing(where) and not (where / "published").is_dir():
        raise WrongUsageError("this folder is not empty, and holds no demo", where=where, fix="name another one")
    return where
