"""The published tables: strict reading, exact writing back, and what an altered copy changed."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ham_cli.checksum import md5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ham_cli.record import Record, TableForm

Row = dict[str, Any]

MAX_BYTES = 16 << 20
"""The largest published table has 0.7 MB; what is larger is none of them."""

MAX_AGE = 120.0
"""Years; the published ages lie between 0 and 90."""

FACTS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
"""The columns a row may have, in published order. A fact that a table has not, or leaves blank, is ``None``."""

_KINDS = {
    "rows": {"image_id", "dx"},
    "groupings": {"image", "lesion_id", "diagnosis_confirm_type"},
    "ratings": {"image_id", "interaction_modality"},
}
_SUFFIX = re.compile(r"\.jpe?g$", re.IGNORECASE)
_SHOWN = 3
_LINE_ENDS = "other line ends"


class NotATableError(Exception):
    """These bytes are none of the published tables, or cannot be read as one."""


@dataclass(frozen=True)
class Table:
    """One table as somebody holds it."""

    form: TableForm
    """The published form it comes nearest to."""
    rows: tuple[Row, ...]
    """In the file's order, a fact a key (see `FACTS`)."""
    differences: tuple[str, ...] = ()
    """What differs from the published table, a phrase each; empty for the published one."""
    refused: tuple[str, ...] = ()
    """Cells that are not let in whatever is asked for, a phrase each."""
    spelling: tuple[str, ...] = ()
    """Differences in how it is written that change no value: line ends, a byte order mark, delimiters."""
    vouched: bool = True
    """Whether a published digest says it is right; False for a table that has none."""


def kind_of(head: bytes, record: Record) -> str | None:
    """The form that a file's first line announces: ``rows``, ``onehot``, ``groupings``, ``ratings`` or ``None``."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].split(b"\r", 1)[0]
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    names = {name.strip().strip('"') for name in text.split(_delimiter(text))}
    return next((kind for kind in ("onehot", *_KINDS) if _needed(kind, record) <= names), None)


def read(data: bytes, record: Record) -> Table:
    """The table in some bytes, held against the record's forms; `NotATableError` where it is none of them."""
    text, spelling = _decoded(data)
    kind = kind_of(data[: 1 << 16], record)
    if kind is None:
        raise NotATableError("its first line names no table of this record")
    if kind == "ratings":
        form = next((f for f in record.forms() if f.form == kind), None)
        if form is None:
            raise NotATableError("the record has no table of ratings")
        return Table(form, (), vouched=False)
    delimiter = _delimiter(text.split("\n", 1)[0])
    try:
        header, *cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise NotATableError(f"it cannot be read as a table: {error}") from error
    header = [name.strip() for name in header]
    if not (_needed(kind, record) <= set(header)):
        raise NotATableError("its first line names no table of this record")
    if delimiter != ",":
        spelling.append("tabs for commas" if delimiter == "\t" else f"{delimiter!r} for commas")
    return _held(_Reader(record, kind, header), [c for c in cells if c], spelling)


def write(rows: Iterable[Row], form: TableForm, record: Record) -> bytes:
    """The rows in published form, to the byte; they must be in published order."""
    lines = [",".join(form.columns), *(_LINES[form.form](row, form, record) for row in rows)]
    return (form.newline.join(lines) + (form.newline if form.final_newline else "")).encode()


def published(rows: Iterable[Row], form: TableForm, record: Record) -> bytes:
    """One published table, written back from rows of the images' manifest."""
    mine = (r for r in rows if r["partition"] == form.partition and r["row"] is not None)
    return write(sorted(mine, key=lambda row: row["row"]), form, record)


def _held(reader: _Reader, cells: Sequence[Sequence[str]], spelling: list[str]) -> Table:
    rows = tuple(reader.row(number, line) for number, line in enumerate(cells, 2))
    form = _nearest(reader, rows)
    odd = [s for s in spelling + reader.spelling if not (s == _LINE_ENDS and form.newline != "\n")]
    found = Table(form, rows, refused=tuple(reader.refused), spelling=tuple(odd))
    if not reader.refused and not reader.altered and tuple(reader.header) == form.columns and _same(found, reader.record):
        return found
    if form.md5 is None and form.columns_sha256 is None:
        return replace(found, vouched=False)
    return replace(found, differences=tuple(_differences(found, reader)) or ("its bytes are not the published ones",))


