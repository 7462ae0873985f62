"""Given, when, then: a repository in memory, what is asked of it, and what is there afterwards.

Every command that a rule's test carries out is planned first, so each of them also shows
that a plan is what happens, that a refusal changes nothing, and that nothing is committed
when nothing happens.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from kuberpult_core import (
    Actor,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Decision,
    DeleteLock,
    Deploy,
    KuberpultError,
    Repository,
    State,
    Target,
    UpdateSettings,
    layout,
    memory_repository,
    names,
)
from kuberpult_core.changes import Change, Link, written
from kuberpult_core.editor import Editor
from kuberpult_core.model import Broken, Placement
from kuberpult_core.names import Version
from kuberpult_core.ports import FOLDER, Head, NewCommit, ObjectId
from kuberpult_core.tree import find

E = TypeVar("E", bound=KuberpultError)
Step = Command | Iterable[Command]
Link_ = Version | Broken | None

ADA = Actor("Ada", "ada@example.com")
BOB = Actor("Bob", "bob@example.com")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
URL = "https://git.example.com/manifests.git"
ARGOCD = {"destination": {"server": "https://kubernetes.example.com", "namespace": "shop"}}


class World:
    """A repository with its given content."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def when(self, *steps: Step, by: Actor = ADA, at: datetime = NOON) -> Decision:
        """Carry the commands out; what the last one came to."""
        return [self._carry_out(command, by, at) for command in _flat(steps)][-1]

    def _carry_out(self, command: Command, by: Actor, at: datetime) -> Decision:
        before = self.head
        planned = self.repository.plan(command).decision
        applied = self.repository.apply(command, by, at)
        assert applied.decision == planned, "a plan is what happens"
        assert (applied.commit is None) == applied.decision.is_nothing
        assert (self.head == before) == applied.decision.is_nothing, "nothing is committed when nothing happens"
        return applied.decision

    def refuses(self, command: Command, kind: type[E]) -> E:
        """Ask for *command*; the refusal, which changes nothing."""
        before = self.head
        with pytest.raises(kind) as planned:
            self.repository.plan(command)
        with pytest.raises(kind) as refused:
            self.repository.apply(command, ADA, NOON)
        assert str(refused.value) == str(planned.value)
        assert self.head == before
        return refused.value

    def by_hand(self, *changes: Change) -> None:
        """Somebody else commits *changes*, past all rules."""
        head = self.head
        editor = Editor(self.repository.store.objects, head.tree)
        editor.apply(changes)
        tree, objects = editor.finish()
        commit = NewCommit(tree, head.commit, "By hand", BOB, NOON, objects)
        assert self.repository.store.publish(commit), "nobody else is there to race with"

    @property
    def head(self) -> Head:
        """The published commit."""
        return self.repository.store.head()

    @property
    def state(self) -> State:
        """What is there now."""
        return self.repository.state()

    def commits(self) -> int:
        """How many commits there are."""
        return len(list(self.repository.store.log()))

    def placement(self, environment: str, application: str) -> Placement:
        """One placement."""
        return self.state.placement(names.environment_name(environment), names.application_name(application))

    def at(self, environment: str, application: str = "cart") -> tuple[Link_, Link_]:
        """What is current there, and what waits."""
        placed = self.placement(environment, application)
        return placed.version, placed.queued

    def manifest(self, environment: str, application: str = "cart") -> str | None:
        """What Argo CD syncs."""
        return self.file(f"environments/{environment}/applications/{application}/manifests/manifests.yaml")

    def file(self, path: str) -> str | None:
        """The text of the file at *path*, if it is there."""
        objects = self.repository.store.objects
        found = find(objects, self.head.tree, path)
        return objects.blob(found.id).decode() if found and found.mode != FOLDER else None

    def files(self) -> set[str]:
        """The paths of all files and links."""
        return set(file_paths(self.repository))

    def problems(self) -> list[str]:
        """The paths of what is broken."""
        return [problem.path for problem in self.repository.problems()]

    def releases(self, application: str = "cart") -> list[int]:
        """The releases that exist."""
        there = self.state.applications.get(names.application_name(application))
        return sorted(there.releases) if there else []

    def locks(self, environment: str, application: str | None = None, team: str | None = None) -> dict[str, str]:
        """The locks that lie on just that, and what they say."""
        there = self.state.environments[names.environment_name(environment)]
        locks: Mapping[Any, Any] = there.locks
        if application:
            locks = there.placement(names.application_name(application)).locks
        if team:
            locks = there.team_locks.get(names.team_name(team), {})
        return {str(lock_id): lock.message for lock_id, lock in locks.items()}


