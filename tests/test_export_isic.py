"""The challenge's files: truth and lesions as published, a table to fill in, and the official scorer on both."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests import official, peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

HEADER = ["image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
PAPERS = {"LICENSE", "ATTRIBUTION.txt", "CITATION.bib", "ham-export.parquet"}
TRAINING_TRUTH = "ISIC2018_Task3_Training_GroundTruth.csv"
TEMPLATE = "submission_template.csv"
TABLES = {s.TEST_TRUTH, s.VALIDATION_TRUTH, TRAINING_TRUTH, s.GROUPINGS, TEMPLATE}
FOLDERS = {"train": "ISIC2018_Task3_Training_Input", "validation": "ISIC2018_Task3_Validation_Input", "test": "ISIC2018_Task3_Test_Input"}
FILL_IN = f"{TEMPLATE}: put your model's seven values in the place of its zeros; as it is every row is a tie, and scores 0"

DX = {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)


def one_hot(ids: Iterable[str]) -> str:
    """The challenge's truth of images, by hand."""
    rows = ([i, *("1.0" if name.lower() == DX[i] else "0.0" for name in HEADER[1:])] for i in ids)
    return "".join(",".join(row) + "\n" for row in (HEADER, *rows))


def zeros(ids: Iterable[str]) -> str:
    return "".join(",".join(row) + "\n" for row in (HEADER, *([i, *["0.0"] * 7] for i in ids)))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the export goes; not there yet."""
    return tmp_path / "out"


def exported(ham_here: Here, cache: Path, out: Path, *words: object) -> Ran:
    return ham_here("export", "isic", out, *words, "--json", cache=cache)


def test_the_whole_record_is_the_challenge_s_own_files(ham_here: Here, small_cache: Path, small: Small, out: Path) -> None:
    ran = exported(ham_here, small_cache, out)
    assert (ran.code, ran.result["images"], ran.result["missing"]) == (0, 28, [])
    assert ran.result["notes"] == [s.WHY_PLANTED, FILL_IN]
    tree = peek.tree(out)
    parts = {"train": small.images, "validation": small.validation, "test": small.test}
    images = {f"{FOLDERS[part]}/{name}": data for part, some in parts.items() for name, data in some.items()}
    assert set(tree) == {*images, *TABLES, *PAPERS}
    assert {name: tree[name] for name in images} == images
    # Published files, byte for byte; the small record alone has a test truth that is not in the order of image ids.
    assert tree[s.VALIDATION_TRUTH] == small.tables[s.VALIDATION_TRUTH]
    assert tree[s.GROUPINGS] == small.tables[s.GROUPINGS]
    assert tree[s.TEST_TRUTH].decode() == one_hot(sorted(row[1] for row in s.TRUTH))
    assert tree[TRAINING_TRUTH].decode() == one_hot(sorted(row[1] for row in s.TRAIN))
    ids = sorted(row[1] for row in s.TRUTH)
    assert s.PLANTED in ids
    assert tree[TEMPLATE].decode() == zeros(ids)
    assert b"column a class" in tree["ATTRIBUTION.txt"]
    assert exported(ham_here, small_cache, out).result["written"] is False


def test_a_split_of_one_s_own_has_the_same_shapes(ham_here: Here, small_cache: Path, out: Path, tmp_path: Path) -> None:
    # Without a nv in test: its column is there all the same, so nothing is refused.
    parts = {"train": sorted(row[1] for row in s.TRAIN)[:12], "validation": ["ISIC_0000016"], "test": ["ISIC_0000014", "ISIC_0000020"]}
    split = tmp_path / "mine.csv"
    split.write_text("".join(["image_id,split\n", *(f"{i},{part}\n" for part, some in parts.items() for i in some)]))
    ran = exported(ham_here, small_cache, out, "--split", split)
    assert (ran.code, ran.result["images"], ran.result["notes"]) == (0, 15, [FILL_IN])
    tree = {name: data for name, data in peek.tree(out).items() if name not in PAPERS}
    assert set(tree) == TABLES | {f"{FOLDERS[part]}/{i}.jpg" for part, some in parts.items() for i in some}
    assert tree[TRAINING_TRUTH].decode() == one_hot(parts["train"])
    assert tree[s.VALIDATION_TRUTH].decode() == one_hot(parts["validation"])
    assert tree[s.TEST_TRUTH].decode() == one_hot(parts["test"])
    assert tree[TEMPLATE].decode() == zeros(parts["test"])
    lesions = {row[1]: (row[0], s.CONFIRMED[row[3]]) for row in s.TRAIN}
    rows = [["image", "lesion_id", "diagnosis_confirm_type"], *([i, *lesions[i]] for i in parts["train"])]
    assert tree[s.GROUPINGS].decode() == "".join(",".join(row) + "\r\n" for row in rows)


def test_lesions_are_written_only_where_all_have_one(ham_here: Here, small_cache: Path, out: Path, tmp_path: Path) -> None:
    split = tmp_path / "mine.csv"
    split.write_text("image_id,split\nISIC_0000001,train\nISIC_0000201,train\n")
    ran = exported(ham_here, small_cache, out, "--split", split)
    assert (ran.code, ran.result["notes"]) == (0, [])
    assert [name for name in sorted(peek.tree(out)) if name.endswith(".csv")] == [TRAINING_TRUTH]


def test_a_split_that_ends_in_the_published_test_says_what_the_challenge_had_more(
    ham_here: Here, small_cache: Path, out: Path, tmp_path: Path
) -> None:
    held = sorted(row[1] for row in s.TRUTH if row[1] != s.PLANTED)
    split = tmp_path / "mine.csv"
    split.write_text("".join(["image_id,split\n", "ISIC_0000001,train\n", *(f"{i},test\n" for i in held)]))
    ran = exported(ham_here, small_cache, out, "--split", split)
    assert ran.result["notes"][1:] == [
        f"the challenge's own test truth also has {s.PLANTED}, which no split has: export with --partition test to have it"
    ]
    assert (out / TEMPLATE).read_text() == zeros(held)


def test_one_partition_is_its_files_alone(ham_here: Here, small_cache: Path, out: Path) -> None:
    assert exported(ham_here, small_cache, out, "--partition", "test").code == 0
    assert {name.partition("/")[0] for name in peek.tree(out)} - PAPERS == {s.TEST_TRUTH, TEMPLATE, FOLDERS["test"]}


def test_folds_need_one_that_is_held_out(ham_here: Here, small_cache: Path, out: Path, tmp_path: Path) -> None:
    folds = tmp_path / "folds.parquet"
    assert ham_here("split", "-o", folds, "--folds", "2", cache=small_cache).code == 0
    ran = exported(ham_here, small_cache, out, "--split", folds)
    assert (ran.code, ran.json["error"]["what"]) == (2, "this split has folds, and an export of images has parts")
    assert not out.exists()
    ran = exported(ham_here, small_cache, out, "--split", folds, "--fold", "1")
    assert ran.code == 0
    rows = [line for name in (TRAINING_TRUTH, s.VALIDATION_TRUTH) for line in (out / name).read_text().splitlines()[1:]]
    assert sorted(line.partition(",")[0] for line in rows) == sorted(row[1] for row in s.TRAIN)


def test_the_truth_needs_no_image(ham_here: Here, fetch: Fetch, small: Small, tmp_path: Path, out: Path) -> None:
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})
    assert fetch("metadata", source=source).code == 0
    ran = exported(ham_here, tmp_path / "cache", out)
    assert (ran.code, ran.result["images"], len(ran.result["missing"])) == (4, 0, 20)
    assert {*peek.tree(out)} == {TRAINING_TRUTH, s.GROUPINGS, *PAPERS}
    assert b"images in this folder" not in (out / "ATTRIBUTION.txt").read_bytes()
    ran = exported(ham_here, tmp_path / "cache", out, "--allow-partial")
    assert (ran.code, ran.result["written"]) == (0, False)


def test_images_that_are_not_there_are_counted_and_their_truth_stays(
    ham_here: Here, fetch: Fetch, small: Small, tmp_path: Path, out: Path
) -> None:
    few = dict(list(small.images.items())[:5])
    source = s.lay(tmp_path / "source", few | {s.METADATA: small.tables[s.METADATA]})
    assert fetch("metadata", "images", "--allow-partial", source=source).code == 0
    ran = exported(ham_here, tmp_path / "cache", out, "--allow-partial")
    assert (ran.code, ran.result["images"], len(ran.result["missing"])) == (0, 5, 15)
    assert len((out / TRAINING_TRUTH).read_text().splitlines()) == 21
    assert len(list((out / FOLDERS["train"]).iterdir())) == 5


def test_images_can_be_made_smaller_with_the_same_bytes_whatever_the_jobs(
    ham_here: Here, small_cache: Path, out: Path, tmp_path: Path
) -> None:
    words = ("--size", "20", "--image-format", "png")
    assert exported(ham_here, small_cache, out, *words, "--jobs", "1").code == 0
    assert exported(ham_here, small_cache, tmp_path / "other", *words, "--jobs", "3").code == 0
    assert peek.tree(out) == peek.tree(tmp_path / "other")
    with Image.open(out / FOLDERS["test"] / "ISIC_0000101.png") as image:
        assert (image.size, image.mode) == ((20, 20), "RGB")
    assert (out / s.VALIDATION_TRUTH).read_text() == one_hot(i for i, _ in s.VALIDATION)


def test_the_order_of_classes_is_the_challenge_s_and_no_option(ham_here: Here, small_cache: Path, out: Path) -> None:
    for option in (("--class-order", "alphabetical"), ("--grouping", "malignant"), ("--masks",)):
        assert ham_here("export", "isic", out, *option, cache=small_cache).code == 2


# The official scorer, and ours.


def test_ham_score_takes_the_truth_for_perfect_and_the_template_for_nothing(ham_here: Here, small_cache: Path, out: Path) -> None:
    assert exported(ham_here, small_cache, out, "--partition", "test").code == 0
    for name, balanced, ties in ((s.TEST_TRUTH, 1, 0), (TEMPLATE, 0, 4)):
        result = ham_here("score", out / name, "--json", cache=small_cache).result
        assert (result["balanced_accuracy"], result["ties"], result["images"], result["read"]["rows"]) == (balanced, ties, 4, 5)
        # Nothing is said of values or images that the official scorer would not take.
        assert [note for note in result["notes"] if "wants" in note] == []


@pytest.fixture(scope="module")
def real(real_fetch: tuple[Ran, Path], tmp_path_factory: pytest.TempPathFactory, ham_here: Here) -> tuple[Ran, Path]:
    """The challenge's files of the real record, and how their export ended."""
    out = tmp_path_factory.mktemp("isic") / "out"
    return exported(ham_here, real_fetch[1], out, "--allow-partial"), out


