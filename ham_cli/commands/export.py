"""``ham export``: into the formats that others read."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from ham_cli.commands.choice import loaded, narrowed
from ham_cli.commands.crew import hired
from ham_cli.commands.formats import command_of
from ham_cli.commands.options import Run, absolute, command, examples_block
from ham_cli.console import one_line
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.findings import counted
from ham_cli.links import WAYS, Link
from ham_cli.rendering import CROPS, FORMATS, QUALITY, Rendering

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from ham_cli.dataset import Dataset
    from ham_cli.destination import Store
    from ham_cli.exporters.format import Format
    from ham_cli.exporters.pack import Packing
    from ham_cli.exporters.parcel import Parcel
    from ham_cli.exporters.wish import Wish
    from ham_cli.pool import Workers

EXAMPLES = (
    "ham export csv tables",
    "ham export imagefolder data --split r70-15-15-s0",
    "ham export webdataset shards --split r70-15-15-s0 --size 224",
    "ham export hf s3://bucket/ham10000 --split r70-15-15-s0",
)
_SHORT = "Write the data set into a folder, in a format that others read."
_MORE = """
Each format has its own page: ham export FORMAT --help. Beside the images lie the licence, what to cite, and
ham-export.parquet, which lists every file with its digest: ham verify --path DEST holds the export against it. An
interrupted export is finished by the same command. Nothing that lies in DEST already is replaced without --force.
"""
_CODES = {
    3: "a part lacks a class, or an image is not what was fetched",
    4: "images that are not in the cache were left out, or nothing is fetched yet",
}


class Formats(TyperGroup):
    """The formats as commands; they are made when one is asked for, so that no other command waits for them."""

    _made: MutableMapping[str, Any] | None = None

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """Each format's command by its name."""
        if self._made is None:
            from ham_cli.exporters import FORMATS

            app = typer.Typer(rich_markup_mode=None, add_completion=False)
            for one in FORMATS.values():
                command(app, one.name, examples=one.examples, codes=_CODES, see=("split", "verify --path DEST"))(command_of(one, export))
            group: Any = typer.main.get_group(app)
            self._made = group.commands
        return self._made or {}

    @commands.setter
    def commands(self, _registered: MutableMapping[str, Any]) -> None:
        """Nothing: the parser's library puts here what was registered when the program started, and that is no format."""


def register(app: typer.Typer) -> None:
    """Add the group, whose commands are the formats."""
    group = typer.Typer(
        cls=Formats,
        help=f"{_SHORT}\n{_MORE}",
        subcommand_metavar="FORMAT DEST",
        no_args_is_help=True,
        rich_markup_mode=None,
        epilog=examples_block(EXAMPLES),
    )
    group.callback()(lambda: None)
    app.add_typer(group, name="export", short_help=_SHORT)


def export(run: Run, one: Format, dest: str, given: Mapping[str, Any]) -> int:
    """Plan a format's files and put them into their folder; the exit code."""
    from ham_cli import pool
    from ham_cli.console.bars import watch
    from ham_cli.dataset.leaks import leaks

    link = _word("--link", given.get("link", "auto"), WAYS)
    rendering = _rendering(given)
    choice = {name: given[name] for name in ("split", "fold", "part", "partition", "only", "one_per_lesion")}
    dataset = narrowed(run, loaded(run), **choice)
    for sentence in leaks(dataset):
        run.console.warn(sentence)
    wish = _wish(dataset, given, rendering)
    place = _place(dest, dataset, link, given.get("dask"))
    parcel = one.plan(dataset, wish)
    with hired(given.get("jobs"), given.get("dask")) as workers, _packed(parcel, place, link, workers, force=given["force"]) as packing:
        if given["dry_run"]:
            _foretell(run, parcel, packing)
        else:
            pool.require(workers, dataset.folder.manifest("images"))
            watch(packing.run(), run.console)
            run.console.out(one_line(f"{'written' if packing.changed else 'unchanged'}: {packing.place()}"))
            _tell(run, parcel, packing)
    run.console.result = _result(parcel, packing, dry_run=given["dry_run"])
    return _missing(run, parcel, allow_partial=given.get("allow_partial", True))


