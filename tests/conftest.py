"""What every test is given: walls around the real world, the command, real data where there is some, a small record."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests import small as records
from tests.guard import sitecustomize as _guard  # noqa: F401  (its import sets up the guard of this process)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from tests.dataverse import Servers
    from tests.small import Small
    from tests.web import Web

_TESTS = Path(__file__).parent
_DATA = Path(os.environ["HAM_TEST_DATA"]).absolute() if os.environ.get("HAM_TEST_DATA") else None
# The last one: without compiled files every process that a test starts would take three times as long.
_UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Tests that run in the background of a shell: what they start must hear Ctrl-C all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs every case."""
    parser.addoption("--every", action="store_true", help="also the cases that are left out of tests with very many alike (marked thinned)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test that is marked ``thinned(n)`` keep every n-th case, of ``thinned(0)`` none, unless all are asked for."""
    if config.getoption("--every"):
        return
    seen: dict[str, int] = {}
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("thinned")
        name = item.nodeid.partition("[")[0]
        place = seen[name] = seen.get(name, -1) + 1
        (dropped if mark and (not mark.args[0] or place % mark.args[0]) else kept).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_collection_finish() -> None:
    """Let Python not look for circles among thousands of collected tests each time: a twentieth of the processor's time."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Ran:
    """How a command that ran in this process ended."""

    code: int
    out: str
    err: str

    def __iter__(self) -> Iterator[Any]:
        """Give ``(code, stdout, stderr)``."""
        return iter((self.code, self.out, self.err))

    @property
    def json(self) -> dict[str, Any]:
        """The one document that ``--json`` prints."""
        document: dict[str, Any] = json.loads(self.out, parse_constant=_no_constant)
        return document

    @property
    def result(self) -> dict[str, Any]:
        """The document's result."""
        result: dict[str, Any] = self.json["result"]
        return result


class Here(Protocol):
    """Runs the command in this process."""

    def __call__(self, *arguments: object, cache: Path | None = None) -> Ran:
        """Run ``ham`` with arguments; ``cache`` is its ``--cache-dir``."""


class Fetch(Protocol):
    """Fetches the small record from folders, in this process."""

    def __call__(self, *arguments: object, source: Path | tuple[Path, ...], cache: Path | None = None) -> Ran:
        """Run ``ham fetch --json``; the cache is by default the fixture of this name, there or not."""


class Command(Protocol):
    """Runs the command in a process of its own."""

    def __call__(
        self,
        *arguments: object,
        cache: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``ham`` with arguments; ``env`` adds to the environment, ``user`` is whose process it is."""


@pytest.fixture(autouse=True, scope="session")
def _walls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Home, caches and options lie in a temporary folder, for this process and all it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*_UNSET, *(n for n in os.environ if n.startswith("HAM_"))):
            patch.delenv(name, raising=False)
        _wall(patch, tmp_path_factory.mktemp("home"))
        python_path = [str(_TESTS / "guard"), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(p for p in python_path if p))
        yield


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own for every test: nothing that one leaves there is seen by another."""
    _wall(monkeypatch, tmp_path / "home")


def _wall(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in ("HOME", "USERPROFILE"):
        patch.setenv(name, str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        patch.setenv(name, str(home / name.lower()))
    patch.setenv("HAM_CACHE_DIR", str(home / "ham"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    if _DATA is None:
        pytest.skip("HAM_TEST_DATA names no folder of real data")
    if not (_DATA / "HAM10000_metadata").is_file():
        pytest.skip(f"HAM_TEST_DATA names {_DATA}, which has no HAM10000_metadata")
    return _DATA


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The small record; its bytes are never changed."""
    return records.build(tmp_path_factory.mktemp("record"))


@pytest.fixture(scope="session")
def full(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The small record with everything that the challenge's bucket has of the large one."""
    from tests.web import challenged

    return challenged(small, tmp_path_factory.mktemp("challenge"))


@pytest.fixture
def offered(small: Small) -> Small:
    """The record that the servers have: a module names another one by a fixture of its own."""
    return small


@pytest.fixture
def servers(offered: Small) -> Iterator[Servers]:
    """A small Dataverse, its store and the bucket, with all files of a record."""
    from tests.dataverse import Servers

    with Servers.of(offered) as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A client that asks the servers directly."""
    import httpx

    from tests.dataverse.asking import AGENT

    with httpx.Client(headers=AGENT, timeout=5) as made:
        yield made


@pytest.fixture
def web(servers: Servers, offered: Small, tmp_path: Path) -> Web:
    """``ham fetch`` from these servers."""
    from tests.web import Web

    return Web(servers, offered.record, tmp_path)


@pytest.fixture(scope="session")
def small_cache(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the whole of the small record; shared, so nobody writes to it."""
    where = tmp_path_factory.mktemp("whole")
    ran = run_here("fetch", "--source", small.published(where / "source", isic=True), "--record", small.record, cache=where / "cache")
    assert ran.code == 0, ran.err
    return where / "cache"


@pytest.fixture
def cache(small_cache: Path, tmp_path: Path) -> Path:
    """A cache of one's own with the whole of the small record."""
    # Without what other tests found out about it.
    unasked = shutil.ignore_patterns("verification*", "stats")
    return Path(shutil.copytree(small_cache, tmp_path / "cache", symlinks=True, ignore=unasked))


@pytest.fixture
def fetch(small: Small, tmp_path: Path) -> Fetch:
    """``ham fetch`` of the small record."""

    def run_fetch(*arguments: object, source: Path | tuple[Path, ...], cache: Path | None = None) -> Ran:
        sources = [word for one in (source if isinstance(source, tuple) else (source,)) for word in ("--source", one)]
        return run_here("fetch", *arguments, *sources, "--record", small.record, "--json", cache=cache or tmp_path / "cache")

    return run_fetch


@pytest.fixture(scope="session")
def real_fetch(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """How a fetch of the real data ended, and its cache; shared, so nobody writes to it."""
    where = tmp_path_factory.mktemp("real") / "cache"
    return run_here("fetch", "--source", real_data, "--allow-partial", "--json", cache=where), where


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A temporary folder that other users may enter, unlike ``tmp_path``."""
    with tempfile.TemporaryDirectory(prefix="ham-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def ham_here() -> Here:
    """The command in this process: quick, and without a terminal."""
    return run_here


@pytest.fixture(scope="session")
def ham() -> Command:
    """The command in a process of its own."""
    return run


def run_here(*arguments: object, cache: Path | None = None) -> Ran:
    """Run ``ham`` in this process; what it printed is caught."""
    from ham_cli import app

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = app.main(typed(*arguments, cache=cache))
    finally:
        signal.signal(signal.SIGTERM, before)
    return Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def run(
    *arguments: object,
    cache: Path | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run ``ham`` in a process of its own; text is UTF-8."""
    command = [*_as(user), sys.executable, "-m", "ham_cli", *typed(*arguments, cache=cache)]
    surroundings = os.environ | dict(env or {})
    return subprocess.run(
        command, env=surroundings, cwd=cwd, timeout=timeout, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False
    )


def typed(*arguments: object, cache: Path | None = None) -> list[str]:
    """The words of a command line; ``--cache-dir`` stands last."""
    return [str(a) for a in arguments] + (["--cache-dir", str(cache)] if cache is not None else [])


def _as(user: str | None) -> list[str]:
    """What makes a command another user's, who may read everything and write nothing of ours.

    The interpreter may lie where only its owner reads (``/root``), so the right to read is handed on.
    """
    if user is None:
        return []
    may_read = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    prefix = ["setpriv", f"--reuid={user}", f"--regid={user if user != 'nobody' else '65534'}", "--clear-groups", *may_read, "--"]
    try:
        tried = subprocess.run([*prefix, sys.executable, "-c", "import ham_cli"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no setpriv here, to run a command as another user")
    if tried.returncode:
        pytest.skip(f"a command cannot be run as {user} here: {tried.stderr.strip()[-200:]}")
    return prefix


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
