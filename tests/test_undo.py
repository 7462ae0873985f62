"""rules.md 6: undo. A commit's facts, inverted against today's state; what has moved on is left alone."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import get_args

import pytest

from kuberpult_core import (
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    Invalid,
    NotFound,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    batch_from,
    command_data,
    command_from,
    memory_repository,
)
from kuberpult_core.changes import Change, Link, Remove, written
from kuberpult_core.codec import logged_command
from kuberpult_core.commands import SingleCommand
from kuberpult_core.decision import Decision
from kuberpult_core.errors import Cascade, InvalidCommand, NoRepositoryUrl, UnknownRevision
from kuberpult_core.events import Cause, Deployed
from kuberpult_core.git.store import GitStore
from kuberpult_core.model import LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId
from kuberpult_core.past.replay import Proven, verdict
from kuberpult_core.plan import lines
from tests.real import git
from tests.rules import (
    ADA,
    ARGOCD,
    BOB,
    NOON,
    URL,
    World,
    deploys,
    environment,
    given,
    kinds,
    lock,
    release,
    releases,
    skipped,
    text_of,
    unlock,
    warned,
)
from tests.support import File, files_of, git_repository, path_of

BOTH = ("dev", "staging")
LINE = [environment("dev"), environment("staging", upstream="dev")]
DEV, CART = EnvironmentName("dev"), ApplicationName("cart")
LATER = NOON + timedelta(hours=1)


def line(*steps: Command | Iterable[Command]) -> World:
    """cart (of team sre) with three releases: 2 on dev, 1 on staging; staging follows dev."""
    cart = releases("cart", 3, *BOTH, team="sre")
    return given(LINE, cart, deploys("cart", 1, "staging"), deploys("cart", 2, "dev"), *steps)


def did(world: World, command: Command) -> str:
    """Carry *command* out; the commit's id."""
    world.when(command)
    assert world.head.commit
    return world.head.commit


def shown(world: World) -> dict[str, File]:
    """All files, but for who deployed and when: an undo is a deployment by whoever asks for it."""
    files = files_of(world.repository.store.objects, world.head.tree)
    return {path: file for path, file in files.items() if "/deployed_" not in path}


def moved_on(decision: Decision) -> list[str]:
    """What is listed as moved on, and how."""
    return [skip.detail for skip in decision.skips if skip.reason == "moved_on"]


def all_proven(world: World) -> bool:
    """Whether each commit that was not made by hand is decided again to the very same tree."""
    objects, before = world.repository.store.objects, None
    for commit in world.repository.store.log():
        if commit.message != "By hand" and not isinstance(verdict(objects, commit, before), Proven):
            return False
        before = commit.tree
    return True


# Right after: the tree before, and undone again the tree after


def shop() -> World:
    """Environments in a line, of which Argo CD knows two; locks of each kind, one overdue; queues."""
    world = given(
        UpdateSettings({"keepReleases": 1}),
        environment("dev", latest=True),
        environment("staging", upstream="dev", group="eu"),
        environment("prod", upstream="staging", group="eu", argocd=True),
        environment("spare", argocd=True),
        release("web", 1, "dev", "staging", "prod"),
        release("cart", 1, "dev", "staging", "prod", team="sre"),
        deploys("cart", 1, "staging", "prod"),
        release("cart", 2, "dev", "staging", "prod"),
        release("cart", 3, "dev", "staging", "prod"),
        lock("prod"),
        lock("staging", "own", "cart only", application="cart", expires_at=NOON),
        lock("staging", "team", "sre only", team="sre"),
        Deploy("prod", "cart", 2),
        Deploy("staging", "cart", 3),
    )
    world.by_hand(
        written("environments/prod/applications/web/locks/old-form", "the Go tool's\n"),
        written("applications/cart/releases/2/notes.txt", "nobody knows what this is"),
    )
    return world


EACH: dict[str, SingleCommand] = {
    "a deployment over another": Deploy("dev", "cart", 1),
    "a first deployment": Deploy("staging", "web", 1),
    "a deployment through locks": Deploy("prod", "cart", 3, "ignore"),
    "a first deployment through locks": Deploy("prod", "web", 1, "ignore"),
    "a deployment that waits": Deploy("prod", "web", 1),
    "a deployment that replaces what waits": Deploy("prod", "cart", 3),
    "a lock": lock("dev"),
    "a lock that replaces another": lock("prod", message="another reason"),
    "a lock on a team": lock("dev", team="sre"),
    "a lock on an application that is not there": lock("dev", application="nobody"),
    "an unlock": unlock("prod"),
    "an unlock that drops": unlock("prod", queued="discard"),
    "an unlock of the old form": unlock("prod", "old-form", application="web"),
    "an unlock that releases nothing": unlock("staging", "own", application="cart"),
    "an expiry": ExpireLocks(LATER),
    "a cancelled queue": CancelQueued("prod", "cart"),
    "a train": ReleaseTrain("staging"),
    "a train to a group, through locks": ReleaseTrain("eu", lock_behavior="ignore"),
    "a release that goes to dev and cleans up": release("cart", 4, "dev"),
    "a release of a new application": release("new", 1, "dev", team="ops"),
    "a release with another team": release("web", 2, "prod", team="sre"),
    "a team": SetTeam("web", "sre"),
    "a team that goes, and what its locks held": SetTeam("cart", None),
    "an environment": environment("new", upstream="dev"),
    "another config": UpdateEnvironment("staging", {"upstream": {"latest": True}, "environmentGroup": None}),
    "a config that Argo CD gets to see": UpdateEnvironment("dev", {"argocd": ARGOCD}),
    "a config that takes Argo CD away": UpdateEnvironment("prod", {"argocd": None}, allow_cascade=True),
    "an environment's end": DeleteEnvironment("prod", ignore_locks=True, allow_cascade=True),
    "a removal": RemoveApplicationFromEnvironment("prod", "cart", ignore_locks=True, allow_cascade=True),
    "an application's end": DeleteApplication("cart", ignore_locks=True, allow_cascade=True),
    "other settings": UpdateSettings({"keepReleases": 7, "branch": "main"}),
    "a cleanup": Cleanup("cart"),
    "an undo": Undo("HEAD~2", allow_cascade=True),
}


