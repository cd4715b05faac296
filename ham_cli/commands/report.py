"""``ham report``: what is known of the data and of a split, as one page."""

from __future__ import annotations

import contextlib
from pathlib import Path  # noqa: TC003  (the parser reads annotations while the program runs)
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands import reporting
from ham_cli.commands.choice import SplitName, loaded, narrowed
from ham_cli.commands.options import Jobs, Run, command, outside_the_cache
from ham_cli.errors import RecordError, WrongUsageError, from_os_error

if TYPE_CHECKING:
    from ham_cli.summary.page.given import Given
    from ham_cli.summary.page.writing import Page

EXAMPLES = (
    "ham report ham10000.html",
    "ham report report.html --split r70-15-15-s0",
    "ham report report.html --split splits/s0.parquet --force",
    "ham report report.html --json | jq .result.sections",
)

_ROOM = 1 << 20
"""Bytes for which there must be room: about a page."""

_ENDINGS = (".html", ".htm")


def register(app: typer.Typer) -> None:
    """Add the command."""
    codes = {3: "the page is written, and an image in the cache is wrong", 4: "the table of images is not fetched yet: ham fetch metadata"}
    command(app, "report", examples=EXAMPLES, codes=codes, see=("stats", "check"))(report)


def report(
    run: Run,
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The page to write, as .html.")],
    split: SplitName = None,
    force: Annotated[bool, typer.Option("--force", help="Write also over what is no report of ham.")] = False,
    jobs: Jobs = None,
) -> int:
    """Make one page of what is known: data card, classes, sites, people, pixels, masks, examples, a split's balance.

    The page is one file for any browser; it loads nothing. With --split also whether lesions leak. Needs only the
    tables; of images that are in the cache it shows some. It needs two more libraries, ham's extra report: python -m
    pip install jinja2 vl-convert-python.
    """
    from ham_cli import pool
    from ham_cli.console.bars import watch
    from ham_cli.summary.page import writing

    writing.require()
    target = _target(run, file, force=force)
    dataset = loaded(run)
    joined = narrowed(run, dataset, split=split) if split is not None else None
    for sentence in dataset.altered:
        run.console.warn(sentence)
    _require_writable(target)
    workers = jobs or pool.cores()
    given = reporting.gathered(run, dataset, joined, split, workers)
    page = writing.Page(given, workers)
    watch(page.run(), run.console)
    try:
        size = page.write(target)
    except OSError as error:
        raise from_os_error(error, error.filename or target) from error
    _tell(run, target, given, page, size)
    return RecordError.exit_code if page.wrong else 0


def _target(run: Run, file: Path, *, force: bool) -> Path:
    """The file to write; `WrongUsageError` for another ending, a folder, a place in the cache, or somebody's own page."""
    from ham_cli.summary.page import writing

    if _is_strange(file):
        raise WrongUsageError("a report is written to a file, and this is none", where=file, fix="name a file: ham report report.html")
    path = outside_the_cache(file, run.cache, "name another place")
    if path.suffix.lower() not in _ENDINGS:
        raise WrongUsageError("a report is written as HTML", where=path, expected="a name that ends in .html")
    if path.is_dir():
        raise WrongUsageError("this is a folder, and a report is a file", where=path, fix=f"ham report {path / 'report.html'}")
    if path.exists() and not force:
        try:
            ours = writing.is_report(path)
        except OSError as error:
            raise from_os_error(error, path) from error
        if not ours:
            fix = "name another file, or write over it with --force"
            raise WrongUsageError("what lies there is no report of ham", where=path, fix=fix)
    return path


def _is_strange(file: Path) -> bool:
    """Whether it is there, and neither file nor folder: a pipe, a device."""
    try:
        return file.exists() and not file.is_file() and not file.is_dir()
    except OSError:
        return False


def _require_writable(path: Path) -> None:
    """Raise `AccessError` where the page could not be written, before the work; folders that are not there are made with the page."""
    from ham_cli import atomic

    trial = None
    try:
        place = next(folder for folder in path.parents if folder.exists())
        trial = atomic.beside(place / path.name)
        trial.write_bytes(bytes(_ROOM))
    except OSError as error:
        raise from_os_error(error, path) from error
    finally:
        if trial is not None:
            with contextlib.suppress(OSError):
                trial.unlink(missing_ok=True)


def _tell(run: Run, target: Path, given: Given, page: Page, size: int) -> None:
    """Say where the page is and what a person should know of it."""
    from ham_cli.console import size as in_words
    from ham_cli.summary.page.card import damaged
    from ham_cli.summary.page.given import Checked

    checked = given.checked if isinstance(given.checked, Checked) else None
    if page.wrong:
        run.console.warn(damaged(page.wrong))
    if checked and checked.leaking:
        run.console.warn(f"the split leaks: {checked.verdict}")
    run.console.say(f"written: {target}, {in_words(size)}")
    material = page.material
    assert material is not None, "the page is made"
    run.console.result = {
        "file": str(target),
        "bytes": size,
        "split": given.balance and {"name": given.balance.name, "digest": given.split and given.split.joined and given.split.joined.digest},
        "leaking": checked and checked.leaking,
        "sections": {
            section.key: {"charts": [figure.key for figure in section.figures], "tables": len(section.tables)}
            for section in material.sections
        },
        "images": len(given.rows),
        "measured": {"pixels": len(given.pixels.rows), "masks": len(given.masks.rows) if given.masks else None},
        "findings": [finding.fields() for finding in page.wrong],
        "examples": {some.dx: [image.image_id for image in some.images] for some in material.examples},
    }
