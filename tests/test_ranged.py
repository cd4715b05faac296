"""A file read where it lies, by ranges; and small ones in memory, from any web server."""

from __future__ import annotations

import functools
import random
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http import server as http_server
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ham_cli import archives, http
from ham_cli import record as records
from ham_cli.download import Address, Download, Order, Ranged, StoppedError, Wire, get
from ham_cli.http import Kind, Problem
from ham_cli.sources import Dataverse
from tests import small as s
from tests.dataverse import Servers
from tests.patience import PATIENT, PROMPTLY, STEADY, patience, stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from ham_cli.http import Waits
    from tests.small import Small

MEMBERS = 3000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of 3000 members: 9 MB of them, and a directory of about 300 kB."""
    path, chance = tmp_path_factory.mktemp("zip") / "many.zip", random.Random(3)  # noqa: S311
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(MEMBERS):
            made.writestr(f"HAM10000_images_part_1_{'x' * 30}/ISIC_{number:07}.jpg", chance.randbytes(3000))
    return path


@pytest.fixture
def servers(small: Small, archive: Path) -> Iterator[Servers]:
    """The small record's servers, with the zip of many members among its own."""
    with Servers(small.facts, small.zips | small.tables | {s.PART_1: archive}) as running:
        yield running


class Opener:
    """Opens the zip where it lies."""

    def __init__(self, servers: Servers, small: Small, where: Path) -> None:
        self.record = records.load(servers.record(small.record, where))
        self.target = where / "here" / s.PART_1
        self.said: list[str] = []

    def order(self, client: httpx.Client) -> Order:
        file = next(f for f in self.record.files if s.PART_1 in f.names)
        return Order(s.PART_1, self.target, Dataverse(self.record, client).address_of(file))

    def __call__(self, client: httpx.Client, waits: Waits = STEADY, **more: Any) -> Ranged:  # noqa: ANN401  (options of Ranged)
        return Ranged(self.order(client), Wire(client, waits), self.said.append, **more)


