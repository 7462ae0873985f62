"""Several commands as one flush: decided one after the other, a commit each, to be published at once."""

from collections.abc import Callable
from datetime import datetime

import attrs

from kuberpult_core import journal
from kuberpult_core.decision import Decision
from kuberpult_core.editing import edit
from kuberpult_core.editor import Editor
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import State
from kuberpult_core.ports import Head, NewCommit, Objects
from kuberpult_core.reading.bulk import made_to_stay
from kuberpult_core.stamp import Actor, Stamp


@attrs.frozen
class Wish:
    """Something to decide on whatever state there is by then, in whose name, and when; none is now."""

    decide: Callable[[State], Decision]
    actor: Actor
    at: datetime | None = None


class Flush:
    """Commits on each other, the first one on *head*; nobody sees them before they are published."""

    def __init__(self, objects: Objects, head: Head, state: State) -> None:
        self.commits: list[NewCommit] = []
        """What is to be published; only the first one names its parent."""
        self._editor = Editor(objects, head.tree)
        self._parent = head.commit
        self._unwritten: dict[BlobId, bytes] = {}
        self._read_written = state.read_manifest
        self._state = attrs.evolve(state, read_manifest=self._read_manifest)

    def add(self, wish: Wish, time: datetime) -> Decision:
        """At *time*, decide *wish* on what the commits before it leave; make its commit if there is one to make.

        Raises what deciding raises; nothing has happened then. After any other failure the
        flush is of no use any more.
        """
        with made_to_stay():
            return self._added(wish, Stamp(time, wish.actor))

    def _added(self, wish: Wish, stamp: Stamp) -> Decision:
        decision = wish.decide(self._state)
        if not decision.is_nothing:
            message = journal.message(decision)
            after = edit(self._editor, self._state, decision, stamp)
            tree, objects = self._editor.finish()
            self.commits.append(NewCommit(tree, self._parent, message, stamp.actor, stamp.time, objects))
            self._unwritten.update((BlobId(it.id), it.content) for it in objects if it.kind == "blob")
            self._state = after
        return decision

    def _read_manifest(self, wanted: BlobId) -> bytes:
        """A manifest that is in the repository, or will be with this flush."""
        known = self._unwritten.get(wanted)
        return self._read_written(wanted) if known is None else known
