"""Questions about locks and about what waits."""

import attrs

from kuberpult_core import fields
from kuberpult_core.classes import frozen
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName
from kuberpult_core.questions import parts


@frozen
class ListLocks:
    """The locks, whose they are, and what waits behind them."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    application: ApplicationName | None = attrs.field(default=None, converter=fields.optional_application)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ListQueue:
    """What waits, where, and for which locks."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowHolds:
    """All that is held back: the locks of each environment, what waits behind each, and since when."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=parts.pattern)
    """A shell pattern for names."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)
