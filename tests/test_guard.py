"""The walls themselves: no test, and no program a test starts, reaches the real world."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Here

ELSEWHERE = ("192.0.2.1", 443)
"""An address that belongs to nobody (RFC 5737)."""


def test_a_connection_that_leaves_this_machine_raises() -> None:
    with socket.socket() as one, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        one.connect(ELSEWHERE)
    with pytest.raises(RuntimeError, match=r"example\.org"):
        socket.getaddrinfo("example.org", 443)


def test_a_connection_raises_in_every_program_a_test_starts_too() -> None:
    program = f"import socket; socket.create_connection({ELSEWHERE})"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr.splitlines()[-1].startswith("RuntimeError: the tests reach out to")) == (1, True)


def test_this_machine_may_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_home_and_the_default_cache_lie_in_a_temporary_folder(ham_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAM_CACHE_DIR")
    where = Path(ham_here("cache", "dir").out.rstrip("\n"))
    assert (where.is_relative_to(tmp_path), Path.home().is_relative_to(tmp_path)) == (True, True)
    assert Path(os.environ["XDG_CACHE_HOME"]).is_relative_to(tmp_path)
