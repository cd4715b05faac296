"""One exchange with a server: the client that asks, and what its answer means."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from dataclasses import dataclass
from enum import Enum
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpcore
import httpx

from ham_cli import __version__
from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Client = httpx.Client

AGENT = f"ham/{__version__} (+https://pypi.org/project/ham-cli/)"
"""Our own name: Harvard's firewall refuses those of the libraries."""

MISSING = "the server has no such file"

UNREACHED = "the server cannot be reached"

_READ = 256 << 10
"""Bytes that are read from a connection at most at once."""

HEAD = 4096
"""Bytes of an answer that tell what it is, where it is no file."""


@dataclass(frozen=True)
class Waits:
    """Every waiting time, in one place."""

    connect: float = 15.0
    """Seconds until a connection stands."""
    read: float = 60.0
    """Seconds between two bytes, not for the whole."""
    first: float = 0.5
    """Seconds that the first retry waits at most; each further one twice as long."""
    longest: float = 60.0
    """Seconds that any retry waits at most, where the server does not name a time."""
    obeyed: float = 300.0
    """Seconds of a server's Retry-After that are waited at most."""
    knocks: int = 5
    """Failures in a row that a server bears which has not answered once: there may be no network."""
    renewals: int = 3
    """Addresses in a row that are asked for anew, where none is of use."""
    attempts: int = 8
    """Failures in a row, without a byte between them, that a connection bears."""
    failures: int = 400
    """Failures in all that one file bears: a line that breaks every few kilobytes never ends."""
    slow: float = 60.0
    """Seconds that a connection may stay under ``slowest``."""
    slowest: float = 1024.0
    """Bytes a second under which a connection is broken."""


class Kind(Enum):
    """What an answer that is no file asks for."""

    AGAIN = "again"
    """The server or the line is not well: later, the same."""
    RENEW = "renew"
    """The address is used up: ask for a new one."""
    CHANGED = "changed"
    """The file is another one than the one begun: from the start."""
    FINAL = "final"
    """It will not be had from here."""


class Problem(Exception):  # noqa: N818  (most are no errors, but reasons to try again)
    """Why an answer is not the file that was asked for, in words a person can act on."""

    def __init__(self, kind: Kind, what: str, *, got: str | None = None, fix: str | None = None, after: float | None = None) -> None:
        super().__init__(what)
        # A server's words are one line, whatever it sends.
        self.kind, self.what, self.got, self.fix = kind, what, " ".join(got.split()) if got else got, fix
        self.after = after
        """Seconds that the server asked to wait."""
        self.wants_key = False
        """Whether a key might help."""
        self.closes = kind is Kind.AGAIN
        """Whether nothing else will be had from that server either: it is not well however often it is asked, or it refuses us."""


