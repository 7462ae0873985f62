"""``kuberpult doctor``: what is broken in the repository."""

import click

from kuberpult_cli import output
from kuberpult_cli.exits import DONE, FAILED
from kuberpult_cli.options import shared
from kuberpult_cli.session import repository
from kuberpult_core import views


@click.command()
@shared
def command() -> int:
    r"""List what is broken: where, and why. Changes nothing; exit code 1 if there is anything.

    \b
    Example:
      kuberpult doctor
    """
    with repository() as opened:
        problems = opened.problems()
    data = [views.problem_view(problem) for problem in problems]
    if not data and output.form() in ("table", "wide"):
        output.say("No problems found.")
        return DONE
    rows = [(problem.path, problem.reason) for problem in problems]
    output.emit(data, ("PATH", "PROBLEM"), rows, [problem.path for problem in problems])
    return FAILED if data else DONE
