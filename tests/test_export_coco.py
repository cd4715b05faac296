"""COCO: every mask is read by pycocotools to the pixels that Pillow sees, with its area and box, also where it was resized."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from pycocotools import mask as reference
from pycocotools.coco import COCO

from ham_cli.exporters import outlines
from tests import peek
from tests import small as s
from tests.masked import FOLDERS, PAPERS, SIZES, blank, parts_of, png, put, resized, seen, split_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.conftest import Fetch, Here, Ran
    from tests.small import Small

    Mask = NDArray[np.bool_]

# pycocotools' own, with numpy 2: nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
DX = {row[1]: row[2] for row in (*s.TRAIN, *s.TRUTH)} | dict(s.VALIDATION)
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
    return ham_here("export", "coco", out, *words, "--json", cache=cache)


def loaded(out: Path, folder: str) -> COCO:
    return COCO(out / "annotations" / f"instances_{folder}.json")


def masks_of(small: Small) -> dict[str, Mask]:
    return {name.removesuffix("_segmentation.png"): seen(data) for name, data in small.masks.items()}


def require_masks(coco: COCO, truth: Mapping[str, Mask]) -> None:
    """Every image's annotations are its mask, and what pycocotools measures of it."""
    for image in coco.loadImgs(coco.getImgIds()):
        image_id = image["file_name"].partition(".")[0]
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        mask = truth.get(image_id)
        assert len(found) == (mask is not None and mask.any()), image_id
        for one in found:
            assert mask is not None
            assert mask.shape == (image["height"], image["width"])
            assert np.array_equal(coco.annToMask(one), mask), image_id
            assert one["segmentation"]["counts"].encode() == reference.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
            assert (one["area"], one["iscrowd"]) == (reference.area(one["segmentation"]), 0)
            assert one["bbox"] == reference.toBbox(one["segmentation"]).tolist()


def test_images_lie_in_a_folder_a_part_and_pycocotools_reads_classes_and_masks(
    ham_here: Here, small_cache: Path, small: Small, two: Path, out: Path
) -> None:
    ran = exported(ham_here, small_cache, out, "--split", two)
    assert (ran.code, ran.result["images"], ran.result["missing"], ran.result["notes"]) == (0, 20, [], [])
    parts = parts_of(2)
    tree = peek.tree(out)
    images = {f"{FOLDERS[part]}/{i}.jpg": small.images[f"{i}.jpg"] for i, part in parts.items()}
    assert set(tree) == {*images, *PAPERS, "annotations/instances_train.json", "annotations/instances_test.json"}
    assert {name: tree[name] for name in images} == images
    ids = set()
    for part in ("train", "test"):
        coco = loaded(out, part)
        names = {image["file_name"]: image for image in coco.imgs.values()}
        assert set(names) == {f"{i}.jpg" for i, its in parts.items() if its == part}
        assert all((image["width"], image["height"]) == (s.WIDTH, s.HEIGHT) for image in names.values())
        categories = [(c["id"], c["name"], c["supercategory"]) for c in coco.loadCats(coco.getCatIds())]
        assert categories == [(n, name, "skin lesion") for n, name in enumerate(CLASSES, 1)]
        for one in coco.anns.values():
            image_id = coco.imgs[one["image_id"]]["file_name"].removesuffix(".jpg")
            assert coco.cats[one["category_id"]]["name"] == DX[image_id]
            assert one["image_id"] == int(image_id.removeprefix("ISIC_"))
        require_masks(coco, masks_of(small))
        assert len(coco.anns) == len(names)
        ids |= set(coco.anns)
    assert (len(ids), min(ids)) == (20, 1)


def test_the_json_says_whose_images_they_are_and_nothing_of_today(ham_here: Here, small_cache: Path, out: Path) -> None:
    assert exported(ham_here, small_cache, out, *COMPLETE).code == 0
    found = json.loads((out / "annotations" / "instances_train.json").read_text())
    assert set(found) == {"info", "licenses", "images", "annotations", "categories"}
    assert found["licenses"] == [{"id": 1, "name": "CC-BY-NC-4.0", "url": "https://creativecommons.org/licenses/by-nc/4.0/legalcode"}]
    assert {image["license"] for image in found["images"]} == {1}
    assert found["info"] == {
        "description": "A small record for tests, train",
        "url": "https://doi.org/10.0000/SMALL",
        "version": "1.0",
        "year": 2018,
        "contributor": "nobody",
        "images": 20,
        "annotations": 20,
        "images_without_mask": 0,
        "empty_masks": 0,
    }
    assert b"run lengths" in (out / "ATTRIBUTION.txt").read_bytes()


