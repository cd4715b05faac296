"""Split a table by scikit-learn, seed after seed: ``python grouped.py METHOD TABLE SEEDS``; JSON to stdout.

Run by a Python that has scikit-learn; it prints its version, the seconds a seed and each seed's part of every image.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path

import sklearn
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold


def stratified(dx: list[str], groups: list[str], seed: int) -> list[str]:
    """70/15/15 as people make it of twenty folds: fourteen, three and three."""
    folds = StratifiedGroupKFold(n_splits=20, shuffle=True, random_state=seed)
    parts = ["train"] * len(dx)
    for number, (_, held) in enumerate(folds.split(dx, dx, groups)):
        for place in held:
            parts[place] = "test" if number < 3 else "validation" if number < 6 else "train"
    return parts


def shuffled(dx: list[str], groups: list[str], seed: int) -> list[str]:
    """70/15/15 by two draws of groups."""
    rest, test = next(GroupShuffleSplit(1, test_size=0.15, random_state=seed).split(dx, dx, groups))
    inner = GroupShuffleSplit(1, test_size=0.15 / 0.85, random_state=seed)
    _, validation = next(inner.split(rest, [dx[n] for n in rest], [groups[n] for n in rest]))
    parts = ["train"] * len(dx)
    for place in test:
        parts[place] = "test"
    for place in validation:
        parts[rest[place]] = "validation"
    return parts


def main() -> None:
    """Print what came of every seed."""
    method, table, seeds = sys.argv[1:4]
    with Path(table).open(newline="") as file:
        rows = list(csv.DictReader(file))
    dx, groups = [row["dx"] for row in rows], [row["group"] for row in rows]
    chosen = {"StratifiedGroupKFold": stratified, "GroupShuffleSplit": shuffled}[method]
    began = time.perf_counter()
    found = [chosen(dx, groups, seed) for seed in range(int(seeds))]
    print(json.dumps({"version": sklearn.__version__, "seconds": (time.perf_counter() - began) / int(seeds), "parts": found}))


if __name__ == "__main__":
    main()
