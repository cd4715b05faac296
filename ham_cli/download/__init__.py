"""One address into one verified file: in pieces, resumable, each byte read once; or some of its ranges, or a small one in memory."""

from ham_cli.download.journal import Range, resumable
from ham_cli.download.line import StoppedError
from ham_cli.download.order import Address, Limiter, Order, Received, Wire
from ham_cli.download.ranged import Ranged
from ham_cli.download.run import Download
from ham_cli.download.whole import get

__all__ = ["Address", "Download", "Limiter", "Order", "Range", "Ranged", "Received", "StoppedError", "Wire", "get", "resumable"]
