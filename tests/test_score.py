"""Predictions scored: by hand, by published facts, by plain loops, and by the challenge's own scorer."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import open_dataset
from ham_cli.summary.score import Predictions, Truth, digits, measured, truth_of
from ham_cli.summary.score.source import MAX_BYTES, MAX_ROWS
from tests import official
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.conftest import Fetch, Here
    from tests.small import Small
    from tests.web import Web

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
HEADER = ("image", *s.CHALLENGE)
REAL_PLANTED = "ISIC_0035068"

Table = list[list[str]]

GIVEN: Table = [
    # MEL, NV, BCC, AKIEC, BKL, DF, VASC
    ["ISIC_0000101", "0.1", "0.6", "0.05", "0.05", "0.1", "0.05", "0.05"],  # nv, right
    ["ISIC_0000102", "0.35", "0.35", "0.0", "0.0", "0.3", "0.0", "0.0"],  # mel, tie
    ["ISIC_0000103", "0.1", "0.1", "0.0", "0.0", "0.7", "0.1", "0.0"],  # bkl, right
    ["ISIC_0000104", "0.05", "0.65", "0.0", "0.0", "0.3", "0.0", "0.0"],  # bkl, taken for nv
]

GOLDEN = """\
balanced accuracy 0.5000 (95 % 0.0000-1.0000)
accuracy 0.5000 (95 % 0.0000-1.0000): 2 of 4 images, 1 tie

dx      images  lesions  recall  95 %           precision     AUC
akiec        0        0       -  -                      -       -
bcc          0        0       -  -                      -       -
bkl          2        1  0.5000  -                 1.0000  0.8750
df           0        0       -  -                      -       -
mel          1        1  0.0000  -                      -  1.0000
nv           1        1  1.0000  -                 0.5000  0.6667
vasc         0        0       -  -                      -       -
(mean)       -        -  0.5000  0.0000-1.0000          -  0.8472

images of each class by what was predicted
truth  akiec  bcc  bkl  df  mel  nv  vasc  tie
akiec      0    0    0   0    0   0     0    0
bcc        0    0    0   0    0   0     0    0
bkl        0    0    1   0    0   1     0    0
df         0    0    0   0    0   0     0    0
mel        0    0    0   0    0   0     0    1
nv         0    0    0   0    0   1     0    0
vasc       0    0    0   0    0   0     0    0
"""
"""By hand. Of three lesions drawn with replacement one in 27 draws is nv alone, and one mel alone: more than 2.5 % each."""

ARGMAX = "by argmax, ties wrong; intervals: percentiles of 2000 resamples of lesions, seed 0"
WITHOUT = f"4 rows: the official scorer also wants one for {s.PLANTED}, to which it gives weight 0; the score is the same"
WITH = f"{s.PLANTED} is left out: weight 0, as in the official scorer, and not in this record"


def text(rows: Iterable[Sequence[object]], header: Sequence[str] = HEADER, **form: Any) -> str:  # noqa: ANN401  (what csv.writer takes)
    made = io.StringIO()
    csv.writer(made, **{"lineterminator": "\n"} | form).writerows([header, *rows])
    return made.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes predictions; the file."""

    def write_one(rows: Iterable[Sequence[object]] | str | bytes, header: Sequence[str] = HEADER) -> Path:
        data = rows if isinstance(rows, str | bytes) else text(rows, header)
        path = tmp_path / "predictions.csv"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write_one


def one_hot(dx: str) -> list[float]:
    return [float(name.lower() == dx) for name in s.CHALLENGE]


# What a person sees.


