"""How often, how fast, how safely: numbers on deployments, counted from the log.

Times are whole seconds. A time that clocks in disagreement would make negative counts as none.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from kuberpult_core.decide.locking import check_team
from kuberpult_core.events import Deployed
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version
from kuberpult_core.past.causes import UNDO
from kuberpult_core.past.differences import Placed, PlacementChanged
from kuberpult_core.past.log import Entry, Told
from kuberpult_core.views import check_environment, environments_in_order

Data = dict[str, Any]

WEEKS_FROM = timedelta(weeks=3)
"""A span of at least this is counted by the week, a shorter one by the day."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""No commit is older."""
_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)


def stats(
    state: State,
    newest_first: Iterable[Entry],
    since: datetime,
    until: datetime,
    environment: EnvironmentName | None = None,
    team: TeamName | None = None,
) -> Data:
    """The numbers from *since* to *until*: for each environment in the order of promotion, and for all together.

    *newest_first* is the log of that span, and is read once; *state* says which environments
    there are, in which order, and whose an application is. An environment that is gone follows
    after the others, if anything happened on it.

    ``deployments``
        How often another version came into place, by whatever: a rollback is one too.
    ``per_day``
        Deployments a day over the whole span.
    ``counts``
        Deployments in each of the ``periods``: days, or from three weeks on weeks, which begin
        on Monday. In UTC; what lies outside of the span counts for the period next to it.
    ``lead_time``
        From a release's creation to its first deployment on the environment. Releases that do
        not say when they were created are left out, and so is every deployment that brings
        back what was there before, as far as the log of the span tells.
    ``queue``
        From when a version began to wait to its deployment; ``dropped`` is how many never were
        deployed from there. The times leave out what waited already when the span began.
    ``rollbacks``
        Deployments of a lower version than was in place, and those by an undo;
        ``rollback_rate`` is their part of all deployments, none without any.

    ``median`` and ``p90`` are measured values, by nearest rank; none if ``count`` is 0.
    Raises :class:`UnknownEnvironment` and :class:`UnknownTeam` before it reads the log.
    """
    check_environment(state, environment)
    if team is not None:
        check_team(state, team)
    span = Span(max(since, _EPOCH), until)
    board = _Board(span, state, environment, team)
    for entry in newest_first:
        board.count(entry)
    tallies = board.tallies
    return {
        "since": span.since,
        "until": span.until,
        "period": "week" if span.step == _WEEK else "day",
        "periods": span.periods(),
        "environments": [{"environment": name, **_numbers([it], span)} for name, it in tallies.items()],
        "total": _numbers(list(tallies.values()), span),
    }


