"""What somebody may see: of a state, of the log, of what differs. The rest is as if it were not there."""

from collections.abc import Iterable, Iterator
from functools import cached_property

import attrs

from kuberpult_core.access.needs import Groups, Need, singles
from kuberpult_core.access.policy import Action
from kuberpult_core.access.rights import Rights
from kuberpult_core.access.sifting import sees_team, sifted
from kuberpult_core.commands import ReleaseTrain
from kuberpult_core.decision import Decision, Skip
from kuberpult_core.events import Event, LockCreated, LockDeleted, ReleaseCreated
from kuberpult_core.model import LockScope, State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.past.causes import places_of
from kuberpult_core.past.differences import PlacementChanged
from kuberpult_core.past.log import Entry, Told
from kuberpult_core.questions import (
    CompareEnvironments,
    CompareManifests,
    CompareReleases,
    CompareStates,
    Question,
    ShowManifest,
)
from kuberpult_core.reading.reader import Problem
from kuberpult_core.words import HIDDEN_SUBJECT


@attrs.frozen(slots=False)
class Sight:
    """What the *rights* let somebody see. A call gives a state as far as a question about it may be answered."""

    rights: Rights

    def __call__(self, state: State, question: Question) -> State:
        """*state* without what may not be seen; raises :class:`NotAllowed` if there is nothing to answer with."""
        if not self.rights.about(Action.VIEW):
            raise self.rights.refusal(Need(Action.VIEW))
        seen = self.upon(state)
        self._check_manifests(seen, question)
        if self.sees_all and (self.reads_all or not isinstance(question, CompareReleases)):
            return state
        compares = isinstance(question, CompareReleases)
        return sifted(state, seen.sees, seen.sees_whole, seen.reads if compares else seen.sees)

    def upon(self, *states: State) -> "Seen":
        """The same for places in these states: who sees one that changes its group sees both groups."""
        return Seen(self, states)

    @cached_property
    def sees_all(self) -> bool:
        """Whether everything may be seen."""
        return self.rights.is_unlimited(Action.VIEW)

    @cached_property
    def reads_all(self) -> bool:
        """Whether every manifest may be read."""
        return self.rights.is_unlimited(Action.VIEW_MANIFESTS)

    def _check_manifests(self, seen: "Seen", question: Question) -> None:
        """Refuse to show manifests to those who may not read them, where they may see that there are some."""
        match question:
            case ShowManifest(application, _, environment):
                self._check_reading(seen, environment, application)
            case CompareManifests(application, _, one, other):
                self._check_reading(seen, one, application)
                self._check_reading(seen, other, application)
            case CompareReleases(application, _, _, environment) if environment is not None:
                self._check_reading(seen, environment, application)
            case CompareReleases() | CompareStates(manifests=True) | CompareEnvironments(manifests=True):
                if not self.rights.about(Action.VIEW_MANIFESTS):
                    raise self.rights.refusal(Need(Action.VIEW_MANIFESTS))
            case _:
                pass

    def _check_reading(self, seen: "Seen", environment: EnvironmentName, application: ApplicationName) -> None:
        if seen.sees(environment, application) and not seen.reads(environment, application):
            raise self.rights.refusal(Need(Action.VIEW_MANIFESTS, environment, application))

    def decision(self, state: State, decision: Decision) -> Decision:
        """*decision*, made on *state*, without what a train left alone where one may neither look nor deploy.

        All else that a decision tells of was asked for by its name, or needs a right there.
        """
        if self.sees_all or not any(isinstance(it, ReleaseTrain) for it in singles(decision.command)):
            return decision
        seen = self.upon(state)
        return attrs.evolve(decision, skips=tuple(filter(seen.skip, decision.skips)))

    def entries(self, now: State, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The log as far as it may be seen, as things were at each commit and are *now*."""
        return (seen for entry in entries if (seen := self.entry(now, entry)) is not None)

    def entry(self, now: State, entry: Entry) -> Entry | None:
        """One commit as far as it may be seen; none if nothing of it may."""
        if self.sees_all:
            return entry
        return self.upon(entry.facts.before.state, entry.facts.after.state, now).entry(entry)


@attrs.frozen(slots=False)
class Seen:
    """What may be seen of certain states, and of what happened between them."""

    sight: Sight
    states: tuple[State, ...]

    @cached_property
    def _groups(self) -> Groups:
        return Groups(self.states)

    @cached_property
    def _can(self) -> dict[tuple[Action, str | None, str | None], bool]:
        return {}

    def sees(self, environment: EnvironmentName | None, application: ApplicationName | None) -> bool:
        """Whether something of this place may be seen. None stands for whatever is there."""
        return self._may(Action.VIEW, environment, application)

    def reads(self, environment: EnvironmentName | None, application: ApplicationName | None) -> bool:
        """Whether the manifests there may be seen, too."""
        return self.sees(environment, application) and self._may(Action.VIEW_MANIFESTS, environment, application)

    def sees_whole(self, environment: EnvironmentName) -> bool:
        """Whether all that is in an environment may be seen."""
        lines = [it for it in self.sight.rights.about(Action.VIEW) if it.is_of(None)]
        groups = self._groups.of(environment)
        return all(any(it.is_at(group, environment) for it in lines) for group in groups)

    def _may(
        self, action: Action, environment: EnvironmentName | None, application: ApplicationName | None
    ) -> bool:
        place = (action, environment, application)
        known = self._can.get(place)
        if known is None:
            known = self._can[place] = self._finds(action, environment, application)
        return known

    def _finds(
        self, action: Action, environment: EnvironmentName | None, application: ApplicationName | None
    ) -> bool:
        lines = [it for it in self.sight.rights.about(action) if application is None or it.is_of(application)]
        if environment is None:
            return bool(lines)
        groups = self._groups.of(environment)
        return all(any(it.is_at(group, environment) for it in lines) for group in groups)

    def skip(self, skip: Skip) -> bool:
        """Whether it may be told that this was left alone."""
        place = skip.environment, skip.application
        return skip.application is None or self.sees(*place) or self._may(Action.DEPLOY_RELEASE, *place)

    def event(self, event: Event) -> Event | None:
        """A fact as far as it may be seen."""
        environment, application = places_of(event)
        where = EnvironmentName(environment) if environment else None
        if not self.sees(where, ApplicationName(application) if application else None):
            return None
        if isinstance(event, LockCreated | LockDeleted) and not self._sees_lock(event.scope):
            return None
        if isinstance(event, ReleaseCreated):
            shown = {name: it for name, it in event.manifests.items() if self.sees(name, event.application)}
            return attrs.evolve(event, manifests=shown) if len(shown) < len(event.manifests) else event
        return event

    def events(self, events: Iterable[Event]) -> list[Event]:
        """Those facts that may be seen."""
        return [shown for event in events if (shown := self.event(event)) is not None]

    def _sees_lock(self, scope: LockScope) -> bool:
        team, sees = scope.team, self.sees
        if team is None or self.sees_whole(scope.environment):
            return True
        return any(sees_team(state, scope.environment, team, sees) for state in self.states)

    def path(self, path: str) -> bool:
        """Whether it may be told of something at *path*; of no known place, only to those who see all."""
        environment, application = _place_of(path)
        if environment is None and application is None:
            return self.sight.rights.is_unlimited(Action.VIEW)
        return self.sees(environment, application)

    def problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """Those broken pieces that may be told of."""
        return [it for it in problems if self.path(it.path)]

    def entry(self, entry: Entry) -> Entry | None:
        """A commit with those of its facts that may be seen; none without any."""
        told = [Told(shown, it.cause) for it in entry.told if (shown := self.event(it.event)) is not None]
        others = tuple(filter(self.path, entry.facts.others))
        if not told and not others:
            return None
        is_whole = [it.event for it in told] == [it.event for it in entry.told] and others == entry.facts.others
        differences = tuple(
            it
            for it in entry.facts.differences
            if isinstance(it, PlacementChanged) and self.sees(it.environment, it.application)
        )
        return attrs.evolve(
            entry,
            commit=entry.commit if is_whole else attrs.evolve(entry.commit, message=HIDDEN_SUBJECT),
            facts=attrs.evolve(entry.facts, differences=differences, others=others),
            told=tuple(told),
            problem=entry.problem if is_whole else None,
        )


def _place_of(path: str) -> tuple[EnvironmentName | None, ApplicationName | None]:
    """The environment and the application that something in the repository belongs to."""
    match path.split("/"):
        case ["environments", environment, "applications", application, *_]:
            return EnvironmentName(environment), ApplicationName(application)
        case ["applications", application, "releases", _, "environments", environment, *_]:
            return EnvironmentName(environment), ApplicationName(application)
        case ["environments", environment, *_]:
            return EnvironmentName(environment), None
        case ["applications", application, *_]:
            return None, ApplicationName(application)
    return None, None