TOGETHER = [
    it for what, it in EACH.items() if "end" not in what and what not in ("an unlock that drops", "an undo")
]
"""What can be done one after the other."""


def test_every_command_is_among_those_that_are_undone() -> None:
    assert {type(command) for command in EACH.values()} == set(get_args(SingleCommand))


@pytest.mark.parametrize("what", EACH)
def test_right_after_a_commit_undo_gives_the_tree_before_and_undone_again_the_tree_after(what: str) -> None:
    world = shop()
    if what == "a cleanup":  # which finds something only after others moved on
        world.when(deploys("cart", 3, "staging", "prod"))
    before = shown(world)
    world.when(EACH[what])
    after = shown(world)
    assert after != before
    decision = world.when(Undo("HEAD", allow_cascade=True), at=LATER)
    assert shown(world) == before
    assert moved_on(decision) == []
    world.when(Undo("HEAD", allow_cascade=True), at=LATER)
    assert shown(world) == after
    assert all_proven(world)


def test_a_batch_is_undone_as_one() -> None:
    world = shop()
    before, commits = shown(world), world.commits()
    world.when(Batch(TOGETHER))
    assert world.commits() == commits + 1
    decision = world.when(Undo("HEAD", allow_cascade=True))
    assert shown(world) == before
    assert moved_on(decision) == []
    assert world.commits() == commits + 2


def test_an_undone_deployment_says_that_it_came_by_undo_and_by_whom() -> None:
    world = line(deploys("cart", 3, "dev"))
    decision = world.when(Undo("HEAD"), at=LATER)
    assert decision.events == (Deployed(DEV, CART, 2, 3, Cause.UNDONE),)  # type: ignore[arg-type]  # plain numbers
    assert world.manifest("dev") == text_of("cart", 2, "dev")
    placed = world.placement("dev", "cart").deployment
    assert (placed.by, placed.at) == (ADA, LATER)


def test_undo_of_a_rollback_is_no_step_back_and_undo_of_a_deployment_is_one() -> None:
    world = line(deploys("cart", 1, "dev"))
    assert warned(world.when(Undo("HEAD"))) == []
    assert warned(world.when(Undo("HEAD"))) == ["goes_backwards"]


def test_the_commit_names_what_it_undoes() -> None:
    world = line()
    commit = did(world, Deploy("dev", "cart", 3))
    world.when(Undo("HEAD"))
    logged = [*world.repository.store.log()][-1]
    assert logged.message.startswith(
        f"Undo {commit[:12]}: Deploy cart 3 to dev\n\ndeployment/dev/cart 3 → 2 (undone)\n\n"
    )
    assert f'"commit":"{commit}"' in logged.message


# What has moved on since is left alone and listed, and the rest is undone


Moved = tuple[Command, Command | Iterable[Command], Callable[[World], object], object, list[str]]

