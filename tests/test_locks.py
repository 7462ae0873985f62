"""rules.md 3: locks, and what happens when the last one goes."""

from datetime import timedelta

import attrs
import pytest

from kuberpult_core import (
    Batch,
    CancelQueued,
    Command,
    CreateLock,
    Deploy,
    ExpireLocks,
    IfMissing,
    OnUnlock,
    SetTeam,
    Target,
)
from kuberpult_core.changes import Change, Link, Remove, written
from kuberpult_core.decision import ReplacesLock
from kuberpult_core.errors import InvalidCommand, UnknownApplication, UnknownEnvironment, UnknownLock, UnknownTeam
from kuberpult_core.events import Deployed, LockCreated, LockDeleted, QueueEmptied
from kuberpult_core.model import Broken, Lock, LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from tests.rules import (
    ADA,
    BOB,
    NOON,
    World,
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

STAGING, CART, SRE = EnvironmentName("staging"), ApplicationName("cart"), TeamName("sre")
LATER = NOON + timedelta(hours=1)
ON = {
    "environment": {},
    "application": {"application": "cart"},
    "team": {"team": "sre"},
}
SCOPES = {
    "environment": LockScope(STAGING),
    "application": LockScope(STAGING, application=CART),
    "team": LockScope(STAGING, team=SRE),
}


def shop(current: int | None = 1, queued: int | None = None) -> World:
    """cart (of team sre) with three releases, placed on staging as given."""
    world = given(environment("staging"), releases("cart", 3, "staging", team="sre"))
    world.by_hand(*placed("staging", "cart", current, queued))
    return world


# CreateLock


@pytest.mark.parametrize("on", ON)
def test_a_lock_lies_on_its_target_and_nowhere_else(on: str) -> None:
    world = shop()
    decision = world.when(lock("staging", "freeze", "audit", **ON[on]))
    assert decision.events == (LockCreated(SCOPES[on], LockId("freeze"), Lock("audit")),)
    found = {
        "environment": world.locks("staging"),
        "application": world.locks("staging", "cart"),
        "team": world.locks("staging", team="sre"),
    }
    assert found == {kind: {"freeze": "audit"} if kind == on else {} for kind in ON}
    assert world.at("staging") == (1, None), "a lock changes nothing that is in place"


@pytest.mark.parametrize("on", ON)
def test_a_lock_needs_its_environment(on: str) -> None:
    refusal = shop().refuses(lock("nowhere", **ON[on]), UnknownEnvironment)
    assert refusal.environment == "nowhere"


def test_an_application_may_be_locked_before_it_exists() -> None:
    world = given(environment("staging"), lock("staging", application="cart"))
    world.when(release("cart", 1, "staging"), Deploy("staging", "cart", 1))
    assert world.at("staging") == (None, 1)


def test_a_team_that_nobody_belongs_to_cannot_be_locked() -> None:
    assert shop().refuses(lock("staging", team="sry"), UnknownTeam).team == "sry"


@pytest.mark.parametrize("message", ["", " ", "\n", "\t \n"])
def test_a_message_is_required(message: str) -> None:
    with pytest.raises(InvalidCommand, match="message"):
        lock("staging", "freeze", message)


def test_a_message_has_up_to_1000_characters() -> None:
    world = shop()
    world.when(lock("staging", "freeze", "ü" * 1000))
    assert world.locks("staging") == {"freeze": "ü" * 1000}
    with pytest.raises(InvalidCommand, match="1000"):
        lock("staging", "freeze", "x" * 1001)


def test_a_message_may_have_several_lines() -> None:
    world = shop()
    world.when(lock("staging", "freeze", "one\ntwo"))
    assert world.locks("staging") == {"freeze": "one\ntwo"}


CONTENT = {
    "message": lock("staging", "freeze", "audit"),
    "link": lock("staging", "freeze", "audit", link="https://ci.example.com/1"),
    "expiry": lock("staging", "freeze", "audit", expires_at=LATER),
    "on_expiry": lock("staging", "freeze", "audit", expires_at=LATER, on_expiry="discard"),
}


@pytest.mark.parametrize("what", CONTENT)
def test_the_same_id_and_content_again_does_nothing_whoever_asks(what: str) -> None:
    world = shop()
    world.when(CONTENT[what], by=BOB)
    decision = world.when(CONTENT[what], by=ADA, at=LATER)
    assert (decision.is_nothing, decision.warnings) == (True, ())
    assert world.state.environments[STAGING].locks[LockId("freeze")].created_by == BOB


@pytest.mark.parametrize("what", CONTENT)
def test_the_same_id_with_other_content_replaces_and_names_what_and_whose_it_was(what: str) -> None:
    world = shop()
    world.when(lock("staging", "freeze", "release party"), by=BOB, at=NOON)
    decision = world.when(CONTENT[what], by=ADA, at=LATER)
    was = Lock("release party", created_at=NOON, created_by=BOB)
    (fact,) = decision.events
    assert isinstance(fact, LockCreated)
    assert fact.replaced == was
    assert decision.warnings == (ReplacesLock(LockScope(STAGING), LockId("freeze"), was),)
    now = world.state.environments[STAGING].locks[LockId("freeze")]
    assert (now.message, now.created_by, now.created_at) == ("audit", ADA, LATER)


def test_a_replaced_lock_leaves_nothing_of_itself_behind() -> None:
    world = shop()
    world.when(CONTENT["link"], lock("staging", "freeze", "party"))
    assert world.state.environments[STAGING].locks[LockId("freeze")].link is None


def test_a_new_lock_is_not_warned_of_as_a_replacement() -> None:
    world = shop()
    world.when(lock("staging", "other"))
    assert world.when(lock("staging", "freeze")).warnings == ()


def test_any_number_of_ids_lie_on_one_target() -> None:
    world = shop()
    ids = [f"lock-{number:02}" for number in range(30)]
    world.when([lock("staging", lock_id) for lock_id in ids])
    assert sorted(world.locks("staging")) == ids


def test_a_lock_says_who_and_when() -> None:
    world = shop()
    world.when(lock("staging"), by=BOB, at=LATER)
    found = world.state.environments[STAGING].locks[LockId("freeze")]
    assert (found.created_by, found.created_at) == (BOB, LATER)


# DeleteLock


@pytest.mark.parametrize("on", ON)
def test_deleting_a_missing_lock_is_refused(on: str) -> None:
    world = shop(1, None)
    world.when(lock("staging", "other", **ON[on]))
    refusal = world.refuses(unlock("staging", **ON[on]), UnknownLock)
    assert refusal.lock_id == "freeze"


@pytest.mark.parametrize("on", ON)
def test_deleting_a_missing_lock_is_ignored_on_request(on: str) -> None:
    assert shop().when(unlock("staging", **ON[on], if_missing="ignore")).is_nothing


@pytest.mark.parametrize("if_missing", IfMissing)
def test_unlocking_an_unknown_environment_is_refused_all_the_same(if_missing: IfMissing) -> None:
    shop().refuses(unlock("nowhere", if_missing=if_missing), UnknownEnvironment)


def test_a_lock_of_the_same_id_elsewhere_is_not_meant() -> None:
    world = shop()
    world.when(lock("staging", application="cart"))
    world.refuses(unlock("staging"), UnknownLock)


def test_nobody_has_to_belong_to_a_team_any_more_for_its_lock_to_go() -> None:
    world = shop()
    world.when(lock("staging", team="sre"), SetTeam("cart", None), unlock("staging", team="sre"))
    assert world.locks("staging", team="sre") == {}


# Whatever takes the last lock off

LAST_OFF: dict[str, tuple[CreateLock, Command]] = {
    "deleting an environment's lock": (lock("staging"), unlock("staging")),
    "deleting an application's lock": (
        lock("staging", application="cart"),
        unlock("staging", application="cart"),
    ),
    "deleting a team's lock": (lock("staging", team="sre"), unlock("staging", team="sre")),
    "leaving the team": (lock("staging", team="sre"), SetTeam("cart", None)),
    "changing the team": (lock("staging", team="sre"), SetTeam("cart", "web")),
    "a release with another team": (
        lock("staging", team="sre"),
        release("cart", 4, "staging", team="web"),
    ),
    "the expiry of an environment's lock": (lock("staging", expires_at=LATER), ExpireLocks(LATER)),
    "the expiry of an application's lock": (
        lock("staging", application="cart", expires_at=LATER),
        ExpireLocks(LATER),
    ),
    "the expiry of a team's lock": (lock("staging", team="sre", expires_at=LATER), ExpireLocks(LATER)),
    "a batch": (lock("staging"), Batch((unlock("staging"),))),
}


@pytest.mark.parametrize("how", LAST_OFF)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param((1, None), (1, None), id="queue empty, nothing"),
        pytest.param((None, None), (None, None), id="nothing there, nothing"),
        pytest.param((1, 1), (1, None), id="queued is current, queue emptied"),
        pytest.param((1, 3), (3, None), id="a newer one is deployed"),
        pytest.param((3, 1), (1, None), id="an older one is deployed"),
        pytest.param((None, 2), (2, None), id="a first one is deployed"),
    ],
)
def test_whatever_takes_the_last_lock_off_releases_the_queue(
    how: str, before: tuple[int | None, int | None], after: tuple[int | None, int | None]
) -> None:
    creating, removing = LAST_OFF[how]
    world = shop(*before)
    world.when(creating)
    commits = world.commits()

    decision = world.when(removing, by=ADA)

    assert world.at("staging") == after
    assert world.manifest("staging") == (text_of("cart", after[0], "staging") if after[0] else None)
    assert ("Deployed" in kinds(decision)) == (before[0] != after[0])
    assert ("QueueEmptied" in kinds(decision)) == (before == (1, 1))
    assert world.commits() == commits + 1, "what a command does and what it releases are one commit"


