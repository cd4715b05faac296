"""Any web server that has the published files under their names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ham_cli.download import Address
from ham_cli.http import Kind, Problem
from ham_cli.sources.asking import where

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ham_cli.record import PublishedFile, Record


class Mirror:
    """A folder on a web server."""

    kind = "mirror"

    def __init__(self, record: Record, client: httpx.Client, base: str) -> None:
        self.base = base.rstrip("/")
        self._record, self._client = record, client

    def files(self, component: str) -> tuple[PublishedFile, ...]:
        """What it may have of a component: the server's files, and where it has none the bucket's."""
        own = tuple(f for f in self._record.files if f.component == component)
        return own or tuple(f for f in self._record.bucket_files if f.component == component)

    def address_of(self, file: PublishedFile) -> Callable[[int], Address]:
        """Where a file is, under the first of its names that the server knows."""
        names = (file.original_name, *file.names) if file.original_name else file.names

        def resolve(_times: int) -> Address:
            problem = Problem(Kind.FINAL, "the mirror has no such file")
            for name in dict.fromkeys(names):
                url = f"{self.base}/{quote(name)}"
                try:
                    return Address(where(self._client, url, {}) or url)
                except Problem as found:
                    problem = found
                    if found.kind is not Kind.FINAL:
                        raise
            raise problem

        return resolve
