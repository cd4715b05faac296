"""What stands in each manifest: its columns, declared once, a comment a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 1
"""Of all these schemas; a reader refuses a higher one."""


@dataclass(frozen=True)
class Column:
    """One column of a manifest."""

    name: str
    type: str
    """``string``, ``word`` (a dictionary-encoded string), ``bool``, ``int32``, ``int64``, ``double`` or ``time`` (UTC, without zone)."""
    comment: str
    """Meaning, unit, source, and when it is null."""
    null: bool = True
    digest: bool = True
    """Whether it counts in the content digest: where and when bytes arrived does not."""


@dataclass(frozen=True)
class Schema:
    """One manifest."""

    name: str
    key: tuple[str, ...]
    """The columns that name a row; rows are sorted by them."""
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in their order."""
        return tuple(column.name for column in self.columns)


IMAGES = Schema(
    "images",
    ("image_id",),
    (
        Column("image_id", "string", "the image, as ISIC_ and seven digits", null=False),
        Column("partition", "word", "its published role: train, validation or test", null=False),
        Column("in_record", "bool", "whether the record holds the image; false only for the test truth's planted row", null=False),
        Column("row", "int32", "its place in the published table, from 0; null where an altered table was accepted without place"),
        Column("lesion_id", "string", "the lesion; test ids are a numbering of their own; null for validation, which has none"),
        Column("dx", "word", "the diagnosis: akiec, bcc, bkl, df, mel, nv or vasc", null=False),
        Column("dx_type", "word", "its ground truth: histo, follow_up, consensus or confocal; null where unpublished"),
        Column("age", "double", "years, as published; 0.0 are placeholders or infants; null where blank"),
        Column("sex", "word", "female, male or the published word unknown; null where blank"),
        Column("localization", "word", "the body site, or the published word unknown; null where blank"),
        Column("dataset", "word", "the site the image comes from; null where blank, and in the 7-column table"),
        Column("path", "string", "the image in the record's folder, with /; null while it is not in the cache", digest=False),
        Column("bytes", "int64", "its size; null while it is not in the cache"),
        Column("sha256", "string", "its SHA-256, hexadecimal; null while it is not in the cache"),
        Column("vouched", "word", "by its published digest, by its archive's MD5, or none; null without image", digest=False),
        Column("width", "int32", "pixels; null while it is not in the cache"),
        Column("height", "int32", "pixels; null while it is not in the cache"),
        Column("mask_path", "string", "its lesion mask in the record's folder, with /; null while it is not there", digest=False),
        Column("mask_bytes", "int64", "the mask's size; null while it is not there"),
        Column("mask_sha256", "string", "the mask's SHA-256, hexadecimal; null while it is not there"),
        Column("archive", "word", "the zip the image came from; null for one that came as a file", digest=False),
    ),
)

FILES = Schema(
    "files",
    ("component", "name"),
    (
        Column("component", "word", "images, metadata, masks, test, ratings or validation", null=False),
        Column("name", "string", "the file's label at its server", null=False),
        Column("original_name", "string", "its name before the server converted it; null for what is no table"),
        Column("datafile_id", "int64", "its number at the Dataverse; null for the challenge's own files"),
        Column("expected_bytes", "int64", "its published size; null where nobody has published it"),
        Column("expected_md5", "string", "its published MD5; null where nobody has published it"),
        Column("expected_from", "word", "where these two stand: pinned (in ham), listing (the server's answer) or none", null=False),
        Column("bytes", "int64", "the size received; null where it never arrived as a file"),
        Column("md5", "string", "the MD5 of what was received; null where it never arrived as a file"),
        Column("sha256", "string", "the SHA-256 of what was received; null for archives, whose images have their own"),
        Column(
            "source",
            "word",
            "the kind of source: folder, dataverse, isic or mirror; null where it never arrived",
            digest=False,
        ),
        Column("url", "string", "where it came from, without its query; null for a folder", digest=False),
        Column("state", "word", "have, dropped (unpacked, and every image indexed), missing or wrong", null=False),
        Column("path", "string", "where it lies in the record's folder, with /; null where it does not", digest=False),
        Column("fetched", "time", "when it arrived (UTC); null where it never did", digest=False),
    ),
)

