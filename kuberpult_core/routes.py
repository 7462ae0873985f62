"""Every route of the HTTP API on one page: its path, and the command or the question that it is.

The service takes requests by this table, and who asks a service writes them by it. A name in a path
gives a field; the rest of a command's fields come in the body, or, as far as they are plain, in the
query; the rest of a question's, in the query. So a command's validators are the only ones.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from kuberpult_core import commands, questions
from kuberpult_core.fields import IfExists, IfMissing


@attrs.frozen
class Change:
    """A route that asks for a command."""

    method: str
    path: str
    command: type[Any]
    given: Mapping[str, str]
    """The fields that the names in the path give, such as ``environment`` or ``target.environment``."""
    always: Mapping[str, Any] = attrs.field(factory=dict)
    """Fields that the path says by itself."""
    defaults: Mapping[str, Any] = attrs.field(factory=dict)
    """Other defaults than the command's own."""
    plans_only: bool = False
    """Whether it is never carried out."""
    created: bool = False
    """Whether the answer is 201 if something was done."""
    tag: str = ""

    @property
    def fixed(self) -> tuple[str, ...]:
        """The names of the fields that the path gives."""
        return tuple(dict.fromkeys([*(it.partition(".")[0] for it in self.given.values()), *self.always]))

    def fields(self, path: Mapping[str, str]) -> dict[str, Any]:
        """The fields that a path with these names and values gives."""
        found: dict[str, Any] = dict(self.always)
        for name, field in self.given.items():
            whole, _, part = field.partition(".")
            if part:
                found.setdefault(whole, {})[part] = path[name]
            else:
                found[whole] = path[name]
        return found


@attrs.frozen
class Ask:
    """A route that asks a question."""

    path: str
    question: type[Any]
    renamed: Mapping[str, str] = attrs.field(factory=dict)
    """Fields by their names in the path or the query, where those are others."""
    media_type: str = "application/json"
    tag: str = ""
    method: str = "GET"


Route: TypeAlias = Change | Ask

PLAN, APPLY = "/api/plan", "/api/apply"
"""What takes any command to plan it, and a plan to carry it out: each is posted."""
_ENV = {"env": "environment"}
_APP = {"app": "application"}
_BOTH = {**_ENV, **_APP}
_E = "/api/environments/{env}"
_EA = "/api/environments/{env}/applications/{app}"
_ET = "/api/environments/{env}/teams/{team}"
_A = "/api/applications/{app}"
_G = "/api/environment-groups/{group}"
_ID = {"id": "lock_id"}
_T_ENV, _T_GROUP = {"env": "target.environment"}, {"group": "target.group"}
_T_APP, _T_TEAM = {"app": "target.application"}, {"team": "target.team"}
_LOCKS = (
    (_E, _T_ENV),
    (_EA, {**_T_ENV, **_T_APP}),
    (_ET, {**_T_ENV, **_T_TEAM}),
    (_G, _T_GROUP),
    (f"{_G}/applications/{{app}}", {**_T_GROUP, **_T_APP}),
    (f"{_G}/teams/{{team}}", {**_T_GROUP, **_T_TEAM}),
)
_TRAIN, _EITHER = {"env": "target"}, {"group_only": False}
_GROUP_TRAIN, _GROUP = {"group": "target"}, {"group_only": True}

