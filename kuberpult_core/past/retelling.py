"""What happened between two trees as events: the same words for a command and for somebody's own commit."""

from collections.abc import Iterator
from typing import assert_never

from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, Version
from kuberpult_core.past.differences import (
    Difference,
    EnvironmentChanged,
    LockChanged,
    PlacementChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)
from kuberpult_core.past.facts import Facts


def events_of(facts: Facts) -> list[Event]:
    """The facts, in the order of their parts; what goes with its environment or application is told once."""
    after = facts.after.state
    events = [event for difference in facts.differences for event in _events(difference, after)]
    return [*events, *map(ApplicationDeleted, _gone(facts))]


def _gone(facts: Facts) -> list[ApplicationName]:
    """The applications of which nothing is left."""
    concerned = {it.application for it in facts.differences if isinstance(it, TeamChanged | ReleaseChanged)}
    after = facts.after.state.applications
    return sorted(name for name in concerned if name not in after)


def _events(difference: Difference, after: State) -> Iterator[Event]:
    match difference:
        case SettingsChanged(_, new):
            yield SettingsUpdated(new.document if new else {}, is_gone=new is None)
        case EnvironmentChanged():
            yield _environment(difference)
        case TeamChanged(application, old, new):
            if application in after.applications:
                yield TeamSet(application, new, old)
        case ReleaseChanged():
            yield from _release(difference, after)
        case LockChanged():
            yield from _lock(difference, after)
        case PlacementChanged(environment):
            if environment in after.environments:
                yield from _placement(difference, after)
        case _:
            assert_never(difference)


def _environment(difference: EnvironmentChanged) -> Event:
    if difference.new is None:
        return EnvironmentDeleted(difference.environment)
    if difference.old is None:
        return EnvironmentCreated(difference.environment, difference.new.document)
    return EnvironmentUpdated(difference.environment, difference.new.document)


def _release(difference: ReleaseChanged, after: State) -> Iterator[Event]:
    new = difference.new
    if new is None:
        if difference.application in after.applications:
            yield ReleaseDeleted(difference.application, difference.version)
        return
    origin = new.origin
    yield ReleaseCreated(
        difference.application,
        difference.version,
        new.manifests,
        origin.commit_id,
        origin.author,
        origin.message,
        origin.display_version,
        created_at=origin.created_at,
        is_undeploy=new.is_undeploy,
    )


def _lock(difference: LockChanged, after: State) -> Iterator[Event]:
    scope, lock_id = difference.scope, difference.lock_id
    if difference.new:
        replaced = difference.old.lock if difference.old else None
        yield LockCreated(scope, lock_id, difference.new.lock, replaced)
    elif difference.old and scope.environment in after.environments:
        yield LockDeleted(scope, lock_id, difference.old.lock)


def _placement(difference: PlacementChanged, after: State) -> Iterator[Event]:
    environment, application = difference.environment, difference.application
    old, new = difference.old, difference.new
    dropped = _dropped(difference)
    if new.version == old.version:
        yield _queue(difference, after)
    elif new.version is not None:
        yield Deployed(environment, application, new.version, old.version, dropped=dropped, queued=new.queued)
    elif after.placement(environment, application).is_empty:
        yield ApplicationRemoved(environment, application, old.version, dropped)
    elif old.version is not None:
        yield Undeployed(environment, application, old.version, dropped=dropped, queued=new.queued)


def _dropped(difference: PlacementChanged) -> Version | None:
    """What waited and does not any more, though it was not deployed."""
    gone = difference.old.queued not in (difference.new.queued, difference.new.version)
    return difference.old.queued if gone else None


def _queue(difference: PlacementChanged, after: State) -> Event:
    environment, application = difference.environment, difference.application
    old, new = difference.old.queued, difference.new.queued
    if new is None:
        return QueueEmptied(environment, application, old)
    waits_for = tuple((it.scope, it.lock_id) for it in after.locks_on(environment, application))
    return Queued(environment, application, new, old, waits_for=waits_for)
