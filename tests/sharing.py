"""Tables to split, and what is counted of their splits: by plain loops over rows, never with the code under test."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import itertools
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from ham_cli.splits import ALGORITHM
from ham_cli.splits.balance import share_out
from ham_cli.splits.stock import MARGINS, stock
from tests import peek
from tests.small import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from tests.small import Small

SINGLE = ("dx", "dataset", "dx_type", "sex", "age_band", "localization")
CROSSED = (("dx", "dataset"), ("dx", "dx_type"))

THREE = {"train": 70, "validation": 15, "test": 15}
TWO = {"train": 85, "validation": 15}

CLASSES = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}
"""Images of the published training table, by diagnosis."""

PATIENTS = "Patients are not identified in this record, so patient overlap cannot be excluded."
LABELS = "dx_type and dataset leak the diagnosis: keep them out of a model, and look at its results by each of them."

_BANDS = ((75, "75+"), (60, "60-74"), (45, "45-59"), (30, "30-44"), (0, "0-29"))

Rows = list[dict[str, Any]]
Lesions = list[tuple[str, int, int]]
"""Of each lesion: its diagnosis, its images, and a number that says the rest."""


# Tables.


def published(text: str, pairs: Iterable[tuple[str, str]]) -> Rows:
    """The rows of a published table, blanks as ``None``, with groups and age bands."""
    rows: Rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(text.splitlines())]
    groups = peek.closure({row["image_id"]: row["lesion_id"] for row in rows}, pairs)
    for row in rows:
        row["group"] = groups[row["image_id"]]
        row["age_band"] = row["age"] and next(band for least, band in _BANDS if float(row["age"]) >= least)
    return rows


def real(data: Path) -> Rows:
    """The rows of the real training table."""
    return published((data / "HAM10000_metadata").read_text(), duplicates(data))


def small(record: Small) -> Rows:
    """The rows of the small record's training table."""
    return published(record.tables[METADATA].decode(), [("ISIC_0000012", "ISIC_0000008")])


def official(data: Path) -> Rows:
    """The rows of the real test, without the planted one."""
    rows = published((data / "ISIC2018_Task3_Test_GroundTruth.csv").read_text(), ())
    return [row for row in rows if row["image_id"] != "ISIC_0035068"]


def duplicates(data: Path) -> list[tuple[str, str]]:
    """The confirmed pairs of images that show one lesion under two ids."""
    with (data / "duplicate_pairs.csv").open(newline="") as file:
        return [(row["image_id_a"], row["image_id_b"]) for row in csv.DictReader(file)]


