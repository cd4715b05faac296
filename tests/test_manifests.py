"""The Parquet manifests as other programs read them, and damaged ones."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ham_cli
from ham_cli import manifest, tables
from ham_cli import record as records
from ham_cli.errors import AccessError
from ham_cli.manifest import Manifest, schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ham_cli.manifest.schemas import Schema

Row = dict[str, Any]

ARRIVED = dt.datetime(2026, 11, 23, 9, 8, 7)  # noqa: DTZ001
"""UTC, as times in manifests are; they carry no zone."""

OPTIONS = {"tables": {"train": {"columns": ["image_id", "dx"], "altered": []}}, "asked": {"images": [{"sample": 5}]}, "läsion": "é"}


@dataclass(frozen=True)
class Known:
    """One manifest as its documentation describes it, with rows of it."""

    schema: Schema
    key: tuple[str, ...]
    types: dict[str, str]
    """Column to DuckDB's name of its type; ``!`` where it is never null."""
    undigested: frozenset[str]
    """Columns that tell where and when, and so are in no digest."""
    rows: tuple[Row, ...]


IMAGES = Known(
    schemas.IMAGES,
    ("image_id",),
    {
        "image_id": "VARCHAR!",
        "partition": "VARCHAR!",
        "in_record": "BOOLEAN!",
        "row": "INTEGER",
        "lesion_id": "VARCHAR",
        "dx": "VARCHAR!",
        "dx_type": "VARCHAR",
        "age": "DOUBLE",
        "sex": "VARCHAR",
        "localization": "VARCHAR",
        "dataset": "VARCHAR",
        "path": "VARCHAR",
        "bytes": "BIGINT",
        "sha256": "VARCHAR",
        "vouched": "VARCHAR",
        "width": "INTEGER",
        "height": "INTEGER",
        "mask_path": "VARCHAR",
        "mask_bytes": "BIGINT",
        "mask_sha256": "VARCHAR",
        "archive": "VARCHAR",
    },
    frozenset({"path", "vouched", "mask_path", "archive"}),
    (
        {
            "image_id": "ISIC_0000002",
            "partition": "train",
            "in_record": True,
            "row": 1,
            "lesion_id": "HAM_0000002",
            "dx": "mel",
            "dx_type": "histo",
            "age": 80.0,
            "sex": "female",
            "localization": "lower extremity",
            "dataset": "rosendahl",
            "path": "images/ISIC_0000002.jpg",
            "bytes": 279172,
            "sha256": "ab" * 32,
            "vouched": "digest",
            "width": 600,
            "height": 450,
            "mask_path": "masks/ISIC_0000002_segmentation.png",
            "mask_bytes": 1234,
            "mask_sha256": "cd" * 32,
            "archive": "HAM10000_images_part_1.zip",
        },
        {"image_id": "ISIC_0000001", "partition": "train", "in_record": True, "row": 0, "dx": "nv", "age": 0.0, "sex": "unknown"},
        {"image_id": "ISIC_0000009", "partition": "test", "in_record": False, "row": 2, "dx": "nv", "dx_type": "consensus"},
        {"image_id": "ISIC_0000004", "partition": "validation", "in_record": True, "dx": "akiec", "bytes": 2**40, "vouched": "none"},
    ),
)

FILES = Known(
    schemas.FILES,
    ("component", "name"),
    {
        "component": "VARCHAR!",
        "name": "VARCHAR!",
        "original_name": "VARCHAR",
        "datafile_id": "BIGINT",
        "expected_bytes": "BIGINT",
        "expected_md5": "VARCHAR",
        "expected_from": "VARCHAR!",
        "bytes": "BIGINT",
        "md5": "VARCHAR",
        "sha256": "VARCHAR",
        "source": "VARCHAR",
        "url": "VARCHAR",
        "state": "VARCHAR!",
        "path": "VARCHAR",
        "fetched": "TIMESTAMP",
    },
    frozenset({"source", "url", "path", "fetched"}),
    (
        {"component": "test", "name": "b.zip", "expected_from": "none", "state": "missing"},
        {
            "component": "metadata",
            "name": "HAM10000_metadata.tab",
            "original_name": "HAM10000_metadata",
            "datafile_id": 4338392,
            "expected_bytes": 690218,
            "expected_md5": "8f85fb1aa29d80a2797247e434deb79d",
            "expected_from": "pinned",
            "bytes": 690218,
            "md5": "8f85fb1aa29d80a2797247e434deb79d",
            "sha256": "ef" * 32,
            "source": "folder",
            "url": None,
            "state": "have",
            "path": "tables/HAM10000_metadata",
            "fetched": ARRIVED,
        },
        {"component": "test", "name": "a.zip", "expected_from": "listing", "state": "dropped", "bytes": 2771732744, "fetched": ARRIVED},
    ),
)

