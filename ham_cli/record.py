"""The record: a published data set, pinned. What its files, tables, words and counts are."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ham_cli.errors import AccessError, HamError, WrongUsageError

COMPONENTS = ("metadata", "masks", "test", "images", "ratings", "validation")
"""What one can fetch, small things first."""

PARTITIONS = ("train", "validation", "test")

PARTITION = {"images": "train", "masks": "train", "test": "test", "validation": "validation"}
"""The partition whose images or masks a component is; the other components are tables alone."""

TABLED = {"metadata": "train", "test": "test", "validation": "validation"}
"""The partition whose table a component brings."""

FOLDERS = {"images": "images", "masks": "masks", "test": "test", "validation": "validation"}
"""Where the images or masks of a component lie in a cache."""

PUBLISHED = Path(__file__).with_name("record.json")
"""Version 4.0 of doi:10.7910/DVN/DBW86T, as this program pins it."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAX_RECORD_BYTES = 4 << 20


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


@dataclass(frozen=True)
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
    age_bands: tuple[tuple[int, int | None], ...]
    """Inclusive bounds in years; the last one is open."""
    duplicate_pairs: tuple[tuple[str, str], ...]
    """Pairs of images with different lesion ids that show one lesion."""
    validation_ids: frozenset[str]
    image_size: tuple[int, int]
    """Width and height of every image and mask, in pixels."""
    licence: dict[str, str]
    citations: tuple[dict[str, Any], ...]
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
            text = lzma.decompress(self.digest_file)
            if hashlib.sha256(text).hexdigest() != self.digest_check:
                raise AccessError("the list of digests is not the one the record names", expected=self.digest_check, fix=_REINSTALL)
            _header, *rows = csv.reader(io.StringIO(text.decode("ascii")))
            return {name: Digest(int(size), sha256) for name, size, sha256 in rows}
        except (lzma.LZMAError, EOFError, ValueError, csv.Error) as error:
            raise AccessError("the list of digests cannot be read", got=error, fix=_REINSTALL) from error

    def partition_of(self, image_id: str) -> str | None:
        """The published role of an image whose id alone tells it; the test table names the others."""
        if f"{image_id}.jpg" in self.digests:
            return "train"
        return "validation" if image_id in self.validation_ids else None

    def published(self, component: str) -> tuple[PublishedFile, ...]:
        """The server's and then the bucket's files of a component."""
        return tuple(f for f in (*self.files, *self.bucket_files) if f.component == component)

    def forms(self, partition: str | None = None) -> tuple[TableForm, ...]:
        """How this record's tables are written, the richest form of each partition first."""
        return tuple(t for t in self.tables if partition in (None, t.partition))


_REINSTALL = "install ham again, or fetch again with --record"


def load_foreign(path: Path) -> Record:
    """The record in a person's JSON file, checked whole before anything is built on it.

    Raises `WrongUsageError` where it, or its list of digests, does not hold together.
    """
    record = load(path)
    try:
        for name in record.digests:
            _plain(name)
    except AccessError as error:
        raise WrongUsageError(error.what, where=path, expected=error.expected, got=error.got, fix="check --record FILE") from error
    except ValueError as error:
        raise WrongUsageError("the list of digests names no plain files", where=path, got=error, fix="check --record FILE") from error
    return record


def load(path: Path = PUBLISHED) -> Record:
    """The record in a JSON file, with the list of digests beside it.

    Raises `WrongUsageError` where the file is none.
    """
    try:
        with path.open("rb") as file:
            source = file.read(_MAX_RECORD_BYTES + 1)
        if len(source) > _MAX_RECORD_BYTES:
            raise WrongUsageError("this is no record: it is too large", where=path, expected=f"at most {_MAX_RECORD_BYTES} bytes")
        facts = json.loads(source)
        record = _build(facts, source, path)
        _check(record)
    except OSError as error:
        raise WrongUsageError(
            "the record cannot be read", where=error.filename or path, got=error.strerror, fix="check --record FILE"
        ) from error
    except HamError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, re.error) as error:
        raise _not_a_record(path, error) from error
    return record


