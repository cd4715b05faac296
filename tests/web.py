"""``ham fetch`` over the network as the tests run it: from the small servers, with little patience, and of a record with large zips."""

from __future__ import annotations

import copy
import json
import lzma
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ham_cli import record as records
from ham_cli.cache import Cache
from ham_cli.findings import Finding, Note
from ham_cli.http import Waits
from ham_cli.intake.request import Request
from ham_cli.intake.run import Intake
from ham_cli.links import Link
from ham_cli.selection import Selection
from tests import peek
from tests import small as s
from tests.conftest import run_here

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ham_cli.findings import Event
    from ham_cli.intake.request import Outcome
    from tests.conftest import Ran
    from tests.dataverse import Servers
    from tests.small import Small

QUICK = Waits(connect=5, read=0.5, first=0.01, longest=0.05, obeyed=0.2, attempts=3, slow=0.5)
"""Patience for tests: what is silent for half a second is given up."""
STEADY = replace(QUICK, read=20)
"""Where nothing is silent, but broken: a machine that has much else to do is no fault."""

TABLES = ("HAM10000_metadata.tab", "ISIC2018_Task3_Test_GroundTruth.tab", "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.tab")
"""The tables as the record names them."""
ZIPS = (s.MASKS, s.TEST, s.PART_1, s.PART_2)
TRAINING_TRUTH, TEST_TRUTH = "ISIC2018_Task3_Training_GroundTruth.zip", "ISIC2018_Task3_Test_GroundTruth.zip"
TEST_INPUT = "ISIC2018_Task3_Test_Input.zip"
"""What only the challenge has."""
PLANTED_IMAGE = s.jpeg("planted")
SEGMENT = 65533
"""Bytes that one comment of a JPEG holds."""


@dataclass(frozen=True)
class Patient:
    """What came of a fetch that was run with a patience of its own."""

    outcome: Outcome
    events: list[Event]

    @property
    def said(self) -> str:
        """Everything that was noted, a line each."""
        return "\n".join(event.text for event in self.events if isinstance(event, Note))

    @property
    def findings(self) -> list[Finding]:
        return [event for event in self.events if isinstance(event, Finding)]

    @property
    def troubles(self) -> list[tuple[str, str, str]]:
        """Source, file and what was wrong."""
        return [(t.source, t.name, t.what) for t in self.outcome.troubles]


class Web:
    """``ham fetch`` of a record that the servers offer."""

    def __init__(self, servers: Servers, like: Path, where: Path) -> None:
        self.servers, self.where, self.cache = servers, where, where / "cache"
        self.record = servers.record(like, where / "record")

    @property
    def folder(self) -> Path:
        """The record's folder in the cache."""
        return self.cache / s.ID

    def fetch(self, *arguments: object, cache: Path | None = None) -> Ran:
        """``ham fetch --json``."""
        return run_here("fetch", *arguments, "--record", self.record, "--json", cache=cache or self.cache)

    def say(self, *arguments: object) -> Ran:
        """``ham fetch`` for a person."""
        return run_here("fetch", *arguments, "--record", self.record, cache=self.cache)

    def patiently(
        self, *components: str, sources: Iterable[str | Path] = ("dataverse",), waits: Waits = QUICK, wish: Selection | None = None
    ) -> Patient:
        """A fetch with another patience than the command's."""
        request = Request(
            cache=Cache(self.cache),
            record=records.load_foreign(self.record),
            sources=tuple(sources),
            components=components,
            wish=wish or Selection(),
            link=Link.AUTO,
            jobs=2,
            waits=waits,
        )
        intake = Intake(request)
        intake.load()
        return Patient(intake.outcome, list(intake.run()))

    def asked(self, *, after: int = 0) -> list[str]:
        """The files that were asked for, in the order of the first request for each."""
        return list(dict.fromkeys(r.name or r.path for r in self.servers.requests[after:]))

    def files(self, folder: str = "images") -> dict[str, bytes]:
        """The files in a folder of the record's, by name."""
        return peek.contents(self.folder / folder)

    @property
    def archives(self) -> list[str]:
        """What lies where zips arrive, hidden files too."""
        return peek.names(self.folder / "archives")


def whole(small: Small, web: Web) -> bool:
    """Whether a cache holds every image, mask and table of the small record but those of validation, as they are published."""
    right = {"images": small.images, "masks": small.masks, "test": small.test}
    right["tables"] = {n: small.tables[n] for n in (s.METADATA, s.TEST_TRUTH, s.RATINGS)}
    return all(web.files(name) == files for name, files in right.items())


