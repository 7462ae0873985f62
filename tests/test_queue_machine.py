"""The core against the naive model: whatever is asked, in whatever order, both come to the same.

One machine drives a repository in memory, another one in git as well; the small pools of
names make the same few placements meet in every step.
"""

import copy
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kuberpult_core import (
    Actor,
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Decision,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    EnvironmentConfig,
    ExpireLocks,
    IfMissing,
    KuberpultError,
    LockBehavior,
    OnUnlock,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    Repository,
    SetTeam,
    State,
    Target,
    UpdateSettings,
    Upstream,
    init_repository,
    memory_repository,
    open_repository,
)
from kuberpult_core.model import Environment, Lock
from kuberpult_core.names import LockId
from tests.naive import LATEST, NaiveLock, NaiveRelease, NaiveWorld, Place, Scope, Skip

ADA = Actor("Ada", "ada@example.com")
NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)

ENVIRONMENTS = ("development", "staging", "production")
GROUP = "production"  # as one environment is called: a target of that name is the environment while it exists
APPLICATIONS = ("cart", "mail", "shop")
TEAMS = ("blue", "green")
LOCK_IDS = ("freeze", "incident", "review")
MANIFESTS = ("kind: Service\n", "{kind: Service}\n", "kind: Job\n")  # the first two are equal as YAML

CHAIN = {
    "development": EnvironmentConfig(Upstream(latest=True)),
    "staging": EnvironmentConfig(Upstream(environment="development"), GROUP),
    "production": EnvironmentConfig(Upstream(environment="staging"), GROUP),
}

# ---- what may be asked

environments = st.sampled_from(ENVIRONMENTS)
applications = st.sampled_from(APPLICATIONS)
teams = st.sampled_from(TEAMS)
lock_ids = st.sampled_from(LOCK_IDS)
versions = st.integers(1, 6)
behaviors = st.sampled_from(LockBehavior)
unlocks = st.sampled_from(OnUnlock)
targets = st.one_of(
    st.builds(Target, environment=environments),
    st.builds(Target, environment=environments, application=applications),
    st.builds(Target, environment=environments, team=teams),
    st.builds(Target, group=st.just(GROUP), application=st.none() | applications),
    st.builds(Target, group=st.just(GROUP), team=teams),
)
configs = st.builds(
    EnvironmentConfig,
    upstream=st.sampled_from(
        [None, Upstream(latest=True), Upstream(environment="development"), Upstream(environment="staging")]
    ),
    environment_group=st.none() | st.just(GROUP),
)
manifests = st.one_of(
    st.just(dict.fromkeys(ENVIRONMENTS, MANIFESTS[0])),  # most releases can run everywhere
    st.dictionaries(environments, st.sampled_from(MANIFESTS), min_size=1),
)


def second_of(target: Target, lock_id: str) -> timedelta:
    """No two locks on one placement end in the same second: the rules do not say which one would count."""
    kind = 1 if target.application else 2 if target.team else 0
    return timedelta(seconds=kind * len(LOCK_IDS) + LOCK_IDS.index(lock_id))


@st.composite
def locks(draw: st.DrawFn) -> CreateLock:
    target, lock_id = draw(targets), draw(lock_ids)
    hours = draw(st.none() | st.integers(1, 2))
    return CreateLock(
        target,
        lock_id,
        draw(st.sampled_from(["Wait.", "Wait for Ada."])),
        link=draw(st.none() | st.just("https://example.com/1")),
        expires_at=None if hours is None else NOW + timedelta(hours=hours) + second_of(target, lock_id),
        on_expiry=draw(st.none() | unlocks),
    )


