"""``kuberpult stats``: how often, how fast, how safely."""

import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from kuberpult_cli import completing, output, parsing
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import ask
from kuberpult_core import service
from kuberpult_core.questions import ShowStats

DEFAULT_SPAN = "4w"
WIDTH = 80
"""Columns that the table may take; -o wide takes what it needs."""
BLOCKS, LETTERS = "▁▂▃▄▅▆▇█", ".:-=+*#%@"
_HEADER = ("ENVIRONMENT", "DEPLOYMENTS", "PER DAY", "LEAD TIME", "QUEUE", "ROLLBACKS")
_MORE = ("LEAD TIME P90", "QUEUE P90", "DROPPED")
_CHART = "TREND"
_GAP = 3
_START = datetime.min.replace(tzinfo=UTC)
Data = dict[str, Any]


@click.command()
@click.option("--env", shell_complete=completing.environments, metavar="ENV", help="Only this environment.")
@click.option("--since", metavar="SPAN|DATE", help=f"From then on: 4w, 2026-01-31. [default: {DEFAULT_SPAN}]")
@click.option(
    "--team", shell_complete=completing.teams, metavar="TEAM", help="Only applications that are this team's today."
)
@reads
@shared
def command(env: str | None, since: str | None, team: str | None) -> None:
    """Show how often and how fast releases get out.

    LEAD TIME is from a release's creation to its first deployment, QUEUE how long versions
    waited for locks to go; both are medians. docs/stats.md says what exactly is counted.

    \b
    Examples:
      kuberpult stats
      kuberpult stats --env production --since 12w
      kuberpult stats --since 2026-01-01 -o json
    """
    if since is not None and parsing.past_time(since, now := service.utc_now()) >= now:
        raise click.BadParameter(f"{since!r} is not in the past.", param_hint="--since")
    data = ask(ShowStats(env, team, since or DEFAULT_SPAN)).data
    _answer(data, _span(data, since))


def _span(data: Data, since: str | None) -> str:
    start = output.cell(data["since"])
    return f"since {start}" if since else f"since {start} ({DEFAULT_SPAN}, choose with --since)"


def _answer(data: Data, span: str) -> None:
    nothing = not data["total"]["deployments"]
    is_for_people = output.form() in ("table", "wide")
    if nothing:
        output.say(f"Nothing was deployed {span}.")
    if nothing and is_for_people:
        return
    header, rows, note = _table(data)
    output.emit(data, header, rows, [f"environment/{it['environment']}" for it in data["environments"]])
    if is_for_people:
        output.say(f"Deployments {span}. Times are medians.{note}")


def _table(data: Data) -> tuple[list[str], list[list[str]], str]:
    """Headings and rows, with a chart in each if there is room for one, and what its bars are."""
    lines = _lines(data)
    header, rows, room = _wide(lines) if output.form() == "wide" else _narrow(lines)
    if room < len(_CHART):
        return header, rows, ""
    size = math.ceil(len(data["periods"]) / room)
    charts = [sparkline(_together(it["counts"], size), _glyphs()) for it in lines]
    bar = f"{size} {data['period']}s" if size > 1 else f"one {data['period']}"
    rows = [[*row, chart] for row, chart in zip(rows, charts, strict=True)]
    return [*header, _CHART], rows, f" A bar of {_CHART} is {bar}."


def _lines(data: Data) -> list[Data]:
    """The environments, and below several of them their sum."""
    lines: list[Data] = data["environments"]
    return lines if len(lines) == 1 else [*lines, {"environment": "TOTAL", **data["total"]}]


def _narrow(lines: list[Data]) -> tuple[list[str], list[list[str]], int]:
    """A table, and how many columns are left beside it."""
    rows = [_cells(it) for it in lines]
    taken = sum(max(map(len, column)) + _GAP for column in zip(_HEADER, *rows, strict=True))
    return list(_HEADER), rows, WIDTH - taken


def _wide(lines: list[Data]) -> tuple[list[str], list[list[str]], int]:
    return [*_HEADER, *_MORE], [[*_cells(it), *_more(it)] for it in lines], WIDTH


def _cells(line: Data) -> list[str]:
    rate = line["rollback_rate"]
    return [
        line["environment"],
        str(line["deployments"]),
        f"{line['per_day']:.2f}",
        _duration(line["lead_time"]["median"]),
        _duration(line["queue"]["median"]),
        f"{line['rollbacks']}{f' ({rate:.0%})' if rate else ''}",
    ]


def _more(line: Data) -> list[str]:
    times = _duration(line["lead_time"]["p90"]), _duration(line["queue"]["p90"])
    return [*times, str(line["queue"]["dropped"])]


def _duration(seconds: int | None) -> str:
    """``3h``, ``2d``: as ages are shown."""
    return output.age(None if seconds is None else _START, _START + timedelta(seconds=seconds or 0))


def _together(counts: Sequence[int], size: int) -> list[int]:
    """The sums of every *size* neighbours, the newest ones whole."""
    first = len(counts) % size
    starts = [*([0] if first else []), *range(first, len(counts), size)]
    return [sum(counts[start:end]) for start, end in zip(starts, [*starts[1:], len(counts)], strict=True)]


def sparkline(counts: Sequence[int], glyphs: str = BLOCKS) -> str:
    """A chart in one line: the lowest of *glyphs* is nothing, the highest is the most that there is."""
    most = max(counts, default=0)
    steps = len(glyphs) - 1
    return "".join(glyphs[math.ceil(count * steps / most) if count else 0] for count in counts)


def _glyphs() -> str:
    """Blocks, or characters that any terminal has where standard output cannot take them."""
    try:
        BLOCKS.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return LETTERS
    return BLOCKS
