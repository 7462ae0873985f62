"""The page of locks and the queue: what is held, what holds it, and what becomes of it when a lock goes."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from kuberpult_core import (
    Actor,
    CreateLock,
    CreateRelease,
    Deploy,
    Repository,
    Target,
    memory_repository,
)
from kuberpult_core.access.policy import parse
from kuberpult_core.access.rights import Rights
from kuberpult_core.access.sight import Sight
from kuberpult_core.memory import MemoryStore
from kuberpult_core.service import utc_now
from kuberpult_http.app import Options
from kuberpult_http.desk import Caller
from kuberpult_http.following import Rhythm
from tests.support import SOMEBODY, File, broken_repository
from tests.web import Client, client_of, manifests, small_world

ADA = Actor("Ada", "ada@example.com")
HOSTILE = "<script>alert(1)</script>"
CALM = Options(rhythm=Rhythm(expire=3600))
"""Nothing expires by itself meanwhile."""


def world(repository: Repository) -> Repository:
    """Cart 2 waits on production behind two locks, mail 1 behind one."""
    small_world(repository)
    for command in (
        Deploy("production", "cart", 1),
        CreateLock(
            Target("production"), "frost", f"Cold {HOSTILE}",
            link="https://example.com/1?a=b&c=d", expires_at=utc_now() + timedelta(days=2), on_expiry="discard",
        ),
        CreateLock(Target("production", application="cart"), "on call", "wait", suggested_lifetime="4h"),
        CreateRelease("cart", manifests("cart", 2), 2, display_version="v2.0"),
        CreateRelease("mail", manifests("mail", 1), 1, team="post"),
        Deploy("production", "cart", 2),
        Deploy("production", "mail", 1),
    ):  # fmt: skip
        repository.apply(command, ADA)
    return repository


@pytest.fixture
def repository() -> Iterator[Repository]:
    with world(memory_repository()) as made:
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository, CALM) as client:
        yield client


def page(client: Client, address: str = "/locks", status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    return answer.text


def words(text: str) -> str:
    """A page's text, without tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def card(text: str, name: str) -> str:
    found = re.search(rf'<li class="held[^>]*id="{re.escape(name)}".*?</div>\s*</li>', text, re.DOTALL)
    assert found, name
    return found[0]


def links(text: str) -> list[str]:
    return [html.unescape(it) for it in re.findall(r'href="([^"]*)"', text)]


def query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def test_a_lock_says_whose_it_is_why_until_when_and_what_waits_behind_it(client: Client) -> None:
    frost = card(page(client), "lock/production/frost")
    said = words(frost)
    for it in (
        "the whole environment",
        f"Cold {HOSTILE}",
        "By Ada",
        "When it expires, what waits is dropped.",
        "2 versions wait behind it",
        "cart 1 → v2.0 #2 held by 1 other lock too",
        "mail – → 1",
    ):
        assert it in said
    assert re.search("expires in (2 d|47 h)", said)
    assert "https://example.com/1?a=b&c=d" in links(frost)
    own = words(card(page(client), "lock/production/cart/on call"))
    assert "Meant to last 4h." in own
    assert "1 version waits behind it" in own
    assert "expire" not in own


def test_no_text_of_the_repository_becomes_part_of_the_page(client: Client) -> None:
    assert HOSTILE not in page(client)
    assert html.escape(HOSTILE) in page(client)


def test_the_queue_names_every_lock_that_holds_a_version(client: Client) -> None:
    queue = page(client).partition('id="queue"')[2]
    rows = [words(it).partition(" what")[0] for it in re.findall(r"<tr data-live-id.*?</tr>", queue, re.DOTALL)]
    assert rows == [
        "production cart 1 → v2.0 #2 just now lock/production/frost , lock/production/cart/on call Cancel",
        "production mail – → 1 just now lock/production/frost Cancel",
    ]


