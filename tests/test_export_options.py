"""The options that all exports of images share: what they change, what they say, and what they refuse."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests import peek
from tests import small as s
from tests.masked import parts_of, split_file
from tests.test_export import BESIDE, CLASSES, LIST, WAYS, as_torchvision, filed

if TYPE_CHECKING:
    from tests.conftest import Here, Ran
    from tests.small import Small

DX = {row[1]: row[2] for row in s.TRAIN}
MALIGNANT = {"mel", "bcc", "akiec"}
ORDER = ["mel", "nv", "bcc", "akiec", "bkl", "df", "vasc"]
"""The challenge's."""

IMAGES = ("imagefolder", "webdataset")
"""Formats of the core that hold images."""


class Export:
    """Runs ``ham export`` into a folder from a cache."""

    def __init__(self, ham_here: Here, cache: Path, out: Path) -> None:
        self.ham_here, self.cache, self.out = ham_here, cache, out

    def __call__(self, form: str, *words: object, out: Path | None = None) -> Ran:
        """Run it with ``--json``."""
        return self.ham_here("export", form, out or self.out, *words, "--json", cache=self.cache)


@pytest.fixture
def export(ham_here: Here, small_cache: Path, tmp_path: Path) -> Export:
    """Exports of the small record, which only read its cache."""
    return Export(ham_here, small_cache, tmp_path / "out")


@pytest.fixture
def mine(ham_here: Here, cache: Path, tmp_path: Path) -> Export:
    """Exports of a cache of one's own."""
    return Export(ham_here, cache, tmp_path / "out")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A split of two parts that both have every class."""
    return split_file(tmp_path / "two.csv", parts_of(2))


def images_in(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in peek.tree(folder).items() if name not in BESIDE}


def attribution(folder: Path) -> str:
    return (folder / "ATTRIBUTION.txt").read_text()


def without(cache: Path, *image_ids: str) -> None:
    """Let a cache's manifest have some images no more."""
    peek.edit(
        peek.manifest(cache, "images"),
        lambda rows: [row | ({"path": None} if row["image_id"] in image_ids else {}) for row in rows],
    )


# Which images.


def test_one_image_a_lesion_is_the_same_on_every_machine_and_has_every_lesion_once(export: Export, small: Small) -> None:
    assert export("imagefolder", "--partition", "train", "--one-per-lesion").code == 0
    found = images_in(export.out)
    lesion = {row[1]: row[0] for row in s.TRAIN}
    lesions = [lesion[Path(name).stem] for name in found]
    assert sorted(lesions) == sorted({row[0] for row in s.TRAIN})
    everything = filed(small, dict.fromkeys(lesion, "train"))
    assert found.items() <= everything.items()
    assert peek.options(export.out / LIST)["one_per_lesion"] is True
    again = export.out.parent / "again"
    assert export("imagefolder", "--partition", "train", "--one-per-lesion", "--jobs", 3, out=again).code == 0
    assert peek.tree(again) == peek.tree(export.out)
    ran = export("imagefolder", "--partition", "train")
    assert (ran.code, "one per lesion" in ran.json["error"]["got"]) == (2, True)


def test_which_fold_was_held_out_is_told_also_the_first(export: Export, tmp_path: Path) -> None:
    folds = {i: ("train", "test").index(part) for i, part in parts_of(2).items()}
    file = tmp_path / "folds.csv"
    file.write_text("image_id,fold\n" + "".join(f"{i},{n}\n" for i, n in folds.items()))
    for fold in (0, 1):
        assert export("imagefolder", "--split", file, "--fold", fold, out=tmp_path / f"fold{fold}").code == 0
        assert peek.options(tmp_path / f"fold{fold}" / LIST)["fold"] == fold
        ran = export("imagefolder", "--split", file, "--fold", 1 - fold, out=tmp_path / f"fold{fold}")
        assert (ran.code, f"fold {fold}" in ran.json["error"]["got"]) == (2, True)
    assert export("csv", "--split", file).code == 0
    assert export("csv", "--split", file, "--fold", 0).code == 2


# Classes.


