"""Pages for those who may see only a part: nothing of the rest is on any of them."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from kuberpult_core import (
    Batch,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    ReleaseTrain,
    SetTeam,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    holding,
)
from kuberpult_core.access import Sight
from kuberpult_core.model import LockBehavior
from tests.asking import Client
from tests.forms import Page
from tests.guarded import ADA, ADMIN, BASE, Guarded, code_of, guarded

HIDDEN = re.compile("vault|zorro|hush", re.IGNORECASE)
"""What is in everything that may not be seen: names, messages, people, manifests."""
PARTLY = """
p, role:partly, View, *:development, cart, allow
p, role:partly, View, *:staging, cart, allow
p, role:partly, DeployRelease, *:staging, cart, allow
p, role:partly, CreateLock, *:staging, cart, allow
p, role:partly, DeleteLock, *:staging, cart, allow
"""


def hide(service: Guarded) -> None:
    """Put beside what may be seen as much as may not."""
    manifest = "kind: Hush\n"
    places = ("development", "staging", "vault")
    for command in (
        CreateEnvironment("vault", {"upstream": {"environment": "staging"}, "environmentGroup": "hush"}),
        CreateRelease("zorro", dict.fromkeys(places, manifest), 7, team="hush-team", display_version="hush-7",
                      source_message="Hush it up", source_author="Zorro <zorro@hidden.example.com>"),
        CreateLock(Target("vault"), "hush-lock", "Hush"),
        CreateLock(Target("staging", team="hush-team"), "team-hush", "All who hush are away"),
        CreateLock(Target("staging", application="zorro"), "zorro-hush", "Hush"),
        Batch((SetTeam("zorro", "hush-team-2"), CreateLock(Target("staging", application="cart"), "soak", "So"))),
        CreateRelease("cart", dict.fromkeys(places, "kind: Job\nnew: true\n"), 3, source_message="Seen"),
        ReleaseTrain("staging"),
        ReleaseTrain("vault"),
        Deploy("vault", "zorro", 7),
    ):  # fmt: skip
        service.repository.apply(command, ADA)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path, ADMIN + PARTLY) as opened:
        hide(opened)
        yield opened


def partly(service: Guarded) -> Client:
    token = service.token("partly")
    service.later(2)
    return service.as_(token)


STARTS = (
    "/", "/?all=true", "/?row=zorro&row=cart", "/?show=locked", "/?show=waiting", "/environments", "/trains",
    "/locks", "/locks?all=true", "/activity", "/planned", "/applications/cart", "/applications/cart?env=staging",
    "/applications/cart/releases/3", "/environments/staging", "/environments/staging/compare",
    "/environments/staging/compare?with=development&same=true&manifests=true",
    "/plan?kind=Deploy&environment=staging&application=cart&version=1&diff=true",
    "/plan?kind=DeleteLock&target.environment=staging&target.application=cart&lock_id=soak&diff=true",
)  # fmt: skip


def followed(client: Client, most: int = 400) -> dict[str, str]:
    """Every page that can be reached from the first ones, by its address; forms are sent as they are."""
    left = [*STARTS]
    found: dict[str, str] = {}
    while left and len(found) < most:
        path = left.pop(0)
        if path in found:
            continue
        answer = client("GET", path, headers={"Accept": "text/html"})
        assert answer.status_code < 500, path
        found[path] = answer.text
        page = Page(answer.text)
        left += [it.partition("#")[0] for it in page.links.values() if it.startswith("/") and "/api" not in it]
    return found


def test_nothing_that_may_not_be_seen_is_on_any_page(service: Guarded) -> None:
    pages = followed(partly(service))
    assert len(pages) > 60
    for path, text in pages.items():
        asked = {it.lower() for it in HIDDEN.findall(path)}
        assert {it.lower() for it in HIDDEN.findall(unescape(text))} <= asked, path


EARLY = """
p, role:early, View, early:*, *, allow
p, role:early, ViewManifests, early:*, *, allow
"""


def test_manifests_of_what_has_gone_where_one_may_not_look_are_on_no_page_of_the_past(tmp_path: Path) -> None:
    with guarded(tmp_path, ADMIN + EARLY) as service:
        manifests = {"first": "kind: Open\n", "second": "kind: Hush\n"}
        for command in (
            CreateEnvironment("first", {"environmentGroup": "early"}),
            CreateEnvironment("second", {"environmentGroup": "early"}),
            CreateRelease("shop", manifests, 1),
            Batch((Deploy("first", "shop", 1), Deploy("second", "shop", 1))),
            UpdateEnvironment("second", {"environmentGroup": "late"}),
        ):
            service.repository.apply(command, ADA)
        token = service.token("early")
        service.later(2)
        page = service.as_(token)("GET", "/activity/HEAD~1?diff=true").text
        assert "kind: Open" in page
        assert "Hush" not in page
        assert "second" not in page


TRAINS = """
p, role:trains, View, *:*, cart, allow
p, role:trains, DeployReleaseTrain, *:*, *, allow
p, role:trains, DeployRelease, *:*, cart, allow
"""


@pytest.mark.parametrize("path", ["/trains?target=staging", "/plan?kind=ReleaseTrain&target=staging"])
def test_a_train_does_not_tell_what_it_leaves_alone_where_one_may_not_look(tmp_path: Path, path: str) -> None:
    with guarded(tmp_path, ADMIN + TRAINS) as service:
        hide(service)
        token = service.token("trains")
        service.later(2)
        page = service.as_(token)("GET", f"{path}&lock_behavior=fail&diff=true")
        assert page.status_code == 200
        assert "cart" in page.text
        assert not HIDDEN.findall(page.text)


def test_a_session_that_ends_before_the_button_leads_back_to_the_plan(service: Guarded) -> None:
    token = service.token("partly")
    service.later(2)
    cookie = service.cookie(token)
    plan = "/plan?kind=Deploy&environment=staging&application=cart&version=1&lock_behavior=ignore"
    headers = {"Cookie": cookie, "Accept": "text/html", "Origin": BASE, "Referer": f"{BASE}{plan}"}
    form = next(it for it in Page(service.ask("GET", plan, headers=headers).text).forms if it.action == "/run")
    before = service.repository.store.head()
    service.later(9 * 3600)
    answer = service.ask("POST", "/run", data=form.fields, headers=headers)
    assert answer.status_code == 401
    assert "That was not done" in answer.text
    assert service.repository.store.head() == before
    again = service.ask("GET", Page(answer.text).links["Sign in"], headers={"Accept": "text/html"})
    assert Page(again.text).form("Sign in").fields["next"] == plan


def test_who_signs_out_leaves_nothing_to_who_sits_there_next(service: Guarded) -> None:
    token = service.token("partly")
    service.later(2)
    headers = {"Cookie": service.cookie(token), "Origin": BASE}
    command = '{"kind":"Deploy","environment":"staging","application":"cart","version":1}'
    planned = service.ask("POST", "/planned", data={"command": command}, headers=headers).headers["Set-Cookie"]
    name = planned.partition("=")[0]
    assert name.startswith("__Host-")  # from this host alone, whatever stands beside it
    assert "Secure" in planned
    both = {**headers, "Cookie": f"{headers['Cookie']}; {planned.partition(';')[0]}"}
    assert "Deploy cart 1 to staging" in service.ask("GET", "/planned", headers=both).text
    other = both["Cookie"].replace(name, "kuberpult-planned")
    assert "Nothing is planned" in service.ask("GET", "/planned", headers={"Cookie": other}).text
    answer = service.ask("POST", "/session/end", headers=both)
    ended = [it for it in answer.headers.get_list("set-cookie") if "Max-Age=0" in it]
    assert [it.partition("=")[0] for it in ended] == ["__Host-kuberpult-session", name]
    assert answer.headers["Clear-Site-Data"] == '"cache"'


def test_a_commit_tells_its_command_only_to_who_sees_all(service: Guarded) -> None:
    lock = CreateLock(Target("staging", application="cart"), "slow", "Slowly")
    service.repository.apply(lock, ADA)
    client, admin = partly(service), service.as_(service.token())
    service.later(2)
    said, all_of_it = (it("GET", "/api/log/HEAD").json()["message"] for it in (client, admin))
    assert said.startswith("Lock staging/cart: slow\n\nlock/staging/cart/slow created")
    assert "Kuberpult-Command" not in said
    assert "Kuberpult-Command" in all_of_it


def test_who_sees_little_has_not_the_whole_log_read(service: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 30):
        service.repository.apply(SetTeam("zorro", f"team-{number}"), ADA)
    read, entry = [], Sight.entry

    def counted(self: Sight, *given: Any) -> Any:
        read.append(given)
        return entry(self, *given)

    client, head = partly(service), service.repository.store.head().commit
    monkeypatch.setattr(Sight, "entry", counted)
    monkeypatch.setattr(holding, "MOST_LOOKED_BACK", 5)
    assert client("GET", "/locks").status_code == 200
    assert len(read) <= 5
    assert "Done:" not in client("GET", f"/?done={head}").text
    assert len(read) <= 6


CONFIGURES = """
p, role:configures, View, *:staging, cart, allow
p, role:configures, CreateEnvironment, *:staging, *, allow
"""


def test_who_may_not_delete_what_runs_is_not_told_what_would_go(tmp_path: Path) -> None:
    with guarded(tmp_path, ADMIN + CONFIGURES) as service:
        hide(service)
        argocd = {"destination": {"server": "https://cluster.example.com"}}
        for command in (
            UpdateSettings({"url": "https://git.example.com/manifests.git"}),
            UpdateEnvironment("staging", {"argocd": argocd}),
            Deploy("staging", "zorro", 7, LockBehavior.IGNORE),
        ):
            service.repository.apply(command, ADA)
        configures, admin = service.token("configures"), service.token()
        service.later(2)
        path = "/api/plan"
        asked = {"kind": "UpdateEnvironment", "environment": "staging", "patch": {"argocd": None}}
        answer = service.as_(configures)("POST", path, json=asked)
        assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
        assert not HIDDEN.findall(answer.text)
        answer = service.as_(admin)("POST", path, json=asked)
        assert (answer.status_code, code_of(answer)) == (409, "cascade")
        assert "zorro" in answer.text
