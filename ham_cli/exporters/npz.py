"""``npz``: one file of arrays with MedMNIST's keys, for numpy, MedMNIST's loaders and whoever wants nothing else."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ham_cli.errors import WrongUsageError
from ham_cli.exporters import preparing
from ham_cli.exporters.format import GAPS, LABELS, Format
from ham_cli.exporters.gathering import gathered
from ham_cli.exporters.parcel import FOLDERS, Ready, Shard, as_json, given, lines, made
from ham_cli.rendering import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    import numpy as np
    from numpy.typing import NDArray

    from ham_cli.dataset import Dataset
    from ham_cli.exporters.gathering import Gathered
    from ham_cli.exporters.parcel import Parcel, Sample
    from ham_cli.exporters.wish import Wish
    from ham_cli.rendering import Rendering

LEVEL = 1
"""Of deflate: 6 takes half as long again, and pixels of photographs get no smaller by it."""


def plan(dataset: Dataset, wish: Wish) -> Parcel:
    """The file of arrays and what its numbers mean; raises as `gathered` does, and `WrongUsageError` without a size."""
    if wish.rendering.size is None:
        fix = "add --size 28, 64, 128 or 224, MedMNIST's sizes, or any other"
        raise WrongUsageError("npz needs --size: an array holds images of one size", expected="--size N", got="no size", fix=fix)
    wish = replace(wish, rendering=replace(wish.rendering, format=PIXELS))
    found = gathered(dataset, wish)
    samples = tuple(sample for some in found.parts.values() for sample in some)
    name = f"{dataset.record.name}_{wish.rendering.size}"
    items = [
        made(f"{name}.npz", Shard(samples, wish.rendering, _prepare, _write, {"masks": wish.masks})),
        given(f"{name}.json", as_json(_info(found, name))),
        given("classes.txt", lines(found.classes)),
    ]
    return found.parcel("npz", items, made_with=f"zlib {zlib.ZLIB_RUNTIME_VERSION}", shaped_by=("masks",))


def _info(found: Gathered, name: str) -> dict[str, Any]:
    """What MedMNIST's ``INFO`` says of one of its sets, of this one."""
    record = found.dataset.record
    return {
        "name": name,
        "description": record.title,
        "task": "binary-class" if len(found.classes) == len(("no", "yes")) else "multi-class",
        "label": {str(number): word for number, word in enumerate(found.classes)},
        "n_channels": 3,
        "n_samples": {folder: len(found.parts.get(part, ())) for part, folder in FOLDERS.items()},
        "license": record.licence["id"],
    }


def _prepare(sample: Sample, rendering: Rendering) -> Ready:
    """A sample's pixels, and of its mask the bits, packed."""
    import numpy as np

    from ham_cli.images import NotAnImageError, resizing

    read = sample.image
    try:
        pixels = resizing.pixels(preparing.read(read), rendering)
        lesion = None
        if sample.mask:
            read = sample.mask
            # Those of a part wait in memory until its images are written: a few hundred bytes each.
            lesion = zlib.compress(np.packbits(resizing.lesion(preparing.read(read), rendering)).tobytes(), LEVEL)
    except NotAnImageError as error:
        raise preparing.undecodable(read, error) from error
    data = pixels.tobytes()
    return Ready(sample, data, hashlib.sha256(data).hexdigest(), pixels.shape[1], pixels.shape[0], more=lesion)


def _write(out: IO[bytes], shard: Shard, ready: Iterator[Ready]) -> None:
    """Array by array, in MedMNIST's order of parts; no array is ever whole in memory but for those of a few bytes an image."""
    import numpy as np

    size, width = shard.rendering.size or 0, max(len(sample.image_id) for sample in shard.samples)
    # Names without a date of today: zipfile gives them that of 1980.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for part, name in FOLDERS.items():
            samples = [sample for sample in shard.samples if sample.split == part]
            lesions: list[bytes | None] = []
            with _Array(archive, f"{name}_images", "|u1", (len(samples), size, size, 3)) as array:
                for one in islice(ready, len(samples)):
                    array.write(one.image)
                    lesions.append(one.more)
            if shard.settings["masks"]:
                with _Array(archive, f"{name}_masks", "|u1", (len(samples), size, size)) as array:
                    for lesion in lesions:
                        array.write(_mask(lesion, size).tobytes())
                _small(archive, f"{name}_has_mask", np.array([lesion is not None for lesion in lesions], "|b1"))
            _small(archive, f"{name}_labels", np.array([sample.index for sample in samples], "|u1").reshape(-1, 1))
            _small(archive, f"{name}_ids", np.array([sample.image_id for sample in samples], f"<U{width}"))


def _mask(packed: bytes | None, size: int) -> NDArray[np.uint8]:
    """A mask's pixels, 0 and 255; nothing but 0 where there is none."""
    import numpy as np

    if packed is None:
        return np.zeros(size * size, np.uint8)
    return np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=size * size) * np.uint8(255)


def _small(archive: zipfile.ZipFile, name: str, values: NDArray[Any]) -> None:
    with _Array(archive, name, values.dtype.str, values.shape) as array:
        array.write(values.tobytes())


class _Array:
    """An array in a file of several, as `numpy.savez` lays it; its bytes come one after the other."""

    def __init__(self, archive: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...]) -> None:
        self._member = archive.open(f"{name}.npy", "w", force_zip64=True)
        self._header = {"descr": kind, "fortran_order": False, "shape": shape}

    def __enter__(self) -> IO[bytes]:
        from numpy.lib import format as npy

        npy.write_array_header_1_0(self._member, self._header)
        return self._member

    def __exit__(self, *_: object) -> None:
        self._member.close()


FORMAT = Format(
    "npz",
    """Write one file of arrays, DEST/ham10000_224.npz, with MedMNIST's keys: numpy.load and MedMNIST's loaders read it.

    train_images (N, H, W, 3), train_labels (N, 1), train_ids (N), the same for val and test; with --masks train_masks
    (N, H, W; 0 and 255) and train_has_mask. A part without images has arrays of no length. MedMNIST itself squeezes: --crop none.
    """,
    (
        "ham export npz arrays --split r70-15-15-s0 --size 28",
        "ham export npz arrays224 --split s0.csv --size 224 --masks",
        "ham export npz squeezed --split s0.csv --size 64 --crop none",
    ),
    ("masks", *LABELS, "size", "crop", "fast", *GAPS, "jobs", "dask"),
    plan,
)
