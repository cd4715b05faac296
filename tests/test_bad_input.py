"""What goes wrong outside: folders, zips, tables, disks, locks, signals. One clear error each, and nothing damaged."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s
from tests.conftest import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Command, Fetch, Here, Ran
    from tests.small import Small

FIRST = "ISIC_0000001.jpg"
PATIENCE = 60.0
"""Seconds until a process that does not do what it should is given up."""

needs_leases = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file leases, which hold a reader up")


def found(ran: Ran) -> list[tuple[str, str, str]]:
    """The findings, as component, path and verdict."""
    return [(f["component"], f["path"], f["verdict"]) for f in ran.result["findings"]]


def half_written(cache: Path) -> list[Path]:
    """Files that are not whole."""
    return list(cache.rglob("*.part"))


def sound(small: Small, folder: Path) -> None:
    """Assert that every file in a record's folder, but for hidden ones, is a whole and right one."""
    for name, right in (("images", small.images), ("masks", small.masks), ("test", small.test)):
        assert {n: d for n, d in peek.contents(folder / name).items() if not n.startswith(".")}.items() <= right.items()
    for path in (folder / "manifests").glob("*.parquet"):
        peek.table(path)


# --- folders


def test_no_such_folder_is_wrong_usage(fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch(source=tmp_path / "nowhere")
    assert (ran.code, ran.json["error"]["where"], (tmp_path / "cache").exists()) == (2, str(tmp_path / "nowhere"), False)


def test_a_file_for_a_folder_is_wrong_usage_and_the_folder_is_named(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    ran = fetch(source=source / s.PART_1)
    assert (ran.code, ran.json["error"]["where"], (tmp_path / "cache").exists()) == (2, str(source / s.PART_1), False)
    assert ran.json["error"]["next"].endswith(str(source))


@pytest.mark.parametrize("files", [{}, {"notes.txt": b"mine\n", "cat.jpg": b"\xff\xd8", "photos.zip": s.zipped({"cat.jpg": b"\xff\xd8"})}])
def test_a_folder_with_nothing_of_the_record_is_exit_4(files: dict[str, bytes], fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch(source=s.lay(tmp_path / "source", files))
    assert (ran.code, ran.json["error"]["where"]) == (4, str(tmp_path / "source"))
    assert not (tmp_path / "cache" / s.ID).exists()


def test_one_folder_of_two_that_is_not_there_stops_before_anything_is_written(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    assert fetch(source=(small.published(tmp_path / "source"), tmp_path / "nowhere")).code == 2
    assert not (tmp_path / "cache").exists()


def test_a_source_inside_the_cache_is_wrong_usage(cache: Path, fetch: Fetch) -> None:
    before = peek.snapshot(cache)
    assert (fetch(source=cache / s.ID / "images").code, fetch(source=cache).code, peek.snapshot(cache)) == (2, 2, before)


def test_a_source_that_holds_the_cache_does_not_feed_it_to_itself(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    small.unpacked(tmp_path / "source")
    assert fetch(source=tmp_path).code == 0
    (tmp_path / "source" / "HAM10000_images_part_1" / FIRST).unlink()
    (tmp_path / "cache" / s.ID / "images" / FIRST).unlink()
    assert fetch(source=tmp_path).result["missing"] == {"images": ["ISIC_0000001"]}


def test_a_folder_that_is_a_link_to_its_parent_ends(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    (source / "again").symlink_to(source, target_is_directory=True)
    ran = fetch(source=source)
    assert (ran.code, ran.result["taken"]["images"]) == (0, 20)


def test_a_link_that_leads_nowhere_is_a_finding_and_the_rest_is_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    image = source / "HAM10000_images_part_1" / FIRST
    image.unlink()
    image.symlink_to(tmp_path / "nowhere.jpg")
    ran = fetch("images", source=source)
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, [f"HAM10000_images_part_1/{FIRST}"])
    assert ran.result["taken"] == {"images": 19}


# --- zips


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lambda whole: whole[: len(whole) // 2], "cut off"),
        (lambda whole: whole[:-10], "cut off"),
        (lambda _: b"<!DOCTYPE html><html><title>503</title></html>", "web page"),
        (lambda _: b"", ""),
        (lambda _: b"nonsense" * 100, ""),
    ],
    ids=["half", "end missing", "HTML", "empty", "nonsense"],
)
def test_a_zip_that_is_none_is_named_and_the_others_are_taken(
    data: Callable[[bytes], bytes], told: str, small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    source = small.published(tmp_path / "source")
    (source / s.PART_1).write_bytes(data(small.zips[s.PART_1]))
    ran = fetch(source=source)
    assert (ran.code, found(ran)) == (3, [("images", s.PART_1, "unreadable")])
    assert told in ran.result["findings"][0]["detail"]
    assert ran.result["findings"][0]["expected"] == f"{len(small.zips[s.PART_1])} bytes"
    assert (ran.result["taken"]["images"], len(ran.result["missing"]["images"])) == (10, 10)
    sound(small, tmp_path / "cache" / s.ID)


def test_a_cut_off_zip_inside_a_zip_is_named(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    inner = {s.PART_1: small.zips[s.PART_1][:-100], s.PART_2: small.zips[s.PART_2]}
    ran = fetch("images", source=s.lay(tmp_path / "source", {"dataverse_files.zip": s.zipped(inner)}))
    assert (ran.code, found(ran)) == (3, [("images", f"dataverse_files.zip/{s.PART_1}", "unreadable")])
    assert ran.result["taken"] == {"images": 10}
    assert peek.names(tmp_path / "cache" / s.ID / "archives") == []


def test_a_member_whose_crc_is_wrong_is_named_and_the_others_are_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    files = dict(list(small.images.items())[:10])
    data = bytearray(s.zipped(files, packed=False))
    data[data.index(files[FIRST]) + 500] ^= 1
    ran = fetch("images", "--allow-partial", source=s.lay(tmp_path / "source", {"some.zip": bytes(data)}))
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, [f"some.zip/{FIRST}"])
    assert ran.result["taken"] == {"images": 9}


def test_a_zip_that_somebody_packed_again_is_settled_by_its_images(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    packed = {s.PART_1: dict(list(small.images.items())[:10]), s.PART_2: dict(list(small.images.items())[10:])}
    source = s.lay(tmp_path / "source", {name: s.zipped({f"mine/{n}": d for n, d in files.items()}) for name, files in packed.items()})
    s.lay(source, {s.METADATA: small.tables[s.METADATA]})
    ran = fetch(source=source)
    assert (ran.code, ran.result["taken"]) == (0, {"images": 20})
    assert {(r["vouched"], r["archive"]) for r in peek.images(tmp_path / "cache").values()} == {("digest", None)}
    assert {r["md5"] for n, r in peek.files(tmp_path / "cache").items() if n in packed} == {None}


def test_a_zip_of_the_right_size_and_the_wrong_md5_vouches_for_nothing(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    wrong = bytearray(small.zips[s.TEST])
    wrong[10] ^= 1  # the time of the first member, in its local header: the members stay as they are
    source = s.lay(tmp_path / "source", {s.TEST: bytes(wrong), s.TEST_TRUTH: small.tables[s.TEST_TRUTH]})
    ran = fetch("test", source=source)
    assert (ran.code, found(ran)) == (3, [("test", s.TEST, "wrong")])
    assert [(f["expected"], f["got"]) for f in ran.result["findings"]] == [(s.md5(small.zips[s.TEST]), s.md5(bytes(wrong)))]
    rows = [r for r in peek.images(tmp_path / "cache").values() if r["path"]]
    assert {r["vouched"] for r in rows} <= {"none"}
    assert peek.files(tmp_path / "cache")[s.TEST]["state"] != "dropped"


def test_members_that_point_out_of_their_folder_never_land_outside(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    members = {
        f"../../../{FIRST}": small.images[FIRST],
        "../../../../ISIC_0000002.jpg": b"evil",
        f"{tmp_path}/outside/ISIC_0000003.jpg": small.images["ISIC_0000003.jpg"],
        "..\\..\\ISIC_0000004.jpg": small.images["ISIC_0000004.jpg"],
        "/etc/ISIC_0000005.jpg": small.images["ISIC_0000005.jpg"],
        "../../../evil.txt": b"evil",
        f"a/../../../../{s.METADATA}": small.tables[s.METADATA],
    }
    fetch("images", "--allow-partial", source=s.lay(tmp_path / "a" / "b" / "source", {"some.zip": s.zipped(members)}))
    assert {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*")} == {"a", "cache"}
    assert [p.name for p in (tmp_path / "a").rglob("*") if p.is_file()] == ["some.zip"]
    assert not Path("/etc/ISIC_0000005.jpg").exists()
    folder = tmp_path / "cache" / s.ID
    assert set(peek.names(folder)) <= {
        *("ATTRIBUTION.txt", "CITATION.bib", "LICENSE", "digests.sha256.xz", "images", "manifests", "record.json", "tables", "archives")
    }
    sound(small, folder)


def test_a_link_in_a_zip_is_refused(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with zipfile.ZipFile(source / "some.zip", "w") as archive:
        entry = zipfile.ZipInfo("ISIC_0000002.jpg")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
        archive.writestr(FIRST, small.images[FIRST])
    ran = fetch("images", "--allow-partial", source=source)
    assert ran.code == 3
    assert "ISIC_0000002.jpg" not in peek.names(tmp_path / "cache" / s.ID / "images")


def test_a_bomb_in_a_zip_is_not_unpacked(fetch: Fetch, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {"some.zip": s.zipped({"ISIC_0000101.jpg": bytes(70 << 20)})})
    s.lay(source, {s.TEST_TRUTH: s.comma(s.TRUTH, final_newline=False)})
    ran = fetch("test", "--allow-partial", source=source)
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, ["some.zip/ISIC_0000101.jpg"])
    assert (peek.names(tmp_path / "cache" / s.ID / "test"), half_written(tmp_path / "cache")) == ([], [])


# --- images


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"\xff\xd8\xff\xdb" + bytes(50)], ids=["empty", "HTML", "a header alone"])
@pytest.mark.parametrize("component", ["images", "test"])
def test_what_is_no_image_is_named_and_stays_out(component: str, data: bytes, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    path = {"images": f"HAM10000_images_part_1/{FIRST}", "test": "ISIC2018_Task3_Test_Images/ISIC_0000101.jpg"}[component]
    (source / path).write_bytes(data)
    ran = fetch(component, source=source)
    assert (ran.code, [(f["component"], f["path"]) for f in ran.result["findings"]]) == (3, [(component, path)])
    assert (path.split("/")[1] in peek.names(tmp_path / "cache" / s.ID / component), half_written(tmp_path / "cache")) == (False, [])


# --- tables


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t + b"HAM_0000099,ISIC_0000099,nv,histo,50.0,male,back,rosendahl\n", ("21 rows for 20", "ISIC_0000099")),
        (lambda t: b"".join(t.splitlines(keepends=True)[:-1]), ("19 rows for 20", "ISIC_0000019")),
        (lambda t: t.replace(b",akiec", b".jpg,akiec"), (".jpg",)),
        (lambda t: b"".join(b"%d,%b" % (n, line) for n, line in enumerate(t.splitlines(keepends=True))), ("columns",)),
        (lambda t: t.replace(b"85.0", b"84.0"), ("age",)),
        (lambda t: t.replace(b"HAM_0000003", b"HAM_0000004"), ("lesion_id",)),
    ],
    ids=["a row too many", "a row too few", "ids with .jpg", "an index column", "another age", "another lesion"],
)
def test_a_table_that_differs_is_named_with_what_differs(
    change: Callable[[bytes], bytes], told: tuple[str, ...], small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    altered = change(small.tables[s.METADATA])
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {"HAM10000_metadata.csv": altered}))
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["verdict"], finding["expected"], finding["got"]) == (
        3,
        "altered",
        s.md5(small.tables[s.METADATA]),
        s.md5(altered),
    )
    assert [word for word in told if word not in finding["detail"]] == []
    assert peek.names(tmp_path / "cache" / s.ID / "tables") == []


def test_ids_with_jpg_are_taken_without_it_where_the_table_is_accepted(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    lines = [b",".join([c[0], c[1] + b".jpg", *c[2:]]) for c in (row.split(b",") for row in small.tables[s.METADATA].splitlines()[1:])]
    table = b"\n".join([small.tables[s.METADATA].splitlines()[0], *lines, b""])
    ran = fetch("metadata", "--accept-altered", source=s.lay(tmp_path / "source", {"labels.csv": table}))
    assert (ran.code, sorted(peek.images(tmp_path / "cache"))) == (0, sorted(row[1] for row in s.TRAIN))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",bcc,histo,85.0", b",melanoma,histo,85.0"),
        (b",histo,85.0", b",histo,-1"),
        (b",histo,85.0", b",histo,NaN"),
        (b",histo,85.0", b",histo,old"),
        (b"HAM_0000004,", b"../../HAM_4,"),
        (b"ISIC_0000001,", b"../ISIC_0000001,"),
        (b"ISIC_0000001,", b"=cmd()|x,"),
        (b",vienna_dias\n", b",vienna_dias,more\n"),
        (b"trunk", b'"trunk'),
        (b"trunk", b"tru\x00nk"),
        (b"trunk", b"tr\xffnk"),
    ],
)
def test_a_cell_that_no_table_may_hold_is_refused_whatever_is_accepted(
    old: bytes, new: bytes, small: Small, fetch: Fetch, tmp_path: Path
) -> None:
    table = small.tables[s.METADATA].replace(old, new)
    assert table != small.tables[s.METADATA]
    ran = fetch("metadata", "--accept-altered", source=s.lay(tmp_path / "source", {"HAM10000_metadata.csv": table}))
    assert (ran.code, {f["component"] for f in ran.result["findings"]}) == (3, {"metadata"})
    assert peek.names(tmp_path / "cache" / s.ID / "tables") == []


@pytest.mark.parametrize(
    "data", [s.comma([]), s.comma([]).rstrip(), s.comma(s.TRAIN) + b"x" * (17 << 20)], ids=["header", "header without newline", "17 MB"]
)
def test_a_table_without_rows_or_without_end_is_a_finding(data: bytes, fetch: Fetch, tmp_path: Path) -> None:
    ran = fetch("metadata", source=s.lay(tmp_path / "source", {"HAM10000_metadata.csv": data}))
    assert (ran.code, [(f["component"], f["path"]) for f in ran.result["findings"]]) == (3, [("metadata", "HAM10000_metadata.csv")])


# --- what lies beside the data


@pytest.mark.parametrize("name", ["record.json", "digests.sha256.xz"])
def test_a_damaged_record_in_the_cache_is_exit_5_and_the_next_fetch_mends_it(
    name: str, small: Small, cache: Path, fetch: Fetch, ham_here: Here
) -> None:
    path = cache / s.ID / name
    path.write_bytes(path.read_bytes()[:100])
    ran = ham_here("verify", "--json", cache=cache)
    assert (ran.code, "fetch" in ran.json["error"]["next"]) == (5, True)
    again = fetch(source=small.published(cache.parent / "source"))
    assert (again.code, again.result["taken"]) == (0, {})
    assert path.read_bytes() == (small.record.parent / name).read_bytes()
    assert ham_here("verify", "--all", cache=cache).code == 0


# --- names that are not UTF-8


def _strange(where: Path) -> Path:
    """A folder whose name is Latin-1, where the file system has such names."""
    folder = where / os.fsdecode(b"c\xe4che")
    try:
        folder.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system has only UTF-8 names")
    return folder


def test_a_cache_in_a_folder_whose_name_is_not_utf8_works(small: Small, ham_here: Here, fetch: Fetch, tmp_path: Path) -> None:
    cache, source = _strange(tmp_path), small.published(tmp_path / "source")
    for taken in ({"images": 20, "masks": 20, "test": 4}, {}):
        ran = fetch(source=source, cache=cache)
        assert (ran.code, ran.result["taken"]) == (0, taken)
    assert ham_here("verify", cache=cache).code == 0


def test_a_file_too_many_whose_name_is_not_utf8_is_named(cache: Path, ham_here: Here) -> None:
    _strange(cache / s.ID / "images")
    ran = ham_here("verify", "--json", cache=cache)
    assert (ran.code, [v for _, _, v in found(ran)]) == (3, ["extra"])


def test_a_source_with_names_that_are_not_utf8_is_taken(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = _strange(tmp_path / "source")
    small.unpacked(source)
    peek.flip(source / "HAM10000_images_part_1" / FIRST)
    s.lay(source, {os.fsdecode(b"\xfc.txt"): b"x"})
    ran = fetch(source=tmp_path / "source")
    assert (ran.code, ran.result["taken"]["images"], len(ran.result["findings"])) == (3, 19, 1)


# --- a cache that may only be read


class ReadOnly:
    """A whole cache that the command may read and not write, and a source beside it."""

    def __init__(self, cache: Path, source: Path, ham: Command, record: Path) -> None:
        self.cache, self.source, self.ham, self.record = cache, source, ham, record
        self.user = "nobody" if os.geteuid() == 0 else None

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command as somebody who may not write there."""
        return self.ham(*arguments, cache=self.cache, user=self.user)


@pytest.fixture
def read_only(small: Small, small_cache: Path, open_path: Path, ham: Command) -> Iterator[ReadOnly]:
    """A cache that is somebody else's, or that nobody may write to."""
    cache = Path(shutil.copytree(small_cache, open_path / "cache"))
    source = small.published(open_path / "source")
    record = s.lay(open_path / "record", {p.name: p.read_bytes() for p in small.record.parent.iterdir()}) / "record.json"
    everything = [open_path, *open_path.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield ReadOnly(cache, source, ham, record)
    for path in everything:
        path.chmod(0o755)


def test_a_read_only_cache_is_verified_and_it_is_said_that_the_result_is_not_saved(read_only: ReadOnly) -> None:
    before = peek.snapshot(read_only.cache)
    ran = read_only.run("verify", "--all")
    assert ran.returncode == 0, ran.stderr
    assert "could not be saved" in ran.stderr
    assert peek.snapshot(read_only.cache) == before


@pytest.mark.parametrize("words", [("show", "ISIC_0000001"), ("cache", "list"), ("cache", "prune", "--dry-run")])
def test_a_read_only_cache_is_read_like_any_other(words: tuple[str, ...], read_only: ReadOnly) -> None:
    ran = read_only.run(*words)
    assert (ran.returncode, "error" in ran.stderr) == (0, False), ran.stderr


def test_what_writes_to_a_read_only_cache_is_exit_5_and_changes_nothing(read_only: ReadOnly) -> None:
    before = peek.snapshot(read_only.cache)
    fetch = ("fetch", "--source", read_only.source, "--record", read_only.record)
    for words in (fetch, ("cache", "remove", "masks"), ("cache", "prune")):
        ran = read_only.run(*words)
        assert (ran.returncode, ran.stdout) == (5, ""), ran.stderr
        assert ran.stderr.count("error: ") == 1
        assert str(read_only.cache) in ran.stderr
        assert "Traceback" not in ran.stderr
    assert peek.snapshot(read_only.cache) == before


# --- a full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes in memory; skipped where it may not be mounted."""
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(where)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip() if mounted else 'no mount'}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def _leave(disk: Path, free: int) -> None:
    """Fill a disk but for so many bytes."""
    (disk / "ballast").unlink(missing_ok=True)
    (disk / "ballast").write_bytes(bytes(max(shutil.disk_usage(disk).free - free, 0)))


def _until_there_is_room(disk: Path, fetch: Callable[[], Ran], after: Callable[[], None]) -> list[int]:
    """Fetch again and again with a little more room; the exit codes, the last one 0."""
    ended = []
    for free in range(0, 400_000, 20_000):
        _leave(disk, free)
        ran = fetch()
        ended.append(ran.code)
        if ran.code == 0:
            break
        assert (ran.json["exit_code"], "room" in ran.json["error"]["next"]) == (5, True)
        assert half_written(disk) == []
        after()
    return ended


def test_a_full_disk_ends_with_a_clear_error_and_the_next_fetch_goes_on(small: Small, disk: Path, fetch: Fetch, ham_here: Here) -> None:
    cache, source = disk / "cache", small.published(disk.parent / "source")
    ended = _until_there_is_room(disk, lambda: fetch(source=source, cache=cache), lambda: sound(small, cache / s.ID))
    assert (set(ended[:-1]), ended[-1]) == ({5}, 0)
    assert peek.contents(cache / s.ID / "images") == small.images
    assert ham_here("verify", cache=cache).code == 0


def test_a_full_disk_loses_nothing_that_was_there(small: Small, disk: Path, fetch: Fetch, ham_here: Here) -> None:
    cache, source = disk / "cache", small.published(disk.parent / "source")
    assert fetch("metadata", source=source, cache=cache).code == 0
    published = {row[1]: row[2] for row in s.TRAIN}

    def nothing_is_lost() -> None:
        sound(small, cache / s.ID)
        assert {i: r["dx"] for i, r in peek.images(cache).items()} == published
        faults = ham_here("verify", "--json", cache=cache).json["result"]["findings"]
        assert {f["verdict"] for f in faults} <= {"missing"}

    ended = _until_there_is_room(disk, lambda: fetch("images", "masks", source=source, cache=cache), nothing_is_lost)
    assert (set(ended[:-1]), ended[-1]) == ({5}, 0)


def test_too_little_room_is_said_before_the_first_image(small: Small, disk: Path, fetch: Fetch) -> None:
    cache, source = disk / "cache", small.published(disk.parent / "source")
    assert fetch("metadata", source=source, cache=cache).code == 0
    _leave(disk, sum(map(len, small.images.values())) - 1)
    ran = fetch("images", source=source, cache=cache)
    assert (ran.code, peek.names(cache / s.ID / "images")) == (5, [])
    assert ran.json["error"]["expected"].endswith("MB free")


def test_a_result_that_cannot_be_saved_is_only_said(disk: Path, small: Small, fetch: Fetch, ham_here: Here) -> None:
    cache = disk / "cache"
    assert fetch(source=small.published(disk.parent / "source"), cache=cache).code == 0
    _leave(disk, 0)
    ran = ham_here("verify", cache=cache)
    assert (ran.code, "could not be saved" in ran.err) == (0, True)
    assert half_written(cache) == []


# --- locks and signals


class Stuck:
    """A fetch that has taken some files and now waits to open one on which we hold a lease."""

    def __init__(self, process: subprocess.Popen[str], leased: Path, source: Path, cache: Path) -> None:
        self.process, self.leased, self.source, self.cache = process, leased, source, cache

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal; exit code, stdout and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def mend(self, small: Small) -> Path:
        """Put a copy that nobody holds in the file's place; the source."""
        self.leased.unlink()
        self.leased.write_bytes(small.test[self.leased.name])
        return self.source


def _start(*arguments: object, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ham_cli", *typed(*arguments, cache=cache)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _reached(lease: int, process: subprocess.Popen[str]) -> None:
    """Wait until the process wants the file: the kernel then asks us to give the lease up, and we do not."""
    for _ in range(int(PATIENCE / 0.02)):
        if fcntl.fcntl(lease, fcntl.F_GETLEASE) != fcntl.F_WRLCK:
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"the fetch never came to the leased file: {process.communicate()[1]}")


@pytest.fixture
def stuck(small: Small, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stuck]:
    """A fetch in a process of its own that holds the lock, has taken the masks, and waits at a test image."""
    source, cache = small.unpacked(tmp_path / "source"), tmp_path / "cache"
    leased = source / "ISIC2018_Task3_Test_Images" / "ISIC_0000101.jpg"
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    lease = os.open(leased, os.O_RDWR)
    try:
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        os.close(lease)
        pytest.skip(f"this file system gives no leases: {error}")
    process = _start("fetch", "--source", source, "--record", small.record, "--jobs", 1, *getattr(request, "param", ()), cache=cache)
    try:
        _reached(lease, process)
        yield Stuck(process, leased, source, cache)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        os.close(lease)
        signal.signal(signal.SIGIO, before)


@needs_leases
def test_a_fetch_that_is_killed_leaves_a_cache_that_the_next_one_finishes(stuck: Stuck, small: Small, fetch: Fetch, ham_here: Here) -> None:
    code, _, _ = stuck.end(signal.SIGKILL)
    masks = peek.snapshot(stuck.cache / s.ID / "masks")
    assert (code, len(masks)) == (-signal.SIGKILL, 20)
    sound(small, stuck.cache / s.ID)
    for words, ended in ((("verify",), 3), (("cache", "list"), 0), (("show", "ISIC_0000001"), 0)):
        assert ham_here(*words, cache=stuck.cache).code == ended
    ran = fetch("--lock-timeout", 0, source=stuck.mend(small))
    assert (ran.code, ran.result["missing"]) == (0, {})
    assert peek.snapshot(stuck.cache / s.ID / "masks") == masks
    assert peek.contents(stuck.cache / s.ID / "images") == small.images
    assert ham_here("verify", cache=stuck.cache).code == 0
    assert ham_here("cache", "prune", cache=stuck.cache).code == 0
    assert half_written(stuck.cache) == []


@needs_leases
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_fetch_ends_cleanly_and_keeps_what_is_done(
    number: signal.Signals, code: int, stuck: Stuck, small: Small, ham_here: Here
) -> None:
    ended, _, err = stuck.end(number)
    masks = peek.snapshot(stuck.cache / s.ID / "masks")
    assert (ended, len(masks), half_written(stuck.cache)) == (code, 20, [])
    word = {130: "interrupted", 143: "terminated"}[code]
    assert (err.splitlines()[-1].startswith(word), "Traceback" in err) == (True, False)
    ran = ham_here("fetch", "--source", stuck.mend(small), "--record", small.record, "--lock-timeout", 0, cache=stuck.cache)
    assert (ran.code, peek.snapshot(stuck.cache / s.ID / "masks")) == (0, masks)


@needs_leases
@pytest.mark.parametrize("stuck", [("--json",)], indirect=True)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_fetch_still_prints_its_document(number: signal.Signals, code: int, stuck: Stuck) -> None:
    import json

    ended, out, _ = stuck.end(number)
    assert (ended, json.loads(out)["exit_code"], json.loads(out)["command"]) == (code, code, "fetch")


@needs_leases
def test_a_second_writer_is_told_who_writes_and_gives_up_with_6(stuck: Stuck, small: Small, ham_here: Here, fetch: Fetch) -> None:
    before = peek.snapshot(stuck.cache)
    ran = fetch("metadata", "--lock-timeout", 0, source=small.published(stuck.cache.parent / "other"))
    holder = f"process {stuck.process.pid} (ham fetch) on {socket.gethostname()}"
    assert (ran.code, ran.json["error"]["got"], ran.json["error"]["where"]) == (6, holder, str(stuck.cache))
    assert "waiting" not in ran.err
    waited = ham_here("cache", "remove", "--all", "--lock-timeout", "0.2", cache=stuck.cache)
    assert (waited.code, waited.err.startswith(f"waiting for {holder}")) == (6, True)
    assert peek.snapshot(stuck.cache) == before


@needs_leases
def test_a_second_writer_waits_for_the_first_and_then_goes_on(stuck: Stuck, small: Small) -> None:
    source = small.published(stuck.cache.parent / "other")
    second = _start("fetch", "--source", source, "--record", small.record, "--lock-timeout", PATIENCE, cache=stuck.cache)
    try:
        assert second.stderr is not None
        said = second.stderr.readline()
        assert f"waiting for process {stuck.process.pid} (ham fetch) on {socket.gethostname()}" in said
        stuck.end(signal.SIGKILL)
        _, err = second.communicate(timeout=PATIENCE)
    finally:
        second.kill()
    assert second.returncode == 0, err
    assert peek.contents(stuck.cache / s.ID / "images") == small.images


def test_two_fetches_at_once_end_well_and_bring_everything_once(small: Small, tmp_path: Path) -> None:
    cache, sources = tmp_path / "cache", (small.published(tmp_path / "zips"), small.unpacked(tmp_path / "bare"))
    both = [_start("fetch", "--source", source, "--record", small.record, cache=cache) for source in sources]
    ended = [(one.communicate(timeout=PATIENCE)[1], one.returncode) for one in both]
    assert [code for _, code in ended] == [0, 0], ended
    assert peek.contents(cache / s.ID / "images") == small.images
    assert {r["path"] is None for r in peek.images(cache).values() if r["in_record"] and r["partition"] != "validation"} == {False}
    assert half_written(cache) == []


@pytest.mark.slow
def test_a_fetch_killed_again_and_again_is_finished_in_the_end(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", small.published(tmp_path / "source")
    for hundredths in range(20, 60, 4):
        process = _start("fetch", "--source", source, "--record", small.record, "--lock-timeout", 0, cache=cache)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=hundredths / 100)
        process.kill()
        process.communicate()
        sound(small, cache / s.ID)
        assert ham_here("cache", "list", cache=cache).code == 0
    assert fetch("--lock-timeout", 0, source=source).code == 0
    assert ham_here("verify", cache=cache).code == 0
    assert ham_here("cache", "prune", cache=cache).code == 0
    assert half_written(cache) == []


@needs_leases
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_waits_for_the_lock_can_be_interrupted(number: signal.Signals, code: int, stuck: Stuck, small: Small) -> None:
    source = small.published(stuck.cache.parent / "other")
    second = _start("fetch", "--source", source, "--record", small.record, "--lock-timeout", PATIENCE, cache=stuck.cache)
    try:
        assert second.stderr is not None
        second.stderr.readline()
        second.send_signal(number)
        _, err = second.communicate(timeout=PATIENCE)
    finally:
        second.kill()
    assert (second.returncode, "Traceback" in err) == (code, False)


@needs_leases
def test_readers_never_wait_for_a_writer(stuck: Stuck, ham_here: Here) -> None:
    for words in (("cache", "list"), ("cache", "dir"), ("show", "ISIC_0000001"), ("cache", "prune", "--dry-run")):
        assert ham_here(*words, cache=stuck.cache).code == 0
    assert ham_here("verify", cache=stuck.cache).code == 3  # what was asked for is not all there yet
    assert stuck.process.poll() is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["x.zip", "table.csv", "notes", "ISIC_0000001.jpg"])
def test_a_named_pipe_in_the_folder_is_passed_over(name: str, small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    os.mkfifo(source / name)
    assert fetch(source=source).code == 0


def test_a_link_to_a_device_is_a_finding(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    image = source / "ISIC2018_Task3_Test_Images" / "ISIC_0000101.jpg"
    image.unlink()
    image.symlink_to("/dev/zero")
    ran = fetch(source=source)
    assert (ran.code, [(f["verdict"], f["detail"]) for f in ran.result["findings"]]) == (3, [("unreadable", "it is no regular file")])


def test_a_table_of_ones_own_beside_the_published_one_is_no_fault(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    (source / "my_split.csv").write_text("image_id,dx,split\nISIC_0000001,nv,train\nISIC_0000002,nv,test\n")
    ran = fetch(source=source)
    assert (ran.code, ran.result["findings"]) == (0, [])


def test_a_folder_whose_only_zip_is_cut_off_says_so(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    whole = (small.published(tmp_path / "source") / "HAM10000_images_part_1.zip").read_bytes()
    (tmp_path / "half" / "HAM10000_images_part_1.zip").write_bytes(whole[: len(whole) // 2])
    ran = fetch(source=tmp_path / "half")
    assert (ran.code, [f["verdict"] for f in ran.result["findings"]]) == (3, ["unreadable"])
    assert "cut off" in ran.result["findings"][0]["detail"]


def test_who_is_content_with_a_part_is_judged_by_that_part(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    next(source.rglob("ISIC_0000001.jpg")).unlink()
    assert fetch(source=source, cache=tmp_path / "cache").code == 4
    assert ham_here("verify", cache=tmp_path / "cache").code == 3
    assert fetch("--allow-partial", source=source, cache=tmp_path / "cache").code == 0
    assert ham_here("verify", cache=tmp_path / "cache").code == 0


@pytest.mark.parametrize("words", [("--source", ""), ("--source", "~nobody-of-this-name/x"), ("--source", ".", "--cache-dir", "")])
def test_an_empty_or_impossible_path_is_wrong_usage(words: tuple[str, ...], ham_here: Here) -> None:
    ran = ham_here("fetch", *words)
    assert (ran.code, "bug" in ran.err) == (2, False)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell is wanted")
@pytest.mark.parametrize(("redirection", "code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 5), ("2>/dev/full", 0)])
@pytest.mark.parametrize("words", ["cache dir", "cache dir --json", "verify"])
def test_streams_that_are_closed_or_full_never_end_in_a_traceback(redirection: str, code: int, words: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m ham_cli {words} --cache-dir {tmp_path}/none {redirection}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    expected = 0 if words == "verify" and redirection == ">/dev/full" else code
    assert (done.returncode, "Traceback" in done.stderr) == (expected, False)


def test_what_verify_found_wrong_the_next_fetch_brings_again(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", small.unpacked(tmp_path / "source")
    assert fetch(source=source, cache=cache).code == 0
    peek.flip(cache / s.ID / "images" / "ISIC_0000001.jpg")
    table = cache / s.ID / "tables" / "HAM10000_metadata"
    table.write_bytes(table.read_bytes() + b"x\n")
    ran = ham_here("verify", cache=cache)
    assert (ran.code, "ham fetch again" in ran.err) == (3, True)
    assert fetch(source=source, cache=cache).code == 0
    assert peek.contents(cache / s.ID / "images") == small.images
    before = peek.snapshot(cache)
    assert fetch(source=source, cache=cache).code == 0
    assert peek.snapshot(cache) == before
    assert ham_here("verify", cache=cache).code == 0


def test_a_manifest_of_somebody_else_cannot_reach_out_of_its_folder(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    cache = tmp_path / "cache"
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    assert fetch("metadata", source=small.published(tmp_path / "source"), cache=cache).code == 0
    path = cache / s.ID / "manifests" / "files.parquet"
    table = pq.read_table(path)
    paths = pa.array(["../../victim.txt" if p else None for p in table["path"].to_pylist()], pa.string())
    pq.write_table(table.set_column(table.schema.get_field_index("path"), table.schema.field("path"), paths), path)
    for words in (("cache", "remove", "metadata"), ("verify",), ("fetch", "--source", tmp_path / "source", "--record", small.record)):
        ran = ham_here(*words, cache=cache)
        assert (ran.code, "cannot be in a cache" in ran.err) == (5, True)
    assert victim.read_text() == "mine"
    assert ham_here("cache", "remove", "--all", cache=cache).code == 0
    assert victim.read_text() == "mine"


def test_a_tag_for_backups_is_not_put_into_a_folder_of_ones_own(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("x")
    assert fetch("metadata", source=small.published(tmp_path / "source"), cache=home).code == 0
    assert [p.relative_to(home).as_posix() for p in home.rglob("CACHEDIR.TAG")] == [f"{s.ID}/CACHEDIR.TAG"]


def test_prune_leaves_newer_versions_and_other_records_alone(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert fetch("metadata", source=small.published(tmp_path / "source"), cache=cache).code == 0
    for other in ("small-0.9", "small-0.10", "small-1.1", "small-mini-0.1", "other-0.1"):
        (cache / other).mkdir()
        (cache / other / "record.json").write_text("{}")
    assert ham_here("cache", "prune", cache=cache).code == 0
    assert sorted(p.name for p in cache.iterdir() if p.is_dir()) == ["other-0.1", s.ID, "small-1.1", "small-mini-0.1"]


@pytest.mark.parametrize(
    "options", ['{"tables": {"train": {}}}', '{"tables": [1]}', '{"tables": {"train": {"file": 1, "columns": 2, "altered": 3}}}']
)
def test_a_manifest_whose_options_are_odd_is_mended(options: str, small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    cache, source = tmp_path / "cache", small.published(tmp_path / "source")
    assert fetch(source=source, cache=cache).code == 0
    path = cache / s.ID / "manifests" / "images.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"ham.options": options.encode()}), path)
    assert ham_here("verify", cache=cache).code in {0, 3}
    assert fetch(source=source, cache=cache).code == 0
    assert ham_here("verify", cache=cache).code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are Linux's")
def test_a_cache_whose_name_is_no_text_is_printed_as_it_is(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    done = subprocess.run([sys.executable, "-m", "ham_cli", "cache", "dir", "--cache-dir", name], capture_output=True, check=True)
    assert done.stdout == name + b"\n"


def test_an_unreadable_test_truth_is_a_finding_of_the_test(small: Small, fetch: Fetch, tmp_path: Path) -> None:
    source = small.published(tmp_path / "source")
    truth = next(p for p in source.iterdir() if p.name.startswith("ISIC2018_Task3_Test_GroundTruth"))
    truth.write_bytes(truth.read_bytes() + b"\0")
    ran = fetch("test", source=source)
    assert (ran.code, [(f["component"], f["verdict"]) for f in ran.result["findings"]]) == (3, [("test", "unreadable")])
    assert "name a further --source that has right copies" in ran.err


def test_a_kept_zip_that_was_not_unpacked_whole_is_missing_after_prune(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", small.published(tmp_path / "source")
    assert fetch("images", "metadata", "--keep-archives", "--only", "dx=mel", source=source, cache=cache).code == 0
    assert ham_here("cache", "prune", cache=cache).code == 0
    states = {r["state"] for r in peek.files(cache).values() if r["component"] == "images" and r["datafile_id"]}
    assert states == {"missing"}
    assert fetch("images", source=source, cache=cache).code == 0
    assert {r["state"] for r in peek.files(cache).values() if r["component"] == "images" and r["datafile_id"]} == {"dropped"}
