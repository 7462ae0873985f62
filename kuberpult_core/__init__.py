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

from pathlib import Path

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
from kuberpult_core.memory import MemoryStore
from kuberpult_core.model import LockBehavior, OnUnlock, State
from kuberpult_core.past import UpstreamThen
from kuberpult_core.plan import Plan
from kuberpult_core.reading import state_of
from kuberpult_core.service import Applied, Repository
from kuberpult_core.stamp import Actor, Stamp

__all__ = [
    "Actor",
    "Applied",
    "ArgoCd",
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


def open_repository(path: str | Path, branch: str | None = None) -> Repository:
    """The bare git repository at *path*, on *branch* or the one that its HEAD names.

    Raises :class:`Unavailable` if it cannot be opened.
    """
    from kuberpult_core.git.opening import open_store  # noqa: PLC0415 - dulwich is for those who open

    return Repository(open_store(path, branch))


def init_repository(path: str | Path, branch: str = "main") -> Repository:
    """A new, empty, bare git repository at *path*. Raises :class:`Unavailable` if something is there."""
    from kuberpult_core.git.opening import make_bare  # noqa: PLC0415 - dulwich is for those who open

    make_bare(path, branch)
    return open_repository(path)


def memory_repository() -> Repository:
    """An empty repository in memory: the same rules and trees, without git."""
    return Repository(MemoryStore())
