"""The published ratings: read whatever they are written with, held against what they must be, and counted as DuckDB counts them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
import re
import shutil
import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pytest

from ham_cli import record as records
from ham_cli import tables
from ham_cli.demo import facts
from ham_cli.demo.packing import Size, size_of
from ham_cli.demo.rows import rows as drawn_rows
from ham_cli.tables import ratings
from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ham_cli.record import Record
    from tests.conftest import Command, Here, Ran
    from tests.small import Small

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
KINDS = ("prob_m_dx_", "prob_h_dx_", "user_dx_without_interaction_", "user_dx_with_interaction_")
COLUMNS = ("image_id", "interaction_modality", "prob_m_mal", *(f"{kind}{dx}" for kind in KINDS for dx in CLASSES))
MALIGNANCY, CBIR = "Malignancy Probability (AI)", "CBIR (AI)"
NV, MEL, BKL, BKL_TOO = "ISIC_0000101", "ISIC_0000102", "ISIC_0000103", "ISIC_0000104"
"""The test images of the small record; the last two show one lesion."""

Cells = dict[str, str]

MODEL = {"akiec": "0,1", "bcc": "0,05", "bkl": "0,1", "df": "0", "mel": "0,15", "nv": "0,6", "vasc": "0"}
CROWD = {"akiec": "0", "bcc": "0,1", "bkl": "0,2", "df": "0", "mel": "0,25", "nv": "0,35", "vasc": "0,05"}
BEFORE = {"akiec": "1", "bcc": "0", "bkl": "2", "df": "0", "mel": "3", "nv": "4", "vasc": "0"}
AFTER = {"akiec": "0", "bcc": "0", "bkl": "2", "df": "0", "mel": "2", "nv": "6", "vasc": "0"}


def line(image_id: str = NV, modality: str = CBIR, **cells: str) -> Cells:
    """A right row; ``cells`` by column replace what it says."""
    groups = zip(KINDS, (MODEL, CROWD, BEFORE, AFTER), strict=True)
    made = {f"{kind}{dx}": cell for kind, numbers in groups for dx, cell in numbers.items()}
    return {"image_id": image_id, "interaction_modality": modality, "prob_m_mal": "0,3", **made, **cells}


def chosen(kind: str, **counts: int) -> Cells:
    """A group of a row, nought where nothing is said."""
    return {f"{kind}{dx}": str(counts.get(dx, 0)) for dx in CLASSES}


def written(lines: Iterable[Cells], columns: Sequence[str] = COLUMNS, delimiter: str = ",") -> bytes:
    """The table as it is published: decimal commas, in quotes where the delimiter is a comma."""
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter, lineterminator="\n").writerows([columns, *([row[c] for c in columns] for row in lines)])
    return made.getvalue().encode()


def served(lines: Iterable[Cells]) -> bytes:
    """The table as the server shows it: tabs, strings in quotes and so every number with a comma, whole columns of numbers bare."""
    kept = list(lines)
    bare = {c for c in COLUMNS[2:] if all(re.fullmatch(r"-?[0-9.]*", row[c]) for row in kept)}
    rows = ["\t".join(row[c] if c in bare else f'"{row[c]}"' for c in COLUMNS) for row in kept]
    return ("\n".join(["\t".join(COLUMNS), *rows]) + "\n").encode()


@pytest.fixture(scope="module")
def record(small: Small) -> Record:
    return records.load_foreign(small.record)


@pytest.fixture
def rated(small: Small, tmp_path: Path, ham_here: Here) -> Callable[..., Path]:
    """Makes a cache of the small record's tables with these ratings."""

    def make(lines: Iterable[Cells] | bytes, name: str = s.RATINGS) -> Path:
        data = lines if isinstance(lines, bytes) else written(lines)
        where = tmp_path / f"rated-{len(list(tmp_path.iterdir()))}"
        source = s.lay(where / "source", {s.METADATA: small.tables[s.METADATA], s.TEST_TRUTH: small.tables[s.TEST_TRUTH], name: data})
        words = ("fetch", "metadata", "test", "ratings", "--allow-partial", "--source", source, "--record", small.record)
        ran = ham_here(*words, cache=where / "cache")
        assert ran.code == 0, ran.err
        return where / "cache"

    return make


def manifest_of(cache: Path, record_id: str = s.ID) -> list[dict[str, Any]]:
    return peek.table(peek.manifest(cache, "ratings", record_id))


def faults_of(ran: Ran) -> list[tuple[str, str, int]]:
    return [(fault["group"], fault["kind"], fault["line"]) for fault in ran.result["faults"]]


# How it may be written.


LINES = (line(), line(NV, MALIGNANCY), line(MEL, prob_m_dx_df="1,2e-05", prob_h_dx_df="2E-3"), line(BKL), line(BKL_TOO))

SHUFFLED = [*COLUMNS[7:], *COLUMNS[6::-1]]

FORMS = {
    "tab": written(LINES, delimiter="\t"),
    "the server's": served(LINES),
    "semicolon": written(LINES, delimiter=";"),
    "shuffled": written(LINES, SHUFFLED),
    "points": written({c: cell.replace(",", ".") for c, cell in row.items()} for row in LINES),
    "mark": b"\xef\xbb\xbf" + written(LINES),
    "carriage returns": written(LINES).replace(b"\n", b"\r\n"),
    "no last line end": written(LINES).removesuffix(b"\n"),
    "empty lines": written(LINES).replace(b"\n", b"\n\n"),
    "every cell quoted": "".join(
        ",".join(f'"{c}"' for c in row) + "\n" for row in ([*COLUMNS], *([r[c] for c in COLUMNS] for r in LINES))
    ).encode(),
    "spaces": written({c: f" {cell} " for c, cell in row.items()} for row in LINES),
    "with .jpg": written(row | {"image_id": f"{row['image_id']}.JPG"} for row in LINES),
    "counts with decimals": written({c: f"{cell},0" if c.startswith("user_") else cell for c, cell in row.items()} for row in LINES),
    "another column": written((row | {"x": "?"} for row in LINES), (*COLUMNS, "x")),
}


