"""Commands: what somebody asks for, as immutable data. rules.md says what each one means.

A command that can be built is well formed: its names are allowed, its manifests are YAML,
its texts are bounded. Building a wrong one raises an *Invalid* error. Whether the rules
allow it is for :func:`kuberpult_core.decide.decide` to say.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

import attrs

from kuberpult_core import config, fields, names, texts
from kuberpult_core.classes import frozen
from kuberpult_core.config import EnvironmentConfig
from kuberpult_core.documents import Document, render
from kuberpult_core.errors import InvalidCommand, InvalidManifest
from kuberpult_core.fields import IfExists, IfMissing
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import LockBehavior, OnUnlock
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, LockId, TeamName, Version
from kuberpult_core.past.known import PAST, CommitFacts, UpstreamThen

MAX_COMMANDS = 10_000
"""Commands in one batch."""


def _manifests(given: Mapping[str, Manifest | str | bytes]) -> Mapping[EnvironmentName, Manifest]:
    if not isinstance(given, Mapping):
        raise InvalidCommand("$.manifests", "it must be a mapping of environments to manifests")
    if not given:
        raise InvalidManifest("a release needs one for at least one environment, and there is none")
    checked = {
        names.environment_name(environment): (
            manifest if isinstance(manifest, Manifest) else Manifest.of(manifest, environment)
        )
        for environment, manifest in given.items()
    }
    return dict(sorted(checked.items()))


def _commands(given: "Iterable[SingleCommand]") -> "tuple[SingleCommand, ...]":
    commands = tuple(given)
    if len(commands) > MAX_COMMANDS:
        raise InvalidCommand("$.commands", f"there are {len(commands)}, more than the {MAX_COMMANDS} allowed")
    if any(isinstance(command, Batch) for command in commands):
        raise InvalidCommand("$.commands", "a batch cannot hold another batch")
    if not all(isinstance(command, get_args(SingleCommand)) for command in commands):
        raise InvalidCommand("$.commands", "it must hold commands and nothing else")
    return commands


def _patch(given: Document) -> Document:
    if not isinstance(given, Mapping):
        raise InvalidCommand("$.patch", "it must be a mapping")
    render(given)
    return dict(given)


@frozen
class Target:
    """What a lock command addresses.

    ``environment`` is the environment of that name, else the group of that name; ``group``
    is a group only. Exactly one of the two. ``application`` or ``team`` narrow it down.
    """

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    group: GroupName | None = attrs.field(default=None, converter=fields.optional_group)
    application: ApplicationName | None = attrs.field(default=None, converter=fields.optional_application)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)

    def __attrs_post_init__(self) -> None:
        if (self.environment is None) == (self.group is None):
            raise InvalidCommand("$.target", "it must name either an environment or a group")
        if self.application is not None and self.team is not None:
            raise InvalidCommand("$.target", "it can name an application or a team, not both")

    def __str__(self) -> str:
        where = str(self.environment or self.group)
        if self.application:
            return f"{where}/{self.application}"
        return f"{where}/team {self.team}" if self.team else where


def _is_target(_command: object, _field: object, target: Target) -> None:
    if not isinstance(target, Target):  # type: ignore[redundant-expr,unused-ignore]  # not everybody checks types
        raise InvalidCommand("$.target", "it must be a Target")


@frozen
class Deploy:
    """Put a version in place, or let it wait for the locks (rules.md 2)."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    lock_behavior: LockBehavior = attrs.field(default=LockBehavior.QUEUE, converter=fields.lock_behavior)


@frozen
class CreateLock:
    """Hold automatic deployments back (rules.md 3)."""

    target: Target = attrs.field(validator=_is_target)
    lock_id: LockId = attrs.field(converter=names.lock_id)
    message: str = attrs.field(converter=fields.lock_message)
    link: str | None = attrs.field(default=None, converter=fields.link)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.expires_at)
    on_expiry: OnUnlock | None = attrs.field(default=None, converter=fields.on_expiry)
    suggested_lifetime: str | None = attrs.field(default=None, converter=fields.suggested_lifetime)


@frozen
class DeleteLock:
    """Take a lock away; what waited for the last one goes out, or is dropped (rules.md 3)."""

    target: Target = attrs.field(validator=_is_target)
    lock_id: LockId = attrs.field(converter=names.lock_id)
    queued: OnUnlock = attrs.field(default=OnUnlock.DEPLOY, converter=fields.queued)
    if_missing: IfMissing = attrs.field(default=IfMissing.REFUSE, converter=fields.if_missing)


def _required_moment(time: datetime) -> datetime:
    checked = texts.moment("$.now", time)
    if checked is None:
        raise InvalidCommand("$.now", "it must be a time")
    return checked


