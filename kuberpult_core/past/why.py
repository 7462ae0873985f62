"""Why a placement is as it is, and where a commit has got to: one answer for every frontend."""

from collections.abc import Callable, Iterable, Iterator

import attrs

from kuberpult_core.errors import UnknownEnvironment, quoted
from kuberpult_core.events import ApplicationRemoved, Deployed, Queued, Undeployed
from kuberpult_core.layout import time_text
from kuberpult_core.model import Broken, LockInTheWay, Placement, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.causes import Move
from kuberpult_core.past.log import Entry, Told
from kuberpult_core.views import (
    Data,
    actor_view,
    environments_in_order,
    known_application,
    known_release,
    link_view,
    lock_view,
    upstream_version,
)
from kuberpult_core.words import MAX_SHOWN, lock_name

LEAST_COMMIT = 4
"""Digits of a source commit that are asked for at least."""
_PLACED = Deployed | Undeployed | ApplicationRemoved


@attrs.frozen
class Since:
    """The commit that brought something about."""

    entry: Entry
    cause: str | None

    @property
    def data(self) -> Data:
        """For machines."""
        commit = self.entry.commit
        return {
            "at": commit.time,
            "by": actor_view(commit.author),
            "commit": commit.id,
            "cause": self.cause,
            "subject": self.entry.subject,
        }


def why(
    state: State, environment: EnvironmentName, application: ApplicationName, newest_first: Iterable[Entry]
) -> Data:
    """What is on a placement since when and why, what waits for what, and what upstream has.

    *newest_first* is the log of this placement; no more of it is read than is needed.
    """
    if environment not in state.environments:
        raise UnknownEnvironment(environment)
    known_application(state, application)
    placed = state.placement(environment, application)
    current, queued = _origins(placed, environment, application, newest_first)
    upstream, version = upstream_version(state, environment, application)
    locks = state.locks_on(environment, application)
    data = {
        "environment": environment,
        "application": application,
        "version": link_view(placed.version),
        "since": current.data if current else None,
        "queued": link_view(placed.queued),
        "queued_since": queued.data if queued else None,
        "locks": [lock_view(it.scope, it.lock_id, it.lock) for it in locks],
        "upstream": {"name": upstream, "version": link_view(version)} if upstream else None,
    }
    sentences = _sentences(data, placed, locks, version)
    return {**data, "sentences": list(sentences)}


def _origins(
    placed: Placement, environment: EnvironmentName, application: ApplicationName, newest_first: Iterable[Entry]
) -> tuple[Since | None, Since | None]:
    """What brought the current version, or its absence, and what brought the queue."""
    current: Since | None = None
    queued: Since | None = None
    for logged in newest_first:
        here = [it for it in logged.told if _is_here(it, environment, application)]
        current = current or _first(here, logged, lambda event: isinstance(event, _PLACED))
        queued = queued or _first(here, logged, lambda event: _queues(event, placed.queued))
        if current and (queued or placed.queued is None):
            break
    return current, queued if placed.queued is not None else None


def _queues(event: object, version: Version | Broken | None) -> bool:
    return isinstance(event, Queued | Deployed | Undeployed) and version == (
        event.version if isinstance(event, Queued) else event.queued
    )


def _is_here(told: Told, environment: EnvironmentName, application: ApplicationName) -> bool:
    event = told.event
    return isinstance(event, Move) and (event.environment, event.application) == (environment, application)


def _first(told: list[Told], logged: Entry, fits: Callable[[object], bool]) -> Since | None:
    return next((Since(logged, it.cause) for it in told if fits(it.event)), None)


def _sentences(
    data: Data, placed: Placement, locks: list[LockInTheWay], upstream: Version | Broken | None
) -> Iterator[str]:
    where = f"{data['application']} on {data['environment']}"
    since = _since(data["since"])
    if isinstance(placed.version, Broken):
        yield f"{where} is broken: {placed.version.reason}."
    elif placed.version is None:
        yield f"{where}: nothing is in place{since}."
    else:
        yield f"{where} is at {placed.version}{since}."
    if placed.queued is not None:
        yield _queue(data, placed.queued, locks)
    elif locks:
        yield f"Locked by {_locks(locks)}; nothing waits."
    if data["upstream"]:
        yield _upstream(data["upstream"]["name"], upstream, placed)


