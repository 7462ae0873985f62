"""A second model of docs/rules.md, sections 1 to 5, to hold the real one against.

It was written from the rules alone and knows nothing of the core but the commands. It is
meant to be obviously right: plain dictionaries, everything looked up again each time, no
laziness, no facts, no files. What the rules leave to the repository's content is not in
it: here nothing is broken, nothing is configured for Argo CD and no upstream is missing.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from kuberpult_core import (
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Target,
    UpdateSettings,
    Upstream,
)

LATEST = "(latest)"
"""Stands for ``upstream.latest`` where an environment's name stands otherwise: no name looks like it."""

Place = tuple[str, str]
"""A placement: the environment and the application."""

Scope = tuple[str, str, str]
"""What a lock lies on: the environment, "environment", "application" or "team", and the name of that."""

Skip = tuple[str, str, str | None, int | None]
"""What a train passed over: the reason, the environment, the application and the version."""


@dataclass(frozen=True)
class NaiveLock:
    message: str
    link: str | None
    expires_at: datetime | None
    on_expiry: str | None


@dataclass(frozen=True)
class NaiveRelease:
    manifests: dict[str, bytes]
    display_version: str | None

    def says_the_same_as(self, other: "NaiveRelease") -> bool:
        return self.display_version == other.display_version and (
            self.manifests == other.manifests or self.meaning() == other.meaning()
        )

    def meaning(self) -> dict[str, Any]:
        return {environment: list(yaml.safe_load_all(text)) for environment, text in self.manifests.items()}