@pytest.mark.parametrize("how", LAST_OFF)
def test_nothing_is_released_while_another_lock_remains(how: str) -> None:
    creating, removing = LAST_OFF[how]
    world = shop(1, 3)
    world.when(lock("staging", "other", application="cart"), creating, removing)
    assert world.at("staging") == (1, 3)


KINDS = {
    "environment": (lock("staging", "on-env"), unlock("staging", "on-env")),
    "application": (
        lock("staging", "on-app", application="cart"),
        unlock("staging", "on-app", application="cart"),
    ),
    "team": (lock("staging", "on-team", team="sre"), unlock("staging", "on-team", team="sre")),
    "environment, second id": (lock("staging", "second"), unlock("staging", "second")),
}


@pytest.mark.parametrize("last", KINDS)
@pytest.mark.parametrize("queued", OnUnlock)
def test_only_the_last_of_all_locks_releases(last: str, queued: OnUnlock) -> None:
    world = shop(1, 3)
    world.when([creating for creating, _ in KINDS.values()])
    for kind, (_, removing) in KINDS.items():
        if kind != last:
            world.when(removing)
            assert world.at("staging") == (1, 3)
    world.when(attrs.evolve(KINDS[last][1], queued=queued))
    assert world.at("staging") == ((3, None) if queued is OnUnlock.DEPLOY else (1, None))


