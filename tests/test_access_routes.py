"""Every route × role: who may not is refused, who may is answered. A new route needs a row."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from kuberpult_core.access import Action
from kuberpult_http.gotool import GO_ROUTES
from kuberpult_http.routes import ROUTES, Ask, Change
from tests.forms import Page
from tests.guarded import BASE, Guarded, code_of, guarded

E, A = "/api/environments/{env}", "/api/applications/{app}"
EA, ET = f"{E}/applications/{{app}}", f"{E}/teams/{{team}}"
G = "/api/environment-groups/{group}"
GA, GT = f"{G}/applications/{{app}}", f"{G}/teams/{{team}}"
MESSAGE = {"message": "Stop."}
SECOND = {"manifests": {"review": "kind: Pod\n"}}


@attrs.frozen
class Row:
    """What is asked for, and each right that it takes."""

    path: str
    needs: tuple[str, ...]
    body: Any = None
    query: str = ""


def row(path: str, needs: str, body: Any = None, query: str = "") -> Row:
    """A row whose path has the names of the small repository."""
    names = {
        "env": "staging", "other": "review", "app": "cart", "group": "eu", "team": "checkout", "version": "1",
        "old": "1", "new": "2", "id": "frost", "commit": "HEAD",
    }  # fmt: skip
    return Row(path.format(**names), tuple(needs.split()), body, query)


def on_locks(method: str, needs: str, body: Any = None) -> dict[tuple[str, str], Row]:
    """The same row for a lock on each kind of target."""
    paths = (f"{base}/locks/{{id}}" for base in (E, EA, ET, G, GA, GT))
    return {(method, path): row(path, needs, body) for path in paths}


LOCKING = {"kind": "CreateLock", "target": {"environment": "staging"}, "lock_id": "ice", **MESSAGE}
VIEW, MANIFESTS, DEPLOY = "View", "View ViewManifests", "DeployRelease"
ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/api/overview"): row("/api/overview", VIEW),
    ("GET", "/api/matrix"): row("/api/matrix", VIEW),
    ("GET", "/api/holds"): row("/api/holds", VIEW),
    ("GET", "/api/environments"): row("/api/environments", VIEW),
    ("GET", E): row(E, VIEW),
    ("PUT", E): row("/api/environments/new", "CreateEnvironment", {}),
    ("PATCH", E): row(E, "CreateEnvironment", {"patch": {"environmentGroup": "us"}}),
    ("DELETE", E): row("/api/environments/review", "DeleteEnvironment"),
    ("GET", f"{E}/placements"): row(f"{E}/placements", VIEW),
    ("GET", f"{E}/diff/{{other}}"): row(f"{E}/diff/{{other}}", VIEW),
    ("GET", "/api/applications"): row("/api/applications", VIEW),
    ("GET", A): row(A, VIEW),
    ("DELETE", A): row(A, "DeployUndeploy"),
    ("PUT", f"{A}/team"): row(f"{A}/team", "SetTeam", {"team": "other"}),
    ("POST", f"{A}/cleanup"): row(f"{A}/cleanup", "DeleteRelease"),
    ("DELETE", EA): row(EA, "DeleteEnvironmentApplication"),
    ("GET", f"{A}/placements"): row(f"{A}/placements", VIEW),
    ("GET", f"{EA}/deployments"): row(f"{EA}/deployments", VIEW),
    ("GET", f"{A}/releases"): row(f"{A}/releases", VIEW),
    ("POST", f"{A}/releases"): row(f"{A}/releases", "CreateRelease", SECOND),
    ("GET", f"{A}/releases/{{version}}"): row(f"{A}/releases/{{version}}", VIEW),
    ("GET", f"{A}/releases/{{version}}/places"): row(f"{A}/releases/{{version}}/places", VIEW),
    ("GET", f"{A}/releases/{{version}}/manifests/{{env}}/diff/{{other}}"): row(
        f"{A}/releases/1/manifests/{{env}}/diff/staging", MANIFESTS
    ),
    ("GET", f"{A}/releases/{{old}}/diff/{{new}}"): row(f"{A}/releases/1/diff/2", MANIFESTS),
    ("GET", f"{A}/releases/{{version}}/manifests/{{env}}"): row(f"{A}/releases/1/manifests/{{env}}", MANIFESTS),
    ("PUT", f"{EA}/version"): row(f"{EA}/version", DEPLOY, {"version": 2}),
    ("GET", "/api/locks"): row("/api/locks", VIEW),
    **on_locks("PUT", "CreateLock", MESSAGE),
    **on_locks("DELETE", "DeleteLock"),
    ("GET", "/api/queue"): row("/api/queue", VIEW),
    ("DELETE", f"{EA}/queue"): row(f"{EA}/queue", DEPLOY),
    ("PUT", f"{E}/releasetrain"): row(f"{E}/releasetrain", "DeployReleaseTrain DeployRelease"),
    ("PUT", f"{G}/releasetrain"): row(f"{G}/releasetrain", "DeployReleaseTrain DeployRelease"),
    ("GET", f"{E}/releasetrain/prognosis"): row(f"{E}/releasetrain/prognosis", "DeployReleaseTrain DeployRelease"),
    ("GET", f"{G}/releasetrain/prognosis"): row(f"{G}/releasetrain/prognosis", "DeployReleaseTrain DeployRelease"),
    ("GET", "/api/settings"): row("/api/settings", VIEW),
    ("PATCH", "/api/settings"): row("/api/settings", "UpdateSettings", {"patch": {"keepReleases": 5}}),
    ("GET", "/api/log"): row("/api/log", VIEW),
    ("GET", "/api/log/{commit}"): row("/api/log/HEAD", VIEW),
    ("GET", "/api/why"): row("/api/why", VIEW, query="?env=staging&app=cart"),
    ("GET", "/api/commits/{commit}"): row("/api/commits/abcd1", VIEW),
    ("GET", "/api/diff"): row("/api/diff", VIEW, query="?old=HEAD~2"),
    ("GET", "/api/stats"): row("/api/stats", VIEW),
    ("POST", "/api/commits/{commit}/undo"): row("/api/commits/HEAD~1/undo", "DeleteLock"),
    ("GET", "/api/problems"): row("/api/problems", VIEW),
    ("POST", "/api/batch"): row("/api/batch", "CreateLock", {"commands": [LOCKING]}),
    ("POST", "/api/locks/expire"): row("/api/locks/expire", "", {"now": "2026-01-01T00:00:00Z"}),
}
EACH = [(route.method, route.path) for route in ROUTES]
ROLES: dict[tuple[str, ...], str] = {
    ("nothing",): "p, role:nothing, CreateUndeploy, *:*, *, allow",
    **{
        ("only", *needs): "\n".join(f"p, role:{'-'.join(('only', *needs))}, {it}, *:*, *, allow" for it in needs)
        for needs in {it.needs for it in ROWS.values()}
    },
    **{
        ("but", left_out): "\n".join(
            f"p, role:but-{left_out}, {it}, *:*, *, allow" for it in Action if it != left_out
        )
        for left_out in Action
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture
def service(folder: Path) -> Iterator[Guarded]:
    with guarded(folder, "\n".join(ROLES.values())) as opened:
        if len((folder / "tokens").read_text().splitlines()) == 1:
            for role in ROLES:
                (folder / "-".join(role)).write_text(opened.token("-".join(role)))
            opened.access.reload()
        yield opened


def asked(service: Guarded, method: str, row: Row, *role: str) -> Any:
    token = (service.folder / "-".join(role)).read_text()
    return service.as_(token)(method, row.path + row.query, json=row.body) if row.body is not None else (
        service.as_(token)(method, row.path + row.query)
    )  # fmt: skip


def test_every_route_has_a_row_and_no_row_is_of_no_route() -> None:
    assert set(ROWS) == set(EACH)


def test_every_row_is_of_the_command_or_question_of_its_route() -> None:
    asks = {(it.method, it.path) for it in ROUTES if isinstance(it, Ask)}
    assert {key for key, it in ROWS.items() if "View" in it.needs} == asks
    assert {key for key in ROWS if key not in asks} == {
        (it.method, it.path) for it in ROUTES if isinstance(it, Change)
    }


@pytest.mark.parametrize("key", EACH, ids=" ".join)
def test_a_route_lets_nobody_in_who_shows_nothing(service: Guarded, key: tuple[str, str]) -> None:
    answer = service.ask(key[0], ROWS[key].path + ROWS[key].query, json=ROWS[key].body)
    assert (answer.status_code, code_of(answer)) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="kuberpult"'


def test_one_route_alone_needs_nothing_by_itself_because_it_names_nothing() -> None:
    """What it does is checked, fact by fact: see tests/test_access_needs.py."""
    assert [key for key in EACH if not ROWS[key].needs] == [("POST", "/api/locks/expire")]


@pytest.mark.parametrize("key", [key for key in EACH if ROWS[key].needs], ids=" ".join)
def test_a_route_refuses_who_may_do_something_else(service: Guarded, key: tuple[str, str]) -> None:
    before = service.repository.snapshot()[0]
    answer = asked(service, key[0], ROWS[key], "nothing")
    assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
    assert service.repository.snapshot()[0] == before


@pytest.mark.parametrize(
    ("key", "left_out"), [(key, need) for key in EACH for need in ROWS[key].needs], ids=lambda it: " ".join([*it])
)
def test_a_route_refuses_who_may_do_everything_else(service: Guarded, key: tuple[str, str], left_out: str) -> None:
    before = service.repository.snapshot()[0]
    answer = asked(service, key[0], ROWS[key], "but", left_out)
    assert (answer.status_code, code_of(answer)) == (403, "not_allowed"), answer.text
    assert answer.json()["facts"]["action"] == left_out
    assert service.repository.snapshot()[0] == before


@pytest.mark.parametrize("key", EACH, ids=" ".join)
def test_a_route_answers_who_may_do_just_that(service: Guarded, key: tuple[str, str]) -> None:
    answer = asked(service, key[0], ROWS[key], "only", *ROWS[key].needs)
    assert answer.status_code in (200, 201), answer.text


RELEASE = {"application": (None, "cart"), "manifests[staging]": ("m", b"kind: Pod\n")}
CONFIG = {"config": (None, "{}")}
BESIDES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/plan", {"json": LOCKING}),
    ("POST", "/api/batch", {"json": {"commands": [LOCKING]}}),
    ("POST", "/release", {"files": RELEASE}),
    ("POST", "/api/release", {"files": RELEASE}),
    *(
        (method, f"{base.format(env='staging', app='cart', team='a', group='eu')}/locks/ice", {"json": MESSAGE})
        for base in (
            "/environments/{env}", "/environments/{env}/applications/{app}", "/environments/{env}/teams/{team}",
            "/environment-groups/{group}",
        )
        for method in ("PUT", "DELETE")
    ),
    ("PUT", "/api/environments/staging/lock/team/a/ice", {"json": MESSAGE}),
    ("DELETE", "/api/environments/staging/lock/team/a/ice", {}),
    ("PUT", "/environments/staging/releasetrain", {}),
    ("PUT", "/environment-groups/eu/releasetrain", {}),
    ("GET", "/environments/staging/releasetrain/prognosis", {}),
    ("GET", "/environment-groups/eu/releasetrain/prognosis", {}),
    ("POST", "/environments/new", {"files": CONFIG}),
    ("POST", "/api/environments/new", {"files": CONFIG}),
]  # fmt: skip
"""Besides the table: what takes any command, and the Go tool's addresses."""