def test_cancelling_is_planned_first_and_empties_the_queue(client: Client, repository: Repository) -> None:
    cancel = next(it for it in links(page(client)) if "CancelQueued" in it and "mail" in it)
    plan = page(client, cancel)
    assert "mail on production 1 dropped" in words(plan)
    run(client, plan)
    assert repository.state().placement("production", "mail").queued is None


def run(client: Client, plan: str) -> str:
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(plan|back|again)" value="([^"]*)"', plan)
    }
    answer = client.post("/run", data=fields, headers={"Origin": "http://localhost"})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_deleting_a_lock_shows_both_ways_and_what_other_locks_still_hold(
    client: Client, repository: Repository
) -> None:
    deploy, drop = (it for it in links(card(page(client), "lock/production/frost")) if "DeleteLock" in it)
    assert query(deploy)["queued"] == "deploy"
    plan = page(client, deploy)
    assert "mail on production – → 1 (the last lock is gone)" in words(plan)
    shown = words(plan.partition('<p class="card">')[2].partition("</p>")[0])
    assert shown.startswith("frost Ada")  # whose it is, before it goes
    assert "cart on production waits for lock/production/cart/on call" in words(plan)
    choices = plan.partition('class="choices ways"')[2].partition("</nav>")[0]
    assert [query(it)["queued"] for it in links(choices)] == ["deploy", "discard"]
    assert [query(it)["back"] for it in links(choices)] == ["/locks", "/locks"]
    assert choices.count("aria-current") == 1
    dropped = page(client, links(choices)[1])
    assert "mail on production 1 dropped" in words(dropped)
    assert dropped.partition('aria-current="true">')[2].startswith("Delete and drop the queue")
    assert query(drop)["queued"] == "discard"
    assert run(client, dropped).startswith("/locks?done=")
    state = repository.state()
    assert state.placement("production", "mail").queued is None
    assert state.placement("production", "cart").queued == 2


def test_a_lock_behind_which_nothing_waits_is_just_deleted(client: Client, repository: Repository) -> None:
    repository.apply(CreateLock(Target("staging"), "soak", "soak"), ADA)
    soak = card(page(client), "lock/staging/soak")
    assert "Nothing waits behind it." in words(soak)
    (delete,) = (it for it in links(soak) if "DeleteLock" in it)
    assert "both do the same" in words(page(client, delete))


def test_other_plans_have_no_such_choice(client: Client) -> None:
    assert "choices" not in page(client, "/plan?kind=ReleaseTrain&target=staging").partition("<main")[2]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"target.environment": "staging"}, "lock/staging/new"),
        ({"target.group": "live", "target.application": "cart"}, "lock/production/cart/new"),
        ({"target.environment": "staging", "target.team": "post"}, "lock/staging/team/post/new"),
    ],
)
def test_a_lock_is_created_with_the_form(client: Client, fields: dict[str, str], name: str) -> None:
    shown = page(client).partition('id="new"')[2].partition("</form>")[0]
    given = {
        **dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', shown)), **fields,
        "lock_id": "new", "message": "because", "expires_at": "4h", "on_expiry": "discard",
    }  # fmt: skip
    assert {f'name="{it}"' for it in given} <= {f'name="{it}"' for it in re.findall(r'name="([^"]*)"', shown)}
    answer = client.get("/plan", params=given)
    assert f"{name} created" in words(answer.text)
    run(client, answer.text)
    made = words(card(page(client), name))
    assert "because" in made
    assert re.search("expires in (4|3) h", made)


def test_a_form_that_names_no_place_is_told_so(client: Client) -> None:
    answer = client.get("/plan?kind=CreateLock&lock_id=x&message=y&target.team=post&back=/locks")
    assert answer.status_code == 422
    assert "it must name either an environment or a group" in answer.text
    assert 'href="/locks"' in answer.text


