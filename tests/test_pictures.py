"""The images of a data set as a training loop takes them: pictures and classes, in any process, held against their digests."""

from __future__ import annotations

import importlib.util
import io
import json
import multiprocessing
import operator
import pickle
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from ham_cli import open_dataset
from ham_cli.errors import AccessError, HamError, RecordError, UnavailableError, WrongUsageError
from ham_cli.extras import NotInstalledError
from tests import small as s
from tests import torchlike

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ham_cli.dataset import Dataset
    from tests.conftest import Fetch
    from tests.small import Small

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
DX = {row[1]: row[2] for row in s.TRAIN}
LESION = {row[1]: row[0] for row in s.TRAIN}
IDS = sorted(DX)


@pytest.fixture
def train(small_cache: Path) -> Dataset:
    """The training images of the small record."""
    return open_dataset(small_cache).partition("train")


@pytest.fixture
def torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``torch`` to import: itself, or what stands in for it."""
    if importlib.util.find_spec("torch"):
        yield
        return
    monkeypatch.syspath_prepend(torchlike.installed(tmp_path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        del sys.modules[name]


def published(data: bytes, mode: str = "RGB") -> Image.Image:
    return Image.open(io.BytesIO(data)).convert(mode)


# What comes back.


def test_every_image_is_the_published_picture_with_the_number_of_its_class(train: Dataset, small: Small) -> None:
    pictures = train.pictures()
    assert (pictures.classes, pictures.image_ids, len(pictures)) == (CLASSES, IDS, 20)
    for image_id, (image, target) in zip(IDS, pictures, strict=True):
        assert (image.mode, target) == ("RGB", CLASSES.index(DX[image_id]))
        assert image.tobytes() == published(small.images[f"{image_id}.jpg"]).tobytes()


def test_what_samplers_and_splits_by_lesion_need_is_there_without_opening_a_file(train: Dataset) -> None:
    pictures = train.pictures()
    assert pictures.class_to_idx == {name: number for number, name in enumerate(CLASSES)}
    assert Counter(pictures.targets) == Counter(CLASSES.index(dx) for dx in DX.values())
    assert pictures.lesion_ids == [LESION[image_id] for image_id in IDS]
    assert repr(pictures) == "<Pictures: 20 images of 7 classes, as large as published>"
    assert repr(train.pictures(size=8, masks=True)) == "<Pictures: 20 images of 7 classes, 8 x 8 pixels, with masks>"


def test_a_class_has_its_number_also_where_the_others_have_no_image(train: Dataset) -> None:
    melanomas = train.only(dx="mel").pictures()
    assert (melanomas.classes, set(melanomas.targets)) == (CLASSES, {CLASSES.index("mel")})
    grouped = train.only(dx="mel").pictures(grouping="malignant")
    assert (grouped.classes, set(grouped.targets)) == (("malignant", "not malignant"), {0})
    nothing = train.only(dx="mel", sex="female", dx_type="confocal").pictures()
    assert (len(nothing), nothing.targets, list(nothing)) == (0, [], [])


@pytest.mark.parametrize("crop", ["center", "pad", "none"])
def test_a_size_makes_squares_as_pillow_does_and_the_mask_goes_with_its_image(crop: str, train: Dataset, small: Small) -> None:
    image, mask, _ = train.pictures(size=16, crop=crop, masks=True)[3]
    whole, lesion = published(small.images[f"{IDS[3]}.jpg"]), published(small.masks[f"{IDS[3]}_segmentation.png"], "L")

    def squared(picture: Image.Image, how: Image.Resampling) -> Image.Image:
        if crop == "center":
            return picture.crop((7, 0, 7 + s.HEIGHT, s.HEIGHT)).resize((16, 16), how)
        return ImageOps.pad(picture, (16, 16), how) if crop == "pad" else picture.resize((16, 16), how)

    # Pillow's filter sees beyond a box, and not beyond what was cropped: not a whole step of 255 on average.
    assert np.abs(np.asarray(image, int) - np.asarray(squared(whole, Image.Resampling.LANCZOS), int)).mean() < 0.5
    assert (mask.mode, set(np.unique(np.asarray(mask)))) == ("L", {0, 255})
    assert np.mean(np.asarray(mask) == np.asarray(squared(lesion, Image.Resampling.NEAREST))) > 0.95


def test_a_transform_takes_the_image_or_image_and_mask_and_gives_what_takes_their_place(train: Dataset) -> None:
    assert train.pictures(transform=lambda image: image.size)[0] == ((s.WIDTH, s.HEIGHT), CLASSES.index(DX[IDS[0]]))
    assert train.pictures(masks=True, transform=lambda image, mask: (image.mode, mask.mode))[0][:2] == ("RGB", "L")


def test_numbers_are_those_of_a_list(train: Dataset) -> None:
    pictures, numbers = train.pictures(transform=lambda _: None), list(range(20))
    for good in (0, 19, -1, -20, np.int64(7), True):
        assert pictures[good] == (None, pictures.targets[numbers[good]])
    for bad in (20, -21, 10**30):
        with pytest.raises(IndexError, match=f"there is no image {bad}: there are 20"):
            _ = pictures[bad]
    for wrong in (slice(2), "0", 1.0, None):
        with pytest.raises(TypeError):
            _ = pictures[wrong]  # type: ignore[index]
    assert len(list(pictures)) == 20


# What is refused.


def test_images_that_are_not_in_the_cache_are_said_or_left_out(fetch: Fetch, small: Small, tmp_path: Path) -> None:
    source = small.unpacked(tmp_path / "source")
    for name in (f"{IDS[4]}.jpg", f"{IDS[9]}.jpg", f"{IDS[7]}_segmentation.png"):
        next(source.rglob(name)).unlink()
    assert fetch("--allow-partial", source=source, cache=tmp_path / "cache").code == 0
    train = open_dataset(tmp_path / "cache").partition("train")
    with pytest.raises(UnavailableError) as refusal:
        train.pictures()
    assert refusal.value.fields() == {
        "what": "not all of these images are in the cache",
        "where": str(tmp_path / "cache" / s.ID),
        "got": f"2 of 20, such as {IDS[4]} missing",
        "next": "ham fetch images brings them; allow_partial=True is content with those that are here",
    }
    assert train.pictures(allow_partial=True).image_ids == [i for n, i in enumerate(IDS) if n not in {4, 9}]
    with pytest.raises(UnavailableError, match="ham fetch images masks"):
        train.pictures(masks=True)
    assert train.pictures(masks=True, allow_partial=True).image_ids == [i for n, i in enumerate(IDS) if n not in {4, 7, 9}]
    with pytest.raises(UnavailableError, match=r"none of these images are in the cache\n"):
        train.only(image_id=IDS[4]).pictures(allow_partial=True)


def test_test_images_have_pictures_and_no_masks_and_the_planted_one_is_left_out(small_cache: Path) -> None:
    test = open_dataset(small_cache).partition("test")
    assert s.PLANTED not in test.pictures().image_ids
    assert len(test.pictures()) == 4
    with pytest.raises(WrongUsageError, match="no masks of these images are published"):
        test.pictures(masks=True, allow_partial=True)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"size": 0}, "this is no size of a picture"),
        ({"size": 5000}, "from 1 to 4096"),
        ({"size": "224"}, "this is no size of a picture"),
        ({"size": 8, "crop": "middle"}, "center, pad, none"),
        ({"crop": "pad"}, "crop and fast are for images that are resized"),
        ({"fast": True}, "crop and fast are for images that are resized"),
        ({"grouping": "benign"}, "there is no such grouping"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_at_once(wish: dict[str, Any], words: str, train: Dataset) -> None:
    with pytest.raises(WrongUsageError, match=words):
        train.pictures(**wish)


def test_a_file_that_is_gone_changed_or_no_file_is_one_error_and_the_others_are_read(cache: Path) -> None:
    train = open_dataset(cache).partition("train")
    pictures = train.pictures(masks=True)
    changed, gone, replaced, mask = (train.path(IDS[0]), train.path(IDS[1]), train.path(IDS[2]), train.mask(IDS[3]))
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    gone.unlink()
    replaced.unlink()
    replaced.mkdir()
    mask.write_bytes(b"")
    expected = {0: (RecordError, changed), 1: (UnavailableError, gone), 2: (AccessError, replaced), 3: (RecordError, mask)}
    for number, (kind, where) in expected.items():
        with pytest.raises(kind) as refusal:
            _ = pictures[number]
        assert (refusal.value.where, bool(refusal.value.fix)) == (str(where), True)
    assert pictures[4][2] == CLASSES.index(DX[IDS[4]])


# In other processes.


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_worker_processes_give_the_same_pictures_and_the_same_errors(method: str, cache: Path) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    train = open_dataset(cache).partition("train")
    pictures = train.pictures(size=8, masks=True)
    here = [(image.tobytes(), mask.tobytes(), target) for image, mask, target in pictures]
    train.path(IDS[0]).unlink()
    with multiprocessing.get_context(method).Pool(2) as pool:
        there = pool.starmap(operator.getitem, [(pictures, number) for number in range(1, 20)])
        assert [(image.tobytes(), mask.tobytes(), target) for image, mask, target in there] == here[1:]
        with pytest.raises(UnavailableError) as refusal:
            pool.apply(operator.getitem, (pictures, 0))
    assert (refusal.value.where, refusal.value.exit_code) == (str(train.path(IDS[0])), 4)


def test_it_goes_through_pickle_as_plain_values(train: Dataset) -> None:
    pictures = train.pictures(size=8)
    before = pickle.dumps(pictures)
    _ = pictures[0]
    assert pickle.dumps(pictures) == before
    assert len(before) < 20 * 400


# Tensors.


def test_torch_and_pillow_are_imported_when_they_are_asked_for(small_cache: Path, tmp_path: Path) -> None:
    program = """
