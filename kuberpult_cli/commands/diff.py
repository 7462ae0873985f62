"""``kuberpult diff``: what changed between two states."""

import click

from kuberpult_cli import completing, output, telling
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import REVISION, REVISION_METAVAR, exits_like_diff, shared
from kuberpult_cli.session import ask, moment
from kuberpult_core.questions import CompareStates
from kuberpult_core.views import Data


@click.command()
@click.argument("old", type=REVISION, metavar=REVISION_METAVAR)
@click.argument("new", type=REVISION, metavar=f"[{REVISION_METAVAR}]", required=False)
@click.option("--manifests", is_flag=True, help="With the differences of the deployed manifests, Secrets hidden.")
@click.option(
    "--env", shell_complete=completing.environments, metavar="ENV", help="Only what is about this environment."
)
@click.option(
    "--app", shell_complete=completing.applications, metavar="APP", help="Only what is about this application."
)
@shared
@exits_like_diff
def command(old: str, new: str | None, manifests: bool, env: str | None, app: str | None) -> int:
    """Show what changed between two states, or since one.

    Versions come first. Exit code 0: nothing, 1: something, 3: failed.

    \b
    Examples:
      kuberpult diff 2026-01-31T18:00
      kuberpult diff 4h --env production --manifests
      kuberpult diff HEAD~3 HEAD
    """
    data = ask(CompareStates(old, new, env, app, manifests)).data
    output.say(f"From {_end(data['old'])} to {_end(data['new'])}.")
    _answer(data)
    is_different = any(data[part] for part in ("facts", "others", "manifests"))
    if not is_different:
        output.say("No differences.")
    return DIFFERENT if is_different else DONE


def _end(end: Data) -> str:
    return moment(end["commit"], end["time"])


def _answer(data: Data) -> None:
    if not output.is_for_people():
        output.emit(data, (), (), [it["name"] for it in data["facts"]])
        return
    output.lines(it["words"] for it in data["facts"])
    output.lines(telling.other_files(data["others"]))
    output.texts(it["diff"] for it in data["manifests"] or ())
