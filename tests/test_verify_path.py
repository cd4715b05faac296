"""``ham verify --path``: an export held against its own list, without any cache, and nothing outside of it read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Here, Ran

LIST = "ham-export.parquet"
UNFINISHED = ".ham-export.unfinished.parquet"
IMAGE = "train/nv/ISIC_0000008.jpg"
FILES = 25
"""Twenty images, two lists of classes and three papers."""


@pytest.fixture(scope="session")
def exported(small_cache: Path, ham_here: Here, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports of the small record's training images; each is made once, and copied by who changes it."""
    made: dict[tuple[str, ...], Path] = {}

    def export(*words: str) -> Path:
        if words not in made:
            made[words] = tmp_path_factory.mktemp("exported") / "out"
            ran = ham_here("export", words[0], made[words], "--partition", "train", *words[1:], cache=small_cache)
            assert ran.code == 0, ran.err
        return made[words]

    return export


@pytest.fixture
def out(exported: Callable[..., Path], tmp_path: Path) -> Path:
    """An export of one's own: a folder a class."""
    return copied(exported("imagefolder"), tmp_path / "out")


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True)
    return target


@pytest.fixture
def verify(ham_here: Here, tmp_path: Path) -> Callable[..., Ran]:
    """``ham verify --path`` where there is no cache at all."""

    def run(folder: object, *words: object) -> Ran:
        nowhere = tmp_path / "no" / "cache"
        ran = ham_here("verify", "--path", folder, *words, "--json", cache=nowhere)
        assert not nowhere.parent.exists()
        return ran

    return run


def found(ran: Ran) -> list[tuple[Any, ...]]:
    """The findings, as path and verdict."""
    assert {f["component"] for f in ran.result["findings"]} <= {"export"}
    return [(f["path"], f["verdict"]) for f in ran.result["findings"]]


# What is right.


