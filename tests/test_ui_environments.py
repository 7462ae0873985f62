"""Pages of environments: the list, one of them, two of them side by side."""

import html
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
    Repository,
    Target,
    UpdateSettings,
    memory_repository,
)
from kuberpult_core.access import Sight, parse, view
from kuberpult_core.service import Asked
from kuberpult_http.desk import Caller
from kuberpult_http.ui import comparing, environments
from tests.support import SOMEBODY
from tests.web import SECRET, Client, client_of, manifests, small_world

ADA = Actor("Ada", "ada@example.com")
HOSTILE = "<script>alert(1)</script>"
ARGOCD = {
    "destination": {"server": "https://cluster.example.com", "namespace": "shop"},
    "syncWindows": [{"schedule": "0 8 * * 1-5", "duration": "10h", "kind": "allow", "applications": ["c*"]}],
    "accessList": [{"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}],
    "ignoreDifferences": [{"kind": "Deployment", "group": "apps", "jsonPointers": ["/spec/replicas"]}],
    "applicationAnnotations": {"example.com/owner": HOSTILE},
    "syncOptions": ["ApplyOutOfSyncOnly=true"],
}


def world(repository: Repository) -> Repository:
    """Cart 3 is on staging, and 1 on production, where 2 waits behind a lock; mail is on both."""
    small_world(repository)
    commands: list[Command] = [
        UpdateSettings({"url": "https://git.example.com/manifests.git"}),
        CreateEnvironment("alone", {"argocd": ARGOCD}),
        Deploy("production", "cart", 1),
        CreateLock(Target("production"), "frost", f"Cold {HOSTILE}\nuntil Monday", link="javascript:alert(1)"),
        CreateRelease("cart", manifests("cart", 2), 2, display_version="<b>2</b>"),
        Deploy("production", "cart", 2),
        CreateRelease("cart", {**manifests("cart", 3), "staging": SECRET.format(3)}, 3, display_version="v3.0"),
        CreateRelease("mail", manifests("mail", 1), 1, team="post"),
        Deploy("production", "mail", 1, "ignore"),
        CreateLock(Target("production", application="mail"), "stamps", "None left"),
        CreateLock(Target("production", team="post"), "strike", "No letters", link="https://example.com/?a=b&c=d"),
    ]
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


def seen_by(*lines: str) -> Caller:
    """Somebody who may look at certain things: ``GROUP:ENV, APP``."""
    policy = "".join(f"p, role:r, View, {line}, allow\n" for line in lines)
    found = view(parse(policy), ["r"], "Eve")
    assert isinstance(found, Sight)
    return Caller(SOMEBODY, view=found)


def main_of(answer: httpx.Response) -> str:
    """What the page itself says, without the frame around it."""
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<main")[2].partition("</main>")[0]


def rows_of(page: str) -> list[str]:
    return page.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr")[1:]


# All of them


def test_the_list_says_of_each_environment_what_people_look_for(client: Client) -> None:
    page = main_of(client.get("/environments"))
    assert page.index("Group early") < page.index("Group live") < page.index("Without a group")
    production = page.partition('data-live-id="production"')[2].partition("</tr>")[0]
    assert '<a href="/environments/staging">staging</a>' in production
    assert "1 waiting" in production
    assert "2 locks" in production
    assert "the newest releases" in page
    assert 'href="/trains?target=production"' in page
    assert 'href="/trains?group=live"' in page
    assert 'href="/trains?target=alone"' not in page


def test_a_list_without_environments_says_so() -> None:
    with memory_repository() as repository, client_of(repository) as client:
        assert "There is no environment yet." in main_of(client.get("/environments"))


def test_the_list_shows_only_what_may_be_seen(repository: Repository) -> None:
    with client_of(repository, caller=seen_by("early:*, *")) as client:
        page = main_of(client.get("/environments"))
    assert "staging" in page
    assert "production" not in page


# One of them


def test_an_environment_says_what_is_there_since_when_by_whom_and_what_waits(client: Client) -> None:
    page = main_of(client.get("/environments/production"))
    cart, mail = rows_of(page)
    assert 'href="/applications/cart"' in cart
    assert '<b class="version">1</b>' in cart
    assert "<time datetime=" in cart
    assert "Ada" in cart
    assert "2 releases" in cart
    assert '→ <b class="version">&lt;b&gt;2&lt;/b&gt;</b>' in cart
    assert "post" in mail
    assert "strike" in mail
    assert 'href="/locks?env=production&amp;app=mail">stamps</a>' in mail
    assert "frost" not in mail
    assert "strike" not in cart


def test_its_locks_say_whose_they_are_why_and_what_waits_behind_them(client: Client) -> None:
    page = main_of(client.get("/environments/production"))
    frost = page.partition('data-live-id="lock/production/frost"')[2].partition("</article>")[0]
    assert html.escape(f"Cold {HOSTILE}") in frost
    assert "Ada</span>, <time" in frost
    assert "None" not in frost
    assert "None left" not in page
    assert "1 service waits behind it" in frost
    assert "kind=DeleteLock&amp;target.environment=production&amp;lock_id=frost" in frost
    strike = page.partition('data-live-id="lock/production/team/post/strike"')[2].partition("</article>")[0]
    assert "target.team=post" in strike
    assert 'href="https://example.com/?a=b&amp;c=d"' in strike
    assert "Nothing waits behind it." in strike


def test_nothing_hostile_is_more_than_text(client: Client) -> None:
    for path in ("/environments", "/environments/production", "/environments/alone"):
        page = client.get(path).text
        assert HOSTILE not in page
        assert 'href="javascript:' not in page


def test_its_config_is_told_as_people_read_it_and_as_it_is(client: Client) -> None:
    page = main_of(client.get("/environments/alone"))
    for part in ("https://cluster.example.com", "allow from <code>0 8 * * 1-5</code> for 10h, only c*"):
        assert part in page
    assert "ClusterRole" in page
    assert "<code>/spec/replicas</code>" in page
    assert "<code>example.com/owner</code>: &lt;script&gt;" in page
    assert "&#34;syncOptions&#34;: [" in page


FILTERS = [
    ("", ["cart", "mail"]),
    ("?app=ar", ["cart"]),
    ("?app=m*", ["mail"]),
    ("?team=post", ["mail"]),
    ("?show=waiting", ["cart"]),
    ("?show=behind", ["cart"]),
    ("?show=locked", ["cart", "mail"]),
]


@pytest.mark.parametrize(("query", "names"), FILTERS, ids=str)
def test_services_are_found_by_name_team_and_what_is_with_them(
    client: Client, query: str, names: list[str]
) -> None:
    rows = rows_of(main_of(client.get(f"/environments/production{query}")))
    assert [it.partition('data-live-id="')[2].partition('"')[0] for it in rows] == names


def test_where_nothing_is_there_is_a_sentence(client: Client) -> None:
    assert "No service is on alone yet." in client.get("/environments/alone").text
    assert "No service here is like that." in client.get("/environments/production?app=nothing").text


def test_its_actions_are_plans(client: Client) -> None:
    page = main_of(client.get("/environments/production"))
    assert 'href="/trains?target=production"' in page
    assert 'name="kind" value="CreateLock"' in page
    assert 'name="kind" value="DeleteEnvironment"' in page
    lock = "kind=CreateLock&target.environment=production&lock_id=xmas&message=y&expires_at=4h&on_expiry=discard"
    assert "lock/production/xmas created" in client.get(f"/plan?{lock}&target.team=&link=").text
    gone = "kind=DeleteEnvironment&environment=alone&ignore_locks=true&allow_cascade=true"
    assert "environment/alone deleted" in client.get(f"/plan?{gone}").text


def test_what_was_is_shown_without_actions(client: Client, repository: Repository) -> None:
    then = repository.store.head().commit
    repository.apply(Deploy("production", "cart", 3, "ignore"), ADA)
    page = main_of(client.get(f"/environments/production?at={then}"))
    assert '<b class="version">1</b>' in page
    assert f'href="/applications/cart?at={then}"' in page
    assert "/plan" not in page
    assert "/trains" not in page
    assert "/trains" not in main_of(client.get(f"/environments?at={then}"))


def test_somebody_sees_the_services_that_they_may_see(repository: Repository) -> None:
    with client_of(repository, caller=seen_by("live:production, mail")) as client:
        page = main_of(client.get("/environments/production"))
        assert "mail" in page
        assert "cart" not in page
        assert client.get("/environments/staging").status_code == 404


@pytest.mark.parametrize("path", ["/environments/nowhere", "/environments/nowhere/compare"])
def test_an_unknown_environment_is_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no environment &#39;nowhere&#39;." in answer.text


def test_a_name_that_no_environment_can_have_is_refused(client: Client) -> None:
    answer = client.get("/environments/%3Cscript%3E")
    assert answer.status_code == 422
    assert "<script>" not in answer.text.partition("<main")[2]


def test_many_services_come_in_pages(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(environments, "PER_PAGE", 1)
    assert "2 services, page 1 of 2" in client.get("/environments/production?show=locked").text
    page = main_of(client.get("/environments/production?page=2"))
    assert [it.partition('data-live-id="')[2].partition('"')[0] for it in rows_of(page)] == ["mail"]
    assert 'rel="prev" href="/environments/production?page=1"' in page
    assert "page 2 of 2" in client.get("/environments/production?page=99").text


# Two of them


def test_two_environments_are_compared_where_they_differ(client: Client) -> None:
    page = main_of(client.get("/environments/production/compare?with=staging"))
    (cart,) = rows_of(page)
    assert "cart" in cart
    assert "v3.0" in cart
    assert "by 2 releases" in cart
    assert "1 service at different versions: 0 newer on production, 1 newer on staging" in page
    assert 'href="/environments/staging/compare?with=production"' in page


def test_an_environment_is_compared_with_its_upstream_unless_another_is_named(client: Client) -> None:
    assert "<option selected>staging</option>" in client.get("/environments/production/compare").text


def test_what_is_the_same_is_shown_on_demand(client: Client) -> None:
    page = main_of(client.get("/environments/production/compare?with=staging&same=true"))
    assert ["mail" in it for it in rows_of(page)] == [False, True]
    assert "the same" in page
    page = main_of(client.get("/environments/production/compare?with=staging&app=mail"))
    assert "No such service is at another version." in page


def test_what_is_on_one_alone_is_said(client: Client) -> None:
    page = main_of(client.get("/environments/production/compare?with=alone"))
    assert page.count("only on production") == 2


def test_manifests_are_compared_on_demand_and_secrets_are_hidden(client: Client) -> None:
    page = main_of(client.get("/environments/production/compare?with=staging&manifests=true"))
    assert '<span class="old">-kind: ConfigMap</span>' in page
    assert "hidden" in page
    assert "hunter" not in page


def test_who_may_not_read_manifests_is_told(repository: Repository) -> None:
    with client_of(repository, caller=seen_by("*:*, *")) as client:
        answer = client.get("/environments/production/compare?with=staging&manifests=true")
        assert answer.status_code == 403
        assert client.get("/environments/production/compare?with=staging").status_code == 200


def test_an_environment_is_not_compared_with_itself_or_with_none(client: Client) -> None:
    assert "one and the same" in client.get("/environments/production/compare?with=production").text
    assert client.get("/environments/production/compare?with=nowhere").status_code == 404
    with memory_repository() as repository, client_of(repository) as other:
        repository.apply(CreateEnvironment("alone"), ADA)
        assert "There is no other environment" in other.get("/environments/alone/compare").text


def test_a_long_comparison_comes_in_pages(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(comparing, "PER_PAGE", 1)
    monkeypatch.setattr(comparing, "WITH_MANIFESTS", 1)
    for more in ("", "&manifests=true"):
        page = main_of(client.get(f"/environments/production/compare?with=staging&same=true&page=2{more}"))
        assert ["mail" in it for it in rows_of(page)] == [True]
        assert "page 2 of 2" in page


def test_hundreds_of_services_are_pages_of_two_hundred() -> None:
    with memory_repository() as repository, client_of(repository) as client:
        repository.apply(CreateEnvironment("staging", {"upstream": {"latest": True}}), ADA)
        text = {"staging": "kind: A\n"}
        repository.apply_all([Asked(CreateRelease(f"a-{it:03}", text, 1), ADA) for it in range(201)])
        page = main_of(client.get("/environments/staging?page=1"))
    assert len(rows_of(page)) == 200
    assert "201 services, page 1 of 2" in page
