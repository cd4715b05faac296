"""``ham split``: what is typed wrongly is exit code 2, one clear message, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command, Here


@pytest.mark.parametrize(
    "ratios",
    [
        *(
            "",
            "70",
            "70/15/10/5",
            "70/30/0",
            "0/100",
            "-70/30",
            "a/b",
            "70:15:15",
            "70/15/",
            "/70/30",
            "70 /30",
            "7e1/30",
            "inf/1",
            "nan/1/1",
        ),
        *("1/1234567", "0.0000001/1", "\u0667/\u0663", "70/15/15\n", "70/-15/45", "70,15,15", "seventy/fifteen/fifteen"),
    ],
)
def test_ratios_that_cannot_be_read_are_wrong_usage(ratios: str, cache: Path, ham_here: Here) -> None:
    ran = ham_here("split", "--ratios", ratios, "--json", cache=cache)
    assert (ran.code, ran.json["error"]["got"], "70/15/15" in ran.json["error"]["expected"]) == (2, ratios, True)
    assert peek.names(cache / s.ID / "splits") == []


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "", "0x10", "1e3"])
def test_a_seed_that_is_no_number_is_wrong_usage(seed: str, cache: Path, ham_here: Here) -> None:
    ran = ham_here("split", "--seed", seed, "--json", cache=cache)
    assert (ran.code, "--seed" in ran.json["error"]["what"], peek.names(cache / s.ID / "splits")) == (2, True, [])


@pytest.mark.parametrize(
    "name", ["a/b", "../out", "/x", ".hidden", "-dash", "a b", "s0.csv", "s0.parquet", "ä", "a\nb", "a\\b", "..", ".", "x" * 101, ""]
)
def test_what_is_no_name_for_a_split_is_wrong_usage_and_nothing_is_written(name: str, cache: Path, ham_here: Here) -> None:
    before = peek.snapshot(cache.parent)
    ran = ham_here("split", f"--name={name}", "--json", cache=cache)
    assert (ran.code, ran.json["error"] and ran.json["error"].get("got")) == (2, name)
    assert peek.snapshot(cache.parent) == before


WRONG = (
    (("--ratios", "9999/1"), "--ratios has a part of less than a thousandth", "9999/1"),
    (("--ratios", "999/0.9/0.1"), "--ratios has a part of less than a thousandth", "999/0.9/0.1"),
    (("--folds", 0), "--folds cannot be made", "0"),
    (("--folds", 1), "--folds cannot be made", "1"),
    (("--folds", -5), "--folds cannot be made", "-5"),
    (("--folds", 101), "--folds cannot be made", "101"),
    (("--folds", 3), "--folds is more than there are lesions of a class", "3"),
    (("--names", "train,test"), "--names cannot be read", "train,test"),
    (("--names", "a,b,c"), "--names cannot be read", "a,b,c"),
    (("--names", "train,train,test"), "--names cannot be read", "train,train,test"),
    (("--names", "train;validation;test"), "--names cannot be read", "train;validation;test"),
    (("--names", ""), "--names cannot be read", ""),
    (("--test", "official", "--names", "train,test"), "--names has test, and the test has its images already", "train,test"),
    (("--test", "Official"), "--test cannot be read", "Official"),
    (("--test", "isic2018"), "--test cannot be read", "isic2018"),
    (("--test", ""), "--test cannot be read", ""),
    (("--test", "official", "--ratios", "70/15/15"), "--ratios cannot be read", "70/15/15"),
    (("--test", "official", "--partition", "test"), "--test official is for the training images", "--partition test"),
    (("--hold-out", "rosendahl"), "--hold-out knows no such column", "rosendahl"),
    (("--hold-out", "split=test"), "--hold-out knows no such column", "split=test"),
    (("--hold-out", "dataset=vienna"), "--hold-out dataset knows no such word", "vienna"),
    (("--hold-out", "dataset="), "--hold-out dataset knows no such word", "no word"),
    (("--hold-out", ""), "--hold-out knows no such column", ""),
    (("--hold-out", "partition=test"), "--hold-out is for a column of the training table", "partition=test"),
    (("--hold-out", "dataset=external"), "--hold-out leaves nothing to learn from, or nothing to test on", "no image"),
    (("--stratify", "dx,site"), "--stratify cannot be read", "dx,site"),
    (("--stratify", "dx,dx"), "--stratify cannot be read", "dx,dx"),
    (("--stratify", "group"), "--stratify cannot be read", "group"),
    (("--stratify", ""), "--stratify cannot be read", ""),
    (("--only", "dx"), "--only dx knows no such word", "no word"),
    (("--only", "dx=scc"), "--only dx knows no such word", "scc"),
    (("--only", "diagnosis=nv"), "--only knows no such column", "diagnosis=nv"),
    (("--only", "dx=mel", "--only", "dx=nv"), "the --only options contradict each other", "dx"),
    (
        ("--only", "dx=mel", "--hold-out", "dx=mel"),
        "--hold-out leaves nothing to learn from, or nothing to test on",
        "every image, or every lesion",
    ),
    (("--only", "localization=acral"), "there are no images to split", None),
    (("--partition", "all"), "there is no such partition", "all"),
    (("--preset", "isic2019"), "there is no such preset", "isic2019"),
    (("--preset", ""), "there is no such preset", ""),
    (("--keep", "nothing"), "there is no split of this name", "nothing"),
    (("--keep", "nothing.csv"), "there is no such split file", None),
)


@pytest.mark.parametrize(("words", "what", "got"), WRONG, ids=[" ".join(map(str, words)) for words, _, _ in WRONG])
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    words: tuple[object, ...], what: str, got: str | None, cache: Path, ham_here: Here
) -> None:
    before = peek.snapshot(cache)
    ran = ham_here("split", *words, "--json", cache=cache)
    error = ran.json["error"] or {}
    assert (ran.code, error.get("what"), error.get("got")) == (2, what, got)
    assert peek.snapshot(cache) == before


CONTRADICTIONS = (
    (("--ratios", "80/20", "--folds", 5), "--ratios and --folds"),
    (("--test", "official", "--hold-out", "dx=nv"), "--test and --hold-out"),
    (("--names", "train,test", "--folds", 2), "--names and --folds"),
    (("--ratios", "80/20", "--folds", 0), "--ratios and --folds"),
)


@pytest.mark.parametrize(("words", "which"), CONTRADICTIONS, ids=[which for _, which in CONTRADICTIONS])
def test_two_options_that_decide_the_same_contradict_each_other(
    words: tuple[object, ...], which: str, small_cache: Path, ham_here: Here
) -> None:
    ran = ham_here("split", *words, "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["what"]) == (2, f"{which} contradict each other")


OPTIONS = (
    ("--ratios", "80/20"),
    ("--folds", "5"),
    ("--names", "train,test"),
    ("--test", "official"),
    ("--hold-out", "dx=nv"),
    ("--stratify", "dx"),
    ("--partition", "train"),
    ("--only", "dx=nv"),
    ("--one-per-lesion",),
    ("--no-known-duplicates",),
    ("--keep", "x"),
)


@pytest.mark.parametrize("words", OPTIONS, ids=[words[0] for words in OPTIONS])
def test_a_preset_has_no_options(words: tuple[str, ...], cache: Path, ham_here: Here, tmp_path: Path) -> None:
    if words == ("--keep", "x"):
        assert ham_here("split", "--name", "x", cache=cache).code == 0
    ran = ham_here("split", "--preset", "isic2018", *words, "-o", tmp_path / "s.csv", "--json", cache=cache)
    error = ran.json["error"]
    assert (ran.code, error["what"], error["got"]) == (2, "a preset is a published split, and has no options", words[0])
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(
    "words", [("--folds", "x"), ("--folds", "2.5"), ("--seed", "x"), ("--seed", "-1"), ("--ratio", "80/20"), ("extra",)]
)
def test_in_a_process_of_its_own_there_is_no_traceback(words: tuple[str, ...], small_cache: Path, ham: Command) -> None:
    ran = ham("split", *words, cache=small_cache)
    assert (ran.returncode, ran.stdout, ran.stderr.count("error: "), "Traceback" in ran.stderr) == (2, "", 1, False)
    assert words[0].partition("=")[0] in ran.stderr


def test_lesions_that_nobody_names_are_not_counted(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("split", "--preset", "isic2018", "-o", tmp_path / "s.csv", "--json", cache=cache)
    assert {one["part"]: one["lesions"] for one in ran.result["parts"]} == {"train": 14, "validation": None, "test": 3}
    ran = ham_here("split", "--partition", "validation", "-o", tmp_path / "v.csv", "--json", cache=cache)
    assert (ran.code, ran.json["error"]["next"].endswith("(--partition train)")) == (4, True)