VERIFICATION = Schema(
    "verification",
    ("component", "path", "verdict"),
    (
        Column("component", "word", "the component the fault is in", null=False),
        Column("path", "string", "the file, in the record's folder, with /", null=False),
        Column(
            "verdict", "word", "missing, wrong, extra, unreadable, altered or unvouched; renamed of a folder that is no cache", null=False
        ),
        Column("image_id", "string", "the image; null where the fault is in no single one"),
        Column("expected", "string", "what the record or the manifest says; null where it says nothing"),
        Column("got", "string", "what is there; null where nothing is"),
        Column("detail", "string", "a sentence for a person; null where there is no more to say"),
    ),
)

SPLIT = Schema(
    "split",
    ("image_id",),
    (
        Column("image_id", "string", "the image", null=False),
        Column("lesion_id", "string", "its lesion; null where the record names none"),
        Column("group", "string", "the images that stay together: a lesion, known duplicates merged; its first lesion id", null=False),
        Column("dx", "word", "its diagnosis", null=False),
        Column("split", "word", "train, validation or test; null where folds decide"),
        Column("fold", "int32", "from 0, the fold that holds the image out; null in test, and without folds"),
    ),
)

LEAKS = Schema(
    "leaks",
    ("side", "image_id", "place"),
    (
        Column("image_id", "string", "the image; where it is none of the record, its name as it is written", null=False),
        Column("side", "word", "the side that is evaluated, and on which it leaks", null=False),
        Column("other_sides", "word", "the sides that have an image of its group too, with commas between them", null=False),
        Column("why", "word", "same image, same bytes, same lesion or known duplicate; the strongest of these", null=False),
        Column("other_image", "string", "an image on another side for which this is so", null=False),
        Column("dx", "word", "its diagnosis; null where it is none of the record"),
        Column("lesion_id", "string", "its lesion; null where the record names none"),
        Column("group", "string", "its lesion with known duplicates merged; null where it is none of the record"),
        Column("label", "string", "the image as it is written there", null=False),
        Column("place", "string", "the file and line where it is written, or its path", null=False),
    ),
)

PIXELS = Schema(
    "pixels",
    ("image_id",),
    (
        Column("image_id", "string", "the image", null=False),
        Column("sha256", "string", "the SHA-256 of the bytes that were decoded, hexadecimal", null=False),
        Column("width", "int32", "pixels", null=False),
        Column("height", "int32", "pixels", null=False),
        *(
            Column(f"{channel}_{name}", kind, words.format(channel), null=False)
            for channel in ("red", "green", "blue")
            for name, kind, words in (
                ("sum", "int64", "the sum of {} over all pixels, 0 to 255 each"),
                ("squares", "int64", "the sum of the squares of {} over all pixels"),
                ("mean", "double", "the mean of {} over the pixels, 0 to 1"),
                ("sd", "double", "the standard deviation of {} over the pixels (divided by their number), 0 to 1"),
            )
        ),
        Column("brightness", "double", "the mean of L, 0 to 1; L is ITU-R 601 luma as Pillow rounds it", null=False),
        Column("contrast", "double", "the standard deviation of L over the pixels (divided by their number), 0 to 1", null=False),
    ),
)

MASKS = Schema(
    "masks",
    ("image_id",),
    (
        Column("image_id", "string", "the image whose mask it is", null=False),
        Column("mask_sha256", "string", "the SHA-256 of the bytes that were decoded, hexadecimal", null=False),
        Column("width", "int32", "pixels", null=False),
        Column("height", "int32", "pixels", null=False),
        Column("mode", "word", "how the file holds it, as Pillow names it: L (grey), P (palette), 1 (bits)", null=False),
        Column("area", "int64", "pixels of the lesion: those whose L is over 127", null=False),
        Column("share", "double", "the area's share of the frame, 0 to 1", null=False),
        Column("left", "int32", "the first column with a pixel of the lesion, from 0; null in an empty mask"),
        Column("top", "int32", "the first row with a pixel of the lesion, from 0; null in an empty mask"),
        Column("right", "int32", "the column after the last one with a pixel of the lesion; null in an empty mask"),
        Column("bottom", "int32", "the row after the last one with a pixel of the lesion; null in an empty mask"),
        Column("components", "int32", "connected components; pixels that meet at a corner are connected", null=False),
        Column("largest", "int64", "pixels of the largest component", null=False),
        Column("touches", "bool", "whether the lesion reaches the frame's border", null=False),
    ),
)


