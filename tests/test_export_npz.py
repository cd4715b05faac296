"""``npz``: read by numpy, as MedMNIST's loader reads its own files, and held against a bare Pillow."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tests import masked, peek
from tests import small as s

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.conftest import Here, Ran
    from tests.small import Small

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
DX = {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
FOLDERS = ("train", "val", "test")
PARTS = {"train": "train", "validation": "val", "test": "test"}
FILE = "small_28.npz"


class AsMedMNIST:
    """What ``medmnist.dataset.MedMNIST2D`` does with a file of its own, of these sizes and this ``INFO``."""

    def __init__(self, root: Path, flag: str, split: str, size: int, info: dict[str, Any]) -> None:
        file = np.load(root / f"{flag}_{size}.npz", mmap_mode=None)
        assert split in FOLDERS
        self.split, self.info = split, info
        self.imgs, self.labels = file[f"{split}_images"], file[f"{split}_labels"]

    def __len__(self) -> int:
        assert self.info["n_samples"][self.split] == self.imgs.shape[0]
        return int(self.imgs.shape[0])

    def __getitem__(self, index: int) -> tuple[Image.Image, NDArray[np.int_]]:
        image, target = self.imgs[index], self.labels[index].astype(int)
        return Image.fromarray(image).convert("RGB"), target


def shown(data: bytes, size: int, crop: str) -> NDArray[np.uint8]:
    """An image of this size, by a full decoding and Pillow's Lanczos alone."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        if crop == "none":
            return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))
        if crop == "center":
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side)))
        wide, high = round(width * size / max(width, height)), round(height * size / max(width, height))
        made = Image.new("RGB", (size, size))
        made.paste(image.resize((wide, high), Image.Resampling.LANCZOS), ((size - wide) // 2, (size - high) // 2))
        return np.asarray(made)


def arrays(file: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a file, which need no pickle."""
    with np.load(file, allow_pickle=False) as found:
        return dict(found)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an export goes; not there yet."""
    return tmp_path / "out"


class Export:
    """Runs ``ham export npz`` into a folder."""

    def __init__(self, ham_here: Here, cache: Path, out: Path) -> None:
        self.ham_here, self.cache, self.out = ham_here, cache, out

    def __call__(self, *words: object, out: Path | None = None, code: int = 0) -> Ran:
        ran = self.ham_here("export", "npz", out or self.out, *words, "--json", cache=self.cache)
        assert ran.code == code, ran.err
        return ran


@pytest.fixture
def export(ham_here: Here, small_cache: Path, out: Path) -> Export:
    """Exports of the small record."""
    return Export(ham_here, small_cache, out)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A split of three parts, all of which have mel and nv."""
    return masked.split_file(tmp_path / "three.csv", masked.parts_of(3))


@pytest.mark.parametrize(("crop", "size"), [*masked.SIZES, ("center", 28), ("pad", 64)])
def test_each_row_has_the_pixels_of_pillow_the_class_the_id_and_the_mask(
    crop: str, size: int, export: Export, small: Small, out: Path
) -> None:
    ran = export("--size", size, "--crop", crop, "--masks", "--allow-missing-classes")
    assert (ran.result["images"], ran.result["notes"]) == (28, [s.WHY_PLANTED])
    found = arrays(out / f"small_{size}.npz")
    kinds = ("images", "masks", "has_mask", "labels", "ids")
    assert list(found) == [f"{name}_{kind}" for name in FOLDERS for kind in kinds]
    for name, images in zip(FOLDERS, (small.images, small.validation, small.test), strict=True):
        ids = sorted(file.removesuffix(".jpg") for file in images)
        pixels, labels, lesions = (found[f"{name}_{kind}"] for kind in ("images", "labels", "masks"))
        assert (pixels.dtype.name, pixels.shape) == ("uint8", (len(ids), size, size, 3))
        assert (labels.dtype.name, labels.shape) == ("uint8", (len(ids), 1))
        assert (lesions.dtype.name, lesions.shape) == ("uint8", (len(ids), size, size))
        assert found[f"{name}_ids"].tolist() == ids
        assert [CLASSES[number] for number in labels[:, 0]] == [DX[i] for i in ids]
        assert found[f"{name}_has_mask"].tolist() == [name == "train"] * len(ids)
        for place, image_id in enumerate(ids):
            assert np.array_equal(pixels[place], shown(images[f"{image_id}.jpg"], size, crop))
            if name == "train":
                lesion = masked.resized(masked.seen(small.masks[f"{image_id}_segmentation.png"]), size, crop)
                assert np.array_equal(lesions[place], np.where(lesion, 255, 0))
            else:
                assert not lesions[place].any()


def test_a_loader_of_medmnist_s_finds_what_it_wants(export: Export, three: Path, out: Path) -> None:
    export("--split", three, "--only", "dx=mel,nv", "--size", 28)
    info = json.loads((out / "small_28.json").read_text())
    assert info == {
        "name": "small_28",
        "description": "A small record for tests",
        "task": "binary-class",
        "label": {"0": "mel", "1": "nv"},
        "n_channels": 3,
        "n_samples": {"train": 2, "val": 2, "test": 2},
        "license": "CC-BY-NC-4.0",
    }
    seen = set()
    for split in FOLDERS:
        part = AsMedMNIST(out, "small", split, 28, info)
        assert len(part) == info["n_samples"][split]
        for number in range(len(part)):
            image, target = part[number]
            assert (image.size, target.shape) == ((28, 28), (1,))
            seen.add(info["label"][str(target[0])])
    assert seen == {"mel", "nv"}
    assert (out / "classes.txt").read_text() == "mel\nnv\n"


def test_a_part_without_images_has_arrays_of_no_length(export: Export, out: Path) -> None:
    export("--partition", "train", "--size", 28, "--masks")
    found = arrays(out / FILE)
    for name in ("val", "test"):
        shapes = {kind: found[f"{name}_{kind}"].shape for kind in ("images", "masks", "has_mask", "labels", "ids")}
        assert shapes == {"images": (0, 28, 28, 3), "masks": (0, 28, 28), "has_mask": (0,), "labels": (0, 1), "ids": (0,)}
        assert len(AsMedMNIST(out, "small", name, 28, json.loads((out / "small_28.json").read_text()))) == 0
    assert len(found["train_ids"]) == 20


def test_one_part_alone_keeps_its_name(export: Export, three: Path, out: Path) -> None:
    export("--split", three, "--part", "validation", "--only", "dx=mel,nv", "--size", 28)
    found = arrays(out / FILE)
    wanted = sorted(i for i, part in masked.parts_of(3).items() if part == "validation" and DX[i] in {"mel", "nv"})
    assert {name: found[f"{name}_ids"].tolist() for name in FOLDERS} == {"train": [], "val": wanted, "test": []}


def test_without_masks_there_are_three_arrays_a_part(export: Export, out: Path) -> None:
    export("--partition", "train", "--size", 28)
    assert list(arrays(out / FILE)) == [f"{name}_{kind}" for name in FOLDERS for kind in ("images", "labels", "ids")]


def test_the_challenges_order_and_two_sides_number_the_labels(export: Export, tmp_path: Path) -> None:
    words = ("--partition", "train", "--size", 28)
    for more, names in (
        (("--class-order", "challenge"), [name.lower() for name in s.CHALLENGE]),
        (("--grouping", "malignant"), ["malignant", "not_malignant"]),
    ):
        where = tmp_path / more[1]
        export(*words, *more, out=where)
        assert (where / "classes.txt").read_text().split() == names
        assert list(json.loads((where / "small_28.json").read_text())["label"].values()) == names
        found = arrays(where / FILE)
        dx = [DX[i] for i in found["train_ids"]]
        wanted = dx if len(names) == 7 else ["malignant" if name in {"mel", "bcc", "akiec"} else "not_malignant" for name in dx]
        assert [names[number] for number in found["train_labels"][:, 0]] == wanted


def test_the_file_is_a_sound_zip_that_says_nothing_of_today(export: Export, out: Path) -> None:
    export("--partition", "train", "--size", 28)
    with zipfile.ZipFile(out / FILE) as file:
        assert file.testzip() is None
        for member in file.infolist():
            assert (member.date_time, member.compress_type) == ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_DEFLATED)
            # As numpy.savez_compressed would have laid it.
            values = np.lib.format.read_array(io.BytesIO(file.read(member)))
            again = io.BytesIO()
            np.lib.format.write_array(again, values)
            assert file.read(member) == again.getvalue()


def test_the_list_names_each_image_with_the_digest_of_its_pixels(export: Export, small: Small, out: Path) -> None:
    export("--partition", "train", "--size", 28)
    rows = {row["image_id"]: row for row in peek.table(out / "ham-export.parquet") if row["image_id"]}
    assert {i: (row["file"], row["bytes"], row["sha256"], row["label"]) for i, row in rows.items()} == {
        row[1]: (FILE, 28 * 28 * 3, s.sha256(shown(small.images[f"{row[1]}.jpg"], 28, "center").tobytes()), row[2]) for row in s.TRAIN
    }
    asked = peek.options(out / "ham-export.parquet")
    assert {name: asked.get(name) for name in ("size", "crop", "quality")} == {"size": 28, "crop": "center", "quality": None}
    text = (out / "ATTRIBUTION.txt").read_text()
    assert "resized to 28 x 28 pixels, and decoded to bare pixels" in text
    assert "JPEG" not in text


def test_any_number_of_jobs_makes_the_same_bytes_and_a_second_run_changes_nothing(export: Export, three: Path, tmp_path: Path) -> None:
    words = ("--split", three, "--only", "dx=mel,nv", "--masks", "--size", 24)
    trees = []
    for jobs in (1, 3):
        assert export(*words, "--jobs", jobs, out=tmp_path / f"jobs{jobs}").result["written"] is True
        trees.append(peek.tree(tmp_path / f"jobs{jobs}"))
    assert trees[0] == trees[1]
    before = peek.snapshot(tmp_path / "jobs1")
    assert export(*words, out=tmp_path / "jobs1").result["written"] is False
    assert peek.snapshot(tmp_path / "jobs1") == before
    assert export(*words, "--force", out=tmp_path / "jobs1").result["written"] is True
    assert peek.tree(tmp_path / "jobs1") == trees[0]


def test_fast_pixels_differ_a_little(ham_here: Here, real_fetch: tuple[Ran, Path], tmp_path: Path) -> None:
    found = []
    for more in ((), ("--fast",)):
        where = tmp_path / f"out{len(more)}"
        words = ("--partition", "train", "--only", "dx=mel", "--size", 28, "--allow-partial", *more)
        ran = ham_here("export", "npz", where, *words, cache=real_fetch[1])
        assert ran.code == 0, ran.err
        found.append(arrays(where / "ham10000_28.npz")["train_images"].astype(int))
    exact, fast = found
    assert exact.shape == fast.shape
    assert 0 < np.abs(exact - fast).mean() < 2


def test_without_a_size_it_is_wrong_usage_that_says_what_to_add(export: Export, out: Path) -> None:
    ran = export("--partition", "train", code=2)
    assert ("--size" in ran.json["error"]["what"], "224" in ran.json["error"]["next"], out.exists()) == (True, True, False)


@pytest.mark.parametrize("words", [("--image-format", "png"), ("--quality", 90), ("--shard-size", 5), ("--link", "hard")])
def test_options_of_files_are_none_of_its(words: tuple[object, ...], ham_here: Here, small_cache: Path, out: Path) -> None:
    ran = ham_here("export", "npz", out, "--size", 28, *words, cache=small_cache)
    assert (ran.code, "No such option" in ran.err or "no such option" in ran.err, out.exists()) == (2, True, False)


@pytest.mark.parametrize("name", ["images/ISIC_0000010.jpg", "masks/ISIC_0000010_segmentation.png"])
def test_what_was_changed_or_cannot_be_decoded_is_named_and_nothing_is_left(name: str, ham_here: Here, cache: Path, out: Path) -> None:
    file = cache / s.ID / name
    peek.flip(file)
    export = Export(ham_here, cache, out)
    words = ("--partition", "train", "--size", 28, "--masks")
    ran = export(*words, code=3)
    assert "ISIC_0000010" in ran.json["error"]["where"]
    assert not (out / FILE).exists()
    # A record may well hold what is no picture.
    broken = b"no picture"
    file.write_bytes(broken)
    kind = "mask_" if "masks" in name else ""

    def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        facts = {f"{kind}bytes": len(broken), f"{kind}sha256": s.sha256(broken)}
        return [row | facts if row["image_id"] == "ISIC_0000010" else row for row in rows]

    peek.edit(peek.manifest(cache, "images"), told)
    ran = export(*words, "--force", code=3)
    assert (ran.json["error"]["what"], "ISIC_0000010" in ran.json["error"]["where"]) == ("an image cannot be decoded", True)
    assert not list(out.glob("*.npz*"))


def test_the_arrays_of_the_real_sample_are_those_of_pillow(
    real_data: Path, real_fetch: tuple[Ran, Path], ham_here: Here, out: Path
) -> None:
    words = ("--partition", "train", "--size", 64, "--masks", "--allow-partial", "--allow-missing-classes")
    ran = ham_here("export", "npz", out, *words, cache=real_fetch[1])
    assert ran.code == 0, ran.err
    found = arrays(out / "ham10000_64.npz")
    dx = dict(pl.read_csv(real_data / "HAM10000_metadata").select("image_id", "dx").iter_rows())
    classes = (out / "classes.txt").read_text().split()
    for place, image_id in enumerate(found["train_ids"].tolist()):
        data = (real_data / "sample" / f"{image_id}.jpg").read_bytes()
        assert np.array_equal(found["train_images"][place], shown(data, 64, "center"))
        assert classes[found["train_labels"][place, 0]] == dx[image_id]
        mask = real_data / "sample" / f"{image_id}_segmentation.png"
        assert bool(found["train_has_mask"][place]) == mask.exists()
        if mask.exists():
            assert np.array_equal(found["train_masks"][place] > 0, masked.resized(masked.seen(mask.read_bytes()), 64, "center"))
    assert len(found["train_ids"]) == found["train_images"].shape[0] > 50
