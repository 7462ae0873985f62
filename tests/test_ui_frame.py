"""What all pages have in common: plans before buttons, collected actions, what goes wrong, headers, files."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import (
    Batch,
    CreateLock,
    CreateRelease,
    Deploy,
    Repository,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    memory_repository,
)
from kuberpult_core.errors import InvalidCommand
from kuberpult_http.problems import HttpProblem
from kuberpult_http.ui import collected, shown
from kuberpult_http.ui.addresses import address, own
from kuberpult_http.ui.asked import command_of
from kuberpult_http.ui.pages import ACTIONS, PAGES
from tests.forms import Form, Page, sent
from tests.support import SOMEBODY
from tests.web import Client, client_of, small_world

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NO_RELEASE = "cart has no release 9"
PLAN = "/plan?kind=Deploy&environment=production&application=cart&version=1&back=/locks"


@pytest.fixture
def repository() -> Iterator[Repository]:
    with small_world(memory_repository()) as made:
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository) as made:
        yield made


def run_of(client: Client, path: str = PLAN) -> Form:
    return Page(client.get(path).text).form("Run exactly this plan")


# The plan before the button


def test_a_plan_says_what_would_happen_and_changes_nothing(client: Client, repository: Repository) -> None:
    answer = client.get(PLAN)
    assert answer.status_code == 200
    assert "Deploy cart 1 to production" in answer.text
    assert ">cart on production</a> – → 1</li>" in answer.text
    assert repository.state().placement("production", "cart").version is None


def test_a_plan_runs_as_it_was_shown_and_leads_back_with_what_was_done(
    client: Client, repository: Repository
) -> None:
    answer = sent(client, run_of(client))
    assert answer.status_code == 303
    commit = repository.store.head().commit
    assert answer.headers["location"] == f"/locks?done={commit}"
    assert repository.state().placement("production", "cart").version == 1
    assert "Deploy cart 1 to production" in client.get(f"/?done={commit}").text


def test_a_plan_that_would_do_something_else_by_now_is_refused_with_what_is_different(
    client: Client, repository: Repository
) -> None:
    form = run_of(client)
    lock = CreateLock(Target("production", application="cart"), "frost", "It is cold")
    repository.apply(lock, SOMEBODY)
    answer = sent(client, form)
    assert answer.status_code == 409
    assert "waits for lock/production/cart/frost" in answer.text
    assert Page(answer.text).links["See the plan as it is now"] == PLAN
    assert repository.state().placement("production", "cart").version is None


def test_a_plan_that_does_nothing_has_no_button(client: Client) -> None:
    page = client.get("/plan?kind=Deploy&environment=staging&application=cart&version=1").text
    assert "This would change nothing." in page
    assert not [it for it in Page(page).forms if it.action == "/run"]


def test_a_plan_shows_how_manifests_change_when_it_is_asked_to(client: Client) -> None:
    assert "+kind: ConfigMap" in client.get(f"{PLAN}&diff=true").text


def test_a_refusal_is_a_sentence_with_a_way_back(client: Client) -> None:
    answer = client.get("/plan?kind=Deploy&environment=production&application=cart&version=9&back=/locks")
    assert answer.status_code == 404
    assert NO_RELEASE in answer.text
    assert Page(answer.text).links["Back"] == "/locks"


def test_what_makes_argo_cd_delete_workloads_says_so_before_it_is_planned(
    client: Client, repository: Repository
) -> None:
    argocd = {"destination": {"server": "https://cluster.example.com"}}
    for command in (
        UpdateSettings({"url": "https://git.example.com/manifests.git"}),
        UpdateEnvironment("staging", {"argocd": argocd}),
    ):
        repository.apply(command, SOMEBODY)
    path = "/plan?kind=RemoveApplicationFromEnvironment&environment=staging&application=cart&back=/locks"
    answer = client.get(path)
    assert answer.status_code == 409
    assert "<code>staging-cart</code>" in answer.text
    links = Page(answer.text).links
    assert links["Cancel"] == "/locks"
    sent(client, run_of(client, links["See the plan that deletes them"]))
    assert repository.state().placement("staging", "cart").version is None


WRONG = [
    "kind=Nothing",
    "",
    "kind=Deploy",
    "kind=Deploy&environment=..%2F..",
    "kind=Deploy&more=1",
    "kind=__class__",
]


@pytest.mark.parametrize("query", WRONG)
def test_what_is_no_command_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/plan?{query}")
    assert answer.status_code in (400, 422)
    assert 'role="alert"' in answer.text


def test_nothing_is_planned_on_the_past(client: Client) -> None:
    assert client.get(f"{PLAN}&at=HEAD").status_code == 409
    assert client.get("/planned?at=HEAD").status_code == 409


@pytest.mark.parametrize(
    "body", [b"", b"plan=", b"plan=%7B%7D", b"plan=[]", b"\xff\xfe=1", b"plan=" + b"[" * 10_000]
)
def test_what_is_no_plan_is_not_run(client: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/run", content=body, headers=headers).status_code in (400, 422)
    assert client.post("/run", content=body, headers={"Content-Type": "text/plain"}).status_code == 415


def test_another_sites_page_runs_nothing(client: Client, repository: Repository) -> None:
    form = run_of(client)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/run", data=form.fields, headers=headers).status_code == 403
    assert repository.state().placement("production", "cart").version is None


# Planned actions


def kept(answer: Any) -> str:
    return str(answer.headers["set-cookie"]).partition(";")[0]


def test_actions_are_collected_and_run_as_one(client: Client, repository: Repository) -> None:
    lock = "/plan?kind=CreateLock&target.environment=staging&lock_id=frost&message=Cold&back=/locks"
    answer = sent(client, Page(client.get(PLAN).text).form("Add to the planned actions"))
    assert answer.status_code == 303
    form = Page(client.get(lock).text).form("Add to the planned actions")
    cookies = kept(sent(client, form, cookies=kept(answer)))
    page = client.get("/planned", headers={"Cookie": cookies}).text
    assert page.index("Deploy cart 1 to production") < page.index("Lock staging")
    before = repository.store.head().commit
    done = sent(client, Page(page).form("Run all of it"))
    assert done.headers["location"].startswith("/planned?done=")
    assert "Max-Age=0" in done.headers["set-cookie"]
    head = repository.store.head().commit
    assert head is not None
    assert repository.store.commit(head).parent == before
    assert repository.state().placement("production", "cart").version == 1
    assert "frost" in repository.state().environments["staging"].locks  # type: ignore[index]  # a name


def test_who_adds_to_the_planned_actions_is_told_that_nothing_has_changed_yet(client: Client) -> None:
    answer = sent(client, Page(client.get(PLAN).text).form("Add to the planned actions"))
    assert answer.headers["location"] == "/locks?done=planned"
    page = client.get(answer.headers["location"], headers={"Cookie": kept(answer)}).text
    assert "Nothing has changed yet." in page
    assert Page(page).links["See what they would do together"] == "/planned"


def test_what_was_just_done_can_be_undone_from_where_it_leads(client: Client) -> None:
    location = sent(client, run_of(client)).headers["location"]
    undo = Page(client.get(location).text).links["Undo…"]
    assert "kind=Undo" in undo
    assert ">cart on production</a> 1 → – (undone)</li>" in client.get(undo).text


def test_what_a_plan_leaves_alone_is_said_without_a_code(client: Client) -> None:
    page = client.get("/plan?kind=ReleaseTrain&target=staging").text
    assert "cart on staging 1 is there already</li>" in page
    assert "already_there" not in page.partition("<form")[0]


def test_a_planned_action_can_be_dropped(client: Client) -> None:
    command = json.dumps({"kind": "Deploy", "environment": "production", "application": "cart", "version": 1})
    cookies = kept(client.post("/planned", data={"command": command}))
    page = Page(client.get("/planned", headers={"Cookie": cookies}).text)
    for words in ("Drop all of it", "Drop"):
        (form, *_) = [it for it in page.forms if it.words.strip() == words]
        answer = sent(client, form, cookies=cookies)
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert kept(answer) == "kuberpult-planned="


def test_actions_that_do_not_go_together_say_so(client: Client) -> None:
    command = json.dumps({"kind": "Deploy", "environment": "production", "application": "cart", "version": 9})
    cookies = kept(client.post("/planned", data={"command": command}))
    answer = client.get("/planned", headers={"Cookie": cookies})
    assert answer.status_code == 404
    assert NO_RELEASE in answer.text
    assert "Drop all of it" in answer.text


@given(st.binary() | st.text().map(str.encode))
def test_a_cookie_of_somebody_else_holds_no_actions(content: bytes) -> None:
    assert collected.commands_in(content.decode("latin-1")) == []


def test_a_cookie_that_unpacks_to_very_much_holds_no_actions() -> None:
    import base64  # noqa: PLC0415 - for this test
    import zlib  # noqa: PLC0415 - for this test

    bomb = base64.urlsafe_b64encode(zlib.compress(b"[" + b" " * 50_000_000 + b"]")).decode()
    assert collected.names_in(bomb) == []


def lock_with_noise(number: int) -> CreateLock:
    """A lock whose message nothing packs."""
    message = "".join(chr(33 + (number * 7919 + it * it) % 90) for it in range(90))
    return CreateLock(Target("staging"), f"lock-{number}", message)


def test_more_than_a_cookie_holds_is_refused() -> None:
    few, many = [[lock_with_noise(number) for number in range(1, most)] for most in (12, 2000)]
    cookie = collected.cookie_of(few, plain=True).partition(";")[0].partition("=")[2]
    assert collected.commands_in(cookie) == few
    with pytest.raises(HttpProblem):
        collected.cookie_of(many, plain=True)


# From fields to commands


def test_fields_make_a_command() -> None:
    fields = {
        "kind": "Deploy",
        "environment": "staging",
        "application": "cart",
        "version": "7",
        "lock_behavior": "",
    }
    assert command_of(fields, NOW) == Deploy("staging", "cart", 7)


def test_a_deployment_with_a_lock_is_both() -> None:
    fields = {
        "kind": "Deploy", "environment": "staging", "application": "cart", "version": "7",
        "lock.lock_id": "stay", "lock.message": "It is good", "lock.expires_at": "4h",
    }  # fmt: skip
    lock = CreateLock(
        Target("staging", application="cart"), "stay", "It is good", expires_at=NOW + timedelta(hours=4)
    )
    assert command_of(fields, NOW) == Batch((Deploy("staging", "cart", 7), lock))


def test_a_time_that_is_none_is_refused() -> None:
    fields = {"kind": "CreateLock", "target.environment": "staging", "lock_id": "a", "message": "b"}
    with pytest.raises(InvalidCommand):
        command_of({**fields, "expires_at": "soon"}, NOW)


# Addresses


def test_an_address_escapes_what_is_in_it() -> None:
    assert address("applications", "a/b?c#d", show="x&y", at=None) == "/applications/a%2Fb%3Fc%23d?show=x%26y"


@pytest.mark.parametrize(
    "text", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:1", "", "/a\nb", "/é"]
)
def test_nobody_is_led_elsewhere(text: str) -> None:
    assert own(text, "/safe") == "/safe"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil",
        "ftp://a/b",
        "http:",
        "https://a\u202eb",
        "http://[",
        "",
    ],
)
def test_a_link_leads_to_web_pages_only(url: str) -> None:
    assert shown.link(url) is None


def test_a_link_to_a_web_page_is_shown() -> None:
    assert shown.link("https://ci.example.com/1?a=b") == "https://ci.example.com/1?a=b"


AGES = [
    (0, "now"),
    (59, "now"),
    (60, "1 min"),
    (7199, "119 min"),
    (7200, "2 h"),
    (86400 * 15, "2 w"),
    (-7200, "in 2 h"),
]


@pytest.mark.parametrize(("seconds", "words"), AGES)
def test_how_long_ago_is_one_number(seconds: int, words: str) -> None:
    assert shown.span_between(NOW - timedelta(seconds=seconds), NOW) == words


SAID = [(0, "just now"), (7200, "2 h ago"), (-5, "in 1 min"), (-7200, "in 2 h")]


@pytest.mark.parametrize(("seconds", "words"), SAID)
def test_an_age_says_that_it_is_one(seconds: int, words: str) -> None:
    assert f">{words}</time>" in shown.ago(NOW - timedelta(seconds=seconds), NOW)


def test_a_sentence_has_times_for_people_and_links_to_its_commits() -> None:
    said = shown.told("At 2 since 2026-11-20T08:30:59Z, commit 0123456789ab ('<b>').", address)
    link = '<a href="/activity/0123456789ab"><code>01234567</code></a>'
    assert said == f"At 2 since 2026-11-20 08:30 UTC, commit {link} (&#39;&lt;b&gt;&#39;)."


def test_what_is_to_be_typed_is_marked() -> None:
    assert shown.marked("Use `kuberpult <x>`.") == "Use <code>kuberpult &lt;x&gt;</code>."


# The frame


@pytest.mark.parametrize("path", [path for path, _ in PAGES if "{" not in path])
def test_every_page_lets_in_nothing_from_elsewhere(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    for tag, said in Page(answer.text).tags:
        assert "style" not in said
        assert not [it for it in said if it.startswith("on")]
        if tag in ("script", "link", "img"):
            assert (said.get("src") or said.get("href") or "").startswith("/assets/")


def test_files_are_kept_until_they_change(client: Client) -> None:
    page = Page(client.get("/").text)
    style = next(it["href"] for tag, it in page.tags if tag == "link" and it.get("rel") == "stylesheet")
    assert style
    answer = client.get(style)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    old = client.get(f"/assets/0000/{style.rpartition('/')[2]}")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert client.get("/assets/0000/style.py").status_code == 404
    assert client.get("/assets/0000/..%2f..%2fpages.py").status_code == 404


def test_a_large_page_is_packed_for_who_takes_it(client: Client, repository: Repository) -> None:
    for number in range(60):
        repository.apply(CreateRelease(f"service-{number}", {"staging": "kind: A\n"}), SOMEBODY)
    packed, plain = (client.get("/", headers={"Accept-Encoding": it}) for it in ("gzip", "identity"))
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert "content-encoding" not in plain.headers
    assert "service-59" in packed.text


def test_what_is_said_to_be_done_is_what_was_done(client: Client) -> None:
    assert "Nothing to do" in client.get("/?done=nothing").text
    for forged in ("0" * 40, "HEAD", "<script>", "x" * 500):
        page = client.get("/", params={"done": forged}).text
        assert "Done:" not in page
        assert "<script>" not in page


def test_a_time_that_never_was_is_refused_with_a_way_to_now(client: Client) -> None:
    answer = client.get("/?at=whenever")
    assert answer.status_code == 404
    assert "whenever" in answer.text


def test_forms_go_where_something_listens(client: Client) -> None:
    posted = {path for path, _ in ACTIONS} | {"/session/end"}
    for path in [path for path, _ in PAGES if "{" not in path] + [PLAN]:
        for form in Page(client.get(path).text).forms:
            assert form.method in ("GET", "DIALOG") or form.action in posted
