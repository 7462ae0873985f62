"""A repository at work: plans, patience, lost races, threads, and whose clock it is."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier

import pytest

from kuberpult_core import (
    Actor,
    Applied,
    CancelQueued,
    Command,
    Conflict,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    Invalid,
    LockBehavior,
    NotFound,
    Plan,
    Rejected,
    ReleaseTrain,
    Repository,
    SetTeam,
    State,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    init_repository,
    memory_repository,
)
from kuberpult_core.errors import Busy, LostRace, PlanOutdated
from kuberpult_core.journal import COMMITTER
from kuberpult_core.memory import MemoryStore
from kuberpult_core.names import EnvironmentName, LockId, Version
from kuberpult_core.ports import (
    BranchLocked,
    Head,
    LoggedCommit,
    NewCommit,
    ObjectId,
    Objects,
    Signature,
    Store,
    Touching,
)
from kuberpult_core.service import utc_now
from kuberpult_core.tree import find
from tests.real import ADA, BOB, NOON, application_in, commits, complaints, environment_in, files_of, git, placed

MANIFEST = "kind: Deployment\nspec: {{replicas: {}}}\n"

Made = Callable[[], Repository]


def fill(repository: Repository) -> Repository:
    """Two environments; releases 1 to 3 of cart, of which 3 is on dev and 1 on staging."""
    manifests = [MANIFEST.format(number) for number in range(3)]
    commands: list[Command] = [
        CreateEnvironment("dev", {"upstream": {"latest": True}}),
        CreateEnvironment("staging", {"upstream": {"environment": "dev"}}),
        *(CreateRelease("cart", {"dev": manifest, "staging": manifest}) for manifest in manifests),
        Deploy("staging", "cart", 1),
    ]
    for command in commands:
        repository.apply(command, ADA, NOON)
    return repository


@pytest.fixture
def repository() -> Repository:
    return fill(memory_repository())


@pytest.fixture(params=["memory", "git"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    """The same repository in memory and in git."""
    made = memory_repository() if request.param == "memory" else init_repository(tmp_path / "manifests.git")
    with made as repository:
        yield fill(repository)


def subjects(repository: Repository) -> list[str]:
    """The first line of each commit, oldest first."""
    return [logged.message.split("\n")[0] for logged in repository.store.log()]


# Plans


PLANNED: list[Command] = [
    Deploy("staging", "cart", 2),
    Deploy("staging", "cart", 1),
    ReleaseTrain("staging"),
    CreateRelease("cart", {"dev": MANIFEST.format(4)}, team="sre"),
    CreateLock(Target("staging"), "freeze", "wait"),
    SetTeam("cart", "sre"),
    UpdateSettings({"keepReleases": 1}),
    UpdateEnvironment("staging", {"upstream": {"latest": True}}),
    DeleteEnvironment("staging"),
]


@pytest.mark.parametrize("command", PLANNED, ids=lambda command: type(command).__name__)
def test_planning_changes_nothing_and_is_what_happens(repository: Repository, command: Command) -> None:
    head, files = repository.store.head(), files_of(repository)

    plan = repository.plan(command)
    assert (plan.command, plan.base) == (command, head.commit)
    assert (repository.store.head(), files_of(repository)) == (head, files)

    applied = repository.carry_out(plan, BOB, NOON)
    assert applied.decision == plan.decision
    assert (applied.commit is None) == plan.decision.is_nothing
    assert repository.store.head().commit == (applied.commit or head.commit)


REFUSED: list[tuple[Command, type[Exception]]] = [
    (Deploy("nowhere", "cart", 1), NotFound),
    (Deploy("staging", "cart", 9), NotFound),
    (CreateEnvironment("dev"), Rejected),
    (DeleteEnvironment("dev"), Rejected),
    (UpdateEnvironment("dev", {"upstream": {"environment": "staging"}}), Invalid),
]


@pytest.mark.parametrize(("command", "kind"), REFUSED)
def test_a_plan_is_refused_as_the_command_would_be(
    repository: Repository, command: Command, kind: type[Exception]
) -> None:
    head = repository.store.head()

    with pytest.raises(kind) as planned:
        repository.plan(command)
    with pytest.raises(kind) as applied:
        repository.apply(command, ADA, NOON)

    assert str(planned.value) == str(applied.value)
    assert repository.store.head() == head


def test_a_plan_goes_ahead_although_something_else_has_changed(repository: Repository) -> None:
    plan = repository.plan(Deploy("staging", "cart", 2))
    between = repository.apply(CreateLock(Target("dev"), "freeze", "wait"), BOB, NOON)

    applied = repository.carry_out(plan, ADA, NOON)

    assert applied.decision == plan.decision
    assert list(repository.store.log())[-1].parent == between.commit
    assert placed(repository.state(), "staging", "cart").version == 2


def test_who_carries_a_plan_out_and_when_is_no_part_of_it(repository: Repository) -> None:
    plan = repository.plan(Deploy("staging", "cart", 2))

    repository.carry_out(plan, BOB, NOON + timedelta(days=2))

    deployment = placed(repository.state(), "staging", "cart").deployment
    assert (deployment.by, deployment.at) == (BOB, NOON + timedelta(days=2))


def test_a_plan_that_is_outdated_says_what_has_changed(repository: Repository) -> None:
    plan = repository.plan(ReleaseTrain("staging"))
    repository.apply(CreateLock(Target("staging"), "freeze", "wait"), BOB, NOON)
    head = repository.store.head()

    with pytest.raises(PlanOutdated) as outdated:
        repository.carry_out(plan, ADA, NOON)

    assert outdated.value.difference == (
        "cart on staging: was 1 → 3, would now be queued 3 waits for lock/staging/freeze",
    )
    assert isinstance(outdated.value, Conflict)
    assert outdated.value.hint
    assert all(line in str(outdated.value) for line in outdated.value.difference)
    assert repository.store.head() == head


def test_a_plan_to_do_something_is_outdated_once_somebody_has_done_it(repository: Repository) -> None:
    plan = repository.plan(Deploy("staging", "cart", 2))
    repository.apply(Deploy("staging", "cart", 2), BOB, NOON)

    with pytest.raises(PlanOutdated) as outdated:
        repository.carry_out(plan, ADA, NOON)

    assert outdated.value.difference == ("cart on staging: was 1 → 2, would now be left as it is",)


def test_a_plan_to_do_nothing_is_outdated_once_there_is_something_to_do(repository: Repository) -> None:
    plan = repository.plan(Deploy("staging", "cart", 1))
    assert plan.decision.is_nothing
    repository.apply(Deploy("staging", "cart", 3), BOB, NOON)

    with pytest.raises(PlanOutdated) as outdated:
        repository.carry_out(plan, ADA, NOON)

    assert "cart on staging: was left as it is, would now be 3 → 1" in outdated.value.difference


def test_a_plan_goes_ahead_while_its_facts_are_the_same(repository: Repository) -> None:
    """A manual deployment goes through locks, those that came since included; the answer warns of them."""
    plan = repository.plan(Deploy("staging", "cart", 2, LockBehavior.IGNORE))
    repository.apply(CreateLock(Target("staging"), "freeze", "wait"), BOB, NOON)

    applied = repository.carry_out(plan, ADA, NOON)

    assert applied.decision == plan.decision
    assert plan.decision.warnings == ()
    (warned,) = applied.decision.warnings
    assert warned.code == "ignores_locks"


def test_a_plan_that_would_be_refused_by_now_is_a_conflict_too(repository: Repository) -> None:
    """The decision is not the same any more: the caller should look again, whatever it has become."""
    plan = repository.plan(Deploy("staging", "cart", 2, LockBehavior.FAIL))
    repository.apply(CreateLock(Target("staging"), "freeze", "wait"), BOB, NOON)
    head = repository.store.head()

    with pytest.raises(Conflict, match="locked"):
        repository.carry_out(plan, ADA, NOON)

    assert repository.store.head() == head


def test_a_release_that_got_another_number_outdates_its_plan(repository: Repository) -> None:
    plan = repository.plan(CreateRelease("cart", {"dev": MANIFEST.format(8)}))
    repository.apply(CreateRelease("cart", {"dev": MANIFEST.format(9)}), BOB, NOON)

    with pytest.raises(PlanOutdated) as outdated:
        repository.carry_out(plan, ADA, NOON)

    assert "release/cart/4: was created, would now be left as it is" in outdated.value.difference
    assert "release/cart/5: was left as it is, would now be created" in outdated.value.difference


# Lost races


class Contested:
    """A store on which somebody else is faster: before each of the first attempts, *rival* acts and wins."""

    def __init__(self, store: Store, rival: Callable[[int], None], attempts_lost: int | None = None) -> None:
        self._store, self._rival, self._lost = store, rival, attempts_lost
        self.attempts: list[NewCommit] = []

    @property
    def objects(self) -> Objects:
        return self._store.objects

    def head(self) -> Head:
        return self._store.head()

    def refresh(self, *, follow: bool = False) -> None:
        self._store.refresh(follow=follow)

    def publish(self, commit: NewCommit) -> ObjectId | None:
        published = self.publish_all([commit])
        return published[0] if published else None

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        self.attempts.append(commits[0])
        if self._lost is None or len(self.attempts) <= self._lost:
            self._rival(len(self.attempts))
        return self._store.publish_all(commits) if self._store.head().commit == commits[0].parent else None

    def commit(self, commit_id: ObjectId) -> LoggedCommit:
        return self._store.commit(commit_id)

    def signature(self, commit_id: ObjectId) -> Signature:
        return self._store.signature(commit_id)

    def log(self, since: ObjectId | None = None, until: ObjectId | None = None) -> Iterator[LoggedCommit]:
        return self._store.log(since, until)

    def history(self, wanted: Touching, start: ObjectId | None = None) -> Iterator[LoggedCommit]:
        return self._store.history(wanted, start)

    def revision(self, text: str) -> ObjectId:
        return self._store.revision(text)

    def as_of(self, time: datetime) -> ObjectId | None:
        return self._store.as_of(time)

    def close(self) -> None:
        self._store.close()


class HeldBranch(Contested):
    """A store whose branch another process holds."""

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        self.attempts.append(commits[0])
        if self._lost is None or len(self.attempts) <= self._lost:
            raise BranchLocked("/somewhere/main.lock")
        return self._store.publish_all(commits)


def locks_of_a_rival(repository: Repository) -> Callable[[int], None]:
    return lambda count: _lock(repository, f"rival-{count}")


def _lock(repository: Repository, lock_id: str) -> None:
    repository.apply(CreateLock(Target("dev"), lock_id, "faster"), BOB, NOON)


def test_who_loses_a_race_decides_again_on_what_the_winner_left(repository: Repository) -> None:
    store = Contested(repository.store, locks_of_a_rival(repository), attempts_lost=3)
    naps: list[float] = []

    applied = Repository(store, sleep=naps.append).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert len(store.attempts) == 4
    assert len(naps) == 3
    assert subjects(repository)[-4:] == [
        "Lock dev: rival-1",
        "Lock dev: rival-2",
        "Lock dev: rival-3",
        "Deploy cart 2 to staging",
    ]
    assert list(repository.store.log())[-1].id == applied.commit
    assert sorted(environment_in(repository.state(), "dev").locks) == ["rival-1", "rival-2", "rival-3"]


def test_a_decision_may_be_another_after_a_lost_race(repository: Repository) -> None:
    def freeze(_: int) -> None:
        repository.apply(CreateLock(Target("staging"), "freeze", "faster"), BOB, NOON)

    store = Contested(repository.store, freeze, attempts_lost=1)

    Repository(store, sleep=lambda _: None).apply(ReleaseTrain("staging"), ADA, NOON)

    there = placed(repository.state(), "staging", "cart")
    assert (there.version, there.queued) == (1, 3)


def test_who_finds_the_work_done_after_a_lost_race_commits_nothing(repository: Repository) -> None:
    def do_the_same(_: int) -> None:
        repository.apply(Deploy("staging", "cart", 2), BOB, NOON)

    store = Contested(repository.store, do_the_same, attempts_lost=1)

    applied = Repository(store, sleep=lambda _: None).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert applied == Applied(applied.decision, None)
    assert applied.decision.is_nothing
    assert placed(repository.state(), "staging", "cart").deployment.by == BOB


def test_who_may_not_any_more_after_a_lost_race_is_refused(repository: Repository) -> None:
    def take_away(_: int) -> None:
        repository.apply(DeleteEnvironment("staging"), BOB, NOON)

    store = Contested(repository.store, take_away, attempts_lost=1)

    with pytest.raises(NotFound):
        Repository(store, sleep=lambda _: None).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert subjects(repository)[-1] == "Delete environment staging"


def test_who_always_loses_gives_up_when_the_patience_is_over(repository: Repository) -> None:
    store = Contested(repository.store, locks_of_a_rival(repository))
    naps: list[float] = []

    with pytest.raises(LostRace) as lost:
        Repository(store, sleep=naps.append, patience=0.2).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert isinstance(lost.value, Conflict)
    assert lost.value.seconds == 0.2
    assert "Nothing was changed" in lost.value.hint
    assert len(store.attempts) == len(naps) + 1 > 2
    assert placed(repository.state(), "staging", "cart").version == 1
    assert all(subject.startswith("Lock dev: rival") for subject in subjects(repository)[6:])


def test_naps_grow_but_stay_short_enough_to_notice_the_end(repository: Repository) -> None:
    store = Contested(repository.store, locks_of_a_rival(repository), attempts_lost=20)
    naps: list[float] = []

    Repository(store, sleep=naps.append).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert len(naps) == 20
    assert 0 < naps[0] < 0.05
    assert max(naps[:4]) < min(naps[-8:])
    assert max(naps) < 1


def test_without_patience_there_is_one_attempt(repository: Repository) -> None:
    store = Contested(repository.store, locks_of_a_rival(repository))

    with pytest.raises(LostRace):
        Repository(store, patience=0).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert len(store.attempts) == 1


def test_a_plan_is_checked_again_after_a_lost_race(repository: Repository) -> None:
    def freeze(_: int) -> None:
        repository.apply(CreateLock(Target("staging"), "freeze", "faster"), BOB, NOON)

    store = Contested(repository.store, freeze, attempts_lost=1)
    slow = Repository(store, sleep=lambda _: None)

    with pytest.raises(PlanOutdated):
        slow.carry_out(slow.plan(Deploy("staging", "cart", 2)), ADA, NOON)

    assert placed(repository.state(), "staging", "cart").queued is None


def test_a_branch_that_another_process_holds_is_waited_for(repository: Repository) -> None:
    store = HeldBranch(repository.store, lambda _: None, attempts_lost=2)
    naps: list[float] = []

    applied = Repository(store, sleep=naps.append).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert applied.commit == repository.store.head().commit
    assert len(naps) == 2


def test_a_branch_that_stays_held_is_busy_and_the_error_says_by_what(repository: Repository) -> None:
    store = HeldBranch(repository.store, lambda _: None)

    with pytest.raises(Busy) as busy:
        Repository(store, sleep=lambda _: None, patience=0.05).apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert isinstance(busy.value, Conflict)
    assert busy.value.lock_file == "/somewhere/main.lock"
    assert "/somewhere/main.lock" in busy.value.hint
    assert placed(repository.state(), "staging", "cart").version == 1


# Snapshots


def placements(state: State) -> dict[str, tuple[object, object, list[str]]]:
    """Each placement's version, queue and locks."""
    return {
        f"{name}/{application}": (placed.version, placed.queued, sorted(placed.locks))
        for name, environment in state.environments.items()
        for application, placed in environment.placements.items()
    }


