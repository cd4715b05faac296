"""``hf``: Parquet files that hold the images, for Hugging Face datasets and its hub."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from ham_cli.exporters import card, preparing
from ham_cli.exporters.format import IMAGES, Format
from ham_cli.exporters.gathering import FACTS, gathered
from ham_cli.exporters.parcel import Shard, given, lines, made
from ham_cli.exporters.sharding import dealt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    import pyarrow as pa

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.parcel import Parcel, Ready
    from ham_cli.exporters.wish import Wish

GROUP = 100
"""Rows in a row group, as Hugging Face writes them: a page of the hub's viewer reads one."""

_MOST = 64 << 20
"""Bytes of images at which a row group ends too: it waits in memory until it is whole."""

_PACKED = "snappy"

_AT_ONCE = 1
"""Rows between two looks at a page's size: an image alone is a quarter of a page."""


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """Parquet files a part, numbered without a gap, and a card; raises as `gathered` does."""
    import pyarrow as pa

    found = gathered(dataset, wish)
    settings = {"classes": list(found.classes), "masks": wish.masks}
    items = []
    for part, samples in found.parts.items():
        shards = dealt(samples, wish.shard_size)
        for number, some in enumerate(shards):
            shard = Shard(some, wish.rendering, preparing.picture, _write, settings)
            items.append(made(f"data/{part}-{number:05d}-of-{len(shards):05d}.parquet", shard))
    items += [given(card.NAME, card.card(found, _kinds(masks=wish.masks))), given("classes.txt", lines(found.classes))]
    return found.parcel("hf", items, made_with=f"pyarrow {pa.__version__}", shaped_by=("masks", "shard_size"))


def _kinds(*, masks: bool) -> dict[str, str]:
    """Column to its type, as Hugging Face calls it."""
    words = {name: "float32" if name == "age" else "string" for name in FACTS}
    return {"image": "image", **({"mask": "image"} if masks else {}), "label": "class_label", "image_id": "string", **words}


def _schema(classes: Sequence[str], *, masks: bool) -> pa.Schema:
    """The columns; what they are to Hugging Face stands in the metadata, as its own writer puts it there."""
    import pyarrow as pa

    types = {"image": _picture(), "class_label": pa.int64(), "string": pa.string(), "float32": pa.float32()}
    features = {
        "image": {"_type": "Image"},
        "class_label": {"names": list(classes), "_type": "ClassLabel"},
        "string": {"dtype": "string", "_type": "Value"},
        "float32": {"dtype": "float32", "_type": "Value"},
    }
    kinds = _kinds(masks=masks)
    told = {"info": {"features": {name: features[kind] for name, kind in kinds.items()}}}
    return pa.schema([(name, types[kind]) for name, kind in kinds.items()], {"huggingface": json.dumps(told)})


def _write(out: IO[bytes], shard: Shard, ready: Iterator[Ready]) -> None:
    """Row group by row group. Images are neither packed, which would gain nothing, nor looked at for what repeats."""
    import pyarrow.parquet as pq

    schema = _schema(shard.settings["classes"], masks=shard.settings["masks"])
    columns = [name for name, kind in _kinds(masks=shard.settings["masks"]).items() if kind != "image"]
    with pq.ParquetWriter(
        out,
        schema,
        compression=dict.fromkeys(columns, _PACKED),
        use_dictionary=columns,
        write_statistics=columns,
        write_batch_size=_AT_ONCE,
    ) as writer:
        for some in _groups(ready):
            writer.write_table(_table(some, shard, schema), row_group_size=GROUP)


def _groups(ready: Iterator[Ready]) -> Iterator[list[Ready]]:
    """The rows of each row group."""
    some: list[Ready] = []
    size = 0
    for one in ready:
        some.append(one)
        size += len(one.image)
        if len(some) == GROUP or size >= _MOST:
            yield some
            some, size = [], 0
    if some:
        yield some


def _table(some: Sequence[Ready], shard: Shard, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    samples = [one.sample for one in some]
    columns: dict[str, Any] = {
        "image": lambda: _pictures([one.image for one in some], [f"{sample.image_id}.{shard.rendering.suffix}" for sample in samples]),
        "mask": lambda: _pictures([one.mask for one in some], [f"{sample.image_id}_segmentation.png" for sample in samples]),
        "label": lambda: [sample.index for sample in samples],
        "image_id": lambda: [sample.image_id for sample in samples],
    }
    facts = {name: [sample.facts[name] for sample in samples] for name in FACTS}
    return pa.table({name: columns[name]() if name in columns else facts[name] for name in schema.names}, schema=schema)


def _pictures(files: Sequence[bytes | None], names: Sequence[str]) -> pa.ChunkedArray:
    """Files with their names, null where there is none; each in a chunk of its own, so that none is copied."""
    import pyarrow as pa

    paths = pa.array(names)
    rows = []
    for number, data in enumerate(files):
        bounds = pa.py_buffer(struct.pack("=ii", 0, len(data or b"")))
        file = pa.Array.from_buffers(pa.binary(), 1, [None, bounds, pa.py_buffer(data or b"")])
        there = pa.py_buffer(b"\0") if data is None else None
        rows.append(pa.Array.from_buffers(_picture(), 1, [there], children=[file, paths[number : number + 1]]))
    return pa.chunked_array(rows)


def _picture() -> pa.DataType:
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


FORMAT = Format(
    "hf",
    """Write DEST/data/train-00000-of-00008.parquet and so on: load_dataset("DEST") of Hugging Face datasets reads it.

    The columns are image, with --masks mask, label (a class with its name), image_id, and what the tables say of it.
    Without a split the published partitions are the parts. README.md is a card for the hub; the licence forbids commercial use.
    """,
    (
        "ham export hf parquet --split r70-15-15-s0",
        "ham export hf parquet224 --split s0.csv --size 224 --masks",
        "ham export hf few --only dx=mel,nv --shard-size 500",
    ),
    ("masks", "shard_size", *IMAGES),
    plan,
)
