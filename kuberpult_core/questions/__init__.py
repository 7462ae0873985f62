"""Questions: what somebody wants to know, as immutable data. Each frontend asks the same ones.

A question that can be built is well formed, as a command is. ``at`` is a commit as git users
name one or a time: the state as it was then is asked about, and that of now without it.
:func:`kuberpult_core.answering.answer` has the answers.
"""

from typing import TypeAlias

from kuberpult_core.questions.parts import (
    MAX_PATTERN,
    MOST_LISTED,
    NEWEST,
    Wanted,
)
from kuberpult_core.questions.past import (
    CompareStates,
    ExplainPlacement,
    FindCommit,
    ListDeployments,
    ShowCommit,
    ShowLog,
    ShowStats,
)
from kuberpult_core.questions.places import (
    CompareEnvironments,
    ListApplications,
    ListEnvironments,
    ListPlaced,
    ListProblems,
    ShowApplication,
    ShowEnvironment,
    ShowMatrix,
    ShowOverview,
    ShowPlacements,
    ShowSettings,
)
from kuberpult_core.questions.releases import (
    CompareManifests,
    CompareReleases,
    FindRelease,
    ListReleases,
    ShowManifest,
    ShowRelease,
)
from kuberpult_core.questions.waiting import (
    ListLocks,
    ListQueue,
    ShowHolds,
)

__all__ = [
    "MAX_PATTERN",
    "MOST_LISTED",
    "NEWEST",
    "CompareEnvironments",
    "CompareManifests",
    "CompareReleases",
    "CompareStates",
    "ExplainPlacement",
    "FindCommit",
    "FindRelease",
    "ListApplications",
    "ListDeployments",
    "ListEnvironments",
    "ListLocks",
    "ListPlaced",
    "ListProblems",
    "ListQueue",
    "ListReleases",
    "Question",
    "ShowApplication",
    "ShowCommit",
    "ShowEnvironment",
    "ShowHolds",
    "ShowLog",
    "ShowManifest",
    "ShowMatrix",
    "ShowOverview",
    "ShowPlacements",
    "ShowRelease",
    "ShowSettings",
    "ShowStats",
    "Wanted",
]

Question: TypeAlias = (
    ShowOverview
    | ShowMatrix
    | ListEnvironments
    | ShowEnvironment
    | ListPlaced
    | CompareEnvironments
    | ListApplications
    | ShowApplication
    | ShowPlacements
    | ListDeployments
    | ListReleases
    | ShowRelease
    | FindRelease
    | ShowManifest
    | CompareReleases
    | CompareManifests
    | ListLocks
    | ListQueue
    | ShowHolds
    | ShowSettings
    | ShowLog
    | ShowCommit
    | ExplainPlacement
    | FindCommit
    | CompareStates
    | ShowStats
    | ListProblems
)
"""Everything that can be asked about."""
