"""Any table of text as names and rows: CSV, a list of ids, Parquet."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ham_cli.splits.checking.foreign import documents
from ham_cli.splits.checking.foreign.model import twofold, unreadable
from ham_cli.splits.checking.foreign.names import FOLD_COLUMNS, IMAGE_COLUMNS, SIDE_COLUMNS, flag_part, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ham_cli.splits.checking.foreign.names import ImageIds

    Rows = Iterator[tuple[int, Sequence[object]]]

MAX_BYTES = 256 << 20
"""Of a table, unpacked; the published images take less than one megabyte."""

MAX_ROWS = 2_000_000
"""Of everything that is read: two hundred times the published images."""

SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".json", ".jsonl", ".ndjson")
"""Tables; a list of ids, a line each, is ``.txt``."""

_HEAD = 1 << 16
_MAGIC = {
    b"PK": ("a zip, such as a workbook of Excel or a NumPy .npz", "save the table as CSV; MedMNIST's .npz files carry no image ids"),
    b"\x1f\x8b": ("packed with gzip", "unpack it first: gunzip FILE"),
    b"<": ("a web page, or XML", "fetch the file itself, not the page about it"),
}


@dataclass
class Table:
    """Rows under names."""

    names: list[str]
    """Empty where the first line is data already."""
    rows: Rows
    """Each with its line as an editor counts, or else its number."""
    read: list[int]
    """Bytes of the file that are read so far, as its one item."""
    split_name: str | None = None
    """The name of the column that the form of the document makes the split: ``{"train": [...], "test": [...]}``."""


def opened(path: Path, ids: ImageIds, extra: Sequence[str] = ()) -> Table:
    """The table in a file, its rows not yet read; ``extra`` are columns that are wanted whatever they hold.

    Raises `WrongUsageError` for what is no table, `OSError`, and while rows are read `ValueError` and `csv.Error`.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise unreadable(path, "an empty file")
    if path.suffix.lower() == ".parquet" or head.startswith(b"PAR1"):
        return _parquet(path, extra)
    for magic, (got, fix) in _MAGIC.items():
        if head.lstrip().startswith(magic):
            raise unreadable(path, got, fix=fix)
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    if b"\0" in head and encoding != "utf-16":
        raise unreadable(path, "binary data")
    if path.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        names, rows, split_name = documents.read(path, ids)
        return Table(names, enumerate(rows, 1), [path.stat().st_size], split_name)
    if path.suffix.lower() == ".txt" and not _delimiter(_first_line(head, encoding), ""):
        return _list(path, encoding, ids)
    return _csv(path, head, encoding, ids)


def _csv(path: Path, head: bytes, encoding: str, ids: ImageIds) -> Table:
    read = [0]
    rows = _csv_rows(path, encoding, _delimiter(_first_line(head, encoding), ","), read)
    line, first = next(rows, (1, []))
    if any(ids.of(cell) for cell in first):
        return Table([], itertools.chain([(line, first)], rows), read)
    return Table(list(first), rows, read)


def _csv_rows(path: Path, encoding: str, delimiter: str, read: list[int]) -> Iterator[tuple[int, list[str]]]:
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        for cells in reader:
            if cells:
                yield reader.line_num, cells
            if reader.line_num % 1000 == 0:
                read[0] = raw.tell()


def _list(path: Path, encoding: str, ids: ImageIds) -> Table:
    """A line an image, perhaps with the number of its class after it, as ImageNet's lists have."""
    read = [0]

    def rows() -> Iterator[tuple[int, list[str]]]:
        with path.open(encoding=encoding, errors="replace") as file:
            for number, line in enumerate(file, 1):
                label, _, last = line.strip().rpartition(" ")
                if line.strip() and not line.startswith("#"):
                    yield number, [label.strip() if label and last.isdigit() else line.strip()]

    found = rows()
    number, first = next(found, (1, [""]))
    headed = ids.of(first[0]) is None and folded(first[0]) in IMAGE_COLUMNS
    return Table(["image"] if headed else [], found if headed else itertools.chain([(number, first)], found), read)


def _first_line(head: bytes, encoding: str) -> str:
    text = head[: len(head) // 2 * 2].decode(encoding, errors="replace")
    return next((line for line in text.splitlines() if line.strip()), "")


def _delimiter(line: str, otherwise: str) -> str:
    """What stands between the cells of a line: most often, and outside of quotes."""
    outside = "".join(line.split('"')[::2])
    best = max(",\t;|", key=outside.count)
    return best if best in outside else otherwise


def _parquet(path: Path, extra: Iterable[str]) -> Table:
    from ham_cli import manifest

    try:
        names, text = manifest.column_names(path), manifest.text_columns(path)
        usual = {*IMAGE_COLUMNS, *SIDE_COLUMNS, *FOLD_COLUMNS, *map(folded, extra)}
        wanted = [n for n in dict.fromkeys(names) if n in text or folded(n) in usual or flag_part(n)]
        rows, _ = manifest.read_foreign(path, wanted, MAX_ROWS, MAX_BYTES)
    except ValueError as error:
        raise unreadable(path, error) from error
    twice = [name for name in wanted if names.count(name) > 1 and folded(name) in usual]
    if twice:
        raise twofold(path, twice[0], names.count(twice[0]))
    cells = ((number, [*row.values()]) for number, row in enumerate(rows, 1))
    return Table(list(rows[0] if rows else wanted), cells, [path.stat().st_size])
