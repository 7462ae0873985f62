"""``kuberpult queue``: what waits for locks to go."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.colours import of_held
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core import CancelQueued
from kuberpult_core.questions import ListQueue
from kuberpult_core.views import Data

_COLUMNS = (
    Column("ENVIRONMENT", 12),
    Column("APPLICATION", 16),
    "VERSION",
    Column("QUEUED", colour=of_held),
    Column("WAITS FOR", 12),
    Column("MESSAGE", is_wide=True),
    Column("LOCKED BY", is_wide=True),
)


@click.group()
def command() -> None:
    """See what waits, and cancel it.

    \b
    Examples:
      kuberpult queue list
      kuberpult queue cancel cart production
    """


@command.command("list")
@click.option("--env", shell_complete=completing.environments, metavar="ENV", help="Only this environment.")
@reads
@shared
def list_(env: str | None) -> None:
    """List what waits, and for which locks.

    \b
    Examples:
      kuberpult queue list
      kuberpult queue list --env production -o json
    """
    waiting = ask(ListQueue(env)).data
    names = [f"queued/{it['environment']}/{it['application']}" for it in waiting]
    output.emit(waiting, _COLUMNS, map(_row, waiting), names, "Nothing waits.")


def _row(it: Data) -> tuple[object, ...]:
    locks = [lock["name"] for lock in it["locks"]]
    messages = [output.one_line(lock["message"]) for lock in it["locks"]]
    by = [output.cell(lock["created_by"]) for lock in it["locks"]]
    where = it["environment"], it["application"]
    return (*where, it["version"], it["queued"], locks, "; ".join(messages), by)


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
