"""The data card: what the record is, whose, what has arrived of it, and what was verified."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ham_cli.findings import counted
from ham_cli.record import PARTITION
from ham_cli.summary import counts
from ham_cli.summary.page.given import tally, whole
from ham_cli.summary.page.material import Section, Table, Term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ham_cli.findings import Finding
    from ham_cli.record import Record
    from ham_cli.summary.page.given import Given, Row
    from ham_cli.summary.page.material import Cell

_STATES = {"have": "here", "dropped": "unpacked", "missing": "not here"}
"""A file's state in words: an archive may well not be here while its images are."""

_NAMED = 3
"""Damaged files that are named."""

_JUDGED = ("asked", "checked", "right", "unvouched")


def key_figures(given: Given) -> tuple[Term, ...]:
    """The numbers at the head of the page."""
    total = whole(given.rows)
    here = [row for row in given.dataset.rows if row["path"]]
    figures = [Term(str(total.images), given.noun)]
    if total.lesions is not None:
        figures.append(Term(str(total.lesions), "lesions"))
    figures.append(Term(str(len(tally(given.rows, "dx"))), "diagnoses"))
    figures.append(Term(str(len({row["dataset"] for row in given.rows} - {None})), "sites"))
    figures.append(Term(str(len(here)), "images in the cache"))
    figures.append(Term(str(sum(1 for row in here if row["mask_path"])), "of them with a mask"))
    return tuple(figures)


def card(given: Given) -> Section:
    """The section: what, from where, whose, and what it asks for."""
    record = given.dataset.record
    return Section(
        "card",
        "Data card",
        (_described(record),),
        terms=(*_about(record), *_cited(record)),
        tables=(_images(given),),
        notes=(*given.dataset.altered, *_planted(given)),
    )


def received(given: Given, wrong: Sequence[Finding]) -> Section:
    """The section on files: what arrived, from where, whether it is what was published, and what is ``wrong`` by now."""
    lead = "On its arrival, a file was held against its published MD5, an image or mask against its published SHA-256."
    verified, told, notes = _verification(given)
    bad = (f"{damaged(wrong)} They are in no number here." if len(wrong) > 1 else f"{damaged(wrong)} It is in no number here.",)
    lines = (lead, told, *(bad if wrong else ()))
    return Section("files", "Files and verification", lines, tables=(_files(given.files), *verified), notes=notes)


def damaged(wrong: Sequence[Finding]) -> str:
    """How many files in the cache are not what was fetched, the first ones of them, and what names the others."""
    named = ", ".join(f"{finding.path} ({finding.verdict})" for finding in wrong[:_NAMED])
    rest = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    is_not = "is not what was" if len(wrong) == 1 else "are not what was"
    return f"{counted(len(wrong), 'file')} in the cache {is_not} fetched: {named}{rest}. ham verify lists all that is wrong."


def _described(record: Record) -> str:
    parts = [
        f"{counts.images} {'training' if name == 'train' else name} images"
        + (f" of {counts.lesions} lesions" if counts.lesions is not None else "")
        for name, counts in record.partitions.items()
    ]
    published = f" It was published by {record.publisher}{f' in {record.year}' if record.year else ''}." if record.publisher else ""
    return f"The record holds {_joined(parts)}, each with one of {len(record.classes)} diagnoses.{published}"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _about(record: Record) -> list[Term]:
    terms = [Term("Record", "", _doi(record.doi), f"doi:{record.doi}"), Term("Version", record.version)]
    if record.creator:
        terms.append(Term("Creator", record.creator))
    terms.append(Term("Licence", "", _address(record.licence["url"]), record.licence["id"]))
    return [*terms, Term("It asks for", record.licence["summary"])]


def _cited(record: Record) -> list[Term]:
    terms = []
    for citation in record.citations:
        doi = citation["fields"].get("doi")
        text, _, end = citation["text"].rpartition("doi:") if doi else (citation["text"], "", "")
        terms.append(Term(f"Citation: {citation['for']}", text, _doi(doi) if end else None, f"doi:{end}"))
    return terms


