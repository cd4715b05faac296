"""A cache opened as one table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ham_cli.cache import Cache
from ham_cli.dataset.table import ADDED, Dataset
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.groups import groups
from ham_cli.place import default_root

Row = dict[str, Any]


def open_dataset(cache_dir: str | Path | None = None, *, record: str | None = None) -> Dataset:
    """The images of a cache as one table: ``open_dataset().images`` is a DataFrame.

    ``cache_dir``: else ``HAM_CACHE_DIR``, else the user cache folder. ``record``: the id of a record's folder in it;
    else the one fetched last. Nothing heavy is imported before this is called, and pandas not before ``images``.

    Raises `UnavailableError` where nothing is fetched yet, `AccessError` for a damaged cache.
    """
    if cache_dir == "":
        raise WrongUsageError("cache_dir is empty", expected="a folder, or None for the user's own")
    given = cache_dir if cache_dir is not None else os.environ.get("HAM_CACHE_DIR") or None
    return load(Cache(Path(given).expanduser().absolute() if given else default_root()), record)


def load(cache: Cache, record_id: str | None = None) -> Dataset:
    """The images of a cache; raises as `open_dataset` does."""
    from ham_cli import holdings
    from ham_cli.layout import Layout
    from ham_cli.manifest.schemas import IMAGES

    record = cache.in_force(record_id)
    if record_id and record is None:
        names = ", ".join(cache.records()) or "none"
        raise WrongUsageError("there is no such record in this cache", where=cache.root, expected=names, got=record_id)
    held = holdings.load(record, cache.folder(record.id)) if record else None
    if record is None or held is None or not held.rows:
        fix = "ham fetch metadata brings the table of the training images"
        raise UnavailableError("no table of images is fetched yet", where=cache.root, fix=fix)
    grouped = groups({i: row["lesion_id"] for i, row in held.rows.items()}, record.duplicate_pairs)
    known = frozenset(image_id for image_id, row in held.rows.items() if row["in_record"])
    bands = {age: record.age_band(age) for age in {row["age"] for row in held.rows.values()}}
    layout = Layout((*IMAGES.names, *ADDED))

    def wider(row: Row) -> Row:
        made = layout.of(row)
        made.update(group=grouped[row["image_id"]], age_band=bands[row["age"]])
        return made

    # One by one, each let go of when it has its wider form: of very many rows no two forms lie in memory.
    rows = tuple(wider(held.rows.pop(image_id)) for image_id in sorted(held.rows))
    return Dataset(record, held.folder, rows, held.tables, known)
