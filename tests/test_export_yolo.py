"""YOLO: Ultralytics' layout, and outlines that pycocotools and SciPy fill to the pixels of the mask."""

from __future__ import annotations

import csv
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw
from pycocotools import mask as reference
from scipy import ndimage

from ham_cli.exporters import outlines
from tests import peek
from tests import small as s
from tests.masked import FOLDERS, PAPERS, SIZES, blank, parts_of, png, put, resized, seen, split_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

    Mask = NDArray[np.bool_]
    Points = NDArray[np.float64]

# pycocotools' own, with numpy 2: nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
DX = {row[1]: row[2] for row in s.TRAIN}
BESIDE = {*PAPERS, "data.yaml", "polygons.csv"}
WHY_LEFT_OUT = "no masks are published of them, and an image without a label would count as one without a lesion"
COMPLETE = ("--partition", "train")
"""All training images: every class is there."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the export goes; not there yet."""
    return tmp_path / "out"


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A split of two parts that both have every class."""
    return split_file(tmp_path / "two.csv", parts_of(2))


def exported(ham_here: Here, cache: Path, out: Path, *words: object) -> Ran:
    return ham_here("export", "yolo", out, *words, "--json", cache=cache)


def label_of(image: Path) -> Path:
    """Where Ultralytics looks for an image's label (``img2label_paths``)."""
    images, labels = (f"{os.sep}{name}{os.sep}" for name in ("images", "labels"))
    return type(image)(labels.join(str(image).rsplit(images, 1)).rsplit(".", 1)[0] + ".txt")


def read(label: Path) -> tuple[int, Points]:
    """A label's class and points, held against what Ultralytics requires of a line (``verify_image_label``)."""
    (line,) = label.read_text().splitlines()
    number, *shares = line.split()
    assert (len(shares) >= 6, len(shares) % 2) == (True, 0)
    assert all(len(share) == len("0.123456") for share in shares)
    points = np.array(shares, float).reshape(-1, 2)
    assert ((points >= 0) & (points <= 1)).all()
    return int(number), points


def inside(points: Points, width: int, height: int) -> Mask:
    """Which pixels' centres lie in a polygon of shares: by how often a ray from each to the right crosses it."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5 + 1e-4
    found = np.zeros((height, width), bool)
    ends = points * (width, height)
    for (x0, y0), (x1, y1) in zip(ends, np.roll(ends, -1, axis=0), strict=True):
        rows = (y0 > y) != (y1 > y)
        if rows.any():
            at = x0 + (y[rows] - y0) * (x1 - x0) / (y1 - y0)
            found[rows] ^= x[None, :] < at[:, None]
    return found


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


def by_pycocotools(points: Points, width: int, height: int) -> Mask:
    """A polygon's pixels as pycocotools draws it."""
    rles = reference.frPyObjects([(points * (width, height)).ravel().tolist()], height, width)
    found: Mask = reference.decode(rles)[..., 0].astype(bool)
    return found


def by_pillow(points: Points, width: int, height: int, fine: int) -> Mask:
    """A polygon's pixels as Pillow draws it, ``fine`` times finer and then seen at their centres."""
    drawn = Image.new("1", (width * fine, height * fine))
    ImageDraw.Draw(drawn).polygon([tuple(xy) for xy in (points * (width, height) * fine - 0.5).tolist()], fill=1)
    return np.asarray(drawn)[fine // 2 :: fine, fine // 2 :: fine]


def rows_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "polygons.csv").open(newline="") as file:
        return {row.pop("image_id"): row for row in csv.DictReader(file, strict=True)}


def counts_of(row: dict[str, str]) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in ("mask_pixels", "polygon_pixels", "lost_pixels", "added_pixels", "parts", "holes"))


