"""``ham export``: into the formats that others read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ham_cli.commands import completing
from ham_cli.commands.choice import Fold, Only, Part, Partition, SplitName, loaded, narrowed
from ham_cli.commands.options import Jobs, Run, absolute, command, examples_block
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.findings import counted
from ham_cli.links import WAYS, Link

if TYPE_CHECKING:
    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Parcel, Wish

EXAMPLES = (
    "ham export csv tables",
    "ham export imagefolder data --split r70-15-15-s0",
)
CSV_EXAMPLES = (
    "ham export csv tables",
    "ham export csv joined --split r70-15-15-s0",
    "ham export csv melanoma --only dx=mel",
)
IMAGEFOLDER_EXAMPLES = (
    "ham export imagefolder data --split r70-15-15-s0",
    "ham export imagefolder data --split s0.csv --part test",
    "ham export imagefolder few --only dx=mel,nv --allow-partial",
)

Destination = Annotated[str, typer.Argument(metavar="DEST", show_default=False, help="A folder; made where it is not there.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what lies there: an earlier export is removed.")]


def register(app: typer.Typer) -> None:
    """Add the group and a command for each format."""
    group = typer.Typer(
        help="Write the data set into a folder, in a format that others read.",
        no_args_is_help=True,
        rich_markup_mode=None,
        epilog=examples_block(EXAMPLES),
    )
    command(group, "csv", examples=CSV_EXAMPLES)(csv)
    command(group, "imagefolder", examples=IMAGEFOLDER_EXAMPLES)(imagefolder)
    app.add_typer(group, name="export", short_help="Write the data set into a folder, in a format that others read.")


def csv(
    run: Run,
    dest: Destination,
    split: SplitName = None,
    fold: Fold = None,
    part: Part = None,
    partition: Partition = None,
    only: Only = None,
    force: Force = False,
) -> int:
    """Write the published tables, byte for byte; needs no image.

    With a split, or for less than everything: one table with all columns, split and fold.
    """
    dataset, wish = _asked(run, split, fold, part, partition, only)
    return _export(run, "csv", dest, dataset, wish, force=force)


def imagefolder(
    run: Run,
    dest: Destination,
    split: SplitName = None,
    fold: Fold = None,
    part: Part = None,
    partition: Partition = None,
    only: Only = None,
    link: Annotated[
        str,
        typer.Option(
            "--link",
            metavar="|".join(WAYS),
            autocompletion=completing.one_of(*WAYS),
            help="hard and sym share the cache's bytes; auto shares blocks where it can, else copies.",
        ),
    ] = "auto",
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Be content with the images in the cache: no exit 4.")] = False,
    allow_missing_classes: Annotated[bool, typer.Option("--allow-missing-classes", help="Also where a part lacks a class.")] = False,
    force: Force = False,
    jobs: Jobs = None,
) -> int:
    """Write images into DEST/train/nv/ISIC_0024306.jpg and so on: torchvision, timm, Keras and Ultralytics read it.

    Without a split the published partitions are the parts. The bytes are the published ones.
    """
    if link not in WAYS:
        raise WrongUsageError("--link knows no such way", expected=", ".join(WAYS), got=link)
    dataset, wish = _asked(run, split, fold, part, partition, only, allow_missing_classes=allow_missing_classes)
    return _export(run, "imagefolder", dest, dataset, wish, link=Link(link), jobs=jobs, force=force, allow_partial=allow_partial)


def _asked(
    run: Run,
    split: str | None,
    fold: int | None,
    part: str | None,
    partition: str | None,
    only: list[str] | None,
    *,
    allow_missing_classes: bool = False,
) -> tuple[Dataset, Wish]:
    """The images that were asked for, and what was asked in words."""
    from ham_cli import selection
    from ham_cli.exporters.parcel import Wish

    dataset = narrowed(run, loaded(run), split=split, fold=fold, part=part, partition=partition, only=only)
    words = dict(selection.parse(only or (), None, 0, dataset.record, banded=True).only)
    options = {"fold": fold, "part": part, "partition": partition, "only": {c: list(w) for c, w in words.items()} or None}
    classes = words.get("dx", tuple(dataset.record.classes))
    return dataset, Wish(dataset.joined.digest if dataset.joined else None, options, classes, allow_missing_classes)


def _export(
    run: Run,
    name: str,
    dest: str,
    dataset: Dataset,
    wish: Wish,
    *,
    link: Link = Link.AUTO,
    jobs: int | None = None,
    force: bool,
    allow_partial: bool = True,
) -> int:
    """Make the parcel and put it into its folder; the exit code."""
    from ham_cli import exporters, pool
    from ham_cli.console.bars import watch
    from ham_cli.exporters.pack import MANIFEST, Packing

    folder = _folder(dest, dataset)
    parcel = exporters.FORMATS[name](dataset, wish)
    packing = Packing(parcel, folder, link, jobs or pool.cores(), force=force)
    watch(packing.run(), run.console)
    images = sum(1 for item in parcel.items if item.image_id)
    run.console.out(f"{'written' if packing.changed else 'unchanged'}: {folder}")
    rest = counted(len(parcel.items) - images, "other file" if images else "file")
    run.console.say(f"{counted(images, 'image') + ', ' if images else ''}{rest}; all listed in {MANIFEST}")
    if link in {Link.HARD, Link.SYM}:
        run.console.say("these files share their bytes with the cache: who changes one changes the other")
    for note in parcel.notes:
        run.console.say(note)
    code = _missing(run, parcel, allow_partial=allow_partial)
    run.console.result = {
        "format": name,
        "folder": str(folder),
        "written": packing.changed,
        "files": len(parcel.items),
        "images": images,
        "missing": list(parcel.missing),
        "input_digest": parcel.input_digest,
        "options": parcel.options,
        "notes": list(parcel.notes),
    }
    return code


def _folder(dest: str, dataset: Dataset) -> Path:
    if not dest.strip():
        raise WrongUsageError("DEST is empty", expected="a folder", fix="is the variable that names it set?")
    if "://" in dest:
        raise WrongUsageError("this destination is no folder", where=dest, expected="a folder on this machine")
    folder = absolute(Path(dest))
    # A folder that holds other things too may be named as the cache: then only the record's own folder is closed.
    root = dataset.folder.path.parent if (dataset.folder.path.parent / "CACHEDIR.TAG").is_file() else dataset.folder.path
    inside = root.resolve()
    if folder.resolve() == inside or inside in folder.resolve().parents:
        raise WrongUsageError("the destination lies in the cache", where=folder, fix="name a folder outside of it")
    return folder


def _missing(run: Run, parcel: Parcel, *, allow_partial: bool) -> int:
    """Say what is not there; the exit code."""
    if not parcel.missing:
        return 0
    few = ", ".join(parcel.missing[:3])
    run.console.warn(f"left out, as they are not in the cache: {counted(len(parcel.missing), 'image')}, such as {few}")
    if allow_partial:
        return 0
    run.console.say("incomplete: fetch the rest, or be content with --allow-partial")
    return UnavailableError.exit_code
