"""Input that means harm, or is broken: each is refused in words, nothing wrong of it enters, nothing is written outside the cache.

More of it stands with what reads it: test_archives, test_tables, test_decoding, test_listing, test_bad_input, test_mirror_hostile,
test_network_faults, test_check_reading, test_score, test_ratings, test_manifests, test_record.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import lzma
import shutil
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ham_cli import manifest, tables
from ham_cli import record as records
from ham_cli.dataset import open_dataset
from ham_cli.dataset.split import COLUMNS as SPLIT_COLUMNS
from ham_cli.dataset.split import read_split
from ham_cli.errors import AccessError, HamError, WrongUsageError
from ham_cli.manifest import schemas
from ham_cli.summary import score
from ham_cli.summary.score import predictions, source
from ham_cli.tables import ratings
from tests import peek
from tests import small as s
from tests.test_archives import FULL, Entry, forged, zip64
from tests.web import QUICK, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ham_cli.summary.score.truth import Truth
    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small
    from tests.web import Web

FIRST, SECOND, THIRD = (f"ISIC_000000{n}.jpg" for n in (1, 2, 3))
TESTED = "ISIC_0000101.jpg"
PAPERS = {"record.json", "digests.sha256.xz", "LICENSE", "ATTRIBUTION.txt", "CITATION.bib", "CACHEDIR.TAG"}
FOLDERS = {"images", "test", "tables", "manifests", "archives"}


def let_in(small: Small, where: Path) -> set[str]:
    """The images and test images that a fetch into ``where / "cache"`` took.

    Asserts that each is a published one, that nothing half-written stayed, and that nothing lies outside the cache.
    """
    assert {p.name for p in where.iterdir()} <= {"source", "cache", "record", "home"}
    folder = where / "cache" / s.ID
    assert set(peek.names(folder)) <= PAPERS | FOLDERS
    assert peek.names(folder / "archives") == []
    assert list(where.rglob("*.part")) == []
    taken = peek.contents(folder / "images") | peek.contents(folder / "test")
    assert taken.items() <= (small.images | small.test).items()
    assert peek.contents(folder / "tables").items() <= small.tables.items()
    return set(taken)


def said(ran: Ran) -> str:
    """What the findings say, a line each."""
    return "\n".join(f"{f['path']} {f['verdict']} {f['got']} {f['detail']}" for f in ran.result["findings"])


# Zips.


def member(name: str, data: bytes, **more: Any) -> Entry:  # noqa: ANN401
    return Entry(name.encode(), data, **more)


def packed(data: bytes) -> int:
    return len(Entry(data=data).stored)


def zips(small: Small) -> dict[str, tuple[bytes, int, set[str], str]]:
    """By name: a zip, the exit code, the images that are taken from it, and what is said."""
    first, second, third = (small.images[n] for n in (FIRST, SECOND, THIRD))
    good, swapped = member(FIRST, first), member(SECOND, first)
    forms = {"character device": 0o020666, "block device": 0o060666, "pipe": 0o010666, "socket": 0o140777}
    devices = {
        f"a {kind}": (forged(good, member(SECOND, second, attributes=mode << 16)), 3, set[str](), "is a device, a pipe or a socket")
        for kind, mode in forms.items()
    }
    drives = {f"C:\\x\\{FIRST}": first, f"\\\\server\\share\\{SECOND}": second, f"D:/{THIRD}": third, "C:ISIC_0000004.jpg": b"evil"}
    large = zip64(len(first), packed(first))
    return devices | {
        "drives": (s.zipped(drives), 0, {FIRST, SECOND, THIRD}, ""),
        "a link": (forged(good, member(SECOND, b"/etc/passwd", attributes=0o120777 << 16)), 3, set(), "is a link"),
        "one name twice, the wrong one first": (forged(member(FIRST, b"evil"), good), 3, {FIRST}, "another copy is taken instead"),
        "one name twice, the wrong one last": (forged(good, member(FIRST, b"evil")), 0, {FIRST}, ""),
        "names that only case parts": (
            forged(member("isic_0000001.JPG", b"evil"), member("ISIC_0000001.JPG", b"evil"), good),
            3,
            {FIRST},
            "ISIC_0000001.JPG wrong 4 bytes another copy is taken instead",
        ),
        "a bomb of a thousand times": (s.zipped({FIRST: bytes(30 << 20)}), 3, set(), f"{FIRST} wrong {30 << 20} bytes"),
        "a bomb that lies": (forged(member(FIRST, bytes(8 << 20), size=len(first))), 3, set(), "unreadable"),
        "overlapping members": (forged(good, member(SECOND, second, offset=10)), 3, set(), "overlap"),
        "members on the same bytes": (forged(good, member(SECOND, second, offset=0)), 3, set(), "overlap"),
        "another CRC": (forged(good, member(SECOND, second, crc=1)), 3, {FIRST}, "CRC"),
        "encrypted": (forged(good, member(SECOND, second, flags=1)), 3, set(), f"member '{SECOND}' is encrypted"),
        "a method of nobody": (forged(good, member(SECOND, second, method=99)), 3, set(), "packed by method 99"),
        "cut off": (s.zipped(small.images)[:-100], 3, set(), "it is cut off"),
        "zip64": (forged(member(FIRST, first, size=FULL, packed=FULL, extra=large), member(SECOND, second)), 0, {FIRST, SECOND}, ""),
        "zip64 that lies": (forged(member(FIRST, first, size=FULL, extra=zip64(1 << 62))), 3, set(), f"wrong {1 << 62} bytes"),
        "bytes before it": (b"#!/bin/sh\n" * 99 + s.zipped({FIRST: first}), 0, {FIRST}, ""),
        "a few bytes behind it": (s.zipped({FIRST: first}) + b"x" * 500, 0, {FIRST}, ""),
        "many bytes behind it": (s.zipped({FIRST: first}) + b"x" * 70_000, 3, set(), "or something was added to it"),
        "swapped names": (forged(swapped, member(FIRST, second)), 3, set(), "wrong"),
        "names in the old code page": (forged(member("x", b"y"), Entry(b"caf\xe9/" + FIRST.encode(), first)), 0, {FIRST}, ""),
        "names in Shift JIS": (forged(Entry("病変/".encode("shift-jis") + FIRST.encode(), first)), 0, {FIRST}, ""),
        "names that are not the UTF-8 they say": (
            forged(Entry(b"\xe9/" + FIRST.encode(), first, flags=0x800)),
            3,
            set(),
            "not the UTF-8",
        ),
        "names that steer a terminal": (s.zipped({f"\x1b[2J\u202e\n/{FIRST}": b"evil"}), 3, set(), "wrong 4 bytes"),
        "names without an end": (forged(Entry(b"x" * 60_000 + b"/" + FIRST.encode(), first)), 0, {FIRST}, ""),
        "a zip in it that would fill the disk": (
            forged(good, Entry(b"deep.zip", b"PK\x03\x04" + bytes(99), size=FULL, extra=zip64(1 << 60))),
            3,
            {FIRST},
            f"to {1 << 60}: no archive in an archive does",
        ),
        "a bomb in a zip in it": (s.zipped({"deep.zip": s.zipped({FIRST: bytes(30 << 20)})}), 3, set(), "no archive in an archive does"),
        "zips in each other": (
            s.zipped({"1.zip": s.zipped({"2.zip": s.zipped({FIRST: first}), SECOND: second}, packed=False)}, packed=False),
            0,
            {SECOND},
            "",
        ),
    }


ZIPS = (
    *("a character device", "a block device", "a pipe", "a socket", "drives", "a link", "one name twice, the wrong one first"),
    *("one name twice, the wrong one last", "names that only case parts", "a bomb of a thousand times", "a bomb that lies"),
    *("overlapping members", "members on the same bytes", "another CRC", "encrypted", "a method of nobody", "cut off", "zip64"),
    *("zip64 that lies", "bytes before it", "a few bytes behind it", "many bytes behind it", "swapped names"),
    *("names in the old code page", "names in Shift JIS", "names that are not the UTF-8 they say", "names that steer a terminal"),
    *("names without an end", "a zip in it that would fill the disk", "a bomb in a zip in it", "zips in each other"),
)


@pytest.fixture(scope="module")
def made(small: Small) -> dict[str, tuple[bytes, int, set[str], str]]:
    """Every zip of `zips`."""
    found = zips(small)
    assert set(found) == set(ZIPS)
    return found


@pytest.mark.parametrize("kind", ZIPS)
def test_of_a_hostile_zip_only_right_images_are_taken(
    kind: str, made: dict[str, tuple[bytes, int, set[str], str]], small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    data, code, taken, words = made[kind]
    ran = fetch("images", "--allow-partial", source=s.lay(tmp_path / "source", {"some.zip": data}))
    assert (ran.code, let_in(small, tmp_path)) == (code, taken), ran.err
    assert words in said(ran)
    assert (code == 3) == bool(ran.result["findings"])
    assert "\x1b" not in ran.err


@pytest.mark.slow
def test_a_zip_of_more_members_than_any_record_has_is_refused(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    one = b"PK\x03\x04\x14\x00" + struct.pack("<4H3L2H", 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"x"
    told = b"PK\x01\x02\x14\x03\x14\x00" + struct.pack("<4H3L5H2L", 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    count = 200_001
    end = b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, count, count, len(told) * count, len(one))
    end += b"PK\x06\x07" + struct.pack("<LQL", 0, len(one) + len(told) * count, 1)
    end += b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, FULL, FULL, 0)
    ran = fetch("images", "--allow-partial", source=s.lay(tmp_path / "source", {"some.zip": one + told * count + end}))
    assert (ran.code, let_in(small, tmp_path)) == (3, set())
    assert f"it has {count} members; at most 200000 are looked at" in said(ran)


@pytest.mark.slow
def test_a_table_in_a_zip_that_unpacks_without_end_is_refused(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    bomb = small.tables[s.METADATA] + b"\n" * tables.MAX_BYTES
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {"some.zip": s.zipped({s.METADATA: bomb})}))
    assert (ran.code, let_in(small, tmp_path)) == (3, set())
    assert f"more than {tables.MAX_BYTES} bytes" in said(ran)


def test_of_a_zip_with_another_md5_no_broken_image_is_taken(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    # Of the published size, so that only the MD5, known when all of it is read, says that it vouches for nothing.
    halved = {n: d[: len(d) // 2] if n == TESTED else d for n, d in small.test.items()}
    altered = s.zipped({f"ISIC2018_Task3_Test_Images/{n}": d for n, d in halved.items()}, packed=False)
    files = {s.TEST_TRUTH: small.tables[s.TEST_TRUTH], **small.test}
    assert fetch("test", source=s.lay(tmp_path / "source", files)).result["unvouched"] == {"test": 4}
    shutil.rmtree(tmp_path / "source")
    s.lay(tmp_path / "source", {s.TEST: altered})
    ran = fetch("test", source=tmp_path / "source")
    assert (ran.code, let_in(small, tmp_path)) == (3, set(small.test) - {TESTED})
    assert f"{TESTED} unreadable" in said(ran)
    assert s.md5(altered) in said(ran)
    # What was taken away again is missing, and the next fetch brings it.
    assert peek.images(tmp_path / "cache")[TESTED[:-4]]["path"] is None
    assert fetch("test", source=small.published(tmp_path / "source")).code == 0
    assert ham_here("verify", "test", cache=tmp_path / "cache").code == 0


# Images. Nobody has published digests of the test images: what is none must show by its pixels.


def drawn(mode: str = "RGB") -> Image.Image:
    return Image.open(io.BytesIO(s.jpeg("hostile"))).convert(mode)


def encoded(picture: Image.Image, form: str = "JPEG", **how: Any) -> bytes:  # noqa: ANN401
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


def announcing(width: int, height: int) -> bytes:
    """A JPEG whose header announces another size."""
    data = encoded(drawn())
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def png_announcing(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def segments(count: int) -> bytes:
    """A JPEG before whose picture stand so many EXIF segments of 64 KiB."""
    data = encoded(drawn())
    one = b"\xff\xe1" + struct.pack(">H", 65535) + b"Exif\x00\x00" + bytes(65527)
    return data[:2] + one * count + data[2:]


PLAIN = encoded(drawn())
SIXTEEN = Image.fromarray(np.asarray(drawn("L")).astype(np.uint16) * 257)
MOVING: dict[str, Any] = {"save_all": True, "append_images": [drawn().rotate(90), drawn().rotate(180)]}

REFUSED: dict[str, tuple[bytes, str]] = {
    "cut in half": (PLAIN[: len(PLAIN) // 2], "it is no whole picture"),
    "without its last bytes": (PLAIN[:-2], "it is no whole picture"),
    "a PNG": (encoded(drawn(), "PNG"), "it is a PNG under the name of a JPEG"),
    "half a PNG": (encoded(drawn(), "PNG")[:-200], "it is no whole picture"),
    "an animated PNG": (encoded(drawn(), "PNG", **MOVING), "it is a PNG under the name of a JPEG"),
    "sixteen bits": (encoded(SIXTEEN, "PNG"), "it is a PNG under the name of a JPEG"),
    "a page": (b"<!DOCTYPE html><html>403</html>", "it is neither a JPEG nor a PNG"),
    "an animated GIF": (encoded(drawn("P"), "GIF", **MOVING), "it is neither a JPEG nor a PNG"),
    "WebP": (encoded(drawn(), "WEBP"), "it is neither a JPEG nor a PNG"),
    "60000 x 60000": (announcing(60_000, 60_000), "3600000000 pixels"),
    "a PNG of 60000 x 60000": (png_announcing(60_000, 60_000), "3600000000 pixels"),
    "more pixels than it has": (png_announcing(5000, 5000), "it is no whole picture"),
    "no pixels": (announcing(0, 0), "it is neither a JPEG nor a PNG"),
    "EXIF that swallows the picture": (PLAIN[:2] + b"\xff\xe1\xff\xffExif\x00\x00" + PLAIN[2:], "it is no whole picture"),
}
"""What is none, and what is said."""

ODD: dict[str, bytes] = {
    "four inks": encoded(drawn("CMYK")),
    "grey": encoded(drawn("L")),
    "several pictures": encoded(drawn(), "MPO", **MOVING),
    "bytes behind it": PLAIN + b"more" * 9999,
    "a second picture behind it": PLAIN + encoded(drawn().rotate(90)),
    "EXIF of 64 KiB": segments(1),
    "EXIF of 2.6 MB": segments(40),
    "EXIF that leads nowhere": PLAIN[:2] + b"\xff\xe1" + struct.pack(">H", 40) + b"Exif\x00\x00MM\x00*" + b"\xff" * 28 + PLAIN[2:],
}
"""What is odd, and a whole picture all the same."""


def with_test_images(small: Small, where: Path, data: bytes) -> Path:
    """A folder with the test images, one of them other bytes."""
    return s.lay(where / "source", {s.TEST_TRUTH: small.tables[s.TEST_TRUTH]} | small.test | {TESTED: data})


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_whole_picture_of_its_name_stays_out(kind: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    data, words = REFUSED[kind]
    ran = fetch("test", "--allow-partial", source=with_test_images(small, tmp_path, data))
    assert (ran.code, let_in(small, tmp_path)) == (3, set(small.test) - {TESTED})
    assert [(f["path"], f["verdict"]) for f in ran.result["findings"]] == [(TESTED, "unreadable")]
    assert words in ran.result["findings"][0]["detail"]
    assert ran.result["unvouched"] == {"test": 3}


@pytest.mark.filterwarnings("ignore::UserWarning")  # what Pillow remarks of metadata, here where the tests use it themselves
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_picture_has_the_pixels_that_it_shows(kind: str, small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache, out = tmp_path / "cache", tmp_path / "out"
    assert fetch("test", source=with_test_images(small, tmp_path, ODD[kind])).result["unvouched"] == {"test": 4}
    with Image.open(io.BytesIO(ODD[kind])) as opened:
        shown = opened.convert("RGB")
    pixels = {n: np.asarray(Image.open(io.BytesIO(d)).convert("RGB")) for n, d in small.test.items()} | {TESTED: np.asarray(shown)}
    together = np.concatenate([p.reshape(-1, 3) for p in pixels.values()]).astype(float) / 255
    ran = ham_here("stats", "--pixels", "--partition", "test", "--json", cache=cache)
    (part,) = ran.result["parts"]
    assert (ran.code, part["mean"], part["sd"]) == (0, pytest.approx(together.mean(0)), pytest.approx(together.std(0)))
    words = ("--size", 28, "--image-format", "png", "--partition", "test", "--allow-missing-classes")
    ran = ham_here("export", "imagefolder", out, *words, "--json", cache=cache)
    assert ran.code == 0, ran.err
    (made,) = out.rglob(TESTED.replace(".jpg", ".png"))
    with Image.open(made) as written:
        assert (written.mode, written.size) == ("RGB", (28, 28))
        middle = shown.crop((7, 0, 52, 45)).resize((28, 28), Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(written).astype(float) - np.asarray(middle)).mean() < 2


# Tables.


def each(table: bytes, change: Callable[[str], str]) -> bytes:
    header, *lines = table.decode().splitlines()
    return "\n".join([header, *map(change, lines), ""]).encode()


def wide(table: bytes, columns: int) -> bytes:
    header, *lines = table.decode().splitlines()
    return "\n".join([header + "".join(f",c{n}" for n in range(columns)), *(line + "," * columns for line in lines), ""]).encode()


def one_more(table: bytes, name: str) -> bytes:
    header, *lines = table.decode().splitlines()
    return "\n".join([f"{header},{name}", *(f"{line},nv" for line in lines), ""]).encode()


WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda t: b"\xef\xbb\xbf" + t,
    "CRLF": lambda t: t.replace(b"\n", b"\r\n"),
    "CR": lambda t: t.replace(b"\n", b"\r"),
    "semicolons": lambda t: t.replace(b",", b";"),
    "whole ages": lambda t: t.replace(b".0,", b","),
}
"""Another spelling of the same table."""

HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a NUL": (lambda t: t.replace(b"trunk", b"tr\x00nk"), "a NUL byte stands at"),
    "a huge cell": (lambda t: t.replace(b"trunk", b"x" * 100_000), "is not a published word"),
    "a cell without end": (lambda t: t.replace(b"trunk", b"x" * (15 << 20)), "field larger than field limit"),
    "a number without end": (lambda t: t.replace(b"85.0", b"9" * 100_000), "is no number"),
    "a cell that spans all": (lambda t: t.replace(b"trunk", b'"trunk'), "it cannot be read as a table"),
    "a million commas": (lambda t: t + b"," * (1 << 20), "has 1048577 cells for 8 columns"),
    "a header twice": (lambda t: one_more(t, "dx"), "two columns have one name"),
    "ids with slashes": (lambda t: t.replace(b"ISIC_0000001", b"../ISIC_0000001"), "'../ISIC_0000001' is no image_id"),
    "absolute ids": (lambda t: t.replace(b"ISIC_0000001", b"/etc/ISIC_0000001"), "'/etc/ISIC_0000001' is no image_id"),
    "ids with backslashes": (lambda t: t.replace(b"ISIC_0000001", b"..\\ISIC_0000001"), "is no image_id"),
    "lesions with slashes": (lambda t: t.replace(b"HAM_0000004", b"../HAM_0000004"), "is no lesion_id"),
    "a formula": (lambda t: t.replace(b"trunk", b'"=HYPERLINK(""http://x"")"'), "is not a published word"),
    "a formula for an id": (lambda t: t.replace(b"ISIC_0000001", b"=cmd|' /C calc'!A0"), "is no image_id"),
    "a formula that begins with @": (lambda t: t.replace(b"trunk", b"@SUM(1)"), "'@SUM(1)' is not a published word"),
    "decimal commas": (lambda t: t.replace(b",", b";").replace(b".0", b",0"), "age '60,0' is no number"),
    "decimal commas in quotes": (lambda t: each(t, lambda row: row.replace("85.0", '"85,0"')), "age '85,0' is no number"),
    "decimal commas bare": (lambda t: each(t, lambda row: row.replace("85.0", "85,0")), "has 9 cells for 8 columns"),
    "digits of another script": (lambda t: t.replace(b"85.0", "\uff18\uff15.0".encode()), "is no number"),
    "digits as Python writes them": (lambda t: t.replace(b"85.0", b"8_5.0"), "age '8_5.0' is no number"),
    "Latin-1": (lambda t: t.replace(b"trunk", b"tr\xfcnk"), "it is not UTF-8"),
    "UTF-16": (lambda t: t.decode().encode("utf-16"), "it is not UTF-8"),
    "EBCDIC": (lambda t: t.decode().encode("cp500"), "it is not UTF-8"),
    "signs for a terminal": (lambda t: t.replace(b"trunk", b"\x1b[2Jtrunk"), "is not a published word"),
    "a page": (lambda _: b"<!DOCTYPE html><html>403</html>", "its first line names no table of this record"),
    "nothing": (lambda _: b"", "its first line names no table of this record"),
}
"""What no table may be, whatever is accepted, and what is said."""

ALTERED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a hundred thousand columns": (lambda t: wide(t, 100_000), "columns that the published table has not: c0, c1, c2 and 99997 more"),
    "an image twice": (lambda t: t + t.splitlines()[1] + b"\n", "image ids named twice: ISIC_0000013"),
    "an image twice, and otherwise": (
        lambda t: t + t.splitlines()[1].replace(b"akiec", b"nv") + b"\n",
        "image ids named twice: ISIC_0000013",
    ),
    "a formula for a header": (lambda t: t.replace(b"dataset", b"=dataset", 1), "'=dataset'"),
    "a byte order mark twice": (lambda t: b"\xef\xbb\xbf" * 2 + t, "columns that are not there: lesion_id"),
}
"""What may be accepted with ``--accept-altered``, and what is said."""


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_table_written_otherwise_is_the_same_rows(kind: str, small: Small, small_cache: Path, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {s.KAGGLE_METADATA: WRITTEN[kind](small.tables[s.METADATA])}))
    facts = ("lesion_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
    whole_rows = peek.images(small_cache)
    found = {i: [r[f] for f in facts] for i, r in peek.images(tmp_path / "cache").items()}
    assert (ran.code, ran.result["findings"]) == (0, [])
    assert found == {row[1]: [whole_rows[row[1]][f] for f in facts] for row in s.TRAIN}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_table_is_refused_whatever_is_accepted(kind: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    change, words = HOSTILE[kind]
    ran = fetch("metadata", "--accept-altered", source=s.lay(tmp_path / "source", {s.KAGGLE_METADATA: change(small.tables[s.METADATA])}))
    assert (ran.code, let_in(small, tmp_path)) == (3, set()), ran.err
    assert [(f["component"], f["path"]) for f in ran.result["findings"]] == [("metadata", s.KAGGLE_METADATA)]
    assert words in ran.result["findings"][0]["detail"]
    assert len(ran.result["findings"][0]["detail"]) < 500
    assert peek.names(tmp_path / "cache" / s.ID / "tables") == []
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_table_is_named_and_not_taken(kind: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    change, words = ALTERED[kind]
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {s.KAGGLE_METADATA: change(small.tables[s.METADATA])}))
    assert (ran.code, [f["verdict"] for f in ran.result["findings"]]) == (3, ["altered"])
    assert words in ran.result["findings"][0]["detail"]
    assert peek.names(tmp_path / "cache" / s.ID / "tables") == []


# Servers, beyond every fault of test_network_faults.


IN_CACHE = {s.ID, "CACHEDIR.TAG", "current", ".lock"}


def nothing_outside(web: Web) -> bool:
    """Whether nothing lies beside the cache, and nothing in the cache's folder beside the record."""
    return {p.name for p in web.where.iterdir()} <= {"cache", "record", "home"} and set(peek.names(web.cache)) <= IN_CACHE


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "FILE:/etc/passwd", "http://192.0.2.1/x", "ftp://127.0.0.1/x", "//192.0.2.1/x", "gopher://x"]
)
@pytest.mark.parametrize("name", ["listing", "HAM10000_metadata.tab"])
def test_a_redirect_to_a_file_or_without_encryption_is_not_followed(name: str, to: str, web: Web) -> None:
    web.servers.fault("dataverse", "redirect", name=name, times=None, to=to)
    ran = web.fetch("metadata", "--source", "dataverse")
    if name == "listing":  # without it the record alone says what is right
        assert (ran.code, set(web.files("tables"))) == (0, {s.METADATA})
    else:
        assert (ran.code, web.files("tables")) == (4, {})
        assert "redirects to an unsafe address" in json.dumps(ran.result["troubles"])
    assert "root:" not in "".join(d.decode("latin-1") for d in web.files("tables").values())
    assert nothing_outside(web)


