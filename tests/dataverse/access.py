"""The Dataverse installation: its native API and its access API."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from tests.dataverse import words
from tests.dataverse.listing import DATASET, Catalogue
from tests.dataverse.messages import Answer, Asked, Content, Slice, answer
from tests.dataverse.published import Datafile, kind_of
from tests.dataverse.ranges import wanted
from tests.dataverse.store import presigned

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.dataverse.messages import Framing
    from tests.dataverse.setup import Setup

_DOI = re.compile(r"doi:10\.\d+/\S+")
_MINUTE = 60
SERVED = ("Server", "Apache")


def said(status: int, document: object, *headers: tuple[str, str]) -> Answer:
    """A JSON document."""
    return answer(status, json.dumps(document, separators=(",", ":")).encode(), "application/json", SERVED, *headers)


def error(status: int, message: str, asked: Asked | None = None) -> Answer:
    """An error's envelope; with a request it is an exception mapper's, which has a code and echoes what was asked."""
    mapped = {"code": status} if asked else {}
    echo = {"requestUrl": f"http://{asked.headers.get('host', '')}{asked.target}", "requestMethod": asked.method} if asked else {}
    return said(status, {"status": "ERROR"} | mapped | {"message": message} | echo)


@dataclass(frozen=True)
class Dataverse:
    """The origin that knows the dataset."""

    setup: Setup

    def respond(self, asked: Asked) -> Answer:
        """The answer to any request."""
        if asked.headers.get("user-agent", "").startswith(tuple(self.setup.refused_agents)):
            return answer(403, words.APACHE_403, "text/html; charset=iso-8859-1", SERVED)
        path = asked.path.rstrip("/")
        if path == "/api/info/version":
            return said(200, {"status": "OK", "data": {"version": "6.10.1", "build": "harvard-patched"}})
        given = asked.headers.get("x-dataverse-key", asked.query.get("key"))
        if given is not None and given != self.setup.key:
            return error(401, "Bad API key")
        routes: dict[str, Callable[[Asked, str], Answer]] = {
            "/api/datasets/:persistentId": self._dataset,
            "/api/files/": self._file,
            "/api/access/datafile/": self._datafile,
            "/api/guestbooks/": self._guestbook,
        }
        for prefix, route in routes.items():
            if path.startswith(prefix):
                return route(asked, path.removeprefix(prefix))
        return error(404, words.NO_ENDPOINT, asked)

    def datafile(self, asked: Asked) -> Datafile | None:
        """The file that an access path or its ``persistentId`` names."""
        last = asked.path.rstrip("/").rpartition("/")[2]
        if last == ":persistentId":
            return self.setup.published.by_doi.get(asked.query.get("persistentId", ""))
        return self.setup.published.by_number.get(int(last)) if last.isdecimal() else None

    def _dataset(self, asked: Asked, rest: str) -> Answer:
        doi = asked.query.get("persistentId", "")
        if not doi:
            return error(400, words.NO_DATASET)
        if not _DOI.fullmatch(doi):
            return error(400, f"Bad dataset ID number: {doi}")
        if doi != self.setup.published.doi:
            return error(404, words.NO_DATASET)
        made = self._document(asked, rest) if asked.method in {"GET", "HEAD"} else error(405, "HTTP 405 Method Not Allowed", asked)
        made.delay = self.setup.listing.slow
        return made

    def _document(self, asked: Asked, rest: str) -> Answer:
        catalogue, query = Catalogue(self.setup), asked.query
        if not rest:
            return self._ok(catalogue.dataset())
        found = re.fullmatch(r"/versions/([^/]+)(/files)?", rest)
        if found is None:
            return error(404, words.NO_ENDPOINT, asked)
        asked_version, files = found.groups()
        version = catalogue.version()
        number, minor = version["versionNumber"], version["versionMinorNumber"]
        names = {":latest", ":latest-published", f"{number}.{minor}", self.setup.published.facts["version"]} | (
            {str(number)} if minor == 0 else set()
        )
        if asked_version not in names or self.setup.listing.deaccessioned:
            return error(404, f"Dataset version {asked_version} of dataset {DATASET} not found")
        if files:
            total = {"totalCount": len(version["files"])} if self.setup.listing.total_count else {}
            first = int(query.get("offset", "0"))
            last = first + int(query["limit"]) if "limit" in query else None
            listed = version["files"][::-1] if query.get("orderCriteria") == "NameZA" else version["files"]
            return self._ok(listed[first:last], **total)
        for parameter, key in (("excludeFiles", "files"), ("excludeMetadataBlocks", "metadataBlocks")):
            if query.get(parameter) == "true":
                version.pop(key)
        return self._ok(version)

    def _ok(self, data: Any, **more: object) -> Answer:  # noqa: ANN401  (a document)
        if self.setup.listing.edit:
            for each in data if isinstance(data, list) else [data]:
                self.setup.listing.edit(each)
        return said(200, {"status": "OK", **more, "data": data})

    def _file(self, asked: Asked, _: str) -> Answer:
        datafile = self.datafile(asked)
        return self._ok(Catalogue(self.setup).file(datafile)) if datafile else error(404, "File not found for given id.")

    def _guestbook(self, asked: Asked, rest: str) -> Answer:
        if self.setup.guestbook is None or rest != str(self.setup.guestbook):
            return error(404, words.NO_ENDPOINT, asked)
        question = {"id": 123, "question": "What for?", "required": False, "displayOrder": 0, "type": "text", "hidden": False}
        return self._ok({"id": self.setup.guestbook, "name": "Who are you?", "enabled": True, "customQuestions": [question]})

    def _datafile(self, asked: Asked, _: str) -> Answer:
        datafile = self.datafile(asked)
        if datafile is None:
            return error(404, words.NO_ENDPOINT, asked)
        return self._refused(asked, datafile) or self._delivered(asked, datafile)

    def _refused(self, asked: Asked, datafile: Datafile) -> Answer | None:
        """What stands before a file: who may have it, and the guestbook."""
        signed = self._is_signed(asked)
        if {datafile.label, "*"} & set(self.setup.restricted):
            return error(403, words.NOT_AUTHORIZED, asked)
        if signed is False:
            return error(401, "Bad signed URL")
        if self.setup.guestbook is not None and not signed:
            return self._sign(asked, datafile) if asked.method == "POST" else error(400, words.GUESTBOOK.format(self.setup.guestbook))
        return None if asked.method in {"GET", "HEAD"} else error(405, "HTTP 405 Method Not Allowed", asked)

    def _delivered(self, asked: Asked, datafile: Datafile) -> Answer:
        form = asked.query.get("format")
        table = datafile.original is not None and form != "original"
        if form not in {None, "original"} and (datafile.original is None or form != "tab"):
            return error(404, words.NO_ENDPOINT, asked)
        content = self.setup.published.content(datafile, original=not table)
        if content is None:
            return error(404, words.LOST.format(datafile.number), asked)
        if table:
            return self._streamed(asked, content, datafile.label, self.setup.tab_framing)
        if self.setup.streamed:
            return self._streamed(asked, content, datafile.original or datafile.label, "length")
        return redirect(303, presigned(self.setup, datafile, original=True))

    def _sign(self, asked: Asked, datafile: Datafile) -> Answer:
        try:
            given = json.loads(asked.body)["guestbookResponse"]
            complete = bool(given["name"] and given["email"])
        except (ValueError, KeyError, TypeError):
            complete = False
        if not complete:
            return error(400, words.GUESTBOOK.format(self.setup.guestbook))
        until = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.setup.now() + _MINUTE))
        kept = {k: v for k, v in asked.query.items() if k == "format"}
        query = urlencode(kept | {"gbrecs": "true", "gbrids": "1", "until": until + ".000", "user": "guest", "method": "GET"})
        url = f"{self.setup.dataverse}/api/access/datafile/{datafile.number}?{query}"
        return said(200, {"status": "OK", "data": {"signedUrl": f"{url}&token={_token(url)}"}})

    def _is_signed(self, asked: Asked) -> bool | None:
        """Whether the URL's signature holds; ``None`` where there is none."""
        url, found, token = f"{self.setup.dataverse}{asked.target}".rpartition("&token=")
        if not found:
            return None
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.setup.now()))
        query = dict(parse_qsl(url.partition("?")[2]))
        return token == _token(url) and query.get("method") == asked.method and now <= query.get("until", "")

    def _streamed(self, asked: Asked, content: Content, name: str, framing: Framing) -> Answer:
        """What Dataverse reads for its client: no ETag, and ``If-Range`` says nothing to it."""
        escaped = quote(name)
        kind = f'{kind_of(name)}; name="{escaped}"'
        made = Answer(200, [("Content-Disposition", f'attachment; filename="{escaped}"'), ("Content-Type", kind), SERVED])
        made.carry(Slice(content, 0, content.size))
        made.framing = framing
        if "range" in asked.headers:
            found = wanted(asked.headers["range"], content.size)
            if isinstance(found, str):
                message = "Error due to Range header: Start is larger than end or size of file."
                return said(416, {"status": "ERROR", "code": 416, "message": message})
            made.status, made.framing = 206, "length"
            made.headers += [("Accept-Ranges", "bytes"), ("Content-Range", f"bytes {found[0]}-{found[1] - 1}/{content.size}")]
            made.carry(Slice(content, *found))
        return made


def redirect(status: int, location: str | None) -> Answer:
    """A redirect as Dataverse sends it: without a body, with a type and cookies all the same."""
    made = Answer(status, [SERVED, *([("Location", location)] if location is not None else [])])
    made.headers += [("Content-Type", "application/xml;charset=ISO-8859-1"), ("Access-Control-Allow-Origin", "*")]
    made.headers += [
        ("Set-Cookie", "JSESSIONID=9f2c7d5a8e1b4c3fa6d0; Path=/"),
        ("Set-Cookie", "AWSELB=5BD1A5F10C8B2E7D; PATH=/; MAX-AGE=3600"),
    ]
    return made


def _token(url: str) -> str:
    return hashlib.sha512(f"{url} is signed".encode()).hexdigest()
