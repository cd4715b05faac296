"""The words of every error: none changes unseen, each says what to do next, and these are some as a person sees them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import filelock
import pyarrow.parquet as pq
import pytest

from ham_cli import errors
from ham_cli.errors import EXIT_CODES, HamError
from tests import peek
from tests import small as s
from tests import words as listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.conftest import Here
    from tests.small import Small

PRINTED = Path(__file__).parent / "golden" / "printed.txt"

REWRITE = "python -m tests.words > tests/golden/errors.txt"
REPRINT = "GOLDEN=write python -m pytest -n0 tests/test_words.py"

NAMES = ("DEST", "DIR", "PATH", "PREDICTIONS", "Dask")
"""Names that an error may begin with: words of the usage, and of the world."""

NO_NEXT_STEP: dict[str, str] = {}
"""Errors that need not say what was expected or what to do next, with the reason."""


@pytest.fixture(scope="module")
def every() -> list[listed.Words]:
    return listed.every()


@pytest.fixture(scope="module")
def failures(every: list[listed.Words]) -> list[listed.Words]:
    """Those that end a command."""
    return [words for words in every if words.kind.isdigit()]


def test_no_word_of_an_error_changes_unseen() -> None:
    assert listed.listing() == listed.GOLDEN.read_text(encoding="utf-8"), f"look at the difference; where it is meant: {REWRITE}"


def test_the_listing_has_every_error_that_the_code_names(every: list[listed.Words]) -> None:
    # Counted by their names in the text, without the syntax tree; a maker's own line stands for its calls.
    classes = [name for name, made in vars(errors).items() if isinstance(made, type) and issubclass(made, HamError)]
    raised = re.compile(rf"raise (?:{'|'.join(classes)}|Problem)\(\s*f?\"([^\"{{]{{12,}})")
    told = {form for words in every for form in words.what}
    spelt = {found for path in sorted(listed.ROOT.rglob("*.py")) for found in raised.findall(path.read_text(encoding="utf-8"))}
    assert len(spelt) > 60
    assert [found for found in sorted(spelt) if not any(form.startswith(found) for form in told)] == []


def test_what_is_a_sentence_in_house_style(every: list[listed.Words]) -> None:
    def styled(form: str) -> bool:
        begins = form[:1].islower() or form[:1] in "{-" or form.partition(" ")[0] in NAMES
        return begins and not form.endswith((".", "!", " ")) and "  " not in form and "\n" not in form

    assert [form for words in every for form in words.what if not styled(form)] == []


def test_no_next_step_ends_with_a_full_stop_or_speaks_of_leaving_things_away(every: list[listed.Words]) -> None:
    steps = [form for words in every for form in words.parts.get("fix", ())]
    assert [form for form in steps if re.search(r"(?<!\.\.)\.$|\bleave\b.*\baway\b| $|(?<! ) {2,}(?![ (])", form)] == []


def test_every_failure_says_what_was_expected_or_what_to_do_next(failures: list[listed.Words]) -> None:
    mute = {f"{words.kind} {form}" for words in failures if not {"expected", "fix"} & words.parts.keys() for form in words.what}
    assert mute - NO_NEXT_STEP.keys() == set()


def test_the_exit_codes_are_the_documented_ones(failures: list[listed.Words]) -> None:
    ended = {int(words.kind) for words in failures}
    # 0 is no failure; 130 and 143 have no error: who interrupts knows.
    assert ended == set(EXIT_CODES) - {0, 130, 143}


def test_no_two_failures_of_different_exit_codes_say_the_same(failures: list[listed.Words]) -> None:
    codes = defaultdict(set)
    for words in failures:
        for form in words.what:
            codes[form].add(words.kind)
    # Passed on from another error, whose words they are.
    passed_on = {"{error.what}", "{refused.what}"}
    assert {form: kinds for form, kinds in codes.items() if len(kinds) > 1 and form not in passed_on} == {}


@dataclass(frozen=True)
class Stage:
    """Where a command is typed: a folder with a whole cache in it."""

    small: Small
    place: Path
    patch: pytest.MonkeyPatch
    after: contextlib.ExitStack
    """What ends with the test."""

    @property
    def cache(self) -> Path:
        return self.place / "cache"

    @property
    def source(self) -> Path:
        """The published files."""
        return self.small.published(self.place / "source")

    def table(self, column: str, words: Sequence[object]) -> None:
        """A split of the training images that somebody else made."""
        lines = [f"{row[1]},{words[number % len(words)]}" for number, row in enumerate(s.TRAIN)]
        (self.place / "their.csv").write_text("\n".join([f"image_id,{column}", *lines]))


def _as_it_is(_: Stage) -> None:
    pass


def _new(stage: Stage) -> None:
    stage.patch.setenv("HAM_CACHE_DIR", str(stage.place / "new"))


def _hostile(stage: Stage) -> None:
    _new(stage)
    source = stage.source
    inside = {"../../ISIC_0000013.jpg": stage.small.images["ISIC_0000013.jpg"][:-9], "ISIC_0000002.jpg": b"<html>", "run.sh": b"rm -r ~"}
    (source / s.PART_1).write_bytes(s.zipped(inside))
    whole = (source / s.PART_2).read_bytes()
    (source / s.PART_2).write_bytes(whole[: len(whole) // 2])


def _altered(stage: Stage) -> None:
    _new(stage)
    (stage.source / s.METADATA).write_bytes(stage.small.tables[s.METADATA].replace(b"HAM_0000009", b"HAM_0000010"))


def _not_ours(stage: Stage) -> None:
    _new(stage)
    s.lay(stage.place / "source", {"thesis.tex": b"x", "notes.txt": b"y"})


def _newer(stage: Stage) -> None:
    path = peek.manifest(stage.cache, "images")
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"ham.schema": b"99"}), path)


def _cut(stage: Stage) -> None:
    path = peek.manifest(stage.cache, "images")
    path.write_bytes(path.read_bytes()[:100])


def _changed(stage: Stage) -> None:
    peek.flip(stage.cache / s.ID / "images" / "ISIC_0000001.jpg")


def _yours(stage: Stage) -> None:
    s.lay(stage.place / "my\nwork", {"thesis.tex": b"x"})


def _folds(stage: Stage) -> None:
    stage.table("fold", (0, 1, 2, 3, 4))


def _parts(stage: Stage) -> None:
    stage.table("split", ("train", "test"))


def _full(stage: Stage) -> None:
    _new(stage)
    assert stage.source
    stage.patch.setattr(shutil, "disk_usage", lambda _: Room())


class Room(NamedTuple):
    """What a disk has, in bytes."""

    total: int = 10_000
    used: int = 10_000
    free: int = 0


def _held(stage: Stage) -> None:
    stage.after.enter_context(filelock.FileLock(stage.cache / ".lock"))
    (stage.cache / ".lock.json").write_text(json.dumps({"pid": 4711, "host": "somewhere", "command": "ham fetch"}))


def _without_scipy(stage: Stage) -> None:
    stage.patch.setitem(sys.modules, "scipy", None)


def _a_file(stage: Stage) -> None:
    (stage.place / "file").write_text("x")
    stage.patch.setenv("HAM_CACHE_DIR", str(stage.place / "file"))


def _ends_with(failure: type[BaseException]) -> Callable[[Stage], None]:
    def fail(_: object) -> None:
        raise failure("division by zero") if failure is ZeroDivisionError else failure

    def ends(stage: Stage) -> None:
        _full(stage)
        stage.patch.setattr(shutil, "disk_usage", fail)

    return ends


FETCH = "fetch --source source --record {record}"

CASES: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "a bug": (FETCH, _ends_with(ZeroDivisionError)),
    "no such command": ("fetsh", _as_it_is),
    "no such option": ("fetch --sorce x", _as_it_is),
    "an option without its value": ("fetch --source", _as_it_is),
    "a flag with a value": ("verify --json=yes", _as_it_is),
    "no number": ("verify --jobs x", _as_it_is),
    "no number in the environment": ("stats --pixels", lambda stage: stage.patch.setenv("HAM_JOBS", "many")),
    "neither yes nor no in the environment": ("stats", lambda stage: stage.patch.setenv("HAM_QUIET", "maybe")),
    "out of range": ("export npz out --size 0", _as_it_is),
    "no whole number": ("stats --fold x", _as_it_is),
    "no argument": ("export npz", _as_it_is),
    "no argument of a few": ("completion", _as_it_is),
    "too many arguments": ("export npz out and more", _as_it_is),
    "no such format": ("export parquet out", _as_it_is),
    "no such image": ("show ISIC_9999999", _as_it_is),
    "no such folder": ("fetch --source nowhere", _as_it_is),
    "an empty source": ("fetch --source ''", _as_it_is),
    "an empty split": ("stats --split ''", _as_it_is),
    "no such split": ("stats --split r80-20", _as_it_is),
    "no such fold": ("stats --split their.csv --fold 7", _folds),
    "no test beside folds": ("stats --split their.csv --fold 0 --part test", _folds),
    "a part of folds": ("stats --split their.csv --part train", _folds),
    "no image left": ("stats --split their.csv --part validation --only dx=mel", _parts),
    "no such word": ("stats --only dx=melanoma", _as_it_is),
    "ratios that are none": ("split --ratios 70:30", _as_it_is),
    "a folder of somebody's": ("export imagefolder 'my\nwork' --allow-missing-classes", _yours),
    "a missing extra": ("stats --masks", _without_scipy),
    "a changed image": ("export webdataset shards --allow-missing-classes", _changed),
    "a hostile zip and one cut short": (FETCH, _hostile),
    "an altered table": (f"{FETCH} metadata", _altered),
    "nothing fetched": ("stats", _new),
    "nothing of the record": (FETCH, _not_ours),
    "offline": ("fetch metadata --offline --record {record}", _new),
    "a damaged manifest": ("stats", _cut),
    "a newer manifest": ("verify", _newer),
    "no room": (FETCH, _full),
    "a cache that is a file": ("cache list", _a_file),
    "locked": ("cache remove --all --lock-timeout 0", _held),
    "Ctrl-C": (FETCH, _ends_with(KeyboardInterrupt)),
    "SIGTERM": (FETCH, _ends_with(errors.Terminated)),
}
"""What is typed, with what is done before it."""


@pytest.fixture
def stage(small: Small, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAM_CACHE_DIR", str(cache))
    with contextlib.ExitStack() as after:
        yield Stage(small, tmp_path, monkeypatch, after)


@pytest.mark.parametrize("name", CASES)
def test_an_error_reads_so(name: str, stage: Stage, ham_here: Here) -> None:
    line, prepare = CASES[name]
    prepare(stage)
    ran = ham_here(*(word.replace("{record}", str(stage.small.record)) for word in shlex.split(line)))
    seen = (ran.out if ran.code == 3 else "") + ran.err  # findings are results
    shown = line.replace("\n", "\\n").replace("{record}", "record.json")
    require_printed(name, f"$ ham {shown}\n{_same_everywhere(seen.replace(str(stage.place), '/home/me'))}exit code {ran.code}\n")


def _same_everywhere(text: str) -> str:
    """Without what depends on the version of Pillow: how many bytes a picture has, and its digest."""
    return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", re.sub(r"\b[\d.]+ (bytes|B|kB)(?!\w)", r"N \1", text))


def require_printed(name: str, block: str) -> None:
    """Compare with what the golden file has under this name; with GOLDEN=write put it there."""
    blocks = printed()
    if os.environ.get("GOLDEN") == "write":
        blocks[name] = block
        text = "\n".join(f"# {one}\n{blocks[one]}" for one in CASES if one in blocks)
        PRINTED.write_text(text, encoding="utf-8")
    assert block == blocks.get(name), f"look at the difference; where it is meant: {REPRINT}"


def printed() -> dict[str, str]:
    """What the golden file has, by its headings."""
    text = PRINTED.read_text(encoding="utf-8") if PRINTED.exists() else ""
    pieces = re.split(r"^# (.*)\n", text, flags=re.MULTILINE)[1:]
    return {name: block.rstrip("\n") + "\n" for name, block in zip(pieces[::2], pieces[1::2], strict=True)}


def test_what_is_printed_covers_every_exit_code_and_nothing_else() -> None:
    blocks = printed()
    assert list(blocks) == list(CASES)
    # 0 is no failure.
    assert {int(block.split()[-1]) for block in blocks.values()} == set(EXIT_CODES) - {0}


def test_json_tells_the_parts_of_what_the_parser_refuses(ham_here: Here) -> None:
    ran = ham_here("export", "npz", "out", "--size", "0", "--json")
    told = {"what": "--size is out of range", "expected": "a whole number from 1 to 4096", "got": "0"}
    assert (ran.code, ran.json["error"]) == (2, {**told, "next": "ham export npz --help shows what there is"})


def test_no_help_page_shows_braces_around_what_must_be_typed(ham_here: Here) -> None:
    # Those of a choice are what a person expects.
    usage = {page: ham_here(*page, "--help").out.partition("\n")[0] for page in (("export", "npz"), ("show",), ("check",), ("completion",))}
    assert list(usage.values()) == [
        "Usage: ham export npz [OPTIONS] DEST",
        "Usage: ham show [OPTIONS] IMAGE_ID",
        "Usage: ham check [OPTIONS] PATH...",
        "Usage: ham completion [OPTIONS] {bash|zsh|fish}",
    ]


@pytest.mark.parametrize("command", ["cache remove --all --dry-run", "export csv 'a\nerror: forged'", "split -o 'a\nerror: forged.csv'"])
def test_a_line_end_in_a_path_makes_no_line_of_its_own(command: str, cache: Path, ham_here: Here, tmp_path: Path) -> None:
    odd = Path(shutil.copytree(cache, tmp_path / "c\nerror: forged"))
    line = [str(tmp_path / word) if "forged" in word else word for word in shlex.split(command)]
    ran = ham_here(*line, cache=odd if "cache" in line else cache)
    assert (ran.code, "forged" in ran.out + ran.err) == (0, True)
    assert [text for text in (ran.out + ran.err).splitlines() if text.startswith("error: forged")] == []
