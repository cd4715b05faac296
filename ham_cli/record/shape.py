"""What the facts of a record's JSON file must be, each by itself and beside the others, before anything is built on them."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from ham_cli.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    Check = Callable[[str, Any], None]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_UNSEEN = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
"""Signs that no text for people has: they steer a terminal, or cannot be written."""

_FACTS = {"image_id", "lesion_id", "age"}
"""Columns of a table's rows that have no vocabulary."""

_GROUPINGS = {"image", "lesion_id", "diagnosis_confirm_type"}


def check(facts: Mapping[str, Any]) -> None:
    """Raise `ValueError` for the first fact that is not what it must be, or that names what the record has not."""
    _RECORD("the record", facts)
    for sentence in _contradictions(facts):
        raise ValueError(sentence)


def plain(name: str) -> None:
    """Raise `ValueError` for what is to become a file's name, and could reach out of its folder."""
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"not a plain name: {name!r}")


def _contradictions(facts: Mapping[str, Any]) -> Iterator[str]:
    """Where one fact names what another has not, a sentence each."""
    classes, words, partitions = set(facts["classes"]), facts["vocabulary"], facts["partitions"]
    if set(words.get("dx", ())) != classes or not classes:
        yield "vocabulary.dx and classes name other diagnoses"
    if sorted(name.lower() for name in facts["challenge_order"]) != sorted(classes):
        yield "challenge_order and classes name other diagnoses"
    for place, some in (("groupings", facts["groupings"]), ("partitions", partitions)):
        if any(not set(one["dx"]) <= classes for one in some.values()):
            yield f"{place} name a diagnosis that classes have not"
    if not set(facts["confirm_types"].values()) <= set(words.get("dx_type", ())):
        yield "confirm_types name a dx_type that the vocabulary has not"
    ends = [(-1, -1), *facts["age_bands"]]
    if any(high is None or high >= low for (_, high), (low, _) in itertools.pairwise(ends)):
        yield "age_bands overlap, or stand in no order"
    yield from _strangers(facts)


def _strangers(facts: Mapping[str, Any]) -> Iterator[str]:
    """Ids and columns that are none of this record, a sentence each."""
    pairs = [image_id for pair in facts["duplicate_pairs"]["pairs"] for image_id in pair]
    for image_id in (*facts["not_in_record"], *facts["validation_ids"], *pairs):
        if not re.fullmatch(facts["identifiers"]["image_id"], image_id) or not _PLAIN_NAME.fullmatch(image_id):
            yield f"{quoted(image_id)} is no image_id of this record"
    published = {file["component"] for file in (*facts["files"], *facts["bucket_files"]) if file["kind"] == "table"}
    for table in facts["tables"]:
        if table["form"] == "rows" and table["component"] not in published:
            yield f"no file of {table['component']} is the table {table['name']}"
        if not _columns_fit(table, facts):
            yield f"the columns of {table['name']} are none that a table of the form {table['form']} has"


