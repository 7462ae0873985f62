"""Pages of trains: where they go, what one would bring, and exactly that run."""

import html
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from kuberpult_core import (
    Actor,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    ReleaseTrain,
    Repository,
    Target,
    memory_repository,
)
from kuberpult_core.access import Sight, parse, view
from kuberpult_core.service import Asked
from kuberpult_http.desk import Caller
from kuberpult_http.ui import trains
from tests.support import SOMEBODY
from tests.web import SECRET, Client, client_of, manifests, small_world

ADA = Actor("Ada", "ada@example.com")
HOSTILE = "<script>alert(1)</script>"


def world(repository: Repository) -> Repository:
    """On production cart is two releases behind, mail is locked, pay would go back, and tea is new."""
    small_world(repository)
    commands: list[Command] = [
        CreateEnvironment("alone"),
        Deploy("production", "cart", 1),
        CreateRelease("cart", manifests("cart", 2), 2, source_commit_id="abcdef1234567890", source_message="Two"),
        CreateRelease(
            "cart", {**manifests("cart", 3), "production": SECRET.format(3)}, 3,
            source_author="Grace <grace@example.com>", source_message=f"{HOSTILE}\n\nMore of it",
            display_version="v3.0",
        ),
        CreateRelease("mail", manifests("mail", 1), 1, team="post"),
        CreateLock(Target("production", team="post"), "strike", f"No letters {HOSTILE}"),
        CreateRelease("pay", manifests("pay", 1), 1),
        CreateRelease("pay", manifests("pay", 2), 2),
        Deploy("production", "pay", 2),
        Deploy("staging", "pay", 1),
        CreateRelease("same", manifests("same", 1), 1),
        Deploy("production", "same", 1),
        CreateRelease("tea", manifests("tea", 1), 1, source_message="Brew"),
    ]  # fmt: skip
    for command in commands:
        repository.apply(command, ADA)
    return repository


@pytest.fixture
def repository() -> Iterator[Repository]:
    with world(memory_repository()) as made:
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository) as made:
        yield made


def main_of(answer: httpx.Response) -> str:
    """What the page itself says, without the frame around it."""
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<main")[2].partition("</main>")[0]


def row_of(page: str, application: str) -> str:
    """The row of the table about an application."""
    found = [it for it in page.split("<tr")[1:] if f'row"><a href="/applications/{application}"' in it]
    return found[0].partition("</tr>")[0]


def names_of(page: str) -> list[str]:
    return re.findall(r'row"><a href="/applications/([^"]+)"', page)


