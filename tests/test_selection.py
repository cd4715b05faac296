"""Which images are asked for: filters, samples, and the order that a seed gives."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import record as records
from ham_cli import selection
from ham_cli.errors import WrongUsageError
from ham_cli.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

    from ham_cli.tables import Row

RECORD = records.load()

REAL_SAMPLE = "6e48e151bb8c2bf10495558b23596a0d006e74eb83d80f2fdbb701f52250ff29"


def rows_strategy() -> st.SearchStrategy[list[Row]]:
    """Images of lesions: a lesion lies in one partition and has one diagnosis; validation images have no lesion ids."""
    lesion = st.tuples(st.sampled_from(["train", "test", "validation"]), st.sampled_from(["mel", "nv", "bcc"]), st.integers(1, 3))
    return st.lists(lesion, max_size=14).map(images_of)


def images_of(lesions: list[tuple[str, str, int]]) -> list[Row]:
    rows: list[Row] = []
    for number, (partition, dx, images) in enumerate(lesions):
        for _ in range(images):
            image_id = f"ISIC_{len(rows):07}"
            known = None if partition == "validation" else f"HAM_{number:07}"
            sex, site = ("female", "male", "unknown", None)[len(rows) % 4], ("back", "face")[number % 2]
            rows.append({"image_id": image_id, "lesion_id": known, "partition": partition, "dx": dx, "sex": sex, "localization": site})
    return rows


def groups(rows: list[Row]) -> dict[tuple[str, str], dict[str, set[str]]]:
    """Partition and diagnosis to lesions (or images without one) to their images."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        found[row["partition"], row["dx"]][row["lesion_id"] or row["image_id"]].add(row["image_id"])
    return found


ROWS = rows_strategy()
SIZES = st.integers(1, 6)
SEEDS = st.integers(0, 2**40)


@given(ROWS, SIZES, SEEDS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_does_not_matter(rows: list[Row], size: int, seed: int, rnd: Any) -> None:  # noqa: ANN401
    wish = Selection(sample=size, seed=seed)
    shuffled = rnd.sample(rows, len(rows))
    assert selection.choose(shuffled, wish) == selection.choose(rows, wish)


@given(ROWS, SIZES, SIZES, SEEDS)
@settings(deadline=None)
def test_a_larger_sample_holds_the_smaller(rows: list[Row], one: int, other: int, seed: int) -> None:
    small, large = sorted((one, other))
    assert selection.choose(rows, Selection(sample=small, seed=seed)) <= selection.choose(rows, Selection(sample=large, seed=seed))


@given(ROWS, SIZES, SEEDS)
@settings(deadline=None)
def test_a_sample_takes_so_many_lesions_a_class_and_partition_and_all_their_images(rows: list[Row], size: int, seed: int) -> None:
    chosen = selection.choose(rows, Selection(sample=size, seed=seed))
    for lesions in groups(rows).values():
        taken = [images for images in lesions.values() if images & chosen]
        assert len(taken) == min(size, len(lesions))
        assert all(images <= chosen for images in taken)


@given(ROWS, SIZES, SEEDS)
@settings(deadline=None)
def test_the_lesions_taken_are_those_of_the_lowest_rank(rows: list[Row], size: int, seed: int) -> None:
    def place(lesion: str) -> str:
        return hashlib.sha256(f"ham-sample-1,{seed},{lesion}".encode()).hexdigest()

    expected: set[str] = set()
    for lesions in groups(rows).values():
        expected.update(*(lesions[lesion] for lesion in sorted(lesions, key=place)[:size]))
    assert selection.choose(rows, Selection(sample=size, seed=seed)) == expected


@given(ROWS, st.sampled_from(["mel", "nv", "bcc"]), st.sampled_from(["back", "face"]))
@settings(deadline=None)
def test_filters_must_all_agree(rows: list[Row], dx: str, site: str) -> None:
    wish = Selection(only=(("dx", (dx,)), ("localization", (site,))))
    assert selection.choose(rows, wish) == {r["image_id"] for r in rows if r["dx"] == dx and r["localization"] == site}


@given(ROWS, SIZES)
@settings(deadline=None)
def test_a_filtered_sample_is_drawn_from_what_passes(rows: list[Row], size: int) -> None:
    only = (("sex", ("female", "male")),)
    passing = [r for r in rows if r["sex"] in {"female", "male"}]
    assert selection.choose(rows, Selection(only, size, 4)) == selection.choose(passing, Selection((), size, 4))


@given(ROWS)
@settings(deadline=None)
def test_the_empty_wish_is_for_everything(rows: list[Row]) -> None:
    assert not Selection()
    assert selection.choose(rows, Selection()) == {r["image_id"] for r in rows}


def test_another_seed_is_another_sample() -> None:
    rows = images_of([("train", "nv", 1)] * 100)
    samples = {frozenset(selection.choose(rows, Selection(sample=10, seed=seed))) for seed in range(10)}
    assert len(samples) == 10


@given(st.integers(), st.text())
@settings(deadline=None)
def test_the_rank_is_the_sha256_of_the_documented_line(seed: int, name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    assert selection.rank(seed, name) == hashlib.sha256(f"ham-sample-1,{seed},{name}".encode()).hexdigest()


def test_the_rank_of_one_lesion_is_pinned() -> None:
    # printf %s ham-sample-1,0,HAM_0000118 | sha256sum
    assert selection.rank(0, "HAM_0000118") == "fc4d912716d62f5dd9676df93379ed5fcfaab14a5dbcb13b83fb622aff0bd647"


# What is typed.


@pytest.mark.parametrize(
    ("typed", "only"),
    [
        (["dx=mel"], {"dx": ("mel",)}),
        (["dx=nv,mel,bcc"], {"dx": ("bcc", "mel", "nv")}),
        (["dx= nv , mel ,"], {"dx": ("mel", "nv")}),
        (["dx=mel,mel"], {"dx": ("mel",)}),
        (["sex=female", "dx=mel"], {"dx": ("mel",), "sex": ("female",)}),
        (["dx=mel,nv", "dx=nv,bcc"], {"dx": ("nv",)}),
        (["localization=lower extremity"], {"localization": ("lower extremity",)}),
        (["dataset=rosendahl", "dx_type=histo"], {"dataset": ("rosendahl",), "dx_type": ("histo",)}),
        (["partition=test,train"], {"partition": ("test", "train")}),
        ([], {}),
    ],
)
def test_words_are_read_sorted_and_columns_agree(typed: list[str], only: dict[str, tuple[str, ...]]) -> None:
    assert selection.parse(typed, None, 0, RECORD) == Selection(only=tuple(only.items()))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("dx", "no word"),
        ("dx=", "no word"),
        ("dx=,", "no word"),
        ("dx=melanoma", "melanoma"),
        ("dx=mel,MEL", "MEL"),
        ("dx=mel=nv", "mel=nv"),
        ("age=80", "age=80"),
        ("=mel", "=mel"),
        ("", "COLUMN=WORD"),
        ("image_id=ISIC_0024306", "image_id"),
        ("DX=mel", "DX=mel"),
        ("partition=training", "training"),
    ],
)
def test_what_the_record_does_not_know_is_refused_with_what_it_knows(typed: str, words: str) -> None:
    with pytest.raises(WrongUsageError) as refusal:
        selection.parse([typed], None, 0, RECORD)
    assert refusal.value.exit_code == 2
    assert words in f"{refusal.value.got} {refusal.value.expected}"
    assert "," in str(refusal.value.expected)