def test_each_address_of_the_go_tool_is_among_those_that_are_refused() -> None:
    known = [(method, re.compile(re.sub(r"{\w+}", "[^/]+", it.path))) for it in GO_ROUTES for method in it.methods]
    for method, pattern in known:
        assert any(method == one and pattern.fullmatch(path) for one, path, _ in BESIDES), (method, pattern)


@pytest.mark.parametrize(("method", "path", "how"), BESIDES, ids=lambda it: it if isinstance(it, str) else "")
def test_what_takes_commands_besides_refuses_who_may_not(
    service: Guarded, method: str, path: str, how: dict[str, Any]
) -> None:
    before = service.repository.snapshot()[0]
    nobody = service.ask(method, path, **how)
    assert (nobody.status_code, code_of(nobody)) == (401, "unauthorized")
    answer = service.as_((service.folder / "nothing").read_text())(method, path, **how)
    assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
    assert service.repository.snapshot()[0] == before


OPEN = {
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/assets/{edition}/{name}"),
    ("POST", "/api/refresh"),
    ("GET", "/session"), ("POST", "/session"), ("DELETE", "/session"), ("POST", "/session/end"),
}  # fmt: skip
"""What is answered before anybody says who they are: it tells nothing, or has a secret of its own."""
FOR_WHO_HAS_SIGNED_IN = {
    ("GET", "/docs"), ("GET", "/api/openapi.json"), ("GET", "/metrics"), ("GET", "/api/events"),
    ("POST", "/planned"),
}  # fmt: skip
"""What needs no right: it tells nothing of the repository, or to each what they may see."""
BY_COMMAND = {
    ("POST", "/api/plan"),
    ("POST", "/api/apply"),
    ("POST", "/run"),
    ("GET", "/plan"),
    ("GET", "/planned"),
}
"""What needs the rights of the command in the body; the tests around this one show it."""


