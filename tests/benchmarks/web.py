"""nginx on loopback, over a folder."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS = """
{user}
daemon off;
worker_processes 1;
pid {where}/pid;
error_log {where}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    default_type application/octet-stream;
    client_body_temp_path {where}/body;
    proxy_temp_path {where}/proxy;
    fastcgi_temp_path {where}/fastcgi;
    uwsgi_temp_path {where}/uwsgi;
    scgi_temp_path {where}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; {limit} }}
}}
"""

_STARTED = 10.0
"""Seconds that it may take to start."""


def program() -> str | None:
    """Where nginx lies; its folder is not on everybody's path."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def nginx(root: Path, rate: str | None = None) -> Iterator[str]:
    """The address of a server of a folder's files; ``rate`` is its own limit for each request (``20m``)."""
    found = program()
    if found is None:
        raise FileNotFoundError("nginx")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="ham-nginx-") as name:
        where = Path(name)
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        limit = f"limit_rate {rate};" if rate else ""
        settings = where / "nginx.conf"
        settings.write_text(_SETTINGS.format(where=where, port=port, root=root, limit=limit, user=user))
        process = subprocess.Popen([found, "-p", name, "-c", settings, "-e", where / "error.log"], stdin=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def version() -> str:
    """What nginx says it is."""
    found = program()
    if found is None:
        return "missing"
    return subprocess.run([found, "-v"], capture_output=True, text=True, check=False).stderr.strip().rpartition("/")[2]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        return int(ear.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTED
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("nginx does not start")
