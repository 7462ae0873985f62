"""rules.md 2: Deploy, and what "locked" means (1)."""

from collections.abc import Sequence
from datetime import timedelta

import attrs
import pytest

from kuberpult_core import (
    Command,
    CreateLock,
    Decision,
    Deploy,
    KuberpultError,
    LockBehavior,
    Repository,
    SetTeam,
    Unavailable,
    UpdateSettings,
)
from kuberpult_core.decision import GoesBackwards, IgnoresLocks
from kuberpult_core.errors import (
    Locked,
    NoManifest,
    StoreUnavailable,
    UnknownApplication,
    UnknownEnvironment,
    UnknownRelease,
)
from kuberpult_core.events import Deployed, Queued, QueueEmptied
from kuberpult_core.memory import MemoryStore
from kuberpult_core.model import LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, Version
from kuberpult_core.plan import Plan
from kuberpult_core.ports import NewCommit, ObjectId
from tests.rules import (
    ADA,
    BOB,
    NOON,
    URL,
    World,
    deploys,
    environment,
    given,
    kinds,
    lock,
    placed,
    release,
    releases,
    text_of,
    unlock,
    warned,
)

STAGING, CART = EnvironmentName("staging"), ApplicationName("cart")
LOCKS: dict[str, list[CreateLock]] = {
    "environment lock": [lock("staging", "on-env")],
    "application lock": [lock("staging", "on-app", application="cart")],
    "team lock": [lock("staging", "on-team", team="sre")],
    "all three": [
        lock("staging", "on-env"),
        lock("staging", "on-app", application="cart"),
        lock("staging", "on-team", team="sre"),
    ],
}

# What Deploy(staging, cart, 2) makes of (current, waiting): through, and into the queue.
Place = tuple[int | None, int | None]
TABLE: list[tuple[str, Place, Place, Place]] = [
    ("version differs, first one", (None, None), (2, None), (None, 2)),
    ("version differs, older one current", (1, None), (2, None), (1, 2)),
    ("version differs, newer one current", (3, None), (2, None), (3, 2)),
    ("version differs, another waits", (1, 3), (2, None), (1, 2)),
    ("version differs, the current one waits", (1, 1), (2, None), (1, 2)),
    ("version differs, nothing current, another waits", (None, 3), (2, None), (None, 2)),
    ("version is there already, queue empty", (2, None), (2, None), (2, 2)),
    ("version is there already, queue full", (2, 3), (2, None), (2, 2)),
    ("it waits already", (1, 2), (2, None), (1, 2)),
    ("it waits already, and nothing is current", (None, 2), (2, None), (None, 2)),
    ("it is there and waits already", (2, 2), (2, None), (2, 2)),
]
THROUGH = pytest.mark.parametrize(("before", "after"), [pytest.param(row[1], row[2], id=row[0]) for row in TABLE])
WAITING = pytest.mark.parametrize(("before", "after"), [pytest.param(row[1], row[3], id=row[0]) for row in TABLE])


def stage(before: Place, *locks: Command) -> World:
    """cart (of team sre) with three releases, placed on staging as given, then locked."""
    world = given(environment("staging"), releases("cart", 3, "staging", team="sre"))
    world.by_hand(*placed("staging", "cart", *before))
    for command in locks:
        world.when(command)
    return world


def fits(world: World, decision: Decision, before: Place, after: Place) -> bool:
    """Whether the facts and the manifest tell the same as the placement does."""
    if after == before:
        facts = []
    elif after[0] != before[0]:
        facts = ["Deployed"]
    else:
        facts = ["Queued"] if after[1] else ["QueueEmptied"]
    manifest = text_of("cart", after[0], "staging") if after[0] else None
    return kinds(decision) == facts and world.at("staging") == after and world.manifest("staging") == manifest


@THROUGH
@pytest.mark.parametrize("behavior", LockBehavior)
def test_without_locks_every_behavior_deploys_and_empties_the_queue(
    before: Place, after: Place, behavior: LockBehavior
) -> None:
    world = stage(before)
    decision = world.when(Deploy("staging", "cart", 2, behavior))
    assert fits(world, decision, before, after)


