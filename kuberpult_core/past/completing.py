"""Commands that need the past, with what the repository says of it: for a decision, and to prove one."""

from collections.abc import Callable
from datetime import datetime

import attrs

from kuberpult_core.commands import Batch, Command, ReleaseTrain, Undo
from kuberpult_core.errors import UnknownRevision
from kuberpult_core.model import State
from kuberpult_core.past import moments
from kuberpult_core.past.known import UpstreamThen
from kuberpult_core.past.looking_back import facts_of_commit, upstream_then
from kuberpult_core.ports import LoggedCommit, ObjectId, Store, Touching
from kuberpult_core.reading.reader import state_of

NOT_HERE = "it is not in the history of this branch"


@attrs.frozen
class Completing:
    """What commits hold, for commands that name them."""

    store: Store
    clock: Callable[[], datetime]

    def revision(self, text: str) -> ObjectId:
        """The commit that *text* names, or that was the head at the time that it names."""
        commit, _ = self.moment(text)
        if commit is None:
            raise UnknownRevision(text, "there was no commit yet at that time")
        return commit

    def moment(self, text: str) -> tuple[ObjectId | None, datetime | None]:
        """The same, with the time if it is one that *text* names; no commit if there was none yet then."""
        try:
            return self.store.revision(text), None
        except UnknownRevision as unknown:
            time = moments.past(text, self.clock())
            if time is None:
                raise UnknownRevision(text, f"{unknown.reason}, and it is no time") from None
        return self.store.as_of(time), time

    def named(self, command: Command) -> Command:
        """*command* with the commits that it names as ids, and nothing yet of what they hold.

        Raises :class:`UnknownRevision`, also for an undo of what is not in the branch's own history.
        """
        match command:
            case Undo(commit):
                found = self.revision(commit)
                if all(it.id != found for it in self.store.history(Touching())):
                    raise UnknownRevision(commit, NOT_HERE)
                return attrs.evolve(command, commit=found, facts=None)
            case ReleaseTrain(from_state=UpstreamThen(text)):
                return attrs.evolve(command, from_state=UpstreamThen(self.revision(text)))
            case Batch(commands):
                return Batch(map(self.named, commands))  # type: ignore[arg-type]  # none becomes a batch
            case _:
                return command

    def completed(self, command: Command, state: State) -> Command:
        """A command with ids, and with what those commits hold; *state* is the one that it is decided on."""
        return completed(self.store, command, state)


def completed(store: Store, command: Command, state: State) -> Command:
    """A command that names commits by their ids, with what they hold; *state* is the one to decide it on."""
    match command:
        case Undo(commit):
            logged = store.commit(ObjectId(commit))
            return attrs.evolve(command, facts=facts_of_commit(store.objects, logged, tree_before(store, logged)))
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
