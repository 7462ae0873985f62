"""One suite that every store passes: subclass it and say how a store is opened.

What a store promises stands in ``kuberpult_core/ports.py``: objects first, then one
compare-and-swap of the branch; a race that is lost changes nothing.
"""

import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any, Protocol

import attrs
import pytest

from kuberpult_core.errors import Unavailable
from kuberpult_core.journal import COMMITTER
from kuberpult_core.ports import FILE, FOLDER, BranchLocked, Entry, Head, ObjectId, Store
from kuberpult_core.tree import find
from tests.real import ADA, BOB, NOON, commit_of, published

NOWHERE = ObjectId("1234567890" * 4)


class Opening(Protocol):
    """How the store under test is opened. Whoever made this closes what was opened and is still there."""

    def new(self) -> Store:
        """A store of an empty repository, another one each time."""
        ...

    def again(self, store: Store) -> Store:
        """The branch of *store*, opened once more."""
        ...


class StoreSuite:
    """The rules of :class:`kuberpult_core.ports.Store`; a subclass gives the fixture ``opening``."""

    opening: Any
    """A fixture of the subclass, which gives an :class:`Opening`."""

    @pytest.fixture
    def store(self, opening: Opening) -> Store:
        return opening.new()

    # An empty repository

    def test_an_empty_repository_has_no_head_and_no_log(self, store: Store) -> None:
        assert store.head() == Head(None, None)
        assert list(store.log()) == []

    def test_the_first_commit_has_no_parent_and_becomes_the_head(self, store: Store) -> None:
        new = commit_of(store, {"a": "text"})

        commit = store.publish(new)

        assert new.parent is None
        assert commit is not None
        assert store.head() == Head(commit, new.tree)

    def test_a_second_first_commit_loses(self, store: Store) -> None:
        late = commit_of(store, {"late": "text"})
        first = published(store, {"a": "text"})

        assert store.publish(late) is None
        assert store.head().commit == first
        assert [logged.id for logged in store.log()] == [first]

    # Publishing

    def test_publishing_moves_the_branch_from_the_parent(self, store: Store) -> None:
        first = published(store, {"a": "one"})
        new = commit_of(store, {"a": "two"})

        second = store.publish(new)

        assert new.parent == first
        assert store.head() == Head(second, new.tree)

    def test_a_lost_race_gives_nothing_and_leaves_the_branch_alone(self, store: Store) -> None:
        published(store, {"a": "one"})
        late = commit_of(store, {"late": "text"})
        winner = published(store, {"a": "two"})
        head, log = store.head(), list(store.log())

        assert store.publish(late) is None
        assert store.head() == head
        assert head.commit == winner
        assert list(store.log()) == log

    def test_a_commit_from_the_past_of_the_branch_loses(self, store: Store) -> None:
        published(store, {"a": "one"})
        past = commit_of(store, {"a": "another"})
        for text in ("two", "three", "four"):
            published(store, {"a": text})
        head = store.head()

        assert store.publish(past) is None
        assert store.head() == head

    def test_a_commit_without_parent_loses_on_a_branch_that_has_commits(self, store: Store) -> None:
        first = published(store, {"a": "one"})
        orphan = attrs.evolve(commit_of(store, {"a": "two"}), parent=None)

        assert store.publish(orphan) is None
        assert store.head().commit == first

    def test_a_commit_with_a_parent_loses_on_an_empty_branch(self, store: Store) -> None:
        new = attrs.evolve(commit_of(store, {"a": "one"}), parent=NOWHERE)

        assert store.publish(new) is None
        assert store.head() == Head(None, None)
        assert list(store.log()) == []

    def test_the_same_commit_is_published_only_once(self, store: Store) -> None:
        new = commit_of(store, {"a": "one"})
        first = store.publish(new)

        assert first is not None
        assert store.publish(new) is None
        assert [logged.id for logged in store.log()] == [first]

    def test_the_same_tree_again_is_a_commit_of_its_own(self, store: Store) -> None:
        first = published(store, {"a": "one"})
        again = attrs.evolve(commit_of(store, {"a": "one"}), time=NOON)

        second = store.publish(again)

        assert second not in {None, first}
        assert store.head() == Head(second, next(iter(store.log())).tree)

    def test_whoever_else_has_the_branch_open_sees_what_is_published(self, opening: Opening) -> None:
        store = opening.new()
        other = opening.again(store)
        commit = published(store, {"a": "one"})
        assert other.head() == store.head()

        after = published(other, {"a": "two"})
        head = store.head()

        assert [logged.id for logged in store.log()] == [commit, after]
        assert find(store.objects, head.tree, "a") == find(other.objects, head.tree, "a")

    def test_of_two_who_start_from_the_same_commit_the_second_loses(self, opening: Opening) -> None:
        store = opening.new()
        other = opening.again(store)
        published(store, {"a": "one"})
        one, two = commit_of(store, {"a": "mine"}), commit_of(other, {"a": "yours"})

        assert other.publish(two) is not None
        assert store.publish(one) is None
        assert store.head().tree == two.tree

    def test_of_many_at_once_exactly_one_wins(self, store: Store) -> None:
        first = published(store, {"a": "one"})
        together = Barrier(8)
        candidates = [commit_of(store, {"a": f"text {number}"}) for number in range(8)]

        def race(number: int) -> ObjectId | None:
            together.wait()
            try:
                return store.publish(candidates[number])
            except BranchLocked:
                return None

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(race, range(8)))

        (winner,) = [answer for answer in answers if answer is not None]
        assert [logged.id for logged in store.log()] == [first, winner]
        assert store.head().tree == candidates[answers.index(winner)].tree

    # Reading

    def test_what_was_published_can_be_read(self, store: Store) -> None:
        published(store, {"folder/file": "text ü\n", "other": ""})

        root = store.objects.tree(store.head().tree or NOWHERE)
        folder = store.objects.tree(root["folder"].id)

        assert set(root) == {"folder", "other"}
        assert root["folder"].mode == FOLDER
        assert root["other"].mode == folder["file"].mode == FILE
        assert store.objects.blob(folder["file"].id) == "text ü\n".encode()
        assert store.objects.blob(root["other"].id) == b""

    def test_what_was_replaced_can_be_read_still(self, store: Store) -> None:
        published(store, {"a": "one"})
        old = store.head()
        for text in ("two", "three"):
            published(store, {"a": text})

        entry = find(store.objects, old.tree, "a")

        assert isinstance(entry, Entry)
        assert store.objects.blob(entry.id) == b"one"

    def test_what_is_not_there_is_unavailable(self, store: Store) -> None:
        published(store, {"a": "one"})

        for read in (store.objects.blob, store.objects.tree):
            with pytest.raises(Unavailable, match=NOWHERE):
                read(NOWHERE)

    def test_many_threads_read_the_same_while_one_writes(self, store: Store) -> None:
        published(store, {f"folder-{number}/file": f"text {number}" for number in range(20)})
        head = store.head()

        def read(number: int) -> bytes:
            entry = find(store.objects, head.tree, f"folder-{number % 20}/file")
            assert entry is not None
            return store.objects.blob(entry.id)

        with ThreadPoolExecutor(6) as pool:
            reads = [pool.submit(read, number) for number in range(200)]
            for number in range(5):
                published(store, {"folder-0/file": f"changed {number}"})

        assert [done.result().decode() for done in reads] == [f"text {number % 20}" for number in range(200)]

    # The log

    def test_the_log_is_oldest_first_and_each_knows_its_parent(self, store: Store) -> None:
        ids = [published(store, {"a": str(number)}) for number in range(5)]

        log = list(store.log())

        assert [logged.id for logged in log] == ids
        assert [logged.parent for logged in log] == [None, *ids[:-1]]
        assert log[-1].tree == store.head().tree

    def test_the_log_since_a_commit_begins_after_it(self, store: Store) -> None:
        ids = [published(store, {"a": str(number)}) for number in range(5)]

        for count, since in enumerate(ids, start=1):
            assert [logged.id for logged in store.log(since)] == ids[count:]

    def test_the_log_keeps_who_when_and_what(self, store: Store) -> None:
        message = "Sum up ü\n\nfact/one\nfact/two\n\nTrailer: 🚀 text\n"
        time = datetime(2001, 9, 9, 1, 46, 41, tzinfo=UTC)
        new = commit_of(store, {"a": "one"}, message=message, author=BOB, time=time)

        commit = store.publish(new)
        (logged,) = store.log()

        assert (logged.id, logged.parent, logged.tree) == (commit, None, new.tree)
        assert logged.message == message
        assert logged.author == BOB
        assert logged.committer == COMMITTER
        assert logged.time == time
        assert logged.time.utcoffset() == time.utcoffset()

    def test_the_log_was_made_once_and_does_not_change_under_its_reader(self, store: Store) -> None:
        first = published(store, {"a": "one"})
        log = list(store.log())
        published(store, {"a": "two"})

        assert [logged.id for logged in log] == [first]

    # Closing

    def test_a_closed_store_leaves_no_warnings(self, opening: Opening) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            store = opening.new()
            published(store, {"a": "one"})
            assert find(store.objects, store.head().tree, "a") is not None
            list(store.log())
            store.close()
            del store
            gc.collect()

        assert [str(warned.message) for warned in caught] == []

    def test_closing_again_is_fine(self, opening: Opening) -> None:
        store = opening.new()
        published(store, {"a": ADA.name})

        store.close()
        store.close()
