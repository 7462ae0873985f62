"""Facts from two trees, whoever made them: what a command brings about, and what nobody would expect."""

import pytest

from kuberpult_core import Undo, memory_repository
from kuberpult_core.memory import MemoryObjects, MemoryStore
from kuberpult_core.past.facts import facts_between
from kuberpult_core.past.replay import Foreign
from kuberpult_core.past.treediff import tree_difference
from kuberpult_core.ports import FILE, FOLDER, Entry, LoggedCommit, NewObject, ObjectId
from kuberpult_core.tree import object_hash, serialized, tree_id
from tests.support import NOON, SOMEBODY, keep

DEPTH = 1_500


def deep_tree(depth: int) -> tuple[ObjectId, list[NewObject]]:
    """A file below so many folders; deeper than Python calls itself."""
    objects = [NewObject("blob", ObjectId(object_hash("blob", b"x")), b"x")]
    entry = Entry(FILE, objects[0].id)
    for _ in range(depth):
        content = serialized([("d", entry)])
        objects.append(NewObject("tree", tree_id(content), content))
        entry = Entry(FOLDER, objects[-1].id)
    return entry.id, objects


def test_folders_in_folders_a_thousand_times_are_a_difference_like_any_other() -> None:
    root, objects = deep_tree(DEPTH)
    store = MemoryObjects()
    keep(store, objects)

    (changed,) = tree_difference(store, None, root)

    assert changed.path == "/".join("d" * DEPTH)
    assert facts_between(store, None, root).others == (changed.path,)


def test_somebody_s_deep_folders_stop_neither_the_log_nor_an_undo_nor_a_replay() -> None:
    with memory_repository() as repository:
        store = repository.store
        assert isinstance(store, MemoryStore)
        root, objects = deep_tree(DEPTH)
        keep(store.objects, objects)
        store._log.append(LoggedCommit(ObjectId("1" * 40), None, root, "By hand\n", SOMEBODY, SOMEBODY, NOON))

        (found,) = repository.verify()
        (logged,) = repository.log()
        plan = repository.plan(Undo("HEAD"))

    assert isinstance(found, Foreign)
    assert len(logged.facts.others) == 1
    assert plan.decision.is_nothing
    assert "stay as they are" in plan.decision.notes[0]


@pytest.mark.parametrize("number", range(2))
def test_the_same_tree_twice_has_no_facts(number: int) -> None:
    root, objects = deep_tree(number + 1)
    store = MemoryObjects()
    keep(store, objects)

    facts = facts_between(store, root, root)

    assert (facts.differences, facts.others) == ((), ())
