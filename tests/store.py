"""A real S3 server on loopback (moto's), which writes down what was asked, and holds up or refuses what a test says."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEY, SECRET, TOKEN = "HAMMARKEDKEYID", "ham-marked/secret+access", "ham-marked-token"

PATIENCE = 60


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    """``/bucket/key``."""
    query: dict[str, list[str]]
    authorization: str

    @property
    def writes(self) -> bool:
        """Whether it brings bytes of an object."""
        return self.method == "PUT" and self.path.count("/") > 1


@dataclass
class Server:
    """The server, and one bucket of it."""

    url: str
    bucket: str = ""
    asked: list[Asked] = field(default_factory=list)
    held: Callable[[Asked], bool] | None = None
    """Which requests are held up until the test lets them go."""
    came: threading.Event = field(default_factory=threading.Event)
    """One is held up."""
    go: threading.Event = field(default_factory=threading.Event)
    refused: Callable[[Asked], bool] | None = None
    """Which requests are refused, with all that they said in the answer."""

    def __post_init__(self) -> None:
        """Look at it with Amazon's own library."""
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  (of nothing)
            region_name="us-east-1",
        )

    def answer(self, app: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401  (a WSGI application)
        """What is asked by ham, as the test says; all else as it is."""
        one = Asked(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            parse_qs(environ["QUERY_STRING"], keep_blank_values=True),
            environ.get("HTTP_AUTHORIZATION", ""),
        )
        if KEY in one.authorization:
            self.asked.append(one)
            if self.held and self.held(one):
                self.came.set()
                self.go.wait(PATIENCE)
            if self.refused and self.refused(one):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                told = f"{one.authorization} {environ.get('HTTP_X_AMZ_SECURITY_TOKEN')} {SECRET}"
                start("403 Forbidden", [("Content-Type", "application/xml")])
                return [f"<Error><Code>AccessDenied</Code><Message>{told}</Message></Error>".encode()]
        answer: Iterable[bytes] = app(environ, start)
        return answer

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """What anybody sees there, with its bytes, from a prefix."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {one["Key"][len(prefix) :]: self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found}

    def put(self, key: str, data: bytes) -> None:
        """An object of somebody's."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def unfinished(self) -> list[str]:
        """The keys of uploads in parts that were begun and not ended."""
        return [one["Key"] for one in self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])]

    def sent(self, prefix: str = "") -> list[str]:
        """The names of objects whose bytes ham brought, in order; of one in parts once a part."""
        before = f"/{self.bucket}/{prefix}"
        return [one.path[len(before) :] for one in self.asked if one.writes and one.path.startswith(before)]

    def fresh(self, bucket: str) -> None:
        """A bucket of a test's own, and nothing held up, refused or asked."""
        self.bucket, self.held, self.refused = bucket, None, None
        self.asked.clear()
        self.came.clear()
        self.go.clear()
        self.s3.create_bucket(Bucket=bucket)


def started() -> tuple[Server, Callable[[], None]]:
    """A server that runs, and what ends it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    server, running = Server(f"http://{host}:{port}"), moto._server  # noqa: SLF001  (it has no door for a listener)
    assert running is not None
    app = running.app
    running.app = lambda environ, start: server.answer(app, environ, start)
    return server, moto.stop
