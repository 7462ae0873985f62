"""The rules: what a command comes to in a state. One module a capability; this is the way in."""

import attrs

from kuberpult_core.commands import Batch, CancelQueued, Command, Deploy, SingleCommand
from kuberpult_core.decide import argocd, deploying
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import Decision
from kuberpult_core.errors import KuberpultError
from kuberpult_core.model import State
from kuberpult_core.reading.bulk import made_to_stay

__all__ = ["decide"]


def decide(state: State, command: Command) -> Decision:
    """What *command* does to *state*: facts, skips, warnings.

    Raises a refusal (*Invalid*, *NotFound* or *Rejected*, see :mod:`kuberpult_core.errors`)
    if the rules do not allow it; nothing has happened then. Raises *Unavailable* if the
    state cannot be read.
    """
    with made_to_stay():
        course = Course(state)
        effective = _batch(course, command) if isinstance(command, Batch) else _single(course, command)
        argocd.check_url(state, course)
        return course.decision(effective)


def _batch(course: Course, batch: Batch) -> Batch:
    """Carry out each command on what the one before left; the batch without those that do nothing."""
    effective = []
    for index, command in enumerate(batch.commands):
        facts_before = len(course.events)
        try:
            _single(course, command)
        except KuberpultError as refusal:
            refusal.at = f"commands[{index}]"
            raise
        if len(course.events) > facts_before:
            effective.append(command)
    return attrs.evolve(batch, commands=tuple(effective))


def _single(course: Course, command: SingleCommand) -> SingleCommand:
    match command:
        case Deploy():
            deploying.deploy(course, command)
        case CancelQueued():
            deploying.cancel_queued(course, command)
        case _:
            from kuberpult_core.decide import capabilities  # noqa: PLC0415 - a deployment needs none of the others

            capabilities.carry_out(course, command)
    return command
