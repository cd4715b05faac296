"""The cache as one table."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_cli.dataset.split import SUFFIXES, Split, read_split
from ham_cli.errors import UnavailableError, WrongUsageError
from ham_cli.findings import counted
from ham_cli.licence import altered
from ham_cli.record import PARTITIONS
from ham_cli.selection import matching, rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from ham_cli.cache import Folder
    from ham_cli.dataset.pictures import Pictures
    from ham_cli.record import Record

Row = dict[str, Any]

ADDED = ("group", "age_band", "split", "fold")
"""The columns that a data set has beside those of ``images.parquet``."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """The images of a cache with all that is known of them; every method that narrows it down gives another one."""

    record: Record
    folder: Folder
    rows: tuple[Row, ...]
    """A row an image, in the order of image ids; the columns of `images`, paths as the manifest spells them."""
    tables: dict[str, dict[str, Any]]
    """Partition to what its published table is in this cache."""
    known: frozenset[str]
    """The ids of all images that the cache's tables name and the record holds, also where this is a part of them."""
    joined: Split | None = None
    """The split it was joined with."""

    def __len__(self) -> int:
        """How many rows: an image each, and the planted one of a test truth."""
        return len(self.rows)

    def __repr__(self) -> str:
        """One line: a notebook prints it at the end of a cell."""
        held = [row for row in self.rows if row["in_record"]]
        lesions = len({row["lesion_id"] for row in held} - {None})
        split = f", of a split {self.joined.digest[:12]}" if self.joined else ""
        return f"<Dataset {self.record.id}: {counted(len(held), 'image')}, {counted(lesions, 'lesion')}{split}>"

    @property
    def altered(self) -> list[str]:
        """What is not as published in the tables that this cache took all the same, a sentence each."""
        return altered(self.tables)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row an image, in the order of image ids.

        Columns: those of ``images.parquet`` (image_id, partition, in_record, row, lesion_id, dx, dx_type, age in
        years, sex, localization, dataset, path, bytes, sha256, vouched, width, height, mask_path, ...), then group
        (images that must stay together), age_band, split and fold (missing without a split). ``path`` and
        ``mask_path`` lead from the root of the file system; missing where the file is not in the cache.
        """
        import pandas as pd

        from ham_cli.manifest.schemas import IMAGES

        places = {name: [self._rooted(row[name]) for row in self.rows] for name in ("path", "mask_path")}
        columns = [*(c.name for c in IMAGES.columns), *ADDED]
        frame = pd.DataFrame({name: places.get(name) or [row[name] for row in self.rows] for name in columns})
        whole = dict.fromkeys(("row", "bytes", "width", "height", "mask_bytes", "fold"), "Int64")
        # Named types, so that a column's does not depend on what stands in it, or on the version of pandas.
        numbers = {"age": "float64", "in_record": "bool"}
        words = dict.fromkeys(set(columns).difference(whole, numbers), "string")
        return frame.astype(whole | numbers | words)

    def split(self, split: str | Path, *, fold: int | None = None) -> Dataset:
        """The images of a split, by its name in the cache or by its file; the others are left out.

        With folds, ``fold`` names the one that is held out: it becomes validation, the rest train.

        Raises `WrongUsageError` where there is no such split, where it has no such fold, or where it names images
        that this cache's tables do not.
        """
        return self.join(read_split(self.split_path(split)), str(split), fold=fold)

    def join(self, found: Split, name: str = "", *, fold: int | None = None) -> Dataset:
        """The images of a split that is at hand; raises as `split` does."""
        held_out = _held_out(found, fold)
        rows = {row["image_id"]: row for row in self.rows}
        strangers = [image_id for image_id in found.parts if image_id not in self.known]
        if strangers:
            fix = "fetch the tables it was made from: ham fetch metadata test"
            got = f"{len(strangers)} of {len(found.rows)}, such as {strangers[0]}"
            raise WrongUsageError("this split names images that the cache's tables do not", where=name, got=got, fix=fix)
        here = (r for r in found.rows if r["image_id"] in rows)
        joined = tuple(rows[r["image_id"]] | {"split": held_out(r), "fold": r["fold"]} for r in here)
        return replace(self, rows=joined, joined=found)

    def split_path(self, split: str | Path) -> Path:
        """Where a split lies: a file where the word looks like one, or else the split of this name in the cache."""
        if isinstance(split, Path) or split.lower().endswith(SUFFIXES) or "/" in split or os.sep in split:
            return Path(split).expanduser()
        path = self.folder.splits / f"{split}.parquet"
        if not path.is_file():
            if Path(split).is_file():
                raise WrongUsageError("a split file ends in .csv or .parquet", where=split, fix="name it so, and look at what is in it")
            names = ", ".join(self.splits()[:20]) or None
            fix = "ham split makes one; a file is named with its ending, .csv or .parquet"
            raise WrongUsageError("there is no split of this name", where=self.folder.splits, expected=names, got=split, fix=fix)
        return path

    def splits(self) -> list[str]:
        """The names of the splits in the cache, sorted."""
        return sorted(path.stem for path in self.folder.splits.glob("[!.]*.parquet"))

    def part(self, part: str) -> Dataset:
        """The images of one part: train, validation or test."""
        if self.joined is None:
            raise WrongUsageError("a part is a split's, and no split is named", got=part, fix="name one, or ask for a partition")
        _word(part, PARTITIONS, "part")
        if part != "test" and any(row["split"] is None for row in self.rows):
            fix = "name the fold: --fold 0, or split(..., fold=0); it is validation then, and the others are train"
            raise WrongUsageError("this split has folds, and none of them is held out", got=part, fix=fix)
        return self._where(lambda row: row["split"] == part)

    def partition(self, partition: str) -> Dataset:
        """The images of one published role: train, validation or test."""
        return self._where(lambda row: row["partition"] == _word(partition, PARTITIONS, "partition"))

    def only(self, **columns: str | float | Iterable[str | None] | None) -> Dataset:
        """The images whose row says so: ``only(dx=("mel", "bcc"), sex="female")``; every column must agree.

        ``None`` is a blank. Raises `WrongUsageError` for a column that there is none of, or a word that is not published.
        """
        unknown = [name for name in columns if self.rows and name not in self.rows[0]]
        if unknown:
            raise WrongUsageError("there is no such column", expected=", ".join(self.rows[0]), got=", ".join(unknown))
        wanted = [(c, (words,) if isinstance(words, str | float | int | None) else tuple(words)) for c, words in columns.items()]
        for column, words in wanted:
            vocabulary = self.record.vocabulary.get(column)
            if vocabulary and not set(words) <= {*vocabulary, None}:
                raise WrongUsageError(f"{column} has no such word", expected=", ".join(vocabulary), got=", ".join(map(str, words)))
        return replace(self, rows=tuple(matching(self.rows, wanted)))

    def one_per_lesion(self, seed: int = 0) -> Dataset:
        """One image a lesion: the one with the lowest SHA-256 of seed and image id; images without lesion all stay."""
        first: dict[str, Row] = {}
        for row in self.rows:
            lesion = row["lesion_id"] or row["image_id"]
            if lesion not in first or rank(seed, row["image_id"]) < rank(seed, first[lesion]["image_id"]):
                first[lesion] = row
        chosen = {row["image_id"] for row in first.values()}
        return self._where(lambda row: row["image_id"] in chosen)

    def labels(self, grouping: str | None = None) -> dict[str, str]:
        """Image id to its class: the diagnosis, or its side of a named grouping (``malignant``, ``not malignant``)."""
        if grouping is None:
            return {row["image_id"]: row["dx"] for row in self.rows}
        inside = self.record.groupings[_word(grouping, tuple(self.record.groupings), "grouping")]["dx"]
        return {row["image_id"]: grouping if row["dx"] in inside else f"not {grouping}" for row in self.rows}

    def pictures(  # noqa: PLR0913  (each is a wish of its own)
        self,
        *,
        size: int | None = None,
        crop: str = "center",
        fast: bool = False,
        masks: bool = False,
        grouping: str | None = None,
        tensors: bool = False,
        transform: Callable[..., Any] | None = None,
        allow_partial: bool = False,
    ) -> Pictures:
        """The images to train on, one at a time, each with the number of its class: what a torch ``DataLoader`` takes.

        ``size``, ``crop`` (center, pad, none) and ``fast`` as ``ham export`` has them; ``masks`` puts the lesion mask between
        image and class; ``grouping`` (malignant) makes two classes; ``tensors`` gives ``torch.Tensor``, and without it
        torch is not needed; ``transform`` is called with each image (with masks: image and mask). See `Pictures`.

        Raises `UnavailableError` where not all are in the cache, without ``allow_partial``; `WrongUsageError` where no
        masks of them are published, for what is no size or crop, and for tensors without torch.
        """
        from ham_cli.dataset.pictures import Pictures, chosen, rendering

        shown = rendering(size, crop, fast=fast)
        return Pictures(*chosen(self, grouping, masks=masks, allow_partial=allow_partial), shown, transform, masks, tensors)

    def path(self, image_id: str) -> Path:
        """Where an image lies. Raises `WrongUsageError` for an unknown id, `UnavailableError` for one not in the cache."""
        return self._file(image_id, "path", "images")

    def mask(self, image_id: str) -> Path:
        """Where an image's lesion mask lies; raises as `path` does."""
        return self._file(image_id, "mask_path", "masks")

    @cached_property
    def _by_id(self) -> dict[str, Row]:
        return {row["image_id"]: row for row in self.rows}

    def _rooted(self, label: str | None) -> str | None:
        return None if label is None else str(self.folder.path / label)

    def _where(self, wanted: Callable[[Row], bool]) -> Dataset:
        return replace(self, rows=tuple(filter(wanted, self.rows)))

    def _file(self, image_id: str, column: str, component: str) -> Path:
        row = self._by_id.get(image_id)
        if row is None:
            raise WrongUsageError("there is no such image here", expected="an id such as ISIC_0024306", got=image_id)
        if not row["in_record"] or (component == "masks" and row["partition"] != "train"):
            is_planted = not row["in_record"]
            fix = "nobody has published it: the test truth alone names it" if is_planted else "training images alone have masks"
            raise UnavailableError(f"the record has no {'such image' if is_planted else 'mask of this image'}", got=image_id, fix=fix)
        if row[column] is None:
            brings = row["partition"] if row["partition"] != "train" else component
            what = f"{'the mask of this image' if component == 'masks' else 'this image'} is not in the cache"
            raise UnavailableError(what, where=self.folder.path, got=image_id, fix=f"ham fetch {brings}")
        return self.folder.path / str(row[column])


def _held_out(split: Split, fold: int | None) -> Callable[[Row], str | None]:
    """How a split's row becomes a part, with one fold held out or none."""
    if fold is None:
        return lambda row: None if row["split"] is None else str(row["split"])
    if type(fold) is not int or fold not in split.folds:
        expected = ", ".join(map(str, split.folds)) or "a split with folds"
        raise WrongUsageError("this split has no such fold", expected=expected, got=fold)
    return lambda row: str(row["split"]) if row["fold"] is None else "validation" if row["fold"] == fold else "train"


def _word(word: str, known: tuple[str, ...], what: str) -> str:
    if word not in known:
        raise WrongUsageError(f"there is no such {what}", expected=", ".join(known), got=word)
    return word
