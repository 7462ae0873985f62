"""The Argo CD file of an environment: one AppProject, and an Application for each that has a version.

The form is layout.md's; both kinds are valid against Argo CD's CRDs. The file depends on
which applications are placed, on their teams, on the config and on the settings, never
on a version, so a deployment does not touch it.

It is always rendered as a whole, also for one application more. To change only a part of what
lies in the repository, one would have to know that all else in it is still right, and somebody
may have changed the file, or what is placed, by hand.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
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
from kuberpult_core.yamltext import WORDS, Value, block, scalar

API_VERSION = "argoproj.io/v1alpha1"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
OWN = "com.freiheit.kuberpult"
DEFAULT_REVISION = "HEAD"
"""The repository's default branch, for settings that name none."""

_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_COMMON_NAME = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
"""Names that are the same as scalars and as labels, unless they are words of YAML."""
_AT_ONCE = 256
_SLOT = "\0"
"""Stands for a name where there is none yet. YAML text cannot hold it, so it stands nowhere else."""


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
    placements = there.placements
    placed = sorted(name for name, it in placements.items() if it.version is not None)
    known = state.applications.get
    applications = [(name, found.team if (found := known(name)) else None) for name in placed]
    return render(state.settings, environment, config, applications)


def render(
    settings: Settings,
    environment: EnvironmentName,
    config: ArgoCd,
    applications: Sequence[tuple[ApplicationName, TeamName | None]],
) -> bytes:
    """The documents, joined by ``---``."""
    template = _Template.of(settings, environment, config)
    around = {team: template.around_name(team) for team in {team for _, team in applications}}
    is_common = _COMMON_NAME.fullmatch
    # a few hundred at a time: the memory for a whole file would cost more than its text
    written = BytesIO()
    written.write(_project(environment, config).encode())
    for start in range(0, len(applications), _AT_ONCE):
        documents = [
            # a list of texts joined by the name has the name in each of its gaps
            name.join(around[team]) if is_common(name) and name not in WORDS else template.fill(name, team)
            for name, team in applications[start : start + _AT_ONCE]
        ]
        written.write("".join(documents).encode())
    return written.getvalue()


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
        """The Application of one placement, after the line that ends the document before."""
        title = scalar(application_title(self.environment, application))
        has_label = _LABEL_VALUE.fullmatch(application) is not None
        return self._document(application, scalar(application), title, team, has_label=has_label)

    def around_name(self, team: TeamName | None) -> list[str]:
        """What stands before, between and after the places of the name, for names that are common."""
        before, _, after = scalar(application_title(self.environment, ApplicationName("x"))).rpartition("x")
        title = f"{before}{_SLOT}{after}"
        return self._document(_SLOT, _SLOT, title, team, has_label=True).split(_SLOT)

    def _document(self, name: str, value: str, title: str, team: TeamName | None, *, has_label: bool) -> str:
        """The text, with the application's *name* in paths, and as a scalar its *value* and its *title*."""
        folder = manifest_folder(self.environment, ApplicationName(name))
        others = {"environment": str(self.environment)} | ({"team": str(team)} if team else {})
        own = f"    {OWN}/application: {value}\n"
        annotations = own + "".join(_mark(key, it) for key, it in others.items())
        labels = (own if has_label else "") + "".join(
            _mark(key, it) for key, it in others.items() if _LABEL_VALUE.fullmatch(it)
        )
        return (
            f"---\napiVersion: {API_VERSION}\nkind: Application\nmetadata:\n  annotations:\n{self.annotations}"
            f"    {GENERATE_PATHS}: /{folder}\n{annotations}  finalizers:\n  - {FINALIZER}\n"
            f"  labels:\n{labels}  name: {title}\nspec:\n{self.spec_head}  source:\n    path: {folder}\n"
            f"{self.spec_tail}"
        )


def _mark(key: str, value: str) -> str:
    return f"    {OWN}/{key}: {scalar(value)}\n"
