"""``croissant``: a description that others can load from, of the record with a table of its images, or of another export."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ham_cli.errors import WrongUsageError
from ham_cli.exporters import described, jsonld, responsible
from ham_cli.exporters.format import LABELS, Format
from ham_cli.exporters.parcel import Parcel, as_json, given, papers
from ham_cli.exporters.wish import ORDERS
from ham_cli.record import PARTITION, PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.wish import Wish
    from ham_cli.record import PublishedFile, Record

Row = dict[str, Any]
Json = dict[str, Any]

TABLE = "images.parquet"

_COLUMNS = {
    "image_id": (jsonld.TEXT, "the image"),
    "split": (jsonld.TEXT, "its part, train, validation or test; of the published ones where no split was asked for"),
    "label": (jsonld.WHOLE, "the number of its class"),
    "class": (jsonld.TEXT, "its class"),
    "partition": (jsonld.TEXT, "its published role: train, validation or test"),
    "fold": (jsonld.WHOLE, "of a split with folds: the one that holds it out"),
    "lesion_id": (jsonld.TEXT, "the lesion; test ids are a numbering of their own; none is published for validation"),
    "group": (jsonld.TEXT, "the images that must stay together: a lesion, known duplicates merged"),
    "dx": (jsonld.TEXT, "the diagnosis"),
    "dx_type": (jsonld.TEXT, "what the diagnosis rests on: histo, follow_up, consensus or confocal"),
    "age": (jsonld.NUMBER, "years, as published; 0 may be a placeholder"),
    "sex": (jsonld.TEXT, "female, male or unknown"),
    "localization": (jsonld.TEXT, "the body site, or unknown"),
    "dataset": (jsonld.TEXT, "the site the image comes from"),
    "file": (jsonld.TEXT, "the image's name in the published archives"),
    "bytes": (jsonld.WHOLE, "the published image's size; null where it is neither published nor in the cache"),
    "sha256": (jsonld.TEXT, "the published image's SHA-256; null where it is neither published nor in the cache"),
    "mask_file": (jsonld.TEXT, "the name of its lesion mask in the published archives; null where it has none"),
    "mask_bytes": (jsonld.WHOLE, "the published mask's size"),
    "mask_sha256": (jsonld.TEXT, "the published mask's SHA-256"),
}
"""Column of the table to its type and meaning."""

_PLAIN = ["[!_]*.{0}", "[!_]*/*.{0}"]
"""Files of an archive and of its folders, but what macOS leaves in a folder of its own, ``__MACOSX``."""


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """A description of the record with a table of its images, or with ``wish.of`` that export and a description in it.

    Raises `WrongUsageError` where ``wish.of`` is no finished export of this record, or is to be narrowed down.
    """
    if wish.of is not None:
        if not wish.plain or wish.grouping or wish.class_order != ORDERS[0]:
            fix = "leave out the options that choose images or name classes: the export itself says them"
            raise WrongUsageError("--of describes an export as it is", where=wish.of, fix=fix)
        return described.parcel(dataset, wish.of)
    import pyarrow as pa

    rows = _rows(dataset, wish)
    table = _table(rows)
    item = given(TABLE, table)
    names = jsonld.label_names(dataset.record, wish.classes(dataset.record), wish.grouping)
    own = jsonld.file_object(TABLE, TABLE, jsonld.PARQUET, item.size, sha256=item.recipe)
    archives, pictures = _archives(dataset.record, {row["partition"] for row in rows})
    records = [_images(rows), *pictures, jsonld.classes(names), *_splits(rows)]
    facts = responsible.facts(dataset.record, rows)
    what = f"Described here: {len(rows)} of them, in {TABLE}, and the published archives that hold them."
    description = jsonld.document(dataset.record, what, facts, [own, *archives], records)
    changed = f"{TABLE} has rows of the published tables, with columns added. The images are where {jsonld.NAME} says, and as published."
    items = (item, given(jsonld.NAME, as_json(description)), *papers(dataset, "\n".join([changed, *dataset.altered])))
    planted = [dataset.record.not_in_record[row["image_id"]] for row in dataset.rows if not row["in_record"]]
    return Parcel(
        "croissant", dataset.record.id, items, wish.fields(), notes=(*planted, *dataset.altered), made_with=f"pyarrow {pa.__version__}"
    )


def _rows(dataset: Dataset, wish: Wish) -> list[Row]:
    """The images as the table shows them; sizes and digests also of those that are not in the cache, where published."""
    record, column = dataset.record, "split" if dataset.joined else "partition"
    numbers = {name: number for number, name in enumerate(wish.classes(record))}
    found = []
    for row in dataset.rows:
        if not row["in_record"]:
            continue
        image, mask = f"{row['image_id']}.jpg", f"{row['image_id']}_segmentation.png"
        told = {"split": row[column], "class": wish.label(row["dx"], record), "file": image}
        told |= {"label": numbers[told["class"]], "mask_file": mask if mask in record.digests or row["mask_path"] else None}
        for file, prefix in ((image, ""), (mask, "mask_")):
            if (digest := record.digests.get(file)) and row[f"{prefix}sha256"] is None:
                told |= {f"{prefix}bytes": digest.bytes, f"{prefix}sha256": digest.sha256}
        found.append(row | told)
    return found


def _table(rows: Sequence[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {jsonld.TEXT: pa.string(), jsonld.WHOLE: pa.int64(), jsonld.NUMBER: pa.float64()}
    columns = {name: pa.array([row[name] for row in rows], types[kind]) for name, (kind, _) in _COLUMNS.items()}
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def _images(rows: Sequence[Row]) -> Json:
    listed = {"label": "classes/index"} | ({"split": "splits/name"} if all(row["split"] for row in rows) else {})
    fields = [
        jsonld.field("images", name, kind, words, jsonld.from_column("fileObject", TABLE, name), listed.get(name))
        for name, (kind, words) in _COLUMNS.items()
    ]
    return jsonld.record_set("images", "What the tables say of each image.", fields, "image_id")


def _splits(rows: Sequence[Row]) -> list[Json]:
    parts = [part for part in PARTITIONS if any(row["split"] == part for row in rows)]
    return [jsonld.splits(parts)] if parts else []


def _archives(record: Record, partitions: set[str]) -> tuple[list[Json], list[Json]]:
    """The published files of these partitions that have a published digest, and records of the images in the archives."""
    distribution, records = [], []
    for component in record.components:
        files = [(file, True) for file in record.files if file.component == component]
        files = files or [(file, False) for file in record.bucket_files if file.component == component]
        known = [(file, served) for file, served in files if file.partition in partitions and (file.md5 or file.sha256)]
        for file, served in known:
            form = jsonld.ZIP if file.kind != "table" else jsonld.CSV
            address = _address(file, record, served=served)
            distribution.append(jsonld.file_object(file.received_name, address, form, file.bytes, sha256=file.sha256, md5=file.md5))
        inside = [file.name for file, _ in known if file.kind == "archive"]
        if component in PARTITION and inside:
            held, shown = _pictures(component, inside)
            distribution.append(held)
            records.append(shown)
    return distribution, records


def _address(file: PublishedFile, record: Record, *, served: bool) -> str:
    """Where anybody gets a file; of a table the original, not the server's own conversion."""
    if file.url:
        return file.url
    if not served:
        return f"{record.buckets[0].rstrip('/')}/{file.name}"
    return f"{record.server}/api/access/datafile/{file.datafile_id}{'?format=original' if file.kind == 'table' else ''}"


