"""What somebody must be allowed to do for a command, and for each fact of it: the table of docs/access.md.

A command is looked at twice: before it is decided, so that not even a refusal tells anything to
those who may not ask for it, and again with its facts, since much of what happens is nowhere in
the command: what a lock held back goes out when the lock goes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

from kuberpult_core.access.policy import Action
from kuberpult_core.classes import frozen
from kuberpult_core.commands import (
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    SingleCommand,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.decision import Decision
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName
from kuberpult_core.past.differences import (
    Difference,
    EnvironmentChanged,
    LockChanged,
    PlacementChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)


@frozen
class Need:
    """An action at a place; without an environment or an application it concerns all of them."""

    action: Action
    environment: EnvironmentName | None = None
    application: ApplicationName | None = None

    @property
    def where(self) -> str:
        """The place in words."""
        if self.environment and self.application:
            return f"{self.environment}/{self.application}"
        return self.environment or (
            f"{self.application} as a whole" if self.application else "the whole repository"
        )


def needs(state: State, decision: Decision) -> Iterator[Need]:
    """All that *decision*, made on *state*, asks for."""
    for command in singles(decision.command):
        yield from of_command(state, command)
    released = {it.application for it in singles(decision.command) if isinstance(it, CreateRelease)}
    deleted = {it.application for it in decision.events if isinstance(it, ApplicationDeleted)}
    for event in decision.events:
        match event:
            case ReleaseDeleted(application) | TeamSet(application) if application in released:
                pass  # a new release brings its team and cleans up: that belongs to CreateRelease
            case ApplicationRemoved(environment, application) if application in deleted:
                yield Need(Action.DEPLOY_UNDEPLOY, environment, application)
            case _:
                yield from of_event(state, event)


def singles(command: Command) -> tuple[SingleCommand, ...]:
    """The commands of a batch, or the one that it is."""
    return command.commands if isinstance(command, Batch) else (command,)


def of_command(state: State, command: SingleCommand) -> Iterator[Need]:  # noqa: C901, PLR0912 - one for each command
    """What *command* by itself asks for."""
    match command:
        case Deploy(environment, application) | CancelQueued(environment, application):
            yield Need(Action.DEPLOY_RELEASE, environment, application)
        case CreateLock(target):
            yield from _on_target(Action.CREATE_LOCK, state, target)
        case DeleteLock(target):
            yield from _on_target(Action.DELETE_LOCK, state, target)
        case ReleaseTrain(name):
            target = Target(group=GroupName(name)) if command.group_only else Target(name)
            yield from _on_target(Action.DEPLOY_RELEASE_TRAIN, state, target)
        case CreateRelease(application, manifests):
            yield from (Need(Action.CREATE_RELEASE, name, application) for name in manifests)
        case Cleanup(application):
            yield Need(Action.DELETE_RELEASE, application=application)
        case SetTeam(application):
            yield Need(Action.SET_TEAM, application=application)
        case CreateEnvironment(environment) | UpdateEnvironment(environment):
            yield Need(Action.CREATE_ENVIRONMENT, environment)
        case DeleteEnvironment(environment):
            yield Need(Action.DELETE_ENVIRONMENT, environment)
        case RemoveApplicationFromEnvironment(environment, application):
            yield Need(Action.DELETE_ENVIRONMENT_APPLICATION, environment, application)
        case DeleteApplication(application):
            yield from _wherever(state, application)
        case UpdateSettings():
            yield Need(Action.UPDATE_SETTINGS)
        case Undo():
            for difference in command.facts.differences if command.facts else ():
                yield from of_undone(difference)
        case ExpireLocks():
            pass  # it names nothing: its facts are what is checked
        case _:
            assert_never(command)


def _on_target(action: Action, state: State, target: Target) -> Iterator[Need]:
    """The action on each environment that a target means; on the name itself if it means none."""
    if target.environment is not None and target.environment in state.environments:
        environments = [target.environment]
    else:
        name = GroupName(target.group or target.environment or "")
        environments = state.members(name) or [EnvironmentName(name)]
    return (Need(action, environment, target.application) for environment in environments)


def _wherever(state: State, application: ApplicationName) -> Iterator[Need]:
    """Taking an application away, on each environment that it is on; in general, if it is on none."""
    places = sorted(name for name, there in state.environments.items() if application in there.placements)
    return _each(Action.DEPLOY_UNDEPLOY, places, application)


def _each(action: Action, environments: Iterable[EnvironmentName], application: ApplicationName) -> Iterator[Need]:
    """The action on each of the *environments*; in general, if there are none."""
    wheres: list[EnvironmentName | None] = [*environments]
    return (Need(action, name, application) for name in wheres or [None])


def of_event(state: State, event: Event) -> Iterator[Need]:  # noqa: C901, PLR0912 - one for each fact
    """What a fact asks for, whatever command it came of."""
    match event:
        case Deployed() | Queued() | QueueEmptied():
            yield Need(Action.DEPLOY_RELEASE, event.environment, event.application)
        case Undeployed() | ApplicationRemoved():
            yield Need(Action.DELETE_ENVIRONMENT_APPLICATION, event.environment, event.application)
        case LockCreated(scope):
            yield Need(Action.CREATE_LOCK, scope.environment, scope.application)
        case LockDeleted(scope):
            yield Need(Action.DELETE_LOCK, scope.environment, scope.application)
        case ReleaseCreated(application, _, manifests):
            action = Action.CREATE_UNDEPLOY if event.is_undeploy else Action.CREATE_RELEASE
            yield from _each(action, manifests, application)
        case ReleaseDeleted(application):
            yield Need(Action.DELETE_RELEASE, application=application)
        case TeamSet(application):
            yield Need(Action.SET_TEAM, application=application)
        case EnvironmentCreated(environment):
            yield Need(Action.CREATE_ENVIRONMENT, environment)
        case EnvironmentUpdated(environment, config):
            yield Need(Action.CREATE_ENVIRONMENT, environment)
            if _leaves_argocd(state, environment, config):
                yield Need(Action.DELETE_ENVIRONMENT, environment)
        case EnvironmentDeleted(environment):
            yield Need(Action.DELETE_ENVIRONMENT, environment)
        case ApplicationDeleted(application):
            yield from _wherever(state, application)
        case SettingsUpdated():
            yield Need(Action.UPDATE_SETTINGS)
        case _:
            assert_never(event)


def _leaves_argocd(state: State, environment: EnvironmentName, config: Mapping[str, Any]) -> bool:
    """Whether Argo CD lets go of all that runs there: as good as deleting it."""
    there = state.environments.get(environment)
    return there is not None and there.config.argocd is not None and not config.get("argocd")


def of_undone(difference: Difference) -> Iterator[Need]:
    """What it takes to turn round a part of what a commit did."""
    match difference:
        case PlacementChanged(environment, application, old, new):
            is_first = old.version is None and new.version is not None
            action = Action.DELETE_ENVIRONMENT_APPLICATION if is_first else Action.DEPLOY_RELEASE
            yield Need(action, environment, application)
        case LockChanged(scope, _, old):
            action = Action.DELETE_LOCK if old is None else Action.CREATE_LOCK
            yield Need(action, scope.environment, scope.application)
        case ReleaseChanged(application, _, None):
            yield Need(Action.DELETE_RELEASE, application=application)
        case ReleaseChanged(application, _, old):
            action = Action.CREATE_UNDEPLOY if old and old.is_undeploy else Action.CREATE_RELEASE
            yield from _each(action, old.manifests if old else (), application)
        case TeamChanged(application):
            yield Need(Action.SET_TEAM, application=application)
        case EnvironmentChanged(environment, old):
            action = Action.DELETE_ENVIRONMENT if old is None else Action.CREATE_ENVIRONMENT
            yield Need(action, environment)
        case SettingsChanged():
            yield Need(Action.UPDATE_SETTINGS)
        case _:
            assert_never(difference)


class Groups:
    """Which groups environments belong to: now, and by what a decision makes of them.

    An environment without a group is a group of its own name, as in the Go tool. One that changes its
    group is in both, so nobody gets at it by moving it first.
    """

    def __init__(self, states: Iterable[State], configs: Iterable[tuple[EnvironmentName, object]] = ()) -> None:
        self._states = tuple(states)
        self._given: dict[EnvironmentName, set[str]] = {}
        self._known: dict[EnvironmentName, frozenset[str]] = {}
        for name, group in configs:
            self._given.setdefault(name, set()).add(group if isinstance(group, str) and group else name)

    @classmethod
    def with_decision(cls, state: State, decision: Decision) -> "Groups":
        """With all that the commands and the facts say of configurations."""
        return cls((state,), _said(decision))

    def of(self, environment: EnvironmentName) -> frozenset[str]:
        """The groups of *environment*."""
        found = self._known.get(environment)
        if found is None:
            found = self._known[environment] = frozenset(self._found(environment)) or frozenset({environment})
        return found

    def _found(self, environment: EnvironmentName) -> Iterator[str]:
        yield from self._given.get(environment, ())
        for state in self._states:
            there = state.environments.get(environment)
            if there is not None:
                yield there.config.group or environment


_GROUP = "environmentGroup"


def _said(decision: Decision) -> Iterator[tuple[EnvironmentName, object]]:
    """The group in each configuration that a decision is about."""
    for command in singles(decision.command):
        match command:
            case CreateEnvironment(environment, config):
                yield environment, config.group
            case UpdateEnvironment(environment, patch) if _GROUP in patch:
                yield environment, patch[_GROUP]
            case Undo():
                yield from _once(command)
    for event in decision.events:
        if isinstance(event, EnvironmentCreated | EnvironmentUpdated):
            yield event.environment, event.config.get(_GROUP)


def _once(command: Undo) -> Iterator[tuple[EnvironmentName, object]]:
    """The groups of the environments that an undo may bring back."""
    for difference in command.facts.differences if command.facts else ():
        if isinstance(difference, EnvironmentChanged) and difference.old is not None:
            yield difference.environment, difference.old.document.get(_GROUP)
