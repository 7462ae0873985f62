"""What happens when the last lock goes off a placement, whatever took it off (rules.md 3)."""

from collections.abc import Iterable

from kuberpult_core.decide import argocd, deploying
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import Skip, SkipReason
from kuberpult_core.errors import DuplicateApplicationName, NoRepositoryUrl
from kuberpult_core.events import Cause
from kuberpult_core.model import Broken, LockBehavior, LockScope, OnUnlock, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version

Waiting = tuple[EnvironmentName, ApplicationName]
"""A placement on which something waits behind locks."""


def waiting_behind(state: State, scope: LockScope) -> list[Waiting]:
    """The placements in *scope* that have a queue, in name order."""
    there = state.environments.get(scope.environment)
    if there is None:
        return []
    applications = [scope.application] if scope.application else sorted(there.placements)
    return [
        (scope.environment, application)
        for application in applications
        if there.placement(application).queued is not None
        and (scope.team is None or state.team_of(application) == scope.team)
    ]


def release_unlocked(course: Course, candidates: Iterable[Waiting], then: OnUnlock) -> None:
    """Deploy or drop what waits on those *candidates* that were locked and are not any more."""
    for environment, application in candidates:
        if not course.state.is_locked(environment, application):
            _release(course, environment, application, then)


def _release(course: Course, environment: EnvironmentName, application: ApplicationName, then: OnUnlock) -> None:
    now = course.state.placement(environment, application)
    if now.queued is None:
        return
    if then is OnUnlock.DISCARD or (now.queued == now.version and not isinstance(now.queued, Broken)):
        deploying.happens_emptied(course, environment, application, Cause.RELEASED)
        return
    if fault := _fault(course.state, environment, application, now.queued):
        course.skip(fault)
    elif not isinstance(now.queued, Broken):
        deploying.happens_deployed(course, environment, application, now.queued, Cause.RELEASED)


def _fault(
    state: State, environment: EnvironmentName, application: ApplicationName, queued: Version | Broken
) -> Skip | None:
    """Why what waits cannot be deployed: it is reported, stays queued, and blocks nobody else."""
    version = deploying.number(queued)
    if reason := deploying.why_broken(state, application, queued):
        return Skip(SkipReason.BROKEN, environment, application, version, detail=reason)
    release = state.release(application, queued) if not isinstance(queued, Broken) else None
    if release is None or not deploying.can_run(release, environment, LockBehavior.QUEUE):
        return Skip(SkipReason.NO_MANIFEST, environment, application, version)
    return placing_fault(state, environment, application, version)


def placing_fault(
    state: State, environment: EnvironmentName, application: ApplicationName, version: Version | None
) -> Skip | None:
    """The skip for a placement that Argo CD could not be told of, where one fault must not stop the rest."""
    try:
        argocd.check_placeable(state, environment, application)
    except (DuplicateApplicationName, NoRepositoryUrl) as fault:
        return Skip(SkipReason.BROKEN, environment, application, version, detail=fault.sentence)
    return None