@pytest.mark.parametrize("form", FORMS)
def test_however_it_is_written_the_manifest_is_the_same(form: str, rated: Callable[..., Path], ham_here: Here) -> None:
    plain, other = rated(LINES), rated(FORMS[form])
    ran = [ham_here("stats", "--ratings", "--json", cache=cache) for cache in (plain, other)]
    assert [one.code for one in ran] == [0, 0], ran[1].err
    digests = [peek.labels(peek.manifest(cache, "ratings"))["ham.digest"] for cache in (plain, other)]
    assert (digests[0], manifest_of(plain)) == (digests[1], manifest_of(other))
    assert ran[0].result["modalities"] == ran[1].result["modalities"]


def test_the_manifest_loses_nothing_and_adds_the_truth(rated: Callable[..., Path], ham_here: Here) -> None:
    cache = rated(LINES)
    assert ham_here("stats", "--ratings", cache=cache).code == 0
    found = {(row["image_id"], row["interaction_modality"]): row for row in manifest_of(cache)}
    assert len(found) == len(LINES)
    for place, row in enumerate(LINES):
        mine = found[row["image_id"], row["interaction_modality"]]
        assert (mine["row"], mine["faults"]) == (place, None)
        assert {c: float(row[c].replace(",", ".")) for c in COLUMNS[2:]} == {c: mine[c] for c in COLUMNS[2:]}
    assert [(found[i, CBIR]["lesion_id"], found[i, CBIR]["dx"]) for i in (NV, BKL_TOO)] == [
        ("HAMTEST_0000001", "nv"),
        ("HAMTEST_0000004", "bkl"),
    ]
    kinds = dict(
        peek.query("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?))", str(peek.manifest(cache, "ratings")))
    )
    assert list(kinds) == ["image_id", "interaction_modality", "row", "lesion_id", "dx", "prob_m_mal", *COLUMNS[3:], "faults"]
    assert {kinds[c] for c in COLUMNS[2:17]} == {"DOUBLE"}
    assert {kinds[c] for c in COLUMNS[17:]} == {"INTEGER"}


def test_what_is_odd_about_the_writing_is_said_once(rated: Callable[..., Path], ham_here: Here) -> None:
    odd = [row | {"image_id": f"{row['image_id']}.jpg", "user_dx_with_interaction_nv": "6.0"} for row in LINES]
    err = ham_here("stats", "--ratings", cache=rated(odd)).err
    assert (err.count(".jpg"), err.count("'6.0'")) == (1, 1)
    extra = ham_here("stats", "--ratings", cache=rated(FORMS["another column"]))
    assert [text for text in extra.err.splitlines() if text.startswith("warning:")] == [
        "warning: columns that the published ratings have not, and that are not read: 'x'"
    ]


# What is none.


