"""The servers together: started, told what to do, and asked what they saw."""

from __future__ import annotations

import copy
import json
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from tests.dataverse.access import Dataverse
from tests.dataverse.faults import Fault, Kind, spoilt
from tests.dataverse.listener import Entry, Ports
from tests.dataverse.published import Published
from tests.dataverse.setup import Setup
from tests.dataverse.store import BUCKETS, MIRROR, Bucket, Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from tests.dataverse.messages import Answer, Asked, Origin, Request
    from tests.small import Small

_GOOD = (200, 206)


class Servers(Setup):
    """A small Dataverse, the store it sends its clients to, and the challenge's bucket, on sockets of this machine.

    They run within ``with``. Settings are attributes (see ``Setup``) and may be changed at any time.
    """

    def __init__(self, facts: Mapping[str, Any], files: Mapping[str, bytes | Path], *, s3_host: str = "127.0.0.1") -> None:
        """Take what a ``record.json`` says, and the published files by name: originals, and ``.tab`` forms where they matter.

        A ``Path`` stands for a large file and is sent without being read here. Cookies know no ports: with
        ``s3_host="127.0.0.2"`` (Linux) those of Dataverse stay with it, as they do outside.
        """
        super().__init__(published=Published(facts, files))
        self.faults: list[Fault] = []
        hosts: dict[Origin, str] = {"dataverse": "127.0.0.1", "s3": s3_host, "bucket": "127.0.0.1"}
        self._ports = Ports(hosts, self, self._respond)
        self._lock = threading.Lock()
        self._origins: dict[Origin, Dataverse | Store | Bucket] = {"dataverse": Dataverse(self), "s3": Store(self), "bucket": Bucket(self)}

    @classmethod
    def of(cls, small: Small, *, s3_host: str = "127.0.0.1") -> Self:
        """Offer the small record."""
        return cls(small.facts, small.zips | small.tables, s3_host=s3_host)

    @classmethod
    def of_folder(cls, folder: Path, *, s3_host: str = "127.0.0.1") -> Self:
        """Offer a folder that holds a ``record.json`` and the published files."""
        files = {path.name: path for path in folder.iterdir() if path.is_file()}
        return cls(json.loads((folder / "record.json").read_bytes()), files, s3_host=s3_host)

    def __enter__(self) -> Self:
        """Begin to listen."""
        bases = self._ports.open()
        self.dataverse, self.s3, self.bucket = bases["dataverse"], bases["s3"], bases["bucket"] + BUCKETS[0]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End every thread and connection; raise what the servers themselves did wrong."""
        self._ports.close()
        if error is None and self._ports.crashes:
            raise self._ports.crashes[0]

    @property
    def old_bucket(self) -> str:
        """The bucket's other base URL."""
        return self.bucket.removesuffix(BUCKETS[0]) + BUCKETS[1]

    @property
    def mirror(self) -> str:
        """The base URL of a plain web server with every published file, originals among them."""
        return self.bucket.removesuffix(BUCKETS[0]) + MIRROR

    @property
    def facts(self) -> dict[str, Any]:
        """The record's facts with these servers in the place of its own, and with the ids they gave."""
        facts = copy.deepcopy(dict(self.published.facts))
        facts |= {"server": self.dataverse, "buckets": [self.bucket, self.old_bucket]}
        for file, datafile in zip(facts["files"], self.published.datafiles, strict=True):
            file["datafile_id"] = datafile.number
        return facts

    def record(self, like: Path, where: Path) -> Path:
        """Write a ``record.json`` of these servers into a folder, with the digests that lie beside another; the file."""
        where.mkdir(parents=True, exist_ok=True)
        digests = self.facts["digests"]["file"]
        if (like.parent / digests).is_file():
            shutil.copyfile(like.parent / digests, where / digests)
        (where / "record.json").write_text(json.dumps(self.facts, indent=1), encoding="utf-8")
        return where / "record.json"

    def fault(self, origin: Origin, kind: Kind, **options: Any) -> Fault:  # noqa: ANN401  (they are the fields of Fault)
        """Let something go wrong with the next request that fits; see ``Fault`` for the options.

        Of several that fit a request, it meets the one that was asked for first.
        """
        made = Fault(origin=origin, kind=kind, **options)
        if made.name is not None:
            made.name = self.published.label(made.name)
        with self._lock:
            self.faults.append(made)
        return made

    def heal(self) -> None:
        """Forget every fault."""
        with self._lock:
            self.faults.clear()

    def advance(self, seconds: float) -> None:
        """Set the servers' clock ahead."""
        self.ahead += seconds

    def replace(self, name: str, data: bytes | Path) -> None:
        """Put other bytes in the place of a file's (an original's name for a table's): its ETag changes too."""
        self.published.replace(name, data)

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in the order in which they came; waits a moment for those that are being answered."""
        self._ports.settle()
        return [entry.frozen() for entry in list(self._ports.entries)]

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self._ports.connections

    @property
    def downloads_counted(self) -> int:
        """What the dataset's counter of downloads would show: each ``GET`` of a file that does not say ``gbrecs=true``."""
        return sum(
            r.origin == "dataverse"
            and r.method == "GET"
            and r.path.startswith("/api/access/datafile/")
            and r.query.get("gbrecs") != "true"
            and r.status in {*_GOOD, 303}
            for r in self.requests
        )

    def sent(self, name: str, origin: Origin | None = None) -> int:
        """Bytes of a file's that the servers wrote, over all its requests."""
        return sum(r.sent for r in self.of_file(name, origin) if r.status in _GOOD)

    def of_file(self, name: str, origin: Origin | None = None) -> list[Request]:
        """The requests for a file."""
        label = self.published.label(name)
        return [r for r in self.requests if r.name == label and origin in {None, r.origin}]

    def reached(self, name: str, count: int, seconds: float = 10) -> bool:
        """Wait until so many bytes of a file were written; whether they were."""
        until, label = time.monotonic() + seconds, self.published.label(name)
        while sum(e.sent for e in list(self._ports.entries) if e.name == label and e.status in _GOOD) < count:
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True

    def _respond(self, asked: Asked, entry: Entry) -> Answer:
        entry.name = self._name(asked)
        respond = self._origins[asked.origin].respond
        with self._lock:
            fault = next((f for f in self.faults if f.fits(asked, entry.name)), None)
        if fault is None:
            return respond(asked)
        entry.fault = fault.kind
        made = spoilt(fault, self, asked, respond)
        if fault.kind == "replaced" and entry.name not in {None, "listing"}:  # the listing is made anew for each request
            self.replace(self._replaceable(str(entry.name)), fault.data)
        return made

    def _replaceable(self, label: str) -> str:
        original = next((d.original for d in self.published.datafiles if d.label == label), None)
        return original or label

    def _name(self, asked: Asked) -> str | None:
        path = asked.path
        if asked.origin == "s3":
            found = self.published.by_key(path.rpartition("/")[2])
            return found[0].label if found else None
        if asked.origin == "bucket":
            name = Bucket(self).name(asked)
            return name and self.published.label(name)
        if path.startswith("/api/access/datafile/"):
            datafile = Dataverse(self).datafile(asked)
            return datafile.label if datafile else None
        return "listing" if path.startswith(("/api/datasets/", "/api/files/")) else None