@pytest.mark.parametrize("form", IMAGES)
def test_a_grouping_is_named_in_the_attribution_the_list_and_the_folders(form: str, export: Export, two: Path) -> None:
    assert export(form, "--split", two, "--grouping", "malignant").code == 0
    assert peek.options(export.out / LIST)["grouping"] == "malignant"
    assert "sides of the grouping malignant, which is mel, bcc, akiec, against all others" in attribution(export.out)
    assert (export.out / "classes.txt").read_text() == "malignant\nnot_malignant\n"
    labels = {row["image_id"]: row["label"] for row in peek.table(export.out / LIST) if row["image_id"]}
    assert labels == {i: "malignant" if dx in MALIGNANT else "not_malignant" for i, dx in DX.items()}


def test_a_grouping_makes_folders_of_its_two_sides(export: Export, small: Small, two: Path) -> None:
    assert export("imagefolder", "--split", two, "--grouping", "malignant").code == 0
    sides = {i: "malignant" if dx in MALIGNANT else "not_malignant" for i, dx in DX.items()}
    assert images_in(export.out) == filed(small, parts_of(2), sides)
    assert json.loads((export.out / "class_to_idx.json").read_text()) == as_torchvision(export.out / "train")


def test_no_grouping_is_the_default(export: Export) -> None:
    assert export("imagefolder", "--partition", "train").code == 0
    assert "grouping" not in peek.options(export.out / LIST)
    assert ("grouping" in attribution(export.out), (export.out / "classes.txt").read_text().split()) == (False, CLASSES)


def test_one_side_of_a_grouping_alone_lacks_no_class(export: Export) -> None:
    assert export("imagefolder", "--partition", "train", "--grouping", "malignant", "--only", "dx=mel,bcc").code == 0
    assert (export.out / "classes.txt").read_text() == "malignant\n"


def test_a_side_of_a_grouping_that_a_part_lacks_is_exit_3(export: Export, tmp_path: Path) -> None:
    file = split_file(tmp_path / "sided.csv", {i: "train" if dx in MALIGNANT else "test" for i, dx in DX.items()})
    ran = export("imagefolder", "--split", file, "--grouping", "malignant")
    assert (ran.code, "the part has no not_malignant" in ran.json["error"]["got"], export.out.exists()) == (3, True, False)


def test_the_challenges_order_numbers_the_list_of_classes(export: Export) -> None:
    assert export("imagefolder", "--partition", "train", "--class-order", "challenge").code == 0
    assert json.loads((export.out / "class_to_idx.json").read_text()) == {name: n for n, name in enumerate(ORDER)}
    assert (export.out / "classes.txt").read_text().split() == ORDER
    assert peek.options(export.out / LIST)["class_order"] == "challenge"
    assert export("imagefolder", "--partition", "train").code == 2


@pytest.mark.parametrize("form", IMAGES)
def test_of_missing_classes_that_are_allowed_the_numbers_are_without_them(form: str, export: Export) -> None:
    assert export(form, "--partition", "test", "--allow-missing-classes").code == 0
    assert (export.out / "classes.txt").read_text().split() == ["bkl", "mel", "nv"]
    labels = {row["image_id"]: row["label"] for row in peek.table(export.out / LIST) if row["image_id"]}
    assert labels == {row[1]: row[2] for row in s.TRUTH if row[1] != s.PLANTED}


# Masks.


def test_masks_lie_in_folders_of_their_own_that_mirror_the_images(export: Export, small: Small, two: Path) -> None:
    assert export("imagefolder", "--split", two, "--masks").code == 0
    images = filed(small, parts_of(2))
    masks = {f"masks/{n.removesuffix('.jpg')}.png": small.masks[f"{Path(n).stem}_segmentation.png"] for n in images}
    assert images_in(export.out) == images | masks
    assert as_torchvision(export.out / "masks" / "train") == as_torchvision(export.out / "train")
    assert "masks are as published" in attribution(export.out)


def test_only_training_images_have_masks_and_none_is_missed_elsewhere(export: Export) -> None:
    ran = export("imagefolder", "--masks", "--allow-missing-classes")
    assert (ran.code, ran.result["missing"]) == (0, [])
    assert {Path(name).stem for name in images_in(export.out) if name.startswith("masks/")} == set(DX)


