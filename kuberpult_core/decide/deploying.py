"""Deploy and CancelQueued (rules.md 2), and the one way in which a version gets into place."""

from kuberpult_core.commands import CancelQueued, Deploy
from kuberpult_core.decide import argocd
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import IgnoresLocks
from kuberpult_core.errors import Locked, NoManifest, UnknownRelease
from kuberpult_core.events import Cause, Deployed, Queued, QueueEmptied
from kuberpult_core.model import Broken, LockBehavior, LockInTheWay, Placement, Release, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version


def deploy(course: Course, command: Deploy) -> None:
    """Check in the order of rules.md 2, then deploy or queue."""
    environment, application, version = command.environment, command.application, command.version
    course.environment(environment)
    release = course.application(application).releases.get(version)
    if release is None:
        raise UnknownRelease(application, version)
    if not can_run(release, environment, command.lock_behavior):
        raise NoManifest(application, version, environment)
    if command.lock_behavior is LockBehavior.FAIL:
        locks = course.state.locks_on(environment, application)
        if locks:
            raise Locked(environment, application, tuple(locks))
    place(course, command, Cause.ASKED)


def can_run(release: Release, environment: EnvironmentName, behavior: LockBehavior) -> bool:
    """Whether *release* has a manifest for *environment*.

    One that takes the service away (the Go tool's ``undeploy``) is never deployed by
    itself or by a train; a manual deployment can do even that.
    """
    if release.is_undeploy and behavior is not LockBehavior.IGNORE:
        return False
    return environment in release.manifests


def place(course: Course, deployment: Deploy, cause: Cause) -> None:
    """Deploy or queue a release that is known to have a manifest: the table of rules.md 2."""
    environment, application, version = deployment.environment, deployment.application, deployment.version
    state = course.state
    now = state.placement(environment, application)
    if now.version is None:
        argocd.check_name(state, environment, application)
    locks = state.locks_on(environment, application) if state.is_locked(environment, application) else []
    if locks and deployment.lock_behavior is LockBehavior.QUEUE:
        _queue(course, deployment, cause, locks)
        return
    if now.version != version:
        happens_deployed(course, environment, application, version, cause)
    elif now.queued is not None:
        happens_emptied(course, environment, application, cause)
    else:
        return
    if locks:
        course.warn(IgnoresLocks(environment, application, tuple(locks)))


def _queue(course: Course, deployment: Deploy, cause: Cause, locks: list[LockInTheWay]) -> None:
    """Let the version wait; the last deployment wins."""
    environment, application, version = deployment.environment, deployment.application, deployment.version
    replaced = course.state.placement(environment, application).queued
    if replaced != version:
        waits_for = tuple((lock.scope, lock.lock_id) for lock in locks)
        course.happens(Queued(environment, application, version, number(replaced), cause, waits_for))


def happens_deployed(
    course: Course,
    environment: EnvironmentName,
    application: ApplicationName,
    version: Version,
    cause: Cause,
) -> None:
    """The fact that *version* is in place."""
    now = course.state.placement(environment, application)
    dropped = None if now.queued == version else number(now.queued)
    course.happens(Deployed(environment, application, version, number(now.version), cause, dropped))


def happens_emptied(
    course: Course, environment: EnvironmentName, application: ApplicationName, cause: Cause
) -> None:
    """The fact that nothing waits any more."""
    now = course.state.placement(environment, application)
    course.happens(QueueEmptied(environment, application, number(now.queued), cause))


def number(link: Version | Broken | None) -> Version | None:
    """The version that a link names, if it can be read."""
    return None if isinstance(link, Broken) else link


def cancel_queued(course: Course, command: CancelQueued) -> None:
    """Empty one queue; an empty one: nothing happens."""
    course.environment(command.environment)
    now: Placement = course.state.placement(command.environment, command.application)
    if now.is_empty:
        course.application(command.application)
    if now.queued is not None:
        happens_emptied(course, command.environment, command.application, Cause.ASKED)


def why_broken(state: State, application: ApplicationName, link: Version | Broken) -> str | None:
    """Why the release that a link names cannot be used, or none if it can be read."""
    if isinstance(link, Broken):
        return link.reason
    there = state.applications.get(application)
    if there is None or link not in there.releases:
        return f"there is no release {link} of {application}"
    return None
