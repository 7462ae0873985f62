"""The page of a service: what it shows, where it leads, and what it does not let out."""

import json
from collections.abc import Iterator

import pytest

from kuberpult_core import (
    Actor,
    Batch,
    Command,
    CreateLock,
    CreateRelease,
    Deploy,
    RemoveApplicationFromEnvironment,
    Repository,
    Target,
    UpdateSettings,
    memory_repository,
)
from kuberpult_core.access import parse, view
from kuberpult_http.desk import Caller
from kuberpult_http.ui.applications import MOST_LOCKS, PER_PAGE
from tests.pages import page, planned
from tests.support import SOMEBODY
from tests.web import Client, client_of, manifests, small_world

CART = "/applications/cart"
ON_PRODUCTION = f"{CART}?env=production"


@pytest.fixture
def repository() -> Iterator[Repository]:
    """Staging is at 3; production is locked at 1, where 3 waits, and was at 2."""
    with small_world(memory_repository()) as made:
        commands: list[Command] = [
            *(
                CreateRelease(
                    "cart", manifests("cart", it), it, source_commit_id=f"{it:040x}", source_author="Ada",
                    source_message=f"Change {it}\n\nBecause.", display_version=f"v{it}.0", team="shop",
                )
                for it in (2, 3)
            ),
            Deploy("production", "cart", 2),
            Deploy("production", "cart", 1),
            CreateLock(Target("production", application="cart"), "freeze", "It is cold", "https://example.com/t"),
            Deploy("production", "cart", 3),
        ]  # fmt: skip
        for command in commands:
            made.apply(command, SOMEBODY)
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository) as opened:
        yield opened


def test_a_service_shows_each_environment_with_version_upstream_locks_and_what_waits(client: Client) -> None:
    found = page(client, CART)
    assert found.status == 200
    assert {"staging", "production"} <= found.ids
    assert "Team shop" in found.text
    assert "3 releases, the newest is v3.0 #3" in found.text
    assert "same as the newest" in found.text
    assert "2 releases behind staging: v3.0 #3" in found.text
    assert "→ v3.0 #3 for 1 lock" in found.text
    assert "freeze Somebody, just now It is cold link this service" in found.text
    assert found.links["link"] == "https://example.com/t"


def test_each_release_says_where_it_came_from_and_where_it_is(client: Client) -> None:
    found = page(client, CART)
    assert found.links["v3.0 #3"] == f"{CART}/releases/3"
    assert "Change 3 00000000 by Ada" in found.text
    assert "Because." not in found.text
    rows = found.source[found.source.index('id="releases"') :]
    assert rows.index("/releases/3") < rows.index("/releases/2") < rows.index("/releases/1")
    assert "→ production waits" in found.text


def test_what_waits_can_be_cancelled_from_the_page(client: Client) -> None:
    plan = page(client, page(client, CART).links["Cancel what waits on production"])
    assert plan.status == 200
    assert "Cancel what waits for cart on production" in plan.text
    assert plan.links["Cancel"] == CART


def test_one_environment_says_why_it_is_so_and_what_was_there(client: Client) -> None:
    address = page(client, CART).links["Change… production"]
    assert address == f"{ON_PRODUCTION}#chosen"
    found = page(client, ON_PRODUCTION)
    assert "cart on production is at 1 since" in found.text
    assert "3 waits since" in found.text
    assert "Upstream staging has 3." in found.text
    before = found.text[found.text.index("FromUntil") :]
    assert before.index("here now") < before.index("v2.0")


def test_rolling_back_leads_to_the_plan_of_the_version_before_with_a_choice_of_how_to_treat_locks(
    client: Client,
) -> None:
    links = page(client, ON_PRODUCTION).links
    waits = page(client, links["Roll back to v2.0 #2 when the locks are gone"])
    assert waits.status == 200
    assert "waits" in waits.text
    now = page(client, links["Roll back now, past the locks"])
    assert "cart on production 1 → 2" in now.text
    assert now.links["Cancel"] == ON_PRODUCTION
    assert links["Deploy 2…"] == f"{CART}?env=production&version=2#deploy"
    assert '<option value="2" selected>' in page(client, links["Deploy 2…"]).source


def test_without_locks_a_roll_back_is_one_link(client: Client) -> None:
    found = page(client, f"{CART}?env=staging")
    assert "Roll back now, past the locks" not in found.links
    assert "cart on staging 3 → 2" in page(client, found.links["Roll back to v2.0 #2"]).text


