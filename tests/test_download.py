"""A download over real sockets: from a small Dataverse and its store, with everything that goes wrong there."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ham_cli import http
from ham_cli import record as records
from ham_cli.download import Download, Limiter, Order, StoppedError, Wire, resumable
from ham_cli.findings import Advanced, Note, Started
from ham_cli.http import Kind, Problem
from ham_cli.sources import Bucket, Dataverse, Mirror
from tests import small as s
from tests.dataverse import KEY, Servers
from tests.patience import PATIENT, PROMPTLY, STEADY, patience, stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from ham_cli.findings import Event
    from ham_cli.record import PublishedFile
    from tests.small import Small

BIG = random.Random(7).randbytes((10 << 20) + 4321)  # noqa: S311
"""A file of three pieces."""


@pytest.fixture
def servers(small: Small) -> Iterator[Servers]:
    """The small record's servers, with one file of three pieces among its own."""
    with Servers(small.facts, small.zips | small.tables | {s.PART_1: BIG}) as running:
        yield running


class Fetcher:
    """Downloads files of a record from its servers."""

    def __init__(self, servers: Servers, small: Small, where: Path) -> None:
        self.servers, self.where = servers, where
        self.record = records.load(servers.record(small.record, where))
        self.events: list[Event] = []
        self.download: Download | None = None
        self.waits = STEADY

    def file(self, name: str) -> PublishedFile:
        return next(f for f in (*self.record.files, *self.record.bucket_files) if name in f.names)

    def __call__(
        self, name: str = s.PART_1, *, source: str = "dataverse", key: str | None = None, md5: str | None = None, size: int | None = None
    ) -> bytes:
        """Download a file, of which some size is published; its bytes."""
        md5 = md5 or (s.md5(BIG) if name == s.PART_1 else self.file(name).md5)
        with http.client(self.waits, 4) as client:
            sources: dict[str, Bucket | Dataverse | Mirror] = {
                "dataverse": Dataverse(self.record, client, key=key),
                "isic": Bucket(self.record, client),
                "mirror": Mirror(client, self.servers.mirror, self.record.files),
            }
            file = self.file(name)
            wanted = Order(name, self.where / "here" / file.received_name, sources[source].address_of(file), size, md5)
            self.download = Download(wanted, Wire(client, self.waits), 4)
            for event in self.download.run():
                self.events.append(event)
        assert self.download.received is not None
        return wanted.target.read_bytes()

    @property
    def notes(self) -> str:
        return "\n".join(event.text for event in self.events if isinstance(event, Note))


@pytest.fixture
def fetcher(servers: Servers, small: Small, tmp_path: Path) -> Fetcher:
    """Downloads from the small record's servers."""
    return Fetcher(servers, small, tmp_path)


def test_a_file_arrives_whole_in_pieces_and_nothing_is_asked_twice(fetcher: Fetcher, servers: Servers) -> None:
    assert fetcher() == BIG
    assert [p.name for p in (fetcher.where / "here").iterdir()] == [s.PART_1]
    assert servers.sent(s.PART_1) == len(BIG) + 1  # and the one byte that told its size
    assert sum(e.amount for e in fetcher.events if isinstance(e, Advanced)) == len(BIG)
    assert [e.total for e in fetcher.events if isinstance(e, Started)] == [len(BIG)]
    assert servers.downloads_counted == 1


def test_a_table_is_asked_for_as_it_was_uploaded(fetcher: Fetcher, small: Small, servers: Servers) -> None:
    assert fetcher("HAM10000_metadata.tab") == small.tables[s.METADATA]
    assert all(r.query.get("format") == "original" for r in servers.requests if r.origin == "dataverse")


@pytest.mark.parametrize("source", ["isic", "mirror"])
def test_the_bucket_and_a_mirror_serve_their_files(source: str, fetcher: Fetcher, small: Small) -> None:
    name = s.VALIDATION_INPUT if source == "isic" else s.MASKS
    assert fetcher(name, source=source) == small.zips[name]


