"""One application on every environment, as people look at it before they change something.

Plain data, in the shapes of the HTTP API: since when and by whom, what waits and for which locks, how
far behind upstream it is. Environments that have nothing of it are there, too: it may be put there.
"""

from kuberpult_core.matrix import display_version, releases_between
from kuberpult_core.model import Application, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.views import (
    Data,
    actor_view,
    environments_in_order,
    known_application,
    link_view,
    lock_view,
    upstream_version,
)


def placements(state: State, application: ApplicationName) -> Data:
    """The application, and what each environment has of it, in the order of promotion."""
    there = known_application(state, application)
    releases = sorted(there.releases)
    newest = releases[-1] if releases else None
    return {
        "application": application,
        "team": there.team,
        "releases": len(releases),
        "newest": newest,
        "newest_display_version": display_version(there, newest),
        "environments": [
            _placement(state, name, application, there, releases) for name in environments_in_order(state)
        ],
    }


def _placement(
    state: State, name: EnvironmentName, application: ApplicationName, there: Application, releases: list[Version]
) -> Data:
    environment = state.environments[name]
    placed = environment.placement(application)
    upstream, offered = upstream_version(state, name, application)
    deployment = placed.deployment
    return {
        "environment": name,
        "group": environment.config.group,
        "problem": environment.stored.problem,
        "version": link_view(placed.version),
        "display_version": display_version(there, placed.version),
        "deployed_by": actor_view(deployment.by),
        "deployed_at": deployment.at,
        "queued": link_view(placed.queued),
        "queued_display_version": display_version(there, placed.queued),
        "locks": [lock_view(it.scope, it.lock_id, it.lock) for it in state.locks_on(name, application)],
        "upstream": upstream,
        "upstream_version": link_view(offered),
        "upstream_display_version": display_version(there, offered),
        "behind": releases_between(releases, placed.version, offered),
    }
