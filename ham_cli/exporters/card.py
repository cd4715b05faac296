"""The card of a data set on the Hugging Face hub: a README whose head says, in YAML, what loads it."""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import TYPE_CHECKING

from ham_cli.dataset.leaks import leaks
from ham_cli.findings import counted
from ham_cli.licence import attribution, bibtex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ham_cli.exporters.gathering import Gathered

NAME = "README.md"

_SIZES = {1_000: "1K", 10_000: "10K", 100_000: "100K", 1_000_000: "1M"}
"""The bounds of the hub's size categories."""

_TAGS = ("medical", "dermatology", "dermatoscopy", "skin-lesions")


def card(found: Gathered, kinds: Mapping[str, str]) -> bytes:
    """The README of an export in ``data/<part>-*.parquet``; ``kinds``: column to its type there, ``class_label`` for the class."""
    head = ["---", *_head(found, kinds), "---"]
    return "\n".join([*head, "", *_body(found), ""]).encode()


def _head(found: Gathered, kinds: Mapping[str, str]) -> list[str]:
    record = found.dataset.record
    tasks = ["image-classification", *(["image-segmentation"] if "mask" in kinds else [])]
    return [
        f"license: {_text(record.licence['id'].lower())}",
        f"pretty_name: {_text(record.title)}",
        *_list("task_categories", tasks),
        *_list("size_categories", [_size(len(found.samples))]),
        *_list("tags", _TAGS),
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(line for part in found.parts for line in (f"  - split: {part}", f"    path: data/{part}-*")),
        "dataset_info:",
        "  features:",
        *(line for name, kind in kinds.items() for line in _feature(name, kind, found.classes)),
    ]


def _feature(name: str, kind: str, classes: Sequence[str]) -> list[str]:
    if kind != "class_label":
        return [f"  - name: {name}", f"    dtype: {kind}"]
    names = [f"          '{number}': {_text(word)}" for number, word in enumerate(classes)]
    return [f"  - name: {name}", "    dtype:", "      class_label:", "        names:", *names]


def _body(found: Gathered) -> list[str]:
    record = found.dataset.record
    parts = "; ".join(f"{part} {len(some)}" for part, some in found.parts.items())
    return [
        f"# {record.title}",
        "",
        f"{counted(len(found.samples), 'image')}: {parts}.",
        "",
        *(line for sentence in leaks(found.dataset) for line in (f"This split leaks: {sentence}.", "")),
        "## Classes",
        "",
        "| label | name | diagnosis |",
        "| --- | --- | --- |",
        *(f"| {number} | {name} | {_diagnoses(found, name)} |" for number, name in enumerate(found.classes)),
        "",
        "## Source, licence, and what was changed",
        "",
        # An address and the lines of a list stay lines.
        *(f"{line}  " if line else "" for line in attribution(record, "\n".join(found.changes())).splitlines()),
        "",
        f"The licence: {record.licence['url']} ({record.licence['summary']}).",
        "",
        "## Citation",
        "",
        "```bibtex",
        *bibtex(record).splitlines(),
        "```",
    ]


def _diagnoses(found: Gathered, name: str) -> str:
    """A class in words: those of its diagnoses."""
    record, wish = found.dataset.record, found.wish
    inside = [dx for dx in record.classes if wish.label(dx, record) == name and (wish.words is None or dx in wish.words)]
    return "; ".join(record.classes[dx] for dx in inside).replace("|", "\\|")


def _size(images: int) -> str:
    """The hub's category: ``10K<n<100K``."""
    bounds, names = list(_SIZES), list(_SIZES.values())
    place = bisect_right(bounds, images)
    if place == 0:
        return f"n<{names[0]}"
    return f"{names[place - 1]}<n<{names[place]}" if place < len(names) else f"n>{names[-1]}"


def _list(name: str, words: Sequence[str]) -> list[str]:
    return [f"{name}:", *(f"- {_text(word)}" for word in words)]


def _text(words: str) -> str:
    """A text as YAML reads it; JSON's are YAML's, whatever is in them."""
    return json.dumps(words)
