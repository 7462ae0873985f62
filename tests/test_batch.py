"""rules.md 7: a batch is all or nothing, in one commit, each command seeing the one before."""

import pytest

from kuberpult_core import (
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    Deploy,
    ReleaseTrain,
    SetTeam,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.commands import MAX_COMMANDS, SingleCommand
from kuberpult_core.errors import (
    InvalidCommand,
    IsUpstream,
    KuberpultError,
    Locked,
    NotFound,
    UnknownEnvironment,
    UnknownLock,
    UnknownRelease,
)
from kuberpult_core.journal import recorded
from tests.rules import (
    ARGOCD,
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


def batch(*commands: SingleCommand) -> Batch:
    return Batch(commands)


def shop() -> World:
    """cart (of team sre) with three releases, 1 in place on staging."""
    world = given(environment("staging"), releases("cart", 3, "staging", team="sre"))
    world.when(Deploy("staging", "cart", 1))
    return world


# All or nothing


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_refusal_refuses_all_and_says_which_it_was(position: int) -> None:
    world = shop()
    good: list[SingleCommand] = [Deploy("staging", "cart", 2), lock("staging"), environment("dev")]
    bad = unlock("staging", "no-such-lock")
    refusal = world.refuses(batch(*good[:position], bad, *good[position:]), UnknownLock)
    assert refusal.at == f"commands[{position}]"
    assert f"commands[{position}]" in str(refusal)
    assert (world.at("staging"), world.locks("staging")) == ((1, None), {})
    assert set(world.state.environments) == {"staging"}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Deploy("nowhere", "cart", 1), "unknown_environment"),
        (UpdateSettings({"keepReleases": -1}), "invalid_config"),
        (UpdateEnvironment("staging", {"upstream": {"latest": False}}), "invalid_config"),
        (CreateRelease("a" * 50, {"dev": "a: b\n"}), "invalid_name"),
        (DeleteEnvironment("dev"), "is_upstream"),
    ],
)
def test_a_refusal_of_any_kind_says_which_command_it_was(bad: SingleCommand, code: str) -> None:
    world = shop()
    world.when(environment("dev"), environment("test", upstream="dev"))
    refusal = world.refuses(batch(lock("staging"), bad), KuberpultError)
    assert refusal.code == code
    assert "commands[1]" in str(refusal)


def test_the_first_refusal_counts() -> None:
    refusal = shop().refuses(
        batch(Deploy("nowhere", "cart", 1), unlock("staging", "no-such-lock")), KuberpultError
    )
    assert isinstance(refusal, UnknownEnvironment)


def test_what_came_before_a_refusal_is_not_seen_afterwards_either() -> None:
    world = shop()
    world.refuses(batch(release("cart", 4, "staging"), Deploy("staging", "cart", 9)), UnknownRelease)
    world.refuses(Deploy("staging", "cart", 4), UnknownRelease)


# One commit


def test_a_batch_is_one_commit_with_all_facts_in_order() -> None:
    world = shop()
    commits = world.commits()
    decision = world.when(batch(lock("staging"), Deploy("staging", "cart", 2), environment("dev")))
    assert kinds(decision) == ["LockCreated", "Queued", "EnvironmentCreated"]
    assert world.commits() == commits + 1


@pytest.mark.parametrize(
    "commands",
    [
        (),
        (Deploy("staging", "cart", 1),),
        (Cleanup("cart"), SetTeam("cart", "sre"), CancelQueued("staging", "cart")),
        (unlock("staging", if_missing="ignore"), UpdateSettings({}), UpdateEnvironment("staging", {})),
    ],
    ids=len,
)
def test_a_batch_that_does_nothing_commits_nothing(commands: tuple[SingleCommand, ...]) -> None:
    assert shop().when(Batch(commands)).is_nothing


def test_the_log_keeps_a_batch_without_what_did_nothing() -> None:
    world = shop()
    world.when(batch(Deploy("staging", "cart", 1), lock("staging"), SetTeam("cart", "sre")))
    logged = list(world.repository.store.log())[-1]
    assert recorded(logged.message).command == batch(lock("staging"))


def test_skips_warnings_and_cascades_of_all_its_commands_come_together() -> None:
    world = shop()
    world.when(UpdateEnvironment("staging", {"argocd": ARGOCD}), environment("dev", upstream="staging"))
    decision = world.when(
        batch(
            ReleaseTrain("dev"),
            lock("staging"),
            Deploy("staging", "cart", 2, "ignore"),
            Deploy("staging", "cart", 1, "ignore"),
            UpdateEnvironment("staging", {"argocd": None}, allow_cascade=True),
        )
    )
    assert skipped(decision) == {"dev/cart": "no_manifest"}
    assert sorted(warned(decision)) == ["goes_backwards", "ignores_locks", "ignores_locks"]
    assert decision.cascades == ("staging-cart",)


# Each sees the one before

