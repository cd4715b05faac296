"""TFRecord files for TensorFlow Datasets: read by tensorboard's reader, parsed by protobuf, described as the library describes its own."""

from __future__ import annotations

import contextlib
import io
import json
import math
import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from PIL import Image
from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Here, Ran
    from tests.small import Small

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
WORDS = ("lesion_id", "dx", "dx_type", "sex", "localization", "dataset")
FEATURES = {"image", "label", "image_id", "age", *WORDS}
FOLDER = "small/1.0.0"

ROWS = {row[1]: dict(zip(s.COLUMNS, row, strict=True)) for row in (*s.TRAIN, *s.TRUTH)}
ROWS |= {i: dict.fromkeys(s.COLUMNS, "") | {"image_id": i, "dx": dx} for i, dx in s.VALIDATION}


def schema() -> Any:  # noqa: ANN401  (a class that protobuf makes)
    """``tf.train.Example`` as TensorFlow's ``example.proto`` and ``feature.proto`` have it."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")
    kinds = {"BytesList": Field.TYPE_BYTES, "FloatList": Field.TYPE_FLOAT, "Int64List": Field.TYPE_INT64}
    for name, kind in kinds.items():
        file.message_type.add(name=name).field.add(name="value", number=1, type=kind, label=Field.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(kinds, 1):
        told = {"name": f"{name[:-4].lower()}_list", "number": number, "type_name": f".tensorflow.{name}", "oneof_index": 0}
        feature.field.add(type=Field.TYPE_MESSAGE, label=Field.LABEL_OPTIONAL, **told)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=Field.TYPE_MESSAGE, type_name=".tensorflow.Feature", label=Field.LABEL_OPTIONAL)
    told = {"type": Field.TYPE_MESSAGE, "type_name": ".tensorflow.Features.FeatureEntry", "label": Field.LABEL_REPEATED}
    features.field.add(name="feature", number=1, **told)
    example = file.message_type.add(name="Example")
    example.field.add(name="features", number=1, type=Field.TYPE_MESSAGE, type_name=".tensorflow.Features", label=Field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


EXAMPLE = schema()


def records(*files: Path) -> list[bytes]:
    """The records of some files, by tensorboard's reader, which checks their checksums."""
    found = []
    for file in files:
        reader = PyRecordReader_New(str(file))
        with contextlib.suppress(errors.OutOfRangeError):
            while True:
                reader.GetNext()
                found.append(reader.record())
    return found


def parsed(record: bytes) -> dict[str, Any]:
    """A record's features, each with its one value."""
    example = EXAMPLE.FromString(record)
    values = {}
    for name, feature in example.features.feature.items():
        (values[name],) = getattr(feature, feature.WhichOneof("kind")).value
    return values


def loaded(out: Path, part: str) -> list[dict[str, Any]]:
    """A part's samples, in the order in which its files have them."""
    return [parsed(record) for record in records(*files_of(out, part))]


def files_of(out: Path, part: str) -> list[Path]:
    return sorted((out / FOLDER).glob(f"small-{part}.tfrecord-*"))


def described(out: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / FOLDER / f"{name}.json").read_text())
    return found


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an export goes; not there yet."""
    return tmp_path / "out"


class Export:
    """Runs ``ham export tfds`` of the small record."""

    def __init__(self, ham_here: Here, cache: Path, out: Path) -> None:
        self.ham_here, self.cache, self.out = ham_here, cache, out

    def __call__(self, *words: object, out: Path | None = None) -> Ran:
        """Run it into ``out``, by default the fixture of this name."""
        return self.ham_here("export", "tfds", out or self.out, *words, "--json", cache=self.cache)


@pytest.fixture
def export(ham_here: Here, small_cache: Path, out: Path) -> Export:
    """Exports that only read the small record's cache."""
    return Export(ham_here, small_cache, out)


ALL = ("--allow-missing-classes",)
TRAIN = ("--partition", "train")


# What is in the records.


