"""What people write splits down in: every form gives the same sides, and what is no split one clear error."""

from __future__ import annotations

import csv
import io
import json
import os
import string
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ham_cli.errors import HamError, WrongUsageError
from ham_cli.findings import Advanced, Done, Started
from ham_cli.splits.checking.foreign import Asked, ImageIds, Reading
from ham_cli.splits.checking.foreign.names import side_in, side_of
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ham_cli.splits.checking.foreign import Foreign
    from tests.conftest import Command, Here

IDS = ImageIds(r"ISIC_\d{7}")
CLASSES = frozenset({"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"})

SPLIT = {"ISIC_0000001": "train", "ISIC_0000002": "train", "ISIC_0000003": "validation", "ISIC_0000004": "test"}
FOLDS = {"ISIC_0000001": "fold 0", "ISIC_0000002": "fold 1", "ISIC_0000003": "fold 2", "ISIC_0000004": "test"}
WRITTEN = {"train": "train", "validation": "val", "test": "test"}


def read(*paths: Path, **asked: str) -> Foreign:
    reading = Reading(paths, IDS, CLASSES, Asked(asked.get("image"), asked.get("split")))
    list(reading.run())
    return reading.foreign


def sides(found: Foreign) -> dict[str, str]:
    """Image to side; every image stands there once."""
    assert len({entry.key for entry in found.entries}) == len(found.entries)
    return {entry.key: entry.side for entry in found.entries}


def put(path: Path, text: str, **options: Any) -> Path:  # noqa: ANN401
    path.write_text(text, newline="", **options)
    return path


def table(rows: Mapping[str, str], header: str = "image_id,split", line: Callable[[str, str], str] = "{},{}".format) -> str:
    return "\n".join([header, *(line(image_id, side) for image_id, side in rows.items()), ""])


# CSV.


@pytest.mark.parametrize(
    "text",
    [
        table(SPLIT),
        table(SPLIT).replace(",", ";"),
        table(SPLIT).replace(",", "\t"),
        table(SPLIT).replace("\n", "\r\n"),
        table(SPLIT).rstrip("\n"),
        "\ufeff" + table(SPLIT),
        "\n\n" + table(SPLIT) + "\n\n",
        table(SPLIT, '"image_id","split"', '"{}","{}"'.format),
        table(SPLIT, "Image ID , Set", " {} , {} ".format),
        table(SPLIT, "FILENAME,Subset", "data/all images/{}.jpg,{}".format),
        table(SPLIT, "path,partition", r"C:\data\{}.JPG,{}".format),
        table(SPLIT, "isic_id,phase", "{}_downsampled,{}".format),
        table(SPLIT, "file,split", lambda image_id, side: f"{image_id.lower()}.png,{side.upper()}"),
        table(SPLIT, "n,id,image_id,age,split,note", '7,12,{},45.0,{},"one, two\nthree"'.format),
        table(SPLIT, "split,lesion_id,picture", lambda image_id, side: f"{side},HAM_0000001,{image_id}"),
        table(SPLIT, "image,Verwendung", "{},{}".format),
        table(SPLIT, ",image_id,split", "0,{},{}".format),
        table(SPLIT, "image_id,split,fold", "{},{},".format),
        table(SPLIT, "image_id,dataset,sex,split", "{},rosendahl,male,{}".format),
        "".join(f"{image_id},{side}\n" for image_id, side in SPLIT.items()),
        table(SPLIT, "image_id,train,val,test", lambda i, side: f"{i},{','.join(str(int(side == p)) for p in WRITTEN)}"),
        table(SPLIT, "image_id,is_train,is_val,is_test", lambda i, side: f"{i},{','.join('yes' if side == p else '' for p in WRITTEN)}"),
        table(SPLIT, ",train,val,test", lambda i, side: f"{i},{','.join(str(side == p) for p in WRITTEN)}"),
        "n,train,val,test\n0,ISIC_0000001,ISIC_0000003,ISIC_0000004\n1,ISIC_0000002,,\n",
    ],
)
def test_any_usual_csv_gives_the_same_sides(text: str, tmp_path: Path) -> None:
    assert sides(read(put(tmp_path / "given.csv", text, encoding="utf-8"))) == SPLIT


