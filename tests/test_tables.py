"""The published tables, read strictly and written back to the byte; altered copies, hostile cells."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import record as records
from ham_cli import tables
from ham_cli.tables import NotATableError
from ham_cli.tables.reading import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ham_cli.record import TableForm
    from ham_cli.tables import Table
    from tests.small import Small

RECORD = records.load()

METADATA, METADATA_MD5 = "HAM10000_metadata", "8f85fb1aa29d80a2797247e434deb79d"
SEVEN_MD5 = "70bb67f71bd23dde0bd2eda4bdcc98e5"
TRUTH, TRUTH_MD5 = "ISIC2018_Task3_Test_GroundTruth.csv", "2b5663aacc9644740f27e355cf7f369a"
ONEHOT_MD5 = "11bfbb89d9278ee4fc14d3b7e9444886"
VALIDATION, VALIDATION_MD5 = "ISIC2018_Task3_Validation_GroundTruth.csv", "806d5f330c4c5f39ca60a98275d756bb"
GROUPINGS, GROUPINGS_MD5 = "ISIC2018_Task3_Training_LesionGroupings.csv", "9517b6aa6902d6c27e234bac8279a64a"
CHALLENGE = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset"
LINE = "HAM_0000118,ISIC_0027419,bkl,histo,80.0,male,scalp,vidir_modern"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def cells(data: bytes) -> list[list[str]]:
    return [line.split(",") for line in data.decode().splitlines()]


def joined(lines: list[list[str]]) -> bytes:
    return "".join(",".join(line) + "\n" for line in lines).encode()


def converted(data: bytes) -> bytes:
    """The table as the server's own conversion writes it: tabs, every word in quotes, ages and header bare."""
    header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
    age = header.index("age")
    lines = ["\t".join(header)]
    lines += ["\t".join(cell if i == age else f'"{cell}"' for i, cell in enumerate(row)) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def seven(data: bytes) -> bytes:
    return joined([line[:7] for line in cells(data)])


def one_hot(truth: list[tuple[str, str]]) -> bytes:
    lines = [["image", *CHALLENGE], *([image, *("1.0" if dx == c.lower() else "0.0" for c in CHALLENGE)] for image, dx in truth)]
    return joined(lines)


def right(data: bytes, digest: str) -> Table:
    """Read a table that must come back as the published bytes; give what was read."""
    table = tables.read(data, RECORD)
    assert (table.differences, table.refused, table.vouched) == ((), (), True)
    assert md5(tables.write(table.rows, table.form, RECORD)) == digest
    return table


def read(*lines: str) -> Table:
    return tables.read("\n".join(lines).encode() + b"\n", RECORD)


# The published tables.


@pytest.mark.parametrize(
    ("name", "digest", "rows", "form"),
    [
        (METADATA, METADATA_MD5, 10015, "rows"),
        (TRUTH, TRUTH_MD5, 1512, "rows"),
        (VALIDATION, VALIDATION_MD5, 193, "onehot"),
        (GROUPINGS, GROUPINGS_MD5, 10015, "groupings"),
    ],
)
def test_a_published_table_comes_back_byte_for_byte(name: str, digest: str, rows: int, form: str, real_data: Path) -> None:
    data = (real_data / name).read_bytes()
    table = right(data, digest)
    assert (table.form.name, table.form.form, len(table.rows)) == (name, form, rows)
    assert tables.write(table.rows, table.form, RECORD) == data


@pytest.mark.parametrize(("name", "digest"), [(METADATA, METADATA_MD5), (TRUTH, TRUTH_MD5)])
def test_the_servers_tab_form_gives_the_published_bytes_back(name: str, digest: str, real_data: Path) -> None:
    data = converted((real_data / name).read_bytes())
    if name == METADATA:
        assert len(data) == 830428
    table = right(data, digest)
    assert table.rows == tables.read((real_data / name).read_bytes(), RECORD).rows
    assert "tab" in " ".join(table.spelling)


def test_the_seven_column_table_is_right_and_named_for_what_it_is(real_data: Path) -> None:
    data = seven((real_data / METADATA).read_bytes())
    assert (len(data), md5(data)) == (563277, SEVEN_MD5)
    table = right(data, SEVEN_MD5)
    assert table.form.columns == tuple(HEADER.split(",")[:7])
    assert {row["dataset"] for row in table.rows} == {None}
    assert "3172582" in str(table.form.note)


def test_the_challenges_one_hot_test_truth_is_right(real_data: Path) -> None:
    data = one_hot([(line[1], line[2]) for line in cells((real_data / TRUTH).read_bytes())[1:]])
    assert (len(data), md5(data)) == (62027, ONEHOT_MD5)
    table = right(data, ONEHOT_MD5)
    assert (table.form.partition, len(table.rows)) == ("test", 1512)


def test_the_challenges_one_hot_training_truth_is_right_by_its_columns(real_data: Path) -> None:
    truth = sorted((line[1], line[2]) for line in cells((real_data / METADATA).read_bytes())[1:])
    table = tables.read(one_hot(truth), RECORD)
    assert (table.form.partition, table.differences, table.vouched) == ("train", (), True)
    image, dx = truth[0]
    altered = tables.read(one_hot([(image, "mel" if dx != "mel" else "nv"), *truth[1:]]), RECORD)
    assert any("dx" in words for words in altered.differences)


def test_blank_and_unknown_are_kept_apart(real_data: Path) -> None:
    rows = {row["image_id"]: row for row in tables.read((real_data / TRUTH).read_bytes(), RECORD).rows}
    planted = rows["ISIC_0035068"]
    assert planted == {
        "lesion_id": "HAMTEST_0000496",
        "image_id": "ISIC_0035068",
        "dx": "nv",
        "dx_type": "consensus",
        "age": None,
        "sex": None,
        "localization": None,
        "dataset": None,
    }
    last = list(rows.values())[-1]
    assert (last["age"], last["sex"], last["localization"], last["dataset"]) == (None, "unknown", "unknown", "external")


def test_ages_are_years_and_zero_is_a_value(real_data: Path) -> None:
    ages = [row["age"] for row in tables.read((real_data / METADATA).read_bytes(), RECORD).rows]
    assert (ages.count(None), ages.count(0.0), max(a for a in ages if a is not None)) == (57, 39, 85.0)


def test_published_tables_come_back_from_rows_in_any_order(real_data: Path) -> None:
    for name, partition in ((METADATA, "train"), (TRUTH, "test")):
        data = (real_data / name).read_bytes()
        table = tables.read(data, RECORD)
        rows = [{**row, "partition": partition, "row": n} for n, row in enumerate(table.rows)]
        random.Random(3).shuffle(rows)  # noqa: S311  (an order, no secret)
        foreign = [{**rows[0], "partition": "validation"}, {**rows[0], "row": None}]
        assert tables.write(tables.in_order([*foreign, *rows], table.form), table.form, RECORD) == data


# The same table written otherwise: right, and said how.

SPELLED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "with a byte order mark": (lambda data: b"\xef\xbb\xbf" + data, "byte order mark"),
    "with CRLF": (lambda data: data.replace(b"\n", b"\r\n"), "line ends"),
    "with CR alone": (lambda data: data.replace(b"\n", b"\r"), "line ends"),
    "with semicolons": (lambda data: data.replace(b",", b";"), ";"),
    "with whole ages": (lambda data: data.replace(b".0,", b","), "ages"),
    "as tabs, BOM and CRLF": (lambda data: b"\xef\xbb\xbf" + converted(data).replace(b"\n", b"\r\n"), "tab"),
}


