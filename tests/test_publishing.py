"""From wishes to commits: what breaks for one, what a server refuses together, and how often it is asked."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import (
    Applied,
    Asked,
    Command,
    CreateEnvironment,
    CreateRelease,
    Deploy,
    KuberpultError,
    NotFound,
    Repository,
    service,
)
from kuberpult_core.decide import decide
from kuberpult_core.errors import (
    HistoryReplaced,
    LostRace,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
    StoreUnavailable,
    WaitedTooLong,
)
from kuberpult_core.memory import MemoryStore
from kuberpult_core.pace import Pace
from kuberpult_core.ports import Entry, NewCommit, ObjectId, Objects
from kuberpult_core.publishing import Outcome
from tests.real import ADA, BOB, NOON

MANIFEST = "kind: Deployment\n"
LONG = 60.0


def environment(name: str) -> Asked:
    return Asked(CreateEnvironment(name), ADA, NOON)


class Server(MemoryStore):
    """A branch on a server that has a hook, and troubles of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.pushes: list[int] = []
        """How many commits each push had."""
        self.hook: Callable[[NewCommit], bool] = lambda _: True
        self.troubles: list[Exception | None] = []
        """What the next pushes end with, before anything happens; none is no trouble."""
        self.refreshing: Callable[[], None] = lambda: None

    def refresh(self, *, follow: bool = False) -> None:  # noqa: ARG002 - there is nothing to follow
        self.refreshing()

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        self.pushes.append(len(commits))
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        if not all(map(self.hook, commits)):
            raise RemoteRefused("git://server", "pre-receive hook declined", "not on Fridays")
        return super().publish_all(commits)


def not_about(*words: str) -> Callable[[NewCommit], bool]:
    return lambda commit: not any(word in commit.message for word in words)


def repository_on(store: MemoryStore, **options: float) -> Repository:
    return Repository(store, sleep=lambda _: None, **options)  # type: ignore[arg-type]  # the others are numbers


def subjects(store: MemoryStore) -> list[str]:
    return [it.message.split("\n")[0] for it in store.log()]


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    return [type(it).__name__ for it in outcomes]


# What a server refuses


def test_what_is_refused_together_is_asked_for_one_by_one_and_each_has_an_answer() -> None:
    store = Server()
    store.hook = not_about("poison")
    outcomes = repository_on(store).apply_all([environment(it) for it in ("a", "poison", "b", "poison2", "c")])
    assert kinds(outcomes) == ["Applied", "RemoteRefused", "Applied", "RemoteRefused", "Applied"]
    assert subjects(store) == ["Create environment a", "Create environment b", "Create environment c"]
    assert store.pushes == [5, 1, 1, 1, 1, 1]
    assert [it.commit for it in outcomes if isinstance(it, Applied)] == [it.id for it in store.log()]


def test_a_lone_command_that_is_refused_is_asked_for_once() -> None:
    store = Server()
    store.hook = not_about("poison")
    with pytest.raises(RemoteRefused, match="not on Fridays"):
        repository_on(store).apply(CreateEnvironment("poison"), ADA, NOON)
    assert store.pushes == [1]
    assert subjects(store) == []


def test_who_leans_on_what_was_refused_is_decided_without_it() -> None:
    store = Server()
    store.hook = not_about("Create environment poison")
    first, release, deploy, other = repository_on(store).apply_all(
        [
            environment("poison"),
            Asked(CreateRelease("cart", {"poison": MANIFEST}), ADA, NOON),
            Asked(Deploy("poison", "cart", 1), ADA, NOON),
            environment("other"),
        ]
    )
    assert isinstance(first, RemoteRefused)
    assert isinstance(release, Applied)
    assert kinds([deploy, other])[1] == "Applied"
    assert isinstance(deploy, NotFound | Applied)
    assert not any("Create environment poison" in it for it in subjects(store))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_whoever_is_refused_the_others_are_as_if_alone(people: list[tuple[bool, bool]]) -> None:
    """Some are refused by the hook, some by the rules; all others are published, in order, once."""
    store = Server()
    store.hook = not_about("poison")
    repository = repository_on(store)
    asked = [
        Asked(Deploy("nowhere", "cart", 1), BOB, NOON)
        if is_wrong
        else environment(f"{'poison' if is_poison else 'good'}-{number}")
        for number, (is_poison, is_wrong) in enumerate(people)
    ]
    outcomes = repository.apply_all(asked)
    expected = [
        "UnknownEnvironment" if is_wrong else "RemoteRefused" if is_poison else "Applied"
        for is_poison, is_wrong in people
    ]
    good = [number for number, kind in enumerate(expected) if kind == "Applied"]
    assert kinds(outcomes) == expected
    assert subjects(store) == [f"Create environment good-{number}" for number in good]