@pytest.mark.parametrize("name", ["given.tsv", "given.tab", "given.CSV", "given", "train_test.dat"])
def test_the_ending_of_a_table_does_not_matter(name: str, tmp_path: Path) -> None:
    assert sides(read(put(tmp_path / name, table(SPLIT).replace(",", "\t")))) == SPLIT


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_table_of_another_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    text = table(SPLIT, "image_id,split,ort", "{},{},Rücken".format)
    assert sides(read(put(tmp_path / "given.csv", text, encoding=encoding))) == SPLIT


@pytest.mark.parametrize(
    ("words", "side"),
    [
        (("train", "TRAIN", " Training ", "trn", "training_set", "Training set", "trainset"), "train"),
        (("val", "valid", "Validation", "dev", "val_set"), "validation"),
        (("test", "testing", "eval", "holdout", "hold-out", "Test set"), "test"),
        (("3", "3.0", "fold3", "fold_3", "Fold 3", "fold-03", 3, 3.0), "fold 3"),
        (("clinic A",), "clinic A"),
        (("", " ", "nan", "NaN", "None", "NULL", "<NA>", None, float("nan")), None),
    ],
)
def test_a_side_is_known_by_any_usual_word(words: tuple[object, ...], side: str | None) -> None:
    assert {side_of(word) for word in words} == {side}


@pytest.mark.parametrize(
    ("stem", "side"),
    [
        ("train", "train"),
        ("my_train_split", "train"),
        ("ISIC2018_Task3_Training_GroundTruth", "train"),
        ("ISIC2018_Task3_Test_GroundTruth", "test"),
        ("data-val-2", "validation"),
        ("fold_0", "fold 0"),
        ("split fold12 final", "fold 12"),
        ("train_test_split", None),
        ("HAM10000_metadata", None),
        ("testimony", None),
        ("scaffold 3", None),
    ],
)
def test_a_file_name_tells_a_side_where_one_stands_in_it(stem: str, side: str | None) -> None:
    assert side_in(stem) == side


@pytest.mark.parametrize(
    "header_and_line",
    [
        ("image_id,split,fold", lambda i, side: f"{i},test," if side == "test" else f"{i},,{side[5:]}"),
        ("image_id,split,fold", lambda i, side: f"{i},test," if side == "test" else f"{i},train,{side[5:]}.0"),
        ("image_id,split,fold", lambda i, side: f"{i},test,-1" if side == "test" else f"{i},train,{side[5:]}"),
        ("image_id,kfold", lambda i, side: f"{i},{side.replace('fold ', '')}"),
        ("image_id,subset", lambda i, side: f"{i},{side.replace(' ', '_')}"),
    ],
)
def test_folds_beside_an_official_test_are_sides(header_and_line: tuple[str, Callable[[str, str], str]], tmp_path: Path) -> None:
    found = read(put(tmp_path / "given.csv", table(FOLDS, *header_and_line)))
    assert sides(found) == FOLDS
    assert found.sides == ("test", "fold 0", "fold 1", "fold 2")


def test_a_test_far_below_the_folds_is_a_side(tmp_path: Path) -> None:
    lines = [f"ISIC_{n:07},,{n % 2}" for n in range(1, 30_001)] + ["ISIC_0030001,test,"]
    (tmp_path / "given.csv").write_text("image_id,split,fold\n" + "\n".join(lines) + "\n", encoding="utf-8")
    assert read(tmp_path / "given.csv").sides == ("test", "fold 0", "fold 1")


def test_where_parts_have_folds_too_the_parts_are_the_sides_and_it_is_said(tmp_path: Path) -> None:
    text = table(SPLIT, "image_id,split,fold", "{},{},0".format).replace("ISIC_0000001,train,0", "ISIC_0000001,train,1")
    found = read(put(tmp_path / "given.csv", text))
    assert (sides(found), "--split-column fold" in found.notes[0]) == (SPLIT, True)
    assert set(sides(read(tmp_path / "given.csv", split="fold")).values()) == {"fold 0", "fold 1"}


