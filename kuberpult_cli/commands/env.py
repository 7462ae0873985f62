"""``kuberpult env``: environments."""

import json
from typing import Any

import click

from kuberpult_cli import completing, output
from kuberpult_cli.changing import carry_out, changing, destructive
from kuberpult_cli.colours import of_held, of_problem
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import exits_like_diff, reads, shared
from kuberpult_cli.parsing import config_document
from kuberpult_cli.session import ask
from kuberpult_cli.tables import Column
from kuberpult_core import CreateEnvironment, DeleteEnvironment, IfExists, UpdateEnvironment
from kuberpult_core.config import checked
from kuberpult_core.documents import merge
from kuberpult_core.questions import CompareEnvironments, ListEnvironments, ShowEnvironment
from kuberpult_core.views import Data

_COLUMNS = (
    Column("NAME", 12),
    Column("UPSTREAM", 12),
    Column("GROUP", 8),
    "APPLICATIONS",
    Column("QUEUED", colour=of_held),
    Column("LOCKS", colour=of_held),
    Column("DESTINATION", is_wide=True),
    Column("LOCKED BY", is_wide=True, colour=of_held),
    Column("PROBLEM", is_wide=True, colour=of_problem),
)


@click.group()
def command() -> None:
    """Create, change, compare and list environments.

    \b
    Examples:
      kuberpult env list
      kuberpult env create staging --upstream development
      kuberpult env diff staging production
    """


def _patch(upstream: str | None, upstream_latest: bool, group: str | None, config: str | None) -> dict[str, Any]:
    """What the options say of the config, over what the file says."""
    if upstream is not None and upstream_latest:
        raise click.UsageError("--upstream and --upstream-latest contradict each other.")
    patch: dict[str, Any] = {}
    if upstream is not None:
        patch["upstream"] = {"environment": upstream, "latest": None}
    if upstream_latest:
        patch["upstream"] = {"latest": True, "environment": None}
    if group is not None:
        patch["environmentGroup"] = group or None
    return {**config_document(config), **patch}


@command.command()
@click.argument("name")
@click.option(
    "--upstream",
    metavar="ENV",
    shell_complete=completing.environments,
    help="Trains bring what is on this environment.",
)
@click.option("--upstream-latest", is_flag=True, help="New releases come here by themselves.")
@click.option("--group", shell_complete=completing.groups, metavar="GROUP", help="The group it belongs to.")
@click.option(
    "--config", shell_complete=completing.files, metavar="FILE", help="Its config.json (- for standard input)."
)
@click.option(
    "--if-exists",
    type=click.Choice([it.value for it in IfExists]),
    default=IfExists.REFUSE.value,
    show_default=True,
    help="Refuse, or put this config in the place of the one that is there.",
)
@click.option("--allow-cascade", is_flag=True, help="Let Argo CD delete workloads if argocd is taken away.")
@changing
@shared
def create(
    name: str,
    upstream: str | None,
    upstream_latest: bool,
    group: str | None,
    config: str | None,
    if_exists: str,
    allow_cascade: bool,
    dry_run: bool,
) -> None:
    """Make the environment NAME.

    \b
    Examples:
      kuberpult env create development --upstream-latest
      kuberpult env create staging --upstream development
      kuberpult env create production --upstream staging --config production.json
    """
    document = merge({}, _patch(upstream, upstream_latest, group, config))
    carry_out(CreateEnvironment(name, checked(document), IfExists(if_exists), allow_cascade), dry_run=dry_run)