@pytest.mark.parametrize(
    ("origin", "kind", "options"),
    [
        ("dataverse", "502", {}),
        ("dataverse", "503", {"retry_after": 1, "times": 2}),
        ("dataverse", "429", {"retry_after": "Mon, 23 Nov 2020 12:00:00 GMT"}),
        ("dataverse", "429json", {}),
        ("dataverse", "silence", {}),
        ("dataverse", "no_location", {}),
        ("s3", "503xml", {"times": 3}),
        ("s3", "500xml", {}),
        ("s3", "silence", {"times": 2}),
        ("s3", "truncate", {"after": 300_000, "times": 3}),
        ("s3", "truncate_chunked", {"after": 300_000}),
        ("s3", "truncate_close", {"after": 300_000}),
        ("s3", "reset", {"after": 300_000, "times": 3}),
        ("s3", "stall", {"after": 300_000}),
        ("s3", "short_range", {"times": 3}),
        ("s3", "expired403", {}),
        ("s3", "chunked", {}),
        ("s3", "close", {}),
        ("s3", "gzip", {}),
        ("s3", "no_etag", {"times": None}),
        ("s3", "ignore_range", {"times": None}),
        ("s3", "wrong_start", {}),
        ("s3", "wrong_total", {}),
        ("s3", "no_content_range", {}),
        ("s3", "wrong_bytes", {"after": 5}),
        ("s3", "disposition", {"times": None}),
    ],
)
@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.thinned(4)
def test_after_a_fault_the_right_file_arrives(  # noqa: PLR0913
    origin: str, kind: str, options: dict[str, Any], skip: int, fetcher: Fetcher, servers: Servers
) -> None:
    fetcher.waits = patience(kind)
    servers.fault(origin, kind, name=s.PART_1, skip=skip if origin == "s3" and options.get("times", 1) else 0, **options)  # type: ignore[arg-type]
    assert fetcher() == BIG
    assert [p.name for p in (fetcher.where / "here").iterdir()] == [s.PART_1]


@pytest.mark.parametrize(
    ("origin", "kind", "options", "words"),
    [
        ("dataverse", "waf202", {}, "firewall wants a browser"),
        ("dataverse", "captcha405", {}, "firewall wants a browser"),
        ("dataverse", "edge403", {}, "firewall refuses this machine"),
        ("dataverse", "not_authorized403", {}, "the server refuses"),
        ("dataverse", "lost404", {}, "no such file"),
        ("dataverse", "redirect", {"to": "http://192.0.2.1/elsewhere"}, "unsafe address"),
        ("dataverse", "redirect", {"to": "file:///etc/passwd"}, "unsafe address"),
        ("dataverse", "504", {"times": None}, "not well"),
        ("s3", "reset", {"times": None, "after": 0}, "the connection broke"),
        ("s3", "wrong_bytes", {"times": None, "after": 5}, "another MD5"),
    ],
)
def test_what_cannot_be_had_is_said_in_words_and_leaves_no_file(  # noqa: PLR0913
    origin: str, kind: str, options: dict[str, Any], words: str, fetcher: Fetcher, servers: Servers
) -> None:
    servers.fault(origin, kind, name=s.PART_1, **options)  # type: ignore[arg-type]
    with pytest.raises(Problem, match=words) as found:
        fetcher()
    assert found.value.what
    assert not (fetcher.where / "here" / s.PART_1).exists()


def test_a_guestbook_is_not_filled_in(fetcher: Fetcher, servers: Servers) -> None:
    servers.guestbook = 380
    with pytest.raises(Problem, match="guestbook"):
        fetcher()
    assert {r.method for r in servers.requests} == {"GET"}


