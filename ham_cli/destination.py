"""Where an export goes that is no folder: an object store, in which an object appears whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

from ham_cli.errors import AccessError, HamError, UnavailableError, WrongUsageError
from ham_cli.extras import EXTRAS, NotInstalledError, command

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterable
    from concurrent.futures import Future
    from pathlib import Path

Result = TypeVar("Result")

STORES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "memory": "fsspec",
}
"""Each protocol that is written to, with the library that speaks it. All of them show an object only when it is whole."""

_AZURE = ("az", "abfs", "abfss")
"""Theirs is ``abfs://container@account.dfs.core.windows.net``."""

PART = 8 << 20
"""Bytes of a part: of a file that has two of them or more, several are sent at once."""

PARTS = 4
"""Parts of one file on their way at once."""

_MOST_PARTS = 9000
"""Of one file: S3 takes 10 000."""

_AT_ONCE = 64
"""Objects that are removed at the same time."""

HURRY = 3.0
"""Seconds that are given to each last word when the program ends early."""

_LOOK = 0.25
"""Seconds between two looks whether a signal came."""

_NO_KEYS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound", "DefaultCredentialsError"}
_DENIED = {"PermissionError", "ClientAuthenticationError", "Forbidden"}
_MISNAMED = {"ParamValidationError", "ValueError"}
_MISSING = {"FileNotFoundError", "NotFound", "ResourceNotFoundError"}
_AWAY = {"ConnectionError", "HTTPClientError", "ClientConnectionError", "ServiceRequestError", "TimeoutError"}
"""What the libraries' exceptions, or those that they derive from, are called."""


