"""Questions about what is where: environments, applications, and the two together."""

import attrs

from kuberpult_core import fields, names
from kuberpult_core.classes import frozen
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName
from kuberpult_core.questions import parts


@frozen
class ShowOverview:
    """Services × environments: version, what waits, what locks, how far behind upstream."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=parts.pattern)
    """A shell pattern for names."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowMatrix:
    """Services × environments in pages: what is where since when, what waits, how far behind upstream it is."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=parts.pattern)
    """A shell pattern for names."""
    only: parts.Wanted | None = attrs.field(default=None, converter=parts.wanted)
    first: int = attrs.field(default=0, converter=parts.first)
    """How many services are passed over."""
    most: int | None = attrs.field(default=None, converter=parts.most)
    """How many services are shown; none is all."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ListEnvironments:
    """The environments, in the order of promotion."""

    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowEnvironment:
    """One environment: its config, its locks, how much is on it."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ListPlaced:
    """What is on one environment since when and by whom, what waits, how far behind upstream it is; in pages."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=parts.pattern)
    """A shell pattern for names."""
    only: parts.Wanted | None = attrs.field(default=None, converter=parts.wanted)
    first: int = attrs.field(default=0, converter=parts.first)
    """How many services are passed over."""
    most: int | None = attrs.field(default=None, converter=parts.most)
    """How many services are shown; none is all."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class CompareEnvironments:
    """The applications that are not at the same version on two environments."""

    one: EnvironmentName = attrs.field(converter=names.environment_name)
    other: EnvironmentName = attrs.field(converter=names.environment_name)
    manifests: bool = False
    """Whether the differences of the deployed manifests are wanted, too."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)
    application: str | None = attrs.field(default=None, converter=parts.pattern)
    """A shell pattern for names."""
    same: bool = False
    """Whether those at the same version are wanted, too."""
    first: int = attrs.field(default=0, converter=parts.first)
    """How many applications are passed over."""
    most: int | None = attrs.field(default=None, converter=parts.most)
    """How many applications are shown; none is all."""


@frozen
class ListApplications:
    """The applications: team, releases, what is where."""

    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowApplication:
    """One application: its team, its releases, and what is where."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowPlacements:
    """One application on every environment: since when, what waits and for what, how far behind upstream."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowSettings:
    """The settings that all who commit share, defaults included."""

    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ListProblems:
    """What is broken in the repository: where, and why."""

    at: str | None = attrs.field(default=None, converter=parts.optional_revision)
