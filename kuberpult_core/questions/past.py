"""Questions about what happened, and why something is as it is."""

import attrs

from kuberpult_core import fields, names
from kuberpult_core.classes import frozen
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName
from kuberpult_core.questions import parts


@frozen
class ListDeployments:
    """The versions that an application had on an environment, the newest first: how long, and by whom."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)
    limit: int = attrs.field(default=parts.NEWEST, converter=parts.limit)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowLog:
    """What happened, the newest first: each commit with its facts and their causes."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    application: ApplicationName | None = attrs.field(default=None, converter=fields.optional_application)
    author: str | None = None
    """A part of the author's ``Name <mail>``."""
    since: str | None = None
    """A date, or ``4h`` for four hours ago."""
    limit: int = attrs.field(default=parts.NEWEST, converter=parts.limit)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)
    before: str | None = attrs.field(default=None, converter=parts.optional_revision)
    """Only what is older than this commit: the last one of a page gives the next page."""


@frozen
class ShowCommit:
    """One commit: what happened in it, the command behind it, and its neighbours."""

    commit: str = attrs.field(converter=fields.revision)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ExplainPlacement:
    """Why an application is as it is on an environment."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class FindCommit:
    """Where the releases are that were built from a source commit."""

    commit: str = attrs.field(converter=fields.revision)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class CompareStates:
    """What changed between two commits or times, or since one."""

    old: str = attrs.field(converter=fields.revision)
    new: str | None = attrs.field(default=None, converter=parts.optional_revision)
    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    application: ApplicationName | None = attrs.field(default=None, converter=fields.optional_application)
    manifests: bool = False
    """Whether the differences of the deployed manifests are wanted, too."""


@frozen
class ShowStats:
    """How often and how fast releases get out, and how safely."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    since: str = "4w"
    """A date, or ``4w`` for four weeks ago."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)
