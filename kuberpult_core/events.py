"""Events: the facts that a command comes to, named for what happened.

They carry no time and no actor; those come in with the stamp.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from kuberpult_core.classes import frozen
from kuberpult_core.documents import Document
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import Lock, LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.ports import Entry


class Cause(StrEnum):
    """What a deployment or a change of a queue came from."""

    ASKED = "asked"
    """Somebody asked for just this."""
    NEWEST = "newest"
    """A new release goes to environments that follow the newest."""
    TRAIN = "train"
    RELEASED = "released"
    """The last lock went."""
    UNDONE = "undone"
    """An earlier commit was taken back."""


@frozen
class Deployed:
    """A version is in place, its manifest is what Argo CD syncs, and nothing waits any more."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version
    previous: Version | None = None
    cause: Cause = Cause.ASKED
    dropped: Version | None = None
    """Another version that waited, and does not any more."""
    queued: Version | None = None
    """What waits all the same; only an undo or somebody else's commit leaves a queue."""


@frozen
class Undeployed:
    """No version is in place any more; locks stay, and what waits."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version
    """What was in place."""
    cause: Cause = Cause.UNDONE
    dropped: Version | None = None
    queued: Version | None = None
    """What waits now."""


@frozen
class Queued:
    """A version waits for the locks to go."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version
    replaced: Version | None = None
    """What waited before: the last deployment wins."""
    cause: Cause = Cause.ASKED
    waits_for: tuple[tuple[LockScope, LockId], ...] = ()


@frozen
class QueueEmptied:
    """Nothing waits any more, and nothing was deployed by it."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version | None
    """What waited; none if that could not be read."""
    cause: Cause = Cause.ASKED


@frozen
class LockCreated:
    """A lock lies on its scope."""

    scope: LockScope
    lock_id: LockId
    lock: Lock
    """Without who and when: those are the stamp's."""
    replaced: Lock | None = None
    """The lock of the same id that was there, and whose it was."""
    restored: Entry | None = None
    """What it is in the repository, if it comes back as it was; then *lock* says who and when too."""


@frozen
class LockDeleted:
    """A lock is gone."""

    scope: LockScope
    lock_id: LockId
    lock: Lock


@frozen
class ReleaseCreated:
    """A release is there."""

    application: ApplicationName
    version: Version
    manifests: Mapping[EnvironmentName, Manifest]
    source_commit_id: str | None = None
    source_author: str | None = None
    source_message: str | None = None
    display_version: str | None = None
    restored: Entry | None = None
    """What it is in the repository, if it comes back as it was."""
    created_at: datetime | None = None
    """When it was created; none is now."""
    is_undeploy: bool = False


@frozen
class ReleaseDeleted:
    """A release that nothing needed is gone."""

    application: ApplicationName
    version: Version


@frozen
class TeamSet:
    """An application belongs to another team, or to none."""

    application: ApplicationName
    team: TeamName | None
    previous: TeamName | None = None


@frozen
class EnvironmentCreated:
    """An environment is there."""

    environment: EnvironmentName
    config: Document
    restored: Entry | None = None
    """Its file in the repository, if it comes back as it was."""


@frozen
class EnvironmentUpdated:
    """An environment has another configuration."""

    environment: EnvironmentName
    config: Document
    restored: Entry | None = None
    """Its file in the repository, if it comes back as it was."""


@frozen
class EnvironmentDeleted:
    """An environment is gone, with all that was on it."""

    environment: EnvironmentName


@frozen
class ApplicationRemoved:
    """An application is off an environment, with its queue and its locks there."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version | None = None
    """What was in place."""
    dropped: Version | None = None
    """What waited."""


@frozen
class ApplicationDeleted:
    """An application is gone, with all its releases."""

    application: ApplicationName


@frozen
class SettingsUpdated:
    """The settings are others."""

    settings: Document
    restored: Entry | None = None
    """Their file in the repository, if it comes back as it was."""
    is_gone: bool = False
    """Whether there is no file any more, as there was none before the first change."""


Event = (
    Deployed
    | Undeployed
    | Queued
    | QueueEmptied
    | LockCreated
    | LockDeleted
    | ReleaseCreated
    | ReleaseDeleted
    | TeamSet
    | EnvironmentCreated
    | EnvironmentUpdated
    | EnvironmentDeleted
    | ApplicationRemoved
    | ApplicationDeleted
    | SettingsUpdated
)
"""Everything that can happen."""
