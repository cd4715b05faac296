"""Kill every command that writes at random moments: ``python -m tests.stress --kills 200 [--seed N] [--keep DIR]``."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests import small
from tests.dataverse import Servers
from tests.stress.commands import COMMANDS
from tests.stress.stand import Stand, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.killing import Ended
    from tests.stress.commands import Command
    from tests.stress.stand import Undisturbed

IN_A_ROW = 8
"""Kills at most before the command is left alone."""
ENDINGS = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130, -2}}
"""How a command ends by each signal; before it has set up how it ends, the system ends it."""


class Stress:
    """Kills, and what came of them."""

    def __init__(self, stand: Stand, rng: random.Random) -> None:
        self.stand, self.rng = stand, rng
        self.kills: Counter[tuple[str, signal.Signals]] = Counter()
        self.late, self.cycles, self.left, self.twice, self.began = 0, 0, 0, 0, time.monotonic()
        self.start = min(self._seconds("--version") for _ in range(3))
        self.right: dict[str, Undisturbed] = {command.name: stand.undisturbed(command) for command in COMMANDS}

    def _seconds(self, *words: str) -> float:
        since = time.monotonic()
        self.stand.run(list(words))
        return time.monotonic() - since

    def cycle(self, command: Command, most: int) -> None:
        """Kill a command some times in a row, then leave it alone."""
        stand, right = self.stand, self.right[command.name]
        stand.fresh(command)
        before = sent(stand.servers)
        for _ in range(self.rng.randint(1, most)):
            number = self.rng.choice(list(ENDINGS))
            ended = stand.killed(command, number, moment(self.rng, self.start, right.seconds))
            if ended is None:
                self.late += 1
                break
            self.kills[command.name, number] += 1
            self.judge(command, number, ended)
            stand.look(command, right)
            if sum(self.kills.values()) % 10 == 0:
                self.tell()
        self.left += stand.finish(command, right)
        self.cycles += 1
        if (more := sent(stand.servers) - before) and command.empty:
            self.twice += more - sum(stand.servers.published.size(d, original=True) for d in stand.servers.published.datafiles)

    def judge(self, command: Command, number: signal.Signals, ended: Ended) -> None:
        """How a killed command ended: by its signal, or well where the signal came just too late; never by a traceback."""
        if ended.code not in ENDINGS[number] | {0}:
            self.stand.violations.append(f"{command.name}: {number.name} ended it with {ended.code}: {ended.err[-2000:]}")
        if "Traceback" in ended.err or "bug in ham" in ended.err:
            self.stand.violations.append(f"{command.name}: {number.name} brought a traceback: {ended.err[-2000:]}")

    def tell(self) -> None:
        """A line on how far it is."""
        seconds = time.monotonic() - self.began
        print(f"{sum(self.kills.values()):>5} kills, {len(self.stand.violations)} violations, {seconds:.0f} s", flush=True)

    def summary(self) -> None:
        """What was killed by what, and what it cost."""
        print(f"\n{'command':<22}" + "".join(f"{number.name:>9}" for number in ENDINGS))
        for command in COMMANDS:
            print(f"{command.name:<22}" + "".join(f"{self.kills[command.name, number]:>9}" for number in ENDINGS))
        kills = sum(self.kills.values())
        print(f"\n{kills} kills in {self.cycles} cycles; {self.late} commands were done before their signal came")
        print(f"bytes that the servers sent twice: {self.twice}; half-written bytes that stayed until ham cache prune: {self.left}")
        print(f"{time.monotonic() - self.began:.0f} s; violations: {len(self.stand.violations)}")


def sent(servers: Servers) -> int:
    """Bytes of files that the servers wrote."""
    return sum(servers.sent(datafile.label) for datafile in servers.published.datafiles)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, print, and exit with 1 where anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; by default another one each time")
    parser.add_argument("--keep", type=Path, default=None, metavar="DIR", help="work there, and leave it there")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    # A process that is started in the background does not hear Ctrl-C; what it starts shall.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("HAM_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="ham-stress-") as temporary:
        where = options.keep.absolute() if options.keep else Path(temporary)
        return stressed(where, options.kills, random.Random(seed))  # noqa: S311


def stressed(where: Path, kills: int, rng: random.Random) -> int:
    """So many kills below a folder; the exit code."""
    where.mkdir(parents=True, exist_ok=True)
    record = small.build(where / "record")
    source = record.published(where / "source")
    with Servers.of(record, s3_host="127.0.0.2") as servers:
        stand = Stand(where, source, record.record, servers, servers.record(record.record, where / "served"))
        stress = Stress(stand, rng)
        order: list[Command] = []
        while (done := sum(stress.kills.values())) < kills and not stand.violations:
            order = order or rng.sample(COMMANDS, len(COMMANDS))
            stress.cycle(order.pop(), min(IN_A_ROW, kills - done))
        stress.summary()
    for violation in stand.violations:
        print(violation)
    return 1 if stand.violations else 0


if __name__ == "__main__":
    sys.exit(main())
