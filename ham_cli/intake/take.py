"""One image or mask into its place: read once, hashed on the way, moved there only when it is right."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ham_cli import archives, atomic, images, links
from ham_cli.checksum import CHUNK
from ham_cli.findings import Verdict
from ham_cli.links import Link
from ham_cli.offers import Place
from ham_cli.record import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ham_cli.archives import Member
    from ham_cli.record import Digest

MAX_BYTES = 64 << 20
"""An image larger than this is none of this kind of record: the largest published one has 0.5 MB."""

_UNREADABLE = {errno.ENOENT, errno.EACCES, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ESTALE}
"""What is wrong with one file of the source, and no reason to stop."""


class NotHadError(Exception):
    """An image cannot be had from its server."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image or mask to take."""

    image_id: str
    component: str
    place: Place
    """Where its bytes lie."""
    folder: Path
    """Where it goes."""
    expected: Digest | None
    """``None`` where no digest is published."""
    link: Link
    hold: bool
    """Whether a wrong digest waits for the archive's MD5 to decide."""
    bring: Callable[[], bytes] | None = None
    """What brings its bytes, where they lie on a server; raises `NotHadError`."""

    @property
    def source(self) -> Path:
        """The file that has its bytes."""
        return self.place.file

    @property
    def label(self) -> str:
        """The place as a person sees it."""
        return self.place.label

    @property
    def member(self) -> Member | None:
        """What has its bytes in the file, where that is a zip."""
        return self.place.member

    @property
    def target(self) -> Path:
        """The file that it becomes."""
        return self.folder / file_name(self.image_id, self.component)

    @property
    def doubted(self) -> bool:
        """Whether nothing will vouch for its bytes: neither a digest of its own nor the archive's."""
        return self.expected is None and not self.hold


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a task."""

    task: Task
    bytes: int = 0
    sha256: str = ""
    width: int = 0
    height: int = 0
    verdict: Verdict | None = None
    """``None``: it lies in its place."""
    expected: str | None = None
    got: str | None = None
    detail: str | None = None
    held: Path | None = None
    """Where the bytes wait, of a wrong digest that an archive's MD5 may overrule."""


def take(task: Task) -> Taken:
    """Bring one image or mask into its place."""
    temporary = task.target if task.source == task.target else atomic.beside(task.target)
    try:
        taken = _taken(task, temporary)
    except BaseException:
        _discard(task, temporary)
        raise
    if taken.verdict is None and temporary != task.target:
        temporary.replace(task.target)
    elif taken.held is None:
        _discard(task, temporary)
    return taken


def settle(taken: Taken, *, right: bool) -> Taken:
    """Decide a held one: into its place where its archive is right, away where it is not."""
    if taken.held is None:
        return taken
    if not right:
        taken.held.unlink(missing_ok=True)
        return taken
    taken.held.replace(taken.task.target)
    return Taken(taken.task, taken.bytes, taken.sha256, taken.width, taken.height)


def doubted(taken: Taken) -> Taken:
    """What came of a task whose archive does not vouch for it after all: what is no whole picture leaves its place again."""
    if taken.task.expected or not taken.task.hold:
        return taken
    task = replace(taken.task, place=Place(taken.task.target, taken.task.label), hold=False)
    again = replace(take(task), task=taken.task)
    if again.verdict:
        task.target.unlink(missing_ok=True)
    return again


def _taken(task: Task, temporary: Path) -> Taken:
    try:
        return (None if task.bring else _wrong_size(task)) or _read(task, temporary)
    except NotHadError as error:
        return Taken(task, verdict=Verdict.MISSING, detail=str(error))
    except archives.BadArchiveError as error:
        return Taken(task, verdict=Verdict.UNREADABLE, detail=str(error))
    except images.NotAnImageError as error:
        return Taken(task, verdict=Verdict.UNREADABLE, expected="a JPEG or PNG", detail=str(error))
    except OSError as error:
        if error.errno not in _UNREADABLE or error.filename != os.fspath(task.source):
            raise  # the cache's own folder or disk, or a link that cannot be: nothing more can be taken
        return Taken(task, verdict=Verdict.UNREADABLE, detail=error.strerror)


def _wrong_size(task: Task) -> Taken | None:
    """Size first: it costs at most one stat and settles most truncated downloads."""
    if task.member:
        announced = task.member.bytes
    else:
        status = os.stat(task.source)  # noqa: PTH116  (its error names the file)
        if not stat.S_ISREG(status.st_mode):
            return Taken(task, verdict=Verdict.UNREADABLE, detail="it is no regular file")
        announced = status.st_size
    limit = task.expected.bytes if task.expected and not task.hold else None
    if announced > MAX_BYTES or limit not in {None, announced}:
        return Taken(task, verdict=Verdict.WRONG, expected=f"{limit or MAX_BYTES} bytes", got=f"{announced} bytes")
    return None


def _read(task: Task, temporary: Path) -> Taken:
    digest, size = hashlib.sha256(), 0
    head: bytes | bytearray = b""
    for chunk in _placed(task, temporary):
        digest.update(chunk)
        size += len(chunk)
        # Where no digest will vouch for it, all is kept: only its pixels tell whether it is whole.
        head = head + chunk if head and task.doubted else head or chunk
    sha256 = digest.hexdigest()
    if task.expected and sha256 != task.expected.sha256:
        held = temporary if task.hold else None
        return Taken(task, size, sha256, *_size(head), Verdict.WRONG, task.expected.sha256, sha256, held=held)
    sha256 = task.expected.sha256 if task.expected else sha256  # the very same text, which the list of digests holds anyway
    return Taken(task, size, sha256, *(_decoded(head, task.target.suffix) if task.doubted else images.size(head)))


def _decoded(data: bytes | bytearray, suffix: str) -> tuple[int, int]:
    """Width and height of a picture that is whole, and what its name says; raises `images.NotAnImageError`."""
    size, _ = images.inspected(bytes(data), is_mask=suffix == ".png")
    if suffix == ".jpg" and not images.is_jpeg(data):
        raise images.NotAnImageError("it is a PNG under the name of a JPEG")
    return size


def _placed(task: Task, temporary: Path) -> Iterator[bytes | bytearray]:
    """The bytes of a task as they reach ``temporary``: linked first and read there, or written while read."""
    if task.bring is not None:
        yield from _written(iter([task.bring()]), temporary)
        return
    if task.member is not None:
        yield from _written(archives.chunks(task.source, task.member), temporary)
        return
    if task.link is Link.COPY and temporary != task.target:
        yield from _written(_chunks(task.source), temporary)
        return
    if temporary != task.target:
        links.place(task.source, temporary, task.link)
    yield from _chunks(temporary)


def _written(chunks: Iterator[bytes | bytearray], temporary: Path) -> Iterator[bytes | bytearray]:
    with temporary.open("xb", buffering=0) as file:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
            yield chunk


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _size(head: bytes | bytearray) -> tuple[int, int]:
    try:
        return images.size(head)
    except images.NotAnImageError:
        return 0, 0


def _discard(task: Task, temporary: Path) -> None:
    if temporary != task.target:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