MOVED: dict[str, Moved] = {
    "another version": (
        ReleaseTrain("staging"),
        deploys("cart", 3, "staging"),
        lambda world: world.at("staging"),
        (3, None),
        ["3 is in place, not 2"],
    ),
    "a version that is gone": (
        ReleaseTrain("staging"),
        RemoveApplicationFromEnvironment("staging", "cart"),
        lambda world: world.at("staging"),
        (None, None),
        ["nothing is in place, not 2"],
    ),
    "a lock that was replaced": (
        lock("staging"),
        lock("staging", message="another reason"),
        lambda world: world.locks("staging"),
        {"freeze": "another reason"},
        ["lock/staging/freeze is another one by now"],
    ),
    "a lock that is gone": (
        lock("staging"),
        unlock("staging"),
        lambda world: world.locks("staging"),
        {},
        ["lock/staging/freeze is gone already"],
    ),
    "a lock that came back": (
        Batch([lock("staging", "other"), lock("staging"), unlock("staging", "other")]),
        [unlock("staging"), lock("staging", message="again")],
        lambda world: world.locks("staging"),
        {"freeze": "again"},
        ["lock/staging/freeze is another one by now"],
    ),
    "a config that was changed": (
        UpdateEnvironment("staging", {"environmentGroup": "eu"}),
        UpdateEnvironment("staging", {"environmentGroup": "us"}),
        lambda world: world.state.environments[EnvironmentName("staging")].config.group,
        "us",
        ["its config is another one by now"],
    ),
    "an environment that is gone": (
        UpdateEnvironment("staging", {"environmentGroup": "eu"}),
        DeleteEnvironment("staging"),
        lambda world: sorted(world.state.environments),
        ["dev"],
        ["it is gone"],
    ),
    "an environment that is there again": (
        DeleteEnvironment("staging"),
        CreateEnvironment("staging", {"upstream": {"latest": True}}),
        lambda world: world.at("staging"),
        (1, None),
        ["it is there again"],
    ),
    "an environment that is used": (
        environment("new"),
        lock("new"),
        lambda world: world.locks("new"),
        {"freeze": "wait"},
        ["its config is another one by now, or something is on it"],
    ),
    "an environment that is used by a team's lock": (
        environment("new"),
        lock("new", team="sre"),
        lambda world: world.locks("new", team="sre"),
        {"freeze": "wait"},
        ["its config is another one by now, or something is on it"],
    ),
    "an environment that became an upstream": (
        environment("new"),
        environment("next", upstream="new"),
        lambda world: sorted(world.state.environments),
        ["dev", "new", "next", "staging"],
        ["it is the upstream of next"],
    ),
    "an environment that was made and is gone": (
        environment("new"),
        DeleteEnvironment("new"),
        lambda world: sorted(world.state.environments),
        ["dev", "staging"],
        ["it is gone already"],
    ),
    "a team": (
        SetTeam("cart", "ops"),
        SetTeam("cart", "web"),
        lambda world: world.state.team_of("cart"),
        "web",
        ["its team is web by now"],
    ),
    "settings": (
        UpdateSettings({"keepReleases": 7}),
        UpdateSettings({"keepReleases": 8}),
        lambda world: world.state.settings.keep_releases,
        8,
        ["the settings are others by now"],
    ),
    "a release in use": (
        release("cart", 4, "dev"),
        deploys("cart", 4, "dev"),
        lambda world: world.releases(),
        [1, 2, 3, 4],
        ["it is in place or waits somewhere"],
    ),
    "a release that waits": (
        release("cart", 4, "dev"),
        [lock("dev"), Deploy("dev", "cart", 4)],
        lambda world: world.at("dev"),
        (2, 4),
        ["it is in place or waits somewhere"],
    ),
    "a release that is gone": (
        release("new", 1, "dev"),
        DeleteApplication("new"),
        lambda world: world.releases("new"),
        [],
        ["it is another one by now, or gone"],
    ),
    "a release that is another one": (
        release("new", 1, "dev"),
        [DeleteApplication("new"), release("new", 1, "staging")],
        lambda world: world.releases("new"),
        [1],
        ["it is another one by now, or gone"],
    ),
    "a release that says something else": (
        release("new", 1, "dev"),
        [DeleteApplication("new"), release("new", 1, "dev", display_version="v1")],
        lambda world: world.releases("new"),
        [1],
        ["it is another one by now, or gone"],
    ),
    "releases that are there again": (
        DeleteApplication("cart"),
        release("cart", 2, "dev"),
        lambda world: (world.releases(), world.at("dev"), world.at("staging")),
        ([1, 2, 3], (2, None), (1, None)),
        ["there is a release of that number again"],
    ),
}


@pytest.mark.parametrize("what", MOVED)
def test_what_has_moved_on_is_left_alone_and_listed_and_the_rest_is_undone(what: str) -> None:
    command, since, look, expected, listed = MOVED[what]
    world = line(release("other", 1, *BOTH))
    before = world.at("dev", "other")
    commit = did(world, Batch([*_parts(command), Deploy("dev", "other", 1)]))
    world.when(since)
    decision = world.when(Undo(commit))
    assert (moved_on(decision), look(world)) == (listed, expected)
    assert world.at("dev", "other") == before
    assert all_proven(world)


def _parts(command: Command) -> tuple[SingleCommand, ...]:
    return command.commands if isinstance(command, Batch) else (command,)


