"""CreateEnvironment, UpdateEnvironment and DeleteEnvironment (rules.md 7)."""

from typing import assert_never

from kuberpult_core.commands import CreateEnvironment, DeleteEnvironment, UpdateEnvironment
from kuberpult_core.config import EnvironmentConfig, StoredConfig, document_of
from kuberpult_core.decide import argocd
from kuberpult_core.decide.course import Course
from kuberpult_core.decide.locking import every_lock, refuse_locked
from kuberpult_core.errors import EnvironmentExists, InvalidConfig, IsUpstream, UnknownUpstream
from kuberpult_core.events import EnvironmentCreated, EnvironmentDeleted, EnvironmentUpdated
from kuberpult_core.fields import IfExists
from kuberpult_core.model import LockInTheWay, State
from kuberpult_core.names import EnvironmentName


def change(course: Course, command: CreateEnvironment | UpdateEnvironment | DeleteEnvironment) -> None:
    """Make, change or take away an environment."""
    match command:
        case CreateEnvironment():
            _create(course, command)
        case UpdateEnvironment():
            stored = course.environment(command.environment).stored
            _update(course, command.environment, stored.patched(command.patch), command.allow_cascade)
        case DeleteEnvironment():
            _delete(course, command)
        case _:
            assert_never(command)


def _create(course: Course, command: CreateEnvironment) -> None:
    name = command.environment
    known = course.state.environments.get(name)
    if known is not None:
        if command.if_exists is IfExists.REFUSE:
            raise EnvironmentExists(name)
        _update(course, name, known.stored.replaced(command.config), command.allow_cascade)
        return
    _check_upstream(course.state, name, command.config.upstream_environment)
    course.happens(EnvironmentCreated(name, document_of(command.config)))


def _update(course: Course, name: EnvironmentName, new: StoredConfig, allow_cascade: bool) -> None:
    there = course.environment(name)
    if new.document == there.stored.document and not there.stored.problem:
        return
    check_config(course, name, new.config, allow_cascade=allow_cascade)
    course.happens(EnvironmentUpdated(name, new.document))


def check_config(course: Course, name: EnvironmentName, config: EnvironmentConfig, *, allow_cascade: bool) -> None:
    """Refuse a configuration, of an environment that is there or not yet, that the others do not allow."""
    _check_upstream(course.state, name, config.upstream_environment)
    there = course.state.environments.get(name)
    if there is None:
        return
    if config.argocd is None:
        argocd.check_cascade(course, name, argocd.applications_on(there), allow_cascade)
    elif there.config.argocd is None:
        argocd.check_names(course.state, name)


def _check_upstream(state: State, name: EnvironmentName, upstream: EnvironmentName | None) -> None:
    """Refuse an upstream that is not there, or that gets its versions from *name* in the end."""
    if upstream is None:
        return
    if upstream not in state.environments:
        raise UnknownUpstream(name, upstream)
    seen = [name]
    link: EnvironmentName | None = upstream
    while link is not None and link not in seen[1:]:  # a cycle among others was there before
        if link == name:
            raise InvalidConfig("$.upstream.environment", f"it makes a cycle: {' ← '.join([*seen, link])}")
        seen.append(link)
        link = state.environments[link].config.upstream_environment if link in state.environments else None


def _delete(course: Course, command: DeleteEnvironment) -> None:
    name = command.environment
    there = course.environment(name)
    state = course.state
    if others := downstream_of(state, name):
        raise IsUpstream(name, others)
    refuse_locked(course, name, None, _locks_on(state, name), ignored=command.ignore_locks)
    argocd.check_cascade(course, name, argocd.applications_on(there), command.allow_cascade)
    course.happens(EnvironmentDeleted(name))


def downstream_of(state: State, name: EnvironmentName) -> tuple[EnvironmentName, ...]:
    """The other environments whose upstream is *name*, in name order."""
    return tuple(
        sorted(
            other
            for other, there in state.environments.items()
            if there.config.upstream_environment == name and other != name
        )
    )


def _locks_on(state: State, name: EnvironmentName) -> tuple[LockInTheWay, ...]:
    return tuple(
        LockInTheWay(scope, lock_id, found[lock_id])
        for scope, found in every_lock(state, name)
        for lock_id in sorted(found)
    )
