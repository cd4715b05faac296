"""What a Dataverse server lists of a record now, and where that differs from what is pinned."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ham_cli.errors import quoted
from ham_cli.findings import Finding, Verdict, counted
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ham_cli.record import PublishedFile, Record

MOST_BYTES = 4 << 20
"""Bytes of a listing that are read at most: the published record's has about 12 000, an entry about 1500."""

_MOST = 2**63 - 1
"""The largest number that the manifests can hold."""

_SHOWN = 5
"""Names of unknown files that are shown."""

_MD5 = re.compile(r"[0-9a-f]{32}")

_OF_TABLES = ("originalFileSize", "originalFileName", "originalFileFormat", "UNF")
"""Fields that only a table has which the server converted; those before 6.1 do not say ``tabularData``."""


@dataclass(frozen=True)
class Listed:
    """One file as the server lists it; ``None`` for what it does not say, or not in a form that can be."""

    datafile_id: int
    name: str | None
    """Its label. Anybody's text: for a message it is quoted."""
    original_name: str | None
    """The name before the server converted the table; ``None`` for what is no table."""
    bytes: int | None
    """Of the original upload: for a table not the size of what the server made of it."""
    md5: str | None
    """Of the original upload, in small letters; ``None`` where the server keeps another digest."""
    restricted: bool


@dataclass(frozen=True)
class Listing:
    """One version of a record as the server lists it."""

    files: dict[int, Listed]
    """By number; entries without one are left out."""
    withdrawn: bool
    """Whether the server says that this version is deaccessioned."""


@dataclass(frozen=True)
class Drift:
    """What a listing says otherwise than the pinned record, or beyond it."""

    findings: tuple[Finding, ...]
    """A file a changed MD5."""
    warnings: tuple[str, ...]
    """Sentences for everybody."""
    details: tuple[str, ...]
    """Sentences for who asks."""
    learned: dict[int, Listed]
    """By number, the files of which the listing tells a size or MD5 that nobody has pinned."""
    changed: frozenset[int]
    """Numbers of the files that the server must not be asked for: they are others now."""