def _since(data: Data | None) -> str:
    if data is None:
        return ""
    by = data["by"]["name"] if data["by"] else "somebody"
    cause = f" ({data['cause']})" if data["cause"] else ""
    return f" since {time_text(data['at'])}, by {by}{cause}, commit {data['commit'][:MAX_SHOWN]}"


def _queue(data: Data, queued: Version | Broken, locks: list[LockInTheWay]) -> str:
    what = "Something that cannot be read" if isinstance(queued, Broken) else str(queued)
    behind = f"for {_locks(locks)}" if locks else "although no lock is in the way: deploy it, or cancel it"
    return f"{what} waits{_since(data['queued_since'])}, {behind}."


def _locks(locks: list[LockInTheWay]) -> str:
    return ", ".join(f"{lock_name(it.scope, it.lock_id)}{_whose(it)} ({quoted(it.lock.message)})" for it in locks)


def _whose(it: LockInTheWay) -> str:
    by = f" by {it.lock.created_by.name}" if it.lock.created_by else ""
    return by + (f" since {time_text(it.lock.created_at)}" if it.lock.created_at else "")


def _upstream(name: str, version: Version | Broken | None, placed: Placement) -> str:
    shown = "the newest release" if name == "latest" else f"Upstream {name}"
    if isinstance(version, Broken):
        return f"{shown} is broken: {version.reason}."
    if version is None:
        return f"{shown[0].upper()}{shown[1:]} has nothing of it."
    there = " too" if version == placed.version else ""
    verb = "is" if name == "latest" else "has"
    return f"{shown[0].upper()}{shown[1:]} {verb} {version}{there}."


# Where is my commit?


def where_is(state: State, commit: str) -> list[Data]:
    """The releases that were built from the source commit *commit* (its beginning will do), and where each is."""
    wanted = commit.strip().lower()
    return [
        _whereabouts(state, application, version, known)
        for application in sorted(state.applications)
        for version, release in sorted(state.applications[application].releases.items())
        if (known := release.origin.commit_id) and _is_the_same(known.strip().lower(), wanted)
    ]


def _is_the_same(known: str, wanted: str) -> bool:
    """Whether one is the beginning of the other, since either may be cut."""
    return min(len(known), len(wanted)) >= LEAST_COMMIT and (known.startswith(wanted) or wanted.startswith(known))


def places_of_release(state: State, application: ApplicationName, version: Version) -> Data:
    """Where a release is, and what each environment has instead."""
    known_release(state, application, version)
    rows = []
    for name in environments_in_order(state):
        status, words = _place(state, name, application, version)
        placed = state.placement(name, application)
        since = placed.deployment.at if status == "current" else None
        row = {"environment": name, "status": status, "words": words, "version": link_view(placed.version)}
        rows.append({**row, "since": since})
    return {"application": application, "version": version, "places": rows}


def _whereabouts(state: State, application: ApplicationName, version: Version, commit: str) -> Data:
    places = {name: _place(state, name, application, version) for name in environments_in_order(state)}
    rows = [f"{name}: {words}" for name, (_, words) in places.items()]
    return {
        "application": application,
        "version": version,
        "commit": commit,
        "environments": {name: status for name, (status, _) in places.items()},
        "sentences": [f"{application} {version} was built from {commit}. {'; '.join(rows)}."],
    }


def _place(
    state: State, environment: EnvironmentName, application: ApplicationName, version: Version
) -> tuple[str, str]:
    placed = state.placement(environment, application)
    current = placed.version
    if current == version:
        return "current", "there"
    if placed.queued == version:
        locks = state.locks_on(environment, application)
        return "queued", f"waits for {_locks(locks)}" if locks else "waits"
    release = state.release(application, version)
    if release is None or environment not in release.manifests:
        return "no_manifest", "has no manifest for it"
    if isinstance(current, Broken):
        return "broken", "its version cannot be read"
    if current is not None and current > version:
        return "newer", f"has {current}, a newer release"
    return ("absent", "not there yet") if current is None else ("older", f"not there yet, has {current}")
