"""Environment groups and teams across the commands (rules.md 1, 3 and 4)."""

import pytest

from kuberpult_core import (
    CreateLock,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    SetTeam,
    Target,
    UpdateEnvironment,
)
from kuberpult_core.errors import UnknownEnvironment, UnknownLock, UnknownTeam
from kuberpult_core.events import LockCreated, LockDeleted
from kuberpult_core.journal import recorded
from tests.rules import (
    NOON,
    World,
    deploys,
    environment,
    given,
    kinds,
    lock,
    placed,
    release,
    releases,
    skipped,
    unlock,
)

EU = ("eu-1", "eu-2")
ALL = ("dev", *EU, "us-1")


def worldwide() -> World:
    """dev, then two environments of the group eu and one of the group us; cart (sre) and shop (web)."""
    world = given(environment("dev"), [environment(name, upstream="dev", group="eu") for name in EU])
    world.when(environment("us-1", upstream="dev", group="us"))
    for name, team in (("cart", "sre"), ("shop", "web")):
        world.when(releases(name, 2, *ALL, team=team), deploys(name, 1, *ALL), Deploy("dev", name, 2))
    return world


# Locks on groups


@pytest.mark.parametrize("target", [Target("eu"), Target(group="eu")], ids=["by name", "as a group"])
def test_a_group_lock_lies_on_each_present_member_in_one_commit(target: Target) -> None:
    world = worldwide()
    commits = world.commits()
    decision = world.when(CreateLock(target, "freeze", "audit"))
    scopes = [str(event.scope) for event in decision.events if isinstance(event, LockCreated)]
    assert scopes == ["eu-1", "eu-2"]
    assert world.commits() == commits + 1
    assert [world.locks(name) for name in ALL] == [{}, {"freeze": "audit"}, {"freeze": "audit"}, {}]


def test_a_later_member_is_not_locked_and_the_output_says_so() -> None:
    world = worldwide()
    (note,) = world.when(lock("eu")).notes
    assert "eu-1, eu-2" in note
    assert note.endswith("not locked.")
    world.when(environment("eu-3", group="eu"), UpdateEnvironment("us-1", {"environmentGroup": "eu"}))
    assert (world.locks("eu-3"), world.locks("us-1")) == ({}, {})


def test_a_lock_on_one_environment_says_nothing_about_groups() -> None:
    assert worldwide().when(lock("eu-1")).notes == ()


def test_an_environment_that_leaves_the_group_keeps_its_lock() -> None:
    world = worldwide()
    world.when(lock("eu"), UpdateEnvironment("eu-1", {"environmentGroup": None}), unlock("eu"))
    assert (world.locks("eu-1"), world.locks("eu-2")) == ({"freeze": "wait"}, {})


def test_a_group_lock_lies_on_an_application_or_a_team_of_each_member() -> None:
    world = worldwide()
    world.when(lock("eu", application="cart"), lock("eu", team="web"))
    assert [world.locks(name, "cart") for name in EU] == [{"freeze": "wait"}] * 2
    assert [world.locks(name, team="web") for name in EU] == [{"freeze": "wait"}] * 2
    world.when([Deploy("eu-1", name, 2) for name in ("cart", "shop")])
    assert (world.at("eu-1", "cart"), world.at("eu-1", "shop")) == ((1, 2), (1, 2))


def test_members_that_have_the_same_lock_already_are_left_alone() -> None:
    world = worldwide()
    world.when(lock("eu-1"))
    (fact,) = world.when(lock("eu")).events
    assert isinstance(fact, LockCreated)
    assert fact.scope.environment == "eu-2"


def test_a_group_unlock_deletes_where_the_lock_lies_and_releases_each_member() -> None:
    world = worldwide()
    world.when(lock("eu"), [Deploy(name, "cart", 2) for name in EU], unlock("eu-1"))
    world.when(lock("eu-2", application="shop"), Deploy("eu-2", "shop", 2))
    decision = world.when(unlock("eu"))
    assert [str(event.scope) for event in decision.events if isinstance(event, LockDeleted)] == ["eu-2"]
    assert [world.at(name) for name in EU] == [(2, None), (2, None)]
    assert world.at("eu-2", "shop") == (1, 2)


def test_a_group_unlock_that_finds_no_lock_is_refused_or_ignored() -> None:
    world = worldwide()
    world.when(lock("us-1"))
    world.refuses(unlock("eu"), UnknownLock)
    assert world.when(unlock("eu", if_missing="ignore")).is_nothing


def test_a_group_unlock_discards_on_each_member() -> None:
    world = worldwide()
    world.when(lock("eu"), [Deploy(name, "cart", 2) for name in EU])
    world.when(DeleteLock(Target(group="eu"), "freeze", "discard"))
    assert [world.at(name) for name in EU] == [(1, None), (1, None)]


def test_a_group_lock_expires_on_each_member_by_itself() -> None:
    world = worldwide()
    world.when(lock("eu", expires_at=NOON), unlock("eu-1"))
    assert kinds(world.when(ExpireLocks(NOON))) == ["LockDeleted"]