unlockings = st.builds(DeleteLock, targets, lock_ids, queued=unlocks, if_missing=st.sampled_from(IfMissing))
expiries = st.builds(
    ExpireLocks,
    st.builds(
        lambda hours, seconds: NOW + timedelta(hours=hours, seconds=seconds), st.integers(0, 3), st.integers(0, 8)
    ),
)
deployments = st.builds(Deploy, environments, applications, versions, behaviors)
cancellations = st.builds(CancelQueued, environments, applications)
trains = st.one_of(
    st.builds(ReleaseTrain, environments, team=st.none() | teams, lock_behavior=behaviors),
    st.builds(
        ReleaseTrain,
        st.sampled_from([GROUP, GROUP, "development"]),  # the last one is no group
        team=st.none() | teams,
        lock_behavior=behaviors,
        group_only=st.just(True),
    ),
)
new_releases = st.builds(
    CreateRelease,
    applications,
    manifests,
    version=st.none() | versions,
    display_version=st.none() | st.just("1.0"),
    team=st.none() | teams,
)
cleanups = st.builds(Cleanup, applications)
team_changes = st.builds(SetTeam, applications, st.none() | teams)
new_environments = st.builds(CreateEnvironment, environments, configs)
environment_deletions = st.builds(DeleteEnvironment, environments, ignore_locks=st.booleans())
removals = st.builds(RemoveApplicationFromEnvironment, environments, applications, ignore_locks=st.booleans())
application_deletions = st.builds(DeleteApplication, applications, ignore_locks=st.booleans())
retentions = st.builds(UpdateSettings, st.builds(lambda kept: {"keepReleases": kept}, st.integers(0, 2)))

commands: st.SearchStrategy[Command] = st.one_of(
    deployments,
    locks(),
    unlockings,
    expiries,
    cancellations,
    trains,
    new_releases,
    cleanups,
    team_changes,
    new_environments,
    environment_deletions,
    removals,
    application_deletions,
    retentions,
)
batches = st.builds(
    Batch,
    st.lists(
        st.one_of(locks(), expiries, trains, new_releases, team_changes, deployments), min_size=2, max_size=4
    ),
)


@st.composite
def beginnings(draw: st.DrawFn) -> list[Command]:
    """The chain, each environment one release behind its upstream unless early locks were in the way."""
    present = draw(st.sampled_from([APPLICATIONS, APPLICATIONS[:2]]))
    first, second, third = (
        [CreateRelease(application, draw(manifests), team=draw(st.none() | teams)) for application in present]
        for _ in range(3)
    )
    early, late = (draw(st.lists(locks(), max_size=3)) for _ in range(2))
    chain = [CreateEnvironment(environment, config) for environment, config in CHAIN.items()]
    to_staging, to_production = ReleaseTrain("staging"), ReleaseTrain("production")
    kept = UpdateSettings({"keepReleases": draw(st.integers(0, 2))})
    return [
        Batch([kept, *chain, *first]),
        *early,
        Batch([to_staging, to_production, *second, to_staging, *third]),
        *late,
    ]


# ---- what is compared

Seen = dict[str, Mapping[Any, Any]]
"""A world as plain data: what the machine compares."""


def seen_in(world: NaiveWorld) -> Seen:
    return {
        "upstream": world.upstream,
        "group": world.group,
        "locks": world.locks,
        "releases": world.releases,
        "team": world.team,
        "version": world.version,
        "queued": world.queued,
        "settings": {"keepReleases": world.keep_releases},
    }


def seen_of(state: State) -> Seen:
    placements = {
        (environment, application): placement
        for environment, there in state.environments.items()
        for application, placement in there.placements.items()
    }
    return {
        "upstream": {name: upstream_of(environment) for name, environment in state.environments.items()},
        "group": {name: environment.config.group for name, environment in state.environments.items()},
        "locks": locks_of(state),
        "releases": {name: releases_of(state, name) for name in state.applications},
        "team": {name: known.team for name, known in state.applications.items() if known.team is not None},
        "version": {place: there.version for place, there in placements.items() if there.version is not None},
        "queued": {place: there.queued for place, there in placements.items() if there.queued is not None},
        "settings": {"keepReleases": state.settings.keep_releases},
    }


def upstream_of(environment: Environment) -> str | None:
    return LATEST if environment.config.follows_latest else environment.config.upstream_environment


def releases_of(state: State, application: Any) -> dict[int, NaiveRelease]:
    return {
        version: NaiveRelease(
            {environment: state.read_manifest(blob) for environment, blob in release.manifests.items()},
            release.origin.display_version,
        )
        for version, release in state.applications[application].releases.items()
    }


def locks_of(state: State) -> dict[Scope, dict[str, NaiveLock]]:
    lying: dict[Scope, Mapping[LockId, Lock]] = {}
    for name, environment in state.environments.items():
        lying[name, "environment", name] = environment.locks
        for team, of_team in environment.team_locks.items():
            lying[name, "team", team] = of_team
        for application, placement in environment.placements.items():
            lying[name, "application", application] = placement.locks
    return {
        scope: {
            lock_id: NaiveLock(lock.message, lock.link, lock.expires_at, lock.on_expiry)
            for lock_id, lock in found.items()
        }
        for scope, found in lying.items()
        if found
    }


