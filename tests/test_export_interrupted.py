"""Exports that are ended on their way, at moments that a held-up image decides: what they leave, and how they are finished."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests import peek
from tests import small as s
from tests.conftest import typed
from tests.test_export import LIST, PATIENCE, UNFINISHED, hostile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

JOURNAL = ".ham-export.unfinished.jsonl"

SHARDED = ("webdataset", "--partition", "train", "--shard-size", 7)
RESIZED = ("webdataset", "--partition", "train", "--shard-size", 7, "--size", 24, "--masks")
SMALL = ("imagefolder", "--partition", "train", "--size", 24, "--masks")
COPIED = ("imagefolder", "--partition", "train", "--link", "copy")
"""Exports that take one way each through the core: files of many images, of one that is made, of one that is copied."""

ENDS = [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]

leased = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file leases, which hold a reader up")


class Held:
    """``ham export`` in a process of its own, which waits to open an image on which we hold a lease."""

    def __init__(self, image: Path, *arguments: object, cache: Path) -> None:
        """Start it; it has come to the image when this returns."""
        self.before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        self.lease = os.open(image, os.O_RDWR)
        try:
            fcntl.fcntl(self.lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            os.close(self.lease)
            pytest.skip(f"this file system gives no leases: {error}")
        command = [sys.executable, "-m", "ham_cli", "export", *typed(*arguments, cache=cache)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.until(lambda: fcntl.fcntl(self.lease, fcntl.F_GETLEASE) != fcntl.F_WRLCK)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds."""
        patience = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > patience:
                self.process.kill()
                pytest.fail(f"it never came to it: {self.process.communicate()}")
            time.sleep(0.01)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """End it by a signal; its exit code and what it said. Whoever still reads the image may go on."""
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait(PATIENCE)
        fcntl.fcntl(self.lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self.lease)
        signal.signal(signal.SIGIO, self.before)


class Mine:
    """Exports of a cache of one's own into one folder."""

    def __init__(self, ham_here: Here, cache: Path, where: Path) -> None:
        self.ham_here, self.cache, self.where = ham_here, cache, where
        self.out = where / "out"

    def __call__(self, form: str, *words: object, out: Path | None = None) -> Ran:
        return self.ham_here("export", form, out or self.out, *words, "--json", cache=self.cache)

    def whole(self, form: str, *words: object) -> dict[str, bytes]:
        """What the export is when nobody interrupts it."""
        out = self.where / "whole"
        assert self(form, *words, out=out).code == 0
        return peek.tree(out)

    def image(self, number: int) -> Path:
        return self.cache / s.ID / "images" / f"ISIC_{number:07d}.jpg"

    def held(self, number: int, form: str, *words: object) -> Held:
        """The export, waiting for an image."""
        return Held(self.image(number), form, self.out, *words, cache=self.cache)

    def killed(self, number: int, form: str, *words: object, when: str | None = None) -> None:
        """The export, killed when it has come to an image, and ``when`` stands and is written down."""
        with self.held(number, form, *words) as held:
            if when:
                held.until(lambda: when in journaled(self.out))
            held.end(signal.SIGKILL)


@pytest.fixture
def mine(ham_here: Here, cache: Path, tmp_path: Path) -> Mine:
    return Mine(ham_here, cache, tmp_path)


def hidden(folder: Path) -> list[str]:
    """Hidden files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob(".*"))


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file below a folder that is not hidden."""
    found = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("[!.]*") if path.is_file()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def journaled(out: Path) -> set[str]:
    """The files that the journal says are made; a line may just be written."""
    if not (out / JOURNAL).exists():
        return set()
    return {json.loads(line)[0]["file"] for line in (out / JOURNAL).read_text().splitlines(keepends=True) if line.endswith("\n")}


# Ended on the way.