def test_a_queue_equal_to_the_current_version_goes_with_the_last_lock_not_before() -> None:
    world = shop(1, 1)
    world.when(lock("staging"), lock("staging", application="cart"), unlock("staging"))
    assert world.at("staging") == (1, 1)
    world.when(unlock("staging", application="cart"))
    assert world.at("staging") == (1, None)


@pytest.mark.parametrize("on", ON)
@pytest.mark.parametrize("before", [(1, 3), (3, 1), (None, 2), (1, 1)])
def test_discard_drops_what_waits(on: str, before: tuple[int | None, int | None]) -> None:
    world = shop(*before)
    world.when(lock("staging", **ON[on]))
    decision = world.when(unlock("staging", **ON[on], queued="discard"))
    assert kinds(decision) == ["LockDeleted", "QueueEmptied"]
    assert world.at("staging") == (before[0], None)
    assert world.manifest("staging") == (text_of("cart", before[0], "staging") if before[0] else None)


def test_unlocking_deploys_unless_it_says_otherwise() -> None:
    assert unlock("staging").queued is OnUnlock.DEPLOY
    assert unlock("staging").if_missing is IfMissing.REFUSE


def test_the_facts_of_an_unlock_say_what_came_from_what() -> None:
    world = shop(1, 3)
    world.when(lock("staging", message="audit"), by=BOB)
    deleted, deployed = world.when(unlock("staging")).events
    assert isinstance(deleted, LockDeleted)
    assert (deleted.scope, deleted.lock_id, deleted.lock.message) == (LockScope(STAGING), "freeze", "audit")
    assert isinstance(deployed, Deployed)
    assert (deployed.version, deployed.previous, deployed.cause) == (3, 1, "released")