def skips_of(decision: Decision) -> set[Skip]:
    return {(str(skip.reason), str(skip.environment), skip.application, skip.version) for skip in decision.skips}


def carry_out(repository: Repository, command: Command) -> Decision | str:
    """What *repository* decides, or the refusal's code. Nothing is committed if there is nothing to commit."""
    before = repository.store.head()
    try:
        applied = repository.apply(command, ADA, at=NOW)
    except KuberpultError as refused:
        assert repository.store.head() == before
        return refused.code
    assert applied.decision.is_nothing == (applied.commit is None)
    assert applied.commit == (None if applied.decision.is_nothing else repository.store.head().commit)
    assert applied.decision.is_nothing == (repository.store.head() == before)
    return applied.decision


def target_of(scope: Scope, group: str | None = None) -> Target:
    """What addresses a scope, or the same in each member of a group."""
    environment, kind, name = scope
    narrowed = {} if kind == "environment" else {kind: name}
    return Target(environment=None if group else environment, group=group, **narrowed)


# ---- the machines


class MemoryMachine(RuleBasedStateMachine):
    """A repository in memory and the naive model."""

    def __init__(self) -> None:
        super().__init__()
        self.world = NaiveWorld()
        self.repositories = [memory_repository()]

    def teardown(self) -> None:
        for repository in self.repositories:
            repository.close()

    def step(self, command: Command) -> None:
        before = copy.deepcopy(seen_in(self.world))
        expected = self.world.carry_out(command)
        answers = [carry_out(repository, command) for repository in self.repositories]
        for answer in answers:
            assert answer == answers[0]
            assert (answer if isinstance(answer, str) else None) == expected
            if isinstance(answer, Decision):
                self.compare_decision(command, answer, changes=seen_in(self.world) != before)

    def compare_decision(self, command: Command, decision: Decision, *, changes: bool) -> None:
        if not isinstance(command, Batch):  # the parts of a batch can undo each other
            assert decision.is_nothing != changes
        if isinstance(command, ReleaseTrain):
            assert skips_of(decision) == self.world.skips
        if isinstance(command, DeleteLock | ExpireLocks | SetTeam):
            assert decision.skips == ()  # nothing is broken here, so everything that waits goes out

    def locked_places(self) -> list[Place]:
        places = [(environment, application) for environment in ENVIRONMENTS for application in APPLICATIONS]
        return [place for place in places if self.world.is_locked(place) and place[1] in self.world.releases]

    @initialize(beginning=beginnings())
    def begin(self, beginning: list[Command]) -> None:
        for command in beginning:
            self.step(command)

    @precondition(lambda self: self.world.releases)
    @rule(data=st.data(), environment=environments, behavior=behaviors)
    def deploy_another_version(self, data: st.DataObject, environment: str, behavior: LockBehavior) -> None:
        application = data.draw(st.sampled_from(sorted(self.world.releases)))
        there = {*self.world.releases[application]}
        others = there - {self.world.version.get((environment, application), 0)}
        version = data.draw(st.sampled_from(sorted(others or there)))
        self.step(Deploy(environment, application, version, behavior))

    @precondition(lambda self: self.locked_places())
    @rule(data=st.data(), behavior=behaviors)
    def deploy_into_a_lock(self, data: st.DataObject, behavior: LockBehavior) -> None:
        environment, application = data.draw(st.sampled_from(self.locked_places()))
        version = data.draw(st.sampled_from(sorted(self.world.releases[application])))
        self.step(Deploy(environment, application, version, behavior))

    @rule(command=locks())
    def lock(self, command: Command) -> None:
        self.step(command)

    @precondition(lambda self: self.world.locks)
    @rule(data=st.data(), queued=unlocks, group=st.none() | st.just(GROUP))
    def unlock_what_is_locked(self, data: st.DataObject, queued: OnUnlock, group: str | None) -> None:
        scope = data.draw(st.sampled_from(sorted(self.world.locks)))
        lock_id = data.draw(st.sampled_from(sorted(self.world.locks[scope])))
        self.step(DeleteLock(target_of(scope, group), lock_id, queued))

    @precondition(lambda self: self.world.queued)
    @rule(data=st.data(), queued=unlocks)
    def unlock_where_something_waits(self, data: st.DataObject, queued: OnUnlock) -> None:
        place = data.draw(st.sampled_from(sorted(self.world.queued)))
        scope, lock_id = data.draw(st.sampled_from(sorted(self.world.locks_on(place))))
        self.step(DeleteLock(target_of(scope), lock_id, queued))

    @precondition(lambda self: self.world.queued)
    @rule(data=st.data())
    def cancel_what_waits(self, data: st.DataObject) -> None:
        self.step(CancelQueued(*data.draw(st.sampled_from(sorted(self.world.queued)))))

    @precondition(lambda self: self.world.queued)
    @rule(command=expiries)
    def expire(self, command: Command) -> None:
        self.step(command)

    @rule(environment=st.sampled_from(ENVIRONMENTS[1:]))
    def run_train_for_all(self, environment: str) -> None:
        self.step(ReleaseTrain(environment))

    @rule(command=trains)
    def run_train(self, command: Command) -> None:
        self.step(command)

    @rule(command=new_releases)
    def release(self, command: Command) -> None:
        self.step(command)

    @rule(command=team_changes)
    def change_team(self, command: Command) -> None:
        self.step(command)

    @rule(command=batches)
    def batch(self, command: Command) -> None:
        self.step(command)

    @rule(command=removals | application_deletions | environment_deletions)
    def take_away(self, command: Command) -> None:
        self.step(command)

    @rule(command=commands)
    def ask_for_anything(self, command: Command) -> None:
        self.step(command)

    @precondition(lambda self: len(self.world.upstream) < len(ENVIRONMENTS))
    @rule(data=st.data(), config=configs)
    def bring_back(self, data: st.DataObject, config: EnvironmentConfig) -> None:
        missing = sorted({*ENVIRONMENTS} - {*self.world.upstream})
        self.step(CreateEnvironment(data.draw(st.sampled_from(missing)), config))

    @invariant()
    def every_repository_holds_what_the_model_holds(self) -> None:
        for repository in self.repositories:
            assert seen_of(repository.state()) == seen_in(self.world)

    @invariant()
    def every_repository_has_the_same_tree(self) -> None:
        assert len({repository.store.head().tree for repository in self.repositories}) == 1

    @invariant()
    def nothing_waits_where_no_lock_lies(self) -> None:
        for repository in self.repositories:
            state = repository.state()
            for environment, there in state.environments.items():
                for application, placement in there.placements.items():
                    assert placement.queued is None or state.locks_on(environment, application)


