"""What people ask of a state, as plain data: the shapes of ``-o json`` and of the HTTP API."""

import fnmatch
from collections.abc import Iterator
from typing import Any

import attrs

from kuberpult_core.config import document_of
from kuberpult_core.decide.deploying import can_run
from kuberpult_core.decide.locking import check_team, every_lock
from kuberpult_core.decide.trains import upstream_versions
from kuberpult_core.decide.unlocking import waiting_behind
from kuberpult_core.errors import UnknownApplication, UnknownEnvironment, UnknownRelease
from kuberpult_core.model import (
    Application,
    Broken,
    Environment,
    Lock,
    LockBehavior,
    LockScope,
    Origin,
    Placement,
    Release,
    State,
)
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.reading.reader import Problem
from kuberpult_core.stamp import Actor
from kuberpult_core.words import lock_name

Data = dict[str, Any]


def check_environment(state: State, name: EnvironmentName | None) -> None:
    """Refuse a name that is given and that no environment has."""
    if name is not None and name not in state.environments:
        raise UnknownEnvironment(name)


def environments_in_order(state: State) -> list[EnvironmentName]:
    """The environments in the order of promotion: each after its upstream, by name where that leaves a choice."""
    return sorted(state.environments, key=lambda name: (_distance(state, name), name))


def _distance(state: State, name: EnvironmentName) -> int:
    """How many trains lie between *name* and the releases; far, if it is in no line with them."""
    seen: set[EnvironmentName] = set()
    link: EnvironmentName | None = name
    while link is not None and link in state.environments and link not in seen:
        seen.add(link)
        config = state.environments[link].config
        if config.follows_latest:
            return len(seen)
        link = config.upstream_environment
    return len(seen) + len(state.environments)


def environment_view(state: State, name: EnvironmentName) -> Data:
    """One environment: its config, its locks, how many applications are on it."""
    there = state.environments.get(name)
    if there is None:
        raise UnknownEnvironment(name)
    placements = there.placements.values()
    return {
        "name": name,
        "group": there.config.group,
        "upstream": _upstream(there),
        "config": document_of(there.config),
        "problem": there.stored.problem,
        "applications": sum(placed.version is not None for placed in placements),
        "queued": sum(placed.queued is not None for placed in placements),
        "locks": [
            lock_view(scope, lock_id, lock)
            for scope, locks in every_lock(state, name)
            if not scope.application
            for lock_id, lock in sorted(locks.items())
        ],
    }


def _upstream(there: Environment) -> str | None:
    return there.config.upstream_environment or ("latest" if there.config.follows_latest else None)


def lock_view(scope: LockScope, lock_id: LockId, lock: Lock) -> Data:
    """One lock."""
    return {
        "name": lock_name(scope, lock_id),
        "environment": scope.environment,
        "application": scope.application,
        "team": scope.team,
        "id": lock_id,
        "message": lock.message,
        "created_at": lock.created_at,
        "created_by": actor_view(lock.created_by),
        "link": lock.link,
        "expires_at": lock.expires_at,
        "on_expiry": lock.on_expiry,
        "suggested_lifetime": lock.suggested_lifetime,
    }


def actor_view(actor: Actor | None) -> Data | None:
    """A person or a machine."""
    return {"name": actor.name, "email": actor.email} if actor else None


def locks_view(
    state: State, environment: EnvironmentName | None = None, application: ApplicationName | None = None
) -> list[Data]:
    """The locks, by place: all, or those in the way of an environment or an application, and what waits behind."""
    check_environment(state, environment)
    return [
        {**lock_view(scope, lock_id, lock), "waiting": _waiting(state, scope)}
        for scope, locks in every_lock(state)
        if environment is None or scope.environment == environment
        if application is None or _concerns(state, scope, application)
        for lock_id, lock in sorted(locks.items())
    ]


def _concerns(state: State, scope: LockScope, application: ApplicationName) -> bool:
    if scope.application:
        return scope.application == application
    return scope.team is None or scope.team == state.team_of(application)


def _waiting(state: State, scope: LockScope) -> list[Data]:
    return [
        {"application": application, "version": link_view(state.placement(environment, application).queued)}
        for environment, application in waiting_behind(state, scope)
    ]


def queue_view(state: State, environment: EnvironmentName | None = None) -> list[Data]:
    """What waits, where, and for which locks."""
    check_environment(state, environment)
    return [
        {
            "environment": name,
            "application": application,
            "version": link_view(placed.version),
            "queued": link_view(placed.queued),
            "locks": [lock_view(it.scope, it.lock_id, it.lock) for it in state.locks_on(name, application)],
        }
        for name in environments_in_order(state)
        if environment is None or name == environment
        for application, placed in sorted(state.environments[name].placements.items())
        if placed.queued is not None
    ]


def link_view(link: Version | Broken | None) -> int | Data | None:
    """A version, or why its link cannot be followed."""
    return {"broken": link.reason} if isinstance(link, Broken) else link


def application_view(state: State, name: ApplicationName) -> Data:
    """One application: its team, its releases, and what is where."""
    there = known_application(state, name)
    return {
        "name": name,
        "team": there.team,
        "releases": sorted(there.releases, reverse=True),
        "placements": {
            environment: placement_view(state, environment, name, state.placement(environment, name))
            for environment in environments_in_order(state)
            if not state.placement(environment, name).is_empty
        },
    }


