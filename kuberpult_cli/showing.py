"""Decisions for people and machines: what would happen, or what did."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from kuberpult_cli import output
from kuberpult_core import Decision, ReleaseTrain, Skip, SkipReason, UpstreamThen, decision_data
from kuberpult_core.counts import counts
from kuberpult_core.words import MAX_SHOWN, cascade_line, fact, fact_name, skip_line, warning_line

if TYPE_CHECKING:  # only those who compare need it
    from kuberpult_core.comparing import ManifestDifference


@attrs.frozen
class Shown:
    """A decision to be shown."""

    decision: Decision
    commit: str | None
    """The commit that says so, or of a plan the one that it was made on."""
    planned: bool
    differences: "Iterable[ManifestDifference] | None" = None
    """What it does to the manifests, if that was asked for."""


def warnings(decision: Decision) -> list[str]:
    """What Argo CD deletes, and what to know before it happens."""
    return [
        *map(cascade_line, decision.cascades),
        *(f"Warning: {warning_line(warned)}" for warned in decision.warnings),
    ]


def tell_plan(shown: Shown, *, err: bool = False) -> None:
    """Print a plan: facts, every skip, warnings, differences."""
    decision = shown.decision
    for text in [*map(fact, decision.events), *map(skip_line, decision.skips), *warnings(decision)]:
        output.line(text, err=err)
    tell_differences(shown, err=err)


def tell_differences(shown: Shown, *, err: bool = False) -> None:
    """Print what it does to the manifests, if that was asked for; or say that it does nothing to them."""
    is_any = False
    for it in shown.differences or ():
        output.texts([it.text], err=err)
        is_any = True
    if shown.differences is not None and not is_any and not shown.decision.is_nothing:
        output.say("The manifests stay as they are.")


def show(shown: Shown) -> None:
    """Print a decision. A plan is the answer, reasons included; of a change, the facts and differences are."""
    decision = shown.decision
    tell_revision(decision)
    names = [fact_name(event) for event in decision.events]
    match output.form():
        case "table" | "wide":
            _show_lines(shown)
        case "jsonl":
            output.emit(decision_data(decision)["facts"], (), (), names)
        case _:
            output.emit(data(shown), (), (), names)
    if decision.is_nothing and output.form() == "name":
        output.say(summary(decision, planned=shown.planned))


def tell_revision(decision: Decision) -> None:
    """Say which state a train takes its versions from, if it is not today's."""
    match decision.command:
        case ReleaseTrain(from_state=UpstreamThen(revision)):
            output.say(f"From the state of commit {revision[:MAX_SHOWN]}.")


def data(shown: Shown) -> dict[str, Any]:
    """A decision for machines; with its differences under ``manifests``, if they were asked for."""
    found = {"commit": shown.commit, "planned": shown.planned, **decision_data(shown.decision)}
    if shown.differences is not None:
        found["manifests"] = [
            {"environment": it.environment, "application": it.application, "diff": it.text}
            for it in shown.differences
        ]
    return found


def _show_lines(shown: Shown) -> None:
    decision = shown.decision
    if shown.planned:
        tell_plan(shown)
    else:
        output.lines(map(fact, decision.events))
        for text in [*map(skip_line, filter(_is_news, decision.skips)), *warnings(decision)]:
            output.say(text)
        tell_differences(shown)
    for note in decision.notes:
        output.say(note)
    output.say(summary(decision, planned=shown.planned))


def _is_news(skip: Skip) -> bool:
    """Whether a skip is worth a line after the fact; that an application is where it should be is not."""
    return skip.application is None or skip.environment is None or skip.reason is not SkipReason.ALREADY_THERE


def summary(decision: Decision, *, planned: bool) -> str:
    """How much it is, on one line."""
    if decision.is_nothing:
        skipped = f": {counts(decision)}" if decision.skips else ": everything is as you ask already"
        return f"Nothing to do{skipped}."
    return f"Plan: {counts(decision)}. Nothing was changed." if planned else f"Done: {counts(decision)}."
