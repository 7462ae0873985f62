"""``kuberpult undo``: take back what a commit did."""

import click

from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.options import REVISION, shared
from kuberpult_core import Undo


@click.command()
@click.argument("commit", type=REVISION, metavar="COMMIT")
@click.option("--allow-cascade", is_flag=True, help="Let Argo CD delete the workloads that go with it.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@changing
@shared
def command(commit: str, allow_cascade: bool, yes: bool, dry_run: bool) -> None:
    """Take back what COMMIT did, as one new commit.

    It goes through locks, and warns. What has moved on since is left alone and listed.
    To undo an undo is to do it again.

    \b
    Examples:
      kuberpult undo HEAD --dry-run
      kuberpult undo 1a2b3c4d5e6f
    """
    carry_out(Undo(commit, allow_cascade), dry_run=dry_run, ask_about_cascades=not yes)
