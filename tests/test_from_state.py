"""rules.md 4: trains from the past. What upstream had then moves as a unit, by the rules of today."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import pytest

from kuberpult_core import (
    Batch,
    Cleanup,
    Command,
    DeleteEnvironment,
    LockBehavior,
    ReleaseTrain,
    SetTeam,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    UpstreamThen,
    decide,
)
from kuberpult_core.changes import Link, Remove
from kuberpult_core.codec import command_from_log, logged_command
from kuberpult_core.errors import InvalidCommand, NotFound, UnknownEnvironment, UnknownRevision, UnknownUpstream
from kuberpult_core.journal import recorded
from kuberpult_core.memory import MemoryStore
from kuberpult_core.past.replay import Proven, verdict
from kuberpult_core.ports import NewCommit, ObjectId
from kuberpult_core.service import Repository
from tests.rules import (
    ADA,
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
    warned,
)

BOTH = ("dev", "staging")
LINE = [environment("dev", group="all"), environment("staging", upstream="dev", group="all")]


def then(revision: str) -> UpstreamThen:
    """What upstream had at *revision*."""
    return UpstreamThen(revision)


def train(revision: str, target: str = "staging", **more: object) -> ReleaseTrain:
    """A train to *target* with what its upstream had at *revision*."""
    return ReleaseTrain(target, from_state=then(revision), **more)  # type: ignore[arg-type]  # whatever is named


def a_tested_set() -> tuple[World, str]:
    """cart 1 and web 2 were tested together on dev, which has gone on to cart 3 and web 3 since; the commit."""
    world = given(
        LINE, releases("cart", 3, *BOTH, team="sre"), releases("web", 3, *BOTH), releases("new", 1, *BOTH)
    )
    world.when(deploys("cart", 1, "dev"), deploys("web", 2, "dev"))
    commit = world.head.commit
    assert commit
    world.when(deploys("cart", 3, "dev"), deploys("web", 3, "dev"), deploys("new", 1, "dev"))
    return world, commit


def on(world: World, name: str = "staging") -> dict[str, tuple[object, object]]:
    """What is current and what waits, of each application that is on an environment."""
    return {it: world.at(name, it) for it in ("cart", "new", "web") if world.at(name, it) != (None, None)}


# What moves


def test_exactly_what_upstream_had_then_moves_as_a_unit() -> None:
    world, commit = a_tested_set()
    commits = world.commits()
    decision = world.when(train(commit))
    assert on(world) == {"cart": (1, None), "web": (2, None)}
    assert (decision.skips, world.commits()) == ((), commits + 1)


def test_what_upstream_lacked_then_is_left_alone() -> None:
    world, commit = a_tested_set()
    world.when(deploys("new", 1, "staging"))
    world.when(train(commit))
    assert world.at("staging", "new") == (1, None)


def test_what_is_there_already_is_skipped_and_an_older_version_is_a_rollback() -> None:
    world, commit = a_tested_set()
    world.when(deploys("cart", 1, "staging"), deploys("web", 3, "staging"))
    decision = world.when(train(commit))
    assert skipped(decision) == {"staging/cart": "already_there"}
    assert warned(decision) == ["goes_backwards"]
    assert on(world) == {"cart": (1, None), "web": (2, None)}


def test_from_now_it_is_the_train_of_today() -> None:
    world, _ = a_tested_set()
    assert world.repository.plan(train("HEAD")).decision == world.repository.plan(ReleaseTrain("staging")).decision


def test_what_waited_upstream_then_plays_no_part() -> None:
    world = given(LINE, releases("cart", 3, *BOTH), deploys("cart", 1, "dev"), lock("dev"))
    world.by_hand(*placed("dev", "cart", 1, 2))
    world.when(train("HEAD"))
    assert world.at("staging") == (1, None)


def test_a_time_names_the_state_that_was_then() -> None:
    world = given(LINE, releases("cart", 2, *BOTH))
    for hour, version in ((1, 1), (3, 2)):
        world.when(deploys("cart", version, "dev"), at=NOON + timedelta(hours=hour))
    world.when(train((NOON + timedelta(hours=2)).isoformat()))
    assert world.at("staging") == (1, None)


@pytest.mark.parametrize("behavior", LockBehavior)
@pytest.mark.parametrize(
    "held", [lock("staging"), lock("staging", application="cart"), lock("staging", team="sre")]
)
def test_locks_of_today_count(held: Command, behavior: LockBehavior) -> None:
    world, commit = a_tested_set()
    world.when(deploys("cart", 2, "staging"), held)
    decision = world.when(train(commit, lock_behavior=behavior))
    expected = {"queue": (2, 1), "ignore": (1, None), "fail": (2, None)}
    assert world.at("staging") == expected[behavior]
    assert ("staging/cart" in skipped(decision)) == (behavior is LockBehavior.FAIL)


def test_teams_of_today_count() -> None:
    world, commit = a_tested_set()
    world.when(SetTeam("cart", "ops"), SetTeam("web", "sre"))
    world.when(train(commit, team="sre"))
    assert on(world) == {"web": (2, None)}


# What has gone since, and what was not there then


def test_releases_that_were_cleaned_up_since_are_broken_and_the_rest_moves() -> None:
    world, commit = a_tested_set()
    world.when(UpdateSettings({"keepReleases": 0}), Cleanup("cart"))
    decision = world.when(train(commit))
    assert [(it.application, it.reason, it.version, it.detail) for it in decision.skips] == [
        ("cart", "broken", 1, "there is no release 1 of cart")
    ]
    assert on(world) == {"web": (2, None)}


def test_an_application_that_is_gone_is_broken() -> None:
    world, commit = a_tested_set()
    world.by_hand(Remove("applications/web"), Remove("environments/dev/applications/web"))
    assert skipped(world.when(train(commit))) == {"staging/web": "broken"}


def test_a_release_without_a_manifest_for_the_target_is_skipped() -> None:
    world = given(LINE, release("cart", 1, "dev"), deploys("cart", 1, "dev"))
    assert skipped(world.when(train("HEAD"))) == {"staging/cart": "no_manifest"}


def test_a_link_that_could_not_be_read_then_is_broken() -> None:
    world, commit = a_tested_set()
    world.by_hand(Link("environments/dev/applications/cart/version", "/etc/passwd"))
    broken = world.head.commit
    world.by_hand(*placed("dev", "cart", 2))
    assert broken
    assert broken != commit
    decision = world.when(train(broken))
    assert skipped(decision) == {"staging/cart": "broken"}
    assert world.at("staging", "web") == (3, None)


def test_an_upstream_that_was_not_there_then_is_unknown() -> None:
    world, commit = a_tested_set()
    world.when(environment("late"), UpdateEnvironment("staging", {"upstream": {"environment": "late"}}))
    world.refuses(train(commit), UnknownUpstream)


def test_an_upstream_that_is_gone_by_now_still_counts_as_it_was() -> None:
    world, commit = a_tested_set()
    world.by_hand(Remove("environments/dev"))
    world.when(train(commit))
    assert on(world) == {"cart": (1, None), "web": (2, None)}


def test_the_upstream_is_the_one_that_is_configured_today() -> None:
    world, commit = a_tested_set()
    world.when(environment("qa", upstream="dev"), deploys("cart", 2, "staging"))
    world.when(UpdateEnvironment("staging", {"upstream": {"environment": "qa"}}))
    world.refuses(train(commit), UnknownUpstream)
    assert world.when(train("HEAD")).is_nothing


# Groups, and the newest


def test_each_member_of_a_group_gets_what_its_own_upstream_had_then() -> None:
    world, _ = a_tested_set()
    world.when(environment("prod", upstream="staging", group="late"))
    world.when(environment("prod-de", upstream="dev", group="late"), releases("x", 1, "prod", "prod-de"))
    world.when(release("cart", 4, *BOTH, "prod", "prod-de"), deploys("cart", 4, "dev"))
    commit = world.head.commit
    world.when(deploys("cart", 4, "staging"), deploys("cart", 3, "dev"))
    decision = world.when(train(str(commit), "late", group_only=True))
    assert (world.at("prod"), world.at("prod-de")) == ((None, None), (4, None))
    assert skipped(decision) == {"prod-de/new": "no_manifest", "prod-de/web": "no_manifest"}


def test_a_member_without_upstream_or_whose_upstream_was_not_there_then_is_skipped() -> None:
    world, commit = a_tested_set()
    world.when(environment("late", group="all"), environment("later", upstream="late", group="all"))
    decision = world.when(train(commit, "all"))
    assert skipped(decision) == {
        "dev": "no_upstream",
        "late": "no_upstream",
        "later": "unknown_upstream",
    }
    assert decision.skips[2].detail == f"there is no environment late in {commit[:12]}"
    assert on(world) == {"cart": (1, None), "web": (2, None)}


def test_latest_is_the_newest_of_then() -> None:
    world = given(environment("dev", latest=True), release("cart", 1, "dev"), release("web", 1, "dev"))
    commit = world.head.commit
    world.when(release("cart", 2, "dev"), release("other", 1, "dev"))
    world.when(train(str(commit), "dev"))
    assert (world.at("dev"), world.at("dev", "web"), world.at("dev", "other")) == ((1, None), (1, None), (1, None))


# What it names, and what is refused


@pytest.mark.parametrize("revision", ["nonsense", "0" * 40, "HEAD~99", "1900-01-01"])
def test_what_names_no_state_is_refused(revision: str) -> None:
    a_tested_set()[0].refuses(train(revision), UnknownRevision)


def test_an_unknown_target_is_refused() -> None:
    world, commit = a_tested_set()
    world.refuses(train(commit, "nowhere"), UnknownEnvironment)


def test_nothing_is_decided_before_the_past_was_read() -> None:
    world, commit = a_tested_set()
    with pytest.raises(InvalidCommand, match="has to be read from the repository first"):
        decide(world.state, train(commit))


def test_the_commit_says_from_which_state_it_came() -> None:
    world, commit = a_tested_set()
    world.when(train("HEAD~3"))
    message = [*world.repository.store.log()][-1].message
    assert message.startswith(f"Run the release train to staging from {commit[:12]}\n")
    command = recorded(message).command
    assert isinstance(command, ReleaseTrain)
    assert command.from_state == UpstreamThen(commit, {"staging": {"cart": 1, "web": 2}})  # type: ignore[dict-item]


# The log, batches, undo


def test_a_recorded_train_needs_no_other_commit_to_be_decided_again() -> None:
    world, commit = a_tested_set()
    before = world.head.tree
    world.when(train(commit))
    logged = [*world.repository.store.log()][-1]
    assert isinstance(verdict(world.repository.store.objects, logged, before), Proven)


def test_the_log_keeps_broken_links_too() -> None:
    world = given(LINE, releases("cart", 1, *BOTH))
    world.by_hand(Link("environments/dev/applications/cart/version", "/etc/passwd"))
    planned = world.repository.plan(train("HEAD")).command
    assert '"cart":null' in logged_command(planned)
    assert command_from_log(logged_command(planned)) == planned


def test_in_a_batch_each_part_before_it_is_seen_but_not_upstream() -> None:
    world, commit = a_tested_set()
    world.when(Batch([lock("staging", application="cart"), *deploys("web", 1, "dev"), train(commit)]))
    assert on(world) == {"cart": (None, 1), "web": (2, None)}


def test_a_train_from_the_past_is_undone_like_any_other() -> None:
    world, commit = a_tested_set()
    world.when(train(commit), Undo("HEAD"))
    assert on(world) == {}


# Lost races


START: list[Command] = [*LINE, *releases("cart", 3, *BOTH), *deploys("cart", 1, "dev")]


class Overtaken(MemoryStore):
    """A store in which somebody else commits first, once."""

    def __init__(self) -> None:
        super().__init__()
        self.before_next: Callable[[], object] | None = None

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        overtaking, self.before_next = self.before_next, None
        if overtaking:
            overtaking()
        return super().publish_all(commits)


def race(*steps: Command | Iterable[Command], command: Command, meanwhile: Command) -> World:
    """*command*, while somebody else's *meanwhile* comes first."""
    store = Overtaken()
    world = World(Repository(store, sleep=lambda _: None))
    world.when(*steps)
    store.before_next = lambda: Repository(store).apply(meanwhile, ADA, NOON)
    world.repository.apply(command, ADA, NOON)
    return world