@pytest.mark.parametrize(
    "value", ['attachment; filename="../../../evil.zip"', "attachment; filename*=UTF-8''..%2F..%2Fevil", 'inline; filename="/etc/evil"']
)
def test_a_name_that_a_server_gives_a_file_is_not_used(value: str, web: Web, small: Small) -> None:
    web.servers.fault("s3", "disposition", times=None, value=value)
    assert web.fetch().code == 0
    assert (whole(small, web), nothing_outside(web)) == (True, True)


@pytest.mark.parametrize("name", ["listing", s.PART_1, "HAM10000_metadata.tab"])
def test_a_gzip_bomb_is_never_unpacked(name: str, web: Web) -> None:
    bomb = gzip.compress(bytes(64 << 20), 9)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    for origin in ("dataverse", "s3"):
        web.servers.fault(origin, "answer", name=name, times=None, status=200, headers=headers, body=bomb)
    came = web.patiently("images" if name == s.PART_1 else "metadata", waits=QUICK)
    assert (s.METADATA in web.files("tables")) == (name != "HAM10000_metadata.tab")
    assert len(came.troubles) == (name != "listing")
    assert sum(p.stat().st_size for p in web.cache.rglob("*") if p.is_file()) < 2 << 20
    assert nothing_outside(web)


@pytest.mark.parametrize(("kind", "count"), [("deep_json", 1_000_000), ("long_json", 64 << 20)])
def test_a_listing_without_end_is_said_and_the_files_come(kind: Any, count: int, web: Web) -> None:  # noqa: ANN401
    web.servers.fault("dataverse", kind, name="listing", times=None, count=count)
    ran = web.say("metadata", "--source", "dataverse")
    assert (ran.code, set(web.files("tables")), "Traceback" in ran.err) == (0, {s.METADATA}, False)
    assert "listing" in ran.err or "page" in ran.err, ran.err