def _same(table: Table, record: Record) -> bool:
    if table.form.md5 is not None:
        return md5(write(table.rows, table.form, record)) == table.form.md5
    return bool(table.form.columns_sha256) and not _altered_columns(table) and len(table.rows) == table.form.rows


class _Reader:
    """Reads cells into rows, and remembers what was odd about them."""

    def __init__(self, record: Record, kind: str, header: list[str]) -> None:
        self.record, self.kind, self.header = record, kind, header
        self.refused: list[str] = []
        self.altered: list[str] = []
        self.spelling: list[str] = []
        self._patterns = {name: re.compile(pattern) for name, pattern in record.identifiers.items()}
        if len(set(header)) < len(header):
            self.refused.append("two columns have one name")

    def row(self, number: int, line: Sequence[str]) -> Row:
        row: Row = dict.fromkeys(FACTS)
        if len(line) != len(self.header):
            self._note(self.refused, f"row {number} has {len(line)} cells for {len(self.header)} columns")
            return row
        named = dict(zip(self.header, line, strict=True))
        try:
            row.update(getattr(self, f"_{self.kind}")(named))
        except ValueError as error:
            self._note(self.refused, f"row {number}: {error}")
        return row

    def _rows(self, named: dict[str, str]) -> Row:
        row: Row = {"image_id": self._image_id(named["image_id"]), "age": self._age(named.get("age", ""))}
        if lesion := named.get("lesion_id"):
            row["lesion_id"] = self._matching("lesion_id", lesion)
        for column, words in self.record.vocabulary.items():
            word = named.get(column) or None
            if word not in (*words, None) or (word is None and column == "dx"):
                raise ValueError(f"{column} {_short(word)} is not a published word")
            row[column] = word
        return row

    def _onehot(self, named: dict[str, str]) -> Row:
        marks = {c: float(named[c]) for c in self.record.challenge_order}
        hot = [c for c, value in marks.items() if value == 1]
        if len(hot) != 1 or set(marks.values()) != {0.0, 1.0}:
            raise ValueError("not exactly one diagnosis is marked")
        return {"image_id": self._image_id(named["image"]), "dx": hot[0].lower()}

    def _groupings(self, named: dict[str, str]) -> Row:
        word = named["diagnosis_confirm_type"]
        if word not in self.record.confirm_types:
            raise ValueError(f"diagnosis_confirm_type {_short(word)} is not a published word")
        lesion = self._matching("lesion_id", named["lesion_id"])
        return {"image_id": self._image_id(named["image"]), "lesion_id": lesion, "dx_type": self.record.confirm_types[word]}

    def _image_id(self, cell: str) -> str:
        bare = _SUFFIX.sub("", cell)
        if bare != cell:
            self._note(self.altered, "image ids carry .jpg", once=True)
        return self._matching("image_id", bare)

    def _matching(self, column: str, cell: str) -> str:
        if not self._patterns[column].fullmatch(cell):
            raise ValueError(f"{_short(cell)} is no {column}")
        return cell

    def _age(self, cell: str) -> float | None:
        if not cell:
            return None
        age = float(cell)
        if not 0 <= age <= MAX_AGE:
            raise ValueError(f"age {_short(cell)} is no number of years")
        if cell != str(age):
            self._note(self.spelling, f"ages written like {_short(cell)}", once=True)
        return age

    @staticmethod
    def _note(notes: list[str], text: str, *, once: bool = False) -> None:
        if not once or not any(n.startswith(text[:15]) for n in notes):
            notes.append(text)


def _nearest(reader: _Reader, rows: Sequence[Row]) -> TableForm:
    roles = {reader.record.partition_of(row["image_id"]) for row in rows if row["image_id"]}
    partition = next((p for p in ("train", "validation") if p in roles), "test" if roles else "train")
    forms = [f for f in reader.record.forms(partition) if f.form == reader.kind]
    if not forms:
        raise NotATableError(f"the record has no such table for the {partition} images")
    return next((f for f in forms if set(f.columns) == set(reader.header)), forms[0])


