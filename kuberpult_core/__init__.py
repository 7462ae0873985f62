"""kuberpult: decides which version of which service is on which environment next.

Open a repository, apply a command, get a plan, read the state::

    from kuberpult_core import Actor, Deploy, open_repository

    with open_repository("manifests.git") as repository:
        print(repository.plan(Deploy("staging", "cart", 12)).decision.events)
        repository.apply(Deploy("staging", "cart", 12), Actor("Ada", "ada@example.com"))
        print(repository.state().placement("staging", "cart").version)

:func:`memory_repository` is the same without git, for tests. Below it lies the pure core:
:func:`decide`, :func:`evolve`, :func:`changes` and :func:`state_of`. What a command means
is written in ``docs/rules.md``.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kuberpult_core.changes import changes
    from kuberpult_core.codec import batch_from, command_data, command_from, decision_data
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
        Target,
        Undo,
        UpdateEnvironment,
        UpdateSettings,
    )
    from kuberpult_core.config import ArgoCd, Destination, EnvironmentConfig, Upstream
    from kuberpult_core.decide import decide
    from kuberpult_core.decision import Decision, Skip, SkipReason
    from kuberpult_core.errors import (
        Conflict,
        Denied,
        Invalid,
        KuberpultError,
        NotFound,
        Rejected,
        Unavailable,
        Unknown,
    )
    from kuberpult_core.evolve import evolve
    from kuberpult_core.fields import IfExists, IfMissing
    from kuberpult_core.manifests import Manifest
    from kuberpult_core.model import LockBehavior, OnUnlock, State
    from kuberpult_core.past.known import UpstreamThen
    from kuberpult_core.plan import Plan
    from kuberpult_core.publishing import Applied
    from kuberpult_core.reading.reader import state_of
    from kuberpult_core.repositories import init_repository, memory_repository, open_repository
    from kuberpult_core.service import Asked, Repository
    from kuberpult_core.stamp import Actor, Stamp

__all__ = [
    "Actor",
    "Applied",
    "ArgoCd",
    "Asked",
    "Batch",
    "CancelQueued",
    "Cleanup",
    "Command",
    "Conflict",
    "CreateEnvironment",
    "CreateLock",
    "CreateRelease",
    "Decision",
    "DeleteApplication",
    "DeleteEnvironment",
    "DeleteLock",
    "Denied",
    "Deploy",
    "Destination",
    "EnvironmentConfig",
    "ExpireLocks",
    "IfExists",
    "IfMissing",
    "Invalid",
    "KuberpultError",
    "LockBehavior",
    "Manifest",
    "NotFound",
    "OnUnlock",
    "Plan",
    "Rejected",
    "ReleaseTrain",
    "RemoveApplicationFromEnvironment",
    "Repository",
    "SetTeam",
    "Skip",
    "SkipReason",
    "Stamp",
    "State",
    "Target",
    "Unavailable",
    "Undo",
    "Unknown",
    "UpdateEnvironment",
    "UpdateSettings",
    "Upstream",
    "UpstreamThen",
    "batch_from",
    "changes",
    "command_data",
    "command_from",
    "decide",
    "decision_data",
    "evolve",
    "init_repository",
    "memory_repository",
    "open_repository",
    "state_of",
]

_FROM = {
    "changes": "changes",
    "codec": "batch_from command_data command_from decision_data",
    "commands": (
        "Batch CancelQueued Cleanup Command CreateEnvironment CreateLock CreateRelease "
        "DeleteApplication DeleteEnvironment DeleteLock Deploy ExpireLocks ReleaseTrain "
        "RemoveApplicationFromEnvironment SetTeam Target Undo UpdateEnvironment UpdateSettings"
    ),
    "config": "ArgoCd Destination EnvironmentConfig Upstream",
    "decide": "decide",
    "decision": "Decision Skip SkipReason",
    "errors": "Conflict Denied Invalid KuberpultError NotFound Rejected Unavailable Unknown",
    "evolve": "evolve",
    "fields": "IfExists IfMissing",
    "manifests": "Manifest",
    "model": "LockBehavior OnUnlock State",
    "past.known": "UpstreamThen",
    "plan": "Plan",
    "publishing": "Applied",
    "reading.reader": "state_of",
    "repositories": "init_repository memory_repository open_repository",
    "service": "Asked Repository",
    "stamp": "Actor Stamp",
}
"""The public names by their module. Each is imported when it is first asked for: a process that carries
out one command would wait longer for the rest than for the command."""
_HOMES = {name: module for module, names in _FROM.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """A public name, imported now (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """The package, whose public names win over modules of the same name: ``decide`` is a function."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep Python from binding a module to a public name when somebody imports the module."""
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