@pytest.mark.parametrize("kind", [None, "ignore_range"])
def test_a_size_that_differs_is_reported_and_the_md5_decides(kind: Any, fetcher: Fetcher, servers: Servers) -> None:  # noqa: ANN401
    if kind:
        servers.fault("s3", kind, times=None)
    for size in (1, len(BIG) // 3, len(BIG) * 3):
        fetcher.events = []
        assert fetcher(size=size) == BIG
        assert fetcher.notes == f"{s.PART_1}: {len(BIG)} bytes arrived, and {size} are published; its MD5 decides"


@pytest.mark.parametrize(("kind", "sent"), [(None, 1), ("ignore_range", 22 << 20)])
def test_what_is_far_more_than_is_published_is_not_fetched_to_its_end(kind: Any, sent: int, fetcher: Fetcher, servers: Servers) -> None:  # noqa: ANN401
    servers.replace(s.PART_1, bytes(40 << 20))
    if kind:
        servers.fault("s3", kind, times=None)
    with pytest.raises(Problem, match="than is published") as found:
        fetcher(size=1 << 20)
    assert found.value.kind is Kind.FINAL
    assert str(found.value.got).endswith(f"{18 << 20}" if kind is None else f"more than {18 << 20} bytes")
    assert servers.sent(s.PART_1) <= sent


def test_an_address_that_expires_on_the_way_is_asked_for_anew_and_the_file_goes_on(fetcher: Fetcher, servers: Servers) -> None:
    servers.fault("s3", "expired403", name=s.PART_1, skip=3)
    assert fetcher() == BIG
    asked = [r for r in servers.requests if r.origin == "dataverse"]
    assert [r.query.get("gbrecs") for r in asked] == [None, "true"]
    assert servers.sent(s.PART_1) == len(BIG) + 1


def test_a_file_that_is_replaced_on_the_way_is_begun_again(fetcher: Fetcher, servers: Servers) -> None:
    other = BIG[::-1]
    servers.fault("s3", "replaced", name=s.PART_1, skip=2, after=100_000, data=other)
    assert fetcher(md5=s.md5(other)) == other
    assert "begun again" in fetcher.notes


def test_a_key_is_sent_only_to_the_server_that_asks_for_one(fetcher: Fetcher, servers: Servers) -> None:
    assert fetcher(s.MASKS, key=KEY)
    assert not any("x-dataverse-key" in r.headers for r in servers.requests)
    servers.fault("dataverse", "not_authorized403", name=s.PART_1)
    assert fetcher(key=KEY) == BIG
    assert [r.origin for r in servers.requests if "x-dataverse-key" in r.headers] == ["dataverse"]
    assert not any("cookie" in r.headers or "authorization" in r.headers for r in servers.requests if r.origin == "s3")


def test_no_signature_stands_in_what_is_kept_or_said(fetcher: Fetcher) -> None:
    fetcher()
    assert fetcher.download is not None
    assert fetcher.download.received is not None
    assert "?" not in fetcher.download.received.url
    assert "Signature" not in repr(fetcher.events)


def test_a_download_that_is_left_goes_on_where_it_was(fetcher: Fetcher, servers: Servers) -> None:
    servers.rate = 2e6
    file = fetcher.file(s.PART_1)
    with http.client(STEADY, 4) as client:
        order = Order(s.PART_1, fetcher.where / "here" / s.PART_1, Dataverse(fetcher.record, client).address_of(file), md5=s.md5(BIG))
        running = Download(order, Wire(client, STEADY), 4).run()
        seen = 0
        for event in running:
            seen += event.amount if isinstance(event, Advanced) else 0
            if seen > 3 << 20:
                break
        running.close()  # type: ignore[attr-defined]
    servers.rate = None
    there, before = resumable(order.target), len(servers.of_file(s.PART_1, "s3"))
    assert fetcher() == BIG
    assert sent_after(servers, before) == len(BIG) - there + 1
    assert there >= 3 << 20
    assert (told(fetcher), advanced(fetcher)) == ([(len(BIG), there)], len(BIG) - there)


def sent_after(servers: Servers, requests: int) -> int:
    """Bytes of the file of three pieces that were sent to all but so many requests: to those of a later download."""
    return sum(r.sent for r in servers.of_file(s.PART_1, "s3")[requests:])


def some(fetcher: Fetcher, only: list[tuple[int, int]], leave: int | None = None, connections: int = 4) -> Download:
    """Download some ranges of the file of three pieces; with ``leave`` only about so many bytes of them."""
    file = fetcher.file(s.PART_1)
    with http.client(fetcher.waits, connections) as client:
        order = Order(s.PART_1, fetcher.where / "here" / s.PART_1, Dataverse(fetcher.record, client).address_of(file))
        download = Download(order, Wire(client, fetcher.waits), connections, only=only)
        fetcher.events, running, seen = [], download.run(), 0
        for event in running:
            fetcher.events.append(event)
            seen += event.amount if isinstance(event, Advanced) else 0
            if leave is not None and seen >= leave:
                break
        running.close()  # type: ignore[attr-defined]
    return download


WANTED = [(6 << 20, (10 << 20) + 4321), (100, 5_000), (1 << 20, (1 << 20) + 300_000), (5_000, 6_000)]
"""Ranges in no order; two of them touch, and one is more than a piece."""
BYTES = sum(end - start for start, end in WANTED)


def holds(download: Download, wanted: list[tuple[int, int]] = WANTED) -> bool:
    """Whether a part is as long as the file and has its bytes where they were wanted."""
    part = download.part.read_bytes()
    return len(part) == len(BIG) and all(part[start:end] == BIG[start:end] for start, end in wanted)


def told(fetcher: Fetcher) -> list[tuple[int, int]]:
    """What was said to be wanted, and to be there."""
    return [(e.total, e.already) for e in fetcher.events if isinstance(e, Started)]


def advanced(fetcher: Fetcher) -> int:
    return sum(e.amount for e in fetcher.events if isinstance(e, Advanced))


def test_ranges_arrive_in_a_part_with_holes_and_nothing_else_is_asked_for(fetcher: Fetcher, servers: Servers) -> None:
    download = some(fetcher, WANTED)
    assert holds(download)
    assert download.received is None
    assert (told(fetcher), advanced(fetcher)) == ([(BYTES, 0)], BYTES)
    assert servers.sent(s.PART_1) == BYTES + 1
    assert resumable(download.order.target) == BYTES
    assert sorted(p.name for p in (fetcher.where / "here").iterdir()) == [download.part.name, f"{download.part.name}.journal"]
    part = download.part.read_bytes()
    assert not any(part[6_000 : 1 << 20])
    look, *asked = [str(r.range) for r in servers.of_file(s.PART_1, "s3")]
    assert look == "bytes=100-100"
    # Four connections ask at once: which of them the server hears first is not theirs to say.
    middle, rest, end = "bytes=1048576-1348575", "bytes=6291456-10485759", "bytes=10485760-10490080"
    assert sorted(asked) == sorted(["bytes=100-5999", middle, rest, end])


def test_ranges_that_are_there_are_not_asked_for_again_and_need_no_network(fetcher: Fetcher, servers: Servers) -> None:
    some(fetcher, WANTED)
    before = len(servers.requests)
    assert holds(some(fetcher, WANTED[1:]))
    assert len(servers.requests) == before
    assert (told(fetcher), advanced(fetcher)) == ([(BYTES - (4 << 20) - 4321, BYTES - (4 << 20) - 4321)], 0)


def test_no_ranges_are_no_bytes(fetcher: Fetcher, servers: Servers) -> None:
    assert holds(some(fetcher, []), [])
    assert servers.sent(s.PART_1) == 1
    assert told(fetcher) == [(0, 0)]


def test_after_some_ranges_the_whole_asks_only_for_the_rest(fetcher: Fetcher, servers: Servers) -> None:
    some(fetcher, WANTED)
    fetcher.events = []
    assert fetcher() == BIG
    assert servers.sent(s.PART_1) == len(BIG) + 2
    assert (told(fetcher), advanced(fetcher)) == ([(len(BIG), BYTES)], len(BIG) - BYTES)
    assert [p.name for p in (fetcher.where / "here").iterdir()] == [s.PART_1]


def test_after_all_of_it_in_ranges_the_whole_needs_no_network(fetcher: Fetcher, servers: Servers) -> None:
    some(fetcher, [(0, 1 << 20), (1 << 20, len(BIG) + 99)])
    before = len(servers.requests)
    assert fetcher() == BIG
    assert len(servers.requests) == before


def test_ranges_use_what_a_whole_one_left(fetcher: Fetcher, servers: Servers) -> None:
    servers.rate = 2e6
    file = fetcher.file(s.PART_1)
    with http.client(STEADY, 4) as client:
        order = Order(s.PART_1, fetcher.where / "here" / s.PART_1, Dataverse(fetcher.record, client).address_of(file), md5=s.md5(BIG))
        running = Download(order, Wire(client, STEADY), 4).run()
        while sum(e.amount for e in fetcher.events if isinstance(e, Advanced)) < 3 << 20:
            fetcher.events.append(next(running))
        running.close()  # type: ignore[attr-defined]
    servers.rate = None
    left, before = resumable(order.target), len(servers.of_file(s.PART_1, "s3"))
    download = some(fetcher, [(0, len(BIG) - 1000)])
    assert holds(download, [(0, len(BIG) - 1000)])
    assert told(fetcher) == [(len(BIG) - 1000, left)]
    assert left >= 3 << 20
    assert sent_after(servers, before) == len(BIG) - 1000 - left + 1


def test_ranges_that_were_left_go_on_where_they_were(fetcher: Fetcher, servers: Servers) -> None:
    servers.rate = 1e6
    some(fetcher, WANTED, leave=1 << 20)
    servers.rate = None
    there = resumable(fetcher.where / "here" / s.PART_1)
    before = len(servers.of_file(s.PART_1, "s3"))
    assert holds(some(fetcher, WANTED))
    assert sent_after(servers, before) == BYTES - there + 1
    assert told(fetcher) == [(BYTES, there)]
    assert there >= 1 << 20


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("503xml", {"times": 3}),
        ("silence", {"times": 2}),
        ("truncate", {"after": 100_000, "times": 3}),
        ("truncate_chunked", {"after": 100_000}),
        ("truncate_close", {"after": 100_000}),
        ("reset", {"after": 100_000, "times": 3}),
        ("stall", {"after": 100_000}),
        ("short_range", {"times": 3}),
        ("expired403", {}),
        ("no_etag", {"times": None}),
        ("no_etag", {}),
        ("wrong_start", {}),
        ("wrong_total", {}),
        ("no_content_range", {}),
    ],
)
@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.thinned(4)
def test_after_a_fault_the_right_ranges_arrive(kind: str, options: dict[str, Any], skip: int, fetcher: Fetcher, servers: Servers) -> None:
    fetcher.waits = patience(kind)
    servers.fault("s3", kind, name=s.PART_1, skip=skip if options.get("times", 1) else 0, **options)  # type: ignore[arg-type]
    assert holds(some(fetcher, WANTED))
    servers.heal()
    assert fetcher() == BIG