def test_the_deployment_form_names_releases_and_what_locks_do_in_plain_words(client: Client) -> None:
    found = page(client, ON_PRODUCTION)
    assert "3 · v3.0 · Change 3" in found.text
    assert "It is locked Wait until the locks are gone Deploy anyway, past the locks Do nothing, and tell me" in (
        found.text
    )
    form = found.form("Deploy")
    assert planned(client, form, version="2", lock_behavior="ignore").status == 200
    refused = planned(client, form, version="2", lock_behavior="fail")
    assert refused.status == 423
    assert "freeze" in refused.text


def test_a_deployment_and_a_lock_are_one_plan(client: Client) -> None:
    form = page(client, f"{CART}?env=staging").form("Deploy")
    lock = {"lock.lock_id": "stay", "lock.message": "It works", "lock.expires_at": "4h"}
    found = planned(client, form, version="2", **lock)
    assert "cart on staging 3 → 2" in found.text
    assert "lock/staging/cart/stay" in found.text


def test_a_lock_and_the_end_of_one_are_planned_from_the_page(client: Client) -> None:
    found = page(client, ON_PRODUCTION)
    form = found.form("CreateLock")
    assert "lock/production/cart/more" in planned(client, form, lock_id="more", message="why", link="").text
    deploys = page(client, found.links["Delete and deploy what waits freeze"])
    assert "cart on production 1 → 3" in deploys.text
    drops = page(client, found.links["Delete and drop the queue freeze"])
    assert "cart on production 1 → 3" not in drops.text


def test_with_two_locks_deleting_one_does_not_promise_a_deployment(client: Client, repository: Repository) -> None:
    repository.apply(CreateLock(Target("production"), "second", "no"), SOMEBODY)
    found = page(client, ON_PRODUCTION)
    assert {"Delete freeze", "Delete second"} <= {*found.links}
    assert "all of production" in found.text


def test_taking_it_off_cleaning_up_deleting_and_the_team_are_planned_first(client: Client) -> None:
    found = page(client, ON_PRODUCTION)
    off = planned(client, found.form("RemoveApplicationFromEnvironment"), ignore_locks="true")
    assert off.status == 200
    assert off.links["Cancel"] == CART
    assert planned(client, found.form("RemoveApplicationFromEnvironment")).status == 423
    assert planned(client, found.form("Cleanup")).status == 200
    gone = planned(client, found.form("DeleteApplication"), ignore_locks="true")
    assert gone.status == 200
    assert gone.links["Cancel"] == "/"
    assert planned(client, found.form("SetTeam"), team="other").status == 200


def test_the_whole_roll_back_is_done_by_the_links_and_forms_of_the_pages(
    client: Client, repository: Repository
) -> None:
    plan = page(client, page(client, f"{CART}?env=staging").links["Roll back to v2.0 #2"])
    (form,) = (it for it in plan.forms if "plan" in it)
    done = client.post("/run", data=form, follow_redirects=False)
    assert done.status_code == 303
    assert repository.snapshot()[1].placement("staging", "cart").version == 2
    assert "Done: Deploy cart 2 to staging" in page(client, done.headers["location"]).text


def test_where_nothing_was_before_there_is_nothing_to_roll_back_to(client: Client, repository: Repository) -> None:
    repository.apply(CreateRelease("mail", manifests("mail", 1), 1), SOMEBODY)
    found = page(client, "/applications/mail?env=staging")
    assert "here now" in found.text
    assert not [it for it in found.links if "Roll back" in it]


def test_a_service_that_is_nowhere_yet_is_not_here_on_each_environment(
    client: Client, repository: Repository
) -> None:
    repository.apply(CreateRelease("mail", {"production": "kind: A\n"}, 1), SOMEBODY)
    found = page(client, "/applications/mail?env=staging")
    assert found.text.count("not here") == 2
    assert "No team" in found.text
    assert "Nothing yet, as far as the log tells." in found.text
    assert "No release has a manifest for staging." in found.text
    assert not [it for it in found.forms if it.get("kind") in ("Deploy", "RemoveApplicationFromEnvironment")]


def test_a_service_without_environments_says_so() -> None:
    with memory_repository() as empty:
        empty.apply(CreateRelease("mail", {"production": "kind: A\n"}, 1), SOMEBODY)
        with client_of(empty) as client:
            assert "There is no environment yet." in page(client, "/applications/mail").text


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/applications/nope", 404, "There is no application 'nope'"),
        (f"{CART}?env=nope", 404, "There is no environment 'nope'"),
        ("/applications/No%20Name", 422, "cannot be used"),
    ],
)
def test_what_is_not_there_is_a_sentence(client: Client, address: str, status: int, words: str) -> None:
    found = page(client, address)
    assert found.status == status
    assert words in found.text


