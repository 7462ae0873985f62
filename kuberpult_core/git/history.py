"""Questions to a branch's history: by walking back, and by an index where one is worth its making."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.commits import author_and_time, logged
from kuberpult_core.git.index import Addition, Index, Record
from kuberpult_core.git.objects import COMMIT, GitObjects
from kuberpult_core.git.quick import QuickObjects
from kuberpult_core.git.touching import Comparison, Touched
from kuberpult_core.git.walking import Choice, at_or_before, back, steps
from kuberpult_core.ports import LoggedCommit, ObjectId, Touching
from kuberpult_core.tree import encoded_name

LONG = 2_000
"""Commits that a walk looks at before it makes an index: a few hundredths of a second. Few questions go so far."""
FAR = 100
"""Commits by which an index that is there may be behind before it is caught up: walking them is as quick."""

_Walked = TypeVar("_Walked", bound=tuple[Any, ...])
"""A commit as a walk gives it, its id first."""
Progress = Callable[[int, int], None]
"""Told how many commits are done, and of how many."""


class History:
    """The chain of first parents of the branch that *tip* gives."""

    def __init__(self, objects: GitObjects, index: Index, tip: Callable[[], ObjectId | None]) -> None:
        self._objects, self._index, self._tip = objects, index, tip
        self._behind: int | None = None

    def chain(self, start: ObjectId | None) -> Iterator[ObjectId]:
        """The commits from *start* or the tip back to the first one."""
        return (ObjectId(commit[0].hex()) for commit in back(self._quick(), self._first(start)))

    def chosen(self, wanted: Touching, start: ObjectId | None) -> Iterator[LoggedCommit]:
        """The commits that were asked for, newest first, from *start* or the tip back."""
        quick = self._quick()
        return (logged(ObjectId(it.hex()), quick.checked(it, COMMIT)) for it in self._chosen(quick, wanted, start))

    def _chosen(self, quick: QuickObjects, wanted: Touching, start: ObjectId | None) -> Iterator[bytes]:
        choice = Choice(quick, wanted)
        walk = steps(quick, self._first(start))
        accepts = choice.wants_by if choice.narrows_by_commit else None
        touched = _touched(wanted)
        if not _is_indexed(wanted) or (touched is None and accepts is None):
            return (step[0] for step in walk if choice.wants(step))
        return self._search(walk, start, choice.wants, lambda commit: self._index.chosen(commit, touched, accepts))

    def as_of(self, time: datetime) -> ObjectId | None:
        """The commit nearest to the tip that is not later than *time*."""
        seconds = at_or_before(time)
        found = self._search(
            back(self._quick(), self._first(None)),
            None,
            lambda commit: author_and_time(commit[0], commit[2])[1] <= seconds,
            lambda commit: self._index.as_of(commit, seconds),
        )
        return next((ObjectId(commit.hex()) for commit in found), None)

    def published(self, commits: int) -> None:
        """Take note that this process has moved the branch by so many commits."""
        if self._behind is not None:
            self._behind += commits
            if self._behind >= FAR:
                self.catch_up()

    def catch_up(self, progress: Progress | None = None) -> bool:
        """Bring the index to the branch's tip, or make it; whether it is there now. Never an error."""
        with suppress(StoreUnavailable):  # a history that is damaged somewhere is walked as far as it goes
            if self._caught_up(progress):
                self._behind = 0
                return True
        self._behind = None
        return False

    def _caught_up(self, progress: Progress | None) -> bool:
        tip = self._first(None)
        writable = self._index.is_writable()
        if not writable and not self._index.exists():  # it was damaged, and is gone by now
            writable = self._index.is_writable()
        known = self._index.known() if writable else None
        if known is None or tip is None:
            return False
        head, positions = known
        if tip == head.tip:
            return True
        quick = self._quick()
        new, kept = [], 0
        for commit_id, tree, parent_tree, content in steps(quick, tip):
            if commit_id in positions:
                kept = positions[commit_id] + 1
                break
            author, seconds = author_and_time(commit_id, content)
            new.append((Record(commit_id, seconds, author), tree, parent_tree))
        trees = [(tree, parent_tree) for _, tree, parent_tree in new]
        touches = _touches(Comparison(quick), trees, kept, progress)
        return self._index.extend(head, Addition(kept, [record for record, _, _ in reversed(new)], touches))

    def _search(
        self,
        walk: Iterator[_Walked],
        start: ObjectId | None,
        takes: Callable[[_Walked], bool],
        ask: Callable[[bytes], list[bytes] | None],
    ) -> Iterator[bytes]:
        """The commits that it *takes*: by a walk, which ends where the index can be asked for the rest."""
        known = self._known(start)
        patience = FAR if known else LONG
        for count, step in enumerate(walk):
            if count == patience:
                known = self._known_when_caught_up()
            if step[0] in known:
                rest = ask(step[0])
                if rest is not None:
                    yield from rest
                    return
                known = ()
            if takes(step):
                yield step[0]

    def _known(self, start: ObjectId | None) -> Collection[bytes]:
        """Commits from which on the index can be asked: if possible, without reading all of them."""
        tip = self._index.tip() if self._index.exists() else None
        if not tip:
            return ()
        if self._behind is None:
            self._behind = 0
        return (tip,) if start is None or start == tip.hex() else self._all_known()

    def _known_when_caught_up(self) -> Collection[bytes]:
        self.catch_up()
        return self._all_known() if self._index.exists() else ()

    def _all_known(self) -> Collection[bytes]:
        known = self._index.known()
        return known[1] if known else ()

    def _first(self, start: ObjectId | None) -> bytes | None:
        first = start or self._tip()
        return bytes.fromhex(first) if first else None

    def _quick(self) -> QuickObjects:
        return QuickObjects(self._objects)


def _is_indexed(wanted: Touching) -> bool:
    """Whether names are such as a folder may have; others need no quick answer."""
    names = [name for name in (wanted.environment, wanted.application) if name is not None]
    return all(name.isascii() and name.isprintable() and name and "/" not in name for name in names)


def _touched(wanted: Touching) -> Touched | None:
    """What is asked for, in the index's words; none if that is anything, or nothing that it could know."""
    if (wanted.environment is None and wanted.application is None) or not _is_indexed(wanted):
        return None
    return encoded_name(wanted.environment or ""), encoded_name(wanted.application or "")


def _touches(
    comparison: Comparison,
    newest_first: list[tuple[bytes, bytes | None]],
    kept: int,
    progress: Progress | None,
) -> "dict[Touched, array[int]]":
    """The positions of the commits that touch each thing, in order; the oldest commit is at *kept*."""
    touches: dict[Touched, array[int]] = defaultdict(lambda: array("I"))
    total = len(newest_first)
    for done, (tree, parent_tree) in enumerate(newest_first, start=1):
        for touched in comparison.touched(tree, parent_tree):
            touches[touched].append(kept + total - done)
        if progress is not None and (done % 1_000 == 0 or done == total):
            progress(done, total)
    for places in touches.values():
        places.reverse()
    return touches