class GitMachine(MemoryMachine):
    """A repository in memory, the same one in git, and the naive model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "manifests.git"
        self.repositories.append(init_repository(self.path))

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()

    @rule()
    def open_again(self) -> None:
        self.repositories.pop().close()
        self.repositories.append(open_repository(self.path))


MemoryMachine.TestCase.settings = settings(stateful_step_count=40, max_examples=settings().max_examples * 2)
GitMachine.TestCase.settings = settings(
    stateful_step_count=20,
    max_examples=settings().max_examples // 5,
    phases=[Phase.generate],  # what fails in memory as well is made small there, in a tenth of the time
)


class TestInMemory(MemoryMachine.TestCase):  # type: ignore[misc,valid-type]  # hypothesis makes it
    """The core agrees with the naive model."""


class TestInGit(GitMachine.TestCase):  # type: ignore[misc,valid-type]  # hypothesis makes it
    """Git agrees with memory, and both with the naive model."""


# ---- histories that the machines found, or that are too rare to wait for

STAGING_LOCK = Target(environment="staging", team="blue")
HISTORIES: dict[str, list[Command]] = {
    # the team is set first, which lets 3 go out; after that nothing keeps 2
    "a team change lets go what kept an older version": [
        UpdateSettings({"keepReleases": 0}),
        CreateEnvironment("staging"),
        CreateRelease("cart", {"staging": MANIFESTS[0]}, version=1, team="blue"),
        Deploy("staging", "cart", 1),
        CreateRelease("cart", {"staging": MANIFESTS[0]}, version=3),
        CreateLock(STAGING_LOCK, "freeze", "Wait."),
        Deploy("staging", "cart", 3),
        CreateRelease("cart", {"staging": MANIFESTS[0]}, version=2, team="green"),
    ],
    "an application that is not there is to be cleaned up": [Cleanup("cart")],
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_core_and_model_agree_about_what_is_rare(history: list[Command]) -> None:
    machine = MemoryMachine()
    try:
        for command in history:
            machine.step(command)
            machine.every_repository_holds_what_the_model_holds()
    finally:
        machine.teardown()