@leased
@pytest.mark.parametrize(("number", "code"), ENDS)
@pytest.mark.parametrize(("words", "jobs"), [(SHARDED, 1), (RESIZED, 3)], ids=["published", "resized"])
@pytest.mark.thinned(3)
def test_shards_that_are_whole_stay_and_the_others_are_made_by_the_same_command(
    words: tuple[Any, ...], jobs: int, number: signal.Signals, code: int, mine: Mine
) -> None:
    whole = mine.whole(*words)
    with mine.held(17, *words, "--jobs", jobs) as held:
        held.until(lambda: "train-000001.tar" in journaled(mine.out))
        ended, said = held.end(number)
    assert ended == code, said
    assert ("Traceback" in said, "interrupted" in said or "terminated" in said) == (False, number != signal.SIGKILL)
    if number != signal.SIGKILL:
        assert hidden(mine.out) == [JOURNAL, UNFINISHED]
    assert not (mine.out / LIST).exists()
    half = {name: data for name, data in peek.tree(mine.out).items() if name.endswith(".tar") and not name.startswith(".")}
    assert half.items() <= whole.items()
    assert set(half) >= {"train-000000.tar", "train-000001.tar"}
    before = stamps(mine.out)
    ran = mine(*words, "--jobs", jobs)
    assert (ran.code, ran.result["written"], peek.tree(mine.out)) == (0, True, whole)
    after = stamps(mine.out)
    # The last shard may have been whole just before the signal came, and not yet written down.
    assert {name: after[name] for name in sorted(half)[:2]} == {name: before[name] for name in sorted(half)[:2]}
    assert mine(*words).result["written"] is False


@leased
@pytest.mark.parametrize(("number", "code"), ENDS)
@pytest.mark.parametrize(("words", "jobs"), [(SMALL, 3), (COPIED, 3)], ids=["resized", "copied"])
@pytest.mark.thinned(3)
def test_images_that_are_whole_stay_and_the_others_are_made_by_the_same_command(
    words: tuple[Any, ...], jobs: int, number: signal.Signals, code: int, mine: Mine
) -> None:
    whole = mine.whole(*words)
    with mine.held(10, *words, "--jobs", jobs) as held:
        held.until((mine.out / "train" / "nv" / "ISIC_0000017.jpg").exists)
        ended, said = held.end(number)
    assert (ended, "Traceback" in said) == (code, False), said
    if number != signal.SIGKILL:
        assert hidden(mine.out) == [JOURNAL, UNFINISHED]
    assert not (mine.out / LIST).exists()
    half = {name: data for name, data in peek.tree(mine.out).items() if not name.rpartition("/")[2].startswith(".")}
    assert half.items() <= whole.items()
    assert 10 < len(half) < len(whole)
    before, known = stamps(mine.out), journaled(mine.out) | {name for name in half if words == COPIED or "/" not in name}
    if number != signal.SIGKILL:
        assert known == set(half), "what stood in its place was not written down"
    ran = mine(*words, "--jobs", jobs)
    assert (ran.code, ran.result["written"], peek.tree(mine.out)) == (0, True, whole)
    after = stamps(mine.out)
    assert {name: after[name] for name in known} == {name: before[name] for name in known}
    assert mine(*words).result["written"] is False


@leased
@pytest.mark.parametrize("words", [SHARDED, (*SMALL, "--jobs", 1)], ids=["shards", "images"])
def test_what_stood_before_a_second_interruption_is_not_made_again_either(words: tuple[Any, ...], mine: Mine) -> None:
    whole = mine.whole(*words)
    first, second = ((9, 17), (10, 19))[words[0] == "imagefolder"]
    shards = words[0] == "webdataset"
    mine.killed(first, *words, when="train-000000.tar" if shards else None)
    made = journaled(mine.out)
    assert made
    before = stamps(mine.out)
    mine.killed(second, *words, when="train-000001.tar" if shards else None)
    assert {name: stamps(mine.out)[name] for name in made} == {name: before[name] for name in made}
    mine.killed(second, *words)
    assert mine(*words).code == 0
    assert peek.tree(mine.out) == whole
    assert {name: stamps(mine.out)[name] for name in made} == {name: before[name] for name in made}


