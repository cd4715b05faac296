"""What lies in a folder: files with a part each, or images in folders that are the sides."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ham_cli.errors import WrongUsageError, from_os_error
from ham_cli.splits.checking.foreign.model import ALL, File, unreadable
from ham_cli.splits.checking.foreign.names import fold_word, part_word, side_in
from ham_cli.splits.checking.foreign.tables import MAX_ROWS, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")

_DEPTH = 32
"""Folders within folders; a loop of links is noticed before."""

_CLUTTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}


@dataclass
class Tree:
    """The images below a folder."""

    root: Path
    found: list[tuple[tuple[str, ...], File]] = field(default_factory=list)
    """Folders and name from the root, and the file."""
    masks: int = 0
    """Files passed over because their names say that they are masks."""
    closed: list[str] = field(default_factory=list)
    """Folders and files that could not be looked at."""

    def walk(self) -> Iterator[int]:
        """Find the images, in the order of names; yields how many, now and then."""
        pending: list[tuple[Path, tuple[str, ...], tuple[tuple[int, int], ...]]] = [(self.root, (), ())]
        while pending:
            folder, words, above = pending.pop()
            below = [(folder / name, (*words, name)) for name in self._enter(folder, words, above)]
            status = folder.stat()
            pending += [(path, inner, (*above, (status.st_dev, status.st_ino))) for path, inner in reversed(below)]
            yield len(self.found)

    def _enter(self, folder: Path, words: tuple[str, ...], above: Sequence[tuple[int, int]]) -> list[str]:
        """Take the images of one folder; the names of the folders in it."""
        folders = []
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in above or len(words) > _DEPTH:
                return []
            with os.scandir(folder) as entries:
                found = sorted((e for e in entries if not e.name.startswith(".") and e.name not in _CLUTTER), key=lambda e: e.name)
        except OSError as error:
            if not words:
                raise from_os_error(error, folder) from error
            self.closed.append("/".join(words))
            return []
        for entry in found:
            if _is_folder(entry):
                folders.append(entry.name)
            elif entry.name.lower().endswith(IMAGES):
                self._take(entry, words)
        return folders

    def _take(self, entry: os.DirEntry[str], words: tuple[str, ...]) -> None:
        if Path(entry.name).stem.lower().endswith("_segmentation"):
            self.masks += 1
            return
        try:
            status = entry.stat()
        except OSError:
            self.closed.append("/".join((*words, entry.name)))
            return
        if entry.is_file():
            self.found.append(((*words, entry.name), File(Path(entry.path), status.st_size, status.st_dev, status.st_ino)))
        if len(self.found) > MAX_ROWS:
            raise unreadable(self.root, f"more than {MAX_ROWS} images", fix="name the folder of one split")

    def sides(self, classes: Iterable[str]) -> list[str]:
        """The side of each image: a folder of its path, at the first depth at which one is named as a part or fold.

        Without such names the first folders are the sides, but not where they are classes.
        """
        folders = [path[:-1] for path, _ in self.found]
        deepest = max(map(len, folders), default=0)
        for told in (part_word, fold_word):
            for level in range(deepest):
                if any(told(words[level]) for words in folders if len(words) > level):
                    return [_side(words[level]) if len(words) > level else ALL for words in folders]
        level = next((n for n in range(deepest) if len({words[: n + 1] for words in folders}) > 1), 0)
        names = {words[level] if len(words) > level else ALL for words in folders}
        if {name.lower() for name in names} <= {*classes, ALL}:
            return [ALL for _ in folders]
        return [words[level] if len(words) > level else ALL for words in folders]


def _side(name: str) -> str:
    return part_word(name) or fold_word(name) or name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def tables_in(folder: Path) -> list[Path]:
    """The files at the top of a folder that hold a part each, or the only table there; none where images tell."""
    try:
        files = sorted(
            p for p in folder.iterdir() if p.suffix.lower() in {*SUFFIXES, ".txt"} and not p.name.startswith(".") and p.is_file()
        )
    except OSError as error:
        raise from_os_error(error, folder) from error
    parts = [path for path in files if side_in(path.stem)]
    tables = [path for path in files if path.suffix.lower() in SUFFIXES]
    return parts or tables


def holds_parts(folder: Path) -> bool:
    """Whether a folder at the top is named as a part or fold, as in a folder of images."""
    try:
        with os.scandir(folder) as entries:
            return any((part_word(e.name) or fold_word(e.name)) and _is_folder(e) for e in entries)
    except OSError as error:
        raise from_os_error(error, folder) from error


def require_one(tables: Sequence[Path], folder: Path) -> None:
    """Raise `WrongUsageError` for several tables of which none is named as a part."""
    if len(tables) > 1 and not any(side_in(path.stem) for path in tables):
        names = ", ".join(path.name for path in tables[:10])
        fix = "name the one that is the split, or the files that are its parts: ham check train.csv test.csv"
        raise WrongUsageError("this folder has several tables, and none is named as a part", where=folder, got=names, fix=fix)
