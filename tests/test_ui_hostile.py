"""Pages before those who mean harm, and before whatever a repository or a browser may hold."""

import asyncio
import base64
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from kuberpult_core import Repository, init_repository, memory_repository
from kuberpult_core.errors import HistoryReplaced, KuberpultError, OutcomeUnknown, StoreUnavailable, WaitedTooLong
from kuberpult_http.app import Options, create_app
from kuberpult_http.limits import Limits
from kuberpult_http.logs import JsonLines
from kuberpult_http.ui import plans
from kuberpult_http.ui.plans import MOST_FORM
from tests.forms import Page, sent
from tests.web import Client, client_of, small_world

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""What a browser says when it wants to show a page."""


@pytest.fixture
def repository() -> Iterator[Repository]:
    with small_world(memory_repository()) as made:
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository) as made:
        yield made


# Fields and cookies that nobody here has written


@pytest.mark.parametrize(
    "query",
    [
        "kind=CreateLock&target=x&target.environment=staging",
        "kind=CreateLock&target.environment=staging&target=x",
        "kind.of=Deploy",
        "kind=Deploy&kind.of=it",
        "kind=CreateLock&target.=x",
        "kind=CreateLock&.target=x",
    ],
)
def test_given_fields_that_fit_no_command_then_a_sentence_says_so(client: Client, query: str) -> None:
    answer = client.get(f"/plan?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def cookie_with(content: bytes) -> dict[str, str]:
    return {"Cookie": f"kuberpult-planned={base64.urlsafe_b64encode(zlib.compress(content, 9)).decode()}"}


@pytest.mark.parametrize("content", [b"[" * 150_000, b'{"a":' * 30_000, b"[1" + b"0" * 5000 + b"]"])
def test_given_a_cookie_that_is_too_deep_to_read_then_pages_are_shown_as_without_it(
    client: Client, content: bytes
) -> None:
    assert client.get("/", headers=cookie_with(content)).status_code == 200


def test_more_actions_than_anybody_collects_are_not_planned(client: Client) -> None:
    one = b'{"kind":"Deploy","environment":"staging","application":"cart","version":1}'
    few, many = (b"[" + b",".join([one] * number) + b"]" for number in (200, 2000))
    assert "Deploy cart 1" in client.get("/planned", headers=cookie_with(few)).text
    assert "Nothing is planned" in client.get("/planned", headers=cookie_with(many)).text
    command = {"command": one.decode()}
    assert client.post("/planned", data=command, headers=cookie_with(few)).status_code == 409


# What goes wrong before a page is asked, or where there is none


def only_page(answer: httpx.Response, status: int) -> str:
    """What is said on a page that shows a problem."""
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert len(answer.headers.get_list("content-length")) == 1
    assert len(answer.headers.get_list("content-security-policy")) == 1
    assert answer.headers["x-request-id"]
    assert 'role="alert"' in answer.text
    return answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nothing", 404, "There is nothing here"),
        ("GET", "/assets/x/y.css", 404, "There is nothing here"),
        ("GET", "/run", 405, "That cannot be shown"),
        ("PUT", "/plan", 405, "That was not done"),
        ("POST", "/session", 415, "That was not done"),
    ],
)
def test_a_browser_gets_a_page_where_there_is_none(
    client: Client, method: str, path: str, status: int, words: str
) -> None:
    assert words in only_page(client.request(method, path, headers=PAGE), status)
    answer = client.request(method, path, headers={"Accept": "*/*"})
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/nothing", "/api/log?limit=x", "/metrics/x"])
def test_where_programs_ask_a_browser_gets_json_as_well(client: Client, path: str) -> None:
    answer = client.get(path, headers=PAGE)
    assert answer.status_code >= 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_given_too_many_requests_then_a_browser_gets_a_page_with_a_way_to_try_again(
    repository: Repository,
) -> None:
    with client_of(repository, Options(limits=Limits(per_second=0.001, burst=1))) as client:
        client.get("/")
        answer = client.get("/locks?env=staging", headers=PAGE)
        text = only_page(answer, 429)
        assert int(answer.headers["retry-after"]) > 1
        assert Page(text).links["Try again"] == "/locks?env=staging"


def test_given_a_bug_then_a_browser_gets_a_page_that_says_what_is_known(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    run = Page(client.get("/plan?kind=Deploy&environment=production&application=cart&version=1").text).forms
    fields = next(it.fields for it in run if it.action == "/run")
    monkeypatch.setattr(Repository, "snapshot", break_down)
    monkeypatch.setattr(Repository, "carry_out", break_down)
    assert "That cannot be shown" in only_page(client.get("/", headers=PAGE), 500)
    referer = {"Referer": "http://localhost/plan?kind=Deploy", "Origin": "http://localhost"}
    text = only_page(client.post("/run", data=fields, headers={**PAGE, **referer}), 500)
    assert "It is not known whether that was done" in text
    assert Page(text).links["Back"] == "/plan?kind=Deploy"


@pytest.mark.parametrize(
    "referer", ["https://evil.example/x", "http://localhost//evil.example", "http://[", "javascript:alert(1)", "x"]
)
def test_a_page_about_a_problem_leads_nowhere_else(client: Client, referer: str) -> None:
    answer = client.post("/run", headers={**PAGE, "Referer": referer, "Sec-Fetch-Site": "cross-site"})
    assert set(Page(only_page(answer, 403)).links.values()) == {"/"}


# What goes wrong while a plan is carried out

TROUBLE = [
    (OutcomeUnknown("c0ffee", "The line broke."), 504, "It is not known whether that was done"),
    (StoreUnavailable("The disk is full."), 503, "That was not done"),
    (WaitedTooLong(30, 7), 503, "That was not done"),
    (HistoryReplaced("origin", "main", "c0ffee", None), 409, "That was not done"),
]


@pytest.mark.parametrize(("error", "status", "words"), TROUBLE, ids=[type(it[0]).__name__ for it in TROUBLE])
def test_what_goes_wrong_is_told_as_far_as_it_is_known_and_leads_back(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: KuberpultError,
    status: int,
    words: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    plan = "/plan?kind=Deploy&environment=production&application=cart&version=1&back=/locks"
    form = Page(client.get(plan).text).form("Run exactly this plan")
    monkeypatch.setattr(Repository, "carry_out", fail)
    caplog.clear()
    answer = sent(client, form)
    assert answer.status_code == status
    assert f"<h1>{words}</h1>" in answer.text
    links = Page(answer.text).links
    assert links["Back"] == "/locks"
    assert ("activity" in links) == (status == 504)
    assert ("retry-after" in answer.headers) == (status == 503)
    logged = [JsonLines().format(it) for it in caplog.records if it.name == "kuberpult.requests"]
    assert status < 500 or str(error) in logged[0]


def test_a_repository_that_is_gone_is_a_page_with_a_sentence(tmp_path: Path) -> None:
    with small_world(init_repository(tmp_path / "manifests.git")) as repository, client_of(repository) as client:
        (tmp_path / "manifests.git").rename(tmp_path / "elsewhere")
        for path in ("/", "/locks", "/activity", "/applications/cart", "/planned", "/trains?target=production"):
            text = only_page(client.get(path, headers=PAGE), 503)
            assert "That cannot be shown" in text, path


# What is large, and what is not even text


def test_a_form_that_takes_long_to_read_keeps_nobody_waiting(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def read(*given: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name)
        return parse_qsl(*given, **more)

    monkeypatch.setattr(plans, "parse_qsl", read)
    client.post("/run", data={"plan": "{}"})
    assert threads
    assert all("worker" in it for it in threads), threads


def test_a_form_that_no_plan_needs_is_not_read(client: Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(MOST_FORM + 1)}
    assert client.post("/planned", content=b"x", headers=headers).status_code == 413


@pytest.mark.parametrize("path", ["/", "/locks", "/plan", "/nothing"])
def test_a_query_that_is_no_text_is_shown_as_far_as_it_is(repository: Repository, path: str) -> None:
    app, started = create_app(repository), []
    scope = {
        "type": "http", "method": "GET", "path": path, "root_path": "", "scheme": "http", "state": {},
        "query_string": b"kind=Deploy&environment=production&application=cart&version=1&back=/\xff\"<",
        "headers": [(b"host", b"[::"), (b"accept", b"text/html"), (b"referer", b"http://[/")],
    }  # fmt: skip

    async def run() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            started.append(message.get("status"))

        await app(scope, receive, send)

    asyncio.run(run())
    assert started[0] == (404 if path == "/nothing" else 200)