class NaiveWorld:
    """What is where. Each command's method changes it, or changes nothing and gives the refusal's code."""

    def __init__(self) -> None:
        self.upstream: dict[str, str | None] = {}  # environment -> environment, LATEST or none
        self.group: dict[str, str | None] = {}  # environment -> group
        self.locks: dict[Scope, dict[str, NaiveLock]] = {}  # scope -> lock id -> lock
        self.releases: dict[str, dict[int, NaiveRelease]] = {}  # application -> version -> release
        self.team: dict[str, str] = {}  # application -> team
        self.version: dict[Place, int] = {}
        self.queued: dict[Place, int] = {}
        self.keep_releases = 20
        self.skips: set[Skip] = set()  # of the last command

    def carry_out(self, command: Command) -> str | None:
        self.skips = set()
        return METHODS[type(command)](self, command)

    def batch(self, asked: Batch) -> str | None:
        """All or nothing, each seeing the one before."""
        before = copy.deepcopy(vars(self))
        for command in asked.commands:
            refused = METHODS[type(command)](self, command)
            if refused:
                vars(self).update(before)
                return refused
        return None

    # ---- 1. Words

    def environments_of(self, name: str | None, group: str | None) -> list[str]:
        """A target name means the environment of that name, else the group; members are handled in name order."""
        if name in self.upstream:
            return [str(name)]
        return sorted(member for member in self.upstream if self.group[member] == (group or name))

    def locks_on(self, place: Place) -> dict[tuple[Scope, str], NaiveLock]:
        """The locks on its environment, on its application there, and on its application's team there."""
        environment, application = place
        in_the_way = [(environment, "environment", environment), (environment, "application", application)]
        if application in self.team:
            in_the_way.append((environment, "team", self.team[application]))
        return {
            (scope, lock_id): lock for scope in in_the_way for lock_id, lock in self.locks.get(scope, {}).items()
        }

    def is_locked(self, place: Place) -> bool:
        return len(self.locks_on(place)) > 0

    def is_known(self, application: str) -> bool:
        return application in self.releases

    # ---- 2. Deploy

    def deploy(self, asked: Deploy) -> str | None:
        place = (asked.environment, asked.application)
        if asked.environment not in self.upstream:
            return "unknown_environment"
        if not self.is_known(asked.application):
            return "unknown_application"
        if asked.version not in self.releases[asked.application]:
            return "unknown_release"
        if asked.environment not in self.releases[asked.application][asked.version].manifests:
            return "no_manifest"
        if asked.lock_behavior == "fail" and self.is_locked(place):
            return "locked"
        self.put(place, asked.version, waits_for_locks=asked.lock_behavior == "queue")
        return None

    def put(self, place: Place, version: int, *, waits_for_locks: bool) -> None:
        if waits_for_locks and self.is_locked(place):
            self.queued[place] = version
        else:
            self.version[place] = version
            self.queued.pop(place, None)

    # ---- 3. Locks

    def scopes_of(self, target: Target) -> list[Scope]:
        environments = self.environments_of(target.environment, target.group)
        if target.application:
            return [(environment, "application", target.application) for environment in environments]
        if target.team:
            return [(environment, "team", target.team) for environment in environments]
        return [(environment, "environment", environment) for environment in environments]

    def create_lock(self, asked: CreateLock) -> str | None:
        scopes = self.scopes_of(asked.target)
        if not scopes:
            return "unknown_environment"
        if asked.target.team and asked.target.team not in self.team.values():
            return "unknown_team"
        for scope in scopes:
            self.locks.setdefault(scope, {})[asked.lock_id] = NaiveLock(
                asked.message, asked.link, asked.expires_at, asked.on_expiry
            )
        return None

    def delete_lock(self, asked: DeleteLock) -> str | None:
        scopes = self.scopes_of(asked.target)
        if not scopes:
            return "unknown_environment"
        lying = [scope for scope in scopes if asked.lock_id in self.locks.get(scope, {})]
        if not lying and asked.if_missing == "refuse":
            return "unknown_lock"
        for scope in lying:
            with self.releasing(asked.queued):
                self.take_lock_off(scope, asked.lock_id)
        return None

    def take_lock_off(self, scope: Scope, lock_id: str) -> None:
        del self.locks[scope][lock_id]
        if not self.locks[scope]:
            del self.locks[scope]

    @contextmanager
    def releasing(self, queued: str) -> Iterator[None]:
        """Whatever takes the last lock off a placement lets go what waits there, or drops it."""
        waiting = [place for place in self.queued if self.is_locked(place)]
        yield
        for place in waiting:
            if not self.is_locked(place):
                version = self.queued.pop(place)
                if queued == "deploy":
                    self.version[place] = version

    def expire_locks(self, asked: ExpireLocks) -> str | None:
        """One after the other as their times came, so that the last one's ``on_expiry`` counts.

        The rules do not say which one counts where two on one placement end in the same second.
        """
        overdue = [
            (lock.expires_at, scope, lock_id, lock.on_expiry or "deploy")
            for scope, locks in self.locks.items()
            for lock_id, lock in locks.items()
            if lock.expires_at is not None and lock.expires_at <= asked.now
        ]
        for _, scope, lock_id, on_expiry in sorted(overdue):
            with self.releasing(on_expiry):
                self.take_lock_off(scope, lock_id)
        return None

    def cancel_queued(self, asked: CancelQueued) -> str | None:
        refused = self.unknown_place(asked.environment, asked.application)
        if refused:
            return refused
        self.queued.pop((asked.environment, asked.application), None)
        return None

    def unknown_place(self, environment: str, application: str) -> str | None:
        """An application may be locked before it exists: then it is known where the lock lies."""
        if environment not in self.upstream:
            return "unknown_environment"
        if not self.is_known(application) and (environment, "application", application) not in self.locks:
            return "unknown_application"
        return None

    # ---- 4. ReleaseTrain

    def release_train(self, asked: ReleaseTrain) -> str | None:
        by_name = None if asked.group_only else asked.target
        members = self.environments_of(by_name, asked.target)
        if not members:
            return "unknown_environment"
        if asked.team and asked.team not in self.team.values():
            return "unknown_team"
        if by_name in self.upstream and self.upstream[asked.target] is None:
            return "no_upstream"
        wanted = {member: self.versions_upstream_of(member) for member in members}  # as it was before the train
        for member in members:
            if self.upstream[member] is None:
                self.skips.add(("no_upstream", member, None, None))
            for application, version in wanted[member].items():
                if asked.team is None or self.team.get(application) == asked.team:
                    self.take_along((member, application), version, asked.lock_behavior)
        return None

    def versions_upstream_of(self, environment: str) -> dict[str, int]:
        upstream = self.upstream[environment]
        if upstream == LATEST:
            return {name: max(releases) for name, releases in self.releases.items()}
        return {
            application: version for (where, application), version in self.version.items() if where == upstream
        }

    def take_along(self, place: Place, version: int, lock_behavior: str) -> None:
        environment, application = place
        locked, queued = self.is_locked(place), self.queued.get(place)
        reason = None
        if self.version.get(place) == version and queued in {None, version}:
            reason = "already_there"
        elif locked and queued == version and lock_behavior != "ignore":  # a manual train goes through the locks
            reason = "already_queued"
        elif environment not in self.releases[application][version].manifests:
            reason = "no_manifest"
        elif locked and lock_behavior == "fail":
            reason = "locked"
        if reason:
            self.skips.add((reason, environment, application, version))
        else:
            self.put(place, version, waits_for_locks=lock_behavior == "queue")

    # ---- 5. CreateRelease

    def create_release(self, asked: CreateRelease) -> str | None:
        existing = self.releases.get(asked.application, {})
        version = asked.version or max(existing, default=0) + 1
        release = NaiveRelease(
            {environment: manifest.content or b"" for environment, manifest in asked.manifests.items()},
            asked.display_version,
        )
        if version in existing:
            return None if release.says_the_same_as(existing[version]) else "release_exists_different"
        before = copy.deepcopy(vars(self))
        self.add_release(asked.application, version, release, asked.team)
        if version not in self.releases[asked.application]:
            vars(self).update(before)
            return "release_too_old"
        return None

    def add_release(self, application: str, version: int, release: NaiveRelease, team: str | None) -> None:
        if team:
            self.change_team(application, team)
        self.releases.setdefault(application, {})[version] = release
        if version == max(self.releases[application]):
            for environment, upstream in self.upstream.items():
                if upstream == LATEST and environment in release.manifests:
                    self.put((environment, application), version, waits_for_locks=True)
        self.clean_up(application)

    def clean_up(self, application: str) -> None:
        releases = self.releases[application]
        used = {
            version
            for placed in (self.version, self.queued)
            for (_, whose), version in placed.items()
            if whose == application
        }
        oldest = min(used | {max(releases)})
        below = sorted((version for version in releases if version < oldest), reverse=True)
        for version in below[self.keep_releases :]:
            del releases[version]

    def cleanup(self, asked: Cleanup) -> str | None:
        if self.is_known(asked.application):  # one that is not there needs none
            self.clean_up(asked.application)
        return None

    # ---- 7. Of the rest, what changes who waits for whom

    def set_team(self, asked: SetTeam) -> str | None:
        if not self.is_known(asked.application):
            return "unknown_application"
        self.change_team(asked.application, asked.team)
        return None

    def change_team(self, application: str, team: str | None) -> None:
        with self.releasing("deploy"):
            self.team.pop(application, None)
            if team:
                self.team[application] = team

    def create_environment(self, asked: CreateEnvironment) -> str | None:
        upstream = asked.config.upstream or Upstream()
        if asked.environment in self.upstream:
            return "environment_exists"
        if upstream.environment and upstream.environment not in self.upstream:
            return "unknown_upstream"
        self.upstream[asked.environment] = LATEST if upstream.latest else upstream.environment
        self.group[asked.environment] = asked.config.environment_group
        return None

    def delete_environment(self, asked: DeleteEnvironment) -> str | None:
        environment = asked.environment
        if environment not in self.upstream:
            return "unknown_environment"
        if environment in self.upstream.values():
            return "is_upstream"
        if not asked.ignore_locks and any(where == environment for where, _, _ in self.locks):
            return "locked"
        del self.upstream[environment], self.group[environment]
        self.locks = {scope: locks for scope, locks in self.locks.items() if scope[0] != environment}
        for place in self.places():
            if place[0] == environment:
                self.take_away(place)
        return None

    def remove_application_from_environment(self, asked: RemoveApplicationFromEnvironment) -> str | None:
        place = (asked.environment, asked.application)
        refused = self.unknown_place(*place)
        if refused:
            return refused
        if place in self.places() and self.is_locked(place) and not asked.ignore_locks:
            return "locked"
        self.take_away(place)
        return None

    def delete_application(self, asked: DeleteApplication) -> str | None:
        if not self.is_known(asked.application):
            return "unknown_application"
        touched = [place for place in self.places() if place[1] == asked.application]
        if not asked.ignore_locks and any(self.is_locked(place) for place in touched):
            return "locked"
        for place in touched:
            self.take_away(place)
        del self.releases[asked.application]
        self.team.pop(asked.application, None)
        return None

    def places(self) -> set[Place]:
        """The placements on which something is, waits or lies."""
        locked = {(environment, name) for environment, kind, name in self.locks if kind == "application"}
        return {*self.version, *self.queued, *locked}

    def take_away(self, place: Place) -> None:
        environment, application = place
        self.version.pop(place, None)
        self.queued.pop(place, None)
        self.locks.pop((environment, "application", application), None)

    def update_settings(self, asked: UpdateSettings) -> str | None:
        self.keep_releases = asked.patch["keepReleases"]
        return None


METHODS: dict[type, Callable[[NaiveWorld, Any], str | None]] = {
    Batch: NaiveWorld.batch,
    CancelQueued: NaiveWorld.cancel_queued,
    Cleanup: NaiveWorld.cleanup,
    CreateEnvironment: NaiveWorld.create_environment,
    CreateLock: NaiveWorld.create_lock,
    CreateRelease: NaiveWorld.create_release,
    DeleteApplication: NaiveWorld.delete_application,
    DeleteEnvironment: NaiveWorld.delete_environment,
    DeleteLock: NaiveWorld.delete_lock,
    Deploy: NaiveWorld.deploy,
    ExpireLocks: NaiveWorld.expire_locks,
    ReleaseTrain: NaiveWorld.release_train,
    RemoveApplicationFromEnvironment: NaiveWorld.remove_application_from_environment,
    SetTeam: NaiveWorld.set_team,
    UpdateSettings: NaiveWorld.update_settings,
}
