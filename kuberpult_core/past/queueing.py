"""What a commit made wait: all of an entry of the log that tells since when something is held back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from kuberpult_core.events import Deployed, Queued, Undeployed
from kuberpult_core.model import Broken
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.log import Entry
from kuberpult_core.ports import ObjectId
from kuberpult_core.stamp import Actor
from kuberpult_core.views import actor_view

Place: TypeAlias = tuple[EnvironmentName, ApplicationName]


@attrs.frozen
class Queueing:
    """A commit, and what waits since then; little enough to be kept for many commits."""

    commit: ObjectId
    time: datetime
    author: Actor
    subject: str
    causes: Mapping[tuple[EnvironmentName, ApplicationName, Version], str | None] = attrs.field(repr=False)
    """Why, by place and version."""

    def data(self, cause: str | None) -> dict[str, Any]:
        """For machines."""
        return {
            "at": self.time,
            "by": actor_view(self.author),
            "commit": self.commit,
            "cause": cause,
            "subject": self.subject,
        }


def queueing_of(logged: Entry) -> Queueing:
    """What *logged* made wait."""
    causes = {
        (it.event.environment, it.event.application, version): it.cause
        for it in logged.told
        if isinstance(it.event, Queued | Deployed | Undeployed)
        if (version := it.event.version if isinstance(it.event, Queued) else it.event.queued) is not None
    }
    commit = logged.commit
    return Queueing(commit.id, commit.time, commit.author, logged.subject, causes)


def queued_since(
    waiting: Mapping[Place, Version | Broken | None], newest_first: Iterable[Queueing]
) -> dict[Place, dict[str, Any]]:
    """Since when each of those waits, as far as the commits that are given tell; no more of them is read."""
    left = dict(waiting)
    found: dict[Place, dict[str, Any]] = {}
    for queueing in newest_first:
        for (environment, application, version), cause in queueing.causes.items():
            place = (environment, application)
            if left.get(place) == version:
                found[place] = queueing.data(cause)
                del left[place]
        if not left:
            break
    return found
