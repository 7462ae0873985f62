"""Answers about what differs: between environments, releases, states."""

from itertools import islice
from typing import TYPE_CHECKING

from kuberpult_core.answering.seen import KEY, Seen
from kuberpult_core.errors import UnknownRevision, printable
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import LoggedCommit, Touching
from kuberpult_core.questions import (
    CompareEnvironments,
    CompareManifests,
    CompareReleases,
    CompareStates,
    ShowManifest,
)
from kuberpult_core.views import Data

if TYPE_CHECKING:  # for types only
    from kuberpult_core.access.sifting import Sees


def manifest(state: State, question: ShowManifest) -> bytes:
    """A release's manifest for one environment."""
    from kuberpult_core import comparing  # noqa: PLC0415 - for this question only

    found = comparing.manifest(state, question.application, question.version, question.environment)
    return comparing.hidden(found, KEY) if question.redacted else found


def between_environments(state: State, question: CompareManifests) -> Data:
    """How a release's manifests for two environments differ."""
    from kuberpult_core import comparing  # noqa: PLC0415 - as above

    ends = question.one, question.other
    text = comparing.release_difference(state, question.application, question.version, ends, KEY)
    return {"one": question.one, "other": question.other, "diff": text}


def between_releases(state: State, question: CompareReleases) -> list[Data]:
    """How the manifests of two releases differ."""
    from kuberpult_core import comparing  # noqa: PLC0415 - as above

    versions = question.old, question.new
    found = comparing.manifest_differences(state, question.application, versions, question.environment, KEY)
    return [{"environment": name, "diff": text} for name, text in found.items()]


def environments(seen: Seen, question: CompareEnvironments) -> list[Data]:
    """What is not at the same version on two environments."""
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
    differences = comparing.environment_differences(side, names, one, other, KEY)
    if question.most is not None:  # a page is not to be of any length
        differences = map(cut, differences)
    texts = {it.application: it.text for it in differences}
    return [{**row, "diff": texts.get(row["application"])} for row in rows]


def _everything(_environment: EnvironmentName | None, _application: ApplicationName | None) -> bool:
    return True


def states(seen: Seen, question: CompareStates) -> Data:
    """What changed between two commits."""
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
            for it in comparing.deployed_differences(facts.before, facts.after, wanted, KEY)
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
