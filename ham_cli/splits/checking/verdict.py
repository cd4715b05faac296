"""What a check comes to, in one sentence that claims no more than it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.findings import counted
from ham_cli.splits.checking.foreign.names import is_fold
from ham_cli.splits.doubt import PATIENTS

if TYPE_CHECKING:
    from ham_cli.splits.checking.report import Leak, Report


def verdict(report: Report) -> str:
    """The closing sentence."""
    if len(report.sides) < 2:  # noqa: PLR2004  (a comparison takes two)
        return f"There is one side only, so nothing is compared; it holds {holdings(report)} of this record."
    if report.leaking:
        return _leaks(report)
    if not any(report.held.values()):
        return "None of these images is of this record: nothing is known of their lesions, and no image is on two sides."
    others = len(report.unknown) - len(report.planted)
    tail = f"; of the {counted(others, 'image')} of other origin nothing is known" if others else ""
    if report.unjudged:
        tail += (
            "; test images have lesion ids of their own and validation images none, so theirs cannot be held against the training images'"
        )
    pairs = f"the {counted(report.pairs_known, 'known duplicate pair')}"
    return f"No lesion of this record lies on two sides, by lesion ids and {pairs}{tail}. {PATIENTS}"


def holdings(report: Report) -> str:
    """How much of each published partition is on the sides: ``10015 of 10015 training and 0 of 193 validation images``."""
    words = {"train": "training"}
    told = [f"{report.held[name]} of {of} {words.get(name, name)}" for name, of in report.partitions.items() if of is not None]
    return f"{', '.join(told[:-1])} and {told[-1]} images" if len(told) > 1 else f"{told[0]} images"


def _leaks(report: Report) -> str:
    """The worst that is known, of the side on which most depends."""
    folds = [leak for leak in report.rest if is_fold(leak.side)]
    if len(folds) > 1 and len(folds) == len(report.rest):
        images, of = sum(leak.images for leak in folds), sum(_judged(leak, report) for leak in folds)
        what = f"In {len(folds)} folds, {_so_many(images, of, '')} show a lesion that is also in another fold"
    else:
        leak = _told(report)
        against = leak.against or "another side"
        show = "shows" if leak.images == 1 else "show"
        what = f"{_so_many(leak.images, _judged(leak, report), leak.side)} {show} a lesion that is also in {against}"
    others = len(report.unknown) - len(report.planted)
    tail = f" Of the {counted(others, 'image')} of other origin nothing is known." if others else ""
    return f"{what}: results on them do not tell how a model does on lesions that it has not seen.{tail}"


def _judged(leak: Leak, report: Report) -> int:
    """How many images of a side something is known of: images of other origin do not make a share smaller."""
    unknown = next((side.unknown for side in report.sides if side.name == leak.side), 0)
    return max(leak.of - unknown, leak.images)


def _told(report: Report) -> Leak:
    """The leak to be told: of test before validation before others, against train where there is any, or else the worst."""
    some = [leak for leak in report.leaks if leak.images]
    places = {"test": 2, "validation": 1}
    return max(some, key=lambda leak: (places.get(leak.side, 0), leak.against == "train", leak.images))


def _so_many(images: int, of: int, side: str) -> str:
    return f"{images} of {of} {f'{side} ' if side else ''}images ({100 * images / of:.1f} %)"