VERIFICATION = Known(
    schemas.VERIFICATION,
    ("component", "path", "verdict"),
    {
        "component": "VARCHAR!",
        "path": "VARCHAR!",
        "verdict": "VARCHAR!",
        "image_id": "VARCHAR",
        "expected": "VARCHAR",
        "got": "VARCHAR",
        "detail": "VARCHAR",
    },
    frozenset(),
    (
        {"component": "masks", "path": "masks/x.png", "verdict": "extra", "detail": "no row names it: läsion, 病变"},
        {"component": "images", "path": "images/b.jpg", "verdict": "missing", "image_id": "ISIC_0000002", "expected": "ab" * 32},
        {
            "component": "images",
            "path": "images/a.jpg",
            "verdict": "wrong",
            "image_id": "ISIC_0000001",
            "expected": "5 bytes",
            "got": "4 bytes",
        },
    ),
)

ALL = pytest.mark.parametrize("known", [IMAGES, FILES, VERIFICATION], ids=["images", "files", "verification"])


def full(known: Known, rows: Sequence[Row] | None = None) -> list[Row]:
    """The rows with every column, in key order."""
    complete = [{column: row.get(column) for column in known.types} for row in (known.rows if rows is None else rows)]
    return sorted(complete, key=lambda row: [row[column] for column in known.key])


def written(folder: Path, known: Known, rows: Sequence[Row] | None = None) -> Path:
    path = folder / "some folder" / f"{known.schema.name}.parquet"
    chosen = known.rows if rows is None else rows
    manifest.write(path, Manifest(known.schema, [dict(row) for row in chosen], "small-1.0", OPTIONS))
    return path


def labels(path: Path) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in pq.read_schema(path).metadata.items()}


def digest_of(known: Known, rows: Sequence[Row]) -> str:
    """The content digest as it is documented: sorted-key JSON lines, in key order, without where and when."""
    lines = [{column: row[column] for column in known.types if column not in known.undigested} for row in rows]
    text = "".join(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def by_duckdb(path: Path) -> list[Row]:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def by_polars(path: Path) -> list[Row]:
    return pl.read_parquet(path).to_dicts()


def by_pandas(path: Path) -> list[Row]:
    frame = pd.read_parquet(path).astype(object)
    return [{str(k): v for k, v in row.items()} for row in frame.where(frame.notna(), None).to_dict("records")]


def by_pyarrow(path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def by_ham(path: Path) -> list[Row]:
    schema = {k.schema.name: k.schema for k in (IMAGES, FILES, VERIFICATION)}[path.stem]
    read = manifest.read(path, schema)
    assert read is not None
    return read.rows


READERS = pytest.mark.parametrize("reader", [by_duckdb, by_polars, by_pandas, by_pyarrow, by_ham])


# As other programs read them.


@ALL
@READERS
def test_every_reader_sees_the_same_rows_in_key_order(known: Known, reader: Callable[[Path], list[Row]], tmp_path: Path) -> None:
    assert reader(written(tmp_path, known)) == full(known)


@ALL
@READERS
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 300])
def test_any_number_of_rows_is_read_back(known: Known, reader: Callable[[Path], list[Row]], count: int, tmp_path: Path) -> None:
    key = known.key[-1] if known.key[-1] != "verdict" else "path"
    rows = [{**known.rows[n % len(known.rows)], key: f"ISIC_{n:07}"} for n in range(count)]
    assert reader(written(tmp_path, known, rows)) == full(known, rows)


