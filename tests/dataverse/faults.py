"""What goes wrong on the way, as it was seen to go wrong: each turns the right answer into a wrong one."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

from tests.dataverse import words
from tests.dataverse.access import SERVED, error, redirect, said
from tests.dataverse.messages import Answer, Asked, Content, Origin, Slice, answer
from tests.dataverse.store import expired, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.dataverse.messages import Ending, Framing
    from tests.dataverse.setup import Setup

Refusing = Literal[
    "waf202",  # the firewall's challenge: nothing, and a success
    "captcha405",
    "html403",  # Apache's page, for agents that begin as ``agents`` do
    "edge403",  # the balancer's page of 118 bytes
    "429",  # HTML; Retry-After as ``retry_after`` says, if it does
    "429json",  # Dataverse's own limit, which has no Retry-After
    "500xml",  # the store's InternalError
    "502",
    "503",
    "503json",  # an API that its administrator shut
    "503xml",  # the store's SlowDown
    "504",
    "maintenance200",  # HTML where JSON was asked for
    "not_authorized403",
    "lost404",
    "expired403",
    "redirect",  # to ``to``
    "redirect_loop",
    "no_location",
    "deep_json",  # ``count`` lists in each other
    "long_json",  # of ``count`` bytes and more
    "answer",  # ``status``, ``headers``, ``body``
]
Breaking = Literal[
    "truncate",  # fewer bytes than Content-Length, then a FIN
    "truncate_chunked",
    "truncate_close",  # no Content-Length, and an end that looks like one
    "reset",  # a RST once ``after`` bytes have arrived
    "stall",  # nothing more for ``seconds``, or for ever
    "drip",  # ``rate`` bytes a second
    "slow",  # ``seconds`` before anything
    "hang",  # nothing at all
    "silence",  # closed without an answer
    "endless_headers",
    "endless_body",  # ``count`` bytes at most
    "chunked",  # whole, in chunks
    "close",  # whole, and its end is the connection's
    "wrong_bytes",  # the one at ``after`` is another
    "gzip",  # encoded, though nobody asked
    "disposition",  # ``value`` for Content-Disposition
    "no_etag",
    "replaced",  # ``data`` takes the file's place after ``after`` bytes of the old
]
Ranging = Literal[
    "ignore_range",  # 200 and everything
    "wrong_start",  # 206 from ``count``, said and done
    "wrong_total",
    "no_content_range",
    "short_range",  # a part of what was asked for, which is allowed
]
Kind = Refusing | Breaking | Ranging
KINDS: tuple[str, ...] = tuple(itertools.chain(*map(get_args, (Refusing, Breaking, Ranging))))
"""Every kind of fault."""

AGENTS = ("python-requests/", "Python-urllib/", "python-httpx/")
_ZEROS = Content(bytes(1 << 20))


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with the next requests that fit."""

    origin: Origin
    kind: Kind
    name: str | None = None
    """The published file whose requests fit, or ``listing`` for the dataset's JSON; any when ``None``."""
    when: Callable[[Asked], bool] | None = None
    """What else must hold of a request."""
    times: int | None = 1
    """How many requests meet it; all when ``None``."""
    skip: int = 0
    """How many that fit pass before."""
    after: int | None = None
    """Bytes of the body that come before; half of it when ``None``."""
    seconds: float | None = None
    rate: float = 1000
    retry_after: int | str | None = None
    """Seconds or a date."""
    to: str = "http://192.0.2.1/elsewhere"
    agents: Sequence[str] = AGENTS
    value: str = 'attachment; filename="../../etc/passwd"'
    data: bytes = b""
    count: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    met: int = 0
    """How many requests met it."""

    def fits(self, asked: Asked, name: str | None) -> bool:
        """Whether a request meets it; counts those that do."""
        agent = asked.headers.get("user-agent", "")
        fits = (
            (asked.origin == self.origin and self.name in {None, name})
            and (self.when is None or self.when(asked))
            and (self.kind not in get_args(Ranging) or "range" in asked.headers)
            and (self.kind != "html403" or agent.startswith(tuple(self.agents)))
            and (self.times is None or self.met < self.times)
        )
        if fits and self.skip:
            self.skip -= 1
            return False
        self.met += fits
        return fits


def spoilt(fault: Fault, setup: Setup, asked: Asked, respond: Callable[[Asked], Answer]) -> Answer:
    """The wrong answer to a request; ``respond`` makes right ones."""
    if fault.kind in get_args(Refusing):
        return _refused(fault, setup, asked)
    if fault.kind == "ignore_range":
        return respond(replace(asked, headers={n: v for n, v in asked.headers.items() if n not in {"range", "if-range"}}))
    made = respond(asked)
    if fault.kind in get_args(Ranging):
        if made.status == 206:
            _range(fault, made)
    else:
        _broken(fault, made)
    return made