BROKEN = {
    "nothing": (b"", "columns are missing"),
    "a header alone": (written([]), "no rows"),
    "a page": (b"<!DOCTYPE html>\n<html><body>403 Forbidden</body></html>\n", "columns are missing"),
    "no text": (b"\x89PNG\r\n\x1a\n\xff\xd8\xff\xe0" * 9, "not UTF-8"),
    "a NUL": (written([line()]).replace(b"nv", b"n\0", 1), "NUL"),
    "too large": (written([line()]) + b"\n" * (64 << 20), "more than 67108864 bytes"),
    "too long": (written([line()]) + b"\n" * 500_000, "more than 500000 lines"),
    "an open quote": (written([line()]) + b'"ISIC', "line 3 cannot be read"),
    "an endless cell": (written([line(NV, "x" * 200_000)]), "field larger than field limit"),
    "a column less": (written([line()], COLUMNS[:-1]), "columns are missing: user_dx_with_interaction_vasc"),
    "columns less": (
        written([line()], [c for c in COLUMNS if c not in {"prob_m_mal", "prob_h_dx_bcc", "prob_h_dx_nv"}]),
        "columns are missing: prob_m_mal, prob_h_dx_{bcc,nv}",
    ),
    "a column twice": (written([line()], (*COLUMNS, "prob_m_mal")), "columns that are there twice: 'prob_m_mal'"),
    "endless columns": (b"image_id,interaction_modality" + b"," * 1000, "it has 1002 columns"),
    "slipped columns": (written([line(NV, f"{n}") for n in range(21)]), "more than 20 different words"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_table_of_ratings_is_named(kind: str, record: Record) -> None:
    data, words = BROKEN[kind]
    with pytest.raises(tables.NotATableError, match=re.escape(words)):
        ratings.read(data, record)


@pytest.mark.parametrize("kind", ["a header alone", "columns less", "a column twice", "slipped columns"])
def test_such_a_table_in_the_cache_is_one_error_and_exit_3(kind: str, rated: Callable[..., Path], ham_here: Here) -> None:
    data, words = BROKEN[kind]
    ran = ham_here("stats", "--ratings", "--json", cache=rated(data))
    assert (ran.code, ran.json["error"]["what"]) == (3, "this is no table of ratings that can be read")
    assert words in ran.json["error"]["got"]


# What is wrong with a row.


NUMBERS = (
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e999",
    "0x1",
    "1_0",
    "½",
    chr(0x663),
    "NA",
    "1.234,5",
    "1 000",
    "1'000",
    "0,1,2",
    "--1",
    "=1",
    "0,2\x07",
)

WRONG = [
    *(({"prob_m_dx_nv": cell}, "prob_m", "number") for cell in NUMBERS),
    *(({"prob_h_dx_nv": cell}, "prob_h", "number") for cell in NUMBERS),
    *(({"user_dx_with_interaction_nv": cell}, "with", "number") for cell in (*NUMBERS, "1,000", "12.345.678")),
    ({"prob_m_dx_nv": "-0,1"}, "prob_m", "range"),
    ({"prob_m_dx_nv": "1,0001"}, "prob_m", "range"),
    ({"prob_h_dx_nv": "35"}, "prob_h", "range"),
    ({"prob_m_dx_nv": "0,5899"}, "prob_m", "sum"),
    ({"prob_m_dx_nv": "0,6101"}, "prob_m", "sum"),
    ({"prob_h_dx_nv": "0,2989"}, "prob_h", "sum"),
    ({"prob_h_dx_nv": "0,4011"}, "prob_h", "sum"),
    ({"prob_m_dx_nv": ""}, "prob_m", "blank"),
    ({"prob_h_dx_vasc": ""}, "prob_h", "blank"),
    ({"user_dx_without_interaction_df": ""}, "without", "blank"),
    ({"prob_m_mal": "0,2899"}, "prob_m_mal", "malignant"),
    ({"prob_m_mal": "0,3101"}, "prob_m_mal", "malignant"),
    ({"prob_m_mal": "1,3"}, "prob_m_mal", "range"),
    ({"prob_m_mal": "nan"}, "prob_m_mal", "number"),
    ({"user_dx_with_interaction_nv": "3,5"}, "with", "whole"),
    ({"user_dx_without_interaction_nv": "1e-1"}, "without", "whole"),
    ({"user_dx_with_interaction_nv": "-1"}, "with", "range"),
    ({"user_dx_with_interaction_nv": "1000001"}, "with", "range"),
    ({"user_dx_with_interaction_nv": "99999999999999999999"}, "with", "range"),
    ({"user_dx_with_interaction_nv": "1e300"}, "with", "range"),
    (chosen("user_dx_without_interaction_"), "without", "nobody"),
    (chosen("user_dx_with_interaction_"), "with", "nobody"),
]

RIGHT = [
    {"prob_m_dx_nv": "0,59"},
    {"prob_m_dx_nv": "0,61"},
    {"prob_h_dx_nv": "0,299"},
    {"prob_h_dx_nv": "0,401"},
    {"prob_m_mal": "0,29"},
    {"prob_m_mal": "0,31"},
    {"prob_m_dx_df": "-0,0"},
    {"prob_m_dx_df": ",0"},
    {"prob_m_dx_df": "1,2e-05"},
    {"prob_m_dx_df": "0.000012"},
    {"prob_m_mal": ""},
    {"user_dx_with_interaction_nv": "3,0"},
    {"user_dx_with_interaction_nv": "3.0"},
    {"user_dx_with_interaction_df": "0,000"},
    {"user_dx_with_interaction_nv": "1000000"},
    {"user_dx_with_interaction_nv": "+6"},
    *({f"{kind}{dx}": "" for dx in CLASSES} for kind in KINDS),
]


@pytest.mark.parametrize(("cells", "group", "kind"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_is_of_its_columns_and_its_kind_and_of_nothing_else(cells: Cells, group: str, kind: str, record: Record) -> None:
    good, bad = ratings.read(written([line(MEL), line(**cells)]), record).rows
    assert good.faults == ()
    ((fault),) = bad.faults
    assert (fault.group, fault.kind, fault.line, fault.row, fault.image_id, fault.modality) == (group, kind, 3, 1, NV, CBIR)
    assert (fault.kind in ratings.KINDS, bad.stands) == (True, True)
    kept = {name for name in ratings.GROUPS if bad.numbers(name) is not None}
    assert kept == set(ratings.GROUPS) - {group}


@pytest.mark.parametrize("cells", RIGHT, ids=str)
def test_what_is_rounded_blank_or_oddly_written_is_no_fault(cells: Cells, record: Record) -> None:
    (row,) = ratings.read(written([line(**cells)]), record).rows
    assert row.faults == ()
    blank = {group for group, start in ratings.GROUPS.items() if cells.get(f"{start}nv") == ""}
    assert {group for group in ratings.GROUPS if row.numbers(group) is None} == blank


def test_minus_nought_is_nought(record: Record) -> None:
    (row,) = ratings.read(written([line(prob_m_dx_df="-0,0")]), record).rows
    assert str((row.numbers("prob_m") or ())[3]) == "0.0"


ODD_IDS = ("", "ISIC_1", "ISIC_0000101.png", "isic_0000101", "../ISIC_0000101", "ISIC_0000101\x1b[2J", f"ISIC_000010{chr(0x661)}")


@pytest.mark.parametrize("cell", ODD_IDS)
def test_a_row_without_an_id_is_out_altogether(cell: str, record: Record) -> None:
    (row,) = ratings.read(written([line(cell)]), record).rows
    assert ([fault.kind for fault in row.faults], row.stands, row.image_id) == (["id"], False, None)


@pytest.mark.parametrize("cell", ["", " ", "x" * 101, "CBIR\n(AI)", "CBIR \u202e(IA)"])
def test_a_row_without_a_modality_is_out_altogether(cell: str, record: Record) -> None:
    (row,) = ratings.read(written([line(NV, cell)]), record).rows
    assert ([fault.kind for fault in row.faults], row.stands, row.modality) == (["modality"], False, None)


def test_decimal_commas_without_quotes_are_said_to_need_them(record: Record) -> None:
    data = written(LINES).replace(b'"', b"")
    kinds = {(fault.group, fault.kind) for fault in ratings.read(data, record).faults}
    assert kinds == {("row", "cells")}
    assert "in quotes" in ratings.read(data, record).faults[0].detail


def test_all_rows_of_a_repeated_pair_are_set_aside(rated: Callable[..., Path], ham_here: Here) -> None:
    twice = [line(), line(MEL), line(NV, CBIR, **chosen(KINDS[3], nv=9)), line(NV, MALIGNANCY)]
    cache = rated(twice)
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, faults_of(ran)) == (3, [("row", "pair", 2), ("row", "pair", 4)])
    assert "2 lines, the first 2 and 4" in ran.result["faults"][0]["detail"]
    assert [(m["modality"], m["images"]) for m in ran.result["modalities"]] == [(MALIGNANCY, 1), (CBIR, 1), (None, 2)]
    assert (ran.result["left_out"]["rows_set_aside"], len(manifest_of(cache))) == (2, 4)


def test_a_fault_keeps_out_its_columns_and_the_rest_counts(rated: Callable[..., Path], ham_here: Here) -> None:
    cache = rated([line(prob_m_dx_nv="2", user_dx_with_interaction_nv="3,5"), line(MEL)])
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, faults_of(ran)) == (3, [("prob_m", "range", 2), ("with", "whole", 2)])
    (cbir, _) = ran.result["modalities"]
    # Without: 4 of 10 on nv and 3 of 10 on mel. With: 2 of 10 on mel alone.
    assert (cbir["ratings_without"], cbir["ratings_with"], cbir["images_with_both"]) == (20, 10, 1)
    assert (cbir["pooled"]["without"]["value"], cbir["pooled"]["with"]["value"]) == (0.35, 0.2)
    assert (cbir["by_image"]["without"]["value"], cbir["classes_without_ratings"]) == (0.3, ["akiec", "bcc", "bkl", "df", "nv", "vasc"])
    assert (ran.result["machine"]["images"], ran.result["crowd"]["images"]) == (1, 2)
    assert {side: net["images"] for side, net in cbir["net_change"].items()} == {"all": 1, "right": 0, "wrong": 1, "none": 0}
    (row,) = [row for row in manifest_of(cache) if row["faults"]]
    assert row["faults"] == (
        "prob_m: prob_m_dx_nv '2' is no number from 0 to 1; with: user_dx_with_interaction_nv '3,5' is no whole number"
    )
    assert (row["prob_m_dx_nv"], row["user_dx_with_interaction_nv"], row["user_dx_with_interaction_bkl"]) == (2.0, None, 2)


def test_rows_of_no_image_stand_in_the_manifest_too(rated: Callable[..., Path], ham_here: Here) -> None:
    cache = rated(written([line(), line("nobody")]) + b"ISIC_0000102,x\n")
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, faults_of(ran)) == (3, [("row", "id", 3), ("row", "cells", 4)])
    assert sorted((row["row"], row["image_id"], row["prob_m_mal"]) for row in manifest_of(cache)) == [
        (0, NV, 0.3),
        (1, None, 0.3),
        (2, None, None),
    ]


def test_faults_are_shown_by_kind_the_first_twenty_and_where_the_rest_stands(rated: Callable[..., Path], ham_here: Here) -> None:
    many = [line(NV, str(n), prob_m_dx_nv="0,9") for n in range(20)]
    cache = rated([*many, line(MEL, "1", prob_m_dx_nv="0,9"), line(BKL, "1", prob_m_mal="0,9\x1b[2J")])
    ran = ham_here("stats", "--ratings", cache=cache)
    assert ran.code == 3
    lines = ran.out.splitlines()
    assert lines[0] == "ratings, prob_m: 21 rows, do not add up"
    assert lines[1] == f"  line 2: {NV}, 0: add up to 1.3, and not to 1"
    assert lines[20].startswith("  line 21: ")
    assert lines[21:24] == [
        f"  and 1 more: the column faults of {peek.manifest(cache, 'ratings')}",
        "ratings, prob_m_mal: 1 row, no number",
        f"  line 23: {BKL}, 1: prob_m_mal '0,9\\x1b[2J' is no number",
    ]
    assert "\x1b" not in ran.out + ran.err
    assert sum(1 for row in manifest_of(cache) if row["faults"]) == 22


# Which rows count.


def test_unknown_images_are_left_out_with_a_warning_and_no_fault(rated: Callable[..., Path], ham_here: Here) -> None:
    stranger, trained = "ISIC_0000999", s.TRAIN[0][1]
    cache = rated([line(), line(stranger), line(stranger, MALIGNANCY), line(trained)])
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, ran.result["faults"]) == (0, [])
    assert ran.result["left_out"]["unknown_images"] == {trained: 1, stranger: 2}
    (warning,) = ran.json["warnings"]
    assert re.search(rf"\b2 images\b.*{trained}, {stranger}\b.*\b3 rows\b", warning)
    assert [m["images"] for m in ran.result["modalities"]] == [1, 1]
    assert {row["image_id"]: row["dx"] for row in manifest_of(cache)} == {NV: "nv", stranger: None, trained: None}


