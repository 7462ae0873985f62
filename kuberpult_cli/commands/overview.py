"""``kuberpult overview``: what is where."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from kuberpult_cli import completing, output, tables
from kuberpult_cli.colours import Colour
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core.questions import ShowOverview
from kuberpult_core.views import Data

_FIRST = (Column("APPLICATION", 16), Column("TEAM", 8), Column("NEWEST"))
_TEAM = 1
_LEAST = 9
"""Columns that an environment is given at the least."""


@click.command()
@click.option("--env", shell_complete=completing.environments, metavar="ENV", help="Only this environment.")
@click.option("--team", shell_complete=completing.teams, metavar="TEAM", help="Only this team's applications.")
@click.option(
    "--app",
    shell_complete=completing.applications,
    metavar="PATTERN",
    help="Only applications of that name; * and ? stand for others.",
)
@reads
@shared
def command(env: str | None, team: str | None, app: str | None) -> None:
    """Show services × environments: versions, queue, locks.

    12 → 13 is 13 waiting for locks to go; ! is a lock. With -o wide, !freeze names the lock,
    and 12 < 13 says that upstream has 13. Environments that do not fit beside each other stand below.

    \b
    Examples:
      kuberpult overview
      kuberpult overview --env production --team checkout
      kuberpult overview --app 'cart*' -o json
    """
    data = ask(ShowOverview(env, team, app)).data
    if output.is_for_people():
        _show(data)
    else:
        output.emit(data, (), (), [f"application/{it['name']}" for it in data["applications"]])


def _show(data: Data) -> None:
    header = [*_FIRST, *map(_column, data["environments"])]
    rows = [_row(it, [there["name"] for there in data["environments"]]) for it in data["applications"]]
    for number, columns in enumerate(_pages(header, rows) if rows else [range(len(header))]):
        if number:
            output.line("")
        output.table([header[it] for it in columns], [[row[it] for it in columns] for row in rows])
    if rows:
        _explain(data)


def _pages(header: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[Sequence[int]]:
    """The columns of each table: one if they fit, else without the team, else several, each with the names."""
    everything = range(len(header))
    without_team = [it for it in everything if it != _TEAM]
    room = output.room()
    if room is None:
        yield everything
        return
    for whole in (everything, without_team):
        if _fits(header, rows, whole, room):
            yield whole
            return
    page = [0]
    for index in everything[len(_FIRST) :]:
        if len(page) > 1 and not _fits(header, rows, [*page, index], room):
            yield page
            page = [0]
        page.append(index)
    yield page


def _fits(header: Sequence[Column], rows: Sequence[Sequence[str]], columns: Sequence[int], room: int) -> bool:
    shown = [[row[it] for it in columns] for row in rows]
    return tables.together(tables.fitted([header[it] for it in columns], shown, room)) <= room


def _column(environment: Data) -> Column:
    """An environment's column; its heading says whether the whole of it is locked."""
    locks = [it.rpartition("/")[2] for it in environment["locks"]] if output.is_wide() else [""]
    marks = "".join(f" !{it}" for it in locks) if environment["locks"] else ""
    return Column(f"{environment['name'].upper()}{marks}", _LEAST, colour=_colour, cuts_heading=True)


def _colour(cell: str) -> Colour | None:
    if "broken" in cell:
        return Colour.BAD
    return Colour.HELD if "→" in cell or "!" in cell else None


def _row(application: Data, names: list[str]) -> list[str]:
    cells = [_cell(application["placements"].get(name)) for name in names]
    return [application["name"], *map(output.cell, (application["team"], application["newest"])), *cells]


def _cell(placed: Data | None) -> str:
    if placed is None:
        return "-"
    version, waits, upstream = (_number(placed[key]) for key in ("version", "queued", "upstream"))
    queued = f" → {waits}" if waits else ""
    if not output.is_wide():
        return f"{version or '-'}{queued}{' !' if placed['locks'] else ''}"
    locks = "".join(f" !{it.rpartition('/')[2]}" for it in placed["locks"])
    behind = f" < {upstream}" if upstream and upstream != version else ""
    return f"{version or '-'}{queued}{locks}{behind}"


def _number(version: Any) -> str:
    return "broken" if isinstance(version, dict) else str(version or "")


def _explain(data: Data) -> None:
    cells = [placed for it in data["applications"] for placed in it["placements"].values()]
    if any(placed["queued"] for placed in cells):
        output.say("12 → 13: 13 waits for locks to go (kuberpult queue list).")
    if any(it["locks"] for it in data["environments"]) or any(placed["locks"] for placed in cells):
        output.say("!: locked (kuberpult lock list).")
    if output.is_wide() and any(placed["upstream"] not in (None, placed["version"]) for placed in cells):
        output.say("12 < 13: upstream has 13 (kuberpult train plan).")