def fields_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is posted to *action*."""
    form = page.partition(f'<form action="{action}"')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return {name: html.unescape(value) for name, value in found}


# Where to


def test_each_environment_with_an_upstream_and_each_group_can_be_chosen(client: Client) -> None:
    page = main_of(client.get("/trains"))
    assert [html.unescape(it) for it in re.findall(r'<button name="(\w+)" value="\w+"', page)] == [
        "target", "target", "group", "group",
    ]  # fmt: skip
    assert page.index('value="staging"') < page.index('value="production"')
    assert '<button name="target" value="alone">' not in page
    assert "It has no upstream, so no train goes here." in page
    assert "wait until the locks go" in page


def test_without_environments_no_train_goes_anywhere() -> None:
    with memory_repository() as repository, client_of(repository) as client:
        assert "There is no environment yet." in main_of(client.get("/trains"))


# The plan


def test_a_plan_says_for_each_service_from_where_to_where_and_with_which_commits(client: Client) -> None:
    page = main_of(client.get("/trains?target=production"))
    assert "3 deployed, 1 queued, 1 left alone" in page
    cart = row_of(page, "cart")
    assert cart.index('<b class="version">1</b>') < cart.index("→") < cart.index('<b class="version">v3.0</b>')
    assert "2 releases" in cart
    assert "Two" in cart
    assert "abcdef12" in cart
    assert html.escape(HOSTILE) in cart
    assert "<span>Grace</span> <span><time" in cart
    assert "More of it" not in cart
    assert "new" in row_of(page, "tea")
    assert "Brew" in row_of(page, "tea")


def test_going_back_is_marked(client: Client) -> None:
    page = main_of(client.get("/trains?target=production"))
    assert "1 service goes back to a lower version." in page
    assert "goes back" in row_of(page, "pay")
    assert "taken back:" in row_of(page, "pay")
    assert "goes back" not in row_of(page, "cart")


def test_what_is_held_names_the_lock_whose_it_is_and_why(client: Client) -> None:
    page = main_of(client.get("/trains?target=production"))
    assert "will wait" in row_of(page, "mail")
    assert "for <b>strike</b> of Ada" in row_of(page, "mail")
    held = page.partition('id="lock-1"')[2].partition("</article>")[0]
    assert "team post" in held
    assert html.escape(f"No letters {HOSTILE}") in held
    assert "Ada</span>, <time" in held
    assert 'href="/applications/mail"' in held


def test_what_stays_is_named_with_its_reason(client: Client) -> None:
    page = main_of(client.get("/trains?target=production"))
    left = page.partition('id="left"')[2].partition("</section>")[0]
    assert "<b>1</b> left alone: it is there already" in left
    assert "same" in left


def test_nothing_hostile_is_more_than_text(client: Client) -> None:
    for path in ("/trains", "/trains?target=production&diff=true", f"/trains?target={HOSTILE}"):
        assert HOSTILE not in client.get(path).text


WHAT_TO_DO = [
    ("queue", "3 deployed, 1 queued, 1 left alone"),
    ("fail", "3 deployed, 2 left alone"),
    ("ignore", "4 deployed, 1 left alone"),
]


@pytest.mark.parametrize(("behavior", "counts"), WHAT_TO_DO)
def test_what_becomes_of_the_locked_is_chosen(client: Client, behavior: str, counts: str) -> None:
    page = main_of(client.get(f"/trains?target=production&lock_behavior={behavior}"))
    assert f"If it runs: {counts}" in page
    assert f'<option value="{behavior}" selected>' in page
    assert ("It goes through locks." in page) == (behavior == "ignore")


def test_a_train_can_be_of_one_team(client: Client) -> None:
    page = main_of(client.get("/trains?target=production&team=post"))
    assert names_of(page) == ["mail"]
    assert 'name="team" value="post"' in page


def test_a_train_can_bring_what_upstream_had(client: Client, repository: Repository) -> None:
    then = repository.store.head().commit
    repository.apply(CreateRelease("cart", manifests("cart", 4), 4), ADA)
    page = main_of(client.get(f"/trains?target=production&from_state={then}"))
    assert "v3.0" in row_of(page, "cart")
    assert f"upstream had at {then}" in page
    assert f'name="from_state" type="text" value="{then}"' in page
    run = fields_of(page, "/run")
    assert client.post("/run", data=run).status_code == 303
    assert repository.state().placement("production", "cart").version == 3


def test_a_time_before_the_first_commit_is_refused_where_it_can_be_mended(client: Client) -> None:
    answer = client.get("/trains?target=production&from_state=2001-01-01T12:00")
    assert answer.status_code == 404
    assert "there was no commit yet at that time" in answer.text
    assert 'name="from_state" type="datetime-local" value="2001-01-01T12:00"' in answer.text


def test_a_train_to_a_group_is_shown_by_its_environments(client: Client, repository: Repository) -> None:
    repository.apply(CreateEnvironment("live", {"upstream": {"environment": "production"}}), ADA)
    page = main_of(client.get("/trains?group=live"))
    assert "To production" in page
    assert json.loads(fields_of(page, "/planned")["command"])["group_only"] is True
    page = main_of(client.get("/trains?target=live"))
    assert "<b>3</b> left alone: each has no manifest for it" in page  # the environment, not the group


def test_manifests_are_shown_on_demand_and_secrets_are_hidden(client: Client) -> None:
    page = main_of(client.get("/trains?target=production"))
    assert 'class="diff"' not in page
    assert 'href="/trains?diff=true&amp;target=production"' in page
    page = main_of(client.get("/trains?target=production&diff=true"))
    assert '<span class="new">+kind: Secret</span>' in page
    assert "hunter" not in page


# Nothing, or not at all


def test_a_train_that_brings_nothing_says_so(client: Client, repository: Repository) -> None:
    repository.apply(ReleaseTrain("production"), ADA)
    page = main_of(client.get("/trains?target=production"))
    assert "This train would change nothing: 5 services are left alone" in page
    assert 'action="/run"' not in page
    with memory_repository() as empty, client_of(empty) as other:
        empty.apply(CreateEnvironment("staging", {"upstream": {"latest": True}}), ADA)
        assert "there is nothing that it could bring" in main_of(other.get("/trains?target=staging"))


REFUSED = [
    ("target=alone", 409, "has no upstream"),
    ("target=nowhere", 404, "nowhere"),
    ("group=alone", 404, "alone"),
    ("target=production&team=nobody", 404, "nobody"),
    ("target=production&lock_behavior=hope", 422, "lock_behavior"),
    ("target=%3Cb%3E", 422, "cannot be used"),
]


@pytest.mark.parametrize(("query", "status", "words"), REFUSED)
def test_a_train_that_cannot_run_says_why_in_a_sentence(
    client: Client, query: str, status: int, words: str
) -> None:
    answer = client.get(f"/trains?{query}")
    assert answer.status_code == status
    alert = answer.text.partition('role="alert"')[2].partition("</div>")[0]
    assert words in alert
    assert 'href="/trains"' in answer.text.partition("<main")[2]


def test_no_train_runs_in_the_past(client: Client, repository: Repository) -> None:
    then = repository.store.head().commit
    page = main_of(client.get(f"/trains?at={then}"))
    assert "production" in page
    assert "<button" not in page
    assert client.get(f"/trains?target=production&at={then}").status_code == 409


# Run it


def test_exactly_what_was_shown_is_run_and_leads_to_the_environment(
    client: Client, repository: Repository
) -> None:
    answer = client.post("/run", data=fields_of(main_of(client.get("/trains?target=production")), "/run"))
    commit = repository.store.head().commit
    assert (answer.status_code, answer.headers["location"]) == (303, f"/environments/production?done={commit}")
    state = repository.state()
    assert [state.placement("production", it).version for it in ("cart", "mail", "pay")] == [3, None, 1]
    assert state.placement("production", "mail").queued == 1
    assert "Run the release train to production" in client.get(answer.headers["location"]).text


def test_a_plan_is_refused_with_what_has_changed_if_the_state_has_moved(
    client: Client, repository: Repository
) -> None:
    fields = fields_of(main_of(client.get("/trains?target=production")), "/run")
    repository.apply(CreateLock(Target("production"), "frost", "Cold"), ADA)
    answer = client.post("/run", data=fields)
    assert answer.status_code == 409
    assert "cart on production" in answer.text
    assert 'href="/trains?target=production"' in answer.text
    assert repository.state().placement("production", "cart").version == 1


def test_a_train_is_added_to_the_planned_actions(client: Client) -> None:
    fields = fields_of(main_of(client.get("/trains?target=production&team=post")), "/planned")
    answer = client.post("/planned", data=fields)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].partition(";")[0]
    page = client.get("/planned", headers={"Cookie": cookie}).text
    assert "Run the release train to production for team post" in page


def test_somebody_sees_of_a_train_what_they_may_see(repository: Repository) -> None:
    sight = view(parse("p, role:r, View, *:*, cart, allow\np, role:r, View, *:*, tea, allow\n"), ["r"], "Eve")
    assert isinstance(sight, Sight)
    with client_of(repository, caller=Caller(SOMEBODY, view=sight)) as client:
        page = main_of(client.get("/trains?target=production&diff=true"))
    assert names_of(page) == ["cart", "tea"]
    assert "And 2 changes that you may not look at." in page
    assert "No letters" not in page
    assert 'class="diff"' not in page


# Many


def test_a_long_train_comes_in_pages_and_runs_whole(
    monkeypatch: pytest.MonkeyPatch, client: Client, repository: Repository
) -> None:
    monkeypatch.setattr(trains, "PER_PAGE", 3)
    monkeypatch.setattr(trains, "WITH_MANIFESTS", 3)
    assert names_of(main_of(client.get("/trains?target=production"))) == ["cart", "mail", "pay"]
    page = main_of(client.get("/trains?target=production&page=2&diff=true"))
    assert names_of(page) == ["tea"]
    assert page.count('class="diff"') == 1
    assert 'rel="prev" href="/trains?page=1&amp;target=production&amp;diff=true"' in page
    assert client.post("/run", data=fields_of(page, "/run")).status_code == 303
    assert repository.state().placement("production", "cart").version == 3


def test_a_train_of_hundreds_is_shown_in_pages_and_runs_whole() -> None:
    with memory_repository() as repository, client_of(repository) as client:
        small_world(repository)
        repository.apply_all([Asked(CreateRelease(f"a-{it:03}", manifests("a", 1), 1), ADA) for it in range(299)])
        page = main_of(client.get("/trains?target=production"))
        assert len(names_of(page)) == trains.PER_PAGE
        assert "300 deployed" in page
        assert "Page 1 of 2" in page
        assert client.post("/run", data=fields_of(page, "/run")).status_code == 303
        assert repository.state().placement("production", "a-298").version == 1
