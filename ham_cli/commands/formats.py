"""The options of exports, each declared once; a format says which of them it takes."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_cli.commands import completing
from ham_cli.commands.choice import Fold, OnePerLesion, Only, Part, Partition, SplitName
from ham_cli.commands.crew import Dask
from ham_cli.commands.options import Jobs
from ham_cli.links import WAYS
from ham_cli.rendering import CROPS, FORMATS, QUALITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from ham_cli.commands.options import Run
    from ham_cli.exporters.format import Format

WRITTEN = "Images and masks"

_EVERY: dict[str, tuple[Any, Any]] = {
    "split": (SplitName, None),
    "fold": (Fold, None),
    "part": (Part, None),
    "partition": (Partition, None),
    "only": (Only, None),
    "one_per_lesion": (OnePerLesion, False),
}
"""Option to its annotation and default: those of every format, which choose the images."""

_SOME: dict[str, tuple[Any, Any]] = {
    "of": (
        Annotated[
            Path | None,
            typer.Option("--of", metavar="EXPORT", show_default=False, help="Describe this export, a folder, instead of the cache."),
        ],
        None,
    ),
    "link": (
        Annotated[
            str,
            typer.Option(
                "--link",
                metavar="|".join(WAYS),
                autocompletion=completing.one_of(*WAYS),
                help="hard and sym share the cache's bytes: one changed, both are. auto shares blocks where it can, else copies.",
            ),
        ],
        "auto",
    ),
    "masks": (
        Annotated[bool, typer.Option("--masks", help="The lesion masks too, which training images have.", rich_help_panel=WRITTEN)],
        False,
    ),
    "shard_size": (
        Annotated[
            int | None,
            typer.Option("--shard-size", min=1, metavar="N", show_default=False, help="Images a file; else 1000.", rich_help_panel=WRITTEN),
        ],
        None,
    ),
    "grouping": (
        Annotated[
            str | None,
            typer.Option(
                "--grouping",
                metavar="NAME",
                show_default=False,
                help="Two classes instead of seven: malignant (mel, bcc, akiec, as in Nature Medicine 2020).",
            ),
        ],
        None,
    ),
    "class_order": (
        Annotated[
            str,
            typer.Option(
                "--class-order",
                metavar="alphabetical|challenge",
                autocompletion=completing.one_of("alphabetical", "challenge"),
                help="Of the classes' numbers; challenge: MEL NV BCC AKIEC BKL DF VASC.",
            ),
        ],
        "alphabetical",
    ),
    "size": (
        Annotated[
            int | None,
            typer.Option(
                "--size",
                min=1,
                max=4096,
                metavar="N",
                show_default=False,
                help="Squares of N x N pixels; else the published bytes, untouched.",
                rich_help_panel=WRITTEN,
            ),
        ],
        None,
    ),
    "crop": (
        Annotated[
            str | None,
            typer.Option(
                "--crop",
                metavar="|".join(CROPS),
                show_default=False,
                autocompletion=completing.one_of(*CROPS),
                help="With --size: the middle square (center, the default), all between black bars, or all of it squeezed.",
                rich_help_panel=WRITTEN,
            ),
        ],
        None,
    ),
    "image_format": (
        Annotated[
            str,
            typer.Option(
                "--image-format",
                metavar="|".join(FORMATS),
                autocompletion=completing.one_of(*FORMATS),
                help="png loses nothing, and is larger.",
                rich_help_panel=WRITTEN,
            ),
        ],
        "jpeg",
    ),
    "quality": (
        Annotated[
            int | None,
            typer.Option(
                "--quality",
                min=1,
                max=100,
                metavar="1-100",
                show_default=False,
                help=f"Of JPEGs that are written anew, with --size; else {QUALITY}.",
                rich_help_panel=WRITTEN,
            ),
        ],
        None,
    ),
    "fast": (
        Annotated[
            bool,
            typer.Option(
                "--fast",
                help="With --size: let the decoder scale. Quicker; at 224 it takes 448 pixels instead of 450, and differs by 48 dB (PSNR).",
                rich_help_panel=WRITTEN,
            ),
        ],
        False,
    ),
    "allow_partial": (
        Annotated[bool, typer.Option("--allow-partial", help="Be content with the images in the cache: no exit 4.")],
        False,
    ),
    "allow_missing_classes": (
        Annotated[
            bool,
            typer.Option("--allow-missing-classes", help="Also where a part lacks a class; a class without any image gets no number."),
        ],
        False,
    ),
    "jobs": (Jobs, None),
    "dask": (Dask, None),
}
"""Option to its annotation and default: those that some formats take."""

_LAST: dict[str, tuple[Any, Any]] = {
    "force": (Annotated[bool, typer.Option("--force", help="Replace what lies there: an earlier export is removed.")], False),
    "dry_run": (Annotated[bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")], False),
}

Destination = Annotated[
    str,
    typer.Argument(metavar="DEST", show_default=False, help="A folder, made where it is not there; or s3://BUCKET/PREFIX, gs://, az://."),
]


def command_of(one: Format, export: Callable[..., int]) -> Callable[..., int]:
    """A format's command: ``export`` with the format, and the options that it takes."""

    def call(run: Run, dest: str, **given: Any) -> int:  # noqa: ANN401  (whatever the parser makes of the options)
        return export(run, one, dest, given)

    options = _EVERY | {name: _SOME[name] for name in one.takes} | _LAST
    own = [
        inspect.Parameter("run", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("dest", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Destination),
        *(inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=value) for n, (kind, value) in options.items()),
    ]
    call.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    call.__doc__ = inspect.cleandoc(one.help)
    return call
