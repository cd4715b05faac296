"""A password in the address of a mirror or server: sent there and nowhere else, and neither kept nor said."""

from __future__ import annotations

import base64
import functools
import http.server
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests import killing
from tests import small as s
from tests.dataverse import Servers
from tests.killing import Fetching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.small import Small

NAME, WORD = "somebody", "correct-horse-battery"
BASIC = base64.b64encode(f"{NAME}:{WORD}".encode()).decode()


class Trial:
    """Fetches into one cache by somebody who types a password."""

    def __init__(self, servers: Servers, small: Small, where: Path) -> None:
        """Fetch from servers of the small record into a cache below ``where``."""
        self.servers, self.where, self.cache = servers, where, where / "cache"
        self.record = servers.record(small.record, where / "record")
        self.mirror = with_password(servers.mirror)

    def start(self, *arguments: object, env: dict[str, str] | None = None) -> Fetching:
        surroundings = {"HAM_DEBUG": "1"} | (env or {})
        return Fetching(*arguments, "-v", "--record", self.record, cache=self.cache, logs=self.where / "logs", env=surroundings)

    def run(self, *arguments: object, code: int = 0, env: dict[str, str] | None = None) -> None:
        """A fetch that ends with a code, of which nothing leaks."""
        with self.start(*arguments, env=env) as running:
            ended = running.end()
        assert ended.code == code, ended
        self.keeps_it()

    def keeps_it(self) -> None:
        """Nothing of a password stands in the cache, in what was said, or in the home."""
        assert killing.leaks({WORD, BASIC}, self.cache, self.where / "logs", self.where / "home") == []
        assert [r for r in self.servers.requests if r.origin == "s3" and "authorization" in r.headers] == []


def with_password(url: str) -> str:
    return url.replace("http://", f"http://{NAME}:{WORD}@")


@pytest.fixture
def trial(small: Small, tmp_path: Path) -> Iterator[Trial]:
    """The small record, on servers with a mirror."""
    with Servers.of(small, s3_host="127.0.0.2") as servers:
        yield Trial(servers, small, tmp_path)


def test_the_password_of_a_mirror_is_sent_to_it_and_stands_nowhere(trial: Trial) -> None:
    trial.run("--source", trial.mirror, "--json")
    assert {r.headers.get("authorization") for r in trial.servers.requests} == {f"Basic {BASIC}"}


def test_the_password_of_a_mirror_is_sent_to_no_other_server(trial: Trial) -> None:
    for name in (s.PART_1, s.METADATA):
        trial.servers.fault("bucket", "lost404", name=name, times=None)
    trial.run("--source", trial.mirror, "--source", "dataverse")
    assert {r.origin for r in trial.servers.requests if "authorization" in r.headers} == {"bucket"}
    assert {r.origin for r in trial.servers.requests} == {"bucket", "dataverse", "s3"}


def test_the_password_of_a_mirror_is_not_sent_where_it_redirects(trial: Trial) -> None:
    for datafile in trial.servers.published.datafiles:
        to = f"{trial.servers.dataverse}/api/access/datafile/{datafile.number}?format=original"
        trial.servers.fault("bucket", "redirect", name=datafile.label, to=to, times=None)
    with trial.start("--source", trial.mirror) as running:
        assert running.end().code in {0, 4}
    assert [r for r in trial.servers.requests if r.origin != "bucket" and "authorization" in r.headers] == []
    assert [r for r in trial.servers.requests if r.origin == "dataverse"] != []
    trial.keeps_it()


@pytest.mark.parametrize(
    "kind", ["lost404", "edge403", "not_authorized403", "redirect", "expired403", "ignore_range", "wrong_bytes", "502"]
)
@pytest.mark.thinned(3)
def test_a_mirror_that_fails_does_not_give_its_password_away(kind: str, trial: Trial) -> None:
    trial.servers.fault("bucket", kind, name=s.PART_1, times=2)  # type: ignore[arg-type]
    with trial.start("--source", trial.mirror, "--json") as running:
        assert running.end().code in {0, 4}
    trial.keeps_it()


