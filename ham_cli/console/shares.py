"""What the parts of a split have of each class, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.console.counts import ALL
from ham_cli.console.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.splits import Quality
    from ham_cli.splits.quality import Share


def shared(quality: Quality) -> Table:
    """A row a class: of each part images, how many more than its share, and lesions; folds in a range from least to most."""
    folds = [part for part in quality.parts if part.isdigit()]
    others = [part for part in quality.parts if part not in folds]
    heads, long = ["dx"], ["dx"]
    if folds:
        heads += ["images>", "a fold>", "off>", "lesions>", "a fold>"]
        long += ["images in folds", "images a fold", "largest deviation", "lesions in folds", "lesions a fold"]
    shares = {(share.dx, share.part): share for share in (*quality.shares, *quality.totals)}
    with_off = [part for part in others if shares["", part].off is not None]
    for part in others:
        heads += [f"{part}>", *(["off>"] if part in with_off else []), "lesions>"]
        long += [f"{part} images", *([f"{part} deviation"] if part in with_off else []), f"{part} lesions"]
    rows = []
    for dx in dict.fromkeys(share.dx for share in (*quality.shares, *quality.totals)):
        cells = _ranges([shares[dx, fold] for fold in folds]) if folds else []
        for part in others:
            share = shares[dx, part]
            cells += [share.images, *([_off(share.off or 0)] if part in with_off else []), share.lesions]
        rows.append((dx or ALL, *cells))
    return Table("", tuple(heads), rows, long=tuple(long))


def _ranges(shares: Sequence[Share]) -> list[object]:
    furthest = max((share.off or 0 for share in shares), key=abs)
    images, lesions = [share.images for share in shares], [share.lesions or 0 for share in shares]
    return [sum(images), _range(images), _off(furthest), sum(lesions), _range(lesions)]


def _range(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return str(least) if least == most else f"{least}-{most}"


def _off(off: float) -> str:
    return f"{off:+.1f}" if round(abs(off), 1) else "0.0"
