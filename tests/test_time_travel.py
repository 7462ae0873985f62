"""``--at``: the state that was, by commit and by time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from kuberpult_core import (
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    ReleaseTrain,
    Repository,
    Target,
    Undo,
    UpstreamThen,
    journal,
    memory_repository,
)
from kuberpult_core.changes import written
from kuberpult_core.errors import UnknownRevision
from kuberpult_core.memory import MemoryStore
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.past import moments
from kuberpult_core.past.replay import Different
from tests.law_support import carry_out, plain
from tests.rules import ADA, NOON, World, deploys, environment, given, lock, release, releases
from tests.strategies import History, histories
from tests.support import files_of, git_repository

FEW = settings(max_examples=max(5, settings().max_examples // 6))
EARLY = settings(max_examples=max(5, settings().max_examples // 2))
HOUR = timedelta(hours=1)


# Histories


def kept(repository: Repository, history: History) -> dict[str, tuple[datetime, dict[str, Any]]]:
    """The time and the state of each commit of *history*, by its id, as they were when it was made."""
    found: dict[str, tuple[datetime, dict[str, Any]]] = {}
    for step in history:
        carry_out(repository, step)
        commit = repository.store.head().commit
        if commit and commit not in found:
            found[commit] = (step.stamp.time, plain(repository.state()))
    return found


def check_the_past(repository: Repository, history: History) -> None:
    states = kept(repository, history)
    assert len(states) == len(list(repository.store.log()))
    for commit, (_, state) in states.items():
        assert plain(repository.state(at=commit)) == state
        assert repository.snapshot(commit)[0].commit == commit


@EARLY
@for_all(histories(6))
def test_at_a_commit_is_the_state_that_was_in_memory(history: History) -> None:
    with memory_repository() as repository:
        check_the_past(repository, history)
        for back, commit in enumerate(reversed(list(repository.store.log()))):
            assert repository.snapshot(f"HEAD~{back}")[0].commit == commit.id


@FEW
@for_all(histories(4))
def test_at_a_commit_is_the_state_that_was_in_git(history: History) -> None:
    with git_repository() as repository:
        check_the_past(repository, history)


@EARLY
@for_all(histories(8), st.integers(-5, 5))
def test_at_a_time_is_the_newest_commit_that_is_not_later_however_clocks_went(history: History, days: int) -> None:
    """Times of these histories go back and forth."""
    with memory_repository() as repository:
        states = kept(repository, history)
        for time in {NOON_OF_HISTORIES + timedelta(days=days), *(time for time, _ in states.values())}:
            expected = [state for at, state in states.values() if at <= time][-1:]
            if expected:
                assert plain(repository.state(at=time.isoformat())) == expected[0]
            else:
                with pytest.raises(UnknownRevision, match="there was no commit yet"):
                    repository.state(at=time.isoformat())


NOON_OF_HISTORIES = datetime(2026, 1, 1, 12, tzinfo=UTC)


# Times, one by one


def clocked(repository: Repository, hours: Iterable[int]) -> World:
    """cart 1, 2, 3 … on dev, deployed at these hours after noon, one after the other."""
    world = World(repository)
    start = NOON - 100 * HOUR
    world.when(environment("dev"), releases("cart", 9, "dev"), at=start)
    for version, hour in enumerate(hours, 1):
        world.when(deploys("cart", version, "dev"), at=NOON + hour * HOUR)
    return world


def version_at(world: World, at: str) -> object:
    """What was on dev."""
    return world.repository.state(at=at).placement("dev", "cart").version


FORWARD, BACK_AND_FORTH = (1, 2, 3), (3, 1, 5, 2)
TIMES = [
    (FORWARD, 0, None),
    (FORWARD, 1, 1),
    (FORWARD, 2, 2),
    (FORWARD, 99, 3),
    (BACK_AND_FORTH, 0, None),
    (BACK_AND_FORTH, 1, 2),
    (BACK_AND_FORTH, 2, 4),
    (BACK_AND_FORTH, 4, 4),
    (BACK_AND_FORTH, 5, 4),
]


@pytest.mark.parametrize(("hours", "asked", "expected"), TIMES)
def test_of_a_time_it_is_the_commit_nearest_to_the_head_that_is_not_later(
    hours: tuple[int, ...], asked: int, expected: int | None
) -> None:
    world = clocked(memory_repository(), hours)
    assert version_at(world, (NOON + asked * HOUR).isoformat()) == expected


def test_git_says_the_same_of_times() -> None:
    with git_repository() as repository:
        world = clocked(repository, BACK_AND_FORTH)
        for hours, asked, expected in TIMES:
            if hours is BACK_AND_FORTH:
                assert version_at(world, (NOON + asked * HOUR).isoformat()) == expected


def test_a_second_decides() -> None:
    world = clocked(memory_repository(), (1,))
    assert version_at(world, "2026-01-31T13:00:00Z") == 1
    assert version_at(world, "2026-01-31T12:59:59Z") is None


def test_a_span_is_counted_from_the_clock_of_the_repository() -> None:
    store = clocked(memory_repository(), (1, 3)).repository.store
    repository = Repository(store, clock=lambda: NOON + 4 * HOUR)
    assert repository.state(at="2h").placement("dev", "cart").version == 1
    assert repository.state(at="1h").placement("dev", "cart").version == 2
    assert repository.state(at="60m").placement("dev", "cart").version == 2
    with pytest.raises(UnknownRevision, match="there was no commit yet"):
        repository.state(at="999999w")


def test_a_revision_comes_before_a_time() -> None:
    world = clocked(memory_repository(), (1, 2))
    assert world.head.commit
    assert version_at(world, world.head.commit[:12]) == 2
    assert version_at(world, "HEAD~1") == 1


@pytest.mark.parametrize(
    "text", ["nonsense", "", "HEAD~99", "0" * 40, "4y", "-4h", "2026-13-01", "yesterday", "\ud800"]
)
def test_what_is_neither_is_refused(text: str) -> None:
    world = clocked(memory_repository(), (1,))
    with pytest.raises(UnknownRevision, match="it is no time"):
        world.repository.state(at=text)


@pytest.mark.parametrize(
    "text", ["..", "a..b", "--all", "\0", "\ud800", ":/x", "HEAD^{tree}", "HEAD:kuberpult.json"]
)
def test_what_git_takes_for_something_else_is_refused_too(text: str) -> None:
    with git_repository() as repository:
        clocked(repository, (1,))
        with pytest.raises(UnknownRevision):
            repository.state(at=text)


def test_before_the_first_commit_there_is_nothing_to_look_at() -> None:
    with memory_repository() as repository:
        for at in ("HEAD", "1h", "2026-01-01"):
            with pytest.raises(UnknownRevision):
                repository.state(at=at)


# What is asked of the past


def test_the_past_stays_as_it_was_whatever_comes_after() -> None:
    world = given(environment("dev"), releases("cart", 2, "dev"), deploys("cart", 1, "dev"))
    commit = world.head.commit
    before = world.repository.state(at=commit)
    seen = plain(before)
    world.when(deploys("cart", 2, "dev"), lock("dev"), release("new", 1, "dev"))
    assert plain(before) == seen == plain(world.repository.state(at=commit))
    assert files_of(world.repository.store.objects, world.repository.snapshot(commit)[0].tree)


def test_problems_are_those_of_then() -> None:
    world = given(environment("dev"))
    world.by_hand(written("environments/dev/config.json", "{"))
    world.by_hand(written("environments/dev/config.json", "{}"))
    assert [it.path for it in world.repository.problems(at="HEAD~1")] == ["environments/dev/config.json"]
    assert world.repository.problems() == world.repository.problems(at="HEAD") == []


def test_why_is_asked_of_then() -> None:
    world = given(environment("dev"), releases("cart", 2, "dev"), deploys("cart", 1, "dev"))
    world.when(deploys("cart", 2, "dev"))
    then = world.repository.why(EnvironmentName("dev"), ApplicationName("cart"), at="HEAD~1")
    assert then["version"] == 1
    assert then["since"]["by"]["name"] == "Bob"
    now = world.repository.why(EnvironmentName("dev"), ApplicationName("cart"))
    assert (now["version"], now["since"]["by"]["name"]) == (2, ADA.name)


def test_the_log_of_then_ends_then() -> None:
    world = clocked(memory_repository(), (1, 2, 3))
    subjects = [it.subject for it in world.repository.log(at="HEAD~1")]
    assert subjects[:2] == ["Deploy cart 2 to dev", "Deploy cart 1 to dev"]
    assert len(subjects) == world.commits() - 1


# moments.past

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("4h", NOW - timedelta(hours=4)),
        ("2d", NOW - timedelta(days=2)),
        ("1w", NOW - timedelta(weeks=1)),
        ("0m", NOW),
        ("007d", NOW - timedelta(days=7)),
        ("999999w", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-01-30", datetime(2026, 1, 30, tzinfo=UTC)),
        ("2026-01-30T18:00", datetime(2026, 1, 30, 18, tzinfo=UTC)),
        ("2026-01-30 18:00:30", datetime(2026, 1, 30, 18, 0, 30, tzinfo=UTC)),
        ("2026-01-30T18:00Z", datetime(2026, 1, 30, 18, tzinfo=UTC)),
        ("2026-01-30T18:00:00.999999+05:30", datetime(2026, 1, 30, 12, 30, tzinfo=UTC)),
        ("2030-01-01", datetime(2030, 1, 1, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
        ("", None),
        ("h", None),
        ("4", None),
        ("4y", None),
        ("4H", None),
        ("-4h", None),
        (" 4h", None),
        ("4h ", None),
        ("4h\n", None),
        ("1.5h", None),
        ("4h30m", None),
        ("1000000m", None),
        ("٤h", None),
        ("yesterday", None),
        ("2026-02-30", None),
        ("2026-01-30T25:00", None),
        ("0001-01-01T00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("\ud800", None),
        ("\0", None),
    ],
)
def test_a_time_in_the_past_is_a_span_or_a_date(text: str, expected: datetime | None) -> None:
    assert moments.past(text, NOW) == expected


@for_all(st.text(max_size=30))
def test_any_text_is_a_time_or_none(text: str) -> None:
    time = moments.past(text, NOW)
    assert time is None or (time.tzinfo is UTC and time.microsecond == 0)


# What a record says of the past


def test_a_record_that_says_something_else_of_the_past_than_the_repository_is_different() -> None:
    """Its decision is the same, so a replay alone could not tell."""
    with memory_repository() as repository:
        store = repository.store
        assert isinstance(store, MemoryStore)
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        repository.apply(CreateLock(Target("dev"), "freeze", "wait"), ADA, NOON)
        applied = repository.apply(Undo("HEAD"), ADA, NOON)
        assert [found.status for found in repository.verify()] == ["proven"] * 3

        command = applied.decision.command
        assert isinstance(command, Undo)
        assert command.facts is not None
        forged = attrs.evolve(command, facts=attrs.evolve(command.facts, others=("never/there",)))
        message = journal.message(attrs.evolve(applied.decision, command=forged))
        store._log[-1] = attrs.evolve(store._log[-1], message=message)
        *fine, found = repository.verify()

    assert [it.status for it in fine] == ["proven"] * 2
    assert isinstance(found, Different)
    assert "the past" in found.reason


def test_a_train_from_the_past_is_proven_with_what_upstream_had_then() -> None:
    with memory_repository() as repository:
        repository.apply(CreateEnvironment("dev", {"upstream": {"latest": True}}), ADA, NOON)
        repository.apply(CreateEnvironment("staging", {"upstream": {"environment": "dev"}}), ADA, NOON)
        repository.apply(CreateRelease("cart", {"dev": "a: b\n", "staging": "a: b\n"}), ADA, NOON)
        repository.apply(ReleaseTrain("staging", from_state=UpstreamThen("HEAD")), ADA, NOON)

        assert repository.state().placement("staging", "cart").version == 1
        assert [found.status for found in repository.verify()] == ["proven"] * 4
