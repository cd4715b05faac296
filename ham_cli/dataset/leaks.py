"""Whether a split that a data set was joined with leaks: lesions on two of its sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ham_cli.dataset.table import Dataset


def leaks(dataset: Dataset) -> list[str]:
    """A sentence for validation and test where images of them show a lesion that is also in train; none for a split that holds."""
    if dataset.joined is None:
        return []
    groups: dict[str, list[str]] = {}
    for row in dataset.rows:
        if row["in_record"] and row["split"]:
            groups.setdefault(row["split"], []).append(row["group"])
    train = set(groups.get("train", ()))
    found = []
    for part in ("validation", "test"):
        mine = groups.get(part, [])
        if both := sum(1 for group in mine if group in train):
            share = f"{both} of {len(mine)} {part} images ({100 * both / len(mine):.1f} %)"
            found.append(f"{share} show a lesion that is also in train: results on them are too good (ham check says which)")
    return found
