"""One suite that every store passes: subclass it and say how a store is opened.

What a store promises stands in ``kuberpult_core/ports.py``: objects first, then one
compare-and-swap of the branch; a race that is lost changes nothing.
"""

import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, Protocol

import attrs
import pytest

from kuberpult_core.errors import Unavailable, UnknownRevision
from kuberpult_core.journal import COMMITTER
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import FILE, FOLDER, BranchLocked, Entry, Head, ObjectId, Store, Touching
from kuberpult_core.tree import find
from tests.real import ADA, BOB, NOON, commit_of, published

NOWHERE = ObjectId("1234567890" * 4)
DEV, PROD = EnvironmentName("dev"), EnvironmentName("prod")
CART, WEB, NO_SUCH = ApplicationName("cart"), ApplicationName("web"), ApplicationName("no-such")
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def asked(store: Store, wanted: Touching, start: ObjectId | None = None) -> list[ObjectId]:
    """The ids of the commits that the history gives."""
    return [commit.id for commit in store.history(wanted, start)]


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

    def test_the_log_up_to_a_commit_ends_with_it(self, store: Store) -> None:
        ids = [published(store, {"a": str(number)}) for number in range(5)]

        assert [logged.id for logged in store.log(until=ids[2])] == ids[:3]
        assert [logged.id for logged in store.log(ids[0], ids[2])] == ids[1:3]
        assert [logged.id for logged in store.log(ids[2], ids[2])] == []
        assert [logged.id for logged in store.log(ids[3], ids[2])] == ids[:3], "the one is none of the others"

    def test_a_commit_by_its_id_is_as_the_log_has_it(self, store: Store) -> None:
        for number in range(3):
            published(store, {"a": str(number)})

        assert [store.commit(logged.id) for logged in store.log()] == list(store.log())
        with pytest.raises(Unavailable, match=NOWHERE):
            store.commit(NOWHERE)
        with pytest.raises(Unavailable, match=NOWHERE):
            list(store.log(until=NOWHERE))

    # The history

    def test_the_history_is_newest_first_with_commits_that_change_nothing(self, store: Store) -> None:
        """A lock that came and went in one batch leaves the tree as it was, and is worth telling."""
        first = published(store, {"a": "one"})
        second = published(store, {})
        third = published(store, {"a": "two"})

        assert asked(store, Touching()) == [third, second, first]

    def test_the_history_of_an_empty_repository_is_empty(self, store: Store) -> None:
        assert asked(store, Touching()) == asked(store, Touching(application=CART)) == []
        assert store.as_of(NOON) is None

    def test_the_history_of_an_environment_an_application_or_a_placement(self, store: Store) -> None:
        environment = published(store, {"environments/dev/config.json": "{}"})
        release = published(store, {"applications/cart/team": "shop"})
        placement = published(store, {"environments/dev/applications/cart/version": "1"})
        lock = published(store, {"environments/prod/applications/cart/locks/freeze/message": "wait"})
        other = published(store, {"environments/dev/applications/web/version": "1"})
        published(store, {"argocd/v1alpha1/dev.yaml": "x"})

        assert asked(store, Touching(environment=DEV)) == [other, placement, environment]
        assert asked(store, Touching(environment=PROD)) == [lock]
        assert asked(store, Touching(application=CART)) == [lock, placement, release]
        assert asked(store, Touching(DEV, CART)) == [placement]
        assert asked(store, Touching(PROD, CART)) == [lock]
        assert asked(store, Touching(PROD, WEB)) == asked(store, Touching(application=NO_SUCH)) == []

    def test_the_history_of_an_author_and_since_a_time(self, store: Store) -> None:
        ids = []
        for number, author in enumerate((ADA, BOB, ADA)):
            text = {f"environments/{'dev' if number else 'prod'}/config.json": str(number)}
            ids.append(store.publish(commit_of(store, text, author=author, time=NOON + number * HOUR)))

        assert asked(store, Touching(author="ada")) == [ids[2], ids[0]]
        assert asked(store, Touching(author="ÜNDER <bob")) == [ids[1]]
        assert asked(store, Touching(since=NOON + HOUR)) == [ids[2], ids[1]]
        assert asked(store, Touching(since=NOON + HOUR + SECOND)) == [ids[2]]
        assert asked(store, Touching(environment=DEV, author="ada")) == [ids[2]]
        assert asked(store, Touching(environment=DEV, author="ada", since=NOON + 3 * HOUR)) == []

    def test_the_history_from_a_commit_on_begins_with_it(self, store: Store) -> None:
        ids = [published(store, {"environments/dev/config.json": str(number)}) for number in range(4)]

        assert (
            asked(store, Touching(), ids[1]) == asked(store, Touching(environment=DEV), ids[1]) == [ids[1], ids[0]]
        )
        with pytest.raises(Unavailable, match=NOWHERE):
            asked(store, Touching(), NOWHERE)

    def test_as_of_a_time_the_nearest_commit_that_is_not_later_was_the_head(self, store: Store) -> None:
        times = [NOON, NOON + 2 * HOUR, NOON + HOUR]  # a clock went back
        ids = [store.publish(commit_of(store, {"a": str(time)}, time=time)) for time in times]

        assert store.as_of(NOON - SECOND) is None
        assert store.as_of(NOON) == store.as_of(NOON + HOUR - SECOND) == ids[0]
        assert store.as_of(NOON + HOUR) == store.as_of(NOON + 3 * HOUR) == ids[2]
        assert store.as_of(NOON + HOUR - SECOND / 2) == ids[0]

    # Names of commits

    def test_a_commit_is_named_by_its_id_its_beginning_or_head(self, store: Store) -> None:
        ids = [published(store, {"a": str(number)}) for number in range(3)]

        for commit in ids:
            assert (
                store.revision(commit) == store.revision(commit[:12]) == store.revision(commit.upper()) == commit
            )
        assert store.revision("HEAD") == store.revision("@") == ids[2]

    def test_suffixes_lead_back(self, store: Store) -> None:
        ids = [published(store, {"a": str(number)}) for number in range(4)]

        back = {
            text: store.revision(f"HEAD{text}") for text in ("~", "^", "~1", "^1", "~2", "^^", "~1^", "~3", "^0~0")
        }
        assert back == dict.fromkeys(("~", "^", "~1", "^1"), ids[2]) | dict.fromkeys(
            ("~2", "^^", "~1^"), ids[1]
        ) | {
            "~3": ids[0],
            "^0~0": ids[3],
        }
        assert store.revision(f"{ids[2][:10]}~2") == ids[0]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("no-such", "no commit is named like this"),
            ("", "begins with no name"),
            ("~1", "begins with no name"),
            ("HEAD~1..HEAD", "range"),
            ("HEAD\0", "control characters"),
            ("a" * 10_000, "more than 1000 characters"),
            ("HEAD~3", "only 2 commits lie before it"),
            ("HEAD~99999999999", "no history is so long"),
            ("HEAD^2", "parents"),
            ("HEAD~-1", "no commit is named like this"),
            (NOWHERE, "no "),
            (NOWHERE[:8], "no commit is named like this"),
        ],
    )
    def test_what_names_no_commit_is_unknown_and_says_why(self, store: Store, text: str, reason: str) -> None:
        for number in range(3):
            published(store, {"a": str(number)})

        with pytest.raises(UnknownRevision) as caught:
            store.revision(text)

        assert reason in caught.value.reason

    def test_a_name_in_an_empty_repository_is_unknown(self, store: Store) -> None:
        with pytest.raises(UnknownRevision, match="no commit yet"):
            store.revision("HEAD")

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
