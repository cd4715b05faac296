"""What TAB does: in bash, zsh and fish themselves, at a terminal, and in the answers of the program that they ask."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Command, Here

ROOT = Path(__file__).parents[1]
SCRIPTS = {"bash": "ham.bash", "zsh": "_ham", "fish": "ham.fish"}
COMPONENTS = {"images", "metadata", "masks", "test", "ratings", "validation"}
HEAVY = {"httpx", "numpy", "pandas", "pyarrow", "PIL", "rich"}

every_shell = pytest.mark.parametrize("shell", SCRIPTS)


# A terminal.

_BASH = r"""
PS1='ready> '
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
tell() { printf '%s\n' "$READLINE_LINE" > "$TOLD.new"; mv "$TOLD.new" "$TOLD"; }
bind -x '"\C-x\C-t": tell'
bind '"\C-x\C-a": insert-completions'
"""
_ZSH = r"""
PS1='ready> '
unsetopt beep
tell() { printf '%s\n' "$BUFFER" > "$TOLD.new"; mv "$TOLD.new" "$TOLD" }
zle -N tell
bindkey '^X^T' tell
zle -C all-matches complete-word _generic
bindkey '^X^A' all-matches
zstyle ':completion:all-matches:*' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert yes
"""
_FISH = r"""
function fish_prompt; echo -n 'ready> '; end
function tell; commandline > $TOLD.new; mv $TOLD.new $TOLD; end
bind \cx\ct tell
function all
    set -l words (string replace -r '\t.*' '' -- (complete -C (commandline)) | string escape)
    commandline -r -- (commandline)"$words"
end
bind \cx\ca all
"""
ALL = "\x18\x01"
"""The keys that put everything that is proposed on the line."""

_TELL, _CLEAR = b"\x18\x14", b"\x05\x15"
_AT_A_TERMINAL = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
_PATIENCE = 30


class Terminal:
    """An interactive shell with a person before it, who types, presses TAB and reads the line."""

    def __init__(self, shell: str, home: Path, folder: Path, set_up: str) -> None:
        home.mkdir(exist_ok=True)
        self._told, self._seen = home / "told", b""
        rc = home / {"bash": ".bashrc", "zsh": ".zshrc", "fish": "rc.fish"}[shell]
        there = rc.read_text() if rc.exists() else ""
        rc.write_text(f"{there}\n{set_up}\n{ {'bash': _BASH, 'zsh': _ZSH, 'fish': _FISH}[shell] }")
        command = {
            "bash": ["bash", "--noprofile", "--rcfile", str(rc), "-i"],
            "zsh": ["zsh", "-d", "-i"],
            "fish": ["fish", "-i", "-C", f"source {rc}"],
        }[shell]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZDOTDIR", "BASH_ENV", "INPUTRC"))}
        environment |= {"HOME": str(home), "TOLD": str(self._told), "TERM": "xterm"}
        self._keys, other = pty.openpty()
        self._shell = subprocess.Popen(
            [sys.executable, "-S", "-c", _AT_A_TERMINAL, *command], stdin=other, stdout=other, stderr=other, cwd=folder, env=environment
        )
        os.close(other)
        self._wait(lambda: b"ready> " in self._seen)

    def press(self, keys: str) -> str:
        """What stands on the line after these keys."""
        self._told.unlink(missing_ok=True)
        self._seen = b""
        os.write(self._keys, keys.encode() + _TELL)
        self._wait(self._told.exists)
        os.write(self._keys, _CLEAR)
        return self._told.read_text().removesuffix("\n")

    def _wait(self, happened: Happened) -> None:
        end = time.monotonic() + _PATIENCE
        while not happened():
            assert time.monotonic() < end, f"nothing for {_PATIENCE} s after {self._seen!r}"
            if select.select([self._keys], [], [], 0.01)[0]:
                self._seen += os.read(self._keys, 1 << 16)

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._keys)


class Happened(Protocol):
    def __call__(self) -> bool: ...


class Open(Protocol):
    """Opens a terminal."""

    def __call__(self, shell: str, set_up: str, home: Path | None = None) -> Terminal: ...


def lay_splits(cache: Path, *names: str, record: str = "ham10000-4.0") -> Path:
    """A cache with splits of these names, as far as completion looks."""
    folder = cache / record / "splits"
    folder.mkdir(parents=True)
    (folder.parent / "record.json").write_text("{}")
    for name in names:
        (folder / f"{name}.parquet").touch()
    return cache


@pytest.fixture(scope="module")
def terminals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Shells in a folder with a few files, with ``ham`` on the path, and a cache with a few splits."""
    base = tmp_path_factory.mktemp("shells")
    folder, programs = base / "here", base / "bin"
    for place in (folder / "mine", programs):
        place.mkdir(parents=True)
    for name in ("notes.csv", "folded.csv"):
        (folder / name).touch()
    (programs / "ham").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ham_cli "$@"\n')
    (programs / "ham").chmod(0o755)
    opened: list[Terminal] = []

    def open_one(shell: str, set_up: str, home: Path | None = None) -> Terminal:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        home = home or base / f"home-{len(opened)}"
        lay_splits(home / "other", "elsewhere")
        opened.append(Terminal(shell, home, folder, set_up))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        patch.setenv("HAM_CACHE_DIR", str(lay_splits(base / "cache", "random", "fold5-s0", "it's mine")))
        yield open_one
    for terminal in opened:
        terminal.close()


