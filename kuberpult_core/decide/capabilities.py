"""The way to the rules of every command but a deployment, which is asked for most and needs the fewest."""

from typing import assert_never

from kuberpult_core.commands import (
    Cleanup,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    ExpireLocks,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.decide import applications, environments, locking, releases, settings, trains, undoing
from kuberpult_core.decide.course import Course

Command = (
    Cleanup
    | CreateEnvironment
    | CreateLock
    | CreateRelease
    | DeleteApplication
    | DeleteEnvironment
    | DeleteLock
    | ExpireLocks
    | ReleaseTrain
    | RemoveApplicationFromEnvironment
    | SetTeam
    | Undo
    | UpdateEnvironment
    | UpdateSettings
)


def carry_out(course: Course, command: Command) -> None:  # noqa: C901, PLR0912 - one for each
    """Take *command* to the rules of its capability."""
    match command:
        case CreateLock():
            locking.create_lock(course, command)
        case DeleteLock():
            locking.delete_lock(course, command)
        case ExpireLocks():
            locking.expire_locks(course, command)
        case ReleaseTrain():
            trains.release_train(course, command)
        case CreateRelease():
            releases.create_release(course, command)
        case Cleanup():
            releases.cleanup(course, command)
        case SetTeam():
            applications.set_team(course, command)
        case DeleteApplication():
            applications.delete_application(course, command)
        case RemoveApplicationFromEnvironment():
            applications.remove_from_environment(course, command)
        case CreateEnvironment() | UpdateEnvironment() | DeleteEnvironment():
            environments.change(course, command)
        case UpdateSettings():
            settings.update(course, command)
        case Undo():
            undoing.undo(course, command)
        case _:
            assert_never(command)
