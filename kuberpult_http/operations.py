"""What the routes of commands and questions take and answer, in the API's description."""

import re
from typing import Any, assert_never

from kuberpult_core import commands, questions
from kuberpult_http.components import PROBLEM, ref
from kuberpult_http.examples import EXAMPLES
from kuberpult_http.inputs import SIGNED, Schema, field_schema, given, is_plain, object_schema, says
from kuberpult_http.parameters import in_path, in_query, key, names_in, switch
from kuberpult_http.routes import CI_LINK, LOCK_KEYS, Ask, Change, Route

JSON, FORM = "application/json", "multipart/form-data"
OF_CHANGES = ("dry-run", "diff")
"""The switches of every change."""
_LISTS: dict[type[Any], str] = {
    questions.ListEnvironments: "environment",
    questions.CompareEnvironments: "version_difference",
    questions.ListApplications: "application",
    questions.ListDeployments: "deployment",
    questions.ListReleases: "release",
    questions.CompareReleases: "manifest_difference",
    questions.ListLocks: "listed_lock",
    questions.ListQueue: "waiting",
    questions.ShowLog: "logged_commit",
    questions.FindCommit: "whereabouts",
    questions.ListProblems: "problem",
}
_THINGS: dict[type[Any], str] = {
    questions.ShowOverview: "overview",
    questions.ShowMatrix: "matrix",
    questions.ShowHolds: "holds",
    questions.ShowCommit: "whole_commit",
    questions.ListPlaced: "placed",
    questions.ShowEnvironment: "environment",
    questions.ShowApplication: "application",
    questions.ShowPlacements: "placements",
    questions.ShowRelease: "release",
    questions.FindRelease: "release_places",
    questions.CompareManifests: "environments_difference",
    questions.ShowSettings: "settings",
    questions.ExplainPlacement: "reason",
    questions.CompareStates: "difference",
    questions.ShowStats: "stats",
}


def operation(route: Route) -> dict[str, Any]:
    """What one route takes and answers."""
    match route:
        case Ask():
            return _asking(route)
        case Change():
            return _changing(route)
        case _:
            assert_never(route)


def _asking(route: Ask) -> dict[str, Any]:
    path = names_in(route.path)
    shown = {field: name for name, field in route.renamed.items()}
    query = [
        in_query(shown.get(field, field), field_schema(route.question, field), required=_is_required(route, field))
        for field in given(route.question)
        if shown.get(field, field) not in path
    ]
    return {
        **_head(route, route.question),
        "parameters": [*map(in_path, path), *query],
        "responses": {**_tagged("The answer.", route.media_type, _answer(route.question)), "default": PROBLEM},
    }


def _tagged(words: str, media_type: str, schema: Schema) -> dict[str, Any]:
    """An answer about the state of one commit."""
    etag = {"ETag": {"schema": {"type": "string"}, "description": "The commit."}}
    return {
        "200": {"description": words, "headers": etag, "content": {media_type: {"schema": schema}}},
        "304": {"description": "It is what `If-None-Match` names."},
    }


def _is_required(route: Ask, field: str) -> bool:
    return field in object_schema(route.question).get("required", ())


def _answer(question: type[Any]) -> Schema:
    if question is questions.ShowManifest:
        return {"type": "string"}
    if question is questions.CompareEnvironments:
        kinds = [ref("version_difference"), ref("version_difference_with_manifests")]
        return {"type": "array", "items": {"anyOf": kinds}}
    if question in _LISTS:
        return {"type": "array", "items": ref(_LISTS[question])}
    return ref(_THINGS[question])


def _changing(route: Change) -> dict[str, Any]:
    kind, found = route.command, _head(route, route.command)
    parameters = [*map(in_path, names_in(route.path)), *map(switch, ["diff"] if route.plans_only else OF_CHANGES)]
    if route.method == "POST":
        parameters.append(key())
    if route.method in ("GET", "DELETE") or kind is commands.ReleaseTrain:
        plain = [it for it in given(kind) if it not in route.fixed and is_plain(kind, it)]
        parameters += [in_query(it, field_schema(kind, it)) for it in plain]
    body = _body(route) if route.method != "GET" else {}
    return {**found, **body, "parameters": parameters, "responses": {**_outcomes(route), "default": PROBLEM}}


def _outcomes(route: Change) -> dict[str, Any]:
    if route.plans_only:
        return _tagged("What it would do.", JSON, ref("TrainPrognosis"))
    answer = {"description": "What it does.", "content": {JSON: {"schema": ref("Decision")}}}
    return {"200": answer, **({"201": answer} if route.created else {})}


def _body(route: Change) -> dict[str, Any]:
    text: Schema = {"type": "string"}
    kind = route.command
    more: dict[str, Schema] = dict(SIGNED.get(kind, {}))
    if kind is commands.CreateLock:
        more |= dict.fromkeys(LOCK_KEYS, text)
    elif kind is commands.ReleaseTrain:
        more |= {CI_LINK: text}
    schema = object_schema(kind, route.fixed, more, tuple(route.defaults))
    content: dict[str, Any] = {JSON: {"schema": schema, "example": EXAMPLES[kind.__name__]}}
    if kind is commands.CreateRelease:
        content[FORM] = {"schema": release_form()}
    return {"requestBody": {"content": content, "required": "required" in schema}}


def release_form(**more: Schema) -> Schema:
    """A release as a form of several parts, and what else is in it."""
    words = ("source_commit_id", "source_author", "source_message", "display_version", "team", "version")
    return {
        "type": "object",
        "description": "`manifests[ENV]` and `signatures[ENV]` are files or texts.",
        "properties": {**more, **{it: {"type": "string"} for it in words}},
        "patternProperties": {r"^(manifests|signatures)\[.+\]$": {"type": "string"}},
        "additionalProperties": False,
    }


def _head(route: Route, kind: type[Any]) -> dict[str, Any]:
    by = "".join(it.title() for it in names_in(route.path))
    prefix = "Prognose" if isinstance(route, Change) and route.plans_only else ""
    summary = re.sub(r" \(rules\.md \d\)", "", says(kind))
    return {"operationId": f"{prefix}{kind.__name__}{by}", "summary": summary, "tags": [route.tag]}