@frozen
class ExpireLocks:
    """Delete the locks whose time is past at *now*, each with its own ``on_expiry``."""

    now: datetime = attrs.field(converter=_required_moment)


@frozen
class CancelQueued:
    """Empty the queue of one placement."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)


@frozen
class ReleaseTrain:
    """Make a target equal to its upstream (rules.md 4): an environment, else a group, of that name."""

    target: EnvironmentName = attrs.field(converter=names.environment_name)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    lock_behavior: LockBehavior = attrs.field(default=LockBehavior.QUEUE, converter=fields.lock_behavior)
    group_only: bool = False
    """Whether an environment of that name is left out of account."""
    from_state: UpstreamThen | None = None
    """Take what upstream had then, so that a tested set moves as a unit."""


@frozen
class CreateRelease:
    """Store a release, deploy it to where the newest goes by itself, clean up (rules.md 5)."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    manifests: Mapping[EnvironmentName, Manifest] = attrs.field(converter=_manifests)
    version: Version | None = attrs.field(default=None, converter=fields.optional_version)
    source_commit_id: str | None = attrs.field(default=None, converter=fields.source_commit_id)
    source_author: str | None = attrs.field(default=None, converter=fields.source_author)
    source_message: str | None = attrs.field(default=None, converter=fields.source_message)
    display_version: str | None = attrs.field(default=None, converter=fields.display_version)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)


@frozen
class Cleanup:
    """Delete the releases of an application that nothing needs any more (rules.md 5)."""

    application: ApplicationName = attrs.field(converter=names.application_name)


@frozen
class SetTeam:
    """Say which team an application belongs to; none takes it out of its team."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    team: TeamName | None = attrs.field(converter=fields.optional_team)


@frozen
class CreateEnvironment:
    """Make an environment; with ``if_exists=update``, replace the config of one that is there."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    config: EnvironmentConfig = attrs.field(factory=EnvironmentConfig, converter=config.as_config)
    if_exists: IfExists = attrs.field(default=IfExists.REFUSE, converter=fields.if_exists)
    allow_cascade: bool = False


@frozen
class UpdateEnvironment:
    """Change parts of an environment's config: *patch* in the keys of config.json, null takes one away."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    patch: Mapping[str, Any] = attrs.field(converter=_patch)
    allow_cascade: bool = False


@frozen
class DeleteEnvironment:
    """Take an environment away with all that is on it."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    ignore_locks: bool = False
    allow_cascade: bool = False


@frozen
class RemoveApplicationFromEnvironment:
    """Take an application off one environment."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)
    ignore_locks: bool = False
    allow_cascade: bool = False


@frozen
class DeleteApplication:
    """Take an application away: off every environment, and all its releases."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    ignore_locks: bool = False
    allow_cascade: bool = False


@frozen
class UpdateSettings:
    """Change settings: *patch* in the keys of kuberpult.json, null takes one away."""

    patch: Mapping[str, Any] = attrs.field(converter=_patch)


@frozen
class Undo:
    """Take back what a commit did; what has moved on since is left alone (rules.md 6)."""

    commit: str = attrs.field(converter=fields.revision)
    """As git users name one; in the log its id."""
    allow_cascade: bool = False
    facts: CommitFacts | None = attrs.field(default=None, metadata=PAST, repr=False)
    """What it did, as the repository says."""


@frozen
class Batch:
    """Several commands, all or nothing, each seeing the one before."""

    commands: "tuple[SingleCommand, ...]" = attrs.field(converter=_commands)


SingleCommand = (
    Deploy
    | CreateLock
    | DeleteLock
    | ExpireLocks
    | CancelQueued
    | ReleaseTrain
    | CreateRelease
    | Cleanup
    | SetTeam
    | CreateEnvironment
    | UpdateEnvironment
    | DeleteEnvironment
    | RemoveApplicationFromEnvironment
    | DeleteApplication
    | UpdateSettings
    | Undo
)
Command = SingleCommand | Batch
"""Everything that can be asked for."""


def allowing_cascades(command: Command) -> Command:
    """*command* as if it had been said that Argo CD may delete workloads."""
    if isinstance(command, Batch):
        return Batch(map(allowing_cascades, command.commands))  # type: ignore[arg-type]  # none becomes a batch
    can_say_so = any(it.name == "allow_cascade" for it in attrs.fields(type(command)))
    return attrs.evolve(command, allow_cascade=True) if can_say_so else command  # type: ignore[arg-type]  # has it


def needs_the_past(command: Command) -> bool:
    """Whether only the repository can say all that *command* is about."""
    match command:
        case Undo() | ReleaseTrain(from_state=UpstreamThen()):
            return True
        case Batch(commands):
            return any(map(needs_the_past, commands))
        case _:
            return False