def test_an_address_that_expires_among_the_ranges_is_asked_for_anew(fetcher: Fetcher, servers: Servers) -> None:
    servers.fault("s3", "expired403", name=s.PART_1, skip=3)
    assert holds(some(fetcher, WANTED))
    assert servers.sent(s.PART_1) == BYTES + 1
    assert servers.downloads_counted == 1


def test_a_server_that_knows_no_ranges_is_not_asked_for_the_whole(fetcher: Fetcher, servers: Servers) -> None:
    servers.fault("s3", "ignore_range", name=s.PART_1, times=None)
    with pytest.raises(Problem, match="cannot send parts of a file") as found:
        some(fetcher, WANTED)
    assert found.value.kind is Kind.FINAL
    assert servers.sent(s.PART_1) < 4 << 20
    assert resumable(fetcher.where / "here" / s.PART_1) == 0


def test_a_file_that_is_replaced_among_the_ranges_leaves_nothing_of_the_old(fetcher: Fetcher, servers: Servers) -> None:
    other = BIG[::-1]
    servers.fault("s3", "replaced", name=s.PART_1, skip=2, after=1000, data=other)
    download = some(fetcher, WANTED, connections=1)
    assert "begun again" in fetcher.notes
    part = download.part.read_bytes()
    assert all(part[start:end] == other[start:end] for start, end in WANTED)