def test_a_mirror_that_is_silent_does_not_give_its_password_away(trial: Trial) -> None:
    trial.servers.fault("bucket", "hang", name=s.PART_1, times=None)
    with trial.start("--source", trial.mirror) as running:
        running.until(lambda: trial.servers.faults[0].met > 0)
        assert WORD not in (trial.cache / ".lock.json").read_text()
        trial.keeps_it()
        with trial.start("--source", trial.mirror) as second:
            second.until(lambda: "waiting for" in second.err)
            assert second.end(signal.SIGINT).code == 130
        assert running.end(signal.SIGINT).code == 130
    trial.keeps_it()


def test_who_looks_before_and_who_names_a_folder_too_sees_no_password(trial: Trial, small: Small, tmp_path: Path) -> None:
    trial.run("--source", trial.mirror, "--dry-run")
    trial.run("--source", trial.mirror, "--offline", code=4)
    trial.servers.fault("bucket", "lost404", times=None)
    images = s.lay(tmp_path / "images", dict(small.images))
    trial.run("--source", trial.mirror, "--source", images, "images", "--only", "dx=mel", code=4)
    trial.run("--source", trial.mirror, "--source", s.lay(tmp_path / "nothing", {"a.txt": b"a"}), code=4)


def test_a_mirror_without_a_server_sees_no_password_said(trial: Trial) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with trial.start("--source", f"http://{NAME}:{WORD}@127.0.0.1:{port}", "--connections", "1") as running:
        running.until(lambda: "cannot be reached" in running.err or "refused" in running.err)
        running.end(signal.SIGINT)
    trial.keeps_it()


@pytest.mark.parametrize("option", ["--source", "--server"])
@pytest.mark.parametrize(
    "address",
    [
        f"http://{NAME}:{WORD}@127.0.0.1:99999/",
        f"http://{NAME}:{WORD}@127.0.0.1/?x=1",
        f"http://{NAME}:{WORD}@/",
        f"ftp://{NAME}:{WORD}@127.0.0.1/",
        f"http://{NAME}:a@{WORD}@127.0.0.1/?x=1",
        f"http://{NAME}:a/{WORD}@127.0.0.1/?x=1",
    ],
)
@pytest.mark.thinned(6)
def test_an_address_that_is_none_is_refused_without_its_password(option: str, address: str, trial: Trial) -> None:
    trial.run(option, address, "metadata", code=2)


@pytest.mark.parametrize("by", ["option", "environment"])
def test_the_password_of_a_dataverse_stands_nowhere(by: str, trial: Trial) -> None:
    server = with_password(trial.servers.dataverse)
    if by == "option":
        trial.run("--server", server)
    else:
        trial.run(env={"HAM_SERVER": server})
    assert {r.origin for r in trial.servers.requests if "authorization" in r.headers} == {"dataverse"}


class Guarded(http.server.SimpleHTTPRequestHandler):
    """Gives files to who knows the password."""

    def send_head(self) -> object:  # type: ignore[override]
        if self.headers.get("Authorization") == f"Basic {BASIC}":
            return super().send_head()
        self.send_error(401)
        return None

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def shelf(small_cache: Path) -> Iterator[str]:
    """The address of a whole cache behind a web server that wants a password; it is without it."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Guarded, directory=small_cache)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", [(), ("--json",), ("-q",)])
@pytest.mark.thinned(3)
def test_the_password_of_a_cache_behind_a_web_server_stands_nowhere(form: tuple[str, ...], shelf: str, trial: Trial) -> None:
    trial.run("--source", with_password(shelf), *form)
    assert trial.servers.requests == []


def test_who_does_not_know_the_password_of_a_cache_is_told(shelf: str, trial: Trial) -> None:
    trial.run("--source", with_password(shelf).replace(WORD, "another"), code=4)
