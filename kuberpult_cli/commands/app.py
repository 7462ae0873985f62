"""``kuberpult app``: applications."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing, destructive
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import reading
from kuberpult_core import Cleanup, DeleteApplication, RemoveApplicationFromEnvironment, SetTeam, views
from kuberpult_core.names import application_name


@click.group()
def command() -> None:
    """List applications, set their team, take them away."""


@command.command("list")
@reads
@shared
def list_() -> None:
    """List the applications.

    \b
    Example:
      kuberpult app list -o name
    """
    with reading() as seen:
        found = [views.application_view(seen.state, name) for name in sorted(seen.state.applications)]
    rows = [
        (it["name"], it["team"], max(it["releases"], default=None), len(it["releases"]), len(it["placements"]))
        for it in found
    ]
    header = ("NAME", "TEAM", "NEWEST", "RELEASES", "ENVIRONMENTS")
    output.emit(found, header, rows, [f"application/{it['name']}" for it in found])


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
    with reading() as seen:
        found = views.application_view(seen.state, application_name(app))
    rows = [
        (
            name,
            placed["version"],
            placed["display_version"],
            placed["queued"],
            [lock["name"] for lock in placed["locks"]],
            placed["deployed_by"],
            placed["deployed_at"],
        )
        for name, placed in found["placements"].items()
    ]
    header = ("ENVIRONMENT", "VERSION", "DISPLAY", "QUEUED", "LOCKS", "DEPLOYED BY", "DEPLOYED AT")
    output.emit(found, header, rows, [f"application/{app}"])
    if output.form() in ("table", "wide"):
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
