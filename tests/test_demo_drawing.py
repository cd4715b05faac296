"""The drawn record: what is in it is looked at with other means than those that made it."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import itertools
import json
import shutil
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageStat

import ham_cli
from ham_cli import record as records
from ham_cli.demo import draw
from ham_cli.demo.picture import Picture, pixels_of
from ham_cli.demo.rows import rows
from ham_cli.errors import WrongUsageError
from ham_cli.findings import Advanced, Done, Started

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ham_cli.record import Record
    from tests.conftest import Here

IMAGES, TESTED = 40, 6

NAMES = {
    "demo_images_part_1.zip",
    "demo_images_part_2.zip",
    "demo_segmentations.zip",
    "demo_test_images.zip",
    "demo_metadata",
    "demo_test_truth.csv",
    "demo_ratings.csv",
    "digests.sha256.xz",
    "record.json",
}

MODALITIES = {
    "Malignancy Probability (AI)",
    "Multiclass Probabilities (AI)",
    "CBIR (AI)",
    "Multiclass Probabilities (Crowd)",
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn record; nobody writes to it."""
    where = tmp_path_factory.mktemp("demo") / "published"
    events = list(draw(where, IMAGES, 2))
    assert events[0] == Started("drawing", IMAGES + TESTED, "image")
    assert events[1:-1] == [Advanced("drawing", 1)] * (IMAGES + TESTED)
    assert events[-1] == Done("drawing", "46 images")
    return where


@pytest.fixture(scope="module")
def record(drawn: Path) -> Record:
    return records.load_foreign(drawn / "record.json")


