"""Carrying out a command for a person: plan it, keep the plan, or apply it; ask where it hurts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import attrs
import click

from kuberpult_cli import output
from kuberpult_cli.exits import INTERRUPTED
from kuberpult_cli.keeping import STDOUT, keep
from kuberpult_cli.outcome import Outcome
from kuberpult_cli.session import Counter, Prepared, changing_counter, counter
from kuberpult_cli.showing import show, tell_plan
from kuberpult_core import Command
from kuberpult_core.errors import KuberpultError, PlanOutdated, printable

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
    diff = wanted().diff
    if dry_run or wanted().plan is not None:
        with counter() as there:
            plan_only(there.plan(command, diff=diff), show)
        return
    with changing_counter() as there:
        if (ask or ask_about_cascades) and is_terminal():
            prepared = there.plan(command, diff=diff)
            if ask or prepared.outcome.cascades:
                confirm(prepared.outcome)
            show(carried_out(there, prepared.plan))
        else:
            show(there.apply(command, diff=diff))


def plan_only(prepared: Prepared, show_it: Callable[[Outcome], None]) -> None:
    """Keep a plan if that was asked for, and show it."""
    file = wanted().plan
    if file is not None:
        keep(prepared.content(), file)
    if file == STDOUT:  # the plan is the answer
        output.say(prepared.outcome.summary)
        return
    show_it(prepared.outcome)


def carried_out(there: Counter, plan: Any) -> Outcome:
    """Carry out exactly *plan*."""
    with telling_differences():
        return there.carry_out(plan, diff=wanted().diff)


@contextmanager
def telling_differences() -> Iterator[None]:
    """If a plan is not what would happen any more, say what is different, line by line.

    If it is more than the error itself says; machines find it in the error.
    """
    try:
        yield
    except KuberpultError as error:
        several = error.facts.get("difference", ()) if error.code == PlanOutdated.code else ()
        if len(several) > 1 and output.form() not in ("json", "jsonl"):
            for line in several:
                click.echo(printable(str(line)), err=True)
        raise


def is_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(planned: Outcome) -> None:
    """Show a plan as a dry run does, and ask; ends the run unless the answer is yes."""
    tell_plan(planned, err=True)
    click.echo(planned.summary, err=True)
    try:
        agreed = click.confirm("Do this?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
