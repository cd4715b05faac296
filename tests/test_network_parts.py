"""Parts of an archive: only the members that are wanted are read out of a large zip on a server, and each is vouched for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ham_cli.selection import Selection
from tests import peek
from tests import small as s
from tests.dataverse import Servers
from tests.web import STEADY, Web, heavy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dataverse.messages import Asked
    from tests.small import Small

EACH = 1_750_000
"""Bytes of an image: ten of them make a zip that is worth being read in parts."""
DIRECTORY = 200_000
"""Bytes of a zip that its directory, and what is asked for around it, may cost."""
MEL = {row[1] for row in s.TRAIN if row[2] == "mel"}
MELANOMA = Selection((("dx", ("mel",)),))
LESION = {row[1]: row[0] for row in s.TRAIN}


@pytest.fixture(scope="module")
def large(full: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The small record with images of 1.75 MB."""
    return heavy(full, tmp_path_factory.mktemp("large"), EACH)


@pytest.fixture
def offered(large: Small) -> Small:
    return large


def sent(web: Web, *names: str) -> int:
    """Bytes of files that the store, the bucket and mirrors wrote."""
    return sum(web.servers.sent(name) for name in names or (s.PART_1, s.PART_2, s.TRAINING_INPUT))


def ids(found: dict[str, bytes]) -> set[str]:
    return {name.partition(".")[0].partition("_segmentation")[0] for name in found}


def test_a_choice_of_one_class_takes_its_images_out_of_the_zips_and_nothing_else(web: Web, large: Small) -> None:
    ran = web.fetch("images", "--only", "dx=mel")
    assert (ran.code, ran.result["taken"], ran.result["troubles"]) == (0, {"images": len(MEL)}, [])
    assert web.files() == {f"{i}.jpg": large.images[f"{i}.jpg"] for i in MEL}
    assert sent(web) < len(MEL) * EACH + 2 * DIRECTORY
    assert web.archives == []


def test_members_are_vouched_for_by_their_digests_and_say_no_archive(web: Web) -> None:
    web.fetch("images", "--only", "dx=mel")
    rows = [r for r in peek.images(web.cache).values() if r["path"]]
    assert {(r["image_id"], r["vouched"], r["archive"]) for r in rows} == {(i, "digest", None) for i in MEL}
    assert s.PART_1 not in {n for n, r in peek.files(web.cache).items() if r["state"] in {"have", "dropped"}}


def test_a_choice_brings_its_masks_and_test_images_too_and_verify_is_content(web: Web, large: Small) -> None:
    from tests.conftest import run_here

    ran = web.fetch("--only", "dx=mel")
    assert ran.code == 0, ran.err
    assert (ids(web.files("masks")), ids(web.files("test"))) == (MEL, {"ISIC_0000102"})
    assert web.files("test") == {"ISIC_0000102.jpg": large.test["ISIC_0000102.jpg"]}
    assert run_here("verify", cache=web.cache).code == 0


def test_a_second_fetch_of_the_same_choice_asks_nobody(web: Web) -> None:
    web.fetch("--only", "dx=mel")
    asked, before = len(web.servers.requests), peek.snapshot(web.cache)
    assert web.fetch("--only", "dx=mel").code == 0
    assert (len(web.servers.requests), peek.snapshot(web.cache)) == (asked, before)


def test_a_sample_of_one_takes_one_lesion_a_class_with_all_its_images(web: Web) -> None:
    assert web.fetch("images", "--sample", "1").code == 0
    lesions = defaultdict(set)
    for image_id in ids(web.files()):
        lesions[next(r[2] for r in s.TRAIN if r[1] == image_id)].add(LESION[image_id])
    assert {dx: len(found) for dx, found in lesions.items()} == dict.fromkeys({r[2] for r in s.TRAIN}, 1)
    assert ids(web.files()) == {i for i, lesion in LESION.items() if lesion in set().union(*lesions.values())}


