"""What is neither a command nor a question of the tables, and the Go tool's routes, in the API's description."""

import re
from collections.abc import Iterator
from typing import Any

from kuberpult_http.components import PROBLEM, ref
from kuberpult_http.examples import COMMAND
from kuberpult_http.gotool import GoRoute
from kuberpult_http.inputs import Schema
from kuberpult_http.operations import FORM, JSON, OF_CHANGES, release_form
from kuberpult_http.parameters import in_path, in_query, key, names_in, switch
from kuberpult_http.routes import LOCK_KEYS


def own() -> Iterator[tuple[str, dict[str, Any]]]:
    """What is neither a command nor a question."""
    yield (
        "/api/plan",
        {
            "post": _planned(
                "Plan", "What any command would do.", "Command", COMMAND, "Planned", ["diff", "prognosis"]
            )
        },
    )
    yield "/api/apply", {"post": _planned("Apply", "Exactly a plan.", "Plan", None, "Decision", [*OF_CHANGES])}
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
        "responses": {"204": {"description": "The remote is going to be asked."}, "default": PROBLEM},
    }


def _planned(name: str, summary: str, body: str, example: Any, answer: str, switches: list[str]) -> dict[str, Any]:
    content = {"schema": ref(body)} | ({"example": example} if example else {})
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["plans"],
        "parameters": [*map(switch, switches), key()],
        "requestBody": {"content": {JSON: content}, "required": True},
        "responses": {
            "200": {"description": "What it does.", "content": {JSON: {"schema": ref(answer)}}},
            "default": PROBLEM,
        },
    }


def _reading(path: str, media: str, words: str) -> dict[str, Any]:
    answer = {"description": words, "content": {media: {"schema": {} if media == JSON else {"type": "string"}}}}
    answers = {"200": answer, "default": PROBLEM}
    if path == "/readyz":
        answers["503"] = answer
    return {
        "operationId": re.sub(r"\W+", "_", path.strip("/")),
        "summary": words,
        "tags": ["service"],
        "responses": answers,
    }


def of_go(route: GoRoute) -> tuple[str, dict[str, Any]]:
    """The path and the operations of one of the Go tool's routes."""
    return route.path, {method.lower(): _go_operation(route, method) for method in route.methods}


def _go_operation(route: GoRoute, method: str) -> dict[str, Any]:
    named = "TrainPrognosis" if method == "GET" else "Decision"
    answer = {"description": "What it does.", "content": {JSON: {"schema": ref(named)}}}
    found: dict[str, Any] = {
        "operationId": f"go_{method.lower()}_" + re.sub(r"\W+", "_", route.path.strip("/{}")),
        "summary": f"{route.says} As in the Go tool.",
        "tags": ["gotool"],
        "parameters": _go_parameters(route, method),
        "responses": {"200": answer, "default": PROBLEM},
    }
    if method == "GET":
        found["responses"]["304"] = {"description": "It is what `If-None-Match` names."}
    elif route.created:
        found["responses"]["201"] = answer
    if content := _go_body(route, method):
        found["requestBody"] = {"content": content, "required": True}
    return found


def _go_parameters(route: GoRoute, method: str) -> list[dict[str, Any]]:
    text: Schema = {"type": "string"}
    switches = ("diff",) if method == "GET" else OF_CHANGES
    query = ["team", "sourceGitTag"] if "releasetrain" in route.path else []
    keys = [key()] if method == "POST" else []
    return [
        *map(in_path, names_in(route.path)),
        *map(switch, switches),
        *(in_query(it, text) for it in query),
        *keys,
    ]


def _go_body(route: GoRoute, method: str) -> dict[str, Any]:
    text: Schema = {"type": "string"}
    if method == "PUT" and "lock" in route.path:
        properties = {"message": text, "signature": text, **dict.fromkeys(LOCK_KEYS, text)}
        return {JSON: {"schema": {"type": "object", "properties": properties, "required": ["message"]}}}
    if method != "POST":
        return {}
    if "release" in route.path:
        form = {**release_form(application=text), "required": ["application"]}
        del form["additionalProperties"]
        return {FORM: {"schema": form}}
    properties = {"config": text, "signature": text}
    return {FORM: {"schema": {"type": "object", "properties": properties, "required": ["config"]}}}
