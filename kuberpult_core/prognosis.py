"""What a train would bring, for those who decide whether it should run: from where to where, held by whom.

Plain data, in the shapes of ``-o json`` and of the HTTP API.
"""

from collections.abc import Iterator

from kuberpult_core.decision import Decision, Skip, SkipReason
from kuberpult_core.events import Deployed, Queued
from kuberpult_core.model import Broken, LockInTheWay, Release, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.views import Data, display_version, link_view, lock_view
from kuberpult_core.words import lock_name, skip_reason

MOST_COMMITS = 20
"""Source commits of one application that are named, the newest first."""


def prognosis(state: State, decision: Decision) -> Data:
    """What *decision*, made on *state*, brings: each application, the locks in the way, what is left alone."""
    return {
        "applications": [_row(state, event) for event in decision.events if isinstance(event, Deployed | Queued)],
        "locks": _locks(state, decision),
        "skipped": _grouped(decision),
    }


def _row(state: State, event: Deployed | Queued) -> Data:
    environment, application, version = event.environment, event.application, event.version
    now = state.placement(environment, application).version
    between = _between(state, application, now, version)
    return {
        "environment": environment,
        "application": application,
        "team": state.team_of(application),
        "version": link_view(now),
        "display_version": display_version(state, application, now),
        "to": version,
        "to_display_version": display_version(state, application, version),
        "outcome": "queued" if isinstance(event, Queued) else "deployed",
        "backwards": _number(now) > version,
        "replaces": event.replaced if isinstance(event, Queued) else event.dropped,
        "waits_for": [lock_name(*it) for it in event.waits_for] if isinstance(event, Queued) else [],
        "releases": len(between),
        "commits": [_commit(number, release) for number, release in between[:MOST_COMMITS]],
    }


def _number(link: Version | Broken | None) -> int:
    return link if isinstance(link, int) else 0


def _between(
    state: State, application: ApplicationName, now: Version | Broken | None, version: Version
) -> list[tuple[Version, Release]]:
    """The releases that come with a change, the newest first; if it goes back, those that go.

    Of a first deployment it is the one that is deployed.
    """
    there = state.applications.get(application)
    releases = there.releases if there else {}
    if _number(now) == 0:
        wanted = {version}
    else:
        low, high = sorted((_number(now), int(version)))
        wanted = {number for number in releases if low < number <= high}
    return [(number, releases[number]) for number in sorted(wanted, reverse=True) if number in releases]


def _commit(version: Version, release: Release) -> Data:
    origin = release.origin
    return {
        "version": version,
        "display_version": origin.display_version,
        "commit": origin.commit_id,
        "author": origin.author,
        "message": (origin.message or "").strip().split("\n")[0].strip() or None,
        "created_at": origin.created_at,
    }


def _locks(state: State, decision: Decision) -> list[Data]:
    """The locks that hold something back, and what; the ones in most places first."""
    held: dict[str, tuple[LockInTheWay, list[Data]]] = {}
    for environment, application, version, locks in _held(state, decision):
        for it in locks:
            found = held.setdefault(lock_name(it.scope, it.lock_id), (it, []))
            found[1].append({"environment": environment, "application": application, "version": version})
    rows = [{**lock_view(it.scope, it.lock_id, it.lock), "holds": holds} for it, holds in held.values()]
    return sorted(rows, key=lambda row: (-len(row["holds"]), row["name"]))


_Held = tuple[EnvironmentName, ApplicationName, Version | None, tuple[LockInTheWay, ...]]


def _held(state: State, decision: Decision) -> Iterator[_Held]:
    for event in decision.events:
        if isinstance(event, Queued):
            locks = tuple(state.locks_on(event.environment, event.application))
            yield event.environment, event.application, event.version, locks
    for skip in decision.skips:
        if skip.locks and skip.environment and skip.application:
            yield skip.environment, skip.application, skip.version, skip.locks


def _grouped(decision: Decision) -> list[Data]:
    """What is left alone by its reason, the most frequent one first."""
    groups: dict[SkipReason, list[Skip]] = {}
    for skip in decision.skips:
        groups.setdefault(skip.reason, []).append(skip)
    return [
        {
            "reason": reason.value,
            "words": skip_reason(reason),
            "number": len(skips),
            "of": [
                {
                    "environment": it.environment,
                    "application": it.application,
                    "version": it.version,
                    "detail": it.detail,
                }
                for it in skips
            ],
        }
        for reason, skips in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0].value))
    ]