@pytest.fixture
def opened(servers: Servers, small: Small, tmp_path: Path) -> Opener:
    """Opens the zip at the servers."""
    return Opener(servers, small, tmp_path)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A client."""
    with http.client(STEADY, 4) as made:
        yield made


def test_the_members_of_a_zip_cost_its_directory_and_two_requests(
    opened: Opener, client: httpx.Client, servers: Servers, archive: Path
) -> None:
    with zipfile.ZipFile(archive) as whole:
        directory = archive.stat().st_size - whole.start_dir
    assert directory > 300_000
    file = opened(client)
    assert archives.members(file) == archives.members(archive)
    assert servers.sent(s.PART_1) < directory + 200_000
    assert len(servers.of_file(s.PART_1, "s3")) == 2
    assert file.size == archive.stat().st_size
    assert servers.downloads_counted == 1


def test_the_members_that_are_wanted_are_read_from_a_part_with_holes(
    opened: Opener, client: httpx.Client, servers: Servers, archive: Path
) -> None:
    wanted = archives.members(opened(client))[::97]
    before = servers.sent(s.PART_1)
    download = Download(opened.order(client), Wire(client, STEADY), 4, only=[m.span for m in wanted])
    list(download.run())
    assert servers.sent(s.PART_1) - before == sum(m.end - m.offset for m in wanted) + 1
    for member in wanted:
        assert b"".join(archives.chunks(download.part, member)) == b"".join(archives.chunks(archive, member))
    with pytest.raises(archives.BadArchiveError):
        list(archives.chunks(download.part, archives.members(archive)[1]))


def test_it_reads_as_a_file_does(opened: Opener, client: httpx.Client, archive: Path) -> None:
    data, chance = archive.read_bytes(), random.Random(4)  # noqa: S311
    file = opened(client)
    with archive.open("rb") as here:
        for _ in range(60):
            place, count = chance.randrange(-200_000, 200_000), chance.choice([0, 1, 20, 70_000, 300_000])
            offset, whence = chance.choice([(abs(place) * 40, 0), (-abs(place), 2), (abs(place), 1)])
            assert file.seek(offset, whence) == here.seek(offset, whence)
            assert file.read(count) == here.read(count)
            assert file.tell() == here.tell()
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    file.seek(-1000, 2)
    assert file.read() == data[-1000:]
    assert (file.read(), file.read(5)) == (b"", b"")
    file.seek(7)
    buffer = bytearray(10)
    assert (file.readinto(buffer), bytes(buffer)) == (10, data[7:17])
    file.seek(0)
    assert file.readall() == data


def test_what_was_read_is_not_asked_for_again(opened: Opener, client: httpx.Client, servers: Servers) -> None:
    file = opened(client)
    for _ in range(3):
        file.seek(1000)
        assert len(file.read(200_000)) == 200_000
    assert [r.range for r in servers.of_file(s.PART_1, "s3")] == ["bytes=-65536", "bytes=1000-200999"]


def test_a_seek_before_the_beginning_is_the_systems_error(opened: Opener, client: httpx.Client) -> None:
    with pytest.raises(OSError, match="before the beginning"):
        opened(client).seek(-1)


def test_a_file_smaller_than_its_end_is_read_whole(opened: Opener, client: httpx.Client, servers: Servers) -> None:
    small = s.zipped({"a.txt": b"x"})
    servers.replace(s.PART_1, small)
    file = opened(client)
    assert [m.name for m in archives.members(file)] == ["a.txt"]
    assert servers.sent(s.PART_1) == len(small)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("503xml", {"times": 3}),
        ("silence", {"times": 2}),
        ("truncate", {"after": 30_000, "times": 3}),
        ("truncate_chunked", {"after": 30_000}),
        ("reset", {"after": 30_000, "times": 3}),
        ("stall", {"after": 30_000}),
        ("short_range", {}),
        ("expired403", {}),
        ("chunked", {}),
        ("no_etag", {}),
    ],
)
@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.thinned(4)
def test_after_a_fault_the_right_members_are_known(  # noqa: PLR0913
    kind: Any,  # noqa: ANN401
    options: dict[str, Any],
    skip: int,
    opened: Opener,
    servers: Servers,
    archive: Path,
) -> None:
    servers.fault("s3", kind, name=s.PART_1, skip=skip, **options)
    with http.client(patience(kind), 4) as client:
        assert archives.members(opened(client, patience(kind))) == archives.members(archive)


def refused(file: Ranged) -> Problem:
    with pytest.raises(Problem) as found:
        archives.members(file)
    return found.value


@pytest.mark.parametrize("etag", ["multipart", "weak", "none"])
def test_a_file_that_is_replaced_in_between_is_said_to_be(etag: Any, opened: Opener, client: httpx.Client, servers: Servers) -> None:  # noqa: ANN401
    servers.etag = etag
    file = opened(client)
    assert file.size
    servers.replace(s.PART_1, random.Random(5).randbytes(file.size + (etag == "none")))  # noqa: S311
    file.seek(0)
    with pytest.raises(Problem) as found:
        file.read(10)
    assert found.value.kind is Kind.CHANGED


@pytest.mark.parametrize("kind", ["wrong_start", "wrong_total", "no_content_range"])
def test_an_answer_for_another_range_is_not_taken(kind: Any, opened: Opener, client: httpx.Client, servers: Servers) -> None:  # noqa: ANN401
    servers.fault("s3", kind, skip=1)
    assert refused(opened(client)).kind is Kind.CHANGED


def test_a_server_that_knows_no_ranges_is_not_read(opened: Opener, client: httpx.Client, servers: Servers) -> None:
    servers.fault("s3", "ignore_range", times=None)
    problem = refused(opened(client))
    assert (problem.kind, problem.what) == (Kind.FINAL, "the server cannot send parts of a file")
    assert servers.sent(s.PART_1) < 4 << 20


def test_no_more_is_read_than_a_directory_can_have(opened: Opener, client: httpx.Client, servers: Servers) -> None:
    problem = refused(opened(client, most=100_000))
    assert problem.kind is Kind.FINAL
    assert "directory" in problem.what
    assert servers.sent(s.PART_1) <= 1 << 16


def test_what_a_server_says_of_its_size_takes_no_memory(opened: Opener, client: httpx.Client, servers: Servers) -> None:
    servers.fault("s3", "answer", status=206, body=b"x", headers={"Content-Range": f"bytes {(1 << 60) - 65536}-{(1 << 60) - 1}/{1 << 60}"})
    liar = opened(client)
    assert liar.size == 1 << 60
    with pytest.raises(Problem, match="larger than any that is read"):
        liar.read()


@pytest.mark.parametrize(
    ("origin", "kind", "options"),
    [
        ("dataverse", "hang", {}),
        ("dataverse", "503", {"retry_after": 90}),
        ("s3", "hang", {}),
        ("s3", "503xml", {"skip": 1}),
        ("s3", "stall", {"after": 1000}),
        ("s3", "stall", {"after": 1000, "skip": 1}),
    ],
)
def test_reading_is_stopped_at_once(origin: Any, kind: Any, options: dict[str, Any], opened: Opener, servers: Servers) -> None:  # noqa: ANN401
    fault = servers.fault(origin, kind, **options)
    with http.client(PATIENT, 4) as client:
        file = opened(client, PATIENT)
        assert stopped(lambda: archives.members(file), file.stop, lambda: fault.met > 0) < PROMPTLY


def test_what_was_stopped_before_it_is_read_asks_nothing(opened: Opener, client: httpx.Client, servers: Servers) -> None:
    file = opened(client)
    file.stop()
    with pytest.raises(StoppedError):
        file.read(1)
    assert servers.requests == []


# Small files, whole.


class Getter:
    """Gets small things by their addresses."""

    def __init__(self, client: httpx.Client, waits: Waits = STEADY) -> None:
        self.wire, self.said, self.stop = Wire(client, waits), list[str](), threading.Event()

    def __call__(self, url: str, **more: Any) -> bytes:  # noqa: ANN401  (options of get)
        order = Order(url.rpartition("/")[2], Path("nowhere"), lambda _: Address(url))
        return get(order, self.wire, self.said.append, self.stop, **more)


@pytest.fixture
def getter(client: httpx.Client) -> Getter:
    """Gets small things."""
    return Getter(client)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[str]:
    """The address of Python's own server, which knows neither ranges nor HTTP/1.1."""
    folder = tmp_path / "served"
    for number in range(20):
        s.lay(folder, {f"ISIC_{number:07}.jpg": bytes([number]) * 30_000})

    class Quiet(http_server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http_server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_pythons_own_server_will_do(getter: Getter, plain: str) -> None:
    names = [f"ISIC_{number:07}.jpg" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda name: getter(f"{plain}/{name}"), names)) == [bytes([n]) * 30_000 for n in range(20)]