@attrs.frozen
class Span:
    """A stretch of time, and the days or weeks that it is made of, in UTC."""

    since: datetime
    until: datetime

    @property
    def step(self) -> timedelta:
        """How long a period is: a day, or a week."""
        return _WEEK if self.until - self.since >= WEEKS_FROM else _DAY

    @property
    def days(self) -> float:
        """How long the whole span is."""
        return (self.until - self.since) / _DAY

    def periods(self) -> list[datetime]:
        """When each period begins; the first one may begin before the span."""
        first, step = self._first(), self.step
        return [first + number * step for number in range(max(0, (self.until - first) // step) + 1)]

    def place(self, time: datetime) -> int:
        """The number of the period that *time* is in, or of the one next to it."""
        first, step = self._first(), self.step
        return max(0, (min(time, self.until) - first) // step)

    def _first(self) -> datetime:
        midnight = self.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight if self.step == _DAY else midnight - midnight.weekday() * _DAY


@attrs.frozen
class _Waited:
    """A version that came out of the queue, and when; since when it waited is still to be found."""

    version: Version
    until: datetime


@attrs.define
class _Tally:
    """What is known of one environment so far, on the way back through the log."""

    counts: list[int]
    rollbacks: int = 0
    dropped: int = 0
    queue_times: list[int] = attrs.field(factory=list)
    lead_times: dict[tuple[ApplicationName, Version, datetime], int] = attrs.field(factory=dict)
    """By release; with its time, for a new application of an old name counts its releases anew."""
    _waited: dict[ApplicationName, _Waited] = attrs.field(factory=dict)

    def deployed(self, event: Deployed, entry: Entry, period: int, *, undone: bool) -> None:
        """A version came into place; an earlier deployment of the same release will take its place."""
        self.counts[period] += 1
        if undone or (event.previous is not None and event.version < event.previous):
            self.rollbacks += 1
            return  # a release that was there before has its lead time behind it
        created = _created(entry.facts.after.state, event.application, event.version)
        if created is not None:
            key = (event.application, event.version, created)
            self.lead_times[key] = _seconds(created, entry.commit.time)

    def went(self, application: ApplicationName, version: Version, before: State) -> None:
        """A version was in place until now, so whatever deployed it later did not do so first."""
        created = _created(before, application, version)
        if created is not None:
            self.lead_times.pop((application, version, created), None)

    def queue_moved(self, application: ApplicationName, old: Placed, new: Placed, time: datetime) -> None:
        """What waits became another: here a wait began or ended, or both."""
        began = self._waited.pop(application, None)
        if began is not None and began.version == new.queued:
            self.queue_times.append(_seconds(time, began.until))
        if old.queued is not None and old.queued == new.version:
            self._waited[application] = _Waited(old.queued, time)
        elif old.queued is not None:
            self.dropped += 1


def _created(state: State, application: ApplicationName, version: Version) -> datetime | None:
    release = state.release(application, version)
    return release.origin.created_at if release else None


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))


class _Board:
    """The tallies by environment, and whom they are for."""

    def __init__(
        self, span: Span, state: State, environment: EnvironmentName | None, team: TeamName | None
    ) -> None:
        self._span, self._state, self._environment, self._team = span, state, environment, team
        self._length = len(span.periods())
        self._tallies: dict[EnvironmentName, _Tally] = {}

    @property
    def tallies(self) -> dict[EnvironmentName, _Tally]:
        """Those of the environments that there are, in order of promotion, and of those that are gone, by name."""
        wanted = self._environment
        names = [it for it in environments_in_order(self._state) if wanted is None or it == wanted]
        gone = sorted(set(self._tallies) - set(names))
        return {name: self._tally(name) for name in [*names, *gone]}

    def count(self, entry: Entry) -> None:
        """Count what *entry* tells; it is older than what was counted before."""
        for told in entry.told:
            self._count_deployment(told, entry)
        for difference in entry.facts.differences:
            if isinstance(difference, PlacementChanged):
                self._count_change(difference, entry)

    def _count_deployment(self, told: Told, entry: Entry) -> None:
        event = told.event
        if isinstance(event, Deployed) and self._wants(event.environment, event.application):
            undone = told.cause is not None and told.cause.startswith(UNDO)
            period = self._span.place(entry.commit.time)
            self._tally(event.environment).deployed(event, entry, period, undone=undone)

    def _count_change(self, change: PlacementChanged, entry: Entry) -> None:
        if not self._wants(change.environment, change.application):
            return
        tally, old, new = self._tally(change.environment), change.old, change.new
        if old.version is not None and old.version != new.version:
            tally.went(change.application, old.version, entry.facts.before.state)
        if old.queued != new.queued:
            tally.queue_moved(change.application, old, new, entry.commit.time)

    def _wants(self, environment: EnvironmentName, application: ApplicationName) -> bool:
        if self._environment is not None and environment != self._environment:
            return False
        return self._team is None or self._state.team_of(application) == self._team

    def _tally(self, name: EnvironmentName) -> _Tally:
        if name not in self._tallies:
            self._tallies[name] = _Tally([0] * self._length)
        return self._tallies[name]


def _numbers(tallies: Sequence[_Tally], span: Span) -> Data:
    """The numbers of these tallies together."""
    counts = [sum(it.counts[period] for it in tallies) for period in range(len(span.periods()))]
    deployments, rollbacks = sum(counts), sum(it.rollbacks for it in tallies)
    return {
        "deployments": deployments,
        "per_day": round(deployments / span.days, 3) if span.days > 0 else None,
        "counts": counts,
        "lead_time": _spread([seconds for it in tallies for seconds in it.lead_times.values()]),
        "queue": {
            **_spread([seconds for it in tallies for seconds in it.queue_times]),
            "dropped": sum(it.dropped for it in tallies),
        },
        "rollbacks": rollbacks,
        "rollback_rate": round(rollbacks / deployments, 3) if deployments else None,
    }


def _spread(seconds: list[int]) -> Data:
    ordered = sorted(seconds)
    return {"count": len(ordered), "median": _percentile(ordered, 50), "p90": _percentile(ordered, 90)}


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    """The smallest value that so many of a hundred do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None