def _doi(name: str) -> str:
    return f"https://doi.org/{quote(str(name), safe='/')}"


def _address(url: str) -> str | None:
    """An address that may be followed: somebody's record may name anything."""
    return url if url.startswith(("https://", "http://")) else None


def _planted(given: Given) -> list[str]:
    named = {row["image_id"] for row in given.dataset.rows}
    return [reason for image_id, reason in given.dataset.record.not_in_record.items() if image_id in named]


def _images(given: Given) -> Table:
    """How many images and masks there are, and who vouches for them."""
    rows: list[tuple[Cell, ...]] = []
    for name, published in given.dataset.record.partitions.items():
        mine = [row for row in given.dataset.rows if row["partition"] == name and row["in_record"]]
        vouched = counts.tally((row for row in mine if row["path"]), lambda row: row["vouched"] or "none")
        here = [vouched[kind].images if kind in vouched else 0 for kind in ("digest", "archive", "none")]
        masks = sum(1 for row in mine if row["mask_path"]) if name == PARTITION["masks"] else None
        rows.append((name, published.images, len(mine) or None, sum(here), *here, masks))
    columns = ("partition", "published>", "named by a table>", "in the cache>", "by digest>", "by archive>", "by nobody>", "masks>")
    return Table(columns, tuple(rows), "Images in the cache, and what vouches for them")


def _files(files: tuple[Row, ...]) -> Table:
    body = tuple(
        (
            row["original_name"] or row["name"],
            row["component"],
            _STATES.get(row["state"], row["state"]),
            row["source"],
            None if row["fetched"] is None else f"{row['fetched']:%Y-%m-%d}",
            row["bytes"],
            _held(row),
        )
        for row in sorted(files, key=lambda row: (row["component"], row["name"]))
    )
    return Table(("file", "component", "state", "source", "received", "bytes>", "MD5"), body, "Published files")


def _held(row: Row) -> str | None:
    """How a file stands to what is published of it."""
    if row["md5"] is None:
        return None
    if row["expected_md5"] is None:
        return "none is published"
    return "as published" if row["md5"] == row["expected_md5"] else "not as published"


def _verification(given: Given) -> tuple[tuple[Table, ...], str, tuple[str, ...]]:
    """The table of the last verification, when it was, and what it does not look at."""
    notes = (
        "What the pictures show is not looked at, and that a diagnosis is right is not promised.",
        "Patients are not identified in this record: which lesions are one person's cannot be known.",
    )
    last = given.verification
    if last is None:
        return (), "Nothing has been read again since, so damage done later would not show: ham verify looks for it.", notes
    said = last.options.get("tallies")
    tallies: Mapping[str, Any] = said if isinstance(said, dict) else {}
    found = tally([row | {"lesion_id": None} for row in last.rows], "component", "verdict")
    verdicts = sorted({verdict for _, verdict in found})
    body = tuple(
        (
            component,
            *(_number(counts.get(name)) for name in _JUDGED),
            *(found[component, v].images if (component, v) in found else 0 for v in verdicts),
        )
        for component, counts in sorted(tallies.items())
        if isinstance(counts, dict)
    )
    columns = ("component", "judged>", "looked at>", "right>", "unvouched>", *(f"{v}>" for v in verdicts))
    how = "by names and sizes only" if last.options.get("quick") else "byte by byte"
    outcome = counted(len(last.rows), "finding") if last.rows else "nothing wrong was found"
    when = _moment(last.options.get("verified"))
    return (Table(columns, body, "The last verification"),), f"Last verified {when}, {how}: {outcome}.", notes


def _number(value: object) -> int | None:
    return value if type(value) is int else None


def _moment(text: object) -> str:
    try:
        return f"{dt.datetime.fromisoformat(str(text)).astimezone(dt.UTC):on %Y-%m-%d at %H:%M UTC}"
    except ValueError:
        return "at a time that is not known"
