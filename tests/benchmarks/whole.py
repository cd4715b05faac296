"""The whole job at full speed, with the memory it takes, and the first split over a line that is very slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks import jobs, published, report, web
from tests.benchmarks.bench import md5s
from tests.benchmarks.installation import installation
from tests.benchmarks.line import Line, Traits
from tests.benchmarks.measure import figure, once, rounds, warm
from tests.benchmarks.report import Target

if TYPE_CHECKING:
    from tests.benchmarks.bench import Bench

_FETCH = "ham fetch"
_CHAINS = {"unzip": 0.5, "bsdtar": 0.8}
"""What unpacks in the chains, and how many times as long as each ham may take."""

_MEMORY = 250
"""MB that a fetch may hold."""

_MODEM = 125e3
"""Bytes a second: 1 Mbit/s."""

_MIRROR, _DATAVERSE = "from a mirror", "from Dataverse"


def job(bench: Bench) -> bool:
    """Both zips at full speed, to images that are vouched for; and the memory that takes."""
    if bench.lacks("C", "nginx", "curl", "md5sum", "sha256sum"):
        return True
    record = bench.record(2000, 400)
    unpackers = [name for name in _CHAINS if not bench.lacks(f"C with {name}", name)]
    with web.nginx(record.folder) as server:
        urls, sums = [f"{server}/{part.name}" for part in record.parts], jobs.sums_of(md5s(record), bench.folder())
        sides = [jobs.fetch(server, record.record, "metadata", "images"), *(jobs.curl_chain(urls, sums, name) for name in unpackers)]
        once(sides[0], bench.work)
        costs = rounds(sides, bench.rounds, bench.work)
    title = f"C. Full speed, whole job: two zips of {record.bytes({'images'}) / 1e6:.0f} MB in all"
    targets = [Target(_FETCH, side.name, _CHAINS[name]) for side, name in zip(sides[1:], unpackers, strict=True)]
    met = report.compare(title, costs, targets)
    peak = figure(costs[_FETCH], lambda cost: cost.peak / 1e6)
    print("\nD. Memory of that fetch")
    return report.judge("peak, MB", max(peak.values), _MEMORY, peak.shown(0)) and met


def first_split(bench: Bench) -> bool:
    """The metadata over 1 Mbit/s into an empty cache, and a split of it."""
    if bench.lacks("E", "nginx"):
        return True
    record = published.of_tables(bench.folder() / "published")
    size = (record.folder / record.metadata).stat().st_size
    warm([record.folder / record.metadata])
    traits = Traits(total=_MODEM)
    with (
        web.nginx(record.folder) as server,
        Line(traits, [server]) as line,
        installation(record, traits, bench.folder() / "installation") as (named, _),
    ):
        sides = [
            jobs.fetch_and_split(line.addresses[0], record.record, _MIRROR),
            jobs.fetch_and_split("dataverse", named, _DATAVERSE),
        ]
        costs = rounds(sides, bench.rounds, bench.work)
    report.compare(
        f"E. 1 Mbit/s, first split of {size / 1e3:.0f} kB of metadata, which the line carries in {size / _MODEM:.1f} s", costs, []
    )
    walls = {name: figure(some, lambda cost: cost.wall) for name, some in costs.items()}
    return min([report.judge(f"{name}, s", wall.median, 12, wall.shown()) for name, wall in walls.items()])
