"""``kuberpult init``: a new repository."""

import click

from kuberpult_cli import completing, output
from kuberpult_cli.options import shared, shared_options
from kuberpult_cli.session import actor
from kuberpult_core import Applied, Decision, UpdateSettings, decision_data, init_repository, memory_repository
from kuberpult_core.words import fact, fact_name


@click.command()
@click.argument("path", shell_complete=completing.folders)
@click.option("--url", metavar="URL", help="Where Argo CD will clone it from.")
@shared
def command(path: str, url: str | None) -> None:
    """Make a new, empty, bare repository at PATH.

    \b
    Examples:
      kuberpult init manifests.git
      kuberpult init manifests.git --url https://git.example.com/manifests.git
    """
    given = shared_options(click.get_current_context())
    given.refuse_service()
    branch = given.branch or "main"
    given.repo = given.repo or path
    settings = UpdateSettings({"url": url, "branch": branch}) if url is not None else None
    asker = actor() if settings else None
    if settings and asker:
        memory_repository().apply(settings, asker)  # what is refused must leave no repository behind
    with init_repository(path, branch) as made:
        applied = made.apply(settings, asker) if settings and asker else None
    _answer(path, branch, applied)
    output.say(f"Made {path}. Next: kuberpult --repo {path} env create development --upstream-latest")


def _answer(path: str, branch: str, applied: Applied | None) -> None:
    """The repository that there is now, and what has happened to it."""
    decision = applied.decision if applied else Decision(UpdateSettings({}))
    commit, data = applied.commit if applied else None, decision_data(decision)
    match output.form():
        case "table" | "wide":
            output.lines([f"repository/{path} created", *map(fact, decision.events)])
        case "jsonl":
            output.emit(data["facts"], (), (), ())
        case _:
            names = [f"repository/{path}", *map(fact_name, decision.events)]
            output.emit({"repository": path, "branch": branch, "commit": commit, **data}, (), (), names)
