"""The page of a release: where it is, what is in it, how it differs, and what is kept back."""

from collections.abc import Iterator

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
    memory_repository,
)
from kuberpult_core.access import parse, view
from kuberpult_http.desk import Caller
from kuberpult_http.ui import releases
from tests.pages import page, planned
from tests.support import SOMEBODY, File, commit_by_hand, files_of
from tests.web import MANIFEST, SECRET, Client, client_of, small_world

CART = "/applications/cart/releases"
HOSTILE = "<script>alert(1)</script> \u202e"


@pytest.fixture
def repository() -> Iterator[Repository]:
    """Releases 1 to 4 of cart; 2 is on staging, 1 on production, where 2 waits; 4 is for staging alone."""
    with small_world(memory_repository()) as made:
        commands: list[Command] = [
            CreateEnvironment("edge", {"upstream": {"environment": "production"}}),
            *(
                CreateRelease(
                    "cart",
                    {
                        "staging": MANIFEST.format("cart", it) + "---\n" + SECRET.format(it),
                        "production": MANIFEST.format("cart", it),
                    },
                    it, source_commit_id=f"{it:040x}", source_author=f"Ada <{it}@x>",
                    source_message=f"Change {it}\n\n{HOSTILE}", display_version=f"v{it}",
                )
                for it in (2, 3)
            ),
            CreateRelease("cart", {"staging": MANIFEST.format("cart", 4)}, 4),
            Deploy("production", "cart", 1),
            CreateLock(Target("production"), "freeze", "It is cold"),
            Deploy("production", "cart", 2),
            Deploy("staging", "cart", 2),
        ]  # fmt: skip
        for command in commands:
            made.apply(command, SOMEBODY)
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository) as opened:
        yield opened


def seen_by(*lines: str) -> Caller:
    text = "\n".join(f"p, role:r, {line}, *, allow" for line in lines)
    return Caller(Actor("Eve", "eve@example.com"), view=view(parse(text), ["r"], "Eve"))


def test_a_release_says_where_it_came_from_and_what_is_said_stays_text(client: Client) -> None:
    found = page(client, f"{CART}/2")
    assert found.status == 200
    assert "cart v2 #2" in found.text
    assert "0000000000000000000000000000000000000002" in found.text
    assert "Ada <2@x>" in found.text
    assert "Change 2 <script>alert(1)</script> \\u202e" in found.text
    assert "\u202e" not in found.source
    assert found.links["cart"] == "/applications/cart"


def test_it_says_where_it_is_and_what_it_waits_for(client: Client) -> None:
    found = page(client, f"{CART}/2")
    for words in ("there", "waits for lock/production/freeze by Somebody", "has no manifest for it"):
        assert words in found.text
    assert "not there yet, has 2" in page(client, f"{CART}/3").text
    assert "has 2, a newer release" in page(client, f"{CART}/1").text
    assert found.links["Deploy… to production"] == "/applications/cart?env=production&version=2#deploy"
    assert "Deploy… to edge" not in found.links
    assert "Deploy… to staging" not in found.links


def test_it_is_deployed_from_its_page_to_where_it_can_run_and_is_not(client: Client) -> None:
    found = page(client, f"{CART}/3")
    form = found.form("Deploy")
    assert '<option value="production">' in found.source
    plan = planned(client, form, environment="production", lock_behavior="ignore")
    assert "cart on production 1 → 3" in plan.text
    assert plan.links["Cancel"] == f"{CART}/3"
    both = planned(client, form, environment="staging", **{"lock.lock_id": "stay", "lock.message": "It works"})
    assert "lock/staging/cart/stay" in both.text
    form_of_what_is_there = page(client, f"{CART}/2").source
    assert '<select id="to" name="environment"><option value="production">' in form_of_what_is_there


def test_it_is_compared_with_the_release_before_unless_another_is_asked_for(client: Client) -> None:
    found = page(client, f"{CART}/3")
    assert "From 2 (the release before) to 3." in found.text
    assert "--- cart/2/staging" in found.text
    assert found.text.index("--- cart/2/staging") < found.text.index("--- cart/2/production")
    assert "- version: '2'" in found.text
    assert "+ version: '3'" in found.text
    other = page(client, f"{CART}/3?show=changes&other=1&env=production")
    assert "From 1 to 3." in other.text
    assert "--- cart/1/production" in other.text
    assert "cart/1/staging" not in other.text


def test_without_a_release_before_or_with_itself_there_is_nothing_to_compare(client: Client) -> None:
    assert "This is the first release" in page(client, f"{CART}/1").text
    assert "That is this release itself." in page(client, f"{CART}/3?other=3").text
    gone = page(client, f"{CART}/3?other=99")
    assert gone.status == 200
    assert "cart has no release 99." in gone.text
    assert "From 2 (the release before)" in page(client, f"{CART}/3?other=%3Cb%3E").text


def test_a_manifest_is_shown_with_its_secrets_hidden(client: Client) -> None:
    found = page(client, f"{CART}/3?show=manifests")
    assert "The manifest for staging." in found.text
    assert "version: '3'" in found.text
    assert "password: <hidden " in found.text
    assert "hunter" not in found.source
    assert "hunter" not in page(client, f"{CART}/3?other=2").source
    link = f"{CART}/3?show=manifests&env=production"
    assert f'href="{link.replace("&", "&amp;")}#content"' in found.source
    assert "The manifest for production." in page(client, link).text