@pytest.mark.parametrize("way", SIZES)
def test_masks_and_boxes_follow_their_image(way: tuple[str, int], ham_here: Here, cache: Path, small: Small, out: Path) -> None:
    crop, size = way
    odd = {
        "ISIC_0000001": blank((3, 2, 50, 20), (50, 30, 60, 45)),
        "ISIC_0000002": blank((0, 0, 2, 45)),
        "ISIC_0000005": blank((7, 0, 8, 1)),
    }
    put(cache, {name: png(mask) for name, mask in odd.items()})
    assert exported(ham_here, cache, out, *COMPLETE, "--size", size, "--crop", crop).code == 0
    truth = {name: resized(mask, size, crop) for name, mask in (masks_of(small) | odd).items()}
    coco = loaded(out, "train")
    require_masks(coco, truth)
    for image in coco.imgs.values():
        with Image.open(out / "train" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (size, size)
    # Of the second the middle square shows nothing.
    assert len(coco.anns) == sum(mask.any() for mask in truth.values())
    assert truth["ISIC_0000002"].any() == (crop != "center")
    assert b"went the way of their images" in (out / "ATTRIBUTION.txt").read_bytes()


def test_palettes_pieces_whole_frames_and_empty_masks(ham_here: Here, cache: Path, small: Small, out: Path) -> None:
    odd = {
        "ISIC_0000001": png(blank((5, 5, 20, 30)), white_first=True),
        "ISIC_0000002": png(blank(), white_first=True),
        "ISIC_0000004": png(blank((0, 0, 60, 45)), white_first=True),
        "ISIC_0000005": png(blank((0, 0, 1, 1), (59, 44, 60, 45), (10, 0, 12, 45))),
        "ISIC_0000006": png(blank()),
    }
    put(cache, odd)
    assert exported(ham_here, cache, out, *COMPLETE).code == 0
    coco = loaded(out, "train")
    require_masks(coco, masks_of(small) | {name: seen(data) for name, data in odd.items()})
    assert set(coco.imgs) - {one["image_id"] for one in coco.anns.values()} == {2, 6}
    assert (coco.anns[4]["bbox"], coco.anns[4]["area"]) == ([0, 0, 60, 45], 60 * 45)
    assert (coco.dataset["info"]["empty_masks"], coco.dataset["info"]["annotations"]) == (2, 18)


def test_images_without_a_mask_stay_without_an_annotation_and_are_counted(
    ham_here: Here, small_cache: Path, small: Small, out: Path
) -> None:
    ran = exported(ham_here, small_cache, out, "--allow-missing-classes")
    assert (ran.code, ran.result["images"], ran.result["missing"]) == (0, 28, [])
    assert ran.result["notes"] == [s.WHY_PLANTED, "8 images without a mask: no annotation"]
    for folder, ids in {"train": small.images, "val": small.validation, "test": small.test}.items():
        coco = loaded(out, folder)
        assert {image["file_name"] for image in coco.imgs.values()} == set(ids)
        assert len(coco.anns) == (20 if folder == "train" else 0)
        assert [c["name"] for c in coco.cats.values()] == CLASSES
        require_masks(coco, masks_of(small))
    assert s.PLANTED not in "".join(peek.tree(out))


def test_a_mask_that_is_not_in_the_cache_is_exit_4_and_may_be_allowed(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, out: Path
) -> None:
    kept = {name: data for name, data in small.masks.items() if "0000007" not in name}
    source = s.lay(tmp_path / "source", small.images | kept | {s.METADATA: small.tables[s.METADATA]})
    assert fetch("--allow-partial", source=source, cache=tmp_path / "partial").code == 0
    ran = exported(ham_here, tmp_path / "partial", out, *COMPLETE)
    assert (ran.code, ran.result["missing"], ran.result["images"]) == (4, ["ISIC_0000007_segmentation"], 20)
    ran = exported(ham_here, tmp_path / "partial", out, *COMPLETE, "--allow-partial")
    assert (ran.code, ran.result["written"]) == (0, False)
    coco = loaded(out, "train")
    assert (len(coco.imgs), len(coco.anns), coco.dataset["info"]["images_without_mask"]) == (20, 19, 1)


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
        (("--only", "dx=nv,mel"), ["mel", "nv"]),
    ],
)
def test_classes_are_numbered_as_was_wished(words: tuple[str, ...], names: list[str], ham_here: Here, small_cache: Path, out: Path) -> None:
    assert exported(ham_here, small_cache, out, *COMPLETE, *words).code == 0
    coco = loaded(out, "train")
    assert {n: c["name"] for n, c in coco.cats.items()} == dict(enumerate(names, 1))
    for one in coco.anns.values():
        dx = DX[coco.imgs[one["image_id"]]["file_name"].removesuffix(".jpg")]
        side = "malignant" if dx in {"mel", "bcc", "akiec"} else "not_malignant"
        assert coco.cats[one["category_id"]]["name"] == (side if "--grouping" in words else dx)


