"""``webdataset``: tar files of samples, for webdataset and Hugging Face datasets, and whoever reads from far away."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

from ham_cli.exporters import preparing
from ham_cli.exporters.format import IMAGES, Format
from ham_cli.exporters.gathering import gathered
from ham_cli.exporters.parcel import Shard, as_json, given, lines, made
from ham_cli.exporters.sharding import dealt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.gathering import Gathered
    from ham_cli.exporters.parcel import Parcel, Ready
    from ham_cli.exporters.wish import Wish


_AT_ONCE = 1 << 20
"""Bytes that are written at once: an image in one go."""


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """Tar files a part, numbered without a gap; raises as `gathered` does."""
    found = gathered(dataset, wish)
    items = []
    counts = {}
    for part, samples in found.parts.items():
        shards = dealt(samples, wish.shard_size)
        for number, some in enumerate(shards):
            items.append(made(f"{part}-{number:06d}.tar", Shard(some, wish.rendering, preparing.picture, _write)))
        counts[part] = {"shards": len(shards), "samples": len(samples)}
    told = {"name": dataset.record.id, "classes": list(found.classes), "parts": counts}
    items += [given("classes.txt", lines(found.classes)), given("dataset.json", as_json(told))]
    parcel = found.parcel("webdataset", items, shaped_by=("masks", "shard_size"))
    return replace(parcel, notes=(*_notes(found), *parcel.notes))


def _notes(found: Gathered) -> list[str]:
    mixed = [part for part, samples in found.parts.items() if len({sample.mask is None for sample in samples}) > 1]
    if not mixed:
        return []
    return [f"not every image of {', '.join(mixed)} has a mask: Hugging Face datasets cannot read such shards, and reads ham export hf"]


def _write(out: IO[bytes], shard: Shard, ready: Iterator[Ready]) -> None:
    """A sample's members stand together, sorted by name, and say nothing of when and by whom they were written."""
    with tarfile.TarFile(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT, copybufsize=_AT_ONCE) as tar:
        for one in ready:
            sample = one.sample
            told = {"image_id": sample.image_id, "split": sample.split, "label": sample.label, **sample.facts}
            members = {
                "cls": str(sample.index).encode(),
                shard.rendering.suffix: one.image,
                "json": json.dumps(told, sort_keys=True, ensure_ascii=False).encode(),
            }
            if one.mask is not None:
                members["mask.png"] = one.mask
            for suffix, data in sorted(members.items()):
                member = tarfile.TarInfo(f"{sample.image_id}.{suffix}")
                member.size, member.mode = len(data), 0o444
                tar.addfile(member, BytesIO(data))


FORMAT = Format(
    "webdataset",
    """Write shards DEST/train-000000.tar and so on: webdataset and Hugging Face datasets stream them.

    Each sample is ISIC_0024306.cls (the number of its class), .jpg, .json (what the tables say of it) and with --masks
    .mask.png. Without a split the published partitions are the parts. Samples are in the order of image ids: shuffle.
    Hugging Face datasets reads masks only where every image of a part has one; ham export hf has no such limit.
    """,
    (
        "ham export webdataset shards --split r70-15-15-s0",
        "ham export webdataset shards224 --split r70-15-15-s0 --size 224",
        "ham export webdataset quick --split s0.csv --size 64 --fast",
    ),
    ("masks", "shard_size", *IMAGES),
    plan,
)
