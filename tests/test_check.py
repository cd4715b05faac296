"""Foreign splits held against the record: by hand, by plain loops over the published table, and by DuckDB."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ham_cli import open_dataset
from ham_cli.splits.checking.foreign import Entry
from ham_cli.splits.checking.held import held_against
from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ham_cli.dataset import Dataset
    from tests.conftest import Command, Fetch, Here, Ran
    from tests.small import Small

PAIR = ("ISIC_0000012", "ISIC_0000008")
"""The known duplicates of the small record: a melanoma and a nevus."""

LESIONS = {row[1]: row[0] for row in s.TRAIN}
CLASSES = {row[1]: row[2] for row in s.TRAIN}

TRAIN = ("13", "07", "20", "11", "15", "03", "16", "12", "06", "14", "10")
VALIDATION = ("04", "17", "09")
TEST = ("02", "05", "08", "01")
GIVEN = {f"ISIC_00000{n}": side for side, some in (("train", TRAIN), ("val", VALIDATION), ("test", TEST)) for n in some}
"""Each class's second image is in validation or test, but for the two that are left out: 18 and 19."""

GOLDEN = """\
side        images  lesions  unknown  most off     without
train           11       11        0  nv -7.6      -
validation       3        3        0  akiec -16.7  akiec, bcc, df, mel
test             4        4        0  bkl -16.7    bkl, df, vasc

images by class
dx     train      %  validation      %  test      %
akiec      2   18.2           0    0.0     1   25.0
bcc        1    9.1           0    0.0     1   25.0
bkl        2   18.2           1   33.3     0    0.0
df         1    9.1           0    0.0     0    0.0
mel        2   18.2           0    0.0     1   25.0
nv         1    9.1           1   33.3     1   25.0
vasc       2   18.2           1   33.3     0    0.0
(all)     11  100.0           3  100.0     4  100.0

on both sides (pairs: joined by known duplicate pairs only)
evaluated   against     images  bytes  lesions  pairs  leaking      %
test        train            0      1        2      1        3   75.0
validation  train            0      0        3      0        3  100.0
test        validation       0      0        0      0        0    0.0

leaking images by class
dx     test/train      %  validation/train      %  test/validation    %
akiec           1  100.0                 0      -                0  0.0
bcc             0    0.0                 0      -                0  0.0
bkl             0      -                 1  100.0                0    -
mel             1  100.0                 0      -                0  0.0
nv              1  100.0                 1  100.0                0  0.0
vasc            0      -                 1  100.0                0    -
(all)           3   75.0                 3  100.0                0  0.0

images                       count  such as
on several sides                 0  -
same bytes on several sides      1  ISIC_0000005 = ISIC_0000016
more than once on a side         0  -
unknown                          0  -
training images on no side       2  ISIC_0000018, ISIC_0000019

3 of 4 test images (75.0 %) show a lesion that is also in train: \
results on them do not tell how a model does on lesions that it has not seen.
"""


def split_file(where: Path, given: Mapping[str, object], header: str = "image_id,split") -> Path:
    where.write_text("\n".join([header, *(f"{image_id},{side}" for image_id, side in given.items()), ""]))
    return where


@pytest.fixture
def given_split(tmp_path: Path) -> Path:
    return split_file(tmp_path / "given.csv", GIVEN)


@pytest.fixture(scope="module")
def base(small_cache: Path) -> Dataset:
    return open_dataset(small_cache)


def leaks_of(result: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(leak["side"], leak["against"]): leak["images"] for leak in result["leaks"]}


# What a person sees.


