"""Carrying out a command for a person: plan it, keep the plan, or apply it; ask where it hurts."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import attrs
import click

from kuberpult_cli import output
from kuberpult_cli.exits import INTERRUPTED
from kuberpult_cli.keeping import STDOUT, keep
from kuberpult_cli.session import actor, repository
from kuberpult_cli.showing import Shown, show, summary, tell_plan
from kuberpult_core import Actor, Applied, Command, Plan, Repository
from kuberpult_core.errors import PlanOutdated, printable

F = TypeVar("F", bound=Callable[..., Any])


@attrs.define
class Wanted:
    """What was asked for beside the change itself."""

    diff: bool = False
    plan: str | None = None
    """The file that the plan is written to, in place of carrying it out."""


def wanted() -> Wanted:
    """What was asked for in this run."""
    found: Wanted = click.get_current_context().meta.setdefault(__name__, Wanted())
    return found


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    setattr(context.meta.setdefault(__name__, Wanted()), str(parameter.name), value)


def showing_differences(function: F) -> F:
    """Give a command the option to show what its change does to the manifests."""
    return click.option(
        "--diff",
        is_flag=True,
        expose_value=False,
        callback=_keep,
        help="Show what it does to the deployed manifests, Secrets hidden. Without --dry-run it is done.",
    )(function)


def keeping_plans(function: F) -> F:
    """Give a command the option to write its plan to a file."""
    return click.option(
        "--plan",
        metavar="FILE",
        expose_value=False,
        callback=_keep,
        help="Write the plan to FILE (- for standard output) for `kuberpult apply`, and do nothing.",
    )(function)


def planning(function: F) -> F:
    """Give a command that changes something the options to plan only, and to see the manifests."""
    function = showing_differences(function)
    return click.option(
        "-n", "--dry-run", is_flag=True, help="Show the plan, with the reason for every skip, and do nothing."
    )(function)


def changing(function: F) -> F:
    """The same, and to write the plan to a file."""
    return planning(keeping_plans(function))


def destructive(function: F) -> F:
    """Give a command that takes something away the options that say how far it may go."""
    for names, text in (
        (("-y", "--yes"), "Do not ask."),
        (("--allow-cascade",), "Let Argo CD delete the workloads that go with it."),
        (("--ignore-locks",), "Take it away although it is locked."),
    ):
        function = click.option(*names, is_flag=True, help=text)(function)
    return function


def carry_out(command: Command, *, dry_run: bool, ask: bool = False, ask_about_cascades: bool = False) -> None:
    """Plan *command* or apply it, and print its decision.

    On a terminal, *ask* first; *ask_about_cascades* asks only if Argo CD would delete workloads.
    """
    with repository() as opened:
        if dry_run or wanted().plan is not None:
            plan_only(opened, opened.plan(command), show)
            return
        asker = actor()
        if (ask or ask_about_cascades) and is_terminal():
            plan = opened.plan(command)
            if ask or plan.decision.cascades:
                confirm(opened, plan)
            done(opened, carried_out(opened, plan, asker))
        else:
            done(opened, opened.apply(command, asker))


def plan_only(opened: Repository, plan: Plan, show_it: Callable[[Shown], None]) -> None:
    """Keep a plan if that was asked for, and show it."""
    file = wanted().plan
    if file is not None:
        keep(plan, file)
    if file == STDOUT:  # the plan is the answer
        output.say(summary(plan.decision, planned=True))
        return
    show_it(planned(opened, plan))


def planned(opened: Repository, plan: Plan) -> Shown:
    """A plan, with the manifests that it would change if they were asked for."""
    differences = opened.effects(plan, secret_key()) if wanted().diff else None
    return Shown(plan.decision, plan.base, True, differences)


def done(opened: Repository, applied: Applied) -> None:
    """Say what a command did."""
    differences = None
    if wanted().diff:
        differences = opened.brought(applied.commit, secret_key()) if applied.commit else iter(())
    show(Shown(applied.decision, applied.commit, False, differences))


def carried_out(opened: Repository, plan: Plan, asker: Actor) -> Applied:
    """Carry out exactly *plan*; if that is not what would happen any more, say what is different, line by line."""
    try:
        return opened.carry_out(plan, asker)
    except PlanOutdated as outdated:
        tell_difference(outdated.difference)
        raise


def tell_difference(lines: Iterable[str]) -> None:
    """What is not as planned, if it is more than the error itself says; machines find it in the error."""
    several = list(lines)
    if len(several) > 1 and output.form() not in ("json", "jsonl"):
        for line in several:
            click.echo(printable(line), err=True)


def secret_key() -> bytes:
    """A new key to hide the values of Secrets under."""
    import secrets  # noqa: PLC0415 - for differences only

    return secrets.token_bytes(16)


def is_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(opened: Repository, plan: Plan) -> None:
    """Show a plan as a dry run does, and ask; ends the run unless the answer is yes."""
    tell_plan(planned(opened, plan), err=True)
    click.echo(summary(plan.decision, planned=True), err=True)
    try:
        agreed = click.confirm("Do this?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
