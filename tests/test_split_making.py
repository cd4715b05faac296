"""What a split promises of any table: whole groups, every class in every part, and the same split wherever it is made."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ham_cli
from ham_cli import open_dataset, record, splits
from ham_cli.demo.rows import COLUMNS, rows
from ham_cli.errors import WrongUsageError
from ham_cli.splits.balance import share_out
from ham_cli.splits.stock import MARGINS, stock
from tests import peek, sharing
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ham_cli.dataset import Dataset, Split
    from tests.conftest import Command, Fetch, Here
    from tests.small import Small

    Holding = Callable[[sharing.Rows], Dataset]

ROOT = Path(ham_cli.__file__).parents[1]

DEMO = {
    "0": "8ff1d6e4acfbcdecbe8e5aec35b0e27161cc1cf3fcd684ed2f3e7150a34e6791",
    "1": "38815fa8f093ad87fdaa83dd66ac2a22e26395e911586c88044d9ef43433ada0",
    "2": "6aa651c8a033d34389965a75dcba640f228ac86147dab6dca210a48e76f37e8a",
    "folds": "a245bfecccf76525181e0262e2108ac1715a71794c2d6745bdc009f788fb6699",
    "stratified": "da94ace8c5e37000d1feac6faddef1583864062ecad3ff52599312d38f7388ed",
}
"""Digests of splits of a drawn table of sixty images."""

# A few diagnoses with very many or very few lesions, now and then one of forty or three hundred images.
SIZES = st.sampled_from([1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 6, 40, 300])
LESIONS = st.lists(st.tuples(st.sampled_from(["nv", "nv", "nv", "mel", "bcc", "df"]), SIZES, st.integers(0, 4095)), min_size=1, max_size=40)
PAIRS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=5)
SEEDS = st.integers(0, 2**70)
RATIOS = ("70/15/15", "80/20", "1/1/1", "98/1/1", "0.5/0.5", "1/2/97")
MANY = settings(deadline=None, max_examples=60)


@st.composite
def recipes(draw: st.DrawFn, stratify: Collection[tuple[str, ...]] = ((), ("dx", "sex"), ("localization", "age_band"))) -> splits.Recipe:
    """A recipe of any kind: ratios or folds, of all images or with some held out, one a lesion, with or without known duplicates."""
    folds = draw(st.sampled_from([0, 0, 2, 5]))
    hold_out = draw(st.sampled_from([None, None, ("dataset", ("rosendahl",)), ("dx", ("df", "mel"))]))
    ratios = draw(st.sampled_from([words for words in RATIOS if hold_out is None or words.count("/") == 1]))
    return splits.Recipe(
        splits.folds_of(folds) if folds else splits.shares_of(ratios, has_test=hold_out is not None),
        draw(SEEDS),
        folds=bool(folds),
        hold_out=hold_out,
        stratify=draw(st.sampled_from(list(stratify))),
        one_per_lesion=draw(st.booleans()),
        known_duplicates=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def holding(small_cache: Path) -> Holding:
    """Makes a data set of rows."""
    base = open_dataset(small_cache)
    return lambda rows: sharing.holding(base, rows)


def held(row: dict[str, object], recipe: splits.Recipe) -> bool:
    """Whether a row is held out."""
    return recipe.hold_out is not None and row[recipe.hold_out[0]] in recipe.hold_out[1]


def whole_of(recipe: splits.Recipe) -> str:
    """The column of what stays whole."""
    return "group" if recipe.known_duplicates else "lesion_id"


def remaining(table: sharing.Rows, recipe: splits.Recipe) -> sharing.Rows:
    """The rows that are shared out: those that have nothing in common with what is held out."""
    away = {row[whole_of(recipe)] for row in table if held(row, recipe)}
    return [row for row in table if row[whole_of(recipe)] not in away]


def classes(table: sharing.Rows, column: str) -> dict[str, set[str]]:
    """Diagnosis to its groups."""
    return {dx: {row[column] for row in table if row["dx"] == dx} for dx in sorted({row["dx"] for row in table})}


def attempt(dataset: Dataset, recipe: splits.Recipe) -> tuple[Split | None, str]:
    """The split, or why there can be none."""
    try:
        return splits.make(dataset, recipe), ""
    except WrongUsageError as error:
        return None, error.what


# Groups stay whole.


@given(LESIONS, PAIRS, recipes())
@MANY
def test_no_group_is_on_two_sides_and_every_image_on_one_whatever_is_wished(
    holding: Holding, lesions: sharing.Lesions, pairs: list[tuple[int, int]], recipe: splits.Recipe
) -> None:
    table = sharing.drawn(lesions, pairs)
    # Of a lesion with images of several sites, the one that is taken decides whether it is held out.
    surely = not (recipe.one_per_lesion and recipe.hold_out)
    left = remaining(table, recipe)
    few = recipe.folds and min(map(len, classes(left, whole_of(recipe)).values()), default=0) < len(recipe.shares)
    refused = few or not left or (recipe.hold_out is not None and len(left) == len(table))
    made, why = attempt(holding(table), recipe)
    if made is None:
        assert why.startswith(("--folds is more than", "--hold-out leaves nothing"))
        assert refused or not surely or recipe.folds
        return
    assert not (surely and refused)
    assert list(made.parts) == sorted(made.parts)
    assert len(made.rows) == len(made.parts)
    taken = [row for row in table if row["image_id"] in made.parts]
    assert sharing.torn(table, made.parts, "lesion_id") == sharing.torn(table, made.parts, whole_of(recipe)) == []
    if recipe.hold_out:
        assert {row["image_id"] for row in taken if held(row, recipe)} == {i for i, part in made.parts.items() if part == "test"}
    if recipe.one_per_lesion:
        assert max(Counter(row["lesion_id"] for row in taken).values()) == 1
        assert recipe.hold_out or len(taken) == len(lesions)
    else:
        expected = {row["image_id"] for row in left} | {row["image_id"] for row in table if held(row, recipe)}
        assert made.parts.keys() == expected
    assert set(made.parts.values()) <= set(recipe.parts)


@given(LESIONS, recipes(stratify=[()]))
@MANY
def test_a_class_of_as_many_groups_as_parts_is_in_every_part(holding: Holding, lesions: sharing.Lesions, recipe: splits.Recipe) -> None:
    table = sharing.drawn(lesions)
    made, _ = attempt(holding(table), recipe)
    if made is None:
        return
    taken = [row for row in table if made.parts.get(row["image_id"]) in dict(recipe.shares)]
    for dx, groups in classes(taken, "group").items():
        found = {made.parts[row["image_id"]] for row in taken if row["dx"] == dx}
        assert len(found) == min(len(groups), len(recipe.shares))


@pytest.mark.parametrize("columns", [("dx", "sex"), ("sex", "dx"), ("dx", "dataset", "dx_type")], ids=",".join)
def test_a_class_is_in_every_part_also_where_each_of_its_crossings_has_too_few_groups(columns: tuple[str, ...], holding: Holding) -> None:
    table = sharing.drawn([*(("nv", 1, n) for n in range(60)), *(("df", 1, n * (1 + 3 + 9)) for n in range(3))])
    assert all(len({row[column] for row in table if row["dx"] == "df"}) == 3 for column in ("sex", "dataset", "dx_type"))
    for seed in range(5):
        parts = splits.make(holding(table), splits.Recipe(splits.shares_of(None), seed, stratify=columns)).parts
        assert {parts[row["image_id"]] for row in table if row["dx"] == "df"} == {"train", "validation", "test"}


@given(LESIONS, LESIONS, st.sampled_from(RATIOS), SEEDS)
@MANY
def test_what_is_kept_stays_and_new_groups_are_placed_whole(
    holding: Holding, lesions: sharing.Lesions, more: sharing.Lesions, ratios: str, seed: int
) -> None:
    recipe = splits.Recipe(splits.shares_of(ratios), seed)
    table = sharing.drawn([*lesions, *more])
    old = {f"HAM_{number:07}" for number in range(len(lesions))}
    first = splits.make(holding([row for row in table if row["group"] in old]), recipe)
    made = splits.make(holding(table), dataclasses.replace(recipe, seed=seed + 1), first)
    assert first.parts.items() <= made.parts.items()
    assert made.parts.keys() == {row["image_id"] for row in table}
    assert sharing.torn(table, made.parts) == []
    for dx, groups in classes([row for row in table if row["group"] not in old], "group").items():
        if len(groups) >= len(recipe.shares):
            assert len({made.parts[row["image_id"]] for row in table if row["dx"] == dx}) == len(recipe.shares)


@given(st.integers(1, 12), SEEDS)
@MANY
def test_folds_are_refused_where_a_class_has_fewer_groups(holding: Holding, lesions: int, seed: int) -> None:
    dataset = holding(sharing.drawn([("nv", 1, n) for n in range(40)] + [("df", 2, n) for n in range(lesions)]))
    recipe = splits.Recipe(splits.folds_of(6), seed, folds=True)
    if lesions < 6:
        with pytest.raises(WrongUsageError, match="more than there are lesions of a class") as refusal:
            splits.make(dataset, recipe)
        assert f"at most {lesions}, as there are no more lesions of df" in str(refusal.value.expected)
    else:
        assert set(splits.make(dataset, recipe).parts.values()) == set("012345")


def test_a_table_of_no_images_cannot_be_split(holding: Holding) -> None:
    with pytest.raises(WrongUsageError, match="no images") as refusal:
        splits.make(holding([]), splits.Recipe(splits.shares_of("80/20")))
    assert refusal.value.exit_code == 2


# What a split depends on.


@given(LESIONS, PAIRS, recipes(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_shuffled_rows_and_columns_change_nothing(
    holding: Holding, lesions: sharing.Lesions, pairs: list[tuple[int, int]], recipe: splits.Recipe, chance: random.Random
) -> None:
    table = sharing.drawn(lesions, pairs)
    shuffled = [dict(chance.sample(list(row.items()), len(row))) for row in chance.sample(table, len(table))]
    made, _ = attempt(holding(table), recipe)
    if made is None:
        return
    assert splits.make(holding(shuffled), recipe) == made
    assert made.digest == peek.split_digest(made.parts)


@given(LESIONS, SEEDS)
@settings(deadline=None, max_examples=30)
def test_columns_that_do_not_decide_change_neither_split_nor_input_digest(holding: Holding, lesions: sharing.Lesions, seed: int) -> None:
    table = sharing.drawn(lesions)
    older = [row | {"age": 80.0, "row": 7, "bytes": 1, "path": "x"} for row in table]
    recipe = splits.Recipe(splits.shares_of(None), seed)
    made = splits.make(holding(table), recipe)
    assert splits.make(holding(older), recipe) == made
    assert made.labels["input_digest"] == sharing.input_digest(table)


def test_each_column_that_decides_changes_the_input_digest(holding: Holding) -> None:
    table, recipe = sharing.drawn([("nv", 1, n) for n in range(30)]), splits.Recipe(splits.shares_of(None))
    digests = {splits.make(holding(table), recipe).labels["input_digest"]}
    for column in sharing.SINGLE:
        changed = [table[0] | {column: "mel"}, *table[1:]]
        digests.add(splits.make(holding(changed), recipe).labels["input_digest"])
    assert len(digests) == 1 + len(sharing.SINGLE)


def test_equal_ratios_are_one_recipe_however_they_are_written() -> None:
    for same in ("70/15/15", "0.7/0.15/0.15", "14/3/3", "7.0/1.50/1.5", "140/30/30"):
        assert splits.shares_of(same) == splits.shares_of(None) == (("train", 14), ("validation", 3), ("test", 3))
    assert splits.shares_of("80/20") == splits.shares_of("4/1") != splits.shares_of("80/10/10")


def test_ten_seeds_are_ten_splits(holding: Holding) -> None:
    hundred = holding(sharing.drawn([("nv", 1, n % 7) for n in range(100)]))
    assert len({splits.make(hundred, splits.Recipe(splits.shares_of(None), seed)).digest for seed in range(10)}) == 10


def drawn_record(images: int) -> sharing.Rows:
    """The rows of the demo's table."""
    made = rows(images, record.load())
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *(image.cells for image in made.train)])
    found = sharing.published(text.getvalue(), made.pairs)
    return [row | {"in_record": True, "partition": "train", "split": None, "fold": None} for row in found]