# Whatever stands in a file: a result or words, never another exception.


QUICKLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

CELLS = st.sampled_from(
    [
        "ISIC_0000101",
        "ISIC_0000102",
        "train",
        "0",
        "0.5",
        "1e400",
        "nan",
        "٣",
        '"',
        "\r",
        "\n",
        "\0",
        "=1+1",
        "../x",
        "\x85",
        "\u2028",
        ";",
        "\t",
        "",
    ]
) | st.text(max_size=4)


def lines(header: list[str]) -> st.SearchStrategy[bytes]:
    """Tables that are nearly right: a header in some order, and odd cells."""
    rows = st.lists(st.lists(CELLS, max_size=len(header) + 1), max_size=5)
    made = st.tuples(st.permutations(header), rows, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"]))
    return made.map(lambda m: m[3].join(m[2].join(row) for row in [m[0], *m[1]]).encode("utf-8", "surrogatepass"))


def torn(whole: bytes) -> st.SearchStrategy[bytes]:
    """A file of which a few bytes are others, or missing."""
    changes = st.lists(st.tuples(st.integers(0, len(whole)), st.integers(0, 5), st.binary(max_size=4)), min_size=1, max_size=4)

    def change(places: list[tuple[int, int, bytes]]) -> bytes:
        data = bytearray(whole)
        for at, gone, new in places:
            data[at : at + gone] = new
        return bytes(data)

    return changes.map(change)


def in_words(read: Callable[[], object], errors: tuple[type[Exception], ...] = (HamError,)) -> None:
    try:
        read()
    except errors as error:
        assert str(error)  # noqa: PT017  (either will do: it is read, or it is refused)


@pytest.fixture(scope="module")
def truth(small_cache: Path) -> Truth:
    return score.truth_of(open_dataset(small_cache))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


SCORED = ["image", *s.CHALLENGE]
PREDICTED = s.comma([(r[1], "0.4", *["0.1"] * 6) for r in s.TRUTH], SCORED)


@QUICKLY
@given(data=st.binary(max_size=99) | lines(SCORED) | torn(PREDICTED))
def test_any_predictions_are_scored_or_refused(data: bytes, truth: Truth) -> None:
    wanted = predictions.wanted(truth)
    in_words(lambda: predictions.read(source.parsed(data, "x.csv", wanted), truth))


SPLIT = "".join(f"{i},HAM_0000001,a,nv,train,\n" for i in (r[1] for r in s.TRAIN))


@QUICKLY
@given(data=st.binary(max_size=99) | lines([*SPLIT_COLUMNS]) | torn(f"{','.join(SPLIT_COLUMNS)}\n{SPLIT}".encode()))
def test_any_csv_is_a_split_or_refused(data: bytes, bench: Path) -> None:
    (bench / "split.csv").write_bytes(data)
    in_words(lambda: read_split(bench / "split.csv"))


IDS = pa.array(["ISIC_0000001", "ISIC_0000002"])
COLUMNS = (
    *(IDS, pa.array(["train", None]), pa.array([1, None]), pa.array([2**63, 1], pa.uint64()), pa.array([0.5, float("nan")])),
    *(pa.array([True, None]), pa.array([b"\xff", b"x"]), pa.array([["a"], None]), pa.array([{"a": 1}, None]), pa.nulls(2)),
    *(pa.array([10**17, None], pa.timestamp("ms")), pa.array([1, 2], pa.duration("s")), pa.array(["a", "b"]).dictionary_encode()),
    *(pa.array([1, 2]).dictionary_encode(), pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int32()))),
)


