"""``ham split`` with wishes: kept assignments, other tests, published splits, and which images are shared out."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from ham_cli import open_dataset, splits
from tests import peek, sharing
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from tests.conftest import Here, Ran

    Made = tuple[dict[str, str], dict[str, Any]]
    Make = Callable[..., Made]

PLANTED = "ISIC_0035068"

SIZES = {
    "isic2018": {"train": 10015, "validation": 193, "test": 1511},
    "dermamnist": {"train": 7007, "validation": 1003, "test": 2005},
    "dermamnist-c": {"train": 8215, "validation": 573, "test": 1227},
}
CLASSES = {
    "dermamnist": {
        "train": {"akiec": 228, "bcc": 359, "bkl": 769, "df": 80, "mel": 779, "nv": 4693, "vasc": 99},
        "validation": {"akiec": 33, "bcc": 52, "bkl": 110, "df": 12, "mel": 111, "nv": 671, "vasc": 14},
        "test": {"akiec": 66, "bcc": 103, "bkl": 220, "df": 23, "mel": 223, "nv": 1341, "vasc": 29},
    },
    "dermamnist-c": {
        "train": {"akiec": 273, "bcc": 448, "bkl": 944, "df": 102, "mel": 1021, "nv": 5309, "vasc": 118},
        "validation": {"akiec": 19, "bcc": 22, "bkl": 50, "df": 5, "mel": 22, "nv": 448, "vasc": 7},
        "test": {"akiec": 35, "bcc": 44, "bkl": 105, "df": 8, "mel": 70, "nv": 948, "vasc": 17},
    },
}
"""Images of a published split by part and class: the files' own counts."""


@pytest.fixture(scope="module")
def rows(real_data: Path) -> sharing.Rows:
    """The published rows."""
    return sharing.real(real_data)


@pytest.fixture(scope="module")
def whole(real_fetch: tuple[Ran, Path]) -> Dataset:
    """The real data set."""
    return open_dataset(real_fetch[1])


@pytest.fixture
def make(real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path) -> Make:
    """Splits the real table: image id to part, and what ``--json`` says."""

    def made(*words: object) -> Made:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        ran = ham_here("split", *words, "-o", file, "--json", cache=real_fetch[1])
        assert ran.code == 0, ran.err
        return peek.parts(file), ran.json

    return made