def test_a_larger_choice_later_asks_only_for_what_is_missing(web: Web) -> None:
    web.fetch("images", "--only", "dx=mel")
    before, asked = sent(web), len(web.servers.requests)
    ran = web.fetch("images", "--only", "dx=mel,df")
    more = {r[1] for r in s.TRAIN if r[2] == "df"}
    assert (ran.code, ran.result["taken"], ids(web.files())) == (0, {"images": len(more)}, MEL | more)
    assert sent(web) - before < len(more) * EACH + 2 * DIRECTORY
    assert len(web.servers.requests) > asked


def test_everything_after_a_choice_is_the_whole(web: Web, large: Small) -> None:
    web.fetch("images", "--only", "dx=mel")
    ran = web.fetch("images")
    assert (ran.code, ran.result["missing"], web.files()) == (0, {}, large.images)
    assert web.archives == []


def test_the_few_images_that_an_otherwise_whole_cache_lacks_come_by_themselves(web: Web, large: Small) -> None:
    web.fetch("images")
    before = sent(web)
    for name in ("ISIC_0000003.jpg", "ISIC_0000018.jpg"):
        (web.folder / "images" / name).unlink()
    ran = web.fetch("images")
    assert (ran.code, ran.result["taken"], web.files()) == (0, {"images": 2}, large.images)
    assert sent(web) - before < 2 * EACH + 2 * DIRECTORY


def test_a_choice_of_nearly_everything_comes_as_whole_zips(web: Web, large: Small) -> None:
    every = ",".join(sorted({r[2] for r in s.TRAIN}))
    ran = web.fetch("images", "--only", f"dx={every}")
    assert (ran.code, web.files()) == (0, large.images)
    assert sent(web) < len(large.zips[s.PART_1]) + len(large.zips[s.PART_2]) + 2 * DIRECTORY


def test_who_waits_for_what_a_zip_holds_is_told(web: Web) -> None:
    web.fetch("metadata")
    fault = web.servers.fault("s3", "503", name=s.PART_1, retry_after=2)
    came = web.patiently("images", waits=replace(STEADY, obeyed=2), wish=MELANOMA)
    said = [line for line in came.said.splitlines() if s.PART_1 in line]
    assert said == [f"asking dataverse for what {s.PART_1} holds", f"{s.PART_1}: the server is not well; again in 2 s"]
    assert (fault.met, came.outcome.missing, ids(web.files())) == (1, {}, MEL)


def test_a_wrong_member_of_the_zip_on_the_server_is_said_and_never_used(web: Web, large: Small) -> None:
    spoil(web, large, "ISIC_0000005.jpg")
    web.servers.fault("bucket", "edge403", times=None)
    ran = web.fetch("images", "--only", "dx=mel")
    assert (ran.code, ran.result["missing"]) == (4, {"images": ["ISIC_0000005"]})
    assert ids(web.files()) == MEL - {"ISIC_0000005"}
    (trouble,) = (t for t in ran.result["troubles"] if t["source"] == "dataverse")
    assert trouble["name"] == f"{s.PART_1}/ISIC_0000005.jpg"


def test_another_image_under_a_right_name_is_never_used_and_what_came_is_named(web: Web, large: Small) -> None:
    other = large.images["ISIC_0000005.jpg"][:-5000] + large.images["ISIC_0000001.jpg"][-5000:]
    names = list(large.images)[:10]
    web.servers.replace(s.PART_1, s.zipped({n: large.images[n] for n in names} | {"ISIC_0000005.jpg": other}, packed=False))
    web.servers.listing.checksum = ""
    web.servers.fault("bucket", "edge403", times=None)
    ran = web.fetch("images", "--only", "dx=mel")
    assert (ran.code, ids(web.files())) == (4, MEL - {"ISIC_0000005"})
    (got,) = (t["got"] for t in ran.result["troubles"] if t["source"] == "dataverse")
    assert got == f"{s.sha256(other)}, expected {s.sha256(large.images['ISIC_0000005.jpg'])}"


def test_a_wrong_member_comes_from_the_next_source(web: Web, large: Small) -> None:
    spoil(web, large, "ISIC_0000005.jpg")
    ran = web.fetch("images", "--only", "dx=mel")
    assert (ran.code, ran.result["missing"]) == (0, {})
    assert web.files() == {f"{i}.jpg": large.images[f"{i}.jpg"] for i in MEL}
    assert sent(web, s.TRAINING_INPUT) < EACH + DIRECTORY