def test_images_and_labels_lie_where_ultralytics_looks_for_them(
    ham_here: Here, small_cache: Path, small: Small, tmp_path: Path, out: Path
) -> None:
    file = split_file(tmp_path / "three.csv", parts_of(3))
    ran = exported(ham_here, small_cache, out, "--split", file, "--only", "dx=mel,nv,bkl,vasc,akiec")
    kept = {i: part for i, part in parts_of(3).items() if DX[i] not in {"df", "bcc"}}
    assert (ran.code, ran.result["images"], ran.result["missing"], ran.result["notes"]) == (0, len(kept), [], [])
    told = yaml.safe_load((out / "data.yaml").read_text())
    assert told == {
        **{name: f"images/{name}" for name in ("train", "val", "test")},
        "names": dict(enumerate(["akiec", "bkl", "mel", "nv", "vasc"])),
    }
    images = {f"images/{FOLDERS[part]}/{i}.jpg": small.images[f"{i}.jpg"] for i, part in kept.items()}
    tree = peek.tree(out)
    assert {name: tree[name] for name in images} == images
    assert set(tree) == {*images, *BESIDE, *(f"labels/{FOLDERS[part]}/{i}.txt" for i, part in kept.items())}
    # Without a path Ultralytics takes the folder of the file itself.
    for name in ("train", "val", "test"):
        for image in (out / told[name]).iterdir():
            number, points = read(label_of(image))
            assert told["names"][number] == DX[image.stem]
            assert np.array_equal(inside(points, s.WIDTH, s.HEIGHT), seen(small.masks[f"{image.stem}_segmentation.png"]))
    assert str(tmp_path).encode() not in b"".join(tree.values())


def test_a_label_encloses_the_masks_pixels_whole_frames_too(ham_here: Here, small_cache: Path, small: Small, out: Path) -> None:
    assert exported(ham_here, small_cache, out, *COMPLETE).code == 0
    for name, data in small.masks.items():
        mask = seen(data)
        _, points = read(out / "labels" / "train" / f"{name.partition('_seg')[0]}.txt")
        assert np.array_equal(inside(points, s.WIDTH, s.HEIGHT), mask)
        assert np.array_equal(by_pillow(points, s.WIDTH, s.HEIGHT, 16), mask)
        assert iou(by_pycocotools(points, s.WIDTH, s.HEIGHT), mask) > 0.97  # it rounds in its own way: a rim of a small picture
    for twin in s.TWIN_MASKS:
        _, points = read(out / "labels" / "train" / f"{twin}.txt")
        assert (points.min(axis=0).tolist(), points.max(axis=0).tolist()) == ([0, 0], [1, 1])
    for row in rows_of(out).values():
        assert (row["lost_pixels"], row["added_pixels"], row["iou"], row["parts"], row["holes"]) == ("0", "0", "1.000000", "1", "0")


@pytest.mark.parametrize("way", SIZES)
def test_labels_follow_their_image(way: tuple[str, int], ham_here: Here, cache: Path, small: Small, out: Path) -> None:
    crop, size = way
    odd = {"ISIC_0000001": blank((3, 2, 50, 20)), "ISIC_0000002": blank((0, 0, 2, 45))}
    put(cache, {name: png(mask) for name, mask in odd.items()})
    assert exported(ham_here, cache, out, *COMPLETE, "--size", size, "--crop", crop).code == 0
    masks = {name.partition("_seg")[0]: seen(data) for name, data in small.masks.items()} | odd
    for name, mask in masks.items():
        label = out / "labels" / "train" / f"{name}.txt"
        truth = resized(mask, size, crop)
        with Image.open(out / "images" / "train" / f"{name}.jpg") as picture:
            assert picture.size == (size, size)
        if truth.any():
            assert np.array_equal(inside(read(label)[1], size, size), truth)
        else:
            # The middle square shows nothing of this lesion: rightly background.
            assert (name, crop, label.read_bytes()) == ("ISIC_0000002", "center", b"")


