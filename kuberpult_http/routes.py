"""Every route of the API on one page: its path, and the command or the question that it is.

A parameter of the path gives the field of the same name unless ``fields`` says another one. The
rest of a command's fields come in the body, or, as far as they are plain, in the query; the rest
of a question's, in the query. So a command's validators are the only ones, and OpenAPI is written
from these classes.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from kuberpult_core import commands, questions
from kuberpult_core.fields import IfExists, IfMissing

Fields = Callable[[Mapping[str, str]], dict[str, Any]]


@attrs.frozen
class Change:
    """A route that asks for a command."""

    method: str
    path: str
    command: type[Any]
    fields: Fields
    """The command's fields as far as the path gives them."""
    fixed: tuple[str, ...]
    """The names of those fields."""
    defaults: Mapping[str, Any] = attrs.field(factory=dict)
    """Other defaults than the command's own."""
    plans_only: bool = False
    """Whether it is never carried out."""
    created: bool = False
    """Whether the answer is 201 if something was done."""
    tag: str = ""


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

CI_LINK = "ciLink"
LOCK_KEYS = {CI_LINK: "link", "suggestedLifeTime": "suggested_lifetime"}
"""Keys of the Go tool for a lock, and what they are called here."""


def renamed(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """*body* with the keys of the Go tool by their names here; an empty text there says nothing."""
    given = {key: value for key, value in body.items() if key not in names or value != ""}
    return {names.get(key, key): value for key, value in given.items()}


_ENV = {"env": "environment"}
_APP = {"app": "application"}
_BOTH = {**_ENV, **_APP}
_E = "/api/environments/{env}"
_EA = "/api/environments/{env}/applications/{app}"
_ET = "/api/environments/{env}/teams/{team}"
_A = "/api/applications/{app}"
_G = "/api/environment-groups/{group}"


def _lock_on(**target: str) -> Fields:
    """The target and the id of a lock, whose parts the path names as *target* says."""
    return lambda path: {
        "target": {field: path[name] for field, name in target.items()},
        "lock_id": path["id"],
    }


_LOCKS: tuple[tuple[str, Fields], ...] = (
    (_E, _lock_on(environment="env")),
    (_EA, _lock_on(environment="env", application="app")),
    (_ET, _lock_on(environment="env", team="team")),
    (_G, _lock_on(group="group")),
    (f"{_G}/applications/{{app}}", _lock_on(group="group", application="app")),
    (f"{_G}/teams/{{team}}", _lock_on(group="group", team="team")),
)


def _named(**fields: str) -> Fields:
    return lambda path: {field: path[name] for field, name in fields.items()}


def _train(path: Mapping[str, str]) -> dict[str, Any]:
    return {"target": path["env"]}


def _group_train(path: Mapping[str, str]) -> dict[str, Any]:
    return {"target": path["group"], "group_only": True}


ROUTES: tuple[Route, ...] = (
    Ask("/api/overview", questions.ShowOverview, _BOTH, tag="overview"),
    Ask("/api/environments", questions.ListEnvironments, tag="environments"),
    Ask(_E, questions.ShowEnvironment, _ENV, tag="environments"),
    Change(
        "PUT", _E, commands.CreateEnvironment, _named(environment="env"), ("environment",),
        {"if_exists": IfExists.UPDATE.value}, tag="environments",
    ),
    Change(
        "PATCH", _E, commands.UpdateEnvironment, _named(environment="env"), ("environment",), tag="environments"
    ),
    Change(
        "DELETE", _E, commands.DeleteEnvironment, _named(environment="env"), ("environment",), tag="environments"
    ),
    Ask(f"{_E}/diff/{{other}}", questions.CompareEnvironments, {"env": "one"}, tag="environments"),
    Ask("/api/applications", questions.ListApplications, tag="applications"),
    Ask(_A, questions.ShowApplication, _APP, tag="applications"),
    Change(
        "DELETE", _A, commands.DeleteApplication, _named(application="app"), ("application",), tag="applications"
    ),
    Change(
        "PUT", f"{_A}/team", commands.SetTeam, _named(application="app"), ("application",), tag="applications"
    ),
    Change(
        "POST", f"{_A}/cleanup", commands.Cleanup, _named(application="app"), ("application",), tag="applications"
    ),
    Change(
        "DELETE", _EA, commands.RemoveApplicationFromEnvironment,
        _named(environment="env", application="app"), ("environment", "application"), tag="applications",
    ),
    Ask(f"{_A}/releases", questions.ListReleases, _APP, tag="releases"),
    Change(
        "POST", f"{_A}/releases", commands.CreateRelease, _named(application="app"), ("application",),
        created=True, tag="releases",
    ),
    Ask(f"{_A}/releases/{{version}}", questions.ShowRelease, _APP, tag="releases"),
    Ask(f"{_A}/releases/{{old}}/diff/{{new}}", questions.CompareReleases, _BOTH, tag="releases"),
    Ask(
        f"{_A}/releases/{{version}}/manifests/{{env}}", questions.ShowManifest, _BOTH, "application/yaml",
        tag="releases",
    ),
    Change(
        "PUT", f"{_EA}/version", commands.Deploy,
        _named(environment="env", application="app"), ("environment", "application"), tag="deployments",
    ),
    Ask("/api/locks", questions.ListLocks, _BOTH, tag="locks"),
    *(
        Change("PUT", f"{base}/locks/{{id}}", commands.CreateLock, fields, ("target", "lock_id"), tag="locks")
        for base, fields in _LOCKS
    ),
    *(
        Change(
            "DELETE", f"{base}/locks/{{id}}", commands.DeleteLock, fields, ("target", "lock_id"),
            {"if_missing": IfMissing.IGNORE.value}, tag="locks",
        )
        for base, fields in _LOCKS
    ),
    Ask("/api/queue", questions.ListQueue, _ENV, tag="queue"),
    Change(
        "DELETE", f"{_EA}/queue", commands.CancelQueued,
        _named(environment="env", application="app"), ("environment", "application"), tag="queue",
    ),
    Change("PUT", f"{_E}/releasetrain", commands.ReleaseTrain, _train, ("target", "group_only"), tag="trains"),
    Change(
        "PUT", f"{_G}/releasetrain", commands.ReleaseTrain, _group_train, ("target", "group_only"), tag="trains"
    ),
    Change(
        "GET", f"{_E}/releasetrain/prognosis", commands.ReleaseTrain, _train, ("target", "group_only"),
        plans_only=True, tag="trains",
    ),
    Change(
        "GET", f"{_G}/releasetrain/prognosis", commands.ReleaseTrain, _group_train, ("target", "group_only"),
        plans_only=True, tag="trains",
    ),
    Change("POST", "/api/batch", commands.Batch, _named(), (), tag="plans"),
    Ask("/api/settings", questions.ShowSettings, tag="settings"),
    Change("PATCH", "/api/settings", commands.UpdateSettings, _named(), (), tag="settings"),
    Ask("/api/log", questions.ShowLog, _BOTH, tag="log"),
    Ask("/api/why", questions.ExplainPlacement, _BOTH, tag="log"),
    Ask("/api/commits/{commit}", questions.FindCommit, tag="log"),
    Ask("/api/diff", questions.CompareStates, _BOTH, tag="log"),
    Ask("/api/stats", questions.ShowStats, _ENV, tag="log"),
    Change("POST", "/api/commits/{commit}/undo", commands.Undo, _named(commit="commit"), ("commit",), tag="log"),
    Ask("/api/problems", questions.ListProblems, tag="settings"),
)  # fmt: skip
"""What is asked of a command or a question; what is not is in :mod:`kuberpult_http.app`."""