def test_png_images_are_named_so(ham_here: Here, small_cache: Path, small: Small, out: Path) -> None:
    assert exported(ham_here, small_cache, out, *COMPLETE, "--image-format", "png").code == 0
    coco = loaded(out, "train")
    assert {image["file_name"] for image in coco.imgs.values()} == set(peek.names(out / "train")) == {f"{i[:-4]}.png" for i in small.images}
    require_masks(coco, masks_of(small))


def test_a_part_without_a_class_is_exit_3_and_nothing_is_written(ham_here: Here, small_cache: Path, out: Path) -> None:
    ran = exported(ham_here, small_cache, out)
    assert (ran.code, "--allow-missing-classes" in ran.json["error"]["next"], out.exists()) == (3, True, False)


def test_a_mask_of_another_size_than_its_image_and_one_that_is_no_picture_are_errors(ham_here: Here, cache: Path, out: Path) -> None:
    for data in (png(blank((1, 1, 5, 5), size=(61, 45))), b"mine"):
        put(cache, {"ISIC_0000007": data})
        for words in ((), ("--size", 20)):
            ran = exported(ham_here, cache, out, *COMPLETE, *words, "--force")
            assert (ran.code, "ISIC_0000007_segmentation.png" in ran.json["error"]["where"], "Traceback" in ran.err) == (3, True, False)


def test_the_real_masks_are_read_as_pillow_sees_them(real_fetch: tuple[Ran, Path], real_data: Path, ham_here: Here, out: Path) -> None:
    words = (*COMPLETE, "--allow-partial", "--allow-missing-classes")
    assert exported(ham_here, real_fetch[1], out, *words).code == 0
    files = {path.name.removesuffix("_segmentation.png"): path for path in (real_data / "sample").glob("*_segmentation.png")}
    truth = {name: seen(path.read_bytes()) for name, path in files.items()}
    coco = loaded(out, "train")
    assert len(coco.anns) == len(truth) == 5
    require_masks(coco, truth)
    assert exported(ham_here, real_fetch[1], out.parent / "small", *words, "--size", 224).code == 0
    require_masks(loaded(out.parent / "small", "train"), {name: resized(mask, 224, "center") for name, mask in truth.items()})


MASKS: Any = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(st.one_of(MASKS, MASKS.map(lambda mask: np.repeat(np.repeat(mask, 7, axis=0), 9, axis=1))))
@example(np.zeros((3, 4), bool))
@example(np.ones((3, 4), bool))
@example(np.ones((1, 7), bool))
@example(np.zeros((7, 1), bool))
@example(np.ones((600, 450), bool))
@example(np.indices((45, 60)).sum(axis=0) % 2 == 0)
@settings(deadline=None)
def test_run_lengths_area_and_box_are_those_of_pycocotools(mask: Mask) -> None:
    expected = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert outlines.run_lengths(mask).encode() == expected["counts"]
    assert list(outlines.box(mask)) == reference.toBbox(expected).tolist()
    assert np.array_equal(reference.decode({"size": list(mask.shape), "counts": outlines.run_lengths(mask)}), mask)
