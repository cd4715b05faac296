"""The jobs that are measured, as programs: ham's, and those a person would chain in its place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.benchmarks.measure import Side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.measure import Step

HAM = [sys.executable, "-m", "ham_cli"]

# Nothing is said, no settings are read, and no file is filled with zeros first, which would cost it time.
_ARIA = ["aria2c", "-x4", "-s4", "--quiet", "--no-conf", "--file-allocation=none"]

_SUMS = "sums.md5"


def fetch(source: str, record: Path, *words: str, name: str = "ham fetch") -> Side:
    """``ham fetch`` from a source into a new cache."""
    command = [*HAM, "fetch", *words, "--source", source, "--record", str(record), "--cache-dir", "cache"]
    return Side(name, lambda _: [command])


def fetch_and_split(source: str, record: Path, name: str) -> Side:
    """The metadata into a new cache, and a split of it."""
    first = fetch(source, record, "metadata")
    return Side(name, lambda folder: [*first.steps(folder), [*HAM, "split", "--cache-dir", "cache"]])


def alone(url: str, size: int, md5: str, name: str = "ham's download") -> Side:
    """The download of one file by ham's engine: verified, and nothing else."""
    return Side(name, lambda folder: [[sys.executable, "-m", "tests.benchmarks.alone", url, str(folder / "large.zip"), str(size), md5]])


def aria2c(url: str, name: str = "aria2c -x4 -s4") -> Side:
    """The download of one file by aria2c: not verified."""
    return Side(name, lambda _: [[*_ARIA, url]])


def aria2c_chain(urls: Sequence[str], sums: Path) -> Side:
    """Files one after the other by aria2c, verified and unpacked."""
    return Side("aria2c, md5sum, unzip", lambda _: [[*_ARIA, "-j1", "-Z", *urls], *_unpacked(urls, sums, "unzip")])


def curl_chain(urls: Sequence[str], sums: Path, unpacker: str) -> Side:
    """Files by curl, verified and unpacked, and every image hashed."""
    get: Step = ["curl", "--silent", "--fail", *(word for url in urls for word in ("-O", url))]
    hashed = ["sh", "-c", "find images -name '*.jpg' -exec sha256sum {} + > sums.sha256"]
    return Side(f"curl, md5sum, {unpacker}, sha256sum", lambda _: [get, *_unpacked(urls, sums, unpacker), hashed])


def sums_of(files: Sequence[tuple[str, str]], where: Path) -> Path:
    """A list for ``md5sum --check`` of files by name and MD5."""
    path = where / _SUMS
    path.write_text("".join(f"{md5}  {name}\n" for name, md5 in files), encoding="utf-8")
    return path


def _unpacked(urls: Sequence[str], sums: Path, unpacker: str) -> list[Step]:
    names = [url.rpartition("/")[2] for url in urls]
    how = {"unzip": ["unzip", "-q", "{}", "-d", "images"], "bsdtar": ["bsdtar", "-x", "-C", "images", "-f", "{}"]}[unpacker]
    unpacked = [[name if word == "{}" else word for word in how] for name in names]
    return [["md5sum", "--quiet", "--check", str(sums)], ["mkdir", "images"], *unpacked]
