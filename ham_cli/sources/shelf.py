"""Another ham cache behind any web server: its tables, images and masks one by one."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ham_cli.download import Address, Order, get
from ham_cli.http import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from ham_cli.download import Wire
    from ham_cli.record import PublishedFile, Record

MAX_BYTES = 64 << 20
"""Of anything that is asked for here: manifests of the published record have 1 MB, images 0.5 MB."""


class Shelf:
    """Things on a web server, by their paths in the record's folder of a cache."""

    kind = "mirror"

    def __init__(self, base: str, wire: Wire, say: Callable[[str], None]) -> None:
        self.base = base.rstrip("/")
        self.stop = threading.Event()
        """Set, it ends whatever is being asked."""
        self.manifest = b""
        """Its ``images.parquet``, once it is known to be one."""
        self._wire, self._say = wire, say

    def files(self, _component: str) -> tuple[PublishedFile, ...]:
        """No published archive: what they hold lies here unpacked."""
        return ()

    def get(self, label: str) -> bytes:
        """The bytes of one thing; raises `Problem`."""
        address = Address(self.page(label))
        order = Order(label, Path(label), lambda _times: address, is_table=True)
        return get(order, self._wire, self._say, self.stop, MAX_BYTES)

    def page(self, label: str) -> str:
        """The address of one thing."""
        return f"{self.base}/{quote(label)}"

    def holds(self, record: Record) -> bool:
        """Whether the folder of this very record lies here, with its manifest; raises `Problem` where nobody can tell."""
        try:
            said = json.loads(self.get("record.json"))
            right = (said["name"], said["version"]) == (record.name, record.version)
            self.manifest = self.get("manifests/images.parquet") if right else b""
        except Problem as problem:
            if problem.closes:
                raise
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        return bool(self.manifest)
