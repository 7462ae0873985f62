"""rules.md 4, "Convergence": what a queueing train could not put in place, unlocking does."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import permutations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    KuberpultError,
    OnUnlock,
    ReleaseTrain,
    Repository,
    State,
    Target,
    memory_repository,
)
from kuberpult_core.model import Broken, Environment
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, Version
from tests.test_queue_machine import (
    ADA,
    APPLICATIONS,
    CHAIN,
    ENVIRONMENTS,
    GROUP,
    LOCK_IDS,
    MANIFESTS,
    NOW,
    TEAMS,
    beginnings,
    commands,
    locks_of,
    target_of,
)

Link = Version | Broken | None
Versions = dict[tuple[EnvironmentName, ApplicationName], Link]

STAGING = EnvironmentName("staging")
MANIFEST_EVERYWHERE = dict.fromkeys(ENVIRONMENTS, MANIFESTS[0])

trains = st.builds(ReleaseTrain, st.sampled_from(["staging", "production"]), group_only=st.booleans())
group_targets = st.one_of(
    st.builds(Target, group=st.just(GROUP)),
    st.builds(Target, group=st.just(GROUP), application=st.sampled_from(APPLICATIONS)),
    st.builds(Target, group=st.just(GROUP), team=st.sampled_from(TEAMS)),
)
group_locks = st.builds(CreateLock, group_targets, st.sampled_from(LOCK_IDS), st.just("Wait."))

THREE_KINDS = (
    Target(environment="staging"),
    Target(environment="staging", application="cart"),
    Target(environment="staging", team="blue"),
)


@pytest.mark.parametrize("order", list(permutations(THREE_KINDS)), ids=lambda order: ", ".join(map(str, order)))
def test_what_a_train_left_waiting_arrives_with_the_last_lock_of_whatever_kind(order: tuple[Target, ...]) -> None:
    with memory_repository() as repository:
        # given a lock of every kind on staging, and a train that met them
        carry_out(repository, chain_with_release("cart", team="blue"))
        carry_out(repository, [CreateLock(target, "freeze", "Wait.") for target in THREE_KINDS])
        carry_out(repository, [ReleaseTrain("staging")])

        # when they go one by one, then nothing moves before the last one
        for target in order:
            assert version_on_staging(repository, "cart") is None
            carry_out(repository, [DeleteLock(target, "freeze")])
        assert version_on_staging(repository, "cart") == 1


def test_a_train_queues_even_what_is_already_there_so_that_nothing_older_arrives_instead() -> None:
    with memory_repository() as repository:
        # given a target that has upstream's version, and an older one that waits for a lock
        carry_out(repository, [*chain_with_release("cart"), CreateRelease("cart", MANIFEST_EVERYWHERE)])
        carry_out(repository, [ReleaseTrain("staging"), CreateLock(THREE_KINDS[0], "freeze", "Wait.")])
        carry_out(repository, [Deploy("staging", "cart", 1)])

        # when a train runs and the lock goes
        carry_out(repository, [ReleaseTrain("staging"), DeleteLock(THREE_KINDS[0], "freeze")])

        # then the older one did not arrive
        assert version_on_staging(repository, "cart") == 2


@settings(max_examples=settings().max_examples * 4)
@given(
    beginning=beginnings(),
    history=st.lists(commands, max_size=15),
    locks=st.lists(group_locks, min_size=1, max_size=4),
    train=trains,
    data=st.data(),
)
def test_once_every_lock_on_a_trains_target_is_deleted_it_is_where_upstream_was(
    beginning: list[Command],
    history: list[Command],
    locks: list[CreateLock],
    train: ReleaseTrain,
    data: st.DataObject,
) -> None:
    with memory_repository() as repository:
        # given any history, and locks on what the train goes to
        try_all(repository, [*beginning, *history, *locks])
        members = members_of(repository.state(), train)
        upstream = versions_that_can_run(repository.state(), members)

        # when a train runs, and then every lock goes, in whatever order
        try_all(repository, [train])  # refused if the history took its target away
        waiting = sum(repository.state().placement(*place).queued is not None for place in upstream)
        lying = data.draw(st.permutations(locks_on(repository.state(), members)))
        carry_out(repository, [DeleteLock(target, lock_id, OnUnlock.DEPLOY) for target, lock_id in lying])

        # then the target has the versions that upstream had
        event(f"{waiting} waited")
        assert versions_at(repository.state(), upstream) == upstream


def chain_with_release(application: str, team: str | None = None) -> list[Command]:
    return [
        *(CreateEnvironment(environment, config) for environment, config in CHAIN.items()),
        CreateRelease(application, MANIFEST_EVERYWHERE, team=team),
    ]


def version_on_staging(repository: Repository, application: str) -> Link:
    return repository.state().environments[STAGING].placement(ApplicationName(application)).version


def carry_out(repository: Repository, asked: Iterable[Command]) -> None:
    for command in asked:
        repository.apply(command, ADA, at=NOW)


def try_all(repository: Repository, asked: Iterable[Command]) -> None:
    """Carry out what is allowed; what is refused changes nothing."""
    for command in asked:
        with suppress(KuberpultError):
            carry_out(repository, [command])


def members_of(state: State, train: ReleaseTrain) -> list[EnvironmentName]:
    """The environments that the train goes to, if an environment is their upstream."""
    addressed = [train.target] if train.target in state.environments else []
    if train.group_only or not addressed:
        addressed = state.members(GroupName(train.target))
    return [name for name in addressed if state.environments[name].config.upstream_environment]


def versions_that_can_run(state: State, members: list[EnvironmentName]) -> Versions:
    """What is upstream of each member, of what has a manifest for the member."""
    return {
        (member, application): placement.version
        for member in members
        for application, placement in upstream_of(state, member).placements.items()
        if can_run(state, application, placement.version, member)
    }


def upstream_of(state: State, member: EnvironmentName) -> Environment:
    upstream = state.environments[member].config.upstream_environment
    assert upstream is not None
    return state.environments[upstream]


def can_run(state: State, application: ApplicationName, version: Link, member: EnvironmentName) -> bool:
    release = state.release(application, version) if isinstance(version, int) else None
    return release is not None and member in release.manifests


def locks_on(state: State, members: list[EnvironmentName]) -> list[tuple[Target, str]]:
    return [
        (target_of(scope), lock_id)
        for scope, lying in sorted(locks_of(state).items())
        if scope[0] in members
        for lock_id in sorted(lying)
    ]


def versions_at(state: State, places: Versions) -> Versions:
    return {place: state.placement(*place).version for place in places}
