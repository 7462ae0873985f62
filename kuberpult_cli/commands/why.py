"""``kuberpult why``: why something is as it is, in sentences."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.options import reads, shared
from kuberpult_cli.session import Seen, reading
from kuberpult_core.errors import UnknownCommit
from kuberpult_core.names import application_name, environment_name
from kuberpult_core.past.why import where_is
from kuberpult_core.views import Data


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
    application, environment = application_name(app), environment_name(env)
    with reading() as seen:
        data = seen.repository.why(environment, application, seen.head.commit)
    if output.form() in ("table", "wide"):
        output.lines(data["sentences"])
    else:
        output.emit(data, (), (), [f"deployment/{environment}/{application}"])


def _whereabouts(commit: str) -> None:
    if not commit.strip():
        raise click.UsageError("--commit needs the id of a commit, or its beginning.")
    with reading() as seen:
        found = _found(seen, commit)
    if output.form() in ("table", "wide"):
        output.lines(sentence for it in found for sentence in it["sentences"])
    else:
        output.emit(found, (), (), [f"release/{it['application']}/{it['version']}" for it in found])


def _found(seen: Seen, commit: str) -> list[Data]:
    found = where_is(seen.state, commit)
    if not found:
        raise UnknownCommit(commit)
    return found
