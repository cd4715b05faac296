"""What people write for an image, a side or a column, understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ham_cli.dataset.split import PART_WORDS
from ham_cli.record import PARTITIONS

_FOLD = re.compile(r"(?:k?(?:fold|cv)[ _.-]*)?([0-9]{1,3})(?:\.0+)?", re.IGNORECASE)
_FOLD_INSIDE = re.compile(r"(?:^|[^a-z])k?(?:fold|cv)[ _.-]*([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_BLANK = {"", "nan", "none", "null", "<na>", "n/a", "na"}
_OTHER = re.compile(r"[^a-z0-9]+")

_TRUE = {"1", "1.0", "true", "yes", "y", "t", "x"}
_FALSE = {"0", "0.0", "false", "no", "n", "f"}

IMAGE_COLUMNS = (
    *("image_id", "isic_id", "image_name", "img_name", "imageid", "img_id", "image", "img", "file_name", "filename", "file"),
    *("image_path", "img_path", "imagepath", "filepath", "file_path", "path", "name", "id"),
)
"""Names under which images are found, the surest first."""

SIDE_COLUMNS = ("split", "set", "subset", "partition", "data_split", "dataset_split", "split_name", "part", "phase", "usage")
FOLD_COLUMNS = ("fold", "kfold", "k_fold", "cv_fold", "fold_id", "folds")


@dataclass(frozen=True)
class ImageIds:
    """The ids of a record's images, as they stand in names of files."""

    pattern: str
    """A regular expression that an id matches whole."""

    @cached_property
    def _inside(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![A-Za-z0-9])(?:{self.pattern}|ISIC_[0-9]{{7}})(?![0-9])", re.IGNORECASE)

    def of(self, label: str) -> str | None:
        """The id in a label: folders and ending dropped, and what others append (``_downsampled``, ``_aug3``)."""
        found = self._inside.search(label, max(label.rfind("/"), label.rfind("\\")) + 1)
        return found[0].upper() if found else None


def folded(name: object) -> str:
    """The name of a column as names are compared: ``Image ID`` is ``image_id``."""
    return _OTHER.sub("_", str(name).lower()).strip("_")


def text_of(value: object) -> str:
    """A cell as text; a blank, also pandas' way of writing one, is none."""
    if value is None or value != value:  # noqa: PLR0124  (NaN)
        return ""
    text = str(value).strip()
    return "" if text.lower() in _BLANK else text


def part_word(text: str) -> str | None:
    """The part that a word means: ``val`` is validation, ``Training set`` is train."""
    word = folded(text)
    return PART_WORDS.get(word) or PART_WORDS.get(re.sub(r"_?(set|split|data|images|part)$", "", word).replace("hold_out", "holdout"))


def fold_word(text: str) -> str | None:
    """The fold that a word means: ``3``, ``3.0`` and ``fold_3`` are ``fold 3``."""
    found = _FOLD.fullmatch(text.strip())
    return f"fold {int(found[1])}" if found else None


def side_of(value: object) -> str | None:
    """The side that a cell names; another word is a side of its own, a blank is none."""
    text = text_of(value)
    return (part_word(text) or fold_word(text) or text) if text else None


def side_in(stem: str) -> str | None:
    """The side that the name of a file or folder tells: ``my_train_split``, ``fold_0``; ``None`` for none or several."""
    if whole := part_word(stem) or fold_word(stem):
        return whole
    parts = {PART_WORDS[token] for token in folded(stem).split("_") if token in PART_WORDS}
    if len(parts) == 1:
        return parts.pop()
    found = _FOLD_INSIDE.search(stem)
    return f"fold {int(found[1])}" if found and not parts else None


def has_fold(stem: str) -> bool:
    """Whether a name has the number of a fold in it."""
    return _FOLD_INSIDE.search(stem) is not None


def flag_part(name: str) -> str | None:
    """The part that a column of flags is about: ``is_test``, ``train``."""
    return PART_WORDS.get(re.sub(r"^(is|in|use_for|for)_|_(flag|mask)$", "", folded(name)))


def flag(value: object) -> bool | None:
    """Whether a flag is set; ``None`` for what is no flag. A blank is not set."""
    text = text_of(value).lower()
    return True if text in _TRUE else False if not text or text in _FALSE else None


def order(side: str) -> tuple[int, int, str]:
    """What sides are sorted by: train, validation, test, folds by number, others by name."""
    place = PARTITIONS.index(side) if side in PARTITIONS else len(PARTITIONS)
    number = int(side.removeprefix("fold ")) if is_fold(side) else 1000
    return place, number, side


def is_fold(side: str) -> bool:
    """Whether a side is a numbered fold."""
    return side.startswith("fold ") and side[5:].isdigit()
