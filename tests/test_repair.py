"""``ham verify --repair``: exactly what is wrong is brought again, from kept zips or by parts from the servers, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests import peek
from tests import small as s
from tests.conftest import run_here

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Ran
    from tests.small import Small
    from tests.web import Web

FLIPPED, CUT, GONE = "ISIC_0000001.jpg", "ISIC_0000013.jpg", "ISIC_0000020.jpg"


@pytest.fixture
def fetched(web: Web) -> Web:
    """A cache with everything."""
    assert web.fetch().code == 0
    return web


def verify(web: Web, *words: str) -> Ran:
    return run_here("verify", *words, "--json", cache=web.cache)


def damage(web: Web) -> None:
    """One image of another byte, one cut off, one gone, a mask gone."""
    images = web.folder / "images"
    peek.flip(images / FLIPPED, 300)
    (images / CUT).write_bytes((images / CUT).read_bytes()[:1000])
    (images / GONE).unlink()
    (web.folder / "masks" / "ISIC_0000005_segmentation.png").unlink()


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every published file of a cache."""
    places = (path for name in ("images", "masks", "test", "tables") for path in (folder / name).iterdir())
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in places}


def test_only_what_is_wrong_is_brought_and_the_rest_is_not_touched(fetched: Web, small: Small) -> None:
    damage(fetched)
    before = stamps(fetched.folder)
    ran = verify(fetched, "--repair")
    assert (ran.code, ran.result["findings"]) == (0, [])
    broken = {f"images/{name}" for name in (FLIPPED, CUT, GONE)} | {"masks/ISIC_0000005_segmentation.png"}
    assert {f["path"] for f in ran.result["repair"]["found"]} == set(ran.result["repair"]["mended"]) == broken
    assert (fetched.files(), fetched.files("masks")) == (small.images, small.masks)
    after = stamps(fetched.folder)
    assert {name for name in after if after[name] != before.get(name)} == {path.partition("/")[2] for path in broken}


def test_a_whole_cache_is_left_alone_and_no_server_is_asked(fetched: Web) -> None:
    before, asked = stamps(fetched.folder), len(fetched.servers.requests)
    ran = verify(fetched, "--repair")
    assert (ran.code, ran.result["repair"]) == (0, {"found": [], "mended": [], "troubles": []})
    assert (stamps(fetched.folder), len(fetched.servers.requests)) == (before, asked)


def test_a_kept_zip_is_enough(web: Web, small: Small) -> None:
    assert web.fetch("images", "masks", "metadata", "--keep-archives").code == 0
    damage(web)
    asked = sum(web.servers.sent(n) for n in (*small.zips, s.METADATA))
    ran = verify(web, "--repair")
    assert (ran.code, len(ran.result["repair"]["mended"])) == (0, 4)
    assert (web.files(), web.files("masks")) == (small.images, small.masks)
    assert sum(web.servers.sent(n) for n in (*small.zips, s.METADATA)) == asked
    assert web.archives == sorted((s.MASKS, s.PART_1, s.PART_2))


def test_what_was_only_partly_asked_for_stays_a_part(web: Web, small: Small) -> None:
    assert web.fetch("images", "--only", "dx=mel").code == 0
    mel = {f"{row[1]}.jpg" for row in s.TRAIN if row[2] == "mel"}
    (web.folder / "images" / min(mel)).unlink()
    ran = verify(web, "--repair")
    assert (ran.code, web.files()) == (0, {name: small.images[name] for name in mel})
    assert verify(web).code == 0


@pytest.mark.parametrize("component", ["metadata", "test"])
def test_a_table_that_is_gone_or_changed_is_brought_again(component: str, fetched: Web, small: Small) -> None:
    name = {"metadata": s.METADATA, "test": s.TEST_TRUTH}[component]
    table = fetched.folder / "tables" / name
    rows = pq.read_table(peek.manifest(fetched.cache, "images")).to_pylist()
    for harm in (table.unlink, lambda: table.write_bytes(table.read_bytes()[:-40])):
        harm()
        assert verify(fetched).code == 3
        assert verify(fetched, "--repair").code == 0
        assert table.read_bytes() == small.tables[name]
        assert pq.read_table(peek.manifest(fetched.cache, "images")).to_pylist() == rows


def test_rows_that_somebody_changed_are_read_again_from_the_table(fetched: Web) -> None:
    path = peek.manifest(fetched.cache, "images")
    whole = pq.read_table(path)
    rows = [row | ({"dx": "nv"} if row["dx"] == "mel" else {}) for row in whole.to_pylist()]
    pq.write_table(type(whole).from_pylist(rows, whole.schema), path)
    asked = len(fetched.servers.requests)
    assert verify(fetched).code == 3
    ran = verify(fetched, "--repair")
    assert (ran.code, len(fetched.servers.requests)) == (0, asked)
    assert pq.read_table(path).to_pylist() == whole.to_pylist()


def test_a_stranger_stays_and_is_said(fetched: Web) -> None:
    stranger = fetched.folder / "images" / "mine.jpg"
    stranger.write_bytes(b"mine")
    (fetched.folder / "images" / GONE).unlink()
    ran = verify(fetched, "--repair")
    assert (ran.code, [f["verdict"] for f in ran.result["findings"]]) == (3, ["extra"])
    assert (stranger.read_bytes(), ran.result["repair"]["mended"]) == (b"mine", [f"images/{GONE}"])


def test_a_server_that_gives_nothing_leaves_what_is_missing_and_it_is_said(fetched: Web) -> None:
    (fetched.folder / "images" / GONE).unlink()
    peek.flip(fetched.folder / "images" / FLIPPED, 300)
    wrong = (fetched.folder / "images" / FLIPPED).read_bytes()
    for origin in ("dataverse", "bucket"):
        fetched.servers.fault(origin, "lost404", times=None)
    ran = verify(fetched, "--repair")
    assert (ran.code, {f["verdict"] for f in ran.result["findings"]}) == (3, {"missing", "wrong"})
    assert ran.result["repair"]["mended"] == []
    assert ran.result["repair"]["troubles"]
    said = run_here("verify", "--repair", "-q", cache=fetched.cache)
    assert (said.code, "warning: " in said.err) == (3, True)
    # What is wrong is not thrown away before there is a right one.
    assert (fetched.folder / "images" / FLIPPED).read_bytes() == wrong


def test_a_kept_zip_that_is_wrong_is_let_go_where_its_images_are_here(web: Web, small: Small) -> None:
    assert web.fetch("images", "metadata", "--keep-archives").code == 0
    peek.flip(web.folder / "archives" / s.PART_1, 300)
    ran = verify(web, "--repair")
    assert (ran.code, ran.result["repair"]["mended"]) == (0, [f"archives/{s.PART_1}"])
    assert (web.files(), web.archives) == (small.images, [s.PART_2])


@pytest.mark.parametrize("words", [("--path", "x", "--repair"), ("--record", "x"), ("--quick", "--deep")])
def test_what_cannot_be_together_is_wrong_usage(words: tuple[str, ...], small_cache: Path) -> None:
    ran = run_here("verify", *words, "--json", cache=small_cache)
    assert (ran.code, bool(ran.json["error"]["next"])) == (2, True)


def test_a_cache_that_cannot_be_written_is_not_mended(fetched: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    (fetched.folder / "images" / GONE).unlink()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ham_cli.manifest.write", refuse)
    ran = verify(fetched, "--repair")
    assert (ran.code, ran.json["error"]["what"]) == (5, "nothing can be written here, and so nothing be mended")
