"""Every error that the program's code can make, in the words it is made of: ``python -m tests.words > tests/golden/errors.txt``."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import ham_cli
from ham_cli import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(ham_cli.__file__).parent
GOLDEN = Path(__file__).parent / "golden" / "errors.txt"

PARTS = ("what", "where", "expected", "got", "fix")
SENTENCES = ("NotATableError", "NotAnImageError", "BadArchiveError", "NotHadError")
"""Exceptions of one sentence: a finding's detail, or what an error got."""

_PROBLEM = "Problem"
_FROM_SYSTEM = "from_os_error"
_REFUSED = ("the operating system refused: {error.strerror or error}",)
_SYSTEM = {"what": _REFUSED, "where": ("{error.filename}",), "fix": ("{by its number: see errors}",)}
_SPEAKERS = {"_why", "_other_part"}
_MEANING = 3
"""Parts of a line in a table of problems: kind, what, next."""
_MANY, _DEEPEST = 4, 6
"""Forms of an inserted value that are all written out; steps from name to name that are followed."""
_WRAPPERS = {"str", "Path", "quoted"}

_HEAD = """\
Every error that ham can make, as its code spells it: made by `python -m tests.words > tests/golden/errors.txt`.

{...} is what only the moment knows; "|" stands between words of which one is printed. By module; the number is the exit code.
"problem": why a source or a server cannot give a file; the next source is tried, and it is printed where none can (exit code 4).
"sentence": the detail of a finding (exit code 3), or what an error got.
"""


@dataclass(frozen=True)
class Words:
    """One error in the code."""

    module: str
    kind: str
    """The exit code, ``problem`` or ``sentence``."""
    parts: dict[str, tuple[str, ...]] = field(hash=False)
    """What, where, expected, got and fix, those that there are: each with every form that it can have."""

    @property
    def what(self) -> tuple[str, ...]:
        """What is said first, in every form."""
        return self.parts["what"]

    def __str__(self) -> str:
        """A block of the listing."""
        lines = []
        for part, forms in self.parts.items():
            name = f"{self.kind:<9}" if part == "what" else f"  {('next' if part == 'fix' else part) + ':':<10}"
            lines.append(f"{name} {' | '.join(form for form in forms if form)}".replace("\n", "\\n"))
        return "\n".join(lines)


