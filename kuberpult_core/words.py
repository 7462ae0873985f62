"""Facts, skips and warnings in plain words: the same lines in the CLI, in commits and in HTTP."""

from collections.abc import Sequence
from typing import assert_never

from kuberpult_core.commands import (
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.decision import Decision, GoesBackwards, IgnoresLocks, ReplacesLock, Skip, SkipReason, Warned
from kuberpult_core.errors import printable, quoted
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Cause,
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
from kuberpult_core.model import LockInTheWay, LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId

NONE = "<none>"
MAX_SHOWN = 12
"""Characters of a commit's id that a line shows."""
HIDDEN_SUBJECT = "A commit of which not all may be seen here"
"""The subject of a commit for those who may see only a part of what it did."""
MOST_LOCKS = 10
"""Locks that a line names."""
_CAUSES = {
    Cause.ASKED: "",
    Cause.NEWEST: " (the newest release goes here by itself)",
    Cause.TRAIN: "",
    Cause.RELEASED: " (the last lock is gone)",
    Cause.UNDONE: " (undone)",
}
_SKIPS = {
    SkipReason.ALREADY_THERE: "is there already",
    SkipReason.ALREADY_QUEUED: "waits already",
    SkipReason.NO_MANIFEST: "has no manifest for it",
    SkipReason.LOCKED: "is locked",
    SkipReason.BROKEN: "is broken",
    SkipReason.NO_UPSTREAM: "has no upstream",
    SkipReason.UNKNOWN_UPSTREAM: "has an unknown upstream",
    SkipReason.MOVED_ON: "has moved on since and is left alone",
}


def lock_name(scope: LockScope, lock_id: LockId) -> str:
    """A lock's name: ``lock/prod/freeze``, ``lock/prod/cart/freeze`` or ``lock/prod/team/sre/freeze``."""
    below = f"/{scope.application}" if scope.application else f"/team/{scope.team}" if scope.team else ""
    return f"lock/{scope.environment}{below}/{lock_id}"


def fact_name(event: Event) -> str:  # noqa: PLR0911 - one for each kind of fact
    """What the fact is about, as ``kind/name``."""
    match event:
        case (
            Deployed(environment, application)
            | Undeployed(environment, application)
            | ApplicationRemoved(environment, application)
        ):
            return f"deployment/{environment}/{application}"
        case Queued(environment, application) | QueueEmptied(environment, application):
            return f"queued/{environment}/{application}"
        case LockCreated(scope, lock_id) | LockDeleted(scope, lock_id):
            return lock_name(scope, lock_id)
        case ReleaseCreated(application, version) | ReleaseDeleted(application, version):
            return f"release/{application}/{version}"
        case TeamSet(application) | ApplicationDeleted(application):
            return f"application/{application}"
        case EnvironmentCreated(environment) | EnvironmentUpdated(environment) | EnvironmentDeleted(environment):
            return f"environment/{environment}"
        case SettingsUpdated():
            return "settings"
        case _:
            assert_never(event)


def fact(event: Event) -> str:
    """The fact on one line: its name, then what happened to it."""
    return f"{fact_name(event)} {_happened(event)}"


def _happened(event: Event) -> str:  # noqa: C901, PLR0911 - one for each kind of fact
    match event:
        case Deployed(_, _, version, previous, cause, dropped, queued):
            return f"{previous or NONE} → {version}{_CAUSES[cause]}{_dropped(dropped)}{_waits(queued)}"
        case Undeployed(_, _, version, cause, dropped, queued):
            return f"{version} → {NONE}{_CAUSES[cause]}{_dropped(dropped)}{_waits(queued)}"
        case Queued(_, _, version, replaced):
            instead = f" instead of {replaced}" if replaced else ""
            return f"{version}{instead}{_waiting(event)}"
        case QueueEmptied(_, _, version, cause):
            return f"{version or NONE} dropped{_CAUSES[cause]}"
        case LockCreated(_, _, lock, replaced_lock):
            made = "restored" if event.restored else "created"
            how = made if replaced_lock is None else f"replaced {_whose(replaced_lock.created_by)}"
            return f"{how}: {quoted(lock.message)}"
        case TeamSet(_, team, previous_team):
            return f"team {previous_team or NONE} → {team or NONE}"
        case ApplicationRemoved(_, _, version, dropped):
            return f"{version or NONE} removed{_dropped(dropped)}"
        case ReleaseCreated() | EnvironmentCreated():
            return "restored" if event.restored else "created"
        case EnvironmentUpdated() | SettingsUpdated():
            return "restored" if event.restored else "updated"
        case LockDeleted() | ReleaseDeleted() | EnvironmentDeleted() | ApplicationDeleted():
            return "deleted"
        case _:
            assert_never(event)


def _dropped(version: int | None) -> str:
    return f" ({version} does not wait any more)" if version else ""


def _waits(version: int | None) -> str:
    return f" ({version} waits)" if version else ""


def _waiting(event: Queued) -> str:
    names = [lock_name(scope, lock_id) for scope, lock_id in event.waits_for[:MOST_LOCKS]]
    return f" waits for {', '.join(names)}{_and_more(event.waits_for)}" if names else ""


def still_waiting(waits: Sequence[tuple[EnvironmentName, ApplicationName, Sequence[LockInTheWay]]]) -> str:
    """What other locks hold back, as a sentence."""
    named = []
    for environment, application, locks in waits[:MOST_LOCKS]:
        names = ", ".join(lock_name(it.scope, it.lock_id) for it in locks[:MOST_LOCKS])
        named.append(f"{application} on {environment} waits for {names}{_and_more(locks)}")
    return f"Other locks are in the way still: {'; '.join(named)}{_and_more(waits)}."


def _and_more(locks: Sequence[object]) -> str:
    return f" and {len(locks) - MOST_LOCKS} more" if len(locks) > MOST_LOCKS else ""


def _whose(who: object) -> str:
    return f"the one by {printable(str(who))}" if who else "another one"


def _locks(locks: tuple[LockInTheWay, ...]) -> str:
    named = (f"{lock_name(it.scope, it.lock_id)} ({quoted(it.lock.message)})" for it in locks[:MOST_LOCKS])
    return f"{', '.join(named)}{_and_more(locks)}"


def skip_line(skip: Skip) -> str:
    """What is passed over, and why, on one line."""
    where = "/".join(str(part) for part in (skip.environment, skip.application) if part) or "settings"
    version = f" {skip.version}" if skip.version else ""
    detail = f": {skip.detail}" if skip.detail else ""
    by = f" by {_locks(skip.locks)}" if skip.locks and skip.reason is SkipReason.LOCKED else ""
    behind = f" behind {_locks(skip.locks)}" if skip.locks and skip.reason is SkipReason.ALREADY_QUEUED else ""
    return f"skipped/{where}{version} {_SKIPS[skip.reason]}{by}{behind}{detail} [{skip.reason}]"


def warning_line(warned: Warned) -> str:
    """What to know before it happens, as a sentence."""
    match warned:
        case GoesBackwards(environment, application, version, previous):
            return f"{application} on {environment} goes back from {previous} to {version}."
        case IgnoresLocks(environment, application, locks):
            where = f"{application} on {environment}" if application else environment
            return f"This goes through the locks on {where}: {_locks(locks)}."
        case ReplacesLock(scope, lock_id, replaced):
            who = f" by {printable(str(replaced.created_by))}" if replaced.created_by else ""
            return f"{lock_name(scope, lock_id)}{who} said {quoted(replaced.message)} and is replaced."
        case _:
            assert_never(warned)


def cascade_line(application: str) -> str:
    """What Argo CD deletes, on one line."""
    return f"cascade/{application} Argo CD deletes it and all that runs in it"


def subject(event: Event) -> str:
    """What the fact is about, as people say it: ``cart on production``, else its name."""
    match event:
        case Deployed() | Undeployed() | ApplicationRemoved() | Queued() | QueueEmptied():
            return f"{event.application} on {event.environment}"
        case _:
            return fact_name(event)


def outcome(event: Event) -> str:
    """What happens to its subject: ``12 → 13``, or ``queued 13 waits for lock/production/freeze``."""
    return f"queued {_happened(event)}" if isinstance(event, Queued | QueueEmptied) else _happened(event)


def skip_subject(skip: Skip) -> str:
    """What is passed over, as people say it."""
    return " on ".join(str(part) for part in (skip.application, skip.environment) if part) or "settings"


def skip_outcome(skip: Skip) -> str:
    """That it is left alone, and why."""
    return f"left alone: it {_SKIPS[skip.reason]}"


def skip_reason(reason: SkipReason) -> str:
    """Why something is left alone, as it is said of it: ``is there already``."""
    return _SKIPS[reason]


def summary(decision: Decision) -> str:
    """The command in a few words: the first line of its commit."""
    command = decision.command
    if isinstance(command, CreateRelease):
        created = next((it.version for it in decision.events if isinstance(it, ReleaseCreated)), command.version)
        return f"Create release {created} of {command.application}"
    return _summary(command)


def _summary(command: Command) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each command
    match command:
        case Deploy(environment, application, version):
            return f"Deploy {application} {version} to {environment}"
        case CreateLock(target, lock_id):
            return f"Lock {target}: {lock_id}"
        case DeleteLock(target, lock_id):
            return f"Unlock {target}: {lock_id}"
        case ExpireLocks():
            return "Delete expired locks"
        case CancelQueued(environment, application):
            return f"Cancel what waits for {application} on {environment}"
        case ReleaseTrain(target, team, from_state=then):
            since = f" from {then.revision[:MAX_SHOWN]}" if then else ""
            return f"Run the release train to {target}{since}" + (f" for team {team}" if team else "")
        case CreateRelease(application):
            return f"Create a release of {application}"
        case Cleanup(application):
            return f"Clean up {application}"
        case SetTeam(application, team):
            return f"Set the team of {application} to {team or NONE}"
        case CreateEnvironment(environment):
            return f"Create environment {environment}"
        case UpdateEnvironment(environment):
            return f"Update environment {environment}"
        case DeleteEnvironment(environment):
            return f"Delete environment {environment}"
        case RemoveApplicationFromEnvironment(environment, application):
            return f"Remove {application} from {environment}"
        case DeleteApplication(application):
            return f"Delete application {application}"
        case UpdateSettings():
            return "Update settings"
        case Undo(commit, facts=facts):
            return f"Undo {commit[:MAX_SHOWN]}{f': {facts.subject}' if facts else ''}"
        case Batch(commands):
            return f"Carry out {len(commands)} commands"
        case _:
            assert_never(command)
