"""Which images are asked for: filtered by their row, and so many lesions a class."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ham_cli.errors import WrongUsageError
from ham_cli.record import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ham_cli.record import Record

R = TypeVar("R", bound="Mapping[str, Any]")

FILTERED = ("dx", "dx_type", "sex", "localization", "dataset", "partition")
"""The columns that ``--only`` knows."""


@dataclass(frozen=True)
class Selection:
    """A wish for images; the empty one is for all of them."""

    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Columns with the words that are wanted; every column must agree."""
    sample: int | None = None
    """Lesions a class and partition; where no lesion ids are published, images."""
    seed: int = 0
    images: frozenset[str] | None = None
    """These images alone, whatever their rows say: what a repair brings. Never written down."""

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.only) or self.sample is not None or self.images is not None

    def fields(self) -> dict[str, Any]:
        """The wish as it stands in a manifest's options."""
        return {"only": {c: list(w) for c, w in self.only}, "sample": self.sample, "seed": self.seed}


def parse(  # noqa: PLR0913  (what was typed, and how it is understood)
    only: Iterable[str], sample: int | None, seed: int, record: Record, *, banded: bool = False, option: str = "--only"
) -> Selection:
    """The selection that was typed: ``dx=mel,bcc``, once a column; of rows that are ``banded`` also by ``age_band``.

    Raises `WrongUsageError` for a column or word that the record does not know.
    """
    wanted: dict[str, set[str]] = {}
    for text in only:
        column, _, words = text.partition("=")
        known = {"partition": PARTITIONS, "age_band": record.bands}.get(column) or record.vocabulary.get(column, ())
        columns = (*FILTERED, "age_band") if banded else FILTERED
        if column not in columns:
            expected = f"COLUMN=WORD[,WORD] with COLUMN one of {', '.join(columns)}"
            raise WrongUsageError(f"{option} knows no such column", expected=expected, got=text)
        chosen = {word.strip() for word in words.split(",")} - {""}
        if not chosen or not chosen <= set(known):
            raise WrongUsageError(
                f"{option} {column} knows no such word", expected=", ".join(known), got=", ".join(sorted(chosen - set(known))) or "no word"
            )
        wanted[column] = wanted.get(column, chosen) & chosen
    empty = sorted(column for column, words in wanted.items() if not words)
    if empty:
        fix = "name all words of a column in one option: dx=mel,bcc"
        raise WrongUsageError(f"the {option} options contradict each other", got=", ".join(empty), fix=fix)
    if sample is not None and sample < 1:
        raise WrongUsageError("--sample wants at least one lesion a class", expected="a whole number from 1 on", got=sample)
    return Selection(tuple((c, tuple(sorted(w))) for c, w in sorted(wanted.items())), sample, seed if sample else 0)


def restored(fields: Mapping[str, Any]) -> Selection:
    """The selection that ``fields`` wrote down."""
    only = tuple((column, tuple(words)) for column, words in sorted((fields.get("only") or {}).items()))
    return Selection(only, fields.get("sample"), fields.get("seed", 0))


def matching(rows: Iterable[R], only: Iterable[tuple[str, Sequence[object]]]) -> Iterator[R]:
    """The rows in which every one of these columns holds one of its words."""
    wanted = list(only)
    return (row for row in rows if all(row[column] in words for column, words in wanted))


def choose(rows: Iterable[Mapping[str, Any]], wish: Selection) -> set[str]:
    """The ids of the images that ``wish`` asks for; the order of rows does not matter.

    A lesion is taken with all of its images that pass ``only``. Which lesions: those whose SHA-256 of seed
    and lesion id is lowest, so that a larger sample holds the smaller one.
    """
    passing = [row for row in matching(rows, wish.only) if wish.images is None or row["image_id"] in wish.images]
    if wish.sample is None:
        return {r["image_id"] for r in passing}
    lesions: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in passing:
        stratum = lesions.setdefault((row["partition"], row["dx"]), {})
        stratum.setdefault(row["lesion_id"] or row["image_id"], []).append(row["image_id"])
    chosen: set[str] = set()
    for stratum in lesions.values():
        for lesion in sorted(stratum, key=lambda name: rank(wish.seed, name))[: wish.sample]:
            chosen.update(stratum[lesion])
    return chosen


def rank(seed: int, name: str) -> str:
    """A place in a seeded order, the same on any machine: SHA-256 of ``ham-sample-1,seed,name``."""
    return hashlib.sha256(f"ham-sample-1,{seed},{name}".encode()).hexdigest()
