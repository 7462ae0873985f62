"""rules.md 4: release trains."""

from itertools import permutations

import pytest

from kuberpult_core import (
    CreateLock,
    Deploy,
    LockBehavior,
    ReleaseTrain,
    SetTeam,
    UpdateEnvironment,
)
from kuberpult_core.changes import Change, Link, Remove, written
from kuberpult_core.decision import GoesBackwards, Skip, SkipReason
from kuberpult_core.errors import NoUpstream, UnknownEnvironment, UnknownTeam, UnknownUpstream
from kuberpult_core.events import Cause, Deployed, Queued
from kuberpult_core.model import Broken
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from tests.rules import (
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
    text_of,
    unlock,
    warned,
)

BOTH = ("dev", "staging")
DEV, STAGING, CART = EnvironmentName("dev"), EnvironmentName("staging"), ApplicationName("cart")
LINE = [environment("dev"), environment("staging", upstream="dev")]


def line(upstream: int | None, current: int | None = None, queued: int | None = None) -> World:
    """cart (of team sre) with three releases; staging follows dev."""
    world = given(LINE, releases("cart", 3, *BOTH, team="sre"))
    world.by_hand(*placed("dev", "cart", upstream), *placed("staging", "cart", current, queued))
    return world


def config(world: World, name: str, text: str) -> None:
    """Write an environment's config by hand."""
    world.by_hand(written(f"environments/{name}/config.json", text))


# What a train does with one application


@pytest.mark.parametrize("behavior", LockBehavior)
@pytest.mark.parametrize(
    ("current", "queued"), [(None, None), (1, None), (3, None), (1, 3), (1, 2), (None, 1), (2, 3)]
)
def test_without_locks_a_train_makes_the_target_equal_to_its_upstream(
    current: int | None, queued: int | None, behavior: LockBehavior
) -> None:
    world = line(2, current, queued)
    decision = world.when(ReleaseTrain("staging", lock_behavior=behavior))
    assert world.at("staging") == (2, None)
    assert world.manifest("staging") == text_of("cart", 2, "staging")
    assert kinds(decision) == (["QueueEmptied"] if current == 2 else ["Deployed"])
    assert decision.skips == ()


def test_a_trains_deployment_says_that_it_came_by_train() -> None:
    decision = line(2, 1).when(ReleaseTrain("staging"))
    assert decision.events == (Deployed(STAGING, CART, Version(2), Version(1), Cause.TRAIN),)


def test_a_train_queues_unless_it_says_otherwise() -> None:
    assert ReleaseTrain("staging").lock_behavior is LockBehavior.QUEUE


LOCKS = {
    "environment": lock("staging"),
    "application": lock("staging", application="cart"),
    "team": lock("staging", team="sre"),
}


@pytest.mark.parametrize("on", LOCKS)
@pytest.mark.parametrize(("current", "queued"), [(None, None), (1, None), (1, 3), (2, 3), (3, None)])
def test_a_lock_of_any_kind_queues_what_the_train_brings(on: str, current: int | None, queued: int | None) -> None:
    world = line(2, current, queued)
    world.when(LOCKS[on])
    (fact,) = world.when(ReleaseTrain("staging")).events
    assert isinstance(fact, Queued)
    assert (fact.version, fact.replaced) == (2, queued)
    assert world.at("staging") == (current, 2)


@pytest.mark.parametrize("on", LOCKS)
@pytest.mark.parametrize(("current", "queued"), [(None, None), (1, None), (1, 3), (1, 2), (2, 3)])
def test_a_train_that_ignores_locks_goes_through_them_and_warns(
    on: str, current: int | None, queued: int | None
) -> None:
    world = line(2, current, queued)
    world.when(LOCKS[on])
    decision = world.when(ReleaseTrain("staging", lock_behavior="ignore"))
    assert world.at("staging") == (2, None)
    assert warned(decision) == ["ignores_locks"]


@pytest.mark.parametrize("on", LOCKS)
def test_a_train_that_fails_at_locks_skips_with_the_locks_and_takes_the_rest(on: str) -> None:
    world = line(2, 1)
    world.when(LOCKS[on], release("other", 1, *BOTH), deploys("other", 1, "dev"))
    decision = world.when(ReleaseTrain("staging", lock_behavior="fail"))
    free = on != "environment"
    assert skipped(decision) == {"staging/cart": "locked"} | ({} if free else {"staging/other": "locked"})
    assert [it.lock_id for it in decision.skips[0].locks] == ["freeze"]
    assert (world.at("staging"), world.at("staging", "other")) == ((1, None), (1 if free else None, None))