@pytest.mark.parametrize(
    ("asked", "shown", "hidden"),
    [
        ("env=staging", "No lock is in the way", "frost"),
        ("app=mai", "lock/production/frost", "on call"),
        ("team=post", "lock/production/frost", "on call"),
        ("app=cart&env=production", "on call", "mail"),
    ],
)
def test_filters_are_in_the_address(client: Client, asked: str, shown: str, hidden: str) -> None:
    content = page(client, f"/locks?{asked}").partition("</form>")[2]
    assert shown in content
    assert hidden not in content


@pytest.mark.parametrize("asked", ["env=nowhere", "team=nobody", "env=%3Cb%3E"])
def test_a_filter_that_names_nothing_is_a_sentence(client: Client, asked: str) -> None:
    text = page(client, f"/locks?{asked}", 422 if "%3C" in asked else 404)
    assert 'role="alert"' in text
    assert "<b>" not in text.replace("<b>kuberpult", "")


def test_expired_locks_that_are_still_there_are_marked_and_can_be_deleted_together() -> None:
    soon = utc_now() + timedelta(hours=1)  # the service would delete what has expired already
    with Repository(MemoryStore(), clock=lambda: soon) as repository:
        world(repository)
        repository.apply(CreateLock(Target("staging"), "old", "gone by", expires_at=soon), ADA)
        with client_of(repository, CALM) as client:
            text = page(client)
    assert 'class="held overdue" id="lock/staging/old"' in text
    assert text.count('class="held overdue"') == 1
    assert "it holds until it is deleted, and then what waits is deployed" in words(text)
    assert "1 lock is past its time and still holds" in words(text)
    (address,) = (it for it in links(text) if "ExpireLocks" in it)
    assert query(address).keys() == {"kind", "now", "back"}


def test_what_has_expired_is_planned_to_be_deleted(client: Client) -> None:
    text = page(client, "/plan?kind=ExpireLocks&now=2999-01-01T00:00:00Z&back=/locks")
    assert "lock/production/frost deleted" in words(text)


def test_a_lock_of_the_go_tool_that_says_nothing_is_shown() -> None:
    files = {
        "environments/staging/config.json": File(b'{"upstream": {"latest": true}}'),
        "environments/staging/locks/old/message": File(b""),
    }
    with broken_repository(files) as repository, client_of(repository, CALM) as client:
        said = words(card(page(client), "lock/staging/old"))
    assert "No message. By somebody unknown, nobody knows when." in said


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//example.com", "https:evil"])
def test_what_is_no_web_address_is_no_link(link: str) -> None:
    files = {
        "environments/staging/config.json": File(b'{"upstream": {"latest": true}}'),
        "environments/staging/locks/old/message": File(b"x"),
        "environments/staging/locks/old/ci_link": File(link.encode()),
    }
    with broken_repository(files) as repository, client_of(repository, CALM) as client:
        text = page(client)
    assert link not in links(text)
    assert f">{link}<" in text


def test_who_may_see_one_service_sees_only_what_holds_it(repository: Repository) -> None:
    policy = "p, role:some, View, live:*, mail, allow\n"
    caller = Caller(SOMEBODY, view=Sight(Rights.of(parse(policy, "policy"), ["some"], "Some")))
    with client_of(repository, CALM, caller) as client:
        text = page(client)
        assert "lock/production/frost" in text
        assert "mail" in text
        assert "cart" not in text
        assert "staging" not in text


def test_without_locks_there_is_a_sentence() -> None:
    with memory_repository() as repository, client_of(repository, CALM) as client:
        text = words(page(client))
    assert "Nothing is locked." in text
    assert "Nothing waits." in text


def test_a_thousand_locks_are_shown_at_once_and_more_on_demand(
    client: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kuberpult_http.ui.locks.MOST", 2)
    for number in range(3):
        repository.apply(CreateLock(Target("staging"), f"soak-{number}", "soak"), ADA)
    assert page(client).count('class="held"') == 2
    assert "All 5 locks" in page(client)
    assert page(client, "/locks?all=true").count('class="held"') == 5
