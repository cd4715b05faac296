"""What a person, a pipe or a program sees: results on stdout, all else on stderr, one document with ``--json``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s
from tests.conftest import typed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Command, Here
    from tests.small import Small

ESCAPE = "\x1b["
ENVELOPE = ["schema", "ham", "command", "record", "exit_code", "result", "warnings", "error"]
FIRST = "ISIC_0000001.jpg"


@pytest.fixture
def wrong(cache: Path) -> Path:
    """A cache with one wrong image."""
    peek.flip(cache / s.ID / "images" / FIRST)
    return cache


@pytest.mark.parametrize(
    "case",
    [
        (("verify",), "verify", 0),
        (("verify", "--all"), "verify", 0),
        (("cache", "dir"), "cache dir", 0),
        (("cache", "list"), "cache list", 0),
        (("cache", "prune"), "cache prune", 0),
        (("cache", "remove", "masks", "--dry-run"), "cache remove", 0),
        (("show", "ISIC_0000015"), "show", 0),
        (("cite",), "cite", 0),
        (("cite", "--text"), "cite", 0),
        (("show", "ISIC_0099999"), "show", 2),
        (("fetch", "--source", "ftp://localhost/"), "fetch", 2),
        (("fetch", "--source", "/there/is/no/such/folder"), "fetch", 2),
        (("fetch", "--source", "."), "fetch", 4),
        (("verify", "nothing"), "verify", 2),
        (("cache", "remove"), "cache remove", 2),
    ],
)
def test_json_is_one_document_in_the_one_envelope(
    case: tuple[tuple[str, ...], str, int], cache: Path, ham_here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, command, code = case
    monkeypatch.chdir(s.lay(cache.parent / "empty", {}))
    ran = ham_here(*words, "--json", cache=cache)
    document = ran.json
    assert list(document) == ENVELOPE
    assert (document["schema"], document["command"], document["exit_code"], ran.code) == (1, command, code, code)
    assert (document["error"] is None) == (code == 0)
    assert ran.out.count("\n{") == 0


def test_json_of_a_run_with_findings_carries_them_and_no_error(wrong: Path, ham_here: Here) -> None:
    document = ham_here("verify", "--json", cache=wrong).json
    assert (document["exit_code"], document["record"], document["error"]) == (3, s.ID, None)
    assert [f["path"] for f in document["result"]["findings"]] == [f"images/{FIRST}"]


@pytest.mark.parametrize(
    "words", [("verify", "--nonsense"), ("nonsense",), ("fetch", "--sample", "many"), ("show",), ("cache",), ("cache", "nonsense"), ()]
)
def test_json_is_one_document_also_where_the_command_line_is_wrong(words: tuple[str, ...], ham_here: Here) -> None:
    ran = ham_here(*words, "--json")
    assert list(ran.json) == ENVELOPE
    assert (ran.code, ran.json["exit_code"], next(iter(ran.json["error"]))) == (2, 2, "what")


def test_json_may_be_asked_for_by_a_variable_and_then_errors_are_documents_too(
    small_cache: Path, ham_here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAM_JSON", "1")
    assert ham_here("cache", "list", cache=small_cache).json["exit_code"] == 0
    assert ham_here("verify", "--nonsense", cache=small_cache).json["exit_code"] == 2


def test_json_puts_warnings_into_the_document(small: Small, ham_here: Here, tmp_path: Path) -> None:
    table = small.tables[s.METADATA].replace(b"ISIC_0000012,mel,", b"ISIC_0000012,nv,")
    source = s.lay(tmp_path / "source", {s.METADATA: table})
    fetch = ("fetch", "metadata", "--accept-altered", "--source", source, "--record", small.record, "--json")
    ran = ham_here(*fetch, cache=tmp_path / "cache")
    assert len(ran.json["warnings"]) == 1
    assert ran.json["warnings"][0].startswith(f"{s.METADATA}: ")


def test_json_is_plain_ascii_whatever_a_file_is_called(small: Small, ham_here: Here, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "quelle", {s.METADATA: small.tables[s.METADATA], "Übung \u202e\n.txt": b"x"})
    ran = ham_here("fetch", "metadata", "--source", source, "--record", small.record, "--json", cache=tmp_path / "cache")
    assert ran.out.isascii()
    assert ran.result["ignored"] == ["Übung \u202e\n.txt"]


def test_a_name_of_control_characters_does_not_steer_a_terminal(small: Small, ham_here: Here, tmp_path: Path) -> None:
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA], "a\x1b[2Jb\x07\u202e.txt": b"x"})
    ran = ham_here("fetch", "metadata", "-v", "--source", source, "--record", small.record, cache=tmp_path / "cache")
    assert "a\\x1b[2Jb\\x07" in ran.err
    assert not set("\x1b\x07\u202e") & set(ran.err + ran.out)


@pytest.mark.parametrize(
    "words", [("verify",), ("verify", "--json"), ("cache", "list"), ("cache", "dir"), ("show", "ISIC_0000001"), ("cite",), ("--help",)]
)
def test_a_pipe_that_is_closed_ends_quietly_and_changes_no_exit_code(words: tuple[str, ...], wrong: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ham_cli", *words, *([] if words == ("--help",) else ["--cache-dir", str(wrong)])]
    try:
        ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writer)
    assert ran.returncode == (3 if "verify" in words else 0)
    assert not re.search("error|Error|Traceback|Exception|Broken", ran.stderr)


def test_head_gets_its_line_and_the_command_ends_as_it_would(wrong: Path) -> None:
    command = f'"{sys.executable}" -m ham_cli verify -q --cache-dir "{wrong}" | head -1; echo "${{PIPESTATUS[0]}}"'
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    first, code = ran.stdout.splitlines()
    assert (first.split()[:2], ran.stderr) == (["component", "published"], "")
    # Also where head goes before the last line is written.
    assert code == "3"


def test_a_terminal_that_knows_only_ascii_gets_ascii(small: Small, ham: Command, tmp_path: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "COLUMNS": "40"}
    source = s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA], "Übung.txt": b"x"})
    cache = tmp_path / "cäche"
    fetched = ham("fetch", "metadata", "-v", "--source", source, "--record", small.record, cache=cache, env=ascii_only)
    assert (fetched.returncode, (fetched.stdout + fetched.stderr).isascii()) == (0, True)
    assert "bung.txt" in fetched.stderr
    for words, force in ((("verify",), "1"), (("cache", "list"), ""), (("cite",), "")):
        ran = ham(*words, cache=cache, env=ascii_only | {"FORCE_COLOR": force})
        assert (ran.returncode, (ran.stdout + ran.stderr).isascii()) == (0, True), ran.stderr


def test_a_narrow_terminal_cuts_no_cell(small: Small, small_cache: Path, ham: Command) -> None:
    narrow = {"FORCE_COLOR": "1", "COLUMNS": "40", "NO_COLOR": "1"}
    shown = ham("show", "ISIC_0000001", cache=small_cache, env=narrow).stdout
    joined = "".join(shown.split())
    assert s.sha256(small.images[FIRST]) in joined
    assert str(small_cache / s.ID / "images" / FIRST) in joined
    listed = ham("cache", "list", cache=small_cache, env=narrow).stdout
    assert (f"{s.ID}/validation" in listed, str(small_cache) in listed) == (True, True)
    assert not {"…", "..."} & set(shown + listed)


def test_a_narrow_pipe_is_no_terminal_and_keeps_a_row_on_a_line(small_cache: Path, ham: Command) -> None:
    ran = ham("cache", "list", cache=small_cache, env={"COLUMNS": "20"})
    rows = [line for line in ran.stdout.splitlines() if " images " in line]
    assert (len(rows), rows[0].endswith(f"{s.ID}/images")) == (1, True)


def test_in_a_pipe_there_is_no_colour_and_no_bar(small: Small, wrong: Path, ham: Command, tmp_path: Path) -> None:
    fetched = ham("fetch", "--source", small.published(tmp_path / "source"), "--record", small.record, cache=tmp_path / "new")
    for ran in (fetched, ham("verify", cache=wrong)):
        assert ESCAPE not in ran.stdout + ran.stderr
        assert "\r" not in ran.stdout + ran.stderr


def test_each_file_has_a_plain_line_at_its_start_and_end(small: Small, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("fetch", "--source", small.published(tmp_path / "source"), "--record", small.record, cache=tmp_path / "cache")
    for name, count in ((s.PART_1, 10), (s.PART_2, 10), (s.MASKS, 20), (s.TEST, 4)):
        said = [line for line in ran.err.splitlines() if line.startswith(f"{name}: ")]
        assert (len(said), said[-1]) == (2, f"{name}: done, {count} files")


def test_force_color_colours_and_no_color_wins(small_cache: Path, ham: Command) -> None:
    coloured = ham("verify", "nothing", cache=small_cache, env={"FORCE_COLOR": "1"})
    plain = ham("verify", "nothing", cache=small_cache, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert (ESCAPE in coloured.stderr, ESCAPE in plain.stderr) == (True, False)
    assert (coloured.returncode, plain.returncode) == (2, 2)
    table = ham("verify", cache=small_cache, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert not re.search("\x1b\\[[0-9;]*3[0-7]m", table.stdout + table.stderr)


def test_quiet_says_nothing_where_all_is_well(small: Small, ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("fetch", "-q", "--source", small.published(tmp_path / "source"), "--record", small.record, cache=tmp_path / "cache")
    assert (ran.code, ran.err) == (0, "")
    assert ham_here("verify", "-q", cache=tmp_path / "cache").err == ""
    assert ham_here("cache", "list", "-q", cache=tmp_path / "none").err == ""


def test_quiet_keeps_results_and_errors(wrong: Path, ham_here: Here) -> None:
    found = ham_here("verify", "-q", cache=wrong)
    assert (found.code, f"images/{FIRST}" in found.out, found.err) == (3, True, "")
    failed = ham_here("verify", "-q", "nothing", cache=wrong)
    assert (failed.code, failed.out, failed.err.startswith("error: ")) == (2, "", True)


def test_verbose_says_more(small: Small, ham_here: Here, tmp_path: Path) -> None:
    fetch = ("fetch", "--source", small.kaggle(tmp_path / "source"), "--record", small.record)
    plain = ham_here(*fetch, cache=tmp_path / "a")
    more = ham_here(*fetch, "-v", cache=tmp_path / "b")
    assert "hmnist_8_8_L.csv" not in plain.err
    assert "hmnist_8_8_L.csv" in more.err


def test_options_have_variables(small: Small, ham_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HAM_QUIET", "1")
    monkeypatch.setenv("HAM_JOBS", "1")
    ran = ham_here("fetch", "--source", small.published(tmp_path / "source"), "--record", small.record)
    assert (ran.code, ran.err, (tmp_path / "cache" / s.ID / "images" / FIRST).is_file()) == (0, "", True)
    monkeypatch.setenv("HAM_JOBS", "none")
    assert ham_here("verify").code == 2


def test_an_error_says_what_where_and_what_next_and_shows_no_traceback(ham: Command, tmp_path: Path) -> None:
    ran = ham("fetch", "--source", tmp_path / "nowhere")
    lines = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout, lines[0]) == (2, "", "error: there is no such folder")
    assert str(tmp_path / "nowhere") in lines[1]
    assert lines[2].split(maxsplit=1) == ["expected:", "dataverse, isic, an http(s):// address or a folder"]
    assert lines[-1].split()[0] == "next:"
    assert "Traceback" not in ran.stderr


def test_ham_debug_shows_the_traceback(ham: Command, tmp_path: Path) -> None:
    ran = ham("fetch", "--source", tmp_path / "nowhere", env={"HAM_DEBUG": "1"})
    assert (ran.returncode, "Traceback (most recent call last)" in ran.stderr) == (2, True)


def test_the_module_and_the_command_are_one(ham: Command) -> None:
    console_script = subprocess.run(["ham", "--version"], capture_output=True, text=True, check=False)
    if console_script.returncode:
        pytest.skip("ham is not on PATH")
    assert ham("--version").stdout == console_script.stdout
    assert re.fullmatch(r"ham \d+\.\d+\.\d+\S*\n", console_script.stdout)


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("fetch", "-h"), ("verify", "--help"), ("cache", "-h"), ("cache", "prune", "-h")])
def test_help_goes_to_stdout_and_ends_with_0(words: tuple[str, ...], ham_here: Here) -> None:
    ran = ham_here(*words)
    assert (ran.code, ran.err, ran.out.startswith("Usage: ham")) == (0, "", True)


def test_the_help_names_every_exit_code(ham_here: Here) -> None:
    named = re.findall(r"^ +(\d+)  \S", ham_here("--help").out, re.MULTILINE)
    assert named == ["0", "1", "2", "3", "4", "5", "6", "130", "143"]


def test_stdout_is_a_result_a_shell_can_use(small_cache: Path) -> None:
    words = " ".join(f'"{word}"' for word in typed(sys.executable, "-m", "ham_cli", "cache", "dir", cache=small_cache))
    ran = subprocess.run(["sh", "-c", f'DIR=$({words}); ls "$DIR"'], capture_output=True, text=True, check=False)
    assert (ran.returncode, s.ID in ran.stdout.split(), ran.stderr) == (0, True, "")


def test_a_file_where_the_cache_should_be_is_an_error(small_cache: Path, ham: Command) -> None:
    ran = ham("verify", "--json", cache=small_cache / "CACHEDIR.TAG")
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["exit_code"], "Traceback" in ran.stderr) == (document["exit_code"], ran.returncode, False)
    assert ran.returncode in {2, 5}