def test_every_published_image_is_there_with_its_row(export: Export, small: Small, out: Path) -> None:
    ran = export(*ALL)
    assert (ran.code, ran.result["images"], ran.result["notes"]) == (0, 28, [s.WHY_PLANTED])
    parts = {"train": small.images, "validation": small.validation, "test": small.test}
    for part, published in parts.items():
        found = loaded(out, part)
        assert [one["image_id"].decode() + ".jpg" for one in found] == sorted(published)
        for one in found:
            row = ROWS[one["image_id"].decode()]
            assert set(one) == FEATURES
            assert one["image"] == published[f"{row['image_id']}.jpg"]
            assert one["label"] == CLASSES.index(row["dx"])
            assert {name: one[name].decode() for name in WORDS} == {name: row[name] for name in WORDS}
            assert one["age"] == float(row["age"]) if row["age"] else math.isnan(one["age"])
    assert s.PLANTED.encode() not in b"".join(file.read_bytes() for file in (out / FOLDER).iterdir())


def test_kinds_of_values_are_those_that_tensorflow_datasets_reads(export: Export, out: Path) -> None:
    assert export(*TRAIN, "--masks").code == 0
    example = EXAMPLE.FromString(records(*files_of(out, "train"))[0])
    kinds = {name: feature.WhichOneof("kind") for name, feature in example.features.feature.items()}
    expected = dict.fromkeys(("image", "mask", "image_id", *WORDS), "bytes_list")
    assert kinds == expected | {"label": "int64_list", "has_mask": "int64_list", "age": "float_list"}


