"""Every problem of a repository: all is read, and compared with what belongs together."""

from collections.abc import Iterator

from kuberpult_core import layout
from kuberpult_core.decide.argocd import check_name
from kuberpult_core.decide.locking import every_lock
from kuberpult_core.errors import DuplicateApplicationName
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import Broken, Environment, State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import FILE, FOLDER, ObjectId, Objects
from kuberpult_core.reading.listing import kind_of
from kuberpult_core.reading.reader import Problem, state_of
from kuberpult_core.tree import find


def problems(objects: Objects, root: ObjectId | None) -> list[Problem]:
    """What is broken below the tree *root*, by path. Reads everything but the manifests' content."""
    found: dict[str, str] = {}

    def report(path: str, reason: str) -> None:
        found.setdefault(path, reason)

    state = state_of(objects, root, report)
    _read_everything(state)
    for problem in (
        *_contradictions(state),
        *_drifted(objects, root, state),
        *_hidden_from_argocd(objects, root, state),
    ):
        report(problem.path, problem.reason)
    return [Problem(path, reason) for path, reason in sorted(found.items())]


def _read_everything(state: State) -> None:
    _ = state.settings
    for _, locks in every_lock(state):
        list(locks.values())
    for environment in state.environments.values():
        _ = environment.config
        for placement in environment.placements.values():
            _ = placement.deployment
    for application in state.applications.values():
        _ = application.team
        for release in application.releases.values():
            _ = release.origin
            list(release.manifests)


def _contradictions(state: State) -> Iterator[Problem]:
    for name, environment in state.environments.items():
        upstream = environment.config.upstream_environment
        if upstream is not None and upstream not in state.environments:
            yield Problem(layout.config_file(name), f"its upstream {upstream} is not an environment")
        elif _is_in_cycle(state, name):
            yield Problem(layout.config_file(name), "its upstreams make a cycle")
        if environment.config.argocd and not state.settings.url:
            yield Problem(layout.SETTINGS, f"{name} is configured for Argo CD, and no url says what to clone")
        yield from _double_names(state, name, environment)


def _is_in_cycle(state: State, name: EnvironmentName) -> bool:
    link = state.environments[name].config.upstream_environment
    for _ in state.environments:
        if link is None or link == name or link not in state.environments:
            break
        link = state.environments[link].config.upstream_environment
    return link == name


def _double_names(state: State, name: EnvironmentName, environment: Environment) -> Iterator[Problem]:
    for application, placed in environment.placements.items():
        if placed.version is None:
            continue
        try:
            check_name(state, name, application)
        except DuplicateApplicationName as duplicate:
            yield Problem(layout.placement_folder(name, application), duplicate.sentence)


def _drifted(objects: Objects, root: ObjectId | None, state: State) -> Iterator[Problem]:
    """Placements whose manifest is not that of the release that is said to be there."""
    for name, environment in state.environments.items():
        for application, placed in environment.placements.items():
            if placed.version is None or isinstance(placed.version, Broken):
                continue
            release = state.release(application, placed.version)
            wanted = release.manifests.get(name) if release else None
            path = f"{layout.manifest_folder(name, application)}/{layout.MANIFEST}"
            there = find(objects, root, path)
            if there and there.mode != FILE:
                yield Problem(path, f"it is {kind_of(there)}, and a file belongs here")
            elif release and wanted != (BlobId(there.id) if there else None):
                yield Problem(path, _drift(application, placed.version, wanted is None))


def _hidden_from_argocd(objects: Objects, root: ObjectId | None, state: State) -> Iterator[Problem]:
    """Whatever lies in the way of a file that Argo CD should find."""
    for name, environment in state.environments.items():
        parts = layout.argocd_path(name).split("/") if environment.config.argocd else []
        for length in range(1, len(parts) + 1):
            path = "/".join(parts[:length])
            there = find(objects, root, path)
            wanted = FILE if length == len(parts) else FOLDER
            if there and there.mode != wanted:
                belongs = "a file" if wanted == FILE else "a folder"
                yield Problem(path, f"it is {kind_of(there)}, and {belongs} belongs here")


def _drift(application: ApplicationName, version: int, is_missing: bool) -> str:
    if is_missing:
        return f"release {version} of {application}, which is in place, has no manifest for this environment"
    return f"it is not the manifest of release {version} of {application}, which is in place"
