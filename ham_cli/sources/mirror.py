"""Any web server that has the published files under their names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ham_cli.download import Address
from ham_cli.http import MISSING, Kind, Problem, plain
from ham_cli.sources.asking import where

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from ham_cli.record import PublishedFile


class Mirror:
    """A folder on a web server."""

    kind = "mirror"

    def __init__(self, client: httpx.Client, base: str, published: Sequence[PublishedFile]) -> None:
        self.base = base.rstrip("/")
        self._client, self._published = client, published

    def files(self, component: str) -> tuple[PublishedFile, ...]:
        """What it may have of a component."""
        return tuple(f for f in self._published if f.component == component)

    def page(self, file: PublishedFile) -> str:
        """The address of a file, without a name and password."""
        return plain(f"{self.base}/{quote(file.received_name)}")

    def address_of(self, file: PublishedFile) -> Callable[[int], Address]:
        """Where a file is, under the first of its names that the server knows."""
        names = (file.original_name, *file.names) if file.original_name else file.names

        def resolve(_times: int) -> Address:
            problems: list[Problem] = []
            for name in dict.fromkeys(names):
                url = f"{self.base}/{quote(name)}"
                try:
                    return Address(where(self._client, url, {}) or url)
                except Problem as found:
                    problems.append(found)
                    if found.kind is not Kind.FINAL:
                        raise
            # That another name is not there tells less than what is wrong with the one that is.
            raise next((p for p in problems if p.what != MISSING), problems[0])

        return resolve
