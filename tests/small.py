"""A small record, made byte by byte: twenty images of fourteen lesions, published as the large one is.

Every size and digest in it is taken by hashlib from the bytes made here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

WIDTH, HEIGHT = 60, 45

COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
CHALLENGE = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
ID = "small-1.0"

PART_1, PART_2 = "HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip"
MASKS = "HAM10000_segmentations_lesion_tschandl.zip"
TEST = "ISIC2018_Task3_Test_Images.zip"
METADATA = "HAM10000_metadata"
KAGGLE_METADATA = "HAM10000_metadata.csv"
TEST_TRUTH = "ISIC2018_Task3_Test_GroundTruth.csv"
RATINGS = "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.csv"
TRAINING_INPUT = "ISIC2018_Task3_Training_Input.zip"
GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"
VALIDATION_INPUT = "ISIC2018_Task3_Validation_Input.zip"
VALIDATION_TRUTH_ZIP = "ISIC2018_Task3_Validation_GroundTruth.zip"
VALIDATION_TRUTH = "ISIC2018_Task3_Validation_GroundTruth.csv"

PLANTED = "ISIC_0000105"
WHY_PLANTED = f"The test truth names {PLANTED}, a planted image that this record has not: 5 rows for 4 images are correct."

# Ordered by diagnosis and lesion, as the published table is, so images stand in no order of their own.
TRAIN = (
    ("HAM_0000001", "ISIC_0000013", "akiec", "histo", "60.0", "male", "face", "rosendahl"),
    ("HAM_0000001", "ISIC_0000002", "akiec", "histo", "60.0", "male", "face", "rosendahl"),
    ("HAM_0000002", "ISIC_0000007", "akiec", "histo", "70.0", "female", "neck", "vidir_modern"),
    ("HAM_0000003", "ISIC_0000020", "bcc", "histo", "55.0", "female", "back", "vidir_modern"),
    ("HAM_0000004", "ISIC_0000001", "bcc", "histo", "85.0", "male", "trunk", "vienna_dias"),
    ("HAM_0000005", "ISIC_0000011", "bkl", "confocal", "45.0", "male", "face", "vidir_modern"),
    ("HAM_0000005", "ISIC_0000004", "bkl", "confocal", "45.0", "male", "face", "vidir_molemax"),
    ("HAM_0000006", "ISIC_0000015", "bkl", "consensus", "", "unknown", "unknown", "rosendahl"),
    ("HAM_0000007", "ISIC_0000003", "df", "consensus", "35.0", "female", "lower extremity", "vidir_molemax"),
    ("HAM_0000008", "ISIC_0000018", "df", "histo", "40.0", "male", "lower extremity", "vidir_molemax"),
    ("HAM_0000009", "ISIC_0000016", "mel", "histo", "75.0", "male", "back", "rosendahl"),
    ("HAM_0000009", "ISIC_0000005", "mel", "histo", "75.0", "male", "back", "rosendahl"),
    ("HAM_0000010", "ISIC_0000012", "mel", "histo", "30.0", "female", "chest", "vidir_modern"),
    ("HAM_0000011", "ISIC_0000006", "nv", "follow_up", "50.0", "female", "abdomen", "vidir_molemax"),
    ("HAM_0000011", "ISIC_0000017", "nv", "follow_up", "50.0", "female", "abdomen", "vidir_molemax"),
    ("HAM_0000012", "ISIC_0000008", "nv", "histo", "0.0", "male", "back", "rosendahl"),
    ("HAM_0000013", "ISIC_0000014", "vasc", "consensus", "20.0", "female", "hand", "vienna_dias"),
    ("HAM_0000013", "ISIC_0000009", "vasc", "consensus", "20.0", "female", "hand", "vienna_dias"),
    ("HAM_0000014", "ISIC_0000010", "vasc", "histo", "65.0", "male", "chest", "vidir_modern"),
    ("HAM_0000014", "ISIC_0000019", "vasc", "histo", "65.0", "male", "chest", "vidir_modern"),
)
"""The rows of the training table, in published form."""

TRUTH = (
    ("HAMTEST_0000001", "ISIC_0000101", "nv", "histo", "45.0", "male", "back", "vidir_modern"),
    ("HAMTEST_0000002", "ISIC_0000102", "mel", "histo", "", "", "", "external"),
    ("HAMTEST_0000003", PLANTED, "nv", "consensus", "", "", "", ""),
    ("HAMTEST_0000004", "ISIC_0000103", "bkl", "consensus", "70.0", "female", "face", "rosendahl"),
    ("HAMTEST_0000004", "ISIC_0000104", "bkl", "consensus", "70.0", "female", "face", "rosendahl"),
)
"""The rows of the test truth: five for four images."""

VALIDATION = (("ISIC_0000201", "nv"), ("ISIC_0000202", "mel"), ("ISIC_0000203", "vasc"), ("ISIC_0000204", "nv"))

TWINS = ("ISIC_0000016", "ISIC_0000005")
"""Two images of one lesion with the same bytes, as the large record has two such pairs."""

TWIN_MASKS = ("ISIC_0000003", "ISIC_0000018")
"""Two masks of different lesions with the same bytes: the whole frame."""

CONFIRMED = {
    "histo": "histopathology",
    "follow_up": "serial imaging showing no change",
    "consensus": "single image expert consensus",
    "confocal": "confocal microscopy with consensus dermoscopy",
}

_MODALITIES = (
    "Malignancy Probability (AI)",
    "Multiclass Probabilities (AI)",
    "CBIR (AI)",
    "Multiclass Probabilities (Crowd)",
)
_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
_SITES = [
    "abdomen",
    "acral",
    "back",
    "chest",
    "ear",
    "face",
    "foot",
    "genital",
    "hand",
    "lower extremity",
    "neck",
    "scalp",
    "trunk",
    "unknown",
    "upper extremity",
]
_STUB = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(64)
"""What macOS leaves beside a file in a zip (AppleDouble)."""


@dataclass(frozen=True)
class Small:
    """The record's bytes, by name."""

    record: Path
    """Its ``record.json``."""
    images: dict[str, bytes]
    """The training images, by file name."""
    masks: dict[str, bytes]
    test: dict[str, bytes]
    validation: dict[str, bytes]
    tables: dict[str, bytes]
    """Every table under the name it is published by; the metadata also as ``.tab`` and with seven columns."""
    zips: dict[str, bytes]
    """Every zip under the name it is published by."""
    facts: dict[str, Any] = field(repr=False)
    """What ``record.json`` says."""

    def published(self, where: Path, *, isic: bool = False) -> Path:
        """A folder of the files as the server offers them; ``isic`` adds the bucket's validation files."""
        names = [PART_1, PART_2, MASKS, TEST] + ([VALIDATION_INPUT, VALIDATION_TRUTH_ZIP] if isic else [])
        tables = [METADATA, TEST_TRUTH, RATINGS]
        return lay(where, {n: self.zips[n] for n in names} | {n: self.tables[n] for n in tables})

    def unpacked(self, where: Path, *, isic: bool = False) -> Path:
        """A folder in which every zip was unpacked into a folder of its name."""
        lay(where / "HAM10000_images_part_1", dict(list(self.images.items())[:10]))
        lay(where / "HAM10000_images_part_2", dict(list(self.images.items())[10:]))
        lay(where / MASKS.removesuffix(".zip"), self.masks)
        lay(where / "ISIC2018_Task3_Test_Images", self.test)
        lay(where, {n: self.tables[n] for n in (METADATA, TEST_TRUTH, RATINGS)})
        if isic:
            lay(where / "ISIC2018_Task3_Validation_Input", self.validation)
            lay(where / "ISIC2018_Task3_Validation_GroundTruth", {VALIDATION_TRUTH: self.tables[VALIDATION_TRUTH]})
        return where

    def kaggle(self, where: Path) -> Path:
        """Kaggle's copy: every image twice, in folders of two cases, and the table of seven columns."""
        return kaggle_tree(where, self.images, self.tables[KAGGLE_METADATA])

    def dataverse(self, where: Path) -> Path:
        """The browser's "download all": one zip that holds the zips and tables."""
        names = {n: self.zips[n] for n in (PART_1, PART_2, MASKS, TEST)} | {n: self.tables[n] for n in (METADATA, TEST_TRUTH, RATINGS)}
        names |= {"MANIFEST.TXT": b"every file of the record\n"}
        return lay(where, {"dataverse_files.zip": zipped(names, packed=False)})