def test_the_releaser_is_the_one_who_deploys_and_the_log_has_who_queued() -> None:
    world = shop()
    world.when(lock("staging"))
    world.when(Deploy("staging", "cart", 3), by=BOB)
    world.when(unlock("staging"), by=ADA, at=LATER)
    deployment = world.placement("staging", "cart").deployment
    assert (deployment.by, deployment.at) == (ADA, LATER)
    assert [logged.author for logged in list(world.repository.store.log())[-2:]] == [BOB, ADA]


def test_an_unlock_that_deploys_a_lower_version_is_warned_of() -> None:
    world = shop(3, 1)
    world.when(lock("staging"))
    assert warned(world.when(unlock("staging"))) == ["goes_backwards"]


def test_an_environments_last_lock_releases_each_application_that_no_other_lock_holds() -> None:
    names = ["app-a", "app-b", "app-c"]
    world = given(environment("staging"), *[releases(name, 2, "staging") for name in names])
    world.when(lock("staging"), [Deploy("staging", name, 2) for name in names])
    world.when(lock("staging", application="app-b"))
    decision = world.when(unlock("staging"))
    assert [world.at("staging", name) for name in names] == [(2, None), (None, 2), (2, None)]
    assert kinds(decision) == ["LockDeleted", "Deployed", "Deployed"]


# One broken placement never blocks an unlock

FOLDER = "environments/staging/applications/app-b"
OTHER_MANIFEST = "applications/app-b/releases/2/environments/production/manifests.yaml"
BROKEN: dict[str, tuple[list[Change], str]] = {
    "its release is gone": ([Remove("applications/app-b/releases/2")], "broken"),
    "its link leads elsewhere": ([Link(f"{FOLDER}/queued_version", "../../../../../etc/passwd")], "broken"),
    "its link leads to another application": (
        [Link(f"{FOLDER}/queued_version", "../../../../applications/app-a/releases/2")],
        "broken",
    ),
    "its link is a file": (
        [Remove(f"{FOLDER}/queued_version"), written(f"{FOLDER}/queued_version", "2")],
        "broken",
    ),
    "all its releases are gone": ([Remove("applications/app-b")], "broken"),
    "its release has no manifest for the environment": (
        [Remove("applications/app-b/releases/2/environments/staging"), written(OTHER_MANIFEST, "a: b\n")],
        "no_manifest",
    ),
}


def waiting_for_three(how: str) -> World:
    """Three applications that wait for version 2, the middle one broken by hand."""
    names = ["app-a", "app-b", "app-c"]
    world = given(environment("staging"), *[releases(name, 2, "staging") for name in names], lock("staging"))
    world.when([Deploy("staging", name, 2) for name in names])
    world.by_hand(*BROKEN[how][0])
    return world


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_placement_is_reported_and_stays_queued_while_the_rest_goes_on(how: str) -> None:
    world = waiting_for_three(how)
    queued = world.at("staging", "app-b")[1]
    decision = world.when(unlock("staging"))
    assert skipped(decision) == {"staging/app-b": BROKEN[how][1]}
    assert world.locks("staging") == {}
    assert world.at("staging", "app-a") == (2, None)
    assert world.at("staging", "app-b") == (None, queued)
    assert queued is not None
    assert world.at("staging", "app-c") == (2, None)


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_broken_can_be_discarded_with_the_lock(how: str) -> None:
    world = waiting_for_three(how)
    decision = world.when(unlock("staging", queued="discard"))
    assert decision.skips == ()
    assert [world.at("staging", name) for name in ("app-a", "app-b", "app-c")] == [(None, None)] * 3


def test_a_broken_placement_that_another_lock_holds_is_not_reported_yet() -> None:
    world = waiting_for_three("its release is gone")
    world.when(lock("staging", application="app-b"))
    assert world.when(unlock("staging")).skips == ()


def test_what_stayed_queued_goes_out_with_the_next_last_lock_once_it_is_mended() -> None:
    world = waiting_for_three("its release is gone")
    world.when(unlock("staging"), release("app-b", 2, "staging"))
    assert world.at("staging", "app-b") == (None, 2)
    world.when(lock("staging"), unlock("staging"))
    assert world.at("staging", "app-b") == (2, None)


# CancelQueued


