"""From a decision to a tree: the one way in which facts become files, at work and in a replay."""

from kuberpult_core.changes import changes
from kuberpult_core.decision import Decision
from kuberpult_core.evolve import evolve_all
from kuberpult_core.model import State
from kuberpult_core.ports import NewObject, ObjectId, Objects
from kuberpult_core.stamp import Stamp
from kuberpult_core.tree import Editor


def edited(
    objects: Objects, tree: ObjectId | None, state: State, decision: Decision, stamp: Stamp
) -> tuple[ObjectId, list[NewObject]]:
    """The tree that *decision*, made on the *state* of *tree*, leads to, and the objects that are new in it."""
    after = evolve_all(state, decision.events, stamp)
    editor = Editor(objects, tree)
    editor.apply(changes(state, decision.events, after, stamp))
    return editor.finish()