@pytest.mark.parametrize(("column", "others"), [("is_test", "train"), ("val", "train"), ("train", "test")])
def test_of_a_lone_flag_the_others_are_the_other_side(column: str, others: str, tmp_path: Path) -> None:
    found = read(put(tmp_path / "given.csv", f"image_id,{column}\nISIC_0000001,1\nISIC_0000002,0\n"))
    flagged = {"is_test": "test", "val": "validation", "train": "train"}[column]
    assert sides(found) == {"ISIC_0000001": flagged, "ISIC_0000002": others}
    assert found.notes == (f"given.csv: rows without {column} are taken as {others}",)


def test_an_image_flagged_twice_is_on_both_sides(tmp_path: Path) -> None:
    found = read(put(tmp_path / "given.csv", "image_id,train,test\nISIC_0000001,1,1\nISIC_0000002,0,1\n"))
    assert sorted((entry.key, entry.side) for entry in found.entries) == [
        ("ISIC_0000001", "test"),
        ("ISIC_0000001", "train"),
        ("ISIC_0000002", "test"),
    ]


def test_columns_may_be_named_by_hand(tmp_path: Path) -> None:
    file = put(tmp_path / "given.csv", "image_id,twin,split,Set 2\nISIC_0000001,ISIC_0000002,train,a\nISIC_0000003,ISIC_0000004,test,b\n")
    assert sides(read(file, image="twin", split="Set 2")) == {"ISIC_0000002": "a", "ISIC_0000004": "b"}
    with pytest.raises(WrongUsageError) as raised:
        read(file, split="nothing")
    assert (raised.value.got, "--split-column" in str(raised.value.expected)) == ("image_id, twin, split, Set 2", True)


def test_rows_without_image_or_side_are_passed_over_and_counted(tmp_path: Path) -> None:
    found = read(put(tmp_path / "given.csv", "image_id,split\nISIC_0000001,train\n,test\nISIC_0000002,\nnan,val\nISIC_0000003\n"))
    assert (sides(found), found.sources[0].blank, found.sources[0].nowhere) == ({"ISIC_0000001": "train"}, 2, 2)


def test_a_place_is_the_line_that_an_editor_shows(tmp_path: Path) -> None:
    found = read(put(tmp_path / "given.csv", 'image_id,note,split\nISIC_0000001,"a\nb",train\nISIC_0000002,,test\n'))
    assert [entry.place for entry in found.entries] == ["given.csv:3", "given.csv:4"]


LABEL = st.text(string.ascii_letters + string.digits + " _-./\\,;\"'äß", min_size=1, max_size=12)


@given(st.lists(st.tuples(LABEL, st.sampled_from(sorted(SPLIT)), LABEL, st.sampled_from([".jpg", ".JPEG", ".png", ""])), min_size=1))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_around_an_id_in_a_csv_it_is_found(tmp_path: Path, rows: list[tuple[str, str, str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "split"])
    writer.writerows([f"{folder}/{image_id}{suffix}", "train"] for folder, image_id, _, suffix in rows)
    found = read(put(tmp_path / "given.csv", text.getvalue(), encoding="utf-8"))
    assert [entry.image_id for entry in found.entries] == [image_id for _, image_id, _, _ in rows]


# Parquet and JSON.

RECORDS = [{"image_id": image_id, "split": side, "age": 45.0} for image_id, side in SPLIT.items()]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: pl.DataFrame(RECORDS).write_parquet(path),
        lambda path: pd.DataFrame(RECORDS).to_parquet(path),
        lambda path: pd.DataFrame(RECORDS).set_index("image_id").to_parquet(path),
        lambda path: pl.DataFrame(RECORDS).with_columns(pl.col("split").cast(pl.Categorical)).write_parquet(path),
        lambda path: pq.write_table(pa.Table.from_pylist([{"image": {"bytes": b"\xff\xd8", "path": "x"}} | row for row in RECORDS]), path),
        lambda path: pl.DataFrame(RECORDS).with_columns(is_train=pl.col("split") == "train").write_parquet(path),
    ],
    ids=["Polars", "pandas", "pandas index", "categories", "with images", "with flags"],
)
def test_any_parquet_gives_the_same_sides(write: Callable[[Path], object], tmp_path: Path) -> None:
    write(tmp_path / "given.parquet")
    assert sides(read(tmp_path / "given.parquet")) == SPLIT