@pytest.mark.parametrize("current", [None, 1, 3])
def test_cancelling_empties_one_queue(current: int | None) -> None:
    world = shop(current, 3)
    world.by_hand(*placed("staging", "shop", queued=1))
    world.when(lock("staging"))
    decision = world.when(CancelQueued("staging", "cart"))
    assert decision.events == (QueueEmptied(STAGING, CART, Version(3)),)
    assert world.at("staging") == (current, None)
    assert world.at("staging", "shop") == (None, 1)
    assert world.locks("staging") == {"freeze": "wait"}


def test_cancelling_an_empty_queue_does_nothing() -> None:
    assert shop(1, None).when(CancelQueued("staging", "cart")).is_nothing
    assert shop(None, None).when(CancelQueued("staging", "cart")).is_nothing


def test_what_was_cancelled_does_not_go_out_at_the_unlock() -> None:
    world = shop(1, 3)
    world.when(lock("staging"), CancelQueued("staging", "cart"), unlock("staging"))
    assert world.at("staging") == (1, None)


def test_cancelling_where_nothing_is_known_is_refused() -> None:
    shop().refuses(CancelQueued("nowhere", "cart"), UnknownEnvironment)
    shop().refuses(CancelQueued("staging", "nobody"), UnknownApplication)


def test_a_broken_queue_can_be_cancelled() -> None:
    world = waiting_for_three("its link leads elsewhere")
    world.when(CancelQueued("staging", "app-b"))
    assert world.at("staging", "app-b") == (None, None)


# What lies in the repository


def test_a_lock_that_is_gone_leaves_no_file_behind() -> None:
    world = given(environment("staging"))
    before = world.files()
    on_env = lock("staging", link="https://ci.example.com", expires_at=LATER, on_expiry="deploy")
    world.when(on_env, lock("staging", application="cart"))
    assert len(world.files()) > len(before)
    world.when(unlock("staging"), unlock("staging", application="cart"))
    assert world.files() == before


def test_a_lock_target_names_an_environment_or_a_group_and_at_most_one_thing_on_it() -> None:
    with pytest.raises(InvalidCommand, match="target"):
        Target()
    with pytest.raises(InvalidCommand, match="target"):
        Target("staging", "tests")
    with pytest.raises(InvalidCommand, match="target"):
        Target("staging", application="cart", team="sre")


def test_a_lock_in_the_old_form_holds_and_can_be_deleted() -> None:
    world = shop(1, 3)
    world.by_hand(written("environments/staging/locks/freeze", "said the old tool"))
    world.when(Deploy("staging", "cart", 2))
    assert world.at("staging") == (1, 2)
    world.when(unlock("staging"))
    assert world.at("staging") == (2, None)


def test_a_broken_placement_is_left_as_it_lies_by_an_unlock() -> None:
    world = waiting_for_three("its link is a file")
    world.when(unlock("staging"))
    assert world.file(f"{FOLDER}/queued_version") == "2"
    assert isinstance(world.at("staging", "app-b")[1], Broken)


# What other locks hold back all the same


def test_an_unlock_says_what_other_locks_still_hold_back() -> None:
    world = given(
        environment("prod"), releases("cart", 2, "prod"), lock("prod"), lock("prod", "mine", application="cart")
    )
    world.when(Deploy("prod", "cart", 2))
    decision = world.when(unlock("prod"))
    assert decision.notes == ("Other locks are in the way still: cart on prod waits for lock/prod/cart/mine.",)
    assert world.when(unlock("prod", "mine", application="cart")).notes == ()
    assert world.at("prod") == (2, None)


def test_a_batch_that_takes_all_locks_away_says_nothing_of_those_in_between() -> None:
    world = given(
        environment("prod"), releases("cart", 2, "prod"), lock("prod"), lock("prod", "mine", application="cart")
    )
    world.when(Deploy("prod", "cart", 2))
    both = Batch([unlock("prod"), unlock("prod", "mine", application="cart")])
    assert world.when(both).notes == ()
    assert world.at("prod") == (2, None)


def test_very_many_that_still_wait_are_counted() -> None:
    names = [f"app-{number:02}" for number in range(15)]
    world = given(
        environment("prod"), *(release(name, 1, "prod") for name in names), lock("prod"), lock("prod", "other")
    )
    world.when(Batch([Deploy("prod", name, 1) for name in names]))
    (note,) = world.when(unlock("prod")).notes
    assert note.endswith("app-09 on prod waits for lock/prod/other and 5 more.")
