"""ham report: the page says what the tables say, stands alone, and is the same for the same cache."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import ham_cli
from ham_cli import images
from tests import page, peek
from tests import small as s

if TYPE_CHECKING:
    from tests.conftest import Command, Fetch, Here, Ran
    from tests.small import Small

DX = Counter(row[2] for row in s.TRAIN)
LESIONS = {dx: len({row[0] for row in s.TRAIN if row[2] == dx}) for dx in DX}
LEAKY = "".join(
    f"{row[1]},{'test' if row[1] in {'ISIC_0000002', 'ISIC_0000020', 'ISIC_0000016'} else 'train'}\n"
    for row in sorted(s.TRAIN, key=lambda r: r[1])
)
"""A split by image: of three test images two have their lesion in train."""


@pytest.fixture(scope="module")
def made(small_cache: Path, ham_here: Here, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, page.Element, Path]:
    """How a report without a split ended, its page, and its file."""
    path = tmp_path_factory.mktemp("report") / "page.html"
    # Other tests may have verified the cache that all of them read.
    cache = shutil.copytree(small_cache, path.parent / "cache", ignore=shutil.ignore_patterns("verification*", "stats"))
    ran = ham_here("report", path, "--json", cache=cache)
    assert ran.code == 0, ran.out
    return ran, page.read(path), path


@pytest.fixture(scope="module")
def leaking(small_cache: Path, ham_here: Here, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, page.Element]:
    """How a report on a leaking split ended, and its page."""
    where = tmp_path_factory.mktemp("leaking")
    (where / "mine.csv").write_text(f"image_id,split\n{LEAKY}")
    ran = ham_here("report", where / "page.html", "--split", where / "mine.csv", "--json", cache=small_cache)
    assert ran.code == 0, ran.out
    return ran, page.read(where / "page.html")


def numbers(document: page.Element, figure: str) -> dict[str, list[str]]:
    """The rows of a figure's table by their first cell."""
    return {first: rest for first, *rest in document.one("figure", id=figure).rows()[1:]}


def section(document: page.Element, key: str) -> page.Element:
    return document.one("section", id=key)


# What it says.


def test_the_key_figures_are_those_of_the_table(made: tuple[Ran, page.Element, Path]) -> None:
    told = [item.text for item in made[1].one("header").all("li")]
    assert told == ["20 training images", "14 lesions", "7 diagnoses", "4 sites", "28 images in the cache", "20 of them with a mask"]


def test_classes_are_counted_in_images_and_lesions(made: tuple[Ran, page.Element, Path]) -> None:
    found = numbers(made[1], "class-counts")
    assert list(found) == sorted(DX)
    assert {dx: (int(row[0]), int(row[2])) for dx, row in found.items()} == {dx: (DX[dx], LESIONS[dx]) for dx in DX}
    assert {dx: row[1] for dx, row in found.items()} == {dx: f"{100 * n / 20:.1f}" for dx, n in DX.items()}


@pytest.mark.parametrize(
    ("figure", "down", "across"),
    [("class-ground-truth", 2, 3), ("site-classes", 7, 2), ("body-site-classes", 6, 2), ("body-site-sexes", 6, 5)],
)
def test_crossed_tables_count_every_pair(made: tuple[Ran, page.Element, Path], figure: str, down: int, across: int) -> None:
    head, *body = made[1].one("figure", id=figure).rows()
    truth = Counter((row[down], row[across]) for row in s.TRAIN)
    found = {(row[0], head[n]): int(row[n]) for row in body for n in range(1, len(head) - 1, 2)}
    assert {pair: n for pair, n in found.items() if n} == truth
    assert {row[0]: int(row[-1]) for row in body} == Counter(row[down] for row in s.TRAIN)


def test_a_lesion_counts_once_by_age_and_sex_and_age_0_and_blanks_stand_apart(made: tuple[Ran, page.Element, Path]) -> None:
    head, *_ = made[1].one("figure", id="ages").rows()
    found = numbers(made[1], "ages")
    once = {row[0]: row for row in s.TRAIN}.values()
    assert sum(int(row[-1]) for row in found.values()) == len(once)
    assert (found["0"][-1], found["(blank)"][-1], "1\u20134" in found) == ("1", "1", False)
    for sex in ("female", "male", "unknown"):
        assert sum(int(row[head.index(sex) - 1]) for row in found.values()) == sum(1 for row in once if row[5] == sex)


