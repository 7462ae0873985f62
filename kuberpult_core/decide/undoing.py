"""Undo (rules.md 6): a commit's facts turned round, against the state of today.

What comes back comes first, environments before what is on them; what goes, goes last and
only if nothing needs it. Whatever is not as the commit left it has moved on: it is left
alone and listed.
"""

from collections.abc import Iterable
from functools import partial
from typing import TypeVar

from kuberpult_core.commands import Undo
from kuberpult_core.decide import argocd, restoring, unlocking
from kuberpult_core.decide.course import Course
from kuberpult_core.decide.replacing import Replacing, locks_in_the_way
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.model import OnUnlock
from kuberpult_core.names import EnvironmentName
from kuberpult_core.past.differences import (
    EnvironmentChanged,
    LockChanged,
    PlacementChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)
from kuberpult_core.past.known import CommitFacts

D = TypeVar("D")


def undo(course: Course, command: Undo) -> None:
    """Turn round what the commit did, as far as it is still so."""
    facts = command.facts
    if facts is None:
        raise InvalidCommand("$.facts", "what the commit did has to be read from the repository first")
    held = _held(course, facts)
    cascades = len(course.decision(command).cascades)
    _turn_round(course, facts)
    if not command.allow_cascade:  # with all that would go, not only with the first
        argocd.refuse_cascade(course.decision(command).cascades[cascades:])
    unlocking.release_unlocked(course, held, OnUnlock.DEPLOY)
    if facts.others:
        course.note(f"Files that kuberpult does not know stay as they are: {', '.join(facts.others)}.")


def _turn_round(course: Course, facts: CommitFacts) -> None:
    placements, releases = _of(facts, PlacementChanged), _of(facts, ReleaseChanged)
    environments = _of(facts, EnvironmentChanged)
    replacing = Replacing(course, locks_in_the_way(course.state, placements), _waited(facts))
    for settings in _of(facts, SettingsChanged):
        restoring.settings(course, settings)
    configs = partial(restoring.environment_config, course)
    restoring.in_any_order(course, configs, [it for it in environments if it.old is not None])
    for release in releases:
        restoring.release(course, release)
    for team in _of(facts, TeamChanged):
        restoring.team(course, team)
    for lock in _of(facts, LockChanged):
        restoring.lock(course, lock)
    replacing.put_back(placements)
    for release in releases:
        restoring.release_away(course, release)
    away = partial(restoring.environment_away, course)
    restoring.in_any_order(course, away, [it for it in environments if it.old is None])


def _of(facts: CommitFacts, kind: type[D]) -> list[D]:
    return [difference for difference in facts.differences if isinstance(difference, kind)]


def _waited(facts: CommitFacts) -> set[unlocking.Waiting]:
    return {(it.environment, it.application) for it in facts.waited_unlocked}


def _held(course: Course, facts: CommitFacts) -> list[unlocking.Waiting]:
    """What waits behind locks that the undo may take away."""
    state = course.state
    concerned: set[unlocking.Waiting] = set()
    for difference in facts.differences:
        if isinstance(difference, LockChanged):
            concerned.update(unlocking.waiting_behind(state, difference.scope))
        elif isinstance(difference, TeamChanged):
            concerned.update(_everywhere(state.environments, difference))
    waited = _waited(facts)
    return [
        (name, application)
        for name, application in sorted(concerned)
        if state.is_locked(name, application) and (name, application) not in waited
    ]


def _everywhere(environments: Iterable[EnvironmentName], difference: TeamChanged) -> Iterable[unlocking.Waiting]:
    return [(name, difference.application) for name in environments]
