"""What a record is: its files, tables, words, counts and digests, as values."""

from __future__ import annotations

import csv
import hashlib
import io
import lzma
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ham_cli.errors import AccessError

COMPONENTS = ("metadata", "masks", "test", "images", "ratings", "validation")
"""What one can fetch, small things first."""

PARTITIONS = ("train", "validation", "test")

PARTITION = {"images": "train", "masks": "train", "test": "test", "validation": "validation"}
"""The partition whose images or masks a component is; the other components are tables alone."""

TABLED = {"metadata": "train", "test": "test", "validation": "validation"}
"""The partition whose table a component brings."""

FOLDERS = {"images": "images", "masks": "masks", "test": "test", "validation": "validation"}
"""Where the images or masks of a component lie in a cache."""


def file_name(image_id: str, component: str) -> str:
    """The name of an image's file, or of its mask's: ``ISIC_0024306.jpg``."""
    return f"{image_id}_segmentation.png" if component == "masks" else f"{image_id}.jpg"


_MAX_DIGESTS = 64 << 20
"""Bytes of the list of digests, unpacked; the published one has 1.9 MB, and one of 100 000 images and masks 19."""

_MAX_MEMORY = 256 << 20
"""Bytes that unpacking it may take: a packed file names its own dictionary, of up to four gigabytes."""

_REINSTALL = (
    "run the same ham fetch again, which writes a cache's list anew; where that says so too, install ham again, or check --record FILE"
)


