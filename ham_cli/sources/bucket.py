"""The challenge's own bucket: the same images in other packaging, plain files without redirect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ham_cli.download import Address
from ham_cli.http import Kind, Problem
from ham_cli.sources.asking import where

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ham_cli.record import PublishedFile, Record


class Bucket:
    """The addresses that a record names, the first one first choice."""

    kind = "isic"

    def __init__(self, record: Record, client: httpx.Client) -> None:
        self._record, self._client = record, client

    def files(self, component: str) -> tuple[PublishedFile, ...]:
        """What it has of a component."""
        return tuple(f for f in self._record.bucket_files if f.component == component)

    def page(self, file: PublishedFile) -> str:
        """The stable address of a file, without a query: below the first base."""
        return next((f"{base.rstrip('/')}/{file.name}" for base in self._record.buckets), file.name)

    def address_of(self, file: PublishedFile) -> Callable[[int], Address]:
        """Where a file is: the first base that has it."""

        def resolve(_times: int) -> Address:
            problem = Problem(Kind.FINAL, "the record names no bucket")
            for base in self._record.buckets:
                try:
                    url = f"{base.rstrip('/')}/{file.name}"
                    return Address(where(self._client, url, {}) or url)
                except Problem as found:
                    # A bucket that may not be listed says 403 for what it has not.
                    problem = found if found.kind is not Kind.RENEW else Problem(Kind.FINAL, "the bucket has no such file", got=found.got)
            raise problem

        return resolve