import json, sys
from ham_cli import open_dataset
def loaded(): return [name for name in ("PIL", "pandas", "torch") if name in sys.modules]
train = open_dataset(sys.argv[1]).partition("train")
pictures = train.pictures(size=8, masks=True)
said = [loaded()]
pictures[0]
said.append(loaded())
train.pictures(size=8, tensors=True)
print(json.dumps([*said, loaded()]))
"""
    environment = {"PYTHONPATH": str(torchlike.installed(tmp_path)), "PATH": "", "HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", program, str(small_cache)], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [[], ["PIL"], ["PIL", "torch"]]


@pytest.mark.usefixtures("torch")
def test_tensors_are_channels_height_width_from_0_to_1_and_masks_are_bool(train: Dataset) -> None:
    image, mask, target = train.pictures(masks=True, tensors=True)[5]
    seen, lesion, _ = train.pictures(masks=True)[5]
    assert (tuple(image.shape), tuple(mask.shape)) == ((3, s.HEIGHT, s.WIDTH), (s.HEIGHT, s.WIDTH))
    assert (np.asarray(image).dtype.name, np.asarray(mask).dtype.name, type(target)) == ("float32", "bool", int)
    assert np.array_equal(np.asarray(image), np.asarray(seen, np.float32).transpose(2, 0, 1) / np.float32(255))
    assert np.array_equal(np.asarray(mask), np.asarray(lesion) == 255)
    doubled = train.pictures(tensors=True, transform=lambda tensor: tensor * 2)[5][0]
    assert float(np.asarray(doubled).max()) == 2 * float(np.asarray(image).max())


def test_without_torch_tensors_say_what_to_install_and_pictures_need_it_not(train: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert len(train.pictures()) == 20
    with pytest.raises(NotInstalledError) as refusal:
        train.pictures(tensors=True)
    assert isinstance(refusal.value, HamError)
    assert (refusal.value.expected, str(refusal.value.fix).partition(";")[0]) == ("torch", "python -m pip install torch")


def test_torchs_own_loader_takes_it(train: Dataset) -> None:
    data = pytest.importorskip("torch.utils.data")
    pictures = train.pictures(size=8, tensors=True, masks=True)
    for method in ("spawn", "fork"):
        batches = list(data.DataLoader(pictures, batch_size=6, num_workers=2, multiprocessing_context=method))
        assert [tuple(images.shape) for images, _, _ in batches] == [(6, 3, 8, 8)] * 3 + [(2, 3, 8, 8)]
        assert [target for _, _, targets in batches for target in targets.tolist()] == pictures.targets
