"""What the ``record.json`` of a drawn record says: the published record's words, and facts of its own."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ham_cli.checksum import sha256
from ham_cli.demo.packing import Size, size_of
from ham_cli.demo.ratings import ratings
from ham_cli.demo.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ham_cli.demo.rows import Image, Rows
    from ham_cli.record import Record

NAME = "demo"
FORM = "1.0"
"""How it is drawn; whoever changes a single pixel, row or byte of a drawn record gives it a new number."""

USUAL = 150
"""How many training images it has when nobody asks for another number."""

PART_1, PART_2 = "demo_images_part_1.zip", "demo_images_part_2.zip"
MASKS, TEST = "demo_segmentations.zip", "demo_test_images.zip"
METADATA, TRUTH, RATINGS = "demo_metadata", "demo_test_truth.csv", "demo_ratings.csv"
DIGESTS = "digests.sha256.xz"

_WORDS = ("vocabulary", "confirm_types", "classes", "challenge_order", "groupings", "ground_truth", "sites", "age_bands", "image_size")
"""What a drawn record shares with the published one."""

_SOURCE = "drawn by ham demo"


def version(images: int) -> str:
    """The version of a drawn record: another number of images is another record."""
    return FORM if images == USUAL else f"{FORM}-{images}"


def tables(drawn: Rows, published: Record) -> dict[str, bytes]:
    """The tables as they are published, by name."""
    rated = ratings(drawn.test, list(published.classes), published.groupings["malignant"]["dx"])
    return {
        METADATA: _comma(COLUMNS, _cells(drawn.train)),
        TRUTH: _comma(COLUMNS, drawn.truth).removesuffix(b"\n"),
        RATINGS: rated.encode(),
    }


def record(drawn: Rows, published: Record, sizes: Mapping[str, Size], digests: bytes) -> bytes:
    """The ``record.json`` of files that are drawn: ``sizes`` by the names they are published by, ``digests`` unpacked."""
    shared = json.loads(published.source)
    images = len(drawn.train)
    facts = {
        "schema": 1,
        "name": NAME,
        "version": version(images),
        "doi": "10.0000/ham-demo",
        "title": f"A drawn record for trying ham: {images} artificial pictures, which show nobody's skin",
        "server": "http://127.0.0.1:9",
        "buckets": [],
        "files": _files(drawn, sizes),
        "bucket_files": [],
        "tables": _forms(drawn, published, sizes),
        "digests": {"file": DIGESTS, "sha256": sha256(digests), "partition": "train", "images": images, "masks": images, "source": _SOURCE},
        "partitions": {"train": _counts(drawn.train, published), "test": _counts(drawn.test, published)},
        "not_in_record": {drawn.planted[1]: _why(drawn)},
        "identifiers": {"image_id": "DEMO_[0-9]{7}", "lesion_id": "LESION(TEST)?_[0-9]{7}"},
        "duplicate_pairs": {"source": _SOURCE, "pairs": drawn.pairs},
        "validation_ids": [],
        **{word: shared[word] for word in _WORDS},
        "licence": {
            "id": "CC0-1.0",
            "url": "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
            "summary": "no conditions; nothing in it is about anybody",
        },
        "citations": [_citation(images)],
    }
    return json.dumps(facts, indent=1).encode() + b"\n"


def _why(drawn: Rows) -> str:
    count = len(drawn.test)
    return (
        f"The test truth names {drawn.planted[1]}, a planted image that was never drawn: "
        f"{count + 1} rows for {count} images are correct, not a broken download."
    )


def _citation(images: int) -> dict[str, Any]:
    title = "A drawn record for trying ham"
    fields = {"author": "{ham}", "title": title, "note": f"{images} pictures drawn by ham demo; they show nobody's skin", "version": FORM}
    text = f"{title}, version {version(images)}: {images} pictures drawn by ham demo, which show nobody's skin and support no finding."
    return {"key": "hamdemo", "for": "drawn data", "type": "misc", "fields": fields, "text": text}


def _counts(images: Sequence[Image], published: Record) -> dict[str, Any]:
    often = Counter(image.lesion.dx for image in images)
    return {
        "images": len(images),
        "lesions": len({image.lesion.lesion_id for image in images}),
        "dx": {dx: often[dx] for dx in published.classes},
    }


def _files(drawn: Rows, sizes: Mapping[str, Size]) -> list[dict[str, Any]]:
    train, test = len(drawn.train), len(drawn.test)
    return [
        _file("images", PART_1, "train", sizes[PART_1], images=train // 2),
        _file("images", PART_2, "train", sizes[PART_2], images=train - train // 2),
        _file("metadata", "demo_metadata.tab", "train", sizes[METADATA], original=METADATA),
        _file("masks", MASKS, "train", sizes[MASKS], images=train),
        _file("test", TEST, "test", sizes[TEST], images=test),
        _file("test", "demo_test_truth.tab", "test", sizes[TRUTH], original=TRUTH),
        _file("ratings", "demo_ratings.tab", "test", sizes[RATINGS], original=RATINGS),
    ]


def _file(  # noqa: PLR0913  (a file has so many facts)
    component: str, name: str, partition: str, size: Size, *, images: int | None = None, original: str | None = None
) -> dict[str, Any]:
    return {
        "component": component,
        "name": name,
        "aliases": [],
        "original_name": original,
        "kind": "archive" if images else "table",
        "partition": partition,
        "datafile_id": None,
        "doi": None,
        "url": None,
        "bytes": size.bytes,
        "md5": size.md5,
        "sha256": size.sha256,
        "sources": {"bytes": 1, "md5": 1, "sha256": 1},
        "images": images,
    }


def _forms(drawn: Rows, published: Record, sizes: Mapping[str, Size]) -> list[dict[str, Any]]:
    """The tables, and the forms of them that people may hold."""
    train, truth = list(_cells(drawn.train)), drawn.truth
    challenge = ("image", *published.challenge_order)
    seven = size_of(_comma(COLUMNS[:7], (row[:7] for row in train)))
    marked = size_of(_comma(challenge, ((row[1], *("1.0" if c.lower() == row[2] else "0.0" for c in challenge[1:])) for row in truth)))
    checks, test_checks = _checks(train), _checks(truth)
    short = {column: test_checks[column] for column in ("dx", "image_id")}
    rated: dict[str, Any] = {"form": "ratings", "rows": None, "columns_sha256": None, "note": "a row an image and modality"}
    return [
        _form(METADATA, "metadata", COLUMNS, sizes[METADATA], checks, rows=len(train)),
        _form("demo_metadata.csv", "metadata", COLUMNS[:7], seven, {column: checks[column] for column in COLUMNS[:7]}, rows=len(train))
        | {"note": "the same rows without the column dataset"},
        _form(TRUTH, "test", COLUMNS, sizes[TRUTH], test_checks, rows=len(truth)) | {"final_newline": False},
        _form(TRUTH, "test", challenge, marked, short, rows=len(truth)) | {"form": "onehot", "note": "the truth in one-hot form"},
        _form(RATINGS, "ratings", ("image_id", "interaction_modality"), sizes[RATINGS], {}, rows=0) | rated,
    ]


def _form(  # noqa: PLR0913  (a form has so many facts)
    name: str, component: str, columns: Sequence[str], size: Size, checks: Mapping[str, str], *, rows: int
) -> dict[str, Any]:
    return {
        "name": name,
        "component": component,
        "partition": "train" if component == "metadata" else "test",
        "form": "rows",
        "columns": columns,
        "newline": "\n",
        "final_newline": True,
        "rows": rows,
        "bytes": size.bytes,
        "md5": size.md5,
        "columns_sha256": checks,
        "note": None,
    }


def _checks(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """SHA-256 over the sorted ``image_id,value`` lines of every column, by name."""
    checks = {}
    for n, column in enumerate(COLUMNS):
        lines = sorted(f"{row[1]}\n" if column == "image_id" else f"{row[1]},{row[n]}\n" for row in rows)
        checks[column] = sha256("".join(lines).encode())
    return checks


def _cells(images: Iterable[Image]) -> Iterable[tuple[str, ...]]:
    return (image.cells for image in images)


def _comma(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in (columns, *rows)).encode()
