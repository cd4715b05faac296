"""The cache as one table: what is in it, how a split joins it, which images stay together."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import open_dataset
from ham_cli import record as records
from ham_cli.dataset import read_split
from ham_cli.errors import AccessError, HamError, UnavailableError, WrongUsageError
from ham_cli.groups import groups
from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ham_cli.dataset import Dataset
    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

HEAVY = ("PIL", "duckdb", "httpx", "numpy", "pandas", "polars", "pyarrow", "rich", "scipy")

WORDS = ("image_id", "partition", "lesion_id", "dx", "dx_type", "sex", "localization", "dataset", "path", "sha256", "vouched")
MORE_WORDS = ("mask_path", "mask_sha256", "archive", "group", "age_band", "split")
WHOLE = ("row", "bytes", "width", "height", "mask_bytes", "fold")
DTYPES = dict.fromkeys((*WORDS, *MORE_WORDS), "string") | dict.fromkeys(WHOLE, "Int64") | {"in_record": "bool", "age": "float64"}
"""Every column of ``images``, as its docstring and the architecture's page name them."""

TRAIN = [row[1] for row in s.TRAIN]
TEST = [row[1] for row in s.TRUTH if row[1] != s.PLANTED]
VALIDATION = [image_id for image_id, _ in s.VALIDATION]
LESION = {row[1]: row[0] for row in (*s.TRAIN, *s.TRUTH)}

PARTS = {image_id: ("train", "validation", "test")[n % 3] for n, image_id in enumerate(sorted(TRAIN))}
FOLDS = {image_id: n % 4 for n, image_id in enumerate(sorted(TRAIN))}


@pytest.fixture
def whole(small_cache: Path) -> Dataset:
    """The whole small record."""
    return open_dataset(small_cache)


def written(path: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = ("image_id", "split")) -> Path:
    """A CSV file of rows under names."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def in_parts(where: Path) -> Path:
    """A split of the training images that was made by hand."""
    return written(where / "parts.csv", PARTS.items())


def in_folds(where: Path) -> Path:
    """Four folds of the training images, and the test images beside them."""
    rows = [(i, None, fold) for i, fold in FOLDS.items()] + [(i, "test", None) for i in TEST]
    return written(where / "folds.csv", rows, ("image_id", "split", "fold"))


def ids(dataset: Dataset) -> set[str]:
    """The images of a data set, each of them once."""
    found = [row["image_id"] for row in dataset.rows]
    assert len(set(found)) == len(found)
    return set(found)


def split_of(dataset: Dataset) -> dict[str, str | None]:
    """Image id to its part, as ``images`` shows it."""
    frame = dataset.images
    return {str(i): None if part is pd.NA else str(part) for i, part in zip(frame["image_id"], frame["split"], strict=True)}


# Opening.


def test_nothing_heavy_is_imported_before_it_is_called_and_pandas_not_before_images(small_cache: Path) -> None:
    program = f"""
