"""The state: what is where, what waits, what is locked.

Frozen parts that the core only reads. Mappings may be lazy (a part is read the first
time someone looks) and so may single values (:class:`Later`); either way a part never
changes, so an old state stays valid while new ones are made.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import attrs

from kuberpult_core.classes import frozen
from kuberpult_core.config import EnvironmentConfig, StoredConfig
from kuberpult_core.errors import quoted
from kuberpult_core.manifests import BlobId
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, LockId, TeamName, Version
from kuberpult_core.settings import Settings, StoredSettings
from kuberpult_core.stamp import Actor

T = TypeVar("T")


class LockBehavior(StrEnum):
    """What a deployment does when it finds locks."""

    QUEUE = "queue"
    """Wait for them to go: an automatic deployment."""
    IGNORE = "ignore"
    """Go through them: a manual deployment."""
    FAIL = "fail"
    """Refuse."""


class OnUnlock(StrEnum):
    """What becomes of a queued version when the last lock goes."""

    DEPLOY = "deploy"
    DISCARD = "discard"


class Later(Generic[T]):
    """A value that is read the first time someone asks, then kept.

    *given* is what *read* is called with: one function will do for very many of these.
    """

    __slots__ = ("_given", "_read", "_value")

    def __init__(self, read: Callable[..., T], *given: object) -> None:
        self._read: Callable[..., T] | None = read
        self._given = given

    def __call__(self) -> T:
        """The value. Two threads may both read it; either result will do."""
        read = self._read
        if read is not None:
            self._value: T = read(*self._given)
            self._read = None
        return self._value

    def __repr__(self) -> str:
        return f"Later({'not read' if self._read else repr(self._value)})"


def known(value: T) -> Later[T]:
    """*value*, which needs no reading."""
    return Later(lambda: value)


@frozen
class Broken:
    """A version link that cannot be followed: not of the form that layout.md gives."""

    reason: str


@frozen
class LockScope:
    """What one lock lies on: an environment, an application there, or a team there."""

    environment: EnvironmentName
    application: ApplicationName | None = None
    team: TeamName | None = None

    def __str__(self) -> str:
        if self.application:
            return f"{self.environment}/{self.application}"
        return f"{self.environment}/team {self.team}" if self.team else str(self.environment)


@frozen
class Lock:
    """Holds automatic deployments back, with the reason in its message."""

    message: str
    created_at: datetime | None = None
    created_by: Actor | None = None
    link: str | None = None
    expires_at: datetime | None = None
    on_expiry: OnUnlock | None = None
    """What becomes of the queue when it expires; none is to deploy."""
    suggested_lifetime: str | None = None
    """The Go tool's: shown, never enforced."""

    def says_the_same_as(self, other: "Lock") -> bool:
        """Whether both say the same, whoever made them and when."""
        return attrs.evolve(self, created_at=None, created_by=None) == attrs.evolve(
            other, created_at=None, created_by=None
        )


@frozen
class LockInTheWay:
    """A lock that a deployment met."""

    scope: LockScope
    lock_id: LockId
    lock: Lock

    def __str__(self) -> str:
        return f"{quoted(self.lock_id)} on {self.scope} ({quoted(self.lock.message)})"


@frozen
class Deployment:
    """Who put the current version in place, and when; what is not known is none."""

    by: Actor | None = None
    at: datetime | None = None


