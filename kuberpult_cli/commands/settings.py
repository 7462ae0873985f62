"""``kuberpult settings``: what all who commit to a repository share."""

from typing import Any

import click

from kuberpult_cli import output
from kuberpult_cli.changing import carry_out, changing
from kuberpult_cli.options import reads, shared, shared_except
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core import State, UpdateSettings
from kuberpult_core.questions import ShowSettings
from kuberpult_core.views import settings_view


@click.group()
def command() -> None:
    """Show and change the settings that all who commit share.

    \b
    Examples:
      kuberpult settings show
      kuberpult settings set --url https://git.example.com/manifests.git
    """


@command.command()
@reads
@shared
def show() -> None:
    """Show the settings, defaults included.

    \b
    Example:
      kuberpult settings show
    """
    data, defaults = ask(ShowSettings()).data, settings_view(State())
    output.emit(
        data,
        ("SETTING", Column("VALUE", 20), Column("DEFAULT", is_wide=True)),
        [(key, value, defaults[key]) for key, value in data.items()],
        [f"settings/{key}" for key in data],
    )


@command.command("set")
@click.option("--url", metavar="URL", help="Where Argo CD clones the repository from.")
@click.option("--branch", "followed", metavar="BRANCH", help="The branch that Argo CD follows.")
@click.option("--keep-releases", type=int, metavar="N", help="Releases kept below the oldest one in use.")
@click.option("--long-names/--no-long-names", default=None, help="Application names of up to 70 characters.")
@changing
@shared_except("--branch")
def set_(
    url: str | None, followed: str | None, keep_releases: int | None, long_names: bool | None, dry_run: bool
) -> None:
    """Change settings; what is not named stays.

    \b
    Examples:
      kuberpult settings set --url https://git.example.com/manifests.git
      kuberpult settings set --keep-releases 40 --dry-run
    """
    given = {"url": url, "branch": followed, "keepReleases": keep_releases, "longNames": long_names}
    patch: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if not patch:
        raise click.UsageError("Name at least one setting to change.")
    carry_out(UpdateSettings(patch), dry_run=dry_run)
