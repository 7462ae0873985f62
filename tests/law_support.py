"""The laws as checks, for whatever repository comes; states as plain data; what damage leaves."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs

from kuberpult_core import (
    Batch,
    Decision,
    KuberpultError,
    Repository,
    Stamp,
    State,
    decide,
    memory_repository,
    state_of,
)
from kuberpult_core.editing import edited
from kuberpult_core.evolve import evolve_all
from kuberpult_core.journal import COMMITTER, recorded
from kuberpult_core.memory import MemoryObjects
from kuberpult_core.model import Environment, Placement, Release
from kuberpult_core.ports import Entry, Head, NewObject, ObjectId, Objects
from tests.strategies import Damage, Plant, Setup, Step
from tests.support import NOON, SOMEBODY, File, Files, files_of, keep

# States


def plain(state: State) -> dict[str, Any]:
    """All that *state* knows, read and comparable; placements on which nothing is are left out."""
    return {
        "settings": (state.stored_settings.document, state.stored_settings.problem),
        "environments": {name: _environment(there) for name, there in state.environments.items()},
        "applications": {
            name: (known.team, {version: _release(it) for version, it in known.releases.items()})
            for name, known in state.applications.items()
        },
    }


def _environment(there: Environment) -> dict[str, Any]:
    return {
        "config": (there.stored.document, there.stored.problem, there.config),
        "locks": dict(there.locks),
        "team locks": {team: dict(locks) for team, locks in there.team_locks.items()},
        "placements": {
            name: _placement(placed) for name, placed in there.placements.items() if not placed.is_empty
        },
    }


def _placement(placed: Placement) -> tuple[Any, ...]:
    return placed.version, placed.queued, dict(placed.locks), placed.deployment


def _release(release: Release) -> tuple[Any, ...]:
    return dict(release.manifests), release.origin, release.is_undeploy


# The laws


def carry_out(repository: Repository, step: Step) -> Decision | KuberpultError:
    """What came of *step*: a decision that is carried out, or the refusal, with the branch as it was."""
    before = repository.store.head()
    try:
        applied = repository.apply(step.command, step.stamp.actor, step.stamp.time)
    except KuberpultError as refusal:
        assert repository.store.head() == before, "a refusal changes nothing"
        return refusal
    if applied.decision.is_nothing:
        assert applied.commit is None
        assert repository.store.head() == before, "nothing is committed when nothing happens"
    else:
        assert applied.commit == repository.store.head().commit
    return applied.decision


@attrs.frozen
class Outcome:
    """A decision on a state, the state that it leads to, and the tree that says so."""

    decision: Decision
    before: State
    after: State
    old_root: ObjectId | None
    root: ObjectId
    objects: "Layered"


class Layered:
    """Objects that were not written yet, over those that were."""

    def __init__(self, below: Objects, new: list[NewObject]) -> None:
        self._below = below
        self._new = MemoryObjects()
        keep(self._new, new)

    def tree(self, wanted: ObjectId) -> Mapping[str, Entry]:
        return self._new.tree(wanted) if self._has(wanted) else self._below.tree(wanted)

    def blob(self, wanted: ObjectId) -> bytes:
        return self._new.blob(wanted) if self._has(wanted) else self._below.blob(wanted)

    def _has(self, wanted: ObjectId) -> bool:
        return wanted in self._new._content


def outcome_of(repository: Repository, step: Step) -> Outcome | None:
    """What *step* comes to, without carrying it out; none if it is refused."""
    store, head = repository.store, repository.store.head()
    before = state_of(store.objects, head.tree)
    try:
        decision = decide(before, step.command)
    except KuberpultError:
        return None
    after = evolve_all(before, decision.events, step.stamp)
    root, new = edited(store.objects, head.tree, before, decision, step.stamp)
    return Outcome(decision, before, after, head.tree, root, Layered(store.objects, new))


def check_memory_and_repository_agree(outcome: Outcome) -> None:
    """Law 1: what is read back from the changed files is what the events led to."""
    assert plain(state_of(outcome.objects, outcome.root)) == plain(outcome.after)


def check_log_replays(repository: Repository) -> None:
    """Law 3: each recorded command, decided again on the tree before it, gives the very same tree."""
    store = repository.store
    head = Head(None, None)
    for commit in store.log():
        assert commit.parent == head.commit
        if commit.committer == COMMITTER:
            state = state_of(store.objects, head.tree)
            decision = decide(state, recorded(commit.message).command)
            root, _ = edited(store.objects, head.tree, state, decision, Stamp(commit.time, commit.author))
            assert root == commit.tree, commit.message
        head = Head(commit.id, commit.tree)


# Damage


@cache
def valid_files(setup: Setup) -> Files:
    """What a repository holds after *setup*."""
    with memory_repository() as repository:
        repository.apply(Batch(setup.commands), SOMEBODY, NOON)
        return files_of(repository.store.objects, repository.store.head().tree)


def damaged(damage: Damage) -> tuple[Files, list[str]]:
    """The files after *damage*, and the paths that are broken by what is left of each plant."""
    files = dict(valid_files(damage.setup))
    for plant in damage.plants:
        for path, file in plant.files:
            _put(files, path, file)
    return files, [path for plant in damage.plants if _is_whole(plant, files) for path in plant.breaks]


def _put(files: dict[str, File], path: str, file: File | None) -> None:
    parts = path.split("/")
    above = {"/".join(parts[:end]) for end in range(1, len(parts))}
    for other in [it for it in files if it == path or it in above or it.startswith(f"{path}/")]:
        del files[other]
    if file is not None:
        files[path] = file


def _is_whole(plant: Plant, files: Files) -> bool:
    return all(files.get(path) == file for path, file in plant.files)