@command.command()
@click.argument("name", shell_complete=completing.environments)
@click.option(
    "--upstream",
    metavar="ENV",
    shell_complete=completing.environments,
    help="Trains bring what is on this environment.",
)
@click.option("--upstream-latest", is_flag=True, help="New releases come here by themselves.")
@click.option(
    "--group",
    shell_complete=completing.groups,
    metavar="GROUP",
    help="The group it belongs to; an empty one takes it out.",
)
@click.option(
    "--config",
    shell_complete=completing.files,
    metavar="FILE",
    help="Keys of config.json to change; null takes one away.",
)
@click.option("--allow-cascade", is_flag=True, help="Let Argo CD delete workloads if argocd is taken away.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@changing
@shared
def update(
    name: str,
    upstream: str | None,
    upstream_latest: bool,
    group: str | None,
    config: str | None,
    allow_cascade: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Change the config of NAME; what is not named stays.

    \b
    Examples:
      kuberpult env update staging --upstream development
      echo '{"argocd": null}' | kuberpult env update staging --config - --yes
    """
    patch = _patch(upstream, upstream_latest, group, config)
    if not patch:
        raise click.UsageError("Name at least one thing to change.")
    carry_out(UpdateEnvironment(name, patch, allow_cascade), dry_run=dry_run, ask=allow_cascade and not yes)


@command.command()
@click.argument("name", shell_complete=completing.environments)
@destructive
@changing
@shared
def delete(name: str, ignore_locks: bool, allow_cascade: bool, yes: bool, dry_run: bool) -> None:
    """Take NAME away with all that is on it.

    \b
    Example:
      kuberpult env delete staging --allow-cascade
    """
    carry_out(DeleteEnvironment(name, ignore_locks, allow_cascade), dry_run=dry_run, ask=not yes)


@command.command("list")
@reads
@shared
def list_() -> None:
    """List the environments, in the order of promotion.

    \b
    Example:
      kuberpult env list
    """
    found = ask(ListEnvironments()).data
    nothing = "No environments yet: `kuberpult env create` makes one."
    output.emit(found, _COLUMNS, map(_row, found), [f"environment/{it['name']}" for it in found], nothing)


def _row(it: Data) -> tuple[object, ...]:
    counts = it["applications"], it["queued"], len(it["locks"])
    more = _destination(it["config"]), [lock["name"] for lock in it["locks"]], it["problem"]
    return (it["name"], it["upstream"], it["group"], *counts, *more)


def _destination(config: dict[str, Any]) -> str | None:
    """Where Argo CD deploys to: the cluster and the namespace."""
    there = (config.get("argocd") or {}).get("destination") or {}
    cluster = there.get("name") or there.get("server")
    namespace = there.get("namespace")
    return f"{cluster}/{namespace}" if cluster and namespace else cluster


@command.command()
@click.argument("name", shell_complete=completing.environments)
@reads
@shared
def show(name: str) -> None:
    """Show the config and the locks of NAME.

    \b
    Example:
      kuberpult env show staging -o yaml
    """
    found = ask(ShowEnvironment(name)).data
    if output.is_for_people():
        output.describe(_fields(found))
    else:
        output.emit(found, (), (), [f"environment/{name}"])


def _fields(found: Data) -> dict[str, object]:
    """What a person is told of an environment; wide, with its config and what its locks say."""
    told = {key: value for key, value in found.items() if key not in ("config", "locks")}
    if not output.is_wide():
        return {**told, "locks": [lock["name"] for lock in found["locks"]]}
    config = json.dumps(found["config"], indent=2, ensure_ascii=False).split("\n")
    locks = [f"{lock['name']} ({output.one_line(lock['message'])})" for lock in found["locks"]]
    return {**told, "locks": locks, "config": config}


@command.command()
@click.argument("env1", shell_complete=completing.environments)
@click.argument("env2", shell_complete=completing.environments)
@click.option("--manifests", is_flag=True, help="With the differences of their manifests, Secrets hidden.")
@reads
@shared
@exits_like_diff
def diff(env1: str, env2: str, manifests: bool) -> int:
    """List the applications that are not at the same version. Exit code 0: none, 1: some, 3: failed.

    \b
    Examples:
      kuberpult env diff staging production
      kuberpult env diff staging production --manifests
    """
    question = CompareEnvironments(env1, env2, manifests)
    one, other, rows = question.one, question.other, ask(question).data
    if not rows and output.is_for_people():
        output.say("No differences.")
        return DONE
    output.emit(
        rows,
        (Column("APPLICATION", 20), Column(one.upper(), 12), Column(other.upper(), 12)),
        [(row["application"], row["versions"][one], row["versions"][other]) for row in rows],
        [f"application/{row['application']}" for row in rows],
    )
    if manifests and output.is_for_people():
        output.texts(row["diff"] for row in rows)
    return DIFFERENT if rows else DONE
