"""Reading from the past what a command carries of it: a commit's facts, and what upstream had."""

from collections.abc import Iterator, Mapping

from kuberpult_core.commands import ReleaseTrain
from kuberpult_core.decide.trains import members_of, upstream_versions
from kuberpult_core.errors import printable
from kuberpult_core.model import Broken, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.differences import LockChanged, PlacementChanged, TeamChanged
from kuberpult_core.past.facts import Facts, facts_between
from kuberpult_core.past.known import MOST_OTHERS, CommitFacts, Waiting
from kuberpult_core.ports import LoggedCommit, ObjectId, Objects

MAX_SUBJECT = 200


def facts_of_commit(objects: Objects, commit: LoggedCommit, before: ObjectId | None) -> CommitFacts:
    """What *commit* did to the tree *before* it."""
    facts = facts_between(objects, before, commit.tree)
    return CommitFacts(subject_of(commit), facts.differences, _named(facts.others), tuple(_waited_unlocked(facts)))


def subject_of(commit: LoggedCommit) -> str:
    """The first line of its message."""
    return printable(commit.message.strip().split("\n")[0].strip())[:MAX_SUBJECT]


def _named(paths: tuple[str, ...]) -> tuple[str, ...]:
    more = len(paths) - MOST_OTHERS
    named = tuple(printable(path) for path in paths[:MOST_OTHERS])
    return (*named, f"and {more} more") if more > 0 else named


def _waited_unlocked(facts: Facts) -> Iterator[Waiting]:
    """Where something waited before although nothing was locked, among what an undo may come by."""
    state = facts.before.state
    for environment, application in sorted(set(_concerned(facts))):
        waits = state.placement(environment, application).queued is not None
        if waits and not state.is_locked(environment, application):
            yield Waiting(environment, application)


def _concerned(facts: Facts) -> Iterator[tuple[EnvironmentName, ApplicationName]]:
    environments = facts.before.state.environments
    for difference in facts.differences:
        match difference:
            case PlacementChanged(environment, application):
                yield environment, application
            case LockChanged(scope) if scope.application:
                yield scope.environment, scope.application
            case LockChanged(scope) if scope.environment in environments:
                yield from ((scope.environment, it) for it in environments[scope.environment].placements)
            case TeamChanged(application):
                yield from ((environment, application) for environment in environments)
            case _:
                pass  # opens no queue


def upstream_then(
    today: State, then: State, command: ReleaseTrain
) -> Mapping[EnvironmentName, Mapping[ApplicationName, Version | None]]:
    """What the upstream of each member of the target, as it is configured today, had in the state *then*.

    A member whose upstream was not there is left out.
    """
    found = {}
    for member in members_of(today, command):
        upstream = today.environments[member].config.upstream_environment
        if upstream is None or upstream in then.environments:
            versions = upstream_versions(then, upstream)
            found[member] = {name: None if isinstance(it, Broken) else it for name, it in versions}
    return found