def test_masks_go_the_way_of_their_images(export: Export, small: Small) -> None:
    for crop, shown in (("center", (7, 0, 52, 45)), ("none", (0, 0, 60, 45))):
        out = export.out.parent / crop
        assert export("imagefolder", "--partition", "train", "--masks", "--size", 32, "--crop", crop, out=out).code == 0
        for image_id, dx in DX.items():
            made = np.asarray(Image.open(out / "masks" / "train" / dx / f"{image_id}.png"))
            whole = Image.open(io.BytesIO(small.masks[f"{image_id}_segmentation.png"])).convert("L")
            assert np.array_equal(made, np.asarray(whole.resize((32, 32), Image.Resampling.NEAREST, box=shown)))
        assert "masks went the way of their images" in attribution(out)


def test_with_png_alone_masks_stay_published(export: Export, small: Small) -> None:
    assert export("imagefolder", "--partition", "train", "--masks", "--image-format", "png").code == 0
    assert (export.out / "masks" / "train" / "nv" / "ISIC_0000008.png").read_bytes() == small.masks["ISIC_0000008_segmentation.png"]
    assert "masks are as published" in attribution(export.out)


def test_missing_masks_are_counted_apart(mine: Export) -> None:
    gone = {"mask_path": None, "mask_bytes": None, "mask_sha256": None}
    peek.edit(peek.manifest(mine.cache, "images"), lambda rows: [row | (gone if row["image_id"] == "ISIC_0000008" else {}) for row in rows])
    without(mine.cache, "ISIC_0000017", "ISIC_0000001")
    ran = mine("imagefolder", "--partition", "train", "--masks")
    assert (ran.code, len(ran.json["warnings"])) == (4, 1)
    assert "2 images and 1 mask, such as ISIC_0000001, ISIC_0000017, ISIC_0000008_segmentation" in ran.json["warnings"][0]
    assert mine("imagefolder", "--partition", "train", "--masks", "--allow-partial").code == 0


# How images are written.


@pytest.mark.parametrize("form", IMAGES)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "as published, byte for byte"),
        (("--size", 32), "cropped to the middle square and resized to 32 x 32 pixels, and re-encoded as JPEG, quality 95"),
        (
            ("--size", 32, "--crop", "pad", "--quality", 80),
            "between black bars, resized to 32 x 32 pixels, and re-encoded as JPEG, quality 80",
        ),
        (("--size", 32, "--crop", "none", "--image-format", "png"), "not cropped, resized to 32 x 32 pixels, and re-encoded as PNG"),
        (("--size", 32, "--fast"), "(scaled by the decoder first)"),
        (("--image-format", "png"), "re-encoded as PNG"),
    ],
)
def test_the_attribution_says_what_was_changed(form: str, words: tuple[object, ...], said: str, export: Export) -> None:
    assert export(form, "--partition", "train", *words).code == 0
    assert "The images in this folder are a part of the published ones, " in attribution(export.out)
    assert said in attribution(export.out)


def test_resized_images_are_what_they_are_said_to_be(export: Export, small: Small) -> None:
    for words, form, suffix in (((), "JPEG", "jpg"), (("--image-format", "png"), "PNG", "png")):
        out = export.out.parent / suffix
        assert export("imagefolder", "--partition", "train", "--size", 32, *words, out=out).code == 0
        assert set(images_in(out)) == {f"train/{dx}/{i}.{suffix}" for i, dx in DX.items()}
        for image_id, dx in DX.items():
            with Image.open(out / "train" / dx / f"{image_id}.{suffix}") as made:
                assert (made.format, made.mode, made.size) == (form, "RGB", (32, 32))
                whole = Image.open(io.BytesIO(small.images[f"{image_id}.jpg"]))
                expected = np.asarray(whole.resize((32, 32), Image.Resampling.LANCZOS, box=(7, 0, 52, 45)), dtype=int)
                assert abs(np.asarray(made, dtype=int) - expected).max() <= (0 if form == "PNG" else 40)


