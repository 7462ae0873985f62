"""Plans: decisions that are not carried out, or not yet."""

import attrs

from kuberpult_core.commands import Command
from kuberpult_core.decision import Decision
from kuberpult_core.events import Event
from kuberpult_core.ports import ObjectId
from kuberpult_core.words import (
    cascade_line,
    fact,
    outcome,
    skip_line,
    skip_outcome,
    skip_subject,
    subject,
    warning_line,
)


@attrs.frozen
class Plan:
    """What a command would do to the state of one commit."""

    command: Command
    base: ObjectId | None
    """The commit that it was decided on; none before the first one."""
    decision: Decision


def lines(decision: Decision) -> list[str]:
    """A decision as lines: facts, what is passed over, warnings."""
    return [
        *map(fact, decision.events),
        *map(skip_line, decision.skips),
        *map(warning_line, decision.warnings),
        *map(cascade_line, decision.cascades),
    ]


def is_as_planned(planned: Decision, now: Decision) -> bool:
    """Whether *now* is what was planned: the same facts, and Argo CD deletes nothing that was not listed."""
    return now == planned and set(now.cascades) <= set(planned.cascades)


def difference(planned: Decision, now: Decision) -> tuple[str, ...]:
    """What is not as planned any more, a line for each subject: what it was, and what it would be now."""
    old, new = _facts(planned), _facts(now)
    changed = [it for it in dict.fromkeys([*old, *new]) if old.get(it) != new.get(it)]
    lines = [_changed(it, old.get(it, []), new.get(it, []), (planned, now)) for it in changed]
    going = [it for it in now.cascades if it not in set(planned.cascades)]
    return (*lines, *(f"{it}: Argo CD would now delete it" for it in going)) or (_IN_ANOTHER_ORDER,)


_IN_ANOTHER_ORDER = "the same facts would come in another order"


def _facts(decision: Decision) -> dict[str, list[Event]]:
    """The facts by what they are about."""
    found: dict[str, list[Event]] = {}
    for event in decision.events:
        found.setdefault(subject(event), []).append(event)
    return found


def _changed(about: str, was: list[Event], is_now: list[Event], decisions: tuple[Decision, Decision]) -> str:
    before, after = (_outcome(about, events, it) for events, it in zip((was, is_now), decisions, strict=True))
    if before == after:
        return f"{about}: {after}, as planned, but with other content"
    return f"{about}: was {before}, would now be {after}"


def _outcome(about: str, events: list[Event], decision: Decision) -> str:
    """What becomes of a subject, or why it is left alone."""
    if events:
        return ", then ".join(map(outcome, events))
    skipped = (skip_outcome(skip) for skip in decision.skips if skip_subject(skip) == about)
    return next(skipped, "left as it is")
