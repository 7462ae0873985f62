"""``python -m tests.bench``: make the fleets, measure every bar, show the table, write the page."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import report
from tests.bench.bars import BARS
from tests.bench.landscape import SIZES
from tests.bench.row import Row
from tests.bench.yard import Yard


def measure(yard: Yard, names: list[str]) -> Iterator[Row]:
    """The rows of those bars, said to the terminal as they come."""
    for name in names:
        start = time.perf_counter()
        rows = list(BARS[name](yard))
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        print(report.table(rows).partition("\n")[2], file=sys.stderr, flush=True)
        yield from rows


@contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """Where fleets are made: kept in a folder, or gone afterwards."""
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="kuberpult-bench-") as folder:
        yield Path(folder)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 whatever it measures, since a bar is no test."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="B", help="B takes minutes, C far longer")
    parser.add_argument("--only", action="append", choices=BARS, metavar="BAR", help=", ".join(BARS))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the fleets there for the next run")
    parser.add_argument("--rounds", type=int, default=3, help="how often each measurement is taken")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table to this page")
    given = parser.parse_args(arguments)
    command = f"python -m tests.bench --size {given.size} --rounds {given.rounds}"
    command += "".join(f" --only {name}" for name in given.only or ())
    with folder_for(given.keep) as folder:
        yard = Yard(folder, SIZES[given.size], given.size, rounds=given.rounds)
        rows = list(measure(yard, given.only or list(BARS)))
    print(report.table(rows))
    if given.write:
        report.write(given.write, rows, yard, command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
