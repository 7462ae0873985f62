"""Questions: what somebody wants to know, as immutable data. Each frontend asks the same ones.

A question that can be built is well formed, as a command is. ``at`` is a commit as git users
name one or a time: the state as it was then is asked about, and that of now without it.
:func:`kuberpult_core.answering.answer` has the answers.
"""

from enum import StrEnum
from typing import TypeAlias

import attrs

from kuberpult_core import fields, names
from kuberpult_core.classes import frozen
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version

MOST_LISTED = 1000
"""Commits of the log that one answer holds at most."""
NEWEST = 20
"""Commits that are listed unless another number is asked for."""
MAX_PATTERN = 200


class Wanted(StrEnum):
    """Which services are of interest: those with such a placement."""

    WAITING = "waiting"
    LOCKED = "locked"
    BEHIND = "behind"
    """Upstream has a newer version."""


def _optional_revision(text: str | None) -> str | None:
    return None if text is None else fields.revision(text)


def _limit(number: int) -> int:
    if type(number) is not int or not 1 <= number <= MOST_LISTED:
        raise InvalidCommand("$.limit", f"it must be a whole number from 1 to {MOST_LISTED}")
    return number


def _pattern(text: str | None) -> str | None:
    if text is not None and len(text) > MAX_PATTERN:
        raise InvalidCommand("$.application", f"it has more than {MAX_PATTERN} characters")
    return text


@frozen
class ShowOverview:
    """Services × environments: version, what waits, what locks, how far behind upstream."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=_pattern)
    """A shell pattern for names."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)


def _wanted(value: str | None) -> Wanted | None:
    try:
        return None if value is None else Wanted(value)
    except ValueError:
        raise InvalidCommand("$.only", f"it must be one of {', '.join(Wanted)}") from None


def _first(number: int) -> int:
    if type(number) is not int or number < 0:
        raise InvalidCommand("$.first", "it must be a whole number from 0 on")
    return number


def _most(number: int | None) -> int | None:
    if number is not None and (type(number) is not int or number < 1):
        raise InvalidCommand("$.most", "it must be a whole number from 1 on")
    return number


@frozen
class ShowMatrix:
    """Services × environments in pages: what is where since when, what waits, how far behind upstream it is."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=_pattern)
    """A shell pattern for names."""
    only: Wanted | None = attrs.field(default=None, converter=_wanted)
    first: int = attrs.field(default=0, converter=_first)
    """How many services are passed over."""
    most: int | None = attrs.field(default=None, converter=_most)
    """How many services are shown; none is all."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListEnvironments:
    """The environments, in the order of promotion."""

    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowEnvironment:
    """One environment: its config, its locks, how much is on it."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListPlaced:
    """What is on one environment since when and by whom, what waits, how far behind upstream it is; in pages."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=_pattern)
    """A shell pattern for names."""
    only: Wanted | None = attrs.field(default=None, converter=_wanted)
    first: int = attrs.field(default=0, converter=_first)
    """How many services are passed over."""
    most: int | None = attrs.field(default=None, converter=_most)
    """How many services are shown; none is all."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class CompareEnvironments:
    """The applications that are not at the same version on two environments."""

    one: EnvironmentName = attrs.field(converter=names.environment_name)
    other: EnvironmentName = attrs.field(converter=names.environment_name)
    manifests: bool = False
    """Whether the differences of the deployed manifests are wanted, too."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)
    application: str | None = attrs.field(default=None, converter=_pattern)
    """A shell pattern for names."""
    same: bool = False
    """Whether those at the same version are wanted, too."""
    first: int = attrs.field(default=0, converter=_first)
    """How many applications are passed over."""
    most: int | None = attrs.field(default=None, converter=_most)
    """How many applications are shown; none is all."""


