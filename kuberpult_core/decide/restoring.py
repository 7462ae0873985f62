"""How each part comes back as it was before a commit, if it still is as the commit left it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from kuberpult_core.config import StoredConfig
from kuberpult_core.decide import environments, releases
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import Skip, SkipReason
from kuberpult_core.errors import DuplicateApplicationName, InvalidConfig, UnknownUpstream
from kuberpult_core.events import (
    ApplicationDeleted,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    LockCreated,
    LockDeleted,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
)
from kuberpult_core.model import Release, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.differences import (
    EnvironmentChanged,
    KeptRelease,
    LockChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)
from kuberpult_core.words import lock_name

T = TypeVar("T")


def moved_on(
    course: Course,
    detail: str,
    environment: EnvironmentName | None = None,
    application: ApplicationName | None = None,
    version: Version | None = None,
) -> None:
    """List a part that is not as the commit left it."""
    course.skip(Skip(SkipReason.MOVED_ON, environment, application, version, detail=detail))


def settings(course: Course, difference: SettingsChanged) -> None:
    """The settings as they were."""
    now = course.state.stored_settings
    if now.problem or now.document != (difference.new.document if difference.new else {}):
        moved_on(course, "the settings are others by now")
    elif difference.old is None:
        course.happens(SettingsUpdated({}, is_gone=True))
    else:
        course.happens(SettingsUpdated(difference.old.document, difference.old.entry))


def in_any_order(course: Course, restore: Callable[[T], Skip | None], parts: Iterable[T]) -> None:
    """Restore *parts* that may need each other: again and again, until no more of them can be; skip the rest."""
    waiting = list(parts)
    while waiting:
        tried = [(part, restore(part)) for part in waiting]
        left = [(part, skip) for part, skip in tried if skip is not None]
        if len(left) == len(waiting):
            for _, skip in left:
                course.skip(skip)
            return
        waiting = [part for part, _ in left]


def environment_config(course: Course, difference: EnvironmentChanged) -> Skip | None:
    """An environment's configuration as it was, and the environment itself if it is gone; or why not."""
    name, old, new = difference.environment, difference.old, difference.new
    there = course.state.environments.get(name)
    if old is None:
        return None
    if (there is None) != (new is None):
        return Skip(SkipReason.MOVED_ON, name, detail="it is there again" if there else "it is gone")
    if there and new and (there.stored.problem or there.stored.document != new.document):
        return Skip(SkipReason.MOVED_ON, name, detail="its config is another one by now")
    if fault := _config_fault(course, name, StoredConfig(old.document)):
        return Skip(SkipReason.BROKEN, name, detail=fault)
    kind = EnvironmentUpdated if there else EnvironmentCreated
    course.happens(kind(name, old.document, old.entry))
    return None


def _config_fault(course: Course, name: EnvironmentName, old: StoredConfig) -> str | None:
    """Why the configuration cannot come back today; what Argo CD would delete is only listed here."""
    try:
        environments.check_config(course, name, old.config, allow_cascade=True)
    except (UnknownUpstream, InvalidConfig, DuplicateApplicationName) as fault:
        return str(fault)
    return None


def environment_away(course: Course, difference: EnvironmentChanged) -> Skip | None:
    """No environment any more, if it is as it was made and nothing is on it; or why not."""
    name, new = difference.environment, difference.new
    there = course.state.environments.get(name)
    if new is None or there is None:
        return Skip(SkipReason.MOVED_ON, name, detail="it is gone already")
    is_used = there.locks or there.team_locks or any(not it.is_empty for it in there.placements.values())
    if there.stored.problem or there.stored.document != new.document or is_used:
        return Skip(SkipReason.MOVED_ON, name, detail="its config is another one by now, or something is on it")
    if downstream := environments.downstream_of(course.state, name):
        return Skip(SkipReason.MOVED_ON, name, detail=f"it is the upstream of {', '.join(downstream)}")
    course.happens(EnvironmentDeleted(name))
    return None


def team(course: Course, difference: TeamChanged) -> None:
    """The application's team as it was."""
    name = difference.application
    now = course.state.team_of(name)
    if now != difference.new or (difference.old is None and name not in course.state.applications):
        moved_on(course, f"its team is {now or 'none'} by now", None, name)
    else:
        course.happens(TeamSet(name, difference.old, now))


def lock(course: Course, difference: LockChanged) -> None:
    """The lock as it was: whose it was, and since when."""
    scope, lock_id, old = difference.scope, difference.lock_id, difference.old
    now = course.state.locks_at(scope).get(lock_id)
    name = lock_name(scope, lock_id)
    if scope.environment not in course.state.environments:
        moved_on(course, f"its environment is gone, and {name} with it", scope.environment, scope.application)
    elif now != (difference.new.lock if difference.new else None):
        how = "is another one by now" if now else "is gone already"
        moved_on(course, f"{name} {how}", scope.environment, scope.application)
    elif old is not None:
        course.happens(LockCreated(scope, lock_id, old.lock, now, old.entry))
    elif now is not None:
        course.happens(LockDeleted(scope, lock_id, now))


def release(course: Course, difference: ReleaseChanged) -> None:
    """A release that was deleted."""
    application, version, old = difference.application, difference.version, difference.old
    if old is None:
        return
    if course.state.release(application, version) is not None:
        moved_on(course, "there is a release of that number again", None, application, version)
        return
    origin = old.origin
    course.happens(
        ReleaseCreated(
            application,
            version,
            old.manifests,
            origin.commit_id,
            origin.author,
            origin.message,
            origin.display_version,
            old.entry,
            origin.created_at,
            old.is_undeploy,
        )
    )


def release_away(course: Course, difference: ReleaseChanged) -> None:
    """No release of that number any more, if nothing needs it; and no application without releases."""
    if difference.old is not None:
        return
    application, version, new = difference.application, difference.version, difference.new
    now = course.state.release(application, version)
    in_use = releases.in_use(course.state, application)
    if now is None or new is None or not _is_the_same(now, new):
        moved_on(course, "it is another one by now, or gone", None, application, version)
    elif in_use is None or version in in_use:
        moved_on(course, "it is in place or waits somewhere", None, application, version)
    else:
        course.happens(ReleaseDeleted(application, version))
        if _is_empty(course.state, application):
            course.happens(ApplicationDeleted(application))


def _is_the_same(now: Release, kept: KeptRelease) -> bool:
    manifests = {name: manifest.id for name, manifest in kept.manifests.items()}
    return dict(now.manifests) == manifests and now.origin == kept.origin and now.is_undeploy == kept.is_undeploy


def _is_empty(state: State, application: ApplicationName) -> bool:
    """Whether nothing is left of an application."""
    there = state.applications.get(application)
    placements = (environment.placement(application) for environment in state.environments.values())
    return there is not None and not there.releases and not there.team and all(it.is_empty for it in placements)