@QUICKLY
@given(columns=st.dictionaries(st.sampled_from(SPLIT_COLUMNS), st.sampled_from(COLUMNS), min_size=1))
def test_a_parquet_of_any_types_is_a_split_or_refused(columns: dict[str, pa.Array], bench: Path) -> None:
    pq.write_table(pa.table(columns | {"image_id": columns.get("image_id", IDS)}), bench / "typed.parquet")
    in_words(lambda: read_split(bench / "typed.parquet"))


RATED = s.RATINGS


@QUICKLY
@given(choice=st.data())
def test_any_bytes_are_ratings_or_refused(choice: st.DataObject, small: Small) -> None:
    table = small.tables[RATED]
    data = choice.draw(st.binary(max_size=99) | torn(table) | lines(table.split(b"\n")[0].decode().split(",")))
    in_words(lambda: ratings.read(data, records.load(small.record)), (tables.NotATableError,))


@QUICKLY
@given(choice=st.data())
@pytest.mark.parametrize(("name", "schema"), [("images", schemas.IMAGES), ("files", schemas.FILES)])
def test_any_bytes_are_a_manifest_or_damaged(
    choice: st.DataObject, name: str, schema: schemas.Schema, small_cache: Path, bench: Path
) -> None:
    path = bench / f"{name}.parquet"
    path.write_bytes(choice.draw(st.binary(max_size=99) | torn(peek.manifest(small_cache, name).read_bytes())))
    in_words(lambda: manifest.read(path, schema))
    in_words(lambda: manifest.read_foreign(path, ["image_id", "name"], 1000, 1 << 20), (HamError, ValueError))


