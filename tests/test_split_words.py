"""What ``ham split`` says of a split: counts, deviations, and how sure a result on it can be; every number is worked out here."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest

from tests import peek, sharing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Here, Ran


@pytest.fixture(scope="module")
def rows(real_data: Path) -> sharing.Rows:
    """The published rows."""
    return sharing.real(real_data)


def half_width(lesions: int) -> float:
    """Half of the 95 % interval of a recall of 0.75 on so many lesions."""
    return 1.96 * math.sqrt(0.1875 / lesions)


def uncertain(lesions: Mapping[str, int]) -> str:
    """What is said of classes, in this order."""
    return ", ".join(f"{dx} +-{half_width(count):.2f} ({count})" for dx, count in lesions.items())


def few(lesions: Mapping[str, int]) -> dict[str, int]:
    """The classes of fewer than thirty lesions, the thinnest first."""
    return dict(sorted(((dx, n) for dx, n in lesions.items() if n < 30), key=lambda one: (one[1], one[0])))


def alike(rows: sharing.Rows) -> dict[str, int]:
    """Diagnosis to its lesions in a whole table."""
    return sharing.lesions(rows, {row["image_id"]: "all" for row in rows}, "all")


def cells_of(rows: sharing.Rows, parts: Mapping[str, str], dx: str | None) -> list[object]:
    """A line of the table: of each part its images, how many more than its share, and its lesions."""
    mine = [row for row in rows if dx in {None, row["dx"]}]
    cells: list[object] = [dx or "(all)"]
    for part, share in sharing.THREE.items():
        inside = [row for row in mine if parts[row["image_id"]] == part]
        # A half is shown as either of its neighbours.
        cells += [
            str(len(inside)),
            pytest.approx(len(inside) - len(mine) * share / 100, abs=0.0501),
            str(len({row["lesion_id"] for row in inside})),
        ]
    return cells


def test_the_table_counts_images_deviations_and_lesions(
    rows: sharing.Rows, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    ran = ham_here("split", "-o", tmp_path / "s.csv", cache=real_fetch[1])
    parts = peek.parts(tmp_path / "s.csv")
    head, *lines, digest = ran.out.splitlines()
    assert re.sub(" +", " ", head) == "dx train off lesions validation off lesions test off lesions"
    found = [[float(cell) if cell.strip("+-") != cell or "." in cell else cell for cell in line.split()] for line in lines]
    assert found == [cells_of(rows, parts, dx) for dx in (*sharing.CLASSES, None)]
    assert digest == f"digest {peek.split_digest(parts)}"


@pytest.mark.slow
def test_of_folds_the_table_gives_the_range_and_the_largest_deviation(
    rows: sharing.Rows, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    ran = ham_here("split", "--folds", 5, "-o", tmp_path / "s.csv", cache=real_fetch[1])
    parts = peek.parts(tmp_path / "s.csv")
    for line, dx in zip(ran.out.splitlines()[1:-1], (*sharing.CLASSES, None), strict=True):
        mine = [row for row in rows if dx in {None, row["dx"]}]
        folds = [[row for row in mine if parts[row["image_id"]] == str(fold)] for fold in range(5)]
        images = sorted(len(fold) for fold in folds)
        lesions = sorted(len({row["lesion_id"] for row in fold}) for fold in folds)
        cells = line.split()
        ranges = ["-".join(map(str, dict.fromkeys((some[0], some[-1])))) for some in (images, lesions)]
        assert [cells[n] for n in (0, 1, 2, 4, 5)] == [dx or "(all)", str(len(mine)), ranges[0], str(sum(lesions)), ranges[1]]
        furthest = max(abs(count - len(mine) / 5) for count in images)
        assert abs(float(cells[3])) == pytest.approx(furthest, abs=0.051)


def test_how_uncertain_a_result_on_thin_classes_is_and_what_would_be_surer(
    rows: sharing.Rows, real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "s.csv"
    ran = ham_here("split", "-o", file, "--json", cache=real_fetch[1])
    thin = few(sharing.lesions(rows, peek.parts(file), "test"))
    assert thin.keys() == {"df", "vasc"}
    others = {"--test official": alike(sharing.official(real_data)), "--folds 5, pooled": alike(rows)}
    assert [others[name]["df"] for name in others] == [40, 73]
    assert [f"{half_width(others[name]['df']):.2f}" for name in others] == ["0.13", "0.10"]
    surer = "; ".join(f"{name} {uncertain({dx: lesions[dx] for dx in thin})}" for name, lesions in others.items())
    told = [
        f"A recall of 0.75 in test is uncertain by (95 %, by lesions) {uncertain(thin)}.",
        f"Surer: {surer}.",
        sharing.LABELS,
        sharing.PATIENTS,
    ]
    assert ran.result["notes"] == told
    assert [line for line in ran.err.splitlines() if line in told] == told
    assert ran.result["thin"] == [
        {"dx": dx, "part": "test", "lesions": count, "half_width": pytest.approx(half_width(count), abs=1e-4)} for dx, count in thin.items()
    ]
    assert ran.json["warnings"] == []


def test_of_folds_the_thinnest_one_is_told_and_all_of_them_pooled(
    rows: sharing.Rows, real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "s.csv"
    ran = ham_here("split", "--folds", 5, "-o", file, "--json", cache=real_fetch[1])
    counted = [sharing.lesions(rows, peek.parts(file), str(fold)) for fold in range(5)]
    thin = few({dx: min(counts[dx] for counts in counted) for dx in sharing.CLASSES})
    others = {"--test official": alike(sharing.official(real_data)), "pooled over all folds": alike(rows)}
    surer = "; ".join(f"{name} {uncertain({dx: lesions[dx] for dx in thin})}" for name, lesions in others.items())
    assert ran.result["notes"][:2] == [
        f"A recall of 0.75 in the thinnest fold is uncertain by (95 %, by lesions) {uncertain(thin)}.",
        f"Surer: {surer}.",
    ]


@pytest.mark.parametrize("words", [("--partition", "test"), ("--hold-out", "dataset=rosendahl")], ids=" ".join)
def test_pooled_are_the_lesions_that_the_folds_have_and_no_others(  # noqa: PLR0913  (fixtures)
    words: tuple[str, ...], rows: sharing.Rows, real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "s.csv"
    ran = ham_here("split", "--folds", 3, *words, "-o", file, "--json", cache=real_fetch[1])
    parts = {image_id: "a fold" for image_id, part in peek.parts(file).items() if part.isdigit()}
    pooled = sharing.lesions([*rows, *sharing.official(real_data)], parts, "a fold")
    for said in ran.result["notes"]:
        found = re.search(r"pooled over all folds (.*?)[.;]?$", said)
        for dx, count in re.findall(r"(\w+) \+-[0-9.]+ \((\d+)\)", found[1] if found else ""):
            assert int(count) == pooled[dx], dx


def test_of_the_official_test_no_class_is_thin(real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("split", "--test", "official", "-o", tmp_path / "s.csv", "--json", cache=real_fetch[1])
    assert (ran.result["thin"], ran.result["notes"]) == ([], [sharing.LABELS, sharing.PATIENTS])
    assert {c["part"]: c["off"] for c in ran.result["parts"]}["test"] is None


def test_ratios_that_are_no_percentages_are_said_to_be_taken_so(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("split", "--ratios", "70/20", "-o", tmp_path / "s.csv", "--json", cache=small_cache)
    words = "--ratios 70/20 do not add up to 100: taken as 77.8 % train, 22.2 % test; no image is left out"
    assert (ran.code, ran.json["warnings"][:1], len(peek.parts(tmp_path / "s.csv"))) == (0, [words], 20)
    for usual in ("70/30", "0.7/0.3", "2/1", "1/1/1"):
        ran = ham_here("split", "--ratios", usual, "-o", tmp_path / "t.csv", "--force", "--json", cache=small_cache)
        assert not any("--ratios" in warning for warning in ran.json["warnings"])


def test_what_would_be_surer_can_be_done(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    # No class of the small record has five lesions: five folds are refused there, and must not be advised.
    assert ham_here("split", "--folds", 5, "-o", tmp_path / "s.csv", cache=small_cache).code == 2
    ran = ham_here("split", "-o", tmp_path / "s.csv", "--json", cache=small_cache)
    assert not any("--folds 5" in sentence for sentence in ran.result["notes"])