@pytest.mark.parametrize(
    "words",
    [
        ("csv",),
        ("imagefolder",),
        ("imagefolder", "--masks"),
        ("imagefolder", "--link", "hard"),
        ("imagefolder", "--link", "sym"),
        ("imagefolder", "--size", "20", "--masks"),
        ("webdataset",),
        ("webdataset", "--size", "20", "--masks", "--shard-size", "3"),
        ("tfds", "--masks", "--shard-size", "7"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("quick", [(), ("--quick",)], ids=["whole", "quick"])
def test_what_was_exported_is_right(
    words: tuple[str, ...], quick: tuple[str, ...], exported: Callable[..., Path], verify: Callable[..., Ran]
) -> None:
    folder = exported(*words)
    before = peek.snapshot(folder)
    ran = verify(folder, *quick)
    count = sum(1 for name in peek.tree(folder) if not name.rpartition("/")[2].startswith(".")) - 1
    assert (ran.code, ran.json["record"], ran.result) == (
        0,
        s.ID,
        {
            "folder": str(folder),
            "format": words[0],
            "unfinished": False,
            "quick": bool(quick),
            "checked": {"listed": count, "checked": count, "right": count},
            "findings": [],
        },
    )
    assert peek.snapshot(folder) == before


def test_the_cache_is_neither_needed_nor_touched(out: Path, cache: Path, ham_here: Here) -> None:
    before = peek.snapshot(cache)
    assert ham_here("verify", "--path", out, cache=cache).code == 0
    assert peek.snapshot(cache) == before


def test_a_person_sees_one_line_of_counts(out: Path, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("verify", "--path", out, cache=tmp_path / "none")
    assert (ran.code, [line.split() for line in ran.out.splitlines()]) == (
        0,
        [["export", "listed", "checked", "missing", "wrong", "extra", "verdict"], ["imagefolder", "25", "25", "0", "0", "0", "right"]],
    )
    assert "export: done, 25 of 25 right" in ran.err


# Every fault.


def test_a_changed_byte_is_wrong_but_to_quick(out: Path, verify: Callable[..., Ran]) -> None:
    right = s.sha256((out / IMAGE).read_bytes())
    changed = peek.flip(out / IMAGE)
    ran = verify(out)
    assert (ran.code, ran.result["findings"]) == (
        3,
        [
            {
                "component": "export",
                "path": IMAGE,
                "image_id": "ISIC_0000008",
                "verdict": "wrong",
                "expected": right,
                "got": s.sha256(changed),
                "detail": None,
            }
        ],
    )
    assert ran.result["checked"] == {"listed": FILES, "checked": FILES, "right": FILES - 1}
    assert verify(out, "--quick").code == 0


@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_another_size_is_wrong(quick: tuple[str, ...], out: Path, verify: Callable[..., Ran]) -> None:
    size = (out / IMAGE).stat().st_size
    with (out / IMAGE).open("ab") as file:
        file.write(b"more")
    ran = verify(out, *quick)
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["verdict"], finding["expected"], finding["got"]) == (3, "wrong", f"{size} bytes", f"{size + 4} bytes")


@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_what_is_not_there_is_missing(quick: tuple[str, ...], out: Path, verify: Callable[..., Ran]) -> None:
    (out / IMAGE).unlink()
    shutil.rmtree(out / "train" / "df")
    (out / "LICENSE").unlink()
    gone = [IMAGE, "train/df/ISIC_0000003.jpg", "train/df/ISIC_0000018.jpg", "LICENSE"]
    ran = verify(out, *quick)
    assert (ran.code, found(ran)) == (3, [(name, "missing") for name in sorted(gone)])
    assert ran.result["checked"] == {"listed": FILES, "checked": FILES - 4, "right": FILES - 4}


def test_what_the_list_does_not_name_is_extra_wherever_it_lies(out: Path, verify: Callable[..., Ran]) -> None:
    mine = ["train/nv/mine.jpg", "mine.txt", "train/mine/a/b.jpg", "labels/train.cache"]
    s.lay(out, dict.fromkeys(mine, b"mine"))
    (out / "way").symlink_to(out.parent)
    ran = verify(out)
    assert (ran.code, found(ran)) == (3, [(name, "extra") for name in sorted([*mine, "way"])])
    assert "Ultralytics" in next(f["detail"] for f in ran.result["findings"] if f["path"] == "labels/train.cache")


def test_hidden_files_are_nobodys_data(out: Path, verify: Callable[..., Ran]) -> None:
    names = (".DS_Store", "train/.DS_Store", "train/nv/._ISIC_0000008.jpg", ".ham-export.lock", ".git/config", "train/Thumbs.db")
    s.lay(out, dict.fromkeys(names, b"?"))
    (out / "train" / "empty").mkdir()
    assert verify(out).code == 0


def test_a_file_name_that_is_no_text_is_no_bug(out: Path, verify: Callable[..., Ran]) -> None:
    try:
        (out / "train" / os.fsdecode(b"\xff.jpg")).write_bytes(b"mine")
    except OSError:
        pytest.skip("this file system has no such names")
    ran = verify(out)
    assert (ran.code, len(found(ran)), found(ran)[0][1]) == (3, 1, "extra")


def test_twenty_findings_are_shown_and_the_rest_counted(out: Path, ham_here: Here, tmp_path: Path) -> None:
    s.lay(out, {f"mine{n:02d}.txt": b"mine" for n in range(23)})
    (out / IMAGE).unlink()
    ran = ham_here("verify", "--path", out, cache=tmp_path / "none")
    lines = ran.out.splitlines()
    assert (ran.code, lines[1].split()) == (3, ["imagefolder", "25", "24", "1", "0", "23", "incomplete"])
    assert "export: 23 extra" in lines
    assert sum("mine" in line for line in lines) == 20
    assert "  and 3 more: with --json all of them" in lines
    assert "the same ham export again" in ran.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_a_pipe_in_a_files_place_is_not_waited_for(quick: tuple[str, ...], out: Path, verify: Callable[..., Ran]) -> None:
    (out / IMAGE).unlink()
    os.mkfifo(out / IMAGE)
    (out / "LICENSE").unlink()
    (out / "LICENSE").mkdir()
    ran = verify(out, *quick)
    assert (ran.code, found(ran)) == (3, [("LICENSE", "unreadable"), (IMAGE, "unreadable")])


_AS_NOBODY = """
import os, sys
from ham_cli.app import main
words = ["verify", "--path", sys.argv[1], "--cache-dir", sys.argv[2]]
assert main(words) == 0
os.chmod(os.path.join(sys.argv[1], "train", "nv"), 0)
if os.geteuid() == 0:
    os.seteuid(65534)
sys.exit(main([*words, "--json"]))
"""
"""Verifies twice, the second time as a user who may not look into a folder."""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users here")
def test_a_folder_nobody_may_look_into_is_a_finding(exported: Callable[..., Path], open_path: Path) -> None:
    out = copied(exported("imagefolder"), open_path / "out")
    for path in (out, *out.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(out), str(open_path / "none")], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        (out / "train" / "nv").chmod(0o755)
    assert (ran.returncode, "Traceback" in ran.stderr) == (3, False), ran.stderr
    findings = json.loads("{" + ran.stdout.partition("\n{")[2])["result"]["findings"]
    nv = {f"train/nv/{row[1]}.jpg" for row in s.TRAIN if row[2] == "nv"}
    assert {(f["path"], f["verdict"]) for f in findings} == {(name, "unreadable") for name in (*nv, "train/nv/")}


# Links.


@pytest.mark.parametrize("link", ["hard", "sym"])
def test_a_linked_file_is_judged_by_the_bytes_that_it_leads_to(link: str, cache: Path, ham_here: Here, tmp_path: Path) -> None:
    out = tmp_path / "linked"
    assert ham_here("export", "imagefolder", out, "--partition", "train", "--link", link, cache=cache).code == 0
    image = cache / s.ID / "images" / "ISIC_0000008.jpg"
    peek.flip(image)
    ran = ham_here("verify", "--path", out, "--json", cache=tmp_path / "none")
    assert (ran.code, found(ran)) == (3, [(IMAGE, "wrong")])
    image.unlink()
    ran = ham_here("verify", "--path", out, "--json", cache=tmp_path / "none")
    assert (ran.code, found(ran)) == (3, [(IMAGE, "wrong" if link == "hard" else "missing")])


def test_links_that_lead_round_in_a_circle_are_no_bug(out: Path, verify: Callable[..., Ran]) -> None:
    shutil.rmtree(out / "train" / "nv")
    (out / "train" / "nv").symlink_to(out / "train" / "nv")
    (out / "LICENSE").unlink()
    (out / "LICENSE").symlink_to("LICENSE")
    ran = verify(out)
    assert (ran.code, {verdict for _, verdict in found(ran)} <= {"unreadable", "missing", "extra"}) == (3, True)


# A list that lies.


def added(out: Path, file: str, data: bytes) -> None:
    """Put one more file into an export's list, with the size and digest of these bytes."""
    row = {"file": file, "image_id": None, "split": None, "label": None, "bytes": len(data), "sha256": s.sha256(data), "recipe": None}
    peek.edit(out / LIST, lambda rows: [*rows, row])


@pytest.mark.parametrize(
    "name",
    [
        "../victim.txt",
        "train/../../victim.txt",
        "ABSOLUTE",
        "./../victim.txt",
        "..",
        ".",
        "",
        "train//x",
        "C:\\x",
        "train/\0",
        "\x1b[2J",
        ".x",
    ],
)
def test_a_list_that_names_what_no_export_has_is_refused(name: str, out: Path, verify: Callable[..., Ran]) -> None:
    victim = out.parent / "victim.txt"
    victim.write_bytes(b"victim")
    added(out, str(victim) if name == "ABSOLUTE" else name, b"victim")
    ran = verify(out)
    assert (ran.code, ran.json["error"]["where"], "\x1b" in ran.err, "bug" in ran.err) == (5, str(out / LIST), False, False)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(out: Path, verify: Callable[..., Ran]) -> None:
    victim = out.parent / "victim.txt"
    victim.write_bytes(b"victim")
    (out / "train" / "way").symlink_to(out.parent)
    added(out, "train/way/victim.txt", b"victim")
    ran = verify(out)
    # Had it been read, it would be right: size and digest are the victim's.
    assert (ran.code, found(ran)) == (3, [("train/way", "extra"), ("train/way/victim.txt", "unreadable")])
    assert "leads out of the export" in ran.result["findings"][1]["detail"]


def test_a_name_that_is_too_long_for_a_file_is_no_bug(out: Path, verify: Callable[..., Ran]) -> None:
    added(out, "x" * 5000, b"")
    ran = verify(out)
    assert (ran.code, len(found(ran)), found(ran)[0][1]) == (3, 1, "unreadable")


@pytest.mark.parametrize("lie", ["twice", "no size", "no digest", "images without their file"])
def test_a_list_that_contradicts_itself_is_refused(lie: str, out: Path, verify: Callable[..., Ran]) -> None:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        licence = next(row for row in rows if row["file"] == "LICENSE")
        others = [row for row in rows if row is not licence]
        if lie == "twice":
            return [*others, licence, licence | {"sha256": "0" * 64}]
        if lie == "images without their file":
            return [*others, licence | {"image_id": "ISIC_0000001"}, licence | {"image_id": "ISIC_0000002"}]
        return [*others, licence | ({"bytes": None} if lie == "no size" else {"sha256": None})]

    peek.edit(out / LIST, change)
    ran = verify(out)
    assert (ran.code, "LICENSE" in ran.json["error"]["got"]) == (5, True)


@pytest.mark.parametrize("what", ["cut short", "empty", "another table", "newer", "options are a list"])
def test_a_damaged_list_is_said(what: str, out: Path, small_cache: Path, verify: Callable[..., Ran]) -> None:
    file = out / LIST
    if what == "cut short":
        file.write_bytes(file.read_bytes()[:-100])
    elif what == "empty":
        file.write_bytes(b"")
    elif what == "another table":
        shutil.copyfile(peek.manifest(small_cache, "images"), file)
    else:
        table = pq.read_table(file)
        label = {b"ham.schema": b"99"} if what == "newer" else {b"ham.options": b"[]"}
        pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **label}), file)
    ran = verify(out)
    assert (ran.code, ran.json["error"]["where"], "fetch" in ran.json["error"]["next"] and what != "newer") == (5, str(file), False)


