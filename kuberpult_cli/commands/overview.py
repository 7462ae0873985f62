"""``kuberpult overview``: what is where."""

from typing import Any

import click

from kuberpult_cli import completing, output
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import reading
from kuberpult_core import views
from kuberpult_core.names import environment_name, team_name


@click.command()
@click.option("--env", shell_complete=completing.environments, help="Only this environment.")
@click.option("--team", shell_complete=completing.teams, help="Only this team's applications.")
@click.option(
    "--app",
    metavar="PATTERN",
    shell_complete=completing.applications,
    help="Only applications of that name; * and ? stand for others.",
)
@reads
@shared
def command(env: str | None, team: str | None, app: str | None) -> None:
    """Show services × environments: versions, queue, locks.

    12 → 13 is 13 waiting for locks to go; ! is a lock.

    \b
    Examples:
      kuberpult overview
      kuberpult overview --env production --team checkout
      kuberpult overview --app 'cart*' -o json
    """
    with reading() as seen:
        data = views.overview(
            seen.state,
            environment_name(env) if env is not None else None,
            team_name(team) if team is not None else None,
            app,
        )
    data = {"commit": seen.head.commit, **data}
    names = [it["name"] for it in data["environments"]]
    rows = [_row(it, names) for it in data["applications"]]
    header = ("APPLICATION", "TEAM", "NEWEST", *(_heading(it) for it in data["environments"]))
    output.emit(data, header, rows, [f"application/{it['name']}" for it in data["applications"]])
    if output.form() == "table" and data["applications"]:
        _explain(data)


def _heading(environment: dict[str, Any]) -> str:
    return f"{environment['name'].upper()}{' !' if environment['locks'] else ''}"


def _row(application: dict[str, Any], names: list[str]) -> list[object]:
    cells = [_cell(application["placements"].get(name)) for name in names]
    return [application["name"], application["team"], application["newest"], *cells]


def _cell(placed: dict[str, Any] | None) -> str:
    if placed is None:
        return "-"
    version = "broken" if isinstance(placed["version"], dict) else placed["version"] or "-"
    waits = "broken" if isinstance(placed["queued"], dict) else placed["queued"]
    return f"{version}{f' → {waits}' if waits else ''}{' !' if placed['locks'] else ''}"


def _explain(data: dict[str, Any]) -> None:
    cells = [placed for it in data["applications"] for placed in it["placements"].values()]
    if any(placed["queued"] for placed in cells):
        output.say("12 → 13: 13 waits for locks to go (kuberpult queue list).")
    if any(it["locks"] for it in data["environments"]) or any(placed["locks"] for placed in cells):
        output.say("!: locked (kuberpult lock list).")
