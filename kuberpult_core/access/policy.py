"""The policy: lines as in the Go tool and Argo CD that say which role may do what where, and who has which role.

p, role:developer, DeployRelease, development:*, *, allow
g, developers@example.com, role:developer
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from kuberpult_core import names
from kuberpult_core.classes import frozen
from kuberpult_core.errors import InvalidAccess, InvalidName, quoted
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName

T = TypeVar("T")
ANY = "*"
ROLE = "role:"
MAX_BYTES = 1024 * 1024
MAX_LINES = 10_000
MAX_SUBJECT = 256
"""Characters of a group's name, or of somebody's mail address."""
_ROLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class Action(StrEnum):
    """What somebody may do or see. The words are the Go tool's where it has one."""

    CREATE_LOCK = "CreateLock"
    DELETE_LOCK = "DeleteLock"
    CREATE_RELEASE = "CreateRelease"
    DELETE_RELEASE = "DeleteRelease"
    DEPLOY_RELEASE = "DeployRelease"
    DEPLOY_RELEASE_TRAIN = "DeployReleaseTrain"
    CREATE_UNDEPLOY = "CreateUndeploy"
    DEPLOY_UNDEPLOY = "DeployUndeploy"
    CREATE_ENVIRONMENT = "CreateEnvironment"
    DELETE_ENVIRONMENT = "DeleteEnvironment"
    DELETE_ENVIRONMENT_APPLICATION = "DeleteEnvironmentApplication"
    SET_TEAM = "SetTeam"
    UPDATE_SETTINGS = "UpdateSettings"
    VIEW = "View"
    VIEW_MANIFESTS = "ViewManifests"


@frozen
class Permission:
    """One ``p`` line. None stands for ``*``: anything, and also nothing in particular."""

    role: str
    action: Action | None
    group: GroupName | None
    environment: EnvironmentName | None
    application: ApplicationName | None

    def is_for(self, action: Action) -> bool:
        """Whether it is about *action*."""
        return self.action is None or self.action is action

    def is_at(self, group: str | None, environment: str | None) -> bool:
        """Whether it holds for an environment of that group; none is for what concerns no environment alone."""
        return self.group in (None, group) and self.environment in (None, environment)

    def is_of(self, application: str | None) -> bool:
        """Whether it holds for an application; none is for what concerns no application alone."""
        return self.application in (None, application)

    @property
    def is_everywhere(self) -> bool:
        """Whether it holds for every place."""
        return self.group is None and self.environment is None and self.application is None


@frozen
class Membership:
    """One ``g`` line: a group, or one person by their mail address, has a role."""

    subject: str
    role: str


@frozen
class Policy:
    """Who may do what where. Nothing is allowed that no line allows."""

    permissions: tuple[Permission, ...] = ()
    memberships: tuple[Membership, ...] = ()

    def roles_of(self, subjects: Iterable[str]) -> frozenset[str]:
        """The roles that any of the *subjects* has: the groups of a person, and their mail address."""
        known = set(subjects)
        return frozenset(it.role for it in self.memberships if it.subject in known)

    @property
    def roles(self) -> frozenset[str]:
        """The roles that may do something."""
        return frozenset(it.role for it in self.permissions)


def parse(text: str | bytes, where: str = "the policy") -> Policy:
    """The policy in *text*; *where* it lies is for messages. Raises :class:`InvalidAccess` with the line."""
    lines = [*_numbered(_decoded(text, where), where)]
    permissions = [_permission(number, parts, where) for number, parts in lines if parts[0] == "p"]
    policy = Policy(
        tuple(permissions),
        tuple(_membership(number, parts, where) for number, parts in lines if parts[0] == "g"),
    )
    for number, parts in lines:
        if parts[0] == "g" and parts[2].removeprefix(ROLE) not in policy.roles:
            raise _wrong(number, f"no line says what {parts[2]} may do", where)
    return policy


def _decoded(text: str | bytes, where: str) -> str:
    if len(text) > MAX_BYTES:
        raise InvalidAccess(where, f"it has more than {MAX_BYTES} bytes")
    try:
        return text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise InvalidAccess(where, "it is not UTF-8") from None


def _numbered(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that say something, in their parts."""
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MAX_LINES:
        raise InvalidAccess(where, f"it has more than {MAX_LINES} lines")
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = [part.strip() for part in line.split(",")]
        if parts[0] not in ("p", "g"):
            raise _wrong(number, f"it begins with {quoted(parts[0])}, not with p or g", where)
        yield number, parts


def _wrong(number: int, reason: str, where: str) -> InvalidAccess:
    return InvalidAccess(f"{where}, line {number}", reason)


def _permission(number: int, parts: list[str], where: str) -> Permission:
    if len(parts) != 6:
        form = "p, role:NAME, ACTION, GROUP:ENV, APP, allow"
        raise _wrong(number, f"it has {len(parts)} parts, and must be: {form}", where)
    _, role, action, place, application, effect = parts
    if effect != "allow":
        raise _wrong(number, f"it ends with {quoted(effect)}, and only allow is known", where)
    group, colon, environment = place.partition(":")
    if not colon:
        raise _wrong(number, f"{quoted(place)} is not of the form GROUP:ENV", where)
    return Permission(
        _role(number, role, where),
        _action(number, action, where),
        _any_or(names.group_name, number, group, where),
        _any_or(names.environment_name, number, environment, where),
        _any_or(names.application_name, number, application, where),
    )


def _action(number: int, text: str, where: str) -> Action | None:
    if text == ANY:
        return None
    try:
        return Action(text)
    except ValueError:
        known = ", ".join(Action)
        raise _wrong(number, f"there is no action {quoted(text)}; the actions are {known}", where) from None


def _any_or(checked: Callable[[str], T], number: int, text: str, where: str) -> T | None:
    if text == ANY:
        return None
    try:
        return checked(text)
    except InvalidName as error:
        raise _wrong(number, str(error).rstrip("."), where) from None


def _role(number: int, text: str, where: str) -> str:
    name = text.removeprefix(ROLE)
    if not text.startswith(ROLE) or not _ROLE_NAME.fullmatch(name):
        raise _wrong(number, f"{quoted(text)} is no role: it must be {ROLE}NAME", where)
    return name


def is_role(name: str) -> bool:
    """Whether a role may be called *name*."""
    return _ROLE_NAME.fullmatch(name) is not None


def _membership(number: int, parts: list[str], where: str) -> Membership:
    if len(parts) != 3:
        raise _wrong(number, f"it has {len(parts)} parts, and must be: g, GROUP, role:NAME", where)
    _, subject, role = parts
    if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise _wrong(number, f"{quoted(subject)} is no group", where)
    if subject == ANY or subject.startswith(ROLE):
        raise _wrong(number, f"{quoted(subject)} is no group: name one group, or one mail address", where)
    return Membership(subject, _role(number, role, where))
