"""``python -m tests.moments MOMENT ARGUMENT...``: ``ham`` that is ended, or finds the disk refusing, just before it does something.

What a program does is told to it by audit events (PEP 578) before it is done, so that a moment is exact and needs no luck.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

_SECOND = {"os.rename", "os.link", "os.symlink", "ctypes.dlsym"}
"""Events whose second argument is what they are about: the name that a file gets."""

_WRITING = {"os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


@dataclass(frozen=True)
class Moment:
    """Just before something is done."""

    event: str
    """``os.rename`` (which a replacement is too), ``os.remove``, ``open``, ``ctypes.dlsym`` (of ``syncfs``) ..."""
    name: str
    """A pattern of what is renamed to, removed, opened."""
    count: int = 1
    """Which time."""
    signal: int | None = None
    """Ends the process then."""
    errno: int | None = None
    """From then on the system refuses everything that writes below ``root``, and for this reason."""
    root: str = ""
    constants: dict[str, Any] = field(default_factory=dict)
    """Full names in ``ham_cli`` and what stands there instead: how often is saved."""

    def __str__(self) -> str:
        return f"{self.event} {self.name} {self.count}"


def run(moment: Moment, *words: str) -> subprocess.CompletedProcess[str]:
    """``ham`` with these words, in a process of its own that comes to the moment."""
    command = [sys.executable, "-m", "tests.moments", json.dumps(asdict(moment)), *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, timeout=60, check=False)


class _Watch:
    """Hears of everything that the process is about to do."""

    def __init__(self, moment: Moment) -> None:
        self.moment, self.seen, self.refuses, self.lock = moment, 0, False, threading.Lock()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.refuses:
            self._refuse(event, arguments)
        if event != self.moment.event or not fnmatchcase(_about(event, arguments), self.moment.name):
            return
        with self.lock:
            self.seen += 1
            now = self.seen == self.moment.count
        if now and self.moment.signal is not None:
            os.kill(os.getpid(), self.moment.signal)
        elif now:
            self.refuses = True
            self._refuse(event, arguments)

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event in _WRITING or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        about = _about(event, arguments) if writes else ""
        if about.startswith(self.moment.root) and writes:
            assert self.moment.errno is not None
            raise OSError(self.moment.errno, os.strerror(self.moment.errno), about)


def _about(event: str, arguments: tuple[Any, ...]) -> str:
    one = arguments[1 if event in _SECOND else 0] if arguments else ""
    return os.fsdecode(one) if isinstance(one, str | bytes | os.PathLike) else ""


def main() -> None:
    """Run ``ham`` under a watch."""
    moment = Moment(**json.loads(sys.argv[1]))
    for name, value in moment.constants.items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)
    from ham_cli.__main__ import run as ham

    sys.argv = ["ham", *sys.argv[2:]]
    sys.addaudithook(_Watch(moment))
    ham()


if __name__ == "__main__":
    main()
