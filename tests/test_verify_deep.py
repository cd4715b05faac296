"""``ham verify --deep``: pixels, what kept zips hold, and the digests that manifests and splits carry; and what broke meanwhile."""

from __future__ import annotations

import io
import json
import lzma
import os
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests import peek
from tests import small as s
from tests.test_verify import found, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Command, Fetch, Here
    from tests.small import Small

TESTED = "ISIC_0000101"
"""A test image: nobody has published a digest of it."""


def encoded(mode: str, form: str, size: tuple[int, int] = (s.WIDTH, s.HEIGHT), **options: Any) -> bytes:  # noqa: ANN401
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(out, form, **options)
    return out.getvalue()


def believed(cache: Path, data: bytes, *, mask: bool = False) -> None:
    """Put bytes in the place of an image or mask, and write down that they are what arrived."""
    image_id, name = (TESTED, f"test/{TESTED}.jpg") if not mask else ("ISIC_0000001", "masks/ISIC_0000001_segmentation.png")
    (cache / s.ID / name).write_bytes(data)
    columns = ("mask_bytes", "mask_sha256") if mask else ("bytes", "sha256")
    rewrite(cache, {image_id: dict(zip(columns, (len(data), s.sha256(data)), strict=True))})


def test_a_whole_cache_is_right_to_the_pixel(cache: Path, ham_here: Here) -> None:
    ran = ham_here("verify", "--deep", "--json", cache=cache)
    assert (ran.code, ran.result["findings"], ran.result["deep"]) == (0, [], True)
    assert {c: t["right"] for c, t in ran.result["checked"].items()} == {
        c: t["right"] for c, t in ham_here("verify", "--json", cache=cache).result["checked"].items()
    }


@pytest.mark.parametrize(
    ("data", "verdict", "words"),
    [
        (encoded("RGB", "JPEG")[:-300], "unreadable", "it is no whole picture"),
        (b"<html>not found</html>", "unreadable", "it is neither a JPEG nor a PNG"),
        (encoded("RGB", "JPEG", (61, 45)), "wrong", "width and height in pixels"),
        (encoded("L", "JPEG"), "wrong", "its mode is L, and not RGB"),
        (encoded("CMYK", "JPEG"), "wrong", "its mode is CMYK, and not RGB"),
    ],
    ids=["cut off", "a page", "larger", "grey", "cmyk"],
)
def test_a_picture_that_no_digest_vouches_for_is_decoded(data: bytes, verdict: str, words: str, cache: Path, ham_here: Here) -> None:
    believed(cache, data)
    assert ham_here("verify", "test", cache=cache).code == 0
    ran = ham_here("verify", "test", "--deep", "--json", cache=cache)
    assert (ran.code, found(ran)) == (3, [("test", f"test/{TESTED}.jpg", verdict)])
    assert words in ran.result["findings"][0]["detail"]


def undigested(cache: Path, mask: str) -> None:
    """Take a mask off the record's list of digests."""
    folder = cache / s.ID
    facts = json.loads((folder / "record.json").read_bytes())
    packed = folder / facts["digests"]["file"]
    lines = lzma.decompress(packed.read_bytes()).decode().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith(mask)).encode()
    packed.write_bytes(lzma.compress(text))
    facts["digests"]["sha256"] = s.sha256(text)
    (folder / "record.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encoded("L", "PNG"), "of its pixels are neither black nor white"),
        (encoded("1", "PNG", (30, 45)), "width and height in pixels"),
    ],
    ids=["grey", "narrower"],
)
def test_a_mask_is_black_and_white_and_as_large_as_its_image(data: bytes, words: str, cache: Path, ham_here: Here) -> None:
    undigested(cache, "ISIC_0000001_segmentation.png")
    believed(cache, data, mask=True)
    assert "ISIC_0000001" not in str(ham_here("verify", "masks", "--json", cache=cache).result["findings"])
    ran = ham_here("verify", "masks", "--deep", "--json", cache=cache)
    assert [words in str(f["detail"]) for f in ran.result["findings"] if f["image_id"] == "ISIC_0000001"] == [True]


def test_an_image_that_its_kept_zip_has_otherwise_is_found(fetch: Fetch, ham_here: Here, small: Small, tmp_path: Path) -> None:
    fetch("test", "--keep-archives", source=small.published(tmp_path / "source"))
    cache = tmp_path / "cache"
    assert ham_here("verify", "--deep", cache=cache).code == 0
    believed(cache, s.jpeg("another"))
    ran = ham_here("verify", "test", "--deep", "--json", cache=cache)
    assert [(f["path"], f["verdict"], f["detail"]) for f in ran.result["findings"]] == [
        (f"test/{TESTED}.jpg", "wrong", f"what {s.TEST} holds of it")
    ]


def relabelled(path: Path) -> None:
    """Other digests in what a table says of itself."""
    table = pq.read_table(path)
    labels = dict.fromkeys((b"ham.digest", b"ham.split_digest"), b"0" * 64)
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **labels}), path)