import json, sys
from ham_cli import open_dataset
def heavy(): return [name for name in {HEAVY!r} if name in sys.modules]
said = [heavy()]
dataset = open_dataset(sys.argv[1])
said.append(heavy())
dataset.partition("train").only(dx="mel").one_per_lesion().labels("malignant")
said.append(heavy())
said.append(len(dataset.images))
said.append("pandas" in sys.modules)
print(json.dumps(said))
"""
    ran = subprocess.run([sys.executable, "-c", program, str(small_cache)], capture_output=True, text=True, check=True)
    before, opened, used, rows, pandas = json.loads(ran.stdout)
    assert before == []
    assert set(opened) <= {"pyarrow", "numpy"}
    assert (used, rows, pandas) == (opened, len(s.TRAIN) + len(s.TRUTH) + len(s.VALIDATION), True)


def test_open_dataset_is_the_packages_own_and_another_name_is_an_error() -> None:
    import ham_cli

    assert ham_cli.open_dataset is open_dataset
    with pytest.raises(AttributeError, match="no attribute 'open_datasets'"):
        _ = ham_cli.open_datasets


def test_the_cache_is_the_one_named_or_that_of_the_environment(small_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_CACHE_DIR", str(small_cache))
    assert open_dataset().rows == open_dataset(str(small_cache)).rows == open_dataset(small_cache, record=s.ID).rows
    monkeypatch.setenv("HOME", str(small_cache.parent))
    assert open_dataset(f"~/{small_cache.name}").rows == open_dataset().rows
    monkeypatch.chdir(small_cache.parent)
    assert open_dataset(small_cache.name).path("ISIC_0000001").is_absolute()


def test_where_nothing_is_fetched_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as refusal:
        open_dataset(tmp_path / "none")
    assert (refusal.value.exit_code, "ham fetch" in str(refusal.value.fix), (tmp_path / "none").exists()) == (4, True, False)


@pytest.mark.parametrize("record", ["other-1.0", "../small-1.0", f"{s.ID}/.", "images"])
def test_an_unknown_record_is_refused_with_those_there_are(record: str, small_cache: Path) -> None:
    with pytest.raises(WrongUsageError) as refusal:
        open_dataset(small_cache, record=record)
    assert (refusal.value.exit_code, refusal.value.expected, refusal.value.got) == (2, s.ID, record)


def test_a_damaged_manifest_is_an_access_error_and_no_empty_table(cache: Path) -> None:
    peek.manifest(cache, "images").write_bytes(b"PAR1 and no more")
    with pytest.raises(AccessError) as refusal:
        open_dataset(cache)
    assert (refusal.value.exit_code, refusal.value.where) == (5, str(peek.manifest(cache, "images")))


# The table.


def test_images_has_a_row_an_image_in_the_order_of_ids(whole: Dataset) -> None:
    assert list(whole.images["image_id"]) == sorted([*TRAIN, *TEST, *VALIDATION, s.PLANTED])
    assert list(whole.images.index) == list(range(len(whole.images)))


def test_images_has_these_columns_of_these_types(whole: Dataset) -> None:
    assert {str(name): str(kind) for name, kind in whole.images.dtypes.items()} == DTYPES


@pytest.mark.parametrize("narrow", ["validation", "test", "nothing", "split", "planted"])
def test_a_columns_type_does_not_depend_on_what_stands_in_it(narrow: str, whole: Dataset, tmp_path: Path) -> None:
    some = {
        "validation": lambda: whole.partition("validation"),
        "test": lambda: whole.partition("test"),
        "nothing": lambda: whole.only(dx="mel", sex="unknown"),
        "split": lambda: whole.split(in_folds(tmp_path), fold=1),
        "planted": lambda: whole.only(in_record=False),
    }[narrow]()
    assert len(some.rows) == {"validation": 4, "test": 5, "nothing": 0, "split": 24, "planted": 1}[narrow]
    assert {str(name): str(kind) for name, kind in some.images.dtypes.items()} == DTYPES


def test_images_says_what_the_published_table_says_and_blanks_are_missing(whole: Dataset) -> None:
    frame = whole.images.set_index("image_id")
    for lesion, image_id, dx, dx_type, age, sex, localization, dataset in (*s.TRAIN, *s.TRUTH):
        row = frame.loc[image_id]
        said = [row[c] for c in ("lesion_id", "dx", "dx_type", "age", "sex", "localization", "dataset")]
        expected = [lesion, dx, dx_type, float(age) if age else None, sex or None, localization or None, dataset or None]
        assert [None if pd.isna(cell) else cell for cell in said] == expected
    assert frame.loc[VALIDATION, ["lesion_id", "dx_type", "age", "sex", "localization", "dataset"]].isna().all(axis=None)
    assert list(frame.index[~frame["in_record"]]) == [s.PLANTED]


def test_paths_lead_from_the_root_to_the_published_bytes(whole: Dataset, small: Small) -> None:
    found = {row.path: row for row in whole.images.dropna(subset=["path"]).itertuples()}
    assert all(os.path.isabs(str(path)) for path in found)  # noqa: PTH117  (the very text is meant)
    published = small.images | small.test | small.validation
    assert {Path(str(path)).name: Path(str(path)).read_bytes() for path in found} == published
    masks = [Path(str(path)) for path in whole.images["mask_path"].dropna()]
    assert {path.name: path.read_bytes() for path in masks} == small.masks
    assert all(path.is_absolute() for path in masks)


def test_what_is_not_in_the_cache_is_missing_in_every_column_of_its_file(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]} | dict(list(small.images.items())[:3]))
    assert fetch("--allow-partial", source=source).code == 0
    frame = open_dataset(tmp_path / "cache").images
    here = frame["image_id"].isin([name.removesuffix(".jpg") for name in list(small.images)[:3]])
    files = ["path", "bytes", "sha256", "width", "height"]
    assert (int(here.sum()), len(frame)) == (3, 20)
    assert frame.loc[~here, files].isna().all(axis=None)
    assert frame.loc[here, files].notna().all(axis=None)
    assert frame[["mask_path", "mask_bytes", "mask_sha256", "split", "fold"]].isna().all(axis=None)


def test_a_data_set_made_smaller_leaves_the_larger_one_as_it_was(whole: Dataset) -> None:
    before = whole.rows
    whole.partition("train").only(dx="mel").images.drop(columns="dx")
    assert whole.rows == before
    assert "dx" in whole.images


def test_the_real_table_opens_with_the_published_counts(real_fetch: tuple[Ran, Path]) -> None:
    frame = open_dataset(real_fetch[1]).images
    assert frame["partition"].value_counts().to_dict() == {"train": 10015, "test": 1512, "validation": 193}
    train = frame[frame["partition"] == "train"]
    classes = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
    assert train["dx"].value_counts().to_dict() == classes
    assert (train["lesion_id"].nunique(), train["group"].nunique()) == (7470, 7452)
    assert (int(train["age"].isna().sum()), int((train["age"] == 0).sum()), int(frame["path"].notna().sum())) == (57, 39, 96)
    assert all(Path(str(path)).is_file() for path in frame["path"].dropna())
    assert {str(name): str(kind) for name, kind in frame.dtypes.items()} == DTYPES


# A split.


def test_a_split_is_found_by_its_name(cache: Path, ham_here: Here) -> None:
    assert ham_here("split", "--name", "mine", cache=cache).code == 0
    dataset = open_dataset(cache)
    assert dataset.splits() == ["mine"]
    assert split_of(dataset.split("mine")) == peek.parts(cache / s.ID / "splits" / "mine.parquet")


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("as_path", [True, False])
def test_a_split_is_found_by_its_file(suffix: str, as_path: bool, whole: Dataset, ham_here: Here, tmp_path: Path) -> None:  # noqa: FBT001
    file = tmp_path / f"s0{suffix}"
    assert ham_here("split", "-o", file, cache=whole.folder.path.parent).code == 0
    joined = whole.split(file if as_path else str(file))
    assert split_of(joined) == peek.parts(file)
    assert joined.joined is not None
    assert joined.joined.digest == peek.split_digest(peek.parts(file))


def test_a_relative_file_and_one_in_the_home_folder_are_files(whole: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = in_parts(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (file.name, f"./{file.name}", f"~/{file.name}"):
        assert split_of(whole.split(name)) == PARTS


def test_images_outside_of_the_split_are_left_out_and_the_parts_are_the_files(whole: Dataset, tmp_path: Path) -> None:
    joined = whole.split(in_parts(tmp_path))
    assert split_of(joined) == PARTS
    assert joined.images["fold"].isna().all()
    for part in ("train", "validation", "test"):
        assert ids(joined.part(part)) == {i for i, p in PARTS.items() if p == part}
    assert split_of(whole) == dict.fromkeys((*TRAIN, *TEST, *VALIDATION, s.PLANTED))


def edited(file: Path, how: str) -> Path:
    """A split that somebody took through pandas or Polars: other order, more columns, fewer columns."""
    frame = pd.read_parquet(file).sample(frac=1, random_state=1)
    frame.insert(0, "seen", pd.Timestamp("2026-11-23 12:00:00.000001"))
    frame["score"] = [n / 7 for n in range(len(frame))]
    new = file.with_name(f"edited.{'csv' if 'csv' in how else 'parquet'}")
    if how == "parquet":
        frame.to_parquet(new)
    elif how == "parquet with nanoseconds":
        frame["seen"] = frame["seen"].astype("datetime64[ns]")
        frame.to_parquet(new)
    elif how == "parquet of categories":
        frame.astype({"split": "category", "image_id": "category"})[["split", "image_id"]].to_parquet(new, index=False)
    elif how == "parquet by polars":
        pl.from_pandas(frame).with_columns(pl.col("split").cast(pl.Categorical), pl.lit([1, 2]).alias("list")).write_parquet(new)
    elif how == "csv":
        frame.to_csv(new)
    else:
        frame[["image_id", "fold", "split"]].to_csv(new, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return new


@pytest.mark.parametrize(
    "how", ["parquet", "parquet with nanoseconds", "parquet of categories", "parquet by polars", "csv", "csv as a spreadsheet writes it"]
)
def test_a_split_edited_elsewhere_is_the_same_split(how: str, whole: Dataset, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "s0.parquet"
    assert ham_here("split", "-o", file, cache=whole.folder.path.parent).code == 0
    joined = whole.split(edited(file, how))
    assert split_of(joined) == peek.parts(file)
    assert joined.joined is not None
    assert joined.joined.digest == peek.split_digest(peek.parts(file))


def test_what_somebody_changed_in_a_split_counts(whole: Dataset, ham_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "s0.parquet"
    assert ham_here("split", "-o", file, cache=whole.folder.path.parent).code == 0
    before = peek.parts(file)
    frame = pd.read_parquet(file).astype({"split": "str"})
    frame.loc[frame["image_id"] == "ISIC_0000001", "split"] = "test"
    frame.to_parquet(file)
    after = before | {"ISIC_0000001": "test"}
    joined = whole.split(file)
    assert split_of(joined) == after
    assert joined.joined is not None
    assert joined.joined.digest == peek.split_digest(after)


@pytest.mark.parametrize("fold", [0, 1, 2, 3])
def test_a_fold_is_held_out_as_validation_the_rest_is_train_and_test_stays(fold: int, whole: Dataset, tmp_path: Path) -> None:
    expected = {i: "validation" if n == fold else "train" for i, n in FOLDS.items()} | dict.fromkeys(TEST, "test")
    joined = whole.split(in_folds(tmp_path), fold=fold)
    assert split_of(joined) == expected
    assert {str(i): None if n is pd.NA else int(n) for i, n in joined.images.set_index("image_id")["fold"].items()} == (
        FOLDS | dict.fromkeys(TEST)
    )


@pytest.mark.parametrize("how", ["parquet", "parquet of floats", "csv"])
def test_folds_come_through_pandas(how: str, whole: Dataset, tmp_path: Path) -> None:
    frame = pd.read_csv(in_folds(tmp_path))
    assert str(frame["fold"].dtype) == "float64"
    file = tmp_path / f"pandas.{how.partition(' ')[0]}"
    if how == "csv":
        frame.to_csv(file)
    else:
        frame.astype({} if how == "parquet of floats" else {"fold": "Int64"}).to_parquet(file)
    joined = whole.split(file, fold=2)
    assert ids(joined.part("validation")) == {i for i, n in FOLDS.items() if n == 2}
    assert ids(joined.part("test")) == set(TEST)


def test_with_folds_and_none_held_out_only_test_is_a_part(whole: Dataset, tmp_path: Path) -> None:
    joined = whole.split(in_folds(tmp_path))
    assert split_of(joined) == dict.fromkeys(TRAIN) | dict.fromkeys(TEST, "test")
    assert joined.joined is not None
    parts = {i: str(n) for i, n in FOLDS.items()} | dict.fromkeys(TEST, "test")
    assert joined.joined.digest == peek.split_digest(parts)


@pytest.mark.parametrize("fold", [4, -1, 999])
def test_a_fold_that_is_not_there_is_refused_with_those_that_are(fold: int, whole: Dataset, tmp_path: Path) -> None:
    with pytest.raises(WrongUsageError) as refusal:
        whole.split(in_folds(tmp_path), fold=fold)
    expected = str(refusal.value.expected)
    assert (refusal.value.exit_code, "0" in expected, "3" in expected, "4" in expected, refusal.value.got) == (
        2,
        True,
        True,
        False,
        str(fold),
    )


def test_a_fold_of_a_split_without_folds_is_refused(whole: Dataset, tmp_path: Path) -> None:
    with pytest.raises(WrongUsageError, match="no such fold"):
        whole.split(in_parts(tmp_path), fold=0)


@pytest.mark.parametrize("name", ["s1", "..", "mine.txt"])
def test_an_unknown_name_is_refused_with_the_names_there_are(name: str, cache: Path, ham_here: Here) -> None:
    assert ham_here("split", "--name", "mine", cache=cache).code == 0
    ran = ham_here("stats", "--split", name, "--json", cache=cache)
    assert (ran.code, ran.json["error"]["expected"], ran.json["error"]["got"]) == (2, "mine", name)


def test_a_file_that_is_not_there_is_refused_by_its_path(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("stats", "--split", tmp_path / "none.csv", "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["where"]) == (2, str(tmp_path / "none.csv"))


def as_parquet(**columns: list[Any]) -> Callable[[Path], object]:
    """What writes these columns into a Parquet file."""
    return lambda path: pl.DataFrame(columns).write_parquet(path)


NOT_SPLITS: dict[str, tuple[str, bytes | Callable[[Path], object]]] = {
    "an empty CSV": (".csv", b""),
    "an empty Parquet": (".parquet", b""),
    "a binary CSV": (".csv", bytes(range(256)) * 9),
    "a CSV of zeros": (".csv", b"image_id,split\n" + bytes(99)),
    "a binary Parquet": (".parquet", bytes(range(256)) * 9),
    "a Parquet cut short": (".parquet", b"PAR1" + bytes(99) + b"PAR1"),
    "a CSV named Parquet": (".parquet", b"image_id,split\nISIC_0000001,train\n"),
    "a folder as CSV": (".csv", Path.mkdir),
    "a folder as Parquet": (".parquet", Path.mkdir),
    "no rows": (".csv", b"image_id,split\n"),
    "no rows in Parquet": (".parquet", as_parquet(image_id=[], split=[])),
    "an image twice": (".csv", b"image_id,split\nISIC_0000001,train\nISIC_0000001,train\n"),
    "an image on two sides": (".csv", b"image_id,split\nISIC_0000001,train\nISIC_0000001,test\n"),
    "an unknown image": (".csv", b"image_id,split\nISIC_0000001,train\nISIC_0099999,test\n"),
    "the planted image": (".csv", f"image_id,split\nISIC_0000001,train\n{s.PLANTED},test\n".encode()),
    "ids with an ending": (".csv", b"image_id,split\nISIC_0000001.jpg,train\n"),
    "split and fold": (".csv", b"image_id,split,fold\nISIC_0000001,train,0\n"),
    "neither split nor fold": (".csv", b"image_id,split,fold\nISIC_0000001,,\n"),
    "no column of parts": (".csv", b"image_id,dx\nISIC_0000001,nv\n"),
    "no column of images": (".csv", b"image,split\nISIC_0000001,train\n"),
    "no column of images in Parquet": (".parquet", as_parquet(image=["ISIC_0000001"], split=["train"])),
    "another word": (".csv", b"image_id,split\nISIC_0000001,fit\n"),
    "a word in capitals that is none": (".csv", b"image_id,split\nISIC_0000001,TRAINED\n"),
    "a huge fold": (".csv", b"image_id,fold\nISIC_0000001,1e400\n"),
    "a fold of many digits": (".csv", b"image_id,fold\nISIC_0000001," + b"9" * 5000 + b"\n"),
    "a fold without end": (".csv", b"image_id,fold\nISIC_0000001,inf\n"),
    "a fold without end in Parquet": (".parquet", as_parquet(image_id=["ISIC_0000001"], fold=[float("inf")])),
    "a fold of a million": (".parquet", as_parquet(image_id=["ISIC_0000001"], fold=[10**6])),
    "a negative fold": (".csv", b"image_id,fold\nISIC_0000001,-1\n"),
    "a broken fold": (".csv", b"image_id,fold\nISIC_0000001,0.5\n"),
    "a fold in words": (".csv", b"image_id,fold\nISIC_0000001,one\n"),
    "a fold in foreign digits": (".csv", "image_id,fold\nISIC_0000001,\u0661\n".encode()),
    "Latin-1": (".csv", "image_id,split,note\nISIC_0000001,train,ö\n".encode("latin-1")),
    "UTF-16": (".csv", "image_id,split\nISIC_0000001,train\n".encode("utf-16")),
    "an open quote": (".csv", b'image_id,split\n"ISIC_0000001,train\n'),
    "a cell of a megabyte": (".csv", b"image_id,split\nISIC_0000001," + b"train" * 200_000 + b"\n"),
    "numbers for images": (".parquet", as_parquet(image_id=[1], split=["train"])),
    "lists for images": (".parquet", as_parquet(image_id=[["ISIC_0000001"]], split=["train"])),
    "lists for parts": (".parquet", as_parquet(image_id=["ISIC_0000001"], split=[["train"]])),
    "times for folds": (".parquet", as_parquet(image_id=["ISIC_0000001"], fold=[dt.datetime(9000, 1, 1, tzinfo=dt.UTC)])),
    "a JSON document": (".csv", b'{"image_id": "ISIC_0000001", "split": "train"}\n'),
}


@pytest.mark.parametrize("kind", NOT_SPLITS)
def test_what_is_no_split_is_wrong_usage_in_one_error_that_names_the_file(
    kind: str, small_cache: Path, ham_here: Here, tmp_path: Path
) -> None:
    suffix, content = NOT_SPLITS[kind]
    file = tmp_path / f"given{suffix}"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        content(file)
    ran = ham_here("export", "csv", tmp_path / "out", "--split", file, "--json", cache=small_cache)
    assert ran.code == 2, ran.err
    assert (ran.err.count("error: "), ran.json["error"]["where"], (tmp_path / "out").exists()) == (1, str(file), False)
    assert len(ran.err) < 1500


def test_a_split_of_images_the_tables_do_not_name_names_one_and_says_how_many(whole: Dataset, tmp_path: Path) -> None:
    file = written(tmp_path / "more.csv", [("ISIC_0000001", "train"), ("ISIC_0099998", "test"), ("ISIC_0099999", "test")])
    with pytest.raises(WrongUsageError) as refusal:
        whole.split(file)
    got = str(refusal.value.got)
    assert (got.startswith("2 of 3"), "ISIC_0099998" in got, "ham fetch" in str(refusal.value.fix)) == (True, True, True)


def test_a_part_without_a_split_and_a_part_that_is_none_are_refused(whole: Dataset, tmp_path: Path) -> None:
    with pytest.raises(WrongUsageError, match="no split is named"):
        whole.part("train")
    with pytest.raises(WrongUsageError, match="no such part") as refusal:
        whole.split(in_parts(tmp_path)).part("val")
    assert (refusal.value.expected, refusal.value.got) == ("train, validation, test", "val")


# Narrowing down.


def test_a_partition_is_a_published_role(whole: Dataset) -> None:
    assert ids(whole.partition("train")) == set(TRAIN)
    assert ids(whole.partition("test")) == {*TEST, s.PLANTED}
    assert ids(whole.partition("validation")) == set(VALIDATION)
    with pytest.raises(WrongUsageError) as refusal:
        whole.partition("training")
    assert (refusal.value.exit_code, refusal.value.expected) == (2, "train, validation, test")


def test_only_wants_every_column_to_agree(whole: Dataset) -> None:
    males = {r[1] for r in (*s.TRAIN, *s.TRUTH) if r[5] == "male"}
    mel = {r[1] for r in (*s.TRAIN, *s.TRUTH) if r[2] == "mel"} | {"ISIC_0000202"}
    bcc = {r[1] for r in s.TRAIN if r[2] == "bcc"}
    assert ids(whole.only(dx="mel")) == mel
    assert ids(whole.only(dx=("mel", "bcc"), sex="male")) == (mel | bcc) & males
    assert ids(whole.only(dx={"mel"}).only(sex=["male"])) == mel & males
    assert ids(whole.only(dx=iter(["mel", "bcc"]))) == mel | bcc
    assert ids(whole.only(age=0.0)) == ids(whole.only(age=0)) == {"ISIC_0000008"}
    assert ids(whole.only(dx="mel", sex="unknown")) == set()
    assert ids(whole.only()) == ids(whole)


def test_only_knows_the_columns_a_split_adds(whole: Dataset, tmp_path: Path) -> None:
    joined = whole.split(in_folds(tmp_path), fold=1)
    assert ids(joined.only(fold=1)) == ids(joined.only(split="validation")) == {i for i, n in FOLDS.items() if n == 1}
    assert ids(whole.only(age_band="75+")) == {"ISIC_0000001", "ISIC_0000005", "ISIC_0000016"}


def test_a_column_or_a_word_that_there_is_none_of_is_refused(whole: Dataset) -> None:
    with pytest.raises(WrongUsageError, match="column"):
        whole.only(colour="red")
    with pytest.raises(WrongUsageError) as refusal:
        whole.only(dx="melanoma")
    assert (refusal.value.exit_code, refusal.value.expected, refusal.value.got) == (2, "akiec, bcc, bkl, df, mel, nv, vasc", "melanoma")


def lowest(images: Iterable[str], seed: int) -> str:
    """The image with the lowest SHA-256 of the documented line."""
    return min(images, key=lambda image_id: hashlib.sha256(f"ham-sample-1,{seed},{image_id}".encode()).hexdigest())


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_one_per_lesion_takes_the_image_with_the_lowest_sha256(seed: int, whole: Dataset) -> None:
    lesions: dict[str, set[str]] = {}
    for image_id, lesion in LESION.items():
        lesions.setdefault(lesion, set()).add(image_id)
    expected = {lowest(images, seed) for images in lesions.values()} | set(VALIDATION)
    assert (len(lesions), ids(whole.one_per_lesion(seed))) == (14 + 4, expected)


def test_one_per_lesion_of_the_real_table_is_7470_images(real_fetch: tuple[Ran, Path]) -> None:
    train = open_dataset(real_fetch[1]).partition("train")
    lesions: dict[str, list[str]] = {}
    for image_id, lesion in peek.query(
        "SELECT image_id, lesion_id FROM read_parquet(?) WHERE partition = 'train'", str(peek.manifest(real_fetch[1], "images", peek.REAL))
    ):
        lesions.setdefault(lesion, []).append(image_id)
    chosen = ids(train.one_per_lesion(3))
    assert (len(chosen), chosen) == (7470, {lowest(images, 3) for images in lesions.values()})


def test_labels_are_diagnoses_or_the_sides_of_a_named_grouping(whole: Dataset) -> None:
    dx = {r[1]: r[2] for r in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
    assert whole.labels() == dx
    malignant = {i: "malignant" if name in {"mel", "bcc", "akiec"} else "not malignant" for i, name in dx.items()}
    assert whole.labels("malignant") == malignant
    assert set(whole.partition("train").labels()) == set(TRAIN)
    with pytest.raises(WrongUsageError, match="no such grouping") as refusal:
        whole.labels("benign")
    assert (refusal.value.exit_code, refusal.value.expected) == (2, "malignant")


def test_of_the_real_training_images_1954_are_malignant(real_fetch: tuple[Ran, Path]) -> None:
    labels = list(open_dataset(real_fetch[1]).partition("train").labels("malignant").values())
    assert (labels.count("malignant"), len(labels)) == (1113 + 514 + 327, 10015)


# One image.


def test_path_and_mask_lead_to_the_published_bytes(whole: Dataset, small: Small) -> None:
    for image_id, name in (("ISIC_0000001", "images"), ("ISIC_0000103", "test"), ("ISIC_0000201", "validation")):
        path = whole.path(image_id)
        assert (path.is_absolute(), path.parent.name, path.name) == (True, name, f"{image_id}.jpg")
        assert path.read_bytes() == (small.images | small.test | small.validation)[path.name]
    assert whole.mask("ISIC_0000001").read_bytes() == small.masks["ISIC_0000001_segmentation.png"]


@pytest.mark.parametrize("image_id", ["ISIC_0099999", "", "../record", "ISIC_0000001.jpg"])
def test_an_unknown_image_is_wrong_usage(image_id: str, whole: Dataset) -> None:
    for ask in (whole.path, whole.mask):
        with pytest.raises(WrongUsageError) as refusal:
            ask(image_id)
        assert (refusal.value.exit_code, refusal.value.got) == (2, image_id)


def test_an_image_that_was_filtered_out_is_unknown(whole: Dataset) -> None:
    with pytest.raises(WrongUsageError):
        whole.partition("train").path("ISIC_0000101")


@pytest.mark.parametrize(
    "case",
    [
        ("ISIC_0000001", "path", "ham fetch images"),
        ("ISIC_0000001", "mask", "ham fetch masks"),
        ("ISIC_0000101", "path", "ham fetch test"),
        ("ISIC_0000201", "path", "ham fetch validation"),
    ],
)
def test_a_file_that_is_not_in_the_cache_is_unavailable_and_says_what_brings_it(
    case: tuple[str, str, str], small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    image_id, column, fix = case
    tables = {name: small.tables[name] for name in (s.METADATA, s.TEST_TRUTH, s.VALIDATION_TRUTH)}
    assert fetch("--allow-partial", source=s.lay(tmp_path / "source", tables)).code == 0
    with pytest.raises(UnavailableError) as refusal:
        getattr(open_dataset(tmp_path / "cache"), column)(image_id)
    assert (refusal.value.exit_code, refusal.value.got, refusal.value.fix) == (4, image_id, fix)


@pytest.mark.parametrize(
    ("image_id", "column"), [("ISIC_0000101", "mask"), ("ISIC_0000201", "mask"), (s.PLANTED, "path"), (s.PLANTED, "mask")]
)
def test_where_no_fetch_can_bring_a_file_none_is_advised(image_id: str, column: str, whole: Dataset) -> None:
    with pytest.raises(HamError) as refusal:
        getattr(whole, column)(image_id)
    assert "ham fetch" not in str(refusal.value.fix)


# Groups.

IMAGES = st.integers(0, 11).map(lambda n: f"ISIC_{n}")
LESIONS = st.dictionaries(IMAGES, st.one_of(st.none(), st.integers(0, 7).map(lambda n: f"HAM_{n}")), max_size=12)
PAIRS = st.lists(st.tuples(IMAGES, IMAGES), max_size=9)


@given(LESIONS, PAIRS)
@settings(deadline=None)
def test_groups_are_the_transitive_closure_of_lesions_and_pairs(lesions: dict[str, str | None], pairs: list[tuple[str, str]]) -> None:
    assert groups(lesions, pairs) == peek.closure(lesions, pairs)


@given(LESIONS, PAIRS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_groups_do_not_depend_on_any_order(lesions: dict[str, str | None], pairs: list[tuple[str, str]], rnd: Any) -> None:  # noqa: ANN401
    shuffled = [pair[::-1] if rnd.random() < 0.5 else pair for pair in rnd.sample(pairs, len(pairs))]
    assert groups(dict(rnd.sample(list(lesions.items()), len(lesions))), shuffled) == groups(lesions, pairs)


def test_a_pair_brings_the_other_images_of_both_lesions_along() -> None:
    lesions: dict[str, str | None] = {"a": "L1", "b": "L1", "c": "L2", "d": "L2", "e": "L3", "f": None}
    assert groups(lesions, [("b", "c")]) == {"a": "L1", "b": "L1", "c": "L1", "d": "L1", "e": "L3", "f": "f"}
    assert groups(lesions, [("b", "c"), ("d", "f"), ("f", "e")]) == dict.fromkeys("abcdef", "L1")


def test_a_pair_of_which_one_image_is_unknown_says_nothing() -> None:
    lesions: dict[str, str | None] = {"a": "L1", "b": "L2"}
    assert groups(lesions, [("a", "z"), ("z", "b"), ("x", "y")]) == lesions


def test_the_small_records_pair_makes_thirteen_groups_of_fourteen_lesions(whole: Dataset) -> None:
    found = dict(zip(whole.images["image_id"], whole.images["group"], strict=True))
    expected = {i: "HAM_0000010" if lesion == "HAM_0000012" else lesion for i, lesion in LESION.items()} | {i: i for i in VALIDATION}
    assert found == expected
    assert whole.partition("train").images["group"].nunique() == 13


def test_the_real_table_has_7452_groups_of_7470_lesions(real_data: Path) -> None:
    with (real_data / "HAM10000_metadata").open(newline="") as file:
        lesions: dict[str, str | None] = {row["image_id"]: row["lesion_id"] for row in csv.DictReader(file)}
    with (real_data / "duplicate_pairs.csv").open(newline="") as file:
        pairs = [(row["image_id_a"], row["image_id_b"]) for row in csv.DictReader(file)]
    found = groups(lesions, pairs)
    assert (len(pairs), len(set(lesions.values())), len(set(found.values()))) == (18, 7470, 7452)
    assert found == peek.closure(lesions, pairs)
    assert groups(lesions, records.load().duplicate_pairs) == found


def test_the_two_look_alike_pairs_stay_apart(real_fetch: tuple[Ran, Path]) -> None:
    group = {row["image_id"]: row["group"] for row in open_dataset(real_fetch[1]).rows}
    assert group["ISIC_0025323"] != group["ISIC_0025141"]
    assert group["ISIC_0025947"] != group["ISIC_0029023"]


# Age bands.


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (None, None),
        (-1.0, None),
        (0.0, "0-29"),
        (29.0, "0-29"),
        (29.9, "0-29"),
        (30.0, "30-44"),
        (44.0, "30-44"),
        (44.5, "30-44"),
        (45.0, "45-59"),
        (59.0, "45-59"),
        (60.0, "60-74"),
        (74.0, "60-74"),
        (74.99, "60-74"),
        (75.0, "75+"),
        (85.0, "75+"),
        (120.0, "75+"),
    ],
)
def test_an_age_lies_in_its_band(age: float | None, band: str | None) -> None:
    assert records.load().age_band(age) == band


def test_the_bands_of_the_small_record_are_these(whole: Dataset) -> None:
    bands = {"60.0": "60-74", "70.0": "60-74", "55.0": "45-59", "85.0": "75+", "45.0": "45-59", "": None, "35.0": "30-44", "40.0": "30-44"}
    bands |= {"75.0": "75+", "30.0": "30-44", "50.0": "45-59", "0.0": "0-29", "20.0": "0-29", "65.0": "60-74"}
    expected = {row[1]: bands[row[4]] for row in (*s.TRAIN, *s.TRUTH)} | dict.fromkeys(VALIDATION)
    assert {row["image_id"]: row["age_band"] for row in whole.rows} == expected


# In a notebook.


def test_a_data_set_says_in_a_line_what_it_is(whole: Dataset) -> None:
    assert repr(whole.partition("train")) == f"<Dataset {s.ID}: 20 images, 14 lesions>"
    assert len(whole.partition("train")) == 20
    assert isinstance(hash(whole), int)


def test_a_split_can_be_joined_with_a_part_of_the_images(whole: Dataset, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("image_id,split\nISIC_0000001,train\nISIC_0000002,test\n")
    assert [row["image_id"] for row in whole.only(dx="bcc").split(tmp_path / "s.csv").rows] == ["ISIC_0000001"]


def test_a_record_that_is_not_in_the_cache_is_called_so(small_cache: Path) -> None:
    with pytest.raises(WrongUsageError, match="no such record"):
        open_dataset(small_cache, record="other-1.0")
    with pytest.raises(WrongUsageError, match="cache_dir is empty"):
        open_dataset("")


def test_a_blank_is_asked_for_as_none(whole: Dataset) -> None:
    assert {row["image_id"] for row in whole.partition("train").only(age=None).rows} == {"ISIC_0000015"}


def test_only_the_folds_that_there_are_can_be_held_out(whole: Dataset, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("image_id,fold\nISIC_0000001,0\nISIC_0000002,7\n")
    with pytest.raises(WrongUsageError, match="no such fold"):
        whole.split(tmp_path / "s.csv", fold=3)
    assert [row["split"] for row in whole.split(tmp_path / "s.csv", fold=7).rows] == ["train", "validation"]


def test_a_split_of_more_rows_than_anybody_has_is_refused_before_it_is_read(tmp_path: Path) -> None:
    many = pl.select(image_id=pl.repeat("ISIC_0000001", 2_000_001), split=pl.lit("train"))
    many.write_parquet(tmp_path / "many.parquet")
    with pytest.raises(WrongUsageError, match="2000001 rows"):
        read_split(tmp_path / "many.parquet")


def test_columns_between_semicolons_are_shown_as_they_were_read(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("image_id;split\nISIC_0000001;train\n")
    with pytest.raises(WrongUsageError, match="'image_id;split', with commas"):
        read_split(tmp_path / "s.csv")


def test_a_part_of_folds_wants_to_know_which_is_held_out(whole: Dataset, tmp_path: Path) -> None:
    folds = in_folds(tmp_path)
    with pytest.raises(WrongUsageError, match="folds"):
        whole.split(folds).part("train")
    held_out = whole.split(folds, fold=0)
    assert set.union(*(ids(held_out.part(part)) for part in ("train", "validation", "test"))) == ids(whole.split(folds))