def _columns_fit(table: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    columns = set(table["columns"])
    if len(columns) < len(table["columns"]):
        return False
    own = columns if table["form"] == "rows" else _FACTS | {"dx", "dx_type"}
    if not set(table["columns_sha256"] or ()) <= own:
        return False
    if table["form"] == "onehot":
        return columns == {"image", *facts["challenge_order"]}
    if table["form"] == "groupings":
        return columns == _GROUPINGS
    return table["form"] == "ratings" or {"image_id", "dx"} <= columns <= {*_FACTS, *facts["vocabulary"]}


def _kind(what: str, fits: Callable[[Any], bool]) -> Check:
    def checked(place: str, value: Any) -> None:  # noqa: ANN401  (whatever stands in somebody's file)
        if not fits(value):
            raise ValueError(f"{place} is {quoted(value)}, and not {what}")

    return checked


def _written(what: str, pattern: str) -> Check:
    matches = re.compile(pattern).fullmatch
    return _kind(what, lambda value: isinstance(value, str) and matches(value) is not None)


def _or_none(inner: Check) -> Check:
    return lambda place, value: None if value is None else inner(place, value)


def _each(inner: Check, *, size: int | None = None) -> Check:
    def checked(place: str, value: Any) -> None:  # noqa: ANN401
        if not isinstance(value, list) or size not in {None, len(value)}:
            raise ValueError(f"{place} is {quoted(value)}, and not a list{'' if size is None else f' of {size}'}")
        for number, one in enumerate(value):
            inner(f"{place}[{number}]", one)

    return checked


def _by(inner: Check, known: Collection[str] = ()) -> Check:
    def checked(place: str, value: Any) -> None:  # noqa: ANN401
        if not isinstance(value, dict) or (known and not set(value) <= set(known)):
            raise ValueError(f"{place} is {quoted(value)}, and not what stands under {', '.join(known) or 'names'}")
        for name, one in value.items():
            _TEXT(f"a name in {place}", name)
            inner(f"{place}.{name}", one)

    return checked


def _facts(optional: Mapping[str, Check] | None = None, **named: Check) -> Check:
    wanted = {name.rstrip("_"): inner for name, inner in named.items()}  # ``for`` cannot stand here without

    def checked(place: str, value: Any) -> None:  # noqa: ANN401
        if not isinstance(value, dict):
            raise ValueError(f"{place} is {quoted(value)}, and not an object")  # noqa: TRY004  (one kind of error for one kind of fault)
        if lacking := [name for name in wanted if name not in value]:
            raise ValueError(f"{place} has no {lacking[0]}")
        for name, inner in (wanted | dict(optional or {})).items():
            if name in value:
                inner(name if place == "the record" else f"{place}.{name}", value[name])

    return checked


_TEXT = _written("text", rf"[^{_UNSEEN}]{{0,5000}}")
_WORD = _written("a word", rf'[^{_UNSEEN},"]{{1,100}}')
_NAME = _written("a plain name", _PLAIN_NAME.pattern)
_ADDRESS = _written("an address that begins with http:// or https://", rf"https?://[^\s{_UNSEEN}\"<>]{{1,500}}")
_MD5, _SHA256 = _written("an MD5", "[0-9a-f]{32}"), _written("a SHA-256", "[0-9a-f]{64}")
_COUNT = _kind("a number of things", lambda value: type(value) is int and 0 <= value < 1 << 53)
_SIDE = _kind("a number of pixels", lambda value: type(value) is int and 0 < value < 1 << 16)
_FLAG = _kind("true or false", lambda value: isinstance(value, bool))
_BAND = _kind(
    "two ages, the second one or null",
    lambda value: type(value) is list and len(value) == 2 and all(type(n) is int for n in value if n is not None) and value[0] is not None,  # noqa: PLR2004
)

_FILE = _facts(
    component=_WORD,
    name=_NAME,
    kind=_WORD,
    partition=_or_none(_WORD),
    aliases=_each(_NAME),
    original_name=_or_none(_NAME),
    datafile_id=_or_none(_COUNT),
    bytes=_or_none(_COUNT),
    md5=_or_none(_MD5),
    sha256=_or_none(_SHA256),
    sources=_by(_COUNT),
    images=_or_none(_COUNT),
    optional={"doi": _or_none(_TEXT), "url": _or_none(_ADDRESS)},
)
_TABLE = _facts(
    name=_NAME,
    component=_WORD,
    partition=_WORD,
    form=_WORD,
    columns=_each(_WORD),
    newline=_kind("a line's end", lambda value: value in ("\n", "\r\n")),
    final_newline=_FLAG,
    rows=_or_none(_COUNT),
    bytes=_or_none(_COUNT),
    md5=_or_none(_MD5),
    columns_sha256=_or_none(_by(_SHA256)),
    note=_or_none(_TEXT),
)
_RECORD = _facts(
    name=_NAME,
    version=_NAME,
    doi=_written("a DOI", rf"[^\s{_UNSEEN}]{{1,200}}"),
    title=_TEXT,
    server=_ADDRESS,
    buckets=_each(_ADDRESS),
    files=_each(_FILE),
    bucket_files=_each(_FILE),
    tables=_each(_TABLE),
    digests=_facts(file=_NAME, sha256=_SHA256),
    partitions=_by(_facts(images=_COUNT, dx=_by(_COUNT), optional={"lesions": _or_none(_COUNT)}), ("train", "validation", "test")),
    not_in_record=_by(_TEXT),
    identifiers=_facts(image_id=_TEXT, lesion_id=_TEXT),
    image_size=_each(_SIDE, size=2),
    vocabulary=_by(_each(_WORD), ("dx", "dx_type", "sex", "localization", "dataset")),
    confirm_types=_by(_WORD),
    classes=_by(_TEXT),
    challenge_order=_each(_WORD),
    groupings=_by(_facts(dx=_each(_WORD), source=_TEXT)),
    age_bands=_each(_BAND),
    duplicate_pairs=_facts(pairs=_each(_each(_WORD, size=2))),
    validation_ids=_each(_WORD),
    licence=_facts(id=_WORD, url=_ADDRESS, summary=_TEXT),
    citations=_each(_facts(key=_NAME, type=_NAME, fields=_by(_TEXT), for_=_TEXT, text=_TEXT)),
    optional={"ground_truth": _by(_TEXT), "sites": _by(_TEXT), "creator": _or_none(_TEXT), "publisher": _or_none(_TEXT)},
)