def test_what_comes_in_the_way_of_one_of_them_is_the_answer_for_that_one() -> None:
    refused = RemoteRefused("git://server", "no")
    bug, gone = ValueError("a bug"), RemoteUnavailable("git://server", "It is gone.")
    unknown = OutcomeUnknown(ObjectId("c" * 40), "No answer.")
    store = Server()
    store.troubles = [refused, None, bug, None, unknown, None, gone]
    outcomes = repository_on(store).apply_all([environment(it) for it in "abcdefgh"])
    assert [outcomes[it] for it in (1, 3)] == [bug, unknown]
    assert outcomes[5:] == [gone] * 3
    assert kinds(outcomes[::2])[:3] == ["Applied"] * 3
    assert subjects(store) == [f"Create environment {it}" for it in "ace"]
    assert store.pushes == [8, *[1] * 6], "nobody waits for a server that is gone again and again"


# What breaks


class Holey(Objects):
    """Objects of which some cannot be read while a test says so."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.missing: set[ObjectId] = set()

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        self._check(tree_id)
        return self._objects.tree(tree_id)

    def blob(self, blob_id: ObjectId) -> bytes:
        self._check(blob_id)
        return self._objects.blob(blob_id)

    def put(self, object_id: ObjectId, content: bytes) -> None:
        self._objects.put(object_id, content)  # type: ignore[attr-defined]  # they are those in memory

    def _check(self, object_id: ObjectId) -> None:
        if object_id in self.missing:
            raise StoreUnavailable(f"The repository lacks {object_id}.")


def test_what_breaks_for_one_does_not_break_for_the_others() -> None:
    store = Server()
    objects = store._objects = Holey(store._objects)  # type: ignore[assignment]  # it does what they do
    repository_on(store).apply_all(
        [
            *map(environment, ("a", "b", "c")),
            *(Asked(CreateRelease(it, {it: MANIFEST}), ADA, NOON) for it in ("a", "b", "c")),
        ]
    )
    root = store.head().tree
    assert root
    releases = objects.tree(objects.tree(objects.tree(root)["applications"].id)["b"].id)["releases"].id
    objects.missing = {objects.tree(releases)["1"].id}
    store.pushes.clear()
    outcomes = repository_on(store).apply_all([Asked(Deploy(it, it, 1), ADA, NOON) for it in ("a", "b", "c")])
    assert kinds(outcomes) == ["Applied", "StoreUnavailable", "Applied"]
    assert store.pushes == [2]
    assert subjects(store)[-2:] == ["Deploy a 1 to a", "Deploy c 1 to c"]


def test_a_bug_in_one_decision_is_the_answer_to_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Server()

    def broken(state: object, command: Command) -> object:
        if isinstance(command, CreateEnvironment) and command.environment in ("b", "d"):
            raise ZeroDivisionError
        return decide(state, command)  # type: ignore[arg-type]  # it is one

    monkeypatch.setattr(service, "decide", broken)
    outcomes = repository_on(store).apply_all([environment(it) for it in "abcde"])
    assert kinds(outcomes) == ["Applied", "ZeroDivisionError", "Applied", "ZeroDivisionError", "Applied"]
    assert subjects(store) == [f"Create environment {it}" for it in "ace"]


@pytest.mark.parametrize(
    "trouble",
    [
        RemoteUnavailable("git://server", "It is gone."),
        OutcomeUnknown(ObjectId("c" * 40), "No answer."),
        HistoryReplaced("git://server", "main", "a" * 40, None),
    ],
    ids=lambda it: type(it).__name__,
)
def test_what_says_that_nobody_can_publish_is_told_to_all_and_nothing_is_tried_again(
    trouble: KuberpultError,
) -> None:
    store = Server()
    store.troubles = [trouble]
    with pytest.raises(type(trouble)) as told:
        repository_on(store).apply_all([environment(it) for it in "abc"])
    assert told.value is trouble
    assert store.pushes == [3]
    assert subjects(store) == []
    assert kinds(repository_on(store).apply_all([environment(it) for it in "abc"])) == ["Applied"] * 3


def test_a_server_that_cannot_be_asked_is_told_before_anything_is_decided() -> None:
    store = Server()

    def gone() -> None:
        raise RemoteUnavailable("git://server", "It is gone.")

    store.refreshing = gone
    with pytest.raises(RemoteUnavailable):
        repository_on(store).apply(CreateEnvironment("a"), ADA, NOON)
    assert store.pushes == []


# Lost races


class Contested(Server):
    """A server on which others are faster, so many times."""

    def __init__(self, lost: float) -> None:
        super().__init__()
        self._lost = lost

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        self._lost -= 1
        return None if self._lost >= 0 else super().publish_all(commits)


def test_each_attempt_asks_the_server_anew() -> None:
    asked: list[int] = []
    store = Contested(3)
    store.refreshing = lambda: asked.append(1)
    assert kinds(repository_on(store).apply_all([environment("a")])) == ["Applied"]
    assert len(asked) == 4
    assert store.pushes == [1]


def test_naps_are_spread_so_that_rivals_do_not_meet_again() -> None:
    naps: list[float] = []
    for _ in range(40):
        Repository(Contested(1), sleep=naps.append).apply(CreateEnvironment("a"), ADA, NOON)
    assert len(naps) == 40
    assert max(naps) > 1.5 * min(naps)


def test_a_conflict_is_told_with_the_patience_that_was_had() -> None:
    store = Contested(float("inf"))
    with pytest.raises(LostRace) as lost:
        repository_on(store, patience=0.05).apply_all([environment("a"), environment("b")])
    assert lost.value.seconds == 0.05
    assert subjects(store) == []


# How often


class Clock:
    """Moves when somebody sleeps; told to the pace instead of the machine's."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The pace's clock."""
    clock = Clock()
    assert Pace.__init__.__kwdefaults__
    monkeypatch.setitem(Pace.__init__.__kwdefaults__, "clock", clock)
    return clock


def test_commands_one_after_the_other_wait_for_the_pace_and_none_fails(clock: Clock) -> None:
    store = Server()
    repository = Repository(store, sleep=clock.sleep, max_pushes_per_minute=2)
    times = []
    for number in range(6):
        repository.apply(CreateEnvironment(f"e{number}"), ADA, NOON)
        times.append(clock.now - 1000)
    assert times == pytest.approx([0, 0, 30, 60, 90, 120])
    assert store.pushes == [1] * 6


def test_what_publishes_nothing_uses_nothing_up(clock: Clock) -> None:
    store = Server()
    repository = Repository(store, sleep=clock.sleep, max_pushes_per_minute=1)
    for _ in range(5):
        with pytest.raises(NotFound):
            repository.apply(Deploy("nowhere", "cart", 1), ADA, NOON)
    repository.apply(CreateEnvironment("a"), ADA, NOON)
    assert clock.naps == []


def test_attempts_that_lose_and_those_one_by_one_keep_to_the_pace_too(clock: Clock) -> None:
    store = Server()
    store.hook = not_about("poison")
    repository = Repository(store, sleep=clock.sleep, max_pushes_per_minute=1)
    outcomes = repository.apply_all([environment(it) for it in ("a", "poison", "b")])
    assert kinds(outcomes) == ["Applied", "RemoteRefused", "Applied"]
    assert store.pushes == [3, 1, 1, 1]
    assert clock.now - 1000 == pytest.approx(180)


def test_callers_who_have_to_wait_for_the_pace_are_gathered_however_slow_it_is() -> None:
    """One push in a minute, and a patience of less: those who wait for the second one do not fail."""
    store, sleeping, go_on = Server(), Event(), Event()
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        sleeping.set()
        assert go_on.wait(LONG)
        repository._publisher._pace._left = 1.0  # the time has passed

    repository = Repository(store, sleep=sleep, patience=0.3, max_pushes_per_minute=1)
    repository.apply(CreateEnvironment("first"), ADA, NOON)
    with ThreadPoolExecutor(20) as threads:
        coming = [threads.submit(repository.apply, CreateEnvironment(f"e{it}"), ADA, NOON) for it in range(20)]
        assert sleeping.wait(LONG)
        end = time.monotonic() + LONG
        while repository.waiting < 20 and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(0.5)
        go_on.set()
        done = [it.result(LONG) for it in coming]
    assert all(it.commit for it in done)
    assert store.pushes == [1, 20]
    assert naps == [pytest.approx(60, abs=5)]


def test_too_many_who_wait_are_told_so_and_nothing_of_theirs_happens() -> None:
    store, serving, go_on = Server(), Event(), Event()

    def slow() -> None:
        serving.set()
        assert go_on.wait(LONG)

    store.refreshing = slow
    repository = repository_on(store)
    repository._line._most_waiting = 3
    with ThreadPoolExecutor(5) as threads:
        coming = [threads.submit(repository.apply, CreateEnvironment("first"), ADA, NOON)]
        assert serving.wait(LONG)
        coming += [threads.submit(repository.apply, CreateEnvironment(f"e{it}"), ADA, NOON) for it in range(3)]
        end = time.monotonic() + LONG
        while repository.waiting < 3 and time.monotonic() < end:
            time.sleep(0.001)
        with pytest.raises(WaitedTooLong, match="3 were waiting"):
            repository.apply(CreateEnvironment("late"), ADA, NOON)
        go_on.set()
        assert all(it.result(LONG).commit for it in coming)
    assert "Create environment late" not in subjects(store)
    assert store.pushes == [1, 3]