SEEING: dict[str, tuple[tuple[SingleCommand, ...], tuple[int | None, int | None]]] = {
    "a release, then its deployment": ((release("cart", 4, "staging"), Deploy("staging", "cart", 4)), (4, None)),
    "a lock, then a deployment that waits": ((lock("staging"), Deploy("staging", "cart", 2)), (1, 2)),
    "a team, then its lock, then a deployment that waits": (
        (SetTeam("cart", "web"), lock("staging", team="web"), Deploy("staging", "cart", 2)),
        (1, 2),
    ),
    "a lock, a deployment, the unlock": (
        (lock("staging"), Deploy("staging", "cart", 2), unlock("staging")),
        (2, None),
    ),
    "a lock, a deployment, the unlock that discards": (
        (lock("staging"), Deploy("staging", "cart", 2), unlock("staging", queued="discard")),
        (1, None),
    ),
    "queued, then cancelled": (
        (lock("staging"), Deploy("staging", "cart", 2), CancelQueued("staging", "cart"), unlock("staging")),
        (1, None),
    ),
    "an environment upstream, then a train": (
        (
            environment("dev"),
            release("cart", 4, "dev", "staging"),
            Deploy("dev", "cart", 4),
            UpdateEnvironment("staging", {"upstream": {"environment": "dev"}}),
            ReleaseTrain("staging"),
        ),
        (4, None),
    ),
    "following the newest, then a release": (
        (UpdateEnvironment("staging", {"upstream": {"latest": True}}), release("cart", 4, "staging")),
        (4, None),
    ),
    "two deployments, the last wins": ((Deploy("staging", "cart", 3), Deploy("staging", "cart", 2)), (2, None)),
    "two deployments behind a lock, the last wins": (
        (lock("staging"), Deploy("staging", "cart", 3), Deploy("staging", "cart", 2)),
        (1, 2),
    ),
}


@pytest.mark.parametrize("what", SEEING)
def test_each_command_sees_the_one_before(what: str) -> None:
    commands, after = SEEING[what]
    world = shop()
    world.when(Batch(commands))
    assert world.at("staging") == after
    assert world.manifest("staging") == text_of("cart", after[0] or 0, "staging")
    assert world.problems() == []


@pytest.mark.parametrize("what", SEEING)
def test_a_batch_leaves_what_its_commands_leave_one_by_one(what: str) -> None:
    commands, _ = SEEING[what]
    together, one_by_one = shop(), shop()
    together.when(Batch(commands))
    for command in commands:
        one_by_one.when(command)
    assert together.head.tree == one_by_one.head.tree


def test_releases_in_one_batch_are_numbered_one_after_the_other() -> None:
    world = shop()
    manifests = {"staging": "a: b\n"}
    world.when(batch(CreateRelease("cart", manifests), CreateRelease("cart", manifests)))
    assert world.releases() == [1, 2, 3, 4, 5]


def test_the_last_of_two_locks_that_go_in_one_batch_releases() -> None:
    world = shop()
    world.when(lock("staging"), lock("staging", application="cart"), Deploy("staging", "cart", 2))
    decision = world.when(batch(unlock("staging"), unlock("staging", application="cart")))
    assert kinds(decision) == ["LockDeleted", "LockDeleted", "Deployed"]
    assert world.at("staging") == (2, None)


def test_a_new_lock_before_the_old_one_goes_holds_on() -> None:
    world = shop()
    world.when(lock("staging"), Deploy("staging", "cart", 2))
    world.when(batch(lock("staging", "instead"), unlock("staging")))
    assert (world.at("staging"), world.locks("staging")) == ((1, 2), {"instead": "wait"})


def test_a_new_lock_after_the_old_one_went_comes_too_late() -> None:
    world = shop()
    world.when(lock("staging"), Deploy("staging", "cart", 2))
    world.when(batch(unlock("staging"), lock("staging", "instead")))
    assert world.at("staging") == (2, None)


def test_rules_hold_in_the_middle_of_a_batch() -> None:
    world = shop()
    world.refuses(batch(lock("staging"), Deploy("staging", "cart", 2, "fail")), Locked)
    world.refuses(batch(environment("dev", upstream="staging"), DeleteEnvironment("staging")), IsUpstream)
    world.refuses(batch(DeleteApplication("cart"), Deploy("staging", "cart", 1)), NotFound)


def test_what_is_deleted_and_made_anew_in_one_batch_starts_from_nothing() -> None:
    world = shop()
    world.when(batch(DeleteApplication("cart"), release("cart", 1, "staging")))
    assert (world.releases(), world.at("staging")) == ([1], (None, None))
    assert world.manifest("staging") is None
    world.when(batch(DeleteEnvironment("staging"), environment("staging")))
    assert world.problems() == []


def test_a_placement_that_was_broken_before_can_be_mended_in_a_batch() -> None:
    world = shop()
    world.by_hand(*placed("staging", "cart", queued=9))
    world.when(lock("staging"), batch(release("cart", 9, "staging"), unlock("staging")))
    assert world.at("staging") == (9, None)


# What a batch may hold


def test_a_batch_holds_no_batch() -> None:
    with pytest.raises(InvalidCommand, match="another batch"):
        Batch((batch(lock("staging")),))  # type: ignore[arg-type]  # that is what is refused


def test_a_batch_holds_at_most_10000_commands() -> None:
    command: Command = Cleanup("cart")
    assert MAX_COMMANDS == 10_000
    assert shop().when(Batch((command,) * MAX_COMMANDS)).is_nothing  # type: ignore[arg-type]  # it is a single one
    with pytest.raises(InvalidCommand, match="10000"):
        Batch((command,) * (MAX_COMMANDS + 1))  # type: ignore[arg-type]  # it is a single one
