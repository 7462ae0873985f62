"""``kuberpult apply``: carry out a plan that was written before."""

from typing import Any

import click

from kuberpult_cli import output
from kuberpult_cli.changing import carried_out, confirm, is_terminal, planning, telling_differences, wanted
from kuberpult_cli.keeping import kept
from kuberpult_cli.options import shared
from kuberpult_cli.outcome import Outcome
from kuberpult_cli.session import Counter, changing_counter, counter
from kuberpult_cli.showing import show


@click.command()
@click.argument("planfile", metavar="PLANFILE")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before Argo CD deletes workloads.")
@planning
@shared
def command(planfile: str, yes: bool, dry_run: bool) -> None:
    """Carry out exactly the plan in PLANFILE.

    PLANFILE (- for standard input) is what --plan FILE wrote, on any command
    that changes something. The command in it is decided again. If something
    else would come of it by now, nothing happens, and the exit code is 6.

    \b
    Examples:
      kuberpult apply friday.json --dry-run    # would it still go?
      kuberpult apply friday.json
    """
    content = kept(planfile)
    if dry_run:
        with counter() as there:
            show(_again(there, there.read(content)[0]))
        output.say("It would still go as planned.")
        return
    with changing_counter() as there:
        plan, cascades = there.read(content)
        if cascades and not yes and is_terminal():
            confirm(_again(there, plan))
        show(carried_out(there, plan))


def _again(there: Counter, plan: Any) -> Outcome:
    """What the plan would do now, if it would still go."""
    with telling_differences():
        return there.again(plan, diff=wanted().diff).outcome
