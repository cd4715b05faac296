"""A Dataverse installation: what it lists of a record, and each file by its number, through a redirect to its storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit

from ham_cli.download import Address
from ham_cli.http import Kind, Problem
from ham_cli.sources.asking import MissingError, document, is_here, patiently, where
from ham_cli.sources.listing import MOST_BYTES, read_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from ham_cli.http import Waits
    from ham_cli.record import PublishedFile, Record
    from ham_cli.sources.listing import Listing

Found = TypeVar("Found")

_PATIENCE = 10.0
"""Seconds that a listing may take, with its retries: without it the pinned facts do."""


class Dataverse:
    """The server that a record names, or another one."""

    kind = "dataverse"

    def __init__(self, record: Record, client: httpx.Client, server: str | None = None, key: str | None = None) -> None:
        self.server = (server or record.server).rstrip("/")
        self._record, self._client = record, client
        self._key = (key or "").strip()
        """Sent only to this server, and only after an answer that asks for one."""
        self._key_helped = False
        """From then on the key is sent at once. Not before: one that has expired turns public files into refused ones."""

    def files(self, component: str) -> tuple[PublishedFile, ...]:
        """What it has of a component."""
        return tuple(f for f in self._record.files if f.component == component and f.datafile_id is not None)

    def page(self, file: PublishedFile) -> str:
        """The stable address of a file, without a query."""
        return f"{self.server}/api/access/datafile/{file.datafile_id}"

    def listing(self, waits: Waits, *, seconds: float = _PATIENCE) -> Listing:
        """What the server lists now for the record's version, asked for in about so many seconds at most.

        Raises `Problem` where it does not tell: a passing fault is met with up to two retries, any other at once.
        """
        version, doi = quote(self._record.version, safe=""), quote(f"doi:{self._record.doi}", safe=":/")
        url = f"{self.server}/api/datasets/:persistentId/versions/{version}?persistentId={doi}&excludeMetadataBlocks=true"

        def ask(left: float) -> bytes:
            return self._with_key(lambda headers: document(self._client, url, headers, most=MOST_BYTES, seconds=left))

        try:
            return read_listing(patiently(ask, waits, seconds))
        except MissingError as missing:
            # What Dataverse says to it is misleading: a parameter that is missing, an endpoint that does not exist.
            got = f"404 for version {self._record.version} of doi:{self._record.doi}"
            what, fix = "the server does not know this version of the record", "check --server, or name another --source"
            raise Problem(Kind.FINAL, what, got=got, fix=fix) from missing

    def address_of(self, file: PublishedFile) -> Callable[[int], Address]:
        """Where the original bytes of a file are now.

        ``format=original``: of a table the server would else send its own conversion. ``gbrecs=true`` from the second time
        on: a retry is no further download in the record's statistics.
        """
        url = f"{self.page(file)}?format=original"

        def resolve(times: int) -> Address:
            asked = url + ("&gbrecs=true" if times else "")

            def ask(headers: Mapping[str, str]) -> Address:
                target = where(self._client, asked, headers)
                # The key never leaves this server: the storage is asked without it.
                return Address(target) if target else Address(f"{url}&gbrecs=true", dict(headers))

            return self._with_key(ask)

        return resolve

    def _with_key(self, ask: Callable[[Mapping[str, str]], Found]) -> Found:
        """What a question to this server gives, with the key where the server wants one and there is one."""
        headers = {"X-Dataverse-key": self._key}
        if self._key_helped:
            return ask(headers)
        try:
            return ask({})
        except Problem as problem:
            if not self._key or problem.kind is not Kind.FINAL or not problem.wants_key:
                raise
        if not (self._key.isascii() and self._key.isprintable()):
            # The library's own words would repeat the key.
            raise Problem(Kind.FINAL, "the key holds signs that no key has", fix="check HAM_DATAVERSE_KEY")
        if not (self.server.startswith("https://") or is_here(urlsplit(self.server).hostname)):
            fix = "name the server by https: --server https://..."
            raise Problem(Kind.FINAL, "the server asks for the key, and everybody on the way could read it", fix=fix)
        found = ask(headers)
        self._key_helped = True
        return found
