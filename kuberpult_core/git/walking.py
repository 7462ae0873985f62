"""Back through a history by first parents, looking at no more of each commit than was asked for."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from kuberpult_core import layout
from kuberpult_core.git.commits import author_and_time, tree_and_parent
from kuberpult_core.git.objects import COMMIT, TREE
from kuberpult_core.git.quick import QuickObjects
from kuberpult_core.git.rawtrees import RawEntry, Wanted, entries
from kuberpult_core.names import ApplicationName
from kuberpult_core.ports import FOLDER, Touching
from kuberpult_core.tree import encoded_name

_REMEMBERED = 1_000
"""Folders of which it is remembered what was found in them, for each name of a path."""
_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)

Part: TypeAlias = Callable[[bytes | None], Hashable]
"""What there is of something in a tree, by its id; equal if it is the same in two trees."""


Step: TypeAlias = tuple[bytes, bytes, bytes | None, bytes]
"""A commit of the chain: its id, its tree's id, that of its first parent's tree, and its content."""


def back(objects: QuickObjects, start: bytes | None) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The commits from *start* back to the first one, by first parents: id, tree and content."""
    commit_id, read = start, objects.content
    while commit_id is not None:
        content = read(commit_id, COMMIT)
        tree, parent = tree_and_parent(commit_id, content)
        yield commit_id, tree, content
        commit_id = parent


def steps(objects: QuickObjects, start: bytes | None) -> Iterator[Step]:
    """The same, each with its first parent's tree."""
    commits = back(objects, start)
    this = next(commits, None)
    while this is not None:
        before = next(commits, None)
        yield this[0], this[1], before[1] if before is not None else None, this[2]
        this = before


def at_or_before(time: datetime) -> int:
    """The last whole second since 1970 that is not later than *time*."""
    return (time - _EPOCH) // _SECOND


class Choice:
    """Whether commits are wanted: what the plain ``chosen`` says, quickly for one after another."""

    def __init__(self, objects: QuickObjects, wanted: Touching) -> None:
        self._part = _part(objects, wanted)
        self._author = None if wanted.author is None else wanted.author.casefold()
        self._since = None if wanted.since is None else -((_EPOCH - wanted.since) // _SECOND)
        self.narrows_by_commit = self._author is not None or self._since is not None
        """Whether a commit's author or time matters."""
        self._last: tuple[bytes | None, Hashable] = (None, self._part(None) if self._part else None)

    def wants(self, step: Step) -> bool:
        """Whether a commit is wanted."""
        commit_id, tree, parent_tree, content = step
        if self.narrows_by_commit and not self.wants_by(*author_and_time(commit_id, content)):
            return False
        if self._part is None:
            return True
        if tree == parent_tree:
            return False
        after = self._last[1] if self._last[0] == tree else self._part(tree)
        before = self._part(parent_tree)
        self._last = (parent_tree, before)
        return after != before

    def wants_by(self, author: str, seconds: int) -> bool:
        """Whether commits of that author and time are wanted, whatever they touch."""
        if self._since is not None and seconds < self._since:
            return False
        return self._author is None or self._author in author.casefold()


def _part(objects: QuickObjects, wanted: Touching) -> Part | None:
    """What is looked at in each tree; none if every commit is wanted, whatever it touches."""
    if wanted.application is None:
        if wanted.environment is None:
            return None
        return _Place(objects, layout.environment_folder(wanted.environment)).entry
    if wanted.environment is not None:
        return _Place(objects, layout.placement_folder(wanted.environment, wanted.application)).entry
    return _Everywhere(objects, wanted.application).entries


class _Place:
    """A path, looked for in one tree after another; a folder that was seen is not read again."""

    def __init__(self, objects: QuickObjects, path: str) -> None:
        self._objects = objects
        self._names: list[tuple[Wanted, dict[bytes, RawEntry | None]]] = [
            (Wanted(name), {}) for name in _names(path)
        ]

    def entry(self, tree: bytes | None) -> RawEntry | None:
        """The entry at the path in that tree; none if nothing is there."""
        if tree is None:
            return None
        entry: RawEntry | None = (FOLDER, tree)
        for name, seen in self._names:
            if entry is None or entry[0] != FOLDER:
                return None
            folder = entry[1]
            if folder in seen:
                entry = seen[folder]
                continue
            if len(seen) >= _REMEMBERED:
                seen.clear()
            entry = seen[folder] = name.entry(self._objects.content(folder, TREE))
        return entry


class _Everywhere:
    """An application: its own folder and its placements on all environments."""

    def __init__(self, objects: QuickObjects, application: ApplicationName) -> None:
        self._objects = objects
        self._own = _Place(objects, layout.application_folder(application))
        self._environments = _Place(objects, layout.ENVIRONMENTS)
        self._within = _Place(objects, f"{layout.APPLICATIONS}/{application}")
        self._last: tuple[RawEntry | None, Hashable] = (None, frozenset())

    def entries(self, tree: bytes | None) -> Hashable:
        """The entries of its folder and of its placements."""
        environments = self._environments.entry(tree)
        if environments != self._last[0]:
            self._last = (environments, self._placements(environments))
        return self._own.entry(tree), self._last[1]

    def _placements(self, environments: RawEntry | None) -> frozenset[tuple[bytes, RawEntry]]:
        if environments is None or environments[0] != FOLDER:
            return frozenset()
        there = entries(self._objects.content(environments[1], TREE))
        found = ((name, self._within.entry(it[1])) for name, it in there.items() if it[0] == FOLDER)
        return frozenset((name, entry) for name, entry in found if entry is not None)


def _names(path: str) -> list[bytes]:
    with suppress(UnicodeEncodeError):
        names = [encoded_name(name) for name in path.split("/")]
        if not any(b"\0" in name for name in names):
            return names
    return [b""]  # what no entry has
