"""An export as a value: what files it consists of, what they are made of, and what it says of itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ham_cli.licence import beside_the_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

    from ham_cli.dataset import Dataset
    from ham_cli.kept import File
    from ham_cli.rendering import Rendering

Row = dict[str, Any]

FOLDERS = {"train": "train", "validation": "val", "test": "test"}
"""What a part's folder is called where torchvision, timm, Keras and Ultralytics look for it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of an export, with all that is told of it; plain values."""

    image_id: str
    split: str
    """``train``, ``validation`` or ``test``."""
    label: str
    index: int
    """The number of its class."""
    image: File
    width: int
    """Pixels of the published image."""
    height: int
    mask: File | None
    """Where masks were asked for and the image has one."""
    facts: Row
    """What the tables say of it: lesion_id, dx, dx_type, age, sex, localization, dataset."""

    def told(self) -> list[Any]:
        """All that its bytes in an export may depend on."""
        return [self.image_id, self.split, self.label, self.index, self.image.sha256, self.mask.sha256 if self.mask else None, self.facts]


@dataclass(frozen=True, slots=True)
class Ready:
    """A sample as it is to be written."""

    sample: Sample
    image: bytes = b""
    """Its file, or what else stands for it (pixels); empty where the format's file holds no image."""
    sha256: str = ""
    """Of ``image``."""
    width: int = 0
    """Pixels, as it is written."""
    height: int = 0
    mask: bytes | None = None
    """A PNG."""
    more: Any = None
    """What the format makes of it beside."""


@dataclass(frozen=True)
class Shard:
    """A file made of samples; two functions of a module and plain values, so that another process can make it too."""

    samples: tuple[Sample, ...]
    rendering: Rendering
    prepare: Callable[[Sample, Rendering], Ready]
    """What is done to each sample, on all cores."""
    write: Callable[[IO[bytes], Shard, Iterator[Ready]], None]
    """Puts them into a file that can only be appended to, in their order."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What more the format needs to know, and the file depends on; JSON values."""
    lists: bool = True
    """Whether the manifest lists the images in it, each with its bytes and digest there."""
    each: int | None = None
    """Bytes that a sample takes in it, generously; ``None``: what its image and its mask take."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file of an export: a published one as it is (``source``), one given here (``data``), or one to be made (``shard``)."""

    file: str
    """Where it goes, from the export's folder, with ``/``."""
    recipe: str
    """Tells before they are made whether two files are the same: SHA-256 of the bytes where known, else of all that shapes them."""
    size: int | None = None
    """Bytes; ``None`` until it is made."""
    source: str | None = None
    """The path of the published image in the cache."""
    data: bytes | None = field(default=None, repr=False)
    shard: Shard | None = field(default=None, repr=False)
    image_id: str | None = None
    split: str | None = None
    label: str | None = None
    kept: tuple[Row, ...] = field(default=(), repr=False)
    """The rows of a file that another export made: it must lie there already, and is never written."""

    def fields(self) -> Row:
        """The file's row in ``ham-export.parquet``; its size and digest are not known where it is still to be made."""
        row = {name: getattr(self, name) for name in ("file", "image_id", "split", "label", "recipe")}
        return row | {"bytes": self.size, "sha256": None if self.shard else self.recipe}


@dataclass(frozen=True)
class Parcel:
    """Everything that an export consists of."""

    format: str
    record: str
    """The record's id."""
    items: tuple[Item, ...]
    options: dict[str, Any]
    """What was asked for, as its manifest shows it."""
    missing: tuple[str, ...] = ()
    """Images and masks that were asked for and are not in the cache."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""
    made_with: str | None = None
    """The libraries, with versions, that shape bytes which are made here: of others the same pixels are not promised."""
    images: int = 0
    """How many images it holds."""

    @cached_property
    def input_digest(self) -> str:
        """SHA-256 over its files' names and recipes: the same one is the same export."""
        lines = (json.dumps([item.file, item.recipe]) + "\n" for item in sorted(self.items, key=lambda item: item.file))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def given(file: str, data: bytes) -> Item:
    """A file whose bytes are known."""
    return Item(file, hashlib.sha256(data).hexdigest(), len(data), data=data)


def published(file: str, sample: Sample, *, mask: bool = False) -> Item:
    """A published image, or with ``mask`` its mask, as it is."""
    one = sample.mask if mask else sample.image
    assert one is not None
    return Item(file, one.sha256, one.bytes, one.path, image_id=sample.image_id, split=sample.split, label=sample.label)


def made(file: str, shard: Shard, *, whole: bool = False) -> Item:
    """A file that is made of samples; with ``whole`` it is the one image of its one sample, and is listed as that."""
    what = [file, shard.write.__module__, shard.prepare.__name__, shard.settings, shard.rendering.fields()]
    lines = (json.dumps(part, sort_keys=True) + "\n" for part in (what, *(sample.told() for sample in shard.samples)))
    recipe = hashlib.sha256("".join(lines).encode()).hexdigest()
    if not whole:
        return Item(file, recipe, shard=shard)
    (sample,) = shard.samples
    return Item(file, recipe, shard=shard, image_id=sample.image_id, split=sample.split, label=sample.label)


def papers(dataset: Dataset, changed: str) -> list[Item]:
    """The licence, the attribution that says what was ``changed``, and the citation."""
    return [given(name, data) for name, data in beside_the_data(dataset.record, changed).items()]


def as_json(value: Any) -> bytes:  # noqa: ANN401  (whatever JSON can hold)
    """A JSON file's bytes, for people too."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def lines(words: Iterable[str]) -> bytes:
    """A text file's bytes, a word a line."""
    return "".join(f"{word}\n" for word in words).encode()
