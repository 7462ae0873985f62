"""``kuberpult deploy``: one version, one environment."""

import click

from kuberpult_cli import completing
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.options import shared
from kuberpult_core import Deploy, LockBehavior
from kuberpult_core.names import version_from


def lock_behavior(*, ignore_locks: bool, fail_if_locked: bool) -> LockBehavior:
    """What two flags say about locks; both at once contradict each other."""
    if ignore_locks and fail_if_locked:
        raise click.UsageError("--ignore-locks and --fail-if-locked contradict each other.")
    if ignore_locks:
        return LockBehavior.IGNORE
    return LockBehavior.FAIL if fail_if_locked else LockBehavior.QUEUE


@click.command()
@click.argument("app", shell_complete=completing.applications)
@click.argument("env", shell_complete=completing.environments)
@click.argument("version", shell_complete=completing.versions)
@click.option("--ignore-locks", is_flag=True, help="Deploy through the locks, and empty the queue.")
@click.option("--fail-if-locked", is_flag=True, help="Refuse instead of waiting for the locks.")
@changing
@shared
def command(app: str, env: str, version: str, ignore_locks: bool, fail_if_locked: bool, dry_run: bool) -> None:
    """Put VERSION of APP on ENV; if it is locked, let it wait.

    \b
    Examples:
      kuberpult deploy cart staging 12
      kuberpult deploy cart production 11 --ignore-locks   # a rollback
      kuberpult deploy cart production 12 --dry-run
    """
    behavior = lock_behavior(ignore_locks=ignore_locks, fail_if_locked=fail_if_locked)
    carry_out(Deploy(env, app, version_from(version), behavior), dry_run=dry_run)
