"""A fetch that found nothing to do, answered again at once: CI jobs and scripts fetch before every step.

What it looked at is written down with what it printed: folders, manifests and tables of the cache, folders and files of the
sources, each with its size and times. While all of that stands as it stood, the same words in the same surroundings get the same
answer, without the parser and the tables.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING

from ham_cli import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

NAME = ".unchanged.json"
"""Where a cache keeps its answers."""

_MOST = 8
"""Answers that are kept."""

_SETTLED = 2_000_000_000
"""Nanoseconds that all of it must have stood untouched before the fetch began: what is touched twice within one step of a file
system's clock looks as if it were touched once."""

_SOME = 100
"""Folders and files of the sources that are looked at; where there are more there is no short answer."""

_ASIDE = {"HAM_DATAVERSE_KEY"}
"""Variables that change nothing here, and are nobody's business."""

_HEEDED = ("COLUMNS", "FORCE_COLOR", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "TERM", "XDG_CACHE_HOME")
_PICTURES = (".jpg", ".jpeg", ".png")


def answered(words: Sequence[str]) -> bool:
    """Whether this is a fetch whose answer is known, and is given; else nothing was printed."""
    if words[:1] != ["fetch"] or sys.stdout is None or sys.stderr is None:
        return False
    try:
        with open(os.path.join(_root(words), NAME), encoding="utf-8") as file:  # noqa: PTH118, PTH123  (pathlib is loaded without)
            one = json.load(file)["answers"][_key(words)]
        out, err, seen = one["out"], one["err"], one["seen"]
        stands = bool(seen) and all(_look(path) == found for path, found in seen.items())
        if not stands or not all(_plain(text, stream) for text, stream in ((out, sys.stdout), (err, sys.stderr))):
            return False
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
    try:
        sys.stdout.write(out)
        sys.stdout.flush()
    except (OSError, ValueError):
        return False  # what a closed pipe and a full disk are told, the whole program knows
    with contextlib.suppress(OSError, ValueError):  # where nobody can read it, it goes on without
        sys.stderr.write(err)
        sys.stderr.flush()
    return True


def keep(root: Path, looked_at: Iterable[Path], began: int, out: str, err: str) -> None:
    """Write an answer down, where all that the fetch looked at had long been as it is; ``began``: nanoseconds since 1970."""
    words = sys.argv[1:]
    if words[:1] != ["fetch"] or any("@" in word for word in (*words, *_surroundings().values())):
        return  # called by another program; or what may be a password is in it, of which not even a digest is kept
    seen = {os.path.abspath(path): _look(str(path)) for path in looked_at}  # noqa: PTH100
    if any(found and max(found[1:3]) > began - _SETTLED for found in seen.values()):
        return
    from ham_cli import atomic

    path, answers = root / NAME, {}
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        answers = dict(json.loads(path.read_text(encoding="utf-8"))["answers"])
    key = _key(words)
    answers.pop(key, None)
    kept = dict([*list(answers.items())[1 - _MOST :], (key, {"seen": seen, "out": out, "err": err})])
    with contextlib.suppress(OSError):
        atomic.write(path, json.dumps({"answers": kept}).encode())


def of_cache(folder: Path, root: Path) -> Iterator[Path]:
    """What a fetch that finds everything there looks at in the cache: no picture of its own, as their folders tell of them."""
    from ham_cli.record import FOLDERS

    yield from (root / "current", folder, folder / "record.json", folder / "archives")
    yield from (folder / name for name in sorted(set(FOLDERS.values())))
    for name in ("manifests", "tables"):
        yield folder / name
        with contextlib.suppress(OSError):
            yield from sorted(path for path in (folder / name).iterdir() if path.is_file())


def of_source(source: Path) -> list[Path] | None:
    """The folders and files of a source, pictures left out; ``None`` where they are many."""
    found: list[Path] = []
    for where, _, names in os.walk(source, followlinks=True):
        here = type(source)(where)
        found += [here, *(here / name for name in names if not name.lower().endswith(_PICTURES))]
        if len(found) > _SOME:
            return None
    return found


def _look(path: str) -> list[int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _key(words: Sequence[str]) -> str:
    env = sorted(_surroundings().items())
    told = [__version__, list(words), os.getcwd(), env, sys.stdout.encoding, sys.stderr.encoding]  # noqa: PTH109
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _surroundings() -> dict[str, str]:
    """The variables that may change what a fetch does or prints."""
    return {name: value for name, value in os.environ.items() if (name.startswith("HAM_") and name not in _ASIDE) or name in _HEEDED}


def _root(words: Sequence[str]) -> str:
    """The cache that is meant; where that is mistaken, nothing is found there under these words."""
    named = os.environ.get("HAM_CACHE_DIR")
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--cache-dir":
            named = following
        elif word.startswith("--cache-dir="):
            named = word.partition("=")[2]
    if named:
        return os.path.expanduser(named)  # noqa: PTH111
    from ham_cli.errors import HamError
    from ham_cli.place import default_root

    try:
        return str(default_root())
    except HamError as error:
        raise LookupError from error


def _plain(text: str, stream: object) -> bool:
    """Whether a kept text can be printed as it is: no person looks, whose terminal would fold it, and nothing steers one."""
    if not text:
        return True
    text.encode(getattr(stream, "encoding", None) or "ascii")
    return text.replace("\n", "").isprintable() and not getattr(stream, "isatty", lambda: False)()
