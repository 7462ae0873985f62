"""Several commands at once: the same commits as one after the other, published together."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings

from kuberpult_core import (
    Applied,
    Asked,
    CreateEnvironment,
    CreateLock,
    DeleteLock,
    Deploy,
    KuberpultError,
    ReleaseTrain,
    Repository,
    Target,
    Undo,
    init_repository,
    memory_repository,
)
from kuberpult_core.errors import StoreUnavailable, UnknownEnvironment, UnknownRevision
from kuberpult_core.memory import MemoryStore
from kuberpult_core.ports import LoggedCommit, NewCommit, ObjectId
from tests.law_support import carry_out
from tests.strategies import ACTORS, CHAIN, History, histories
from tests.support import NOON, fsck, git_repository, path_of

ADA, BOB = ACTORS[0], ACTORS[1]
FEW = settings(max_examples=max(5, settings().max_examples // 6))


def asked(history: History) -> list[Asked]:
    return [Asked(step.command, step.stamp.actor, step.stamp.time) for step in history]


def told(repository: Repository) -> list[tuple[str, str, str, str]]:
    return [(it.tree, it.message, str(it.author), str(it.time)) for it in repository.store.log()]


def check_flush(one: Repository, all_at_once: Repository, history: History) -> None:
    singly = [carry_out(one, step) for step in history]
    together = all_at_once.apply_all(asked(history))
    assert told(all_at_once) == told(one)
    for alone, answer in zip(singly, together, strict=True):
        if isinstance(alone, KuberpultError):
            assert str(answer) == str(alone)
        else:
            assert isinstance(answer, Applied)
            assert answer.decision == alone
            assert (answer.commit is None) == alone.is_nothing


@given(histories())
def test_a_flush_makes_the_commits_that_one_after_the_other_makes(history: History) -> None:
    with memory_repository() as one, memory_repository() as all_at_once:
        check_flush(one, all_at_once, history)


@FEW
@given(histories(6))
def test_a_flush_makes_them_in_git_too(history: History) -> None:
    with git_repository() as one, git_repository() as all_at_once:
        check_flush(one, all_at_once, history)
        assert len(list((path_of(all_at_once) / "objects/pack").glob("*.pack"))) <= 1
        assert all_at_once.store.head().commit is None or fsck(all_at_once) == ""


def test_a_refusal_touches_nobody_else() -> None:
    with memory_repository() as repository:
        first, refused, second, unknown = repository.apply_all(
            [
                Asked(CreateEnvironment("dev"), ADA, NOON),
                Asked(Deploy("nowhere", "cart", 1), BOB, NOON),
                Asked(CreateEnvironment("staging"), BOB, NOON),
                Asked(Undo("elsewhere"), BOB, NOON),
            ]
        )
        authors = [str(it.author) for it in repository.store.log()]

    assert isinstance(refused, UnknownEnvironment)
    assert isinstance(unknown, UnknownRevision)
    assert isinstance(first, Applied)
    assert isinstance(second, Applied)
    assert authors == [str(ADA), str(BOB)]


def test_each_sees_what_the_one_before_left() -> None:
    with memory_repository() as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        lock, unlock, again = repository.apply_all(
            [
                Asked(CreateLock(Target("dev"), "freeze", "wait"), ADA, NOON),
                Asked(DeleteLock(Target("dev"), "freeze"), BOB, NOON),
                Asked(DeleteLock(Target("dev"), "freeze"), BOB, NOON),
            ]
        )

    assert isinstance(lock, Applied)
    assert isinstance(unlock, Applied)
    assert isinstance(again, KuberpultError)


class Overtaken(MemoryStore):
    """A store on which somebody else is faster, once."""

    def __init__(self) -> None:
        super().__init__()
        self.rival: Repository | None = None

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        if self.rival:
            rival, self.rival = self.rival, None
            rival.apply(CreateEnvironment("rival"), BOB, NOON)
        return super().publish_all(commits)


def test_after_a_lost_race_all_are_decided_again() -> None:
    store = Overtaken()
    repository = Repository(store, sleep=lambda _: None)
    store.rival = Repository(store)

    dev, rival = repository.apply_all(
        [Asked(CreateEnvironment("dev"), ADA, NOON), Asked(CreateEnvironment("rival"), ADA, NOON)]
    )

    assert isinstance(dev, Applied)
    assert isinstance(rival, KuberpultError), "it is there by then"
    assert [it.parent is None for it in store.log()] == [True, False]
    assert subjects(list(store.log())) == ["Create environment rival", "Create environment dev"]


def subjects(log: list[LoggedCommit]) -> list[str]:
    return [it.message.split("\n")[0] for it in log]


def test_nothing_asked_is_nothing_done(tmp_path: Path) -> None:
    with init_repository(tmp_path / "r.git") as repository:
        assert repository.apply_all([]) == []
        assert repository.store.head().commit is None


def test_what_does_nothing_makes_no_commit() -> None:
    with memory_repository() as repository:
        for step in History(CHAIN, []):
            carry_out(repository, step)
        before = repository.store.head()
        (train,) = repository.apply_all([Asked(ReleaseTrain("staging"), ADA, NOON)])
        (again,) = repository.apply_all([Asked(ReleaseTrain("staging"), ADA, NOON)])
        assert isinstance(again, Applied)
        assert again.commit is None
        assert isinstance(train, Applied)
        assert repository.store.head().commit == (train.commit or before.commit)


def test_a_store_that_fails_fails_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise StoreUnavailable("The disk is full.")

    with memory_repository() as repository:
        monkeypatch.setattr(repository.store, "publish_all", full)
        with pytest.raises(StoreUnavailable):
            repository.apply_all([Asked(CreateEnvironment("dev"), ADA, NOON)])
        assert repository.store.head().commit is None
