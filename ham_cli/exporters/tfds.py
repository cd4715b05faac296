"""``tfds``: TFRecord files as TensorFlow Datasets has them, which reads them without any code of ours."""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ham_cli.exporters import preparing, tfrecord
from ham_cli.exporters.format import IMAGES, Format
from ham_cli.exporters.gathering import gathered
from ham_cli.exporters.parcel import Shard, given, lines, made
from ham_cli.exporters.sharding import dealt
from ham_cli.licence import bibtex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.gathering import Gathered
    from ham_cli.exporters.parcel import Parcel, Ready, Sample
    from ham_cli.exporters.tfrecord import Value
    from ham_cli.exporters.wish import Wish
    from ham_cli.record import Record

_WORDS = ("image_id", "lesion_id", "dx", "dx_type", "sex", "localization", "dataset")

_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
"""What TensorFlow Datasets calls its files; it fills this in."""

_MASKED = {"masks": True}


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """The folder of a dataset in its version: files of records a part, and what says how to read them; raises as `gathered` does."""
    tfrecord.require()
    found = gathered(dataset, wish)
    name, version = _name(dataset.record), _version(dataset.record)
    folder = f"{name}/{version}"
    settings = _MASKED if wish.masks else {}
    items = []
    counts = {}
    for part, samples in found.parts.items():
        shards = dealt(samples, wish.shard_size)
        for number, some in enumerate(shards):
            file = f"{folder}/{name}-{part}.tfrecord-{number:05d}-of-{len(shards):05d}"
            items.append(made(file, Shard(some, wish.rendering, preparing.picture, _write, settings)))
        counts[part] = [len(some) for some in shards]
    items += [
        given(f"{folder}/features.json", _as_json(_features(found), 4)),
        given(f"{folder}/dataset_info.json", _as_json(_info(found, name, version, counts), 2)),
        given(f"{folder}/label.labels.txt", lines(found.classes)),
    ]
    filled = wish.masks and wish.rendering.size is None and any(sample.mask is None for sample in found.samples)
    return found.parcel("tfds", items, made_with=_encoder() if filled else None, shaped_by=("masks", "shard_size"))


def _write(out: IO[bytes], shard: Shard, ready: Iterator[Ready]) -> None:
    for one in ready:
        mask = (one.mask or _no_lesion(one.width, one.height)) if shard.settings.get("masks") else None
        out.write(tfrecord.record(tfrecord.example(_values(one.sample, one.image, mask))))


def _values(sample: Sample, image: bytes | memoryview, mask: bytes | memoryview | None) -> dict[str, Value]:
    """What an image's record holds, by feature."""
    told = {"image_id": sample.image_id} | sample.facts
    values: dict[str, Value] = {name: (told[name] or "").encode() for name in _WORDS}
    values["age"] = math.nan if told["age"] is None else float(told["age"])
    values |= {"image": image, "label": sample.index}
    if mask is not None:
        values |= {"mask": mask, "has_mask": sample.mask is not None}
    return values


def _features(found: Gathered) -> dict[str, Any]:
    """What ``features.json`` says: every feature with the class that decodes it."""
    rendering = found.wish.rendering
    features: dict[str, Any] = {name: _feature("text_feature.Text", text={}) for name in _WORDS}
    features["image"] = _picture(rendering.size, 3, rendering.format)
    features["label"] = _feature("class_label_feature.ClassLabel", classLabel={"numClasses": str(len(found.classes))})
    features["age"] = _scalar("float32") | {"description": "Years; NaN where it is not known."}
    if found.wish.masks:
        features["mask"] = _picture(rendering.size, 1, "png") | {"description": "255 is lesion; all 0 where has_mask is false."}
        features["has_mask"] = _scalar("bool")
    return _feature("features_dict.FeaturesDict", featuresDict={"features": features})


def _feature(kind: str, **content: Any) -> dict[str, Any]:  # noqa: ANN401  (whatever JSON can hold)
    return {"pythonClassName": f"tensorflow_datasets.core.features.{kind}", **content}