def _not_a_record(path: Path, error: Exception) -> WrongUsageError:
    got = f"{type(error).__name__}: {error}"
    return WrongUsageError("this is no record ham can read", where=path, expected="JSON as in ham's own record.json", got=got)


def _check(record: Record) -> None:
    """Raise for what would fail later: unknown words, names that reach out of their folder, wrong types."""
    for form in record.tables:
        _one_of(form.form, ("rows", "onehot", "groupings", "ratings"))
        _one_of(form.component, COMPONENTS)
        _one_of(form.partition, PARTITIONS)
    for partition in record.partitions:
        _one_of(partition, PARTITIONS)
    for file in (*record.files, *record.bucket_files):
        _one_of(file.partition, (*PARTITIONS, None))
        if any(not isinstance(number, int | None) for number in (file.bytes, file.images, file.datafile_id)):
            raise TypeError(f"bytes, images or datafile_id of {file.name}")
    for words in (record.vocabulary["dx"], record.identifiers["image_id"], record.identifiers["lesion_id"], record.licence["id"]):
        _one_of(bool(words), (True,))
    for citation in record.citations:
        _one_of({"key", "for", "type", "fields", "text"} <= set(citation), (True,))
    _one_of({"id", "url", "summary"} <= set(record.licence), (True,))


def _one_of(word: object, known: tuple[object, ...]) -> None:
    if word not in known:
        raise ValueError(f"{word!r} is none of {known}")


def _build(facts: dict[str, Any], source: bytes, path: Path) -> Record:
    if facts["schema"] != 1:
        raise WrongUsageError("this record has another form", where=path, expected="schema 1", got=f"schema {facts['schema']}")
    for name in (facts["name"], facts["version"], facts["digests"]["file"]):
        _plain(name)
    files = tuple(_published_file(f) for f in facts["files"])
    bucket_files = tuple(_published_file(f) for f in facts["bucket_files"])
    return Record(
        name=facts["name"],
        version=facts["version"],
        title=facts["title"],
        doi=facts["doi"],
        server=facts["server"],
        buckets=tuple(facts["buckets"]),
        files=files,
        bucket_files=bucket_files,
        tables=tuple(_table_form(t) for t in facts["tables"]),
        partitions={p: Counts(**c) for p, c in facts["partitions"].items()},
        not_in_record=facts["not_in_record"],
        vocabulary={column: tuple(words) for column, words in facts["vocabulary"].items()},
        identifiers={column: re.compile(pattern).pattern for column, pattern in facts["identifiers"].items()},
        confirm_types=facts["confirm_types"],
        classes=facts["classes"],
        challenge_order=tuple(facts["challenge_order"]),
        groupings=facts["groupings"],
        age_bands=tuple((low, high) for low, high in facts["age_bands"]),
        duplicate_pairs=tuple((a, b) for a, b in facts["duplicate_pairs"]["pairs"]),
        validation_ids=frozenset(facts["validation_ids"]),
        image_size=(facts["image_size"][0], facts["image_size"][1]),
        licence=facts["licence"],
        citations=tuple(facts["citations"]),
        source=source,
        digest_file=path.with_name(facts["digests"]["file"]).read_bytes(),
        digest_check=facts["digests"]["sha256"],
    )


def _published_file(facts: dict[str, Any]) -> PublishedFile:
    file = PublishedFile(**(facts | {"aliases": tuple(facts["aliases"])}))
    for name in file.names:
        _plain(name)
    if file.component not in COMPONENTS or file.kind not in {"archive", "table", "table_archive"}:
        message = f"file {file.name} of component {file.component}, kind {file.kind}"
        raise ValueError(message)
    return file


def _table_form(facts: dict[str, Any]) -> TableForm:
    form = TableForm(**(facts | {"columns": tuple(facts["columns"])}))
    _plain(form.name)
    return form


def _plain(name: str) -> None:
    # These become names of files and folders: a foreign record must not reach out of the cache.
    if not _PLAIN_NAME.fullmatch(name):
        message = f"not a plain name: {name!r}"
        raise ValueError(message)
