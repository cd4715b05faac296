"""HAM10000 on the command line: fetch, verify, split, stats, export over a local cache.

In a notebook: ``from ham_cli import open_dataset``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ham_cli.dataset import open_dataset as open_dataset

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attribute may be anything)
    # The command line never asks for it, and starts a tenth of a second sooner without.
    if name == "open_dataset":
        from ham_cli.dataset import open_dataset

        return open_dataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