LOAD = {
    "bash": f"source {shlex.quote(str(ROOT / 'completions' / 'ham.bash'))}",
    "zsh": f"fpath=({shlex.quote(str(ROOT / 'completions'))} $fpath); autoload -Uz compinit; compinit -u -D",
    "fish": f"source {shlex.quote(str(ROOT / 'completions' / 'ham.fish'))}",
}


@pytest.fixture(scope="module", params=SCRIPTS)
def terminal(request: pytest.FixtureRequest, terminals: Open) -> Terminal:
    """A shell that has loaded the project's file."""
    return terminals(request.param, LOAD[request.param])


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("ham fe", "ham fetch "),
        ("ham fetch --sou", "ham fetch --source "),
        ("ham fetch im", "ham fetch images "),
        ("ham export im", "ham export imagefolder "),
        ("ham stats --split r", "ham stats --split random "),
        ("ham stats --split=r", "ham stats --split=random "),
    ],
)
@pytest.mark.thinned(3)
def test_tab_completes_commands_options_components_formats_and_splits(terminal: Terminal, typed: str, line: str) -> None:
    assert terminal.press(f"{typed}\t") == line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        # What is ambiguous goes as far as all agree.
        ("ham cache p", "ham cache prune "),
        ("ham fetch m", "ham fetch m"),
        ("ham fetch masks m", "ham fetch masks metadata "),
        # A split is a name or a file.
        ("ham stats --split no", "ham stats --split notes.csv "),
        ("ham stats --split=no", "ham stats --split=notes.csv "),
        ("ham stats --split mi", "ham stats --split mine/"),
        ("ham stats --split fo", "ham stats --split fold"),
        ("ham stats --split it", r"ham stats --split it\'s\ mine "),
        ("ham stats --split=it", r"ham stats --split=it\'s\ mine "),
        ("ham stats --split \"it's m", 'ham stats --split "it\'s mine" '),
        # Where nothing is proposed, files are.
        ("ham fetch --source mi", "ham fetch --source mine/"),
        ("ham fetch --source=mi", "ham fetch --source=mine/"),
        # The cache is the one on the line, as far as it is typed.
        ("ham stats --cache-dir ~/other --split e", "ham stats --cache-dir ~/other --split elsewhere "),
        ("ham stats --cache-dir=$HOME/other --split=e", "ham stats --cache-dir=$HOME/other --split=elsewhere "),
        ('ham stats --cache-dir "$HOME/other" --split e', 'ham stats --cache-dir "$HOME/other" --split elsewhere '),
        # Columns and their words.
        ("ham fetch --only loc", "ham fetch --only localization="),
        ("ham fetch --only dx=m", "ham fetch --only dx=mel "),
        ("ham fetch --only=dx=m", "ham fetch --only=dx=mel "),
        ("ham fetch --only dx=mel,nv,v", "ham fetch --only dx=mel,nv,vasc "),
        ("ham fetch --only localization=lo", r"ham fetch --only localization=lower\ extremity "),
        (r"ham fetch --only localization=lower\ e", r"ham fetch --only localization=lower\ extremity "),
        ('ham fetch --only "localization=lower e', 'ham fetch --only "localization=lower extremity" '),
        ("ham stats --by dx,s", "ham stats --by dx,sex "),
        ("ham stats --part tr", "ham stats --part train "),
        ("ham fetch --link h", "ham fetch --link hard "),
        ("ham completion z", "ham completion zsh "),
        # Wherever on the line, and however the program is named.
        ("true | ham fe", "true | ham fetch "),
        ("SHARED=1 ham fe", "SHARED=1 ham fetch "),
        ("../bin/ham fe", "../bin/ham fetch "),
    ],
)
@pytest.mark.thinned(5)
def test_tab_completes_words_of_every_kind_alike_in_every_shell(terminal: Terminal, typed: str, line: str) -> None:
    assert terminal.press(f"{typed}\t") == line


def test_everything_is_proposed_that_may_stand_there(terminal: Terminal) -> None:
    assert set(shlex.split(terminal.press(f"ham fetch {ALL}"))) == {"ham", "fetch", *COMPONENTS}
    named = {"random", "fold5-s0", "it's mine", "notes.csv", "folded.csv"}
    _, _, _, *words = shlex.split(terminal.press(f"ham stats --split {ALL}"))
    assert {word.rstrip("/") for word in words} == {*named, "mine"}


