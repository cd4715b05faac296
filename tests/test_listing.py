"""What a Dataverse lists of a record, over real sockets, and what is made of it where it differs from what is pinned."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_cli import http
from ham_cli import record as records
from ham_cli.findings import Finding, Verdict
from ham_cli.http import Kind, Problem, Waits
from ham_cli.sources import Dataverse, Listed, Listing, drift, learnt
from ham_cli.sources.listing import MOST_BYTES, read_listing
from tests import small as s
from tests.dataverse import KEY, KINDS, Servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ham_cli.record import PublishedFile, Record
    from ham_cli.sources import Drift
    from tests.small import Small

QUICK = Waits(connect=5, read=5, first=0.01, longest=0.05, obeyed=5, attempts=4)
HASTY = replace(QUICK, read=0.5)
"""For servers that fall silent."""
TABLE, RATINGS = "HAM10000_metadata.tab", s.RATINGS.removesuffix(".csv") + ".tab"


@pytest.fixture
def record(servers: Servers, small: Small, tmp_path: Path) -> Record:
    return records.load(servers.record(small.record, tmp_path / "record"))


class Asker:
    """Asks for listings, one client and one source for all of them."""

    def __init__(self, record: Record, *, key: str | None = None, server: str | None = None, waits: Waits = QUICK) -> None:
        self.record, self.waits = record, waits
        self.client = http.client(waits, 4)
        self.source = Dataverse(record, self.client, server=server, key=key)

    def __call__(self, *, seconds: float = 10.0) -> Listing:
        return self.source.listing(self.waits, seconds=seconds)

    def drift(self) -> Drift:
        return drift(self.record, self())

    def problem(self, *, seconds: float = 10.0) -> Problem:
        with pytest.raises(Problem) as found:
            self(seconds=seconds)
        assert found.value.what
        return found.value

    def file(self, name: str) -> PublishedFile:
        return next(f for f in self.record.files if name in f.names)


@pytest.fixture
def asker(record: Record) -> Iterator[Asker]:
    made = Asker(record)
    with made.client:
        yield made


@pytest.fixture
def keyed(record: Record) -> Iterator[Asker]:
    made = Asker(record, key=KEY)
    with made.client:
        yield made


# A listing that agrees.


def test_a_listing_says_what_was_uploaded(asker: Asker, servers: Servers, small: Small) -> None:
    listing = asker()
    assert (sorted(listing.files), listing.withdrawn) == ([1, 2, 3, 4, 5, 6, 7], False)
    original, part = small.tables[s.METADATA], small.zips[s.PART_1]
    assert listing.files[3] == Listed(3, TABLE, s.METADATA, len(original), s.md5(original), restricted=False)
    assert listing.files[1] == Listed(1, s.PART_1, None, len(part), s.md5(part), restricted=False)
    (asked,) = servers.requests
    assert (asked.method, asked.path) == ("GET", "/api/datasets/:persistentId/versions/1.0")
    assert asked.query == {"persistentId": "doi:10.0000/SMALL", "excludeMetadataBlocks": "true"}
    assert (asked.headers["accept-encoding"], asked.headers["user-agent"]) == ("identity", http.AGENT)


def test_a_listing_that_agrees_gives_nothing_but_what_nobody_pinned(asker: Asker, small: Small) -> None:
    found = asker.drift()
    assert (found.findings, found.warnings, found.details, found.changed) == ((), (), (), frozenset())
    table, images = small.tables[s.RATINGS], small.zips[s.TEST]
    assert {n: (f.bytes, f.md5) for n, f in found.learned.items()} == {
        5: (len(images), s.md5(images)),
        7: (len(table), s.md5(table)),
    }


def test_what_nobody_pinned_is_filled_in_and_the_rest_stays(asker: Asker, small: Small) -> None:
    listing, table = asker(), small.tables[s.RATINGS]
    ratings, images, part = (asker.file(n) for n in (s.RATINGS, s.TEST, s.PART_1))
    assert learnt(ratings, listing) == replace(ratings, bytes=len(table), md5=s.md5(table))
    assert learnt(images, listing) == replace(images, bytes=len(small.zips[s.TEST]))
    assert learnt(part, listing) == part
    assert {learnt(f, listing).name for f in asker.record.bucket_files if learnt(f, listing) != f} == set()
    assert learnt(ratings, Listing({}, withdrawn=False)) == ratings


def test_the_listing_of_an_old_server_will_do(asker: Asker, servers: Servers) -> None:
    # Before 6.1 there was no totalCount and no tabularData; originalFileSize may be missing in old records.
    def age(version: dict[str, Any]) -> None:
        for entry in version["files"]:
            for name in ("tabularData", "friendlyType", "lastUpdateTime"):
                entry["dataFile"].pop(name)

    servers.listing.total_count, servers.listing.edit = False, age
    new = asker()
    assert drift(asker.record, new).warnings == ()
    assert new.files[3].bytes == asker.file(TABLE).bytes
    servers.listing.no_original_size = "*"
    assert {n: asker().files[n].bytes is None for n in (1, 3)} == {1: False, 3: True}


# A listing that differs.


def test_a_changed_md5_is_a_finding_and_the_file_is_not_to_be_fetched(asker: Asker, servers: Servers) -> None:
    servers.listing.wrong_md5 = servers.listing.wrong_size = [s.TEST]
    pinned, listing = asker.file(s.TEST), asker()
    got = listing.files[5].md5
    detail = "the record changed on the server: its file is another one than the pinned, and is not fetched from there"
    wrong = Finding("test", s.TEST, Verdict.WRONG, expected=pinned.md5, got=got, detail=detail)
    found = drift(asker.record, listing)
    assert (found.findings, found.changed, found.warnings, list(found.learned)) == ((wrong,), frozenset({5}), (), [7])
    assert learnt(pinned, listing) == pinned, "the size of another file is nobody's"


def test_a_changed_md5_of_a_file_that_nobody_pinned_is_learned(asker: Asker, servers: Servers) -> None:
    servers.listing.wrong_md5 = [RATINGS]
    found = asker.drift()
    assert (found.findings, found.changed, list(found.learned)) == ((), frozenset(), [5, 7])


def _relabel(version: dict[str, Any]) -> None:
    version["files"][0]["label"] = "\x1b[2Jother\u202e.zip"


def _rename_original(version: dict[str, Any]) -> None:
    version["files"][2]["dataFile"]["originalFileName"] = "other.csv"


@pytest.mark.parametrize(
    ("setting", "value", "warning"),
    [
        ("wrong_size", [s.PART_1], f"{s.PART_1}: the server lists {{more}} bytes, the record {{size}}; the MD5 decides"),
        ("unlisted", [s.MASKS], f"{s.MASKS}: the server no longer lists it (datafile 4)"),
        ("edit", _relabel, f"{s.PART_1}: the server now calls it '\\x1b[2Jother\\u202e.zip'"),
        ("edit", _rename_original, f"{TABLE}: the server now calls it 'other.csv'"),
        ("restricted", [s.PART_2], f"{s.PART_2}: the server restricts it: it may ask for a key"),
    ],
)
def test_a_difference_that_the_md5_outweighs_is_a_warning(setting: str, value: Any, warning: str, asker: Asker, servers: Servers) -> None:  # noqa: ANN401
    setattr(servers if setting == "restricted" else servers.listing, setting, value)
    found, size = asker.drift(), asker.file(s.PART_1).bytes or 0
    assert found.warnings == (warning.format(more=size + 1, size=size),)
    assert (found.findings, found.changed, found.details) == ((), frozenset(), ())


def test_a_size_without_any_md5_is_told_as_such(asker: Asker, servers: Servers) -> None:
    unpinned = replace(asker.file(s.PART_1), md5=None)
    servers.listing.wrong_size, servers.listing.checksum = [s.PART_1], ""
    (warning,) = drift(replace(asker.record, files=(unpinned,)), asker()).warnings
    assert warning.endswith("; nothing else tells which of them is right")


def test_a_missing_size_is_no_fault(asker: Asker, servers: Servers) -> None:
    servers.listing.no_size = "*"
    found = asker.drift()
    assert (found.findings, found.warnings, found.details) == ((), (), ())
    assert {n: (f.bytes, bool(f.md5)) for n, f in found.learned.items()} == {7: (None, True)}
    assert learnt(asker.file(s.TEST), asker()) == asker.file(s.TEST)


@pytest.mark.parametrize("checksum", ["SHA-1", "SHA-256", "SHA-512", ""])
def test_another_checksum_is_compared_with_nothing(checksum: str, asker: Asker, servers: Servers) -> None:
    servers.listing.checksum, servers.listing.wrong_md5 = checksum, "*"
    found = asker.drift()
    assert (found.findings, found.warnings) == ((), ())
    assert found.details == ("the server lists no MD5 for 6 files: only what arrives tells whether they are the pinned ones",)
    assert {f.md5 for f in found.learned.values()} == {None}


def test_an_md5_is_found_where_only_the_checksum_has_it_and_in_large_letters(asker: Asker, servers: Servers) -> None:
    def edit(version: dict[str, Any]) -> None:
        for entry in version["files"]:
            entry["dataFile"]["checksum"]["value"] = entry["dataFile"].pop("md5").upper()

    servers.listing.edit = edit
    assert asker().files[1].md5 == asker.file(s.PART_1).md5
    assert asker.drift().findings == ()


def test_files_that_the_record_does_not_know_are_named_safely_and_counted(asker: Asker, servers: Servers) -> None:
    def edit(version: dict[str, Any]) -> None:
        names = ["\x1b[31mred\r\n", "x" * 5000, "c", "d", "e", "f", "g"]
        version["files"] += [{"label": n, "dataFile": {"id": 100 + i}} for i, n in enumerate(names)] + [{"label": "no number"}]

    servers.listing.edit = edit
    (detail,) = asker.drift().details
    long = "'" + "x" * 36 + "..."
    assert detail == f"the server lists 7 files that the record does not know: '\\x1b[31mred\\r\\n', {long}, 'c', 'd', 'e' and 2 more"


def test_a_withdrawn_version_that_lists_its_files_is_a_warning(asker: Asker, servers: Servers) -> None:
    servers.listing.edit = lambda version: version.update(versionState="DEACCESSIONED")
    assert asker.drift().warnings == ("the server has withdrawn this version of the record (deaccessioned)",)


def test_nulls_and_wrong_types_are_as_if_they_were_not_there(asker: Asker, servers: Servers) -> None:
    def edit(version: dict[str, Any]) -> None:
        first, second, third, *_ = version["files"]
        first["dataFile"] |= {"filesize": "12", "md5": 5, "checksum": None, "filename": None}
        first |= {"label": None, "restricted": "yes"}
        second["dataFile"] |= {"filesize": True, "md5": "UNKNOWN", "checksum": ["MD5"]}
        third["dataFile"] |= {"originalFileSize": 2**63, "originalFileName": {}, "md5": "", "checksum": {"type": 5, "value": "0" * 32}}
        version["files"] += [None, 5, [], {}, {"dataFile": None}, {"dataFile": {"id": "1"}}, {"dataFile": {"id": True}}]

    servers.listing.edit = edit
    listing = asker()
    assert listing.files[1] == Listed(1, None, None, None, None, restricted=False)
    assert (listing.files[2].bytes, listing.files[2].md5) == (None, None)
    assert listing.files[3] == Listed(3, TABLE, None, None, None, restricted=False)
    assert (drift(asker.record, listing).findings, len(listing.files)) == ((), 7)


# A listing that does not come.


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("waf202", {}, "the server's firewall wants a browser"),
        ("captcha405", {}, "the server's firewall wants a browser"),
        ("html403", {"agents": ["ham/"]}, "the server's firewall refuses this machine or program"),
        ("edge403", {}, "the server's firewall refuses this machine or program"),
        ("maintenance200", {}, "the server sends a page where its listing belongs"),
        ("deep_json", {}, "the server's listing is no JSON"),
        ("long_json", {}, "the server's answer does not end"),
        ("truncate_close", {}, "the server's listing is no JSON"),
        ("not_authorized403", {}, "the server refuses"),
        ("expired403", {}, "the server refuses"),
        ("lost404", {}, "the server does not know this version of the record"),
        ("redirect", {}, "the server redirects to an unsafe address"),
        ("redirect", {"to": "file:///etc/passwd"}, "the server redirects to an unsafe address"),
        ("answer", {"status": 206, "body": b"{}"}, "the server refuses"),
        ("answer", {"status": 204}, "the server refuses"),
        ("answer", {"status": 401, "body": b'{"status":"ERROR","message":"Bad API key"}'}, "the server refuses the key"),
        ("answer", {"body": b""}, "the server's listing is no JSON"),
        ("answer", {"body": b"\xff\xfe\x00"}, "the server's listing is no JSON"),
        ("answer", {"body": b'{"status":"OK","data":' + b"9" * 5000 + b"}"}, "the server's listing is no JSON"),
        ("answer", {"body": b"[]"}, "the server refuses its listing"),
        ("answer", {"body": b'{"status":"error","message":"Endpoint blocked."}'}, "the server refuses its listing"),
        ("answer", {"body": b'{"status":"ok","data":{}}'}, "the server lists no files"),
        ("answer", {"body": b'{"status":"OK","data":{"files":{}}}'}, "the server lists no files"),
        ("answer", {"body": b'{"status":"OK","data":{"versionState":"DEACCESSIONED"}}'}, "the record was withdrawn from the server"),
    ],
)
def test_what_will_not_change_is_said_at_once(kind: Any, options: dict[str, Any], words: str, asker: Asker, servers: Servers) -> None:  # noqa: ANN401
    servers.fault("dataverse", kind, name="listing", times=None, **options)
    problem = asker.problem()
    assert (problem.what, problem.kind) == (words, Kind.FINAL)
    assert problem.fix
    assert len(servers.requests) == 1


def test_a_version_that_is_not_there_is_not_told_in_the_servers_words(servers: Servers, asker: Asker) -> None:
    for change in ({"version": "9.0"}, {"doi": "10.0000/OTHER"}):
        record = replace(asker.record, **change)  # type: ignore[arg-type]
        with pytest.raises(Problem, match="the server does not know this version of the record") as found:
            Dataverse(record, asker.client).listing(QUICK)
        assert found.value.got == f"404 for version {record.version} of doi:{record.doi}"
    servers.listing.deaccessioned = True
    assert asker.problem().what == "the server does not know this version of the record"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("429", {"retry_after": 0}),
        ("429json", {}),
        ("502", {}),
        ("503", {"retry_after": "Mon, 23 Nov 2020 12:00:00 GMT"}),
        ("503json", {}),
        ("504", {}),
        ("500xml", {}),
        ("silence", {}),
        ("reset", {"after": 100}),
        ("truncate", {}),
        ("truncate_chunked", {}),
        ("stall", {}),
        ("hang", {}),
        ("gzip", {}),
        ("no_location", {}),
        ("endless_headers", {}),
    ],
)
def test_a_passing_fault_is_met_with_two_more_tries(kind: Any, options: dict[str, Any], record: Record, servers: Servers) -> None:  # noqa: ANN401
    asker = Asker(record, waits=HASTY if kind in {"stall", "hang"} else QUICK)
    fault = servers.fault("dataverse", kind, name="listing", times=2, **options)
    with asker.client:
        assert len(asker().files) == 7
        servers.heal()
        servers.fault("dataverse", kind, name="listing", times=None, **options)
        assert asker.problem().kind is Kind.AGAIN
    assert (fault.met, len(servers.requests)) == (2, 6)


def test_a_time_that_the_server_names_is_waited_and_a_long_one_is_not(asker: Asker, servers: Servers) -> None:
    servers.fault("dataverse", "429", name="listing", retry_after=1)
    began = time.monotonic()
    assert asker().files
    assert 1 <= time.monotonic() - began < 10
    servers.fault("dataverse", "429", name="listing", retry_after=3600)
    began = time.monotonic()
    assert asker.problem(seconds=QUICK.obeyed - 1).after == 3600
    assert time.monotonic() - began < QUICK.obeyed - 1
    assert len(servers.requests) == 3


@pytest.mark.parametrize("options", [{"kind": "drip", "rate": 200}, {"kind": "stall"}, {"kind": "hang"}])
def test_a_server_that_takes_its_time_is_left(options: dict[str, Any], record: Record, servers: Servers) -> None:
    servers.fault("dataverse", name="listing", times=None, **options)
    with http.client(Waits(), 4) as client:
        began = time.monotonic()
        with pytest.raises(Problem, match="cannot be reached"):
            Dataverse(record, client).listing(Waits(), seconds=0.5)
        assert time.monotonic() - began < 10  # and not the minute of a client's own patience


def test_a_server_that_is_not_there_or_none_is_said(record: Record) -> None:
    for server, kind in (("http://127.0.0.1:9", Kind.AGAIN), ("dataverse.example.org", Kind.FINAL), ("ftp://127.0.0.1", Kind.FINAL)):
        asker = Asker(record, server=server)
        with asker.client:
            assert asker.problem().kind is kind


def test_whatever_goes_wrong_is_a_problem_or_a_listing(record: Record, servers: Servers) -> None:
    for kind in set(KINDS) - {"replaced"}:  # which is of a stored file
        servers.fault("dataverse", kind, name="listing", times=None)  # type: ignore[arg-type]
        asker = Asker(record)
        with asker.client, contextlib.suppress(Problem):
            assert isinstance(asker(seconds=0.5), Listing), kind
        servers.heal()


def test_no_more_is_read_than_a_listing_may_have(asker: Asker, servers: Servers) -> None:
    servers.fault("dataverse", "endless_body", name="listing", count=1 << 30)
    servers.fault("dataverse", "long_json", name="listing")
    for _ in range(2):
        assert asker.problem().what in {"the server's answer does not end", "the server's listing is no JSON"}
    # What the sockets hold on both sides comes on top.
    assert max(r.sent for r in servers.requests) < MOST_BYTES + (8 << 20)


# Redirects and the key.


def test_a_redirect_on_this_machine_is_followed_a_few_times_and_a_loop_is_not(asker: Asker, servers: Servers) -> None:
    there = f"{servers.dataverse}/api/datasets/:persistentId/versions/1?persistentId=doi:10.0000/SMALL"
    servers.fault("dataverse", "redirect", name="listing", to=there)
    assert len(asker().files) == 7
    servers.fault("dataverse", "redirect_loop", name="listing", times=None)
    assert asker.problem().what == "the server redirects without an end"
    assert len(servers.requests) == 2 + 4


def _needs_key(servers: Servers, name: str | None) -> None:
    """Let requests without the key be refused as those for restricted files are."""
    servers.fault("dataverse", "not_authorized403", name=name, times=None, when=lambda asked: "x-dataverse-key" not in asked.headers)


def _with_key(servers: Servers) -> list[tuple[str, bool]]:
    return [(r.origin, "x-dataverse-key" in r.headers) for r in servers.requests]


def test_a_key_is_not_sent_to_a_server_that_does_not_ask(keyed: Asker, servers: Servers) -> None:
    assert keyed().files
    keyed.source.address_of(keyed.file(s.PART_1))(0)
    assert _with_key(servers) == [("dataverse", False), ("dataverse", False)]


@pytest.mark.parametrize("first", ["listing", "file"])
def test_a_server_that_asked_for_the_key_gets_it_at_once_from_then_on(first: str, keyed: Asker, servers: Servers) -> None:
    _needs_key(servers, None)
    resolve = keyed.source.address_of(keyed.file(s.PART_1))
    asks: list[Callable[[], object]] = [keyed, lambda: resolve(0)]
    for ask in asks if first == "listing" else asks[::-1]:
        ask()
    assert [sent for _, sent in _with_key(servers)] == [False, True, True]
    assert keyed.client.get(resolve(1).url).status_code == 200
    assert resolve(1).headers == {}
    assert {origin for origin, sent in _with_key(servers) if sent} == {"dataverse"}


def test_a_redirect_takes_no_key_along(keyed: Asker, servers: Servers) -> None:
    _needs_key(servers, "listing")
    keyed()
    servers.heal()
    elsewhere = f"{servers.mirror}listing.json"
    servers.fault("dataverse", "redirect", name="listing", to=elsewhere, times=None)
    assert keyed.problem().what == "the server does not know this version of the record"
    assert _with_key(servers) == [("dataverse", False), ("dataverse", True), ("dataverse", True), ("bucket", False)]


def test_a_key_that_did_not_help_is_not_sent_again_unasked(record: Record, servers: Servers) -> None:
    asker = Asker(record, key="stale")
    servers.fault("dataverse", "not_authorized403", name="listing")
    with asker.client:
        assert asker.problem().what == "the server refuses the key"
        # With the key of yesterday even a public file would be refused.
        assert asker().files
    assert [sent for _, sent in _with_key(servers)] == [False, True, False]


@pytest.mark.parametrize(("key", "what"), [(f" {KEY}\n", None), ("", "the server refuses"), ("a\nb-secret", "signs"), ("\u00e9", "signs")])
def test_a_key_that_cannot_be_one_is_never_repeated(key: str, what: str | None, record: Record, servers: Servers) -> None:
    _needs_key(servers, "listing")
    asker = Asker(record, key=key)
    with asker.client:
        if what is None:
            assert asker().files
            return
        problem = asker.problem()
    assert what in problem.what
    assert "secret" not in f"{problem.what}{problem.got}{problem.fix}{problem.__context__!r}"


def test_the_page_of_a_file_has_no_query(asker: Asker, servers: Servers) -> None:
    assert asker.source.page(asker.file(TABLE)) == f"{servers.dataverse}/api/access/datafile/3"


# The published record.


def _published(record: Record) -> dict[str, Any]:
    """The listing that the facts of a record make: what nobody knows is left out."""
    files = []
    for file in record.files:
        table = {"tabularData": True, "originalFileName": file.original_name, "originalFileSize": file.bytes, "filesize": 830_428}
        data = {"id": file.datafile_id, "md5": file.md5} | (table if file.original_name else {"tabularData": False, "filesize": file.bytes})
        files.append({"label": file.name, "restricted": False, "dataFile": {k: v for k, v in data.items() if v is not None}})
    return {"status": "OK", "data": {"versionState": "RELEASED", "files": files}}


def test_the_published_record_does_not_drift_from_its_own_facts() -> None:
    record = records.load()
    found = drift(record, read_listing(json.dumps(_published(record)).encode()))
    assert found == type(found)((), (), (), {}, frozenset())


def test_the_listing_that_was_seen_of_the_published_record_does_not_drift(real_data: Path) -> None:
    path = real_data.parent / "dataverse-record.json"
    if not path.is_file():
        pytest.skip("no listing of the published record lies beside the real data")
    seen = json.loads(path.read_bytes())
    seen["data"] = seen["data"]["latestVersion"]
    record = records.load()
    listing = read_listing(json.dumps(seen).encode())
    found = drift(record, listing)
    assert (found.findings, found.warnings, found.details) == ((), (), ())
    assert set(listing.files) == {f.datafile_id for f in record.files}
    assert sum(f.md5 is not None for f in listing.files.values()) == 6


# Anything at all.

TEXTS = st.text(max_size=20) | st.sampled_from(["OK", "MD5", "DEACCESSIONED", "0" * 32, "\ud800"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
FIELDS = ["id", "filesize", "md5", "checksum", "type", "value", "tabularData", "originalFileSize", "originalFileName", "filename", "UNF"]
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | TEXTS, inner, max_size=6), max_leaves=12
)
IDS = [1, 2, 4338392, 3172585, 3864681]
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "label": ANYTHING,
        "restricted": ANYTHING,
        "dataFile": ANYTHING
        | st.fixed_dictionaries(
            {"id": st.sampled_from([1, 2, 3, 4338392, 3172585, 3864681])}, optional=dict.fromkeys(FIELDS[1:], ANYTHING)
        ),
    },
)
NEARLY = st.fixed_dictionaries(
    {"status": st.sampled_from(["OK", "ok"]) | ANYTHING},
    optional={"data": st.fixed_dictionaries({}, optional={"versionState": ANYTHING, "files": st.lists(ENTRIES | ANYTHING)}) | ANYTHING},
)
PINNED = records.load()


def _harmless(body: bytes) -> None:
    problem, listing = None, Listing({}, withdrawn=False)
    try:
        listing = read_listing(body)
    except Problem as raised:
        problem = raised
    assert problem is None or (problem.kind is Kind.FINAL and str(problem.got).isprintable())
    found = drift(PINNED, listing)
    assert all(text.isprintable() for text in (*found.warnings, *found.details))
    assert found.changed == {n for n, f in listing.files.items() if any(p.datafile_id == n and p.md5 and f.md5 for p in PINNED.files)}
    for file in PINNED.files:
        filled = learnt(file, listing)
        assert learnt(filled, listing) == filled
        assert (file.bytes in {None, filled.bytes}, file.md5 in {None, filled.md5}) == (True, True)


@given(NEARLY | ANYTHING)
@settings(deadline=None)
def test_any_json_is_a_listing_or_a_problem(value: object) -> None:
    _harmless(json.dumps(value).encode())


@given(st.binary())
@settings(deadline=None)
def test_any_bytes_are_a_listing_or_a_problem(body: bytes) -> None:
    _harmless(body)


def test_any_json_over_a_socket_is_a_listing_or_a_problem(small: Small, tmp_path: Path) -> None:
    with Servers.of(small) as servers, http.client(QUICK, 4) as client:
        source = Dataverse(records.load(servers.record(small.record, tmp_path)), client)

        @given(st.sampled_from([200, 200, 201, 301, 400, 403, 404, 418]), NEARLY | ANYTHING)
        @settings(max_examples=50, deadline=None)
        def asked(status: int, value: object) -> None:
            servers.heal()
            servers.fault("dataverse", "answer", name="listing", times=None, status=status, body=json.dumps(value).encode())
            with contextlib.suppress(Problem):
                assert isinstance(source.listing(QUICK), Listing)

        asked()
