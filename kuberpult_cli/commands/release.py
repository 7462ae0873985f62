"""``kuberpult release``: releases."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.colours import of_held
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import exits_like_diff, reads, shared
from kuberpult_cli.parsing import manifests
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core import CreateRelease
from kuberpult_core.names import version_from
from kuberpult_core.questions import CompareReleases, ListReleases, ShowManifest, ShowRelease
from kuberpult_core.service import utc_now

_COLUMNS = (
    "VERSION",
    Column("DISPLAY", 7),
    "AGE",
    Column("AUTHOR", 8),
    Column("MESSAGE", 10),
    Column("ON", 10),
    Column("QUEUED ON", is_wide=True, colour=of_held),
    Column("CREATED AT", is_wide=True),
    Column("COMMIT", is_wide=True),
    Column("MANIFESTS", is_wide=True),
)


@click.group()
def command() -> None:
    """Create, list, show and compare releases.

    \b
    Examples:
      kuberpult release create cart --manifests build/manifests
      kuberpult release list cart
      kuberpult release diff cart 11 12 --env production
    """


@command.command()
@click.argument("app", shell_complete=completing.applications)
@click.option(
    "--manifest",
    "pairs",
    metavar="ENV=FILE",
    multiple=True,
    shell_complete=completing.manifests,
    help="One environment's manifest; FILE may be -.",
)
@click.option(
    "--manifests",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="A folder with ENV.yaml.",
)
@click.option("--version", metavar="N", help="Its number. [default: the next]")
@click.option("--display-version", metavar="V", help="What people call it, up to 15 characters.")
@click.option("--commit", metavar="ID", help="The commit it was built from.")
@click.option("--source-author", metavar="A", help="Who made that commit.")
@click.option("-m", "--message", metavar="M", help="What that commit says.")
@click.option(
    "--team",
    metavar="T",
    shell_complete=completing.teams,
    help="The team that the application belongs to from now on.",
)
@changing
@shared
def create(
    app: str,
    pairs: tuple[str, ...],
    folder: str | None,
    version: str | None,
    display_version: str | None,
    commit: str | None,
    source_author: str | None,
    message: str | None,
    team: str | None,
    dry_run: bool,
) -> None:
    """Store a release of APP: a manifest for each environment it can run on.

    It is deployed by itself to the environments that follow the newest release.

    \b
    Examples:
      kuberpult release create cart --manifests build/manifests
      kuberpult release create cart --manifest staging=staging.yaml \\
          --version 12 --commit "$GIT_COMMIT" --message "Fix the total"
    """
    if not pairs and not folder:
        raise click.UsageError("Give a manifest with --manifest ENV=FILE or --manifests DIR.")
    carry_out(
        CreateRelease(
            app,
            manifests(pairs, folder),
            version_from(version) if version is not None else None,
            commit,
            source_author,
            message,
            display_version,
            team,
        ),
        dry_run=dry_run,
    )


@command.command("list")
@click.argument("app", shell_complete=completing.applications)
@reads
@shared
def list_(app: str) -> None:
    """List the releases of APP, the newest first, and where each is.

    \b
    Example:
      kuberpult release list cart
    """
    question = ListReleases(app)
    found = ask(question).data
    now = utc_now()
    rows = [
        (
            it["version"],
            it["display_version"],
            output.age(it["created_at"], now),
            output.one_line(it["author"]),
            output.one_line(it["message"]),
            it["current_on"],
            it["queued_on"],
            it["created_at"],
            it["commit_id"],
            it["manifests"],
        )
        for it in found
    ]
    output.emit(found, _COLUMNS, rows, [f"release/{question.application}/{it['version']}" for it in found])


@command.command()
@click.argument("app", shell_complete=completing.applications)
@click.argument("version", shell_complete=completing.versions)
@click.option(
    "--manifest",
    "env",
    metavar="ENV",
    shell_complete=completing.environments,
    help="Print this environment's manifest as it is.",
)
@reads
@shared
def show(app: str, version: str, env: str | None) -> None:
    """Show where a release came from and where it is, or print one of its manifests.

    \b
    Examples:
      kuberpult release show cart 12
      kuberpult release show cart 12 --manifest staging | kubectl diff -f -
    """
    number = version_from(version)
    if env is not None:
        _show_manifest(ShowManifest(app, number, env))
        return
    found = ask(ShowRelease(app, number)).data
    if output.is_for_people():
        message = (found["message"] or "").strip()
        shown = message.split("\n") if output.is_wide() else output.one_line(message)
        output.describe({**found, "message": shown})
    else:
        output.emit(found, (), (), [f"release/{app}/{number}"])


def _show_manifest(question: ShowManifest) -> None:
    """A manifest byte for byte, or as a text in a document."""
    content = ask(question).data
    if output.is_for_people():
        output.raw(content)
        return
    name, env = question.application, question.environment
    text = content.decode(errors="backslashreplace")
    data = {"application": name, "version": question.version, "environment": env, "manifest": text}
    output.emit(data, (), (), [f"manifest/{env}/{name}"])


@command.command()
@click.argument("app", shell_complete=completing.applications)
@click.argument("version1", shell_complete=completing.versions)
@click.argument("version2", shell_complete=completing.versions)
@click.option(
    "--env", shell_complete=completing.environments, metavar="ENV", help="Only this environment's manifest."
)
@reads
@shared
@exits_like_diff
def diff(app: str, version1: str, version2: str, env: str | None) -> int:
    """Compare the manifests of two releases; values of Secrets are shown as hashes.

    Exit code 0: the same, 1: different, 3: failed.

    \b
    Example:
      kuberpult release diff cart 11 12 --env production
    """
    question = CompareReleases(app, version_from(version1), version_from(version2), env)
    found = ask(question).data
    if not found:
        output.say("No differences.")
    if output.is_for_people():
        output.texts(it["diff"] for it in found)
    else:
        output.emit(found, (), (), [f"manifest/{it['environment']}/{question.application}" for it in found])
    return DIFFERENT if found else DONE