@pytest.mark.parametrize("name", SPELLED)
def test_a_table_spelled_otherwise_is_right_and_it_is_said(name: str, real_data: Path) -> None:
    change, words = SPELLED[name]
    data = (real_data / METADATA).read_bytes()
    assert change(data) != data
    table = right(change(data), METADATA_MD5)
    assert words in " ".join(table.spelling)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.removesuffix(b"\n"),
        lambda data: data + b"\n\n",
        lambda data: "".join(",".join(f'"{c}"' for c in line) + "\n" for line in cells(data)).encode(),
    ],
    ids=["no final newline", "blank lines at the end", "every cell in quotes"],
)
def test_quotes_and_last_lines_change_nothing(change: Callable[[bytes], bytes], real_data: Path) -> None:
    right(change((real_data / METADATA).read_bytes()), METADATA_MD5)


def test_the_published_bytes_are_spelled_as_published(real_data: Path) -> None:
    for name in (METADATA, TRUTH, VALIDATION, GROUPINGS):
        assert tables.read((real_data / name).read_bytes(), RECORD).spelling == (), name


# Altered copies: each names what differs.


def _insert_column(data: bytes, place: int, name: str, value: Callable[[int], str]) -> bytes:
    return joined([[*line[:place], value(n) if n else name, *line[place:]] for n, line in enumerate(cells(data))])


