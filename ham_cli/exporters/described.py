"""Another export described: the files that lie there, and the records in them; the description becomes a part of it."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from ham_cli.errors import WrongUsageError
from ham_cli.exporters import jsonld, responsible
from ham_cli.exporters.parcel import Item, Parcel, as_json, given
from ham_cli.exporters.wish import ORDERS, Wish
from ham_cli.licence import ATTRIBUTION
from ham_cli.record import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.journal import Earlier

Row = dict[str, Any]
Json = dict[str, Any]

_FORMS = {
    "bib": "application/x-bibtex",
    "csv": jsonld.CSV,
    "json": "application/json",
    "parquet": jsonld.PARQUET,
    "tar": "application/x-tar",
    "jpg": "image/jpeg",
    "png": "image/png",
    "md": "text/markdown",
    "txt": "text/plain",
    "yaml": "application/yaml",
    "": "text/plain",
}
"""The ending of a file to its media type."""

_OTHER = "application/octet-stream"

_WHOLE = (
    *("row", "bytes", "width", "height", "mask_bytes", "fold"),
    *("mask_pixels", "polygon_pixels", "lost_pixels", "added_pixels", "parts", "holes"),
)

_NUMBERS = {"age": jsonld.NUMBER, "iou": jsonld.NUMBER} | dict.fromkeys(_WHOLE, jsonld.WHOLE)
"""Columns of CSV files that hold numbers, beside those of the challenge."""

_LIST = {
    "file": (jsonld.TEXT, "the file, from this folder"),
    "image_id": (jsonld.TEXT, "the image that the row is about; null for the file itself where it holds none or several"),
    "split": (jsonld.TEXT, "train, validation or test; null for what is no image"),
    "label": (jsonld.TEXT, "its class; null for what is no image"),
    "bytes": (jsonld.WHOLE, "the size of the file, or of the image in it"),
    "sha256": (jsonld.TEXT, "the SHA-256 of these bytes"),
}

_SHARDS = "shards"
_LISTED = "list"


def parcel(dataset: Dataset, folder: Path) -> Parcel:
    """The export in a folder, its files as they lie there, with a description; raises `WrongUsageError` where there is none to describe."""
    old = _finished(dataset, folder)
    rows = {file: found for file, found in old.rows.items() if file != jsonld.NAME}
    options = {name: value for name, value in old.manifest.options.items() if name not in {"format", "input_digest"}}
    items = [_kept(file, found) for file, found in rows.items()]
    items.append(given(jsonld.NAME, as_json(_description(dataset, folder, rows, old))))
    images = {row["image_id"] for found in rows.values() for row in found} - {None}
    made_with = old.manifest.labels.get("made_with")
    return Parcel(old.manifest.options["format"], dataset.record.id, tuple(items), options, made_with=made_with, images=len(images))


def _finished(dataset: Dataset, folder: Path) -> Earlier:
    from ham_cli.exporters.journal import earlier

    old = earlier(folder)
    if old is None:
        raise WrongUsageError("no export of ham lies there", where=folder, fix="ham export makes one; --of names its folder")
    if old.begun:
        raise WrongUsageError("this export is not finished", where=folder, fix="run its ham export again, it goes on")
    if old.manifest.record != dataset.record.id:
        raise WrongUsageError("this export is of another record", where=folder, expected=dataset.record.id, got=old.manifest.record)
    if old.manifest.options["format"] == "croissant":
        raise WrongUsageError("this export is a description itself", where=folder, fix="name one that holds data: ham export hf makes it")
    return old


def _kept(file: str, rows: Sequence[Row]) -> Item:
    row = next((row for row in rows if row["image_id"] is None), rows[0])
    one = {name: row[name] for name in ("image_id", "split", "label")}
    return Item(file, row["recipe"] or row["sha256"], row["bytes"], kept=tuple(rows), **one)


def _description(dataset: Dataset, folder: Path, rows: Mapping[str, list[Row]], old: Earlier) -> Json:
    record, options = dataset.record, old.manifest.options
    listed = [row for found in rows.values() for row in found if row["image_id"]]
    labels, images = {row["label"] for row in listed}, {row["image_id"] for row in listed}
    wish = Wish(grouping=options.get("grouping"), class_order=options.get("class_order", ORDERS[0]))
    classes = [label for label in wish.classes(record) if label in labels]
    parts = [part for part in PARTITIONS if any(row["split"] == part for row in listed)]
    distribution = [*_objects(dataset, rows), *_sets(rows)]
    distribution.append(jsonld.file_set(_LISTED, ["ham-export.parquet"], jsonld.PARQUET, "Every file with its size and SHA-256."))
    records = [*_records(dataset, folder, rows, distribution, parts), _files()]
    records += [jsonld.classes(jsonld.label_names(record, classes, wish.grouping))] if classes else []
    records += [jsonld.splits(parts)] if parts else []
    chosen = [row for row in dataset.rows if row["in_record"] and (not images or row["image_id"] in images)]
    facts = {"isBasedOn": f"https://doi.org/{record.doi}", **responsible.facts(record, chosen, _changed(folder))}
    what = f"Described here: {len(images)} of them" if images else "Described here: tables"
    return jsonld.document(record, f"{what}, in the layout of ham export {options['format']}.", facts, distribution, records)


def _changed(folder: Path) -> list[str]:
    """What the export says was done to the images: the second paragraph of its attribution."""
    try:
        paragraphs = (folder / ATTRIBUTION).read_text(encoding="utf-8").split("\n\n")
    except OSError as error:
        raise _lost(folder / ATTRIBUTION) from error
    return paragraphs[1].splitlines() if len(paragraphs) > 1 else []


def _lost(path: Path) -> WrongUsageError:
    return WrongUsageError("a file of this export is not there, or cannot be read", where=path, fix="run its ham export again")


def _objects(dataset: Dataset, rows: Mapping[str, list[Row]]) -> list[Json]:
    """Each file that is not one of many images or masks."""
    tables = {form.name for form in dataset.record.tables}
    found = []
    for file, (row, *_) in rows.items():
        if row["image_id"] is None or len(rows[file]) > 1:
            own = next(row for row in rows[file] if row["image_id"] is None)
            form = jsonld.CSV if file in tables else _FORMS.get(_suffix(file), _OTHER)
            found.append(jsonld.file_object(file, file, form, own["bytes"], sha256=own["sha256"]))
    return found


def _sets(rows: Mapping[str, list[Row]]) -> list[Json]:
    """Files of one image each, by what they are: the folders they lie in as patterns, a class's name as a star."""
    patterns: dict[tuple[str, str], set[str]] = {}
    for file, (row, *more) in rows.items():
        if row["image_id"] and not more:
            *folders, name = file.split("/")
            suffix = _suffix(name)
            what = "masks" if "_segmentation" in name or "masks" in folders else "images" if suffix in {"jpg", "png"} else "labels"
            patterns.setdefault((what, suffix), set()).add(
                "/".join([*("*" if part == row["label"] else part for part in folders), f"*.{suffix}"])
            )
    return [
        jsonld.file_set(f"{what}_files", sorted(some), _FORMS.get(suffix, _OTHER), f"The {what}, a file each.")
        for (what, suffix), some in sorted(patterns.items())
    ]


