"""A state of which only a part may be seen: what is hidden is not there, and nothing is read to hide it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

import attrs

from kuberpult_core.model import Application, Environment, Release, State
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName

K = TypeVar("K")
V = TypeVar("V")
Sees = Callable[[EnvironmentName | None, ApplicationName | None], bool]
"""Whether a place may be seen; none is for all of that kind."""


class Sifted(Mapping[K, V], Generic[K, V]):
    """Those items of a mapping that are kept, as they are shown; each is asked about when it is looked at."""

    def __init__(
        self, inner: Mapping[K, V], keeps: Callable[[K], bool], shown: Callable[[K, V], V] = lambda _, value: value
    ) -> None:
        self._inner, self._keeps, self._shown = inner, keeps, shown
        self._known: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        found = self._known.get(key)
        if found is None:
            if not self._keeps(key):
                raise KeyError(key)
            found = self._known[key] = self._shown(key, self._inner[key])
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._inner and self._keeps(key)  # type: ignore[arg-type]  # a key of it, then

    def __iter__(self) -> Iterator[K]:
        return filter(self._keeps, self._inner)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def sifted(state: State, sees: Sees, sees_whole: Callable[[EnvironmentName], bool], reads: Sees) -> State:
    """*state* as far as it may be seen; releases with those manifests that may be read."""

    def environment(name: EnvironmentName, there: Environment) -> Environment:
        return there if sees_whole(name) else _environment(state, name, there, sees)

    def application(name: ApplicationName, there: Application) -> Application:
        return _application(name, there, reads)

    return attrs.evolve(
        state,
        environments=Sifted(state.environments, lambda name: sees(name, None), environment),
        applications=Sifted(state.applications, lambda name: sees(None, name), application),
    )


def _environment(state: State, name: EnvironmentName, there: Environment, sees: Sees) -> Environment:
    return attrs.evolve(
        there,
        placements=Sifted(there.placements, lambda application: sees(name, application)),
        team_locks=Sifted(there.team_locks, lambda team: sees_team(state, name, team, sees)),
    )


def sees_team(state: State, environment: EnvironmentName, team: TeamName, sees: Sees) -> bool:
    """Whether an application of *team* may be seen there; then so may the team's locks."""
    return any(
        there.team == team for application, there in state.applications.items() if sees(environment, application)
    )


def _application(name: ApplicationName, there: Application, reads: Sees) -> Application:
    def release(_: object, it: Release) -> Release:
        return attrs.evolve(it, manifests=Sifted(it.manifests, lambda environment: reads(environment, name)))

    return attrs.evolve(there, releases=Sifted(there.releases, lambda _: True, release))