def _drop_column(data: bytes, name: str) -> bytes:
    lines = cells(data)
    place = lines[0].index(name)
    return joined([[*line[:place], *line[place + 1 :]] for line in lines])


def _set(data: bytes, number: int, column: str, value: str) -> bytes:
    lines = cells(data)
    place = lines[0].index(column)
    assert lines[number][place] != value
    lines[number][place] = value
    return joined(lines)


def _shuffled(data: bytes) -> bytes:
    header, *lines = cells(data)
    random.Random(7).shuffle(lines)  # noqa: S311  (an order, no secret)
    return joined([header, *lines])


def _reordered(data: bytes) -> bytes:
    return joined([[line[1], line[0], *line[2:]] for line in cells(data)])


FIRST, SECOND = "ISIC_0027419", "ISIC_0025030"
"""The first two images of the published table; both bkl."""

ALTERED: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "a row added": (
        lambda data: data + b"HAM_0000118,ISIC_9999999,bkl,histo,80.0,male,scalp,vidir_modern\n",
        ("10016 rows for 10015", "ISIC_9999999", "bkl 1100 for 1099"),
    ),
    "a row removed": (lambda data: joined([cells(data)[0], *cells(data)[2:]]), ("10014 rows for 10015", FIRST, "bkl 1098 for 1099")),
    "rows cut off": (lambda data: joined(cells(data)[:1001]), ("1000 rows for 10015",)),
    "a row twice": (lambda data: data + joined([cells(data)[1]]), ("10016 rows for 10015", f"twice: {FIRST}")),
    "an id twice": (lambda data: _set(data, 2, "image_id", FIRST), (f"twice: {FIRST}", f"not named: {SECOND}")),
    "an image the record has not": (lambda data: _set(data, 1, "image_id", "ISIC_0034321"), ("ISIC_0034321", f"not named: {FIRST}")),
    "one age": (lambda data: _set(data, 1, "age", "85.0"), ("age",)),
    "one age blank": (lambda data: _set(data, 1, "age", ""), ("age",)),
    "one sex": (lambda data: _set(data, 1, "sex", "female"), ("sex",)),
    "one site": (lambda data: _set(data, 1, "dataset", "rosendahl"), ("dataset",)),
    "one lesion": (lambda data: _set(data, 1, "lesion_id", "HAM_0000001"), ("lesion_id",)),
    "one diagnosis": (lambda data: _set(data, 1, "dx", "mel"), ("dx", "mel 1114 for 1113", "bkl 1098 for 1099")),
    "blank words for unknown": (lambda data: data.replace(b",unknown,", b",,"), ("sex", "localization")),
    "an index column": (lambda data: _insert_column(data, 0, "", lambda n: str(n - 1)), ("columns that the published table has not",)),
    "a column more": (lambda data: _insert_column(data, 8, "path", lambda n: f"images/{n}.jpg"), ("path",)),
    "a column less": (lambda data: _drop_column(data, "sex"), ("sex",)),
    "ids with .jpg": (lambda data: joined([[c + ".jpg" if c.startswith("ISIC") else c for c in line] for line in cells(data)]), (".jpg",)),
    "rows in another order": (_shuffled, ("order",)),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_table_is_never_right_and_says_what_differs(name: str, real_data: Path) -> None:
    change, words = ALTERED[name]
    table = tables.read(change((real_data / METADATA).read_bytes()), RECORD)
    assert table.differences
    assert table.refused == ()
    said = "; ".join(table.differences)
    assert [w for w in words if w not in said] == [], said


def test_columns_in_another_order_are_said(real_data: Path) -> None:
    table = tables.read(_reordered((real_data / METADATA).read_bytes()), RECORD)
    assert "columns stand in another order" in "; ".join((*table.differences, *table.spelling))


def test_a_changed_column_alone_is_named(real_data: Path) -> None:
    table = tables.read(_set((real_data / METADATA).read_bytes(), 1, "age", "85.0"), RECORD)
    assert table.differences == ("values changed in: age",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.replace(b"ISIC_0034524,", b"ISIC_9999999,"), ("image_id",)),
        (lambda data: _set(data, 1, "dx", "df" if cells(data)[1][2] != "df" else "nv"), ("dx",)),
        (lambda data: data + b"\nHAMTEST_0009999,ISIC_9999999,nv,histo,,,,", ("1513 rows for 1512", "nv 909 for 908")),
        (lambda data: joined([line for line in cells(data) if "ISIC_0035068" not in line]), ("1511 rows for 1512",)),
    ],
    ids=["an id", "a diagnosis", "a row more", "without the planted row"],
)
def test_an_altered_test_truth_says_what_differs(change: Callable[[bytes], bytes], words: tuple[str, ...], real_data: Path) -> None:
    data = (real_data / TRUTH).read_bytes()
    assert change(data) != data
    table = tables.read(change(data), RECORD)
    assert table.form.partition == "test"
    said = "; ".join(table.differences)
    assert [w for w in words if w not in said] == [], said