def test_what_a_polygon_loses_is_counted(ham_here: Here, cache: Path, out: Path) -> None:
    hole = blank((5, 5, 20, 30))
    hole[10:12, 7:9] = False
    hole[20, 15] = False
    odd = {
        "ISIC_0000001": blank((5, 5, 20, 30), (30, 30, 32, 33), (40, 0, 41, 1)),
        "ISIC_0000002": hole,
        "ISIC_0000004": blank(),
        "ISIC_0000005": blank((0, 0, 60, 45)),
        "ISIC_0000006": blank((0, 0, 1, 1)),
        "ISIC_0000007": blank((0, 0, 10, 10), (10, 10, 12, 12)),
    }
    put(cache, {name: png(mask, white_first=name < "ISIC_0000003") for name, mask in odd.items()})
    assert exported(ham_here, cache, out, *COMPLETE).code == 0
    rows = rows_of(out)
    assert list(rows) == sorted(row[1] for row in s.TRAIN)
    assert {name: counts_of(rows[name]) for name in odd} == {
        "ISIC_0000001": (375 + 6 + 1, 375, 7, 0, 3, 0),
        "ISIC_0000002": (370, 375, 0, 5, 1, 2),
        "ISIC_0000004": (0, 0, 0, 0, 0, 0),
        "ISIC_0000005": (2700, 2700, 0, 0, 1, 0),
        "ISIC_0000006": (1, 1, 0, 0, 1, 0),
        "ISIC_0000007": (104, 100, 4, 0, 2, 0),
    }
    assert {name: rows[name]["iou"] for name in odd} == {
        "ISIC_0000001": f"{375 / 382:.6f}",
        "ISIC_0000002": f"{370 / 375:.6f}",
        "ISIC_0000004": "",
        "ISIC_0000005": "1.000000",
        "ISIC_0000006": "1.000000",
        "ISIC_0000007": f"{100 / 104:.6f}",
    }
    assert np.array_equal(inside(read(out / "labels" / "train" / "ISIC_0000001.txt")[1], 60, 45), blank((5, 5, 20, 30)))
    assert (out / "labels" / "train" / "ISIC_0000004.txt").read_bytes() == b""
    assert b"polygons.csv" in (out / "ATTRIBUTION.txt").read_bytes()


def test_the_real_masks_are_whole_in_their_polygons(real_fetch: tuple[Ran, Path], real_data: Path, ham_here: Here, out: Path) -> None:
    words = (*COMPLETE, "--allow-partial", "--allow-missing-classes")
    ran = exported(ham_here, real_fetch[1], out, *words)
    assert (ran.code, ran.result["images"]) == (0, 5)
    assert exported(ham_here, real_fetch[1], out.parent / "small", *words, "--size", 224, "--crop", "pad").code == 0
    for path in (real_data / "sample").glob("*_segmentation.png"):
        name = f"{path.name.partition('_seg')[0]}.txt"
        mask = seen(path.read_bytes())
        _, points = read(out / "labels" / "train" / name)
        assert np.array_equal(inside(points, 600, 450), mask)
        assert iou(by_pycocotools(points, 600, 450), mask) > 0.99
        assert iou(by_pillow(points, 600, 450, 4), mask) > 0.99
        _, points = read(out.parent / "small" / "labels" / "train" / name)
        assert np.array_equal(inside(points, 224, 224), resized(mask, 224, "pad"))
    assert {(row["iou"], row["lost_pixels"]) for row in rows_of(out).values()} == {("1.000000", "0")}


def test_images_without_a_mask_are_left_out_and_said(ham_here: Here, small_cache: Path, out: Path) -> None:
    ran = exported(ham_here, small_cache, out)
    assert (ran.code, ran.result["images"], ran.result["missing"]) == (0, 20, [])
    assert ran.result["notes"] == [
        s.WHY_PLANTED,
        f"8 images of test, validation left out: {WHY_LEFT_OUT}",
        "Ultralytics needs a part train and a part validation: validation is not in this export",
    ]
    assert yaml.safe_load((out / "data.yaml").read_text()) == {"train": "images/train", "names": dict(enumerate(CLASSES))}
    assert {path.stem for path in (out / "images").rglob("*.jpg")} == {path.stem for path in (out / "labels").rglob("*.txt")} == set(DX)


@pytest.mark.parametrize("partition", ["test", "validation"])
def test_images_of_which_no_masks_are_published_alone_are_refused(partition: str, ham_here: Here, small_cache: Path, out: Path) -> None:
    ran = exported(ham_here, small_cache, out, "--partition", partition, "--allow-missing-classes", "--allow-partial")
    assert (ran.code, "no masks" in ran.json["error"]["what"], "train" in ran.json["error"]["next"], out.exists()) == (
        2,
        True,
        True,
        False,
    )


