"""``ham split``: what it writes where, what lies there already, and where it cannot be done."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from ham_cli import open_dataset
from tests import peek, sharing
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command, Fetch, Here
    from tests.small import Small

DEFAULT = "r70-15-15-s0"

SMALL_SEED_0 = "1ee359ca6df0b1cc6d8f7a0bc690bd913a4bc86fcf05a67bc8dae63922de1d25"
SMALL_SEED_1 = "f1a2da576b6321f579fccfe1063d100736426c1cea147be9015a7c183107d72b"

# The small record.


def test_the_splits_of_two_seeds_are_pinned(cache: Path, ham_here: Here) -> None:
    for seed, pinned in ((0, SMALL_SEED_0), (1, SMALL_SEED_1)):
        ran = ham_here("split", "--seed", seed, "--json", cache=cache)
        assert (ran.code, ran.result["digest"]) == (0, pinned)
        assert peek.split_digest(peek.parts(cache / s.ID / "splits" / f"r70-15-15-s{seed}.parquet")) == pinned


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
    assert ham_here("split", "-o", tmp_path / "s.parquet", cache=small_cache).code == 0
    parts = peek.parts(tmp_path / "s.parquet")
    group = {row["image_id"]: row["group"] for row in sharing.small(small)}
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
    assert labels == {
        "ham.schema": "1",
        "ham.record": s.ID,
        "ham.algorithm": "ham-split-2",
        "ham.recipe": "r80-20-s7",
        "ham.seed": "7",
        "ham.input_digest": sharing.input_digest(sharing.small(small)),
        "ham.split_digest": peek.split_digest(peek.parts(file)),
    }
    assert {name: ran.result[name] for name in ("algorithm", "seed", "input_digest", "digest")} == {
        "algorithm": "ham-split-2",
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


def test_the_metadata_alone_suffices(small: Small, fetch: Fetch, ham_here: Here, cache: Path, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})
    assert fetch("metadata", source=source, cache=tmp_path / "bare").code == 0
    bare, whole = (ham_here("split", "--json", cache=c) for c in (tmp_path / "bare", cache))
    assert (bare.code, bare.result["digest"], bare.result["input_digest"]) == (0, whole.result["digest"], whole.result["input_digest"])


def test_the_table_a_person_sees_counts_images_and_lesions_of_each_part(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("split", "--ratios", "1/1", "-o", tmp_path / "s.csv", cache=small_cache)
    parts = peek.parts(tmp_path / "s.csv")
    lines = []
    for dx in (*sorted(sharing.CLASSES), None):
        cells, all_of_it = [dx or "(all)"], [r for r in s.TRAIN if dx in (None, r[2])]
        for part in ("train", "test"):
            mine = [r for r in all_of_it if parts[r[1]] == part]
            off = len(mine) - len(all_of_it) / 2
            cells += [str(len(mine)), f"{off:+.1f}" if off else "0.0", str(len({r[0] for r in mine}))]
        lines.append(cells)
    head, *rows, digest = ran.out.splitlines()
    assert head.split() == ["dx", "train", "off", "lesions", "test", "off", "lesions"]
    assert [row.split() for row in rows] == lines
    assert digest == f"digest {peek.split_digest(parts)}"
    assert {sharing.PATIENTS, sharing.LABELS} <= set(ran.err.splitlines())


def test_a_part_that_has_to_do_without_a_class_is_warned_of(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    ran = ham_here("split", "-o", file, "--json", cache=small_cache)
    parts = peek.parts(file)
    have = {part: {r[2] for r in s.TRAIN if parts[r[1]] == part} for part in ("train", "validation", "test")}
    lacking = {part: ", ".join(sorted(sharing.CLASSES.keys() - some)) for part, some in have.items() if len(some) < 7}
    # No class has three lesions that are no others' duplicates, but one.
    assert {"validation", "test"} & lacking.keys()
    assert ran.json["warnings"] == [f"{part} has no image of {classes}" for part, classes in lacking.items()]
    assert {c["part"]: c["images"] for c in ran.result["parts"]} == {part: list(parts.values()).count(part) for part in have}


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
    assert sorted((c["dx"], c["part"], c["images"], c["lesions"]) for c in ran.result["dx"] if c["images"]) == counted
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
        (("--folds", 2, "--seed", 3), "f2-s3"),
        (("--test", "official"), "r85-15-official-s0"),
        (("--test", "official", "--folds", 2), "f2-official-s0"),
        (("--hold-out", "dataset=rosendahl"), "r85-15-hold-out-dataset-rosendahl-s0"),
        (("--stratify", "dx,sex"), "r70-15-15-by-dx-sex-s0"),
        (("--ratios", "80/20", "--names", "train,validation"), "r80-20-train+validation-s0"),
        (("--only", "dx=mel,nv", "--only", "sex=male"), "r70-15-15-only-dx-mel-nv-only-sex-male-s0"),
        (("--only", "localization=lower extremity"), "r70-15-15-only-localization-lower_extremity-s0"),
        (("--partition", "test"), "r70-15-15-test-s0"),
        (("--one-per-lesion", "--no-known-duplicates"), "r70-15-15-one-per-lesion-plain-lesions-s0"),
        (("--preset", "isic2018"), "isic2018"),
    ],
)
def test_the_name_in_the_cache_tells_the_options(words: tuple[object, ...], name: str, cache: Path, ham_here: Here) -> None:
    ran = ham_here("split", *words, "--json", cache=cache)
    assert (ran.code, ran.result["name"]) == (0, name)
    assert peek.names(cache / s.ID / "splits") == [f"{name}.parquet"]


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
    assert {SMALL_SEED_0, "validation", "(all)", *sharing.CLASSES} <= set(words)
