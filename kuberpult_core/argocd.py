"""The Argo CD file of an environment: one AppProject, and an Application for each that has a version.

The form is layout.md's; both kinds are valid against Argo CD's CRDs. The file depends on
which applications are placed, on their teams, on the config and on the settings, never
on a version, so a deployment does not touch it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from kuberpult_core.config import ArgoCd, Destination, IgnoreDifference
from kuberpult_core.events import (
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.layout import manifest_folder
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName
from kuberpult_core.settings import Settings, settings_of
from kuberpult_core.yamltext import Value, block, scalar

API_VERSION = "argoproj.io/v1alpha1"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
OWN = "com.freiheit.kuberpult"
DEFAULT_REVISION = "HEAD"
"""The repository's default branch, for settings that name none."""

_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def application_title(environment: EnvironmentName, application: ApplicationName) -> str:
    """The name of a placement's Application in Argo CD."""
    return f"{environment}-{application}"


def affected_environments(before: State, events: Iterable[Event], after: State) -> list[EnvironmentName]:
    """The environments whose Argo CD file *events* may have changed, in name order."""
    affected: set[EnvironmentName] = set()
    for event in events:
        affected.update(_affected(before, event, after))
    return sorted(affected)


def _affected(before: State, event: Event, after: State) -> Iterator[EnvironmentName]:
    match event:
        case Deployed(environment=environment, previous=None):
            yield environment
        case ApplicationRemoved(environment=environment) | Undeployed(environment=environment):
            yield environment
        case EnvironmentCreated(environment) | EnvironmentUpdated(environment) | EnvironmentDeleted(environment):
            yield environment
        case TeamSet(application):
            for environment in after.environments:
                if after.placement(environment, application).version is not None:
                    yield environment
        case SettingsUpdated(document):
            old, new = before.settings, settings_of(document)
            if (old.url, old.branch) != (new.url, new.branch):
                yield from after.environments
        case _:
            return


def argocd_file(state: State, environment: EnvironmentName) -> bytes | None:
    """The file's content; none if the environment has no ``argocd`` config or there is no URL to clone."""
    there = state.environments[environment]
    config = there.config.argocd
    if config is None or state.settings.url is None:
        return None
    applications = [
        (name, state.team_of(name))
        for name in sorted(there.placements)
        if there.placements[name].version is not None
    ]
    return render(state.settings, environment, config, applications).encode()


def render(
    settings: Settings,
    environment: EnvironmentName,
    config: ArgoCd,
    applications: Sequence[tuple[ApplicationName, TeamName | None]],
) -> str:
    """The documents, joined by ``---``."""
    template = _Template.of(settings, environment, config)
    documents = [_project(environment, config)]
    documents.extend(template.fill(name, team) for name, team in applications)
    return "---\n".join(documents)


def _project(environment: EnvironmentName, config: ArgoCd) -> str:
    namespace = config.destination.app_project_namespace or config.destination.namespace or "*"
    spec: dict[str, Value] = {
        "description": environment,
        "destinations": [_destination(config.destination, namespace)],
        "sourceRepos": ["*"],
    }
    if config.access_list:
        spec["clusterResourceWhitelist"] = [{"group": it.group, "kind": it.kind} for it in config.access_list]
    if config.sync_windows:
        spec["syncWindows"] = [
            {
                "applications": list(window.applications) or ["*"],
                "duration": window.duration,
                "kind": window.kind,
                "manualSync": True,
                "schedule": window.schedule,
            }
            for window in config.sync_windows
        ]
    return block(
        {"apiVersion": API_VERSION, "kind": "AppProject", "metadata": {"name": environment}, "spec": spec}
    )


def _destination(destination: Destination, namespace: str | None) -> dict[str, Value]:
    """By server if given, else by name: Argo CD rejects both."""
    where: dict[str, Value] = {}
    if destination.server:
        where["server"] = destination.server
    elif destination.name:
        where["name"] = destination.name
    if namespace:
        where["namespace"] = namespace
    return where


def _ignored(difference: IgnoreDifference) -> dict[str, Value]:
    data: dict[str, Any] = {
        "group": difference.group,
        "kind": difference.kind,
        "name": difference.name,
        "namespace": difference.namespace,
        "jsonPointers": list(difference.json_pointers),
        "jqPathExpressions": list(difference.jq_path_expressions),
        "managedFieldsManagers": list(difference.managed_fields_managers),
    }
    return {key: value for key, value in data.items() if value}


@attrs.frozen
class _Template:
    """What all Applications of an environment have in common, as text; filling it in is cheap."""

    environment: EnvironmentName
    annotations: str
    spec_head: str
    spec_tail: str

    @classmethod
    def of(cls, settings: Settings, environment: EnvironmentName, config: ArgoCd) -> "_Template":
        own = {f"{OWN}/application", f"{OWN}/environment", f"{OWN}/team", GENERATE_PATHS}
        annotations: dict[str, Value] = {
            key: value for key, value in sorted(config.application_annotations.items()) if key not in own
        }
        namespace = config.destination.application_namespace or config.destination.namespace
        head: dict[str, Value] = {"destination": _destination(config.destination, namespace)}
        if config.ignore_differences:
            head["ignoreDifferences"] = [_ignored(it) for it in config.ignore_differences]
        sync: dict[str, Value] = {"automated": {"allowEmpty": True, "prune": True, "selfHeal": True}}
        if config.sync_options:
            sync["syncOptions"] = list(config.sync_options)
        source: dict[str, Value] = {
            "repoURL": settings.url or "",
            "targetRevision": settings.branch or DEFAULT_REVISION,
        }
        tail = block(source, 4) + block({"syncPolicy": sync}, 2)
        return cls(environment, block(annotations, 4), block({**head, "project": environment}, 2), tail)

    def fill(self, application: ApplicationName, team: TeamName | None) -> str:
        """The Application of one placement."""
        environment = self.environment
        folder = manifest_folder(environment, application)
        title = scalar(application_title(environment, application))
        marks = {"application": str(application), "environment": str(environment)}
        if team:
            marks["team"] = team
        annotations = "".join(f"    {OWN}/{key}: {scalar(value)}\n" for key, value in marks.items())
        labels = "".join(
            f"    {OWN}/{key}: {scalar(value)}\n" for key, value in marks.items() if _LABEL_VALUE.fullmatch(value)
        )
        return (
            f"apiVersion: {API_VERSION}\nkind: Application\nmetadata:\n  annotations:\n{self.annotations}"
            f"    {GENERATE_PATHS}: /{folder}\n{annotations}  finalizers:\n  - {FINALIZER}\n"
            f"  labels:\n{labels}  name: {title}\nspec:\n{self.spec_head}  source:\n    path: {folder}\n"
            f"{self.spec_tail}"
        )