@leased
def test_half_written_files_of_a_killed_export_are_gone_and_others_hidden_files_stay(mine: Mine) -> None:
    whole = mine.whole(*SHARDED)
    with mine.held(17, *SHARDED) as held:
        held.until(lambda: any(mine.out.glob(".train-000002.tar.*.part")))
        held.end(signal.SIGKILL)
    left = [name for name in hidden(mine.out) if name.endswith(".part")]
    assert [name[: len(".train-000002.tar.")] for name in left] == [".train-000002.tar."]
    own = {".mine.0a1b2c3d.part": b"mine", ".train-000000.tar.part": b"of another program", ".hidden": b"mine"}
    s.lay(mine.out, own)
    assert mine(*SHARDED).code == 0
    assert peek.tree(mine.out) == whole | own


def test_what_was_half_written_before_there_was_a_list_is_gone_too(mine: Mine) -> None:
    s.lay(mine.out, {f".{UNFINISHED}.0a1b2c3d.part": b"PAR1 half"})
    assert mine(*SHARDED).code == 0
    assert peek.tree(mine.out) == mine.whole(*SHARDED)


@leased
def test_of_a_killed_replacement_nothing_half_written_stays(mine: Mine) -> None:
    assert mine(*SHARDED).code == 0
    mine.killed(10, *COPIED, "--jobs", 1, "--force")
    mine.killed(17, *SHARDED, "--force")
    assert mine(*SHARDED).code == 0
    assert peek.tree(mine.out) == mine.whole(*SHARDED)
    assert not (mine.out / "train").exists()


def test_a_journal_that_outlived_its_export_goes(mine: Mine) -> None:
    assert mine(*SHARDED).code == 0
    whole, before = peek.tree(mine.out), stamps(mine.out)
    (mine.out / JOURNAL).write_text("")
    assert mine(*SHARDED).code == 0
    assert peek.tree(mine.out) == whole
    assert {name: stamp for name, stamp in stamps(mine.out).items() if name != LIST} == {n: f for n, f in before.items() if n != LIST}


# Damaged before it was finished.


@leased
@pytest.mark.parametrize("how", ["one byte", "cut short", "gone", "grown"])
def test_a_shard_that_was_damaged_before_the_export_was_finished_is_made_anew(how: str, mine: Mine) -> None:
    whole = mine.whole(*SHARDED)
    mine.killed(17, *SHARDED, when="train-000001.tar")
    assert journaled(mine.out) >= {"train-000000.tar"}
    before = stamps(mine.out)
    shard = mine.out / "train-000000.tar"
    if how == "one byte":
        peek.flip(shard, at=5000)
    elif how == "gone":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:-512] if how == "cut short" else shard.read_bytes() + b"more")
    assert mine(*SHARDED).code == 0
    assert peek.tree(mine.out) == whole
    assert "train-000001.tar" in unmade(before, stamps(mine.out))


