"""The images of a data set as pictures with the numbers of their classes: what a training loop asks for, one at a time."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex

from ham_cli import kept
from ham_cli.errors import UnavailableError, WrongUsageError, from_os_error
from ham_cli.extras import NotInstalledError
from ham_cli.findings import counted
from ham_cli.kept import File
from ham_cli.rendering import CROPS, PIXELS, Rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ham_cli.dataset.table import Dataset

LARGEST = 4096
"""Pixels of the sides of the largest picture that is made here."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """One image of `Pictures`: what it is, and the files that are read when it is asked for."""

    image_id: str
    lesion_id: str | None
    target: int
    """The number of its class."""
    image: File
    mask: File | None
    """Where masks were asked for."""


@dataclass(frozen=True, eq=False, repr=False)
class Pictures:
    """A map-style data set, as ``torch.utils.data.DataLoader`` takes it: ``len(p)``, and ``p[i]`` is an image and its class.

    ``p[i]`` is ``(image, target)``, or with masks ``(image, mask, target)``. The image is a Pillow image in RGB, the mask
    one in grey, 0 and 255, and the target the number of the class in ``classes``. With ``tensors`` the image is a
    ``torch.Tensor`` of 3 x height x width, float32 from 0 to 1, and the mask one of height x width, bool. What ``transform`` gives
    takes their place: it is called with the image, or with image and mask, and gives as many.

    It holds plain values, and opens a file only when its image is asked for: worker processes may be forked or spawned,
    and each gets a copy. Every file is held against its SHA-256. ``p[i]`` raises `IndexError` as a list does,
    `UnavailableError` for a file that is gone, and `RecordError` for one that was changed or cannot be decoded.
    """

    classes: tuple[str, ...]
    """Their names in the order of their numbers: alphabetical, and all the record has, whether or not there is an image of each."""
    pictures: tuple[Picture, ...] = field(repr=False)
    """In the order of image ids."""
    rendering: Rendering
    transform: Callable[..., Any] | None = None
    masks: bool = False
    tensors: bool = False

    def __post_init__(self) -> None:
        """Raise `NotInstalledError` where tensors are asked for without torch: here, and not in every worker."""
        if self.tensors:
            try:
                import torch  # noqa: F401
            except ModuleNotFoundError as error:
                fix = "python -m pip install torch; without tensors=True images are Pillow's, and need no torch"
                raise NotInstalledError("tensors need a library that is not installed", expected=error.name, fix=fix) from error

    def __len__(self) -> int:
        """How many images."""
        return len(self.pictures)

    def __repr__(self) -> str:
        """One line: a notebook prints it at the end of a cell."""
        size = f"{self.rendering.size} x {self.rendering.size} pixels" if self.rendering.size else "as large as published"
        return f"<Pictures: {counted(len(self), 'image')} of {len(self.classes)} classes, {size}{', with masks' if self.masks else ''}>"

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Each image once, in their order."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: SupportsIndex) -> tuple[Any, ...]:
        """An image and its class, and between them its mask where masks were asked for; raises as the class says."""
        number = operator.index(index)
        try:
            picture = self.pictures[number]
        except IndexError:
            raise IndexError(f"there is no image {number}: there are {len(self)}") from None
        shown = [self._shown(picture.image, is_mask=False)]
        if picture.mask is not None:
            shown.append(self._shown(picture.mask, is_mask=True))
        if self.transform is None:
            return (*shown, picture.target)
        found = self.transform(*shown)
        return (*(found if self.masks else (found,)), picture.target)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class, as torchvision calls it."""
        return {name: number for number, name in enumerate(self.classes)}

    @property
    def targets(self) -> list[int]:
        """The number of each image's class, in their order: for weights and samplers, without opening a file."""
        return [picture.target for picture in self.pictures]

    @property
    def image_ids(self) -> list[str]:
        """The id of each image, in their order."""
        return [picture.image_id for picture in self.pictures]

    @property
    def lesion_ids(self) -> list[str | None]:
        """The lesion of each image, in their order; ``None`` where nobody has published it."""
        return [picture.lesion_id for picture in self.pictures]

    def _shown(self, file: File, *, is_mask: bool) -> Any:  # noqa: ANN401  (a picture or a tensor)
        """A file as it is to be seen."""
        from ham_cli.images import NotAnImageError, resizing

        show = resizing.mask_shown if is_mask else resizing.image_shown
        try:
            seen = show(kept.read(file), self.rendering)
        except NotAnImageError as error:
            raise kept.undecodable(file, error) from error
        except OSError as error:
            raise from_os_error(error, file.path) from error
        return _tensor(seen, is_mask=is_mask) if self.tensors else seen


