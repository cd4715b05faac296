"""How the program is built: its floors, its size, what its help costs, and what stands where."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

import ham_cli
from ham_cli import errors
from ham_cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ham_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = (
    {"__main__"},
    {"app"},
    {"commands"},
    {"console"},
    {"intake", "integrity", "shed", "splits", "summary", "exporters", "demo"},
    {"dataset"},
    {"holdings"},
    {"cluster", "offers", "sources"},
    {"download"},
    {"http"},
    {"archives", "tables", "images", "manifest", "cache", "pool", "destination"},
    {
        "record",
        "findings",
        "checksum",
        "atomic",
        "errors",
        "licence",
        "links",
        "selection",
        "groups",
        "layout",
        "extras",
        "kept",
        "place",
        "quick",
        "rendering",
        "unchanged",
    },
)
"""The program's parts, the highest floor first; imports only fall."""

GROUND = FLOORS[-1]

OWNERS = {
    "typer": {"app", "commands"},
    "rich": {"console"},
    "pyarrow": {"exporters", "manifest"},
    "PIL": {"images", "demo"},
    "deflate": {"archives"},
    "numpy": {"demo", "exporters", "images", "splits", "summary"},
    "scipy": {"summary"},
    "contourpy": {"exporters"},
    "distributed": {"cluster"},
    "fsspec": {"destination"},
    "google_crc32c": {"exporters"},
    "jinja2": {"summary"},
    "vl_convert": {"summary"},
    "pandas": {"dataset"},
    "torch": {"dataset"},
    "httpcore": {"http"},
    "httpx": {"http", "download", "sources"},
    "filelock": {"cache"},
    "platformdirs": {"place"},
}
"""Each library and the only parts that may import it."""

HEAVY = {"contourpy", "fsspec", "httpx", "jinja2", "numpy", "pandas", "pyarrow", "PIL", "rich", "scipy", "vl_convert"}
"""What a help page must not load."""


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A module, parsed when it is first asked for: every worker collects this file, and few run it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def trees() -> Iterator[tuple[Path, ast.Module]]:
    return ((path, tree_of(path)) for path in MODULES)


def name_of(path: Path) -> str:
    """``intake.run``; a package's ``__init__`` has the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def part_of(module: str) -> str:
    return module.partition(".")[0]


def floor_of(module: str) -> int:
    found = [number for number, parts in enumerate(FLOORS) if part_of(module) in parts]
    assert found, f"{module} stands on no floor"
    return found[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """The full names that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(tree: ast.AST) -> set[str]:
    """The modules of this program that are imported, without the package's name."""
    found = set()
    for name in imported(tree):
        top, _, rest = name.partition(".")
        if top == "ham_cli" and rest and rest != "__version__":
            while rest and rest not in NAMES:
                rest = rest.rpartition(".")[0]
            assert rest, f"{name} is no module"
            found.add(rest)
    return found


NAMES = {name_of(path) for path in MODULES} - {"__init__"}


def registers(module: str) -> bool:
    """Whether a module is a command, and no helper of several."""
    tree = tree_of(PACKAGE.joinpath(*module.split(".")).with_suffix(".py"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "register" for node in tree.body)


@pytest.mark.parametrize("path", MODULES, ids=[name_of(p) for p in MODULES])
def test_imports_only_fall(path: Path) -> None:
    name = name_of(path)
    if name == "__init__":
        # Its one public name is fetched when it is asked for.
        assert (own(at_once(tree_of(path))), own(tree_of(path))) == (set(), {"dataset"})
        return
    for other in sorted(own(tree_of(path))):
        inside = part_of(other) == part_of(name) and part_of(name) != "commands"
        helper = other.startswith("commands.") and not registers(other)
        shared = helper or (part_of(name) in GROUND and part_of(other) in GROUND)
        assert inside or shared or floor_of(other) > floor_of(name), f"{name} imports {other}"


def test_no_module_needs_one_that_needs_it() -> None:
    graph = {name_of(path): own(at_once(tree)) for path, tree in trees()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert done == set(graph)


def at_once(tree: ast.Module) -> ast.Module:
    """What is imported while the module is loaded: not for types alone, and not inside a function."""
    return ast.Module(body=[node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], type_ignores=[])


@pytest.mark.parametrize("path", MODULES, ids=[name_of(p) for p in MODULES])
def test_every_library_has_its_owner(path: Path) -> None:
    part = part_of(name_of(path))
    for name in imported(tree_of(path)):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "ham_cli":
            assert part in OWNERS.get(top, set()), f"{name_of(path)} imports {name}"


def test_every_owner_uses_its_library() -> None:
    # The control of the rule above: it sees the imports that there are.
    used = {(name.partition(".")[0], part_of(name_of(path))) for path, tree in trees() for name in imported(tree)}
    assert {(library, part) for library, parts in OWNERS.items() for part in parts} <= used


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").glob("*.py")), ids=lambda p: p.stem)
def test_a_command_imports_work_and_tools_inside_its_body(path: Path) -> None:
    assert {part_of(name) for name in own(at_once(tree_of(path)))} <= {"commands", "console", *GROUND}


@pytest.mark.parametrize("path", MODULES, ids=[name_of(p) for p in MODULES])
def test_modules_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # A command's options are its parameters: its signature may be long, its body not.
            first = node.body[0].lineno if part_of(name_of(path)) == "commands" else node.lineno
            assert (node.end_lineno or 0) - first + 1 <= 60, node.name


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


@pytest.mark.parametrize("path", MODULES, ids=[name_of(p) for p in MODULES])
def test_everything_public_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))
    for node in public(tree_of(path).body):
        text = ast.get_docstring(node)
        assert text, node.name
        assert text.splitlines()[0].rstrip().endswith((".", "?", ":")), f"{node.name}: a first line is a sentence"


