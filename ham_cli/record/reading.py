"""A record from its JSON file, held together before anything is built on it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ham_cli.errors import AccessError, HamError, WrongUsageError
from ham_cli.record import shape
from ham_cli.record.model import COMPONENTS, PARTITION, Counts, PublishedFile, Record, TableForm

PUBLISHED = Path(__file__).parent.with_name("record.json")
"""Version 4.0 of doi:10.7910/DVN/DBW86T, as this program pins it."""

_MAX_RECORD_BYTES = 4 << 20


def load_foreign(path: Path) -> Record:
    """The record in a person's JSON file, checked whole before anything is built on it.

    Raises `WrongUsageError` where it, or its list of digests, does not hold together.
    """
    record = load(path)
    try:
        for name in record.digests:
            shape.plain(name)
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
    """Raise for words that this program does not know, and for files of partitions that the record has not."""
    for form in record.tables:
        _one_of(form.form, ("rows", "onehot", "groupings", "ratings"))
        _one_of(form.component, COMPONENTS)
        _one_of(form.partition, tuple(record.partitions))
    for file in (*record.files, *record.bucket_files):
        _one_of(file.component, COMPONENTS)
        _one_of(file.kind, ("archive", "table", "table_archive"))
        _one_of(file.partition, (*record.partitions, None))
        _one_of(PARTITION.get(file.component), (*record.partitions, None))
    for words in (record.identifiers["image_id"], record.identifiers["lesion_id"]):
        _one_of(bool(words), (True,))


def _one_of(word: object, known: tuple[object, ...]) -> None:
    if word not in known:
        raise ValueError(f"{word!r} is none of {known}")


def _build(facts: dict[str, Any], source: bytes, path: Path) -> Record:
    if facts["schema"] != 1:
        got, fix = f"schema {facts['schema']}", "a newer ham may read it; check --record FILE"
        raise WrongUsageError("this record has another form", where=path, expected="schema 1", got=got, fix=fix)
    shape.check(facts)
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
        ground_truth=facts.get("ground_truth", {}),
        sites=facts.get("sites", {}),
        age_bands=tuple((low, high) for low, high in facts["age_bands"]),
        duplicate_pairs=tuple((a, b) for a, b in facts["duplicate_pairs"]["pairs"]),
        validation_ids=frozenset(facts["validation_ids"]),
        image_size=(facts["image_size"][0], facts["image_size"][1]),
        licence=facts["licence"],
        citations=tuple(facts["citations"]),
        creator=facts.get("creator"),
        publisher=facts.get("publisher"),
        year=facts["published"] if type(facts.get("published")) is int else None,
        source=source,
        digest_file=path.with_name(facts["digests"]["file"]).read_bytes(),
        digest_check=facts["digests"]["sha256"],
    )


def _published_file(facts: dict[str, Any]) -> PublishedFile:
    return PublishedFile(**(facts | {"aliases": tuple(facts["aliases"])}))


def _table_form(facts: dict[str, Any]) -> TableForm:
    return TableForm(**(facts | {"columns": tuple(facts["columns"])}))