def test_a_group_without_members_is_unknown() -> None:
    world = worldwide()
    world.refuses(CreateLock(Target(group="asia"), "freeze", "wait"), UnknownEnvironment)
    world.refuses(CreateLock(Target(group="eu-1"), "freeze", "wait"), UnknownEnvironment)


def test_a_name_means_the_environment_before_the_group() -> None:
    world = worldwide()
    world.when(environment("eu"), lock("eu"))
    assert [world.locks(name) for name in ("eu", *EU)] == [{"freeze": "wait"}, {}, {}]
    world.when(CreateLock(Target(group="eu"), "other", "wait"))
    assert [world.locks(name) for name in ("eu", *EU)] == [
        {"freeze": "wait"},
        {"other": "wait"},
        {"other": "wait"},
    ]


def test_the_log_keeps_the_group_that_was_asked_for() -> None:
    world = worldwide()
    world.when(CreateLock(Target(group="eu"), "freeze", "audit"))
    command = recorded(list(world.repository.store.log())[-1].message).command
    assert command == CreateLock(Target(group="eu"), "freeze", "audit")


# Trains of groups and teams


def test_a_train_to_a_group_reaches_its_members_only() -> None:
    world = worldwide()
    world.when(ReleaseTrain("eu"))
    assert [world.at(name)[0] for name in ALL] == [2, 2, 2, 1]


def test_a_train_to_a_group_takes_only_the_team_if_one_is_given() -> None:
    world = worldwide()
    world.when(ReleaseTrain("eu", "web"))
    assert [(world.at(name, "cart")[0], world.at(name, "shop")[0]) for name in EU] == [(1, 2), (1, 2)]


def test_a_train_queues_behind_the_locks_of_each_member() -> None:
    world = worldwide()
    world.when(lock("eu-1", team="sre"), lock("eu-2"))
    world.when(ReleaseTrain("eu"))
    assert (world.at("eu-1", "cart"), world.at("eu-1", "shop")) == ((1, 2), (2, None))
    assert (world.at("eu-2", "cart"), world.at("eu-2", "shop")) == ((1, 2), (1, 2))


def test_a_train_that_fails_at_locks_skips_on_the_locked_member_only() -> None:
    world = worldwide()
    world.when(lock("eu-1"))
    decision = world.when(ReleaseTrain("eu", "sre", "fail"))
    assert skipped(decision) == {"eu-1/cart": "locked"}
    assert (world.at("eu-1"), world.at("eu-2")) == ((1, None), (2, None))


# Team locks


def test_a_team_lock_holds_the_teams_applications_in_that_environment_only() -> None:
    world = worldwide()
    world.when(lock("eu-1", team="sre"))
    world.when([Deploy(name, application, 2) for name in EU for application in ("cart", "shop")])
    assert (world.at("eu-1", "cart"), world.at("eu-1", "shop")) == ((1, 2), (2, None))
    assert (world.at("eu-2", "cart"), world.at("eu-2", "shop")) == ((2, None), (2, None))


def test_a_team_lock_holds_whoever_joins_the_team_later() -> None:
    world = worldwide()
    world.when(lock("eu-1", team="sre"), SetTeam("shop", "sre"), Deploy("eu-1", "shop", 2))
    assert world.at("eu-1", "shop") == (1, 2)
    world.when(unlock("eu-1", team="sre"))
    assert world.at("eu-1", "shop") == (2, None)


def test_a_team_lock_stays_when_the_team_has_no_application_any_more() -> None:
    world = worldwide()
    world.when(lock("eu-1", team="sre"), SetTeam("cart", None))
    assert world.locks("eu-1", team="sre") == {"freeze": "wait"}
    world.when(SetTeam("cart", "sre"), Deploy("eu-1", "cart", 2))
    assert world.at("eu-1", "cart") == (1, 2)


def test_two_teams_are_locked_apart() -> None:
    world = worldwide()
    world.when(
        lock("eu-1", team="sre"), lock("eu-1", team="web"), [Deploy("eu-1", n, 2) for n in ("cart", "shop")]
    )
    world.when(unlock("eu-1", team="web"))
    assert (world.at("eu-1", "cart"), world.at("eu-1", "shop")) == ((1, 2), (2, None))


def test_a_team_unlock_leaves_alone_what_the_lock_never_held() -> None:
    world = worldwide()
    world.by_hand(*placed("eu-1", "shop", queued=2), *placed("eu-1", "cart", queued=2))
    world.when(lock("eu-1", team="sre"))
    assert kinds(world.when(unlock("eu-1", team="sre"))) == ["LockDeleted", "Deployed"]
    assert (world.at("eu-1", "cart"), world.at("eu-1", "shop")) == ((2, None), (1, 2))


def test_a_team_name_tells_upper_from_lower_case() -> None:
    world = worldwide()
    world.refuses(lock("eu-1", team="SRE"), UnknownTeam)
    world.when(release("tool", 1, "eu-1", team="SRE"), lock("eu-1", team="SRE"), Deploy("eu-1", "cart", 2))
    assert world.at("eu-1", "cart") == (2, None)
