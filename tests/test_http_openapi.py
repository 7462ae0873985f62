"""The API's description is true: every route is in it, every example fits, and answers are what it says."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its types are another package
import pytest
import requests  # type: ignore[import-untyped,unused-ignore]  # its types are another package
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.core.result import Ok
from starlette.routing import Route

from kuberpult_core import command_from, commands, memory_repository
from kuberpult_core.errors import Invalid
from kuberpult_http.access.gate import SIGN_IN
from kuberpult_http.app import create_app
from kuberpult_http.examples import COMMAND
from kuberpult_http.gotool import GO_ROUTES
from kuberpult_http.openapi import document
from kuberpult_http.routes import ROUTES
from tests.web import Client, client_of, manifests, small_service, small_world

DOCUMENT = document()
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = 10
"""Requests to each operation, on average."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with small_service() as client:
        client.post("/api/applications/cart/releases", json={"manifests": manifests("cart", 2)})
        client.put("/api/environments/production/locks/freeze", json={"message": "Wait."})
        client.put("/api/environments/production/applications/cart/version", json={"version": 2})
        client.put("/api/applications/cart/team", json={"team": "shop"})
        yield client


def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        it["operationId"]: (method.upper(), path, it)
        for path, methods in DOCUMENT["paths"].items()
        for method, it in methods.items()
    }


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_every_route_is_in_it_once() -> None:
    described = {(method, path) for method, path, _ in operations().values()}
    assert len(operations()) == sum(len(it) for it in DOCUMENT["paths"].values())
    assert {(it.method, it.path) for it in ROUTES} <= described
    assert {(method, it.path) for it in GO_ROUTES for method in it.methods} <= described


def test_it_has_every_route_of_the_application_but_the_pages_for_browsers() -> None:
    with memory_repository() as repository:
        app = create_app(repository)
    served = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route) and route.include_in_schema
        for method in route.methods or ()
        if method != "HEAD" and not route.path.startswith(SIGN_IN)
    }
    assert served == {(method, path) for method, path, _ in operations().values()}


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere() -> None:
    found = set(re.findall(r"#/components/(\w+)/(\w+)", str(DOCUMENT)))
    assert found
    assert all(name in DOCUMENT["components"][kind] for kind, name in found)


BODIES = [
    (name, media, content)
    for name, (_, _, it) in operations().items()
    for media, content in it.get("requestBody", {}).get("content", {}).items()
    if "example" in content
]


@pytest.mark.parametrize("content", [content for _, _, content in BODIES], ids=[name for name, _, _ in BODIES])
def test_every_example_fits(content: dict[str, Any]) -> None:
    validator(content["schema"]).validate(content["example"])


@pytest.mark.parametrize("name", [name for name, _, _ in BODIES])
def test_every_example_is_understood(client: Client, name: str) -> None:
    method, path, it = operations()[name]
    url = path.format(env="production", app="cart", team="shop", group="early", id="some", commit="HEAD")
    url += "?dry-run=true" if "dry-run" in str(it["parameters"]) else ""
    [content] = [it["requestBody"]["content"]["application/json"]]
    answer = client.request(method, url, json=content["example"])
    assert answer.status_code in (200, 201, 404, 409, 423), answer.text


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Deploy", {**COMMAND, "version": 0}),
        ("Deploy", {**COMMAND, "environment": "x" * 21}),
        ("Deploy", {**COMMAND, "application": "-x"}),
        ("Deploy", {**COMMAND, "lock_behavior": "perhaps"}),
        ("Deploy", {**COMMAND, "more": 1}),
        ("CreateLock", {"kind": "CreateLock", "target": {}, "lock_id": "some", "message": "x"}),
        ("CreateLock", {"kind": "CreateLock", "target": {"group": "a"}, "lock_id": "a/b", "message": "x"}),
        ("CreateLock", {"kind": "CreateLock", "target": {"group": "a"}, "lock_id": "ab", "message": "x" * 1001}),
        ("CreateRelease", {"kind": "CreateRelease", "application": "cart", "manifests": {}}),
        ("Undo", {"kind": "Undo", "commit": "x" * 301}),
    ],
)
def test_what_the_validators_refuse_does_not_fit(name: str, bad: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        command_from(bad)
    assert not validator(DOCUMENT["components"]["schemas"][name]).is_valid(bad)


def test_every_command_is_in_it() -> None:
    names = {it.__name__ for it in (*commands.SingleCommand.__args__, commands.Batch)}
    assert set(DOCUMENT["components"]["schemas"]["Command"]["discriminator"]["mapping"]) == names


def test_every_question_is_answered_in_its_shape(client: Client) -> None:
    values = {"env": "production", "other": "staging", "app": "cart", "version": 2, "old": 1, "new": 2}
    asked = [it for it in operations().values() if it[0] == "GET" and it[2]["tags"] != ["service"]]
    assert len(asked) > 20
    for _, path, it in asked:
        url = path.format(**values, group="live", commit="HEAD" if "/log/" in path else "c0ffee")
        url += {"/api/why": "?env=production&app=cart", "/api/diff": "?old=HEAD~2&manifests=true"}.get(path, "")
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.text)
        [(media, content)] = it["responses"]["200"]["content"].items()
        assert answer.headers["content-type"].split(";")[0] == media
        validator(content["schema"]).validate(answer.json() if media == "application/json" else answer.text)