def drawn(lesions: Lesions, pairs: Sequence[tuple[int, int]] = ()) -> Rows:
    """Rows of lesions, with groups merged by pairs of images; images of a lesion differ in some columns."""
    rows: Rows = []
    for number, (dx, images, facts) in enumerate(lesions):
        for image in range(images):
            turned = facts // 243 + image
            rows.append(
                {
                    "image_id": f"ISIC_{len(rows):07}",
                    "lesion_id": f"HAM_{number:07}",
                    "dx": dx,
                    "dataset": (None, "rosendahl", "vidir_modern")[(facts + (image if facts % 4 == 0 else 0)) % 3],
                    "dx_type": (None, "histo", "follow_up")[facts // 3 % 3],
                    "sex": (None, "male", "female")[facts // 9 % 3],
                    "age_band": (None, "0-29", "75+")[facts // 27 % 3],
                    "localization": (None, "back", "face", "neck")[turned % 4],
                    "in_record": True,
                    "partition": "train",
                    "split": None,
                    "fold": None,
                }
            )
    ids = [row["image_id"] for row in rows]
    together = [(ids[a % len(ids)], ids[b % len(ids)]) for a, b in pairs]
    groups = peek.closure({row["image_id"]: row["lesion_id"] for row in rows}, together)
    return [row | {"group": groups[row["image_id"]]} for row in rows]


def resampled(rows: Iterable[Mapping[str, Any]], least: int, seed: int) -> Rows:
    """At least so many rows: groups drawn with replacement, each under new ids."""
    groups = list(_by(rows, "group").values())
    chance, found = random.Random(seed), list[dict[str, Any]]()  # noqa: S311  (nothing is kept secret)
    while len(found) < least:
        name = f"LESION_{len(found):07}"
        for row in chance.choice(groups):
            found.append({**row, "image_id": f"ISIC_{len(found):07}", "lesion_id": name, "group": name})
    return found


def holding(base: Dataset, rows: Iterable[Mapping[str, Any]]) -> Dataset:
    """A data set of other rows."""
    held = tuple(dict(row) for row in rows)
    return dataclasses.replace(base, rows=held, known=frozenset(row["image_id"] for row in held))


# What is counted.


def worst(rows: Iterable[Mapping[str, Any]], parts: Mapping[str, str], shares: Mapping[str, float], columns: Sequence[str]) -> float:
    """Images by which the cell that is furthest off misses its share."""
    return max(abs(off) for off in offs(rows, parts, shares, columns).values())


def offs(
    rows: Iterable[Mapping[str, Any]], parts: Mapping[str, str], shares: Mapping[str, float], columns: Sequence[str]
) -> dict[tuple[Any, ...], float]:
    """Images by which every cell of every part, the part last, exceeds its share."""
    counted = [(tuple(row[name] for name in columns), part) for row in rows if (part := parts.get(row["image_id"])) in shares]
    have, totals = Counter(counted), Counter(cell for cell, _ in counted)
    whole = sum(shares.values())
    return {(*cell, part): have[cell, part] - n * share / whole for cell, n in totals.items() for part, share in shares.items()}


def variation(rows: Iterable[Mapping[str, Any]], parts: Mapping[str, str], shares: Mapping[str, float], column: str) -> float:
    """The worst part's total variation of a margin: half of what its counts miss, of its ideal size."""
    images, whole = sum(1 for part in parts.values() if part in shares), sum(shares.values())
    found = offs(rows, parts, shares, (column,))
    missed = {part: sum(abs(off) for (_, where), off in found.items() if where == part) for part in shares}
    return max(missed[part] / 2 / (images * share / whole) for part, share in shares.items())


def torn(rows: Iterable[Mapping[str, Any]], parts: Mapping[str, str], column: str = "group") -> list[str]:
    """The groups, or whatever stands in a column, that are on two sides."""
    sides = {name: {parts[row["image_id"]] for row in some if row["image_id"] in parts} for name, some in _by(rows, column).items()}
    return sorted(name for name, found in sides.items() if len(found) > 1)


def lesions(rows: Iterable[Mapping[str, Any]], parts: Mapping[str, str], part: str) -> dict[str, int]:
    """Diagnosis to the lesions of it in a part."""
    pairs = {(row["dx"], row["lesion_id"]) for row in rows if parts.get(row["image_id"]) == part}
    return dict(sorted(Counter(dx for dx, _ in pairs).items()))


def input_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over what decides a split, a sorted JSON line an image."""
    names = ("image_id", "group", *SINGLE)
    lines = [json.dumps({name: row[name] for name in names}, sort_keys=True) for row in sorted(rows, key=lambda row: str(row["image_id"]))]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _by(rows: Iterable[Mapping[str, Any]], column: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


# Over many seeds.


@dataclasses.dataclass(frozen=True)
class Chances:
    """What seeds make of 70/15/15."""

    groups: dict[int, int]
    """Images of a group to how many such groups there are."""
    tested: dict[int, float]
    """Images of a group to how often one of this size is in test: mean over seeds and groups."""
    overlap: float
    """Share of a seed's test groups that the next one's test has too: mean over consecutive seeds."""


def chances(rows: Rows, seeds: Sequence[int]) -> Chances:
    """What so many seeds make of the rows; a fifth of a second each on ten thousand."""
    size = Counter(row["group"] for row in rows)
    stocked, groups = stock(rows, MARGINS), Counter(size.values())
    tests = []
    for seed in seeds:
        parts = share_out(stocked, tuple(THREE.items()), seed, ALGORITHM, {})
        tests.append({group for group, part in parts.items() if part == "test"})
    tested = Counter(size[group] for test in tests for group in test)
    overlaps = [len(one & other) / len(one) for one, other in itertools.pairwise(tests)]
    often = {images: tested[images] / len(tests) / count for images, count in sorted(groups.items())}
    return Chances(dict(groups), often, sum(overlaps) / len(overlaps))
