"""One address into one verified file: in pieces, resumable, each byte read once."""

from ham_cli.download.order import Address, Limiter, Order, Received
from ham_cli.download.run import Download

__all__ = ["Address", "Download", "Limiter", "Order", "Received"]
