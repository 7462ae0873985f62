"""The store in memory passes the suite, and gives trees the ids that git gives them."""

from pathlib import Path

import pytest

from kuberpult_core import memory_repository
from kuberpult_core.memory import MemoryStore
from kuberpult_core.ports import Store
from tests.real import commit_of, git_bytes, published
from tests.store_suite import Opening, StoreSuite


class InMemory:
    def new(self) -> Store:
        return MemoryStore()

    def again(self, store: Store) -> Store:
        return store  # there is only one, and all threads share it


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def opening(self) -> Opening:
        return InMemory()


def test_objects_have_the_ids_that_git_gives_them(tmp_path: Path) -> None:
    store = MemoryStore()
    new = commit_of(store, {"a": "text", "a.b": "other", "a-b/c": "", "ü/x/y": "deep"})
    git_bytes(tmp_path, "init", "--quiet", "--bare")

    for it in new.objects:
        command = ("hash-object", "-t", it.kind, "-w", "--stdin")
        assert git_bytes(tmp_path, *command, given=it.content).decode().strip() == it.id
    shown = git_bytes(tmp_path, "ls-tree", "-r", "--name-only", "-z", new.tree)

    assert shown.decode().split("\0")[:-1] == ["a", "a-b/c", "a.b", "ü/x/y"]


def test_a_repository_in_memory_starts_empty_and_needs_no_closing() -> None:
    one, two = memory_repository(), memory_repository()

    published(one.store, {"environments/dev/config.json": "{}\n"})

    assert list(one.state().environments) == ["dev"]
    assert list(two.state().environments) == []