def test_the_planted_image_is_left_out_and_said(rated: Callable[..., Path], ham_here: Here) -> None:
    ran = ham_here("stats", "--ratings", "--json", cache=rated([line(), line(s.PLANTED)]))
    assert (ran.code, ran.json["warnings"], ran.result["left_out"]["images_not_in_record"]) == (0, [], {s.PLANTED: 1})
    assert [text for text in ran.err.splitlines() if s.PLANTED in text] == [f"left out: 1 row of {s.PLANTED}. {s.WHY_PLANTED}"]


def test_only_the_images_that_are_asked_for_are_in_the_numbers_and_strangers_are_still_judged_by_all(
    rated: Callable[..., Path], ham_here: Here
) -> None:
    cache = rated([line(), line(MEL), line(BKL)])
    whole = ham_here("stats", "--ratings", cache=cache)
    before = peek.snapshot(cache)
    ran = ham_here("stats", "--ratings", "--only", "dx=bkl", "--json", cache=cache)
    assert (whole.code, ran.code, ran.json["warnings"]) == (0, 0, [])
    assert ran.result["left_out"] == {
        "rows_set_aside": 0,
        "unknown_images": {},
        "images_not_in_record": {},
        "rows_not_asked_for": 2,
        "images_without_ratings": 1,
    }
    assert [(m["images"], m["pooled"]["without"]["value"]) for m in ran.result["modalities"]] == [(1, 0.2), (1, 0.2)]
    assert peek.snapshot(cache) == before
    assert "without ratings: 1 of 2 images" in ran.err


@pytest.mark.parametrize("words", [("--partition", "train"), ("--only", "partition=train")])
def test_where_no_test_image_is_asked_for_it_is_wrong_usage(words: tuple[str, ...], rated: Callable[..., Path], ham_here: Here) -> None:
    ran = ham_here("stats", "--ratings", *words, "--json", cache=rated(LINES))
    assert (ran.code, ran.json["error"]["what"]) == (2, "the ratings are of test images, and none was asked for")


