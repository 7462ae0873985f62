"""What is not the same in two trees, part by part: settings, environments, teams, releases, locks, placements.

These are the facts of a commit, whoever made it, in a form that can be turned round: each
part with what it was and what it became. Only what differs is read.
"""

from collections.abc import Mapping

import attrs

from kuberpult_core.documents import Document
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import Lock, LockScope, Origin
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.ports import Entry


@attrs.frozen
class KeptDocument:
    """Settings or a configuration, and its file; none if there was no file."""

    document: Document
    entry: Entry | None = None


@attrs.frozen
class KeptLock:
    """A lock, and its folder or file."""

    lock: Lock
    entry: Entry


@attrs.frozen
class KeptRelease:
    """A release, and its folder."""

    manifests: Mapping[EnvironmentName, Manifest]
    origin: Origin
    entry: Entry
    is_undeploy: bool = False


@attrs.frozen
class Placed:
    """What is in place and what waits."""

    version: Version | None = None
    queued: Version | None = None


@attrs.frozen
class SettingsChanged:
    """The settings, before and after; none while there was no file."""

    old: KeptDocument | None
    new: KeptDocument | None


@attrs.frozen
class EnvironmentChanged:
    """An environment's configuration, before and after; none while there was no environment."""

    environment: EnvironmentName
    old: KeptDocument | None
    new: KeptDocument | None


@attrs.frozen
class TeamChanged:
    """An application's team, before and after."""

    application: ApplicationName
    old: TeamName | None
    new: TeamName | None


@attrs.frozen
class ReleaseChanged:
    """A release that came or went."""

    application: ApplicationName
    version: Version
    old: KeptRelease | None
    new: KeptRelease | None


@attrs.frozen
class LockChanged:
    """A lock that came, went or was replaced."""

    scope: LockScope
    lock_id: LockId
    old: KeptLock | None
    new: KeptLock | None


@attrs.frozen
class PlacementChanged:
    """What is in place, or what waits, before and after."""

    environment: EnvironmentName
    application: ApplicationName
    old: Placed
    new: Placed


Difference = SettingsChanged | EnvironmentChanged | TeamChanged | ReleaseChanged | LockChanged | PlacementChanged
"""A part that is not the same any more."""