def test_images_of_a_lesion_are_counted(made: tuple[Ran, page.Element, Path]) -> None:
    of = Counter(Counter(row[0] for row in s.TRAIN).values())
    assert {int(n): int(row[0]) for n, row in numbers(made[1], "images-per-lesion").items()} == of
    further = numbers(made[1], "further-images")
    assert {dx: int(row[0]) for dx, row in further.items()} == {dx: DX[dx] - LESIONS[dx] for dx in DX}


def test_without_a_split_the_published_partitions_stand_side_by_side_and_nothing_is_checked(made: tuple[Ran, page.Element, Path]) -> None:
    found = numbers(made[1], "part-sizes")
    assert {part: (row[0], row[2]) for part, row in found.items()} == {
        "train": ("20", "14"),
        "validation": ("4", "\u2013"),
        "test": ("4", "3"),
    }
    assert "--split" in section(made[1], "leaks").text
    assert section(made[1], "leaks").all("figure") == []
    assert made[0].result["leaking"] is None


def test_a_column_that_a_part_has_not_is_no_distance(made: tuple[Ran, page.Element, Path]) -> None:
    head, *_ = made[1].one("figure", id="part-distances").rows()
    found = numbers(made[1], "part-distances")
    assert found["sex"][head.index("validation") - 1] == "\u2013"
    assert found["dx"][head.index("validation") - 1] != "\u2013"


def test_the_data_card_names_source_licence_citations_and_what_is_here(made: tuple[Ran, page.Element, Path], small: Small) -> None:
    text = section(made[1], "card").text
    facts = small.facts
    for words in (
        facts["doi"],
        facts["licence"]["id"],
        facts["licence"]["summary"],
        *(c["text"] for c in facts["citations"]),
        s.WHY_PLANTED,
    ):
        assert " ".join(words.split()) in text.replace("doi: ", "doi:")
    assert section(made[1], "card").rows()[1] == ["train", "20", "20", "20", "20", "0", "0", "20"]