@pytest.mark.slow
@every_shell
@pytest.mark.thinned(3)
def test_installed_as_the_readme_says_a_new_shell_completes_at_the_first_tab(shell: str, terminals: Open, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (recipe,) = (text for text in re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL) if "ham completion" in text)
    bash_completion = Path("/usr/share/bash-completion/bash_completion")
    if shell == "bash" and not bash_completion.is_file():
        pytest.skip("bash-completion is not installed")
    subprocess.run(["bash", "-ec", recipe], env=os.environ | {"HOME": str(tmp_path)}, check=True)
    set_up = f"source {bash_completion}" if shell == "bash" else ""
    assert terminals(shell, set_up, tmp_path).press("ham fe\t") == "ham fetch "


@pytest.mark.slow
@every_shell
@pytest.mark.thinned(3)
def test_a_script_can_be_sourced_from_the_program_itself(shell: str, terminals: Open) -> None:
    load = {
        "bash": 'eval "$(ham completion bash)"',
        "zsh": 'autoload -Uz compinit; compinit -u -D; eval "$(ham completion zsh)"',
        "fish": "ham completion fish | source",
    }
    assert terminals(shell, load[shell]).press("ham fe\t") == "ham fetch "


@pytest.mark.slow
@every_shell
def test_without_the_program_tab_completes_files_and_says_nothing(shell: str, terminals: Open) -> None:
    terminal = terminals(shell, f"{LOAD[shell]}\nPATH=/usr/bin:/bin" if shell != "fish" else f"{LOAD[shell]}\nset PATH /usr/bin /bin")
    assert terminal.press("ham no\t") == "ham notes.csv "
    assert terminal.press("ham --no\t") == "ham --no"


# The files.


