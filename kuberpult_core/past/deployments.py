"""What was in place before: the versions that a placement had, as the log tells it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from kuberpult_core.decide.deploying import can_run
from kuberpult_core.errors import UnknownEnvironment
from kuberpult_core.events import ApplicationRemoved, Deployed, Undeployed
from kuberpult_core.model import LockBehavior, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.log import Entry, Told
from kuberpult_core.views import Data, actor_view, known_application

_Placing = Deployed | Undeployed | ApplicationRemoved


def deployments(
    state: State, environment: EnvironmentName, application: ApplicationName, newest_first: Iterable[Entry]
) -> Iterator[Data]:
    """Each version that came into place, and each time that one went, the newest first.

    *newest_first* is the log of this placement; no more of it is read than is asked for.
    """
    if environment not in state.environments:
        raise UnknownEnvironment(environment)
    known_application(state, application)
    until: datetime | None = None
    for entry in newest_first:
        for told in reversed(entry.told):
            event = told.event
            if isinstance(event, _Placing) and (event.environment, event.application) == (
                environment,
                application,
            ):
                yield _deployment(state, entry, told, event, until)
                until = entry.commit.time


def _deployment(state: State, entry: Entry, told: Told, event: _Placing, until: datetime | None) -> Data:
    version = event.version if isinstance(event, Deployed) else None
    release = state.release(event.application, version) if version is not None else None
    return {
        "version": version,
        "display_version": release.origin.display_version if release else None,
        "at": entry.commit.time,
        "until": until,
        "by": actor_view(entry.commit.author),
        "cause": told.cause,
        "commit": entry.commit.id,
        "can_return": _can_return(state, event.environment, event.application, version),
    }


def _can_return(
    state: State, environment: EnvironmentName, application: ApplicationName, version: Version | None
) -> bool:
    """Whether a version can be put there again: its release is kept, and another one is there now."""
    release = state.release(application, version) if version is not None else None
    if release is None or state.placement(environment, application).version == version:
        return False
    return can_run(release, environment, LockBehavior.QUEUE)