def test_what_a_replaced_file_left_is_not_taken_for_the_new_one(fetcher: Fetcher, servers: Servers) -> None:
    other = BIG[::-1]
    some(fetcher, WANTED)
    servers.replace(s.PART_1, other)
    assert fetcher(md5=s.md5(other)) == other


def test_what_is_discarded_is_gone(fetcher: Fetcher) -> None:
    download = some(fetcher, WANTED)
    download.discard()
    assert list((fetcher.where / "here").iterdir()) == []
    download.discard()


def test_a_thousand_small_ranges_cost_a_request_each_and_hardly_a_connection(fetcher: Fetcher, servers: Servers) -> None:
    wanted = [(at, at + 5000) for at in range(0, len(BIG), 10_000)]
    assert holds(some(fetcher, wanted), wanted[:-1])
    assert len(servers.of_file(s.PART_1, "s3")) == len(wanted) + 1
    assert len({r.connection for r in servers.of_file(s.PART_1, "s3")}) <= 5


# Stopped, from another thread.


def silent(fetcher: Fetcher, client: httpx.Client, limiter: Limiter | None = None, only: list[tuple[int, int]] | None = None) -> Download:
    """A download that waits long for everything."""
    address_of = Dataverse(fetcher.record, client).address_of(fetcher.file(s.PART_1))
    order = Order(s.PART_1, fetcher.where / "here" / s.PART_1, address_of, md5=s.md5(BIG))
    return Download(order, Wire(client, PATIENT, limiter or Limiter(None)), 4, only)


def consumed(download: Download) -> None:
    """Run a download to its end."""
    for _ in download.run():
        pass