def write_much(repository: Repository) -> None:
    for command in (
        Deploy("dev", "cart", 1),
        Deploy("staging", "cart", 2),
        CreateLock(Target("staging", application="cart"), "freeze", "wait"),
        Deploy("staging", "cart", 3),
        DeleteEnvironment("staging", ignore_locks=True),
    ):
        repository.apply(command, BOB, NOON)


def test_a_snapshot_stays_what_it_was_although_nobody_has_read_it(either: Repository) -> None:
    unread = either.state()

    write_much(either)

    assert placements(unread) == {"dev/cart": (3, None, []), "staging/cart": (1, None, [])}
    assert sorted(application_in(unread, "cart").releases) == [1, 2, 3]
    assert environment_in(unread, "staging").config.upstream_environment == "dev"
    assert placements(either.state()) == {"dev/cart": (1, None, [])}


def test_a_snapshot_that_was_read_in_part_is_read_on_in_the_same_commit(either: Repository) -> None:
    head, begun = either.snapshot()
    assert sorted(begun.environments) == ["dev", "staging"]
    assert placed(begun, "dev", "cart").version == 3

    write_much(either)

    assert placed(begun, "staging", "cart").version == 1
    assert placed(begun, "staging", "cart").deployment.by == ADA
    assert either.snapshot()[0] != head


