"""How a state follows from another one and an event. Never refuses, decides nothing."""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, assert_never

import attrs

from kuberpult_core.config import StoredConfig
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.model import (
    Application,
    Deployment,
    Environment,
    Lock,
    LockScope,
    Origin,
    Placement,
    Release,
    State,
    known,
)
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, Version
from kuberpult_core.settings import StoredSettings
from kuberpult_core.stamp import Stamp

K = TypeVar("K")
V = TypeVar("V")


class Overlay(Mapping[K, V], Generic[K, V]):
    """A mapping with a few changes laid over it, which costs what was changed, not what there is."""

    def __init__(self, base: Mapping[K, V]) -> None:
        self._base = base
        self._changed: dict[K, V] = {}
        self._gone: set[K] = set()
        self._more = 0
        """How many keys more than below there are; negative if there are fewer."""
        if isinstance(base, Overlay):  # one layer is enough, however long the history
            self._base, self._changed, self._gone, self._more = base.layers()

    def layers(self) -> tuple[Mapping[K, V], dict[K, V], set[K], int]:
        """What lies below, copies of what was put and dropped, and the difference in length."""
        return self._base, dict(self._changed), set(self._gone), self._more

    def put(self, key: K, value: V) -> None:
        """Let *key* have *value*."""
        self._more += key not in self
        self._gone.discard(key)
        self._changed[key] = value

    def drop(self, key: K) -> None:
        """Let *key* be gone."""
        self._more -= key in self
        self._changed.pop(key, None)
        self._gone.add(key)

    def __getitem__(self, key: K) -> V:
        if key in self._changed:
            return self._changed[key]
        if key in self._gone:
            raise KeyError(key)
        return self._base[key]

    def get(self, key: K, default: Any = None) -> Any:
        """What *key* has; asked for very often, so without an exception for what is not there."""
        if key in self._changed:
            return self._changed[key]
        return default if key in self._gone else self._base.get(key, default)

    def items(self) -> ItemsView[K, V]:
        """All keys with what they have."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[K, V]]:
        """The same, one after another."""
        changed, gone = self._changed, self._gone
        if changed or gone:
            yield from (pair for pair in self._base.items() if pair[0] not in gone and pair[0] not in changed)
            yield from changed.items()
        else:
            yield from self._base.items()

    def __contains__(self, key: object) -> bool:
        return key in self._changed or (key not in self._gone and key in self._base)

    def __iter__(self) -> Iterator[K]:
        yield from (key for key in self._base if key not in self._gone and key not in self._changed)
        yield from self._changed

    def __len__(self) -> int:
        return len(self._base) + self._more


class _Items(ItemsView[K, V]):
    """The items of an overlay: those below are not looked up one by one."""

    _mapping: Overlay[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping.pairs()


class Draft:
    """A state in the making: every mapping that changes is copied once, however many events come.

    ``state`` shows all events so far and goes on changing with the next one, so whoever
    hands it out must not apply more.
    """

    def __init__(self, state: State, stamp: Stamp | None = None) -> None:
        self._stamp = stamp
        self._deployment = known(self._who())
        self._own: dict[object, Mapping[Any, Any]] = {}
        self._environments = Overlay(state.environments)
        self._applications = Overlay(state.applications)
        self.state = attrs.evolve(state, environments=self._environments, applications=self._applications)

    def apply(self, event: Event) -> None:
        """Let *event* have happened."""
        match event:
            case Deployed() | Undeployed() | Queued() | QueueEmptied() | ApplicationRemoved():
                self._apply_to_placement(event)
            case LockCreated(scope, lock_id, lock):
                made = lock if event.restored else self._stamped(lock)
                self._change_locks(scope, lambda locks: locks.put(lock_id, made))
            case LockDeleted(scope, lock_id):
                self._change_locks(scope, lambda locks: locks.drop(lock_id))
            case ReleaseCreated() | ReleaseDeleted() | TeamSet() | ApplicationDeleted():
                self._apply_to_application(event)
            case EnvironmentCreated(name, document) | EnvironmentUpdated(name, document):
                there = self._environments.get(name) or Environment()
                self._environments.put(name, attrs.evolve(there, stored=known(StoredConfig(document))))
            case EnvironmentDeleted(name):
                self._environments.drop(name)
            case SettingsUpdated(document):
                self.state = attrs.evolve(self.state, stored_settings=known(StoredSettings(document)))
            case _:
                assert_never(event)

    def _apply_to_placement(
        self, event: Deployed | Undeployed | Queued | QueueEmptied | ApplicationRemoved
    ) -> None:
        now = self.state.placement(event.environment, event.application)
        match event:
            case Deployed(version=version, queued=queued):
                changed = Placement(version, queued, now.locks, self._deployment)
            case Undeployed(queued=queued):
                changed = Placement(None, queued, now.locks)
            case Queued(version=version):
                changed = attrs.evolve(now, queued=version)
            case QueueEmptied():
                changed = attrs.evolve(now, queued=None)
            case ApplicationRemoved():
                changed = Placement()
            case _:
                assert_never(event)
        self._put_placement(event.environment, event.application, changed)

    def _apply_to_application(self, event: ReleaseCreated | ReleaseDeleted | TeamSet | ApplicationDeleted) -> None:
        match event:
            case ReleaseCreated():
                self._releases(event.application).put(event.version, self._release(event))
            case ReleaseDeleted(application, version):
                self._releases(application).drop(version)
            case TeamSet(application, team):
                there = self._applications.get(application) or Application()
                self._applications.put(application, attrs.evolve(there, team=known(team)))
            case ApplicationDeleted(application):
                self._applications.drop(application)
            case _:
                assert_never(event)

    def _who(self) -> Deployment:
        return Deployment(self._stamp.actor, self._stamp.time) if self._stamp else Deployment()

    def _stamped(self, lock: Lock) -> Lock:
        who = self._who()
        return attrs.evolve(lock, created_at=who.at, created_by=who.by)

    def _release(self, event: ReleaseCreated) -> Release:
        origin = Origin(
            event.source_commit_id,
            event.source_author,
            event.source_message,
            event.display_version,
            event.created_at if event.restored else self._who().at,
        )
        manifests = {name: manifest.id for name, manifest in event.manifests.items()}
        return Release(manifests, known(origin), event.is_undeploy)

    def _overlay(self, key: object, mapping: Mapping[K, V]) -> Overlay[K, V]:
        """The overlay of *mapping* that this draft may change; made at the first change."""
        if isinstance(mapping, Overlay) and self._own.get(key) is mapping:
            return mapping
        overlay = Overlay(mapping)
        self._own[key] = overlay
        return overlay

    def _releases(self, name: ApplicationName) -> Overlay[Version, Release]:
        there = self._applications.get(name) or Application()
        releases = self._overlay((Release, name), there.releases)
        self._applications.put(name, attrs.evolve(there, releases=releases))
        return releases

    def _put_placement(self, name: EnvironmentName, application: ApplicationName, placed: Placement) -> None:
        there = self._environments[name]
        placements = self._overlay((Placement, name), there.placements)
        if placed.is_empty:
            placements.drop(application)
        else:
            placements.put(application, placed)
        if placements is not there.placements:
            self._environments.put(name, attrs.evolve(there, placements=placements))

    def _change_locks(self, scope: LockScope, change: Callable[[Overlay[LockId, Lock]], None]) -> None:
        there = self._environments[scope.environment]
        if scope.application:
            placed = there.placement(scope.application)
            locks = self._overlay(scope, placed.locks)
            change(locks)
            self._put_placement(scope.environment, scope.application, attrs.evolve(placed, locks=locks))
        elif scope.team:
            teams = self._overlay((scope.environment, "teams"), there.team_locks)
            locks = self._overlay(scope, teams.get(scope.team, {}))
            change(locks)
            if locks:
                teams.put(scope.team, locks)
            else:
                teams.drop(scope.team)
            self._environments.put(scope.environment, attrs.evolve(there, team_locks=teams))
        else:
            locks = self._overlay(scope, there.locks)
            change(locks)
            self._environments.put(scope.environment, attrs.evolve(there, locks=locks))


def evolve(state: State, event: Event, stamp: Stamp | None = None) -> State:
    """The state after *event*; *stamp* says who and when, none that nobody has done it yet."""
    return evolve_all(state, (event,), stamp)


def evolve_all(state: State, events: Iterable[Event], stamp: Stamp | None = None) -> State:
    """The state after all *events*, at the cost of what they touch."""
    draft = Draft(state, stamp)
    for event in events:
        draft.apply(event)
    return draft.state
