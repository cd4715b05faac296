"""What goes over the wire, as values: bytes that are offered, what was asked, what is answered and how that breaks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Origin = Literal["dataverse", "s3", "bucket"]
Framing = Literal["length", "chunked", "close"]
Ending = Literal["whole", "cut", "reset", "stall", "silence", "hang", "endless headers"]
ETags = Literal["multipart", "md5", "weak", "none"]

_EDGE = 65536


@dataclass(frozen=True)
class Content:
    """Bytes on offer."""

    data: bytes | Path
    """The bytes, or the file that holds them: for a large one, which is then sent without being read here."""
    version: int = 1
    """Counts replacements; the ETag and the date of change follow it."""

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.data.stat().st_size if isinstance(self.data, Path) else len(self.data)

    @property
    def changed(self) -> str:
        """The date of the last change."""
        return f"Mon, 04 Jun 2018 12:{self.version % 60:02}:00 GMT"

    @cached_property
    def md5(self) -> str:
        """Hexadecimal MD5 of all of it."""
        return self.digest("md5")

    def digest(self, algorithm: str) -> str:
        """Hexadecimal digest of all of it."""
        if isinstance(self.data, Path):
            with self.data.open("rb") as file:
                return hashlib.file_digest(file, algorithm).hexdigest()
        return hashlib.new(algorithm, self.data, usedforsecurity=False).hexdigest()

    @cached_property
    def multipart(self) -> str:
        """What a large object's ETag looks like: it is nobody's MD5."""
        seen = (
            f"{self.version} {self.size} ".encode() + self.part(0, min(_EDGE, self.size)) + self.part(max(0, self.size - _EDGE), self.size)
        )
        return f"{hashlib.md5(seen, usedforsecurity=False).hexdigest()}-2"

    def etag(self, form: ETags) -> str | None:
        """The ETag with its quotes."""
        written = {"multipart": self.multipart, "weak": self.multipart, "md5": ""}
        if form == "none":
            return None
        tag = self.md5 if form == "md5" else written[form]
        return f'W/"{tag}"' if form == "weak" else f'"{tag}"'

    def part(self, start: int, stop: int) -> bytes:
        """Some of the bytes."""
        if isinstance(self.data, Path):
            with self.data.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        return self.data[start:stop]


@dataclass(frozen=True)
class Slice:
    """Some of the bytes on offer."""

    content: Content
    start: int
    stop: int


@dataclass(frozen=True)
class Asked:
    """What a client asks for."""

    origin: Origin
    method: str
    target: str
    """The path and query as they came."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The parameters, decoded."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass
class Answer:
    """What is answered, and where it breaks."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Without ``Content-Length`` and ``Transfer-Encoding``, which follow from the framing."""
    body: Iterable[Slice] = ()
    length: int = 0
    """Bytes of the body: what ``Content-Length`` says."""
    framing: Framing = "length"
    ending: Ending = "whole"
    after: int | None = None
    """Bytes of the body after which the ending comes; half of them when ``None``."""
    delay: float = 0
    """Seconds before anything is answered."""
    pause: float | None = None
    """Seconds that a stall lasts; for ever when ``None``."""
    rate: float | None = None
    """Bytes of the body a second; the setting of all when ``None``."""

    def header(self, name: str) -> str | None:
        """The first header of a name."""
        return next((value for n, value in self.headers if n.lower() == name.lower()), None)

    def put(self, name: str, value: str | None) -> None:
        """Replace a header, or take it out."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def carry(self, *slices: Slice) -> None:
        """Make slices the body."""
        self.body, self.length = slices, sum(s.stop - s.start for s in slices)


@dataclass(frozen=True)
class Request:
    """What was asked and what became of it."""

    origin: Origin
    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    range: str | None
    name: str | None
    """The published file that was asked for, or ``listing``, or ``None`` for anything else."""
    status: int
    """0 where nothing was answered."""
    sent: int
    """Bytes of the body that the server wrote."""
    fault: str | None
    """The kind of fault it met."""
    connection: int
    """Numbers the connections: requests of one number came over one."""


def answer(status: int, body: bytes = b"", kind: str | None = None, *headers: tuple[str, str]) -> Answer:
    """An answer of some bytes and their content type."""
    made = Answer(status, [*([("Content-Type", kind)] if kind else []), *headers])
    made.carry(Slice(Content(body), 0, len(body)))
    return made
