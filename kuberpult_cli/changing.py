"""Carrying out a command for a person: plan or apply it, ask where it hurts, say what happened."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kuberpult_cli import output
from kuberpult_cli.exits import INTERRUPTED
from kuberpult_cli.session import actor, repository
from kuberpult_core import Command, Decision, ReleaseTrain, Skip, SkipReason, UpstreamThen, decision_data
from kuberpult_core.errors import printable
from kuberpult_core.words import MAX_SHOWN, cascade_line, fact, fact_name, skip_line, warning_line

F = TypeVar("F", bound=Callable[..., Any])


def changing(function: F) -> F:
    """Give a command that changes something the option to plan only."""
    return click.option(
        "-n", "--dry-run", is_flag=True, help="Show the plan, with the reason for every skip, and do nothing."
    )(function)


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
        if dry_run:
            plan = opened.plan(command)
            show(plan.decision, plan.base, planned=True)
            return
        asker = actor()
        if (ask or ask_about_cascades) and _is_terminal():
            plan = opened.plan(command)
            if ask or plan.decision.cascades:
                _confirm(plan.decision)
            applied = opened.carry_out(plan, asker)
        else:
            applied = opened.apply(command, asker)
        show(applied.decision, applied.commit, planned=False)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _confirm(decision: Decision) -> None:
    for text in lines(decision):
        click.echo(printable(text), err=True)
    try:
        agreed = click.confirm("Do this?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)


def lines(decision: Decision) -> list[str]:
    """What a decision says beside its skips: facts, what Argo CD deletes, warnings."""
    return [
        *map(fact, decision.events),
        *map(cascade_line, decision.cascades),
        *(f"Warning: {warning_line(warned)}" for warned in decision.warnings),
    ]


def show(decision: Decision, commit: str | None, *, planned: bool) -> None:
    """Print a decision. A plan is the answer, reasons included; of a change, the facts are."""
    match decision.command:
        case ReleaseTrain(from_state=UpstreamThen(revision)):
            output.say(f"From the state of commit {revision[:MAX_SHOWN]}.")
    names = [fact_name(event) for event in decision.events]
    match output.form():
        case "table" | "wide":
            _show_lines(decision, planned=planned)
        case "jsonl":
            output.emit(decision_data(decision)["facts"], (), (), names)
        case _:
            output.emit({"commit": commit, "planned": planned, **decision_data(decision)}, (), (), names)
    if decision.is_nothing and output.form() == "name":
        output.say(_summary(decision, planned=planned))


def _show_lines(decision: Decision, *, planned: bool) -> None:
    for event in decision.events:
        output.line(fact(event))
    tell = output.line if planned else output.say
    told = [skip for skip in decision.skips if planned or _is_news(skip)]
    for skip in told:
        tell(skip_line(skip))
    for text in lines(decision)[len(decision.events) :]:
        tell(text)
    for note in decision.notes:
        output.say(note)
    output.say(_summary(decision, planned=planned))


def _is_news(skip: Skip) -> bool:
    """Whether a skip is worth a line after the fact; that an application is where it should be is not."""
    return skip.application is None or skip.environment is None or skip.reason is not SkipReason.ALREADY_THERE


def _summary(decision: Decision, *, planned: bool) -> str:
    counts = f"{_count(len(decision.events), 'fact')}, {len(decision.skips)} skipped"
    if decision.is_nothing:
        return (
            "Nothing to do: everything is as you ask already."
            if not decision.skips
            else f"Nothing to do: {counts}."
        )
    return f"Plan: {counts}. Nothing was changed." if planned else f"Done: {counts}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
