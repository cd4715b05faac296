"""``ham export FORMAT s3://...``: against a real S3 server on loopback, to its end and not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from ham_cli.console import bars
from ham_cli.findings import Advanced
from tests import peek, store
from tests.conftest import run_here, typed
from tests.killing import leaks
from tests.store import KEY, PATIENCE, SECRET, TOKEN
from tests.web import heavy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ham_cli.findings import Event
    from tests.conftest import Here, Ran
    from tests.small import Small
    from tests.store import Asked, Server

LIST = "ham-export.parquet"
UNFINISHED = ".ham-export.unfinished.parquet"
PIECE = ".ham-export.unfinished.jsonl."

TRAIN = ("--partition", "train")
SHARDED = ("webdataset", *TRAIN, "--shard-size", 7)
RESIZED = ("imagefolder", *TRAIN, "--size", 24)
COPIED = ("imagefolder", *TRAIN)
HF = ("hf", *TRAIN, "--masks")
LARGE = ("webdataset", *TRAIN)
"""Of the large record: one file of 20 MB."""

PART = 8 << 20


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    server, stop = store.started()
    yield server
    stop()


@pytest.fixture
def surroundings(running: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a person has set who uses this store."""
    for name in [one for one in os.environ if one.startswith(("AWS_", "FSSPEC_", "S3FS_"))]:
        monkeypatch.delenv(name)
    values = {
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def server(running: Server, surroundings: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server with an empty bucket."""
    assert surroundings
    running.fresh(f"b{abs(hash(request.node.nodeid))}")
    yield running
    running.go.set()


@dataclass
class Cloud:
    """Exports of the small record into one place of the store, and into folders."""

    ham_here: Here
    cache: Path
    where: Path
    server: Server

    @property
    def url(self) -> str:
        return f"s3://{self.server.bucket}/sets/ham"

    def __call__(self, form: str, *words: object, out: object = None) -> Ran:
        return self.ham_here("export", form, out or self.url, *words, "--json", cache=self.cache)

    def whole(self, form: str, *words: object) -> dict[str, bytes]:
        """What the export is in a folder."""
        out = self.where / "folder"
        assert self(form, *words, out=out).code == 0
        return peek.tree(out)

    def there(self) -> dict[str, bytes]:
        return self.server.objects("sets/ham/")

    def sent(self) -> list[str]:
        """Names of what was brought, without the lists and the journal."""
        return [name for name in self.server.sent("sets/ham/") if name != LIST and not name.startswith(".")]

    def started(self, form: str, *words: object, when: Callable[[Asked], bool]) -> subprocess.Popen[str]:
        """The export in a process of its own, held up at a request."""
        self.server.held = when
        command = [sys.executable, "-m", "ham_cli", "export", *typed(form, self.url, *words, cache=self.cache)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not self.server.came.wait(PATIENCE):
            process.kill()
            pytest.fail(f"it never came to it: {process.communicate()}")
        return process

    def settled(self) -> None:
        """Wait until nothing more is asked."""
        count = -1
        while count != len(self.server.asked):
            count = len(self.server.asked)
            time.sleep(0.3)


@pytest.fixture
def cloud(ham_here: Here, small_cache: Path, tmp_path: Path, server: Server) -> Cloud:
    return Cloud(ham_here, small_cache, tmp_path, server)


@pytest.fixture(scope="module")
def large_cache(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache whose 20 training images have a megabyte each."""
    where = tmp_path_factory.mktemp("large")
    large = heavy(small, where / "record", 1_000_000)
    ran = run_here("fetch", "--source", large.published(where / "source"), "--record", large.record, cache=where / "cache")
    assert ran.code == 0, ran.err
    return where / "cache"


@pytest.fixture
def large(cloud: Cloud, large_cache: Path) -> Cloud:
    """Exports of the large record."""
    return replace(cloud, cache=large_cache)


# To its end.


@pytest.mark.parametrize("words", [SHARDED, HF, RESIZED], ids=["webdataset", "hf", "imagefolder"])
def test_what_lies_in_a_store_is_byte_for_byte_what_lies_in_a_folder_and_a_second_run_sends_nothing(
    words: tuple[Any, ...], cloud: Cloud
) -> None:
    ran = cloud(*words)
    assert (ran.code, ran.result["written"], ran.result["folder"]) == (0, True, cloud.url), ran.err
    assert cloud.there() == cloud.whole(*words)
    assert cloud.server.sent("sets/ham/")[-1] == LIST
    cloud.server.asked.clear()
    again = cloud(*words)
    assert (again.code, again.result["written"]) == (0, False)
    assert {one.method for one in cloud.server.asked} <= {"GET", "HEAD"}


def test_a_large_file_goes_in_parts_and_its_bytes_advance_a_bar(large: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    watch = bars.watch

    def watched(events: Iterator[Event], *rest: Any) -> object:  # noqa: ANN401
        def noted() -> Iterator[Event]:
            for event in events:
                seen.extend([event.amount] if isinstance(event, Advanced) and event.name == "upload" else [])
                yield event

        return watch(noted(), *rest)

    monkeypatch.setattr(bars, "watch", watched)
    ran = large(*LARGE)
    assert ran.code == 0, ran.err
    there = large.there()
    assert there == large.whole(*LARGE)
    # Amazon's mark of an object that came in parts: a dash, and how many.
    tag = large.server.s3.head_object(Bucket=large.server.bucket, Key="sets/ham/train-000000.tar")
    assert tag["ContentLength"] > 20_000_000
    assert int(tag["ETag"].strip('"').partition("-")[2]) == large.sent().count("train-000000.tar") == -(-tag["ContentLength"] // PART)
    assert large.server.unfinished() == []
    assert sum(seen) == sum(len(data) for name, data in there.items() if name != LIST)
    assert PART in seen


def test_a_dry_run_says_what_would_be_sent_and_writes_nothing(cloud: Cloud) -> None:
    ran = cloud(*SHARDED, "--dry-run")
    assert (ran.code, ran.result["dry_run"], ran.result["to_write"]) == (0, True, ran.result["files"])
    assert (cloud.there(), {one.method for one in cloud.server.asked}) == ({}, {"GET", "HEAD"})


def test_the_root_of_a_bucket_is_a_place_too(cloud: Cloud) -> None:
    assert cloud(*COPIED, out=f"s3://{cloud.server.bucket}").code == 0
    assert cloud.server.objects() == cloud.whole(*COPIED)


def test_another_store_that_fsspec_knows_takes_the_same_bytes(cloud: Cloud) -> None:
    import fsspec

    fs = fsspec.filesystem("memory")
    assert cloud(*SHARDED, out="memory://sets/one").code == 0
    there = {path.removeprefix("/sets/one/"): fs.cat_file(path) for path in fs.find("/sets/one")}
    assert there == cloud.whole(*SHARDED)
    assert cloud(*SHARDED, out="memory://sets/one").result["written"] is False


def test_an_export_in_a_store_is_described_there_as_its_copy_in_a_folder_is(cloud: Cloud) -> None:
    cloud.whole(*SHARDED)
    folder = cloud.where / "folder"
    assert cloud(*SHARDED).code == 0
    cloud.server.asked.clear()
    for out in (cloud.url, folder):
        ran = cloud("croissant", "--of", folder, out=out)
        assert ran.code == 0, ran.err
    assert cloud.there() == peek.tree(folder)
    assert cloud.sent() == ["croissant.json"]


def test_a_link_in_a_store_is_refused(cloud: Cloud) -> None:
    ran = cloud("imagefolder", *TRAIN, "--link", "hard")
    assert (ran.code, ran.json["error"]["got"]) == (2, "--link hard")


# What lies there already.


def test_objects_of_others_are_not_written_among_without_force_and_stay_with_it(cloud: Cloud) -> None:
    cloud.server.put("sets/ham/mine.txt", b"mine")
    cloud.server.put("sets/ham/train/mine.jpg", b"mine too")
    cloud.server.put("sets/hammer", b"beside it")
    ran = cloud(*COPIED)
    assert (ran.code, ran.json["error"]["where"], set(cloud.there())) == (2, cloud.url, {"mine.txt", "train/mine.jpg"})
    ran = cloud(*COPIED, "--force")
    assert (ran.code, [w for w in ran.json["warnings"] if "train/mine.jpg" in w] != []) == (0, True)
    assert cloud.there() == cloud.whole(*COPIED) | {"mine.txt": b"mine", "train/mine.jpg": b"mine too"}


@pytest.mark.slow
def test_another_export_is_replaced_only_with_force_and_then_wholly(cloud: Cloud) -> None:
    assert cloud(*RESIZED).code == 0
    before = cloud.there()
    ran = cloud(*SHARDED)
    assert (ran.code, ran.json["error"]["what"], cloud.there() == before) == (2, "another export lies there", True)
    assert cloud(*SHARDED, "--force").code == 0
    assert cloud.there() == cloud.whole(*SHARDED)


def test_of_an_export_that_lost_an_object_only_that_comes_back(cloud: Cloud) -> None:
    assert cloud(*SHARDED).code == 0
    whole = cloud.there()
    cloud.server.s3.delete_object(Bucket=cloud.server.bucket, Key="sets/ham/train-000001.tar")
    cloud.server.put("sets/ham/LICENSE", b"cut")
    ran = cloud(*SHARDED)
    assert (ran.code, sorted(cloud.sent()[-2:]), cloud.there() == whole) == (0, ["LICENSE", "train-000001.tar"], True)


# Not to its end.


@pytest.mark.parametrize("words", [SHARDED, RESIZED], ids=["shards", "images"])
def test_after_a_store_that_refused_the_same_command_sends_only_what_is_missing(words: tuple[Any, ...], cloud: Cloud) -> None:
    whole = cloud.whole(*words)
    most = 2 if words is SHARDED else 9
    cloud.server.refused = lambda one: one.writes and "/." not in one.path and len(cloud.sent()) > most
    ran = cloud(*words)
    assert (ran.code, ran.json["error"]["where"], ran.json["error"]["got"]) == (5, cloud.url, "AccessDenied")
    cloud.settled()
    half = {name: data for name, data in cloud.there().items() if not name.startswith(".")}
    assert half.items() < whole.items()
    assert half
    assert (LIST in half, UNFINISHED in cloud.there()) == (False, True)
    cloud.server.refused = None
    cloud.server.asked.clear()
    assert cloud(*words).code == 0
    assert cloud.there() == whole
    assert sorted(cloud.sent()) == sorted(set(whole) - set(half) - {LIST})


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_upload_that_is_ended_in_the_middle_shows_nothing_half_and_is_finished_by_the_same_command(
    number: signal.Signals, code: int, large: Cloud
) -> None:
    cloud = large
    whole = cloud.whole(*LARGE)
    process = cloud.started(*LARGE, when=lambda one: one.query.get("partNumber") == ["2"])
    with process:
        (key,) = cloud.server.unfinished()
        assert key == "sets/ham/train-000000.tar"
        assert {n: d for n, d in cloud.there().items() if not n.startswith(".")}.items() < whole.items()
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in said, "interrupted" in said) == (code, False, code > 0), said
    cloud.server.held = None
    cloud.server.go.set()
    cloud.settled()
    assert {n: d for n, d in cloud.there().items() if not n.startswith(".")}.items() < whole.items()
    assert cloud.server.unfinished() == ([key] if number == signal.SIGKILL else [])
    half = {name for name in cloud.there() if not name.startswith(".")}
    cloud.server.asked.clear()
    assert cloud(*LARGE).code == 0
    assert (cloud.there() == whole, cloud.server.unfinished()) == (True, [])
    assert set(cloud.sent()) == set(whole) - half - {LIST}


@pytest.mark.slow
def test_while_an_upload_is_held_up_all_that_is_seen_is_whole(cloud: Cloud) -> None:
    whole = cloud.whole(*SHARDED)
    process = cloud.started(*SHARDED, when=lambda one: one.writes and one.path.endswith("train-000002.tar"))
    with process:
        until = time.monotonic() + PATIENCE
        while not any(name.startswith(PIECE) for name in cloud.there()) and time.monotonic() < until:
            time.sleep(0.05)
        seen = cloud.there()
        process.kill()
        process.communicate()
    hidden = {name for name in seen if name.startswith(".")}
    assert UNFINISHED in hidden
    assert all(name == UNFINISHED or name.startswith(PIECE) for name in hidden)
    assert {name: data for name, data in seen.items() if name not in hidden}.items() < whole.items()
    assert {"train-000002.tar", LIST} & set(seen) == set()
    cloud.server.held = None
    cloud.server.go.set()
    cloud.settled()
    journaled = {name for name in ("train-000000.tar", "train-000001.tar") if any(name.encode() in seen[piece] for piece in hidden)}
    assert journaled
    cloud.server.asked.clear()
    assert cloud(*SHARDED).code == 0
    assert cloud.there() == whole
    assert set(cloud.sent()) & journaled == set()


# Secrets.


@pytest.mark.parametrize("fails", [False, True], ids=["well", "refused"])
def test_credentials_stand_in_no_output_no_object_and_no_file(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, fails: bool
) -> None:
    monkeypatch.setenv("HAM_DEBUG", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    if fails:
        cloud.server.refused = lambda one: one.writes and one.path.endswith("train-000001.tar")
    ran = cloud.ham_here("export", SHARDED[0], cloud.url, *SHARDED[1:], "-v", cache=cloud.cache)
    assert ran.code == (5 if fails else 0), ran.err
    assert ("Traceback" in ran.err, "AccessDenied" in ran.err) == (fails, fails)
    # The control: they were used, and in the failing case the store said them all back.
    assert any(KEY in one.authorization for one in cloud.server.asked)
    secrets = (KEY, SECRET, TOKEN, "Signature=", "X-Amz-")
    objects = {name: data.decode("latin-1") for name, data in cloud.there().items()}
    texts = {"stdout": ran.out, "stderr": ran.err} | objects
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret in text] == []
    # Parquet packs its rows: what it says is looked at too.
    for name in (LIST, UNFINISHED):
        if name in cloud.there():
            (tmp_path / "copy.parquet").write_bytes(cloud.there()[name])
    assert leaks(secrets, tmp_path) == []
    assert list(tmp_path.glob("ham-export-*")) == []


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{KEY}:{SECRET}@bucket/x",
        f"s3://{KEY}@bucket/x",
        f"https://me:{SECRET}@host/x",
        f"s3://bucket/x?X-Amz-Signature={SECRET}",
        f"az://me:{SECRET}@box/x",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_repeated(url: str, cloud: Cloud) -> None:
    ran = cloud.ham_here("export", *SHARDED[:1], url, "-v", cache=cloud.cache)
    assert (ran.code, SECRET in ran.out + ran.err, KEY in ran.out + ran.err) == (2, False, False)
    verified = cloud.ham_here("verify", "--path", url)
    assert (verified.code, SECRET in verified.err, "copy it down first" in verified.err) == (2, False, True)


# What cannot be.


@pytest.mark.parametrize(
    "url", ["https://host/x", "file:///tmp/x", "nonsense://x", "s3://", "s3:///x", "simplecache::s3://b/x", "s3://b/\nx"]
)
def test_a_url_that_is_no_place_in_a_store_is_wrong_usage(url: str, cloud: Cloud) -> None:
    ran = cloud(*COPIED, out=url)
    assert (ran.code, ran.json["error"]["where"]) == (2, url)


def test_a_bucket_that_is_not_there_is_exit_4_and_is_not_made(cloud: Cloud) -> None:
    ran = cloud(*COPIED, out="s3://nobodys-bucket/x")
    assert (ran.code, ran.json["error"]["where"], ran.json["error"]["got"]) == (4, "s3://nobodys-bucket/x", "NoSuchBucket")
    assert "nobodys-bucket" not in {one["Name"] for one in cloud.server.s3.list_buckets()["Buckets"]}


def test_a_name_that_no_bucket_can_have_is_wrong_usage(cloud: Cloud) -> None:
    assert cloud(*COPIED, out="s3://Not a bucket!/x").code == 2


def test_a_store_that_nobody_serves_is_exit_4(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ran = cloud(*COPIED)
    assert (ran.code, ran.json["error"]["what"], ran.json["error"]["where"]) == (4, "the store cannot be reached", cloud.url)


def test_without_credentials_is_exit_5_and_says_where_they_are_looked_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    ran = cloud(*COPIED)
    assert (ran.code, "AWS_PROFILE" in ran.json["error"]["next"]) == (5, True)


def test_denied_from_the_first_question_on_is_exit_5(cloud: Cloud) -> None:
    cloud.server.refused = lambda _: True
    ran = cloud(*COPIED)
    assert (ran.code, ran.json["error"]["what"], ran.json["error"]["got"]) == (5, "the store refused", "AccessDenied")


@pytest.mark.parametrize(
    ("url", "gone", "fix"),
    [
        ("s3://b/x", "s3fs", "python -m pip install fsspec s3fs   (ham's extra cloud brings the same)"),
        ("s3://b/x", "fsspec", "python -m pip install fsspec s3fs   (ham's extra cloud brings the same)"),
        ("gs://b/x", "gcsfs", "python -m pip install fsspec s3fs gcsfs"),
    ],
)
def test_where_the_library_is_missing_the_error_says_what_to_install(
    url: str, gone: str, fix: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, gone, None)
    ran = cloud(*COPIED, out=url)
    assert (ran.code, ran.json["error"]["expected"], ran.json["error"]["next"]) == (2, gone, fix)


def test_a_cluster_does_not_write_into_a_store(cloud: Cloud) -> None:
    ran = cloud(*SHARDED, "--dask", "tcp://127.0.0.1:9")
    assert (ran.code, "leave --dask out" in ran.json["error"]["next"]) == (2, True)
