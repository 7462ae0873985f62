"""Facts from files: what happened between two trees, whoever committed it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeAlias, assert_never

import attrs

from kuberpult_core import layout, names
from kuberpult_core.config import StoredConfig
from kuberpult_core.errors import InvalidName
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import Broken, LockScope, Placement, State
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, Version
from kuberpult_core.past.differences import (
    Difference,
    EnvironmentChanged,
    KeptDocument,
    KeptLock,
    KeptRelease,
    LockChanged,
    Placed,
    PlacementChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)
from kuberpult_core.past.treediff import tree_difference
from kuberpult_core.ports import Entry, ObjectId, Objects
from kuberpult_core.reading.reader import state_of
from kuberpult_core.settings import StoredSettings
from kuberpult_core.tree import find


@attrs.frozen(order=True)
class _Settings:
    pass


@attrs.frozen(order=True)
class _Environment:
    environment: EnvironmentName


@attrs.frozen(order=True)
class _Team:
    application: ApplicationName


@attrs.frozen(order=True)
class _Release:
    application: ApplicationName
    version: Version


@attrs.frozen(order=True)
class _Lock:
    environment: EnvironmentName
    application: str
    team: str
    lock_id: LockId

    @property
    def scope(self) -> LockScope:
        application = ApplicationName(self.application) if self.application else None
        return LockScope(self.environment, application, names.team_name(self.team) if self.team else None)


@attrs.frozen(order=True)
class _Placement:
    environment: EnvironmentName
    application: ApplicationName


_Part: TypeAlias = _Settings | _Environment | _Team | _Release | _Lock | _Placement
_ORDER = (_Settings, _Environment, _Team, _Release, _Lock, _Placement)


@attrs.frozen
class Side:
    """One of the two trees, and what it says."""

    objects: Objects
    tree: ObjectId | None
    state: State

    @classmethod
    def of(cls, objects: Objects, tree: ObjectId | None) -> "Side":
        """The side of *tree*."""
        return cls(objects, tree, state_of(objects, tree))

    def entry(self, path: str) -> Entry | None:
        """What lies at *path*."""
        return find(self.objects, self.tree, path)


@attrs.frozen
class Facts:
    """What happened between two trees."""

    before: Side
    after: Side
    differences: tuple[Difference, ...]
    others: tuple[str, ...]
    """Paths that changed and that kuberpult has no word for, or cannot read."""


def facts_between(objects: Objects, old: ObjectId | None, new: ObjectId | None) -> Facts:
    """What happened between the trees *old* and *new*, read from the parts that are not the same."""
    before, after = Side.of(objects, old), Side.of(objects, new)
    parts, others = _parts(changed.path for changed in tree_difference(objects, old, new))
    for name in {part.environment for part in parts if isinstance(part, _Lock | _Placement)}:
        if (name in before.state.environments) != (name in after.state.environments):
            parts.setdefault(_Environment(name), [])  # without a config it came or went with what is on it
    differences: list[Difference] = []
    for part in sorted(parts, key=lambda part: (_ORDER.index(type(part)), part)):
        difference = _difference(before, after, part)
        if difference is None:
            others.extend(parts[part])
        else:
            differences.append(difference)
    return Facts(before, after, tuple(differences), tuple(sorted(others)))


def _parts(paths: Iterable[str]) -> tuple[dict[_Part, list[str]], list[str]]:
    """The parts that *paths* belong to, and the paths that belong to none."""
    found: dict[_Part, list[str]] = defaultdict(list)
    others = []
    for path in paths:
        part = _part(path.split("/"))
        if part is not None:
            found[part].append(path)
        elif not path.startswith("argocd/v1alpha1/"):  # follows from the rest
            others.append(path)
    return found, others


def _part(path: list[str]) -> _Part | None:
    try:
        match path:
            case ["kuberpult.json"]:
                return _Settings()
            case ["applications", application, *rest]:
                return _application_part(names.application_name(application), rest)
            case ["environments", environment, *rest]:
                return _environment_part(names.environment_name(environment), rest)
    except InvalidName:
        pass  # not a name of kuberpult's, so not a part of its
    return None


def _application_part(application: ApplicationName, rest: list[str]) -> _Part | None:
    match rest:
        case ["team"]:
            return _Team(application)
        case ["releases", number, _, *_]:
            return _Release(application, names.version_from(number))
    return None


def _environment_part(environment: EnvironmentName, rest: list[str]) -> _Part | None:
    match rest:
        case ["config.json"]:
            return _Environment(environment)
        case ["locks", lock_id, *_]:
            return _Lock(environment, "", "", names.lock_id(lock_id))
        case ["teams", team, "locks", lock_id, *_]:
            return _Lock(environment, "", names.team_name(team), names.lock_id(lock_id))
        case ["applications", application, "locks", lock_id, *_]:
            return _Lock(environment, names.application_name(application), "", names.lock_id(lock_id))
        case ["applications", application, _, *_]:
            return _Placement(environment, names.application_name(application))
    return None


def _difference(before: Side, after: Side, part: _Part) -> Difference | None:
    """How *part* differs; none if it cannot be read, or differs in what kuberpult has no word for."""
    match part:
        case _Settings():
            return _settings(before, after)
        case _Environment(name):
            return _environment(before, after, name)
        case _Team(name):
            was, team = before.state.team_of(name), after.state.team_of(name)
            return TeamChanged(name, was, team) if was != team else None
        case _Release():
            return _release(before, after, part)
        case _Lock():
            return _lock(before, after, part)
        case _Placement():
            return _placement(before, after, part)
        case _:
            assert_never(part)


def _settings(before: Side, after: Side) -> SettingsChanged | None:
    old, new = (_kept(side.state.stored_settings, side.entry(layout.SETTINGS)) for side in (before, after))
    if isinstance(old, str) or isinstance(new, str) or (old is None and new is None):
        return None
    return SettingsChanged(old, new)


def _kept(stored: StoredSettings | StoredConfig, entry: Entry | None) -> KeptDocument | str | None:
    """A document as it lies there; none without a file; why it cannot be read."""
    if stored.problem:
        return stored.problem
    return KeptDocument(stored.document, entry) if entry else None


def _environment(before: Side, after: Side, name: EnvironmentName) -> EnvironmentChanged | None:
    sides = []
    for side in (before, after):
        there = side.state.environments.get(name)
        kept = _kept(there.stored, side.entry(layout.config_file(name))) if there else None
        if isinstance(kept, str):
            return None
        sides.append(KeptDocument({}) if there and kept is None else kept)
    return EnvironmentChanged(name, *sides)


def _release(before: Side, after: Side, part: _Release) -> ReleaseChanged | None:
    old, new = (_kept_release(side, part) for side in (before, after))
    if (old is None) == (new is None):
        return None  # releases are immutable: who edits one has to look after it
    return ReleaseChanged(part.application, part.version, old, new)


def _kept_release(side: Side, part: _Release) -> KeptRelease | None:
    release = side.state.release(part.application, part.version)
    entry = side.entry(layout.release_folder(part.application, part.version))
    if release is None or entry is None:
        return None
    manifests = {
        environment: Manifest(blob, len(side.state.read_manifest(blob)))
        for environment, blob in sorted(release.manifests.items())
    }
    return KeptRelease(manifests, release.origin, entry, release.is_undeploy)


def _lock(before: Side, after: Side, part: _Lock) -> LockChanged | None:
    old, new = (_kept_lock(side, part) for side in (before, after))
    return LockChanged(part.scope, part.lock_id, old, new) if old != new else None


def _kept_lock(side: Side, part: _Lock) -> KeptLock | None:
    scope = part.scope
    lock = side.state.locks_at(scope).get(part.lock_id)
    entry = side.entry(layout.lock_folder(scope.environment, scope.application, scope.team, part.lock_id))
    return KeptLock(lock, entry) if lock is not None and entry is not None else None


def _placement(before: Side, after: Side, part: _Placement) -> PlacementChanged | None:
    old, new = (_placed(side.state.placement(part.environment, part.application)) for side in (before, after))
    if old is None or new is None or old == new:
        return None
    return PlacementChanged(part.environment, part.application, old, new)


def _placed(there: Placement) -> Placed | None:
    """What is there, if its links can be followed."""
    if isinstance(there.version, Broken) or isinstance(there.queued, Broken):
        return None
    return Placed(there.version, there.queued)