class Store:
    """One place in an object store, by its URL."""

    def __init__(self, url: str) -> None:
        """Nothing is asked yet; raises `WrongUsageError` for a URL that is none, and where the library for it is not installed."""
        protocol = _checked(url)
        self.url = url.rstrip("/")
        library = STORES[protocol]
        try:
            import fsspec
            from fsspec.asyn import AsyncFileSystem
            from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

            importlib.import_module(library)
        except ModuleNotFoundError as error:
            # The extra brings what S3 needs; who writes elsewhere has a library of that place beside it.
            fix = (
                f"{command('cloud')}   (ham's extra cloud brings the same)"
                if library in EXTRAS["cloud"]
                else f"{command('cloud')} {library}"
            )
            what = f"an export to {protocol}:// needs a library that is not installed"
            raise NotInstalledError(what, expected=error.name, fix=fix) from error
        try:
            found, self._root = fsspec.core.url_to_fs(self.url, skip_instance_cache=True, use_listings_cache=False)
        except Exception as error:  # noqa: BLE001  (whatever a store's library refuses in a URL or its own settings)
            raise _in_words(error, self.url) from None
        self._root = self._root.rstrip("/")
        self._fs: Any = found if isinstance(found, AsyncFileSystem) else AsyncFileSystemWrapper(found, asynchronous=False)
        self._callback = fsspec.Callback
        self._s3 = library == "s3fs"
        self._patience: float | None = None

    def listing(self) -> dict[str, int]:
        """Every object's name, from this place, with its size in bytes."""
        found = self._do(self._fs._find(self._root, detail=True))  # noqa: SLF001  (fsspec's way to ask without waiting)
        before = f"{self._root}/"
        return {path[len(before) :]: one["size"] for path, one in found.items() if path.startswith(before) and path != before}

    def read(self, name: str) -> bytes:
        """The bytes of an object."""
        data: bytes = self._do(self._fs._cat_file(self._path(name)))  # noqa: SLF001
        return data

    def write(self, name: str, data: bytes) -> None:
        """Make an object of bytes, in one piece."""
        self._do(self._fs._pipe_file(self._path(name), data))  # noqa: SLF001

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects that are there."""
        todo = [self._path(name) for name in names]
        for start in range(0, len(todo), _AT_ONCE):
            self._do(_all(self._fs._rm_file(path) for path in todo[start : start + _AT_ONCE]))  # noqa: SLF001

    def sending(self, source: Path, name: str, advanced: Callable[[int], None]) -> Future[None]:
        """Begin to make an object of a file; a large one goes in parts. ``advanced`` is told of bytes, in another thread."""
        callback = self._callback()
        callback.relative_update = lambda inc=1: advanced(inc)
        part = max(PART, source.stat().st_size // _MOST_PARTS)
        how = {"chunksize": part, "max_concurrency": PARTS} if self._s3 else {}
        return self._started(self._fs._put_file(str(source), self._path(name), callback=callback, **how))  # noqa: SLF001

    def result(self, future: Future[Result]) -> Result:
        """What came of something that was begun; raises `HamError` where the store failed."""
        try:
            return _waited(future, self._patience)
        except HamError:
            raise
        except Exception as error:  # noqa: BLE001  (of three libraries' exceptions)
            # Without what led to it: a store's own words may repeat what it was sent.
            raise _in_words(error, self.url) from None

    def abandon(self, names: Collection[str]) -> None:
        """End uploads in parts that were begun for these names and not finished: nobody sees them, and they are paid for."""
        if not self._s3:
            return
        bucket, key, _ = self._fs.split_path(self._path(""))
        with contextlib.suppress(HamError):  # who may write is not always allowed to list them
            found = self._do(self._fs._call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key))  # noqa: SLF001
            for one in found.get("Uploads") or ():
                if one["Key"][len(key) :] in names:
                    self._do(self._fs._abort_mpu(bucket, one["Key"], one["UploadId"]))  # noqa: SLF001

    def hurry(self) -> None:
        """From now on, wait only moments for an answer: the program is to end."""
        self._patience = HURRY

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _started(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        return asyncio.run_coroutine_threadsafe(work, self._fs.loop)

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.result(self._started(work))


async def _all(some: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*some)


def _waited(future: Future[Result], patience: float | None) -> Result:
    """What a future gives. Not waited for at one go: a signal that comes just before a wait is looked at only after it."""
    waited = 0.0
    while not future.done():
        with contextlib.suppress(TimeoutError):
            future.exception(_LOOK)
        waited += _LOOK
        if patience is not None and waited >= patience and not future.done():
            future.cancel()
            raise TimeoutError
    return future.result()


def _checked(url: str) -> str:
    """The protocol of a URL that can be a destination; raises `WrongUsageError`, which repeats no password."""
    protocol, _, rest = url.partition("://")
    protocol = protocol.lower()
    bucket = rest.partition("/")[0]
    # A secret may have a slash in it.
    if re.match(r"[^@]*:[^@]*@", rest) or ("@" in bucket and protocol not in _AZURE):
        fix = "leave them out: they are read from where the store's own programs have them (AWS_PROFILE, ~/.aws/credentials)"
        raise WrongUsageError("a destination takes no credentials in its URL", where=f"{protocol}://...", fix=fix)
    if "?" in rest or "#" in rest:
        shown = f"{protocol}://{re.split('[?#]', rest)[0]}"
        raise WrongUsageError("a destination takes no ? and no # in its URL", where=shown, expected="s3://BUCKET/PREFIX")
    if protocol not in STORES or "::" in url:
        known = ", ".join(f"{name}://" for name in STORES if name != "memory")
        raise WrongUsageError("ham cannot write to such a place", where=url, expected=f"a folder on this machine, or {known}")
    if not bucket or not url.isprintable():
        raise WrongUsageError("this URL names no bucket", where=url, expected=f"{protocol}://BUCKET/PREFIX")
    return protocol


def _in_words(error: BaseException, url: str) -> HamError:
    """A library's failure as ours; of its own words only the code, as the rest may hold what nobody should read."""
    names = {kind.__name__ for kind in type(error).__mro__}
    code = _code(error)
    if names & _NO_KEYS:
        fix = "give them as the store's own programs take them, such as AWS_PROFILE or ~/.aws/credentials"
        return AccessError("there are no credentials for this store", where=url, got=code, fix=fix)
    if names & _DENIED:
        return AccessError(
            "the store refused", where=url, got=code, fix="check the credentials, and that they may list, write and delete here"
        )
    if names & _MISNAMED:
        return WrongUsageError(
            "the store takes no such URL",
            where=url,
            expected="s3://BUCKET/PREFIX",
            got=code,
            fix="check the name of the bucket, and the store's settings",
        )
    if names & _MISSING:
        return UnavailableError("there is no such bucket", where=url, got=code, fix="make it first, or check its name and the endpoint")
    if names & _AWAY:
        fix = "check the network and the endpoint (AWS_ENDPOINT_URL), then run it again: what is there stays"
        return UnavailableError("the store cannot be reached", where=url, got=code, fix=fix)
    return UnavailableError("the store failed", where=url, got=code, fix="run it again: what is there stays")


def _code(error: BaseException) -> str:
    """What a store calls its failure, ``NoSuchBucket``; else what the library calls it."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9.]{1,60}", code) else type(error).__name__