def shortened(path: Path) -> None:
    """A row less."""
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(table.to_pylist()[1:], table.schema), path)


def cut(path: Path) -> None:
    """No table any more."""
    path.write_bytes(path.read_bytes()[:100])


@pytest.fixture(scope="module")
def counted(small_cache: Path, ham_here: Here, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with everything, and what was counted and split in it."""
    cache = tmp_path_factory.mktemp("counted") / "cache"
    shutil.copytree(small_cache, cache, ignore=shutil.ignore_patterns("verification*", "stats"))
    for words in (("stats", "--pixels"), ("stats", "--ratings"), ("split", "--name", "mine", "--ratios", "60/20/20", "--force")):
        ham_here(*words, cache=cache)
    assert ham_here("verify", "--deep", cache=cache).code == 0
    return cache


@pytest.mark.parametrize("harm", [relabelled, shortened, cut])
@pytest.mark.parametrize("name", ["manifests/ratings.parquet", "manifests/stats/pixels.parquet", "splits/mine.parquet"])
def test_manifests_and_splits_are_held_against_their_own_digests(
    name: str, harm: Callable[[Path], None], counted: Path, ham_here: Here, tmp_path: Path
) -> None:
    cache = shutil.copytree(counted, tmp_path / "cache")
    harm(cache / s.ID / name)
    assert ham_here("verify", cache=cache).code == 0
    ran = ham_here("verify", "--deep", "--json", cache=cache)
    assert (ran.code, [f["path"] for f in ran.result["findings"]]) == (3, [name])


def test_what_broke_since_the_last_time_is_said_and_what_is_right_again(cache: Path, ham_here: Here) -> None:
    first = ham_here("verify", "--json", cache=cache)
    assert first.result["since"] is None
    image = cache / s.ID / "images" / "ISIC_0000001.jpg"
    whole = image.read_bytes()
    peek.flip(image, 300)
    broken = ham_here("verify", "--json", cache=cache)
    assert (broken.result["since"]["broke"], broken.result["since"]["mended"]) == (["images/ISIC_0000001.jpg"], [])
    again = ham_here("verify", cache=cache)
    assert "broke" not in again.err
    image.write_bytes(whole)
    # Who looks only at names and sizes cannot tell that it is right again.
    assert ham_here("verify", "--quick", "--json", cache=cache).result["since"]["mended"] == []
    peek.flip(image, 300)
    ham_here("verify", cache=cache)
    image.write_bytes(whole)
    mended = ham_here("verify", cache=cache)
    assert (mended.code, "1 file right again: images/ISIC_0000001.jpg" in mended.err) == (0, True)


def test_what_was_missing_and_is_not_asked_for_any_more_is_not_right_again(
    small: Small, fetch: Fetch, ham_here: Here, tmp_path: Path
) -> None:
    one = s.lay(tmp_path / "one", {"ISIC_0000001.jpg": small.images["ISIC_0000001.jpg"], s.METADATA: small.tables[s.METADATA]})
    assert fetch("--allow-partial", source=one).code == 0
    cache = tmp_path / "cache"
    assert ham_here("verify", cache=cache).code == 0
    whole = ham_here("verify", "images", "--json", cache=cache)
    # Nor did they break: they never came.
    assert (whole.code, len(whole.result["findings"]), whole.result["since"]["broke"]) == (3, 19, [])
    assert "right again" not in ham_here("verify", cache=cache).err
    assert fetch(source=small.unpacked(tmp_path / "rest")).code == 0
    assert len(ham_here("verify", "--json", cache=cache).result["since"]["mended"]) == 0  # the last one did not ask for them
    (cache / s.ID / "images" / "ISIC_0000002.jpg").rename(tmp_path / "kept.jpg")
    assert ham_here("verify", cache=cache).code == 3
    (tmp_path / "kept.jpg").rename(cache / s.ID / "images" / "ISIC_0000002.jpg")
    assert "1 file right again: images/ISIC_0000002.jpg" in ham_here("verify", cache=cache).err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("words", [(), ("--quick",), ("--deep",)])
def test_a_pipe_under_an_images_name_is_not_waited_for(words: tuple[str, ...], cache: Path, ham: Command) -> None:
    image = cache / s.ID / "images" / "ISIC_0000001.jpg"
    image.unlink()
    os.mkfifo(image)
    ran = ham("verify", *words, "--json", cache=cache, timeout=30)
    (finding,) = json.loads(ran.stdout)["result"]["findings"]
    assert (ran.returncode, finding["path"], finding["verdict"]) == (3, "images/ISIC_0000001.jpg", "unreadable")
    assert finding["detail"] == "it is no file"
    # Nor where the images are read.
    ran = ham("export", "hf", cache.parent / "out", "--partition", "train", "--json", cache=cache, timeout=30)
    error = json.loads(ran.stdout)["error"]
    assert (ran.returncode, error["what"], error["where"]) == (5, "the operating system refused: it is no file", str(image))