def test_an_unpublished_modality_counts_under_its_own_word(rated: Callable[..., Path], ham_here: Here) -> None:
    ran = ham_here("stats", "--ratings", "--json", cache=rated([line(NV, "Astrology"), line(), line(MEL, "Astrology")]))
    assert (ran.code, [m["modality"] for m in ran.result["modalities"]]) == (0, [CBIR, "Astrology", None])
    assert [text for text in ran.json["warnings"] if "Astrology, in 2 rows" in text] == ran.json["warnings"]


def test_rows_that_contradict_each_other_about_the_machine_are_said(rated: Callable[..., Path], ham_here: Here) -> None:
    other = {"prob_m_dx_nv": "0,15", "prob_m_dx_mel": "0,6", "prob_m_mal": "0,75"}
    slightly = {"prob_m_dx_nv": "0,605"}
    cache = rated([line(), line(NV, MALIGNANCY, **other), line(MEL), line(MEL, MALIGNANCY, **slightly), line(BKL)])
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, ran.json["warnings"]) == (
        0,
        ["machine: the numbers differ between the rows of 2 images; of 1 also the answer: they count in none"],
    )
    machine = ran.result["machine"]
    assert (machine["images"], machine["images_whose_rows_differ"], machine["images_whose_answers_differ"]) == (2, 2, 1)
    assert [m["net_change"]["none"]["images"] for m in ran.result["modalities"]] == [1, 1, 1]


def test_a_tie_is_wrong_and_counted(rated: Callable[..., Path], ham_here: Here) -> None:
    among = {"prob_m_dx_mel": "0,4", "prob_m_dx_nv": "0,4", "prob_m_dx_bkl": "0,05", "prob_m_mal": "0,55"}
    apart = {"prob_m_dx_akiec": "0,4", "prob_m_dx_nv": "0,4", "prob_m_dx_mel": "0,05", "prob_m_mal": "0,5"}
    cache = rated([line(NV, **among), line(BKL, **apart), line(MEL, prob_m_dx_mel="0,6", prob_m_dx_nv="0,15", prob_m_mal="0,75")])
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    machine, crowd = ran.result["machine"], ran.result["crowd"]
    assert (machine["images"], machine["right"], machine["ties"], machine["ties_with_truth"]) == (3, 1, 2, 1)
    assert (machine["accuracy"]["value"], machine["balanced"]["value"]) == (0.333333333, 0.333333333)
    assert (crowd["right"], crowd["ties"]) == (1, 0)
    assert "(machine 2, of them 1 with the true one)" in " ".join(ham_here("stats", "--ratings", cache=cache).out.split())


# The numbers.


def test_the_numbers_of_four_images_are_those_of_a_pencil(rated: Callable[..., Path], ham_here: Here) -> None:
    cache = rated(
        [
            line(NV, **chosen(KINDS[2], nv=6, mel=4), **chosen(KINDS[3], nv=9, mel=1)),
            line(MEL, **chosen(KINDS[2], nv=3, mel=1), **chosen(KINDS[3], nv=1, mel=3)),
            line(BKL, **chosen(KINDS[2], bkl=2), **chosen(KINDS[3], bkl=1, df=1)),
            line(BKL_TOO, **chosen(KINDS[2], df=4), **chosen(KINDS[3], bkl=4)),
        ]
    )
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    cbir, everything = ran.result["modalities"]
    assert {k: v for k, v in cbir.items() if k != "modality"} == {k: v for k, v in everything.items() if k != "modality"}
    assert (cbir["images"], cbir["lesions"], cbir["ratings_without"], cbir["ratings_with"]) == (4, 3, 20, 20)
    values = {m: [cbir[m][side]["value"] for side in ("without", "with", "difference")] for m in ("pooled", "by_image", "balanced")}
    assert values == {
        "pooled": [9 / 20, 17 / 20, 8 / 20],
        "by_image": [round(v, 9) for v in ((0.6 + 0.25 + 1 + 0) / 4, (0.9 + 0.75 + 0.5 + 1) / 4, 1.3 / 4)],
        "balanced": [round(v, 9) for v in ((0.6 + 0.25 + 2 / 6) / 3, (0.9 + 0.75 + 5 / 6) / 3, (2.4833333333333 - 1.1833333333333) / 3)],
    }
    assert cbir["classes_without_ratings"] == ["akiec", "bcc", "df", "vasc"]
    # The machine says nv of all: right of one image.
    nets = {side: (n["images"], n["without"]["true"], n["with"]["true"], n["change"]) for side, n in cbir["net_change"].items()}
    assert nets == {"all": (4, 9, 17, 8), "right": (1, 6, 9, 3), "wrong": (3, 3, 8, 5), "none": (0, 0, 0, 0)}
    shares = {side: n["change_of_share"]["value"] for side, n in cbir["net_change"].items()}
    assert shares == {"all": 0.4, "right": 0.3, "wrong": 0.5, "none": None}


@dataclass(frozen=True)
class Drawn:
    """A drawn record's tables, in a cache; and what was said of its ratings."""

    cache: Path
    record: str
    csv: Path
    truth: Path
    result: dict[str, Any]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, ham_here: Here) -> Drawn:
    """A record of 1000 images without its pictures, as ``ham demo`` would draw it, fetched; 151 of them are the test."""
    where = tmp_path_factory.mktemp("drawn")
    published = records.load()
    rows = drawn_rows(1000, published)
    made = facts.tables(rows, published)
    sizes = defaultdict(lambda: Size(1, "0" * 32, "0" * 64), {name: size_of(data) for name, data in made.items()})
    names = [f"{i.image_id}{end}" for i in rows.train for end in (".jpg", "_segmentation.png")]
    digests = "\n".join(["file,bytes,sha256", *(f"{name},1,{hashlib.sha256(name.encode()).hexdigest()}" for name in names), ""]).encode()
    source = s.lay(where / "source", made)
    (source / facts.DIGESTS).write_bytes(lzma.compress(digests))
    (source / "record.json").write_bytes(facts.record(rows, published, sizes, digests))
    words = ("metadata", "test", "ratings", "--source", source, "--record", source / "record.json", "--allow-partial")
    assert ham_here("fetch", *words, cache=where / "cache").code == 0
    ran = ham_here("stats", "--ratings", "--json", cache=where / "cache")
    assert (ran.code, ran.json["warnings"]) == (0, [])
    return Drawn(where / "cache", ran.json["record"], source / facts.RATINGS, source / facts.TRUTH, ran.result)