ROUTES: tuple[Route, ...] = (
    Ask("/api/overview", questions.ShowOverview, _BOTH, tag="overview"),
    Ask("/api/matrix", questions.ShowMatrix, _BOTH, tag="overview"),
    Ask("/api/environments", questions.ListEnvironments, tag="environments"),
    Ask(_E, questions.ShowEnvironment, _ENV, tag="environments"),
    Change(
        "PUT", _E, commands.CreateEnvironment, _ENV,
        defaults={"if_exists": IfExists.UPDATE.value}, tag="environments",
    ),
    Change(
        "PATCH", _E, commands.UpdateEnvironment, _ENV, tag="environments"
    ),
    Change(
        "DELETE", _E, commands.DeleteEnvironment, _ENV, tag="environments"
    ),
    Ask(f"{_E}/placements", questions.ListPlaced, _BOTH, tag="environments"),
    Ask(
        f"{_E}/diff/{{other}}", questions.CompareEnvironments, {"env": "one", **_APP}, tag="environments"
    ),
    Ask("/api/applications", questions.ListApplications, tag="applications"),
    Ask(_A, questions.ShowApplication, _APP, tag="applications"),
    Change(
        "DELETE", _A, commands.DeleteApplication, _APP, tag="applications"
    ),
    Change(
        "PUT", f"{_A}/team", commands.SetTeam, _APP, tag="applications"
    ),
    Change(
        "POST", f"{_A}/cleanup", commands.Cleanup, _APP, tag="applications"
    ),
    Change(
        "DELETE", _EA, commands.RemoveApplicationFromEnvironment,
        _BOTH, tag="applications",
    ),
    Ask(f"{_A}/placements", questions.ShowPlacements, _APP, tag="applications"),
    Ask(f"{_EA}/deployments", questions.ListDeployments, _BOTH, tag="deployments"),
    Ask(f"{_A}/releases", questions.ListReleases, _BOTH, tag="releases"),
    Change(
        "POST", f"{_A}/releases", commands.CreateRelease, _APP,
        created=True, tag="releases",
    ),
    Ask(f"{_A}/releases/{{version}}", questions.ShowRelease, _APP, tag="releases"),
    Ask(f"{_A}/releases/{{version}}/places", questions.FindRelease, _APP, tag="releases"),
    Ask(f"{_A}/releases/{{old}}/diff/{{new}}", questions.CompareReleases, _BOTH, tag="releases"),
    Ask(
        f"{_A}/releases/{{version}}/manifests/{{env}}", questions.ShowManifest, _BOTH, "application/yaml",
        tag="releases",
    ),
    Ask(
        f"{_A}/releases/{{version}}/manifests/{{env}}/diff/{{other}}", questions.CompareManifests,
        {**_APP, "env": "one"}, tag="releases",
    ),
    Change(
        "PUT", f"{_EA}/version", commands.Deploy,
        _BOTH, tag="deployments",
    ),
    Ask("/api/locks", questions.ListLocks, _BOTH, tag="locks"),
    *(
        Change("PUT", f"{base}/locks/{{id}}", commands.CreateLock, {**target, **_ID}, tag="locks")
        for base, target in _LOCKS
    ),
    *(
        Change(
            "DELETE", f"{base}/locks/{{id}}", commands.DeleteLock, {**target, **_ID},
            defaults={"if_missing": IfMissing.IGNORE.value}, tag="locks",
        )
        for base, target in _LOCKS
    ),
    Change("POST", "/api/locks/expire", commands.ExpireLocks, {}, tag="locks"),
    Ask("/api/queue", questions.ListQueue, _ENV, tag="queue"),
    Ask("/api/holds", questions.ShowHolds, _BOTH, tag="queue"),
    Change(
        "DELETE", f"{_EA}/queue", commands.CancelQueued,
        _BOTH, tag="queue",
    ),
    Change("PUT", f"{_E}/releasetrain", commands.ReleaseTrain, _TRAIN, _EITHER, tag="trains"),
    Change(
        "PUT", f"{_G}/releasetrain", commands.ReleaseTrain, _GROUP_TRAIN, _GROUP, tag="trains"
    ),
    Change(
        "GET", f"{_E}/releasetrain/prognosis", commands.ReleaseTrain, _TRAIN, _EITHER,
        plans_only=True, tag="trains",
    ),
    Change(
        "GET", f"{_G}/releasetrain/prognosis", commands.ReleaseTrain, _GROUP_TRAIN, _GROUP,
        plans_only=True, tag="trains",
    ),
    Change("POST", "/api/batch", commands.Batch, {}, tag="plans"),
    Ask("/api/settings", questions.ShowSettings, tag="settings"),
    Change("PATCH", "/api/settings", commands.UpdateSettings, {}, tag="settings"),
    Ask("/api/log", questions.ShowLog, _BOTH, tag="log"),
    Ask("/api/why", questions.ExplainPlacement, _BOTH, tag="log"),
    Ask("/api/log/{commit}", questions.ShowCommit, tag="log"),
    Ask("/api/commits/{commit}", questions.FindCommit, tag="log"),
    Ask("/api/diff", questions.CompareStates, _BOTH, tag="log"),
    Ask("/api/stats", questions.ShowStats, _ENV, tag="log"),
    Change("POST", "/api/commits/{commit}/undo", commands.Undo, {"commit": "commit"}, tag="log"),
    Ask("/api/problems", questions.ListProblems, tag="settings"),
)  # fmt: skip
"""What is asked of a command or a question; what is not has no command or question of its own."""
