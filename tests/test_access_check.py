"""What is checked when something is to change: the command, and all that comes of it, on a repository."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kuberpult_core import (
    Actor,
    Batch,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    Repository,
    SetTeam,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.access import check, parse
from kuberpult_core.errors import KuberpultError, NotAllowed, UnknownEnvironment
from kuberpult_core.memory import MemoryStore
from kuberpult_core.service import Check
from tests.support import NOON

ADA = Actor("Ada", "ada@example.com")
POD, JOB = "kind: Pod\n", "kind: Job\n"


@pytest.fixture
def repository() -> Iterator[Repository]:
    """development and staging in the group eu, production alone; cart 2 waits on staging for a lock."""
    with Repository(MemoryStore(), clock=lambda: NOON) as opened:
        for command in (
            CreateEnvironment("development", {"upstream": {"latest": True}, "environmentGroup": "eu"}),
            CreateEnvironment("staging", {"upstream": {"environment": "development"}, "environmentGroup": "eu"}),
            CreateEnvironment("production", {"upstream": {"environment": "staging"}}),
            release(1),
            ReleaseTrain("staging"),
            ReleaseTrain("production"),
            CreateLock(Target("staging"), "freeze", "Stop.", expires_at=NOON + timedelta(hours=1)),
            release(2),
            ReleaseTrain("staging"),
        ):
            opened.apply(command, ADA)
        yield opened


def release(version: int) -> CreateRelease:
    manifests = dict.fromkeys(("development", "staging", "production"), f"{POD}# {version}\n")
    return CreateRelease("cart", manifests, version=version, team="checkout")


def checking(*lines: str) -> Check:
    """The check of somebody whom these lines are about: ``ACTION PLACE [APP]``."""
    parts = [(*line.split(), "*")[:3] for line in lines]
    return check(parse("\n".join(f"p, role:r, {a}, {p}, {app}, allow" for a, p, app in parts)), ["r"], "Ada")


def refused(repository: Repository, command: Command, *lines: str) -> tuple[str, str]:
    """What is refused to somebody with these rights, and where; the plan is refused just the same."""
    before = repository.snapshot()[0]
    with pytest.raises(NotAllowed) as raised:
        repository.apply(command, ADA, check=checking("View *:*", *lines))
    with pytest.raises(NotAllowed) as planned:
        repository.plan(command, checking("View *:*", *lines))
    with pytest.raises(NotAllowed) as blind:
        repository.apply(command, ADA, check=checking(*lines))
    assert repository.snapshot()[0] == before
    assert blind.value.action == raised.value.action
    assert blind.value.where in (raised.value.where, "a place that they may not see")
    assert planned.value.facts == raised.value.facts
    assert raised.value.who == "Ada"
    return raised.value.action, raised.value.where


def allowed(repository: Repository, command: Command, *lines: str) -> None:
    repository.apply(command, ADA, check=checking(*lines))


# A fact that is not in the command


def test_a_lock_whose_end_deploys_needs_the_right_to_deploy(repository: Repository) -> None:
    unlock = DeleteLock(Target("staging"), "freeze")
    assert refused(repository, unlock, "DeleteLock eu:staging") == ("DeployRelease", "staging/cart")
    assert refused(repository, unlock, "DeployRelease eu:staging") == ("DeleteLock", "staging")
    allowed(repository, unlock, "DeleteLock eu:*", "DeployRelease *:staging cart")
    assert repository.state().placement("staging", "cart").version == 2


def test_dropping_what_waits_needs_the_right_to_deploy_as_well(repository: Repository) -> None:
    unlock = DeleteLock(Target("staging"), "freeze", queued="discard")
    assert refused(repository, unlock, "DeleteLock *:*") == ("DeployRelease", "staging/cart")


def test_an_expiry_deploys(repository: Repository) -> None:
    expiry = ExpireLocks(NOON + timedelta(hours=2))
    assert refused(repository, expiry) == ("DeleteLock", "staging")
    assert refused(repository, expiry, "DeleteLock *:*") == ("DeployRelease", "staging/cart")
    allowed(repository, expiry, "DeleteLock *:*", "DeployRelease *:*")


def test_a_release_deploys_to_where_the_newest_goes(repository: Repository) -> None:
    assert refused(repository, release(3), "CreateRelease *:*") == ("DeployRelease", "development/cart")
    allowed(repository, release(3), "CreateRelease *:*", "DeployRelease eu:development")


def test_a_release_needs_the_right_for_each_environment_it_is_for(repository: Repository) -> None:
    right = ("CreateRelease eu:*", "DeployRelease *:*")
    assert refused(repository, release(3), *right) == ("CreateRelease", "production/cart")


def test_a_train_needs_the_right_to_run_and_to_deploy(repository: Repository) -> None:
    train = ReleaseTrain("eu")
    assert refused(repository, train, "DeployReleaseTrain *:staging") == ("DeployReleaseTrain", "development")
    queueing = ReleaseTrain("production")
    repository.apply(DeleteLock(Target("staging"), "freeze"), ADA)
    assert refused(repository, queueing, "DeployReleaseTrain *:*") == ("DeployRelease", "production/cart")
    allowed(repository, queueing, "DeployReleaseTrain production:*", "DeployRelease production:*")


def test_an_undo_needs_what_turns_it_round(repository: Repository) -> None:
    repository.apply(Deploy("production", "cart", 2), ADA)
    assert refused(repository, Undo("HEAD"), "DeployRelease eu:*") == ("DeployRelease", "production/cart")
    allowed(repository, Undo("HEAD"), "DeployRelease *:production")
    assert repository.state().placement("production", "cart").version == 1


def test_an_undo_tells_nothing_of_what_has_moved_on(repository: Repository) -> None:
    repository.apply(Deploy("production", "cart", 2), ADA)
    commit = repository.snapshot()[0].commit
    repository.apply(Deploy("production", "cart", 1), ADA)
    assert refused(repository, Undo(str(commit))) == ("DeployRelease", "production/cart")


def test_a_team_that_opens_a_lock_needs_the_right_to_deploy(repository: Repository) -> None:
    repository.apply(CreateLock(Target("staging", team="checkout"), "team", "Stop."), ADA)
    repository.apply(DeleteLock(Target("staging"), "freeze"), ADA)
    assert refused(repository, SetTeam("cart", "other"), "SetTeam *:*") == ("DeployRelease", "staging/cart")


def test_each_command_of_a_batch_is_checked(repository: Repository) -> None:
    batch = Batch((Deploy("production", "cart", 2), Cleanup("cart")))
    assert refused(repository, batch, "DeployRelease *:*") == ("DeleteRelease", "cart as a whole")
    assert refused(repository, batch, "DeleteRelease *:*") == ("DeployRelease", "production/cart")
    allowed(repository, batch, "DeployRelease *:*", "DeleteRelease *:*")


def test_what_does_nothing_is_checked_too(repository: Repository) -> None:
    assert refused(repository, Deploy("production", "cart", 1)) == ("DeployRelease", "production/cart")


def test_a_plan_of_somebody_else_is_checked_when_it_is_carried_out(repository: Repository) -> None:
    plan = repository.plan(Deploy("production", "cart", 2))
    with pytest.raises(NotAllowed):
        repository.carry_out(plan, ADA, check=checking("DeployRelease eu:*"))
    assert repository.carry_out(plan, ADA, check=checking("DeployRelease *:production")).commit


# Refusals


def test_who_may_not_ask_learns_nothing_from_a_refusal(repository: Repository) -> None:
    repository.apply(CreateLock(Target("production"), "audit", "Top secret."), ADA)
    hidden: list[Command] = [
        Deploy("production", "cart", 2, "fail"),
        Deploy("production", "cart", 99),
        Deploy("production", "nothing", 1),
        Deploy("nowhere", "cart", 1),
        CreateRelease("cart", {"production": JOB}, version=1),
        DeleteLock(Target("production"), "other"),
        DeleteEnvironment("staging"),
        ReleaseTrain("nowhere"),
    ]
    for command in hidden:
        with pytest.raises(NotAllowed) as raised:
            repository.apply(command, ADA, check=checking("View *:*"))
        assert "secret" not in str(raised.value)


def test_who_may_ask_gets_the_refusal(repository: Repository) -> None:
    with pytest.raises(UnknownEnvironment):
        repository.apply(Deploy("nowhere", "cart", 1), ADA, check=checking("DeployRelease *:*"))


def test_the_same_is_said_of_what_is_not_there(repository: Repository) -> None:
    said: list[KuberpultError] = []
    for name in ("production", "nowhere"):
        with pytest.raises(NotAllowed) as raised:
            repository.apply(Deploy(name, "cart", 1), ADA, check=checking("DeployRelease eu:*"))
        said.append(raised.value)
    assert str(said[0]).replace("production", "nowhere") == str(said[1])


# Groups that change


def test_nobody_gets_at_an_environment_by_moving_it_to_their_group(repository: Repository) -> None:
    move = UpdateEnvironment("production", {"environmentGroup": "eu"})
    assert refused(repository, move, "* eu:*") == ("CreateEnvironment", "production")
    assert refused(repository, Batch((move, Deploy("production", "cart", 2))), "* eu:*")[1] == "production"
    again = CreateEnvironment("production", {"environmentGroup": "eu"}, if_exists="update")
    assert refused(repository, again, "* eu:*") == ("CreateEnvironment", "production")


def test_nobody_hands_an_environment_to_a_group_that_is_not_theirs(repository: Repository) -> None:
    move = UpdateEnvironment("staging", {"environmentGroup": "us"})
    assert refused(repository, move, "* eu:*") == ("CreateEnvironment", "staging")
    allowed(repository, move, "CreateEnvironment eu:*", "CreateEnvironment us:*")


def test_a_new_environment_is_of_the_group_that_it_is_made_in(repository: Repository) -> None:
    made = CreateEnvironment("review", {"environmentGroup": "eu"})
    assert refused(repository, made, "* review:*") == ("CreateEnvironment", "review")
    batch = Batch((made, CreateLock(Target("review"), "freeze", "Stop.")))
    allowed(repository, batch, "CreateEnvironment eu:*", "CreateLock eu:*")


def test_an_environment_that_an_undo_brings_back_is_of_the_group_that_it_had(repository: Repository) -> None:
    repository.apply(DeleteEnvironment("production"), ADA)
    repository.apply(CreateEnvironment("review", {"environmentGroup": "eu"}), ADA)
    repository.apply(DeleteEnvironment("review"), ADA)
    assert refused(repository, Undo("HEAD"), "* us:*", "* review:*") == ("CreateEnvironment", "review")
    allowed(repository, Undo("HEAD"), "CreateEnvironment eu:*")


def test_leaving_argocd_is_as_good_as_a_deletion(repository: Repository) -> None:
    argocd = {"argocd": {"destination": {"name": "x"}}}
    url = {"url": "https://git.example.com/manifests.git"}
    repository.apply(UpdateSettings(url), ADA)
    repository.apply(UpdateEnvironment("staging", argocd), ADA)
    away = UpdateEnvironment("staging", {"argocd": None}, allow_cascade=True)
    assert refused(repository, away, "CreateEnvironment *:*") == ("DeleteEnvironment", "staging")
    allowed(repository, away, "CreateEnvironment *:*", "DeleteEnvironment *:staging")
