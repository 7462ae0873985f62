"""``kuberpult batch``: several commands, all or nothing."""

import click

from kuberpult_cli import completing
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.options import shared
from kuberpult_cli.parsing import read_bounded
from kuberpult_core import batch_from
from kuberpult_core.codec import MAX_BATCH_BYTES


@click.command()
@click.argument("file", shell_complete=completing.files)
@changing
@shared
def command(file: str, dry_run: bool) -> None:
    """Carry out the commands in FILE as one commit, all or nothing.

    FILE (- for standard input) is JSON or YAML. Each command sees what the one
    before left. If one is refused, none happens.

    \b
    Example:
      kuberpult batch release-friday.yaml

    \b
    where the file says:
      - kind: Deploy
        environment: production
        application: cart
        version: 12
      - kind: CreateLock
        target: {environment: production}
        lock_id: weekend
        message: Nobody is here.
    """
    carry_out(batch_from(read_bounded(file, MAX_BATCH_BYTES)), dry_run=dry_run)