def _flat(steps: Iterable[Step]) -> list[Command]:
    return [command for step in steps for command in ([*step] if isinstance(step, Iterable) else [step])]


def given(*steps: Step) -> World:
    """A new repository in which the commands were carried out by somebody else before."""
    world = World(memory_repository())
    for command in _flat([UpdateSettings({"url": URL}), *steps]):
        world.repository.apply(command, BOB, NOON)
    return world


def file_paths(repository: Repository) -> list[str]:
    """The paths of all files and links of the published tree."""
    objects, root = repository.store.objects, repository.store.head().tree
    found: list[str] = []
    open_folders: list[tuple[str, ObjectId]] = [("", root)] if root else []
    while open_folders:
        folder, tree_id = open_folders.pop()
        for name, entry in objects.tree(tree_id).items():
            if entry.mode == FOLDER:
                open_folders.append((f"{folder}{name}/", entry.id))
            else:
                found.append(folder + name)
    return sorted(found)


def text_of(application: str, version: int, environment: str) -> str:
    """The manifest that the releases of these tests have."""
    return f"say: {application} {version} for {environment}\n"


def release(application: str, version: int, *environments: str, **more: Any) -> CreateRelease:
    """A release with a manifest for each of *environments*."""
    manifests = {name: text_of(application, version, name) for name in environments}
    return CreateRelease(application, manifests, version, **more)


def releases(application: str, last: int, *environments: str, **more: Any) -> list[CreateRelease]:
    """The releases from 1 to *last*."""
    return [release(application, version, *environments, **more) for version in range(1, last + 1)]


def environment(
    name: str,
    *,
    upstream: str | None = None,
    latest: bool = False,
    group: str | None = None,
    argocd: bool = False,
) -> CreateEnvironment:
    """An environment with what is named."""
    source: Mapping[str, Any] | None = {"environment": upstream} if upstream else None
    config = {
        "upstream": {"latest": True} if latest else source,
        "environmentGroup": group,
        "argocd": ARGOCD if argocd else None,
    }
    return CreateEnvironment(name, {key: value for key, value in config.items() if value is not None})


def lock(
    environment: str,
    lock_id: str = "freeze",
    message: str = "wait",
    *,
    application: str | None = None,
    team: str | None = None,
    **more: Any,
) -> CreateLock:
    """A lock on an environment (or group), or on an application or a team there."""
    return CreateLock(Target(environment, application=application, team=team), lock_id, message, **more)


def unlock(
    environment: str,
    lock_id: str = "freeze",
    *,
    application: str | None = None,
    team: str | None = None,
    **more: Any,
) -> DeleteLock:
    """The end of such a lock."""
    return DeleteLock(Target(environment, application=application, team=team), lock_id, **more)


def deploys(application: str, version: int, *environments: str) -> list[Deploy]:
    """Manual deployments to each of *environments*."""
    return [Deploy(name, application, version, "ignore") for name in environments]


def placed(
    environment: str, application: str, version: int | None = None, queued: int | None = None
) -> list[Change]:
    """The files of a placement for :meth:`World.by_hand`, also of one that no command would leave behind."""
    folder = f"environments/{environment}/applications/{application}"
    files: list[Change] = []
    if version is not None:
        files.append(_link(f"{folder}/version", application, version))
        files.append(written(f"{folder}/manifests/manifests.yaml", text_of(application, version, environment)))
    if queued is not None:
        files.append(_link(f"{folder}/queued_version", application, queued))
    return files


def _link(path: str, application: str, version: int) -> Link:
    return Link(path, layout.link_to(names.application_name(application), Version(version)))


def kinds(decision: Decision) -> list[str]:
    """The kinds of the decision's facts, in their order."""
    return [type(event).__name__ for event in decision.events]


def skipped(decision: Decision) -> dict[str, str]:
    """Why something was passed over, by ``environment/application``, or by the member of a group."""
    return {
        "/".join(str(part) for part in (skip.environment, skip.application) if part): str(skip.reason)
        for skip in decision.skips
    }


def warned(decision: Decision) -> list[str]:
    """The codes of the decision's warnings, in their order."""
    return [warning.code for warning in decision.warnings]