def challenged(small: Small, where: Path) -> Small:
    """The small record with all that the challenge's bucket has of the large one: its truth of the training images, and its test files."""
    truth = s.onehot((r[1], r[2]) for r in sorted(s.TRAIN, key=lambda row: row[1]))
    test_truth = s.onehot((r[1], r[2]) for r in s.TRUTH)
    zips = small.zips | {
        TRAINING_TRUTH: s.zipped({f"ISIC2018_Task3_Training_GroundTruth/{TRAINING_TRUTH[:-4]}.csv": truth}),
        TEST_INPUT: s.zipped({f"ISIC2018_Task3_Test_Input/{n}": d for n, d in (small.test | {f"{s.PLANTED}.jpg": PLANTED_IMAGE}).items()}),
        TEST_TRUTH: s.zipped({f"ISIC2018_Task3_Test_GroundTruth/{s.TEST_TRUTH}": test_truth}),
    }
    facts: dict[str, Any] = copy.deepcopy(small.facts)
    unknown: dict[str, Any] = {"bytes": None, "md5": None, "sha256": None, "images": None, "aliases": [], "original_name": None}
    of_train = unknown | {"component": "metadata", "partition": "train", "kind": "table_archive"}
    of_test = unknown | {"component": "test", "partition": "test"}
    like = facts["bucket_files"][0]
    facts["bucket_files"] += [
        like | of_train | {"name": TRAINING_TRUTH, "md5": s.md5(zips[TRAINING_TRUTH])},
        like | of_test | {"name": TEST_INPUT, "kind": "archive", "images": 5},
        like | of_test | {"name": TEST_TRUTH, "kind": "table_archive"},
    ]
    onehot = next(t for t in facts["tables"] if t["form"] == "onehot" and t["component"] == "test")
    whole = facts["tables"][0]["columns_sha256"]
    of_truth = {"component": "metadata", "partition": "train", "rows": 20, "bytes": None, "md5": None}
    of_truth |= {"name": f"{TRAINING_TRUTH[:-4]}.csv", "columns_sha256": {c: whole[c] for c in ("dx", "image_id")}}
    facts["tables"].insert(-1, onehot | of_truth)
    s.lay(
        where,
        {
            "record.json": json.dumps(facts, indent=1).encode(),
            "digests.sha256.xz": small.record.with_name("digests.sha256.xz").read_bytes(),
        },
    )
    return replace(small, record=where / "record.json", zips=zips, facts=facts)


def padded(data: bytes, size: int, seed: str) -> bytes:
    """A JPEG with so many bytes more, in comments that no packing makes smaller."""
    noise = random.Random(seed).randbytes(size)  # noqa: S311
    comments = (noise[at : at + SEGMENT] for at in range(0, size, SEGMENT))
    return data[:-2] + b"".join(b"\xff\xfe" + (len(c) + 2).to_bytes(2, "big") + c for c in comments) + data[-2:]


def heavy(small: Small, where: Path, size: int, names: Iterable[str] | None = None) -> Small:
    """The small record with so many bytes more in each of some images (all), and zips that grew with them."""
    grown = set(small.images if names is None else names)
    images = {n: padded(d, size, n) if n in grown else d for n, d in small.images.items()}
    halves = list(images)[:10], list(images)[10:]
    challenge = {f"ISIC2018_Task3_Training_Input/{n}": d for n, d in images.items()}
    zips = small.zips | {
        s.PART_1: s.zipped({n: images[n] for n in halves[0]}, packed=False),
        s.PART_2: s.zipped({n: images[n] for n in halves[1]}, packed=False),
        s.TRAINING_INPUT: s.zipped(challenge, packed=False),
    }
    facts: dict[str, Any] = copy.deepcopy(small.facts)
    for file in (*facts["files"], *facts["bucket_files"]):
        if file["name"] in {s.PART_1, s.PART_2, s.TRAINING_INPUT}:
            data = zips[file["name"]]
            file |= {"bytes": len(data), "md5": s.md5(data), "sha256": s.sha256(data)}
    rows = [("file", "bytes", "sha256"), *((n, str(len(b)), s.sha256(b)) for n, b in (images | small.masks).items())]
    digests = "".join(",".join(row) + "\n" for row in rows).encode()
    facts["digests"] |= {"sha256": s.sha256(digests), "image_bytes": sum(map(len, images.values()))}
    s.lay(where, {"record.json": json.dumps(facts, indent=1).encode(), "digests.sha256.xz": lzma.compress(digests)})
    return replace(small, record=where / "record.json", images=images, zips=zips, facts=facts)