@THROUGH
@pytest.mark.parametrize("locks", LOCKS)
def test_a_manual_deployment_goes_through_locks_and_empties_the_queue(
    before: Place, after: Place, locks: str
) -> None:
    world = stage(before, *LOCKS[locks])
    decision = world.when(Deploy("staging", "cart", 2, "ignore"))
    assert fits(world, decision, before, after)
    assert ("ignores_locks" in warned(decision)) == (before != after)


@WAITING
@pytest.mark.parametrize("locks", LOCKS)
def test_an_automatic_deployment_waits_for_locks(before: Place, after: Place, locks: str) -> None:
    world = stage(before, *LOCKS[locks])
    decision = world.when(Deploy("staging", "cart", 2, "queue"))
    assert fits(world, decision, before, after)
    assert decision.warnings == ()


@pytest.mark.parametrize("before", [row[1] for row in TABLE])
@pytest.mark.parametrize("locks", LOCKS)
def test_fail_refuses_with_every_lock_in_the_way(before: Place, locks: str) -> None:
    world = stage(before, *LOCKS[locks])
    refusal = world.refuses(Deploy("staging", "cart", 2, "fail"), Locked)
    laid = {command.lock_id for command in LOCKS[locks]}
    assert {(it.lock_id, it.lock.message) for it in refusal.locks} == {(lock_id, "wait") for lock_id in laid}
    assert (refusal.environment, refusal.application) == ("staging", "cart")
    assert world.at("staging") == before


def test_a_refusal_names_what_each_lock_lies_on() -> None:
    world = stage((1, None), *LOCKS["all three"])
    refusal = world.refuses(Deploy("staging", "cart", 2, "fail"), Locked)
    assert {(str(it.scope), it.lock_id) for it in refusal.locks} == {
        ("staging", "on-env"),
        ("staging/cart", "on-app"),
        ("staging/team sre", "on-team"),
    }


def test_a_deployment_is_automatic_unless_it_says_otherwise() -> None:
    assert Deploy("staging", "cart", 2).lock_behavior is LockBehavior.QUEUE


# The order of the checks: each case also has every fault that is looked at later.

ORDER: list[tuple[type[KuberpultError], Deploy]] = [
    (UnknownEnvironment, Deploy("nowhere", "nobody", 9, "fail")),
    (UnknownApplication, Deploy("staging", "nobody", 9, "fail")),
    (UnknownRelease, Deploy("staging", "cart", 9, "fail")),
    (NoManifest, Deploy("staging", "cart", 4, "fail")),
    (Locked, Deploy("staging", "cart", 1, "fail")),
]


@pytest.mark.parametrize(("kind", "command"), ORDER, ids=[kind.code for kind, _ in ORDER])
def test_the_first_check_that_fails_is_the_refusal(kind: type[KuberpultError], command: Deploy) -> None:
    world = stage((None, None), lock("staging"), release("cart", 4, "production"))
    assert type(world.refuses(command, KuberpultError)) is kind


@pytest.mark.parametrize("behavior", LockBehavior)
@pytest.mark.parametrize(("kind", "command"), ORDER[:-1], ids=[kind.code for kind, _ in ORDER[:-1]])
def test_what_is_not_there_is_refused_with_every_lock_behavior(
    kind: type[KuberpultError], command: Deploy, behavior: LockBehavior
) -> None:
    world = stage((1, None), release("cart", 4, "production"))
    assert type(world.refuses(attrs.evolve(command, lock_behavior=behavior), KuberpultError)) is kind


def test_a_group_is_no_environment_to_deploy_to() -> None:
    world = given(environment("staging", group="tests"), release("cart", 1, "staging", "tests"))
    world.refuses(Deploy("tests", "cart", 1), UnknownEnvironment)


def test_an_application_that_has_only_a_lock_is_unknown() -> None:
    world = given(environment("staging"), lock("staging", application="cart"))
    world.refuses(Deploy("staging", "cart", 1), UnknownApplication)