@frozen
class Placement:
    """One application on one environment."""

    version: Version | Broken | None = None
    """The release that is current. Its number, whether or not that release can be read."""
    queued: Version | Broken | None = None
    """The release that waits for the locks to go."""
    locks: Mapping[LockId, Lock] = attrs.field(factory=dict)
    _deployment: Later[Deployment] = attrs.field(factory=lambda: known(Deployment()))

    @property
    def deployment(self) -> Deployment:
        """Who deployed the current version, and when."""
        return self._deployment()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is, waits or lies here."""
        return self.version is None and self.queued is None and not self.locks


NO_PLACEMENT = Placement()


@frozen
class Environment:
    """A target of deployments: its config, its locks and what is placed on it."""

    _stored: Later[StoredConfig] = attrs.field(factory=lambda: known(StoredConfig()))
    locks: Mapping[LockId, Lock] = attrs.field(factory=dict)
    team_locks: Mapping[TeamName, Mapping[LockId, Lock]] = attrs.field(factory=dict)
    placements: Mapping[ApplicationName, Placement] = attrs.field(factory=dict)

    @property
    def config(self) -> EnvironmentConfig:
        """Its configuration."""
        return self.stored.config

    @property
    def stored(self) -> StoredConfig:
        """Its configuration as it lies in the repository."""
        return self._stored()

    def placement(self, application: str) -> Placement:
        """What is placed here of *application*; an empty placement if nothing is."""
        return self.placements.get(ApplicationName(application), NO_PLACEMENT)


@frozen
class Origin:
    """Where a release came from; what was not given is none."""

    commit_id: str | None = None
    author: str | None = None
    message: str | None = None
    display_version: str | None = None
    created_at: datetime | None = None


@frozen
class Release:
    """One immutable version of an application: a manifest for each environment it can run on."""

    manifests: Mapping[EnvironmentName, BlobId]
    _origin: Later[Origin] = attrs.field(factory=lambda: known(Origin()))
    is_undeploy: bool = False
    """The Go tool's marker of a release that takes the service away."""

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        return self._origin()


@frozen
class Application:
    """A service: its releases and, optionally, its team."""

    releases: Mapping[Version, Release] = attrs.field(factory=dict)
    _team: Later[TeamName | None] = attrs.field(factory=lambda: known(None))

    @property
    def team(self) -> TeamName | None:
        """The team it belongs to."""
        return self._team()


@frozen
class State:
    """Everything that is known at one commit."""

    environments: Mapping[EnvironmentName, Environment] = attrs.field(factory=dict)
    applications: Mapping[ApplicationName, Application] = attrs.field(factory=dict)
    _stored_settings: Later[StoredSettings] = attrs.field(factory=lambda: known(StoredSettings()))
    read_manifest: Callable[[BlobId], bytes] = attrs.field(default=lambda _: b"", eq=False, repr=False)
    """The bytes of a manifest that lies in the repository."""

    @property
    def settings(self) -> Settings:
        """The settings, which all who commit share."""
        return self.stored_settings.settings

    @property
    def stored_settings(self) -> StoredSettings:
        """The settings as they lie in the repository."""
        return self._stored_settings()

    def placement(self, environment: str, application: str) -> Placement:
        """What is placed of *application* on *environment*; empty if either is unknown."""
        there = self.environments.get(EnvironmentName(environment))
        return there.placement(application) if there else NO_PLACEMENT

    def release(self, application: str, version: int) -> Release | None:
        """The release of that number, if there is one that can be read."""
        there = self.applications.get(ApplicationName(application))
        return there.releases.get(Version(version)) if there else None

    def team_of(self, application: str) -> TeamName | None:
        """The team that *application* belongs to, if it exists and has one."""
        there = self.applications.get(ApplicationName(application))
        return there.team if there else None

    def members(self, group: GroupName) -> list[EnvironmentName]:
        """The environments of *group*, in name order."""
        return sorted(name for name, environment in self.environments.items() if environment.config.group == group)

    def locks_at(self, scope: LockScope) -> Mapping[LockId, Lock]:
        """The locks that lie on *scope* itself; none if there is no such environment."""
        there = self.environments.get(scope.environment)
        if there is None:
            return {}
        if scope.application:
            return there.placement(scope.application).locks
        return there.team_locks.get(scope.team, {}) if scope.team else there.locks

    def locks_on(self, environment: str, application: str) -> list[LockInTheWay]:
        """Every lock in the way of a placement: its environment's, its own, its team's."""
        name = EnvironmentName(environment)
        there = self.environments.get(name)
        if there is None:
            return []
        whole, own = LockScope(name), LockScope(name, ApplicationName(application))
        found = [(whole, there.locks), (own, there.placement(application).locks)]
        if there.team_locks and (team := self.team_of(application)) in there.team_locks:
            found.append((LockScope(name, team=team), there.team_locks[team]))  # type: ignore[index]  # in it
        return [
            LockInTheWay(scope, lock_id, locks[lock_id]) for scope, locks in found for lock_id in sorted(locks)
        ]

    def is_locked(self, environment: str, application: str) -> bool:
        """Whether at least one lock is in the way; looks at names only, reads no lock."""
        there = self.environments.get(EnvironmentName(environment))
        if there is None:
            return False
        if there.locks or there.placement(application).locks:
            return True
        return bool(there.team_locks) and self.team_of(application) in there.team_locks