def test_the_same_commit_is_one_snapshot(either: Repository) -> None:
    assert either.snapshot() == either.snapshot()
    assert either.state() is either.state()


def test_a_release_read_in_an_old_snapshot_is_there_although_cleaned_up(either: Repository) -> None:
    old = either.state()
    either.apply(UpdateSettings({"keepReleases": 0}), ADA, NOON)
    for environment in ("dev", "staging"):
        either.apply(Deploy(environment, "cart", 3), ADA, NOON)
    either.apply(CreateRelease("cart", {"dev": MANIFEST.format(7)}), ADA, NOON)
    assert sorted(application_in(either.state(), "cart").releases) == [3, 4]

    release = application_in(old, "cart").releases[Version(1)]

    assert old.read_manifest(release.manifests[EnvironmentName("dev")]) == MANIFEST.format(0).encode()


# Threads


def in_threads(work: Callable[[int], list[Applied]], threads: int = 8) -> list[Applied]:
    together = Barrier(threads)

    def run(number: int) -> list[Applied]:
        together.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return [applied for done in pool.map(run, range(threads)) for applied in done]


def test_eight_threads_write_and_each_command_is_one_commit(either: Repository) -> None:
    before = len(list(either.store.log()))

    def work(thread: int) -> list[Applied]:
        return [
            either.apply(CreateLock(Target("dev"), f"lock-{thread}-{number}", "hold"), ADA, NOON)
            for number in range(10)
        ]

    answers = in_threads(work)

    log = list(either.store.log())
    assert sorted(logged.id for logged in log[before:]) == sorted(str(it.commit) for it in answers)
    assert [logged.parent for logged in log] == [None, *(logged.id for logged in log[:-1])]
    assert sorted(environment_in(either.state(), "dev").locks) == sorted(
        f"lock-{thread}-{number}" for thread in range(8) for number in range(10)
    )