@ALL
def test_columns_have_the_documented_types(known: Known, tmp_path: Path) -> None:
    path = written(tmp_path, known)
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    assert [(name, kind) for name, kind, *_ in described] == [(name, kind.rstrip("!")) for name, kind in known.types.items()]
    nullable = {field.name: field.nullable for field in pq.read_schema(path)}
    assert nullable == {name: not kind.endswith("!") for name, kind in known.types.items()}


@ALL
def test_every_column_carries_its_comment(known: Known, tmp_path: Path) -> None:
    for field in pq.read_schema(written(tmp_path, known)):
        comment = (field.metadata or {}).get(b"comment", b"").decode()
        assert len(comment.split()) >= 2, field.name
        if field.nullable:
            assert "null" in comment, field.name
    ages = {field.name: field.metadata[b"comment"].decode() for field in pq.read_schema(written(tmp_path, IMAGES))}
    assert "years" in ages["age"]
    assert "pixels" in ages["width"]


@ALL
def test_a_manifest_says_what_it_is_and_nothing_of_pandas(known: Known, tmp_path: Path) -> None:
    path = written(tmp_path, known)
    told = labels(path)
    assert {key for key in told if key != "ARROW:schema"} == {"ham.schema", "ham.record", "ham.digest", "ham.options", "ham.version"}
    assert (told["ham.schema"], told["ham.record"], told["ham.version"]) == ("1", "small-1.0", ham_cli.__version__)
    assert json.loads(told["ham.options"]) == OPTIONS
    assert b"pandas" not in path.read_bytes()


@ALL
def test_words_are_dictionaries_in_sorted_order(known: Known, tmp_path: Path) -> None:
    read = pq.read_table(written(tmp_path, known))
    words = {
        name: read.column(name).chunk(0).dictionary.to_pylist() for name in read.column_names if pa.types.is_dictionary(read[name].type)
    }
    assert words
    for name, dictionary in words.items():
        assert dictionary == sorted({row[name] for row in full(known)} - {None}), name


@ALL
def test_the_digest_is_what_its_documentation_says(known: Known, tmp_path: Path) -> None:
    path = written(tmp_path, known)
    assert labels(path)["ham.digest"] == digest_of(known, by_duckdb(path)) == digest_of(known, full(known))


@ALL
def test_rows_in_another_order_are_the_same_bytes(known: Known, tmp_path: Path) -> None:
    expected = written(tmp_path, known).read_bytes()
    for turned in (known.rows[::-1], known.rows[1:] + known.rows[:1]):
        assert written(tmp_path, known, [dict(reversed(row.items())) for row in turned]).read_bytes() == expected


def test_rows_of_one_key_are_the_same_bytes_in_either_order(tmp_path: Path) -> None:
    rows = [
        {"component": "metadata", "path": "manifests/images.parquet", "verdict": "wrong", "expected": f"{dx} 5", "got": f"{dx} 6"}
        for dx in ("nv", "mel")
    ]
    expected = written(tmp_path, VERIFICATION, rows).read_bytes()
    assert written(tmp_path, VERIFICATION, rows[::-1]).read_bytes() == expected


@ALL
def test_the_digest_depends_on_every_value_but_where_and_when(known: Known, tmp_path: Path) -> None:
    others: dict[str, object] = {"VARCHAR": "another", "INTEGER": 77, "BIGINT": 77, "DOUBLE": 7.5, "BOOLEAN": False}
    others["TIMESTAMP"] = dt.datetime(2020, 1, 1)  # noqa: DTZ001
    expected = labels(written(tmp_path, known))["ham.digest"]
    first = full(known)[0] | {"in_record": True} if "in_record" in known.types else full(known)[0]
    for column, kind in known.types.items():
        rows = [first | {column: others[kind.rstrip("!")]}, *full(known)[1:]]
        changed = labels(written(tmp_path, known, rows))["ham.digest"] != expected
        assert changed == (column not in known.undigested), column


@ALL
def test_reading_back_loses_nothing(known: Known, tmp_path: Path) -> None:
    read = manifest.read(written(tmp_path, known), known.schema)
    assert read is not None
    assert (read.rows, read.record, read.options) == (full(known), "small-1.0", OPTIONS)
    assert read.digest == digest_of(known, full(known))


