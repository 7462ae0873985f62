"""``kuberpult train``: make an environment equal to its upstream."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from kuberpult_cli import completing, prognosis
from kuberpult_cli.changing import carry_out, changing, keeping_plans, plan_only, showing_differences, wanted
from kuberpult_cli.commands.deploy import lock_behavior
from kuberpult_cli.options import REVISION, REVISION_METAVAR, shared
from kuberpult_cli.session import counter
from kuberpult_core import ReleaseTrain, UpstreamThen

F = TypeVar("F", bound=Callable[..., Any])


def _train(function: F) -> F:
    """What a train is made of, whether it runs or is planned."""
    for option in (
        click.option(
            "--from-state",
            type=REVISION,
            metavar=REVISION_METAVAR,
            help="Take what upstream had then: a commit, a date, or 4h for four hours ago.",
        ),
        click.option("--fail-if-locked", is_flag=True, help="Leave out what is locked instead of queueing it."),
        click.option("--ignore-locks", is_flag=True, help="Go through the locks."),
        click.option("--team", shell_complete=completing.teams, help="Only this team's applications."),
    ):
        function = option(function)
    return function


def _command(
    target: str, team: str | None, ignore_locks: bool, fail_if_locked: bool, from_state: str | None
) -> ReleaseTrain:
    behavior = lock_behavior(ignore_locks=ignore_locks, fail_if_locked=fail_if_locked)
    then = UpstreamThen(from_state) if from_state is not None else None
    return ReleaseTrain(target, team, behavior, from_state=then)


@click.group()
def command() -> None:
    """Make an environment, or a group, equal to its upstream.

    \b
    Examples:
      kuberpult train plan production
      kuberpult train run production --team checkout
    """


@command.command()
@click.argument("target", shell_complete=completing.targets)
@_train
@changing
@shared
def run(
    target: str,
    team: str | None,
    ignore_locks: bool,
    fail_if_locked: bool,
    from_state: str | None,
    dry_run: bool,
) -> None:
    """Run a train to TARGET, an environment or a group of that name.

    \b
    Examples:
      kuberpult train run staging
      kuberpult train run production --team checkout
      kuberpult train run production --from-state 2026-01-31T18:00
      kuberpult train run production --dry-run
    """
    carry_out(_command(target, team, ignore_locks, fail_if_locked, from_state), dry_run=dry_run)


@command.command()
@click.argument("target", shell_complete=completing.targets)
@_train
@showing_differences
@keeping_plans
@shared
def plan(target: str, team: str | None, ignore_locks: bool, fail_if_locked: bool, from_state: str | None) -> None:
    """Show what a train to TARGET would do, to read before it runs. Changes nothing.

    For each application: from which version to which, how many releases that
    is, and what holds it back. Then the locks in the way, whose they are and
    why, and what is left alone. -o wide adds the releases with their commits.

    \b
    Examples:
      kuberpult train plan production
      kuberpult train plan production -o wide --diff
      kuberpult train plan production --plan friday.json   # for kuberpult apply
    """
    planned = _command(target, team, ignore_locks, fail_if_locked, from_state)
    with counter() as there:
        plan_only(there.plan(planned, diff=wanted().diff, prognosis=True), prognosis.show)