def client(waits: Waits, connections: int) -> httpx.Client:
    """A client that follows nothing by itself, decodes nothing, and says who it is.

    Redirects are followed by hand: httpx would hand a key on to the next host. No transport is given: that would
    switch the environment's proxies off.
    """
    try:
        made = httpx.Client(
            follow_redirects=False,
            headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(connect=waits.connect, read=waits.read, write=30.0, pool=None),
            limits=httpx.Limits(max_connections=connections + 1, max_keepalive_connections=connections + 1),
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        fix = "look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        raise WrongUsageError("the environment's proxy or certificates cannot be used", got=error, fix=fix) from error
    # Four times httpcore's own: a third of a download's time on the processor is turns of the interpreter.
    httpcore.HTTP11Connection.READ_NUM_BYTES = _READ
    # No server needs to know us again, and none gets what another one set.
    made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made


def plain(url: str) -> str:
    """An address without its query, as a signed one is a credential for an hour, and without a name and password."""
    scheme, mark, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def head_of(response: httpx.Response) -> bytes:
    """The first bytes of an answer that is being streamed; the rest is not read."""
    found = b""
    try:
        for chunk in response.iter_raw():
            found += chunk
            if len(found) >= HEAD:
                break
    except httpx.TransportError:
        pass
    return found[:HEAD]


def problem_of(status: int, headers: Mapping[str, str], head: bytes, now: dt.datetime | None = None) -> Problem:
    """What an answer means that is neither 200 nor 206, or whose body is a page where a file belongs."""
    message = _message(head)
    got = message or f"{status} {headers.get('content-type', 'without type').partition(';')[0]}"
    after = retry_after(headers.get("retry-after"), now or dt.datetime.now(dt.UTC))
    answer = _Answer(status, "x-amzn-waf-action" in headers, head, message)
    kind, what, fix = next(then for fits, then in _MEANINGS if fits(answer))
    problem = Problem(kind, what, got=got, fix=fix, after=after)
    problem.closes |= kind is Kind.FINAL and (status in {202, 401, 405, 407} or (_is_html(head) and status == 403) or answer.challenged)
    problem.wants_key = status in {401, 403} and bool(message)
    return problem


def unreached(error: Exception) -> Problem:
    """That a server gave no answer."""
    fix = "is there a network, and does it want a proxy (HTTPS_PROXY)?"
    return Problem(Kind.AGAIN, UNREACHED, got=str(error) or type(error).__name__, fix=fix)


def is_page(head: bytes) -> bool:
    """Whether bytes begin a web page, XML or a JSON object: no published file does."""
    return _is_html(head) or _is_xml(head) or head.lstrip()[:1] == b"{"


def retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date; ``None`` without a readable one."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, (then if then.tzinfo else then.replace(tzinfo=dt.UTC)).timestamp() - now.timestamp())


_OTHER = "try again later, or name another --source"


def _is_html(head: bytes) -> bool:
    start = head.lstrip()[:256].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _is_xml(head: bytes) -> bool:
    return head.lstrip().startswith((b"<?xml", b"<Error"))


def _message(head: bytes) -> str:
    """What a JSON answer says, or nothing."""
    try:
        said = json.loads(head)
        return str(said.get("message", "")) if isinstance(said, dict) else ""
    except (ValueError, RecursionError):
        return ""


@dataclass(frozen=True)
class _Answer:
    status: int
    challenged: bool
    """Whether the firewall says that it stands in the way."""
    head: bytes
    message: str


_MEANINGS: tuple[tuple[Callable[[_Answer], bool], tuple[Kind, str, str | None]], ...] = (
    # The order matters: a firewall answers with any status.
    (lambda a: a.challenged or a.status in {202, 405}, (Kind.FINAL, "the server's firewall wants a browser", _OTHER)),
    (lambda a: a.status == 403 and b"expired" in a.head, (Kind.RENEW, "the signed address has expired", None)),
    (lambda a: a.status == 403 and _is_xml(a.head), (Kind.RENEW, "the storage refuses the signed address", _OTHER)),
    (lambda a: a.status == 403 and _is_html(a.head), (Kind.FINAL, "the server's firewall refuses this machine or program", _OTHER)),
    (
        lambda a: a.status == 407,
        (Kind.FINAL, "the proxy wants a name and password", "give them in HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT"),
    ),
    (lambda a: a.status == 401, (Kind.FINAL, "the server refuses the key", "unset HAM_DATAVERSE_KEY: this record needs none")),
    (
        lambda a: a.status == 400 and "guestbook" in a.message.lower(),
        (Kind.FINAL, "the server wants a person to fill in a guestbook", "download the file in a browser, then ham fetch --source FOLDER"),
    ),
    (lambda a: a.status in {301, 302, 303, 307, 308}, (Kind.RENEW, "the server redirects without an end", _OTHER)),
    # What Dataverse says to it is misleading: for a missing file it names a missing endpoint.
    (lambda a: a.status == 404, (Kind.FINAL, MISSING, _OTHER)),
    (lambda a: a.status in {412, 416}, (Kind.CHANGED, "the file was replaced there", None)),
    (lambda a: a.status == 429, (Kind.AGAIN, "the server has too much to do", _OTHER)),
    (lambda a: a.status in {408, 425} or a.status >= 500, (Kind.AGAIN, "the server is not well", _OTHER)),
    (lambda a: a.status in {200, 206}, (Kind.AGAIN, "the server sends a page where a file belongs", _OTHER)),
    (lambda _: True, (Kind.FINAL, "the server refuses", _OTHER)),
)
"""What tells an answer, with what it means and what to do next."""