def test_what_was_verified_and_when_is_told(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    def told() -> str:
        assert ham_here("report", tmp_path / "page.html", cache=cache).code in {0, 3}
        return section(page.read(tmp_path / "page.html"), "files").text

    peek.manifest(cache, "verification").unlink(missing_ok=True)
    assert "Nothing has been read again since" in told()
    peek.flip(cache / s.ID / "images" / "ISIC_0000001.jpg")
    assert ham_here("verify", cache=cache).code == 3
    verified = peek.options(peek.manifest(cache, "verification"))["verified"]
    text = told()
    assert f"Last verified on {verified[:10]} at {verified[11:16]} UTC, byte by byte: 1 finding." in text
    assert "images 20 20 19 0 1" in text


def test_files_are_as_published_or_not(made: tuple[Ran, page.Element, Path]) -> None:
    table = section(made[1], "files").rows()
    truth = next(row for row in table if row[0] == s.TEST_TRUTH)
    assert (truth[1:4], truth[6]) == (["test", "here", "folder"], "as published")
    ratings = next(row for row in table if row[0] == s.RATINGS)
    assert ratings[6] in {"none is published", "as published"}


def test_a_split_is_counted_and_its_distance_from_its_shares_told(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    split, path = tmp_path / "s0.parquet", tmp_path / "page.html"
    assert ham_here("split", "-o", split, "--ratios", "60/40", cache=small_cache).code == 0
    ran = ham_here("report", path, "--split", split, "--json", cache=small_cache)
    document = page.read(path)
    parts = peek.parts(split)
    assert {part: int(row[0]) for part, row in numbers(document, "part-sizes").items()} == Counter(parts.values())
    assert ran.result["split"] == {"name": "s0.parquet", "digest": peek.split_digest(parts)}
    assert peek.split_digest(parts) in section(document, "split").text
    table = section(document, "split").all("table")[-1]
    head, *body = [[cell.text for cell in row.all() if cell.tag in {"th", "td"}] for row in table.all("tr")]
    assert head == ["dx", "train", "off", "lesions", "test", "off", "lesions"]
    for dx, train, off, *_ in body[:-1]:
        assert float(off) == pytest.approx(int(train) - 0.6 * DX[dx], abs=0.05)
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_folds_are_shown(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    assert ham_here("split", "-o", tmp_path / "f.csv", "--folds", "2", cache=small_cache).code == 0
    ran = ham_here("report", tmp_path / "page.html", "--split", tmp_path / "f.csv", "--json", cache=small_cache)
    document = page.read(tmp_path / "page.html")
    assert list(numbers(document, "part-sizes")) == ["fold 0", "fold 1"]
    assert (ran.code, ran.result["leaking"]) == (0, False)
    assert "No leak found" in section(document, "leaks").text


def test_a_leaking_split_is_said_to_leak_by_class_and_the_exit_code_is_0(leaking: tuple[Ran, page.Element]) -> None:
    ran, document = leaking
    assert (ran.code, ran.result["leaking"], len([w for w in ran.json["warnings"] if "leaks" in w])) == (0, True, 1)
    assert "It leaks." in section(document, "leaks").text
    found = numbers(document, "leaks-by-class")
    assert {dx: (int(row[0]), int(row[1])) for dx, row in found.items()} == {"akiec": (1, 1), "bcc": (0, 1), "mel": (1, 1)}
    table = section(document, "leaks").all("table")[-1]
    assert [cell.text for cell in table.all("tr")[1].all() if cell.tag in {"th", "td"}] == [
        "test",
        "train",
        "0",
        "1",
        "2",
        "0",
        "2",
        "3",
        "66.7",
    ]


def test_examples_are_of_different_lesions_with_outlines_and_words(made: tuple[Ran, page.Element, Path]) -> None:
    lesion, dx = {row[1]: row[0] for row in s.TRAIN}, {row[1]: row[2] for row in s.TRAIN}
    shown = made[0].result["examples"]
    assert list(shown) == sorted(DX)
    for name, ids in shown.items():
        assert {dx[i] for i in ids} == {name}
        assert len({lesion[i] for i in ids}) == len(ids) == LESIONS[name]
    pictures = section(made[1], "examples").all("img")
    assert len([p for p in pictures if p.attributes.get("class") == "outline" and p.attributes["alt"] == ""]) == sum(
        map(len, shown.values())
    )
    assert "ISIC_0000020, Basal cell carcinoma, outlined" in {p.attributes["alt"] for p in pictures}
    for picture in pictures:
        kind, _, data = picture.attributes["src"].partition(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
            assert (f"data:image/{opened.format.lower()}" if opened.format else "", opened.size) == (kind, (s.WIDTH, s.HEIGHT))
    assert "CC" in section(made[1], "examples").text


def test_pixels_and_masks_are_measured_by_class(made: tuple[Ran, page.Element, Path]) -> None:
    assert {dx: int(row[0]) for dx, row in numbers(made[1], "brightness-by-class").items()} == DX
    assert {dx: int(row[0]) for dx, row in numbers(made[1], "share-by-class").items()} == DX
    assert "2 masks cover the whole frame" in section(made[1], "masks").text
    assert made[0].result["measured"] == {"pixels": 20, "masks": 20}


def test_real_counts_stand_in_the_page(real_fetch: tuple[Ran, Path], ham_here: Here, tmp_path: Path, real_data: Path) -> None:
    assert ham_here("report", tmp_path / "page.html", cache=real_fetch[1]).code == 0
    with (real_data / "HAM10000_metadata").open(encoding="utf-8", newline="") as file:
        truth = Counter(row["dx"] for row in csv.DictReader(file))
    assert {dx: int(row[0]) for dx, row in numbers(page.read(tmp_path / "page.html"), "class-counts").items()} == truth
    assert (tmp_path / "page.html").stat().st_size < 1_500_000


# It stands alone.


def test_nothing_is_loaded_and_nothing_runs(made: tuple[Ran, page.Element, Path]) -> None:
    document, text = made[1], made[2].read_text(encoding="utf-8")
    assert document.all("script") == document.all("link") == document.all("iframe") == document.all("form") == []
    assert not re.search(r"url\(|@import", text)
    for element in document.all():
        assert not [name for name in element.attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            value = element.attributes.get(name, "#")
            assert value.startswith(("#", "data:image/")) or (element.tag == "a" and value.startswith("https://")), (element.tag, value)
    (policy,) = [m.attributes["content"] for m in document.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_the_page_is_well_formed_for_who_cannot_see_it(leaking: tuple[Ran, page.Element]) -> None:
    document = leaking[1]
    assert document.one("html").attributes["lang"] == "en"
    assert (len(document.all("h1")), len(document.all("main")), len(document.all("nav")), len(document.all("header"))) == (1, 1, 1, 1)
    levels = [int(e.tag[1]) for e in document.all() if re.fullmatch("h[1-6]", e.tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [e.attributes["id"] for e in document.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in document.all():
        for name in ("aria-labelledby", "for"):
            assert element.attributes.get(name, ids[0]) in ids
        if element.tag == "a" and element.attributes["href"].startswith("#"):
            assert element.attributes["href"][1:] in ids
        if element.tag == "img":
            assert "alt" in element.attributes
    for figure in document.all("figure"):
        drawings = [e for e in figure.all("svg") if e.attributes.get("role") == "img"]
        assert drawings
        assert all(e.attributes["aria-label"] for e in drawings)
        assert figure.one("figcaption").one("h3").text
        assert figure.one("details").one("table").all("th", scope="row")
    for region in document.all("div", role="region"):
        assert (region.attributes["tabindex"], region.attributes["aria-labelledby"] in ids) == ("0", True)


@pytest.mark.parametrize(("place", "paper"), [(0, "#ffffff"), (1, "#14171b"), (2, "#ffffff")])
def test_colours_can_be_told_from_the_paper_in_light_dark_and_print(place: int, paper: str) -> None:
    css = (Path(ham_cli.__file__).parent / "summary" / "page" / "report.css").read_text(encoding="utf-8")
    colours = page.variables(css)[place]
    assert colours["paper"] == paper
    letters = {"ink", "soft", "link", "good", "bad", "red", "green", "blue"}
    for name in letters:
        assert page.contrast(colours[name], paper) >= 4.5, name
    for name in ("soft", "ink", "good", "bad"):
        assert page.contrast(colours[name], colours["raised"]) >= 4.5, name
    marks = [f"class-{n}" for n in range(1, 8)]
    for name in (*marks, "main", "female", "male", "train", "validation", "test", "fold"):
        assert page.contrast(colours[name], paper) >= 3, name
    assert len({colours[name] for name in marks}) == 7


def test_the_same_cache_gives_the_same_bytes_wherever_it_lies_and_however_many_work(
    made: tuple[Ran, page.Element, Path], small_cache: Path, ham: Command, tmp_path: Path
) -> None:
    moved = shutil.copytree(small_cache, tmp_path / "moved", ignore=shutil.ignore_patterns("verification*", "stats"))
    ran = ham("report", tmp_path / "other.html", "--jobs", "1", cache=moved, env={"TZ": "Asia/Tokyo", "LC_ALL": "C"})
    assert (ran.returncode, (tmp_path / "other.html").read_bytes() == made[2].read_bytes()) == (0, True)
    assert str(moved) not in (tmp_path / "other.html").read_text(encoding="utf-8")


def test_a_hostile_record_and_table_are_text(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    record = cache / s.ID / "record.json"
    facts: dict[str, Any] = json.loads(record.read_bytes())
    facts["title"] = facts["classes"]["mel"] = facts["creator"] = facts["sites"]["rosendahl"] = page.HOSTILE
    facts["citations"][0]["text"] = page.HOSTILE
    record.write_bytes(json.dumps(facts).encode())
    peek.edit(peek.manifest(cache, "images"), lambda rows: [row | {"localization": page.HOSTILE, "sex": "constructor"} for row in rows])
    peek.edit(peek.manifest(cache, "files"), lambda rows: [row | {"source": "<b>folder</b>"} for row in rows])
    (tmp_path / "<i>.csv").write_text(f"image_id,split\n{LEAKY}")
    ran = ham_here("report", tmp_path / "page.html", "--split", tmp_path / "<i>.csv", cache=cache)
    assert ran.code == 0, ran.err
    document = page.read(tmp_path / "page.html")
    assert document.all("script") == document.all("b", onerror="alert(1)") == []
    assert not [e for e in document.all("img") if not e.attributes["src"].startswith("data:image/")]
    assert document.one("h1").text == page.HOSTILE
    assert not [a for a in document.all("a") if a.attributes["href"].startswith("javascript")]
    figure = document.one("figure", id="body-site-counts")
    assert any(page.HOSTILE[:12] in text.text for text in figure.one("svg", role="img").all("text"))
    assert "<i>.csv" in section(document, "split").text


# Where little is there.


def test_the_tables_alone_make_a_page_that_says_what_a_fetch_would_bring(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    assert fetch("metadata", source=s.lay(tmp_path / "source", {s.METADATA: small.tables[s.METADATA]})).code == 0
    ran = ham_here("report", tmp_path / "page.html", "--json", cache=tmp_path / "cache")
    document = page.read(tmp_path / "page.html")
    assert (ran.code, document.all("img"), ran.result["examples"]) == (0, [], {})
    for key, words in (("pixels", "ham fetch images"), ("masks", "ham fetch masks"), ("examples", "ham fetch images masks")):
        assert words in section(document, key).text
    assert numbers(document, "class-counts")["nv"][0] == str(DX["nv"])


@pytest.mark.parametrize("component", ["test", "validation"])
def test_one_other_table_alone_makes_a_page_too(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path, component: str) -> None:
    name = {"test": s.TEST_TRUTH, "validation": s.VALIDATION_TRUTH}[component]
    assert fetch(component, "--allow-partial", source=s.lay(tmp_path / "source", {name: small.tables[name]})).code == 0
    ran = ham_here("report", tmp_path / "page.html", cache=tmp_path / "cache")
    assert (ran.code, len(page.read(tmp_path / "page.html").all("figure")) > 5) == (0, True), ran.err


def test_a_table_without_the_column_dataset_makes_a_page(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    assert fetch("metadata", source=s.lay(tmp_path / "source", {s.KAGGLE_METADATA: small.tables[s.KAGGLE_METADATA]})).code == 0
    assert ham_here("report", tmp_path / "page.html", cache=tmp_path / "cache").code == 0
    assert numbers(page.read(tmp_path / "page.html"), "site-counts") == {"(blank)": ["20", "100.0", "14"]}


def test_damaged_pictures_are_left_out_and_said(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    (cache / s.ID / "images" / "ISIC_0000020.jpg").write_bytes(b"\xff\xd8\xff\xdb no picture")
    (cache / s.ID / "masks" / "ISIC_0000001_segmentation.png").write_bytes(b"")
    ran = ham_here("report", tmp_path / "page.html", "--json", cache=cache)
    said = "2 files in the cache are not what was fetched: images/ISIC_0000020.jpg (wrong), masks/ISIC_0000001_segmentation.png (wrong)."
    assert ran.code == 3
    assert [words for words in ran.json["warnings"] if words.startswith(said)]
    assert said in section(page.read(tmp_path / "page.html"), "files").text
    assert [(f["path"], f["verdict"]) for f in ran.result["findings"]] == [
        ("images/ISIC_0000020.jpg", "wrong"),
        ("masks/ISIC_0000001_segmentation.png", "wrong"),
    ]
    assert "ISIC_0000020" not in ran.result["examples"]["bcc"]


def test_a_read_only_cache_is_reported_on_and_left_as_it_is(small_cache: Path, open_path: Path, ham: Command) -> None:
    (open_path / "out").mkdir()
    (open_path / "out").chmod(0o777)
    with peek.unwritable(small_cache, open_path) as (cache, user):
        before = peek.snapshot(cache)
        ran = ham("report", open_path / "out" / "page.html", cache=cache, user=user)
        assert ran.returncode == 0, ran.stderr
        assert peek.snapshot(cache) == before
    assert page.read(open_path / "out" / "page.html").one("h1").text


# What is missing or in the way.


@pytest.mark.parametrize(("library", "code"), [("jinja2", 2), ("vl_convert", 2), ("scipy", 0)])
def test_a_missing_library_is_named_with_what_installs_it(small_cache: Path, ham: Command, tmp_path: Path, library: str, code: int) -> None:
    blocked = s.lay(tmp_path / "blocked", {f"{library}.py": f"raise ModuleNotFoundError('no', name='{library}')\n".encode()})
    path = tmp_path / "page.html"
    ran = ham("report", path, cache=small_cache, env={"PYTHONPATH": f"{blocked}{os.pathsep}{os.environ['PYTHONPATH']}"})
    assert (ran.returncode, path.exists(), "Traceback" in ran.stderr) == (code, code == 0, False), ran.stderr
    assert f"python -m pip install {library if library == 'scipy' else 'jinja2 vl-convert-python'}" in ran.stderr
    if code == 0:
        assert "scipy" in section(page.read(path), "masks").text


@pytest.mark.parametrize("name", ["page.txt", "page", "page.csv"])
def test_a_page_ends_in_html(small_cache: Path, ham_here: Here, tmp_path: Path, name: str) -> None:
    ran = ham_here("report", tmp_path / name, "--json", cache=small_cache)
    assert (ran.code, ran.json["error"]["where"], peek.names(tmp_path)) == (2, str(tmp_path / name), [])


def test_a_folder_and_a_place_in_the_cache_are_refused(cache: Path, ham_here: Here, tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    assert ham_here("report", tmp_path / "folder.html", "--force", cache=cache).code == 2
    before = peek.snapshot(cache)
    ran = ham_here("report", cache / s.ID / "page.html", "--force", "--json", cache=cache)
    assert (ran.code, "in the cache" in ran.json["error"]["what"], peek.snapshot(cache) == before) == (2, True, True)


def test_another_page_is_kept_without_force_and_a_report_is_written_over(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text("<!doctype html><title>mine</title>")
    ran = ham_here("report", path, "--json", cache=small_cache)
    assert (ran.code, path.read_text()) == (2, "<!doctype html><title>mine</title>")
    assert ham_here("report", path, "--force", cache=small_cache).code == 0
    assert ham_here("report", path, cache=small_cache).code == 0
    assert peek.names(tmp_path) == ["index.html"]


def test_what_cannot_be_done_is_said_before_any_work(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    empty = ham_here("report", tmp_path / "page.html", "--json", cache=tmp_path / "none")
    assert (empty.code, "ham fetch metadata" in empty.json["error"]["next"]) == (4, True)
    unknown = ham_here("report", tmp_path / "page.html", "--split", "nowhere", "--json", cache=small_cache)
    assert (unknown.code, unknown.json["error"]["got"], peek.names(tmp_path)) == (2, "nowhere", [])


def test_a_file_where_a_folder_should_be_is_exit_5_and_leaves_nothing(small_cache: Path, ham_here: Here, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = ham_here("report", tmp_path / "file" / "page.html", "--json", cache=small_cache)
    assert (ran.code, peek.names(tmp_path)) == (5, ["file"])


def test_the_result_names_the_sections_and_stdout_stays_empty_without_json(
    made: tuple[Ran, page.Element, Path], small_cache: Path, ham_here: Here, tmp_path: Path
) -> None:
    result = made[0].result
    assert (result["file"], result["bytes"], result["images"]) == (str(made[2]), made[2].stat().st_size, 20)
    assert list(result["sections"]) == [e.attributes["id"] for e in made[1].all("section") if e.attributes.get("class") == "part"]
    assert [key for found in result["sections"].values() for key in found["charts"]] == [f.attributes["id"] for f in made[1].all("figure")]
    ran = ham_here("report", tmp_path / "page.html", cache=small_cache)
    assert (ran.out, f"written: {tmp_path / 'page.html'}" in ran.err) == ("", True)


# One picture.


def outline_of(path: Path, size: tuple[int, int] = (60, 45)) -> Image.Image:
    with Image.open(io.BytesIO(images.outline(path.read_bytes(), size))) as opened:
        return opened.convert("LA")


def test_a_palette_whose_first_colour_is_white_is_not_turned_inside_out(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    plain.write_bytes(s.mask("ISIC_0000001"))
    with Image.open(plain) as opened:
        swapped = opened.point([1, *[0] * 255]).convert("L")
    swapped = Image.frombytes("P", swapped.size, swapped.tobytes())
    swapped.putpalette([255, 255, 255, 0, 0, 0])
    swapped.save(tmp_path / "palette.png")
    assert images.outline((tmp_path / "palette.png").read_bytes(), (60, 45)) == images.outline(plain.read_bytes(), (60, 45))


def test_an_outline_is_light_along_the_border_and_clear_elsewhere(tmp_path: Path) -> None:
    square = Image.new("L", (120, 90), 0)
    square.paste(255, (30, 30, 90, 60))
    square.save(tmp_path / "square.png")
    drawn = outline_of(tmp_path / "square.png")
    assert drawn.size == (60, 45)
    assert drawn.getpixel((30, 22)) == drawn.getpixel((2, 2)) == (0, 0)
    assert drawn.getpixel((30, 15)) == drawn.getpixel((15, 22)) == (255, 255)


def test_the_outline_of_a_whole_frame_is_the_frame_and_of_nothing_is_nothing(tmp_path: Path) -> None:
    Image.new("L", (60, 45), 255).save(tmp_path / "full.png")
    Image.new("L", (60, 45), 0).save(tmp_path / "none.png")
    full = outline_of(tmp_path / "full.png")
    assert full.getpixel((0, 0)) == full.getpixel((59, 20)) == (255, 255)
    assert full.getpixel((30, 22)) == (0, 0)
    assert outline_of(tmp_path / "none.png").getextrema() == ((0, 0), (0, 0))


@pytest.mark.parametrize("data", [b"", b"GIF89a", s.jpeg("x")[:200]])
def test_what_is_no_picture_is_said_so(data: bytes) -> None:
    for function in (images.thumbnail, images.outline):
        with pytest.raises(images.NotAnImageError):
            function(data, (60, 45))