def summed(kind: str) -> str:
    return " + ".join(f'"{kind}{dx}"' for dx in CLASSES)


def on_truth(kind: str) -> str:
    return "CASE dx " + " ".join(f"WHEN '{dx}' THEN \"{kind}{dx}\"" for dx in CLASSES) + " END"


def largest(kind: str) -> str:
    """The class of the one largest number; null for a tie."""
    names = ", ".join(f'"{kind}{dx}"' for dx in CLASSES)
    ones = " + ".join(f'("{kind}{dx}" = greatest({names}))::INT' for dx in CLASSES)
    words = " ".join(f"WHEN \"{kind}{dx}\" = greatest({names}) THEN '{dx}'" for dx in CLASSES)
    return f"CASE WHEN {ones} = 1 THEN CASE {words} END END"


@pytest.fixture(scope="module")
def asked(drawn: Drawn) -> duckdb.DuckDBPyConnection:
    """DuckDB with a view ``r``: a row an image and modality, numbers from the published CSV itself."""
    numbers = [f"replace(\"{c}\", ',', '.')::DOUBLE AS \"{c}\"" for c in COLUMNS[2:]]
    sql = f"""
        CREATE TABLE r AS WITH n AS (
            SELECT image_id, interaction_modality AS modality, dx, lesion_id, {", ".join(numbers)}
            FROM read_csv(?, all_varchar = true) AS said JOIN read_csv(?, all_varchar = true) AS truth USING (image_id))
        SELECT image_id, modality, dx, lesion_id, {on_truth(KINDS[2])} AS t0, {summed(KINDS[2])} AS n0, {on_truth(KINDS[3])} AS t1,
            {summed(KINDS[3])} AS n1, {largest(KINDS[0])} AS machine, {largest(KINDS[1])} AS crowd FROM n"""  # noqa: S608
    connection = duckdb.connect()
    connection.execute(sql, [str(drawn.csv), str(drawn.truth)]).fetchall()
    return connection


def test_accuracy_is_what_duckdb_counts(drawn: Drawn, asked: duckdb.DuckDBPyConnection) -> None:
    for one in drawn.result["modalities"]:
        where = "true" if one["modality"] is None else f"modality = '{one['modality']}'"
        found = asked.execute(f"SELECT count(DISTINCT image_id), count(DISTINCT lesion_id), sum(n0), sum(n1) FROM r WHERE {where}")  # noqa: S608
        assert found.fetchall()[0] == (one["images"], one["lesions"], one["ratings_without"], one["ratings_with"])
        for side, name in ((0, "without"), (1, "with")):
            group = f"SELECT sum(t{side}) / sum(n{side}) AS s FROM r WHERE {where}"  # noqa: S608
            expected = {
                "pooled": group,
                "by_image": f"SELECT avg(s) FROM ({group} GROUP BY image_id)",  # noqa: S608
                "balanced": f"SELECT avg(s) FROM ({group} GROUP BY dx)",  # noqa: S608
            }
            for measure, sql in expected.items():
                assert one[measure][name]["value"] == pytest.approx(asked.execute(sql).fetchall()[0][0], abs=1e-9)
        present = {dx for (dx,) in asked.execute(f"SELECT DISTINCT dx FROM r WHERE {where}").fetchall()}  # noqa: S608
        assert one["classes_without_ratings"] == sorted(set(CLASSES) - present)
    assert [one["modality"] for one in drawn.result["modalities"]] == [*ratings.MODALITIES, None]


def test_the_net_change_is_what_duckdb_counts(drawn: Drawn, asked: duckdb.DuckDBPyConnection) -> None:
    sides = {"all": "true", "right": "machine = dx", "wrong": "machine IS DISTINCT FROM dx", "none": "false"}
    for one in drawn.result["modalities"]:
        for side, condition in sides.items():
            where = condition if one["modality"] is None else f"{condition} AND modality = '{one['modality']}'"
            sql = f"SELECT count(DISTINCT image_id), sum(t1) - sum(t0), sum(t1) / sum(n1) - sum(t0) / sum(n0) FROM r WHERE {where}"  # noqa: S608
            images, change, share = asked.execute(sql).fetchall()[0]
            net = one["net_change"][side]
            assert (net["images"], net["change"]) == (images, change or 0)
            assert net["change_of_share"]["value"] == (None if share is None else pytest.approx(share, abs=1e-9))


@pytest.mark.parametrize("who", ["machine", "crowd"])
def test_who_answers_alone_is_right_as_often_as_duckdb_finds(who: str, drawn: Drawn, asked: duckdb.DuckDBPyConnection) -> None:
    images = f"SELECT DISTINCT image_id, dx, lesion_id, {who} IS NOT DISTINCT FROM dx AS ok FROM r"  # noqa: S608
    sql = f"SELECT count(*), count(DISTINCT lesion_id), sum(ok::INT), avg(ok::INT) FROM ({images})"  # noqa: S608
    count, lesions, right, accuracy = asked.execute(sql).fetchall()[0]
    balanced = asked.execute(f"SELECT avg(a) FROM (SELECT avg(ok::INT) a FROM ({images}) GROUP BY dx)").fetchall()[0][0]  # noqa: S608
    found = drawn.result[who]
    assert (found["images"], found["lesions"], found["right"]) == (count, lesions, right)
    assert (found["accuracy"]["value"], found["balanced"]["value"]) == pytest.approx((accuracy, balanced), abs=1e-9)


def by_lesion(asked: duckdb.DuckDBPyConnection, modality: str) -> dict[str, list[tuple[Any, ...]]]:
    found = defaultdict(list)
    for lesion, *row in asked.execute(
        "SELECT lesion_id, dx, t0, n0, t1, n1 FROM r WHERE modality = ? ORDER BY image_id", [modality]
    ).fetchall():
        found[lesion].append(tuple(row))
    return found