def test_an_altered_validation_truth_and_groupings_say_what_differs(real_data: Path) -> None:
    truth = tables.read((real_data / VALIDATION).read_bytes().rsplit(b"\n", 2)[0] + b"\n", RECORD)
    assert "192 rows for 193" in truth.differences
    groupings = tables.read((real_data / GROUPINGS).read_bytes().replace(b"HAM_0000118", b"HAM_9999999"), RECORD)
    assert groupings.differences == ("values changed in: lesion_id",)


# Hostile cells: refused in words, whatever is asked for.


def with_cell(column: str, cell: str) -> Table:
    named = dict(zip(HEADER.split(","), LINE.split(","), strict=True)) | {column: '"' + cell.replace('"', '""') + '"'}
    return read(HEADER, ",".join(named.values()))


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("image_id", "../../etc/passwd"),
        ("image_id", "ISIC_0027419/../x"),
        ("image_id", "/ISIC_0027419"),
        ("image_id", "..\\ISIC_0027419"),
        ("image_id", "ISIC_0027419\n"),
        ("image_id", " ISIC_0027419"),
        ("image_id", "isic_0027419"),
        ("image_id", "ISIC_27419"),
        ("image_id", "ISIC_00274190"),
        ("image_id", "ISIC_0027419.jpg.jpg"),
        ("image_id", "ISIC_٠٠٢٧٤١٩"),
        ("image_id", ""),
        ("image_id", "=cmd|'/C calc'!A0"),
        ("lesion_id", "=HYPERLINK(1)"),
        ("lesion_id", "HAM/0000118"),
        ("lesion_id", "HAM_0000118 "),
        ("dx", "=cmd|' /C calc'!A0"),
        ("dx", "naevus"),
        ("dx", "NV"),
        ("dx", ""),
        ("dx", "nv "),
        ("dx", "x" * 100_000),
        ("dx_type", "+1"),
        ("sex", "@SUM(1)"),
        ("localization", "-2+3"),
        ("localization", "\x1b[31mscalp"),
        ("dataset", "../rosendahl"),
        ("age", "-1"),
        ("age", "nan"),
        ("age", "1e9"),
        ("age", "inf"),
        ("age", "-inf"),
        ("age", "121"),
        ("age", "eighty"),
        ("age", "0x50"),
        ("age", "80,0"),
        ("age", "=1+1"),
        ("age", "9" * 5000),
    ],
)
def test_a_hostile_cell_is_refused_in_words(column: str, cell: str) -> None:
    table = with_cell(column, cell)
    assert len(table.refused) == 1
    assert "row 2" in table.refused[0]
    assert len(table.refused[0]) < 200
    assert all(row[column] != cell for row in table.rows if cell)


def test_a_plain_row_of_the_same_form_is_not_refused() -> None:
    # The control of the refusals above.
    assert with_cell("age", "80.0").refused == ()
    assert with_cell("age", "0").refused == ()
    assert with_cell("lesion_id", "").refused == ()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((HEADER, LINE + ",more"), "9 cells for 8 columns"),
        ((HEADER, LINE.rpartition(",")[0]), "7 cells for 8 columns"),
        ((HEADER, "x"), "1 cells for 8 columns"),
        ((HEADER + ",dx", LINE + ",mel"), "one name"),
        (("image_id,dx,dx", "ISIC_0027419,bkl,mel"), "one name"),
    ],
    ids=["a cell more", "a cell less", "one cell", "dx twice", "dx twice of three"],
)
def test_ragged_rows_and_doubled_columns_are_refused(lines: tuple[str, ...], words: str) -> None:
    assert words in "; ".join(read(*lines).refused)


