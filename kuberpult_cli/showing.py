"""Decisions for people and machines: what would happen, or what did."""

from kuberpult_cli import output
from kuberpult_cli.outcome import Outcome


def tell_plan(planned: Outcome, *, err: bool = False) -> None:
    """Print a plan: facts, every skip, warnings, differences."""
    facts, skips = (it.words for it in planned.facts), (it.words for it in planned.skips)
    for text in [*facts, *skips, *planned.alarms]:
        output.line(text, err=err)
    tell_differences(planned, err=err)


def tell_differences(shown: Outcome, *, err: bool = False) -> None:
    """Print what it does to the manifests, if that was asked for; or say that it does nothing to them."""
    is_any = False
    for it in shown.differences or ():
        output.texts([it["diff"]], err=err)
        is_any = True
    if shown.differences is not None and not is_any and not shown.is_nothing:
        output.say("The manifests stay as they are.")


def show(shown: Outcome) -> None:
    """Print a decision. A plan is the answer, reasons included; of a change, the facts and differences are."""
    tell_revision(shown)
    names = [it.name for it in shown.facts]
    match output.form():
        case "table" | "wide":
            _show_lines(shown)
        case "jsonl":
            output.emit(shown.said()["facts"], (), (), names)
        case "name":
            output.emit(None, (), (), names)
        case _:
            output.emit(shown.data(), (), (), names)
    if shown.is_nothing and output.form() == "name":
        output.say(shown.summary)


def tell_revision(shown: Outcome) -> None:
    """Say which state a train takes its versions from, if it is not today's."""
    if shown.revision:
        output.say(f"From the state of commit {shown.revision}.")


def _show_lines(shown: Outcome) -> None:
    if shown.planned:
        tell_plan(shown)
    else:
        output.lines(it.words for it in shown.facts)
        for text in [*(it.words for it in shown.skips if it.is_news), *shown.alarms]:
            output.say(text)
        tell_differences(shown)
    for note in shown.notes:
        output.say(note)
    output.say(shown.summary)
