"""The log as a stream, and a page for each commit: what happened and why, who did it, and taking it back."""

import html
import re
from collections.abc import Iterator

import attrs
import pytest

from kuberpult_core import (
    Actor,
    CreateRelease,
    Repository,
    UpdateEnvironment,
    UpdateSettings,
    memory_repository,
)
from kuberpult_core.access.policy import parse
from kuberpult_core.access.rights import Rights
from kuberpult_core.access.sight import Sight
from kuberpult_core.memory import MemoryStore
from kuberpult_http.desk import Caller
from tests.support import SOMEBODY, File, commit_by_hand, files_of
from tests.test_ui_locks import CALM, HOSTILE, links, page, query, run, words, world
from tests.web import SECRET, Client, client_of, small_world


@pytest.fixture
def repository() -> Iterator[Repository]:
    with world(memory_repository()) as made:
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository, CALM) as client:
        yield client


def entries(text: str) -> list[str]:
    return [
        words(it)
        for it in re.findall(
            r'<li class="entry".*?(?=<li class="entry"|<li class="older"|</ol>\s*</main>)', text, re.DOTALL
        )
    ]


def commits(repository: Repository) -> list[str]:
    return [it.commit.id for it in repository.log()]


def test_the_newest_comes_first_each_with_its_facts_and_their_causes(client: Client) -> None:
    found = entries(page(client, "/activity"))
    assert len(found) == 10
    assert found[0].startswith("Deploy mail 1 to production Commit ")
    assert "Ada just now mail on production 1 waits for lock/production/frost · asked" in found[0]
    assert "mail on staging – → 1 · the newest release goes here by itself" in found[2]


def test_facts_lead_to_what_they_are_about(client: Client) -> None:
    found = links(page(client, "/activity"))
    for it in (
        "/applications/cart#production",
        "/applications/cart/releases/2",
        "/locks?env=production&app=cart",
        "/environments/staging",
    ):
        assert it in found


def test_nothing_hostile_gets_into_the_page(client: Client) -> None:
    assert HOSTILE not in page(client, "/activity")
    assert html.escape(HOSTILE) in page(client, "/activity")


@pytest.mark.parametrize(
    ("asked", "number"),
    [("env=production", 6), ("app=mail", 2), ("author=somebody", 3), ("since=1h", 10), ("env=gone", 0)],
)
def test_filters_are_in_the_address(client: Client, asked: str, number: int) -> None:
    text = page(client, f"/activity?{asked}")
    assert len(entries(text)) == number
    assert ("Nothing like that has happened" in text) is (number == 0)


@pytest.mark.parametrize("asked", ["since=1", "env=%3Cb%3E", "before=nothing"])
def test_a_filter_that_cannot_be_is_a_sentence(client: Client, asked: str) -> None:
    text = page(client, f"/activity?{asked}", 404 if "before" in asked else 422)
    assert 'role="alert"' in text


