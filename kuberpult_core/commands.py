"""Commands: what somebody asks for, as immutable data. rules.md says what each one means.

A command that can be built is well formed: its names are allowed, its manifests are YAML,
its texts are bounded. Building a wrong one raises an *Invalid* error. Whether the rules
allow it is for :func:`kuberpult_core.decide.decide` to say.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, get_args

import attrs

from kuberpult_core import config, names, texts
from kuberpult_core.config import EnvironmentConfig
from kuberpult_core.documents import Document, render
from kuberpult_core.errors import InvalidCommand, InvalidManifest
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import LockBehavior, OnUnlock
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, LockId, TeamName, Version

Choice = TypeVar("Choice", bound=StrEnum)

MAX_COMMANDS = 10_000
"""Commands in one batch."""


class IfExists(StrEnum):
    """What creating an environment does when there is one."""

    REFUSE = "refuse"
    UPDATE = "update"


class IfMissing(StrEnum):
    """What deleting a lock does when there is none."""

    REFUSE = "refuse"
    IGNORE = "ignore"


def _environment(name: str | None) -> EnvironmentName | None:
    return None if name is None else names.environment_name(name)


def _group(name: str | None) -> GroupName | None:
    return None if name is None else names.group_name(name)


def _application(name: str | None) -> ApplicationName | None:
    return None if name is None else names.application_name(name)


def _team(name: str | None) -> TeamName | None:
    return None if name is None else names.team_name(name)


def _version(number: int | None) -> Version | None:
    return None if number is None else names.version(number)


def _chosen(path: str, choices: type[Choice], value: str) -> Choice:
    try:
        return choices(value)
    except ValueError:
        raise InvalidCommand(path, f"it must be one of {', '.join(choices)}") from None


def _lock_behavior(value: str) -> LockBehavior:
    return _chosen("$.lock_behavior", LockBehavior, value)


def _queued(value: str) -> OnUnlock:
    return _chosen("$.queued", OnUnlock, value)


def _on_expiry(value: str | None) -> OnUnlock | None:
    return None if value is None else _chosen("$.on_expiry", OnUnlock, value)


def _if_missing(value: str) -> IfMissing:
    return _chosen("$.if_missing", IfMissing, value)


def _if_exists(value: str) -> IfExists:
    return _chosen("$.if_exists", IfExists, value)


def _lock_message(text: str) -> str:
    return texts.message("$.message", text, texts.MAX_LOCK_MESSAGE)


def _link(text: str | None) -> str | None:
    return texts.optional_line("$.link", text)


def _suggested_lifetime(text: str | None) -> str | None:
    return texts.optional_line("$.suggested_lifetime", text, 100)


def _expires_at(time: datetime | None) -> datetime | None:
    return texts.moment("$.expires_at", time)


def _commit_id(text: str | None) -> str | None:
    return texts.optional_line("$.source_commit_id", text)


def _author(text: str | None) -> str | None:
    return texts.optional_line("$.source_author", text)


def _message(text: str | None) -> str | None:
    return texts.optional_message("$.source_message", text)


def _display_version(text: str | None) -> str | None:
    return texts.optional_line("$.display_version", text, texts.MAX_DISPLAY_VERSION)


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


@attrs.frozen
class Target:
    """What a lock command addresses.

    ``environment`` is the environment of that name, else the group of that name; ``group``
    is a group only. Exactly one of the two. ``application`` or ``team`` narrow it down.
    """

    environment: EnvironmentName | None = attrs.field(default=None, converter=_environment)
    group: GroupName | None = attrs.field(default=None, converter=_group)
    application: ApplicationName | None = attrs.field(default=None, converter=_application)
    team: TeamName | None = attrs.field(default=None, converter=_team)

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


@attrs.frozen
class Deploy:
    """Put a version in place, or let it wait for the locks (rules.md 2)."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    lock_behavior: LockBehavior = attrs.field(default=LockBehavior.QUEUE, converter=_lock_behavior)


