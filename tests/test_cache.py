"""``ham cache``, ``ham show`` and ``ham cite``: where the data lies, what it is, how to be rid of it, how to cite it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s

if TYPE_CHECKING:
    from tests.conftest import Fetch, Here
    from tests.small import Small

FIRST = "ISIC_0000001.jpg"


@pytest.fixture
def folder(cache: Path) -> Path:
    """The record's folder in a cache that holds all of it."""
    return cache / s.ID


def below(*folders: Path) -> int:
    """The bytes of the files in some folders."""
    return sum(p.stat().st_size for folder in folders for p in folder.rglob("*") if p.is_file())


def other_record(small: Small, where: Path, **facts: str) -> Path:
    """The small record under another name or version."""
    digests = (small.record.parent / "digests.sha256.xz").read_bytes()
    s.lay(where, {"record.json": json.dumps(small.facts | facts).encode(), "digests.sha256.xz": digests})
    return where / "record.json"


def test_dir_prints_the_folder_and_nothing_else(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("cache", "dir", cache=tmp_path / "here")
    assert tuple(ran) == (0, f"{tmp_path / 'here'}\n", "")
    assert not (tmp_path / "here").exists()


def test_the_folder_comes_from_the_option_then_the_variable_then_the_platform(
    ham_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAM_CACHE_DIR", str(tmp_path / "variable"))
    assert ham_here("cache", "dir", cache=tmp_path / "option").out == f"{tmp_path / 'option'}\n"
    assert ham_here("cache", "dir").out == f"{tmp_path / 'variable'}\n"
    monkeypatch.delenv("HAM_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "platform"))
    where = Path(ham_here("cache", "dir").out.rstrip("\n"))
    assert (where.is_relative_to(tmp_path), where.exists()) == (True, False)
    if sys.platform.startswith("linux"):
        assert where == tmp_path / "platform" / "ham"


def test_a_relative_folder_and_a_tilde_are_understood(ham_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert ham_here("cache", "dir", cache=Path("here")).out == f"{tmp_path / 'here'}\n"
    assert ham_here("cache", "dir", "--cache-dir", "~/there").out == f"{tmp_path / 'home' / 'there'}\n"


@pytest.mark.parametrize("words", [("list",), ("dir",), ("prune",), ("prune", "--dry-run"), ("remove", "--all"), ("remove", "masks")])
def test_an_empty_cache_is_no_error_and_stays_empty(words: tuple[str, ...], ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("cache", *words, "--json", cache=tmp_path / "none")
    assert (ran.code, ran.json["error"], (tmp_path / "none").exists()) == (0, None, False)


def test_list_counts_files_and_bytes_as_they_lie_on_the_disk(small: Small, small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("cache", "list", "--json", cache=small_cache)
    listed = {e["component"]: (e["record"], e["files"], e["bytes"]) for e in ran.result["contents"]}
    assert listed["images"] == (s.ID, 20, sum(map(len, small.images.values())))
    assert listed["masks"] == (s.ID, 20, sum(map(len, small.masks.values())))
    assert listed["test"] == (s.ID, 5, sum(map(len, small.test.values())) + len(small.tables[s.TEST_TRUTH]))
    assert listed["metadata"] == (s.ID, 1, len(small.tables[s.METADATA]))
    assert listed["ratings"] == (s.ID, 1, len(small.tables[s.RATINGS]))
    in_words = ham_here("cache", "list", cache=small_cache).out.splitlines()
    assert ["images", "20"] in [line.split()[1:3] for line in in_words]


def test_what_lies_beside_the_data_says_whose_it_is(small_cache: Path) -> None:
    assert (small_cache / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    folder = small_cache / s.ID
    assert "https://creativecommons.org/licenses/by-nc/4.0/legalcode" in (folder / "LICENSE").read_text()
    assert "CC-BY-NC-4.0" in (folder / "LICENSE").read_text()
    assert "Nobody. A small record. 2018" in (folder / "ATTRIBUTION.txt").read_text()
    assert "@misc{nobody2018small," in (folder / "CITATION.bib").read_text()


def test_prune_takes_half_written_files_kept_zips_and_older_versions_and_nothing_else(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    source = small.published(tmp_path / "source")
    for name, facts in (("older", {"version": "0.9"}), ("another", {"name": "else"})):
        ham_here("fetch", "metadata", "--source", source, "--record", other_record(small, tmp_path / name, **facts), cache=cache)
    fetch("--keep-archives", source=source)
    s.lay(cache / s.ID, {f"images/.{FIRST}.0a1b2c3d.part": b"half", "manifests/.images.parquet.0a1b2c3d.part": b"half"})
    before = peek.snapshot(cache)
    dry = ham_here("cache", "prune", "--dry-run", "--json", cache=cache)
    assert (dry.code, peek.snapshot(cache)) == (0, before)
    done = ham_here("cache", "prune", "--json", cache=cache)
    after = peek.snapshot(cache)
    gone = {name for name in before if name not in after}
    assert done.code == 0
    assert {name for name in gone if not name.startswith("small-0.9/")} == {
        f"{s.ID}/images/.{FIRST}.0a1b2c3d.part",
        f"{s.ID}/manifests/.images.parquet.0a1b2c3d.part",
        *(f"{s.ID}/archives/{zip_name}" for zip_name in (s.PART_1, s.PART_2, s.MASKS, s.TEST)),
    }
    assert (peek.names(cache / "small-0.9"), (cache / "else-1.0" / "record.json").is_file()) == ([], True)
    assert dry.result["paths"] == done.result["paths"]
    assert ham_here("verify", cache=cache).code == 0
    assert {r["state"] for n, r in peek.files(cache).items() if n in small.zips and r["md5"]} == {"dropped"}
    assert ham_here("cache", "prune", "--json", cache=cache).result["paths"] == []


def test_prune_leaves_a_whole_cache_as_it_is(cache: Path, ham_here: Here) -> None:
    before = peek.snapshot(cache)
    assert (ham_here("cache", "prune", cache=cache).code, peek.snapshot(cache)) == (0, before)


@pytest.mark.parametrize("words", [(), ("--all", "masks"), ("--dry-run",)])
def test_remove_wants_components_or_all(words: tuple[str, ...], cache: Path, ham_here: Here) -> None:
    before = peek.snapshot(cache)
    assert (ham_here("cache", "remove", *words, cache=cache).code, peek.snapshot(cache)) == (2, before)


def test_remove_takes_a_component_from_the_disk_and_from_the_manifest(small: Small, folder: Path, ham_here: Here, fetch: Fetch) -> None:
    cache = folder.parent
    before = peek.snapshot(cache)
    dry = ham_here("cache", "remove", "masks", "--dry-run", "--json", cache=cache)
    assert (dry.code, peek.snapshot(cache), dry.result["bytes"]) == (0, before, sum(map(len, small.masks.values())))
    assert ham_here("cache", "remove", "masks", cache=cache).code == 0
    assert peek.names(folder / "masks") == []
    assert {r["mask_path"] for r in peek.images(cache).values()} == {None}
    assert {name: facts for name, facts in before.items() if "/images/" in name or "/tables/" in name}.items() <= peek.snapshot(
        cache
    ).items()
    verified = ham_here("verify", "--json", cache=cache)
    assert (verified.code, verified.result["not_fetched"]) == (0, ["masks"])
    again = fetch("masks", source=small.published(cache.parent / "source"))
    assert (again.code, again.result["taken"], peek.contents(folder / "masks")) == (0, {"masks": 20}, small.masks)
    assert ham_here("verify", "--all", cache=cache).code == 0


@pytest.mark.parametrize("component", ["test", "images", "ratings", "validation", "metadata"])
def test_a_removed_component_comes_back_whole(component: str, small: Small, folder: Path, ham_here: Here, fetch: Fetch) -> None:
    cache = folder.parent
    before = {n: facts[2] for n, facts in peek.snapshot(folder).items() if not n.startswith("manifests/")}
    assert ham_here("cache", "remove", component, cache=cache).code == 0
    assert ham_here("verify", cache=cache).code == 0
    assert fetch(component, source=small.published(cache.parent / "source", isic=True)).code == 0
    assert {n: facts[2] for n, facts in peek.snapshot(folder).items() if not n.startswith("manifests/")} == before
    ran = ham_here("verify", "--all", cache=cache)
    assert ran.code == 0, ran.out


def test_remove_all_leaves_an_empty_cache(cache: Path, ham_here: Here) -> None:
    assert ham_here("cache", "remove", "--all", cache=cache).code == 0
    assert not (cache / s.ID).exists()
    assert ham_here("cache", "list", "--json", cache=cache).result["contents"] == []
    assert ham_here("verify", cache=cache).code == 0


@pytest.mark.parametrize("link", ["sym", "hard"])
@pytest.mark.parametrize("words", [("images", "masks", "test"), ("--all",)])
def test_remove_never_touches_what_was_linked_to(link: str, words: tuple[str, ...], small: Small, ham_here: Here, tmp_path: Path) -> None:
    source, cache = small.unpacked(tmp_path / "source"), tmp_path / "cache"
    before = peek.snapshot(source)
    assert ham_here("fetch", "--link", link, "--source", source, "--record", small.record, cache=cache).code == 0
    assert ham_here("cache", "remove", *words, cache=cache).code == 0
    assert peek.names(cache / s.ID / "images") == []
    assert peek.snapshot(source) == before


def test_show_tells_the_row_the_paths_and_the_digests(small: Small, small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("show", "ISIC_0000006.jpg", "--json", cache=small_cache)
    image, mask = small.images["ISIC_0000006.jpg"], small.masks["ISIC_0000006_segmentation.png"]
    assert ran.code == 0
    assert {k: ran.result[k] for k in ("lesion_id", "dx", "dx_type", "age", "sex", "localization", "dataset", "partition")} == {
        "lesion_id": "HAM_0000011",
        "dx": "nv",
        "dx_type": "follow_up",
        "age": 50.0,
        "sex": "female",
        "localization": "abdomen",
        "dataset": "vidir_molemax",
        "partition": "train",
    }
    assert Path(ran.result["path"]).read_bytes() == image
    assert Path(ran.result["mask_path"]).read_bytes() == mask
    assert (ran.result["sha256"], ran.result["published_sha256"], ran.result["bytes"]) == (s.sha256(image), s.sha256(image), len(image))
    assert (ran.result["mask_sha256"], ran.result["published_mask_sha256"]) == (s.sha256(mask), s.sha256(mask))
    assert ran.result["diagnosis"] == "Melanocytic nevi"


def test_show_prints_the_same_for_a_person(small: Small, small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("show", "ISIC_0000006", cache=small_cache)
    facts = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert (facts["dx"], facts["diagnosis"], facts["sha256"]) == ("nv", "Melanocytic nevi", s.sha256(small.images["ISIC_0000006.jpg"]))
    assert Path(facts["path"]) == small_cache / s.ID / "images" / "ISIC_0000006.jpg"


def test_show_of_a_blank_age_is_null(small_cache: Path, ham_here: Here) -> None:
    assert ham_here("show", "ISIC_0000015", "--json", cache=small_cache).result["age"] is None


def test_show_explains_the_planted_image(small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("show", s.PLANTED, cache=small_cache)
    assert (ran.code, s.WHY_PLANTED in ran.out + ran.err) == (0, True)


@pytest.mark.parametrize("name", ["ISIC_0099999", "ISIC_1", "nonsense", "../../etc/passwd", ""])
def test_show_of_an_image_that_the_record_has_not_is_wrong_usage(name: str, small_cache: Path, ham_here: Here) -> None:
    ran = ham_here("show", name, "--json", cache=small_cache)
    assert (ran.code, ran.json["exit_code"], ran.json["error"]["got"]) == (2, 2, name)


def test_show_before_the_metadata_says_how_to_get_the_row(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    fetch("masks", "--allow-partial", source=s.lay(tmp_path / "source", {s.MASKS: small.zips[s.MASKS]}))
    ran = ham_here("show", "ISIC_0000001", cache=tmp_path / "cache")
    assert (ran.code, "ham fetch metadata" in ran.err) == (0, True)


def test_cite_prints_bibtex_of_the_published_record(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("cite", cache=tmp_path / "none")
    assert (ran.code, ran.err, (tmp_path / "none").exists()) == (0, "", False)
    for name in ("10.7910/DVN/DBW86T", "10.1038/sdata.2018.161", "10.1038/s41591-020-0942-0", "1902.03368", "10.1038/s41597-025-04382-5"):
        assert name in ran.out
    assert (ran.out.count("{"), ran.out.count("\n@")) == (ran.out.count("}"), 5)


def test_cite_as_text_has_a_line_for_each_citation(ham_here: Here, tmp_path: Path) -> None:
    ran = ham_here("cite", "--text", cache=tmp_path / "none")
    lines = ran.out.splitlines()
    assert (ran.code, len(lines)) == (0, 6)
    assert "Scientific Data 5, 180161 (2018). doi:10.1038/sdata.2018.161" in ran.out


def test_cite_in_a_cache_cites_its_record(small_cache: Path, ham_here: Here) -> None:
    assert ham_here("cite", "--text", cache=small_cache).out == "data: Nobody. A small record. 2018\n"


def test_the_record_fetched_last_is_in_force(small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    source = small.published(tmp_path / "source")
    fetch("metadata", source=source)
    ham_here("fetch", "metadata", "--source", source, "--record", other_record(small, tmp_path / "o", version="0.9"), cache=cache)
    assert ham_here("verify", "--json", cache=cache).json["record"] == "small-0.9"
    fetch("metadata", source=source)
    assert ham_here("verify", "--json", cache=cache).json["record"] == s.ID


@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON", '{"schema": 2}', "[" * 100_000])
def test_a_file_that_is_no_record_is_wrong_usage(text: str, small: Small, ham_here: Here, tmp_path: Path) -> None:
    record = s.lay(tmp_path / "record", {"record.json": text.encode()}) / "record.json"
    ran = ham_here("fetch", "--source", small.record.parent, "--record", record, "--json", cache=tmp_path / "cache")
    assert (ran.code, ran.json["error"]["where"], (tmp_path / "cache").exists()) == (2, str(record), False)


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "", "a\\b"])
def test_a_record_whose_name_reaches_out_of_the_cache_is_refused(name: str, small: Small, ham_here: Here, tmp_path: Path) -> None:
    record = other_record(small, tmp_path / "record", name=name)
    source = small.published(tmp_path / "source")
    before = sorted(tmp_path.rglob("*"))
    ran = ham_here("fetch", "--source", source, "--record", record, "--json", cache=tmp_path / "cache")
    assert (ran.code, sorted(tmp_path.rglob("*"))) == (2, before)
