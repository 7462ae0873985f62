"""rules.md 7: teams, and taking applications away."""

import pytest

from kuberpult_core import (
    Command,
    DeleteApplication,
    Deploy,
    RemoveApplicationFromEnvironment,
    SetTeam,
)
from kuberpult_core.changes import Link
from kuberpult_core.decision import IgnoresLocks
from kuberpult_core.errors import Cascade, Locked, UnknownApplication, UnknownEnvironment
from kuberpult_core.events import ApplicationRemoved, TeamSet
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version
from tests.rules import World, deploys, environment, given, kinds, lock, placed, release, releases, warned

STAGING, CART = EnvironmentName("staging"), ApplicationName("cart")
TWO = ("production", "staging")


def shop(*, argocd: bool = False) -> World:
    """cart (of team sre) and other, both deployed to two environments."""
    world = given([environment(name, argocd=argocd) for name in TWO])
    world.when(releases("cart", 3, *TWO, team="sre"), release("other", 1, *TWO, team="web"))
    world.when(deploys("cart", 1, *TWO), deploys("other", 1, *TWO))
    return world


# SetTeam


def test_a_team_is_set_changed_and_taken_away() -> None:
    world = given(release("cart", 1, "dev"))
    assert world.when(SetTeam("cart", "sre")).events == (TeamSet(CART, TeamName("sre"), None),)
    assert world.file("applications/cart/team") == "sre"
    assert world.when(SetTeam("cart", "web")).events == (TeamSet(CART, TeamName("web"), TeamName("sre")),)
    assert world.when(SetTeam("cart", None)).events == (TeamSet(CART, None, TeamName("web")),)
    assert world.file("applications/cart/team") is None


@pytest.mark.parametrize("team", ["sre", None])
def test_the_team_that_it_has_does_nothing(team: str | None) -> None:
    assert given(release("cart", 1, "dev", team=team)).when(SetTeam("cart", team)).is_nothing


def test_an_unknown_application_has_no_team() -> None:
    world = given(environment("staging"), lock("staging", application="cart"))
    assert world.refuses(SetTeam("cart", "sre"), UnknownApplication).application == "cart"


def test_a_team_change_releases_what_only_the_old_teams_locks_held() -> None:
    world = shop()
    world.when(lock("staging", team="sre"), lock("production", team="sre"), lock("production", application="cart"))
    world.when(Deploy("staging", "cart", 2), Deploy("production", "cart", 2))
    decision = world.when(SetTeam("cart", "ops"))
    assert kinds(decision) == ["TeamSet", "Deployed"]
    assert (world.at("staging"), world.at("production")) == ((2, None), (1, 2))


def test_a_change_into_another_locked_team_releases_nothing() -> None:
    world = shop()
    world.when(lock("staging", team="sre"), lock("staging", team="web"), Deploy("staging", "cart", 2))
    assert kinds(world.when(SetTeam("cart", "web"))) == ["TeamSet"]
    assert world.at("staging") == (1, 2)


def test_what_waited_without_any_lock_before_does_not_go_out_with_a_team_change() -> None:
    world = shop()
    world.by_hand(*placed("staging", "cart", queued=2))
    assert kinds(world.when(SetTeam("cart", "web"))) == ["TeamSet"]
    assert world.at("staging") == (1, 2)


def test_a_team_change_touches_no_other_application_of_the_team() -> None:
    world = shop()
    world.when(SetTeam("other", "sre"), lock("staging", team="sre"), releases("other", 2, *TWO, team="sre")[1:])
    world.when(Deploy("staging", "other", 2), SetTeam("cart", None))
    assert world.at("staging", "other") == (1, 2)


# RemoveApplicationFromEnvironment


def test_an_application_is_taken_off_one_environment_with_all_that_it_had_there() -> None:
    world = shop()
    world.when(lock("staging", application="cart"), Deploy("staging", "cart", 2))
    decision = world.when(RemoveApplicationFromEnvironment("staging", "cart", ignore_locks=True))
    assert decision.events == (ApplicationRemoved(STAGING, CART, Version(1), Version(2)),)
    assert (world.at("staging"), world.at("production")) == ((None, None), (1, None))
    assert world.locks("staging", "cart") == {}
    assert not any(path.startswith("environments/staging/applications/cart") for path in world.files())
    assert world.releases() == [1, 2, 3]


def test_one_that_is_not_there_is_gone_already() -> None:
    world = given([environment(name) for name in TWO], release("cart", 1, "staging"))
    assert world.when(RemoveApplicationFromEnvironment("staging", "cart")).is_nothing


def test_what_is_unknown_cannot_be_removed() -> None:
    world = shop()
    world.refuses(RemoveApplicationFromEnvironment("nowhere", "cart"), UnknownEnvironment)
    world.refuses(RemoveApplicationFromEnvironment("staging", "nobody"), UnknownApplication)


def test_a_broken_placement_can_be_removed() -> None:
    world = shop()
    world.by_hand(Link("environments/staging/applications/cart/version", "/etc/passwd"))
    world.when(RemoveApplicationFromEnvironment("staging", "cart"))
    assert world.at("staging") == (None, None)


# DeleteApplication


def test_a_deleted_application_leaves_nothing_behind() -> None:
    world = given([environment(name, argocd=True) for name in TWO], release("other", 1, *TWO))
    world.when(deploys("other", 1, *TWO))
    before = world.files()
    world.when(releases("cart", 3, *TWO, team="sre"), deploys("cart", 1, *TWO))
    world.when(lock("staging", application="cart"), Deploy("staging", "cart", 2))
    decision = world.when(DeleteApplication("cart", ignore_locks=True, allow_cascade=True))
    assert kinds(decision) == ["ApplicationRemoved", "ApplicationRemoved", "ApplicationDeleted"]
    assert world.files() == before
    assert set(world.state.applications) == {"other"}


