"""A download over real sockets: from a small Dataverse and its store, with everything that goes wrong there."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ham_cli import http
from ham_cli import record as records
from ham_cli.download import Download, Limiter, Order
from ham_cli.findings import Advanced, Note, Started
from ham_cli.http import Kind, Problem, Waits
from ham_cli.sources import Bucket, Dataverse, Mirror
from tests import small as s
from tests.dataverse import KEY, Servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.record import PublishedFile
    from ham_cli.sources import Source
    from tests.small import Small

QUICK = Waits(connect=5, read=2, first=0.01, longest=0.05, obeyed=0.2, attempts=4)
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

    def file(self, name: str) -> PublishedFile:
        return next(f for f in (*self.record.files, *self.record.bucket_files) if name in f.names)

    def __call__(self, name: str = s.PART_1, *, source: str = "dataverse", key: str | None = None, md5: str | None = None) -> bytes:
        """Download a file; its bytes."""
        md5 = md5 or (s.md5(BIG) if name == s.PART_1 else self.file(name).md5)
        with http.client(QUICK, 4) as client:
            sources: dict[str, Source] = {
                "dataverse": Dataverse(self.record, client, key=key),
                "isic": Bucket(self.record, client),
                "mirror": Mirror(self.record, client, self.servers.mirror),
            }
            file = self.file(name)
            wanted = Order(name, self.where / "here" / file.received_name, sources[source].address_of(file), md5=md5)
            self.download = Download(wanted, client, QUICK, Limiter(None), 4)
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
def test_after_a_fault_the_right_file_arrives(  # noqa: PLR0913
    origin: str, kind: str, options: dict[str, Any], skip: int, fetcher: Fetcher, servers: Servers
) -> None:
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
    with http.client(QUICK, 4) as client:
        order = Order(s.PART_1, fetcher.where / "here" / s.PART_1, Dataverse(fetcher.record, client).address_of(file), md5=s.md5(BIG))
        running = Download(order, client, QUICK, Limiter(None), 4).run()
        seen = 0
        for event in running:
            seen += event.amount if isinstance(event, Advanced) else 0
            if seen > 3 << 20:
                break
        running.close()  # type: ignore[attr-defined]
    servers.rate = None
    assert fetcher() == BIG
    assert servers.sent(s.PART_1) < len(BIG) + 4 * (1 << 20)


SCRIPT = """
import sys
from pathlib import Path
from ham_cli import http, record
from ham_cli.download import Download, Limiter, Order
from ham_cli.sources import Dataverse
pinned, target, md5 = record.load(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
file = next(f for f in pinned.files if f.name == sys.argv[4])
waits = http.Waits(first=0.01)
with http.client(waits, 4) as client:
    order = Order(file.name, target, Dataverse(pinned, client).address_of(file), md5=md5)
    for _ in Download(order, client, waits, Limiter(None), 4).run():
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


def test_a_limited_rate_is_kept(fetcher: Fetcher) -> None:
    limiter = Limiter(1000)
    assert [round(limiter.passed(500), 1) for _ in range(3)] == [0.5, 1.0, 1.5]
    assert Limiter(None).passed(10**9) == 0
    assert fetcher.events == []


def test_what_a_problem_asks_for_is_one_of_four_things() -> None:
    assert {kind.value for kind in Kind} == {"again", "renew", "changed", "final"}