def test_a_record_says_nothing_that_protobuf_would_not_write_too(export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    for record in records(*files_of(out, "train")):
        example = EXAMPLE.FromString(record)
        assert len(example.SerializeToString()) == len(record)
        assert EXAMPLE.FromString(example.SerializeToString()) == example
        names = [
            name for _, name in sorted((record.index(b"\x0a" + bytes([len(name)]) + name.encode() + b"\x12"), name) for name in FEATURES)
        ]
        assert names == sorted(FEATURES)


@pytest.mark.parametrize("place", ["length", "its checksum", "data", "the data's checksum"])
def test_a_flipped_bit_is_refused_by_the_reader(place: str, export: Export, out: Path) -> None:
    assert export(*TRAIN).code == 0
    (file,) = files_of(out, "train")
    assert len(records(file)) == 20
    (length,) = struct.unpack("<Q", file.read_bytes()[:8])
    at = {"length": 7, "its checksum": 9, "data": 12 + length // 2, "the data's checksum": 12 + length + 1}[place]
    peek.flip(file, at)
    with pytest.raises(errors.DataLossError):
        records(file)


def test_samples_are_dealt_out_to_files_numbered_as_the_library_has_them(export: Export, out: Path) -> None:
    assert export(*TRAIN, "--shard-size", 6).code == 0
    files = files_of(out, "train")
    assert [file.name for file in files] == [f"small-train.tfrecord-{n:05d}-of-00004" for n in range(4)]
    assert [len(records(file)) for file in files] == [5, 5, 5, 5]
    (split,) = described(out, "dataset_info")["splits"]
    assert split["shardLengths"] == ["5", "5", "5", "5"]
    assert [one["image_id"].decode() for one in loaded(out, "train")] == sorted(row[1] for row in s.TRAIN)


# Masks.


def test_masks_are_the_published_ones_and_black_where_there_is_none(export: Export, small: Small, out: Path) -> None:
    assert export(*ALL, "--masks").code == 0
    for one in loaded(out, "train"):
        assert (one["mask"], one["has_mask"]) == (small.masks[f"{one['image_id'].decode()}_segmentation.png"], 1)
    for one in loaded(out, "test"):
        black = pixels(one["mask"])
        assert (black.shape, str(black.dtype), bool(black.any()), one["has_mask"]) == ((s.HEIGHT, s.WIDTH), "uint8", False, 0)


@pytest.mark.parametrize("crop", ["center", "pad", "none"])
def test_masks_go_the_way_of_their_images(crop: str, export: Export, small: Small, out: Path) -> None:
    assert export(*ALL, "--masks", "--size", 30, "--crop", crop, "--image-format", "png").code == 0
    bars = 4 if crop == "pad" else 0
    for one in loaded(out, "train"):
        name = one["image_id"].decode()
        image, mask = pixels(one["image"]), pixels(one["mask"])
        assert (image.shape, mask.shape, set(np.unique(mask)) <= {0, 255}) == ((30, 30, 3), (30, 30), True)
        whole, lesion = (Image.open(io.BytesIO(data)) for data in (small.images[f"{name}.jpg"], small.masks[f"{name}_segmentation.png"]))
        box = (7, 0, 52, 45) if crop == "center" else (0, 0, 60, 45)
        shape = (30, 22) if crop == "pad" else (30, 30)
        assert np.array_equal(image[bars : bars + shape[1]], np.asarray(whole.resize(shape, Image.Resampling.LANCZOS, box=box)))
        assert np.array_equal(mask[bars : bars + shape[1]], np.asarray(lesion.resize(shape, Image.Resampling.NEAREST, box=box)))
        if bars:
            assert not any(bar.any() for bar in (image[:4], image[26:], mask[:4], mask[26:]))
    for one in loaded(out, "validation"):
        assert (pixels(one["mask"]).shape, bool(pixels(one["mask"]).any()), one["has_mask"]) == ((30, 30), False, 0)


def test_without_a_size_png_has_the_pixels_of_the_published_image(export: Export, small: Small, out: Path) -> None:
    assert export(*TRAIN, "--image-format", "png").code == 0
    for one in loaded(out, "train"):
        assert one["image"].startswith(b"\x89PNG")
        assert np.array_equal(pixels(one["image"]), pixels(small.images[f"{one['image_id'].decode()}.jpg"]))


# What the two descriptions say, as the library itself wrote them of such a dataset (tensorflow-datasets 4.9.10).


def feature(kind: str, **content: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"pythonClassName": f"tensorflow_datasets.core.features.{kind}", **content}


def picture(encoding: str, *shape: str) -> dict[str, Any]:
    return feature("image_feature.Image", image={"dtype": "uint8", "encodingFormat": encoding, "shape": {"dimensions": list(shape)}})


def scalar(dtype: str) -> dict[str, Any]:
    return feature("scalar.Scalar", tensor={"dtype": dtype, "encoding": "none", "shape": {}})


@pytest.mark.parametrize(
    ("words", "image", "mask"),
    [
        (TRAIN, picture("jpeg", "-1", "-1", "3"), None),
        ((*TRAIN, "--masks"), picture("jpeg", "-1", "-1", "3"), picture("png", "-1", "-1", "1")),
        ((*TRAIN, "--masks", "--size", 24, "--image-format", "png"), picture("png", "24", "24", "3"), picture("png", "24", "24", "1")),
    ],
)
def test_features_are_described_as_the_library_describes_them(
    words: tuple[object, ...], image: dict[str, Any], mask: dict[str, Any] | None, export: Export, out: Path
) -> None:
    assert export(*words).code == 0
    told = described(out, "features")
    assert told["pythonClassName"] == "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    features = told["featuresDict"]["features"]
    descriptions = {name: one.pop("description") for name, one in features.items() if "description" in one}
    expected = dict.fromkeys(("image_id", *WORDS), feature("text_feature.Text", text={}))
    expected |= {
        "image": image,
        "label": feature("class_label_feature.ClassLabel", classLabel={"numClasses": "7"}),
        "age": scalar("float32"),
    }
    expected |= {"mask": mask, "has_mask": scalar("bool")} if mask else {}
    assert features == expected
    assert "NaN" in descriptions["age"]
    assert set(descriptions) == {"age", "mask"} if mask else {"age"}
    assert set(loaded(out, "train")[0]) == set(features)


def test_the_dataset_is_described_as_the_library_describes_it(export: Export, out: Path) -> None:
    assert export(*ALL, "--masks").code == 0
    told = described(out, "dataset_info")
    text, citation = told.pop("description"), told.pop("citation")
    assert ("NaN" in text, "has_mask" in text, citation) == (True, True, (out / "CITATION.bib").read_text().strip())
    sizes = {part: str(sum(map(len, records(*files_of(out, part))))) for part in ("train", "validation", "test")}
    template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    assert told == {
        "name": "small",
        "version": "1.0.0",
        "fileFormat": "tfrecord",
        "location": {"urls": told["location"]["urls"]},
        "redistributionInfo": {"license": "CC-BY-NC-4.0 (https://creativecommons.org/licenses/by-nc/4.0/legalcode)"},
        "splits": [
            {"filepathTemplate": template, "name": part, "numBytes": sizes[part], "shardLengths": [count]}
            for part, count in (("train", "20"), ("validation", "4"), ("test", "4"))
        ],
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
    }
    assert {file.name for file in (out / FOLDER).iterdir()} == {
        "features.json",
        "dataset_info.json",
        "label.labels.txt",
        *(f"small-{part}.tfrecord-00000-of-00001" for part in ("train", "validation", "test")),
    }


def test_a_size_that_is_not_known_before_is_left_out(export: Export, out: Path) -> None:
    assert export(*TRAIN, "--size", 24).code == 0
    (split,) = described(out, "dataset_info")["splits"]
    assert ("numBytes" in split, split["shardLengths"]) == (False, ["20"])


def test_classes_are_numbered_as_their_list_says(export: Export, tmp_path: Path) -> None:
    assert export(*TRAIN, "--class-order", "challenge", out=tmp_path / "a").code == 0
    names = (tmp_path / "a" / FOLDER / "label.labels.txt").read_text().splitlines()
    assert names == [name.lower() for name in s.CHALLENGE]
    assert all(names[one["label"]] == one["dx"].decode() for one in loaded(tmp_path / "a", "train"))
    assert export(*TRAIN, "--grouping", "malignant", out=tmp_path / "b").code == 0
    assert (tmp_path / "b" / FOLDER / "label.labels.txt").read_text() == "malignant\nnot_malignant\n"
    told = described(tmp_path / "b", "features")["featuresDict"]["features"]["label"]
    assert told["classLabel"] == {"numClasses": "2"}
    assert all(one["label"] == (one["dx"] not in {b"mel", b"bcc", b"akiec"}) for one in loaded(tmp_path / "b", "train"))


# As every export.


@pytest.mark.parametrize("words", [("--masks",), ("--masks", "--size", 20)])
def test_the_same_bytes_whatever_jobs_and_a_second_run_changes_nothing(words: tuple[object, ...], export: Export, tmp_path: Path) -> None:
    for jobs in (1, 3):
        assert export(*ALL, *words, "--shard-size", 3, "--jobs", jobs, out=tmp_path / str(jobs)).code == 0
    assert peek.tree(tmp_path / "1") == peek.tree(tmp_path / "3")
    before = peek.snapshot(tmp_path / "1")
    ran = export(*ALL, *words, "--shard-size", 3, out=tmp_path / "1")
    assert (ran.code, ran.result["written"], peek.snapshot(tmp_path / "1") == before) == (0, False, True)


def test_the_list_has_the_images_in_each_file(export: Export, small: Small, out: Path) -> None:
    assert export(*TRAIN).code == 0
    rows = [row for row in peek.table(out / "ham-export.parquet") if row["image_id"]]
    assert {row["image_id"]: row["sha256"] for row in rows} == {i.removesuffix(".jpg"): s.sha256(data) for i, data in small.images.items()}


def test_without_the_library_for_checksums_the_command_that_installs_it_is_said(
    export: Export, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    ran = export(*TRAIN)
    assert (ran.code, "google-crc32c" in ran.json["error"]["next"], out.exists()) == (2, True, False)


def test_a_part_that_lacks_a_class_is_refused(export: Export, out: Path) -> None:
    ran = export()
    assert (ran.code, "lack some classes" in ran.json["error"]["what"], out.exists()) == (3, True, False)


def test_the_real_record_is_ham10000_in_version_4_0_0(real_fetch: tuple[Ran, Path], ham_here: Here, out: Path) -> None:
    cache = real_fetch[1]
    words = ("--only", "dx=mel", "--partition", "train", "--allow-partial")  # the reader takes its time for checksums
    ran = ham_here("export", "tfds", out, *words, cache=cache)
    assert ran.code == 0, ran.err
    found = [parsed(record) for record in records(*sorted((out / "ham10000" / "4.0.0").glob("ham10000-train.tfrecord-*")))]
    rows = {i: row for i, row in peek.images(cache, peek.REAL).items() if row["path"] and row["dx"] == "mel"}
    assert [one["image_id"].decode() for one in found] == sorted(rows)
    for one in found:
        row = rows[one["image_id"].decode()]
        assert (s.sha256(one["image"]), one["dx"].decode(), one["localization"].decode()) == (row["sha256"], row["dx"], row["localization"])
        assert one["age"] == row["age"] if row["age"] is not None else math.isnan(one["age"])
