"""How evenly the real table is shared out: every count is made here, by loops over the published rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from ham_cli import open_dataset, splits
from ham_cli.splits.balance import share_out
from ham_cli.splits.stock import MARGINS, stock
from tests import peek, sharing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from tests.conftest import Here, Ran

RATIOS = splits.shares_of("70/15/15")
FIVE, TEN = splits.folds_of(5), splits.folds_of(10)
TOTAL_VARIATION = 0.004
SOME_SEEDS = 80
"""Seeds that the suite looks at; `sharing.chances` takes as many as one likes."""

PINNED = {
    ("ratios", 0): "5e47615e27a483b0d2e94ecdb71b8b173a06f252340048925a68fe00f7f751cd",
    ("ratios", 1): "0bf2333084809748fd82bfa8e0fec8262e2829cadceb84214c597707fe735a99",
    ("ratios", 2): "53befaf44a59412dc1661ec84b285690ef2f20c8c66924c9349585701cc1d8d6",
    ("folds", 0): "83ea9cbb8baf5f7b0d91a9e1373ecc73583c0ee0d2f73b487040671fb81c1ac4",
    ("official", 0): "89256a35d2ff95aaf31f4041faa7d58c532e65e6e36387ae15cf64510e05cfeb",
}


@pytest.fixture(scope="module")
def rows(real_data: Path) -> sharing.Rows:
    """The published rows."""
    return sharing.real(real_data)


@pytest.fixture(scope="module")
def whole(real_fetch: tuple[Ran, Path]) -> Dataset:
    """The real data set, test and validation too."""
    return open_dataset(real_fetch[1])


def test_splits_of_the_real_table_are_pinned(whole: Dataset) -> None:
    made = {("ratios", seed): splits.make(whole, splits.Recipe(RATIOS, seed)).digest for seed in range(3)}
    made["folds", 0] = splits.make(whole, splits.Recipe(FIVE, folds=True)).digest
    made["official", 0] = splits.make(whole, splits.Recipe(splits.shares_of(None, has_test=True), official=True)).digest
    assert made == PINNED


def test_the_command_gives_the_pinned_split_and_counts_it_as_duckdb_does(
    real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "s0.parquet"
    ran = ham_here("split", "-o", file, "--json", cache=real_fetch[1])
    assert (ran.code, ran.result["digest"]) == (0, PINNED["ratios", 0])
    assert peek.split_digest(peek.parts(file)) == PINNED["ratios", 0]
    assert ran.result["input_digest"] == sharing.input_digest(sharing.real(real_data))
    count = (
        "SELECT m.dx, split, count(*), count(DISTINCT m.lesion_id) FROM read_csv(?, all_varchar = true) m"
        " JOIN read_parquet(?) s USING (image_id) GROUP BY ALL ORDER BY ALL"
    )
    counted = peek.query(count, str(real_data / "HAM10000_metadata"), str(file))
    assert sorted((c["dx"], c["part"], c["images"], c["lesions"]) for c in ran.result["dx"]) == counted
    for cell in ran.result["dx"]:
        share = sharing.THREE[cell["part"]] / 100
        assert cell["off"] == pytest.approx(cell["images"] - share * sharing.CLASSES[cell["dx"]], abs=1e-3)


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


def balanced(rows: sharing.Rows, parts: Mapping[str, str], shares: Mapping[str, float], cells: float) -> None:
    """Assert that every image has a part, every class its share, and every crossing and margin nearly so."""
    assert len(parts) == len(rows)
    assert sharing.torn(rows, parts) == sharing.torn(rows, parts, "lesion_id") == []
    assert sharing.worst(rows, parts, shares, ("dx",)) <= 1
    assert max(sharing.worst(rows, parts, shares, columns) for columns in sharing.CROSSED) <= cells
    for column in sharing.SINGLE:
        assert sharing.variation(rows, parts, shares, column) <= TOTAL_VARIATION, column


@pytest.mark.slow
def test_a_large_seed_shares_out_everything_evenly(rows: sharing.Rows, whole: Dataset) -> None:
    balanced(rows, splits.make(whole, splits.Recipe(RATIOS, 2**80)).parts, sharing.THREE, 3.5)


@pytest.mark.slow
def test_some_seeds_share_out_everything_evenly(rows: sharing.Rows, whole: Dataset) -> None:
    for seed in range(3):
        balanced(rows, splits.make(whole, splits.Recipe(RATIOS, seed)).parts, sharing.THREE, 3.5)


@pytest.mark.slow
def test_some_seeds_make_five_even_folds(rows: sharing.Rows, whole: Dataset) -> None:
    for seed in range(3):
        balanced(rows, splits.make(whole, splits.Recipe(FIVE, seed, folds=True)).parts, dict(FIVE), 4)


def test_ten_folds_are_even_and_say_what_is_thin(rows: sharing.Rows, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "ten.parquet"
    ran = ham_here("split", "--folds", 10, "-o", file, "--json", cache=real_fetch[1])
    parts = peek.parts(file)
    assert (ran.code, set(parts.values())) == (0, {str(fold) for fold in range(10)})
    assert sharing.torn(rows, parts) == []
    assert sharing.worst(rows, parts, dict(TEN), ("dx",)) <= 1
    counted = {fold: sharing.lesions(rows, parts, fold) for fold in dict(TEN)}
    thinnest = {dx: min(counts[dx] for counts in counted.values()) for dx in sharing.CLASSES}
    few = {dx: count for dx, count in thinnest.items() if count < 30}
    assert {one["dx"]: one["lesions"] for one in ran.result["thin"]} == few
    assert {"akiec", "df", "vasc"} <= few.keys()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SOME_SEEDS, SOME_SEEDS // 4))
@pytest.mark.thinned(4)
def test_chance_puts_lesions_of_every_size_into_test_and_two_seeds_overlap_as_chance_would(first: int, rows: sharing.Rows) -> None:
    seeds = range(first, first + SOME_SEEDS // 4)
    found = sharing.chances(rows, seeds)
    assert found.groups == {1: 5484, 2: 1431, 3: 493, 4: 34, 5: 6, 6: 4}
    for images, often in found.tested.items():
        # Four standard deviations of that many draws, where a few groups and seeds tell no more.
        drawn = 4 * math.sqrt(0.15 * 0.85 / (found.groups[images] * len(seeds)))
        assert abs(often - 0.15) <= max(0.02, drawn), images
    assert abs(found.overlap - 0.15) <= 0.01


@pytest.mark.slow
@pytest.mark.thinned(0)
def test_four_hundred_thousand_rows_are_shared_out_as_evenly(rows: sharing.Rows) -> None:
    many = sharing.resampled(rows, 400_000, seed=1)
    placed = share_out(stock(many, MARGINS), RATIOS, 0, splits.ALGORITHM, {})
    parts = {row["image_id"]: placed[row["group"]] for row in many}
    assert sharing.worst(many, parts, sharing.THREE, ("dx",)) <= 1
    assert max(sharing.worst(many, parts, sharing.THREE, columns) for columns in sharing.CROSSED) <= 3.5