def _pictures(component: str, inside: Sequence[str]) -> tuple[Json, Json]:
    """The images or masks in archives: as files, and as records that need the archives to be loaded."""
    masks, files = component == "masks", f"{component}_files"
    what = component if component in {"images", "masks"} else f"{component} images"
    suffix, form = ("png", "image/png") if masks else ("jpg", "image/jpeg")
    held = jsonld.file_set(files, [one.format(suffix) for one in _PLAIN], form, f"The {what} in the published archives.", inside)
    name = f"published_{component}"
    shown, kind = ("mask", jsonld.MASK) if masks else ("image", jsonld.PICTURE)
    fields = [
        jsonld.field(name, "image_id", jsonld.TEXT, "the image", jsonld.from_file(files, "filename", r"^(ISIC_[0-9]+)")),
        jsonld.field(name, shown, kind, f"the {shown}, decoded", jsonld.from_file(files, "content")),
    ]
    return held, jsonld.record_set(name, f"The {what} themselves; loading them downloads the archives.", fields, "image_id")


FORMAT = Format(
    "croissant",
    """Write DEST/croissant.json, a description in Croissant 1.1 that mlcroissant and others find and load data by.

    Beside it lies images.parquet, what the tables say of each image; the images are described in the published archives,
    with their addresses and digests. With --of it describes another export instead, which must lie in DEST itself, and
    becomes a part of it: hf with its images, the others by their tables, images and list of files.
    """,
    (
        "ham export croissant record",
        "ham export croissant mine --split r70-15-15-s0",
        "ham export croissant parquet --of parquet    # after ham export hf parquet",
    ),
    ("of", *LABELS),
    plan,
)