def test_after_a_lost_race_it_is_still_the_state_that_was_named() -> None:
    world = race(START, command=train("HEAD"), meanwhile=deploys("cart", 3, "dev")[0])
    assert (world.at("dev"), world.at("staging")) == ((3, None), (1, None))


def test_after_a_lost_race_locks_count_that_came_first() -> None:
    world = race(START, command=train("HEAD"), meanwhile=lock("staging"))
    assert world.at("staging") == (None, 1)


def test_after_a_lost_race_undo_is_of_the_commit_that_was_named() -> None:
    world = race(
        START, deploys("cart", 2, "dev"), command=Undo("HEAD"), meanwhile=deploys("cart", 3, "staging")[0]
    )
    assert (world.at("dev"), world.at("staging")) == ((1, None), (3, None))


def test_a_target_that_goes_in_a_lost_race_is_refused() -> None:
    with pytest.raises(NotFound):
        race(START, command=train("HEAD"), meanwhile=DeleteEnvironment("staging"))


def test_a_train_that_would_do_the_same_twice_does_nothing_the_second_time() -> None:
    world, commit = a_tested_set()
    world.when(train(commit))
    decision = world.when(train(commit))
    assert decision.is_nothing
    assert skipped(decision) == {"staging/cart": "already_there", "staging/web": "already_there"}
    assert kinds(decision) == []
