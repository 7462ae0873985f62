"""The API's description in OpenAPI 3.1, made of the table of routes, the classes and the shapes of answers."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, assert_never

from kuberpult_core import commands, fields, names, questions
from kuberpult_core.shapes import shapes
from kuberpult_http.examples import COMMAND, EXAMPLES
from kuberpult_http.gotool import GO_ROUTES, GoRoute
from kuberpult_http.idempotency import HEADER, LONGEST_KEY
from kuberpult_http.inputs import REF, TYPES, Schema, field_schema, given, is_plain, object_schema, says, schemas
from kuberpult_http.problems import MEDIA_TYPE
from kuberpult_http.routes import CI_LINK, LOCK_KEYS, ROUTES, Ask, Change, Route

JSON, FORM = "application/json", "multipart/form-data"
_LISTS: dict[type[Any], str] = {
    questions.ListEnvironments: "environment",
    questions.CompareEnvironments: "version_difference",
    questions.ListApplications: "application",
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
    questions.ShowEnvironment: "environment",
    questions.ShowApplication: "application",
    questions.ShowRelease: "release",
    questions.ShowSettings: "settings",
    questions.ExplainPlacement: "reason",
    questions.CompareStates: "difference",
    questions.ShowStats: "stats",
}
_IN_PATHS: dict[str, Schema] = {
    **dict.fromkeys(("env", "other"), TYPES[names.EnvironmentName]),
    **dict.fromkeys(("version", "old", "new"), TYPES[names.Version]),
    "app": TYPES[names.ApplicationName],
    "team": TYPES[names.TeamName],
    "group": TYPES[names.GroupName],
    "id": TYPES[names.LockId],
    "commit": {"type": "string", "minLength": 1, "maxLength": fields.MAX_REVISION},
}
_SWITCHES = {
    "dry-run": "Say what would happen, and do nothing.",
    "diff": "Say what it does to the deployed manifests, Secrets hidden.",
    "prognosis": "Say what a train would bring, too.",
}
_OF_CHANGES = ("dry-run", "diff")
_PROBLEM = {"$ref": "#/components/responses/Problem"}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for path, operations in (*_own(), *map(_go, GO_ROUTES)):
        paths.setdefault(path, {}).update(operations)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kuberpult",
            "version": version("kuberpult"),
            "description": "Which version of which service is on which environment next.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {
                "Problem": {
                    "description": "What went wrong.",
                    "content": {MEDIA_TYPE: {"schema": _ref("Problem")}},
                }
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"{REF}{name}"}


def _operation(route: Route) -> dict[str, Any]:
    match route:
        case Ask():
            return _asking(route)
        case Change():
            return _changing(route)
        case _:
            assert_never(route)


def _asking(route: Ask) -> dict[str, Any]:
    in_path = _names_in(route.path)
    shown = {field: name for name, field in route.renamed.items()}
    query = [
        _query(shown.get(field, field), field_schema(route.question, field), required=_is_required(route, field))
        for field in given(route.question)
        if shown.get(field, field) not in in_path
    ]
    answer = {"schema": _answer(route.question)}
    return {
        **_head(route, route.question),
        "parameters": [*map(_path_parameter, in_path), *query],
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {"ETag": {"schema": {"type": "string"}, "description": "The commit."}},
                "content": {route.media_type: answer},
            },
            "304": {"description": "It is what `If-None-Match` names."},
            "default": _PROBLEM,
        },
    }


def _is_required(route: Ask, field: str) -> bool:
    return field in object_schema(route.question).get("required", ())


def _answer(question: type[Any]) -> Schema:
    if question is questions.ShowManifest:
        return {"type": "string"}
    if question is questions.CompareEnvironments:
        kinds = [_ref("version_difference"), _ref("version_difference_with_manifests")]
        return {"type": "array", "items": {"anyOf": kinds}}
    if question in _LISTS:
        return {"type": "array", "items": _ref(_LISTS[question])}
    return _ref(_THINGS[question])


def _changing(route: Change) -> dict[str, Any]:
    switches = ["diff"] if route.plans_only else [*_OF_CHANGES]
    parameters = [*map(_path_parameter, _names_in(route.path)), *map(_switch, switches)]
    kind, operation = route.command, _head(route, route.command)
    in_query = [it for it in given(kind) if it not in route.fixed and is_plain(kind, it)]
    if route.method == "POST":
        parameters.append(_key())
    else:
        operation |= _body(route) if route.method != "GET" else {}
    if route.method == "POST":
        operation |= _body(route)
    if route.method in ("GET", "DELETE") or kind is commands.ReleaseTrain:
        parameters += [_query(it, field_schema(kind, it)) for it in in_query]
    name = "TrainPrognosis" if route.plans_only else "Decision"
    statuses = ["200", "201"] if route.created else ["200"]
    answers = {it: {"description": "What it does.", "content": {JSON: {"schema": _ref(name)}}} for it in statuses}
    return {**operation, "parameters": parameters, "responses": {**answers, "default": _PROBLEM}}


def _body(route: Change) -> dict[str, Any]:
    text: Schema = {"type": "string"}
    more: dict[str, Schema] = {}
    kind = route.command
    if kind is commands.CreateLock:
        more = {**dict.fromkeys(LOCK_KEYS, text), "signature": text}
    elif kind is commands.DeleteLock:
        more = {"signature": text}
    elif kind is commands.ReleaseTrain:
        more = {CI_LINK: text}
    elif kind is commands.CreateRelease:
        more = {"signatures": {"type": "object", "additionalProperties": text}}
    schema = object_schema(kind, route.fixed, more, tuple(route.defaults))
    content: dict[str, Any] = {JSON: {"schema": schema, "example": EXAMPLES[kind.__name__]}}
    if kind is commands.CreateRelease:
        content[FORM] = {"schema": _release_form()}
    return {"requestBody": {"content": content, "required": "required" in schema}}


def _release_form(**more: Schema) -> Schema:
    words = ("source_commit_id", "source_author", "source_message", "display_version", "team", "version")
    return {
        "type": "object",
        "description": "`manifests[ENV]` and `signatures[ENV]` are files or texts.",
        "properties": {**more, **{it: {"type": "string"} for it in words}},
        "patternProperties": {r"^(manifests|signatures)\[.+\]$": {"type": "string"}},
        "additionalProperties": False,
    }


def _head(route: Route, kind: type[Any]) -> dict[str, Any]:
    by = "".join(it.title() for it in _names_in(route.path))
    prefix = "Prognose" if isinstance(route, Change) and route.plans_only else ""
    summary = re.sub(r" \(rules\.md \d\)", "", says(kind))
    return {"operationId": f"{prefix}{kind.__name__}{by}", "summary": summary, "tags": [route.tag]}


def _names_in(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _IN_PATHS[name]}


def _query(name: str, schema: Schema, *, required: bool = False) -> dict[str, Any]:
    kinds = [it for it in schema.get("anyOf", ()) if it != {"type": "null"}]
    return {"name": name, "in": "query", "required": required, "schema": kinds[0] if kinds else schema}


def _switch(name: str) -> dict[str, Any]:
    return {**_query(name, {"type": "boolean"}), "description": _SWITCHES[name]}


def _key() -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    words = "The same request with the same key gets the first answer, for a day."
    return {"name": HEADER, "in": "header", "schema": schema, "description": words}


def _own() -> Iterator[tuple[str, dict[str, Any]]]:
    """What is neither a command nor a question."""
    yield (
        "/api/plan",
        {
            "post": _planned(
                "Plan", "What any command would do.", "Command", COMMAND, "Planned", ["diff", "prognosis"]
            )
        },
    )
    yield "/api/apply", {"post": _planned("Apply", "Exactly a plan.", "Plan", None, "Decision", [*_OF_CHANGES])}
    for path, media, words in (
        ("/api/events", "text/event-stream", "An event for each published commit; its id is the commit's."),
        ("/api/openapi.json", JSON, "This description."),
        ("/docs", "text/html", "The same for people."),
        ("/healthz", "text/plain", "Whether the process answers."),
        ("/readyz", JSON, "Whether the repository can be read, and its remote be reached."),
        ("/metrics", "text/plain", "What was counted, for Prometheus."),
    ):
        yield path, {"get": _reading(path, media, words)}
    yield "/api/refresh", {"post": _refresh()}


def _refresh() -> dict[str, Any]:
    return {
        "operationId": "refresh",
        "summary": "A git server says that something was pushed, and shows the secret for that.",
        "tags": ["service"],
        "responses": {"204": {"description": "The remote is going to be asked."}, "default": _PROBLEM},
    }


def _planned(name: str, summary: str, body: str, example: Any, answer: str, switches: list[str]) -> dict[str, Any]:
    content = {"schema": _ref(body)} | ({"example": example} if example else {})
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["plans"],
        "parameters": [*map(_switch, switches), _key()],
        "requestBody": {"content": {JSON: content}, "required": True},
        "responses": {
            "200": {"description": "What it does.", "content": {JSON: {"schema": _ref(answer)}}},
            "default": _PROBLEM,
        },
    }


def _reading(path: str, media: str, words: str) -> dict[str, Any]:
    answer = {"description": words, "content": {media: {"schema": {} if media == JSON else {"type": "string"}}}}
    answers = {"200": answer, "default": _PROBLEM}
    if path == "/readyz":
        answers["503"] = answer
    return {
        "operationId": re.sub(r"\W+", "_", path.strip("/")),
        "summary": words,
        "tags": ["service"],
        "responses": answers,
    }


def _go(route: GoRoute) -> tuple[str, dict[str, Any]]:
    return route.path, {method.lower(): _go_operation(route, method) for method in route.methods}


def _go_operation(route: GoRoute, method: str) -> dict[str, Any]:
    answer = {"description": "What it does.", "content": {JSON: {"schema": _ref("Decision")}}}
    found = {
        "operationId": f"go_{method.lower()}_" + re.sub(r"\W+", "_", route.path.strip("/{}")),
        "summary": f"{route.says} As in the Go tool.",
        "tags": ["gotool"],
        "parameters": [*map(_path_parameter, _names_in(route.path)), *([_key()] if method == "POST" else [])],
        "responses": {"200": answer, "201": answer, "default": _PROBLEM},
    }
    text: Schema = {"type": "string"}
    if method == "PUT" and "locks" in route.path:
        lock = {
            "type": "object",
            "properties": {"message": text, "signature": text, **dict.fromkeys(LOCK_KEYS, text)},
        }
        found["requestBody"] = {"content": {JSON: {"schema": {**lock, "required": ["message"]}}}, "required": True}
    if method == "POST":
        form = {"type": "object", "properties": {"config": text, "signature": text}, "required": ["config"]}
        if "release" in route.path:
            form = {**_release_form(application=text), "required": ["application"]}
            del form["additionalProperties"]
        found["requestBody"] = {"content": {FORM: {"schema": form}}, "required": True}
    return found


def _schemas() -> dict[str, Schema]:
    text = json.dumps(shapes()).replace('"#/$defs/', f'"{REF}')
    found: dict[str, Schema] = json.loads(text)
    decision, places = found.pop("decision"), _places()
    problem = found.pop("error")
    return {
        **found,
        **schemas(),
        "Problem": _with(problem, {"status": {"type": "integer", "minimum": 400, "maximum": 599}}),
        "Decision": _with(decision, {}, {"manifests": places}),
        "TrainPrognosis": _with(decision, {"prognosis": _ref("prognosis")}, {"manifests": places}),
        "Planned": _with(decision, {"plan": _ref("Plan")}, {"manifests": places, "prognosis": _ref("prognosis")}),
        "Plan": _plan(),
    }


def _with(shape: Schema, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    properties = {**shape["properties"], **required, **(optional or {})}
    return {**shape, "properties": properties, "required": [*shape["required"], *required]}


def _places() -> Schema:
    text: Schema = {"type": "string"}
    properties = {"environment": text, "application": text, "diff": text}
    row = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return {"type": "array", "items": row, "description": "What changes in the deployed manifests."}


def _plan() -> Schema:
    properties: dict[str, Schema] = {
        "kind": {"const": "Plan"},
        "format": {"type": "integer"},
        "rules": {"type": "integer"},
        "words": {"type": "array", "items": {"type": "string"}},
        "base": {"anyOf": [{"type": "string", "pattern": "^[0-9a-f]{40}$"}, {"type": "null"}]},
        "decision": {"type": "object"},
        "command": {"type": "object"},
    }
    words = "A plan as `kuberpult --plan` keeps it: docs/plans.md. Give it back as it is."
    return {
        "type": "object", "description": words, "properties": properties, "required": [*properties],
        "additionalProperties": False,
    }  # fmt: skip