def test_a_server_that_knows_no_parts_sends_the_whole_zip(web: Web, large: Small) -> None:
    web.servers.fault("s3", "ignore_range", times=None)
    ran = web.fetch("images", "--only", "dx=mel")
    assert (ran.code, ids(web.files())) == (0, MEL)
    assert all(d == large.images[n] for n, d in web.files().items())


def test_a_zip_of_less_than_16_mib_comes_whole(small: Small, tmp_path: Path) -> None:
    with Servers.of(small) as servers:
        web = Web(servers, small.record, tmp_path)
        assert web.fetch("images", "--only", "dx=mel").code == 0
        assert {n: servers.sent(n) for n in (s.PART_1, s.PART_2)} == {n: len(small.zips[n]) + 1 for n in (s.PART_1, s.PART_2)}
        assert ids(web.files()) == MEL


def test_a_choice_that_broke_off_goes_on_and_asks_only_for_the_rest(web: Web) -> None:
    web.servers.fault("s3", "reset", name=s.PART_2, times=None, after=0, when=is_long)
    web.servers.fault("bucket", "edge403", times=None)
    assert web.patiently("images", waits=STEADY, wish=MELANOMA).outcome.missing
    web.servers.heal()
    assert web.fetch("images", "--only", "dx=mel").code == 0
    assert ids(web.files()) == MEL
    assert sent(web) < len(MEL) * EACH + 3 * DIRECTORY


def test_without_the_table_that_names_them_nothing_can_be_chosen_and_it_is_said(web: Web) -> None:
    web.servers.fault("dataverse", "lost404", name=s.METADATA, times=None)
    web.servers.fault("bucket", "answer", status=404, times=None)
    ran = web.say("images", "--only", "dx=mel")
    assert (ran.code, web.files()) == (4, {})
    assert "choose by the rows of a table" in ran.err


def test_a_choice_from_the_bucket_alone_is_made_by_what_its_tables_tell(web: Web) -> None:
    ran = web.fetch("images", "--only", "dx_type=confocal", "--source", "isic")
    wanted = {r[1] for r in s.TRAIN if r[3] == "confocal"}
    assert (ran.code, ids(web.files())) == (0, wanted), ran.err
    assert sent(web) < len(wanted) * EACH + 2 * DIRECTORY


def test_a_zip_with_a_directory_of_lies_is_no_source_and_no_crash(web: Web, large: Small) -> None:
    web.servers.replace(s.PART_1, large.zips[s.PART_1][:-22] + b"PK\x05\x06" + b"\xff" * 18)
    web.servers.listing.checksum = ""
    web.servers.fault("bucket", "edge403", times=None)
    ran = web.fetch("images", "--only", "dx=mel")
    assert (ran.code, ids(web.files())) == (4, {i for i in MEL if f"{i}.jpg" in list(large.images)[10:]})


def is_long(asked: Asked) -> bool:
    """Whether a request is for more than a directory."""
    first, _, last = asked.headers.get("range", "").removeprefix("bytes=").partition("-")
    return first.isdecimal() and int(last) - int(first) > DIRECTORY


def spoil(web: Web, large: Small, name: str) -> None:
    """Change a byte of a member in the zip of the server, which then lists no MD5."""
    wrong = bytearray(large.zips[s.PART_1])
    wrong[wrong.find(large.images[name][:5000]) + 3000] ^= 1
    web.servers.replace(s.PART_1, bytes(wrong))
    web.servers.listing.checksum = ""


def test_a_repair_reads_only_the_images_that_are_wrong(web: Web, large: Small) -> None:
    from tests.conftest import run_here

    web.fetch("images")
    before, broken = sent(web), ("ISIC_0000001.jpg", "ISIC_0000013.jpg", "ISIC_0000020.jpg")
    for name in broken:
        peek.flip(web.folder / "images" / name, 300)
    ran = run_here("verify", "--repair", "--json", cache=web.cache)
    assert (ran.code, set(ran.result["repair"]["mended"]), web.files()) == (0, {f"images/{name}" for name in broken}, large.images)
    assert 3 * EACH < sent(web) - before < 3 * EACH + 2 * DIRECTORY