def test_numbers_of_folds_in_parquet_are_folds_also_as_floats(tmp_path: Path) -> None:
    folds = {image_id: None if side == "test" else float(side[5:]) for image_id, side in FOLDS.items()}
    rows = [{"image_id": i, "split": "test" if fold is None else None, "fold": fold} for i, fold in folds.items()]
    pd.DataFrame(rows).to_parquet(tmp_path / "given.parquet")
    assert sides(read(tmp_path / "given.parquet")) == FOLDS


FRAME = pd.DataFrame(RECORDS)
BY_SIDE = {word: [i for i, side in SPLIT.items() if side == part] for part, word in WRITTEN.items()}
FORMS: dict[str, str | None] = {
    "records": json.dumps(RECORDS),
    "columns of lists": json.dumps({name: [row[name] for row in RECORDS] for name in RECORDS[0]}),
    "pandas": FRAME.to_json(),
    "pandas split": FRAME.to_json(orient="split"),
    "pandas table": FRAME.to_json(orient="table"),
    "pandas index": FRAME.set_index("image_id").to_json(orient="index"),
    "lines": FRAME.to_json(orient="records", lines=True),
    "sides of ids": json.dumps(BY_SIDE),
    "sides of names": json.dumps({side: [f"images/{i}.jpg" for i in ids] for side, ids in BY_SIDE.items()}),
    "sides of records": json.dumps({side: [{"file": f"{i}.jpg", "label": "nv"} for i in ids] for side, ids in BY_SIDE.items()}),
    "sides with a version": json.dumps({"version": 2, **BY_SIDE}),
    "sides of labels": json.dumps({side: dict.fromkeys(ids, "nv") for side, ids in BY_SIDE.items()}),
    "words": json.dumps(SPLIT),
    "COCO with a split": json.dumps(
        {"images": [{"id": n, "file_name": f"{i}.jpg", "split": side} for n, (i, side) in enumerate(SPLIT.items())]}
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_any_json_gives_the_same_sides(form: str, tmp_path: Path) -> None:
    assert sides(read(put(tmp_path / "given.json", FORMS[form] or ""))) == SPLIT


@given(st.dictionaries(st.from_regex(r"ISIC_[0-9]{7}", fullmatch=True), st.sampled_from(["train", "val", "test"]), min_size=1))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_form_of_a_split_says_the_same(tmp_path: Path, split: dict[str, str]) -> None:
    frame = pd.DataFrame({"image": list(split), "set": list(split.values())})
    frame.to_csv(tmp_path / "a.csv")
    frame.to_csv(tmp_path / "b.tsv", sep="\t", index=False)
    frame.to_json(tmp_path / "c.json")
    frame.to_json(tmp_path / "d.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "e.parquet")
    found = [sides(read(tmp_path / name)) for name in ("a.csv", "b.tsv", "c.json", "d.jsonl", "e.parquet")]
    assert found == [{image_id: side_of(side) for image_id, side in split.items()}] * 5


# A file a part.


@pytest.mark.parametrize(
    ("names", "suffix"),
    [
        (("train", "val", "test"), ".csv"),
        (("my_train_split", "my_valid_split", "my_test_split"), ".csv"),
        (("Training", "dev", "holdout"), ".txt"),
        (("train", "validation", "test"), ".json"),
    ],
)
def test_a_file_a_part_by_name_or_all_of_a_folder(names: tuple[str, ...], suffix: str, tmp_path: Path) -> None:
    for name, ids in zip(names, BY_SIDE.values(), strict=True):
        text = {".csv": "\n".join(["image,MEL,NV", *(f"{i},0,1" for i in ids), ""]), ".json": json.dumps(ids)}
        put(s.lay(tmp_path / "parts", {}) / f"{name}{suffix}", text.get(suffix, "\n".join(f"nv/{i}.jpg 5" for i in ids)))
    put(tmp_path / "parts" / "README.md", "what I did")
    put(tmp_path / "parts" / "._train.csv", "\0\0")
    assert sides(read(tmp_path / "parts")) == SPLIT
    assert sides(read(*(tmp_path / "parts" / f"{name}{suffix}" for name in names))) == SPLIT


def test_files_of_other_names_are_sides_of_their_own(tmp_path: Path) -> None:
    files = [put(tmp_path / f"{name}.txt", f"{i}\n") for name, i in (("site_a", "ISIC_0000001"), ("site_b", "ISIC_0000002"))]
    assert sides(read(*files)) == {"ISIC_0000001": "site_a", "ISIC_0000002": "site_b"}


def test_files_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    s.lay(tmp_path, {"train/list.txt": b"ISIC_0000001\n", "test/list.txt": b"ISIC_0000002\n"})
    assert sides(read(tmp_path / "train" / "list.txt", tmp_path / "test" / "list.txt")) == {"ISIC_0000001": "train", "ISIC_0000002": "test"}
    s.lay(tmp_path, {"a/list.txt": b"ISIC_0000001\n", "b/list.txt": b"ISIC_0000002\n"})
    assert sides(read(tmp_path / "a" / "list.txt", tmp_path / "b" / "list.txt")) == {"ISIC_0000001": "a/list", "ISIC_0000002": "b/list"}


@pytest.mark.parametrize("empty", ["test.json", "test.csv"])
def test_a_part_without_images_is_refused_and_named(empty: str, tmp_path: Path) -> None:
    s.lay(tmp_path, {"train.csv": b"image\nISIC_0000001\n", empty: b"[]" if empty.endswith("json") else b"image\n"})
    with pytest.raises(WrongUsageError, match=r"no rows|no lines") as raised:
        read(tmp_path)
    assert raised.value.where == str(tmp_path / empty)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"train_fold0.csv": "ISIC_0000001", "val_fold0.csv": "ISIC_0000002", "train_fold1.csv": "ISIC_0000003"}, "one fold at a time"),
        ({"a.csv": "image_id,split\nISIC_0000001,train\nISIC_0000002,test", "b.csv": "ISIC_0000001"}, "one file at a time"),
    ],
)
def test_files_that_are_no_parts_of_one_split_are_refused(files: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(WrongUsageError, match=told):
        read(*(put(tmp_path / name, text) for name, text in files.items()))


# Folders of images.


@pytest.mark.parametrize(
    "pattern",
    [
        "{part}/nv/{i}.jpg",
        "{part}/{i}.png",
        "data/{part}/nv/{i}.jpg",
        "images/{part}/{i}.jpg",
        "nv/{part}/{i}.jpg",
        "{part}/a/b/c/d/{i}.JPEG",
        "{part}_set/nv/{i}_downsampled.jpg",
    ],
)
def test_a_folder_a_part_at_any_depth(pattern: str, tmp_path: Path) -> None:
    files = {pattern.format(part=WRITTEN[side], i=i): i.encode() for i, side in SPLIT.items()}
    clutter = {"__MACOSX/train/._ISIC_0000009.jpg": b"x", "train/.DS_Store": b"x", "train/._ISIC_0000001.jpg": b"x", "classes.txt": b"nv\n"}
    masks = {"train/masks/ISIC_0000001_segmentation.png": b"x"} if pattern.startswith("{part}/") else {}
    found = read(s.lay(tmp_path / "tree", files | clutter | masks))
    assert (sides(found), len(found.notes)) == (SPLIT, len(masks))


def test_folders_of_folds_and_of_sites_are_sides_and_of_classes_none(tmp_path: Path) -> None:
    folds = s.lay(tmp_path / "folds", {"fold_0/nv/ISIC_0000001.jpg": b"1", "fold_1/nv/ISIC_0000002.jpg": b"2"})
    assert sides(read(folds)) == {"ISIC_0000001": "fold 0", "ISIC_0000002": "fold 1"}
    sites = s.lay(tmp_path / "sites", {"all/vienna/ISIC_0000001.jpg": b"1", "all/queensland/ISIC_0000002.jpg": b"2"})
    assert sides(read(sites)) == {"ISIC_0000001": "vienna", "ISIC_0000002": "queensland"}
    classes = s.lay(tmp_path / "classes", {"NV/ISIC_0000001.jpg": b"1", "mel/ISIC_0000002.jpg": b"2"})
    assert sides(read(classes)) == {"ISIC_0000001": "all", "ISIC_0000002": "all"}


def test_folders_may_be_given_a_side_each(tmp_path: Path) -> None:
    s.lay(tmp_path, {"my train/nv/ISIC_0000001.jpg": b"1", "elsewhere/test/ISIC_0000002.jpg": b"2"})
    assert sides(read(tmp_path / "my train", tmp_path / "elsewhere" / "test")) == {"ISIC_0000001": "train", "ISIC_0000002": "test"}


def test_beside_a_folder_of_all_images_the_table_tells_the_sides(tmp_path: Path) -> None:
    s.lay(tmp_path / "set", {f"images/{i}.jpg": b"1" for i in SPLIT} | {"split.csv": table(SPLIT).encode()})
    assert sides(read(tmp_path / "set")) == SPLIT


def test_a_loop_of_links_ends_and_a_linked_side_is_a_side(tmp_path: Path) -> None:
    tree = s.lay(tmp_path / "tree", {"train/ISIC_0000001.jpg": b"1"})
    (tree / "train" / "up").symlink_to(tree)
    (tree / "test").symlink_to(tree / "train")
    found = read(tree)
    assert {(entry.key, entry.side) for entry in found.entries} == {("ISIC_0000001", "train"), ("ISIC_0000001", "test")}


def test_a_link_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    tree = s.lay(tmp_path / "tree", {"train/ISIC_0000001.jpg": b"1", "test/ISIC_0000002.jpg": b"2"})
    (tree / "test" / "ISIC_0000003.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = read(tree)
    assert (len(found.entries), "test/ISIC_0000003.jpg" in found.notes[0]) == (2, True)


# What is no split.

BAD: dict[str, tuple[str, bytes]] = {
    "an empty file": ("a.csv", b""),
    "white space": ("a.csv", b" \n\n "),
    "no columns of ids": ("a.csv", b"a,b\n1,2\n"),
    "ids that are numbers": ("a.csv", b"id,split\n1,train\n2,test\n"),
    "a header alone": ("a.csv", b"image_id,split\n"),
    "no side at all in its column": ("a.csv", b"image_id,split\nISIC_0000001,\nISIC_0000002,nan\n"),
    "two columns of ids": ("a.csv", b"image_id,image_id,split\nISIC_0000001,ISIC_0000002,train\n"),
    "two columns of sides": ("a.csv", b"image_id,split,split\nISIC_0000001,train,test\n"),
    "a word for every image": ("a.csv", table({f"ISIC_{n:07}": f"word {n}" for n in range(200)}).encode()),
    "a text for a side": ("a.csv", f"image_id,split\nISIC_0000001,{'x' * 100}\n".encode()),
    "an open quote": ("a.csv", b'image_id,split\n"' + b"x" * 200_000),
    "binary data": ("a.csv", bytes(range(256)) * 20),
    "a picture": ("a.csv", b"\xff\xd8\xff\xdb\x00C\x00"),
    "a workbook": ("a.xlsx", b"PK\x03\x04" + bytes(100)),
    "MedMNIST": ("dermamnist.npz", b"PK\x03\x04" + bytes(100)),
    "gzip": ("a.csv.gz", b"\x1f\x8b\x08\x00" + bytes(20)),
    "a web page": ("a.csv", b"<!DOCTYPE html><html></html>"),
    "a broken Parquet": ("a.parquet", b"PAR1" + bytes(50)),
    "no Parquet": ("a.parquet", b"image_id,split\nISIC_0000001,train\n"),
    "broken JSON": ("a.json", b'{"train": ['),
    "JSON of two kinds": ("a.json", b'{"a": 1}\n[[1]]\n'),
    "a number": ("a.json", b"3"),
    "nothing": ("a.json", b"null"),
    "an empty list": ("a.json", b"[]"),
    "an empty object": ("a.json", b"{}"),
    "lists of lists": ("a.json", b"[[1, 2], [3]]"),
    "uneven columns": ("a.json", b'{"image_id": ["ISIC_0000001"], "split": ["train", "test"]}'),
    "a name twice": ("a.json", b'{"train": ["ISIC_0000001"], "train": ["ISIC_0000002"]}'),
    "deep nesting": ("a.json", b"[" * 100_000 + b"]" * 100_000),
    "deep objects": ("a.json", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "no UTF-8": ("a.json", b'["\xff\xfe\xfa"]'),
    "a number of too many digits": ("a.json", b"[" + b"9" * 10_000 + b"]"),
    "a list of nothing": ("a.txt", b"# none\n\n"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_split_is_one_error_that_names_the_file(what: str, small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    name, data = BAD[what]
    (tmp_path / name).write_bytes(data)
    ran = ham_here("check", tmp_path / name, "--json", cache=small_cache)
    error = ran.json["error"]
    assert (ran.code, error["where"], ran.result) == (2, str(tmp_path / name), {})
    assert {"what", "where", "expected", "got", "next"} == set(error)
    assert ran.err.count("error: ") == 1


def test_a_table_of_duplicate_names_in_parquet_is_refused(tmp_path: Path) -> None:
    column = pa.array(["ISIC_0000001"])
    pq.write_table(pa.Table.from_arrays([column, column, pa.array(["train"])], ["image_id", "image_id", "split"]), tmp_path / "a.parquet")
    with pytest.raises(WrongUsageError, match="2 times"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "what", ["nothing", "an empty folder", "notes", "several tables", "a fifo", "a device", "a dangling link", "a loop"]
)
def test_what_is_no_file_and_no_folder_of_a_split_is_one_error(what: str, small_cache: Path, ham: Command, tmp_path: Path) -> None:
    place = tmp_path / "given"
    if what in {"an empty folder", "notes", "several tables"}:
        files = {"notes": {"notes.md": b"mine"}, "several tables": {"a.csv": b"x", "b.csv": b"y"}}
        s.lay(place, files.get(what, {}))
    elif what == "a fifo":
        os.mkfifo(place)
    elif what != "nothing":
        place.symlink_to({"a device": "/dev/null", "a dangling link": str(tmp_path / "nowhere"), "a loop": str(place)}[what])
    ran = ham("check", place, cache=small_cache, timeout=20)
    assert (ran.returncode, ran.stderr.count("error: "), "Traceback" in ran.stderr) == (5 if what == "a loop" else 2, 1, False), ran.stderr
    assert str(place) in ran.stderr


def test_an_empty_path_and_none_are_wrong_usage(small_cache: Path, ham_here: Here) -> None:
    assert ham_here("check", "", cache=small_cache).code == 2
    assert ham_here("check", cache=small_cache).code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_exit_5(small_cache: Path, ham: Command, tmp_path: Path) -> None:
    put(tmp_path / "a.csv", table(SPLIT)).chmod(0)
    assert ham("check", tmp_path / "a.csv", cache=small_cache).returncode == 5


def test_a_large_table_tells_how_far_it_is(tmp_path: Path) -> None:
    rows = 200_000
    file = put(tmp_path / "large.csv", table({f"ISIC_{n:07}": "train" for n in range(rows)}, "image_id,split,note", "{},{},".format))
    with file.open("a") as opened:
        opened.write(("," + "x" * 100 + "\n") * 150_000)
    events = list(Reading([file], IDS, CLASSES).run())
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)
    assert 0 < sum(event.amount for event in events if isinstance(event, Advanced)) <= file.stat().st_size


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.txt", "a.parquet", "a.tsv", "train.csv"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@example(b'"image_id",\r\r\n\x85', "a.csv")
@example(b"image_id,split\n\0,\0", "a.csv")
@example(b"\xff\xfea", "a.csv")
@example(b'[{"image": {}}]', "a.json")
@example(b'{"image": {"0": "ISIC_0000001"}, "split": ["train"]}', "a.json")
@example(b'{"data": [1], "columns": ["image"]}', "a.json")
@example(b'{"images": [null]}', "a.json")
def test_no_bytes_whatever_are_a_bug(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    try:
        read(tmp_path / name)
    except HamError as error:
        assert error.exit_code == 2  # noqa: PT017  (either will do: it is read, or it is refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from([*SPLIT, "train", "test", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["image_id", "split", "train", "test", "data", "images", "columns", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_json_whatever_is_a_bug(tmp_path: Path, document: object) -> None:
    put(tmp_path / "a.json", json.dumps(document))
    try:
        read(tmp_path / "a.json")
    except HamError as error:
        assert error.exit_code == 2  # noqa: PT017


def test_numbers_for_ids_are_named_and_how_ids_are_written(tmp_path: Path) -> None:
    with pytest.raises(WrongUsageError) as refusal:
        read(put(tmp_path / "a.csv", table({"24306": "train", "24307": "test"})))
    assert refusal.value.got == "numbers in the column image_id, such as '24306'"
    assert "ISIC_0024306" in str(refusal.value.fix)
