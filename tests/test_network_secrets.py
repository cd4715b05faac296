"""Keys, cookies, signatures, passwords: sent to nobody whom they are not for, and neither kept nor said, whatever goes wrong."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import killing
from tests import small as s
from tests.dataverse import KEY, Servers
from tests.dataverse.store import presigned
from tests.killing import Ended, Fetching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.dataverse.faults import Kind
    from tests.dataverse.messages import Asked, Origin, Request
    from tests.small import Small

COOKIES = ("9f2c7d5a8e1b4c3fa6d0", "5BD1A5F10C8B2E7D")
NAME, WORD = "somebody", "correct-horse-battery"


def secrets_of(servers: Servers) -> set[str]:
    """What is to be seen nowhere: the key, cookies, passwords, and the signature of every address that was asked for."""
    queries = [r.query for r in servers.requests if r.origin == "s3"]
    signed = {value for query in queries for name, value in query.items() if name in {"X-Amz-Signature", "X-Amz-Credential"}}
    return {KEY, *COOKIES, WORD, "X-Amz-", *signed, *map(quote, signed), *(quote(value, safe="") for value in signed)}


@dataclass
class Trial:
    """Fetches into one cache by somebody with a key, from servers that ask for it."""

    servers: Servers
    small: Small
    where: Path
    before: list[tuple[str, str]] = field(default_factory=list)
    """Secrets that stood somewhere while a fetch ran."""

    @property
    def cache(self) -> Path:
        return self.where / "cache"

    def start(self, *arguments: object, env: Mapping[str, str] | None = None, command: str = "fetch") -> Fetching:
        record = self.servers.record(self.small.record, self.where / "record")
        surroundings = {"HAM_DATAVERSE_KEY": KEY, "HAM_DEBUG": "1"} | dict(env or {})
        words = (*arguments, "-v", "--record", record)
        return Fetching(*words, cache=self.cache, logs=self.where / "logs", env=surroundings, command=command)

    def run(self, *arguments: object, env: Mapping[str, str] | None = None, until: Callable[[Fetching], bool] | None = None) -> Ended:
        """A fetch that ends by itself, or by Ctrl-C once something holds."""
        with self.start(*arguments, env=env) as running:
            if until is None:
                return running.end()
            running.until(lambda: until(running))
            assert (self.cache / ".lock.json").exists()
            self.before += self.leaks
            return running.end(signal.SIGINT)

    @property
    def leaks(self) -> list[tuple[str, str]]:
        """Where a secret stands now, in the cache, in what was said, or in the home."""
        return killing.leaks(secrets_of(self.servers), self.cache, self.where / "logs", self.where / "home")


@pytest.fixture
def trial(small: Small, tmp_path: Path) -> Iterator[Trial]:
    """The small record on servers that give nothing without a key."""
    with Servers.of(small, s3_host="127.0.0.2") as servers:
        yield Trial(servers, small, tmp_path)


def without_key(asked: Asked) -> bool:
    return "x-dataverse-key" not in asked.headers


def ask_for_key(servers: Servers) -> None:
    servers.fault("dataverse", "not_authorized403", when=without_key, times=None)


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    words = pa.array(["other", KEY] * 100).dictionary_encode()
    pq.write_table(pa.table({"url": words}), tmp_path / "rows.parquet", compression="zstd")
    pq.write_table(pa.table({"url": ["other"]}).replace_schema_metadata({"ham.options": json.dumps([KEY])}), tmp_path / "labels.parquet")
    s.lay(tmp_path / ".hidden", {".a.zip.part.journal": f'{{"url": "{KEY}"}}'.encode()})
    assert {place.rpartition("/")[2] for place, _ in killing.leaks({KEY}, tmp_path)} >= {
        "rows.parquet, its rows",
        "labels.parquet, its metadata",
        ".a.zip.part.journal",
    }


# Who is sent what.


def sent_to(request: Request) -> str:
    """Everything that a request told its server."""
    return repr((request.path, dict(request.query), dict(request.headers)))


def strangers(servers: Servers) -> list[Request]:
    """The requests to any server but Dataverse."""
    return [r for r in servers.requests if r.origin != "dataverse"]


@pytest.mark.parametrize("way", ["as it is", "it streams all itself", "it sends everything elsewhere", "after a mirror that has nothing"])
@pytest.mark.thinned(4)
def test_a_key_reaches_the_server_that_asked_for_it_and_no_other(way: str, trial: Trial) -> None:
    servers = trial.servers
    ask_for_key(servers)
    arguments: list[object] = []
    if way == "it streams all itself":
        servers.streamed = True
    if way == "it sends everything elsewhere":
        for datafile in servers.published.datafiles:
            servers.fault(
                "dataverse", "redirect", name=datafile.label, to=servers.mirror + (datafile.original or datafile.label), times=None
            )
        servers.fault("dataverse", "redirect", name="listing", to=f"{servers.s3}/listing?key=none", times=None)
    if way == "after a mirror that has nothing":
        arguments = ["--source", servers.bucket, "--source", "dataverse", "--source", "isic"]
    assert trial.run(*arguments).code == 0
    assert strangers(servers) or way == "it streams all itself"
    assert any(r.headers.get("x-dataverse-key") == KEY for r in servers.requests)
    assert [
        sent_to(r) for r in strangers(servers) if KEY in sent_to(r) or "x-dataverse-key" in r.headers or "authorization" in r.headers
    ] == []
    assert [r for r in servers.requests if "cookie" in r.headers] == []
    assert trial.leaks == []


def test_servers_of_one_host_are_sent_no_cookie_either(small: Small, tmp_path: Path) -> None:
    with Servers.of(small) as servers:
        ask_for_key(servers)
        trial = Trial(servers, small, tmp_path)
        assert trial.run().code == 0
        assert [r for r in servers.requests if "cookie" in r.headers] == []
        assert [r for r in strangers(servers) if KEY in sent_to(r)] == []


# What is kept and said.


def forged(trial: Trial, change: Callable[[str], str]) -> None:
    """Let Dataverse send its clients to a changed address of the store's, which has a signature all the same."""
    for datafile in trial.servers.published.datafiles:
        url = change(presigned(trial.servers, datafile, original=True))
        trial.servers.fault("dataverse", "redirect", name=datafile.label, to=url, times=None, when=lambda asked: not without_key(asked))


