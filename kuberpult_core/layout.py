"""Where things lie in the repository, and in which form: layout.md in code."""

from datetime import UTC, datetime

from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version

SETTINGS = "kuberpult.json"
APPLICATIONS = "applications"
ENVIRONMENTS = "environments"
RELEASES = "releases"
MANIFEST = "manifests.yaml"
CONFIG = "config.json"
VERSION = "version"
QUEUED = "queued_version"

_LINK_HEAD = "../../../../applications/"


def application_folder(application: ApplicationName) -> str:
    """Where an application's team and releases lie."""
    return f"applications/{application}"


def team_file(application: ApplicationName) -> str:
    """The file with the team's name."""
    return f"applications/{application}/team"


def release_folder(application: ApplicationName, version: Version) -> str:
    """Where one release lies."""
    return f"applications/{application}/releases/{version}"


def release_manifest(application: ApplicationName, version: Version, environment: EnvironmentName) -> str:
    """A release's manifest for one environment."""
    return f"{release_folder(application, version)}/environments/{environment}/{MANIFEST}"


def environment_folder(environment: EnvironmentName) -> str:
    """Where all of an environment lies; it exists while this folder does."""
    return f"environments/{environment}"


def config_file(environment: EnvironmentName) -> str:
    """An environment's configuration."""
    return f"environments/{environment}/{CONFIG}"


def placement_folder(environment: EnvironmentName, application: ApplicationName) -> str:
    """Where one placement lies."""
    return f"environments/{environment}/applications/{application}"


def manifest_folder(environment: EnvironmentName, application: ApplicationName) -> str:
    """What Argo CD syncs."""
    return f"{placement_folder(environment, application)}/manifests"


def lock_folder(
    environment: EnvironmentName, application: ApplicationName | None, team: TeamName | None, lock_id: LockId
) -> str:
    """Where one lock lies."""
    if application:
        return f"{placement_folder(environment, application)}/locks/{lock_id}"
    if team:
        return f"environments/{environment}/teams/{team}/locks/{lock_id}"
    return f"environments/{environment}/locks/{lock_id}"


def argocd_path(environment: EnvironmentName) -> str:
    """The generated file for Argo CD."""
    return f"argocd/v1alpha1/{environment}.yaml"


def link_to(application: ApplicationName, version: Version) -> str:
    """The text of a version link."""
    return f"{_LINK_HEAD}{application}/releases/{version}"


def link_head(application: ApplicationName) -> bytes:
    """What the links to all releases of an application begin with: all but the number."""
    return f"{_LINK_HEAD}{application}/releases/".encode()


def time_text(time: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def deployed_at_text(time: datetime) -> str:
    """A time in the Go tool's form, for ``deployed_at_utc``."""
    return f"{time.astimezone(UTC).isoformat(sep=' ', timespec='seconds').removesuffix('+00:00')} +0000 UTC"


def read_time(text: str) -> datetime | None:
    """A time in either form, fractions of a second left out; none if it is in neither."""
    form = text.strip()
    if form.endswith(" UTC"):
        day, clock, offset = [*form.removesuffix(" UTC").split(" "), "", ""][:3]
        form = f"{day}T{clock.split('.')[0]}{offset}"
    try:
        time = datetime.fromisoformat(form)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None
