"""Proxies and certificates that the environment names."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import pytest

from tests.dataverse import Servers
from tests.web import Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.small import Small


@pytest.fixture
def web(small: Small, tmp_path: Path) -> Iterator[Web]:
    with Servers.of(small, s3_host="127.0.0.2") as servers:
        yield Web(servers, small.record, tmp_path)


class Proxy(BaseHTTPRequestHandler):
    """A proxy for plain HTTP that writes down what it was asked for."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        parts = urlsplit(self.path)
        there = HTTPConnection(parts.netloc, timeout=5)
        there.request("GET", f"{parts.path}?{parts.query}", headers=dict(self.headers))
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        there.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        pass


@contextmanager
def proxy() -> Iterator[str]:
    Proxy.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_proxy_of_the_environment_sees_every_request(web: Web, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy() as address:
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        assert web.fetch("metadata", "masks").code == 0
    assert web.files("masks") == small.masks
    assert sorted(urlsplit(url).path for url in Proxy.seen) == sorted(r.path for r in web.servers.requests)


def test_hosts_that_are_to_go_without_proxy_do(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy() as address:
        for name, value in (("HTTP_PROXY", address), ("NO_PROXY", "127.0.0.1")):
            monkeypatch.setenv(name, value)
            monkeypatch.setenv(name.lower(), value)
        assert web.fetch("metadata").code == 0
    assert {urlsplit(url).hostname for url in Proxy.seen} == {"127.0.0.2"}


@pytest.mark.parametrize("proxy_address", ["socks5://127.0.0.1:9", "nonsense://x", "http://127.0.0.1:port"])
def test_a_proxy_that_cannot_be_used_is_an_error_in_words(proxy_address: str, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy_address)
    ran = web.say("metadata")
    assert ran.code in {2, 4, 5}, ran.err
    assert "bug" not in ran.err
    assert "proxy" in ran.err.lower()


@pytest.mark.parametrize("content", [None, b"no certificate\n"])
def test_certificates_that_are_none_are_an_error_in_words(
    content: bytes | None, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    ran = web.say("metadata")
    assert ran.code in {2, 4, 5}, ran.err
    assert "SSL_CERT_FILE" in ran.err
    assert "Traceback" not in ran.err
