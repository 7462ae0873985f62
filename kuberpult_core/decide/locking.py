"""CreateLock, DeleteLock and ExpireLocks (rules.md 3)."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from kuberpult_core.commands import CreateLock, DeleteLock, ExpireLocks, Target
from kuberpult_core.decide import targets, unlocking
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import IgnoresLocks, ReplacesLock
from kuberpult_core.errors import Locked, UnknownLock, UnknownTeam
from kuberpult_core.events import LockCreated, LockDeleted
from kuberpult_core.fields import IfMissing
from kuberpult_core.model import Lock, LockInTheWay, LockScope, OnUnlock, State
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName


def create_lock(course: Course, command: CreateLock) -> None:
    """Lay the lock on the target; on each present member, if the target is a group."""
    scopes, is_group = _scopes(course, command.target)
    if command.target.team is not None:
        check_team(course.state, command.target.team)
    lock = Lock(
        command.message,
        link=command.link,
        expires_at=command.expires_at,
        on_expiry=command.on_expiry,
        suggested_lifetime=command.suggested_lifetime,
    )
    for scope in scopes:
        _lay(course, scope, command.lock_id, lock)
    if is_group:
        names = ", ".join(scope.environment for scope in scopes)
        course.note(f"Locked in this group: {names}. An environment that joins it later is not locked.")


def _lay(course: Course, scope: LockScope, lock_id: LockId, lock: Lock) -> None:
    there = course.state.locks_at(scope).get(lock_id)
    if there is not None and there.says_the_same_as(lock):
        return
    if there is not None:
        course.warn(ReplacesLock(scope, lock_id, there))
    course.happens(LockCreated(scope, lock_id, lock, there))


def check_team(state: State, team: TeamName) -> None:
    """Refuse a team that no application belongs to: most likely a slip of the pen."""
    if all(application.team != team for application in state.applications.values()):
        raise UnknownTeam(team)


def delete_lock(course: Course, command: DeleteLock) -> None:
    """Take the lock off; what waited for the last one goes out or is dropped."""
    scopes, _ = _scopes(course, command.target)
    found = [scope for scope in scopes if command.lock_id in course.state.locks_at(scope)]
    if not found and command.if_missing is IfMissing.REFUSE:
        raise UnknownLock(str(command.target), command.lock_id)
    for scope in found:
        _take_off(course, scope, command.lock_id, command.queued)


def _take_off(course: Course, scope: LockScope, lock_id: LockId, then: OnUnlock) -> None:
    waiting = unlocking.waiting_behind(course.state, scope)
    course.happens(LockDeleted(scope, lock_id, course.state.locks_at(scope)[lock_id]))
    unlocking.release_unlocked(course, waiting, then)
    course.look_again(waiting)


def expire_locks(course: Course, command: ExpireLocks) -> None:
    """Delete what is past its time, oldest first, each with its own ``on_expiry``."""
    due = [
        (lock.expires_at, str(scope), lock_id, scope, lock)
        for scope, locks in every_lock(course.state)
        for lock_id, lock in locks.items()
        if is_overdue(lock, command.now)
    ]
    for _, _, lock_id, scope, lock in sorted(due, key=lambda found: found[:3]):
        _take_off(course, scope, lock_id, lock.on_expiry or OnUnlock.DEPLOY)


def is_overdue(lock: Lock, now: datetime) -> bool:
    """Whether the lock's time is past; it holds until it is deleted."""
    return lock.expires_at is not None and lock.expires_at <= now


def _scopes(course: Course, target: Target) -> tuple[list[LockScope], bool]:
    environments, is_group = targets.resolve(course, target.environment, target.group)
    return [LockScope(name, target.application, target.team) for name in environments], is_group


def refuse_locked(
    course: Course,
    environment: EnvironmentName,
    application: ApplicationName | None,
    locks: tuple[LockInTheWay, ...],
    *,
    ignored: bool,
) -> None:
    """Refuse what is not done to something locked; warn if the locks are *ignored*."""
    if locks and not ignored:
        raise Locked(environment, application, locks)
    if locks:
        course.warn(IgnoresLocks(environment, application, locks))


def every_lock(
    state: State, only: EnvironmentName | None = None
) -> Iterator[tuple[LockScope, Mapping[LockId, Lock]]]:
    """Every scope and its locks, in name order: of all environments, or of one *only*."""
    for environment in sorted(state.environments) if only is None else [only]:
        there = state.environments[environment]
        yield LockScope(environment), there.locks
        for team in sorted(there.team_locks):
            yield LockScope(environment, team=team), there.team_locks[team]
        for application in sorted(there.placements):
            yield LockScope(environment, application), there.placements[application].locks