def test_an_unknown_application_cannot_be_deleted() -> None:
    world = given(environment("staging"), lock("staging", application="cart"))
    assert world.refuses(DeleteApplication("cart"), UnknownApplication).application == "cart"


def test_an_application_that_is_placed_nowhere_is_deleted_whatever_is_locked() -> None:
    world = given(environment("staging"), release("cart", 1, "staging", team="sre"))
    world.when(lock("staging"), lock("staging", team="sre"))
    decision = world.when(DeleteApplication("cart"))
    assert (kinds(decision), decision.warnings) == (["ApplicationDeleted"], ())


# Refused while a placement they touch is locked

LOCKS = {
    "environment": lock("staging"),
    "application": lock("staging", application="cart"),
    "team": lock("staging", team="sre"),
}
REMOVING: dict[str, tuple[Command, Command]] = {
    "off one environment": (
        RemoveApplicationFromEnvironment("staging", "cart"),
        RemoveApplicationFromEnvironment("staging", "cart", ignore_locks=True),
    ),
    "off all": (DeleteApplication("cart"), DeleteApplication("cart", ignore_locks=True)),
}


@pytest.mark.parametrize("how", REMOVING)
@pytest.mark.parametrize("on", LOCKS)
def test_locks_in_the_way_refuse_it_and_are_named(on: str, how: str) -> None:
    world = shop()
    world.when(LOCKS[on])
    refusal = world.refuses(REMOVING[how][0], Locked)
    assert (refusal.environment, refusal.application) == ("staging", "cart")
    assert [(it.lock_id, it.lock.message) for it in refusal.locks] == [("freeze", "wait")]


@pytest.mark.parametrize("how", REMOVING)
@pytest.mark.parametrize("on", LOCKS)
def test_with_ignore_locks_it_goes_through_and_warns(on: str, how: str) -> None:
    world = shop()
    world.when(LOCKS[on])
    (warning,) = world.when(REMOVING[how][1]).warnings
    assert isinstance(warning, IgnoresLocks)
    assert [it.lock_id for it in warning.locks] == ["freeze"]
    assert world.at("staging") == (None, None)


@pytest.mark.parametrize("how", REMOVING)
def test_a_placement_that_only_has_a_lock_is_refused_and_its_lock_goes_on_request(how: str) -> None:
    world = given(environment("staging"), release("cart", 1, "staging"), lock("staging", application="cart"))
    world.refuses(REMOVING[how][0], Locked)
    world.when(REMOVING[how][1])
    assert world.locks("staging", "cart") == {}


@pytest.mark.parametrize("elsewhere", [lock("production"), lock("staging", application="other")])
def test_locks_on_what_it_does_not_touch_are_no_reason(elsewhere: Command) -> None:
    world = shop()
    decision = world.when(elsewhere, RemoveApplicationFromEnvironment("staging", "cart"))
    assert (world.at("staging"), decision.warnings) == ((None, None), ())


def test_deleting_looks_at_the_locks_of_every_environment() -> None:
    world = shop()
    world.when(lock("production", application="cart"))
    assert world.refuses(DeleteApplication("cart"), Locked).environment == "production"
    world.when(lock("staging"))
    assert warned(world.when(DeleteApplication("cart", ignore_locks=True))) == ["ignores_locks", "ignores_locks"]


# Cascades


def test_taking_an_application_off_argo_cd_is_refused_with_what_goes() -> None:
    world = shop(argocd=True)
    assert world.refuses(RemoveApplicationFromEnvironment("staging", "cart"), Cascade).applications == (
        "staging-cart",
    )
    assert world.refuses(DeleteApplication("cart"), Cascade).applications == ("production-cart", "staging-cart")


def test_a_cascade_that_is_allowed_is_listed_and_the_rest_of_argo_cd_stays() -> None:
    world = shop(argocd=True)
    removed = world.when(RemoveApplicationFromEnvironment("staging", "cart", allow_cascade=True))
    assert removed.cascades == ("staging-cart",)
    deleted = world.when(DeleteApplication("cart", allow_cascade=True))
    assert deleted.cascades == ("production-cart",)
    for name in TWO:
        text = world.file(f"argocd/v1alpha1/{name}.yaml") or ""
        assert (f"{name}-other" in text, f"{name}-cart" in text) == (True, False)


@pytest.mark.parametrize("how", REMOVING)
def test_what_only_waits_is_not_known_to_argo_cd_and_does_not_cascade(how: str) -> None:
    world = given(environment("staging", argocd=True), release("cart", 1, "staging"))
    world.by_hand(*placed("staging", "cart", queued=1))
    assert world.when(REMOVING[how][0]).cascades == ()


# rules.md 8: where this differs from the Go tool


def test_only_an_application_with_a_version_is_rendered_for_argo_cd() -> None:
    names = ("deployed", "locked", "queued")
    world = given(environment("staging", argocd=True), [release(name, 1, "staging") for name in names])
    world.when(deploys("deployed", 1, "staging"), lock("staging", application="locked"))
    world.when(lock("staging", application="queued"), Deploy("staging", "queued", 1))
    text = world.file("argocd/v1alpha1/staging.yaml") or ""
    assert [f"staging-{name}" in text for name in names] == [True, False, False]