def written(path: Path, parts: Mapping[str, str]) -> Path:
    """A split file that somebody else wrote: two columns, no order."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("image_id", "split"), *list(parts.items())[::-1]])
    return path


def ids(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    return {row["image_id"] for row in rows}


# Kept assignments.


def test_what_a_csv_assigns_stays_and_what_is_new_brings_the_balance_back(rows: sharing.Rows, make: Make, tmp_path: Path) -> None:
    groups = sorted({row["group"] for row in rows})
    old = set(groups[::2])
    earlier, _ = make("--seed", 4)
    kept = {row["image_id"]: earlier[row["image_id"]] for row in rows if row["group"] in old}
    parts, told = make("--keep", written(tmp_path / "mine.csv", kept))
    assert kept.items() <= parts.items()
    assert ids(rows) == parts.keys()
    assert sharing.torn(rows, parts) == []
    assert sharing.worst(rows, parts, sharing.THREE, ("dx",)) <= 1
    assert max(sharing.worst(rows, parts, sharing.THREE, columns) for columns in sharing.CROSSED) <= 4
    assert max(sharing.variation(rows, parts, sharing.THREE, column) for column in sharing.SINGLE) <= 0.004
    assert told["result"]["options"]["keep"] == peek.split_digest(kept)


@pytest.mark.slow
def test_one_keeps_a_file_of_some_classes_and_is_told_how_much_stays(
    rows: sharing.Rows, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    few = [row for row in rows if row["dx"] != "nv"]
    assert ham_here("split", "--only", "dx=akiec,bcc,bkl,df,mel,vasc", "-o", tmp_path / "few.csv", cache=real_fetch[1]).code == 0
    ran = ham_here("split", "--keep", tmp_path / "few.csv", "-o", tmp_path / "all.csv", cache=real_fetch[1])
    told = f"images that keep their part: {len(few)}; newly placed: {len(rows) - len(few)}"
    assert (ran.code, told in ran.err.splitlines()) == (0, True)
    before, after = peek.parts(tmp_path / "few.csv"), peek.parts(tmp_path / "all.csv")
    assert before.items() <= after.items()
    again = ham_here("split", "--keep", tmp_path / "all.csv", "--seed", 9, "-o", tmp_path / "again.csv", "--json", cache=real_fetch[1])
    assert again.result["digest"] == peek.split_digest(after)


def test_a_split_that_cannot_be_kept_is_one_clear_error(
    rows: sharing.Rows, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    lesion = next(name for name, images in Counter(row["lesion_id"] for row in rows).items() if images == 2)
    one, other = sorted(row["image_id"] for row in rows if row["lesion_id"] == lesion)
    wrong = {
        "a lesion on two sides": ({one: "train", other: "test"}, 2, lesion),
        "another part": ({one: "validation"}, 2, "validation"),
        "a stranger": ({one: "train", "ISIC_9999999": "test"}, 4, "ISIC_9999999"),
    }
    for name, (parts, code, got) in wrong.items():
        file = written(tmp_path / f"{name}.csv", parts)
        ran = ham_here("split", "--ratios", "80/20", "--keep", file, "-o", tmp_path / "out.csv", "--json", cache=real_fetch[1])
        assert (ran.code, got in ran.json["error"]["got"], (tmp_path / "out.csv").exists()) == (code, True, False), name


def test_what_is_kept_is_never_held_out(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    # Kept were all images in train and validation, so that none is left to be held out.
    assert ham_here("split", "--ratios", "1/1", "--names", "train,validation", "-o", tmp_path / "mine.csv", cache=small_cache).code == 0
    parts = peek.parts(tmp_path / "mine.csv")
    words = ("--keep", tmp_path / "mine.csv", "--hold-out", "dx=df")
    ran = ham_here("split", *words, "-o", tmp_path / "out.csv", "--json", cache=small_cache)
    # To refuse is as good as to obey: what is assigned stays, or nothing is made.
    moved = {} if ran.code == 2 else {i: part for i, part in peek.parts(tmp_path / "out.csv").items() if parts.get(i, part) != part}
    assert moved == {}


# Other tests.


def test_the_official_test_is_the_test_and_the_training_images_the_rest(rows: sharing.Rows, real_data: Path, make: Make) -> None:
    parts, told = make("--test", "official")
    tested = sharing.official(real_data)
    assert ids(tested) == {image_id for image_id, part in parts.items() if part == "test"}
    assert ids(rows) == {image_id for image_id, part in parts.items() if part != "test"}
    assert (len(rows), len(tested), PLANTED in parts) == (10015, 1511, False)
    assert sharing.torn(rows, parts) == []
    assert sharing.worst(rows, parts, sharing.TWO, ("dx",)) <= 1
    assert {c["part"]: c["images"] for c in told["result"]["parts"]} == Counter(parts.values())
    assert told["result"]["input_digest"] == sharing.input_digest([*rows, *({"group": row["lesion_id"], **row} for row in tested)])


@pytest.mark.slow
def test_folds_beside_the_official_test(rows: sharing.Rows, real_data: Path, whole: Dataset) -> None:
    parts = splits.make(whole, splits.Recipe(splits.folds_of(4), folds=True, official=True)).parts
    folds = {str(fold): 1 for fold in range(4)}
    assert {image_id for image_id, part in parts.items() if part == "test"} == ids(sharing.official(real_data))
    assert {image_id for image_id, part in parts.items() if part in folds} == ids(rows)
    assert sharing.worst(rows, parts, folds, ("dx",)) <= 1


def test_a_site_held_out_is_the_test_and_no_lesion_of_it_is_elsewhere(rows: sharing.Rows, make: Make) -> None:
    parts, told = make("--hold-out", "dataset=rosendahl")
    tested = {image_id for image_id, part in parts.items() if part == "test"}
    assert tested == ids(row for row in rows if row["dataset"] == "rosendahl")
    inside = {row["group"] for row in rows if row["dataset"] == "rosendahl"}
    assert ids(row for row in rows if row["group"] not in inside) == parts.keys() - tested
    left_out = len(rows) - len(parts)
    assert any(sentence.startswith(f"{left_out} image") for sentence in told["result"]["notes"]) == (left_out > 0)
    learnt = {image_id: part for image_id, part in parts.items() if part != "test"}
    assert sharing.worst(rows, learnt, sharing.TWO, ("dx",)) <= 1


def test_classes_that_a_part_does_without_are_named(make: Make) -> None:
    parts, told = make("--hold-out", "dx=df", "--only", "dx=df,mel,vasc")
    assert told["warnings"] == ["train has no image of df", "validation has no image of df", "test has no image of mel, vasc"]
    assert Counter(parts.values())["test"] == sharing.CLASSES["df"]
    assert len(parts) == sum(sharing.CLASSES[dx] for dx in ("df", "mel", "vasc"))


# Published splits.


@pytest.mark.parametrize("name", ["dermamnist", "dermamnist-c"])
def test_a_preset_is_the_published_list_image_by_image(name: str, rows: sharing.Rows, real_data: Path, make: Make) -> None:
    parts, told = make("--preset", name)
    with (real_data / f"{name.replace('-', '_')}.csv").open(newline="") as file:
        words = {"val": "validation"}
        assert parts == {row["image_id"]: words.get(row["split"], row["split"]) for row in csv.DictReader(file)}
    assert Counter(parts.values()) == SIZES[name]
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counted[parts[row["image_id"]]][row["dx"]] += 1
    assert counted == CLASSES[name]
    assert {(c["part"], c["dx"]): c["images"] for c in told["result"]["dx"]} == {
        (part, dx): images for part, some in CLASSES[name].items() for dx, images in some.items()
    }
    assert any("10.1038/s41597-022-01721-8" in sentence for sentence in told["result"]["notes"])


def test_of_dermamnist_is_said_that_it_leaks_and_of_its_correction_it_is_not_so(rows: sharing.Rows, real_data: Path, make: Make) -> None:
    parts, told = make("--preset", "dermamnist")
    assert len(told["warnings"]) == 1
    assert "lesions lie on both sides" in told["warnings"][0]
    assert len(sharing.torn(rows, parts, "lesion_id")) > 1000
    parts, told = make("--preset", "dermamnist-c")
    assert told["warnings"] == []
    assert sharing.torn(rows, parts, "lesion_id") == []
    assert [pair for pair in sharing.duplicates(real_data) if parts[pair[0]] != parts[pair[1]]] == []
    assert any("10.1038/s41597-025-04382-5" in sentence for sentence in told["result"]["notes"])


def test_the_challenges_own_partition_leaves_the_planted_image_out(rows: sharing.Rows, real_data: Path, make: Make) -> None:
    parts, told = make("--preset", "isic2018")
    with (real_data / "ISIC2018_Task3_Validation_GroundTruth.csv").open(newline="") as file:
        validation = dict.fromkeys((row["image"] for row in csv.DictReader(file)), "validation")
    expected = dict.fromkeys(ids(rows), "train") | validation | dict.fromkeys(ids(sharing.official(real_data)), "test")
    assert parts == expected
    assert Counter(parts.values()) == SIZES["isic2018"]
    assert (PLANTED in parts, told["warnings"], told["result"]["seed"], told["result"]["algorithm"]) == (False, [], None, "published")


# Which images, and what is balanced.


@pytest.mark.slow
def test_one_image_of_each_lesion_is_the_seeds_choice(rows: sharing.Rows, whole: Dataset) -> None:
    first, second = (splits.make(whole, splits.Recipe(splits.shares_of(None), seed, one_per_lesion=True)).parts for seed in (0, 1))
    for parts in (first, second):
        taken = [row for row in rows if row["image_id"] in parts]
        assert len(taken) == len(parts) == len({row["lesion_id"] for row in taken}) == len({row["lesion_id"] for row in rows}) == 7470
        assert sharing.torn(rows, parts) == []
        assert sharing.worst(taken, parts, sharing.THREE, ("dx",)) <= 1
    several = {row["lesion_id"] for row in rows if row["image_id"] not in first}
    same = sum(1 for row in rows if row["lesion_id"] in several and row["image_id"] in first.keys() & second.keys())
    # Of two images each is as likely: of the lesions with several, less than half keep theirs.
    assert 0.35 < same / len(several) < 0.55


def test_only_what_is_asked_for_is_in_the_split(rows: sharing.Rows, whole: Dataset) -> None:
    only = (("dx", ("mel", "nv")), ("sex", ("female",)))
    parts = splits.make(whole, splits.Recipe(splits.shares_of("80/20"), only=only)).parts
    wanted = [row for row in rows if row["dx"] in {"mel", "nv"} and row["sex"] == "female"]
    assert parts.keys() == ids(wanted)
    assert sharing.worst(wanted, parts, {"train": 80, "test": 20}, ("dx",)) <= 1


@pytest.mark.slow
def test_another_partition_is_shared_out_alone(real_data: Path, whole: Dataset) -> None:
    parts = splits.make(whole, splits.Recipe(splits.shares_of("1/1"), partition="test")).parts
    tested = sharing.official(real_data)
    assert (parts.keys() == ids(tested), PLANTED in parts) == (True, False)
    assert sharing.torn(tested, parts, "lesion_id") == []
    assert sharing.worst(tested, parts, {"train": 1, "test": 1}, ("dx",)) <= 1


def test_parts_are_named_as_one_likes(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    names = {"90/10": "train, validation", "1/1": "test,validation", "3/3/4": "test,train,validation"}
    for ratios, words in names.items():
        file = tmp_path / f"{ratios.count('/')}{ratios[0]}.csv"
        ran = ham_here("split", "--ratios", ratios, "--names", words, "-o", file, "--json", cache=small_cache)
        shares = ran.result["options"]["ratios"]
        assert (ran.code, list(shares)) == (0, [name.strip() for name in words.split(",")])
        assert set(peek.parts(file).values()) <= shares.keys()


@pytest.mark.parametrize("columns", [("dx", "sex"), ("sex",), ("dataset", "dx_type", "dx")], ids=",".join)
def test_what_is_stratified_by_is_even_crossed(columns: tuple[str, ...], rows: sharing.Rows, whole: Dataset) -> None:
    parts = splits.make(whole, splits.Recipe(splits.shares_of(None), stratify=columns)).parts
    assert sharing.worst(rows, parts, sharing.THREE, columns) <= 1.5
    assert sharing.torn(rows, parts) == []


def test_without_known_duplicates_a_pair_may_part_and_a_lesion_never(rows: sharing.Rows, real_data: Path, whole: Dataset) -> None:
    parts = splits.make(whole, splits.Recipe(splits.shares_of("1/1"), known_duplicates=False)).parts
    assert sharing.torn(rows, parts, "lesion_id") == []
    assert any(parts[one] != parts[other] for one, other in sharing.duplicates(real_data))


def test_a_fold_and_a_part_of_it_can_be_counted(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "folds.csv"
    assert ham_here("split", "--folds", 2, "--test", "official", "-o", file, cache=cache).code == 0
    parts = peek.parts(file)
    for part, wanted in (("validation", "1"), ("train", "0"), ("test", "test")):
        ran = ham_here("stats", "--split", file, "--fold", 1, "--part", part, "--by", "dx", "--json", cache=cache)
        counted = Counter(row[2] for row in (*s.TRAIN, *s.TRUTH) if parts.get(row[1]) == wanted)
        (table,) = ran.result["tables"].values()
        assert {row["dx"]: row["images"] for row in table if row["dx"] in counted} == counted
    ran = ham_here("stats", "--split", file, "--fold", 2, "--part", "train", "--json", cache=cache)
    assert (ran.code, ran.json["error"]["expected"]) == (2, "0, 1")