def test_threads_that_ask_for_the_same_do_it_once(either: Repository) -> None:
    before = len(list(either.store.log()))

    answers = in_threads(lambda _: [either.apply(Deploy("staging", "cart", 2), ADA, NOON)])

    done = [applied.commit for applied in answers if applied.commit]
    assert [logged.id for logged in list(either.store.log())[before:]] == done
    assert len(done) == 1


def test_releases_created_by_many_threads_are_numbered_without_gaps(either: Repository) -> None:
    def work(thread: int) -> list[Applied]:
        manifests = [MANIFEST.format(f"{thread}{number}") for number in range(5)]
        return [either.apply(CreateRelease("cart", {"dev": manifest}), ADA, NOON) for manifest in manifests]

    answers = in_threads(work)

    assert len({applied.commit for applied in answers}) == 40
    assert max(application_in(either.state(), "cart").releases) == 43
    assert placed(either.state(), "dev", "cart").version == 43


def test_readers_see_whole_commits_while_others_write(either: Repository) -> None:
    """The lock and its message come with one commit, so no reader sees one without the other."""

    def read_or_write(thread: int) -> list[Applied]:
        if thread % 2:
            return [
                either.apply(command, ADA, NOON)
                for number in range(10)
                for command in (
                    CreateLock(Target("dev"), f"lock-{thread}", f"message {number}"),
                    DeleteLock(Target("dev"), f"lock-{thread}"),
                )
            ]
        for _ in range(40):
            for lock in environment_in(either.state(), "dev").locks.values():
                assert lock.message.startswith("message ")
                assert lock.created_by == ADA
        return []

    answers = in_threads(read_or_write, 6)

    assert len({applied.commit for applied in answers}) == 60
    assert dict(environment_in(either.state(), "dev").locks) == {}


