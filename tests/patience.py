"""How long the downloads of the tests wait, and how they are stopped from another thread."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING

from ham_cli.download import StoppedError
from ham_cli.http import Waits

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = Waits(connect=5, read=2, first=0.01, longest=0.05, obeyed=0.2, attempts=4)
"""For servers that fall silent: after two seconds they are given up."""
STEADY = dataclasses.replace(QUICK, connect=20, read=20)
"""For servers that do not: a machine that has much else to do is no fault, and nothing is asked for twice."""
PATIENT = Waits(connect=20, read=20, first=20, longest=20, obeyed=100, attempts=4)
"""For what is to be stopped: it would wait long for everything."""

PROMPTLY = 5
"""Seconds in which what is stopped has ended: meant to be a fraction of one, and by far less than all that `PATIENT` waits for."""

_BEGUN = 30
"""Seconds in which it has come to where it is stopped."""


def patience(kind: str) -> Waits:
    """How long a download waits that meets a fault of this kind."""
    return QUICK if kind in {"stall", "hang"} else STEADY


def stopped(work: Callable[[], object], stop: Callable[[], None], when: Callable[[], bool]) -> float:
    """Stop what runs in another thread once something holds; the seconds that it took to end."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  (looked at below)
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=run)
    thread.start()
    until = time.monotonic() + _BEGUN
    while not when():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert ended == []
    since = time.monotonic()
    stop()
    thread.join(2 * PROMPTLY)
    assert [type(e) for e in ended] == [StoppedError]
    return time.monotonic() - since