def read_listing(body: bytes) -> Listing:
    """The listing in a server's answer, whatever bytes that are; raises `Problem` where it is none."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        what = "the server sends a page where its listing belongs" if body.lstrip()[:1] == b"<" else "the server's listing is no JSON"
        raise _useless(what, body[:200].decode("utf-8", "replace")) from None
    answer = _mapping(said)
    status, data = _text(answer, "status"), _mapping(answer.get("data"))
    if status is None or status.casefold() != "ok":
        raise _useless("the server refuses its listing", _text(answer, "message") or status or body[:200].decode("utf-8", "replace"))
    withdrawn = _text(data, "versionState") == "DEACCESSIONED"
    entries = data.get("files")
    if not isinstance(entries, list):
        # A deaccessioned version is a success without files.
        what = "the record was withdrawn from the server" if withdrawn else "the server lists no files"
        raise _useless(what, f"fields {', '.join(data)}")
    files: dict[int, Listed] = {}
    for entry in entries:
        if (listed := _listed(_mapping(entry))) is not None:
            files.setdefault(listed.datafile_id, listed)
    return Listing(files, withdrawn)


def drift(record: Record, listing: Listing) -> Drift:
    """Where a listing and the pinned record differ, and what it tells that nobody pinned."""
    pairs = [(file, listing.files.get(file.datafile_id)) for file in record.files if file.datafile_id is not None]
    both = [(file, listed) for file, listed in pairs if listed is not None]
    changed = frozenset(listed.datafile_id for file, listed in both if _is_another(file, listed))
    warnings = ["the server has withdrawn this version of the record (deaccessioned)"] if listing.withdrawn else []
    for file, listed in pairs:
        warnings += [f"{file.name}: {words}" for words in _warnings(file, listed)]
    return Drift(
        findings=tuple(_finding(file, listed) for file, listed in both if listed.datafile_id in changed),
        warnings=tuple(warnings),
        details=tuple(_details(pairs, listing)),
        learned={listed.datafile_id: listed for file, listed in both if _filled(file, listed) != file},
        changed=changed,
    )


def learnt(file: PublishedFile, listing: Listing) -> PublishedFile:
    """The published file, with the size and MD5 that only the listing knows; what is pinned stays as it is."""
    listed = listing.files.get(file.datafile_id) if file.datafile_id is not None else None
    return file if listed is None else _filled(file, listed)


def _filled(file: PublishedFile, listed: Listed) -> PublishedFile:
    if _is_another(file, listed):
        return file  # its size is that of another file
    size = file.bytes if file.bytes is not None else listed.bytes
    return replace(file, bytes=size, md5=file.md5 if file.md5 is not None else listed.md5)


def _is_another(file: PublishedFile, listed: Listed) -> bool:
    return None not in {file.md5, listed.md5} and str(file.md5).lower() != listed.md5


def _finding(file: PublishedFile, listed: Listed) -> Finding:
    detail = "the record changed on the server: its file is another one than the pinned, and is not fetched from there"
    return Finding(file.component, file.name, Verdict.WRONG, expected=file.md5, got=listed.md5, detail=detail)


def _warnings(file: PublishedFile, listed: Listed | None) -> Iterator[str]:
    """What everybody should know of one file, without its name."""
    if listed is None:
        yield f"the server no longer lists it (datafile {file.datafile_id})"
        return
    if None not in {file.bytes, listed.bytes} and file.bytes != listed.bytes and not _is_another(file, listed):
        decides = "the MD5 decides" if file.md5 else "nothing else tells which of them is right"
        yield f"the server lists {counted(listed.bytes or 0, 'byte')}, the record {file.bytes}; {decides}"
    for name in dict.fromkeys((listed.name, listed.original_name)):
        if name is not None and name not in file.names:
            yield f"the server now calls it {quoted(name)}"
    if listed.restricted:
        yield "the server restricts it: it may ask for a key"


def _details(pairs: list[tuple[PublishedFile, Listed | None]], listing: Listing) -> Iterator[str]:
    """What only who asks needs to know."""
    known = {file.datafile_id for file, _ in pairs}
    unknown = [quoted(listed.name) for number, listed in listing.files.items() if number not in known]
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        files = counted(len(unknown), "file")
        yield f"the server lists {files} that the record does not know: {', '.join(unknown[:_SHOWN])}{more}"
    silent = sum(listed is not None and listed.md5 is None and file.md5 is not None for file, listed in pairs)
    if silent:
        yield f"the server lists no MD5 for {counted(silent, 'file')}: only what arrives tells whether they are the pinned ones"


def _listed(entry: dict[str, Any]) -> Listed | None:
    """One entry, every field of it optional; ``None`` without a number."""
    data = _mapping(entry.get("dataFile"))
    number = _number(data, "id")
    if number is None:
        return None
    tabular = data.get("tabularData")
    is_table = tabular if isinstance(tabular, bool) else any(name in data for name in _OF_TABLES)
    return Listed(
        datafile_id=number,
        name=_text(entry, "label") or _text(data, "filename"),
        original_name=_text(data, "originalFileName") if is_table else None,
        # A table's ``filesize`` is that of the server's conversion, its digest is not.
        bytes=_number(data, "originalFileSize" if is_table else "filesize"),
        md5=_md5(data),
        restricted=entry.get("restricted") is True,
    )


def _md5(data: dict[str, Any]) -> str | None:
    checksum = _mapping(data.get("checksum"))
    kind = _text(checksum, "type") or ""
    for found in (_text(data, "md5"), _text(checksum, "value") if kind.casefold() == "md5" else None):
        if found and _MD5.fullmatch(found.lower()):
            return found.lower()
    return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and value else None


def _number(fields: dict[str, Any], name: str) -> int | None:
    """A number above 0: no file is empty, and none has the number 0."""
    value = fields.get(name)
    # In Python a truth value is a number, in JSON it is none.
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST else None


def _useless(what: str, got: str) -> Problem:
    return Problem(Kind.FINAL, what, got=quoted(got), fix="try again later, or name another --source")
