"""A store without git, for tests: of kuberpult, and of your own deployment policies."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock as Mutex

import attrs

from kuberpult_core.errors import StoreUnavailable, UnknownRevision
from kuberpult_core.journal import COMMITTER
from kuberpult_core.past.history import HEAD, chosen, parts_of_revision, too_far
from kuberpult_core.ports import (
    UNSIGNED,
    Entry,
    Head,
    LoggedCommit,
    NewCommit,
    ObjectId,
    Objects,
    Signature,
    Touching,
)
from kuberpult_core.tree import EMPTY_TREE, Listed

_SHORTEST_ID = 4
"""Digits of an abbreviated id, as in git."""


class MemoryObjects:
    """Objects in a dictionary, under the ids that git would give them."""

    def __init__(self) -> None:
        self._content: dict[ObjectId, bytes] = {EMPTY_TREE: b""}

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        """The entries of a folder by name."""
        return Listed(self.blob(tree_id))

    def blob(self, blob_id: ObjectId) -> bytes:
        """The content of that id."""
        try:
            return self._content[blob_id]
        except KeyError:
            raise StoreUnavailable(f"There is no object {blob_id} in memory.") from None

    def put(self, object_id: ObjectId, content: bytes) -> None:
        """Keep *content* under its id."""
        self._content[object_id] = content


class MemoryStore:
    """A branch in memory that behaves as one in git does: the same trees, the same races."""

    def __init__(self) -> None:
        self._objects = MemoryObjects()
        self._log: list[LoggedCommit] = []
        self._mutex = Mutex()

    @property
    def objects(self) -> Objects:
        """What can be read."""
        return self._objects

    def head(self) -> Head:
        """What is published now."""
        return Head(self._log[-1].id, self._log[-1].tree) if self._log else Head(None, None)

    def refresh(self, *, follow: bool = False) -> None:
        """There is nobody else to ask."""

    def publish(self, commit: NewCommit) -> ObjectId | None:
        """Keep the objects, then move the branch if it is where the commit starts from."""
        published = self.publish_all([commit])
        return published[0] if published else None

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        """The same for a row of commits, each on the one before."""
        for it in (it for commit in commits for it in commit.objects):
            self._objects.put(it.id, it.content)
        with self._mutex:
            if self.head().commit != commits[0].parent:
                return None
            for commit in commits:
                self._log.append(self._logged(attrs.evolve(commit, parent=self.head().commit)))
            return [logged.id for logged in self._log[-len(commits) :]]

    def _logged(self, commit: NewCommit) -> LoggedCommit:
        content = f"{commit.tree}\0{commit.parent}\0{commit.author}\0{commit.time}\0{commit.message}"
        commit_id = ObjectId(hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest())
        return LoggedCommit(
            commit_id, commit.parent, commit.tree, commit.message, commit.author, COMMITTER, commit.time
        )

    def commit(self, commit_id: ObjectId) -> LoggedCommit:
        """A commit by its id."""
        for logged in self._log:
            if logged.id == commit_id:
                return logged
        raise StoreUnavailable(f"There is no commit {commit_id} in memory.")

    def signature(self, commit_id: ObjectId) -> Signature:
        """Nothing is signed here."""
        self.commit(commit_id)
        return UNSIGNED

    def log(self, since: ObjectId | None = None, until: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits after *since*, oldest first, up to *until* or the head."""
        log = self._up_to(until)
        ids = [logged.id for logged in log]
        return iter(log[ids.index(since) + 1 if since in ids else 0 :])

    def _up_to(self, until: ObjectId | None) -> list[LoggedCommit]:
        """The commits, oldest first, up to *until* or the head."""
        if until is None:
            return list(self._log)
        return self._log[: self._log.index(self.commit(until)) + 1]

    def history(self, wanted: Touching, start: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits that were asked for, newest first."""
        return chosen(self._objects, reversed(self._up_to(start)), wanted)

    def revision(self, text: str) -> ObjectId:
        """The commit that *text* names: ``HEAD``, an id or its beginning, with suffixes; no more."""
        name, way = parts_of_revision(text)
        ids = [logged.id for logged in self._log]
        place = self._place(text, name, ids)
        for back in way:
            if back.mark == "^" and back.number > 1:
                raise UnknownRevision(text, "no commit in memory has several parents")
            if back.number > place:
                raise too_far(text, place)
            place -= back.number
        return ids[place]

    def _place(self, text: str, name: str, ids: list[ObjectId]) -> int:
        if name == HEAD and not ids:
            raise UnknownRevision(text, "the branch has no commit yet")
        long_enough = len(name) >= _SHORTEST_ID
        found = ids[-1:] if name == HEAD else [it for it in ids if long_enough and it.startswith(name.lower())]
        if len(found) > 1:
            raise UnknownRevision(text, "several commits are named like this")
        if not found:
            raise UnknownRevision(text)
        return ids.index(found[0])

    def as_of(self, time: datetime) -> ObjectId | None:
        """The commit that was the head at *time*."""
        return next((logged.id for logged in reversed(self._log) if logged.time <= time), None)

    def close(self) -> None:
        """Nothing is held open."""
