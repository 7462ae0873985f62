"""How much a decision comes to, in a few words: ``1 deployed, 2 queued, 9 skipped (9 already_there)``."""

from collections import Counter
from collections.abc import Iterable

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
_WORDS = {kind.__name__: words for kind, words in _COUNTED.items()}
_RANKS = {kind: rank for rank, kind in enumerate(_WORDS)}


def counts(decision: Decision) -> str:
    """How many of each kind of fact, and what is passed over by its reason: ``1 deployed, 2 skipped (…)``."""
    return counted((type(event).__name__ for event in decision.events), (it.reason.value for it in decision.skips))


def counted(kinds: Iterable[str], reasons: Iterable[str]) -> str:
    """The same of the names of facts' kinds and of the reasons of skips."""
    numbers = sorted(Counter(kinds).items(), key=lambda it: _RANKS[it[0]])
    found = [f"{number} {_WORDS[kind][number != 1]}" for kind, number in numbers]
    skipped = Counter(reasons)
    if skipped:
        named = ", ".join(f"{number} {reason}" for reason, number in skipped.most_common())
        found.append(f"{skipped.total()} skipped ({named})")
    return ", ".join(found)