def chosen(dataset: Dataset, grouping: str | None, *, masks: bool, allow_partial: bool) -> tuple[tuple[str, ...], tuple[Picture, ...]]:
    """The classes, and the images of a data set that are in the cache; raises as `Dataset.pictures` does."""
    rows = [row for row in dataset.rows if row["in_record"]]
    if masks and (bare := [row for row in rows if row["partition"] != "train" and row["mask_path"] is None]):
        fix = 'training images alone have masks: take those, with partition("train"), or leave masks out'
        raise WrongUsageError("no masks of these images are published", got=_some(bare, rows), fix=fix)
    brought = {"path": "images", "mask_path": "masks"} if masks else {"path": "images"}
    missing = [row for row in rows if any(row[column] is None for column in brought)]
    if missing and (len(missing) == len(rows) or not allow_partial):
        components = {
            what if row["partition"] == "train" else row["partition"] for row in missing for c, what in brought.items() if not row[c]
        }
        with_masks = " with their masks" if masks else ""
        what = f"{'none' if len(missing) == len(rows) else 'not all'} of these images are in the cache{with_masks}"
        fix = f"ham fetch {' '.join(sorted(components))}"
        fix += "" if len(missing) == len(rows) else " brings them; allow_partial=True is content with those that are here"
        raise UnavailableError(what, where=dataset.folder.path, got=f"{_some(missing, rows)} missing", fix=fix)
    labels = dataset.labels(grouping)
    classes = tuple(sorted((grouping, f"not {grouping}") if grouping else dataset.record.classes))
    here = (row for row in rows if all(row[column] is not None for column in brought))
    root = str(dataset.folder.path)
    return classes, tuple(_picture(row, root, classes.index(labels[row["image_id"]]), masks=masks) for row in here)


def rendering(size: int | None, crop: str, *, fast: bool) -> Rendering:
    """How pictures are shown; `WrongUsageError` for what cannot be."""
    if crop not in CROPS:
        raise WrongUsageError("there is no such crop", expected=", ".join(CROPS), got=crop)
    if size is None and (fast or crop != CROPS[0]):
        raise WrongUsageError("crop and fast are for images that are resized", fix="give a size too, or leave them out")
    if size is not None and not (isinstance(size, int) and 1 <= size <= LARGEST):
        raise WrongUsageError("this is no size of a picture", expected=f"pixels of each side, from 1 to {LARGEST}", got=size)
    return Rendering(size, crop, PIXELS, fast=fast)


def _some(some: Sequence[Row], rows: Sequence[Row]) -> str:
    return f"{len(some)} of {len(rows)}, such as {some[0]['image_id']}"


def _picture(row: Row, root: str, target: int, *, masks: bool) -> Picture:
    image = File(f"{root}/{row['path']}", row["bytes"], row["sha256"])
    mask = File(f"{root}/{row['mask_path']}", row["mask_bytes"], row["mask_sha256"]) if masks else None
    return Picture(row["image_id"], row["lesion_id"], target, image, mask)


def _tensor(seen: Any, *, is_mask: bool) -> Any:  # noqa: ANN401  (Pillow is the images' own, torch no dependency)
    """A picture as a ``torch.Tensor``: channels, height and width, 0 to 1; of a mask height and width, whether it is lesion."""
    import torch

    width, height = seen.size
    flat = torch.frombuffer(bytearray(seen.tobytes()), dtype=torch.uint8)
    if is_mask:
        return flat.reshape(height, width) > 0
    return flat.reshape(height, width, 3).permute(2, 0, 1).contiguous().float().div(255)