@frozen
class ListApplications:
    """The applications: team, releases, what is where."""

    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowApplication:
    """One application: its team, its releases, and what is where."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowPlacements:
    """One application on every environment: since when, what waits and for what, how far behind upstream."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListDeployments:
    """The versions that an application had on an environment, the newest first: how long, and by whom."""

    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    application: ApplicationName = attrs.field(converter=names.application_name)
    limit: int = attrs.field(default=NEWEST, converter=_limit)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListReleases:
    """The releases of an application, the newest first, and where each is."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    """Only those that can be deployed there."""
    first: int = attrs.field(default=0, converter=_first)
    """How many of them are passed over."""
    most: int | None = attrs.field(default=None, converter=_most)
    """How many are shown; none is all."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowRelease:
    """One release: where it came from, where it can run and where it is."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class FindRelease:
    """Where a release is, and where not: what each environment has of its application."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowManifest:
    """A release's manifest for one environment, as it is."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    redacted: bool = False
    """Whether the values of Secrets are hidden."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class CompareReleases:
    """How the manifests of two releases differ, Secrets hidden."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    old: Version = attrs.field(converter=names.version)
    new: Version = attrs.field(converter=names.version)
    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class CompareManifests:
    """How a release's manifests for two environments differ, Secrets hidden."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    one: EnvironmentName = attrs.field(converter=names.environment_name)
    other: EnvironmentName = attrs.field(converter=names.environment_name)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListLocks:
    """The locks, whose they are, and what waits behind them."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    application: ApplicationName | None = attrs.field(default=None, converter=fields.optional_application)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListQueue:
    """What waits, where, and for which locks."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowHolds:
    """All that is held back: the locks of each environment, what waits behind each, and since when."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    team: TeamName | None = attrs.field(default=None, converter=fields.optional_team)
    application: str | None = attrs.field(default=None, converter=_pattern)
    """A shell pattern for names."""
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowSettings:
    """The settings that all who commit share, defaults included."""

    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ShowLog:
    """What happened, the newest first: each commit with its facts and their causes."""

    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    application: ApplicationName | None = attrs.field(default=None, converter=fields.optional_application)
    author: str | None = None
    """A part of the author's ``Name <mail>``."""
    since: str | None = None
    """A date, or ``4h`` for four hours ago."""
    limit: int = attrs.field(default=NEWEST, converter=_limit)
    at: str | None = attrs.field(default=None, converter=_optional_revision)
    before: str | None = attrs.field(default=None, converter=_optional_revision)
    """Only what is older than this commit: the last one of a page gives the next page."""


@frozen
class ShowCommit:
    """One commit: what happened in it, the command behind it, and its neighbours."""

    commit: str = attrs.field(converter=fields.revision)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ExplainPlacement:
    """Why an application is as it is on an environment."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class FindCommit:
    """Where the releases are that were built from a source commit."""

    commit: str = attrs.field(converter=fields.revision)
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class CompareStates:
    """What changed between two commits or times, or since one."""

    old: str = attrs.field(converter=fields.revision)
    new: str | None = attrs.field(default=None, converter=_optional_revision)
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
    at: str | None = attrs.field(default=None, converter=_optional_revision)


@frozen
class ListProblems:
    """What is broken in the repository: where, and why."""

    at: str | None = attrs.field(default=None, converter=_optional_revision)


Question: TypeAlias = (
    ShowOverview
    | ShowMatrix
    | ListEnvironments
    | ShowEnvironment
    | ListPlaced
    | CompareEnvironments
    | ListApplications
    | ShowApplication
    | ShowPlacements
    | ListDeployments
    | ListReleases
    | ShowRelease
    | FindRelease
    | ShowManifest
    | CompareReleases
    | CompareManifests
    | ListLocks
    | ListQueue
    | ShowHolds
    | ShowSettings
    | ShowLog
    | ShowCommit
    | ExplainPlacement
    | FindCommit
    | CompareStates
    | ShowStats
    | ListProblems
)
"""Everything that can be asked about."""