def test_refusals_name_what_was_asked_for() -> None:
    world = given(environment("staging"), release("cart", 1, "production"))
    assert world.refuses(Deploy("nowhere", "cart", 1), UnknownEnvironment).environment == "nowhere"
    assert world.refuses(Deploy("staging", "nobody", 1), UnknownApplication).application == "nobody"
    release_missing = world.refuses(Deploy("staging", "cart", 9), UnknownRelease)
    assert (release_missing.application, release_missing.version) == ("cart", 9)
    manifest_missing = world.refuses(Deploy("staging", "cart", 1), NoManifest)
    assert (manifest_missing.version, manifest_missing.environment) == (1, "staging")


# The sentences below the table.


def test_the_last_deployment_wins_in_the_queue_also_with_an_older_version() -> None:
    world = stage((2, None), lock("staging"))
    world.when(Deploy("staging", "cart", 3))
    decision = world.when(Deploy("staging", "cart", 1))
    assert world.at("staging") == (2, 1)
    (fact,) = decision.events
    assert isinstance(fact, Queued)
    assert (fact.version, fact.replaced) == (1, 3)
    assert fact.waits_for == ((LockScope(STAGING), LockId("freeze")),)


def test_the_last_deployment_wins_over_what_waited() -> None:
    world = stage((1, None), lock("staging"))
    world.when(Deploy("staging", "cart", 3), Deploy("staging", "cart", 2, "ignore"))
    assert world.at("staging") == (2, None)


def test_a_rollback_is_a_deploy_and_is_warned_of() -> None:
    world = stage((3, None))
    decision = world.when(Deploy("staging", "cart", 1))
    assert world.at("staging") == (1, None)
    assert decision.warnings == (GoesBackwards(STAGING, CART, Version(1), Version(3)),)


def test_a_lower_version_that_only_waits_is_not_warned_of() -> None:
    world = stage((3, None), lock("staging"))
    assert world.when(Deploy("staging", "cart", 1)).warnings == ()


def test_a_first_deployment_and_a_newer_version_are_not_warned_of() -> None:
    world = stage((None, None))
    assert world.when(Deploy("staging", "cart", 1)).warnings == ()
    assert world.when(Deploy("staging", "cart", 3)).warnings == ()


def test_going_through_locks_is_warned_of_with_every_lock() -> None:
    world = stage((1, None), *LOCKS["all three"])
    (warning,) = world.when(Deploy("staging", "cart", 2, "ignore")).warnings
    assert isinstance(warning, IgnoresLocks)
    assert {it.lock_id for it in warning.locks} == {"on-env", "on-app", "on-team"}
    assert (warning.environment, warning.application) == (STAGING, CART)


def test_a_manual_deployment_without_locks_ignores_none() -> None:
    assert stage((1, None)).when(Deploy("staging", "cart", 2, "ignore")).warnings == ()


def test_a_manual_deployment_empties_the_queue_so_the_unlock_changes_nothing_more() -> None:
    world = stage((1, 3), lock("staging"))
    world.when(Deploy("staging", "cart", 2, "ignore"))
    world.when(unlock("staging"))
    assert world.at("staging") == (2, None)


def test_the_facts_name_what_was_before() -> None:
    world = stage((1, None))
    assert world.when(Deploy("staging", "cart", 2)).events == (Deployed(STAGING, CART, Version(2), Version(1)),)
    world.by_hand(*placed("staging", "cart", queued=3))
    assert world.when(Deploy("staging", "cart", 2)).events == (QueueEmptied(STAGING, CART, Version(3)),)


def test_a_deployment_names_another_version_that_does_not_wait_any_more() -> None:
    (fact,) = stage((1, 3)).when(Deploy("staging", "cart", 2)).events
    assert isinstance(fact, Deployed)
    assert (fact.previous, fact.dropped) == (1, 3)
    (fact,) = stage((1, 2)).when(Deploy("staging", "cart", 2)).events
    assert isinstance(fact, Deployed)
    assert fact.dropped is None, "it was what waited"


def test_who_deployed_and_when_is_kept_for_the_current_version_only() -> None:
    world = stage((1, None))
    world.when(Deploy("staging", "cart", 2), by=ADA, at=NOON)
    world.when(lock("staging"), Deploy("staging", "cart", 3), by=BOB, at=NOON + timedelta(hours=1))
    deployment = world.placement("staging", "cart").deployment
    assert (deployment.by, deployment.at) == (ADA, NOON)


