"""What the servers offer and how they behave: all of it may be changed while they run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.dataverse.messages import ETags, Framing
    from tests.dataverse.published import Published

KEY = "01234567-89ab-cdef-0123-456789abcdef"


@dataclass
class Listing:
    """How the JSON of the dataset differs from a plain one's. Names are labels; ``*`` stands for every file."""

    total_count: bool = True
    """Whether lists have ``totalCount``, which servers before 6.1 have not."""
    checksum: str = "MD5"
    """``MD5``, ``SHA-1``, ``SHA-256``, ``SHA-512``, or empty for no checksum; only the first comes with ``md5``."""
    no_size: Collection[str] = ()
    """Files without ``filesize`` and ``originalFileSize``."""
    no_original_size: Collection[str] = ()
    wrong_md5: Collection[str] = ()
    """Files whose checksum is another file's."""
    wrong_size: Collection[str] = ()
    """Files whose sizes are one byte too large."""
    unlisted: Collection[str] = ()
    deaccessioned: bool = False
    slow: float = 0
    """Seconds before the answer."""
    edit: Callable[[dict[str, Any]], None] | None = None
    """Changes the dataset (or the version, or a file's entry) before it is sent."""


@dataclass(kw_only=True)
class Setup:
    """What is offered, and how."""

    published: Published
    key: str | None = KEY
    """The one ``X-Dataverse-key`` that is accepted; without one, each is refused."""
    url_expires: int = 3600
    """Seconds that a presigned URL is good for."""
    etag: ETags = "multipart"
    """What the store's and bucket's ETags look like."""
    listing: Listing = field(default_factory=Listing)
    send_buffer: int = 65536
    """``SO_SNDBUF`` of every connection, in bytes; by this, and by what the client's socket holds, a count may be ahead of the client."""
    rate: float | None = None
    """Bytes of a body a second and connection; it may change while they are sent."""
    guestbook: int | None = None
    """The guestbook that must be signed before a file is given."""
    tab_framing: Framing = "length"
    """How the bodies of tables are framed that Dataverse streams itself."""
    streamed: bool = False
    """Whether Dataverse streams all files itself, as one with local storage does."""
    refused_agents: Collection[str] = ("python-requests/", "Python-urllib/")
    """Whose requests Dataverse answers with 403 HTML, by how ``User-Agent`` begins."""
    restricted: Collection[str] = ()
    """Labels of files that nobody gets."""
    bucket_denies: bool = False
    """Whether the bucket says 403 for what it has not."""
    dataverse: str = ""
    """Base URL without a slash at its end."""
    s3: str = ""
    """Base URL without a slash at its end."""
    bucket: str = ""
    """Base URL of the challenge's files, with a slash at its end."""
    ahead: float = 0
    """Seconds by which the servers' clock is ahead."""

    def now(self) -> float:
        """The time on the servers' clock, in seconds since 1970."""
        return time.time() + self.ahead