def test_a_bit_that_fell_in_a_header_of_a_manifest_is_damage_or_nothing(small_cache: Path, tmp_path: Path) -> None:
    # Headers of pages have no checksum: one that says otherwise made words of places that no dictionary has, an IndexError.
    whole_file, path = peek.manifest(small_cache, "images").read_bytes(), tmp_path / "images.parquet"
    outcomes = set()
    for place in range(300):
        torn_file = bytearray(whole_file)
        torn_file[place] ^= 0x40
        path.write_bytes(torn_file)
        try:
            manifest.read(path, schemas.IMAGES)
            outcomes.add("read")
        except AccessError as error:
            outcomes.add(error.what)
    assert outcomes == {"read", "images.parquet is damaged"}


# A record of somebody's own: whatever is wrong with it is found before anything is built on it.


FACTS = ("title", "doi", "server", "buckets", "files", "bucket_files", "tables", "digests", "partitions", "not_in_record", "identifiers")
WORDS = ("image_size", "vocabulary", "confirm_types", "classes", "challenge_order", "groupings", "age_bands", "duplicate_pairs")
REST = ("validation_ids", "licence", "citations", "ground_truth", "sites", "creator", "publisher", "name", "version", "schema")
JUNK: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**400, float("nan"), "", "x", "../x", "\x00", "\ud800", "a\x1b[2J", "a" * 6000, "ISIC_0000001", "["),
    *([], {}, [None], [[]], ["x"], [1, 2], {"a": None}, {"images": 1, "dx": {}}),
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Where in a document something stands, each as the keys that lead there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, one in inside for place in places(one, (*here, key)))]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(fact=st.sampled_from((*FACTS, *WORDS, *REST)), choice=st.data())
def test_any_record_is_read_or_refused(fact: str, choice: st.DataObject, small: Small, bench: Path) -> None:
    facts = copy.deepcopy(small.facts)
    *above, last = choice.draw(st.sampled_from(places(facts.get(fact), (fact,))))
    inner = facts
    for key in above:
        inner = inner[key]
    if choice.draw(st.booleans()) or last not in inner:
        inner[last] = copy.deepcopy(choice.draw(st.sampled_from(JUNK)))
    else:
        del inner[last]
    shutil.copy(small.record.with_name("digests.sha256.xz"), bench)
    (bench / "record.json").write_text(json.dumps(facts))
    try:
        assert records.load_foreign(bench / "record.json").id
    except WrongUsageError as error:
        assert error.where == str(bench / "record.json") or error.got  # noqa: PT017
        assert len(str(error)) < 2000  # noqa: PT017


