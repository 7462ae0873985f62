"""``kuberpult train``: make an environment equal to its upstream."""

import click

from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.commands.deploy import lock_behavior
from kuberpult_cli.options import shared
from kuberpult_core import ReleaseTrain


@click.group()
def command() -> None:
    """Make an environment, or a group, equal to its upstream."""


@command.command()
@click.argument("target")
@click.option("--team", help="Only this team's applications.")
@click.option("--ignore-locks", is_flag=True, help="Go through the locks.")
@click.option("--fail-if-locked", is_flag=True, help="Leave out what is locked instead of queueing it.")
@changing
@shared
def run(target: str, team: str | None, ignore_locks: bool, fail_if_locked: bool, dry_run: bool) -> None:
    """Run a train to TARGET, an environment or a group of that name.

    \b
    Examples:
      kuberpult train run staging
      kuberpult train run production --team checkout
      kuberpult train run production --dry-run
    """
    behavior = lock_behavior(ignore_locks=ignore_locks, fail_if_locked=fail_if_locked)
    carry_out(ReleaseTrain(target, team, behavior), dry_run=dry_run)


@command.command()
@click.argument("target")
@click.option("--team", help="Only this team's applications.")
@click.option("--ignore-locks", is_flag=True, help="Go through the locks.")
@click.option("--fail-if-locked", is_flag=True, help="Leave out what is locked instead of queueing it.")
@shared
def plan(target: str, team: str | None, ignore_locks: bool, fail_if_locked: bool) -> None:
    """Show what a train to TARGET would do, with the reason for every skip. Changes nothing.

    \b
    Example:
      kuberpult train plan production
    """
    behavior = lock_behavior(ignore_locks=ignore_locks, fail_if_locked=fail_if_locked)
    carry_out(ReleaseTrain(target, team, behavior), dry_run=True)
