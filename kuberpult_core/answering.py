"""Answers to questions, as plain data: the shapes of ``-o json`` and of the HTTP API.

Apart from :mod:`kuberpult_core.service`, and imported by it at first use, because a run that only
changes something needs none of this; and what compares or looks back is imported by who asks for it.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, assert_never

import attrs

from kuberpult_core import views
from kuberpult_core.errors import InvalidCommand, UnknownCommit, UnknownRevision, printable
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past import moments
from kuberpult_core.ports import Head, LoggedCommit, ObjectId, Touching
from kuberpult_core.questions import (
    CompareEnvironments,
    CompareManifests,
    CompareReleases,
    CompareStates,
    ExplainPlacement,
    FindCommit,
    FindRelease,
    ListApplications,
    ListDeployments,
    ListEnvironments,
    ListLocks,
    ListPlaced,
    ListProblems,
    ListQueue,
    ListReleases,
    Question,
    ShowApplication,
    ShowCommit,
    ShowEnvironment,
    ShowHolds,
    ShowLog,
    ShowManifest,
    ShowMatrix,
    ShowOverview,
    ShowPlacements,
    ShowRelease,
    ShowSettings,
    ShowStats,
)
from kuberpult_core.reading.reader import Problem
from kuberpult_core.views import Data

if TYPE_CHECKING:  # it imports this module, and few are limited in what they see
    from kuberpult_core.access.sifting import Sees
    from kuberpult_core.access.sight import Sight
    from kuberpult_core.past.log import Entry
    from kuberpult_core.past.queueing import Queueing
    from kuberpult_core.service import Repository

EVERYTHING = Touching()
FAR = 1000
"""Commits that are looked at for the one that followed another."""
_KEY = secrets.token_bytes(16)
"""Under which Secrets are shown as hashes: another one for each process, so that no value can be guessed."""


@attrs.frozen
class Seen:
    """What a question is about: one commit, and the state that it holds."""

    repository: "Repository"
    head: Head
    state: State
    """As far as it may be seen."""
    now: datetime
    """When it is asked."""
    whole: State
    """All of it."""
    sight: "Sight | None" = None
    """What may be seen; none is everything."""

    def log(self, wanted: Touching) -> "Iterator[Entry]":
        """The log of what is *wanted*, as far as it may be seen."""
        return self.log_from(self.head.commit, wanted)

    def log_from(self, start: ObjectId | None, wanted: Touching) -> "Iterator[Entry]":
        """The same from the commit *start* back; nothing came before the first one."""
        entries = iter(()) if start is None else self.repository.log(wanted, start)
        return self.sight.entries(self.whole, entries) if self.sight else entries


def answer(seen: Seen, question: Question) -> Any:  # noqa: C901, PLR0911, PLR0912 - one for each question
    """The answer to *question*: an object, a list, or the bytes of a manifest."""
    state = seen.state
    match question:
        case ShowOverview(environment, team, pattern):
            return {"commit": seen.head.commit, **views.overview(state, environment, team, pattern)}
        case ShowMatrix():
            return _matrix(seen, question)
        case ListEnvironments():
            return [views.environment_view(state, name) for name in views.environments_in_order(state)]
        case ShowEnvironment(environment):
            return views.environment_view(state, environment)
        case ListPlaced():
            return _placed(seen, question)
        case CompareEnvironments():
            return _environments(seen, question)
        case ListApplications():
            return [views.application_view(state, name) for name in sorted(state.applications)]
        case ShowApplication(application):
            return views.application_view(state, application)
        case ShowPlacements(application):
            return _placements(seen, application)
        case ListDeployments():
            return _deployments(seen, question)
        case ListReleases():
            return _listed(state, question)
        case ShowRelease(application, version):
            return views.release_view(state, application, version)
        case FindRelease(application, version):
            return _places(state, application, version)
        case ShowManifest():
            return _manifest(state, question)
        case CompareReleases():
            return _releases(state, question)
        case CompareManifests():
            return _manifests(state, question)
        case ListLocks(environment, only):
            return views.locks_view(state, environment, only)
        case ListQueue(environment):
            return views.queue_view(state, environment)
        case ShowHolds():
            return _holds(seen, question)
        case ShowSettings():
            return views.settings_view(state)
        case ShowLog():
            return _log(seen, question)
        case ShowCommit(commit):
            return _commit(seen, commit)
        case ExplainPlacement(application, environment):
            return _why(seen, environment, application)
        case FindCommit(commit):
            return _found(state, commit)
        case CompareStates():
            return _states(seen, question)
        case ShowStats():
            return _stats(seen, question)
        case ListProblems():
            return [views.problem_view(it) for it in _problems(seen)]
        case _:
            assert_never(question)


def _matrix(seen: Seen, question: ShowMatrix) -> Data:
    from kuberpult_core.matrix import matrix  # noqa: PLC0415 - for this question only

    return {"commit": seen.head.commit, **matrix(seen.state, question)}


def _placed(seen: Seen, question: ListPlaced) -> Data:
    from kuberpult_core.matrix import placed  # noqa: PLC0415 - for this question only

    return {"commit": seen.head.commit, **placed(seen.state, question)}


def _holds(seen: Seen, question: ShowHolds) -> Data:
    from kuberpult_core.holding import holds  # noqa: PLC0415 - for this question only

    commit = seen.head.commit
    now = seen.now if question.at is None or commit is None else seen.repository.store.commit(commit).time
    return {"commit": commit, **holds(seen.state, question, now, _queueings(seen, Touching(question.environment)))}


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


def _why(seen: Seen, environment: EnvironmentName, application: ApplicationName) -> Data:
    from kuberpult_core.past.why import why  # noqa: PLC0415 - for this question only

    return why(seen.state, environment, application, seen.log(Touching(environment, application)))


def _placements(seen: Seen, application: ApplicationName) -> Data:
    from kuberpult_core.placements import placements  # noqa: PLC0415 - for this question only

    return {"commit": seen.head.commit, **placements(seen.state, application)}


def _deployments(seen: Seen, question: ListDeployments) -> list[Data]:
    from kuberpult_core.past.deployments import deployments  # noqa: PLC0415 - for this question only

    environment, application = question.environment, question.application
    log = seen.log(Touching(environment, application))
    return list(islice(deployments(seen.state, environment, application, log), question.limit))


def _listed(state: State, question: ListReleases) -> list[Data]:
    found = views.releases_in_order(state, question.application, question.environment)
    last = None if question.most is None else question.first + question.most
    return [views.release_view(state, question.application, it) for it in islice(found, question.first, last)]


def _places(state: State, application: ApplicationName, version: Version) -> Data:
    from kuberpult_core.past.why import places_of_release  # noqa: PLC0415 - for this question only

    return places_of_release(state, application, version)


def _manifest(state: State, question: ShowManifest) -> bytes:
    from kuberpult_core import comparing  # noqa: PLC0415 - for this question only

    found = comparing.manifest(state, question.application, question.version, question.environment)
    return comparing.hidden(found, _KEY) if question.redacted else found


def _manifests(state: State, question: CompareManifests) -> Data:
    from kuberpult_core import comparing  # noqa: PLC0415 - as above

    ends = question.one, question.other
    text = comparing.release_difference(state, question.application, question.version, ends, _KEY)
    return {"one": question.one, "other": question.other, "diff": text}


def _releases(state: State, question: CompareReleases) -> list[Data]:
    from kuberpult_core import comparing  # noqa: PLC0415 - as above

    versions = question.old, question.new
    found = comparing.manifest_differences(state, question.application, versions, question.environment, _KEY)
    return [{"environment": name, "diff": text} for name, text in found.items()]


def _environments(seen: Seen, question: CompareEnvironments) -> list[Data]:
    from kuberpult_core import comparing  # noqa: PLC0415 - as above
    from kuberpult_core.effects import cut  # noqa: PLC0415 - as above
    from kuberpult_core.past.facts import Side  # noqa: PLC0415 - as above

    one, other = question.one, question.other
    found = comparing.difference(seen.state, one, other, question.application, same=question.same)
    last = None if question.most is None else question.first + question.most
    rows = [*islice(found, question.first, last)]
    if not question.manifests:
        return rows
    side = Side(seen.repository.store.objects, seen.head.tree, seen.state)
    reads = seen.sight.upon(seen.whole).reads if seen.sight else _everything
    names = [it for row in rows if all(reads(name, it := row["application"]) for name in (one, other))]
    differences = comparing.environment_differences(side, names, one, other, _KEY)
    if question.most is not None:  # a page is not to be of any length
        differences = map(cut, differences)
    texts = {it.application: it.text for it in differences}
    return [{**row, "diff": texts.get(row["application"])} for row in rows]


def _everything(_environment: EnvironmentName | None, _application: ApplicationName | None) -> bool:
    return True


def _problems(seen: Seen) -> list[Problem]:
    found = seen.repository.problems(seen.head.commit) if seen.head.commit else []
    return seen.sight.upon(seen.whole).problems(found) if seen.sight else found


def _found(state: State, commit: str) -> list[Data]:
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


def _log(seen: Seen, question: ShowLog) -> list[Data]:
    from kuberpult_core.past.log import concerning, entry_view  # noqa: PLC0415 - as above

    since = None if question.since is None else _past(question.since, seen.now, "since")
    wanted = Touching(question.environment, question.application, question.author, since)
    start = seen.head.commit
    if question.before is not None:
        start = seen.repository.store.commit(seen.repository.revision(question.before)).parent
    entries = islice(seen.log_from(start, wanted), question.limit)
    return [entry_view(it, concerning(it.told, wanted)) for it in entries]


def _commit(seen: Seen, text: str) -> Data:
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


def _stats(seen: Seen, question: ShowStats) -> Data:
    from kuberpult_core.past.stats import stats  # noqa: PLC0415 - as above

    commit = seen.head.commit if question.at is not None else None
    now = seen.repository.store.commit(commit).time if commit else seen.now
    start = _past(question.since, now, "since")
    if start >= now:
        raise InvalidCommand("$.since", "it must be in the past")
    log = seen.log(Touching(question.environment, since=start))
    return stats(seen.state, log, start, now, question.environment, question.team)


def _states(seen: Seen, question: CompareStates) -> Data:
    from kuberpult_core import comparing  # noqa: PLC0415 - as above
    from kuberpult_core.codec import fact_data  # noqa: PLC0415 - as above

    repository = seen.repository
    first = repository.revision(question.old)
    last = repository.revision(question.new) if question.new is not None else seen.head.commit
    if last is None:
        raise UnknownRevision("HEAD", "the branch has no commit yet")
    ends = repository.store.commit(first), repository.store.commit(last)
    wanted = Touching(question.environment, question.application)
    facts = repository.difference(first, last)
    events, others = comparing.events_between(facts, wanted), comparing.others_between(facts, wanted)
    reads: Sees = _everything
    if seen.sight:
        there = seen.sight.upon(facts.before.state, facts.after.state, seen.whole)
        events, others, reads = there.events(events), [*filter(there.path, others)], there.reads
    return {
        **{name: _end(it) for name, it in zip(("old", "new"), ends, strict=True)},
        "facts": [_uncaused(fact_data(event)) for event in events],
        "others": [printable(path) for path in others],
        "manifests": [
            {"environment": it.environment, "application": it.application, "diff": it.text}
            for it in comparing.deployed_differences(facts.before, facts.after, wanted, _KEY)
            if reads(it.environment, it.application)
        ]
        if question.manifests
        else None,
    }


def _end(commit: LoggedCommit) -> Data:
    return {"commit": commit.id, "time": commit.time}


def _uncaused(fact: Data) -> Data:
    """A fact where nobody asked for its cause."""
    return {key: value for key, value in fact.items() if key != "cause"}