@pytest.mark.parametrize(
    "marks", ["0.0,0.0,0.0,0.0,0.0,0.0,0.0", "1.0,1.0,0.0,0.0,0.0,0.0,0.0", "0.5,0.5,0,0,0,0,0", "nan,1,0,0,0,0,0", "1,,,,,,"]
)
def test_a_one_hot_row_that_marks_not_one_diagnosis_is_refused(marks: str) -> None:
    assert len(read("image," + ",".join(CHALLENGE), f"ISIC_0034321,{marks}").refused) == 1


def test_groupings_of_unknown_words_or_lesions_are_refused() -> None:
    header = "image,lesion_id,diagnosis_confirm_type"
    assert read(header, "ISIC_0027419,HAM_0000118,histopathology").refused == ()
    assert len(read(header, "ISIC_0027419,HAM_0000118,guesswork", "ISIC_0027419,,histopathology").refused) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\xef\xbb\xbf",
        b"a,b\n1,2\n",
        b"<!DOCTYPE html><title>image_id,dx</title>",
        (HEADER + "\n" + LINE.replace("scalp", "sc\x00lp") + "\n").encode(),
        (HEADER + "\n" + LINE.replace("male", "mâle") + "\n").encode("latin-1"),
        (HEADER + "\n" + LINE + "\n").encode("utf-16"),
        (HEADER + "\n" + LINE.replace("scalp", '"scalp') + "\n").encode(),
        (HEADER + "\n" + LINE.replace("scalp", '"sc"alp') + "\n").encode(),
        (HEADER + "\n" + LINE.replace("scalp", "x" * 200_000) + "\n").encode(),
        b' "image_id",dx\nISIC_0027419,nv\n',
        b'image_id",dx\nISIC_0027419,nv\n',
        b'"image_id,dx"\nISIC_0027419,nv\n',
        b"image_id,dx," + b"x" * 70_000 + b"\t" * 70_000 + b"\n",
        b"PK\x03\x04" + bytes(100),
        b"\xff\xd8\xff\xdb" + bytes(100),
        (HEADER + "\n").encode() + b"x" * (16 << 20),
    ],
    ids=[
        "nothing",
        "an empty line",
        "a byte order mark",
        "another table",
        "a web page",
        "a NUL",
        "Latin-1",
        "UTF-16",
        "an unended quote",
        "a torn quote",
        "a huge cell",
        "a quote after a space",
        "half a quote",
        "a header in one quote",
        "a header of two kinds",
        "a zip",
        "a JPEG",
        "sixteen megabytes",
    ],
)
def test_what_is_no_table_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(NotATableError):
        tables.read(data, RECORD)


def test_a_table_of_more_rows_than_any_record_has_is_none() -> None:
    with pytest.raises(NotATableError):
        tables.read(b"image_id,dx\n" + b"a\n" * (MAX_ROWS + 1), RECORD)


def test_a_record_without_ratings_knows_no_ratings(small: Small) -> None:
    record = records.load(small.record)
    without = replace(record, tables=tuple(t for t in record.tables if t.form != "ratings"))
    with pytest.raises(NotATableError):
        tables.read(b"image_id,interaction_modality\nISIC_0000001,CBIR (AI)\n", without)


def test_ratings_are_known_by_their_columns_and_vouched_for_by_nobody() -> None:
    table = read("image_id,interaction_modality,prob_m_mal", 'ISIC_0034524,CBIR (AI),"0,5"')
    assert (table.form.component, table.vouched, table.differences) == ("ratings", False, ())


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (HEADER.encode(), "rows"),
        (b"\xef\xbb\xbfimage_id,dx", "rows"),
        (b'"image_id"\t"dx"\r\n', "rows"),
        (b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n", "onehot"),
        (b"image,lesion_id,diagnosis_confirm_type\r\n", "groupings"),
        (b"image_id,interaction_modality\n", "ratings"),
        (b"image,MEL,NV\n", None),
        (b"pixel0000,pixel0001,label\n", None),
        (b"\xff\xd8\xff\xdb", None),
        (b"", None),
    ],
)
def test_a_first_line_tells_the_kind(head: bytes, kind: str | None) -> None:
    assert tables.kind_of(head, RECORD) == kind


# Properties.


def _form(partition: str, columns: int, form: str = "rows") -> TableForm:
    return next(f for f in RECORD.forms(partition) if f.form == form and len(f.columns) == columns)


TRAIN_IDS = sorted(name.removesuffix(".jpg") for name in RECORD.digests if name.endswith(".jpg"))
WORDS = {column: st.sampled_from([None, *words]) for column, words in RECORD.vocabulary.items()}


