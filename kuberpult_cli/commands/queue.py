"""``kuberpult queue``: what waits for locks to go."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import reading
from kuberpult_core import CancelQueued, views
from kuberpult_core.names import environment_name


@click.group()
def command() -> None:
    """See what waits, and cancel it."""


@command.command("list")
@click.option("--env", shell_complete=completing.environments, help="Only this environment.")
@reads
@shared
def list_(env: str | None) -> None:
    """List what waits, and for which locks.

    \b
    Examples:
      kuberpult queue list
      kuberpult queue list --env production -o json
    """
    with reading() as seen:
        waiting = views.queue_view(seen.state, environment_name(env) if env is not None else None)
    rows = [
        (it["environment"], it["application"], it["version"], it["queued"], [lock["name"] for lock in it["locks"]])
        for it in waiting
    ]
    names = [f"queued/{it['environment']}/{it['application']}" for it in waiting]
    output.emit(waiting, ("ENVIRONMENT", "APPLICATION", "VERSION", "QUEUED", "WAITS FOR"), rows, names)


@command.command()
@click.argument("app", shell_complete=completing.applications)
@click.argument("env", shell_complete=completing.environments)
@changing
@shared
def cancel(app: str, env: str, dry_run: bool) -> None:
    """Empty the queue of APP on ENV.

    \b
    Example:
      kuberpult queue cancel cart production
    """
    carry_out(CancelQueued(env, app), dry_run=dry_run)
