"""``kuberpult app``: applications."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing, destructive
from kuberpult_cli.colours import of_held
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core import Cleanup, DeleteApplication, RemoveApplicationFromEnvironment, SetTeam
from kuberpult_core.questions import ListApplications, ShowApplication
from kuberpult_core.service import utc_now
from kuberpult_core.views import Data

_LISTED = (
    Column("NAME", 20),
    Column("TEAM", 8),
    "NEWEST",
    "RELEASES",
    "ENVIRONMENTS",
    Column("DEPLOYED", is_wide=True),
    Column("QUEUED", is_wide=True, colour=of_held),
    Column("LOCKED ON", is_wide=True, colour=of_held),
)
_SHOWN = (
    Column("ENVIRONMENT", 12),
    "VERSION",
    Column("DISPLAY", 7),
    Column("QUEUED", colour=of_held),
    Column("LOCKS", 10, colour=of_held),
    Column("BY", 8),
    "AGE",
    Column("MAIL", is_wide=True),
    Column("DEPLOYED AT", is_wide=True),
)


@click.group()
def command() -> None:
    """List applications, set their team, take them away.

    \b
    Examples:
      kuberpult app show cart
      kuberpult app set-team cart checkout
    """


@command.command("list")
@reads
@shared
def list_() -> None:
    """List the applications.

    \b
    Example:
      kuberpult app list -o name
    """
    found = ask(ListApplications()).data
    nothing = "No applications yet: the first `kuberpult release create` makes one."
    output.emit(found, _LISTED, map(_listed, found), [f"application/{it['name']}" for it in found], nothing)


def _listed(it: Data) -> tuple[object, ...]:
    placed = it["placements"]
    versions = [f"{name}={output.cell(there['version'])}" for name, there in placed.items() if there["version"]]
    queued = [f"{name}={output.cell(there['queued'])}" for name, there in placed.items() if there["queued"]]
    locked = [name for name, there in placed.items() if there["locks"]]
    newest, releases = max(it["releases"], default=None), len(it["releases"])
    return it["name"], it["team"], newest, releases, len(placed), versions, queued, locked


@command.command()
@click.argument("app", shell_complete=completing.applications)
@reads
@shared
def show(app: str) -> None:
    """Show where APP is, what waits, and which locks lie in its way.

    \b
    Example:
      kuberpult app show cart
    """
    found = ask(ShowApplication(app)).data
    now = utc_now()
    rows = [
        (
            name,
            placed["version"],
            placed["display_version"],
            placed["queued"],
            [lock["name"] for lock in placed["locks"]],
            placed["deployed_by"],
            output.age(placed["deployed_at"], now),
            (placed["deployed_by"] or {}).get("email"),
            placed["deployed_at"],
        )
        for name, placed in found["placements"].items()
    ]
    output.emit(found, _SHOWN, rows, [f"application/{app}"])
    if output.is_for_people():
        output.say(f"Team: {found['team'] or output.NONE}. Releases: {output.cell(found['releases'])}.")


@command.command("set-team")
@click.argument("app", shell_complete=completing.applications)
@click.argument("team", required=False, shell_complete=completing.teams)
@click.option("--none", "no_team", is_flag=True, help="Take it out of its team.")
@changing
@shared
def set_team(app: str, team: str | None, no_team: bool, dry_run: bool) -> None:
    """Let APP belong to TEAM. What only the old team's locks held back goes out.

    \b
    Examples:
      kuberpult app set-team cart checkout
      kuberpult app set-team cart --none
    """
    if (team is None) != no_team:
        raise click.UsageError("Name either TEAM or --none.")
    carry_out(SetTeam(app, team), dry_run=dry_run)


@command.command()
@click.argument("app", shell_complete=completing.applications)
@click.argument("env", shell_complete=completing.environments)
@destructive
@changing
@shared
def remove(app: str, env: str, ignore_locks: bool, allow_cascade: bool, yes: bool, dry_run: bool) -> None:
    """Take APP off ENV; its releases stay.

    \b
    Examples:
      kuberpult app remove cart staging --dry-run
      kuberpult app remove cart staging --allow-cascade
    """
    command_ = RemoveApplicationFromEnvironment(env, app, ignore_locks, allow_cascade)
    carry_out(command_, dry_run=dry_run, ask=not yes)


@command.command()
@click.argument("app", shell_complete=completing.applications)
@destructive
@changing
@shared
def delete(app: str, ignore_locks: bool, allow_cascade: bool, yes: bool, dry_run: bool) -> None:
    """Take APP off every environment and delete its releases.

    \b
    Example:
      kuberpult app delete cart --allow-cascade
    """
    carry_out(DeleteApplication(app, ignore_locks, allow_cascade), dry_run=dry_run, ask=not yes)


@command.command()
@click.argument("app", shell_complete=completing.applications)
@changing
@shared
def cleanup(app: str, dry_run: bool) -> None:
    """Delete the releases of APP that nothing needs any more.

    \b
    Example:
      kuberpult app cleanup cart --dry-run
    """
    carry_out(Cleanup(app), dry_run=dry_run)
