"""Questions about releases and their manifests."""

import attrs

from kuberpult_core import fields, names
from kuberpult_core.classes import frozen
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.questions import parts


@frozen
class ListReleases:
    """The releases of an application, the newest first, and where each is."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    """Only those that can be deployed there."""
    first: int = attrs.field(default=0, converter=parts.first)
    """How many of them are passed over."""
    most: int | None = attrs.field(default=None, converter=parts.most)
    """How many are shown; none is all."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowRelease:
    """One release: where it came from, where it can run and where it is."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class FindRelease:
    """Where a release is, and where not: what each environment has of its application."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class ShowManifest:
    """A release's manifest for one environment, as it is."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    environment: EnvironmentName = attrs.field(converter=names.environment_name)
    redacted: bool = False
    """Whether the values of Secrets are hidden."""
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class CompareReleases:
    """How the manifests of two releases differ, Secrets hidden."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    old: Version = attrs.field(converter=names.version)
    new: Version = attrs.field(converter=names.version)
    environment: EnvironmentName | None = attrs.field(default=None, converter=fields.optional_environment)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)


@frozen
class CompareManifests:
    """How a release's manifests for two environments differ, Secrets hidden."""

    application: ApplicationName = attrs.field(converter=names.application_name)
    version: Version = attrs.field(converter=names.version)
    one: EnvironmentName = attrs.field(converter=names.environment_name)
    other: EnvironmentName = attrs.field(converter=names.environment_name)
    at: str | None = attrs.field(default=None, converter=parts.optional_revision)
