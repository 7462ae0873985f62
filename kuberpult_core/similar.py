"""What somebody may have meant by a name that is not there: a pure function of the state and the error."""

import difflib
from collections.abc import Iterable

from kuberpult_core.decide.locking import every_lock
from kuberpult_core.errors import (
    InvalidName,
    KuberpultError,
    UnknownApplication,
    UnknownEnvironment,
    UnknownLock,
    UnknownRelease,
    UnknownTeam,
    UnknownUpstream,
)
from kuberpult_core.model import LockScope, State
from kuberpult_core.names import LockId
from kuberpult_core.words import lock_name

MOST = 3
"""Names that are suggested."""
_ALIKE = 0.7
"""How alike two names have to be, from 0 to 1."""
_LONGEST = 200
"""Characters that are compared; it takes the square of their number."""


def similar(state: State, error: KuberpultError) -> tuple[str, ...]:  # noqa: PLR0911 - one for each error
    """The names in *state* that are most like the one that *error* does not find, the best first."""
    match error:
        case UnknownEnvironment(name, or_group):
            return close(name, [*state.environments, *(_groups(state) if or_group else ())])
        case UnknownUpstream(_, name):
            return close(name, state.environments)
        case UnknownApplication(name):
            return close(name, state.applications)
        case UnknownTeam(name):
            return close(name, _teams(state))
        case UnknownRelease(application, version):
            there = state.applications.get(application)
            return _near(version, there.releases) if there else ()
        case UnknownLock(target, name):
            return _locks(state, target, name)
        case InvalidName(what, name):
            return close(name, _named(state, what))
    return ()


def close(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the *known* names that *name* may be a slip or the beginning of, in any case."""
    typed = name[:_LONGEST].casefold()
    folded = {it.casefold(): it for it in sorted(known, reverse=True)}
    begun = [it for it in sorted(folded) if len(typed) > 1 and it.startswith(typed)]
    alike = difflib.get_close_matches(typed, folded, MOST, _ALIKE)
    return tuple(folded[it] for it in list(dict.fromkeys([*begun, *alike]))[:MOST])


def _groups(state: State) -> set[str]:
    return {group for it in state.environments.values() if (group := it.config.group)}


def _teams(state: State) -> set[str]:
    return {team for it in state.applications.values() if (team := it.team)}


def _named(state: State, what: str) -> Iterable[str]:
    """The names of the kind that an error about a bad name speaks of."""
    match what:
        case "environment":
            return state.environments
        case "environment group":
            return _groups(state)
        case "application":
            return state.applications
        case "team":
            return _teams(state)
    return ()


def _near(version: int, known: Iterable[int]) -> tuple[str, ...]:
    """The releases next to *version*: the one before it and the one after it."""
    numbers = sorted(known)
    before = [it for it in numbers if it < version][-1:]
    after = [it for it in numbers if it > version][:1]
    return tuple(map(str, (*before, *after)))


def _locks(state: State, target: str, lock_id: str) -> tuple[str, ...]:
    """Locks of a similar id, those on *target* first; and those of this very id that lie elsewhere."""
    scopes: dict[LockId, list[LockScope]] = {}
    for scope, locks in every_lock(state):
        for it in locks:
            scopes.setdefault(it, []).append(scope)
    found = [
        (str(scope) != target, lock_name(scope, it))
        for it in map(LockId, close(lock_id, scopes))
        for scope in scopes[it]
    ]
    return tuple(name for _, name in sorted(found, key=lambda it: it[0])[:MOST])
