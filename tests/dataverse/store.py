"""The store: presigned URLs to it, and what it and the challenge's bucket answer."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote

from tests.dataverse.messages import Answer, Asked, Content, Slice, answer
from tests.dataverse.published import Datafile, kind_of
from tests.dataverse.ranges import wanted

if TYPE_CHECKING:
    from tests.dataverse.setup import Setup

BUCKETS = ("/challenges/2018/", "/2018/")
MIRROR = "/mirror/"
_SECRET = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_ACCESS = "AKIAIOSFODNN7EXAMPLE"
_IDS = {"RequestId": "4442587FB7D0A2F9", "HostId": "vnUbRMDLzRBRoBvV2bKpQ1fyUb3Y5QC7oOZhFCbkBTkxGXwSBgxS4ZUPY9yC5mFb"}
_SERVED = [("x-amz-id-2", _IDS["HostId"]), ("x-amz-request-id", _IDS["RequestId"])]


def presigned(setup: Setup, datafile: Datafile, *, original: bool, age: float = 0) -> str:
    """A URL of the store that is good for ``GET`` and for a while; ``age`` is how many seconds ago it was signed."""
    name = datafile.original if original and datafile.original else datafile.label
    path = f"/{setup.published.facts['doi']}/{datafile.key}{'.orig' if original and datafile.original else ''}"
    signed = time.gmtime(setup.now() - age)
    query = {
        "response-content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "response-content-type": kind_of(name),
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", signed),
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Expires": str(setup.url_expires),
        "X-Amz-Credential": f"{_ACCESS}/{time.strftime('%Y%m%d', signed)}/us-east-1/s3/aws4_request",
    }
    query["X-Amz-Signature"] = _signature("GET", path, query)
    return f"{setup.s3}{quote(path)}?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in query.items())


def _signature(method: str, path: str, query: dict[str, str]) -> str:
    signed = [f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(query.items()) if k != "X-Amz-Signature"]
    return hmac.new(_SECRET, "\n".join((method, path, *signed)).encode(), hashlib.sha256).hexdigest()


def refusal(status: int, code: str, message: str, **more: str) -> Answer:
    """The store's XML."""
    inside = "".join(f"<{k}>{v}</{k}>" for k, v in ({"Code": code, "Message": message} | more | _IDS).items())
    made = answer(status, f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode(), "application/xml", *_SERVED)
    made.put("Server", "AmazonS3")
    made.framing = "chunked"
    return made


def expired(setup: Setup, signed: float, seconds: int) -> Answer:
    """What a URL gets that is too old."""
    told = {"X-Amz-Expires": str(seconds), "Expires": _iso(signed + seconds), "ServerTime": _iso(setup.now())}
    return refusal(403, "AccessDenied", "Request has expired", **told)


@dataclass(frozen=True)
class Store:
    """The origin that Dataverse sends its clients to."""

    setup: Setup

    def respond(self, asked: Asked) -> Answer:
        """The bytes behind a presigned URL, or a refusal."""
        path, _, written = asked.target.partition("?")
        # A plus is no space here, so that a URL which was decoded and encoded again is found out.
        query = {unquote(k): unquote(v) for k, v in (pair.partition("=")[::2] for pair in written.split("&")) if k}
        refused = self._refused(asked, unquote(path), query)
        if refused:
            return refused
        found = self.setup.published.by_key(asked.path.rpartition("/")[2])
        if found is None or found[1] is None:
            return refusal(404, "NoSuchKey", "The specified key does not exist.", Key=asked.path.lstrip("/"))
        named = [("Content-Disposition", query["response-content-disposition"])]
        return serve(self.setup, asked, found[1], query["response-content-type"], *named)

    def _refused(self, asked: Asked, path: str, query: dict[str, str]) -> Answer | None:
        if "authorization" in asked.headers:
            told = {"ArgumentName": "Authorization", "ArgumentValue": asked.headers["authorization"]}
            message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter"
            return refusal(400, "InvalidArgument", f"{message} or the Authorization header should be specified", **told)
        try:
            signed, seconds = _moment(query["X-Amz-Date"]), int(query["X-Amz-Expires"])
            given = query["X-Amz-Signature"]
        except (KeyError, ValueError):
            return refusal(403, "AccessDenied", "Access Denied")
        if self.setup.now() > signed + seconds:
            return expired(self.setup, signed, seconds)
        if not hmac.compare_digest(given.encode(), _signature(asked.method, path, query).encode()):
            message = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
            return refusal(403, "SignatureDoesNotMatch", message, AWSAccessKeyId=_ACCESS, SignatureProvided=given)
        return None