def test_quality_changes_the_bytes_and_is_another_export(export: Export) -> None:
    trees = []
    for quality in (95, 60):
        out = export.out.parent / str(quality)
        assert export("imagefolder", "--partition", "train", "--size", 32, "--quality", quality, out=out).code == 0
        assert peek.options(out / LIST)["quality"] == quality
        trees.append(images_in(out))
    assert trees[0].keys() == trees[1].keys()
    assert all(trees[0][name] != trees[1][name] for name in trees[0])
    ran = export("imagefolder", "--partition", "train", "--size", 32, out=export.out.parent / "60")
    assert (ran.code, "quality 95" in ran.json["error"]["expected"], "quality 60" in ran.json["error"]["got"]) == (2, True, True)
    # What is the default is the same, said or not.
    assert export("imagefolder", "--partition", "train", "--size", 32, out=export.out.parent / "95").result["written"] is False


ASKED: list[tuple[tuple[object, ...], dict[str, Any]]] = [
    ((), {}),
    (("--size", 32), {"size": 32, "crop": "center", "image_format": "jpeg", "quality": 95, "fast": False}),
    (("--size", 9, "--crop", "pad", "--fast"), {"size": 9, "crop": "pad", "image_format": "jpeg", "quality": 95, "fast": True}),
    (("--size", 32, "--image-format", "png"), {"size": 32, "crop": "center", "image_format": "png", "fast": False}),
    (("--image-format", "png", "--masks"), {"image_format": "png", "masks": True}),
    (("--masks", "--class-order", "challenge"), {"masks": True, "class_order": "challenge"}),
    (("--grouping", "malignant", "--one-per-lesion"), {"grouping": "malignant", "one_per_lesion": True}),
    (("--only", "dx=nv,mel", "--only", "sex=male"), {"only": {"dx": ["mel", "nv"], "sex": ["male"]}}),
]


@pytest.mark.parametrize("form", IMAGES)
@pytest.mark.parametrize(("words", "options"), ASKED)
def test_what_was_asked_is_told_in_json_and_in_the_list(
    form: str, words: tuple[object, ...], options: dict[str, Any], export: Export
) -> None:
    ran = export(form, "--partition", "train", *words, "--allow-missing-classes")
    told = {"partition": "train"} | options | ({"shard_size": 1000} if form == "webdataset" else {})
    assert (ran.code, ran.result["format"], ran.result["folder"]) == (0, form, str(export.out))
    found = {name: value for name, value in ran.result["options"].items() if value is not None}
    found["only"] = {name: sorted(some) for name, some in found.get("only", {}).items()}
    assert {name: value for name, value in found.items() if value} == {name: value for name, value in told.items() if value}
    listed = peek.options(export.out / LIST)
    assert listed == ran.result["options"] | {"format": form, "input_digest": ran.result["input_digest"]}


# What is refused.


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--crop", "pad"), "--crop"),
        (("--crop", "center"), "--crop"),
        (("--crop", ""), "--crop"),
        (("--fast",), "--fast"),
        (("--quality", 90), "--quality"),
        (("--quality", 90, "--image-format", "png"), "--quality"),
        (("--size", 32, "--quality", 90, "--image-format", "png"), "--quality"),
        (("--size", 32, "--crop", "middle"), "--crop"),
        (("--size", 32, "--crop", ""), "--crop"),
        (("--size", 32, "--image-format", "webp"), "--image-format"),
        (("--image-format", ""), "--image-format"),
        (("--size", 0), "--size"),
        (("--size", -1), "--size"),
        (("--size", 4097), "--size"),
        (("--size", "large"), "--size"),
        (("--size", 32, "--quality", 0), "--quality"),
        (("--size", 32, "--quality", 101), "--quality"),
        (("--grouping", "dangerous"), "--grouping"),
        (("--grouping", ""), "--grouping"),
        (("--class-order", "backwards"), "--class-order"),
        (("--only", "dx=melanoma"), "melanoma"),
        (("--only", "colour=red"), "colour"),
        (("--part", "train"), "--part"),
        (("--fold", 0), "--fold"),
        (("--split", "nothing.csv"), "nothing.csv"),
        (("--partition", "training"), "training"),
        (("--jobs", 0), "--jobs"),
    ],
)
def test_what_cannot_be_is_one_error_and_exit_2(words: tuple[object, ...], named: str, export: Export) -> None:
    for form, dry in (("imagefolder", ()), ("webdataset", ("--dry-run",))):
        ran = export(form, *words, "--allow-missing-classes", *dry)
        assert (ran.code, ran.err.count("error: "), "Traceback" in ran.err) == (2, 1, False)
        assert named in json.dumps(ran.json["error"])
        assert not export.out.exists()