LOOKED_AT = {
    ("GET", "/"): "/",
    ("GET", "/applications/{app}"): "/applications/cart",
    ("GET", "/applications/{app}/releases/{version}"): "/applications/cart/releases/1",
    ("GET", "/environments"): "/environments",
    ("GET", "/environments/{env}"): "/environments/staging",
    ("GET", "/environments/{env}/compare"): "/environments/staging/compare?with=review",
    ("GET", "/trains"): "/trains",
    ("GET", "/locks"): "/locks",
    ("GET", "/activity"): "/activity",
    ("GET", "/activity/{commit}"): "/activity/HEAD",
}
"""Pages, which need the right to look."""
PLANNED = "/plan?kind=CreateLock&target.environment=staging&lock_id=ice&message=Cold"


@pytest.mark.parametrize("path", LOOKED_AT.values())
def test_a_page_is_for_who_may_look(service: Guarded, path: str) -> None:
    led = service.ask("GET", path, headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["Location"].partition("?")[0]) == (303, "/session")
    refused = service.as_((service.folder / "nothing").read_text())("GET", path)
    assert refused.status_code == 403
    assert "cart" not in refused.text.replace(path, "")
    assert service.as_((service.folder / "only-View").read_text())("GET", path).status_code == 200


def test_a_page_plans_and_runs_for_who_may_do_it_themselves(service: Guarded) -> None:
    able = service.as_((service.folder / "only-CreateLock").read_text())
    form = Page(able("GET", PLANNED).text).form("Run exactly this plan")
    nobody = service.as_((service.folder / "nothing").read_text())
    assert nobody("GET", PLANNED).status_code == 403
    before = service.repository.snapshot()[0]
    assert nobody("POST", "/run", data=form.fields).status_code == 403
    assert service.ask("POST", "/run", data=form.fields).status_code == 401
    assert service.repository.snapshot()[0] == before
    assert able("POST", "/run", data=form.fields).status_code == 303
    assert service.repository.snapshot()[0] != before


