"""A mirror that means harm, or is broken: nothing wrong of it is ever used, nothing is written where it should not be."""

from __future__ import annotations

import re
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests import peek
from tests import small as s
from tests.web import QUICK, Web, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.small import Small

    Reply = tuple[int, dict[str, str], bytes]

FIRST = "ISIC_0000001.jpg"
PORTAL = b"<!DOCTYPE html>\n<html><body>Please log in to the hotel's network.</body></html>\n"


@pytest.fixture
def theirs(small_cache: Path, tmp_path: Path) -> Path:
    """A cache of the mirror's own, to be spoilt."""
    return shutil.copytree(small_cache, tmp_path / "theirs") / s.ID


@contextmanager
def answering(reply: Callable[[str], Reply]) -> Iterator[str]:
    """The address of a server that answers each path as it is told."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = reply(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = "Content-Length" in headers

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def of_folder(folder: Path, changed: dict[str, Reply] | None = None) -> Callable[[str], Reply]:
    """Answers with the files of a record's folder, some of them changed."""

    def reply(path: str) -> Reply:
        name = path.lstrip("/")
        if changed and name in changed:
            return changed[name]
        return (200, {}, (folder / name).read_bytes()) if (folder / name).is_file() else (404, {}, b"")

    return reply


def fetched(web: Web, reply: Callable[[str], Reply], *arguments: str) -> Any:  # noqa: ANN401
    with answering(reply) as address:
        return web.fetch(*arguments, "--source", address)


def right_so_far(web: Web, small: Small) -> bool:
    """Whether everything in the cache is as it was published, and nothing lies outside it."""
    folders = {"images": small.images, "masks": small.masks, "test": small.test}
    outside = {p.name for p in web.where.iterdir()} - {"cache", "record", "theirs", "home"}
    return outside == set() and all(web.files(name).items() <= right.items() for name, right in folders.items())


def test_wrong_images_of_a_cache_are_never_used_and_named(theirs: Path, web: Web, small: Small) -> None:
    peek.flip(theirs / "images" / FIRST)
    shutil.copy(theirs / "images" / "ISIC_0000003.jpg", theirs / "images" / "ISIC_0000002.jpg")
    (theirs / "images" / "ISIC_0000004.jpg").write_bytes(b"")
    ran = fetched(web, of_folder(theirs), "images")
    assert (ran.code, ran.result["missing"]) == (4, {"images": ["ISIC_0000001", "ISIC_0000002", "ISIC_0000004"]})
    assert right_so_far(web, small)
    assert {t["source"] for t in ran.result["troubles"]} == {"mirror"}
    assert {t["name"].partition("/")[0] for t in ran.result["troubles"]} == {"images"}


def test_what_a_cache_has_wrong_comes_from_dataverse(theirs: Path, web: Web, small: Small) -> None:
    peek.flip(theirs / "images" / FIRST)
    peek.flip(theirs / "masks" / "ISIC_0000001_segmentation.png")
    with answering(of_folder(theirs)) as address:
        assert web.fetch("--source", address, "--source", "dataverse").code == 0
    assert whole(small, web)


def test_a_wrong_table_of_a_cache_is_never_used(theirs: Path, web: Web) -> None:
    table = theirs / "tables" / s.METADATA
    table.write_bytes(table.read_bytes().replace(b"mel", b"nv"))
    ran = fetched(web, of_folder(theirs), "metadata")
    assert (ran.code, ran.result["missing"]) == (4, {"metadata": [s.METADATA]})
    assert web.files("tables") == {}


@pytest.mark.parametrize("path", ["../../evil.jpg", "/etc/passwd", "images/../../../evil.jpg", "..\\evil.jpg", "images/\x00.jpg"])
def test_paths_that_lead_elsewhere_are_not_followed(path: str, theirs: Path, web: Web, small: Small) -> None:
    peek.edit(theirs / "manifests" / "images.parquet", lambda rows: [r | {"path": path if r["path"] else None} for r in rows])
    asked: list[str] = []

    def reply(wanted: str) -> Reply:
        asked.append(wanted)
        return of_folder(theirs)(wanted)

    ran = fetched(web, reply, "images")
    assert ran.code in {0, 4}
    assert right_so_far(web, small)
    assert all(re.fullmatch(r"/(record\.json|(manifests|tables|images)/[\w.]+)", p) for p in asked if not p.startswith("/HAM")), asked


