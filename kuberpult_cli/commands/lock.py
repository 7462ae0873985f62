"""``kuberpult lock``: hold automatic deployments back, and let them go."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.colours import of_held
from kuberpult_cli.options import reads, shared
from kuberpult_cli.parsing import point_in_time
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core import CreateLock, DeleteLock, ExpireLocks, IfMissing, OnUnlock, Target
from kuberpult_core.questions import ListLocks
from kuberpult_core.service import utc_now
from kuberpult_core.views import Data

F = TypeVar("F", bound=Callable[..., Any])
_COLUMNS = (
    Column("LOCK", 20, colour=of_held),
    Column("MESSAGE", 12),
    Column("BY", 8),
    "AGE",
    "EXPIRES",
    "WAITING",
    Column("WHAT WAITS", is_wide=True),
    Column("EXPIRES AT", is_wide=True),
    Column("ON EXPIRY", is_wide=True),
    Column("CREATED AT", is_wide=True),
    Column("LINK", is_wide=True),
)


def _narrowed(function: F) -> F:
    for names, completes, text in (
        (("--group",), completing.groups, "Every environment of this group, in place of ENV."),
        (("--team",), completing.teams, "Only this team's applications."),
        (("--app",), completing.applications, "Only this application."),
    ):
        metavar = names[0].strip("-").upper()
        function = click.option(*names, metavar=metavar, shell_complete=completes, help=text)(function)
    return function


def _target(env: str | None, app: str | None, team: str | None, group: str | None) -> Target:
    if (env is None) == (group is None):
        raise click.UsageError("Name either ENV or --group.")
    return Target(env, group, app, team)


@click.group()
def command() -> None:
    """Hold automatic deployments back, and let them go.

    \b
    Examples:
      kuberpult lock create production --id freeze --message "Black Friday"
      kuberpult lock list
      kuberpult lock delete production freeze --dry-run    # what would go out?
    """


@command.command()
@click.argument("env", required=False, shell_complete=completing.targets)
@_narrowed
@click.option(
    "--id",
    "lock_id",
    metavar="ID",
    required=True,
    shell_complete=completing.locks,
    help="The lock's name; the same one again replaces it.",
)
@click.option("-m", "--message", metavar="M", required=True, help="Why. Everyone who waits will read it.")
@click.option("--link", metavar="URL", help="Where to read more.")
@click.option("--expires", metavar="4h|DATE", help="When `lock expire` may take it away. Dates are UTC.")
@click.option("--on-expiry", type=click.Choice([it.value for it in OnUnlock]), help="What waits goes out, or not.")
@changing
@shared
def create(
    env: str | None,
    app: str | None,
    team: str | None,
    group: str | None,
    lock_id: str,
    message: str,
    link: str | None,
    expires: str | None,
    on_expiry: str | None,
    dry_run: bool,
) -> None:
    """Lock ENV, or one application or team on it.

    \b
    Examples:
      kuberpult lock create production --id freeze --message "Black Friday"
      kuberpult lock create production --app cart --id bug-47 -m Bug --expires 4h
      kuberpult lock create --group eu --id audit -m "Audit until Friday"
    """
    carry_out(
        CreateLock(
            _target(env, app, team, group),
            lock_id,
            message,
            link,
            point_in_time(expires, utc_now()) if expires is not None else None,
            OnUnlock(on_expiry) if on_expiry else None,
        ),
        dry_run=dry_run,
    )


@command.command()
@click.argument("env", shell_complete=completing.locked)
@click.argument("lock_id", metavar="ID", required=False, shell_complete=completing.locks)
@_narrowed
@click.option("--discard-queued", is_flag=True, help="Drop what waits instead of deploying it.")
@click.option("--ignore-missing", is_flag=True, help="Be content if there is no such lock.")
@changing
@shared
def delete(
    env: str,
    lock_id: str | None,
    app: str | None,
    team: str | None,
    group: str | None,
    discard_queued: bool,
    ignore_missing: bool,
    dry_run: bool,
) -> None:
    """Delete the lock ID from ENV; what waited for it goes out.

    That is, what waited for the last lock in its way. With --group, ID alone.

    \b
    Examples:
      kuberpult lock delete production freeze --dry-run    # what would go out?
      kuberpult lock delete production freeze
      kuberpult lock delete production --app cart bug-4711 --discard-queued
      kuberpult lock delete --group eu audit
    """
    target_environment, target_id = (None, env) if group and lock_id is None else (env, lock_id)
    if target_id is None:
        raise click.UsageError("Name the lock's ID.")
    carry_out(
        DeleteLock(
            _target(target_environment, app, team, group),
            target_id,
            OnUnlock.DISCARD if discard_queued else OnUnlock.DEPLOY,
            IfMissing.IGNORE if ignore_missing else IfMissing.REFUSE,
        ),
        dry_run=dry_run,
    )


@command.command("list")
@click.option("--env", shell_complete=completing.environments, metavar="ENV", help="Only this environment.")
@click.option(
    "--app", shell_complete=completing.applications, metavar="APP", help="Only what holds this application back."
)
@reads
@shared
def list_(env: str | None, app: str | None) -> None:
    """List the locks, whose they are, and what waits behind them.

    \b
    Examples:
      kuberpult lock list
      kuberpult lock list --env production --app cart
    """
    now = utc_now()
    locks = ask(ListLocks(env, app)).data
    output.emit(locks, _COLUMNS, [_row(it, now) for it in locks], [it["name"] for it in locks], "No locks.")


def _row(it: Data, now: datetime) -> tuple[object, ...]:
    waiting = [f"{there['application']}={output.cell(there['version'])}" for there in it["waiting"]]
    return (
        it["name"],
        output.one_line(it["message"]),
        it["created_by"],
        output.age(it["created_at"], now),
        _expiry(it["expires_at"], now),
        len(waiting),
        waiting,
        it["expires_at"],
        it["on_expiry"],
        it["created_at"],
        it["link"],
    )


def _expiry(expires_at: datetime | str | None, now: datetime) -> str | None:
    """How long until the lock's time is past: ``in 3h``, or that it is."""
    if expires_at is None:
        return None
    end = output.when(expires_at)
    return "overdue" if end <= now else f"in {output.age(now, end)}"


@command.command()
@changing
@shared
def expire(dry_run: bool) -> None:
    """Delete the locks whose time is past.

    What waited for the last one is deployed or dropped, as each says.

    \b
    Example:
      kuberpult lock expire
    """
    carry_out(ExpireLocks(utc_now()), dry_run=dry_run)
