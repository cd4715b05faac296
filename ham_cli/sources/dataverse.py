"""A Dataverse installation: each file by its number, through a redirect to its storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.download import Address
from ham_cli.http import Kind, Problem
from ham_cli.sources.asking import where

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ham_cli.record import PublishedFile, Record


class Dataverse:
    """The server that a record names, or another one."""

    kind = "dataverse"

    def __init__(self, record: Record, client: httpx.Client, server: str | None = None, key: str | None = None) -> None:
        self.server = (server or record.server).rstrip("/")
        self._record, self._client = record, client
        self._key = key
        """Sent only to this server, and only after an answer that asks for one."""

    def files(self, component: str) -> tuple[PublishedFile, ...]:
        """What it has of a component."""
        return tuple(f for f in self._record.files if f.component == component and f.datafile_id is not None)

    def address_of(self, file: PublishedFile) -> Callable[[int], Address]:
        """Where the original bytes of a file are now.

        ``format=original``: of a table the server would else send its own conversion. ``gbrecs=true`` from the second time
        on: a retry is no further download in the record's statistics.
        """
        url = f"{self.server}/api/access/datafile/{file.datafile_id}?format=original"

        def resolve(times: int) -> Address:
            asked = url + ("&gbrecs=true" if times else "")
            headers: dict[str, str] = {}
            try:
                target = where(self._client, asked, headers)
            except Problem as problem:
                if self._key is None or problem.kind is not Kind.FINAL or not problem.wants_key:
                    raise
                headers = {"X-Dataverse-key": self._key}
                target = where(self._client, asked, headers)
            # The key never leaves this server: the storage is asked without it.
            return Address(target) if target else Address(f"{url}&gbrecs=true", headers)

        return resolve