def _suffix(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[2].rpartition(".")[2].lower()


def _records(dataset: Dataset, folder: Path, rows: Mapping[str, list[Row]], distribution: list[Json], parts: Sequence[str]) -> list[Json]:
    """What can be loaded of the images: from Parquet with all columns, or from files; and every CSV file as it is."""
    shards = [file for file in rows if file.startswith("data/") and file.endswith(".parquet")]
    if shards:
        distribution.append(jsonld.file_set(_SHARDS, ["data/*.parquet"], jsonld.PARQUET, "The images with what the tables say of them."))
        return [_sharded(folder / min(shards), parts)]
    found = [_loose(one["@id"]) for one in distribution if one["@id"] in {"images_files", "masks_files"}]
    objects = [one for one in distribution if one["encodingFormat"] == jsonld.CSV]
    return [*found, *(_csv(folder / one["@id"], one["@id"], dataset) for one in objects)]


def _sharded(shard: Path, parts: Sequence[str]) -> Json:
    """Records of Parquet files that hold images: their columns, and the part that their names tell."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(shard)
    except (OSError, pa.ArrowException) as error:
        raise _lost(shard) from error
    fields = []
    for column in schema:
        source = jsonld.from_column("fileSet", _SHARDS, column.name)
        kind: str | list[str] = jsonld.TEXT
        if pa.types.is_struct(column.type):
            kind, source["transform"] = jsonld.MASK if column.name == "mask" else jsonld.PICTURE, jsonld.BYTES
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            kind = jsonld.WHOLE if pa.types.is_integer(column.type) else jsonld.NUMBER
        numbered = "classes/index" if column.name == "label" and kind == jsonld.WHOLE else None
        fields.append(jsonld.field("images", column.name, kind, f"the column {column.name}", source, numbered))
    split = jsonld.from_file(_SHARDS, "fullpath", f"data/({'|'.join(parts)})-.+parquet$")
    # No reference to the list of parts: with two references mlcroissant cannot take one part alone any more.
    fields.append(jsonld.field("images", "split", jsonld.SPLIT, "its part, by the name of its file", split))
    return jsonld.record_set("images", "The images with what the tables say of them.", fields, "image_id")


def _loose(files: str) -> Json:
    """Records of files of one image each."""
    name = files.removesuffix("_files")
    shown, kind = ("mask", jsonld.MASK) if name == "masks" else ("image", jsonld.PICTURE)
    fields = [
        jsonld.field(name, "image_id", jsonld.TEXT, "the image", jsonld.from_file(files, "filename", r"^(ISIC_[0-9]+)")),
        jsonld.field(name, "file", jsonld.TEXT, "the file, from this folder", jsonld.from_file(files, "fullpath")),
        jsonld.field(name, shown, kind, f"the {shown}, decoded", jsonld.from_file(files, "content")),
    ]
    return jsonld.record_set(name, f"The {name}; what is known of each stands in files.", fields, "image_id")


def _files() -> Json:
    fields = (
        jsonld.field("files", name, kind, words, jsonld.from_column("fileSet", _LISTED, name)) for name, (kind, words) in _LIST.items()
    )
    return jsonld.record_set("files", "Every file, and every image in files of several, with its size and SHA-256.", fields)


def _csv(path: Path, file: str, dataset: Dataset) -> Json:
    """Records of a CSV file: its columns."""
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            header: Iterable[str] = next(csv.reader(opened), [])
    except (OSError, UnicodeDecodeError) as error:
        raise _lost(path) from error
    kinds = _NUMBERS | dict.fromkeys(dataset.record.challenge_order, jsonld.NUMBER)
    name = "table_" + re.sub(r"\W", "_", file.removesuffix(".csv"))
    fields = [
        jsonld.field(name, column, kinds.get(column, jsonld.TEXT), f"the column {column}", jsonld.from_column("fileObject", file, column))
        for column in header
    ]
    return jsonld.record_set(name, f"The rows of {file}.", fields)