def test_splits_of_a_drawn_table_are_pinned(holding: Holding) -> None:
    sixty = holding(drawn_record(60))
    wishes = {str(seed): splits.Recipe(splits.shares_of(None), seed) for seed in range(3)}
    wishes["folds"] = splits.Recipe(splits.folds_of(2), folds=True)
    wishes["stratified"] = splits.Recipe(splits.shares_of("80/20"), 5, stratify=("dx", "sex"))
    assert {name: splits.make(sixty, recipe).digest for name, recipe in wishes.items()} == DEMO


def test_another_process_makes_the_same_split(cache: Path, ham: Command, ham_here: Here) -> None:
    digests = set()
    for seed in ("0", "4711"):
        file = cache.parent / f"{seed}.csv"
        ran = ham("split", "-o", file, "--seed", 3, cache=cache, env={"PYTHONHASHSEED": seed, "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"})
        assert ran.returncode == 0, ran.stderr
        digests.add(peek.split_digest(peek.parts(file)))
    assert digests == {ham_here("split", "--seed", 3, "--json", cache=cache).result["digest"]}


def test_rows_shuffled_in_the_manifest_change_nothing(cache: Path, ham_here: Here) -> None:
    before = ham_here("split", "-o", cache.parent / "a.csv", "--json", cache=cache).result
    peek.edit(peek.manifest(cache, "images"), lambda rows: rows[::-1])
    after = ham_here("split", "-o", cache.parent / "b.csv", "--json", cache=cache).result
    assert (after["digest"], after["input_digest"]) == (before["digest"], before["input_digest"])
    assert (cache.parent / "a.csv").read_bytes() == (cache.parent / "b.csv").read_bytes()


