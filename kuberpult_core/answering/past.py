"""Answers about what happened, what waits since when, and what is broken."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from kuberpult_core.answering.seen import Seen
from kuberpult_core.errors import InvalidCommand, UnknownCommit, UnknownRevision
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.past import moments
from kuberpult_core.ports import ObjectId, Touching
from kuberpult_core.questions import (
    ListDeployments,
    ShowHolds,
    ShowLog,
    ShowStats,
)
from kuberpult_core.reading.reader import Problem
from kuberpult_core.views import Data

if TYPE_CHECKING:  # for types only
    from kuberpult_core.past.queueing import Queueing

EVERYTHING = Touching()
FAR = 1000
"""Commits that are looked at for the one that followed another."""


def holds(seen: Seen, question: ShowHolds) -> Data:
    """All that is held back."""
    from kuberpult_core import holding  # noqa: PLC0415 - for this question only

    commit = seen.head.commit
    now = seen.now if question.at is None or commit is None else seen.repository.store.commit(commit).time
    return {
        "commit": commit,
        **holding.holds(seen.state, question, now, _queueings(seen, Touching(question.environment))),
    }


def _queueings(seen: Seen, wanted: Touching) -> "Iterator[Queueing]":
    """What commits made wait, newest first; of each that is kept, but for those who see it in part."""
    from kuberpult_core.holding import MOST_LOOKED_BACK  # noqa: PLC0415 - as above
    from kuberpult_core.past.queueing import queueing_of  # noqa: PLC0415 - as above

    if seen.sight is not None and not seen.sight.sees_all:
        start = seen.head.commit
        entries = seen.repository.log(wanted, start) if start else iter(())
        few = islice(entries, MOST_LOOKED_BACK)  # of all, or who sees little would have the whole log read
        return map(queueing_of, seen.sight.entries(seen.whole, few))
    return seen.repository.queueings(wanted, seen.head.commit) if seen.head.commit else iter(())


def why(seen: Seen, environment: EnvironmentName, application: ApplicationName) -> Data:
    """Why a placement is as it is."""
    from kuberpult_core.past import why as reasons  # noqa: PLC0415 - for this question only

    return reasons.why(seen.state, environment, application, seen.log(Touching(environment, application)))


def deployments(seen: Seen, question: ListDeployments) -> list[Data]:
    """What was in place before."""
    from kuberpult_core.past import deployments as placed  # noqa: PLC0415 - for this question only

    environment, application = question.environment, question.application
    log = seen.log(Touching(environment, application))
    return list(islice(placed.deployments(seen.state, environment, application, log), question.limit))


def whereabouts(state: State, commit: str) -> list[Data]:
    """Where the releases of a source commit are."""
    from kuberpult_core.past.why import where_is  # noqa: PLC0415 - as above

    found = where_is(state, commit)
    if not found:
        raise UnknownCommit(commit)
    return found


def _past(text: str, now: datetime, field: str) -> datetime:
    time = moments.past(text, now)
    if time is None:
        raise InvalidCommand(f"$.{field}", "it must be a date, or a span such as 4h")
    return time


def log(seen: Seen, question: ShowLog) -> list[Data]:
    """The log as far as it is asked for."""
    from kuberpult_core.past.log import concerning, entry_view  # noqa: PLC0415 - as above

    since = None if question.since is None else _past(question.since, seen.now, "since")
    wanted = Touching(question.environment, question.application, question.author, since)
    start = seen.head.commit
    if question.before is not None:
        start = seen.repository.store.commit(seen.repository.revision(question.before)).parent
    entries = islice(seen.log_from(start, wanted), question.limit)
    return [entry_view(it, concerning(it.told, wanted)) for it in entries]


def commit(seen: Seen, text: str) -> Data:
    """One commit, whole."""
    from kuberpult_core.past.one import commit_view  # noqa: PLC0415 - as above

    commit = seen.repository.revision(text)
    entry = seen.repository.entry(commit)
    shown = seen.sight.entry(seen.whole, entry) if seen.sight else entry
    if shown is None:
        raise UnknownRevision(text)
    sees_all = seen.sight is None or seen.sight.sees_all
    return commit_view(shown, _after(seen, commit), sees_all=sees_all)


def _after(seen: Seen, commit: ObjectId) -> ObjectId | None:
    """The commit that came next, if it is not far from where the log is looked at."""
    chain = seen.repository.store.history(EVERYTHING, seen.head.commit) if seen.head.commit else iter(())
    return next((it.id for it in islice(chain, FAR) if it.parent == commit), None)


def stats(seen: Seen, question: ShowStats) -> Data:
    """How often, how fast, how safely."""
    from kuberpult_core.past import stats as counted  # noqa: PLC0415 - as above

    commit = seen.head.commit if question.at is not None else None
    now = seen.repository.store.commit(commit).time if commit else seen.now
    start = _past(question.since, now, "since")
    if start >= now:
        raise InvalidCommand("$.since", "it must be in the past")
    log = seen.log(Touching(question.environment, since=start))
    return counted.stats(seen.state, log, start, now, question.environment, question.team)


def problems(seen: Seen) -> list[Problem]:
    """What is broken, as far as it may be seen."""
    found = seen.repository.problems(seen.head.commit) if seen.head.commit else []
    return seen.sight.upon(seen.whole).problems(found) if seen.sight else found
