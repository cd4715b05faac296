"""What is served: drawn records with real sized JPEGs, and a record whose metadata is as long as the published one's."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_cli import record as records
from ham_cli.demo import facts
from ham_cli.demo.packing import Size, size_of
from ham_cli.demo.rows import rows
from tests.benchmarks.measure import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS = (facts.PART_1, facts.PART_2)
"""The zips of the training images."""

_ROWS = 9720
"""Drawn rows that make 690 kB of metadata, as the published 10 015 do."""


@dataclass(frozen=True)
class Published:
    """A folder of published files."""

    folder: Path
    record: Path
    """Its ``record.json``."""
    metadata: str
    """The name of its metadata, as it was uploaded."""

    @property
    def parts(self) -> list[Path]:
        """The zips of the training images."""
        return [self.folder / name for name in PARTS]

    def bytes(self, components: set[str]) -> int:
        """Bytes of the published files of some components."""
        files = json.loads(self.record.read_bytes())["files"]
        return sum(file["bytes"] for file in files if file["component"] in components)


def drawn(images: int, keep: Path) -> Published:
    """A drawn record of so many training images, about 280 kB each; drawn once, and kept."""
    where = keep / f"demo-{images}"
    if not (where / "published" / "record.json").is_file():
        print(f"drawing {images} images into {where}: once, about {images // 28 + 1} s", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "ham_cli", "demo", str(where), "--images", str(images), "--draw-only", "--quiet"]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, check=True)
    return Published(where / "published", where / "published" / "record.json", facts.METADATA)


def fetched(published: Published, cache: Path, env: Mapping[str, str], *more: str) -> Path:
    """A cache of its training images and metadata, and ``more`` components; the folder of the images."""
    of = ["--source", str(published.folder), "--record", str(published.record), "--cache-dir", str(cache)]
    fetch = [sys.executable, "-m", "ham_cli", "fetch", "images", "metadata", *more, *of, "--quiet"]
    subprocess.run(fetch, env=env, check=True, stdout=subprocess.DEVNULL)
    (folder,) = cache.glob("*/images")
    return folder


def large(parts: list[Path], times: int, target: Path) -> tuple[int, str]:
    """Write some files behind each other, so often, into one file; its bytes and MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as file:
        for part in parts * times:
            with part.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
    with target.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return target.stat().st_size, digest.hexdigest()


def of_tables(where: Path) -> Published:
    """A record of which only the metadata can be had: the published one where there is real data, else as long a drawn one."""
    where.mkdir()
    real = Path(os.environ.get("HAM_TEST_DATA", "")) / "HAM10000_metadata"
    if os.environ.get("HAM_TEST_DATA") and real.is_file():
        for file in (real, records.PUBLISHED, records.PUBLISHED.with_name(json.loads(records.PUBLISHED.read_bytes())["digests"]["file"])):
            shutil.copyfile(file, where / file.name)
        return Published(where, where / "record.json", real.name)
    return drawn_tables(_ROWS, where)


def drawn_tables(count: int, where: Path) -> Published:
    """A record of which only the tables can be had, with so many rows of training images."""
    where.mkdir(exist_ok=True)
    published = records.load()
    made = rows(count, published)
    tables = facts.tables(made, published)
    for name, data in tables.items():
        (where / name).write_bytes(data)
    # The pictures are never asked for: any digest will do, as long as they are as many and pack as badly as real ones.
    ends = (".jpg", "_segmentation.png") if count <= _ROWS else (".jpg",)
    names = [f"{image.image_id}{end}" for image in made.train for end in ends]
    lines = ["file,bytes,sha256", *(f"{name},1,{hashlib.sha256(name.encode()).hexdigest()}" for name in names)]
    listed = ("\n".join(lines) + "\n").encode()
    (where / facts.DIGESTS).write_bytes(lzma.compress(listed, preset=0))
    sizes: dict[str, Size] = dict.fromkeys((*PARTS, facts.MASKS, facts.TEST), size_of(b"-"))
    sizes |= {name: size_of(data) for name, data in tables.items()}
    (where / "record.json").write_bytes(facts.record(made, published, sizes, listed))
    return Published(where, where / "record.json", facts.METADATA)


def facts_of(published: Published) -> dict[str, Any]:
    """What a record's ``record.json`` says."""
    found: dict[str, Any] = json.loads(published.record.read_bytes())
    return found