def test_a_table_with_rows_and_columns_in_another_order_gives_the_same_split(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    table = [s.COLUMNS, *random.Random(3).sample(s.TRAIN, len(s.TRAIN))]  # noqa: S311  (nothing is kept secret)
    turned = s.comma([row[::-1] for row in table[1:]], table[0][::-1])
    told = []
    for name, data in (("published", small.tables[s.METADATA]), ("turned", turned)):
        source = s.lay(tmp_path / name, {s.METADATA: data})
        fetch("metadata", "--accept-altered", source=source, cache=tmp_path / f"{name}-cache")
        result = ham_here("split", "--folds", 2, "--json", "-o", tmp_path / f"{name}.csv", cache=tmp_path / f"{name}-cache").result
        told.append((result["digest"], result["input_digest"]))
    assert told[0] == told[1]


_ELSEWHERE = """
import hashlib, json, sys, numpy
from ham_cli.splits.balance import share_out
from ham_cli.splits.stock import MARGINS, stock
wanted = json.load(sys.stdin)
stocked = stock(wanted["rows"], MARGINS)
placed = [sorted(share_out(stocked, shares, seed, "x", {}).items()) for shares, seed in wanted["wishes"]]
print(json.dumps([numpy.__version__, [hashlib.sha256(json.dumps(some).encode()).hexdigest() for some in placed]]))
"""


@pytest.mark.slow
@pytest.mark.thinned(0)
def test_two_versions_of_numpy_share_out_alike(tmp_path: Path) -> None:
    older = "1.26.4" if int(np.__version__.partition(".")[0]) > 1 else "2.2.6"
    # pip alone may reach out from here; without it there is nothing to show.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--target",
        str(tmp_path),
        f"numpy=={older}",
    ]
    installed = subprocess.run(install, env=own, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"pip cannot install numpy {older}: {installed.stderr.strip()[-200:]}")
    table = drawn_record(4000)
    wishes = [(splits.shares_of(None), 0), (splits.shares_of(None), 1), (splits.folds_of(5), 0), (splits.shares_of("998/1/1"), 2)]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), os.environ["PYTHONPATH"]])}
    ran = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        env=surroundings,
        input=json.dumps({"rows": table, "wishes": wishes}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    stocked = stock(table, MARGINS)
    placed = [sorted(share_out(stocked, shares, seed, "x", {}).items()) for shares, seed in wishes]
    digests = [hashlib.sha256(json.dumps(some).encode()).hexdigest() for some in placed]
    assert json.loads(ran.stdout) == [older, digests]
    assert np.__version__ != older
