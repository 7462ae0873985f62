"""Any page as of any time: marked, understandable, and nothing can be changed from there."""

import html
import re
from collections.abc import Iterator

import pytest

from kuberpult_core import Repository, memory_repository
from kuberpult_http.ui.pages import PAGES
from tests.test_ui_locks import CALM, links, page, words, world
from tests.web import Client, client_of

PARTS = {
    "app": "cart",
    "application": "cart",
    "env": "production",
    "environment": "production",
    "other": "staging",
    "commit": "HEAD",
    "version": "1",
    "old": "1",
    "new": "2",
    "group": "live",
    "team": "post",
    "target": "production",
}
"""What stands in the addresses of pages, in the world of these tests."""
OF_NOW = {"/plan", "/planned"}
"""Pages about what will be, which nobody can look at as of then."""
ADDRESSES = [path.format(**PARTS) for path, _ in PAGES if path not in OF_NOW]


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    with world(memory_repository()) as made:
        yield made


@pytest.fixture(scope="module")
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository, CALM) as client:
        yield client


def forms(text: str) -> list[str]:
    return re.findall(r"<form[^>]*>", text)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_works_as_of_then_says_so_and_offers_no_action(client: Client, address: str) -> None:
    text = page(client, f"{address}?at=HEAD")
    assert 'class="banner past"' in text
    assert "Nothing can be changed here." in text
    assert "data-past" in text
    assert [it for it in forms(text) if "post" in it.lower() or 'action="/plan' in it] == []
    assert [it for it in links(text) if it.startswith(("/plan", "/run"))] == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_link_of_a_page_of_the_past_stays_there(client: Client, address: str) -> None:
    text = page(client, f"{address}?at=HEAD~1")
    inner = text.partition("<main")[2].partition("</main>")[0]
    pages = [it for it in links(inner) if it.startswith("/")]
    assert [it for it in pages if "at=" not in it] == []
    for form in re.findall(r"<form.*?</form>", inner, re.DOTALL):
        assert 'name="at"' in form


@pytest.mark.parametrize("address", sorted(OF_NOW))
def test_what_will_be_cannot_be_planned_as_of_then(client: Client, address: str) -> None:
    text = page(client, f"{address}?kind=ReleaseTrain&target=staging&at=HEAD", 409)
    assert "What was cannot be changed." in text
    assert [it for it in forms(text) if "post" in it.lower()] == []


@pytest.mark.parametrize("address", ["/", "/locks", "/activity"])
def test_before_the_first_commit_there_was_nothing(client: Client, address: str) -> None:
    text = page(client, f"{address}?at=2001-01-01T12:30")
    assert "As of 2001-01-01 12:30 UTC, before the first commit. There was nothing yet." in words(text)
    assert "cart" not in text
    assert 'class="empty"' in text


@pytest.mark.parametrize("at", ["nonsense", "%3Cscript%3E", "2026-13-99", "HEAD~999", "a..b", "x" * 2000])
@pytest.mark.parametrize("address", ["/", "/locks", "/activity/HEAD"])
def test_a_time_that_is_none_is_a_sentence(client: Client, address: str, at: str) -> None:
    text = page(client, f"{address}?at={at}", 404)
    assert "is no state of this repository" in text
    assert "<script>" not in text


def test_the_banner_says_which_time_it_is(client: Client, repository: Repository) -> None:
    head = repository.snapshot()[0].commit or ""
    assert f"As of commit {head[:8]}, " in words(page(client, "/?at=HEAD"))
    future = words(page(client, "/?at=2999-01-01"))
    assert "As of 2999-01-01 00:00 UTC, which is yet to come: this is how it is now." in future
    then = words(page(client, "/?at=0m"))
    assert re.search(
        r"As of \d{4}-\d\d-\d\d \d\d:\d\d UTC\. This is how it was then; the last change before", then
    )


def test_the_way_back_to_now_keeps_the_filters(client: Client) -> None:
    text = page(client, "/locks?at=HEAD&env=production&app=cart")
    banner = text.partition("banner past")[2].partition("</aside>")[0]
    assert links(banner) == ["/locks?env=production&app=cart"]


def test_the_date_picker_keeps_the_filters_and_knows_the_time(client: Client) -> None:
    text = page(client, "/locks?at=2999-01-01T10:00&env=production")
    form = text.partition('class="asof"')[2].partition("</form>")[0]
    assert 'name="env" value="production"' in form
    assert 'value="2999-01-01T10:00"' in form


def test_a_lock_of_then_is_shown_as_it_was(client: Client, repository: Repository) -> None:
    commits = [it.commit.id for it in repository.log()]
    text = html.unescape(page(client, f"/locks?at={commits[5]}"))
    assert "lock/production/frost" in text
    assert "on call" not in text
    assert "Nothing waits." in words(text)
