"""rules.md 5: CreateRelease."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from kuberpult_core import CreateRelease, Deploy, UpdateEnvironment, UpdateSettings
from kuberpult_core.changes import Remove, written
from kuberpult_core.errors import (
    InvalidCommand,
    InvalidManifest,
    InvalidName,
    ReleaseExistsDifferent,
    ReleaseTooOld,
)
from kuberpult_core.events import Cause, Deployed, ReleaseCreated
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from tests.rules import (
    ADA,
    NOON,
    deploys,
    environment,
    given,
    kinds,
    lock,
    release,
    releases,
    skipped,
    text_of,
)

DEV, CART = EnvironmentName("dev"), ApplicationName("cart")
LAST = 2**53 - 1


def next_release(*environments: str, application: str = "cart", **more: Any) -> CreateRelease:
    """A release that takes the next version."""
    return CreateRelease(application, dict.fromkeys(environments or ("dev",), "a: b\n"), **more)


# Numbers


def test_versions_start_at_1_and_the_next_is_the_highest_plus_1() -> None:
    world = given()
    world.when(next_release(), next_release(), next_release())
    assert world.releases() == [1, 2, 3]


def test_the_next_version_follows_the_highest_existing_gaps_or_not() -> None:
    world = given(release("cart", 7, "dev"), release("cart", 3, "dev"))
    world.when(next_release())
    assert world.releases() == [3, 7, 8]


def test_each_application_counts_for_itself() -> None:
    world = given(releases("cart", 3, "dev"))
    world.when(next_release(application="shop"))
    assert world.releases("shop") == [1]


def test_versions_go_on_after_a_cleanup() -> None:
    world = given(environment("dev", latest=True), releases("cart", 4, "dev"))
    world.when(UpdateSettings({"keepReleases": 0}), next_release())
    assert world.releases() == [5]
    world.when(next_release())
    assert world.releases() == [6]


@pytest.mark.parametrize("version", [0, -1, 2**53, 2**64])
def test_a_version_is_from_1_to_below_2_to_the_53rd(version: int) -> None:
    with pytest.raises(InvalidName, match="version"):
        release("cart", version, "dev")


def test_the_highest_version_is_stored_and_nothing_comes_after_it() -> None:
    world = given(release("cart", LAST, "dev"))
    assert world.releases() == [LAST]
    assert world.refuses(next_release(), InvalidName).what == "version"


@pytest.mark.parametrize("version", [True, 1.0, "1"])
def test_a_version_is_a_whole_number(version: Any) -> None:
    with pytest.raises(InvalidName):
        release("cart", version, "dev")


# Manifests


@pytest.mark.parametrize(
    "content",
    [
        b"a: b",
        b"a: b\n\n\n",
        b"a: b\r\nc: d\r\n",
        b"\xef\xbb\xbfa: b\n",
        b"# comment\n---\na: b\n---\n\n---\nc: \xc3\xbc\n...\n",
        b'{"a": "b"}',
        b"a:   'b'   # spaces stay\n",
    ],
)
def test_manifests_are_kept_byte_for_byte(content: bytes) -> None:
    world = given(environment("dev", latest=True))
    world.when(CreateRelease("cart", {"dev": content}))
    there = world.state.release(CART, Version(1))
    assert there is not None
    assert world.state.read_manifest(there.manifests[DEV]) == content
    assert world.manifest("dev") == content.decode()


def test_a_release_needs_a_manifest_for_at_least_one_environment() -> None:
    with pytest.raises(InvalidManifest):
        CreateRelease("cart", {})


def test_the_environment_need_not_exist_yet() -> None:
    world = given(release("cart", 1, "later"))
    world.when(environment("later"), Deploy("later", "cart", 1))
    assert world.manifest("later") == text_of("cart", 1, "later")


def test_a_bad_manifest_is_refused_with_its_environment() -> None:
    with pytest.raises(InvalidManifest) as refusal:
        CreateRelease("cart", {"dev": "a: b\n", "staging": "- a\n"})
    assert refusal.value.environment == "staging"


def test_where_a_release_came_from_is_kept() -> None:
    world = given()
    command = next_release(
        source_commit_id="0123abcd",
        source_author="Ada <ada@example.com>",
        source_message="Fix the cart\n\nIt forgot things.",
        display_version="v1.2.3",
    )
    world.when(command, by=ADA, at=NOON + timedelta(hours=1))
    there = world.state.release(CART, Version(1))
    assert there is not None
    assert (there.origin.commit_id, there.origin.author) == ("0123abcd", "Ada <ada@example.com>")
    assert there.origin.message == "Fix the cart\n\nIt forgot things."
    assert (there.origin.display_version, there.origin.created_at) == ("v1.2.3", NOON + timedelta(hours=1))


def test_what_is_not_given_leaves_no_file() -> None:
    world = given()
    world.when(next_release())
    folder = "applications/cart/releases/1/"
    assert {path.removeprefix(folder) for path in world.files() if path.startswith(folder)} == {
        "created_at",
        "environments/dev/manifests.yaml",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_version", "x" * 16),
        ("display_version", "two\nlines"),
        ("source_commit_id", "two\nlines"),
        ("source_author", "a\x1bb"),
        ("source_message", "nul\0"),
        ("source_message", "x" * 100_001),
        ("source_author", 7),
    ],
)
def test_what_goes_with_a_release_is_bounded_text(field: str, value: Any) -> None:
    with pytest.raises(InvalidCommand, match=field):
        next_release(**{field: value})


def test_a_display_version_has_up_to_15_characters() -> None:
    assert next_release(display_version="x" * 15).display_version == "x" * 15


# An explicit version again

FULL = CreateRelease(
    "cart",
    {"dev": "a: 1\nb: 2\n", "staging": "c: 3\n"},
    5,
    source_commit_id="0123abcd",
    source_author="Ada",
    source_message="Fix it",
    display_version="v5",
)
SAME = {
    "the same bytes": FULL,
    "the same YAML": attrs.evolve(FULL, manifests={"dev": "# as JSON\n{'b': 2, \"a\": 1}\n", "staging": "c: 3"}),
    "a line break at the message's end": attrs.evolve(FULL, source_message="Fix it\n"),
}
DIFFERENT = {
    "manifest": (attrs.evolve(FULL, manifests={"dev": "a: 1\nb: 3\n", "staging": "c: 3\n"}), "dev"),
    "type of a value": (attrs.evolve(FULL, manifests={"dev": "a: '1'\nb: 2\n", "staging": "c: 3\n"}), "dev"),
    "one manifest more": (
        attrs.evolve(FULL, manifests={"dev": "a: 1\nb: 2\n", "staging": "c: 3\n", "prod": "d: 4\n"}),
        "prod",
    ),
    "one manifest less": (attrs.evolve(FULL, manifests={"dev": "a: 1\nb: 2\n"}), "staging"),
    "commit": (attrs.evolve(FULL, source_commit_id="4567cdef"), "commit"),
    "no commit": (attrs.evolve(FULL, source_commit_id=None), "commit"),
    "author": (attrs.evolve(FULL, source_author="Bob"), "author"),
    "message": (attrs.evolve(FULL, source_message="Fix it again"), "message"),
    "display version": (attrs.evolve(FULL, display_version="v5.1"), "display_version"),
    "no display version": (attrs.evolve(FULL, display_version=None), "display_version"),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_content_again_is_accepted_and_does_nothing(how: str) -> None:
    decision = given(FULL).when(SAME[how])
    assert decision.is_nothing
    assert skipped(decision) == {"cart": "already_there"}


def test_the_answer_says_where_it_is_now() -> None:
    world = given(FULL, [environment("dev"), environment("staging")], deploys("cart", 5, "dev", "staging"))
    (skip,) = world.when(FULL).skips
    assert skip.version == 5
    assert "dev" in skip.detail
    assert "staging" in skip.detail
    world.when(release("cart", 6, "staging"), Deploy("staging", "cart", 6))
    (skip,) = world.when(FULL).skips
    assert "dev" in skip.detail
    assert "staging" not in skip.detail


@pytest.mark.parametrize("what", DIFFERENT)
def test_different_content_is_refused_with_the_difference(what: str) -> None:
    command, named = DIFFERENT[what]
    refusal = given(FULL).refuses(command, ReleaseExistsDifferent)
    assert (refusal.application, refusal.version) == ("cart", 5)
    assert named in refusal.difference


def test_only_the_first_difference_is_named() -> None:
    other = attrs.evolve(FULL, manifests={"dev": "x: y\n"}, source_author="Bob", source_message="No")
    assert given(FULL).refuses(other, ReleaseExistsDifferent).difference.count("dev") == 1


def test_the_same_content_with_another_team_still_does_nothing() -> None:
    assert given(FULL).when(attrs.evolve(FULL, team="sre")).is_nothing


def test_a_stored_manifest_that_is_no_yaml_equals_only_its_own_bytes() -> None:
    world = given(FULL)
    world.by_hand(written("applications/cart/releases/5/environments/dev/manifests.yaml", "{"))
    world.refuses(FULL, ReleaseExistsDifferent)


# Too old, or lower than the newest


@pytest.mark.parametrize(
    ("keep", "too_old", "just_new_enough"), [(0, 9, 11), (1, 7, 9), (2, 5, 7), (3, 3, 5), (3, 1, 9)]
)
def test_one_that_the_next_cleanup_would_delete_is_too_old(keep: int, too_old: int, just_new_enough: int) -> None:
    existing = [4, 6, 8, 10, 12]
    world = given(environment("dev"), UpdateSettings({"keepReleases": 100}))
    world.when([release("cart", version, "dev") for version in existing], Deploy("dev", "cart", 10))
    world.when(UpdateSettings({"keepReleases": keep}))
    refusal = world.refuses(release("cart", too_old, "dev"), ReleaseTooOld)
    assert (refusal.application, refusal.version) == ("cart", too_old)
    world.when(release("cart", just_new_enough, "dev"))
    assert just_new_enough in world.releases()


def test_what_is_too_old_is_seen_after_the_team_is_set() -> None:
    world = given(environment("dev"), releases("cart", 1, "dev", team="sre"), release("cart", 12, "dev"))
    world.when(Deploy("dev", "cart", 1), lock("dev", team="sre"), Deploy("dev", "cart", 12))
    world.when(UpdateSettings({"keepReleases": 0}))
    world.refuses(release("cart", 4, "dev", team="web"), ReleaseTooOld)


def test_one_lower_than_the_newest_is_stored_not_deployed() -> None:
    world = given(environment("dev", latest=True), release("cart", 5, "dev"))
    decision = world.when(release("cart", 3, "dev"))
    assert kinds(decision) == ["ReleaseCreated"]
    assert (world.releases(), world.at("dev")) == ([3, 5], (5, None))


def test_one_that_is_stored_below_may_push_the_oldest_out() -> None:
    world = given(environment("dev", latest=True), UpdateSettings({"keepReleases": 1}))
    world.when(release("cart", 3, "dev"), release("cart", 5, "dev"), release("cart", 4, "dev"))
    assert world.releases() == [4, 5]


# Automatic deployment


def test_the_newest_goes_to_each_environment_with_upstream_latest_that_it_has_a_manifest_for() -> None:
    world = given(
        [
            environment("dev", latest=True),
            environment("test", latest=True),
            environment("no-manifest", latest=True),
        ],
        [environment("staging", upstream="dev"), environment("alone")],
    )
    decision = world.when(release("cart", 1, "dev", "test", "staging", "alone"))
    assert {name: world.at(name)[0] for name in ("dev", "test", "no-manifest", "staging", "alone")} == {
        "dev": 1,
        "test": 1,
        "no-manifest": None,
        "staging": None,
        "alone": None,
    }
    deployed = [event for event in decision.events if isinstance(event, Deployed)]
    assert [event.cause for event in deployed] == [Cause.NEWEST, Cause.NEWEST]
    assert decision.skips == ()


@pytest.mark.parametrize(
    "locked", [lock("dev"), lock("dev", application="cart"), lock("dev", team="sre")], ids=["env", "app", "team"]
)
def test_the_automatic_deployment_waits_for_locks(locked: Any) -> None:
    world = given(environment("dev", latest=True), release("cart", 1, "dev", team="sre"), locked)
    assert kinds(world.when(release("cart", 2, "dev"))) == ["ReleaseCreated", "Queued"]
    assert world.at("dev") == (1, 2)


def test_an_environment_with_both_upstreams_does_not_follow_the_newest() -> None:
    world = given(environment("dev"), environment("staging", latest=True))
    world.by_hand(
        written("environments/staging/config.json", '{"upstream": {"latest": true, "environment": "dev"}}')
    )
    world.when(release("cart", 1, "dev", "staging"))
    assert world.at("staging") == (None, None)


def test_nothing_is_deployed_until_the_next_release_when_an_environment_starts_to_follow() -> None:
    world = given(environment("dev"), release("cart", 1, "dev"))
    world.when(UpdateEnvironment("dev", {"upstream": {"latest": True}}))
    assert world.at("dev") == (None, None)
    world.when(release("cart", 2, "dev"))
    assert world.at("dev") == (2, None)


def test_a_release_a_rollback_and_the_next_release_go_forward_again() -> None:
    world = given(environment("dev", latest=True), releases("cart", 3, "dev"), Deploy("dev", "cart", 1))
    decision = world.when(next_release())
    assert world.at("dev") == (4, None)
    assert decision.warnings == ()


# Team


def test_a_team_given_is_set_first() -> None:
    world = given(environment("dev", latest=True), release("shop", 1, "dev", team="sre"), lock("dev", team="sre"))
    decision = world.when(next_release(team="sre"))
    assert kinds(decision) == ["TeamSet", "ReleaseCreated", "Queued"]
    assert world.at("dev") == (None, 1)


def test_a_release_that_leaves_a_locked_team_goes_out() -> None:
    world = given(environment("dev", latest=True), release("cart", 1, "dev", team="sre"), lock("dev", team="sre"))
    world.when(next_release(team="web"))
    assert world.at("dev") == (2, None)


def test_without_a_team_given_the_application_stays_in_its_team() -> None:
    world = given(release("cart", 1, "dev", team="sre"))
    world.when(next_release())
    assert world.state.team_of(CART) == "sre"


# Long names

LONG = "a" * 40


def test_a_longer_name_than_39_characters_needs_the_setting() -> None:
    world = given()
    assert world.refuses(next_release(application=LONG), InvalidName).value == LONG
    world.when(UpdateSettings({"longNames": True}), next_release(application=LONG))
    assert world.releases(LONG) == [1]


def test_a_name_of_39_characters_is_always_allowed_and_70_is_the_most() -> None:
    given().when(next_release(application="a" * 39))
    given(UpdateSettings({"longNames": True})).when(next_release(application="a" * 70))
    with pytest.raises(InvalidName):
        next_release(application="a" * 71)


# Facts


def test_the_fact_of_a_release_names_all_that_it_is() -> None:
    (fact,) = given().when(FULL).events
    assert isinstance(fact, ReleaseCreated)
    assert fact.version == 5
    assert set(fact.manifests) == {"dev", "staging"}
    assert (fact.source_commit_id, fact.source_author) == ("0123abcd", "Ada")
    assert (fact.source_message, fact.display_version) == ("Fix it", "v5")


def test_a_version_that_was_removed_can_come_again() -> None:
    world = given(releases("cart", 3, "dev"))
    world.by_hand(Remove("applications/cart/releases/3"))
    world.when(next_release())
    assert world.releases() == [1, 2, 3]


# rules.md 8: where this differs from the Go tool


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n---\n"])
def test_an_empty_manifest_is_refused(text: str) -> None:
    with pytest.raises(InvalidManifest):
        CreateRelease("cart", {"dev": text})