def test_the_real_files_have_the_published_md5s(real: tuple[Ran, Path]) -> None:
    ran, out = real
    assert ran.code == 0
    assert {name: s.md5((out / name).read_bytes()) for name in (s.TEST_TRUTH, s.VALIDATION_TRUTH, s.GROUPINGS)} == {
        s.TEST_TRUTH: "11bfbb89d9278ee4fc14d3b7e9444886",
        s.VALIDATION_TRUTH: "806d5f330c4c5f39ca60a98275d756bb",
        s.GROUPINGS: "9517b6aa6902d6c27e234bac8279a64a",
    }
    rows = list(csv.reader(io.StringIO((out / TRAINING_TRUTH).read_text())))[1:]
    assert [sum(row[n] == "1.0" for row in rows) for n in range(1, 8)] == [1113, 6705, 514, 327, 1099, 115, 142]
    template = list(csv.reader(io.StringIO((out / TEMPLATE).read_text())))[1:]
    assert len(template) == 1512
    assert "ISIC_0035068" in {row[0] for row in template}


@pytest.mark.slow
def test_the_official_scorer_takes_the_truth_and_the_template(real: tuple[Ran, Path], tmp_path: Path) -> None:
    home, out = official.environment(), real[1]
    truth = out / s.TEST_TRUTH
    assert official.scored(home, truth, out / TEMPLATE)["overall"] == 0
    copy = Path(shutil.copy(truth, tmp_path / "predictions.csv"))
    said: dict[str, Any] = dict(official.scored(home, truth, copy))
    assert said["overall"] == 1
    assert set(said["per_category"]["sensitivity"].values()) == {1}
