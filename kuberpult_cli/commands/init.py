"""``kuberpult init``: a new repository."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import show
from kuberpult_cli.options import shared, shared_options
from kuberpult_cli.session import actor
from kuberpult_core import UpdateSettings, init_repository, memory_repository


@click.command()
@click.argument("path", shell_complete=completing.folders)
@click.option("--url", help="Where Argo CD will clone it from.")
@shared
def command(path: str, url: str | None) -> None:
    """Make a new, empty, bare repository at PATH.

    \b
    Examples:
      kuberpult init manifests.git
      kuberpult init manifests.git --url https://git.example.com/manifests.git
    """
    given = shared_options(click.get_current_context())
    branch = given.branch or "main"
    given.repo = given.repo or path
    settings = UpdateSettings({"url": url, "branch": branch}) if url is not None else None
    asker = actor() if settings else None
    if settings and asker:
        memory_repository().apply(settings, asker)  # what is refused must leave no repository behind
    with init_repository(path, branch) as made:
        if settings and asker:
            applied = made.apply(settings, asker)
            show(applied.decision, applied.commit, planned=False)
    output.say(f"Made {path}. Next: kuberpult --repo {path} env create development --upstream-latest")