def test_what_threads_wrote_stands_up_to_git(tmp_path: Path) -> None:
    path = tmp_path / "manifests.git"
    with fill(init_repository(path)) as repository:
        answers = in_threads(
            lambda thread: [
                repository.apply(CreateLock(Target("dev"), f"lock-{thread}-{number}", "hold"), ADA)
                for number in range(10)
            ]
        )

    assert sorted(commits(path)[6:]) == sorted(str(applied.commit) for applied in answers)
    assert git(path, "rev-list", "--count", "--merges", "main") == "0"
    assert complaints(path) == ""


# Time and actor


EAST = timezone(timedelta(hours=5, minutes=30))


def clock_that_says(*times: datetime) -> Callable[[], datetime]:
    left = list(times)
    return lambda: left.pop(0)


def test_the_clock_is_handed_in(either: Repository) -> None:
    first, second = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    ticking = Repository(either.store, clock=clock_that_says(first, second))

    ticking.apply(Deploy("staging", "cart", 2), ADA)
    ticking.apply(CreateLock(Target("dev"), "freeze", "wait"), ADA)

    assert [logged.time for logged in list(ticking.store.log())[-2:]] == [first, second]
    assert placed(ticking.state(), "staging", "cart").deployment.at == first
    assert environment_in(ticking.state(), "dev").locks[LockId("freeze")].created_at == second


