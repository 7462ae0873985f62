"""What a command carries of the past, as data: the log keeps it, so a replay needs no other commit.

Whoever asks names a commit; the service reads the rest from the repository.
"""

from collections.abc import Mapping

import attrs

from kuberpult_core import fields
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.differences import Difference

PAST = {"past": True}
"""Marks a field that nobody may hand in: it is read from the repository."""
MOST_OTHERS = 100
"""Paths of unknown files that are named."""


@attrs.frozen
class Waiting:
    """A placement on which a version waits."""

    environment: EnvironmentName
    application: ApplicationName


@attrs.frozen
class CommitFacts:
    """What a commit did."""

    subject: str
    """The first line of its message."""
    differences: tuple[Difference, ...] = ()
    others: tuple[str, ...] = ()
    """Files that changed and that kuberpult has no word for; the first hundred."""
    waited_unlocked: tuple[Waiting, ...] = ()
    """Placements on which something waited before it although no lock was in the way."""


@attrs.frozen
class UpstreamThen:
    """The state that a train takes its versions from, instead of today's."""

    revision: str = attrs.field(converter=fields.revision)
    """A commit, as git users name one, or a time; in the log a commit's id."""
    versions: Mapping[EnvironmentName, Mapping[ApplicationName, Version | None]] | None = attrs.field(
        default=None, metadata=PAST
    )
    """What upstream of each member of the target had then; none for a link that cannot be read."""