def test_the_whole_of_it_is_what_was_counted_by_hand(given_split: Path, small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("check", given_split, cache=small_cache)
    assert (ran.code, ran.out) == (3, GOLDEN)
    assert ran.err.splitlines() == [
        "given.csv: 18 images, named by image_id; sides by split",
        "validation has few lesions of bkl (1), nv (1), vasc (1)",
        "test has few lesions of akiec (1), bcc (1), mel (1), nv (1)",
        "few: below 30; +- is half of a 95 % interval of a recall of 0.75 measured on them, in percentage points",
    ]


def test_quiet_leaves_the_result(given_split: Path, small_cache: Path, ham_here: Here) -> None:
    assert ham_here("check", given_split, "-q", cache=small_cache) == ham_here("check", given_split, cache=small_cache).__class__(
        3, GOLDEN, ""
    )


def test_a_split_of_ours_has_no_leak_and_the_sentence_says_what_cannot_be_known(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "-o", tmp_path / "s0.csv", cache=small_cache).code == 0
    ran = ham_here("check", tmp_path / "s0.csv", cache=small_cache)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == (
        "No lesion of this record lies on two sides, by lesion ids and the 1 known duplicate pair."
        " Patients are not identified in this record, so patient overlap cannot be excluded."
    )
    assert "leaking images by class" not in ran.out


def test_a_split_is_found_by_its_name_in_the_cache(cache: Path, ham_here: Here) -> None:
    assert ham_here("split", "--name", "mine", cache=cache).code == 0
    ran = ham_here("check", "mine", "--json", cache=cache)
    assert (ran.code, ran.result["leaking"], len(ran.result["missing"])) == (0, False, 0)


def test_a_narrow_ascii_terminal_cuts_no_cell(given_split: Path, small_cache: Path, ham: Command) -> None:
    odd = {"PYTHONIOENCODING": "ascii", "COLUMNS": "40", "FORCE_COLOR": "1", "NO_COLOR": "1"}
    ran = ham("check", given_split, cache=small_cache, env=odd)
    assert (ran.returncode, (ran.stdout + ran.stderr).isascii(), "Traceback" in ran.stderr) == (3, True, False)
    assert {"validation", "ISIC_0000018,", "ISIC_0000019", "test/validation"} <= set(ran.stdout.split())


def test_at_eighty_columns_the_tables_of_three_parts_are_tables(given_split: Path, small_cache: Path, ham: Command) -> None:
    ran = ham("check", given_split, cache=small_cache, env={"COLUMNS": "80", "FORCE_COLOR": "1", "NO_COLOR": "1"})
    lines = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout).splitlines()
    assert [line for line in lines[:-1] if len(line) > 80] == []
    assert "images on both" not in ran.stdout


# Held against plain loops.


def by_the_book(sides: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], tuple[int, int, int, set[str]]]:
    """Of every two sides, a before b: images on both, lesions on both, further groups on both; and by both orders the leaking images."""
    lesions_of = LESIONS | {row[1]: row[0] for row in s.TRUTH if row[1] != s.PLANTED}
    groups = peek.closure(dict(lesions_of), [PAIR])
    found = {}
    for a, b in itertools.permutations(sides, 2):
        mine, others = set(sides[a]), set(sides[b])
        leaking = {i for i in mine for j in others if i == j or groups.get(i, i) == groups.get(j, j)}
        lesions = {lesions_of[i] for i in mine if i in lesions_of} & {lesions_of[j] for j in others if j in lesions_of}
        shared = {groups[i] for i in mine if i in groups} & {groups[j] for j in others if j in groups}
        further = {group for group in shared if not any(groups[i] == group for i, name in lesions_of.items() if name in lesions)}
        found[a, b] = (len(mine & others), len(lesions), len(further), leaking)
    return found


IMAGES = st.sampled_from([*sorted(LESIONS), "ISIC_0000103", "ISIC_0000104", "ISIC_0000201", "ISIC_0000999", "mole.jpg"])
SIDES = st.sampled_from(["train", "validation", "test", "fold 0", "fold 1", "clinic"])