@pytest.fixture(scope="module")
def files(drawn: Path) -> dict[str, bytes]:
    """The pictures and masks, by the names they have in their zips."""
    found: dict[str, bytes] = {}
    for name in sorted(n for n in NAMES if n.endswith(".zip")):
        with zipfile.ZipFile(drawn / name) as archive:
            assert archive.testzip() is None
            found |= {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
    return found


@pytest.fixture(scope="module")
def train(drawn: Path) -> list[dict[str, str]]:
    return table(drawn / "demo_metadata")


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="ascii"))))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def photos(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The training images, by name."""
    return {name: data for name, data in files.items() if "/" not in name}


def mask_of(files: Mapping[str, bytes], name: str) -> bytes:
    return files[f"demo_segmentations/{name.removesuffix('.jpg')}_segmentation.png"]


# As a record.


def test_the_folder_holds_the_published_files_and_nothing_else(drawn: Path) -> None:
    assert set(contents(drawn)) == NAMES


def test_the_record_pins_every_file_as_it_is(drawn: Path, record: Record) -> None:
    assert record.id == "demo-1.0-40"
    assert {f.received_name for f in record.files} == NAMES - {"record.json", "digests.sha256.xz"}
    for file in record.files:
        data = (drawn / file.received_name).read_bytes()
        assert file.bytes == len(data)
        assert file.md5 == hashlib.md5(data, usedforsecurity=False).hexdigest()
        assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert {f.name for f in record.files if f.name.endswith(".tab")} == {"demo_metadata.tab", "demo_test_truth.tab", "demo_ratings.tab"}


def test_the_digests_are_those_of_every_training_image_and_mask(record: Record, files: dict[str, bytes]) -> None:
    inside = {n.rpartition("/")[2]: d for n, d in files.items() if "__MACOSX" not in n and "demo_test" not in n}
    assert len(inside) == 2 * IMAGES
    assert {n: (d.bytes, d.sha256) for n, d in record.digests.items()} == {
        n: (len(d), hashlib.sha256(d).hexdigest()) for n, d in inside.items()
    }


def test_the_columns_digests_are_those_of_the_sorted_lines(drawn: Path, record: Record) -> None:
    for name in ("demo_metadata", "demo_test_truth.csv"):
        form = next(form for form in record.tables if form.name == name)
        held = table(drawn / name)
        assert form.rows == len(held)
        assert form.columns_sha256 is not None
        for column, digest in form.columns_sha256.items():
            lines = sorted(row["image_id"] + ("" if column == "image_id" else f",{row[column]}") + "\n" for row in held)
            assert digest == hashlib.sha256("".join(lines).encode()).hexdigest(), column


def test_the_counts_are_those_of_the_rows(record: Record, train: list[dict[str, str]], drawn: Path) -> None:
    truth = [row for row in table(drawn / "demo_test_truth.csv") if row["image_id"] not in record.not_in_record]
    for partition, held in (("train", train), ("test", truth)):
        counts = record.partitions[partition]
        assert counts.images == len(held)
        assert counts.lesions == len({row["lesion_id"] for row in held})
        assert counts.dx == {dx: sum(row["dx"] == dx for row in held) for dx in record.classes}
    assert set(record.partitions) == {"train", "test"}
    assert record.validation_ids == frozenset()


def test_its_terms_say_what_it_is(record: Record) -> None:
    assert record.title == "A drawn record for trying ham: 40 artificial pictures, which show nobody's skin"
    assert record.licence["id"] == "CC0-1.0"
    (citation,) = record.citations
    assert "drawn by ham" in citation["text"]
    assert "nobody's skin" in citation["text"]
    (why,) = record.not_in_record.values()
    assert "7 rows for 6 images are correct" in why


def test_it_is_fetched_and_verified_as_the_real_one(drawn: Path, tmp_path: Path, ham_here: Here) -> None:
    cache = tmp_path / "cache"
    fetched = ham_here("fetch", "--source", drawn, "--record", drawn / "record.json", "--json", cache=cache)
    assert fetched.code == 0, fetched.err
    assert fetched.result["components"] == ["metadata", "masks", "test", "images", "ratings"]
    assert fetched.result["taken"] == {"images": IMAGES, "masks": IMAGES, "test": TESTED}
    assert not fetched.result["unvouched"]
    assert not fetched.result["findings"]
    verified = ham_here("verify", "--json", cache=cache)
    assert (verified.code, verified.result["findings"]) == (0, [])
    assert verified.result["not_fetched"] == []


def test_the_whole_record_is_right_though_it_has_no_validation_set(drawn: Path, tmp_path: Path, ham_here: Here) -> None:
    ham_here("fetch", "--source", drawn, "--record", drawn / "record.json", cache=tmp_path)
    assert ham_here("verify", "--all", cache=tmp_path).code == 0


@pytest.mark.parametrize("form", ["demo_metadata.csv", "demo_test_truth.csv"])
def test_the_other_forms_of_its_tables_are_known(form: str, drawn: Path, tmp_path: Path, ham_here: Here) -> None:
    source = "demo_metadata" if form == "demo_metadata.csv" else form
    held = list(csv.reader(io.StringIO((drawn / source).read_text(encoding="ascii"))))
    if form == "demo_metadata.csv":
        lines = [row[:7] for row in held]
    else:
        order = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
        lines = [["image", *order], *([row[1], *("1.0" if c.lower() == row[2] else "0.0" for c in order)] for row in held[1:])]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / form).write_bytes("".join(",".join(line) + "\n" for line in lines).encode())
    words = ("--allow-partial", "--source", tmp_path / "source", "--record", drawn / "record.json", "--json")
    ran = ham_here("fetch", *words, cache=tmp_path / "cache")
    assert (ran.code, ran.result["findings"]) == (0, []), ran.err


def test_nothing_of_the_published_record_is_in_it(drawn: Path, record: Record, files: dict[str, bytes]) -> None:
    published = records.load()
    assert not {d.sha256 for d in published.digests.values()} & {hashlib.sha256(data).hexdigest() for data in files.values()}
    for path in drawn.iterdir():
        if not path.name.endswith((".zip", ".xz")):
            assert b"ISIC" not in path.read_bytes(), path.name
            assert b"HAM" not in path.read_bytes(), path.name
    assert not {f.md5 for f in published.files} & {f.md5 for f in record.files}
    assert not any("ISIC" in name or "HAM" in name for name in files)


# The tables.


def test_the_metadata_is_written_and_ordered_as_the_published_one(drawn: Path, train: list[dict[str, str]]) -> None:
    data = (drawn / "demo_metadata").read_bytes()
    assert data.startswith(b"lesion_id,image_id,dx,dx_type,age,sex,localization,dataset\nLESION_")
    assert data.endswith(b"\n")
    assert b"\r" not in data
    assert b'"' not in data
    places = [(row["dx"], row["lesion_id"]) for row in train]
    assert places == sorted(places)
    ids = [row["image_id"] for row in train]
    assert sorted(ids) == [f"DEMO_{n:07}" for n in range(1, IMAGES + 1)]
    assert ids != sorted(ids)


def test_every_word_is_one_that_is_known(record: Record, train: list[dict[str, str]]) -> None:
    for column, words in record.vocabulary.items():
        assert {row[column] for row in train} <= set(words)
    assert {row["dx"] for row in train} == set(record.classes)


def test_some_facts_are_unknown_and_ages_are_fives(train: list[dict[str, str]]) -> None:
    ages = [row["age"] for row in train]
    assert "" in ages
    assert "0.0" in ages
    assert all(age == "" or (age.endswith(".0") and int(age[:-2]) % 5 == 0 and int(age[:-2]) <= 90) for age in ages)
    assert "unknown" in {row["sex"] for row in train}
    assert "unknown" in {row["localization"] for row in train}


def test_the_ground_truth_fits_the_diagnosis(train: list[dict[str, str]]) -> None:
    assert {row["dx_type"] for row in train if row["dx"] in {"mel", "bcc", "akiec"}} == {"histo"}
    assert {row["dx"] for row in train if row["dx_type"] == "follow_up"} == {"nv"}
    assert {row["dx"] for row in train if row["dx_type"] == "confocal"} <= {"bkl"}


def test_within_a_lesion_only_place_and_camera_vary_and_seldom(train: list[dict[str, str]]) -> None:
    lesions = defaultdict(list)
    for row in train:
        lesions[row["lesion_id"]].append(row)
    assert len(lesions) == IMAGES * 2 // 3
    assert {len(images) for images in lesions.values()} <= {1, 2, 3, 4, 5, 6}
    varying = Counter(c for images in lesions.values() for c in images[0] if len({image[c] for image in images}) > 1)
    del varying["image_id"]
    assert varying == {"localization": 2, "dataset": 3}


def test_the_test_truth_has_a_row_more_than_images_and_no_final_newline(drawn: Path, record: Record, files: dict[str, bytes]) -> None:
    assert not (drawn / "demo_test_truth.csv").read_bytes().endswith(b"\n")
    truth = table(drawn / "demo_test_truth.csv")
    (planted,) = record.not_in_record
    assert [row["image_id"] for row in truth] == [f"DEMO_{n:07}" for n in range(IMAGES + 1, IMAGES + TESTED + 2)]
    shown = {n.rpartition("/")[2].removesuffix(".jpg") for n in files if n.startswith("demo_test_images/")}
    assert {row["image_id"] for row in truth} - shown == {planted}
    row = next(row for row in truth if row["image_id"] == planted)
    assert list(row.values())[2:] == ["nv", "consensus", "", "", "", ""]
    assert all(row["lesion_id"].startswith("LESIONTEST_") for row in truth)
    assert all((row["age"], row["sex"], row["localization"]) == ("", "unknown", "unknown") for row in truth if row["dataset"] == "external")


def test_ratings_have_decimal_commas_and_add_up(drawn: Path, record: Record) -> None:
    ratings = table(drawn / "demo_ratings.csv")
    truth = {row["image_id"] for row in table(drawn / "demo_test_truth.csv")} - set(record.not_in_record)
    assert len({(row["image_id"], row["interaction_modality"]) for row in ratings}) == len(ratings)
    assert {row["interaction_modality"] for row in ratings} == MODALITIES
    assert len(truth - {row["image_id"] for row in ratings}) == 1
    assert {row["image_id"] for row in ratings} < truth
    for row in ratings:
        model, people = ({dx: millionths(row[f"prob_{who}_dx_{dx}"]) for dx in record.classes} for who in "mh")
        assert sum(model.values()) == 10**6
        assert millionths(row["prob_m_mal"]) == model["mel"] + model["bcc"] + model["akiec"]
        assert 900_000 <= sum(people.values()) <= 10**6
        before, after = ([int(row[f"user_dx_{how}_interaction_{dx}"]) for dx in record.classes] for how in ("without", "with"))
        assert sum(before) == sum(after) > 0


def millionths(cell: str) -> int:
    whole, comma, rest = cell.partition(",")
    assert comma
    assert len(rest) == 6
    return int(whole + rest)


def test_ratings_of_some_pairs_are_absent(drawn: Path) -> None:
    ratings = table(drawn / "demo_ratings.csv")
    assert len(ratings) < len({row["image_id"] for row in ratings}) * len(MODALITIES)
    assert '"0,' in (drawn / "demo_ratings.csv").read_text(encoding="ascii")


@pytest.mark.parametrize("images", [30, 31, 66, 100, 149, 150, 151, 400, 3000])
def test_any_number_of_images_is_met_exactly(images: int) -> None:
    published = records.load()
    made = rows(images, published)
    assert len({image.image_id for image in (*made.train, *made.test)}) == images + len(made.test)
    assert len(made.train) == images
    assert len(made.test) == round(1511 / 10015 * images)
    lesions = {image.lesion.lesion_id: image.lesion.dx for image in made.train}
    often = Counter(lesions.values())
    assert set(often) == set(published.classes)
    assert often.most_common(1)[0][0] == "nv"
    assert images < 100 or min(often.values()) >= 4
    assert images < 150 or {image.lesion.dx for image in made.test} == set(published.classes)
    assert max(Counter(image.lesion.lesion_id for image in made.train).values()) <= 6
    assert 2 <= len(made.pairs) <= 3


def test_as_many_images_as_the_published_record_has_give_as_large_a_test_set() -> None:
    made = rows(10015, records.load())
    assert (len(made.train), len(made.test), len(made.truth)) == (10015, 1511, 1512)


def test_the_usual_number_has_the_plain_version(tmp_path: Path) -> None:
    from ham_cli.demo import facts

    assert (facts.version(150), facts.version(149)) == ("1.0", "1.0-149")
    with pytest.raises(WrongUsageError):
        next(draw(tmp_path, 29, 1))
    assert not list(tmp_path.iterdir())


# The pictures.


def test_the_zips_are_laid_out_as_the_published_ones(drawn: Path) -> None:
    inside = {}
    for name in sorted(n for n in NAMES if n.endswith(".zip")):
        with zipfile.ZipFile(drawn / name) as archive:
            inside[name] = archive.namelist()
            assert {entry.compress_type for entry in archive.infolist() if entry.file_size} == {zipfile.ZIP_DEFLATED}
    ids = [f"DEMO_{n:07}" for n in range(1, IMAGES + 1)]
    assert inside["demo_images_part_1.zip"] == [f"{i}.jpg" for i in ids[:20]]
    assert inside["demo_images_part_2.zip"] == [f"{i}.jpg" for i in ids[20:]]
    assert inside["demo_test_images.zip"][0] == "demo_test_images/"
    assert len(inside["demo_test_images.zip"]) == 1 + TESTED
    plain = [n for n in inside["demo_segmentations.zip"] if not n.startswith("__MACOSX/")]
    assert plain == ["demo_segmentations/", *(f"demo_segmentations/{i}_segmentation.png" for i in ids)]
    assert "__MACOSX/demo_segmentations/._DEMO_0000001_segmentation.png" in inside["demo_segmentations.zip"]


def test_every_picture_is_a_bare_jpeg_of_the_published_size(files: dict[str, bytes]) -> None:
    jpegs = [data for name, data in files.items() if name.endswith(".jpg")]
    assert len(jpegs) == IMAGES + TESTED
    for data in jpegs:
        assert data.startswith(b"\xff\xd8\xff\xdb")
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (600, 450))
            assert not image.info.keys() & {"jfif", "exif", "icc_profile", "progressive"}
            image.load()
    assert 230_000 < sum(map(len, jpegs)) // len(jpegs) < 330_000
    assert all(85_000 < len(data) < 490_776 for data in jpegs)


def test_a_zip_is_hardly_smaller_than_its_pictures(drawn: Path, files: dict[str, bytes]) -> None:
    pictures = sum(len(data) for data in photos(files).values())
    packed = sum((drawn / f"demo_images_part_{n}.zip").stat().st_size for n in (1, 2))
    assert packed > pictures * 0.97


def test_masks_are_black_and_white_whatever_way_they_are_stored(files: dict[str, bytes]) -> None:
    modes: Counter[str] = Counter()
    filled = 0
    for name in photos(files):
        with Image.open(io.BytesIO(mask_of(files, name))) as image:
            modes[image.mode] += 1
            assert (image.format, image.size) == ("PNG", (600, 450))
            if image.mode == "P":
                palette = image.getpalette() or []
                assert palette[:6] == [255, 255, 255, 0, 0, 0]
            black, white = (image.convert("L").histogram()[level] for level in (0, 255))
            assert black + white == 600 * 450
            assert white > 2000
            filled += not black
    assert modes == {"L": IMAGES - 2, "P": 2}
    assert filled == 1


def test_a_mask_lies_on_what_differs_from_the_skin(files: dict[str, bytes]) -> None:
    for name, data in photos(files).items():
        with Image.open(io.BytesIO(data)) as photo, Image.open(io.BytesIO(mask_of(files, name))) as stored:
            mask = stored.convert("L")
            lit = photo.convert("RGB").point(lambda level: 255 if level > 60 else 0).convert("L").point(lambda level: 255 * (level > 0))
            skin = ImageChops.subtract(lit, mask)
            if skin.getbbox() is None:
                continue
            inside, outside = (ImageStat.Stat(photo, region).mean for region in (mask, skin))
        assert sum(abs(a - b) for a, b in zip(inside, outside, strict=True)) > 15, name


def test_two_images_of_one_lesion_are_the_same_bytes(files: dict[str, bytes], train: list[dict[str, str]]) -> None:
    lesion = {row["image_id"]: row["lesion_id"] for row in train}
    by_bytes = defaultdict(list)
    for name, data in photos(files).items():
        by_bytes[data].append(name.removesuffix(".jpg"))
    (twins,) = [names for names in by_bytes.values() if len(names) > 1]
    assert len(twins) == 2
    assert len({lesion[name] for name in twins}) == 1
    assert mask_of(files, f"{twins[0]}.jpg") == mask_of(files, f"{twins[1]}.jpg")


def test_known_duplicates_have_two_lesion_ids_and_one_diagnosis(record: Record, train: list[dict[str, str]]) -> None:
    by_id = {row["image_id"]: row for row in train}
    assert len(record.duplicate_pairs) in {2, 3}
    for pair in record.duplicate_pairs:
        one, other = (by_id[image_id] for image_id in pair)
        assert one["lesion_id"] != other["lesion_id"]
        assert [one[c] for c in ("dx", "dx_type", "age", "sex")] == [other[c] for c in ("dx", "dx_type", "age", "sex")]


def test_known_duplicates_show_one_lesion() -> None:
    made = rows(IMAGES, records.load())
    images = {image.image_id: image for image in made.train}
    for one, other in made.pairs:
        assert images[one].lesion.look == images[other].lesion.look
        assert images[one].view != images[other].view
    looks = Counter(look for look, _ in {(i.lesion.look, i.lesion.lesion_id) for i in made.train})
    assert sum(often > 1 for often in looks.values()) == len(made.pairs)


PINNED = {
    Picture("mel", 7, 12, "rosendahl"): "64ad8f075c89191b0a3b8ade98a8a840002e81b9703f240df0453ae438ba7ece",
    Picture("nv", 21, 40, "vidir_molemax"): "726e5dcbad34852bd20ca014676bd6bab4191741c6c7021b65b0205d9737a295",
    Picture("bkl", 3, 5, "vienna_dias", close=True): "a4451ed4f15b0a1caf46fed98dcdc5be4772279941eb46da0383697475157d63",
}


@pytest.mark.parametrize("picture", PINNED, ids=lambda picture: picture.dx)
def test_the_same_pixels_are_drawn_for_ever(picture: Picture) -> None:
    # Whoever changes these gives the drawing another number, ham_cli.demo.facts.FORM.
    pixels, inside = pixels_of(picture)
    assert pixels.shape == (450, 600, 3)
    assert inside.all() == picture.close
    assert hashlib.sha256(pixels.tobytes() + inside.tobytes()).hexdigest() == PINNED[picture]


def test_drawing_knows_no_fractions_and_no_other_chance() -> None:
    drawing = {"canvas.py", "chance.py", "lesion.py", "looks.py", "picture.py", "ratings.py", "rows.py"}
    paths = [path for path in (Path(ham_cli.__file__).parent / "demo").glob("*.py") if path.name in drawing]
    assert {path.name for path in paths} == drawing
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{path.name}:{node.lineno}"
            assert not isinstance(node, ast.Div), path.name
            assert not (isinstance(node, ast.Attribute) and node.attr in {"random", "sqrt", "sin", "interp"}), path.name
            assert not (isinstance(node, ast.Import) and {name.name for name in node.names} & {"random", "math"}), path.name


# Drawing again.


def test_one_worker_draws_the_same_bytes_as_two(drawn: Path, tmp_path: Path) -> None:
    list(draw(tmp_path / "alone", IMAGES, 1))
    assert contents(tmp_path / "alone") == contents(drawn)


def test_a_whole_record_is_left_as_it_is(drawn: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (drawn, *drawn.iterdir())}
    assert list(draw(drawn, IMAGES, 2)) == []
    assert {path: path.stat().st_mtime_ns for path in (drawn, *drawn.iterdir())} == before


@pytest.mark.parametrize("lost", ["demo_images_part_2.zip", "digests.sha256.xz", "record.json"])
def test_what_is_lost_is_drawn_again(lost: str, drawn: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(drawn, tmp_path / "copy"))
    (copy / lost).unlink()
    assert list(draw(copy, IMAGES, 2)) != []
    assert contents(copy) == contents(drawn)


def test_an_interrupted_drawing_leaves_nothing_half_and_is_finished_later(drawn: Path, tmp_path: Path) -> None:
    events = draw(tmp_path / "half", IMAGES, 2)
    assert len(list(itertools.islice(events, 30))) == 30
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert set(contents(tmp_path / "half")) == {"demo_images_part_1.zip"}
    # What a killed process leaves behind.
    (tmp_path / "half" / ".demo_images_part_2.zip.0badcafe.part").write_bytes(b"half")
    list(draw(tmp_path / "half", IMAGES, 2))
    assert contents(tmp_path / "half") == contents(drawn)


def test_another_number_of_images_takes_the_place_of_the_first(drawn: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(drawn, tmp_path / "copy"))
    list(draw(copy, 30, 2))
    assert set(contents(copy)) == NAMES
    assert records.load_foreign(copy / "record.json").partitions["train"].images == 30
    assert json.loads((copy / "record.json").read_bytes())["version"] == "1.0-30"