def test_a_thousand_releases_come_in_pages(client: Client, repository: Repository) -> None:
    number = 2 * PER_PAGE + 1
    repository.apply(UpdateSettings({"keepReleases": 500}), SOMEBODY)
    new = [CreateRelease("cart", manifests("cart", it), it) for it in range(4, number + 1)]
    repository.apply(Batch(tuple(new)), SOMEBODY)
    found = page(client, CART)
    assert found.source.count('data-live-id="release ') == PER_PAGE
    assert "Page 1 of 3" in found.text
    last = page(client, f"{CART}?page=3")
    assert last.source.count('data-live-id="release ') == 1
    assert f"{CART}/releases/1" in last.links.values()
    assert page(client, f"{CART}?page=77").text == last.text.replace("page=3", "page=77")
    assert page(client, f"{CART}?page=x").text == found.text
    choices = page(client, ON_PRODUCTION)
    assert "These are the newest 50" in choices.text
    assert '<option value="1" selected>1</option>' in page(client, f"{ON_PRODUCTION}&version=1").source


def test_only_the_first_locks_are_in_the_row_and_all_of_them_with_the_environment(
    client: Client, repository: Repository
) -> None:
    locks = [CreateLock(Target("staging"), f"lock-{it}", "x" * 900) for it in range(MOST_LOCKS + 4)]
    repository.apply(Batch(tuple(locks)), SOMEBODY)
    found = page(client, CART)
    assert "and 4 more" in found.text
    assert "lock-6" not in found.text
    assert "x" * 200 not in found.text
    whole = page(client, f"{CART}?env=staging")
    assert "lock-6" in whole.text
    assert "x" * 900 in whole.text


HOSTILE = "<script>alert(1)</script> \u202e <img src=x onerror=alert(1)>"


def test_hostile_texts_stay_text(client: Client, repository: Repository) -> None:
    for command in (
        CreateRelease(
            "cart", manifests("cart", 4), 4, source_commit_id="<i>abc", source_author="<b>Eve</b>",
            source_message=HOSTILE, display_version="<u>4</u>",
        ),
        CreateLock(Target("staging"), "<b>lock", HOSTILE, suggested_lifetime="<s>1d</s>"),
    ):  # fmt: skip
        repository.apply(command, Actor("Mallory & 'Co'", "m@example.com"))
    found = page(client, f"{CART}?env=staging")
    assert not {"i", "u", "s"} & {*found.tags}
    assert found.tags.count("img") == 1  # the one of the frame
    assert "<script>alert(1)</script> \\u202e" in found.text
    assert "\u202e" not in found.source
    assert "Mallory & 'Co'" in found.text


def test_the_past_is_shown_without_any_action(client: Client, repository: Repository) -> None:
    then = repository.snapshot()[0].commit
    repository.apply(RemoveApplicationFromEnvironment("production", "cart", ignore_locks=True), SOMEBODY)
    found = page(client, f"{ON_PRODUCTION}&at={then}")
    assert "This is how it was then" in found.text
    assert "3 waits since" in found.text
    assert not [it for it in found.forms if "kind" in it]
    assert not [it for it in found.links.values() if it.startswith("/plan")]
    assert found.links["v3.0 #3"] == f"{CART}/releases/3?at={then}"
    assert "not here" in page(client, ON_PRODUCTION).text


def test_who_may_see_staging_only_sees_nothing_of_production(repository: Repository) -> None:
    lines = "p, role:r, View, *:staging, *, allow"
    caller = Caller(Actor("Eve", "eve@example.com"), view=view(parse(lines), ["r"], "Eve"))
    with client_of(repository, caller=caller) as client:
        found = page(client, CART)
        assert "staging" in found.ids
        assert "production" not in found.text
        assert "freeze" not in found.text
        assert page(client, ON_PRODUCTION).status == 404


def test_the_api_has_the_same_answers_as_the_page(client: Client) -> None:
    found = json.loads(client.get("/api/applications/cart/placements").text)
    assert [it["environment"] for it in found["environments"]] == ["staging", "production"]
    before = client.get("/api/environments/production/applications/cart/deployments?limit=2").json()
    assert [it["version"] for it in before] == [1, 2]