def test_the_time_of_arrival_is_the_same_whatever_the_zone_here(tmp_path: Path) -> None:
    expected = written(tmp_path, FILES).read_bytes()
    try:
        for zone in ("EAST-05:30", "WEST+03:30"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TZ", zone)
                time.tzset()
                path = written(tmp_path, FILES)
                assert path.read_bytes() == expected
                assert [row["fetched"] for row in by_ham(path)] == [ARRIVED, ARRIVED, None]
    finally:
        time.tzset()


WORD = st.one_of(st.none(), st.sampled_from(["histo", "follow_up", "läsion", "病变", "", " ", "a\nb"]))
GENERATED = st.lists(
    st.fixed_dictionaries(
        {
            "image_id": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8),
            "partition": st.sampled_from(["train", "test", "validation"]),
            "in_record": st.booleans(),
            "row": st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
            "dx": st.sampled_from(["mel", "nv"]),
            "dx_type": WORD,
            "age": st.one_of(st.none(), st.floats(allow_nan=False)),
            "lesion_id": WORD,
            "bytes": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        }
    ),
    max_size=20,
    unique_by=lambda row: str(row["image_id"]),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the manifests of the properties, one after the other."""
    return tmp_path_factory.mktemp("manifests")


@given(GENERATED)
@settings(max_examples=30, deadline=None)
def test_whatever_is_written_every_reader_reads(bench: Path, rows: list[Row]) -> None:
    path = written(bench, IMAGES, rows)
    expected = full(IMAGES, rows)
    for reader in (by_ham, by_duckdb, by_polars, by_pyarrow):
        assert reader(path) == expected
    assert labels(path)["ham.digest"] == digest_of(IMAGES, expected)


def test_the_real_table_gives_the_published_counts_by_duckdb(real_data: Path, tmp_path: Path) -> None:
    record = records.load()
    rows = tables.read((real_data / "HAM10000_metadata").read_bytes(), record).rows
    images = [{**row, "partition": "train", "in_record": True, "row": n} for n, row in enumerate(rows)]
    path = written(tmp_path, IMAGES, images)
    with duckdb.connect() as connection:
        query = "SELECT dx, count(*) FROM read_parquet(?) WHERE partition = 'train' GROUP BY dx"
        counts = dict(connection.execute(query, [str(path)]).fetchall())
    assert counts == {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
    read = manifest.read(path, schemas.IMAGES)
    form = record.forms("train")[0]
    assert read is not None
    assert tables.write(tables.in_order(read.rows, form), form, record) == (real_data / "HAM10000_metadata").read_bytes()


# What is refused.


@ALL
def test_a_column_that_is_never_null_refuses_null_and_the_old_file_stays(known: Known, tmp_path: Path) -> None:
    before = written(tmp_path, known).read_bytes()
    required = [name for name, kind in known.types.items() if kind.endswith("!")]
    assert required
    for column in required:
        with pytest.raises(ValueError, match=column):
            written(tmp_path, known, [{**known.rows[0], column: None}, *known.rows[1:]])
        with pytest.raises(ValueError, match=column):
            written(tmp_path, known, [{k: v for k, v in known.rows[0].items() if k != column}])
    assert [p.name for p in (tmp_path / "some folder").iterdir()] == [f"{known.schema.name}.parquet"]
    assert (tmp_path / "some folder" / f"{known.schema.name}.parquet").read_bytes() == before


def refused(path: Path, words: str) -> AccessError:
    """What is said of a manifest that cannot be read."""
    with pytest.raises(AccessError) as refusal:
        manifest.read(path, schemas.IMAGES)
    assert words in refusal.value.what
    assert (refusal.value.exit_code, refusal.value.where) == (5, str(path))
    assert refusal.value.fix
    assert "\n" not in str(refusal.value.got)
    return refusal.value


def damaged(path: Path) -> None:
    """Refuse a manifest in words, and let who writes it anew pass it over."""
    refused(path, "images.parquet is damaged")
    assert manifest.read(path, schemas.IMAGES, damaged_ok=True) is None


def test_a_manifest_that_is_not_there_is_said_or_is_none(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    refused(path, "images.parquet is not there")
    assert manifest.read(path, schemas.IMAGES, missing_ok=True) is None


def test_a_truncated_manifest_is_damaged_wherever_it_ends(tmp_path: Path) -> None:
    path = written(tmp_path, IMAGES)
    data = path.read_bytes()
    for size in (0, 1, 4, 8, 12, len(data) // 3, len(data) // 2, len(data) - 9, len(data) - 4, len(data) - 1):
        path.write_bytes(data[:size])
        damaged(path)


@pytest.mark.parametrize(
    "data",
    [
        b"PAR1PAR1",
        b"PAR1" + bytes(100) + b"PAR1",
        b"PAR1" + b"\xff" * 100 + b"PAR1",
        b"image_id,dx\n",
        b"<html>",
        bytes(4096),
        b"PAR1\x00\x00\x00\x80PAR1",
    ],
)
def test_what_is_no_parquet_is_damaged(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    path.write_bytes(data)
    damaged(path)


def test_a_torn_manifest_is_read_as_it_was_or_damaged(tmp_path: Path) -> None:
    rows = [{**IMAGES.rows[0], "image_id": f"ISIC_{n:07}", "sha256": hashlib.sha256(bytes([n])).hexdigest()} for n in range(100)]
    path = written(tmp_path, IMAGES, rows)
    data, expected = path.read_bytes(), full(IMAGES, rows)
    rnd = random.Random(5)  # noqa: S311  (places, no secrets)
    outcomes: set[object] = set()
    for _ in range(400):
        torn = bytearray(data)
        torn[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
        path.write_bytes(torn)
        try:
            outcomes.add(by_ham(path) == expected)
        except AccessError as error:
            outcomes.add(error.what)
    assert outcomes <= {True, "images.parquet is damaged", "images.parquet was written by a newer ham"}
    assert {True, "images.parquet is damaged"} <= outcomes


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def relabelled(**told: str | None) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        metadata = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
        for name, value in told.items():
            metadata.pop(f"ham.{name}", None)
            if value is not None:
                metadata[f"ham.{name}"] = value
        return table.replace_schema_metadata(metadata)

    return change


def test_a_manifest_written_by_another_program_with_the_same_facts_is_read(tmp_path: Path) -> None:
    # The control of the refusals below.
    path = written(tmp_path, IMAGES)
    rewritten(path, relabelled())
    assert by_ham(path) == full(IMAGES)


def test_a_table_says_of_itself_what_stands_in_the_file_whatever_its_arrow_schema_says(tmp_path: Path) -> None:
    # Arrow puts a second copy of a schema into the file, with labels of its own; other programs do not write these.
    path, table = tmp_path / "split.parquet", pa.table({"image_id": ["ISIC_0000001"], "split": ["test"]})
    with pq.ParquetWriter(path, table.schema.with_metadata({"ham.seed": "1"})) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"ham.recipe": "mine"})
    assert manifest.read_foreign(path, ["image_id", "split"], 10, 1 << 20)[1] == {"seed": "1", "recipe": "mine"}
    polars = tmp_path / "polars.parquet"
    pl.DataFrame({"image_id": ["ISIC_0000001"]}).write_parquet(polars, metadata={"ham.recipe": "mine"})
    assert manifest.read_foreign(polars, ["image_id"], 10, 1 << 20) == ([{"image_id": "ISIC_0000001"}], {"recipe": "mine"})


def said(path: Path) -> str:
    """The digest that a manifest says it has, as DuckDB reads it."""
    query = "select decode(value) from parquet_kv_metadata(?) where decode(key) = 'ham.digest'"
    (found,) = duckdb.execute(query, [str(path)]).fetchall()[0]
    return str(found)


def test_a_digest_that_was_changed_in_the_file_alone_is_the_one_that_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, IMAGES)
    data, digest = path.read_bytes(), said(path)
    place = data.rindex(digest.encode())
    path.write_bytes(data[:place] + (b"1" if digest[0] == "0" else b"0") + data[place + 1 :])
    read = manifest.read(path, schemas.IMAGES)
    assert read is not None
    assert read.labels["digest"] == said(path) != digest


@pytest.mark.parametrize("rows_in_group", [7, 16_384, 30_000, 100_000])
def test_long_tables_come_back_whole_whatever_blocks_and_dictionaries_they_lie_in(rows_in_group: int, tmp_path: Path) -> None:
    ids = [f"ISIC_{n:07}" for n in range(40_000 if rows_in_group > 7 else 100)]
    sides = [("train", None, "test")[n % 3] for n in range(len(ids))]
    folds = [None if n % 5 == 0 else n % 4 for n in range(len(ids))]
    table = pa.table({"image_id": pa.array(ids).dictionary_encode(), "split": pa.array(sides).dictionary_encode(), "fold": folds})
    path = tmp_path / "split.parquet"
    pq.write_table(table, path, row_group_size=rows_in_group)
    rows, _ = manifest.read_foreign(path, ["image_id", "split", "fold"], 1_000_000, 1 << 30)
    assert rows == pq.read_table(path).to_pylist()


def test_a_newer_schema_is_refused_in_words(tmp_path: Path) -> None:
    path = written(tmp_path, IMAGES)
    rewritten(path, relabelled(schema="2"))
    error = refused(path, "newer ham")
    assert (error.expected, error.got) == ("schema 1", "schema 2")
    with pytest.raises(AccessError, match="newer"):
        manifest.read(path, schemas.IMAGES, damaged_ok=True)


@pytest.mark.parametrize(
    "change",
    [
        relabelled(schema=None),
        relabelled(schema="one"),
        relabelled(record=None),
        relabelled(options=None),
        relabelled(options="{"),
        relabelled(options="[]"),
        lambda table: table.replace_schema_metadata(None),
        lambda table: table.drop_columns(["dx"]),
        lambda table: table.rename_columns([f"my_{name}" for name in table.column_names]),
        lambda table: table.set_column(table.column_names.index("bytes"), "bytes", pa.array(["large"] * table.num_rows)),
        lambda table: table.set_column(0, "image_id", pa.array(range(table.num_rows))),
        lambda table: table.set_column(0, "image_id", pa.array([None] * table.num_rows, pa.string())),
    ],
    ids=[
        "no schema",
        "a schema in words",
        "no record",
        "no options",
        "torn options",
        "options in a list",
        "no labels",
        "no diagnoses",
        "other columns",
        "sizes in words",
        "ids in numbers",
        "ids that are null",
    ],
)
def test_another_table_under_the_name_of_a_manifest_is_damaged(change: Callable[[pa.Table], pa.Table], tmp_path: Path) -> None:
    path = written(tmp_path, IMAGES)
    rewritten(path, change)
    damaged(path)


def test_a_table_of_pandas_under_the_name_of_a_manifest_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    pd.DataFrame({"image_id": ["ISIC_0000001"], "dx": ["nv"]}).to_parquet(path)
    damaged(path)


def test_a_folder_under_the_name_of_a_manifest_is_an_access_error(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    path.mkdir()
    with pytest.raises(AccessError) as refusal:
        manifest.read(path, schemas.IMAGES)
    assert refusal.value.where == str(path)


def test_a_truncated_manifest_ends_a_command_with_exit_5_in_words(ham: Any, small: Any, tmp_path: Path) -> None:  # noqa: ANN401
    cache = tmp_path / "cache"
    source = small.unpacked(tmp_path / "source")
    fetch = ("fetch", "--source", source, "--record", small.record, "--allow-partial")
    assert ham(*fetch, cache=cache).returncode == 0
    (path,) = cache.glob("*/manifests/images.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    ran = ham("verify", cache=cache)
    assert (ran.returncode, ran.stdout) == (5, "")
    assert ran.stderr.startswith("error: images.parquet is damaged")
    assert str(path) in ran.stderr
    # And the next step it names mends it.
    assert ham(*fetch, cache=cache).returncode == 0
    assert ham("verify", cache=cache).returncode == 0


def test_a_manifest_is_one_file_put_in_place_whole(tmp_path: Path) -> None:
    path = written(tmp_path, IMAGES)
    assert [p.name for p in path.parent.iterdir()] == ["images.parquet"]
    with io.BytesIO(path.read_bytes()) as data:
        assert pq.ParquetFile(data).metadata.num_rows == len(IMAGES.rows)