def rows_of(ids: list[str], lesion: str) -> st.SearchStrategy[list[tables.Row]]:
    row = st.fixed_dictionaries(
        {
            "lesion_id": st.one_of(st.none(), st.integers(0, 9_999_999).map(lambda n: f"{lesion}_{n:07}")),
            "image_id": st.sampled_from(ids),
            "dx": st.sampled_from(RECORD.vocabulary["dx"]),
            "dx_type": WORDS["dx_type"],
            "age": st.one_of(st.none(), st.floats(0, 120).map(abs)),
            "sex": WORDS["sex"],
            "localization": WORDS["localization"],
            "dataset": WORDS["dataset"],
        }
    )
    return st.lists(row, min_size=1, max_size=12, unique_by=lambda r: str(r["image_id"]))


@given(rows_of(TRAIN_IDS, "HAM"))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_as_it_was(rows: list[tables.Row]) -> None:
    form = _form("train", 8)
    data = tables.write(rows, form, RECORD)
    table = tables.read(data, RECORD)
    assert (table.form, list(table.rows), table.refused) == (form, rows, ())
    assert tables.write(table.rows, form, RECORD) == data


@given(rows_of([f"ISIC_{n:07}" for n in range(34524, 36036)], "HAMTEST"))
@settings(max_examples=60, deadline=None)
def test_what_is_read_is_written_as_it_was(rows: list[tables.Row]) -> None:
    # The text is put together here, by csv, and not by the code that writes tables.
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER.split(","), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().removesuffix("\n").encode()
    table = tables.read(data, RECORD)
    assert (table.form.partition, table.form.final_newline) == ("test", False)
    assert tables.write(table.rows, table.form, RECORD) == data


@given(rows_of(TRAIN_IDS, "HAM"), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_line_ends_delimiters_and_quotes_change_no_row(rows: list[tables.Row], rnd: random.Random) -> None:
    plain = tables.write(rows, _form("train", 8), RECORD)
    text = io.StringIO()
    delimiter, newline = rnd.choice(",\t;"), rnd.choice(["\n", "\r\n", "\r"])
    csv.writer(
        text, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL if rnd.random() < 0.5 else csv.QUOTE_MINIMAL
    ).writerows(cells(plain))
    bom = rnd.choice([b"", b"\xef\xbb\xbf"])
    assert tables.read(bom + text.getvalue().encode(), RECORD).rows == tables.read(plain, RECORD).rows


FRAGMENTS = st.sampled_from(
    [
        *(w.encode() for w in ["image_id", "image", "dx", "lesion_id", "age", "interaction_modality", "diagnosis_confirm_type", ".jpg"]),
        *(w.encode() for w in ["ISIC_0027419", "ISIC_0034321", "HAM_0000118", "nv", "histopathology", "1.0", "0.0", "nan", "1e999"]),
        *(sign.encode() for sign in [",", ",", ",", "\n", "\n", "\r", "\r\n", "\t", ";", '"', '""']),
        *(sign.encode() for sign in [" ", "\0", "\ufeff", "é", "\u2028"]),
        *(bytes([code]) for code in (0x0B, 0x0C, 0x1C, 0x85, 0xFF)),
        b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC",
        HEADER.encode(),
        LINE.encode(),
    ]
)
HEADERS = st.sampled_from(
    [b"", b"image_id,dx\n", HEADER.encode() + b"\n", b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n", b"image,lesion_id,diagnosis_confirm_type\n"]
)


@given(st.one_of(st.binary(max_size=300), st.tuples(HEADERS, st.lists(FRAGMENTS, max_size=40).map(b"".join)).map(b"".join)))
@settings(max_examples=800, deadline=None)
def test_any_bytes_are_a_table_or_said_to_be_none(data: bytes) -> None:
    try:
        table = tables.read(data, RECORD)
    except NotATableError as error:
        said = bool(str(error))
    else:
        # Nothing this small is a published table: it is refused, altered, or one that nobody vouches for.
        said = bool(table.refused or table.differences or not table.vouched)
    assert said


@given(st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_torn_table_is_refused_altered_or_no_table(small: Small, changes: list[tuple[int, bytes]]) -> None:
    record = records.load(small.record)
    data = bytearray(small.tables[METADATA])
    for place, junk in changes:
        data[place % len(data) : place % len(data) + len(junk)] = junk
    try:
        table = tables.read(bytes(data), record)
    except NotATableError:
        return
    assert table.refused or table.differences or tables.write(table.rows, table.form, record) == small.tables[METADATA]