@dataclass(frozen=True)
class PublishedFile:
    """One file as a server offers it."""

    component: str
    name: str
    """Its label there, and its name in the cache's ``archives/``."""
    kind: str
    """``archive`` (a zip of images), ``table``, or ``table_archive`` (a zip with a table in it)."""
    partition: str | None
    aliases: tuple[str, ...]
    """Other spellings of the name that circulate."""
    original_name: str | None
    """The name before the server converted the table; ``None`` for what is no table."""
    datafile_id: int | None
    bytes: int | None
    """Of the original upload; ``None`` where nobody has published it."""
    md5: str | None
    sha256: str | None
    sources: dict[str, int]
    """How many independent public sources state ``bytes``, ``md5``, ``sha256``."""
    images: int | None
    """How many images or masks an archive holds."""
    doi: str | None = None
    url: str | None = None

    @property
    def received_name(self) -> str:
        """The name under which its original bytes are kept."""
        return self.original_name or self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which people hold it."""
        return tuple(dict.fromkeys(n for n in (self.name, self.original_name, *self.aliases) if n))


@dataclass(frozen=True)
class TableForm:
    """How one published table is written, to the byte."""

    name: str
    component: str
    partition: str
    form: str
    """``rows`` (a column a fact), ``onehot`` (the challenge's truth), ``groupings`` or ``ratings``."""
    columns: tuple[str, ...]
    newline: str
    final_newline: bool
    rows: int | None
    bytes: int | None
    md5: str | None
    columns_sha256: dict[str, str] | None
    """SHA-256 over the sorted ``image_id,value`` lines of a column: tells which column was altered."""
    note: str | None


@dataclass(frozen=True, slots=True)
class Digest:
    """What one published image or mask must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Counts:
    """How many images a partition has."""

    images: int
    dx: dict[str, int]
    """Images by diagnosis."""
    lesions: int | None = None
    """``None`` where no lesion ids are published."""


@dataclass(frozen=True)
class Record:
    """A published data set, as a value; ``load`` reads one from its JSON file."""

    name: str
    version: str
    title: str
    doi: str
    server: str
    buckets: tuple[str, ...]
    files: tuple[PublishedFile, ...]
    bucket_files: tuple[PublishedFile, ...]
    tables: tuple[TableForm, ...]
    partitions: dict[str, Counts]
    not_in_record: dict[str, str]
    """Image ids that a table names and the record does not hold, with the reason in a sentence."""
    vocabulary: dict[str, tuple[str, ...]]
    """The words each column may hold; a blank is always allowed but in ``dx``."""
    identifiers: dict[str, str]
    """Regular expressions that ``image_id`` and ``lesion_id`` match whole."""
    confirm_types: dict[str, str]
    """The lesion groupings' words for ``dx_type``."""
    classes: dict[str, str]
    """Diagnosis to its name in words, in alphabetical order: the order of every index."""
    challenge_order: tuple[str, ...]
    """The classes' columns in the challenge's own files."""
    groupings: dict[str, Any]
    ground_truth: dict[str, str]
    """Ground truth (`dx_type`) in words; a record may name none."""
    sites: dict[str, str]
    """Sites (`dataset`) in words; a record may name none."""
    age_bands: tuple[tuple[int, int | None], ...]
    """Inclusive bounds in years; the last one is open."""
    duplicate_pairs: tuple[tuple[str, str], ...]
    """Pairs of images with different lesion ids that show one lesion."""
    validation_ids: frozenset[str]
    image_size: tuple[int, int]
    """Width and height of every image and mask, in pixels."""
    licence: dict[str, str]
    citations: tuple[dict[str, Any], ...]
    creator: str | None
    publisher: str | None
    year: int | None
    """The year in which its first version appeared."""
    source: bytes = field(repr=False, compare=False)
    """The JSON text itself: the cache keeps a copy."""
    digest_file: bytes = field(repr=False, compare=False)
    """The xz-packed list of digests: the cache keeps a copy."""
    digest_check: str = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """``ham10000-4.0``: the name of its folder in a cache."""
        return f"{self.name}-{self.version}"

    @cached_property
    def digests(self) -> dict[str, Digest]:
        """Size and SHA-256 of every image and mask that has one published, by file name.

        Raises `AccessError` where the list is not the one that the record names.
        """
        try:
            unpacking = lzma.LZMADecompressor(memlimit=_MAX_MEMORY)
            text = unpacking.decompress(self.digest_file, _MAX_DIGESTS)
            if hashlib.sha256(text).hexdigest() != self.digest_check:
                raise AccessError("the list of digests is not the one the record names", expected=self.digest_check, fix=_REINSTALL)
            rows = csv.reader(io.TextIOWrapper(io.BytesIO(text), "ascii", newline="\n"))
            if next(rows, None) is None:
                raise ValueError("it has no lines")  # noqa: TRY301
            return {name: Digest(int(size), sha256) for name, size, sha256 in rows}
        except (lzma.LZMAError, EOFError, ValueError, csv.Error) as error:
            raise AccessError("the list of digests cannot be read", got=error, fix=_REINSTALL) from error

    @cached_property
    def by_digest(self) -> dict[str, str]:
        """File name by SHA-256, of every image and mask that has one published."""
        return {digest.sha256: name for name, digest in self.digests.items()}

    def partition_of(self, image_id: str) -> str | None:
        """The published role of an image whose id alone tells it; the test table names the others."""
        if f"{image_id}.jpg" in self.digests:
            return "train"
        return "validation" if image_id in self.validation_ids else None

    def age_band(self, age: float | None) -> str | None:
        """The band of an age in years, ``30-44`` or ``75+``; ``None`` for a blank, and below the first."""
        found = [band for (low, _), band in zip(self.age_bands, self.bands, strict=True) if age is not None and age >= low]
        return found[-1] if found else None

    @property
    def bands(self) -> tuple[str, ...]:
        """The names of the age bands, the youngest first."""
        return tuple(f"{low}+" if high is None else f"{low}-{high}" for low, high in self.age_bands)

    @property
    def components(self) -> tuple[str, ...]:
        """The components that this record has: some published file or table is theirs."""
        own = {f.component for f in (*self.files, *self.bucket_files)} | {t.component for t in self.tables}
        return tuple(c for c in COMPONENTS if c in own)

    def published(self, component: str) -> tuple[PublishedFile, ...]:
        """The server's and then the bucket's files of a component."""
        return tuple(f for f in (*self.files, *self.bucket_files) if f.component == component)

    def forms(self, partition: str | None = None) -> tuple[TableForm, ...]:
        """How this record's tables are written, the richest form of each partition first."""
        return tuple(t for t in self.tables if partition in (None, t.partition))