def failing(origin: Origin, kind: Kind, **options: Any) -> Callable[[Trial], object]:  # noqa: ANN401  (they are the fields of Fault)
    """A fault that every request meets, where nothing else is said."""
    return lambda trial: trial.servers.fault(origin, kind, **({"times": None} | options))


def asked(times: int) -> Callable[[Trial, Fetching], bool]:
    """A fault was met so many times."""
    return lambda trial, _: trial.servers.faults[0].met >= times


def says(words: str) -> Callable[[Trial, Fetching], bool]:
    return lambda _, running: words in running.err


@dataclass(frozen=True)
class Case:
    """What goes wrong, how that ends, and when it is given up by Ctrl-C, if it is."""

    prepare: Callable[[Trial], object]
    code: int = 4
    until: Callable[[Trial, Fetching], bool] | None = None
    env: Mapping[str, str] = field(default_factory=dict)


ELSEWHERE = "http://192.0.2.1/"
CASES = {
    "nothing": Case(lambda _: None, 0),
    "an address that expired once": Case(failing("s3", "expired403", times=1), 0),
    "addresses that have all expired": Case(failing("s3", "expired403", name=s.PART_1)),
    "signatures that do not match": Case(lambda trial: forged(trial, lambda url: url[:-3] + "abc")),
    "signatures of yesterday": Case(lambda trial: forged(trial, lambda url: re.sub(r"X-Amz-Date=\d{8}", "X-Amz-Date=20200101", url))),
    "a connection that breaks in the middle": Case(failing("s3", "reset", name=s.PART_1, times=4, after=1000), 0),
    "a connection that always breaks": Case(failing("s3", "reset", name=s.PART_1, after=0), 130, asked(3)),
    "a silent store": Case(failing("s3", "hang", name=s.PART_1), 130, asked(1)),
    "a wrong digest": Case(failing("s3", "wrong_bytes", name=s.PART_1)),
    "a page of a firewall at the store": Case(failing("s3", "edge403")),
    "a firewall before Dataverse": Case(failing("dataverse", "waf202")),
    "a server that is not well": Case(failing("dataverse", "503", name=s.PART_1, retry_after=60), 130, says("again in")),
    "a server without the file": Case(failing("dataverse", "lost404", name=s.PART_1)),
    "a store that redirects": Case(failing("s3", "redirect", to=f"{ELSEWHERE}?X-Amz-Signature=0123&key={KEY}")),
    "an unsafe redirect": Case(lambda trial: forged(trial, lambda url: url.replace(trial.servers.s3, ELSEWHERE[:-1]))),
    "an unsafe redirect with a password": Case(lambda trial: forged(trial, lambda _: f"http://{NAME}:{WORD}@192.0.2.1/file")),
    "a redirect to another scheme": Case(lambda trial: forged(trial, lambda url: url.replace("http:", "ftp:"))),
    "a redirect to no host": Case(lambda trial: forged(trial, lambda url: re.sub(r"//[^/]*/", "//[127.0.0.1/", url, count=1))),
    "a redirect with control signs": Case(lambda trial: forged(trial, lambda url: f"{url}\x7f\x01")),
    "a redirect to a silent port": Case(
        lambda trial: forged(trial, lambda url: re.sub(r":\d+/", ":9/", url, count=1)), 130, says("again in")
    ),
    "a key that is refused": Case(lambda trial: setattr(trial.servers, "key", "another")),
    "a proxy that cannot be reached": Case(
        lambda _: None, 130, says("cannot be reached"), {"http_proxy": f"http://{NAME}:{WORD}@127.0.0.1:9/"}
    ),
    "a proxy that refuses": Case(lambda _: None, 4, None, {"http_proxy": f"http://{NAME}:{WORD}@PROXY/"}),
    "a proxy that is none": Case(lambda _: None, 2, None, {"http_proxy": f"http://{NAME}:{WORD}@127.0.0.1:port/"}),
}


FINISHED = [*CASES][::6]
"""Cases after which a second fetch, of servers that are well again, must end well too: each is a whole one."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.thinned(6)
def test_no_key_and_no_signature_is_kept_or_said_whatever_goes_wrong(case: str, trial: Trial) -> None:
    wrong = CASES[case]
    wrong.prepare(trial)
    ask_for_key(trial.servers)
    env = {name: value.replace("PROXY", trial.servers.dataverse.removeprefix("http://")) for name, value in wrong.env.items()}
    until = wrong.until
    ended = trial.run("--json", "--source", "dataverse", env=env, until=(lambda running: until(trial, running)) if until else None)
    assert ended.code == wrong.code, ended
    assert json.loads(ended.out)["exit_code"] == wrong.code
    assert (trial.before, trial.leaks) == ([], [])
    if case in FINISHED:
        trial.servers.heal()
        trial.servers.key = KEY
        ask_for_key(trial.servers)
        assert trial.run().code == 0
        assert trial.leaks == []
    assert [r for r in strangers(trial.servers) if KEY in sent_to(r) or "cookie" in r.headers] == []