@pytest.mark.parametrize("behavior", LockBehavior)
def test_a_deployment_touches_no_other_placement(behavior: LockBehavior) -> None:
    world = given(
        [environment("staging"), environment("production")],
        releases("cart", 2, "staging", "production"),
        releases("shop", 1, "staging"),
        deploys("cart", 1, "staging", "production"),
        deploys("shop", 1, "staging"),
    )
    world.when(Deploy("staging", "cart", 2, behavior))
    assert (world.at("production"), world.at("staging", "shop")) == ((1, None), (1, None))


# rules.md 1: what "locked" means.

ELSEWHERE: dict[str, Command] = {
    "another environment": lock("production"),
    "another application": lock("staging", application="shop"),
    "the application elsewhere": lock("production", application="cart"),
    "another team": lock("staging", team="web"),
    "its team elsewhere": lock("production", team="sre"),
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_lock_elsewhere_holds_nothing_back_here(where: str) -> None:
    world = stage(
        (1, None), environment("production"), release("shop", 1, "staging", team="web"), ELSEWHERE[where]
    )
    world.when(Deploy("staging", "cart", 2))
    assert world.at("staging") == (2, None)


def test_an_application_without_team_is_under_no_team_lock() -> None:
    world = stage((1, None), lock("staging", team="sre"), SetTeam("cart", None))
    world.when(Deploy("staging", "cart", 2))
    assert world.at("staging") == (2, None)


# rules.md 1: decisions.


def test_decisions_are_equal_when_their_facts_are_whoever_asks_and_whenever() -> None:
    one, other = stage((1, None), lock("staging")), stage((1, None), lock("staging"))
    command = Deploy("staging", "cart", 2, "ignore")
    assert one.when(command, by=ADA, at=NOON) == other.when(command, by=BOB, at=NOON + timedelta(days=9))


def test_decisions_with_other_facts_differ() -> None:
    assert stage((1, None)).when(Deploy("staging", "cart", 2)) != stage((1, None)).when(
        Deploy("staging", "cart", 3)
    )
    assert stage((1, None)).when(Deploy("staging", "cart", 2)) != stage((3, None)).when(
        Deploy("staging", "cart", 2)
    )


def test_a_plan_is_a_decision_that_is_not_carried_out() -> None:
    world = stage((1, None))
    head = world.head
    plan = world.repository.plan(Deploy("staging", "cart", 2))
    assert isinstance(plan, Plan)
    assert kinds(plan.decision) == ["Deployed"]
    assert (world.head, world.at("staging")) == (head, (1, None))


# rules.md 8: where this differs from the Go tool.


def test_nothing_is_committed_when_nothing_happens() -> None:
    world = stage((2, None))
    commits = world.commits()
    assert world.repository.apply(Deploy("staging", "cart", 2), ADA).commit is None
    assert world.commits() == commits


def test_deploying_to_an_unknown_environment_does_not_make_it() -> None:
    world = given(release("cart", 1, "staging"))
    world.refuses(Deploy("staging", "cart", 1), UnknownEnvironment)
    assert "staging" not in world.state.environments


class FailsOnce(MemoryStore):
    """A store whose next write fails after its objects were kept, as when a connection or a disk breaks."""

    fails = False

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        if not self.fails:
            return super().publish_all(commits)
        self.fails = False
        for it in (it for commit in commits for it in commit.objects):
            self._objects.put(it.id, it.content)
        raise StoreUnavailable("The disk is full.")


def test_a_command_that_was_answered_failed_never_takes_effect() -> None:
    store = FailsOnce()
    world = World(Repository(store))
    world.when(
        UpdateSettings({"url": URL}),
        environment("staging"),
        environment("dev"),
        releases("cart", 2, "staging", "dev"),
    )
    store.fails = True
    with pytest.raises(Unavailable):
        world.repository.apply(Deploy("staging", "cart", 1), ADA)
    world.when(Deploy("dev", "cart", 2))
    assert (world.at("staging"), world.at("dev")) == ((None, None), (2, None))
    assert world.problems() == []