def test_a_format_has_its_own_options_only(export: Export) -> None:
    for form, word in (
        ("csv", ("--size", 32)),
        ("csv", ("--masks",)),
        ("csv", ("--link", "hard")),
        ("imagefolder", ("--shard-size", 3)),
        ("webdataset", ("--link", "hard")),
    ):
        ran = export(form, *word)
        assert (ran.code, ran.json["error"]["got"]) == (2, word[0])
    assert not export.out.exists()


def test_an_unknown_format_is_wrong_usage(export: Export) -> None:
    ran = export("tarball")
    assert (ran.code, ran.json["error"]["got"], export.out.exists()) == (2, "tarball", False)


# A dry run.


@pytest.mark.parametrize("form", ["csv", *IMAGES])
def test_a_dry_run_writes_nothing_and_says_how_much_it_would_be(form: str, export: Export, tmp_path: Path) -> None:
    cache = peek.snapshot(export.cache)
    before = peek.names(tmp_path)
    for words in ((), ("--size", 32, "--masks"), ("--image-format", "png"), ("--size", 90, "--quality", 100)):
        if words and form == "csv":
            continue
        out = tmp_path / "_".join(map(str, ("out", *words)))
        ran = export(form, "--partition", "train", *words, "--dry-run", out=out)
        assert (ran.code, ran.result["written"], ran.result["dry_run"], out.exists()) == (0, False, True, False)
        assert (ran.result["to_write"], ran.result["images"]) == (ran.result["files"], 0 if form == "csv" else 20)
        assert (peek.names(tmp_path), peek.snapshot(export.cache) == cache) == (before, True)
        real = export(form, "--partition", "train", *words, out=out)
        same = {"format", "folder", "files", "images", "missing", "input_digest", "options", "notes"}
        assert {name: real.result[name] for name in same} == {name: ran.result[name] for name in same}
        written = {name: data for name, data in peek.tree(out).items() if name != LIST}
        assert len(written) == ran.result["files"]
        assert sum(map(len, written.values())) <= ran.result["bytes_at_most"]
        before = peek.names(tmp_path)


def test_a_dry_run_says_it_in_words(export: Export, ham_here: Here) -> None:
    ran = ham_here("export", "imagefolder", export.out, "--partition", "train", "--dry-run", cache=export.cache)
    assert (ran.code, ran.out) == (0, f"would be written: {export.out}\n")
    assert "20 images, 25 of 25 files to write, at most " in ran.err
    assert ham_here("export", "imagefolder", export.out, "--partition", "train", cache=export.cache).code == 0
    ran = ham_here("export", "imagefolder", export.out, "--partition", "train", "--dry-run", cache=export.cache)
    assert (ran.code, ran.out, "20 images, 25 files" in ran.err) == (0, f"would be unchanged: {export.out}\n", True)
    (export.out / "train" / "nv" / "ISIC_0000008.jpg").unlink()
    before = peek.snapshot(export.out)
    ran = ham_here("export", "imagefolder", export.out, "--partition", "train", "--dry-run", cache=export.cache)
    assert (ran.out, "1 of 25 files to write" in ran.err) == (f"would be written: {export.out}\n", True)
    assert peek.snapshot(export.out) == before