def test_older_pages_go_on_where_the_one_before_ends(
    client: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kuberpult_http.ui.activity.PER_PAGE", 4)
    found, address = [], "/activity"
    for _ in range(3):
        text = page(client, address)
        found += re.findall(r'class="entry" data-live-id="(\w+)"', text)
        address = next((it for it in links(text) if it.startswith("/activity?before=")), "")
    assert found == commits(repository)
    assert address == ""
    older = page(client, "/activity?author=a&env=production")
    assert query(next(it for it in links(older) if "before=" in it)).keys() == {"before", "env", "author"}


def test_a_page_of_older_entries_does_not_move(client: Client, repository: Repository) -> None:
    assert 'data-live="page"' in page(client, "/activity")
    assert 'data-live="off"' in page(client, f"/activity?before={commits(repository)[0]}")


def test_much_is_folded_up_behind_how_much_it_is(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuberpult_http.ui.activity.FEW", 1)
    monkeypatch.setattr("kuberpult_http.ui.activity.MANY", 1)
    text = page(client, "/activity")
    assert "<details><summary>1 deployed, 1 release created" in text
    assert "All 3 facts" in text


def by_hand(repository: Repository, message: str) -> str:
    """Somebody's own commit, past the rules: a lock, and a file that is none of kuberpult's."""
    store = repository.store
    assert isinstance(store, MemoryStore)
    files = {**files_of(store.objects, store.head().tree), "README.md": File(b"hello")}
    commit_by_hand(repository, files)
    author = Actor("Handy <b>", "h@example.com")
    store._log[-1] = attrs.evolve(store._log[-1], message=message, author=author)
    return store._log[-1].id


def test_a_commit_by_hand_is_marked_and_its_message_shown_as_it_is(client: Client, repository: Repository) -> None:
    commit = by_hand(repository, f"Quick fix {HOSTILE}\n\nWith \u202e more.")
    (first, *_) = entries(page(client, "/activity"))
    assert first.startswith("Quick fix")
    assert "Handy <b>" in first
    assert "ago not by kuberpult" in first
    assert "1 file that kuberpult has no word for: README.md" in first
    text = page(client, f"/activity/{commit}")
    assert HOSTILE not in text
    assert "With \\u202e more." in text
    assert "Command none" in words(text)
    assert "The command behind it" not in text


def test_a_commit_has_a_page_with_its_facts_its_command_and_its_neighbours(
    client: Client, repository: Repository
) -> None:
    newest, second, third, *_ = commits(repository)
    text = page(client, f"/activity/{second}")
    assert "cart on production 2 waits for" in words(text)
    assert {f"/activity/{newest}", f"/activity/{third}", f"/?at={second}"} <= {*links(text)}
    assert "lock_behavior" not in text
    assert words(page(client, f"/activity/{second[:9]}")) == words(text)
    asked = page(client, next(it for it in links(text) if "asked=true" in it))
    assert "&#34;kind&#34;: &#34;Deploy&#34;" in asked


def test_a_commit_shows_on_demand_what_it_did_to_manifests(client: Client, repository: Repository) -> None:
    commit = commits(repository)[2]
    assert "+kind: ConfigMap" not in words(page(client, f"/activity/{commit}"))
    text = words(page(client, f"/activity/{commit}?diff=true"))
    assert "mail on staging" in text
    assert "+kind: ConfigMap" in text


def test_secrets_are_hidden_in_what_a_commit_changed() -> None:
    with small_world(memory_repository()) as repository:
        repository.apply(CreateRelease("cart", {"staging": SECRET.format(2)}, 2), SOMEBODY)
        with client_of(repository, CALM) as client:
            text = page(client, "/activity/HEAD?diff=true&asked=true")
    assert "password" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("named", ["0000000", "nothing", "%3Cb%3E", "HEAD~99", "a..b"])
def test_a_commit_that_is_not_there_is_a_sentence(client: Client, named: str) -> None:
    answer = client.get(f"/activity/{named}")
    assert answer.status_code == 404
    assert "<b>" not in answer.text


def test_undo_is_planned_first_and_leads_back(client: Client, repository: Repository) -> None:
    commit = commits(repository)[0]
    (address,) = {it for it in links(page(client, "/activity")) if "kind=Undo" in it and commit in it}
    assert query(address)["back"] == "/activity"
    form = page(client, f"/activity/{commit}").partition('class="card undo"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form))
    assert fields == {"kind": "Undo", "commit": commit, "back": f"/activity/{commit}"}
    answer = client.get("/plan", params=fields)
    assert "mail on production 1 dropped (undone)" in words(answer.text)
    assert run(client, answer.text).startswith(f"/activity/{commit}?done=")
    assert repository.state().placement("production", "mail").queued is None


def test_an_undo_that_lets_argo_cd_delete_something_has_to_be_meant(
    client: Client, repository: Repository
) -> None:
    argocd = {"destination": {"server": "https://kubernetes.default.svc"}}
    repository.apply(UpdateSettings({"url": "https://git.example.com/manifests.git"}), SOMEBODY)
    repository.apply(UpdateEnvironment("staging", {"argocd": argocd}), SOMEBODY)
    text = page(client, "/activity/HEAD")
    assert 'type="checkbox" name="allow_cascade" value="true"' in text
    address = f"/plan?kind=Undo&commit={commits(repository)[0]}"
    assert "Argo CD would delete" in page(client, address, 409)
    assert "Argo CD deletes" in words(page(client, f"{address}&allow_cascade=true"))


def test_who_may_see_one_service_sees_its_commits_and_no_others(repository: Repository) -> None:
    newest, second, *rest = commits(repository)
    policy = "p, role:some, View, *:*, mail, allow\n"
    caller = Caller(SOMEBODY, view=Sight(Rights.of(parse(policy, "policy"), ["some"], "Some")))
    with client_of(repository, CALM, caller) as client:
        stream = page(client, "/activity")
        assert "cart" not in stream.partition("<main")[2]
        assert "mail on production" in stream
        text = page(client, f"/activity/{newest}?diff=true&asked=true")
        assert "mail on production" in text
        assert "The command behind it" not in text
        assert second not in text
        assert "No manifest is different." in text
        page(client, f"/activity/{second}", 404)
        page(client, f"/activity/{second}?diff=true", 404)
        assert all("cart" not in page(client, f"/activity?before={it}").partition("<main")[2] for it in rest)


def test_who_may_see_all_but_no_manifests_is_shown_none(repository: Repository) -> None:
    commit = commits(repository)[2]
    policy = "p, role:some, View, *:*, *, allow\n"
    caller = Caller(SOMEBODY, view=Sight(Rights.of(parse(policy, "policy"), ["some"], "Some")))
    with client_of(repository, CALM, caller) as client:
        text = page(client, f"/activity/{commit}?diff=true&asked=true")
    assert "mail on staging" in text
    assert "ConfigMap" not in text
    assert "&#34;kind&#34;: &#34;CreateRelease&#34;" in text


def test_before_anything_has_happened_there_is_a_sentence() -> None:
    with memory_repository() as repository, client_of(repository, CALM) as client:
        assert "Nothing has happened yet." in words(page(client, "/activity"))
        page(client, "/activity/HEAD", 404)


def test_entries_lead_to_the_overview_as_of_then(client: Client, repository: Repository) -> None:
    commit = commits(repository)[4]
    assert f"/?at={commit}" in links(page(client, "/activity"))
    assert f"As of commit {commit[:8]}" in words(page(client, f"/?at={commit}"))