def test_a_server_that_knows_ranges_is_not_asked_for_any(getter: Getter, servers: Servers, small: Small) -> None:
    assert getter(f"{servers.mirror}{s.MASKS}") == small.zips[s.MASKS]
    assert [r.range for r in servers.requests] == [None]
    assert servers.sent(s.MASKS) == len(small.zips[s.MASKS])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("503xml", {"times": 3}),
        ("429", {"retry_after": 0}),
        ("silence", {"times": 2}),
        ("truncate", {"times": 3}),
        ("truncate_chunked", {}),
        ("reset", {"times": 3}),
        ("stall", {}),
        ("gzip", {}),
        ("chunked", {}),
        ("close", {}),
    ],
)
def test_after_a_fault_the_right_bytes_arrive(kind: Any, options: dict[str, Any], servers: Servers, small: Small) -> None:  # noqa: ANN401
    servers.fault("bucket", kind, **options)
    with http.client(patience(kind), 4) as client:
        assert Getter(client, patience(kind))(f"{servers.mirror}{s.MASKS}") == small.zips[s.MASKS]


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("reset", {"times": None}, "the connection broke"),
        ("truncate", {"times": None}, "the connection broke"),
        ("lost404", {}, "no such file"),
        ("waf202", {}, "firewall"),
        ("answer", {"status": 206, "body": b"x"}, "sends a part"),
        ("answer", {"body": b"<html>", "headers": {"Content-Type": "text/html"}, "times": None}, "a page where a file belongs"),
        ("endless_body", {}, "more than it should"),
    ],
)
def test_what_cannot_be_had_is_said_in_words(kind: Any, options: dict[str, Any], words: str, getter: Getter, servers: Servers) -> None:  # noqa: ANN401
    servers.fault("bucket", kind, **options)
    with pytest.raises(Problem, match=words):
        getter(f"{servers.mirror}{s.MASKS}", most=1 << 20)


def test_what_is_said_to_be_too_large_is_not_fetched(getter: Getter, servers: Servers) -> None:
    with pytest.raises(Problem, match="more than it should") as found:
        getter(f"{servers.mirror}{s.PART_1}", most=1 << 20)
    assert found.value.kind is Kind.FINAL
    assert servers.sent(s.PART_1) < 4 << 20
    size = len(getter(f"{servers.mirror}{s.MASKS}"))
    assert len(getter(f"{servers.mirror}{s.MASKS}", most=size)) == size
    with pytest.raises(Problem):
        getter(f"{servers.mirror}{s.MASKS}", most=size - 1)


def test_one_word_stops_all_that_is_being_got(servers: Servers) -> None:
    servers.rate = 1e4
    fault = servers.fault("bucket", "503xml", name=s.TEST, times=None)
    with http.client(PATIENT, 4) as client:
        getter = Getter(client, PATIENT)

        def both() -> None:
            with ThreadPoolExecutor(2) as pool:
                ends = [pool.submit(getter, f"{servers.mirror}{name}") for name in (s.TEST, s.PART_1)]
                for end in ends:
                    assert isinstance(end.exception(), StoppedError)
            raise StoppedError

        assert stopped(both, getter.stop.set, lambda: fault.met > 0 and servers.reached(s.PART_1, 1000)) < PROMPTLY
        with pytest.raises(StoppedError):
            getter(f"{servers.mirror}{s.MASKS}")
    assert servers.of_file(s.MASKS) == []
