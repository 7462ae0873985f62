"""``kuberpult why``: why something is as it is, in sentences."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import ask
from kuberpult_core.questions import ExplainPlacement, FindCommit


@click.command()
@click.argument("app", required=False, shell_complete=completing.applications)
@click.argument("env", required=False, shell_complete=completing.environments)
@click.option("--commit", metavar="ID", help="Where the releases are that were built from this source commit.")
@reads
@shared
def command(app: str | None, env: str | None, commit: str | None) -> None:
    """Say why APP is as it is on ENV, or where a commit has got to.

    What is in place since when, by whom and why; what waits, and for what; what upstream has.

    \b
    Examples:
      kuberpult why cart production
      kuberpult why cart production --at 2026-01-31T03:00
      kuberpult why --commit 1a2b3c4
    """
    if commit is not None and app is None:
        _whereabouts(commit)
    elif commit is None and app is not None and env is not None:
        _placement(app, env)
    else:
        raise click.UsageError("Name either APP and ENV or --commit.")


def _placement(app: str, env: str) -> None:
    question = ExplainPlacement(app, env)
    data = ask(question).data
    if output.is_for_people():
        output.lines(data["sentences"])
    else:
        output.emit(data, (), (), [f"deployment/{question.environment}/{question.application}"])


def _whereabouts(commit: str) -> None:
    if not commit.strip():
        raise click.UsageError("--commit needs the id of a commit, or its beginning.")
    found = ask(FindCommit(commit)).data
    if output.is_for_people():
        output.lines(sentence for it in found for sentence in it["sentences"])
    else:
        output.emit(found, (), (), [f"release/{it['application']}/{it['version']}" for it in found])