# The reasons to skip, and their order


@pytest.mark.parametrize("behavior", LockBehavior)
@pytest.mark.parametrize("queued", [None, 2], ids=["nothing queued", "nothing else queued"])
@pytest.mark.parametrize("locked", [False, True])
def test_what_is_there_with_nothing_else_queued_is_skipped_as_already_there(
    behavior: LockBehavior, queued: int | None, locked: bool
) -> None:
    world = line(2, 2, queued)
    if locked:
        world.when(lock("staging"))
    decision = world.when(ReleaseTrain("staging", lock_behavior=behavior))
    assert decision.is_nothing
    assert decision.skips == (Skip(SkipReason.ALREADY_THERE, STAGING, CART, Version(2)),)


@pytest.mark.parametrize("behavior", [LockBehavior.QUEUE, LockBehavior.FAIL])
def test_what_waits_behind_locks_is_skipped_as_already_queued_with_the_locks(behavior: LockBehavior) -> None:
    world = line(2, 1, 2)
    world.when(lock("staging"))
    decision = world.when(ReleaseTrain("staging", lock_behavior=behavior))
    assert decision.is_nothing
    (skip,) = decision.skips
    assert (skip.reason, skip.version) == ("already_queued", 2)


@pytest.mark.parametrize("behavior", LockBehavior)
@pytest.mark.parametrize("locked", [False, True])
def test_what_has_no_manifest_for_the_target_is_skipped_as_no_manifest(
    behavior: LockBehavior, locked: bool
) -> None:
    world = given(LINE, release("cart", 1, "dev"), deploys("cart", 1, "dev"))
    if locked:
        world.when(lock("staging"))
    decision = world.when(ReleaseTrain("staging", lock_behavior=behavior))
    assert decision.is_nothing
    assert decision.skips == (Skip(SkipReason.NO_MANIFEST, STAGING, CART, Version(1)),)


def without_manifest(current: int | None, queued: int | None) -> World:
    """dev has release 4, which has no manifest for staging, and staging is as given, and locked."""
    world = line(None)
    world.when(release("cart", 4, "dev"), lock("staging"))
    world.by_hand(*placed("dev", "cart", 4), *placed("staging", "cart", current, queued))
    return world


@pytest.mark.parametrize(
    ("current", "queued", "reason"),
    [
        pytest.param(4, None, "already_there", id="there comes before no manifest"),
        pytest.param(1, 4, "already_queued", id="queued comes before no manifest"),
        pytest.param(1, None, "no_manifest", id="no manifest comes before locked"),
        pytest.param(4, 1, "no_manifest", id="there with another one queued is not there"),
    ],
)
def test_the_first_reason_that_fits_is_given(current: int | None, queued: int | None, reason: str) -> None:
    world = without_manifest(current, queued)
    decision = world.when(ReleaseTrain("staging", lock_behavior="fail"))
    assert skipped(decision) == {"staging/cart": reason}


def test_already_queued_comes_before_locked() -> None:
    world = line(2, 1, 2)
    world.when(lock("staging"))
    assert skipped(world.when(ReleaseTrain("staging", lock_behavior="fail"))) == {"staging/cart": "already_queued"}


