"""``kuberpult diff``: what changed between two states."""

import secrets
from collections.abc import Iterator
from typing import Any

import click

from kuberpult_cli import completing, output, telling
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import REVISION, REVISION_METAVAR, exits_like_diff, shared
from kuberpult_cli.session import moment, repository
from kuberpult_core import Repository, comparing
from kuberpult_core.errors import printable
from kuberpult_core.names import application_name, environment_name
from kuberpult_core.past.facts import Facts
from kuberpult_core.ports import LoggedCommit, Touching
from kuberpult_core.words import fact, fact_name


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
    wanted = Touching(
        environment_name(env) if env is not None else None, application_name(app) if app is not None else None
    )
    with repository() as opened:
        ends = _ends(opened, old, new)
        output.say(f"From {moment(ends[0])} to {moment(ends[1])}.")
        facts = opened.difference(ends[0].id, ends[1].id)
        is_different = _answer(ends, facts, wanted, manifests=manifests)
    if not is_different:
        output.say("No differences.")
    return DIFFERENT if is_different else DONE


def _ends(opened: Repository, old: str, new: str | None) -> tuple[LoggedCommit, LoggedCommit]:
    """The two commits that are compared."""
    first = opened.revision(old)
    last = opened.revision(new) if new is not None else opened.store.head().commit or first
    return opened.store.commit(first), opened.store.commit(last)


def _answer(ends: tuple[LoggedCommit, LoggedCommit], facts: Facts, wanted: Touching, *, manifests: bool) -> bool:
    """Print the differences, and say whether there are any."""
    events, others = comparing.events_between(facts, wanted), comparing.others_between(facts, wanted)
    differences = _manifests(facts, wanted) if manifests else iter(())
    is_different = bool(events or others)
    if output.form() in ("table", "wide"):
        output.lines(map(fact, events))
        output.lines(telling.other_files(others))
        for it in differences:
            output.texts([it.text])
            is_different = True
        return is_different
    data: dict[str, Any] = {
        **{name: {"commit": it.id, "time": it.time} for name, it in zip(("old", "new"), ends, strict=True)},
        "facts": [telling.uncaused(event) for event in events],
        "others": list(map(printable, others)),
        "manifests": [_manifest_data(it) for it in differences] if manifests else None,
    }
    output.emit(data, (), (), map(fact_name, events))
    return is_different or bool(data["manifests"])


def _manifests(facts: Facts, wanted: Touching) -> Iterator[comparing.ManifestDifference]:
    return comparing.deployed_differences(facts.before, facts.after, wanted, secrets.token_bytes(16))


def _manifest_data(it: comparing.ManifestDifference) -> dict[str, str]:
    return {"environment": it.environment, "application": it.application, "diff": it.text}
