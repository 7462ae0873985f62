"""Commands that need the past, with what the repository says of it: for a decision, and to prove one."""

from collections.abc import Callable
from datetime import datetime

import attrs

from kuberpult_core import moments
from kuberpult_core.commands import Batch, Command, ReleaseTrain, Undo
from kuberpult_core.errors import UnknownRevision
from kuberpult_core.model import State
from kuberpult_core.past import UpstreamThen
from kuberpult_core.ports import LoggedCommit, ObjectId, Store, Touching
from kuberpult_core.reading import state_of

Clock = Callable[[], datetime]
NOT_HERE = "it is not in the history of this branch"


def needs_the_past(command: Command) -> bool:
    """Whether only the repository can say all that *command* is about."""
    match command:
        case Undo() | ReleaseTrain(from_state=UpstreamThen()):
            return True
        case Batch(commands):
            return any(map(needs_the_past, commands))
        case _:
            return False


def revision(store: Store, text: str, clock: Clock) -> ObjectId:
    """The commit that *text* names, or that was the head at the time that it names."""
    try:
        return store.revision(text)
    except UnknownRevision as unknown:
        time = moments.past(text, clock())
        if time is None:
            raise UnknownRevision(text, f"{unknown.reason}, and it is no time") from None
    commit = store.as_of(time)
    if commit is None:
        raise UnknownRevision(text, "there was no commit yet at that time")
    return commit


def named(store: Store, command: Command, clock: Clock) -> Command:
    """*command* with the commits that it names as ids, and nothing yet of what they hold.

    Raises :class:`UnknownRevision`, also for an undo of what is not in the branch's own history.
    """
    match command:
        case Undo(commit):
            found = revision(store, commit, clock)
            if all(it.id != found for it in store.history(Touching())):
                raise UnknownRevision(commit, NOT_HERE)
            return attrs.evolve(command, commit=found, facts=None)
        case ReleaseTrain(from_state=UpstreamThen(text)):
            return attrs.evolve(command, from_state=UpstreamThen(revision(store, text, clock)))
        case Batch(commands):
            return Batch(named(store, it, clock) for it in commands)  # type: ignore[misc]  # none becomes a batch
        case _:
            return command


def completed(store: Store, command: Command, state: State) -> Command:
    """A *named* command with what the commits hold; *state* is the one that it is decided on."""
    if not needs_the_past(command):
        return command
    from kuberpult_core.looking_back import facts_of_commit, upstream_then  # noqa: PLC0415 - few commands need it

    match command:
        case Undo(commit):
            logged = store.commit(ObjectId(commit))
            facts = facts_of_commit(store.objects, logged, tree_before(store, logged))
            return attrs.evolve(command, facts=facts)
        case ReleaseTrain(from_state=UpstreamThen(commit)):
            then = state_of(store.objects, store.commit(ObjectId(commit)).tree)
            return attrs.evolve(command, from_state=UpstreamThen(commit, upstream_then(state, then, command)))
        case Batch(commands):
            return Batch(completed(store, it, state) for it in commands)  # type: ignore[misc]  # none becomes a batch
        case _:
            return command


def tree_before(store: Store, commit: LoggedCommit) -> ObjectId | None:
    """The tree that *commit* started from."""
    return store.commit(commit.parent).tree if commit.parent else None
