"""Plans: decisions that are not carried out, or not yet."""

import attrs

from kuberpult_core.commands import Command
from kuberpult_core.decision import Decision
from kuberpult_core.ports import ObjectId
from kuberpult_core.words import cascade_line, fact, skip_line, warning_line


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


def difference(planned: Decision, now: Decision) -> tuple[str, ...]:
    """What is not as planned any more, a line each: ``-`` no longer, ``+`` now."""
    old, new = lines(planned), lines(now)
    gone = [f"- {line}" for line in old if line not in set(new)]
    come = [f"+ {line}" for line in new if line not in set(old)]
    return (*gone, *come) or ("the same facts come in another order",)