def served(app: Starlette) -> set[tuple[str, str]]:
    """Every route of a service."""
    routes = [it for it in app.routes if isinstance(it, Route)]
    assert len(routes) == len(app.routes)
    return {(method, it.path) for it in routes for method in it.methods or () if method != "HEAD"}


def test_every_route_of_a_service_is_in_one_of_these_tables(service: Guarded) -> None:
    of_go = {(method, it.path + end) for it in GO_ROUTES for method in it.methods for end in ("", "/")}
    tables = [set(ROWS), of_go, OPEN, FOR_WHO_HAS_SIGNED_IN, BY_COMMAND, {*LOOKED_AT}]
    assert served(service.app) == set().union(*tables)
    assert sum(map(len, tables)) == len(set().union(*tables))


def test_nothing_but_what_is_open_answers_who_shows_nothing(service: Guarded) -> None:
    for method, path in served(service.app) - OPEN:
        answer = service.ask(method, re.sub(r"{\w+}", "staging", path))
        assert (answer.status_code, code_of(answer)) == (401, "unauthorized"), (method, path)
    for method, path in OPEN:
        assert service.ask(method, path, headers={"Origin": BASE}).status_code != 401 or path == "/session"


@pytest.mark.parametrize(("method", "path"), sorted(FOR_WHO_HAS_SIGNED_IN - {("GET", "/api/events")}))
def test_what_needs_no_right_answers_whoever_has_signed_in(service: Guarded, method: str, path: str) -> None:
    """Of events, each gets what they may see: see tests/test_access_sight.py."""
    answer = service.as_((service.folder / "nothing").read_text())(method, path)
    assert answer.status_code == (415 if path == "/planned" else 200), answer.text  # which wants a form


def test_a_plan_is_carried_out_by_who_may_do_it_themselves(service: Guarded) -> None:
    able = service.as_((service.folder / "only-CreateLock").read_text())
    plan = able("POST", "/api/plan", json=LOCKING).json()["plan"]
    for query in ("", "?dry-run=true"):
        assert service.ask("POST", f"/api/apply{query}", json=plan).status_code == 401
        answer = service.as_((service.folder / "nothing").read_text())("POST", f"/api/apply{query}", json=plan)
        assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
    assert able("POST", "/api/apply", json=plan).status_code == 200


def test_nobody_gets_the_answer_of_somebody_else_by_their_key(service: Guarded) -> None:
    """Not even who acts for the same person."""
    key, body = {"Idempotency-Key": "k"}, {"commands": [LOCKING]}
    author = {"author-name": "QWRh", "author-email": "YWRhQGV4YW1wbGUuY29t"}
    able, other = (
        service.as_(service.token(role, may_act_for_others=True)) for role in ("only-CreateLock", "nothing")
    )
    service.access.reload()
    assert able("POST", "/api/batch", json=body, headers=key | author).status_code == 200
    assert "Idempotency-Replayed" in able("POST", "/api/batch", json=body, headers=key | author).headers
    answer = other("POST", "/api/batch", json=body, headers=key | author)
    assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
