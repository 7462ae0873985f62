"""``kuberpult doctor``: what is broken in the repository."""

import click

from kuberpult_cli import output
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import exits_like_diff, reads, shared
from kuberpult_cli.session import reading
from kuberpult_core import views


@click.command()
@reads
@shared
@exits_like_diff
def command() -> int:
    """List what is broken: where, and why.

    Changes nothing. Exit code 0: nothing is, 1: something is, 3: failed.

    \b
    Example:
      kuberpult doctor
    """
    with reading() as seen:
        problems = seen.repository.problems(seen.head.commit)
    data = [views.problem_view(problem) for problem in problems]
    if not data and output.form() in ("table", "wide"):
        output.say("No problems found.")
        return DONE
    rows = [(problem.path, problem.reason) for problem in problems]
    output.emit(data, ("PATH", "PROBLEM"), rows, [f"problem/{problem.path}" for problem in problems])
    return DIFFERENT if data else DONE
