"""JSON in the forms in which people write splits, as names and rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ham_cli.errors import quoted
from ham_cli.splits.checking.foreign.model import unreadable
from ham_cli.splits.checking.foreign.names import FOLD_COLUMNS, IMAGE_COLUMNS, SIDE_COLUMNS, folded, part_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ham_cli.splits.checking.foreign.names import ImageIds

MAX_BYTES = 64 << 20
"""Of a document: it is held in memory whole, at ten times its size."""

MAX_COLUMNS = 2000

_FORMS = 'a list of records, {"train": [...], "test": [...]}, columns, or a record a line'
_SEVERAL = "several splits in one document; write each to a file of its own, and check one after the other"
_SIDE = "(side)"
"""The column of a document whose own form tells the sides."""


def read(path: Path, ids: ImageIds) -> tuple[list[str], Iterator[Sequence[object]], str | None]:
    """Names, rows, and the column that is the split by the form of the document.

    Raises `WrongUsageError` for another document, `OSError`.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise unreadable(path, f"{size} bytes", expected=f"JSON of at most {MAX_BYTES} bytes", fix="write it as CSV")
    try:
        document = _parsed(path.read_text(encoding="utf-8-sig"))
        records = _records(document, ids)
        names = list(dict.fromkeys(name for record in records for name in record))
    except RecursionError:
        raise unreadable(path, "it is nested too deeply", expected=_FORMS) from None
    except (ValueError, TypeError) as error:
        raise unreadable(path, error, expected=_FORMS) from error
    if len(names) > MAX_COLUMNS:
        raise unreadable(path, f"{len(names)} different names", expected=_FORMS)
    return names, ([record.get(name) for name in names] for record in records), _SIDE if _SIDE in names else None


def _parsed(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
    return [json.loads(line, object_pairs_hook=_unique) for line in text.splitlines() if line.strip()]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {quoted(next(n for n in names if names.count(n) > 1))} stands in it twice")
    return found


def _records(document: Any, ids: ImageIds) -> list[dict[str, Any]]:  # noqa: ANN401, PLR0911  (a form after the other)
    if isinstance(document, list):
        return [_record(item) for item in document]
    if not isinstance(document, dict):
        raise TypeError(f"it is {quoted(document)} alone")
    for name in ("data", "images"):
        inner = document.get(name)
        if isinstance(inner, list) and inner and not isinstance(inner[0], str):
            # pandas' forms "split" and "table", and COCO's list of images.
            columns = document.get("columns")
            return [dict(zip(columns, row, strict=True)) for row in inner] if isinstance(columns, list) else [_record(i) for i in inner]
    if sum(1 for name in document if ids.of(name)) > len(document) // 2:
        return [_named(name, value) for name, value in document.items()]
    if _are_columns(document):
        return _from_columns(document)
    sides = {name: value for name, value in document.items() if isinstance(value, list | dict)}
    if not sides and any(folded(name) in IMAGE_COLUMNS for name in document):
        return [document]
    if not sides:
        raise TypeError("no list of images is in it")
    if len(sides) == 1 and _are_sides(only := next(iter(sides.values()))):
        return _records(only, ids)
    return [_record(item) | {_SIDE: side} for side, items in sides.items() for item in _listed(items)]


def _are_sides(item: object) -> bool:
    """Whether it is a split by itself: parts with their lists."""
    return isinstance(item, dict) and any(part_word(name) and isinstance(value, list | dict) for name, value in item.items())


def _record(item: object) -> dict[str, Any]:
    if _are_sides(item):
        raise TypeError(_SEVERAL)
    if isinstance(item, dict):
        return item
    if isinstance(item, str | int | float) or item is None:
        return {"image": item}
    raise TypeError(f"{quoted(item)} is neither a record nor an id")


def _named(name: str, value: object) -> dict[str, Any]:
    """A record by its id: ``{"ISIC_0024306": "train"}``, or with a record for the word."""
    return {"image": name} | (value if isinstance(value, dict) else {"split": value})


def _are_columns(document: dict[str, Any]) -> bool:
    """Whether the names are those of columns, not of sides."""
    known = {*IMAGE_COLUMNS, *SIDE_COLUMNS, *FOLD_COLUMNS}
    return any(isinstance(value, list | dict) and folded(name) in known for name, value in document.items())


def _from_columns(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Records of columns that are lists, or indices with values as pandas writes them."""
    columns: dict[str, Any] = {name: value for name, value in document.items() if isinstance(value, list | dict)}
    lengths = {len(value) for value in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {', '.join(map(str, sorted(lengths)))}")
    if all(isinstance(value, list) for value in columns.values()):
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if not all(isinstance(value, dict) for value in columns.values()):
        raise ValueError("some columns are lists and some are not")
    places: Iterable[str] = next(iter(columns.values()))
    return [{name: value.get(place) for name, value in columns.items()} for place in places]


def _listed(items: list[Any] | dict[str, Any]) -> list[Any]:
    """The images of a side: a list, a dictionary by id, or a COCO document."""
    if _are_sides(items):
        raise TypeError(_SEVERAL)
    if isinstance(items, list):
        return items
    inner = items.get("images")
    return inner if isinstance(inner, list) else list(items)
