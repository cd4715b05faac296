"""Cells into rows, strictly: what is no published word, id or number is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ham_cli.errors import quoted
from ham_cli.layout import Layout
from ham_cli.tables.rows import FACTS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.record import Record

MAX_AGE = 120.0
"""Years; the published ages lie between 0 and 90."""

_SUFFIX = re.compile(r"\.jpe?g$", re.IGNORECASE)

_NUMBER = re.compile(r"[-+]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})([eE][-+]?[0-9]{1,3})?")
"""A number as every program reads it; Python alone also takes 6_0 and the digits of other scripts."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What an id must be whatever a record's own pattern allows: ids become names of files."""

_LAYOUT, _BLANK = Layout(FACTS), (None,) * len(FACTS)


class Reader:
    """Reads cells into rows, and remembers what was odd about them."""

    def __init__(self, record: Record, kind: str, header: list[str]) -> None:
        self.record, self.kind, self.header = record, kind, header
        self.refused: list[str] = []
        self.altered: list[str] = []
        self.spelling: list[str] = []
        self._patterns = {name: re.compile(pattern) for name, pattern in record.identifiers.items()}
        # By themselves: of very many rows every "nv" is the same one in memory, and every age.
        self._words: dict[str, dict[str | None, str]] = {name: dict(zip(w, w, strict=True)) for name, w in record.vocabulary.items()}
        self._ages: dict[str, float | None] = {"": None}
        if len(set(header)) < len(header):
            self.refused.append("two columns have one name")

    def row(self, number: int, line: Sequence[str]) -> Row:
        """The row of one line; what may not get in is noted in ``refused``."""
        row = _LAYOUT.row(_BLANK)
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
        cell = named.get("age", "")
        if cell not in self._ages:
            self._ages[cell] = self._age(cell)
        row: Row = {"image_id": self._image_id(named["image_id"]), "age": self._ages[cell]}
        if lesion := named.get("lesion_id"):
            row["lesion_id"] = self._matching("lesion_id", lesion)
        for column, words in self._words.items():
            word = named.get(column) or None
            if word not in words and (word is not None or column == "dx"):
                raise ValueError(f"{column} {quoted(word)} is not a published word")
            row[column] = words.get(word)
        return row

    def _onehot(self, named: dict[str, str]) -> Row:
        marks = {c: _number(c, named[c]) for c in self.record.challenge_order}
        hot = [c for c, value in marks.items() if value == 1]
        if len(hot) != 1 or set(marks.values()) != {0.0, 1.0}:
            raise ValueError("not exactly one diagnosis is marked")
        return {"image_id": self._image_id(named["image"]), "dx": hot[0].lower()}

    def _groupings(self, named: dict[str, str]) -> Row:
        word = named["diagnosis_confirm_type"]
        if word not in self.record.confirm_types:
            raise ValueError(f"diagnosis_confirm_type {quoted(word)} is not a published word")
        lesion = self._matching("lesion_id", named["lesion_id"])
        return {"image_id": self._image_id(named["image"]), "lesion_id": lesion, "dx_type": self.record.confirm_types[word]}

    def _image_id(self, cell: str) -> str:
        bare = _SUFFIX.sub("", cell)
        if bare != cell:
            self._note(self.altered, "image ids carry .jpg", once=True)
        return self._matching("image_id", bare)

    def _matching(self, column: str, cell: str) -> str:
        if not self._patterns[column].fullmatch(cell) or not _PLAIN.fullmatch(cell):
            raise ValueError(f"{quoted(cell)} is no {column}")
        return cell

    def _age(self, cell: str) -> float:
        age = _number("age", cell)
        if not 0 <= age <= MAX_AGE:
            raise ValueError(f"age {quoted(cell)} is no number of years")
        if cell != str(age):
            self._note(self.spelling, f"ages written like {quoted(cell)}", once=True)
        return age

    @staticmethod
    def _note(notes: list[str], text: str, *, once: bool = False) -> None:
        if not once or not any(n.startswith(text[:15]) for n in notes):
            notes.append(text)


def _number(column: str, cell: str) -> float:
    if not _NUMBER.fullmatch(cell.strip(" ")):
        raise ValueError(f"{column} {quoted(cell)} is no number")
    return float(cell)
