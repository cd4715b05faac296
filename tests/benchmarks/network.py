"""``ham fetch`` over lines of several kinds, beside other programs: ``python -m tests.benchmarks.network``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import lines, report, whole
from tests.benchmarks.bench import Bench
from tests.benchmarks.measure import BrokenError

BENCHMARKS = {
    "A": (lines.throttled, "20 MB/s a connection: beside aria2c"),
    "B": (lines.cut, "2 MB/s in all, cut every minute: beside what the line carries"),
    "C": (whole.job, "full speed, the whole job: beside chains of other programs; D: and the memory it takes"),
    "E": (whole.first_split, "1 Mbit/s: the first split on an empty machine"),
}
"""What can be measured, by letter."""


def main() -> int:
    """Run what is asked for; 0 where every target is met, else 1."""
    options = _options()
    report.machine("; --quick: small files and short cuts, for trying the benchmarks themselves" if options.quick else "")
    met = True
    with tempfile.TemporaryDirectory(prefix="ham-bench-", dir=options.work) as name:
        work = Path(name)
        bench = Bench(work, options.keep, options.rounds or (2 if options.quick else 5), quick=options.quick, full=options.full)
        for letter in options.only or BENCHMARKS:
            run, _ = BENCHMARKS[letter]
            try:
                met &= run(bench)
            except BrokenError as error:
                print(f"\n{letter}: BROKEN: {error}")
                met = False
    print(f"\nload after: {report.load()}; {'every target is met' if met else 'NOT every target is met'}")
    return 0 if met else 1


def _options() -> argparse.Namespace:
    listed = "\n".join(f"  {letter}  {what}" for letter, (_, what) in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.network",
        description=f"{__doc__}\n\n{listed}",
        epilog="Medians of interleaved rounds, in parentheses the least and the most; 1 where a target is missed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("only", nargs="*", metavar="LETTER", type=_letter, help="which; else all")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each side runs; else 5")
    parser.add_argument("--quick", action="store_true", help="two rounds with small files, to try the benchmarks themselves")
    parser.add_argument("--full", action="store_true", help="as many images as are published: 2.8 GB, and 5.6 GB more while it runs")
    parser.add_argument(
        "--keep", type=Path, default=Path.home() / ".cache" / "ham-bench", help="where drawn records stay; else %(default)s"
    )
    parser.add_argument("--work", type=Path, help="where all else lies for the time being; else the system's temporary folder")
    return parser.parse_args()


def _letter(typed: str) -> str:
    letter = {"D": "C"}.get(typed.upper(), typed.upper())
    if letter not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"{typed!r} is none of {', '.join(BENCHMARKS)}, D")
    return letter


if __name__ == "__main__":
    sys.exit(main())