@given(st.lists(st.tuples(IMAGES, SIDES), min_size=1, max_size=40))
@settings(deadline=None)
@example([(PAIR[0], "train"), (PAIR[1], "test")])
@example([(s.TWINS[0], "train"), (s.TWINS[1], "test"), (s.TWINS[0], "test")])
def test_what_crosses_and_leaks_is_what_plain_loops_find(base: Dataset, named: list[tuple[str, str]]) -> None:
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for image_id, side in named:
        sides[side].add(image_id)
    entries = [Entry(name, name if name.startswith("ISIC") else None, side, "given.csv", 1) for name, side in named]
    report = held_against(base, entries, sides, {})
    expected = by_the_book(sides)
    classes = CLASSES | {row[1]: row[2] for row in s.TRUTH} | dict(s.VALIDATION)
    assert {pair.sides: (pair.images, pair.lesions, pair.duplicates) for pair in report.pairs} == {
        pair.sides: expected[pair.sides][:3] for pair in report.pairs
    }
    assert {tuple(sorted(pair.sides)) for pair in report.pairs} == {tuple(sorted(pair)) for pair in expected}
    for leak in report.leaks:
        leaking = expected[leak.side, str(leak.against)][3]
        assert (leak.images, leak.of) == (len(leaking), len(sides[leak.side]))
        counted = Counter(classes.get(i, "(unknown)") for i in leaking)
        assert {dx: n for dx, (n, _) in leak.dx.items() if n} == dict(counted)
    directed = [(leak.side, str(leak.against)) for leak in report.leaks]
    for leak in report.rest:
        assert leak.images == len(set().union(*(expected[one, other][3] for one, other in directed if one == leak.side)))
    assert report.leaking == any(leaking for *_, leaking in expected.values())
    assert {(row["side"], row["image_id"]) for row in report.rows} == {
        (leak.side, i) for leak in report.leaks for i in expected[leak.side, str(leak.against)][3]
    }