def test_a_manifest_for_another_environment_is_a_sentence(client: Client) -> None:
    found = page(client, f"{CART}/4?show=manifests&env=production")
    assert found.status == 200
    assert "Release 4 of cart has no manifest for production." in found.text


def test_a_very_long_manifest_is_cut_and_all_of_it_is_a_link_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "MOST_CHARACTERS", 20)
    found = page(client, f"{CART}/3?show=manifests&env=staging")
    assert "version: '3'" not in found.text
    rest = client.get(found.links["all of it"])
    assert rest.status_code == 200
    assert "version: '3'" in rest.text
    assert "hunter" not in rest.text


def test_the_manifests_for_two_environments_are_compared(client: Client) -> None:
    found = page(client, f"{CART}/3?show=environments")
    assert "From staging to production." in found.text
    assert "--- cart/3/staging" in found.text
    assert "hunter" not in found.source
    turned = page(client, f"{CART}/3?show=environments&one=production&with=staging")
    assert "--- cart/3/production" in turned.text
    assert "are the same" in page(client, f"{CART}/1?show=environments").text
    assert "Choose two environments." in page(client, f"{CART}/3?show=environments&one=staging&with=staging").text
    assert "has a manifest for one only" in page(client, f"{CART}/4?show=environments").text
    missing = page(client, f"{CART}/4?show=environments&one=staging&with=production")
    assert missing.status == 200
    assert "Release 4 of cart has no manifest for production." in missing.text


def test_a_mark_that_takes_the_service_away_says_so_and_goes_past_locks_only(
    client: Client, repository: Repository
) -> None:
    files = files_of(repository.store.objects, repository.store.head().tree)
    commit_by_hand(repository, {**files, "applications/cart/releases/3/undeploy": File(b"")})
    found = page(client, f"{CART}/3")
    assert "This release takes the service away." in found.text
    assert found.form("Deploy")["lock_behavior"] == "ignore"
    assert "Deploy… to production" not in found.links
    assert planned(client, found.form("Deploy"), environment="production").status == 200
    assert "takes the service away" in page(client, "/applications/cart").text
    choices = page(client, "/applications/cart?env=production").source
    assert '<option value="3"' not in choices


def test_a_release_without_any_manifest_says_so(client: Client, repository: Repository) -> None:
    files = files_of(repository.store.objects, repository.store.head().tree)
    gone = "applications/cart/releases/3/environments/"
    left = {path: it for path, it in files.items() if not path.startswith(gone)}
    commit_by_hand(repository, {**left, "applications/cart/releases/3/undeploy": File(b"")})
    for part in ("changes", "manifests", "environments"):
        text = page(client, f"{CART}/3?show={part}").text
        assert "This release has no manifest: it takes the service away." in text
    found = page(client, f"{CART}/3")
    assert not [it for it in found.forms if it.get("kind") == "Deploy"]


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        (f"{CART}/99", 404, "cart has no release 99."),
        ("/applications/nope/releases/1", 404, "There is no application 'nope'"),
        (f"{CART}/x", 422, "'x' cannot be used"),
        (f"{CART}/3?show=manifests&env=No%20Name", 422, "cannot be used"),
    ],
)
def test_what_is_not_there_is_a_sentence(client: Client, address: str, status: int, words: str) -> None:
    found = page(client, address)
    assert found.status == status
    assert words in found.text


def test_an_unknown_part_is_the_first_one(client: Client) -> None:
    assert "From 2 (the release before)" in page(client, f"{CART}/3?show=nonsense").text


def test_the_past_is_shown_without_any_action(client: Client, repository: Repository) -> None:
    then = repository.snapshot()[0].commit
    repository.apply(Deploy("production", "cart", 2, "ignore"), SOMEBODY)
    found = page(client, f"{CART}/2?at={then}")
    assert "waits for lock/production/freeze" in found.text
    assert not [it for it in found.forms if "kind" in it]
    assert not [it for it in found.links.values() if "#deploy" in it]
    assert found.links["Manifests"] == f"{CART}/2?at={then}&show=manifests#content"
    assert "waits for" not in page(client, f"{CART}/2").text


def test_who_may_not_read_manifests_gets_a_sentence_and_the_rest_of_the_page(repository: Repository) -> None:
    with client_of(repository, caller=seen_by("View, *:*")) as client:
        for part in ("changes", "manifests", "environments"):
            found = page(client, f"{CART}/3?show={part}")
            assert found.status == 200
            assert "'Eve' may not ViewManifests" in found.text
            assert "Ada <3@x>" in found.text
            assert "version: '3'" not in found.text


def test_who_may_see_staging_only_sees_nothing_of_production(repository: Repository) -> None:
    caller = seen_by("View, *:staging", "ViewManifests, *:staging")
    with client_of(repository, caller=caller) as client:
        for part in ("changes", "manifests", "environments"):
            found = page(client, f"{CART}/3?show={part}")
            assert "production" not in found.source
            assert "freeze" not in found.source
        refused = page(client, f"{CART}/3?show=manifests&env=production")
        assert "Release 3 of cart has no manifest for production." in refused.text