@every_shell
def test_the_project_s_file_is_what_the_program_prints(shell: str, ham_here: Here) -> None:
    ran = ham_here("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (ROOT / "completions" / SCRIPTS[shell]).read_text(encoding="utf-8")
    assert ham_here("completion", shell, "--json").result == {"shell": shell, "script": ran.out}


@every_shell
def test_the_shell_finds_no_fault_in_its_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    ran = subprocess.run([shell, "-n", ROOT / "completions" / SCRIPTS[shell]], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_there_is_no_script_for_another_shell(ham_here: Here) -> None:
    ran = ham_here("completion", "tcsh", "--json")
    assert ran.code == 2
    assert ran.json["error"]["expected"] == "bash, zsh, fish"


# The answers.


class Ask(Protocol):
    """What a shell is told."""

    def __call__(self, line: str) -> list[str]: ...


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The proposals for a line, without their help."""

    def proposed(line: str) -> list[str]:
        monkeypatch.setenv("_HAM_COMPLETE", line)
        code, out, err = run_here()
        assert (code, err) == (0, "")
        return [proposal.partition("\t")[0] for proposal in out.splitlines()]

    return proposed


def test_every_command_is_proposed(ask: Ask, ham_here: Here) -> None:
    listed = ham_here("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  (\w+)", listed, re.MULTILINE)
    assert {"fetch", "verify", "split", "stats", "export", "cache", "show", "cite"} <= set(names)
    assert ask("ham ") == names


@pytest.mark.parametrize("words", ["fetch", "verify", "stats", "export csv", "cache remove"])
def test_every_option_of_the_help_page_is_proposed(words: str, ask: Ask, ham_here: Here) -> None:
    # An option's own line starts with it; the lines of its help stand further right.
    page = ham_here(*words.split(), "--help").out.partition("\n\n")[2]
    lines = re.findall(r"^  (-.*?)(?:  |$)", page, re.MULTILINE)
    named = {name for line in lines for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line)}
    assert {"--help", "-h", "--json", "--quiet", "-q", "--cache-dir"} <= named
    assert set(ask(f"ham {words} -")) == named


def test_a_proposal_comes_with_its_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HAM_COMPLETE", "ham stats --js")
    assert run_here().out == "--json\tOne JSON document on stdout, also on failure.\n"


def test_a_component_is_not_proposed_twice(ask: Ask) -> None:
    assert set(ask("ham fetch images masks ")) == COMPONENTS - {"images", "masks"}
    assert ask("ham cache remove images im") == []


def test_a_word_of_a_list_is_not_proposed_twice(ask: Ask) -> None:
    assert ask("ham fetch --only sex=female,") == ["sex=female,male", "sex=female,unknown"]
    assert ask("ham fetch --only partition=train,t") == ["partition=train,test"]
    assert ask("ham stats --by dx,d") == ["dx,dx_type", "dx,dataset"]


def test_parts_and_folds_are_counted_only_of_a_split(ask: Ask) -> None:
    assert ask("ham stats --by fo") == []
    assert ask("ham stats --split s0 --by fo") == ["fold"]


def test_splits_are_those_of_the_record_in_force(ask: Ask, tmp_path: Path) -> None:
    cache = lay_splits(tmp_path / "cache", "old", record="ham10000-3.0")
    lay_splits(cache, "b", "a", ".half-written")
    (cache / "ham10000-4.0" / "splits" / "readme.txt").touch()
    assert ask(f"ham stats --cache-dir {cache} --split ") == ["", "a", "b"]
    (cache / "current").write_text("ham10000-3.0\n")
    assert ask(f"ham stats --cache-dir {cache} --split ") == ["", "old"]


def test_the_cache_is_the_line_s_or_the_variable_s_or_the_default(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ham_here: Here
) -> None:
    monkeypatch.delenv("HAM_CACHE_DIR")
    lay_splits(Path(ham_here("cache", "dir").out.rstrip("\n")), "default")
    assert ask("ham export csv DEST --split ")[1:] == ["default"]
    monkeypatch.setenv("HAM_CACHE_DIR", str(lay_splits(tmp_path / "variable", "variable")))
    assert ask("ham export csv DEST --split ")[1:] == ["variable"]
    typed = lay_splits(tmp_path / "a b", "typed")
    assert ask(f"ham export csv --cache-dir '{typed}' DEST --split=")[1:] == ["typed"]


def test_words_are_those_of_the_record_in_force(ask: Ask, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAM_CACHE_DIR", str(cache))
    record = cache / "small-1.0" / "record.json"
    record.write_text(record.read_text().replace('"vidir_modern"', '"hall_nine"'))
    assert ask("ham stats --only dataset=h") == ["dataset=hall_nine"]
    record.write_text("{}")
    assert ask("ham stats --only dataset=vidir_mod") == ["dataset=vidir_modern"]


def test_a_cache_that_cannot_be_read_proposes_nothing(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert ask(f"ham stats --cache-dir {tmp_path / 'file'} --split ") == []
    assert ask(f"ham stats --cache-dir {tmp_path / 'nothing'} --split ") == [""]
    assert ask("ham stats --cache-dir ~nobody-of-this-name --split ") == []


def test_a_split_whose_name_would_break_the_answer_is_not_proposed(ask: Ask, tmp_path: Path) -> None:
    cache = lay_splits(tmp_path / "cache", "good", "two\nlines", "tab\t<files>", "bell\a")
    assert ask(f"ham stats --cache-dir {cache} --split ") == ["", "good"]


def test_the_environment_spoils_no_answer(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HAM_JSON": "1", "HAM_JOBS": "many", "HAM_LOCK_TIMEOUT": "long", "HAM_DEBUG": "1", "HAM_CACHE_DIR": ""}.items():
        monkeypatch.setenv(name, value)
    assert ask("ham fetch im") == ["images"]
    assert ask("ham --version fet") == ["fetch"]
    assert ask("ham fetch --jobs many --nothing-of-this-name im") == ["images"]


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["ham", "fetch", "stats", "export", "csv", "--only", "dx=", "--split", "--", "-", "=", "'", '"', "\\", "|", "#", "$(", " "]
        )
        | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
    ).map("".join)
)
@example("ham fetch --only dx=mel \\")
@example('ham stats --split "')
@example("")
def test_no_line_makes_the_program_complain(ask: Ask, line: str) -> None:
    ask(line)


def test_the_program_answers_in_a_process_of_its_own_and_loads_nothing_heavy(ham: Command, tmp_path: Path) -> None:
    cache = lay_splits(tmp_path / "cache", "random")
    ran = ham(env={"_HAM_COMPLETE": "ham stats --split r", "HAM_CACHE_DIR": str(cache)})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "r\t<files>\nrandom\n", "")
    seen = "import sys\nfrom ham_cli.app import main\nmain()\nprint(*sys.modules, file=sys.stderr)"
    for line, answer in {"ham stats --split=ra": "random", "ham stats --only dx=m": "dx=mel", "ham stats --by dx,s": "dx,sex"}.items():
        asked = os.environ | {"_HAM_COMPLETE": line, "HAM_CACHE_DIR": str(cache)}
        ran = subprocess.run([sys.executable, "-c", seen], env=asked, capture_output=True, text=True, check=True)
        assert answer in ran.stdout
        assert "typer" in ran.stderr.split()
        assert {name.partition(".")[0] for name in ran.stderr.split()} & HEAVY == set()


def test_the_installed_program_answers(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("ham")
    if not program.is_file():
        pytest.skip("ham is not installed beside the interpreter")
    environment = os.environ | {"_HAM_COMPLETE": "ham fetch ra", "HAM_CACHE_DIR": str(tmp_path)}
    ran = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ratings\n", "")
