"""Splits: whole groups, every diagnosis by the ratios, the same split and digest everywhere."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import re
import stat
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import open_dataset, splits
from ham_cli.errors import WrongUsageError
from tests import peek
from tests import small as s

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from tests.conftest import Command, Fetch, Here, Ran
    from tests.small import Small

DEFAULT = "r70-15-15-s0"
THREE = (("train", 70), ("validation", 15), ("test", 15))

REAL_SEED_0 = "a1985ee8e745ee39e31f54a6758fade5caec0865b860514c71e535e2df7810e6"
"""The digest of ``ham split`` on the published table; `by_the_book` gives it too."""
SMALL_SEED_0 = "2dc11726ea348113a92bd9710d4ecab9a9f49007b820d7f4c08bedd100c09d54"
SMALL_SEED_1 = "0030c398159c63ac3bd309f9cc0585bdfa019b89df08345528bb7e1ab72e5730"

CLASSES = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}

Rows = list[dict[str, Any]]


def by_the_book(rows: Iterable[tuple[str, str, str]], shares: Sequence[tuple[str, int]], seed: int) -> dict[str, str]:
    """Image id to part by the documented algorithm ``ham-split-1``, from (image id, group, diagnosis), in plain fractions.

    Groups of a diagnosis (of several: of most of their images, then the first by name) come in the order of SHA-256 of
    ``ham-split-1,seed,group``. Each goes to the part that is furthest behind its ratio of what was seen and one image more.
    Then a part without any gets the smallest group, the last of these, of the part that is furthest above its ratio and
    has two.
    """
    images: dict[str, list[tuple[str, str]]] = {}
    for image_id, group, dx in rows:
        images.setdefault(group, []).append((image_id, dx))
    classes: dict[str, list[str]] = {}
    for group, members in images.items():
        counted = Counter(dx for _, dx in members)
        most = max(counted.values())
        classes.setdefault(min(dx for dx in counted if counted[dx] == most), []).append(group)
    whole = sum(weight for _, weight in shares)
    parts: dict[str, str] = {}
    for groups in classes.values():
        placed: dict[str, list[str]] = {part: [] for part, _ in shares}
        have: Counter[str] = Counter()
        for group in sorted(groups, key=lambda name: hashlib.sha256(f"ham-split-1,{seed},{name}".encode()).digest()):
            above = {part: have[part] - Fraction(weight * (have.total() + 1), whole) for part, weight in shares}
            part = min(above, key=above.__getitem__)
            placed[part].append(group)
            have[part] += len(images[group])
        for empty in [part for part, some in placed.items() if not some]:
            above = {part: have[part] - Fraction(weight * have.total(), whole) for part, weight in shares if len(placed[part]) > 1}
            if above:
                giver = max(above, key=above.__getitem__)
                small = min(len(images[group]) for group in placed[giver])
                given_away = [group for group in placed[giver] if len(images[group]) == small][-1]
                placed[giver].remove(given_away)
                placed[empty].append(given_away)
                have.update({giver: -small, empty: small})
        parts.update((image_id, part) for part, some in placed.items() for group in some for image_id, _ in images[group])
    return parts


def published(metadata: bytes, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """(Image id, group, diagnosis) from a published table, groups by going round until nothing changes."""
    rows = list(csv.DictReader(metadata.decode().splitlines()))
    groups = peek.closure({row["image_id"]: row["lesion_id"] for row in rows}, pairs)
    return [(row["image_id"], groups[row["image_id"]], row["dx"]) for row in rows]


def small_rows(small: Small) -> list[tuple[str, str, str]]:
    return published(small.tables[s.METADATA], [("ISIC_0000012", "ISIC_0000008")])


def real_rows(real_data: Path) -> list[tuple[str, str, str]]:
    with (real_data / "duplicate_pairs.csv").open(newline="") as file:
        pairs = [(row["image_id_a"], row["image_id_b"]) for row in csv.DictReader(file)]
    return published((real_data / "HAM10000_metadata").read_bytes(), pairs)


@pytest.fixture(scope="module")
def base(small_cache: Path) -> Dataset:
    """A data set to put other rows into."""
    return open_dataset(small_cache)


def table_of(base: Dataset, lesions: list[tuple[str, int]], pairs: Sequence[tuple[int, int]] = ()) -> Dataset:
    """A data set of lesions, each a diagnosis and a number of images, with groups merged by pairs of images."""
    images = [(f"HAM_{n:07}", dx) for n, (dx, count) in enumerate(lesions) for _ in range(count)]
    ids = [f"ISIC_{n:07}" for n in range(len(images))]
    lesion: dict[str, str | None] = {i: name for i, (name, _) in zip(ids, images, strict=True)}
    together = [(ids[a % len(ids)], ids[b % len(ids)]) for a, b in pairs]
    groups = peek.closure(lesion, together)
    rows = [
        {
            "image_id": i,
            "lesion_id": name,
            "group": groups[i],
            "dx": dx,
            "in_record": True,
            "partition": "train",
            "split": None,
            "fold": None,
        }
        for i, (name, dx) in zip(ids, images, strict=True)
    ]
    return dataclasses.replace(base, rows=tuple(rows))


def parts_of(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {row["image_id"]: row["split"] for row in rows}


# A few diagnoses with very many or very few lesions, now and then one of forty images.
SIZES = st.sampled_from([1, 1, 1, 1, 2, 2, 3, 6, 40])
TABLES = st.lists(st.tuples(st.sampled_from(["nv", "nv", "nv", "mel", "bcc", "df"]), SIZES), min_size=1, max_size=40)
PAIRS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=5)
RATIOS = st.sampled_from(["70/15/15", "80/20", "1/1/1", "98/1/1", "0.5/0.5", "1/2/97"])
SEEDS = st.integers(0, 2**70)


# What a split promises, of any table.


@given(TABLES, PAIRS, RATIOS, SEEDS)
@settings(deadline=None)
def test_no_group_is_on_two_sides_and_every_image_on_one(
    base: Dataset, lesions: list[tuple[str, int]], pairs: list[tuple[int, int]], ratios: str, seed: int
) -> None:
    dataset = table_of(base, lesions, pairs)
    made = splits.make(dataset, splits.recipe(ratios, seed))
    parts = parts_of(made.rows)
    assert list(parts) == [row["image_id"] for row in dataset.rows]
    assert set(parts.values()) <= {"train", "validation", "test"} - ({"validation"} if ratios.count("/") == 1 else set())
    sides: dict[str, set[str]] = {}
    for row in dataset.rows:
        sides.setdefault(row["group"], set()).add(parts[row["image_id"]])
        sides.setdefault(row["lesion_id"], set()).add(parts[row["image_id"]])
    assert all(len(found) == 1 for found in sides.values())


@given(TABLES, PAIRS, RATIOS, SEEDS)
@settings(deadline=None)
def test_the_split_is_the_one_that_the_documented_algorithm_gives(
    base: Dataset, lesions: list[tuple[str, int]], pairs: list[tuple[int, int]], ratios: str, seed: int
) -> None:
    dataset = table_of(base, lesions, pairs)
    weights = {
        "70/15/15": (70, 15, 15),
        "80/20": (80, 20),
        "1/1/1": (1, 1, 1),
        "98/1/1": (98, 1, 1),
        "0.5/0.5": (1, 1),
        "1/2/97": (1, 2, 97),
    }
    names = ("train", "validation", "test") if len(weights[ratios]) == 3 else ("train", "test")
    expected = by_the_book(
        [(r["image_id"], r["group"], r["dx"]) for r in dataset.rows], list(zip(names, weights[ratios], strict=True)), seed
    )
    made = splits.make(dataset, splits.recipe(ratios, seed))
    assert parts_of(made.rows) == expected
    assert made.digest == peek.split_digest(expected)


@given(TABLES, PAIRS, SEEDS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_shuffled_rows_change_nothing(
    base: Dataset, lesions: list[tuple[str, int]], pairs: list[tuple[int, int]], seed: int, rnd: random.Random
) -> None:
    dataset = table_of(base, lesions, pairs)
    shuffled = dataclasses.replace(dataset, rows=tuple(rnd.sample(dataset.rows, len(dataset.rows))))
    recipe = splits.recipe("70/15/15", seed)
    assert splits.make(shuffled, recipe) == splits.make(dataset, recipe)


@given(TABLES, RATIOS, SEEDS)
@settings(deadline=None)
def test_no_part_has_more_of_a_diagnosis_than_its_ratio_and_one_group(
    base: Dataset, lesions: list[tuple[str, int]], ratios: str, seed: int
) -> None:
    dataset = table_of(base, lesions)
    recipe = splits.recipe(ratios, seed)
    parts = parts_of(splits.make(dataset, recipe).rows)
    have = Counter((row["dx"], parts[row["image_id"]]) for row in dataset.rows)
    whole = sum(weight for _, weight in recipe.shares)
    for dx in {name for name, _ in lesions}:
        counts = [count for name, count in lesions if name == dx]
        for part, weight in recipe.shares:
            assert have[dx, part] < Fraction(weight * sum(counts), whole) + max(counts)


@given(TABLES, RATIOS, SEEDS)
@settings(deadline=None)
def test_a_diagnosis_with_lesions_enough_has_one_in_every_part(
    base: Dataset, lesions: list[tuple[str, int]], ratios: str, seed: int
) -> None:
    dataset = table_of(base, lesions)
    recipe = splits.recipe(ratios, seed)
    parts = parts_of(splits.make(dataset, recipe).rows)
    for dx, count in Counter(dx for dx, _ in lesions).items():
        found = {parts[row["image_id"]] for row in dataset.rows if row["dx"] == dx}
        assert len(found) == min(count, len(recipe.shares))


@given(st.lists(st.tuples(st.sampled_from(["nv", "mel"]), SIZES), min_size=1, max_size=12), SEEDS)
@settings(deadline=None)
def test_columns_that_do_not_decide_change_neither_split_nor_input_digest(base: Dataset, lesions: list[tuple[str, int]], seed: int) -> None:
    dataset = table_of(base, lesions)
    older = dataclasses.replace(dataset, rows=tuple(row | {"age": 80.0, "sex": "female", "path": "x"} for row in dataset.rows))
    recipe = splits.recipe("70/15/15", seed)
    assert splits.make(older, recipe) == splits.make(dataset, recipe)


def test_equal_ratios_are_one_recipe_however_they_are_written() -> None:
    for same in ("70/15/15", "0.7/0.15/0.15", "14/3/3", "7.0/1.50/1.5", "140/30/30"):
        assert splits.recipe(same, 4) == splits.recipe("70/15/15", 4)
    assert splits.recipe("80/20", 0) == splits.recipe("4/1", 0) != splits.recipe("80/10/10", 0)


def test_a_table_of_no_images_cannot_be_split(base: Dataset) -> None:
    with pytest.raises(WrongUsageError, match="no images") as refusal:
        splits.make(table_of(base, []), splits.recipe("80/20", 0))
    assert refusal.value.exit_code == 2


# The small record.


def test_the_splits_of_two_seeds_are_pinned(small: Small, cache: Path, ham_here: Here) -> None:
    for seed, pinned in ((0, SMALL_SEED_0), (1, SMALL_SEED_1)):
        expected = by_the_book(small_rows(small), THREE, seed)
        assert peek.split_digest(expected) == pinned
        ran = ham_here("split", "--seed", seed, "--json", cache=cache)
        assert (ran.code, ran.result["digest"]) == (0, pinned)
        assert peek.parts(cache / s.ID / "splits" / f"r70-15-15-s{seed}.parquet") == expected


def test_ten_seeds_are_ten_splits(base: Dataset) -> None:
    hundred = table_of(base, [("nv", 1)] * 100)
    assert len({splits.make(hundred, splits.recipe("70/15/15", seed)).digest for seed in range(10)}) == 10


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


def test_parquet_and_csv_hold_the_same_split_and_its_digest_is_over_sorted_lines(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    said = {}
    for suffix in (".parquet", ".csv"):
        ran = ham_here("split", "-o", tmp_path / f"s{suffix}", cache=small_cache)
        said[suffix] = ran.out.splitlines()[-1]
        assert said[suffix] == f"digest {peek.split_digest(peek.parts(tmp_path / f's{suffix}'))}"
    assert said[".parquet"] == said[".csv"]
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]
    assert peek.table(tmp_path / "s.parquet") == rows


def test_the_csv_is_plain(small: Small, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "-o", tmp_path / "s.csv", cache=small_cache).code == 0
    parts = by_the_book(small_rows(small), THREE, 0)
    group = {image_id: name for image_id, name, _ in small_rows(small)}
    rows = sorted((r[1], r[0], group[r[1]], r[2], parts[r[1]], "") for r in s.TRAIN)
    expected = s.comma(rows, ("image_id", "lesion_id", "group", "dx", "split", "fold"))
    assert (tmp_path / "s.csv").read_bytes() == expected


def test_the_file_says_what_made_it(small: Small, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "s.parquet"
    ran = ham_here("split", "-o", file, "--seed", 7, "--ratios", "80/20", "--json", cache=small_cache)
    labels = {key.decode(): value.decode() for key, value in pq.read_schema(file).metadata.items()}
    assert json.loads(labels.pop("ham.options")) == {"ratios": {"train": 4, "test": 1}}
    digest, version = labels.pop("ham.digest"), labels.pop("ham.version")
    assert (re.fullmatch("[0-9a-f]{64}", digest) is not None, version) == (True, ran.json["ham"])
    lines = [json.dumps({"dx": dx, "group": group, "image_id": i}) + "\n" for i, group, dx in sorted(small_rows(small))]
    assert labels == {
        "ham.schema": "1",
        "ham.record": s.ID,
        "ham.algorithm": "ham-split-1",
        "ham.recipe": "r80-20-s7",
        "ham.seed": "7",
        "ham.input_digest": hashlib.sha256("".join(lines).encode()).hexdigest(),
        "ham.split_digest": peek.split_digest(peek.parts(file)),
    }
    assert {name: ran.result[name] for name in ("algorithm", "seed", "input_digest", "digest")} == {
        "algorithm": "ham-split-1",
        "seed": 7,
        "input_digest": labels["ham.input_digest"],
        "digest": labels["ham.split_digest"],
    }


def test_every_column_has_its_type_and_a_comment(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "-o", tmp_path / "s.parquet", cache=small_cache).code == 0
    schema = pq.read_schema(tmp_path / "s.parquet")
    types = {field.name: str(field.type) for field in schema}
    word = "dictionary<values=string, indices=int32, ordered=0>"
    plain = {"image_id": "string", "lesion_id": "string", "group": "string"}
    assert types == plain | {"dx": word, "split": word, "fold": "int32"}
    assert all(b"comment" in field.metadata for field in schema)


def test_the_same_split_is_the_same_bytes(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        assert ham_here("split", "-o", tmp_path / name, cache=small_cache).code == 0
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_only_training_images_are_shared_out(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "-o", tmp_path / "s.csv", cache=small_cache).code == 0
    assert set(peek.parts(tmp_path / "s.csv")) == {row[1] for row in s.TRAIN}


def test_known_duplicates_lie_in_one_part_for_every_seed(small_cache: Path) -> None:
    train = open_dataset(small_cache).partition("train")
    for seed in range(20):
        parts = parts_of(splits.make(train, splits.recipe("1/1/1", seed)).rows)
        assert parts["ISIC_0000012"] == parts["ISIC_0000008"]


def test_the_metadata_alone_suffices(small: Small, fetch: Fetch, ham_here: Here, cache: Path, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})
    assert fetch("metadata", source=source, cache=tmp_path / "bare").code == 0
    bare, whole = (ham_here("split", "--json", cache=c) for c in (tmp_path / "bare", cache))
    assert (bare.code, bare.result["digest"], bare.result["input_digest"]) == (0, whole.result["digest"], whole.result["input_digest"])


def test_the_table_a_person_sees_counts_images_and_lesions_of_each_part(
    small: Small, small_cache: Path, ham_here: Here, tmp_path: Path
) -> None:
    ran = ham_here("split", "--ratios", "1/1", "-o", tmp_path / "s.csv", cache=small_cache)
    parts = by_the_book(small_rows(small), (("train", 1), ("test", 1)), 0)
    lines = []
    for dx in (*sorted(CLASSES), None):
        cells = [dx or "(all)"]
        for part in ("train", "test"):
            mine = [r for r in s.TRAIN if dx in (None, r[2]) and parts[r[1]] == part]
            cells += [str(len(mine)), str(len({r[0] for r in mine}))]
        lines.append(cells)
    head, *rows, digest = ran.out.splitlines()
    assert head.split() == ["dx", "train", "lesions", "test", "lesions"]
    assert [row.split() for row in rows] == lines
    assert digest == f"digest {peek.split_digest(parts)}"
    assert "Patients are not identified in this record, so patient overlap cannot be excluded." in ran.err.splitlines()


def test_a_part_that_stays_empty_is_shown_or_said(small: Small, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert set(by_the_book(small_rows(small), THREE, 0).values()) == {"train", "validation"}
    ran = ham_here("split", "-o", tmp_path / "s.csv", "--json", cache=small_cache)
    counted = {c["part"]: c["images"] for c in ran.result["parts"]}
    assert counted.get("test") == 0 or any("test" in words for words in ran.json["warnings"] + ran.result["notes"])


def test_quiet_keeps_the_result_and_drops_the_rest(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("split", "-q", "-o", tmp_path / "s.csv", cache=small_cache)
    assert all(line.startswith("warning: ") for line in ran.err.splitlines())
    assert ran.out == ham_here("split", "-o", tmp_path / "s.csv", cache=small_cache).out != ""


def test_json_names_the_files_and_every_count(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    ran = ham_here("split", "-o", file, "--name", "mine", "--json", cache=cache)
    own = cache / s.ID / "splits" / "mine.parquet"
    assert (ran.code, ran.result["name"], ran.result["files"], ran.result["written"]) == (
        0,
        "mine",
        [str(file), str(own)],
        [str(file), str(own)],
    )
    counted = peek.query("SELECT dx, split, count(*), count(DISTINCT lesion_id) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL", str(own))
    assert sorted((c["dx"], c["part"], c["images"], c["lesions"]) for c in ran.result["dx"]) == counted
    totals = peek.query("SELECT split, count(*), count(DISTINCT lesion_id) FROM read_parquet(?) GROUP BY 1 ORDER BY 1", str(own))
    assert sorted((c["part"], c["images"], c["lesions"]) for c in ran.result["parts"] if c["images"]) == totals
    assert peek.parts(own) == peek.parts(file)


# What is typed.


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ((), "r70-15-15-s0"),
        (("--ratios", "70/15/15", "--seed", 12), "r70-15-15-s12"),
        (("--ratios", "0.7/0.15/0.15"), "r70-15-15-s0"),
        (("--ratios", "80/20"), "r80-20-s0"),
        (("--ratios", "4/1"), "r80-20-s0"),
        (("--ratios", "1/1/1"), "r1-1-1-s0"),
        (("--ratios", "2/1"), "r2-1-s0"),
        (("--ratios", "33/33/34"), "r33-33-34-s0"),
        (("--ratios", "87.5/12.5"), "r7-1-s0"),
        (("--seed", 10**30), f"r70-15-15-s{10**30}"),
        (("--name", "Mine_1.0-b"), "Mine_1.0-b"),
    ],
)
def test_the_name_in_the_cache_tells_the_options(words: tuple[object, ...], name: str, cache: Path, ham_here: Here) -> None:
    ran = ham_here("split", *words, "--json", cache=cache)
    assert (ran.code, ran.result["name"]) == (0, name)
    assert peek.names(cache / s.ID / "splits") == [f"{name}.parquet"]


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
        *("1/1234567", "0.0000001/1", "\u0667/\u0663", "70/15/15\n"),
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


def test_the_longest_name_still_fits_on_a_disk(cache: Path, ham_here: Here) -> None:
    assert ham_here("split", "--name", "x" * 100, cache=cache).code == 0
    assert open_dataset(cache).splits() == ["x" * 100]


@pytest.mark.parametrize("output", ["s0.txt", "s0", "s0.parquet.gz", "folder", ".csv"])
def test_a_file_with_another_ending_is_wrong_usage(output: str, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    ran = ham_here("split", "-o", tmp_path / output, "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["where"]) == (2, str(tmp_path / output))
    assert peek.names(tmp_path / "folder") == []


def test_a_folder_with_a_files_ending_is_wrong_usage_and_a_file_in_it_is_advised(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "s0.csv"
    folder.mkdir()
    for force in ((), ("--force",)):
        ran = ham_here("split", "-o", folder, *force, "--json", cache=small_cache)
        assert (ran.code, ran.json["error"]["where"], str(folder) in ran.json["error"]["next"]) == (2, str(folder), True)
    assert peek.names(folder) == []


def test_missing_folders_above_the_file_are_made(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "of" / "mine" / "s0.parquet"
    assert ham_here("split", "-o", file, cache=small_cache).code == 0
    assert len(peek.parts(file)) == 20
    assert peek.names(file.parent) == ["s0.parquet"]


def test_a_file_where_a_folder_should_be_is_one_clear_error(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ran = ham_here("split", "-o", tmp_path / "file" / "s0.csv", cache=small_cache)
    assert (ran.code, ran.err.count("error: "), "bug" in ran.err) == (5, 1, False)
    assert (tmp_path / "file").read_text() == "mine"


def test_with_o_alone_nothing_is_written_into_the_cache(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    before = peek.snapshot(small_cache)
    assert ham_here("split", "-o", tmp_path / "s0.csv", cache=small_cache).code == 0
    assert peek.snapshot(small_cache) == before


def test_a_split_file_may_be_read_by_others_as_the_umask_says(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        assert ham_here("split", "-o", tmp_path / "s0.csv", cache=small_cache).code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s0.csv").stat().st_mode) == 0o644


# What lies there already.


def test_an_unchanged_split_in_the_cache_keeps_its_file(cache: Path, ham_here: Here) -> None:
    assert ham_here("split", cache=cache).code == 0
    file = cache / s.ID / "splits" / f"{DEFAULT}.parquet"
    os.utime(file, ns=(10**18, 10**18))
    before = peek.snapshot(cache)
    for force in ((), ("--force",)):
        ran = ham_here("split", *force, cache=cache)
        assert (ran.code, f"unchanged: {file}" in ran.err.splitlines()) == (0, True)
    assert ham_here("split", "--json", cache=cache).result["written"] == []
    assert peek.snapshot(cache) == before


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_of_ones_own_with_the_same_split_is_new_to_make(suffix: str, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / f"s0{suffix}"
    assert ham_here("split", "-o", file, cache=small_cache).code == 0
    before = file.read_bytes()
    os.utime(file, ns=(10**18, 10**18))
    assert ham_here("split", "-o", file, cache=small_cache).code == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns > 10**18) == (before, True)


def test_columns_that_somebody_added_to_the_same_split_stay(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "s0.csv"
    assert ham_here("split", "-o", file, cache=small_cache).code == 0
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([f"{header},note", *(f"{row},mine" for row in reversed(rows)), ""]))
    before = file.read_bytes()
    assert ham_here("split", "-o", file, cache=small_cache).code == 0
    assert file.read_bytes() == before


def test_another_split_under_the_name_is_refused_and_force_replaces_it(cache: Path, ham_here: Here) -> None:
    file = cache / s.ID / "splits" / "mine.parquet"
    first = ham_here("split", "--name", "mine", "--json", cache=cache).result["digest"]
    before = peek.snapshot(cache)
    ran = ham_here("split", "--name", "mine", "--seed", 1, "--json", cache=cache)
    error = ran.json["error"]
    assert (ran.code, error["where"]) == (2, str(file))
    assert (first in error["got"], SMALL_SEED_1 in error["expected"], SMALL_SEED_1 in error["got"]) == (True, True, False)
    assert ("--force" in error["next"], peek.snapshot(cache)) == (True, before)
    ran = ham_here("split", "--name", "mine", "--seed", 1, "--force", "--json", cache=cache)
    assert (ran.code, ran.result["written"], peek.split_digest(peek.parts(file))) == (0, [str(file)], SMALL_SEED_1)


@pytest.mark.parametrize("content", ["another split", "no split", "a folder's notes", "nothing"])
def test_something_else_in_the_file_is_refused_and_force_replaces_it(
    content: str, small_cache: Path, ham_here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "s0.csv"
    if content == "another split":
        assert ham_here("split", "-o", file, "--seed", 1, cache=small_cache).code == 0
    else:
        file.write_bytes({"no split": b"\x89PNG\r\n", "a folder's notes": b"what I did\n", "nothing": b""}[content])
    before = file.read_bytes()
    ran = ham_here("split", "-o", file, "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["where"], "--force" in ran.json["error"]["next"]) == (2, str(file), True)
    assert file.read_bytes() == before
    assert ham_here("split", "-o", file, "--force", cache=small_cache).code == 0
    assert peek.split_digest(peek.parts(file)) == SMALL_SEED_0


def test_a_refusal_of_one_place_writes_to_neither(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "--name", "mine", "--seed", 1, cache=cache).code == 0
    before = peek.snapshot(cache)
    ran = ham_here("split", "--name", "mine", "-o", tmp_path / "new.csv", cache=cache)
    assert (ran.code, (tmp_path / "new.csv").exists(), peek.snapshot(cache) == before) == (2, False, True)


def test_a_damaged_split_in_the_cache_is_replaced_with_force(cache: Path, ham_here: Here) -> None:
    assert ham_here("split", cache=cache).code == 0
    file = cache / s.ID / "splits" / f"{DEFAULT}.parquet"
    peek.flip(file, at=len(file.read_bytes()) // 2)
    assert ham_here("split", cache=cache).code == 2
    assert ham_here("split", "--force", cache=cache).code == 0
    assert peek.split_digest(peek.parts(file)) == SMALL_SEED_0


# Where it cannot be done.


def test_an_empty_cache_is_exit_4_and_says_what_to_fetch(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("split", "-o", tmp_path / "s0.csv", "--json", cache=tmp_path / "none")
    assert (ran.code, "ham fetch metadata" in ran.json["error"]["next"]) == (4, True)
    assert (tmp_path / "s0.csv").exists() == (tmp_path / "none").exists() is False


def test_a_cache_of_the_test_images_alone_has_no_training_images_to_split(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    assert fetch("--allow-partial", source=s.lay(tmp_path / "source", {s.TEST_TRUTH: small.tables[s.TEST_TRUTH]})).code == 0
    ran = ham_here("split", "--json", cache=tmp_path / "cache")
    assert (ran.code in {2, 4}, "ham fetch metadata" in ran.json["error"]["next"]) == (True, True)
    assert peek.names(tmp_path / "cache" / s.ID / "splits") == []


def test_where_no_lesions_are_named_nothing_is_split_by_images(real_data: Path, ham_here: Here, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", peek.challenge_truth(real_data / "HAM10000_metadata"))
    assert ham_here("fetch", "metadata", "--source", source, cache=tmp_path / "cache").code == 0
    ran = ham_here("split", "--json", cache=tmp_path / "cache")
    assert ran.code == 4, "994 lesions lie on two sides of this split"
    assert "ham fetch metadata" in ran.json["error"]["next"]
    assert peek.names(tmp_path / "cache" / peek.REAL / "splits") == []


def test_a_read_only_cache_is_exit_5_and_advises_a_file_of_ones_own(small_cache: Path, open_path: Path, ham: Command) -> None:
    out = s.lay(open_path / "out", {})
    out.chmod(0o777)
    with peek.unwritable(small_cache, open_path) as (cache, user):
        before = peek.snapshot(cache)
        ran = ham("split", cache=cache, user=user)
        assert (ran.returncode, ran.stderr.count("error: "), "Traceback" in ran.stderr) == (5, 1, False), ran.stderr
        assert (str(cache) in ran.stderr, "ham split -o FILE" in ran.stderr) == (True, True)
        assert peek.snapshot(cache) == before
        ran = ham("split", "-o", out / "s0.csv", cache=cache, user=user)
        assert (ran.returncode, peek.split_digest(peek.parts(out / "s0.csv"))) == (0, SMALL_SEED_0), ran.stderr
        assert peek.snapshot(cache) == before


def test_a_folder_that_may_not_be_written_is_exit_5_and_leaves_nothing(small_cache: Path, open_path: Path, ham: Command) -> None:
    with peek.unwritable(small_cache, open_path) as (cache, user):
        ran = ham("split", "-o", cache / "s0.csv", cache=cache, user=user)
        assert (ran.returncode, ran.stderr.count("error: "), peek.names(cache)) == (5, 1, sorted(p.name for p in small_cache.iterdir()))


def test_a_narrow_ascii_terminal_cuts_neither_digest_nor_class(small_cache: Path, ham: Command, tmp_path: Path) -> None:
    odd = {"PYTHONIOENCODING": "ascii", "COLUMNS": "40", "FORCE_COLOR": "1", "NO_COLOR": "1"}
    ran = ham("split", "-o", tmp_path / "größe.csv", cache=small_cache, env=odd)
    assert (ran.returncode, (ran.stdout + ran.stderr).isascii(), "Traceback" in ran.stderr) == (0, True, False)
    words = ran.stdout.split()
    assert {SMALL_SEED_0, "validation", "(all)", *CLASSES} <= set(words)


# The real table.


def test_seed_0_of_the_real_table_is_pinned(real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path) -> None:
    assert peek.split_digest(by_the_book(real_rows(real_data), THREE, 0)) == REAL_SEED_0
    ran = ham_here("split", "-o", tmp_path / "s0.parquet", cache=real_fetch[1])
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"digest {REAL_SEED_0}")
    assert peek.split_digest(peek.parts(tmp_path / "s0.parquet")) == REAL_SEED_0


def test_of_the_real_table_no_lesion_and_no_known_pair_is_on_two_sides(
    real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "s.parquet"
    assert ham_here("split", "-o", file, "--seed", 5, cache=real_fetch[1]).code == 0
    for column in ("lesion_id", '"group"'):
        torn = f"SELECT {column} FROM read_parquet(?) GROUP BY 1 HAVING count(DISTINCT split) > 1"  # noqa: S608  (our own column names)
        assert peek.query(torn, str(file)) == []
    together = (
        "SELECT count(*) FROM read_csv(?) JOIN read_parquet(?) a ON a.image_id = image_id_a"
        " JOIN read_parquet(?) b ON b.image_id = image_id_b WHERE a.split = b.split AND a.lesion_id <> b.lesion_id"
    )
    assert peek.query(together, str(real_data / "duplicate_pairs.csv"), str(file), str(file)) == [(18,)]
    assert peek.query('SELECT count(*), count(DISTINCT lesion_id), count(DISTINCT "group") FROM read_parquet(?)', str(file)) == [
        (10015, 7470, 7452)
    ]


def test_of_the_real_table_every_class_is_within_three_images_of_its_ratio(real_fetch: tuple[Ran, Path]) -> None:
    train = open_dataset(real_fetch[1]).partition("train")
    for seed in range(4):
        made = splits.make(train, splits.recipe("70/15/15", seed))
        have = Counter((row["dx"], row["split"]) for row in made.rows)
        for dx, images in CLASSES.items():
            for part, share in THREE:
                assert abs(have[dx, part] - images * share / 100) <= 3, (seed, dx, part)


def test_two_seeds_of_the_real_table_share_no_more_of_the_test_part_than_chance(real_fetch: tuple[Ran, Path]) -> None:
    train = open_dataset(real_fetch[1]).partition("train")
    one, other = (parts_of(splits.make(train, splits.recipe("70/15/15", seed)).rows) for seed in (0, 1))
    both = sum(1 for image_id, part in one.items() if part == other[image_id] == "test")
    # 1503 of 10015 in each: 226 by chance, give or take 15 or so (lesions, not images, are drawn).
    assert 150 < both < 300