def _refused(fault: Fault, setup: Setup, asked: Asked) -> Answer:
    kind = fault.kind
    retry = [("Retry-After", str(fault.retry_after))] if fault.retry_after is not None else []
    plain: dict[str, Callable[[], Answer]] = {
        "waf202": lambda: answer(202, b"", None, ("x-amzn-waf-action", "challenge"), ("Server", "awselb/2.0")),
        "captcha405": lambda: _captcha(asked),
        "html403": lambda: answer(403, words.APACHE_403, "text/html; charset=iso-8859-1", SERVED),
        "edge403": lambda: answer(403, words.edge("403 Forbidden"), "text/html", ("Server", "awselb/2.0")),
        "429": lambda: answer(429, words.TOO_MANY, "text/html", *retry),
        "429json": lambda: error(429, words.RATE_LIMIT),
        "500xml": lambda: refusal(500, "InternalError", "We encountered an internal error. Please try again."),
        "502": lambda: answer(502, words.edge("502 Bad Gateway"), "text/html", *retry),
        "503": lambda: answer(503, words.edge("503 Service Temporarily Unavailable"), "text/html", *retry),
        "503json": lambda: said(503, {"status": "error", "message": words.BLOCKED}),
        "503xml": lambda: refusal(503, "SlowDown", "Please reduce your request rate."),
        "504": lambda: answer(504, words.edge("504 Gateway Time-out"), "text/html", *retry),
        "maintenance200": lambda: answer(200, words.MAINTENANCE, "text/html; charset=UTF-8", SERVED),
        "not_authorized403": lambda: error(403, words.NOT_AUTHORIZED, asked),
        "lost404": lambda: error(404, words.LOST.format(asked.path.rpartition("/")[2]), asked),
        "expired403": lambda: expired(setup, setup.now() - setup.url_expires - 60, setup.url_expires),
        "redirect": lambda: redirect(fault.status or 303, fault.to),
        "redirect_loop": lambda: redirect(fault.status or 303, f"http://{asked.headers.get('host', '')}{asked.target}"),
        "no_location": lambda: redirect(fault.status or 303, None),
        "deep_json": lambda: _deep(fault.count or 100_000),
        "long_json": lambda: _long(fault.count or 64 << 20),
        "answer": lambda: answer(fault.status or 200, fault.body, None, *fault.headers.items()),
    }
    return plain[kind]()


def _captcha(asked: Asked) -> Answer:
    body = words.CAPTCHA if "text/html" in asked.headers.get("accept", "") else b""
    return answer(405, body, "text/html; charset=UTF-8", ("x-amzn-waf-action", "captcha"), ("Server", "awselb/2.0"))


def _deep(count: int) -> Answer:
    return answer(200, b'{"status":"OK","data":' + b"[" * count + b"]" * count + b"}", "application/json")


def _long(count: int) -> Answer:
    """A right document that does not end soon: entries of files that nobody published."""
    entry = {"label": "x" * 4000 + ".zip", "restricted": False, "dataFile": {"id": 1, "filesize": 1, "md5": "0" * 32}}
    written = json.dumps(entry, separators=(",", ":")).encode() + b","
    start, item, end = (Content(b) for b in (b'{"status":"OK","data":{"files":[', written * 200, written[:-1] + b"]}}"))
    made = Answer(200, [("Content-Type", "application/json")], framing="chunked")
    made.carry(*(Slice(c, 0, c.size) for c in (start, *itertools.repeat(item, count // item.size + 1), end)))
    return made


_ENDINGS: dict[str, Ending] = {
    "truncate": "cut",
    "truncate_chunked": "cut",
    "truncate_close": "cut",
    "replaced": "cut",
    "reset": "reset",
    "stall": "stall",
    "hang": "hang",
    "silence": "silence",
    "endless_headers": "endless headers",
}
_FRAMINGS: dict[str, Framing] = {"truncate_chunked": "chunked", "truncate_close": "close", "chunked": "chunked", "close": "close"}


def _broken(fault: Fault, made: Answer) -> None:
    made.ending = _ENDINGS.get(fault.kind, made.ending)
    made.framing = _FRAMINGS.get(fault.kind, made.framing)
    made.after, made.pause = fault.after, fault.seconds
    match fault.kind:
        case "endless_body":
            whole = Slice(_ZEROS, 0, _ZEROS.size)
            made.body, made.framing = itertools.repeat(whole, (fault.count or 1 << 30) // _ZEROS.size), "chunked"
        case "drip":
            made.rate = fault.rate
        case "slow":
            made.delay = fault.seconds or 1
        case "wrong_bytes":
            _wrong(made, fault.after)
        case "gzip":
            packed = gzip.compress(_read(made), 1, mtime=0)
            made.carry(Slice(Content(packed), 0, len(packed)))
            made.put("Content-Encoding", "gzip")
        case "disposition":
            made.put("Content-Disposition", fault.value)
        case "no_etag":
            made.put("ETag", None)


def _read(made: Answer) -> bytes:
    return b"".join(s.content.part(s.start, s.stop) for s in made.body)


def _wrong(made: Answer, at: int | None) -> None:
    if not made.length:
        return
    (whole,) = made.body
    place = whole.start + (made.length // 2 if at is None else at)
    flipped = bytes([whole.content.part(place, place + 1)[0] ^ 0xFF])
    made.carry(replace(whole, stop=place), Slice(Content(flipped), 0, 1), replace(whole, start=place + 1))


def _range(fault: Fault, made: Answer) -> None:
    (whole,) = made.body
    start, stop, total = whole.start, whole.stop, whole.content.size
    if fault.kind == "no_content_range":
        made.put("Content-Range", None)
        return
    if fault.kind == "wrong_start":
        start = fault.count if fault.count is not None else 0 if start else 1
    if fault.kind == "wrong_total":
        total += fault.count or 1
    if fault.kind == "short_range":
        stop = start + (fault.count or max(1, (stop - start) // 2))
    made.put("Content-Range", f"bytes {start}-{stop - 1}/{total}")
    made.carry(replace(whole, start=start, stop=stop))
