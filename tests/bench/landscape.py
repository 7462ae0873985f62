"""What a fleet holds, before it is files: who is where, what waits, what is locked.

All of it follows from the size, so the same size is the same landscape on every machine.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs

from kuberpult_core import Actor
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version

SIZES: "dict[str, Size]" = {}
URL = "https://git.example.com/platform/manifests.git"
BRANCH = "main"
DAWN = datetime(2026, 1, 1, tzinfo=UTC)

_SUBJECTS = ("cart", "payment", "search", "stock", "mail", "login", "price", "order", "media", "report", "route")
_ROLES = ("api", "web", "worker", "feed", "gate")
_STAGES = ("dev", "test", "stage", "canary", "prod")
_PLACES = ("north", "south", "east", "west")
_CONFIRMED_LATE = 0.15
"""The share of placements that are one release behind the environment before."""
_FIRST_STAGE_ONLY = 0.03
_LOCKED = 0.02
_WAITING = 0.3

Placement = tuple[EnvironmentName, ApplicationName]


@attrs.frozen
class Size:
    """How many applications, environments and releases of each application there are."""

    applications: int
    environments: int
    releases: int

    def __str__(self) -> str:
        return f"{self.applications:,}×{self.environments}×{self.releases}"


SIZES.update(A=Size(100, 5, 10), B=Size(1000, 10, 20), C=Size(5000, 20, 20))


@attrs.frozen
class Place:
    """One environment of the chain."""

    name: EnvironmentName
    stage: int
    config: Mapping[str, Any]
    is_locked: bool
    locked_team: TeamName | None


@attrs.frozen
class Deployment:
    """One version put in place by hand, as a history has many."""

    environment: EnvironmentName
    application: ApplicationName
    version: Version
    previous: Version


@attrs.define
class Landscape:
    """A fleet in memory; ``deployments`` moves ``versions`` on."""

    size: Size
    teams: dict[ApplicationName, TeamName]
    places: Mapping[EnvironmentName, Place]
    versions: dict[Placement, Version] = attrs.field(factory=dict)
    queued: dict[Placement, Version] = attrs.field(factory=dict)
    locked: set[Placement] = attrs.field(factory=set)
    """Placements with a lock of their own."""
    _free: list[Placement] = attrs.field(factory=list, init=False)

    def is_free(self, placement: Placement) -> bool:
        """Whether no lock of any kind is in the way."""
        place = self.places[placement[0]]
        team = self.teams[placement[1]]
        return not place.is_locked and placement not in self.locked and team != place.locked_team

    @property
    def free(self) -> list[Placement]:
        """The placements that are, and that nothing locks, in order."""
        if not self._free:
            self._free = sorted(it for it in self.versions if self.is_free(it))
        return self._free

    @property
    def next_stop(self) -> EnvironmentName:
        """The first environment of the second stage: each application there is behind its upstream."""
        return next(it.name for it in self.places.values() if it.stage == 1)

    def placed_on(self, environment: EnvironmentName) -> list[ApplicationName]:
        """The applications with a version there, in name order."""
        return sorted(name for name in self.teams if (environment, name) in self.versions)

    def deployments(self, count: int, seed: int) -> Iterator[Deployment]:
        """So many deployments of other versions, on placements that nothing locks."""
        chance = Random(seed)
        for _ in range(count):
            placement = chance.choice(self.free)
            previous = self.versions[placement]
            step = chance.randrange(1, self.size.releases)
            version = Version((previous - 1 + step) % self.size.releases + 1)
            self.versions[placement] = version
            yield Deployment(*placement, version, previous)


def landscape(size: Size) -> Landscape:
    """The landscape of that size."""
    chance = Random(size.applications * 1_000_003 + size.environments * 1009 + size.releases)
    names = [
        ApplicationName(f"{_SUBJECTS[i % 11]}-{_ROLES[i // 11 % 5]}-{i:05d}") for i in range(size.applications)
    ]
    teams = {name: TeamName(f"team-{chance.randrange(max(3, size.applications // 50))}") for name in sorted(names)}
    found = Landscape(size, teams, _places(size))
    for name in found.teams:
        _place(found, name, chance)
    return found


def _places(size: Size) -> dict[EnvironmentName, Place]:
    stages = [min(index * 5 // max(5, size.environments), 4) for index in range(size.environments)]
    names = [EnvironmentName(f"{_STAGES[it]}-{_PLACES[i % 4]}-{i:02d}") for i, it in enumerate(stages)]
    last = size.environments - 1
    return {
        name: Place(name, stage, _config(names, index, stage), index == last, _team_locked(index, last))
        for index, (name, stage) in enumerate(zip(names, stages, strict=True))
    }


def _team_locked(index: int, last: int) -> TeamName | None:
    return TeamName("team-1") if index == last - 1 else None


def _config(names: list[EnvironmentName], index: int, stage: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        "upstream": {"environment": names[index - 1]} if index else {"latest": True},
        "environmentGroup": _STAGES[stage],
    }
    if index % 2 == 0:
        config["argocd"] = {
            "destination": {"server": f"https://{names[index]}.example.com", "namespace": "shop"},
            "syncWindows": [{"schedule": "0 22 * * *", "duration": "1h", "kind": "deny"}],
            "accessList": [{"group": "*", "kind": "Namespace"}],
            "applicationAnnotations": {"notifications.argoproj.io/subscribe.slack": "#deployments"},
            "syncOptions": ["ApplyOutOfSyncOnly=true"],
        }
    return config


def _place(found: Landscape, application: ApplicationName, chance: Random) -> None:
    """Let *application* be where it has come to: each stage a release later than the one before."""
    stops_early = chance.random() < _FIRST_STAGE_ONLY
    version, stage = found.size.releases, 0
    for place in found.places.values():
        if stops_early and place.stage > 0:
            break
        version -= (place.stage != stage) + (chance.random() < _CONFIRMED_LATE)
        version, stage = max(version, 1), place.stage
        placement = (place.name, application)
        found.versions[placement] = Version(version)
        if chance.random() < _LOCKED:
            found.locked.add(placement)
        if version < found.size.releases and not found.is_free(placement) and chance.random() < _WAITING:
            found.queued[placement] = Version(version + 1)


def digest(*parts: object) -> str:
    """40 hexadecimal digits that follow from *parts*."""
    return hashlib.sha1("|".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def person(*parts: object) -> Actor:
    """Somebody, one of forty, who follows from *parts*."""
    number = int(digest("person", *parts)[:6], 16) % 40
    return Actor(f"Developer {number}", f"developer{number}@example.com")


def moment(*parts: object) -> datetime:
    """A time before :data:`DAWN` that follows from *parts*."""
    return DAWN - timedelta(seconds=int(digest("moment", *parts)[:6], 16))
