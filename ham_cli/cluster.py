"""A Dask cluster that does the tasks of `pool`: the same functions, the same results, in the same order."""

from __future__ import annotations

import hashlib
import itertools
import logging
import socket
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ham_cli import __version__
from ham_cli.errors import AccessError, HamError, UnavailableError
from ham_cli.extras import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")

PATIENCE = 10
"""Seconds in which a scheduler answers, and a first worker is there."""

_AHEAD = 3
"""Batches on their way for each thread of a worker: enough to keep it busy over a network."""

_SHARED = "every worker needs ham in the same version, and the same files under the same path (a shared file system)"


class Cluster:
    """The workers of one scheduler."""

    def __init__(self, address: str) -> None:
        """Go to a scheduler, ``tcp://HOST:8786``; raises `UnavailableError` where it does not answer, or has no workers."""
        with needed("dask", "--dask"):
            import distributed
            from distributed.client import FutureCancelledError
            from distributed.comm.core import CommClosedError
            from distributed.scheduler import KilledWorker
        # What the libraries remark about connections is said here in other words.
        for name in ("distributed", "tornado", "asyncio", *(n for n in logging.root.manager.loggerDict if n.startswith("distributed."))):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self.address = address
        self._lost: tuple[type[Exception], ...] = (FutureCancelledError, CommClosedError)
        self._killed = KilledWorker
        make: Any = distributed.Client
        try:
            self._client = make(address, timeout=PATIENCE, set_as_default=False, name="ham")
        except (OSError, TimeoutError, ValueError) as error:
            raise UnavailableError(
                "no Dask scheduler answers", where=address, got=error, fix="check the address: dask scheduler prints it as tcp://HOST:8786"
            ) from error
        self._marks: dict[str, str] = {}
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            self.close()
            raise UnavailableError("this Dask cluster has no workers", where=address, fix=f"start some: dask worker {address}") from error

    @property
    def count(self) -> int:
        """How many tasks the workers do at once."""
        return sum(self._client.nthreads().values()) or 1

    def require(self, path: Path) -> None:
        """Raise `AccessError`, naming the workers, where one does not see this file as it is here, or has another ham."""
        self._marks[str(path)] = _digest(str(path)) or ""
        found = self._client.run(_odd, self._marks, _here(), on_error="return")
        for worker, odd in sorted(found.items()):
            if isinstance(odd, Exception):
                raise AccessError("a Dask worker cannot run ham", where=worker, got=odd, fix=_SHARED)
            if odd:
                raise _unlike(worker, odd)

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task], batch: int) -> Generator[Result, None, None]:
        """The results of a module's function over tasks, in order; a worker that is lost is replaced by another one.

        Raises `UnavailableError` where the scheduler goes away, or the work ends one worker after the other.
        """
        todo, pending, here = iter(tasks), deque[Any](), _here()
        try:
            while True:
                most = self.count * _AHEAD
                while len(pending) < most and (some := list(itertools.islice(todo, batch))):
                    pending.append(self._client.submit(_several, function, some, self._marks, here, pure=False))
                if not pending:
                    return
                yield from self._result(pending.popleft())
        finally:
            for future in pending:
                future.cancel()

    def _result(self, future: Any) -> Any:  # noqa: ANN401  (what the library gives)
        try:
            return future.result()
        except HamError:
            raise
        except self._killed as error:
            fix = "look at the workers' own words: too little memory is the usual reason; a smaller --shard-size needs less"
            raise UnavailableError(
                "Dask workers ended while they worked, one after the other", where=self.address, got=error, fix=fix
            ) from error
        except self._lost as error:
            fix = "start it, and run the same again: what is done is not done again"
            raise UnavailableError("the Dask scheduler went away", where=self.address, fix=fix) from error

    def close(self) -> None:
        """Leave the cluster, which goes on."""
        self._client.close()


def _several(function: Callable[[Task], Result], some: Sequence[Task], marks: dict[str, str], ours: tuple[str, str]) -> list[Result]:
    """What a worker does; one that came later may not see what the others do."""
    if odd := _odd(marks, ours):
        raise _unlike(socket.gethostname(), odd)
    return [function(task) for task in some]


def _odd(marks: dict[str, str], ours: tuple[str, str]) -> tuple[str, str, str] | None:
    """What, expected and got, where this process has another ham, or does not see files as they are elsewhere."""
    if (mine := _here()) != ours:
        return "has another ham or another decoder of images", ", ".join(ours), ", ".join(mine)
    for path, digest in marks.items():
        if _seen.get(path) != digest:
            if (got := _digest(path)) != digest:
                return f"cannot see {path} as it is here", f"SHA-256 {digest}", f"SHA-256 {got}" if got else "no such file"
            _seen[path] = digest
    return None


_seen: dict[str, str] = {}
"""Path to digest, of what this worker has seen to be right."""


def _unlike(worker: str, odd: tuple[str, str, str]) -> AccessError:
    what, expected, got = odd
    return AccessError(f"a Dask worker {what}", where=worker, expected=expected, got=got, fix=_SHARED)


def _here() -> tuple[str, str]:
    from ham_cli import images

    return f"ham {__version__}", images.decoder()


def _digest(path: str) -> str | None:
    """The SHA-256 of a file's beginning and size: it may be a zip."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.sha256(file.read(1 << 20) + str(file.seek(0, 2)).encode()).hexdigest()
    except OSError:
        return None