@attrs.frozen
class CreateLock:
    """Hold automatic deployments back (rules.md 3)."""

    target: Target = attrs.field(validator=_is_target)
    lock_id: LockId = attrs.field(converter=names.lock_id)
    message: str = attrs.field(converter=_lock_message)
    link: str | None = attrs.field(default=None, converter=_link)
    expires_at: datetime | None = attrs.field(default=None, converter=_expires_at)
    on_expiry: OnUnlock | None = attrs.field(default=None, converter=_on_expiry)
    suggested_lifetime: str | None = attrs.field(default=None, converter=_suggested_lifetime)


@attrs.frozen
class DeleteLock:
    """Take a lock away; what waited for the last one goes out, or is dropped (rules.md 3)."""

    target: Target = attrs.field(validator=_is_target)
    lock_id: LockId = attrs.field(converter=names.lock_id)
    queued: OnUnlock = attrs.field(default=OnUnlock.DEPLOY, converter=_queued)
    if_missing: IfMissing = attrs.field(default=IfMissing.REFUSE, converter=_if_missing)


def _required_moment(time: datetime) -> datetime:
    checked = texts.moment("$.now", time)
    if checked is None:
        raise InvalidCommand("$.now", "it must be a time")
    return checked


@attrs.frozen
class ExpireLocks:
    """Delete the locks whose time is past at *now*, each with its own ``on_expiry``."""

    now: datetime = attrs.field(converter=_required_moment)


@attrs.frozen
class CancelQueued:
    """Empty the queue of one placement."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)


@attrs.frozen
class ReleaseTrain:
    """Make a target equal to its upstream (rules.md 4): an environment, else a group, of that name."""

    target: EnvironmentName = attrs.field(converter=names.environment_name)
    team: TeamName | None = attrs.field(default=None, converter=_team)
    lock_behavior: LockBehavior = attrs.field(default=LockBehavior.QUEUE, converter=_lock_behavior)
    group_only: bool = False
    """Whether an environment of that name is left out of account."""


@attrs.frozen
class CreateRelease:
    """Store a release, deploy it to where the newest goes by itself, clean up (rules.md 5)."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    manifests: Mapping[EnvironmentName, Manifest] = attrs.field(converter=_manifests)
    version: Version | None = attrs.field(default=None, converter=_version)
    source_commit_id: str | None = attrs.field(default=None, converter=_commit_id)
    source_author: str | None = attrs.field(default=None, converter=_author)
    source_message: str | None = attrs.field(default=None, converter=_message)
    display_version: str | None = attrs.field(default=None, converter=_display_version)
    team: TeamName | None = attrs.field(default=None, converter=_team)


@attrs.frozen
class Cleanup:
    """Delete the releases of an application that nothing needs any more (rules.md 5)."""

    application: ApplicationName = attrs.field(converter=names.application_name)


@attrs.frozen
class SetTeam:
    """Say which team an application belongs to; none takes it out of its team."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    team: TeamName | None = attrs.field(converter=_team)


@attrs.frozen
class CreateEnvironment:
    """Make an environment; with ``if_exists=update``, replace the config of one that is there."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    config: EnvironmentConfig = attrs.field(factory=EnvironmentConfig, converter=config.as_config)
    if_exists: IfExists = attrs.field(default=IfExists.REFUSE, converter=_if_exists)
    allow_cascade: bool = False


@attrs.frozen
class UpdateEnvironment:
    """Change parts of an environment's config: *patch* in the keys of config.json, null takes one away."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    patch: Mapping[str, Any] = attrs.field(converter=_patch)
    allow_cascade: bool = False


@attrs.frozen
class DeleteEnvironment:
    """Take an environment away with all that is on it."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    ignore_locks: bool = False
    allow_cascade: bool = False


@attrs.frozen
class RemoveApplicationFromEnvironment:
    """Take an application off one environment."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)
    ignore_locks: bool = False
    allow_cascade: bool = False


@attrs.frozen
class DeleteApplication:
    """Take an application away: off every environment, and all its releases."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    ignore_locks: bool = False
    allow_cascade: bool = False


@attrs.frozen
class UpdateSettings:
    """Change settings: *patch* in the keys of kuberpult.json, null takes one away."""

    patch: Mapping[str, Any] = attrs.field(converter=_patch)


@attrs.frozen
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
)
Command = SingleCommand | Batch
"""Everything that can be asked for."""