def test_where_all_has_moved_on_nothing_happens() -> None:
    world = line()
    commit = did(world, Deploy("dev", "cart", 3))
    world.when(deploys("cart", 1, "dev"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert skipped(decision) == {"dev/cart": "moved_on"}


def test_a_queue_that_has_moved_on_stays_and_the_version_goes_back() -> None:
    world = line(lock("dev"), deploys("cart", 3, "dev"))
    commit = did(world, Batch([Deploy("dev", "cart", 1, "ignore"), Deploy("dev", "cart", 2)]))
    world.when(Deploy("dev", "cart", 3))
    decision = world.when(Undo(commit))
    assert world.at("dev") == (3, 3)
    assert moved_on(decision) == ["3 waits, not 2"]


def test_what_began_to_wait_since_goes_on_waiting() -> None:
    world = line()
    commit = did(world, Deploy("dev", "cart", 3))
    world.when(lock("dev"), Deploy("dev", "cart", 1))
    decision = world.when(Undo(commit))
    assert world.at("dev") == (2, 1)
    assert moved_on(decision) == []


def test_undone_twice_nothing_is_left_to_undo() -> None:
    world = line()
    commit = did(world, Deploy("dev", "cart", 3))
    world.when(Undo(commit))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert moved_on(decision) == ["2 is in place, not 3"]


def test_a_release_that_was_cleaned_up_meanwhile_does_not_come_back_into_place() -> None:
    world = line(UpdateSettings({"keepReleases": 0}), deploys("cart", 2, *BOTH))
    commit = did(world, Deploy("dev", "cart", 3))
    world.when(deploys("cart", 3, "staging"), Cleanup("cart"))
    assert world.releases() == [3]
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert [(it.reason, it.version, it.detail) for it in decision.skips] == [
        ("broken", 2, "there is no release 2 of cart")
    ]


def test_what_waited_and_was_cleaned_up_meanwhile_is_broken_too() -> None:
    world = line(
        UpdateSettings({"keepReleases": 0}), deploys("cart", 2, *BOTH), lock("dev"), Deploy("dev", "cart", 1)
    )
    world.by_hand(Remove("applications/cart/releases/1"))
    commit = did(world, CancelQueued("dev", "cart"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert skipped(decision) == {"dev/cart": "broken"}


# Locks: an undo is manual


@pytest.mark.parametrize(
    "held",
    [lock("dev"), lock("dev", application="cart"), lock("dev", team="sre")],
    ids=["environment", "application", "team"],
)
def test_undo_goes_through_locks_and_warns(held: Command) -> None:
    world = line(deploys("cart", 3, "dev"), held)
    decision = world.when(Undo("HEAD~1"))
    assert world.at("dev") == (2, None)
    assert "ignores_locks" in warned(decision)


def test_undo_of_an_unlock_puts_the_lock_back_as_it_was_with_version_and_queue() -> None:
    world = line(lock("dev", link="https://ci.example.com/1", suggested_lifetime="2h"), Deploy("dev", "cart", 3))
    before = shown(world)
    world.when(unlock("dev"), at=LATER)
    assert world.at("dev") == (3, None)
    world.when(Undo("HEAD"), at=LATER + timedelta(hours=1))
    assert world.at("dev") == (2, 3)
    assert shown(world) == before
    there = world.state.locks_at(LockScope(DEV))[LockId("freeze")]
    assert (there.created_by, there.created_at) == (BOB, NOON)


def test_undo_of_an_unlock_warns_of_locks_that_came_since_and_not_of_its_own() -> None:
    world = line(lock("dev"), Deploy("dev", "cart", 3))
    world.when(unlock("dev"))
    assert warned(world.when(Undo("HEAD"))) == ["goes_backwards"]
    world.when(Undo("HEAD"), lock("dev", "newer"))
    assert warned(world.when(Undo("HEAD~2"))) == []
    world.when(unlock("dev", "newer"))


@pytest.mark.parametrize("waits", [True, False])
def test_undo_of_a_lock_releases_what_it_held_back(waits: bool) -> None:
    world = line()
    commit = did(world, lock("dev"))
    if waits:
        world.when(Deploy("dev", "cart", 3))
    decision = world.when(Undo(commit))
    assert world.at("dev") == (3 if waits else 2, None)
    assert kinds(decision) == ["LockDeleted", "Deployed"][: 1 + waits]


def test_undo_of_one_lock_of_two_releases_nothing() -> None:
    world = line(lock("dev", "other"), lock("dev"), Deploy("dev", "cart", 3))
    world.when(Undo("HEAD~1"))
    assert world.at("dev") == (2, 3)
    assert world.locks("dev") == {"other": "wait"}


def waiting_without_a_lock() -> World:
    """cart 2 on dev, and 3 that waits although somebody took the lock away by hand."""
    world = line(lock("dev"), Deploy("dev", "cart", 3))
    world.by_hand(Remove("environments/dev/locks"))
    return world


@pytest.mark.parametrize(
    "held",
    [lock("dev"), lock("dev", application="cart"), lock("dev", team="sre")],
    ids=["environment", "application", "team"],
)
def test_undo_of_a_lock_leaves_alone_what_waited_before_without_any_lock(held: Command) -> None:
    world = waiting_without_a_lock()
    world.when(held)
    decision = world.when(Undo("HEAD"))
    assert world.at("dev") == (2, 3)
    assert kinds(decision) == ["LockDeleted"]


def test_undo_of_a_team_leaves_alone_what_waited_before_without_any_lock() -> None:
    world = waiting_without_a_lock()
    commit = did(world, SetTeam("cart", "ops"))
    world.when(lock("dev", team="ops"))
    decision = world.when(Undo(commit))
    assert world.at("dev") == (2, 3)
    assert kinds(decision) == ["TeamSet"]


@pytest.mark.parametrize("command", [CancelQueued("dev", "cart"), Deploy("dev", "cart", 1)])
def test_what_waited_without_any_lock_waits_again(command: Command) -> None:
    world = waiting_without_a_lock()
    world.when(command, Undo("HEAD"))
    assert world.at("dev") == (2, 3)


@pytest.mark.parametrize(
    ("waits", "words"), [(2, "3 → 2 (undone)"), (1, "3 → 2 (undone) (1 does not wait any more)")]
)
def test_an_undo_says_what_does_not_wait_any_more(waits: int, words: str) -> None:
    world = line(lock("dev"))
    world.when(Batch([Deploy("dev", "cart", 3, "ignore"), Deploy("dev", "cart", waits)]))
    decision = world.when(Undo("HEAD"))
    assert lines(decision)[0] == f"deployment/dev/cart {words}"
    assert world.at("dev") == (2, None)


def test_undo_of_a_team_releases_what_the_new_teams_lock_held_back() -> None:
    world = line(release("web", 1, *BOTH, team="web"), lock("dev", team="web"))
    commit = did(world, SetTeam("cart", "web"))
    world.when(Deploy("dev", "cart", 3))
    assert world.at("dev") == (2, 3)
    world.when(Undo(commit))
    assert world.at("dev") == (3, None)


def test_a_queue_comes_back_only_where_a_lock_would_hold_it() -> None:
    world = line(lock("dev"), Deploy("dev", "cart", 3))
    commit = did(world, CancelQueued("dev", "cart"))
    world.when(unlock("dev"))
    decision = world.when(Undo(commit))
    assert world.at("dev") == (2, None)
    assert moved_on(decision) == ["no lock holds 3 back any more"]


# First deployments, and what Argo CD would delete


def test_a_first_deployment_is_taken_away_and_locks_and_queue_stay() -> None:
    world = line(release("web", 1, "dev"), lock("dev", application="web"))
    commit = did(world, Deploy("dev", "web", 1, "ignore"))
    world.when(release("web", 2, "dev"), Deploy("dev", "web", 2))
    decision = world.when(Undo(commit))
    assert world.at("dev", "web") == (None, 2)
    assert world.manifest("dev", "web") is None
    assert world.locks("dev", "web") == {"freeze": "wait"}
    assert kinds(decision) == ["Undeployed"]
    assert not [path for path in world.files() if "dev/applications/web/deployed" in path]


def test_a_first_deployment_that_argo_cd_knows_needs_leave_and_all_that_goes_is_listed() -> None:
    world = given(environment("a", argocd=True), environment("b", argocd=True), release("cart", 1, "a", "b"))
    commit = did(world, Batch(deploys("cart", 1, "a", "b")))
    refusal = world.refuses(Undo(commit), Cascade)
    assert "a-cart, b-cart" in str(refusal)
    decision = world.when(Undo(commit, allow_cascade=True))
    assert decision.cascades == ("a-cart", "b-cart")
    assert "kind: Application\n" not in (world.file("argocd/v1alpha1/a.yaml") or "")


def test_a_config_that_argo_cd_got_to_see_needs_leave_to_go_and_all_that_goes_is_listed() -> None:
    world = given(environment("a"), environment("b"), release("cart", 1, "a", "b"), deploys("cart", 1, "a", "b"))
    commit = did(world, Batch([UpdateEnvironment(name, {"argocd": ARGOCD}) for name in ("a", "b")]))
    refusal = world.refuses(Undo(commit), Cascade)
    assert "a-cart, b-cart" in str(refusal)
    assert world.when(Undo(commit, allow_cascade=True)).cascades == ("a-cart", "b-cart")
    assert world.file("argocd/v1alpha1/a.yaml") is None


def test_each_application_that_goes_is_listed_once() -> None:
    world = given(environment("a"), release("cart", 1, "a"))
    world.when(Batch([UpdateEnvironment("a", {"argocd": ARGOCD}), Deploy("a", "cart", 1)]))
    assert world.when(Undo("HEAD", allow_cascade=True)).cascades == ("a-cart",)


def test_in_a_batch_an_undo_answers_for_its_own_cascades_only() -> None:
    world = given(environment("a", argocd=True), releases("cart", 2, "a"), deploys("cart", 1, "a"))
    commit = did(world, Deploy("a", "cart", 2))
    gone = RemoveApplicationFromEnvironment("a", "cart", allow_cascade=True)
    decision = world.when(Batch([Undo(commit), gone]))
    assert decision.cascades == ("a-cart",)
    world.when(Undo("HEAD", allow_cascade=True))
    decision = world.when(Batch([gone, Undo(commit)]))
    assert (decision.cascades, moved_on(decision)) == (("a-cart",), ["nothing is in place, not 2"])


def test_names_that_argo_cd_knows_only_once_change_hands_and_back() -> None:
    world = given(environment("prod"), environment("prod-de"), release("de-web", 1, "prod"))
    world.when(release("web", 1, "prod-de"), deploys("de-web", 1, "prod"))
    before = shown(world)
    world.when(Batch([RemoveApplicationFromEnvironment("prod", "de-web"), Deploy("prod-de", "web", 1)]))
    world.when(Undo("HEAD"))
    assert shown(world) == before


@pytest.mark.parametrize("waited", [True, False])
def test_what_comes_back_has_no_name_in_argo_cd_that_another_has_by_now(waited: bool) -> None:
    world = given(environment("prod"), environment("prod-de"), release("de-web", 1, "prod"))
    world.when(release("web", 1, "prod-de"), lock("prod"))
    world.when(Deploy("prod", "de-web", 1, "queue" if waited else "ignore"))
    gone = RemoveApplicationFromEnvironment("prod", "de-web", ignore_locks=True)
    commit = did(world, CancelQueued("prod", "de-web") if waited else gone)
    world.when(Deploy("prod-de", "web", 1))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert skipped(decision) == {"prod/de-web": "broken"}
    assert "prod-de-web" in decision.skips[0].detail


# What was deleted comes back byte for byte


def test_deleted_releases_and_locks_come_back_byte_for_byte() -> None:
    world = line(lock("dev"), lock("dev", "own", application="cart"), lock("dev", team="sre"))
    world.by_hand(
        written("applications/cart/releases/2/unknown/file", b"\xff\0"),
        Link("applications/cart/releases/2/link", "/etc/passwd"),
        written("applications/cart/releases/2/created_at", "2020-02-02T02:02:02.123456+05:30\r\n"),
        written("applications/cart/releases/3/created_at", "no time at all"),
        written("environments/dev/locks/old-form", "\n\nthe Go tool's\n\n"),
        written("environments/dev/applications/cart/locks/own/ours", "a file of somebody's"),
        written("environments/dev/applications/cart/locks/own/created_at", "2020-02-02T02:02:02.9Z"),
    )
    before = shown(world)
    gone = DeleteApplication("cart", ignore_locks=True), DeleteEnvironment("dev", ignore_locks=True)
    world.when(UpdateEnvironment("staging", {"upstream": None}), Batch(gone))
    assert not [path for path in world.files() if path.startswith(("applications/cart", "environments/dev"))]
    world.when(Undo("HEAD"), Undo("HEAD~2"), at=LATER)
    assert shown(world) == before
    assert all_proven(world)


def test_files_that_kuberpult_does_not_know_are_named_and_stay_gone() -> None:
    world = line()
    world.by_hand(written("environments/dev/OWNERS", "ada"), written("applications/cart/OWNERS", "ada"))
    world.when(DeleteApplication("cart"))
    decision = world.when(Undo("HEAD"))
    assert decision.notes == ("Files that kuberpult does not know stay as they are: applications/cart/OWNERS.",)
    assert world.file("applications/cart/OWNERS") is None


def test_unknown_files_without_number_are_counted() -> None:
    world = line()
    world.by_hand(
        *(written(f"theirs/{number:03}\n", "x") for number in range(150)), *(_lock_file("dev", "by-hand"))
    )
    (note,) = world.when(Undo("HEAD")).notes
    assert note.count("theirs/") == 100
    assert note.endswith("and 50 more.")
    assert note.isprintable()


# Commits by others


def _lock_file(environment_name: str, lock_id: str) -> list[Change]:
    return [written(f"environments/{environment_name}/locks/{lock_id}", "old form")]


def test_a_commit_by_somebody_else_is_undone_by_its_facts() -> None:
    world = line()
    before = shown(world)
    world.by_hand(
        *_lock_file("dev", "by-hand"),
        Link("environments/dev/applications/cart/version", "../../../../applications/cart/releases/3"),
        written("applications/cart/team", "ops"),
        written("environments/new/config.json", "{}"),
    )
    decision = world.when(Undo("HEAD"))
    assert kinds(decision) == ["TeamSet", "LockDeleted", "Deployed", "EnvironmentDeleted"]
    assert shown(world) == before
    assert all_proven(world)


def test_a_manifest_that_somebody_edited_stays_as_it_is_and_is_named() -> None:
    world = line()
    path = "environments/dev/applications/cart/manifests/manifests.yaml"
    world.by_hand(written(path, "by: hand"))
    decision = world.when(Undo("HEAD"))
    assert decision.is_nothing
    assert decision.notes == (f"Files that kuberpult does not know stay as they are: {path}.",)


def test_the_first_commit_can_be_undone_and_put_back() -> None:
    world = World(memory_repository())
    world.when(Batch([UpdateSettings({"url": URL}), LINE[0], release("cart", 1, "dev"), Deploy("dev", "cart", 1)]))
    after = shown(world)
    world.when(Undo("HEAD"))
    assert world.files() == set()
    world.when(Undo("HEAD"))
    assert shown(world) == after
    assert all_proven(world)


def test_a_merge_by_somebody_is_undone_against_its_first_parent() -> None:
    with git_repository() as repository:
        world = World(repository)
        world.when(LINE, releases("cart", 2, "dev"), deploys("cart", 1, "dev"))
        before = shown(world)
        folder = path_of(repository)
        git(folder, "branch", "side", "HEAD~1")
        world.when(lock("dev"))
        head = world.head.commit
        assert head
        world.when(deploys("cart", 2, "dev"))
        both = git(folder, "rev-parse", "main^{tree}").strip()
        merge = git(folder, "commit-tree", both, "-p", head, "-p", "side", "-m", "Merge side").strip()
        git(folder, "update-ref", "refs/heads/main", merge)
        decision = world.when(Undo("HEAD"))
        assert kinds(decision) == ["Deployed"]
        assert world.at("dev") == (1, None)
        world.when(Undo(head))
        assert shown(world) == before


@pytest.mark.parametrize("revision", ["nonsense", "0" * 40, "HEAD~99", "a\u2713", "..", "--all", "@{-1}"])
def test_what_names_no_commit_is_refused(revision: str) -> None:
    line().refuses(Undo(revision), UnknownRevision)


def test_a_commit_of_another_branch_is_refused() -> None:
    with git_repository() as repository:
        world = World(repository)
        world.when(LINE, releases("cart", 2, "dev"), deploys("cart", 1, "dev"))
        folder = path_of(repository)
        elsewhere = git(folder, "commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "Elsewhere").strip()
        git(folder, "branch", "elsewhere", elsewhere)
        assert isinstance(repository.store, GitStore)
        refusal = world.refuses(Undo("elsewhere"), UnknownRevision)
        assert "it is not in the history of this branch" in str(refusal)


def test_in_an_empty_repository_there_is_nothing_to_undo() -> None:
    World(memory_repository()).refuses(Undo("HEAD"), NotFound)


# Batches, and undo of an undo


def test_an_undo_can_be_a_part_of_a_batch_and_sees_the_parts_before_it() -> None:
    world = line()
    commit = did(world, Deploy("dev", "cart", 3))
    world.when(Batch([Deploy("staging", "cart", 3), Undo(commit), lock("dev")]))
    assert (world.at("dev"), world.at("staging"), world.locks("dev")) == ((2, None), (3, None), {"freeze": "wait"})
    world.when(Undo("HEAD"))
    assert (world.at("dev"), world.at("staging"), world.locks("dev")) == ((3, None), (1, None), {})
    decision = world.when(Batch([Deploy("dev", "cart", 1), Undo(commit)]))
    assert moved_on(decision) == ["1 is in place, not 3"]
    assert all_proven(world)


def test_several_commits_are_undone_in_one_batch_the_last_one_first() -> None:
    world = line()
    before = shown(world)
    commits = [
        did(world, command) for command in (Deploy("dev", "cart", 3), lock("dev"), Deploy("dev", "cart", 1))
    ]
    world.when(Batch([Undo(commit) for commit in reversed(commits)]))
    assert shown(world) == before


def test_undo_and_redo_go_on_as_long_as_one_likes() -> None:
    world = line(deploys("cart", 3, "dev"))
    seen = [(world.when(Undo("HEAD")), world.at("dev"))[1] for _ in range(4)]
    assert seen == [(2, None), (3, None), (2, None), (3, None)]
    assert all_proven(world)


# Trains of any size, and the log's bound


def _fleet(applications: int) -> World:
    world = given(LINE)
    names = [f"service-{number:04}" for number in range(applications)]
    world.when(Batch([release(name, 1, *BOTH) for name in names]), Batch([Deploy("dev", it, 1) for it in names]))
    return world


def test_a_train_of_a_thousand_applications_is_undone_as_one_commit() -> None:
    world = _fleet(1000)
    before, commits = world.head.tree, world.commits()
    world.repository.apply(ReleaseTrain("staging"), ADA, NOON)
    plan = world.repository.plan(Undo("HEAD"))
    applied = world.repository.carry_out(plan, ADA, NOON)
    assert len(applied.decision.events) == 1000
    assert world.head.tree == before
    assert world.commits() == commits + 2
    assert len(logged_command(plan.command)) < 256 * 1024


def test_an_undo_that_the_log_could_not_keep_is_refused_and_nothing_is_written() -> None:
    world = line()
    text = "x" * 900_000
    world.by_hand(*(written(f"environments/dev/locks/lock-{number}/message", text) for number in range(5)))
    refusal = world.refuses(Undo("HEAD"), InvalidCommand)
    assert "4194304" in str(refusal)


# Only the repository says what a commit did


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "Undo", "commit": "HEAD", "facts": {"subject": "mine"}},
        {"kind": "Undo", "commit": "HEAD", "facts": None},
        {"kind": "ReleaseTrain", "target": "staging", "from_state": {"revision": "HEAD", "versions": {}}},
        {"kind": "ReleaseTrain", "target": "staging", "from_state": {"revision": "HEAD", "versions": None}},
    ],
)
def test_what_only_the_repository_can_say_cannot_be_handed_in(data: dict[str, object]) -> None:
    with pytest.raises(Invalid, match=r"facts|versions"):
        command_from(data)
    with pytest.raises(Invalid, match=r"facts|versions"):
        batch_from(str([data]).replace("None", "null").encode())


def test_a_command_that_is_given_back_says_the_commit_and_not_its_facts() -> None:
    world = line()
    planned = world.repository.plan(Undo("HEAD")).command
    assert command_data(planned) == {"kind": "Undo", "commit": world.head.commit}


# At three in the morning: repositories that somebody broke


def test_an_unreadable_config_is_left_alone_and_the_rest_is_undone() -> None:
    world = line()
    commit = did(
        world, Batch([UpdateEnvironment("dev", {"environmentGroup": "eu"}), Deploy("staging", "cart", 3)])
    )
    world.by_hand(written("environments/dev/config.json", "{"))
    decision = world.when(Undo(commit))
    assert moved_on(decision) == ["its config is another one by now"]
    assert world.at("staging") == (1, None)
    assert world.file("environments/dev/config.json") == "{"


@pytest.mark.parametrize(
    ("command", "listed"),
    [
        (UpdateEnvironment("staging", {"upstream": None}), "its config is another one by now"),
        (environment("new"), "its config is another one by now, or something is on it"),
    ],
)
def test_a_config_that_says_nothing_is_not_one_that_cannot_be_read(command: Command, listed: str) -> None:
    world = line()
    commit = did(world, command)
    name = getattr(command, "environment", "")
    assert world.file(f"environments/{name}/config.json") == "{}\n"
    world.by_hand(written(f"environments/{name}/config.json", "{"))
    assert moved_on(world.when(Undo(commit))) == [listed]
    assert world.file(f"environments/{name}/config.json") == "{"


def test_deployments_on_an_environment_with_an_unreadable_config_are_undone() -> None:
    world = line(deploys("cart", 3, "dev"))
    commit = world.head.commit
    assert commit
    world.by_hand(written("environments/dev/config.json", "{"))
    world.when(Undo(commit))
    assert world.at("dev") == (2, None)


def test_what_argo_cd_may_know_of_an_unreadable_environment_needs_leave() -> None:
    world = line(release("web", 1, "dev"))
    commit = did(world, Deploy("dev", "web", 1))
    world.by_hand(written("environments/dev/config.json", "{"))
    world.refuses(Undo(commit), Cascade)
    assert world.when(Undo(commit, allow_cascade=True)).cascades == ("dev-web",)


def test_a_config_that_somebody_broke_is_a_fact_that_nobody_can_undo_and_it_is_named() -> None:
    world = line()
    world.by_hand(written("environments/dev/config.json", "{"), *_lock_file("staging", "by-hand"))
    decision = world.when(Undo("HEAD"))
    assert kinds(decision) == ["LockDeleted"]
    assert "environments/dev/config.json" in decision.notes[0]


@pytest.mark.parametrize("name", ["version", "queued_version"])
def test_a_link_that_somebody_broke_since_is_left_alone(name: str) -> None:
    world = line(lock("dev"))
    commit = did(world, Deploy("dev", "cart", 3, "ignore"))
    world.by_hand(Link(f"environments/dev/applications/cart/{name}", "/etc/passwd"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert skipped(decision) == {"dev/cart": "moved_on"}


@pytest.mark.parametrize("name", ["version", "queued_version"])
def test_a_link_that_was_broken_before_is_named_and_stays_mended(name: str) -> None:
    world = line(lock("dev"))
    world.by_hand(Link(f"environments/dev/applications/cart/{name}", "/etc/passwd"))
    commit = did(world, Deploy("dev", "cart", 3, "ignore"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert f"environments/dev/applications/cart/{name}" in decision.notes[0]
    assert world.at("dev") == (3, None)


def test_a_release_stays_while_a_broken_link_may_name_it() -> None:
    world = line()
    commit = did(world, release("cart", 4, "dev"))
    world.by_hand(Link("environments/staging/applications/cart/version", "nowhere"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert world.releases() == [1, 2, 3, 4]


def test_names_that_are_not_allowed_are_named_and_left_alone() -> None:
    world = line()
    paths = ["applications/Upper/team", "environments/dev/locks/x", "environments/under_score/config.json", "junk"]
    world.by_hand(*(written(path, "x") for path in paths), *_lock_file("dev", "by-hand"))
    decision = world.when(Undo("HEAD"))
    assert kinds(decision) == ["LockDeleted"]
    assert decision.notes == (f"Files that kuberpult does not know stay as they are: {', '.join(paths)}.",)


def test_settings_that_were_not_there_before_are_not_there_again() -> None:
    world = World(memory_repository())
    world.when(LINE, UpdateSettings({"keepReleases": 3}))
    world.when(Undo("HEAD"))
    assert world.file("kuberpult.json") is None
    world.when(Undo("HEAD"))
    assert world.state.settings.keep_releases == 3


def test_the_url_stays_while_argo_cd_needs_it() -> None:
    world = World(memory_repository())
    url = did(world, UpdateSettings({"url": URL}))
    made = did(world, environment("dev", argocd=True))
    world.refuses(Undo(url), NoRepositoryUrl)
    world.when(Batch([Undo(made), Undo(url)]))
    assert world.files() == set()


def test_settings_that_somebody_broke_are_left_alone() -> None:
    world = line(UpdateSettings({"keepReleases": 3}))
    world.by_hand(written("kuberpult.json", "{"))
    assert moved_on(world.when(Undo("HEAD~1"))) == ["the settings are others by now"]
    assert world.file("kuberpult.json") == "{"


def test_settings_that_were_taken_away_do_not_replace_those_that_somebody_broke() -> None:
    world = line()
    world.by_hand(Remove("kuberpult.json"))
    world.by_hand(written("kuberpult.json", "{"))
    assert moved_on(world.when(Undo("HEAD~1"))) == ["the settings are others by now"]


def test_an_upstream_that_is_gone_keeps_a_config_from_coming_back() -> None:
    world = line(environment("other"), UpdateEnvironment("staging", {"upstream": {"environment": "other"}}))
    commit = did(world, UpdateEnvironment("staging", {"upstream": {"latest": True}}))
    world.when(DeleteEnvironment("other"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert skipped(decision) == {"staging": "broken"}


def test_a_config_that_would_make_a_cycle_does_not_come_back() -> None:
    world = line(UpdateEnvironment("staging", {"upstream": None}))
    commit = world.head.commit
    world.when(UpdateEnvironment("dev", {"upstream": {"environment": "staging"}}))
    decision = world.when(Undo(str(commit)))
    assert decision.is_nothing
    assert "cycle" in decision.skips[0].detail


def test_environments_that_need_each_other_come_back_in_whatever_order_it_takes() -> None:
    world = given(environment("c"), environment("b", upstream="c"), environment("a", upstream="b"))
    before = shown(world)
    world.when(Batch([DeleteEnvironment(name) for name in ("a", "b", "c")]))
    world.when(Undo("HEAD"))
    assert shown(world) == before
    world.when(Undo("HEAD"))
    assert world.state.environments == {}


def test_an_environment_without_a_config_lives_on_and_gets_an_empty_one() -> None:
    world = line(release("web", 1, "new"))
    world.by_hand(*_lock_file("new", "by-hand"))
    commit = did(world, Deploy("new", "web", 1, "ignore"))
    world.by_hand(Remove("environments/new/locks"))
    world.when(Undo(commit))
    assert world.file("environments/new/config.json") == "{}\n"
    assert world.at("new", "web") == (None, None)


def test_an_environment_without_a_config_comes_back_with_an_empty_one_and_all_that_was_on_it() -> None:
    world = line()
    world.by_hand(*_lock_file("new", "by-hand"))
    before = shown(world)
    world.when(DeleteEnvironment("new", ignore_locks=True))
    world.when(Undo("HEAD"))
    assert shown(world) == before | {"environments/new/config.json": File(b"{}\n")}
    assert all_proven(world)


def test_a_lock_or_a_deployment_does_not_come_back_without_its_environment() -> None:
    world = line(lock("dev"), lock("dev", "own", application="cart"))
    gone = Batch([unlock("dev"), DeleteLock(Target("dev", application="cart"), "own"), Deploy("dev", "cart", 3)])
    commit = did(world, gone)
    world.when(UpdateEnvironment("staging", {"upstream": None}), DeleteEnvironment("dev"))
    decision = world.when(Undo(commit))
    assert decision.is_nothing
    assert sorted(moved_on(decision)) == [
        "its environment is gone",
        "its environment is gone, and lock/dev/cart/own with it",
        "its environment is gone, and lock/dev/freeze with it",
    ]


def test_every_line_of_an_undo_is_one_line() -> None:
    world = shop()
    world.when(TOGETHER)
    for back in range(world.commits() - 1):
        assert all(
            text.isprintable() for text in lines(world.repository.plan(Undo(f"HEAD~{back}", True)).decision)
        )