def test_contradicting_filters_are_refused() -> None:
    with pytest.raises(WrongUsageError, match="contradict") as refusal:
        selection.parse(["dx=mel", "dx=nv"], None, 0, RECORD)
    assert refusal.value.got == "dx"


@pytest.mark.parametrize("sample", [0, -1])
def test_a_sample_of_nothing_is_refused(sample: int) -> None:
    with pytest.raises(WrongUsageError, match="at least one"):
        selection.parse([], sample, 0, RECORD)


@given(
    st.dictionaries(st.sampled_from(["dx", "sex"]), st.sampled_from([["mel"], ["nv", "bcc"], ["unknown"], ["female"]]), max_size=2),
    st.one_of(st.none(), SIZES),
    SEEDS,
)
@settings(deadline=None)
def test_a_wish_is_the_same_after_it_was_written_down(only: dict[str, list[str]], sample: int | None, seed: int) -> None:
    typed = [f"{column}={','.join(words)}" for column, words in only.items() if set(words) <= set(RECORD.vocabulary[column])]
    wish = selection.parse(typed, sample, seed, RECORD)
    assert selection.restored(wish.fields()) == wish


def test_a_wish_for_everything_is_one_whatever_the_seed() -> None:
    assert selection.parse([], None, 5, RECORD) == Selection()


# The real table.


def real_rows(folder: Path) -> list[Row]:
    with (folder / "HAM10000_metadata").open(newline="") as file:
        return [{**row, "partition": "train"} for row in csv.DictReader(file)]


def test_a_sample_of_the_real_table_is_pinned(real_data: Path) -> None:
    chosen = selection.choose(real_rows(real_data), selection.parse([], 5, 0, RECORD))
    digest = hashlib.sha256("".join(f"{image}\n" for image in sorted(chosen)).encode()).hexdigest()
    assert (len(chosen), digest) == (53, REAL_SAMPLE)


def test_a_sample_of_the_real_table_is_what_a_few_lines_give(real_data: Path) -> None:
    rows = real_rows(real_data)
    for seed, size in ((0, 5), (1, 20), (7, 200)):
        classes: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            classes[row["dx"]].add(row["lesion_id"])
        lesions: set[str] = set()
        for names in classes.values():
            lesions.update(sorted(names, key=lambda name: hashlib.sha256(f"ham-sample-1,{seed},{name}".encode()).digest())[:size])
        expected = {row["image_id"] for row in rows if row["lesion_id"] in lesions}
        assert selection.choose(rows, selection.parse([], size, seed, RECORD)) == expected


def test_a_sample_larger_than_every_class_is_everything(real_data: Path) -> None:
    rows = real_rows(real_data)
    assert len(selection.choose(rows, selection.parse([], 7470, 0, RECORD))) == 10015
    assert len(selection.choose(rows, selection.parse(["dx=mel,bcc"], None, 0, RECORD))) == 1113 + 514