def _differences(table: Table, reader: _Reader) -> Iterable[str]:
    form, header = table.form, tuple(reader.header)
    if extra := [name for name in header if name not in form.columns]:
        yield f"columns that the published table has not: {_listed(extra)}"
    if lacking := [name for name in form.columns if name not in header]:
        yield f"columns that are not there: {_listed(lacking)}"
    if header != form.columns and set(header) == set(form.columns):
        yield "the columns stand in another order"
    yield from reader.altered
    if form.rows is not None and len(table.rows) != form.rows:
        yield f"{len(table.rows)} rows for {form.rows}"
    yield from _ids(table, reader.record)
    yield from _class_counts(table, reader.record)
    changed = [c for c in _altered_columns(table) if c not in lacking]
    changed = ["image_id"] if "image_id" in changed else changed
    if changed and len(table.rows) == form.rows:
        yield f"values changed in: {_listed(changed)}"
    elif not changed and header == form.columns and not reader.altered:
        yield "the rows stand in another order"


def _ids(table: Table, record: Record) -> Iterable[str]:
    ids = [row["image_id"] for row in table.rows if row["image_id"]]
    if twice := sorted(i for i, n in Counter(ids).items() if n > 1):
        yield f"image ids named twice: {_listed(twice)}"
    if table.form.partition != "train":
        return
    known = {name.removesuffix(".jpg") for name in record.digests if name.endswith(".jpg")}
    if foreign := sorted(set(ids) - known):
        yield f"images that the record has not: {_listed(foreign)}"
    if absent := sorted(known - set(ids)):
        yield f"images that are not named: {_listed(absent)}"


def _class_counts(table: Table, record: Record) -> Iterable[str]:
    published_counts = record.partitions[table.form.partition].dx
    ids = set(record.not_in_record)
    for dx, wanted in published_counts.items():
        have = sum(1 for row in table.rows if row["dx"] == dx and row["image_id"] not in ids)
        if table.form.form != "groupings" and have != wanted:
            yield f"{dx} {have} for {wanted}"


def _altered_columns(table: Table) -> list[str]:
    """The columns whose values are not the published ones, whatever the order of the rows."""
    wrong = []
    for column, published_digest in (table.form.columns_sha256 or {}).items():
        prefix = () if column == "image_id" else ("image_id",)
        lines = sorted(",".join(_cell(row[c]) for c in (*prefix, column)) + "\n" for row in table.rows)
        if hashlib.sha256("".join(lines).encode()).hexdigest() != published_digest:
            wrong.append(column)
    return wrong


def _needed(kind: str, record: Record) -> set[str]:
    return _KINDS.get(kind) or {"image", *record.challenge_order}


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if len(data) > MAX_BYTES:
        raise NotATableError(f"it has {len(data)} bytes; no published table has more than {MAX_BYTES}")
    spelling = []
    if data.startswith(b"\xef\xbb\xbf"):
        spelling.append("a byte order mark")
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotATableError(f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        raise NotATableError(f"a NUL byte stands at {text.index(chr(0))}")
    if "\r" in text:
        spelling.append(_LINE_ENDS)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, spelling


def _delimiter(line: str) -> str:
    return max(",", "\t", ";", key=line.count)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _rows_line(row: Row, form: TableForm, _record: Record) -> str:
    return ",".join([_cell(row[column]) for column in form.columns])


def _onehot_line(row: Row, form: TableForm, _record: Record) -> str:
    return ",".join([row["image_id"], *("1.0" if row["dx"] == c.lower() else "0.0" for c in form.columns[1:])])


def _groupings_line(row: Row, _form: TableForm, record: Record) -> str:
    words = {short: long for long, short in record.confirm_types.items()}
    return f"{row['image_id']},{_cell(row['lesion_id'])},{words.get(row['dx_type'], '')}"


_LINES: dict[str, Callable[[Row, TableForm, Record], str]] = {
    "rows": _rows_line,
    "onehot": _onehot_line,
    "groupings": _groupings_line,
}


def _short(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004  (a cell is quoted, not printed whole)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(_short(n) if not n.isidentifier() else n for n in names[:_SHOWN]) + more
