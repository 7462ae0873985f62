"""A decision: what a command does to a state. A plan is a decision that is not carried out."""

from enum import StrEnum
from typing import ClassVar

import attrs

from kuberpult_core.commands import Command
from kuberpult_core.events import Event
from kuberpult_core.model import Lock, LockInTheWay, LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, Version


class SkipReason(StrEnum):
    """Why something was left as it is."""

    ALREADY_THERE = "already_there"
    ALREADY_QUEUED = "already_queued"
    NO_MANIFEST = "no_manifest"
    LOCKED = "locked"
    BROKEN = "broken"
    NO_UPSTREAM = "no_upstream"
    UNKNOWN_UPSTREAM = "unknown_upstream"
    MOVED_ON = "moved_on"
    """Not as the commit that is undone left it."""


@attrs.frozen
class Skip:
    """Something that the command passed over, and why.

    Without an application it is a whole member of a group; without an environment, a
    release that is there already.
    """

    reason: SkipReason
    environment: EnvironmentName | None = None
    application: ApplicationName | None = None
    version: Version | None = None
    locks: tuple[LockInTheWay, ...] = ()
    """The locks in the way, if it is locked."""
    detail: str = ""
    """What is broken, or where a release is, in words."""


@attrs.frozen
class GoesBackwards:
    """A fact puts a lower version in place."""

    code: ClassVar[str] = "goes_backwards"
    environment: EnvironmentName
    application: ApplicationName
    version: Version
    previous: Version


@attrs.frozen
class IgnoresLocks:
    """The command goes through locks."""

    code: ClassVar[str] = "ignores_locks"
    environment: EnvironmentName
    application: ApplicationName | None
    locks: tuple[LockInTheWay, ...]


@attrs.frozen
class ReplacesLock:
    """A lock of the same id said something else."""

    code: ClassVar[str] = "replaces_lock"
    scope: LockScope
    lock_id: LockId
    replaced: Lock


Warned = GoesBackwards | IgnoresLocks | ReplacesLock
"""What a decision warns of."""


@attrs.frozen
class Decision:
    """What a command does: its facts, what it passes over and why, what it warns of.

    Two decisions are equal when their facts are, whatever the stamp.
    """

    command: Command = attrs.field(eq=False)
    """The command as the log keeps it: without those parts of a batch that do nothing."""
    events: tuple[Event, ...] = ()
    skips: tuple[Skip, ...] = attrs.field(default=(), eq=False)
    warnings: tuple[Warned, ...] = attrs.field(default=(), eq=False)
    cascades: tuple[str, ...] = attrs.field(default=(), eq=False)
    """The Argo CD applications that go, with all that runs in them."""
    notes: tuple[str, ...] = attrs.field(default=(), eq=False)
    """What else the caller should know, in whole sentences."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing happens, and so nothing is committed."""
        return not self.events
