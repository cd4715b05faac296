"""Lines that are slow: throttled for each connection, or for all of them and cut again and again."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from tests.benchmarks import jobs, published, report, web
from tests.benchmarks.bench import md5s
from tests.benchmarks.line import Line, Traits
from tests.benchmarks.measure import Figure, once, rounds, warm
from tests.benchmarks.report import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.bench import Bench
    from tests.benchmarks.measure import Cost
    from tests.benchmarks.published import Published

_EACH = 20e6
"""Bytes a second and connection."""

_SLOW = 2e6
"""Bytes a second in all."""

_FAR = 0.1
"""Seconds to Harvard and back, from Europe."""

_ARIA, _OURS = "aria2c -x4 -s4", "ham's download"
_CHAIN, _FETCH = "aria2c, md5sum, unzip", "ham fetch --keep-archives"


def throttled(bench: Bench) -> bool:
    """A large zip at 20 MB/s a connection: the download alone, and all that makes of it images that are vouched for."""
    if bench.lacks("A", "nginx", "aria2c", "md5sum", "unzip"):
        return True
    record, root = bench.record(2000, 400), bench.folder()
    size, md5 = published.large(record.parts, 1 if bench.quick or bench.full else 2, root / "large.zip")
    warm([root / "large.zip"])
    what = f"A. 20 MB/s a connection, one file of {size / 1e6:.0f} MB"
    met = True
    for title, away, nginx_limit, most in (
        (f"{what}, limited for each connection (by a line before nginx)", 0.0, None, 1.05),
        (f"{what}, the same and {_FAR * 1000:.0f} ms away", _FAR, None, None),
        (f"{what}, limited for each request (by nginx: who asks in pieces gains)", None, "20m", None),
    ):
        with web.nginx(root, nginx_limit) as server, _line(away, server) as address:
            url = f"{address}/large.zip"
            costs = rounds([jobs.alone(url, size, md5, _OURS), jobs.aria2c(url, _ARIA)], bench.rounds, bench.work)
        met &= report.compare(title, costs, [Target(_OURS, _ARIA, most)])
    (root / "large.zip").unlink()
    return _throttled_job(bench, record) and met


def _throttled_job(bench: Bench, record: Published) -> bool:
    with web.nginx(record.folder) as server, _line(0.0, server) as address:
        urls, sums = [f"{address}/{part.name}" for part in record.parts], jobs.sums_of(md5s(record), bench.folder())
        ours = jobs.fetch(address, record.record, "metadata", "images", "--keep-archives", name=_FETCH)
        costs = rounds([ours, jobs.aria2c_chain(urls, sums)], bench.rounds, bench.work)
    title = f"A. The same line, whole job: two zips of {record.bytes({'images'}) / 1e6:.0f} MB in all"
    return report.compare(title, costs, [Target(_FETCH, _CHAIN, 1.05)])


@contextlib.contextmanager
def _line(away: float | None, server: str) -> Iterator[str]:
    """A server's address over a line of 20 MB/s a connection; its own without."""
    if away is None:
        yield server
        return
    with Line(Traits(each=_EACH, away=away), [server]) as line:
        yield line.addresses[0]


def cut(bench: Bench) -> bool:
    """A line of 2 MB/s in all that resets every connection once a minute."""
    if bench.lacks("B", "nginx"):
        return True
    record = bench.record(1000, 100)
    seconds = 6.0 if bench.quick else 60.0
    components = ("metadata", "images")
    size = record.bytes(set(components))
    with web.nginx(record.folder) as server:
        runs = [_cut_once(bench, record.record, server, seconds) for _ in range(bench.rounds)]
    return _judged(runs, size, seconds)


def _cut_once(bench: Bench, record: Path, server: str, seconds: float) -> tuple[Cost, float, float, int]:
    """One fetch over a line of its own: its cost, when the first and the last byte came, and how often it was cut."""
    with Line(Traits(total=_SLOW, cut=seconds), [server]) as line:
        side = jobs.fetch(line.addresses[0], record, "metadata", "images")
        cost = once(side, bench.work)
        print(f"  B: {cost.wall:.2f} s", file=sys.stderr, flush=True)
        return cost, line.first, line.last, line.cuts


def _judged(runs: list[tuple[Cost, float, float, int]], size: int, seconds: float) -> bool:
    ideal = size / _SLOW
    title = f"B. 2 MB/s in all, every connection reset every {seconds:.0f} s: {size / 1e6:.0f} MB, which the line carries in {ideal:.1f} s"
    lines = [("", "wall s", "CPU s", "start to first byte s", "first to last byte s", "last byte to end s", "cuts", "peak MB")]
    lines += [
        (
            f"round {number}",
            f"{cost.wall:.2f}",
            f"{cost.cpu:.2f}",
            f"{first - cost.began:.2f}",
            f"{last - first:.2f}",
            f"{cost.ended - last:.2f}",
            str(cuts),
            f"{cost.peak / 1e6:.0f}",
        )
        for number, (cost, first, last, cuts) in enumerate(runs, 1)
    ]
    report.show(title, lines)
    arrived = Figure(tuple((last - cost.began) / ideal for cost, _, last, _ in runs))
    ready = Figure(tuple(cost.ended - last for cost, _, last, _ in runs))
    in_time = report.judge("start to last byte / what the line needs", arrived.median, 1.03, arrived.shown(3))
    return report.judge("last byte to ready, s", ready.median, 2.0, ready.shown()) and in_time