def ratings(classes: Iterable[str]) -> Schema:
    """The table of ratings, a column a diagnosis in each of its groups."""
    groups = (
        ("prob_m_dx_", "double", "the model's probability of {}, 0 to 1; null where not given, or no number"),
        ("prob_h_dx_", "double", "the share of earlier ratings by people that said {}, 0 to 1; null where not given, or no number"),
        ("user_dx_without_interaction_", "int32", "how many people chose {} without help; null where not given, or no whole number"),
        ("user_dx_with_interaction_", "int32", "how many people chose {} with it; null where not given, or no whole number"),
    )
    columns = (
        Column("image_id", "string", "the rated image; null where the file names none"),
        Column("interaction_modality", "word", "what people were shown beside it, in the file's words; null where it has none"),
        Column("row", "int32", "its place in the published table, from 0", null=False),
        Column("lesion_id", "string", "the image's lesion, from the test truth; null where that names none, and for other images"),
        Column("dx", "word", "its diagnosis, from the test truth; null for images that the record's test has not"),
        Column("prob_m_mal", "double", "the model's probability of malignancy, 0 to 1; null where not given, or no number"),
        *(Column(f"{start}{dx}", kind, words.format(dx)) for start, kind, words in groups for dx in classes),
        Column("faults", "string", "what is wrong with the row, group of columns by group; null where nothing is"),
    )
    return Schema("ratings", ("image_id", "interaction_modality", "row"), columns)


EXPORT = Schema(
    "export",
    ("file", "image_id"),
    (
        Column("file", "string", "the file in the export, with /", null=False),
        Column("image_id", "string", "the image that the row is about; null for the file itself where it holds none or several"),
        Column("split", "word", "train, validation or test; null for what is no image"),
        Column("label", "word", "the class it is filed under; null for what is no image"),
        Column("bytes", "int64", "the size of the file, or of the image in a file of several; null while it is not yet made"),
        Column("sha256", "string", "the SHA-256 of these bytes, hexadecimal; null while the file is not yet made"),
        Column(
            "recipe",
            "string",
            "the SHA-256 of all that shapes the file but versions of libraries: its own where its bytes were known; null in a file",
            digest=False,
        ),
    ),
)


FIGURES = Schema(
    "figures",
    ("table", "part", "of", "name"),
    (
        Column("table", "word", "age (years), images_per_lesion, class_weight or varying (lesions whose images disagree)", null=False),
        Column("part", "word", "the partition, part of a split or fold; null where all of it is one"),
        Column("of", "word", "what is counted or weighed: images or lesions", null=False),
        Column("name", "string", "mean, sd (n - 1), ...; a number of images; a diagnosis; a column", null=False),
        Column("value", "double", "the number; null where there is none, as of ages that are all blank"),
    ),
)


def scores(classes: tuple[str, ...]) -> Schema:
    """The table of scored predictions, with a probability for each class of the record."""
    columns = (
        Column("image_id", "string", "the test image", null=False),
        Column("lesion_id", "string", "its lesion; null where the truth was fetched in a form that names none"),
        Column("dx", "word", "its diagnosis", null=False),
        Column("predicted", "word", "the class of the highest probability; null where several share it"),
        Column("right", "bool", "whether the predicted class is the diagnosis; a tie is wrong", null=False),
        *(Column(f"p_{dx}", "double", f"the predicted probability of {dx}, 0 to 1", null=False) for dx in classes),
    )
    return Schema("scores", ("image_id",), columns)


def counts(by: tuple[str, ...]) -> Schema:
    """The table of counts by some columns; key: these columns and the part."""
    columns = (
        *(Column(name, "string", "a value as published; null where blank") for name in by),
        Column("part", "word", "the partition, part of a split or fold that is counted; empty where all of it is one", null=False),
        Column("images", "int64", "how many images", null=False),
        Column("lesions", "int64", "how many lesions, by lesion id; null where the record names none"),
    )
    return Schema("stats", (*by, "part"), columns)
