"""``kuberpult doctor``: what is broken in the repository."""

import click

from kuberpult_cli import output
from kuberpult_cli.colours import of_problem
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import exits_like_diff, reads, shared
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core.questions import ListProblems


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
    data = ask(ListProblems()).data
    if not data and output.is_for_people():
        output.say("No problems found.")
        return DONE
    rows = [(it["path"], it["reason"]) for it in data]
    header = (Column("PATH", 30), Column("PROBLEM", 30, colour=of_problem))
    output.emit(data, header, rows, [f"problem/{it['path']}" for it in data])
    if output.form() == "table":
        output.say("-o wide shows paths and problems in full.")
    return DIFFERENT if data else DONE