# What is typed.


def pages(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from pages(inner, (*words, name))


PAGES = list(pages(typer.main.get_command(app)))

_SEEN = "import sys\nfrom ham_cli.app import main\ncode = main(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)\nsys.exit(code)\n"


def shown(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the libraries it loaded for that, in a process of its own."""
    ran = subprocess.run([sys.executable, "-c", _SEEN, *arguments], capture_output=True, encoding="utf-8", check=True)
    return ran.stdout, {name.partition(".")[0] for name in ran.stderr.split()}


def test_the_commands_are_the_documented_ones() -> None:
    assert {" ".join(page) for page in PAGES} == {
        "",
        "fetch",
        "verify",
        "split",
        "check",
        "stats",
        "score",
        "report",
        "export",
        "export csv",
        "export imagefolder",
        "export hf",
        "export npz",
        "export isic",
        "export croissant",
        "export webdataset",
        "export coco",
        "export yolo",
        "export tfds",
        "demo",
        "completion",
        "show",
        "cite",
        "cache",
        "cache dir",
        "cache list",
        "cache prune",
        "cache remove",
    }


@pytest.mark.parametrize("page", PAGES, ids=[" ".join(p) or "ham" for p in PAGES])
@pytest.mark.thinned(3)
def test_a_help_page_has_examples_is_not_cut_and_loads_nothing_heavy(page: tuple[str, ...]) -> None:
    text, loaded = shown(*page, "--help")
    assert loaded & HEAVY == set()
    assert "typer" in loaded
    assert text.startswith(f"Usage: {' '.join(('ham', *page))} ")
    assert [line for line in text.splitlines() if len(line) > 80 or (line.endswith("...") and "[" not in line)] == []
    assert text.isascii()
    examples = text.partition("Examples:\n")[2].splitlines()
    assert examples
    assert any("ham " in line for line in examples)


def test_the_version_is_printed_and_loads_nothing_heavy() -> None:
    text, loaded = shown("--version")
    assert text == f"ham {ham_cli.__version__}\n"
    assert loaded & HEAVY == set()
    assert "typer" in loaded


def test_a_command_that_works_does_load_what_help_does_not(tmp_path: Path) -> None:
    # The control of the pages above: these libraries are here, and are seen when they are loaded.
    _, loaded = shown("show", "ISIC_0024306", "--cache-dir", str(tmp_path))
    assert "pyarrow" in loaded


# Exit codes.


def failures(kind: type[errors.HamError]) -> Iterator[type[errors.HamError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from failures(inner)


def test_every_exit_code_is_documented_and_has_its_failure() -> None:
    raised = {kind.exit_code for kind in failures(errors.HamError)}
    assert raised | {0, 130, 143} == set(errors.EXIT_CODES) == {0, 1, 2, 3, 4, 5, 6, 130, 143}


def test_the_readme_and_the_help_print_every_exit_code_with_its_words() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page, _ = shown("--help")
    for code, words in errors.EXIT_CODES.items():
        assert re.search(rf"^\W*`?{code}`?\W+{re.escape(words)}", readme, re.MULTILINE), f"{code} in README.md"
        assert re.search(rf"^\s*{code}\s", page, re.MULTILINE), f"{code} in --help"


# The project's files.


def files(*options: str) -> list[Path]:
    """What git knows of; the test is skipped where this is no checkout."""
    ran = subprocess.run(["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode or not ran.stdout:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in ran.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_only_what_belongs_there_lies_at_the_top() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in files()}
    plain = {name for name in top if not name.startswith(".")}
    assert plain <= {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "ham_cli", "tests", "completions"}
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "ham_cli"} <= plain


def test_no_file_names_a_place_outside_the_project() -> None:
    outside = re.compile(r"(?<![\w.])/" + r"work\b|\bshared" + "/")
    for path in files("-co", "--exclude-standard"):
        text = path.read_bytes().decode("utf-8", "ignore") if path.suffix != ".xz" else ""
        if path.relative_to(ROOT).as_posix() == ".ci/run":
            text = text.replace("../shared" + "/data", "")
        assert not outside.search(text), path


def test_no_image_and_no_table_of_the_record_lies_in_the_project() -> None:
    for path in files("-co", "--exclude-standard"):
        assert path.suffix.lower() not in {".jpg", ".jpeg", ".png", ".zip", ".csv", ".tab", ".parquet"}, path


def test_the_changelog_leads_with_this_version_or_what_is_unreleased() -> None:
    heads = re.findall(r"^## \[?([^\]\s]+)\]?", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads
    assert heads[0] in {"Unreleased", ham_cli.__version__}


def test_the_installed_version_is_the_programs() -> None:
    assert importlib.metadata.version("ham-cli") == ham_cli.__version__


def test_facts_that_only_the_record_knows_stand_nowhere_else() -> None:
    for path in MODULES:
        numbers = {node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant) and isinstance(node.value, int)}
        assert not numbers & {10015, 1511, 1512, 193, 7470}, path