@dataclass(frozen=True)
class _Module:
    name: str
    tree: ast.Module
    nodes: list[ast.AST]
    """All of the tree."""
    constants: dict[str, ast.expr]
    functions: dict[str, ast.FunctionDef]
    imported: dict[str, tuple[str, str]]
    """A name here, with the module that it is from and its name there."""

    @classmethod
    def read(cls, path: Path) -> _Module:
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        imported = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in nodes
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
        return cls(name, tree, nodes, dict(_assigned(tree.body)), functions, imported)


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names that statements give values to, with the values; those in blocks within too, but not those of functions within."""
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    yield from ((t.id, v) for t, v in zip(target.elts, node.value.elts, strict=True) if isinstance(t, ast.Name))
        for block in _blocks(node) if not isinstance(node, ast.FunctionDef | ast.ClassDef) else ():
            yield from _assigned(block)


class Code:
    """The program's modules, and the errors that they make."""

    def __init__(self) -> None:
        """Read every module."""
        self.modules = {m.name: m for m in map(_Module.read, sorted(ROOT.rglob("*.py")))}
        self._called = {
            ast.unparse(node.func).rpartition(".")[2]
            for module in self.modules.values()
            for node in module.nodes
            if isinstance(node, ast.Call)
        }
        """The functions that are called anywhere."""
        self._bases = {
            node.name: base.id
            for module in self.modules.values()
            for node in module.nodes
            if isinstance(node, ast.ClassDef)
            for base in node.bases
            if isinstance(base, ast.Name)
        }

    def words(self) -> list[Words]:
        """Every error, by module, in the order of the code."""
        return [words for module in self.modules.values() for words in self._in(module)]

    def _in(self, module: _Module) -> Iterator[Words]:
        if module.name == "ham_cli.errors":
            yield from self._of_the_system(module)
            return
        seen = set()
        for function in (module.tree, *(node for node in module.nodes if isinstance(node, ast.FunctionDef))):
            for node in _own(function):
                for words in self._made(module, function if isinstance(function, ast.FunctionDef) else None, node):
                    if str(words) not in seen:
                        seen.add(str(words))
                        yield words

    def _of_the_system(self, module: _Module) -> Iterator[Words]:
        """A block for each refusal of the operating system that has a next step of its own, and one for the others."""
        table = module.constants["_FIXES"]
        assert isinstance(table, ast.Dict)
        asked = (node for node in ast.walk(module.functions[_FROM_SYSTEM]) if isinstance(node, ast.Call))
        other = next(node.args[1] for node in asked if ast.unparse(node.func) == "_FIXES.get")
        numbers = [ast.unparse(key).removeprefix("errno.") for key in table.keys if key is not None]
        for number, value in zip((*numbers, "any other"), (*table.values, other), strict=True):
            fix = self._forms(value, _Scope(module))
            yield Words(module.name, "5", {"what": _REFUSED, "where": (f"{{where or error.filename}}, for {number}",), "fix": fix})

    def _made(self, module: _Module, function: ast.FunctionDef | None, node: ast.AST) -> Iterator[Words]:
        """What a node makes: nothing, mostly."""
        scope = _Scope(module, function, at=node)
        if isinstance(node, ast.Tuple) and len(node.elts) == _MEANING and ast.unparse(node.elts[0]).startswith("Kind."):
            yield Words(module.name, "problem", _there({"what": self._forms(node.elts[1], scope), "fix": self._forms(node.elts[2], scope)}))
        if not isinstance(node, ast.Call):
            return
        name = ast.unparse(node.func).rpartition(".")[2]
        if kind := self._kind(name):
            is_told_with_its_calls = function is not None and self._is_maker(function) and function.name in self._called
            words = self._built(module.name, kind, node, scope)
            if not is_told_with_its_calls and words.what != ("{what}",):  # these stand in a table
                yield words
        elif name == _FROM_SYSTEM:
            given = self._arguments(node, ("error", "where", "fix"), scope)
            yield Words(module.name, "5", {part: given.get(part) or forms for part, forms in _SYSTEM.items()})
        elif found := self._function(module, node.func):
            yield from self._by_a_maker(*found, node, scope)

    def _by_a_maker(self, owner: _Module, maker: ast.FunctionDef, call: ast.Call, scope: _Scope) -> Iterator[Words]:
        """What a function makes that puts an error together of its arguments."""
        for made in _own(maker) if self._is_maker(maker) else ():
            if isinstance(made, ast.Call) and (kind := self._kind(ast.unparse(made.func))):
                inner = _Scope(owner, maker, dict(_bound(maker, call)), scope, made)
                yield self._built(scope.module.name, kind, made, inner)

    def _built(self, module: str, kind: str, node: ast.Call, scope: _Scope) -> Words:
        given = self._arguments(node, ("kind", "what") if kind == "problem" else ("what",), scope)
        return Words(module, kind, _there({part: given[part] for part in PARTS if part in given}))

    def _arguments(self, node: ast.Call, names: tuple[str, ...], scope: _Scope) -> dict[str, tuple[str, ...]]:
        given = dict(zip(names, node.args, strict=False)) | {k.arg: k.value for k in node.keywords if k.arg}
        return {name: self._forms(value, scope) for name, value in given.items()}

    def _kind(self, name: str) -> str | None:
        """What calling a name makes: an exit code, a problem, a sentence, or no error."""
        while name not in {_PROBLEM, *SENTENCES} and not hasattr(errors, name):
            if name not in self._bases:
                return None
            name = self._bases[name]
        if name in SENTENCES:
            return "sentence"
        made = getattr(errors, name, None)
        if name == _PROBLEM:
            return "problem"
        return str(made.exit_code) if isinstance(made, type) and issubclass(made, errors.HamError) else None

    def _is_maker(self, function: ast.FunctionDef) -> bool:
        """Whether a function's use is to put an error together."""
        return function.returns is not None and self._kind(ast.unparse(function.returns)) is not None and bool(function.args.args)

    def _function(self, module: _Module, called: ast.expr) -> tuple[_Module, ast.FunctionDef] | None:
        name = ast.unparse(called).removeprefix("self.")
        if name in module.functions:
            return module, module.functions[name]
        head, _, attribute = name.partition(".")
        if head in module.imported:
            source, there = module.imported[head]
            owner = self.modules.get(f"{source}.{there}" if attribute else source)
            wanted = attribute or there
            if owner and wanted in owner.functions:
                return owner, owner.functions[wanted]
            if owner and wanted in owner.imported:
                return self._function(owner, ast.Name(wanted))
        return None

    def _forms(self, value: ast.expr, scope: _Scope, depth: int = 0) -> tuple[str, ...]:
        """Everything that a value may say; what only the moment knows as ``{expression}``; ``None`` as an empty text."""
        said: tuple[str, ...] = ()
        match value:
            case ast.Constant():
                said = ("" if value.value is None else str(value.value),)
            case ast.IfExp():
                said = _unique((*self._forms(value.body, scope, depth), *self._forms(value.orelse, scope, depth)))
            case ast.BoolOp() if isinstance(value.values[-1], ast.Constant):
                said = _unique(form for part in value.values for form in self._forms(part, scope, depth))
            case ast.BinOp(op=ast.Add()):
                said = self._joined([value.left, value.right], scope, depth)
            case ast.BinOp(op=ast.LShift()):
                said = (str(ast.literal_eval(value.left) << ast.literal_eval(value.right)),)
            case ast.JoinedStr():
                said = self._joined(value.values, scope, depth)
            case ast.FormattedValue():
                said = self._inserted(value, scope, depth)
            case ast.Call() | ast.Name():
                said = self._looked_up(value, scope, depth)
        return said or (f"{{{ast.unparse(value)}}}",)

    def _looked_up(self, value: ast.Call | ast.Name, scope: _Scope, depth: int) -> tuple[str, ...]:
        if isinstance(value, ast.Name):
            known = self._known(value.id, scope) if depth < _DEEPEST else []
            return _unique(form for found, where in known for form in self._forms(found, where, depth + 1))
        if ast.unparse(value.func) in _WRAPPERS and value.args:
            return self._forms(value.args[0], scope, depth)
        return self._sentences(value, scope)

    def _sentences(self, call: ast.Call, scope: _Scope) -> tuple[str, ...]:
        """What a function may give that puts a sentence together."""
        function = scope.module.functions.get(ast.unparse(call.func))
        if function is None or function.name not in _SPEAKERS:
            return ()
        inner = _Scope(scope.module, function, dict(_bound(function, call)), scope)
        given = [node.value for node in _own(function) if isinstance(node, ast.Return) and node.value is not None]
        spoken = [value for value in given if not isinstance(value, ast.Call)]
        return _unique(form for value in spoken for form in self._forms(value, inner, 1))

    def _inserted(self, value: ast.FormattedValue, scope: _Scope, depth: int) -> tuple[str, ...]:
        forms = self._forms(value.value, scope, depth)
        return forms if len(forms) <= _MANY else (f"{{{ast.unparse(value.value)}}}",)

    def _joined(self, values: list[ast.expr], scope: _Scope, depth: int) -> tuple[str, ...]:
        forms: tuple[str, ...] = ("",)
        for value in values:
            forms = tuple(before + after for before in forms for after in self._forms(value, scope, depth))
        return _unique(forms)

    def _known(self, name: str, scope: _Scope) -> list[tuple[ast.expr, _Scope]]:
        """The values that a name may have, with where they are to be read; none where only the moment knows."""
        if name in scope.given:
            assert scope.outer is not None
            return [(scope.given[name], scope.outer)]
        if scope.function is not None:
            if found := _reaching(scope.function.body, scope.at, name):
                readable = all(isinstance(v, ast.Constant | ast.JoinedStr | ast.IfExp | ast.BinOp | ast.Name) for v in found)
                return [(value, scope) for value in found] if readable else []
            defaults = dict(_defaults(scope.function))
            if name in defaults and scope.outer is not None:
                return [(defaults[name], _Scope(scope.module))]
            if name in {a.arg for a in (*scope.function.args.args, *scope.function.args.kwonlyargs)}:
                return []
        return self._constant(name, scope.module)

    def _constant(self, name: str, module: _Module) -> list[tuple[ast.expr, _Scope]]:
        if name in module.constants:
            value = module.constants[name]
            return [(value, _Scope(module))] if isinstance(value, ast.Constant | ast.JoinedStr | ast.BinOp) else []
        source, there = module.imported.get(name, ("", ""))
        owner = self.modules.get(source)
        return self._constant(there, owner) if owner else []


