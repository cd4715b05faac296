"""A mirror on any web server: the published names, or another ham cache behind ``python -m http.server``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests import peek
from tests import small as s
from tests.dataverse import Servers
from tests.web import TABLES, ZIPS, Web, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Here
    from tests.small import Small


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder behind Python's own web server, which knows no Range."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().split('port ')[1].split()[0]}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def neighbour(small_cache: Path) -> Iterator[str]:
    """The address of a whole cache on the network."""
    with served(small_cache) as address:
        yield address


def mirror(*names: str) -> list[str]:
    return [word for name in names for word in ("--source", name)]


# --- published names


def test_a_mirror_of_the_published_names_brings_everything(web: Web, small: Small, ham_here: Here) -> None:
    ran = web.fetch(*mirror(web.servers.mirror))
    assert (ran.code, ran.result["troubles"], ran.result["unvouched"]) == (0, [], {})
    assert (whole(small, web), web.archives) == (True, [])
    assert {r.origin for r in web.servers.requests} == {"bucket"}
    rows = peek.files(web.cache)
    assert {r["source"] for r in rows.values()} == {"mirror"}
    assert rows[s.PART_1]["url"] == f"{web.servers.mirror}{s.PART_1}"
    assert ham_here("verify", cache=web.cache).code == 0


def test_an_address_with_a_slash_at_its_end_or_without_is_the_same(web: Web, tmp_path: Path) -> None:
    for number, address in enumerate((web.servers.mirror.rstrip("/"), f"{web.servers.mirror.rstrip('/')}//")):
        assert web.fetch("masks", *mirror(address), cache=tmp_path / str(number)).code == 0


def test_a_name_and_password_in_the_address_are_used_and_kept_nowhere(web: Web) -> None:
    address = web.servers.mirror.replace("http://", "http://ann:s3cret@")
    ran = web.say("metadata", "ratings", "-v", *mirror(address))
    assert ran.code == 0
    assert {r.headers.get("authorization", "").split(" ")[0] for r in web.servers.requests} == {"Basic"}
    assert "s3cret" not in ran.out + ran.err
    assert b"s3cret" not in b"".join(peek.tree(web.cache).values())


def test_a_mirror_that_has_the_servers_form_of_the_tables_is_as_good(web: Web, small: Small) -> None:
    for name in (s.METADATA, s.TEST_TRUTH):
        del web.servers.published.contents[name]
    ran = web.fetch("metadata", "test", *mirror(web.servers.mirror))
    assert ran.code == 0, ran.err
    rows = sorted((r for r in peek.images(web.cache).values() if r["partition"] == "train"), key=lambda r: r["row"])
    assert s.comma([["" if r[c] is None else str(r[c]) for c in s.COLUMNS] for r in rows]) == small.tables[s.METADATA]
    assert web.files("tables").keys() == {"HAM10000_metadata.tab", TABLES[1]}


def test_a_mirror_with_a_wrong_zip_is_said_and_the_next_source_taken(web: Web, small: Small) -> None:
    web.servers.fault(
        "bucket", "wrong_bytes", name=s.PART_1, times=None, after=100, when=lambda asked: asked.headers.get("range") != "bytes=0-0"
    )
    ran = web.fetch("images", *mirror(web.servers.mirror, "dataverse"))
    assert (ran.code, web.files()) == (0, small.images)
    (trouble,) = (t for t in ran.result["troubles"] if t["name"] == s.PART_1)
    assert trouble["source"].startswith("mirror")
    assert trouble["got"].endswith(f"expected {s.md5(small.zips[s.PART_1])}")


def test_an_altered_table_of_a_mirror_is_not_used(web: Web, small: Small) -> None:
    web.servers.replace(s.METADATA, small.tables[s.METADATA].replace(b"mel", b"nv"))
    web.servers.fault("dataverse", "edge403", times=None)
    del web.servers.published.contents[TABLES[0]]
    ran = web.fetch("metadata", *mirror(web.servers.mirror))
    assert (ran.code, ran.result["missing"]) == (4, {"metadata": [s.METADATA]})
    assert ran.result["troubles"]
    assert s.METADATA not in web.files("tables")


def test_a_mirror_that_is_not_well_is_not_asked_under_its_other_names_either(web: Web) -> None:
    web.servers.fault("bucket", "503", name=s.PART_1, times=None, retry_after=0)
    came = web.patiently("images", "test", sources=(web.servers.mirror,))
    assert (came.troubles, list(came.outcome.missing)) == ([("mirror", s.PART_1, "the server is not well")], ["images"])
    assert came.said.count("is not asked again in this run") == 1
    assert web.servers.of_file(s.TRAINING_INPUT) == []


def test_a_mirror_of_some_files_gives_those_and_names_the_rest(web: Web, small: Small) -> None:
    for name in (s.MASKS, s.PART_2, s.TRAINING_INPUT):
        del web.servers.published.contents[name]
    ran = web.fetch(*mirror(web.servers.mirror))
    assert (ran.code, ran.result["missing"].keys()) == (4, {"masks", "images"})
    assert web.files() == dict(list(small.images.items())[:10])
    assert {t["name"] for t in ran.result["troubles"]} >= {s.MASKS, s.PART_2}


def test_what_a_mirror_lacks_comes_from_dataverse(small: Small, tmp_path: Path) -> None:
    with served(s.lay(tmp_path / "mirror", {n: small.zips[n] for n in (s.PART_1, s.MASKS)})) as address, Servers.of(small) as servers:
        web = Web(servers, small.record, tmp_path)
        assert web.fetch(*mirror(address, "dataverse")).code == 0
        assert whole(small, web)
        assert not {s.PART_1, s.MASKS} & set(web.asked())
        assert {n: r["source"] for n, r in peek.files(web.cache).items() if n in ZIPS} == {
            s.PART_1: "mirror",
            s.MASKS: "mirror",
            s.PART_2: "dataverse",
            s.TEST: "dataverse",
        }


def test_a_plain_web_server_that_knows_no_range_is_enough(web: Web, small: Small, tmp_path: Path) -> None:
    with served(small.published(tmp_path / "mirror")) as address:
        assert web.fetch(*mirror(address)).code == 0
    assert (whole(small, web), web.servers.requests) == (True, [])


def test_validation_comes_from_a_mirror_that_has_it(web: Web, small: Small, tmp_path: Path) -> None:
    with served(small.published(tmp_path / "mirror", isic=True)) as address:
        assert web.fetch("validation", *mirror(address)).code == 0
    assert web.files("validation") == small.validation


@pytest.mark.parametrize(
    "address", ["http://", "ftp://127.0.0.1/x", "http://127.0.0.1:port/", "http://h/?key=1", "https://h/#a", "http://127.0.0.1:0/", "://x"]
)
def test_an_address_that_is_none_is_wrong_usage(address: str, web: Web) -> None:
    ran = web.say(*mirror(address))
    assert (ran.code, web.cache.exists()) == (2, False)
    assert "--source" in ran.err


# --- another cache


@pytest.mark.parametrize("at", ["", "/", f"/{s.ID}", f"/{s.ID}/"])
def test_another_cache_is_a_mirror_named_by_its_root_or_by_its_record(
    at: str, neighbour: str, web: Web, small: Small, ham_here: Here
) -> None:
    ran = web.fetch(*mirror(neighbour + at))
    assert (ran.code, ran.result["troubles"]) == (0, []), ran.err
    assert (whole(small, web), web.archives) == (True, [])
    assert ham_here("verify", cache=web.cache).code == 0


def test_images_of_another_cache_are_vouched_for_by_digest_and_test_images_by_nobody(neighbour: str, web: Web) -> None:
    ran = web.fetch(*mirror(neighbour))
    rows = [r for r in peek.images(web.cache).values() if r["path"]]
    assert {(r["partition"], r["vouched"], r["archive"]) for r in rows} == {("train", "digest", None), ("test", "none", None)}
    assert ran.result["unvouched"] == {"test": 4}
    assert "test: 4 images taken as they are" in ran.err


def test_tables_of_another_cache_know_where_they_are_from(neighbour: str, web: Web) -> None:
    web.fetch(*mirror(neighbour))
    row = peek.files(web.cache)[TABLES[0]]
    assert (row["source"], row["url"], row["state"]) == ("mirror", f"{neighbour}/{s.ID}/tables/{s.METADATA}", "have")


def test_a_second_fetch_from_another_cache_needs_it_no_more(small_cache: Path, web: Web) -> None:
    with served(small_cache) as address:
        assert web.fetch(*mirror(address)).code == 0
    before = peek.snapshot(web.cache)
    assert (web.fetch(*mirror(address)).code, peek.snapshot(web.cache)) == (0, before)


def test_a_choice_from_another_cache_brings_its_members_only(neighbour: str, web: Web, small: Small) -> None:
    assert web.fetch("images", "masks", "--only", "dx=mel", *mirror(neighbour)).code == 0
    mel = {r[1] for r in s.TRAIN if r[2] == "mel"}
    assert web.files() == {f"{i}.jpg": small.images[f"{i}.jpg"] for i in mel}
    assert web.files("masks").keys() == {f"{i}_segmentation.png" for i in mel}


def test_validation_comes_from_another_cache_that_has_it(neighbour: str, web: Web, small: Small) -> None:
    assert web.fetch("validation", *mirror(neighbour)).code == 0
    assert web.files("validation") == small.validation


def test_a_cache_of_part_gives_that_part_and_dataverse_the_rest(small_cache: Path, web: Web, small: Small, tmp_path: Path) -> None:
    part = shutil.copytree(small_cache, tmp_path / "part")
    shutil.rmtree(part / s.ID / "masks")
    for name in list(small.images)[:3]:
        (part / s.ID / "images" / name).unlink()
    with served(part) as address:
        ran = web.fetch(*mirror(address))
        assert (ran.code, len(ran.result["missing"]["masks"]), len(ran.result["missing"]["images"])) == (4, 20, 3)
        assert web.fetch(*mirror(address, "dataverse")).code == 0
    assert whole(small, web)


def test_a_cache_of_seven_columns_is_completed_by_dataverse(web: Web, small: Small, tmp_path: Path) -> None:
    folder = small.kaggle(tmp_path / "kaggle")
    assert web.fetch("--source", folder, cache=tmp_path / "poor").code == 0
    with served(tmp_path / "poor") as address:
        ran = web.fetch("metadata", "images", *mirror(address, "dataverse"))
    assert (ran.code, web.files()) == (0, small.images)
    assert web.servers.of_file(s.PART_1) == []


def test_a_fetch_from_another_cache_can_be_foretold(neighbour: str, web: Web) -> None:
    ran = web.fetch("--dry-run", *mirror(neighbour))
    assert (ran.code, web.cache.exists()) == (0, False)
    assert {(p["what"], p["source"]) for p in ran.result["prospects"]} == {("download", "mirror")}


def test_the_same_cache_from_a_chain_of_neighbours_has_the_same_digest(small_cache: Path, web: Web, tmp_path: Path) -> None:
    digests = set()
    source = small_cache
    for number in range(2):
        with served(source) as address:
            source = tmp_path / str(number)
            assert web.fetch("metadata", "images", *mirror(address), cache=source).code == 0
        digests.add(peek.labels(peek.manifest(source, "images"))["ham.digest"])
    assert len(digests) == 1


def test_of_a_mirror_that_is_down_no_part_is_enough(offered: Small, ham_here: Here, tmp_path: Path) -> None:
    source = ("--source", "http://127.0.0.1:1", "--record", offered.record, "--json")
    ran = ham_here("fetch", "images", "--allow-partial", *source, cache=tmp_path / "cache")
    assert (ran.code, ran.result["have"]["images"]) == (4, 0)
    assert ham_here("fetch", "images", "--allow-partial", "--dry-run", *source, cache=tmp_path / "cache").code == 4
    some = s.lay(tmp_path / "some", dict([*offered.images.items()][:3]))
    ran = ham_here("fetch", "images", "--allow-partial", "--source", some, *source, cache=tmp_path / "cache")
    assert (ran.code, ran.result["have"]["images"]) == (0, 3)
