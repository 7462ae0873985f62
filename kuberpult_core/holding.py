"""What is held back: the locks of each environment, what waits behind each, and all that waits.

Plain data, in the shapes of the HTTP API. It brings together what the lists of locks and of the queue
say each for itself, so that both are about the same commit, and asks each place once.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

import attrs

from kuberpult_core.decide.locking import check_team, every_lock, is_overdue
from kuberpult_core.decide.unlocking import waiting_behind
from kuberpult_core.model import Broken, Lock, LockScope, State
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, Version
from kuberpult_core.past.queueing import Place, Queueing, queued_since
from kuberpult_core.questions import ShowHolds
from kuberpult_core.views import Data, check_environment, environments_in_order, link_view, lock_view
from kuberpult_core.words import lock_name

MOST_LOOKED_BACK = 100
"""Commits that are looked at for when something began to wait."""


def holds(state: State, question: ShowHolds, now: datetime, newest_first: Iterable[Queueing]) -> Data:
    """The locks that *question* asks for by environment, in the order of promotion, and what waits there.

    *newest_first* is the log, which tells since when something waits; not much of it is read.
    """
    check_environment(state, question.environment)
    if question.team is not None:
        check_team(state, question.team)
    filters = _Filters.of(state, question)
    names = [name for name in environments_in_order(state) if question.environment in (None, name)]
    queue = [place for name in names for place in waiting_behind(state, LockScope(name)) if filters.wants(*place)]
    waits = {place: state.placement(*place).queued for place in queue}
    since = queued_since(waits, islice(newest_first, MOST_LOOKED_BACK)) if queue else {}
    waiting = {place: _waiting(state, place, since.get(place)) for place in queue}
    return {
        "teams": sorted({team for it in state.applications if (team := state.team_of(it)) is not None}),
        "environments": [_environment(state, name, filters, waiting, now) for name in names],
        "queue": list(waiting.values()),
    }


@attrs.frozen
class _Filters:
    """Which services somebody wants to know of."""

    state: State
    question: ShowHolds
    wanted: frozenset[ApplicationName]
    """Those that there are."""

    @classmethod
    def of(cls, state: State, question: ShowHolds) -> "_Filters":
        return cls(state, question, frozenset(it for it in state.applications if _is_wanted(state, question, it)))

    def wants(self, _environment: EnvironmentName, application: ApplicationName) -> bool:
        return application in self.wanted or _is_wanted(self.state, self.question, application)

    def concerns(self, scope: LockScope) -> bool:
        """Whether a lock there is in the way of one of them."""
        if scope.application is not None:
            return self.wants(scope.environment, scope.application)
        if self.question.application is None and self.question.team is None:
            return True
        return any(scope.team in (None, self.state.team_of(it)) for it in self.wanted)


def _is_wanted(state: State, question: ShowHolds, application: ApplicationName) -> bool:
    pattern, team = question.application, question.team
    named = pattern is None or fnmatch.fnmatchcase(application, pattern)
    return named and (team is None or state.team_of(application) == team)


def _environment(
    state: State, name: EnvironmentName, filters: _Filters, waiting: Mapping[Place, Data], now: datetime
) -> Data:
    scopes = [(scope, locks) for scope, locks in every_lock(state, name) if locks and filters.concerns(scope)]
    return {
        "name": name,
        "group": state.environments[name].config.group,
        "locks": [it for scope, locks in scopes for it in _locks(state, scope, locks, waiting, now)],
    }


def _locks(
    state: State,
    scope: LockScope,
    locks: Mapping[LockId, Lock],
    waiting: Mapping[Place, Data],
    now: datetime,
) -> Iterator[Data]:
    behind = [waiting[place] for place in waiting_behind(state, scope) if place in waiting]
    for lock_id, lock in sorted(locks.items()):
        yield {"lock": lock_view(scope, lock_id, lock), "overdue": is_overdue(lock, now), "waiting": behind}


def _waiting(state: State, place: Place, since: Data | None) -> Data:
    environment, application = place
    placed = state.placement(environment, application)
    return {
        "environment": environment,
        "application": application,
        "version": link_view(placed.version),
        "display_version": _display_version(state, application, placed.version),
        "queued": link_view(placed.queued),
        "queued_display_version": _display_version(state, application, placed.queued),
        "since": since,
        "locks": [lock_name(it.scope, it.lock_id) for it in state.locks_on(environment, application)],
    }


def _display_version(state: State, application: ApplicationName, version: Version | Broken | None) -> str | None:
    release = None if version is None or isinstance(version, Broken) else state.release(application, version)
    return release.origin.display_version if release else None