@dataclass(frozen=True)
class _Scope:
    """Where a name is read."""

    module: _Module
    function: ast.FunctionDef | None = None
    given: Mapping[str, ast.expr] = field(default_factory=dict)
    """The function's arguments, where its caller is known."""
    outer: _Scope | None = None
    """The caller's."""
    at: ast.AST | None = None
    """The call that makes the error."""


def _reaching(body: list[ast.stmt], at: ast.AST | None, name: str) -> list[ast.expr]:
    """The values that a name may have at a node of a function: those of its own branch where there are some, else of the outer ones."""
    found: list[ast.expr] = []
    for statement in body:
        if any(node is at for node in ast.walk(statement)):
            inner = [value for block in _blocks(statement) for value in _reaching(block, at, name) if _holds(block, at)]
            return inner or found
        given = [value for target, value in _assigned([statement]) if target == name]
        found = given if isinstance(statement, ast.Assign) and given else found + given
    return found


def _holds(body: list[ast.stmt], at: ast.AST | None) -> bool:
    return any(node is at for statement in body for node in ast.walk(statement))


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks within a statement."""
    plain = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    return [*plain, *(handler.body for handler in getattr(statement, "handlers", []))]


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or a module, without those of functions within, in the order of the code."""
    rest = list(ast.iter_child_nodes(function))[::-1]
    while rest:
        node = rest.pop()
        if not isinstance(node, ast.FunctionDef):
            yield node
            rest += list(ast.iter_child_nodes(node))[::-1]


def _bound(function: ast.FunctionDef, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """A function's parameters, with what a call gives for them."""
    names = [a.arg for a in function.args.args if a.arg != "self"]
    yield from zip(names, call.args, strict=False)
    yield from ((k.arg, k.value) for k in call.keywords if k.arg)


def _defaults(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    own = function.args
    yield from zip([a.arg for a in own.args[len(own.args) - len(own.defaults) :]], own.defaults, strict=True)
    yield from ((a.arg, value) for a, value in zip(own.kwonlyargs, own.kw_defaults, strict=True) if value is not None)


def _there(parts: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The parts that say something."""
    return {name: forms for name, forms in parts.items() if any(forms)}


def _unique(forms: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(forms))  # type: ignore[call-overload]


@functools.cache
def every() -> list[Words]:
    """Every error of the program."""
    return Code().words()


def listing() -> str:
    """All of it, as the golden file has it."""
    blocks = [_HEAD]
    module = ""
    for words in every():
        if words.module != module:
            module = words.module
            blocks.append(f"== {module.removeprefix('ham_cli.')}\n")
        blocks.append(f"{words}\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    print(listing(), end="")
