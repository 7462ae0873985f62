"""ReleaseTrain (rules.md 4): make a target equal to its upstream."""

from collections.abc import Iterator

import attrs

from kuberpult_core.commands import Deploy, ReleaseTrain
from kuberpult_core.decide import deploying, locking, targets, unlocking
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import Skip, SkipReason
from kuberpult_core.errors import InvalidCommand, NoUpstream, UnknownUpstream
from kuberpult_core.events import Cause
from kuberpult_core.model import Broken, LockBehavior, State
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, Version
from kuberpult_core.past.known import UpstreamThen
from kuberpult_core.words import MAX_SHOWN


@attrs.frozen
class _Passenger:
    """An application that the train brings to one member, as upstream had it before the train."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version | Broken


def release_train(course: Course, command: ReleaseTrain) -> None:
    """Bring to each member what its upstream had before the train; nothing rides through two."""
    if command.from_state is not None and command.from_state.versions is None:
        raise InvalidCommand("$.from_state", "what upstream had has to be read from the repository first")
    members, is_group = targets.resolve(course, _named(command), GroupName(command.target))
    if command.team is not None:
        locking.check_team(course.state, command.team)
    bound = [member for member in members if _can_run(course, member, is_group, command.from_state)]
    passengers = (it for member in bound for it in _passengers(course.state, member, command))
    # one member may be upstream of another; otherwise, what is read of an application is read at once
    for passenger in list(passengers) if len(bound) > 1 else passengers:
        _bring(course, passenger, command.lock_behavior)


def _named(command: ReleaseTrain) -> EnvironmentName | None:
    return None if command.group_only else command.target


def members_of(state: State, command: ReleaseTrain) -> list[EnvironmentName]:
    """The environments that the train goes to. Raises :class:`UnknownEnvironment` if there are none."""
    return targets.resolve(Course(state), _named(command), GroupName(command.target))[0]


def _can_run(course: Course, member: EnvironmentName, is_group: bool, then: UpstreamThen | None) -> bool:
    config = course.state.environments[member].config
    upstream = config.upstream_environment
    if upstream is None:
        if config.follows_latest:
            return True
        if not is_group:
            raise NoUpstream(member)
        course.skip(Skip(SkipReason.NO_UPSTREAM, member))
        return False
    if _has_versions(course.state, member, upstream, then):
        return True
    if not is_group:
        raise UnknownUpstream(member, upstream)
    when = f" in {then.revision[:MAX_SHOWN]}" if then else ""
    course.skip(Skip(SkipReason.UNKNOWN_UPSTREAM, member, detail=f"there is no environment {upstream}{when}"))
    return False


def _has_versions(
    state: State, member: EnvironmentName, upstream: EnvironmentName, then: UpstreamThen | None
) -> bool:
    if then is None:
        return upstream in state.environments
    return then.versions is not None and member in then.versions


def _passengers(state: State, member: EnvironmentName, command: ReleaseTrain) -> Iterator[_Passenger]:
    for application, version in _versions(state, member, command.from_state):
        if command.team is None or state.team_of(application) == command.team:
            yield _Passenger(member, application, version)


def _versions(
    state: State, member: EnvironmentName, then: UpstreamThen | None
) -> Iterator[tuple[ApplicationName, Version | Broken]]:
    """What the member's upstream has today, or had then."""
    if then is None:
        yield from upstream_versions(state, state.environments[member].config.upstream_environment)
    for application, version in sorted((then.versions or {}).get(member, {}).items()) if then else ():
        yield application, Broken("its link could not be read then") if version is None else version


def upstream_versions(
    state: State, upstream: EnvironmentName | None
) -> Iterator[tuple[ApplicationName, Version | Broken]]:
    """What is upstream, in name order: an environment's versions, or the newest releases without one."""
    if upstream is None:
        for application in sorted(state.applications):
            if releases := state.applications[application].releases:
                yield application, max(releases)
        return
    placements = state.environments[upstream].placements
    for application in sorted(placements):
        if (version := placements[application].version) is not None:
            yield application, version


def _bring(course: Course, passenger: _Passenger, behavior: LockBehavior) -> None:
    environment, application, version = passenger.environment, passenger.application, passenger.version
    reason = deploying.why_broken(course.state, application, version)
    if isinstance(version, Broken) or reason:
        broken = deploying.number(version)
        course.skip(Skip(SkipReason.BROKEN, environment, application, broken, detail=reason or ""))
    elif skip := _reason_to_skip(course.state, environment, application, version, behavior):
        course.skip(skip)
    else:
        deploying.place(course, Deploy(environment, application, version, behavior), Cause.TRAIN)


def _reason_to_skip(
    state: State,
    environment: EnvironmentName,
    application: ApplicationName,
    version: Version,
    behavior: LockBehavior,
) -> Skip | None:
    """The first reason of rules.md 4 to leave the application as it is.

    A train that goes through locks is a manual deployment, which is always possible, so
    for it a version that waits is not there yet.
    """
    now = state.placement(environment, application)
    if now.version == version and now.queued in (None, version):
        return Skip(SkipReason.ALREADY_THERE, environment, application, version)
    locks = tuple(state.locks_on(environment, application)) if state.is_locked(environment, application) else ()
    if locks and now.queued == version and behavior is not LockBehavior.IGNORE:
        return Skip(SkipReason.ALREADY_QUEUED, environment, application, version, locks)
    release = state.release(application, version)
    if release is None or not deploying.can_run(release, environment, LockBehavior.QUEUE):
        return Skip(SkipReason.NO_MANIFEST, environment, application, version)
    if locks and behavior is LockBehavior.FAIL:
        return Skip(SkipReason.LOCKED, environment, application, version, locks)
    return unlocking.placing_fault(state, environment, application, version)