def unmade(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[str]:
    """The files that were not made anew."""
    return {name for name in before if before[name] == after.get(name)}


def row(**changed: object) -> dict[str, Any]:
    """A row of a list of files, as a journal writes it."""
    blank = dict.fromkeys(("file", "image_id", "split", "label", "bytes", "sha256", "recipe"))
    return blank | {"file": "train-000002.tar", "bytes": 6, "sha256": "0" * 64, "recipe": "0" * 64} | changed


ODD: tuple[object, ...] = (1.5, True, [], {}, "x", -1, 2**70, "\ud800", None)
"""Values that a column may hold in a journal of somebody else's."""

HOSTILE = {
    "cut short": b'[{"file": "train-000002.tar", "image_id"',
    "binary": bytes(range(256)) * 3 + b"\n",
    "nested": b"[" * 100_000 + b"\n",
    "nested objects": b'{"a":' * 100_000 + b"\n",
    "a huge number": b'[{"bytes": ' + b"9" * 10_000 + b"}]\n",
    "not a list": b'{"file": 1}\n"train-000002.tar"\n3\nnull\ntrue\n',
    "empty lines": b"\n\n[]\n[[]]\n[{}]\n[null]\n[1]\n",
    "other columns": json.dumps([{"file": "train-000002.tar", "more": 1}]).encode() + b"\n",
    "other kinds": b"".join(json.dumps([row(**{name: value})]).encode() + b"\n" for name in row() for value in ODD),
    "rows of several files": json.dumps([row(), row(file="train-000001.tar")]).encode() + b"\n",
    "other files": b"".join(
        json.dumps([row(file=name)]).encode() + b"\n"
        for name in ("../victim.txt", "/etc/passwd", "victim.txt", "..", "", "train-000009.tar")
    ),
    "a twin with other digests": json.dumps([row(file="train-000002.tar", bytes=10240)]).encode() + b"\n",
    "a very long line": b'["' + b"x" * 3_000_000 + b'"]\n',
    "nothing": b"",
}


@leased
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_line_of_the_journal_that_is_none_of_ours_is_passed_over_and_spoils_no_other(place: str, mine: Mine) -> None:
    whole = mine.whole(*SHARDED)
    mine.killed(17, *SHARDED, when="train-000001.tar")
    mine.killed(17, *SHARDED)
    # Both are known, now by the list itself: let the journal be what knows them.
    state, known = mine.where / "state", sorted({"train-000000.tar", "train-000001.tar"})
    rows = {name: [r for r in peek.table(mine.out / UNFINISHED) if r["file"] == name] for name in known}
    assert [r["sha256"] is not None for name in known for r in rows[name]] == [True] * 16
    own = b"".join(json.dumps(rows[name]).encode() + b"\n" for name in known)
    peek.edit(mine.out / UNFINISHED, lambda found: [r | {"sha256": None, "bytes": None} for r in found if r["image_id"] is None])
    victims = {"victim.txt": b"mine"}
    s.lay(mine.out, victims)
    s.lay(mine.where, victims)
    shutil.copytree(mine.out, state)
    for name, line in HOSTILE.items():
        shutil.rmtree(mine.out)
        shutil.copytree(state, mine.out)
        (mine.out / JOURNAL).write_bytes(line + b"\n" + own if place == "first" else own + line)
        before = stamps(mine.out)
        ran = mine(*SHARDED)
        assert (ran.code, ran.err.count("error"), "Traceback" in ran.err) == (0, 0, False), (name, ran.err)
        assert peek.tree(mine.out) == whole | victims, name
        assert set(known) <= unmade(before, stamps(mine.out)), name
        assert (mine.where / "victim.txt").read_bytes() == b"mine"


@leased
def test_a_journal_that_lies_about_a_shard_is_not_believed(mine: Mine) -> None:
    whole = mine.whole(*SHARDED)
    mine.killed(17, *SHARDED, when="train-000001.tar")
    lines = [json.loads(line) for line in (mine.out / JOURNAL).read_text().splitlines()]
    (first,) = [rows for rows in lines if rows[0]["file"] == "train-000000.tar"]
    # Other bytes, and a journal that says they are right; rows of images that are not in it; less of them.
    for lie in (
        [first[0] | {"recipe": "0" * 64}, *first[1:]],
        [first[0] | {"sha256": "0" * 64}, *first[1:]],
        first[:-1],
        [*first, first[-1]],
    ):
        (mine.out / JOURNAL).write_text(json.dumps(lie) + "\n")
        (mine.out / "train-000000.tar").touch()
        assert mine(*SHARDED).code == 0
        assert peek.tree(mine.out) == whole
        (mine.out / LIST).rename(mine.out / UNFINISHED)
        peek.edit(mine.out / UNFINISHED, lambda found: [r | {"sha256": None, "bytes": None} for r in found if r["image_id"] is None])


# Images that are not there, or not right.


@pytest.mark.parametrize("words", [SHARDED, RESIZED, SMALL, COPIED], ids=["shards", "resized shards", "resized", "copied"])
@pytest.mark.parametrize("how", ["gone", "altered", "cut short"])
@pytest.mark.thinned(3)
def test_an_image_that_is_wrong_in_the_cache_ends_it_in_words_and_mended_it_goes_on(how: str, words: tuple[Any, ...], mine: Mine) -> None:
    whole = mine.whole(*words)
    image = mine.image(17)
    right = image.read_bytes()
    if how == "gone":
        image.unlink()
    elif how == "altered":
        peek.flip(image)
    else:
        image.write_bytes(right[:-20])
    ran = mine(*words, "--jobs", 2)
    assert (ran.code, ran.err.count("error: "), "Traceback" in ran.err, "bug" in ran.err) == (4 if how == "gone" else 3, 1, False, False)
    assert ("ISIC_0000017" in ran.json["error"]["where"], "ham fetch" in ran.json["error"]["next"]) == (True, True)
    assert hidden(mine.out) == [JOURNAL, UNFINISHED]
    assert not (mine.out / LIST).exists()
    half = {name: data for name, data in peek.tree(mine.out).items() if not name.startswith(".")}
    assert half.items() < whole.items()
    before, known = stamps(mine.out), journaled(mine.out)
    image.write_bytes(right)
    assert mine(*words).code == 0
    assert peek.tree(mine.out) == whole
    assert known <= unmade(before, stamps(mine.out))


@pytest.mark.parametrize("words", [SHARDED, SMALL], ids=["shards", "images"])
def test_a_new_image_that_is_wrong_leaves_every_old_file_as_it_was(words: tuple[Any, ...], mine: Mine) -> None:
    listed = peek.images(mine.cache)["ISIC_0000020"]
    peek.edit(
        peek.manifest(mine.cache, "images"), lambda rows: [r | ({"path": None} if r["image_id"] == "ISIC_0000020" else {}) for r in rows]
    )
    assert mine(*words, "--allow-partial").code == 0
    old = peek.tree(mine.out)
    peek.edit(peek.manifest(mine.cache, "images"), lambda rows: [listed if r["image_id"] == "ISIC_0000020" else r for r in rows])
    right = mine.image(20).read_bytes()
    peek.flip(mine.image(20))
    assert mine(*words, "--allow-partial").code == 3
    new = peek.tree(mine.out)
    gone = {name for name in old if name not in new}
    assert gone == {LIST}
    assert {name for name in old if name in new and old[name] != new[name]} <= {"ATTRIBUTION.txt", "dataset.json", "train-000001.tar"}
    mine.image(20).write_bytes(right)
    assert mine(*words).code == 0
    assert peek.tree(mine.out) == mine.whole(*words)


def test_one_image_more_makes_only_what_it_touches(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    mine = Mine(ham_here, tmp_path / "partial", tmp_path)
    kept = {name: data for name, data in (small.images | small.masks).items() if "0000020" not in name}
    source = s.lay(tmp_path / "source", kept | {s.METADATA: small.tables[s.METADATA]})
    assert fetch("--allow-partial", source=source, cache=mine.cache).code == 0
    for words in (SHARDED, RESIZED, SMALL, COPIED):
        out = tmp_path / "-".join(map(str, words))
        assert mine(*words, "--allow-partial", out=out).code == 0
    more = s.lay(tmp_path / "more", {n: small.images.get(n) or small.masks[n] for n in (*small.images, *small.masks) if n not in kept})
    assert fetch("images", "masks", "--allow-partial", source=more, cache=mine.cache).code == 0
    for words in (SHARDED, RESIZED, SMALL, COPIED):
        out = tmp_path / "-".join(map(str, words))
        before = stamps(out)
        assert mine(*words, out=out).code == 0
        after = stamps(out)
        made = set(after) - unmade(before, after)
        if words[0] == "webdataset":  # 7, 6 and 6 images are now 7, 7 and 6
            assert made == {"train-000001.tar", "train-000002.tar", "dataset.json", LIST}
        else:
            assert {name for name in made if "ISIC" not in name} == {LIST}
            assert {name for name in made if "ISIC" in name} == {name for name in after if "ISIC_0000020" in name}
        assert peek.tree(out) == mine.whole(*words)
        shutil.rmtree(tmp_path / "whole")


# The cache stays as it is, and names stay in the destination.


@pytest.mark.parametrize(
    "words",
    [
        ("webdataset",),
        ("webdataset", "--size", "24", "--masks"),
        ("imagefolder", "--size", "24", "--masks", "--link", "hard"),
        ("imagefolder", "--size", "24", "--masks", "--link", "sym"),
        ("imagefolder", "--masks", "--link", "auto"),
        ("imagefolder", "--masks", "--link", "copy"),
        ("imagefolder", "--image-format", "png"),
    ],
    ids=" ".join,
)
@pytest.mark.thinned(2)
def test_nothing_that_is_done_to_an_export_changes_the_cache(words: tuple[str, ...], mine: Mine) -> None:
    before = peek.snapshot(mine.cache)
    form, *more = words
    ran = mine(form, "--partition", "train", *more)
    assert (ran.code, "share their bytes" in ran.err) == (0, False)
    for path in [path for path in mine.out.rglob("*") if path.is_file()]:
        assert (path.is_symlink(), path.stat().st_nlink) == (False, 1)
        with path.open("r+b") as file:
            file.write(b"changed")
    assert mine(form, "--partition", "train", *more, "--force").code in {0, 2}
    shutil.rmtree(mine.out)
    assert peek.snapshot(mine.cache) == before


@pytest.mark.parametrize("link", ["hard", "sym"])
def test_links_say_that_they_share_also_for_masks_beside_other_images(link: str, mine: Mine) -> None:
    for words in (("--masks",), ("--masks", "--image-format", "png")):
        ran = mine("imagefolder", "--partition", "train", "--link", link, *words, out=mine.where / f"out{len(words)}")
        assert (ran.code, "share their bytes with the cache" in ran.err) == (0, True)


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_in_the_destination_that_leads_out_of_it_is_refused_before_anything_is_touched(
    finished: bool,  # noqa: FBT001
    force: tuple[str, ...],
    mine: Mine,
) -> None:
    outside = s.lay(mine.where / "outside", {"nv/notes.txt": b"mine"})
    if finished:
        assert mine(*COPIED).code == 0
        shutil.rmtree(mine.out / "train")
        (mine.out / "train").symlink_to(outside)
    else:
        mine.out.mkdir()
        (mine.out / "train").symlink_to(outside)
    words = COPIED if finished else (*COPIED, "--force")
    before = peek.snapshot(mine.out)
    for more in (force, (*force, "--dry-run")):
        ran = mine(*words, *more)
        assert (ran.code, ran.err.count("error: "), "leads out" in ran.err) == (2, 1, True)
    assert (peek.snapshot(mine.out), peek.tree(outside)) == (before, {"nv/notes.txt": b"mine"})


@pytest.mark.parametrize("words", [SHARDED, SMALL, COPIED], ids=["shards", "resized", "copied"])
def test_links_under_the_names_of_files_are_replaced_and_not_followed(words: tuple[Any, ...], mine: Mine) -> None:
    whole = mine.whole(*words)
    victim = mine.where / "victim.txt"
    victim.write_bytes(b"mine")
    mine.out.mkdir()
    # The lock is let alone: nothing is ever written to it.
    for name in (*whole, UNFINISHED, JOURNAL):
        (mine.out / name).parent.mkdir(parents=True, exist_ok=True)
        (mine.out / name).symlink_to(victim)
    ran = mine(*words, "--force")
    assert (ran.code, victim.read_bytes()) == (0, b"mine"), ran.err
    assert peek.tree(mine.out) == whole
    assert not any(path.is_symlink() for path in mine.out.rglob("*"))


def test_a_list_that_names_files_of_ones_own_deletes_none_outside(mine: Mine) -> None:
    assert mine(*SHARDED).code == 0
    (mine.where / "victim.txt").write_bytes(b"mine")
    hostile(mine.out, ["../victim.txt", str(mine.where / "victim.txt"), "a/../../victim.txt"])
    assert mine(*SHARDED).code == 0
    assert (mine.where / "victim.txt").read_bytes() == b"mine"
