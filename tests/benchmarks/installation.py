"""The tests' small Dataverse and its store, behind one line, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import shutil
import signal
from typing import TYPE_CHECKING

from tests.benchmarks.line import Line
from tests.benchmarks.published import facts_of
from tests.dataverse import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from tests.benchmarks.line import Traits
    from tests.benchmarks.published import Published

_FORK = multiprocessing.get_context("fork")


@contextlib.contextmanager
def installation(published: Published, traits: Traits, where: Path) -> Iterator[tuple[Path, Line]]:
    """A Dataverse that has a record's metadata: the ``record.json`` that names it, and the line to it and its store."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_serve, args=(theirs, published), daemon=True)
    process.start()
    theirs.close()
    try:
        with Line(traits, ours.recv()) as line:
            ours.send(line.addresses)
            where.mkdir()
            facts = ours.recv()
            shutil.copyfile(published.folder / facts["digests"]["file"], where / facts["digests"]["file"])
            (where / "record.json").write_text(json.dumps(facts), encoding="utf-8")
            yield where / "record.json", line
    finally:
        process.terminate()
        process.join()


def _serve(other: Connection, published: Published) -> None:
    """Serve until the process is ended; the servers name each other as they are reached over the line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Servers(facts_of(published), {published.metadata: published.folder / published.metadata}) as servers:
        other.send([servers.dataverse, servers.s3])
        servers.dataverse, servers.s3 = other.recv()
        other.send(servers.facts)
        signal.pause()