@pytest.mark.parametrize("form", IMAGES)
def test_a_dry_run_ends_as_the_real_one_would(form: str, mine: Export, two: Path, tmp_path: Path) -> None:
    without(mine.cache, "ISIC_0000008")
    words = ("--partition", "train")
    for more, code in (((), 4), (("--allow-partial",), 0)):
        dry, real = mine(form, *words, *more, "--dry-run"), mine(form, *words, *more)
        assert (dry.code, real.code, dry.json["warnings"]) == (code, code, real.json["warnings"])
    whole = peek.snapshot(mine.out)
    # The same export, another one, one with --force, and what is none.
    assert mine(form, *words, "--dry-run").code == 4
    other = mine(form, "--split", two, "--dry-run", "--allow-partial")
    assert (other.code, other.json["error"]["what"]) == (2, "another export lies there")
    forced = mine(form, "--split", two, "--dry-run", "--allow-partial", "--force")
    assert (forced.code, forced.result["to_write"]) == (0, forced.result["files"])
    assert peek.snapshot(mine.out) == whole
    s.lay(tmp_path / "mine", {"notes.txt": b"mine"})
    assert mine(form, *words, "--dry-run", out=tmp_path / "mine").code == 2
    assert peek.names(tmp_path / "mine") == ["notes.txt"]
    assert mine(form, "--partition", "test", "--dry-run", out=tmp_path / "new").code == 3


@pytest.mark.parametrize("link", WAYS)
def test_what_is_shared_with_the_cache_takes_no_room(link: str, export: Export) -> None:
    ran = export("imagefolder", "--partition", "train", "--link", link, "--dry-run")
    images = sum(row["bytes"] for row in peek.images(export.cache).values() if row["partition"] == "train")
    assert (ran.result["bytes_at_most"] < images) == (link in {"hard", "sym"})


# Made by other versions.


def relabelled(out: Path, version: str | None) -> None:
    """Let an export's list say that other libraries made it."""
    table = pq.read_table(out / LIST)
    labels = dict(table.schema.metadata)
    labels.pop(b"ham.made_with", None)
    pq.write_table(table.replace_schema_metadata(labels | ({b"ham.made_with": version.encode()} if version else {})), out / LIST)


@pytest.mark.parametrize("form", IMAGES)
@pytest.mark.parametrize("version", ["Pillow 1.0.0, libjpeg 6b", None])
def test_a_resized_export_of_another_version_of_pillow_is_made_anew(form: str, version: str | None, export: Export) -> None:
    words = ("--partition", "train", "--size", 16, "--masks")
    assert export(form, *words).code == 0
    whole, before = peek.tree(export.out), peek.snapshot(export.out)
    relabelled(export.out, version)
    ran = export(form, *words)
    assert (ran.code, ran.result["written"], peek.tree(export.out)) == (0, True, whole)
    after = peek.snapshot(export.out)
    remade = {name for name in before if before[name][0] != after[name][0]} - {LIST}
    # Papers and lists of classes are of no library's making.
    assert remade == {name for name in before if name.endswith((".tar", ".jpg", ".png"))}


def test_published_bytes_are_of_no_version(export: Export) -> None:
    assert export("imagefolder", "--partition", "train", "--masks").code == 0
    assert "ham.made_with" not in peek.labels(export.out / LIST)
    before = peek.snapshot(export.out)
    relabelled(export.out, "Pillow 1.0.0, libjpeg 6b")
    export("imagefolder", "--partition", "train", "--masks")
    after = peek.snapshot(export.out)
    assert {n: f for n, f in after.items() if n != LIST} == {n: f for n, f in before.items() if n != LIST}


def test_an_export_is_not_put_into_another_one(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    outer, inner = tmp_path / "data", tmp_path / "data" / "train" / "more"
    assert ham_here("export", "imagefolder", outer, "--partition", "train", cache=small_cache).code == 0
    before = peek.snapshot(outer)
    ran = ham_here("export", "csv", inner, "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["what"], ran.json["error"]["got"]) == (2, "the destination lies in another export", str(outer))
    assert peek.snapshot(outer) == before
    assert ham_here("export", "csv", inner, "--force", cache=small_cache).code == 0
    assert {name: found for name, found in peek.snapshot(outer).items() if "more" not in str(name)} == before
    assert ham_here("export", "csv", tmp_path / "beside", cache=small_cache).code == 0
