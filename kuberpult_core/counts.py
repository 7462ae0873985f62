"""How much a decision comes to, in a few words: ``1 deployed, 2 queued, 9 skipped (9 already_there)``."""

from collections import Counter

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

_COUNTED: dict[type[Event], tuple[str, str]] = {
    Deployed: ("deployed", "deployed"),
    Queued: ("queued", "queued"),
    QueueEmptied: ("queue emptied", "queues emptied"),
    Undeployed: ("taken away", "taken away"),
    ApplicationRemoved: ("removed", "removed"),
    LockCreated: ("lock created", "locks created"),
    LockDeleted: ("lock deleted", "locks deleted"),
    ReleaseCreated: ("release created", "releases created"),
    ReleaseDeleted: ("release deleted", "releases deleted"),
    TeamSet: ("team set", "teams set"),
    ApplicationDeleted: ("application deleted", "applications deleted"),
    EnvironmentCreated: ("environment created", "environments created"),
    EnvironmentUpdated: ("environment updated", "environments updated"),
    EnvironmentDeleted: ("environment deleted", "environments deleted"),
    SettingsUpdated: ("change of settings", "changes of settings"),
}
"""Kinds of facts as they are counted, one and several; what people look for first comes first."""


def counts(decision: Decision) -> str:
    """How many of each kind of fact, and what is passed over by its reason: ``1 deployed, 2 skipped (…)``."""
    kinds = Counter(type(event) for event in decision.events)
    found = [f"{number} {_counted(kind, number)}" for kind, number in sorted(kinds.items(), key=_rank)]
    reasons = Counter(skip.reason.value for skip in decision.skips)
    if reasons:
        named = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
        found.append(f"{len(decision.skips)} skipped ({named})")
    return ", ".join(found)


def _rank(counted: tuple[type[Event], int]) -> int:
    return list(_COUNTED).index(counted[0])


def _counted(kind: type[Event], number: int) -> str:
    one, several = _COUNTED[kind]
    return one if number == 1 else several
