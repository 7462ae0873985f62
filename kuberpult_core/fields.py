"""What the fields of commands take: checked where a command is built, so that a wrong one never is."""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from kuberpult_core import names, texts
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.model import LockBehavior, OnUnlock
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, TeamName, Version

MAX_REVISION = 300
Choice = TypeVar("Choice", bound=StrEnum)


class IfExists(StrEnum):
    """What creating an environment does when there is one."""

    REFUSE = "refuse"
    UPDATE = "update"


class IfMissing(StrEnum):
    """What deleting a lock does when there is none."""

    REFUSE = "refuse"
    IGNORE = "ignore"


def optional_environment(name: str | None) -> EnvironmentName | None:
    """An environment's name, or none."""
    return None if name is None else names.environment_name(name)


def optional_group(name: str | None) -> GroupName | None:
    """A group's name, or none."""
    return None if name is None else names.group_name(name)


def optional_application(name: str | None) -> ApplicationName | None:
    """An application's name, or none."""
    return None if name is None else names.application_name(name)


def optional_team(name: str | None) -> TeamName | None:
    """A team's name, or none."""
    return None if name is None else names.team_name(name)


def optional_version(number: int | None) -> Version | None:
    """A version, or none."""
    return None if number is None else names.version(number)


def _chosen(path: str, choices: type[Choice], value: str) -> Choice:
    try:
        return choices(value)
    except ValueError:
        raise InvalidCommand(path, f"it must be one of {', '.join(choices)}") from None


def lock_behavior(value: str) -> LockBehavior:
    """What a deployment does when it finds locks."""
    return _chosen("$.lock_behavior", LockBehavior, value)


def queued(value: str) -> OnUnlock:
    """What becomes of what waits."""
    return _chosen("$.queued", OnUnlock, value)


def on_expiry(value: str | None) -> OnUnlock | None:
    """What becomes of what waits when a lock expires, or none."""
    return None if value is None else _chosen("$.on_expiry", OnUnlock, value)


def if_missing(value: str) -> IfMissing:
    """What deleting a lock does when there is none."""
    return _chosen("$.if_missing", IfMissing, value)


def if_exists(value: str) -> IfExists:
    """What creating an environment does when there is one."""
    return _chosen("$.if_exists", IfExists, value)


def revision(text: str) -> str:
    """A commit as git users name one, or a time: required."""
    line = texts.optional_line("$.revision", text, MAX_REVISION)
    if line is None:
        raise InvalidCommand("$.revision", "it must name a commit or a time")
    return line


def lock_message(text: str) -> str:
    """A lock's message, which is required."""
    return texts.message("$.message", text, texts.MAX_LOCK_MESSAGE)


def link(text: str | None) -> str | None:
    """Where to read more, or none."""
    return texts.optional_line("$.link", text)


def suggested_lifetime(text: str | None) -> str | None:
    """The Go tool's hint, or none."""
    return texts.optional_line("$.suggested_lifetime", text, 100)


def expires_at(time: datetime | None) -> datetime | None:
    """When a lock may go, or none."""
    return texts.moment("$.expires_at", time)


def source_commit_id(text: str | None) -> str | None:
    """The commit that a release was built from, or none."""
    return texts.optional_line("$.source_commit_id", text)


def source_author(text: str | None) -> str | None:
    """Who made that commit, or none."""
    return texts.optional_line("$.source_author", text)


def source_message(text: str | None) -> str | None:
    """What that commit says, or none."""
    return texts.optional_message("$.source_message", text)


def display_version(text: str | None) -> str | None:
    """What people call a release, or none."""
    return texts.optional_line("$.display_version", text, texts.MAX_DISPLAY_VERSION)