def _picture(size: int | None, channels: int, encoding: str) -> dict[str, Any]:
    # Numbers of 64 bits are text in the JSON of protocol buffers; -1 is a length that differs.
    shape = {"dimensions": [str(size or -1), str(size or -1), str(channels)]}
    return _feature("image_feature.Image", image={"dtype": "uint8", "encodingFormat": encoding, "shape": shape})


def _scalar(dtype: str) -> dict[str, Any]:
    return _feature("scalar.Scalar", tensor={"dtype": dtype, "encoding": "none", "shape": {}})


def _info(found: Gathered, name: str, version: str, counts: dict[str, list[int]]) -> dict[str, Any]:
    """What ``dataset_info.json`` says."""
    record, wish = found.dataset.record, found.wish
    about = [f"{record.title} (doi:{record.doi}, version {record.version}).", f"The images are {wish.rendering.words}."]
    about.append("A blank of the tables is an empty text, and NaN as an age.")
    if wish.masks:
        about.append("Where an image has no mask, has_mask is false and mask is all 0.")
    splits = [
        {"filepathTemplate": _TEMPLATE, "name": part, "shardLengths": [str(count) for count in lengths]} | _bytes(found, found.parts[part])
        for part, lengths in counts.items()
    ]
    return {
        "name": name,
        "version": version,
        "description": " ".join(about),
        "citation": bibtex(record).strip(),
        "redistributionInfo": {"license": f"{record.licence['id']} ({record.licence['url']})"},
        "location": {"urls": [f"https://doi.org/{record.doi}"]},
        "fileFormat": "tfrecord",
        "splits": splits,
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
    }


def _bytes(found: Gathered, samples: Sequence[Sample]) -> dict[str, str]:
    """The size of a part's examples, where it is known before they are made: of published bytes."""
    if not found.wish.rendering.untouched:
        return {}
    longest = max(file.bytes for sample in samples for file in (sample.image, sample.mask) if file)
    stand_in = memoryview(bytes(longest))

    def one(sample: Sample) -> int:
        mask: bytes | memoryview | None = None
        if found.wish.masks:
            mask = stand_in[: sample.mask.bytes] if sample.mask else _no_lesion(sample.width, sample.height)
        return tfrecord.size(_values(sample, stand_in[: sample.image.bytes], mask))

    return {"numBytes": str(sum(map(one, samples)))}


def _name(record: Record) -> str:
    """The record's name as TensorFlow Datasets allows it: small letters, digits and ``_``, and a letter first."""
    name = re.sub(r"[^a-z0-9_]", "_", record.name.lower())
    return name if name[:1].isalpha() else f"record_{name}"


def _version(record: Record) -> str:
    """The record's version as three numbers: 4.0.0."""
    return ".".join([*re.findall(r"\d+", record.version), "0", "0", "0"][:3])


def _as_json(value: dict[str, Any], indent: int) -> bytes:
    """A JSON file as TensorFlow Datasets writes it."""
    return json.dumps(value, indent=indent, sort_keys=True).encode()


@lru_cache(maxsize=16)
def _no_lesion(width: int, height: int) -> bytes:
    from ham_cli.images import resizing

    return resizing.no_lesion(width, height)


def _encoder() -> str:
    from ham_cli import images

    return images.decoder()


FORMAT = Format(
    "tfds",
    """Write TFRecord files that TensorFlow Datasets reads without any code: DEST/ham10000/4.0.0 and so on.

    tfds.builder_from_directory("DEST/ham10000/4.0.0") has image, label, image_id, lesion_id, dx, dx_type, age (NaN where it
    is blank), sex, localization and dataset (empty where blank). With --masks every record has a mask and has_mask: where
    there is none, it is black and has_mask is false. Without a split the published partitions are the parts. Samples are in
    the order of image ids: shuffle. Needs the extra tfds (google-crc32c), and no TensorFlow.
    """,
    (
        "ham export tfds data --split r70-15-15-s0",
        "ham export tfds data224 --split r70-15-15-s0 --size 224",
        "ham export tfds masked --partition train --masks",
    ),
    ("masks", "shard_size", *IMAGES),
    plan,
)
