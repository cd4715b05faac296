"""One file of an export put in its place: whole or not at all, and its digest known when it stands there."""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ham_cli import atomic, links
from ham_cli.exporters import preparing
from ham_cli.kept import File
from ham_cli.links import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

    from ham_cli.exporters.parcel import Item, Ready, Sample
    from ham_cli.rendering import Rendering

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """One file to put in place."""

    item: Item
    folder: Path
    """The export's."""
    link: Link

    @property
    def target(self) -> Path:
        """Where it goes."""
        return self.folder / self.item.file


@dataclass(frozen=True)
class Preparation:
    """One sample of a file to prepare."""

    sample: Sample
    rendering: Rendering
    prepare: Callable[[Sample, Rendering], Ready]


def put(task: Task) -> list[Row]:
    """Put one file in place; its rows in the manifest. `RecordError` for an image that is not what the cache says of it."""
    item = task.item
    with _whole_or_not(task.target) as temporary:
        if item.shard:
            ready = map(prepare, preparations(item))
            return made(item, temporary, ready)
        if item.source is None:
            temporary.write_bytes(item.data or b"")
        else:
            _brought(File(item.source, item.size or 0, item.recipe), temporary, task.link)
    return [item.fields()]


def put_together(task: Task, ready: Iterable[Ready]) -> list[Row]:
    """Put one file in place that is made of samples which others prepare; its rows in the manifest."""
    with _whole_or_not(task.target) as temporary:
        return made(task.item, temporary, ready)


def preparations(item: Item) -> Iterator[Preparation]:
    """What is to be prepared for a file, in the order in which it is written."""
    assert item.shard is not None
    return (Preparation(sample, item.shard.rendering, item.shard.prepare) for sample in item.shard.samples)


def prepare(task: Preparation) -> Ready:
    """One sample, ready to be written."""
    return task.prepare(task.sample, task.rendering)


def made(item: Item, target: Path, ready: Iterable[Ready]) -> list[Row]:
    """Write a file of prepared samples; the file's row, and one for each image in it where its shard lists them."""
    shard = item.shard
    assert shard is not None
    inside: list[Row] = []

    def listed() -> Iterator[Ready]:
        for one in ready:
            # A file of one image has its row, which says the same.
            if shard.lists and item.image_id is None:
                sample = one.sample
                row = {"file": item.file, "image_id": sample.image_id, "split": sample.split, "label": sample.label}
                inside.append(row | {"bytes": len(one.image), "sha256": one.sha256, "recipe": None})
            yield one

    with target.open("xb") as file:
        out = _Hashing(file)
        shard.write(cast("IO[bytes]", out), shard, listed())
        out.flush()
    return [item.fields() | {"bytes": out.count, "sha256": out.digest.hexdigest()}, *inside]


class _Hashing(io.RawIOBase):
    """A file that is only appended to, and hashed on the way: nothing is read again."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self.file, self.digest, self.count = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  (whatever has bytes)
        view = memoryview(data).cast("B")
        self.file.write(view)
        self.digest.update(view)
        self.count += len(view)
        return len(view)

    def tell(self) -> int:
        return self.count

    def flush(self) -> None:
        if not self.file.closed:
            self.file.flush()


@contextlib.contextmanager
def _whole_or_not(target: Path) -> Iterator[Path]:
    temporary = atomic.beside(target)
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _brought(file: File, target: Path, link: Link) -> None:
    """Make ``target`` of an image of the cache; what is copied is hashed on the way, what is linked is measured."""
    if link is Link.COPY:
        target.write_bytes(preparing.read(file))
        return
    source = Path(file.path)
    try:
        size = source.stat().st_size
    except FileNotFoundError as error:
        raise preparing.gone(source) from error
    links.place(source, target, link)
    digest = hashlib.sha256(target.read_bytes()).hexdigest() if link is Link.CLONE else None
    if size != file.bytes or digest not in (None, file.sha256):
        raise preparing.altered(file, size, digest)