def test_masks_that_are_not_in_the_cache_are_missing(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, out: Path) -> None:
    cache = tmp_path / "partial"
    source = s.lay(tmp_path / "source", small.images | {s.METADATA: small.tables[s.METADATA]})
    assert fetch("--allow-partial", source=source, cache=cache).code == 0
    ran = exported(ham_here, cache, out, *COMPLETE, "--allow-partial", "--allow-missing-classes")
    assert (ran.code, "masks" in ran.json["error"]["next"], out.exists()) == (4, True, False)
    more = s.lay(
        tmp_path / "more", {n: d for n, d in small.masks.items() if n[:12] not in {"ISIC_0000003", "ISIC_0000007", "ISIC_0000018"}}
    )
    assert fetch("masks", "--allow-partial", source=more, cache=cache).code == 0
    ran = exported(ham_here, cache, out, *COMPLETE)
    assert (ran.code, ran.json["error"]["got"]) == (3, "of df no image is in the cache with its mask")
    assert "fetch more masks" in ran.json["error"]["next"]
    words = (*COMPLETE, "--only", "dx=akiec,bcc,mel")
    ran = exported(ham_here, cache, out, *words)
    assert (ran.code, ran.result["missing"], ran.result["images"]) == (4, ["ISIC_0000007_segmentation"], 7)
    assert exported(ham_here, cache, out, *words, "--allow-partial").code == 0
    assert "ISIC_0000007" not in "".join(peek.tree(out))


@pytest.mark.parametrize("words", [(), ("--size", 24, "--crop", "pad")])
def test_the_bytes_are_the_same_whatever_the_jobs_and_a_second_run_says_unchanged(
    words: tuple[object, ...], ham_here: Here, small_cache: Path, two: Path, tmp_path: Path
) -> None:
    trees = []
    for jobs in (1, 3):
        ran = exported(ham_here, small_cache, tmp_path / str(jobs), "--split", two, *words, "--jobs", jobs)
        assert (ran.code, ran.result["written"]) == (0, True)
        trees.append(peek.tree(tmp_path / str(jobs)))
    assert trees[0] == trees[1]
    ran = exported(ham_here, small_cache, tmp_path / "1", "--split", two, *words, "--jobs", 2)
    assert (ran.code, ran.result["written"]) == (0, False)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--class-order", "challenge"), ["mel", "nv", "bcc", "akiec", "bkl", "df", "vasc"]),
        (("--grouping", "malignant"), ["malignant", "not_malignant"]),
    ],
)
def test_classes_are_numbered_as_was_wished(words: tuple[str, ...], names: list[str], ham_here: Here, small_cache: Path, out: Path) -> None:
    assert exported(ham_here, small_cache, out, *COMPLETE, *words).code == 0
    assert yaml.safe_load((out / "data.yaml").read_text())["names"] == dict(enumerate(names))
    for image_id, dx in DX.items():
        side = "malignant" if dx in {"mel", "bcc", "akiec"} else "not_malignant"
        number, _ = read(out / "labels" / "train" / f"{image_id}.txt")
        assert names[number] == (side if "--grouping" in words else dx)


def test_without_contourpy_it_says_what_to_install(ham_here: Here, small_cache: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "contourpy", None)
    ran = exported(ham_here, small_cache, out, *COMPLETE)
    assert (ran.code, "pip install contourpy" in ran.json["error"]["next"], out.exists()) == (2, True, False)


EDGES = ndimage.generate_binary_structure(2, 1)
CORNERS = ndimage.generate_binary_structure(2, 2)
MASKS: Any = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(MASKS)
@example(np.ones((1, 1), bool))
@example(np.ones((1, 9), bool))
@example(np.ones((9, 1), bool))
@example(np.indices((9, 9)).sum(axis=0) % 2 == 0)
@example(np.pad(np.zeros((3, 3), bool), 2, constant_values=True))
@settings(deadline=None)
def test_outlines_are_those_of_the_parts_that_scipy_finds(mask: Mask) -> None:
    labels, count = ndimage.label(mask, EDGES)
    parts = [ndimage.binary_fill_holes(labels == n, CORNERS) for n in range(1, count + 1)]
    rings = outlines.rings(mask)
    if not count:
        assert rings == []
        return
    height, width = mask.shape
    filled = outlines.filled(rings[0], mask.shape)
    assert any(np.array_equal(filled, part) for part in parts)
    assert filled.sum() == max(part.sum() for part in parts)
    assert sum(outlines.area(ring) * outlines.area(rings[0]) > 0 for ring in rings) == count
    _, outside = ndimage.label(np.pad(~mask, 1, constant_values=True), CORNERS)
    assert len(rings) - count == outside - 1
    points = outlines.corners(rings[0])
    assert len(points) >= 3
    assert np.array_equal(inside(points / (width, height), width, height), filled)