def test_an_interval_is_the_percentiles_of_the_documented_resamples(drawn: Drawn, asked: duckdb.DuckDBPyConnection) -> None:
    lesions = by_lesion(asked, CBIR)
    names, differences = sorted(lesions), []
    sums = [[sum(row[c] for row in lesions[name]) for c in (1, 2, 3, 4)] for name in names]
    for block in range(8):
        stream = hashlib.shake_256(f"ham-bootstrap-1:0:{block}".encode()).digest(4 * len(names) * 250)
        for n in range(0, len(stream), 4 * len(names)):
            drawn_now = [int.from_bytes(stream[n + 4 * k : n + 4 * k + 4], "little") * len(names) >> 32 for k in range(len(names))]
            t0, n0, t1, n1 = (sum(sums[place][c] for place in drawn_now) for c in range(4))
            differences.append(t1 / n1 - t0 / n0)
    cuts = statistics.quantiles(differences, n=40, method="inclusive")
    (one,) = [one for one in drawn.result["modalities"] if one["modality"] == CBIR]
    interval = one["pooled"]["difference"]
    assert (interval["low"], interval["high"]) == pytest.approx((cuts[0], cuts[-1]), abs=1e-9)


def test_intervals_are_near_those_of_another_generator(drawn: Drawn, asked: duckdb.DuckDBPyConnection) -> None:
    (one,) = [one for one in drawn.result["modalities"] if one["modality"] == MALIGNANCY]
    lesions = list(by_lesion(asked, MALIGNANCY).values())
    chance, found = np.random.default_rng(1), defaultdict(list)
    for _ in range(2000):
        rows = [row for place in chance.integers(0, len(lesions), len(lesions)) for row in lesions[place]]
        classes = [[row for row in rows if row[0] == dx] for dx in CLASSES]
        found["pooled"].append(sum(r[3] for r in rows) / sum(r[4] for r in rows))
        found["by_image"].append(sum(r[3] / r[4] for r in rows) / len(rows))
        found["balanced"].append(statistics.fmean(sum(r[3] for r in c) / sum(r[4] for r in c) for c in classes if c))
    for measure, values in found.items():
        low, high = np.percentile(values, (2.5, 97.5))
        interval = one[measure]["with"]
        assert (interval["low"], interval["high"]) == pytest.approx((low, high), abs=0.006), measure
        assert interval["low"] < interval["value"] < interval["high"]


def test_one_seed_is_one_interval_and_another_seed_another(drawn: Drawn, ham_here: Here) -> None:
    again, other = (ham_here("stats", "--ratings", "--seed", seed, "--json", cache=drawn.cache).result for seed in (0, 1))
    assert again == drawn.result
    assert other["machine"]["accuracy"] != again["machine"]["accuracy"]
    for ours, theirs in zip(again["modalities"], other["modalities"], strict=True):
        assert ours["pooled"]["difference"]["value"] == theirs["pooled"]["difference"]["value"]
        assert ours["pooled"]["difference"]["low"] != theirs["pooled"]["difference"]["low"]


def test_the_order_of_the_rows_changes_no_number(drawn: Drawn, ham_here: Here, tmp_path: Path) -> None:
    header, *rows = drawn.csv.read_text(encoding="ascii").splitlines()
    rows.sort(key=lambda row: hashlib.sha256(row.encode()).digest())
    cache = Path(shutil.copytree(drawn.cache, tmp_path / "cache"))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / facts.RATINGS).write_text("\n".join([header, *rows, ""]), encoding="ascii")
    record = cache / drawn.record / "record.json"
    facts_there = json.loads(record.read_text())
    for form in (*facts_there["tables"], *facts_there["files"]):
        if form["component"] == "ratings":
            form.update(md5=None, bytes=None)
    record.write_text(json.dumps(facts_there))
    ham_here("fetch", "ratings", "--source", tmp_path / "source", "--record", record, cache=cache)
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert ran.result["sha256"] != drawn.result["sha256"]
    assert ran.result["modalities"] == drawn.result["modalities"]


# What is printed.


def test_every_line_fits_into_eighty_columns_of_a_pipe_and_the_definition_is_among_them(drawn: Drawn, ham_here: Here) -> None:
    ran = ham_here("stats", "--ratings", cache=drawn.cache)
    assert [text for text in ran.out.splitlines() if len(text) > 80] == []
    text = " ".join(ran.out.split())
    assert "averages over raters: these are not its numbers, and no test of it." in text
    assert "2000 resamples of lesions, seed 0;" in text
    assert re.search(r"^CBIR \(AI\).*\n% right +without +with +with - without\npooled +\d+\.\d \(\d+\.\d-\d+\.\d\)", ran.out, re.MULTILINE)


def test_one_image_of_one_modality_is_shown_whole(rated: Callable[..., Path], ham_here: Here) -> None:
    blocks = ham_here("stats", "--ratings", cache=rated([line()])).out.split("\n\n")
    assert blocks[0] == (
        "modality   images  lesions  ratings without  with\nCBIR (AI)       1        1               10    10\n"
        "(all)           1        1               10    10"
    )
    assert blocks[1] == (
        "CBIR (AI), balanced without akiec, bcc, bkl, df, mel, vasc\n"
        "% right            without              with          with - without\n"
        "pooled    40.0 (40.0-40.0)  60.0 (60.0-60.0)  +20.0 (+20.0 to +20.0)\n"
        "by image  40.0 (40.0-40.0)  60.0 (60.0-60.0)  +20.0 (+20.0 to +20.0)\n"
        "balanced  40.0 (40.0-40.0)  60.0 (60.0-60.0)  +20.0 (+20.0 to +20.0)"
    )


def test_where_nothing_is_right_there_is_no_number_and_no_nan(rated: Callable[..., Path], ham_here: Here) -> None:
    cache = rated([line(**dict.fromkeys(COLUMNS[2:], "?"))])
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, {kind for _, kind, _ in faults_of(ran)}, re.search(r"NaN|Infinity", ran.out)) == (3, {"number"}, None)
    assert ran.result["machine"]["accuracy"] == {"value": None, "low": None, "high": None}
    assert ham_here("stats", "--ratings", cache=cache).code == 3
    none = ham_here("stats", "--ratings", "--json", cache=rated(written(LINES).replace(b'"', b"")))
    assert (none.code, none.result["modalities"]) == (3, [])