PLANNED = [
    {"kind": "Undo", "commit": "HEAD", "allow_cascade": True},
    {"kind": "Undo", "commit": "HEAD~1", "allow_cascade": True},
    {"kind": "Undo", "commit": "HEAD~2", "allow_cascade": True},
    {"kind": "DeleteLock", "target": {"environment": "production"}, "lock_id": "freeze"},
    {"kind": "CreateLock", "target": {"environment": "production"}, "lock_id": "freeze", "message": "Longer.",
     "expires_at": "2100-01-01T00:00:00Z", "on_expiry": "discard"},
    {"kind": "Deploy", "environment": "staging", "application": "cart", "version": 1},
    {"kind": "Deploy", "environment": "production", "application": "cart", "version": 2},
    {"kind": "CreateRelease", "application": "cart", "manifests": {"staging": "kind: Pod"}, "source_author": "A"},
    {"kind": "DeleteApplication", "application": "cart", "allow_cascade": True, "ignore_locks": True},
    {"kind": "DeleteEnvironment", "environment": "production", "ignore_locks": True, "allow_cascade": True},
    {"kind": "UpdateEnvironment", "environment": "staging", "patch": {"environmentGroup": "other"}},
    {"kind": "UpdateSettings", "patch": {"keepReleases": 3}},
    {"kind": "ReleaseTrain", "target": "live", "lock_behavior": "ignore", "from_state": {"revision": "HEAD"}},
    {"kind": "Batch", "commands": [{"kind": "SetTeam", "application": "cart", "team": "a"}]},
]  # fmt: skip


def test_every_plan_is_as_described_and_can_be_given_back(client: Client) -> None:
    for method, url in (("PUT", "/api/environments/brief"), ("DELETE", "/api/environments/brief")):
        assert client.request(method, url).status_code == 200
    told, was_restored = set(), False
    for command in PLANNED:
        answer = client.post("/api/plan?diff=true&prognosis=true", json=command)
        assert answer.status_code == 200, (command, answer.text)
        validator({"$ref": "#/components/schemas/Planned"}).validate(answer.json())
        facts = answer.json()["plan"]["decision"].get("facts", ())
        told |= {it["kind"] for it in facts}
        was_restored |= any("restored" in it for it in facts)
        again = client.post("/api/apply?dry-run=true", json=answer.json()["plan"])
        assert again.status_code == 200, again.text
    assert was_restored
    assert len(told) > 8


def test_nothing_that_a_client_gets_of_a_decision_is_an_object_of_any_kind() -> None:
    """But for what somebody else describes: configurations, and an error's facts."""
    schemas = DOCUMENT["components"]["schemas"]
    seen: set[str] = set()
    free: set[str] = set()

    def walk(schema: Any, where: str) -> None:
        if isinstance(schema, list):
            for it in schema:
                walk(it, where)
        if not isinstance(schema, dict):
            return
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            walk(schemas[name], name)
        if schema.get("type") == "object" and not {"properties", "additionalProperties"} & {*schema}:
            free.add(where)
        for key, part in schema.items():
            for inner, it in part.items() if key == "properties" else (("", part),):
                walk(it, f"{where}.{inner}" if inner else where)

    walk({"$ref": "#/components/schemas/Planned"}, "")
    walk({"$ref": "#/components/schemas/TrainPrognosis"}, "")
    assert {it for it in free if not it.endswith((".config", ".settings", ".patch"))} == set()
    assert {"fact_Deployed", "kept_fact_Deployed", "warning_GoesBackwards", "prognosis", "Deploy"} <= seen


def test_each_kind_of_a_fact_is_told_by_its_tag() -> None:
    for name in ("fact", "told_fact", "bare_fact", "warning", "kept_fact", "kept_warning"):
        schema = DOCUMENT["components"]["schemas"][name]
        refs = {it["$ref"] for it in schema["oneOf"]}
        assert refs == set(schema["discriminator"]["mapping"].values())


@pytest.mark.parametrize("path", ["/api/settings", "/api/environments/staging"])
def test_an_empty_key_in_a_patch_is_refused(client: Client, path: str) -> None:
    assert client.request("PATCH", path, json={"patch": {"": None}}).json()["code"] == "invalid_config"


def test_a_problem_has_its_shape(client: Client) -> None:
    for url in ("/api/nothing", "/api/environments/nowhere", "/api/log?limit=x", "/api/overview?env=-"):
        answer = client.get(url)
        assert answer.headers["content-type"] == "application/problem+json"
        validator({"$ref": "#/components/schemas/Problem"}).validate(answer.json())
        assert answer.json()["status"] == answer.status_code


def test_the_pages_need_nothing_from_elsewhere(client: Client) -> None:
    assert client.get("/api/openapi.json").json() == DOCUMENT
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<script|\ssrc=|style=|@import|url\(|href=\"(?!#|/)", page.text)
    assert all(f"{method} {path}" in page.text for method, path, _ in operations().values())


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/api/events")  # which never ends


@pytest.fixture(scope="module")
def scratch() -> Iterator[Client]:
    """A service for requests that change it."""
    with small_world(memory_repository()) as repository, client_of(repository) as client:
        yield client


@given(st.data())
@settings(
    max_examples=EXAMPLES * len(operations()),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_the_answer_is_as_described(scratch: Client, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(OPERATIONS))
    case = data.draw(operation.as_strategy())
    ask(scratch, case)


def ask(client: Client, case: Any) -> None:
    made = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
    body = made.body.encode() if isinstance(made.body, str) else made.body
    answer = client.request(str(made.method), str(made.url), content=body, headers=dict(made.headers))
    case.validate_response(answer, checks=CHECKS)


OPERATIONS: list[Any] = [it.ok() for it in SCHEMA.get_all_operations() if isinstance(it, Ok)]
