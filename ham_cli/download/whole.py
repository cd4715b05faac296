"""A small file, whole and in memory: for thousands of images, tables, manifests."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx

from ham_cli.download.line import Line
from ham_cli.http import Kind, Problem

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ham_cli.download.order import Order, Wire

MOST = 64 << 20
"""Bytes of a body that is held in memory; an image has a few hundred thousand."""


def get(order: Order, wire: Wire, say: Callable[[str], None], stop: threading.Event, most: int = MOST) -> bytes:
    """The bytes of a small file, asked for again from its start where it broke; its digest is for the caller to judge.

    No range is asked for, so any web server will do. Raises `Problem` where it cannot be had or has more bytes than
    ``most``, and `StoppedError` soon after ``stop`` is set; that a server stays silent is noticed by the wire's ``waits`` only.
    """
    line, attempts = Line(order, wire, say, stop), 0
    while True:
        try:
            with contextlib.closing(line.ask(None, None)) as response:
                if response.status_code != httpx.codes.OK:
                    raise Problem(Kind.FINAL, "the server sends a part, and was asked for the whole")
                told = response.headers.get("content-length", "")
                if told.isdecimal() and int(told) > most:  # said before the first byte, so none of it is fetched
                    raise Problem(Kind.FINAL, "the server sends more than it should", got=f"{told} bytes, at most {most}")
                found = line.read(response, most)
            if told.isdecimal() and len(found) != int(told):
                raise httpx.ReadError("it ended early")
        except httpx.TransportError as error:
            attempts += 1
            line.broke(attempts, error)
        else:
            return found
