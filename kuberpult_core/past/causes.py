"""Why something got into place, waited or went: the command behind it, in a few words."""

from collections.abc import Iterator
from typing import assert_never

from kuberpult_core.commands import (
    Batch,
    CancelQueued,
    Command,
    CreateRelease,
    DeleteApplication,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    SingleCommand,
    Undo,
)
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.model import LockBehavior, State
from kuberpult_core.names import EnvironmentName
from kuberpult_core.words import MAX_SHOWN

BY_HAND = "by hand"
UNDO = "undo of "
"""What a cause begins with if an undo is behind it; the commit follows."""
_BY_TEAM = "released by the change of its team"
Move = Deployed | Undeployed | Queued | QueueEmptied | ApplicationRemoved
"""The events of one placement."""


def cause_of(event: Event, command: Command | None, before: State) -> str | None:
    """Why *event* came of *command* in the state *before*; none for an event that the command itself explains.

    Without a command, somebody committed it by hand.
    """
    if not isinstance(event, Move):
        return None
    if command is None:
        return BY_HAND
    commands = command.commands if isinstance(command, Batch) else (command,)
    # later commands of a batch have the last word
    return next((words for it in reversed(commands) for words in _causes(event, it, before)), None)


def _causes(  # noqa: C901 - one for each command that moves something
    event: Move, command: SingleCommand, before: State
) -> Iterator[str]:
    """The cause, if *command* may have led to *event*."""
    here = (event.environment, event.application)
    match command:
        case Deploy(environment, application, _, behavior) if here == (environment, application):
            yield "asked for, through locks" if behavior is LockBehavior.IGNORE else "asked for"
        case CancelQueued(environment, application) if here == (environment, application):
            yield "cancelled"
        case RemoveApplicationFromEnvironment(environment, application) if here == (environment, application):
            yield "taken off this environment"
        case DeleteApplication(application) if event.application == application:
            yield "the application was deleted"
        case ReleaseTrain(from_state=then):
            yield f"train from {_upstream(event.environment, before)}{_when(then.revision if then else None)}"
        case DeleteLock(_, lock_id):
            yield f"released by the unlock of {lock_id}"
        case ExpireLocks():
            yield "released by a lock that expired"
        case SetTeam(application) if event.application == application:
            yield _BY_TEAM
        case CreateRelease(application) if event.application == application:
            yield _of_release(event, before)
        case Undo(commit):
            yield f"{UNDO}{commit[:MAX_SHOWN]}"


def _upstream(name: EnvironmentName, before: State) -> str:
    there = before.environments.get(name)
    upstream = there.config.upstream_environment if there else None
    return upstream or "the newest releases"


def _when(revision: str | None) -> str:
    return f" as of {revision[:MAX_SHOWN]}" if revision else ""


def _of_release(event: Move, before: State) -> str:
    """A new release goes to where the newest goes; one that was there before can only have been released."""
    was_there = event.version is not None and before.release(event.application, event.version) is not None
    return _BY_TEAM if was_there else "the newest release goes here by itself"


def places_of(event: Event) -> tuple[str | None, str | None]:
    """The environment and the application that *event* is about, as far as it is about one."""
    match event:
        case Deployed() | Undeployed() | Queued() | QueueEmptied() | ApplicationRemoved():
            return event.environment, event.application
        case LockCreated(scope) | LockDeleted(scope):
            return scope.environment, scope.application
        case ReleaseCreated(application) | ReleaseDeleted(application):
            return None, application
        case TeamSet(application) | ApplicationDeleted(application):
            return None, application
        case EnvironmentCreated(environment) | EnvironmentUpdated(environment) | EnvironmentDeleted(environment):
            return environment, None
        case SettingsUpdated():
            return None, None
        case _:
            assert_never(event)