def test_a_time_given_counts_and_the_clock_is_not_asked(either: Repository) -> None:
    silent = Repository(either.store, clock=clock_that_says())

    silent.apply(Deploy("staging", "cart", 2), ADA, NOON + timedelta(hours=3))

    assert list(silent.store.log())[-1].time == NOON + timedelta(hours=3)


def test_times_are_kept_in_whole_seconds_of_utc(either: Repository) -> None:
    odd = datetime(2024, 3, 1, 5, 29, 59, 999_999, tzinfo=EAST)
    ticking = Repository(either.store, clock=clock_that_says(odd))

    ticking.apply(Deploy("staging", "cart", 2), ADA)
    ticking.apply(CreateLock(Target("dev"), "freeze", "wait", expires_at=odd), ADA, odd)

    whole = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
    folder = "environments/staging/applications/cart"
    lock = environment_in(ticking.state(), "dev").locks[LockId("freeze")]
    assert [logged.time for logged in list(ticking.store.log())[-2:]] == [whole, whole]
    assert text_at(ticking, f"{folder}/deployed_at_utc") == "2024-02-29 23:59:59 +0000 UTC"
    assert text_at(ticking, "environments/dev/locks/freeze/created_at") == "2024-02-29T23:59:59Z"
    assert text_at(ticking, "environments/dev/locks/freeze/expires_at") == "2024-02-29T23:59:59Z"
    assert (lock.created_at, lock.expires_at) == (whole, whole)


def text_at(repository: Repository, path: str) -> str:
    entry = find(repository.store.objects, repository.store.head().tree, path)
    assert entry is not None
    return repository.store.objects.blob(entry.id).decode()


def test_the_clock_of_the_machine_is_in_whole_seconds_of_utc() -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)

    now = utc_now()

    assert now.utcoffset() == timedelta(0)
    assert now.microsecond == 0
    assert before < now <= datetime.now(UTC)


def test_a_later_attempt_has_a_later_stamp(repository: Repository) -> None:
    """What was decided again is dated by when it happened, not by when somebody first tried."""
    store = Contested(repository.store, locks_of_a_rival(repository), attempts_lost=1)
    times = [NOON + timedelta(seconds=10), NOON + timedelta(seconds=20)]

    Repository(store, clock=clock_that_says(*times), sleep=lambda _: None).apply(Deploy("dev", "cart", 1), ADA)

    assert list(repository.store.log())[-1].time == times[1]


def test_the_author_is_who_asked_and_the_committer_is_kuberpult(either: Repository) -> None:
    either.apply(Deploy("staging", "cart", 2), BOB, NOON)

    logged = list(either.store.log())[-1]

    assert logged.author == BOB
    assert logged.committer == COMMITTER
    assert text_at(either, "environments/staging/applications/cart/deployed_by") == BOB.name
    assert text_at(either, "environments/staging/applications/cart/deployed_by_email") == BOB.email


@pytest.mark.parametrize("actor", [Actor("", "a@b"), Actor("A\nB", "a@b"), Actor("A", "a@b>"), Actor("A\0", "")])
def test_an_actor_that_git_cannot_keep_is_refused(repository: Repository, actor: Actor) -> None:
    head = repository.store.head()

    with pytest.raises(Invalid):
        repository.apply(Deploy("staging", "cart", 2), actor, NOON)

    assert repository.store.head() == head


# Nothing to do


def test_nothing_is_committed_when_nothing_happens(either: Repository) -> None:
    before = len(list(either.store.log()))

    for command in (Deploy("staging", "cart", 1), CancelQueued("dev", "cart"), SetTeam("cart", None)):
        applied = either.apply(command, ADA, NOON)
        assert applied.commit is None
        assert applied.decision.is_nothing

    assert len(list(either.store.log())) == before


def test_a_plan_holds_the_base_of_an_empty_repository() -> None:
    repository = memory_repository()
    command = CreateEnvironment("dev")

    plan = repository.plan(command)

    assert plan == Plan(command, None, plan.decision)
    assert repository.carry_out(plan, ADA, NOON).commit == repository.store.head().commit


def test_a_repository_closes_its_store_at_the_end() -> None:
    class Closing(MemoryStore):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    store = Closing()
    with Repository(store) as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        assert store.closed == 0

    assert store.closed == 1
