"""What a server's answer means: bodies as servers were seen to send them."""

from __future__ import annotations

import datetime as dt

import pytest

from ham_cli import http
from ham_cli.http import Kind

EDGE = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n"
APACHE = b'<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>403 Forbidden</title>'
EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message>'
    b"<X-Amz-Expires>3600</X-Amz-Expires></Error>"
)
SIGNATURE = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SignatureDoesNotMatch</Code></Error>'
GUESTBOOK = b'{"status":"ERROR","message":"You may not download this file without the required Guestbook response for guestbookID 380."}'
LIMITED = b'{"status":"ERROR","message":"GetDatasetCommand failed: Rate limited due to too many requests."}'
BAD_KEY = b'{"status":"ERROR","message":"Bad API key"}'
MISSING = b'{"status":"ERROR","code":404,"message":"API endpoint does not exist on this server. Please check your code for typos"}'
RESTRICTED = b'{"status":"ERROR","code":403,"message":"Not authorized to access this object via this API endpoint."}'
JSON, HTML, XML = "application/json", "text/html", "application/xml"


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "words"),
    [
        (202, {"x-amzn-waf-action": "challenge"}, b"", Kind.FINAL, "firewall wants a browser"),
        (405, {"x-amzn-waf-action": "captcha", "content-type": HTML}, APACHE, Kind.FINAL, "firewall wants a browser"),
        (403, {"content-type": HTML}, EDGE, Kind.FINAL, "firewall refuses this machine"),
        (403, {"content-type": HTML}, APACHE, Kind.FINAL, "firewall refuses this machine"),
        (403, {"content-type": XML}, EXPIRED, Kind.RENEW, "expired"),
        (403, {"content-type": XML}, SIGNATURE, Kind.RENEW, "refuses the signed address"),
        (403, {"content-type": JSON}, RESTRICTED, Kind.FINAL, "the server refuses"),
        (401, {"content-type": JSON}, BAD_KEY, Kind.FINAL, "refuses the key"),
        (400, {"content-type": JSON}, GUESTBOOK, Kind.FINAL, "guestbook"),
        (404, {"content-type": JSON}, MISSING, Kind.FINAL, "no such file"),
        (412, {"content-type": XML}, SIGNATURE, Kind.CHANGED, "replaced"),
        (416, {"content-type": XML}, b"<?xml", Kind.CHANGED, "replaced"),
        (429, {"content-type": JSON}, LIMITED, Kind.AGAIN, "too much to do"),
        (502, {"content-type": HTML}, APACHE, Kind.AGAIN, "not well"),
        (503, {"content-type": JSON}, b'{"status":"error"}', Kind.AGAIN, "not well"),
        (200, {"content-type": HTML}, APACHE, Kind.AGAIN, "a page where a file belongs"),
        (418, {}, b"", Kind.FINAL, "the server refuses"),
    ],
)
def test_an_answer_that_is_no_file_has_its_meaning_and_words(
    status: int, headers: dict[str, str], body: bytes, kind: Kind, words: str
) -> None:
    problem = http.problem_of(status, headers, body)
    assert (problem.kind, words in problem.what) == (kind, True)


def test_only_an_answer_that_asks_for_a_key_wants_one() -> None:
    assert [http.problem_of(s, {}, b).wants_key for s, b in ((401, BAD_KEY), (403, RESTRICTED), (403, EDGE), (404, MISSING))] == [
        True,
        True,
        False,
        False,
    ]


NOW = dt.datetime(2026, 11, 23, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 13:01:30 +0100", 90.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert http.retry_after(value, NOW) == seconds
    assert http.problem_of(503, {"retry-after": value or ""}, b"", NOW).after == seconds


def test_a_message_nested_without_end_is_no_message() -> None:
    assert http.problem_of(400, {}, b"[" * 100_000).kind is Kind.FINAL


def test_an_address_is_shown_without_its_query() -> None:
    assert http.plain("https://host/a/b.zip?X-Amz-Signature=secret&x=1") == "https://host/a/b.zip"


def test_the_client_says_who_it_is_decodes_nothing_and_follows_nothing() -> None:
    with http.client(http.Waits(), 4) as client:
        assert client.headers["user-agent"].startswith("ham/")
        assert (client.headers["accept-encoding"], client.follow_redirects) == ("identity", False)