def _word(option: str, word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise WrongUsageError(f"{option} knows no such word", expected=", ".join(known), got=word)
    return word


def _rendering(given: Mapping[str, Any]) -> Rendering:
    """How images are written; `WrongUsageError` for options that would change nothing."""
    if "size" not in given:
        return Rendering()
    size, crop, quality = given["size"], given["crop"], given.get("quality")
    form = _word("--image-format", given.get("image_format", "jpeg"), tuple(FORMATS))
    if quality is not None and form != "jpeg":
        raise WrongUsageError("--quality is for JPEGs", got=f"--image-format {form}", fix="leave one of them out")
    idle = [("--crop", crop), ("--fast", given["fast"]), ("--quality", quality)] if size is None else []
    if found := next((name for name, value in idle if value not in (None, False)), None):
        fix = "add --size N, or leave it out: without a size every image stays as large as it is"
        raise WrongUsageError(f"{found} is for images that are resized", fix=fix)
    return Rendering(size, _word("--crop", CROPS[0] if crop is None else crop, CROPS), form, quality or QUALITY, given["fast"])


def _wish(dataset: Dataset, given: Mapping[str, Any], rendering: Rendering) -> Wish:
    """What was asked for beside the images, in words that the manifest keeps."""
    from ham_cli import selection
    from ham_cli.exporters.wish import ORDERS, SHARD, Wish

    words = dict(selection.parse(given["only"] or (), None, 0, dataset.record, banded=True).only)
    narrowed_by = {name: given[name] for name in ("fold", "part", "partition")}
    narrowed_by |= {"only": {column: list(some) for column, some in words.items()} or None, "one_per_lesion": given["one_per_lesion"]}
    grouping = given.get("grouping")
    if grouping is not None:
        _word("--grouping", grouping, tuple(dataset.record.groupings))
    return Wish(
        dataset.joined.digest if dataset.joined else None,
        narrowed_by,
        words.get("dx"),
        grouping,
        _word("--class-order", given.get("class_order", ORDERS[0]), ORDERS),
        rendering,
        given.get("masks", False),
        given.get("shard_size") or SHARD,
        given.get("allow_missing_classes", False),
        given.get("of"),
    )


def _foretell(run: Run, parcel: Parcel, packing: Packing) -> None:
    """Say what would be written."""
    from ham_cli.console.bars.thing import in_bytes

    images = counted(parcel.images, "image") + ", " if parcel.images else ""
    run.console.out(one_line(f"would be {'written' if packing.changed else 'unchanged'}: {packing.place()}"))
    todo = f"{len(packing.todo)} of {counted(len(parcel.items), 'file')} to write, at most {in_bytes(packing.room)}"
    run.console.say(f"{images}{todo if packing.changed else counted(len(parcel.items), 'file')}")
    for note in parcel.notes:
        run.console.say(note)


def _tell(run: Run, parcel: Parcel, packing: Packing) -> None:
    """Say what was written, and what a person should know of it."""
    from ham_cli.exporters.journal import MANIFEST

    alone = sum(1 for item in parcel.items if item.image_id)
    rest = counted(len(parcel.items) - (parcel.images if alone else 0), "other file" if alone else "file")
    run.console.say(f"{counted(parcel.images, 'image') + ', ' if parcel.images else ''}{rest}; all listed in {MANIFEST}")
    if packing.link in {Link.HARD, Link.SYM} and any(item.source for item in parcel.items):
        run.console.say("these files share their bytes with the cache: who changes one changes the other")
    for note in parcel.notes:
        run.console.say(note)


def _result(parcel: Parcel, packing: Packing, *, dry_run: bool) -> dict[str, Any]:
    return {
        "format": parcel.format,
        "folder": packing.place(),
        "written": packing.changed and not dry_run,
        "files": len(parcel.items),
        "images": parcel.images,
        "missing": list(parcel.missing),
        "input_digest": parcel.input_digest,
        "options": parcel.options,
        "notes": list(parcel.notes),
        **({"dry_run": True, "to_write": len(packing.todo), "bytes_at_most": packing.room} if dry_run else {}),
    }


def _place(dest: str, dataset: Dataset, link: str, dask: str | None) -> Path | Store:
    """Where an export goes; a store is not asked yet."""
    if "://" not in dest:
        return _folder(dest, dataset)
    from ham_cli.destination import Store

    if link not in {"auto", "copy"}:
        raise WrongUsageError("a store holds no links", got=f"--link {link}", fix="leave --link out")
    if dask is not None:
        raise WrongUsageError("--dask writes into a folder that its workers share, not into a store", fix="leave --dask out")
    return Store(dest)


@contextmanager
def _packed(parcel: Parcel, place: Path | Store, link: str, workers: int | Workers, *, force: bool) -> Iterator[Packing]:
    """The export at its place."""
    from ham_cli.exporters.pack import Packing
    from ham_cli.exporters.sending import sending

    if isinstance(place, Path):
        yield Packing(parcel, place, Link(link), workers, force=force)
        return
    assert isinstance(workers, int)
    with sending(parcel, place, workers, force=force) as packing:
        yield packing


def _folder(dest: str, dataset: Dataset) -> Path:
    if not dest.strip():
        raise WrongUsageError("DEST is empty", expected="a folder", fix="is the variable that names it set?")
    folder = absolute(Path(dest))
    try:
        real = folder.resolve()
    except (RuntimeError, OSError) as error:
        raise WrongUsageError("the destination is a link that leads nowhere", where=folder, got=error, fix="name another one") from error
    # A folder that holds other things too may be named as the cache: then only the record's own folder is closed.
    root = dataset.folder.path.parent if (dataset.folder.path.parent / "CACHEDIR.TAG").is_file() else dataset.folder.path
    inside = root.resolve()
    if real == inside or inside in real.parents:
        raise WrongUsageError("the destination lies in the cache", where=folder, fix="name a folder outside of it")
    return folder


def _missing(run: Run, parcel: Parcel, *, allow_partial: bool) -> int:
    """Say what is not there; the exit code."""
    from ham_cli.exporters.gathering import left_out

    if not parcel.missing:
        return 0
    run.console.warn(f"left out, as they are not in the cache: {left_out(parcel)}")
    if allow_partial:
        return 0
    run.console.say("incomplete: fetch the rest, or be content with --allow-partial")
    return UnavailableError.exit_code