@pytest.mark.parametrize("manifest", [b"", b"PAR1 and no more", PORTAL])
def test_a_manifest_that_cannot_be_read_does_not_matter_to_what_lies_there(manifest: bytes, theirs: Path, web: Web, small: Small) -> None:
    ran = fetched(web, of_folder(theirs, {"manifests/images.parquet": (200, {}, manifest)}), "images")
    assert ran.code in {0, 4}, ran.err
    assert "bug" not in ran.err
    assert right_so_far(web, small)


@pytest.mark.parametrize("name", ["record.json", "manifests/images.parquet", f"images/{FIRST}", f"tables/{s.METADATA}"])
def test_an_answer_announced_as_gigantic_is_not_read(name: str, theirs: Path, web: Web, small: Small) -> None:
    ran = fetched(web, of_folder(theirs, {name: (200, {"Content-Length": str(10**12)}, b"x" * 1000)}), "metadata", "images")
    assert ran.code == 4, ran.err
    assert right_so_far(web, small)


def test_a_cache_of_another_record_is_no_cache_of_this_one(theirs: Path, web: Web) -> None:
    (theirs / "record.json").write_text((theirs / "record.json").read_text().replace('"small"', '"other"'))
    ran = fetched(web, of_folder(theirs), "images")
    assert (ran.code, web.files()) == (4, {})


@pytest.mark.parametrize("record", [b"[]", b"{", b"null", b'{"name": "small"}', b'"' + b"[" * 5000, PORTAL])
def test_a_record_of_a_mirror_that_is_none_is_no_crash(record: bytes, theirs: Path, web: Web) -> None:
    ran = fetched(web, of_folder(theirs, {"record.json": (200, {}, record)}), "metadata")
    assert ran.code == 4, ran.err
    assert "bug" not in ran.err


def test_a_portal_that_answers_everything_with_a_page_gives_nothing_and_it_is_said(web: Web, small: Small) -> None:
    with answering(lambda _path: (200, {"Content-Type": "text/html"}, PORTAL)) as address:
        came = web.patiently("metadata", "images", sources=(address,), waits=QUICK)
    assert came.outcome.missing.keys() == {"metadata", "images"}
    assert "page" in came.said
    assert right_so_far(web, small)
    assert web.files("tables") == {}


def test_pages_where_images_belong_are_no_images(theirs: Path, web: Web) -> None:
    def reply(path: str) -> Reply:
        return (200, {"Content-Type": "text/html"}, PORTAL) if path.endswith(".jpg") else of_folder(theirs)(path)

    with answering(reply) as address:
        came = web.patiently("metadata", "test", "images", sources=(address,), waits=QUICK)
    assert came.outcome.missing.keys() == {"test", "images"}
    assert (web.files(), web.files("test")) == ({}, {})


def test_pages_sent_as_pictures_are_no_images_either(theirs: Path, web: Web) -> None:
    def reply(path: str) -> Reply:
        return (200, {"Content-Type": "image/jpeg"}, PORTAL) if path.endswith(".jpg") else of_folder(theirs)(path)

    ran = fetched(web, reply, "metadata", "test", "images")
    assert (ran.code, ran.result["missing"].keys()) == (4, {"test", "images"})
    assert (web.files(), web.files("test")) == ({}, {})


def test_a_redirect_to_another_protocol_or_host_of_the_network_is_not_followed(web: Web) -> None:
    for to in ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://192.0.2.1/x"):
        ran = fetched(web, lambda _path, to=to: (302, {"Location": to}, b""), "metadata")  # type: ignore[misc]
        assert (ran.code, web.files("tables")) == (4, {}), ran.err


def test_a_zip_full_of_evil_names_under_a_published_name_is_not_unpacked(web: Web, small: Small) -> None:
    evil = s.zipped({"../../evil.jpg": b"x", "/etc/evil.jpg": b"x", **small.images})
    files = {f"/{s.PART_1}": evil, f"/{s.METADATA}": small.tables[s.METADATA]}
    ran = fetched(web, lambda path: (200, {}, files[path]) if path in files else (404, {}, b""), "images")
    assert ran.code == 4
    assert (right_so_far(web, small), web.files()) == (True, {})