def known_release(state: State, application: ApplicationName, version: Version) -> Release:
    """The release of that number, or the refusal."""
    release = known_application(state, application).releases.get(version)
    if release is None:
        raise UnknownRelease(application, version)
    return release


def known_application(state: State, name: ApplicationName) -> Application:
    """The application of that name, or the refusal."""
    there = state.applications.get(name)
    if there is None:
        raise UnknownApplication(name)
    return there


def placement_view(
    state: State, environment: EnvironmentName, application: ApplicationName, placed: Placement
) -> Data:
    """One application on one environment."""
    deployment = placed.deployment
    return {
        "version": link_view(placed.version),
        "display_version": display_version(state, application, placed.version),
        "queued": link_view(placed.queued),
        "locks": [lock_view(it.scope, it.lock_id, it.lock) for it in state.locks_on(environment, application)],
        "deployed_by": actor_view(deployment.by),
        "deployed_at": deployment.at,
    }


def display_version(state: State, application: ApplicationName, version: Version | Broken | None) -> str | None:
    """What people call a version, if they call it anything."""
    release = None if version is None or isinstance(version, Broken) else state.release(application, version)
    return release.origin.display_version if release else None


def releases_in_order(
    state: State, application: ApplicationName, environment: EnvironmentName | None = None
) -> Iterator[Version]:
    """The releases of an application, the newest first; only those that can be deployed to *environment*."""
    releases = known_application(state, application).releases
    check_environment(state, environment)
    for version in sorted(releases, reverse=True):
        if environment is None or can_run(releases[version], environment, LockBehavior.QUEUE):
            yield version


def release_view(state: State, application: ApplicationName, version: Version) -> Data:
    """One release: where it came from, where it can run and where it is."""
    release = known_release(state, application, version)
    origin: Origin = release.origin
    return {
        "application": application,
        "version": version,
        **attrs.asdict(origin),
        "undeploy": release.is_undeploy,
        "manifests": sorted(release.manifests),
        "current_on": [
            name for name in environments_in_order(state) if state.placement(name, application).version == version
        ],
        "queued_on": [
            name for name in environments_in_order(state) if state.placement(name, application).queued == version
        ],
    }


def overview(
    state: State,
    environment: EnvironmentName | None = None,
    team: TeamName | None = None,
    pattern: str | None = None,
) -> Data:
    """Services × environments: version, what waits, what locks, how far behind upstream.

    *pattern* is a shell pattern for applications' names.
    """
    check_environment(state, environment)
    if team is not None:
        check_team(state, team)
    names = [name for name in environments_in_order(state) if environment is None or name == environment]
    applications = [
        name
        for name in sorted(state.applications)
        if team is None or state.team_of(name) == team
        if pattern is None or fnmatch.fnmatchcase(name, pattern)
    ]
    upstream = {name: _upstream_versions(state, name) for name in names}
    return {
        "environments": [_overview_environment(state, name) for name in names],
        "applications": [
            {
                "name": application,
                "team": state.team_of(application),
                "newest": max(state.applications[application].releases, default=None),
                "placements": {
                    name: _overview_placement(state, name, application, upstream[name].get(application))
                    for name in names
                    if not state.placement(name, application).is_empty
                },
            }
            for application in applications
        ],
    }


def _upstream_versions(state: State, name: EnvironmentName) -> dict[ApplicationName, Version | Broken]:
    config = state.environments[name].config
    known = config.follows_latest or config.upstream_environment in state.environments
    return dict(upstream_versions(state, config.upstream_environment)) if known else {}


def upstream_version(
    state: State, environment: EnvironmentName, application: ApplicationName
) -> tuple[str | None, Version | Broken | None]:
    """Where a placement's versions come from, and the one that is there; nothing without an upstream."""
    there = state.environments[environment]
    upstream = there.config.upstream_environment
    if upstream is None:
        releases = state.applications[application].releases
        return ("latest", max(releases, default=None)) if there.config.follows_latest else (None, None)
    return upstream, state.placement(upstream, application).version


def _overview_environment(state: State, name: EnvironmentName) -> Data:
    there = state.environments[name]
    return {
        "name": name,
        "group": there.config.group,
        "upstream": _upstream(there),
        "locks": [lock_name(LockScope(name), lock_id) for lock_id in sorted(there.locks)],
        "team_locks": [
            lock_name(LockScope(name, team=team), lock_id)
            for team in sorted(there.team_locks)
            for lock_id in sorted(there.team_locks[team])
        ],
    }


def _overview_placement(
    state: State, environment: EnvironmentName, application: ApplicationName, upstream: Version | Broken | None
) -> Data:
    placed = state.environments[environment].placements[application]
    return {
        "version": link_view(placed.version),
        "queued": link_view(placed.queued),
        "locked": state.is_locked(environment, application),
        "locks": [
            lock_name(it.scope, it.lock_id)
            for it in state.locks_on(environment, application)
            if it.scope.application or it.scope.team
        ],
        "upstream": link_view(upstream),
    }


def problem_view(problem: Problem) -> Data:
    """One broken piece."""
    return {"path": problem.path, "reason": problem.reason}


def settings_view(state: State) -> Data:
    """The settings, defaults included."""
    settings = state.settings
    return {
        "url": settings.url,
        "branch": settings.branch,
        "keepReleases": settings.keep_releases,
        "longNames": settings.long_names,
    }