def put(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:  # noqa: ANN401
    def change(facts: dict[str, Any]) -> None:
        inner: Any = facts
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to

    return change


UNFIT: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "classes that are a text": (put("classes", to="a" * 99), "classes is"),
    "reasons that are a list": (put("not_in_record", to=[1, 2]), "not_in_record is"),
    "groupings that are a number": (put("groupings", to=1.5), "groupings is"),
    "a class that is a list": (put("challenge_order", 5, to=["x"]), "challenge_order[5] is"),
    "an address that is a number": (put("licence", "url", to=-1), "licence.url is -1"),
    "half a sign": (put("licence", "id", to="\ud800"), "licence.id is"),
    "a text that steers a terminal": (put("title", to="\x1b[2J"), "title is"),
    "a server that is a file": (put("server", to="file:///etc/passwd"), "server is"),
    "a size below nothing": (put("files", 0, "bytes", to=-1), "files[0].bytes is -1"),
    "an MD5 of other signs": (put("files", 0, "md5", to="../x"), "files[0].md5 is"),
    "no file for a table": (put("files", to=[]), "is the table"),
    "a diagnosis without a class": (put("vocabulary", "dx", to=["nv"]), "other diagnoses"),
    "a grouping of another diagnosis": (put("groupings", "malignant", "dx", to=["x"]), "groupings name a diagnosis"),
    "an id that is none": (put("validation_ids", to=["../../x"]), "'../../x' is no image_id"),
    "a word with a comma": (put("vocabulary", "sex", to=["a,b"]), "vocabulary.sex[0] is"),
    "ages in no order": (put("age_bands", to=[[30, 44], [0, 29]]), "age_bands overlap"),
    "columns that no table has": (put("tables", 0, "columns", to=["image_id", "dx", "path"]), "the columns of"),
    "a partition without its images": (put("partitions", to={"train": {"images": 1, "dx": {}}}), "none of"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_record_that_would_fail_later_is_refused_at_once(kind: str, small: Small, ham_here: Here, tmp_path: Path) -> None:
    change, words = UNFIT[kind]
    facts = copy.deepcopy(small.facts)
    change(facts)
    files = {"record.json": json.dumps(facts).encode(), "digests.sha256.xz": small.record.with_name("digests.sha256.xz").read_bytes()}
    record = s.lay(tmp_path / "record", files) / "record.json"
    ran = ham_here("fetch", "--record", record, "--source", small.published(tmp_path / "source"), "--json", cache=tmp_path / "cache")
    assert (ran.code, ran.json["error"]["where"]) == (2, str(record))
    assert words in ran.json["error"]["got"]
    assert not (tmp_path / "cache").exists()


def test_ids_of_a_record_with_a_wide_pattern_still_lead_nowhere(small: Small, ham_here: Here, tmp_path: Path) -> None:
    facts = copy.deepcopy(small.facts)
    facts["identifiers"]["image_id"] = ".*"
    files = {"record.json": json.dumps(facts).encode(), "digests.sha256.xz": small.record.with_name("digests.sha256.xz").read_bytes()}
    record = s.lay(tmp_path / "record", files) / "record.json"
    table = small.tables[s.TEST_TRUTH].replace(b"ISIC_0000101", b"../../../ISIC_0000101")
    source = s.lay(tmp_path / "source", {s.TEST_TRUTH: table, **small.test})
    ran = ham_here("fetch", "test", "--accept-altered", "--source", source, "--record", record, "--json", cache=tmp_path / "cache")
    assert (ran.code, let_in(small, tmp_path)) == (3, set())
    assert "'../../../ISIC_0000101' is no image_id" in said(ran)


def test_a_list_of_digests_that_wants_gigabytes_to_be_unpacked_is_refused(small: Small, ham_here: Here, tmp_path: Path) -> None:
    packed_list = bytearray(lzma.compress(lzma.decompress(small.record.with_name("digests.sha256.xz").read_bytes())))
    # The size of the dictionary is one byte of the block's header (xz file format, 5.3.1); its CRC-32 follows.
    head = 12
    size = (packed_list[head] + 1) * 4
    at = packed_list.index(b"\x21\x01", head) + 2
    packed_list[at] = 38
    packed_list[head + size - 4 : head + size] = struct.pack("<I", zlib.crc32(packed_list[head : head + size - 4]))
    record = s.lay(tmp_path / "record", {"record.json": small.record.read_bytes(), "digests.sha256.xz": bytes(packed_list)}) / "record.json"
    ran = ham_here("fetch", "--record", record, "--source", small.published(tmp_path / "source"), "--json", cache=tmp_path / "cache")
    assert (ran.code, ran.json["error"]["what"]) == (2, "the list of digests cannot be read")
    assert "memory" in ran.json["error"]["got"].lower()
