"""What is installed only where it is wanted: the extras, and what to do where one is missing."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ham_cli.errors import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRAS = {
    "cloud": {"fsspec": "fsspec", "s3fs": "s3fs"},
    "dask": {"distributed": "distributed"},
    "masks": {"scipy": "scipy"},
    "report": {"jinja2": "jinja2", "vl_convert": "vl-convert-python"},
    "tfds": {"google_crc32c": "google-crc32c"},
    "yolo": {"contourpy": "contourpy"},
}
"""Each extra with the modules it brings, and the packages they come in as pip names them."""


def installed(extra: str) -> bool:
    """Whether all that an extra brings is there."""
    return all(find_spec(module) is not None for module in EXTRAS[extra])


def command(extra: str) -> str:
    """What a person types to install what an extra brings."""
    return f"python -m pip install {' '.join(EXTRAS[extra].values())}"


class NotInstalledError(WrongUsageError):
    """A library of an extra is missing: who can do without it says so and goes on."""


@contextmanager
def needed(extra: str, what: str) -> Iterator[None]:
    """Import an extra's libraries in this: `NotInstalledError` with the command that installs them where one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        fix = f"{command(extra)}   (ham's extra {extra} brings the same)"
        raise NotInstalledError(
            f"{what} needs a library that is not installed", expected=(error.name or "").partition(".")[0], fix=fix
        ) from error
