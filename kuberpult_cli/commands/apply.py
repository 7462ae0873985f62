"""``kuberpult apply``: carry out a plan that was written before."""

import click

from kuberpult_cli import output
from kuberpult_cli.changing import carried_out, confirm, done, is_terminal, planned, planning, tell_difference
from kuberpult_cli.keeping import kept
from kuberpult_cli.options import shared
from kuberpult_cli.session import actor, repository
from kuberpult_cli.showing import show
from kuberpult_core import Plan, Repository
from kuberpult_core.errors import PlanOutdated


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
    plan = kept(planfile)
    with repository() as opened:
        if dry_run:
            _look(opened, plan)
            return
        asker = actor()
        if plan.decision.cascades and not yes and is_terminal():
            confirm(opened, _again(opened, plan))
        done(opened, carried_out(opened, plan, asker))


def _look(opened: Repository, plan: Plan) -> None:
    """Say whether it would still go."""
    show(planned(opened, _again(opened, plan)))
    output.say("It would still go as planned.")


def _again(opened: Repository, plan: Plan) -> Plan:
    """The plan as it is decided now."""
    try:
        return opened.again(plan)
    except PlanOutdated as outdated:
        tell_difference(outdated.difference)
        raise
