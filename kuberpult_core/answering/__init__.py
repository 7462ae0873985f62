"""Answers to questions, as plain data: the shapes of ``-o json`` and of the HTTP API.

Apart from :mod:`kuberpult_core.service`, and imported by it at first use, because a run that only
changes something needs none of this; and what compares or looks back is imported by who asks for it.
"""

from itertools import islice
from typing import Any, assert_never

from kuberpult_core import views
from kuberpult_core.answering import comparisons, past
from kuberpult_core.answering.seen import Seen
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, Version
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
from kuberpult_core.views import Data

__all__ = ["Seen", "answer"]


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
            return comparisons.environments(seen, question)
        case ListApplications():
            return [views.application_view(state, name) for name in sorted(state.applications)]
        case ShowApplication(application):
            return views.application_view(state, application)
        case ShowPlacements(application):
            return _placements(seen, application)
        case ListDeployments():
            return past.deployments(seen, question)
        case ListReleases():
            return _listed(state, question)
        case ShowRelease(application, version):
            return views.release_view(state, application, version)
        case FindRelease(application, version):
            return _places(state, application, version)
        case ShowManifest():
            return comparisons.manifest(state, question)
        case CompareReleases():
            return comparisons.between_releases(state, question)
        case CompareManifests():
            return comparisons.between_environments(state, question)
        case ListLocks(environment, only):
            return views.locks_view(state, environment, only)
        case ListQueue(environment):
            return views.queue_view(state, environment)
        case ShowHolds():
            return past.holds(seen, question)
        case ShowSettings():
            return views.settings_view(state)
        case ShowLog():
            return past.log(seen, question)
        case ShowCommit(commit):
            return past.commit(seen, commit)
        case ExplainPlacement(application, environment):
            return past.why(seen, environment, application)
        case FindCommit(commit):
            return past.whereabouts(state, commit)
        case CompareStates():
            return comparisons.states(seen, question)
        case ShowStats():
            return past.stats(seen, question)
        case ListProblems():
            return [views.problem_view(it) for it in past.problems(seen)]
        case _:
            assert_never(question)


def _matrix(seen: Seen, question: ShowMatrix) -> Data:
    from kuberpult_core.matrix import matrix  # noqa: PLC0415 - for this question only

    return {"commit": seen.head.commit, **matrix(seen.state, question)}


def _placed(seen: Seen, question: ListPlaced) -> Data:
    from kuberpult_core.matrix import placed  # noqa: PLC0415 - for this question only

    return {"commit": seen.head.commit, **placed(seen.state, question)}


def _placements(seen: Seen, application: ApplicationName) -> Data:
    from kuberpult_core.placements import placements  # noqa: PLC0415 - for this question only

    return {"commit": seen.head.commit, **placements(seen.state, application)}


def _listed(state: State, question: ListReleases) -> list[Data]:
    found = views.releases_in_order(state, question.application, question.environment)
    last = None if question.most is None else question.first + question.most
    return [views.release_view(state, question.application, it) for it in islice(found, question.first, last)]


def _places(state: State, application: ApplicationName, version: Version) -> Data:
    from kuberpult_core.past.why import places_of_release  # noqa: PLC0415 - for this question only

    return places_of_release(state, application, version)
