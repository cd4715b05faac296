"""What a description says for the responsible use of images (Croissant RAI): facts of the record, and counts of these images."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ham_cli.findings import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ham_cli.record import Record

Row = dict[str, Any]

_MOST = 0.9
"""The share of a site's images in one class from which the site gives the class away."""


def facts(record: Record, rows: Sequence[Row], changed: Sequence[str] = ()) -> dict[str, Any]:
    """Properties of the namespace ``rai``, those of which something is known; ``changed`` says what was done to the images."""
    told: dict[str, Any] = {
        "dataCollection": _collection(record, rows),
        "dataCollectionMissingData": _missing(rows),
        "dataPreprocessingProtocol": list(changed),
        "dataAnnotationProtocol": _annotation(record, rows),
        "annotationsPerItem": "One diagnosis an image; a training image has a mask of its lesion too.",
        "dataBiases": _biases(rows),
        "dataLimitations": _limits(record, rows),
        "dataUseCases": [
            f"Research on telling {len(record.classes)} diagnoses of skin lesions apart in dermatoscopic images, and on their outlines.",
            f"The licence, {record.licence['id']}, asks for: {record.licence['summary']}.",
        ],
        "personalSensitiveInformation": [
            "Photographs of skin, with the age in years, the sex and the body site of the person where they are published.",
            "Lesions have numbers; no person is named or numbered.",
        ],
    }
    return {f"rai:{name}": value for name, value in told.items() if value}


def _collection(record: Record, rows: Sequence[Row]) -> str:
    """Where the images come from, with counts."""
    sites = Counter(row["dataset"] for row in rows if row["dataset"])
    told = [
        f"{site} ({record.sites[site]}): {count}" if site in record.sites else f"{site}: {count}" for site, count in sorted(sites.items())
    ]
    return f"Images by the site they come from: {'; '.join(told)}." if told else ""


def _missing(rows: Sequence[Row]) -> str:
    blank = sum(row["age"] is None for row in rows)
    zero = sum(row["age"] == 0 for row in rows)
    unknown = {name: sum(row[name] in {None, "unknown"} for row in rows) for name in ("sex", "localization")}
    return (
        f"Of {counted(len(rows), 'image')} {blank} have no age and {zero} the age 0, of which it is not published whether it stands for "
        f"infants; {unknown['sex']} have no known sex and {unknown['localization']} no known body site (blank, or the word unknown)."
    )


def _annotation(record: Record, rows: Sequence[Row]) -> list[str]:
    """How the diagnoses were found, with counts of images."""
    kinds = Counter(row["dx_type"] for row in rows)
    told = [f"{kind} ({record.ground_truth.get(kind, kind)}): {count}" for kind, count in sorted(kinds.items(), key=str) if kind]
    told += [f"not published: {kinds[None]}"] if kinds[None] else []
    return [f"Images by what their diagnosis rests on (dx_type): {'; '.join(told)}."]


def _biases(rows: Sequence[Row]) -> list[str]:
    """What else than the lesion tells the class, and how uneven the classes are."""
    classes = Counter(row["dx"] for row in rows)
    told = [f"The classes are uneven; images by diagnosis: {', '.join(f'{dx} {count}' for dx, count in sorted(classes.items()))}."]
    kinds: dict[str, set[str | None]] = {}
    sites: dict[str, Counter[str]] = {}
    for row in rows:
        kinds.setdefault(row["dx"], set()).add(row["dx_type"])
        if row["dataset"]:
            sites.setdefault(row["dataset"], Counter())[row["dx"]] += 1
    for kind in sorted({kind for found in kinds.values() for kind in found if kind}):
        alone = sorted(dx for dx, found in kinds.items() if found - {None} == {kind})
        told += [f"What a diagnosis rests on tells of the class: of {', '.join(alone)} every one that says it is {kind}."] if alone else []
    for site, counts in sorted(sites.items()):
        dx, most = counts.most_common(1)[0]
        if most >= _MOST * counts.total():
            told.append(f"The site tells of the class: of {counted(counts.total(), 'image')} of {site} {most} are {dx}.")
    return told


def _limits(record: Record, rows: Sequence[Row]) -> list[str]:
    lesions = Counter(row["lesion_id"] for row in rows if row["lesion_id"])
    further = lesions.total() - len(lesions)
    here = {row["image_id"] for row in rows}
    pairs = sum(set(pair) <= here for pair in record.duplicate_pairs)
    told = [
        f"Of {counted(lesions.total(), 'image')} with a lesion id {further} are further photographs of a lesion already there.",
        "Images of one lesion belong on one side of a split: a random split by image has the same lesions on both.",
        "Lesions are numbered and patients are not: one patient's lesions may lie on both sides of any split, and nobody can exclude it.",
    ]
    if pairs:
        told.append(
            f"{counted(pairs, 'pair')} of images with different lesion ids are known to show one lesion (column group of the table)."
        )
    return told
