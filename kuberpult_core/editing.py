"""From a decision to a tree: the one way in which facts become files, at work and in a replay."""

from collections.abc import Iterable, Mapping

from kuberpult_core.changes import changes
from kuberpult_core.decision import Decision
from kuberpult_core.editor import Editor
from kuberpult_core.evolve import evolve_all
from kuberpult_core.model import State
from kuberpult_core.ports import Entry, NewObject, ObjectId, Objects
from kuberpult_core.stamp import Stamp
from kuberpult_core.tree import parsed


def edit(editor: Editor, state: State, decision: Decision, stamp: Stamp) -> State:
    """Let *editor*, which has the files of *state*, carry out *decision*; the state that they hold then."""
    after = evolve_all(state, decision.events, stamp)
    editor.apply(changes(state, decision.events, after, stamp))
    return after


def edited(
    objects: Objects, tree: ObjectId | None, state: State, decision: Decision, stamp: Stamp
) -> tuple[ObjectId, list[NewObject]]:
    """The tree that *decision*, made on the *state* of *tree*, leads to, and the objects that are new in it."""
    editor = Editor(objects, tree)
    edit(editor, state, decision, stamp)
    return editor.finish()


class Unwritten:
    """Objects that are not written yet, over those that are."""

    def __init__(self, written: Objects, new: Iterable[NewObject]) -> None:
        self._written = written
        self._new = {it.id: it.content for it in new}

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        """The entries of a folder by name."""
        content = self._new.get(tree_id)
        return self._written.tree(tree_id) if content is None else parsed(content)

    def blob(self, blob_id: ObjectId) -> bytes:
        """The content of a file, or the text of a link."""
        content = self._new.get(blob_id)
        return self._written.blob(blob_id) if content is None else content