# An export that was not finished.


@pytest.mark.parametrize("known", [True, False])
def test_an_unfinished_export_is_said_as_such(known: bool, out: Path, verify: Callable[..., Ran]) -> None:  # noqa: FBT001
    (out / LIST).rename(out / UNFINISHED)
    if not known:
        peek.edit(out / UNFINISHED, lambda rows: [row | {"bytes": None, "sha256": None} for row in rows])
    (out / IMAGE).unlink()
    ran = verify(out)
    assert (ran.code, found(ran), ran.result["unfinished"]) == (3, [(LIST, "missing")], True)
    assert "not finished" in ran.result["findings"][0]["detail"]


def test_an_export_that_is_finished_later_is_right_then(cache: Path, ham_here: Here, verify: Callable[..., Ran], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("export", "webdataset", out, "--partition", "train", "--shard-size", 4)
    assert ham_here(*words, cache=cache).code == 0
    (out / LIST).rename(out / UNFINISHED)
    (out / "train-000001.tar").unlink()
    assert verify(out).code == 3
    assert ham_here(*words, cache=cache).code == 0
    assert verify(out).code == 0


# A shard is judged as a whole: its images are its bytes.


@pytest.mark.parametrize(
    ("words", "name"), [(("webdataset",), "train-000000.tar"), (("tfds",), "small/1.0.0/small-train.tfrecord-00000-of-00001")]
)
def test_a_changed_byte_in_a_file_of_many_images_is_one_finding(
    words: tuple[str, ...], name: str, exported: Callable[..., Path], verify: Callable[..., Ran], tmp_path: Path
) -> None:
    out = copied(exported(*words), tmp_path / "out")
    right = s.sha256((out / name).read_bytes())
    changed = peek.flip(out / name, 5000)
    ran = verify(out)
    (finding,) = ran.result["findings"]
    assert (ran.code, finding["path"], finding["image_id"]) == (3, name, None)
    assert (finding["expected"], finding["got"]) == (right, s.sha256(changed))


def test_whatever_jobs_the_result_is_the_same(out: Path, verify: Callable[..., Ran]) -> None:
    for file in sorted(out.rglob("*.jpg"))[::3]:
        peek.flip(file)
    (out / IMAGE).unlink()
    one, three = verify(out, "--jobs", 1), verify(out, "--jobs", 3)
    assert (one.code, one.result) == (3, three.result)
    assert len(one.result["findings"]) == 8


# What is typed.


def test_a_folder_without_an_export_is_said_plainly(verify: Callable[..., Ran], tmp_path: Path) -> None:
    for folder in (s.lay(tmp_path / "photos", {"a.jpg": b"a"}), s.lay(tmp_path / "empty", {})):
        ran = verify(folder)
        error = ran.json["error"]
        assert (ran.code, error["where"], bool(error["next"])) == (2, str(folder), True)
        assert error["what"] == "neither anything of this record nor an export of ham is in this folder"
    ran = verify(tmp_path / "nowhere")
    assert (ran.code, ran.json["error"]["what"]) == (2, "there is no such folder")
    ran = verify(tmp_path / "photos" / "a.jpg")
    assert (ran.code, ran.json["error"]["what"]) == (2, "this is no folder")


@pytest.mark.parametrize("words", [("--all",), ("images",), ("images", "masks")])
def test_what_does_not_go_with_path_is_refused(words: tuple[str, ...], out: Path, verify: Callable[..., Ran]) -> None:
    ran = verify(out, *words)
    assert (ran.code, ran.json["error"]["got"]) == (2, " ".join(words))


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_path_is_refused(empty: str, verify: Callable[..., Ran]) -> None:
    ran = verify(empty)
    assert (ran.code, ran.json["error"]["what"]) == (2, "--path is empty")


def test_a_relative_path_and_a_link_to_the_folder_do(out: Path, tmp_path: Path, verify: Callable[..., Ran]) -> None:
    (tmp_path / "by-link").symlink_to(out)
    assert verify(tmp_path / "by-link").code == 0
    command = [sys.executable, "-m", "ham_cli", "verify", "--path", "out", "-q", "--cache-dir", str(tmp_path / "none")]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