@pytest.mark.parametrize("only", [None, WANTED])
@pytest.mark.parametrize(
    ("origin", "kind", "options"),
    [
        ("dataverse", "hang", {}),  # while it is asked where the file is
        ("dataverse", "503", {"retry_after": 90}),  # while it waits to ask again
        ("s3", "hang", {}),
        ("s3", "503xml", {"skip": 3}),
        ("s3", "reset", {"skip": 2, "after": 1000}),
        ("s3", "stall", {"skip": 1, "after": 1000, "times": None}),
    ],
)
@pytest.mark.thinned(4)
def test_a_run_that_is_stopped_ends_at_once_and_goes_on_later(  # noqa: PLR0913
    origin: Any,  # noqa: ANN401
    kind: Any,  # noqa: ANN401
    options: dict[str, Any],
    only: list[tuple[int, int]] | None,
    fetcher: Fetcher,
    servers: Servers,
) -> None:
    fault = servers.fault(origin, kind, **options)
    with http.client(PATIENT, 4) as client:
        download = silent(fetcher, client, only=only)
        assert stopped(partial(consumed, download), download.stop, lambda: fault.met > 0) < PROMPTLY
    servers.heal()
    assert fetcher() == BIG
    assert [p.name for p in (fetcher.where / "here").iterdir()] == [s.PART_1]


def test_a_run_at_a_limited_rate_is_stopped_at_once(fetcher: Fetcher, servers: Servers) -> None:
    with http.client(PATIENT, 4) as client:
        download = silent(fetcher, client, Limiter(1000))
        assert stopped(partial(consumed, download), download.stop, lambda: len(servers.of_file(s.PART_1, "s3")) > 2) < PROMPTLY


def test_a_file_in_one_stream_is_stopped_at_once(fetcher: Fetcher, servers: Servers) -> None:
    servers.fault("s3", "ignore_range", times=None)
    servers.rate = 1e5
    with http.client(PATIENT, 4) as client:
        download = silent(fetcher, client)
        assert stopped(partial(consumed, download), download.stop, lambda: servers.reached(s.PART_1, 10_000)) < PROMPTLY


def test_what_was_stopped_before_it_began_never_begins(fetcher: Fetcher, servers: Servers) -> None:
    with http.client(PATIENT, 4) as client:
        download = silent(fetcher, client)
        download.stop()
        for _ in range(2):
            with pytest.raises(StoppedError):
                next(iter(download.run()))
    assert servers.requests == []
    assert not (fetcher.where / "here").exists()


SCRIPT = """
import sys
from pathlib import Path
from ham_cli import http, record
from ham_cli.download import Download, Order, Wire
from ham_cli.sources import Dataverse
pinned, target, md5 = record.load(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
file = next(f for f in pinned.files if f.name == sys.argv[4])
waits = http.Waits(first=0.01)
with http.client(waits, 4) as client:
    order = Order(file.name, target, Dataverse(pinned, client).address_of(file), md5=md5)
    for _ in Download(order, Wire(client, waits), 4).run():
        pass
"""


@pytest.mark.slow
def test_kills_cost_at_most_a_megabyte_a_connection(fetcher: Fetcher, servers: Servers) -> None:
    target, kills = fetcher.where / "here" / s.PART_1, 6
    command = [sys.executable, "-c", SCRIPT, str(fetcher.where / "record.json"), str(target), s.md5(BIG), s.PART_1]
    servers.rate = 1.5e6
    for number in range(1, kills + 1):
        running = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert servers.reached(s.PART_1, number * len(BIG) // (kills + 2), seconds=30)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        assert running.returncode == -9
    servers.rate = None
    subprocess.run(command, check=True)
    assert hashlib.md5(target.read_bytes(), usedforsecurity=False).hexdigest() == s.md5(BIG)
    assert servers.sent(s.PART_1) <= len(BIG) + kills * 4 * (1 << 20)
    assert [p.name for p in target.parent.iterdir()] == [s.PART_1]


def test_a_limited_rate_is_kept() -> None:
    began, limiter = time.monotonic(), Limiter(1000)
    for seconds in (0.5, 1.0, 1.5):
        wait = limiter.passed(500)
        assert began + seconds - time.monotonic() <= wait <= seconds + 1e-6
    assert Limiter(None).passed(10**9) == 0


def test_what_a_problem_asks_for_is_one_of_four_things() -> None:
    assert {kind.value for kind in Kind} == {"again", "renew", "changed", "final"}