BROKEN: dict[str, list[Change]] = {
    "its release is gone": [Remove("applications/cart/releases/2")],
    "its link leads elsewhere": [Link("environments/dev/applications/cart/version", "/etc/passwd")],
    "its link is a file": [
        Remove("environments/dev/applications/cart/version"),
        written("environments/dev/applications/cart/version", "2"),
    ],
    "the application is gone": [Remove("applications/cart")],
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("behavior", LockBehavior)
def test_a_faulty_application_is_skipped_as_broken_and_never_stops_a_train(
    how: str, behavior: LockBehavior
) -> None:
    world = line(2, 1)
    for name in ("aaa", "zzz"):
        world.when(release(name, 1, *BOTH), deploys(name, 1, "dev"))
    world.by_hand(*BROKEN[how])
    decision = world.when(ReleaseTrain("staging", lock_behavior=behavior))
    assert skipped(decision) == {"staging/cart": "broken"}
    assert decision.skips[0].detail
    assert [world.at("staging", name) for name in ("aaa", "cart", "zzz")] == [(1, None), (1, None), (1, None)]


def test_a_broken_placement_on_the_target_is_replaced() -> None:
    world = line(2)
    world.by_hand(Link("environments/staging/applications/cart/version", "/etc/passwd"))
    assert isinstance(world.at("staging")[0], Broken)
    world.when(ReleaseTrain("staging"))
    assert world.at("staging") == (2, None)


def test_a_release_that_takes_the_service_away_is_never_deployed_by_a_train() -> None:
    world = line(2, 1)
    world.by_hand(written("applications/cart/releases/2/undeploy", ""))
    decision = world.when(ReleaseTrain("staging"))
    assert decision.is_nothing
    assert set(skipped(decision)) == {"staging/cart"}


def test_a_train_with_nothing_upstream_does_nothing() -> None:
    decision = line(None, 1).when(ReleaseTrain("staging"))
    assert (decision.is_nothing, decision.skips) == (True, ())


# Refusals


def test_an_unknown_target_is_refused() -> None:
    assert line(2).refuses(ReleaseTrain("nowhere"), UnknownEnvironment).environment == "nowhere"


def test_a_single_environment_without_upstream_is_refused() -> None:
    assert line(2).refuses(ReleaseTrain("dev"), NoUpstream).environment == "dev"


def test_a_single_environment_with_an_unknown_upstream_is_refused() -> None:
    world = line(2)
    config(world, "staging", '{"upstream": {"environment": "gone"}}')
    refusal = world.refuses(ReleaseTrain("staging"), UnknownUpstream)
    assert (refusal.environment, refusal.upstream) == ("staging", "gone")


def test_a_team_that_nobody_belongs_to_is_refused() -> None:
    assert line(2).refuses(ReleaseTrain("staging", "sry"), UnknownTeam).team == "sry"


# Groups


@pytest.mark.parametrize("order", list(permutations(["aa", "bb", "cc", "dd"])))
def test_nothing_rides_through_two_environments_in_one_command(order: tuple[str, ...]) -> None:
    source, *members = order
    world = given(
        environment(source),
        [
            environment(name, upstream=upstream, group="all")
            for upstream, name in zip(order, members, strict=False)
        ],
        releases("cart", 4, *order),
        [Deploy(name, "cart", 4 - index) for index, name in enumerate(order)],
    )
    decision = world.when(ReleaseTrain("all"))
    assert [world.at(name)[0] for name in order] == [4, 4, 3, 2]
    handled = [event.environment for event in decision.events if isinstance(event, Deployed)]
    assert handled == sorted(members), "members are handled in name order"


def test_a_member_that_cannot_run_is_skipped_with_its_reason_and_the_others_run() -> None:
    world = given(
        environment("dev"),
        environment("one", group="all"),
        environment("two", upstream="dev", group="all"),
        environment("zero", upstream="dev", group="all"),
        releases("cart", 1, "dev", "one", "two", "zero"),
        deploys("cart", 1, "dev"),
    )
    config(world, "zero", '{"upstream": {"environment": "gone"}, "environmentGroup": "all"}')
    decision = world.when(ReleaseTrain("all"))
    assert skipped(decision) == {"one": "no_upstream", "zero": "unknown_upstream"}
    assert [world.at(name)[0] for name in ("one", "two", "zero")] == [None, 1, None]


def test_a_member_is_handled_for_itself_locked_or_not() -> None:
    names = ("eu-1", "eu-2", "eu-3")
    world = given(
        environment("dev"),
        [environment(name, upstream="dev", group="eu") for name in names],
        release("cart", 1, "dev", *names),
        deploys("cart", 1, "dev"),
        lock("eu-2"),
    )
    world.when(ReleaseTrain("eu"))
    assert [world.at(name) for name in names] == [(1, None), (None, 1), (1, None)]


def test_a_name_means_the_environment_then_the_group() -> None:
    world = given(
        environment("dev"),
        environment("eu", upstream="dev"),
        environment("eu-1", upstream="dev", group="eu"),
        release("cart", 1, "dev", "eu", "eu-1"),
        deploys("cart", 1, "dev"),
    )
    world.when(ReleaseTrain("eu"))
    assert (world.at("eu"), world.at("eu-1")) == ((1, None), (None, None))
    world.when(ReleaseTrain("eu", group_only=True))
    assert world.at("eu-1") == (1, None)


# Upstream


def test_upstream_latest_brings_each_applications_newest_release() -> None:
    world = given(
        environment("dev"), releases("cart", 3, "dev"), releases("shop", 12, "dev"), release("only", 1, "staging")
    )
    world.when(UpdateEnvironment("dev", {"upstream": {"latest": True}}))
    decision = world.when(ReleaseTrain("dev"))
    assert (world.at("dev"), world.at("dev", "shop")) == ((3, None), (12, None))
    assert skipped(decision) == {"dev/only": "no_manifest"}


def test_the_newest_release_counts_also_when_only_an_older_one_has_a_manifest() -> None:
    world = given(environment("dev"), release("cart", 1, "dev"), release("cart", 2, "staging"))
    world.when(UpdateEnvironment("dev", {"upstream": {"latest": True}}))
    assert skipped(world.when(ReleaseTrain("dev"))) == {"dev/cart": "no_manifest"}


def test_if_both_are_given_by_somebody_else_the_environment_counts() -> None:
    world = line(1)
    config(world, "staging", '{"upstream": {"latest": true, "environment": "dev"}}')
    world.when(ReleaseTrain("staging"))
    assert world.at("staging") == (1, None)


@pytest.mark.parametrize(
    "upstream_lock", [lock("dev"), lock("dev", application="cart"), lock("dev", team="sre")], ids=list(LOCKS)
)
def test_upstreams_own_locks_and_queue_play_no_part(upstream_lock: CreateLock) -> None:
    world = line(2)
    world.when(upstream_lock, Deploy("dev", "cart", 3))
    assert world.at("dev") == (2, 3)
    world.when(ReleaseTrain("staging"))
    assert world.at("staging") == (2, None)


def test_an_application_that_only_waits_upstream_has_no_version_there() -> None:
    world = line(None)
    world.when(lock("dev"), Deploy("dev", "cart", 3))
    assert world.when(ReleaseTrain("staging")).is_nothing


def test_an_older_version_upstream_is_a_rollback_downstream_and_warned_of() -> None:
    world = line(1, 3)
    decision = world.when(ReleaseTrain("staging"))
    assert world.at("staging") == (1, None)
    assert decision.warnings == (GoesBackwards(STAGING, CART, Version(1), Version(3)),)


def test_applications_that_upstream_lacks_are_left_alone() -> None:
    world = line(2, 1)
    world.when(releases("shop", 2, "staging"), Deploy("staging", "shop", 1))
    world.when(lock("staging", application="shop"), Deploy("staging", "shop", 2))
    decision = world.when(ReleaseTrain("staging"))
    assert world.at("staging", "shop") == (1, 2)
    assert "staging/shop" not in skipped(decision)


def test_the_upstream_itself_stays_as_it_is() -> None:
    world = line(2, 1)
    world.when(ReleaseTrain("staging"))
    assert world.at("dev") == (2, None)


# Teams


def test_a_train_of_a_team_takes_only_its_applications() -> None:
    world = line(2, 1)
    for name, team in (("shop", "web"), ("tool", None)):
        world.when(release(name, 1, *BOTH, team=team), deploys(name, 1, "dev"))
    decision = world.when(ReleaseTrain("staging", "sre"))
    assert [world.at("staging", name)[0] for name in ("cart", "shop", "tool")] == [2, None, None]
    assert decision.skips == ()


def test_a_team_is_the_one_that_the_application_belongs_to_now() -> None:
    world = line(2, 1)
    world.when(SetTeam("cart", "web"), release("shop", 1, "dev", team="sre"))
    assert world.when(ReleaseTrain("staging", "sre")).is_nothing
    world.when(ReleaseTrain("staging", "web"))
    assert world.at("staging") == (2, None)


# Convergence


@pytest.mark.parametrize(
    ("current", "queued"), [(None, None), (1, None), (2, None), (3, None), (1, 3), (2, 3), (2, 1), (2, 2), (1, 2)]
)
@pytest.mark.parametrize("on", [*LOCKS, "all"])
def test_after_the_train_and_every_unlock_the_target_is_where_upstream_was(
    on: str, current: int | None, queued: int | None
) -> None:
    world = line(2, current, queued)
    kinds_of_locks = list(LOCKS) if on == "all" else [on]
    world.when([LOCKS[kind] for kind in kinds_of_locks])
    world.when(ReleaseTrain("staging"))
    world.when(Deploy("dev", "cart", 3), release("cart", 4, *BOTH))
    targets = {"environment": {}, "application": {"application": "cart"}, "team": {"team": "sre"}}
    world.when([unlock("staging", **targets[kind]) for kind in kinds_of_locks])
    assert world.at("staging") == (2, None)


# rules.md 8: where this differs from the Go tool


def test_a_train_onto_a_locked_environment_queues() -> None:
    world = line(2, 1)
    world.when(lock("staging"), ReleaseTrain("staging"))
    assert world.at("staging") == (1, 2)


def test_a_train_queues_again_what_is_there_while_another_version_waits() -> None:
    world = line(2, 2, 3)
    world.when(lock("staging"))
    assert kinds(world.when(ReleaseTrain("staging"))) == ["Queued"]
    assert world.at("staging") == (2, 2)
