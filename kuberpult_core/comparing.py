"""What is different: between two environments, between two releases."""

import difflib
from typing import Any

from kuberpult_core.errors import NoManifest, UnknownEnvironment
from kuberpult_core.model import Release, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.redaction import redacted
from kuberpult_core.views import known_release, link_view

MOST_LINES = 20_000
"""Lines of a manifest that are compared one by one; it takes the square of their number."""


def difference(state: State, one: EnvironmentName, other: EnvironmentName) -> list[dict[str, Any]]:
    """The applications that are not at the same version on two environments."""
    for name in (one, other):
        if name not in state.environments:
            raise UnknownEnvironment(name)
    applications = {*state.environments[one].placements, *state.environments[other].placements}
    rows = [
        {
            "application": application,
            one: link_view(state.placement(one, application).version),
            other: link_view(state.placement(other, application).version),
        }
        for application in sorted(applications)
    ]
    return [row for row in rows if row[one] != row[other]]


def manifest_differences(
    state: State,
    application: ApplicationName,
    versions: tuple[Version, Version],
    environment: EnvironmentName | None,
    key: bytes,
) -> dict[EnvironmentName, str]:
    """Unified differences of two releases' manifests by environment, Secrets hidden under *key*."""
    old, new = (known_release(state, application, version) for version in versions)
    if environment is not None and not any(environment in release.manifests for release in (old, new)):
        raise NoManifest(application, versions[1], environment)
    found = {}
    for name in sorted({*old.manifests, *new.manifests}):
        if environment in (None, name) and old.manifests.get(name) != new.manifests.get(name):
            before, after = (_shown(state, release, name, key) for release in (old, new))
            label, other_label = (f"{application}/{version}/{name}" for version in versions)
            if max(len(before), len(after)) > MOST_LINES:
                found[name] = f"{label} and {other_label} are different, and too long to compare\n"
                continue
            lines = difflib.unified_diff(before, after, label, other_label)
            found[name] = "".join(map(_ended, lines))
    return found


def _shown(state: State, release: Release, name: EnvironmentName, key: bytes) -> list[str]:
    blob = release.manifests.get(name)
    return redacted(state.read_manifest(blob), key).splitlines(keepends=True) if blob else []


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def manifest(state: State, application: ApplicationName, version: Version, environment: EnvironmentName) -> bytes:
    """The bytes of one manifest; raises :class:`NoManifest` if the release has none for *environment*."""
    blob = known_release(state, application, version).manifests.get(environment)
    if blob is None:
        raise NoManifest(application, version, environment)
    return state.read_manifest(blob)