@dataclass(frozen=True)
class Bucket:
    """The challenge's bucket, which asks for nothing; below ``/mirror/`` it has every published file."""

    setup: Setup

    def respond(self, asked: Asked) -> Answer:
        """A file's bytes, or a refusal."""
        if asked.method not in {"GET", "HEAD"}:
            return refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.", Method=asked.method)
        name = self.name(asked)
        if name:
            return serve(self.setup, asked, self.setup.published.contents[name], kind_of(name))
        if self.setup.bucket_denies:
            return refusal(403, "AccessDenied", "Access Denied")
        return refusal(404, "NoSuchKey", "The specified key does not exist.", Key=asked.path.lstrip("/"))

    def name(self, asked: Asked) -> str | None:
        """The file that is asked for; ``None`` for what is not there."""
        for prefix, offered in (*((b, self.setup.published.bucket) for b in BUCKETS), (MIRROR, set(self.setup.published.contents))):
            name = asked.path.removeprefix(prefix)
            if asked.path.startswith(prefix) and name in offered and name in self.setup.published.contents:
                return name
        return None


def serve(setup: Setup, asked: Asked, content: Content, kind: str, *more: tuple[str, str]) -> Answer:
    """An object, or as much of it as is asked for and its conditions allow."""
    etag = content.etag(setup.etag)
    tagged = [("ETag", etag)] if etag else []
    about = [*_SERVED, ("Last-Modified", content.changed), *tagged, ("Accept-Ranges", "bytes"), *more]
    match, unless = asked.headers.get("if-match"), asked.headers.get("if-none-match")
    if match is not None and not _listed(etag, match):
        told = {"Condition": "If-Match"}
        return refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", **told)
    if unless is not None and _listed(etag, unless):
        return Answer(304, [*about, ("Server", "AmazonS3")])
    made = Answer(200, [*about, ("Content-Type", kind), ("Server", "AmazonS3")])
    made.carry(Slice(content, 0, content.size))
    header, if_range = asked.headers.get("range"), asked.headers.get("if-range")
    same = if_range is None or if_range == content.changed or (if_range == etag and not if_range.startswith("W/"))
    if header is None or not same:
        return made
    found = wanted(header, content.size)
    if found == "unsatisfiable":
        told = {"RangeRequested": header, "ActualObjectSize": str(content.size)}
        return refusal(416, "InvalidRange", "The requested range is not satisfiable", **told)
    if found != "unreadable":
        made.status = 206
        made.put("Content-Range", f"bytes {found[0]}-{found[1] - 1}/{content.size}")
        made.carry(Slice(content, *found))
    return made


def signed_at(url: str) -> tuple[float, int]:
    """When a presigned URL was signed, in seconds since 1970, and how many seconds it lives."""
    query = dict(parse_qsl(url.partition("?")[2]))
    return _moment(query["X-Amz-Date"]), int(query["X-Amz-Expires"])


def _listed(etag: str | None, header: str) -> bool:
    return header.strip() == "*" or etag in {tag.strip() for tag in header.split(",")}


def _moment(written: str) -> float:
    return calendar.timegm(time.strptime(written, "%Y%m%dT%H%M%SZ"))


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
