"""The table: to the terminal, and as a page of the documentation."""

import math
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.landscape import Size
from tests.bench.row import Row, Unit
from tests.bench.yard import Yard

HEADINGS = ("what", "measured", "baseline", "ratio", "bar", "")
NOT_BUILT = "not built yet"
_HEAD = """\
# Speed

Written by `{command}` on {day}; do not edit it. `make bench SIZE=C` makes the fleets and measures all
of it anew, `KEEP=folder` keeps the fleets for the next time.

* The fleet: {applications:,} applications on {environments} environments, {releases} releases each.
* Machine: {machine}. Its load was {load:.1f} in the end; the benchmark itself is about 1.
* Versions: {versions}.

Each row was measured beside what it is compared with, the two taking turns, and is the median of some
rounds. So compare the ratios: seconds are those of this machine on that day. To know for the reading:

* git's scripts and `git fast-import` sync what git syncs by default; kuberpult syncs all that it writes.
* Reading does not count the start of Python, but counts its memory.
* A train starts from a repository that is not open yet.
* “Not built yet” is a bar for something that is still to come.

## The bars

"""
_SCALES = {
    Unit.SECONDS: ((1, "s"), (1e-3, "ms"), (1e-6, "µs")),
    Unit.BYTES: ((1e6, "MB"), (1e3, "kB"), (1, "B")),
    Unit.COUNT: ((1, ""),),
}


def value(number: float | None, unit: Unit) -> str:
    """A number with a unit that people can read; a dash for none."""
    if number is None:
        return "–"
    if unit is Unit.COUNT:
        return f"{number:,.0f}"
    scale, name = next((it for it in _SCALES[unit] if number >= it[0]), _SCALES[unit][-1])
    return f"{number / scale:.3g} {name}" if number / scale < 1000 else f"{number / scale:.0f} {name}"


def cells(row: Row) -> tuple[str, ...]:
    """A row as text, one cell for each of the headings."""
    ratio = "–" if row.ratio is None else f"{row.ratio:.2g}×" if row.ratio < 10 else f"{row.ratio:.0f}×"
    bar = f"≤ {row.bar:g}×" if row.against else f"≤ {value(row.bar, row.unit)}"
    if math.isinf(row.bar):
        bar = "–"
    if row.stretch is not None:
        bar += f", better {row.stretch:g}×"
    what = f"{row.what}, against {row.against}" if row.against else row.what
    if not row.is_built:
        return what, NOT_BUILT, "–", "–", bar, ""
    verdict = ("met" if row.is_met else "missed") if math.isfinite(row.bar) else ""
    return what, value(row.measured, row.unit), value(row.baseline, row.unit), ratio, bar, verdict


def table(rows: Iterable[Row]) -> str:
    """The table for a terminal."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def page(rows: Sequence[Row], yard: Yard, command: str, now: datetime) -> str:
    """The page of the documentation."""
    head = _HEAD.format(
        command=command,
        day=now.date().isoformat(),
        applications=yard.size.applications,
        environments=yard.size.environments,
        releases=yard.size.releases,
        machine=machine(),
        load=os.getloadavg()[0],
        versions=versions(),
    )
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, rows)]
    bars = "".join(f"| {' | '.join(_marked(cell) for cell in line)} |\n" for line in lines)
    return head + bars + reasons(rows) + on_paper(rows, yard)


def reasons(rows: Iterable[Row]) -> str:
    """Why bars are missed, for those of which it is known."""
    missed = [f"**{row.what}.** {row.reason}\n" for row in rows if row.is_built and not row.is_met and row.reason]
    return "\n".join(["", "## Why a bar is missed", "", *missed]) if missed else ""


_LARGER = Size(applications=10_000, environments=50, releases=20)
_GROWS: tuple[tuple[str, str], ...] = (
    ("one durable deployment", "applications"),
    ("whole state: versions", "placements"),
    ("the same, memory at most", "placements"),
    ("start from a snapshot", "placements"),
    ("train over a whole environment", "applications"),
    ("push of one commit, bytes sent", "nothing"),
)
"""What is reckoned for a larger fleet, by how a row begins, and what it grows with at most."""


def on_paper(rows: Sequence[Row], yard: Yard) -> str:
    """What a fleet would take that takes a quarter of an hour to make: reckoned, not measured."""
    size = yard.size
    factors = {
        "nothing": 1.0,
        "applications": _LARGER.applications / size.applications,
        "placements": _LARGER.applications * _LARGER.environments / (size.applications * size.environments),
    }
    if factors["applications"] <= 1:
        return ""
    lines = [
        f"| {_marked(row.what)} | {value(row.measured, row.unit)} | {grows} |"
        f" {value(row.measured * factors[grows], row.unit)} |\n"
        for begins, grows in _GROWS
        for row in rows
        if row.measured is not None and row.what.startswith(begins)
    ]
    head = f"""
## A larger one, on paper

{_LARGER.applications:,} applications on {_LARGER.environments} environments, reckoned from the figures above: each
grows at most with what stands beside it, and a deployment less, for only its largest folder does.

| what | here | grows with | there |
| --- | --- | --- | --- |
"""
    return head + "".join(lines) if lines else ""


def _marked(cell: str) -> str:
    return cell.replace("|", "\\|")


def write(path: Path, rows: Sequence[Row], yard: Yard, command: str) -> None:
    """Write the page."""
    path.write_text(page(rows, yard, command, datetime.now(UTC)), encoding="utf-8")


def machine() -> str:
    """What it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {memory:.0f} GiB of memory"


def versions() -> str:
    """What it ran with."""
    git = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.split()[2]
    packages = ", ".join(f"{name} {version(name)}" for name in ("kuberpult", "dulwich", "PyYAML"))
    return f"Python {platform.python_version()}, git {git}, {packages}"