# What is written.


def test_an_unchanged_table_is_not_written_again_and_a_changed_one_is(rated: Callable[..., Path], ham_here: Here) -> None:
    cache = rated(LINES)
    first = ham_here("stats", "--ratings", cache=cache)
    path = peek.manifest(cache, "ratings")
    assert f"written: {path}" in first.err
    before = peek.snapshot(cache)
    again = ham_here("stats", "--ratings", "--seed", 5, cache=cache)
    assert ("written" in again.err, peek.snapshot(cache)) == (False, before)
    peek.flip(path, at=100)
    assert (ham_here("stats", "--ratings", cache=cache).code, len(manifest_of(cache))) == (0, len(LINES))


def test_a_read_only_cache_is_counted_and_it_is_said_that_nothing_is_saved(
    rated: Callable[..., Path], open_path: Path, ham: Command
) -> None:
    with peek.unwritable(rated([line(), line(MEL, prob_m_dx_nv="2")]), open_path) as (cache, user):
        before = peek.snapshot(cache)
        ran = ham("stats", "--ratings", cache=cache, user=user)
        assert (ran.returncode, "pooled" in ran.stdout, "Traceback" in ran.stderr) == (3, True, False)
        assert [str(cache) in text for text in ran.stderr.splitlines() if "could not be saved" in text] == [True]
        assert peek.snapshot(cache) == before


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_rows_go_where_they_are_asked_for(suffix: str, drawn: Drawn, ham_here: Here, tmp_path: Path) -> None:
    file, some = tmp_path / f"r.{suffix}", tmp_path / f"some.{suffix}"
    assert ham_here("stats", "--ratings", "-o", file, cache=drawn.cache).code == 0
    assert ham_here("stats", "--ratings", "--only", "dx=mel", "-o", some, cache=drawn.cache).code == 0
    reader = pl.read_csv if suffix == "csv" else pl.read_parquet
    whole, part = reader(file).to_dicts(), reader(some).to_dicts()
    assert whole == manifest_of(drawn.cache, drawn.record)
    assert part == [row for row in whole if row["dx"] == "mel"]


def test_what_is_no_table_of_ratings_is_not_overwritten(rated: Callable[..., Path], ham_here: Here, tmp_path: Path) -> None:
    cache, other, mine = rated(LINES), tmp_path / "thesis.csv", tmp_path / "mine.csv"
    other.write_text("image_id,interaction_modality\n")
    words = ("stats", "--ratings", "-o")
    ran = ham_here(*words, other, "--json", cache=cache)
    assert (ran.code, ran.json["error"]["what"]) == (2, "what lies there is no table of ratings")
    assert other.read_text() == "image_id,interaction_modality\n"
    assert [ham_here(*words, mine, cache=cache).code for _ in range(2)] == [0, 0]
    assert ham_here(*words, other, "--force", cache=cache).code == 0
    assert other.read_bytes() == mine.read_bytes()
    assert ham_here(*words, tmp_path / "x.txt", cache=cache).code == 2
    assert ham_here(*words, cache / s.ID / "manifests" / "x.csv", cache=cache).code == 2


# What is not there.


def test_without_ratings_it_is_said_what_brings_them(small: Small, tmp_path: Path, ham_here: Here) -> None:
    source, cache = small.published(tmp_path / "source"), tmp_path / "cache"
    fetch = ("--source", source, "--record", small.record)
    assert ham_here("fetch", "metadata", *fetch, cache=cache).code == 0
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, ran.json["error"]["next"].startswith("ham fetch test --sample 1 ")) == (4, True)
    assert ham_here("fetch", "test", "--sample", 1, *fetch, cache=cache).code == 0
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, ran.json["error"]["next"]) == (4, "ham fetch ratings")
    assert ham_here("fetch", "ratings", *fetch, cache=cache).code == 0
    # The small record's own ratings do not add up: 0,25 is no sum of three sevenths.
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, {(group, kind) for group, kind, _ in faults_of(ran)}) == (3, {("prob_m_mal", "malignant")})
    (cache / s.ID / "tables" / s.RATINGS).unlink()
    assert ham_here("stats", "--ratings", cache=cache).code == 4


def test_bytes_that_are_not_those_that_were_fetched_are_not_read_and_can_be_mended(
    small: Small, tmp_path: Path, rated: Callable[..., Path], ham_here: Here
) -> None:
    cache = rated(LINES)
    table = cache / s.ID / "tables" / s.RATINGS
    table.write_bytes(table.read_bytes().replace(b"CBIR (AI)", b"CBIR (UI)"))
    ran = ham_here("stats", "--ratings", "--json", cache=cache)
    assert (ran.code, ran.json["error"]["what"], ran.result) == (3, "the table of ratings is not the one that was fetched", {})
    assert ham_here("verify", "ratings", cache=cache).code == 3
    source = s.lay(tmp_path / "again", {s.RATINGS: written(LINES)})
    assert ham_here("fetch", "ratings", "--source", source, "--record", small.record, cache=cache).code == 0
    assert ham_here("stats", "--ratings", cache=cache).code == 0


def test_an_altered_truth_is_warned_of(small: Small, tmp_path: Path, ham_here: Here) -> None:
    altered: Mapping[str, bytes] = {s.TEST_TRUTH: small.tables[s.TEST_TRUTH].replace(b"45.0", b"46.0"), s.RATINGS: written(LINES)}
    source = s.lay(tmp_path / "source", altered)
    words = ("fetch", "test", "ratings", "--allow-partial", "--accept-altered", "--source", source, "--record", small.record)
    assert ham_here(*words, cache=tmp_path / "cache").code == 0
    ran = ham_here("stats", "--ratings", "--json", cache=tmp_path / "cache")
    assert (ran.code, len(ran.json["warnings"]), "not as published" in ran.json["warnings"][0]) == (0, 1, True)
