"""Where the cache lies when nobody names a place."""

from __future__ import annotations

from pathlib import Path

from ham_cli.errors import WrongUsageError


def default_root() -> Path:
    """The platform's user cache folder for ``ham``."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("ham", appauthor=False))
    except RuntimeError as error:
        raise WrongUsageError(
            "you have no home folder to keep a cache in", got=error, fix="name a folder with --cache-dir or HAM_CACHE_DIR"
        ) from error