def build(where: Path) -> Small:
    """Make the record, and write ``record.json`` and its digests into a folder."""
    ids = sorted(row[1] for row in TRAIN)
    drawn = {f"{i}.jpg": jpeg(TWINS[0] if i in TWINS else i) for i in ids}
    masks = {f"{i}_segmentation.png": mask(None if i in TWIN_MASKS else i) for i in ids}
    test = {f"{row[1]}.jpg": jpeg(row[1]) for row in TRUTH if row[1] != PLANTED}
    validation = {f"{i}.jpg": jpeg(i) for i, _ in VALIDATION}
    tables = _tables()
    zips = _zips(drawn, masks, test, validation, tables)
    rows = [("file", "bytes", "sha256"), *((n, str(len(b)), sha256(b)) for n, b in (drawn | masks).items())]
    digests = "".join(",".join(row) + "\n" for row in rows).encode()
    facts = _record(drawn, masks, tables, zips, digests)
    lay(where, {"record.json": json.dumps(facts, indent=1).encode(), "digests.sha256.xz": lzma.compress(digests)})
    return Small(where / "record.json", drawn, masks, test, validation, tables, zips, facts)


def lay(where: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder; the folder."""
    where.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(data)
    return where


def kaggle_tree(where: Path, images: Mapping[str, bytes], table: bytes) -> Path:
    """A tree as Kaggle's copy unpacks: each image in a folder of either case, and what else lies there."""
    names = sorted(images)
    for n, part in ((1, names[: len(names) // 2]), (2, names[len(names) // 2 :])):
        for spelling in ("HAM10000", "ham10000"):
            lay(where / f"{spelling}_images_part_{n}", {name: images[name] for name in part})
    pixels = b"pixel0000,pixel0001,label\n" + b"".join(b"%d,%d,%d\n" % (n, n + 1, n % 7) for n in range(20))
    return lay(where, {KAGGLE_METADATA: table, "hmnist_8_8_L.csv": pixels, "hmnist_28_28_RGB.csv": pixels})


def zipped(files: Mapping[str, bytes], *, packed: bool = True) -> bytes:
    """A zip of files, the same bytes every time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (2018, 8, 14, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return made.getvalue()


def jpeg(seed: str, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """A picture that only the seed decides."""
    red, green, blue, *_ = hashlib.sha256(seed.encode()).digest()
    pixels = bytes(c % 256 for y in range(size[1]) for x in range(size[0]) for c in (red + 3 * x, green + 5 * y, blue + x * y // 9))
    return _encoded(Image.frombytes("RGB", size, pixels), "JPEG", quality=95)


def mask(seed: str | None, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """An ellipse of 255 in 0 that only the seed decides; all 255 without one."""
    if seed is None:
        return _encoded(Image.new("L", size, 255), "PNG")
    a, b, *_ = hashlib.sha256(seed.encode()).digest()
    wide, high = 8 + a % 20, 8 + b % 12
    inside = (
        255 if ((x - size[0] // 2) / wide) ** 2 + ((y - size[1] // 2) / high) ** 2 <= 1 else 0
        for y in range(size[1])
        for x in range(size[0])
    )
    return _encoded(Image.frombytes("L", size, bytes(inside)), "PNG")


def comma(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS, *, final_newline: bool = True) -> bytes:
    """Rows as a published table writes them."""
    text = "\n".join(",".join(row) for row in (columns, *rows))
    return (text + ("\n" if final_newline else "")).encode()


def tabbed(table: bytes) -> bytes:
    """A published table as the server shows it: tabs, strings in quotes, ages bare, the header bare."""
    header, *rows = csv.reader(io.StringIO(table.decode()))
    age = header.index("age")
    lines = ["\t".join(header)]
    lines += ["\t".join(cell if n == age else f'"{cell}"' for n, cell in enumerate(row)) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def onehot(truth: Iterable[tuple[str, str]]) -> bytes:
    """Image ids and diagnoses as the challenge writes its truth."""
    rows = [(i, *("1.0" if c.lower() == dx else "0.0" for c in CHALLENGE)) for i, dx in truth]
    return comma(rows, ("image", *CHALLENGE))


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def md5(data: bytes) -> str:
    """Hexadecimal MD5."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _encoded(image: Image.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401
    made = io.BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def _tables() -> dict[str, bytes]:
    groupings = [("image", "lesion_id", "diagnosis_confirm_type"), *((r[1], r[0], CONFIRMED[r[3]]) for r in sorted(TRAIN, key=_image))]
    metadata = comma(TRAIN)
    return {
        METADATA: metadata,
        "HAM10000_metadata.tab": tabbed(metadata),
        KAGGLE_METADATA: comma((row[:7] for row in TRAIN), COLUMNS[:7]),
        TEST_TRUTH: comma(TRUTH, final_newline=False),
        VALIDATION_TRUTH: onehot(VALIDATION),
        GROUPINGS: "".join(",".join(row) + "\r\n" for row in groupings).encode(),
        RATINGS: _ratings(),
    }


def _ratings() -> bytes:
    kinds = ("prob_m_dx_", "prob_h_dx_", "user_dx_without_interaction_", "user_dx_with_interaction_")
    columns = ["image_id", "interaction_modality", "prob_m_mal", *(f"{k}{c}" for k in kinds for c in _CLASSES)]
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(columns)
    for row in TRUTH[:2]:
        for modality in _MODALITIES[:3]:
            shares = ["0,25", *["0,142857"] * 14, *["3"] * 14]
            writer.writerow([row[1], modality, *shares])
    return made.getvalue().encode()


def _zips(
    images: Mapping[str, bytes],
    masks: Mapping[str, bytes],
    test: Mapping[str, bytes],
    validation: Mapping[str, bytes],
    tables: Mapping[str, bytes],
) -> dict[str, bytes]:
    names = list(images)
    papers = {"ATTRIBUTION.txt": b"who made it\n", "LICENSE.txt": b"CC BY-NC 4.0\n"}
    truth = {VALIDATION_TRUTH: tables[VALIDATION_TRUTH]}
    return {
        PART_1: zipped({n: images[n] for n in names[:10]}),
        PART_2: zipped({n: images[n] for n in names[10:]}),
        MASKS: zipped(_mac(MASKS.removesuffix(".zip"), masks)),
        TEST: zipped(_mac(TEST.removesuffix(".zip"), test)),
        TRAINING_INPUT: zipped(_under("ISIC2018_Task3_Training_Input", papers | dict(images))),
        VALIDATION_INPUT: zipped(_under("ISIC2018_Task3_Validation_Input", papers | dict(validation))),
        VALIDATION_TRUTH_ZIP: zipped(_under("ISIC2018_Task3_Validation_GroundTruth", papers | truth)),
    }


def _under(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def _mac(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A folder as macOS packs it: a stub for the folder and for every file in it."""
    stubs = {f"__MACOSX/{folder}/._{name}": _STUB for name in files}
    return (
        {f"{folder}/": b"", f"{folder}/.DS_Store": b"\x00\x00\x00\x01Bud1", f"__MACOSX/._{folder}": _STUB} | _under(folder, files) | stubs
    )


def _image(row: Sequence[str]) -> str:
    return row[1]


def _columns_sha256(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> dict[str, str]:
    """SHA-256 over the sorted ``image_id,value`` lines of every column, by name."""
    kept = list(rows)
    image = columns.index("image_id")
    cells = {c: [(r[image],) if c == "image_id" else (r[image], r[n]) for r in kept] for n, c in enumerate(columns)}
    return {c: sha256("".join(sorted(",".join(pair) + "\n" for pair in pairs)).encode()) for c, pairs in cells.items()}


def _record(
    images: Mapping[str, bytes], masks: Mapping[str, bytes], tables: Mapping[str, bytes], zips: Mapping[str, bytes], digests: bytes
) -> dict[str, Any]:
    inside = [row for row in TRUTH if row[1] != PLANTED]
    return {
        "schema": 1,
        "name": "small",
        "version": "1.0",
        "doi": "10.0000/SMALL",
        "title": "A small record for tests",
        "server": "http://127.0.0.1:9",
        "buckets": ["http://127.0.0.1:9/bucket/"],
        "files": [
            _file("images", PART_1, "train", zips[PART_1], images=10, aliases=["HAM10000_images_part1.zip"], number=1),
            _file("images", PART_2, "train", zips[PART_2], images=10, aliases=["HAM10000_images_part2.zip"], number=2),
            _file("metadata", "HAM10000_metadata.tab", "train", tables[METADATA], original=METADATA, number=3),
            _file("masks", MASKS, "train", zips[MASKS], images=20, number=4),
            _file("test", TEST, "test", zips[TEST], images=4, number=5) | {"bytes": None},
            _file("test", _tab(TEST_TRUTH), "test", tables[TEST_TRUTH], original=TEST_TRUTH, number=6),
            _file("ratings", _tab(RATINGS), "test", tables[RATINGS], original=RATINGS, number=7) | _UNPUBLISHED,
        ],
        "bucket_files": [
            _file("images", TRAINING_INPUT, "train", zips[TRAINING_INPUT], images=20),
            _file("metadata", GROUPINGS, "train", tables[GROUPINGS]),
            _file("validation", VALIDATION_INPUT, "validation", zips[VALIDATION_INPUT], images=4) | {"bytes": None},
            _file("validation", VALIDATION_TRUTH_ZIP, "validation", zips[VALIDATION_TRUTH_ZIP]) | _UNPUBLISHED | {"kind": "table_archive"},
        ],
        "tables": _forms(tables),
        "digests": {
            "file": "digests.sha256.xz",
            "sha256": sha256(digests),
            "partition": "train",
            "images": len(images),
            "image_bytes": sum(map(len, images.values())),
            "masks": len(masks),
            "mask_bytes": sum(map(len, masks.values())),
            "source": "made here",
        },
        "partitions": {
            "train": {"images": 20, "lesions": 14, "dx": dict(sorted(Counter(r[2] for r in TRAIN).items()))},
            "validation": {"images": 4, "dx": dict.fromkeys(_CLASSES, 0) | Counter(dx for _, dx in VALIDATION)},
            "test": {
                "images": 4,
                "lesions": len({r[0] for r in inside}),
                "dx": dict.fromkeys(_CLASSES, 0) | Counter(r[2] for r in inside),
            },
        },
        "not_in_record": {PLANTED: WHY_PLANTED},
        "duplicate_pairs": {"source": "made here", "pairs": [["ISIC_0000012", "ISIC_0000008"]]},
        "validation_ids": [i for i, _ in VALIDATION],
        **_words(),
    }


_UNPUBLISHED = {"bytes": None, "md5": None, "sha256": None}


def _tab(name: str) -> str:
    return name.removesuffix(".csv") + ".tab"


def _file(  # noqa: PLR0913  (a file has so many facts)
    component: str,
    name: str,
    partition: str,
    data: bytes,
    *,
    images: int | None = None,
    original: str | None = None,
    number: int | None = None,
    aliases: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "component": component,
        "name": name,
        "aliases": list(aliases),
        "original_name": original,
        "kind": "archive" if images else "table",
        "partition": partition,
        "datafile_id": number,
        "doi": None,
        "url": None,
        "bytes": len(data),
        "md5": md5(data),
        "sha256": sha256(data),
        "sources": {"bytes": 1, "md5": 1, "sha256": 1},
        "images": images,
    }


def _forms(tables: Mapping[str, bytes]) -> list[dict[str, Any]]:
    train, truth = _columns_sha256(TRAIN, COLUMNS), _columns_sha256(TRUTH, COLUMNS)
    validation = _columns_sha256(VALIDATION, ("image_id", "dx"))
    seven = {c: train[c] for c in COLUMNS[:7]}
    grouped = {c: train[c] for c in ("lesion_id", "dx_type", "image_id")}
    onehot_columns = ("image", *CHALLENGE)
    challenge = onehot((r[1], r[2]) for r in TRUTH)
    short = {c: truth[c] for c in ("dx", "image_id")}
    return [
        _form(METADATA, "metadata", "train", COLUMNS, tables[METADATA], 20, train),
        _form(KAGGLE_METADATA, "metadata", "train", COLUMNS[:7], tables[KAGGLE_METADATA], 20, seven)
        | {"note": "the table of earlier versions: the same rows without the column dataset"},
        _form(TEST_TRUTH, "test", "test", COLUMNS, tables[TEST_TRUTH], 5, truth) | {"final_newline": False},
        _form(VALIDATION_TRUTH, "validation", "validation", onehot_columns, tables[VALIDATION_TRUTH], 4, validation) | {"form": "onehot"},
        _form(TEST_TRUTH, "test", "test", onehot_columns, challenge, 5, short)
        | {"form": "onehot", "note": "the challenge's one-hot truth"},
        _form(GROUPINGS, "metadata", "train", ("image", "lesion_id", "diagnosis_confirm_type"), tables[GROUPINGS], 20, grouped)
        | {"form": "groupings", "newline": "\r\n", "note": "the challenge's lesion groupings"},
        _form(RATINGS, "ratings", "test", ("image_id", "interaction_modality"), tables[RATINGS], 0, {})
        | {"form": "ratings", "rows": None, "bytes": None, "md5": None, "columns_sha256": None},
    ]


def _form(  # noqa: PLR0913  (a form has so many facts)
    name: str, component: str, partition: str, columns: Sequence[str], data: bytes, rows: int, columns_sha256: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "component": component,
        "partition": partition,
        "form": "rows",
        "columns": list(columns),
        "newline": "\n",
        "final_newline": True,
        "rows": rows,
        "bytes": len(data),
        "md5": md5(data),
        "columns_sha256": columns_sha256,
        "note": None,
    }


def _words() -> dict[str, Any]:
    """What is the same in the large record: vocabulary, classes, licence."""
    return {
        "identifiers": {"image_id": r"ISIC_\d{7}", "lesion_id": r"HAM(TEST)?_\d{7}"},
        "image_size": [WIDTH, HEIGHT],
        "vocabulary": {
            "dx": list(_CLASSES),
            "dx_type": ["confocal", "consensus", "follow_up", "histo"],
            "sex": ["female", "male", "unknown"],
            "localization": [*_SITES],
            "dataset": ["external", "rosendahl", "vidir_modern", "vidir_molemax", "vienna_dias"],
        },
        "confirm_types": {long: short for short, long in CONFIRMED.items()},
        "classes": {
            "akiec": "Actinic keratoses and intraepithelial carcinoma (Bowen's disease)",
            "bcc": "Basal cell carcinoma",
            "bkl": "Benign keratosis-like lesions",
            "df": "Dermatofibroma",
            "mel": "Melanoma",
            "nv": "Melanocytic nevi",
            "vasc": "Vascular lesions",
        },
        "challenge_order": list(CHALLENGE),
        "groupings": {"malignant": {"dx": ["mel", "bcc", "akiec"], "source": "made here"}},
        "ground_truth": {"histo": "histopathology", "follow_up": "follow-up examination", "consensus": "expert consensus"}
        | {"confocal": "in-vivo confocal microscopy"},
        "sites": {name: name for name in ("rosendahl", "vidir_modern", "vidir_molemax", "vienna_dias", "external")},
        "age_bands": [[0, 29], [30, 44], [45, 59], [60, 74], [75, None]],
        "licence": {
            "id": "CC-BY-NC-4.0",
            "url": "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
            "summary": "no commercial use",
        },
        "creator": "nobody",
        "publisher": "nobody",
        "published": 2018,
        "citations": [
            {
                "key": "nobody2018small",
                "for": "data",
                "type": "misc",
                "fields": {"author": "Nobody", "title": "A small record", "year": "2018"},
                "text": "Nobody. A small record. 2018",
            }
        ],
    }