def test_the_whole_of_it_is_what_was_counted_by_hand(write: Callable[..., Path], small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("score", write(GIVEN), cache=small_cache)
    assert (ran.code, ran.out) == (0, GOLDEN)
    assert ran.err.splitlines() == [WITHOUT, ARGMAX]


def test_quiet_leaves_the_result(write: Callable[..., Path], small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("score", write(GIVEN), "-q", cache=small_cache)
    assert tuple(ran) == (0, GOLDEN, "")


def test_the_planted_image_changes_nothing_and_is_said(write: Callable[..., Path], small_cache: Path, ham_here: Here) -> None:
    planted = [s.PLANTED, *map(str, one_hot("vasc"))]
    ran = ham_here("score", write([planted, *GIVEN]), cache=small_cache)
    assert (ran.code, ran.out) == (0, GOLDEN)
    assert ran.err.splitlines() == [WITH, ARGMAX]


def test_json_has_everything(write: Callable[..., Path], small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("score", write(GIVEN), "--json", "--seed", 3, cache=small_cache)
    result = ran.result
    assert result.pop("dx")["bkl"] == {
        "images": 2,
        "lesions": 1,
        "right": 1,
        "recall": 0.5,
        "recall_interval": None,
        "precision": 1.0,
        "auc": 0.875,
    }
    confusion = result.pop("confusion")
    assert {dx: {name: n for name, n in row.items() if n} for dx, row in confusion.items() if any(row.values())} == {
        "bkl": {"bkl": 1, "nv": 1},
        "mel": {"tie": 1},
        "nv": {"nv": 1},
    }
    assert [list(row) for row in confusion.values()] == [[*CLASSES, "tie"]] * 7
    assert result.pop("mean_auc") == pytest.approx((7 / 8 + 1 + 2 / 3) / 3)
    assert [len(note) for note in result.pop("notes")] == [len(WITHOUT), len(ARGMAX)]
    assert result == {
        "read": {"name": str(Path(result["read"]["name"])), "rows": 4, "left_out": []},
        "balanced_accuracy": 0.5,
        "balanced_accuracy_interval": [0.0, 1.0],
        "accuracy": 0.5,
        "accuracy_interval": [0.0, 1.0],
        "images": 4,
        "lesions": 3,
        "right": 2,
        "ties": 1,
        "bootstrap": {"algorithm": "ham-bootstrap-1", "resamples": 2000, "seed": 3, "of": "lesions"},
        "intervals_too_narrow": [],
        "file": None,
    }


def test_a_class_without_images_has_no_recall_and_a_class_never_predicted_no_precision(
    write: Callable[..., Path], small_cache: Path, ham_here: Here
) -> None:
    found = ham_here("score", write(GIVEN), "--json", cache=small_cache).result["dx"]
    assert [(found[dx]["recall"], found[dx]["recall_interval"], found[dx]["auc"]) for dx in ("akiec", "vasc")] == [(None, None, None)] * 2
    assert [dx for dx in CLASSES if found[dx]["precision"] is not None] == ["bkl", "nv"]


def test_nothing_is_written_into_the_cache(write: Callable[..., Path], cache: Path, ham_here: Here) -> None:
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert ham_here("score", write(GIVEN), cache=cache).code == 0
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


# What a file may look like.

JPG = [[f"{row[0]}.jpg", *row[1:]] for row in GIVEN]
ORDER = (3, 0, 7, 1, 6, 2, 5, 4)


@pytest.mark.parametrize(
    ("data", "wants"),
    [
        pytest.param(text(JPG), None, id="jpg"),
        pytest.param(text([[row[0] + ".JPG", *row[1:]] for row in GIVEN[::-1]]), None, id="JPG, other order of rows"),
        pytest.param(text([[row[n] for n in ORDER] for row in GIVEN], [HEADER[n] for n in ORDER]), None, id="columns in any order"),
        pytest.param(text(GIVEN, lineterminator="\r\n"), None, id="CRLF"),
        pytest.param(text(GIVEN, lineterminator="\r"), None, id="CR"),
        pytest.param(text(GIVEN).rstrip("\n"), None, id="no last line end"),
        pytest.param("\n" + text(GIVEN).replace("\n", "\n\n") + ",,,,,,,\n", "no row of empty cells", id="blank lines"),
        pytest.param(text(GIVEN, quoting=csv.QUOTE_ALL), None, id="quoted"),
        pytest.param(text(GIVEN).replace(",", ", "), "no space before or behind a name", id="blanks before cells"),
        pytest.param(text(GIVEN).encode("utf-8-sig"), None, id="BOM"),
        pytest.param(text(GIVEN).replace("0.1", "1e-1").replace("0.3", "+.3"), None, id="other ways to write a number"),
        pytest.param(text(GIVEN, delimiter="\t"), "commas between cells", id="tabs"),
        pytest.param(text(GIVEN, delimiter=";").replace(".", ","), "commas between cells", id="semicolons and decimal commas"),
        pytest.param(text(GIVEN).encode("utf-16"), "in UTF-8", id="UTF-16"),
        pytest.param(text([[n, *row] for n, row in enumerate(GIVEN)], ["", *HEADER]), "no column without a name", id="index"),
        pytest.param(text([[n, *row] for n, row in enumerate(GIVEN)], ["Unnamed: 0", *HEADER]), "no column without a name", id="Unnamed"),
        pytest.param(text([[*row, ""] for row in GIVEN], [*HEADER, ""]), "no column without a name", id="a comma at each end"),
        pytest.param(text(GIVEN, ["image_id", *CLASSES[:0], *map(str.lower, s.CHALLENGE)]), f"named {','.join(HEADER)}", id="names"),
        pytest.param(text([[f"test/{row[0]}.jpg", *row[1:]] for row in GIVEN]), "by their id alone", id="folders"),
        pytest.param(text([[row[0].lower(), *row[1:]] for row in GIVEN]), "by their id alone", id="small letters"),
    ],
)
def test_the_same_predictions_in_another_form_have_the_same_score(
    data: str | bytes, wants: str | None, write: Callable[..., Path], small_cache: Path, ham_here: Here
) -> None:
    ran = ham_here("score", write(data), cache=small_cache)
    assert (ran.code, ran.out) == (0, GOLDEN), ran.err
    said = ran.err.splitlines()
    assert (said[0], said[-1]) == (WITHOUT, ARGMAX)
    assert [line.startswith("taken as it is; the official scorer wants ") and wants in line for line in said[1:-1] if wants] == (
        [True] if wants else []
    )
    assert len(said) == 2 + bool(wants)


def test_hard_labels_are_taken(write: Callable[..., Path], small_cache: Path, ham_here: Here) -> None:
    rows = [[row[1], *(int(value) for value in one_hot(row[2]))] for row in s.TRUTH]
    ran = ham_here("score", write(rows), "--json", cache=small_cache)
    assert (ran.result["balanced_accuracy"], ran.result["ties"]) == (1.0, 0)
    assert "taken as it is; the official scorer wants 1.0 and 0.0 instead of 1 and 0" in ran.result["notes"]


@pytest.mark.parametrize("place", ["-", "/dev/stdin"])
def test_predictions_come_through_a_pipe(place: str, small_cache: Path) -> None:
    if place != "-" and sys.platform == "win32":
        pytest.skip("no /dev/stdin here")
    command: list[str | Path] = [sys.executable, "-m", "ham_cli", "score", place, "--json", "--cache-dir", small_cache]
    ran = subprocess.run(command, input=text(GIVEN), capture_output=True, text=True, check=False)
    result = json.loads(ran.stdout)["result"]
    assert (ran.returncode, result["balanced_accuracy"]) == (0, 0.5), ran.stderr
    assert result["read"]["name"] == ("stdin" if place == "-" else place)


# What is no table of predictions.


def changed(row: int, column: int, cell: object) -> list[list[object]]:
    rows: list[list[object]] = [list(r) for r in GIVEN]
    rows[row][column] = cell
    return rows


NONE = "these are no predictions ham can score"
CELLS = "not every cell is a probability"
ROWS = "the rows are not those of the test"


@pytest.mark.parametrize(
    ("data", "what", "got"),
    [
        ("", NONE, "an empty file"),
        (" \n\n", NONE, "an empty file"),
        (",,,\n", NONE, "no row"),
        (b"\x89PNG\r\n\0\0", NONE, "binary data"),
        (b"PAR1" + bytes(20), NONE, "a Parquet table"),
        (b"PK\3\4", NONE, "a zip"),
        (b"\x1f\x8b\x08", NONE, "packed with gzip"),
        ("<!doctype html>", NONE, "a web page"),
        ('[{"image": "ISIC_0000101"}]', NONE, "JSON"),
        ('image,"' + "x" * 200_000, NONE, "field larger than field limit"),
        (text(GIVEN).partition("\n")[2], NONE, "a first line 'ISIC_0000101,"),
        (text([row[:-1] for row in GIVEN], HEADER[:-1]), NONE, "no column VASC among image, MEL, NV, BCC, AKIEC, BKL, DF"),
        (text([row[1:] for row in GIVEN], HEADER[1:]), NONE, "no column image among MEL"),
        (text([[*row, "1"] for row in GIVEN], [*HEADER, "score_weight"]), NONE, "also 1 column score_weight"),
        (text([[*row, "1"] for row in GIVEN], [*HEADER, "e\x1b[2Jvil"]), NONE, r"also 1 column 'e\x1b[2Jvil'"),
        (text([[*row, "1"] for row in GIVEN], [*HEADER, "mel"]), NONE, "2 columns that name the class mel"),
        (text([[*row, row[0]] for row in GIVEN], [*HEADER, "image_id"]), NONE, "2 columns that name the images"),
        (text(changed(1, 2, "nan")), CELLS, "in 1 place: line 3, ISIC_0000102, NV: 'nan'"),
        (text(changed(1, 2, "")), CELLS, "in 1 place: line 3, ISIC_0000102, NV: nothing"),
        (text(changed(1, 2, "inf")), CELLS, "NV: 'inf'"),
        (text(changed(1, 2, "1_0")), CELLS, "NV: '1_0'"),
        (text(changed(1, 2, "٣")), CELLS, "NV: '٣'"),
        (text(changed(1, 2, "0,5")), CELLS, "NV: '0,5'"),
        (text(changed(1, 2, "x" * 999)), CELLS, "NV: 'xxx"),
        (text(changed(1, 2, "1.0000001")), CELLS, "NV: '1.0000001'"),
        (text(changed(1, 2, "-1e-9")), CELLS, "NV: '-1e-9'"),
        (text(changed(1, 0, "")), CELLS, "in 1 place: line 3: no image"),
        (
            text([GIVEN[0][:5], [*GIVEN[1], "7"], *GIVEN[2:]]),
            CELLS,
            "2 places: line 2: 5 cells under 8 names; line 3: 9 cells under 8 names",
        ),
        (text([*GIVEN, [GIVEN[0][0] + ".jpg", *GIVEN[0][1:]]]), "an image has one prediction", "ISIC_0000101 (lines 2, 6)"),
        (text([]), ROWS, "0 rows; none for 4 test images: ISIC_0000101, ISIC_0000102, ISIC_0000103, ..."),
        (text(GIVEN[1:]), ROWS, "3 rows; none for 1 test image: ISIC_0000101"),
        (text([*GIVEN, ["ISIC_9999999", *GIVEN[0][1:]]]), ROWS, "5 rows; 1 unknown image: ISIC_9999999"),
        (text([*GIVEN, ["a\x1b[2J\nb", *GIVEN[0][1:]]]), ROWS, r"1 unknown image: a\x1b[2J\nb"),
        (b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n\xff\xfe,0,0,0,0,0,0,0\n", ROWS, "1 unknown image"),
    ],
)
def test_what_is_no_prediction_is_named(  # noqa: PLR0913  (what is given, what is expected, and fixtures)
    data: str | bytes, what: str, got: str, write: Callable[..., Path], small_cache: Path, ham_here: Here
) -> None:
    path = write(data)
    ran = ham_here("score", path, "--json", cache=small_cache)
    error = ran.json["error"]
    assert (ran.code, error["what"], error["where"]) == (2, what, str(path))
    assert got in error["got"]
    assert len(error["got"]) < 500
    assert error["expected"]
    assert ran.result == {}
    assert "\x1b" not in ran.err


def test_all_wrong_cells_are_counted_and_three_are_named(write: Callable[..., Path], small_cache: Path, ham_here: Here) -> None:
    logits = [[row[0], *(float(cell) * 10 for cell in row[1:])] for row in GIVEN]
    error = ham_here("score", write(logits), "--json", cache=small_cache).json["error"]
    named = "line 2, ISIC_0000101, NV: '6.0'; line 3, ISIC_0000102, MEL: '3.5'; line 3, ISIC_0000102, NV: '3.5'; ..."
    assert error["got"] == f"something else in 7 places: {named}"
    assert "softmax" in error["next"]


@pytest.mark.parametrize(
    ("rows", "whose"), [(s.VALIDATION, "4 validation images"), ([(r[1], r[2]) for r in s.TRAIN], "20 training images")]
)
def test_images_of_another_part_of_the_record_are_told(
    rows: Sequence[tuple[str, str]], whose: str, write: Callable[..., Path], small_cache: Path, ham_here: Here
) -> None:
    path = write([[image_id, *one_hot(dx)] for image_id, dx in rows])
    error = ham_here("score", path, "--json", cache=small_cache).json["error"]
    assert error["what"] == ROWS
    assert error["next"] == f"among the unknown: {whose}; predict the test images"


def test_too_large_a_file_is_not_read_to_its_end(tmp_path: Path, small_cache: Path, ham_here: Here) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.write(b"image\n")
        file.truncate(MAX_BYTES + 2)
    (tmp_path / "long.csv").write_text("image\n" + "x\n" * (MAX_ROWS + 1))
    got = [ham_here("score", tmp_path / f"{name}.csv", "--json", cache=small_cache).json["error"]["got"] for name in ("large", "long")]
    assert got == [f"more than {MAX_BYTES} bytes", f"more than {MAX_ROWS} rows"]


def test_what_is_no_file_is_named(tmp_path: Path, small_cache: Path, ham_here: Here) -> None:
    (tmp_path / "file").write_text("x")
    for place, what in {
        tmp_path / "nothing.csv": "there is no such file",
        tmp_path / "file" / "inner.csv": "there is no such file",
        tmp_path: "this is a folder, and predictions are a file",
        "": "PREDICTIONS is empty",
        "a\0b": "this path leads nowhere",
    }.items():
        ran = ham_here("score", place, "--json", cache=small_cache)
        assert (ran.code, ran.json["error"]["what"]) == (2, what)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here whose reading fails")
def test_a_file_that_cannot_be_read_is_exit_code_5(small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("score", "/proc/self/mem", cache=small_cache)
    assert ran.code == 5
    assert "the operating system refused" in ran.err


# The truth.


@pytest.mark.parametrize("fetched", [(), ("metadata",)])
def test_without_the_truth_the_error_says_how_to_get_it_and_that_works(
    fetched: tuple[str, ...], write: Callable[..., Path], web: Web, ham_here: Here
) -> None:
    if fetched:
        assert web.fetch(*fetched).code == 0
    ran = ham_here("score", write(GIVEN), "--json", cache=web.cache)
    advice = "ham fetch test --sample 1"
    assert (ran.code, ran.json["error"]["next"]) == (4, f"{advice} brings the truth with a few images only")
    assert web.fetch(*advice.split()[2:]).code == 0
    assert ham_here("score", write(GIVEN), cache=web.cache).out == GOLDEN


def test_a_folder_with_the_truth_alone_brings_it_too(
    write: Callable[..., Path], small: Small, fetch: Fetch, tmp_path: Path, ham_here: Here
) -> None:
    source = s.lay(tmp_path / "source", {s.TEST_TRUTH: small.tables[s.TEST_TRUTH]})
    assert fetch("test", "--sample", 1, source=source).code == 4
    assert ham_here("score", write(GIVEN), cache=tmp_path / "cache").out == GOLDEN


def test_of_a_truth_without_lesions_images_are_resampled(write: Callable[..., Path], fetch: Fetch, tmp_path: Path, ham_here: Here) -> None:
    source = s.lay(tmp_path / "source", {s.TEST_TRUTH: s.onehot((row[1], row[2]) for row in s.TRUTH)})
    fetch("test", "--allow-partial", source=source)
    ran = ham_here("score", write(GIVEN), "--json", cache=tmp_path / "cache")
    assert ran.result["bootstrap"]["of"] == "images"
    assert (ran.result["lesions"], ran.result["dx"]["bkl"]["lesions"], ran.result["balanced_accuracy"]) == (None, None, 0.5)
    # The two of bkl are no longer drawn together.
    assert ran.result["dx"]["bkl"]["recall_interval"] == [0.0, 1.0]
    assert any("images, as this truth names no lesions" in note for note in ran.result["notes"])


# The scored images as a file.


def test_the_scored_images_are_written(write: Callable[..., Path], small_cache: Path, tmp_path: Path, ham_here: Here) -> None:
    path = write(GIVEN[::-1])
    for name in ("scored.parquet", "scored.csv"):
        ran = ham_here("score", path, "-o", tmp_path / name, cache=small_cache)
        assert ran.code == 0
        assert f"written: {tmp_path / name}, 4 rows" in ran.err.splitlines()
    lesions = {row[1]: row[0] for row in s.TRUTH}
    order = [HEADER.index(dx.upper()) for dx in CLASSES]
    expected = [
        (row[0], lesions[row[0]], dx, predicted, right, *(float(row[n]) for n in order))
        for row, (dx, predicted, right) in zip(
            GIVEN, [("nv", "nv", True), ("mel", None, False), ("bkl", "bkl", True), ("bkl", "nv", False)], strict=True
        )
    ]
    table = pl.read_parquet(tmp_path / "scored.parquet")
    assert table.columns == ["image_id", "lesion_id", "dx", "predicted", "right", *(f"p_{dx}" for dx in CLASSES)]
    assert table.rows() == expected
    assert pl.read_csv(tmp_path / "scored.csv", schema_overrides={"right": pl.String}).rows() == [
        (*row[:4], str(row[4]), *row[5:]) for row in expected
    ]
    assert all(field.metadata[b"comment"] for field in pq.read_schema(tmp_path / "scored.parquet"))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_nothing_else_is_written_over(suffix: str, write: Callable[..., Path], small_cache: Path, tmp_path: Path, ham_here: Here) -> None:
    path, out = write(GIVEN), tmp_path / f"scored{suffix}"
    out.write_text("somebody's\n")
    ran = ham_here("score", path, "-o", out, cache=small_cache)
    assert (ran.code, ran.out, out.read_text()) == (2, "", "somebody's\n")
    assert "what lies there is no table of scored images" in ran.err
    assert ham_here("score", path, "-o", out, "--force", cache=small_cache).code == 0
    before = out.read_bytes()
    assert ham_here("score", path, "-o", out, cache=small_cache).code == 0
    assert out.read_bytes() == before


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_the_predictions_are_not_written_over(
    force: tuple[str, ...], write: Callable[..., Path], small_cache: Path, ham_here: Here
) -> None:
    path = write(GIVEN)
    ran = ham_here("score", path, "-o", path, *force, cache=small_cache)
    assert (ran.code, path.read_text()) == (2, text(GIVEN))
    assert "-o names the file that is scored" in ran.err


def test_a_folder_or_a_place_in_the_cache_is_no_place_for_it(
    write: Callable[..., Path], small_cache: Path, tmp_path: Path, ham_here: Here
) -> None:
    (tmp_path / "folder.csv").mkdir()
    for out in (tmp_path / "folder.csv", small_cache / s.ID / "scored.csv", tmp_path / "scored.txt"):
        assert ham_here("score", write(GIVEN), "-o", out, cache=small_cache).code == 2


# Numbers, by plain loops.

COLUMN = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=7, max_size=7)
IMAGES = st.lists(st.tuples(st.sampled_from(CLASSES), st.integers(0, 4), COLUMN), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def base(small_cache: Path) -> Truth:
    return truth_of(open_dataset(small_cache))


def drawn(base: Truth, images: Sequence[tuple[str, object, Sequence[float]]]) -> tuple[Truth, Predictions]:
    """A truth of images, each with diagnosis and lesion, and its predictions in the order of classes."""
    ids = tuple(f"ISIC_{n:07}" for n in range(len(images)))
    dx, lesions = tuple(i[0] for i in images), tuple(f"{i[0]}_{i[1]}" for i in images)
    truth = dataclasses.replace(base, images=ids, dx=dx, lesions=lesions)
    return truth, Predictions(np.array([i[2] for i in images]), len(images), (), ())


def pairs(images: Sequence[tuple[str, object, Sequence[float]]], dx: str) -> list[float]:
    """Of each image of a class with each other image 1, 0.5 or 0, as the first has the higher value, the same or the lower."""
    place = CLASSES.index(dx)
    own, others = [i[2][place] for i in images if i[0] == dx], [i[2][place] for i in images if i[0] != dx]
    return [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in itertools.product(own, others)]


@settings(max_examples=60, deadline=None)
@given(IMAGES)
def test_every_number_is_what_plain_loops_count(base: Truth, images: list[tuple[str, int, list[float]]]) -> None:
    score = measured(*drawn(base, images), 0)
    predicted = [CLASSES[i[2].index(max(i[2]))] if i[2].count(max(i[2])) == 1 else "tie" for i in images]
    recalls = []
    for c in score.classes:
        of = [p for i, p in zip(images, predicted, strict=True) if i[0] == c.dx]
        there = [i for i, p in zip(images, predicted, strict=True) if p == c.dx]
        compared = pairs(images, c.dx)
        assert c.predicted == {name: of.count(name) for name in (*CLASSES, "tie")}
        assert c.recall == (of.count(c.dx) / len(of) if of else None)
        assert c.precision == (sum(i[0] == c.dx for i in there) / len(there) if there else None)
        assert c.auc == (pytest.approx(sum(compared) / len(compared), abs=1e-14) if compared else None)
        assert c.lesions == len({i[1] for i in images if i[0] == c.dx})
        recalls += [c.recall] if c.recall is not None else []
    assert score.balanced == pytest.approx(sum(recalls) / len(recalls), abs=1e-14)
    assert score.accuracy == sum(i[0] == p for i, p in zip(images, predicted, strict=True)) / len(images)
    assert score.ties == predicted.count("tie")


# How sure they are.


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  (nothing is kept secret)


def hard(predicted: str) -> list[float]:
    return [float(name == predicted) for name in CLASSES]


def test_the_interval_of_one_class_is_the_binomial_s(base: Truth) -> None:
    # A hundred lesions of an image each, seventy right: a resample's recall is binomial, whose quantiles are known.
    images = [("nv", n, hard("nv" if n < 70 else "mel")) for n in range(100)]
    (interval,) = (c.interval for c in measured(*drawn(base, images), 0).classes if c.dx == "nv")
    reached = list(itertools.accumulate(math.comb(100, k) * 0.7**k * 0.3 ** (100 - k) for k in range(101)))
    quantiles = [next(k for k, p in enumerate(reached) if p >= q) / 100 for q in (0.025, 0.975)]
    assert quantiles == [0.61, 0.79]
    assert interval == pytest.approx(quantiles, abs=0.0101)


def test_the_interval_of_the_balanced_accuracy_is_that_of_another_bootstrap(base: Truth) -> None:
    chance = seeded(4)
    images = [
        (dx, lesion, hard(dx if chance.random() < 0.7 else chance.choice(CLASSES)))
        for dx in CLASSES
        for lesion in range(12)
        for _ in range(chance.choice((1, 1, 2, 4)))
    ]
    lesions: dict[tuple[str, int], list[bool]] = {}
    for dx, lesion, values in images:
        lesions.setdefault((dx, lesion), []).append(CLASSES[values.index(1.0)] == dx)
    found = []
    for _ in range(4000):
        right: dict[str, list[bool]] = {}
        for (dx, _), some in chance.choices(list(lesions.items()), k=len(lesions)):
            right.setdefault(dx, []).extend(some)
        found.append(sum(sum(some) / len(some) for some in right.values()) / len(right))
    found.sort()
    assert measured(*drawn(base, images), 0).balanced_interval == pytest.approx((found[100], found[-101]), abs=0.012)


def test_further_photographs_of_the_same_lesions_make_nothing_surer(base: Truth) -> None:
    chance = seeded(5)
    images = [(chance.choice(CLASSES), n % 40, hard(chance.choice(CLASSES))) for n in range(120)]
    once, thrice = (measured(*drawn(base, images * times), 0) for times in (1, 3))
    assert thrice.balanced_interval == once.balanced_interval
    assert [c.interval for c in thrice.classes] == [c.interval for c in once.classes]


def test_another_seed_is_another_resampling_of_the_same_numbers(base: Truth) -> None:
    images = [(CLASSES[n % 7], n, hard(CLASSES[n % 5])) for n in range(90)]
    first, again, other = (measured(*drawn(base, images), seed) for seed in (0, 0, 1))
    assert first == again
    assert first.balanced_interval != other.balanced_interval
    assert dataclasses.replace(first, seed=1).balanced == other.balanced


# On the published test truth.


@dataclasses.dataclass(frozen=True)
class Published:
    """The published test truth, in a cache and as the challenge writes it."""

    cache: Path
    truth: Path
    rows: tuple[Mapping[str, str], ...]

    def predict(self, path: Path, values: Callable[[Mapping[str, str]], Sequence[float]]) -> Path:
        """Write a row for each of the truth."""
        path.write_text(text([row["image_id"], *values(row)] for row in self.rows))
        return path


@pytest.fixture(scope="module")
def published(real_data: Path, tmp_path_factory: pytest.TempPathFactory, ham_here: Here) -> Published:
    where = tmp_path_factory.mktemp("published")
    source = s.lay(where / "source", {s.TEST_TRUTH: (real_data / s.TEST_TRUTH).read_bytes()})
    assert ham_here("fetch", "test", "--source", source, "--allow-partial", cache=where / "cache").code == 0
    with (real_data / s.TEST_TRUTH).open(newline="") as file:
        rows = tuple(csv.DictReader(file))
    made = Published(where / "cache", where / "truth.csv", rows)
    made.predict(made.truth, lambda row: one_hot(row["dx"]))
    return made


@pytest.mark.parametrize(
    ("values", "balanced", "right", "ties"),
    [
        pytest.param(lambda _: one_hot("nv"), 1 / 7, 908, 0, id="all nevi"),
        pytest.param(lambda _: [1 / 7] * 7, 0.0, 0, 1511, id="undecided"),
        pytest.param(lambda row: one_hot(row["dx"]), 1.0, 1511, 0, id="the truth"),
    ],
)
def test_known_predictions_have_the_known_score(  # noqa: PLR0913  (what is given, what is expected, and fixtures)
    values: Callable[[Mapping[str, str]], Sequence[float]],
    balanced: float,
    right: int,
    ties: int,
    published: Published,
    tmp_path: Path,
    ham_here: Here,
) -> None:
    path = published.predict(tmp_path / "p.csv", values)
    result = ham_here("score", path, "--json", cache=published.cache).result
    assert (result["balanced_accuracy"], result["right"], result["ties"]) == (pytest.approx(balanced, abs=1e-15), right, ties)
    assert (result["images"], result["lesions"], result["read"]["rows"]) == (1511, 1222, 1512)
    assert [found["images"] for found in result["dx"].values()] == [43, 93, 217, 44, 171, 908, 35]
    assert tuple(result["dx"]) == CLASSES


def guesses(seed: int) -> Callable[[Mapping[str, str]], list[float]]:
    """A model that is somewhat right, sure in steps, and now and then undecided."""
    chance = seeded(seed)

    def values(row: Mapping[str, str]) -> list[float]:
        found = [chance.random() * (2 if name.lower() == row["dx"] else 1) for name in s.CHALLENGE]
        if chance.random() < 0.05:
            found[chance.randrange(7)] = max(found)
        if chance.random() < 0.5:
            return [round(value / 2, 1) for value in found]
        return [value / sum(found) for value in found]

    return values


def shuffled(path: Path, rows: Table, seed: int) -> Path:
    """The same predictions, without the planted image, rows and columns in another order, every other image with ``.jpg``."""
    chance = seeded(seed)
    order = chance.sample(range(8), 8)
    header, *kept = (row for row in rows if row[0] != REAL_PLANTED)
    chance.shuffle(kept)
    named = ([row[0] + ".jpg" * (n % 2), *row[1:]] for n, row in enumerate(kept))
    path.write_text(text(([row[n] for n in order] for row in named), [header[n] for n in order]))
    return path


def test_the_order_of_rows_and_columns_and_the_planted_image_change_nothing(published: Published, tmp_path: Path, ham_here: Here) -> None:
    path = published.predict(tmp_path / "p.csv", guesses(1))
    other = shuffled(tmp_path / "other.csv", list(csv.reader(path.read_text().splitlines())), 2)
    found, outputs = [], []
    for place in (path, other):
        out = tmp_path / f"{place.stem}.parquet"
        result = ham_here("score", place, "--json", "-o", out, cache=published.cache).result
        found.append({name: value for name, value in result.items() if name not in {"read", "notes", "file"}})
        outputs.append(out.read_bytes())
        assert result["read"]["rows"] == (1512 if place == path else 1511)
    assert found[0] == found[1]
    assert outputs[0] == outputs[1]


def test_one_row_less_is_an_error_that_names_it(published: Published, tmp_path: Path, ham_here: Here) -> None:
    path = published.predict(tmp_path / "p.csv", guesses(1))
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith((REAL_PLANTED, "ISIC_0034524"))]
    path.write_text("".join(lines))
    ran = ham_here("score", path, cache=published.cache)
    assert ran.code == 2
    assert ran.err.splitlines()[1:4:2] == [f"  where:    {path}", "  got:      1510 rows; none for 1 test image: ISIC_0034524"]


@pytest.fixture(scope="session")
def scorer() -> Path:
    """The environment of the challenge's own scorer; the test is skipped where there can be none."""
    return official.environment()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.thinned(3)
def test_the_challenge_s_own_scorer_says_the_same(seed: int, scorer: Path, published: Published, tmp_path: Path, ham_here: Here) -> None:
    theirs = published.predict(tmp_path / "theirs.csv", guesses(seed))
    ours = shuffled(tmp_path / "ours.csv", list(csv.reader(theirs.read_text().splitlines())), seed)
    said = official.scored(scorer, published.truth, theirs)
    result = ham_here("score", ours, "--json", cache=published.cache).result
    assert result["ties"] > 100
    assert 0.2 < result["balanced_accuracy"] < 0.8
    assert result["balanced_accuracy"] == pytest.approx(said["overall"], abs=1e-12)
    assert {dx.upper(): c["auc"] for dx, c in result["dx"].items()} == pytest.approx(said["per_category"]["auc"], abs=1e-12)
    assert result["mean_auc"] == pytest.approx(said["macro_average"]["auc"], abs=1e-12)


@pytest.mark.slow
def test_values_a_last_digit_apart_are_to_the_challenge_s_own_scorer_what_they_are_here(
    scorer: Path, published: Published, tmp_path: Path, ham_here: Here
) -> None:
    # Averages of models are full of such pairs: its reader makes one number of the two, and a tie of the two classes.
    def close(row: Mapping[str, str]) -> list[float]:
        other = next(dx for dx in CLASSES if dx != row["dx"])
        even = int(row["image_id"][-1]) % 4 == 0
        values = dict.fromkeys(CLASSES, 0.05) | {row["dx"]: 0.1 + 0.2 if even else 0.6} | ({other: 0.3} if even else {})
        return [values[name.lower()] for name in s.CHALLENGE]

    path = published.predict(tmp_path / "p.csv", close)
    said = official.scored(scorer, published.truth, path)
    result = ham_here("score", path, "--json", cache=published.cache).result
    assert result["ties"] > 300
    assert result["balanced_accuracy"] == pytest.approx(said["overall"], abs=1e-12)
    assert {dx.upper(): c["auc"] for dx, c in result["dx"].items()} == pytest.approx(said["per_category"]["auc"], abs=1e-12)


@pytest.mark.slow
def test_numbers_are_read_to_the_last_digit_as_its_pandas_reads_them(scorer: Path) -> None:
    chance = seeded(4)
    forms = ("{!r}", "{:.17g}", "{:.20f}", "{:.17e}", "{:.6f}", "{:.16f}")
    cells = [chance.choice(forms).format(chance.random() * 10.0 ** -chance.choice((0, 0, 0, 3, 9, 20, 300, 310))) for _ in range(20_000)]
    cells += ["0.30000000000000004", "1.00000000000000011102230246251565404", "1e-400", "000000000000000000000.5", "+.5", "5.", "1", "-0.0"]
    program = "import sys, pandas; print(*(v.hex() for v in pandas.read_csv(sys.stdin, header=None, dtype='float64')[0]))"
    said = subprocess.run([scorer / "bin" / "python", "-c", program], input="\n".join(cells), capture_output=True, text=True, check=True)
    assert [digits.read(cell).hex() for cell in cells] == said.stdout.split()


def test_where_few_are_right_or_wrong_it_is_said_that_the_interval_is_too_narrow(
    published: Published, tmp_path: Path, ham_here: Here
) -> None:
    path = published.predict(tmp_path / "p.csv", lambda row: one_hot("nv" if row["dx"] == "df" else row["dx"]))
    ran = ham_here("score", path, "--json", cache=published.cache)
    assert ran.result["dx"]["df"]["recall_interval"] == [0, 0]
    assert ran.result["intervals_too_narrow"] == list(CLASSES)
    (note,) = [note for note in ran.result["notes"] if "too narrow" in note]
    assert note == f"too narrow an interval, as fewer than 5 images of the class are right, or wrong: {', '.join(CLASSES)}"


@pytest.mark.slow
def test_of_hard_labels_the_challenge_s_own_scorer_has_the_same_recall_and_precision(
    scorer: Path, published: Published, tmp_path: Path, ham_here: Here
) -> None:
    # Its sensitivity and positive predictive value count what is over 0.5, which of hard labels is the highest one.
    chance = seeded(9)
    path = published.predict(tmp_path / "p.csv", lambda row: one_hot(chance.choice((row["dx"], *CLASSES))))
    said = official.scored(scorer, published.truth, path)["per_category"]
    found = ham_here("score", path, "--json", cache=published.cache).result["dx"]
    for ours, theirs in (("recall", "sensitivity"), ("precision", "ppv")):
        assert {dx.upper(): c[ours] for dx, c in found.items()} == pytest.approx(said[theirs], abs=1e-12)


@pytest.mark.slow
def test_what_the_challenge_s_own_scorer_would_refuse_is_said(scorer: Path, published: Published, tmp_path: Path, ham_here: Here) -> None:
    rows = list(csv.reader(published.truth.read_text().splitlines()))
    forms = {
        "plain": text(rows[1:], rows[0]),
        "jpg": text([[row[0] + ".jpg", *row[1:]] for row in rows[1:]], rows[0]),
        "bom": "\ufeff" + text(rows[1:], rows[0]),
        "semicolons": text(rows[1:], rows[0], delimiter=";"),
        "index": text([["", *rows[0]], *([n, *row] for n, row in enumerate(rows[1:]))], ())[1:],
        "names": text(rows[1:], ["image_id", *rows[0][1:]]),
        "whole": text([[row[0], *(cell[0] for cell in row[1:])] for row in rows[1:]], rows[0]),
        "folders": text([["test/" + row[0], *row[1:]] for row in rows[1:]], rows[0]),
        "spaced names": text(rows[1:], [f" {name}" for name in rows[0]]),
        "spaced ids": text([[f"{row[0]} ", *row[1:]] for row in rows[1:]], rows[0]),
        "spaced numbers": text([[row[0], *(f" {cell}" for cell in row[1:])] for row in rows[1:]], rows[0]),
        "a blank row": text([*rows[1:], [""] * 8], rows[0]),
        "an empty line": text(rows[1:], rows[0]) + "\n",
    }
    for name, data in forms.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(data)
        refused = official.refuses(scorer, published.truth, path)
        ran = ham_here("score", path, cache=published.cache)
        assert ran.out.startswith("balanced accuracy 1.0000 "), ran.err
        assert ("taken as it is" in ran.err) == refused, name


def test_the_drawn_record_is_scored_too(tmp_path: Path, ham_here: Here) -> None:
    assert ham_here("demo", tmp_path / "demo", "--images", 100, "--draw-only").code == 0
    source = tmp_path / "demo" / "published"
    fetched = ham_here("fetch", "test", "--sample", 1, "--source", source, "--record", source / "record.json", cache=tmp_path / "cache")
    assert fetched.code == 0, fetched.err
    with next(source.glob("*truth*.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    path = tmp_path / "p.csv"
    path.write_text(text([row["image_id"], *one_hot("nv")] for row in rows))
    result = ham_here("score", path, "--json", cache=tmp_path / "cache").result
    assert result["images"] == len(rows) - len(result["read"]["left_out"])
    assert result["balanced_accuracy"] == 1 / sum(1 for found in result["dx"].values() if found["images"])
