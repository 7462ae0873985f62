"""``kuberpult demo``: the main job on an example repository, told step by step."""

import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import attrs
import click

from kuberpult_cli import completing, example, exits, output
from kuberpult_cli.options import shared, shared_options

ADA, BEN, CI = "Ada <ada@example.com>", "Ben <ben@example.com>", "CI <ci@example.com>"


@attrs.frozen
class Step:
    """What happens, told, and the commands that make it happen, as somebody would type them."""

    text: str
    commands: tuple[str, ...]
    author: str = ADA


def story(folder: Path) -> list[Step]:
    """The main job, from nothing to production."""
    builds = shlex.quote(str(folder / "builds"))
    config = shlex.quote(str(folder / "config"))
    return [
        Step(
            "A bare git repository holds everything. Its settings say where Argo CD clones it from.",
            (f"kuberpult init {shlex.quote(str(folder / 'manifests.git'))} --url {example.URL} --quiet",),
        ),
        Step(
            "Three environments in a row. Development takes every new release by itself.",
            (
                f"kuberpult env create development --upstream-latest --config {config}/development.json",
                f"kuberpult env create staging --upstream development --config {config}/staging.json",
                f"kuberpult env create production --upstream staging --config {config}/production.json",
            ),
        ),
        Step(
            "Twelve services have their first release: one file, all or nothing, one commit.",
            (f"kuberpult batch {shlex.quote(str(folder / 'first-releases.json'))} --quiet",),
            CI,
        ),
        Step(
            "A release train makes staging equal to development, a second one production equal to staging.",
            ("kuberpult train run staging --quiet", "kuberpult train run production --quiet"),
            CI,
        ),
        Step(
            "Black Friday is near, so Ada locks production.",
            ('kuberpult lock create production --id black-friday --message "Nothing moves until Monday"',),
        ),
        Step(
            "Ben locks one service on staging, where he is testing it.",
            ('kuberpult lock create staging --app search --id soak-test --message "Load test is running"',),
            BEN,
        ),
        Step(
            "Builds go on. Each release deploys itself to development.",
            tuple(
                f"kuberpult release create {name} --manifests {builds}/{name}/2 --display-version 1.2.0"
                f' --message "{message}"'
                for name, message in (
                    ("cart", "Keep the cart for a week"),
                    ("payment", "Ask for the card once"),
                    ("search", "Find plurals"),
                )
            ),
            CI,
        ),
        Step(
            "The next train to staging brings cart and payment. Search is locked, so it waits.",
            ("kuberpult train run staging",),
            CI,
        ),
        Step(
            "The train to production is held back as a whole: nothing is lost, it waits.",
            ("kuberpult train run production --quiet", "kuberpult queue list"),
            CI,
        ),
        Step(
            "At three in the morning payment breaks, and 2 has the fix. A manual deployment is always possible.",
            ("kuberpult deploy payment production 2 --ignore-locks",),
            BEN,
        ),
        Step(
            "Ben is done testing. Before anything is unlocked, the plan says what will go out.",
            (
                "kuberpult lock delete staging --app search soak-test --dry-run",
                "kuberpult lock delete staging --app search soak-test",
            ),
            BEN,
        ),
        Step(
            "On Monday Ada unlocks production, and what waited goes out in the same commit.",
            ("kuberpult lock delete production black-friday",),
        ),
    ]


def ending() -> Step:
    """What is where in the end."""
    return Step("Is everything sound? And what is where now?", ("kuberpult doctor", "kuberpult overview --quiet"))


def argocd_steps(folder: Path) -> Step:
    """What Argo CD sees, shown with git itself."""
    repository = shlex.quote(str(folder / "manifests.git"))
    return Step(
        "Argo CD finds the manifests in the repository, and an Application for each. git shows them,"
        " and what the last commit says.",
        (
            f"git -C {repository} ls-tree -r --name-only HEAD environments/production/applications/cart",
            f"git -C {repository} grep -h '^  name: ' HEAD -- argocd/v1alpha1/production.yaml",
            f"git -C {repository} show --no-patch --format='%s, by %an%n%n%b' HEAD",
        ),
    )


@click.command()
@click.argument("path", default="kuberpult-demo", shell_complete=completing.folders)
@shared
def command(path: str) -> None:
    """Make an example repository and tell its story.

    PATH/manifests.git gets development, staging and production, and twelve services.

    \b
    Examples:
      kuberpult demo
      kuberpult demo /tmp/shop
    """
    shared_options(click.get_current_context()).refuse_service()
    folder = Path(path)
    if (folder / "manifests.git").exists() or (folder.exists() and not folder.is_dir()):
        raise click.UsageError(f"{folder / 'manifests.git'} is there already; name another path.")
    example.write(folder)
    if output.is_for_people():
        _tell_all(folder)
        return
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        _live_through(folder)
    repository = str(folder / "manifests.git")
    output.emit({"repository": repository, "folder": str(folder)}, (), (), [f"repository/{repository}"])


def _live_through(folder: Path) -> None:
    """The story without a word: what it leaves is what counts."""
    with _environment(KUBERPULT_REPO=str(folder / "manifests.git")):
        for step in story(folder):
            with _environment(KUBERPULT_AUTHOR=step.author):
                for typed in step.commands:
                    _run(shlex.split(typed))


def _tell_all(folder: Path) -> None:
    output.headline("A small shop, its twelve services, and how they get to production.")
    with _environment(KUBERPULT_REPO=str(folder / "manifests.git")):
        for step in story(folder):
            _tell(step)
        if shutil.which("git"):
            _tell(argocd_steps(folder))
        _tell(ending())
    _say_what_next(folder)


def _tell(step: Step) -> None:
    click.echo()
    output.aside(f"# {step.text}")
    with _environment(KUBERPULT_AUTHOR=step.author):
        for typed in step.commands:
            output.headline(f"$ {typed}")
            _run(shlex.split(typed))


def _run(arguments: list[str]) -> None:
    """Run a command as it was typed; kuberpult's own in this process."""
    sys.stdout.flush()
    if arguments[0] != "kuberpult":
        variables = {**os.environ, "GIT_PAGER": "cat"}  # a pager would stop the story, or wipe it away
        subprocess.run(arguments, check=True, env=variables)  # noqa: S603 - git, with arguments of our own
        return
    from kuberpult_cli.main import kuberpult  # noqa: PLC0415 - main finds this module

    code = exits.guarded(kuberpult, arguments[1:])
    if code != exits.DONE:
        raise click.ClickException(f"The demo stopped: `{shlex.join(arguments)}` ended with {code}.")


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Let *variables* hold for a while, and no others of kuberpult's that are about another repository."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("KUBERPULT_") and name not in ("KUBERPULT_REPO", "KUBERPULT_NO_COLOR"):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _say_what_next(folder: Path) -> None:
    repository = shlex.quote(str(folder / "manifests.git"))
    builds = shlex.quote(str(folder / "builds"))
    click.echo()
    output.aside("# Try next:")
    for line in (
        f"export KUBERPULT_REPO={repository}",
        f"kuberpult release create cart --manifests {builds}/cart/3 --display-version 1.3.0",
        "kuberpult train plan staging",
        "kuberpult app show cart",
        "kuberpult lock create production --id audit --message 'Until Friday' --expires 4h",
        "kuberpult log",
    ):
        click.echo(f"  {line}")