@given(st.lists(st.tuples(IMAGES, SIDES), min_size=1, max_size=30), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_shuffled_rows_change_nothing(base: Dataset, named: list[tuple[str, str]], rnd: random.Random) -> None:
    entries = [Entry(name, name, side, "given.csv", 1) for name, side in named]
    shuffled = rnd.sample(entries, len(entries))
    sides = dict.fromkeys(side for _, side in named)
    assert held_against(base, entries, sides, {}).fields() == held_against(base, shuffled, sides, {}).fields()


def test_the_side_that_evaluates_is_test_before_validation_before_others_before_train_and_else_both(base: Dataset) -> None:
    entries = [Entry("ISIC_0000001", "ISIC_0000001", side, "", 1) for side in ("train", "validation", "test", "fold 0", "fold 1", "clinic")]
    found = held_against(base, entries, {entry.side for entry in entries}, {})
    assert {(leak.side, leak.against) for leak in found.leaks} == {
        *(("test", other) for other in ("train", "validation", "fold 0", "fold 1", "clinic")),
        *(("validation", other) for other in ("train", "fold 0", "fold 1", "clinic")),
        *((side, "train") for side in ("fold 0", "fold 1", "clinic")),
        *itertools.permutations(("fold 0", "fold 1", "clinic"), 2),
    }


# Single findings.


def test_a_known_duplicate_pair_alone_is_a_leak(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("check", split_file(tmp_path / "a.csv", {PAIR[0]: "train", PAIR[1]: "test"}), "--json", cache=small_cache)
    (pair,) = ran.result["pairs"]
    assert (ran.code, pair) == (3, {"sides": ["train", "test"], "images": 0, "lesions": 0, "duplicates": 1, "identical": 0})


def test_an_image_on_both_sides_is_a_leak_also_where_it_is_none_of_the_record(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("image,set\nIMD003.bmp,train\nIMD003.bmp,test\nIMD004.bmp,train\nIMD005.bmp,test\n")
    ran = ham_here("check", file, "--json", cache=small_cache)
    assert (ran.code, ran.result["several_sides"], leaks_of(ran.result)) == (3, {"IMD003.bmp": ["train", "test"]}, {("test", "train"): 1})
    assert ran.result["unknown"] == ["IMD003.bmp", "IMD004.bmp", "IMD005.bmp"]


def test_only_unknown_images_are_no_leak_and_nothing_is_claimed(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("check", split_file(tmp_path / "a.csv", {"IMD003.bmp": "train", "IMD004.bmp": "test"}), cache=small_cache)
    assert (ran.code, ran.err.count("is it the right cache, and the right column?")) == (0, 1)
    assert ran.out.splitlines()[-1] == (
        "None of these images is of this record: nothing is known of their lesions, and no image is on two sides."
    )


def test_unknown_missing_and_repeated_images_are_said_and_do_not_decide(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("image_id,split\nISIC_0000001,train\nISIC_0000001,train\nISIC_0000007,test\nISIC_0000999,train\n")
    ran = ham_here("check", file, "--json", cache=small_cache)
    assert (ran.code, ran.result["unknown"], ran.result["repeated"]) == (0, ["ISIC_0000999"], {"train": {"ISIC_0000001": 2}})
    assert ran.result["missing"] == sorted(set(LESIONS) - {"ISIC_0000001", "ISIC_0000007"})
    assert "of the 1 image of other origin nothing is known" in ran.result["conclusion"]


def test_test_images_in_train_are_counted_and_lesions_of_theirs_are_not_judged(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    given = {"ISIC_0000101": "train", "ISIC_0000201": "train", s.PLANTED: "train", "ISIC_0000001": "test"}
    ran = ham_here("check", split_file(tmp_path / "a.csv", given), "--json", cache=small_cache)
    assert ran.result["sides"][0]["held"] == {"train": 0, "validation": 1, "test": 1}
    assert ran.result["held"] == {
        "train": {"images": 1, "of": 20},
        "validation": {"images": 1, "of": 4},
        "test": {"images": 1, "of": 4},
    }
    assert (ran.code, ran.result["planted"]) == (0, [s.PLANTED])
    assert s.WHY_PLANTED in ran.result["notes"]
    assert "train holds 1 of the record's test images: a model that learns from them is not tested by them" in ran.result["notes"]
    assert "test images have lesion ids of their own" in ran.result["conclusion"]
    assert "of other origin" not in ran.result["conclusion"]


def test_classes_that_are_absent_or_thin_are_named_with_what_they_are_worth(given_split: Path, small_cache: Path, ham_here: Here) -> None:
    sides = {side["side"]: side for side in ham_here("check", given_split, "--json", cache=small_cache).result["sides"]}
    assert sides["validation"]["absent"] == ["akiec", "bcc", "df", "mel"]
    # One lesion: 1.96 times the root of three sixteenths.
    assert sides["test"]["thin"]["mel"] == {"images": 1, "lesions": 1, "half_width": 0.8487}
    assert (sides["train"]["thin"], sides["train"]["evaluates"]) == ({}, False)
    # None of three against 3 of 18, the first of several classes that are as far off.
    assert sides["validation"]["deviation"] == {"dx": "akiec", "percentage_points": pytest.approx(-100 / 6, abs=0.001)}


def test_one_side_alone_says_what_it_holds(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    ids = [*sorted(LESIONS)[:15], "ISIC_0000101", "ISIC_0000102", "ISIC_0000999"]
    file.write_text("image,MEL,NV\n" + "".join(f"{image_id}_downsampled,0.0,1.0\n" for image_id in ids))
    ran = ham_here("check", file, cache=small_cache)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == (
        "There is one side only, so nothing is compared;"
        " it holds 15 of 20 training, 0 of 4 validation and 2 of 4 test images of this record."
    )
    assert "warning: nothing says which image is on which side" in ran.err
    assert "18 names with _downsampled, as ISIC 2019 has them: taken as the images that they are made from" in ran.err


def test_without_a_test_table_the_test_images_are_said_to_be_unknown_here(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    assert fetch("metadata", source=s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})).code == 0
    ran = ham_here("check", split_file(tmp_path / "a.csv", {"ISIC_0000101": "train"}), "--json", cache=tmp_path / "cache")
    assert ran.result["held"]["test"] == {"images": 0, "of": None}
    assert "this cache has no table of the test images, which may be among the unknown: ham fetch test" in ran.result["notes"]


def test_ten_folds_stay_readable_and_json_has_every_pair(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = split_file(tmp_path / "folds.csv", {image_id: n % 10 for n, image_id in enumerate(sorted(LESIONS))}, "image_id,fold")
    ran = ham_here("check", file, cache=small_cache)
    result = ham_here("check", file, "--json", cache=small_cache).result
    assert (ran.code, len(result["pairs"]), len(result["leaks"]), len(result["against_all_others"])) == (3, 45, 90, 10)
    assert len(ran.out.splitlines()) < 70
    assert "the worst of 90" in ran.out
    leaking = sum(leak["images"] for leak in result["against_all_others"])
    assert ran.out.splitlines()[-1].startswith(f"In 10 folds, {leaking} of 20 images (")


def test_augmented_copies_are_the_images_that_they_name(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = split_file(tmp_path / "a.csv", {"aug/ISIC_0000001_0_517.jpeg": "train", "aug/ISIC_0000001_rot90.png": "test"})
    ran = ham_here("check", file, "--json", cache=small_cache)
    assert (ran.code, ran.result["several_sides"]) == (3, {"ISIC_0000001": ["train", "test"]})
    assert any("2 names with more than an id" in note for note in ran.result["notes"])


# Folders of images.


@pytest.fixture
def tree(small: Small, tmp_path: Path) -> Path:
    """A folder a part, in it a folder a class, as `GIVEN` says."""
    folders = {"train": "train", "val": "val", "test": "test"}
    return s.lay(tmp_path / "tree", {f"{folders[side]}/{CLASSES[i]}/{i}.jpg": small.images[f"{i}.jpg"] for i, side in GIVEN.items()})


def test_a_folder_of_images_says_what_its_table_says(tree: Path, given_split: Path, small_cache: Path, ham_here: Here) -> None:
    by_tree, by_table = (ham_here("check", what, cache=small_cache) for what in (tree, given_split))
    assert (by_tree.code, by_tree.out) == (by_table.code, by_table.out)
    assert by_tree.err.splitlines()[0] == "tree: 18 images, named by file names; sides by folders"


def test_an_export_of_ours_is_understood(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "--ratios", "50/50", "--name", "half", cache=cache).code == 0
    for link in ("copy", "sym", "hard"):
        assert ham_here("export", "imagefolder", tmp_path / link, "--split", "half", "--link", link, cache=cache).code == 0
        ran = ham_here("check", tmp_path / link, "--json", cache=cache)
        assert (ran.code, len(ran.result["missing"]), [side["side"] for side in ran.result["sides"]]) == (0, 0, ["train", "test"])


def test_a_renamed_copy_is_known_by_its_bytes(tree: Path, small: Small, small_cache: Path, ham_here: Here) -> None:
    s.lay(tree / "test" / "bcc", {"mole 7.JPG": small.images["ISIC_0000020.jpg"]})
    ran = ham_here("check", tree, "--json", cache=small_cache)
    assert ran.result["several_sides"] == {"ISIC_0000020": ["train", "test"]}
    assert "1 file of other names are images of this record byte for byte: test/bcc/mole 7.JPG is ISIC_0000020" in ran.result["notes"]


def test_unknown_images_of_the_same_bytes_leak_and_of_the_same_name_do_not(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    files = {"train/a.png": b"one", "test/b.png": b"one", "train/1.png": b"two", "test/1.png": b"TWO", "test/2.png": b"three"}
    ran = ham_here("check", s.lay(tmp_path / "tree", files), "-o", tmp_path / "leaks.csv", "--json", cache=small_cache)
    assert (ran.code, ran.result["several_sides"], ran.result["identical"]) == (3, {}, [["test/b.png", "train/a.png"]])
    assert leaks_of(ran.result) == {("test", "train"): 1}
    (row,) = csv.DictReader((tmp_path / "leaks.csv").read_text().splitlines())
    assert (row["image_id"], row["why"], row["other_image"], row["dx"]) == ("test/b.png", "same bytes", "train/a.png", "")


def test_a_file_that_cannot_be_read_is_said_and_the_rest_is_checked(tree: Path, small_cache: Path, ham: Command, open_path: Path) -> None:
    where = open_path / "tree"
    shutil.copytree(tree, where)
    for path in (where / "test").rglob("*.jpg"):
        path.chmod(0)
    shutil.copytree(small_cache, open_path / "cache")
    ran = ham("check", where, "--json", cache=open_path / "cache", user="nobody" if os.geteuid() == 0 else None)
    assert ran.returncode == 3, ran.stderr
    assert json.loads(ran.stdout)["result"]["sides"][2]["images"] == len(TEST)


# The leaking rows as a file.


def test_the_leaking_rows_say_where_and_why(given_split: Path, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    names = ("image_id", "side", "other_sides", "why", "other_image", "dx", "lesion_id", "group", "label", "place")
    expected = [
        (
            "ISIC_0000002",
            "test",
            "train",
            "same lesion",
            "ISIC_0000013",
            "akiec",
            "HAM_0000001",
            "HAM_0000001",
            "ISIC_0000002",
            "given.csv:16",
        ),
        (
            "ISIC_0000005",
            "test",
            "train",
            "same bytes",
            "ISIC_0000016",
            "mel",
            "HAM_0000009",
            "HAM_0000009",
            "ISIC_0000005",
            "given.csv:17",
        ),
        ("ISIC_0000008", "test", "train", "known duplicate", PAIR[0], "nv", "HAM_0000012", "HAM_0000010", PAIR[1], "given.csv:18"),
        (
            "ISIC_0000004",
            "validation",
            "train",
            "same lesion",
            "ISIC_0000011",
            "bkl",
            "HAM_0000005",
            "HAM_0000005",
            "ISIC_0000004",
            "given.csv:13",
        ),
        (
            "ISIC_0000009",
            "validation",
            "train",
            "same lesion",
            "ISIC_0000014",
            "vasc",
            "HAM_0000013",
            "HAM_0000013",
            "ISIC_0000009",
            "given.csv:15",
        ),
        (
            "ISIC_0000017",
            "validation",
            "train",
            "same lesion",
            "ISIC_0000006",
            "nv",
            "HAM_0000011",
            "HAM_0000011",
            "ISIC_0000017",
            "given.csv:14",
        ),
    ]
    for name in ("leaks.csv", "leaks.parquet"):
        ran = ham_here("check", given_split, "-o", tmp_path / name, cache=small_cache)
        assert (ran.code, f"written: {tmp_path / name}, 6 rows" in ran.err.splitlines()) == (3, True)
    assert list(csv.reader((tmp_path / "leaks.csv").read_text().splitlines())) == [list(names), *map(list, expected)]
    assert set(pl.read_parquet(tmp_path / "leaks.parquet").select(names).rows()) == set(expected)


def test_where_nothing_leaks_the_file_has_no_rows_and_is_written_over_again(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    clean = split_file(tmp_path / "a.csv", {"ISIC_0000001": "train", "ISIC_0000007": "test"})
    for name in ("leaks.csv", "leaks.parquet"):
        for _ in range(2):
            assert ham_here("check", clean, "-o", tmp_path / name, cache=small_cache).code == 0
    assert len((tmp_path / "leaks.csv").read_text().splitlines()) == 1
    assert len(pl.read_parquet(tmp_path / "leaks.parquet")) == 0


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_the_file_that_is_checked_is_never_written_over(
    force: Sequence[str], given_split: Path, small_cache: Path, ham_here: Here, tmp_path: Path
) -> None:
    before = given_split.read_bytes()
    (tmp_path / "link.csv").symlink_to(given_split)
    for target in (given_split, tmp_path / "link.csv"):
        assert ham_here("check", given_split, "-o", target, *force, cache=small_cache).code == 2
    assert given_split.read_bytes() == before


def test_another_file_is_written_over_with_force_alone(given_split: Path, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    other = tmp_path / "thesis.csv"
    other.write_text("mine\n")
    ran = ham_here("check", given_split, "-o", other, "--json", cache=small_cache)
    assert (ran.code, "--force" in ran.json["error"]["next"], other.read_text()) == (2, True, "mine\n")
    assert ham_here("check", given_split, "-o", other, "--force", cache=small_cache).code == 3
    assert other.read_text().startswith("image_id,side,")


# The cache.


def test_an_empty_cache_is_exit_4_and_says_what_to_fetch(given_split: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("check", given_split, "--json", cache=tmp_path / "none")
    assert (ran.code, "ham fetch metadata" in ran.json["error"]["next"]) == (4, True)


def test_without_lesion_ids_nothing_is_judged(real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", peek.challenge_truth(real_data / "HAM10000_metadata"))
    assert ham_here("fetch", "metadata", "--source", source, cache=tmp_path / "cache").code == 0
    ran = ham_here("check", real_data / "dermamnist.csv", "--json", cache=tmp_path / "cache")
    assert (ran.code, "lesion ids" in ran.json["error"]["what"]) == (4, True)


def test_a_check_writes_nothing_to_the_cache(given_split: Path, small_cache: Path, open_path: Path, ham: Command) -> None:
    copied = Path(shutil.copy(given_split, open_path / "given.csv"))
    with peek.unwritable(small_cache, open_path) as (cache, user):
        before = peek.snapshot(cache)
        ran = ham("check", copied, cache=cache, user=user)
        assert (ran.returncode, ran.stdout, peek.snapshot(cache)) == (3, GOLDEN, before), ran.stderr


# The real table.

_SHARED = """
WITH truth AS (SELECT image_id, lesion_id, dx FROM read_csv('{data}/HAM10000_metadata', header = true, all_varchar = true)),
named AS (SELECT * FROM read_csv('{file}', header = true, all_varchar = true, names = ['image_id', 'side'])),
given AS (SELECT truth.*, side FROM truth JOIN named USING (image_id)),
pairs AS (SELECT a.lesion_id AS one, b.lesion_id AS two FROM read_csv('{data}/duplicate_pairs.csv', header = true) p
          JOIN truth a ON a.image_id = image_id_a JOIN truth b ON b.image_id = image_id_b),
same AS (SELECT lesion_id AS one, lesion_id AS two FROM truth UNION SELECT one, two FROM pairs UNION SELECT two, one FROM pairs),
same2 AS (SELECT DISTINCT a.one, b.two FROM same a JOIN same b ON a.two = b.one),
beside AS (SELECT g.image_id, g.dx, bool_or(s.one = s.two) AS by_id
           FROM given g JOIN same2 s ON g.lesion_id = s.one JOIN given o ON o.lesion_id = s.two
           WHERE g.side = '{side}' AND {other} GROUP BY ALL)
"""
"""Images of a side whose lesion, or one that known pairs make the same in one or two steps, is on another one."""


def by_duckdb(data: Path, file: Path, side: str, other: str) -> tuple[int, int, dict[str, int]]:
    """Leaking images by lesion id, in all, and by class."""
    shared = _SHARED.format(data=data, file=file, side=side, other=other)
    found = peek.query(f"{shared} SELECT dx, count(*) FILTER (by_id), count(*) FROM beside GROUP BY 1")  # noqa: S608  (our own file names)
    return sum(row[1] for row in found), sum(row[2] for row in found), {row[0]: row[2] for row in found}


def lesions_by_duckdb(data: Path, file: Path, a: str, b: str) -> int:
    shared = _SHARED.format(data=data, file=file, side=a, other="true")
    both = "SELECT lesion_id FROM given WHERE side = ? INTERSECT SELECT lesion_id FROM given WHERE side = ?"
    return len(peek.query(f"{shared} {both}", a, b))


PARTS = {"train": "train", "validation": "val", "test": "test"}


def compared(data: Path, file: Path, result: dict[str, Any], words: Mapping[str, str] = PARTS) -> dict[tuple[str, str], tuple[int, int]]:
    """Every leak of a result, held against DuckDB; by side and other side images by lesion id and in all."""
    found = {}
    for leak in result["leaks"]:
        side, against = leak["side"], leak["against"]
        by_id, images, dx = by_duckdb(data, file, words[side], f"o.side = '{words[against]}'")
        assert (leak["images"], {name: c["images"] for name, c in leak["dx"].items() if c["images"]}) == (images, dx)
        found[side, against] = (by_id, images)
    for pair in result["pairs"]:
        assert pair["lesions"] == lesions_by_duckdb(data, file, *(words[side] for side in pair["sides"]))
    return found


def test_dermamnist_leaks_as_duckdb_counts(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here) -> None:
    ran = ham_here("check", real_data / "dermamnist.csv", "--json", cache=real_fetch[1])
    found = compared(real_data, real_data / "dermamnist.csv", ran.result)
    assert (ran.code, found) == (
        3,
        {("test", "train"): (693, 698), ("validation", "train"): (348, 350), ("test", "validation"): (120, 120)},
    )
    assert "698 of 2005 test images (34.8 %) show a lesion that is also in train" in ran.result["conclusion"]


def test_what_few_lesions_are_worth_is_said(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here) -> None:
    # 1.96 * sqrt(0.75 * 0.25 / 22) is 0.181.
    assert (
        "test has few lesions of df (22, +-18), vasc (26, +-17)\n"
        in ham_here("check", real_data / "dermamnist.csv", cache=real_fetch[1]).err
    )


def test_of_the_corrected_dermamnist_nothing_crosses(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here) -> None:
    ran = ham_here("check", real_data / "dermamnist_c.csv", "--json", cache=real_fetch[1])
    assert set(compared(real_data, real_data / "dermamnist_c.csv", ran.result).values()) == {(0, 0)}
    assert (ran.code, [pair["duplicates"] for pair in ran.result["pairs"]], ran.result["missing"]) == (0, [0, 0, 0], [])


def test_of_a_random_split_by_image_more_than_a_third_of_test_leaks_and_of_melanoma_two_thirds(
    real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    with (real_data / "HAM10000_metadata").open(newline="") as file:
        ids = sorted(row["image_id"] for row in csv.DictReader(file))
    random.Random(3).shuffle(ids)  # noqa: S311  (the same images every time, and no secret)
    split = split_file(tmp_path / "random.csv", {i: "train" if n < 8012 else "test" for n, i in enumerate(ids)})
    result = ham_here("check", split, "--json", cache=real_fetch[1]).result
    compared(real_data, split, result, {"train": "train", "test": "test"})
    (leak,) = result["leaks"]
    assert leak["share"] > 1 / 3
    assert leak["dx"]["mel"]["share"] == pytest.approx(2 / 3, abs=0.07)


def test_five_random_folds_leak_as_duckdb_counts(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path) -> None:
    with (real_data / "HAM10000_metadata").open(newline="") as file:
        folds = {row["image_id"]: str(n % 5) for n, row in enumerate(csv.DictReader(file))}
    split = split_file(tmp_path / "folds.csv", folds, "image_id,fold")
    result = ham_here("check", split, "--json", cache=real_fetch[1]).result
    for leak in result["against_all_others"]:
        number = leak["side"].removeprefix("fold ")
        assert leak["images"] == by_duckdb(real_data, split, number, f"o.side <> '{number}'")[1]
    assert len(result["leaks"]) == 20
    assert sorted(result["identical"]) == [["ISIC_0024366", "ISIC_0029861"], ["ISIC_0024777", "ISIC_0029938"]]


def test_our_own_split_of_the_real_table_has_no_leak(real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "-o", tmp_path / "s0.parquet", cache=real_fetch[1]).code == 0
    ran = ham_here("check", tmp_path / "s0.parquet", "--json", cache=real_fetch[1])
    assert (ran.code, {leak["images"] for leak in ran.result["leaks"]}, ran.result["missing"]) == (0, {0}, [])
    assert ran.result["conclusion"].startswith(
        "No lesion of this record lies on two sides, by lesion ids and the 18 known duplicate pairs."
    )


def test_the_published_tables_together_hold_all_of_the_record(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here) -> None:
    names = ("HAM10000_metadata", "ISIC2018_Task3_Validation_GroundTruth.csv", "ISIC2018_Task3_Test_GroundTruth.csv")
    ran = ham_here("check", *(real_data / name for name in names), "--json", cache=real_fetch[1])
    assert [side["side"] for side in ran.result["sides"]] == ["validation", "test", "HAM10000_metadata"]
    assert {name: held["images"] for name, held in ran.result["held"].items()} == {"train": 10015, "validation": 193, "test": 1511}
    assert (ran.code, ran.result["planted"]) == (0, ["ISIC_0035068"])
